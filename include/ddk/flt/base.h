/* SPDX-License-Identifier: MIT */
/*
 * Version gates, calling convention, opaque objects and flag types of the Filter Manager.
 * Part of fltKernel.h, which is what a driver includes.
 */
#ifndef OPENFLT_DDK_FLT_BASE_H
#define OPENFLT_DDK_FLT_BASE_H

#include <ktmtypes.h>
#include <ntifs.h>

NT_BEGIN_C

/*
 * Which Filter Manager a driver is compiled for. A gate is 1 when every Windows that NTDDI_VERSION
 * admits has the routines behind it, else 0. The first Filter Manager came with Windows 2000 SP4
 * update rollup 1, Windows XP SP2 and Windows Server 2003 SP1, so the two lowest gates look at
 * service packs.
 */
#define FLT_MGR_BASELINE                                                           \
    (NTDDI_VERSION >= NTDDI_VISTA ||                                               \
     (OSVER(NTDDI_VERSION) == NTDDI_WS03 && SPVER(NTDDI_VERSION) >= 1) ||          \
     (OSVER(NTDDI_VERSION) == NTDDI_WINXP && SPVER(NTDDI_VERSION) >= 2) ||         \
     (OSVER(NTDDI_VERSION) == NTDDI_WIN2K && SPVER(NTDDI_VERSION) >= 4))
#define FLT_MGR_AFTER_XPSP2                                                        \
    (FLT_MGR_BASELINE &&                                                           \
     !(OSVER(NTDDI_VERSION) == NTDDI_WINXP && SPVER(NTDDI_VERSION) == 2))
#define FLT_MGR_LONGHORN     (NTDDI_VERSION >= NTDDI_VISTA)        /* build 6000 */
#define FLT_MGR_WIN7         (NTDDI_VERSION >= NTDDI_WIN7)         /* 7600 */
#define FLT_MGR_WIN8         (NTDDI_VERSION >= NTDDI_WIN8)         /* 9200 */
#define FLT_MGR_WINBLUE      (NTDDI_VERSION >= NTDDI_WINBLUE)      /* 9600 */
#define FLT_MGR_WINTHRESHOLD (NTDDI_VERSION >= NTDDI_WINTHRESHOLD) /* 10240 */
#define FLT_MGR_WIN10_RS1    (NTDDI_VERSION >= NTDDI_WIN10_RS1)    /* 14393 */
#define FLT_MGR_WIN10_RS2    (NTDDI_VERSION >= NTDDI_WIN10_RS2)    /* 15063 */
#define FLT_MGR_WIN10_RS3    (NTDDI_VERSION >= NTDDI_WIN10_RS3)    /* 16299 */
#define FLT_MGR_WIN10_RS4    (NTDDI_VERSION >= NTDDI_WIN10_RS4)    /* 17134 */
#define FLT_MGR_WIN10_RS5    (NTDDI_VERSION >= NTDDI_WIN10_RS5)    /* 17763 */
#define FLT_MGR_WIN10_19H1   (NTDDI_VERSION >= NTDDI_WIN10_19H1)   /* 18362 */
#define FLT_MGR_WIN10_CO     (NTDDI_VERSION >= NTDDI_WIN10_CO)     /* 22000 */
#define FLT_MGR_WIN10_NI     (NTDDI_VERSION >= NTDDI_WIN10_NI)     /* 22621 */
#define FLT_MGR_WIN11_GE     (NTDDI_VERSION >= NTDDI_WIN11_GE)     /* 26100 */

#define FLTAPI NTAPI

/*
 * A driver imports the routines; the host, which defines them, must not. The same holds for members
 * that only the Filter Manager may change: to a driver they are constant.
 */
#ifdef _WIN32
#define FLT_EXPORT DECLSPEC_IMPORT
#define FLT_FIXED  CONST
#else
#define FLT_EXPORT
#define FLT_FIXED
#endif

/* Annotations of callback parameters; the compilers we use do not read them. */
#define _Flt_CompletionContext_Outptr_ _Outptr_result_maybenull_
#define _Flt_ConnectionCookie_Outptr_  _Outptr_result_maybenull_

#ifndef FLT_ASSERT
#if DBG
#define FLT_ASSERT(Expression)             NT_ASSERT(Expression)
#define FLT_ASSERTMSG(Message, Expression) NT_ASSERTMSG(Message, Expression)
#else
#define FLT_ASSERT(Expression)             ((void)0)
#define FLT_ASSERTMSG(Message, Expression) ((void)0)
#endif
#endif

/* Flag and alignment helpers that filters expect from this header. */
#ifndef FlagOn
#define FlagOn(Value, Bits) ((Value) & (Bits))
#endif
#ifndef FlagOnAll
#define FlagOnAll(Value, Bits) (((Value) & (Bits)) == (Bits))
#endif
#ifndef BooleanFlagOn
#define BooleanFlagOn(Value, Bits) ((BOOLEAN)(((Value) & (Bits)) != 0))
#endif
#ifndef SetFlag
#define SetFlag(Value, Bits) ((Value) |= (Bits))
#endif
#ifndef ClearFlag
#define ClearFlag(Value, Bits) ((Value) &= ~(Bits))
#endif
#ifndef SetFlagInterlocked
#define SetFlagInterlocked(Address, Bits) InterlockedOr((volatile LONG *)(Address), (LONG)(Bits))
#endif
#ifndef ClearFlagInterlocked
#define ClearFlagInterlocked(Address, Bits) \
    InterlockedAnd((volatile LONG *)(Address), ~(LONG)(Bits))
#endif
#ifndef PtrOffset
#define PtrOffset(Base, Address) ((ULONG)((ULONG_PTR)(Address) - (ULONG_PTR)(Base)))
#endif
#ifndef IS_ALIGNED
#define IS_ALIGNED(Address, Power) ((((ULONG_PTR)(Address)) & (((ULONG_PTR)(Power)) - 1)) == 0)
#endif
#ifndef ROUND_TO_SIZE
#define ROUND_TO_SIZE(Length, Power) \
    ((((ULONG_PTR)(Length)) + ((Power) - 1)) & ~((ULONG_PTR)(Power) - 1))
#endif

/* Objects a filter holds by pointer only. */
typedef struct _FLT_FILTER *PFLT_FILTER;
typedef struct _FLT_VOLUME *PFLT_VOLUME;
typedef struct _FLT_INSTANCE *PFLT_INSTANCE;
typedef struct _FLT_PORT *PFLT_PORT;
typedef struct _FLT_GENERIC_WORKITEM *PFLT_GENERIC_WORKITEM;
typedef struct _FLT_DEFERRED_IO_WORKITEM *PFLT_DEFERRED_IO_WORKITEM;
typedef PVOID PFLT_CONTEXT;
#ifndef NULL_CONTEXT
#define NULL_CONTEXT ((PFLT_CONTEXT)NULL)
#endif

/* Flag words, grouped with their values further on where a structure or callback uses them. */
typedef ULONG FLT_CALLBACK_DATA_FLAGS;
typedef ULONG FLT_ALLOCATE_CALLBACK_DATA_FLAGS;
typedef USHORT FLT_CONTEXT_TYPE;
typedef USHORT FLT_CONTEXT_REGISTRATION_FLAGS;
typedef ULONG FLT_INSTANCE_SETUP_FLAGS;
typedef ULONG FLT_INSTANCE_QUERY_TEARDOWN_FLAGS;
typedef ULONG FLT_INSTANCE_TEARDOWN_FLAGS;
typedef ULONG FLT_POST_OPERATION_FLAGS;
typedef ULONG FLT_OPERATION_REGISTRATION_FLAGS;
typedef ULONG FLT_FILTER_UNLOAD_FLAGS;
typedef ULONG FLT_NORMALIZE_NAME_FLAGS;
typedef ULONG FLT_REGISTRATION_FLAGS;
typedef ULONG FLT_IO_OPERATION_FLAGS;
typedef ULONG FLT_FILE_NAME_OPTIONS;
typedef USHORT FLT_FILE_NAME_PARSED_FLAGS;
typedef USHORT FLT_CREATEFILE_TARGET_FLAGS;

NT_END_C

#endif

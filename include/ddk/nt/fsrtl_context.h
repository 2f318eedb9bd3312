/* SPDX-License-Identifier: MIT */
/* File system run-time library: advanced FCB headers, contexts on them, extra create parameters. */
#ifndef OPENFLT_NT_FSRTL_CONTEXT_H
#define OPENFLT_NT_FSRTL_CONTEXT_H

#include "fsrtl_types.h"

NT_BEGIN_C

/*
 * Makes the advanced part of a stream's header, in the version its layout has; the common part is
 * the file system's to fill in. A NULL for the mutex leaves the one that is there.
 */
FORCEINLINE VOID FsRtlSetupAdvancedHeader(PVOID AdvHdr, PFAST_MUTEX FMutex)
{
    PFSRTL_ADVANCED_FCB_HEADER Header = (PFSRTL_ADVANCED_FCB_HEADER)AdvHdr;

    Header->Flags |= FSRTL_FLAG_ADVANCED_HEADER;
    Header->Flags2 |= FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS;
    Header->Version = FSRTL_FCB_HEADER_V0;
    Header->FilterContexts.Flink = Header->FilterContexts.Blink = &Header->FilterContexts;
    if (FMutex != NULL)
        Header->FastMutex = FMutex;
#if (NTDDI_VERSION >= NTDDI_VISTA)
    Header->Version = FSRTL_FCB_HEADER_V1;
    Header->PushLock = 0;
    Header->FileContextSupportPointer = NULL;
#endif
#if (NTDDI_VERSION >= NTDDI_WIN8)
    Header->Version = FSRTL_FCB_HEADER_V2;
    Header->Oplock = NULL;
#endif
#if (NTDDI_VERSION >= NTDDI_WINBLUE)
    Header->Version = FSRTL_FCB_HEADER_V3;
    Header->AePushLock = NULL;
#endif
#if (NTDDI_VERSION >= NTDDI_WIN10_CO)
    Header->Version = FSRTL_FCB_HEADER_V4;
    Header->BypassIoOpenCount = 0;
#endif
}
#if (NTDDI_VERSION >= NTDDI_VISTA)
FORCEINLINE VOID FsRtlSetupAdvancedHeaderEx(PVOID AdvHdr, PFAST_MUTEX FMutex, PVOID *FileContexts)
{
    FsRtlSetupAdvancedHeader(AdvHdr, FMutex);
    ((PFSRTL_ADVANCED_FCB_HEADER)AdvHdr)->FileContextSupportPointer = FileContexts;
}
#endif
#if (NTDDI_VERSION >= NTDDI_WINBLUE)
FORCEINLINE VOID FsRtlSetupAdvancedHeaderEx2(PVOID AdvHdr, PFAST_MUTEX FMutex, PVOID *FileContexts,
                                             PVOID AePushLock)
{
    FsRtlSetupAdvancedHeaderEx(AdvHdr, FMutex, FileContexts);
    ((PFSRTL_ADVANCED_FCB_HEADER)AdvHdr)->AePushLock = AePushLock;
}
#endif

/* Contexts of filters on a stream. */
#define FsRtlGetPerStreamContextPointer(fo) ((PFSRTL_ADVANCED_FCB_HEADER)((fo)->FsContext))
#define FsRtlSupportsPerStreamContexts(fo)                                                         \
    ((BOOLEAN)(FsRtlGetPerStreamContextPointer(fo) != NULL &&                                      \
               FlagOn(FsRtlGetPerStreamContextPointer(fo)->Flags2,                                 \
                      FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS)))
#define FsRtlInitPerStreamContext(context, owner, instance, callback)                              \
    ((context)->OwnerId = (owner), (context)->InstanceId = (instance),                             \
     (context)->FreeCallback = (callback))
NTKERNELAPI NTSTATUS NTAPI FsRtlInsertPerStreamContext(PFSRTL_ADVANCED_FCB_HEADER PerStreamContext,
                                                       PFSRTL_PER_STREAM_CONTEXT Ptr);
NTKERNELAPI PFSRTL_PER_STREAM_CONTEXT NTAPI FsRtlLookupPerStreamContextInternal(
    PFSRTL_ADVANCED_FCB_HEADER StreamContext, PVOID OwnerId, PVOID InstanceId);
NTKERNELAPI PFSRTL_PER_STREAM_CONTEXT NTAPI FsRtlRemovePerStreamContext(
    PFSRTL_ADVANCED_FCB_HEADER StreamContext, PVOID OwnerId, PVOID InstanceId);
NTKERNELAPI VOID NTAPI FsRtlTeardownPerStreamContexts(PFSRTL_ADVANCED_FCB_HEADER AdvancedHeader);
/* Spares the call where nothing hangs on the stream; the routine itself looks under the lock. */
#define FsRtlLookupPerStreamContext(header, owner, instance)                                       \
    ((header) != NULL && FlagOn((header)->Flags2, FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS) &&         \
             !IsListEmpty(&(header)->FilterContexts)                                               \
         ? FsRtlLookupPerStreamContextInternal((header), (owner), (instance))                      \
         : NULL)

/* Contexts on a file (all its streams): a pointer in the file system's structure of the file. */
#if (NTDDI_VERSION >= NTDDI_VISTA)
#define FsRtlSupportsPerFileContexts(fo)                                                           \
    ((BOOLEAN)(FsRtlGetPerStreamContextPointer(fo) != NULL &&                                      \
               FsRtlGetPerStreamContextPointer(fo)->Version >= FSRTL_FCB_HEADER_V1 &&              \
               FsRtlGetPerStreamContextPointer(fo)->FileContextSupportPointer != NULL))
#define FsRtlGetPerFileContextPointer(fo)                                                          \
    (FsRtlSupportsPerFileContexts(fo)                                                              \
         ? FsRtlGetPerStreamContextPointer(fo)->FileContextSupportPointer                          \
         : NULL)
#endif
#define FsRtlInitPerFileContext(context, owner, instance, callback)                                \
    ((context)->OwnerId = (owner), (context)->InstanceId = (instance),                             \
     (context)->FreeCallback = (callback))
NTKERNELAPI NTSTATUS NTAPI FsRtlInsertPerFileContext(PVOID *PerFileContextPointer,
                                                     PFSRTL_PER_FILE_CONTEXT Ptr);
NTKERNELAPI PFSRTL_PER_FILE_CONTEXT NTAPI FsRtlLookupPerFileContext(PVOID *PerFileContextPointer,
                                                                    PVOID OwnerId,
                                                                    PVOID InstanceId);
NTKERNELAPI PFSRTL_PER_FILE_CONTEXT NTAPI FsRtlRemovePerFileContext(PVOID *PerFileContextPointer,
                                                                    PVOID OwnerId,
                                                                    PVOID InstanceId);
NTKERNELAPI VOID NTAPI FsRtlTeardownPerFileContexts(PVOID *PerFileContextPointer);

/* Contexts on a file object: they go with it. */
#define FsRtlInitPerFileObjectContext(context, owner, instance)                                    \
    ((context)->OwnerId = (owner), (context)->InstanceId = (instance))
NTKERNELAPI NTSTATUS NTAPI FsRtlInsertPerFileObjectContext(PFILE_OBJECT FileObject,
                                                           PFSRTL_PER_FILEOBJECT_CONTEXT Ptr);
NTKERNELAPI PFSRTL_PER_FILEOBJECT_CONTEXT NTAPI FsRtlLookupPerFileObjectContext(
    PFILE_OBJECT FileObject, PVOID OwnerId, PVOID InstanceId);
NTKERNELAPI PFSRTL_PER_FILEOBJECT_CONTEXT NTAPI FsRtlRemovePerFileObjectContext(
    PFILE_OBJECT FileObject, PVOID OwnerId, PVOID InstanceId);

/* Opens that bypass the I/O stack (BypassIO). */
#if (NTDDI_VERSION >= NTDDI_WIN10_CO)
#define FsRtlGetBypassIoOpenCountPtr(fo)                                                           \
    (FsRtlGetPerStreamContextPointer(fo) != NULL &&                                                \
             FsRtlGetPerStreamContextPointer(fo)->Version >= FSRTL_FCB_HEADER_V4                   \
         ? &FsRtlGetPerStreamContextPointer(fo)->BypassIoOpenCount                                 \
         : NULL)
#define FsRtlGetBypassIoOpenCount(fo)                                                              \
    (FsRtlGetBypassIoOpenCountPtr(fo) != NULL ? *FsRtlGetBypassIoOpenCountPtr(fo) : 0)
#endif

/* Extra create parameters. */
NTKERNELAPI NTSTATUS NTAPI FsRtlAllocateExtraCreateParameterList(
    FSRTL_ALLOCATE_ECPLIST_FLAGS Flags, PECP_LIST *EcpList);
NTKERNELAPI NTSTATUS NTAPI FsRtlInitializeExtraCreateParameterList(PECP_LIST EcpList);
NTKERNELAPI VOID NTAPI FsRtlFreeExtraCreateParameterList(PECP_LIST EcpList);
NTKERNELAPI NTSTATUS NTAPI FsRtlAllocateExtraCreateParameter(
    LPCGUID EcpType, ULONG SizeOfContext, FSRTL_ALLOCATE_ECP_FLAGS Flags,
    PFSRTL_EXTRA_CREATE_PARAMETER_CLEANUP_CALLBACK CleanupCallback, ULONG PoolTag,
    PVOID *EcpContext);
NTKERNELAPI VOID NTAPI FsRtlInitializeExtraCreateParameter(
    PECP_HEADER Ecp, ULONG EcpFlags, PFSRTL_EXTRA_CREATE_PARAMETER_CLEANUP_CALLBACK CleanupCallback,
    ULONG TotalSize, LPCGUID EcpType, PVOID ListAllocatedFrom);
NTKERNELAPI VOID NTAPI FsRtlFreeExtraCreateParameter(PVOID EcpContext);
NTKERNELAPI VOID NTAPI FsRtlInitExtraCreateParameterLookasideList(PVOID Lookaside,
                                                                  FSRTL_ECP_LOOKASIDE_FLAGS Flags,
                                                                  SIZE_T Size, ULONG Tag);
NTKERNELAPI VOID NTAPI FsRtlDeleteExtraCreateParameterLookasideList(
    PVOID Lookaside, FSRTL_ECP_LOOKASIDE_FLAGS Flags);
NTKERNELAPI NTSTATUS NTAPI FsRtlAllocateExtraCreateParameterFromLookasideList(
    LPCGUID EcpType, ULONG SizeOfContext, FSRTL_ALLOCATE_ECP_FLAGS Flags,
    PFSRTL_EXTRA_CREATE_PARAMETER_CLEANUP_CALLBACK CleanupCallback, PVOID LookasideList,
    PVOID *EcpContext);
NTKERNELAPI NTSTATUS NTAPI FsRtlInsertExtraCreateParameter(PECP_LIST EcpList, PVOID EcpContext);
NTKERNELAPI NTSTATUS NTAPI FsRtlFindExtraCreateParameter(PECP_LIST EcpList, LPCGUID EcpType,
                                                         PVOID *EcpContext, ULONG *EcpContextSize);
NTKERNELAPI NTSTATUS NTAPI FsRtlRemoveExtraCreateParameter(PECP_LIST EcpList, LPCGUID EcpType,
                                                           PVOID *EcpContext,
                                                           ULONG *EcpContextSize);
NTKERNELAPI NTSTATUS NTAPI FsRtlGetNextExtraCreateParameter(PECP_LIST EcpList,
                                                            PVOID CurrentEcpContext,
                                                            LPGUID NextEcpType,
                                                            PVOID *NextEcpContext,
                                                            ULONG *NextEcpContextSize);
NTKERNELAPI NTSTATUS NTAPI FsRtlGetEcpListFromIrp(PIRP Irp, PECP_LIST *EcpList);
NTKERNELAPI NTSTATUS NTAPI FsRtlSetEcpListIntoIrp(PIRP Irp, PECP_LIST EcpList);
NTKERNELAPI VOID NTAPI FsRtlAcknowledgeEcp(PVOID EcpContext);
NTKERNELAPI BOOLEAN NTAPI FsRtlIsEcpAcknowledged(PVOID EcpContext);
NTKERNELAPI BOOLEAN NTAPI FsRtlIsEcpFromUserMode(PVOID EcpContext);
NTKERNELAPI VOID NTAPI FsRtlPrepareToReuseEcp(PVOID EcpContext);

NT_END_C

#endif

/* SPDX-License-Identifier: MIT */
/* Debug output and assertions. */
#ifndef OPENFLT_NT_DBG_H
#define OPENFLT_NT_DBG_H

#include "types.h"

NT_BEGIN_C

#ifndef DBG
#define DBG 0
#endif

NTSYSAPI ULONG NTAPIV DbgPrint(PCSTR Format, ...);
NTSYSAPI ULONG NTAPIV DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...);
NTSYSAPI ULONG NTAPIV DbgPrintReturnControlC(PCSTR Format, ...);
NTSYSAPI ULONG NTAPI vDbgPrintEx(ULONG ComponentId, ULONG Level, PCCH Format, NT_VA_LIST ArgList);
NTSYSAPI ULONG NTAPI vDbgPrintExWithPrefix(PCCH Prefix, ULONG ComponentId, ULONG Level,
                                           PCCH Format, NT_VA_LIST ArgList);
NTSYSAPI ULONG NTAPI DbgPrompt(PCCH Prompt, PCH Response, ULONG Length);
NTSYSAPI NTSTATUS NTAPI DbgQueryDebugFilterState(ULONG ComponentId, ULONG Level);
NTSYSAPI NTSTATUS NTAPI DbgSetDebugFilterState(ULONG ComponentId, ULONG Level, BOOLEAN State);
typedef VOID NTAPI DEBUG_PRINT_CALLBACK(PSTRING Output, ULONG ComponentId, ULONG Level);
typedef DEBUG_PRINT_CALLBACK *PDEBUG_PRINT_CALLBACK;
NTSYSAPI NTSTATUS NTAPI DbgSetDebugPrintCallback(PDEBUG_PRINT_CALLBACK DebugPrintCallback,
                                                 BOOLEAN Enable);
NTSYSAPI VOID NTAPI DbgBreakPoint(VOID);
NTSYSAPI VOID NTAPI DbgBreakPointWithStatus(ULONG Status);
NTSYSAPI VOID NTAPI RtlAssert(PVOID FailedAssertion, PVOID FileName, ULONG LineNumber,
                              PSTR Message);

#if defined(_WIN32)
#define DbgRaiseAssertionFailure() __asm__ volatile("int $0x2c")
#else
#define DbgRaiseAssertionFailure() __builtin_trap()
#endif

#if DBG
#define KdPrint(arguments)   DbgPrint arguments
#define KdPrintEx(arguments) DbgPrintEx arguments
#define vKdPrintEx(arguments) vDbgPrintEx arguments
#define KdBreakPoint()       DbgBreakPoint()
#define KdBreakPointWithStatus(s) DbgBreakPointWithStatus(s)
#define ASSERT(e) \
    ((!(e)) ? (RtlAssert((PVOID)#e, (PVOID)__FILE__, __LINE__, NULL), FALSE) : TRUE)
#define ASSERTMSG(m, e) \
    ((!(e)) ? (RtlAssert((PVOID)#e, (PVOID)__FILE__, __LINE__, (PSTR)(m)), FALSE) : TRUE)
#define RTL_SOFT_ASSERT(e) \
    ((!(e)) ? (DbgPrint("%s(%d): soft assertion failed: %s\n", __FILE__, __LINE__, #e), FALSE) \
            : TRUE)
FORCEINLINE void NtAssertionFailed(void)
{
    DbgRaiseAssertionFailure();
}
#define NT_ASSERT_ACTION(e) ((!(e)) ? (NtAssertionFailed(), FALSE) : TRUE)
#else
#define KdPrint(arguments)
#define KdPrintEx(arguments)
#define vKdPrintEx(arguments)
#define KdBreakPoint()
#define KdBreakPointWithStatus(s)
#define ASSERT(e)        ((void)0)
#define ASSERTMSG(m, e)  ((void)0)
#define RTL_SOFT_ASSERT(e) ((void)0)
#define NT_ASSERT_ACTION(e) ((void)0)
#endif
#define RTL_ASSERT(e)         ASSERT(e)
#define RTL_ASSERTMSG(m, e)   ASSERTMSG(m, e)
#define RTL_VERIFY(e)         ((e) ? TRUE : FALSE)
#define NT_ASSERT(e)          NT_ASSERT_ACTION(e)
#define NT_ASSERTMSG(m, e)    NT_ASSERT_ACTION(e)
#define NT_ASSERTMSGW(m, e)   NT_ASSERT_ACTION(e)
#define NT_VERIFY(e)          ((e) ? TRUE : FALSE)
#define NT_VERIFYMSG(m, e)    ((e) ? TRUE : FALSE)
#define NT_FRE_ASSERT(e) \
    ((!(e)) ? (RtlAssert((PVOID)#e, (PVOID)__FILE__, __LINE__, NULL), FALSE) : TRUE)
#define NT_ANALYSIS_ASSUME(e) ((void)0)

/* Components and levels of DbgPrintEx. */
#define DPFLTR_SYSTEM_ID       0
#define DPFLTR_SMSS_ID         1
#define DPFLTR_SETUP_ID        2
#define DPFLTR_NTFS_ID         3
#define DPFLTR_FSTUB_ID        4
#define DPFLTR_CRASHDUMP_ID    5
#define DPFLTR_CLASSPNP_ID     8
#define DPFLTR_DISK_ID         9
#define DPFLTR_IHVVIDEO_ID     78
#define DPFLTR_IHVAUDIO_ID     79
#define DPFLTR_IHVNETWORK_ID   80
#define DPFLTR_IHVSTREAMING_ID 81
#define DPFLTR_IHVBUS_ID       82
#define DPFLTR_IHVDRIVER_ID    77
#define DPFLTR_FLTMGR_ID       46
#define DPFLTR_FASTFAT_ID      33
#define DPFLTR_DEFAULT_ID      101
#define DPFLTR_ERROR_LEVEL     0
#define DPFLTR_WARNING_LEVEL   1
#define DPFLTR_TRACE_LEVEL     2
#define DPFLTR_INFO_LEVEL      3
#define DPFLTR_MASK            0x80000000

NT_CONSTANT_IMPORT(BOOLEAN, KdDebuggerEnabled);
NT_CONSTANT_IMPORT(BOOLEAN, KdDebuggerNotPresent);
#if defined(_WIN32)
#define KD_DEBUGGER_ENABLED     *KdDebuggerEnabled
#define KD_DEBUGGER_NOT_PRESENT *KdDebuggerNotPresent
#endif

NT_END_C

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Routines the kernel exports though no public header declares them. A driver that uses one
 * declares it in its own words, so only the host sees these declarations.
 */
#ifndef OPENFLT_NT_UNDOCUMENTED_H
#define OPENFLT_NT_UNDOCUMENTED_H

#include "../ntifs.h"

#if !defined(_WIN32)

NT_BEGIN_C

typedef enum _KAPC_ENVIRONMENT {
    OriginalApcEnvironment,
    AttachedApcEnvironment,
    CurrentApcEnvironment,
    InsertApcEnvironment
} KAPC_ENVIRONMENT;

struct _HANDLE_TABLE;
struct _HANDLE_TABLE_ENTRY;
typedef BOOLEAN NTAPI EX_ENUMERATE_HANDLE_ROUTINE(struct _HANDLE_TABLE *HandleTable,
                                                  struct _HANDLE_TABLE_ENTRY *HandleTableEntry,
                                                  HANDLE Handle, PVOID EnumParameter);
typedef EX_ENUMERATE_HANDLE_ROUTINE *PEX_ENUMERATE_HANDLE_ROUTINE;

/* Executive. */
NTKERNELAPI BOOLEAN NTAPI ExEnumHandleTable(struct _HANDLE_TABLE *HandleTable,
                                            PEX_ENUMERATE_HANDLE_ROUTINE EnumHandleProcedure,
                                            PVOID EnumParameter, PHANDLE Handle);
NTKERNELAPI VOID NTAPI ExfUnblockPushLock(PEX_PUSH_LOCK PushLock, PVOID WaitBlock);
NTKERNELAPI VOID NTAPI ExfAcquirePushLockExclusive(PEX_PUSH_LOCK PushLock);
NTKERNELAPI VOID NTAPI ExfAcquirePushLockShared(PEX_PUSH_LOCK PushLock);
NTKERNELAPI VOID NTAPI ExfReleasePushLock(PEX_PUSH_LOCK PushLock);
NTKERNELAPI VOID NTAPI ExfReleasePushLockExclusive(PEX_PUSH_LOCK PushLock);
NTKERNELAPI VOID NTAPI ExfReleasePushLockShared(PEX_PUSH_LOCK PushLock);
NTKERNELAPI BOOLEAN NTAPI ExfTryAcquirePushLockShared(PEX_PUSH_LOCK PushLock);
NTKERNELAPI VOID NTAPI ExfTryToWakePushLock(PEX_PUSH_LOCK PushLock);

/* Kernel. */
NTKERNELAPI VOID NTAPI KeInitializeApc(PRKAPC Apc, PRKTHREAD Thread, KAPC_ENVIRONMENT Environment,
                                       PKKERNEL_ROUTINE KernelRoutine,
                                       PKRUNDOWN_ROUTINE RundownRoutine,
                                       PKNORMAL_ROUTINE NormalRoutine, KPROCESSOR_MODE ApcMode,
                                       PVOID NormalContext);
NTKERNELAPI BOOLEAN NTAPI KeInsertQueueApc(PRKAPC Apc, PVOID SystemArgument1,
                                           PVOID SystemArgument2, KPRIORITY Increment);
NTKERNELAPI BOOLEAN NTAPI KeRemoveQueueApc(PRKAPC Apc);
NTKERNELAPI BOOLEAN NTAPI KeTestAlertThread(KPROCESSOR_MODE AlertMode);
NTKERNELAPI BOOLEAN NTAPI KeAlertThread(PKTHREAD Thread, KPROCESSOR_MODE AlertMode);
NTKERNELAPI NTSTATUS NTAPI KeUserModeCallback(ULONG ApiNumber, PVOID InputBuffer,
                                              ULONG InputLength, PVOID *OutputBuffer,
                                              PULONG OutputLength);

/* Memory manager. */
NTKERNELAPI NTSTATUS NTAPI MmCopyVirtualMemory(PEPROCESS FromProcess, const VOID *FromAddress,
                                               PEPROCESS ToProcess, PVOID ToAddress,
                                               SIZE_T BufferSize, KPROCESSOR_MODE PreviousMode,
                                               PSIZE_T NumberOfBytesCopied);
NTKERNELAPI NTSTATUS NTAPI MmCreateSection(PVOID *SectionObject, ACCESS_MASK DesiredAccess,
                                           POBJECT_ATTRIBUTES ObjectAttributes,
                                           PLARGE_INTEGER MaximumSize,
                                           ULONG SectionPageProtection,
                                           ULONG AllocationAttributes, HANDLE FileHandle,
                                           PFILE_OBJECT FileObject);
NTKERNELAPI NTSTATUS NTAPI MmMapViewOfSection(PVOID SectionObject, PEPROCESS Process,
                                              PVOID *CapturedBase, ULONG_PTR ZeroBits,
                                              SIZE_T CommitSize, PLARGE_INTEGER SectionOffset,
                                              PSIZE_T CapturedViewSize,
                                              SECTION_INHERIT InheritDisposition,
                                              ULONG AllocationType, ULONG Win32Protect);
NTKERNELAPI NTSTATUS NTAPI MmUnmapViewOfSection(PEPROCESS Process, PVOID BaseAddress);

/* Object manager. */
NTKERNELAPI NTSTATUS NTAPI ObReferenceObjectByName(PUNICODE_STRING ObjectName, ULONG Attributes,
                                                   PACCESS_STATE PassedAccessState,
                                                   ACCESS_MASK DesiredAccess,
                                                   POBJECT_TYPE ObjectType,
                                                   KPROCESSOR_MODE AccessMode, PVOID ParseContext,
                                                   PVOID *Object);
NTKERNELAPI NTSTATUS NTAPI ObOpenObjectByName(POBJECT_ATTRIBUTES ObjectAttributes,
                                              POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode,
                                              PACCESS_STATE AccessState,
                                              ACCESS_MASK DesiredAccess, PVOID ParseContext,
                                              PHANDLE Handle);
NTKERNELAPI PVOID NTAPI ObQueryNameInfo(PVOID Object);
NTKERNELAPI POBJECT_TYPE NTAPI ObGetObjectType(PVOID Object);
NTKERNELAPI NTSTATUS NTAPI ObCreateObject(KPROCESSOR_MODE ProbeMode, POBJECT_TYPE ObjectType,
                                          POBJECT_ATTRIBUTES ObjectAttributes,
                                          KPROCESSOR_MODE OwnershipMode, PVOID ParseContext,
                                          ULONG ObjectBodySize, ULONG PagedPoolCharge,
                                          ULONG NonPagedPoolCharge, PVOID *Object);
NTKERNELAPI NTSTATUS NTAPI ObSetHandleAttributes(HANDLE Handle, PVOID HandleFlags,
                                                 KPROCESSOR_MODE PreviousMode);

/* Processes and threads. */
NTKERNELAPI HANDLE NTAPI PsGetProcessInheritedFromUniqueProcessId(PEPROCESS Process);
NTKERNELAPI PUCHAR NTAPI PsGetProcessImageFileName(PEPROCESS Process);
NTKERNELAPI PVOID NTAPI PsGetProcessPeb(PEPROCESS Process);
NTKERNELAPI PVOID NTAPI PsGetProcessWow64Process(PEPROCESS Process);
NTKERNELAPI PVOID NTAPI PsGetCurrentProcessWow64Process(VOID);
NTKERNELAPI PVOID NTAPI PsGetProcessSectionBaseAddress(PEPROCESS Process);
NTKERNELAPI BOOLEAN NTAPI PsGetProcessExitProcessCalled(PEPROCESS Process);
NTKERNELAPI BOOLEAN NTAPI PsIsProtectedProcess(PEPROCESS Process);
NTKERNELAPI BOOLEAN NTAPI PsIsProtectedProcessLight(PEPROCESS Process);
NTKERNELAPI BOOLEAN NTAPI PsIsSystemProcess(PEPROCESS Process);
NTKERNELAPI NTSTATUS NTAPI PsSuspendProcess(PEPROCESS Process);
NTKERNELAPI NTSTATUS NTAPI PsResumeProcess(PEPROCESS Process);
NTKERNELAPI NTSTATUS NTAPI PsLookupProcessThreadByCid(PCLIENT_ID ClientId, PEPROCESS *Process,
                                                      PETHREAD *Thread);
NTKERNELAPI ULONG NTAPI PsGetProcessSessionId(PEPROCESS Process);
NTKERNELAPI ULONG NTAPI PsGetProcessSessionIdEx(PEPROCESS Process);
NTKERNELAPI PVOID NTAPI PsGetProcessWin32Process(PEPROCESS Process);
NTKERNELAPI PVOID NTAPI PsGetProcessWin32WindowStation(PEPROCESS Process);
NTKERNELAPI ULONGLONG NTAPI PsGetProcessSequenceNumber(PEPROCESS Process);
NTKERNELAPI UCHAR NTAPI PsGetProcessSignatureLevel(PEPROCESS Process, PUCHAR SectionLevel);
NTKERNELAPI UCHAR NTAPI PsGetProcessProtection(PEPROCESS Process);
NTKERNELAPI PVOID NTAPI PsGetProcessDebugPort(PEPROCESS Process);
NTKERNELAPI PEJOB NTAPI PsGetProcessJob(PEPROCESS Process);
NTKERNELAPI PVOID NTAPI PsGetThreadTeb(PETHREAD Thread);
NTKERNELAPI PVOID NTAPI PsGetCurrentThreadTeb(VOID);
NTKERNELAPI PEPROCESS NTAPI PsGetCurrentThreadProcess(VOID);
NTKERNELAPI HANDLE NTAPI PsGetCurrentThreadProcessId(VOID);
NTKERNELAPI PEPROCESS NTAPI PsGetThreadProcess(PETHREAD Thread);
NTKERNELAPI BOOLEAN NTAPI PsIsProcessBeingDebugged(PEPROCESS Process);
NTKERNELAPI BOOLEAN NTAPI PsIsThreadImpersonating(PETHREAD Thread);
NTKERNELAPI NTSTATUS NTAPI PsAcquireProcessExitSynchronization(PEPROCESS Process);
NTKERNELAPI VOID NTAPI PsReleaseProcessExitSynchronization(PEPROCESS Process);
NTKERNELAPI ULONG NTAPI PsGetCurrentProcessSessionId(VOID);
NTKERNELAPI NTSTATUS NTAPI PsGetContextThread(PETHREAD Thread, PCONTEXT ThreadContext,
                                              KPROCESSOR_MODE Mode);
NTKERNELAPI NTSTATUS NTAPI PsSetContextThread(PETHREAD Thread, PCONTEXT ThreadContext,
                                              KPROCESSOR_MODE Mode);
NTKERNELAPI BOOLEAN NTAPI PsSetThreadHardErrorsAreDisabled(PETHREAD Thread,
                                                           BOOLEAN HardErrorsAreDisabled);

/* Run-time library. */
NTSYSAPI PVOID NTAPI RtlImageDirectoryEntryToData(PVOID BaseOfImage, BOOLEAN MappedAsImage,
                                                  USHORT DirectoryEntry, PULONG Size);
NTSYSAPI struct _IMAGE_NT_HEADERS64 *NTAPI RtlImageNtHeader(PVOID BaseOfImage);
NTSYSAPI PVOID NTAPI RtlFindExportedRoutineByName(PVOID BaseOfImage, PCSTR RoutineName);
NTSYSAPI NTSTATUS NTAPI RtlCreateUserThread(HANDLE Process, PSECURITY_DESCRIPTOR Descriptor,
                                            BOOLEAN CreateSuspended, ULONG ZeroBits,
                                            SIZE_T MaximumStackSize, SIZE_T CommittedStackSize,
                                            PVOID StartAddress, PVOID Parameter, PHANDLE Thread,
                                            PCLIENT_ID ClientId);

/* System calls. */
NTSYSAPI NTSTATUS NTAPI ZwOpenProcessToken(HANDLE ProcessHandle, ACCESS_MASK DesiredAccess,
                                           PHANDLE TokenHandle);
NTSYSAPI NTSTATUS NTAPI ZwOpenThreadToken(HANDLE ThreadHandle, ACCESS_MASK DesiredAccess,
                                          BOOLEAN OpenAsSelf, PHANDLE TokenHandle);

NTSYSAPI NTSTATUS NTAPI ZwQuerySystemInformation(ULONG SystemInformationClass,
                                                 PVOID SystemInformation,
                                                 ULONG SystemInformationLength,
                                                 PULONG ReturnLength);
NTSYSAPI NTSTATUS NTAPI ZwSetSystemInformation(ULONG SystemInformationClass,
                                               PVOID SystemInformation,
                                               ULONG SystemInformationLength);
NTSYSAPI NTSTATUS NTAPI ZwQueryInformationProcess(HANDLE ProcessHandle,
                                                  PROCESSINFOCLASS ProcessInformationClass,
                                                  PVOID ProcessInformation,
                                                  ULONG ProcessInformationLength,
                                                  PULONG ReturnLength);
NTSYSAPI NTSTATUS NTAPI ZwSetInformationProcess(HANDLE ProcessHandle,
                                                PROCESSINFOCLASS ProcessInformationClass,
                                                PVOID ProcessInformation,
                                                ULONG ProcessInformationLength);
NTSYSAPI NTSTATUS NTAPI ZwQueryInformationThread(HANDLE ThreadHandle,
                                                 THREADINFOCLASS ThreadInformationClass,
                                                 PVOID ThreadInformation,
                                                 ULONG ThreadInformationLength,
                                                 PULONG ReturnLength);
NTSYSAPI NTSTATUS NTAPI ZwOpenThread(PHANDLE ThreadHandle, ACCESS_MASK DesiredAccess,
                                     POBJECT_ATTRIBUTES ObjectAttributes, PCLIENT_ID ClientId);
NTSYSAPI NTSTATUS NTAPI ZwAlertThread(HANDLE ThreadHandle);
NTSYSAPI NTSTATUS NTAPI ZwQueryDirectoryObject(HANDLE DirectoryHandle, PVOID Buffer, ULONG Length,
                                               BOOLEAN ReturnSingleEntry, BOOLEAN RestartScan,
                                               PULONG Context, PULONG ReturnLength);
NTSYSAPI NTSTATUS NTAPI ZwQuerySection(HANDLE SectionHandle,
                                       SECTION_INFORMATION_CLASS SectionInformationClass,
                                       PVOID SectionInformation, SIZE_T SectionInformationLength,
                                       PSIZE_T ReturnLength);
NTSYSAPI NTSTATUS NTAPI ZwProtectVirtualMemory(HANDLE ProcessHandle, PVOID *BaseAddress,
                                               PSIZE_T RegionSize, ULONG NewProtect,
                                               PULONG OldProtect);
NTSYSAPI NTSTATUS NTAPI ZwCreateSemaphore(PHANDLE SemaphoreHandle, ACCESS_MASK DesiredAccess,
                                          POBJECT_ATTRIBUTES ObjectAttributes, LONG InitialCount,
                                          LONG MaximumCount);
NTSYSAPI NTSTATUS NTAPI ZwYieldExecution(VOID);

/* I/O manager. */
NTKERNELAPI NTSTATUS NTAPI IoCreateDriver(PUNICODE_STRING DriverName,
                                          PDRIVER_INITIALIZE InitializationFunction);
NTKERNELAPI NTSTATUS NTAPI IoPageRead(PFILE_OBJECT FileObject, PMDL MemoryDescriptorList,
                                      PLARGE_INTEGER StartingOffset, PKEVENT Event,
                                      PIO_STATUS_BLOCK IoStatusBlock);
NTKERNELAPI NTSTATUS NTAPI IoSynchronousPageWrite(PFILE_OBJECT FileObject,
                                                  PMDL MemoryDescriptorList,
                                                  PLARGE_INTEGER StartingOffset, PKEVENT Event,
                                                  PIO_STATUS_BLOCK IoStatusBlock);
NTKERNELAPI NTSTATUS NTAPI IoAsynchronousPageWrite(PFILE_OBJECT FileObject,
                                                   PMDL MemoryDescriptorList,
                                                   PLARGE_INTEGER StartingOffset,
                                                   PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                                                   PIO_STATUS_BLOCK IoStatusBlock, PVOID *Irp);

/* Windows on Windows, crash dumps, ports: what vendors call besides. */
NTKERNELAPI NTSTATUS NTAPI PsWrapApcWow64Thread(PVOID *ApcContext, PVOID *ApcRoutine);
NTKERNELAPI PVOID NTAPI PsGetThreadWin32Thread(PETHREAD Thread);
NTKERNELAPI BOOLEAN NTAPI PsIsProcessCommitRelinquished(PEPROCESS Process);
NTKERNELAPI BOOLEAN NTAPI PsIsWin32KFilterEnabledForProcess(PEPROCESS Process);
NTKERNELAPI ULONG NTAPI KeRemoveQueueEx(PRKQUEUE Queue, KPROCESSOR_MODE WaitMode,
                                        BOOLEAN Alertable, PLARGE_INTEGER Timeout,
                                        PLIST_ENTRY *EntryArray, ULONG Count);
NTKERNELAPI NTSTATUS NTAPI LpcRequestPort(PVOID PortObject, PVOID RequestMessage);

/* Lists and types. */
extern LIST_ENTRY PsLoadedModuleList;
extern ERESOURCE PsLoadedModuleResource;
extern POBJECT_TYPE LpcPortObjectType;

NT_END_C

#endif

#endif

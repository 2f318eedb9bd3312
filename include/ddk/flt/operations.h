/* SPDX-License-Identifier: MIT */
/*
 * Callback data and what a filter does with an operation in flight.
 * Part of fltKernel.h, which is what a driver includes.
 */
#ifndef OPENFLT_DDK_FLT_OPERATIONS_H
#define OPENFLT_DDK_FLT_OPERATIONS_H

#include <flt/registration.h>

NT_BEGIN_C

/* ---- Callback data: allocate, send, inspect, change, pend, complete. ---- */

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltAllocateCallbackData(_In_ PFLT_INSTANCE Instance,
    _In_opt_ PFILE_OBJECT FileObject, _Outptr_ PFLT_CALLBACK_DATA *RetNewCallbackData);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltCancelIo(_In_ PFLT_CALLBACK_DATA CallbackData);

FLT_EXPORT VOID FLTAPI FltClearCallbackDataDirty(_Inout_ PFLT_CALLBACK_DATA Data);

FLT_EXPORT NTSTATUS FLTAPI FltClearCancelCompletion(_In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltCompletePendedPostOperation(_In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltCompletePendedPreOperation(_In_ PFLT_CALLBACK_DATA CallbackData,
    _In_ FLT_PREOP_CALLBACK_STATUS CallbackStatus, _In_opt_ PVOID Context);

FLT_EXPORT NTSTATUS FLTAPI FltDecodeParameters(_In_ PFLT_CALLBACK_DATA CallbackData,
    _Outptr_opt_ PMDL **MdlAddressPointer, _Outptr_ PVOID **Buffer, _Outptr_ PULONG *Length,
    _Out_opt_ LOCK_OPERATION *DesiredAccess);

FLT_EXPORT BOOLEAN FLTAPI FltDoCompletionProcessingWhenSafe(_In_ PFLT_CALLBACK_DATA Data,
    _In_ PCFLT_RELATED_OBJECTS FltObjects, _In_opt_ PVOID CompletionContext,
    _In_ FLT_POST_OPERATION_FLAGS Flags, _In_ PFLT_POST_OPERATION_CALLBACK SafePostCallback,
    _Out_ PFLT_POSTOP_CALLBACK_STATUS RetPostOperationStatus);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltFreeCallbackData(_In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT PEPROCESS FLTAPI FltGetRequestorProcess(_In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT ULONG FLTAPI FltGetRequestorProcessId(_In_ PFLT_CALLBACK_DATA CallbackData);

FLT_EXPORT PMDL FASTCALL FltGetSwappedBufferMdlAddress(_In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltIs32bitProcess(_In_opt_ PFLT_CALLBACK_DATA CallbackData);

FLT_EXPORT BOOLEAN FLTAPI FltIsCallbackDataDirty(_In_ PFLT_CALLBACK_DATA Data);

FLT_EXPORT BOOLEAN FLTAPI FltIsIoCanceled(_In_ PFLT_CALLBACK_DATA CallbackData);

FLT_EXPORT BOOLEAN FLTAPI FltIsOperationSynchronous(_In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltLockUserBuffer(_In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltPerformAsynchronousIo(_Inout_ PFLT_CALLBACK_DATA CallbackData,
    _In_ PFLT_COMPLETED_ASYNC_IO_CALLBACK CallbackRoutine, _In_opt_ PVOID CallbackContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltPerformSynchronousIo(_Inout_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltReissueSynchronousIo(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltRequestOperationStatusCallback(_In_ PFLT_CALLBACK_DATA Data,
    _In_ PFLT_GET_OPERATION_STATUS_CALLBACK CallbackRoutine, _In_opt_ PVOID RequesterContext);

FLT_EXPORT VOID FASTCALL FltRetainSwappedBufferMdlAddress(_In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltReuseCallbackData(_Inout_ PFLT_CALLBACK_DATA CallbackData);

FLT_EXPORT VOID FLTAPI FltSetCallbackDataDirty(_Inout_ PFLT_CALLBACK_DATA Data);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetCancelCompletion(_In_ PFLT_CALLBACK_DATA CallbackData,
    _In_ PFLT_COMPLETE_CANCELED_CALLBACK CanceledCallback);

#if FLT_MGR_LONGHORN

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT HANDLE FLTAPI FltGetRequestorProcessIdEx(_In_ PFLT_CALLBACK_DATA CallbackData);

#endif /* FLT_MGR_LONGHORN */

#if FLT_MGR_WIN7

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltAllocateCallbackDataEx(_In_ PFLT_INSTANCE Instance,
    _In_opt_ PFILE_OBJECT FileObject, _In_ FLT_ALLOCATE_CALLBACK_DATA_FLAGS Flags,
    _Outptr_ PFLT_CALLBACK_DATA *RetNewCallbackData);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT PVOID FLTAPI FltGetNewSystemBufferAddress(_In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetRequestorSessionId(_In_ PFLT_CALLBACK_DATA CallbackData,
    _Out_ PULONG SessionId);

#endif /* FLT_MGR_WIN7 */

#if FLT_MGR_WIN10_RS1

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltPropagateIrpExtension(_In_ PFLT_CALLBACK_DATA SourceData,
    _Inout_ PFLT_CALLBACK_DATA TargetData, _In_ ULONG Flags);

#endif /* FLT_MGR_WIN10_RS1 */

#if FLT_MGR_WIN10_NI

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetCopyInformationFromCallbackData(_In_ PFLT_CALLBACK_DATA Data,
    _Out_ PCOPY_INFORMATION CopyInformation);

#endif /* FLT_MGR_WIN10_NI */

/* ---- Cancel-safe queues of pended callback data. ---- */

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltCbdqDisable(_Inout_ PFLT_CALLBACK_DATA_QUEUE Cbdq);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltCbdqEnable(_Inout_ PFLT_CALLBACK_DATA_QUEUE Cbdq);

FLT_EXPORT NTSTATUS FLTAPI FltCbdqInitialize(_In_ PFLT_INSTANCE Instance,
    _Inout_ PFLT_CALLBACK_DATA_QUEUE Cbdq, _In_ PFLT_CALLBACK_DATA_QUEUE_INSERT_IO CbdqInsertIo,
    _In_ PFLT_CALLBACK_DATA_QUEUE_REMOVE_IO CbdqRemoveIo,
    _In_ PFLT_CALLBACK_DATA_QUEUE_PEEK_NEXT_IO CbdqPeekNextIo,
    _In_ PFLT_CALLBACK_DATA_QUEUE_ACQUIRE CbdqAcquire,
    _In_ PFLT_CALLBACK_DATA_QUEUE_RELEASE CbdqRelease,
    _In_ PFLT_CALLBACK_DATA_QUEUE_COMPLETE_CANCELED_IO CbdqCompleteCanceledIo);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCbdqInsertIo(_Inout_ PFLT_CALLBACK_DATA_QUEUE Cbdq,
    _In_ PFLT_CALLBACK_DATA Cbd, _In_opt_ PFLT_CALLBACK_DATA_QUEUE_IO_CONTEXT Context,
    _In_opt_ PVOID InsertContext);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT PFLT_CALLBACK_DATA FLTAPI FltCbdqRemoveIo(_Inout_ PFLT_CALLBACK_DATA_QUEUE Cbdq,
    _In_ PFLT_CALLBACK_DATA_QUEUE_IO_CONTEXT Context);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT PFLT_CALLBACK_DATA FLTAPI FltCbdqRemoveNextIo(_Inout_ PFLT_CALLBACK_DATA_QUEUE Cbdq,
    _In_opt_ PVOID PeekContext);

/* ---- Work items; a deferred one keeps its callback data alive. ---- */

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT PFLT_DEFERRED_IO_WORKITEM FLTAPI FltAllocateDeferredIoWorkItem(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT PFLT_GENERIC_WORKITEM FLTAPI FltAllocateGenericWorkItem(VOID);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltFreeDeferredIoWorkItem(_In_ PFLT_DEFERRED_IO_WORKITEM FltWorkItem);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltFreeGenericWorkItem(_In_ PFLT_GENERIC_WORKITEM FltWorkItem);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltQueueDeferredIoWorkItem(_In_ PFLT_DEFERRED_IO_WORKITEM FltWorkItem,
    _In_ PFLT_CALLBACK_DATA Data, _In_ PFLT_DEFERRED_IO_WORKITEM_ROUTINE WorkerRoutine,
    _In_ WORK_QUEUE_TYPE QueueType, _In_ PVOID Context);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltQueueGenericWorkItem(_In_ PFLT_GENERIC_WORKITEM FltWorkItem,
    _In_ PVOID FltObject, _In_ PFLT_GENERIC_WORKITEM_ROUTINE WorkerRoutine,
    _In_ WORK_QUEUE_TYPE QueueType, _In_opt_ PVOID Context);

/* ---- Waits that end when the operation is cancelled. ---- */

#if FLT_MGR_LONGHORN

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCancellableWaitForMultipleObjects(_In_ ULONG Count,
    _In_reads_(Count) PVOID ObjectArray[], _In_ WAIT_TYPE WaitType, _In_opt_ PLARGE_INTEGER Timeout,
    _In_opt_ PKWAIT_BLOCK WaitBlockArray, _In_opt_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCancellableWaitForSingleObject(_In_ PVOID Object,
    _In_opt_ PLARGE_INTEGER Timeout, _In_opt_ PFLT_CALLBACK_DATA CallbackData);

#endif /* FLT_MGR_LONGHORN */

/* ---- I/O priority hints. ---- */

#if FLT_MGR_LONGHORN

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltApplyPriorityInfoThread(_In_ PIO_PRIORITY_INFO InputPriorityInfo,
    _Out_opt_ PIO_PRIORITY_INFO OutputPriorityInfo, _In_ PETHREAD Thread);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT IO_PRIORITY_HINT FLTAPI FltGetIoPriorityHint(_In_ PFLT_CALLBACK_DATA Data);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT IO_PRIORITY_HINT FLTAPI FltGetIoPriorityHintFromCallbackData(
    _In_ PFLT_CALLBACK_DATA Data);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT IO_PRIORITY_HINT FLTAPI FltGetIoPriorityHintFromFileObject(_In_ PFILE_OBJECT FileObject);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT IO_PRIORITY_HINT FLTAPI FltGetIoPriorityHintFromThread(_In_ PETHREAD Thread);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltRetrieveIoPriorityInfo(_In_opt_ PFLT_CALLBACK_DATA Data,
    _In_opt_ PFILE_OBJECT FileObject, _In_opt_ PETHREAD Thread,
    _Inout_ PIO_PRIORITY_INFO PriorityInfo);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetIoPriorityHintIntoCallbackData(_In_ PFLT_CALLBACK_DATA Data,
    _In_ IO_PRIORITY_HINT PriorityHint);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetIoPriorityHintIntoFileObject(_In_ PFILE_OBJECT FileObject,
    _In_ IO_PRIORITY_HINT PriorityHint);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetIoPriorityHintIntoThread(_In_ PETHREAD Thread,
    _In_ IO_PRIORITY_HINT PriorityHint);

#endif /* FLT_MGR_LONGHORN */

/* ---- Redirecting an operation to another instance's volume. ---- */

#if FLT_MGR_WIN7

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltAdjustDeviceStackSizeForIoRedirection(
    _In_ PFLT_INSTANCE SourceInstance, _In_ PFLT_INSTANCE TargetInstance,
    _Out_opt_ PBOOLEAN SourceDeviceStackSizeModified);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltIsIoRedirectionAllowed(_In_ PFLT_INSTANCE SourceInstance,
    _In_ PFLT_INSTANCE TargetInstance, _Out_ PBOOLEAN RedirectionAllowed);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltIsIoRedirectionAllowedForOperation(_In_ PFLT_CALLBACK_DATA Data,
    _In_ PFLT_INSTANCE TargetInstance, _Out_ PBOOLEAN RedirectionAllowedThisIo,
    _Out_opt_ PBOOLEAN RedirectionAllowedAllIo);

#endif /* FLT_MGR_WIN7 */

#if FLT_MGR_WINBLUE

FLT_EXPORT NTSTATUS FLTAPI FltpTraceRedirectedFileIo(_In_ PFILE_OBJECT OriginatingFileObject,
    _In_ PFLT_CALLBACK_DATA ChildCallbackData);

#endif /* FLT_MGR_WINBLUE */

/* ---- Who is charged for the I/O. ---- */

#if FLT_MGR_WIN10_RS1

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT PVOID FLTAPI FltGetIoAttributionHandleFromCallbackData(_In_ PFLT_CALLBACK_DATA Data);

#endif /* FLT_MGR_WIN10_RS1 */

/* ---- Activity ids for tracing. ---- */

#if FLT_MGR_WIN8

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetActivityIdCallbackData(_In_ PFLT_CALLBACK_DATA CallbackData,
    _Out_ LPGUID Guid);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltPropagateActivityIdToThread(_In_ PFLT_CALLBACK_DATA CallbackData,
    _Inout_ LPGUID PropagateId, _Outptr_ LPCGUID *OriginalId);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetActivityIdCallbackData(_Inout_ PFLT_CALLBACK_DATA CallbackData,
    _In_opt_ LPCGUID Guid);

#endif /* FLT_MGR_WIN8 */

/* ---- Zeroing of a file's tail by the file system (WIN8.1 and later). ---- */

#if FLT_MGR_WINBLUE

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetFsZeroingOffset(_In_ PFLT_CALLBACK_DATA Data,
    _Out_ PULONG ZeroingOffset);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetFsZeroingOffset(_In_ PFLT_CALLBACK_DATA Data,
    _In_ ULONG ZeroingOffset);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetFsZeroingOffsetRequired(_In_ PFLT_CALLBACK_DATA Data);

#endif /* FLT_MGR_WINBLUE */

/* ---- Facts about a file gathered while it is opened. ---- */

#if FLT_MGR_WIN10_RS5

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltRequestFileInfoOnCreateCompletion(_In_ PFLT_FILTER Filter,
    _In_ PFLT_CALLBACK_DATA Data, _In_ ULONG InfoClassFlags);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT PVOID FLTAPI FltRetrieveFileInfoOnCreateCompletion(_In_ PFLT_FILTER Filter,
    _In_ PFLT_CALLBACK_DATA Data, _In_ ULONG InfoClass, _Out_ PULONG Size);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltRetrieveFileInfoOnCreateCompletionEx(_In_ PFLT_FILTER Filter,
    _In_ PFLT_CALLBACK_DATA Data, _In_ ULONG InfoClass, _Out_ PULONG RetInfoSize,
    _Outptr_ PVOID *RetInfoBuffer);

#endif /* FLT_MGR_WIN10_RS5 */

#if FLT_MGR_WIN11_GE

FLT_EXPORT NTSTATUS FLTAPI FltRequestSecurityInfoOnCreateCompletion(_In_ PFLT_FILTER Filter,
    _In_ PFLT_CALLBACK_DATA Data, _In_ SECURITY_INFORMATION SecurityInformation);

#endif /* FLT_MGR_WIN11_GE */

/* ---- Bypass I/O. ---- */

#if FLT_MGR_WIN10_CO

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltVetoBypassIo(_In_ PFLT_CALLBACK_DATA CallbackData,
    _In_ PCFLT_RELATED_OBJECTS FltObjects, _In_ NTSTATUS OperationStatus,
    _In_ PCUNICODE_STRING FailureReason);

#endif /* FLT_MGR_WIN10_CO */

/* ---- Opening through reparse points that the caller names. ---- */

#if FLT_MGR_WINTHRESHOLD

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltAddOpenReparseEntry(_In_ PFLT_FILTER Filter,
    _In_ PFLT_CALLBACK_DATA Data, _In_ POPEN_REPARSE_LIST_ENTRY OpenReparseEntry);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCopyOpenReparseList(_In_ PFLT_FILTER Filter,
    _In_ PFLT_CALLBACK_DATA Data, _Inout_ PECP_LIST EcpList);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltFreeOpenReparseList(_In_ PFLT_FILTER Filter, _In_ PECP_LIST EcpList);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltRemoveOpenReparseEntry(_In_ PFLT_FILTER Filter,
    _In_ PFLT_CALLBACK_DATA Data, _In_ POPEN_REPARSE_LIST_ENTRY OpenReparseEntry);

#endif /* FLT_MGR_WINTHRESHOLD */

NT_END_C

#endif

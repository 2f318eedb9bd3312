/* SPDX-License-Identifier: MIT */
/*
 * Locks, oplocks, extra create parameters, transactions, ports, pool.
 * Part of fltKernel.h, which is what a driver includes.
 */
#ifndef OPENFLT_DDK_FLT_SERVICES_H
#define OPENFLT_DDK_FLT_SERVICES_H

#include <flt/registration.h>

NT_BEGIN_C

/* ---- Communication ports to user mode. ---- */

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT VOID FLTAPI FltCloseClientPort(_In_ PFLT_FILTER Filter, _Inout_ PFLT_PORT *ClientPort);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT VOID FLTAPI FltCloseCommunicationPort(_In_ PFLT_PORT ServerPort);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCreateCommunicationPort(_In_ PFLT_FILTER Filter,
    _Outptr_ PFLT_PORT *ServerPort, _In_ POBJECT_ATTRIBUTES ObjectAttributes,
    _In_opt_ PVOID ServerPortCookie, _In_ PFLT_CONNECT_NOTIFY ConnectNotifyCallback,
    _In_ PFLT_DISCONNECT_NOTIFY DisconnectNotifyCallback,
    _In_opt_ PFLT_MESSAGE_NOTIFY MessageNotifyCallback, _In_ LONG MaxConnections);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSendMessage(_In_ PFLT_FILTER Filter, _In_ PFLT_PORT *ClientPort,
    _In_reads_bytes_(SenderBufferLength) PVOID SenderBuffer, _In_ ULONG SenderBufferLength,
    _Out_writes_bytes_opt_(*ReplyLength) PVOID ReplyBuffer, _Inout_opt_ PULONG ReplyLength,
    _In_opt_ PLARGE_INTEGER Timeout);

/* ---- Extra create parameters (ECPs). ---- */

#if FLT_MGR_LONGHORN

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltAcknowledgeEcp(_In_ PFLT_FILTER Filter, _In_ PVOID EcpContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltAllocateExtraCreateParameter(_In_ PFLT_FILTER Filter,
    _In_ LPCGUID EcpType, _In_ ULONG SizeOfContext, _In_ FSRTL_ALLOCATE_ECP_FLAGS Flags,
    _In_opt_ PFSRTL_EXTRA_CREATE_PARAMETER_CLEANUP_CALLBACK CleanupCallback, _In_ ULONG PoolTag,
    _Outptr_ PVOID *EcpContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltAllocateExtraCreateParameterFromLookasideList(_In_ PFLT_FILTER Filter,
    _In_ LPCGUID EcpType, _In_ ULONG SizeOfContext, _In_ FSRTL_ALLOCATE_ECP_FLAGS Flags,
    _In_opt_ PFSRTL_EXTRA_CREATE_PARAMETER_CLEANUP_CALLBACK CleanupCallback,
    _Inout_ PVOID LookasideList, _Outptr_ PVOID *EcpContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltAllocateExtraCreateParameterList(_In_ PFLT_FILTER Filter,
    _In_ FSRTL_ALLOCATE_ECPLIST_FLAGS Flags, _Outptr_ PECP_LIST *EcpList);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltDeleteExtraCreateParameterLookasideList(_In_ PFLT_FILTER Filter,
    _Inout_ PVOID Lookaside, _In_ FSRTL_ECP_LOOKASIDE_FLAGS Flags);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltFindExtraCreateParameter(_In_ PFLT_FILTER Filter,
    _In_ PECP_LIST EcpList, _In_ LPCGUID EcpType, _Outptr_opt_ PVOID *EcpContext,
    _Out_opt_ ULONG *EcpContextSize);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltFreeExtraCreateParameter(_In_ PFLT_FILTER Filter, _In_ PVOID EcpContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltFreeExtraCreateParameterList(_In_ PFLT_FILTER Filter,
    _In_ PECP_LIST EcpList);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetEcpListFromCallbackData(_In_ PFLT_FILTER Filter,
    _In_ PFLT_CALLBACK_DATA CallbackData, _Outptr_ PECP_LIST *EcpList);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetNextExtraCreateParameter(_In_ PFLT_FILTER Filter,
    _In_ PECP_LIST EcpList, _In_opt_ PVOID CurrentEcpContext, _Out_opt_ LPGUID NextEcpType,
    _Outptr_opt_ PVOID *NextEcpContext, _Out_opt_ ULONG *NextEcpContextSize);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltInitExtraCreateParameterLookasideList(_In_ PFLT_FILTER Filter,
    _Inout_ PVOID Lookaside, _In_ FSRTL_ECP_LOOKASIDE_FLAGS Flags, _In_ SIZE_T Size,
    _In_ ULONG Tag);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltInsertExtraCreateParameter(_In_ PFLT_FILTER Filter,
    _Inout_ PECP_LIST EcpList, _Inout_ PVOID EcpContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltIsEcpAcknowledged(_In_ PFLT_FILTER Filter, _In_ PVOID EcpContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltIsEcpFromUserMode(_In_ PFLT_FILTER Filter, _In_ PVOID EcpContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltRemoveExtraCreateParameter(_In_ PFLT_FILTER Filter,
    _Inout_ PECP_LIST EcpList, _In_ LPCGUID EcpType, _Outptr_ PVOID *EcpContext,
    _Out_opt_ ULONG *EcpContextSize);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetEcpListIntoCallbackData(_In_ PFLT_FILTER Filter,
    _In_ PFLT_CALLBACK_DATA CallbackData, _In_ PECP_LIST EcpList);

#endif /* FLT_MGR_LONGHORN */

#if FLT_MGR_WIN8

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltPrepareToReuseEcp(_In_ PFLT_FILTER Filter, _In_ PVOID EcpContext);

#endif /* FLT_MGR_WIN8 */

/* ---- Oplocks of a filter that owns a file object. ---- */

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT FLT_PREOP_CALLBACK_STATUS FLTAPI FltCheckOplock(_In_ POPLOCK Oplock,
    _In_ PFLT_CALLBACK_DATA CallbackData, _In_opt_ PVOID Context,
    _In_opt_ PFLTOPLOCK_WAIT_COMPLETE_ROUTINE WaitCompletionRoutine,
    _In_opt_ PFLTOPLOCK_PREPOST_CALLBACKDATA_ROUTINE PrePostCallbackDataRoutine);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltCurrentBatchOplock(_In_ POPLOCK Oplock);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltInitializeOplock(_Out_ POPLOCK Oplock);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT FLT_PREOP_CALLBACK_STATUS FLTAPI FltOplockFsctrl(_In_ POPLOCK Oplock,
    _In_ PFLT_CALLBACK_DATA CallbackData, _In_ ULONG OpenCount);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltOplockIsFastIoPossible(_In_ POPLOCK Oplock);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltUninitializeOplock(_In_ POPLOCK Oplock);

#if FLT_MGR_WIN7

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT FLT_PREOP_CALLBACK_STATUS FLTAPI FltCheckOplockEx(_In_ POPLOCK Oplock,
    _In_ PFLT_CALLBACK_DATA CallbackData, _In_ ULONG Flags, _In_opt_ PVOID Context,
    _In_opt_ PFLTOPLOCK_WAIT_COMPLETE_ROUTINE WaitCompletionRoutine,
    _In_opt_ PFLTOPLOCK_PREPOST_CALLBACKDATA_ROUTINE PrePostCallbackDataRoutine);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltCurrentOplock(_In_ POPLOCK Oplock);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltCurrentOplockH(_In_ POPLOCK Oplock);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT FLT_PREOP_CALLBACK_STATUS FLTAPI FltOplockBreakH(_In_ POPLOCK Oplock,
    _In_ PFLT_CALLBACK_DATA CallbackData, _In_ ULONG Flags, _In_opt_ PVOID Context,
    _In_opt_ PFLTOPLOCK_WAIT_COMPLETE_ROUTINE WaitCompletionRoutine,
    _In_opt_ PFLTOPLOCK_PREPOST_CALLBACKDATA_ROUTINE PrePostCallbackDataRoutine);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT FLT_PREOP_CALLBACK_STATUS FLTAPI FltOplockBreakToNone(_In_ POPLOCK Oplock,
    _In_ PFLT_CALLBACK_DATA CallbackData, _In_opt_ PVOID Context,
    _In_opt_ PFLTOPLOCK_WAIT_COMPLETE_ROUTINE WaitCompletionRoutine,
    _In_opt_ PFLTOPLOCK_PREPOST_CALLBACKDATA_ROUTINE PrePostCallbackDataRoutine);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT FLT_PREOP_CALLBACK_STATUS FLTAPI FltOplockBreakToNoneEx(_In_ POPLOCK Oplock,
    _In_ PFLT_CALLBACK_DATA CallbackData, _In_ ULONG Flags, _In_opt_ PVOID Context,
    _In_opt_ PFLTOPLOCK_WAIT_COMPLETE_ROUTINE WaitCompletionRoutine,
    _In_opt_ PFLTOPLOCK_PREPOST_CALLBACKDATA_ROUTINE PrePostCallbackDataRoutine);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT FLT_PREOP_CALLBACK_STATUS FLTAPI FltOplockFsctrlEx(_In_ POPLOCK Oplock,
    _In_ PFLT_CALLBACK_DATA CallbackData, _In_ ULONG OpenCount, _In_ ULONG Flags);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltOplockIsSharedRequest(_In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltOplockKeysEqual(_In_opt_ PFILE_OBJECT Fo1, _In_opt_ PFILE_OBJECT Fo2);

#endif /* FLT_MGR_WIN7 */

/* ---- Byte-range locks of a filter that owns a file object. ---- */

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT PFILE_LOCK FLTAPI FltAllocateFileLock(
    _In_opt_ PFLT_COMPLETE_LOCK_CALLBACK_DATA_ROUTINE CompleteLockCallbackDataRoutine,
    _In_opt_ PUNLOCK_ROUTINE UnlockRoutine);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltCheckLockForReadAccess(_In_ PFILE_LOCK FileLock,
    _In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltCheckLockForWriteAccess(_In_ PFILE_LOCK FileLock,
    _In_ PFLT_CALLBACK_DATA CallbackData);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltFreeFileLock(_In_ PFILE_LOCK FileLock);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltInitializeFileLock(_Out_ PFILE_LOCK FileLock);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT FLT_PREOP_CALLBACK_STATUS FLTAPI FltProcessFileLock(_In_ PFILE_LOCK FileLock,
    _In_ PFLT_CALLBACK_DATA CallbackData, _In_opt_ PVOID Context);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltUninitializeFileLock(_In_ PFILE_LOCK FileLock);

/* ---- Push locks. ---- */

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltAcquirePushLockExclusive(_Inout_ PEX_PUSH_LOCK PushLock);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltAcquirePushLockShared(_Inout_ PEX_PUSH_LOCK PushLock);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltDeletePushLock(_In_ PEX_PUSH_LOCK PushLock);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltInitializePushLock(_Out_ PEX_PUSH_LOCK PushLock);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltReleasePushLock(_Inout_ PEX_PUSH_LOCK PushLock);

#if FLT_MGR_WINBLUE

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltAcquirePushLockExclusiveEx(_Inout_ PEX_PUSH_LOCK PushLock,
    _In_ ULONG Flags);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltAcquirePushLockSharedEx(_Inout_ PEX_PUSH_LOCK PushLock, _In_ ULONG Flags);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltReleasePushLockEx(_Inout_ PEX_PUSH_LOCK PushLock, _In_ ULONG Flags);

#endif /* FLT_MGR_WINBLUE */

/* ---- Executive resources, with the critical region around them. ---- */

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltAcquireResourceExclusive(_Inout_ PERESOURCE Resource);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltAcquireResourceShared(_Inout_ PERESOURCE Resource);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltReleaseResource(_Inout_ PERESOURCE Resource);

/* ---- Kernel transactions. ---- */

#if FLT_MGR_LONGHORN

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCommitComplete(_In_ PFLT_INSTANCE Instance,
    _In_ PKTRANSACTION Transaction, _In_opt_ PFLT_CONTEXT TransactionContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCommitFinalizeComplete(_In_ PFLT_INSTANCE Instance,
    _In_ PKTRANSACTION Transaction, _In_opt_ PFLT_CONTEXT TransactionContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltDeleteTransactionContext(_In_ PFLT_INSTANCE Instance,
    _In_ PKTRANSACTION Transaction, _Outptr_opt_ PFLT_CONTEXT *OldContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltEnlistInTransaction(_In_ PFLT_INSTANCE Instance,
    _In_ PKTRANSACTION Transaction, _In_ PFLT_CONTEXT TransactionContext,
    _In_ NOTIFICATION_MASK NotificationMask);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetTransactionContext(_In_ PFLT_INSTANCE Instance,
    _In_ PKTRANSACTION Transaction, _Outptr_ PFLT_CONTEXT *Context);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltPrepareComplete(_In_ PFLT_INSTANCE Instance,
    _In_ PKTRANSACTION Transaction, _In_opt_ PFLT_CONTEXT TransactionContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltPrePrepareComplete(_In_ PFLT_INSTANCE Instance,
    _In_ PKTRANSACTION Transaction, _In_opt_ PFLT_CONTEXT TransactionContext);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltRollbackComplete(_In_ PFLT_INSTANCE Instance,
    _In_ PKTRANSACTION Transaction, _In_opt_ PFLT_CONTEXT TransactionContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltRollbackEnlistment(_In_ PFLT_INSTANCE Instance,
    _In_ PKTRANSACTION Transaction, _In_opt_ PFLT_CONTEXT TransactionContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetTransactionContext(_In_ PFLT_INSTANCE Instance,
    _In_ PKTRANSACTION Transaction, _In_ FLT_SET_CONTEXT_OPERATION Operation,
    _In_ PFLT_CONTEXT NewContext, _Outptr_opt_ PFLT_CONTEXT *OldContext);

#endif /* FLT_MGR_LONGHORN */

/* ---- Pool aligned for a volume's sector size. ---- */

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT PVOID FLTAPI FltAllocatePoolAlignedWithTag(_In_ PFLT_INSTANCE Instance,
    _In_ POOL_TYPE PoolType, _In_ SIZE_T NumberOfBytes, _In_ ULONG Tag);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltFreePoolAlignedWithTag(_In_ PFLT_INSTANCE Instance, _In_ PVOID Buffer,
    _In_ ULONG Tag);

NT_END_C

#endif

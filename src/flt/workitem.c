/* SPDX-License-Identifier: MIT */
/* Work in system threads on behalf of filters: generic items, deferred operations, completion when
 * it is safe. */
#include "fltx.h"

struct _FLT_GENERIC_WORKITEM {
    FLTX_HELD Held;
    WORK_QUEUE_ITEM Item;
    PFLT_GENERIC_WORKITEM_ROUTINE Routine;
    FLTX_OBJECT *Object; /* pinned while queued */
    PVOID FltObject, Context;
    _Atomic int Queued;
};

struct _FLT_DEFERRED_IO_WORKITEM {
    FLTX_HELD Held;
    WORK_QUEUE_ITEM Item;
    PFLT_DEFERRED_IO_WORKITEM_ROUTINE Routine;
    PFLT_INSTANCE Instance; /* pinned while queued */
    PFLT_CALLBACK_DATA Data;
    PVOID Context;
    _Atomic int Queued;
};

/* A work item for any purpose; NULL without memory. IRQL: <= DISPATCH_LEVEL
 * (nf-fltkernel-fltallocategenericworkitem). */
PFLT_GENERIC_WORKITEM NTAPI FltAllocateGenericWorkItem(VOID)
{
    PFLT_GENERIC_WORKITEM Item = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Item), FLTX_TAG);

    if (Item) {
        RtlZeroMemory(Item, sizeof(*Item));
        /* Whose it is shows only in the caller's address: the routine takes no filter. */
        FltxTrackHeld(&Item->Held, "work item", Item, NULL, __builtin_return_address(0),
                      sizeof(*Item), 0);
    }
    return Item;
}

/* Frees it; not while it is queued (nf-fltkernel-fltfreegenericworkitem). */
VOID NTAPI FltFreeGenericWorkItem(PFLT_GENERIC_WORKITEM FltWorkItem)
{
    if (atomic_load(&FltWorkItem->Queued)) {
        FLTX_FINDING("OBJ-004", "a generic work item is freed while it is queued");
        return;
    }
    FltxUntrackHeld(&FltWorkItem->Held);
    ExFreePoolWithTag(FltWorkItem, FLTX_TAG);
}

static VOID NTAPI RunGeneric(PVOID Parameter)
{
    PFLT_GENERIC_WORKITEM Item = Parameter;
    FLTX_OBJECT *Object = Item->Object;

    atomic_store(&Item->Queued, 0); /* the routine may free it or queue it again */
    Item->Routine(Item, Item->FltObject, Item->Context);
    FltxUnpin(Object);
}

/*
 * Runs WorkerRoutine in a system thread. FltObject (a filter or instance) stays pinned until it
 * returns. IRQL:
 * <= DISPATCH_LEVEL. STATUS_FLT_DELETING_OBJECT, STATUS_INVALID_PARAMETER
 * (nf-fltkernel-fltqueuegenericworkitem).
 */
NTSTATUS NTAPI FltQueueGenericWorkItem(PFLT_GENERIC_WORKITEM FltWorkItem, PVOID FltObject,
                                       PFLT_GENERIC_WORKITEM_ROUTINE WorkerRoutine,
                                       WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    FLTX_OBJECT *Object = FltxCheckObject(FltObject);

    if (!Object || Object->Kind == FLTX_VOLUME)
        return STATUS_INVALID_PARAMETER;
    if (atomic_exchange(&FltWorkItem->Queued, 1)) {
        FLTX_FINDING("OBJ-004", "a generic work item is queued while it is queued already");
        return STATUS_INVALID_PARAMETER;
    }
    if (!FltxPin(Object)) {
        atomic_store(&FltWorkItem->Queued, 0);
        return STATUS_FLT_DELETING_OBJECT;
    }
    FltWorkItem->Routine = WorkerRoutine;
    FltWorkItem->Object = Object;
    FltWorkItem->FltObject = FltObject;
    FltWorkItem->Context = Context;
    ExInitializeWorkItem(&FltWorkItem->Item, RunGeneric, FltWorkItem);
    ExQueueWorkItem(&FltWorkItem->Item, QueueType);
    return STATUS_SUCCESS;
}

/* A work item for one operation (nf-fltkernel-fltallocatedeferredioworkitem). */
PFLT_DEFERRED_IO_WORKITEM NTAPI FltAllocateDeferredIoWorkItem(VOID)
{
    PFLT_DEFERRED_IO_WORKITEM Item = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Item), FLTX_TAG);

    if (Item) {
        RtlZeroMemory(Item, sizeof(*Item));
        /* Whose it is shows only in the caller's address: the routine takes no filter. */
        FltxTrackHeld(&Item->Held, "work item", Item, NULL, __builtin_return_address(0),
                      sizeof(*Item), 0);
    }
    return Item;
}

/* Frees it; not while it is queued (nf-fltkernel-fltfreedeferredioworkitem). */
VOID NTAPI FltFreeDeferredIoWorkItem(PFLT_DEFERRED_IO_WORKITEM FltWorkItem)
{
    if (atomic_load(&FltWorkItem->Queued)) {
        FLTX_FINDING("OBJ-004", "a deferred work item is freed while it is queued");
        return;
    }
    FltxUntrackHeld(&FltWorkItem->Held);
    ExFreePoolWithTag(FltWorkItem, FLTX_TAG);
}

static VOID NTAPI RunDeferred(PVOID Parameter)
{
    PFLT_DEFERRED_IO_WORKITEM Item = Parameter;
    PFLT_INSTANCE Instance = Item->Instance;

    atomic_store(&Item->Queued, 0);
    Item->Routine(Item, Item->Data, Item->Context);
    FltxUnpin(&Instance->Object);
}

/* Posting it could deadlock: paging I/O, or a file system below us on this thread. */
static BOOLEAN UnsafeToPost(PFLT_CALLBACK_DATA Data)
{
    return (Data->Iopb->IrpFlags & IRP_PAGING_IO) != 0 || KexGetTopLevelIrp() != NULL;
}

/*
 * Posts an operation to a system thread; the callback then pends it. IRQL: <= DISPATCH_LEVEL.
 * IRP-based only. STATUS_FLT_NOT_SAFE_TO_POST_OPERATION for paging I/O and under a top-level IRP,
 * STATUS_FLT_DELETING_OBJECT (nf-fltkernel-fltqueuedeferredioworkitem).
 */
NTSTATUS NTAPI FltQueueDeferredIoWorkItem(PFLT_DEFERRED_IO_WORKITEM FltWorkItem,
                                          PFLT_CALLBACK_DATA Data,
                                          PFLT_DEFERRED_IO_WORKITEM_ROUTINE WorkerRoutine,
                                          WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    if (!(Data->Flags & FLTFL_CALLBACK_DATA_IRP_OPERATION)) {
        FLTX_FINDING("CBK-021",
                     "FltQueueDeferredIoWorkItem for an operation that is not IRP-based");
        return STATUS_FLT_NOT_SAFE_TO_POST_OPERATION;
    }
    if (UnsafeToPost(Data))
        return STATUS_FLT_NOT_SAFE_TO_POST_OPERATION;
    if (atomic_exchange(&FltWorkItem->Queued, 1)) {
        FLTX_FINDING("OBJ-004", "a deferred work item is queued while it is queued already");
        return STATUS_INVALID_PARAMETER;
    }
    if (!FltxPin(&Data->Iopb->TargetInstance->Object)) {
        atomic_store(&FltWorkItem->Queued, 0);
        return STATUS_FLT_DELETING_OBJECT;
    }
    FltWorkItem->Instance = Data->Iopb->TargetInstance;
    FltWorkItem->Routine = WorkerRoutine;
    FltWorkItem->Data = Data;
    FltWorkItem->Context = Context;
    ExInitializeWorkItem(&FltWorkItem->Item, RunDeferred, FltWorkItem);
    ExQueueWorkItem(&FltWorkItem->Item, QueueType);
    return STATUS_SUCCESS;
}

/* ---- completion when it is safe -------------------------------------------------------------- */

typedef struct _SAFE {
    WORK_QUEUE_ITEM Item;
    PFLT_CALLBACK_DATA Data;
    PCFLT_RELATED_OBJECTS Objects;
    PVOID Context;
    FLT_POST_OPERATION_FLAGS Flags;
    PFLT_POST_OPERATION_CALLBACK Callback;
} SAFE;

static VOID NTAPI RunSafe(PVOID Parameter)
{
    SAFE Safe = *(SAFE *)Parameter;

    ExFreePoolWithTag(Parameter, FLTX_TAG);
    if (Safe.Callback(Safe.Data, Safe.Objects, Safe.Context, Safe.Flags) !=
        FLT_POSTOP_MORE_PROCESSING_REQUIRED)
        FltCompletePendedPostOperation(Safe.Data);
}

/*
 * Runs SafePostCallback at once at <= APC_LEVEL, else in a system thread with the operation pended.
 * TRUE: it ran or will run, *RetPostOperationStatus is what the post-callback returns. FALSE: it
 * cannot be posted (paging I/O, not IRP-based, no memory). Not with the draining flag
 * (nf-fltkernel-fltdocompletionprocessingwhensafe).
 */
BOOLEAN NTAPI FltDoCompletionProcessingWhenSafe(PFLT_CALLBACK_DATA Data,
                                                PCFLT_RELATED_OBJECTS FltObjects,
                                                PVOID CompletionContext,
                                                FLT_POST_OPERATION_FLAGS Flags,
                                                PFLT_POST_OPERATION_CALLBACK SafePostCallback,
                                                PFLT_POSTOP_CALLBACK_STATUS RetPostOperationStatus)
{
    SAFE *Safe;

    *RetPostOperationStatus = FLT_POSTOP_FINISHED_PROCESSING;
    if ((Flags & FLTFL_POST_OPERATION_DRAINING) ||
        !(Data->Flags & FLTFL_CALLBACK_DATA_IRP_OPERATION)) {
        FLTX_FINDING("CBK-019", "FltDoCompletionProcessingWhenSafe %s",
                     Flags & FLTFL_POST_OPERATION_DRAINING
                         ? "while draining"
                         : "for an operation that is not IRP-based");
        return FALSE;
    }
    if (KeGetCurrentIrql() <= APC_LEVEL) {
        *RetPostOperationStatus = SafePostCallback(Data, FltObjects, CompletionContext, Flags);
        return TRUE;
    }
    if (Data->Iopb->IrpFlags & IRP_PAGING_IO)
        return FALSE;
    Safe = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Safe), FLTX_TAG);
    if (!Safe)
        return FALSE;
    Safe->Data = Data;
    Safe->Objects = FltObjects;
    Safe->Context = CompletionContext;
    Safe->Flags = Flags;
    Safe->Callback = SafePostCallback;
    *RetPostOperationStatus = FLT_POSTOP_MORE_PROCESSING_REQUIRED;
    ExInitializeWorkItem(&Safe->Item, RunSafe, Safe);
    ExQueueWorkItem(&Safe->Item, CriticalWorkQueue);
    return TRUE;
}

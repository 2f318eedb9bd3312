/* SPDX-License-Identifier: MIT */
/* Work items of drivers: a routine in a system thread, with the device or driver held until it
 * returned. */
#include "io/iop.h"

struct _IO_WORKITEM {
    WORK_QUEUE_ITEM Item;
    PVOID Object; /* device or driver; referenced while queued */
    PIO_WORKITEM_ROUTINE Routine;
    PIO_WORKITEM_ROUTINE_EX RoutineEx;
    PVOID Context;
    const void *Creator;
    LONG Queued;
};

static VOID NTAPI RunWorkItem(PVOID Parameter)
{
    /* The routine may free the item; everything needed afterwards is taken out first. */
    PIO_WORKITEM WorkItem = Parameter;
    PVOID Object = WorkItem->Object, Context = WorkItem->Context;
    PIO_WORKITEM_ROUTINE_EX RoutineEx = WorkItem->RoutineEx;
    PIO_WORKITEM_ROUTINE Routine = WorkItem->Routine;

    __atomic_store_n(&WorkItem->Queued, 0, __ATOMIC_RELEASE);
    if (RoutineEx)
        RoutineEx(Object, Context, WorkItem);
    else
        Routine(Object, Context);
    ObDereferenceObject(Object);
}

/* Bytes of a work item the caller allocates (nf-wdm-iosizeofworkitem). */
ULONG NTAPI IoSizeofWorkItem(VOID)
{
    return sizeof(struct _IO_WORKITEM);
}

static void InitializeWorkItem(PVOID IoObject, PIO_WORKITEM WorkItem, const void *Creator)
{
    memset(WorkItem, 0, sizeof *WorkItem);
    WorkItem->Object = IoObject;
    WorkItem->Creator = Creator;
    ExInitializeWorkItem(&WorkItem->Item, RunWorkItem, WorkItem);
}

/* For memory of the driver's own, IoSizeofWorkItem bytes (nf-wdm-ioinitializeworkitem). IRQL <=
 * DISPATCH_LEVEL. */
VOID NTAPI IoInitializeWorkItem(PVOID IoObject, PIO_WORKITEM IoWorkItem)
{
    InitializeWorkItem(IoObject, IoWorkItem, __builtin_return_address(0));
}

VOID NTAPI IoUninitializeWorkItem(PIO_WORKITEM IoWorkItem)
{
    if (__atomic_load_n(&IoWorkItem->Queued, __ATOMIC_ACQUIRE))
        KexFinding("MEM-010", "verifier", __builtin_return_address(0),
                   "a work item was uninitialised while it was queued");
}

/* A work item of a device. IRQL <= DISPATCH_LEVEL; NULL when memory is short
 * (nf-wdm-ioallocateworkitem). */
PIO_WORKITEM NTAPI IoAllocateWorkItem(PDEVICE_OBJECT DeviceObject)
{
    PIO_WORKITEM WorkItem = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *WorkItem, IOX_POOL_TAG);

    if (WorkItem)
        InitializeWorkItem(DeviceObject, WorkItem, __builtin_return_address(0));
    return WorkItem;
}

/* Frees an item that is not queued; its own routine may do so (nf-wdm-iofreeworkitem). IRQL <=
 * DISPATCH_LEVEL. */
VOID NTAPI IoFreeWorkItem(PIO_WORKITEM IoWorkItem)
{
    if (__atomic_load_n(&IoWorkItem->Queued, __ATOMIC_ACQUIRE))
        KexFinding("MEM-010", "verifier", __builtin_return_address(0),
                   "a work item was freed while it was queued");
    ExFreePool(IoWorkItem);
}

static bool Queue(PIO_WORKITEM WorkItem, WORK_QUEUE_TYPE QueueType, const void *Caller)
{
    if (__atomic_exchange_n(&WorkItem->Queued, 1, __ATOMIC_ACQ_REL)) {
        KexFinding("OBJ-004", "verifier", Caller, "a work item was queued that is queued already");
        return false;
    }
    ObReferenceObject(WorkItem->Object);
    ExQueueWorkItem(&WorkItem->Item, QueueType);
    return true;
}

/* Runs WorkerRoutine(DeviceObject, Context) in a system thread (nf-wdm-ioqueueworkitem). IRQL <=
 * DISPATCH_LEVEL. */
VOID NTAPI IoQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE WorkerRoutine,
                           WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    IoWorkItem->Routine = WorkerRoutine;
    IoWorkItem->RoutineEx = NULL;
    IoWorkItem->Context = Context;
    Queue(IoWorkItem, QueueType, __builtin_return_address(0));
}

/* The same with a routine that also gets the item, so that it can free it
 * (nf-wdm-ioqueueworkitemex). */
VOID NTAPI IoQueueWorkItemEx(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine,
                             WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    IoWorkItem->RoutineEx = WorkerRoutine;
    IoWorkItem->Context = Context;
    Queue(IoWorkItem, QueueType, __builtin_return_address(0));
}

/* FALSE, and nothing done, when the item is queued (nf-wdm-iotryqueueworkitem). */
BOOLEAN NTAPI IoTryQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine,
                                 WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    if (__atomic_exchange_n(&IoWorkItem->Queued, 1, __ATOMIC_ACQ_REL))
        return FALSE;
    IoWorkItem->RoutineEx = WorkerRoutine;
    IoWorkItem->Context = Context;
    ObReferenceObject(IoWorkItem->Object);
    ExQueueWorkItem(&IoWorkItem->Item, QueueType);
    return TRUE;
}

/* SPDX-License-Identifier: MIT */
/*
 * Callback data queues: cancel-safe queues of pended operations. FltMgr's part is the I/O manager's
 * cancel-safe IRP queue; the filter's routines see callback data instead of IRPs.
 */
#include "fltx.h"

static PFLT_CALLBACK_DATA_QUEUE QueueOf(PIO_CSQ Csq)
{
    return CONTAINING_RECORD(Csq, FLT_CALLBACK_DATA_QUEUE, Csq);
}

static PFLT_CALLBACK_DATA DataOf(PIRP Irp)
{
    return Irp ? Irp->Tail.Overlay.DriverContext[0] : NULL;
}

static NTSTATUS NTAPI Insert(PIO_CSQ Csq, PIRP Irp, PVOID InsertContext)
{
    PFLT_CALLBACK_DATA_QUEUE Queue = QueueOf(Csq);

    if (Queue->Flags)
        return STATUS_FLT_CBDQ_DISABLED;
    return Queue->InsertIo(Queue, DataOf(Irp), InsertContext);
}

static VOID NTAPI Remove(PIO_CSQ Csq, PIRP Irp)
{
    QueueOf(Csq)->RemoveIo(QueueOf(Csq), DataOf(Irp));
}

static PIRP NTAPI PeekNext(PIO_CSQ Csq, PIRP Irp, PVOID PeekContext)
{
    PFLT_CALLBACK_DATA Next = QueueOf(Csq)->PeekNextIo(QueueOf(Csq), DataOf(Irp), PeekContext);

    return Next ? FLTX_OP_OF(Next)->Irp : NULL;
}

static VOID NTAPI Acquire(PIO_CSQ Csq, PKIRQL Irql)
{
    QueueOf(Csq)->Acquire(QueueOf(Csq), Irql);
}

static VOID NTAPI Release(PIO_CSQ Csq, KIRQL Irql)
{
    QueueOf(Csq)->Release(QueueOf(Csq), Irql);
}

static VOID NTAPI CompleteCancelled(PIO_CSQ Csq, PIRP Irp)
{
    PFLT_CALLBACK_DATA Data = DataOf(Irp);

    Data->IoStatus.Status = STATUS_CANCELLED;
    Data->IoStatus.Information = 0;
    QueueOf(Csq)->CompleteCanceledIo(QueueOf(Csq), Data);
}

/* Prepares a queue, enabled. Any IRQL (nf-fltkernel-fltcbdqinitialize). */
NTSTATUS NTAPI FltCbdqInitialize(
    PFLT_INSTANCE Instance, PFLT_CALLBACK_DATA_QUEUE Cbdq,
    PFLT_CALLBACK_DATA_QUEUE_INSERT_IO CbdqInsertIo,
    PFLT_CALLBACK_DATA_QUEUE_REMOVE_IO CbdqRemoveIo,
    PFLT_CALLBACK_DATA_QUEUE_PEEK_NEXT_IO CbdqPeekNextIo,
    PFLT_CALLBACK_DATA_QUEUE_ACQUIRE CbdqAcquire, PFLT_CALLBACK_DATA_QUEUE_RELEASE CbdqRelease,
    PFLT_CALLBACK_DATA_QUEUE_COMPLETE_CANCELED_IO CbdqCompleteCanceledIo)
{
    Cbdq->Flags = 0;
    Cbdq->Instance = Instance;
    Cbdq->InsertIo = CbdqInsertIo;
    Cbdq->RemoveIo = CbdqRemoveIo;
    Cbdq->PeekNextIo = CbdqPeekNextIo;
    Cbdq->Acquire = CbdqAcquire;
    Cbdq->Release = CbdqRelease;
    Cbdq->CompleteCanceledIo = CbdqCompleteCanceledIo;
    return IoCsqInitializeEx(&Cbdq->Csq, Insert, Remove, PeekNext, Acquire, Release,
                             CompleteCancelled);
}

static void SetDisabled(PFLT_CALLBACK_DATA_QUEUE Cbdq, BOOLEAN Disabled)
{
    KIRQL Irql = 0;

    Cbdq->Acquire(Cbdq, &Irql);
    Cbdq->Flags = (FLT_CALLBACK_DATA_QUEUE_FLAGS)Disabled;
    Cbdq->Release(Cbdq, Irql);
}

/* Lets operations in again (nf-fltkernel-fltcbdqenable). */
VOID NTAPI FltCbdqEnable(PFLT_CALLBACK_DATA_QUEUE Cbdq)
{
    SetDisabled(Cbdq, FALSE);
}

/* No more insertions; what is in the queue stays (nf-fltkernel-fltcbdqdisable). */
VOID NTAPI FltCbdqDisable(PFLT_CALLBACK_DATA_QUEUE Cbdq)
{
    SetDisabled(Cbdq, TRUE);
}

/*
 * Puts an IRP-based operation into the queue; the pre-callback then returns FLT_PREOP_PENDING.
 * STATUS_FLT_CBDQ_DISABLED, or what the filter's insert routine returns
 * (nf-fltkernel-fltcbdqinsertio).
 */
NTSTATUS NTAPI FltCbdqInsertIo(PFLT_CALLBACK_DATA_QUEUE Cbdq, PFLT_CALLBACK_DATA Cbd,
                               PFLT_CALLBACK_DATA_QUEUE_IO_CONTEXT Context, PVOID InsertContext)
{
    FLTX_OP *Op = FLTX_OP_OF(Cbd);
    NTSTATUS Status;

    if (Op->Kind != FLTX_OP_IRP) {
        FLTX_FINDING("FIO-016", "FltCbdqInsertIo of an operation that is not IRP-based");
        return STATUS_INVALID_PARAMETER;
    }
    /* The queue marks the IRP pending, and from the insertion on somebody else may own the
     * operation. */
    Op->Marked = TRUE;
    Op->Irp->Tail.Overlay.DriverContext[0] = Cbd;
    Status = IoCsqInsertIrpEx(&Cbdq->Csq, Op->Irp, Context, InsertContext);
    if (!NT_SUCCESS(Status))
        Op->Marked = FALSE;
    return Status;
}

/* Takes a particular operation out; NULL when it was cancelled or taken already
 * (nf-fltkernel-fltcbdqremoveio). */
PFLT_CALLBACK_DATA NTAPI FltCbdqRemoveIo(PFLT_CALLBACK_DATA_QUEUE Cbdq,
                                         PFLT_CALLBACK_DATA_QUEUE_IO_CONTEXT Context)
{
    return DataOf(IoCsqRemoveIrp(&Cbdq->Csq, Context));
}

/* Takes the next one that matches; NULL when there is none (nf-fltkernel-fltcbdqremovenextio). */
PFLT_CALLBACK_DATA NTAPI FltCbdqRemoveNextIo(PFLT_CALLBACK_DATA_QUEUE Cbdq, PVOID PeekContext)
{
    return DataOf(IoCsqRemoveNextIrp(&Cbdq->Csq, PeekContext));
}

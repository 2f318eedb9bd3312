/* SPDX-License-Identifier: MIT */
/* Cancellation: the system cancel lock, IoCancelIrp and cancel-safe queues. */
#include "io/iop.h"

static KSPIN_LOCK CancelLock;

/* Raises to DISPATCH_LEVEL and takes the lock that guards cancel routines
 * (nf-wdm-ioacquirecancelspinlock). */
VOID NTAPI IoAcquireCancelSpinLock(PKIRQL Irql)
{
    KeAcquireSpinLock(&CancelLock, Irql);
}

/* Releases it; a cancel routine passes Irp->CancelIrql (nf-wdm-ioreleasecancelspinlock). */
VOID NTAPI IoReleaseCancelSpinLock(KIRQL Irql)
{
    KeReleaseSpinLock(&CancelLock, Irql);
}

/*
 * Marks a request as cancelled and calls its cancel routine when it has one; the routine releases
 * the cancel lock and completes the request. IRQL <= DISPATCH_LEVEL. TRUE when a routine was called
 * (nf-wdm-iocancelirp). A routine left set on a completed request is bug check 0x48.
 */
BOOLEAN NTAPI IoCancelIrp(PIRP Irp)
{
    PDRIVER_CANCEL Routine;
    KIRQL Irql;

    IoAcquireCancelSpinLock(&Irql);
    Irp->Cancel = TRUE;
    Routine = IoSetCancelRoutine(Irp, NULL);
    if (!Routine) {
        IoReleaseCancelSpinLock(Irql);
        return FALSE;
    }
    if (Irp->CurrentLocation > Irp->StackCount + 1)
        KeBugCheckEx(CANCEL_STATE_IN_COMPLETED_IRP, (ULONG_PTR)Irp, (ULONG_PTR)Routine, 0, 0);
    Irp->CancelIrql = Irql;
    Routine(Irp->Tail.Overlay.CurrentStackLocation->DeviceObject, Irp);
    return TRUE;
}

/* ---- cancel-safe queues ---------------------------------------------------------------------- */

/*
 * The queue is the driver's; these routines order insertion, removal and cancellation by its lock.
 * A request in the queue points to its context or to the queue from Tail.Overlay.DriverContext[3],
 * which is how the cancel routine finds it (ns-wdm-_io_csq). Whoever takes the cancel routine off
 * the request owns it.
 */
static VOID NTAPI CsqCancel(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_CSQ_IRP_CONTEXT Context = Irp->Tail.Overlay.DriverContext[3];
    PIO_CSQ Csq = Context->Type == IO_TYPE_CSQ_IRP_CONTEXT ? Context->Csq : (PIO_CSQ)Context;
    KIRQL Irql;

    UNREFERENCED_PARAMETER(DeviceObject);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    Csq->CsqAcquireLock(Csq, &Irql);
    Csq->CsqRemoveIrp(Csq, Irp);
    if (Context != (PVOID)Csq)
        Context->Irp = NULL;
    Irp->Tail.Overlay.DriverContext[3] = NULL;
    Csq->CsqReleaseLock(Csq, Irql);
    Csq->CsqCompleteCanceledIrp(Csq, Irp);
}

/* Records the driver's queue routines; any IRQL (nf-wdm-iocsqinitialize). */
NTSTATUS NTAPI IoCsqInitialize(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP CsqInsertIrp,
                               PIO_CSQ_REMOVE_IRP CsqRemoveIrp,
                               PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp,
                               PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock,
                               PIO_CSQ_RELEASE_LOCK CsqReleaseLock,
                               PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp)
{
    *Csq = (IO_CSQ){IO_TYPE_CSQ,    CsqInsertIrp,   CsqRemoveIrp,           CsqPeekNextIrp,
                    CsqAcquireLock, CsqReleaseLock, CsqCompleteCanceledIrp, NULL};
    return STATUS_SUCCESS;
}

/* The same with an insert routine that may refuse (nf-wdm-iocsqinitializeex). */
NTSTATUS NTAPI IoCsqInitializeEx(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP_EX CsqInsertIrp,
                                 PIO_CSQ_REMOVE_IRP CsqRemoveIrp,
                                 PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp,
                                 PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock,
                                 PIO_CSQ_RELEASE_LOCK CsqReleaseLock,
                                 PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp)
{
    IoCsqInitialize(Csq, (PIO_CSQ_INSERT_IRP)(PVOID)CsqInsertIrp, CsqRemoveIrp, CsqPeekNextIrp,
                    CsqAcquireLock, CsqReleaseLock, CsqCompleteCanceledIrp);
    Csq->Type = IO_TYPE_CSQ_EX;
    return STATUS_SUCCESS;
}

/*
 * Pends the request and queues it; one that is cancelled already is completed by
 * CsqCompleteCanceledIrp and the call still succeeds. The queue's lock decides the IRQL
 * (nf-wdm-iocsqinsertirpex). Returns what the insert routine said.
 */
NTSTATUS NTAPI IoCsqInsertIrpEx(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context,
                                PVOID InsertContext)
{
    NTSTATUS Status = STATUS_SUCCESS;
    bool Cancelled;
    KIRQL Irql;

    Csq->CsqAcquireLock(Csq, &Irql);
    if (Context) {
        *Context = (IO_CSQ_IRP_CONTEXT){IO_TYPE_CSQ_IRP_CONTEXT, Irp, Csq};
        Irp->Tail.Overlay.DriverContext[3] = Context;
    } else {
        Irp->Tail.Overlay.DriverContext[3] = Csq;
    }
    if (Csq->Type == IO_TYPE_CSQ_EX)
        Status = ((PIO_CSQ_INSERT_IRP_EX)(PVOID)Csq->CsqInsertIrp)(Csq, Irp, InsertContext);
    else
        Csq->CsqInsertIrp(Csq, Irp);
    if (!NT_SUCCESS(Status)) {
        Irp->Tail.Overlay.DriverContext[3] = NULL;
        if (Context)
            Context->Irp = NULL;
        Csq->CsqReleaseLock(Csq, Irql);
        return Status;
    }
    IoMarkIrpPending(Irp);
    IoSetCancelRoutine(Irp, CsqCancel);
    /* Cancelled before the routine was there, and nobody took it since: it is ours to take out. */
    Cancelled = Irp->Cancel && IoSetCancelRoutine(Irp, NULL);
    if (Cancelled) {
        Csq->CsqRemoveIrp(Csq, Irp);
        if (Context)
            Context->Irp = NULL;
        Irp->Tail.Overlay.DriverContext[3] = NULL;
    }
    Csq->CsqReleaseLock(Csq, Irql);
    if (Cancelled)
        Csq->CsqCompleteCanceledIrp(Csq, Irp);
    return Status;
}

VOID NTAPI IoCsqInsertIrp(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context)
{
    IoCsqInsertIrpEx(Csq, Irp, Context, NULL);
}

/* Takes the next request that matches PeekContext and is not being cancelled; NULL for none
 * (nf-wdm-iocsqremovenextirp). */
PIRP NTAPI IoCsqRemoveNextIrp(PIO_CSQ Csq, PVOID PeekContext)
{
    PIRP Irp = NULL;
    KIRQL Irql;

    Csq->CsqAcquireLock(Csq, &Irql);
    while ((Irp = Csq->CsqPeekNextIrp(Csq, Irp, PeekContext)) != NULL) {
        PIO_CSQ_IRP_CONTEXT Context;

        if (!IoSetCancelRoutine(Irp, NULL))
            continue; /* its cancel routine waits for this lock */
        Csq->CsqRemoveIrp(Csq, Irp);
        Context = Irp->Tail.Overlay.DriverContext[3];
        if (Context->Type == IO_TYPE_CSQ_IRP_CONTEXT)
            Context->Irp = NULL;
        Irp->Tail.Overlay.DriverContext[3] = NULL;
        break;
    }
    Csq->CsqReleaseLock(Csq, Irql);
    return Irp;
}

/* Takes the request of a context; NULL when it was cancelled or taken (nf-wdm-iocsqremoveirp). */
PIRP NTAPI IoCsqRemoveIrp(PIO_CSQ Csq, PIO_CSQ_IRP_CONTEXT Context)
{
    PIRP Irp;
    KIRQL Irql;

    Csq->CsqAcquireLock(Csq, &Irql);
    Irp = Context->Irp;
    if (Irp && !IoSetCancelRoutine(Irp, NULL))
        Irp = NULL;
    if (Irp) {
        Csq->CsqRemoveIrp(Csq, Irp);
        Context->Irp = NULL;
        Irp->Tail.Overlay.DriverContext[3] = NULL;
    }
    Csq->CsqReleaseLock(Csq, Irql);
    return Irp;
}

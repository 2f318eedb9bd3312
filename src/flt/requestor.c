/* SPDX-License-Identifier: MIT */
/* Who asked for an operation, how urgent it is, and waiting in a way its cancellation ends. */
#include "fltx.h"

/*
 * Session of the requesting process; -1 when it has none. IRQL: <= APC_LEVEL. STATUS_UNSUCCESSFUL
 * without a process (nf-fltkernel-fltgetrequestorsessionid).
 */
NTSTATUS NTAPI FltGetRequestorSessionId(PFLT_CALLBACK_DATA CallbackData, PULONG SessionId)
{
    PEPROCESS Process = FltGetRequestorProcess(CallbackData);

    if (!Process)
        return STATUS_UNSUCCESSFUL;
    *SessionId = PsGetProcessSessionId(Process);
    return STATUS_SUCCESS;
}

static PIRP IrpOf(PFLT_CALLBACK_DATA Data)
{
    FLTX_OP *Op = FLTX_OP_OF(Data);

    return Op->Kind == FLTX_OP_IRP ? Op->Irp : NULL;
}

/* Priority of an operation; normal for what has no IRP. IRQL: <= DISPATCH_LEVEL
 * (nf-fltkernel-fltgetiopriorityhint). */
IO_PRIORITY_HINT NTAPI FltGetIoPriorityHint(PFLT_CALLBACK_DATA Data)
{
    PIRP Irp = IrpOf(Data);

    return Irp ? IoGetIoPriorityHint(Irp) : IoPriorityNormal;
}

/* The same (nf-fltkernel-fltgetiopriorityhintfromcallbackdata). */
IO_PRIORITY_HINT NTAPI FltGetIoPriorityHintFromCallbackData(PFLT_CALLBACK_DATA Data)
{
    return FltGetIoPriorityHint(Data);
}

/*
 * Changes it. IRQL: <= DISPATCH_LEVEL. STATUS_INVALID_PARAMETER for what is not IRP-based
 * (nf-fltkernel-fltsetiopriorityhintintocallbackdata).
 */
NTSTATUS NTAPI FltSetIoPriorityHintIntoCallbackData(PFLT_CALLBACK_DATA Data,
                                                    IO_PRIORITY_HINT PriorityHint)
{
    PIRP Irp = IrpOf(Data);

    return Irp ? IoSetIoPriorityHint(Irp, PriorityHint) : STATUS_INVALID_PARAMETER;
}

/* ---- redirection ----------------------------------------------------------------------------- */

/*
 * Whether an operation may be moved to another volume by changing TargetInstance. openflt does not
 * move operations, so the answer is no, and a filter makes a request of its own. IRQL: <=
 * DISPATCH_LEVEL (nf-fltkernel-fltisioredirectionallowed).
 */
NTSTATUS NTAPI FltIsIoRedirectionAllowed(PFLT_INSTANCE SourceInstance, PFLT_INSTANCE TargetInstance,
                                         PBOOLEAN RedirectionAllowed)
{
    UNREFERENCED_PARAMETER(SourceInstance);
    UNREFERENCED_PARAMETER(TargetInstance);
    *RedirectionAllowed = FALSE;
    return STATUS_SUCCESS;
}

/* The same for one operation (nf-fltkernel-fltisioredirectionallowedforoperation). */
NTSTATUS NTAPI FltIsIoRedirectionAllowedForOperation(PFLT_CALLBACK_DATA Data,
                                                     PFLT_INSTANCE TargetInstance,
                                                     PBOOLEAN RedirectionAllowedThisIo,
                                                     PBOOLEAN RedirectionAllowedAllIo)
{
    UNREFERENCED_PARAMETER(Data);
    UNREFERENCED_PARAMETER(TargetInstance);
    *RedirectionAllowedThisIo = FALSE;
    if (RedirectionAllowedAllIo)
        *RedirectionAllowedAllIo = FALSE;
    return STATUS_SUCCESS;
}

/* ---- waits that a cancel ends ---------------------------------------------------------------- */

static VOID NTAPI Cancelled(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PKEVENT Event = Irp->Tail.Overlay.DriverContext[0];

    UNREFERENCED_PARAMETER(DeviceObject);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
}

/* TRUE when the IRP is cancelled already. */
static BOOLEAN Watch(PIRP Irp, PKEVENT Event)
{
    BOOLEAN Is;
    KIRQL Irql;

    KeInitializeEvent(Event, NotificationEvent, FALSE);
    Irp->Tail.Overlay.DriverContext[0] = Event;
    IoAcquireCancelSpinLock(&Irql);
    Is = Irp->Cancel;
    if (!Is)
        IoSetCancelRoutine(Irp, Cancelled);
    IoReleaseCancelSpinLock(Irql);
    return Is;
}

/* After this the cancel routine does not run, or has run to its end. */
static void Unwatch(PIRP Irp, PKEVENT Event)
{
    if (!IoSetCancelRoutine(Irp, NULL))
        KeWaitForSingleObject(Event, Executive, KernelMode, FALSE, NULL);
}

/*
 * Waits for objects until the operation is cancelled. IRQL: PASSIVE_LEVEL with callback data, else
 * <= APC_LEVEL. STATUS_CANCELLED, else what the wait returns
 * (nf-fltkernel-fltcancellablewaitformultipleobjects). With WaitAll a cancel is noticed between
 * slices of the wait, because one wait cannot be "all of these or that one".
 */
NTSTATUS NTAPI FltCancellableWaitForMultipleObjects(ULONG Count, PVOID ObjectArray[],
                                                    WAIT_TYPE WaitType, PLARGE_INTEGER Timeout,
                                                    PKWAIT_BLOCK WaitBlockArray,
                                                    PFLT_CALLBACK_DATA CallbackData)
{
    LARGE_INTEGER Slice = {.QuadPart = -100000}, Start;
    PIRP Irp = CallbackData ? IrpOf(CallbackData) : NULL;
    NTSTATUS Status;

    if (!Irp)
        return KeWaitForMultipleObjects(Count, ObjectArray, WaitType, Executive, KernelMode, FALSE,
                                        Timeout, WaitBlockArray);
    KeQuerySystemTime(&Start);
    for (;;) {
        LARGE_INTEGER Now;

        if (Irp->Cancel)
            return STATUS_CANCELLED;
        Status = KeWaitForMultipleObjects(Count, ObjectArray, WaitType, Executive, KernelMode,
                                          FALSE, &Slice, WaitBlockArray);
        if (Status != STATUS_TIMEOUT)
            return Status;
        KeQuerySystemTime(&Now);
        if (Timeout && (Timeout->QuadPart <= 0 ? Now.QuadPart - Start.QuadPart >= -Timeout->QuadPart
                                               : Now.QuadPart >= Timeout->QuadPart))
            return STATUS_TIMEOUT;
    }
}

/* The same for one object (nf-fltkernel-fltcancellablewaitforsingleobject). */
NTSTATUS NTAPI FltCancellableWaitForSingleObject(PVOID Object, PLARGE_INTEGER Timeout,
                                                 PFLT_CALLBACK_DATA CallbackData)
{
    PIRP Irp = CallbackData ? IrpOf(CallbackData) : NULL;
    PVOID Objects[2] = {Object};
    NTSTATUS Status;
    KEVENT Event;

    if (!Irp)
        return KeWaitForSingleObject(Object, Executive, KernelMode, FALSE, Timeout);
    if (Watch(Irp, &Event))
        return STATUS_CANCELLED;
    Objects[1] = &Event;
    Status =
        KeWaitForMultipleObjects(2, Objects, WaitAny, Executive, KernelMode, FALSE, Timeout, NULL);
    Unwatch(Irp, &Event);
    return Status == STATUS_WAIT_1 ? STATUS_CANCELLED : Status;
}

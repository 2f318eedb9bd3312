/* SPDX-License-Identifier: MIT */
/*
 * Requests a filter makes itself: callback data of its own, sent synchronously or not. The request
 * becomes an IRP that starts at FltMgr's stack location with the layer below the initiator, so
 * filters above never see it; the location on top of that one is FltMgr's own and ends the request.
 */
#include "fltx.h"
#include "io/io.h"
#include <stdio.h>

static CCHAR StackSize(PFLT_INSTANCE Instance)
{
    PDEVICE_OBJECT Device = Instance->Volume->Device;

    return Device ? (CCHAR)(Device->StackSize + 1) : 2;
}

static void InitData(FLTX_OWN *Own, PFILE_OBJECT FileObject)
{
    FLTX_OP *Op = &Own->Op;

    RtlZeroMemory(&Op->Data, sizeof(Op->Data));
    RtlZeroMemory(&Op->Iopb, sizeof(Op->Iopb));
    Op->Data.Flags = FLTFL_CALLBACK_DATA_IRP_OPERATION | FLTFL_CALLBACK_DATA_GENERATED_IO;
    Op->Data.Thread = PsGetCurrentThread();
    Op->Data.Iopb = &Op->Iopb;
    Op->Data.RequestorMode = KernelMode;
    Op->Iopb.TargetFileObject = FileObject;
    Op->Iopb.TargetInstance = Own->Initiator;
}

FLTX_OWN *FltxOwnAllocate(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject, BOOLEAN Preallocate,
                          const void *Caller)
{
    FLTX_OWN *Own = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Own), FLTX_TAG);

    if (!Own)
        return NULL;
    RtlZeroMemory(Own, sizeof(*Own));
    Own->Op.Kind = FLTX_OP_ALLOCATED;
    Own->Op.Volume = Instance->Volume;
    Own->Initiator = Instance;
    if (Preallocate) {
        Own->Spare = IoAllocateIrp(StackSize(Instance), FALSE);
        if (!Own->Spare) {
            ExFreePoolWithTag(Own, FLTX_TAG);
            return NULL;
        }
    }
    FltxHold(&Instance->Object);
    InitData(Own, FileObject);
    FltxTrackHeld(&Own->Held, "callback data", &Own->Op.Data, Instance->Filter, Caller,
                  sizeof(FLT_CALLBACK_DATA), 0);
    return Own;
}

static void FreeMdls(PMDL Mdl)
{
    while (Mdl) {
        PMDL Next = Mdl->Next;

        if (Mdl->MdlFlags & MDL_PAGES_LOCKED)
            MmUnlockPages(Mdl);
        IoFreeMdl(Mdl);
        Mdl = Next;
    }
}

/* "Frees any MDL chain associated with the supplied CallbackData"
 * (nf-fltkernel-fltfreecallbackdata). */
static void FreeDataMdl(FLTX_OWN *Own)
{
    FLTX_BUFFER Buffer;

    if (NT_SUCCESS(FltxFindBuffer(&Own->Op.Iopb, &Buffer)) && Buffer.Mdl && *Buffer.Mdl) {
        FreeMdls(*Buffer.Mdl);
        *Buffer.Mdl = NULL;
    }
}

static void FreeIrp(FLTX_OWN *Own)
{
    if (Own->Irp)
        IoFreeIrp(Own->Irp);
    Own->Irp = NULL;
}

void FltxOwnFree(FLTX_OWN *Own)
{
    FreeDataMdl(Own);
    FreeIrp(Own);
    if (Own->Spare)
        IoFreeIrp(Own->Spare);
    FltxUntrackHeld(&Own->Held);
    FltxDrop(&Own->Initiator->Object);
    Own->Op.Kind = FLTX_OP_IDLE;
    ExFreePoolWithTag(Own, FLTX_TAG);
}

/* The request as a line of the trace: the I/O manager does not see where it begins. */
static void TraceRequest(FLTX_OWN *Own, KEX_TRACE_KIND Kind)
{
    const FLT_IO_PARAMETER_BLOCK *p = &Own->Op.Iopb;
    KEX_TRACE Event = {.Kind = Kind, .Major = p->MajorFunction, .Minor = p->MinorFunction};
    char What[80];

    Event.IrpFlags = p->IrpFlags;
    Event.Irp = Own->Irp;
    Event.Object = p->TargetFileObject;
    Event.Who = Own->Initiator->Filter->NameText;
    if (p->TargetFileObject)
        Event.Path = IoxFilePath(p->TargetFileObject);
    if (p->MajorFunction == IRP_MJ_READ || p->MajorFunction == IRP_MJ_WRITE) {
        Event.Offset = p->Parameters.Read.ByteOffset.QuadPart;
        Event.Length = p->Parameters.Read.Length;
    }
    if (Kind == KEX_TRACE_IRP) {
        snprintf(What, sizeof(What), "from %s", Event.Who);
        Event.What = What;
    } else {
        Event.Status = Own->Op.Data.IoStatus.Status;
        Event.Information = Own->Op.Data.IoStatus.Information;
    }
    KexHooks.Trace(&Event);
}

/*
 * The end of the request, in whatever thread completes it. A synchronous one is waited for on
 * Own->Event; for another the driver's routine runs here and may free the block.
 */
static NTSTATUS NTAPI Ended(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    FLTX_OWN *Own = Context;
    PFLT_INSTANCE Instance = Own->Initiator;
    PFLT_COMPLETED_ASYNC_IO_CALLBACK Done = Own->Done;
    FLTX_BUFFER Buffer;

    UNREFERENCED_PARAMETER(DeviceObject);
    Own->Op.Data.IoStatus = Irp->IoStatus;
    if (Irp->IoStatus.Status == STATUS_REPARSE)
        Own->Op.Data.TagData = (PFLT_TAG_DATA_BUFFER)Irp->Tail.Overlay.AuxiliaryBuffer;
    /* An MDL the file system made for our buffer is nobody else's to free. */
    if (!NT_SUCCESS(FltxFindBuffer(&Own->Op.Iopb, &Buffer)) || !Buffer.Mdl ||
        *Buffer.Mdl != Irp->MdlAddress)
        FreeMdls(Irp->MdlAddress);
    Irp->MdlAddress = NULL;
    if (Own->RestoreOffset)
        Own->Op.Iopb.TargetFileObject->CurrentByteOffset = Own->SavedOffset;
    if (KEX_TRACING())
        TraceRequest(Own, KEX_TRACE_IRP_DONE);
    atomic_store(&Own->State, FLTX_OWN_DONE);
    if (!Done) {
        KeSetEvent(&Own->Event, IO_NO_INCREMENT, FALSE);
        return STATUS_MORE_PROCESSING_REQUIRED;
    }
    FltxHold(&Instance->Object);
    {
        BOOLEAN Internal = Own->Internal;

        Done(&Own->Op.Data, Own->DoneContext);
        if (Internal)
            FltxOwnFree(Own);
    }
    FltxUnpin(&Instance->Object);
    FltxDrop(&Instance->Object);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS MakeIrp(FLTX_OWN *Own)
{
    FLTX_OP *Op = &Own->Op;
    PIO_STACK_LOCATION Stack;
    PIRP Irp;

    FreeIrp(Own);
    Irp = Own->Spare ? Own->Spare : IoAllocateIrp(StackSize(Own->Initiator), FALSE);
    Own->Spare = NULL;
    if (!Irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    Own->Irp = Irp;
    Irp->RequestorMode = KernelMode;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Irp->Tail.Overlay.OriginalFileObject = Op->Iopb.TargetFileObject;
    IoSetNextIrpStackLocation(Irp); /* ours: Ended runs for it */
    IoGetCurrentIrpStackLocation(Irp)->FileObject = Op->Iopb.TargetFileObject;
    FltxWriteIrp(Op, Irp, IoGetNextIrpStackLocation(Irp), &Op->Iopb);
    IoSetCompletionRoutine(Irp, Ended, Own, TRUE, TRUE, TRUE);
    IoSetNextIrpStackLocation(Irp); /* FltMgr's on the volume's stack */
    Stack = IoGetCurrentIrpStackLocation(Irp);
    Stack->DeviceObject = Op->Volume->Device;
    if (KEX_TRACING())
        TraceRequest(Own, KEX_TRACE_IRP);
    return STATUS_SUCCESS;
}

/* What cannot be sent at all: the block gets the status and, when there is one, the routine is
 * called. */
static NTSTATUS CannotSend(FLTX_OWN *Own, NTSTATUS Status)
{
    Own->Op.Data.IoStatus.Status = Status;
    Own->Op.Data.IoStatus.Information = 0;
    return Status;
}

NTSTATUS FltxOwnPerform(FLTX_OWN *Own, ULONG DataFlags)
{
    NTSTATUS Status;

    if (!FltxPin(&Own->Initiator->Object))
        return CannotSend(Own, STATUS_FLT_DELETING_OBJECT);
    KeInitializeEvent(&Own->Event, NotificationEvent, FALSE);
    Own->Done = NULL;
    Status = MakeIrp(Own);
    if (NT_SUCCESS(Status)) {
        atomic_store(&Own->State, FLTX_OWN_SENT);
        FltxSendIrp(Own->Op.Volume, Own->Irp, Own->Initiator,
                    FLTFL_CALLBACK_DATA_GENERATED_IO | DataFlags, NULL);
        KeWaitForSingleObject(&Own->Event, Executive, KernelMode, FALSE, NULL);
        Status = Own->Op.Data.IoStatus.Status;
    } else {
        CannotSend(Own, Status);
    }
    FltxUnpin(&Own->Initiator->Object);
    return Status;
}

static NTSTATUS CallAnyway(FLTX_OWN *Own, NTSTATUS Status, PFLT_COMPLETED_ASYNC_IO_CALLBACK Done,
                           PVOID Context)
{
    BOOLEAN Internal = Own->Internal;

    CannotSend(Own, Status);
    Done(&Own->Op.Data, Context);
    if (Internal)
        FltxOwnFree(Own);
    return Status;
}

NTSTATUS FltxOwnStart(FLTX_OWN *Own, PFLT_COMPLETED_ASYNC_IO_CALLBACK Done, PVOID Context)
{
    BOOLEAN ByFilter = FALSE;
    NTSTATUS Status;

    if (Own->Op.Iopb.MajorFunction == IRP_MJ_CREATE)
        return CallAnyway(Own, STATUS_FLT_INVALID_ASYNCHRONOUS_REQUEST, Done, Context);
    if (!FltxPin(&Own->Initiator->Object))
        return CallAnyway(Own, STATUS_FLT_DELETING_OBJECT, Done, Context);
    Status = MakeIrp(Own);
    if (!NT_SUCCESS(Status)) {
        FltxUnpin(&Own->Initiator->Object);
        return CallAnyway(Own, Status, Done, Context);
    }
    Own->Done = Done;
    Own->DoneContext = Context;
    atomic_store(&Own->State, FLTX_OWN_SENT);
    Status = FltxSendIrp(Own->Op.Volume, Own->Irp, Own->Initiator, FLTFL_CALLBACK_DATA_GENERATED_IO,
                         &ByFilter);
    if (Status == STATUS_PENDING)
        return STATUS_PENDING;
    return ByFilter ? STATUS_FLT_IO_COMPLETE : STATUS_SUCCESS;
}

/* ---- the documented routines ----------------------------------------------------------------- */

/* NULL, with a finding, for callback data FltMgr gave to a callback. */
static FLTX_OWN *Mine(PFLT_CALLBACK_DATA Data, const char *Routine, const void *Caller)
{
    FLTX_OWN *Own = FLTX_OWN_OF(Data);

    if (Data && Own->Op.Kind == FLTX_OP_ALLOCATED)
        return Own;
    KexFinding("FIO-011", "verifier", Caller,
               "%s was given callback data %p that FltAllocateCallbackData did not make", Routine,
               (void *)Data);
    return NULL;
}

static NTSTATUS Allocate(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject, ULONG Flags,
                         PFLT_CALLBACK_DATA *Data, const void *Caller)
{
    FLTX_OWN *Own;

    if (!FltxCheckObject(Instance) || Instance->Object.Kind != FLTX_INSTANCE) {
        KexFinding("OBJ-010", "verifier", Caller,
                   "callback data is asked for instance %p, which is none", (void *)Instance);
        return STATUS_INVALID_PARAMETER;
    }
    Own = FltxOwnAllocate(Instance, FileObject,
                          (Flags & FLT_ALLOCATE_CALLBACK_DATA_PREALLOCATE_ALL_MEMORY) != 0, Caller);
    if (!Own)
        return STATUS_INSUFFICIENT_RESOURCES;
    *Data = &Own->Op.Data;
    return STATUS_SUCCESS;
}

/*
 * Callback data for a request of the filter's own. IRQL: <= APC_LEVEL. FileObject may be NULL (a
 * create). Nonpaged; freed by FltFreeCallbackData. STATUS_INSUFFICIENT_RESOURCES
 * (nf-fltkernel-fltallocatecallbackdata).
 */
NTSTATUS NTAPI FltAllocateCallbackData(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                       PFLT_CALLBACK_DATA *RetNewCallbackData)
{
    return Allocate(Instance, FileObject, 0, RetNewCallbackData, __builtin_return_address(0));
}

/*
 * The same; FLT_ALLOCATE_CALLBACK_DATA_PREALLOCATE_ALL_MEMORY takes all FltMgr's memory for one
 * request now (nf-fltkernel-fltallocatecallbackdataex).
 */
NTSTATUS NTAPI FltAllocateCallbackDataEx(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                         FLT_ALLOCATE_CALLBACK_DATA_FLAGS Flags,
                                         PFLT_CALLBACK_DATA *RetNewCallbackData)
{
    return Allocate(Instance, FileObject, Flags, RetNewCallbackData, __builtin_return_address(0));
}

/* Frees callback data of FltAllocateCallbackData and its MDLs. IRQL: <= DISPATCH_LEVEL
 * (nf-fltkernel-fltfreecallbackdata). */
VOID NTAPI FltFreeCallbackData(PFLT_CALLBACK_DATA CallbackData)
{
    FLTX_OWN *Own = Mine(CallbackData, "FltFreeCallbackData", __builtin_return_address(0));

    if (!Own)
        return;
    if (atomic_load(&Own->State) == FLTX_OWN_SENT) {
        FLTX_FINDING("FIO-012", "FltFreeCallbackData of %p while its request is under way",
                     (void *)CallbackData);
        return;
    }
    FltxOwnFree(Own);
}

/*
 * Makes callback data ready for another request: everything but TargetInstance and TargetFileObject
 * is reset, MDLs are freed. IRQL: <= APC_LEVEL (nf-fltkernel-fltreusecallbackdata).
 */
VOID NTAPI FltReuseCallbackData(PFLT_CALLBACK_DATA CallbackData)
{
    FLTX_OWN *Own = Mine(CallbackData, "FltReuseCallbackData", __builtin_return_address(0));
    PFLT_INSTANCE Instance;

    if (!Own)
        return;
    if (atomic_load(&Own->State) != FLTX_OWN_DONE) {
        FLTX_FINDING("FIO-012", "FltReuseCallbackData of %p, whose request %s",
                     (void *)CallbackData,
                     atomic_load(&Own->State) == FLTX_OWN_SENT ? "is under way" : "was never sent");
        if (atomic_load(&Own->State) == FLTX_OWN_SENT)
            return;
    }
    FreeDataMdl(Own);
    Instance = Own->Op.Iopb.TargetInstance;
    InitData(Own, Own->Op.Iopb.TargetFileObject);
    Own->Op.Iopb.TargetInstance = Instance;
    atomic_store(&Own->State, FLTX_OWN_IDLE);
}

/*
 * Sends the request to the instances below and the file system; returns when it is done, with the
 * outcome in CallbackData->IoStatus. IRQL: <= APC_LEVEL for paging I/O, else PASSIVE_LEVEL
 * (nf-fltkernel-fltperformsynchronousio).
 */
VOID NTAPI FltPerformSynchronousIo(PFLT_CALLBACK_DATA CallbackData)
{
    FLTX_OWN *Own = Mine(CallbackData, "FltPerformSynchronousIo", __builtin_return_address(0));

    if (!Own)
        return;
    if (CallbackData->Iopb->MajorFunction > IRP_MJ_MAXIMUM_FUNCTION) {
        FLTX_FINDING("FIO-011",
                     "FltPerformSynchronousIo of major function 0x%02x, which has no IRP",
                     CallbackData->Iopb->MajorFunction);
        CannotSend(Own, STATUS_INVALID_PARAMETER);
        return;
    }
    FltxOwnPerform(Own, 0);
}

/*
 * Sends the request and calls CallbackRoutine once it is done, in every outcome; CallbackRoutine
 * may free or reuse the block. STATUS_PENDING, STATUS_SUCCESS (done, the routine has run),
 * STATUS_FLT_IO_COMPLETE (a lower filter did it), STATUS_FLT_INVALID_ASYNCHRONOUS_REQUEST for a
 * create (nf-fltkernel-fltperformasynchronousio).
 */
NTSTATUS NTAPI FltPerformAsynchronousIo(PFLT_CALLBACK_DATA CallbackData,
                                        PFLT_COMPLETED_ASYNC_IO_CALLBACK CallbackRoutine,
                                        PVOID CallbackContext)
{
    FLTX_OWN *Own = Mine(CallbackData, "FltPerformAsynchronousIo", __builtin_return_address(0));

    if (!Own)
        return STATUS_INVALID_PARAMETER;
    if (!CallbackRoutine) {
        FLTX_FINDING("FIO-012", "FltPerformAsynchronousIo without a callback routine");
        return STATUS_INVALID_PARAMETER;
    }
    return FltxOwnStart(Own, CallbackRoutine, CallbackContext);
}

/* An IRP operation in its synchronised post-callback: the record holds the IRP at our stack
 * location. */
static BOOLEAN Reissuable(FLTX_OP *Op)
{
    return Op->Kind == FLTX_OP_IRP && (Op->Data.Flags & FLTFL_CALLBACK_DATA_POST_OPERATION) &&
           (Op->Sync || Op->Iopb.MajorFunction == IRP_MJ_CREATE) && !Op->Marked;
}

/*
 * Sends a synchronised operation again to the instances below and the file system. From a
 * post-callback whose pre-callback returned FLT_PREOP_SYNCHRONIZE, a post-create, or for own
 * callback data that was performed. Changed parameters need FltSetCallbackDataDirty. A cancelled
 * create ends with STATUS_CANCELLED; a reparse buffer of the last round is freed
 * (nf-fltkernel-fltreissuesynchronousio).
 */
VOID NTAPI FltReissueSynchronousIo(PFLT_INSTANCE InitiatingInstance,
                                   PFLT_CALLBACK_DATA CallbackData)
{
    FLTX_OP *Op = FLTX_OP_OF(CallbackData);
    PFILE_OBJECT File = CallbackData->Iopb->TargetFileObject;

    if (CallbackData->Iopb->MajorFunction == IRP_MJ_CREATE && File &&
        (File->Flags & FO_FILE_OPEN_CANCELLED)) {
        CallbackData->IoStatus.Status = STATUS_CANCELLED;
        CallbackData->IoStatus.Information = 0;
        return;
    }
    if (Op->Kind == FLTX_OP_ALLOCATED) {
        FltxOwnPerform(FLTX_OWN_OF(CallbackData), FLTFL_CALLBACK_DATA_REISSUED_IO);
        return;
    }
    if (!Reissuable(Op)) {
        FLTX_FINDING(
            "FIO-013",
            "FltReissueSynchronousIo of an operation that is not synchronised or not IRP-based");
        CallbackData->IoStatus.Status = STATUS_INVALID_PARAMETER;
        return;
    }
    if (CallbackData->TagData) {
        ExFreePool(CallbackData->TagData);
        CallbackData->TagData = NULL;
        Op->Irp->Tail.Overlay.AuxiliaryBuffer = NULL;
    }
    FltxResendIrp(Op, Op->Irp, InitiatingInstance);
    CallbackData->Flags &= ~FLTFL_CALLBACK_DATA_DIRTY;
}

static PIRP IrpOf(PFLT_CALLBACK_DATA Data)
{
    FLTX_OP *Op = FLTX_OP_OF(Data);

    if (Op->Kind == FLTX_OP_ALLOCATED) {
        FLTX_OWN *Own = FLTX_OWN_OF(Data);

        return atomic_load(&Own->State) == FLTX_OWN_SENT ? Own->Irp : NULL;
    }
    return Op->Kind == FLTX_OP_IRP ? Op->Irp : NULL;
}

/*
 * Cancels a request the filter started. TRUE: its cancel routine was called. FALSE: not IRP-based,
 * no cancel routine (the cancel bit is set all the same), or cancelled already. IRQL: <=
 * DISPATCH_LEVEL (nf-fltkernel-fltcancelio).
 */
BOOLEAN NTAPI FltCancelIo(PFLT_CALLBACK_DATA CallbackData)
{
    PIRP Irp = IrpOf(CallbackData);

    if (!Irp || Irp->Cancel)
        return FALSE;
    return IoCancelIrp(Irp);
}

/* TRUE when the operation's IRP has its cancel bit set. Any IRQL (nf-fltkernel-fltisiocanceled). */
BOOLEAN NTAPI FltIsIoCanceled(PFLT_CALLBACK_DATA CallbackData)
{
    FLTX_OP *Op = FLTX_OP_OF(CallbackData);
    PIRP Irp = Op->Kind == FLTX_OP_ALLOCATED ? FLTX_OWN_OF(CallbackData)->Irp : IrpOf(CallbackData);

    return Irp && Irp->Cancel;
}

/* SPDX-License-Identifier: MIT */
/*
 * The IRP road through FltMgr's device: pre-callbacks, the file system below, post-callbacks in the
 * completion routine, or in the dispatching thread for creates and synchronised operations.
 */
#include "fltx.h"

/*
 * Completion mostly happens while the dispatch call below is still on the stack. A filter may
 * change the status in its post-callback; the dispatch routine must then return the changed one.
 * The frame is how completion tells it.
 */
typedef struct _FRAME {
    FLTX_OP *Op;
    struct _FRAME *Outer;
    BOOLEAN Completed, Pended;
    NTSTATUS Status;
} FRAME;

static __thread FRAME *Frames;

static FRAME *FindFrame(const FLTX_OP *Op)
{
    FRAME *Frame = Frames;

    while (Frame && Frame->Op != Op)
        Frame = Frame->Outer;
    return Frame;
}

/* What FltMgr itself keeps per file object must follow closes and renames, whether a filter wants
 * them or not. */
static __attribute__((noinline)) VOID NTAPI LookAt(PFLT_VOLUME Volume, UCHAR Major,
                                                   PFILE_OBJECT FileObject)
{
    if (Major == IRP_MJ_CLOSE)
        FltxHandleClosed(Volume, FileObject);
    else if (Major == IRP_MJ_SET_INFORMATION)
        FltxNamesChanged(Volume);
}

static inline NTSTATUS PassDown(PFLT_VOLUME Volume, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    if (__builtin_expect(atomic_load_explicit(&Volume->HandleContexts, memory_order_relaxed) != 0,
                         0))
        LookAt(Volume, Stack->MajorFunction, Stack->FileObject);
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Volume->Lower, Irp);
}

/* The IRP's outcome as the callbacks see and change it. */
static void TakeOutcome(FLTX_OP *Op, PIRP Irp)
{
    if (__builtin_expect(Op->Changed, 0))
        FltxRestoreIrp(Op, Irp);
    Op->Data.IoStatus = Irp->IoStatus;
    if (__builtin_expect(Irp->IoStatus.Status == STATUS_REPARSE, 0))
        Op->Data.TagData = (PFLT_TAG_DATA_BUFFER)Irp->Tail.Overlay.AuxiliaryBuffer;
}

static void GiveOutcome(FLTX_OP *Op, PIRP Irp)
{
    Irp->IoStatus = Op->Data.IoStatus;
    if (__builtin_expect(Op->Data.TagData != NULL, 0))
        Irp->Tail.Overlay.AuxiliaryBuffer = (PCHAR)Op->Data.TagData;
}

static NTSTATUS NTAPI Completed(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    FLTX_OP *Op = Context;
    FRAME *Frame = FindFrame(Op);

    UNREFERENCED_PARAMETER(DeviceObject);
    if (Irp->PendingReturned)
        IoMarkIrpPending(Irp);
    TakeOutcome(Op, Irp);
    if (!FltxPost(Op, atomic_load_explicit(&Op->Chain, memory_order_relaxed), Op->Layers - 1)) {
        if (Frame)
            Frame->Pended = TRUE;
        return STATUS_MORE_PROCESSING_REQUIRED;
    }
    GiveOutcome(Op, Irp);
    if (Frame) {
        Frame->Completed = TRUE;
        Frame->Pended = Op->Marked;
        Frame->Status = Irp->IoStatus.Status;
    }
    FltxEndOp(Op);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS NTAPI CompletedSync(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    if (Irp->PendingReturned)
        KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static void PrepareDown(FLTX_OP *Op, PIRP Irp)
{
    IoCopyCurrentIrpStackLocationToNext(Irp);
    if (__builtin_expect(Op->Changed, 0))
        FltxWriteIrp(Op, Irp, IoGetNextIrpStackLocation(Irp), &Op->Committed);
}

/* Ends an operation whose IRP is at our stack location. */
void FltxFinishIrp(FLTX_OP *Op)
{
    PIRP Irp = Op->Irp;

    GiveOutcome(Op, Irp);
    FltxEndOp(Op);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

static NTSTATUS Finish(FLTX_OP *Op)
{
    NTSTATUS Status = Op->Marked ? STATUS_PENDING : Op->Data.IoStatus.Status;

    if (!Op->Reissue)
        FltxFinishIrp(Op);
    return Status;
}

static NTSTATUS SendDownSync(FLTX_OP *Op, FLTX_CHAIN *Chain)
{
    PIRP Irp = Op->Irp;
    NTSTATUS Status;
    KEVENT Event;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    PrepareDown(Op, Irp);
    IoSetCompletionRoutine(Irp, CompletedSync, &Event, TRUE, TRUE, TRUE);
    FltxOpStep(Op, FLTX_CURSOR_BELOW);
    Status = IoCallDriver(Op->Volume->Lower, Irp);
    if (Status == STATUS_PENDING)
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    if (__builtin_expect(Op->StatusRequests != NULL, 0))
        FltxReportOperationStatus(Op->StatusRequests, Status);
    TakeOutcome(Op, Irp);
    if (!FltxPost(Op, Chain, Op->Layers - 1))
        return STATUS_PENDING;
    return Finish(Op);
}

/* With a completion routine: the post-callbacks run where the request completes. */
static NTSTATUS SendDownAndBack(FLTX_OP *Op)
{
    struct _FLTX_STATUS_REQUEST *Requests = Op->StatusRequests;
    FRAME Frame = {.Op = Op, .Outer = Frames};
    BOOLEAN Marked = Op->Marked;
    PIRP Irp = Op->Irp;
    NTSTATUS Status;

    PrepareDown(Op, Irp);
    IoSetCompletionRoutine(Irp, Completed, Op, TRUE, TRUE, TRUE);
    FltxOpStep(Op, FLTX_CURSOR_BELOW);
    Frames = &Frame;
    Status = IoCallDriver(Op->Volume->Lower, Irp);
    Frames = Frame.Outer;
    if (__builtin_expect(Requests != NULL, 0))
        FltxReportOperationStatus(Requests, Status);
    if (Frame.Pended || Marked)
        return STATUS_PENDING;
    return Frame.Completed && Status != STATUS_PENDING ? Frame.Status : Status;
}

static NTSTATUS SendDown(FLTX_OP *Op, FLTX_CHAIN *Chain)
{
    struct _FLTX_STATUS_REQUEST *Requests;
    PFLT_VOLUME Volume = Op->Volume;
    BOOLEAN Marked = Op->Marked;
    PIRP Irp = Op->Irp;
    NTSTATUS Status;

    if (__builtin_expect(atomic_load_explicit(&Volume->HandleContexts, memory_order_relaxed) != 0,
                         0))
        LookAt(Volume, Op->Iopb.MajorFunction, Op->Iopb.TargetFileObject);
    if (Op->Reissue)
        return SendDownSync(Op, Chain);
    if (Op->Wanted || Op->Changed) {
        if (Op->Sync || Op->Iopb.MajorFunction == IRP_MJ_CREATE)
            return SendDownSync(Op, Chain);
        return SendDownAndBack(Op);
    }
    Requests = Op->StatusRequests;
    FltxEndOp(Op);
    IoSkipCurrentIrpStackLocation(Irp);
    Status = IoCallDriver(Volume->Lower, Irp);
    if (__builtin_expect(Requests != NULL, 0))
        FltxReportOperationStatus(Requests, Status);
    return Marked ? STATUS_PENDING : Status;
}

/*
 * From layer At on (Resume: its pended pre-callback has its result now) to the end, or to where the
 * operation waits for somebody. The status is what a dispatch routine returns.
 */
NTSTATUS FltxAdvance(FLTX_OP *Op, LONG At, BOOLEAN Resume)
{
    FLTX_CHAIN *Chain = atomic_load_explicit(&Op->Chain, memory_order_relaxed);

    switch (FltxPre(Op, Chain, &At, Resume)) {
    case FLT_PREOP_PENDING:
        return STATUS_PENDING;
    case FLT_PREOP_SUCCESS_NO_CALLBACK:
        return SendDown(Op, Chain);
    default: /* completed by layer At: it gets no post-callback, those above do */
        if (Op->ByFilter)
            *Op->ByFilter = TRUE;
        if (Op->Data.TagData == NULL && Op->Data.IoStatus.Status == STATUS_REPARSE)
            Op->Data.TagData = (PFLT_TAG_DATA_BUFFER)Op->Irp->Tail.Overlay.AuxiliaryBuffer;
        if (!FltxPost(Op, Chain, At))
            return STATUS_PENDING;
        return Finish(Op);
    }
}

static NTSTATUS Refuse(PIRP Irp)
{
    Irp->IoStatus.Status = STATUS_INSUFFICIENT_RESOURCES;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_INSUFFICIENT_RESOURCES;
}

/* The chain may change, and grow beyond the record, between the two looks at it: then once more. */
FLTX_OP *FltxBegin(PFLT_VOLUME Volume, UCHAR Major, FLTX_OP_KIND Kind, FLTX_CHAIN **Chain)
{
    ULONG Room = atomic_load_explicit(&Volume->InstanceCount, memory_order_relaxed);

    for (;;) {
        FLTX_OP *Op = FltxOpAllocate(Room);

        *Chain = NULL;
        if (!Op)
            return NULL;
        FLTX_SHOW(Op->Kind, Kind);
        FLTX_SHOW(Op->Volume, Volume);
        atomic_store_explicit(&Op->Cursor, FLTX_CURSOR_BELOW, memory_order_relaxed);
        *Chain = FltxOpEnter(Op, Volume, FltxSlot(Major));
        if (*Chain && (*Chain)->Count <= Op->Capacity)
            return Op;
        if (*Chain)
            Room = (*Chain)->Count;
        FltxEndOp(Op);
        if (!*Chain)
            return NULL;
    }
}

static FLTX_OP *BeginIrp(PFLT_VOLUME Volume, PIRP Irp, PFLT_INSTANCE Below, ULONG DataFlags,
                         NTSTATUS *Status)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    FLTX_CHAIN *Chain;
    FLTX_OP *Op = FltxBegin(Volume, Stack->MajorFunction, FLTX_OP_IRP, &Chain);

    if (!Op) {
        *Status = atomic_load(&Volume->Chain[FltxSlot(Stack->MajorFunction)])
                      ? STATUS_INSUFFICIENT_RESOURCES
                      : STATUS_SUCCESS;
        return NULL;
    }
    Op->Irp = Irp;
    Op->Data.Flags = FLTFL_CALLBACK_DATA_IRP_OPERATION | DataFlags;
    Op->Data.Thread = Irp->Tail.Overlay.Thread;
    Op->Data.RequestorMode = Irp->RequestorMode;
    FltxReadIrp(Op, Irp, Stack);
    FltxBeginOp(Op, Volume, Chain, Below);
    return Op;
}

NTSTATUS FltxSendIrp(PFLT_VOLUME Volume, PIRP Irp, PFLT_INSTANCE Below, ULONG DataFlags,
                     BOOLEAN *ByFilter)
{
    NTSTATUS Status;
    FLTX_OP *Op = BeginIrp(Volume, Irp, Below, DataFlags, &Status);

    if (!Op)
        return NT_SUCCESS(Status) ? PassDown(Volume, Irp) : Refuse(Irp);
    Op->ByFilter = ByFilter;
    return FltxAdvance(Op, Op->First, FALSE);
}

/*
 * The IRP is at our stack location and stays ours afterwards. Changes of the caller's parameter
 * block go down when it is marked (nf-fltkernel-fltreissuesynchronousio); the outcome is left in
 * the caller's callback data.
 */
NTSTATUS FltxResendIrp(FLTX_OP *From, PIRP Irp, PFLT_INSTANCE Below)
{
    ULONG Flags =
        (From->Data.Flags & FLTFL_CALLBACK_DATA_GENERATED_IO) | FLTFL_CALLBACK_DATA_REISSUED_IO;
    FLTX_CHAIN *Chain;
    FLTX_OP *Op = FltxBegin(From->Volume, From->Iopb.MajorFunction, FLTX_OP_IRP, &Chain);
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    KEVENT Event;

    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    Irp->PendingReturned = FALSE;
    if (Op) {
        Op->Irp = Irp;
        Op->Data.Flags = FLTFL_CALLBACK_DATA_IRP_OPERATION | Flags;
        Op->Data.Thread = Irp->Tail.Overlay.Thread;
        Op->Data.RequestorMode = Irp->RequestorMode;
        FltxReadIrp(Op, Irp, Stack);
        FltxBeginOp(Op, From->Volume, Chain, Below);
        Op->Reissue = TRUE;
        if (From->Data.Flags & FLTFL_CALLBACK_DATA_DIRTY) {
            Op->Iopb = Op->Committed = From->Iopb;
            Op->Changed = TRUE;
        }
        FltxAdvance(Op, Op->First, FALSE);
        From->Data.IoStatus = Op->Data.IoStatus;
        From->Data.TagData = Op->Data.TagData;
        FltxEndOp(Op);
        return From->Data.IoStatus.Status;
    }
    if (Chain)
        return From->Data.IoStatus.Status = STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    if (From->Data.Flags & FLTFL_CALLBACK_DATA_DIRTY)
        FltxWriteIrp(From, Irp, IoGetNextIrpStackLocation(Irp), &From->Iopb);
    IoSetCompletionRoutine(Irp, CompletedSync, &Event, TRUE, TRUE, TRUE);
    if (IoCallDriver(From->Volume->Lower, Irp) == STATUS_PENDING)
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    if (From->Data.Flags & FLTFL_CALLBACK_DATA_DIRTY)
        FltxRestoreIrp(From, Irp);
    From->Data.IoStatus = Irp->IoStatus;
    return Irp->IoStatus.Status;
}

/* Requests on files that were opened below an instance start there too, the last close included. */
static NTSTATUS DispatchTargeted(PFLT_VOLUME Volume, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PFILE_OBJECT File = Stack->FileObject;
    PFLT_INSTANCE Below = File ? FltxHoldTarget(File) : NULL;
    BOOLEAN Close = Stack->MajorFunction == IRP_MJ_CLOSE;
    NTSTATUS Status = FltxSendIrp(Volume, Irp, Below, 0, NULL);

    if (Below)
        FltxDrop(&Below->Object);
    if (Below && Close)
        FltxForgetTarget(Volume, File);
    return Status;
}

/* Everything that is not simply passed down. */
static __attribute__((noinline)) NTSTATUS NTAPI Filtered(PFLT_VOLUME Volume, PIRP Irp)
{
    if (IoGetCurrentIrpStackLocation(Irp)->MajorFunction == IRP_MJ_CREATE)
        return FltxCreateArrives(Volume, Irp);
    if (__builtin_expect(atomic_load_explicit(&Volume->Targeted, memory_order_relaxed) != 0, 0))
        return DispatchTargeted(Volume, Irp);
    return FltxSendIrp(Volume, Irp, NULL, 0, NULL);
}

/*
 * Every major function of FltMgr's driver object. What nobody registered for leaves by the first
 * branch, through ms_abi functions only: no vector register is saved for it.
 */
NTSTATUS NTAPI FltxDispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFLT_VOLUME Volume = *(PFLT_VOLUME *)DeviceObject->DeviceExtension;
    UCHAR Major = IoGetCurrentIrpStackLocation(Irp)->MajorFunction;

    if (Major == IRP_MJ_CREATE ||
        atomic_load_explicit(&Volume->Targeted, memory_order_relaxed) != 0 ||
        atomic_load_explicit(&Volume->Chain[Major], memory_order_relaxed))
        return Filtered(Volume, Irp);
    return PassDown(Volume, Irp);
}

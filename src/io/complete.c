/* SPDX-License-Identifier: MIT */
/*
 * The way of a request down and up: IofCallDriver, IofCompleteRequest and what happens in the
 * requesting thread.
 *
 * Completion has two parts, as on Windows. IofCompleteRequest walks the completion routines in
 * whatever context the completing driver is in; then the requesting thread gets the results by a
 * special kernel APC. When that thread is already here and could take the APC at once, its routine
 * is called without queueing; when the sender waits anyway (IRP_DEFER_IO_COMPLETION) and nothing
 * was pended, the sender does the second part itself. A thread that waits with APCs disabled for
 * its own request therefore hangs here for the same reason as there.
 */
#include "io/iop.h"
#include "io/reparse.h"

/* ---- trace ----------------------------------------------------------------------------------- */

static void FillTransfer(PIO_STACK_LOCATION Stack, LONGLONG *Offset, ULONG *Length)
{
    switch (Stack->MajorFunction) {
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        *Offset = Stack->Parameters.Read.ByteOffset.QuadPart;
        *Length = Stack->Parameters.Read.Length;
        break;
    case IRP_MJ_FILE_SYSTEM_CONTROL:
    case IRP_MJ_DEVICE_CONTROL:
        *Length = Stack->Parameters.FileSystemControl.OutputBufferLength;
        break;
    case IRP_MJ_QUERY_INFORMATION:
    case IRP_MJ_SET_INFORMATION:
    case IRP_MJ_QUERY_VOLUME_INFORMATION:
    case IRP_MJ_DIRECTORY_CONTROL:
        *Length = Stack->Parameters.QueryFile.Length;
        break;
    }
}

static const char *TopName(PDEVICE_OBJECT Device)
{
    return Device && Device->DriverObject ? IoxDriverLabel(Device->DriverObject) : NULL;
}

static void TraceSend(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetNextIrpStackLocation(Irp);
    IOP_BLOCK *Block = IopBlockOf(Irp);
    KEX_TRACE Event = {.Kind = KEX_TRACE_IRP,
                       .Major = Stack->MajorFunction,
                       .Minor = Stack->MinorFunction,
                       .IrpFlags = Irp->Flags,
                       .Irp = Irp,
                       .Object = Stack->FileObject,
                       .Who = TopName(Device)};

    FillTransfer(Stack, &Event.Offset, &Event.Length);
    if (Stack->FileObject)
        Event.Path = IoxFilePath(Stack->FileObject);
    if (Block) {
        Block->Traced = true;
        Block->Major = Stack->MajorFunction;
        Block->Minor = Stack->MinorFunction;
        Block->TracedFlags = Irp->Flags;
        Block->Offset = Event.Offset;
        Block->Length = Event.Length;
        Block->FileObject = Stack->FileObject;
    }
    KexHooks.Trace(&Event);
}

static void TraceDone(PIRP Irp, IOP_BLOCK *Block)
{
    KEX_TRACE Event = {.Kind = KEX_TRACE_IRP_DONE,
                       .Major = Block->Major,
                       .Minor = Block->Minor,
                       .IrpFlags = Block->TracedFlags,
                       .Status = Irp->IoStatus.Status,
                       .Information = Irp->IoStatus.Information,
                       .Offset = Block->Offset,
                       .Length = Block->Length,
                       .Irp = Irp,
                       .Object = Block->FileObject};

    Block->Traced = false;
    if (Block->FileObject)
        Event.Path = IoxFilePath(Block->FileObject);
    if (KEX_TRACING())
        KexHooks.Trace(&Event);
}

/* ---- down ------------------------------------------------------------------------------------ */

static void __attribute__((noinline, cold)) BadCall(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (Irp->Type != IO_TYPE_IRP)
        KeBugCheckEx(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x3, (ULONG_PTR)Irp, 0, 0);
    if (!DeviceObject || DeviceObject->Type != IO_TYPE_DEVICE)
        KeBugCheckEx(DRIVER_VERIFIER_IOMANAGER_VIOLATION, 0x4, (ULONG_PTR)DeviceObject,
                     (ULONG_PTR)Irp, 0);
    KeBugCheckEx(NO_MORE_IRP_STACK_LOCATIONS, (ULONG_PTR)Irp, (ULONG_PTR)DeviceObject, 0, 0);
}

/*
 * Hands a request to the next driver. The caller prepared the next stack location. IRQL <=
 * DISPATCH_LEVEL; most file system requests PASSIVE_LEVEL. Returns what the dispatch routine
 * returns (nf-wdm-iocalldriver). Without a free stack location the machine stops, as Windows does
 * (bug check 0x35).
 */
NTSTATUS NTAPI IofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack;

    if (__builtin_expect(
            Irp->Type != IO_TYPE_IRP || !DeviceObject || DeviceObject->Type != IO_TYPE_DEVICE, 0))
        BadCall(DeviceObject, Irp);
    if (__builtin_expect(--Irp->CurrentLocation <= 0, 0))
        BadCall(DeviceObject, Irp);
    Stack = --Irp->Tail.Overlay.CurrentStackLocation;
    Stack->DeviceObject = DeviceObject;
    return DeviceObject->DriverObject->MajorFunction[Stack->MajorFunction](DeviceObject, Irp);
}

NTSTATUS IoxSend(PDEVICE_OBJECT Device, PIRP Irp)
{
    if (KEX_TRACING())
        TraceSend(Device, Irp);
    return IofCallDriver(Device, Irp);
}

NTSTATUS IoxSendAndWait(PDEVICE_OBJECT Device, PIRP Irp, PKEVENT Event, PIO_STATUS_BLOCK Iosb)
{
    NTSTATUS Status = IoxSend(Device, Irp);

    if (Status == STATUS_PENDING) {
        KeWaitForSingleObject(Event, Executive, KernelMode, FALSE, NULL);
        Status = Iosb->Status;
    }
    return Status;
}

/* The exported form that drivers built without the macro import. */
#undef IoCallDriver
NTSTATUS NTAPI IoCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return IofCallDriver(DeviceObject, Irp);
}

/* ---- in the requesting thread ---------------------------------------------------------------- */

void IopSignalFile(PFILE_OBJECT FileObject, NTSTATUS Status)
{
    FileObject->FinalStatus = Status;
    KeSetEvent(&FileObject->Event, 0, FALSE);
}

/* Buffered results to the caller's memory. A caller whose memory is gone gets the fault as its
 * status. */
static void CopyResults(PIRP Irp)
{
    NTSTATUS Status = Irp->IoStatus.Status;

    if (!(Irp->Flags & IRP_BUFFERED_IO))
        return;
    if ((Irp->Flags & IRP_INPUT_OPERATION) && Status != STATUS_VERIFY_REQUIRED &&
        !NT_ERROR(Status) && Irp->UserBuffer && Irp->IoStatus.Information) {
        Status = MmxCopyOut(Irp->UserBuffer, Irp->AssociatedIrp.SystemBuffer,
                            Irp->IoStatus.Information, 1, Irp->RequestorMode);
        if (!NT_SUCCESS(Status))
            Irp->IoStatus.Status = Status;
    }
    if (Irp->Flags & IRP_DEALLOCATE_BUFFER)
        ExFreePool(Irp->AssociatedIrp.SystemBuffer);
    Irp->Flags &= ~(ULONG)(IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER);
}

static void FreeMdls(PIRP Irp)
{
    for (PMDL Mdl = Irp->MdlAddress, Next; Mdl; Mdl = Next) {
        Next = Mdl->Next;
        IoFreeMdl(Mdl);
    }
    Irp->MdlAddress = NULL;
}

static VOID NTAPI UserApcKernelRoutine(PKAPC Apc, PKNORMAL_ROUTINE *NormalRoutine,
                                       PVOID *NormalContext, PVOID *SystemArgument1,
                                       PVOID *SystemArgument2)
{
    UNREFERENCED_PARAMETER(NormalRoutine);
    UNREFERENCED_PARAMETER(NormalContext);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    free(Apc);
}

static VOID NTAPI UserApcRundown(PKAPC Apc)
{
    free(Apc);
}

static void QueueUserApc(PIRP Irp)
{
    PKAPC Item = malloc(sizeof *Item); /* lives until it ran */

    if (!Item)
        return;
    /* IO_APC_ROUTINE(ApcContext, Iosb, Reserved) is a normal routine with its arguments in this
     * order. */
    KeInitializeApc(Item, (PRKTHREAD)Irp->Tail.Overlay.Thread, CurrentApcEnvironment,
                    UserApcKernelRoutine, UserApcRundown,
                    (PKNORMAL_ROUTINE)(PVOID)Irp->Overlay.AsynchronousParameters.UserApcRoutine,
                    Irp->RequestorMode, Irp->Overlay.AsynchronousParameters.UserApcContext);
    if (!KeInsertQueueApc(Item, Irp->UserIosb, NULL, 2))
        free(Item);
}

/* Tells the waiters. Deliver: the caller is to see the result in its status block. */
static void Deliver(PIRP Irp)
{
    PFILE_OBJECT FileObject = Irp->Tail.Overlay.OriginalFileObject;
    NTSTATUS Status = Irp->IoStatus.Status;

    if (Irp->UserIosb)
        MmxCopyOut(Irp->UserIosb, &Irp->IoStatus, sizeof Irp->IoStatus, 1, Irp->RequestorMode);
    if (Irp->UserEvent) {
        KeSetEvent(Irp->UserEvent, 0, FALSE);
        /* A synchronous sender waits on its own event, an opener reads FinalStatus. */
        if (FileObject && !(Irp->Flags & IRP_SYNCHRONOUS_API) &&
            (FileObject->Flags & FO_SYNCHRONOUS_IO))
            IopSignalFile(FileObject, Status);
    } else if (FileObject) {
        IopSignalFile(FileObject, Status);
    }
    if (FileObject && !(Irp->Flags & IRP_CREATE_OPERATION) &&
        Irp->Overlay.AsynchronousParameters.UserApcRoutine)
        QueueUserApc(Irp);
}

void IopFinishRequest(PIRP Irp)
{
    PFILE_OBJECT FileObject = Irp->Tail.Overlay.OriginalFileObject;
    PKEVENT OwnEvent = FileObject && !(Irp->Flags & IRP_SYNCHRONOUS_API) ? Irp->UserEvent : NULL;
    IOP_BLOCK *Block = IopBlockOf(Irp);
    bool Failed;

    CopyResults(Irp);
    FreeMdls(Irp);
    Failed = NT_ERROR(Irp->IoStatus.Status);
    if ((Irp->Flags & IRP_CREATE_OPERATION) && Irp->IoStatus.Status == STATUS_REPARSE && Block &&
        Block->Auxiliary)
        IopKeepPendedReparse(FileObject, Block->Auxiliary);
    if (Block && Block->Queued)
        IopDequeueIrp(Irp);
    /*
     * A request that failed at once tells its caller by the returned status only. One that was
     * pended has nobody left to tell it but the status block and the events.
     */
    if (!Failed || Irp->PendingReturned)
        Deliver(Irp);
    if (OwnEvent)
        ObDereferenceObject(OwnEvent);
    if (FileObject && !(Irp->Flags & IRP_CREATE_OPERATION))
        ObDereferenceObject(FileObject);
    if (Block)
        IopFreeIrp(Irp);
}

void IoxFinishDeferred(PIRP Irp, NTSTATUS *Status)
{
    /* The copy to the caller's buffer may still turn success into a fault. */
    CopyResults(Irp);
    *Status = Irp->IoStatus.Status;
    IopFinishRequest(Irp);
}

static VOID NTAPI FinishApc(PKAPC Apc, PKNORMAL_ROUTINE *NormalRoutine, PVOID *NormalContext,
                            PVOID *SystemArgument1, PVOID *SystemArgument2)
{
    PIRP Irp = CONTAINING_RECORD(Apc, IRP, Tail.Apc);

    UNREFERENCED_PARAMETER(NormalRoutine);
    UNREFERENCED_PARAMETER(NormalContext);
    /* The APC lay over the thread and the file object in the request's tail. */
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Irp->Tail.Overlay.OriginalFileObject = *SystemArgument1;
    UNREFERENCED_PARAMETER(SystemArgument2);
    IopFinishRequest(Irp);
}

/* The thread ended before it could take the APC: nobody is left to tell. */
static VOID NTAPI DropApc(PKAPC Apc)
{
    PIRP Irp = CONTAINING_RECORD(Apc, IRP, Tail.Apc);

    Irp->Tail.Overlay.Thread = NULL;
    Irp->Tail.Overlay.OriginalFileObject = Apc->SystemArgument1;
    Irp->UserIosb = NULL;
    Irp->Overlay.AsynchronousParameters.UserApcRoutine = NULL;
    if (Irp->Flags & IRP_SYNCHRONOUS_API)
        Irp->UserEvent = NULL;
    IopFinishRequest(Irp);
}

static bool CanFinishHere(PETHREAD Thread)
{
    return Thread == PsGetCurrentThread() && KeGetCurrentIrql() < APC_LEVEL &&
           !(KexApcDisableCounts((PKTHREAD)Thread) >> 16);
}

static void FinishInThread(PIRP Irp)
{
    PETHREAD Thread = Irp->Tail.Overlay.Thread;
    PFILE_OBJECT FileObject = Irp->Tail.Overlay.OriginalFileObject;
    IOP_BLOCK *Block = IopBlockOf(Irp);

    if (!Thread) {
        KexFinding("IRP-023", "verifier", Block ? Block->Creator : NULL,
                   "request %p reached the end of its completion, but its creator set no "
                   "completion routine that keeps it",
                   (void *)Irp);
        IopFinishRequest(Irp);
        return;
    }
    if (CanFinishHere(Thread)) {
        IopFinishRequest(Irp);
        return;
    }
    /* The list entry is found by the thread, which the APC is about to overwrite. */
    if (Block && Block->Queued)
        IopDequeueIrp(Irp);
    KeInitializeApc(&Irp->Tail.Apc, (PRKTHREAD)Thread, Irp->ApcEnvironment, FinishApc, DropApc,
                    NULL, KernelMode, NULL);
    if (!KeInsertQueueApc(&Irp->Tail.Apc, FileObject, NULL, 0)) {
        Irp->Tail.Apc.SystemArgument1 = FileObject;
        DropApc(&Irp->Tail.Apc);
    }
}

/* ---- up -------------------------------------------------------------------------------------- */

/* What the next owner of the location must not see. */
static inline void ClearLocation(PIO_STACK_LOCATION Stack)
{
    Stack->MinorFunction = 0;
    Stack->Flags = 0;
    Stack->Control = 0;
    memset(&Stack->Parameters, 0, sizeof Stack->Parameters);
    Stack->FileObject = NULL;
}

static inline bool WantsCall(PIRP Irp, UCHAR Control)
{
    if (NT_SUCCESS(Irp->IoStatus.Status) ? (Control & SL_INVOKE_ON_SUCCESS)
                                         : (Control & SL_INVOKE_ON_ERROR))
        return true;
    return Irp->Cancel && (Control & SL_INVOKE_ON_CANCEL);
}

/* Calls the completion routines. FALSE: one of them kept the request. */
static inline bool WalkUp(PIRP Irp)
{
    PIO_STACK_LOCATION Stack = Irp->Tail.Overlay.CurrentStackLocation;
    PIO_STACK_LOCATION End = (PIO_STACK_LOCATION)(Irp + 1) + Irp->StackCount;

    for (; Stack < End; Stack++) {
        UCHAR Control = Stack->Control;

        Irp->CurrentLocation++;
        Irp->Tail.Overlay.CurrentStackLocation = Stack + 1;
        Irp->PendingReturned = (Control & SL_PENDING_RETURNED) != 0;
        if (WantsCall(Irp, Control)) {
            PIO_COMPLETION_ROUTINE Routine = Stack->CompletionRoutine;
            PVOID Context = Stack->Context;
            /* The routine belongs to the driver above, so it gets that driver's device. */
            PDEVICE_OBJECT Device = Stack + 1 < End ? Stack[1].DeviceObject : NULL;

            ClearLocation(Stack);
            if (Routine(Device, Irp, Context) == STATUS_MORE_PROCESSING_REQUIRED)
                return false;
        } else {
            if (Irp->PendingReturned && Stack + 1 < End)
                Stack[1].Control |= SL_PENDING_RETURNED;
            ClearLocation(Stack);
        }
    }
    /* Past every location: a second completion is recognised by it. */
    Irp->CurrentLocation++;
    return true;
}

static void CompletePart(PIRP Irp)
{
    PIRP Master = Irp->AssociatedIrp.MasterIrp;
    LONG Left = __atomic_sub_fetch(&Master->AssociatedIrp.IrpCount, 1, __ATOMIC_ACQ_REL);

    FreeMdls(Irp);
    IoFreeIrp(Irp);
    if (!Left)
        IofCompleteRequest(Master, 0);
}

/* Requests of the memory manager and closes: the waiter gets status and event at once, whatever
 * APCs may do. */
static void CompletePaging(PIRP Irp)
{
    bool Close = (Irp->Flags & IRP_CLOSE_OPERATION) != 0;
    PKEVENT Event = Irp->UserEvent;

    *Irp->UserIosb = Irp->IoStatus;
    if (!Close)
        IopFreeIrp(Irp);
    /* The waiter may return from the frame the event is in as soon as it is set. */
    KeSetEvent(Event, 0, FALSE);
}

static void UnlockMdls(PIRP Irp)
{
    for (PMDL Mdl = Irp->MdlAddress; Mdl; Mdl = Mdl->Next)
        if ((Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_PARTIAL | MDL_SOURCE_IS_NONPAGED_POOL)) ==
            MDL_PAGES_LOCKED)
            MmUnlockPages(Mdl);
}

/* What is wrong with the way a request is completed. */
static __attribute__((noinline, cold)) VOID NTAPI JudgeCompletion(PIRP Irp, const void *Caller)
{
    if (Irp->Type != IO_TYPE_IRP || Irp->CurrentLocation > Irp->StackCount + 1)
        KeBugCheckEx(MULTIPLE_IRP_COMPLETE_REQUESTS, (ULONG_PTR)Irp, 0, 0, 0);
    if (Irp->IoStatus.Status == STATUS_PENDING || Irp->IoStatus.Status == -1)
        KexFinding("IRP-006", "verifier", Caller, "request %p was completed with status 0x%08x",
                   (void *)Irp, (unsigned)Irp->IoStatus.Status);
    if (__atomic_load_n(&Irp->CancelRoutine, __ATOMIC_RELAXED))
        KexFinding("IRP-007", "verifier", Caller,
                   "request %p was completed with its cancel routine still set", (void *)Irp);
}

/* No completion routine kept the request: the I/O manager's own part. */
static __attribute__((noinline)) VOID NTAPI ReachTop(PIRP Irp)
{
    IOP_BLOCK *Block = IopBlockOf(Irp);

    if (Block && __builtin_expect(Block->Traced, 0))
        TraceDone(Irp, Block);
    if (Irp->Flags & IRP_ASSOCIATED_IRP) {
        CompletePart(Irp);
        return;
    }
    if (Irp->Flags & (IRP_PAGING_IO | IRP_CLOSE_OPERATION)) {
        CompletePaging(Irp);
        return;
    }
    UnlockMdls(Irp);
    /* The APC of a pended request lies over this field. A create's is reparse data that the opener
     * wants. */
    if ((Irp->Flags & IRP_CREATE_OPERATION) && Block) {
        Block->Auxiliary = Irp->Tail.Overlay.AuxiliaryBuffer;
    } else if (Irp->Tail.Overlay.AuxiliaryBuffer) {
        ExFreePool(Irp->Tail.Overlay.AuxiliaryBuffer);
        Irp->Tail.Overlay.AuxiliaryBuffer = NULL;
    }
    if ((Irp->Flags & IRP_DEFER_IO_COMPLETION) && !Irp->PendingReturned) {
        /* The sender sees the returned status and finishes the request itself. */
        return;
    }
    FinishInThread(Irp);
}

/*
 * The driver is done with a request: completion routines run from here up, then the sender learns
 * of it. IRQL <= DISPATCH_LEVEL. The caller must not touch Irp afterwards. A request completed
 * twice stops the machine (bug check 0x44), one completed with STATUS_PENDING is a finding
 * (nf-wdm-iocompleterequest).
 *
 * Calls nothing but ms_abi functions, so that it need not save the vector registers.
 */
VOID NTAPI IofCompleteRequest(PIRP Irp, CCHAR PriorityBoost)
{
    UNREFERENCED_PARAMETER(PriorityBoost);
    if (__builtin_expect(
            Irp->Type != IO_TYPE_IRP || Irp->CurrentLocation > Irp->StackCount + 1 ||
                Irp->IoStatus.Status == STATUS_PENDING || Irp->IoStatus.Status == -1 ||
                __atomic_load_n(&Irp->CancelRoutine, __ATOMIC_RELAXED) != NULL,
            0))
        JudgeCompletion(Irp, __builtin_return_address(0));
    KexProgress();
    if (WalkUp(Irp))
        ReachTop(Irp);
}

#undef IoCompleteRequest
VOID NTAPI IoCompleteRequest(PIRP Irp, CCHAR PriorityBoost)
{
    IofCompleteRequest(Irp, PriorityBoost);
}

/* SPDX-License-Identifier: MIT */
/* The frame of every call on a file: capture, lock, request, wait, result. */
#include "zw/zwp.h"

#include <string.h>

NTSTATUS ZwpBegin(ZWP_CALL *Call, HANDLE File, ACCESS_MASK Access, bool Any, HANDLE Event,
                  PIO_STATUS_BLOCK Iosb, const void *Caller)
{
    OBJECT_HANDLE_INFORMATION Information;
    NTSTATUS Status;

    memset(Call, 0, sizeof *Call);
    Call->Mode = ExGetPreviousMode();
    Call->Iosb = Iosb;
    Call->Caller = Caller;
    if (Iosb) {
        Status = MmxProbePages(Iosb, sizeof *Iosb, true, Call->Mode);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    Status = ObxReferenceHandle(File, Any ? 0 : Access, &IoxFileType, Call->Mode,
                                (PVOID *)&Call->File, &Information);
    if (!NT_SUCCESS(Status))
        return Status;
    Call->Granted = Information.GrantedAccess;
    if (Any && Call->Mode != KernelMode && !(Call->Granted & Access)) {
        Status = STATUS_ACCESS_DENIED;
        goto Fail;
    }
    if (Event) {
        Status = ObxReferenceHandle(Event, EVENT_MODIFY_STATE, ExEventObjectType, Call->Mode,
                                    (PVOID *)&Call->Event, NULL);
        if (!NT_SUCCESS(Status))
            goto Fail;
        KeClearEvent(Call->Event);
    }
    /* Other requests of the file may be setting flags. */
    Call->Synchronous =
        (__atomic_load_n(&Call->File->Flags, __ATOMIC_RELAXED) & FO_SYNCHRONOUS_IO) != 0;
    Call->Device = IoGetRelatedDeviceObject(Call->File);
    return STATUS_SUCCESS;
Fail:
    ObDereferenceObject(Call->File);
    Call->File = NULL;
    return Status;
}

NTSTATUS ZwpLock(ZWP_CALL *Call)
{
    if (!Call->Synchronous)
        return STATUS_SUCCESS;
    NTSTATUS Status = IoxLockFile(Call->File, Call->Mode, Call->Caller);

    Call->Locked = Status == STATUS_SUCCESS;
    return Status;
}

void ZwpEnd(ZWP_CALL *Call)
{
    if (Call->Locked)
        IoxUnlockFile(Call->File);
    if (Call->Event)
        ObDereferenceObject(Call->Event);
    if (Call->File)
        ObDereferenceObject(Call->File);
    Call->Locked = false;
    Call->Event = NULL;
    Call->File = NULL;
}

NTSTATUS ZwpFinishFast(ZWP_CALL *Call, const IO_STATUS_BLOCK *Result)
{
    NTSTATUS Status = Result->Status, Written;

    KexProgress();
    Written = MmxCopyOut(Call->Iosb, Result, sizeof *Result, 1, Call->Mode);
    if (!NT_SUCCESS(Written))
        Status = Written;
    if (Call->Event)
        KeSetEvent(Call->Event, 0, FALSE);
    ZwpEnd(Call);
    return Status;
}

/* ---- requests -------------------------------------------------------------------------------- */

PIRP ZwpIrp(ZWP_CALL *Call, UCHAR Major)
{
    PIRP Irp = IoAllocateIrp(Call->Device->StackSize, FALSE);
    PIO_STACK_LOCATION Stack;

    if (!Irp)
        return NULL;
    KeClearEvent(&Call->File->Event);
    Irp->Tail.Overlay.OriginalFileObject = Call->File;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Irp->RequestorMode = Call->Mode;
    Irp->UserEvent = Call->Event;
    Irp->UserIosb = Call->Iosb;
    Irp->Overlay.AsynchronousParameters.UserApcRoutine = Call->Apc;
    Irp->Overlay.AsynchronousParameters.UserApcContext = Call->ApcContext;
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = Major;
    Stack->FileObject = Call->File;
    return Irp;
}

NTSTATUS ZwpSystemBuffer(ZWP_CALL *Call, PIRP Irp, ULONG Length, const void *From, ULONG FromLength,
                         PVOID To)
{
    NTSTATUS Status = STATUS_SUCCESS;

    if (!Length)
        return STATUS_SUCCESS;
    if (To) {
        Status = MmxProbe(To, Length, 1, Call->Mode);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    Irp->AssociatedIrp.SystemBuffer = ExAllocatePoolWithTag(NonPagedPoolNx, Length, IOX_POOL_TAG);
    if (!Irp->AssociatedIrp.SystemBuffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    Irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    if (FromLength)
        Status = MmxCopyIn(Irp->AssociatedIrp.SystemBuffer, From, FromLength, 1, Call->Mode);
    if (To) {
        Irp->UserBuffer = To;
        Irp->Flags |= IRP_INPUT_OPERATION;
    }
    return Status;
}

NTSTATUS ZwpMdl(ZWP_CALL *Call, PIRP Irp, PVOID Buffer, ULONG Length, LOCK_OPERATION Operation)
{
    NTSTATUS Status;

    if (!Length)
        return STATUS_SUCCESS;
    if (!IoAllocateMdl(Buffer, Length, FALSE, TRUE, Irp))
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = MmxProbeAndLock(Irp->MdlAddress, Call->Mode, Operation);
    if (!NT_SUCCESS(Status)) {
        IoFreeMdl(Irp->MdlAddress);
        Irp->MdlAddress = NULL;
    }
    return Status;
}

void ZwpDropIrp(PIRP Irp)
{
    if (Irp->MdlAddress) {
        MmUnlockPages(Irp->MdlAddress);
        IoFreeMdl(Irp->MdlAddress);
    }
    if (Irp->Flags & IRP_DEALLOCATE_BUFFER)
        ExFreePool(Irp->AssociatedIrp.SystemBuffer);
    if (Irp->Tail.Overlay.AuxiliaryBuffer)
        ExFreePool(Irp->Tail.Overlay.AuxiliaryBuffer);
    IoFreeIrp(Irp);
}

/*
 * An alert or a user APC ended the wait of an alertable file: the request is cancelled and its end
 * waited for, so that the caller's memory is the caller's again.
 */
static void AbandonWait(ZWP_CALL *Call, PIRP Irp, PKEVENT Event)
{
    UNREFERENCED_PARAMETER(Irp);
    IoxCancelThreadIrps(PsGetCurrentThread(), Call->File, NULL);
    KeWaitForSingleObject(Event, Executive, KernelMode, FALSE, NULL);
}

static const char *WaitLabel(UCHAR Major)
{
    static const char *const Labels[] = {
        [IRP_MJ_READ] = "IRP_MJ_READ",
        [IRP_MJ_WRITE] = "IRP_MJ_WRITE",
        [IRP_MJ_QUERY_INFORMATION] = "IRP_MJ_QUERY_INFORMATION",
        [IRP_MJ_SET_INFORMATION] = "IRP_MJ_SET_INFORMATION",
        [IRP_MJ_FLUSH_BUFFERS] = "IRP_MJ_FLUSH_BUFFERS",
        [IRP_MJ_DIRECTORY_CONTROL] = "IRP_MJ_DIRECTORY_CONTROL",
        [IRP_MJ_FILE_SYSTEM_CONTROL] = "IRP_MJ_FILE_SYSTEM_CONTROL",
        [IRP_MJ_LOCK_CONTROL] = "IRP_MJ_LOCK_CONTROL",
        [IRP_MJ_DEVICE_CONTROL] = "IRP_MJ_DEVICE_CONTROL",
        [IRP_MJ_QUERY_VOLUME_INFORMATION] = "IRP_MJ_QUERY_VOLUME_INFORMATION"};

    return Major < RTL_NUMBER_OF(Labels) && Labels[Major] ? Labels[Major] : "file request";
}

/* Synchronous file: the file's event and FinalStatus tell. */
static NTSTATUS SendSynchronous(ZWP_CALL *Call, PIRP Irp)
{
    KEX_WAIT Why = {WaitLabel(IoGetNextIrpStackLocation(Irp)->MajorFunction),
                    Call->File,
                    NULL,
                    NULL,
                    false,
                    Call->Caller};
    PFILE_OBJECT File = Call->File;
    BOOLEAN Alertable = (File->Flags & FO_ALERTABLE_IO) != 0;
    NTSTATUS Status;

    Irp->Flags |= IRP_DEFER_IO_COMPLETION;
    Status = IoxSend(Call->Device, Irp);
    if (Status != STATUS_PENDING) {
        /* The request is still ours: its second part is done here, without an APC. The caller's
         * event goes with it. */
        Call->Event = NULL;
        Call->File = NULL;
        IoxFinishDeferred(Irp, &Status);
        return Status;
    }
    /* The file object stays ours by the lock's reference even when the request dropped its own. */
    Status = KexWaitForObject(&File->Event, Call->Mode, Alertable, NULL, &Why);
    if (Status == STATUS_ALERTED || Status == STATUS_USER_APC)
        AbandonWait(Call, Irp, &File->Event);
    Call->Event = NULL;
    Call->File = NULL;
    return File->FinalStatus;
}

/* Asynchronous file, but the call waits: an event and a status block of the kernel's stand in for
 * the caller's. */
static NTSTATUS SendAndWait(ZWP_CALL *Call, PIRP Irp)
{
    KEX_WAIT Why = {WaitLabel(IoGetNextIrpStackLocation(Irp)->MajorFunction),
                    Call->File,
                    NULL,
                    NULL,
                    false,
                    Call->Caller};
    PFILE_OBJECT File = Call->File;
    PKEVENT UserEvent = Call->Event;
    IO_STATUS_BLOCK Iosb = {0};
    KPROCESSOR_MODE Mode = Call->Mode;
    PIO_STATUS_BLOCK UserIosb = Call->Iosb;
    NTSTATUS Status, Written;
    KEVENT Event;

    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    Irp->UserEvent = &Event;
    Irp->UserIosb = &Iosb;
    Irp->Flags |= IRP_SYNCHRONOUS_API | IRP_DEFER_IO_COMPLETION;
    ObReferenceObject(File);
    Status = IoxSend(Call->Device, Irp);
    if (Status == STATUS_PENDING) {
        KexWaitForObject(&Event, KernelMode, FALSE, NULL, &Why);
        Status = Iosb.Status;
    } else {
        IoxFinishDeferred(Irp, &Status);
    }
    if (UserIosb && !NT_ERROR(Status)) {
        Written = MmxCopyOut(UserIosb, &Iosb, sizeof Iosb, 1, Mode);
        if (!NT_SUCCESS(Written))
            Status = Written;
    }
    if (UserEvent) {
        KeSetEvent(UserEvent, 0, FALSE);
        ObDereferenceObject(UserEvent);
    }
    ObDereferenceObject(File);
    Call->Event = NULL;
    Call->File = NULL;
    return Status;
}

NTSTATUS ZwpSend(ZWP_CALL *Call, PIRP Irp, bool AlwaysWait)
{
    PFILE_OBJECT File = Call->File;
    NTSTATUS Status;

    IoxQueueIrpToThread(Irp);
    if (Call->Synchronous) {
        Status = SendSynchronous(Call, Irp);
        IoxUnlockFile(File);
        Call->Locked = false;
        return Status;
    }
    if (AlwaysWait)
        return SendAndWait(Call, Irp);
    /* The request owns event and file object from here on. */
    Call->Event = NULL;
    Call->File = NULL;
    return IoxSend(Call->Device, Irp);
}

/* ---- trace ----------------------------------------------------------------------------------- */

void ZwpTraceFast(const ZWP_CALL *Call, UCHAR Major, LONGLONG Offset, ULONG Length)
{
    KEX_TRACE Event = {.Kind = KEX_TRACE_FASTIO,
                       .Major = Major,
                       .Offset = Offset,
                       .Length = Length,
                       .Object = Call->File,
                       .Path = IoxFilePath(Call->File),
                       .Who = IoxDriverLabel(Call->Device->DriverObject)};

    if (KEX_TRACING())
        KexHooks.Trace(&Event);
}

void ZwpTraceFastDone(const ZWP_CALL *Call, UCHAR Major, bool Done, const IO_STATUS_BLOCK *Iosb,
                      LONGLONG Offset, ULONG Length)
{
    KEX_TRACE Event = {.Kind = KEX_TRACE_FASTIO_DONE,
                       .Major = Major,
                       .Offset = Offset,
                       .Length = Length,
                       .Object = Call->File,
                       .Path = IoxFilePath(Call->File),
                       .Who = IoxDriverLabel(Call->Device->DriverObject),
                       .What = Done ? "done" : "refused"};

    if (Done) {
        Event.Status = Iosb->Status;
        Event.Information = Iosb->Information;
    }
    if (KEX_TRACING())
        KexHooks.Trace(&Event);
}

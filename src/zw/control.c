/* SPDX-License-Identifier: MIT */
/* NtDeviceIoControlFile, NtFsControlFile, byte-range locks and the cancel calls. */
#include "zw/zwp.h"

typedef struct _CONTROL {
    UCHAR Major;
    ULONG Code;
    PVOID Input, Output;
    ULONG InputLength, OutputLength;
} CONTROL;

static NTSTATUS CheckControl(ZWP_CALL *Call, const CONTROL *Control)
{
    ULONG Method = Control->Code & 3, Needed = (Control->Code >> 14) & 3;
    NTSTATUS Status = STATUS_SUCCESS;

    /* The code itself names the rights: FILE_READ_ACCESS and FILE_WRITE_ACCESS are FILE_READ_DATA
     * and FILE_WRITE_DATA. */
    if (Call->Mode != KernelMode && (Needed & ~Call->Granted))
        return STATUS_ACCESS_DENIED;
    if (Method == METHOD_NEITHER)
        return STATUS_SUCCESS;
    if (Control->Input)
        Status = MmxProbePages(Control->Input, Control->InputLength, false, Call->Mode);
    if (NT_SUCCESS(Status) && Control->Output)
        Status =
            MmxProbePages(Control->Output, Control->OutputLength,
                          Method == METHOD_BUFFERED || Method == METHOD_OUT_DIRECT, Call->Mode);
    return Status;
}

/* Device controls only: file system controls have no fast path. */
static bool ControlFast(ZWP_CALL *Call, const CONTROL *Control, PIO_STATUS_BLOCK Iosb)
{
    PFAST_IO_DISPATCH Fast =
        Control->Major != IRP_MJ_DEVICE_CONTROL
            ? NULL
            : IoxFastIo(Call->Device, FIELD_OFFSET(FAST_IO_DISPATCH, FastIoDeviceControl));
    bool Done;

    if (!Fast)
        return false;
    if (KEX_TRACING())
        ZwpTraceFast(Call, Control->Major, 0, Control->OutputLength);
    Done = Fast->FastIoDeviceControl(Call->File, TRUE, Control->Input, Control->InputLength,
                                     Control->Output, Control->OutputLength, Control->Code, Iosb,
                                     Call->Device);
    if (KEX_TRACING())
        ZwpTraceFastDone(Call, Control->Major, Done, Iosb, 0, Control->OutputLength);
    return Done;
}

static NTSTATUS AttachControl(ZWP_CALL *Call, PIRP Irp, const CONTROL *Control)
{
    ULONG Method = Control->Code & 3, Room = Control->InputLength;
    ULONG In = Control->Input ? Control->InputLength : 0;
    NTSTATUS Status;

    switch (Method) {
    case METHOD_BUFFERED:
        if (Control->OutputLength > Room)
            Room = Control->OutputLength;
        return ZwpSystemBuffer(Call, Irp, Room, Control->Input, In,
                               Control->OutputLength ? Control->Output : NULL);
    case METHOD_NEITHER:
        Irp->UserBuffer = Control->Output;
        IoGetNextIrpStackLocation(Irp)->Parameters.DeviceIoControl.Type3InputBuffer =
            Control->Input;
        return STATUS_SUCCESS;
    default:
        Status = ZwpSystemBuffer(Call, Irp, In, Control->Input, In, NULL);
        if (NT_SUCCESS(Status) && Control->Output)
            Status = ZwpMdl(Call, Irp, Control->Output, Control->OutputLength,
                            Method == METHOD_IN_DIRECT ? IoReadAccess : IoWriteAccess);
        return Status;
    }
}

static NTSTATUS DoControl(const CONTROL *Control, HANDLE FileHandle, HANDLE Event,
                          PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                          PIO_STATUS_BLOCK IoStatusBlock, const void *Caller)
{
    IO_STATUS_BLOCK Iosb = {0};
    PIO_STACK_LOCATION Stack;
    PIRP Irp = NULL;
    ZWP_CALL Call;
    NTSTATUS Status;

    Status = ZwpBegin(&Call, FileHandle, 0, false, Event, IoStatusBlock, Caller);
    if (!NT_SUCCESS(Status))
        return Status;
    Call.Apc = ApcRoutine;
    Call.ApcContext = ApcContext;
    Status = CheckControl(&Call, Control);
    if (NT_SUCCESS(Status))
        Status = ZwpLock(&Call);
    if (Status == STATUS_SUCCESS && ControlFast(&Call, Control, &Iosb))
        return ZwpFinishFast(&Call, &Iosb);
    if (Status == STATUS_SUCCESS && !(Irp = ZwpIrp(&Call, Control->Major)))
        Status = STATUS_INSUFFICIENT_RESOURCES;
    if (Status == STATUS_SUCCESS)
        Status = AttachControl(&Call, Irp, Control);
    if (Status != STATUS_SUCCESS) {
        if (Irp)
            ZwpDropIrp(Irp);
        ZwpEnd(&Call);
        return Status;
    }
    Stack = IoGetNextIrpStackLocation(Irp);
    if (Control->Major == IRP_MJ_FILE_SYSTEM_CONTROL)
        Stack->MinorFunction = IRP_MN_USER_FS_REQUEST;
    Stack->Parameters.DeviceIoControl.OutputBufferLength = Control->OutputLength;
    Stack->Parameters.DeviceIoControl.InputBufferLength = Control->InputLength;
    Stack->Parameters.DeviceIoControl.IoControlCode = Control->Code;
    return ZwpSend(&Call, Irp, false);
}

/* A file system control (nf-ntifs-ntfscontrolfile). The code says how the buffers travel.
 * PASSIVE_LEVEL. */
NTSTATUS NTAPI NtFsControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                               PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                               ULONG FsControlCode, PVOID InputBuffer, ULONG InputBufferLength,
                               PVOID OutputBuffer, ULONG OutputBufferLength)
{
    CONTROL Control = {IRP_MJ_FILE_SYSTEM_CONTROL, FsControlCode,     InputBuffer, OutputBuffer,
                       InputBufferLength,          OutputBufferLength};

    return DoControl(&Control, FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock,
                     __builtin_return_address(0));
}

NTSTATUS NTAPI ZwFsControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                               PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                               ULONG FsControlCode, PVOID InputBuffer, ULONG InputBufferLength,
                               PVOID OutputBuffer, ULONG OutputBufferLength)
{
    ZWP_AS_KERNEL(NtFsControlFile(FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock,
                                  FsControlCode, InputBuffer, InputBufferLength, OutputBuffer,
                                  OutputBufferLength));
}

/* A device control; the top driver's fast path is tried first (nf-ntifs-ntdeviceiocontrolfile).
 * PASSIVE_LEVEL. */
NTSTATUS NTAPI NtDeviceIoControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                                     PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                                     ULONG IoControlCode, PVOID InputBuffer,
                                     ULONG InputBufferLength, PVOID OutputBuffer,
                                     ULONG OutputBufferLength)
{
    CONTROL Control = {IRP_MJ_DEVICE_CONTROL, IoControlCode,     InputBuffer,
                       OutputBuffer,          InputBufferLength, OutputBufferLength};

    return DoControl(&Control, FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock,
                     __builtin_return_address(0));
}

NTSTATUS NTAPI ZwDeviceIoControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                                     PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                                     ULONG IoControlCode, PVOID InputBuffer,
                                     ULONG InputBufferLength, PVOID OutputBuffer,
                                     ULONG OutputBufferLength)
{
    ZWP_AS_KERNEL(NtDeviceIoControlFile(FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock,
                                        IoControlCode, InputBuffer, InputBufferLength, OutputBuffer,
                                        OutputBufferLength));
}

/* ---- byte-range locks ------------------------------------------------------------------------ */

typedef struct _RANGE {
    LARGE_INTEGER Offset, Length;
    ULONG Key;
    bool FailImmediately, Exclusive;
} RANGE;

static bool LockFast(ZWP_CALL *Call, UCHAR Minor, RANGE *Range, PIO_STATUS_BLOCK Iosb)
{
    bool Lock = Minor == IRP_MN_LOCK, Done;
    PFAST_IO_DISPATCH Fast =
        IoxFastIo(Call->Device, Lock ? FIELD_OFFSET(FAST_IO_DISPATCH, FastIoLock)
                                     : FIELD_OFFSET(FAST_IO_DISPATCH, FastIoUnlockSingle));

    if (!Fast)
        return false;
    if (KEX_TRACING())
        ZwpTraceFast(Call, IRP_MJ_LOCK_CONTROL, Range->Offset.QuadPart,
                     (ULONG)Range->Length.QuadPart);
    if (Lock)
        Done = Fast->FastIoLock(Call->File, &Range->Offset, &Range->Length, PsGetCurrentProcess(),
                                Range->Key, Range->FailImmediately, Range->Exclusive, Iosb,
                                Call->Device);
    else
        Done = Fast->FastIoUnlockSingle(Call->File, &Range->Offset, &Range->Length,
                                        PsGetCurrentProcess(), Range->Key, Iosb, Call->Device);
    if (KEX_TRACING())
        ZwpTraceFastDone(Call, IRP_MJ_LOCK_CONTROL, Done, Iosb, Range->Offset.QuadPart,
                         (ULONG)Range->Length.QuadPart);
    return Done;
}

/* The length travels by pointer; it lives in the request's auxiliary buffer, which completion
 * frees. */
static NTSTATUS FillLock(PIRP Irp, UCHAR Minor, const RANGE *Range)
{
    PIO_STACK_LOCATION Stack = IoGetNextIrpStackLocation(Irp);
    PLARGE_INTEGER Length = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *Length, IOX_POOL_TAG);

    if (!Length)
        return STATUS_INSUFFICIENT_RESOURCES;
    *Length = Range->Length;
    Irp->Tail.Overlay.AuxiliaryBuffer = (PCHAR)Length;
    Stack->MinorFunction = Minor;
    Stack->Flags = (Range->FailImmediately ? SL_FAIL_IMMEDIATELY : 0) |
                   (Range->Exclusive ? SL_EXCLUSIVE_LOCK : 0);
    Stack->Parameters.LockControl.Length = Length;
    Stack->Parameters.LockControl.Key = Range->Key;
    Stack->Parameters.LockControl.ByteOffset = Range->Offset;
    return STATUS_SUCCESS;
}

static NTSTATUS DoLock(ZWP_CALL *Call, UCHAR Minor, RANGE *Range, PLARGE_INTEGER Offset,
                       PLARGE_INTEGER Length)
{
    IO_STATUS_BLOCK Iosb = {0};
    PIRP Irp = NULL;
    NTSTATUS Status;

    Status = MmxCopyIn(&Range->Offset, Offset, sizeof *Offset, TYPE_ALIGNMENT(LARGE_INTEGER),
                       Call->Mode);
    if (NT_SUCCESS(Status))
        Status = MmxCopyIn(&Range->Length, Length, sizeof *Length, TYPE_ALIGNMENT(LARGE_INTEGER),
                           Call->Mode);
    if (NT_SUCCESS(Status) && LockFast(Call, Minor, Range, &Iosb)) {
        if (Minor == IRP_MN_LOCK)
            Call->File->LockOperation = TRUE;
        return ZwpFinishFast(Call, &Iosb);
    }
    if (NT_SUCCESS(Status))
        Status = ZwpLock(Call);
    if (Status == STATUS_SUCCESS && !(Irp = ZwpIrp(Call, IRP_MJ_LOCK_CONTROL)))
        Status = STATUS_INSUFFICIENT_RESOURCES;
    if (Status == STATUS_SUCCESS)
        Status = FillLock(Irp, Minor, Range);
    if (Status != STATUS_SUCCESS) {
        if (Irp)
            ZwpDropIrp(Irp);
        ZwpEnd(Call);
        return Status;
    }
    /* Says that the close must look for locks of this process, whatever becomes of this one. */
    Call->File->LockOperation = TRUE;
    return ZwpSend(Call, Irp, Minor != IRP_MN_LOCK);
}

/* Locks a byte range (nf-ntifs-ntlockfile). The handle needs FILE_READ_DATA or FILE_WRITE_DATA.
 * PASSIVE_LEVEL. STATUS_LOCK_NOT_GRANTED with FailImmediately, STATUS_PENDING for asynchronous
 * files. */
NTSTATUS NTAPI NtLockFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                          PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                          PLARGE_INTEGER ByteOffset, PLARGE_INTEGER Length, ULONG Key,
                          BOOLEAN FailImmediately, BOOLEAN ExclusiveLock)
{
    RANGE Range = {.Key = Key, .FailImmediately = FailImmediately, .Exclusive = ExclusiveLock};
    ZWP_CALL Call;
    NTSTATUS Status;

    Status = ZwpBegin(&Call, FileHandle, FILE_READ_DATA | FILE_WRITE_DATA, true, Event,
                      IoStatusBlock, __builtin_return_address(0));
    if (!NT_SUCCESS(Status))
        return Status;
    Call.Apc = ApcRoutine;
    Call.ApcContext = ApcContext;
    return DoLock(&Call, IRP_MN_LOCK, &Range, ByteOffset, Length);
}

NTSTATUS NTAPI ZwLockFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                          PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                          PLARGE_INTEGER ByteOffset, PLARGE_INTEGER Length, ULONG Key,
                          BOOLEAN FailImmediately, BOOLEAN ExclusiveLock)
{
    ZWP_AS_KERNEL(NtLockFile(FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock, ByteOffset,
                             Length, Key, FailImmediately, ExclusiveLock));
}

/* Undoes one lock, which must be named exactly (nf-ntifs-ntunlockfile). STATUS_RANGE_NOT_LOCKED. */
NTSTATUS NTAPI NtUnlockFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                            PLARGE_INTEGER ByteOffset, PLARGE_INTEGER Length, ULONG Key)
{
    RANGE Range = {.Key = Key};
    ZWP_CALL Call;
    NTSTATUS Status;

    Status = ZwpBegin(&Call, FileHandle, FILE_READ_DATA | FILE_WRITE_DATA, true, NULL,
                      IoStatusBlock, __builtin_return_address(0));
    if (!NT_SUCCESS(Status))
        return Status;
    return DoLock(&Call, IRP_MN_UNLOCK_SINGLE, &Range, ByteOffset, Length);
}

NTSTATUS NTAPI ZwUnlockFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                            PLARGE_INTEGER ByteOffset, PLARGE_INTEGER Length, ULONG Key)
{
    ZWP_AS_KERNEL(NtUnlockFile(FileHandle, IoStatusBlock, ByteOffset, Length, Key));
}

/* ---- cancel ---------------------------------------------------------------------------------- */

static NTSTATUS ReportCancel(PIO_STATUS_BLOCK IoStatusBlock, KPROCESSOR_MODE Mode, NTSTATUS Status)
{
    IO_STATUS_BLOCK Iosb = {.Status = Status};
    NTSTATUS Written = MmxCopyOut(IoStatusBlock, &Iosb, sizeof Iosb, 1, Mode);

    return NT_SUCCESS(Written) ? Status : Written;
}

/* Cancels the file's requests: those with the given status block, or all; Own: only the current
 * thread's. */
static NTSTATUS CancelFile(HANDLE FileHandle, PIO_STATUS_BLOCK Request, bool Own,
                           PIO_STATUS_BLOCK IoStatusBlock)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    PFILE_OBJECT File;
    NTSTATUS Status;
    ULONG Count;

    Status = MmxProbePages(IoStatusBlock, sizeof *IoStatusBlock, true, Mode);
    if (NT_SUCCESS(Status))
        Status = ObxReferenceHandle(FileHandle, 0, &IoxFileType, Mode, (PVOID *)&File, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Count = Own ? IoxCancelThreadIrps(PsGetCurrentThread(), File, NULL)
                : IoxCancelFileIrps(File, Request);
    ObDereferenceObject(File);
    return ReportCancel(IoStatusBlock, Mode, Count || Own ? STATUS_SUCCESS : STATUS_NOT_FOUND);
}

NTSTATUS NTAPI NtCancelIoFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock)
{
    return CancelFile(FileHandle, NULL, true, IoStatusBlock);
}

NTSTATUS NTAPI ZwCancelIoFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock)
{
    ZWP_AS_KERNEL(NtCancelIoFile(FileHandle, IoStatusBlock));
}

/* Any thread's requests (nf-ntifs-ntcancelioifileex is the documented ZwCancelIoFileEx).
 * STATUS_NOT_FOUND. */
NTSTATUS NTAPI NtCancelIoFileEx(HANDLE FileHandle, PIO_STATUS_BLOCK IoRequestToCancel,
                                PIO_STATUS_BLOCK IoStatusBlock)
{
    return CancelFile(FileHandle, IoRequestToCancel, false, IoStatusBlock);
}

NTSTATUS NTAPI ZwCancelIoFileEx(HANDLE FileHandle, PIO_STATUS_BLOCK IoRequestToCancel,
                                PIO_STATUS_BLOCK IoStatusBlock)
{
    ZWP_AS_KERNEL(NtCancelIoFileEx(FileHandle, IoRequestToCancel, IoStatusBlock));
}

/* What another thread waits for, a create included. STATUS_NOT_FOUND. */
NTSTATUS NTAPI NtCancelSynchronousIoFile(HANDLE ThreadHandle, PIO_STATUS_BLOCK IoRequestToCancel,
                                         PIO_STATUS_BLOCK IoStatusBlock)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    PETHREAD Thread;
    NTSTATUS Status;
    ULONG Count;

    Status = MmxProbePages(IoStatusBlock, sizeof *IoStatusBlock, true, Mode);
    if (NT_SUCCESS(Status))
        Status = ObxReferenceHandle(ThreadHandle, THREAD_TERMINATE, &PsxThreadType, Mode,
                                    (PVOID *)&Thread, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Count = IoxCancelThreadIrps(Thread, NULL, IoRequestToCancel);
    ObDereferenceObject(Thread);
    return ReportCancel(IoStatusBlock, Mode, Count ? STATUS_SUCCESS : STATUS_NOT_FOUND);
}

NTSTATUS NTAPI ZwCancelSynchronousIoFile(HANDLE ThreadHandle, PIO_STATUS_BLOCK IoRequestToCancel,
                                         PIO_STATUS_BLOCK IoStatusBlock)
{
    ZWP_AS_KERNEL(NtCancelSynchronousIoFile(ThreadHandle, IoRequestToCancel, IoStatusBlock));
}

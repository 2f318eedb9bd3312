/* SPDX-License-Identifier: MIT */
/*
 * NtReadFile and NtWriteFile. A synchronous file that is cached is tried by fast I/O first; what
 * the top driver of the stack refuses becomes a request, as does everything else.
 */
#include "zw/zwp.h"

#define USE_FILE_POINTER 0xfffffffe /* low part, with a high part of -1 */
#define TO_END_OF_FILE 0xffffffff

typedef struct _TRANSFER {
    UCHAR Major;
    PVOID Buffer;
    ULONG Length, Key;
    PULONG KeyPointer;
    LARGE_INTEGER Offset;
    bool HasOffset;
} TRANSFER;

static bool IsSpecial(const LARGE_INTEGER *Offset, ULONG Low)
{
    return Offset->LowPart == Low && Offset->HighPart == -1;
}

/* Sector rules of a file without intermediate buffering; checked for user mode here, by the file
 * system for all. */
static bool FitsSectors(PFILE_OBJECT File, PDEVICE_OBJECT Device, const TRANSFER *Transfer)
{
    ULONG Sector = Device->SectorSize ? Device->SectorSize : 1;

    if (!(File->Flags & FO_NO_INTERMEDIATE_BUFFERING))
        return true;
    if (Transfer->Length % Sector || ((ULONG_PTR)Transfer->Buffer & Device->AlignmentRequirement))
        return false;
    return !Transfer->HasOffset || Transfer->Offset.QuadPart < 0 ||
           !(Transfer->Offset.QuadPart % Sector);
}

static NTSTATUS Capture(ZWP_CALL *Call, TRANSFER *Transfer, PLARGE_INTEGER Offset)
{
    bool Read = Transfer->Major == IRP_MJ_READ;
    NTSTATUS Status;

    Status = MmxProbe(Transfer->Buffer, Transfer->Length, 1, Call->Mode);
    /* A read's destination must be writable now: Windows finds out here, not in the file system. */
    if (NT_SUCCESS(Status) && Call->Mode != KernelMode && Read)
        Status = MmxProbePages(Transfer->Buffer, Transfer->Length, true, Call->Mode);
    if (NT_SUCCESS(Status) && Offset) {
        Status = MmxCopyIn(&Transfer->Offset, Offset, sizeof *Offset, TYPE_ALIGNMENT(LARGE_INTEGER),
                           Call->Mode);
        Transfer->HasOffset = true;
    }
    if (NT_SUCCESS(Status) && Transfer->KeyPointer)
        Status = MmxCopyIn(&Transfer->Key, Transfer->KeyPointer, sizeof(ULONG),
                           TYPE_ALIGNMENT(ULONG), Call->Mode);
    if (NT_SUCCESS(Status) && Call->Mode != KernelMode &&
        !FitsSectors(Call->File, Call->Device, Transfer))
        Status = STATUS_INVALID_PARAMETER;
    return Status;
}

/* Where the transfer starts, with the file's lock held when it is synchronous. */
static NTSTATUS ResolveOffset(ZWP_CALL *Call, TRANSFER *Transfer)
{
    PFILE_OBJECT File = Call->File;
    bool Append = Transfer->Major == IRP_MJ_WRITE &&
                  (Call->Granted & (FILE_APPEND_DATA | FILE_WRITE_DATA)) == FILE_APPEND_DATA;

    if (Append) {
        Transfer->Offset.LowPart = TO_END_OF_FILE;
        Transfer->Offset.HighPart = -1;
        return STATUS_SUCCESS;
    }
    if (Call->Synchronous) {
        if (!Transfer->HasOffset || IsSpecial(&Transfer->Offset, USE_FILE_POINTER))
            Transfer->Offset = File->CurrentByteOffset;
    } else if (!Transfer->HasOffset && !(File->Flags & (FO_NAMED_PIPE | FO_MAILSLOT))) {
        return STATUS_INVALID_PARAMETER;
    }
    if (Transfer->Offset.QuadPart < 0 &&
        !(Transfer->Major == IRP_MJ_WRITE && IsSpecial(&Transfer->Offset, TO_END_OF_FILE)))
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

/* TRUE: done, with the result in Iosb. */
static bool TryFast(ZWP_CALL *Call, TRANSFER *Transfer, PIO_STATUS_BLOCK Iosb)
{
    bool Read = Transfer->Major == IRP_MJ_READ, Done;
    ULONG Entry = Read ? FIELD_OFFSET(FAST_IO_DISPATCH, FastIoRead)
                       : FIELD_OFFSET(FAST_IO_DISPATCH, FastIoWrite);
    PFAST_IO_DISPATCH Fast;

    if (!Call->Synchronous || !Call->File->PrivateCacheMap ||
        (Call->File->Flags & FO_NO_INTERMEDIATE_BUFFERING))
        return false;
    Fast = IoxFastIo(Call->Device, Entry);
    if (!Fast)
        return false;
    if (KEX_TRACING())
        ZwpTraceFast(Call, Transfer->Major, Transfer->Offset.QuadPart, Transfer->Length);
    Done = (Read ? Fast->FastIoRead : Fast->FastIoWrite)(Call->File, &Transfer->Offset,
                                                         Transfer->Length, TRUE, Transfer->Key,
                                                         Transfer->Buffer, Iosb, Call->Device) &&
           (Iosb->Status == STATUS_SUCCESS || Iosb->Status == STATUS_BUFFER_OVERFLOW ||
            Iosb->Status == STATUS_END_OF_FILE);
    if (KEX_TRACING())
        ZwpTraceFastDone(Call, Transfer->Major, Done, Iosb, Transfer->Offset.QuadPart,
                         Transfer->Length);
    return Done;
}

/* The caller's buffer as the device wants it. */
static NTSTATUS AttachBuffer(ZWP_CALL *Call, PIRP Irp, const TRANSFER *Transfer)
{
    bool Read = Transfer->Major == IRP_MJ_READ;

    if (Call->Device->Flags & DO_BUFFERED_IO)
        return ZwpSystemBuffer(Call, Irp, Transfer->Length, Read ? NULL : Transfer->Buffer,
                               Read ? 0 : Transfer->Length, Read ? Transfer->Buffer : NULL);
    if (Call->Device->Flags & DO_DIRECT_IO)
        return ZwpMdl(Call, Irp, Transfer->Buffer, Transfer->Length,
                      Read ? IoWriteAccess : IoReadAccess);
    Irp->UserBuffer = Transfer->Buffer;
    return STATUS_SUCCESS;
}

static NTSTATUS SendTransfer(ZWP_CALL *Call, const TRANSFER *Transfer)
{
    PIRP Irp = ZwpIrp(Call, Transfer->Major);
    PIO_STACK_LOCATION Stack;
    NTSTATUS Status;

    if (!Irp) {
        ZwpEnd(Call);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = AttachBuffer(Call, Irp, Transfer);
    if (!NT_SUCCESS(Status)) {
        ZwpDropIrp(Irp);
        ZwpEnd(Call);
        return Status;
    }
    Irp->Flags |= Transfer->Major == IRP_MJ_READ ? IRP_READ_OPERATION : IRP_WRITE_OPERATION;
    if (Call->File->Flags & FO_NO_INTERMEDIATE_BUFFERING)
        Irp->Flags |= IRP_NOCACHE;
    Stack = IoGetNextIrpStackLocation(Irp);
    if (Transfer->Major == IRP_MJ_WRITE && (Call->File->Flags & FO_WRITE_THROUGH))
        Stack->Flags |= SL_WRITE_THROUGH;
    Stack->Parameters.Read.Length = Transfer->Length;
    Stack->Parameters.Read.Key = Transfer->Key;
    Stack->Parameters.Read.ByteOffset = Transfer->Offset;
    return ZwpSend(Call, Irp, false);
}

static NTSTATUS DoTransfer(TRANSFER *Transfer, HANDLE FileHandle, HANDLE Event,
                           PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                           PIO_STATUS_BLOCK IoStatusBlock, PLARGE_INTEGER ByteOffset,
                           const void *Caller)
{
    bool Write = Transfer->Major == IRP_MJ_WRITE;
    IO_STATUS_BLOCK Iosb = {0};
    ZWP_CALL Call;
    NTSTATUS Status;

    Status =
        ZwpBegin(&Call, FileHandle, Write ? FILE_WRITE_DATA | FILE_APPEND_DATA : FILE_READ_DATA,
                 Write, Event, IoStatusBlock, Caller);
    if (!NT_SUCCESS(Status))
        return Status;
    Call.Apc = ApcRoutine;
    Call.ApcContext = ApcContext;
    Status = Capture(&Call, Transfer, ByteOffset);
    if (NT_SUCCESS(Status))
        Status = ZwpLock(&Call);
    if (Status == STATUS_SUCCESS)
        Status = ResolveOffset(&Call, Transfer);
    if (Status != STATUS_SUCCESS) {
        ZwpEnd(&Call);
        return Status;
    }
    if (TryFast(&Call, Transfer, &Iosb))
        return ZwpFinishFast(&Call, &Iosb);
    return SendTransfer(&Call, Transfer);
}

/*
 * Reads from a file. The handle needs FILE_READ_DATA. A synchronous file waits; without an offset,
 * or with FILE_USE_FILE_POINTER_POSITION, it reads from where it is (nf-ntifs-ntreadfile).
 * PASSIVE_LEVEL. STATUS_PENDING only for asynchronous files; STATUS_END_OF_FILE at or behind the
 * end.
 */
NTSTATUS NTAPI NtReadFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                          PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                          ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key)
{
    TRANSFER Transfer = {
        .Major = IRP_MJ_READ, .Buffer = Buffer, .Length = Length, .KeyPointer = Key};

    return DoTransfer(&Transfer, FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock,
                      ByteOffset, __builtin_return_address(0));
}

NTSTATUS NTAPI ZwReadFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                          PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                          ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key)
{
    ZWP_AS_KERNEL(NtReadFile(FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock, Buffer,
                             Length, ByteOffset, Key));
}

/*
 * Writes to a file. The handle needs FILE_WRITE_DATA or FILE_APPEND_DATA; with the latter alone
 * every write goes to the end, as does one with FILE_WRITE_TO_END_OF_FILE (nf-ntifs-ntwritefile).
 * PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                           PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                           ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key)
{
    TRANSFER Transfer = {
        .Major = IRP_MJ_WRITE, .Buffer = Buffer, .Length = Length, .KeyPointer = Key};

    return DoTransfer(&Transfer, FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock,
                      ByteOffset, __builtin_return_address(0));
}

NTSTATUS NTAPI ZwWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                           PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                           ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key)
{
    ZWP_AS_KERNEL(NtWriteFile(FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock, Buffer,
                              Length, ByteOffset, Key));
}

/*
 * Writes a file's dirty data through to its store. The handle needs FILE_WRITE_DATA or
 * FILE_APPEND_DATA, else STATUS_ACCESS_DENIED. Flags choose the minor function
 * (nf-ntifs-ntflushbuffersfileex). Waits in any case.
 */
NTSTATUS NTAPI NtFlushBuffersFileEx(HANDLE FileHandle, ULONG FLags, PVOID Parameters,
                                    ULONG ParametersSize, PIO_STATUS_BLOCK IoStatusBlock)
{
    static const UCHAR Minors[] = {0, IRP_MN_FLUSH_DATA_ONLY, IRP_MN_FLUSH_NO_SYNC, 0,
                                   IRP_MN_FLUSH_DATA_SYNC_ONLY};
    ZWP_CALL Call;
    NTSTATUS Status;
    PIRP Irp;

    if (FLags >= sizeof Minors || FLags == 3 || Parameters || ParametersSize)
        return STATUS_INVALID_PARAMETER;
    Status = ZwpBegin(&Call, FileHandle, FILE_WRITE_DATA | FILE_APPEND_DATA, true, NULL,
                      IoStatusBlock, __builtin_return_address(0));
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ZwpLock(&Call);
    Irp = Status == STATUS_SUCCESS ? ZwpIrp(&Call, IRP_MJ_FLUSH_BUFFERS) : NULL;
    if (!Irp) {
        ZwpEnd(&Call);
        return Status == STATUS_SUCCESS ? STATUS_INSUFFICIENT_RESOURCES : Status;
    }
    IoGetNextIrpStackLocation(Irp)->MinorFunction = Minors[FLags];
    return ZwpSend(&Call, Irp, true);
}

NTSTATUS NTAPI ZwFlushBuffersFileEx(HANDLE FileHandle, ULONG FLags, PVOID Parameters,
                                    ULONG ParametersSize, PIO_STATUS_BLOCK IoStatusBlock)
{
    ZWP_AS_KERNEL(
        NtFlushBuffersFileEx(FileHandle, FLags, Parameters, ParametersSize, IoStatusBlock));
}

NTSTATUS NTAPI NtFlushBuffersFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock)
{
    return NtFlushBuffersFileEx(FileHandle, 0, NULL, 0, IoStatusBlock);
}

NTSTATUS NTAPI ZwFlushBuffersFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock)
{
    ZWP_AS_KERNEL(NtFlushBuffersFileEx(FileHandle, 0, NULL, 0, IoStatusBlock));
}

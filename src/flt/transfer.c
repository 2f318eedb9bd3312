/* SPDX-License-Identifier: MIT */
/* FltReadFile, FltWriteFile and their Ex forms: reads and writes a filter starts on a file object.
 */
#include "fltx.h"
#include "mm/mm.h"

typedef struct _TRANSFER {
    UCHAR Major;
    BOOLEAN Ex;
    PFLT_INSTANCE Instance;
    PFILE_OBJECT File;
    PLARGE_INTEGER ByteOffset;
    ULONG Length;
    PVOID Buffer;
    FLT_IO_OPERATION_FLAGS Flags;
    PULONG Bytes;
    PFLT_COMPLETED_ASYNC_IO_CALLBACK Callback;
    PVOID CallbackContext;
    ULONG Key;
    PMDL Mdl;
    const void *Caller;
    LARGE_INTEGER Offset; /* resolved */
    BOOLEAN Explicit;
} TRANSFER;

static const char *Name(const TRANSFER *t)
{
    if (t->Major == IRP_MJ_READ)
        return t->Ex ? "FltReadFileEx" : "FltReadFile";
    return t->Ex ? "FltWriteFileEx" : "FltWriteFile";
}

/*
 * Where the transfer goes. NULL and FILE_USE_FILE_POINTER_POSITION mean the file pointer, which
 * only a synchronous file object has. FILE_WRITE_TO_END_OF_FILE is for writes; one sentence of the
 * Ex page forbids it and another describes it (nf-fltkernel-fltwritefileex), so it is allowed.
 */
static NTSTATUS ResolveOffset(TRANSFER *t)
{
    BOOLEAN Synchronous = (t->File->Flags & FO_SYNCHRONOUS_IO) != 0;
    LARGE_INTEGER *Asked = t->ByteOffset;
    BOOLEAN Special = Asked && Asked->HighPart == -1;

    if (Special && KexBuild < 9200 && !t->Ex && (LONG)Asked->LowPart >= (LONG)0xfffffffe &&
        (LONG)Asked->LowPart < 0)
        return STATUS_INVALID_PARAMETER;
    if (!Asked || (Special && Asked->LowPart == FILE_USE_FILE_POINTER_POSITION)) {
        t->Offset = t->File->CurrentByteOffset;
        if (Synchronous)
            return STATUS_SUCCESS;
        KexFinding("FIO-005", "verifier", t->Caller,
                   "%s without an offset on a file object that is not synchronous", Name(t));
        return STATUS_INVALID_PARAMETER;
    }
    t->Offset = *Asked;
    t->Explicit = TRUE;
    if (Special && Asked->LowPart == FILE_WRITE_TO_END_OF_FILE && t->Major == IRP_MJ_WRITE)
        return STATUS_SUCCESS;
    return Asked->QuadPart < 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

static NTSTATUS CheckArguments(TRANSFER *t)
{
    const ULONG Known = FLTFL_IO_OPERATION_NON_CACHED | FLTFL_IO_OPERATION_PAGING |
                        FLTFL_IO_OPERATION_DO_NOT_UPDATE_BYTE_OFFSET |
                        FLTFL_IO_OPERATION_SYNCHRONOUS_PAGING;

    if (!t->Instance || !t->File) {
        KexFinding("FIO-001", "verifier", t->Caller, "%s without an instance or file object",
                   Name(t));
        return STATUS_INVALID_PARAMETER;
    }
    if (!t->File->FsContext || (t->File->Flags & FO_CLEANUP_COMPLETE))
        KexFinding("FIO-001", "verifier", t->Caller, "%s on a file object that is %s", Name(t),
                   t->File->FsContext ? "cleaned up" : "not open");
    if (t->Mdl && t->Buffer) {
        KexFinding("FIO-002", "verifier", t->Caller, "%s with both a buffer and an MDL", Name(t));
        return STATUS_INVALID_PARAMETER;
    }
    if (t->Length && !t->Mdl && !t->Buffer) {
        KexFinding("FIO-002", "verifier", t->Caller, "%s with neither a buffer nor an MDL",
                   Name(t));
        return STATUS_INVALID_PARAMETER;
    }
    if ((t->Flags & FLTFL_IO_OPERATION_SYNCHRONOUS_PAGING) &&
        !(t->Flags & FLTFL_IO_OPERATION_PAGING))
        KexFinding("FIO-004", "verifier", t->Caller, "%s with the synchronous-paging flag alone",
                   Name(t));
    if (t->Flags & ~Known)
        KexFinding("FIO-004", "verifier", t->Caller, "%s with unknown flags 0x%x", Name(t),
                   (unsigned)t->Flags);
    return ResolveOffset(t);
}

static ULONG IrpFlagsOf(const TRANSFER *t)
{
    ULONG Flags = t->Major == IRP_MJ_READ ? IRP_READ_OPERATION : IRP_WRITE_OPERATION;

    if ((t->Flags & FLTFL_IO_OPERATION_NON_CACHED) ||
        (t->File->Flags & FO_NO_INTERMEDIATE_BUFFERING))
        Flags |= IRP_NOCACHE;
    if (t->Flags & FLTFL_IO_OPERATION_PAGING)
        Flags |= IRP_NOCACHE | IRP_PAGING_IO;
    if (t->Flags & FLTFL_IO_OPERATION_SYNCHRONOUS_PAGING)
        Flags |= IRP_SYNCHRONOUS_PAGING_IO;
    if (!t->Callback)
        Flags |= IRP_SYNCHRONOUS_API;
    return Flags;
}

/*
 * A file object opened for synchronous I/O has its pointer moved by the file system. It is put back
 * when the caller asked for it, and after an explicit offset unless the policy follows the newer
 * text of the page.
 */
static BOOLEAN PutsPositionBack(const TRANSFER *t)
{
    if (!(t->File->Flags & FO_SYNCHRONOUS_IO))
        return FALSE;
    if (t->Flags & FLTFL_IO_OPERATION_DO_NOT_UPDATE_BYTE_OFFSET)
        return TRUE;
    return t->Explicit && strcmp(KexPolicy("explicit_offset_updates_position"), "true") != 0;
}

/* A paging request describes its pages by an MDL; file systems rely on it. */
static NTSTATUS GivePagingMdl(TRANSFER *t, FLTX_OWN *Own)
{
    NTSTATUS Status;

    if (!(t->Flags & FLTFL_IO_OPERATION_PAGING) || t->Mdl || !t->Length)
        return STATUS_SUCCESS;
    t->Mdl = IoAllocateMdl(t->Buffer, t->Length, FALSE, FALSE, NULL);
    if (!t->Mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status =
        MmxProbeAndLock(t->Mdl, KernelMode, t->Major == IRP_MJ_READ ? IoWriteAccess : IoReadAccess);
    if (!NT_SUCCESS(Status)) {
        IoFreeMdl(t->Mdl);
        return Status;
    }
    Own->LentMdl = NULL; /* ours: goes with the block */
    return STATUS_SUCCESS;
}

static NTSTATUS Prepare(TRANSFER *t, FLTX_OWN *Own)
{
    FLT_IO_PARAMETER_BLOCK *p = &Own->Op.Iopb;
    NTSTATUS Status;

    Own->LentMdl = t->Mdl;
    Status = GivePagingMdl(t, Own);
    if (!NT_SUCCESS(Status))
        return Status;
    p->MajorFunction = t->Major;
    p->IrpFlags = IrpFlagsOf(t);
    p->Parameters.Read.Length = t->Length;
    p->Parameters.Read.Key = t->Key;
    p->Parameters.Read.ByteOffset = t->Offset;
    p->Parameters.Read.ReadBuffer =
        t->Mdl && !t->Buffer ? MmGetMdlVirtualAddress(t->Mdl) : t->Buffer;
    p->Parameters.Read.MdlAddress = t->Mdl;
    Own->RestoreOffset = PutsPositionBack(t);
    Own->SavedOffset = t->File->CurrentByteOffset;
    return STATUS_SUCCESS;
}

/* The caller keeps an MDL it lent: off the block before that is freed. */
static void ReturnLent(FLTX_OWN *Own)
{
    if (Own->LentMdl)
        Own->Op.Iopb.Parameters.Read.MdlAddress = NULL;
    Own->LentMdl = NULL;
}

typedef struct _RELAY {
    PFLT_COMPLETED_ASYNC_IO_CALLBACK Callback;
    PVOID Context;
} RELAY;

static VOID NTAPI AsyncDone(PFLT_CALLBACK_DATA Data, PVOID Context)
{
    RELAY Relay = *(RELAY *)Context;

    ExFreePoolWithTag(Context, FLTX_TAG);
    Relay.Callback(Data, Relay.Context);
    ReturnLent(FLTX_OWN_OF(Data));
}

static NTSTATUS Start(TRANSFER *t, FLTX_OWN *Own)
{
    RELAY *Relay = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Relay), FLTX_TAG);

    if (!Relay) {
        ReturnLent(Own);
        FltxOwnFree(Own);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Relay->Callback = t->Callback;
    Relay->Context = t->CallbackContext;
    Own->Internal = TRUE;
    return FltxOwnStart(Own, AsyncDone, Relay);
}

static NTSTATUS Transfer(TRANSFER *t)
{
    FLTX_OWN *Own;
    NTSTATUS Status;

    if (!t->Callback && t->Bytes)
        *t->Bytes = 0;
    Status = CheckArguments(t);
    if (!NT_SUCCESS(Status))
        return Status;
    Own = FltxOwnAllocate(t->Instance, t->File, FALSE, t->Caller);
    if (!Own)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = Prepare(t, Own);
    if (NT_SUCCESS(Status) && t->Callback)
        return Start(t, Own);
    if (NT_SUCCESS(Status)) {
        Status = FltxOwnPerform(Own, 0);
        if (t->Bytes)
            *t->Bytes = (ULONG)Own->Op.Data.IoStatus.Information;
    }
    ReturnLent(Own);
    FltxOwnFree(Own);
    return Status;
}

/*
 * Reads for a filter: only the instances below InitiatingInstance and the file system see it. IRQL:
 * PASSIVE_LEVEL, APC_LEVEL with a paging flag. ByteOffset NULL: the file pointer (synchronous file
 * objects). With CallbackRoutine the read is asynchronous and BytesRead is ignored; without, it is
 * synchronous whatever the file object is. The status is the file system's
 * (nf-fltkernel-fltreadfile).
 */
NTSTATUS NTAPI FltReadFile(PFLT_INSTANCE InitiatingInstance, PFILE_OBJECT FileObject,
                           PLARGE_INTEGER ByteOffset, ULONG Length, PVOID Buffer,
                           FLT_IO_OPERATION_FLAGS Flags, PULONG BytesRead,
                           PFLT_COMPLETED_ASYNC_IO_CALLBACK CallbackRoutine, PVOID CallbackContext)
{
    TRANSFER t = {.Major = IRP_MJ_READ,
                  .Instance = InitiatingInstance,
                  .File = FileObject,
                  .ByteOffset = ByteOffset,
                  .Length = Length,
                  .Buffer = Buffer,
                  .Flags = Flags,
                  .Bytes = BytesRead,
                  .Callback = CallbackRoutine,
                  .CallbackContext = CallbackContext,
                  .Caller = __builtin_return_address(0)};

    return Transfer(&t);
}

/* FltReadFile with a byte-range lock key and, instead of Buffer, an MDL the caller keeps
 * (nf-fltkernel-fltreadfileex). */
NTSTATUS NTAPI FltReadFileEx(PFLT_INSTANCE InitiatingInstance, PFILE_OBJECT FileObject,
                             PLARGE_INTEGER ByteOffset, ULONG Length, PVOID Buffer,
                             FLT_IO_OPERATION_FLAGS Flags, PULONG BytesRead,
                             PFLT_COMPLETED_ASYNC_IO_CALLBACK CallbackRoutine,
                             PVOID CallbackContext, PULONG Key, PMDL Mdl)
{
    TRANSFER t = {.Major = IRP_MJ_READ,
                  .Ex = TRUE,
                  .Instance = InitiatingInstance,
                  .File = FileObject,
                  .ByteOffset = ByteOffset,
                  .Length = Length,
                  .Buffer = Buffer,
                  .Flags = Flags,
                  .Bytes = BytesRead,
                  .Callback = CallbackRoutine,
                  .CallbackContext = CallbackContext,
                  .Key = Key ? *Key : 0,
                  .Mdl = Mdl,
                  .Caller = __builtin_return_address(0)};

    return Transfer(&t);
}

/* As FltReadFile, for writes (nf-fltkernel-fltwritefile). Writers on one file object are not
 * serialised. */
NTSTATUS NTAPI FltWriteFile(PFLT_INSTANCE InitiatingInstance, PFILE_OBJECT FileObject,
                            PLARGE_INTEGER ByteOffset, ULONG Length, PVOID Buffer,
                            FLT_IO_OPERATION_FLAGS Flags, PULONG BytesWritten,
                            PFLT_COMPLETED_ASYNC_IO_CALLBACK CallbackRoutine, PVOID CallbackContext)
{
    TRANSFER t = {.Major = IRP_MJ_WRITE,
                  .Instance = InitiatingInstance,
                  .File = FileObject,
                  .ByteOffset = ByteOffset,
                  .Length = Length,
                  .Buffer = Buffer,
                  .Flags = Flags,
                  .Bytes = BytesWritten,
                  .Callback = CallbackRoutine,
                  .CallbackContext = CallbackContext,
                  .Caller = __builtin_return_address(0)};

    return Transfer(&t);
}

/* FltWriteFile with a byte-range lock key and, instead of Buffer, an MDL the caller keeps
 * (nf-fltkernel-fltwritefileex). */
NTSTATUS NTAPI FltWriteFileEx(PFLT_INSTANCE InitiatingInstance, PFILE_OBJECT FileObject,
                              PLARGE_INTEGER ByteOffset, ULONG Length, PVOID Buffer,
                              FLT_IO_OPERATION_FLAGS Flags, PULONG BytesWritten,
                              PFLT_COMPLETED_ASYNC_IO_CALLBACK CallbackRoutine,
                              PVOID CallbackContext, PULONG Key, PMDL Mdl)
{
    TRANSFER t = {.Major = IRP_MJ_WRITE,
                  .Ex = TRUE,
                  .Instance = InitiatingInstance,
                  .File = FileObject,
                  .ByteOffset = ByteOffset,
                  .Length = Length,
                  .Buffer = Buffer,
                  .Flags = Flags,
                  .Bytes = BytesWritten,
                  .Callback = CallbackRoutine,
                  .CallbackContext = CallbackContext,
                  .Key = Key ? *Key : 0,
                  .Mdl = Mdl,
                  .Caller = __builtin_return_address(0)};

    return Transfer(&t);
}

/* SPDX-License-Identifier: MIT */
/* NtQueryDirectoryFile(Ex) and NtNotifyChangeDirectoryFile. */
#include "zw/zwp.h"

#include <string.h>

/* Bytes before the name of each class; 0: not a directory class. */
static ULONG FixedPart(FILE_INFORMATION_CLASS Class)
{
    switch (Class) {
    case FileDirectoryInformation:
        return FIELD_OFFSET(FILE_DIRECTORY_INFORMATION, FileName);
    case FileFullDirectoryInformation:
        return FIELD_OFFSET(FILE_FULL_DIR_INFORMATION, FileName);
    case FileBothDirectoryInformation:
        return FIELD_OFFSET(FILE_BOTH_DIR_INFORMATION, FileName);
    case FileNamesInformation:
        return FIELD_OFFSET(FILE_NAMES_INFORMATION, FileName);
    case FileIdBothDirectoryInformation:
        return FIELD_OFFSET(FILE_ID_BOTH_DIR_INFORMATION, FileName);
    case FileIdFullDirectoryInformation:
        return FIELD_OFFSET(FILE_ID_FULL_DIR_INFORMATION, FileName);
    case FileIdExtdDirectoryInformation:
        return FIELD_OFFSET(FILE_ID_EXTD_DIR_INFORMATION, FileName);
    case FileIdExtdBothDirectoryInformation:
        return FIELD_OFFSET(FILE_ID_EXTD_BOTH_DIR_INFORMATION, FileName);
    case FileObjectIdInformation:
        return sizeof(FILE_OBJECTID_INFORMATION);
    case FileReparsePointInformation:
        return sizeof(FILE_REPARSE_POINT_INFORMATION);
    case FileQuotaInformation:
        return sizeof(FILE_QUOTA_INFORMATION);
    default:
        return 0;
    }
}

/* The pattern rides in the request's auxiliary buffer: a counted string with its characters behind
 * it. */
static NTSTATUS CapturePattern(ZWP_CALL *Call, PIRP Irp, PUNICODE_STRING FileName)
{
    PUNICODE_STRING Copy;
    UNICODE_STRING Name;
    NTSTATUS Status;

    if (!FileName)
        return STATUS_SUCCESS;
    Status = MmxCopyIn(&Name, FileName, sizeof Name, TYPE_ALIGNMENT(UNICODE_STRING), Call->Mode);
    if (!NT_SUCCESS(Status) || !Name.Length)
        return Status;
    if (Name.Length & 1)
        return STATUS_INVALID_PARAMETER;
    Copy = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *Copy + Name.Length, IOX_POOL_TAG);
    if (!Copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    *Copy = (UNICODE_STRING){Name.Length, Name.Length, (PWCH)(Copy + 1)};
    Irp->Tail.Overlay.AuxiliaryBuffer = (PCHAR)Copy;
    IoGetNextIrpStackLocation(Irp)->Parameters.QueryDirectory.FileName = Copy;
    return MmxCopyIn(Copy->Buffer, Name.Buffer, Name.Length, sizeof(WCHAR), Call->Mode);
}

static NTSTATUS AttachOutput(ZWP_CALL *Call, PIRP Irp, PVOID Buffer, ULONG Length)
{
    if (Call->Device->Flags & DO_BUFFERED_IO)
        return ZwpSystemBuffer(Call, Irp, Length, NULL, 0, Buffer);
    if (Call->Device->Flags & DO_DIRECT_IO)
        return ZwpMdl(Call, Irp, Buffer, Length, IoWriteAccess);
    Irp->UserBuffer = Buffer;
    return STATUS_SUCCESS;
}

/*
 * Lists a directory (nf-ntifs-ntquerydirectoryfileex). The handle needs FILE_LIST_DIRECTORY. The
 * file system keeps the position and the first call's pattern in the open. PASSIVE_LEVEL.
 * STATUS_NO_MORE_FILES at the end, STATUS_NO_SUCH_FILE when nothing ever matched,
 * STATUS_BUFFER_OVERFLOW when even one entry was cut.
 */
NTSTATUS NTAPI NtQueryDirectoryFileEx(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                                      PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                                      PVOID FileInformation, ULONG Length,
                                      FILE_INFORMATION_CLASS FileInformationClass, ULONG QueryFlags,
                                      PUNICODE_STRING FileName)
{
    ULONG Fixed = FixedPart(FileInformationClass);
    PIO_STACK_LOCATION Stack;
    ZWP_CALL Call;
    NTSTATUS Status;
    PIRP Irp = NULL;

    if (!Fixed)
        return STATUS_INVALID_INFO_CLASS;
    if (Length < Fixed)
        return STATUS_INFO_LENGTH_MISMATCH;
    if (QueryFlags & ~(ULONG)SL_QUERY_DIRECTORY_MASK)
        return STATUS_INVALID_PARAMETER;
    Status = ZwpBegin(&Call, FileHandle, FILE_LIST_DIRECTORY, false, Event, IoStatusBlock,
                      __builtin_return_address(0));
    if (!NT_SUCCESS(Status))
        return Status;
    Call.Apc = ApcRoutine;
    Call.ApcContext = ApcContext;
    Status = MmxProbePages(FileInformation, Length, true, Call.Mode);
    if (NT_SUCCESS(Status))
        Status = ZwpLock(&Call);
    if (Status == STATUS_SUCCESS && !(Irp = ZwpIrp(&Call, IRP_MJ_DIRECTORY_CONTROL)))
        Status = STATUS_INSUFFICIENT_RESOURCES;
    if (Status == STATUS_SUCCESS)
        Status = CapturePattern(&Call, Irp, FileName);
    if (Status == STATUS_SUCCESS)
        Status = AttachOutput(&Call, Irp, FileInformation, Length);
    if (Status != STATUS_SUCCESS) {
        if (Irp)
            ZwpDropIrp(Irp);
        ZwpEnd(&Call);
        return Status;
    }
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MinorFunction = IRP_MN_QUERY_DIRECTORY;
    Stack->Flags = (UCHAR)QueryFlags;
    Stack->Parameters.QueryDirectory.Length = Length;
    Stack->Parameters.QueryDirectory.FileInformationClass = FileInformationClass;
    return ZwpSend(&Call, Irp, false);
}

NTSTATUS NTAPI ZwQueryDirectoryFileEx(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                                      PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                                      PVOID FileInformation, ULONG Length,
                                      FILE_INFORMATION_CLASS FileInformationClass, ULONG QueryFlags,
                                      PUNICODE_STRING FileName)
{
    ZWP_AS_KERNEL(NtQueryDirectoryFileEx(FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock,
                                         FileInformation, Length, FileInformationClass, QueryFlags,
                                         FileName));
}

NTSTATUS NTAPI NtQueryDirectoryFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                                    PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                                    PVOID FileInformation, ULONG Length,
                                    FILE_INFORMATION_CLASS FileInformationClass,
                                    BOOLEAN ReturnSingleEntry, PUNICODE_STRING FileName,
                                    BOOLEAN RestartScan)
{
    ULONG Flags =
        (RestartScan ? SL_RESTART_SCAN : 0) | (ReturnSingleEntry ? SL_RETURN_SINGLE_ENTRY : 0);

    return NtQueryDirectoryFileEx(FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock,
                                  FileInformation, Length, FileInformationClass, Flags, FileName);
}

NTSTATUS NTAPI ZwQueryDirectoryFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                                    PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                                    PVOID FileInformation, ULONG Length,
                                    FILE_INFORMATION_CLASS FileInformationClass,
                                    BOOLEAN ReturnSingleEntry, PUNICODE_STRING FileName,
                                    BOOLEAN RestartScan)
{
    ZWP_AS_KERNEL(NtQueryDirectoryFile(FileHandle, Event, ApcRoutine, ApcContext, IoStatusBlock,
                                       FileInformation, Length, FileInformationClass,
                                       ReturnSingleEntry, FileName, RestartScan));
}

/*
 * Waits for changes in a directory. The handle needs FILE_LIST_DIRECTORY; stays pending until
 * something matches the filter or the request is cancelled (IRP_MN_NOTIFY_CHANGE_DIRECTORY).
 */
NTSTATUS NTAPI NtNotifyChangeDirectoryFile(HANDLE FileHandle, HANDLE Event,
                                           PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                                           PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                                           ULONG Length, ULONG CompletionFilter, BOOLEAN WatchTree)
{
    PIO_STACK_LOCATION Stack;
    ZWP_CALL Call;
    NTSTATUS Status;
    PIRP Irp = NULL;

    if (!CompletionFilter || (CompletionFilter & ~(ULONG)FILE_NOTIFY_VALID_MASK))
        return STATUS_INVALID_PARAMETER;
    Status = ZwpBegin(&Call, FileHandle, FILE_LIST_DIRECTORY, false, Event, IoStatusBlock,
                      __builtin_return_address(0));
    if (!NT_SUCCESS(Status))
        return Status;
    Call.Apc = ApcRoutine;
    Call.ApcContext = ApcContext;
    Status = MmxProbePages(Buffer, Length, true, Call.Mode);
    if (NT_SUCCESS(Status))
        Status = ZwpLock(&Call);
    if (Status == STATUS_SUCCESS && !(Irp = ZwpIrp(&Call, IRP_MJ_DIRECTORY_CONTROL)))
        Status = STATUS_INSUFFICIENT_RESOURCES;
    if (Status == STATUS_SUCCESS)
        Status = AttachOutput(&Call, Irp, Buffer, Length);
    if (Status != STATUS_SUCCESS) {
        if (Irp)
            ZwpDropIrp(Irp);
        ZwpEnd(&Call);
        return Status;
    }
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MinorFunction = IRP_MN_NOTIFY_CHANGE_DIRECTORY;
    Stack->Flags = WatchTree ? SL_WATCH_TREE : 0;
    Stack->Parameters.NotifyDirectory.Length = Length;
    Stack->Parameters.NotifyDirectory.CompletionFilter = CompletionFilter;
    return ZwpSend(&Call, Irp, false);
}

NTSTATUS NTAPI ZwNotifyChangeDirectoryFile(HANDLE FileHandle, HANDLE Event,
                                           PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext,
                                           PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                                           ULONG Length, ULONG CompletionFilter, BOOLEAN WatchTree)
{
    ZWP_AS_KERNEL(NtNotifyChangeDirectoryFile(FileHandle, Event, ApcRoutine, ApcContext,
                                              IoStatusBlock, Buffer, Length, CompletionFilter,
                                              WatchTree));
}

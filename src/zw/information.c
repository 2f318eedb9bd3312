/* SPDX-License-Identifier: MIT */
/*
 * Questions about files and changes of them: NtQueryInformationFile, NtSetInformationFile and the
 * volume forms.
 *
 * The tables hold what the I/O manager checks itself for each class: the shortest buffer and the
 * right the handle needs (ns-ntifs-... pages of the classes). A class without an entry does not
 * exist for that call.
 */
#include "zw/zwp.h"

#include <string.h>

typedef struct _CLASS_RULE {
    USHORT Length; /* shortest buffer; 0: no such class */
    ACCESS_MASK Access;
} CLASS_RULE;

/* Buffers that hold a variable name may end in the middle of it. */
static const CLASS_RULE QueryRules[FileMaximumInformation] = {
    [FileBasicInformation] = {sizeof(FILE_BASIC_INFORMATION), FILE_READ_ATTRIBUTES},
    [FileStandardInformation] = {FIELD_OFFSET(FILE_STANDARD_INFORMATION, Directory) + 2, 0},
    [FileInternalInformation] = {sizeof(FILE_INTERNAL_INFORMATION), 0},
    [FileEaInformation] = {sizeof(FILE_EA_INFORMATION), 0},
    [FileAccessInformation] = {sizeof(FILE_ACCESS_INFORMATION), 0},
    [FileNameInformation] = {sizeof(FILE_NAME_INFORMATION), 0},
    [FilePositionInformation] = {sizeof(FILE_POSITION_INFORMATION), 0},
    [FileModeInformation] = {sizeof(FILE_MODE_INFORMATION), 0},
    [FileAlignmentInformation] = {sizeof(FILE_ALIGNMENT_INFORMATION), 0},
    [FileAllInformation] = {sizeof(FILE_ALL_INFORMATION), FILE_READ_ATTRIBUTES},
    [FileAlternateNameInformation] = {sizeof(FILE_NAME_INFORMATION), 0},
    [FileStreamInformation] = {sizeof(FILE_STREAM_INFORMATION), 0},
    [FilePipeInformation] = {sizeof(FILE_PIPE_INFORMATION), FILE_READ_ATTRIBUTES},
    [FilePipeLocalInformation] = {sizeof(FILE_PIPE_LOCAL_INFORMATION), FILE_READ_ATTRIBUTES},
    [FileCompressionInformation] = {sizeof(FILE_COMPRESSION_INFORMATION), 0},
    [FileObjectIdInformation] = {sizeof(FILE_OBJECTID_INFORMATION), 0},
    [FileQuotaInformation] = {sizeof(FILE_QUOTA_INFORMATION), FILE_READ_DATA},
    [FileReparsePointInformation] = {sizeof(FILE_REPARSE_POINT_INFORMATION), 0},
    [FileNetworkOpenInformation] = {sizeof(FILE_NETWORK_OPEN_INFORMATION), FILE_READ_ATTRIBUTES},
    [FileAttributeTagInformation] = {sizeof(FILE_ATTRIBUTE_TAG_INFORMATION), FILE_READ_ATTRIBUTES},
    [FileHardLinkInformation] = {sizeof(FILE_LINKS_INFORMATION), 0},
    [FileNormalizedNameInformation] = {sizeof(FILE_NAME_INFORMATION), 0},
    [FileNetworkPhysicalNameInformation] = {sizeof(FILE_NAME_INFORMATION), 0},
    [FileIsRemoteDeviceInformation] = {sizeof(FILE_IS_REMOTE_DEVICE_INFORMATION), 0},
    [FileStandardLinkInformation] = {sizeof(FILE_STANDARD_LINK_INFORMATION), 0},
    [FileVolumeNameInformation] = {sizeof(FILE_VOLUME_NAME_INFORMATION), 0},
    [FileIdInformation] = {sizeof(FILE_ID_INFORMATION), 0},
    [FileIoPriorityHintInformation] = {sizeof(FILE_IO_PRIORITY_HINT_INFORMATION), FILE_READ_DATA},
    [FileStatInformation] = {sizeof(FILE_STAT_INFORMATION), FILE_READ_ATTRIBUTES},
    [FileStatLxInformation] = {sizeof(FILE_STAT_LX_INFORMATION),
                               FILE_READ_ATTRIBUTES | FILE_READ_EA},
    [FileCaseSensitiveInformation] = {sizeof(FILE_CASE_SENSITIVE_INFORMATION),
                                      FILE_READ_ATTRIBUTES},
};

static const CLASS_RULE SetRules[FileMaximumInformation] = {
    [FileBasicInformation] = {sizeof(FILE_BASIC_INFORMATION), FILE_WRITE_ATTRIBUTES},
    [FileRenameInformation] = {FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName), DELETE},
    [FileLinkInformation] = {FIELD_OFFSET(FILE_LINK_INFORMATION, FileName), 0},
    [FileDispositionInformation] = {sizeof(FILE_DISPOSITION_INFORMATION), DELETE},
    [FilePositionInformation] = {sizeof(FILE_POSITION_INFORMATION), 0},
    [FileModeInformation] = {sizeof(FILE_MODE_INFORMATION), 0},
    [FileAllocationInformation] = {sizeof(FILE_ALLOCATION_INFORMATION), FILE_WRITE_DATA},
    [FileEndOfFileInformation] = {sizeof(FILE_END_OF_FILE_INFORMATION), FILE_WRITE_DATA},
    [FilePipeInformation] = {sizeof(FILE_PIPE_INFORMATION), FILE_WRITE_ATTRIBUTES},
    [FileObjectIdInformation] = {sizeof(FILE_OBJECTID_INFORMATION), FILE_WRITE_DATA},
    [FileQuotaInformation] = {sizeof(FILE_QUOTA_INFORMATION), FILE_WRITE_DATA},
    [FileValidDataLengthInformation] = {sizeof(FILE_VALID_DATA_LENGTH_INFORMATION),
                                        FILE_WRITE_DATA},
    [FileShortNameInformation] = {sizeof(FILE_NAME_INFORMATION), DELETE},
    [FileIoPriorityHintInformation] = {sizeof(FILE_IO_PRIORITY_HINT_INFORMATION), FILE_READ_DATA},
    [FileDispositionInformationEx] = {sizeof(FILE_DISPOSITION_INFORMATION_EX), DELETE},
    [FileRenameInformationEx] = {FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName), DELETE},
    [FileLinkInformationEx] = {FIELD_OFFSET(FILE_LINK_INFORMATION, FileName), 0},
    [FileCaseSensitiveInformation] = {sizeof(FILE_CASE_SENSITIVE_INFORMATION),
                                      FILE_WRITE_ATTRIBUTES},
};

/* STATUS_INVALID_INFO_CLASS, STATUS_INFO_LENGTH_MISMATCH. */
static NTSTATUS CheckRule(const CLASS_RULE *Rules, ULONG Count, ULONG Class, ULONG Length,
                          ACCESS_MASK *Access)
{
    if (Class >= Count || !Rules[Class].Length)
        return STATUS_INVALID_INFO_CLASS;
    if (Length < Rules[Class].Length)
        return STATUS_INFO_LENGTH_MISMATCH;
    *Access = Rules[Class].Access;
    return STATUS_SUCCESS;
}

static NTSTATUS Finish(ZWP_CALL *Call, NTSTATUS Status, ULONG_PTR Information)
{
    IO_STATUS_BLOCK Result = {.Status = Status, .Information = Information};

    if (NT_SUCCESS(Status))
        return ZwpFinishFast(Call, &Result);
    ZwpEnd(Call);
    return Status;
}

/* ---- query ----------------------------------------------------------------------------------- */

static ULONG ModeOf(PFILE_OBJECT File)
{
    ULONG Flags = File->Flags, Mode = 0;

    if (Flags & FO_WRITE_THROUGH)
        Mode |= FILE_WRITE_THROUGH;
    if (Flags & FO_SEQUENTIAL_ONLY)
        Mode |= FILE_SEQUENTIAL_ONLY;
    if (Flags & FO_NO_INTERMEDIATE_BUFFERING)
        Mode |= FILE_NO_INTERMEDIATE_BUFFERING;
    if (Flags & FO_SYNCHRONOUS_IO)
        Mode |= Flags & FO_ALERTABLE_IO ? FILE_SYNCHRONOUS_IO_ALERT : FILE_SYNCHRONOUS_IO_NONALERT;
    if (Flags & FO_DELETE_ON_CLOSE)
        Mode |= FILE_DELETE_ON_CLOSE;
    return Mode;
}

/* Facts the I/O manager knows itself. FALSE: the file system is asked. */
static bool AnswerHere(ZWP_CALL *Call, FILE_INFORMATION_CLASS Class, PVOID Out, ULONG *Size)
{
    PFILE_OBJECT File = Call->File;

    switch (Class) {
    case FileAccessInformation:
        ((PFILE_ACCESS_INFORMATION)Out)->AccessFlags = Call->Granted;
        *Size = sizeof(FILE_ACCESS_INFORMATION);
        return true;
    case FileModeInformation:
        ((PFILE_MODE_INFORMATION)Out)->Mode = ModeOf(File);
        *Size = sizeof(FILE_MODE_INFORMATION);
        return true;
    case FileAlignmentInformation:
        ((PFILE_ALIGNMENT_INFORMATION)Out)->AlignmentRequirement =
            Call->Device->AlignmentRequirement;
        *Size = sizeof(FILE_ALIGNMENT_INFORMATION);
        return true;
    case FilePositionInformation:
        if (!Call->Synchronous)
            return false;
        ((PFILE_POSITION_INFORMATION)Out)->CurrentByteOffset = File->CurrentByteOffset;
        *Size = sizeof(FILE_POSITION_INFORMATION);
        return true;
    case FileIsRemoteDeviceInformation:
        ((PFILE_IS_REMOTE_DEVICE_INFORMATION)Out)->IsRemote =
            (File->DeviceObject->Characteristics & FILE_REMOTE_DEVICE) != 0;
        *Size = sizeof(FILE_IS_REMOTE_DEVICE_INFORMATION);
        return true;
    default:
        return false;
    }
}

/* Basic and standard facts by the fast path, when the top driver has it and wants it. */
static bool QueryFast(ZWP_CALL *Call, FILE_INFORMATION_CLASS Class, PVOID Out, ULONG *Size,
                      PIO_STATUS_BLOCK Iosb)
{
    PFAST_IO_DISPATCH Fast;
    bool Done;

    if (Class == FileBasicInformation)
        Fast = IoxFastIo(Call->Device, FIELD_OFFSET(FAST_IO_DISPATCH, FastIoQueryBasicInfo));
    else if (Class == FileStandardInformation)
        Fast = IoxFastIo(Call->Device, FIELD_OFFSET(FAST_IO_DISPATCH, FastIoQueryStandardInfo));
    else
        return false;
    if (!Fast)
        return false;
    if (KEX_TRACING())
        ZwpTraceFast(Call, IRP_MJ_QUERY_INFORMATION, 0, *Size);
    if (Class == FileBasicInformation) {
        Done = Fast->FastIoQueryBasicInfo(Call->File, Call->Synchronous, Out, Iosb, Call->Device);
        *Size = sizeof(FILE_BASIC_INFORMATION);
    } else {
        Done =
            Fast->FastIoQueryStandardInfo(Call->File, Call->Synchronous, Out, Iosb, Call->Device);
        *Size = FIELD_OFFSET(FILE_STANDARD_INFORMATION, Directory) + 2;
    }
    if (KEX_TRACING())
        ZwpTraceFastDone(Call, IRP_MJ_QUERY_INFORMATION, Done, Iosb, 0, *Size);
    return Done;
}

/* Parts of FileAllInformation that are the I/O manager's go in before the file system sees the
 * buffer. */
static void PrepareAll(ZWP_CALL *Call, PFILE_ALL_INFORMATION All)
{
    All->AccessInformation.AccessFlags = Call->Granted;
    All->ModeInformation.Mode = ModeOf(Call->File);
    All->AlignmentInformation.AlignmentRequirement = Call->Device->AlignmentRequirement;
}

static NTSTATUS QueryByRequest(ZWP_CALL *Call, PVOID Buffer, ULONG Length, ULONG Class)
{
    PIRP Irp = ZwpIrp(Call, IRP_MJ_QUERY_INFORMATION);
    PIO_STACK_LOCATION Stack;
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;

    if (Irp)
        Status = ZwpSystemBuffer(Call, Irp, Length, NULL, 0, Buffer);
    if (!NT_SUCCESS(Status)) {
        if (Irp)
            ZwpDropIrp(Irp);
        ZwpEnd(Call);
        return Status;
    }
    memset(Irp->AssociatedIrp.SystemBuffer, 0, Length);
    if (Class == FileAllInformation)
        PrepareAll(Call, Irp->AssociatedIrp.SystemBuffer);
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->Parameters.QueryFile.Length = Length;
    Stack->Parameters.QueryFile.FileInformationClass = (FILE_INFORMATION_CLASS)Class;
    return ZwpSend(Call, Irp, true);
}

/*
 * Facts of an open file (nf-ntifs-ntqueryinformationfile). PASSIVE_LEVEL.
 * STATUS_INVALID_INFO_CLASS, STATUS_INFO_LENGTH_MISMATCH, STATUS_ACCESS_DENIED,
 * STATUS_BUFFER_OVERFLOW when a name was cut.
 */
NTSTATUS NTAPI NtQueryInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                      PVOID FileInformation, ULONG Length,
                                      FILE_INFORMATION_CLASS FileInformationClass)
{
    union {
        FILE_BASIC_INFORMATION Basic;
        FILE_STANDARD_INFORMATION Standard;
        FILE_POSITION_INFORMATION Position;
    } Out = {0};
    IO_STATUS_BLOCK Iosb = {0};
    ACCESS_MASK Access;
    ULONG Size = Length;
    ZWP_CALL Call;
    NTSTATUS Status;
    bool Done;

    Status = CheckRule(QueryRules, FileMaximumInformation, FileInformationClass, Length, &Access);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ZwpBegin(&Call, FileHandle, Access, false, NULL, IoStatusBlock,
                      __builtin_return_address(0));
    if (!NT_SUCCESS(Status))
        return Status;
    Status = MmxProbePages(FileInformation, Length, true, Call.Mode);
    if (NT_SUCCESS(Status))
        Status = ZwpLock(&Call);
    if (Status != STATUS_SUCCESS) {
        ZwpEnd(&Call);
        return Status;
    }
    Done = AnswerHere(&Call, FileInformationClass, &Out, &Size) ||
           QueryFast(&Call, FileInformationClass, &Out, &Size, &Iosb);
    if (!Done)
        return QueryByRequest(&Call, FileInformation, Length, FileInformationClass);
    if (NT_SUCCESS(Iosb.Status))
        Iosb.Status = MmxCopyOut(FileInformation, &Out, Size, 1, Call.Mode);
    return Finish(&Call, Iosb.Status, Size);
}

NTSTATUS NTAPI ZwQueryInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                      PVOID FileInformation, ULONG Length,
                                      FILE_INFORMATION_CLASS FileInformationClass)
{
    ZWP_AS_KERNEL(NtQueryInformationFile(FileHandle, IoStatusBlock, FileInformation, Length,
                                         FileInformationClass));
}

/* ---- set ------------------------------------------------------------------------------------- */

/* Position and mode are the file object's own. FALSE: the file system's. */
static bool SetHere(ZWP_CALL *Call, FILE_INFORMATION_CLASS Class, const void *In, NTSTATUS *Status)
{
    const ULONG Settable = FILE_WRITE_THROUGH | FILE_SEQUENTIAL_ONLY | FILE_SYNCHRONOUS_IO_ALERT |
                           FILE_SYNCHRONOUS_IO_NONALERT;
    PFILE_OBJECT File = Call->File;

    if (Class == FilePositionInformation) {
        LARGE_INTEGER At = ((const FILE_POSITION_INFORMATION *)In)->CurrentByteOffset;
        bool Bad =
            At.QuadPart < 0 || ((File->Flags & FO_NO_INTERMEDIATE_BUFFERING) &&
                                Call->Device->SectorSize && At.QuadPart % Call->Device->SectorSize);

        *Status = Bad || !Call->Synchronous ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
        if (NT_SUCCESS(*Status))
            File->CurrentByteOffset = At;
        return true;
    }
    if (Class != FileModeInformation)
        return false;
    ULONG Mode = ((const FILE_MODE_INFORMATION *)In)->Mode;
    ULONG Sync = Mode & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT);

    /* Synchronous files stay so and the others stay asynchronous; how the wait is made may change.
     */
    *Status = STATUS_INVALID_PARAMETER;
    if ((Mode & ~Settable) || (Call->Synchronous ? (!Sync || (Sync & (Sync - 1))) : Sync != 0))
        return true;
    *Status = STATUS_SUCCESS;
    File->Flags &= ~(ULONG)(FO_WRITE_THROUGH | FO_SEQUENTIAL_ONLY | FO_ALERTABLE_IO);
    File->Flags |= (Mode & FILE_WRITE_THROUGH ? FO_WRITE_THROUGH : 0) |
                   (Mode & FILE_SEQUENTIAL_ONLY ? FO_SEQUENTIAL_ONLY : 0) |
                   (Mode & FILE_SYNCHRONOUS_IO_ALERT ? FO_ALERTABLE_IO : 0);
    return true;
}

static bool IsNaming(ULONG Class)
{
    return Class == FileRenameInformation || Class == FileLinkInformation ||
           Class == FileRenameInformationEx || Class == FileLinkInformationEx;
}

/*
 * The directory a rename or link goes to, opened for its file system with SL_OPEN_TARGET_DIRECTORY:
 * the last component need not exist. A name without a path and without a root stays in the file's
 * own directory and needs none.
 */
static NTSTATUS OpenTarget(ZWP_CALL *Call, PFILE_RENAME_INFORMATION Rename, ULONG Length,
                           PHANDLE Target, PFILE_OBJECT *TargetFile)
{
    const ULONG Fixed = FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName);
    UNICODE_STRING Name = {(USHORT)Rename->FileNameLength, (USHORT)Rename->FileNameLength,
                           Rename->FileName};
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Iosb;
    NTSTATUS Status;

    if (!Name.Length || (Name.Length & 1) || Rename->FileNameLength > 0xfffe ||
        Rename->FileNameLength > Length - Fixed)
        return STATUS_INVALID_PARAMETER;
    if (Name.Buffer[0] == L':' || (Name.Buffer[0] != L'\\' && !Rename->RootDirectory))
        return STATUS_SUCCESS;
    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE,
                               Rename->RootDirectory, NULL);
    Status = IoCreateFile(Target, FILE_WRITE_DATA | SYNCHRONIZE, &Attributes, &Iosb, NULL, 0,
                          FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_OPEN,
                          FILE_OPEN_FOR_BACKUP_INTENT, NULL, 0, CreateFileTypeNone, NULL,
                          IO_NO_PARAMETER_CHECKING | IO_OPEN_TARGET_DIRECTORY |
                              (Call->Mode != KernelMode ? IO_FORCE_ACCESS_CHECK : 0));
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObxReferenceHandle(*Target, 0, &IoxFileType, KernelMode, (PVOID *)TargetFile, NULL);
    if (NT_SUCCESS(Status)) {
        /* The handle keeps it. */
        ObDereferenceObject(*TargetFile);
        if (IoGetBaseFileSystemDeviceObject(*TargetFile) !=
            IoGetBaseFileSystemDeviceObject(Call->File))
            Status = STATUS_NOT_SAME_DEVICE;
    }
    if (!NT_SUCCESS(Status)) {
        ObxCloseHandle(*Target, KernelMode, NULL);
        *Target = NULL;
    }
    return Status;
}

static void FillSet(PIRP Irp, ULONG Length, ULONG Class, PFILE_OBJECT TargetFile, HANDLE FileHandle)
{
    PIO_STACK_LOCATION Stack = IoGetNextIrpStackLocation(Irp);
    PVOID In = Irp->AssociatedIrp.SystemBuffer;

    Stack->Parameters.SetFile.Length = Length;
    Stack->Parameters.SetFile.FileInformationClass = (FILE_INFORMATION_CLASS)Class;
    Stack->Parameters.SetFile.FileObject = TargetFile;
    if (Class == FileRenameInformation || Class == FileLinkInformation)
        Stack->Parameters.SetFile.ReplaceIfExists = ((PFILE_RENAME_INFORMATION)In)->ReplaceIfExists;
    else if (Class == FileRenameInformationEx || Class == FileLinkInformationEx)
        Stack->Parameters.SetFile.ReplaceIfExists =
            (((PFILE_RENAME_INFORMATION)In)->Flags & FILE_RENAME_REPLACE_IF_EXISTS) != 0;
    else if (Class == FileDispositionInformation || Class == FileDispositionInformationEx)
        Stack->Parameters.SetFile.DeleteHandle = FileHandle;
}

static NTSTATUS SetByRequest(ZWP_CALL *Call, HANDLE FileHandle, PVOID Buffer, ULONG Length,
                             ULONG Class)
{
    PIRP Irp = ZwpIrp(Call, IRP_MJ_SET_INFORMATION);
    PFILE_OBJECT TargetFile = NULL;
    HANDLE Target = NULL;
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;

    if (Irp)
        Status = ZwpSystemBuffer(Call, Irp, Length, Buffer, Length, NULL);
    if (NT_SUCCESS(Status) && IsNaming(Class))
        Status = OpenTarget(Call, Irp->AssociatedIrp.SystemBuffer, Length, &Target, &TargetFile);
    if (!NT_SUCCESS(Status)) {
        if (Irp)
            ZwpDropIrp(Irp);
        ZwpEnd(Call);
        return Status;
    }
    FillSet(Irp, Length, Class, TargetFile, FileHandle);
    Status = ZwpSend(Call, Irp, true);
    if (Target)
        ObxCloseHandle(Target, KernelMode, NULL);
    return Status;
}

/*
 * Changes an open file (nf-ntifs-ntsetinformationfile). PASSIVE_LEVEL. A rename or link to another
 * directory opens that directory first. STATUS_INVALID_INFO_CLASS, STATUS_INFO_LENGTH_MISMATCH,
 * STATUS_ACCESS_DENIED, STATUS_NOT_SAME_DEVICE.
 */
NTSTATUS NTAPI NtSetInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                    PVOID FileInformation, ULONG Length,
                                    FILE_INFORMATION_CLASS FileInformationClass)
{
    union {
        FILE_POSITION_INFORMATION Position;
        FILE_MODE_INFORMATION Mode;
    } In = {0};
    ACCESS_MASK Access;
    ZWP_CALL Call;
    NTSTATUS Status;

    Status = CheckRule(SetRules, FileMaximumInformation, FileInformationClass, Length, &Access);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ZwpBegin(&Call, FileHandle, Access, false, NULL, IoStatusBlock,
                      __builtin_return_address(0));
    if (!NT_SUCCESS(Status))
        return Status;
    Status = MmxProbePages(FileInformation, Length, false, Call.Mode);
    if (NT_SUCCESS(Status))
        Status =
            MmxCopyIn(&In, FileInformation, Length < sizeof In ? Length : sizeof In, 1, Call.Mode);
    if (NT_SUCCESS(Status))
        Status = ZwpLock(&Call);
    if (Status != STATUS_SUCCESS) {
        ZwpEnd(&Call);
        return Status;
    }
    if (SetHere(&Call, FileInformationClass, &In, &Status))
        return Finish(&Call, Status, 0);
    return SetByRequest(&Call, FileHandle, FileInformation, Length, FileInformationClass);
}

NTSTATUS NTAPI ZwSetInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                    PVOID FileInformation, ULONG Length,
                                    FILE_INFORMATION_CLASS FileInformationClass)
{
    ZWP_AS_KERNEL(NtSetInformationFile(FileHandle, IoStatusBlock, FileInformation, Length,
                                       FileInformationClass));
}

/* ---- volumes --------------------------------------------------------------------------------- */

static const CLASS_RULE QueryVolumeRules[FileFsMaximumInformation] = {
    [FileFsVolumeInformation] = {FIELD_OFFSET(FILE_FS_VOLUME_INFORMATION, VolumeLabel), 0},
    [FileFsSizeInformation] = {sizeof(FILE_FS_SIZE_INFORMATION), 0},
    [FileFsDeviceInformation] = {sizeof(FILE_FS_DEVICE_INFORMATION), 0},
    [FileFsAttributeInformation] = {FIELD_OFFSET(FILE_FS_ATTRIBUTE_INFORMATION, FileSystemName), 0},
    [FileFsControlInformation] = {sizeof(FILE_FS_CONTROL_INFORMATION), FILE_READ_DATA},
    [FileFsFullSizeInformation] = {sizeof(FILE_FS_FULL_SIZE_INFORMATION), 0},
    [FileFsObjectIdInformation] = {sizeof(FILE_FS_OBJECTID_INFORMATION), 0},
    [FileFsVolumeFlagsInformation] = {sizeof(FILE_FS_VOLUME_FLAGS_INFORMATION), 0},
    [FileFsSectorSizeInformation] = {sizeof(FILE_FS_SECTOR_SIZE_INFORMATION), 0},
    [FileFsFullSizeInformationEx] = {sizeof(FILE_FS_FULL_SIZE_INFORMATION_EX), 0},
};

static const CLASS_RULE SetVolumeRules[FileFsMaximumInformation] = {
    [FileFsLabelInformation] = {FIELD_OFFSET(FILE_FS_LABEL_INFORMATION, VolumeLabel),
                                FILE_WRITE_DATA},
    [FileFsControlInformation] = {sizeof(FILE_FS_CONTROL_INFORMATION), FILE_WRITE_DATA},
    [FileFsObjectIdInformation] = {sizeof(FILE_FS_OBJECTID_INFORMATION), FILE_WRITE_DATA},
    [FileFsVolumeFlagsInformation] = {sizeof(FILE_FS_VOLUME_FLAGS_INFORMATION), FILE_WRITE_DATA},
};

static NTSTATUS VolumeRequest(ZWP_CALL *Call, UCHAR Major, PVOID Buffer, ULONG Length, ULONG Class)
{
    bool Query = Major == IRP_MJ_QUERY_VOLUME_INFORMATION;
    PIRP Irp;
    NTSTATUS Status;

    Status = MmxProbePages(Buffer, Length, Query, Call->Mode);
    if (NT_SUCCESS(Status))
        Status = ZwpLock(Call);
    Irp = Status == STATUS_SUCCESS ? ZwpIrp(Call, Major) : NULL;
    if (Status == STATUS_SUCCESS)
        Status = !Irp ? STATUS_INSUFFICIENT_RESOURCES
                      : ZwpSystemBuffer(Call, Irp, Length, Query ? NULL : Buffer,
                                        Query ? 0 : Length, Query ? Buffer : NULL);
    if (Status != STATUS_SUCCESS) {
        if (Irp)
            ZwpDropIrp(Irp);
        ZwpEnd(Call);
        return Status;
    }
    if (Query)
        memset(Irp->AssociatedIrp.SystemBuffer, 0, Length);
    IoGetNextIrpStackLocation(Irp)->Parameters.QueryVolume.Length = Length;
    IoGetNextIrpStackLocation(Irp)->Parameters.QueryVolume.FsInformationClass =
        (FS_INFORMATION_CLASS)Class;
    return ZwpSend(Call, Irp, true);
}

/* The device's own facts need no file system. */
static NTSTATUS AnswerDevice(ZWP_CALL *Call, PVOID Buffer)
{
    PDEVICE_OBJECT Device = Call->File->DeviceObject;
    FILE_FS_DEVICE_INFORMATION Out = {Device->DeviceType, Device->Characteristics};
    NTSTATUS Status;

    if (Device->Vpb && (Device->Vpb->Flags & VPB_MOUNTED))
        Out.Characteristics |= FILE_DEVICE_IS_MOUNTED;
    Status = MmxCopyOut(Buffer, &Out, sizeof Out, 1, Call->Mode);
    return Finish(Call, Status, sizeof Out);
}

/* Facts of the volume a file is on (nf-ntifs-ntqueryvolumeinformationfile). PASSIVE_LEVEL. */
NTSTATUS NTAPI NtQueryVolumeInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                            PVOID FsInformation, ULONG Length,
                                            FS_INFORMATION_CLASS FsInformationClass)
{
    ACCESS_MASK Access;
    ZWP_CALL Call;
    NTSTATUS Status;

    Status =
        CheckRule(QueryVolumeRules, FileFsMaximumInformation, FsInformationClass, Length, &Access);
    if (NT_SUCCESS(Status))
        Status = ZwpBegin(&Call, FileHandle, Access, false, NULL, IoStatusBlock,
                          __builtin_return_address(0));
    if (!NT_SUCCESS(Status))
        return Status;
    if (FsInformationClass == FileFsDeviceInformation)
        return AnswerDevice(&Call, FsInformation);
    return VolumeRequest(&Call, IRP_MJ_QUERY_VOLUME_INFORMATION, FsInformation, Length,
                         FsInformationClass);
}

NTSTATUS NTAPI ZwQueryVolumeInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                            PVOID FsInformation, ULONG Length,
                                            FS_INFORMATION_CLASS FsInformationClass)
{
    ZWP_AS_KERNEL(NtQueryVolumeInformationFile(FileHandle, IoStatusBlock, FsInformation, Length,
                                               FsInformationClass));
}

/* Changes the volume (nf-ntifs-ntsetvolumeinformationfile). PASSIVE_LEVEL. */
NTSTATUS NTAPI NtSetVolumeInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                          PVOID FsInformation, ULONG Length,
                                          FS_INFORMATION_CLASS FsInformationClass)
{
    ACCESS_MASK Access;
    ZWP_CALL Call;
    NTSTATUS Status;

    Status =
        CheckRule(SetVolumeRules, FileFsMaximumInformation, FsInformationClass, Length, &Access);
    if (NT_SUCCESS(Status))
        Status = ZwpBegin(&Call, FileHandle, Access, false, NULL, IoStatusBlock,
                          __builtin_return_address(0));
    if (!NT_SUCCESS(Status))
        return Status;
    return VolumeRequest(&Call, IRP_MJ_SET_VOLUME_INFORMATION, FsInformation, Length,
                         FsInformationClass);
}

NTSTATUS NTAPI ZwSetVolumeInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                          PVOID FsInformation, ULONG Length,
                                          FS_INFORMATION_CLASS FsInformationClass)
{
    ZWP_AS_KERNEL(NtSetVolumeInformationFile(FileHandle, IoStatusBlock, FsInformation, Length,
                                             FsInformationClass));
}

/* SPDX-License-Identifier: MIT */
/* setinfo.c - IRP_MJ_SET_INFORMATION; renames and links are in rename.c. */
#include "fs/fsp.h"

#include <string.h>

#define SETTABLE                                                                                   \
    (FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM |                     \
     FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_TEMPORARY | FILE_ATTRIBUTE_OFFLINE |                  \
     FILE_ATTRIBUTE_NOT_CONTENT_INDEXED | FILE_ATTRIBUTE_NO_SCRUB_DATA | FILE_ATTRIBUTE_PINNED |   \
     FILE_ATTRIBUTE_UNPINNED)

/* ---- basic --------------------------------------------------------------------------------- */

/*
 * One time field: 0 leaves it, -1 stops and -2 resumes automatic updates through this handle, else
 * it is the value.
 */
static NTSTATUS TakeTime(LONGLONG Given, LONGLONG *Value, bool *ByUser, ULONG Flag, ULONG *Which)
{
    if (Given < -2)
        return STATUS_INVALID_PARAMETER;
    if (ByUser && Given == -1)
        *ByUser = true;
    if (ByUser && Given == -2)
        *ByUser = false;
    if (Given > 0) {
        *Value = Given;
        *Which |= Flag;
        if (ByUser)
            *ByUser = true;
    }
    return STATUS_SUCCESS;
}

static void NotifyBasic(FSX_IRP *x, ULONG Which)
{
    ULONG Filter = (Which & FSX_SET_ATTRIBUTES ? FILE_NOTIFY_CHANGE_ATTRIBUTES : 0) |
                   (Which & FSX_SET_WRITE ? FILE_NOTIFY_CHANGE_LAST_WRITE : 0) |
                   (Which & FSX_SET_ACCESS ? FILE_NOTIFY_CHANGE_LAST_ACCESS : 0) |
                   (Which & FSX_SET_CREATION ? FILE_NOTIFY_CHANGE_CREATION : 0);

    if (Filter && x->Ccb->Link && !x->Ccb->Link->Gone)
        FsxNotify(x->Volume, x->Ccb->Link->Parent, &x->Ccb->Link->Name, NULL, Filter,
                  FILE_ACTION_MODIFIED);
}

static NTSTATUS SetBasic(FSX_IRP *x, const FILE_BASIC_INFORMATION *Info)
{
    FSX_STORE *Store = x->Volume->Store;
    ULONG Which = 0, Given = Info->FileAttributes;
    NTSTATUS Status;
    FSX_META m;

    Status = Store->Ops->GetMeta(Store, x->Fcb->File->Id, &m);
    if (!NT_SUCCESS(Status))
        return Status;
    if ((Given & FILE_ATTRIBUTE_DIRECTORY) && !x->Fcb->File->Directory)
        return STATUS_INVALID_PARAMETER;
    if ((Given & FILE_ATTRIBUTE_TEMPORARY) && x->Fcb->File->Directory)
        return STATUS_INVALID_PARAMETER;
    Status = TakeTime(Info->CreationTime.QuadPart, &m.CreationTime, NULL, FSX_SET_CREATION, &Which);
    if (NT_SUCCESS(Status))
        Status = TakeTime(Info->LastAccessTime.QuadPart, &m.LastAccessTime, &x->Ccb->UserAccessTime,
                          FSX_SET_ACCESS, &Which);
    if (NT_SUCCESS(Status))
        Status = TakeTime(Info->LastWriteTime.QuadPart, &m.LastWriteTime, &x->Ccb->UserWriteTime,
                          FSX_SET_WRITE, &Which);
    if (NT_SUCCESS(Status))
        Status = TakeTime(Info->ChangeTime.QuadPart, &m.ChangeTime, &x->Ccb->UserChangeTime,
                          FSX_SET_CHANGE, &Which);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Given) {
        m.Attributes = (m.Attributes & ~(ULONG)SETTABLE) | (Given & SETTABLE);
        Which |= FSX_SET_ATTRIBUTES;
    }
    if (Which && !(Which & FSX_SET_CHANGE) && !x->Ccb->UserChangeTime) {
        m.ChangeTime = KexSystemTime();
        Which |= FSX_SET_CHANGE;
    }
    Store->Ops->SetMeta(Store, x->Fcb->File->Id, &m, Which);
    FsxDirtyMetadata(x->Fcb->File);
    NotifyBasic(x, Which);
    return STATUS_SUCCESS;
}

/* ---- deletion ------------------------------------------------------------------------------ */

static NTSTATUS CheckDelete(FSX_IRP *x, ULONG Flags)
{
    FSX_STORE *Store = x->Volume->Store;
    FSX_META m;
    NTSTATUS Status = Store->Ops->GetMeta(Store, x->Fcb->File->Id, &m);

    if (!NT_SUCCESS(Status))
        return Status;
    if (x->Fcb->File->Id == FSX_ROOT_ID && !x->Fcb->StreamName.Length)
        return STATUS_CANNOT_DELETE;
    if ((m.Attributes & FILE_ATTRIBUTE_READONLY) &&
        !(Flags & FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE))
        return STATUS_CANNOT_DELETE;
    if (x->Fcb->Kind == FSX_DIRECTORY && !Store->Ops->IsEmpty(Store, x->Fcb->File->Id))
        return STATUS_DIRECTORY_NOT_EMPTY;
    if (x->Fcb->Kind == FSX_DATA && !MmFlushImageSection(&x->Fcb->Section, MmFlushForDelete))
        return STATUS_CANNOT_DELETE;
    return STATUS_SUCCESS;
}

/* With POSIX semantics the name goes when this handle is closed, whoever else has the file open. */
static NTSTATUS SetDisposition(FSX_IRP *x, ULONG Flags)
{
    bool Delete = Flags & FILE_DISPOSITION_DELETE;
    NTSTATUS Status = Delete ? CheckDelete(x, Flags) : STATUS_SUCCESS;

    if (!NT_SUCCESS(Status))
        return Status;
    if (Flags & FILE_DISPOSITION_ON_CLOSE) {
        if (!(x->Ccb->Options & FILE_DELETE_ON_CLOSE))
            return STATUS_NOT_SUPPORTED;
        x->Ccb->DeleteOnClose = Delete;
        return STATUS_SUCCESS;
    }
    if (x->Fcb->StreamName.Length)
        x->Fcb->StreamDeletePending = Delete;
    else if (x->Ccb->Link)
        x->Ccb->Link->DeletePending = Delete;
    else
        return STATUS_INVALID_PARAMETER;
    x->Ccb->PosixDeleted = Delete && (Flags & FILE_DISPOSITION_POSIX_SEMANTICS);
    x->FileObject->DeletePending = Delete;
    return STATUS_SUCCESS;
}

/* ---- sizes --------------------------------------------------------------------------------- */

static NTSTATUS CheckShrink(FSX_IRP *x, LONGLONG Size)
{
    LARGE_INTEGER End = {.QuadPart = Size};

    if (Size < x->Fcb->Header.FileSize.QuadPart && !MmCanFileBeTruncated(&x->Fcb->Section, &End))
        return STATUS_USER_MAPPED_FILE;
    return STATUS_SUCCESS;
}

static void NotifySize(FSX_IRP *x)
{
    FsxTouchWrite(x->Fcb, x->Ccb);
    FsrtlxSetFileFlags(x->FileObject, FO_FILE_MODIFIED | FO_FILE_SIZE_CHANGED);
}

/*
 * AdvanceOnly is the lazy writer's form: it records how far valid data has come on the medium and
 * never shrinks.
 */
static NTSTATUS SetEndOfFile(FSX_IRP *x, LONGLONG Size)
{
    NTSTATUS Status;

    if (x->Fcb->Kind != FSX_DATA)
        return STATUS_INVALID_PARAMETER;
    if (x->Stack->Parameters.SetFile.AdvanceOnly) {
        FsxPersistSizes(x->Fcb);
        return STATUS_SUCCESS;
    }
    if (Size < 0)
        return STATUS_INVALID_PARAMETER;
    Status = CheckShrink(x, Size);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Size > x->Fcb->Header.FileSize.QuadPart)
        Status = FsxExtend(x->Fcb, x->FileObject, Size);
    else if (Size < x->Fcb->Header.FileSize.QuadPart)
        Status = FsxTruncate(x->Fcb, x->FileObject, Size, Size);
    if (NT_SUCCESS(Status))
        NotifySize(x);
    return Status;
}

static NTSTATUS SetAllocation(FSX_IRP *x, LONGLONG Size)
{
    LONGLONG FileSize = x->Fcb->Header.FileSize.QuadPart;
    NTSTATUS Status;

    if (x->Fcb->Kind != FSX_DATA || Size < 0)
        return STATUS_INVALID_PARAMETER;
    if (Size > x->Volume->Personality->MaxFileSize)
        return STATUS_DISK_FULL;
    Status = CheckShrink(x, Size);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = FsxTruncate(x->Fcb, x->FileObject, Size < FileSize ? Size : FileSize, Size);
    if (NT_SUCCESS(Status) && Size < FileSize)
        NotifySize(x);
    return Status;
}

/* What lies between the old and the new valid data is whatever the medium has there. */
static NTSTATUS SetValidData(FSX_IRP *x, LONGLONG Size)
{
    LONGLONG Old = x->Fcb->Header.ValidDataLength.QuadPart;
    CC_FILE_SIZES Sizes;

    if (x->Fcb->Kind != FSX_DATA || Size < Old || Size > x->Fcb->Header.FileSize.QuadPart)
        return STATUS_INVALID_PARAMETER;
    if (!MmCanFileBeTruncated(&x->Fcb->Section, NULL))
        return STATUS_USER_MAPPED_FILE;
    if (x->Fcb->Section.DataSectionObject) {
        NTSTATUS Status = FsxFlushData(x->Fcb, 0, 0);

        if (!NT_SUCCESS(Status))
            return Status;
        FsxPurgeData(x->Fcb, 0, 0);
    }
    ExAcquireResourceExclusiveLite(&x->Fcb->Paging, TRUE);
    x->Fcb->Header.ValidDataLength.QuadPart = Size;
    x->Fcb->StoredValid = Size;
    ExReleaseResourceLite(&x->Fcb->Paging);
    FsxPersistSizes(x->Fcb);
    Sizes = FsxCacheSizes(x->Fcb);
    return CcxSetSizes(x->FileObject, &Sizes);
}

static NTSTATUS SetShortName(FSX_IRP *x, const FILE_NAME_INFORMATION *Info, ULONG Length)
{
    FSX_STORE *Store = x->Volume->Store;
    FSX_LINK *Link = x->Ccb->Link;
    UNICODE_STRING Short;

    if (!x->Volume->Personality->ShortNames)
        return STATUS_SHORT_NAMES_NOT_ENABLED_ON_VOLUME;
    if (Length < FIELD_OFFSET(FILE_NAME_INFORMATION, FileName) || !Link ||
        Info->FileNameLength > Length - FIELD_OFFSET(FILE_NAME_INFORMATION, FileName) ||
        Info->FileNameLength > FSX_SHORT_MAX * sizeof(WCHAR))
        return STATUS_INVALID_PARAMETER;
    Short.Buffer = (PWCH)Info->FileName;
    Short.Length = Short.MaximumLength = (USHORT)Info->FileNameLength;
    return Store->Ops->Rename(Store, Link->Parent, &Link->Name, Link->Parent, &Link->Name, &Short);
}

/* ---- the request --------------------------------------------------------------------------- */

/* Classes that change the name space take its lock exclusively, before the stream's. */
static bool ChangesNames(FILE_INFORMATION_CLASS Class)
{
    switch (Class) {
    case FileRenameInformation:
    case FileRenameInformationEx:
    case FileRenameInformationBypassAccessCheck:
    case FileRenameInformationExBypassAccessCheck:
    case FileLinkInformation:
    case FileLinkInformationEx:
    case FileLinkInformationBypassAccessCheck:
    case FileLinkInformationExBypassAccessCheck:
    case FileDispositionInformation:
    case FileDispositionInformationEx:
    case FileShortNameInformation:
        return true;
    default:
        return false;
    }
}

static ULONG LeastLength(FILE_INFORMATION_CLASS Class)
{
    switch (Class) {
    case FileBasicInformation:
        return sizeof(FILE_BASIC_INFORMATION);
    case FileDispositionInformation:
        return sizeof(FILE_DISPOSITION_INFORMATION);
    case FileDispositionInformationEx:
        return sizeof(FILE_DISPOSITION_INFORMATION_EX);
    case FilePositionInformation:
        return sizeof(FILE_POSITION_INFORMATION);
    case FileEndOfFileInformation:
        return sizeof(FILE_END_OF_FILE_INFORMATION);
    case FileAllocationInformation:
        return sizeof(FILE_ALLOCATION_INFORMATION);
    case FileValidDataLengthInformation:
        return sizeof(FILE_VALID_DATA_LENGTH_INFORMATION);
    default:
        return 0;
    }
}

static NTSTATUS Set(FSX_IRP *x, FILE_INFORMATION_CLASS Class, const void *Buffer, ULONG Length)
{
    switch (Class) {
    case FileBasicInformation:
        return SetBasic(x, Buffer);
    case FileDispositionInformation:
        return SetDisposition(x, ((const FILE_DISPOSITION_INFORMATION *)Buffer)->DeleteFile
                                     ? FILE_DISPOSITION_DELETE
                                     : 0);
    case FileDispositionInformationEx:
        return SetDisposition(x, ((const FILE_DISPOSITION_INFORMATION_EX *)Buffer)->Flags);
    case FilePositionInformation:
        x->FileObject->CurrentByteOffset =
            ((const FILE_POSITION_INFORMATION *)Buffer)->CurrentByteOffset;
        return STATUS_SUCCESS;
    case FileEndOfFileInformation:
        return SetEndOfFile(x, ((const FILE_END_OF_FILE_INFORMATION *)Buffer)->EndOfFile.QuadPart);
    case FileAllocationInformation:
        return SetAllocation(
            x, ((const FILE_ALLOCATION_INFORMATION *)Buffer)->AllocationSize.QuadPart);
    case FileValidDataLengthInformation:
        return SetValidData(
            x, ((const FILE_VALID_DATA_LENGTH_INFORMATION *)Buffer)->ValidDataLength.QuadPart);
    case FileShortNameInformation:
        return SetShortName(x, Buffer, Length);
    case FileRenameInformation:
    case FileRenameInformationBypassAccessCheck:
        return FsxRename(x, Buffer, Length, false);
    case FileRenameInformationEx:
    case FileRenameInformationExBypassAccessCheck:
        return FsxRename(x, Buffer, Length, true);
    case FileLinkInformation:
    case FileLinkInformationBypassAccessCheck:
        return FsxHardLink(x, Buffer, Length, false);
    case FileLinkInformationEx:
    case FileLinkInformationExBypassAccessCheck:
        return FsxHardLink(x, Buffer, Length, true);
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

NTSTATUS FsxSetInformation(FSX_IRP *x)
{
    FILE_INFORMATION_CLASS Class = x->Stack->Parameters.SetFile.FileInformationClass;
    ULONG Length = x->Stack->Parameters.SetFile.Length;
    NTSTATUS Status;

    if (x->Fcb->Kind == FSX_VOLUME_FILE)
        return STATUS_INVALID_PARAMETER;
    if (Length < LeastLength(Class))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (x->Volume->Store->Geometry.ReadOnly && Class != FilePositionInformation)
        return STATUS_MEDIA_WRITE_PROTECTED;
    if (x->Ccb->CleanedUp && !(x->Irp->Flags & IRP_PAGING_IO) && Class != FileEndOfFileInformation)
        return STATUS_FILE_CLOSED;
    if (ChangesNames(Class))
        ExAcquireResourceExclusiveLite(&x->Volume->Resource, TRUE);
    ExAcquireResourceExclusiveLite(&x->Fcb->Main, TRUE);
    Status = Set(x, Class, x->Irp->AssociatedIrp.SystemBuffer, Length);
    ExReleaseResourceLite(&x->Fcb->Main);
    if (ChangesNames(Class))
        ExReleaseResourceLite(&x->Volume->Resource);
    return Status;
}

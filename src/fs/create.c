/* SPDX-License-Identifier: MIT */
/*
 * create.c - IRP_MJ_CREATE: find the name, judge the request, make or open the stream, record the
 * open.
 *
 * The volume's resource is held exclusively from the first look at the name space to the end, so
 * that what was checked still holds when it is used. Nothing below it writes file data back except
 * where a truncation needs the stream's locks, which are taken in order.
 */
#include "fs/fsp.h"

#include <stdlib.h>
#include <string.h>

#define WRITE_ACCESS (FILE_WRITE_DATA | FILE_APPEND_DATA)

/* One create, taken apart. */
typedef struct _OPEN {
    FSX_IRP *x;
    FSX_VOLUME *Volume;
    PFILE_OBJECT FileObject;
    ACCESS_MASK Desired;
    ULONG Disposition, Options, Attributes;
    USHORT Share;
    bool MustBeDirectory, MustBeFile, TargetDirectory;
    /* found */
    FSX_ID Parent, Id;
    bool Exists, IsRoot, ById;
    FSX_NAME Name;
    FSX_ENTRY Entry; /* of the name, when it exists */
    FSX_META Meta;
    FSX_FCB *Fcb;
    FSX_LINK *Link;
    ULONG_PTR Result; /* FILE_OPENED ... */
    bool CreatedNode, CreatedStream;
} OPEN;

/* ---- the request --------------------------------------------------------------------------- */

static void Unpack(OPEN *o)
{
    PIO_STACK_LOCATION Stack = o->x->Stack;
    PIO_SECURITY_CONTEXT Security = Stack->Parameters.Create.SecurityContext;

    o->Volume = o->x->Volume;
    o->FileObject = o->x->FileObject;
    o->Desired = Security->DesiredAccess;
    if (Security->AccessState)
        o->Desired = Security->AccessState->RemainingDesiredAccess |
                     Security->AccessState->PreviouslyGrantedAccess;
    if (o->Desired & MAXIMUM_ALLOWED)
        o->Desired = (o->Desired & ~MAXIMUM_ALLOWED) | FILE_ALL_ACCESS;
    o->Disposition = Stack->Parameters.Create.Options >> 24;
    o->Options = Stack->Parameters.Create.Options & FILE_VALID_OPTION_FLAGS;
    o->Attributes = Stack->Parameters.Create.FileAttributes;
    o->Share = Stack->Parameters.Create.ShareAccess;
    o->MustBeDirectory = o->Options & FILE_DIRECTORY_FILE;
    o->MustBeFile = o->Options & FILE_NON_DIRECTORY_FILE;
    o->TargetDirectory = Stack->Flags & SL_OPEN_TARGET_DIRECTORY;
    o->ById = o->Options & FILE_OPEN_BY_FILE_ID;
}

/* What is wrong before any name is looked at. */
static NTSTATUS CheckRequest(const OPEN *o)
{
    if (o->MustBeDirectory && o->MustBeFile)
        return STATUS_INVALID_PARAMETER;
    if (o->MustBeDirectory &&
        (o->Disposition == FILE_SUPERSEDE || o->Disposition == FILE_OVERWRITE ||
         o->Disposition == FILE_OVERWRITE_IF))
        return STATUS_INVALID_PARAMETER;
    if (o->MustBeDirectory && (o->Attributes & FILE_ATTRIBUTE_TEMPORARY))
        return STATUS_INVALID_PARAMETER;
    if ((o->Options & FILE_DELETE_ON_CLOSE) && !(o->Desired & DELETE))
        return STATUS_INVALID_PARAMETER;
    if (o->Disposition > FILE_MAXIMUM_DISPOSITION)
        return STATUS_INVALID_PARAMETER;
    if (o->Volume->LockedBy && o->Volume->LockedBy != o->FileObject)
        return STATUS_ACCESS_DENIED;
    return STATUS_SUCCESS;
}

/* ---- finding ------------------------------------------------------------------------------- */

/* Strips one trailing backslash: it says that a directory is meant. */
static NTSTATUS TrimPath(OPEN *o, UNICODE_STRING *Path)
{
    USHORT Count = Path->Length / sizeof(WCHAR);

    if (Count > 1 && Path->Buffer[Count - 1] == L'\\') {
        if (Path->Buffer[Count - 2] == L'\\')
            return STATUS_OBJECT_NAME_INVALID;
        Path->Length -= sizeof(WCHAR);
        if (o->MustBeFile)
            return STATUS_OBJECT_NAME_INVALID;
        o->MustBeDirectory = true;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS RequireDirectory(OPEN *o, FSX_ID Id)
{
    FSX_META Meta;
    NTSTATUS Status = o->Volume->Store->Ops->GetMeta(o->Volume->Store, Id, &Meta);

    if (!NT_SUCCESS(Status) || !(Meta.Attributes & FILE_ATTRIBUTE_DIRECTORY))
        return STATUS_OBJECT_PATH_NOT_FOUND;
    return STATUS_SUCCESS;
}

/*
 * Walks all components but the last; Path becomes the last one (with its stream), empty for the
 * start itself.
 */
static NTSTATUS Walk(OPEN *o, FSX_ID Start, UNICODE_STRING *Path)
{
    UNICODE_STRING First, Rest;
    FSX_NAME Plain;
    NTSTATUS Status;

    o->Parent = Start;
    if (Path->Length == sizeof(WCHAR) && Path->Buffer[0] == L'\\')
        Path->Length = 0;
    while (Path->Length) {
        FsRtlDissectName(*Path, &First, &Rest);
        if (!Rest.Length) {
            *Path = First;
            break;
        }
        if (Rest.Buffer[0] == L'\\')
            return STATUS_OBJECT_NAME_INVALID; /* two separators in a row */
        Status = FsxParseComponent(o->Volume, &First, &Plain);
        if (!NT_SUCCESS(Status))
            return Status;
        if (Plain.HasStream && !Plain.DirectoryType)
            return STATUS_OBJECT_NAME_INVALID;
        Status = o->Volume->Store->Ops->Lookup(o->Volume->Store, o->Parent, &Plain.File, &o->Entry);
        if (NT_SUCCESS(Status))
            Status = RequireDirectory(o, o->Entry.Id);
        if (!NT_SUCCESS(Status))
            return STATUS_OBJECT_PATH_NOT_FOUND;
        o->Parent = o->Entry.Id;
        *Path = Rest;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS FindById(OPEN *o)
{
    PCUNICODE_STRING Name = &o->FileObject->FileName;
    NTSTATUS Status;

    if (!o->Volume->Personality->FileIds)
        return STATUS_NOT_IMPLEMENTED;
    /* 8 bytes of file reference; 16 for the long form, whose upper half NTFS leaves zero. */
    if (Name->Length != sizeof(FSX_ID) && Name->Length != 2 * sizeof(FSX_ID))
        return STATUS_INVALID_PARAMETER;
    if (o->Disposition != FILE_OPEN && o->Disposition != FILE_OPEN_IF &&
        o->Disposition != FILE_OVERWRITE)
        return STATUS_INVALID_PARAMETER;
    memcpy(&o->Id, Name->Buffer, sizeof o->Id);
    Status = o->Volume->Store->Ops->GetMeta(o->Volume->Store, o->Id, &o->Meta);
    if (!NT_SUCCESS(Status) || (!o->Meta.Links && o->Id != FSX_ROOT_ID))
        return STATUS_INVALID_PARAMETER;
    o->Exists = true;
    o->IsRoot = o->Id == FSX_ROOT_ID;
    return STATUS_SUCCESS;
}

/* The start of a relative name, and what a relative name may not be. */
static NTSTATUS FindStart(OPEN *o, const UNICODE_STRING *Path, FSX_ID *Start)
{
    FSX_FCB *Related = FsxFcbOf(o->FileObject->RelatedFileObject);

    *Start = FSX_ROOT_ID;
    if (!o->FileObject->RelatedFileObject)
        return Path->Length && Path->Buffer[0] != L'\\' ? STATUS_OBJECT_NAME_INVALID
                                                        : STATUS_SUCCESS;
    if (!Related || Related->Volume != o->Volume)
        return STATUS_INVALID_PARAMETER;
    if (Related->Kind == FSX_VOLUME_FILE)
        return STATUS_SUCCESS;
    if (Path->Length && Path->Buffer[0] == L'\\')
        return STATUS_INVALID_PARAMETER;
    *Start = Related->File->Id;
    /* Relative to a file only nothing (reopen) or a stream of it makes sense. */
    if (Related->Kind == FSX_DATA && Path->Length && Path->Buffer[0] != L':')
        return STATUS_OBJECT_PATH_NOT_FOUND;
    return STATUS_SUCCESS;
}

static NTSTATUS FindByName(OPEN *o)
{
    UNICODE_STRING Path = o->FileObject->FileName;
    FSX_ID Start;
    NTSTATUS Status = FindStart(o, &Path, &Start);

    if (NT_SUCCESS(Status))
        Status = TrimPath(o, &Path);
    if (NT_SUCCESS(Status))
        Status = Walk(o, Start, &Path);
    if (NT_SUCCESS(Status))
        Status = FsxParseComponent(o->Volume, &Path, &o->Name);
    if (!NT_SUCCESS(Status))
        return Status;
    if (!o->Name.File.Length) {
        /* The start itself: the root, or the related object under the name it was opened by. */
        o->Id = o->Parent;
        o->Exists = true;
        o->IsRoot = o->Id == FSX_ROOT_ID;
        if (o->TargetDirectory)
            return STATUS_INVALID_PARAMETER;
        if (!o->IsRoot)
            Status = o->Volume->Store->Ops->LinkAt(o->Volume->Store, o->Id, 0, &o->Entry);
        if (!NT_SUCCESS(Status))
            return STATUS_FILE_DELETED;
    } else {
        Status = RequireDirectory(o, o->Parent);
        if (!NT_SUCCESS(Status))
            return Status;
        Status =
            o->Volume->Store->Ops->Lookup(o->Volume->Store, o->Parent, &o->Name.File, &o->Entry);
        o->Exists = NT_SUCCESS(Status);
        if (!o->Exists && Status != STATUS_OBJECT_NAME_NOT_FOUND)
            return Status;
        o->Id = o->Exists ? o->Entry.Id : 0;
    }
    return o->Exists ? o->Volume->Store->Ops->GetMeta(o->Volume->Store, o->Id, &o->Meta)
                     : STATUS_SUCCESS;
}

/* ---- judging what exists ------------------------------------------------------------------- */

static bool Overwrites(const OPEN *o)
{
    return o->Disposition == FILE_SUPERSEDE || o->Disposition == FILE_OVERWRITE ||
           o->Disposition == FILE_OVERWRITE_IF;
}

static NTSTATUS CheckPendingDelete(OPEN *o)
{
    FSX_FILE *File = FsxFindFile(o->Volume, o->Id);
    NTSTATUS Status = STATUS_SUCCESS;

    if (!File || o->ById || o->IsRoot)
        return STATUS_SUCCESS;
    KexLockAcquire(&o->Volume->TableLock);
    for (PLIST_ENTRY e = File->Names.Flink; e != &File->Names; e = e->Flink) {
        FSX_LINK *Link = CONTAINING_RECORD(e, FSX_LINK, Links);

        if (Link->DeletePending && !Link->Gone && Link->Parent == o->Entry.Parent)
            Status = STATUS_DELETE_PENDING;
    }
    KexLockRelease(&o->Volume->TableLock);
    return Status;
}

static NTSTATUS CheckExisting(OPEN *o)
{
    bool Directory = o->Meta.Attributes & FILE_ATTRIBUTE_DIRECTORY;
    bool Named = o->Name.Stream.Length != 0;
    NTSTATUS Status = CheckPendingDelete(o);

    if (!NT_SUCCESS(Status))
        return Status;
    if (!Named) {
        if (o->Disposition == FILE_CREATE)
            return STATUS_OBJECT_NAME_COLLISION;
        if (o->MustBeDirectory && !Directory)
            return STATUS_NOT_A_DIRECTORY;
        if (o->Name.HasStream && !o->Name.DirectoryType && Directory)
            return STATUS_FILE_IS_A_DIRECTORY; /* dir::$DATA */
        if (o->MustBeFile && Directory)
            return STATUS_FILE_IS_A_DIRECTORY;
        if (Directory && Overwrites(o))
            return o->MustBeFile ? STATUS_FILE_IS_A_DIRECTORY : STATUS_OBJECT_NAME_COLLISION;
    } else if (o->MustBeDirectory) {
        return STATUS_NOT_A_DIRECTORY;
    }
    if ((o->Meta.Attributes & FILE_ATTRIBUTE_READONLY) && !(Directory && !Named)) {
        if ((o->Desired & WRITE_ACCESS) || Overwrites(o))
            return STATUS_ACCESS_DENIED;
    }
    if ((o->Options & FILE_DELETE_ON_CLOSE) &&
        ((o->Meta.Attributes & FILE_ATTRIBUTE_READONLY) || (o->IsRoot && !Named)))
        return STATUS_CANNOT_DELETE;
    if (Overwrites(o) && !Named) {
        /* What is hidden or system must be named as such by whoever replaces it. */
        ULONG Keep = o->Meta.Attributes & (FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM);

        if ((o->Attributes & Keep) != Keep)
            return STATUS_ACCESS_DENIED;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CheckReadOnlyVolume(const OPEN *o)
{
    ACCESS_MASK Changes = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA |
                          FILE_WRITE_ATTRIBUTES | DELETE | FILE_DELETE_CHILD | WRITE_DAC |
                          WRITE_OWNER;

    if (!o->Volume->Store->Geometry.ReadOnly)
        return STATUS_SUCCESS;
    if (!o->Exists || Overwrites(o) || (o->Options & FILE_DELETE_ON_CLOSE))
        return STATUS_MEDIA_WRITE_PROTECTED;
    return (o->x->Stack->Parameters.Create.SecurityContext->DesiredAccess & Changes &
            ~MAXIMUM_ALLOWED)
               ? STATUS_MEDIA_WRITE_PROTECTED
               : STATUS_SUCCESS;
}

/* ---- making -------------------------------------------------------------------------------- */

static NTSTATUS ApplyEas(OPEN *o)
{
    ULONG Length = o->x->Stack->Parameters.Create.EaLength, Bad = 0;
    NTSTATUS Status;

    if (!Length || !o->x->Irp->AssociatedIrp.SystemBuffer)
        return STATUS_SUCCESS;
    if (!o->Volume->Personality->Eas)
        return STATUS_EAS_NOT_SUPPORTED;
    if (o->Options & FILE_NO_EA_KNOWLEDGE)
        return STATUS_ACCESS_DENIED;
    Status = FsxCheckEas(o->x->Irp->AssociatedIrp.SystemBuffer, Length, &Bad);
    if (!NT_SUCCESS(Status)) {
        o->x->Information = Bad;
        return Status;
    }
    return FsxStoreEas(o->Volume, o->Id, o->x->Irp->AssociatedIrp.SystemBuffer, Length);
}

static NTSTATUS ApplyAllocation(OPEN *o)
{
    LONGLONG Size = o->x->Irp->Overlay.AllocationSize.QuadPart;
    FSX_SIZES Sizes = {Size, 0, 0};

    if (Size <= 0 || o->MustBeDirectory)
        return STATUS_SUCCESS;
    if (Size > o->Volume->Personality->MaxFileSize)
        return STATUS_DISK_FULL;
    return o->Volume->Store->Ops->SetSizes(o->Volume->Store, o->Id, 0, &Sizes);
}

/*
 * Parents take part in the creation: their times change, and a directory about to go takes nothing
 * new.
 */
static NTSTATUS CheckParent(OPEN *o)
{
    FSX_FILE *File = FsxFindFile(o->Volume, o->Parent);
    NTSTATUS Status = STATUS_SUCCESS;

    if (!File)
        return STATUS_SUCCESS;
    KexLockAcquire(&o->Volume->TableLock);
    for (PLIST_ENTRY e = File->Names.Flink; e != &File->Names; e = e->Flink) {
        if (CONTAINING_RECORD(e, FSX_LINK, Links)->DeletePending)
            Status = STATUS_DELETE_PENDING;
    }
    KexLockRelease(&o->Volume->TableLock);
    return Status;
}

static void UndoNode(OPEN *o)
{
    FSX_STORE *Store = o->Volume->Store;

    Store->Ops->Unlink(Store, o->Parent, &o->Name.File);
    Store->Ops->Drop(Store, o->Id);
}

static NTSTATUS CreateNode(OPEN *o)
{
    ULONG Attributes =
        o->Attributes &
        (FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM |
         FILE_ATTRIBUTE_TEMPORARY | FILE_ATTRIBUTE_OFFLINE | FILE_ATTRIBUTE_NOT_CONTENT_INDEXED);
    FSX_STORE *Store = o->Volume->Store;
    WCHAR ShortBuffer[FSX_SHORT_MAX];
    UNICODE_STRING Short;
    NTSTATUS Status;

    if (o->Disposition == FILE_OPEN || o->Disposition == FILE_OVERWRITE)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (o->Name.Stream.Length && o->MustBeDirectory)
        return STATUS_NOT_A_DIRECTORY;
    if ((o->Options & FILE_DELETE_ON_CLOSE) && (Attributes & FILE_ATTRIBUTE_READONLY))
        return STATUS_CANNOT_DELETE;
    Status = CheckParent(o);
    if (!NT_SUCCESS(Status))
        return Status;
    Attributes |= o->MustBeDirectory ? FILE_ATTRIBUTE_DIRECTORY : FILE_ATTRIBUTE_ARCHIVE;
    FsxShortName(o->Volume, o->Parent, &o->Name.File, &Short, ShortBuffer);
    Status = Store->Ops->Create(Store, o->Parent, &o->Name.File, &Short, Attributes, &o->Id);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ApplyEas(o);
    if (NT_SUCCESS(Status))
        Status = ApplyAllocation(o);
    if (NT_SUCCESS(Status))
        Status = Store->Ops->Lookup(Store, o->Parent, &o->Name.File, &o->Entry);
    if (NT_SUCCESS(Status))
        Status = Store->Ops->GetMeta(Store, o->Id, &o->Meta);
    if (!NT_SUCCESS(Status)) {
        UndoNode(o);
        return Status;
    }
    o->CreatedNode = true;
    o->Result = FILE_CREATED;
    return STATUS_SUCCESS;
}

/* The stream a name means: its number, made when the disposition says so. */
static NTSTATUS FindStream(OPEN *o, FSX_STREAM *Stream)
{
    FSX_STORE *Store = o->Volume->Store;
    NTSTATUS Status;

    *Stream = 0;
    if (!o->Name.Stream.Length)
        return STATUS_SUCCESS;
    Status = Store->Ops->FindStream(Store, o->Id, &o->Name.Stream, Stream);
    if (NT_SUCCESS(Status))
        return o->Disposition == FILE_CREATE && !o->CreatedNode ? STATUS_OBJECT_NAME_COLLISION
                                                                : STATUS_SUCCESS;
    if (Status != STATUS_OBJECT_NAME_NOT_FOUND || o->Disposition == FILE_OPEN ||
        o->Disposition == FILE_OVERWRITE)
        return Status;
    if (o->Volume->Store->Geometry.ReadOnly)
        return STATUS_MEDIA_WRITE_PROTECTED;
    Status = Store->Ops->CreateStream(Store, o->Id, &o->Name.Stream, Stream);
    if (NT_SUCCESS(Status)) {
        o->CreatedStream = true;
        o->Result = FILE_CREATED;
    }
    return Status;
}

/* ---- overwriting --------------------------------------------------------------------------- */

/*
 * The old data goes, attributes and EAs are replaced. The stream's locks are taken here, behind the
 * volume's.
 */
static NTSTATUS Overwrite(OPEN *o)
{
    FSX_STORE *Store = o->Volume->Store;
    FSX_FCB *Fcb = o->Fcb;
    LARGE_INTEGER Zero = {.QuadPart = 0};
    NTSTATUS Status = STATUS_SUCCESS;
    FSX_META Meta = o->Meta;

    ExAcquireResourceExclusiveLite(&Fcb->Main, TRUE);
    if (!MmCanFileBeTruncated(&Fcb->Section, &Zero))
        Status = STATUS_USER_MAPPED_FILE;
    if (NT_SUCCESS(Status))
        Status = FsxTruncate(Fcb, o->FileObject, 0, o->x->Irp->Overlay.AllocationSize.QuadPart);
    if (NT_SUCCESS(Status) && !Fcb->StreamName.Length) {
        Store->Ops->SetBlob(Store, o->Id, FSX_BLOB_EA, NULL, 0);
        Status = ApplyEas(o);
        Meta.Attributes = o->Attributes &
                          (FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM |
                           FILE_ATTRIBUTE_TEMPORARY | FILE_ATTRIBUTE_OFFLINE);
        if (o->Disposition != FILE_SUPERSEDE)
            Meta.Attributes |= o->Meta.Attributes & ~(ULONG)FILE_ATTRIBUTE_READONLY;
        Meta.Attributes |= FILE_ATTRIBUTE_ARCHIVE;
        Meta.Attributes &= ~(ULONG)FILE_ATTRIBUTE_SPARSE_FILE;
        Meta.LastWriteTime = Meta.ChangeTime = Meta.LastAccessTime = KexSystemTime();
        Store->Ops->SetMeta(Store, o->Id, &Meta,
                            FSX_SET_ATTRIBUTES | FSX_SET_WRITE | FSX_SET_CHANGE | FSX_SET_ACCESS);
        FsxDirtyMetadata(Fcb->File);
    }
    ExReleaseResourceLite(&Fcb->Main);
    o->Result = o->Disposition == FILE_SUPERSEDE ? FILE_SUPERSEDED : FILE_OVERWRITTEN;
    return Status;
}

/* ---- the open ------------------------------------------------------------------------------ */

/*
 * A non-cached open of a stream that only non-cached handles have open: FAT takes the chance to get
 * rid of a left-over data section. The stream is not shared with anybody who could mind.
 */
static void PurgeLeftOver(OPEN *o)
{
    FSX_FCB *Fcb = o->Fcb;

    if (!o->Volume->Personality->PurgeOnNonCachedOpen ||
        !(o->Options & FILE_NO_INTERMEDIATE_BUFFERING) || Fcb->Handles != Fcb->NonCachedHandles ||
        !Fcb->Section.DataSectionObject)
        return;
    ExAcquireResourceExclusiveLite(&Fcb->Main, TRUE);
    if (NT_SUCCESS(FsxFlushData(Fcb, 0, 0)))
        FsxPurgeData(Fcb, 0, 0);
    ExReleaseResourceLite(&Fcb->Main);
}

static NTSTATUS NewCcb(OPEN *o, FSX_CCB **Out)
{
    FSX_CCB *Ccb = calloc(1, sizeof *Ccb);

    if (!Ccb)
        return STATUS_INSUFFICIENT_RESOURCES;
    Ccb->NodeTypeCode = FSX_NODE_CCB;
    Ccb->NodeByteSize = sizeof *Ccb;
    Ccb->Options = o->Options;
    Ccb->Granted = o->Desired;
    Ccb->ById = o->ById;
    Ccb->DeleteOnClose = o->Options & FILE_DELETE_ON_CLOSE;
    if (!o->ById && !o->IsRoot && o->Fcb->File) {
        UNICODE_STRING Name = {(USHORT)(o->Entry.NameLength * sizeof(WCHAR)),
                               (USHORT)(o->Entry.NameLength * sizeof(WCHAR)), o->Entry.Name};

        Ccb->Link = FsxReferenceLink(o->Fcb->File, o->Entry.Parent, &Name);
        if (!Ccb->Link) {
            free(Ccb);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    *Out = Ccb;
    return STATUS_SUCCESS;
}

/* Makes the file object an open of the stream and counts it. Share access is settled. */
static void Connect(OPEN *o, FSX_CCB *Ccb)
{
    FSX_FCB *Fcb = o->Fcb;
    PFILE_OBJECT FileObject = o->FileObject;

    FileObject->FsContext = &Fcb->Header;
    FileObject->FsContext2 = Ccb;
    FileObject->SectionObjectPointer = &Fcb->Section;
    FileObject->Vpb = o->Volume->Vpb;
    if (Fcb->Kind == FSX_DATA && !(o->Options & FILE_NO_INTERMEDIATE_BUFFERING))
        FileObject->Flags |= FO_CACHE_SUPPORTED;
    KexLockAcquire(&o->Volume->TableLock);
    Fcb->Handles++;
    if (o->Options & FILE_NO_INTERMEDIATE_BUFFERING)
        Fcb->NonCachedHandles++;
    if (Fcb->File)
        Fcb->File->Handles++;
    if (Ccb->Link)
        Ccb->Link->Handles++;
    o->Volume->OpenFiles++;
    KexLockRelease(&o->Volume->TableLock);
}

static NTSTATUS ShareAndConnect(OPEN *o)
{
    PACCESS_STATE State = o->x->Stack->Parameters.Create.SecurityContext->AccessState;
    bool Fresh = !o->Fcb->Handles;
    FSX_CCB *Ccb = NULL;
    NTSTATUS Status = STATUS_SUCCESS;

    o->FileObject->SectionObjectPointer =
        &o->Fcb->Section; /* a truncation below reaches the cache through it */
    if (!Fresh)
        Status = IoCheckShareAccess(o->Desired, o->Share, o->FileObject, &o->Fcb->Share, FALSE);
    if (NT_SUCCESS(Status))
        PurgeLeftOver(o);
    if (NT_SUCCESS(Status) && o->Exists && !o->CreatedStream && Overwrites(o)) {
        if (o->Disposition == FILE_SUPERSEDE)
            o->Desired |= DELETE;
        Status = Overwrite(o);
    }
    if (NT_SUCCESS(Status))
        Status = NewCcb(o, &Ccb);
    if (!NT_SUCCESS(Status)) {
        o->FileObject->SectionObjectPointer = NULL;
        return Status;
    }
    if (Fresh)
        IoSetShareAccess(o->Desired, o->Share, o->FileObject, &o->Fcb->Share);
    else
        IoCheckShareAccess(o->Desired, o->Share, o->FileObject, &o->Fcb->Share, TRUE);
    if (State) {
        State->PreviouslyGrantedAccess |= o->Desired & ~MAXIMUM_ALLOWED;
        State->RemainingDesiredAccess = 0;
    }
    Connect(o, Ccb);
    return STATUS_SUCCESS;
}

static void NotifyCreated(OPEN *o)
{
    if (o->CreatedNode)
        FsxNotify(o->Volume, o->Parent, &o->Name.File, NULL,
                  o->MustBeDirectory ? FILE_NOTIFY_CHANGE_DIR_NAME : FILE_NOTIFY_CHANGE_FILE_NAME,
                  FILE_ACTION_ADDED);
    else if (o->CreatedStream && !o->IsRoot)
        FsxNotify(o->Volume, o->Entry.Parent, &o->Name.File, &o->Name.Stream,
                  FILE_NOTIFY_CHANGE_STREAM_NAME, FILE_ACTION_ADDED_STREAM);
    else if (o->Result == FILE_OVERWRITTEN || o->Result == FILE_SUPERSEDED)
        FsxNotify(o->Volume, o->Entry.Parent, &o->Name.File, NULL,
                  FILE_NOTIFY_CHANGE_LAST_WRITE | FILE_NOTIFY_CHANGE_SIZE |
                      FILE_NOTIFY_CHANGE_ATTRIBUTES,
                  FILE_ACTION_MODIFIED);
}

static NTSTATUS OpenStream(OPEN *o)
{
    FSX_STORE *Store = o->Volume->Store;
    FSX_STREAM Stream = 0;
    bool Directory;
    NTSTATUS Status;

    Status = FindStream(o, &Stream);
    if (NT_SUCCESS(Status)) {
        Directory = (o->Meta.Attributes & FILE_ATTRIBUTE_DIRECTORY) && !o->Name.Stream.Length;
        Status = FsxReferenceFcb(o->Volume, o->Id, Directory ? 0xffffffffu : Stream,
                                 &o->Name.Stream, Directory, &o->Fcb);
    }
    if (NT_SUCCESS(Status)) {
        Status = ShareAndConnect(o);
        if (!NT_SUCCESS(Status))
            FsxDereferenceFcb(o->Fcb);
    }
    if (!NT_SUCCESS(Status)) {
        if (o->CreatedNode)
            UndoNode(o);
        else if (o->CreatedStream)
            Store->Ops->DeleteStream(Store, o->Id, Stream);
        return Status;
    }
    NotifyCreated(o);
    o->x->Information = o->Result;
    return STATUS_SUCCESS;
}

/* ---- the two special opens ----------------------------------------------------------------- */

static NTSTATUS OpenVolume(OPEN *o)
{
    NTSTATUS Status;

    if (o->MustBeDirectory)
        return STATUS_NOT_A_DIRECTORY;
    if (o->Disposition != FILE_OPEN && o->Disposition != FILE_OPEN_IF)
        return STATUS_ACCESS_DENIED;
    if (o->Options & FILE_DELETE_ON_CLOSE)
        return STATUS_CANNOT_DELETE;
    o->Fcb = o->Volume->VolumeFcb;
    KexLockAcquire(&o->Volume->TableLock);
    o->Fcb->References++;
    KexLockRelease(&o->Volume->TableLock);
    Status = ShareAndConnect(o);
    if (!NT_SUCCESS(Status))
        FsxDereferenceFcb(o->Fcb);
    o->x->Information = FILE_OPENED;
    return Status;
}

/*
 * For renames and links the I/O manager opens the directory of a name. The file object is left with
 * the last component only, and the information says whether it exists.
 */
static NTSTATUS OpenTargetDirectory(OPEN *o)
{
    FSX_STORE *Store = o->Volume->Store;
    PUNICODE_STRING Full = &o->FileObject->FileName;
    bool TargetExists = o->Exists;
    FSX_ID Parent = o->Parent;
    NTSTATUS Status;

    if (!o->Name.File.Length)
        return STATUS_INVALID_PARAMETER;
    memmove(Full->Buffer, o->Name.File.Buffer, o->Name.File.Length);
    Full->Length = o->Name.File.Length;
    memset(&o->Name, 0, sizeof o->Name);
    o->Id = Parent;
    o->Exists = true;
    o->IsRoot = Parent == FSX_ROOT_ID;
    o->Disposition = FILE_OPEN;
    Status = Store->Ops->GetMeta(Store, Parent, &o->Meta);
    if (NT_SUCCESS(Status) && !o->IsRoot)
        Status = Store->Ops->LinkAt(Store, Parent, 0, &o->Entry);
    if (NT_SUCCESS(Status))
        Status = OpenStream(o);
    if (NT_SUCCESS(Status))
        o->x->Information = TargetExists ? FILE_EXISTS : FILE_DOES_NOT_EXIST;
    return Status;
}

static NTSTATUS Locked(OPEN *o)
{
    NTSTATUS Status = o->ById ? FindById(o) : FindByName(o);

    if (!NT_SUCCESS(Status))
        return Status;
    if (o->TargetDirectory)
        return OpenTargetDirectory(o);
    Status = CheckReadOnlyVolume(o);
    if (!NT_SUCCESS(Status))
        return !o->Exists && (o->Disposition == FILE_OPEN || o->Disposition == FILE_OVERWRITE)
                   ? STATUS_OBJECT_NAME_NOT_FOUND
                   : Status;
    o->Result = FILE_OPENED;
    Status = o->Exists ? CheckExisting(o) : CreateNode(o);
    return NT_SUCCESS(Status) ? OpenStream(o) : Status;
}

NTSTATUS FsxCreate(FSX_IRP *x)
{
    OPEN *o = calloc(1, sizeof *o);
    NTSTATUS Status;

    if (!o)
        return STATUS_INSUFFICIENT_RESOURCES;
    o->x = x;
    Unpack(o);
    ExAcquireResourceExclusiveLite(&o->Volume->Resource, TRUE);
    Status = CheckRequest(o);
    if (NT_SUCCESS(Status)) {
        FSX_FCB *Related = FsxFcbOf(o->FileObject->RelatedFileObject);

        if (!o->FileObject->FileName.Length &&
            (!o->FileObject->RelatedFileObject || (Related && Related->Kind == FSX_VOLUME_FILE)))
            Status = OpenVolume(o);
        else
            Status = Locked(o);
    }
    ExReleaseResourceLite(&o->Volume->Resource);
    free(o);
    return Status;
}

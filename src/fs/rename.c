/* SPDX-License-Identifier: MIT */
/*
 * rename.c - moving a name and adding one. The name space and the stream's main resource are held
 * exclusively.
 */
#include "fs/fsp.h"

#include <string.h>

/* Where the new name goes. */
typedef struct _TARGET {
    FSX_ID Directory;
    UNICODE_STRING Name;
    bool Exists;
    FSX_ENTRY Entry; /* when it exists */
    bool Replace, Posix, IgnoreReadOnly;
} TARGET;

/*
 * A plain name stays in the directory; a path or one relative to a handle was opened by the I/O
 * manager, whose file object for the target directory carries the last component as its name.
 */
static NTSTATUS FindTarget(FSX_IRP *x, const WCHAR *Name, ULONG NameLength, TARGET *t)
{
    PFILE_OBJECT Opened = x->Stack->Parameters.SetFile.FileObject;
    FSX_STORE *Store = x->Volume->Store;
    NTSTATUS Status;

    if (Opened) {
        FSX_FCB *Fcb = FsxFcbOf(Opened);

        if (!Fcb || Fcb->Volume != x->Volume)
            return STATUS_NOT_SAME_DEVICE;
        if (Fcb->Kind != FSX_DIRECTORY)
            return STATUS_INVALID_PARAMETER;
        t->Directory = Fcb->File->Id;
        t->Name = Opened->FileName;
    } else {
        if (!x->Ccb->Link || NameLength > 0xfffe)
            return STATUS_INVALID_PARAMETER;
        t->Directory = x->Ccb->Link->Parent;
        t->Name.Buffer = (PWCH)Name;
        t->Name.Length = t->Name.MaximumLength = (USHORT)NameLength;
    }
    /* Only the last component counts when a path got here all the same. */
    for (USHORT i = t->Name.Length / sizeof(WCHAR); i > 0; i--) {
        if (t->Name.Buffer[i - 1] == L'\\') {
            t->Name.Buffer += i;
            t->Name.Length = (USHORT)(t->Name.Length - i * sizeof(WCHAR));
            break;
        }
    }
    Status = FsxCheckName(x->Volume, &t->Name);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = Store->Ops->Lookup(Store, t->Directory, &t->Name, &t->Entry);
    t->Exists = NT_SUCCESS(Status);
    return t->Exists || Status == STATUS_OBJECT_NAME_NOT_FOUND ? STATUS_SUCCESS : Status;
}

static FSX_LINK *OpenLink(FSX_VOLUME *Volume, const FSX_ENTRY *Entry)
{
    FSX_FILE *File = FsxFindFile(Volume, Entry->Id);
    UNICODE_STRING Name = {(USHORT)(Entry->NameLength * sizeof(WCHAR)),
                           (USHORT)(Entry->NameLength * sizeof(WCHAR)), (PWCH)Entry->Name};

    return File ? FsxReferenceLink(File, Entry->Parent, &Name) : NULL;
}

/*
 * The name in the way goes, if it may: nobody has it open, it is no directory, it may be written.
 *
 */
static NTSTATUS RemoveTarget(FSX_IRP *x, TARGET *t)
{
    FSX_STORE *Store = x->Volume->Store;
    FSX_FILE *File = FsxFindFile(x->Volume, t->Entry.Id);
    FSX_LINK *Link;
    NTSTATUS Status;
    FSX_META m;

    if (!t->Replace)
        return STATUS_OBJECT_NAME_COLLISION;
    Status = Store->Ops->GetMeta(Store, t->Entry.Id, &m);
    if (!NT_SUCCESS(Status))
        return Status;
    if ((m.Attributes & FILE_ATTRIBUTE_READONLY) && !t->IgnoreReadOnly)
        return STATUS_ACCESS_DENIED;
    if ((m.Attributes & FILE_ATTRIBUTE_DIRECTORY) &&
        (!t->Posix || !x->Fcb->File->Directory || !Store->Ops->IsEmpty(Store, t->Entry.Id)))
        return STATUS_ACCESS_DENIED;
    if (File && File->Handles && !t->Posix)
        return STATUS_ACCESS_DENIED;
    Link = OpenLink(x->Volume, &t->Entry);
    if (Link) {
        Status = FsxRemoveLink(x->Volume, Link);
        FsxDereferenceLink(Link);
        return Status;
    }
    Status = Store->Ops->Unlink(Store, t->Entry.Parent, &t->Name);
    if (NT_SUCCESS(Status) && m.Links == 1)
        Store->Ops->Drop(Store, t->Entry.Id);
    return Status;
}

/* Whether Id lies in the tree below Top, or is Top. */
static bool IsBelow(FSX_VOLUME *Volume, FSX_ID Id, FSX_ID Top)
{
    FSX_ENTRY Entry;

    while (Id != Top) {
        if (Id == FSX_ROOT_ID ||
            !NT_SUCCESS(Volume->Store->Ops->LinkAt(Volume->Store, Id, 0, &Entry)))
            return false;
        Id = Entry.Parent;
    }
    return true;
}

/*
 * A directory cannot be moved while anything in it is open: the paths of those opens would change.
 *
 */
static NTSTATUS CheckOpenBelow(FSX_VOLUME *Volume, FSX_FILE *Directory)
{
    NTSTATUS Status = STATUS_SUCCESS;

    for (ULONG Index = 0; NT_SUCCESS(Status); Index++) {
        ULONG At = 0;
        FSX_ID Id = 0;

        KexLockAcquire(&Volume->TableLock);
        for (PLIST_ENTRY e = Volume->Files.Flink; e != &Volume->Files; e = e->Flink) {
            FSX_FILE *File = CONTAINING_RECORD(e, FSX_FILE, Links);

            if (File->Handles && File != Directory && !File->Unlinked && At++ == Index)
                Id = File->Id;
        }
        KexLockRelease(&Volume->TableLock);
        if (!Id)
            break;
        if (IsBelow(Volume, Id, Directory->Id))
            Status = STATUS_ACCESS_DENIED;
    }
    return Status;
}

static NTSTATUS RenameStream(FSX_IRP *x, PUNICODE_STRING Name)
{
    FSX_STORE *Store = x->Volume->Store;
    NTSTATUS Status;
    FSX_NAME Parsed;

    Status = FsxParseComponent(x->Volume, Name, &Parsed);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Parsed.File.Length || !Parsed.Stream.Length)
        return STATUS_INVALID_PARAMETER;
    if (!x->Fcb->StreamName.Length)
        return STATUS_NOT_IMPLEMENTED; /* turning the unnamed stream into a named one */
    Status = Store->Ops->RenameStream(Store, x->Fcb->File->Id, x->Fcb->Stream, &Parsed.Stream);
    if (NT_SUCCESS(Status)) {
        memcpy(x->Fcb->StreamBuffer, Parsed.Stream.Buffer, Parsed.Stream.Length);
        x->Fcb->StreamName.Length = Parsed.Stream.Length;
    }
    return Status;
}

static NTSTATUS MoveName(FSX_IRP *x, TARGET *t)
{
    FSX_STORE *Store = x->Volume->Store;
    FSX_LINK *Link = x->Ccb->Link;
    ULONG Filter =
        x->Fcb->File->Directory ? FILE_NOTIFY_CHANGE_DIR_NAME : FILE_NOTIFY_CHANGE_FILE_NAME;
    bool SameDirectory = t->Directory == Link->Parent;
    WCHAR ShortBuffer[FSX_SHORT_MAX], OldBuffer[FSX_NAME_MAX];
    UNICODE_STRING Short, Old = {Link->Name.Length, sizeof OldBuffer, OldBuffer};
    FSX_ID OldParent = Link->Parent;
    NTSTATUS Status;

    memcpy(OldBuffer, Link->Name.Buffer, Link->Name.Length);
    FsxShortName(x->Volume, t->Directory, &t->Name, &Short, ShortBuffer);
    Status = Store->Ops->Rename(Store, Link->Parent, &Link->Name, t->Directory, &t->Name, &Short);
    if (!NT_SUCCESS(Status))
        return Status;
    FsxNotify(x->Volume, OldParent, &Old, NULL, Filter,
              SameDirectory ? FILE_ACTION_RENAMED_OLD_NAME : FILE_ACTION_REMOVED);
    FsxSetLinkName(Link, t->Directory, &t->Name);
    FsxTouchChange(x->Fcb, x->Ccb);
    FsxNotify(x->Volume, Link->Parent, &Link->Name, NULL, Filter,
              SameDirectory ? FILE_ACTION_RENAMED_NEW_NAME : FILE_ACTION_ADDED);
    return STATUS_SUCCESS;
}

NTSTATUS FsxRename(FSX_IRP *x, const FILE_RENAME_INFORMATION *Info, ULONG Length, bool Extended)
{
    ULONG Head = FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName);
    ULONG Flags = Extended                ? Info->Flags
                  : Info->ReplaceIfExists ? FILE_RENAME_REPLACE_IF_EXISTS
                                          : 0;
    TARGET t = {.Replace = Flags & FILE_RENAME_REPLACE_IF_EXISTS,
                .Posix = Flags & FILE_RENAME_POSIX_SEMANTICS,
                .IgnoreReadOnly = Flags & FILE_RENAME_IGNORE_READONLY_ATTRIBUTE};
    UNICODE_STRING Name;
    NTSTATUS Status;

    if (Length < Head || Info->FileNameLength > Length - Head || !Info->FileNameLength)
        return STATUS_INVALID_PARAMETER;
    Name.Buffer = (PWCH)Info->FileName;
    Name.Length = Name.MaximumLength = (USHORT)Info->FileNameLength;
    if (Name.Buffer[0] == L':')
        return RenameStream(x, &Name);
    if (!x->Ccb->Link || x->Fcb->StreamName.Length)
        return STATUS_INVALID_PARAMETER;
    if (x->Ccb->Link->Gone)
        return STATUS_FILE_DELETED;
    Status = FindTarget(x, Info->FileName, Info->FileNameLength, &t);
    if (!NT_SUCCESS(Status))
        return Status;
    if (x->Fcb->File->Directory) {
        if (IsBelow(x->Volume, t.Directory, x->Fcb->File->Id))
            return STATUS_ACCESS_DENIED; /* into itself */
        Status = CheckOpenBelow(x->Volume, x->Fcb->File);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    /* The name in the way may be this very name in another case. */
    if (t.Exists && !(t.Entry.Id == x->Fcb->File->Id && t.Directory == x->Ccb->Link->Parent)) {
        Status = RemoveTarget(x, &t);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    return MoveName(x, &t);
}

NTSTATUS FsxHardLink(FSX_IRP *x, const FILE_LINK_INFORMATION *Info, ULONG Length, bool Extended)
{
    ULONG Head = FIELD_OFFSET(FILE_LINK_INFORMATION, FileName);
    ULONG Flags = Extended ? Info->Flags : Info->ReplaceIfExists ? FILE_LINK_REPLACE_IF_EXISTS : 0;
    TARGET t = {.Replace = Flags & FILE_LINK_REPLACE_IF_EXISTS,
                .Posix = Flags & FILE_LINK_POSIX_SEMANTICS,
                .IgnoreReadOnly = Flags & FILE_LINK_IGNORE_READONLY_ATTRIBUTE};
    FSX_STORE *Store = x->Volume->Store;
    WCHAR ShortBuffer[FSX_SHORT_MAX];
    UNICODE_STRING Short;
    NTSTATUS Status;

    if (!x->Volume->Personality->Links)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (Length < Head || Info->FileNameLength > Length - Head || !Info->FileNameLength)
        return STATUS_INVALID_PARAMETER;
    if (x->Fcb->File->Directory)
        return STATUS_FILE_IS_A_DIRECTORY;
    if (x->Fcb->File->Unlinked || (x->Ccb->Link && x->Ccb->Link->DeletePending))
        return STATUS_ACCESS_DENIED;
    Status = FindTarget(x, Info->FileName, Info->FileNameLength, &t);
    if (NT_SUCCESS(Status) && t.Exists) {
        if (t.Entry.Id == x->Fcb->File->Id)
            return t.Replace ? STATUS_SUCCESS : STATUS_OBJECT_NAME_COLLISION;
        Status = RemoveTarget(x, &t);
    }
    if (!NT_SUCCESS(Status))
        return Status;
    FsxShortName(x->Volume, t.Directory, &t.Name, &Short, ShortBuffer);
    Status = Store->Ops->Link(Store, x->Fcb->File->Id, t.Directory, &t.Name, &Short);
    if (!NT_SUCCESS(Status))
        return Status;
    FsxTouchChange(x->Fcb, x->Ccb);
    FsxNotify(x->Volume, t.Directory, &t.Name, NULL, FILE_NOTIFY_CHANGE_FILE_NAME,
              FILE_ACTION_ADDED);
    return STATUS_SUCCESS;
}

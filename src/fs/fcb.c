/* SPDX-License-Identifier: MIT */
/* fcb.c - the objects behind open files, and the path of one. */
#include "fs/fsp.h"

#include <stdlib.h>
#include <string.h>

/* ---- streams ------------------------------------------------------------------------------- */

static FSX_FCB *NewFcb(FSX_VOLUME *Volume, FSX_KIND Kind)
{
    FSX_FCB *Fcb = calloc(1, sizeof *Fcb);

    if (!Fcb)
        return NULL;
    Fcb->Header.NodeTypeCode = FSX_NODE_FCB;
    Fcb->Header.NodeByteSize = sizeof *Fcb;
    Fcb->Header.IsFastIoPossible = Kind == FSX_DATA ? FastIoIsQuestionable : FastIoIsNotPossible;
    Fcb->Kind = Kind;
    Fcb->Volume = Volume;
    ExInitializeResourceLite(&Fcb->Main);
    ExInitializeResourceLite(&Fcb->Paging);
    ExInitializeFastMutex(&Fcb->Mutex);
    FsRtlSetupAdvancedHeader(&Fcb->Header, &Fcb->Mutex);
    Fcb->Header.Resource = &Fcb->Main;
    Fcb->Header.PagingIoResource = &Fcb->Paging;
    FsRtlInitializeFileLock(&Fcb->Locks, NULL, NULL);
    InitializeListHead(&Fcb->Links);
    Fcb->StreamName.Buffer = Fcb->StreamBuffer;
    Fcb->StreamName.MaximumLength = sizeof Fcb->StreamBuffer;
    return Fcb;
}

/* Calls into filters (context teardown): no lock is held. */
static void FreeFcb(FSX_FCB *Fcb)
{
    ASSERT(!Fcb->Section.DataSectionObject && !Fcb->Section.SharedCacheMap);
    FsRtlTeardownPerStreamContexts(&Fcb->Header);
    FsRtlUninitializeFileLock(&Fcb->Locks);
    ExDeleteResourceLite(&Fcb->Main);
    ExDeleteResourceLite(&Fcb->Paging);
    free(Fcb);
}

NTSTATUS FsxNewVolumeFcb(FSX_VOLUME *Volume)
{
    Volume->VolumeFcb = NewFcb(Volume, FSX_VOLUME_FILE);
    return Volume->VolumeFcb ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

void FsxFreeVolumeFcb(FSX_VOLUME *Volume)
{
    if (Volume->VolumeFcb)
        FreeFcb(Volume->VolumeFcb);
    Volume->VolumeFcb = NULL;
}

/* ---- files; TableLock held in the static ones ---------------------------------------------- */

static FSX_FILE **HashSlot(FSX_VOLUME *Volume, FSX_ID Id)
{
    return &Volume->FileHash[(ULONG)((Id * 0x9e3779b97f4a7c15ull) >> 48) % FSX_HASH];
}

static FSX_FILE *LookupFile(FSX_VOLUME *Volume, FSX_ID Id)
{
    FSX_FILE *File = *HashSlot(Volume, Id);

    while (File && File->Id != Id)
        File = File->HashNext;
    return File;
}

static void InsertFile(FSX_VOLUME *Volume, FSX_FILE *File)
{
    FSX_FILE **Slot = HashSlot(Volume, File->Id);

    File->HashNext = *Slot;
    *Slot = File;
    InsertHeadList(&Volume->Files, &File->Links);
}

static void RemoveFile(FSX_FILE *File)
{
    FSX_FILE **Slot = HashSlot(File->Volume, File->Id);

    while (*Slot != File)
        Slot = &(*Slot)->HashNext;
    *Slot = File->HashNext;
    RemoveEntryList(&File->Links);
}

FSX_FILE *FsxFindFile(FSX_VOLUME *Volume, FSX_ID Id)
{
    FSX_FILE *File;

    KexLockAcquire(&Volume->TableLock);
    File = LookupFile(Volume, Id);
    KexLockRelease(&Volume->TableLock);
    return File;
}

static FSX_FCB *LookupFcb(FSX_FILE *File, FSX_STREAM Stream)
{
    for (PLIST_ENTRY e = File->Fcbs.Flink; e != &File->Fcbs; e = e->Flink) {
        FSX_FCB *Fcb = CONTAINING_RECORD(e, FSX_FCB, Links);

        if (Fcb->Stream == Stream && !Fcb->StreamGone)
            return Fcb;
    }
    return NULL;
}

/* Drops one reference of the file; TRUE when the caller must free it outside the lock. */
static bool DropFile(FSX_FILE *File)
{
    ASSERT(File->References > 0);
    if (--File->References)
        return false;
    RemoveFile(File);
    return true;
}

static void FreeFile(FSX_FILE *File)
{
    FSX_STORE *Store = File->Volume->Store;

    FsRtlTeardownPerFileContexts(&File->FileContexts);
    if (File->Unlinked)
        Store->Ops->Drop(Store, File->Id);
    free(File);
}

static FSX_FILE *NewFile(FSX_VOLUME *Volume, FSX_ID Id, bool Directory)
{
    FSX_FILE *File = calloc(1, sizeof *File);

    if (!File)
        return NULL;
    File->Volume = Volume;
    File->Id = Id;
    File->Directory = Directory;
    InitializeListHead(&File->Fcbs);
    InitializeListHead(&File->Names);
    return File;
}

static NTSTATUS LoadSizes(FSX_FCB *Fcb)
{
    FSX_STORE *Store = Fcb->Volume->Store;
    FSX_SIZES Sizes;
    NTSTATUS Status = Store->Ops->GetSizes(Store, Fcb->File->Id, Fcb->Stream, &Sizes);

    if (NT_SUCCESS(Status)) {
        Fcb->Header.AllocationSize.QuadPart = Sizes.Allocation;
        Fcb->Header.FileSize.QuadPart = Sizes.FileSize;
        Fcb->Header.ValidDataLength.QuadPart = Sizes.ValidData;
        Fcb->StoredValid = Sizes.ValidData;
    }
    return Status;
}

/*
 * The stream's FCB if it is in use, referenced. Also publishes Made and MadeFile when given and
 * needed.
 */
static FSX_FCB *Publish(FSX_VOLUME *Volume, FSX_ID Id, FSX_STREAM Stream, FSX_FILE *MadeFile,
                        FSX_FCB *Made)
{
    FSX_FILE *File = LookupFile(Volume, Id);
    FSX_FCB *Fcb = File ? LookupFcb(File, Stream) : NULL;

    if (!Fcb && Made) {
        if (!File) {
            File = MadeFile;
            InsertFile(Volume, File);
        }
        Made->File = File;
        Made->Header.FileContextSupportPointer = &File->FileContexts;
        InsertTailList(&File->Fcbs, &Made->Links);
        File->References++;
        Fcb = Made;
    }
    if (Fcb)
        Fcb->References++;
    return Fcb;
}

NTSTATUS FsxReferenceFcb(FSX_VOLUME *Volume, FSX_ID Id, FSX_STREAM Stream,
                         PCUNICODE_STRING StreamName, bool Directory, FSX_FCB **Out)
{
    FSX_FILE *File = NULL;
    FSX_FCB *Made, *Fcb;
    NTSTATUS Status = STATUS_SUCCESS;

    KexLockAcquire(&Volume->TableLock);
    Fcb = Publish(Volume, Id, Stream, NULL, NULL);
    KexLockRelease(&Volume->TableLock);
    if (Fcb) {
        *Out = Fcb;
        return STATUS_SUCCESS;
    }
    Made = NewFcb(Volume, Directory ? FSX_DIRECTORY : FSX_DATA);
    File = NewFile(Volume, Id, Directory);
    if (!Made || !File) {
        Status = STATUS_INSUFFICIENT_RESOURCES;
    } else {
        Made->Stream = Stream;
        Made->File = File;
        if (StreamName && StreamName->Length) {
            memcpy(Made->StreamBuffer, StreamName->Buffer, StreamName->Length);
            Made->StreamName.Length = StreamName->Length;
        }
        if (!Directory)
            Status = LoadSizes(Made);
    }
    if (NT_SUCCESS(Status)) {
        KexLockAcquire(&Volume->TableLock);
        Fcb = Publish(Volume, Id, Stream, File, Made);
        KexLockRelease(&Volume->TableLock);
        *Out = Fcb;
    }
    if (Made && Fcb != Made)
        FreeFcb(Made);
    if (File && (!Fcb || Fcb->File != File))
        free(File);
    return Status;
}

/* Also called by close, from anywhere: takes only the table lock. */
void FsxDereferenceFcb(FSX_FCB *Fcb)
{
    FSX_VOLUME *Volume = Fcb->Volume;
    FSX_FILE *File = Fcb->File;
    bool FreeIt = false, FreeTheFile = false;

    KexLockAcquire(&Volume->TableLock);
    ASSERT(Fcb->References > 0);
    if (--Fcb->References == 0 && Fcb->Kind != FSX_VOLUME_FILE) {
        RemoveEntryList(&Fcb->Links);
        FreeIt = true;
        FreeTheFile = DropFile(File);
    }
    KexLockRelease(&Volume->TableLock);
    if (FreeIt)
        FreeFcb(Fcb);
    if (FreeTheFile)
        FreeFile(File);
}

/* ---- links --------------------------------------------------------------------------------- */

void FsxSetLinkName(FSX_LINK *Link, FSX_ID Parent, PCUNICODE_STRING Name)
{
    Link->Parent = Parent;
    Link->Name.Buffer = Link->Buffer;
    Link->Name.MaximumLength = sizeof Link->Buffer;
    Link->Name.Length = Name->Length;
    memcpy(Link->Buffer, Name->Buffer, Name->Length);
}

FSX_LINK *FsxReferenceLink(FSX_FILE *File, FSX_ID Parent, PCUNICODE_STRING Name)
{
    FSX_LINK *Link = NULL, *Made = calloc(1, sizeof *Made);

    if (!Made)
        return NULL;
    KexLockAcquire(&File->Volume->TableLock);
    for (PLIST_ENTRY e = File->Names.Flink; e != &File->Names && !Link; e = e->Flink) {
        FSX_LINK *Each = CONTAINING_RECORD(e, FSX_LINK, Links);

        if (Each->Parent == Parent && !Each->Gone &&
            FsRtlAreNamesEqual(&Each->Name, Name, TRUE, NULL))
            Link = Each;
    }
    if (!Link) {
        Link = Made;
        Made = NULL;
        Link->File = File;
        FsxSetLinkName(Link, Parent, Name);
        InsertTailList(&File->Names, &Link->Links);
        File->References++;
    }
    Link->References++;
    KexLockRelease(&File->Volume->TableLock);
    free(Made);
    return Link;
}

void FsxDereferenceLink(FSX_LINK *Link)
{
    FSX_FILE *File = Link->File;
    bool FreeIt, FreeTheFile = false;

    KexLockAcquire(&File->Volume->TableLock);
    ASSERT(Link->References > 0);
    FreeIt = --Link->References == 0;
    if (FreeIt) {
        RemoveEntryList(&Link->Links);
        FreeTheFile = DropFile(File);
    }
    KexLockRelease(&File->Volume->TableLock);
    if (FreeIt)
        free(Link);
    if (FreeTheFile)
        FreeFile(File);
}

/* ---- paths --------------------------------------------------------------------------------- */

/* Builds from the end: each component is put in front of what is there. */
typedef struct _PATH {
    WCHAR Text[32768];
    ULONG First;
} PATH;

static bool Prepend(PATH *Path, WCHAR Separator, const WCHAR *Name, ULONG Length)
{
    if (Length + 1 > Path->First)
        return false;
    Path->First -= Length;
    memcpy(Path->Text + Path->First, Name, Length * sizeof(WCHAR));
    Path->Text[--Path->First] = Separator;
    return true;
}

static NTSTATUS PrependParents(FSX_VOLUME *Volume, FSX_ID Id, PATH *Path)
{
    FSX_ENTRY *Entry = malloc(sizeof *Entry);
    NTSTATUS Status = Entry ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;

    while (NT_SUCCESS(Status) && Id != FSX_ROOT_ID) {
        Status = Volume->Store->Ops->LinkAt(Volume->Store, Id, 0, Entry);
        if (NT_SUCCESS(Status) && !Prepend(Path, L'\\', Entry->Name, Entry->NameLength))
            Status = STATUS_OBJECT_NAME_INVALID;
        Id = NT_SUCCESS(Status) ? Entry->Parent : Id;
    }
    free(Entry);
    /* A directory above that was deleted meanwhile has no name: the path ends there. */
    return Status == STATUS_NO_MORE_ENTRIES ? STATUS_SUCCESS : Status;
}

NTSTATUS FsxBuildPath(FSX_VOLUME *Volume, FSX_FCB *Fcb, FSX_LINK *Link, WCHAR *Buffer, ULONG Room,
                      PULONG Length)
{
    PATH *Path = malloc(sizeof *Path);
    NTSTATUS Status = STATUS_SUCCESS;

    if (!Path)
        return STATUS_INSUFFICIENT_RESOURCES;
    Path->First = RTL_NUMBER_OF(Path->Text);
    if (Fcb && Fcb->StreamName.Length)
        Prepend(Path, L':', Fcb->StreamName.Buffer, Fcb->StreamName.Length / sizeof(WCHAR));
    if (Link) {
        Prepend(Path, L'\\', Link->Name.Buffer, Link->Name.Length / sizeof(WCHAR));
        Status = PrependParents(Volume, Link->Parent, Path);
    } else if (Fcb && Fcb->File) {
        Status = PrependParents(Volume, Fcb->File->Id, Path);
    }
    if (Path->First == RTL_NUMBER_OF(Path->Text) || Path->Text[Path->First] != L'\\')
        Prepend(Path, L'\\', NULL, 0);
    *Length = RTL_NUMBER_OF(Path->Text) - Path->First;
    if (NT_SUCCESS(Status)) {
        memcpy(Buffer, Path->Text + Path->First, (*Length < Room ? *Length : Room) * sizeof(WCHAR));
        if (*Length > Room)
            Status = STATUS_BUFFER_OVERFLOW;
    }
    free(Path);
    return Status;
}

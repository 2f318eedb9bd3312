/* SPDX-License-Identifier: MIT */
/* info.c - IRP_MJ_QUERY_INFORMATION. */
#include "fs/fsp.h"

#include <stdlib.h>
#include <string.h>

/* The answer under construction in the request's system buffer. */
typedef struct _ANSWER {
    FSX_IRP *x;
    PUCHAR Buffer;
    ULONG Room, Used;
} ANSWER;

ULONG FsxVisibleAttributes(const FSX_META *Meta)
{
    ULONG Attributes = Meta->Attributes;

    if (Meta->ReparseTag)
        Attributes |= FILE_ATTRIBUTE_REPARSE_POINT;
    return Attributes ? Attributes : FILE_ATTRIBUTE_NORMAL;
}

void FsxFillBasic(FSX_VOLUME *Volume, const FSX_META *Meta, FILE_BASIC_INFORMATION *Info)
{
    memset(Info, 0, sizeof *Info);
    Info->CreationTime.QuadPart = Meta->CreationTime;
    Info->LastAccessTime.QuadPart = Meta->LastAccessTime;
    Info->LastWriteTime.QuadPart = Meta->LastWriteTime;
    Info->ChangeTime.QuadPart = Meta->ChangeTime;
    Info->FileAttributes = FsxVisibleAttributes(Meta);
}

static NTSTATUS Meta(FSX_IRP *x, FSX_META *Meta)
{
    return x->Volume->Store->Ops->GetMeta(x->Volume->Store, x->Fcb->File->Id, Meta);
}

/* Room for a structure of fixed size; STATUS_INFO_LENGTH_MISMATCH is the I/O manager's to find. */
static void *Take(ANSWER *a, ULONG Bytes)
{
    void *At = a->Buffer + a->Used;

    if (a->Room - a->Used < Bytes)
        return NULL;
    memset(At, 0, Bytes);
    a->Used += Bytes;
    return At;
}

/* ---- single classes ------------------------------------------------------------------------ */

static NTSTATUS Basic(ANSWER *a)
{
    FILE_BASIC_INFORMATION *Info = Take(a, sizeof *Info);
    FSX_META m;
    NTSTATUS Status = Meta(a->x, &m);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    if (NT_SUCCESS(Status)) {
        FsxFillBasic(a->x->Volume, &m, Info);
        if (a->x->Fcb->StreamName.Length)
            Info->FileAttributes &= ~(ULONG)FILE_ATTRIBUTE_DIRECTORY;
    }
    return Status;
}

static NTSTATUS Standard(ANSWER *a)
{
    FILE_STANDARD_INFORMATION *Info = Take(a, sizeof *Info);
    FSX_LINK *Link = a->x->Ccb->Link;
    FSX_META m;
    NTSTATUS Status = Meta(a->x, &m);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    if (!NT_SUCCESS(Status))
        return Status;
    Info->AllocationSize = a->x->Fcb->Header.AllocationSize;
    Info->EndOfFile = a->x->Fcb->Header.FileSize;
    Info->DeletePending = (Link && Link->DeletePending) || a->x->Fcb->StreamDeletePending;
    Info->NumberOfLinks =
        m.Links && Link && Link->DeletePending && !Link->Gone ? m.Links - 1 : m.Links;
    Info->Directory = a->x->Fcb->Kind == FSX_DIRECTORY;
    if (a->x->Fcb->File->Id == FSX_ROOT_ID)
        Info->NumberOfLinks = 1;
    return STATUS_SUCCESS;
}

static NTSTATUS InternalId(ANSWER *a)
{
    FILE_INTERNAL_INFORMATION *Info = Take(a, sizeof *Info);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    Info->IndexNumber.QuadPart = (LONGLONG)a->x->Fcb->File->Id;
    return STATUS_SUCCESS;
}

static NTSTATUS Ea(ANSWER *a)
{
    FILE_EA_INFORMATION *Info = Take(a, sizeof *Info);
    FSX_META m;
    NTSTATUS Status = Meta(a->x, &m);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    Info->EaSize = NT_SUCCESS(Status) ? m.EaSize : 0;
    return Status;
}

static NTSTATUS Access(ANSWER *a)
{
    FILE_ACCESS_INFORMATION *Info = Take(a, sizeof *Info);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    Info->AccessFlags = a->x->Ccb->Granted;
    return STATUS_SUCCESS;
}

static NTSTATUS Position(ANSWER *a)
{
    FILE_POSITION_INFORMATION *Info = Take(a, sizeof *Info);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    Info->CurrentByteOffset = a->x->FileObject->CurrentByteOffset;
    return STATUS_SUCCESS;
}

static NTSTATUS Mode(ANSWER *a)
{
    FILE_MODE_INFORMATION *Info = Take(a, sizeof *Info);
    ULONG Flags = a->x->FileObject->Flags;

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    Info->Mode = (Flags & FO_WRITE_THROUGH ? FILE_WRITE_THROUGH : 0) |
                 (Flags & FO_SEQUENTIAL_ONLY ? FILE_SEQUENTIAL_ONLY : 0) |
                 (Flags & FO_NO_INTERMEDIATE_BUFFERING ? FILE_NO_INTERMEDIATE_BUFFERING : 0) |
                 (a->x->Ccb->DeleteOnClose ? FILE_DELETE_ON_CLOSE : 0);
    if (Flags & FO_SYNCHRONOUS_IO)
        Info->Mode |=
            Flags & FO_ALERTABLE_IO ? FILE_SYNCHRONOUS_IO_ALERT : FILE_SYNCHRONOUS_IO_NONALERT;
    return STATUS_SUCCESS;
}

static NTSTATUS Alignment(ANSWER *a)
{
    FILE_ALIGNMENT_INFORMATION *Info = Take(a, sizeof *Info);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    Info->AlignmentRequirement = a->x->Volume->Device->AlignmentRequirement;
    return STATUS_SUCCESS;
}

/* A length and as much of the name as fits; STATUS_BUFFER_OVERFLOW says that more is there. */
static NTSTATUS PutName(ANSWER *a, const WCHAR *Name, ULONG Chars)
{
    ULONG Head = FIELD_OFFSET(FILE_NAME_INFORMATION, FileName),
          Bytes = Chars * (ULONG)sizeof(WCHAR), Fits;
    FILE_NAME_INFORMATION *Info = Take(a, Head);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    Info->FileNameLength = Bytes;
    Fits = a->Room - a->Used;
    if (Fits > Bytes)
        Fits = Bytes;
    memcpy(Info->FileName, Name, Fits);
    a->Used += Fits;
    return Fits < Bytes ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

static NTSTATUS Name(ANSWER *a)
{
    ULONG Room = 32768, Length = 0;
    WCHAR *Text = malloc(Room * sizeof(WCHAR));
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;

    if (!Text)
        return Status;
    ExAcquireResourceSharedLite(&a->x->Volume->Resource, TRUE);
    Status = FsxBuildPath(a->x->Volume, a->x->Fcb, a->x->Ccb->Link, Text, Room, &Length);
    ExReleaseResourceLite(&a->x->Volume->Resource);
    if (NT_SUCCESS(Status))
        Status = PutName(a, Text, Length);
    free(Text);
    return Status;
}

static NTSTATUS ShortNameOf(ANSWER *a)
{
    FSX_LINK *Link = a->x->Ccb->Link;
    FSX_ENTRY Entry;
    NTSTATUS Status;

    if (!Link || a->x->Fcb->StreamName.Length)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    ExAcquireResourceSharedLite(&a->x->Volume->Resource, TRUE);
    Status =
        a->x->Volume->Store->Ops->Lookup(a->x->Volume->Store, Link->Parent, &Link->Name, &Entry);
    ExReleaseResourceLite(&a->x->Volume->Resource);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Entry.ShortLength)
        return PutName(a, Entry.Short, Entry.ShortLength);
    /* A name that is its own alias; longer ones without an alias have none. */
    return Entry.NameLength <= FSX_SHORT_MAX ? PutName(a, Entry.Name, Entry.NameLength)
                                             : STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS NetworkOpen(ANSWER *a)
{
    FILE_NETWORK_OPEN_INFORMATION *Info = Take(a, sizeof *Info);
    FILE_BASIC_INFORMATION b;
    FSX_META m;
    NTSTATUS Status = Meta(a->x, &m);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    if (!NT_SUCCESS(Status))
        return Status;
    FsxFillBasic(a->x->Volume, &m, &b);
    Info->CreationTime = b.CreationTime;
    Info->LastAccessTime = b.LastAccessTime;
    Info->LastWriteTime = b.LastWriteTime;
    Info->ChangeTime = b.ChangeTime;
    Info->FileAttributes = b.FileAttributes;
    Info->AllocationSize = a->x->Fcb->Header.AllocationSize;
    Info->EndOfFile = a->x->Fcb->Header.FileSize;
    return STATUS_SUCCESS;
}

static NTSTATUS AttributeTag(ANSWER *a)
{
    FILE_ATTRIBUTE_TAG_INFORMATION *Info = Take(a, sizeof *Info);
    FSX_META m;
    NTSTATUS Status = Meta(a->x, &m);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    if (NT_SUCCESS(Status)) {
        Info->FileAttributes = FsxVisibleAttributes(&m);
        Info->ReparseTag = m.ReparseTag;
    }
    return Status;
}

static NTSTATUS Compression(ANSWER *a)
{
    FILE_COMPRESSION_INFORMATION *Info = Take(a, sizeof *Info);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    Info->CompressedFileSize = a->x->Fcb->Header.AllocationSize;
    return STATUS_SUCCESS;
}

static NTSTATUS Id(ANSWER *a)
{
    FILE_ID_INFORMATION *Info = Take(a, sizeof *Info);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    Info->VolumeSerialNumber = a->x->Volume->Store->Geometry.Serial;
    memcpy(Info->FileId.Identifier, &a->x->Fcb->File->Id, sizeof a->x->Fcb->File->Id);
    return STATUS_SUCCESS;
}

static NTSTATUS StandardLink(ANSWER *a)
{
    FILE_STANDARD_LINK_INFORMATION *Info = Take(a, sizeof *Info);
    FSX_META m;
    NTSTATUS Status = Meta(a->x, &m);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    Info->NumberOfAccessibleLinks = Info->TotalNumberOfLinks = NT_SUCCESS(Status) ? m.Links : 0;
    Info->DeletePending = a->x->Ccb->Link && a->x->Ccb->Link->DeletePending;
    Info->Directory = a->x->Fcb->Kind == FSX_DIRECTORY;
    return Status;
}

/* ---- lists --------------------------------------------------------------------------------- */

/* Entries are aligned to 8 and chained; STATUS_BUFFER_OVERFLOW when one does not fit whole. */
static void *NextEntry(ANSWER *a, ULONG Bytes, ULONG **Chain)
{
    ULONG Start = (a->Used + 7) & ~7u;
    PUCHAR At = a->Buffer + Start;

    if (Start > a->Room || a->Room - Start < Bytes)
        return NULL;
    if (*Chain)
        **Chain = (ULONG)(At - (PUCHAR)*Chain);
    *Chain = (ULONG *)At;
    memset(At, 0, Bytes);
    a->Used = Start + Bytes;
    return At;
}

static NTSTATUS Streams(ANSWER *a)
{
    FSX_STORE *Store = a->x->Volume->Store;
    FSX_STREAM_INFO *s = malloc(sizeof *s);
    static const WCHAR Type[] = L":$DATA";
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG *Chain = NULL;

    if (!s)
        return STATUS_INSUFFICIENT_RESOURCES;
    for (ULONG Index = 0; NT_SUCCESS(Store->Ops->StreamAt(Store, a->x->Fcb->File->Id, Index, s));
         Index++) {
        ULONG Bytes = (1u + s->NameLength + 6u) * (ULONG)sizeof(WCHAR);
        FILE_STREAM_INFORMATION *Info =
            NextEntry(a, FIELD_OFFSET(FILE_STREAM_INFORMATION, StreamName) + Bytes, &Chain);

        if (!Info) {
            Status = STATUS_BUFFER_OVERFLOW;
            break;
        }
        Info->StreamNameLength = Bytes;
        Info->StreamSize.QuadPart = s->Sizes.FileSize;
        Info->StreamAllocationSize.QuadPart = s->Sizes.Allocation;
        if (s->Number == a->x->Fcb->Stream && a->x->Fcb->Kind == FSX_DATA)
            Info->StreamSize = a->x->Fcb->Header.FileSize;
        Info->StreamName[0] = L':';
        memcpy(Info->StreamName + 1, s->Name, s->NameLength * sizeof(WCHAR));
        memcpy(Info->StreamName + 1 + s->NameLength, Type, 6 * sizeof(WCHAR));
    }
    free(s);
    return Status;
}

static NTSTATUS HardLinks(ANSWER *a)
{
    FILE_LINKS_INFORMATION *Head = Take(a, FIELD_OFFSET(FILE_LINKS_INFORMATION, Entry));
    FSX_STORE *Store = a->x->Volume->Store;
    FSX_ENTRY *e = malloc(sizeof *e);
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG *Chain = NULL;

    if (!Head || !e) {
        free(e);
        return Head ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INFO_LENGTH_MISMATCH;
    }
    Head->BytesNeeded = FIELD_OFFSET(FILE_LINKS_INFORMATION, Entry);
    for (ULONG Index = 0; NT_SUCCESS(Store->Ops->LinkAt(Store, a->x->Fcb->File->Id, Index, e));
         Index++) {
        ULONG Bytes = FIELD_OFFSET(FILE_LINK_ENTRY_INFORMATION, FileName) +
                      e->NameLength * (ULONG)sizeof(WCHAR);
        FILE_LINK_ENTRY_INFORMATION *Info = NT_SUCCESS(Status) ? NextEntry(a, Bytes, &Chain) : NULL;

        Head->BytesNeeded = ((Head->BytesNeeded + 7) & ~7u) + Bytes;
        if (!Info) {
            Status = STATUS_BUFFER_OVERFLOW;
            continue;
        }
        Head->EntriesReturned++;
        Info->ParentFileId = (LONGLONG)e->Parent;
        Info->FileNameLength = e->NameLength;
        memcpy(Info->FileName, e->Name, e->NameLength * sizeof(WCHAR));
    }
    free(e);
    return Status;
}

/* ---- all ----------------------------------------------------------------------------------- */

static NTSTATUS All(ANSWER *a)
{
    NTSTATUS (*const Parts[])
    (ANSWER *) = {Basic, Standard, InternalId, Ea, Access, Position, Mode, Alignment};
    NTSTATUS Status = STATUS_SUCCESS;

    for (size_t i = 0; i < RTL_NUMBER_OF(Parts) && NT_SUCCESS(Status); i++)
        Status = Parts[i](a);
    return NT_SUCCESS(Status) ? Name(a) : Status;
}

static NTSTATUS Stat(ANSWER *a)
{
    FILE_STAT_INFORMATION *Info = Take(a, sizeof *Info);
    FILE_BASIC_INFORMATION b;
    FSX_META m;
    NTSTATUS Status = Meta(a->x, &m);

    if (!Info)
        return STATUS_BUFFER_TOO_SMALL;
    if (!NT_SUCCESS(Status))
        return Status;
    FsxFillBasic(a->x->Volume, &m, &b);
    Info->FileId.QuadPart = (LONGLONG)a->x->Fcb->File->Id;
    Info->CreationTime = b.CreationTime;
    Info->LastAccessTime = b.LastAccessTime;
    Info->LastWriteTime = b.LastWriteTime;
    Info->ChangeTime = b.ChangeTime;
    Info->AllocationSize = a->x->Fcb->Header.AllocationSize;
    Info->EndOfFile = a->x->Fcb->Header.FileSize;
    Info->FileAttributes = b.FileAttributes;
    Info->ReparseTag = m.ReparseTag;
    Info->NumberOfLinks = m.Links;
    Info->EffectiveAccess = a->x->Ccb->Granted;
    return STATUS_SUCCESS;
}

static NTSTATUS Answer(ANSWER *a, FILE_INFORMATION_CLASS Class)
{
    switch (Class) {
    case FileBasicInformation:
        return Basic(a);
    case FileStandardInformation:
        return Standard(a);
    case FileInternalInformation:
        return InternalId(a);
    case FileEaInformation:
        return Ea(a);
    case FileAccessInformation:
        return Access(a);
    case FilePositionInformation:
        return Position(a);
    case FileModeInformation:
        return Mode(a);
    case FileAlignmentInformation:
        return Alignment(a);
    case FileNameInformation:
    case FileNormalizedNameInformation:
        return Name(a);
    case FileAlternateNameInformation:
        return ShortNameOf(a);
    case FileAllInformation:
        return All(a);
    case FileNetworkOpenInformation:
        return NetworkOpen(a);
    case FileAttributeTagInformation:
        return AttributeTag(a);
    case FileStreamInformation:
        return Streams(a);
    case FileCompressionInformation:
        return Compression(a);
    case FileIdInformation:
        return Id(a);
    case FileHardLinkInformation:
        return HardLinks(a);
    case FileStandardLinkInformation:
        return StandardLink(a);
    case FileStatInformation:
        return Stat(a);
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

NTSTATUS FsxQueryInformation(FSX_IRP *x)
{
    FILE_INFORMATION_CLASS Class = x->Stack->Parameters.QueryFile.FileInformationClass;
    ANSWER a = {.x = x,
                .Buffer = x->Irp->AssociatedIrp.SystemBuffer,
                .Room = x->Stack->Parameters.QueryFile.Length};
    bool NeedsLock = !(x->Irp->Flags & IRP_PAGING_IO);
    NTSTATUS Status;

    if (x->Fcb->Kind == FSX_VOLUME_FILE)
        return STATUS_INVALID_PARAMETER;
    /* The names ask the name space, whose lock comes before the stream's. */
    if (Class == FileNameInformation || Class == FileNormalizedNameInformation ||
        Class == FileAlternateNameInformation || Class == FileAllInformation)
        NeedsLock = false;
    if (NeedsLock)
        ExAcquireResourceSharedLite(&x->Fcb->Main, TRUE);
    Status = Answer(&a, Class);
    if (NeedsLock)
        ExReleaseResourceLite(&x->Fcb->Main);
    x->Information = NT_SUCCESS(Status) || Status == STATUS_BUFFER_OVERFLOW ? a.Used : 0;
    return Status;
}

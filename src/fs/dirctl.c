/* SPDX-License-Identifier: MIT */
/* dirctl.c - IRP_MJ_DIRECTORY_CONTROL: listing a directory, and waiting for changes in one. */
#include "fs/fsp.h"
#include "ke/try.h"

#include <stdlib.h>
#include <string.h>

/* ---- one entry in each format -------------------------------------------------------------- */

/* An entry as found: its name, metadata and sizes. */
typedef struct _FOUND {
    FSX_ENTRY Entry;
    FSX_META Meta;
    FSX_SIZES Sizes;
} FOUND;

/* The layouts agree up to FileNameLength (names excepted); what follows differs. */
typedef struct _FORMAT {
    FILE_INFORMATION_CLASS Class;
    ULONG NameAt;                         /* offset of FileName */
    ULONG EaSizeAt, ShortAt, IdAt, TagAt; /* 0: the format has none */
    bool LongId;
} FORMAT;

#define AT(type, field) ((ULONG)FIELD_OFFSET(type, field))
static const FORMAT Formats[] = {
    {FileDirectoryInformation, AT(FILE_DIRECTORY_INFORMATION, FileName), 0, 0, 0, 0, false},
    {FileFullDirectoryInformation, AT(FILE_FULL_DIR_INFORMATION, FileName),
     AT(FILE_FULL_DIR_INFORMATION, EaSize), 0, 0, 0, false},
    {FileIdFullDirectoryInformation, AT(FILE_ID_FULL_DIR_INFORMATION, FileName),
     AT(FILE_ID_FULL_DIR_INFORMATION, EaSize), 0, AT(FILE_ID_FULL_DIR_INFORMATION, FileId), 0,
     false},
    {FileBothDirectoryInformation, AT(FILE_BOTH_DIR_INFORMATION, FileName),
     AT(FILE_BOTH_DIR_INFORMATION, EaSize), AT(FILE_BOTH_DIR_INFORMATION, ShortNameLength), 0, 0,
     false},
    {FileIdBothDirectoryInformation, AT(FILE_ID_BOTH_DIR_INFORMATION, FileName),
     AT(FILE_ID_BOTH_DIR_INFORMATION, EaSize), AT(FILE_ID_BOTH_DIR_INFORMATION, ShortNameLength),
     AT(FILE_ID_BOTH_DIR_INFORMATION, FileId), 0, false},
    {FileIdExtdDirectoryInformation, AT(FILE_ID_EXTD_DIR_INFORMATION, FileName),
     AT(FILE_ID_EXTD_DIR_INFORMATION, EaSize), 0, AT(FILE_ID_EXTD_DIR_INFORMATION, FileId),
     AT(FILE_ID_EXTD_DIR_INFORMATION, ReparsePointTag), true},
    {FileIdExtdBothDirectoryInformation, AT(FILE_ID_EXTD_BOTH_DIR_INFORMATION, FileName),
     AT(FILE_ID_EXTD_BOTH_DIR_INFORMATION, EaSize),
     AT(FILE_ID_EXTD_BOTH_DIR_INFORMATION, ShortNameLength),
     AT(FILE_ID_EXTD_BOTH_DIR_INFORMATION, FileId),
     AT(FILE_ID_EXTD_BOTH_DIR_INFORMATION, ReparsePointTag), true},
    {FileNamesInformation, AT(FILE_NAMES_INFORMATION, FileName), 0, 0, 0, 0, false},
};

static const FORMAT *FormatOf(FILE_INFORMATION_CLASS Class)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(Formats); i++) {
        if (Formats[i].Class == Class)
            return &Formats[i];
    }
    return NULL;
}

static void FillFixed(const FORMAT *Format, const FOUND *f, PUCHAR At)
{
    FILE_DIRECTORY_INFORMATION *Info = (FILE_DIRECTORY_INFORMATION *)At;

    if (Format->Class == FileNamesInformation) {
        ((FILE_NAMES_INFORMATION *)At)->FileNameLength = f->Entry.NameLength * (ULONG)sizeof(WCHAR);
        return;
    }
    Info->CreationTime.QuadPart = f->Meta.CreationTime;
    Info->LastAccessTime.QuadPart = f->Meta.LastAccessTime;
    Info->LastWriteTime.QuadPart = f->Meta.LastWriteTime;
    Info->ChangeTime.QuadPart = f->Meta.ChangeTime;
    Info->EndOfFile.QuadPart = f->Sizes.FileSize;
    Info->AllocationSize.QuadPart = f->Sizes.Allocation;
    Info->FileAttributes = FsxVisibleAttributes(&f->Meta);
    Info->FileNameLength = f->Entry.NameLength * (ULONG)sizeof(WCHAR);
    /* Where a reparse point stands, this field carries its tag. */
    if (Format->EaSizeAt)
        *(ULONG *)(At + Format->EaSizeAt) =
            f->Meta.ReparseTag && !Format->TagAt ? f->Meta.ReparseTag : f->Meta.EaSize;
    if (Format->TagAt)
        *(ULONG *)(At + Format->TagAt) = f->Meta.ReparseTag;
    if (Format->IdAt)
        memcpy(At + Format->IdAt, &f->Entry.Id, sizeof f->Entry.Id);
    if (Format->ShortAt) {
        /* The length byte is followed by the name at the next even offset in both layouts. */
        At[Format->ShortAt] = (UCHAR)(f->Entry.ShortLength * sizeof(WCHAR));
        memcpy(At + Format->ShortAt + 2, f->Entry.Short, f->Entry.ShortLength * sizeof(WCHAR));
    }
}

/* ---- the enumeration ----------------------------------------------------------------------- */

static NTSTATUS SetPattern(FSX_CCB *Ccb, PCUNICODE_STRING Pattern)
{
    USHORT Count = Pattern && Pattern->Buffer ? Pattern->Length / sizeof(WCHAR) : 0;

    Ccb->PatternSet = true;
    Ccb->MatchAll = !Count || (Count == 1 && Pattern->Buffer[0] == L'*') ||
                    (Count == 3 && !memcmp(Pattern->Buffer, L"*.*", 3 * sizeof(WCHAR)));
    if (Ccb->MatchAll)
        return STATUS_SUCCESS;
    Ccb->PatternBuffer = malloc(Pattern->Length);
    if (!Ccb->PatternBuffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    for (USHORT i = 0; i < Count; i++)
        Ccb->PatternBuffer[i] = RtlUpcaseUnicodeChar(Pattern->Buffer[i]);
    Ccb->Pattern.Buffer = Ccb->PatternBuffer;
    Ccb->Pattern.Length = Ccb->Pattern.MaximumLength = Pattern->Length;
    return STATUS_SUCCESS;
}

static bool IsMatch(FSX_CCB *Ccb, const FSX_ENTRY *Entry)
{
    UNICODE_STRING Name = {(USHORT)(Entry->NameLength * sizeof(WCHAR)), 0, (PWCH)Entry->Name};
    UNICODE_STRING Short = {(USHORT)(Entry->ShortLength * sizeof(WCHAR)), 0, (PWCH)Entry->Short};

    if (Ccb->MatchAll || FsRtlIsNameInExpression(&Ccb->Pattern, &Name, TRUE, NULL))
        return true;
    return Short.Length && FsRtlIsNameInExpression(&Ccb->Pattern, &Short, TRUE, NULL);
}

/* "." and ".." come first in every directory but the root. Step 0 and 1; FALSE behind them. */
static bool Dots(FSX_IRP *x, FOUND *f)
{
    FSX_CCB *Ccb = x->Ccb;
    USHORT Count;

    if (Ccb->DotsDone || x->Fcb->File->Id == FSX_ROOT_ID)
        return false;
    Count = Ccb->LastLength == 1 ? 2 : 1;
    memset(f, 0, sizeof *f);
    f->Entry.NameLength = Count;
    f->Entry.Name[0] = f->Entry.Name[1] = L'.';
    f->Entry.Id = x->Fcb->File->Id;
    if (Count == 2) {
        FSX_ENTRY Self;

        if (NT_SUCCESS(x->Volume->Store->Ops->LinkAt(x->Volume->Store, x->Fcb->File->Id, 0, &Self)))
            f->Entry.Id = Self.Parent;
    }
    return true;
}

/* The entry behind the last one given out; STATUS_NO_MORE_FILES. The position does not move. */
static NTSTATUS Peek(FSX_IRP *x, FOUND *f)
{
    UNICODE_STRING Last = {(USHORT)(x->Ccb->LastLength * sizeof(WCHAR)), 0, x->Ccb->Last};

    if (Dots(x, f))
        return STATUS_SUCCESS;
    return x->Volume->Store->Ops->Next(x->Volume->Store, x->Fcb->File->Id,
                                       x->Ccb->LastLength ? &Last : NULL, &f->Entry);
}

static void Advance(FSX_IRP *x, const FOUND *f)
{
    FSX_CCB *Ccb = x->Ccb;

    if (!Ccb->DotsDone && x->Fcb->File->Id != FSX_ROOT_ID && f->Entry.NameLength <= 2 &&
        f->Entry.Name[0] == L'.') {
        Ccb->DotsDone = f->Entry.NameLength == 2;
        Ccb->LastLength = Ccb->DotsDone ? 0 : 1;
        return;
    }
    Ccb->LastLength = f->Entry.NameLength;
    memcpy(Ccb->Last, f->Entry.Name, f->Entry.NameLength * sizeof(WCHAR));
}

/* Metadata and the sizes a handle would see now, for a file in use. */
static void Load(FSX_IRP *x, FOUND *f)
{
    FSX_VOLUME *Volume = x->Volume;
    FSX_FILE *File;

    memset(&f->Meta, 0, sizeof f->Meta);
    memset(&f->Sizes, 0, sizeof f->Sizes);
    Volume->Store->Ops->GetMeta(Volume->Store, f->Entry.Id, &f->Meta);
    if (f->Meta.Attributes & FILE_ATTRIBUTE_DIRECTORY)
        return;
    Volume->Store->Ops->GetSizes(Volume->Store, f->Entry.Id, 0, &f->Sizes);
    File = FsxFindFile(Volume, f->Entry.Id);
    KexLockAcquire(&Volume->TableLock);
    for (PLIST_ENTRY e = File ? File->Fcbs.Flink : NULL; File && e != &File->Fcbs; e = e->Flink) {
        FSX_FCB *Fcb = CONTAINING_RECORD(e, FSX_FCB, Links);

        if (Fcb->Kind == FSX_DATA && !Fcb->Stream)
            f->Sizes.FileSize = Fcb->Header.FileSize.QuadPart;
    }
    KexLockRelease(&Volume->TableLock);
}

typedef struct _LISTING {
    FSX_IRP *x;
    const FORMAT *Format;
    PUCHAR Buffer;
    ULONG Room, Used;
    ULONG *Chain;
    FOUND *f;
    bool Single;
    NTSTATUS Status;
} LISTING;

/*
 * Puts one entry; FALSE when it does not fit. The first entry is cut off when its name is too long
 * for the buffer.
 */
static bool Put(LISTING *l)
{
    ULONG Start = (l->Used + 7) & ~7u, Name = l->f->Entry.NameLength * (ULONG)sizeof(WCHAR);
    ULONG Room = Start <= l->Room ? l->Room - Start : 0;
    PUCHAR At = l->Buffer + Start;

    if (Room < l->Format->NameAt + Name) {
        if (l->Chain || Room < l->Format->NameAt)
            return false;
        Name = Room - l->Format->NameAt;
        l->Status = STATUS_BUFFER_OVERFLOW;
    }
    memset(At, 0, l->Format->NameAt);
    FillFixed(l->Format, l->f, At);
    memcpy(At + l->Format->NameAt, l->f->Entry.Name, Name);
    if (l->Chain)
        *l->Chain = (ULONG)(At - (PUCHAR)l->Chain);
    l->Chain = (ULONG *)At;
    l->Used = Start + l->Format->NameAt + Name;
    return true;
}

/*
 * Runs inside KexTry: the caller's buffer may not be there. The name space is held shared by the
 * caller.
 */
static void Fill(void *Argument)
{
    LISTING *l = Argument;

    for (;;) {
        NTSTATUS Status = Peek(l->x, l->f);

        if (!NT_SUCCESS(Status)) {
            if (!l->Chain)
                l->Status = l->x->Ccb->Started ? STATUS_NO_MORE_FILES : STATUS_NO_SUCH_FILE;
            return;
        }
        if (IsMatch(l->x->Ccb, &l->f->Entry)) {
            Load(l->x, l->f);
            if (!Put(l)) {
                if (!l->Chain)
                    l->Status = STATUS_BUFFER_OVERFLOW;
                return;
            }
            l->x->Ccb->Started = true;
        }
        Advance(l->x, l->f);
        if ((l->Single && l->Chain) || l->Status == STATUS_BUFFER_OVERFLOW)
            return;
    }
}

static NTSTATUS QueryDirectory(FSX_IRP *x)
{
    PIO_STACK_LOCATION Stack = x->Stack;
    LISTING l = {.x = x,
                 .Format = FormatOf(Stack->Parameters.QueryDirectory.FileInformationClass),
                 .Room = Stack->Parameters.QueryDirectory.Length,
                 .Single = Stack->Flags & SL_RETURN_SINGLE_ENTRY};
    NTSTATUS Status = STATUS_SUCCESS;

    if (!l.Format)
        return STATUS_INVALID_INFO_CLASS;
    if (x->Ccb->CleanedUp)
        return STATUS_FILE_CLOSED;
    if (l.Room < l.Format->NameAt)
        return STATUS_INFO_LENGTH_MISMATCH;
    l.Buffer = FsxUserBuffer(x->Irp);
    l.f = malloc(sizeof *l.f);
    if (!l.Buffer || !l.f) {
        free(l.f);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ExAcquireResourceSharedLite(&x->Volume->Resource, TRUE);
    ExAcquireResourceExclusiveLite(&x->Fcb->Main, TRUE); /* the position in the open is moved */
    if (!x->Ccb->PatternSet)
        Status = SetPattern(x->Ccb, (PCUNICODE_STRING)Stack->Parameters.QueryDirectory.FileName);
    if (Stack->Flags & SL_RESTART_SCAN) {
        x->Ccb->DotsDone = false;
        x->Ccb->LastLength = 0;
    }
    if (NT_SUCCESS(Status))
        Status = KexTry(Fill, &l);
    ExReleaseResourceLite(&x->Fcb->Main);
    ExReleaseResourceLite(&x->Volume->Resource);
    free(l.f);
    if (NT_SUCCESS(Status))
        Status = l.Status;
    x->Information = l.Used;
    return Status;
}

/* ---- change notification ------------------------------------------------------------------- */

static NTSTATUS NotifyNameOf(FSX_IRP *x)
{
    ULONG Room = 32768, Length = 0;
    WCHAR *Text;
    NTSTATUS Status;

    if (x->Ccb->NotifyName.Buffer)
        return STATUS_SUCCESS;
    Text = malloc(Room * sizeof(WCHAR));
    if (!Text)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = FsxBuildPath(x->Volume, x->Fcb, x->Ccb->Link, Text, Room, &Length);
    if (NT_SUCCESS(Status) && Length < 0x7fff) {
        WCHAR *Exact = realloc(Text, Length * sizeof(WCHAR));

        x->Ccb->NotifyName.Buffer = Exact ? Exact : Text;
        x->Ccb->NotifyName.Length = x->Ccb->NotifyName.MaximumLength =
            (USHORT)(Length * sizeof(WCHAR));
        return STATUS_SUCCESS;
    }
    free(Text);
    return NT_SUCCESS(Status) ? STATUS_OBJECT_NAME_INVALID : Status;
}

static NTSTATUS NotifyChange(FSX_IRP *x)
{
    PIO_STACK_LOCATION Stack = x->Stack;
    NTSTATUS Status;

    if (x->Ccb->CleanedUp)
        return STATUS_NOTIFY_CLEANUP;
    ExAcquireResourceSharedLite(&x->Volume->Resource, TRUE);
    if (x->Ccb->Link && x->Ccb->Link->DeletePending)
        Status = STATUS_DELETE_PENDING;
    else
        Status = NotifyNameOf(x);
    ExReleaseResourceLite(&x->Volume->Resource);
    if (!NT_SUCCESS(Status))
        return Status;
    FsRtlNotifyFullChangeDirectory(
        x->Volume->NotifySync, &x->Volume->NotifyList, x->Ccb, (PSTRING)&x->Ccb->NotifyName,
        (Stack->Flags & SL_WATCH_TREE) != 0, FALSE,
        Stack->Parameters.NotifyDirectory.CompletionFilter, x->Irp, NULL, NULL);
    x->Completed = true;
    return STATUS_PENDING;
}

void FsxNotify(FSX_VOLUME *Volume, FSX_ID Parent, PCUNICODE_STRING Name, PCUNICODE_STRING Stream,
               ULONG Filter, ULONG Action)
{
    ULONG Room = 32768, Length = 0;
    UNICODE_STRING Target;
    FSX_LINK Link = {.Parent = Parent};
    WCHAR *Text;
    USHORT At;

    if (!Name || IsListEmpty(&Volume->NotifyList))
        return;
    Text = malloc(Room * sizeof(WCHAR));
    if (!Text)
        return;
    Link.Name = *Name;
    if (NT_SUCCESS(FsxBuildPath(Volume, NULL, &Link, Text, Room, &Length)) && Length < 0x7fff) {
        Target.Buffer = Text;
        Target.Length = Target.MaximumLength = (USHORT)(Length * sizeof(WCHAR));
        At = (USHORT)(Target.Length - Name->Length);
        FsRtlNotifyFullReportChange(Volume->NotifySync, &Volume->NotifyList, (PSTRING)&Target, At,
                                    Stream && Stream->Length ? (PSTRING)Stream : NULL, NULL, Filter,
                                    Action, NULL);
    }
    free(Text);
}

NTSTATUS FsxDirectoryControl(FSX_IRP *x)
{
    if (x->Fcb->Kind != FSX_DIRECTORY)
        return STATUS_INVALID_PARAMETER;
    switch (x->Stack->MinorFunction) {
    case IRP_MN_QUERY_DIRECTORY:
        return QueryDirectory(x);
    case IRP_MN_NOTIFY_CHANGE_DIRECTORY:
        return NotifyChange(x);
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - a host folder into a store and back. Host names are UTF-8; a name that is not, or
 * that the store's name rules forbid, stops the transfer with the path in the message rather than
 * being changed in silence.
 */
#include "fs/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_ROOM 4096u
#define PIECE (256u * 1024)
#define NS_1601_TO_1970 11644473600000000000ull

typedef struct _TRANSFER {
    FSX_STORE *Store;
    char *Error; /* 400 bytes, or NULL */
    NTSTATUS Status;
    char Path[PATH_ROOM]; /* host path being worked on */
    UCHAR *Piece;
} TRANSFER;

static NTSTATUS Fail(TRANSFER *t, NTSTATUS Status, const char *What)
{
    if (t->Error && NT_SUCCESS(t->Status))
        snprintf(t->Error, 400, "%.250s: %.140s", t->Path, What);
    if (NT_SUCCESS(t->Status))
        t->Status = Status;
    return t->Status;
}

static NTSTATUS FromErrno(int Negative)
{
    switch (-Negative) {
    case ENOENT:
        return STATUS_OBJECT_NAME_NOT_FOUND;
    case EACCES:
    case EPERM:
        return STATUS_ACCESS_DENIED;
    case ENOSPC:
    case EDQUOT:
        return STATUS_DISK_FULL;
    case EROFS:
        return STATUS_MEDIA_WRITE_PROTECTED;
    case ENOTDIR:
        return STATUS_NOT_A_DIRECTORY;
    case EEXIST:
        return STATUS_OBJECT_NAME_COLLISION;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return STATUS_INSUFFICIENT_RESOURCES;
    default:
        return STATUS_UNEXPECTED_IO_ERROR;
    }
}

static NTSTATUS FailErrno(TRANSFER *t, int Negative, const char *What)
{
    char Text[140];

    snprintf(Text, sizeof Text, "%s: %s", What, strerror(-Negative));
    return Fail(t, FromErrno(Negative), Text);
}

static LONGLONG FromHostTime(int64_t Ns)
{
    return Ns < -(int64_t)(NS_1601_TO_1970 >> 1)
               ? 0
               : (LONGLONG)(Ns / 100) + (LONGLONG)(NS_1601_TO_1970 / 100);
}

static int64_t ToHostTime(LONGLONG Time)
{
    return (Time - (LONGLONG)(NS_1601_TO_1970 / 100)) * 100;
}

/* ---- names --------------------------------------------------------------------------------- */

/*
 * One code point of well-formed UTF-8 (no surrogates, no overlong form); bytes used, 0 when it is
 * none.
 */
static unsigned Decode(const UCHAR *s, ULONG *Out)
{
    static const ULONG Least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned n = s[0] < 0x80             ? 1
                 : (s[0] & 0xe0) == 0xc0 ? 2
                 : (s[0] & 0xf0) == 0xe0 ? 3
                 : (s[0] & 0xf8) == 0xf0 ? 4
                                         : 0;
    ULONG c = n == 1 ? s[0] : s[0] & (0x7fu >> n);

    for (unsigned i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (!n || c < Least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *Out = c;
    return n;
}

/* Why a host name cannot be one of the store, NULL when it can. */
static const char *ToWide(const char *Name, WCHAR Buffer[FSX_NAME_MAX], UNICODE_STRING *Wide)
{
    USHORT n = 0;
    ULONG c;

    for (const UCHAR *s = (const UCHAR *)Name; *s;) {
        unsigned Bytes = Decode(s, &c);

        if (!Bytes)
            return "the name is not UTF-8";
        if (c < 0x20 || (c < 0x80 && strchr("\"*/:<>?\\|", (int)c)))
            return "the name has a character that NTFS names cannot have";
        if (n + (c > 0xffff ? 2 : 1) > FSX_NAME_MAX)
            return "the name is longer than 255 UTF-16 units";
        if (c > 0xffff) {
            Buffer[n++] = (WCHAR)(0xd800 + ((c - 0x10000) >> 10));
            Buffer[n++] = (WCHAR)(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            Buffer[n++] = (WCHAR)c;
        }
        s += Bytes;
    }
    Wide->Buffer = Buffer;
    Wide->Length = Wide->MaximumLength = (USHORT)(n * sizeof(WCHAR));
    return NULL;
}

/* UTF-8 of a stored name; FALSE for a lone surrogate, which no host name can say. */
static bool ToUtf8(const WCHAR *Name, USHORT Length, char *Out, size_t Room)
{
    size_t n = 0;

    for (USHORT i = 0; i < Length; i++) {
        ULONG c = Name[i];

        if (c >= 0xd800 && c <= 0xdfff) {
            if (c >= 0xdc00 || i + 1 == Length || Name[i + 1] < 0xdc00 || Name[i + 1] > 0xdfff)
                return false;
            c = 0x10000 + ((c - 0xd800) << 10) + (Name[++i] - 0xdc00u);
        }
        if (n + 4 >= Room)
            return false;
        if (c < 0x80) {
            Out[n++] = (char)c;
        } else if (c < 0x800) {
            Out[n++] = (char)(0xc0 | c >> 6);
            Out[n++] = (char)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            Out[n++] = (char)(0xe0 | c >> 12);
            Out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            Out[n++] = (char)(0x80 | (c & 0x3f));
        } else {
            Out[n++] = (char)(0xf0 | c >> 18);
            Out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
            Out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            Out[n++] = (char)(0x80 | (c & 0x3f));
        }
    }
    Out[n] = 0;
    return true;
}

/* Appends a name to the host path; Undo takes what the path was. */
static bool Enter(TRANSFER *t, const char *Name, size_t *Undo)
{
    *Undo = strlen(t->Path);
    if (*Undo + 1 + strlen(Name) + 1 > PATH_ROOM) {
        Fail(t, STATUS_NAME_TOO_LONG, "the path is too long");
        return false;
    }
    snprintf(t->Path + *Undo, PATH_ROOM - *Undo, "/%s", Name);
    return true;
}

static void Leave(TRANSFER *t, size_t Undo)
{
    t->Path[Undo] = 0;
}

static bool Ready(TRANSFER *t, FSX_STORE *Store, const char *Folder, char *Error)
{
    memset(t, 0, sizeof *t);
    t->Store = Store;
    t->Error = Error;
    if (Error)
        Error[0] = 0;
    if (strlen(Folder) + 1 > PATH_ROOM) {
        Fail(t, STATUS_NAME_TOO_LONG, "the path is too long");
        return false;
    }
    strcpy(t->Path, Folder);
    t->Piece = malloc(PIECE);
    if (!t->Piece)
        Fail(t, STATUS_INSUFFICIENT_RESOURCES, "out of memory");
    return t->Piece != NULL;
}

/* ---- in ------------------------------------------------------------------------------------ */

typedef struct _IMPORT_DIRECTORY {
    TRANSFER *t;
    FSX_ID Id;
} IMPORT_DIRECTORY;

static int ImportEntry(const char *Name, void *Argument);

static void SetTimes(TRANSFER *t, FSX_ID Id, const struct host_stat *Stat)
{
    FSX_META m = {.CreationTime = FromHostTime(Stat->mtime_ns),
                  .LastAccessTime = FromHostTime(Stat->atime_ns),
                  .LastWriteTime = FromHostTime(Stat->mtime_ns),
                  .ChangeTime = FromHostTime(Stat->ctime_ns)};

    t->Store->Ops->SetMeta(t->Store, Id, &m, FSX_SET_TIMES);
}

static void ImportData(TRANSFER *t, FSX_ID Id)
{
    FSX_STORE *Store = t->Store;
    FSX_SIZES Sizes = {0};
    int64_t n = 0;
    int fd = host_open(t->Path, HOST_O_READ, 0);

    if (fd < 0) {
        FailErrno(t, fd, "cannot be opened");
        return;
    }
    while (NT_SUCCESS(t->Status) &&
           (n = host_pread(fd, t->Piece, PIECE, (uint64_t)Sizes.FileSize)) > 0) {
        NTSTATUS Status;
        LONGLONG Offset = Sizes.FileSize;

        Sizes.FileSize = Sizes.Allocation = Sizes.ValidData = Offset + n;
        Status = Store->Ops->SetSizes(Store, Id, 0, &Sizes);
        if (NT_SUCCESS(Status))
            Status = Store->Ops->Write(Store, Id, 0, Offset, (ULONG)n, t->Piece);
        if (!NT_SUCCESS(Status))
            Fail(t, Status, Status == STATUS_DISK_FULL ? "the volume is full" : "cannot be stored");
    }
    if (n < 0)
        FailErrno(t, (int)n, "cannot be read");
    host_close(fd);
}

static void ImportNode(TRANSFER *t, FSX_ID Directory, PCUNICODE_STRING Name,
                       const struct host_stat *Stat)
{
    ULONG Attributes = Stat->dir ? FILE_ATTRIBUTE_DIRECTORY : FILE_ATTRIBUTE_ARCHIVE;
    WCHAR ShortBuffer[FSX_SHORT_MAX];
    UNICODE_STRING Short;
    FSX_ID Id;
    NTSTATUS Status;

    FsxStoreShortName(t->Store, Directory, Name, &Short, ShortBuffer);
    if (!Stat->dir && !(Stat->mode & 0222))
        Attributes |= FILE_ATTRIBUTE_READONLY;
    Status = t->Store->Ops->Create(t->Store, Directory, Name, &Short, Attributes, &Id);
    if (!NT_SUCCESS(Status)) {
        Fail(t, Status,
             Status == STATUS_OBJECT_NAME_COLLISION ? "differs from another name in its case only"
                                                    : "cannot be created in the volume");
        return;
    }
    if (Stat->dir) {
        IMPORT_DIRECTORY Below = {t, Id};
        int r = host_list_dir(t->Path, ImportEntry, &Below);

        if (r < 0)
            FailErrno(t, r, "cannot be listed");
    } else {
        ImportData(t, Id);
    }
    SetTimes(t, Id, Stat);
}

static int ImportEntry(const char *Name, void *Argument)
{
    IMPORT_DIRECTORY *d = Argument;
    WCHAR Buffer[FSX_NAME_MAX];
    UNICODE_STRING Wide;
    struct host_stat Stat;
    const char *Why;
    size_t Undo;
    int r;

    if (!Enter(d->t, Name, &Undo))
        return 1;
    Why = ToWide(Name, Buffer, &Wide);
    if (Why) {
        Fail(d->t, STATUS_OBJECT_NAME_INVALID, Why);
    } else if ((r = host_stat_path(d->t->Path, false, &Stat)) < 0) {
        FailErrno(d->t, r, "cannot be looked at");
    } else if (!Stat.dir && !Stat.regular) {
        Fail(d->t, STATUS_NOT_SUPPORTED,
             Stat.link ? "is a symbolic link" : "is neither a file nor a folder");
    } else {
        ImportNode(d->t, d->Id, &Wide, &Stat);
    }
    Leave(d->t, Undo);
    return !NT_SUCCESS(d->t->Status);
}

NTSTATUS FsxImport(FSX_STORE *Store, const char *Folder, char Error[400])
{
    TRANSFER *t = malloc(sizeof *t);
    IMPORT_DIRECTORY Root = {t, FSX_ROOT_ID};
    NTSTATUS Status;
    int r;

    if (!t)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (Ready(t, Store, Folder, Error)) {
        r = host_list_dir(t->Path, ImportEntry, &Root);
        if (r < 0)
            FailErrno(t, r, "cannot be listed");
    }
    Status = t->Status;
    free(t->Piece);
    free(t);
    return Status;
}

/* ---- out ----------------------------------------------------------------------------------- */

static void ExportDirectory(TRANSFER *t, FSX_ID Id);

/* Holes stay holes: only what the store has is written, then the size is set. */
static void ExportData(TRANSFER *t, FSX_ID Id, const FSX_SIZES *Sizes)
{
    FSX_STORE *Store = t->Store;
    LONGLONG Offset = 0, Length;
    int fd = host_open(t->Path, HOST_O_WRITE | HOST_O_CREATE | HOST_O_TRUNC, 0666), r;

    if (fd < 0) {
        FailErrno(t, fd, "cannot be created");
        return;
    }
    while (NT_SUCCESS(t->Status) && Store->Ops->NextExtent(Store, Id, 0, &Offset, &Length)) {
        LONGLONG End = Offset + Length < Sizes->ValidData ? Offset + Length : Sizes->ValidData;

        while (Offset < End && NT_SUCCESS(t->Status)) {
            ULONG n = End - Offset < (LONGLONG)PIECE ? (ULONG)(End - Offset) : PIECE;
            NTSTATUS Status = Store->Ops->Read(Store, Id, 0, Offset, n, t->Piece);
            int64_t Done = NT_SUCCESS(Status) ? host_pwrite(fd, t->Piece, n, (uint64_t)Offset) : 0;

            if (!NT_SUCCESS(Status))
                Fail(t, Status, "cannot be read from the volume");
            else if (Done <= 0)
                FailErrno(t, Done ? (int)Done : -EIO, "cannot be written");
            Offset += Done;
        }
        if (Offset >= Sizes->ValidData)
            break;
    }
    r = host_ftruncate(fd, (uint64_t)Sizes->FileSize);
    if (r < 0)
        FailErrno(t, r, "cannot be sized");
    host_close(fd);
}

static void ExportNode(TRANSFER *t, FSX_ID Id)
{
    FSX_STORE *Store = t->Store;
    FSX_SIZES Sizes = {0};
    NTSTATUS Status;
    FSX_META m;
    int r;

    Status = Store->Ops->GetMeta(Store, Id, &m);
    if (!NT_SUCCESS(Status)) {
        Fail(t, Status, "has no metadata");
        return;
    }
    if (m.Attributes & FILE_ATTRIBUTE_DIRECTORY) {
        r = host_mkdir(t->Path, 0777);
        if (r < 0 && r != -EEXIST)
            FailErrno(t, r, "cannot be made");
        else
            ExportDirectory(t, Id);
    } else {
        Store->Ops->GetSizes(Store, Id, 0, &Sizes);
        ExportData(t, Id, &Sizes);
    }
    if (NT_SUCCESS(t->Status))
        host_set_times(t->Path, ToHostTime(m.LastAccessTime), ToHostTime(m.LastWriteTime));
}

static void ExportDirectory(TRANSFER *t, FSX_ID Id)
{
    FSX_ENTRY *e = malloc(sizeof *e);
    UNICODE_STRING After = {0};
    WCHAR Last[FSX_NAME_MAX];
    char Name[FSX_NAME_MAX * 4 + 4];
    size_t Undo;

    if (!e) {
        Fail(t, STATUS_INSUFFICIENT_RESOURCES, "out of memory");
        return;
    }
    while (NT_SUCCESS(t->Status) &&
           NT_SUCCESS(t->Store->Ops->Next(t->Store, Id, After.Length ? &After : NULL, e))) {
        memcpy(Last, e->Name, e->NameLength * sizeof(WCHAR));
        After.Buffer = Last;
        After.Length = After.MaximumLength = (USHORT)(e->NameLength * sizeof(WCHAR));
        if (!ToUtf8(e->Name, e->NameLength, Name, sizeof Name)) {
            Fail(t, STATUS_OBJECT_NAME_INVALID, "a name in it cannot be written as UTF-8");
        } else if (Enter(t, Name, &Undo)) {
            ExportNode(t, e->Id);
            Leave(t, Undo);
        }
    }
    free(e);
}

NTSTATUS FsxExport(FSX_STORE *Store, const char *Folder, char Error[400])
{
    TRANSFER *t = malloc(sizeof *t);
    NTSTATUS Status;
    int r;

    if (!t)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (Ready(t, Store, Folder, Error)) {
        r = host_mkdir(t->Path, 0777);
        if (r < 0 && r != -EEXIST)
            FailErrno(t, r, "cannot be made");
        else
            ExportDirectory(t, FSX_ROOT_ID);
    }
    Status = t->Status;
    free(t->Piece);
    free(t);
    return Status;
}

/* SPDX-License-Identifier: MIT */
/*
 * The name space: directories, symbolic links and the walk from a name to an object.
 *
 * One lock guards every directory; it is held for one look-up only and never across a parse
 * routine, a deletion or memory of the caller. An entry does not hold its object: the object's last
 * close or deletion removes the entry.
 */
#include "ob/ob.h"

#include <stdlib.h>
#include <string.h>

struct _OBX_NAME {
    LIST_ENTRY Link;
    struct _OBX_DIRECTORY *Parent;
    OBX_HEADER *Object;
    UNICODE_STRING Text;
    WCHAR Buffer[];
};

struct _OBX_DIRECTORY {
    LIST_ENTRY Names;
};

typedef struct _LINK {
    UNICODE_STRING Target;
    WCHAR Buffer[];
} LINK;

static KEX_LOCK NameLock = KEX_LOCK_INIT(KEX_RANK_OB, "object names");
static OBX_DIRECTORY *RootDirectory;

OBX_TYPE ObxDirectoryType = {
    .Label = "Directory",
    .Mapping = {STANDARD_RIGHTS_READ | DIRECTORY_QUERY | DIRECTORY_TRAVERSE,
                STANDARD_RIGHTS_WRITE | DIRECTORY_CREATE_OBJECT | DIRECTORY_CREATE_SUBDIRECTORY,
                STANDARD_RIGHTS_EXECUTE | DIRECTORY_QUERY | DIRECTORY_TRAVERSE,
                DIRECTORY_ALL_ACCESS},
    .ValidAccess = DIRECTORY_ALL_ACCESS,
    .DispatcherOffset = OBX_NOT_WAITABLE,
};

OBX_TYPE ObxSymbolicLinkType = {
    .Label = "SymbolicLink",
    .Mapping = {STANDARD_RIGHTS_READ | SYMBOLIC_LINK_QUERY, STANDARD_RIGHTS_WRITE,
                STANDARD_RIGHTS_EXECUTE | SYMBOLIC_LINK_QUERY, SYMBOLIC_LINK_ALL_ACCESS},
    .ValidAccess = SYMBOLIC_LINK_ALL_ACCESS,
    .DispatcherOffset = OBX_NOT_WAITABLE,
};

static OBX_NAME *FindName(OBX_DIRECTORY *Directory, PCUNICODE_STRING Name)
{
    for (PLIST_ENTRY Entry = Directory->Names.Flink; Entry != &Directory->Names;
         Entry = Entry->Flink) {
        OBX_NAME *Candidate = CONTAINING_RECORD(Entry, OBX_NAME, Link);

        if (RtlEqualUnicodeString(&Candidate->Text, Name, TRUE))
            return Candidate;
    }
    return NULL;
}

/* Referenced object of one component, or NULL. An object on its way out does not count. */
static PVOID LookUp(OBX_DIRECTORY *Directory, PCUNICODE_STRING Name)
{
    PVOID Body = NULL;
    OBX_NAME *Found;

    KexLockAcquire(&NameLock);
    Found = FindName(Directory, Name);
    if (Found && ObxReferenceIfAlive(OBX_BODY_OF(Found->Object)))
        Body = OBX_BODY_OF(Found->Object);
    KexLockRelease(&NameLock);
    return Body;
}

static NTSTATUS AddName(OBX_DIRECTORY *Directory, PCUNICODE_STRING Text, PVOID Body)
{
    OBX_NAME *Name = malloc(sizeof *Name + Text->Length);

    if (!Name)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(Name->Buffer, Text->Buffer, Text->Length);
    Name->Text = (UNICODE_STRING){Text->Length, Text->Length, Name->Buffer};
    Name->Parent = Directory;
    Name->Object = OBX_HEADER_OF(Body);
    KexLockAcquire(&NameLock);
    if (FindName(Directory, Text)) {
        KexLockRelease(&NameLock);
        free(Name);
        return STATUS_OBJECT_NAME_COLLISION;
    }
    InsertTailList(&Directory->Names, &Name->Link);
    Name->Object->Name = Name;
    KexLockRelease(&NameLock);
    return STATUS_SUCCESS;
}

void ObxRemoveName(PVOID Body)
{
    OBX_HEADER *Header = OBX_HEADER_OF(Body);
    OBX_NAME *Name;

    KexLockAcquire(&NameLock);
    Name = Header->Name;
    if (Name)
        RemoveEntryList(&Name->Link);
    Header->Name = NULL;
    KexLockRelease(&NameLock);
    free(Name);
}

/* Splits "\a\b\c" into the directory part "\a\b" and the last component. */
static bool SplitLast(PCUNICODE_STRING Path, PUNICODE_STRING Directory, PUNICODE_STRING Last)
{
    USHORT Chars = Path->Length / sizeof(WCHAR), At = Chars;

    while (At && Path->Buffer[At - 1] != L'\\')
        At--;
    *Last = (UNICODE_STRING){(Chars - At) * sizeof(WCHAR), (Chars - At) * sizeof(WCHAR),
                             Path->Buffer + At};
    if (At > 1)
        At--; /* the separator belongs to nobody, except the root's own */
    *Directory = (UNICODE_STRING){At * sizeof(WCHAR), At * sizeof(WCHAR), Path->Buffer};
    return Last->Length != 0;
}

NTSTATUS ObxInsertName(PVOID Body, PVOID RootDirectoryBody, PCUNICODE_STRING Path, ULONG Attributes)
{
    OBX_OPEN Open = {.Root = RootDirectoryBody, .Mode = KernelMode, .Type = &ObxDirectoryType};
    UNICODE_STRING Directory, Last;
    PVOID Parent;
    NTSTATUS Status;

    if (!SplitLast(Path, &Directory, &Last))
        return STATUS_OBJECT_NAME_INVALID;
    if (RootDirectoryBody && !Directory.Length) {
        Parent = RootDirectoryBody;
        ObfReferenceObject(Parent);
        Status =
            ObxTypeOf(Parent) == &ObxDirectoryType ? STATUS_SUCCESS : STATUS_OBJECT_TYPE_MISMATCH;
    } else {
        Status = ObxOpenName(&Open, &Directory, &Parent);
        if (!NT_SUCCESS(Status))
            return Status == STATUS_OBJECT_NAME_NOT_FOUND ? STATUS_OBJECT_PATH_NOT_FOUND : Status;
    }
    if (NT_SUCCESS(Status))
        Status = AddName(Parent, &Last, Body);
    if (NT_SUCCESS(Status) && (Attributes & OBJ_PERMANENT))
        OBX_HEADER_OF(Body)->Flags |= OBX_PERMANENT;
    ObDereferenceObject(Parent);
    return Status;
}

NTSTATUS ObxCreateDirectory(PCUNICODE_STRING Name, PVOID *Body)
{
    OBX_DIRECTORY *Directory;
    NTSTATUS Status;

    Status = ObxCreateObject(&ObxDirectoryType, sizeof *Directory, NULL, (PVOID *)&Directory);
    if (!NT_SUCCESS(Status))
        return Status;
    InitializeListHead(&Directory->Names);
    if (!RootDirectory && Name && Name->Length == sizeof(WCHAR))
        RootDirectory = Directory;
    else if (Name)
        Status = ObxInsertName(Directory, NULL, Name, 0);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(Directory);
        return Status;
    }
    *Body = Directory;
    return STATUS_SUCCESS;
}

NTSTATUS ObxCreateSymbolicLink(PCUNICODE_STRING Name, PCUNICODE_STRING Target, PVOID *Body)
{
    LINK *Link;
    NTSTATUS Status;

    Status =
        ObxCreateObject(&ObxSymbolicLinkType, sizeof *Link + Target->Length, NULL, (PVOID *)&Link);
    if (!NT_SUCCESS(Status))
        return Status;
    memcpy(Link->Buffer, Target->Buffer, Target->Length);
    Link->Target = (UNICODE_STRING){Target->Length, Target->Length, Link->Buffer};
    if (Name)
        Status = ObxInsertName(Link, NULL, Name, 0);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(Link);
        return Status;
    }
    *Body = Link;
    return STATUS_SUCCESS;
}

PCUNICODE_STRING ObxSymbolicLinkTarget(PVOID Link)
{
    return &((LINK *)Link)->Target;
}

static int CompareNames(const void *A, const void *B)
{
    return RtlCompareUnicodeString(&(*(OBX_NAME *const *)A)->Text, &(*(OBX_NAME *const *)B)->Text,
                                   TRUE);
}

/* A copy of an entry that outlives the lock. */
typedef struct _LISTED {
    PVOID Object;
    UNICODE_STRING Name;
} LISTED;

static LISTED *CopyNames(OBX_DIRECTORY *Directory, size_t *Count)
{
    OBX_NAME **Sorted;
    LISTED *List;
    size_t Room = 0, n = 0;

    KexLockAcquire(&NameLock);
    for (PLIST_ENTRY Entry = Directory->Names.Flink; Entry != &Directory->Names;
         Entry = Entry->Flink)
        Room++;
    Sorted = calloc(Room + 1, sizeof *Sorted);
    List = calloc(Room + 1, sizeof *List);
    for (PLIST_ENTRY Entry = Directory->Names.Flink; Sorted && List && Entry != &Directory->Names;
         Entry = Entry->Flink)
        Sorted[n++] = CONTAINING_RECORD(Entry, OBX_NAME, Link);
    if (n)
        qsort(Sorted, n, sizeof *Sorted, CompareNames);
    *Count = 0;
    for (size_t i = 0; i < n; i++) {
        LISTED *Item = &List[*Count];

        if (!ObxReferenceIfAlive(OBX_BODY_OF(Sorted[i]->Object)))
            continue;
        Item->Object = OBX_BODY_OF(Sorted[i]->Object);
        Item->Name.Buffer = malloc(Sorted[i]->Text.Length + sizeof(WCHAR));
        if (Item->Name.Buffer) {
            memcpy(Item->Name.Buffer, Sorted[i]->Text.Buffer, Sorted[i]->Text.Length);
            Item->Name.Length = Item->Name.MaximumLength = Sorted[i]->Text.Length;
        }
        ++*Count;
    }
    KexLockRelease(&NameLock);
    free(Sorted);
    return List;
}

void ObxForEachName(PVOID Directory, bool (*fn)(PCUNICODE_STRING Name, PVOID Object, void *Context),
                    void *Context)
{
    size_t Count = 0;
    LISTED *List = CopyNames(Directory, &Count);
    bool Go = true;

    for (size_t i = 0; i < Count; i++) {
        if (Go)
            Go = fn(&List[i].Name, List[i].Object, Context);
        ObDereferenceObject(List[i].Object);
        free(List[i].Name.Buffer);
    }
    free(List);
}

/* ---- from a name to an object ---------------------------------------------------------------- */

NTSTATUS ObxOpenReplaceName(OBX_OPEN *Open, PCUNICODE_STRING Prefix, PCUNICODE_STRING Suffix)
{
    size_t Bytes = (size_t)Prefix->Length + Suffix->Length;
    WCHAR *Buffer;

    if (Bytes > OBX_NAME_BYTES)
        return STATUS_NAME_TOO_LONG;
    Buffer = malloc(Bytes + sizeof(WCHAR));
    if (!Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    /* Both parts may point into the old buffer. */
    if (Prefix->Length)
        memcpy(Buffer, Prefix->Buffer, Prefix->Length);
    if (Suffix->Length)
        memcpy((char *)Buffer + Prefix->Length, Suffix->Buffer, Suffix->Length);
    Buffer[Bytes / sizeof(WCHAR)] = 0;
    free(Open->NameBuffer);
    Open->NameBuffer = Buffer;
    Open->Name = (UNICODE_STRING){(USHORT)Bytes, (USHORT)Bytes, Buffer};
    return STATUS_SUCCESS;
}

/* Takes the next component off Remaining; the rest keeps its leading backslash. */
static NTSTATUS NextComponent(PUNICODE_STRING Remaining, PUNICODE_STRING Component)
{
    USHORT Chars = Remaining->Length / sizeof(WCHAR), n = 0;

    while (n < Chars && Remaining->Buffer[n] != L'\\')
        n++;
    if (!n)
        return STATUS_OBJECT_NAME_INVALID;
    *Component = (UNICODE_STRING){n * sizeof(WCHAR), n * sizeof(WCHAR), Remaining->Buffer};
    Remaining->Buffer += n;
    Remaining->Length -= n * sizeof(WCHAR);
    Remaining->MaximumLength = Remaining->Length;
    return STATUS_SUCCESS;
}

/* Follows a link or a parse routine at Body. STATUS_REPARSE: start again with the new name.
 * Consumes Body's reference. */
static NTSTATUS Follow(OBX_OPEN *Open, PVOID Body, PVOID *Object)
{
    OBX_TYPE *Type = ObxTypeOf(Body);
    bool Last = !Open->Remaining.Length;
    NTSTATUS Status;

    if (Type == &ObxSymbolicLinkType &&
        !(Last && ((Open->Attributes & OBJ_OPENLINK) || Open->Type == Type))) {
        Status = Open->Attributes & OBJ_DONT_REPARSE
                     ? STATUS_REPARSE_POINT_ENCOUNTERED
                     : ObxOpenReplaceName(Open, ObxSymbolicLinkTarget(Body), &Open->Remaining);
        ObDereferenceObject(Body);
        return NT_SUCCESS(Status) ? STATUS_REPARSE : Status;
    }
    if (Type->Parse) {
        Status = Type->Parse(Open, Body, Object);
        ObDereferenceObject(Body);
        return Status;
    }
    if (!Last) {
        ObDereferenceObject(Body);
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    *Object = Body;
    return STATUS_SUCCESS;
}

/* One pass over the name; STATUS_REPARSE asks for another. */
static NTSTATUS Walk(OBX_OPEN *Open, PVOID Start, PVOID *Object)
{
    OBX_DIRECTORY *Current = Start ? Start : RootDirectory;
    UNICODE_STRING Component;
    NTSTATUS Status;
    PVOID Body;

    Open->Remaining = Open->Name;
    if (Start && ObxTypeOf(Start) != &ObxDirectoryType) {
        if (!ObxTypeOf(Start)->Parse)
            return STATUS_OBJECT_TYPE_MISMATCH;
        return ObxTypeOf(Start)->Parse(Open, Start, Object);
    }
    if (!Start) {
        if (!Open->Name.Length || Open->Name.Buffer[0] != L'\\')
            return STATUS_OBJECT_PATH_SYNTAX_BAD;
        Open->Remaining.Buffer++;
        Open->Remaining.Length -= sizeof(WCHAR);
    } else if (Open->Name.Length && Open->Name.Buffer[0] == L'\\') {
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    }
    ObfReferenceObject(Current);
    while (Open->Remaining.Length) {
        Status = NextComponent(&Open->Remaining, &Component);
        if (!NT_SUCCESS(Status)) {
            ObDereferenceObject(Current);
            return Status;
        }
        Body = LookUp(Current, &Component);
        ObDereferenceObject(Current);
        if (!Body)
            return Open->Remaining.Length ? STATUS_OBJECT_PATH_NOT_FOUND
                                          : STATUS_OBJECT_NAME_NOT_FOUND;
        if (ObxTypeOf(Body) != &ObxDirectoryType)
            return Follow(Open, Body, Object);
        Current = Body;
        if (Open->Remaining.Length) {
            Open->Remaining.Buffer++;
            Open->Remaining.Length -= sizeof(WCHAR);
            if (!Open->Remaining.Length) {
                /* "\Device\" names nothing. */
                ObDereferenceObject(Current);
                return STATUS_OBJECT_NAME_INVALID;
            }
        }
    }
    *Object = Current;
    return STATUS_SUCCESS;
}

NTSTATUS ObxOpenName(OBX_OPEN *Open, PCUNICODE_STRING Name, PVOID *Object)
{
    static const UNICODE_STRING Empty = {0};
    PVOID Start = Open->Root;
    NTSTATUS Status;

    *Object = NULL;
    Status = ObxOpenReplaceName(Open, Name, &Empty);
    while (NT_SUCCESS(Status)) {
        Status = Walk(Open, Start, Object);
        if (Status != STATUS_REPARSE)
            break;
        Start = NULL; /* what a link or a reparse point gives is absolute */
        if (++Open->Reparses > OBX_REPARSE_LIMIT)
            Status = STATUS_OBJECT_NAME_INVALID;
    }
    if (NT_SUCCESS(Status) && Open->Type && ObxTypeOf(*Object) != Open->Type) {
        ObDereferenceObject(*Object);
        *Object = NULL;
        Status = STATUS_OBJECT_TYPE_MISMATCH;
    }
    free(Open->NameBuffer);
    Open->NameBuffer = NULL;
    return Status;
}

/* ---- names of objects ------------------------------------------------------------------------ */

/* Bytes of the full name of a directory entry. Called with the lock held. */
static size_t PathBytes(const OBX_NAME *Name)
{
    size_t Bytes = 0;

    for (; Name; Name = OBX_HEADER_OF(Name->Parent)->Name)
        Bytes += sizeof(WCHAR) + Name->Text.Length;
    return Bytes;
}

static NTSTATUS QueryDirectoryName(PVOID Object, POBJECT_NAME_INFORMATION Out, ULONG Length,
                                   PULONG Needed)
{
    NTSTATUS Status = STATUS_INFO_LENGTH_MISMATCH;
    bool Root = Object == RootDirectory;
    const OBX_NAME *Name;
    size_t Bytes;

    KexLockAcquire(&NameLock);
    Name = OBX_HEADER_OF(Object)->Name;
    Bytes = Root ? sizeof(WCHAR) : PathBytes(Name);
    *Needed = sizeof *Out + (ULONG)(Bytes ? Bytes + sizeof(WCHAR) : 0);
    if (Length >= *Needed) {
        char *End = (char *)(Out + 1) + Bytes;

        Status = STATUS_SUCCESS;
        Out->Name = (UNICODE_STRING){(USHORT)Bytes, Bytes ? (USHORT)(Bytes + sizeof(WCHAR)) : 0,
                                     Bytes ? (PWCH)(Out + 1) : NULL};
        if (Bytes)
            *(WCHAR *)End = 0;
        if (Root)
            Out->Name.Buffer[0] = L'\\';
        for (; Name; Name = OBX_HEADER_OF(Name->Parent)->Name) {
            End -= Name->Text.Length;
            memcpy(End, Name->Text.Buffer, Name->Text.Length);
            End -= sizeof(WCHAR);
            *(WCHAR *)End = L'\\';
        }
    }
    KexLockRelease(&NameLock);
    return Status;
}

/*
 * Full name of an object; an unnamed one has an empty name and that is success
 * (nf-ntifs-obquerynamestring). A file's name is its device's plus what the file system answers, so
 * this may send a request: PASSIVE_LEVEL, no file system locks held. STATUS_INFO_LENGTH_MISMATCH
 * with *ReturnLength set.
 */
NTSTATUS NTAPI ObQueryNameString(PVOID Object, POBJECT_NAME_INFORMATION ObjectNameInfo,
                                 ULONG Length, PULONG ReturnLength)
{
    OBX_TYPE *Type = ObxTypeOf(Object);

    if (Type->QueryName)
        return Type->QueryName(Object, ObjectNameInfo, Length, ReturnLength);
    return QueryDirectoryName(Object, ObjectNameInfo, Length, ReturnLength);
}

void ObxEnd(void)
{
    ObxDrainDeferred();
}

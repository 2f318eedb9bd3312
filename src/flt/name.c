/* SPDX-License-Identifier: MIT */
/*
 * Names of files as filters ask for them: "\Device\HarddiskVolume1\folder\file.txt:stream". Opened
 * is what the opener wrote, normalized has every short component expanded, short is the file's
 * own 8.3 name alone.
 */
#include "fltx.h"

typedef struct _FLTX_NAME {
    FLT_FILE_NAME_INFORMATION Info;
    _Atomic LONG References;
    BOOLEAN Tracked;
    FLTX_HELD Held;
    WCHAR Text[];
} FLTX_NAME;

#define FLTX_NAME_OF(info) CONTAINING_RECORD(info, FLTX_NAME, Info)
#define SEPARATOR L'\\'
enum { MOST = 0xfffe };

/* ---- building -------------------------------------------------------------------------------- */

/* Room for a path while it is put together: as long as a UNICODE_STRING can be. */
typedef struct _PATH {
    UNICODE_STRING String;
    WCHAR Text[MOST / sizeof(WCHAR)];
} PATH;

static PATH *NewPath(void)
{
    PATH *Path = ExAllocatePoolWithTag(PagedPool, sizeof(*Path), FLTX_TAG);

    if (Path) {
        Path->String.Buffer = Path->Text;
        Path->String.Length = 0;
        Path->String.MaximumLength = MOST;
    }
    return Path;
}

static void FreePath(PATH *Path)
{
    if (Path)
        ExFreePoolWithTag(Path, FLTX_TAG);
}

static WCHAR Last(PCUNICODE_STRING s)
{
    return s->Length ? s->Buffer[s->Length / sizeof(WCHAR) - 1] : 0;
}

/* Appends a component or relative path with exactly one separator in between. */
static NTSTATUS Append(PATH *Path, PCUNICODE_STRING More)
{
    if (More->Length && More->Buffer[0] != SEPARATOR && More->Buffer[0] != L':' &&
        Last(&Path->String) != SEPARATOR)
        if (!NT_SUCCESS(RtlAppendUnicodeToString(&Path->String, L"\\")))
            return STATUS_NAME_TOO_LONG;
    return NT_SUCCESS(RtlAppendUnicodeStringToString(&Path->String, More)) ? STATUS_SUCCESS
                                                                           : STATUS_NAME_TOO_LONG;
}

static FLTX_NAME *MakeName(PFLT_VOLUME Volume, PCUNICODE_STRING Path, FLT_FILE_NAME_OPTIONS Format)
{
    USHORT Prefix = Format == FLT_FILE_NAME_SHORT ? 0 : Volume->Name.Length;
    SIZE_T Length = (SIZE_T)Prefix + Path->Length;
    FLTX_NAME *Name;

    if (Length > MOST - sizeof(WCHAR))
        return NULL;
    Name = ExAllocatePoolWithTag(PagedPool, sizeof(*Name) + Length + sizeof(WCHAR), FLTX_TAG);
    if (!Name)
        return NULL;
    RtlZeroMemory(Name, sizeof(*Name));
    atomic_store(&Name->References, 1);
    RtlCopyMemory(Name->Text, Volume->Name.Buffer, Prefix);
    RtlCopyMemory((PUCHAR)Name->Text + Prefix, Path->Buffer, Path->Length);
    Name->Text[Length / sizeof(WCHAR)] = 0;
    Name->Info.Size = sizeof(Name->Info);
    Name->Info.Format = Format;
    Name->Info.Name.Buffer = Name->Text;
    Name->Info.Name.Length = (USHORT)Length;
    Name->Info.Name.MaximumLength = (USHORT)(Length + sizeof(WCHAR));
    if (Prefix) {
        Name->Info.Volume.Buffer = Name->Text;
        Name->Info.Volume.Length = Name->Info.Volume.MaximumLength = Prefix;
    }
    return Name;
}

/* Asks the file system below the instance for one of the name classes; the text goes behind Path.
 */
static NTSTATUS QueryName(PFLT_INSTANCE Instance, PFILE_OBJECT File, FILE_INFORMATION_CLASS Class,
                          PATH *Path)
{
    ULONG Room = FIELD_OFFSET(FILE_NAME_INFORMATION, FileName) + MOST;
    PFILE_NAME_INFORMATION Info = ExAllocatePoolWithTag(PagedPool, Room, FLTX_TAG);
    UNICODE_STRING Text;
    NTSTATUS Status;

    if (!Info)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = FltQueryInformationFile(Instance, File, Info, Room, Class, NULL);
    if (NT_SUCCESS(Status)) {
        Text.Buffer = Info->FileName;
        Text.Length = Text.MaximumLength = (USHORT)Info->FileNameLength;
        Status = Append(Path, &Text);
    }
    ExFreePoolWithTag(Info, FLTX_TAG);
    return Status;
}

/* The name a create asks for: the related file's, then the file object's own. */
static NTSTATUS NameOfCreate(PFLT_INSTANCE Instance, PFILE_OBJECT File, ULONG Options, PATH *Path)
{
    NTSTATUS Status = STATUS_SUCCESS;

    if (Options & FILE_OPEN_BY_FILE_ID)
        return STATUS_FLT_INVALID_NAME_REQUEST;
    if (File->RelatedFileObject && !(File->RelatedFileObject->Flags & FO_VOLUME_OPEN))
        Status = QueryName(Instance, File->RelatedFileObject, FileNameInformation, Path);
    return NT_SUCCESS(Status) ? Append(Path, &File->FileName) : Status;
}

/* ---- normalizing ----------------------------------------------------------------------------- */

static BOOLEAN MayBeShort(PCUNICODE_STRING Component)
{
    for (ULONG i = 0; i < Component->Length / sizeof(WCHAR); i++)
        if (Component->Buffer[i] == L'~')
            return Component->Length <= 12 * sizeof(WCHAR);
    return FALSE;
}

static NTSTATUS OpenFolder(PFLT_INSTANCE Instance, PCUNICODE_STRING Path, PHANDLE Handle,
                           PFILE_OBJECT *File)
{
    PATH *Full = NewPath();
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Iosb;
    UNICODE_STRING Root = RTL_CONSTANT_STRING(L"\\");
    NTSTATUS Status;

    if (!Full)
        return STATUS_INSUFFICIENT_RESOURCES;
    Append(Full, &Instance->Volume->Name);
    Status = Append(Full, Path->Length ? Path : &Root);
    InitializeObjectAttributes(&Attributes, &Full->String, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE,
                               NULL, NULL);
    if (NT_SUCCESS(Status))
        Status = FltCreateFileEx(Instance->Filter, Instance, Handle, File,
                                 FILE_LIST_DIRECTORY | SYNCHRONIZE, &Attributes, &Iosb, NULL, 0,
                                 FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_OPEN,
                                 FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0,
                                 IO_IGNORE_SHARE_ACCESS_CHECK);
    FreePath(Full);
    return Status;
}

/* Appends the long name of Component in the folder Path; the component itself when the folder has
 * no such entry. */
static NTSTATUS Expand(PFLT_INSTANCE Instance, PATH *Path, PCUNICODE_STRING Component)
{
    ULONG Room = sizeof(FILE_NAMES_INFORMATION) + 512 * sizeof(WCHAR);
    PFILE_NAMES_INFORMATION Entry = NULL;
    UNICODE_STRING Long = *Component;
    PFILE_OBJECT Folder;
    HANDLE Handle;
    NTSTATUS Status = OpenFolder(Instance, &Path->String, &Handle, &Folder);

    if (!NT_SUCCESS(Status))
        return Append(Path, Component);
    Entry = ExAllocatePoolWithTag(PagedPool, Room, FLTX_TAG);
    if (Entry &&
        NT_SUCCESS(FltQueryDirectoryFile(Instance, Folder, Entry, Room, FileNamesInformation, TRUE,
                                         (PUNICODE_STRING)Component, TRUE, NULL))) {
        Long.Buffer = Entry->FileName;
        Long.Length = Long.MaximumLength = (USHORT)Entry->FileNameLength;
    }
    ObDereferenceObject(Folder);
    FltClose(Handle);
    Status = Append(Path, &Long);
    if (Entry)
        ExFreePoolWithTag(Entry, FLTX_TAG);
    return Status;
}

/* The unnamed stream and a final separator do not belong to a normalized name. */
static void TrimEnd(PUNICODE_STRING s)
{
    static const UNICODE_STRING Data = RTL_CONSTANT_STRING(L"::$DATA");

    if (s->Length > Data.Length) {
        UNICODE_STRING Tail = {Data.Length, Data.Length,
                               s->Buffer + (s->Length - Data.Length) / sizeof(WCHAR)};

        if (RtlEqualUnicodeString(&Tail, &Data, TRUE))
            s->Length = (USHORT)(s->Length - Data.Length);
    }
    if (s->Length > sizeof(WCHAR) && Last(s) == SEPARATOR)
        s->Length -= sizeof(WCHAR);
}

static NTSTATUS Normalize(PFLT_INSTANCE Instance, PATH *Path)
{
    PATH *Done = NewPath();
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Count, i = 0;

    if (!Done)
        return STATUS_INSUFFICIENT_RESOURCES;
    TrimEnd(&Path->String);
    Count = Path->String.Length / sizeof(WCHAR);
    while (i < Count && NT_SUCCESS(Status)) {
        UNICODE_STRING Component = {0, 0, &Path->Text[i]};

        if (Path->Text[i] == SEPARATOR) {
            i++;
            continue;
        }
        while (i < Count && Path->Text[i] != SEPARATOR)
            i++, Component.Length += sizeof(WCHAR);
        Component.MaximumLength = Component.Length;
        Status =
            MayBeShort(&Component) ? Expand(Instance, Done, &Component) : Append(Done, &Component);
    }
    if (NT_SUCCESS(Status) && Done->String.Length) {
        RtlCopyMemory(Path->Text, Done->Text, Done->String.Length);
        Path->String.Length = Done->String.Length;
    }
    FreePath(Done);
    return Status;
}

/* ---- the cache: names per file object, until it closes or something on the volume is renamed - */

enum { BUCKETS = 128 };
typedef struct _CACHED {
    struct _CACHED *Next;
    PFILE_OBJECT File;
    FLT_FILE_NAME_OPTIONS Format;
    FLTX_NAME *Name;
} CACHED;

static CACHED *Cache[BUCKETS];
static KEX_LOCK CacheLock = KEX_LOCK_INIT(KEX_RANK_FLT + 3, "flt names");

static CACHED **Bucket(PFILE_OBJECT File)
{
    return &Cache[((ULONG_PTR)File >> 6) % BUCKETS];
}

static void DropName(FLTX_NAME *Name)
{
    if (atomic_fetch_sub(&Name->References, 1) == 1) {
        if (Name->Tracked)
            FltxUntrackHeld(&Name->Held);
        ExFreePoolWithTag(Name, FLTX_TAG);
    }
}

static FLTX_NAME *LookUp(PFILE_OBJECT File, FLT_FILE_NAME_OPTIONS Format)
{
    FLTX_NAME *Name = NULL;

    KexLockAcquire(&CacheLock);
    for (CACHED *At = *Bucket(File); At && !Name; At = At->Next)
        if (At->File == File && At->Format == Format)
            Name = At->Name;
    if (Name)
        atomic_fetch_add(&Name->References, 1);
    KexLockRelease(&CacheLock);
    return Name;
}

static void Remember(PFLT_VOLUME Volume, PFILE_OBJECT File, FLT_FILE_NAME_OPTIONS Format,
                     PCUNICODE_STRING Path)
{
    CACHED *New = ExAllocatePoolWithTag(NonPagedPool, sizeof(*New), FLTX_TAG);
    BOOLEAN Known = FALSE;

    if (!New)
        return;
    New->File = File;
    New->Format = Format;
    New->Name = MakeName(Volume, Path, Format);
    KexLockAcquire(&CacheLock);
    for (CACHED *At = *Bucket(File); At; At = At->Next)
        Known |= At->File == File && At->Format == Format;
    if (New->Name && !Known) {
        New->Next = *Bucket(File);
        *Bucket(File) = New;
        atomic_fetch_add(&Volume->HandleContexts, 1);
    }
    KexLockRelease(&CacheLock);
    if (!New->Name || Known) {
        if (New->Name)
            DropName(New->Name);
        ExFreePoolWithTag(New, FLTX_TAG);
    }
}

static void Forget(PFLT_VOLUME Volume, PFILE_OBJECT File, CACHED **Head)
{
    CACHED *Gone = NULL, **At;

    KexLockAcquire(&CacheLock);
    for (At = Head; *At;) {
        CACHED *c = *At;

        if (File ? c->File != File
                 : c->Name->Info.Volume.Length &&
                       !RtlEqualUnicodeString(&c->Name->Info.Volume, &Volume->Name, FALSE)) {
            At = &c->Next;
            continue;
        }
        *At = c->Next;
        c->Next = Gone;
        Gone = c;
    }
    KexLockRelease(&CacheLock);
    while (Gone) {
        CACHED *Next = Gone->Next;

        atomic_fetch_sub(&Volume->HandleContexts, 1);
        DropName(Gone->Name);
        ExFreePoolWithTag(Gone, FLTX_TAG);
        Gone = Next;
    }
}

void FltxForgetNames(PFLT_VOLUME Volume, PFILE_OBJECT FileObject)
{
    Forget(Volume, FileObject, Bucket(FileObject));
}

void FltxNamesChanged(PFLT_VOLUME Volume)
{
    for (ULONG i = 0; i < BUCKETS; i++)
        if (Cache[i])
            Forget(Volume, NULL, &Cache[i]);
}

/* ---- asking ---------------------------------------------------------------------------------- */

typedef struct _ASK {
    PFLT_INSTANCE Instance;
    PFILE_OBJECT File;
    FLT_FILE_NAME_OPTIONS Format, Method, Flags;
    BOOLEAN Open;   /* the file system knows the file object */
    BOOLEAN Unsafe; /* no request to the file system now */
    ULONG CreateOptions;
    const void *Caller;
} ASK;

static NTSTATUS Decode(FLT_FILE_NAME_OPTIONS Options, ASK *Ask)
{
    Ask->Format = Options & FLT_VALID_FILE_NAME_FORMATS;
    Ask->Method = Options & FLT_VALID_FILE_NAME_QUERY_METHODS;
    Ask->Flags = Options & FLT_VALID_FILE_NAME_FLAGS;
    if (Ask->Format < FLT_FILE_NAME_NORMALIZED || Ask->Format > FLT_FILE_NAME_SHORT ||
        Ask->Method < FLT_FILE_NAME_QUERY_DEFAULT ||
        Ask->Method > FLT_FILE_NAME_QUERY_ALWAYS_ALLOW_CACHE_LOOKUP) {
        KexFinding("NAM-004", "verifier", Ask->Caller,
                   "name options 0x%x hold no single format and query method", (unsigned)Options);
        return STATUS_INVALID_PARAMETER;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS BuildPath(ASK *Ask, PATH *Path)
{
    NTSTATUS Status;

    if (Ask->File->Flags & FO_VOLUME_OPEN)
        return STATUS_SUCCESS; /* the volume itself: no path */
    if (Ask->Format == FLT_FILE_NAME_SHORT) {
        if (!Ask->Open)
            return STATUS_FLT_INVALID_NAME_REQUEST;
        Status = QueryName(Ask->Instance, Ask->File, FileAlternateNameInformation, Path);
        if (NT_SUCCESS(Status) && Path->Text[0] == SEPARATOR) {
            Path->String.Length -= sizeof(WCHAR);
            RtlMoveMemory(Path->Text, Path->Text + 1, Path->String.Length);
        }
        return Status;
    }
    if (!Ask->Open)
        Status = NameOfCreate(Ask->Instance, Ask->File, Ask->CreateOptions, Path);
    else
        Status = QueryName(Ask->Instance, Ask->File, FileNameInformation, Path);
    if (NT_SUCCESS(Status) && Ask->Format == FLT_FILE_NAME_NORMALIZED)
        Status = Normalize(Ask->Instance, Path);
    return Status;
}

static NTSTATUS GiveOut(FLTX_NAME *Name, ASK *Ask, PFLT_FILE_NAME_INFORMATION *Out)
{
    if (!Name)
        return STATUS_INSUFFICIENT_RESOURCES;
    FltxTrackHeld(&Name->Held, "file name information", &Name->Info, Ask->Instance->Filter,
                  Ask->Caller, Name->Info.Name.Length, 0);
    Name->Tracked = TRUE;
    *Out = &Name->Info;
    return STATUS_SUCCESS;
}

static NTSTATUS Answer(ASK *Ask, PFLT_FILE_NAME_INFORMATION *Out)
{
    PFLT_VOLUME Volume = Ask->Instance->Volume;
    FLTX_NAME *Cached = NULL;
    NTSTATUS Status;
    PATH *Path;

    if (Ask->Method != FLT_FILE_NAME_QUERY_FILESYSTEM_ONLY && Ask->Open)
        Cached = LookUp(Ask->File, Ask->Format);
    if (Cached) {
        /* Each holder gets a copy of its own, so that parsing one does not change another and leaks
         * have an owner. */
        UNICODE_STRING Text = Cached->Info.Name;

        Text.Buffer += Cached->Info.Volume.Length / sizeof(WCHAR);
        Text.Length = (USHORT)(Text.Length - Cached->Info.Volume.Length);
        Status = GiveOut(MakeName(Volume, &Text, Ask->Format), Ask, Out);
        DropName(Cached);
        return Status;
    }
    if (Ask->Method == FLT_FILE_NAME_QUERY_CACHE_ONLY)
        return STATUS_FLT_NAME_CACHE_MISS;
    if (Ask->Unsafe)
        return STATUS_FLT_INVALID_NAME_REQUEST;
    Path = NewPath();
    if (!Path)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = BuildPath(Ask, Path);
    if (NT_SUCCESS(Status)) {
        Status = GiveOut(MakeName(Volume, &Path->String, Ask->Format), Ask, Out);
        if (NT_SUCCESS(Status) && Ask->Open && !(Ask->Flags & FLT_FILE_NAME_DO_NOT_CACHE))
            Remember(Volume, Ask->File, Ask->Format, &Path->String);
    }
    FreePath(Path);
    return Status;
}

static BOOLEAN CreateIsOpen(PFLT_CALLBACK_DATA Data)
{
    if (Data->Iopb->MajorFunction != IRP_MJ_CREATE)
        return TRUE;
    return (Data->Flags & FLTFL_CALLBACK_DATA_POST_OPERATION) &&
           NT_SUCCESS(Data->IoStatus.Status) && Data->IoStatus.Status != STATUS_REPARSE;
}

/*
 * The name of the operation's file. IRQL: <= APC_LEVEL. Released by FltReleaseFileNameInformation;
 * not to be changed. STATUS_FLT_INVALID_NAME_REQUEST where the file system cannot be asked (paging
 * I/O, a top-level IRP, a short name before the create, after cleanup by file id),
 * STATUS_FLT_NAME_CACHE_MISS, STATUS_INVALID_PARAMETER, or the file system's status
 * (nf-fltkernel-fltgetfilenameinformation).
 */
NTSTATUS NTAPI FltGetFileNameInformation(PFLT_CALLBACK_DATA CallbackData,
                                         FLT_FILE_NAME_OPTIONS NameOptions,
                                         PFLT_FILE_NAME_INFORMATION *FileNameInformation)
{
    PFLT_IO_PARAMETER_BLOCK Iopb = CallbackData->Iopb;
    ASK Ask = {.Instance = Iopb->TargetInstance,
               .File = Iopb->TargetFileObject,
               .Caller = __builtin_return_address(0)};
    NTSTATUS Status = Decode(NameOptions, &Ask);

    *FileNameInformation = NULL;
    if (!NT_SUCCESS(Status))
        return Status;
    if (!Ask.File || !Ask.Instance)
        return STATUS_INVALID_PARAMETER;
    Ask.Open = CreateIsOpen(CallbackData);
    Ask.CreateOptions = Iopb->MajorFunction == IRP_MJ_CREATE ? Iopb->Parameters.Create.Options : 0;
    Ask.Unsafe = (Iopb->IrpFlags & IRP_PAGING_IO) || KexGetTopLevelIrp() != NULL ||
                 KeGetCurrentIrql() > APC_LEVEL || Iopb->MajorFunction == IRP_MJ_CLOSE;
    return Answer(&Ask, FileNameInformation);
}

/*
 * The name of an open file outside an operation on it. IRQL: <= APC_LEVEL; the caller answers for
 * it being safe to ask (nf-fltkernel-fltgetfilenameinformationunsafe).
 */
NTSTATUS NTAPI FltGetFileNameInformationUnsafe(PFILE_OBJECT FileObject, PFLT_INSTANCE Instance,
                                               FLT_FILE_NAME_OPTIONS NameOptions,
                                               PFLT_FILE_NAME_INFORMATION *FileNameInformation)
{
    ASK Ask = {.Instance = Instance,
               .File = FileObject,
               .Open = TRUE,
               .Caller = __builtin_return_address(0)};
    NTSTATUS Status = Decode(NameOptions, &Ask);

    *FileNameInformation = NULL;
    if (!NT_SUCCESS(Status))
        return Status;
    if (!Instance) {
        FLTX_FINDING("NAM-009", "FltGetFileNameInformationUnsafe without an instance");
        return STATUS_INVALID_PARAMETER;
    }
    return Answer(&Ask, FileNameInformation);
}

/* ---- where a rename or link goes ------------------------------------------------------------- */

/* "\??\C:\x" and "\Device\HarddiskVolume1\x" become "\x". */
static void StripVolume(PFLT_VOLUME Volume, PUNICODE_STRING Name)
{
    static const UNICODE_STRING Dos = RTL_CONSTANT_STRING(L"\\??\\");
    USHORT Cut = 0;

    if (RtlPrefixUnicodeString(&Volume->Name, Name, TRUE)) {
        Cut = Volume->Name.Length;
    } else if (Volume->GuidName.Length && RtlPrefixUnicodeString(&Volume->GuidName, Name, TRUE)) {
        Cut = Volume->GuidName.Length;
    } else if (RtlPrefixUnicodeString(&Dos, Name, TRUE)) {
        Cut = Dos.Length;
        while (Cut < Name->Length && Name->Buffer[Cut / sizeof(WCHAR)] != SEPARATOR)
            Cut += sizeof(WCHAR);
    }
    Name->Buffer += Cut / sizeof(WCHAR);
    Name->Length = (USHORT)(Name->Length - Cut);
}

static NTSTATUS TargetPath(PFLT_INSTANCE Instance, PFILE_OBJECT File, HANDLE RootDirectory,
                           UNICODE_STRING Name, PATH *Path)
{
    PFILE_OBJECT Folder;
    NTSTATUS Status;

    if (RootDirectory) {
        Status = ObReferenceObjectByHandle(RootDirectory, 0, IoFileObjectType, KernelMode,
                                           (PVOID *)&Folder, NULL);
        if (!NT_SUCCESS(Status))
            return Status;
        Status = QueryName(Instance, Folder, FileNameInformation, Path);
        ObDereferenceObject(Folder);
    } else if (Name.Length && Name.Buffer[0] == SEPARATOR) {
        StripVolume(Instance->Volume, &Name);
        Status = STATUS_SUCCESS;
    } else {
        Status = QueryName(Instance, File, FileNameInformation, Path);
        /* A stream rename (":name") stays with the file; else the name replaces the final
         * component. */
        if (!Name.Length || Name.Buffer[0] != L':')
            while (Path->String.Length > sizeof(WCHAR) && Last(&Path->String) != SEPARATOR)
                Path->String.Length -= sizeof(WCHAR);
    }
    return NT_SUCCESS(Status) ? Append(Path, &Name) : Status;
}

/*
 * The full name a rename or hard link will have. IRQL: <= APC_LEVEL. Arguments as in the
 * operation's buffer (nf-fltkernel-fltgetdestinationfilenameinformation).
 */
NTSTATUS NTAPI FltGetDestinationFileNameInformation(
    PFLT_INSTANCE Instance, PFILE_OBJECT FileObject, HANDLE RootDirectory, PWSTR FileName,
    ULONG FileNameLength, FLT_FILE_NAME_OPTIONS NameOptions,
    PFLT_FILE_NAME_INFORMATION *RetFileNameInformation)
{
    ASK Ask = {.Instance = Instance, .File = FileObject, .Caller = __builtin_return_address(0)};
    UNICODE_STRING Name = {(USHORT)FileNameLength, (USHORT)FileNameLength, FileName};
    NTSTATUS Status = Decode(NameOptions, &Ask);
    PATH *Path;

    *RetFileNameInformation = NULL;
    if (!NT_SUCCESS(Status))
        return Status;
    if (Ask.Format == FLT_FILE_NAME_SHORT || FileNameLength > MOST)
        return STATUS_INVALID_PARAMETER;
    Path = NewPath();
    if (!Path)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = TargetPath(Instance, FileObject, RootDirectory, Name, Path);
    if (NT_SUCCESS(Status) && Ask.Format == FLT_FILE_NAME_NORMALIZED)
        Status = Normalize(Instance, Path);
    if (NT_SUCCESS(Status))
        Status = GiveOut(MakeName(Instance->Volume, &Path->String, Ask.Format), &Ask,
                         RetFileNameInformation);
    FreePath(Path);
    return Status;
}

/*
 * After a create, rename or link: the name when name tunnelling changed it since the pre-operation,
 * else NULL and success. IRQL: <= APC_LEVEL (nf-fltkernel-fltgettunneledname).
 */
NTSTATUS NTAPI FltGetTunneledName(PFLT_CALLBACK_DATA CallbackData,
                                  PFLT_FILE_NAME_INFORMATION FileNameInformation,
                                  PFLT_FILE_NAME_INFORMATION *RetTunneledFileNameInformation)
{
    PFLT_FILE_NAME_INFORMATION Now;
    NTSTATUS Status;

    *RetTunneledFileNameInformation = NULL;
    if (FileNameInformation->Format != FLT_FILE_NAME_NORMALIZED ||
        CallbackData->Iopb->MajorFunction != IRP_MJ_CREATE)
        return STATUS_SUCCESS;
    Status = FltGetFileNameInformation(
        CallbackData, FLT_FILE_NAME_NORMALIZED | FLT_FILE_NAME_QUERY_FILESYSTEM_ONLY, &Now);
    if (!NT_SUCCESS(Status))
        return Status;
    if (RtlEqualUnicodeString(&Now->Name, &FileNameInformation->Name, TRUE))
        FltReleaseFileNameInformation(Now);
    else
        *RetTunneledFileNameInformation = Now;
    return STATUS_SUCCESS;
}

/* One more reference. IRQL: <= APC_LEVEL (nf-fltkernel-fltreferencefilenameinformation). */
VOID NTAPI FltReferenceFileNameInformation(PFLT_FILE_NAME_INFORMATION FileNameInformation)
{
    atomic_fetch_add(&FLTX_NAME_OF(FileNameInformation)->References, 1);
}

/* One reference less. IRQL: <= APC_LEVEL (nf-fltkernel-fltreleasefilenameinformation). */
VOID NTAPI FltReleaseFileNameInformation(PFLT_FILE_NAME_INFORMATION FileNameInformation)
{
    FLTX_NAME *Name = FLTX_NAME_OF(FileNameInformation);

    if (!Name->Tracked || atomic_load(&Name->References) <= 0) {
        FLTX_FINDING("NAM-002", "FltReleaseFileNameInformation of %p, which holds no reference",
                     (void *)FileNameInformation);
        return;
    }
    DropName(Name);
}

/* Drops what is cached about names: of one file object, or of the instance's volume. IRQL: <=
 * APC_LEVEL. */
NTSTATUS NTAPI FltPurgeFileNameInformationCache(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject)
{
    if (FileObject)
        FltxForgetNames(Instance->Volume, FileObject);
    else
        FltxNamesChanged(Instance->Volume);
    return STATUS_SUCCESS;
}

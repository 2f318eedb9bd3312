/* SPDX-License-Identifier: MIT */
/*
 * values.c - the table form of registry reads and the small routines beside it, all on top of the
 * Zw calls, so that callbacks see them. PASSIVE_LEVEL.
 */
#include "cm/cm.h"

#include <string.h>

#define TAG 'vRmC'

/* ---- where a call points -------------------------------------------------------------------- */

static PCWSTR BaseOf(ULONG RelativeTo)
{
    switch (RelativeTo) {
    case RTL_REGISTRY_SERVICES:
        return L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\";
    case RTL_REGISTRY_CONTROL:
        return L"\\Registry\\Machine\\System\\CurrentControlSet\\Control\\";
    case RTL_REGISTRY_WINDOWS_NT:
        return L"\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion\\";
    case RTL_REGISTRY_DEVICEMAP:
        return L"\\Registry\\Machine\\Hardware\\DeviceMap\\";
    case RTL_REGISTRY_USER:
        return L"\\Registry\\User\\.Default\\";
    default:
        return NULL;
    }
}

static NTSTATUS OpenBelow(HANDLE Root, PUNICODE_STRING Name, bool Create, ACCESS_MASK Access,
                          PHANDLE Key)
{
    OBJECT_ATTRIBUTES a;

    InitializeObjectAttributes(&a, Name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, Root, NULL);
    return Create ? ZwCreateKey(Key, Access, &a, 0, NULL, REG_OPTION_NON_VOLATILE, NULL)
                  : ZwOpenKey(Key, Access, &a);
}

/*
 * A handle to the key that RelativeTo and Path name. *Own tells that it is ours to close. Create
 * makes the last component.
 */
static NTSTATUS OpenTarget(ULONG RelativeTo, PCWSTR Path, bool Create, ACCESS_MASK Access,
                           PHANDLE Key, bool *Own)
{
    PCWSTR Base = BaseOf(RelativeTo & 0xff);
    UNICODE_STRING Prefix, Rest, Full;
    NTSTATUS Status;

    *Own = false;
    if (RelativeTo & RTL_REGISTRY_HANDLE) {
        *Key = (HANDLE)(uintptr_t)Path;
        return STATUS_SUCCESS;
    }
    if ((RelativeTo & 0xff) >= RTL_REGISTRY_MAXIMUM || (!Base && !Path))
        return STATUS_INVALID_PARAMETER;
    RtlInitUnicodeString(&Prefix, Base);
    RtlInitUnicodeString(&Rest, Path);
    if (Prefix.Length + Rest.Length > 0xfffc)
        return STATUS_NAME_TOO_LONG;
    Full = (UNICODE_STRING){0, (USHORT)(Prefix.Length + Rest.Length + sizeof(WCHAR)), NULL};
    Full.Buffer = ExAllocatePoolWithTag(PagedPool, Full.MaximumLength, TAG);
    if (!Full.Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (Prefix.Length)
        RtlAppendUnicodeStringToString(&Full, &Prefix);
    if (Rest.Length)
        RtlAppendUnicodeStringToString(&Full, &Rest);
    Status = OpenBelow(NULL, &Full, Create, Access, Key);
    ExFreePoolWithTag(Full.Buffer, TAG);
    *Own = NT_SUCCESS(Status);
    return Status;
}

/* STATUS_SUCCESS when the key is there. nf-wdm-rtlcheckregistrykey */
NTSTATUS NTAPI RtlCheckRegistryKey(ULONG RelativeTo, PWSTR Path)
{
    HANDLE Key;
    bool Own;
    NTSTATUS Status = OpenTarget(RelativeTo, Path, false, KEY_QUERY_VALUE, &Key, &Own);

    /* A handle given instead of a path is closed, an oddity that the documentation warns of. */
    if (NT_SUCCESS(Status))
        ZwClose(Key);
    return Status;
}

/* Makes the last key of a path; one that exists is success. nf-wdm-rtlcreateregistrykey */
NTSTATUS NTAPI RtlCreateRegistryKey(ULONG RelativeTo, PWSTR Path)
{
    HANDLE Key;
    bool Own;
    NTSTATUS Status = OpenTarget(RelativeTo, Path, true, KEY_SET_VALUE, &Key, &Own);

    if (NT_SUCCESS(Status))
        ZwClose(Key);
    return Status;
}

/* Sets a value in a key that is made when it is missing. nf-wdm-rtlwriteregistryvalue */
NTSTATUS NTAPI RtlWriteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName,
                                     ULONG ValueType, PVOID ValueData, ULONG ValueLength)
{
    UNICODE_STRING Name;
    HANDLE Key;
    bool Own;
    NTSTATUS Status = OpenTarget(RelativeTo, Path, true, KEY_SET_VALUE, &Key, &Own);

    if (!NT_SUCCESS(Status))
        return Status;
    RtlInitUnicodeString(&Name, ValueName);
    Status = ZwSetValueKey(Key, &Name, 0, ValueType, ValueData, ValueLength);
    if (Own)
        ZwClose(Key);
    return Status;
}

/* STATUS_OBJECT_NAME_NOT_FOUND for a missing key or value. nf-wdm-rtldeleteregistryvalue */
NTSTATUS NTAPI RtlDeleteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName)
{
    UNICODE_STRING Name;
    HANDLE Key;
    bool Own;
    NTSTATUS Status = OpenTarget(RelativeTo, Path, false, KEY_SET_VALUE, &Key, &Own);

    if (!NT_SUCCESS(Status))
        return Status;
    RtlInitUnicodeString(&Name, ValueName);
    Status = ZwDeleteValueKey(Key, &Name);
    if (Own)
        ZwClose(Key);
    return Status;
}

/* ---- one value ------------------------------------------------------------------------------ */

/* One run over a query table. */
typedef struct _QUERY {
    HANDLE Base, Key;
    PVOID Context, Environment;
    const void *Caller;
} QUERY;

/* A value as it goes to an entry. Name and text end in zeros that Length does not count. */
typedef struct _VALUE {
    PWSTR Name;
    ULONG Type, Length;
    const void *Data;
} VALUE;

static bool IsString(ULONG Type)
{
    return Type == REG_SZ || Type == REG_EXPAND_SZ || Type == REG_MULTI_SZ;
}

/* Only what a system hive holds may be stored without asking for its type
 * (nf-wdm-rtlqueryregistryvalues). */
static bool TrustedHive(HANDLE Key)
{
    static const PCWSTR Hives[] = {L"HARDWARE", L"SOFTWARE", L"SYSTEM", L"SECURITY", L"SAM"};
    const WCHAR Machine[] = L"\\REGISTRY\\MACHINE\\";
    const size_t Skip = sizeof Machine / sizeof(WCHAR) - 1;
    struct {
        KEY_NAME_INFORMATION Head;
        WCHAR More[512];
    } i;
    UNICODE_STRING Path, Start, Hive;
    ULONG Length;

    if (!NT_SUCCESS(ZwQueryKey(Key, KeyNameInformation, &i, sizeof i, &Length)))
        return true; /* too long to judge, so not judged */
    Path = (UNICODE_STRING){(USHORT)i.Head.NameLength, (USHORT)i.Head.NameLength, i.Head.Name};
    RtlInitUnicodeString(&Start, Machine);
    if (!RtlPrefixUnicodeString(&Start, &Path, TRUE))
        return false;
    Path.Buffer += Skip;
    Path.Length -= (USHORT)(Skip * sizeof(WCHAR));
    for (size_t n = 0; n < sizeof Hives / sizeof Hives[0]; n++) {
        RtlInitUnicodeString(&Hive, Hives[n]);
        if (RtlPrefixUnicodeString(&Hive, &Path, TRUE) &&
            (Path.Length == Hive.Length || Path.Buffer[Hive.Length / sizeof(WCHAR)] == '\\'))
            return true;
    }
    return false;
}

/* Into a UNICODE_STRING: the caller's buffer, or one from pool when it has none. */
static NTSTATUS StoreString(const VALUE *v, PUNICODE_STRING To)
{
    const WCHAR *Text = v->Data;
    ULONG Length = v->Length & ~1u;
    bool Ended = Length && !Text[Length / sizeof(WCHAR) - 1];
    ULONG Room = Ended ? Length : Length + (ULONG)sizeof(WCHAR);

    if (Room > 0xffff)
        return STATUS_BUFFER_OVERFLOW;
    if (!To->Buffer) {
        To->Buffer = ExAllocatePoolWithTag(PagedPool, Room, 'sUlR');
        if (!To->Buffer)
            return STATUS_NO_MEMORY;
        To->MaximumLength = (USHORT)Room;
    } else if (Room > To->MaximumLength) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    memcpy(To->Buffer, Text, Length);
    To->Buffer[Room / sizeof(WCHAR) - 1] = 0;
    To->Length = (USHORT)(Room - sizeof(WCHAR));
    return STATUS_SUCCESS;
}

/*
 * Into plain memory. Up to four bytes go there as they are. More need a buffer that starts with its
 * size: negative for the data alone, positive for length, type and data.
 */
static NTSTATUS StoreBytes(const VALUE *v, void *To)
{
    struct {
        ULONG Length, Type;
    } Head = {v->Length, v->Type};
    LONG Size;

    if (v->Length <= sizeof(ULONG)) {
        memcpy(To, v->Data, v->Length);
        return STATUS_SUCCESS;
    }
    memcpy(&Size, To, sizeof Size);
    if (Size < 0) {
        if ((ULONG) - (LONGLONG)Size < v->Length)
            return STATUS_BUFFER_TOO_SMALL;
        memcpy(To, v->Data, v->Length);
        return STATUS_SUCCESS;
    }
    if ((ULONG)Size < sizeof Head + v->Length)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(To, &Head, sizeof Head);
    memcpy((UCHAR *)To + sizeof Head, v->Data, v->Length);
    return STATUS_SUCCESS;
}

static NTSTATUS Store(const QUERY *q, const RTL_QUERY_REGISTRY_TABLE *Entry, const VALUE *v,
                      bool Stored)
{
    if (Stored && (Entry->Flags & RTL_QUERY_REGISTRY_TYPECHECK)) {
        if (Entry->DefaultType >> RTL_QUERY_REGISTRY_TYPECHECK_SHIFT != v->Type)
            return STATUS_OBJECT_TYPE_MISMATCH;
    } else if (Stored && KexBuild >= 9200 && !TrustedHive(q->Key)) {
        static const ULONG_PTR Parameter[4] = {9};
        KexBugCheck(0x139, Parameter, q->Caller,
                    "RtlQueryRegistryValues with RTL_QUERY_REGISTRY_DIRECT and without "
                    "RTL_QUERY_REGISTRY_TYPECHECK on a value outside the system hives");
    }
    return IsString(v->Type) ? StoreString(v, Entry->EntryContext)
                             : StoreBytes(v, Entry->EntryContext);
}

/* A routine that finds its buffer too small stops nothing (nf-wdm-rtlqueryregistryvalues). */
static NTSTATUS CallRoutine(const QUERY *q, const RTL_QUERY_REGISTRY_TABLE *Entry, const VALUE *v)
{
    NTSTATUS Status = Entry->QueryRoutine(v->Name, v->Type, (PVOID)(uintptr_t)v->Data, v->Length,
                                          q->Context, Entry->EntryContext);

    return Status == STATUS_BUFFER_TOO_SMALL ? STATUS_SUCCESS : Status;
}

/* Each string of a REG_MULTI_SZ is one call with a REG_SZ. */
static NTSTATUS EachString(const QUERY *q, const RTL_QUERY_REGISTRY_TABLE *Entry, const VALUE *v)
{
    const WCHAR *At = v->Data, *End = At + v->Length / sizeof(WCHAR);
    NTSTATUS Status = STATUS_SUCCESS;

    while (NT_SUCCESS(Status) && At < End && *At) {
        const WCHAR *Next = At;
        VALUE One = {.Name = v->Name, .Type = REG_SZ, .Data = At};
        while (Next < End && *Next)
            Next++;
        Next++; /* behind the end there is a zero of ours */
        One.Length = (ULONG)((const UCHAR *)Next - (const UCHAR *)At);
        Status = CallRoutine(q, Entry, &One);
        At = Next;
    }
    return Status;
}

/* ---- environment variables ------------------------------------------------------------------- */

/* NAME=VALUE strings of the machine itself, ended by an empty one. */
static const WCHAR SystemEnvironment[] =
    L"SystemRoot=C:\\Windows\0SystemDrive=C:\0windir=C:\\Windows\0"
    L"ProgramFiles=C:\\Program Files\0ProgramData=C:\\ProgramData\0";

static bool Variable(const WCHAR *Block, const WCHAR *Name, size_t Units, UNICODE_STRING *Found)
{
    while (*Block) {
        size_t n = 0, All = 0;
        while (Block[All])
            All++;
        while (n < All && Block[n] != '=')
            n++;
        if (n == Units && !RtlCompareUnicodeStrings(Block, n, Name, Units, TRUE)) {
            *Found = (UNICODE_STRING){(USHORT)((All - n - 1) * sizeof(WCHAR)), 0,
                                      (PWSTR)(uintptr_t)(Block + n + 1)};
            return true;
        }
        Block += All + 1;
    }
    return false;
}

/* Replaces %NAME% where NAME is known. Units needed; written as far as Room reaches. */
static size_t Expand(const WCHAR *Text, size_t Units, const WCHAR *Block, WCHAR *Out, size_t Room)
{
    size_t n = 0;

    for (size_t i = 0; i < Units;) {
        UNICODE_STRING Part = {sizeof(WCHAR), 0, (PWSTR)(uintptr_t)(Text + i)};
        size_t End = i + 1;
        if (Text[i] == '%') {
            while (End < Units && Text[End] != '%')
                End++;
            if (End < Units && Variable(Block, Text + i + 1, End - i - 1, &Part))
                i = End;
        }
        for (size_t k = 0; k < Part.Length / sizeof(WCHAR); k++, n++)
            if (n < Room)
                Out[n] = Part.Buffer[k];
        i++;
    }
    return n;
}

static NTSTATUS ExpandValue(const QUERY *q, const VALUE *v, VALUE *Out)
{
    const WCHAR *Block = q->Environment ? q->Environment : SystemEnvironment;
    size_t Units = v->Length / sizeof(WCHAR), Needed = Expand(v->Data, Units, Block, NULL, 0);
    WCHAR *Text = ExAllocatePoolWithTag(PagedPool, (Needed + 2) * sizeof(WCHAR), TAG);

    if (!Text)
        return STATUS_NO_MEMORY;
    Expand(v->Data, Units, Block, Text, Needed);
    Text[Needed] = Text[Needed + 1] = 0;
    *Out = (VALUE){v->Name, REG_SZ, (ULONG)(Needed * sizeof(WCHAR)), Text};
    return STATUS_SUCCESS;
}

/* ---- entries -------------------------------------------------------------------------------- */

/* Gives one value to an entry. Stored: it is in the registry, and no default. */
static NTSTATUS Deliver(const QUERY *q, const RTL_QUERY_REGISTRY_TABLE *Entry, const VALUE *v,
                        bool Stored)
{
    bool Raw = (Entry->Flags & RTL_QUERY_REGISTRY_NOEXPAND) != 0,
         Direct = Entry->Flags & RTL_QUERY_REGISTRY_DIRECT;
    VALUE Expanded;
    NTSTATUS Status;

    if (v->Type == REG_MULTI_SZ && !Raw)
        return Direct ? STATUS_INVALID_PARAMETER : EachString(q, Entry, v);
    if (v->Type != REG_EXPAND_SZ || Raw ||
        (Direct && (Entry->Flags & RTL_QUERY_REGISTRY_TYPECHECK) &&
         Entry->DefaultType >> RTL_QUERY_REGISTRY_TYPECHECK_SHIFT != REG_EXPAND_SZ))
        return Direct ? Store(q, Entry, v, Stored) : CallRoutine(q, Entry, v);
    Status = ExpandValue(q, v, &Expanded);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Direct)
        Status = StoreString(&Expanded, Entry->EntryContext);
    else
        Status = CallRoutine(q, Entry, &Expanded);
    ExFreePoolWithTag((PVOID)(uintptr_t)Expanded.Data, TAG);
    return Status;
}

/* A value from the registry: by name, or number Index. In pool, with zeros behind name and data. */
typedef struct _LOADED {
    KEY_VALUE_FULL_INFORMATION *Block;
    VALUE Value;
} LOADED;

static NTSTATUS Load(HANDLE Key, PCWSTR Name, ULONG Index, LOADED *Out)
{
    const ULONG Zeros = 2 * sizeof(WCHAR);
    KEY_VALUE_FULL_INFORMATION *i = NULL;
    ULONG Size = 256, Needed;
    UNICODE_STRING Wanted;
    NTSTATUS Status;

    RtlInitUnicodeString(&Wanted, Name);
    for (;;) {
        i = ExAllocatePoolWithTag(PagedPool, Size + Zeros, TAG);
        if (!i)
            return STATUS_NO_MEMORY;
        Status = Name ? ZwQueryValueKey(Key, &Wanted, KeyValueFullInformation, i, Size, &Needed)
                      : ZwEnumerateValueKey(Key, Index, KeyValueFullInformation, i, Size, &Needed);
        if (Status == STATUS_SUCCESS)
            break;
        ExFreePoolWithTag(i, TAG);
        if (Status != STATUS_BUFFER_OVERFLOW && Status != STATUS_BUFFER_TOO_SMALL)
            return Status;
        Size = Needed;
    }
    memset((UCHAR *)i + i->DataOffset + i->DataLength, 0, Zeros);
    Out->Block = i;
    Out->Value = (VALUE){NULL, i->Type, i->DataLength, (UCHAR *)i + i->DataOffset};
    return STATUS_SUCCESS;
}

/* What an entry says in place of a missing value. */
static NTSTATUS DeliverDefault(const QUERY *q, const RTL_QUERY_REGISTRY_TABLE *Entry)
{
    VALUE v = {Entry->Name, Entry->DefaultType & 0xff, Entry->DefaultLength, Entry->DefaultData};
    const WCHAR *Text = Entry->DefaultData;
    size_t n = 0;

    if (Entry->Flags & RTL_QUERY_REGISTRY_REQUIRED)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (v.Type == REG_NONE)
        return STATUS_SUCCESS;
    if (IsString(v.Type) && !v.Length && Text) {
        while (Text[n] || (v.Type == REG_MULTI_SZ && n && Text[n - 1]))
            n++;
        v.Length = (ULONG)((n + 1) * sizeof(WCHAR));
    }
    return Deliver(q, Entry, &v, false);
}

static NTSTATUS QueryNamed(const QUERY *q, const RTL_QUERY_REGISTRY_TABLE *Entry)
{
    UNICODE_STRING Name;
    LOADED Loaded;
    NTSTATUS Status = Load(q->Key, Entry->Name, 0, &Loaded);

    if (Status == STATUS_OBJECT_NAME_NOT_FOUND)
        return DeliverDefault(q, Entry);
    if (!NT_SUCCESS(Status))
        return Status;
    Loaded.Value.Name = Entry->Name;
    Status = Deliver(q, Entry, &Loaded.Value, true);
    if (NT_SUCCESS(Status) && (Entry->Flags & RTL_QUERY_REGISTRY_DELETE)) {
        RtlInitUnicodeString(&Name, Entry->Name);
        ZwDeleteValueKey(q->Key, &Name);
    }
    ExFreePoolWithTag(Loaded.Block, TAG);
    return Status;
}

/* One of an enumeration; its name gets a zero of its own. */
static NTSTATUS QueryOne(const QUERY *q, const RTL_QUERY_REGISTRY_TABLE *Entry, LOADED *Loaded)
{
    ULONG Length = Loaded->Block->NameLength;
    UNICODE_STRING Name = {(USHORT)Length, (USHORT)(Length + sizeof(WCHAR)), NULL};
    NTSTATUS Status;

    Name.Buffer = ExAllocatePoolWithTag(PagedPool, Name.MaximumLength, TAG);
    if (!Name.Buffer)
        return STATUS_NO_MEMORY;
    memcpy(Name.Buffer, Loaded->Block->Name, Length);
    Name.Buffer[Length / sizeof(WCHAR)] = 0;
    Loaded->Value.Name = Name.Buffer;
    Status = Deliver(q, Entry, &Loaded->Value, true);
    if (NT_SUCCESS(Status) && (Entry->Flags & RTL_QUERY_REGISTRY_DELETE))
        Status = ZwDeleteValueKey(q->Key, &Name);
    ExFreePoolWithTag(Name.Buffer, TAG);
    return Status;
}

static NTSTATUS QueryAll(const QUERY *q, const RTL_QUERY_REGISTRY_TABLE *Entry)
{
    ULONG Index = 0, Seen = 0;
    NTSTATUS Status;
    LOADED Loaded;

    while (NT_SUCCESS(Status = Load(q->Key, NULL, Index, &Loaded))) {
        Status = QueryOne(q, Entry, &Loaded);
        ExFreePoolWithTag(Loaded.Block, TAG);
        if (!NT_SUCCESS(Status))
            return Status;
        Seen++;
        /* A deleted value leaves its number to the next. */
        if (!(Entry->Flags & RTL_QUERY_REGISTRY_DELETE))
            Index++;
    }
    if (Status != STATUS_NO_MORE_ENTRIES)
        return Status;
    return !Seen && (Entry->Flags & RTL_QUERY_REGISTRY_REQUIRED) ? STATUS_OBJECT_NAME_NOT_FOUND
                                                                 : STATUS_SUCCESS;
}

static void GoTo(QUERY *q, HANDLE Key)
{
    if (q->Key != q->Base)
        ZwClose(q->Key);
    q->Key = Key;
}

static NTSTATUS QueryEntry(QUERY *q, const RTL_QUERY_REGISTRY_TABLE *Entry)
{
    UNICODE_STRING Name;
    NTSTATUS Status;
    HANDLE Key;

    if ((Entry->Flags & RTL_QUERY_REGISTRY_DIRECT) &&
        (!Entry->Name || (Entry->Flags & RTL_QUERY_REGISTRY_SUBKEY) || Entry->QueryRoutine))
        return STATUS_INVALID_PARAMETER;
    if (Entry->Flags & (RTL_QUERY_REGISTRY_TOPKEY | RTL_QUERY_REGISTRY_SUBKEY))
        GoTo(q, q->Base);
    if (Entry->Flags & RTL_QUERY_REGISTRY_SUBKEY) {
        if (!Entry->Name)
            return STATUS_INVALID_PARAMETER;
        RtlInitUnicodeString(&Name, Entry->Name);
        Status = OpenBelow(q->Base, &Name, false, KEY_READ | KEY_SET_VALUE, &Key);
        if (!NT_SUCCESS(Status))
            return Status;
        GoTo(q, Key);
        return Entry->QueryRoutine ? QueryAll(q, Entry) : STATUS_SUCCESS;
    }
    if (Entry->Name)
        return Entry->QueryRoutine || (Entry->Flags & RTL_QUERY_REGISTRY_DIRECT)
                   ? QueryNamed(q, Entry)
                   : STATUS_INVALID_PARAMETER;
    if (Entry->Flags & RTL_QUERY_REGISTRY_NOVALUE) {
        VALUE None = {.Type = REG_NONE};
        return CallRoutine(q, Entry, &None);
    }
    return QueryAll(q, Entry);
}

/*
 * Reads values as a table says, which ends with an entry without routine and name.
 * STATUS_OBJECT_NAME_NOT_FOUND (key or a required value), STATUS_INVALID_PARAMETER (a damaged
 * entry), STATUS_OBJECT_TYPE_MISMATCH, STATUS_BUFFER_TOO_SMALL (a direct entry), or what a routine
 * returned. With RTL_REGISTRY_OPTIONAL a missing key is no error. Values stored directly, without a
 * type check, from outside the system hives: bug check 0x139 since Windows 8.
 * nf-wdm-rtlqueryregistryvalues
 */
NTSTATUS NTAPI RtlQueryRegistryValues(ULONG RelativeTo, PCWSTR Path,
                                      PRTL_QUERY_REGISTRY_TABLE QueryTable, PVOID Context,
                                      PVOID Environment)
{
    QUERY q = {
        .Context = Context, .Environment = Environment, .Caller = __builtin_return_address(0)};
    NTSTATUS Status;
    bool Own;

    Status = OpenTarget(RelativeTo & ~(ULONG)RTL_REGISTRY_OPTIONAL, Path, false,
                        KEY_READ | KEY_SET_VALUE, &q.Base, &Own);
    if (!NT_SUCCESS(Status))
        return (RelativeTo & RTL_REGISTRY_OPTIONAL) && Status == STATUS_OBJECT_NAME_NOT_FOUND
                   ? STATUS_SUCCESS
                   : Status;
    q.Key = q.Base;
    for (; NT_SUCCESS(Status) && (QueryTable->QueryRoutine || QueryTable->Name); QueryTable++)
        Status = QueryEntry(&q, QueryTable);
    GoTo(&q, q.Base);
    if (Own)
        ZwClose(q.Base);
    return Status;
}

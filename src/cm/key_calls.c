/* SPDX-License-Identifier: MIT */
/*
 * Zw*Key. All of them: PASSIVE_LEVEL, kernel mode callers. Names are compared without case; a key
 * that was deleted answers STATUS_KEY_DELETED to every call on a handle that is still open.
 */
#include "cm/cm.h"

#include <stdlib.h>
#include <string.h>

typedef struct _OPEN_CONTEXT {
    bool Create;
    ULONG Disposition;
} OPEN_CONTEXT;

static void DeleteKeyObject(PVOID Body)
{
    KexLockAcquire(&CmxLock);
    CmxReleaseNode(*(CMX_KEY **)Body);
    KexLockRelease(&CmxLock);
}

/* Walks the rest of the name below Key. A missing last component is made when the caller creates.
 * Lock held. */
static NTSTATUS WalkRemaining(CMX_KEY *Key, PCUNICODE_STRING Rest, OPEN_CONTEXT *Context,
                              CMX_KEY **Found)
{
    size_t n = Rest->Length / sizeof(WCHAR), i = 0;

    if (Context)
        Context->Disposition = REG_OPENED_EXISTING_KEY;
    while (i < n) {
        size_t Start, End;
        CMX_KEY *Next;
        while (i < n && Rest->Buffer[i] == '\\')
            i++;
        Start = i;
        while (i < n && Rest->Buffer[i] != '\\')
            i++;
        End = i;
        if (Start == End)
            break;
        if (End - Start > 255)
            return STATUS_OBJECT_NAME_INVALID;
        Next = CmxFindChild(Key, Rest->Buffer + Start, End - Start);
        if (!Next) {
            if (End < n || !Context || !Context->Create)
                return STATUS_OBJECT_NAME_NOT_FOUND;
            Next = CmxAddChild(Key, Rest->Buffer + Start, End - Start);
            if (!Next)
                return STATUS_INSUFFICIENT_RESOURCES;
            Context->Disposition = REG_CREATED_NEW_KEY;
        }
        Key = Next;
    }
    *Found = Key;
    return STATUS_SUCCESS;
}

static NTSTATUS ParseKey(OBX_OPEN *Open, PVOID Body, PVOID *Object)
{
    CMX_KEY *Start = *(CMX_KEY **)Body, *Key = NULL;
    NTSTATUS Status;
    PVOID New;

    Status = ObxCreateObject(&CmxKeyType, sizeof(CMX_KEY *), NULL, &New);
    if (!NT_SUCCESS(Status))
        return Status;
    KexLockAcquire(&CmxLock);
    Status = Start->Deleted ? STATUS_KEY_DELETED
                            : WalkRemaining(Start, &Open->Remaining, Open->Context, &Key);
    if (!NT_SUCCESS(Status))
        Key = Start; /* the object must stand on some node until it is deleted below */
    Key->Opens++;
    *(CMX_KEY **)New = Key;
    KexLockRelease(&CmxLock);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(New);
        return Status;
    }
    Open->Remaining.Length = 0;
    *Object = New;
    return STATUS_SUCCESS;
}

/* Appends the path of Key, root first; returns bytes needed. Lock held. */
static ULONG PathOf(const CMX_KEY *Key, WCHAR *Out, ULONG Room)
{
    ULONG n = Key->Parent ? PathOf(Key->Parent, Out, Room) : 0;
    ULONG Bytes = (ULONG)sizeof(WCHAR) + Key->Name.Length;

    if (Out && n + Bytes <= Room) {
        Out[n / 2] = '\\';
        memcpy(Out + n / 2 + 1, Key->Name.Buffer, Key->Name.Length);
    }
    return n + Bytes;
}

static NTSTATUS QueryKeyName(PVOID Body, POBJECT_NAME_INFORMATION Information, ULONG Length,
                             PULONG Needed)
{
    const CMX_KEY *Key = *(CMX_KEY **)Body;
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG n;

    KexLockAcquire(&CmxLock);
    n = PathOf(Key, NULL, 0);
    *Needed = (ULONG)sizeof(*Information) + n + (ULONG)sizeof(WCHAR);
    if (Length < *Needed) {
        Status = STATUS_INFO_LENGTH_MISMATCH;
    } else {
        Information->Name.Buffer = (PWSTR)(Information + 1);
        PathOf(Key, Information->Name.Buffer, n);
        Information->Name.Buffer[n / 2] = 0;
        Information->Name.Length = (USHORT)n;
        Information->Name.MaximumLength = (USHORT)(n + sizeof(WCHAR));
    }
    KexLockRelease(&CmxLock);
    return Status;
}

OBX_TYPE CmxKeyType = {
    .Label = "Key",
    .Mapping = {KEY_READ, KEY_WRITE, KEY_READ, KEY_ALL_ACCESS},
    .ValidAccess = KEY_ALL_ACCESS,
    .DispatcherOffset = OBX_NOT_WAITABLE,
    .Delete = DeleteKeyObject,
    .Parse = ParseKey,
    .QueryName = QueryKeyName,
};

static NTSTATUS OpenKey(PHANDLE Handle, ACCESS_MASK Access, POBJECT_ATTRIBUTES Attributes,
                        OPEN_CONTEXT *Context)
{
    OBX_ATTRIBUTES a;
    OBX_OPEN Open = {0};
    OBX_ACCESS State;
    PVOID Root = NULL, Key = NULL;
    NTSTATUS Status = ObxCaptureAttributes(Attributes, KernelMode, &a);

    if (!NT_SUCCESS(Status))
        return Status;
    if (a.Root)
        Status = ObxReferenceHandle(a.Root, 0, &CmxKeyType, KernelMode, &Root, NULL);
    if (NT_SUCCESS(Status)) {
        ObxBeginAccess(&State, Access, &CmxKeyType.Mapping);
        Open.Root = Root;
        Open.Attributes = a.Attributes | OBJ_CASE_INSENSITIVE;
        Open.Type = &CmxKeyType;
        Open.AccessState = &State.State;
        Open.Context = Context;
        Status = ObxOpenName(&Open, &a.Name, &Key);
        if (NT_SUCCESS(Status)) {
            Status = ObxInsertHandle(KexThreadProcess(KexCurrentThread()), Key,
                                     ObxGrantedAccess(&State.State, &CmxKeyType, KernelMode),
                                     a.Attributes, Handle);
            ObDereferenceObject(Key);
        }
        ObxEndAccess(&State);
        if (Root)
            ObDereferenceObject(Root);
    }
    ObxReleaseAttributes(&a);
    return Status;
}

/* ZwOpenKey: STATUS_OBJECT_NAME_NOT_FOUND when any part is missing. nf-wdm-zwopenkey */
NTSTATUS NTAPI ZwOpenKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                         POBJECT_ATTRIBUTES ObjectAttributes)
{
    OPEN_CONTEXT Context = {0};

    return OpenKey(KeyHandle, DesiredAccess, ObjectAttributes, &Context);
}

NTSTATUS NTAPI ZwOpenKeyEx(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes, ULONG OpenOptions)
{
    UNREFERENCED_PARAMETER(OpenOptions);
    return ZwOpenKey(KeyHandle, DesiredAccess, ObjectAttributes);
}

/* ZwCreateKey: makes the last component only; its parent must exist. nf-wdm-zwcreatekey */
NTSTATUS NTAPI ZwCreateKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes, ULONG TitleIndex,
                           PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition)
{
    OPEN_CONTEXT Context = {.Create = true};
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(TitleIndex);
    UNREFERENCED_PARAMETER(Class);
    UNREFERENCED_PARAMETER(CreateOptions);
    Status = OpenKey(KeyHandle, DesiredAccess, ObjectAttributes, &Context);
    if (NT_SUCCESS(Status) && Disposition)
        *Disposition = Context.Disposition;
    return Status;
}

/* References the handle's key and takes the lock; ReleaseKey undoes both. */
static NTSTATUS AcquireKey(HANDLE Handle, ACCESS_MASK Access, PVOID *Object, CMX_KEY **Key)
{
    NTSTATUS Status = ObxReferenceHandle(Handle, Access, &CmxKeyType, KernelMode, Object, NULL);

    if (!NT_SUCCESS(Status))
        return Status;
    KexLockAcquire(&CmxLock);
    *Key = *(CMX_KEY **)*Object;
    if (!(*Key)->Deleted)
        return STATUS_SUCCESS;
    KexLockRelease(&CmxLock);
    ObDereferenceObject(*Object);
    return STATUS_KEY_DELETED;
}

static void ReleaseKey(PVOID Object)
{
    KexLockRelease(&CmxLock);
    ObDereferenceObject(Object);
}

/*
 * Copies one value in the form asked for. STATUS_BUFFER_TOO_SMALL when not even the fixed part
 * fits, STATUS_BUFFER_OVERFLOW when only that fits; *ResultLength is always the whole.
 * nf-wdm-zwqueryvaluekey
 */
static NTSTATUS CopyValue(const CMX_VALUE *v, KEY_VALUE_INFORMATION_CLASS Class, void *Out,
                          ULONG Length, PULONG Needed)
{
    ULONG NameAt, DataAt, Fixed;

    switch (Class) {
    case KeyValueBasicInformation:
        Fixed = NameAt = FIELD_OFFSET(KEY_VALUE_BASIC_INFORMATION, Name);
        *Needed = Fixed + v->Name.Length;
        if (Length < Fixed)
            return STATUS_BUFFER_TOO_SMALL;
        *(KEY_VALUE_BASIC_INFORMATION *)Out =
            (KEY_VALUE_BASIC_INFORMATION){.Type = v->Type, .NameLength = v->Name.Length};
        if (Length < *Needed)
            return STATUS_BUFFER_OVERFLOW;
        memcpy((char *)Out + NameAt, v->Name.Buffer, v->Name.Length);
        return STATUS_SUCCESS;
    case KeyValuePartialInformation:
    case KeyValuePartialInformationAlign64:
        Fixed = Class == KeyValuePartialInformation
                    ? FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data)
                    : 8;
        *Needed = Fixed + v->Length;
        if (Length < Fixed)
            return STATUS_BUFFER_TOO_SMALL;
        if (Class == KeyValuePartialInformation) {
            KEY_VALUE_PARTIAL_INFORMATION *p = Out;
            p->TitleIndex = 0;
            p->Type = v->Type;
            p->DataLength = v->Length;
        } else {
            ((ULONG *)Out)[0] = v->Type;
            ((ULONG *)Out)[1] = v->Length;
        }
        if (Length < *Needed)
            return STATUS_BUFFER_OVERFLOW;
        memcpy((char *)Out + Fixed, v->Data, v->Length);
        return STATUS_SUCCESS;
    case KeyValueFullInformation:
        Fixed = NameAt = FIELD_OFFSET(KEY_VALUE_FULL_INFORMATION, Name);
        DataAt = (NameAt + v->Name.Length + 7u) & ~7u;
        *Needed = DataAt + v->Length;
        if (Length < Fixed)
            return STATUS_BUFFER_TOO_SMALL;
        *(KEY_VALUE_FULL_INFORMATION *)Out =
            (KEY_VALUE_FULL_INFORMATION){.Type = v->Type,
                                         .DataOffset = DataAt,
                                         .DataLength = v->Length,
                                         .NameLength = v->Name.Length};
        if (Length < *Needed)
            return STATUS_BUFFER_OVERFLOW;
        memcpy((char *)Out + NameAt, v->Name.Buffer, v->Name.Length);
        memcpy((char *)Out + DataAt, v->Data, v->Length);
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

NTSTATUS NTAPI ZwQueryValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName,
                               KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                               PVOID KeyValueInformation, ULONG Length, PULONG ResultLength)
{
    PVOID Object;
    CMX_KEY *Key;
    const CMX_VALUE *v;
    NTSTATUS Status = AcquireKey(KeyHandle, KEY_QUERY_VALUE, &Object, &Key);

    if (!NT_SUCCESS(Status))
        return Status;
    v = CmxFindValue(Key, ValueName);
    Status = v ? CopyValue(v, KeyValueInformationClass, KeyValueInformation, Length, ResultLength)
               : STATUS_OBJECT_NAME_NOT_FOUND;
    ReleaseKey(Object);
    return Status;
}

NTSTATUS NTAPI ZwEnumerateValueKey(HANDLE KeyHandle, ULONG Index,
                                   KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                                   PVOID KeyValueInformation, ULONG Length, PULONG ResultLength)
{
    PVOID Object;
    CMX_KEY *Key;
    const CMX_VALUE *v;
    NTSTATUS Status = AcquireKey(KeyHandle, KEY_QUERY_VALUE, &Object, &Key);

    if (!NT_SUCCESS(Status))
        return Status;
    for (v = Key->FirstValue; v && Index; Index--)
        v = v->Next;
    Status = v ? CopyValue(v, KeyValueInformationClass, KeyValueInformation, Length, ResultLength)
               : STATUS_NO_MORE_ENTRIES;
    ReleaseKey(Object);
    return Status;
}

NTSTATUS NTAPI ZwSetValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex,
                             ULONG Type, PVOID Data, ULONG DataSize)
{
    PVOID Object;
    CMX_KEY *Key;
    NTSTATUS Status = AcquireKey(KeyHandle, KEY_SET_VALUE, &Object, &Key);

    UNREFERENCED_PARAMETER(TitleIndex);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = CmxPutValue(Key, ValueName, Type, Data, DataSize);
    ReleaseKey(Object);
    return Status;
}

NTSTATUS NTAPI ZwDeleteValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName)
{
    PVOID Object;
    CMX_KEY *Key;
    CMX_VALUE *v;
    NTSTATUS Status = AcquireKey(KeyHandle, KEY_SET_VALUE, &Object, &Key);

    if (!NT_SUCCESS(Status))
        return Status;
    v = CmxFindValue(Key, ValueName);
    if (v)
        CmxFreeValue(Key, v);
    else
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    ReleaseKey(Object);
    return Status;
}

/* ZwDeleteKey: STATUS_CANNOT_DELETE while the key has subkeys. nf-wdm-zwdeletekey */
NTSTATUS NTAPI ZwDeleteKey(HANDLE KeyHandle)
{
    PVOID Object;
    CMX_KEY *Key;
    NTSTATUS Status = AcquireKey(KeyHandle, DELETE, &Object, &Key);

    if (!NT_SUCCESS(Status))
        return Status;
    if (Key->FirstChild || !Key->Parent)
        Status = STATUS_CANNOT_DELETE;
    else
        CmxUnlinkKey(Key);
    ReleaseKey(Object);
    return Status;
}

static NTSTATUS CopyKey(CMX_KEY *Key, KEY_INFORMATION_CLASS Class, void *Out, ULONG Length,
                        PULONG Needed)
{
    KEY_FULL_INFORMATION Full = {.LastWriteTime = Key->LastWrite, .ClassOffset = 0xffffffffu};

    for (CMX_KEY *k = Key->FirstChild; k; k = k->NextSibling) {
        Full.SubKeys++;
        Full.MaxNameLen = k->Name.Length > Full.MaxNameLen ? k->Name.Length : Full.MaxNameLen;
    }
    for (CMX_VALUE *v = Key->FirstValue; v; v = v->Next) {
        Full.Values++;
        Full.MaxValueNameLen =
            v->Name.Length > Full.MaxValueNameLen ? v->Name.Length : Full.MaxValueNameLen;
        Full.MaxValueDataLen = v->Length > Full.MaxValueDataLen ? v->Length : Full.MaxValueDataLen;
    }
    if (Class == KeyFullInformation) {
        *Needed = FIELD_OFFSET(KEY_FULL_INFORMATION, Class);
        if (Length < *Needed)
            return STATUS_BUFFER_TOO_SMALL;
        memcpy(Out, &Full, *Needed);
        return STATUS_SUCCESS;
    }
    if (Class == KeyBasicInformation) {
        KEY_BASIC_INFORMATION b = {.LastWriteTime = Key->LastWrite, .NameLength = Key->Name.Length};
        ULONG Fixed = FIELD_OFFSET(KEY_BASIC_INFORMATION, Name);
        *Needed = Fixed + Key->Name.Length;
        if (Length < Fixed)
            return STATUS_BUFFER_TOO_SMALL;
        memcpy(Out, &b, Fixed);
        if (Length < *Needed)
            return STATUS_BUFFER_OVERFLOW;
        memcpy((char *)Out + Fixed, Key->Name.Buffer, Key->Name.Length);
        return STATUS_SUCCESS;
    }
    if (Class == KeyNameInformation) {
        ULONG n = PathOf(Key, NULL, 0), Fixed = FIELD_OFFSET(KEY_NAME_INFORMATION, Name);
        *Needed = Fixed + n;
        if (Length < Fixed)
            return STATUS_BUFFER_TOO_SMALL;
        ((KEY_NAME_INFORMATION *)Out)->NameLength = n;
        if (Length < *Needed)
            return STATUS_BUFFER_OVERFLOW;
        PathOf(Key, (WCHAR *)((char *)Out + Fixed), n);
        return STATUS_SUCCESS;
    }
    return STATUS_INVALID_PARAMETER;
}

NTSTATUS NTAPI ZwQueryKey(HANDLE KeyHandle, KEY_INFORMATION_CLASS KeyInformationClass,
                          PVOID KeyInformation, ULONG Length, PULONG ResultLength)
{
    PVOID Object;
    CMX_KEY *Key;
    NTSTATUS Status = AcquireKey(KeyHandle, KEY_QUERY_VALUE, &Object, &Key);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = CopyKey(Key, KeyInformationClass, KeyInformation, Length, ResultLength);
    ReleaseKey(Object);
    return Status;
}

NTSTATUS NTAPI ZwEnumerateKey(HANDLE KeyHandle, ULONG Index,
                              KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation,
                              ULONG Length, PULONG ResultLength)
{
    PVOID Object;
    CMX_KEY *Key, *Child;
    NTSTATUS Status = AcquireKey(KeyHandle, KEY_ENUMERATE_SUB_KEYS, &Object, &Key);

    if (!NT_SUCCESS(Status))
        return Status;
    for (Child = Key->FirstChild; Child && Index; Index--)
        Child = Child->NextSibling;
    Status = Child ? CopyKey(Child, KeyInformationClass, KeyInformation, Length, ResultLength)
                   : STATUS_NO_MORE_ENTRIES;
    ReleaseKey(Object);
    return Status;
}

/* Nothing is behind the tree in memory, so a flush has nothing to wait for. */
NTSTATUS NTAPI ZwFlushKey(HANDLE KeyHandle)
{
    PVOID Object;
    CMX_KEY *Key;
    NTSTATUS Status = AcquireKey(KeyHandle, 0, &Object, &Key);

    if (NT_SUCCESS(Status))
        ReleaseKey(Object);
    return Status;
}

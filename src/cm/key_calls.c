/* SPDX-License-Identifier: MIT */
/*
 * Zw*Key. All of them: PASSIVE_LEVEL, kernel mode callers. Names are compared without case; a key
 * that was deleted answers STATUS_KEY_DELETED to every call on a handle that is still open.
 */
#include "cm/callback.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One open or create on its way through the object manager. */
typedef struct _OPEN_CONTEXT {
    bool Create;
    ULONG Disposition, Options;
    PUNICODE_STRING Class;
    const void *Caller; /* who asked, for the leak report */
} OPEN_CONTEXT;

static void DeleteKeyObject(PVOID Body)
{
    CMX_KEY_OBJECT *Object = Body;

    CmxDropContexts(Object);
    if (Object->Name)
        CmCallbackReleaseKeyObjectIDEx(Object->Name);
    KexLockAcquire(&CmxLock);
    CmxReleaseNode(Object->Key);
    KexLockRelease(&CmxLock);
}

/* The last handle to a key object goes. Drivers may look, not refuse (ne-wdm-_reg_notify_class). */
static void CloseKeyObject(PEPROCESS Process, PVOID Body, ACCESS_MASK Granted, LONG ProcessHandles,
                           LONG SystemHandles)
{
    REG_KEY_HANDLE_CLOSE_INFORMATION Info = {.Object = Body};
    CMX_ROUND Round;

    UNREFERENCED_PARAMETER(Process);
    UNREFERENCED_PARAMETER(Granted);
    UNREFERENCED_PARAMETER(ProcessHandles);
    if (SystemHandles != 1)
        return;
    CmxBefore(&Round, RegNtPreKeyHandleClose, Body, &Info,
              offsetof(REG_KEY_HANDLE_CLOSE_INFORMATION, CallContext));
    CmxAfter(&Round, RegNtPostKeyHandleClose, Body, STATUS_SUCCESS);
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
    CMX_KEY *Start = ((CMX_KEY_OBJECT *)Body)->Key, *Key = NULL;
    NTSTATUS Status;
    PVOID New;

    Status = ObxCreateObject(&CmxKeyType, sizeof(CMX_KEY_OBJECT), NULL, &New);
    if (!NT_SUCCESS(Status))
        return Status;
    KexLockAcquire(&CmxLock);
    Status = Start->Deleted ? STATUS_KEY_DELETED
                            : WalkRemaining(Start, &Open->Remaining, Open->Context, &Key);
    if (!NT_SUCCESS(Status))
        Key = Start; /* the object must stand on some node until it is deleted below */
    Key->Opens++;
    ((CMX_KEY_OBJECT *)New)->Key = Key;
    KexLockRelease(&CmxLock);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(New);
        return Status;
    }
    Open->Remaining.Length = 0;
    *Object = New;
    return STATUS_SUCCESS;
}

static NTSTATUS QueryKeyName(PVOID Body, POBJECT_NAME_INFORMATION Information, ULONG Length,
                             PULONG Needed)
{
    const CMX_KEY *Key = ((CMX_KEY_OBJECT *)Body)->Key;
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG n;

    KexLockAcquire(&CmxLock);
    n = CmxPathOf(Key, NULL, 0);
    *Needed = (ULONG)sizeof(*Information) + n + (ULONG)sizeof(WCHAR);
    if (Length < *Needed) {
        Status = STATUS_INFO_LENGTH_MISMATCH;
    } else {
        Information->Name.Buffer = (PWSTR)(Information + 1);
        CmxPathOf(Key, Information->Name.Buffer, n);
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
    .Close = CloseKeyObject,
    .Parse = ParseKey,
    .QueryName = QueryKeyName,
};
POBJECT_TYPE CmKeyObjectType = &CmxKeyType;

/* Looks the name up, or makes its last component. *Key has one reference. */
static NTSTATUS FindKey(OBX_OPEN *Open, PCUNICODE_STRING Name, OPEN_CONTEXT *Context, PVOID *Key)
{
    Open->Attributes |= OBJ_CASE_INSENSITIVE;
    Open->Type = &CmxKeyType;
    Open->Context = Context;
    return ObxOpenName(Open, Name, Key);
}

/* A driver that bypasses an open gives the object itself, with a reference
 * (ns-wdm-_reg_create_key_information_v1). */
static NTSTATUS CheckBypass(PVOID Key)
{
    return Key && ObxIsObject(Key) && ObxTypeOf(Key) == &CmxKeyType ? STATUS_CALLBACK_BYPASS
                                                                    : STATUS_INVALID_HANDLE;
}

/*
 * The open between its notifications: callbacks first see the name and the root, then the object.
 * Only what they leave standing gets a handle.
 */
static NTSTATUS OpenNotified(OBX_OPEN *Open, OBX_ATTRIBUTES *a, ACCESS_MASK Access,
                             OPEN_CONTEXT *Context, PVOID *Key)
{
    REG_CREATE_KEY_INFORMATION_V1 Info = {.CompleteName = &a->Name,
                                          .RootObject = Open->Root ? Open->Root : CmxRootObject,
                                          .ObjectType = &CmxKeyType,
                                          .Options = Context->Options,
                                          .Class = Context->Class,
                                          .SecurityDescriptor = a->SecurityDescriptor,
                                          .DesiredAccess = Access,
                                          .Disposition = &Context->Disposition,
                                          .ResultObject = Key,
                                          .Version = KexBuild >= 7600,
                                          .RemainingName = &a->Name,
                                          .Attributes = a->Attributes,
                                          .CheckAccessMode = KernelMode};
    REG_NOTIFY_CLASS Before = Context->Create ? RegNtPreCreateKeyEx : RegNtPreOpenKeyEx;
    REG_NOTIFY_CLASS After = Context->Create ? RegNtPostCreateKeyEx : RegNtPostOpenKeyEx;
    CMX_ROUND Round;
    NTSTATUS Status;

    Status = CmxBefore(&Round, Before, Info.RootObject, &Info,
                       offsetof(REG_CREATE_KEY_INFORMATION_V1, CallContext));
    if (Status == STATUS_SUCCESS) {
        Status = FindKey(Open, &a->Name, Context, Key);
        if (NT_SUCCESS(Status))
            Info.GrantedAccess = ObxGrantedAccess(Open->AccessState, &CmxKeyType, KernelMode);
    } else if (Status == STATUS_CALLBACK_BYPASS) {
        Status = CheckBypass(*Key);
    } else {
        *Key = NULL; /* whatever a driver that refuses left there */
    }
    Status = CmxAfter(&Round, After, NT_SUCCESS(Status) ? *Key : NULL, Status);
    if (!NT_SUCCESS(Status) && *Key) {
        ObDereferenceObject(*Key);
        *Key = NULL;
    }
    return Status;
}

static NTSTATUS OpenKey(PHANDLE Handle, ACCESS_MASK Access, POBJECT_ATTRIBUTES Attributes,
                        OPEN_CONTEXT *Context)
{
    OBX_ATTRIBUTES a;
    OBX_OPEN Open = {0};
    OBX_ACCESS State;
    PVOID Key = NULL;
    NTSTATUS Status = ObxCaptureAttributes(Attributes, KernelMode, &a);

    if (!NT_SUCCESS(Status))
        return Status;
    if (a.Root)
        Status = ObxReferenceHandle(a.Root, 0, &CmxKeyType, KernelMode, &Open.Root, NULL);
    if (NT_SUCCESS(Status)) {
        ObxBeginAccess(&State, Access, &CmxKeyType.Mapping);
        Open.Attributes = a.Attributes;
        Open.AccessState = &State.State;
        Status = OpenNotified(&Open, &a, Access, Context, &Key);
        if (NT_SUCCESS(Status)) {
            Status = ObxInsertHandleBy(KexThreadProcess(KexCurrentThread()), Key,
                                       ObxGrantedAccess(&State.State, &CmxKeyType, KernelMode),
                                       a.Attributes, Context->Caller, Handle);
            ObDereferenceObject(Key);
        }
        ObxEndAccess(&State);
        if (Open.Root)
            ObDereferenceObject(Open.Root);
    }
    ObxReleaseAttributes(&a);
    return Status;
}

/* ZwOpenKey: STATUS_OBJECT_NAME_NOT_FOUND when any part is missing. nf-wdm-zwopenkey */
NTSTATUS NTAPI ZwOpenKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                         POBJECT_ATTRIBUTES ObjectAttributes)
{
    OPEN_CONTEXT Context = {.Caller = __builtin_return_address(0)};

    return OpenKey(KeyHandle, DesiredAccess, ObjectAttributes, &Context);
}

NTSTATUS NTAPI ZwOpenKeyEx(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes, ULONG OpenOptions)
{
    OPEN_CONTEXT Context = {.Options = OpenOptions, .Caller = __builtin_return_address(0)};

    return OpenKey(KeyHandle, DesiredAccess, ObjectAttributes, &Context);
}

/* ZwCreateKey: makes the last component only; its parent must exist. nf-wdm-zwcreatekey */
NTSTATUS NTAPI ZwCreateKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes, ULONG TitleIndex,
                           PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition)
{
    OPEN_CONTEXT Context = {.Create = true,
                            .Options = CreateOptions,
                            .Class = Class,
                            .Caller = __builtin_return_address(0)};
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(TitleIndex);
    Status = OpenKey(KeyHandle, DesiredAccess, ObjectAttributes, &Context);
    if (NT_SUCCESS(Status) && Disposition)
        *Disposition = Context.Disposition;
    return Status;
}

/* ---- operations on an open key -------------------------------------------------------------- */

/*
 * One kind of call. Info is its REG_xxx_INFORMATION, which holds every argument and starts with the
 * key object: the callbacks are shown it, Run works from a copy, so that what a driver writes there
 * changes nothing.
 */
typedef struct _OPERATION {
    REG_NOTIFY_CLASS Before, After;
    ACCESS_MASK Access;
    size_t Size, ContextsAt;
    NTSTATUS (*Run)(CMX_KEY *Key, const void *Info);
} OPERATION;

#define OPERATION_OF(type, before, after, access, run)                                             \
    {                                                                                              \
        before, after, access, sizeof(type), offsetof(type, CallContext), run                      \
    }

static NTSTATUS RunLocked(const OPERATION *Op, PVOID Object, const void *Info)
{
    CMX_KEY *Key;
    NTSTATUS Status;

    KexLockAcquire(&CmxLock);
    Key = ((CMX_KEY_OBJECT *)Object)->Key;
    Status = Key->Deleted ? STATUS_KEY_DELETED : Op->Run(Key, Info);
    KexLockRelease(&CmxLock);
    return Status;
}

static NTSTATUS Call(const OPERATION *Op, HANDLE Handle, void *Info)
{
    ULONG64 Copy[12];
    CMX_ROUND Round;
    NTSTATUS Status;
    PVOID Object;

    Status = ObxReferenceHandle(Handle, Op->Access, &CmxKeyType, KernelMode, &Object, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    *(PVOID *)Info = Object;
    assert(Op->Size <= sizeof Copy);
    memcpy(Copy, Info, Op->Size);
    Status = CmxBefore(&Round, Op->Before, Object, Info, Op->ContextsAt);
    if (Status == STATUS_SUCCESS)
        Status = RunLocked(Op, Object, Copy);
    Status = CmxAfter(&Round, Op->After, Object, Status);
    ObDereferenceObject(Object);
    return Status;
}

static NTSTATUS QueryValue(CMX_KEY *Key, const void *Info)
{
    const REG_QUERY_VALUE_KEY_INFORMATION *q = Info;
    const CMX_VALUE *v = CmxFindValue(Key, q->ValueName);

    return v ? CmxCopyValue(v, q->KeyValueInformationClass, q->KeyValueInformation, q->Length,
                            q->ResultLength)
             : STATUS_OBJECT_NAME_NOT_FOUND;
}

/*
 * One value by name. STATUS_BUFFER_TOO_SMALL when not even the fixed part fits,
 * STATUS_BUFFER_OVERFLOW when only that does; *ResultLength is always the whole.
 * nf-wdm-zwqueryvaluekey
 */
NTSTATUS NTAPI ZwQueryValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName,
                               KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                               PVOID KeyValueInformation, ULONG Length, PULONG ResultLength)
{
    static const OPERATION Op = OPERATION_OF(REG_QUERY_VALUE_KEY_INFORMATION, RegNtPreQueryValueKey,
                                             RegNtPostQueryValueKey, KEY_QUERY_VALUE, QueryValue);
    REG_QUERY_VALUE_KEY_INFORMATION Info = {.ValueName = ValueName,
                                            .KeyValueInformationClass = KeyValueInformationClass,
                                            .KeyValueInformation = KeyValueInformation,
                                            .Length = Length,
                                            .ResultLength = ResultLength};

    return Call(&Op, KeyHandle, &Info);
}

static NTSTATUS EnumerateValue(CMX_KEY *Key, const void *Info)
{
    const REG_ENUMERATE_VALUE_KEY_INFORMATION *q = Info;
    const CMX_VALUE *v = Key->FirstValue;

    for (ULONG i = q->Index; v && i; i--)
        v = v->Next;
    return v ? CmxCopyValue(v, q->KeyValueInformationClass, q->KeyValueInformation, q->Length,
                            q->ResultLength)
             : STATUS_NO_MORE_ENTRIES;
}

/* Value number Index in the order of creation; STATUS_NO_MORE_ENTRIES past the last.
 * nf-wdm-zwenumeratevaluekey */
NTSTATUS NTAPI ZwEnumerateValueKey(HANDLE KeyHandle, ULONG Index,
                                   KEY_VALUE_INFORMATION_CLASS KeyValueInformationClass,
                                   PVOID KeyValueInformation, ULONG Length, PULONG ResultLength)
{
    static const OPERATION Op =
        OPERATION_OF(REG_ENUMERATE_VALUE_KEY_INFORMATION, RegNtPreEnumerateValueKey,
                     RegNtPostEnumerateValueKey, KEY_QUERY_VALUE, EnumerateValue);
    REG_ENUMERATE_VALUE_KEY_INFORMATION Info = {.Index = Index,
                                                .KeyValueInformationClass =
                                                    KeyValueInformationClass,
                                                .KeyValueInformation = KeyValueInformation,
                                                .Length = Length,
                                                .ResultLength = ResultLength};

    return Call(&Op, KeyHandle, &Info);
}

static NTSTATUS SetValue(CMX_KEY *Key, const void *Info)
{
    const REG_SET_VALUE_KEY_INFORMATION *q = Info;

    return CmxPutValue(Key, q->ValueName, q->Type, q->Data, q->DataSize);
}

/* Makes or replaces a value. nf-wdm-zwsetvaluekey */
NTSTATUS NTAPI ZwSetValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex,
                             ULONG Type, PVOID Data, ULONG DataSize)
{
    static const OPERATION Op = OPERATION_OF(REG_SET_VALUE_KEY_INFORMATION, RegNtPreSetValueKey,
                                             RegNtPostSetValueKey, KEY_SET_VALUE, SetValue);
    REG_SET_VALUE_KEY_INFORMATION Info = {.ValueName = ValueName,
                                          .TitleIndex = TitleIndex,
                                          .Type = Type,
                                          .Data = Data,
                                          .DataSize = DataSize};

    return Call(&Op, KeyHandle, &Info);
}

static NTSTATUS DeleteValue(CMX_KEY *Key, const void *Info)
{
    CMX_VALUE *v = CmxFindValue(Key, ((const REG_DELETE_VALUE_KEY_INFORMATION *)Info)->ValueName);

    if (!v)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    CmxFreeValue(Key, v);
    return STATUS_SUCCESS;
}

/* STATUS_OBJECT_NAME_NOT_FOUND when there is no such value. nf-wdm-zwdeletevaluekey */
NTSTATUS NTAPI ZwDeleteValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName)
{
    static const OPERATION Op =
        OPERATION_OF(REG_DELETE_VALUE_KEY_INFORMATION, RegNtPreDeleteValueKey,
                     RegNtPostDeleteValueKey, KEY_SET_VALUE, DeleteValue);
    REG_DELETE_VALUE_KEY_INFORMATION Info = {.ValueName = ValueName};

    return Call(&Op, KeyHandle, &Info);
}

static NTSTATUS DeleteKey(CMX_KEY *Key, const void *Info)
{
    UNREFERENCED_PARAMETER(Info);
    if (Key->FirstChild || !Key->Parent)
        return STATUS_CANNOT_DELETE;
    CmxUnlinkKey(Key);
    return STATUS_SUCCESS;
}

/* STATUS_CANNOT_DELETE while the key has subkeys. Open handles answer STATUS_KEY_DELETED from now
 * on. nf-wdm-zwdeletekey */
NTSTATUS NTAPI ZwDeleteKey(HANDLE KeyHandle)
{
    static const OPERATION Op = OPERATION_OF(REG_DELETE_KEY_INFORMATION, RegNtPreDeleteKey,
                                             RegNtPostDeleteKey, DELETE, DeleteKey);
    REG_DELETE_KEY_INFORMATION Info = {0};

    return Call(&Op, KeyHandle, &Info);
}

static NTSTATUS QueryKey(CMX_KEY *Key, const void *Info)
{
    const REG_QUERY_KEY_INFORMATION *q = Info;

    return CmxCopyKey(Key, q->KeyInformationClass, q->KeyInformation, q->Length, q->ResultLength);
}

/* Facts about a key; lengths as for ZwQueryValueKey. nf-wdm-zwquerykey */
NTSTATUS NTAPI ZwQueryKey(HANDLE KeyHandle, KEY_INFORMATION_CLASS KeyInformationClass,
                          PVOID KeyInformation, ULONG Length, PULONG ResultLength)
{
    static const OPERATION Op = OPERATION_OF(REG_QUERY_KEY_INFORMATION, RegNtPreQueryKey,
                                             RegNtPostQueryKey, KEY_QUERY_VALUE, QueryKey);
    REG_QUERY_KEY_INFORMATION Info = {.KeyInformationClass = KeyInformationClass,
                                      .KeyInformation = KeyInformation,
                                      .Length = Length,
                                      .ResultLength = ResultLength};

    return Call(&Op, KeyHandle, &Info);
}

static NTSTATUS EnumerateKey(CMX_KEY *Key, const void *Info)
{
    const REG_ENUMERATE_KEY_INFORMATION *q = Info;
    CMX_KEY *Child = Key->FirstChild;

    for (ULONG i = q->Index; Child && i; i--)
        Child = Child->NextSibling;
    return Child ? CmxCopyKey(Child, q->KeyInformationClass, q->KeyInformation, q->Length,
                              q->ResultLength)
                 : STATUS_NO_MORE_ENTRIES;
}

/* Subkey number Index in the order of names. nf-wdm-zwenumeratekey */
NTSTATUS NTAPI ZwEnumerateKey(HANDLE KeyHandle, ULONG Index,
                              KEY_INFORMATION_CLASS KeyInformationClass, PVOID KeyInformation,
                              ULONG Length, PULONG ResultLength)
{
    static const OPERATION Op =
        OPERATION_OF(REG_ENUMERATE_KEY_INFORMATION, RegNtPreEnumerateKey, RegNtPostEnumerateKey,
                     KEY_ENUMERATE_SUB_KEYS, EnumerateKey);
    REG_ENUMERATE_KEY_INFORMATION Info = {.Index = Index,
                                          .KeyInformationClass = KeyInformationClass,
                                          .KeyInformation = KeyInformation,
                                          .Length = Length,
                                          .ResultLength = ResultLength};

    return Call(&Op, KeyHandle, &Info);
}

static NTSTATUS FlushKey(CMX_KEY *Key, const void *Info)
{
    UNREFERENCED_PARAMETER(Key);
    UNREFERENCED_PARAMETER(Info);
    return STATUS_SUCCESS;
}

/* Nothing is behind the tree in memory, so a flush has nothing to wait for. */
NTSTATUS NTAPI ZwFlushKey(HANDLE KeyHandle)
{
    static const OPERATION Op =
        OPERATION_OF(REG_FLUSH_KEY_INFORMATION, RegNtPreFlushKey, RegNtPostFlushKey, 0, FlushKey);
    REG_FLUSH_KEY_INFORMATION Info = {0};

    return Call(&Op, KeyHandle, &Info);
}

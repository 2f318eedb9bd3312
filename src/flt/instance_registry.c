/* SPDX-License-Identifier: MIT */
/*
 * What a service key says about a filter's instances:
 *     Services\NAME\Instances          DefaultInstance = "..."
 *     Services\NAME\Instances\"..."    Altitude = "370030", Flags = 0
 * Windows 11 24H2 drivers may have the Instances key below Services\NAME\Parameters; that one
 * counts first.
 */
#include "fltx.h"

enum { VALUE_ROOM = 1024 };

static NTSTATUS OpenKey(HANDLE Parent, PCUNICODE_STRING Name, PHANDLE Key)
{
    OBJECT_ATTRIBUTES Attributes;

    InitializeObjectAttributes(&Attributes, (PUNICODE_STRING)Name,
                               OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, Parent, NULL);
    return ZwOpenKey(Key, KEY_READ, &Attributes);
}

static NTSTATUS ReadValue(HANDLE Key, const WCHAR *Name, ULONG Type,
                          KEY_VALUE_PARTIAL_INFORMATION *Value)
{
    UNICODE_STRING ValueName;
    NTSTATUS Status;
    ULONG Got;

    RtlInitUnicodeString(&ValueName, Name);
    Status = ZwQueryValueKey(Key, &ValueName, KeyValuePartialInformation, Value, VALUE_ROOM, &Got);
    if (NT_SUCCESS(Status) && Value->Type != Type)
        Status = STATUS_OBJECT_TYPE_MISMATCH;
    return Status;
}

static NTSTATUS ReadString(HANDLE Key, const WCHAR *Name, PUNICODE_STRING String)
{
    ULONGLONG Room[VALUE_ROOM / sizeof(ULONGLONG)];
    KEY_VALUE_PARTIAL_INFORMATION *Value = (KEY_VALUE_PARTIAL_INFORMATION *)Room;
    UNICODE_STRING Text;
    NTSTATUS Status = ReadValue(Key, Name, REG_SZ, Value);

    if (!NT_SUCCESS(Status))
        return Status;
    Text.Buffer = (PWCH)Value->Data;
    Text.Length = (USHORT)(Value->DataLength & ~1u);
    while (Text.Length && !Text.Buffer[Text.Length / sizeof(WCHAR) - 1])
        Text.Length -= sizeof(WCHAR);
    Text.MaximumLength = Text.Length;
    return FltxCopyString(String, &Text);
}

static NTSTATUS ReadInstance(HANDLE Instances, PCUNICODE_STRING Name, FLTX_INSTANCE_ENTRY *Entry)
{
    ULONGLONG Room[VALUE_ROOM / sizeof(ULONGLONG)];
    KEY_VALUE_PARTIAL_INFORMATION *Value = (KEY_VALUE_PARTIAL_INFORMATION *)Room;
    HANDLE Key;
    NTSTATUS Status = OpenKey(Instances, Name, &Key);

    if (!NT_SUCCESS(Status))
        return Status;
    RtlZeroMemory(Entry, sizeof(*Entry));
    Status = ReadString(Key, L"Altitude", &Entry->Altitude);
    if (NT_SUCCESS(Status))
        Status = FltxCopyString(&Entry->Name, Name);
    if (NT_SUCCESS(Status) && NT_SUCCESS(ReadValue(Key, L"Flags", REG_DWORD, Value)))
        RtlCopyMemory(&Entry->Flags, Value->Data, sizeof(ULONG));
    ZwClose(Key);
    if (!NT_SUCCESS(Status)) {
        FltxFreeString(&Entry->Altitude);
        FltxFreeString(&Entry->Name);
    }
    return Status;
}

void FltxFreeInstanceEntries(FLTX_INSTANCE_ENTRY *Entries, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++) {
        FltxFreeString(&Entries[i].Name);
        FltxFreeString(&Entries[i].Altitude);
    }
    if (Entries)
        ExFreePoolWithTag(Entries, FLTX_TAG);
}

static NTSTATUS CountSubkeys(HANDLE Key, ULONG *Count)
{
    ULONGLONG Room[VALUE_ROOM / sizeof(ULONGLONG)];
    KEY_FULL_INFORMATION *Full = (KEY_FULL_INFORMATION *)Room;
    ULONG Got;
    NTSTATUS Status = ZwQueryKey(Key, KeyFullInformation, Full, sizeof(Room), &Got);

    *Count = NT_SUCCESS(Status) ? Full->SubKeys : 0;
    return Status;
}

static NTSTATUS ReadAll(HANDLE Instances, PCUNICODE_STRING Default, FLTX_INSTANCE_ENTRY *Entries,
                        ULONG Room, ULONG *Count)
{
    ULONGLONG Buffer[VALUE_ROOM / sizeof(ULONGLONG)];
    KEY_BASIC_INFORMATION *Basic = (KEY_BASIC_INFORMATION *)Buffer;
    BOOLEAN HaveDefault = FALSE;
    UNICODE_STRING Name;
    ULONG i, Got;

    *Count = 0;
    for (i = 0; i < Room; i++) {
        FLTX_INSTANCE_ENTRY *Entry = &Entries[*Count];

        if (!NT_SUCCESS(
                ZwEnumerateKey(Instances, i, KeyBasicInformation, Basic, sizeof(Buffer), &Got)))
            break;
        Name.Buffer = Basic->Name;
        Name.Length = Name.MaximumLength = (USHORT)Basic->NameLength;
        if (!NT_SUCCESS(ReadInstance(Instances, &Name, Entry)))
            continue;
        Entry->Default = RtlEqualUnicodeString(&Entry->Name, Default, TRUE);
        HaveDefault |= Entry->Default;
        ++*Count;
    }
    return HaveDefault ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS OpenInstances(PFLT_FILTER Filter, PHANDLE Instances)
{
    static const UNICODE_STRING Services =
        RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services");
    static const UNICODE_STRING Paths[] = {RTL_CONSTANT_STRING(L"Parameters\\Instances"),
                                           RTL_CONSTANT_STRING(L"Instances")};
    HANDLE Root, Service;
    NTSTATUS Status = OpenKey(NULL, &Services, &Root);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = OpenKey(Root, &Filter->Name, &Service);
    ZwClose(Root);
    if (!NT_SUCCESS(Status))
        return Status;
    for (ULONG i = 0; i < ARRAYSIZE(Paths); i++) {
        Status = OpenKey(Service, &Paths[i], Instances);
        if (NT_SUCCESS(Status))
            break;
    }
    ZwClose(Service);
    return Status;
}

NTSTATUS FltxReadInstances(PFLT_FILTER Filter, FLTX_INSTANCE_ENTRY **Entries, ULONG *Count)
{
    UNICODE_STRING Default = {0};
    HANDLE Instances;
    ULONG Room = 0;
    NTSTATUS Status = OpenInstances(Filter, &Instances);

    *Entries = NULL;
    *Count = 0;
    if (!NT_SUCCESS(Status))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    Status = ReadString(Instances, L"DefaultInstance", &Default);
    if (NT_SUCCESS(Status))
        Status = CountSubkeys(Instances, &Room);
    if (NT_SUCCESS(Status)) {
        *Entries =
            ExAllocatePoolWithTag(PagedPool, (Room ? Room : 1) * sizeof(**Entries), FLTX_TAG);
        Status = *Entries ? ReadAll(Instances, &Default, *Entries, Room, Count)
                          : STATUS_INSUFFICIENT_RESOURCES;
    }
    if (!NT_SUCCESS(Status)) {
        FltxFreeInstanceEntries(*Entries, *Count);
        *Entries = NULL;
        *Count = 0;
    }
    FltxFreeString(&Default);
    ZwClose(Instances);
    return Status;
}

/* SPDX-License-Identifier: MIT */
/* copy.c - keys and values in the forms that queries ask for. All of it under CmxLock. */
#include "cm/callback.h"

#include <string.h>

/* Appends the path of Key, root first; returns bytes needed. Lock held. */
ULONG CmxPathOf(const CMX_KEY *Key, WCHAR *Out, ULONG Room)
{
    ULONG n = Key->Parent ? CmxPathOf(Key->Parent, Out, Room) : 0;
    ULONG Bytes = (ULONG)sizeof(WCHAR) + Key->Name.Length;

    if (Out && n + Bytes <= Room) {
        Out[n / 2] = '\\';
        memcpy(Out + n / 2 + 1, Key->Name.Buffer, Key->Name.Length);
    }
    return n + Bytes;
}

/*
 * Copies one value in the form asked for. STATUS_BUFFER_TOO_SMALL when not even the fixed part
 * fits, STATUS_BUFFER_OVERFLOW when only that fits; *ResultLength is always the whole.
 * nf-wdm-zwqueryvaluekey
 */
NTSTATUS CmxCopyValue(const CMX_VALUE *v, KEY_VALUE_INFORMATION_CLASS Class, void *Out,
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

NTSTATUS CmxCopyKey(CMX_KEY *Key, KEY_INFORMATION_CLASS Class, void *Out, ULONG Length,
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
        ULONG n = CmxPathOf(Key, NULL, 0), Fixed = FIELD_OFFSET(KEY_NAME_INFORMATION, Name);
        *Needed = Fixed + n;
        if (Length < Fixed)
            return STATUS_BUFFER_TOO_SMALL;
        ((KEY_NAME_INFORMATION *)Out)->NameLength = n;
        if (Length < *Needed)
            return STATUS_BUFFER_OVERFLOW;
        CmxPathOf(Key, (WCHAR *)((char *)Out + Fixed), n);
        return STATUS_SUCCESS;
    }
    return STATUS_INVALID_PARAMETER;
}

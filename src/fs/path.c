/* SPDX-License-Identifier: MIT */
/* path.c - what a name may be: components, streams, 8.3 aliases. */
#include "fs/fsp.h"

#include <string.h>

NTSTATUS FsxCheckName(const FSX_VOLUME *Volume, PCUNICODE_STRING Name)
{
    USHORT Count = Name->Length / sizeof(WCHAR);

    if (!Count || Count > Volume->Personality->MaxComponent)
        return STATUS_OBJECT_NAME_INVALID;
    /*
     * "." and ".." are Win32's to resolve: in a path that reaches a file system they name nothing.
     *
     */
    if (Name->Buffer[0] == L'.' && (Count == 1 || (Count == 2 && Name->Buffer[1] == L'.')))
        return STATUS_OBJECT_NAME_INVALID;
    for (USHORT i = 0; i < Count; i++) {
        if (!Volume->Personality->ValidNameChar(Name->Buffer[i]))
            return STATUS_OBJECT_NAME_INVALID;
    }
    return STATUS_SUCCESS;
}

static UNICODE_STRING Part(PCUNICODE_STRING Of, USHORT First, USHORT End)
{
    UNICODE_STRING Result = {(USHORT)((End - First) * sizeof(WCHAR)),
                             (USHORT)((End - First) * sizeof(WCHAR)), Of->Buffer + First};

    return Result;
}

static bool Is(PCUNICODE_STRING Text, const WCHAR *What)
{
    UNICODE_STRING Other;

    RtlInitUnicodeString(&Other, What);
    return FsRtlAreNamesEqual(Text, &Other, TRUE, NULL);
}

/* file[:stream[:$TYPE]] */
NTSTATUS FsxParseComponent(const FSX_VOLUME *Volume, PCUNICODE_STRING Component, FSX_NAME *Name)
{
    USHORT Count = Component->Length / sizeof(WCHAR), First = Count, Second = Count;
    UNICODE_STRING Type;

    memset(Name, 0, sizeof *Name);
    for (USHORT i = 0; i < Count; i++) {
        if (Component->Buffer[i] != L':')
            continue;
        if (First == Count)
            First = i;
        else if (Second == Count)
            Second = i;
        else
            return STATUS_OBJECT_NAME_INVALID;
    }
    Name->File = Part(Component, 0, First);
    if (First == Count)
        return Count ? FsxCheckName(Volume, &Name->File) : STATUS_SUCCESS;
    if (!Volume->Personality->Streams)
        return STATUS_OBJECT_NAME_INVALID;
    Name->HasStream = true;
    Name->Stream = Part(Component, (USHORT)(First + 1), Second);
    if (Second < Count) {
        Type = Part(Component, (USHORT)(Second + 1), Count);
        if (Is(&Type, L"$INDEX_ALLOCATION") &&
            (Is(&Name->Stream, L"$I30") || !Name->Stream.Length)) {
            Name->DirectoryType = true;
            Name->Stream.Length = 0;
        } else if (!Is(&Type, L"$DATA")) {
            return STATUS_OBJECT_NAME_INVALID;
        }
    } else if (!Name->Stream.Length) {
        return STATUS_OBJECT_NAME_INVALID; /* "file:" */
    }
    if (Name->Stream.Length / sizeof(WCHAR) > FSX_NAME_MAX)
        return STATUS_OBJECT_NAME_INVALID;
    for (USHORT i = 0; i < Name->Stream.Length / sizeof(WCHAR); i++) {
        if (Name->Stream.Buffer[i] == L'/' || !Name->Stream.Buffer[i])
            return STATUS_OBJECT_NAME_INVALID;
    }
    return Name->File.Length ? FsxCheckName(Volume, &Name->File) : STATUS_SUCCESS;
}

void FsxShortName(FSX_VOLUME *Volume, FSX_ID Directory, PCUNICODE_STRING Name,
                  PUNICODE_STRING Short, WCHAR Buffer[FSX_SHORT_MAX])
{
    Short->Buffer = Buffer;
    Short->Length = 0;
    Short->MaximumLength = FSX_SHORT_MAX * sizeof(WCHAR);
    if (Volume->Personality->ShortNames)
        FsxStoreShortName(Volume->Store, Directory, Name, Short, Buffer);
}

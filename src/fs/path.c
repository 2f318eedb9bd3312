/* SPDX-License-Identifier: MIT */
/* path.c - what a name may be: components, streams, 8.3 aliases. */
#include "fs/fsp.h"

#include <string.h>

NTSTATUS FsxCheckName(const FSX_VOLUME *Volume, PCUNICODE_STRING Name)
{
    USHORT Count = Name->Length / sizeof(WCHAR);

    if (!Count || Count > Volume->Personality->MaxComponent)
        return STATUS_OBJECT_NAME_INVALID;
    /* "." and ".." are Win32's to resolve: in a path that reaches a file system they name nothing. */
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
    UNICODE_STRING Result = {(USHORT)((End - First) * sizeof(WCHAR)), (USHORT)((End - First) * sizeof(WCHAR)),
                             Of->Buffer + First};

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
        if (Is(&Type, L"$INDEX_ALLOCATION") && (Is(&Name->Stream, L"$I30") || !Name->Stream.Length)) {
            Name->DirectoryType = true;
            Name->Stream.Length = 0;
        } else if (!Is(&Type, L"$DATA")) {
            return STATUS_OBJECT_NAME_INVALID;
        }
    } else if (!Name->Stream.Length) {
        return STATUS_OBJECT_NAME_INVALID;      /* "file:" */
    }
    if (Name->Stream.Length / sizeof(WCHAR) > FSX_NAME_MAX)
        return STATUS_OBJECT_NAME_INVALID;
    for (USHORT i = 0; i < Name->Stream.Length / sizeof(WCHAR); i++) {
        if (Name->Stream.Buffer[i] == L'/' || !Name->Stream.Buffer[i])
            return STATUS_OBJECT_NAME_INVALID;
    }
    return Name->File.Length ? FsxCheckName(Volume, &Name->File) : STATUS_SUCCESS;
}

/* ---- 8.3 ------------------------------------------------------------------------------------------------------------- */

static bool ShortChar(WCHAR c)
{
    return c > 0x20 && c < 0x7f && !strchr("\"*+,/:;<=>?[\\]|.", (char)c);
}

/* Whether the name is an 8.3 name as it stands (case aside). */
static bool IsShort(PCUNICODE_STRING Name)
{
    USHORT Count = Name->Length / sizeof(WCHAR), Dot = Count;

    for (USHORT i = 0; i < Count; i++) {
        if (Name->Buffer[i] == L'.') {
            if (Dot != Count)
                return false;
            Dot = i;
        } else if (!ShortChar(Name->Buffer[i])) {
            return false;
        }
    }
    return Dot && Dot <= 8 && (Dot == Count || (Count - Dot - 1 >= 1 && Count - Dot - 1 <= 3));
}

/* Up to Max legal characters of [First, End), upcased; what is not legal is left out or becomes an underscore. */
static USHORT Squeeze(PCUNICODE_STRING Name, USHORT First, USHORT End, WCHAR *Out, USHORT Max)
{
    USHORT n = 0;

    for (USHORT i = First; i < End && n < Max; i++) {
        WCHAR c = Name->Buffer[i];

        if (c == L' ' || c == L'.')
            continue;
        Out[n++] = ShortChar(c) ? RtlUpcaseUnicodeChar(c) : L'_';
    }
    return n;
}

static USHORT Checksum(PCUNICODE_STRING Name)
{
    USHORT Sum = 0;

    for (USHORT i = 0; i < Name->Length / sizeof(WCHAR); i++)
        Sum = (USHORT)(Sum * 37 + Name->Buffer[i]);
    return Sum;
}

/*
 * NAME~1 to NAME~4 while free, then two letters and a checksum of the name in front of the tilde: as Windows does, so
 * that directories with many similar names do not need many tries.
 */
void FsxShortName(FSX_VOLUME *Volume, FSX_ID Directory, PCUNICODE_STRING Name, PUNICODE_STRING Short,
                  WCHAR Buffer[FSX_SHORT_MAX])
{
    USHORT Count = Name->Length / sizeof(WCHAR), Dot = Count, Base, Extension;
    WCHAR Stem[8], Tail[3];
    FSX_ENTRY Taken;

    Short->Buffer = Buffer;
    Short->Length = 0;
    Short->MaximumLength = FSX_SHORT_MAX * sizeof(WCHAR);
    if (!Volume->Personality->ShortNames || IsShort(Name))
        return;
    for (USHORT i = 1; i < Count; i++) {
        if (Name->Buffer[i] == L'.')
            Dot = i;
    }
    Base = Squeeze(Name, 0, Dot, Stem, 6);
    Extension = Squeeze(Name, Dot, Count, Tail, 3);
    for (ULONG Try = 1; Try < 100; Try++) {
        USHORT n = 0, Hash = Checksum(Name);

        if (Try <= 4) {
            for (USHORT i = 0; i < Base; i++)
                Buffer[n++] = Stem[i];
        } else {
            for (USHORT i = 0; i < Base && i < 2; i++)
                Buffer[n++] = Stem[i];
            for (int Shift = 12; Shift >= 0 && n < 6; Shift -= 4)
                Buffer[n++] = L"0123456789ABCDEF"[(Hash + Try / 10) >> Shift & 15];
        }
        Buffer[n++] = L'~';
        Buffer[n++] = (WCHAR)(L'0' + (Try <= 4 ? Try : 1 + (Try - 5) % 9));
        if (Extension) {
            Buffer[n++] = L'.';
            for (USHORT i = 0; i < Extension; i++)
                Buffer[n++] = Tail[i];
        }
        Short->Length = (USHORT)(n * sizeof(WCHAR));
        if (Volume->Store->Ops->Lookup(Volume->Store, Directory, Short, &Taken) == STATUS_OBJECT_NAME_NOT_FOUND)
            return;
    }
    Short->Length = 0;
}

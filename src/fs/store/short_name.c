/* SPDX-License-Identifier: MIT */
/* short_name.c - 8.3 aliases of long names, chosen so that they are free in their directory. */
#include "fs/store/store.h"

#include <string.h>

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

/*
 * Up to Max legal characters of [First, End), upcased; what is not legal is left out or becomes an
 * underscore.
 */
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
 * NAME~1 to NAME~4 while free, then two letters and a checksum of the name in front of the tilde:
 * as Windows does, so that directories with many similar names do not need many tries.
 */
void FsxStoreShortName(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING Name,
                       PUNICODE_STRING Short, WCHAR Buffer[FSX_SHORT_MAX])
{
    USHORT Count = Name->Length / sizeof(WCHAR), Dot = Count, Base, Extension;
    WCHAR Stem[8], Tail[3];
    FSX_ENTRY Taken;

    Short->Buffer = Buffer;
    Short->Length = 0;
    Short->MaximumLength = FSX_SHORT_MAX * sizeof(WCHAR);
    if (IsShort(Name))
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
        if (Store->Ops->Lookup(Store, Directory, Short, &Taken) == STATUS_OBJECT_NAME_NOT_FOUND)
            return;
    }
    Short->Length = 0;
}

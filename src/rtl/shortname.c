/* SPDX-License-Identifier: MIT */
/* Names in the 8.3 form: what is one, and how a long name becomes one. PASSIVE_LEVEL. */
#include "rtl/rtl.h"

#include <string.h>

#define BASE 8
#define EXTENSION 3
/* Retries of one long name before it is given up (nf-ntifs-rtlgenerate8dot3name). */
#define LAST_INDEX 999999

/* Never part of an 8.3 name. */
static bool Forbidden(uint16_t C)
{
    return C < 0x20 || C == 0x7f || (C < 0x80 && strchr("\"*/:<>?\\|", (int)C));
}

/* Legal in long names only; a generated short name has an underscore in their place. */
static bool LongOnly(uint16_t C)
{
    return C < 0x80 && C && strchr("+,;=[]", (int)C);
}

/* The character has a capital in the OEM code page that is a character, not its substitute. */
BOOLEAN NTAPI RtlIsValidOemCharacter(PWCHAR Char)
{
    unsigned char Oem;

    if (!RtlxWideToOem(RtlxUpcase(*Char), &Oem))
        return FALSE;
    *Char = RtlxOemToWide(Oem);
    return TRUE;
}

static bool LegalBytes(const OEM_STRING *Name, bool *Spaces)
{
    const char *Dot = memchr(Name->Buffer, '.', Name->Length);
    size_t Length = Name->Length, Base = Dot ? (size_t)(Dot - Name->Buffer) : Length;

    if (!Base || Base > BASE || Name->Buffer[Base - 1] == ' ' || Name->Buffer[Length - 1] == ' ')
        return false;
    if (Dot && (Length - Base - 1 > EXTENSION || Length == Base + 1))
        return false;
    for (size_t i = 0; i < Length; i++) {
        unsigned char c = (unsigned char)Name->Buffer[i];
        if ((c == '.' && i != Base) || Forbidden(c) || LongOnly(c))
            return false;
        *Spaces = *Spaces || c == ' ';
    }
    return true;
}

/*
 * TRUE when Name fits 8.3, case ignored; "." and ".." do. *OemName, when given, receives it in
 * capitals. Spaces inside are legal, and told. nf-ntifs-rtlisnamelegaldos8dot3
 */
BOOLEAN NTAPI RtlIsNameLegalDOS8Dot3(PCUNICODE_STRING Name, POEM_STRING OemName,
                                     PBOOLEAN NameContainsSpaces)
{
    char Buffer[BASE + 1 + EXTENSION];
    OEM_STRING Own = {0, sizeof Buffer, Buffer};
    bool Spaces = false, Dots;

    if (!Name->Length || Name->Length > sizeof Buffer * sizeof(WCHAR))
        return FALSE;
    if (!OemName)
        OemName = &Own;
    if (!NT_SUCCESS(RtlUpcaseUnicodeStringToCountedOemString(OemName, Name, FALSE)))
        return FALSE;
    Dots = (OemName->Length == 1 && OemName->Buffer[0] == '.') ||
           (OemName->Length == 2 && OemName->Buffer[0] == '.' && OemName->Buffer[1] == '.');
    if (!Dots && !LegalBytes(OemName, &Spaces))
        return FALSE;
    if (NameContainsSpaces)
        *NameContainsSpaces = Spaces;
    return TRUE;
}

/* ---- making one ----------------------------------------------------------------------------- */

/* What a character of the long name becomes; 0 when it is dropped. */
static WCHAR ShortCharacter(WCHAR C, BOOLEAN Extended)
{
    uint16_t u = (uint16_t)C;

    if (u == ' ' || u == '.' || Forbidden(u))
        return u == ':' ? '_' : 0;
    if (LongOnly(u))
        return '_';
    if (u >= 0x80 && !Extended)
        return 0;
    return RtlIsValidOemCharacter(&C) ? C : '_';
}

/* Any hash will do that spreads names over 16 bits. */
static USHORT ChecksumOf(PCUNICODE_STRING Name)
{
    ULONG Sum = 0x811c9dc5u;

    for (unsigned i = 0; i < Name->Length / sizeof(WCHAR); i++)
        Sum = (Sum ^ (uint16_t)Name->Buffer[i]) * 0x01000193u;
    return (USHORT)(Sum ^ Sum >> 16);
}

/* Base and extension out of the long name, once for all retries. */
static void Analyse(PCUNICODE_STRING Name, BOOLEAN Extended, PGENERATE_NAME_CONTEXT Context)
{
    unsigned n = Name->Length / sizeof(WCHAR), First = 0, Dot;

    while (First < n && (Name->Buffer[First] == '.' || Name->Buffer[First] == ' '))
        First++;
    for (Dot = n; Dot > First && Name->Buffer[Dot - 1] != '.';)
        Dot--;
    /* Dot is one behind the last period; without one, or with nothing behind it, there is no
     * extension. */
    for (unsigned i = First; i < (Dot > First ? Dot - 1 : n) && Context->NameLength < 6; i++) {
        WCHAR c = ShortCharacter(Name->Buffer[i], Extended);
        if (c)
            Context->NameBuffer[Context->NameLength++] = c;
    }
    for (unsigned i = Dot; Dot > First && i < n && Context->ExtensionLength < EXTENSION + 1; i++) {
        WCHAR c = ShortCharacter(Name->Buffer[i], Extended);
        if (!c)
            continue;
        if (!Context->ExtensionLength)
            Context->ExtensionBuffer[Context->ExtensionLength++] = '.';
        Context->ExtensionBuffer[Context->ExtensionLength++] = c;
    }
    Context->Checksum = ChecksumOf(Name);
}

/* Two characters of the name and the checksum: names that begin alike stop colliding. */
static void InsertChecksum(PGENERATE_NAME_CONTEXT Context)
{
    static const char Digit[] = "0123456789ABCDEF";
    UCHAR At = Context->NameLength < 2 ? Context->NameLength : 2;

    for (int Shift = 12; Shift >= 0; Shift -= 4)
        Context->NameBuffer[At++] = (WCHAR)Digit[Context->Checksum >> Shift & 0xf];
    Context->NameLength = At;
    Context->ChecksumInserted = TRUE;
    Context->LastIndexValue = 1;
}

/*
 * The next short name for a long one: LONGNA~1.EXT, ~2 and so on to ~4, then LO with four digits of
 * a checksum. Context is zeroed before the first call for a name and kept for the next ones.
 * Name8dot3 has room for 12 characters. STATUS_FILE_SYSTEM_LIMITATION when there is no number left.
 * nf-ntifs-rtlgenerate8dot3name
 */
NTSTATUS NTAPI RtlGenerate8dot3Name(PCUNICODE_STRING Name, BOOLEAN AllowExtendedCharacters,
                                    PGENERATE_NAME_CONTEXT Context, PUNICODE_STRING Name8dot3)
{
    WCHAR Tail[8];
    ULONG Digits = 0, Index, Base, n = 0;

    if (!Context->LastIndexValue)
        Analyse(Name, AllowExtendedCharacters, Context);
    Context->LastIndexValue++;
    if (!Context->ChecksumInserted && (Context->LastIndexValue > 4 || Context->NameLength <= 2))
        InsertChecksum(Context);
    if (Context->LastIndexValue > LAST_INDEX)
        return STATUS_FILE_SYSTEM_LIMITATION;
    for (Index = Context->LastIndexValue; Index; Index /= 10)
        Tail[Digits++] = (WCHAR)('0' + Index % 10);
    Base = BASE - 1 - Digits < Context->NameLength ? BASE - 1 - Digits : Context->NameLength;
    if ((Base + 1 + Digits + Context->ExtensionLength) * sizeof(WCHAR) > Name8dot3->MaximumLength)
        return STATUS_BUFFER_TOO_SMALL;
    for (; n < Base; n++)
        Name8dot3->Buffer[n] = Context->NameBuffer[n];
    Name8dot3->Buffer[n++] = '~';
    while (Digits)
        Name8dot3->Buffer[n++] = Tail[--Digits];
    for (ULONG i = 0; i < Context->ExtensionLength; i++)
        Name8dot3->Buffer[n++] = Context->ExtensionBuffer[i];
    Name8dot3->Length = (USHORT)(n * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

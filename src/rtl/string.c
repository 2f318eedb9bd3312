/* SPDX-License-Identifier: MIT */
/* Counted strings. All of these touch pageable code or tables on Windows: PASSIVE_LEVEL unless the
 * text says more. */
#include "rtl/rtl.h"

#include <string.h>

#define TAG_STRING 'sUlR'

/* RtlInitUnicodeString: any IRQL; keeps the caller's buffer. Longer text than 0xfffc bytes is cut,
 * as Windows does. */
VOID NTAPI RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    size_t n = 0;

    DestinationString->Buffer = (PWSTR)SourceString;
    DestinationString->Length = DestinationString->MaximumLength = 0;
    if (!SourceString)
        return;
    while (SourceString[n] && n < 0x7ffe)
        n++;
    DestinationString->Length = (USHORT)(n * sizeof(WCHAR));
    DestinationString->MaximumLength = (USHORT)((n + 1) * sizeof(WCHAR));
}

/* RtlInitUnicodeStringEx: the checked form; STATUS_NAME_TOO_LONG instead of cutting. */
NTSTATUS NTAPI RtlInitUnicodeStringEx(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    size_t n = 0;

    while (SourceString && SourceString[n])
        if (++n > 0x7ffe)
            return STATUS_NAME_TOO_LONG;
    RtlInitUnicodeString(DestinationString, SourceString);
    return STATUS_SUCCESS;
}

VOID NTAPI RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString)
{
    size_t n = SourceString ? strlen(SourceString) : 0;

    if (n > 0xfffe)
        n = 0xfffe;
    DestinationString->Buffer = (PCHAR)SourceString;
    DestinationString->Length = (USHORT)n;
    DestinationString->MaximumLength = (USHORT)(SourceString ? n + 1 : 0);
}

VOID NTAPI RtlInitString(PSTRING DestinationString, PCSZ SourceString)
{
    RtlInitAnsiString(DestinationString, SourceString);
}

NTSTATUS NTAPI RtlInitAnsiStringEx(PANSI_STRING DestinationString, PCSZ SourceString)
{
    if (SourceString && strlen(SourceString) > 0xfffe)
        return STATUS_NAME_TOO_LONG;
    RtlInitAnsiString(DestinationString, SourceString);
    return STATUS_SUCCESS;
}

VOID NTAPI RtlInitUTF8String(PUTF8_STRING DestinationString, PCSZ SourceString)
{
    RtlInitAnsiString(DestinationString, SourceString);
}

WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR SourceCharacter)
{
    return RtlxUpcase(SourceCharacter);
}

WCHAR NTAPI RtlDowncaseUnicodeChar(WCHAR SourceCharacter)
{
    return RtlxDowncase(SourceCharacter);
}

static LONG CompareUnits(const WCHAR *A, size_t CountA, const WCHAR *B, size_t CountB,
                         bool IgnoreCase)
{
    size_t n = CountA < CountB ? CountA : CountB;

    for (size_t i = 0; i < n; i++) {
        uint16_t x = (uint16_t)A[i], y = (uint16_t)B[i];
        if (x != y && IgnoreCase) {
            x = (uint16_t)RtlxUpcase((WCHAR)x);
            y = (uint16_t)RtlxUpcase((WCHAR)y);
        }
        if (x != y)
            return (LONG)x - (LONG)y;
    }
    return CountA == CountB ? 0 : CountA < CountB ? -1 : 1;
}

LONG NTAPI RtlCompareUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2,
                                   BOOLEAN CaseInSensitive)
{
    return CompareUnits(String1->Buffer, String1->Length / 2u, String2->Buffer,
                        String2->Length / 2u, CaseInSensitive);
}

LONG NTAPI RtlCompareUnicodeStrings(PCWCH String1, SIZE_T String1Length, PCWCH String2,
                                    SIZE_T String2Length, BOOLEAN CaseInSensitive)
{
    return CompareUnits(String1, String1Length, String2, String2Length, CaseInSensitive);
}

BOOLEAN NTAPI RtlEqualUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2,
                                    BOOLEAN CaseInSensitive)
{
    return String1->Length == String2->Length &&
           !RtlCompareUnicodeString(String1, String2, CaseInSensitive);
}

BOOLEAN NTAPI RtlPrefixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2,
                                     BOOLEAN CaseInSensitive)
{
    return String1->Length <= String2->Length &&
           !CompareUnits(String1->Buffer, String1->Length / 2u, String2->Buffer,
                         String1->Length / 2u, CaseInSensitive);
}

BOOLEAN NTAPI RtlSuffixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2,
                                     BOOLEAN CaseInSensitive)
{
    size_t n = String1->Length / 2u, m = String2->Length / 2u;

    return n <= m &&
           !CompareUnits(String1->Buffer, n, String2->Buffer + (m - n), n, CaseInSensitive);
}

static int FoldAnsi(unsigned char C, bool Fold)
{
    return Fold ? RtlxWideToAnsi(RtlxUpcase(RtlxAnsiToWide(C))) : C;
}

LONG NTAPI RtlCompareString(const STRING *String1, const STRING *String2, BOOLEAN CaseInSensitive)
{
    size_t n = String1->Length < String2->Length ? String1->Length : String2->Length;

    for (size_t i = 0; i < n; i++) {
        int d = FoldAnsi((unsigned char)String1->Buffer[i], CaseInSensitive) -
                FoldAnsi((unsigned char)String2->Buffer[i], CaseInSensitive);
        if (d)
            return d;
    }
    return (LONG)String1->Length - (LONG)String2->Length;
}

BOOLEAN NTAPI RtlEqualString(const STRING *String1, const STRING *String2, BOOLEAN CaseInSensitive)
{
    return String1->Length == String2->Length &&
           !RtlCompareString(String1, String2, CaseInSensitive);
}

CHAR NTAPI RtlUpperChar(CHAR Character)
{
    return (CHAR)FoldAnsi((unsigned char)Character, true);
}

VOID NTAPI RtlUpperString(PSTRING DestinationString, const STRING *SourceString)
{
    USHORT n = SourceString->Length < DestinationString->MaximumLength
                   ? SourceString->Length
                   : DestinationString->MaximumLength;

    for (USHORT i = 0; i < n; i++)
        DestinationString->Buffer[i] = RtlUpperChar(SourceString->Buffer[i]);
    DestinationString->Length = n;
}

VOID NTAPI RtlCopyString(PSTRING DestinationString, const STRING *SourceString)
{
    USHORT n = 0;

    if (SourceString) {
        n = SourceString->Length < DestinationString->MaximumLength
                ? SourceString->Length
                : DestinationString->MaximumLength;
        memcpy(DestinationString->Buffer, SourceString->Buffer, n);
    }
    DestinationString->Length = n;
}

/* Cuts to what fits; adds a terminator only when there is room. A NULL source empties.
 * DISPATCH_LEVEL at most. */
VOID NTAPI RtlCopyUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString)
{
    USHORT n;

    if (!SourceString) {
        DestinationString->Length = 0;
        return;
    }
    n = SourceString->Length < DestinationString->MaximumLength ? SourceString->Length
                                                                : DestinationString->MaximumLength;
    memmove(DestinationString->Buffer, SourceString->Buffer, n);
    DestinationString->Length = n;
    if (n + sizeof(WCHAR) <= DestinationString->MaximumLength)
        DestinationString->Buffer[n / sizeof(WCHAR)] = 0;
}

/* STATUS_BUFFER_TOO_SMALL leaves the destination as it was. */
NTSTATUS NTAPI RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source)
{
    ULONG n = Source->Length;

    if (!n)
        return STATUS_SUCCESS;
    if ((ULONG)Destination->Length + n > Destination->MaximumLength)
        return STATUS_BUFFER_TOO_SMALL;
    memmove((char *)Destination->Buffer + Destination->Length, Source->Buffer, n);
    Destination->Length = (USHORT)(Destination->Length + n);
    if ((ULONG)Destination->Length + sizeof(WCHAR) <= Destination->MaximumLength)
        Destination->Buffer[Destination->Length / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source)
{
    UNICODE_STRING s;

    if (!Source)
        return STATUS_SUCCESS;
    if (!NT_SUCCESS(RtlInitUnicodeStringEx(&s, Source)))
        return STATUS_BUFFER_TOO_SMALL;
    return RtlAppendUnicodeStringToString(Destination, &s);
}

/* Frees a string one of the allocating routines made; any other buffer is the caller's mistake and
 * ExFreePool says so. */
VOID NTAPI RtlFreeUnicodeString(PUNICODE_STRING UnicodeString)
{
    if (UnicodeString->Buffer) {
        ExFreePool(UnicodeString->Buffer);
        *UnicodeString = (UNICODE_STRING){0};
    }
}

VOID NTAPI RtlFreeAnsiString(PANSI_STRING AnsiString)
{
    if (AnsiString->Buffer) {
        ExFreePool(AnsiString->Buffer);
        *AnsiString = (ANSI_STRING){0};
    }
}

VOID NTAPI RtlFreeOemString(POEM_STRING OemString)
{
    RtlFreeAnsiString(OemString);
}

VOID NTAPI RtlFreeUTF8String(PUTF8_STRING String)
{
    RtlFreeAnsiString(String);
}

/* Gives Destination room for Bytes (plus a terminator when there is room): a fresh buffer or its
 * own. */
static NTSTATUS PrepareWide(PUNICODE_STRING Destination, ULONG Bytes, BOOLEAN Allocate)
{
    if (Allocate) {
        if (Bytes + sizeof(WCHAR) > 0xfffe)
            return STATUS_INVALID_PARAMETER_2;
        Destination->Buffer = ExAllocatePoolWithTag(PagedPool, Bytes + sizeof(WCHAR), TAG_STRING);
        if (!Destination->Buffer)
            return STATUS_NO_MEMORY;
        Destination->MaximumLength = (USHORT)(Bytes + sizeof(WCHAR));
    } else if (Bytes > Destination->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    Destination->Length = (USHORT)Bytes;
    if (Bytes + sizeof(WCHAR) <= Destination->MaximumLength)
        Destination->Buffer[Bytes / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAnsiStringToUnicodeString(PUNICODE_STRING DestinationString,
                                            PCANSI_STRING SourceString,
                                            BOOLEAN AllocateDestinationString)
{
    NTSTATUS Status =
        PrepareWide(DestinationString, SourceString->Length * 2u, AllocateDestinationString);

    if (NT_SUCCESS(Status))
        RtlMultiByteToUnicodeN(DestinationString->Buffer, DestinationString->Length, NULL,
                               SourceString->Buffer, SourceString->Length);
    return Status;
}

NTSTATUS NTAPI RtlUnicodeStringToAnsiString(PANSI_STRING DestinationString,
                                            PCUNICODE_STRING SourceString,
                                            BOOLEAN AllocateDestinationString)
{
    ULONG n = SourceString->Length / 2u;
    NTSTATUS Status = STATUS_SUCCESS;

    if (AllocateDestinationString) {
        DestinationString->Buffer = ExAllocatePoolWithTag(PagedPool, n + 1, TAG_STRING);
        if (!DestinationString->Buffer)
            return STATUS_NO_MEMORY;
        DestinationString->MaximumLength = (USHORT)(n + 1);
    } else if (n + 1 > DestinationString->MaximumLength) {
        /* Documented: cut to what fits with a terminator, STATUS_BUFFER_OVERFLOW. */
        if (!DestinationString->MaximumLength)
            return STATUS_BUFFER_OVERFLOW;
        n = DestinationString->MaximumLength - 1u;
        Status = STATUS_BUFFER_OVERFLOW;
    }
    RtlUnicodeToMultiByteN(DestinationString->Buffer, n, NULL, SourceString->Buffer,
                           SourceString->Length);
    DestinationString->Buffer[n] = 0;
    DestinationString->Length = (USHORT)n;
    return Status;
}

ULONG NTAPI RtlxAnsiStringToUnicodeSize(PCANSI_STRING AnsiString)
{
    return (AnsiString->Length + 1u) * (ULONG)sizeof(WCHAR);
}

ULONG NTAPI RtlxUnicodeStringToAnsiSize(PCUNICODE_STRING UnicodeString)
{
    return UnicodeString->Length / 2u + 1u;
}

static NTSTATUS MapCase(PUNICODE_STRING Destination, PCUNICODE_STRING Source, BOOLEAN Allocate,
                        WCHAR (*Map)(WCHAR))
{
    NTSTATUS Status = STATUS_SUCCESS;

    if (Allocate)
        Status = PrepareWide(Destination, Source->Length, TRUE);
    else if (Source->Length > Destination->MaximumLength)
        Status = STATUS_BUFFER_OVERFLOW;
    if (!NT_SUCCESS(Status))
        return Status;
    for (ULONG i = 0; i < Source->Length / 2u; i++)
        Destination->Buffer[i] = Map(Source->Buffer[i]);
    Destination->Length = Source->Length;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUpcaseUnicodeString(PUNICODE_STRING DestinationString,
                                      PCUNICODE_STRING SourceString,
                                      BOOLEAN AllocateDestinationString)
{
    return MapCase(DestinationString, SourceString, AllocateDestinationString, RtlxUpcase);
}

NTSTATUS NTAPI RtlDowncaseUnicodeString(PUNICODE_STRING DestinationString,
                                        PCUNICODE_STRING SourceString,
                                        BOOLEAN AllocateDestinationString)
{
    return MapCase(DestinationString, SourceString, AllocateDestinationString, RtlxDowncase);
}

/* Flags 1: terminate the copy; 2: allocate a buffer for an empty string too (only with 1).
 * nf-ntifs-rtlduplicateunicodestring */
NTSTATUS NTAPI RtlDuplicateUnicodeString(ULONG Flags, PCUNICODE_STRING StringIn,
                                         PUNICODE_STRING StringOut)
{
    ULONG Extra = Flags & 1 ? sizeof(WCHAR) : 0;

    if (!StringIn || !StringOut || (Flags & ~3u) || Flags == 2 || StringIn->Length % 2)
        return STATUS_INVALID_PARAMETER;
    *StringOut = (UNICODE_STRING){0};
    if (!StringIn->Length && !(Flags & 2))
        return STATUS_SUCCESS;
    if (StringIn->Length + Extra > 0xfffe)
        return STATUS_NAME_TOO_LONG;
    StringOut->Buffer = ExAllocatePoolWithTag(PagedPool, StringIn->Length + Extra, TAG_STRING);
    if (!StringOut->Buffer)
        return STATUS_NO_MEMORY;
    memcpy(StringOut->Buffer, StringIn->Buffer, StringIn->Length);
    StringOut->Length = StringIn->Length;
    StringOut->MaximumLength = (USHORT)(StringIn->Length + Extra);
    if (Extra)
        StringOut->Buffer[StringIn->Length / 2u] = 0;
    return STATUS_SUCCESS;
}

/* HashAlgorithm 0 (default) and 1 are the x65599 polynomial. nf-wdm-rtlhashunicodestring */
NTSTATUS NTAPI RtlHashUnicodeString(PCUNICODE_STRING String, BOOLEAN CaseInSensitive,
                                    ULONG HashAlgorithm, PULONG HashValue)
{
    ULONG Hash = 0;

    if (!String || !HashValue || HashAlgorithm > 1)
        return STATUS_INVALID_PARAMETER;
    for (ULONG i = 0; i < String->Length / 2u; i++)
        Hash = Hash * 65599u +
               (uint16_t)(CaseInSensitive ? RtlxUpcase(String->Buffer[i]) : String->Buffer[i]);
    *HashValue = Hash;
    return STATUS_SUCCESS;
}

/* ---- narrow strings, and strings made from plain text -------------------------------------------
 */

BOOLEAN NTAPI RtlPrefixString(const STRING *String1, const STRING *String2, BOOLEAN CaseInSensitive)
{
    STRING Start = *String2;

    if (String1->Length > String2->Length)
        return FALSE;
    Start.Length = String1->Length;
    return RtlEqualString(String1, &Start, CaseInSensitive);
}

/* STATUS_BUFFER_TOO_SMALL leaves Destination alone. Any IRQL. nf-ntifs-rtlappendstringtostring */
NTSTATUS NTAPI RtlAppendStringToString(PSTRING Destination, const STRING *Source)
{
    if (Destination->Length + Source->Length > Destination->MaximumLength)
        return STATUS_BUFFER_TOO_SMALL;
    memmove(Destination->Buffer + Destination->Length, Source->Buffer, Source->Length);
    Destination->Length = (USHORT)(Destination->Length + Source->Length);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAppendAsciizToString(PSTRING Destination, PCSZ Source)
{
    STRING s;

    if (!Source)
        return STATUS_SUCCESS;
    if (strlen(Source) > 0xffff)
        return STATUS_BUFFER_TOO_SMALL;
    s = (STRING){(USHORT)strlen(Source), 0, (PCHAR)(uintptr_t)Source};
    return RtlAppendStringToString(Destination, &s);
}

/* A copy in paged pool for RtlFreeUnicodeString; FALSE without memory.
 * nf-ntifs-rtlcreateunicodestring */
BOOLEAN NTAPI RtlCreateUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    UNICODE_STRING Source;

    return NT_SUCCESS(RtlInitUnicodeStringEx(&Source, SourceString)) &&
           NT_SUCCESS(RtlDuplicateUnicodeString(3, &Source, DestinationString));
}

/* Whole characters, inside a buffer that is there. NULL is valid. Flags is 0.
 * nf-wdm-rtlvalidateunicodestring */
NTSTATUS NTAPI RtlValidateUnicodeString(ULONG Flags, PCUNICODE_STRING String)
{
    if (Flags)
        return STATUS_INVALID_PARAMETER;
    if (!String)
        return STATUS_SUCCESS;
    if (String->Length % 2 || String->MaximumLength % 2 || String->Length > String->MaximumLength ||
        (!String->Buffer && String->MaximumLength))
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

/* Terminated UTF-8. STATUS_BUFFER_OVERFLOW, STATUS_NO_MEMORY. nf-ntifs-rtlunicodestringtoutf8string
 */
NTSTATUS NTAPI RtlUnicodeStringToUTF8String(PUTF8_STRING DestinationString,
                                            PCUNICODE_STRING SourceString,
                                            BOOLEAN AllocateDestinationString)
{
    ULONG Bytes = 0;

    if (SourceString->Length)
        RtlUnicodeToUTF8N(NULL, 0, &Bytes, SourceString->Buffer, SourceString->Length);
    if (Bytes + 1 > 0xffff)
        return STATUS_INVALID_PARAMETER_2;
    if (AllocateDestinationString) {
        DestinationString->Buffer = ExAllocatePoolWithTag(PagedPool, Bytes + 1, TAG_STRING);
        if (!DestinationString->Buffer)
            return STATUS_NO_MEMORY;
        DestinationString->MaximumLength = (USHORT)(Bytes + 1);
    } else if (Bytes + 1 > DestinationString->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    if (Bytes)
        RtlUnicodeToUTF8N(DestinationString->Buffer, Bytes, NULL, SourceString->Buffer,
                          SourceString->Length);
    DestinationString->Buffer[Bytes] = 0;
    DestinationString->Length = (USHORT)Bytes;
    return STATUS_SUCCESS;
}

/* The other way. nf-ntifs-rtlutf8stringtounicodestring */
NTSTATUS NTAPI RtlUTF8StringToUnicodeString(PUNICODE_STRING DestinationString,
                                            PUTF8_STRING SourceString,
                                            BOOLEAN AllocateDestinationString)
{
    ULONG Bytes = 0;
    NTSTATUS Status;

    if (SourceString->Length)
        RtlUTF8ToUnicodeN(NULL, 0, &Bytes, SourceString->Buffer, SourceString->Length);
    Status = PrepareWide(DestinationString, Bytes, AllocateDestinationString);
    if (NT_SUCCESS(Status) && Bytes)
        RtlUTF8ToUnicodeN(DestinationString->Buffer, Bytes, NULL, SourceString->Buffer,
                          SourceString->Length);
    return Status;
}

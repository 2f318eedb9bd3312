/* SPDX-License-Identifier: MIT */
/* Text conversions: ANSI (Windows-1252), UTF-8, UTF-16. */
#include "rtl/rtl.h"

#include <string.h>

/* Windows-1252 0x80..0x9f; the undefined five map to the C1 control of the same value, as Windows'
 * best fit does. */
static const uint16_t AnsiHigh[32] = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178,
};

WCHAR RtlxAnsiToWide(unsigned char C)
{
    return (WCHAR)(C >= 0x80 && C < 0xa0 ? AnsiHigh[C - 0x80] : C);
}

unsigned char RtlxWideToAnsi(WCHAR C)
{
    uint16_t u = (uint16_t)C;

    if (u < 0x80 || (u >= 0xa0 && u < 0x100))
        return (unsigned char)u;
    for (int i = 0; i < 32; i++)
        if (AnsiHigh[i] == u)
            return (unsigned char)(0x80 + i);
    return '?';
}

/* One code point from UTF-8; advances *At. UINT32_MAX for what is not valid (overlong, surrogate,
 * short). */
static uint32_t ReadUtf8(const unsigned char *Text, size_t Bytes, size_t *At)
{
    static const uint32_t Least[4] = {0, 0x80, 0x800, 0x10000};
    uint32_t c = Text[(*At)++];
    int More = c < 0x80             ? 0
               : (c & 0xe0) == 0xc0 ? 1
               : (c & 0xf0) == 0xe0 ? 2
               : (c & 0xf8) == 0xf0 ? 3
                                    : -1;
    uint32_t Value = More <= 0 ? c : c & (0x3fu >> More);

    if (More < 0)
        return UINT32_MAX;
    for (int i = 0; i < More; i++) {
        if (*At >= Bytes || (Text[*At] & 0xc0) != 0x80)
            return UINT32_MAX;
        Value = Value << 6 | (Text[(*At)++] & 0x3f);
    }
    if (Value < Least[More] || Value > 0x10ffff || (Value >= 0xd800 && Value < 0xe000))
        return UINT32_MAX;
    return Value;
}

size_t RtlxUtf8ToWide(const char *Text, size_t Bytes, WCHAR *Out, size_t Room)
{
    size_t n = 0;

    for (size_t At = 0; At < Bytes;) {
        uint32_t c = ReadUtf8((const unsigned char *)Text, Bytes, &At);
        if (c == UINT32_MAX)
            return SIZE_MAX;
        if (c >= 0x10000) {
            if (n + 1 < Room)
                Out[n] = (WCHAR)(0xd800 + ((c - 0x10000) >> 10));
            n++;
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        if (n + 1 < Room)
            Out[n] = (WCHAR)c;
        n++;
    }
    if (Room)
        Out[n < Room ? n : Room - 1] = 0;
    return n;
}

static size_t PutUtf8(uint32_t c, char *Out, size_t n, size_t Room)
{
    char b[4];
    size_t k = 0;

    if (c < 0x80) {
        b[k++] = (char)c;
    } else if (c < 0x800) {
        b[k++] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        b[k++] = (char)(0xe0 | c >> 12);
        b[k++] = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        b[k++] = (char)(0xf0 | c >> 18);
        b[k++] = (char)(0x80 | (c >> 12 & 0x3f));
        b[k++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80)
        b[k++] = (char)(0x80 | (c & 0x3f));
    if (n + k < Room)
        memcpy(Out + n, b, k);
    return k;
}

size_t RtlxWideToUtf8(const WCHAR *Text, size_t Units, char *Out, size_t Room)
{
    size_t n = 0, End = 0;

    for (size_t i = 0; i < Units; i++) {
        uint32_t c = (uint16_t)Text[i];
        size_t k;
        if (c >= 0xd800 && c < 0xe000) {
            if (c >= 0xdc00 || i + 1 >= Units || ((uint16_t)Text[i + 1] & 0xfc00) != 0xdc00)
                return SIZE_MAX;
            c = 0x10000 + ((c & 0x3ff) << 10) + ((uint16_t)Text[++i] & 0x3ff);
        }
        k = PutUtf8(c, Out, n, Room);
        if (n + k < Room)
            End = n + k;
        n += k;
    }
    if (Room)
        Out[End] = 0;
    return n;
}

NTSTATUS RtlxDuplicateUtf8(const char *Text, UNICODE_STRING *Out)
{
    size_t Units = RtlxUtf8ToWide(Text, strlen(Text), NULL, 0);
    WCHAR *Buffer;

    if (Units == SIZE_MAX || Units > 0x7ffe)
        return STATUS_OBJECT_NAME_INVALID;
    Buffer = ExAllocatePoolWithTag(PagedPool, (Units + 1) * sizeof(WCHAR), 'sUlR');
    if (!Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlxUtf8ToWide(Text, strlen(Text), Buffer, Units + 1);
    Out->Buffer = Buffer;
    Out->Length = (USHORT)(Units * sizeof(WCHAR));
    Out->MaximumLength = (USHORT)((Units + 1) * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

/* ---- counted forms that drivers import
 * ------------------------------------------------------------------ */

/*
 * RtlMultiByteToUnicodeN and RtlUnicodeToMultiByteN: as much as fits, never an error, no
 * terminator. IRQL PASSIVE_LEVEL (code page tables are paged). nf-ntifs-rtlmultibytetounicoden,
 * nf-ntifs-rtlunicodetomultibyten.
 */
NTSTATUS NTAPI RtlMultiByteToUnicodeN(PWCH UnicodeString, ULONG MaxBytesInUnicodeString,
                                      PULONG BytesInUnicodeString, const CHAR *MultiByteString,
                                      ULONG BytesInMultiByteString)
{
    ULONG n = MaxBytesInUnicodeString / sizeof(WCHAR);

    if (n > BytesInMultiByteString)
        n = BytesInMultiByteString;
    for (ULONG i = 0; i < n; i++)
        UnicodeString[i] = RtlxAnsiToWide((unsigned char)MultiByteString[i]);
    if (BytesInUnicodeString)
        *BytesInUnicodeString = n * sizeof(WCHAR);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUnicodeToMultiByteN(PCHAR MultiByteString, ULONG MaxBytesInMultiByteString,
                                      PULONG BytesInMultiByteString, PCWCH UnicodeString,
                                      ULONG BytesInUnicodeString)
{
    ULONG n = BytesInUnicodeString / sizeof(WCHAR);

    if (n > MaxBytesInMultiByteString)
        n = MaxBytesInMultiByteString;
    for (ULONG i = 0; i < n; i++)
        MultiByteString[i] = (CHAR)RtlxWideToAnsi(UnicodeString[i]);
    if (BytesInMultiByteString)
        *BytesInMultiByteString = n;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUnicodeToMultiByteSize(PULONG BytesInMultiByteString, PCWCH UnicodeString,
                                         ULONG BytesInUnicodeString)
{
    UNREFERENCED_PARAMETER(UnicodeString);
    *BytesInMultiByteString = BytesInUnicodeString / sizeof(WCHAR);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlMultiByteToUnicodeSize(PULONG BytesInUnicodeString, const CHAR *MultiByteString,
                                         ULONG BytesInMultiByteString)
{
    UNREFERENCED_PARAMETER(MultiByteString);
    *BytesInUnicodeString = BytesInMultiByteString * sizeof(WCHAR);
    return STATUS_SUCCESS;
}

/*
 * RtlUTF8ToUnicodeN / RtlUnicodeToUTF8N: with a NULL destination they only count.
 * STATUS_SOME_NOT_MAPPED when something had to become U+FFFD, STATUS_BUFFER_TOO_SMALL when it does
 * not fit. nf-wdm-rtlutf8tounicoden, nf-wdm-rtlunicodetoutf8n.
 */
NTSTATUS NTAPI RtlUTF8ToUnicodeN(PWSTR UnicodeStringDestination, ULONG UnicodeStringMaxByteCount,
                                 PULONG UnicodeStringActualByteCount, PCCH UTF8StringSource,
                                 ULONG UTF8StringByteCount)
{
    size_t Room = UnicodeStringDestination ? UnicodeStringMaxByteCount / sizeof(WCHAR) : SIZE_MAX,
           n = 0;
    NTSTATUS Status = STATUS_SUCCESS;

    if (!UTF8StringSource)
        return STATUS_INVALID_PARAMETER_4;
    for (size_t At = 0; At < UTF8StringByteCount;) {
        uint32_t c = ReadUtf8((const unsigned char *)UTF8StringSource, UTF8StringByteCount, &At);
        size_t Need;
        if (c == UINT32_MAX) {
            c = 0xfffd;
            Status = STATUS_SOME_NOT_MAPPED;
        }
        Need = c >= 0x10000 ? 2 : 1;
        if (n + Need > Room) {
            Status = STATUS_BUFFER_TOO_SMALL;
            break;
        }
        if (UnicodeStringDestination) {
            if (Need == 2)
                UnicodeStringDestination[n] = (WCHAR)(0xd800 + ((c - 0x10000) >> 10));
            UnicodeStringDestination[n + Need - 1] =
                (WCHAR)(Need == 2 ? 0xdc00 + ((c - 0x10000) & 0x3ff) : c);
        }
        n += Need;
    }
    if (UnicodeStringActualByteCount)
        *UnicodeStringActualByteCount = (ULONG)(n * sizeof(WCHAR));
    return Status;
}

NTSTATUS NTAPI RtlUnicodeToUTF8N(PCHAR UTF8StringDestination, ULONG UTF8StringMaxByteCount,
                                 PULONG UTF8StringActualByteCount, PCWCH UnicodeStringSource,
                                 ULONG UnicodeStringByteCount)
{
    size_t Units = UnicodeStringByteCount / sizeof(WCHAR), n = 0;
    NTSTATUS Status = STATUS_SUCCESS;

    if (!UnicodeStringSource)
        return STATUS_INVALID_PARAMETER_4;
    for (size_t i = 0; i < Units; i++) {
        uint32_t c = (uint16_t)UnicodeStringSource[i];
        char b[8];
        size_t k;
        if ((c & 0xfc00) == 0xd800 && i + 1 < Units &&
            ((uint16_t)UnicodeStringSource[i + 1] & 0xfc00) == 0xdc00) {
            c = 0x10000 + ((c & 0x3ff) << 10) + ((uint16_t)UnicodeStringSource[++i] & 0x3ff);
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
            Status = STATUS_SOME_NOT_MAPPED;
        }
        k = PutUtf8(c, b, 0, sizeof(b));
        if (UTF8StringDestination) {
            if (n + k > UTF8StringMaxByteCount) {
                Status = STATUS_BUFFER_TOO_SMALL;
                break;
            }
            memcpy(UTF8StringDestination + n, b, k);
        }
        n += k;
    }
    if (UTF8StringActualByteCount)
        *UTF8StringActualByteCount = (ULONG)n;
    return Status;
}

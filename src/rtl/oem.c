/* SPDX-License-Identifier: MIT */
/*
 * The OEM code page: 437, as on a Windows in US English. One byte a character. File names on FAT
 * media and short names are judged in it. PASSIVE_LEVEL, as the tables are paged on Windows.
 */
#include "rtl/rtl.h"

#include <string.h>

static const uint16_t OemHigh[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
    0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
    0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
    0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

WCHAR RtlxOemToWide(unsigned char C)
{
    return (WCHAR)(C < 0x80 ? C : OemHigh[C - 0x80]);
}

bool RtlxWideToOem(WCHAR C, unsigned char *Out)
{
    if ((uint16_t)C < 0x80) {
        *Out = (unsigned char)C;
        return true;
    }
    for (int i = 0; i < 128; i++)
        if (OemHigh[i] == (uint16_t)C) {
            *Out = (unsigned char)(0x80 + i);
            return true;
        }
    *Out = '?';
    return false;
}

/* Upper case as the code page has it: a letter whose capital it lacks stays as it is. */
static bool Upcase(WCHAR C, unsigned char *Out)
{
    return RtlxWideToOem(RtlxUpcase(C), Out) || RtlxWideToOem(C, Out);
}

/* ---- as much as fits, never an error ------------------------------------------------------------
 */

/* nf-ntifs-rtloemtounicoden */
NTSTATUS NTAPI RtlOemToUnicodeN(PWCH UnicodeString, ULONG MaxBytesInUnicodeString,
                                PULONG BytesInUnicodeString, PCCH OemString, ULONG BytesInOemString)
{
    ULONG n = MaxBytesInUnicodeString / (ULONG)sizeof(WCHAR);

    n = n < BytesInOemString ? n : BytesInOemString;
    for (ULONG i = 0; i < n; i++)
        UnicodeString[i] = RtlxOemToWide((unsigned char)OemString[i]);
    if (BytesInUnicodeString)
        *BytesInUnicodeString = n * (ULONG)sizeof(WCHAR);
    return STATUS_SUCCESS;
}

static NTSTATUS ToBytes(PCHAR Out, ULONG Room, PULONG Used, PCWCH Text, ULONG Bytes,
                        bool (*Map)(WCHAR, unsigned char *))
{
    ULONG n = Bytes / (ULONG)sizeof(WCHAR);

    n = n < Room ? n : Room;
    for (ULONG i = 0; i < n; i++)
        Map(Text[i], (unsigned char *)&Out[i]);
    if (Used)
        *Used = n;
    return STATUS_SUCCESS;
}

/* Characters the code page lacks become '?'. nf-ntifs-rtlunicodetooemn */
NTSTATUS NTAPI RtlUnicodeToOemN(PCHAR OemString, ULONG MaxBytesInOemString, PULONG BytesInOemString,
                                PCWCH UnicodeString, ULONG BytesInUnicodeString)
{
    return ToBytes(OemString, MaxBytesInOemString, BytesInOemString, UnicodeString,
                   BytesInUnicodeString, RtlxWideToOem);
}

/* nf-ntifs-rtlupcaseunicodetooemn */
NTSTATUS NTAPI RtlUpcaseUnicodeToOemN(PCHAR OemString, ULONG MaxBytesInOemString,
                                      PULONG BytesInOemString, PCWCH UnicodeString,
                                      ULONG BytesInUnicodeString)
{
    return ToBytes(OemString, MaxBytesInOemString, BytesInOemString, UnicodeString,
                   BytesInUnicodeString, Upcase);
}

static bool UpcaseAnsi(WCHAR C, unsigned char *Out)
{
    *Out = RtlxWideToAnsi(RtlxUpcase(C));
    return true;
}

/* The same into the ANSI code page. nf-ntifs-rtlupcaseunicodetomultibyten */
NTSTATUS NTAPI RtlUpcaseUnicodeToMultiByteN(PCHAR MultiByteString, ULONG MaxBytesInMultiByteString,
                                            PULONG BytesInMultiByteString, PCWCH UnicodeString,
                                            ULONG BytesInUnicodeString)
{
    return ToBytes(MultiByteString, MaxBytesInMultiByteString, BytesInMultiByteString,
                   UnicodeString, BytesInUnicodeString, UpcaseAnsi);
}

/* ---- counted strings ----------------------------------------------------------------------------
 */

ULONG NTAPI RtlxOemStringToUnicodeSize(PCOEM_STRING OemString)
{
    return (OemString->Length + 1u) * (ULONG)sizeof(WCHAR);
}

ULONG NTAPI RtlxUnicodeStringToOemSize(PCUNICODE_STRING UnicodeString)
{
    return UnicodeString->Length / 2u + 1u;
}

/* Room for Bytes and Zero bytes more, the terminator that plain forms carry and counted ones do
 * not. */
static NTSTATUS Prepare(PVOID Destination, ULONG Bytes, ULONG Zero, BOOLEAN Allocate)
{
    PSTRING d = Destination;

    if (Bytes + Zero > 0xffff)
        return STATUS_INVALID_PARAMETER_2;
    if (Allocate) {
        d->Buffer = Bytes + Zero ? ExAllocatePoolWithTag(PagedPool, Bytes + Zero, 'sUlR') : NULL;
        if (!d->Buffer && Bytes + Zero)
            return STATUS_NO_MEMORY;
        d->MaximumLength = (USHORT)(Bytes + Zero);
    } else if (Bytes + Zero > d->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    d->Length = (USHORT)Bytes;
    if (Zero)
        memset(d->Buffer + Bytes, 0, Zero);
    return STATUS_SUCCESS;
}

static NTSTATUS FromOem(PUNICODE_STRING To, PCOEM_STRING From, ULONG Zero, BOOLEAN Allocate)
{
    NTSTATUS Status = Prepare(To, From->Length * (ULONG)sizeof(WCHAR), Zero, Allocate);

    if (NT_SUCCESS(Status))
        RtlOemToUnicodeN(To->Buffer, To->Length, NULL, From->Buffer, From->Length);
    return Status;
}

/* Terminated. STATUS_BUFFER_OVERFLOW, STATUS_NO_MEMORY, STATUS_INVALID_PARAMETER_2.
 * nf-ntifs-rtloemstringtounicodestring */
NTSTATUS NTAPI RtlOemStringToUnicodeString(PUNICODE_STRING DestinationString,
                                           PCOEM_STRING SourceString,
                                           BOOLEAN AllocateDestinationString)
{
    return FromOem(DestinationString, SourceString, sizeof(WCHAR), AllocateDestinationString);
}

/* Without a terminator; an empty string has no buffer. nf-ntifs-rtloemstringtocountedunicodestring
 */
NTSTATUS NTAPI RtlOemStringToCountedUnicodeString(PUNICODE_STRING DestinationString,
                                                  PCOEM_STRING SourceString,
                                                  BOOLEAN AllocateDestinationString)
{
    return FromOem(DestinationString, SourceString, 0, AllocateDestinationString);
}

/* Strict: a character the code page lacks is STATUS_UNMAPPABLE_CHARACTER, and nothing is left
 * allocated. */
static NTSTATUS ToOem(POEM_STRING To, PCUNICODE_STRING From, ULONG Zero, BOOLEAN Allocate,
                      bool Strict, bool (*Map)(WCHAR, unsigned char *))
{
    ULONG n = From->Length / (ULONG)sizeof(WCHAR);
    NTSTATUS Status = Prepare(To, n, Zero, Allocate);

    for (ULONG i = 0; NT_SUCCESS(Status) && i < n; i++)
        if (!Map(From->Buffer[i], (unsigned char *)&To->Buffer[i]) && Strict)
            Status = STATUS_UNMAPPABLE_CHARACTER;
    if (Status == STATUS_UNMAPPABLE_CHARACTER && Allocate)
        RtlFreeOemString(To);
    return Status;
}

/* Terminated; unknown characters become '?'. nf-ntifs-rtlunicodestringtooemstring */
NTSTATUS NTAPI RtlUnicodeStringToOemString(POEM_STRING DestinationString,
                                           PCUNICODE_STRING SourceString,
                                           BOOLEAN AllocateDestinationString)
{
    return ToOem(DestinationString, SourceString, 1, AllocateDestinationString, false,
                 RtlxWideToOem);
}

/* nf-ntifs-rtlupcaseunicodestringtooemstring: as above in capitals; STATUS_UNMAPPABLE_CHARACTER. */
NTSTATUS NTAPI RtlUpcaseUnicodeStringToOemString(POEM_STRING DestinationString,
                                                 PCUNICODE_STRING SourceString,
                                                 BOOLEAN AllocateDestinationString)
{
    return ToOem(DestinationString, SourceString, 1, AllocateDestinationString, true, Upcase);
}

/* nf-ntifs-rtlunicodestringtocountedoemstring: no terminator; STATUS_UNMAPPABLE_CHARACTER. */
NTSTATUS NTAPI RtlUnicodeStringToCountedOemString(POEM_STRING DestinationString,
                                                  PCUNICODE_STRING SourceString,
                                                  BOOLEAN AllocateDestinationString)
{
    return ToOem(DestinationString, SourceString, 0, AllocateDestinationString, true,
                 RtlxWideToOem);
}

/* nf-ntifs-rtlupcaseunicodestringtocountedoemstring */
NTSTATUS NTAPI RtlUpcaseUnicodeStringToCountedOemString(POEM_STRING DestinationString,
                                                        PCUNICODE_STRING SourceString,
                                                        BOOLEAN AllocateDestinationString)
{
    return ToOem(DestinationString, SourceString, 0, AllocateDestinationString, true, Upcase);
}

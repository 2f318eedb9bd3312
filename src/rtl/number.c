/* SPDX-License-Identifier: MIT */
/* Numbers, GUIDs and times as text and back; random numbers; memory comparison. */
#include "rtl/rtl.h"

#include <stdio.h>
#include <string.h>
#include "host/host.h"

/* RtlCompareMemory: length of the equal prefix. Any IRQL when both are resident. */
SIZE_T NTAPI RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length)
{
    const unsigned char *a = Source1, *b = Source2;
    SIZE_T i = 0;

    while (i < Length && a[i] == b[i])
        i++;
    return i;
}

static int DigitOf(WCHAR C)
{
    if (C >= '0' && C <= '9')
        return C - '0';
    if (C >= 'a' && C <= 'z')
        return C - 'a' + 10;
    return C >= 'A' && C <= 'Z' ? C - 'A' + 10 : 99;
}

/* Base 0: 0x, 0o, 0b choose, else 10. Stops at the first character that is no digit.
 * nf-wdm-rtlunicodestringtointeger */
static NTSTATUS ParseNumber(WCHAR (*At)(const void *, size_t), const void *Text, size_t Count,
                            ULONG Base, PULONG Value)
{
    size_t i = 0;
    bool Negative = false;
    ULONG v = 0;

    while (i < Count && At(Text, i) <= ' ')
        i++;
    if (i < Count && (At(Text, i) == '-' || At(Text, i) == '+'))
        Negative = At(Text, i++) == '-';
    if (!Base) {
        Base = 10;
        if (i + 1 < Count && At(Text, i) == '0') {
            WCHAR c = At(Text, i + 1);
            Base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
            i += Base == 10 ? 0 : 2;
        }
    } else if (Base != 2 && Base != 8 && Base != 10 && Base != 16) {
        return STATUS_INVALID_PARAMETER;
    }
    for (; i < Count && DigitOf(At(Text, i)) < (int)Base; i++)
        v = v * Base + (ULONG)DigitOf(At(Text, i));
    *Value = Negative ? 0u - v : v;
    return STATUS_SUCCESS;
}

static WCHAR WideAt(const void *Text, size_t i)
{
    return ((const WCHAR *)Text)[i];
}

static WCHAR NarrowAt(const void *Text, size_t i)
{
    return (WCHAR)((const unsigned char *)Text)[i];
}

NTSTATUS NTAPI RtlUnicodeStringToInteger(PCUNICODE_STRING String, ULONG Base, PULONG Value)
{
    return ParseNumber(WideAt, String->Buffer, String->Length / 2u, Base, Value);
}

NTSTATUS NTAPI RtlCharToInteger(PCSZ String, ULONG Base, PULONG Value)
{
    return ParseNumber(NarrowAt, String, strlen(String), Base, Value);
}

static NTSTATUS PutNumber(uint64_t Value, ULONG Base, PUNICODE_STRING String)
{
    WCHAR Digits[72];
    ULONG n = 0;

    if (!Base)
        Base = 10;
    if (Base != 2 && Base != 8 && Base != 10 && Base != 16)
        return STATUS_INVALID_PARAMETER;
    do
        Digits[n++] = (WCHAR) "0123456789ABCDEF"[Value % Base];
    while (Value /= Base);
    if (n * sizeof(WCHAR) > String->MaximumLength)
        return STATUS_BUFFER_OVERFLOW;
    for (ULONG i = 0; i < n; i++)
        String->Buffer[i] = Digits[n - 1 - i];
    String->Length = (USHORT)(n * sizeof(WCHAR));
    if (String->Length + sizeof(WCHAR) <= String->MaximumLength)
        String->Buffer[n] = 0;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIntegerToUnicodeString(ULONG Value, ULONG Base, PUNICODE_STRING String)
{
    return PutNumber(Value, Base, String);
}

NTSTATUS NTAPI RtlInt64ToUnicodeString(ULONGLONG Value, ULONG Base, PUNICODE_STRING String)
{
    return PutNumber(Value, Base, String);
}

NTSTATUS NTAPI RtlStringFromGUID(REFGUID Guid, PUNICODE_STRING GuidString)
{
    char Text[40];
    int n = snprintf(Text, sizeof(Text), "{%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}",
                     (unsigned)Guid->Data1, Guid->Data2, Guid->Data3, Guid->Data4[0],
                     Guid->Data4[1], Guid->Data4[2], Guid->Data4[3], Guid->Data4[4], Guid->Data4[5],
                     Guid->Data4[6], Guid->Data4[7]);
    ANSI_STRING a = {(USHORT)n, (USHORT)n, Text};

    return RtlAnsiStringToUnicodeString(GuidString, &a, TRUE);
}

NTSTATUS NTAPI RtlGUIDFromString(PCUNICODE_STRING GuidString, GUID *Guid)
{
    static const char Shape[] = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
    unsigned char Nibbles[32];
    int n = 0;

    if (GuidString->Length != (sizeof(Shape) - 1) * sizeof(WCHAR))
        return STATUS_INVALID_PARAMETER;
    for (size_t i = 0; i + 1 < sizeof(Shape); i++) {
        int d = DigitOf(GuidString->Buffer[i]);
        if (Shape[i] == 'x' ? d > 15 : GuidString->Buffer[i] != (WCHAR)Shape[i])
            return STATUS_INVALID_PARAMETER;
        if (Shape[i] == 'x')
            Nibbles[n++] = (unsigned char)d;
    }
    Guid->Data1 = 0;
    for (int i = 0; i < 8; i++)
        Guid->Data1 = Guid->Data1 << 4 | Nibbles[i];
    Guid->Data2 = (USHORT)(Nibbles[8] << 12 | Nibbles[9] << 8 | Nibbles[10] << 4 | Nibbles[11]);
    Guid->Data3 = (USHORT)(Nibbles[12] << 12 | Nibbles[13] << 8 | Nibbles[14] << 4 | Nibbles[15]);
    for (int i = 0; i < 8; i++)
        Guid->Data4[i] = (UCHAR)(Nibbles[16 + 2 * i] << 4 | Nibbles[17 + 2 * i]);
    return STATUS_SUCCESS;
}

/* ---- times
 * ---------------------------------------------------------------------------------------------- */

#define TICKS_PER_SECOND 10000000LL
#define DAYS_1970_TO_1980 3652LL
#define DAYS_1601_TO_1970 134774

/* Days since 1601-01-01 of a proleptic Gregorian date (the era trick: years start in March). */
static LONGLONG DaysOf(LONG Year, LONG Month, LONG Day)
{
    LONGLONG y = Year - (Month <= 2), Era = y / 400, YearOfEra = y - Era * 400;
    LONGLONG DayOfYear = (153 * (Month + (Month > 2 ? -3 : 9)) + 2) / 5 + Day - 1;
    LONGLONG DayOfEra = YearOfEra * 365 + YearOfEra / 4 - YearOfEra / 100 + DayOfYear;

    return Era * 146097 + DayOfEra - 719468 + DAYS_1601_TO_1970;
}

VOID NTAPI RtlTimeToTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields)
{
    LONGLONG Days = Time->QuadPart / (86400 * TICKS_PER_SECOND);
    LONGLONG Rest = Time->QuadPart % (86400 * TICKS_PER_SECOND);
    LONGLONG z = Days - DAYS_1601_TO_1970 + 719468, Era = z / 146097, DayOfEra = z - Era * 146097;
    LONGLONG YearOfEra = (DayOfEra - DayOfEra / 1460 + DayOfEra / 36524 - DayOfEra / 146096) / 365;
    LONGLONG DayOfYear = DayOfEra - (365 * YearOfEra + YearOfEra / 4 - YearOfEra / 100);
    LONGLONG Shifted = (5 * DayOfYear + 2) / 153;

    TimeFields->Day = (CSHORT)(DayOfYear - (153 * Shifted + 2) / 5 + 1);
    TimeFields->Month = (CSHORT)(Shifted < 10 ? Shifted + 3 : Shifted - 9);
    TimeFields->Year = (CSHORT)(YearOfEra + Era * 400 + (TimeFields->Month <= 2));
    TimeFields->Weekday = (CSHORT)((Days + 1) % 7); /* 1601-01-01 was a Monday */
    TimeFields->Milliseconds = (CSHORT)(Rest / 10000 % 1000);
    Rest /= TICKS_PER_SECOND;
    TimeFields->Second = (CSHORT)(Rest % 60);
    TimeFields->Minute = (CSHORT)(Rest / 60 % 60);
    TimeFields->Hour = (CSHORT)(Rest / 3600);
}

BOOLEAN NTAPI RtlTimeFieldsToTime(PTIME_FIELDS TimeFields, PLARGE_INTEGER Time)
{
    static const int Length[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const TIME_FIELDS *f = TimeFields;
    bool Leap = (f->Year % 4 == 0 && f->Year % 100) || f->Year % 400 == 0;

    if (f->Year < 1601 || f->Month < 1 || f->Month > 12 || f->Day < 1 ||
        f->Day > Length[f->Month] + (f->Month == 2 && Leap) || f->Hour < 0 || f->Hour > 23 ||
        f->Minute < 0 || f->Minute > 59 || f->Second < 0 || f->Second > 59 || f->Milliseconds < 0 ||
        f->Milliseconds > 999)
        return FALSE;
    Time->QuadPart =
        ((DaysOf(f->Year, f->Month, f->Day) * 86400 + f->Hour * 3600 + f->Minute * 60 + f->Second) *
             1000 +
         f->Milliseconds) *
        10000;
    return TRUE;
}

BOOLEAN NTAPI RtlTimeToSecondsSince1970(PLARGE_INTEGER Time, PULONG ElapsedSeconds)
{
    LONGLONG s = Time->QuadPart / TICKS_PER_SECOND - DAYS_1601_TO_1970 * 86400LL;

    if (s < 0 || s > 0xffffffffLL)
        return FALSE;
    *ElapsedSeconds = (ULONG)s;
    return TRUE;
}

VOID NTAPI RtlSecondsSince1970ToTime(ULONG ElapsedSeconds, PLARGE_INTEGER Time)
{
    Time->QuadPart = (ElapsedSeconds + DAYS_1601_TO_1970 * 86400LL) * TICKS_PER_SECOND;
}

/* ---- random
 * --------------------------------------------------------------------------------------------- */

/* Both are linear generators in 0..MAXLONG-1 over the caller's seed: the same seed gives the same
 * row. */
ULONG NTAPI RtlRandomEx(PULONG Seed)
{
    *Seed = (ULONG)((0x7fffffedULL * *Seed + 0x7fffffc3ULL) % 0x7fffffffULL);
    return *Seed;
}

ULONG NTAPI RtlRandom(PULONG Seed)
{
    return RtlRandomEx(Seed);
}

/* The same from 1980, the year that FAT counts from. nf-ntifs-rtltimetosecondssince1980 */
BOOLEAN NTAPI RtlTimeToSecondsSince1980(PLARGE_INTEGER Time, PULONG ElapsedSeconds)
{
    LARGE_INTEGER Since1970 = {.QuadPart =
                                   Time->QuadPart - DAYS_1970_TO_1980 * 86400LL * TICKS_PER_SECOND};

    return RtlTimeToSecondsSince1970(&Since1970, ElapsedSeconds);
}

VOID NTAPI RtlSecondsSince1980ToTime(ULONG ElapsedSeconds, PLARGE_INTEGER Time)
{
    RtlSecondsSince1970ToTime(ElapsedSeconds, Time);
    Time->QuadPart += DAYS_1970_TO_1980 * 86400LL * TICKS_PER_SECOND;
}

/* Bytes before the first ULONG that is not Pattern; Length is cut to whole ULONGs.
 * nf-ntifs-rtlcomparememoryulong */
SIZE_T NTAPI RtlCompareMemoryUlong(PVOID Source, SIZE_T Length, ULONG Pattern)
{
    const ULONG *At = Source;
    SIZE_T n = Length / sizeof(ULONG), i = 0;

    while (i < n && At[i] == Pattern)
        i++;
    return i * sizeof(ULONG);
}

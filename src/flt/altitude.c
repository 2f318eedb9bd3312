/* SPDX-License-Identifier: MIT */
/*
 * Altitudes: decimal numbers of any length and precision, written with at most one point. They are
 * compared as numbers, digit by digit, because no machine type holds them
 * ("325000.00000000000000000000001" is legal).
 */
#include "fltx.h"

typedef struct _DIGITS {
    const WCHAR *Whole, *Fraction;
    ULONG WholeCount, FractionCount;
} DIGITS;

static DIGITS Split(PCUNICODE_STRING Altitude)
{
    ULONG Count = Altitude->Length / sizeof(WCHAR), Point = 0;
    DIGITS d = {0};

    while (Point < Count && Altitude->Buffer[Point] != L'.')
        Point++;
    d.Whole = Altitude->Buffer;
    d.WholeCount = Point;
    while (d.WholeCount && *d.Whole == L'0')
        d.Whole++, d.WholeCount--;
    if (Point < Count) {
        d.Fraction = Altitude->Buffer + Point + 1;
        d.FractionCount = Count - Point - 1;
    }
    while (d.FractionCount && d.Fraction[d.FractionCount - 1] == L'0')
        d.FractionCount--;
    return d;
}

BOOLEAN FltxAltitudeValid(PCUNICODE_STRING Altitude)
{
    ULONG Count, Digits = 0, Points = 0, i;

    if (!Altitude || !Altitude->Buffer || Altitude->Length % sizeof(WCHAR))
        return FALSE;
    Count = Altitude->Length / sizeof(WCHAR);
    for (i = 0; i < Count; i++) {
        if (Altitude->Buffer[i] == L'.')
            Points++;
        else if (Altitude->Buffer[i] >= L'0' && Altitude->Buffer[i] <= L'9')
            Digits++;
        else
            return FALSE;
    }
    return Digits > 0 && Points <= 1;
}

LONG FltxCompareAltitudes(PCUNICODE_STRING A, PCUNICODE_STRING B)
{
    DIGITS a = Split(A), b = Split(B);
    ULONG i;

    if (a.WholeCount != b.WholeCount)
        return a.WholeCount < b.WholeCount ? -1 : 1;
    for (i = 0; i < a.WholeCount; i++)
        if (a.Whole[i] != b.Whole[i])
            return a.Whole[i] < b.Whole[i] ? -1 : 1;
    for (i = 0; i < a.FractionCount && i < b.FractionCount; i++)
        if (a.Fraction[i] != b.Fraction[i])
            return a.Fraction[i] < b.Fraction[i] ? -1 : 1;
    return a.FractionCount == b.FractionCount ? 0 : a.FractionCount < b.FractionCount ? -1 : 1;
}

/*
 * Orders two instances of one volume by altitude: negative, zero or positive for lower, equal,
 * higher. IRQL: <= DISPATCH_LEVEL (nf-fltkernel-fltcompareinstancealtitudes).
 */
LONG NTAPI FltCompareInstanceAltitudes(PFLT_INSTANCE Instance1, PFLT_INSTANCE Instance2)
{
    return FltxCompareAltitudes(&Instance1->Altitude, &Instance2->Altitude);
}

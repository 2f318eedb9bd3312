/* SPDX-License-Identifier: MIT */
/*
 * Bit maps: ULONGs, bit 0 first. The map does not lock itself. Every routine here may run at any
 * IRQL at which header and buffer are resident (nf-wdm-rtlinitializebitmap).
 */
#include "rtl/rtl.h"

#include <string.h>

#define NONE 0xffffffffu

/* Word w of the map, read as if a set bit were what is looked for; bits past the end never are. */
static ULONG Word(const RTL_BITMAP *Map, ULONG w, bool Set)
{
    ULONG Value = Set ? Map->Buffer[w] : ~Map->Buffer[w], Rest = Map->SizeOfBitMap - w * 32;

    return Rest < 32 ? Value & ((1u << Rest) - 1) : Value;
}

/* First index at or after From with such a bit; the map's size when there is none. */
static ULONG NextBit(const RTL_BITMAP *Map, ULONG From, bool Set)
{
    ULONG Size = Map->SizeOfBitMap, Value;

    if (From >= Size)
        return Size;
    Value = Word(Map, From / 32, Set) & (~0u << From % 32);
    for (ULONG w = From / 32;;) {
        if (Value)
            return w * 32 + (ULONG)__builtin_ctz(Value);
        if (++w * 32ull >= Size)
            return Size;
        Value = Word(Map, w, Set);
    }
}

/* Last index at or before From with such a bit; NONE when there is none. */
static ULONG PreviousBit(const RTL_BITMAP *Map, ULONG From, bool Set)
{
    ULONG w = From / 32, Value = Word(Map, w, Set) & (~0u >> (31 - From % 32));

    while (!Value) {
        if (!w)
            return NONE;
        Value = Word(Map, --w, Set);
    }
    return w * 32 + 31 - (ULONG)__builtin_clz(Value);
}

static void Change(PRTL_BITMAP Map, ULONG Start, ULONG Count, bool Set)
{
    while (Count) {
        ULONG First = Start % 32, n = 32 - First < Count ? 32 - First : Count;
        ULONG Mask = (n == 32 ? ~0u : (1u << n) - 1) << First;
        if (Set)
            Map->Buffer[Start / 32] |= Mask;
        else
            Map->Buffer[Start / 32] &= ~Mask;
        Start += n;
        Count -= n;
    }
}

/* A header over the caller's buffer, whose bits stay as they are. nf-wdm-rtlinitializebitmap */
VOID NTAPI RtlInitializeBitMap(PRTL_BITMAP BitMapHeader, PULONG BitMapBuffer, ULONG SizeOfBitMap)
{
    BitMapHeader->SizeOfBitMap = SizeOfBitMap;
    BitMapHeader->Buffer = BitMapBuffer;
}

VOID NTAPI RtlClearBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    BitMapHeader->Buffer[BitNumber / 32] &= ~(1u << BitNumber % 32);
}

VOID NTAPI RtlSetBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    BitMapHeader->Buffer[BitNumber / 32] |= 1u << BitNumber % 32;
}

BOOLEAN NTAPI RtlTestBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    return BitMapHeader->Buffer[BitNumber / 32] >> BitNumber % 32 & 1;
}

/* Whole words: bits of the last one past the map's end change as well. nf-wdm-rtlclearallbits */
VOID NTAPI RtlClearAllBits(PRTL_BITMAP BitMapHeader)
{
    memset(BitMapHeader->Buffer, 0, (BitMapHeader->SizeOfBitMap + 31ull) / 32 * sizeof(ULONG));
}

VOID NTAPI RtlSetAllBits(PRTL_BITMAP BitMapHeader)
{
    memset(BitMapHeader->Buffer, 0xff, (BitMapHeader->SizeOfBitMap + 31ull) / 32 * sizeof(ULONG));
}

VOID NTAPI RtlClearBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToClear)
{
    Change(BitMapHeader, StartingIndex, NumberToClear, false);
}

VOID NTAPI RtlSetBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToSet)
{
    Change(BitMapHeader, StartingIndex, NumberToSet, true);
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* First run of Count such bits that starts in [From, Limit). */
static ULONG FindRun(const RTL_BITMAP *Map, ULONG Count, ULONG From, ULONG Limit, bool Set)
{
    for (;;) {
        ULONG Start = NextBit(Map, From, Set), End;
        if (Start >= Limit || Start >= Map->SizeOfBitMap)
            return NONE;
        End = NextBit(Map, Start, !Set);
        if (End - Start >= Count)
            return Start;
        From = End;
    }
}

/*
 * From the hint to the end, then from the beginning: a run may start before the hint, but never
 * wraps. Nothing wanted is found at the hint's byte. MAXULONG when there is no such run.
 * nf-wdm-rtlfindclearbits
 */
static ULONG Find(const RTL_BITMAP *Map, ULONG Count, ULONG Hint, bool Set)
{
    ULONG Start;

    if (Hint >= Map->SizeOfBitMap)
        Hint = 0;
    if (!Count)
        return Hint & ~7u;
    if (Count > Map->SizeOfBitMap)
        return NONE;
    Start = FindRun(Map, Count, Hint, Map->SizeOfBitMap, Set);
    return Start == NONE && Hint ? FindRun(Map, Count, 0, Hint, Set) : Start;
}

ULONG NTAPI RtlFindClearBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    return Find(BitMapHeader, NumberToFind, HintIndex, false);
}

ULONG NTAPI RtlFindSetBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    return Find(BitMapHeader, NumberToFind, HintIndex, true);
}

/* The same, and the run changes sides. nf-wdm-rtlfindclearbitsandset */
ULONG NTAPI RtlFindClearBitsAndSet(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    ULONG Start = Find(BitMapHeader, NumberToFind, HintIndex, false);

    if (Start != NONE)
        Change(BitMapHeader, Start, NumberToFind, true);
    return Start;
}

ULONG NTAPI RtlFindSetBitsAndClear(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    ULONG Start = Find(BitMapHeader, NumberToFind, HintIndex, true);

    if (Start != NONE)
        Change(BitMapHeader, Start, NumberToFind, false);
    return Start;
}

/* Length of the next clear run that begins at or after FromIndex, 0 for none.
 * nf-wdm-rtlfindnextforwardrunclear */
ULONG NTAPI RtlFindNextForwardRunClear(PRTL_BITMAP BitMapHeader, ULONG FromIndex,
                                       PULONG StartingRunIndex)
{
    ULONG Start = NextBit(BitMapHeader, FromIndex, false);

    *StartingRunIndex = Start;
    return NextBit(BitMapHeader, Start, true) - Start;
}

ULONG NTAPI RtlFindFirstRunClear(PRTL_BITMAP BitMapHeader, PULONG StartingIndex)
{
    return RtlFindNextForwardRunClear(BitMapHeader, 0, StartingIndex);
}

/*
 * Length of the last clear run that begins before or at FromIndex, cut there; 0 for none.
 * nf-wdm-rtlfindlastbackwardrunclear
 */
ULONG NTAPI RtlFindLastBackwardRunClear(PRTL_BITMAP BitMapHeader, ULONG FromIndex,
                                        PULONG StartingRunIndex)
{
    ULONG Size = BitMapHeader->SizeOfBitMap, Last, Before;

    *StartingRunIndex = FromIndex;
    if (!Size)
        return 0;
    Last = PreviousBit(BitMapHeader, FromIndex < Size ? FromIndex : Size - 1, false);
    if (Last == NONE)
        return 0;
    Before = PreviousBit(BitMapHeader, Last, true);
    *StartingRunIndex = Before + 1; /* NONE + 1 is 0: the run begins with the map */
    return Last - Before;
}

/* Keeps the array in falling order of length when the longest are wanted. */
static ULONG AddRun(PRTL_BITMAP_RUN Runs, ULONG Used, ULONG Room, RTL_BITMAP_RUN Run)
{
    ULONG i = Used < Room ? Used++ : Room - 1;

    while (i && Runs[i - 1].NumberOfBits < Run.NumberOfBits) {
        Runs[i] = Runs[i - 1];
        i--;
    }
    Runs[i] = Run;
    return Used;
}

/*
 * Clear runs into RunArray: the first ones, or with LocateLongestRuns the longest ones, longest
 * first. Returns how many. nf-wdm-rtlfindclearruns
 */
ULONG NTAPI RtlFindClearRuns(PRTL_BITMAP BitMapHeader, PRTL_BITMAP_RUN RunArray,
                             ULONG SizeOfRunArray, BOOLEAN LocateLongestRuns)
{
    ULONG Used = 0, At = 0;

    while (SizeOfRunArray) {
        RTL_BITMAP_RUN Run;
        Run.NumberOfBits = RtlFindNextForwardRunClear(BitMapHeader, At, &Run.StartingIndex);
        if (!Run.NumberOfBits)
            break;
        At = Run.StartingIndex + Run.NumberOfBits;
        if (!LocateLongestRuns) {
            RunArray[Used++] = Run;
            if (Used == SizeOfRunArray)
                break;
        } else if (Used < SizeOfRunArray || RunArray[Used - 1].NumberOfBits < Run.NumberOfBits) {
            Used = AddRun(RunArray, Used, SizeOfRunArray, Run);
        }
    }
    return Used;
}

/* Length and start of the first longest clear run; 0 for a map without one.
 * nf-wdm-rtlfindlongestrunclear */
ULONG NTAPI RtlFindLongestRunClear(PRTL_BITMAP BitMapHeader, PULONG StartingIndex)
{
    RTL_BITMAP_RUN Run = {0, 0};

    if (!RtlFindClearRuns(BitMapHeader, &Run, 1, TRUE))
        Run.StartingIndex = 0;
    *StartingIndex = Run.StartingIndex;
    return Run.NumberOfBits;
}

/* ---- counts --------------------------------------------------------------------------------- */

ULONG NTAPI RtlNumberOfSetBits(PRTL_BITMAP BitMapHeader)
{
    ULONG Count = 0;

    for (ULONG w = 0; w * 32ull < BitMapHeader->SizeOfBitMap; w++)
        Count += (ULONG)__builtin_popcount(Word(BitMapHeader, w, true));
    return Count;
}

ULONG NTAPI RtlNumberOfClearBits(PRTL_BITMAP BitMapHeader)
{
    return BitMapHeader->SizeOfBitMap - RtlNumberOfSetBits(BitMapHeader);
}

ULONG NTAPI RtlNumberOfSetBitsUlongPtr(ULONG_PTR Target)
{
    return (ULONG)__builtin_popcountll(Target);
}

/* All bits of a range have one value. FALSE for an empty range and for one past the end.
 * nf-wdm-rtlarebitsclear */
static BOOLEAN AllAre(const RTL_BITMAP *Map, ULONG Start, ULONG Length, bool Set)
{
    if (!Length || (ULONGLONG)Start + Length > Map->SizeOfBitMap)
        return FALSE;
    return NextBit(Map, Start, !Set) >= Start + Length;
}

BOOLEAN NTAPI RtlAreBitsClear(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length)
{
    return AllAre(BitMapHeader, StartingIndex, Length, false);
}

BOOLEAN NTAPI RtlAreBitsSet(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length)
{
    return AllAre(BitMapHeader, StartingIndex, Length, true);
}

/* Number of the highest and the lowest set bit of a word; -1 for 0.
 * nf-wdm-rtlfindmostsignificantbit */
CCHAR NTAPI RtlFindMostSignificantBit(ULONGLONG Set)
{
    return (CCHAR)(Set ? 63 - __builtin_clzll(Set) : -1);
}

CCHAR NTAPI RtlFindLeastSignificantBit(ULONGLONG Set)
{
    return (CCHAR)(Set ? __builtin_ctzll(Set) : -1);
}

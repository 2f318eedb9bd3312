/* SPDX-License-Identifier: MIT */
/*
 * The formatter of the kernel's print family. One engine serves narrow and wide output; what
 * differs is what %s, %c mean and how a wide string becomes bytes. Kernel-only forms: %wZ / %Z
 * (counted strings), %ws, %hs, I64, I32.
 */
#include "rtl/rtl.h"

#include <stdio.h>
#include <string.h>

typedef struct _SPEC {
    bool Left, Plus, Space, Alternate, Zero;
    int Width, Precision; /* precision -1: none given */
    enum { SIZE_NONE, SIZE_SHORT, SIZE_CHAR, SIZE_LONG, SIZE_64, SIZE_WIDE } Size;
} SPEC;

typedef struct _FORMATTER {
    RTLX_SINK *Sink;
    const uint8_t *Text;
    const uint64_t *Args;
    bool Wide;
} FORMATTER;

static uint32_t Peek(const FORMATTER *F)
{
    return F->Wide ? *(const uint16_t *)F->Text : *F->Text;
}

static uint32_t Next(FORMATTER *F)
{
    uint32_t c = Peek(F);

    if (c)
        F->Text += F->Wide ? 2 : 1;
    return c;
}

static void Put(FORMATTER *F, uint32_t Unit)
{
    F->Sink->Put(F->Sink, Unit);
    F->Sink->Units++;
}

static void Pad(FORMATTER *F, int Count, char C)
{
    while (Count-- > 0)
        Put(F, (unsigned char)C);
}

/* Bytes that one code point takes in the sink's narrow form. */
static int PutCodePoint(FORMATTER *F, uint32_t C, bool Emit)
{
    char Bytes[4];
    int n = 0;

    if (!F->Sink->Utf8) {
        if (Emit)
            Put(F, RtlxWideToAnsi((WCHAR)C));
        return 1;
    }
    if (C < 0x80) {
        Bytes[n++] = (char)C;
    } else if (C < 0x800) {
        Bytes[n++] = (char)(0xc0 | C >> 6);
        Bytes[n++] = (char)(0x80 | (C & 0x3f));
    } else if (C < 0x10000) {
        Bytes[n++] = (char)(0xe0 | C >> 12);
        Bytes[n++] = (char)(0x80 | (C >> 6 & 0x3f));
        Bytes[n++] = (char)(0x80 | (C & 0x3f));
    } else {
        Bytes[n++] = (char)(0xf0 | C >> 18);
        Bytes[n++] = (char)(0x80 | (C >> 12 & 0x3f));
        Bytes[n++] = (char)(0x80 | (C >> 6 & 0x3f));
        Bytes[n++] = (char)(0x80 | (C & 0x3f));
    }
    for (int i = 0; Emit && i < n; i++)
        Put(F, (unsigned char)Bytes[i]);
    return n;
}

/* Sends (or only measures) Count units of wide text to a narrow sink. */
static size_t WideToNarrow(FORMATTER *F, const uint16_t *Text, size_t Count, bool Emit)
{
    size_t Total = 0;

    for (size_t i = 0; i < Count; i++) {
        uint32_t c = Text[i];
        if (F->Sink->Utf8 && c >= 0xd800 && c < 0xdc00 && i + 1 < Count &&
            (Text[i + 1] & 0xfc00) == 0xdc00)
            c = 0x10000 + ((c & 0x3ff) << 10) + (Text[++i] & 0x3ff);
        Total += (size_t)PutCodePoint(F, c, Emit);
    }
    return Total;
}

static void PutText(FORMATTER *F, const SPEC *S, const void *Text, bool TextWide, size_t Count)
{
    size_t Out = Count;
    int Fill;

    if (TextWide && !F->Sink->Wide)
        Out = WideToNarrow(F, Text, Count, false);
    Fill = S->Width > (int)Out ? S->Width - (int)Out : 0;
    if (!S->Left)
        Pad(F, Fill, S->Zero ? '0' : ' ');
    if (TextWide && !F->Sink->Wide) {
        WideToNarrow(F, Text, Count, true);
    } else {
        for (size_t i = 0; i < Count; i++) {
            if (TextWide)
                Put(F, ((const uint16_t *)Text)[i]);
            else
                Put(F, F->Sink->Wide ? RtlxAnsiToWide(((const uint8_t *)Text)[i])
                                     : ((const uint8_t *)Text)[i]);
        }
    }
    if (S->Left)
        Pad(F, Fill, ' ');
}

static void PutString(FORMATTER *F, const SPEC *S, const void *Text, bool TextWide)
{
    size_t Limit = S->Precision < 0 ? SIZE_MAX : (size_t)S->Precision;
    size_t Count = 0;

    if (!Text) {
        Text = "(null)";
        TextWide = false;
    }
    while (Count < Limit &&
           (TextWide ? ((const uint16_t *)Text)[Count] : ((const uint8_t *)Text)[Count]))
        Count++;
    PutText(F, S, Text, TextWide, Count);
}

/* %Z: ANSI_STRING, %wZ: UNICODE_STRING. */
static void PutCounted(FORMATTER *F, const SPEC *S, const UNICODE_STRING *String, bool TextWide)
{
    size_t Count;

    if (!String || !String->Buffer) {
        PutString(F, S, NULL, false);
        return;
    }
    Count = TextWide ? String->Length / 2u : String->Length;
    if (S->Precision >= 0 && Count > (size_t)S->Precision)
        Count = (size_t)S->Precision;
    PutText(F, S, String->Buffer, TextWide, Count);
}

static void PutNumber(FORMATTER *F, SPEC *S, uint64_t Value, unsigned Base, bool Upper,
                      const char *Prefix)
{
    char Digits[72];
    int n = 0, Zeros, Fill, PrefixLength = (int)strlen(Prefix);
    const char *Set = Upper ? "0123456789ABCDEF" : "0123456789abcdef";

    while (Value) {
        Digits[n++] = Set[Value % Base];
        Value /= Base;
    }
    if (!n && S->Precision)
        Digits[n++] = '0';
    Zeros = S->Precision > n ? S->Precision - n : 0;
    Fill = S->Width - n - Zeros - PrefixLength;
    if (S->Zero && !S->Left && S->Precision < 0 && Fill > 0) {
        Zeros += Fill;
        Fill = 0;
    }
    if (!S->Left)
        Pad(F, Fill, ' ');
    for (int i = 0; i < PrefixLength; i++)
        Put(F, (unsigned char)Prefix[i]);
    Pad(F, Zeros, '0');
    while (n)
        Put(F, (unsigned char)Digits[--n]);
    if (S->Left)
        Pad(F, Fill, ' ');
}

static void PutSigned(FORMATTER *F, SPEC *S, int64_t Value)
{
    const char *Prefix = Value < 0 ? "-" : S->Plus ? "+" : S->Space ? " " : "";

    PutNumber(F, S, Value < 0 ? 0 - (uint64_t)Value : (uint64_t)Value, 10, false, Prefix);
}

static void PutFloat(FORMATTER *F, const SPEC *S, uint64_t Bits, char Kind)
{
    char Format[16], Text[512];
    double Value;
    int n = 0;

    memcpy(&Value, &Bits, sizeof(Value));
    Format[n++] = '%';
    if (S->Plus)
        Format[n++] = '+';
    if (S->Alternate)
        Format[n++] = '#';
    memcpy(Format + n, ".*", 2);
    n += 2;
    Format[n++] = Kind;
    Format[n] = 0;
    snprintf(Text, sizeof(Text), Format,
             S->Precision < 0     ? 6
             : S->Precision > 300 ? 300
                                  : S->Precision,
             Value);
    PutText(F, S, Text, false, strlen(Text));
}

static int64_t AsSigned(uint64_t Slot, const SPEC *S)
{
    if (S->Size == SIZE_64)
        return (int64_t)Slot;
    return S->Size == SIZE_SHORT  ? (int16_t)Slot
           : S->Size == SIZE_CHAR ? (int8_t)Slot
                                  : (int32_t)Slot;
}

static uint64_t AsUnsigned(uint64_t Slot, const SPEC *S)
{
    if (S->Size == SIZE_64)
        return Slot;
    return S->Size == SIZE_SHORT  ? (uint16_t)Slot
           : S->Size == SIZE_CHAR ? (uint8_t)Slot
                                  : (uint32_t)Slot;
}

static void ReadFlags(FORMATTER *F, SPEC *S)
{
    for (;; Next(F)) {
        switch (Peek(F)) {
        case '-':
            S->Left = true;
            break;
        case '+':
            S->Plus = true;
            break;
        case ' ':
            S->Space = true;
            break;
        case '#':
            S->Alternate = true;
            break;
        case '0':
            S->Zero = true;
            break;
        default:
            return;
        }
    }
}

static int ReadCount(FORMATTER *F)
{
    int n = 0;

    if (Peek(F) == '*') {
        Next(F);
        return (int)*F->Args++;
    }
    while (Peek(F) >= '0' && Peek(F) <= '9' && n < 100000)
        n = n * 10 + (int)(Next(F) - '0');
    return n;
}

static void ReadSize(FORMATTER *F, SPEC *S)
{
    for (;;) {
        switch (Peek(F)) {
        case 'h':
            S->Size = S->Size == SIZE_SHORT ? SIZE_CHAR : SIZE_SHORT;
            break;
        case 'l':
            S->Size = S->Size == SIZE_LONG ? SIZE_64 : SIZE_LONG;
            break;
        case 'w':
            S->Size = SIZE_WIDE;
            break;
        case 'z':
        case 't':
        case 'j':
        case 'L':
        case 'q':
            S->Size = SIZE_64;
            break;
        case 'I':
            Next(F);
            if (Peek(F) == '3') {
                Next(F);
                S->Size = SIZE_NONE;
            } else {
                if (Peek(F) == '6')
                    Next(F);
                else {
                    S->Size = SIZE_64;
                    continue; /* plain I: pointer-sized; the next character is the conversion */
                }
                S->Size = SIZE_64;
            }
            break;
        default:
            return;
        }
        Next(F);
    }
}

static void Convert(FORMATTER *F, SPEC *S, uint32_t Kind)
{
    bool Swap = Kind == 'S' || Kind == 'C';
    bool TextWide = S->Size == SIZE_SHORT                          ? false
                    : S->Size == SIZE_LONG || S->Size == SIZE_WIDE ? true
                                                                   : F->Sink->Wide != Swap;
    uint16_t Unit;

    switch (Kind) {
    case 'd':
    case 'i':
        PutSigned(F, S, AsSigned(*F->Args++, S));
        break;
    case 'u':
        PutNumber(F, S, AsUnsigned(*F->Args++, S), 10, false, "");
        break;
    case 'o':
        PutNumber(F, S, AsUnsigned(*F->Args++, S), 8, false, S->Alternate ? "0" : "");
        break;
    case 'x':
    case 'X':
        PutNumber(F, S, AsUnsigned(*F->Args, S), 16, Kind == 'X',
                  S->Alternate && AsUnsigned(*F->Args, S) ? Kind == 'X' ? "0X" : "0x" : "");
        F->Args++;
        break;
    case 'p':
    case 'P':
        S->Precision = 16;
        PutNumber(F, S, *F->Args++, 16, true, "");
        break;
    case 'c':
    case 'C':
        Unit = (uint16_t)*F->Args++;
        if (!TextWide)
            Unit &= 0xff;
        PutText(F, S, &Unit, TextWide, 1);
        break;
    case 's':
    case 'S':
        PutString(F, S, (const void *)*F->Args++, TextWide);
        break;
    case 'Z':
        PutCounted(F, S, (const UNICODE_STRING *)*F->Args++,
                   S->Size == SIZE_WIDE || S->Size == SIZE_LONG);
        break;
    case 'e':
    case 'E':
    case 'f':
    case 'g':
    case 'G':
    case 'a':
    case 'A':
        PutFloat(F, S, *F->Args++, (char)Kind);
        break;
    default:
        /* As the Microsoft library: an unknown conversion is its own text. */
        if (Kind)
            Put(F, Kind);
    }
}

void RtlxFormat(RTLX_SINK *Sink, const void *Format, const uint64_t *Args)
{
    FORMATTER F = {Sink, Format, Args, Sink->Wide};
    uint32_t c;

    while ((c = Next(&F))) {
        SPEC S = {.Precision = -1};
        if (c != '%') {
            Put(&F, c);
            continue;
        }
        if (Peek(&F) == '%') {
            Put(&F, Next(&F));
            continue;
        }
        ReadFlags(&F, &S);
        S.Width = ReadCount(&F);
        if (S.Width < 0) {
            S.Left = true;
            S.Width = -S.Width;
        }
        if (Peek(&F) == '.') {
            Next(&F);
            S.Precision = ReadCount(&F);
        }
        ReadSize(&F, &S);
        Convert(&F, &S, Next(&F));
    }
}

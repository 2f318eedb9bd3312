/* SPDX-License-Identifier: MIT */
#include "harness.h"
#include "ke/ke.h"
#include "rtl/crt.h"
#include "rtl/rtl.h"

static char Text[600];

TEST(numbers, "rtl.sprintf.numbers")
{
    RtlCrt_sprintf(Text, "%d|%5d|%-5d|%05d|%+d|% d|%u", -7, 42, 42, 42, 42, 42, 0xffffffffu);
    CHECK_STR(Text, "-7|   42|42   |00042|+42| 42|4294967295");
    RtlCrt_sprintf(Text, "%x|%X|%#x|%08x|%.3x|%o|%#o", 0xbeef, 0xbeef, 0xbeef, 0xbeef, 5, 8, 8);
    CHECK_STR(Text, "beef|BEEF|0xbeef|0000beef|005|10|010");
    RtlCrt_sprintf(Text, "%I64d|%I64x|%lld|%I32u|%zu|%Id", -5LL, 0x123456789abcdefLL, 1LL << 40, 7u, (size_t)9,
                   (LONGLONG)-3);
    CHECK_STR(Text, "-5|123456789abcdef|1099511627776|7|9|-3");
    RtlCrt_sprintf(Text, "%ld|%lu|%hd|%hhu|%p", -1, 0xfffffffeu, 0x18000, 0x1ff, (void *)0xabc);
    CHECK_STR(Text, "-1|4294967294|-32768|255|0000000000000ABC");
    RtlCrt_sprintf(Text, "%*d|%-*d|%.*s|%%|%c", 6, 1, 6, 2, 2, "abcdef", 'z');
    CHECK_STR(Text, "     1|2     |ab|%|z");
    RtlCrt_sprintf(Text, "%.2f|%8.3e", 3.14159, 1234.5);
    CHECK_STR(Text, "3.14|1.234e+03");
}

TEST(strings, "rtl.sprintf.strings_of_both_widths")
{
    UNICODE_STRING u = RTL_CONSTANT_STRING(L"counted text");
    ANSI_STRING a = {3, 3, (PCHAR)(uintptr_t)"abcdef"};
    WCHAR Wide[64];

    u.Length = 14;
    RtlCrt_sprintf(Text, "%s|%S|%ws|%hs|%ls|%wZ|%Z|%10s|%-10s|", "n", L"w", L"ws", "hs", L"ls", &u, &a, "r", "l");
    CHECK_STR(Text, "n|w|ws|hs|ls|counted|abc|         r|l         |");
    RtlCrt_sprintf(Text, "%s|%ws|%wZ", (char *)NULL, (WCHAR *)NULL, (UNICODE_STRING *)NULL);
    CHECK_STR(Text, "(null)|(null)|(null)");
    CHECK_EQ(RtlCrt_swprintf(Wide, L"%s|%S|%hs|%wZ", L"w", "n", "h", &u), 13);
    CHECK(!RtlCrt_wcscmp(Wide, L"w|n|h|counted"));
}

TEST(bounds, "rtl._vsnprintf.bounds_and_terminators")
{
    memset(Text, '#', sizeof(Text));
    CHECK_EQ(RtlCrt__snprintf(Text, 4, "abcd"), 4);
    CHECK(Text[4] == '#');
    CHECK_EQ(RtlCrt__snprintf(Text, 5, "abcd"), 4);
    CHECK_STR(Text, "abcd");
    CHECK_EQ(RtlCrt__snprintf(Text, 3, "abcd"), -1);
    CHECK_EQ(RtlCrt_sprintf_s(Text, 4, "abcd"), -1);
    CHECK(Text[0] == 0);
    CHECK_EQ(RtlCrt__snprintf_s(Text, 10, (size_t)-1, "abcdefghijklm"), -1);
    CHECK_STR(Text, "abcdefghi");
    CHECK_EQ(RtlCrt__snprintf_s(Text, 10, 3, "abcdef"), -1);
    CHECK_STR(Text, "abc");
}

static char Printed[2048];
static size_t PrintedBytes;
static void Capture(const char *Bytes, size_t n)
{
    memcpy(Printed + PrintedBytes, Bytes, n);
    PrintedBytes += n;
}

TEST(debug, "rtl.DbgPrint.utf8_and_512_bytes")
{
    char Long[700];

    KexHooks.DebugPrint = Capture;
    DbgPrint("%ws\n", L"gr\x00fc\x00df \x20ac \xd83d\xde00");
    CHECK(PrintedBytes == strlen("grüß € 😀\n") && !memcmp(Printed, "grüß € 😀\n", PrintedBytes));
    memset(Long, 'x', 699);
    Long[699] = 0;
    PrintedBytes = 0;
    DbgPrintEx(77, 0, "%s", Long);
    CHECK_EQ(PrintedBytes, 512);
}

TEST(counted, "rtl.counted_strings.copy_append_compare")
{
    WCHAR Buffer[8];
    UNICODE_STRING d, s = RTL_CONSTANT_STRING(L"abcdef"), t = RTL_CONSTANT_STRING(L"ABCDEF");

    RtlInitEmptyUnicodeString(&d, Buffer, sizeof(Buffer));
    RtlCopyUnicodeString(&d, &s);
    CHECK(d.Length == 12 && Buffer[6] == 0);
    CHECK_EQ(RtlAppendUnicodeToString(&d, L"gh"), STATUS_SUCCESS);
    CHECK_EQ(RtlAppendUnicodeToString(&d, L"i"), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(d.Length, 16);
    CHECK(RtlEqualUnicodeString(&s, &t, TRUE) && !RtlEqualUnicodeString(&s, &t, FALSE));
    CHECK(RtlCompareUnicodeString(&s, &t, FALSE) > 0 && RtlCompareUnicodeString(&s, &t, TRUE) == 0);
    CHECK(RtlPrefixUnicodeString(&s, &d, TRUE) && !RtlPrefixUnicodeString(&d, &s, TRUE));
    CHECK_EQ(RtlUpcaseUnicodeChar(0xe9), 0xc9);
    CHECK_EQ(RtlDowncaseUnicodeChar(0x416), 0x436);
    CHECK_EQ(RtlUpcaseUnicodeChar(0xdf), 0xdf);
}

TEST(times, "rtl.RtlTimeToTimeFields.round_trip")
{
    TIME_FIELDS f = {2024, 2, 29, 23, 59, 58, 123, 0}, g;
    LARGE_INTEGER t, u;

    CHECK(RtlTimeFieldsToTime(&f, &t));
    RtlTimeToTimeFields(&t, &g);
    CHECK(g.Year == 2024 && g.Month == 2 && g.Day == 29 && g.Hour == 23 && g.Minute == 59 && g.Second == 58 &&
          g.Milliseconds == 123 && g.Weekday == 4);
    f.Year = 2023;
    CHECK(!RtlTimeFieldsToTime(&f, &u));
    u.QuadPart = 116444736000000000LL;
    ULONG s;
    CHECK(RtlTimeToSecondsSince1970(&u, &s) && s == 0);
    for (LONGLONG day = 0; day < 800000; day += 37) {
        t.QuadPart = day * 864000000000LL + 12345670000LL;
        RtlTimeToTimeFields(&t, &g);
        REQUIRE(RtlTimeFieldsToTime(&g, &u));
        REQUIRE(u.QuadPart == t.QuadPart);
    }
}

TEST(utf8, "rtl.RtlUTF8ToUnicodeN.bad_sequences_and_sizes")
{
    WCHAR w[16];
    ULONG n;

    CHECK_EQ(RtlUTF8ToUnicodeN(w, sizeof(w), &n, "a\xc3\xa4\xf0\x9f\x98\x80", 7), STATUS_SUCCESS);
    CHECK(n == 8 && w[1] == 0xe4 && (USHORT)w[2] == 0xd83d);
    CHECK_EQ(RtlUTF8ToUnicodeN(w, sizeof(w), &n, "\xff" "b", 2), STATUS_SOME_NOT_MAPPED);
    CHECK(n == 4 && (USHORT)w[0] == 0xfffd);
    CHECK_EQ(RtlUTF8ToUnicodeN(w, 2, &n, "abc", 3), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(RtlUTF8ToUnicodeN(NULL, 0, &n, "abc", 3), STATUS_SUCCESS);
    CHECK_EQ(n, 6);
    CHECK(RtlxUtf8ToWide("\xc0\x80", 2, w, 16) == SIZE_MAX);
}

static int NTAPI CompareInt(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

TEST(sort, "rtl.qsort.sorts_any_order")
{
    int v[257];

    for (int round = 0; round < 50; round++) {
        int n = round * 5 + 1;
        for (int i = 0; i < n; i++)
            v[i] = (i * 7919 + round * 31) % 101;
        RtlCrt_qsort(v, (size_t)n, sizeof(int), CompareInt);
        for (int i = 1; i < n; i++)
            REQUIRE(v[i - 1] <= v[i]);
        CHECK(RtlCrt_bsearch(&v[n / 2], v, (size_t)n, sizeof(int), CompareInt));
    }
}

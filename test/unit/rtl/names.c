/* SPDX-License-Identifier: MIT */
/* The OEM code page, 8.3 names, versions, and the small conversions beside them. */
#include "../se/se_test.h"
#include "rtl/rtl.h"

static UNICODE_STRING wide(PCWSTR text)
{
    UNICODE_STRING s;

    RtlInitUnicodeString(&s, text);
    return s;
}

TEST(oem, "rtl.RtlUpcaseUnicodeStringToCountedOemString.page_437")
{
    UNICODE_STRING in = wide(L"a\x00e4\x00e9z"), back;
    OEM_STRING out;
    char small[3];
    int before;

    machine_start();
    before = pool_blocks();
    CHECK_EQ(RtlUpcaseUnicodeStringToCountedOemString(&out, &in, TRUE), STATUS_SUCCESS);
    CHECK_EQ(out.Length, 4);
    CHECK_EQ(out.MaximumLength, 4);
    CHECK(!memcmp(out.Buffer, "A\x8e\x90Z", 4));
    CHECK_EQ(RtlOemStringToUnicodeString(&back, &out, TRUE), STATUS_SUCCESS);
    CHECK_EQ(back.Length, 8);
    CHECK(back.Buffer[1] == 0xc4 && back.Buffer[4] == 0);
    RtlFreeUnicodeString(&back);
    RtlFreeOemString(&out);
    in = wide(L"x\x3042");
    CHECK_EQ(RtlUnicodeStringToCountedOemString(&out, &in, TRUE), STATUS_UNMAPPABLE_CHARACTER);
    CHECK_EQ(RtlUnicodeStringToOemString(&out, &in, TRUE), STATUS_SUCCESS);
    CHECK_STR(out.Buffer, "x?");
    RtlFreeOemString(&out);
    in = wide(L"");
    CHECK_EQ(RtlUnicodeStringToCountedOemString(&out, &in, TRUE), STATUS_SUCCESS);
    CHECK(out.Buffer == NULL && out.Length == 0);
    in = wide(L"abc");
    out = (OEM_STRING){0, 3, small};
    CHECK_EQ(RtlUnicodeStringToOemString(&out, &in, FALSE), STATUS_BUFFER_OVERFLOW);
    CHECK_EQ(RtlUnicodeStringToCountedOemString(&out, &in, FALSE), STATUS_SUCCESS);
    for (int c = 1; c < 256; c++) {
        WCHAR w = RtlxOemToWide((unsigned char)c);
        unsigned char b = 0;
        CHECK(RtlxWideToOem(w, &b) && b == c);
    }
    CHECK_EQ(pool_blocks(), before);
}

static int legal(PCWSTR text, BOOLEAN *spaces)
{
    UNICODE_STRING name = wide(text);

    return RtlIsNameLegalDOS8Dot3(&name, NULL, spaces);
}

TEST(legal, "rtl.RtlIsNameLegalDOS8Dot3.rules")
{
    static const PCWSTR good[] = {L"a",  L"readme.txt", L"EIGHTCHR.EXT", L".",
                                  L"..", L"a.b",        L"x y.z",        L"\x00e4.txt"};
    static const PCWSTR bad[] = {L"",      L"ninechars", L"a.text", L"a.",  L".a",
                                 L"a.b.c", L"a+b",       L"a,b",    L"a ",  L"a .b",
                                 L"a*",    L"a\\b",      L"a[b]",   L"...", L"\x3042"};
    UNICODE_STRING name = wide(L"readme.txt");
    BOOLEAN spaces = 7;
    OEM_STRING oem;
    char buffer[12];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        CHECK(legal(good[i], NULL));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!legal(bad[i], NULL));
    CHECK(legal(L"x y", &spaces) && spaces == TRUE);
    CHECK(legal(L"xy", &spaces) && spaces == FALSE);
    oem = (OEM_STRING){0, sizeof buffer, buffer};
    CHECK(RtlIsNameLegalDOS8Dot3(&name, &oem, NULL));
    CHECK(oem.Length == 10 && !memcmp(buffer, "README.TXT", 10));
}

static GENERATE_NAME_CONTEXT context;
static void next(PCWSTR text, BOOLEAN extended, const char *want)
{
    UNICODE_STRING name = wide(text), out;
    WCHAR buffer[12];
    char narrow[13] = {0};

    out = (UNICODE_STRING){0, sizeof buffer, buffer};
    CHECK_EQ(RtlGenerate8dot3Name(&name, extended, &context, &out), STATUS_SUCCESS);
    CHECK(RtlIsNameLegalDOS8Dot3(&out, NULL, NULL));
    for (unsigned i = 0; i < out.Length / 2; i++)
        narrow[i] = (char)buffer[i];
    if (want)
        CHECK_STR(narrow, want);
}

static void first(PCWSTR text, const char *want)
{
    memset(&context, 0, sizeof context);
    next(text, TRUE, want);
}

TEST(generate, "rtl.RtlGenerate8dot3Name.names_and_retries")
{
    UNICODE_STRING name = wide(L"long file name.text"), out;
    char seen[2000][13];
    WCHAR buffer[12];

    first(L"long file name.text", "LONGFI~1.TEX");
    next(L"long file name.text", TRUE, "LONGFI~2.TEX");
    first(L"archive.tar.gz", "ARCHIV~1.GZ");
    first(L".profile", "PROFIL~1");
    first(L"a+b=c[d].x;y", "A_B_C_~1.X_Y");
    first(L"trailing.", "TRAILI~1");
    /* Retries never repeat and stay legal, across the change of digits. */
    memset(&context, 0, sizeof context);
    for (int i = 0; i < 2000; i++) {
        out = (UNICODE_STRING){0, sizeof buffer, buffer};
        REQUIRE(NT_SUCCESS(RtlGenerate8dot3Name(&name, TRUE, &context, &out)));
        CHECK(RtlIsNameLegalDOS8Dot3(&out, NULL, NULL));
        memset(seen[i], 0, 13);
        for (unsigned k = 0; k < out.Length / 2; k++)
            seen[i][k] = (char)buffer[k];
        for (int k = 0; k < i; k++)
            CHECK(strcmp(seen[k], seen[i]) != 0);
    }
    context.LastIndexValue = 999999;
    CHECK_EQ(RtlGenerate8dot3Name(&name, TRUE, &context, &out), STATUS_FILE_SYSTEM_LIMITATION);
}

TEST(version, "rtl.RtlVerifyVersionInfo.places_and_conditions")
{
    enum { MINOR = 1, MAJOR = 2, BUILD = 4, EQUAL = 1, AT_LEAST = 3, LESS = 4 };
    RTL_OSVERSIONINFOEXW want = {
        .dwOSVersionInfoSize = sizeof want, .dwMajorVersion = 6, .dwMinorVersion = 3};
    ULONGLONG mask = VerSetConditionMask(VerSetConditionMask(0, MAJOR, AT_LEAST), MINOR, AT_LEAST);

    KexBuild = 22621; /* 10.0 is at least 6.3 though 0 is less than 3 */
    CHECK_EQ(RtlVerifyVersionInfo(&want, MAJOR | MINOR, mask), STATUS_SUCCESS);
    KexBuild = 9200; /* 6.2 */
    CHECK_EQ(RtlVerifyVersionInfo(&want, MAJOR | MINOR, mask), STATUS_REVISION_MISMATCH);
    want.dwBuildNumber = 9200;
    CHECK_EQ(RtlVerifyVersionInfo(&want, BUILD, VerSetConditionMask(0, BUILD, EQUAL)),
             STATUS_SUCCESS);
    CHECK_EQ(RtlVerifyVersionInfo(&want, BUILD, VerSetConditionMask(0, BUILD, LESS)),
             STATUS_REVISION_MISMATCH);
    CHECK_EQ(RtlVerifyVersionInfo(&want, BUILD, 0), STATUS_INVALID_PARAMETER);
    CHECK_EQ(RtlVerifyVersionInfo(&want, 0, mask), STATUS_INVALID_PARAMETER);
}

TEST(small, "rtl.strings.utf8_append_prefix_time")
{
    UNICODE_STRING w = wide(L"\x00e4\x20ac"), back = {0};
    UTF8_STRING u;
    char buffer[6] = "ab";
    STRING s = {2, 6, buffer}, cd = {3, 3, "CDE"}, start = {4, 4, "abcd"};
    LARGE_INTEGER time;
    ULONG seconds;
    int before;

    machine_start();
    before = pool_blocks();
    CHECK_EQ(RtlUnicodeStringToUTF8String(&u, &w, TRUE), STATUS_SUCCESS);
    CHECK_STR(u.Buffer, "\xc3\xa4\xe2\x82\xac");
    CHECK_EQ(RtlUTF8StringToUnicodeString(&back, &u, TRUE), STATUS_SUCCESS);
    CHECK(RtlEqualUnicodeString(&back, &w, FALSE));
    RtlFreeUTF8String(&u);
    RtlFreeUnicodeString(&back);
    CHECK_EQ(RtlAppendStringToString(&s, &cd), STATUS_SUCCESS);
    CHECK_EQ(RtlAppendAsciizToString(&s, "xy"), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(s.Length, 5);
    CHECK(!RtlPrefixString(&start, &s, FALSE) && RtlPrefixString(&start, &s, TRUE));
    RtlSecondsSince1980ToTime(1000, &time);
    CHECK(RtlTimeToSecondsSince1980(&time, &seconds));
    CHECK_EQ(seconds, 1000);
    RtlTimeToSecondsSince1970(&time, &seconds);
    CHECK_EQ(seconds, 315532800 + 1000);
    CHECK(RtlCreateUnicodeString(&back, L"x"));
    back.Length = 1;
    CHECK_EQ(RtlValidateUnicodeString(0, &back), STATUS_INVALID_PARAMETER);
    RtlFreeUnicodeString(&back);
    CHECK_EQ(pool_blocks(), before);
}

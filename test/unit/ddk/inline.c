/* SPDX-License-Identifier: MIT */
/* The code that lives in include/ddk: bounded strings, safe integers, lists, interlocked
 * operations. */
#include "harness.h"
#include <ntifs.h>
#include <ntintsafe.h>
#include <ntstrsafe.h>

TEST(copy_cuts, "ddk.RtlStringCbCopyW.cuts_and_terminates")
{
    WCHAR To[5] = L"zzzz";

    CHECK_EQ(RtlStringCbCopyW(To, sizeof(To), L"abcd"), STATUS_SUCCESS);
    CHECK(!memcmp(To, L"abcd", sizeof(To)));
    CHECK_EQ(RtlStringCbCopyW(To, sizeof(To), L"efghi"), STATUS_BUFFER_OVERFLOW);
    CHECK(!memcmp(To, L"efgh", sizeof(To)));
    CHECK_EQ(RtlStringCbCopyW(To, 0, L"x"), STATUS_INVALID_PARAMETER);
    CHECK_EQ(RtlStringCchCopyNW(To, 5, L"123456", 2), STATUS_SUCCESS);
    CHECK(!memcmp(To, L"12", 6));
}

TEST(append, "ddk.RtlStringCchCatA.appends_within_the_room")
{
    char To[6] = "ab";

    CHECK_EQ(RtlStringCchCatA(To, sizeof(To), "cd"), STATUS_SUCCESS);
    CHECK(!strcmp(To, "abcd"));
    CHECK_EQ(RtlStringCchCatA(To, sizeof(To), "efg"), STATUS_BUFFER_OVERFLOW);
    CHECK(!strcmp(To, "abcde"));
    CHECK_EQ(RtlStringCchCatNA(To, sizeof(To), "xyz", 0), STATUS_SUCCESS);
    memset(To, 'a', sizeof(To));
    CHECK_EQ(RtlStringCchCatA(To, sizeof(To), "b"), STATUS_INVALID_PARAMETER);
}

TEST(extended, "ddk.RtlStringCchCopyExA.flags")
{
    char To[6], *End;
    size_t Left;

    memset(To, 'z', sizeof(To));
    CHECK_EQ(RtlStringCchCopyExA(To, 6, "ab", &End, &Left, STRSAFE_FILL_BYTE('-')), STATUS_SUCCESS);
    CHECK(End == To + 2 && Left == 4);
    CHECK(!memcmp(To, "ab\0---", 6));
    CHECK_EQ(RtlStringCchCopyExA(To, 6, "abcdefgh", &End, &Left, STRSAFE_NO_TRUNCATION),
             STATUS_BUFFER_OVERFLOW);
    CHECK(To[0] == 0 && End == To && Left == 6);
    CHECK_EQ(RtlStringCchCopyExA(To, 6, NULL, NULL, NULL, STRSAFE_IGNORE_NULLS), STATUS_SUCCESS);
    CHECK(To[0] == 0);
}

TEST(length, "ddk.RtlStringCbLengthW.wants_a_terminator")
{
    size_t n = 99;
    WCHAR Text[3] = {L'a', L'b', L'c'};

    CHECK_EQ(RtlStringCbLengthW(L"abc", 8, &n), STATUS_SUCCESS);
    CHECK(n == 6);
    CHECK_EQ(RtlStringCbLengthW(Text, sizeof(Text), &n), STATUS_INVALID_PARAMETER);
    CHECK(n == 0);
}

TEST(counted, "ddk.RtlUnicodeStringCat.needs_no_terminator")
{
    WCHAR Buffer[4];
    UNICODE_STRING To = {0, sizeof(Buffer), Buffer};
    UNICODE_STRING Part = RTL_CONSTANT_STRING(L"ab");

    CHECK_EQ(RtlUnicodeStringCopy(&To, &Part), STATUS_SUCCESS);
    CHECK_EQ(RtlUnicodeStringCat(&To, &Part), STATUS_SUCCESS);
    CHECK(To.Length == 8 && !memcmp(Buffer, L"abab", 8));
    CHECK_EQ(RtlUnicodeStringCatString(&To, L"c"), STATUS_BUFFER_OVERFLOW);
    CHECK(To.Length == 8);
    To.Length = 3;
    CHECK_EQ(RtlUnicodeStringValidate(&To), STATUS_INVALID_PARAMETER);
}

TEST(integers, "ddk.RtlULongAdd.overflow_is_reported")
{
    ULONG Sum;
    USHORT Short;
    LONG Signed;
    SIZE_T Size;

    CHECK_EQ(RtlULongAdd(MAXULONG, 1, &Sum), STATUS_INTEGER_OVERFLOW);
    CHECK(Sum == MAXULONG);
    CHECK_EQ(RtlULongAdd(MAXULONG - 1, 1, &Sum), STATUS_SUCCESS);
    CHECK_EQ(RtlULongSub(1, 2, &Sum), STATUS_INTEGER_OVERFLOW);
    CHECK_EQ(RtlUShortMult(256, 256, &Short), STATUS_INTEGER_OVERFLOW);
    CHECK_EQ(RtlSizeTMult(MAXSIZE_T / 2, 2, &Size), STATUS_SUCCESS);
    CHECK_EQ(RtlULongToLong(0x80000000, &Signed), STATUS_INTEGER_OVERFLOW);
    CHECK_EQ(RtlLongToULong(-1, &Sum), STATUS_INTEGER_OVERFLOW);
    CHECK_EQ(RtlULongLongToUShort(65535, &Short), STATUS_SUCCESS);
    CHECK(Short == 65535);
}

TEST(lists, "ddk.InsertTailList.keeps_order")
{
    LIST_ENTRY Head, A, B, C;

    InitializeListHead(&Head);
    CHECK(IsListEmpty(&Head));
    InsertTailList(&Head, &B);
    InsertTailList(&Head, &C);
    InsertHeadList(&Head, &A);
    CHECK(!RemoveEntryList(&B));
    CHECK(RemoveHeadList(&Head) == &A);
    CHECK(RemoveEntryList(&C));
    CHECK(IsListEmpty(&Head));
}

TEST(interlocked, "ddk.InterlockedCompareExchange.returns_the_old_value")
{
    LONG n = 5;
    LONG64 Wide[2] __attribute__((aligned(16))) = {1, 2}, Compare[2] = {1, 2};
    LONG Bits = 0;

    CHECK(InterlockedIncrement(&n) == 6 && InterlockedExchangeAdd(&n, 2) == 6);
    CHECK(InterlockedCompareExchange(&n, 1, 7) == 8 && n == 8);
    CHECK(InterlockedCompareExchange(&n, 1, 8) == 8 && n == 1);
    CHECK(!InterlockedBitTestAndSet(&Bits, 31) && InterlockedBitTestAndReset(&Bits, 31) &&
          Bits == 0);
    CHECK(InterlockedCompareExchange128(Wide, 4, 3, Compare) && Wide[0] == 3 && Wide[1] == 4);
    CHECK(!InterlockedCompareExchange128(Wide, 9, 9, Compare) && Compare[0] == 3 &&
          Compare[1] == 4);
}

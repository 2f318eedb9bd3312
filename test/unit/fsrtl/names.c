/* SPDX-License-Identifier: MIT */
/*
 * Names and patterns. The table's rows are what the documentation of FsRtlIsNameInExpression says
 * of each wildcard.
 */
#include <ntifs.h>

#include "harness.h"

static UNICODE_STRING W(const char *Text, WCHAR *b)
{
    UNICODE_STRING s = {0, 0, b};

    for (USHORT i = 0; Text[i]; i++) {
        b[i] = (WCHAR)Text[i];
        s.Length = (USHORT)((i + 1) * sizeof(WCHAR));
    }
    s.MaximumLength = s.Length;
    return s;
}

static const struct {
    const char *Expression, *Name;
    bool Match;
} Rows[] = {
    {"*", "anything.at.all", true},
    {"", "", true},
    {"", "a", false},
    {"A", "a", true},
    {"A", "b", false},
    {"?", "a", true},
    {"?", "ab", false},
    {"??", "a", false},
    {"A*", "abc", true},
    {"*C", "abc", true},
    {"*C", "abcd", false},
    {"A*C*E", "abcde", true},
    {"A*C*E", "abde", false},
    {"*.*", "abc", false}, /* plain * . * wants a dot: the file system's callers treat it apart */
    {"*.*", "abc.d", true},
    {"*.TXT", "a.b.txt", true},
    {"<.TXT", "a.b.txt", true}, /* DOS_STAR takes all dots but the last */
    {"<.B.TXT", "a.b.txt", true},
    {"<TXT", "a.txt", false}, /* it may not take the last dot */
    {"<", "a.b", false},
    {"<", "ab", true},
    {"<.", "ab", false},
    {"<\"", "ab", true}, /* DOS_DOT is nothing at the end */
    {"<\"*", "ab", true},
    {"<\"*", "a.b.c", true},
    {"AB\"", "ab", true},
    {"AB\"", "ab.", true},
    {"AB\"C", "abc", false},
    {"AB\"C", "ab.c", true},
    {">>>", "a", true}, /* DOS_QM is nothing at the end ... */
    {">>>", "abc", true},
    {">>>", "abcd", false},
    {">>>.TXT", "a.txt", true}, /* ... and nothing at a dot */
    {">>>.TXT", "abcd.txt", false},
    {"A>C", "abc", true},
    {"A>.C", "a.c", true},
    {"A?.C", "a.c", false},
    {"*A*A*A*A*B", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    {"*A*A*A*A*B", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", true},
};

TEST(table, "fsrtl.FsRtlIsNameInExpression.table")
{
    for (size_t i = 0; i < sizeof Rows / sizeof *Rows; i++) {
        WCHAR a[64], b[64];
        UNICODE_STRING e = W(Rows[i].Expression, a), n = W(Rows[i].Name, b);

        if ((bool)FsRtlIsNameInExpression(&e, &n, TRUE, NULL) != Rows[i].Match) {
            fprintf(stderr, "%s in %s: expected %d\n", Rows[i].Name, Rows[i].Expression,
                    Rows[i].Match);
            test_failures++;
        }
    }
}

TEST(case_matters, "fsrtl.FsRtlIsNameInExpression.case")
{
    WCHAR a[8], b[8];
    UNICODE_STRING e = W("AbC*", a), n = W("AbCd", b), m = W("abcd", b);

    n = W("AbCd", b);
    CHECK(FsRtlIsNameInExpression(&e, &n, FALSE, NULL));
    m = W("abcd", b);
    CHECK(!FsRtlIsNameInExpression(&e, &m, FALSE, NULL));
}

TEST(wild, "fsrtl.FsRtlDoesNameContainWildCards")
{
    const char *With[] = {"a*", "?", "x<y", "x>", "\"q"}, *Without[] = {"", "a.b", "a|b:c"};
    WCHAR b[16];

    for (size_t i = 0; i < 5; i++) {
        UNICODE_STRING s = W(With[i], b);

        CHECK(FsRtlDoesNameContainWildCards(&s));
    }
    for (size_t i = 0; i < 3; i++) {
        UNICODE_STRING s = W(Without[i], b);

        CHECK(!FsRtlDoesNameContainWildCards(&s));
    }
}

TEST(dissect, "fsrtl.FsRtlDissectName")
{
    WCHAR b[32];
    UNICODE_STRING First, Rest;

    FsRtlDissectName(W("\\one\\two\\three", b), &First, &Rest);
    CHECK_EQ(First.Length, 3 * sizeof(WCHAR));
    CHECK_EQ(First.Buffer[0], 'o');
    CHECK_EQ(Rest.Length, 9 * sizeof(WCHAR));
    CHECK_EQ(Rest.Buffer[0], 't');
    FsRtlDissectName(W("one", b), &First, &Rest);
    CHECK_EQ(First.Length, 3 * sizeof(WCHAR));
    CHECK_EQ(Rest.Length, 0);
    FsRtlDissectName(W("\\", b), &First, &Rest);
    CHECK_EQ(First.Length, 0);
    CHECK_EQ(Rest.Length, 0);
}

TEST(equal, "fsrtl.FsRtlAreNamesEqual")
{
    WCHAR a[8], b[8];
    UNICODE_STRING x = W("Name", a), y = W("nAME", b);

    CHECK(FsRtlAreNamesEqual(&x, &y, TRUE, NULL));
    CHECK(!FsRtlAreNamesEqual(&x, &y, FALSE, NULL));
    y.Length -= sizeof(WCHAR);
    CHECK(!FsRtlAreNamesEqual(&x, &y, TRUE, NULL));
}

TEST(expected, "fsrtl.FsRtlNormalizeNtstatus")
{
    CHECK(FsRtlIsNtstatusExpected(STATUS_DISK_FULL));
    CHECK(!FsRtlIsNtstatusExpected(STATUS_ACCESS_VIOLATION));
    CHECK_EQ(FsRtlNormalizeNtstatus(STATUS_DISK_FULL, STATUS_UNEXPECTED_IO_ERROR),
             STATUS_DISK_FULL);
    CHECK_EQ(FsRtlNormalizeNtstatus(STATUS_ILLEGAL_INSTRUCTION, STATUS_UNEXPECTED_IO_ERROR),
             STATUS_UNEXPECTED_IO_ERROR);
}

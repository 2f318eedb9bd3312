/* SPDX-License-Identifier: MIT */
/* names.c - names and patterns. */
#include "fsrtl/fsrtl.h"

#include <stdlib.h>
#include <string.h>

/* The wildcards that Win32 makes of * and ? where DOS meant something else by them. */
#define STAR L'*'
#define MARK L'?'
#define DOS_STAR_CHAR L'<' /* like *, but never takes the last dot */
#define DOS_MARK_CHAR L'>' /* like ?, but matches nothing at a dot or at the end */
#define DOS_DOT_CHAR L'"'  /* a dot, or nothing at the end */

static WCHAR Fold(WCHAR c, bool IgnoreCase, PCWCH UpcaseTable)
{
    if (!IgnoreCase)
        return c;
    return UpcaseTable ? UpcaseTable[c] : RtlUpcaseUnicodeChar(c);
}

/* Whether any character of the name is a wildcard, the DOS forms included. Any IRQL. */
BOOLEAN NTAPI FsRtlDoesNameContainWildCards(PUNICODE_STRING Name)
{
    for (USHORT i = 0; i < Name->Length / sizeof(WCHAR); i++) {
        WCHAR c = Name->Buffer[i];

        if (c == STAR || c == MARK || c == DOS_STAR_CHAR || c == DOS_MARK_CHAR || c == DOS_DOT_CHAR)
            return TRUE;
    }
    return FALSE;
}

/*
 * Compares whole names. UpcaseTable, optional, has 65,536 entries. IRQL <= APC_LEVEL.
 */
BOOLEAN NTAPI FsRtlAreNamesEqual(PCUNICODE_STRING ConstantNameA, PCUNICODE_STRING ConstantNameB,
                                 BOOLEAN IgnoreCase, PCWCH UpcaseTable)
{
    if (ConstantNameA->Length != ConstantNameB->Length)
        return FALSE;
    for (USHORT i = 0; i < ConstantNameA->Length / sizeof(WCHAR); i++) {
        WCHAR a = ConstantNameA->Buffer[i], b = ConstantNameB->Buffer[i];

        if (a != b && Fold(a, IgnoreCase, UpcaseTable) != Fold(b, IgnoreCase, UpcaseTable))
            return FALSE;
    }
    return TRUE;
}

/*
 * Splits the first component off a path. A leading backslash is skipped; the rest starts behind the
 * separator. Both results point into Path (nf-ntifs-fsrtldissectname).
 */
VOID NTAPI FsRtlDissectName(UNICODE_STRING Path, PUNICODE_STRING FirstName,
                            PUNICODE_STRING RemainingName)
{
    USHORT Count = Path.Length / sizeof(WCHAR), First = 0, End;

    RtlZeroMemory(FirstName, sizeof *FirstName);
    RtlZeroMemory(RemainingName, sizeof *RemainingName);
    if (!Count)
        return;
    if (Path.Buffer[0] == L'\\')
        First = 1;
    for (End = First; End < Count && Path.Buffer[End] != L'\\'; End++)
        ;
    FirstName->Buffer = Path.Buffer + First;
    FirstName->Length = FirstName->MaximumLength = (USHORT)((End - First) * sizeof(WCHAR));
    if (End < Count) {
        RemainingName->Buffer = Path.Buffer + End + 1;
        RemainingName->Length = RemainingName->MaximumLength =
            (USHORT)((Count - End - 1) * sizeof(WCHAR));
    }
}

/* ---- patterns ------------------------------------------------------------------------------ */

/*
 * States are positions in the expression; a state set is kept as one byte per position, and every
 * name character moves the whole set. The cost is the product of the lengths, whatever the pattern.
 */
typedef struct _MATCHER {
    PCUNICODE_STRING Expression;
    USHORT Length; /* of the expression, in characters */
    bool IgnoreCase;
    PCWCH UpcaseTable;
} MATCHER;

/*
 * Moves every state that may stand before character c (End: the name is over). Empty moves go to
 * higher positions, so one ascending pass closes the set. LastDot: c is the last dot of the name.
 */
static bool Step(const MATCHER *m, UCHAR *Now, UCHAR *Next, WCHAR c, bool LastDot, bool End)
{
    bool Alive = false;

    for (USHORT p = 0; p < m->Length; p++) {
        WCHAR e = m->Expression->Buffer[p];
        bool Stay = false, Take = false, Skip = false;

        if (!Now[p])
            continue;
        switch (e) {
        case STAR:
            Stay = !End;
            Skip = true;
            break;
        case DOS_STAR_CHAR:
            Stay = !End && !LastDot;
            Skip = true;
            break;
        case MARK:
            Take = !End;
            break;
        case DOS_MARK_CHAR:
            Skip = End || c == L'.';
            Take = !Skip;
            break;
        case DOS_DOT_CHAR:
            Skip = End;
            Take = !End && c == L'.';
            break;
        default:
            Take = !End && (e == c || e == Fold(c, m->IgnoreCase, m->UpcaseTable));
        }
        if (Skip)
            Now[p + 1] = 1;
        if (Stay)
            Next[p] = 1;
        if (Take)
            Next[p + 1] = 1;
        Alive |= Stay || Take;
    }
    return Alive;
}

static bool Matches(const MATCHER *m, PCUNICODE_STRING Name)
{
    USHORT Count = Name->Length / sizeof(WCHAR), LastDot = 0xffff;
    size_t Bytes = (size_t)m->Length + 1;
    UCHAR Small[2][130] = {{0}}, *Now = Small[0], *Next = Small[1], *Heap = NULL, *Swap;
    bool Result = false, Alive = true;

    if (Bytes > sizeof Small[0]) {
        Heap = calloc(2, Bytes);
        if (!Heap)
            ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
        Now = Heap;
        Next = Heap + Bytes;
    }
    for (USHORT i = 0; i < Count; i++) {
        if (Name->Buffer[i] == L'.')
            LastDot = i;
    }
    Now[0] = 1;
    for (USHORT i = 0; i < Count && Alive; i++) {
        memset(Next, 0, Bytes);
        Alive = Step(m, Now, Next, Name->Buffer[i], i == LastDot, false);
        Swap = Now;
        Now = Next;
        Next = Swap;
    }
    if (Alive) {
        memset(Next, 0, Bytes);
        Step(m, Now, Next, 0, false, true);
        Result = Now[m->Length];
    }
    free(Heap);
    return Result;
}

/*
 * Whether a name matches a pattern. With IgnoreCase the expression must be upcased by the caller.
 * An empty name matches only an empty expression. IRQL <= APC_LEVEL; may raise
 * STATUS_INSUFFICIENT_RESOURCES for a very long expression (nf-ntifs-fsrtlisnameinexpression, which
 * lists what each wildcard matches).
 */
BOOLEAN NTAPI FsRtlIsNameInExpression(PUNICODE_STRING Expression, PUNICODE_STRING Name,
                                      BOOLEAN IgnoreCase, PWCH UpcaseTable)
{
    MATCHER m = {Expression, Expression->Length / sizeof(WCHAR), IgnoreCase, UpcaseTable};

    if (!Expression->Length || !Name->Length)
        return !Expression->Length && !Name->Length;
    if (m.Length == 1 && Expression->Buffer[0] == STAR)
        return TRUE;
    return Matches(&m, Name);
}

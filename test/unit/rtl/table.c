/* SPDX-License-Identifier: MIT */
/* Generic tables of both kinds and bit maps, each held against a plain model over random
 * operations. */
#include "harness.h"
#include "rtl/rtl.h"

static unsigned long long state = 88172645463325252ull;
static unsigned rnd(unsigned limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 20) % limit;
}

#define KEYS 400
static int live;

struct item {
    int key, value;
};

static RTL_GENERIC_COMPARE_RESULTS order(const struct item *a, const struct item *b)
{
    return a->key < b->key ? GenericLessThan : a->key > b->key ? GenericGreaterThan : GenericEqual;
}
static RTL_GENERIC_COMPARE_RESULTS NTAPI compare(struct _RTL_GENERIC_TABLE *t, PVOID a, PVOID b)
{
    (void)t;
    return order(a, b);
}
static RTL_GENERIC_COMPARE_RESULTS NTAPI compare_avl(struct _RTL_AVL_TABLE *t, PVOID a, PVOID b)
{
    (void)t;
    return order(a, b);
}
static bool refuse;
static PVOID take(CLONG bytes)
{
    if (refuse)
        return NULL;
    live++;
    return malloc(bytes);
}
static PVOID NTAPI allocate(struct _RTL_GENERIC_TABLE *t, CLONG bytes)
{
    CHECK(t->TableContext == &live);
    return take(bytes);
}
static PVOID NTAPI allocate_avl(struct _RTL_AVL_TABLE *t, CLONG bytes)
{
    CHECK(t->TableContext == &live);
    return take(bytes);
}
static VOID NTAPI give(struct _RTL_GENERIC_TABLE *t, PVOID p)
{
    (void)t;
    live--;
    free(p);
}
static VOID NTAPI give_avl(struct _RTL_AVL_TABLE *t, PVOID p)
{
    (void)t;
    live--;
    free(p);
}

TEST(splay, "rtl.RtlInsertElementGenericTable.model")
{
    static int inserted[100000];
    RTL_GENERIC_TABLE t;
    bool has[KEYS] = {0};
    int count = 0, sequence = 0, at[KEYS];

    RtlInitializeGenericTable(&t, compare, allocate, give, &live);
    CHECK(RtlIsGenericTableEmpty(&t));
    for (int i = 0; i < 20000; i++) {
        struct item item = {(int)rnd(KEYS), i};
        BOOLEAN new = 77;
        struct item *found;
        if (rnd(2)) {
            found = RtlInsertElementGenericTable(&t, &item, sizeof item, &new);
            REQUIRE(found && found->key == item.key);
            CHECK_EQ(new, !has[item.key]);
            if (new) {
                at[item.key] = sequence;
                inserted[sequence++] = item.key;
                count++;
            }
            has[item.key] = true;
        } else {
            CHECK_EQ(RtlDeleteElementGenericTable(&t, &item), has[item.key]);
            if (has[item.key]) {
                inserted[at[item.key]] = -1;
                count--;
            }
            has[item.key] = false;
        }
        CHECK_EQ(RtlNumberGenericTableElements(&t), count);
        CHECK_EQ(live, count);
        item.key = (int)rnd(KEYS);
        found = RtlLookupElementGenericTable(&t, &item);
        CHECK_EQ(found != NULL, has[item.key]);
        if (i % 200 == 0) { /* both enumerations in order; numbers in order of insertion */
            PVOID key = NULL;
            int k = 0;
            struct item *e = RtlEnumerateGenericTable(&t, TRUE);
            for (struct item *w; (w = RtlEnumerateGenericTableWithoutSplaying(&t, &key)); k++) {
                while (!has[k])
                    k++;
                CHECK_EQ(w->key, k);
            }
            for (k = 0; e; e = RtlEnumerateGenericTable(&t, FALSE), k++) {
                while (!has[k])
                    k++;
                CHECK_EQ(e->key, k);
            }
            k = 0;
            for (int s = 0; s < sequence; s++)
                if (inserted[s] >= 0)
                    CHECK_EQ(((struct item *)RtlGetElementGenericTable(&t, k++))->key, inserted[s]);
            CHECK(RtlGetElementGenericTable(&t, k) == NULL);
            for (int j = 0; k && j < 20; j++) {
                unsigned want = rnd(k), n = 0;
                int s = -1;
                do
                    s++;
                while (inserted[s] < 0 || n++ < want);
                CHECK_EQ(((struct item *)RtlGetElementGenericTable(&t, want))->key, inserted[s]);
            }
        }
    }
}

/* Depth of a subtree; every node's balance and parent is checked on the way. */
static int depth(PRTL_BALANCED_LINKS n, PRTL_BALANCED_LINKS parent)
{
    int l, r;

    if (!n)
        return 0;
    CHECK(n->Parent == parent);
    l = depth(n->LeftChild, n);
    r = depth(n->RightChild, n);
    CHECK_EQ(n->Balance, (CHAR)(r - l));
    CHECK(r - l <= 1 && l - r <= 1);
    return (l > r ? l : r) + 1;
}

TEST(avl, "rtl.RtlInsertElementGenericTableAvl.model_and_balance")
{
    RTL_AVL_TABLE t;
    bool has[KEYS] = {0};
    int count = 0;

    RtlInitializeGenericTableAvl(&t, compare_avl, allocate_avl, give_avl, &live);
    for (int i = 0; i < 20000; i++) {
        struct item item = {(int)rnd(KEYS), i};
        bool grow = rnd(100) < (i / 2000 % 2 ? 30u : 70u);
        BOOLEAN new;
        if (grow) {
            REQUIRE(RtlInsertElementGenericTableAvl(&t, &item, sizeof item, &new));
            CHECK_EQ(new, !has[item.key]);
            count += new;
            has[item.key] = true;
        } else {
            CHECK_EQ(RtlDeleteElementGenericTableAvl(&t, &item), has[item.key]);
            count -= has[item.key];
            has[item.key] = false;
        }
        CHECK_EQ(RtlNumberGenericTableElementsAvl(&t), count);
        CHECK_EQ(RtlIsGenericTableEmptyAvl(&t), count == 0);
        if (i % 50 == 0) {
            unsigned k = 0, n = 0;
            CHECK_EQ(depth(t.BalancedRoot.RightChild, &t.BalancedRoot), t.DepthOfTree);
            for (struct item *e = RtlEnumerateGenericTableAvl(&t, TRUE); e; k++, n++) {
                while (!has[k])
                    k++;
                CHECK_EQ(e->key, k);
                CHECK_EQ(((struct item *)RtlGetElementGenericTableAvl(&t, n))->key, k);
                e = RtlEnumerateGenericTableAvl(&t, FALSE);
            }
            CHECK_EQ(n, count);
            if (n)
                CHECK(RtlGetElementGenericTableAvl(&t, rnd(n)) != NULL);
        }
    }
    CHECK_EQ(live, count);
}

TEST(avl_walk, "rtl.RtlEnumerateGenericTableAvl.deletes_while_it_walks")
{
    RTL_AVL_TABLE t;
    int seen = 0;

    RtlInitializeGenericTableAvl(&t, compare_avl, allocate_avl, give_avl, &live);
    for (int k = 0; k < 100; k++)
        RtlInsertElementGenericTableAvl(&t, &(struct item){k, 0}, sizeof(struct item), NULL);
    for (struct item *e = RtlEnumerateGenericTableAvl(&t, TRUE); e;
         e = RtlEnumerateGenericTableAvl(&t, FALSE)) {
        CHECK_EQ(e->key, seen++);
        CHECK(RtlDeleteElementGenericTableAvl(&t, &(struct item){e->key, 0}));
    }
    CHECK_EQ(seen, 100);
    CHECK_EQ(live, 0);
}

static RTL_GENERIC_COMPARE_RESULTS NTAPI by_tens(struct _RTL_AVL_TABLE *t, PVOID a, PVOID b)
{
    struct item x = {((struct item *)a)->key / 10, 0}, y = {((struct item *)b)->key / 10, 0};

    (void)t;
    return order(&x, &y);
}
static NTSTATUS NTAPI even(struct _RTL_AVL_TABLE *t, PVOID data, PVOID limit)
{
    struct item *e = data;

    (void)t;
    return e->key > *(int *)limit ? STATUS_NO_MORE_MATCHES
           : e->key % 2           ? STATUS_NO_MATCH
                                  : STATUS_SUCCESS;
}

TEST(avl_first, "rtl.RtlLookupFirstMatchingElementGenericTableAvl.first_of_equals")
{
    RTL_AVL_TABLE t;
    PVOID key, parent;
    TABLE_SEARCH_RESULT result;
    struct item *e;

    RtlInitializeGenericTableAvl(&t, compare_avl, allocate_avl, give_avl, &live);
    for (int k = 99; k >= 0; k--)
        RtlInsertElementGenericTableAvl(&t, &(struct item){k, 0}, sizeof(struct item), NULL);
    CHECK(RtlLookupElementGenericTableFullAvl(&t, &(struct item){200, 0}, &parent, &result) ==
          NULL);
    CHECK_EQ(result, TableInsertAsRight);
    t.CompareRoutine = by_tens;
    e = RtlLookupFirstMatchingElementGenericTableAvl(&t, &(struct item){57, 0}, &key);
    REQUIRE(e);
    CHECK_EQ(e->key, 50);
    e = RtlEnumerateGenericTableWithoutSplayingAvl(&t, &key);
    CHECK_EQ(e->key, 51);
    refuse = true;
    CHECK(RtlInsertElementGenericTableAvl(&t, &(struct item){2000, 0}, sizeof(struct item), NULL) ==
          NULL);
    CHECK_EQ(RtlNumberGenericTableElementsAvl(&t), 100);
}

TEST(directory, "rtl.RtlEnumerateGenericTableLikeADirectory.lives_through_deletions")
{
    RTL_AVL_TABLE t;
    PVOID key = NULL;
    ULONG deletes = 0;
    int limit = 11, expected = 4;
    struct item last = {3, 0}, *e;

    RtlInitializeGenericTableAvl(&t, compare_avl, allocate_avl, give_avl, &live);
    for (int k = 0; k < 40; k++)
        RtlInsertElementGenericTableAvl(&t, &(struct item){k, 0}, sizeof(struct item), NULL);
    while ((e = RtlEnumerateGenericTableLikeADirectory(&t, even, &limit, TRUE, &key, &deletes,
                                                       &last))) {
        CHECK_EQ(e->key, expected);
        last = *e;
        RtlDeleteElementGenericTableAvl(&t, &last); /* the key is worthless now */
        expected += 2;
    }
    CHECK_EQ(expected, 12);
}

TEST(bits, "rtl.RtlFindClearBits.model")
{
    enum { SIZE = 205 };
    ULONG words[(SIZE + 31) / 32 + 1];
    bool model[SIZE] = {0};
    RTL_BITMAP map;

    memset(words, 0, sizeof words);
    words[sizeof words / 4 - 1] = 0xdeadbeef;
    RtlInitializeBitMap(&map, words, SIZE);
    for (int i = 0; i < 20000; i++) {
        unsigned start = rnd(SIZE), n = rnd(SIZE - start + 1) % 40, want = 1 + rnd(12),
                 hint = rnd(SIZE + 20);
        unsigned found = ~0u, set = 0, run = 0, from, longest = 0, where = 0;
        bool on = rnd(2), clear = n > 0, full = n > 0;
        ULONG index, length;
        if (on)
            RtlSetBits(&map, start, n);
        else
            RtlClearBits(&map, start, n);
        for (unsigned b = start; b < start + n; b++)
            model[b] = on;
        for (unsigned b = 0; b < SIZE; b++) {
            set += model[b];
            CHECK_EQ(RtlTestBit(&map, b), model[b]);
            run = model[b] ? 0 : run + 1;
            if (run > longest)
                longest = run, where = b + 1 - run;
        }
        start = rnd(SIZE);
        n = rnd(8);
        clear = full = n && start + n <= SIZE;
        for (unsigned b = start; b < start + n && b < SIZE; b++)
            clear = clear && !model[b], full = full && model[b];
        CHECK_EQ(RtlAreBitsClear(&map, start, n), clear);
        CHECK_EQ(RtlAreBitsSet(&map, start, n), full);
        CHECK_EQ(RtlNumberOfSetBits(&map), set);
        CHECK_EQ(RtlNumberOfClearBits(&map), SIZE - set);
        CHECK_EQ(RtlFindLongestRunClear(&map, &index), longest);
        if (longest)
            CHECK_EQ(index, where);
        from = hint >= SIZE ? 0 : hint;
        for (unsigned k = 0; k < SIZE && found == ~0u; k++) {
            unsigned s = (from + k) % SIZE, b = 0;
            while (b < want && s + b < SIZE && !model[s + b])
                b++;
            if (b == want)
                found = s;
        }
        CHECK_EQ(RtlFindClearBits(&map, want, hint), found);
        start = rnd(SIZE);
        length = RtlFindNextForwardRunClear(&map, start, &index);
        for (from = start; from < SIZE && model[from];)
            from++;
        for (n = 0; from + n < SIZE && !model[from + n];)
            n++;
        CHECK_EQ(length, n);
        if (n)
            CHECK_EQ(index, from);
        length = RtlFindLastBackwardRunClear(&map, start, &index);
        for (from = start + 1; from && model[from - 1];)
            from--;
        for (n = 0; n < from && !model[from - 1 - n];)
            n++;
        CHECK_EQ(length, n);
        if (n)
            CHECK_EQ(index, from - n);
    }
    CHECK_EQ(words[sizeof words / 4 - 1], 0xdeadbeef);
}

TEST(runs, "rtl.RtlFindClearRuns.longest_first")
{
    ULONG words[4] = {0};
    RTL_BITMAP_RUN runs[3];
    RTL_BITMAP map;

    RtlInitializeBitMap(&map, words, 100);
    RtlSetAllBits(&map);
    RtlClearBits(&map, 3, 2);
    RtlClearBits(&map, 10, 7);
    RtlClearBits(&map, 31, 4);
    RtlClearBits(&map, 90, 10);
    CHECK_EQ(RtlFindClearRuns(&map, runs, 3, FALSE), 3);
    CHECK_EQ(runs[2].StartingIndex, 31);
    CHECK_EQ(RtlFindClearRuns(&map, runs, 3, TRUE), 3);
    CHECK_EQ(runs[0].StartingIndex, 90);
    CHECK_EQ(runs[0].NumberOfBits, 10);
    CHECK_EQ(runs[1].NumberOfBits, 7);
    CHECK_EQ(runs[2].NumberOfBits, 4);
    CHECK_EQ(RtlFindClearBitsAndSet(&map, 6, 0), 10);
    CHECK(RtlAreBitsSet(&map, 5, 11));
    CHECK_EQ(RtlFindClearBits(&map, 11, 0), 0xffffffffu);
    CHECK_EQ(RtlFindMostSignificantBit(0), -1);
    CHECK_EQ(RtlFindMostSignificantBit(0x8000000000000001ull), 63);
    CHECK_EQ(RtlFindLeastSignificantBit(0x8000000000000100ull), 8);
}

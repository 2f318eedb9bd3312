/* SPDX-License-Identifier: MIT */
/* Pool, lookaside lists, interlocked lists. */
#include "../ke/ke_test.h"
#include "ex/ex.h"

#define TAG 0x74736554u /* "Test" */

static void begin(void)
{
    ke_start();
    REQUIRE(NT_SUCCESS(ExxStart()));
}

static bool all_bytes(const void *p, size_t n, int value)
{
    for (size_t i = 0; i < n; i++)
        if (((const unsigned char *)p)[i] != value)
            return false;
    return true;
}

TEST(alignment, "ex.ExAllocatePoolWithTag.alignment_and_pages")
{
    static const size_t sizes[] = {0, 1, 15, 16, 100, 2000, 3000, 4000, 4095, 4096, 4097, 100000};

    begin();
    for (size_t i = 0; i < RTL_NUMBER_OF(sizes); i++) {
        for (int n = 0; n < 40; n++) {
            char *p = ExAllocatePoolWithTag(NonPagedPoolNx, sizes[i], TAG);

            CHECK(p != NULL);
            CHECK((ULONG_PTR)p % (sizes[i] >= PAGE_SIZE ? PAGE_SIZE : 16) == 0);
            CHECK(sizes[i] > PAGE_SIZE || !sizes[i] ||
                  (ULONG_PTR)p / PAGE_SIZE == ((ULONG_PTR)p + sizes[i] - 1) / PAGE_SIZE);
            CHECK((ULONG_PTR)p > HOST_USER_LIMIT);
            memset(p, 1, sizes[i]);
            ExFreePoolWithTag(p, TAG);
        }
    }
}

TEST(zeroed, "ex.ExAllocatePool2.zeroed_unless_told")
{
    char *p;

    begin();
    for (int i = 0; i < 50; i++) {
        p = ExAllocatePool2(POOL_FLAG_PAGED, 500, TAG);
        CHECK(all_bytes(p, 500, 0));
        memset(p, 7, 500);
        ExFreePool(p);
    }
    p = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED, 500, TAG);
    CHECK(!all_bytes(p, 500, 0));
    ExFreePoolWithTag(p, 0);
    p = ExAllocatePoolZero(PagedPool, 500, TAG);
    CHECK(all_bytes(p, 500, 0));
    ExFreePoolWithTag(p, TAG);
    p = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED, 100, TAG);
    CHECK((ULONG_PTR)p % 64 == 0);
    ExFreePool(p);
}

TEST(bad_flags, "ex.ExAllocatePool2.refuses_bad_flags_and_tag")
{
    begin();
    CHECK(ExAllocatePool2(0, 16, TAG) == NULL);
    CHECK(ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_NON_PAGED, 16, TAG) == NULL);
    CHECK(ExAllocatePool2(POOL_FLAG_PAGED | 0x1000, 16, TAG) == NULL);
    CHECK(ExAllocatePool2(POOL_FLAG_PAGED, 16, 0) == NULL);
    CHECK(ExAllocatePool2(POOL_FLAG_PAGED, 0, TAG) == NULL);
    /* Optional flags that nobody knows are no reason to fail. */
    CHECK(ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_SPECIAL_POOL | (1ull << 50), 16, TAG) !=
          NULL);
}

static void raised(NTSTATUS status, ULONG n, const ULONG_PTR *p, const void *caller)
{
    (void)n, (void)p, (void)caller;
    _exit(status == (NTSTATUS)expected_stop && !test_failures ? 0 : 1);
}
TEST(raise_invalid, "ex.ExAllocatePool2.raises_when_told")
{
    begin();
    KexRaiseHook = raised;
    expected_stop = (ULONG)STATUS_INVALID_PARAMETER;
    ExAllocatePool2(POOL_FLAG_RAISE_ON_FAILURE, 16, TAG);
    NO_STOP_CAME();
}
TEST(raise_quota, "ex.ExAllocatePoolWithQuotaTag.raises_without_memory")
{
    begin();
    KexRaiseHook = raised;
    expected_stop = (ULONG)STATUS_INSUFFICIENT_RESOURCES;
    CHECK(ExAllocatePoolWithQuotaTag(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, (SIZE_T)1 << 60,
                                     TAG) == NULL);
    CHECK(ExAllocatePoolWithTag(PagedPool, ~(SIZE_T)0 - 8, TAG) == NULL);
    ExAllocatePoolWithQuotaTag(PagedPool, (SIZE_T)1 << 60, TAG);
    NO_STOP_CAME();
}

/* ---- mistakes -------------------------------------------------------------------------------- */

static char *volatile block;
TEST(double_free, "ex.ExFreePoolWithTag.MEM-002.double_free")
{
    begin();
    block = ExAllocatePoolWithTag(PagedPool, 40, TAG);
    ExFreePoolWithTag(block, TAG);
    expect_stop(0xC2, "freed already");
    ExFreePoolWithTag(block, TAG);
    NO_STOP_CAME();
}
TEST(wrong_tag, "ex.ExFreePoolWithTag.MEM-002.wrong_tag")
{
    begin();
    block = ExAllocatePoolWithTag(PagedPool, 40, TAG);
    expect_stop(0xC2, "allocated with tag Test, freed with tag Other");
    expected_text = "allocated with tag Test, freed with tag Oops";
    ExFreePoolWithTag(block, 0x73706f4f);
    NO_STOP_CAME();
}
TEST(overrun, "ex.ExFreePoolWithTag.MEM-004.overrun")
{
    begin();
    block = ExAllocatePoolWithTag(PagedPool, 43, TAG);
    block[43] = 0;
    expect_stop(0x19, "behind its end");
    ExFreePoolWithTag(block, TAG);
    NO_STOP_CAME();
}
TEST(overrun_page, "ex.ExFreePoolWithTag.MEM-004.overrun_of_pages")
{
    begin();
    block = ExAllocatePoolWithTag(PagedPool, 8192, TAG);
    block[8192] ^= 1;
    expect_stop(0x19, "behind its end");
    ExFreePoolWithTag(block, TAG);
    NO_STOP_CAME();
}
TEST(underrun, "ex.ExFreePoolWithTag.MEM-004.underrun")
{
    begin();
    block = ExAllocatePoolWithTag(PagedPool, 43, TAG);
    block[-1] ^= 0x55;
    expect_stop(0x19, "in front of its start");
    ExFreePoolWithTag(block, TAG);
    NO_STOP_CAME();
}
TEST(not_pool, "ex.ExFreePoolWithTag.MEM-002.no_pool")
{
    static long long somewhere[64] __attribute__((aligned(16)));

    begin();
    expect_stop(0xC2, "no allocation returned");
    block = (char *)&somewhere[40];
    ExFreePoolWithTag(block, 0);
    NO_STOP_CAME();
}
TEST(late_write, "ex.ExFreePoolWithTag.MEM-005")
{
    begin();
    watch_findings();
    block = ExAllocatePoolWithTag(PagedPool, 200, TAG);
    ExFreePoolWithTag(block, TAG);
    block[17] = 3;
    ExxPoolTrim();
    CHECK_EQ(findings, 1);
    CHECK_STR(last_rule, "MEM-005");
}
TEST(live_inside, "ex.ExFreePoolWithTag.MEM-008..010")
{
    struct {
        KTIMER timer;
        ERESOURCE resource;
    } *objects;
    LARGE_INTEGER due = timeout_of(MS(100000));

    begin();
    watch_findings();
    objects = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *objects, TAG);
    KeInitializeTimer(&objects->timer);
    KeSetTimer(&objects->timer, due, NULL);
    ExFreePoolWithTag(objects, TAG);
    CHECK_STR(last_rule, "MEM-008");
    objects = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *objects, TAG);
    ExInitializeResourceLite(&objects->resource);
    ExFreePoolWithTag(objects, TAG);
    CHECK_STR(last_rule, "MEM-009");
    CHECK_EQ(findings, 2);
}
TEST(irql_rules, "ex.ExAllocatePoolWithTag.IRQL-023..026")
{
    KIRQL old;
    void *paged, *nonpaged;

    begin();
    watch_findings();
    old = KeRaiseIrqlToDpcLevel();
    nonpaged = ExAllocatePoolWithTag(NonPagedPool, 16, TAG);
    ExFreePoolWithTag(nonpaged, TAG);
    CHECK_EQ(findings, 0);
    paged = ExAllocatePoolWithTag(PagedPool, 16, TAG);
    CHECK_STR(last_rule, "IRQL-023");
    ExFreePoolWithTag(paged, TAG);
    CHECK_STR(last_rule, "IRQL-025");
    KeLowerIrql(old);
    CHECK_EQ(findings, 2);
}

/* ---- the leak report ------------------------------------------------------------------------- */

static int seen;
static const void *seen_caller;
static void see(const EXX_POOL_VIEW *view, void *context)
{
    if (view->Body == context && view->Tag == TAG && view->Size == 77 && view->Paged) {
        seen++;
        seen_caller = view->Callers[0];
    }
}
TEST(live_list, "ex.ExxForEachPool.names_what_is_alive")
{
    EXX_POOL_TOTALS before, during, after;
    void *p;

    begin();
    ExxPoolTotals(&before);
    p = ExAllocatePoolWithTag(PagedPool, 77, TAG);
    ExxPoolTotals(&during);
    CHECK_EQ(during.Blocks - before.Blocks, 1);
    CHECK_EQ(during.PagedBytes - before.PagedBytes, 77);
    ExxForEachPool(see, p);
    CHECK_EQ(seen, 1);
    CHECK((char *)seen_caller > (char *)test_live_list &&
          (char *)seen_caller < (char *)test_live_list + 4096);
    ExFreePoolWithTag(p, TAG);
    ExxForEachPool(see, p);
    CHECK_EQ(seen, 1);
    ExxPoolTotals(&after);
    CHECK_EQ(after.Blocks, before.Blocks);
}

static void NTAPI churn(PVOID context)
{
    void *mine[64] = {0};
    unsigned long long x = (ULONG_PTR)context * 77777 + 1;

    for (unsigned long i = 0; i < 20000 * test_scale(); i++) {
        unsigned slot = (x = x * 6364136223846793005ull + 1442695040888963407ull) >> 58;

        if (mine[slot])
            ExFreePoolWithTag(mine[slot], TAG);
        mine[slot] = ExAllocatePoolWithTag(NonPagedPoolNx, (x >> 30) % 700, TAG);
    }
    for (int i = 0; i < 64; i++)
        if (mine[i])
            ExFreePoolWithTag(mine[i], TAG);
}
TEST(threads, "ex.ExAllocatePoolWithTag.many_threads")
{
    EXX_POOL_TOTALS before, after;
    PKTHREAD t[4];

    begin();
    watch_findings();
    ExxPoolTotals(&before);
    for (int i = 0; i < 4; i++)
        t[i] = start(churn, (PVOID)(ULONG_PTR)i);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    ExxPoolTrim();
    ExxPoolTotals(&after);
    CHECK_EQ(after.Blocks, before.Blocks);
    CHECK_EQ(findings, 0);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static SLIST_HEADER slist;
static void NTAPI moves(PVOID context)
{
    (void)context;
    for (unsigned long i = 0; i < 50000 * test_scale(); i++) {
        PSLIST_ENTRY entry = ExpInterlockedPopEntrySList(&slist);

        if (entry)
            ExpInterlockedPushEntrySList(&slist, entry);
    }
}
TEST(slist_race, "ex.ExpInterlockedPopEntrySList.keeps_every_entry")
{
    static SLIST_ENTRY entries[10];
    PKTHREAD t[3];
    PSLIST_ENTRY entry;
    int n = 0;

    begin();
    InitializeSListHead(&slist);
    for (int i = 0; i < 10; i++)
        CHECK(ExpInterlockedPushEntrySList(&slist, &entries[i]) == (i ? &entries[i - 1] : NULL));
    CHECK_EQ(ExQueryDepthSList(&slist), 10);
    for (int i = 0; i < 3; i++)
        t[i] = start(moves, NULL);
    for (int i = 0; i < 3; i++)
        join(t[i]);
    CHECK_EQ(ExQueryDepthSList(&slist), 10);
    for (entry = ExpInterlockedFlushSList(&slist); entry; entry = entry->Next)
        n++;
    CHECK_EQ(n, 10);
    CHECK(ExpInterlockedPopEntrySList(&slist) == NULL);
    CHECK_EQ(ExQueryDepthSList(&slist), 0);
}

TEST(lookaside, "ex.ExInitializeNPagedLookasideList.keeps_and_gives_back")
{
    NPAGED_LOOKASIDE_LIST list;
    EXX_POOL_TOTALS before, after;
    void *p[100], *again;

    begin();
    ExxPoolTotals(&before);
    ExInitializeNPagedLookasideList(&list, NULL, NULL, POOL_NX_ALLOCATION, 100, TAG, 0);
    for (int i = 0; i < 100; i++)
        p[i] = ExAllocateFromNPagedLookasideList(&list);
    for (int i = 0; i < 100; i++)
        ExFreeToNPagedLookasideList(&list, p[i]);
    again = ExAllocateFromNPagedLookasideList(&list);
    CHECK(again == p[list.L.Depth - 1]);
    ExFreeToNPagedLookasideList(&list, again);
    CHECK_EQ(list.L.TotalAllocates, 101);
    CHECK_EQ(list.L.AllocateMisses, 100);
    ExDeleteNPagedLookasideList(&list);
    ExxPoolTotals(&after);
    CHECK_EQ(after.Blocks, before.Blocks);
}

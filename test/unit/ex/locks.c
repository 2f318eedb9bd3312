/* SPDX-License-Identifier: MIT */
/* Resources, fast and guarded mutexes, push locks, rundown protection, work items. */
#include "../ke/ke_test.h"
#include "ex/ex.h"

static ERESOURCE resource;
static KEVENT go, done;
static int phase;
static int now(void)
{
    return __atomic_load_n(&phase, __ATOMIC_SEQ_CST);
}

static void begin(void)
{
    ke_start();
    REQUIRE(NT_SUCCESS(ExxStart()));
    ExInitializeResourceLite(&resource);
    KeInitializeEvent(&go, NotificationEvent, FALSE);
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    KeEnterCriticalRegion();
}

static void until(ULONG (NTAPI *count)(PERESOURCE), ULONG n)
{
    while (count(&resource) != n)
        pause_ms(1);
}

/* ---- resources ------------------------------------------------------------------------------- */

TEST(resource_nests, "ex.ExAcquireResourceExclusiveLite.nests_both_ways")
{
    begin();
    CHECK(ExAcquireResourceExclusiveLite(&resource, TRUE));
    CHECK(ExAcquireResourceExclusiveLite(&resource, FALSE));
    CHECK(ExAcquireResourceSharedLite(&resource, FALSE));
    CHECK(ExIsResourceAcquiredExclusiveLite(&resource));
    CHECK_EQ(ExIsResourceAcquiredSharedLite(&resource), 3);
    ExReleaseResourceLite(&resource);
    ExReleaseResourceLite(&resource);
    CHECK(ExIsResourceAcquiredExclusiveLite(&resource));
    ExReleaseResourceLite(&resource);
    CHECK(!ExIsResourceAcquiredExclusiveLite(&resource));
    CHECK(ExAcquireResourceSharedLite(&resource, TRUE));
    CHECK(ExAcquireResourceSharedLite(&resource, TRUE));
    CHECK_EQ(ExIsResourceAcquiredSharedLite(&resource), 2);
    CHECK(!ExAcquireResourceExclusiveLite(&resource, FALSE));
    ExReleaseResourceLite(&resource);
    ExReleaseResourceLite(&resource);
    CHECK_EQ(ExDeleteResourceLite(&resource), STATUS_SUCCESS);
}

static long exclusive_count;
static volatile long readers, writers;
static void NTAPI mixes(PVOID context)
{
    unsigned long long x = (ULONG_PTR)context + 1;

    KeEnterCriticalRegion();
    for (unsigned long i = 0; i < 20000 * test_scale(); i++) {
        x = x * 6364136223846793005ull + 1;
        if ((x >> 60) < 4) {
            ExAcquireResourceExclusiveLite(&resource, TRUE);
            CHECK(!__atomic_load_n(&readers, __ATOMIC_RELAXED) && !writers);
            writers = 1;
            exclusive_count++;
            writers = 0;
            if ((x >> 50) & 1) {
                ExConvertExclusiveToSharedLite(&resource);
                CHECK(!ExIsResourceAcquiredExclusiveLite(&resource));
                CHECK_EQ(ExIsResourceAcquiredSharedLite(&resource), 1);
            }
        } else {
            ExAcquireResourceSharedLite(&resource, TRUE);
            __atomic_add_fetch(&readers, 1, __ATOMIC_RELAXED);
            CHECK(!writers);
            __atomic_sub_fetch(&readers, 1, __ATOMIC_RELAXED);
        }
        ExReleaseResourceLite(&resource);
    }
    KeLeaveCriticalRegion();
}
TEST(resource_excludes, "ex.ExAcquireResourceExclusiveLite.excludes_readers_and_writers")
{
    PKTHREAD t[4];

    begin();
    for (int i = 0; i < 4; i++)
        t[i] = start(mixes, (PVOID)(ULONG_PTR)i);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    CHECK(exclusive_count > 0);
    CHECK(ExAcquireResourceExclusiveLite(&resource, FALSE));
    CHECK_EQ(resource.ActiveEntries, 1);
    ExReleaseResourceLite(&resource);
}

static void NTAPI wants_exclusive(PVOID context)
{
    (void)context;
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    __atomic_add_fetch(&phase, 1, __ATOMIC_SEQ_CST);
    wait_ms(&go, -1);
    ExReleaseResourceLite(&resource);
    KeLeaveCriticalRegion();
}
static BOOLEAN got_plain, got_starve, got_waitfor;
static void NTAPI tries_shared(PVOID context)
{
    (void)context;
    KeEnterCriticalRegion();
    got_plain = ExAcquireResourceSharedLite(&resource, FALSE);
    got_starve = ExAcquireSharedStarveExclusive(&resource, FALSE);
    got_waitfor = ExAcquireSharedWaitForExclusive(&resource, FALSE);
    if (got_starve)
        ExReleaseResourceLite(&resource);
    KeLeaveCriticalRegion();
}
TEST(resource_waiters, "ex.ExAcquireSharedStarveExclusive.forms_differ_when_a_writer_waits")
{
    PKTHREAD writer;

    begin();
    ExAcquireResourceSharedLite(&resource, TRUE);
    writer = start(wants_exclusive, NULL);
    until(ExGetExclusiveWaiterCount, 1);
    join(start(tries_shared, NULL));
    CHECK(!got_plain);
    CHECK(got_starve);
    CHECK(!got_waitfor);
    /* An owner gets it again, except when it says that the writer goes first. */
    CHECK(ExAcquireResourceSharedLite(&resource, FALSE));
    CHECK(!ExAcquireSharedWaitForExclusive(&resource, FALSE));
    ExReleaseResourceLite(&resource);
    CHECK_EQ(now(), 0);
    ExReleaseResourceLite(&resource);
    while (!now())
        pause_ms(1);
    CHECK_EQ(ExGetExclusiveWaiterCount(&resource), 0);
    CHECK(!ExAcquireResourceSharedLite(&resource, FALSE));
    KeSetEvent(&go, 0, FALSE);
    join(writer);
}

static void NTAPI wants_shared(PVOID context)
{
    (void)context;
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(&resource, TRUE);
    __atomic_add_fetch(&phase, 1, __ATOMIC_SEQ_CST);
    wait_ms(&go, -1);
    ExReleaseResourceLite(&resource);
    KeLeaveCriticalRegion();
}
TEST(resource_convert, "ex.ExConvertExclusiveToSharedLite.lets_the_readers_in")
{
    PKTHREAD t[3];

    begin();
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    for (int i = 0; i < 3; i++)
        t[i] = start(wants_shared, NULL);
    until(ExGetSharedWaiterCount, 3);
    CHECK_EQ(now(), 0);
    ExConvertExclusiveToSharedLite(&resource);
    while (now() < 3)
        pause_ms(1);
    CHECK_EQ(resource.ActiveEntries, 4);
    KeSetEvent(&go, 0, FALSE);
    for (int i = 0; i < 3; i++)
        join(t[i]);
    ExReleaseResourceLite(&resource);
    CHECK_EQ(resource.ActiveEntries, 0);
}

static void NTAPI releases_for(PVOID context)
{
    KeEnterCriticalRegion();
    ExReleaseResourceForThreadLite(&resource, (ERESOURCE_THREAD)context);
    KeLeaveCriticalRegion();
}
TEST(resource_owner_pointer, "ex.ExSetResourceOwnerPointer.another_thread_may_release")
{
    static long long object;
    PVOID pointer = (PVOID)((ULONG_PTR)&object | 3);

    begin();
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    ExSetResourceOwnerPointer(&resource, pointer);
    CHECK(!ExIsResourceAcquiredExclusiveLite(&resource));
    CHECK(!ExAcquireResourceSharedLite(&resource, FALSE));
    join(start(releases_for, pointer));
    CHECK(ExAcquireResourceSharedLite(&resource, FALSE));
    join(start(releases_for, KexCurrentThread()));
    CHECK_EQ(resource.ActiveEntries, 0);
    expect_stop(0x132, "LCK-026");
    ExAcquireResourceSharedLite(&resource, FALSE);
    ExSetResourceOwnerPointer(&resource, &object);
    NO_STOP_CAME();
}

TEST(resource_not_owned, "ex.ExReleaseResourceLite.LCK-003")
{
    begin();
    expect_stop(0xE3, "LCK-003");
    ExReleaseResourceLite(&resource);
    NO_STOP_CAME();
}
TEST(resource_apcs, "ex.ExAcquireResourceSharedLite.LCK-001")
{
    begin();
    KeLeaveCriticalRegion();
    watch_findings();
    ExAcquireResourceSharedLite(&resource, TRUE);
    CHECK_STR(last_rule, "LCK-001");
    ExReleaseResourceLite(&resource);
    CHECK_EQ(findings, 1);
}

static PKTHREAD seen_owner;
static void see_owner(const KEX_THREAD_VIEW *view, void *context)
{
    if (view->Thread == context && view->Wait)
        seen_owner = view->Wait->Owner(view->Wait->Object);
}
static void see_resource(const EXX_RESOURCE_VIEW *view, void *context)
{
    if (view->Resource == &resource && view->Exclusive && view->ExclusiveWaiters == 1)
        *(PKTHREAD *)context = view->Owner;
}
TEST(resource_report, "ex.ExxForEachOwnedResource.names_the_owner")
{
    PKTHREAD t, owner = NULL;

    begin();
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    t = start(wants_exclusive, NULL);
    until(ExGetExclusiveWaiterCount, 1);
    while (!seen_owner)
        KexForEachThread(see_owner, t);
    CHECK(seen_owner == KexCurrentThread());
    ExxForEachOwnedResource(see_resource, &owner);
    CHECK(owner == KexCurrentThread());
    KeSetEvent(&go, 0, FALSE);
    ExReleaseResourceLite(&resource);
    join(t);
}

/* ---- mutexes of ex --------------------------------------------------------------------------- */

static FAST_MUTEX fast;
static KGUARDED_MUTEX guarded;
static EX_PUSH_LOCK push;
static long fast_count, guarded_count, push_count;
static void NTAPI locks_all(PVOID context)
{
    (void)context;
    for (unsigned long i = 0; i < 20000 * test_scale(); i++) {
        ExAcquireFastMutex(&fast);
        CHECK_EQ(KeGetCurrentIrql(), APC_LEVEL);
        fast_count++;
        ExReleaseFastMutex(&fast);
        KeAcquireGuardedMutex(&guarded);
        CHECK(KeAreAllApcsDisabled());
        guarded_count++;
        KeReleaseGuardedMutex(&guarded);
        KeEnterCriticalRegion();
        if (i % 4) {
            ExAcquirePushLockShared(&push);
            CHECK_EQ(push_count & 1, 0);
            ExReleasePushLockShared(&push);
        } else {
            ExAcquirePushLockExclusive(&push);
            push_count++;
            push_count++;
            ExReleasePushLockExclusive(&push);
        }
        KeLeaveCriticalRegion();
    }
}
TEST(mutexes, "ex.ExAcquireFastMutex.fast_guarded_push_exclude")
{
    PKTHREAD t[4];
    unsigned long n = 20000 * test_scale();

    begin();
    ExInitializeFastMutex(&fast);
    KeInitializeGuardedMutex(&guarded);
    ExInitializePushLock(&push);
    for (int i = 0; i < 4; i++)
        t[i] = start(locks_all, NULL);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    CHECK_EQ(fast_count, 4 * n);
    CHECK_EQ(guarded_count, 4 * n);
    CHECK_EQ(push_count, 2 * n);
    CHECK_EQ(fast.Count, 1);
    CHECK_EQ(push, 0);
    CHECK(ExTryToAcquireFastMutex(&fast));
    CHECK(!KeTryToAcquireGuardedMutex((PKGUARDED_MUTEX)&fast));
    ExReleaseFastMutex(&fast);
    CHECK_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

TEST(fast_mutex_rules, "ex.ExReleaseFastMutex.IRQL-028.IRQL-029")
{
    begin();
    KeLeaveCriticalRegion();
    watch_findings();
    ExInitializeFastMutex(&fast);
    ExAcquireFastMutexUnsafe(&fast);
    CHECK_STR(last_rule, "IRQL-029");
    ExReleaseFastMutex(&fast);
    CHECK_STR(last_rule, "IRQL-028");
    ExReleaseFastMutexUnsafe(&fast);
    CHECK_STR(last_rule, "LCK-007");
}

TEST(push_rules, "ex.ExReleasePushLockSharedEx.LCK-007.LCK-015.LCK-018")
{
    begin();
    watch_findings();
    push = 0;
    ExReleasePushLockShared(&push);
    CHECK_STR(last_rule, "LCK-007");
    CHECK_EQ(push, 0);
    KeLeaveCriticalRegion();
    ExAcquirePushLockShared(&push);
    CHECK_STR(last_rule, "LCK-015");
    expect_stop(0x152, "LCK-018");
    ExReleasePushLockSharedEx(&push, 0x100);
    NO_STOP_CAME();
}

/* ---- rundown --------------------------------------------------------------------------------- */

static EX_RUNDOWN_REF rundown;
static volatile long alive = 1, used_after;
static void NTAPI uses(PVOID context)
{
    (void)context;
    while (ExAcquireRundownProtection(&rundown)) {
        if (!alive)
            used_after++;
        ExReleaseRundownProtection(&rundown);
    }
}
TEST(rundown_wait, "ex.ExWaitForRundownProtectionRelease.waits_for_every_user")
{
    PKTHREAD t[3];

    begin();
    for (int round = 0; round < 20; round++) {
        alive = 1;
        ExInitializeRundownProtection(&rundown);
        CHECK(ExAcquireRundownProtectionEx(&rundown, 3));
        for (int i = 0; i < 3; i++)
            t[i] = start(uses, NULL);
        pause_ms(2);
        ExReleaseRundownProtectionEx(&rundown, 3);
        ExWaitForRundownProtectionRelease(&rundown);
        alive = 0;
        for (int i = 0; i < 3; i++)
            join(t[i]);
        CHECK_EQ(used_after, 0);
        CHECK(!ExAcquireRundownProtection(&rundown));
        ExRundownCompleted(&rundown);
        ExReInitializeRundownProtection(&rundown);
        CHECK(ExAcquireRundownProtection(&rundown));
        ExReleaseRundownProtection(&rundown);
    }
}

/* ---- work items ------------------------------------------------------------------------------ */

static long items_run;
static void NTAPI counts_items(PVOID context)
{
    (void)context;
    CHECK_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    __atomic_add_fetch(&items_run, 1, __ATOMIC_SEQ_CST);
}
TEST(work, "ex.ExQueueWorkItem.runs_each_once")
{
    static WORK_QUEUE_ITEM items[200];

    begin();
    for (int i = 0; i < 200; i++) {
        ExInitializeWorkItem(&items[i], counts_items, NULL);
        ExQueueWorkItem(&items[i], i % 3 == 0   ? CriticalWorkQueue
                                   : i % 3 == 1 ? DelayedWorkQueue
                                                : HyperCriticalWorkQueue);
    }
    ExxWorkFlush();
    CHECK_EQ(items_run, 200);
    ExxEnd();
    KeLeaveCriticalRegion();
    KexEnd();
}
/* Items that wait for a later one of the same queue: the queue must grow. */
static void NTAPI waits_for_go(PVOID context)
{
    (void)context;
    wait_ms(&go, -1);
    __atomic_add_fetch(&items_run, 1, __ATOMIC_SEQ_CST);
}
static void NTAPI sets_go(PVOID context)
{
    (void)context;
    KeSetEvent(&go, 0, FALSE);
}
TEST(work_grows, "ex.ExQueueWorkItem.items_may_wait_for_later_ones")
{
    static WORK_QUEUE_ITEM items[21];

    begin();
    for (int i = 0; i < 21; i++) {
        ExInitializeWorkItem(&items[i], i < 20 ? waits_for_go : sets_go, NULL);
        ExQueueWorkItem(&items[i], DelayedWorkQueue);
    }
    ExxWorkFlush();
    CHECK_EQ(items_run, 20);
}
TEST(work_twice, "ex.ExQueueWorkItem.queued_twice_stops")
{
    static WORK_QUEUE_ITEM busy[64], item;

    begin();
    for (int i = 0; i < 64; i++) {
        ExInitializeWorkItem(&busy[i], waits_for_go, NULL);
        ExQueueWorkItem(&busy[i], DelayedWorkQueue);
    }
    ExInitializeWorkItem(&item, counts_items, NULL);
    ExQueueWorkItem(&item, DelayedWorkQueue);
    CHECK(ExxWorkInRange(&item, sizeof item) == &item);
    expect_stop(0xE4, "queued already");
    ExQueueWorkItem(&item, DelayedWorkQueue);
    NO_STOP_CAME();
}
static void NTAPI leaves_raised(PVOID context)
{
    (void)context;
    KeRaiseIrqlToDpcLevel();
}
TEST(work_irql, "ex.ExQueueWorkItem.LCK-014")
{
    static WORK_QUEUE_ITEM item;

    begin();
    expect_stop(0xE1, "LCK-014");
    ExInitializeWorkItem(&item, leaves_raised, NULL);
    ExQueueWorkItem(&item, DelayedWorkQueue);
    ExxWorkFlush();
    NO_STOP_CAME();
}

/* ---- timers of the executive ----------------------------------------------------------------- */

static LONG timer_calls, timer_deleted;
static void NTAPI timer_call(PEX_TIMER timer, PVOID context)
{
    (void)timer;
    CHECK_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
    __atomic_add_fetch((LONG *)context, 1, __ATOMIC_SEQ_CST);
}
static void NTAPI timer_gone(PVOID context)
{
    (void)context;
    __atomic_store_n(&timer_deleted, 1, __ATOMIC_SEQ_CST);
}
TEST(ex_timer, "ex.ExDeleteTimer.frees_after_the_last_callback")
{
    EXT_DELETE_PARAMETERS parameters = {.DeleteCallback = timer_gone};
    PEX_TIMER timer;

    begin();
    KeLeaveCriticalRegion();
    timer = ExAllocateTimer(timer_call, &timer_calls, 0);
    CHECK(!ExSetTimer(timer, MS(1), 10000, NULL));
    CHECK_EQ(wait_ms(timer, 2000), STATUS_SUCCESS);
    CHECK_EQ(wait_ms(timer, 2000), STATUS_SUCCESS);
    CHECK(ExDeleteTimer(timer, TRUE, TRUE, NULL));
    CHECK(timer_calls >= 2);
    timer = ExAllocateTimer(timer_call, &timer_calls, EX_TIMER_NOTIFICATION);
    CHECK(!ExDeleteTimer(timer, TRUE, FALSE, &parameters));
    while (!__atomic_load_n(&timer_deleted, __ATOMIC_SEQ_CST))
        pause_ms(1);
}

/* SPDX-License-Identifier: MIT */
/* Events, semaphores, mutexes and waits for one and several objects. */
#include "ke_test.h"

static KEVENT event, other, ready;
static int woken;

static void NTAPI waiter(PVOID context)
{
    NTSTATUS status = wait_ms(context, -1);

    CHECK_EQ(status, STATUS_SUCCESS);
    __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
}

/* Until that many threads wait for something named so. */
struct count {
    const char *what;
    int n;
};
static void count_one(const KEX_THREAD_VIEW *view, void *context)
{
    struct count *c = context;

    if (view->Wait && !strcmp(view->Wait->What, c->what))
        c->n++;
}
static void until_waiting(const char *what, int n)
{
    struct count c = {what, 0};

    do {
        pause_ms(1);
        c.n = 0;
        KexForEachThread(count_one, &c);
    } while (c.n < n);
}

TEST(notification_wakes_all, "ke.KeSetEvent.notification_wakes_all_and_stays")
{
    PKTHREAD t[4];

    ke_start();
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    for (int i = 0; i < 4; i++)
        t[i] = start(waiter, &event);
    until_waiting("event", 4);
    CHECK_EQ(KeSetEvent(&event, 0, FALSE), 0);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    CHECK_EQ(__atomic_load_n(&woken, __ATOMIC_SEQ_CST), 4);
    CHECK(KeReadStateEvent(&event) != 0);
    CHECK(KeSetEvent(&event, 0, FALSE) != 0);
    CHECK_EQ(wait_ms(&event, 0), STATUS_SUCCESS);
    CHECK(KeResetEvent(&event) != 0);
    CHECK_EQ(wait_ms(&event, 0), STATUS_TIMEOUT);
}

TEST(synchronization_wakes_one, "ke.KeSetEvent.synchronization_wakes_one")
{
    PKTHREAD t[3];

    ke_start();
    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    for (int i = 0; i < 3; i++)
        t[i] = start(waiter, &event);
    until_waiting("synchronization event", 3);
    KeSetEvent(&event, 0, FALSE);
    pause_ms(30);
    CHECK_EQ(__atomic_load_n(&woken, __ATOMIC_SEQ_CST), 1);
    CHECK_EQ(KeReadStateEvent(&event), 0);
    KeSetEvent(&event, 0, FALSE);
    while (__atomic_load_n(&woken, __ATOMIC_SEQ_CST) < 2)
        pause_ms(1);
    KeSetEvent(&event, 0, FALSE);
    for (int i = 0; i < 3; i++)
        join(t[i]);
    CHECK_EQ(__atomic_load_n(&woken, __ATOMIC_SEQ_CST), 3);
    /* One set without a waiter is kept, two are one. */
    KeSetEvent(&event, 0, FALSE);
    KeSetEvent(&event, 0, FALSE);
    CHECK_EQ(wait_ms(&event, 0), STATUS_SUCCESS);
    CHECK_EQ(wait_ms(&event, 0), STATUS_TIMEOUT);
}

TEST(pulse, "ke.KePulseEvent.wakes_who_waits_and_resets")
{
    PKTHREAD t[2];

    ke_start();
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    CHECK_EQ(KePulseEvent(&event, 0, FALSE), 0);
    CHECK_EQ(KeReadStateEvent(&event), 0);
    for (int i = 0; i < 2; i++)
        t[i] = start(waiter, &event);
    until_waiting("event", 2);
    KePulseEvent(&event, 0, FALSE);
    for (int i = 0; i < 2; i++)
        join(t[i]);
    CHECK_EQ(KeReadStateEvent(&event), 0);
}

TEST(timeouts, "ke.KeWaitForSingleObject.relative_and_absolute_timeouts")
{
    LARGE_INTEGER now, t;
    LONGLONG begin;

    ke_start();
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    begin = KexInterruptTime();
    CHECK_EQ(wait_ms(&event, 40), STATUS_TIMEOUT);
    CHECK(KexInterruptTime() - begin >= 400000);
    KeQuerySystemTimePrecise(&now);
    t.QuadPart = now.QuadPart + 300000;
    begin = KexInterruptTime();
    CHECK_EQ(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &t), STATUS_TIMEOUT);
    CHECK(KexInterruptTime() - begin >= 290000);
    t.QuadPart = now.QuadPart - 10000000;
    CHECK_EQ(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &t), STATUS_TIMEOUT);
    /* A time-out that has passed does not hide a signal. */
    KeSetEvent(&event, 0, FALSE);
    CHECK_EQ(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &t), STATUS_SUCCESS);
}

/* An event on the waiter's stack: nothing may touch it after the wait, however often the two race.
 */
static KEVENT *volatile mailbox;
static void NTAPI setter(PVOID context)
{
    unsigned long rounds = 20000 * test_scale();

    for (unsigned long i = 0; i < rounds; i++) {
        KEVENT *e;

        while (!(e = __atomic_exchange_n(&mailbox, NULL, __ATOMIC_ACQ_REL)))
            __builtin_ia32_pause();
        KeSetEvent(e, 0, FALSE);
    }
    (void)context;
}
static __attribute__((noinline)) void one_round(void)
{
    KEVENT on_stack;

    KeInitializeEvent(&on_stack, NotificationEvent, FALSE);
    __atomic_store_n(&mailbox, &on_stack, __ATOMIC_RELEASE);
    CHECK_EQ(wait_ms(&on_stack, -1), STATUS_SUCCESS);
    memset(&on_stack, 0xee, sizeof on_stack);
}
TEST(stack_event, "ke.KeSetEvent.event_may_die_after_the_wait")
{
    PKTHREAD t;

    ke_start();
    t = start(setter, NULL);
    for (unsigned long i = 0; i < 20000 * test_scale(); i++)
        one_round();
    join(t);
}

TEST(dispatch_poll, "ke.KeWaitForSingleObject.IRQL-031")
{
    KIRQL old;

    ke_start();
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    old = KeRaiseIrqlToDpcLevel();
    CHECK_EQ(wait_ms(&event, 0), STATUS_TIMEOUT);
    KeSetEvent(&event, 0, FALSE);
    CHECK_EQ(wait_ms(&event, -1), STATUS_SUCCESS);
    KeResetEvent(&event);
    expect_stop(0xB8, "IRQL-031");
    wait_ms(&event, -1);
    NO_STOP_CAME();
    KeLowerIrql(old);
}

TEST(uninitialised, "ke.KeSetEvent.uninitialised_event_stops")
{
    static KEVENT zero;

    ke_start();
    expect_stop(0xA, "no initialised dispatcher object");
    KeSetEvent(&zero, 0, FALSE);
    NO_STOP_CAME();
}

/* ---- several objects ------------------------------------------------------------------------- */

TEST(wait_any, "ke.KeWaitForMultipleObjects.any_returns_the_lowest_signalled")
{
    PVOID objects[3] = {&ready, &event, &other};

    ke_start();
    KeInitializeEvent(&ready, NotificationEvent, FALSE);
    KeInitializeEvent(&event, SynchronizationEvent, TRUE);
    KeInitializeEvent(&other, SynchronizationEvent, TRUE);
    CHECK_EQ(
        KeWaitForMultipleObjects(3, objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL), 1);
    /* Only what was returned is consumed. */
    CHECK_EQ(KeReadStateEvent(&event), 0);
    CHECK(KeReadStateEvent(&other) != 0);
    CHECK_EQ(
        KeWaitForMultipleObjects(3, objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL), 2);
}

static PVOID pair[2];
static NTSTATUS all_result;
static void NTAPI all_waiter(PVOID context)
{
    (void)context;
    all_result =
        KeWaitForMultipleObjects(2, pair, WaitAll, Executive, KernelMode, FALSE, NULL, NULL);
}

TEST(wait_all, "ke.KeWaitForMultipleObjects.all_consumes_nothing_before_all_are_there")
{
    LARGE_INTEGER t = timeout_of(MS(20));
    PKTHREAD thread;

    ke_start();
    KeInitializeEvent(&event, SynchronizationEvent, TRUE);
    KeInitializeEvent(&other, SynchronizationEvent, FALSE);
    pair[0] = &event;
    pair[1] = &other;
    CHECK_EQ(KeWaitForMultipleObjects(2, pair, WaitAll, Executive, KernelMode, FALSE, &t, NULL),
             STATUS_TIMEOUT);
    CHECK(KeReadStateEvent(&event) != 0);
    thread = start(all_waiter, NULL);
    until_waiting("all of several objects", 1);
    CHECK(KeReadStateEvent(&event) != 0);
    /* The one signal that completes the set satisfies the wait at once, even if it is taken away
     * again. */
    KeSetEvent(&other, 0, FALSE);
    CHECK_EQ(KeReadStateEvent(&other), 0);
    CHECK_EQ(KeReadStateEvent(&event), 0);
    join(thread);
    CHECK_EQ(all_result, STATUS_WAIT_0);
}

/* Two threads take both semaphores or none, a third feeds them one by one: no unit may get lost or
 * be made. */
static KSEMAPHORE left, right;
static long taken;
static void NTAPI pair_taker(PVOID context)
{
    PVOID objects[2];
    LARGE_INTEGER t = timeout_of(MS(2000));

    /* The two threads name them in different orders: locks must not cross. */
    objects[0] = context ? &left : &right;
    objects[1] = context ? &right : &left;
    while (KeWaitForMultipleObjects(2, objects, WaitAll, Executive, KernelMode, FALSE, &t, NULL) ==
           STATUS_SUCCESS)
        if (__atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST) >= 4000)
            break;
}
TEST(wait_all_race, "ke.KeWaitForMultipleObjects.all_is_atomic_under_race")
{
    PKTHREAD a, b;

    ke_start();
    KeInitializeSemaphore(&left, 0, 0x7fffffff);
    KeInitializeSemaphore(&right, 0, 0x7fffffff);
    a = start(pair_taker, NULL);
    b = start(pair_taker, &left);
    for (int i = 0; i < 4001; i++) {
        KeReleaseSemaphore(i & 1 ? &left : &right, 0, 1, FALSE);
        KeReleaseSemaphore(i & 1 ? &right : &left, 0, 1, FALSE);
    }
    join(a);
    join(b);
    CHECK(taken >= 4000);
    CHECK_EQ(KeReadStateSemaphore(&left), 4001 - taken);
    CHECK_EQ(KeReadStateSemaphore(&right), 4001 - taken);
}

TEST(too_many, "ke.KeWaitForMultipleObjects.too_many_stops")
{
    PVOID objects[4] = {&event, &event, &event, &event};

    ke_start();
    KeInitializeEvent(&event, NotificationEvent, TRUE);
    expect_stop(0xC, "4 objects without");
    KeWaitForMultipleObjects(4, objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL);
    NO_STOP_CAME();
}

/* ---- semaphores and mutexes ------------------------------------------------------------------ */

static NTSTATUS raised;
static void raise_hook(NTSTATUS status, ULONG n, const ULONG_PTR *p, const void *caller)
{
    (void)n;
    (void)p;
    (void)caller;
    raised = status;
    fflush(NULL);
    _exit(test_failures || raised != (NTSTATUS)expected_stop ? 1 : 0);
}

TEST(semaphore, "ke.KeReleaseSemaphore.counts_and_limit")
{
    ke_start();
    KeInitializeSemaphore(&left, 1, 3);
    CHECK_EQ(KeReleaseSemaphore(&left, 0, 2, FALSE), 1);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(wait_ms(&left, 0), STATUS_SUCCESS);
    CHECK_EQ(wait_ms(&left, 0), STATUS_TIMEOUT);
    KexRaiseHook = raise_hook;
    expected_stop = (ULONG)STATUS_SEMAPHORE_LIMIT_EXCEEDED;
    KeReleaseSemaphore(&left, 0, 4, FALSE);
    NO_STOP_CAME();
}

static KMUTEX mutex;
static long shared_counter;
static void NTAPI adder(PVOID context)
{
    (void)context;
    for (int i = 0; i < 5000; i++) {
        CHECK_EQ(wait_ms(&mutex, -1), STATUS_SUCCESS);
        CHECK(KeAreApcsDisabled());
        shared_counter++;
        CHECK_EQ(KeReleaseMutex(&mutex, FALSE), 0);
    }
}
TEST(mutex_excludes, "ke.KeReleaseMutex.excludes_and_nests")
{
    PKTHREAD t[3];

    ke_start();
    KeInitializeMutex(&mutex, 0);
    for (int i = 0; i < 3; i++)
        t[i] = start(adder, NULL);
    for (int i = 0; i < 3; i++)
        join(t[i]);
    CHECK_EQ(shared_counter, 15000);
    CHECK_EQ(wait_ms(&mutex, -1), STATUS_SUCCESS);
    CHECK_EQ(wait_ms(&mutex, 0), STATUS_SUCCESS);
    CHECK_EQ(KeReadStateMutex(&mutex), -1);
    CHECK_EQ(KeReleaseMutex(&mutex, FALSE), -1);
    CHECK(KeAreApcsDisabled());
    CHECK_EQ(KeReleaseMutex(&mutex, FALSE), 0);
    CHECK(!KeAreApcsDisabled());
    KexRaiseHook = raise_hook;
    expected_stop = (ULONG)STATUS_MUTANT_NOT_OWNED;
    KeReleaseMutex(&mutex, FALSE);
    NO_STOP_CAME();
}

static void NTAPI abandons(PVOID context)
{
    CHECK_EQ(wait_ms(context, -1), STATUS_SUCCESS);
}
TEST(mutant_abandoned, "ke.KeWaitForSingleObject.abandoned_mutant_tells_its_next_owner")
{
    static KMUTANT mutant;

    ke_start();
    KeInitializeMutant(&mutant, FALSE);
    join(start(abandons, &mutant));
    CHECK_EQ(wait_ms(&mutant, -1), STATUS_ABANDONED_WAIT_0);
    CHECK_EQ(KeReleaseMutex(&mutant, FALSE), 0);
    CHECK_EQ(wait_ms(&mutant, -1), STATUS_SUCCESS);
}

TEST(mutex_held_at_end, "ke.PsTerminateSystemThread.held_mutex_stops")
{
    ke_start();
    KeInitializeMutex(&mutex, 0);
    expect_stop(0x4000008A, "owns the mutex");
    join(start(abandons, &mutex));
    NO_STOP_CAME();
}

/* What a hang report is made of: the wait names the owner. */
static PKTHREAD seen_owner;
static void see_owner(const KEX_THREAD_VIEW *view, void *context)
{
    (void)context;
    if (view->Wait && view->Wait->Owner && !strcmp(view->Wait->What, "mutex"))
        seen_owner = view->Wait->Owner(view->Wait->Object);
}
TEST(wait_names_owner, "ke.KexForEachThread.a_wait_names_its_owner")
{
    PKTHREAD t;

    ke_start();
    KeInitializeMutex(&mutex, 0);
    wait_ms(&mutex, -1);
    t = start(adder, NULL);
    until_waiting("mutex", 1);
    KexForEachThread(see_owner, NULL);
    CHECK(seen_owner == KexCurrentThread());
    KeReleaseMutex(&mutex, FALSE);
    join(t);
}

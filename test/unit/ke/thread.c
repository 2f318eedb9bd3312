/* SPDX-License-Identifier: MIT */
/* Threads, IRQL, DPCs, timers, APCs, spin locks, stacks, the shared page, policies. */
#include "ke_test.h"

static unsigned long long gs_read(unsigned offset)
{
    unsigned long long v;

    __asm__ volatile("movq %%gs:(%1), %0" : "=r"(v) : "r"((unsigned long long)offset));
    return v;
}

static NTSTATUS deep_status;
static __attribute__((noinline)) void NTAPI deep(int n)
{
    volatile char pad[200];

    pad[0] = (char)n;
    if (n)
        deep(n - 1);
    else
        PsTerminateSystemThread(deep_status);
    pad[1] = pad[0];
}
static void NTAPI ends_deep(PVOID context)
{
    ULONG_PTR low, high;
    char here;

    CHECK(gs_read(0x188) == (ULONG_PTR)KeGetCurrentThread());
    CHECK(gs_read(0x18) + 0x180 == gs_read(0x20));
    CHECK((void *)PsGetCurrentThread() == (void *)KexCurrentThread());
    IoGetStackLimits(&low, &high);
    CHECK((ULONG_PTR)&here > low && (ULONG_PTR)&here < high);
    CHECK(IoGetRemainingStackSize() < high - low);
    CHECK_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    CHECK_EQ(ExGetPreviousMode(), KernelMode);
    deep(20);
    CHECK(!"PsTerminateSystemThread came back");
    (void)context;
}

TEST(terminate, "ke.PsTerminateSystemThread.ends_from_deep_calls")
{
    PKTHREAD t;

    ke_start();
    CHECK_EQ(PsTerminateSystemThread(0), STATUS_INVALID_PARAMETER);
    deep_status = STATUS_CANCELLED;
    t = start(ends_deep, NULL);
    join(t);
    CHECK_EQ(KexThreadExitStatus(t), STATUS_CANCELLED);
    CHECK(KexThreadByClientId(KexThreadClientId(t)) == NULL);
}

static int adopted, refs, deleted;
static void adopt(PVOID body, LONG references)
{
    adopted++;
    ((LONG *)body)[-1] = references;
}
static void reference(PVOID body)
{
    __atomic_add_fetch((LONG *)body - 1, 1, __ATOMIC_SEQ_CST);
    refs++;
}
static void dereference(PVOID body)
{
    if (!__atomic_sub_fetch((LONG *)body - 1, 1, __ATOMIC_SEQ_CST)) {
        __atomic_add_fetch(&deleted, 1, __ATOMIC_SEQ_CST);
        KexThreadDelete(body);
    }
}
static void NTAPI nothing(PVOID context)
{
    (void)context;
}
TEST(object_ops, "ke.KexSetObjectOps.adopts_old_and_new_threads")
{
    static const KEX_OBJECT_OPS ops = {adopt, reference, dereference};
    PKTHREAD t, again;

    ke_start();
    KexSetObjectOps(&ops);
    CHECK_EQ(adopted, 3);           /* main, dpc, timer */
    t = start(nothing, NULL);
    CHECK_EQ(adopted, 4);
    join(t);
    again = KexThreadByClientId(KexThreadClientId(KexCurrentThread()));
    CHECK(again == KexCurrentThread() && refs == 1);
    ops.Dereference(again);
    for (int i = 0; i < 1000 && __atomic_load_n((LONG *)(void *)t - 1, __ATOMIC_SEQ_CST) != 1; i++)
        pause_ms(1);
    ops.Dereference(t);
    CHECK_EQ(deleted, 1);
}

TEST(irql_levels, "ke.KfRaiseIrql.levels_and_gs")
{
    KIRQL old;

    ke_start();
    old = KfRaiseIrql(APC_LEVEL);
    CHECK_EQ(old, PASSIVE_LEVEL);
    CHECK_EQ(gs_read(0x50), APC_LEVEL);
    CHECK(KeAreAllApcsDisabled());
    old = KeRaiseIrqlToDpcLevel();
    CHECK_EQ(old, APC_LEVEL);
    KexWriteCr8(15);
    CHECK_EQ(KeGetCurrentIrql(), 15);
    KexWriteCr8(DISPATCH_LEVEL);
    KeLowerIrql(APC_LEVEL);
    KeLowerIrql(PASSIVE_LEVEL);
    CHECK_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    expect_stop(0xA, "IRQL-020");
    KeLowerIrql(DISPATCH_LEVEL);
    NO_STOP_CAME();
}

TEST(irql_raise_down, "ke.KfRaiseIrql.IRQL-019")
{
    ke_start();
    KeRaiseIrqlToDpcLevel();
    expect_stop(0x9, "IRQL-019");
    KfRaiseIrql(APC_LEVEL);
    NO_STOP_CAME();
}

/* At DISPATCH_LEVEL per-processor data is the thread's own. */
static long per_cpu[64];
static void NTAPI counts_per_cpu(PVOID context)
{
    (void)context;
    for (unsigned long i = 0; i < 50000 * test_scale(); i++) {
        KIRQL old = KeRaiseIrqlToDpcLevel();
        volatile long *mine = &per_cpu[KeGetCurrentProcessorNumberEx(NULL)];

        *mine = *mine + 1;
        KeLowerIrql(old);
    }
}
TEST(processor_is_owned, "ke.KeRaiseIrqlToDpcLevel.a_processor_has_one_owner")
{
    PKTHREAD t[6];
    long sum = 0;

    ke_start();
    for (int i = 0; i < 6; i++)
        t[i] = start(counts_per_cpu, NULL);
    for (int i = 0; i < 6; i++)
        join(t[i]);
    for (int i = 0; i < 64; i++)
        sum += per_cpu[i];
    CHECK_EQ(sum, 6 * 50000 * test_scale());
}

/* ---- DPCs and timers ------------------------------------------------------------------------- */

static int dpc_runs, dpc_irql = -1;
static PVOID dpc_args[3];
static void NTAPI dpc_routine(PKDPC dpc, PVOID context, PVOID a, PVOID b)
{
    (void)dpc;
    __atomic_store_n(&dpc_irql, KeGetCurrentIrql(), __ATOMIC_RELAXED);
    __atomic_store_n(&dpc_args[0], context, __ATOMIC_RELAXED);
    __atomic_store_n(&dpc_args[1], a, __ATOMIC_RELAXED);
    __atomic_store_n(&dpc_args[2], b, __ATOMIC_RELAXED);
    __atomic_add_fetch(&dpc_runs, 1, __ATOMIC_SEQ_CST);
}

TEST(dpc_at_lowering, "ke.KeInsertQueueDpc.runs_when_the_thread_lowers")
{
    KDPC dpc;
    KIRQL old;

    ke_start();
    KeInitializeDpc(&dpc, dpc_routine, &dpc_runs);
    old = KeRaiseIrqlToDpcLevel();
    CHECK(KeInsertQueueDpc(&dpc, (PVOID)1, (PVOID)2));
    CHECK(!KeInsertQueueDpc(&dpc, (PVOID)3, (PVOID)4));
    CHECK_EQ(dpc_runs, 0);
    KeLowerIrql(old);
    CHECK_EQ(dpc_runs, 1);
    CHECK_EQ(dpc_irql, DISPATCH_LEVEL);
    CHECK(dpc_args[0] == &dpc_runs && dpc_args[1] == (PVOID)1 && dpc_args[2] == (PVOID)2);
    CHECK(KeInsertQueueDpc(&dpc, NULL, NULL));
    CHECK_EQ(dpc_runs, 2);
    CHECK_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    old = KeRaiseIrqlToDpcLevel();
    KeInsertQueueDpc(&dpc, NULL, NULL);
    CHECK(KeRemoveQueueDpc(&dpc));
    CHECK(!KeRemoveQueueDpc(&dpc));
    KeLowerIrql(old);
    CHECK_EQ(dpc_runs, 2);
}

TEST(dpc_flush, "ke.KeFlushQueuedDpcs.waits_for_other_processors")
{
    KDPC dpc[4];

    ke_start();
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 4; i++) {
            KeInitializeDpc(&dpc[i], dpc_routine, NULL);
            KeSetTargetProcessorDpc(&dpc[i], (CCHAR)i);
            CHECK(KeInsertQueueDpc(&dpc[i], NULL, NULL));
        }
        KeFlushQueuedDpcs();
        CHECK_EQ(__atomic_load_n(&dpc_runs, __ATOMIC_SEQ_CST), 4 * (round + 1));
    }
}

TEST(timer_dpc, "ke.KeSetTimerEx.signals_and_runs_its_dpc")
{
    LARGE_INTEGER due = timeout_of(MS(20));
    KTIMER timer;
    KDPC dpc;
    LONGLONG begin;

    ke_start();
    KeInitializeTimer(&timer);
    KeInitializeDpc(&dpc, dpc_routine, NULL);
    begin = KexInterruptTime();
    CHECK(!KeSetTimer(&timer, due, &dpc));
    CHECK(!KeReadStateTimer(&timer));
    CHECK_EQ(wait_ms(&timer, -1), STATUS_SUCCESS);
    CHECK(KexInterruptTime() - begin >= 200000);
    KeFlushQueuedDpcs();
    CHECK_EQ(dpc_runs, 1);
    CHECK_EQ(dpc_irql, DISPATCH_LEVEL);
    CHECK(!KeCancelTimer(&timer));
    due.QuadPart = MS(5000);
    CHECK(!KeSetTimer(&timer, due, NULL));
    CHECK(!KeReadStateTimer(&timer));
    CHECK(KexTimerInRange(&timer, sizeof timer) == &timer);
    CHECK(KeSetTimer(&timer, due, NULL));
    CHECK(KeCancelTimer(&timer));
    CHECK(KexTimerInRange(&timer, sizeof timer) == NULL);
}

TEST(timer_periodic, "ke.KeSetTimerEx.periodic_synchronization_timer")
{
    LARGE_INTEGER due = timeout_of(MS(5));
    KTIMER timer;
    KDPC dpc;

    ke_start();
    KeInitializeTimerEx(&timer, SynchronizationTimer);
    KeInitializeDpc(&dpc, dpc_routine, NULL);
    KeSetTimerEx(&timer, due, 5, &dpc);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(wait_ms(&timer, 2000), STATUS_SUCCESS);
    CHECK(KeCancelTimer(&timer));
    KeFlushQueuedDpcs();
    CHECK(dpc_runs >= 4);
    dpc_runs = 0;
    pause_ms(30);
    CHECK_EQ(dpc_runs, 0);
}

TEST(timer_order, "ke.KeSetTimer.many_timers_expire_in_order")
{
    KTIMER timers[100];
    LARGE_INTEGER due;

    ke_start();
    for (int i = 0; i < 100; i++) {
        KeInitializeTimer(&timers[i]);
        due.QuadPart = -(LONGLONG)((i * 37) % 100 + 1) * 5000;
        KeSetTimer(&timers[i], due, NULL);
    }
    for (int i = 0; i < 100; i++) {
        int next = -1;

        for (int j = 0; j < 100; j++)
            if ((j * 37) % 100 == i)
                next = j;
        CHECK_EQ(wait_ms(&timers[next], 2000), STATUS_SUCCESS);
    }
    for (int i = 0; i < 100; i++)
        CHECK(KeReadStateTimer(&timers[i]));
}

/* ---- APCs ------------------------------------------------------------------------------------ */

static KEVENT never;
static int apc_kernel, apc_normal, apc_irql;
static void NTAPI apc_kernel_routine(PKAPC apc, PKNORMAL_ROUTINE *normal, PVOID *context, PVOID *a,
                                     PVOID *b)
{
    (void)apc, (void)normal, (void)context, (void)a, (void)b;
    apc_irql = KeGetCurrentIrql();
    apc_kernel++;
}
static void NTAPI apc_normal_routine(PVOID context, PVOID a, PVOID b)
{
    (void)context, (void)a, (void)b;
    CHECK_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    apc_normal++;
    KeSetEvent(&never, 0, FALSE);
}
static void NTAPI waits_for_apc(PVOID context)
{
    if (context)
        KeEnterCriticalRegion();
    CHECK_EQ(wait_ms(&never, context ? 30 : -1), context ? STATUS_TIMEOUT : STATUS_SUCCESS);
    CHECK_EQ(apc_normal, context ? 0 : 1);
    if (context)
        KeLeaveCriticalRegion();
    CHECK_EQ(apc_normal, 1);
}
static void queue_to(PKTHREAD t, KAPC *apc)
{
    KeInitializeApc(apc, t, OriginalApcEnvironment, apc_kernel_routine, NULL, apc_normal_routine,
                    KernelMode, NULL);
    CHECK(KeInsertQueueApc(apc, NULL, NULL, 0));
}
TEST(apc_in_wait, "ke.KeInsertQueueApc.interrupts_a_wait_which_goes_on")
{
    PKTHREAD t;
    KAPC apc;

    ke_start();
    KeInitializeEvent(&never, NotificationEvent, FALSE);
    t = start(waits_for_apc, NULL);
    pause_ms(10);
    queue_to(t, &apc);
    join(t);
    CHECK_EQ(apc_kernel, 1);
    CHECK_EQ(apc_irql, APC_LEVEL);
}
TEST(apc_region, "ke.KeLeaveCriticalRegion.delivers_what_was_held_off")
{
    PKTHREAD t;
    KAPC apc;

    ke_start();
    KeInitializeEvent(&never, NotificationEvent, FALSE);
    t = start(waits_for_apc, &never);
    pause_ms(10);
    queue_to(t, &apc);
    join(t);
}
static void NTAPI waits_alertable(PVOID context)
{
    CHECK_EQ(KeWaitForSingleObject(&never, Executive, UserMode, TRUE, NULL),
             (NTSTATUS)(LONG_PTR)context);
}
TEST(alert, "ke.KeAlertThread.ends_an_alertable_wait")
{
    PKTHREAD t;

    ke_start();
    KeInitializeEvent(&never, NotificationEvent, FALSE);
    t = start(waits_alertable, (PVOID)(LONG_PTR)STATUS_ALERTED);
    pause_ms(10);
    CHECK(!KeAlertThread(t, KernelMode));
    join(t);
}
TEST(user_apc, "ke.KeInsertQueueApc.user_apc_ends_an_alertable_wait")
{
    PKTHREAD t;
    KAPC apc;

    ke_start();
    KeInitializeEvent(&never, NotificationEvent, FALSE);
    t = start(waits_alertable, (PVOID)(LONG_PTR)STATUS_USER_APC);
    pause_ms(10);
    KeInitializeApc(&apc, t, OriginalApcEnvironment, apc_kernel_routine, NULL, apc_normal_routine,
                    UserMode, NULL);
    CHECK(KeInsertQueueApc(&apc, NULL, NULL, 0));
    join(t);
    CHECK_EQ(apc_normal, 1);
}
TEST(leave_without_enter, "ke.KeLeaveCriticalRegion.LCK-011")
{
    ke_start();
    expect_stop(0x1, "LCK-011");
    KeLeaveCriticalRegion();
    NO_STOP_CAME();
}
static void NTAPI leaves_region_open(PVOID context)
{
    (void)context;
    KeEnterCriticalRegion();
}
TEST(region_left_open, "ke.PsTerminateSystemThread.open_region_stops")
{
    ke_start();
    expect_stop(0x20, "APCs disabled");
    join(start(leaves_region_open, NULL));
    NO_STOP_CAME();
}

/* ---- spin locks ------------------------------------------------------------------------------ */

static KSPIN_LOCK spin;
static EX_SPIN_LOCK rw;
static long spin_counter, rw_counter;
static void NTAPI spins(PVOID context)
{
    for (unsigned long i = 0; i < 30000 * test_scale(); i++) {
        KLOCK_QUEUE_HANDLE handle;
        KIRQL old;

        if (context) {
            KeAcquireInStackQueuedSpinLock(&spin, &handle);
            spin_counter++;
            KeReleaseInStackQueuedSpinLock(&handle);
        } else {
            old = KeAcquireSpinLockRaiseToDpc(&spin);
            spin_counter++;
            KeReleaseSpinLock(&spin, old);
        }
        if (i % 8) {
            old = ExAcquireSpinLockShared(&rw);
            CHECK_EQ(rw_counter & 1, 0);
            ExReleaseSpinLockShared(&rw, old);
        } else {
            old = ExAcquireSpinLockExclusive(&rw);
            rw_counter++;
            rw_counter++;
            ExReleaseSpinLockExclusive(&rw, old);
        }
    }
}
TEST(spin_excludes, "ke.KeAcquireSpinLock.excludes_between_threads")
{
    PKTHREAD t[4];

    ke_start();
    KeInitializeSpinLock(&spin);
    for (int i = 0; i < 4; i++)
        t[i] = start(spins, NULL);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    CHECK_EQ(spin_counter, 4 * 30000 * test_scale());
    CHECK_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    CHECK(KeTestSpinLock(&spin));
    t[0] = start(spins, &spin);
    t[1] = start(spins, &spin);
    join(t[0]);
    join(t[1]);
    CHECK_EQ(spin_counter, 6 * 30000 * test_scale());
}
TEST(spin_self, "ke.KeAcquireSpinLock.LCK-019")
{
    ke_start();
    KeInitializeSpinLock(&spin);
    KeAcquireSpinLockRaiseToDpc(&spin);
    expect_stop(0xF, "LCK-019");
    KeAcquireSpinLockRaiseToDpc(&spin);
    NO_STOP_CAME();
}
static void NTAPI holds_spin(PVOID context)
{
    KeAcquireSpinLockRaiseToDpc(&spin);
    KeSetEvent(context, 0, FALSE);
    for (;;)
        host_sleep_ns(1000000);
}
TEST(spin_limit, "ke.KeAcquireSpinLock.spin_limit_names_the_holder")
{
    KEVENT held;

    ke_start();
    CHECK_EQ(KexPolicySet("spin_limit", "1"), 0);
    KeInitializeEvent(&held, NotificationEvent, FALSE);
    KeInitializeSpinLock(&spin);
    start(holds_spin, &held);
    wait_ms(&held, -1);
    expect_stop(0x133, "held by thread \"test\"");
    KeAcquireSpinLockRaiseToDpc(&spin);
    NO_STOP_CAME();
}
TEST(spin_mixed, "ke.KeReleaseSpinLock.LCK-008")
{
    KLOCK_QUEUE_HANDLE handle;

    ke_start();
    watch_findings();
    KeInitializeSpinLock(&spin);
    KeAcquireInStackQueuedSpinLock(&spin, &handle);
    KeReleaseSpinLock(&spin, PASSIVE_LEVEL);
    CHECK_STR(last_rule, "LCK-008");
    KeRaiseIrqlToDpcLevel();
    KeReleaseSpinLock(&spin, PASSIVE_LEVEL);
    CHECK_STR(last_rule, "LCK-007");
    CHECK_EQ(findings, 2);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static ULONG_PTR stack_seen;
static void NTAPI callout(PVOID context)
{
    ULONG_PTR low, high;

    IoGetStackLimits(&low, &high);
    CHECK((ULONG_PTR)&low > low && (ULONG_PTR)&low < high);
    stack_seen = low;
    CHECK(IoGetRemainingStackSize() >= *(ULONG_PTR *)context);
}
static __attribute__((noinline)) void eat(ULONG_PTR leave, ULONG_PTR size)
{
    char block[4096];

    memset(block, 1, sizeof block);
    if (IoGetRemainingStackSize() > leave)
        eat(leave, size);
    else
        CHECK_EQ(KeExpandKernelStackAndCalloutEx(callout, &size, size, TRUE, NULL), STATUS_SUCCESS);
    __asm__ volatile("" ::"r"(block) : "memory");
}
static void NTAPI expands(PVOID context)
{
    ULONG_PTR low, high, size = 0x8000;

    IoGetStackLimits(&low, &high);
    CHECK_EQ(KeExpandKernelStackAndCalloutEx(callout, &size, size, TRUE, NULL), STATUS_SUCCESS);
    CHECK_EQ(stack_seen, low);
    eat(0x6000, 0x10000);
    CHECK(stack_seen != low);
    CHECK_EQ(KeExpandKernelStackAndCalloutEx(callout, &size, 0x100000, TRUE, NULL),
             STATUS_INVALID_PARAMETER_3);
    IoGetStackLimits(&stack_seen, &high);
    CHECK_EQ(stack_seen, low);
    (void)context;
}
TEST(expand_stack, "ke.KeExpandKernelStackAndCalloutEx.switches_when_it_must")
{
    ke_start();
    join(start(expands, NULL));
}

TEST(shared_page, "ke.KexSharedUserData.shows_build_and_time")
{
    const unsigned char *page;
    LARGE_INTEGER now;
    LONGLONG shown;
    ULONG build;

    KexBuild = 17763;
    ke_start();
    page = KexSharedUserData();
    memcpy(&build, page + 0x260, 4);
    CHECK_EQ(build, 17763);
    KeQuerySystemTimePrecise(&now);
    shown = (LONGLONG)*(const ULONG *)(page + 0x14) | (LONGLONG)*(const ULONG *)(page + 0x18) << 32;
    CHECK(now.QuadPart - shown >= 0 && now.QuadPart - shown < 10000000);
    /* 2024 to 2100: the epoch is right. */
    CHECK(now.QuadPart > 133485408000000000ll && now.QuadPart < 157450000000000000ll);
}

TEST(policies, "ke.KexPolicySet.names_and_values")
{
    CHECK_STR(KexPolicy("purge_blocked"), "success_kept");
    CHECK_EQ(KexPolicySet("purge_blocked", "user_mapped"), 0);
    CHECK_STR(KexPolicy("purge_blocked"), "user_mapped");
    CHECK_EQ(KexPolicySet("purge_blocked", "user"), -2);
    CHECK_EQ(KexPolicySet("no_such", "1"), -1);
    CHECK_EQ(KexPolicySet("spin_limit", "7"), 0);
    CHECK_EQ(KexPolicyNumber("spin_limit"), 7);
    CHECK_EQ(KexPolicySet("spin_limit", "7x"), -2);
}

static void NTAPI bugcheck_callback(PVOID buffer, ULONG length)
{
    CHECK_EQ(length, 4);
    *(ULONG *)buffer = 1;
}
static ULONG callback_ran;
static void bugcheck_stop(const KEX_STOP *stop)
{
    _exit(stop->Code == 0xE2 && stop->Parameter[3] == 4 && callback_ran && !test_failures &&
          !strcmp(stop->Title, "MANUALLY_INITIATED_CRASH") ? 0 : 1);
}
TEST(bugcheck, "ke.KeBugCheckEx.runs_callbacks_and_names_the_code")
{
    static KBUGCHECK_CALLBACK_RECORD record;

    ke_start();
    CHECK(
        KeRegisterBugCheckCallback(&record, bugcheck_callback, &callback_ran, 4, (PUCHAR) "test"));
    CHECK(
        !KeRegisterBugCheckCallback(&record, bugcheck_callback, &callback_ran, 4, (PUCHAR) "test"));
    KexHooks.Stop = bugcheck_stop;
    KeBugCheckEx(0xE2, 1, 2, 3, 4);
}

TEST(restart, "ke.KexEnd.the_base_starts_again")
{
    for (int i = 0; i < 3; i++) {
        KTIMER timer;
        LARGE_INTEGER due = timeout_of(MS(2));

        ke_start();
        KeInitializeTimer(&timer);
        KeSetTimer(&timer, due, NULL);
        CHECK_EQ(wait_ms(&timer, 1000), STATUS_SUCCESS);
        KexEnd();
        CHECK(KexCurrentThread() == NULL);
    }
}

/* ---- all processors at once ------------------------------------------------------------------ */

static ULONG seen_processors[64];
static LONG first_ones;
static void NTAPI on_each(PKDPC dpc, PVOID context, PVOID done, PVOID barrier)
{
    (void)dpc;
    CHECK_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
    __atomic_add_fetch(&seen_processors[KeGetCurrentProcessorNumberEx(NULL)], 1, __ATOMIC_SEQ_CST);
    if (KeSignalCallDpcSynchronize(barrier))
        __atomic_add_fetch(&first_ones, 1, __ATOMIC_SEQ_CST);
    /* Behind the barrier everybody has been here. */
    for (ULONG i = 0; i < KeQueryActiveProcessorCount(NULL); i++)
        CHECK_EQ(__atomic_load_n(&seen_processors[i], __ATOMIC_SEQ_CST), *(ULONG *)context);
    KeSignalCallDpcSynchronize(barrier);
    KeSignalCallDpcDone(done);
}
static ULONG_PTR NTAPI ipi(ULONG_PTR context)
{
    CHECK_EQ(KeGetCurrentIrql(), IPI_LEVEL);
    __atomic_add_fetch((LONG *)context, 1, __ATOMIC_SEQ_CST);
    return 7;
}
TEST(broadcast, "ke.KeGenericCallDpc.runs_on_every_processor_at_once")
{
    LONG ran = 0;

    ke_start();
    for (ULONG round = 1; round <= 3; round++)
        KeGenericCallDpc(on_each, &round);
    CHECK_EQ(first_ones, 3);
    CHECK_EQ(KeIpiGenericCall(ipi, (ULONG_PTR)&ran), 7);
    CHECK_EQ(ran, KeQueryActiveProcessorCount(NULL));
    CHECK_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

TEST(device_queue, "ke.KeInsertDeviceQueue.busy_bit_and_keys")
{
    KDEVICE_QUEUE queue;
    KDEVICE_QUEUE_ENTRY e[4];
    KIRQL old;

    ke_start();
    memset(e, 0, sizeof e);
    KeInitializeDeviceQueue(&queue);
    old = KeRaiseIrqlToDpcLevel();
    CHECK(!KeInsertByKeyDeviceQueue(&queue, &e[0], 5));
    CHECK(KeInsertByKeyDeviceQueue(&queue, &e[1], 30));
    CHECK(KeInsertByKeyDeviceQueue(&queue, &e[2], 10));
    CHECK(KeInsertByKeyDeviceQueue(&queue, &e[3], 20));
    CHECK(KeRemoveByKeyDeviceQueue(&queue, 15) == &e[3]);
    CHECK(KeRemoveEntryDeviceQueue(&queue, &e[2]));
    CHECK(!KeRemoveEntryDeviceQueue(&queue, &e[2]));
    CHECK(KeRemoveDeviceQueue(&queue) == &e[1]);
    CHECK(KeRemoveDeviceQueue(&queue) == NULL);
    CHECK(!KeInsertDeviceQueue(&queue, &e[0]));
    KeLowerIrql(old);
}

static KQUEUE kqueue;
static LIST_ENTRY kentries[500];
static LONG ktaken;
static void NTAPI takes_entries(PVOID context)
{
    (void)context;
    while ((LONG_PTR)KeRemoveQueue(&kqueue, KernelMode, NULL) != STATUS_ABANDONED)
        __atomic_add_fetch(&ktaken, 1, __ATOMIC_SEQ_CST);
}
TEST(kqueue, "ke.KeRemoveQueue.each_entry_once_until_rundown")
{
    LARGE_INTEGER t = timeout_of(MS(10));
    PKTHREAD threads[3];

    ke_start();
    KeInitializeQueue(&kqueue, 0);
    CHECK_EQ((LONG_PTR)KeRemoveQueue(&kqueue, KernelMode, &t), STATUS_TIMEOUT);
    for (int i = 0; i < 3; i++)
        threads[i] = start(takes_entries, NULL);
    for (int i = 0; i < 500; i++)
        KeInsertQueue(&kqueue, &kentries[i]);
    while (__atomic_load_n(&ktaken, __ATOMIC_SEQ_CST) < 500)
        pause_ms(1);
    CHECK(KeRundownQueue(&kqueue) == NULL);
    for (int i = 0; i < 3; i++)
        join(threads[i]);
    CHECK_EQ(ktaken, 500);
}

/* SPDX-License-Identifier: MIT */
/*
 * The scheduler seam (D14): a small deterministic scheduler in place of the host's. One thread runs
 * at a time, a seed chooses who is next, time is virtual and jumps when everybody waits. The same
 * seed must give the same run.
 */
#include "ke_test.h"
#include "ex/ex.h"

#define MAX_THREADS 64

typedef struct {
    PKTHREAD thread;
    bool ready, blocked, gone;
    uint64_t deadline;          /* of a blocked thread, 0: none */
    host_parker parker;
} task;

static task tasks[MAX_THREADS];
static unsigned task_count;
static task *running;
static uint64_t virtual_ns = 1000000, seed_state, switches, trace_hash;

static task *find(PKTHREAD thread)
{
    for (unsigned i = 0; i < task_count; i++)
        if (tasks[i].thread == thread && !tasks[i].gone)
            return &tasks[i];
    return NULL;
}

static unsigned draw(unsigned n)
{
    seed_state = seed_state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed_state >> 33) % n;
}

/* The earliest deadline comes true when nobody can run. */
static bool jump(void)
{
    task *first = NULL;

    for (unsigned i = 0; i < task_count; i++)
        if (!tasks[i].gone && tasks[i].blocked && tasks[i].deadline &&
            tasks[i].deadline != INT64_MAX && (!first || tasks[i].deadline < first->deadline))
            first = &tasks[i];
    if (!first)
        return false;
    if (first->deadline > virtual_ns)
        virtual_ns = first->deadline;
    first->blocked = false;
    return true;
}

static task *choose(void)
{
    for (;;) {
        unsigned n = 0, pick;

        for (unsigned i = 0; i < task_count; i++)
            n += !tasks[i].gone && !tasks[i].blocked;
        if (!n) {
            if (!jump()) {
                fprintf(stderr, "deadlock: nobody can run\n");
                _exit(1);
            }
            continue;
        }
        pick = draw(n);
        for (unsigned i = 0; i < task_count; i++)
            if (!tasks[i].gone && !tasks[i].blocked && !pick--)
                return &tasks[i];
    }
}

/* Hands the right to run over; returns when it is back. */
static void hand_over(task *self)
{
    task *next = choose();

    switches++;
    trace_hash = (trace_hash ^ (uint64_t)(next - tasks + 1)) * 0x100000001b3ull;
    if (next == self)
        return;
    running = next;
    host_unpark(&next->parker);
    if (self)
        while (running != self)
            host_park(&self->parker, 0);
}

static void point(KEX_POINT p)
{
    if (p == KEX_POINT_SPIN || draw(4) == 0)
        hand_over(find(KexCurrentThread()));
}
static bool block(PKTHREAD thread, uint64_t deadline)
{
    task *self = find(thread);

    if (!self->ready) {
        self->blocked = true;
        self->deadline = deadline;
        hand_over(self);
    }
    self->blocked = false;
    if (self->ready) {
        self->ready = false;
        return true;
    }
    return false;
}
static void wake(PKTHREAD thread)
{
    task *t = find(thread);

    t->ready = true;
    t->blocked = false;
}
static void created(PKTHREAD thread)
{
    tasks[task_count].thread = thread;
    if (!task_count)
        running = &tasks[0];
    task_count++;
}
static void started(PKTHREAD thread)
{
    task *self;

    /* Its creator may not have told of it yet; then nobody hands anything to it either. */
    while (!(self = find(thread)))
        host_thread_yield();
    while (__atomic_load_n(&running, __ATOMIC_ACQUIRE) != self)
        host_park(&self->parker, 0);
}
static void ended(PKTHREAD thread)
{
    find(thread)->gone = true;
    hand_over(NULL);
}
static uint64_t monotonic(void)
{
    return virtual_ns += 10;
}
static const KEX_SCHED one_at_a_time = {
    .Point = point,
    .Block = block,
    .Wake = wake,
    .Created = created,
    .Started = started,
    .Ended = ended,
    .Monotonic = monotonic,
    .Now = monotonic,
};

static void begin(uint64_t seed)
{
    seed_state = seed;
    KexSched = &one_at_a_time;
    KexDeterministic = true;
    ke_start();
    REQUIRE(NT_SUCCESS(ExxStart()));
}

/* ---- a run with a bit of everything ---------------------------------------------------------- */

static FAST_MUTEX mutex;
static ERESOURCE resource;
static KSPIN_LOCK spin;
static KEVENT event;
static long total;
static void NTAPI works(PVOID context)
{
    for (int i = 0; i < 20; i++) {
        LARGE_INTEGER t = timeout_of(-(LONGLONG)(1 + (ULONG_PTR)context * 7 + (ULONG_PTR)i) * 1000);
        KIRQL old;
        void *p;

        ExAcquireFastMutex(&mutex);
        total++;
        ExReleaseFastMutex(&mutex);
        KeEnterCriticalRegion();
        if (i % 3)
            ExAcquireResourceSharedLite(&resource, TRUE);
        else
            ExAcquireResourceExclusiveLite(&resource, TRUE);
        p = ExAllocatePoolWithTag(PagedPool, 30, 0x74736554);
        KeDelayExecutionThread(KernelMode, FALSE, &t);
        ExFreePoolWithTag(p, 0x74736554);
        ExReleaseResourceLite(&resource);
        KeLeaveCriticalRegion();
        old = KeAcquireSpinLockRaiseToDpc(&spin);
        total++;
        KeReleaseSpinLock(&spin, old);
        KeSetEvent(&event, 0, FALSE);
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &t);
    }
}
static uint64_t whole_run(uint64_t seed)
{
    PKTHREAD t[4];
    WORK_QUEUE_ITEM items[4];

    begin(seed);
    ExInitializeFastMutex(&mutex);
    ExInitializeResourceLite(&resource);
    KeInitializeSpinLock(&spin);
    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    for (int i = 0; i < 4; i++) {
        t[i] = start(works, (PVOID)(ULONG_PTR)i);
        ExInitializeWorkItem(&items[i], works, (PVOID)(ULONG_PTR)(i + 10));
        ExQueueWorkItem(&items[i], DelayedWorkQueue);
    }
    for (int i = 0; i < 4; i++)
        join(t[i]);
    ExxWorkFlush();
    CHECK_EQ(total, 8 * 20 * 2);
    return trace_hash;
}

/* Each run in a process of its own, so that nothing of one shows in the next. */
static uint64_t run_apart(uint64_t seed)
{
    uint64_t hash = 0;
    int fds[2];
    pid_t pid;

    REQUIRE(!pipe(fds));
    pid = fork();
    if (!pid) {
        alarm(60);
        hash = whole_run(seed);
        if (test_failures || write(fds[1], &hash, sizeof hash) != sizeof hash)
            _exit(1);
        _exit(0);
    }
    close(fds[1]);
    CHECK_EQ(read(fds[0], &hash, sizeof hash), sizeof hash);
    close(fds[0]);
    waitpid(pid, NULL, 0);
    return hash;
}

TEST(same_seed, "ke.KexSched.same_seed_same_schedule")
{
    uint64_t first[5];
    int different = 0;

    for (uint64_t seed = 0; seed < 5; seed++) {
        first[seed] = run_apart(seed);
        CHECK(first[seed] != 0);
        CHECK_EQ(run_apart(seed), first[seed]);
        different += seed && first[seed] != first[0];
    }
    CHECK(different >= 3);
}

TEST(virtual_time, "ke.KexSched.an_hour_passes_at_once")
{
    uint64_t host = host_monotonic_ns();
    LARGE_INTEGER hour = timeout_of(-36000000000ll);
    LONGLONG before;

    begin(1);
    before = KexInterruptTime();
    CHECK_EQ(KeDelayExecutionThread(KernelMode, FALSE, &hour), STATUS_SUCCESS);
    CHECK(KexInterruptTime() - before >= 36000000000ll);
    CHECK(host_monotonic_ns() - host < 5000000000u);
}

/* SPDX-License-Identifier: MIT */
/*
 * The scheduler seam in free mode: an NT thread is a host thread, time is the host's. Everything
 * that blocks or reads a clock comes through here, so that a deterministic scheduler has one table
 * to replace.
 */
#include "kei.h"

#include <string.h>

/* Nanoseconds between 1601 and 1970. */
#define EPOCH_NS (11644473600ull * 1000000000ull)

static void FreePoint(KEX_POINT Point)
{
    (void)Point;
}

static bool FreeBlock(PKTHREAD Thread, uint64_t Deadline)
{
    return host_park(&Thread->Parker, Deadline);
}

static void FreeWake(PKTHREAD Thread)
{
    host_unpark(&Thread->Parker);
}

static void FreeLife(PKTHREAD Thread)
{
    (void)Thread;
}

static uint64_t FreeNow(void)
{
    return host_realtime_ns() + EPOCH_NS;
}

static const KEX_SCHED FreeMode = {
    .Point = FreePoint,
    .Block = FreeBlock,
    .Wake = FreeWake,
    .Created = FreeLife, .Started = FreeLife,
    .Ended = FreeLife,
    .Monotonic = host_monotonic_ns,
    .Now = FreeNow,
};

const KEX_SCHED *KexSched = &FreeMode;
bool KexDeterministic;
uint64_t KexxStartTime;

static uint64_t OwnProgress;
uint64_t *KexProgressCounter = &OwnProgress;
ULONG KexBuild = KEX_DEFAULT_BUILD;

void KEX_SLOW KexSchedPointSlow(KEX_POINT Point)
{
    /* Never away from a thread that holds a lock: the next one would wait for it in the host. */
    if (KexxCurrent && !KexxLocksHeld() && !KexxNoSwitch)
        KexSched->Point(Point);
}

LONGLONG KexSystemTime(void)
{
    return (LONGLONG)(KexSched->Now() / 100);
}

LONGLONG KexInterruptTime(void)
{
    return (LONGLONG)((KexSched->Monotonic() - KexxStartTime) / 100);
}

uint64_t KexxDeadline(LONGLONG Timeout)
{
    uint64_t Monotonic = KexSched->Monotonic();
    LONGLONG Left =
        Timeout < 0 ? (Timeout == INT64_MIN ? INT64_MAX : -Timeout) : Timeout - KexSystemTime();

    if (Left <= 0)
        return 1;
    /* Some drivers ask for "as long as can be said": keep the sum from wrapping. */
    if ((uint64_t)Left > (INT64_MAX - Monotonic) / 100)
        return INT64_MAX;
    return Monotonic + (uint64_t)Left * 100;
}

bool KexBlock(const KEX_WAIT *Why, uint64_t Deadline)
{
    PKTHREAD Thread = KexxCurrent;
    bool Woken;

    assert(Thread && Why && Why->What);
    assert(!KexxLocksHeld());
    host_lock_acquire(&Thread->ViewLock);
    Thread->Wait = Why;
    Thread->WaitStart = KexSched->Monotonic();
    host_lock_release(&Thread->ViewLock);

    Woken = KexSched->Block(Thread, Deadline);

    host_lock_acquire(&Thread->ViewLock);
    Thread->Wait = NULL;
    host_lock_release(&Thread->ViewLock);
    if (Woken)
        KexProgress();
    return Woken;
}

void KexWake(PKTHREAD Thread)
{
    KexSched->Wake(Thread);
}

NTSTATUS KexStart(void)
{
    NTSTATUS Status;
    unsigned Cpus = host_cpus();

    if (KexxStartTime)
        return STATUS_SUCCESS;
    /* A machine with one processor would hide what two show: at least four, whatever the host has.
     */
    KexxProcessorCount = Cpus < 4 ? 4 : Cpus > KEX_MAX_PROCESSORS ? KEX_MAX_PROCESSORS : Cpus;
    KexxStartTime = KexSched->Monotonic();
    if (!KexAttachHostThread("main"))
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = KexxStartDpcThread();
    if (NT_SUCCESS(Status))
        Status = KexxStartTimerThread();
    if (!NT_SUCCESS(Status))
        KexEnd();
    return Status;
}

/* SPDX-License-Identifier: MIT */
/*
 * Locks of the rooms' own tables. Each has a rank; a thread takes them in rising rank only, which
 * the assertion proves on every path the tests run. They are never held while a thread blocks.
 */
#include "kei.h"

#define MAX_HELD 16

static __thread struct {
    unsigned Count;
    const KEX_LOCK *Lock[MAX_HELD];
} Held __attribute__((tls_model("initial-exec")));

__thread unsigned KexxNoSwitch __attribute__((tls_model("initial-exec")));

unsigned KexxLocksHeld(void)
{
    return Held.Count;
}

void KexLockInit(KEX_LOCK *Lock, KEX_RANK Rank, const char *Name)
{
    *Lock = (KEX_LOCK)KEX_LOCK_INIT((uint16_t)Rank, Name);
}

void KexLockAcquire(KEX_LOCK *Lock)
{
    assert(Held.Count < MAX_HELD);
    assert(!Held.Count || Held.Lock[Held.Count - 1]->Rank < Lock->Rank);
    KexSchedPoint(KEX_POINT_LOCK);
    host_lock_acquire(&Lock->Host);
    __atomic_store_n(&Lock->Owner, KexxCurrent, __ATOMIC_RELAXED);
    Held.Lock[Held.Count++] = Lock;
}

void KexLockRelease(KEX_LOCK *Lock)
{
    unsigned At = Held.Count;

    assert(At);
    while (Held.Lock[--At] != Lock)
        assert(At);
    /* Nearly always the last one. */
    for (Held.Count--; At < Held.Count; At++)
        Held.Lock[At] = Held.Lock[At + 1];
    __atomic_store_n(&Lock->Owner, NULL, __ATOMIC_RELAXED);
    host_lock_release(&Lock->Host);
}

/* ---- guards: host locks whose fast paths are inline ------------------------------------------ */

void KEX_SLOW KexGuardWait(host_lock *Guard)
{
    host_lock_acquire(Guard);
}

void KEX_SLOW KexGuardWake(host_lock *Guard)
{
    host_lock_release(Guard);
}

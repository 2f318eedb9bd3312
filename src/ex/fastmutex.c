/* SPDX-License-Identifier: MIT */
/*
 * Fast mutexes and guarded mutexes: one structure, two ways to hold APCs off. Bit 0 of Count is set
 * while the mutex is free, as the inlined initialisation leaves it; above it waiters are counted,
 * and one bit says that a waiter has been woken and not yet looked.
 */
#include "ex/exi.h"

#define WOKEN 2
#define WAITER 4

static PKTHREAD OwnerOf(const void *Object)
{
    return __atomic_load_n((PKTHREAD const *)&((const FAST_MUTEX *)Object)->Owner,
                           __ATOMIC_RELAXED);
}

static void SetOwner(PFAST_MUTEX Mutex, PKTHREAD Thread)
{
    __atomic_store_n((PKTHREAD *)&Mutex->Owner, Thread, __ATOMIC_RELAXED);
}

static void NTAPI __attribute__((noinline))
AcquireSlow(PFAST_MUTEX Mutex, const char *What, const void *Caller)
{
    KEX_WAIT Why = {.What = What, .Object = Mutex, .Owner = OwnerOf, .Caller = Caller};
    LONG Seen = __atomic_add_fetch(&Mutex->Count, WAITER, __ATOMIC_RELAXED);

    __atomic_fetch_add(&Mutex->Contention, 1, __ATOMIC_RELAXED);
    for (;;) {
        while (Seen & FM_LOCK_BIT)
            if (__atomic_compare_exchange_n(&Mutex->Count, &Seen, (Seen & ~FM_LOCK_BIT) - WAITER,
                                            false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                return;
        KexWaitForObject(&Mutex->Event, KernelMode, FALSE, NULL, &Why);
        /* From here on a release wakes the next one again. */
        Seen = __atomic_and_fetch(&Mutex->Count, ~WOKEN, __ATOMIC_RELAXED);
    }
}

static inline bool TryAcquire(PFAST_MUTEX Mutex)
{
    LONG Seen = __atomic_load_n(&Mutex->Count, __ATOMIC_RELAXED);

    KexSchedPoint(KEX_POINT_LOCK);
    while (Seen & FM_LOCK_BIT)
        if (__atomic_compare_exchange_n(&Mutex->Count, &Seen, Seen & ~FM_LOCK_BIT, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return true;
    return false;
}

static inline void Acquire(PFAST_MUTEX Mutex, const char *What, const void *Caller)
{
    if (!TryAcquire(Mutex))
        AcquireSlow(Mutex, What, Caller);
    SetOwner(Mutex, KexCurrentThread());
}

static void KEX_SLOW BadRelease(PFAST_MUTEX Mutex, const char *What, const void *Caller)
{
    KexFinding(OwnerOf(Mutex) ? "LCK-006" : "LCK-007", "verifier", Caller,
        "the %s at %p is released by a thread that does not own it", What, (void *)Mutex);
}

static inline void Release(PFAST_MUTEX Mutex, const char *What, const void *Caller)
{
    LONG Seen;

    if (__builtin_expect(OwnerOf(Mutex) != KexCurrentThread(), 0))
        BadRelease(Mutex, What, Caller);
    SetOwner(Mutex, NULL);
    Seen = __atomic_or_fetch(&Mutex->Count, FM_LOCK_BIT, __ATOMIC_RELEASE);
    while (__builtin_expect(Seen >= WAITER && !(Seen & WOKEN) && (Seen & FM_LOCK_BIT), 0)) {
        if (__atomic_compare_exchange_n(&Mutex->Count, &Seen, Seen | WOKEN, false, __ATOMIC_RELAXED,
                __ATOMIC_RELAXED)) {
            KeSetEvent(&Mutex->Event, 0, FALSE);
            break;
        }
    }
}

static void KEX_SLOW BadIrql(const char *Rule, const char *Routine, const void *Caller)
{
    KexFinding(Rule, "verifier", Caller, "%s was called at IRQL %u%s", Routine, KeGetCurrentIrql(),
        KeGetCurrentIrql() ? "" : " with APCs enabled");
}

static inline void CheckAcquire(const char *Rule, bool Good, const char *Routine,
                                const void *Caller)
{
    if (__builtin_expect(!Good, 0))
        BadIrql(Rule, Routine, Caller);
}

static inline bool ApcsOff(void)
{
    return KexApcDisableCounts(KexCurrentThread()) || KeGetCurrentIrql() >= APC_LEVEL;
}

/* ---- fast mutexes ---------------------------------------------------------------------------- */

/*
 * The owner runs at APC_LEVEL until the release. Not recursive: a thread that acquires twice waits
 * for itself. IRQL <= APC_LEVEL (nf-wdm-exacquirefastmutex).
 */
#undef ExAcquireFastMutex
VOID NTAPI ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL Old = KeGetCurrentIrql();

    CheckAcquire("IRQL-027", Old <= APC_LEVEL, "ExAcquireFastMutex", __builtin_return_address(0));
    if (Old < APC_LEVEL)
        KfRaiseIrql(APC_LEVEL);
    Acquire(FastMutex, "fast mutex", __builtin_return_address(0));
    FastMutex->OldIrql = Old;
}

#undef ExTryToAcquireFastMutex
BOOLEAN NTAPI ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL Old = KeGetCurrentIrql();

    if (Old < APC_LEVEL)
        KfRaiseIrql(APC_LEVEL);
    if (!TryAcquire(FastMutex)) {
        if (Old < APC_LEVEL)
            KeLowerIrql(Old);
        return FALSE;
    }
    SetOwner(FastMutex, KexCurrentThread());
    FastMutex->OldIrql = Old;
    return TRUE;
}

/* At APC_LEVEL, by the owner; the IRQL of before the acquire comes back
 * (nf-wdm-exreleasefastmutex). */
#undef ExReleaseFastMutex
VOID NTAPI ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL Old = (KIRQL)FastMutex->OldIrql;

    CheckAcquire("IRQL-028", KeGetCurrentIrql() == APC_LEVEL, "ExReleaseFastMutex",
                 __builtin_return_address(0));
    Release(FastMutex, "fast mutex", __builtin_return_address(0));
    if (Old < KeGetCurrentIrql())
        KeLowerIrql(Old);
}

/* For callers that hold APCs off by other means (nf-wdm-exacquirefastmutexunsafe). */
#undef ExAcquireFastMutexUnsafe
VOID NTAPI ExAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    CheckAcquire("IRQL-029", ApcsOff(), "ExAcquireFastMutexUnsafe", __builtin_return_address(0));
    Acquire(FastMutex, "fast mutex", __builtin_return_address(0));
}

#undef ExReleaseFastMutexUnsafe
VOID NTAPI ExReleaseFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    Release(FastMutex, "fast mutex", __builtin_return_address(0));
}

VOID NTAPI ExEnterCriticalRegionAndAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    KeEnterCriticalRegion();
    Acquire(FastMutex, "fast mutex", __builtin_return_address(0));
}

VOID NTAPI ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(PFAST_MUTEX FastMutex)
{
    Release(FastMutex, "fast mutex", __builtin_return_address(0));
    KeLeaveCriticalRegion();
}

/* ---- guarded mutexes ------------------------------------------------------------------------- */

VOID NTAPI KeInitializeGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    Mutex->Count = FM_LOCK_BIT;
    Mutex->Owner = NULL;
    Mutex->Contention = 0;
    Mutex->OldIrql = 0;
    KeInitializeEvent(&Mutex->Event, SynchronizationEvent, FALSE);
}

/* The owner runs in a guarded region until the release. IRQL <= APC_LEVEL
 * (nf-wdm-keacquireguardedmutex). */
VOID NTAPI KeAcquireGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    CheckAcquire("IRQL-036", KeGetCurrentIrql() <= APC_LEVEL, "KeAcquireGuardedMutex",
                 __builtin_return_address(0));
    KeEnterGuardedRegion();
    Acquire(Mutex, "guarded mutex", __builtin_return_address(0));
}

VOID NTAPI KeReleaseGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    Release(Mutex, "guarded mutex", __builtin_return_address(0));
    KeLeaveGuardedRegion();
}

VOID NTAPI KeAcquireGuardedMutexUnsafe(PKGUARDED_MUTEX FastMutex)
{
    Acquire(FastMutex, "guarded mutex", __builtin_return_address(0));
}

VOID NTAPI KeReleaseGuardedMutexUnsafe(PKGUARDED_MUTEX FastMutex)
{
    Release(FastMutex, "guarded mutex", __builtin_return_address(0));
}

BOOLEAN NTAPI KeTryToAcquireGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    KeEnterGuardedRegion();
    if (TryAcquire(Mutex)) {
        SetOwner(Mutex, KexCurrentThread());
        return TRUE;
    }
    KeLeaveGuardedRegion();
    return FALSE;
}

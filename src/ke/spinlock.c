/* SPDX-License-Identifier: MIT */
/*
 * Spin locks. The lock word holds its owner, so that a thread that waits for itself is told at once
 * and a hang report names who holds what. Plain and in-stack queued locks share the word but mark
 * their family, since a driver that mixes them corrupts the lock on Windows. Reader-writer spin
 * locks (EX_SPIN_LOCK) have 32 bits and no owner.
 */
#include "kei.h"

/* KSPIN_LOCK: owner thread (or 64 for a host thread that is none) with these bits. */
#define HELD ((KSPIN_LOCK)1)
#define QUEUED ((KSPIN_LOCK)2)
#define NO_THREAD ((KSPIN_LOCK)64)

#define EX_EXCLUSIVE ((LONG)0x80000000)
#define EX_WANTED 0x40000000

static KSPIN_LOCK OwnerWord(PKTHREAD Thread, KSPIN_LOCK Family)
{
    return (Thread ? (KSPIN_LOCK)Thread : NO_THREAD) | HELD | Family;
}

static PKTHREAD OwnerOf(const void *Object)
{
    KSPIN_LOCK Word =
        __atomic_load_n((const KSPIN_LOCK *)Object, __ATOMIC_RELAXED) & ~(KSPIN_LOCK)15;

    return Word == NO_THREAD ? NULL : (PKTHREAD)Word;
}

/* ---- spinning -------------------------------------------------------------------------------- */

typedef struct _SPIN {
    unsigned Turns;
    uint64_t Start, Limit;
    KEX_WAIT Why;
} SPIN;

static void ShowWait(PKTHREAD Thread, const KEX_WAIT *Why, uint64_t Start)
{
    if (!Thread)
        return;
    host_lock_acquire(&Thread->ViewLock);
    Thread->Wait = Why;
    Thread->WaitStart = Start;
    host_lock_release(&Thread->ViewLock);
}

/* One turn; from some turns on the wait is shown to the hang watch, and past the limit the machine
 * stops. */
static void SpinTurn(SPIN *Spin, const void *Lock, PKTHREAD (*Owner)(const void *),
                     const char *What, const void *Caller)
{
    uint64_t Now;

    KexxRelax(&Spin->Turns);
    if (Spin->Turns % 1024)
        return;
    Now = KexSched->Monotonic();
    if (!Spin->Start) {
        Spin->Start = Now;
        Spin->Limit = (uint64_t)KexPolicyNumber("spin_limit") * 1000000000u;
        Spin->Why = (KEX_WAIT){.What = What, .Object = Lock, .Owner = Owner, .Caller = Caller};
        ShowWait(KexxCurrent, &Spin->Why, Now);
    }
    if (Spin->Limit && Now - Spin->Start > Spin->Limit) {
        PKTHREAD Holder = Owner ? Owner(Lock) : NULL;

        KexStop(DPC_WATCHDOG_VIOLATION, "DPC_WATCHDOG_VIOLATION", Caller,
                "thread \"%s\" spun %llu s for the %s at %p, held by thread \"%s\"",
                KexxCurrent ? KexxCurrent->Name : "host",
                (unsigned long long)((Now - Spin->Start) / 1000000000u), What, Lock,
                Holder ? Holder->Name : "unknown");
    }
    /* Long waits leave the processors to who may end them. */
    if (!KexDeterministic)
        host_sleep_ns(50000);
}

static void SpinEnd(SPIN *Spin)
{
    if (Spin->Start)
        ShowWait(KexxCurrent, NULL, 0);
}

static void KEX_SLOW AcquireSlow(PKSPIN_LOCK Lock, KSPIN_LOCK Mine, const void *Caller)
{
    SPIN Spin = {0};
    KSPIN_LOCK Seen;

    for (;;) {
        Seen = __atomic_load_n(Lock, __ATOMIC_RELAXED);
        if (!(Seen & HELD)) {
            /* Anything else than zero in a free lock is a lock nobody initialised. */
            if (__atomic_compare_exchange_n(Lock, &Seen, Mine, false, __ATOMIC_ACQUIRE,
                                            __ATOMIC_RELAXED))
                break;
            continue;
        }
        if ((Seen & ~QUEUED) == (Mine & ~QUEUED) && (Mine & ~(KSPIN_LOCK)15) != NO_THREAD)
            KexStop(SPIN_LOCK_ALREADY_OWNED, "SPIN_LOCK_ALREADY_OWNED", Caller,
                    "LCK-019: thread \"%s\" acquires the spin lock at %p, which it holds already",
                    KexxCurrent->Name, (void *)Lock);
        SpinTurn(&Spin, Lock, OwnerOf, "spin lock", Caller);
    }
    SpinEnd(&Spin);
}

static inline void Acquire(PKSPIN_LOCK Lock, PKTHREAD Thread, KSPIN_LOCK Family, const void *Caller)
{
    KSPIN_LOCK Free = 0, Mine = OwnerWord(Thread, Family);

    KexSchedPoint(KEX_POINT_LOCK);
    if (!__atomic_compare_exchange_n(Lock, &Free, Mine, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        AcquireSlow(Lock, Mine, Caller);
}

static inline bool TryAcquire(PKSPIN_LOCK Lock, PKTHREAD Thread)
{
    KSPIN_LOCK Free = 0;

    KexSchedPoint(KEX_POINT_LOCK);
    return __atomic_compare_exchange_n(Lock, &Free, OwnerWord(Thread, 0), false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static void KEX_SLOW BadRelease(PKSPIN_LOCK Lock, KSPIN_LOCK Seen, KSPIN_LOCK Family,
    const void *Caller)
{
    if (!(Seen & HELD))
        KexFinding("LCK-007", "verifier", Caller,
                   "the spin lock at %p is released but nobody holds it", (void *)Lock);
    else if ((Seen & QUEUED) != Family)
        KexFinding("LCK-008", "verifier", Caller,
                   "the spin lock at %p was acquired as %s lock and is released as %s",
                   (void *)Lock, Seen & QUEUED ? "in-stack queued" : "plain",
                   Family ? "in-stack queued" : "plain");
    else
        KexFinding("LCK-006", "verifier", Caller,
                   "the spin lock at %p is released by a thread that does not hold it",
                   (void *)Lock);
}

static inline void Release(PKSPIN_LOCK Lock, PKTHREAD Thread, KSPIN_LOCK Family, const void *Caller)
{
    KSPIN_LOCK Seen = __atomic_load_n(Lock, __ATOMIC_RELAXED);

    if (__builtin_expect(Seen != OwnerWord(Thread, Family), 0))
        BadRelease(Lock, Seen, Family, Caller);
    __atomic_store_n(Lock, 0, __ATOMIC_RELEASE);
}

static void KEX_SLOW BadIrql(const char *Rule, const char *Routine, const void *Caller)
{
    KexFinding(Rule, "verifier", Caller, "%s was called at IRQL %u", Routine,
               KexxIrql(KexxCurrent));
}

static inline void CheckIrql(const char *Rule, bool Good, const char *Routine, const void *Caller)
{
    if (__builtin_expect(!Good, 0))
        BadIrql(Rule, Routine, Caller);
}

/* ---- plain spin locks ------------------------------------------------------------------------ */

#undef KeInitializeSpinLock
VOID NTAPI KeInitializeSpinLock(PKSPIN_LOCK SpinLock)
{
    __atomic_store_n(SpinLock, 0, __ATOMIC_RELAXED);
}

/* IRQL <= DISPATCH_LEVEL; runs at DISPATCH_LEVEL until released (nf-wdm-keacquirespinlock). */
KIRQL NTAPI KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock)
{
    PKTHREAD Thread = KexxCurrent;
    KIRQL Old;

    CheckIrql("IRQL-038", KexxIrql(Thread) <= DISPATCH_LEVEL, "KeAcquireSpinLock",
              __builtin_return_address(0));
    Old = KexxRaise(Thread, DISPATCH_LEVEL);
    Acquire(SpinLock, Thread, 0, __builtin_return_address(0));
    return Old;
}

/* The thread must be at DISPATCH_LEVEL; OldIrql is what the acquire returned
 * (nf-wdm-kereleasespinlock). */
VOID NTAPI KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    PKTHREAD Thread = KexxCurrent;

    CheckIrql("IRQL-037", KexxIrql(Thread) == DISPATCH_LEVEL, "KeReleaseSpinLock",
              __builtin_return_address(0));
    Release(SpinLock, Thread, 0, __builtin_return_address(0));
    KexxLower(Thread, NewIrql);
}

VOID NTAPI KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    PKTHREAD Thread = KexxCurrent;

    CheckIrql("IRQL-039", KexxIrql(Thread) >= DISPATCH_LEVEL, "KeAcquireSpinLockAtDpcLevel",
        __builtin_return_address(0));
    Acquire(SpinLock, Thread, 0, __builtin_return_address(0));
}

VOID NTAPI KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    PKTHREAD Thread = KexxCurrent;

    CheckIrql("IRQL-039", KexxIrql(Thread) >= DISPATCH_LEVEL, "KeReleaseSpinLockFromDpcLevel",
        __builtin_return_address(0));
    Release(SpinLock, Thread, 0, __builtin_return_address(0));
}

/* For a routine that may be a threaded DPC: raises when it is not at DISPATCH_LEVEL
 * (nf-wdm-keacquirespinlockfordpc). */
KIRQL NTAPI KeAcquireSpinLockForDpc(PKSPIN_LOCK SpinLock)
{
    PKTHREAD Thread = KexxCurrent;
    KIRQL Old =
        KexxIrql(Thread) < DISPATCH_LEVEL ? KexxRaise(Thread, DISPATCH_LEVEL) : KexxIrql(Thread);

    Acquire(SpinLock, Thread, 0, __builtin_return_address(0));
    return Old;
}

VOID NTAPI KeReleaseSpinLockForDpc(PKSPIN_LOCK SpinLock, KIRQL OldIrql)
{
    PKTHREAD Thread = KexxCurrent;

    Release(SpinLock, Thread, 0, __builtin_return_address(0));
    KexxLower(Thread, OldIrql);
}

/* FALSE, without waiting, when somebody holds it (nf-wdm-ketrytoacquirespinlockatdpclevel). */
BOOLEAN NTAPI KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    return TryAcquire(SpinLock, KexxCurrent);
}

BOOLEAN NTAPI KeTestSpinLock(PKSPIN_LOCK SpinLock)
{
    return __atomic_load_n(SpinLock, __ATOMIC_RELAXED) == 0;
}

/* ---- in-stack queued spin locks -------------------------------------------------------------- */

/* The handle is the caller's until the release (nf-wdm-keacquireinstackqueuedspinlock). */
VOID NTAPI KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    PKTHREAD Thread = KexxCurrent;

    CheckIrql("IRQL-038", KexxIrql(Thread) <= DISPATCH_LEVEL, "KeAcquireInStackQueuedSpinLock",
        __builtin_return_address(0));
    LockHandle->LockQueue.Next = NULL;
    LockHandle->LockQueue.Lock = SpinLock;
    LockHandle->OldIrql = KexxRaise(Thread, DISPATCH_LEVEL);
    Acquire(SpinLock, Thread, QUEUED, __builtin_return_address(0));
}

VOID NTAPI KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle)
{
    PKTHREAD Thread = KexxCurrent;

    Release(LockHandle->LockQueue.Lock, Thread, QUEUED, __builtin_return_address(0));
    KexxLower(Thread, LockHandle->OldIrql);
}

VOID NTAPI KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock,
                                                    PKLOCK_QUEUE_HANDLE LockHandle)
{
    PKTHREAD Thread = KexxCurrent;

    CheckIrql("IRQL-039", KexxIrql(Thread) >= DISPATCH_LEVEL,
              "KeAcquireInStackQueuedSpinLockAtDpcLevel", __builtin_return_address(0));
    LockHandle->LockQueue.Next = NULL;
    LockHandle->LockQueue.Lock = SpinLock;
    LockHandle->OldIrql = KexxIrql(Thread);
    Acquire(SpinLock, Thread, QUEUED, __builtin_return_address(0));
}

VOID NTAPI KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle)
{
    Release(LockHandle->LockQueue.Lock, KexxCurrent, QUEUED, __builtin_return_address(0));
}

VOID NTAPI KeAcquireInStackQueuedSpinLockForDpc(PKSPIN_LOCK SpinLock,
                                                PKLOCK_QUEUE_HANDLE LockHandle)
{
    PKTHREAD Thread = KexxCurrent;

    LockHandle->LockQueue.Next = NULL;
    LockHandle->LockQueue.Lock = SpinLock;
    LockHandle->OldIrql =
        KexxIrql(Thread) < DISPATCH_LEVEL ? KexxRaise(Thread, DISPATCH_LEVEL) : KexxIrql(Thread);
    Acquire(SpinLock, Thread, QUEUED, __builtin_return_address(0));
}

VOID NTAPI KeReleaseInStackQueuedSpinLockForDpc(PKLOCK_QUEUE_HANDLE LockHandle)
{
    PKTHREAD Thread = KexxCurrent;

    Release(LockHandle->LockQueue.Lock, Thread, QUEUED, __builtin_return_address(0));
    KexxLower(Thread, LockHandle->OldIrql);
}

/* ---- reader-writer spin locks ---------------------------------------------------------------- */

static void NTAPI AcquireShared(PEX_SPIN_LOCK Lock, const void *Caller)
{
    SPIN Spin = {0};
    LONG Seen;

    KexSchedPoint(KEX_POINT_LOCK);
    for (;;) {
        Seen = __atomic_load_n(Lock, __ATOMIC_RELAXED);
        /* A writer that waits goes first. */
        if (!(Seen & (EX_EXCLUSIVE | EX_WANTED)) &&
            __atomic_compare_exchange_n(Lock, &Seen, Seen + 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            break;
        if (Seen & (EX_EXCLUSIVE | EX_WANTED))
            SpinTurn(&Spin, (const void *)Lock, NULL, "shared spin lock", Caller);
    }
    SpinEnd(&Spin);
}

static void NTAPI AcquireExclusive(PEX_SPIN_LOCK Lock, const void *Caller)
{
    SPIN Spin = {0};
    LONG Seen;

    KexSchedPoint(KEX_POINT_LOCK);
    for (;;) {
        Seen = __atomic_load_n(Lock, __ATOMIC_RELAXED);
        if (!(Seen & ~EX_WANTED)) {
            if (__atomic_compare_exchange_n(Lock, &Seen, EX_EXCLUSIVE, false, __ATOMIC_ACQUIRE,
                                            __ATOMIC_RELAXED))
                break;
            continue;
        }
        if (!(Seen & EX_WANTED))
            __atomic_compare_exchange_n(Lock, &Seen, Seen | EX_WANTED, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED);
        SpinTurn(&Spin, (const void *)Lock, NULL, "exclusive spin lock", Caller);
    }
    SpinEnd(&Spin);
}

/* Zero-initialised by the driver; runs at DISPATCH_LEVEL until released
 * (nf-wdm-exacquirespinlockshared). */
KIRQL NTAPI ExAcquireSpinLockShared(PEX_SPIN_LOCK SpinLock)
{
    KIRQL Old = KexxRaise(KexxCurrent, DISPATCH_LEVEL);

    AcquireShared(SpinLock, __builtin_return_address(0));
    return Old;
}

VOID NTAPI ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    AcquireShared(SpinLock, __builtin_return_address(0));
}

VOID NTAPI ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    __atomic_fetch_sub(SpinLock, 1, __ATOMIC_RELEASE);
}

VOID NTAPI ExReleaseSpinLockShared(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    ExReleaseSpinLockSharedFromDpcLevel(SpinLock);
    KexxLower(KexxCurrent, OldIrql);
}

KIRQL NTAPI ExAcquireSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    KIRQL Old = KexxRaise(KexxCurrent, DISPATCH_LEVEL);

    AcquireExclusive(SpinLock, __builtin_return_address(0));
    return Old;
}

VOID NTAPI ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    AcquireExclusive(SpinLock, __builtin_return_address(0));
}

VOID NTAPI ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    /* A writer that wants it may have left its mark: keep it. */
    __atomic_fetch_and(SpinLock, ~EX_EXCLUSIVE, __ATOMIC_RELEASE);
}

VOID NTAPI ExReleaseSpinLockExclusive(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    ExReleaseSpinLockExclusiveFromDpcLevel(SpinLock);
    KexxLower(KexxCurrent, OldIrql);
}

/* Succeeds for the only reader; on failure the lock stays shared
 * (nf-wdm-extryconvertsharedspinlockexclusive). */
LOGICAL NTAPI ExTryConvertSharedSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    LONG Seen = __atomic_load_n(SpinLock, __ATOMIC_RELAXED);

    return (Seen & ~EX_WANTED) == 1 &&
           __atomic_compare_exchange_n(SpinLock, &Seen, EX_EXCLUSIVE | (Seen & EX_WANTED), false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* ---- interlocked lists: at any IRQL, so the word is taken without a change of level ---------- */

PLIST_ENTRY NTAPI ExInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                              PKSPIN_LOCK Lock)
{
    PKTHREAD Thread = KexxCurrent;
    PLIST_ENTRY First;

    Acquire(Lock, Thread, 0, __builtin_return_address(0));
    First = IsListEmpty(ListHead) ? NULL : ListHead->Flink;
    InsertHeadList(ListHead, ListEntry);
    Release(Lock, Thread, 0, __builtin_return_address(0));
    return First;
}

PLIST_ENTRY NTAPI ExInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry,
                                              PKSPIN_LOCK Lock)
{
    PKTHREAD Thread = KexxCurrent;
    PLIST_ENTRY Last;

    Acquire(Lock, Thread, 0, __builtin_return_address(0));
    Last = IsListEmpty(ListHead) ? NULL : ListHead->Blink;
    InsertTailList(ListHead, ListEntry);
    Release(Lock, Thread, 0, __builtin_return_address(0));
    return Last;
}

PLIST_ENTRY NTAPI ExInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    PKTHREAD Thread = KexxCurrent;
    PLIST_ENTRY First;

    Acquire(Lock, Thread, 0, __builtin_return_address(0));
    First = IsListEmpty(ListHead) ? NULL : RemoveHeadList(ListHead);
    Release(Lock, Thread, 0, __builtin_return_address(0));
    return First;
}

PSINGLE_LIST_ENTRY NTAPI ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    PKTHREAD Thread = KexxCurrent;
    PSINGLE_LIST_ENTRY First;

    Acquire(Lock, Thread, 0, __builtin_return_address(0));
    First = ListHead->Next;
    if (First)
        ListHead->Next = First->Next;
    Release(Lock, Thread, 0, __builtin_return_address(0));
    return First;
}

PSINGLE_LIST_ENTRY NTAPI ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead,
                                                    PSINGLE_LIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    PKTHREAD Thread = KexxCurrent;
    PSINGLE_LIST_ENTRY First;

    Acquire(Lock, Thread, 0, __builtin_return_address(0));
    First = ListHead->Next;
    ListEntry->Next = First;
    ListHead->Next = ListEntry;
    Release(Lock, Thread, 0, __builtin_return_address(0));
    return First;
}

/* Adds under the lock; returns the value before (nf-wdm-exinterlockedaddulong). */
ULONG NTAPI ExInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock)
{
    PKTHREAD Thread = KexxCurrent;
    ULONG Before;

    Acquire(Lock, Thread, 0, __builtin_return_address(0));
    Before = *Addend;
    *Addend = Before + Increment;
    Release(Lock, Thread, 0, __builtin_return_address(0));
    return Before;
}

LARGE_INTEGER NTAPI ExInterlockedAddLargeInteger(PLARGE_INTEGER Addend, LARGE_INTEGER Increment,
                                                 PKSPIN_LOCK Lock)
{
    PKTHREAD Thread = KexxCurrent;
    LARGE_INTEGER Before;

    Acquire(Lock, Thread, 0, __builtin_return_address(0));
    Before = *Addend;
    Addend->QuadPart = Before.QuadPart + Increment.QuadPart;
    Release(Lock, Thread, 0, __builtin_return_address(0));
    return Before;
}

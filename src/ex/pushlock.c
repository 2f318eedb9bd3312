/* SPDX-License-Identifier: MIT */
/*
 * Push locks: reader-writer locks of one pointer. The word is 0 when free, the owner thread with
 * bit 0 when held exclusive, a count of readers from bit 4 on when held shared. Waiters are not in
 * the word but in a table hashed by the lock's address, first come first served; bit 1 says that
 * there are some. A release hands the lock over.
 */
#include "ex/exi.h"

#include <assert.h>

#define EXCLUSIVE ((EX_PUSH_LOCK)1)
#define WAITERS ((EX_PUSH_LOCK)2)
#define READER ((EX_PUSH_LOCK)16)
#define OWNER(word) ((PKTHREAD)((word) & ~(EX_PUSH_LOCK)15))

/* EX_DEFAULT_PUSH_LOCK_FLAGS and the two documented boost bits. */
#define VALID_FLAGS 3u

typedef struct _WAITER {
    LIST_ENTRY Link;
    PEX_PUSH_LOCK Lock;
    PKTHREAD Thread;
    bool Exclusive, Granted;
    struct _WAITER *NextWoken;
} WAITER;

#define BUCKETS 64u
static struct {
    host_lock Lock;
    LIST_ENTRY Waiters;
} __attribute__((aligned(64))) Table[BUCKETS];

__attribute__((constructor)) static void InitializeTable(void)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        InitializeListHead(&Table[i].Waiters);
}

static unsigned BucketOf(const EX_PUSH_LOCK *Lock)
{
    return (unsigned)(((ULONG64)(ULONG_PTR)Lock * 0x9e3779b97f4a7c15ull) >> 58);
}

static PKTHREAD OwnerOf(const void *Object)
{
    EX_PUSH_LOCK Word = __atomic_load_n((const EX_PUSH_LOCK *)Object, __ATOMIC_RELAXED);

    return Word & EXCLUSIVE ? OWNER(Word) : NULL;
}

static bool Cas(PEX_PUSH_LOCK Lock, EX_PUSH_LOCK *Seen, EX_PUSH_LOCK New)
{
    return __atomic_compare_exchange_n(Lock, Seen, New, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void NTAPI __attribute__((noinline))
AcquireSlow(PEX_PUSH_LOCK Lock, bool Exclusive, const void *Caller)
{
    unsigned Bucket = BucketOf(Lock);
    WAITER Waiter = {.Lock = Lock, .Thread = KexCurrentThread(), .Exclusive = Exclusive};
    KEX_WAIT Why = {.What = Exclusive ? "push lock exclusive" : "push lock shared",
                    .Object = (const void *)Lock,
                    .Owner = OwnerOf,
                    .Caller = Caller};
    EX_PUSH_LOCK Seen;

    host_lock_acquire(&Table[Bucket].Lock);
    Seen = __atomic_load_n(Lock, __ATOMIC_RELAXED);
    for (;;) {
        /* With waiters in line a newcomer queues, whatever it wants. */
        bool Free = Exclusive ? Seen == 0 : !(Seen & (EXCLUSIVE | WAITERS));
        EX_PUSH_LOCK New = !Free       ? Seen | WAITERS
                           : Exclusive ? (EX_PUSH_LOCK)Waiter.Thread | EXCLUSIVE
                                       : Seen + READER;

        if (Cas(Lock, &Seen, New)) {
            if (Free) {
                host_lock_release(&Table[Bucket].Lock);
                return;
            }
            break;
        }
    }
    if (Seen & EXCLUSIVE && OWNER(Seen) == Waiter.Thread)
        KexFinding("LCK-016", "verifier", Caller,
                   "the push lock at %p is acquired by its exclusive owner: the thread "
                   "waits for itself",
                   (void *)Lock);
    InsertTailList(&Table[Bucket].Waiters, &Waiter.Link);
    host_lock_release(&Table[Bucket].Lock);
    while (!__atomic_load_n(&Waiter.Granted, __ATOMIC_ACQUIRE))
        KexBlock(&Why, 0);
}

static WAITER *NextFor(unsigned Bucket, PEX_PUSH_LOCK Lock)
{
    for (PLIST_ENTRY Entry = Table[Bucket].Waiters.Flink; Entry != &Table[Bucket].Waiters;
         Entry = Entry->Flink) {
        WAITER *Waiter = CONTAINING_RECORD(Entry, WAITER, Link);

        if (Waiter->Lock == Lock)
            return Waiter;
    }
    return NULL;
}

/* The lock is ours alone and has waiters: the first gets it, with the readers right behind it when
 * it is a reader. */
static void NTAPI __attribute__((noinline)) HandOver(PEX_PUSH_LOCK Lock)
{
    unsigned Bucket = BucketOf(Lock);
    WAITER *Woken = NULL, **Tail = &Woken, *Waiter;
    EX_PUSH_LOCK New = 0;

    host_lock_acquire(&Table[Bucket].Lock);
    while ((Waiter = NextFor(Bucket, Lock)) &&
           (!New || (!(New & EXCLUSIVE) && !Waiter->Exclusive))) {
        New = Waiter->Exclusive ? (EX_PUSH_LOCK)Waiter->Thread | EXCLUSIVE : New + READER;
        RemoveEntryList(&Waiter->Link);
        Waiter->NextWoken = NULL;
        *Tail = Waiter;
        Tail = &Waiter->NextWoken;
    }
    assert(Woken);
    /* Nobody changes a word that is held exclusive, or by one last reader, and marked WAITERS, but
     * us. */
    __atomic_store_n(Lock, New | (Waiter ? WAITERS : 0), __ATOMIC_RELEASE);
    host_lock_release(&Table[Bucket].Lock);
    while (Woken) {
        PKTHREAD Thread = Woken->Thread;

        Waiter = Woken->NextWoken;
        KexPinThread(Thread);
        __atomic_store_n(&Woken->Granted, true, __ATOMIC_RELEASE);
        KexWake(Thread);
        KexUnpinThread(Thread);
        Woken = Waiter;
    }
}

/* ---- the four steps -------------------------------------------------------------------------- */

static inline void AcquireExclusive(PEX_PUSH_LOCK Lock, const void *Caller)
{
    EX_PUSH_LOCK Free = 0;

    KexSchedPoint(KEX_POINT_LOCK);
    if (!Cas(Lock, &Free, (EX_PUSH_LOCK)KexCurrentThread() | EXCLUSIVE))
        AcquireSlow(Lock, true, Caller);
}

static inline void AcquireShared(PEX_PUSH_LOCK Lock, const void *Caller)
{
    EX_PUSH_LOCK Seen = __atomic_load_n(Lock, __ATOMIC_RELAXED);

    KexSchedPoint(KEX_POINT_LOCK);
    while (!(Seen & (EXCLUSIVE | WAITERS)))
        if (Cas(Lock, &Seen, Seen + READER))
            return;
    AcquireSlow(Lock, false, Caller);
}

static inline bool TryExclusive(PEX_PUSH_LOCK Lock)
{
    EX_PUSH_LOCK Free = 0;

    return Cas(Lock, &Free, (EX_PUSH_LOCK)KexCurrentThread() | EXCLUSIVE);
}

static inline bool TryShared(PEX_PUSH_LOCK Lock)
{
    EX_PUSH_LOCK Seen = __atomic_load_n(Lock, __ATOMIC_RELAXED);

    while (!(Seen & (EXCLUSIVE | WAITERS)))
        if (Cas(Lock, &Seen, Seen + READER))
            return true;
    return false;
}

static void KEX_SLOW BadRelease(const char *Rule, PEX_PUSH_LOCK Lock, const char *Which,
                                const void *Caller)
{
    KexFinding(Rule, "verifier", Caller, "the push lock at %p, %s, is released", (void *)Lock,
               Which);
}

static inline void ReleaseExclusive(PEX_PUSH_LOCK Lock, const void *Caller)
{
    EX_PUSH_LOCK Seen = __atomic_load_n(Lock, __ATOMIC_ACQUIRE);

    if (__builtin_expect(!(Seen & EXCLUSIVE), 0)) {
        BadRelease("LCK-007", Lock, "which is not held exclusive", Caller);
        return;
    }
    if (__builtin_expect(OWNER(Seen) != KexCurrentThread(), 0))
        BadRelease("LCK-006", Lock, "which another thread holds", Caller);
    if ((Seen & WAITERS) || !Cas(Lock, &Seen, 0))
        HandOver(Lock);
}

static inline void ReleaseShared(PEX_PUSH_LOCK Lock, const void *Caller)
{
    EX_PUSH_LOCK Seen = __atomic_load_n(Lock, __ATOMIC_ACQUIRE);

    for (;;) {
        if (__builtin_expect((Seen & EXCLUSIVE) || Seen < READER, 0)) {
            BadRelease("LCK-007", Lock, "which is not held shared", Caller);
            return;
        }
        /* What the other readers did comes before what the next owner does: hence the acquiring
         * loads. */
        if (Seen < 2 * READER && (Seen & WAITERS)) {
            HandOver(Lock);
            return;
        }
        if (Cas(Lock, &Seen, Seen - READER))
            return;
    }
}

/* ---- for the rooms --------------------------------------------------------------------------- */

void ExxPushAcquireExclusive(PEX_PUSH_LOCK Lock, const void *Caller)
{
    AcquireExclusive(Lock, Caller);
}

void ExxPushAcquireShared(PEX_PUSH_LOCK Lock, const void *Caller)
{
    AcquireShared(Lock, Caller);
}

bool ExxPushTryExclusive(PEX_PUSH_LOCK Lock)
{
    return TryExclusive(Lock);
}

bool ExxPushTryShared(PEX_PUSH_LOCK Lock)
{
    return TryShared(Lock);
}

void ExxPushReleaseExclusive(PEX_PUSH_LOCK Lock, const void *Caller)
{
    ReleaseExclusive(Lock, Caller);
}

void ExxPushReleaseShared(PEX_PUSH_LOCK Lock, const void *Caller)
{
    ReleaseShared(Lock, Caller);
}

bool ExxPushIsHeld(const EX_PUSH_LOCK *Lock)
{
    return __atomic_load_n(Lock, __ATOMIC_ACQUIRE) != 0;
}

/* ---- exports: normal kernel APCs must be off already ----------------------------------------- */

static void KEX_SLOW BadUse(ULONG Flags, PEX_PUSH_LOCK Lock, const void *Caller)
{
    const ULONG_PTR Parameter[4] = {Flags, (ULONG_PTR)Lock, 0, 0};

    if (Flags & ~VALID_FLAGS)
        KexBugCheck(INVALID_PUSH_LOCK_FLAGS, Parameter, Caller,
                    "LCK-018: push lock flags 0x%x are not valid", Flags);
    KexFinding("LCK-015", "verifier", Caller,
               "the push lock at %p is used while normal kernel APCs are enabled", (void *)Lock);
}

static inline void Check(ULONG Flags, PEX_PUSH_LOCK Lock, const void *Caller)
{
    if (__builtin_expect((Flags & ~VALID_FLAGS) || (!KexApcDisableCounts(KexCurrentThread()) &&
                                                    KeGetCurrentIrql() < APC_LEVEL),
                         0))
        BadUse(Flags, Lock, Caller);
}

VOID NTAPI ExInitializePushLock(PEX_PUSH_LOCK PushLock)
{
    *PushLock = 0;
}

/* IRQL <= APC_LEVEL; not recursive (nf-ntddk-exacquirepushlockexclusiveex). */
VOID NTAPI ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    Check(Flags, PushLock, __builtin_return_address(0));
    AcquireExclusive(PushLock, __builtin_return_address(0));
}

VOID NTAPI ExAcquirePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    Check(Flags, PushLock, __builtin_return_address(0));
    AcquireShared(PushLock, __builtin_return_address(0));
}

BOOLEAN NTAPI ExTryAcquirePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    Check(Flags, PushLock, __builtin_return_address(0));
    return TryExclusive(PushLock);
}

BOOLEAN NTAPI ExTryAcquirePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    Check(Flags, PushLock, __builtin_return_address(0));
    return TryShared(PushLock);
}

VOID NTAPI ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    Check(Flags, PushLock, __builtin_return_address(0));
    ReleaseExclusive(PushLock, __builtin_return_address(0));
}

VOID NTAPI ExReleasePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    Check(Flags, PushLock, __builtin_return_address(0));
    ReleaseShared(PushLock, __builtin_return_address(0));
}

/* Either way, whichever it is held. */
VOID NTAPI ExReleasePushLockEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    Check(Flags, PushLock, __builtin_return_address(0));
    if (__atomic_load_n(PushLock, __ATOMIC_RELAXED) & EXCLUSIVE)
        ReleaseExclusive(PushLock, __builtin_return_address(0));
    else
        ReleaseShared(PushLock, __builtin_return_address(0));
}

/* The names that older inlined code calls, without flags. */
VOID NTAPI ExfAcquirePushLockExclusive(PEX_PUSH_LOCK PushLock)
{
    AcquireExclusive(PushLock, __builtin_return_address(0));
}

VOID NTAPI ExfAcquirePushLockShared(PEX_PUSH_LOCK PushLock)
{
    AcquireShared(PushLock, __builtin_return_address(0));
}

VOID NTAPI ExfReleasePushLockExclusive(PEX_PUSH_LOCK PushLock)
{
    ReleaseExclusive(PushLock, __builtin_return_address(0));
}

VOID NTAPI ExfReleasePushLockShared(PEX_PUSH_LOCK PushLock)
{
    ReleaseShared(PushLock, __builtin_return_address(0));
}

VOID NTAPI ExfReleasePushLock(PEX_PUSH_LOCK PushLock)
{
    if (__atomic_load_n(PushLock, __ATOMIC_RELAXED) & EXCLUSIVE)
        ReleaseExclusive(PushLock, __builtin_return_address(0));
    else
        ReleaseShared(PushLock, __builtin_return_address(0));
}

BOOLEAN NTAPI ExfTryAcquirePushLockShared(PEX_PUSH_LOCK PushLock)
{
    return TryShared(PushLock);
}

/* Inlined releases call it when they left waiters behind; a lock of ours is released by routine and
 * hands over itself. */
VOID NTAPI ExfTryToWakePushLock(PEX_PUSH_LOCK PushLock)
{
    (void)PushLock;
}

/*
 * Wakes threads that blocked on the lock's address by ExBlockOnAddressPushLock with their wait
 * block; callers that only unlock an entry of a handle table pass none. Nobody can have blocked
 * here.
 */
VOID NTAPI ExfUnblockPushLock(PEX_PUSH_LOCK PushLock, PVOID WaitBlock)
{
    (void)PushLock;
    (void)WaitBlock;
}

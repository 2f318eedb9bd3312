/* SPDX-License-Identifier: MIT */
/*
 * Executive resources: the reader-writer locks of file systems. Owners are counted per thread, so
 * both kinds of access nest. A release hands the resource over: an exclusive owner to the shared
 * waiters if there are any, the last shared owner to the first exclusive waiter; neither side
 * starves the other. Who owns it is always known.
 *
 * ERESOURCE.SpinLock holds a host lock that guards the rest; waiters are on the waiting threads'
 * stacks.
 */
#include "ex/exi.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct _WAITER {
    struct _WAITER *Next;
    PKTHREAD Thread;
    bool Granted;
} WAITER;

/* Live resources, by the page they lie on: freed memory is looked up here. */
#define BUCKETS 1024u
static struct {
    host_lock Lock;
    LIST_ENTRY Bucket[BUCKETS];
    ULONG Count[BUCKETS];               /* read without the lock by who frees memory */
} Live;

__attribute__((constructor)) static void InitializeBuckets(void)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        InitializeListHead(&Live.Bucket[i]);
}

static unsigned BucketOf(const void *Address)
{
    return ((ULONG_PTR)Address >> 12) % BUCKETS;
}

static void Enlist(PERESOURCE Resource)
{
    unsigned Bucket = BucketOf(Resource);

    host_lock_acquire(&Live.Lock);
    InsertTailList(&Live.Bucket[Bucket], &Resource->SystemResourcesList);
    __atomic_store_n(&Live.Count[Bucket], Live.Count[Bucket] + 1, __ATOMIC_RELAXED);
    host_lock_release(&Live.Lock);
}

static void Delist(PERESOURCE Resource)
{
    unsigned Bucket = BucketOf(Resource);

    host_lock_acquire(&Live.Lock);
    RemoveEntryList(&Resource->SystemResourcesList);
    __atomic_store_n(&Live.Count[Bucket], Live.Count[Bucket] - 1, __ATOMIC_RELAXED);
    host_lock_release(&Live.Lock);
}

static inline void Lock(PERESOURCE Resource)
{
    KexSchedPoint(KEX_POINT_LOCK);
    KexGuardAcquire((host_lock *)(void *)&Resource->SpinLock);
}

static inline void Unlock(PERESOURCE Resource)
{
    KexGuardRelease((host_lock *)(void *)&Resource->SpinLock);
}

/* Waiter counts are written under the lock and asked for without it. */
static void SetCount(PULONG Count, ULONG Value)
{
    __atomic_store_n(Count, Value, __ATOMIC_RELAXED);
}

static ERESOURCE_THREAD Me(void)
{
    return (ERESOURCE_THREAD)KexCurrentThread();
}

static bool OwnedExclusive(const ERESOURCE *Resource)
{
    return (Resource->Flag & ResourceOwnedExclusive) != 0;
}

/* ---- owners: resource locked ----------------------------------------------------------------- */

/* Entry 0 of the table holds its size; shared owners that do not fit into OwnerEntry are in the
 * others. */
static POWNER_ENTRY FindOwner(PERESOURCE Resource, ERESOURCE_THREAD Owner)
{
    if (Resource->OwnerEntry.OwnerThread == Owner)
        return &Resource->OwnerEntry;
    for (ULONG i = 1; Resource->OwnerTable && i < Resource->OwnerTable[0].TableSize; i++)
        if (Resource->OwnerTable[i].OwnerThread == Owner)
            return &Resource->OwnerTable[i];
    return NULL;
}

/* A free entry; the table grows when there is none. Running out of host memory here has no NT
 * answer. */
static POWNER_ENTRY NTAPI FreeOwner(PERESOURCE Resource)
{
    POWNER_ENTRY Entry = FindOwner(Resource, 0);
    ULONG Old = Resource->OwnerTable ? Resource->OwnerTable[0].TableSize : 0,
          New = Old ? Old * 2 : 4;

    if (Entry)
        return Entry;
    Entry = realloc(Resource->OwnerTable, New * sizeof *Entry);
    if (!Entry)
        KexStop(0, "OUT OF MEMORY", NULL, "no host memory for the owners of the resource at %p",
                (void *)Resource);
    memset(Entry + Old, 0, (New - Old) * sizeof *Entry);
    Entry[0].TableSize = New;
    Resource->OwnerTable = Entry;
    return Old ? &Entry[Old] : &Entry[1];
}

static void AddShared(PERESOURCE Resource, ERESOURCE_THREAD Owner)
{
    POWNER_ENTRY Entry = FindOwner(Resource, Owner);

    if (!Entry) {
        Entry = FreeOwner(Resource);
        Entry->OwnerThread = Owner;
        Entry->OwnerCount = 0;
        Resource->ActiveEntries++;
    }
    Entry->OwnerCount++;
    Resource->ActiveCount = 1;
}

static void SetExclusive(PERESOURCE Resource, ERESOURCE_THREAD Owner)
{
    Resource->OwnerEntry.OwnerThread = Owner;
    Resource->OwnerEntry.OwnerCount = 1;
    Resource->Flag |= ResourceOwnedExclusive;
    Resource->ActiveEntries = 1;
    Resource->ActiveCount = 1;
}

static void DropEntry(PERESOURCE Resource, POWNER_ENTRY Entry)
{
    Entry->OwnerThread = 0;
    Entry->OwnerCount = 0;
    Resource->Flag &= (USHORT)~ResourceOwnedExclusive;
    if (!--Resource->ActiveEntries)
        Resource->ActiveCount = 0;
}

/* The exclusive owner, or some shared one. Owner pointers of other kinds are no threads. */
static PKTHREAD SomeOwner(const ERESOURCE *Resource)
{
    ERESOURCE_THREAD Owner = Resource->OwnerEntry.OwnerThread;

    for (ULONG i = 1; !Owner && Resource->OwnerTable && i < Resource->OwnerTable[0].TableSize; i++)
        Owner = Resource->OwnerTable[i].OwnerThread;
    return Owner & 3 ? NULL : (PKTHREAD)Owner;
}

/* For the hang report, which must not hang itself: a lock that stays taken leaves the owner
 * unknown. */
static PKTHREAD OwnerOf(const void *Object)
{
    host_lock *Guard = (host_lock *)(void *)&((PERESOURCE)(ULONG_PTR)Object)->SpinLock;
    PKTHREAD Owner = NULL;

    for (int Try = 0; Try < 1000; Try++) {
        if (host_lock_try(Guard)) {
            Owner = SomeOwner(Object);
            host_lock_release(Guard);
            break;
        }
        host_thread_yield();
    }
    return Owner;
}

/* ---- waiting and handing over ---------------------------------------------------------------- */

static void Append(PVOID *Head, WAITER *Waiter)
{
    WAITER **Link = (WAITER **)Head;

    while (*Link)
        Link = &(*Link)->Next;
    *Link = Waiter;
}

/* Locked on entry, unlocked on return; the resource is ours when it returns. */
static void NTAPI __attribute__((noinline))
WaitForGrant(PERESOURCE Resource, bool Exclusive, const void *Caller)
{
    WAITER Waiter = {.Thread = KexCurrentThread()};
    KEX_WAIT Why = {.What = Exclusive ? "resource exclusive" : "resource shared",
                    .Object = Resource,
                    .Owner = OwnerOf,
                    .Caller = Caller};

    Append(Exclusive ? &Resource->ExclusiveWaiters : &Resource->SharedWaiters, &Waiter);
    if (Exclusive)
        SetCount(&Resource->NumberOfExclusiveWaiters, Resource->NumberOfExclusiveWaiters + 1);
    else
        SetCount(&Resource->NumberOfSharedWaiters, Resource->NumberOfSharedWaiters + 1);
    Resource->ContentionCount++;
    Unlock(Resource);
    if (KeGetCurrentIrql() >= DISPATCH_LEVEL)
        KexStop(ATTEMPTED_SWITCH_FROM_DPC, "ATTEMPTED_SWITCH_FROM_DPC", Caller,
                "IRQL-030: a wait for the resource at %p would block at IRQL %u", (void *)Resource,
                KeGetCurrentIrql());
    while (!__atomic_load_n(&Waiter.Granted, __ATOMIC_ACQUIRE))
        KexBlock(&Why, 0);
}

static void Grant(WAITER *Waiter)
{
    PKTHREAD Thread = Waiter->Thread;

    KexPinThread(Thread);
    /* From here on the waiter's stack is its own again. */
    __atomic_store_n(&Waiter->Granted, true, __ATOMIC_RELEASE);
    KexWake(Thread);
    KexUnpinThread(Thread);
}

/* Locked: every shared waiter becomes an owner; they are woken by the caller after the unlock. */
static WAITER *TakeShared(PERESOURCE Resource)
{
    WAITER *First = Resource->SharedWaiters;

    for (WAITER *Waiter = First; Waiter; Waiter = Waiter->Next)
        AddShared(Resource, (ERESOURCE_THREAD)Waiter->Thread);
    Resource->SharedWaiters = NULL;
    SetCount(&Resource->NumberOfSharedWaiters, 0);
    return First;
}

static WAITER *TakeExclusive(PERESOURCE Resource)
{
    WAITER *First = Resource->ExclusiveWaiters;

    if (First) {
        Resource->ExclusiveWaiters = First->Next;
        SetCount(&Resource->NumberOfExclusiveWaiters, Resource->NumberOfExclusiveWaiters - 1);
        First->Next = NULL;
        SetExclusive(Resource, (ERESOURCE_THREAD)First->Thread);
    }
    return First;
}

static void NTAPI __attribute__((noinline)) WakeAll(WAITER *Waiter)
{
    while (Waiter) {
        WAITER *Next = Waiter->Next;

        Grant(Waiter);
        Waiter = Next;
    }
}

/* ---- rules that cost nothing to look at ------------------------------------------------------ */

static void KEX_SLOW BadUse(PERESOURCE Resource, const char *Routine, const void *Caller)
{
    if (!Resource->SystemResourcesList.Flink)
        KexFinding("LCK-005", "verifier", Caller, "%s: the resource at %p was not initialised",
                   Routine, (void *)Resource);
    if (KeGetCurrentIrql() > APC_LEVEL)
        KexFinding("IRQL-030", "verifier", Caller, "%s was called at IRQL %u", Routine,
                   KeGetCurrentIrql());
    else if (!KexApcDisableCounts(KexCurrentThread()) && KeGetCurrentIrql() < APC_LEVEL)
        KexFinding("LCK-001", "verifier", Caller,
                   "%s: the resource at %p is used while normal kernel APCs are enabled", Routine,
                   (void *)Resource);
}

/*
 * On the system's list, that is initialised. Neighbours come and go meanwhile and change the link,
 * under a lock this check does not take; but never to NULL, and more is not asked.
 */
#ifdef __SANITIZE_THREAD__
static __attribute__((noinline, no_sanitize("thread"))) BOOLEAN Listed(PERESOURCE Resource)
#else
static inline BOOLEAN Listed(PERESOURCE Resource)
#endif
{
    return Resource->SystemResourcesList.Flink != NULL;
}

static inline void CheckUse(PERESOURCE Resource, const char *Routine, const void *Caller)
{
    KIRQL Irql = KeGetCurrentIrql();

    if (__builtin_expect(!Listed(Resource) || Irql > APC_LEVEL ||
                         (Irql < APC_LEVEL && !KexApcDisableCounts(KexCurrentThread())), 0))
        BadUse(Resource, Routine, Caller);
}

/* ---- life ------------------------------------------------------------------------------------ */

/*
 * Storage is the caller's, resident and 8-byte aligned (nf-wdm-exinitializeresourcelite). Returns
 * STATUS_SUCCESS.
 */
NTSTATUS NTAPI ExInitializeResourceLite(PERESOURCE Resource)
{
    const void *Caller = __builtin_return_address(0);

    if ((ULONG_PTR)Resource % sizeof(PVOID))
        KexFinding("LCK-010", "verifier", Caller, "the resource at %p is not naturally aligned",
                   (void *)Resource);
    if (ExxResourceInRange(Resource, sizeof(PVOID)))
        KexFinding("LCK-005", "verifier", Caller, "the resource at %p is initialised twice",
                   (void *)Resource);
    memset(Resource, 0, sizeof *Resource);
    Enlist(Resource);
    return STATUS_SUCCESS;
}

/* Takes the resource out of the system; nobody may own or want it (nf-wdm-exdeleteresourcelite). */
NTSTATUS NTAPI ExDeleteResourceLite(PERESOURCE Resource)
{
    if (!Resource->SystemResourcesList.Flink) {
        KexFinding("LCK-005", "verifier", __builtin_return_address(0),
                   "the resource at %p is deleted but not initialised, or deleted twice",
                   (void *)Resource);
        return STATUS_SUCCESS;
    }
    if (Resource->ActiveEntries)
        KexFinding("LCK-005", "verifier", __builtin_return_address(0),
                   "the resource at %p is deleted while owned", (void *)Resource);
    Delist(Resource);
    free(Resource->OwnerTable);
    memset(Resource, 0, sizeof *Resource);
    return STATUS_SUCCESS;
}

/* Back to the state after initialisation; nobody may own it (nf-wdm-exreinitializeresourcelite). */
NTSTATUS NTAPI ExReinitializeResourceLite(PERESOURCE Resource)
{
    Lock(Resource);
    if (Resource->ActiveEntries)
        KexFinding("LCK-005", "verifier", __builtin_return_address(0),
                   "the resource at %p is reinitialised while owned", (void *)Resource);
    free(Resource->OwnerTable);
    Resource->OwnerTable = NULL;
    memset(&Resource->OwnerEntry, 0, sizeof Resource->OwnerEntry);
    Resource->ActiveCount = 0;
    Resource->ActiveEntries = 0;
    Resource->Flag = 0;
    Resource->ContentionCount = 0;
    Unlock(Resource);
    return STATUS_SUCCESS;
}

PERESOURCE ExxResourceInRange(const void *Base, size_t Bytes)
{
    ULONG_PTR First = (ULONG_PTR)Base, Last = First + (Bytes ? Bytes - 1 : 0);
    PERESOURCE Found = NULL;

    if (Bytes < sizeof(PVOID))
        return NULL;
    for (ULONG_PTR Page = First >> 12, Left = BUCKETS; Page <= Last >> 12 && Left && !Found;
         Page++, Left--) {
        LIST_ENTRY *Head = &Live.Bucket[Page % BUCKETS];

        if (!__atomic_load_n(&Live.Count[Page % BUCKETS], __ATOMIC_RELAXED))
            continue;
        host_lock_acquire(&Live.Lock);
        for (PLIST_ENTRY Entry = Head->Flink; Entry != Head && !Found; Entry = Entry->Flink)
            if ((ULONG_PTR)Entry - First < Bytes)
                Found = CONTAINING_RECORD(Entry, ERESOURCE, SystemResourcesList);
        host_lock_release(&Live.Lock);
    }
    return Found;
}

void ExxForEachOwnedResource(void (*fn)(const EXX_RESOURCE_VIEW *View, void *Context),
                             void *Context)
{
    host_lock_acquire(&Live.Lock);
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (PLIST_ENTRY Entry = Live.Bucket[i].Flink; Entry != &Live.Bucket[i];
             Entry = Entry->Flink) {
            PERESOURCE Resource = CONTAINING_RECORD(Entry, ERESOURCE, SystemResourcesList);
            EXX_RESOURCE_VIEW View = {.Resource = Resource};

            host_lock_acquire((host_lock *)(void *)&Resource->SpinLock);
            View.Owner = SomeOwner(Resource);
            View.Exclusive = OwnedExclusive(Resource);
            View.SharedWaiters = Resource->NumberOfSharedWaiters;
            View.ExclusiveWaiters = Resource->NumberOfExclusiveWaiters;
            if (Resource->ActiveEntries)
                fn(&View, Context);
            host_lock_release((host_lock *)(void *)&Resource->SpinLock);
        }
    }
    host_lock_release(&Live.Lock);
}

/* ---- acquire --------------------------------------------------------------------------------- */

static void KEX_SLOW SelfDeadlock(PERESOURCE Resource, const void *Caller)
{
    KexFinding(
        "LCK-004", "verifier", Caller,
        "the thread owns the resource at %p shared and asks for it exclusive: it waits for itself",
        (void *)Resource);
}

static inline BOOLEAN AcquireExclusive(PERESOURCE Resource, BOOLEAN Wait, const void *Caller)
{
    ERESOURCE_THREAD Thread = Me();

    CheckUse(Resource, "ExAcquireResourceExclusiveLite", Caller);
    Lock(Resource);
    if (!Resource->ActiveEntries) {
        SetExclusive(Resource, Thread);
    } else if (OwnedExclusive(Resource) && Resource->OwnerEntry.OwnerThread == Thread) {
        Resource->OwnerEntry.OwnerCount++;
    } else if (!Wait) {
        Unlock(Resource);
        return FALSE;
    } else {
        if (FindOwner(Resource, Thread))
            SelfDeadlock(Resource, Caller);
        WaitForGrant(Resource, true, Caller);
        return TRUE;
    }
    Unlock(Resource);
    return TRUE;
}

BOOLEAN ExxResourceExclusive(PERESOURCE Resource, BOOLEAN Wait, const void *Caller)
{
    return AcquireExclusive(Resource, Wait, Caller);
}

/* What an owner's or newcomer's wish for shared access does when exclusive waiters stand in line.
 */
typedef enum { QUEUE_UNLESS_OWNER, NEVER_QUEUE, ALWAYS_QUEUE } WHEN_WANTED;

static inline BOOLEAN AcquireShared(PERESOURCE Resource, BOOLEAN Wait, WHEN_WANTED When,
                                    const void *Caller)
{
    ERESOURCE_THREAD Thread = Me();
    bool Grant;

    CheckUse(Resource, "ExAcquireResourceSharedLite", Caller);
    Lock(Resource);
    if (OwnedExclusive(Resource) && Resource->OwnerEntry.OwnerThread == Thread) {
        Resource->OwnerEntry.OwnerCount++;
        Unlock(Resource);
        return TRUE;
    }
    if (OwnedExclusive(Resource))
        Grant = false;
    else if (!Resource->NumberOfExclusiveWaiters || When == NEVER_QUEUE)
        Grant = true;
    else
        Grant = When == QUEUE_UNLESS_OWNER && FindOwner(Resource, Thread);
    if (Grant) {
        AddShared(Resource, Thread);
    } else if (Wait) {
        WaitForGrant(Resource, false, Caller);
        return TRUE;
    }
    Unlock(Resource);
    return Grant;
}

BOOLEAN ExxResourceShared(PERESOURCE Resource, BOOLEAN Wait, const void *Caller)
{
    return AcquireShared(Resource, Wait, QUEUE_UNLESS_OWNER, Caller);
}

/*
 * TRUE with exclusive access; nests for the owner. FALSE only without Wait. Normal kernel APCs must
 * be off until the release. IRQL <= APC_LEVEL, < DISPATCH_LEVEL
 * (nf-wdm-exacquireresourceexclusivelite).
 */
BOOLEAN NTAPI ExAcquireResourceExclusiveLite(PERESOURCE Resource, BOOLEAN Wait)
{
    return AcquireExclusive(Resource, Wait, __builtin_return_address(0));
}

BOOLEAN NTAPI ExTryToAcquireResourceExclusiveLite(PERESOURCE Resource)
{
    return AcquireExclusive(Resource, FALSE, __builtin_return_address(0));
}

/*
 * TRUE with shared access, or with one more exclusive access for the exclusive owner. A thread that
 * has it already gets it again even when others want it exclusive; a new one queues behind them
 * (nf-wdm-exacquireresourcesharedlite).
 */
BOOLEAN NTAPI ExAcquireResourceSharedLite(PERESOURCE Resource, BOOLEAN Wait)
{
    return AcquireShared(Resource, Wait, QUEUE_UNLESS_OWNER, __builtin_return_address(0));
}

/* Passes those who want it exclusive (nf-wdm-exacquiresharedstarveexclusive). */
BOOLEAN NTAPI ExAcquireSharedStarveExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    return AcquireShared(Resource, Wait, NEVER_QUEUE, __builtin_return_address(0));
}

/* Queues behind them even when the thread has it shared already
 * (nf-wdm-exacquiresharedwaitforexclusive). */
BOOLEAN NTAPI ExAcquireSharedWaitForExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    return AcquireShared(Resource, Wait, ALWAYS_QUEUE, __builtin_return_address(0));
}

PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceExclusive(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    AcquireExclusive(Resource, TRUE, __builtin_return_address(0));
    return NULL;
}

PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceShared(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    AcquireShared(Resource, TRUE, QUEUE_UNLESS_OWNER, __builtin_return_address(0));
    return NULL;
}

PVOID NTAPI ExEnterCriticalRegionAndAcquireSharedWaitForExclusive(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    AcquireShared(Resource, TRUE, ALWAYS_QUEUE, __builtin_return_address(0));
    return NULL;
}

/* ---- release --------------------------------------------------------------------------------- */

static _Noreturn void KEX_SLOW NotOwned(PERESOURCE Resource, ERESOURCE_THREAD Owner,
                                        const char *What, const void *Caller)
{
    const ULONG_PTR Parameter[4] = {(ULONG_PTR)Resource, Owner, (ULONG_PTR)Resource->OwnerTable, 0};

    KexBugCheck(RESOURCE_NOT_OWNED, Parameter, Caller,
                "LCK-003: the resource at %p is %s for an owner (%p) that does "
                "not have it so",
                (void *)Resource, What, (void *)Owner);
}

static inline void ReleaseFor(PERESOURCE Resource, ERESOURCE_THREAD Owner, const void *Caller)
{
    WAITER *Woken = NULL;
    POWNER_ENTRY Entry;
    bool Exclusive;

    Lock(Resource);
    Exclusive = OwnedExclusive(Resource);
    Entry = FindOwner(Resource, Owner);
    if (!Owner || !Entry) {
        Unlock(Resource);
        NotOwned(Resource, Owner, "released", Caller);
    }
    if (!--Entry->OwnerCount) {
        DropEntry(Resource, Entry);
        if (!Resource->ActiveEntries) {
            if (Exclusive && Resource->SharedWaiters)
                Woken = TakeShared(Resource);
            else if (Resource->ExclusiveWaiters)
                Woken = TakeExclusive(Resource);
            else
                Woken = TakeShared(Resource);
        }
    }
    Unlock(Resource);
    if (Woken)
        WakeAll(Woken);
}

void ExxResourceRelease(PERESOURCE Resource, const void *Caller)
{
    ReleaseFor(Resource, Me(), Caller);
}

/* One access of the current thread back. RESOURCE_NOT_OWNED when it has none
 * (nf-wdm-exreleaseresourcelite). */
VOID NTAPI ExReleaseResourceLite(PERESOURCE Resource)
{
    ReleaseFor(Resource, Me(), __builtin_return_address(0));
}

/* For a thread, or for an owner pointer set before (nf-wdm-exreleaseresourceforthreadlite). */
VOID NTAPI ExReleaseResourceForThreadLite(PERESOURCE Resource, ERESOURCE_THREAD ResourceThreadId)
{
    ReleaseFor(Resource, ResourceThreadId, __builtin_return_address(0));
}

VOID NTAPI ExReleaseResourceAndLeaveCriticalRegion(PERESOURCE Resource)
{
    ReleaseFor(Resource, Me(), __builtin_return_address(0));
    KeLeaveCriticalRegion();
}

/* The exclusive owner becomes a shared one and lets the shared waiters in
 * (nf-wdm-exconvertexclusivetosharedlite). */
VOID NTAPI ExConvertExclusiveToSharedLite(PERESOURCE Resource)
{
    WAITER *Woken;

    Lock(Resource);
    if (!OwnedExclusive(Resource) || Resource->OwnerEntry.OwnerThread != Me()) {
        Unlock(Resource);
        NotOwned(Resource, Me(), "converted", __builtin_return_address(0));
    }
    Resource->Flag &= (USHORT)~ResourceOwnedExclusive;
    Woken = TakeShared(Resource);
    Unlock(Resource);
    WakeAll(Woken);
}

/*
 * The current thread's access now belongs to OwnerPointer, whose two low bits are set, and is
 * released by ExReleaseResourceForThreadLite with it (nf-ntifs-exsetresourceownerpointer).
 */
VOID NTAPI ExSetResourceOwnerPointer(PERESOURCE Resource, PVOID OwnerPointer)
{
    ERESOURCE_THREAD Owner = (ERESOURCE_THREAD)OwnerPointer;
    POWNER_ENTRY Entry, Same;

    if ((Owner & 3) != 3) {
        const ULONG_PTR Parameter[4] = {(ULONG_PTR)Resource, Owner, 0, 0};

        KexBugCheck(RESOURCE_OWNER_POINTER_INVALID, Parameter, __builtin_return_address(0),
            "LCK-026: owner pointer %p does not have its two low bits set", OwnerPointer);
    }
    Lock(Resource);
    Entry = FindOwner(Resource, Me());
    Same = FindOwner(Resource, Owner);
    if (Entry && Same) {
        Same->OwnerCount += Entry->OwnerCount;
        Entry->OwnerThread = 0;
        Entry->OwnerCount = 0;
        Resource->ActiveEntries--;
    } else if (Entry) {
        Entry->OwnerThread = Owner;
    }
    Unlock(Resource);
}

/* As above; with FLAG_OWNER_POINTER_IS_THREAD the pointer is a thread
 * (nf-ntifs-exsetresourceownerpointerex). */
VOID NTAPI ExSetResourceOwnerPointerEx(PERESOURCE Resource, PVOID OwnerPointer, ULONG Flags)
{
    (void)Flags;
    ExSetResourceOwnerPointer(Resource, (PVOID)((ULONG_PTR)OwnerPointer | 3));
}

/* ---- questions ------------------------------------------------------------------------------- */

BOOLEAN NTAPI ExIsResourceAcquiredExclusiveLite(PERESOURCE Resource)
{
    BOOLEAN Result;

    Lock(Resource);
    Result = OwnedExclusive(Resource) && Resource->OwnerEntry.OwnerThread == Me();
    Unlock(Resource);
    return Result;
}

/* How often the current thread has it, either way (nf-wdm-exisresourceacquiredsharedlite). */
ULONG NTAPI ExIsResourceAcquiredSharedLite(PERESOURCE Resource)
{
    POWNER_ENTRY Entry;
    ULONG Count;

    Lock(Resource);
    Entry = FindOwner(Resource, Me());
    Count = Entry ? Entry->OwnerCount : 0;
    Unlock(Resource);
    return Count;
}

ULONG NTAPI ExGetExclusiveWaiterCount(PERESOURCE Resource)
{
    return __atomic_load_n(&Resource->NumberOfExclusiveWaiters, __ATOMIC_RELAXED);
}

ULONG NTAPI ExGetSharedWaiterCount(PERESOURCE Resource)
{
    return __atomic_load_n(&Resource->NumberOfSharedWaiters, __ATOMIC_RELAXED);
}

/* Priorities are not boosted here (nf-ntddk-exdisableresourceboostlite). */
VOID NTAPI ExDisableResourceBoostLite(PERESOURCE Resource)
{
    (void)Resource;
}

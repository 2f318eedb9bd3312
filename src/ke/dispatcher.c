/* SPDX-License-Identifier: MIT */
/*
 * Dispatcher objects: initialising, signalling and reading events, semaphores and mutants, and the
 * step that gives a signal to waiting threads. Every object carries its own lock bit; a thread that
 * waits for several at once decides by one compare-and-swap on its WaitState who ends the wait.
 */
#include "kei.h"

#include <string.h>

void KEX_SLOW KexxLockObjectSlow(KEX_HEADER *Header)
{
    unsigned Spins = 0;

    while (__atomic_fetch_or(&Header->Type, KEX_LOCK_BIT, __ATOMIC_ACQUIRE) & KEX_LOCK_BIT)
        do
            KexxRelax(&Spins);
        while (__atomic_load_n(&Header->Type, __ATOMIC_RELAXED) & KEX_LOCK_BIT);
}

/* ---- satisfying waits ------------------------------------------------------------------------ */

bool KexIsDispatcherObject(const void *Object)
{
    const KEX_HEADER *Header = Object;

    return KexxKind(Header) <= KEX_OBJECT_LAST && Header->WaitListHead.Flink &&
           Header->WaitListHead.Blink;
}

_Noreturn void KEX_SLOW KexxBadObject(const KEX_HEADER *Header, const char *Routine,
                                      const void *Caller)
{
    KexStop(IRQL_NOT_LESS_OR_EQUAL, "IRQL_NOT_LESS_OR_EQUAL", Caller,
            "%s was given %p, which is no initialised dispatcher object (type %u, list %p)",
            Routine, (const void *)Header, KexxKind(Header), (void *)Header->WaitListHead.Flink);
}

void KexInitializeDispatcher(PVOID Object, UCHAR Kind, UCHAR Longs)
{
    KEX_HEADER *Header = Object;

    Header->Type = Kind;
    Header->Flags = 0;
    Header->Size = Longs;
    Header->Inserted = 0;
    Header->SignalState = 0;
    InitializeListHead(&Header->WaitListHead);
}

/* True when Thread would get the object now. Object locked. */
static bool Signalled(const KEX_HEADER *Header, PKTHREAD Thread)
{
    return Header->SignalState > 0 ||
           (KexxKind(Header) == KEX_OBJECT_MUTANT &&
            ((const KMUTANT *)(const void *)Header)->OwnerThread == Thread);
}

static void OwnMutant(PKMUTANT Mutant, PKTHREAD Thread)
{
    __atomic_store_n(&Mutant->OwnerThread, Thread, __ATOMIC_RELAXED);
    Thread->KernelApcDisable -= Mutant->ApcDisable;
    host_lock_acquire(&Thread->MutantLock);
    InsertTailList(&Thread->Mutants, &Mutant->MutantListEntry);
    host_lock_release(&Thread->MutantLock);
}

/*
 * The effect of a satisfied wait on the object, which is locked; the thread runs this itself or is
 * known to wait. Returns STATUS_ABANDONED_WAIT_0 for a mutant whose owner ended, else 0.
 */
static NTSTATUS Consume(KEX_HEADER *Header, PKTHREAD Thread)
{
    NTSTATUS Status = STATUS_WAIT_0;
    PKMUTANT Mutant;

    switch (KexxKind(Header)) {
    case KEX_OBJECT_SYNCHRONIZATION_EVENT:
    case KEX_OBJECT_SYNCHRONIZATION_TIMER:
        KexxSetState(Header, 0);
        break;
    case KEX_OBJECT_SEMAPHORE:
    case KEX_OBJECT_QUEUE:
        KexxSetState(Header, Header->SignalState - 1);
        break;
    case KEX_OBJECT_MUTANT:
        Mutant = (PKMUTANT)(void *)Header;
        KexxSetState(Header, Header->SignalState - 1);
        if (Header->SignalState == 0)
            OwnMutant(Mutant, Thread);
        if (Mutant->Abandoned) {
            Mutant->Abandoned = FALSE;
            Status = STATUS_ABANDONED_WAIT_0;
        }
        break;
    default:
        break;
    }
    return Status;
}

bool KexxObjectReady(KEX_HEADER *Header, PKTHREAD Thread)
{
    return Signalled(Header, Thread);
}

NTSTATUS KexxConsumeObject(KEX_HEADER *Header, PKTHREAD Thread)
{
    return Consume(Header, Thread);
}

bool KexxClaimWait(PKTHREAD Thread)
{
    ULONG Armed = KEX_WAIT_ARMED;

    return __atomic_compare_exchange_n(&Thread->WaitState, &Armed, KEX_WAIT_CLAIMED, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static void AddWake(KEX_SIGNAL *Signal, PKTHREAD Thread)
{
    KexxPin(Thread);
    Thread->WakeNext = NULL;
    *Signal->WakeTail = Thread;
    Signal->WakeTail = &Thread->WakeNext;
}

void KexxSatisfy(KEX_HEADER *Header, KEX_SIGNAL *Signal)
{
    PLIST_ENTRY Entry = Header->WaitListHead.Flink;

    while (Entry != &Header->WaitListHead && Header->SignalState > 0) {
        KEX_WAIT_BLOCK *Block = CONTAINING_RECORD(Entry, KEX_WAIT_BLOCK, Link);
        PKTHREAD Thread = Block->Thread;

        Entry = Entry->Flink;
        if (Block->All) {
            /* Somebody who has it on a list already has not looked yet: his look will see this
             * signal too. */
            if (!__atomic_exchange_n(&Block->Pending, 1, __ATOMIC_ACQ_REL)) {
                KexxPin(Thread);
                Block->Next = Signal->All;
                Signal->All = Block;
            }
            continue;
        }
        if (!KexxClaimWait(Thread))
            continue;               /* on its way out: it takes the block off the list itself */
        RemoveEntryList(&Block->Link);
        Block->Linked = false;
        Thread->WaitResult = Block->Key + Consume(Header, Thread);
        AddWake(Signal, Thread);
    }
}

/* Thread's AllLock held: locks the objects of its wait in address order. */
void KexxLockAll(PKTHREAD Thread)
{
    for (ULONG i = 0; i < Thread->WaitCount; i++)
        KexxLockChecked(Thread->Blocks[Thread->AllOrder[i]].Object, "a wait", NULL);
}

void KexxUnlockAll(PKTHREAD Thread)
{
    for (ULONG i = Thread->WaitCount; i-- > 0;)
        KexxUnlockObject(Thread->Blocks[Thread->AllOrder[i]].Object);
}

/* All objects locked. Takes all of them when all are signalled and nobody else ended the wait. */
bool KexxTakeAll(PKTHREAD Thread)
{
    NTSTATUS Result = STATUS_WAIT_0;

    for (ULONG i = 0; i < Thread->WaitCount; i++)
        if (!Signalled(Thread->Blocks[i].Object, Thread))
            return false;
    if (!KexxClaimWait(Thread))
        return false;
    for (ULONG i = 0; i < Thread->WaitCount; i++)
        if (Consume(Thread->Blocks[i].Object, Thread) == STATUS_ABANDONED_WAIT_0)
            Result = STATUS_ABANDONED_WAIT_0;
    Thread->WaitResult = Result;
    return true;
}

/* A signaller's look at one waiting thread. The pin keeps the memory; AllLock keeps the wait as it
 * is. */
static void LookAtAll(KEX_WAIT_BLOCK *Block)
{
    PKTHREAD Thread = Block->Thread;
    bool Taken = false;

    host_lock_acquire(&Thread->AllLock);
    __atomic_store_n(&Block->Pending, 0, __ATOMIC_SEQ_CST);
    if (Thread->WaitAll) {
        KexxLockAll(Thread);
        Taken = KexxTakeAll(Thread);
        KexxUnlockAll(Thread);
    }
    host_lock_release(&Thread->AllLock);
    if (Taken) {
        __atomic_store_n(&Thread->WaitState, KEX_WAIT_DONE, __ATOMIC_RELEASE);
        KexWake(Thread);
    }
    KexxUnpin(Thread);
}

void KexxFinishSignal(KEX_SIGNAL *Signal)
{
    PKTHREAD Thread, NextThread;
    KEX_WAIT_BLOCK *Block, *NextBlock;

    for (Thread = Signal->Wake; Thread; Thread = NextThread) {
        NextThread = Thread->WakeNext;
        __atomic_store_n(&Thread->WaitState, KEX_WAIT_DONE, __ATOMIC_RELEASE);
        KexWake(Thread);
        KexxUnpin(Thread);
    }
    for (Block = Signal->All; Block; Block = NextBlock) {
        NextBlock = Block->Next;
        LookAtAll(Block);
    }
}

static void NTAPI __attribute__((noinline)) PublishToWaiters(KEX_HEADER *Header)
{
    KEX_SIGNAL Signal;

    KexxSignalInit(&Signal);
    KexxSatisfy(Header, &Signal);
    KexxUnlockObject(Header);
    KexxFinishSignal(&Signal);
}

/* Locked on entry, unlocked on return: the signal is there, waiters get it. */
static inline void Publish(KEX_HEADER *Header)
{
    if (IsListEmpty(&Header->WaitListHead))
        KexxUnlockObject(Header);
    else
        PublishToWaiters(Header);
}

void KexSignalDispatcher(PVOID Object)
{
    KEX_HEADER *Header = Object;

    KexxLockObject(Header);
    KexxSetState(Header, 1);
    Publish(Header);
}

/* ---- events ---------------------------------------------------------------------------------- */

/*
 * Initialises an event in storage of the caller, which must be resident and stay until nobody uses
 * it. Any IRQL below the end (nf-wdm-keinitializeevent).
 */
VOID NTAPI KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
    KexInitializeDispatcher(Event,
                            Type == NotificationEvent ? KEX_OBJECT_NOTIFICATION_EVENT
                                                      : KEX_OBJECT_SYNCHRONIZATION_EVENT,
                            sizeof(KEVENT) / 4);
    ((KEX_HEADER *)Event)->SignalState = State != FALSE;
}

/*
 * Sets the event and returns its previous state. A notification event wakes every waiter and stays
 * set; a synchronization event is reset by the one waiter that gets it. After a waiter was woken
 * the event is not touched again, so it may live on the waiter's stack. IRQL <= DISPATCH_LEVEL
 * (nf-wdm-kesetevent). Wait promises a wait right after; nothing needs to be prepared for it here.
 */
LONG NTAPI KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    KEX_HEADER *Header = (KEX_HEADER *)Event;
    LONG Previous;

    (void)Increment;
    (void)Wait;
    KexxLockChecked(Header, "KeSetEvent", __builtin_return_address(0));
    Previous = Header->SignalState;
    KexxSetState(Header, 1);
    Publish(Header);
    return Previous;
}

/* Resets the event and returns its previous state (nf-wdm-keresetevent). */
LONG NTAPI KeResetEvent(PRKEVENT Event)
{
    KEX_HEADER *Header = (KEX_HEADER *)Event;
    LONG Previous;

    KexxLockObject(Header);
    Previous = Header->SignalState;
    KexxSetState(Header, 0);
    KexxUnlockObject(Header);
    return Previous;
}

VOID NTAPI KeClearEvent(PRKEVENT Event)
{
    KeResetEvent(Event);
}

/*
 * Sets, wakes who waits now, and resets, as one step; returns the previous state
 * (nf-ntifs-kepulseevent). A thread that is just running an APC misses it, as it does on Windows.
 */
LONG NTAPI KePulseEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    KEX_HEADER *Header = (KEX_HEADER *)Event;
    KEX_SIGNAL Signal;
    LONG Previous;
    bool All;

    (void)Increment;
    (void)Wait;
    KexxSignalInit(&Signal);
    KexxLockChecked(Header, "KePulseEvent", __builtin_return_address(0));
    Previous = Header->SignalState;
    KexxSetState(Header, 1);
    KexxSatisfy(Header, &Signal);
    All = Signal.All != NULL;
    /* Wait-alls need the signal to stand while their other objects are looked at, outside this
     * lock. */
    if (!All)
        KexxSetState(Header, 0);
    KexxUnlockObject(Header);
    KexxFinishSignal(&Signal);
    if (All)
        KeResetEvent(Event);
    return Previous;
}

/* The state without a side effect (nf-wdm-kereadstateevent). */
LONG NTAPI KeReadStateEvent(PRKEVENT Event)
{
    return KexxState((KEX_HEADER *)Event);
}

/* ---- semaphores ------------------------------------------------------------------------------ */

/* Count <= Limit; Limit > 0 (nf-wdm-keinitializesemaphore). */
VOID NTAPI KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit)
{
    KexInitializeDispatcher(Semaphore, KEX_OBJECT_SEMAPHORE, sizeof(KSEMAPHORE) / 4);
    ((KEX_HEADER *)Semaphore)->SignalState = Count;
    Semaphore->Limit = Limit;
}

/*
 * Adds Adjustment and returns the previous count; as many waiters as there are counts go on. Raises
 * STATUS_SEMAPHORE_LIMIT_EXCEEDED past the limit (nf-wdm-kereleasesemaphore). IRQL <=
 * DISPATCH_LEVEL.
 */
LONG NTAPI KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment,
                              BOOLEAN Wait)
{
    KEX_HEADER *Header = (KEX_HEADER *)Semaphore;
    LONG Previous;

    (void)Increment;
    (void)Wait;
    KexxLockChecked(Header, "KeReleaseSemaphore", __builtin_return_address(0));
    Previous = Header->SignalState;
    if (Adjustment < 0 || Adjustment > Semaphore->Limit - Previous) {
        KexxUnlockObject(Header);
        KexRaise(STATUS_SEMAPHORE_LIMIT_EXCEEDED, 0, NULL, __builtin_return_address(0));
    }
    KexxSetState(Header, Previous + Adjustment);
    Publish(Header);
    return Previous;
}

LONG NTAPI KeReadStateSemaphore(PRKSEMAPHORE Semaphore)
{
    return KexxState((KEX_HEADER *)Semaphore);
}

/* ---- mutants --------------------------------------------------------------------------------- */

static void InitializeMutant(PRKMUTEX Mutex, UCHAR ApcDisable)
{
    memset(Mutex, 0, sizeof *Mutex);
    KexInitializeDispatcher(Mutex, KEX_OBJECT_MUTANT, sizeof(KMUTANT) / 4);
    ((KEX_HEADER *)Mutex)->SignalState = 1;
    InitializeListHead(&Mutex->MutantListEntry);
    Mutex->ApcDisable = ApcDisable;
}

/* A free mutex; Level is reserved. Its owner runs without normal kernel APCs
 * (nf-wdm-keinitializemutex). */
VOID NTAPI KeInitializeMutex(PRKMUTEX Mutex, ULONG Level)
{
    (void)Level;
    InitializeMutant(Mutex, 1);
}

/* A mutant: a mutex of user mode, which may be abandoned (ke's own callers and NtCreateMutant). */
VOID NTAPI KeInitializeMutant(PRKMUTANT Mutant, BOOLEAN InitialOwner)
{
    KEX_HEADER *Header = (KEX_HEADER *)Mutant;

    InitializeMutant(Mutant, 0);
    if (InitialOwner) {
        KexxLockObject(Header);
        Consume(Header, KexxCurrent);
        KexxUnlockObject(Header);
    }
}

/* Object locked, count back at 1: takes it off its owner. Returns the APC disable count to give
 * back. */
static UCHAR DisownMutant(PKMUTANT Mutant)
{
    PKTHREAD Owner = Mutant->OwnerThread;

    host_lock_acquire(&Owner->MutantLock);
    RemoveEntryList(&Mutant->MutantListEntry);
    InitializeListHead(&Mutant->MutantListEntry);
    host_lock_release(&Owner->MutantLock);
    __atomic_store_n(&Mutant->OwnerThread, NULL, __ATOMIC_RELAXED);
    return Mutant->ApcDisable;
}

/*
 * Gives the mutex up once; 0 is returned when that freed it. Raises STATUS_MUTANT_NOT_OWNED when
 * the thread does not own it, STATUS_ABANDONED when its last owner ended with it
 * (nf-wdm-kereleasemutex). IRQL <= DISPATCH_LEVEL.
 */
LONG NTAPI KeReleaseMutex(PRKMUTEX Mutex, BOOLEAN Wait)
{
    PKTHREAD Thread = KexxCurrent;
    KEX_HEADER *Header = (KEX_HEADER *)Mutex;
    UCHAR ApcDisable = 0;
    LONG Previous;

    (void)Wait;
    KexxLockChecked(Header, "KeReleaseMutex", __builtin_return_address(0));
    if (Mutex->OwnerThread != Thread) {
        NTSTATUS Status = Mutex->Abandoned ? STATUS_ABANDONED : STATUS_MUTANT_NOT_OWNED;

        KexxUnlockObject(Header);
        KexRaise(Status, 0, NULL, __builtin_return_address(0));
    }
    Previous = Header->SignalState;
    KexxSetState(Header, Previous + 1);
    if (Header->SignalState == 1)
        ApcDisable = DisownMutant(Mutex);
    Publish(Header);
    if (ApcDisable) {
        Thread->KernelApcDisable += ApcDisable;
        if (!Thread->KernelApcDisable &&
            __atomic_load_n(&Thread->ApcPending[KernelMode], __ATOMIC_RELAXED))
            KexDeliverApcs(false);
    }
    return Previous;
}

/* The older name with its own arguments; an abandoning release is the business of thread ends. */
LONG NTAPI KeReleaseMutant(PRKMUTANT Mutant, KPRIORITY Increment, BOOLEAN Abandoned, BOOLEAN Wait)
{
    (void)Increment;
    (void)Abandoned;
    return KeReleaseMutex(Mutant, Wait);
}

LONG NTAPI KeReadStateMutex(PRKMUTEX Mutex)
{
    return KexxState((KEX_HEADER *)Mutex);
}

LONG NTAPI KeReadStateMutant(PRKMUTANT Mutant)
{
    return KexxState((KEX_HEADER *)Mutant);
}

/*
 * At the end of a thread. A kernel mutex still owned is THREAD_TERMINATE_HELD_MUTEX; a mutant of
 * user mode becomes abandoned, and its next owner is told.
 */
void KexxAbandonMutants(PKTHREAD Thread)
{
    while (!IsListEmpty(&Thread->Mutants)) {
        PKMUTANT Mutant = CONTAINING_RECORD(Thread->Mutants.Flink, KMUTANT, MutantListEntry);
        KEX_HEADER *Header = (KEX_HEADER *)(void *)Mutant;

        if (Mutant->ApcDisable)
            KexStop(THREAD_TERMINATE_HELD_MUTEX, "THREAD_TERMINATE_HELD_MUTEX",
                    (const void *)Thread->Routine,
                    "thread \"%s\" ended while it owns the mutex at %p", Thread->Name,
                    (void *)Mutant);
        KexxLockObject(Header);
        DisownMutant(Mutant);
        Mutant->Abandoned = TRUE;
        KexxSetState(Header, 1);
        Publish(Header);
    }
}

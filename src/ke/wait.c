/* SPDX-License-Identifier: MIT */
/*
 * Waiting: KeWaitForSingleObject, KeWaitForMultipleObjects, KeDelayExecutionThread and their kin.
 * One routine serves them all. A wait is ARMED on the thread first, then queued on its objects; who
 * moves it to CLAIMED (a signaller, an alert, an APC, or the thread itself when it finds a signal
 * or its time is over) writes the result. A signaller says DONE only after it let go of the object,
 * so the object may die as soon as the waiter is back.
 */
#include "kei.h"

typedef struct _KEX_REQUEST {
    ULONG Count;
    PVOID *Objects;
    WAIT_TYPE Type;
    KPROCESSOR_MODE Mode;
    bool Alertable, Poll;
    uint64_t Deadline;
    const KEX_WAIT *Why;
} KEX_REQUEST;

/* ---- what the hang report reads -------------------------------------------------------------- */

static const char *const KindNames[] = {
    [KEX_OBJECT_NOTIFICATION_EVENT] = "event",
    [KEX_OBJECT_SYNCHRONIZATION_EVENT] = "synchronization event",
    [KEX_OBJECT_MUTANT] = "mutex",
    [KEX_OBJECT_PROCESS] = "process",
    [KEX_OBJECT_QUEUE] = "queue",
    [KEX_OBJECT_SEMAPHORE] = "semaphore",
    [KEX_OBJECT_THREAD] = "end of a thread",
    [7] = "object",
    [KEX_OBJECT_NOTIFICATION_TIMER] = "timer",
    [KEX_OBJECT_SYNCHRONIZATION_TIMER] = "synchronization timer",
};

static PKTHREAD OwnerOf(const void *Object)
{
    if (KexxKind(Object) == KEX_OBJECT_MUTANT)
        return __atomic_load_n(&((const KMUTANT *)Object)->OwnerThread, __ATOMIC_RELAXED);
    return KexxKind(Object) == KEX_OBJECT_THREAD ? (PKTHREAD)(ULONG_PTR)Object : NULL;
}

/* ---- one wait -------------------------------------------------------------------------------- */

static void SortAll(PKTHREAD Thread)
{
    for (ULONG i = 0; i < Thread->WaitCount; i++) {
        ULONG At = i;

        while (At > 0 && (ULONG_PTR)Thread->Blocks[Thread->AllOrder[At - 1]].Object >
                         (ULONG_PTR)Thread->Blocks[i].Object) {
            Thread->AllOrder[At] = Thread->AllOrder[At - 1];
            At--;
        }
        Thread->AllOrder[At] = (USHORT)i;
    }
}

static void Link(KEX_WAIT_BLOCK *Block)
{
    InsertTailList(&Block->Object->WaitListHead, &Block->Link);
    Block->Linked = true;
}

/* True when the wait is over: satisfied here, or by a signaller meanwhile. */
static bool QueueAny(PKTHREAD Thread, const KEX_REQUEST *Request)
{
    for (ULONG i = 0; i < Request->Count; i++) {
        KEX_WAIT_BLOCK *Block = &Thread->Blocks[i];
        KEX_HEADER *Header = Block->Object;
        bool Ready;

        KexxLockChecked(Header, "a wait", Request->Why->Caller);
        Ready = KexxObjectReady(Header, Thread);
        if (Ready && KexxClaimWait(Thread)) {
            Thread->WaitResult = (NTSTATUS)i + KexxConsumeObject(Header, Thread);
            __atomic_store_n(&Thread->WaitState, KEX_WAIT_DONE, __ATOMIC_RELAXED);
        } else if (!Ready && !Request->Poll) {
            Link(Block);
        }
        KexxUnlockObject(Header);
        if (Ready)
            return true;
    }
    return false;
}

static bool QueueAll(PKTHREAD Thread, const KEX_REQUEST *Request)
{
    bool Taken;

    host_lock_acquire(&Thread->AllLock);
    SortAll(Thread);
    KexxLockAll(Thread);
    Taken = KexxTakeAll(Thread);
    if (Taken) {
        __atomic_store_n(&Thread->WaitState, KEX_WAIT_DONE, __ATOMIC_RELAXED);
    } else if (!Request->Poll) {
        for (ULONG i = 0; i < Request->Count; i++)
            Link(&Thread->Blocks[i]);
        Thread->WaitAll = true;
    }
    KexxUnlockAll(Thread);
    host_lock_release(&Thread->AllLock);
    return Taken;
}

static void Unqueue(PKTHREAD Thread)
{
    bool All = Thread->WaitAll;

    if (All)
        host_lock_acquire(&Thread->AllLock);
    for (ULONG i = 0; i < Thread->WaitCount; i++) {
        KEX_WAIT_BLOCK *Block = &Thread->Blocks[i];

        /* Only the signaller that satisfied the wait takes a block off for us, and it is done. */
        if (!Block->Linked)
            continue;
        KexxLockObject(Block->Object);
        RemoveEntryList(&Block->Link);
        Block->Linked = false;
        KexxUnlockObject(Block->Object);
    }
    if (All) {
        Thread->WaitAll = false;
        host_lock_release(&Thread->AllLock);
    }
}

/* Ends our own wait with Result unless it has ended already. */
static void EndOwn(PKTHREAD Thread, NTSTATUS Result)
{
    if (KexxClaimWait(Thread)) {
        Thread->WaitResult = Result;
        __atomic_store_n(&Thread->WaitState, KEX_WAIT_DONE, __ATOMIC_RELAXED);
    }
}

bool KexxBreakWait(PKTHREAD Thread, NTSTATUS Result)
{
    if (!KexxClaimWait(Thread))
        return false;
    KexxPin(Thread);
    Thread->WaitResult = Result;
    __atomic_store_n(&Thread->WaitState, KEX_WAIT_DONE, __ATOMIC_RELEASE);
    KexWake(Thread);
    KexxUnpin(Thread);
    return true;
}

/* Alerts and APCs that came before the wait was armed; later ones break it. */
static void CheckAlerts(PKTHREAD Thread, const KEX_REQUEST *Request)
{
    if ((Thread->WaitFlags & KEX_WAIT_INTERRUPTIBLE) &&
        __atomic_load_n(&Thread->ApcPending[KernelMode], __ATOMIC_SEQ_CST)) {
        EndOwn(Thread, STATUS_KERNEL_APC);
        return;
    }
    if (!Request->Alertable)
        return;
    if (__atomic_load_n(&Thread->Alerted[(int)Request->Mode], __ATOMIC_SEQ_CST) ||
        __atomic_load_n(&Thread->Alerted[KernelMode], __ATOMIC_SEQ_CST))
        EndOwn(Thread, STATUS_ALERTED);
    else if (Request->Mode == UserMode &&
             __atomic_load_n(&Thread->ApcPending[UserMode], __ATOMIC_SEQ_CST))
        EndOwn(Thread, STATUS_USER_APC);
}

static void ConsumeAlert(PKTHREAD Thread, const KEX_REQUEST *Request)
{
    if (!__atomic_exchange_n(&Thread->Alerted[(int)Request->Mode], 0, __ATOMIC_SEQ_CST))
        __atomic_store_n(&Thread->Alerted[KernelMode], 0, __ATOMIC_SEQ_CST);
}

static void CheckMayBlock(PKTHREAD Thread, const KEX_REQUEST *Request)
{
    KIRQL Irql = KexxIrql(Thread);

    if (__builtin_expect(Irql >= DISPATCH_LEVEL, 0))
        KexStop(ATTEMPTED_SWITCH_FROM_DPC, "ATTEMPTED_SWITCH_FROM_DPC", Request->Why->Caller,
                "%s: a wait (%s) would block at IRQL %u; above APC_LEVEL only a zero time-out is "
                "allowed",
                Request->Deadline ? "IRQL-032" : "IRQL-031", Request->Why->What, Irql);
}

static void BlockUntilDone(PKTHREAD Thread, const KEX_REQUEST *Request)
{
    if (!Request->Poll)
        CheckMayBlock(Thread, Request);
    while (__atomic_load_n(&Thread->WaitState, __ATOMIC_ACQUIRE) != KEX_WAIT_DONE)
        if (!KexBlock(Request->Why, Request->Deadline))
            EndOwn(Thread, STATUS_TIMEOUT);
}

static void Arm(PKTHREAD Thread, const KEX_REQUEST *Request)
{
    UCHAR Flags = 0;

    Thread->WaitCount = Request->Count;
    for (ULONG i = 0; i < Request->Count; i++) {
        KEX_WAIT_BLOCK *Block = &Thread->Blocks[i];

        Block->Object = Request->Objects[i];
        Block->Key = (USHORT)i;
        Block->All = Request->Type == WaitAll && Request->Count > 1;
    }
    if (Request->Alertable)
        Flags |= KEX_WAIT_ALERTABLE;
    if (Request->Mode == UserMode)
        Flags |= KEX_WAIT_USER;
    if (KexxIrql(Thread) < APC_LEVEL && KexxApcsAllowed(Thread, false))
        Flags |= KEX_WAIT_INTERRUPTIBLE;
    __atomic_store_n(&Thread->WaitFlags, Flags, __ATOMIC_RELAXED);
    __atomic_store_n(&Thread->WaitState, KEX_WAIT_ARMED, __ATOMIC_SEQ_CST);
}

static NTSTATUS WaitFor(PKTHREAD Thread, const KEX_REQUEST *Request)
{
    NTSTATUS Result;
    bool Over;

    KexSchedPoint(KEX_POINT_LOCK);
    do {
        if (__builtin_expect(__atomic_load_n(&Thread->ApcPending[KernelMode], __ATOMIC_RELAXED), 0))
            KexDeliverApcs(false);
        /* A signaller may still hold blocks of an earlier wait-all on its list. */
        Arm(Thread, Request);
        Over = Request->Type == WaitAll && Request->Count > 1 ? QueueAll(Thread, Request)
                                                              : QueueAny(Thread, Request);
        if (!Over) {
            CheckAlerts(Thread, Request);
            if (Request->Poll)
                EndOwn(Thread, STATUS_TIMEOUT);
        }
        if (__atomic_load_n(&Thread->WaitState, __ATOMIC_ACQUIRE) != KEX_WAIT_DONE)
            BlockUntilDone(Thread, Request);
        Result = Thread->WaitResult;
        Unqueue(Thread);
        __atomic_store_n(&Thread->WaitState, KEX_WAIT_NONE, __ATOMIC_RELAXED);
    } while (Result == STATUS_KERNEL_APC);
    if (Result == STATUS_ALERTED)
        ConsumeAlert(Thread, Request);
    else if (Result == STATUS_USER_APC)
        KexDeliverApcs(true);
    return Result;
}

static void SetTimeout(KEX_REQUEST *Request, PLARGE_INTEGER Timeout)
{
    Request->Poll = Timeout && Timeout->QuadPart == 0;
    Request->Deadline = Timeout && !Request->Poll ? KexxDeadline(Timeout->QuadPart) : 0;
}

/* A thread may own a mutex 2^31 times, not more. */
static void CheckMutantLimit(PKTHREAD Thread, KEX_HEADER *Header, const void *Caller)
{
    if (__builtin_expect(KexxKind(Header) == KEX_OBJECT_MUTANT && KexxState(Header) == INT32_MIN,
                         0) &&
        OwnerOf(Header) == Thread)
        KexRaise(STATUS_MUTANT_LIMIT_EXCEEDED, 0, NULL, Caller);
}

/* ---- single objects -------------------------------------------------------------------------- */

static NTSTATUS WaitForOne(PVOID Object, KPROCESSOR_MODE Mode, BOOLEAN Alertable,
                           PLARGE_INTEGER Timeout, const KEX_WAIT *Why)
{
    PKTHREAD Thread = KexxCurrent;
    KEX_REQUEST Request = {.Count = 1,
                           .Objects = &Object,
                           .Type = WaitAny,
                           .Mode = Mode,
                           .Alertable = Alertable,
                           .Why = Why};

    CheckMutantLimit(Thread, Object, Why->Caller);
    SetTimeout(&Request, Timeout);
    return WaitFor(Thread, &Request);
}

static NTSTATUS NTAPI __attribute__((noinline))
WaitDescribed(PVOID Object, KPROCESSOR_MODE Mode, BOOLEAN Alertable, PLARGE_INTEGER Timeout,
              const void *Caller)
{
    KEX_WAIT Why = {.What = KindNames[KexxKind(Object) <= KEX_OBJECT_LAST ? KexxKind(Object) : 7],
                    .Object = Object,
                    .Owner = OwnerOf,
                    .Timed = Timeout != NULL,
                    .Caller = Caller};

    return WaitForOne(Object, Mode, Alertable, Timeout, &Why);
}

/*
 * The common cases without the machinery: the object is signalled, or is not and the caller does
 * not wait. Nothing else can end a wait that was never armed. Mutants have owners to set and go the
 * long way.
 */
static inline bool TakeAtOnce(KEX_HEADER *Header, bool Poll, NTSTATUS *Status)
{
    UCHAR Kind = KexxKind(Header);
    bool Ready;

    if (Kind == KEX_OBJECT_MUTANT || Kind > KEX_OBJECT_LAST || KexDeterministic)
        return false;
    KexxLockObject(Header);
    Ready = Header->SignalState > 0;
    if (Ready) {
        if (Kind == KEX_OBJECT_SYNCHRONIZATION_EVENT || Kind == KEX_OBJECT_SYNCHRONIZATION_TIMER)
            KexxSetState(Header, 0);
        else if (Kind == KEX_OBJECT_SEMAPHORE || Kind == KEX_OBJECT_QUEUE)
            KexxSetState(Header, Header->SignalState - 1);
    }
    KexxUnlockObject(Header);
    *Status = Ready ? STATUS_SUCCESS : STATUS_TIMEOUT;
    return Ready || Poll;
}

/*
 * Waits until Object is signalled. Timeout: NULL for ever, 0 not at all, negative from now,
 * positive a system time, in 100 ns. IRQL <= APC_LEVEL, at DISPATCH_LEVEL only with a zero
 * time-out. STATUS_SUCCESS, STATUS_TIMEOUT; with Alertable STATUS_ALERTED and STATUS_USER_APC;
 * STATUS_ABANDONED_WAIT_0 for a mutant whose owner ended (nf-wdm-kewaitforsingleobject).
 */
NTSTATUS NTAPI KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason,
                                     KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                     PLARGE_INTEGER Timeout)
{
    NTSTATUS Status;

    (void)WaitReason;
    if (TakeAtOnce(Object, Timeout && !Timeout->QuadPart && !Alertable, &Status))
        return Status;
    return WaitDescribed(Object, WaitMode, Alertable, Timeout, __builtin_return_address(0));
}

NTSTATUS KexWaitForObject(PVOID Object, KPROCESSOR_MODE Mode, BOOLEAN Alertable,
                          PLARGE_INTEGER Timeout, const KEX_WAIT *Why)
{
    return WaitForOne(Object, Mode, Alertable, Timeout, Why);
}

/* KeWaitForMutexObject is another name of it (nf-ntddk-kewaitformutexobject). */
#undef KeWaitForMutexObject
NTSTATUS NTAPI KeWaitForMutexObject(PRKMUTEX Mutex, KWAIT_REASON WaitReason,
                                    KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                    PLARGE_INTEGER Timeout);
NTSTATUS NTAPI KeWaitForMutexObject(PRKMUTEX Mutex, KWAIT_REASON WaitReason,
                                    KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                    PLARGE_INTEGER Timeout)
{
    KEX_WAIT Why = {.What = "mutex", .Object = Mutex, .Owner = OwnerOf, .Timed = Timeout != NULL,
                    .Caller = __builtin_return_address(0)};

    (void)WaitReason;
    return WaitForOne(Mutex, WaitMode, Alertable, Timeout, &Why);
}

/* ---- several objects ------------------------------------------------------------------------- */

/*
 * Waits for one of Count objects (WaitAny: the lowest index that is signalled is returned) or for
 * all of them at one moment (WaitAll: none changes its state before all can). Up to
 * THREAD_WAIT_OBJECTS without a WaitBlockArray, up to MAXIMUM_WAIT_OBJECTS with one; more is
 * MAXIMUM_WAIT_OBJECTS_EXCEEDED (nf-wdm-kewaitformultipleobjects). The array itself is not needed
 * here: the thread has room for all.
 */
NTSTATUS NTAPI KeWaitForMultipleObjects(ULONG Count, PVOID Object[], WAIT_TYPE WaitType,
                                        KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode,
                                        BOOLEAN Alertable, PLARGE_INTEGER Timeout,
                                        PKWAIT_BLOCK WaitBlockArray)
{
    const void *Caller = __builtin_return_address(0);
    KEX_WAIT Why = {.What =
                        WaitType == WaitAll ? "all of several objects" : "one of several objects",
                    .Object = Count ? Object[0] : NULL,
                    .Owner = NULL,
                    .Timed = Timeout != NULL,
                    .Caller = Caller};
    KEX_REQUEST Request = {.Count = Count, .Objects = Object, .Type = WaitType, .Mode = WaitMode,
                           .Alertable = Alertable, .Why = &Why};

    (void)WaitReason;
    if (Count > (WaitBlockArray ? MAXIMUM_WAIT_OBJECTS : THREAD_WAIT_OBJECTS))
        KexStop(MAXIMUM_WAIT_OBJECTS_EXCEEDED, "MAXIMUM_WAIT_OBJECTS_EXCEEDED", Caller,
            "KeWaitForMultipleObjects was given %u objects %s a wait block array", Count,
            WaitBlockArray ? "with" : "without");
    for (ULONG i = 0; i < Count; i++)
        CheckMutantLimit(KexxCurrent, Object[i], Caller);
    if (Count == 1) {
        Why.What = KindNames[KexxKind(Object[0])];
        Why.Owner = OwnerOf;
    }
    SetTimeout(&Request, Timeout);
    return WaitFor(KexxCurrent, &Request);
}

/* ---- delays and alerts ----------------------------------------------------------------------- */

/*
 * Waits for Interval (as a time-out). STATUS_SUCCESS when it passed; STATUS_ALERTED or
 * STATUS_USER_APC when Alertable. IRQL <= APC_LEVEL (nf-wdm-kedelayexecutionthread). A zero
 * interval gives the processor away.
 */
NTSTATUS NTAPI KeDelayExecutionThread(KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                      PLARGE_INTEGER Interval)
{
    KEX_WAIT Why = {.What = "delay", .Timed = true, .Caller = __builtin_return_address(0)};
    KEX_REQUEST Request = {.Type = WaitAny, .Mode = WaitMode, .Alertable = Alertable, .Why = &Why};
    NTSTATUS Status;

    SetTimeout(&Request, Interval);
    if (Request.Poll && !KexDeterministic)
        host_thread_yield();
    Status = WaitFor(KexxCurrent, &Request);
    return Status == STATUS_TIMEOUT ? STATUS_SUCCESS : Status;
}

/* Alerts a thread: an alertable wait of AlertMode or less privileged ends. Returns whether it was
 * alerted before. */
BOOLEAN NTAPI KeAlertThread(PKTHREAD Thread, KPROCESSOR_MODE AlertMode)
{
    BOOLEAN Before = __atomic_exchange_n(&Thread->Alerted[(int)AlertMode], 1, __ATOMIC_SEQ_CST);

    if (__atomic_load_n(&Thread->WaitState, __ATOMIC_SEQ_CST) == KEX_WAIT_ARMED) {
        UCHAR Flags = KexxWaitFlags(&Thread->WaitFlags);

        if ((Flags & KEX_WAIT_ALERTABLE) && (AlertMode == KernelMode || (Flags & KEX_WAIT_USER)))
            KexxBreakWait(Thread, STATUS_ALERTED);
    }
    return Before;
}

/* Tests and clears the alert of the current thread; user APCs run at its next alertable wait
 * (undocumented export). */
BOOLEAN NTAPI KeTestAlertThread(KPROCESSOR_MODE AlertMode)
{
    return __atomic_exchange_n(&KexxCurrent->Alerted[(int)AlertMode], 0, __ATOMIC_SEQ_CST);
}

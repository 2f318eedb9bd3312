/* SPDX-License-Identifier: MIT */
/*
 * Asynchronous procedure calls and the regions that hold them off. A kernel APC interrupts a wait
 * of its thread, or runs when the thread leaves a region or lowers below APC_LEVEL; a thread inside
 * driver code is not interrupted in the middle of it. A user APC runs in an alertable wait with
 * UserMode.
 */
#include "kei.h"

#define APC_OBJECT_TYPE 18

/* ---- queueing -------------------------------------------------------------------------------- */

/*
 * Prepares an APC for Thread. Without a NormalRoutine it is a special kernel APC: KernelRoutine
 * runs at APC_LEVEL, even in a critical region (undocumented export; as public driver code uses
 * it).
 */
VOID NTAPI KeInitializeApc(PRKAPC Apc, PKTHREAD Thread, KAPC_ENVIRONMENT Environment,
                           PKKERNEL_ROUTINE KernelRoutine, PKRUNDOWN_ROUTINE RundownRoutine,
                           PKNORMAL_ROUTINE NormalRoutine, KPROCESSOR_MODE ProcessorMode,
                           PVOID NormalContext)
{
    Apc->Type = APC_OBJECT_TYPE;
    Apc->AllFlags = 0;
    Apc->Size = sizeof(KAPC);
    Apc->Thread = Thread;
    Apc->ApcStateIndex =
        (CCHAR)(Environment == CurrentApcEnvironment ? OriginalApcEnvironment : Environment);
    Apc->KernelRoutine = KernelRoutine;
    Apc->RundownRoutine = RundownRoutine;
    Apc->NormalRoutine = NormalRoutine;
    Apc->ApcMode = NormalRoutine ? ProcessorMode : KernelMode;
    Apc->NormalContext = NormalRoutine ? NormalContext : NULL;
    Apc->Inserted = FALSE;
}

/*
 * Queues the APC to its thread; FALSE when it is queued already or the thread is ending. The caller
 * keeps the thread referenced. IRQL <= DISPATCH_LEVEL.
 */
BOOLEAN NTAPI KeInsertQueueApc(PRKAPC Apc, PVOID SystemArgument1, PVOID SystemArgument2,
                               KPRIORITY Increment)
{
    PKTHREAD Thread = Apc->Thread;
    int Mode = Apc->ApcMode == UserMode ? UserMode : KernelMode;
    UCHAR Flags;

    (void)Increment;
    host_lock_acquire(&Thread->ApcLock);
    if (Apc->Inserted || Thread->ApcsRefused) {
        host_lock_release(&Thread->ApcLock);
        return FALSE;
    }
    Apc->SystemArgument1 = SystemArgument1;
    Apc->SystemArgument2 = SystemArgument2;
    Apc->Inserted = TRUE;
    InsertTailList(&Thread->ApcList[Mode], &Apc->ApcListEntry);
    __atomic_store_n(&Thread->ApcPending[Mode], true, __ATOMIC_SEQ_CST);
    host_lock_release(&Thread->ApcLock);

    if (__atomic_load_n(&Thread->WaitState, __ATOMIC_SEQ_CST) == KEX_WAIT_ARMED) {
        Flags = KexxWaitFlags(&Thread->WaitFlags);
        if (Mode == KernelMode && (Flags & KEX_WAIT_INTERRUPTIBLE))
            KexxBreakWait(Thread, STATUS_KERNEL_APC);
        else if (Mode == UserMode && (Flags & KEX_WAIT_ALERTABLE) && (Flags & KEX_WAIT_USER))
            KexxBreakWait(Thread, STATUS_USER_APC);
    }
    return TRUE;
}

/* Takes a queued APC back; FALSE when it was not queued. */
BOOLEAN NTAPI KeRemoveQueueApc(PRKAPC Apc)
{
    PKTHREAD Thread = Apc->Thread;
    BOOLEAN Inserted;

    host_lock_acquire(&Thread->ApcLock);
    Inserted = Apc->Inserted;
    if (Inserted) {
        RemoveEntryList(&Apc->ApcListEntry);
        Apc->Inserted = FALSE;
    }
    host_lock_release(&Thread->ApcLock);
    return Inserted;
}

/* ---- delivery -------------------------------------------------------------------------------- */

/* The next APC of the current thread that may run now. */
static PKAPC NextApc(PKTHREAD Thread, int Mode)
{
    PLIST_ENTRY Entry;
    PKAPC Found = NULL;
    bool Left = false;

    host_lock_acquire(&Thread->ApcLock);
    for (Entry = Thread->ApcList[Mode].Flink; Entry != &Thread->ApcList[Mode];
         Entry = Entry->Flink) {
        PKAPC Apc = CONTAINING_RECORD(Entry, KAPC, ApcListEntry);

        if (Found || (Mode == KernelMode && !KexxApcsAllowed(Thread, !Apc->NormalRoutine))) {
            Left = true;
            continue;
        }
        Found = Apc;
    }
    if (Found) {
        RemoveEntryList(&Found->ApcListEntry);
        Found->Inserted = FALSE;
    }
    if (!Left)
        __atomic_store_n(&Thread->ApcPending[Mode], false, __ATOMIC_SEQ_CST);
    host_lock_release(&Thread->ApcLock);
    return Found;
}

static void RunApc(PKTHREAD Thread, PKAPC Apc)
{
    /* KernelRoutine may free the APC and change every argument. */
    PKNORMAL_ROUTINE Normal = Apc->NormalRoutine;
    PVOID Context = Apc->NormalContext, First = Apc->SystemArgument1, Second = Apc->SystemArgument2;
    KPROCESSOR_MODE Mode = Apc->ApcMode;
    KIRQL Old = KexxRaise(Thread, APC_LEVEL);

    Apc->KernelRoutine(Apc, &Normal, &Context, &First, &Second);
    KexxSetIrql(Thread, Old);
    if (!Normal)
        return;
    if (Mode == KernelMode)
        Thread->ApcRunning = true;
    Normal(Context, First, Second);
    if (Mode == KernelMode)
        Thread->ApcRunning = false;
}

void KexDeliverApcs(bool User)
{
    PKTHREAD Thread = KexxCurrent;
    PKAPC Apc;

    if (KexxIrql(Thread) >= APC_LEVEL)
        return;
    while (__atomic_load_n(&Thread->ApcPending[KernelMode], __ATOMIC_RELAXED) &&
           (Apc = NextApc(Thread, KernelMode)))
        RunApc(Thread, Apc);
    while (User && __atomic_load_n(&Thread->ApcPending[UserMode], __ATOMIC_RELAXED) &&
           (Apc = NextApc(Thread, UserMode)))
        RunApc(Thread, Apc);
}

void KEX_SLOW KexxDeliverKernelApcs(void)
{
    KexDeliverApcs(false);
}

bool KexUserApcPending(PKTHREAD Thread)
{
    return __atomic_load_n(&Thread->ApcPending[UserMode], __ATOMIC_SEQ_CST);
}

/* The end of a thread: what is still queued is run down and no more is taken. */
void KexxRundownApcs(PKTHREAD Thread)
{
    for (int Mode = KernelMode; Mode <= UserMode; Mode++) {
        for (;;) {
            PKAPC Apc = NULL;

            host_lock_acquire(&Thread->ApcLock);
            Thread->ApcsRefused = true;
            if (!IsListEmpty(&Thread->ApcList[Mode])) {
                Apc = CONTAINING_RECORD(RemoveHeadList(&Thread->ApcList[Mode]), KAPC, ApcListEntry);
                Apc->Inserted = FALSE;
            }
            host_lock_release(&Thread->ApcLock);
            if (!Apc)
                break;
            if (Apc->RundownRoutine)
                Apc->RundownRoutine(Apc);
        }
    }
}

/* ---- regions --------------------------------------------------------------------------------- */

static inline void CheckLeave(PKTHREAD Thread)
{
    if (__builtin_expect(__atomic_load_n(&Thread->ApcPending[KernelMode], __ATOMIC_RELAXED), 0) &&
        KexxIrql(Thread) < APC_LEVEL)
        KexxDeliverKernelApcs();
}

static _Noreturn void KEX_SLOW BadLeave(const char *Rule, const char *Routine, const char *Region,
                                        const void *Caller)
{
    KexStop(APC_INDEX_MISMATCH, "APC_INDEX_MISMATCH", Caller,
            "%s: %s was called by thread \"%s\", which is in no %s region", Rule, Routine,
            KexxCurrent->Name, Region);
}

/* Holds off normal kernel APCs until the matching leave; nests. IRQL <= APC_LEVEL
 * (nf-ntddk-keentercriticalregion). */
VOID NTAPI KeEnterCriticalRegion(VOID)
{
    KexxCurrent->KernelApcDisable--;
}

/* A leave without an enter stops the machine: APC_INDEX_MISMATCH (nf-ntddk-keleavecriticalregion;
 * LCK-011). */
VOID NTAPI KeLeaveCriticalRegion(VOID)
{
    PKTHREAD Thread = KexxCurrent;

    if (__builtin_expect(Thread->KernelApcDisable >= 0, 0))
        BadLeave("LCK-011", "KeLeaveCriticalRegion", "critical", __builtin_return_address(0));
    if (!++Thread->KernelApcDisable)
        CheckLeave(Thread);
}

/* Holds off all kernel APCs; nests. IRQL <= APC_LEVEL (nf-wdm-keenterguardedregion). */
VOID NTAPI KeEnterGuardedRegion(VOID)
{
    KexxCurrent->SpecialApcDisable--;
}

VOID NTAPI KeLeaveGuardedRegion(VOID)
{
    PKTHREAD Thread = KexxCurrent;

    if (__builtin_expect(Thread->SpecialApcDisable >= 0, 0))
        BadLeave("LCK-021", "KeLeaveGuardedRegion", "guarded", __builtin_return_address(0));
    if (!++Thread->SpecialApcDisable)
        CheckLeave(Thread);
}

/* TRUE while normal kernel APCs are held off: by a region or by IRQL >= APC_LEVEL
 * (nf-ntddk-keareapcsdisabled). */
BOOLEAN NTAPI KeAreApcsDisabled(VOID)
{
    PKTHREAD Thread = KexxCurrent;

    return Thread->KernelApcDisable || Thread->SpecialApcDisable;
}

/* TRUE while special kernel APCs are held off too (nf-wdm-keareallapcsdisabled). */
BOOLEAN NTAPI KeAreAllApcsDisabled(VOID)
{
    PKTHREAD Thread = KexxCurrent;

    return Thread->SpecialApcDisable || KexxIrql(Thread) >= APC_LEVEL;
}

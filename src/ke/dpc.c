/* SPDX-License-Identifier: MIT */
/*
 * Deferred procedure calls. A DPC is queued for a processor and runs at DISPATCH_LEVEL on it: on
 * the thread that owns the processor when it lowers, or at once when the queueing thread is below
 * DISPATCH_LEVEL. DPCs for a processor that nobody owns run on the DPC thread.
 */
#include "kei.h"

#define DPC_TYPE 19
#define THREADED_DPC_TYPE 24
/* KDPC.Number holds this plus the processor when KeSetTargetProcessorDpc chose one. */
#define TARGETED 0x800u

static struct {
    PKTHREAD Thread;
    KEVENT Work, Idle; /* Idle: set whenever a queue was drained, for KeFlushQueuedDpcs */
    LONG Flushers;
    bool Stop;
} Dpcs;

/* ---- the queues ------------------------------------------------------------------------------ */

/* Singly linked through KDPC: the queue's head and tail live in the processor's list entry. */
#define HEAD(Processor) (*(PKDPC *)&(Processor)->Queue.Flink)
#define TAIL(Processor) (*(PKDPC *)&(Processor)->Queue.Blink)
#define NEXT(Dpc) (*(PKDPC *)&(Dpc)->DpcListEntry.Next)

/* FALSE when it is queued already: then DpcData names its queue. */
static BOOLEAN Enqueue(KEX_PROCESSOR *Processor, PKDPC Dpc, PVOID Argument1, PVOID Argument2)
{
    PVOID None = NULL;

    host_lock_acquire(&Processor->Lock);
    if (!__atomic_compare_exchange_n(&Dpc->DpcData, &None, (PVOID)Processor, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        host_lock_release(&Processor->Lock);
        return FALSE;
    }
    Dpc->SystemArgument1 = Argument1;
    Dpc->SystemArgument2 = Argument2;
    NEXT(Dpc) = NULL;
    if (!HEAD(Processor)) {
        HEAD(Processor) = TAIL(Processor) = Dpc;
    } else if (Dpc->Importance == HighImportance) {
        NEXT(Dpc) = HEAD(Processor);
        HEAD(Processor) = Dpc;
    } else {
        NEXT(TAIL(Processor)) = Dpc;
        TAIL(Processor) = Dpc;
    }
    __atomic_fetch_add(&Processor->Depth, 1, __ATOMIC_SEQ_CST);
    host_lock_release(&Processor->Lock);
    return TRUE;
}

/* The head of the queue, taken off; its arguments are read under the lock because it may be queued
 * again at once. */
static PKDPC Dequeue(KEX_PROCESSOR *Processor, KDPC *Copy)
{
    PKDPC Dpc;

    host_lock_acquire(&Processor->Lock);
    Dpc = HEAD(Processor);
    if (Dpc) {
        HEAD(Processor) = NEXT(Dpc);
        if (!HEAD(Processor))
            TAIL(Processor) = NULL;
        Copy->DeferredRoutine = Dpc->DeferredRoutine;
        Copy->DeferredContext = Dpc->DeferredContext;
        Copy->SystemArgument1 = Dpc->SystemArgument1;
        Copy->SystemArgument2 = Dpc->SystemArgument2;
        __atomic_fetch_sub(&Processor->Depth, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&Processor->Draining, true, __ATOMIC_SEQ_CST);
        __atomic_store_n(&Dpc->DpcData, NULL, __ATOMIC_RELEASE);
    }
    host_lock_release(&Processor->Lock);
    return Dpc;
}

void KexxDrainDpcs(PKTHREAD Thread, KEX_PROCESSOR *Processor)
{
    bool Outer = Thread->DpcRunning;
    PKDPC Dpc;
    KDPC Copy;

    Thread->DpcRunning = true;
    while ((Dpc = Dequeue(Processor, &Copy))) {
        Copy.DeferredRoutine(Dpc, Copy.DeferredContext, Copy.SystemArgument1, Copy.SystemArgument2);
        if (KexxIrql(Thread) != DISPATCH_LEVEL)
            KexStop(IRQL_UNEXPECTED_VALUE, "IRQL_UNEXPECTED_VALUE",
                    (const void *)Copy.DeferredRoutine,
                    "IRQL-022: a DPC routine returned at IRQL %u instead of DISPATCH_LEVEL",
                    KexxIrql(Thread));
    }
    Thread->DpcRunning = Outer;
    __atomic_store_n(&Processor->Draining, false, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&Dpcs.Flushers, __ATOMIC_SEQ_CST))
        KeSetEvent(&Dpcs.Idle, 0, FALSE);
}

/* ---- the DPC thread -------------------------------------------------------------------------- */

static void DrainUnowned(PKTHREAD Thread)
{
    for (ULONG i = 0; i < KexxProcessorCount; i++) {
        KEX_PROCESSOR *Processor = &KexxProcessors[i];

        /* An owner will run them itself when it lowers. */
        if (__atomic_load_n(&Processor->Depth, __ATOMIC_SEQ_CST) && KexxTryProcessor(Thread, i)) {
            KexxSetIrql(Thread, DISPATCH_LEVEL);
            KexxLower(Thread, PASSIVE_LEVEL);
        }
    }
}

static void NTAPI DpcThread(PVOID Context)
{
    KEX_WAIT Why = {.What = "DPCs to run", .Object = &Dpcs.Work, .Timed = true, .Idle = true};

    (void)Context;
    while (!__atomic_load_n(&Dpcs.Stop, __ATOMIC_ACQUIRE)) {
        KexWaitForObject(&Dpcs.Work, KernelMode, FALSE, NULL, &Why);
        DrainUnowned(KexxCurrent);
    }
}

NTSTATUS KexxStartDpcThread(void)
{
    __atomic_store_n(&Dpcs.Stop, false, __ATOMIC_RELEASE);
    KeNumberProcessors = (CCHAR)KexxProcessorCount;
    KeInitializeEvent(&Dpcs.Work, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Dpcs.Idle, NotificationEvent, FALSE);
    return KexThreadStart("dpc", NULL, DpcThread, NULL, &Dpcs.Thread);
}

void KexxStopDpcThread(void)
{
    if (!Dpcs.Thread)
        return;
    __atomic_store_n(&Dpcs.Stop, true, __ATOMIC_RELEASE);
    KeSetEvent(&Dpcs.Work, 0, FALSE);
    KexJoinThread(Dpcs.Thread);
    Dpcs.Thread = NULL;
}

/* ---- exports --------------------------------------------------------------------------------- */

static void Initialize(PRKDPC Dpc, UCHAR Type, PKDEFERRED_ROUTINE Routine, PVOID Context)
{
    Dpc->Type = Type;
    Dpc->Importance = MediumImportance;
    Dpc->Number = 0;
    Dpc->DpcListEntry.Next = NULL;
    Dpc->ProcessorHistory = 0;
    Dpc->DeferredRoutine = Routine;
    Dpc->DeferredContext = Context;
    Dpc->DpcData = NULL;
}

/* Storage is the caller's and resident (nf-wdm-keinitializedpc). */
VOID NTAPI KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    Initialize(Dpc, DPC_TYPE, DeferredRoutine, DeferredContext);
}

/* A threaded DPC may run at PASSIVE_LEVEL; here it runs as an ordinary one, which its routine must
 * allow for. */
VOID NTAPI KeInitializeThreadedDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine,
                                   PVOID DeferredContext)
{
    Initialize(Dpc, THREADED_DPC_TYPE, DeferredRoutine, DeferredContext);
}

/*
 * Queues a DPC; FALSE when it was queued already, then its arguments stay. Any IRQL. Without a
 * target processor it is the current one: below DISPATCH_LEVEL the routine has run when this
 * returns, above it runs when the thread lowers (nf-wdm-keinsertqueuedpc).
 */
BOOLEAN NTAPI KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2)
{
    PKTHREAD Thread = KexxCurrent;
    ULONG Number = Dpc->Number & (TARGETED - 1);
    BOOLEAN Inserted;
    KIRQL Old;

    if (!(Dpc->Number & TARGETED) || Number >= KexxProcessorCount) {
        Old = KexxIrql(Thread) < DISPATCH_LEVEL ? KexxRaise(Thread, DISPATCH_LEVEL)
                                                : KexxIrql(Thread);
        Inserted =
            Enqueue(&KexxProcessors[Thread->Pcr.Number], Dpc, SystemArgument1, SystemArgument2);
        if (Old < DISPATCH_LEVEL)
            KexxLower(Thread, Old);
        return Inserted;
    }
    Inserted = Enqueue(&KexxProcessors[Number], Dpc, SystemArgument1, SystemArgument2);
    if (Inserted && __atomic_load_n(&KexxProcessors[Number].Owner, __ATOMIC_SEQ_CST) != Thread) {
        /* An owner that is just letting go either sees the DPC now or is seen to be gone by the DPC
         * thread. */
        host_heavy_barrier();
        KeSetEvent(&Dpcs.Work, 0, FALSE);
    }
    return Inserted;
}

/* Takes a queued DPC back; FALSE when it is not queued: it may be running
 * (nf-wdm-keremovequeuedpc). */
BOOLEAN NTAPI KeRemoveQueueDpc(PRKDPC Dpc)
{
    KEX_PROCESSOR *Processor = __atomic_load_n((KEX_PROCESSOR **)&Dpc->DpcData, __ATOMIC_ACQUIRE);
    PKDPC *Link, Before = NULL;
    BOOLEAN Removed = FALSE;

    if (!Processor)
        return FALSE;
    host_lock_acquire(&Processor->Lock);
    for (Link = &HEAD(Processor); *Link && *Link != Dpc; Link = &NEXT(*Link))
        Before = *Link;
    if (*Link) {
        *Link = NEXT(Dpc);
        if (TAIL(Processor) == Dpc)
            TAIL(Processor) = Before;
        __atomic_fetch_sub(&Processor->Depth, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&Dpc->DpcData, NULL, __ATOMIC_RELEASE);
        Removed = TRUE;
    }
    host_lock_release(&Processor->Lock);
    return Removed;
}

/* As above, and with WaitIfActive it waits until a running routine is over
 * (nf-ntddk-keremovequeuedpcex). */
BOOLEAN NTAPI KeRemoveQueueDpcEx(PRKDPC Dpc, BOOLEAN WaitIfActive)
{
    BOOLEAN Removed = KeRemoveQueueDpc(Dpc);

    if (WaitIfActive)
        KeFlushQueuedDpcs();
    return Removed;
}

static bool AnyBusy(void)
{
    for (ULONG i = 0; i < KexxProcessorCount; i++)
        if (__atomic_load_n(&KexxProcessors[i].Depth, __ATOMIC_SEQ_CST) ||
            __atomic_load_n(&KexxProcessors[i].Draining, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

/* Returns when every DPC queued before the call has run. PASSIVE_LEVEL (nf-wdm-keflushqueueddpcs).
 */
VOID NTAPI KeFlushQueuedDpcs(VOID)
{
    KEX_WAIT Why = {.What = "end of queued DPCs", .Object = &Dpcs.Idle, .Timed = false,
                    .Caller = __builtin_return_address(0)};

    __atomic_fetch_add(&Dpcs.Flushers, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        KeClearEvent(&Dpcs.Idle);
        if (!AnyBusy())
            break;
        KeSetEvent(&Dpcs.Work, 0, FALSE);
        KexWaitForObject(&Dpcs.Idle, KernelMode, FALSE, NULL, &Why);
    }
    __atomic_fetch_sub(&Dpcs.Flushers, 1, __ATOMIC_SEQ_CST);
    /* Another flusher may have lost its signal to our clear. */
    KeSetEvent(&Dpcs.Idle, 0, FALSE);
}

/* TRUE inside a DPC routine (nf-ntddk-keisexecutingdpc). */
BOOLEAN NTAPI KeIsExecutingDpc(VOID)
{
    return KexxCurrent->DpcRunning;
}

VOID NTAPI KeSetImportanceDpc(PRKDPC Dpc, KDPC_IMPORTANCE Importance)
{
    Dpc->Importance = (UCHAR)Importance;
}

/* The DPC will run on processor Number (nf-wdm-kesettargetprocessordpc). */
VOID NTAPI KeSetTargetProcessorDpc(PRKDPC Dpc, CCHAR Number)
{
    Dpc->Number = (USHORT)(TARGETED | (UCHAR)Number);
}

NTSTATUS NTAPI KeSetTargetProcessorDpcEx(PKDPC Dpc, PPROCESSOR_NUMBER ProcNumber)
{
    if (ProcNumber->Group || ProcNumber->Number >= KexxProcessorCount || ProcNumber->Reserved)
        return STATUS_INVALID_PARAMETER;
    Dpc->Number = (USHORT)(TARGETED | ProcNumber->Number);
    return STATUS_SUCCESS;
}

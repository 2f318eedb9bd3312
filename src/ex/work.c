/* SPDX-License-Identifier: MIT */
/*
 * System worker threads. Three queues (hypercritical, critical, delayed), each with threads of its
 * own; a queue grows a thread when an item waits and no thread is idle, so that items which wait
 * for each other do not close the queue, up to a limit as on Windows.
 */
#include "ex/exi.h"

#include <assert.h>
#include <string.h>

#define MAX_WORKERS 64

typedef struct _WORKER {
    PKTHREAD Thread;
    struct _QUEUE *Queue;
    ULONG64 Serial;                     /* of the item it runs, 0: none */
} WORKER;

typedef struct _QUEUE {
    const char *Name;
    host_lock Lock;
    LIST_ENTRY Items;
    ULONG64 Queued, Taken;              /* serials: an item's is Queued when it comes */
    KSEMAPHORE Ready;
    ULONG Idle, Workers;
    WORKER Worker[MAX_WORKERS];
} QUEUE;

static QUEUE Queues[3] = {
    {.Name = "worker critical"}, {.Name = "worker delayed"}, {.Name = "worker hypercritical"}};
static KEVENT Done;                     /* an item has run, or a worker stopped; for flushes */
static LONG Flushers;
static bool Started, Stopping;

static QUEUE *QueueFor(WORK_QUEUE_TYPE Type)
{
    /* A custom priority says how important an item is on a scale of 32. */
    if (Type >= CustomPriorityWorkQueue)
        return &Queues[Type - CustomPriorityWorkQueue > 12 ? CriticalWorkQueue : DelayedWorkQueue];
    switch (Type) {
    case CriticalWorkQueue:
    case RealTimeWorkQueue:
        return &Queues[0];
    case HyperCriticalWorkQueue:
    case SuperCriticalWorkQueue:
        return &Queues[2];
    default:
        return &Queues[1];
    }
}

/* ---- workers --------------------------------------------------------------------------------- */

/* What an item must leave as it found it (LCK-014). */
static void CheckReturn(PWORKER_THREAD_ROUTINE Routine, PVOID Parameter, PWORK_QUEUE_ITEM Item)
{
    const void *Where = (const void *)Routine;
    const ULONG_PTR Parameters[4] = {(ULONG_PTR)Where, KeGetCurrentIrql(), (ULONG_PTR)Parameter,
                                     (ULONG_PTR)Item};
    ULONG Counts = KexApcDisableCounts(KexCurrentThread());

    if (__builtin_expect(KeGetCurrentIrql() != PASSIVE_LEVEL, 0))
        KexBugCheck(WORKER_THREAD_RETURNED_AT_BAD_IRQL, Parameters, Where,
                    "LCK-014: a work routine returned at IRQL %u", KeGetCurrentIrql());
    if (__builtin_expect(Counts != 0, 0))
        KexBugCheck(APC_INDEX_MISMATCH, Parameters, Where,
                    "LCK-014: a work routine returned with APCs disabled (normal %u, special %u)",
                    Counts & 0xffff, Counts >> 16);
}

static void RunOne(WORKER *Self)
{
    QUEUE *Queue = Self->Queue;
    PWORK_QUEUE_ITEM Item = NULL;

    host_lock_acquire(&Queue->Lock);
    if (!IsListEmpty(&Queue->Items)) {
        Item = CONTAINING_RECORD(RemoveHeadList(&Queue->Items), WORK_QUEUE_ITEM, List);
        Self->Serial = ++Queue->Taken;
        Queue->Idle--;
        Item->List.Flink = NULL;        /* free to be queued again, also by its own routine */
    }
    host_lock_release(&Queue->Lock);
    if (!Item)
        return;
    {
        PWORKER_THREAD_ROUTINE Routine = Item->WorkerRoutine;
        PVOID Parameter = Item->Parameter;

        Routine(Parameter);
        CheckReturn(Routine, Parameter, Item);
    }
    KexProgress();
    host_lock_acquire(&Queue->Lock);
    Self->Serial = 0;
    Queue->Idle++;
    host_lock_release(&Queue->Lock);
    if (__atomic_load_n(&Flushers, __ATOMIC_SEQ_CST))
        KeSetEvent(&Done, 0, FALSE);
}

static void NTAPI WorkerThread(PVOID Context)
{
    WORKER *Self = Context;
    /* An idle worker waits for work, which is no hang. */
    KEX_WAIT Why = {.What = "work",
                    .Object = &Self->Queue->Ready,
                    .Name = Self->Queue->Name,
                    .Timed = true,
                    .Idle = true};

    for (;;) {
        KexWaitForObject(&Self->Queue->Ready, KernelMode, FALSE, NULL, &Why);
        if (__atomic_load_n(&Stopping, __ATOMIC_ACQUIRE))
            return;
        RunOne(Self);
    }
}

/* Queue locked on entry, unlocked on return. A worker counts as idle from the moment it is asked
 * for. */
static void Grow(QUEUE *Queue)
{
    WORKER *Worker = &Queue->Worker[Queue->Workers++];

    Worker->Queue = Queue;
    Worker->Thread = NULL;
    Queue->Idle++;
    host_lock_release(&Queue->Lock);
    if (!NT_SUCCESS(KexThreadStart(Queue->Name, NULL, WorkerThread, Worker, &Worker->Thread))) {
        host_lock_acquire(&Queue->Lock);
        Queue->Idle--;
        host_lock_release(&Queue->Lock);
        if (!Queue->Taken)
            KexStop(0, "OUT OF MEMORY", NULL, "no host thread for the work queue");
    }
}

/*
 * Runs Item->WorkerRoutine(Item->Parameter) on a system thread at PASSIVE_LEVEL. The item stays the
 * caller's until its routine is called; queueing it twice at once is WORKER_INVALID. IRQL <=
 * DISPATCH_LEVEL (nf-wdm-exqueueworkitem).
 */
VOID NTAPI ExQueueWorkItem(PWORK_QUEUE_ITEM WorkItem, WORK_QUEUE_TYPE QueueType)
{
    QUEUE *Queue = QueueFor(QueueType);
    ULONG64 Waiting;

    if (WorkItem->List.Flink) {
        const ULONG_PTR Parameter[4] = {1, (ULONG_PTR)WorkItem, 0, 0};

        KexBugCheck(WORKER_INVALID, Parameter, __builtin_return_address(0),
            "the work item at %p is queued already, or was not initialised", (void *)WorkItem);
    }
    assert(Started);
    host_lock_acquire(&Queue->Lock);
    InsertTailList(&Queue->Items, &WorkItem->List);
    Queue->Queued++;
    Waiting = Queue->Queued - Queue->Taken;
    if (Waiting > Queue->Idle && Queue->Workers < MAX_WORKERS)
        Grow(Queue);
    else
        host_lock_release(&Queue->Lock);
    KeReleaseSemaphore(&Queue->Ready, 0, 1, FALSE);
}

/* ---- for the rooms --------------------------------------------------------------------------- */

static bool FinishedUpTo(QUEUE *Queue, ULONG64 Serial)
{
    bool Finished;

    host_lock_acquire(&Queue->Lock);
    Finished = Queue->Taken >= Serial;
    for (ULONG i = 0; i < Queue->Workers && Finished; i++)
        Finished = !Queue->Worker[i].Serial || Queue->Worker[i].Serial > Serial;
    host_lock_release(&Queue->Lock);
    return Finished;
}

void ExxWorkFlush(void)
{
    KEX_WAIT Why = {.What = "end of work items", .Object = &Done};

    __atomic_fetch_add(&Flushers, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < RTL_NUMBER_OF(Queues) && Started; i++) {
        ULONG64 Last;

        host_lock_acquire(&Queues[i].Lock);
        Last = Queues[i].Queued;
        host_lock_release(&Queues[i].Lock);
        for (;;) {
            KeClearEvent(&Done);
            if (FinishedUpTo(&Queues[i], Last))
                break;
            KexWaitForObject(&Done, KernelMode, FALSE, NULL, &Why);
        }
    }
    __atomic_fetch_sub(&Flushers, 1, __ATOMIC_SEQ_CST);
    KeSetEvent(&Done, 0, FALSE); /* a flush beside this one may have lost its signal to our clear */
}

PWORK_QUEUE_ITEM ExxWorkInRange(const void *Base, size_t Bytes)
{
    PWORK_QUEUE_ITEM Found = NULL;

    for (unsigned i = 0; i < RTL_NUMBER_OF(Queues) && Started && !Found; i++) {
        QUEUE *Queue = &Queues[i];

        if (__atomic_load_n(&Queue->Queued, __ATOMIC_RELAXED) ==
            __atomic_load_n(&Queue->Taken, __ATOMIC_RELAXED))
            continue;
        host_lock_acquire(&Queue->Lock);
        for (PLIST_ENTRY Entry = Queue->Items.Flink; Entry != &Queue->Items && !Found;
             Entry = Entry->Flink)
            if ((ULONG_PTR)Entry - (ULONG_PTR)Base < Bytes)
                Found = CONTAINING_RECORD(Entry, WORK_QUEUE_ITEM, List);
        host_lock_release(&Queue->Lock);
    }
    return Found;
}

void ExxStartWork(void)
{
    __atomic_store_n(&Stopping, false, __ATOMIC_RELEASE);
    KeInitializeEvent(&Done, NotificationEvent, FALSE);
    for (unsigned i = 0; i < RTL_NUMBER_OF(Queues); i++) {
        InitializeListHead(&Queues[i].Items);
        KeInitializeSemaphore(&Queues[i].Ready, 0, INT32_MAX);
        Queues[i].Queued = Queues[i].Taken = 0;
        Queues[i].Idle = Queues[i].Workers = 0;
    }
    Started = true;
}

void ExxStopWork(void)
{
    if (!Started)
        return;
    ExxWorkFlush();
    Started = false;
    __atomic_store_n(&Stopping, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < RTL_NUMBER_OF(Queues); i++) {
        KeReleaseSemaphore(&Queues[i].Ready, 0, (LONG)Queues[i].Workers, FALSE);
        for (ULONG n = 0; n < Queues[i].Workers; n++)
            if (Queues[i].Worker[n].Thread)
                KexJoinThread(Queues[i].Worker[n].Thread);
    }
}

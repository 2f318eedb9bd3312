/* SPDX-License-Identifier: MIT */
/*
 * NT threads. Each is a host thread with a KTHREAD: started here, or a host thread that was
 * attached. The list of live threads serves reports, the look-up by client id and the check at
 * unload.
 */
#include "kei.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__thread PKTHREAD KexxCurrent __attribute__((tls_model("initial-exec")));
PEPROCESS KexSystemProcess;

/* Ended host threads, joined by the next start or by KexEnd: a thread cannot join itself. */
typedef struct _KEX_REAP {
    host_thread *Host;
    struct _KEX_REAP *Next;
} KEX_REAP;

static host_lock ListLock;          /* Threads and Ops */
static LIST_ENTRY Threads = {&Threads, &Threads};
static KEX_OBJECT_OPS Ops;
static host_lock ReapLock;
static KEX_REAP *Reaped;
static ULONG NextClientId = 4;      /* 4 is the System process */

/* Adoption by ob takes locks of its own, which are scheduling points. */
static void LockList(void)
{
    KexxNoSwitch++;
    host_lock_acquire(&ListLock);
}

static void UnlockList(void)
{
    host_lock_release(&ListLock);
    KexxNoSwitch--;
}

/* ---- thread objects -------------------------------------------------------------------------- */

static void Reference(PKTHREAD Thread)
{
    if (__atomic_load_n(&Thread->Adopted, __ATOMIC_ACQUIRE))
        Ops.Reference(Thread);
    else
        __atomic_fetch_add(&Thread->References, 1, __ATOMIC_RELAXED);
}

static void Dereference(PKTHREAD Thread)
{
    if (__atomic_load_n(&Thread->Adopted, __ATOMIC_ACQUIRE))
        Ops.Dereference(Thread);
    else if (__atomic_sub_fetch(&Thread->References, 1, __ATOMIC_ACQ_REL) == 0)
        KexThreadDelete(Thread);
}

/* Called with the list locked. */
static void Adopt(PKTHREAD Thread)
{
    if (Ops.AdoptThread && !Thread->Adopted) {
        Ops.AdoptThread(Thread, Thread->References);
        __atomic_store_n(&Thread->Adopted, true, __ATOMIC_RELEASE);
    }
}

/* Called by ob at its start, while the machine has only the threads of the kernel base. */
void KexSetObjectOps(const KEX_OBJECT_OPS *NewOps)
{
    PLIST_ENTRY Entry;

    LockList();
    Ops = *NewOps;
    for (Entry = Threads.Flink; Entry != &Threads; Entry = Entry->Flink)
        Adopt(CONTAINING_RECORD(Entry, KTHREAD, ThreadLink));
    UnlockList();
}

static PKTHREAD Create(const char *Name, PEPROCESS Process, LONG References)
{
    size_t Bytes = (KEX_OBJECT_PREFIX + sizeof(KTHREAD) + 63) & ~(size_t)63;
    char *Memory = aligned_alloc(64, Bytes);
    PKTHREAD Thread;

    _Static_assert(KEX_OBJECT_PREFIX % 64 == 0, "the body keeps its alignment");
    if (!Memory)
        return NULL;
    memset(Memory, 0, Bytes);
    Thread = (PKTHREAD)(void *)(Memory + KEX_OBJECT_PREFIX);
    Thread->References = References;
    KexInitializeDispatcher(Thread, KEX_OBJECT_THREAD,
                            sizeof(KTHREAD) / 4 > 255 ? 255 : sizeof(KTHREAD) / 4);
    snprintf(Thread->Name, sizeof(Thread->Name), "%s", Name);
    Thread->Process = Process;
    Thread->ExitStatus = STATUS_PENDING;
    Thread->Priority = 8;
    Thread->ClientId = KexAllocateClientId();
    Thread->Pcr.Number = Thread->ClientId / 4 % KexxProcessorCount;
    Thread->Pcr.Self = &Thread->Pcr;
    Thread->Pcr.Prcb = (char *)&Thread->Pcr + 0x180;
    Thread->Pcr.CurrentThread = Thread;
    InitializeListHead(&Thread->Mutants);
    InitializeListHead(&Thread->ApcList[KernelMode]);
    InitializeListHead(&Thread->ApcList[UserMode]);
    for (ULONG i = 0; i < MAXIMUM_WAIT_OBJECTS; i++)
        Thread->Blocks[i].Thread = Thread;
    LockList();
    InsertTailList(&Threads, &Thread->ThreadLink);
    Adopt(Thread);
    UnlockList();
    return Thread;
}

void KexThreadDelete(PVOID Body)
{
    PKTHREAD Thread = Body;
    unsigned Spins = 0;

    assert(Thread != KexxCurrent);
    while (__atomic_load_n(&Thread->Pins, __ATOMIC_ACQUIRE))
        KexxRelax(&Spins);
    free((char *)Body - KEX_OBJECT_PREFIX);
}

void KexPinThread(PKTHREAD Thread)
{
    KexxPin(Thread);
}

void KexUnpinThread(PKTHREAD Thread)
{
    KexxUnpin(Thread);
}

/* ---- life of a thread ------------------------------------------------------------------------ */

/* On the thread itself: from here on it is an NT thread. */
static void Bind(PKTHREAD Thread)
{
    host_lock_acquire(&Thread->ViewLock);
    Thread->HostId = host_thread_id();
    host_thread_stack(&Thread->StackLow, &Thread->StackHigh);
    host_lock_release(&Thread->ViewLock);
    Thread->Pcr.StackLimit = Thread->StackLow;
    host_set_gs(&Thread->Pcr);
    KexxCurrent = Thread;
    KexSched->Started(Thread);
    KexProgress();
}

/* On the thread itself: signals its end and lets go of it. */
static void Unbind(PKTHREAD Thread)
{
    KexxRundownApcs(Thread);
    KexxAbandonMutants(Thread);
    KexxFreeDeadStack(Thread);
    LockList();
    RemoveEntryList(&Thread->ThreadLink);
    UnlockList();
    KexSignalDispatcher(Thread);
    KexProgress();
    KexxCurrent = NULL;
    host_set_gs(NULL);
    Dereference(Thread);
    KexSched->Ended(Thread);
}

PKTHREAD KexAttachHostThread(const char *Name)
{
    PKTHREAD Thread = KexxCurrent;

    if (Thread)
        return Thread;
    Thread = Create(Name, NULL, 1);
    if (!Thread)
        return NULL;
    KexSched->Created(Thread);
    Bind(Thread);
    return Thread;
}

void KexDetachHostThread(void)
{
    PKTHREAD Thread = KexxCurrent;

    if (!Thread)
        return;
    assert(!Thread->Started);
    Thread->ExitStatus = STATUS_SUCCESS;
    Unbind(Thread);
}

/* Documented bug checks of a thread that ends in a state it must not end in. */
static void CheckEnd(PKTHREAD Thread)
{
    if (KexxIrql(Thread) != PASSIVE_LEVEL)
        KexStop(IRQL_NOT_LESS_OR_EQUAL, "IRQL_NOT_LESS_OR_EQUAL", (const void *)Thread->Routine,
            "system thread \"%s\" ended at IRQL %u", Thread->Name, KexxIrql(Thread));
    KexxAbandonMutants(Thread);
    if (Thread->KernelApcDisable || Thread->SpecialApcDisable)
        KexStop(KERNEL_APC_PENDING_DURING_EXIT, "KERNEL_APC_PENDING_DURING_EXIT",
                (const void *)Thread->Routine,
                "system thread \"%s\" ended with APCs disabled (normal %d, special %d): a critical "
                "or guarded region was "
                "entered and not left",
                Thread->Name, Thread->KernelApcDisable, Thread->SpecialApcDisable);
}

static void ThreadMain(void *Argument)
{
    PKTHREAD Thread = Argument;
    KEX_REAP *Reap;

    Bind(Thread);
    if (!setjmp(Thread->Exit)) {
        Thread->Routine(Thread->Context);
        Thread->ExitStatus = STATUS_SUCCESS;
    }
    CheckEnd(Thread);
    Reap = malloc(sizeof *Reap);
    if (Reap) {
        host_lock_acquire(&ReapLock);
        Reap->Host = Thread->Host;
        Reap->Next = Reaped;
        Reaped = Reap;
        host_lock_release(&ReapLock);
    }
    Unbind(Thread);
}

static void JoinReaped(void)
{
    KEX_REAP *Reap, *Next;

    host_lock_acquire(&ReapLock);
    Reap = Reaped;
    Reaped = NULL;
    host_lock_release(&ReapLock);
    for (; Reap; Reap = Next) {
        Next = Reap->Next;
        host_thread_join(Reap->Host);
        free(Reap);
    }
}

NTSTATUS KexThreadStart(const char *Name, PEPROCESS Process, PKSTART_ROUTINE Routine, PVOID Context,
                        PKTHREAD *Out)
{
    PKTHREAD Thread;

    JoinReaped();
    Thread = Create(Name, Process, Out ? 2 : 1);
    if (!Thread)
        return STATUS_INSUFFICIENT_RESOURCES;
    Thread->Started = true;
    Thread->Routine = Routine;
    Thread->Context = Context;
    /* The new thread reads Host only when it ends, under the lock it is written under. */
    host_lock_acquire(&ReapLock);
    if (host_thread_start(Name, 0, ThreadMain, Thread, &Thread->Host)) {
        host_lock_release(&ReapLock);
        LockList();
        RemoveEntryList(&Thread->ThreadLink);
        UnlockList();
        if (Out)
            Dereference(Thread);
        Dereference(Thread);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    host_lock_release(&ReapLock);
    KexSched->Created(Thread);
    if (Out)
        *Out = Thread;
    return STATUS_SUCCESS;
}

_Noreturn void KexThreadExit(NTSTATUS Status)
{
    PKTHREAD Thread = KexxCurrent;

    assert(Thread && Thread->Started);
    Thread->ExitStatus = Status;
    if (Ops.Ending)
        Ops.Ending(Thread);
    longjmp(Thread->Exit, 1);
}

NTSTATUS KexThreadExitStatus(PKTHREAD Thread)
{
    return KexxState(&Thread->Header) > 0 ? Thread->ExitStatus : STATUS_PENDING;
}

void KexJoinThread(PKTHREAD Thread)
{
    KEX_WAIT Why = {.What = "end of a thread", .Object = Thread};

    KexWaitForObject(Thread, KernelMode, FALSE, NULL, &Why);
    Dereference(Thread);
}

void KexEnd(void)
{
    KexxStopTimerThread();
    KexxStopDpcThread();
    JoinReaped();
    KexDetachHostThread();
    memset(&Ops, 0, sizeof Ops);
    KexxStartTime = 0;
}

/* ---- facts about threads --------------------------------------------------------------------- */

ULONG KexAllocateClientId(void)
{
    return __atomic_add_fetch(&NextClientId, 4, __ATOMIC_RELAXED);
}

ULONG KexThreadClientId(PKTHREAD Thread)
{
    return Thread->ClientId;
}

PKTHREAD KexThreadByClientId(ULONG Id)
{
    PKTHREAD Found = NULL;
    PLIST_ENTRY Entry;

    LockList();
    for (Entry = Threads.Flink; Entry != &Threads && !Found; Entry = Entry->Flink) {
        PKTHREAD Thread = CONTAINING_RECORD(Entry, KTHREAD, ThreadLink);

        /* On the list means that the thread itself still holds its reference. */
        if (Thread->ClientId == Id)
            Reference(Found = Thread);
    }
    UnlockList();
    return Found;
}

KPROCESSOR_MODE KexSetPreviousMode(KPROCESSOR_MODE Mode)
{
    KPROCESSOR_MODE Old = KexxCurrent->PreviousMode;

    KexxCurrent->PreviousMode = Mode;
    return Old;
}

PIRP KexGetTopLevelIrp(void)
{
    return KexxCurrent->TopLevelIrp;
}

void KexSetTopLevelIrp(PIRP Irp)
{
    KexxCurrent->TopLevelIrp = Irp;
}

PEPROCESS KexThreadProcess(PKTHREAD Thread)
{
    return Thread->Process ? Thread->Process : KexSystemProcess;
}

void KexSetThreadProcess(PKTHREAD Thread, PEPROCESS Process)
{
    Thread->Process = Process;
}

PEPROCESS KexCurrentProcess(void)
{
    PKTHREAD Thread = KexxCurrent;

    return Thread && Thread->Attached ? Thread->Attached
           : Thread                   ? KexThreadProcess(Thread)
                                      : KexSystemProcess;
}

const char *KexThreadName(PKTHREAD Thread)
{
    return Thread->Name;
}

int KexThreadHostId(PKTHREAD Thread)
{
    return Thread->HostId;
}

ULONG NTAPI KexApcDisableCounts(PKTHREAD Thread)
{
    return (USHORT)-Thread->KernelApcDisable | (ULONG)(USHORT)-Thread->SpecialApcDisable << 16;
}

void KexForEachThread(void (*fn)(const KEX_THREAD_VIEW *View, void *Context), void *Context)
{
    PLIST_ENTRY Entry;

    LockList();
    for (Entry = Threads.Flink; Entry != &Threads; Entry = Entry->Flink) {
        PKTHREAD Thread = CONTAINING_RECORD(Entry, KTHREAD, ThreadLink);
        KEX_THREAD_VIEW View = {.Thread = Thread, .Name = Thread->Name, .Irql = KexxIrql(Thread)};

        /* The thread cannot leave its wait while fn looks at it: what the wait names is alive. */
        host_lock_acquire(&Thread->ViewLock);
        View.HostId = Thread->HostId;
        View.StackLow = Thread->StackLow;
        View.StackHigh = Thread->StackHigh;
        View.Wait = Thread->Wait;
        View.WaitStart = Thread->WaitStart;
        fn(&View, Context);
        host_lock_release(&Thread->ViewLock);
    }
    UnlockList();
}

/* ---- exports --------------------------------------------------------------------------------- */

/* The current thread; the caller has no reference by it (nf-ntddk-psgetcurrentthread). */
PETHREAD NTAPI PsGetCurrentThread(VOID)
{
    return (PETHREAD)KexxCurrent;
}

/*
 * Ends the current system thread and does not return then. STATUS_INVALID_PARAMETER on a thread
 * that was not made by PsCreateSystemThread (nf-wdm-psterminatesystemthread).
 */
NTSTATUS NTAPI PsTerminateSystemThread(NTSTATUS ExitStatus)
{
    if (!KexxCurrent->Started)
        return STATUS_INVALID_PARAMETER;
    KexThreadExit(ExitStatus);
}

HANDLE NTAPI PsGetThreadId(PETHREAD Thread)
{
    return (HANDLE)(ULONG_PTR)((PKTHREAD)Thread)->ClientId;
}

HANDLE NTAPI PsGetCurrentThreadId(VOID)
{
    return (HANDLE)(ULONG_PTR)KexxCurrent->ClientId;
}

PEPROCESS NTAPI PsGetThreadProcess(PETHREAD Thread)
{
    return KexThreadProcess((PKTHREAD)Thread);
}

PEPROCESS NTAPI PsGetCurrentThreadProcess(VOID)
{
    return KexThreadProcess(KexxCurrent);
}

PEPROCESS NTAPI PsGetCurrentProcess(VOID)
{
    return KexCurrentProcess();
}

PEPROCESS NTAPI IoGetCurrentProcess(VOID)
{
    return KexCurrentProcess();
}

/* TRUE for threads that run in the System process (nf-ntifs-psissystemthread). */
BOOLEAN NTAPI PsIsSystemThread(PETHREAD Thread)
{
    return KexThreadProcess((PKTHREAD)Thread) == KexSystemProcess;
}

/* Who made the request that the thread works on: UserMode parameters must be probed
 * (nf-wdm-exgetpreviousmode). */
KPROCESSOR_MODE NTAPI ExGetPreviousMode(VOID)
{
    return KexxCurrent ? KexxCurrent->PreviousMode : KernelMode;
}

KPRIORITY NTAPI KeQueryPriorityThread(PKTHREAD Thread)
{
    return Thread->Priority;
}

/* Priorities are kept and reported; the host schedules (nf-wdm-kesetprioritythread). */
KPRIORITY NTAPI KeSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority)
{
    return __atomic_exchange_n(&Thread->Priority, Priority, __ATOMIC_RELAXED);
}

LONG NTAPI KeSetBasePriorityThread(PKTHREAD Thread, LONG Increment)
{
    return __atomic_exchange_n(&Thread->Priority, 8 + Increment, __ATOMIC_RELAXED) - 8;
}

UCHAR NTAPI KeSetIdealProcessorThread(PKTHREAD Thread, UCHAR Processor)
{
    (void)Processor;
    return (UCHAR)__atomic_load_n(&Thread->Pcr.Number, __ATOMIC_RELAXED);
}

/* Processor time of the thread in ticks; all of it counts as kernel time
 * (nf-ntifs-kequeryruntimethread). */
ULONG NTAPI KeQueryRuntimeThread(PKTHREAD Thread, PULONG UserTime)
{
    *UserTime = 0;
    return (ULONG)(host_thread_cpu_ns_of(Thread->HostId) / 100 / KeQueryTimeIncrement());
}

/* Stacks are never swapped out; TRUE as the thread's former setting
 * (nf-ntddk-kesetkernelstackswapenable). */
BOOLEAN NTAPI KeSetKernelStackSwapEnable(BOOLEAN Enable)
{
    (void)Enable;
    return TRUE;
}

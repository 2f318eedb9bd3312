/* SPDX-License-Identifier: MIT */
/*
 * kei.h - what the files of the kernel base share and nobody else sees: the thread, its processor
 * block, the dispatcher header with its lock bit, and the steps of satisfying a wait.
 *
 * Lock order inside ke: a thread's AllLock, then dispatcher objects (several only in address
 * order), then the timer table, a mutant list, an APC list or a processor's DPC queue. None of them
 * is held while NT code runs.
 */
#ifndef OPENFLT_KE_KEI_H
#define OPENFLT_KE_KEI_H

#include "ke/ke.h"
#include "ke/stopcodes.h"

#include <assert.h>
#include <setjmp.h>

typedef struct _KTHREAD KTHREAD;

#ifndef STATUS_MUTANT_LIMIT_EXCEEDED
#define STATUS_MUTANT_LIMIT_EXCEEDED ((NTSTATUS)0xC0000191)
#endif

/* ---- dispatcher objects ---------------------------------------------------------------------- */

enum {
    KEX_OBJECT_NOTIFICATION_EVENT = 0, KEX_OBJECT_SYNCHRONIZATION_EVENT = 1, KEX_OBJECT_MUTANT = 2,
    KEX_OBJECT_QUEUE = 4, KEX_OBJECT_SEMAPHORE = 5, KEX_OBJECT_NOTIFICATION_TIMER = 8,
    KEX_OBJECT_SYNCHRONIZATION_TIMER = 9, KEX_OBJECT_LAST = 9
};

/* DISPATCHER_HEADER as ke uses it. The lock is bit 7 of the type byte, as on Windows. */
typedef struct _KEX_HEADER {
    UCHAR Type, Flags, Size, Inserted;
    LONG SignalState;
    LIST_ENTRY WaitListHead;
} KEX_HEADER;
_Static_assert(sizeof(KEX_HEADER) == sizeof(DISPATCHER_HEADER), "dispatcher header");
_Static_assert(sizeof(KEX_HEADER) == 24, "dispatcher header");

#define KEX_LOCK_BIT 0x80u

/* One turn of a loop that waits for a short-held bit: the holder may have been preempted by the
 * host. */
static inline void KexxRelax(unsigned *Spins)
{
    if (__builtin_expect(KexDeterministic, 0))
        KexSched->Point(KEX_POINT_SPIN);
    else if (++*Spins < 64)
        __builtin_ia32_pause();
    else
        host_thread_yield();
}

void KEX_SLOW KexxLockObjectSlow(KEX_HEADER *Header);
static inline void KexxLockObject(KEX_HEADER *Header)
{
    UCHAR Type = __atomic_load_n(&Header->Type, __ATOMIC_RELAXED) & (UCHAR)~KEX_LOCK_BIT;

    if (!__atomic_compare_exchange_n(&Header->Type, &Type, (UCHAR)(Type | KEX_LOCK_BIT), false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        KexxLockObjectSlow(Header);
}

static inline bool KexxTryLockObject(KEX_HEADER *Header)
{
    return !(__atomic_fetch_or(&Header->Type, KEX_LOCK_BIT, __ATOMIC_ACQUIRE) & KEX_LOCK_BIT);
}

static inline void KexxUnlockObject(KEX_HEADER *Header)
{
    UCHAR Type = __atomic_load_n(&Header->Type, __ATOMIC_RELAXED);

    assert(Type & KEX_LOCK_BIT);
    __atomic_store_n(&Header->Type, (UCHAR)(Type & ~KEX_LOCK_BIT), __ATOMIC_RELEASE);
}

static inline UCHAR KexxKind(const KEX_HEADER *Header)
{
    return __atomic_load_n(&Header->Type, __ATOMIC_RELAXED) & (UCHAR)~KEX_LOCK_BIT;
}

static inline LONG KexxState(const KEX_HEADER *Header)
{
    return __atomic_load_n(&Header->SignalState, __ATOMIC_RELAXED);
}

/* Written under the object's lock; read without it by KeReadState routines. */
static inline void KexxSetState(KEX_HEADER *Header, LONG State)
{
    __atomic_store_n(&Header->SignalState, State, __ATOMIC_RELAXED);
}

/* ---- waits ----------------------------------------------------------------------------------- */

typedef struct _KEX_WAIT_BLOCK {
    LIST_ENTRY Link;                /* in Object's WaitListHead, under its lock */
    PKTHREAD Thread;
    KEX_HEADER *Object;
    struct _KEX_WAIT_BLOCK *Next;   /* on a signaller's list of wait-alls to look at again */
    USHORT Key;
    bool Linked, All;
    UCHAR Pending;                  /* on such a list now */
} KEX_WAIT_BLOCK;

/* Life of one wait. Whoever moves ARMED to CLAIMED decides its result. */
enum { KEX_WAIT_NONE, KEX_WAIT_ARMED, KEX_WAIT_CLAIMED, KEX_WAIT_DONE };

enum { KEX_WAIT_ALERTABLE = 1, KEX_WAIT_USER = 2, KEX_WAIT_INTERRUPTIBLE = 4 };

static inline UCHAR KexxWaitFlags(const UCHAR *Flags)
{
    return __atomic_load_n(Flags, __ATOMIC_RELAXED);
}

/* What a signaller has to do once the object is unlocked. */
typedef struct _KEX_SIGNAL {
    PKTHREAD Wake, *WakeTail;
    KEX_WAIT_BLOCK *All;
} KEX_SIGNAL;

static inline void KexxSignalInit(KEX_SIGNAL *Signal)
{
    Signal->Wake = NULL;
    Signal->WakeTail = &Signal->Wake;
    Signal->All = NULL;
}
/* Object locked: gives its signal to the waiters it satisfies, first come first served. */
void KexxSatisfy(KEX_HEADER *Header, KEX_SIGNAL *Signal);
/* Object unlocked: wakes them, and looks at the wait-alls. */
void KexxFinishSignal(KEX_SIGNAL *Signal);
/* Steps that wait.c and dispatcher.c share; object locked. */
bool KexxObjectReady(KEX_HEADER *Header, PKTHREAD Thread);
NTSTATUS KexxConsumeObject(KEX_HEADER *Header, PKTHREAD Thread);
/* The one step that decides who ends a wait. */
bool KexxClaimWait(PKTHREAD Thread);
/* AllLock held: the objects of a wait-all in address order. */
void KexxLockAll(PKTHREAD Thread);
void KexxUnlockAll(PKTHREAD Thread);
bool KexxTakeAll(PKTHREAD Thread);
/* Ends the wait of a thread from outside (alert, APC) with Result; false when it is not waiting. */
bool KexxBreakWait(PKTHREAD Thread, NTSTATUS Result);
/* Stops the machine when the locked object cannot be one (never initialised, overwritten). */
_Noreturn void KEX_SLOW KexxBadObject(const KEX_HEADER *Header, const char *Routine,
                                      const void *Caller);
static inline void KexxLockChecked(KEX_HEADER *Header, const char *Routine, const void *Caller)
{
    KexxLockObject(Header);
    if (__builtin_expect(KexxKind(Header) > KEX_OBJECT_LAST || !Header->WaitListHead.Flink, 0))
        KexxBadObject(Header, Routine, Caller);
}

/* ---- processors ------------------------------------------------------------------------------ */

#define KEX_MAX_PROCESSORS 64

/*
 * A thread at DISPATCH_LEVEL or above owns a processor, as on Windows: per-processor data touched
 * there is its own. DPCs queued for a processor run when its owner lowers, or on the DPC thread
 * when it has none.
 */
typedef struct _KEX_PROCESSOR {
    PKTHREAD Owner;
    host_lock Lock;                 /* the queue */
    ULONG Depth;                    /* of the queue; read without the lock */
    bool Draining;
    LIST_ENTRY Queue;               /* of KDPC.DpcListEntry overlaid by KEX_DPC */
} __attribute__((aligned(64))) KEX_PROCESSOR;
extern KEX_PROCESSOR KexxProcessors[KEX_MAX_PROCESSORS];
extern ULONG KexxProcessorCount;

/* Runs the DPCs of a processor that the current thread owns, at DISPATCH_LEVEL. */
void KexxDrainDpcs(PKTHREAD Thread, KEX_PROCESSOR *Processor);
void KEX_SLOW KexxTakeProcessor(PKTHREAD Thread);
NTSTATUS KexxStartDpcThread(void);
void KexxStopDpcThread(void);
NTSTATUS KexxStartTimerThread(void);
void KexxStopTimerThread(void);

/* Processor control region: only what inlined code reads through gs has a name. */
typedef struct _KEX_PCR {
    UCHAR Pad0[0x10];
    uintptr_t StackLimit;           /* 0x10: what stack probes of compilers compare with */
    struct _KEX_PCR *Self;          /* 0x18 */
    void *Prcb;                     /* 0x20: this + 0x180 */
    UCHAR Pad1[0x50 - 0x28];
    ULONG64 Irql;                   /* 0x50: low byte; the rest stays zero for wider reads */
    UCHAR Pad2[0x184 - 0x58];
    ULONG Number;                   /* 0x184 */
    PKTHREAD CurrentThread;         /* 0x188 */
    UCHAR Pad3[0x1000 - 0x190];
} KEX_PCR;
_Static_assert(offsetof(KEX_PCR, Irql) == KPCR_IRQL_OFFSET, "gs:[50h]");
_Static_assert(offsetof(KEX_PCR, Number) == 0x184, "gs:[184h]");
_Static_assert(offsetof(KEX_PCR, CurrentThread) == KPCR_CURRENT_THREAD_OFFSET, "gs:[188h]");

/* ---- threads --------------------------------------------------------------------------------- */

struct _KTHREAD {
    KEX_HEADER Header;              /* first: a thread is waited for by its address */
    LIST_ENTRY ThreadLink;          /* in the thread list, under its lock */
    LONG References;                /* until ob counts them */
    bool Adopted;                   /* ob counts them */
    bool Started;                   /* by KexThreadStart: PsTerminateSystemThread may end it */
    char Name[32];
    int HostId;
    ULONG ClientId;
    host_thread *Host;
    host_parker Parker;

    PEPROCESS Process, Attached;
    PIRP TopLevelIrp;
    KPROCESSOR_MODE PreviousMode;
    KPRIORITY Priority;
    KAFFINITY Affinity;
    uintptr_t StackLow, StackHigh;
    struct _KEXX_EXPANSION *Expansion;  /* stack.c: stacks it expanded from, innermost first */
    void *DeadStack;                    /* stack.c: one an exception has left, to be given back */
    size_t DeadStackBytes;

    /* Start and end. */
    PKSTART_ROUTINE Routine;
    PVOID Context;
    NTSTATUS ExitStatus;
    jmp_buf Exit;
    struct _KTHREAD *ReapNext;

    /* Waits. Pins keep the memory for signallers that are done with the object but not with the
     * thread. */
    ULONG WaitState;
    NTSTATUS WaitResult;
    UCHAR WaitFlags;                /* KEX_WAIT_* bits; others read them while the wait is armed */
    bool WaitAll;
    ULONG WaitCount;
    LONG Pins;
    PKTHREAD WakeNext;
    host_lock AllLock;
    USHORT AllOrder[MAXIMUM_WAIT_OBJECTS];
    KEX_WAIT_BLOCK Blocks[MAXIMUM_WAIT_OBJECTS];

    /* For reports. */
    host_lock ViewLock;
    const KEX_WAIT *Wait;
    uint64_t WaitStart;

    host_lock MutantLock;
    LIST_ENTRY Mutants;

    /* APCs. The disable counts are 0 or negative and belong to the thread itself, or to who
     * satisfies its wait. */
    host_lock ApcLock;
    LIST_ENTRY ApcList[2];
    bool ApcPending[2];
    UCHAR Alerted[2];
    bool ApcRunning, DpcRunning, ApcsRefused;
    SHORT KernelApcDisable, SpecialApcDisable;

    KEX_PCR Pcr __attribute__((aligned(64)));
} __attribute__((aligned(64)));

static inline KIRQL KexxIrql(PKTHREAD Thread)
{
    return (KIRQL)__atomic_load_n(&Thread->Pcr.Irql, __ATOMIC_RELAXED);
}
static inline void KexxSetIrql(PKTHREAD Thread, KIRQL Irql)
{
    __atomic_store_n(&Thread->Pcr.Irql, Irql, __ATOMIC_RELAXED);
}
static inline bool KexxTryProcessor(PKTHREAD Thread, ULONG Number)
{
    PKTHREAD None = NULL;
    KEX_PROCESSOR *Processor = &KexxProcessors[Number];

    if (!__atomic_compare_exchange_n(&Processor->Owner, &None, Thread, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return false;
    __atomic_store_n(&Thread->Pcr.Number, Number, __ATOMIC_RELAXED);
    return true;
}

/* Raise and lower without the caller's checks. The last processor is tried first: it is nearly
 * always free. */
static inline KIRQL KexxRaise(PKTHREAD Thread, KIRQL Irql)
{
    KIRQL Old = KexxIrql(Thread);

    if (Irql >= DISPATCH_LEVEL && Old < DISPATCH_LEVEL &&
        !KexxTryProcessor(Thread, Thread->Pcr.Number))
        KexxTakeProcessor(Thread);
    KexxSetIrql(Thread, Irql);
    return Old;
}

void KEX_SLOW KexxDrainAndRelease(PKTHREAD Thread, KEX_PROCESSOR *Processor);
void KEX_SLOW KexxDeliverKernelApcs(void);

/*
 * The release is a plain store and the look at the queue behind it a plain load: who queues a DPC
 * for somebody else's processor pays for the barrier between the two (dpc.c).
 */
static inline void KexxLower(PKTHREAD Thread, KIRQL Irql)
{
    if (Irql < DISPATCH_LEVEL && KexxIrql(Thread) >= DISPATCH_LEVEL) {
        KEX_PROCESSOR *Processor = &KexxProcessors[Thread->Pcr.Number];

        KexxSetIrql(Thread, DISPATCH_LEVEL);
        if (__builtin_expect(!__atomic_load_n(&Processor->Depth, __ATOMIC_RELAXED), 1)) {
            __atomic_store_n(&Processor->Owner, NULL, __ATOMIC_RELEASE);
            __atomic_signal_fence(__ATOMIC_SEQ_CST);
            if (__builtin_expect(__atomic_load_n(&Processor->Depth, __ATOMIC_RELAXED) != 0, 0) &&
                KexxTryProcessor(Thread, (ULONG)(Processor - KexxProcessors)))
                KexxDrainAndRelease(Thread, Processor);
        } else {
            KexxDrainAndRelease(Thread, Processor);
        }
    }
    KexxSetIrql(Thread, Irql);
    if (Irql < APC_LEVEL &&
        __builtin_expect(__atomic_load_n(&Thread->ApcPending[KernelMode], __ATOMIC_RELAXED), 0))
        KexxDeliverKernelApcs();
    KexSchedPoint(KEX_POINT_IRQL);
}

static inline void KexxPin(PKTHREAD Thread)
{
    __atomic_fetch_add(&Thread->Pins, 1, __ATOMIC_RELAXED);
}
static inline void KexxUnpin(PKTHREAD Thread)
{
    __atomic_fetch_sub(&Thread->Pins, 1, __ATOMIC_RELEASE);
}
/* Normal kernel APCs may run on this thread now (its own view). */
static inline bool KexxApcsAllowed(PKTHREAD Thread, bool Special)
{
    return !Thread->SpecialApcDisable &&
           (Special || (!Thread->KernelApcDisable && !Thread->ApcRunning));
}
void KexxAbandonMutants(PKTHREAD Thread);
unsigned KexxLocksHeld(void);
/* Above zero while a host lock is held around code that may reach a scheduling point. */
extern __thread unsigned KexxNoSwitch __attribute__((tls_model("initial-exec")));
void KexxRundownApcs(PKTHREAD Thread);

/* Exports that no public header declares as functions. */
BOOLEAN NTAPI KeIsAttachedProcess(VOID);
PVOID NTAPI IoGetInitialStack(VOID);

/* Interrupt time of the machine's start, monotonic ns. */
extern uint64_t KexxStartTime;
/* Deadline in monotonic ns of an NT timeout; 1 when it is over already. */
uint64_t KexxDeadline(LONGLONG Timeout);

/* stack.c */
void KexxFreeDeadStack(PKTHREAD Thread);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * ke.h - the kernel base as the other rooms see it. Documented Ke routines are in include/ddk; here
 * is what has no documented name: threads, the scheduler seam, locks of our own, the clock,
 * findings and stops.
 *
 * The scheduler seam (D14). Every wait, lock, thread start, timer and clock read of NT code ends in
 * KexBlock(), KexWake(), KexThreadStart() or a Kex clock routine. In free mode (no seed) these are
 * thin covers over the host, and KexSchedPoint() is one predicted branch. A deterministic scheduler
 * replaces KexSched and nothing else.
 */
#ifndef OPENFLT_KE_KE_H
#define OPENFLT_KE_KE_H

#include <ntifs.h>
#include <stdbool.h>
#include <stdint.h>
#include "host/host.h"

/* ---- scheduler seam -------------------------------------------------------------------------- */

typedef enum {
    KEX_POINT_EXPORT,
    KEX_POINT_LOCK,
    KEX_POINT_IRQL,
    KEX_POINT_FAULT,
    KEX_POINT_SPIN
} KEX_POINT;

typedef struct _KEX_SCHED {
    /* May switch to another thread. */
    void (*Point)(KEX_POINT Point);
    /* Blocks the current thread until Wake(thread) or the deadline (interrupt time in ns, 0: none).
     * FALSE: time over. */
    bool (*Block)(PKTHREAD Thread, uint64_t Deadline);
    void (*Wake)(PKTHREAD Thread);
    /*
     * Thread life. Created is called by the creator, so that threads are known in the order of
     * their making; Started by the new thread, which may not go on before it returns; Ended by the
     * thread as its last step, when Thread may be freed already and is only a name.
     */
    void (*Created)(PKTHREAD Thread);
    void (*Started)(PKTHREAD Thread);
    void (*Ended)(PKTHREAD Thread);
    /* Clocks: monotonic ns, and ns since 1601 as the machine sees it. */
    uint64_t (*Monotonic)(void);
    uint64_t (*Now)(void);
} KEX_SCHED;

extern const KEX_SCHED *KexSched;      /* free mode unless a seed is given */
extern bool KexDeterministic;

/*
 * The rare way out of a hot exported routine. An ms_abi function that calls a System V function
 * saves ten vector registers on entry, whichever path it takes; hot paths therefore call functions
 * of their own convention only.
 */
#define KEX_SLOW NTAPI __attribute__((noinline, cold))

void KEX_SLOW KexSchedPointSlow(KEX_POINT Point);
static inline void KexSchedPoint(KEX_POINT Point)
{
    if (__builtin_expect(KexDeterministic, 0))
        KexSchedPointSlow(Point);
}

/* 100 ns units: since 1601 (UTC), and since the machine started. */
LONGLONG KexSystemTime(void);
LONGLONG KexInterruptTime(void);

/* ---- threads --------------------------------------------------------------------------------- */

/*
 * Why a thread waits, kept while it does: the hang report is made from it. Owner is the thread
 * whose action is awaited when that is known (mutant, resource, push lock), else NULL.
 */
typedef struct _KEX_WAIT {
    const char *What;          /* "event", "resource exclusive", "spin lock" ... static text */
    const void *Object;
    const char *Name;          /* of the object when it has one, else NULL */
    PKTHREAD (*Owner)(const void *Object);
    bool Timed;                /* a wait with a time limit is never a hang */
    bool Idle; /* a service thread with nothing to do: no hang, and it ends nobody else's wait */
    const void *Caller;        /* return address of the driver's (or room's) call */
} KEX_WAIT;

/* Makes the calling host thread an NT thread (KPCR, gs, stack limits, alternate signal stack);
 * idempotent. */
PKTHREAD KexAttachHostThread(const char *Name);
void KexDetachHostThread(void);
/* PKTHREAD of the calling thread, NULL for a host thread that is none. Same object as
 * PsGetCurrentThread(). */
extern __thread PKTHREAD KexxCurrent __attribute__((tls_model("initial-exec")));
static inline PKTHREAD KexCurrentThread(void)
{
    return KexxCurrent;
}
/*
 * A thread is an object of ob, but ke stands below ob. ke therefore allocates the body with
 * KEX_OBJECT_PREFIX bytes in front of it, where ob builds its header when it adopts the object (at
 * once for threads that are older than ob). The type's delete callback calls KexThreadDelete(Body),
 * which frees all of it: ob frees nothing. Until KexSetObjectOps() is called ke counts references
 * itself.
 */
#define KEX_OBJECT_PREFIX 192
typedef struct _KEX_OBJECT_OPS {
    void (*AdoptThread)(PVOID Body, LONG References);
    void (*Reference)(PVOID Body);
    void (*Dereference)(PVOID Body);
    void (*Ending)(PVOID Body);     /* in the thread itself, before it unwinds; NULL: nobody asks */
} KEX_OBJECT_OPS;
void KexSetObjectOps(const KEX_OBJECT_OPS *Ops);
void KexThreadDelete(PVOID Body);

/* Set by ps at its start: the process of threads that were given none. */
extern PEPROCESS KexSystemProcess;
/* Client id: one number space for processes and threads, multiples of 4. */
ULONG KexAllocateClientId(void);
ULONG KexThreadClientId(PKTHREAD Thread);
/* The live thread with this id, with one reference; NULL when there is none. */
PKTHREAD KexThreadByClientId(ULONG Id);

/*
 * Starts an NT thread in Process (NULL: System). Routine runs at PASSIVE_LEVEL with previous mode
 * KernelMode. The returned thread carries one reference (ObDereferenceObject); it is a dispatcher
 * object signalled at its end.
 */
NTSTATUS KexThreadStart(const char *Name, PEPROCESS Process, PKSTART_ROUTINE Routine, PVOID Context,
                        PKTHREAD *Thread);
/*
 * Blocks the current thread; Why lives on the caller's stack. Deadline in KexSched->Monotonic() ns,
 * 0 for none. A wake that came earlier is kept and a left-over one may end a later block: callers
 * test their own condition in a loop.
 */
bool KexBlock(const KEX_WAIT *Why, uint64_t Deadline);
/* Thread must not be able to end before this returns: hold a reference, or a lock that it needs. */
void KexWake(PKTHREAD Thread);
/* Keeps a thread's memory while it is woken: taken before the thread can see that its wait is over.
 * Any IRQL. */
void KexPinThread(PKTHREAD Thread);
void KexUnpinThread(PKTHREAD Thread);
/* KeWaitForSingleObject for the rooms: the same wait under a description of their own for the hang
 * report. */
NTSTATUS KexWaitForObject(PVOID Object, KPROCESSOR_MODE Mode, BOOLEAN Alertable,
                          PLARGE_INTEGER Timeout, const KEX_WAIT *Why);

/* The current thread ends: PsTerminateSystemThread, and the way out of a started thread's routine.
 */
_Noreturn void KexThreadExit(NTSTATUS Status);
/* Waits for the end of a thread and drops the reference that KexThreadStart gave. */
void KexJoinThread(PKTHREAD Thread);
NTSTATUS KexThreadExitStatus(PKTHREAD Thread);      /* STATUS_PENDING while it lives */

/* Dispatcher objects of other rooms (processes): Header first in Object, kind as the KOBJECTS
 * number. */
enum { KEX_OBJECT_PROCESS = 3, KEX_OBJECT_THREAD = 6 };
void KexInitializeDispatcher(PVOID Object, UCHAR Kind, UCHAR Bytes);
void KexSignalDispatcher(PVOID Object);             /* for good */
/* A wait is possible on this memory: known kind and an initialised list. */
bool KexIsDispatcherObject(const void *Object);

/* Runs what is queued for the current thread and may run now: kernel APCs; user APCs when User. */
void KexDeliverApcs(bool User);
bool KexUserApcPending(PKTHREAD Thread);
/* What a patched `mov cr8, reg` does: raise or lower. */
void NTAPI KexWriteCr8(ULONG64 Level);
/* A set timer whose structure lies in the range, or NULL: freed memory must have none (MEM-008). */
void *KexTimerInRange(const void *Base, size_t Bytes);
/* KUSER_SHARED_DATA as this machine shows it, times refreshed by the call; one page, read only for
 * the caller. */
const void *KexSharedUserData(void);

/* Per-thread facts other rooms keep here rather than in thread-local variables of their own. */
KPROCESSOR_MODE
KexSetPreviousMode(KPROCESSOR_MODE Mode); /* returns the old one; ExGetPreviousMode() reads it */
PIRP KexGetTopLevelIrp(void);
void KexSetTopLevelIrp(PIRP Irp);
PEPROCESS KexThreadProcess(PKTHREAD Thread);                /* the process it belongs to */
void KexSetThreadProcess(PKTHREAD Thread, PEPROCESS Process);
PEPROCESS KexCurrentProcess(void); /* of the current thread, attachment counted */
ULONG NTAPI
KexApcDisableCounts(PKTHREAD Thread); /* normal in the low half, special in the high; 0: none */
const char *KexThreadName(PKTHREAD Thread);
int KexThreadHostId(PKTHREAD Thread);

/* Calls fn for each live NT thread under the thread-list lock; for reports and for the unload
 * check. */
typedef struct _KEX_THREAD_VIEW {
    PKTHREAD Thread;
    const char *Name;
    int HostId;
    uintptr_t StackLow, StackHigh;
    const KEX_WAIT *Wait;       /* NULL: not waiting */
    uint64_t WaitStart;         /* monotonic ns */
    KIRQL Irql;
} KEX_THREAD_VIEW;
void KexForEachThread(void (*fn)(const KEX_THREAD_VIEW *View, void *Context), void *Context);

/*
 * Work of any kind counts as progress: the hang watch looks at this number. Bumped by wait
 * satisfaction, IRP completion, thread start and end, and each script line.
 */
extern uint64_t *KexProgressCounter;   /* in memory shared with the supervisor; never NULL */
static inline void KexProgress(void)
{
    __atomic_fetch_add(KexProgressCounter, 1, __ATOMIC_RELAXED);
}

/* ---- locks of our own ------------------------------------------------------------------------ */

/*
 * For tables inside the rooms. Ranked: taking a lower or equal rank than one already held asserts
 * in debug builds. Never held across a call into a driver, an IoCallDriver, or a touch of memory
 * that may fault.
 */
typedef enum {
    KEX_RANK_MACHINE = 10,
    KEX_RANK_FLT = 20,
    KEX_RANK_FS = 30,
    KEX_RANK_CC = 40,
    KEX_RANK_IO = 50,
    KEX_RANK_MM = 60,
    KEX_RANK_OB = 70,
    KEX_RANK_PS = 75,
    KEX_RANK_CM = 80,
    KEX_RANK_EX = 85,
    KEX_RANK_POOL = 90,
    KEX_RANK_KE = 100,
    KEX_RANK_TRACE = 110,
} KEX_RANK;

typedef struct _KEX_LOCK {
    host_lock Host;
    uint16_t Rank;
    const char *Name;
    PKTHREAD Owner;
} KEX_LOCK;
#define KEX_LOCK_INIT(rank, name) {{0}, (rank), (name), NULL}
void KexLockInit(KEX_LOCK *Lock, KEX_RANK Rank, const char *Name);
void KexLockAcquire(KEX_LOCK *Lock);
void KexLockRelease(KEX_LOCK *Lock);

/*
 * A guard inside an NT structure (a resource's own word, a table's bucket): no rank, no owner, a
 * few instructions long, nothing called while it is held. The fast paths are inline.
 */
void KEX_SLOW KexGuardWait(host_lock *Guard);
void KEX_SLOW KexGuardWake(host_lock *Guard);
static inline void KexGuardAcquire(host_lock *Guard)
{
    uint32_t Free = 0;

    if (!__atomic_compare_exchange_n(&Guard->word, &Free, 1, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        KexGuardWait(Guard);
}
static inline void KexGuardRelease(host_lock *Guard)
{
    uint32_t Held = 1;

    if (!__atomic_compare_exchange_n(&Guard->word, &Held, 0, false, __ATOMIC_RELEASE,
                                     __ATOMIC_RELAXED))
        KexGuardWake(Guard);
}

/* ---- hooks: the way up to trace, verify, chaos and the machine ------------------------------- */

/* One trace event. Strings are copied by the sink. Fields that do not apply are 0/NULL. */
typedef enum {
    KEX_TRACE_IRP = 1,       /* the I/O manager sends a request to the top of a stack */
    KEX_TRACE_IRP_DONE,
    KEX_TRACE_FASTIO, KEX_TRACE_FASTIO_DONE,
    KEX_TRACE_PRE, KEX_TRACE_POST,      /* a filter's callback returned */
    KEX_TRACE_FS,            /* request reached the file system */
    KEX_TRACE_STORE,         /* bytes read, written or synced at the store */
    KEX_TRACE_CC,            /* cache: lazy write, flush, purge, read-ahead */
    KEX_TRACE_LOAD, KEX_TRACE_INSTANCE, KEX_TRACE_NOTE
} KEX_TRACE_KIND;
typedef struct _KEX_TRACE {
    KEX_TRACE_KIND Kind;
    UCHAR Major, Minor;
    ULONG IrpFlags;          /* IRP_PAGING_IO, IRP_NOCACHE, ... */
    NTSTATUS Status;
    ULONG_PTR Information;
    LONGLONG Offset;
    ULONG Length;
    const void *Irp;         /* IRP or callback data: ties the lines of one request together */
    const void *Object;      /* FILE_OBJECT */
    PCUNICODE_STRING Path;   /* name from the volume's root */
    const char *Who;         /* filter or layer name: "flushmon", "ntfs", "store" */
    const char *What;        /* callback result, note text */
} KEX_TRACE;

/* A finding: a rule broken by a driver. Caller: an address in the driver (0: taken from the current
 * stack). */
typedef struct _KEX_FINDING {
    const char *Rule;        /* "IRQL-001" */
    const char *Class;       /* "verifier", "portability", "note" */
    const void *Caller;
    char Sentence[400];
} KEX_FINDING;

/* The machine stops: bug check, missing routine, fault in driver code. Never returns. */
typedef struct _KEX_STOP {
    ULONG Code;              /* bug check code, 0 when it is none */
    ULONG_PTR Parameter[4];
    const char *Title;       /* "MISSING ROUTINE", "DRIVER_IRQL_NOT_LESS_OR_EQUAL" ... */
    const void *Caller;
    char Sentence[400];
} KEX_STOP;

/*
 * Raises an NT exception from ke or ex code on the current thread; filled by the image room, whose
 * dispatcher finds the driver's handlers. Does not return. Without it a raise stops the machine
 * (KMODE_EXCEPTION_NOT_HANDLED).
 */
extern void (*KexRaiseHook)(NTSTATUS Status, ULONG Parameters, const ULONG_PTR *Parameter,
                            const void *Caller);
_Noreturn void KexRaise(NTSTATUS Status, ULONG Parameters, const ULONG_PTR *Parameter,
                        const void *Caller);

typedef struct _KEX_HOOKS {
    void (*Trace)(const KEX_TRACE *Event);       /* NULL: tracing is off */
    void (*Finding)(const KEX_FINDING *Finding);
    void (*Stop)(const KEX_STOP *Stop);          /* does not return */
    void (*DebugPrint)(const char *Text, size_t Bytes);  /* whole DbgPrint text of one call */
} KEX_HOOKS;
extern KEX_HOOKS
    KexHooks; /* defaults write to standard error, so that unit tests need no machine */

#define KEX_TRACING() __builtin_expect(KexHooks.Trace != NULL, 0)
void KexFinding(const char *Rule, const char *Class, const void *Caller, const char *Format, ...)
    __attribute__((format(printf, 4, 5)));
_Noreturn void KexStop(ULONG Code, const char *Title, const void *Caller, const char *Format, ...)
    __attribute__((format(printf, 4, 5)));

/* A stop with bug check parameters; the title comes from the table of codes. */
_Noreturn void KexBugCheck(ULONG Code, const ULONG_PTR Parameter[4], const void *Caller,
                           const char *Format, ...) __attribute__((format(printf, 4, 5)));
const char *KexBugCheckName(ULONG Code);    /* "IRQL_NOT_LESS_OR_EQUAL", or NULL */

/* ---- policies: named choices where sources disagree (policy.c) ------------------------------- */

/* Returns the current value text of a policy ("success_kept"); asserts that it is registered in
 * policy.c. */
const char *KexPolicy(const char *Name);
LONGLONG KexPolicyNumber(const char *Name);
/* 0, or -1 when there is no such policy, -2 when the value is not one of its values. */
int KexPolicySet(const char *Name, const char *Value);
typedef struct _KEX_POLICY {
    const char *Name, *Values, *Default, *Source;   /* Values: "a|b|c", or "number" */
} KEX_POLICY;
const KEX_POLICY *KexPolicies(size_t *Count);

/* The machine's Windows build: RtlGetVersion, SharedUserData, imports and look-ups all answer by
 * it. */
extern ULONG KexBuild;
#define KEX_DEFAULT_BUILD 22621u

/* ---- start and end of a machine's kernel base ------------------------------------------------ */

/* Order over all rooms: ke, ex, ob, mm, ps, se, cm, rtl, io, cc, fsrtl, zw, flt, fs. Each has
 * <Room>xStart and <Room>xEnd. */
NTSTATUS KexStart(void);
/* Waits for no one: every NT thread but the caller must have ended. */
void KexEnd(void);

/* KPCR: what inlined code reads through gs. Offsets are Windows' own. */
#define KPCR_IRQL_OFFSET 0x50
#define KPCR_CURRENT_THREAD_OFFSET 0x188

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The detach side: takes one instance out of operations that are under way, and waits for those
 * that are inside its callbacks. See the head of fltx.h for why no lock is needed on the other
 * side.
 */
#include "fltx.h"

KEX_LOCK FltxDrainLock = KEX_LOCK_INIT(KEX_RANK_FLT + 1, "flt drain");
ULONG FltxObservers;

static LONG LayerOf(const FLTX_CHAIN *Chain, PFLT_INSTANCE Instance)
{
    for (ULONG i = 0; i < Chain->Count; i++)
        if (Chain->Entry[i].Instance == Instance)
            return (LONG)i;
    return -1;
}

/*
 * Only requests that may stay away for long are taken out of; fast I/O and section callbacks never
 * leave their thread, and layers beyond the mask have no bit. Those are waited for.
 */
static BOOLEAN CanMark(FLTX_OP *Op, LONG Layer)
{
    return Layer < FLTX_DEAD_LAYERS && FLTX_PEEK(Op->Kind) == FLTX_OP_IRP;
}

static FLTX_CHAIN *Using(FLTX_OP *Op, PFLT_INSTANCE Instance, LONG *Layer)
{
    FLTX_CHAIN *Chain = atomic_load_explicit(&Op->Chain, memory_order_acquire);

    if (!Chain)
        return NULL;
    *Layer = LayerOf(Chain, Instance);
    return *Layer < 0 ? NULL : Chain;
}

static void MarkDead(FLTX_OP *Op, PFLT_INSTANCE Instance)
{
    ULONGLONG Dead = atomic_load(&Op->Dead);
    LONG Layer;

    do {
        if (!Using(Op, Instance, &Layer) || !CanMark(Op, Layer))
            return;
    } while (!atomic_compare_exchange_weak(&Op->Dead, &Dead,
                                           Dead | FLTX_DEAD_MARK | FltxDeadBit((ULONG)Layer)));
}

BOOLEAN FltxOpKeepLayer(FLTX_OP *Op, ULONG Layer)
{
    BOOLEAN Keep;

    KexLockAcquire(&FltxDrainLock);
    Keep = FltxStateOf(Op, Layer) != FLTX_LAYER_NONE;
    if (Keep)
        atomic_fetch_and(&Op->Dead, ~FltxDeadBit(Layer));
    KexLockRelease(&FltxDrainLock);
    return Keep;
}

void FltxOpLeaveMarked(FLTX_OP *Op)
{
    UNREFERENCED_PARAMETER(Op);
    KexLockAcquire(&FltxDrainLock);
    KexLockRelease(&FltxDrainLock);
}

/*
 * The operation passed the filter on its way down and is out of its callbacks: the filter gets its
 * post-callback now, on a copy, to clean its completion context up
 * (nc-fltkernel-pflt_post_operation_callback, DRAINING).
 */
typedef struct _DRAINED {
    FLT_CALLBACK_DATA Data;
    FLT_IO_PARAMETER_BLOCK Iopb;
    FLT_RELATED_OBJECTS Objects;
    PVOID Context;
    PFLT_POST_OPERATION_CALLBACK Post;
} DRAINED;

/*
 * The operation goes on beside us: it completes, and other filters' callbacks change its parameters
 * and its outcome. The layer's own context is still, but the rest is what stood there, word by
 * word: no pointer is torn, and more a draining callback may not count on, for it is told only to
 * clean up. Hidden from ThreadSanitizer, since the other side are plain stores, of filters too.
 */
static __attribute__((noinline, no_sanitize("thread"))) void Glimpse(void *Copy, const void *Of,
                                                                     SIZE_T Bytes)
{
    const volatile ULONG_PTR *From = Of;
    ULONG_PTR *To = Copy;

    for (SIZE_T i = 0; i < Bytes / sizeof(*To); i++)
        To[i] = From[i];
}
C_ASSERT(sizeof(FLT_CALLBACK_DATA) % sizeof(ULONG_PTR) == 0);
C_ASSERT(sizeof(FLT_IO_PARAMETER_BLOCK) % sizeof(ULONG_PTR) == 0);

static void CopyForDraining(DRAINED *Copy, FLTX_OP *Op, const FLTX_ENTRY *Entry, LONG Layer)
{
    const FLTX_LAYER *Mine = &Op->Layer[Layer];

    Glimpse(&Copy->Data, &Op->Data, sizeof(Copy->Data));
    if (Mine->Saved)
        Copy->Iopb = Mine->Saved->Before;
    else
        Glimpse(&Copy->Iopb, &Op->Iopb, sizeof(Copy->Iopb));
    Copy->Iopb.TargetInstance = Entry->Instance;
    Copy->Data.Iopb = &Copy->Iopb;
    Copy->Data.Flags |= FLTFL_CALLBACK_DATA_POST_OPERATION | FLTFL_CALLBACK_DATA_DRAINING_IO;
    Copy->Objects = Mine->Objects;
    Copy->Context = Mine->Context;
    Copy->Post = Entry->Post;
    FltxSetState(Op, (ULONG)Layer, FLTX_LAYER_NONE);
}

typedef enum { OUT, OUT_AND_DRAIN, WAIT } VERDICT;

static VERDICT TakeOut(FLTX_OP *Op, PFLT_INSTANCE Instance, DRAINED *Copy)
{
    LONG Layer = 0;
    FLTX_CHAIN *Chain = Using(Op, Instance, &Layer);
    int Cursor = atomic_load_explicit(&Op->Cursor, memory_order_acquire);

    if (!Chain)
        return OUT;
    if (!CanMark(Op, Layer) || !(atomic_load(&Op->Dead) & FltxDeadBit((ULONG)Layer)))
        return WAIT;
    if (Cursor == FLTX_CURSOR_ABOVE)
        return OUT;
    if (Cursor == Layer)
        return WAIT; /* in the filter's callback, or pended by the filter */
    if (FltxStateOf(Op, (ULONG)Layer) == FLTX_LAYER_NONE)
        return OUT;
    CopyForDraining(Copy, Op, &Chain->Entry[Layer], Layer);
    return OUT_AND_DRAIN;
}

/* TRUE when some operation has still to be waited for. */
static BOOLEAN DrainOnce(PFLT_INSTANCE Instance)
{
    BOOLEAN Again = FALSE;
    DRAINED Copy;
    FLTX_OP *Op;

    for (Op = atomic_load(&FltxRecords); Op; Op = Op->NextRecord) {
        VERDICT Verdict;

        KexLockAcquire(&FltxDrainLock);
        Verdict = TakeOut(Op, Instance, &Copy);
        KexLockRelease(&FltxDrainLock);
        Again |= Verdict == WAIT;
        if (Verdict == OUT_AND_DRAIN && Copy.Post)
            Copy.Post(&Copy.Data, &Copy.Objects, Copy.Context, FLTFL_POST_OPERATION_DRAINING);
    }
    return Again;
}

static void Watch(PFLT_VOLUME Volume, LONG Change)
{
    KexLockAcquire(&FltxLock);
    FltxObservers += Change;
    KexLockRelease(&FltxLock);
    atomic_fetch_add(&Volume->Watchers, Change);
}

/* The chains without the instance are published. Returns when no callback of it runs or will run.
 */
void FltxDrainInstance(PFLT_INSTANCE Instance)
{
    PFLT_VOLUME Volume = Instance->Volume;
    FLTX_OP *Op;

    Watch(Volume, 1);
    host_heavy_barrier(); /* from here on new operations use the new chains */
    for (Op = atomic_load(&FltxRecords); Op; Op = Op->NextRecord)
        MarkDead(Op, Instance);
    host_heavy_barrier(); /* ... and old ones see the dead layer before they step on it */
    for (;;) {
        KeClearEvent(&Volume->Changed);
        if (!DrainOnce(Instance))
            break;
        KeWaitForSingleObject(&Volume->Changed, Executive, KernelMode, FALSE, NULL);
    }
    Watch(Volume, -1);
}

/* Waits until no operation is on the volume. */
void FltxDrainVolume(PFLT_VOLUME Volume)
{
    BOOLEAN Again = TRUE;
    FLTX_OP *Op;

    Watch(Volume, 1);
    host_heavy_barrier();
    while (Again) {
        Again = FALSE;
        KeClearEvent(&Volume->Changed);
        for (Op = atomic_load(&FltxRecords); Op; Op = Op->NextRecord)
            Again |= atomic_load(&Op->Chain) != NULL && FLTX_PEEK(Op->Volume) == Volume;
        if (Again)
            KeWaitForSingleObject(&Volume->Changed, Executive, KernelMode, FALSE, NULL);
    }
    Watch(Volume, -1);
}

static const char *StateOf(FLTX_OP *Op, int Cursor)
{
    if (Cursor == FLTX_CURSOR_BELOW)
        return "below";
    if (atomic_load(&Op->Hand) == FLTX_HAND_RETURNED)
        return Op->Data.Flags & FLTFL_CALLBACK_DATA_POST_OPERATION ? "pended after"
                                                                   : "pended before";
    return "in callback";
}

void FltxForEachPending(void (*fn)(const FLTX_PENDING *Pending, void *Context), void *Context)
{
    FLTX_OP *Op;

    KexLockAcquire(&FltxLock);
    FltxObservers++; /* keeps chains from being freed while we read them */
    KexLockRelease(&FltxLock);
    for (Op = atomic_load(&FltxRecords); Op; Op = Op->NextRecord) {
        FLTX_CHAIN *Chain = atomic_load_explicit(&Op->Chain, memory_order_acquire);
        int Cursor = atomic_load(&Op->Cursor);
        FLTX_PENDING Pending = {0};

        if (!Chain || Cursor == FLTX_CURSOR_ABOVE)
            continue;
        Pending.Data = &Op->Data;
        Pending.Filter = Cursor >= 0 && (ULONG)Cursor < Chain->Count
                             ? Chain->Entry[Cursor].Filter->NameText
                             : NULL;
        Pending.Major = Op->Iopb.MajorFunction;
        Pending.Minor = Op->Iopb.MinorFunction;
        Pending.State = StateOf(Op, Cursor);
        fn(&Pending, Context);
    }
    KexLockAcquire(&FltxLock);
    FltxObservers--;
    KexLockRelease(&FltxLock);
}

/* SPDX-License-Identifier: MIT */
/*
 * Operation records. Each thread keeps a few free ones per size, so the usual operation takes and
 * gives one back without a lock; what is left when a thread ends, and what flows from one thread to
 * another, goes through one shared list. A record is never freed: a detach may look at any of them
 * at any time.
 */
#include "fltx.h"

enum { CLASSES = 5, KEPT = 8 };
static const USHORT ClassLayers[CLASSES] = {4, 16, 64, 256, 1024};

typedef struct _CACHE {
    FLTX_OP *Free[CLASSES];
    ULONG Count[CLASSES];
    BOOLEAN Hooked;
} CACHE;

static __thread CACHE Cache;
static FLTX_OP *Shared[CLASSES];
static KEX_LOCK SharedLock = KEX_LOCK_INIT(KEX_RANK_POOL - 1, "flt operation records");
_Atomic(FLTX_OP *) FltxRecords;

static ULONG ClassOf(ULONG Layers)
{
    ULONG Class = 0;

    while (Class < CLASSES - 1 && ClassLayers[Class] < Layers)
        Class++;
    return Class;
}

static void GiveBackAtThreadEnd(void *Context)
{
    CACHE *Mine = Context;

    KexLockAcquire(&SharedLock);
    for (ULONG i = 0; i < CLASSES; i++) {
        while (Mine->Free[i]) {
            FLTX_OP *Op = Mine->Free[i];

            Mine->Free[i] = Op->Next;
            Op->Next = Shared[i];
            Shared[i] = Op;
        }
        Mine->Count[i] = KEPT; /* later frees of this thread go to the shared list */
    }
    KexLockRelease(&SharedLock);
}

static FLTX_OP *MakeRecord(ULONG Class)
{
    ULONG Layers = ClassLayers[Class];
    SIZE_T Bytes = sizeof(FLTX_OP) + Layers * (sizeof(FLTX_LAYER) + sizeof(UCHAR));
    FLTX_OP *Op = ExAllocatePoolWithTag(NonPagedPool, Bytes, FLTX_TAG);

    if (!Op)
        return NULL;
    RtlZeroMemory(Op, Bytes);
    Op->Capacity = (USHORT)Layers;
    Op->Layer = (FLTX_LAYER *)(Op + 1);
    Op->State = (UCHAR *)&Op->Layer[Layers];
    Op->NextRecord = atomic_load(&FltxRecords);
    while (!atomic_compare_exchange_weak(&FltxRecords, &Op->NextRecord, Op))
        ;
    return Op;
}

static FLTX_OP *AllocateSlow(ULONG Class)
{
    FLTX_OP *Op;

    if (!Cache.Hooked) {
        Cache.Hooked = TRUE;
        host_thread_at_exit(GiveBackAtThreadEnd, &Cache);
    }
    KexLockAcquire(&SharedLock);
    Op = Shared[Class];
    if (Op)
        Shared[Class] = Op->Next;
    KexLockRelease(&SharedLock);
    return Op ? Op : MakeRecord(Class);
}

/* A record for an operation over a chain of that many layers; NULL without memory. Its contents are
 * undefined. */
FLTX_OP *FltxOpAllocate(ULONG Layers)
{
    ULONG Class = ClassOf(Layers);
    FLTX_OP *Op = Cache.Free[Class];

    if (__builtin_expect(Op != NULL, 1)) {
        Cache.Free[Class] = Op->Next;
        Cache.Count[Class]--;
    } else {
        Op = AllocateSlow(Class);
        if (!Op)
            return NULL;
    }
    return Op;
}

void FltxOpFree(FLTX_OP *Op)
{
    ULONG Class = ClassOf(Op->Capacity);

    FLTX_SHOW(Op->Kind, FLTX_OP_IDLE);
    if (__builtin_expect(Cache.Count[Class] < KEPT, 1)) {
        Op->Next = Cache.Free[Class];
        Cache.Free[Class] = Op;
        Cache.Count[Class]++;
        return;
    }
    KexLockAcquire(&SharedLock);
    Op->Next = Shared[Class];
    Shared[Class] = Op;
    KexLockRelease(&SharedLock);
}

void FltxWakeWatchers(PFLT_VOLUME Volume)
{
    KeSetEvent(&Volume->Changed, IO_NO_INCREMENT, FALSE);
}

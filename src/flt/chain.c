/* SPDX-License-Identifier: MIT */
/*
 * Callback chains: per volume and major function one immutable array of the callbacks registered
 * for it, made when an instance comes or goes. NULL where nobody registered: such an operation is
 * passed down as if FltMgr were not there.
 */
#include "fltx.h"

static FLTX_CHAIN *MakeChain(PFLT_VOLUME Volume, ULONG Slot, ULONG Count)
{
    FLTX_CHAIN *Chain =
        ExAllocatePoolWithTag(NonPagedPool, sizeof(*Chain) + Count * sizeof(FLTX_ENTRY), FLTX_TAG);
    PLIST_ENTRY Link;

    if (!Chain)
        return NULL;
    RtlZeroMemory(Chain, sizeof(*Chain));
    for (Link = Volume->Instances.Flink; Link != &Volume->Instances; Link = Link->Flink) {
        PFLT_INSTANCE Instance = CONTAINING_RECORD(Link, struct _FLT_INSTANCE, Link);
        const FLTX_REGISTERED *Registered = &Instance->Filter->Operation[Slot];
        FLTX_ENTRY *Entry = &Chain->Entry[Chain->Count];

        if (Instance->State != FLTX_ATTACHED || !Registered->Wanted)
            continue;
        Entry->Pre = Registered->Pre;
        Entry->Post = Registered->Post;
        Entry->Skip = Registered->Flags;
        Entry->Filter = Instance->Filter;
        Entry->Instance = Instance;
        FltxHold(&Instance->Object);
        Chain->AnySkip |= Entry->Skip;
        Chain->Count++;
    }
    return Chain;
}

static ULONG CountCallbacks(PFLT_VOLUME Volume, ULONG Slot)
{
    PLIST_ENTRY Link;
    ULONG Count = 0;

    for (Link = Volume->Instances.Flink; Link != &Volume->Instances; Link = Link->Flink) {
        PFLT_INSTANCE Instance = CONTAINING_RECORD(Link, struct _FLT_INSTANCE, Link);

        Count += Instance->State == FLTX_ATTACHED && Instance->Filter->Operation[Slot].Wanted;
    }
    return Count;
}

static void FreeChain(FLTX_CHAIN *Chain)
{
    for (ULONG i = 0; i < Chain->Count; i++)
        FltxDrop(&Chain->Entry[i].Instance->Object);
    ExFreePoolWithTag(Chain, FLTX_TAG);
}

static BOOLEAN SameChain(const FLTX_CHAIN *Old, const FLTX_CHAIN *New)
{
    if (!Old || !New)
        return Old == New;
    return Old->Count == New->Count &&
           !memcmp(Old->Entry, New->Entry, Old->Count * sizeof(FLTX_ENTRY));
}

/*
 * Publishes the chains that follow from the instance list. The caller holds FltxLock. All or
 * nothing: without memory no chain changes.
 */
NTSTATUS FltxRebuildChains(PFLT_VOLUME Volume)
{
    FLTX_CHAIN *New[FLTX_SLOTS] = {0};
    ULONG Slot;

    for (Slot = 0; Slot < FLTX_SLOTS; Slot++) {
        ULONG Count = CountCallbacks(Volume, Slot);

        if (Count && !(New[Slot] = MakeChain(Volume, Slot, Count))) {
            while (Slot--)
                if (New[Slot])
                    FreeChain(New[Slot]);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    for (Slot = 0; Slot < FLTX_SLOTS; Slot++) {
        FLTX_CHAIN *Old = atomic_load(&Volume->Chain[Slot]);

        if (SameChain(Old, New[Slot])) {
            if (New[Slot])
                FreeChain(New[Slot]);
            continue;
        }
        atomic_store_explicit(&Volume->Chain[Slot], New[Slot], memory_order_release);
        if (Old) {
            Old->NextRetired = Volume->Retired;
            Volume->Retired = Old;
        }
    }
    return STATUS_SUCCESS;
}

static BOOLEAN InUse(const FLTX_CHAIN *Chain)
{
    FLTX_OP *Op;

    for (Op = atomic_load(&FltxRecords); Op; Op = Op->NextRecord)
        if (atomic_load_explicit(&Op->Chain, memory_order_acquire) == Chain)
            return TRUE;
    return FALSE;
}

/* Frees retired chains that no operation uses, unless somebody is just looking at operations. */
void FltxReclaimChains(PFLT_VOLUME Volume)
{
    FLTX_CHAIN **At;

    host_heavy_barrier();
    KexLockAcquire(&FltxLock);
    for (At = &Volume->Retired; *At && !FltxObservers;) {
        FLTX_CHAIN *Chain = *At;

        if (InUse(Chain)) {
            At = &Chain->NextRetired;
            continue;
        }
        *At = Chain->NextRetired;
        FreeChain(Chain);
    }
    KexLockRelease(&FltxLock);
}

/* The volume is going and no operation is on it. */
void FltxFreeChains(PFLT_VOLUME Volume)
{
    for (ULONG Slot = 0; Slot < FLTX_SLOTS; Slot++) {
        FLTX_CHAIN *Chain = atomic_exchange(&Volume->Chain[Slot], NULL);

        if (Chain)
            FreeChain(Chain);
    }
    FltxReclaimChains(Volume);
}

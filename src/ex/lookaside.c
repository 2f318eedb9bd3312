/* SPDX-License-Identifier: MIT */
/*
 * Interlocked singly linked lists and the lookaside lists made of them.
 *
 * Push and pop take bit 1 of the header's second word as a lock. A lock-free pop would read the
 * link of an entry that somebody else may have popped and freed; Windows lets that fault and
 * repairs it, but here memory may be gone for good or watched by a sanitizer. Inlined code reads
 * the depth from the first word, which stays as Windows has it.
 */
#include "ex/exi.h"

#include <string.h>

#define LOCKED ((ULONGLONG)2)
#define LINK_MASK (~(ULONGLONG)15)

/* ---- SLISTs ---------------------------------------------------------------------------------- */

/* Returns the first entry's address as it stands in the word. */
static ULONGLONG NTAPI __attribute__((noinline)) LockListSlow(PSLIST_HEADER Head)
{
    ULONGLONG Seen = __atomic_load_n(&Head->Region, __ATOMIC_RELAXED);
    unsigned Spins = 0;

    for (;;) {
        if (Seen & LOCKED) {
            if (++Spins < 64)
                __builtin_ia32_pause();
            else
                host_thread_yield();
            Seen = __atomic_load_n(&Head->Region, __ATOMIC_RELAXED);
        } else if (__atomic_compare_exchange_n(&Head->Region, &Seen, Seen | LOCKED, false,
                                               __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            return Seen & LINK_MASK;
        }
    }
}

static inline ULONGLONG LockList(PSLIST_HEADER Head)
{
    ULONGLONG Seen = __atomic_load_n(&Head->Region, __ATOMIC_RELAXED) & ~LOCKED;

    if (__builtin_expect(__atomic_compare_exchange_n(&Head->Region, &Seen, Seen | LOCKED, false,
                                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED),
                         1))
        return Seen & LINK_MASK;
    return LockListSlow(Head);
}

/* Depth is the low 16 bits, a sequence number the rest: it changes with every operation. */
static void UnlockList(PSLIST_HEADER Head, ULONGLONG First, int Depth)
{
    ULONGLONG Old = __atomic_load_n(&Head->Alignment, __ATOMIC_RELAXED);
    ULONGLONG New = ((Old & ~0xffffull) + 0x10000) | (USHORT)(Depth < 0 ? 0 : Depth);

    __atomic_store_n(&Head->Alignment, New, __ATOMIC_RELAXED);
    __atomic_store_n(&Head->Region, First, __ATOMIC_RELEASE);
}

static int DepthOf(PSLIST_HEADER Head)
{
    return (USHORT)__atomic_load_n(&Head->Alignment, __ATOMIC_RELAXED);
}

#undef InitializeSListHead
VOID NTAPI InitializeSListHead(PSLIST_HEADER SListHead)
{
    SListHead->Alignment = 0;
    SListHead->Region = 0;
}

/* Returns what was first before. Any IRQL; entries are 16-byte aligned
 * (nf-wdm-exinterlockedpushentryslist). */
PSLIST_ENTRY NTAPI ExpInterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry)
{
    ULONGLONG First = LockList(ListHead);

    ListEntry->Next = (PSLIST_ENTRY)First;
    UnlockList(ListHead, (ULONGLONG)(ULONG_PTR)ListEntry, DepthOf(ListHead) + 1);
    return (PSLIST_ENTRY)First;
}

PSLIST_ENTRY NTAPI ExpInterlockedPopEntrySList(PSLIST_HEADER ListHead)
{
    ULONGLONG First;
    PSLIST_ENTRY Entry;

    if (!(__atomic_load_n(&ListHead->Region, __ATOMIC_RELAXED) & LINK_MASK))
        return NULL;
    First = LockList(ListHead);
    Entry = (PSLIST_ENTRY)First;
    UnlockList(ListHead, Entry ? (ULONGLONG)(ULONG_PTR)Entry->Next : 0,
               Entry ? DepthOf(ListHead) - 1 : 0);
    return Entry;
}

PSLIST_ENTRY NTAPI ExpInterlockedFlushSList(PSLIST_HEADER ListHead)
{
    ULONGLONG First = LockList(ListHead);

    UnlockList(ListHead, 0, 0);
    return (PSLIST_ENTRY)First;
}

#undef ExQueryDepthSList
USHORT NTAPI ExQueryDepthSList(PSLIST_HEADER SListHead)
{
    return (USHORT)DepthOf(SListHead);
}

/* ---- lookaside lists ------------------------------------------------------------------------- */

/* How many freed entries a list keeps. Fixed: an entry that is kept back hides a use after free. */
#define DEPTH 32

static void Initialize(PGENERAL_LOOKASIDE_POOL List, POOL_TYPE Type, SIZE_T Size, ULONG Tag)
{
    memset(List, 0, sizeof *List);
    List->Depth = DEPTH;
    List->MaximumDepth = EX_MAXIMUM_LOOKASIDE_DEPTH_BASE;
    List->Type = Type;
    List->Tag = Tag;
    List->Size = (ULONG)(Size < sizeof(SLIST_ENTRY) ? sizeof(SLIST_ENTRY) : Size);
}

static void Drain(PGENERAL_LOOKASIDE_POOL List, bool Ex)
{
    PSLIST_ENTRY Entry = ExpInterlockedFlushSList(&List->ListHead);

    while (Entry) {
        PSLIST_ENTRY Next = Entry->Next;

        if (Ex)
            List->FreeEx(Entry, (PLOOKASIDE_LIST_EX)(void *)List);
        else
            List->Free(Entry);
        Entry = Next;
    }
}

static VOID NTAPI FreeDefault(PVOID Buffer)
{
    ExFreePoolWithTag(Buffer, 0);
}

static VOID NTAPI FreeDefaultEx(PVOID Buffer, PLOOKASIDE_LIST_EX Lookaside)
{
    ExFreePoolWithTag(Buffer, Lookaside->L.Tag);
}

static PVOID NTAPI AllocateDefaultEx(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                     PLOOKASIDE_LIST_EX Lookaside)
{
    (void)Lookaside;
    return ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
}

/*
 * Entries of Size bytes from nonpaged pool or Allocate. Flags: 0, POOL_NX_ALLOCATION,
 * POOL_RAISE_IF_ALLOCATION_FAILURE. IRQL <= DISPATCH_LEVEL
 * (nf-wdm-exinitializenpagedlookasidelist). Depth is reserved.
 */
VOID NTAPI ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside,
                                           PALLOCATE_FUNCTION Allocate, PFREE_FUNCTION Free,
                                           ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth)
{
    (void)Depth;
    Initialize((PGENERAL_LOOKASIDE_POOL)(void *)&Lookaside->L, (POOL_TYPE)(NonPagedPool | Flags),
               Size, Tag);
    Lookaside->L.Allocate = Allocate ? Allocate : ExAllocatePoolWithTag;
    Lookaside->L.Free = Free ? Free : FreeDefault;
}

VOID NTAPI ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside,
                                          PALLOCATE_FUNCTION Allocate, PFREE_FUNCTION Free,
                                          ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth)
{
    (void)Depth;
    Initialize((PGENERAL_LOOKASIDE_POOL)(void *)&Lookaside->L, (POOL_TYPE)(PagedPool | Flags), Size,
               Tag);
    Lookaside->L.Allocate = Allocate ? Allocate : ExAllocatePoolWithTag;
    Lookaside->L.Free = Free ? Free : FreeDefault;
}

/* Gives back what the list keeps; entries in use stay the caller's
 * (nf-wdm-exdeletenpagedlookasidelist). */
VOID NTAPI ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside)
{
    Drain((PGENERAL_LOOKASIDE_POOL)(void *)&Lookaside->L, false);
}

VOID NTAPI ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside)
{
    Drain((PGENERAL_LOOKASIDE_POOL)(void *)&Lookaside->L, false);
}

/*
 * As above, with routines that get the list. STATUS_SUCCESS; STATUS_INVALID_PARAMETER_4 for flags
 * that exclude each other or are unknown, STATUS_INVALID_PARAMETER_5 for a Flags other than 0 with
 * an own Allocate (nf-wdm-exinitializelookasidelistex).
 */
NTSTATUS NTAPI ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside,
                                           PALLOCATE_FUNCTION_EX Allocate, PFREE_FUNCTION_EX Free,
                                           POOL_TYPE PoolType, ULONG Flags, SIZE_T Size, ULONG Tag,
                                           USHORT Depth)
{
    const ULONG Both =
        EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL | EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE;

    (void)Depth;
    if ((Flags & ~Both) || (Flags & Both) == Both)
        return STATUS_INVALID_PARAMETER_5;
    if (Size < sizeof(PVOID))
        return STATUS_INVALID_PARAMETER_6;
    if (Flags & EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL)
        PoolType |= POOL_RAISE_IF_ALLOCATION_FAILURE;
    Initialize(&Lookaside->L, PoolType, Size, Tag);
    Lookaside->L.AllocateEx = Allocate ? Allocate : AllocateDefaultEx;
    Lookaside->L.FreeEx = Free ? Free : FreeDefaultEx;
    return STATUS_SUCCESS;
}

VOID NTAPI ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    Drain(&Lookaside->L, true);
}

VOID NTAPI ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    Drain(&Lookaside->L, true);
}

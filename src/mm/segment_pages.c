/* SPDX-License-Identifier: MIT */
/*
 * segment_pages.c - the pages of a segment: making them valid, pinning, dirtying, writing,
 * dropping. The states and the rule for the lock are in segment.h.
 */
#include "mm/segment_pages.h"

#include <stdlib.h>
#include <string.h>

/* ---- page facts; the segment's lock is held in all of these -------------------------------- */

static MMX_CHUNK *ChunkOf(MMX_SEGMENT *Segment, ULONGLONG Page)
{
    ULONGLONG Slot = Page / MMX_CHUNK_PAGES;

    return Slot < Segment->ChunkSlots ? Segment->Chunks[Slot] : NULL;
}

static MMX_CHUNK *ChunkMake(MMX_SEGMENT *Segment, ULONGLONG Page)
{
    ULONGLONG Slot = Page / MMX_CHUNK_PAGES;

    if (Slot >= Segment->ChunkSlots) {
        ULONGLONG Slots = Segment->ChunkSlots ? Segment->ChunkSlots : 4;
        MMX_CHUNK **Chunks;

        while (Slots <= Slot)
            Slots *= 2;
        Chunks = realloc(Segment->Chunks, Slots * sizeof *Chunks);
        if (!Chunks)
            return NULL;
        memset(Chunks + Segment->ChunkSlots, 0, (Slots - Segment->ChunkSlots) * sizeof *Chunks);
        Segment->Chunks = Chunks;
        Segment->ChunkSlots = Slots;
    }
    if (!Segment->Chunks[Slot])
        Segment->Chunks[Slot] = calloc(1, sizeof(MMX_CHUNK));
    return Segment->Chunks[Slot];
}

#define WORD(page) (((page) % MMX_CHUNK_PAGES) / 64)
#define BIT(page) (1ull << ((page) % 64))
#define IS(chunk, fact, page) ((chunk) && ((chunk)->fact[WORD(page)] & BIT(page)))
#define SET(chunk, fact, page) ((chunk)->fact[WORD(page)] |= BIT(page))
#define CLEAR(chunk, fact, page) ((chunk)->fact[WORD(page)] &= ~BIT(page))

/* Changed under the lock, read by anyone. */
#define COUNT(field, delta)                                                                        \
    __atomic_store_n(&Segment->field, Segment->field + (ULONG)(delta), __ATOMIC_RELEASE)

static void SetValid(MMX_SEGMENT *Segment, MMX_CHUNK *Chunk, ULONGLONG Page)
{
    ASSERT(!IS(Chunk, Valid, Page));
    SET(Chunk, Valid, Page);
    COUNT(Resident, +1);
}

static bool SetDirty(MMX_SEGMENT *Segment, MMX_CHUNK *Chunk, ULONGLONG Page)
{
    ASSERT(IS(Chunk, Valid, Page));
    if (IS(Chunk, Dirty, Page))
        return false;
    SET(Chunk, Dirty, Page);
    COUNT(Dirty, +1);
    InterlockedIncrement64(&MmxDirtyPageCount);
    return true;
}

static bool ClearDirty(MMX_SEGMENT *Segment, MMX_CHUNK *Chunk, ULONGLONG Page)
{
    if (!IS(Chunk, Dirty, Page))
        return false;
    CLEAR(Chunk, Dirty, Page);
    COUNT(Dirty, -1);
    InterlockedDecrement64(&MmxDirtyPageCount);
    return true;
}

/* Next page in [Page, End) with a bit set in the union of the two facts; End when there is none. */
static ULONGLONG NextDirtyOrWriting(MMX_SEGMENT *Segment, ULONGLONG Page, ULONGLONG End)
{
    while (Page < End) {
        MMX_CHUNK *Chunk = ChunkOf(Segment, Page);
        ULONG64 Word;

        if (!Chunk) {
            if (Page / MMX_CHUNK_PAGES >= Segment->ChunkSlots)
                return End;
            Page = (Page / MMX_CHUNK_PAGES + 1) * MMX_CHUNK_PAGES;
            continue;
        }
        Word = (Chunk->Dirty[WORD(Page)] | Chunk->Writing[WORD(Page)]) & ~(BIT(Page) - 1);
        if (Word) {
            Page = (Page & ~63ull) + (ULONGLONG)__builtin_ctzll(Word);
            return Page < End ? Page : End;
        }
        Page = (Page & ~63ull) + 64;
    }
    return End;
}

/* Pages of a byte range; Length 0 means to the end of everything. */
static ULONGLONG RangeEnd(LONGLONG Offset, LONGLONG Length)
{
    if (!Length)
        return ~0ull;
    return ((ULONGLONG)Offset + (ULONGLONG)Length + MMX_PAGE - 1) / MMX_PAGE;
}

/* ---- waiting for a page in transit --------------------------------------------------------- */

typedef struct _MMX_WAITER {
    LIST_ENTRY Links;
    KEVENT Event;
} MMX_WAITER;

/* Called with the lock held; releases it, waits for the next change, takes it again. */
static void WaitForChange(MMX_SEGMENT *Segment)
{
    MMX_WAITER Waiter;

    KeInitializeEvent(&Waiter.Event, NotificationEvent, FALSE);
    InsertTailList(&Segment->Waiters, &Waiter.Links);
    KexLockRelease(&Segment->Lock);
    KeWaitForSingleObject(&Waiter.Event, WrPageIn, KernelMode, FALSE, NULL);
    KexLockAcquire(&Segment->Lock);
}

/*
 * Waiters recheck, so all are woken at any change. The entry leaves the list here, under the lock:
 * a woken waiter's stack is not touched after its event is set.
 */
static void WakeWaiters(MMX_SEGMENT *Segment)
{
    while (!IsListEmpty(&Segment->Waiters)) {
        MMX_WAITER *Waiter =
            CONTAINING_RECORD(RemoveHeadList(&Segment->Waiters), MMX_WAITER, Links);

        KeSetEvent(&Waiter->Event, IO_NO_INCREMENT, FALSE);
    }
}

/* ---- making pages valid -------------------------------------------------------------------- */

/*
 * Claims pages [First, First+n) that are neither valid nor filling, n >= 1 at most Max; 0 when
 * memory is short.
 */
static ULONGLONG ClaimRun(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG Max)
{
    ULONGLONG n;

    for (n = 0; n < Max; n++) {
        MMX_CHUNK *Chunk = ChunkMake(Segment, First + n);

        if (!Chunk || IS(Chunk, Valid, First + n) || IS(Chunk, Filling, First + n))
            break;
        SET(Chunk, Filling, First + n);
    }
    return n;
}

/* Ends the claim; the pages become valid when Good. */
static void EndClaim(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG Count, bool Good, bool Dirty)
{
    for (ULONGLONG Page = First; Page < First + Count; Page++) {
        MMX_CHUNK *Chunk = ChunkOf(Segment, Page);

        ASSERT(IS(Chunk, Filling, Page));
        CLEAR(Chunk, Filling, Page);
        if (Good) {
            SetValid(Segment, Chunk, Page);
            if (Dirty)
                SetDirty(Segment, Chunk, Page);
        }
    }
    WakeWaiters(Segment);
}

/*
 * One paging read into claimed pages. Lock held on entry and exit, not during the read. Pages
 * behind the end of the file read as zeros: a section is often longer than its file.
 */
static NTSTATUS ReadClaimed(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG Count)
{
    PUCHAR Base = Segment->View + First * MMX_PAGE;
    ULONG Length = (ULONG)Count * MMX_PAGE, Generation = Segment->Generation;
    IO_STATUS_BLOCK Iosb = {0};
    NTSTATUS Status;

    KexLockRelease(&Segment->Lock);
    Status = MmxPager->Read(Segment->FileObject, Base, Length, (LONGLONG)(First * MMX_PAGE), &Iosb);
    if (Status == STATUS_END_OF_FILE) {
        Status = STATUS_SUCCESS;
        Iosb.Information = 0;
    }
    if (NT_SUCCESS(Status) && Iosb.Information < Length)
        memset(Base + Iosb.Information, 0, Length - Iosb.Information);
    KexLockAcquire(&Segment->Lock);
    if (NT_SUCCESS(Status) && Generation != Segment->Generation)
        Status = STATUS_RETRY; /* purged or truncated meanwhile: what was read may be old */
    EndClaim(Segment, First, Count, Status == STATUS_SUCCESS, false);
    return Status == STATUS_RETRY ? STATUS_SUCCESS : Status;
}

/*
 * Lock held. Makes [First, End) valid, waiting and reading as needed; returns with the lock held
 * and, on success, every page valid at this moment.
 */
static NTSTATUS EnsureLocked(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG End, bool Wait)
{
    ULONGLONG Page = First;

    while (Page < End) {
        MMX_CHUNK *Chunk = ChunkOf(Segment, Page);
        ULONGLONG Count, Max = End - Page;
        NTSTATUS Status;

        if (IS(Chunk, Valid, Page)) {
            Page++;
            continue;
        }
        if (!Wait)
            return STATUS_CANT_WAIT;
        if (IS(Chunk, Filling, Page)) {
            WaitForChange(Segment);
        } else {
            if (Max > MMX_READ_CLUSTER / MMX_PAGE)
                Max = MMX_READ_CLUSTER / MMX_PAGE;
            Count = ClaimRun(Segment, Page, Max);
            if (!Count)
                return STATUS_INSUFFICIENT_RESOURCES;
            Status = ReadClaimed(Segment, Page, Count);
            if (!NT_SUCCESS(Status))
                return Status;
        }
        Page = First; /* the lock was away: an earlier page may have gone again */
    }
    return STATUS_SUCCESS;
}

NTSTATUS MmxSegmentEnsure(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG Count)
{
    NTSTATUS Status;

    KexLockAcquire(&Segment->Lock);
    Status = EnsureLocked(Segment, First, First + Count, true);
    KexLockRelease(&Segment->Lock);
    return Status;
}

static void AddPins(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG End, int Delta)
{
    for (ULONGLONG Page = First; Page < End; Page++) {
        MMX_CHUNK *Chunk = ChunkOf(Segment, Page);

        ASSERT(IS(Chunk, Valid, Page));
        ASSERT(Delta > 0 ? Chunk->Pins[Page % MMX_CHUNK_PAGES] < 0xffff
                         : Chunk->Pins[Page % MMX_CHUNK_PAGES] > 0);
        Chunk->Pins[Page % MMX_CHUNK_PAGES] = (USHORT)(Chunk->Pins[Page % MMX_CHUNK_PAGES] + Delta);
    }
}

NTSTATUS MmxSegmentPin(MMX_SEGMENT *Segment, LONGLONG Offset, ULONG Length, bool Wait,
                       PVOID *Address)
{
    ULONGLONG First = (ULONGLONG)Offset / MMX_PAGE, End = RangeEnd(Offset, Length);
    NTSTATUS Status;

    ASSERT(Length);
    KexLockAcquire(&Segment->Lock);
    if (End > ((ULONGLONG)Segment->Size + MMX_PAGE - 1) / MMX_PAGE)
        Status = STATUS_END_OF_FILE;
    else
        Status = EnsureLocked(Segment, First, End, Wait);
    if (NT_SUCCESS(Status)) {
        AddPins(Segment, First, End, 1);
        *Address = Segment->View + Offset;
    }
    KexLockRelease(&Segment->Lock);
    return Status;
}

void MmxSegmentPinAgain(MMX_SEGMENT *Segment, LONGLONG Offset, ULONG Length)
{
    KexLockAcquire(&Segment->Lock);
    AddPins(Segment, (ULONGLONG)Offset / MMX_PAGE, RangeEnd(Offset, Length), 1);
    KexLockRelease(&Segment->Lock);
}

void MmxSegmentUnpin(MMX_SEGMENT *Segment, LONGLONG Offset, ULONG Length)
{
    KexLockAcquire(&Segment->Lock);
    AddPins(Segment, (ULONGLONG)Offset / MMX_PAGE, RangeEnd(Offset, Length), -1);
    KexLockRelease(&Segment->Lock);
}

NTSTATUS MmxSegmentFill(MMX_SEGMENT *Segment, LONGLONG Offset, ULONG Length, const void *Source)
{
    ULONGLONG First = (ULONGLONG)Offset / MMX_PAGE, Count = RangeEnd(Offset, Length) - First,
              Claimed;
    ULONG Head = (ULONG)((ULONGLONG)Offset % MMX_PAGE), Tail;
    PUCHAR Base;

    ASSERT(Length);
    KexLockAcquire(&Segment->Lock);
    Claimed = ClaimRun(Segment, First, Count);
    if (Claimed < Count) {
        if (Claimed)
            EndClaim(Segment, First, Claimed, false, false);
        KexLockRelease(&Segment->Lock);
        return STATUS_RETRY;
    }
    Base = Segment->View + First * MMX_PAGE;
    KexLockRelease(&Segment->Lock);

    Tail = (ULONG)(Count * MMX_PAGE) - Head - Length;
    memset(Base, 0, Head);
    if (Source)
        memcpy(Base + Head, Source, Length);
    else
        memset(Base + Head, 0, Length);
    memset(Base + Head + Length, 0, Tail);

    KexLockAcquire(&Segment->Lock);
    EndClaim(Segment, First, Count, true, true);
    KexLockRelease(&Segment->Lock);
    return STATUS_SUCCESS;
}

ULONG MmxSegmentMarkDirty(MMX_SEGMENT *Segment, LONGLONG Offset, ULONG Length)
{
    ULONG Newly = 0;

    KexLockAcquire(&Segment->Lock);
    for (ULONGLONG Page = (ULONGLONG)Offset / MMX_PAGE; Page < RangeEnd(Offset, Length); Page++)
        Newly += SetDirty(Segment, ChunkOf(Segment, Page), Page);
    KexLockRelease(&Segment->Lock);
    return Newly;
}

ULONGLONG MmxSegmentRun(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG Count, bool *Valid)
{
    ULONGLONG n = 1;

    KexLockAcquire(&Segment->Lock);
    *Valid = IS(ChunkOf(Segment, First), Valid, First);
    while (n < Count && (bool)IS(ChunkOf(Segment, First + n), Valid, First + n) == *Valid)
        n++;
    KexLockRelease(&Segment->Lock);
    return n;
}

/* ---- writing ------------------------------------------------------------------------------- */

/*
 * Lock held. Takes the run of dirty pages at Page: they stop being dirty and are being written.
 * Clearing comes before the write reads the bytes, so a change during the write makes the page
 * dirty again and is written later.
 */
static ULONGLONG TakeDirtyRun(MMX_SEGMENT *Segment, ULONGLONG Page, ULONGLONG End)
{
    ULONGLONG n;

    for (n = 0; n < MMX_WRITE_CLUSTER / MMX_PAGE && Page + n < End; n++) {
        MMX_CHUNK *Chunk = ChunkOf(Segment, Page + n);

        if (!IS(Chunk, Dirty, Page + n) || IS(Chunk, Writing, Page + n))
            break;
        ClearDirty(Segment, Chunk, Page + n);
        SET(Chunk, Writing, Page + n);
    }
    return n;
}

static void EndWrite(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG Count, bool Good)
{
    for (ULONGLONG Page = First; Page < First + Count; Page++) {
        MMX_CHUNK *Chunk = ChunkOf(Segment, Page);

        CLEAR(Chunk, Writing, Page);
        if (!Good && IS(Chunk, Valid, Page))
            SetDirty(Segment, Chunk, Page);
    }
    WakeWaiters(Segment);
}

/* Lock held; released around the write. */
static NTSTATUS WriteRun(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG Count)
{
    PUCHAR Base = Segment->View + First * MMX_PAGE;
    IO_STATUS_BLOCK Iosb = {0};
    NTSTATUS Status;

    KexLockRelease(&Segment->Lock);
    Status = MmxPager->Write(Segment->FileObject, Base, (ULONG)Count * MMX_PAGE,
                             (LONGLONG)(First * MMX_PAGE), &Iosb);
    KexLockAcquire(&Segment->Lock);
    EndWrite(Segment, First, Count, NT_SUCCESS(Status));
    return Status;
}

/*
 * A cluster that failed is tried again page by page, as Windows does: one page that cannot be
 * written must not keep its neighbours from the store. Lock held.
 */
static NTSTATUS WritePagewise(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG Count,
                              ULONGLONG *Pages)
{
    NTSTATUS Result = STATUS_SUCCESS, Status;

    for (ULONGLONG Page = First; Page < First + Count; Page++) {
        if (!TakeDirtyRun(Segment, Page, Page + 1))
            continue;
        Status = WriteRun(Segment, Page, 1);
        if (NT_SUCCESS(Status))
            ++*Pages;
        else if (NT_SUCCESS(Result))
            Result = Status;
    }
    return Result;
}

NTSTATUS MmxSegmentFlush(MMX_SEGMENT *Segment, LONGLONG Offset, LONGLONG Length, ULONGLONG *Written)
{
    ULONGLONG Page = (ULONGLONG)Offset / MMX_PAGE, End = RangeEnd(Offset, Length), Pages = 0, Count;
    NTSTATUS Result = STATUS_SUCCESS, Status;

    KexLockAcquire(&Segment->Lock);
    while ((Page = NextDirtyOrWriting(Segment, Page, End)) < End) {
        if (IS(ChunkOf(Segment, Page), Writing, Page)) {
            WaitForChange(Segment);
            continue;
        }
        Count = TakeDirtyRun(Segment, Page, End);
        Status = WriteRun(Segment, Page, Count);
        if (NT_SUCCESS(Status))
            Pages += Count;
        else if (Count > 1)
            Status = WritePagewise(Segment, Page, Count, &Pages);
        if (!NT_SUCCESS(Status) && NT_SUCCESS(Result))
            Result = Status;
        Page += Count;
    }
    KexLockRelease(&Segment->Lock);
    if (Written)
        *Written = Pages * MMX_PAGE;
    return Result;
}

/* ---- dropping ------------------------------------------------------------------------------ */

/* Lock held; released while the host takes the memory back. The pages are claimed meanwhile. */
static void PunchRun(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG Count)
{
    KexLockRelease(&Segment->Lock);
    host_punch(Segment->Fd, First * MMX_PAGE, Count * MMX_PAGE);
    KexLockAcquire(&Segment->Lock);
    EndClaim(Segment, First, Count, false, false);
}

/*
 * Lock held. Takes the run of droppable pages at Page out of the valid ones; 0 when Page itself
 * cannot go.
 */
static ULONGLONG TakePurgeRun(MMX_SEGMENT *Segment, ULONGLONG Page, ULONGLONG End,
                              MMX_PURGE *Result)
{
    ULONGLONG n;

    for (n = 0; Page + n < End; n++) {
        MMX_CHUNK *Chunk = ChunkOf(Segment, Page + n);

        if (!IS(Chunk, Valid, Page + n) || IS(Chunk, Writing, Page + n) ||
            Chunk->Pins[(Page + n) % MMX_CHUNK_PAGES])
            break;
        Result->DirtyLost += ClearDirty(Segment, Chunk, Page + n);
        CLEAR(Chunk, Valid, Page + n);
        SET(Chunk, Filling, Page + n);
        COUNT(Resident, -1);
    }
    Result->Purged += n;
    return n;
}

/* First page at or behind Page that can be valid: skips what was never touched. Lock held. */
static ULONGLONG SkipUntouched(MMX_SEGMENT *Segment, ULONGLONG Page, ULONGLONG End)
{
    while (Page < End && !ChunkOf(Segment, Page)) {
        if (Page / MMX_CHUNK_PAGES >= Segment->ChunkSlots)
            return End;
        Page = (Page / MMX_CHUNK_PAGES + 1) * MMX_CHUNK_PAGES;
    }
    return Page < End ? Page : End;
}

static void DropRange(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG End, MMX_PURGE *Result)
{
    ULONGLONG Page = First, Count;

    Segment->Generation++;
    while ((Page = SkipUntouched(Segment, Page, End)) < End) {
        if (!IS(ChunkOf(Segment, Page), Valid, Page)) {
            Page++;
            continue;
        }
        Count = TakePurgeRun(Segment, Page, End, Result);
        if (Count) {
            PunchRun(Segment, Page, Count);
            Page += Count;
        } else {
            Result->Pinned++;
            Page++;
        }
    }
}

bool MmxSegmentPurge(MMX_SEGMENT *Segment, LONGLONG Offset, LONGLONG Length, bool ViewsToo,
                     MMX_PURGE *Result)
{
    MMX_PURGE Local;

    if (!Result)
        Result = &Local;
    memset(Result, 0, sizeof *Result);
    KexLockAcquire(&Segment->Lock);
    if (Segment->UserViews && !ViewsToo)
        Result->Mapped = true;
    else
        DropRange(Segment, (ULONGLONG)Offset / MMX_PAGE, RangeEnd(Offset, Length), Result);
    KexLockRelease(&Segment->Lock);
    return !Result->Mapped && !Result->Pinned;
}

/* Lock held. Pages that a pin keeps are zeroed where they stand and have nothing left to write. */
static void ZeroKept(MMX_SEGMENT *Segment, ULONGLONG First)
{
    ULONGLONG Page = First;

    while ((Page = SkipUntouched(Segment, Page, ~0ull)) < ~0ull) {
        MMX_CHUNK *Chunk = ChunkOf(Segment, Page);

        if (IS(Chunk, Valid, Page)) {
            memset(Segment->View + Page * MMX_PAGE, 0, MMX_PAGE);
            ClearDirty(Segment, Chunk, Page);
        }
        Page++;
    }
}

void MmxSegmentTruncate(MMX_SEGMENT *Segment, LONGLONG Size)
{
    ULONGLONG First = ((ULONGLONG)Size + MMX_PAGE - 1) / MMX_PAGE,
              Last = (ULONGLONG)Size / MMX_PAGE;
    MMX_PURGE Result = {0};

    KexLockAcquire(&Segment->Lock);
    DropRange(Segment, First, ~0ull, &Result);
    if (Result.Pinned)
        ZeroKept(Segment, First);
    if (Size % MMX_PAGE && IS(ChunkOf(Segment, Last), Valid, Last))
        memset(Segment->View + Size, 0, MMX_PAGE - (ULONG)(Size % MMX_PAGE));
    KexLockRelease(&Segment->Lock);
}

/* ---- facts --------------------------------------------------------------------------------- */

ULONG MmxSegmentResidentPages(MMX_SEGMENT *Segment)
{
    return __atomic_load_n(&Segment->Resident, __ATOMIC_ACQUIRE);
}

ULONG MmxSegmentDirtyPages(MMX_SEGMENT *Segment)
{
    return __atomic_load_n(&Segment->Dirty, __ATOMIC_ACQUIRE);
}

bool MmxSegmentIsDirty(MMX_SEGMENT *Segment, LONGLONG Offset, LONGLONG Length)
{
    ULONGLONG End = RangeEnd(Offset, Length), Page;

    KexLockAcquire(&Segment->Lock);
    Page = NextDirtyOrWriting(Segment, (ULONGLONG)Offset / MMX_PAGE, End);
    KexLockRelease(&Segment->Lock);
    return Page < End;
}

bool MmxSegmentIsPinned(MMX_SEGMENT *Segment, LONGLONG Offset, LONGLONG Length)
{
    ULONGLONG Page = (ULONGLONG)Offset / MMX_PAGE, End = RangeEnd(Offset, Length);
    bool Pinned = false;

    KexLockAcquire(&Segment->Lock);
    while (!Pinned && (Page = SkipUntouched(Segment, Page, End)) < End) {
        Pinned = ChunkOf(Segment, Page)->Pins[Page % MMX_CHUNK_PAGES];
        Page++;
    }
    KexLockRelease(&Segment->Lock);
    return Pinned;
}

LONGLONG MmxSegmentSize(MMX_SEGMENT *Segment)
{
    return __atomic_load_n(&Segment->Size, __ATOMIC_ACQUIRE);
}

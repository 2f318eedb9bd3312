/* SPDX-License-Identifier: MIT */
/*
 * lazy.c - what the cache does on its own: the lazy writer, read-ahead, and the throttle that makes
 * writers wait for the lazy writer.
 *
 * The lazy writer wakes once a second. It writes a stream whose oldest dirty page is older than a
 * second, so data at rest reaches the store within three; a stream still being written to is
 * written all the same, page by page as it was at that moment.
 */
#include "cc/cc.h"

#include <stdlib.h>
#include <string.h>

#define TICK_100NS (10ll * 1000 * 1000)

ULONG CcxDirtyLimit = 64 * 1024; /* 256 MiB */

/* Guarded by CcxLock. */
static LIST_ENTRY Throttled = {&Throttled, &Throttled}; /* THROTTLED: threads in CcCanIWrite */
static LIST_ENTRY Deferred = {&Deferred, &Deferred};    /* DEFERRED: CcDeferWrite */
static ULONG LazyRounds;

static PKTHREAD LazyThread;
static KEVENT LazyKick;
static KEVENT LazyRoundDone;
static volatile bool LazyStop;

void CcxNoteDirty(CCX_MAP *Map)
{
    KexLockAcquire(&CcxLock);
    if (!Map->DirtySince)
        Map->DirtySince = KexInterruptTime() | 1;
    KexLockRelease(&CcxLock);
}

void CcxKickLazyWriter(void)
{
    KeSetEvent(&LazyKick, IO_NO_INCREMENT, FALSE);
}

/* ---- lazy writing -------------------------------------------------------------------------- */

NTSTATUS CcxLazyWriteMap(CCX_MAP *Map, const char *What)
{
    NTSTATUS Status = STATUS_CANT_WAIT;

    KeEnterCriticalRegion(); /* the callback takes a resource */
    if (Map->Callbacks.AcquireForLazyWrite(Map->Context, TRUE)) {
        Status = CcxFlushHeld(Map->Pointers, 0, 0, What, NULL);
        Map->Callbacks.ReleaseFromLazyWrite(Map->Context);
    }
    KeLeaveCriticalRegion();
    return Status;
}

/* The next map to write, with a reference, marked as being written; NULL when none is due. */
static CCX_MAP *NextDue(bool Everything, ULONG Round)
{
    LONGLONG Now = KexInterruptTime();
    CCX_MAP *Found = NULL;

    KexLockAcquire(&CcxLock);
    for (PLIST_ENTRY e = CcxMaps.Flink; e != &CcxMaps && !Found; e = e->Flink) {
        CCX_MAP *Map = CONTAINING_RECORD(e, CCX_MAP, Links);

        if (Map->LazyWriting || !MmxSegmentDirtyPages(Map->Segment))
            continue;
        if (!Map->DirtySince)
            Map->DirtySince = Now | 1; /* dirtied by a pin or a view */
        if (Map->NoWriteBehind && !Everything)
            continue;
        if (Everything || Now - Map->DirtySince >= TICK_100NS || !Map->OpenCount) {
            Map->LazyWriting = true;
            Map->DirtySince = 0;
            Map->References++;
            Found = Map;
        }
    }
    KexLockRelease(&CcxLock);
    return Found;
}

static void WriteDue(bool Everything)
{
    CCX_MAP *Done[64], *Map;
    ULONG Count = 0;

    /*
     * A map stays marked until the round ends: one that cannot be written must not be found again
     * at once.
     */
    while (Count < RTL_NUMBER_OF(Done) && (Map = NextDue(Everything, LazyRounds)) != NULL) {
        CcxLazyWriteMap(Map, "lazy write");
        Done[Count++] = Map;
    }
    KexLockAcquire(&CcxLock);
    for (ULONG i = 0; i < Count; i++)
        Done[i]->LazyWriting = false;
    KexLockRelease(&CcxLock);
    for (ULONG i = 0; i < Count; i++)
        CcxDereferenceMap(Done[i]);
    if (Count == RTL_NUMBER_OF(Done))
        CcxKickLazyWriter();
}

static VOID NTAPI LazyWriter(PVOID Context)
{
    while (!LazyStop) {
        LARGE_INTEGER Tick = {.QuadPart = -TICK_100NS};
        KEX_WAIT Why = {.What = "dirty pages", .Object = &LazyKick, .Timed = true, .Idle = true};

        KexWaitForObject(&LazyKick, KernelMode, FALSE, &Tick, &Why);
        WriteDue(LazyStop || MmxAllDirtyPages() >= CcxDirtyLimit / 2);
        KexLockAcquire(&CcxLock);
        LazyRounds++;
        KexLockRelease(&CcxLock);
        KePulseEvent(&LazyRoundDone, IO_NO_INCREMENT, FALSE);
        CcxWrittenBack();
    }
}

/*
 * Waits until the lazy writer has finished what it had to do when the call was made: everything
 * dirty then is written or was tried. IRQL < DISPATCH_LEVEL.
 */
NTSTATUS NTAPI CcWaitForCurrentLazyWriterActivity(VOID)
{
    ULONG Target = __atomic_load_n(&LazyRounds, __ATOMIC_ACQUIRE) +
                   2; /* one may be half over, the next is whole */

    while ((LONG)(__atomic_load_n(&LazyRounds, __ATOMIC_ACQUIRE) - Target) < 0 && !LazyStop) {
        LARGE_INTEGER Tick = {.QuadPart = -TICK_100NS};

        CcxKickLazyWriter();
        KeWaitForSingleObject(&LazyRoundDone, Executive, KernelMode, FALSE, &Tick);
    }
    return STATUS_SUCCESS;
}

NTSTATUS CcxLazyStart(void)
{
    LazyStop = false;
    KeInitializeEvent(&LazyKick, SynchronizationEvent, FALSE);
    KeInitializeEvent(&LazyRoundDone, NotificationEvent, FALSE);
    return KexThreadStart("lazy writer", NULL, LazyWriter, NULL, &LazyThread);
}

void CcxLazyEnd(void)
{
    if (!LazyThread)
        return;
    LazyStop = true;
    CcxKickLazyWriter();
    KeWaitForSingleObject(LazyThread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(LazyThread);
    LazyThread = NULL;
}

/* ---- the throttle -------------------------------------------------------------------------- */

typedef struct _THROTTLED {
    LIST_ENTRY Links;
    KEVENT Event;
} THROTTLED;

typedef struct _DEFERRED {
    LIST_ENTRY Links;
    PFILE_OBJECT FileObject;
    PCC_POST_DEFERRED_WRITE Post;
    PVOID Context1, Context2;
    ULONG Bytes;
} DEFERRED;

static bool Allowed(PFILE_OBJECT FileObject, ULONG Bytes)
{
    LONGLONG Pages = ((LONGLONG)Bytes + MMX_PAGE - 1) / MMX_PAGE;
    LONGLONG All = MmxAllDirtyPages();
    bool Fits = All + Pages <= CcxDirtyLimit || !All;
    CCX_MAP *Map;

    if (Fits && FileObject && FileObject->SectionObjectPointer) {
        Map = CcxReferenceMap(FileObject->SectionObjectPointer);
        if (Map) {
            ULONG Dirty = MmxSegmentDirtyPages(Map->Segment);

            Fits = !Map->DirtyThreshold || !Dirty || Dirty + Pages <= Map->DirtyThreshold;
            CcxDereferenceMap(Map);
        }
    }
    return Fits;
}

/*
 * Whether a cached write of that many bytes may go on now. With Wait the call returns TRUE once it
 * may; without, FALSE says to defer it. A thread that itself writes pages back is never held up
 * (nf-ntifs-cccaniwrite).
 */
BOOLEAN NTAPI CcCanIWrite(PFILE_OBJECT FileObject, ULONG BytesToWrite, BOOLEAN Wait, UCHAR Retrying)
{
    THROTTLED Me;

    if (KexGetTopLevelIrp() == (PIRP)FSRTL_CACHE_TOP_LEVEL_IRP || Allowed(FileObject, BytesToWrite))
        return TRUE;
    CcxKickLazyWriter();
    if (!Wait)
        return FALSE;
    do {
        KeInitializeEvent(&Me.Event, NotificationEvent, FALSE);
        KexLockAcquire(&CcxLock);
        InsertTailList(&Throttled, &Me.Links);
        KexLockRelease(&CcxLock);
        if (Allowed(FileObject, BytesToWrite)) {
            /*
             * Room came before we were on the list: leave it, unless a waker has taken us off
             * already.
             */
            KexLockAcquire(&CcxLock);
            if (!KeReadStateEvent(&Me.Event))
                RemoveEntryList(&Me.Links);
            KexLockRelease(&CcxLock);
            return TRUE;
        }
        CcxKickLazyWriter();
        KeWaitForSingleObject(&Me.Event, Executive, KernelMode, FALSE, NULL);
    } while (!Allowed(FileObject, BytesToWrite));
    return TRUE;
}

/*
 * Calls PostRoutine once the write may go on, perhaps before this call returns. The routine runs in
 * the lazy writer's thread or the caller's and must not wait for more room itself
 * (nf-ntifs-ccdeferwrite).
 */
VOID NTAPI CcDeferWrite(PFILE_OBJECT FileObject, PCC_POST_DEFERRED_WRITE PostRoutine,
                        PVOID Context1, PVOID Context2, ULONG BytesToWrite, BOOLEAN Retrying)
{
    DEFERRED *Entry = malloc(sizeof *Entry);

    if (!Entry || Allowed(FileObject, BytesToWrite)) {
        free(Entry);
        PostRoutine(Context1, Context2);
        return;
    }
    *Entry = (DEFERRED){.FileObject = FileObject,
                        .Post = PostRoutine,
                        .Context1 = Context1,
                        .Context2 = Context2,
                        .Bytes = BytesToWrite};
    KexLockAcquire(&CcxLock);
    InsertTailList(&Deferred, &Entry->Links);
    KexLockRelease(&CcxLock);
    CcxKickLazyWriter();
}

static void WakeThrottled(void)
{
    KexLockAcquire(&CcxLock);
    while (!IsListEmpty(&Throttled)) {
        THROTTLED *Each = CONTAINING_RECORD(RemoveHeadList(&Throttled), THROTTLED, Links);

        KeSetEvent(&Each->Event, IO_NO_INCREMENT, FALSE);
    }
    KexLockRelease(&CcxLock);
}

/*
 * Asked after every write-back, so without the lock: a writer puts itself on the list before it
 * looks at the count of dirty pages, and that count went down before this look at the list.
 */
static bool NobodyWaits(void)
{
    return __atomic_load_n(&Throttled.Flink, __ATOMIC_SEQ_CST) == &Throttled &&
           __atomic_load_n(&Deferred.Flink, __ATOMIC_SEQ_CST) == &Deferred;
}

void CcxWrittenBack(void)
{
    DEFERRED *Entry;

    if (NobodyWaits())
        return;
    WakeThrottled();
    /* Only the lazy writer runs deferred writes: a flusher may hold locks that they want. */
    if (KexCurrentThread() != LazyThread)
        return;
    for (;;) {
        Entry = NULL;
        KexLockAcquire(&CcxLock);
        if (!IsListEmpty(&Deferred))
            Entry = CONTAINING_RECORD(RemoveHeadList(&Deferred), DEFERRED, Links);
        KexLockRelease(&CcxLock);
        if (!Entry)
            return;
        if (!Allowed(Entry->FileObject, Entry->Bytes) && !LazyStop) {
            KexLockAcquire(&CcxLock);
            InsertHeadList(&Deferred, &Entry->Links);
            KexLockRelease(&CcxLock);
            return;
        }
        Entry->Post(Entry->Context1, Entry->Context2);
        free(Entry);
    }
}

/* ---- read-ahead ---------------------------------------------------------------------------- */

typedef struct _READ_AHEAD {
    WORK_QUEUE_ITEM Item;
    PFILE_OBJECT FileObject;
    LONGLONG Offset;
    ULONG Length;
} READ_AHEAD;

/*
 * Reads what is missing of a range. Errors are nobody's: a reader that needs the page meets them
 * itself.
 */
static VOID NTAPI ReadAheadWorker(PVOID Parameter)
{
    READ_AHEAD *Work = Parameter;
    PFILE_OBJECT FileObject = Work->FileObject;
    CCX_MAP *Map = CcxReferenceMap(FileObject->SectionObjectPointer);

    KeEnterCriticalRegion();
    if (Map && Map->Callbacks.AcquireForReadAhead(Map->Context, TRUE)) {
        LONGLONG End = Work->Offset + Work->Length;

        if (End > Map->FileSize.QuadPart)
            End = Map->FileSize.QuadPart;
        if (End > Work->Offset) {
            ULONGLONG First = (ULONGLONG)Work->Offset / MMX_PAGE;
            ULONGLONG Count = ((ULONGLONG)End + MMX_PAGE - 1) / MMX_PAGE - First;
            NTSTATUS Status = MmxSegmentEnsure(Map->Segment, First, Count);

            CcxTrace("read ahead", FileObject, Work->Offset, End - Work->Offset, Status, 0);
        }
        Map->Callbacks.ReleaseFromReadAhead(Map->Context);
    }
    KeLeaveCriticalRegion();
    KexLockAcquire(&CcxLock);
    if (FileObject->PrivateCacheMap)
        ((CCX_PRIVATE *)FileObject->PrivateCacheMap)->ReadAheadQueued = false;
    KexLockRelease(&CcxLock);
    if (Map)
        CcxDereferenceMap(Map);
    ObDereferenceObject(FileObject);
    free(Work);
}

static void QueueReadAhead(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length)
{
    READ_AHEAD *Work = malloc(sizeof *Work);

    if (!Work)
        return;
    ObReferenceObject(FileObject);
    Work->FileObject = FileObject;
    Work->Offset = Offset;
    Work->Length = Length;
    ExInitializeWorkItem(&Work->Item, ReadAheadWorker, Work);
    ExQueueWorkItem(&Work->Item, CriticalWorkQueue);
}

/*
 * Plans the read-ahead behind a read that ended at FileOffset + Length: the next granule, two for a
 * file opened for sequential access, none below what was asked for already
 * (nf-ntifs-ccschedulereadahead).
 */
VOID NTAPI CcScheduleReadAhead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length)
{
    CCX_PRIVATE *Private;
    LONGLONG Start = 0;
    ULONG Bytes = 0;

    KexLockAcquire(&CcxLock);
    Private = FileObject->PrivateCacheMap;
    if (Private && !Private->ReadAheadQueued && !Private->Map->NoReadAhead &&
        !(FileObject->Flags & FO_RANDOM_ACCESS)) {
        LONGLONG Granule = (LONGLONG)Private->ReadAheadMask + 1;

        Start = (FileOffset->QuadPart + Length + Granule - 1) / Granule * Granule;
        if (Start < Private->ReadAheadEnd)
            Start = Private->ReadAheadEnd;
        Bytes = (ULONG)(FileObject->Flags & FO_SEQUENTIAL_ONLY ? 2 * Granule : Granule);
        if (Start >= Private->Map->FileSize.QuadPart ||
            Start - (FileOffset->QuadPart + Length) > (LONGLONG)Bytes)
            Bytes = 0;
        if (Bytes) {
            Private->ReadAheadEnd = Start + Bytes;
            Private->ReadAheadQueued = true;
        }
    }
    KexLockRelease(&CcxLock);
    if (Bytes)
        QueueReadAhead(FileObject, Start, Bytes);
}

/*
 * The third read in a row that begins where the last one ended starts read-ahead; the first for
 * sequential opens.
 */
void CcxAfterRead(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length)
{
    CCX_PRIVATE *Private = FileObject->PrivateCacheMap;
    LARGE_INTEGER From = {.QuadPart = Offset};

    if (!Private)
        return;
    if (Offset == Private->LastEnd && Offset) {
        Private->Sequential++;
    } else {
        Private->Sequential = 0;
        Private->ReadAheadEnd = 0;
    }
    Private->LastEnd = Offset + Length;
    if (Private->Sequential >= 2 || (FileObject->Flags & FO_SEQUENTIAL_ONLY))
        CcScheduleReadAhead(FileObject, &From, Length);
}

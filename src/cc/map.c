/* SPDX-License-Identifier: MIT */
/*
 * map.c - shared and private cache maps: initialise, uninitialise, sizes, and who keeps a map
 * alive.
 */
#include "cc/cc.h"

#include <stdlib.h>
#include <string.h>

KEX_LOCK CcxLock = KEX_LOCK_INIT(KEX_RANK_CC, "cache maps");
LIST_ENTRY CcxMaps = {&CcxMaps, &CcxMaps};

void CcxTrace(const char *What, PFILE_OBJECT FileObject, LONGLONG Offset, LONGLONG Length,
              NTSTATUS Status, ULONGLONG Information)
{
    KEX_TRACE Event = {0};

    if (!KEX_TRACING())
        return;
    Event.Kind = KEX_TRACE_CC;
    Event.Status = Status;
    Event.Information = Information;
    Event.Offset = Offset;
    Event.Length = Length > 0xffffffffll ? 0xffffffffu : (ULONG)Length;
    Event.Object = FileObject;
    Event.Path = FileObject ? &FileObject->FileName : NULL;
    Event.Who = "cc";
    Event.What = What;
    KexHooks.Trace(&Event);
}

/* ---- life of a map ------------------------------------------------------------------------- */

static void SignalEvents(PCACHE_UNINITIALIZE_EVENT Event)
{
    while (Event) {
        PCACHE_UNINITIALIZE_EVENT Next = Event->Next; /* its owner may free it once it is set */

        KeSetEvent(&Event->Event, IO_NO_INCREMENT, FALSE);
        Event = Next;
    }
}

/*
 * Lock held. TRUE when the map was taken off the stream: the caller then calls FreeMap without the
 * lock.
 */
static bool DetachIfDone(CCX_MAP *Map, bool DirtyToo)
{
    if (Map->OpenCount || Map->References || (!DirtyToo && MmxSegmentDirtyPages(Map->Segment)))
        return false;
    Map->Pointers->SharedCacheMap = NULL;
    RemoveEntryList(&Map->Links);
    return true;
}

static void FreeMap(CCX_MAP *Map)
{
    PCACHE_UNINITIALIZE_EVENT Events = Map->Events;
    MMX_SEGMENT *Segment = Map->Segment;

    ASSERT(IsListEmpty(&Map->Privates) && IsListEmpty(&Map->Bcbs));
    CcxTrace("cache map deleted", MmxSegmentFileObject(Segment), 0, 0, STATUS_SUCCESS, 0);
    free(Map);
    MmxSegmentDereference(Segment);
    SignalEvents(Events);
}

CCX_MAP *CcxReferenceMap(PSECTION_OBJECT_POINTERS Pointers)
{
    CCX_MAP *Map = NULL;

    if (!Pointers)
        return NULL;
    KexLockAcquire(&CcxLock);
    Map = Pointers->SharedCacheMap;
    if (Map)
        Map->References++;
    KexLockRelease(&CcxLock);
    return Map;
}

void CcxDereferenceMap(CCX_MAP *Map)
{
    bool Gone;

    KexLockAcquire(&CcxLock);
    ASSERT(Map->References > 0);
    Map->References--;
    Gone = DetachIfDone(Map, false);
    KexLockRelease(&CcxLock);
    if (Gone)
        FreeMap(Map);
}

static CCX_MAP *NewMap(MMX_SEGMENT *Segment, PFILE_OBJECT FileObject)
{
    CCX_MAP *Map = calloc(1, sizeof *Map);

    if (!Map)
        return NULL;
    Map->NodeTypeCode = CCX_NODE_MAP;
    Map->NodeByteSize = sizeof *Map;
    Map->Segment = Segment;
    Map->Pointers = FileObject->SectionObjectPointer;
    InitializeListHead(&Map->Privates);
    InitializeListHead(&Map->Bcbs);
    return Map;
}

/* Lock held. */
static void AddPrivate(CCX_MAP *Map, CCX_PRIVATE *Private, PFILE_OBJECT FileObject)
{
    Private->NodeTypeCode = CCX_NODE_PRIVATE;
    Private->NodeByteSize = sizeof *Private;
    Private->FileObject = FileObject;
    Private->Map = Map;
    Private->ReadAheadMask = MMX_PAGE - 1;
    InsertTailList(&Map->Privates, &Private->Links);
    Map->OpenCount++;
    FileObject->PrivateCacheMap = Private;
}

NTSTATUS CcxInitialize(PFILE_OBJECT FileObject, const CC_FILE_SIZES *Sizes, bool PinAccess,
                       const CACHE_MANAGER_CALLBACKS *Callbacks, PVOID Context)
{
    LONGLONG Size = Sizes->AllocationSize.QuadPart;
    CCX_PRIVATE *Private;
    MMX_SEGMENT *Segment;
    CCX_MAP *Made, *Map;
    NTSTATUS Status;
    bool Taken;

    if (FileObject->PrivateCacheMap)
        return STATUS_SUCCESS;
    if (Size < Sizes->FileSize.QuadPart)
        Size = Sizes->FileSize.QuadPart;
    Status = MmxSegmentOpen(FileObject, Size, &Segment);
    if (!NT_SUCCESS(Status))
        return Status;
    Made = NewMap(Segment, FileObject);
    Private = calloc(1, sizeof *Private);
    if (!Made || !Private) {
        free(Made);
        free(Private);
        MmxSegmentDereference(Segment);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Made->FileSize = Sizes->FileSize;
    Made->ValidDataLength = Sizes->ValidDataLength.QuadPart;
    Made->Callbacks = *Callbacks;
    Made->Context = Context;
    Made->PinAccess = PinAccess;

    KexLockAcquire(&CcxLock);
    Map = FileObject->SectionObjectPointer->SharedCacheMap;
    Taken = !Map;
    if (Taken) {
        Map = Made;
        FileObject->SectionObjectPointer->SharedCacheMap = Map;
        InsertTailList(&CcxMaps, &Map->Links);
    }
    AddPrivate(Map, Private, FileObject);
    KexLockRelease(&CcxLock);
    if (!Taken) {
        free(Made);
        MmxSegmentDereference(Segment);
    }
    CcxTrace("cache map initialized", FileObject, 0, Sizes->FileSize.QuadPart, STATUS_SUCCESS, 0);
    return STATUS_SUCCESS;
}

/*
 * Starts caching of a stream through a file object. IRQL <= APC_LEVEL; the caller owns the stream
 * exclusively. Nothing happens for a file object that has a cache map. Failures are raised:
 * STATUS_INSUFFICIENT_RESOURCES, STATUS_SECTION_TOO_BIG (nf-ntifs-ccinitializecachemap).
 */
VOID NTAPI CcInitializeCacheMap(PFILE_OBJECT FileObject, PCC_FILE_SIZES FileSizes,
                                BOOLEAN PinAccess, PCACHE_MANAGER_CALLBACKS Callbacks,
                                PVOID LazyWriteContext)
{
    NTSTATUS Status = CcxInitialize(FileObject, FileSizes, PinAccess, Callbacks, LazyWriteContext);

    if (!NT_SUCCESS(Status))
        ExRaiseStatus(Status);
}

/*
 * Ends caching through a file object; harmless for one that was never cached. TruncateSize, when
 * given and this was the last user, purges what lies behind it. UninitializeEvent is set once the
 * shared map is gone, at once when there is none; it stays queued while the lazy writer still has
 * pages to write (nf-ntifs-ccuninitializecachemap). Returns whether the shared map was deleted by
 * this call.
 */
BOOLEAN NTAPI CcUninitializeCacheMap(PFILE_OBJECT FileObject, PLARGE_INTEGER TruncateSize,
                                     PCACHE_UNINITIALIZE_EVENT UninitializeEvent)
{
    PSECTION_OBJECT_POINTERS Pointers = FileObject->SectionObjectPointer;
    bool Gone = false, Last;
    CCX_PRIVATE *Private;
    CCX_MAP *Map;

    KexLockAcquire(&CcxLock);
    Map = Pointers ? Pointers->SharedCacheMap : NULL;
    Private = FileObject->PrivateCacheMap;
    FileObject->PrivateCacheMap = NULL;
    if (Private) {
        RemoveEntryList(&Private->Links);
        Map->OpenCount--;
    }
    Last = Map && !Map->OpenCount;
    if (Map && UninitializeEvent) {
        UninitializeEvent->Next = Map->Events;
        Map->Events = UninitializeEvent;
        UninitializeEvent = NULL;
    }
    if (Map)
        Map->References++;
    KexLockRelease(&CcxLock);
    free(Private);
    if (!Map) {
        if (TruncateSize && Pointers) {
            MMX_SEGMENT *Segment = MmxSegmentFromPointers(Pointers);

            if (Segment) {
                MmxSegmentTruncate(Segment, TruncateSize->QuadPart);
                MmxSegmentDereference(Segment);
            }
        }
        if (UninitializeEvent)
            UninitializeEvent->Next = NULL, SignalEvents(UninitializeEvent);
        return FALSE;
    }
    if (Last && TruncateSize)
        MmxSegmentTruncate(Map->Segment, TruncateSize->QuadPart);
    KexLockAcquire(&CcxLock);
    Map->References--;
    Gone = DetachIfDone(Map, false);
    KexLockRelease(&CcxLock);
    if (Gone)
        FreeMap(Map);
    return Gone;
}

void CcxUninitializeAll(CCX_MAP *Map)
{
    KexLockAcquire(&CcxLock);
    while (!IsListEmpty(&Map->Privates)) {
        CCX_PRIVATE *Private =
            CONTAINING_RECORD(RemoveHeadList(&Map->Privates), CCX_PRIVATE, Links);

        Private->FileObject->PrivateCacheMap = NULL;
        Map->OpenCount--;
        free(Private);
    }
    KexLockRelease(&CcxLock);
}

/* ---- sizes --------------------------------------------------------------------------------- */

NTSTATUS CcxSetSizes(PFILE_OBJECT FileObject, const CC_FILE_SIZES *Sizes)
{
    LONGLONG Size = Sizes->AllocationSize.QuadPart, NewEnd = Sizes->FileSize.QuadPart,
             OldEnd = NewEnd;
    MMX_SEGMENT *Segment = MmxSegmentFromPointers(FileObject->SectionObjectPointer);
    NTSTATUS Status;
    CCX_MAP *Map;

    if (!Segment)
        return STATUS_SUCCESS;
    if (Size < NewEnd)
        Size = NewEnd;
    Status = MmxSegmentExtend(Segment, Size);
    Map = CcxReferenceMap(FileObject->SectionObjectPointer);
    if (NT_SUCCESS(Status) && Map) {
        KexLockAcquire(&CcxLock);
        OldEnd = Map->FileSize.QuadPart;
        Map->FileSize.QuadPart = NewEnd;
        if (Map->ValidDataLength != MAXLONGLONG) {
            if (Sizes->ValidDataLength.QuadPart > Map->ValidDataLength)
                Map->ValidDataLength = Sizes->ValidDataLength.QuadPart;
            if (Map->ValidDataLength > NewEnd)
                Map->ValidDataLength = NewEnd;
        }
        KexLockRelease(&CcxLock);
    }
    if (NT_SUCCESS(Status) && (NewEnd < OldEnd || !Map))
        MmxSegmentTruncate(Segment, NewEnd);
    if (Map)
        CcxDereferenceMap(Map);
    MmxSegmentDereference(Segment);
    return Status;
}

/*
 * Tells the cache the stream's new sizes. IRQL <= APC_LEVEL; the caller owns the stream
 * exclusively. A larger allocation extends the section, a smaller file size drops the pages behind
 * it. A section without a cache map is treated the same. May raise STATUS_INSUFFICIENT_RESOURCES
 * (nf-ntifs-ccsetfilesizes).
 */
VOID NTAPI CcSetFileSizes(PFILE_OBJECT FileObject, PCC_FILE_SIZES FileSizes)
{
    NTSTATUS Status = CcxSetSizes(FileObject, FileSizes);

    if (!NT_SUCCESS(Status))
        ExRaiseStatus(Status);
}

/* Read-ahead is done in multiples of Granularity, a power of two of at least a page. */
VOID NTAPI CcSetReadAheadGranularity(PFILE_OBJECT FileObject, ULONG Granularity)
{
    CCX_PRIVATE *Private = FileObject->PrivateCacheMap;

    if (Private && Granularity >= MMX_PAGE)
        Private->ReadAheadMask = Granularity - 1;
}

/* Switches read-ahead and write-behind of the stream off or on again. */
VOID NTAPI CcSetAdditionalCacheAttributes(PFILE_OBJECT FileObject, BOOLEAN DisableReadAhead,
                                          BOOLEAN DisableWriteBehind)
{
    CCX_MAP *Map = CcxReferenceMap(FileObject->SectionObjectPointer);

    if (!Map)
        return;
    Map->NoReadAhead = DisableReadAhead;
    Map->NoWriteBehind = DisableWriteBehind;
    CcxDereferenceMap(Map);
}

/* Dirty pages of one file at which its writers wait, whatever the rest of the system does. */
VOID NTAPI CcSetDirtyPageThreshold(PFILE_OBJECT FileObject, ULONG DirtyPageThreshold)
{
    CCX_MAP *Map = CcxReferenceMap(FileObject->SectionObjectPointer);

    if (!Map)
        return;
    Map->DirtyThreshold = DirtyPageThreshold;
    CcxDereferenceMap(Map);
}

/* ---- facts --------------------------------------------------------------------------------- */

static ULONG Pages(PSECTION_OBJECT_POINTERS Pointers, ULONG (*fn)(MMX_SEGMENT *))
{
    MMX_SEGMENT *Segment = MmxSegmentFromPointers(Pointers);
    ULONG Count = 0;

    if (Segment) {
        Count = fn(Segment);
        MmxSegmentDereference(Segment);
    }
    return Count;
}

ULONG CcxResidentPages(PSECTION_OBJECT_POINTERS Pointers)
{
    return Pages(Pointers, MmxSegmentResidentPages);
}

ULONG CcxDirtyPages(PSECTION_OBJECT_POINTERS Pointers)
{
    return Pages(Pointers, MmxSegmentDirtyPages);
}

/*
 * The file object that carries the stream's paging I/O, NULL for a stream without cache or section.
 * The first form adds no reference (nf-ntifs-ccgetfileobjectfromsectionptrs); the second adds one.
 */
PFILE_OBJECT NTAPI CcGetFileObjectFromSectionPtrs(PSECTION_OBJECT_POINTERS SectionObjectPointer)
{
    MMX_SEGMENT *Segment = MmxSegmentFromPointers(SectionObjectPointer);
    PFILE_OBJECT FileObject = NULL;

    if (Segment) {
        FileObject = MmxSegmentFileObject(Segment);
        MmxSegmentDereference(Segment);
    }
    return FileObject;
}

PFILE_OBJECT NTAPI CcGetFileObjectFromSectionPtrsRef(PSECTION_OBJECT_POINTERS SectionObjectPointer)
{
    MMX_SEGMENT *Segment = MmxSegmentFromPointers(SectionObjectPointer);
    PFILE_OBJECT FileObject = NULL;

    if (Segment) {
        FileObject = MmxSegmentFileObject(Segment);
        ObReferenceObject(FileObject);
        MmxSegmentDereference(Segment);
    }
    return FileObject;
}

static void LookForDirty(MMX_SEGMENT *Segment, void *Context)
{
    struct {
        PVPB Vpb;
        ULONG Pages;
    } *Search = Context;

    if (MmxSegmentFileObject(Segment)->Vpb == Search->Vpb)
        Search->Pages += MmxSegmentDirtyPages(Segment);
}

/* Whether any stream of the volume has dirty pages (nf-ntifs-ccistheredirtydata). */
BOOLEAN NTAPI CcIsThereDirtyDataEx(PVPB Vpb, PULONG NumberOfDirtyPages)
{
    struct {
        PVPB Vpb;
        ULONG Pages;
    } Search = {Vpb, 0};

    MmxForEachSegment(NULL, LookForDirty, &Search);
    if (NumberOfDirtyPages)
        *NumberOfDirtyPages = Search.Pages;
    return Search.Pages != 0;
}

BOOLEAN NTAPI CcIsThereDirtyData(PVPB Vpb)
{
    return CcIsThereDirtyDataEx(Vpb, NULL);
}

/* ---- start and end ------------------------------------------------------------------------- */

NTSTATUS CcxStart(void)
{
    return CcxLazyStart();
}

/*
 * A map whose pages could not be written is deleted all the same: there is no later moment to try.
 *
 */
static void DeleteAbandoned(void)
{
    CCX_MAP *Map;

    do {
        Map = NULL;
        KexLockAcquire(&CcxLock);
        for (PLIST_ENTRY e = CcxMaps.Flink; e != &CcxMaps && !Map; e = e->Flink) {
            CCX_MAP *Each = CONTAINING_RECORD(e, CCX_MAP, Links);

            if (DetachIfDone(Each, true)) {
                Map = Each;
                break;
            }
        }
        KexLockRelease(&CcxLock);
        if (Map)
            FreeMap(Map);
    } while (Map);
}

void CcxEnd(void)
{
    CcxFlushAll(NULL);
    CcxLazyEnd();
    DeleteAbandoned();
    MmxSegmentTrimUnused(NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * segment.c - life of segments: the table from streams to segments, unused segments, and the system
 * view. The pages are in segment_pages.c.
 */
#include "mm/segment_pages.h"

#include <stdlib.h>
#include <string.h>

/*
 * Windows keeps the clean pages of closed files until memory is short. We keep this much: enough
 * that reopening a file finds its pages, little enough that a copy of a large tree does not hold
 * every file of it.
 */
#define UNUSED_SEGMENTS_MAX 256u
#define UNUSED_PAGES_MAX (256u * 1024 * 1024 / MMX_PAGE)

#define VIEW_MIN (16ull << 20)
#define VIEW_MAX (16ull << 40)

const MMX_PAGER *MmxPager;
LONG64 MmxDirtyPageCount;

/* Guards every segment's References, Links, and the DataSectionObject field of every stream. */
static KEX_LOCK MmxTableLock = KEX_LOCK_INIT(KEX_RANK_MM, "segment table");
static LIST_ENTRY MmxSegments = {&MmxSegments, &MmxSegments};
static LIST_ENTRY MmxUnused = {&MmxUnused, &MmxUnused};
static ULONG MmxUnusedCount, MmxUnusedPages;

/* ---- the system view ----------------------------------------------------------------------- */

static uint64_t ViewBytesFor(LONGLONG Size)
{
    uint64_t Want = (uint64_t)Size * 2, Bytes = VIEW_MIN;

    while (Bytes < Want && Bytes < VIEW_MAX)
        Bytes *= 2;
    return Bytes;
}

/*
 * A view that became too small is kept beside its larger successor until the segment's end: both
 * map the same pages, and addresses handed out with pins stay good.
 */
static NTSTATUS GrowView(MMX_SEGMENT *Segment, LONGLONG Size)
{
    uint64_t Bytes = ViewBytesFor(Size);
    unsigned Slot = Segment->ViewCount;
    void *Base;

    if ((uint64_t)Size > VIEW_MAX || Slot == MMX_VIEWS_MAX)
        return STATUS_SECTION_TOO_BIG;
    if (host_memfd_resize(Segment->Fd, Bytes) < 0)
        return STATUS_INSUFFICIENT_RESOURCES;
    Base = host_map_file(NULL, Segment->Fd, 0, Bytes, HOST_RW);
    if (!Base)
        return STATUS_INSUFFICIENT_RESOURCES;
    Segment->Views[Slot].Base = Base;
    Segment->Views[Slot].Bytes = Bytes;
    Segment->ViewCount = Slot + 1;
    __atomic_store_n(&Segment->View, Base, __ATOMIC_RELEASE);
    return STATUS_SUCCESS;
}

static void FreeSegment(MMX_SEGMENT *Segment)
{
    for (unsigned i = 0; i < Segment->ViewCount; i++)
        host_unmap(Segment->Views[i].Base, Segment->Views[i].Bytes);
    if (Segment->Fd >= 0)
        host_close(Segment->Fd);
    for (ULONGLONG i = 0; i < Segment->ChunkSlots; i++)
        free(Segment->Chunks[i]);
    free(Segment->Chunks);
    free(Segment);
}

static NTSTATUS NewSegment(PFILE_OBJECT FileObject, LONGLONG Size, MMX_SEGMENT **Out)
{
    MMX_SEGMENT *Segment = calloc(1, sizeof *Segment);
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;

    if (!Segment)
        return Status;
    KexLockInit(&Segment->Lock, KEX_RANK_MM + 1, "segment");
    InitializeListHead(&Segment->Waiters);
    Segment->References = 1;
    Segment->FileObject = FileObject;
    Segment->Pointers = FileObject->SectionObjectPointer;
    Segment->Size = Size;
    Segment->Fd = host_memfd("segment", MMX_PAGE);
    if (Segment->Fd >= 0)
        Status = GrowView(Segment, Size);
    if (!NT_SUCCESS(Status)) {
        FreeSegment(Segment);
        return Status;
    }
    *Out = Segment;
    return STATUS_SUCCESS;
}

/* ---- table --------------------------------------------------------------------------------- */

/* Table lock held. */
static void TakeFromUnused(MMX_SEGMENT *Segment)
{
    if (!Segment->OnUnusedList)
        return;
    RemoveEntryList(&Segment->UnusedLinks);
    Segment->OnUnusedList = false;
    MmxUnusedCount--;
    MmxUnusedPages -= Segment->UnusedPages;
}

/* Table lock held; the caller frees the segment once the lock is released. */
static void Detach(MMX_SEGMENT *Segment)
{
    TakeFromUnused(Segment);
    RemoveEntryList(&Segment->Links);
    if (Segment->Pointers->DataSectionObject == Segment)
        Segment->Pointers->DataSectionObject = NULL;
}

/* No lock held: the last reference to the file object may send IRP_MJ_CLOSE from here. */
static void Destroy(MMX_SEGMENT *Segment)
{
    PFILE_OBJECT FileObject = Segment->FileObject;

    InterlockedExchangeAdd64(&MmxDirtyPageCount, -(LONG64)Segment->Dirty);
    FreeSegment(Segment);
    ObDereferenceObject(FileObject);
}

static MMX_SEGMENT *ReferenceLocked(PSECTION_OBJECT_POINTERS Pointers)
{
    MMX_SEGMENT *Segment = Pointers->DataSectionObject;

    if (Segment) {
        TakeFromUnused(Segment);
        Segment->References++;
    }
    return Segment;
}

MMX_SEGMENT *MmxSegmentFromPointers(PSECTION_OBJECT_POINTERS Pointers)
{
    MMX_SEGMENT *Segment;

    if (!Pointers)
        return NULL;
    KexLockAcquire(&MmxTableLock);
    Segment = ReferenceLocked(Pointers);
    KexLockRelease(&MmxTableLock);
    return Segment;
}

NTSTATUS MmxSegmentOpen(PFILE_OBJECT FileObject, LONGLONG Size, MMX_SEGMENT **Segment)
{
    PSECTION_OBJECT_POINTERS Pointers = FileObject->SectionObjectPointer;
    MMX_SEGMENT *Found = MmxSegmentFromPointers(Pointers), *Made = NULL;
    NTSTATUS Status;

    if (!Found) {
        Status = NewSegment(FileObject, Size, &Made);
        if (!NT_SUCCESS(Status))
            return Status;
        ObReferenceObject(FileObject);
        KexLockAcquire(&MmxTableLock);
        Found = ReferenceLocked(Pointers);
        if (!Found) {
            Pointers->DataSectionObject = Made;
            InsertTailList(&MmxSegments, &Made->Links);
        }
        KexLockRelease(&MmxTableLock);
        if (!Found) {
            *Segment = Made;
            return STATUS_SUCCESS;
        }
        Destroy(Made); /* another thread was faster */
    }
    Status = MmxSegmentExtend(Found, Size);
    if (!NT_SUCCESS(Status)) {
        MmxSegmentDereference(Found);
        return Status;
    }
    *Segment = Found;
    return STATUS_SUCCESS;
}

void MmxSegmentReference(MMX_SEGMENT *Segment)
{
    KexLockAcquire(&MmxTableLock);
    ASSERT(Segment->References > 0);
    Segment->References++;
    KexLockRelease(&MmxTableLock);
}

/* Table lock held, References just became 0. Returns a segment to destroy, or NULL. */
static MMX_SEGMENT *Retire(MMX_SEGMENT *Segment)
{
    if (!Segment->Resident) {
        Detach(Segment);
        return Segment;
    }
    Segment->OnUnusedList = true;
    Segment->UnusedPages = Segment->Resident;
    MmxUnusedCount++;
    MmxUnusedPages += Segment->UnusedPages;
    InsertTailList(&MmxUnused, &Segment->UnusedLinks);
    if (MmxUnusedCount <= UNUSED_SEGMENTS_MAX && MmxUnusedPages <= UNUSED_PAGES_MAX)
        return NULL;
    for (PLIST_ENTRY e = MmxUnused.Flink; e != &MmxUnused; e = e->Flink) {
        MMX_SEGMENT *Oldest = CONTAINING_RECORD(e, MMX_SEGMENT, UnusedLinks);

        if (!Oldest->Dirty) { /* dirty: a view's changes that are still to be written */
            Detach(Oldest);
            return Oldest;
        }
    }
    return NULL;
}

void MmxSegmentDereference(MMX_SEGMENT *Segment)
{
    MMX_SEGMENT *Dead = NULL;

    KexLockAcquire(&MmxTableLock);
    ASSERT(Segment->References > 0);
    if (--Segment->References == 0)
        Dead = Retire(Segment);
    KexLockRelease(&MmxTableLock);
    if (Dead)
        Destroy(Dead);
}

bool MmxSegmentDiscard(PSECTION_OBJECT_POINTERS Pointers)
{
    MMX_SEGMENT *Segment;
    bool Gone;

    KexLockAcquire(&MmxTableLock);
    Segment = Pointers->DataSectionObject;
    Gone = !Segment || Segment->References == 0;
    if (Segment && Gone)
        Detach(Segment);
    KexLockRelease(&MmxTableLock);
    if (Segment && Gone)
        Destroy(Segment);
    return Gone;
}

/*
 * Next segment of the list (all or unused only) after skipping Seen ones, with a reference. Table
 * lock taken.
 */
static ULONG Collect(PDEVICE_OBJECT Device, MMX_SEGMENT **Out, ULONG Max)
{
    ULONG Count = 0;

    KexLockAcquire(&MmxTableLock);
    for (PLIST_ENTRY e = MmxSegments.Flink; e != &MmxSegments; e = e->Flink) {
        MMX_SEGMENT *Segment = CONTAINING_RECORD(e, MMX_SEGMENT, Links);

        if (Device && Segment->FileObject->DeviceObject != Device)
            continue;
        if (Count < Max) {
            TakeFromUnused(Segment);
            Segment->References++;
            Out[Count] = Segment;
        }
        Count++;
    }
    KexLockRelease(&MmxTableLock);
    return Count;
}

void MmxForEachSegment(PDEVICE_OBJECT Device, void (*fn)(MMX_SEGMENT *Segment, void *Context),
                       void *Context)
{
    ULONG Count = Collect(Device, NULL, 0), Room = Count + 16;
    MMX_SEGMENT **List = Count ? calloc(Room, sizeof *List) : NULL;

    if (!List)
        return;
    Count = Collect(Device, List, Room);
    if (Count > Room)
        Count = Room; /* made since we counted: their owners are still at work on them */
    for (ULONG i = 0; i < Count; i++) {
        fn(List[i], Context);
        MmxSegmentDereference(List[i]);
    }
    free(List);
}

static void FlushBeforeTrim(MMX_SEGMENT *Segment, void *Context)
{
    if (MmxSegmentDirtyPages(Segment))
        MmxSegmentFlush(Segment, 0, 0, NULL);
}

void MmxSegmentTrimUnused(PDEVICE_OBJECT Device)
{
    MMX_SEGMENT *Dead;

    MmxForEachSegment(Device, FlushBeforeTrim, NULL);
    do {
        Dead = NULL;
        KexLockAcquire(&MmxTableLock);
        for (PLIST_ENTRY e = MmxUnused.Flink; e != &MmxUnused && !Dead; e = e->Flink) {
            MMX_SEGMENT *Segment = CONTAINING_RECORD(e, MMX_SEGMENT, UnusedLinks);

            if (!Device || Segment->FileObject->DeviceObject == Device)
                Dead = Segment;
        }
        if (Dead)
            Detach(Dead);
        KexLockRelease(&MmxTableLock);
        if (Dead)
            Destroy(Dead);
    } while (Dead);
}

NTSTATUS MmxSegmentExtend(MMX_SEGMENT *Segment, LONGLONG Size)
{
    NTSTATUS Status = STATUS_SUCCESS;

    KexLockAcquire(&Segment->Lock);
    if (Size > Segment->Size) {
        if ((uint64_t)Size > Segment->Views[Segment->ViewCount - 1].Bytes)
            Status = GrowView(Segment, Size);
        if (NT_SUCCESS(Status))
            Segment->Size = Size;
    }
    KexLockRelease(&Segment->Lock);
    return Status;
}

/* ---- views of the section room ------------------------------------------------------------- */

void MmxSegmentAddView(MMX_SEGMENT *Segment, bool Writable, LONGLONG ViewEnd)
{
    KexLockAcquire(&Segment->Lock);
    Segment->UserViews++;
    Segment->WritableViews += Writable;
    if (ViewEnd > Segment->ViewEnd)
        Segment->ViewEnd = ViewEnd;
    KexLockRelease(&Segment->Lock);
}

void MmxSegmentRemoveView(MMX_SEGMENT *Segment, bool Writable)
{
    KexLockAcquire(&Segment->Lock);
    ASSERT(Segment->UserViews > 0);
    Segment->WritableViews -= Writable;
    if (--Segment->UserViews == 0)
        Segment->ViewEnd = 0;
    KexLockRelease(&Segment->Lock);
}

ULONG MmxSegmentViews(MMX_SEGMENT *Segment)
{
    return __atomic_load_n(&Segment->UserViews, __ATOMIC_ACQUIRE);
}

ULONG MmxSegmentWritableViews(MMX_SEGMENT *Segment)
{
    return __atomic_load_n(&Segment->WritableViews, __ATOMIC_ACQUIRE);
}

PFILE_OBJECT MmxSegmentFileObject(const MMX_SEGMENT *Segment)
{
    return Segment->FileObject;
}

LONGLONG MmxSegmentOffsetOf(MMX_SEGMENT *Segment, PVOID Address)
{
    LONGLONG Offset = -1;

    KexLockAcquire(&Segment->Lock);
    for (unsigned i = 0; i < Segment->ViewCount && Offset < 0; i++) {
        PUCHAR Base = Segment->Views[i].Base;

        if ((PUCHAR)Address >= Base && (PUCHAR)Address < Base + Segment->Views[i].Bytes)
            Offset = (PUCHAR)Address - Base;
    }
    KexLockRelease(&Segment->Lock);
    return Offset;
}

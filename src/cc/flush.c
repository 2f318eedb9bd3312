/* SPDX-License-Identifier: MIT */
/* flush.c - writing back and throwing away: flush, purge, both, and a whole volume. */
#include "cc/cc.h"
#include "fsrtl/fsrtl.h"

#include <string.h>

/*
 * A view's changes do not pass through CcxCopyIn, so what a flush wrote may lie behind the valid
 * data length the map knows. Claiming too much only costs a read later; claiming too little would
 * lose data.
 */
static void ViewsMayHaveExtended(PSECTION_OBJECT_POINTERS Pointers, MMX_SEGMENT *Segment)
{
    CCX_MAP *Map = MmxSegmentViews(Segment) ? CcxReferenceMap(Pointers) : NULL;

    if (!Map)
        return;
    KexLockAcquire(&CcxLock);
    if (Map->ValidDataLength < Map->FileSize.QuadPart)
        Map->ValidDataLength = Map->FileSize.QuadPart;
    KexLockRelease(&CcxLock);
    CcxDereferenceMap(Map);
}

NTSTATUS CcxFlushHeld(PSECTION_OBJECT_POINTERS Pointers, LONGLONG Offset, LONGLONG Length,
                      const char *What, ULONGLONG *Written)
{
    MMX_SEGMENT *Segment = MmxSegmentFromPointers(Pointers);
    ULONGLONG Bytes = 0;
    NTSTATUS Status;

    if (Written)
        *Written = 0;
    if (!Segment)
        return STATUS_SUCCESS;
    ViewsMayHaveExtended(Pointers, Segment);
    Status = MmxSegmentFlush(Segment, Offset, Length, &Bytes);
    CcxTrace(What, MmxSegmentFileObject(Segment), Offset, Length, Status, Bytes);
    if (Written)
        *Written = Bytes;
    MmxSegmentDereference(Segment);
    CcxWrittenBack();
    return Status;
}

/*
 * Writes the range's dirty pages (FileOffset NULL: all) and waits for it. IRQL < DISPATCH_LEVEL.
 * The file system is asked for its locks through its acquire-for-flush hook first, which is why a
 * caller must not hold them in another order. IoStatus, optional, receives the first failure, or
 * success and the number of bytes (nf-ntifs-ccflushcache).
 */
VOID NTAPI CcFlushCache(PSECTION_OBJECT_POINTERS SectionObjectPointer, PLARGE_INTEGER FileOffset,
                        ULONG Length, PIO_STATUS_BLOCK IoStatus)
{
    MMX_SEGMENT *Segment = MmxSegmentFromPointers(SectionObjectPointer);
    NTSTATUS Status = STATUS_SUCCESS;
    ULONGLONG Written = 0;
    PFILE_OBJECT FileObject;

    if (Segment && !(FileOffset && !Length)) {
        FileObject = MmxSegmentFileObject(Segment);
        Status = FsrtlxAcquireForCcFlush(FileObject);
        if (NT_SUCCESS(Status)) {
            Status = CcxFlushHeld(SectionObjectPointer, FileOffset ? FileOffset->QuadPart : 0,
                                  FileOffset ? Length : 0, "flush", &Written);
            FsrtlxReleaseForCcFlush(FileObject);
        }
    }
    if (IoStatus) {
        IoStatus->Status = Status;
        IoStatus->Information = NT_SUCCESS(Status) ? (ULONG_PTR)Written : 0;
    }
    if (Segment)
        MmxSegmentDereference(Segment);
}

/*
 * A stream without users and pages needs neither map nor segment: its file object may be closed by
 * this.
 */
static void ReleaseIfEmpty(PSECTION_OBJECT_POINTERS Pointers, MMX_SEGMENT *Segment)
{
    CCX_MAP *Map = CcxReferenceMap(Pointers);

    if (Map)
        CcxDereferenceMap(Map); /* deletes it when it was only waiting to be clean */
    MmxSegmentDereference(Segment);
}

/*
 * Throws the range's pages away, dirty ones too (FileOffset NULL: all; Length 0 with an offset: to
 * the end). The caller owns the stream exclusively and has nothing of it mapped or pinned. Flag 1
 * takes every file object's private cache map away first. FALSE when pages stay: a user view
 * exists, or a page is pinned or being written (nf-ntifs-ccpurgecachesection).
 */
BOOLEAN NTAPI CcPurgeCacheSection(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                  PLARGE_INTEGER FileOffset, ULONG Length, ULONG Flags)
{
    MMX_SEGMENT *Segment = MmxSegmentFromPointers(SectionObjectPointer);
    MMX_PURGE Result = {0};
    PFILE_OBJECT FileObject;
    CCX_MAP *Map;
    bool Good;

    if (!Segment)
        return TRUE;
    if (Flags & UNINITIALIZE_CACHE_MAPS) {
        Map = CcxReferenceMap(SectionObjectPointer);
        if (Map) {
            CcxUninitializeAll(Map);
            CcxDereferenceMap(Map);
        }
    }
    FileObject = MmxSegmentFileObject(Segment);
    Good = MmxSegmentPurge(Segment, FileOffset ? FileOffset->QuadPart : 0, FileOffset ? Length : 0,
                           false, &Result);
    CcxTrace(Result.Mapped   ? "purge refused: mapped"
             : Result.Pinned ? "purge refused: pages in use"
                             : "purge",
             FileObject, FileOffset ? FileOffset->QuadPart : 0, FileOffset ? Length : 0,
             Good ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL, Result.Purged);
    ReleaseIfEmpty(SectionObjectPointer, Segment);
    CcxWrittenBack();
    return Good;
}

/*
 * Flushes the range, then throws its pages away, out of user views too: their next touch faults
 * fresh data in. The caller owns the stream exclusively. A failed write leaves its pages and is the
 * status. STATUS_CACHE_PAGE_LOCKED, a success code, says that a page was pinned and was not
 * invalidated; it is given even when Flags forbid the purge
 * (nf-ntifs-cccoherencyflushandpurgecache).
 */
VOID NTAPI CcCoherencyFlushAndPurgeCache(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                         PLARGE_INTEGER FileOffset, ULONG Length,
                                         PIO_STATUS_BLOCK IoStatus, ULONG Flags)
{
    LONGLONG Offset = FileOffset ? FileOffset->QuadPart : 0, Bytes = FileOffset ? Length : 0;
    MMX_SEGMENT *Segment = MmxSegmentFromPointers(SectionObjectPointer);
    MMX_PURGE Result = {0};

    IoStatus->Status = STATUS_SUCCESS;
    IoStatus->Information = 0;
    if (!Segment)
        return;
    IoStatus->Status = CcxFlushHeld(SectionObjectPointer, Offset, Bytes, "coherency flush", NULL);
    if (NT_SUCCESS(IoStatus->Status)) {
        if (Flags & CC_FLUSH_AND_PURGE_NO_PURGE)
            Result.Pinned = MmxSegmentIsPinned(Segment, Offset, Bytes);
        else
            MmxSegmentPurge(Segment, Offset, Bytes, true, &Result);
        if (Result.Pinned)
            IoStatus->Status = STATUS_CACHE_PAGE_LOCKED;
        CcxTrace("coherency purge", MmxSegmentFileObject(Segment), Offset, Bytes, IoStatus->Status,
                 Result.Purged);
    }
    ReleaseIfEmpty(SectionObjectPointer, Segment);
}

/* ---- a whole volume ------------------------------------------------------------------------ */

typedef struct _FLUSH_ALL {
    NTSTATUS Status;
} FLUSH_ALL;

static void FlushOne(MMX_SEGMENT *Segment, void *Context)
{
    PFILE_OBJECT FileObject = MmxSegmentFileObject(Segment);
    FLUSH_ALL *All = Context;
    IO_STATUS_BLOCK Iosb = {0};
    CCX_MAP *Map;

    if (MmxSegmentDirtyPages(Segment)) {
        CcFlushCache(FileObject->SectionObjectPointer, NULL, 0, &Iosb);
        if (!NT_SUCCESS(Iosb.Status) && NT_SUCCESS(All->Status))
            All->Status = Iosb.Status;
    }
    Map = CcxReferenceMap(FileObject->SectionObjectPointer);
    if (Map)
        CcxDereferenceMap(Map);
}

NTSTATUS CcxFlushAll(PDEVICE_OBJECT Device)
{
    FLUSH_ALL All = {STATUS_SUCCESS};

    MmxForEachSegment(Device, FlushOne, &All);
    MmxSegmentTrimUnused(Device);
    return All.Status;
}

/* SPDX-License-Identifier: MIT */
/*
 * segment.h - segments: the one set of pages that a stream's cache and its mapped views share.
 *
 * A segment is an anonymous shared file of the host (its pages), mapped as a system view, with four
 * facts per page:
 *
 *     valid     the page is resident; its bytes are the stream's bytes
 *     dirty     newer than the store; implies valid
 *     filling   one thread is making the page valid (a paging read, or a full overwrite); never
 * valid writing   a paging write of the page is under way; implies valid. The page may be modified
 * and become dirty again meanwhile: `dirty` is cleared before the write reads the page, never after
 * it
 *
 * and a pin count. A pinned page stays valid; only an unpinned page can be purged. Pins are what
 * copies, MDLs and pinned or mapped buffer control blocks hold; they are not locks, and any number
 * of threads may hold one.
 *
 * The segment's lock guards these facts and nothing else. It is never held during I/O, across a
 * call that may wait, or while memory that may fault is touched. Waiting for a page in transit is
 * done on an event of the waiter.
 *
 * SECTION_OBJECT_POINTERS.DataSectionObject of the stream points to its segment. The file object
 * that first cached or mapped the stream is referenced by the segment and carries all its paging
 * I/O; its IRP_MJ_CLOSE therefore comes when the segment is gone, which is Windows' behaviour too.
 * A segment nobody uses keeps its clean pages on a list of unused segments until it is trimmed,
 * reopened, or its volume goes.
 */
#ifndef OPENFLT_MM_SEGMENT_H
#define OPENFLT_MM_SEGMENT_H

#include "ke/ke.h"

#define MMX_PAGE 4096u
#define MMX_READ_CLUSTER (64u * 1024)    /* largest paging read a fault makes */
#define MMX_WRITE_CLUSTER (1024u * 1024) /* largest paging write a flush makes */

/*
 * The way up into the I/O manager: paging requests that go to the top of the file object's device
 * stack.
 */
typedef struct _MMX_PAGER {
    NTSTATUS (*Read)
    (PFILE_OBJECT FileObject, PVOID Base, ULONG Length, LONGLONG Offset, PIO_STATUS_BLOCK Iosb);
    NTSTATUS (*Write)
    (PFILE_OBJECT FileObject, PVOID Base, ULONG Length, LONGLONG Offset, PIO_STATUS_BLOCK Iosb);
} MMX_PAGER;
extern const MMX_PAGER *MmxPager;

typedef struct _MMX_SEGMENT MMX_SEGMENT;

/* ---- life ---------------------------------------------------------------------------------- */

/*
 * Finds or makes the segment of FileObject's stream and adds a reference. Size is the section's
 * size in bytes: a segment that exists grows to it when it is smaller. Creating takes a reference
 * on FileObject. STATUS_INSUFFICIENT_RESOURCES when the host has no memory, descriptor or address
 * space left.
 */
NTSTATUS MmxSegmentOpen(PFILE_OBJECT FileObject, LONGLONG Size, MMX_SEGMENT **Segment);
/* The stream's segment with a reference added, or NULL. */
MMX_SEGMENT *MmxSegmentFromPointers(PSECTION_OBJECT_POINTERS Pointers);
void MmxSegmentReference(MMX_SEGMENT *Segment);
/* May send IRP_MJ_CLOSE for the segment's file object in this thread. */
void MmxSegmentDereference(MMX_SEGMENT *Segment);
/*
 * Takes an unused segment of the stream off the list and destroys it. TRUE when the stream has none
 * afterwards.
 */
bool MmxSegmentDiscard(PSECTION_OBJECT_POINTERS Pointers);
/* Destroys unused segments: those of one device's file objects, or all when Device is NULL. */
void MmxSegmentTrimUnused(PDEVICE_OBJECT Device);
/* Grows the section; existing addresses stay good until the segment's end. */
NTSTATUS MmxSegmentExtend(MMX_SEGMENT *Segment, LONGLONG Size);

PFILE_OBJECT MmxSegmentFileObject(const MMX_SEGMENT *Segment);

/* ---- pages --------------------------------------------------------------------------------- */

/*
 * Makes pages valid by paging reads in the calling thread; a page another thread is filling is
 * waited for.
 */
NTSTATUS MmxSegmentEnsure(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG Count);

/*
 * Makes a byte range valid, pins it and returns its address in the system view. With Wait FALSE the
 * call fails with STATUS_CANT_WAIT instead of reading or waiting. The range must lie inside the
 * section.
 */
NTSTATUS MmxSegmentPin(MMX_SEGMENT *Segment, LONGLONG Offset, ULONG Length, bool Wait,
                       PVOID *Address);
/* One more pin on a range that the caller has pinned. */
void MmxSegmentPinAgain(MMX_SEGMENT *Segment, LONGLONG Offset, ULONG Length);
void MmxSegmentUnpin(MMX_SEGMENT *Segment, LONGLONG Offset, ULONG Length);
/*
 * Where in the stream a system view's address lies; -1 for an address of none of the segment's
 * views.
 */
LONGLONG MmxSegmentOffsetOf(MMX_SEGMENT *Segment, PVOID Address);

/*
 * Makes pages valid without reading them: the range's bytes come from Source (NULL: zeros), the
 * rest of its first and last page is zeroed, and the pages become dirty. Source must not fault.
 * STATUS_RETRY when one of the pages is valid or in transit: the caller then pins it and copies.
 */
NTSTATUS MmxSegmentFill(MMX_SEGMENT *Segment, LONGLONG Offset, ULONG Length, const void *Source);

/*
 * Pages of a byte range become dirty; they must be pinned by the caller. Returns how many were
 * clean.
 */
ULONG MmxSegmentMarkDirty(MMX_SEGMENT *Segment, LONGLONG Offset, ULONG Length);

/*
 * Length in pages, from First, of the run of pages that are all valid (Valid TRUE) or all not. At
 * most Count.
 */
ULONGLONG MmxSegmentRun(MMX_SEGMENT *Segment, ULONGLONG First, ULONGLONG Count, bool *Valid);

/*
 * Writes the range's dirty pages through the pager, in ascending order, in runs of up to
 * MMX_WRITE_CLUSTER, and waits for writes of others in the range. Length 0 means to the end. A page
 * whose write fails is dirty again; the first failure is returned after the rest of the range was
 * tried. Written, when not NULL, receives the number of bytes.
 */
NTSTATUS MmxSegmentFlush(MMX_SEGMENT *Segment, LONGLONG Offset, LONGLONG Length,
                         ULONGLONG *Written);

typedef struct _MMX_PURGE {
    ULONGLONG Purged;    /* pages dropped */
    ULONGLONG DirtyLost; /* of these, how many were dirty */
    ULONGLONG Pinned;    /* pages left because of a pin or a write under way */
    bool Mapped;         /* nothing done: user views exist */
} MMX_PURGE;
/*
 * Drops the range's pages, dirty ones too; Length 0 means to the end. Refuses while a user view
 * exists unless ViewsToo: then the pages vanish from the views and are faulted in again. TRUE when
 * nothing valid is left in the range.
 */
bool MmxSegmentPurge(MMX_SEGMENT *Segment, LONGLONG Offset, LONGLONG Length, bool ViewsToo,
                     MMX_PURGE *Result);
/*
 * The stream ends at Size: pages behind it are dropped, the rest of the last page is zeroed. Size
 * may be 0.
 */
void MmxSegmentTruncate(MMX_SEGMENT *Segment, LONGLONG Size);

/* ---- facts --------------------------------------------------------------------------------- */

ULONG MmxSegmentResidentPages(MMX_SEGMENT *Segment);
ULONG MmxSegmentDirtyPages(MMX_SEGMENT *Segment);
bool MmxSegmentIsDirty(MMX_SEGMENT *Segment, LONGLONG Offset, LONGLONG Length);
bool MmxSegmentIsPinned(MMX_SEGMENT *Segment, LONGLONG Offset, LONGLONG Length);
LONGLONG MmxSegmentSize(MMX_SEGMENT *Segment);
/* Dirty pages of all segments: what the cache manager's write throttle looks at. */
extern LONG64 MmxDirtyPageCount;
static inline LONG64 MmxAllDirtyPages(void)
{
    return __atomic_load_n(&MmxDirtyPageCount, __ATOMIC_SEQ_CST);
}

/*
 * User views and sections of the segment, counted by the section room; Writable says what the view
 * may do.
 */
void MmxSegmentAddView(MMX_SEGMENT *Segment, bool Writable, LONGLONG ViewEnd);
void MmxSegmentRemoveView(MMX_SEGMENT *Segment, bool Writable);
ULONG MmxSegmentViews(MMX_SEGMENT *Segment);
ULONG MmxSegmentWritableViews(MMX_SEGMENT *Segment);

/*
 * Calls fn for each segment whose file object's device is Device (NULL: all), with a reference held
 * and no lock. fn may flush, purge and dereference others. Segments made meanwhile may be missed.
 */
void MmxForEachSegment(PDEVICE_OBJECT Device, void (*fn)(MMX_SEGMENT *Segment, void *Context),
                       void *Context);

#endif

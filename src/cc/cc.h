/* SPDX-License-Identifier: MIT */
/*
 * cc.h - the cache manager as other rooms see it beyond its documented routines, and its inside.
 *
 * A cached stream has one shared cache map (CCX_MAP, SECTION_OBJECT_POINTERS.SharedCacheMap) and
 * each file object that called CcInitializeCacheMap a private one (FILE_OBJECT.PrivateCacheMap).
 * Pages, dirtiness and paging I/O are the segment's (mm/segment.h). A shared map lives while it has
 * private maps, dirty pages or a user of this room at work; the segment outlives it on the list of
 * unused segments.
 */
#ifndef OPENFLT_CC_CC_H
#define OPENFLT_CC_CC_H

#include "ke/ke.h"
#include "mm/segment.h"

NTSTATUS CcxStart(void);
/*
 * Writes what is dirty, deletes all maps, stops the lazy writer. Every volume must be dismounted or
 * flushed before.
 */
void CcxEnd(void);

/*
 * Pages of a stream that are in memory, and that are newer than the store. 0 for a stream never
 * cached.
 */
ULONG CcxResidentPages(PSECTION_OBJECT_POINTERS Pointers);
ULONG CcxDirtyPages(PSECTION_OBJECT_POINTERS Pointers);

/*
 * Writes every dirty page of a volume (the device of its file objects; NULL: of all), deletes cache
 * maps nobody uses and destroys unused segments, so that their file objects are closed. Returns the
 * first failure of a write.
 */
NTSTATUS CcxFlushAll(PDEVICE_OBJECT Device);

/* Makes the lazy writer scan now instead of at its next tick. */
void CcxKickLazyWriter(void);

/*
 * The documented routines report failures by raising them, which only compiled driver images can
 * catch. Rooms of our own use these: the same work with a status. STATUS_CANT_WAIT stands for
 * FALSE.
 */
NTSTATUS CcxInitialize(PFILE_OBJECT FileObject, const CC_FILE_SIZES *Sizes, bool PinAccess,
                       const CACHE_MANAGER_CALLBACKS *Callbacks, PVOID Context);
NTSTATUS CcxSetSizes(PFILE_OBJECT FileObject, const CC_FILE_SIZES *Sizes);
NTSTATUS CcxRead(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length, bool Wait, PVOID Buffer);
NTSTATUS CcxWrite(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length, bool Wait,
                  const void *Buffer);
NTSTATUS CcxZero(PFILE_OBJECT FileObject, LONGLONG Start, LONGLONG End, bool Wait);
NTSTATUS CcxMdlLend(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length, PMDL *MdlChain);

/* Dirty pages at which CcCanIWrite makes writers wait. */
extern ULONG CcxDirtyLimit;

/* ---- inside -------------------------------------------------------------------------------- */

#define CCX_NODE_MAP 0x02ff
#define CCX_NODE_PRIVATE 0x02fe
#define CCX_NODE_BCB 0x02fd

#define CCX_WINDOW (256u * 1024) /* one step of a copy; a step never pins more */

typedef struct _CCX_MAP {
    CSHORT NodeTypeCode, NodeByteSize;
    ULONG OpenCount;          /* private maps */
    LARGE_INTEGER FileSize;   /* at offset 8: CcGetFileSizePointer points here */
    LONGLONG ValidDataLength; /* MAXLONGLONG when the file system does not want it tracked */
    MMX_SEGMENT *Segment;
    PSECTION_OBJECT_POINTERS Pointers;
    CACHE_MANAGER_CALLBACKS Callbacks;
    PVOID Context;    /* of the callbacks */
    LIST_ENTRY Links; /* of CcxMaps */
    LIST_ENTRY Privates, Bcbs;
    LONG References; /* users at work, beside the private maps */
    LONGLONG
        DirtySince; /* interrupt time of the first dirty page since the last lazy write; 0: clean */
    ULONG DirtyThreshold; /* pages; 0: none of its own */
    PCACHE_UNINITIALIZE_EVENT Events;
    bool PinAccess, LazyWriting, NoReadAhead, NoWriteBehind;
} CCX_MAP;

typedef struct _CCX_PRIVATE {
    CSHORT NodeTypeCode, NodeByteSize;
    ULONG ReadAheadMask;
    PFILE_OBJECT FileObject;
    CCX_MAP *Map;
    LIST_ENTRY Links;
    LONGLONG LastEnd; /* where the last read ended: sequential reads are recognised by it */
    ULONG Sequential;
    LONGLONG ReadAheadEnd; /* bytes below this were already asked for */
    bool ReadAheadQueued;
} CCX_PRIVATE;

/* Guards the list of maps, their counts, and the SharedCacheMap and PrivateCacheMap fields. */
extern KEX_LOCK CcxLock;
extern LIST_ENTRY CcxMaps;

CCX_MAP *CcxReferenceMap(PSECTION_OBJECT_POINTERS Pointers);
/*
 * The last user of a map nobody has open deletes it, or leaves that to the lazy writer while it is
 * dirty.
 */
void CcxDereferenceMap(CCX_MAP *Map);
static inline CCX_MAP *CcxMapOf(PFILE_OBJECT FileObject)
{
    CCX_PRIVATE *Private = FileObject->PrivateCacheMap;

    return Private ? Private->Map : FileObject->SectionObjectPointer->SharedCacheMap;
}
void CcxNoteDirty(CCX_MAP *Map);
/* Detaches every private map of the stream: CcPurgeCacheSection's first flag. */
void CcxUninitializeAll(CCX_MAP *Map);

void CcxAfterRead(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length);

/* Flush without the file system's acquire hook: for callers that hold its locks already. */
NTSTATUS CcxFlushHeld(PSECTION_OBJECT_POINTERS Pointers, LONGLONG Offset, LONGLONG Length,
                      const char *What, ULONGLONG *Written);

NTSTATUS CcxLazyStart(void);
void CcxLazyEnd(void);
/* One lazy write of a map; the caller holds a reference. */
NTSTATUS CcxLazyWriteMap(CCX_MAP *Map, const char *What);
/* The throttle looks again at who may go on. */
void CcxWrittenBack(void);

void CcxTrace(const char *What, PFILE_OBJECT FileObject, LONGLONG Offset, LONGLONG Length,
              NTSTATUS Status, ULONGLONG Information);

#endif

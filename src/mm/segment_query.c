/* SPDX-License-Identifier: MIT */
/*
 * segment_query.c - the documented questions about a stream's sections. There are no image sections
 * yet: the image side of each answer is that of a stream without one.
 */
#include "mm/segment_pages.h"

/*
 * Whether the image section of a stream can go (or is gone): before a write open, MmFlushForWrite,
 * and before a deletion, MmFlushForDelete. A deletion also waits for writers of the data section to
 * be gone (nf-ntifs-mmflushimagesection).
 */
BOOLEAN NTAPI MmFlushImageSection(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                  MMFLUSH_TYPE FlushType)
{
    MMX_SEGMENT *Segment;
    BOOLEAN Free = TRUE;

    if (SectionObjectPointer->ImageSectionObject)
        return FALSE;
    if (FlushType == MmFlushForDelete) {
        Segment = MmxSegmentFromPointers(SectionObjectPointer);
        if (Segment) {
            Free = !MmxSegmentViews(Segment);
            MmxSegmentDereference(Segment);
        }
    }
    return Free;
}

/*
 * Whether a stream may become NewFileSize long: FALSE when a user view, or a section someone could
 * map, reaches past it. NULL asks whether any view is in the way at all
 * (nf-ntifs-mmcanfilebetruncated).
 */
BOOLEAN NTAPI MmCanFileBeTruncated(PSECTION_OBJECT_POINTERS SectionPointer,
                                   PLARGE_INTEGER NewFileSize)
{
    MMX_SEGMENT *Segment = MmxSegmentFromPointers(SectionPointer);
    BOOLEAN Free = TRUE;

    if (!Segment)
        return TRUE;
    KexLockAcquire(&Segment->Lock);
    if (Segment->UserViews)
        Free = NewFileSize && Segment->ViewEnd <= NewFileSize->QuadPart;
    KexLockRelease(&Segment->Lock);
    MmxSegmentDereference(Segment);
    return Free;
}

/*
 * Deletes the stream's data section when nobody uses it. With DelayClose TRUE a used one goes with
 * its last user, which is what segments do anyway (nf-ntifs-mmforcesectionclosed). TRUE when there
 * is none afterwards.
 */
BOOLEAN NTAPI MmForceSectionClosed(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                   BOOLEAN DelayClose)
{
    return MmxSegmentDiscard(SectionObjectPointer);
}

BOOLEAN NTAPI MmForceSectionClosedEx(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                     ULONG ForceCloseFlags)
{
    return MmxSegmentDiscard(SectionObjectPointer);
}

/* How many writable views of the stream exist; they outlive the handles they were made with. */
ULONG NTAPI MmDoesFileHaveUserWritableReferences(PSECTION_OBJECT_POINTERS SectionPointer)
{
    MMX_SEGMENT *Segment = MmxSegmentFromPointers(SectionPointer);
    ULONG Count = 0;

    if (Segment) {
        Count = MmxSegmentWritableViews(Segment);
        MmxSegmentDereference(Segment);
    }
    return Count;
}

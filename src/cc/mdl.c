/* SPDX-License-Identifier: MIT */
/* mdl.c - cached data lent out as an MDL: the caller reads or writes the cache's own pages. */
#include "cc/cc.h"

/*
 * Pins the range and describes its pages with one MDL; they stay pinned until the matching complete
 * call.
 */
NTSTATUS CcxMdlLend(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length, PMDL *MdlChain)
{
    CCX_MAP *Map = CcxMapOf(FileObject);
    NTSTATUS Status;
    PVOID Address;

    ASSERT(Map);
    *MdlChain = NULL;
    if (!Length)
        return STATUS_SUCCESS;
    Status = MmxSegmentPin(Map->Segment, Offset, Length, true, &Address);
    if (!NT_SUCCESS(Status))
        return Status;
    *MdlChain = IoAllocateMdl(Address, Length, FALSE, FALSE, NULL);
    if (!*MdlChain) {
        MmxSegmentUnpin(Map->Segment, Offset, Length);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    MmBuildMdlForNonPagedPool(*MdlChain);
    return STATUS_SUCCESS;
}

static void LendOrRaise(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length, PMDL *MdlChain,
                        PIO_STATUS_BLOCK IoStatus)
{
    NTSTATUS Status = CcxMdlLend(FileObject, Offset, Length, MdlChain);

    if (!NT_SUCCESS(Status))
        ExRaiseStatus(FsRtlNormalizeNtstatus(Status, STATUS_UNEXPECTED_IO_ERROR));
    IoStatus->Status = STATUS_SUCCESS;
    IoStatus->Information = Length;
}

/*
 * An MDL of the cache's pages says where in the stream it lies only by its address: the segment's
 * views are searched. With Dirty the pages become dirty. The chain is freed.
 */
static void TakeBack(PFILE_OBJECT FileObject, PMDL MdlChain, bool Dirty)
{
    MMX_SEGMENT *Segment = MmxSegmentFromPointers(FileObject->SectionObjectPointer);
    CCX_MAP *Map;

    ASSERT(Segment);
    while (MdlChain) {
        PMDL Next = MdlChain->Next;
        LONGLONG Offset = MmxSegmentOffsetOf(Segment, MmGetMdlVirtualAddress(MdlChain));
        ULONG Length = MmGetMdlByteCount(MdlChain);

        if (Dirty)
            MmxSegmentMarkDirty(Segment, Offset, Length);
        MmxSegmentUnpin(Segment, Offset, Length);
        IoFreeMdl(MdlChain);
        MdlChain = Next;
    }
    Map = Dirty ? CcxReferenceMap(FileObject->SectionObjectPointer) : NULL;
    if (Map) {
        CcxNoteDirty(Map);
        CcxDereferenceMap(Map);
    }
    MmxSegmentDereference(Segment);
}

/*
 * Lends cached data for reading. IRQL < DISPATCH_LEVEL; the stream is held shared. Given back with
 * CcMdlReadComplete; failed reads are raised (nf-ntifs-ccmdlread).
 */
VOID NTAPI CcMdlRead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                     PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus)
{
    LendOrRaise(FileObject, FileOffset->QuadPart, Length, MdlChain, IoStatus);
    CcxTrace("mdl read", FileObject, FileOffset->QuadPart, Length, STATUS_SUCCESS, Length);
}

VOID NTAPI CcMdlReadComplete(PFILE_OBJECT FileObject, PMDL MdlChain)
{
    TakeBack(FileObject, MdlChain, false);
}

/*
 * Lends pages to be written. The caller has extended the file. What the caller leaves alone keeps
 * its old bytes. Given back with CcMdlWriteComplete, which makes the pages dirty, or
 * CcMdlWriteAbort, which does not (nf-ntifs-ccpreparemdlwrite).
 */
VOID NTAPI CcPrepareMdlWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                             PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus)
{
    LendOrRaise(FileObject, FileOffset->QuadPart, Length, MdlChain, IoStatus);
    CcxTrace("mdl write", FileObject, FileOffset->QuadPart, Length, STATUS_SUCCESS, Length);
}

/*
 * With write-through the range is written before the call returns; a failure is raised
 * (nf-ntifs-ccmdlwritecomplete).
 */
VOID NTAPI CcMdlWriteComplete(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, PMDL MdlChain)
{
    CCX_MAP *Map = CcxMapOf(FileObject);
    ULONG Length = 0;
    NTSTATUS Status;

    for (PMDL Mdl = MdlChain; Mdl; Mdl = Mdl->Next)
        Length += MmGetMdlByteCount(Mdl);
    TakeBack(FileObject, MdlChain, true);
    if (Map && Map->ValidDataLength != MAXLONGLONG) {
        KexLockAcquire(&CcxLock);
        if (FileOffset->QuadPart + Length > Map->ValidDataLength)
            Map->ValidDataLength = FileOffset->QuadPart + Length;
        KexLockRelease(&CcxLock);
    }
    if ((FileObject->Flags & FO_WRITE_THROUGH) && Length) {
        Status = CcxFlushHeld(FileObject->SectionObjectPointer, FileOffset->QuadPart, Length,
                              "write through", NULL);
        if (!NT_SUCCESS(Status))
            ExRaiseStatus(FsRtlNormalizeNtstatus(Status, STATUS_UNEXPECTED_IO_ERROR));
    }
}

VOID NTAPI CcMdlWriteAbort(PFILE_OBJECT FileObject, PMDL MdlChain)
{
    TakeBack(FileObject, MdlChain, false);
}

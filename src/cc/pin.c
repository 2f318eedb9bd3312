/* SPDX-License-Identifier: MIT */
/*
 * pin.c - direct access to cached pages: mapped and pinned buffer control blocks. A mapped range is
 * only kept in memory; a pinned one is shared or owned exclusively by its users and can be made
 * dirty. All control blocks pin the segment's pages, so the range cannot be purged while one
 * exists.
 */
#include "cc/cc.h"

#include <stdlib.h>
#include <string.h>

/* The public part is what file systems may look at (PUBLIC_BCB). */
typedef struct _CCX_BCB {
    PUBLIC_BCB Public;
    LIST_ENTRY Links; /* of Map->Bcbs; guarded by CcxLock */
    CCX_MAP *Map;
    LONG References; /* guarded by CcxLock */
    bool Pinned, Dirty;
    PVOID Address;
    ERESOURCE Resource; /* pinned blocks */
} CCX_BCB;

/*
 * The handle given to callers of CcMapData has this bit set until CcPinMappedData: no resource is
 * held through it.
 */
#define MAPPED_ONLY 1ull
#define BCB_OF(handle) ((CCX_BCB *)((ULONG_PTR)(handle) & ~(ULONG_PTR)MAPPED_ONLY))

static bool Covers(const CCX_BCB *Bcb, LONGLONG Offset, ULONG Length)
{
    LONGLONG First = Bcb->Public.MappedFileOffset.QuadPart;

    return First <= Offset && Offset + Length <= First + Bcb->Public.MappedLength;
}

/* Finds a block that covers the range, or publishes Made. Adds a reference. */
static CCX_BCB *FindOrPublish(CCX_MAP *Map, LONGLONG Offset, ULONG Length, CCX_BCB *Made)
{
    CCX_BCB *Found = NULL;

    KexLockAcquire(&CcxLock);
    for (PLIST_ENTRY e = Map->Bcbs.Flink; e != &Map->Bcbs && !Found; e = e->Flink) {
        CCX_BCB *Bcb = CONTAINING_RECORD(e, CCX_BCB, Links);

        if (Covers(Bcb, Offset, Length))
            Found = Bcb;
    }
    if (!Found && Made) {
        InsertTailList(&Map->Bcbs, &Made->Links);
        Map->References++; /* given back when the block is freed */
        Found = Made;
    }
    if (Found)
        Found->References++;
    KexLockRelease(&CcxLock);
    return Found;
}

static void Release(CCX_BCB *Bcb)
{
    CCX_MAP *Map = Bcb->Map;
    bool Last;

    KexLockAcquire(&CcxLock);
    Last = --Bcb->References == 0;
    if (Last)
        RemoveEntryList(&Bcb->Links);
    KexLockRelease(&CcxLock);
    if (!Last)
        return;
    if (Bcb->Dirty)
        MmxSegmentMarkDirty(Map->Segment, Bcb->Public.MappedFileOffset.QuadPart,
                            Bcb->Public.MappedLength);
    MmxSegmentUnpin(Map->Segment, Bcb->Public.MappedFileOffset.QuadPart, Bcb->Public.MappedLength);
    ExDeleteResourceLite(&Bcb->Resource);
    free(Bcb);
    CcxDereferenceMap(Map);
}

static NTSTATUS NewBcb(CCX_MAP *Map, LONGLONG Offset, ULONG Length, bool Wait, CCX_BCB **Out)
{
    LONGLONG First = Offset / MMX_PAGE * MMX_PAGE;
    ULONG Bytes = (ULONG)((Offset + Length - First + MMX_PAGE - 1) / MMX_PAGE * MMX_PAGE);
    CCX_BCB *Bcb = calloc(1, sizeof *Bcb);
    NTSTATUS Status;

    if (!Bcb)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = MmxSegmentPin(Map->Segment, First, Bytes, Wait, &Bcb->Address);
    if (!NT_SUCCESS(Status)) {
        free(Bcb);
        return Status;
    }
    Bcb->Public.NodeTypeCode = CCX_NODE_BCB;
    Bcb->Public.NodeByteSize = sizeof *Bcb;
    Bcb->Public.MappedLength = Bytes;
    Bcb->Public.MappedFileOffset.QuadPart = First;
    Bcb->Map = Map;
    ExInitializeResourceLite(&Bcb->Resource);
    *Out = Bcb;
    return STATUS_SUCCESS;
}

/*
 * The block of a range with a reference. FALSE when it would block, when PIN_IF_BCB finds no block,
 * and when PIN_NO_READ finds a page absent; failures are raised.
 */
static bool Obtain(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length, ULONG Flags,
                   CCX_BCB **Out)
{
    bool Wait = (Flags & PIN_WAIT) && !(Flags & PIN_NO_READ);
    CCX_MAP *Map = CcxMapOf(FileObject);
    CCX_BCB *Made = NULL;
    NTSTATUS Status;

    ASSERT(Map && Length);
    *Out = FindOrPublish(Map, Offset, Length, NULL);
    if (*Out)
        return true;
    if (Flags & PIN_IF_BCB)
        return false;
    Status = NewBcb(Map, Offset, Length, Wait, &Made);
    if (Status == STATUS_CANT_WAIT)
        return false;
    if (!NT_SUCCESS(Status))
        ExRaiseStatus(FsRtlNormalizeNtstatus(Status, STATUS_UNEXPECTED_IO_ERROR));
    *Out = FindOrPublish(Map, Offset, Length, Made);
    if (*Out != Made) { /* another thread was faster */
        MmxSegmentUnpin(Map->Segment, Made->Public.MappedFileOffset.QuadPart,
                        Made->Public.MappedLength);
        ExDeleteResourceLite(&Made->Resource);
        free(Made);
    }
    return true;
}

static PVOID AddressIn(const CCX_BCB *Bcb, LONGLONG Offset)
{
    return (PUCHAR)Bcb->Address + (Offset - Bcb->Public.MappedFileOffset.QuadPart);
}

static bool Own(CCX_BCB *Bcb, ULONG Flags)
{
    BOOLEAN Wait = (Flags & PIN_WAIT) != 0;

    return Flags & PIN_EXCLUSIVE ? ExAcquireResourceExclusiveLite(&Bcb->Resource, Wait)
                                 : ExAcquireSharedStarveExclusive(&Bcb->Resource, Wait);
}

/*
 * Keeps a range in memory and returns its address for reading. IRQL < DISPATCH_LEVEL. FALSE without
 * MAP_WAIT when a page is absent; failed reads are raised. Released by CcUnpinData
 * (nf-ntifs-ccmapdata).
 */
BOOLEAN NTAPI CcMapData(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                        ULONG Flags, PVOID *Bcb, PVOID *Buffer)
{
    CCX_BCB *Block;

    if (!Obtain(FileObject, FileOffset->QuadPart, Length, Flags & MAP_WAIT ? PIN_WAIT : 0, &Block))
        return FALSE;
    *Bcb = (PVOID)((ULONG_PTR)Block | MAPPED_ONLY);
    *Buffer = AddressIn(Block, FileOffset->QuadPart);
    return TRUE;
}

/*
 * Turns a mapped range into a pinned one; *Bcb is the pinned block from then on
 * (nf-ntifs-ccpinmappeddata).
 */
BOOLEAN NTAPI CcPinMappedData(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                              ULONG Flags, PVOID *Bcb)
{
    CCX_BCB *Block = BCB_OF(*Bcb);

    if (!((ULONG_PTR)*Bcb & MAPPED_ONLY))
        return TRUE;
    if (!Own(Block, Flags))
        return FALSE;
    Block->Pinned = true;
    *Bcb = Block;
    return TRUE;
}

/*
 * Keeps a range in memory for changing it; PIN_EXCLUSIVE keeps other pinners out
 * (nf-ntifs-ccpinread).
 */
BOOLEAN NTAPI CcPinRead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                        ULONG Flags, PVOID *Bcb, PVOID *Buffer)
{
    CCX_BCB *Block;

    if (!Obtain(FileObject, FileOffset->QuadPart, Length, Flags, &Block))
        return FALSE;
    if (!Own(Block, Flags)) {
        Release(Block);
        return FALSE;
    }
    Block->Pinned = true;
    *Bcb = Block;
    *Buffer = AddressIn(Block, FileOffset->QuadPart);
    return TRUE;
}

/*
 * CcPinRead for a range that will be written whole; with Zero it is zeroed first. It is dirty on
 * return.
 */
BOOLEAN NTAPI CcPreparePinWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                                BOOLEAN Zero, ULONG Flags, PVOID *Bcb, PVOID *Buffer)
{
    if (!CcPinRead(FileObject, FileOffset, Length, Flags, Bcb, Buffer))
        return FALSE;
    if (Zero)
        memset(*Buffer, 0, Length);
    CcSetDirtyPinnedData(*Bcb, NULL);
    return TRUE;
}

/*
 * The pinned range is newer than the medium. The log sequence number is not used
 * (nf-ntifs-ccsetdirtypinneddata).
 */
VOID NTAPI CcSetDirtyPinnedData(PVOID BcbVoid, PLARGE_INTEGER Lsn)
{
    CCX_BCB *Bcb = BCB_OF(BcbVoid);

    Bcb->Dirty = true; /* again at the end: it may still be changed while it is pinned */
    MmxSegmentMarkDirty(Bcb->Map->Segment, Bcb->Public.MappedFileOffset.QuadPart,
                        Bcb->Public.MappedLength);
    CcxNoteDirty(Bcb->Map);
}

/* Ends a mapping or pin made by this thread (nf-ntifs-ccunpindata). */
VOID NTAPI CcUnpinData(PVOID BcbVoid)
{
    CcUnpinDataForThread(BcbVoid, ExGetCurrentResourceThread());
}

/* The same for a pin made by another thread, named by its resource owner id. */
VOID NTAPI CcUnpinDataForThread(PVOID BcbVoid, ERESOURCE_THREAD ResourceThreadId)
{
    CCX_BCB *Bcb = BCB_OF(BcbVoid);

    if (!((ULONG_PTR)BcbVoid & MAPPED_ONLY) && ExIsResourceAcquiredLite(&Bcb->Resource))
        ExReleaseResourceForThreadLite(&Bcb->Resource, ResourceThreadId);
    Release(Bcb);
}

/* Hands a pin to another owner (nf-ntifs-ccsetbcbownerpointer). */
VOID NTAPI CcSetBcbOwnerPointer(PVOID Bcb, PVOID OwnerPointer)
{
    if (!((ULONG_PTR)Bcb & MAPPED_ONLY))
        ExSetResourceOwnerPointer(&BCB_OF(Bcb)->Resource, OwnerPointer);
}

/* Keeps a block beyond its CcUnpinData; undone by CcUnpinRepinnedBcb. */
VOID NTAPI CcRepinBcb(PVOID Bcb)
{
    KexLockAcquire(&CcxLock);
    BCB_OF(Bcb)->References++;
    KexLockRelease(&CcxLock);
}

/*
 * With WriteThrough the block's range is written before the call returns; IoStatus receives how
 * that ended.
 */
VOID NTAPI CcUnpinRepinnedBcb(PVOID Bcb, BOOLEAN WriteThrough, PIO_STATUS_BLOCK IoStatus)
{
    CCX_BCB *Block = BCB_OF(Bcb);

    IoStatus->Status = STATUS_SUCCESS;
    IoStatus->Information = 0;
    if (WriteThrough && Block->Dirty) {
        IoStatus->Status =
            CcxFlushHeld(Block->Map->Pointers, Block->Public.MappedFileOffset.QuadPart,
                         Block->Public.MappedLength, "write through", NULL);
        Block->Dirty = !NT_SUCCESS(IoStatus->Status);
    }
    Release(Block);
}

/* A second reference to the same range, for a caller that passes it on (nf-ntifs-ccremapbcb). */
PVOID NTAPI CcRemapBcb(PVOID Bcb)
{
    CcRepinBcb(Bcb);
    return (PVOID)((ULONG_PTR)BCB_OF(Bcb) | MAPPED_ONLY);
}

/* The file object that carries the block's paging I/O; no reference is added. */
PFILE_OBJECT NTAPI CcGetFileObjectFromBcb(PVOID Bcb)
{
    return MmxSegmentFileObject(BCB_OF(Bcb)->Map->Segment);
}

/* SPDX-License-Identifier: MIT */
/*
 * write.c - IRP_MJ_WRITE in its three forms.
 *   paging      the cache writes pages back: straight to the store, under the paging resource;
 * never moves the end of the file, what lies behind it is dropped non-cached  to the medium; the
 * range's pages are written and thrown away first, so the cache cannot be stale cached everything
 * else: into the cache A write that moves the end of the file or of the valid data holds the main
 * resource exclusively. The gap between the valid data and a write behind it is zeroed through the
 * cache or by paging writes, so filters that transform data see the zeros too; sparse streams keep
 * a hole.
 */
#include "fs/fsp.h"

/* ---- paging -------------------------------------------------------------------------------- */

static NTSTATUS PagingWrite(FSX_IRP *x, LONGLONG Offset, ULONG Length)
{
    PUCHAR Buffer = FsxUserBuffer(x->Irp);
    FSX_FCB *Fcb = x->Fcb;
    NTSTATUS Status = STATUS_SUCCESS;
    LONGLONG Left;

    if (!Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExAcquireResourceSharedLite(&Fcb->Paging, TRUE);
    Left = Fcb->Header.FileSize.QuadPart - Offset;
    /*
     * A whole page is written though the file ends in it; pages behind the end, or of a deleted
     * stream, go nowhere.
     */
    if (Left > 0 && !Fcb->StreamGone) {
        ULONG Real = Left < (LONGLONG)Length ? (ULONG)Left : Length;

        Status = FsxStoreWrite(x->Volume->Store, Fcb->File->Id, Fcb->Stream, Offset, Real, Buffer);
        if (NT_SUCCESS(Status))
            FsxAdvanceStoredValid(Fcb, Offset + Real);
    }
    if (NT_SUCCESS(Status))
        x->Information = Length;
    ExReleaseResourceLite(&Fcb->Paging);
    return Status;
}

/* ---- what both other forms share ----------------------------------------------------------- */

static bool IsSparse(FSX_FCB *Fcb)
{
    FSX_META Meta;

    return NT_SUCCESS(Fcb->Volume->Store->Ops->GetMeta(Fcb->Volume->Store, Fcb->File->Id, &Meta)) &&
           (Meta.Attributes & FILE_ATTRIBUTE_SPARSE_FILE);
}

/* Zeroes from the valid data to Offset. Main is held exclusively. */
static NTSTATUS ZeroGap(FSX_IRP *x, LONGLONG Offset)
{
    LONGLONG From = x->Fcb->Header.ValidDataLength.QuadPart;

    if (Offset <= From || IsSparse(x->Fcb))
        return STATUS_SUCCESS;
    /*
     * Written to the medium the zeros start at a sector; the rest of the one before is zero in the
     * store anyway.
     */
    if (!x->FileObject->PrivateCacheMap)
        From = FsxRoundUp(From, x->Volume->Store->Geometry.SectorSize);
    return From < Offset ? CcxZero(x->FileObject, From, Offset, true) : STATUS_SUCCESS;
}

static void Finished(FSX_IRP *x, LONGLONG Offset, ULONG Length)
{
    LONGLONG End = Offset + Length;

    /* Under the mutex: a paging write of a view's pages may be raising it beside us. */
    ExAcquireFastMutex(&x->Fcb->Mutex);
    if (End > x->Fcb->Header.ValidDataLength.QuadPart) {
        ASSERT(ExIsResourceAcquiredExclusiveLite(&x->Fcb->Main));
        x->Fcb->Header.ValidDataLength.QuadPart = End;
    }
    ExReleaseFastMutex(&x->Fcb->Mutex);
    FsrtlxSetFileFlags(x->FileObject, FO_FILE_MODIFIED);
    if (x->FileObject->Flags & FO_SYNCHRONOUS_IO)
        x->FileObject->CurrentByteOffset.QuadPart = End;
    x->Information = Length;
    FsxTouchWrite(x->Fcb, x->Ccb);
}

/* ---- non-cached ---------------------------------------------------------------------------- */

/*
 * Main is held exclusively when anything of the stream is in memory. That the purge fails (a view
 * exists) does not stop the write: programs depend on it, and the view's owner sees old bytes until
 * it maps anew.
 */
static NTSTATUS MakeCoherent(FSX_IRP *x, LONGLONG Offset, ULONG Length)
{
    NTSTATUS Status;

    if (!x->Fcb->Section.DataSectionObject)
        return STATUS_SUCCESS;
    Status = FsxFlushData(x->Fcb, Offset, Length);
    if (NT_SUCCESS(Status))
        FsxPurgeData(x->Fcb, Offset, Length);
    return Status;
}

static NTSTATUS NonCachedWrite(FSX_IRP *x, LONGLONG Offset, ULONG Length)
{
    ULONG Sector = x->Volume->Store->Geometry.SectorSize;
    LONGLONG OldSize = x->Fcb->Header.FileSize.QuadPart,
             OldValid = x->Fcb->Header.ValidDataLength.QuadPart;
    PVOID Buffer = FsxUserBuffer(x->Irp);
    CC_FILE_SIZES Sizes;
    NTSTATUS Status;

    if (Offset % Sector || Length % Sector)
        return STATUS_INVALID_PARAMETER;
    if (!Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = MakeCoherent(x, Offset, Length);
    if (NT_SUCCESS(Status) && Offset + Length > OldSize)
        Status = FsxExtend(x->Fcb, x->FileObject, Offset + Length);
    if (NT_SUCCESS(Status))
        Status = ZeroGap(x, Offset);
    if (NT_SUCCESS(Status)) {
        ExAcquireResourceSharedLite(&x->Fcb->Paging, TRUE);
        Status = FsxTransfer(x->Fcb, Offset, Length, Buffer, true);
        if (NT_SUCCESS(Status))
            FsxAdvanceStoredValid(x->Fcb, Offset + Length);
        ExReleaseResourceLite(&x->Fcb->Paging);
    }
    if (NT_SUCCESS(Status)) {
        Finished(x, Offset, Length);
        FsxPersistSizes(x->Fcb);
        /*
         * The cache fills pages behind the valid data it knows without reading them: it must know
         * of this.
         */
        Sizes = FsxCacheSizes(x->Fcb);
        if (x->Fcb->Section.DataSectionObject && Offset + Length > OldValid)
            CcxSetSizes(x->FileObject, &Sizes);
    } else if (x->Fcb->Header.FileSize.QuadPart > OldSize) {
        FsxTruncate(x->Fcb, x->FileObject, OldSize, OldSize);
    }
    return Status;
}

/* ---- cached -------------------------------------------------------------------------------- */

static NTSTATUS StartCaching(FSX_IRP *x)
{
    CC_FILE_SIZES Sizes = FsxCacheSizes(x->Fcb);
    NTSTATUS Status;

    if (x->FileObject->PrivateCacheMap)
        return STATUS_SUCCESS;
    Status = CcxInitialize(x->FileObject, &Sizes, false, &FsxCacheCallbacks, x->Fcb);
    if (NT_SUCCESS(Status))
        CcSetReadAheadGranularity(x->FileObject, 64 * 1024);
    return Status;
}

static NTSTATUS IntoCache(FSX_IRP *x, LONGLONG Offset, ULONG Length)
{
    PVOID Buffer;

    if (x->Stack->MinorFunction & IRP_MN_MDL)
        return CcxMdlLend(x->FileObject, Offset, Length, &x->Irp->MdlAddress);
    Buffer = FsxUserBuffer(x->Irp);
    return Buffer ? CcxWrite(x->FileObject, Offset, Length, true, Buffer)
                  : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS CachedWrite(FSX_IRP *x, LONGLONG Offset, ULONG Length)
{
    LONGLONG OldSize = x->Fcb->Header.FileSize.QuadPart,
             OldValid = x->Fcb->Header.ValidDataLength.QuadPart;
    NTSTATUS Status = StartCaching(x);

    if (NT_SUCCESS(Status) && Offset + Length > OldSize)
        Status = FsxExtend(x->Fcb, x->FileObject, Offset + Length);
    if (NT_SUCCESS(Status))
        Status = ZeroGap(x, Offset);
    if (NT_SUCCESS(Status))
        Status = IntoCache(x, Offset, Length);
    if (!NT_SUCCESS(Status)) {
        if (x->Fcb->Header.FileSize.QuadPart > OldSize)
            FsxTruncate(x->Fcb, x->FileObject, OldSize, OldSize);
        return Status;
    }
    Finished(x, Offset, Length);
    if (((x->FileObject->Flags & FO_WRITE_THROUGH) || (x->Stack->Flags & SL_WRITE_THROUGH)) &&
        Offset + Length > OldValid)
        Status = FsxWriteMetadata(x->Fcb, false);
    return Status;
}

/* ---- the request --------------------------------------------------------------------------- */

static bool ToEndOfFile(FSX_IRP *x)
{
    LARGE_INTEGER At = x->Stack->Parameters.Write.ByteOffset;

    return At.LowPart == FILE_WRITE_TO_END_OF_FILE && At.HighPart == -1;
}

/* Main, in the way this write needs it. TRUE when exclusive. */
static bool AcquireMain(FSX_IRP *x, LONGLONG Offset, ULONG Length, bool NonCached)
{
    if (!ToEndOfFile(x) && !(NonCached && x->Fcb->Section.DataSectionObject)) {
        ExAcquireResourceSharedLite(&x->Fcb->Main, TRUE);
        /*
         * Looked at again under the lock: a truncation or a first caching open may have come in
         * between.
         */
        if (Offset + Length <= x->Fcb->Header.ValidDataLength.QuadPart &&
            !(NonCached && x->Fcb->Section.DataSectionObject))
            return false;
        ExReleaseResourceLite(&x->Fcb->Main);
    }
    ExAcquireResourceExclusiveLite(&x->Fcb->Main, TRUE);
    return true;
}

static NTSTATUS HandleWrite(FSX_IRP *x, LONGLONG Offset, ULONG Length)
{
    bool NonCached = (x->Irp->Flags & IRP_NOCACHE) && !(x->Stack->MinorFunction & IRP_MN_MDL);
    NTSTATUS Status;

    /* Before any lock: the pages that must be written to make room may be this stream's. */
    if (!NonCached)
        CcCanIWrite(x->FileObject, Length, TRUE, FALSE);
    AcquireMain(x, Offset, Length, NonCached);
    if (ToEndOfFile(x)) {
        Offset = x->Fcb->Header.FileSize.QuadPart;
        x->Stack->Parameters.Write.ByteOffset.QuadPart = Offset;
    }
    if (Offset + (LONGLONG)Length < Offset)
        Status = STATUS_INVALID_PARAMETER;
    else if (!FsRtlCheckLockForWriteAccess(&x->Fcb->Locks, x->Irp))
        Status = STATUS_FILE_LOCK_CONFLICT;
    else
        Status = NonCached ? NonCachedWrite(x, Offset, Length) : CachedWrite(x, Offset, Length);
    ExReleaseResourceLite(&x->Fcb->Main);
    return Status;
}

NTSTATUS FsxWrite(FSX_IRP *x)
{
    LONGLONG Offset = x->Stack->Parameters.Write.ByteOffset.QuadPart;
    ULONG Length = x->Stack->Parameters.Write.Length;

    if (x->Stack->MinorFunction & IRP_MN_COMPLETE) {
        CcMdlWriteComplete(x->FileObject, &x->Stack->Parameters.Write.ByteOffset,
                           x->Irp->MdlAddress);
        x->Irp->MdlAddress = NULL;
        return STATUS_SUCCESS;
    }
    if (x->Fcb->Kind != FSX_DATA)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (x->Volume->Store->Geometry.ReadOnly)
        return STATUS_MEDIA_WRITE_PROTECTED;
    if (!Length)
        return STATUS_SUCCESS;
    if (x->Irp->Flags & IRP_PAGING_IO)
        return Offset < 0 ? STATUS_INVALID_PARAMETER : PagingWrite(x, Offset, Length);
    if (x->Ccb->CleanedUp)
        return STATUS_FILE_CLOSED;
    if (x->Stack->Parameters.Write.ByteOffset.LowPart == FILE_USE_FILE_POINTER_POSITION &&
        x->Stack->Parameters.Write.ByteOffset.HighPart == -1)
        Offset = x->FileObject->CurrentByteOffset.QuadPart;
    if (Offset < 0 && !ToEndOfFile(x))
        return STATUS_INVALID_PARAMETER;
    return HandleWrite(x, Offset, Length);
}

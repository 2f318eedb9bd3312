/* SPDX-License-Identifier: MIT */
/*
 * size.c - sizes and times of a stream. A stream's sizes live in its header (what handles see), in
 * the store (what the medium knows) and in the cache. Header and store differ in two ways only: the
 * store's valid data length is that of written pages, and fast I/O moves the end of file inside the
 * allocation in the header alone until the next FsxPersistSizes.
 */
#include "fs/fsp.h"

LONGLONG FsxRoundUp(LONGLONG Value, ULONG Unit)
{
    return (Value + Unit - 1) / Unit * Unit;
}

CC_FILE_SIZES FsxCacheSizes(FSX_FCB *Fcb)
{
    CC_FILE_SIZES Sizes;

    Sizes.AllocationSize = Fcb->Header.AllocationSize;
    Sizes.FileSize = Fcb->Header.FileSize;
    Sizes.ValidDataLength = Fcb->Header.ValidDataLength;
    return Sizes;
}

/* Puts sizes into the store; header and Paging are the caller's. */
static NTSTATUS StoreSizes(FSX_FCB *Fcb, LONGLONG Allocation, LONGLONG FileSize)
{
    FSX_STORE *Store = Fcb->Volume->Store;
    FSX_SIZES Sizes = {Allocation, FileSize,
                       Fcb->StoredValid < FileSize ? Fcb->StoredValid : FileSize};
    NTSTATUS Status;

    if (Sizes.Allocation < FileSize)
        Sizes.Allocation = FileSize;
    Status = Store->Ops->SetSizes(Store, Fcb->File->Id, Fcb->Stream, &Sizes);
    if (NT_SUCCESS(Status)) {
        Fcb->StoredValid = Sizes.ValidData;
        Fcb->Header.AllocationSize.QuadPart =
            FsxRoundUp(Sizes.Allocation, Store->Geometry.ClusterSize);
        Fcb->SizeChanged = true;
        FsxDirtyMetadata(Fcb->File);
    }
    return Status;
}

NTSTATUS FsxExtend(FSX_FCB *Fcb, PFILE_OBJECT FileObject, LONGLONG FileSize)
{
    LONGLONG Old = Fcb->Header.FileSize.QuadPart;
    CC_FILE_SIZES Sizes;
    NTSTATUS Status;

    ASSERT(ExIsResourceAcquiredExclusiveLite(&Fcb->Main));
    if (FileSize <= Old)
        return STATUS_SUCCESS;
    if (FileSize > Fcb->Volume->Personality->MaxFileSize)
        return STATUS_DISK_FULL;
    ExAcquireResourceExclusiveLite(&Fcb->Paging, TRUE);
    Status = StoreSizes(Fcb, Fcb->Header.AllocationSize.QuadPart, FileSize);
    if (NT_SUCCESS(Status))
        Fcb->Header.FileSize.QuadPart = FileSize;
    ExReleaseResourceLite(&Fcb->Paging);
    if (!NT_SUCCESS(Status))
        return Status;
    Sizes = FsxCacheSizes(Fcb);
    Status = CcxSetSizes(FileObject, &Sizes);
    if (!NT_SUCCESS(Status))
        FsxTruncate(Fcb, FileObject, Old, Fcb->Header.AllocationSize.QuadPart);
    FsrtlxSetFileFlags(FileObject, FO_FILE_SIZE_CHANGED);
    return Status;
}

NTSTATUS FsxTruncate(FSX_FCB *Fcb, PFILE_OBJECT FileObject, LONGLONG FileSize, LONGLONG Allocation)
{
    CC_FILE_SIZES Sizes;
    NTSTATUS Status;

    ASSERT(ExIsResourceAcquiredExclusiveLite(&Fcb->Main));
    /* No paging I/O may be about while the sizes shrink: it was told the old ones. */
    ExAcquireResourceExclusiveLite(&Fcb->Paging, TRUE);
    if (Fcb->StoredValid > FileSize)
        Fcb->StoredValid = FileSize;
    Status = StoreSizes(Fcb, Allocation, FileSize);
    if (NT_SUCCESS(Status)) {
        Fcb->Header.FileSize.QuadPart = FileSize;
        if (Fcb->Header.ValidDataLength.QuadPart > FileSize)
            Fcb->Header.ValidDataLength.QuadPart = FileSize;
        Sizes = FsxCacheSizes(Fcb);
        CcxSetSizes(FileObject, &Sizes);
    }
    ExReleaseResourceLite(&Fcb->Paging);
    FsrtlxSetFileFlags(FileObject, FO_FILE_SIZE_CHANGED);
    return Status;
}

void FsxPersistSizes(FSX_FCB *Fcb)
{
    FSX_STORE *Store = Fcb->Volume->Store;
    FSX_SIZES Sizes;

    if (Fcb->Kind != FSX_DATA || Fcb->StreamGone)
        return;
    ExAcquireResourceExclusiveLite(&Fcb->Paging, TRUE);
    if (NT_SUCCESS(Store->Ops->GetSizes(Store, Fcb->File->Id, Fcb->Stream, &Sizes)) &&
        (Sizes.FileSize != Fcb->Header.FileSize.QuadPart || Sizes.ValidData != Fcb->StoredValid))
        StoreSizes(Fcb, Fcb->Header.AllocationSize.QuadPart, Fcb->Header.FileSize.QuadPart);
    ExReleaseResourceLite(&Fcb->Paging);
}

void FsxAdvanceStoredValid(FSX_FCB *Fcb, LONGLONG End)
{
    FSX_STORE *Store = Fcb->Volume->Store;

    ExAcquireFastMutex(&Fcb->Mutex);
    if (End > Fcb->StoredValid) {
        /*
         * At once: the pages may be the last of a closed file, of which nobody else would tell the
         * store.
         */
        Fcb->StoredValid = End;
        Store->Ops->RaiseSizes(Store, Fcb->File->Id, Fcb->Stream, Fcb->Header.FileSize.QuadPart,
                               End);
        Fcb->SizeChanged = true;
        FsxDirtyMetadata(Fcb->File);
    }
    /* A view wrote behind the valid data: the handles' valid data follows what is on the medium. */
    if (End > Fcb->Header.ValidDataLength.QuadPart)
        Fcb->Header.ValidDataLength.QuadPart = End;
    ExReleaseFastMutex(&Fcb->Mutex);
}

void FsxTouchWrite(FSX_FCB *Fcb, FSX_CCB *Ccb)
{
    FSX_STORE *Store = Fcb->Volume->Store;
    FSX_META Meta;
    ULONG Which = 0;

    if (!NT_SUCCESS(Store->Ops->GetMeta(Store, Fcb->File->Id, &Meta)))
        return;
    if (!Ccb || !Ccb->UserWriteTime) {
        Meta.LastWriteTime = KexSystemTime();
        Which |= FSX_SET_WRITE;
    }
    if (!Ccb || !Ccb->UserChangeTime) {
        Meta.ChangeTime = KexSystemTime();
        Which |= FSX_SET_CHANGE;
    }
    if (!(Meta.Attributes & FILE_ATTRIBUTE_ARCHIVE) && !Fcb->File->Directory) {
        Meta.Attributes |= FILE_ATTRIBUTE_ARCHIVE;
        Which |= FSX_SET_ATTRIBUTES;
    }
    Store->Ops->SetMeta(Store, Fcb->File->Id, &Meta, Which);
    FsxDirtyMetadata(Fcb->File);
}

void FsxTouchChange(FSX_FCB *Fcb, FSX_CCB *Ccb)
{
    FSX_STORE *Store = Fcb->Volume->Store;
    FSX_META Meta = {.ChangeTime = KexSystemTime()};

    if (!Ccb || !Ccb->UserChangeTime)
        Store->Ops->SetMeta(Store, Fcb->File->Id, &Meta, FSX_SET_CHANGE);
    FsxDirtyMetadata(Fcb->File);
}

NTSTATUS FsxWriteMetadata(FSX_FCB *Fcb, bool Always)
{
    FSX_FILE *File = Fcb->File;
    NTSTATUS Status;

    FsxPersistSizes(Fcb);
    if (!Always && !Fcb->SizeChanged)
        return STATUS_SUCCESS;
    Status = FsxStoreWriteMetadata(Fcb->Volume->Store, File->Id);
    if (NT_SUCCESS(Status)) {
        Fcb->SizeChanged = false;
        __atomic_store_n(&File->MetadataDirty, false, __ATOMIC_RELAXED);
    }
    return Status;
}

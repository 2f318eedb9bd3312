/* SPDX-License-Identifier: MIT */
/* fsctl.c - IRP_MJ_FILE_SYSTEM_CONTROL: the controls of files and of the volume. */
#include "fs/fsp.h"
#include "ke/try.h"

#include <stdlib.h>
#include <string.h>

#define IN_LENGTH(x) ((x)->Stack->Parameters.FileSystemControl.InputBufferLength)
#define OUT_LENGTH(x) ((x)->Stack->Parameters.FileSystemControl.OutputBufferLength)

/* ---- volume -------------------------------------------------------------------------------- */

/*
 * A lock succeeds when this handle is the only one; pages of closed files are written and let go of
 * first.
 */
static NTSTATUS LockVolume(FSX_IRP *x)
{
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Handles = 0;

    if (x->Fcb->Kind != FSX_VOLUME_FILE)
        return STATUS_INVALID_PARAMETER;
    CcxFlushAll(x->Volume->Disk);
    ExAcquireResourceExclusiveLite(&x->Volume->Resource, TRUE);
    KexLockAcquire(&x->Volume->TableLock);
    for (PLIST_ENTRY e = x->Volume->Files.Flink; e != &x->Volume->Files; e = e->Flink)
        Handles += CONTAINING_RECORD(e, FSX_FILE, Links)->Handles;
    KexLockRelease(&x->Volume->TableLock);
    if (x->Volume->LockedBy || Handles || x->Fcb->Handles > 1)
        Status = STATUS_ACCESS_DENIED;
    else
        x->Volume->LockedBy = x->FileObject;
    ExReleaseResourceLite(&x->Volume->Resource);
    return Status;
}

static NTSTATUS UnlockVolume(FSX_IRP *x)
{
    NTSTATUS Status = STATUS_NOT_LOCKED;

    if (x->Fcb->Kind != FSX_VOLUME_FILE)
        return STATUS_INVALID_PARAMETER;
    ExAcquireResourceExclusiveLite(&x->Volume->Resource, TRUE);
    if (x->Volume->LockedBy == x->FileObject) {
        x->Volume->LockedBy = NULL;
        Status = STATUS_SUCCESS;
    }
    ExReleaseResourceLite(&x->Volume->Resource);
    return Status;
}

static NTSTATUS DismountVolume(FSX_IRP *x)
{
    NTSTATUS Status;

    if (x->Fcb->Kind != FSX_VOLUME_FILE)
        return STATUS_INVALID_PARAMETER;
    Status = CcxFlushAll(x->Volume->Disk);
    FsxStoreWriteMetadata(x->Volume->Store, 0);
    FsxStoreSync(x->Volume->Store);
    x->Volume->Dismounted = true; /* the handles stay, and fail */
    return Status;
}

static NTSTATUS VolumeData(FSX_IRP *x)
{
    NTFS_VOLUME_DATA_BUFFER *Data = x->Irp->AssociatedIrp.SystemBuffer;
    const FSX_GEOMETRY *g = &x->Volume->Store->Geometry;

    if (strcmp(x->Volume->Personality->Name, "ntfs"))
        return STATUS_INVALID_DEVICE_REQUEST;
    if (OUT_LENGTH(x) < sizeof *Data)
        return STATUS_BUFFER_TOO_SMALL;
    memset(Data, 0, sizeof *Data);
    Data->VolumeSerialNumber.QuadPart = g->Serial;
    Data->NumberSectors.QuadPart = (LONGLONG)(g->TotalBytes / g->SectorSize);
    Data->TotalClusters.QuadPart = (LONGLONG)(g->TotalBytes / g->ClusterSize);
    Data->FreeClusters.QuadPart =
        (LONGLONG)(x->Volume->Store->Ops->FreeBytes(x->Volume->Store) / g->ClusterSize);
    Data->BytesPerSector = g->SectorSize;
    Data->BytesPerCluster = g->ClusterSize;
    Data->BytesPerFileRecordSegment = 1024;
    Data->ClustersPerFileRecordSegment = 0;
    x->Information = sizeof *Data;
    return STATUS_SUCCESS;
}

/* ---- sparse files -------------------------------------------------------------------------- */

static NTSTATUS SetSparse(FSX_IRP *x)
{
    const FILE_SET_SPARSE_BUFFER *In = x->Irp->AssociatedIrp.SystemBuffer;
    bool Sparse = IN_LENGTH(x) < sizeof *In || In->SetSparse;
    FSX_STORE *Store = x->Volume->Store;
    NTSTATUS Status;
    FSX_META m;

    if (x->Fcb->Kind != FSX_DATA || !x->Volume->Personality->Sparse)
        return STATUS_INVALID_PARAMETER;
    if (!(x->Ccb->Granted & (FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES)))
        return STATUS_ACCESS_DENIED;
    ExAcquireResourceExclusiveLite(&x->Fcb->Main, TRUE);
    Status = Store->Ops->GetMeta(Store, x->Fcb->File->Id, &m);
    if (NT_SUCCESS(Status)) {
        m.Attributes = Sparse ? m.Attributes | FILE_ATTRIBUTE_SPARSE_FILE
                              : m.Attributes & ~(ULONG)FILE_ATTRIBUTE_SPARSE_FILE;
        Store->Ops->SetMeta(Store, x->Fcb->File->Id, &m, FSX_SET_ATTRIBUTES);
        FsxPersistSizes(x->Fcb);
        FsxTouchChange(x->Fcb, x->Ccb);
    }
    ExReleaseResourceLite(&x->Fcb->Main);
    return Status;
}

/*
 * Zeroes a range of a file. Cached pages of it are zeroed in the cache, so views and cached handles
 * agree; whole clusters of a sparse file are given back. The file does not grow.
 */
static NTSTATUS ZeroHeld(FSX_IRP *x, LONGLONG Start, LONGLONG End)
{
    FSX_STORE *Store = x->Volume->Store;
    NTSTATUS Status = STATUS_SUCCESS;

    if (!FsRtlFastCheckLockForWrite(&x->Fcb->Locks, (PLARGE_INTEGER)&Start,
                                    &(LARGE_INTEGER){.QuadPart = End - Start}, 0, x->FileObject,
                                    IoGetRequestorProcess(x->Irp)))
        return STATUS_FILE_LOCK_CONFLICT;
    if (End > x->Fcb->Header.ValidDataLength.QuadPart)
        End = x->Fcb->Header.ValidDataLength.QuadPart; /* behind it zeros are read anyway */
    if (Start >= End)
        return STATUS_SUCCESS;
    if (x->Fcb->Section.DataSectionObject) {
        Status = FsxFlushData(x->Fcb, 0, 0);
        if (NT_SUCCESS(Status) && !FsxPurgeData(x->Fcb, 0, 0))
            return STATUS_USER_MAPPED_FILE;
    }
    if (!NT_SUCCESS(Status))
        return Status;
    ExAcquireResourceExclusiveLite(&x->Fcb->Paging, TRUE);
    Status = Store->Ops->ZeroRange(Store, x->Fcb->File->Id, x->Fcb->Stream, Start, End - Start);
    ExReleaseResourceLite(&x->Fcb->Paging);
    FsxTouchWrite(x->Fcb, x->Ccb);
    FsrtlxSetFileFlags(x->FileObject, FO_FILE_MODIFIED);
    return Status;
}

static NTSTATUS SetZeroData(FSX_IRP *x)
{
    const FILE_ZERO_DATA_INFORMATION *In = x->Irp->AssociatedIrp.SystemBuffer;
    NTSTATUS Status;

    if (x->Fcb->Kind != FSX_DATA || IN_LENGTH(x) < sizeof *In || In->FileOffset.QuadPart < 0 ||
        In->BeyondFinalZero.QuadPart < In->FileOffset.QuadPart)
        return STATUS_INVALID_PARAMETER;
    if (!(x->Ccb->Granted & FILE_WRITE_DATA))
        return STATUS_ACCESS_DENIED;
    ExAcquireResourceExclusiveLite(&x->Fcb->Main, TRUE);
    Status = ZeroHeld(x, In->FileOffset.QuadPart, In->BeyondFinalZero.QuadPart);
    ExReleaseResourceLite(&x->Fcb->Main);
    return Status;
}

typedef struct _RANGES {
    FSX_IRP *x;
    FILE_ALLOCATED_RANGE_BUFFER *Out;
    ULONG Room, Count;
    LONGLONG Start, End;
    NTSTATUS Status;
} RANGES;

static bool AddRange(RANGES *r, LONGLONG Start, LONGLONG End)
{
    if (r->Count == r->Room) {
        r->Status = STATUS_BUFFER_OVERFLOW;
        return false;
    }
    r->Out[r->Count].FileOffset.QuadPart = Start;
    r->Out[r->Count].Length.QuadPart = End - Start;
    r->Count++;
    return true;
}

/* Runs inside KexTry: the output buffer is the caller's own (METHOD_NEITHER). */
static void ListRanges(void *Argument)
{
    RANGES *r = Argument;
    FSX_STORE *Store = r->x->Volume->Store;
    LONGLONG Offset = r->Start, Length;
    FSX_META m;

    if (NT_SUCCESS(Store->Ops->GetMeta(Store, r->x->Fcb->File->Id, &m)) &&
        !(m.Attributes & FILE_ATTRIBUTE_SPARSE_FILE)) {
        AddRange(r, r->Start, r->End);
        return;
    }
    while (Offset < r->End && Store->Ops->NextExtent(Store, r->x->Fcb->File->Id, r->x->Fcb->Stream,
                                                     &Offset, &Length)) {
        LONGLONG First = Offset > r->Start ? Offset : r->Start;
        LONGLONG Last = Offset + Length < r->End ? Offset + Length : r->End;

        if (First >= r->End || !AddRange(r, First, Last))
            return;
        Offset += Length;
    }
}

static NTSTATUS AllocatedRanges(FSX_IRP *x)
{
    const FILE_ALLOCATED_RANGE_BUFFER *In = x->Stack->Parameters.FileSystemControl.Type3InputBuffer;
    RANGES r = {.x = x, .Out = FsxUserBuffer(x->Irp), .Room = OUT_LENGTH(x) / sizeof *r.Out};
    NTSTATUS Status;

    if (x->Fcb->Kind != FSX_DATA || IN_LENGTH(x) < sizeof *In || !In)
        return STATUS_INVALID_PARAMETER;
    ExAcquireResourceExclusiveLite(&x->Fcb->Main, TRUE);
    r.Start = In->FileOffset.QuadPart;
    r.End = r.Start + In->Length.QuadPart;
    Status = r.Start < 0 || In->Length.QuadPart < 0 || r.End < r.Start ? STATUS_INVALID_PARAMETER
                                                                       : STATUS_SUCCESS;
    if (r.End > x->Fcb->Header.FileSize.QuadPart)
        r.End = x->Fcb->Header.FileSize.QuadPart;
    if (NT_SUCCESS(Status) && r.Start < r.End) {
        FsxFlushData(x->Fcb, 0, 0); /* what is dirty has no storage yet */
        Status = KexTry(ListRanges, &r);
        if (NT_SUCCESS(Status))
            Status = r.Status;
    }
    ExReleaseResourceLite(&x->Fcb->Main);
    x->Information = r.Count * sizeof *r.Out;
    return Status;
}

/* ---- the request --------------------------------------------------------------------------- */

static NTSTATUS ControlFile(FSX_IRP *x)
{
    switch (x->Stack->Parameters.FileSystemControl.FsControlCode) {
    case FSCTL_IS_VOLUME_MOUNTED:
        return STATUS_SUCCESS; /* a dismounted one was refused before */
    case FSCTL_LOCK_VOLUME:
        return LockVolume(x);
    case FSCTL_UNLOCK_VOLUME:
        return UnlockVolume(x);
    case FSCTL_DISMOUNT_VOLUME:
        return DismountVolume(x);
    case FSCTL_GET_NTFS_VOLUME_DATA:
        return VolumeData(x);
    case FSCTL_SET_SPARSE:
        return SetSparse(x);
    case FSCTL_SET_ZERO_DATA:
        return SetZeroData(x);
    case FSCTL_QUERY_ALLOCATED_RANGES:
        return AllocatedRanges(x);
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

NTSTATUS FsxFileSystemControl(FSX_IRP *x)
{
    switch (x->Stack->MinorFunction) {
    case IRP_MN_USER_FS_REQUEST:
    case IRP_MN_KERNEL_CALL:
        return ControlFile(x);
    case IRP_MN_VERIFY_VOLUME:
        return STATUS_SUCCESS; /* a store does not change under its volume */
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

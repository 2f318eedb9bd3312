/* SPDX-License-Identifier: MIT */
/*
 * read.c - IRP_MJ_READ in its three forms.
 *   paging      the cache or a view wants pages: straight from the store, under the paging resource
 *   non-cached  the caller wants the medium's bytes: dirty pages of the range are written first
 *   cached      everything else: out of the cache
 */
#include "fs/fsp.h"
#include "ke/try.h"

#include <string.h>

/* A store call on a caller's own buffer, which may not be there: its fault becomes the status. */
typedef struct _TRANSFER {
    FSX_FCB *Fcb;
    LONGLONG Offset;
    ULONG Length;
    PVOID Buffer;
    bool Write;
    NTSTATUS Status;
} TRANSFER;

static void TransferBody(void *Argument)
{
    TRANSFER *t = Argument;

    if (t->Write)
        t->Status = FsxStoreWrite(t->Fcb->Volume->Store, t->Fcb->File->Id, t->Fcb->Stream,
                                  t->Offset, t->Length, t->Buffer);
    else
        t->Status = FsxStoreRead(t->Fcb->Volume->Store, t->Fcb->File->Id, t->Fcb->Stream, t->Offset,
                                 t->Length, t->Buffer);
}

NTSTATUS FsxTransfer(FSX_FCB *Fcb, LONGLONG Offset, ULONG Length, PVOID Buffer, bool Write)
{
    TRANSFER t = {Fcb, Offset, Length, Buffer, Write, STATUS_SUCCESS};
    NTSTATUS Status = STATUS_SUCCESS;

    if (host_is_user_range(Buffer, Length))
        Status = KexTry(TransferBody, &t);
    else
        TransferBody(&t);
    return NT_SUCCESS(Status) ? t.Status : Status;
}

typedef struct _ZEROS {
    PUCHAR At;
    ULONG Count;
} ZEROS;

static void ZeroBody(void *Argument)
{
    memset(((ZEROS *)Argument)->At, 0, ((ZEROS *)Argument)->Count);
}

/* Reads from the store; what lies behind the valid data is zeros whatever the store has there. */
static NTSTATUS FromStore(FSX_FCB *Fcb, LONGLONG Offset, ULONG Length, PUCHAR Buffer)
{
    LONGLONG Valid = Fcb->StoredValid - Offset;
    ULONG Real = Valid <= 0 ? 0 : Valid < (LONGLONG)Length ? (ULONG)Valid : Length;
    NTSTATUS Status = STATUS_SUCCESS;

    if (Real)
        Status = FsxTransfer(Fcb, Offset, Real, Buffer, false);
    if (NT_SUCCESS(Status) && Real < Length)
        Status = KexTry(ZeroBody, &(ZEROS){Buffer + Real, Length - Real});
    return Status;
}

static NTSTATUS PagingRead(FSX_IRP *x, LONGLONG Offset, ULONG Length)
{
    PUCHAR Buffer = FsxUserBuffer(x->Irp);
    FSX_FCB *Fcb = x->Fcb;
    LONGLONG Left;
    NTSTATUS Status;

    if (!Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExAcquireResourceSharedLite(&Fcb->Paging, TRUE);
    Left = Fcb->Header.FileSize.QuadPart - Offset;
    if (Left <= 0) {
        Status = STATUS_END_OF_FILE;
    } else {
        if (Left < (LONGLONG)Length) {
            memset(Buffer + Left, 0, Length - (ULONG)Left);
            Length = (ULONG)Left;
        }
        Status = FromStore(Fcb, Offset, Length, Buffer);
        if (NT_SUCCESS(Status))
            x->Information = Length;
    }
    ExReleaseResourceLite(&Fcb->Paging);
    return Status;
}

static NTSTATUS NonCachedRead(FSX_IRP *x, LONGLONG Offset, ULONG Length)
{
    ULONG Sector = x->Volume->Store->Geometry.SectorSize;
    LARGE_INTEGER At = {.QuadPart = Offset};
    IO_STATUS_BLOCK Iosb = {0};
    PUCHAR Buffer;
    NTSTATUS Status;

    if (Offset % Sector || Length % Sector)
        return STATUS_INVALID_PARAMETER;
    Buffer = FsxUserBuffer(x->Irp);
    if (!Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (x->Fcb->Section.DataSectionObject) {
        CcFlushCache(&x->Fcb->Section, &At, Length, &Iosb);
        if (!NT_SUCCESS(Iosb.Status))
            return Iosb.Status;
    }
    if (Length > x->Fcb->Header.FileSize.QuadPart - Offset)
        Length = (ULONG)(x->Fcb->Header.FileSize.QuadPart - Offset);
    ExAcquireResourceSharedLite(&x->Fcb->Paging, TRUE);
    Status = FromStore(x->Fcb, Offset, Length, Buffer);
    ExReleaseResourceLite(&x->Fcb->Paging);
    if (NT_SUCCESS(Status))
        x->Information = Length;
    return Status;
}

static NTSTATUS CachedRead(FSX_IRP *x, LONGLONG Offset, ULONG Length)
{
    CC_FILE_SIZES Sizes = FsxCacheSizes(x->Fcb);
    NTSTATUS Status = STATUS_SUCCESS;
    PVOID Buffer;

    if (!x->FileObject->PrivateCacheMap) {
        Status = CcxInitialize(x->FileObject, &Sizes, false, &FsxCacheCallbacks, x->Fcb);
        if (!NT_SUCCESS(Status))
            return Status;
        CcSetReadAheadGranularity(x->FileObject, 64 * 1024);
    }
    if (Length > x->Fcb->Header.FileSize.QuadPart - Offset)
        Length = (ULONG)(x->Fcb->Header.FileSize.QuadPart - Offset);
    if (x->Stack->MinorFunction & IRP_MN_MDL) {
        Status = CcxMdlLend(x->FileObject, Offset, Length, &x->Irp->MdlAddress);
    } else {
        Buffer = FsxUserBuffer(x->Irp);
        Status = Buffer ? CcxRead(x->FileObject, Offset, Length, true, Buffer)
                        : STATUS_INSUFFICIENT_RESOURCES;
    }
    if (NT_SUCCESS(Status))
        x->Information = Length;
    return Status;
}

static NTSTATUS HandleRead(FSX_IRP *x, LONGLONG Offset, ULONG Length)
{
    bool NonCached = (x->Irp->Flags & IRP_NOCACHE) && !(x->Stack->MinorFunction & IRP_MN_MDL);
    NTSTATUS Status;

    ExAcquireResourceSharedLite(&x->Fcb->Main, TRUE);
    if (!FsRtlCheckLockForReadAccess(&x->Fcb->Locks, x->Irp))
        Status = STATUS_FILE_LOCK_CONFLICT;
    else if (Offset >= x->Fcb->Header.FileSize.QuadPart)
        Status = STATUS_END_OF_FILE;
    else
        Status = NonCached ? NonCachedRead(x, Offset, Length) : CachedRead(x, Offset, Length);
    if (NT_SUCCESS(Status)) {
        if (x->FileObject->Flags & FO_SYNCHRONOUS_IO)
            x->FileObject->CurrentByteOffset.QuadPart = Offset + (LONGLONG)x->Information;
        FsrtlxSetFileFlags(x->FileObject, FO_FILE_FAST_IO_READ);
    }
    ExReleaseResourceLite(&x->Fcb->Main);
    return Status;
}

NTSTATUS FsxRead(FSX_IRP *x)
{
    LONGLONG Offset = x->Stack->Parameters.Read.ByteOffset.QuadPart;
    ULONG Length = x->Stack->Parameters.Read.Length;

    if (x->Stack->MinorFunction & IRP_MN_COMPLETE) {
        CcMdlReadComplete(x->FileObject, x->Irp->MdlAddress);
        x->Irp->MdlAddress = NULL;
        return STATUS_SUCCESS;
    }
    if (x->Fcb->Kind != FSX_DATA)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (!Length)
        return STATUS_SUCCESS;
    if (x->Irp->Flags & IRP_PAGING_IO)
        return Offset < 0 ? STATUS_INVALID_PARAMETER : PagingRead(x, Offset, Length);
    if (x->Ccb->CleanedUp)
        return STATUS_FILE_CLOSED;
    if (x->Stack->Parameters.Read.ByteOffset.LowPart == FILE_USE_FILE_POINTER_POSITION &&
        x->Stack->Parameters.Read.ByteOffset.HighPart == -1)
        Offset = x->FileObject->CurrentByteOffset.QuadPart;
    return Offset < 0 ? STATUS_INVALID_PARAMETER : HandleRead(x, Offset, Length);
}

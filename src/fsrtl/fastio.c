/* SPDX-License-Identifier: MIT */
/*
 * fastio.c - cached reads and writes without an IRP. TRUE means done, with IoStatus as an IRP would
 * have it; FALSE sends the caller to an IRP and nothing has happened.
 */
#include "cc/cc.h"
#include "fsrtl/fsrtl.h"

/*
 * Whether the file system lets this stream be served here at this moment. The stream's resource is
 * held.
 */
static bool Possible(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length, BOOLEAN Wait,
                     ULONG LockKey, BOOLEAN Read, PIO_STATUS_BLOCK IoStatus,
                     PDEVICE_OBJECT DeviceObject)
{
    PFSRTL_COMMON_FCB_HEADER Header = FileObject->FsContext;
    PFAST_IO_DISPATCH Fast;

    if (!FileObject->PrivateCacheMap || Header->IsFastIoPossible == FastIoIsNotPossible)
        return false;
    if (Header->IsFastIoPossible != FastIoIsQuestionable)
        return true;
    Fast = IoGetRelatedDeviceObject(FileObject)->DriverObject->FastIoDispatch;
    if (DeviceObject && DeviceObject->DriverObject->FastIoDispatch)
        Fast = DeviceObject->DriverObject->FastIoDispatch;
    return Fast && Fast->FastIoCheckIfPossible &&
           Fast->FastIoCheckIfPossible(FileObject, FileOffset, Length, Wait, LockKey, Read,
                                       IoStatus, DeviceObject);
}

static bool AcquireShared(PERESOURCE Resource, BOOLEAN Wait)
{
    return ExAcquireResourceSharedLite(Resource, Wait);
}

/*
 * Cached read. The file system's main resource is held shared meanwhile. A range that starts at or
 * behind the end of the file is STATUS_END_OF_FILE. IRQL <= APC_LEVEL (nf-ntifs-fsrtlcopyread).
 */
BOOLEAN NTAPI FsRtlCopyRead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                            BOOLEAN Wait, ULONG LockKey, PVOID Buffer, PIO_STATUS_BLOCK IoStatus,
                            PDEVICE_OBJECT DeviceObject)
{
    PFSRTL_COMMON_FCB_HEADER Header = FileObject->FsContext;
    LONGLONG Offset = FileOffset->QuadPart;
    BOOLEAN Done = FALSE;
    PIRP Outer;

    IoStatus->Information = 0;
    IoStatus->Status = STATUS_SUCCESS;
    if (!Length)
        return TRUE;
    if (Offset < 0 || KexGetTopLevelIrp())
        return FALSE;
    FsRtlEnterFileSystem();
    if (!AcquireShared(Header->Resource, Wait)) {
        FsRtlExitFileSystem();
        return FALSE;
    }
    if (Possible(FileObject, FileOffset, Length, Wait, LockKey, TRUE, IoStatus, DeviceObject)) {
        if (Offset >= Header->FileSize.QuadPart) {
            IoStatus->Status = STATUS_END_OF_FILE;
            Done = TRUE;
        } else {
            NTSTATUS Status;

            if (Length > Header->FileSize.QuadPart - Offset)
                Length = (ULONG)(Header->FileSize.QuadPart - Offset);
            Outer = KexGetTopLevelIrp();
            KexSetTopLevelIrp((PIRP)FSRTL_FAST_IO_TOP_LEVEL_IRP);
            Status = CcxRead(FileObject, Offset, Length, Wait, Buffer);
            KexSetTopLevelIrp(Outer);
            /* A page that cannot be read is the IRP's to report: it knows how. */
            Done = NT_SUCCESS(Status);
            if (Done) {
                IoStatus->Information = Length;
                FsrtlxSetFileFlags(FileObject, FO_FILE_FAST_IO_READ);
                FileObject->CurrentByteOffset.QuadPart = Offset + Length;
            }
        }
    }
    ExReleaseResourceLite(Header->Resource);
    FsRtlExitFileSystem();
    return Done;
}

/*
 * What a write at Offset makes of the sizes; the stream's resource is held exclusively when it
 * extends.
 */
typedef struct _EXTENT {
    LONGLONG Offset, End, OldFileSize, OldValidData;
    bool Extends;
} EXTENT;

/*
 * Writes inside the file need the resource shared; one that moves the end of the file or of valid
 * data needs it exclusive. FALSE when it cannot be had or the write is one for an IRP: beyond the
 * allocation, or a gap too wide to be zeroed here.
 */
static bool AcquireForWrite(PFSRTL_COMMON_FCB_HEADER Header, const LARGE_INTEGER *FileOffset,
                            ULONG Length, BOOLEAN Wait, EXTENT *Extent)
{
    bool ToEnd = FileOffset->LowPart == FILE_WRITE_TO_END_OF_FILE && FileOffset->HighPart == -1;
    bool Exclusive = ToEnd || FileOffset->QuadPart + Length > Header->ValidDataLength.QuadPart;

    if (Exclusive ? !ExAcquireResourceExclusiveLite(Header->Resource, Wait)
                  : !AcquireShared(Header->Resource, Wait))
        return false;
    Extent->OldFileSize = Header->FileSize.QuadPart;
    Extent->OldValidData = Header->ValidDataLength.QuadPart;
    Extent->Offset = ToEnd ? Extent->OldFileSize : FileOffset->QuadPart;
    Extent->End = Extent->Offset + Length;
    Extent->Extends = Extent->End > Extent->OldFileSize;
    if (Extent->Offset >= 0 && Extent->End >= Extent->Offset &&
        Extent->End <= Header->AllocationSize.QuadPart &&
        Extent->Offset <= Extent->OldValidData + 0x2000 &&
        (Exclusive || Extent->End <= Extent->OldValidData))
        return true;
    ExReleaseResourceLite(Header->Resource);
    return false;
}

static void SetFileSize(PFSRTL_COMMON_FCB_HEADER Header, LONGLONG Size)
{
    /* Paging I/O reads the sizes under its own resource. */
    if (Header->PagingIoResource)
        ExAcquireResourceExclusiveLite(Header->PagingIoResource, TRUE);
    Header->FileSize.QuadPart = Size;
    if (Header->PagingIoResource)
        ExReleaseResourceLite(Header->PagingIoResource);
}

/* A paging write of a view's pages may be raising it too: the header's mutex settles it. */
static void RaiseValidData(PFSRTL_COMMON_FCB_HEADER Header, LONGLONG End)
{
    PFAST_MUTEX Mutex = NULL;

    if (Header->Flags & FSRTL_FLAG_ADVANCED_HEADER)
        Mutex = ((PFSRTL_ADVANCED_FCB_HEADER)Header)->FastMutex;
    if (Mutex)
        ExAcquireFastMutex(Mutex);
    if (End > Header->ValidDataLength.QuadPart) {
        ASSERT(ExIsResourceAcquiredExclusiveLite(Header->Resource));
        Header->ValidDataLength.QuadPart = End;
    }
    if (Mutex)
        ExReleaseFastMutex(Mutex);
}

static NTSTATUS WriteHeld(PFILE_OBJECT FileObject, PFSRTL_COMMON_FCB_HEADER Header,
                          const EXTENT *Extent, ULONG Length, BOOLEAN Wait, PVOID Buffer)
{
    CC_FILE_SIZES Sizes;
    NTSTATUS Status = STATUS_SUCCESS;

    if (Extent->Extends) {
        SetFileSize(Header, Extent->End);
        Sizes.AllocationSize = Header->AllocationSize;
        Sizes.FileSize = Header->FileSize;
        Sizes.ValidDataLength = Header->ValidDataLength;
        Status = CcxSetSizes(FileObject, &Sizes);
    }
    if (NT_SUCCESS(Status) && Extent->Offset > Extent->OldValidData)
        Status = CcxZero(FileObject, Extent->OldValidData, Extent->Offset, Wait);
    if (NT_SUCCESS(Status))
        Status = CcxWrite(FileObject, Extent->Offset, Length, Wait, Buffer);
    if (NT_SUCCESS(Status)) {
        RaiseValidData(Header, Extent->End);
    } else if (Extent->Extends) {
        SetFileSize(Header, Extent->OldFileSize);
        Sizes.FileSize = Header->FileSize;
        CcxSetSizes(FileObject, &Sizes);
    }
    return Status;
}

/*
 * Cached write. Extends the file inside its allocation. A file object opened for write-through, and
 * a write the cache would hold up when Wait is FALSE, go to an IRP. IRQL <= APC_LEVEL
 * (nf-ntifs-fsrtlcopywrite).
 */
BOOLEAN NTAPI FsRtlCopyWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                             BOOLEAN Wait, ULONG LockKey, PVOID Buffer, PIO_STATUS_BLOCK IoStatus,
                             PDEVICE_OBJECT DeviceObject)
{
    PFSRTL_COMMON_FCB_HEADER Header = FileObject->FsContext;
    LARGE_INTEGER At;
    BOOLEAN Done = FALSE;
    EXTENT Extent;
    PIRP Outer;

    IoStatus->Information = 0;
    IoStatus->Status = STATUS_SUCCESS;
    if (KexGetTopLevelIrp() || (FileObject->Flags & FO_WRITE_THROUGH) ||
        !CcCanIWrite(FileObject, Length, Wait, FALSE))
        return FALSE;
    if (!Length)
        return TRUE;
    FsRtlEnterFileSystem();
    if (!AcquireForWrite(Header, FileOffset, Length, Wait, &Extent)) {
        FsRtlExitFileSystem();
        return FALSE;
    }
    At.QuadPart = Extent.Offset;
    if (Possible(FileObject, &At, Length, Wait, LockKey, FALSE, IoStatus, DeviceObject)) {
        Outer = KexGetTopLevelIrp();
        KexSetTopLevelIrp((PIRP)FSRTL_FAST_IO_TOP_LEVEL_IRP);
        Done = NT_SUCCESS(WriteHeld(FileObject, Header, &Extent, Length, Wait, Buffer));
        KexSetTopLevelIrp(Outer);
        if (Done) {
            FsrtlxSetFileFlags(FileObject, FO_FILE_MODIFIED);
            if (Extent.Extends)
                FsrtlxSetFileFlags(FileObject, FO_FILE_SIZE_CHANGED);
            IoStatus->Information = Length;
            FileObject->CurrentByteOffset.QuadPart = Extent.End;
        }
    }
    ExReleaseResourceLite(Header->Resource);
    FsRtlExitFileSystem();
    return Done;
}

/* ---- MDL forms ----------------------------------------------------------------------------- */

/* Lends cached data for reading, clipped to the file size (nf-ntifs-fsrtlmdlreaddev). */
BOOLEAN NTAPI FsRtlMdlReadDev(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                              ULONG LockKey, PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus,
                              PDEVICE_OBJECT DeviceObject)
{
    PFSRTL_COMMON_FCB_HEADER Header = FileObject->FsContext;
    LONGLONG Offset = FileOffset->QuadPart;
    BOOLEAN Done = FALSE;

    IoStatus->Information = 0;
    IoStatus->Status = STATUS_SUCCESS;
    if (!Length)
        return TRUE;
    FsRtlEnterFileSystem();
    ExAcquireResourceSharedLite(Header->Resource, TRUE);
    if (Possible(FileObject, FileOffset, Length, TRUE, LockKey, TRUE, IoStatus, DeviceObject)) {
        if (Offset >= Header->FileSize.QuadPart) {
            IoStatus->Status = STATUS_END_OF_FILE;
            Done = TRUE;
        } else {
            if (Length > Header->FileSize.QuadPart - Offset)
                Length = (ULONG)(Header->FileSize.QuadPart - Offset);
            Done = NT_SUCCESS(CcxMdlLend(FileObject, Offset, Length, MdlChain));
            if (Done)
                IoStatus->Information = Length;
        }
    }
    ExReleaseResourceLite(Header->Resource);
    FsRtlExitFileSystem();
    return Done;
}

BOOLEAN NTAPI FsRtlMdlReadCompleteDev(PFILE_OBJECT FileObject, PMDL MdlChain,
                                      PDEVICE_OBJECT DeviceObject)
{
    CcMdlReadComplete(FileObject, MdlChain);
    return TRUE;
}

/* Lends pages to be written. Only inside the valid data: an extending write goes to an IRP. */
BOOLEAN NTAPI FsRtlPrepareMdlWriteDev(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                      ULONG Length, ULONG LockKey, PMDL *MdlChain,
                                      PIO_STATUS_BLOCK IoStatus, PDEVICE_OBJECT DeviceObject)
{
    PFSRTL_COMMON_FCB_HEADER Header = FileObject->FsContext;
    BOOLEAN Done = FALSE;

    IoStatus->Information = 0;
    IoStatus->Status = STATUS_SUCCESS;
    if (!Length)
        return TRUE;
    if (FileObject->Flags & FO_WRITE_THROUGH)
        return FALSE;
    FsRtlEnterFileSystem();
    ExAcquireResourceSharedLite(Header->Resource, TRUE);
    if (FileOffset->QuadPart >= 0 &&
        FileOffset->QuadPart + Length <= Header->ValidDataLength.QuadPart &&
        Possible(FileObject, FileOffset, Length, TRUE, LockKey, FALSE, IoStatus, DeviceObject)) {
        Done = NT_SUCCESS(CcxMdlLend(FileObject, FileOffset->QuadPart, Length, MdlChain));
        if (Done) {
            IoStatus->Information = Length;
            FsrtlxSetFileFlags(FileObject, FO_FILE_MODIFIED);
        }
    }
    ExReleaseResourceLite(Header->Resource);
    FsRtlExitFileSystem();
    return Done;
}

BOOLEAN NTAPI FsRtlMdlWriteCompleteDev(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                       PMDL MdlChain, PDEVICE_OBJECT DeviceObject)
{
    if (FileObject->Flags & FO_WRITE_THROUGH)
        return FALSE;
    CcMdlWriteComplete(FileObject, FileOffset, MdlChain);
    return TRUE;
}

static PFAST_IO_DISPATCH DispatchOf(PFILE_OBJECT FileObject, PDEVICE_OBJECT *Device)
{
    *Device = IoGetRelatedDeviceObject(FileObject);
    return (*Device)->DriverObject->FastIoDispatch;
}

/* The forms without a device ask the top of the file object's stack. */
BOOLEAN NTAPI FsRtlMdlRead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                           ULONG LockKey, PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus)
{
    PDEVICE_OBJECT Device;
    PFAST_IO_DISPATCH Fast = DispatchOf(FileObject, &Device);

    return Fast && Fast->MdlRead &&
           Fast->MdlRead(FileObject, FileOffset, Length, LockKey, MdlChain, IoStatus, Device);
}

BOOLEAN NTAPI FsRtlMdlReadComplete(PFILE_OBJECT FileObject, PMDL MdlChain)
{
    PDEVICE_OBJECT Device;
    PFAST_IO_DISPATCH Fast = DispatchOf(FileObject, &Device);

    return Fast && Fast->MdlReadComplete && Fast->MdlReadComplete(FileObject, MdlChain, Device);
}

BOOLEAN NTAPI FsRtlPrepareMdlWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                                   ULONG LockKey, PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus)
{
    PDEVICE_OBJECT Device;
    PFAST_IO_DISPATCH Fast = DispatchOf(FileObject, &Device);

    return Fast && Fast->PrepareMdlWrite &&
           Fast->PrepareMdlWrite(FileObject, FileOffset, Length, LockKey, MdlChain, IoStatus,
                                 Device);
}

BOOLEAN NTAPI FsRtlMdlWriteComplete(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                    PMDL MdlChain)
{
    PDEVICE_OBJECT Device;
    PFAST_IO_DISPATCH Fast = DispatchOf(FileObject, &Device);

    return Fast && Fast->MdlWriteComplete &&
           Fast->MdlWriteComplete(FileObject, FileOffset, MdlChain, Device);
}

/* SPDX-License-Identifier: MIT */
/*
 * fastio.c - the fast-I/O table: reads, writes, locks and the common queries without an IRP, and
 * the hooks that take the stream's locks for work the system does on its own.
 */
#include "fs/fsp.h"

#include <string.h>

static void Trace(const char *What, UCHAR Major, PFILE_OBJECT FileObject, LONGLONG Offset,
                  ULONG Length, BOOLEAN Done, PIO_STATUS_BLOCK Iosb)
{
    KEX_TRACE Event = {0};

    if (!KEX_TRACING())
        return;
    Event.Kind = KEX_TRACE_FS;
    Event.Major = Major;
    Event.Offset = Offset;
    Event.Length = Length;
    Event.Object = FileObject;
    Event.Path = &FileObject->FileName;
    Event.Who = FsxFcbOf(FileObject)->Volume->Personality->Name;
    Event.What = Done ? What : "fast I/O refused";
    Event.Status = Done ? Iosb->Status : 0;
    KexHooks.Trace(&Event);
}

/* The stream as fast I/O can serve it: data, a live handle, a mounted volume. */
static FSX_FCB *Usable(PFILE_OBJECT FileObject)
{
    FSX_FCB *Fcb = FsxFcbOf(FileObject);
    FSX_CCB *Ccb = FileObject->FsContext2;

    return Fcb && Fcb->Kind == FSX_DATA && Ccb && !Ccb->CleanedUp && !Fcb->Volume->Dismounted
               ? Fcb
               : NULL;
}

/* ---- data ---------------------------------------------------------------------------------- */

/*
 * Asked by the run-time library for streams that are "questionable", as all of ours are: byte-range
 * locks decide.
 */
static BOOLEAN NTAPI CheckIfPossible(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                     ULONG Length, BOOLEAN Wait, ULONG LockKey,
                                     BOOLEAN CheckForRead, PIO_STATUS_BLOCK Iosb,
                                     PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = Usable(FileObject);
    LARGE_INTEGER Bytes = {.QuadPart = Length};

    if (!Fcb)
        return FALSE;
    if (CheckForRead)
        return FsRtlFastCheckLockForRead(&Fcb->Locks, FileOffset, &Bytes, LockKey, FileObject,
                                         PsGetCurrentProcess());
    return !Fcb->Volume->Store->Geometry.ReadOnly &&
           FsRtlFastCheckLockForWrite(&Fcb->Locks, FileOffset, &Bytes, LockKey, FileObject,
                                      PsGetCurrentProcess());
}

static BOOLEAN NTAPI FastRead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                              BOOLEAN Wait, ULONG LockKey, PVOID Buffer, PIO_STATUS_BLOCK Iosb,
                              PDEVICE_OBJECT Device)
{
    BOOLEAN Done = Usable(FileObject) && FsRtlCopyRead(FileObject, FileOffset, Length, Wait,
                                                       LockKey, Buffer, Iosb, Device);

    Trace("fast read", IRP_MJ_READ, FileObject, FileOffset->QuadPart, Length, Done, Iosb);
    return Done;
}

static BOOLEAN NTAPI FastWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                               BOOLEAN Wait, ULONG LockKey, PVOID Buffer, PIO_STATUS_BLOCK Iosb,
                               PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = Usable(FileObject);
    BOOLEAN Done =
        Fcb && FsRtlCopyWrite(FileObject, FileOffset, Length, Wait, LockKey, Buffer, Iosb, Device);

    Trace("fast write", IRP_MJ_WRITE, FileObject, FileOffset->QuadPart, Length, Done, Iosb);
    if (Done && Length)
        FsxTouchWrite(Fcb, FileObject->FsContext2);
    return Done;
}

/* ---- queries ------------------------------------------------------------------------------- */

/* Main shared, without waiting when the caller cannot. */
static bool Enter(FSX_FCB *Fcb, BOOLEAN Wait)
{
    FsRtlEnterFileSystem();
    if (ExAcquireResourceSharedLite(&Fcb->Main, Wait))
        return true;
    FsRtlExitFileSystem();
    return false;
}

static void Leave(FSX_FCB *Fcb)
{
    ExReleaseResourceLite(&Fcb->Main);
    FsRtlExitFileSystem();
}

/* The stream of a query: directories too. */
static FSX_FCB *Queried(PFILE_OBJECT FileObject)
{
    FSX_FCB *Fcb = FsxFcbOf(FileObject);

    return Fcb && Fcb->File && FileObject->FsContext2 && !Fcb->Volume->Dismounted ? Fcb : NULL;
}

static BOOLEAN NTAPI QueryBasic(PFILE_OBJECT FileObject, BOOLEAN Wait,
                                PFILE_BASIC_INFORMATION Buffer, PIO_STATUS_BLOCK Iosb,
                                PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = Queried(FileObject);
    NTSTATUS Status;
    FSX_META m;

    if (!Fcb || !Enter(Fcb, Wait))
        return FALSE;
    Status = Fcb->Volume->Store->Ops->GetMeta(Fcb->Volume->Store, Fcb->File->Id, &m);
    if (NT_SUCCESS(Status)) {
        FsxFillBasic(Fcb->Volume, &m, Buffer);
        if (Fcb->StreamName.Length)
            Buffer->FileAttributes &= ~(ULONG)FILE_ATTRIBUTE_DIRECTORY;
    }
    Leave(Fcb);
    Iosb->Status = Status;
    Iosb->Information = NT_SUCCESS(Status) ? sizeof *Buffer : 0;
    return TRUE;
}

static BOOLEAN NTAPI QueryStandard(PFILE_OBJECT FileObject, BOOLEAN Wait,
                                   PFILE_STANDARD_INFORMATION Buffer, PIO_STATUS_BLOCK Iosb,
                                   PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = Queried(FileObject);
    FSX_LINK *Link;
    NTSTATUS Status;
    FSX_META m;

    if (!Fcb || !Enter(Fcb, Wait))
        return FALSE;
    Link = ((FSX_CCB *)FileObject->FsContext2)->Link;
    Status = Fcb->Volume->Store->Ops->GetMeta(Fcb->Volume->Store, Fcb->File->Id, &m);
    if (NT_SUCCESS(Status)) {
        memset(Buffer, 0, sizeof *Buffer);
        Buffer->AllocationSize = Fcb->Header.AllocationSize;
        Buffer->EndOfFile = Fcb->Header.FileSize;
        Buffer->DeletePending = (Link && Link->DeletePending) || Fcb->StreamDeletePending;
        Buffer->NumberOfLinks = Fcb->File->Id == FSX_ROOT_ID ? 1 : m.Links;
        if (Link && Link->DeletePending && !Link->Gone && m.Links)
            Buffer->NumberOfLinks--;
        Buffer->Directory = Fcb->Kind == FSX_DIRECTORY;
    }
    Leave(Fcb);
    Iosb->Status = Status;
    Iosb->Information = NT_SUCCESS(Status) ? sizeof *Buffer : 0;
    return TRUE;
}

static BOOLEAN NTAPI QueryNetworkOpen(PFILE_OBJECT FileObject, BOOLEAN Wait,
                                      PFILE_NETWORK_OPEN_INFORMATION Buffer, PIO_STATUS_BLOCK Iosb,
                                      PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = Queried(FileObject);
    FILE_BASIC_INFORMATION b;
    NTSTATUS Status;
    FSX_META m;

    if (!Fcb || !Enter(Fcb, Wait))
        return FALSE;
    Status = Fcb->Volume->Store->Ops->GetMeta(Fcb->Volume->Store, Fcb->File->Id, &m);
    if (NT_SUCCESS(Status)) {
        FsxFillBasic(Fcb->Volume, &m, &b);
        memset(Buffer, 0, sizeof *Buffer);
        Buffer->CreationTime = b.CreationTime;
        Buffer->LastAccessTime = b.LastAccessTime;
        Buffer->LastWriteTime = b.LastWriteTime;
        Buffer->ChangeTime = b.ChangeTime;
        Buffer->FileAttributes = b.FileAttributes;
        Buffer->AllocationSize = Fcb->Header.AllocationSize;
        Buffer->EndOfFile = Fcb->Header.FileSize;
    }
    Leave(Fcb);
    Iosb->Status = Status;
    Iosb->Information = NT_SUCCESS(Status) ? sizeof *Buffer : 0;
    return TRUE;
}

/* ---- locks --------------------------------------------------------------------------------- */

static BOOLEAN NTAPI FastLock(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                              PLARGE_INTEGER Length, PEPROCESS ProcessId, ULONG Key,
                              BOOLEAN FailImmediately, BOOLEAN ExclusiveLock, PIO_STATUS_BLOCK Iosb,
                              PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = Usable(FileObject);

    return Fcb && FsRtlFastLock(&Fcb->Locks, FileObject, FileOffset, Length, ProcessId, Key,
                                FailImmediately, ExclusiveLock, Iosb, NULL, FALSE);
}

static BOOLEAN NTAPI FastUnlockSingle(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                      PLARGE_INTEGER Length, PEPROCESS ProcessId, ULONG Key,
                                      PIO_STATUS_BLOCK Iosb, PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = Usable(FileObject);

    if (!Fcb)
        return FALSE;
    Iosb->Status = FsRtlFastUnlockSingle(&Fcb->Locks, FileObject, FileOffset, Length, ProcessId,
                                         Key, NULL, FALSE);
    Iosb->Information = 0;
    return TRUE;
}

static BOOLEAN NTAPI FastUnlockAll(PFILE_OBJECT FileObject, PEPROCESS ProcessId,
                                   PIO_STATUS_BLOCK Iosb, PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = Usable(FileObject);

    if (!Fcb)
        return FALSE;
    Iosb->Status = FsRtlFastUnlockAll(&Fcb->Locks, FileObject, ProcessId, NULL);
    Iosb->Information = 0;
    return TRUE;
}

static BOOLEAN NTAPI FastUnlockAllByKey(PFILE_OBJECT FileObject, PVOID ProcessId, ULONG Key,
                                        PIO_STATUS_BLOCK Iosb, PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = Usable(FileObject);

    if (!Fcb)
        return FALSE;
    Iosb->Status = FsRtlFastUnlockAllByKey(&Fcb->Locks, FileObject, ProcessId, Key, NULL);
    Iosb->Information = 0;
    return TRUE;
}

/* ---- hooks around work of the system ------------------------------------------------------- */

static VOID NTAPI AcquireForSection(PFILE_OBJECT FileObject)
{
    ExAcquireResourceExclusiveLite(&FsxFcbOf(FileObject)->Main, TRUE);
}

static VOID NTAPI ReleaseForSection(PFILE_OBJECT FileObject)
{
    ExReleaseResourceLite(&FsxFcbOf(FileObject)->Main);
}

/* The mapped page writer may not wait: it would hold up the pages of all other files. */
static NTSTATUS NTAPI AcquireForModWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER EndingOffset,
                                         PERESOURCE *Resource, PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = FsxFcbOf(FileObject);

    *Resource = NULL;
    if (!ExAcquireResourceSharedLite(&Fcb->Paging, FALSE))
        return STATUS_CANT_WAIT;
    *Resource = &Fcb->Paging;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI ReleaseForModWrite(PFILE_OBJECT FileObject, PERESOURCE Resource,
                                         PDEVICE_OBJECT Device)
{
    ExReleaseResourceLite(Resource);
    return STATUS_SUCCESS;
}

/*
 * Main exclusive, unless this thread has it at least shared (then only one more of that); paging
 * I/O shared behind it. An empty top-level marker is set so that the write-back below knows that it
 * is not the first; one that is set stays.
 */
static NTSTATUS NTAPI AcquireForCcFlush(PFILE_OBJECT FileObject, PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = FsxFcbOf(FileObject);

    if (ExIsResourceAcquiredSharedLite(&Fcb->Main))
        ExAcquireResourceSharedLite(&Fcb->Main, TRUE);
    else
        ExAcquireResourceExclusiveLite(&Fcb->Main, TRUE);
    ExAcquireResourceSharedLite(&Fcb->Paging, TRUE);
    if (!KexGetTopLevelIrp())
        KexSetTopLevelIrp((PIRP)FSRTL_CACHE_TOP_LEVEL_IRP);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI ReleaseForCcFlush(PFILE_OBJECT FileObject, PDEVICE_OBJECT Device)
{
    FSX_FCB *Fcb = FsxFcbOf(FileObject);

    if (KexGetTopLevelIrp() == (PIRP)FSRTL_CACHE_TOP_LEVEL_IRP)
        KexSetTopLevelIrp(NULL);
    ExReleaseResourceLite(&Fcb->Paging);
    ExReleaseResourceLite(&Fcb->Main);
    return STATUS_SUCCESS;
}

const FAST_IO_DISPATCH FsxFastIo = {
    .SizeOfFastIoDispatch = sizeof(FAST_IO_DISPATCH),
    .FastIoCheckIfPossible = CheckIfPossible,
    .FastIoRead = FastRead,
    .FastIoWrite = FastWrite,
    .FastIoQueryBasicInfo = QueryBasic,
    .FastIoQueryStandardInfo = QueryStandard,
    .FastIoLock = FastLock,
    .FastIoUnlockSingle = FastUnlockSingle,
    .FastIoUnlockAll = FastUnlockAll,
    .FastIoUnlockAllByKey = FastUnlockAllByKey,
    .AcquireFileForNtCreateSection = AcquireForSection,
    .ReleaseFileForNtCreateSection = ReleaseForSection,
    .FastIoQueryNetworkOpenInfo = QueryNetworkOpen,
    .AcquireForModWrite = AcquireForModWrite,
    .MdlRead = FsRtlMdlReadDev,
    .MdlReadComplete = FsRtlMdlReadCompleteDev,
    .PrepareMdlWrite = FsRtlPrepareMdlWriteDev,
    .MdlWriteComplete = FsRtlMdlWriteCompleteDev,
    .ReleaseForModWrite = ReleaseForModWrite,
    .AcquireForCcFlush = AcquireForCcFlush,
    .ReleaseForCcFlush = ReleaseForCcFlush,
};

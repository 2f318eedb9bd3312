/* SPDX-License-Identifier: MIT */
/* driver.c - the driver objects, the one dispatch entry, mounting and dismounting. */
#include "fs/fsp.h"
#include "ob/ob.h"

#include <stdlib.h>
#include <string.h>

static PDRIVER_OBJECT NtfsDriver;
static KEX_LOCK VolumesLock = KEX_LOCK_INIT(KEX_RANK_FS + 1, "mounted volumes");
static LIST_ENTRY Volumes = {&Volumes, &Volumes};

/* ---- dispatch ------------------------------------------------------------------------------ */

static FSX_HANDLER *const Handlers[IRP_MJ_MAXIMUM_FUNCTION + 1] = {
    [IRP_MJ_CREATE] = FsxCreate,
    [IRP_MJ_CLEANUP] = FsxCleanup,
    [IRP_MJ_CLOSE] = FsxClose,
    [IRP_MJ_READ] = FsxRead,
    [IRP_MJ_WRITE] = FsxWrite,
    [IRP_MJ_FLUSH_BUFFERS] = FsxFlush,
    [IRP_MJ_QUERY_INFORMATION] = FsxQueryInformation,
    [IRP_MJ_SET_INFORMATION] = FsxSetInformation,
    [IRP_MJ_QUERY_VOLUME_INFORMATION] = FsxQueryVolume,
    [IRP_MJ_SET_VOLUME_INFORMATION] = FsxSetVolume,
    [IRP_MJ_DIRECTORY_CONTROL] = FsxDirectoryControl,
    [IRP_MJ_FILE_SYSTEM_CONTROL] = FsxFileSystemControl,
    [IRP_MJ_DEVICE_CONTROL] = FsxDeviceControl,
    [IRP_MJ_LOCK_CONTROL] = FsxLockControl,
    [IRP_MJ_QUERY_SECURITY] = FsxQuerySecurity,
    [IRP_MJ_SET_SECURITY] = FsxSetSecurity,
    [IRP_MJ_QUERY_EA] = FsxQueryEa,
    [IRP_MJ_SET_EA] = FsxSetEa,
    [IRP_MJ_SHUTDOWN] = FsxShutdown,
};

static void Trace(const FSX_IRP *x)
{
    PIO_STACK_LOCATION Stack = x->Stack;
    KEX_TRACE Event = {0};

    Event.Kind = KEX_TRACE_FS;
    Event.Major = Stack->MajorFunction;
    Event.Minor = Stack->MinorFunction;
    Event.IrpFlags = x->Irp->Flags;
    Event.Irp = x->Irp;
    Event.Object = x->FileObject;
    Event.Path = x->FileObject ? &x->FileObject->FileName : NULL;
    Event.Who = x->Volume->Personality->Name;
    if (Stack->MajorFunction == IRP_MJ_READ || Stack->MajorFunction == IRP_MJ_WRITE) {
        Event.Offset = Stack->Parameters.Read.ByteOffset.QuadPart;
        Event.Length = Stack->Parameters.Read.Length;
    }
    KexHooks.Trace(&Event);
}

/* After a forced dismount only what lets go of things still works. */
static bool WorksDismounted(UCHAR Major)
{
    return Major == IRP_MJ_CLEANUP || Major == IRP_MJ_CLOSE;
}

static NTSTATUS Run(FSX_IRP *x)
{
    FSX_HANDLER *Handler = Handlers[x->Stack->MajorFunction];

    if (!Handler)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (x->Volume->Dismounted && !WorksDismounted(x->Stack->MajorFunction))
        return STATUS_VOLUME_DISMOUNTED;
    if (!x->Fcb && x->Stack->MajorFunction != IRP_MJ_CREATE &&
        x->Stack->MajorFunction != IRP_MJ_SHUTDOWN)
        return STATUS_INVALID_DEVICE_REQUEST;
    return Handler(x);
}

/* Every request: file-system region, top-level IRP, handler, completion. */
static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    FSX_IRP x = {.Irp = Irp,
                 .Stack = IoGetCurrentIrpStackLocation(Irp),
                 .Volume = DeviceObject->DeviceExtension};
    PIRP Outer = KexGetTopLevelIrp();
    NTSTATUS Status;

    x.FileObject = x.Stack->FileObject;
    if (x.FileObject && x.Stack->MajorFunction != IRP_MJ_CREATE) {
        x.Fcb = x.FileObject->FsContext;
        x.Ccb = x.FileObject->FsContext2;
    }
    if (KEX_TRACING())
        Trace(&x);
    FsRtlEnterFileSystem();
    if (!Outer)
        KexSetTopLevelIrp(Irp);
    Status = Run(&x);
    if (!Outer)
        KexSetTopLevelIrp(NULL);
    FsRtlExitFileSystem();
    if (!x.Completed) {
        ASSERT(Status != STATUS_PENDING);
        Irp->IoStatus.Status = Status;
        Irp->IoStatus.Information = x.Information;
        IoCompleteRequest(Irp, NT_SUCCESS(Status) ? IO_DISK_INCREMENT : IO_NO_INCREMENT);
    }
    return Status;
}

PVOID FsxUserBuffer(PIRP Irp)
{
    if (Irp->MdlAddress)
        return MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
    return Irp->UserBuffer;
}

NTSTATUS FsxShutdown(FSX_IRP *x)
{
    NTSTATUS Status = CcxFlushAll(x->Volume->Disk);

    if (NT_SUCCESS(Status))
        Status = FsxStoreWriteMetadata(x->Volume->Store, 0);
    return NT_SUCCESS(Status) ? FsxStoreSync(x->Volume->Store) : Status;
}

/* Not ours: the request is for the disk below, which answers it. */
NTSTATUS FsxDeviceControl(FSX_IRP *x)
{
    if (x->Fcb->Kind != FSX_VOLUME_FILE)
        return STATUS_INVALID_PARAMETER;
    IoSkipCurrentIrpStackLocation(x->Irp);
    x->Completed = true;
    return IoCallDriver(x->Volume->Disk, x->Irp);
}

/* ---- cache manager's callbacks ------------------------------------------------------------- */

/*
 * The lazy writer holds off purges and size changes, and marks its thread so that nobody throttles
 * it.
 */
static BOOLEAN NTAPI AcquireForLazyWrite(PVOID Context, BOOLEAN Wait)
{
    FSX_FCB *Fcb = Context;

    if (!ExAcquireResourceSharedLite(&Fcb->Paging, Wait))
        return FALSE;
    ASSERT(!KexGetTopLevelIrp());
    KexSetTopLevelIrp((PIRP)FSRTL_CACHE_TOP_LEVEL_IRP);
    return TRUE;
}

static VOID NTAPI ReleaseFromLazyWrite(PVOID Context)
{
    FSX_FCB *Fcb = Context;

    ASSERT(KexGetTopLevelIrp() == (PIRP)FSRTL_CACHE_TOP_LEVEL_IRP);
    KexSetTopLevelIrp(NULL);
    ExReleaseResourceLite(&Fcb->Paging);
}

static BOOLEAN NTAPI AcquireForReadAhead(PVOID Context, BOOLEAN Wait)
{
    FSX_FCB *Fcb = Context;

    if (!ExAcquireResourceSharedLite(&Fcb->Main, Wait))
        return FALSE;
    ASSERT(!KexGetTopLevelIrp());
    KexSetTopLevelIrp((PIRP)FSRTL_CACHE_TOP_LEVEL_IRP);
    return TRUE;
}

static VOID NTAPI ReleaseFromReadAhead(PVOID Context)
{
    FSX_FCB *Fcb = Context;

    KexSetTopLevelIrp(NULL);
    ExReleaseResourceLite(&Fcb->Main);
}

const CACHE_MANAGER_CALLBACKS FsxCacheCallbacks = {
    AcquireForLazyWrite,
    ReleaseFromLazyWrite,
    AcquireForReadAhead,
    ReleaseFromReadAhead,
};

/* ---- driver objects ------------------------------------------------------------------------ */

static NTSTATUS NTAPI Initialise(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++) {
        if (Handlers[i])
            Driver->MajorFunction[i] = Dispatch;
    }
    Driver->FastIoDispatch = (PFAST_IO_DISPATCH)&FsxFastIo;
    return STATUS_SUCCESS;
}

NTSTATUS FsxStart(void)
{
    UNICODE_STRING Name;

    RtlInitUnicodeString(&Name, FsxFindPersonality("ntfs")->DriverName);
    return IoxCreateDriver(&Name, Initialise, &NtfsDriver);
}

/* ---- mount --------------------------------------------------------------------------------- */

static NTSTATUS SetUp(FSX_VOLUME *Volume)
{
    NTSTATUS Status = FsxNewVolumeFcb(Volume);

    if (!NT_SUCCESS(Status))
        return Status;
    ExInitializeResourceLite(&Volume->Resource);
    KexLockInit(&Volume->TableLock, KEX_RANK_FS + 2, "open files");
    InitializeListHead(&Volume->Files);
    InitializeListHead(&Volume->NotifyList);
    FsRtlNotifyInitializeSync(&Volume->NotifySync);
    Volume->MountTime = KexSystemTime();
    return STATUS_SUCCESS;
}

static void FillVpb(PVPB Vpb, const FSX_VOLUME *Volume)
{
    const FSX_GEOMETRY *Geometry = &Volume->Store->Geometry;

    Vpb->DeviceObject = Volume->Device;
    Vpb->SerialNumber = Geometry->Serial;
    Vpb->VolumeLabelLength = (USHORT)(Geometry->LabelLength * sizeof(WCHAR));
    memcpy(Vpb->VolumeLabel, Geometry->Label, Vpb->VolumeLabelLength);
    Vpb->Flags |= VPB_MOUNTED;
}

NTSTATUS FsxMountVolume(PDEVICE_OBJECT Disk, const FSX_PERSONALITY *Personality, FSX_STORE *Store,
                        PDEVICE_OBJECT *VolumeDevice)
{
    PDEVICE_OBJECT Device;
    FSX_VOLUME *Volume;
    NTSTATUS Status;

    if (!NtfsDriver)
        return STATUS_UNRECOGNIZED_VOLUME;
    Status = IoCreateDevice(NtfsDriver, sizeof(FSX_VOLUME), NULL, FILE_DEVICE_DISK_FILE_SYSTEM, 0,
                            FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    Volume = Device->DeviceExtension;
    memset(Volume, 0, sizeof *Volume);
    Volume->NodeTypeCode = FSX_NODE_VOLUME;
    Volume->NodeByteSize = sizeof *Volume;
    Volume->Device = Device;
    Volume->Disk = Disk;
    Volume->Vpb = Disk->Vpb;
    Volume->Store = Store;
    Volume->Personality = Personality;
    Status = SetUp(Volume);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }
    Device->StackSize = (CCHAR)(Disk->StackSize + 1);
    Device->SectorSize = (USHORT)Store->Geometry.SectorSize;
    Device->AlignmentRequirement = Disk->AlignmentRequirement;
    FillVpb(Disk->Vpb, Volume);
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    KexLockAcquire(&VolumesLock);
    InsertTailList(&Volumes, &Volume->Links);
    KexLockRelease(&VolumesLock);
    *VolumeDevice = Device;
    return STATUS_SUCCESS;
}

NTSTATUS FsxMount(PDEVICE_OBJECT Disk, PVPB Vpb, void *Context, PDEVICE_OBJECT *VolumeDevice)
{
    const FSX_MOUNT_PARAMETERS *Parameters = Context;

    return FsxMountVolume(Disk, Parameters->Personality, Parameters->Store, VolumeDevice);
}

FSX_STORE *FsxVolumeStore(PDEVICE_OBJECT VolumeDevice)
{
    return ((FSX_VOLUME *)VolumeDevice->DeviceExtension)->Store;
}

/* Nothing refers to the volume any more. */
static void TearDown(FSX_VOLUME *Volume)
{
    KexLockAcquire(&VolumesLock);
    RemoveEntryList(&Volume->Links);
    KexLockRelease(&VolumesLock);
    FsRtlNotifyUninitializeSync(&Volume->NotifySync);
    FsxFreeVolumeFcb(Volume);
    ExDeleteResourceLite(&Volume->Resource);
    IoDeleteDevice(Volume->Device);
}

/*
 * Volumes dismounted with files still open went on until now. One whose files were never closed
 * stays for the report.
 */
void FsxEnd(void)
{
    while (!IsListEmpty(&Volumes)) {
        FSX_VOLUME *Volume = CONTAINING_RECORD(Volumes.Flink, FSX_VOLUME, Links);

        if (Volume->OpenFiles)
            RemoveHeadList(&Volumes);
        else
            TearDown(Volume);
    }
    if (NtfsDriver)
        IoxDeleteDriver(NtfsDriver);
    NtfsDriver = NULL;
}

NTSTATUS FsxDismountVolume(PDEVICE_OBJECT VolumeDevice, bool Force)
{
    FSX_VOLUME *Volume = VolumeDevice->DeviceExtension;
    NTSTATUS Status;
    LONG Open;

    /* A lazy write under way or a deferred close may hold the last file objects for a moment: look
     * once more behind them before calling anything open. */
    for (int Round = 0;; Round++) {
        Status = CcxFlushAll(Volume->Disk);
        KexLockAcquire(&Volume->TableLock);
        Open = Volume->OpenFiles;
        KexLockRelease(&Volume->TableLock);
        if (!Open || Round == 2)
            break;
        CcWaitForCurrentLazyWriterActivity();
        ObxDrainDeferred();
    }
    if (Open && !Force)
        return STATUS_ACCESS_DENIED;
    if (!Volume->Store->Geometry.ReadOnly) {
        FsxStoreWriteMetadata(Volume->Store, 0);
        FsxStoreSync(Volume->Store);
    }
    Volume->Dismounted = true;
    Volume->Vpb->Flags &= (USHORT)~VPB_MOUNTED;
    if (Open)
        return Status; /* the device stays: their last requests are for it */
    Volume->Vpb->DeviceObject = NULL;
    TearDown(Volume);
    return Status;
}

void FsxForEachOpen(PDEVICE_OBJECT VolumeDevice,
                    void (*fn)(PCUNICODE_STRING Path, ULONG Handles, ULONG References,
                               void *Context),
                    void *Context)
{
    FSX_VOLUME *Volume = VolumeDevice->DeviceExtension;
    FSX_FCB *Found;

    /* fn is called without the lock, so one stream is looked up per round. */
    for (ULONG Index = 0;; Index++) {
        WCHAR Text[512];
        UNICODE_STRING Path = {0, sizeof Text, Text};
        ULONG At = 0, Length = 0;

        Found = NULL;
        KexLockAcquire(&Volume->TableLock);
        for (PLIST_ENTRY f = Volume->Files.Flink; !Found && f != &Volume->Files; f = f->Flink) {
            FSX_FILE *File = CONTAINING_RECORD(f, FSX_FILE, Links);

            for (PLIST_ENTRY e = File->Fcbs.Flink; !Found && e != &File->Fcbs; e = e->Flink) {
                if (At++ == Index)
                    Found = CONTAINING_RECORD(e, FSX_FCB, Links);
            }
        }
        if (Found)
            Found->References++;
        KexLockRelease(&Volume->TableLock);
        if (!Found)
            return;
        FsxBuildPath(Volume, Found, NULL, Text, RTL_NUMBER_OF(Text), &Length);
        Path.Length =
            (USHORT)((Length < RTL_NUMBER_OF(Text) ? Length : RTL_NUMBER_OF(Text)) * sizeof(WCHAR));
        fn(&Path, Found->Handles, (ULONG)Found->References - 1, Context);
        FsxDereferenceFcb(Found);
    }
}

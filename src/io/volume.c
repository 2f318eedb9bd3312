/* SPDX-License-Identifier: MIT */
/*
 * Volumes: the storage device that carries \Device\HarddiskVolumeN, its VPB, its drive letter and
 * GUID name, mounting, and the registration of file systems.
 */
#include "io/iop.h"
#include "io/reparse.h"

#include <ntdddisk.h>
#include <stdio.h>

/* The mount manager's question for a volume's device name (mountmgr.h: MOUNTDEV_NAME, 'M' function
 * 2). */
typedef struct _DEVICE_NAME {
    USHORT NameLength;
    WCHAR Name[1];
} DEVICE_NAME;
#define QUERY_DEVICE_NAME CTL_CODE('M', 2, METHOD_BUFFERED, FILE_ANY_ACCESS)

IOX_VOLUME_HOOKS IoxVolumeHooks;

static IOX_VOLUME *Volumes; /* guarded by IopDatabaseLock, oldest first */
static PDRIVER_OBJECT VolumeDriver;

/* ---- the storage device ---------------------------------------------------------------------- */

static NTSTATUS Answer(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI OpenClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return Answer(Irp, STATUS_SUCCESS, 0);
}

/* Answers of the mount manager's interface that file systems and filters ask the disk below a
 * volume for. */
static NTSTATUS NTAPI DiskControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG Room = Stack->Parameters.DeviceIoControl.OutputBufferLength;
    IOX_VOLUME *Volume = IoxVolumeOfDevice(DeviceObject);
    DEVICE_NAME *Name = Irp->AssociatedIrp.SystemBuffer;
    ULONG Needed;

    if (Volume && Stack->Parameters.DeviceIoControl.IoControlCode == IOCTL_DISK_IS_WRITABLE)
        return Answer(Irp, STATUS_SUCCESS, 0);
    if (!Volume || Stack->Parameters.DeviceIoControl.IoControlCode != QUERY_DEVICE_NAME)
        return Answer(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    if (Room < sizeof(DEVICE_NAME))
        return Answer(Irp, STATUS_INVALID_PARAMETER, 0);
    Name->NameLength = Volume->DeviceName.Length;
    Needed = FIELD_OFFSET(DEVICE_NAME, Name) + Volume->DeviceName.Length;
    if (Room < Needed)
        return Answer(Irp, STATUS_BUFFER_OVERFLOW, sizeof(DEVICE_NAME));
    memcpy(Name->Name, Volume->DeviceName.Buffer, Volume->DeviceName.Length);
    return Answer(Irp, STATUS_SUCCESS, Needed);
}

static NTSTATUS NTAPI VolumeDriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    Driver->MajorFunction[IRP_MJ_CREATE] = OpenClose;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = OpenClose;
    Driver->MajorFunction[IRP_MJ_CLOSE] = OpenClose;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DiskControl;
    return STATUS_SUCCESS;
}

NTSTATUS IopStartVolumes(void)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Driver\\volmgr");

    return IoxCreateDriver(&Name, VolumeDriverEntry, &VolumeDriver);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void SetText(PUNICODE_STRING Name, WCHAR *Buffer, const char *Text)
{
    size_t n = strlen(Text);

    for (size_t i = 0; i <= n; i++)
        Buffer[i] = (UCHAR)Text[i];
    RtlInitUnicodeString(Name, Buffer);
}

static void MakeNames(IOX_VOLUME *Volume)
{
    char Text[64];
    GUID *g = &Volume->Guid;

    snprintf(Text, sizeof Text, "\\Device\\HarddiskVolume%u", Volume->Number);
    SetText(&Volume->DeviceName, Volume->NameBuffer, Text);
    /* From the number and the serial: the same machine has the same names in every run. */
    *g = (GUID){0x6f706e66u ^ Volume->Spec.SerialNumber,
                (USHORT)Volume->Number,
                0x4c54,
                {0x80, 0, 'o', 'p', 'e', 'n', 'f', 'l'}};
    snprintf(Text, sizeof Text, "\\??\\Volume{%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}",
             g->Data1, g->Data2, g->Data3, g->Data4[0], g->Data4[1], g->Data4[2], g->Data4[3],
             g->Data4[4], g->Data4[5], g->Data4[6], g->Data4[7]);
    SetText(&Volume->GuidName, Volume->GuidBuffer, Text);
}

/* First free letter from C on; 0 when the alphabet is used up. Called with the lock held. */
static WCHAR FreeLetter(void)
{
    for (WCHAR Letter = L'C'; Letter <= L'Z'; Letter++) {
        IOX_VOLUME *Volume;

        for (Volume = Volumes; Volume && Volume->DosBuffer[0] != Letter; Volume = Volume->Next)
            ;
        if (!Volume)
            return Letter;
    }
    return 0;
}

static void Register(IOX_VOLUME *Volume)
{
    IOX_VOLUME **Link;
    ULONG Number = 1;
    WCHAR Letter;

    KexLockAcquire(&IopDatabaseLock);
    for (Link = &Volumes; *Link; Link = &(*Link)->Next)
        if ((*Link)->Number >= Number)
            Number = (*Link)->Number + 1;
    Letter = Volume->Spec.Letter ? Volume->Spec.Letter : FreeLetter();
    Volume->Number = Number;
    if (Letter) {
        Volume->DosBuffer[0] = Letter;
        Volume->DosBuffer[1] = L':';
        Volume->DosName = (UNICODE_STRING){4, 6, Volume->DosBuffer};
    }
    *Link = Volume;
    KexLockRelease(&IopDatabaseLock);
}

static void Unregister(IOX_VOLUME *Volume)
{
    IOX_VOLUME **Link;

    KexLockAcquire(&IopDatabaseLock);
    for (Link = &Volumes; *Link && *Link != Volume; Link = &(*Link)->Next)
        ;
    if (*Link)
        *Link = Volume->Next;
    KexLockRelease(&IopDatabaseLock);
}

static NTSTATUS AddLinks(IOX_VOLUME *Volume)
{
    UNICODE_STRING Dos;
    WCHAR Buffer[8];
    char Text[8];
    NTSTATUS Status;

    Status = IoCreateSymbolicLink(&Volume->GuidName, &Volume->DeviceName);
    if (!NT_SUCCESS(Status) || !Volume->DosName.Length)
        return Status;
    snprintf(Text, sizeof Text, "\\??\\%c:", (char)Volume->DosBuffer[0]);
    SetText(&Dos, Buffer, Text);
    return IoCreateSymbolicLink(&Dos, &Volume->DeviceName);
}

static void RemoveLinks(IOX_VOLUME *Volume)
{
    UNICODE_STRING Dos;
    WCHAR Buffer[8];
    char Text[8];

    IoDeleteSymbolicLink(&Volume->GuidName);
    if (!Volume->DosName.Length)
        return;
    snprintf(Text, sizeof Text, "\\??\\%c:", (char)Volume->DosBuffer[0]);
    SetText(&Dos, Buffer, Text);
    IoDeleteSymbolicLink(&Dos);
}

/* ---- mounting -------------------------------------------------------------------------------- */

/*
 * What a file system has to leave behind: the VPB points to its volume device and that device back
 * to the disk. Set here when the mount routine only returned its device.
 */
static void FinishMount(IOX_VOLUME *Volume, PDEVICE_OBJECT FileSystem)
{
    PVPB Vpb = Volume->Disk->Vpb;

    KexLockAcquire(&IopDatabaseLock);
    Vpb->DeviceObject = FileSystem;
    Vpb->Flags |= VPB_MOUNTED;
    if (!Vpb->SerialNumber)
        Vpb->SerialNumber = Volume->Spec.SerialNumber;
    FileSystem->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    if (FileSystem->StackSize <= Volume->Disk->StackSize)
        FileSystem->StackSize = Volume->Disk->StackSize + 1;
    if (!FileSystem->SectorSize)
        FileSystem->SectorSize = Volume->Disk->SectorSize;
    IopDeviceExtension(FileSystem)->Volume = Volume;
    Volume->FileSystem = FileSystem;
    KexLockRelease(&IopDatabaseLock);
}

static NTSTATUS MountOne(IOX_VOLUME *Volume)
{
    PDEVICE_OBJECT FileSystem = NULL;
    NTSTATUS Status;

    Status = Volume->Spec.Mount(Volume->Disk, Volume->Disk->Vpb, Volume->Spec.Context, &FileSystem);
    if (!NT_SUCCESS(Status))
        return Status;
    FinishMount(Volume, FileSystem);
    if (IoxVolumeHooks.Mounted)
        IoxVolumeHooks.Mounted(Volume);
    return STATUS_SUCCESS;
}

NTSTATUS IopMountVolume(PDEVICE_OBJECT Device)
{
    IOX_VOLUME *Volume = IoxVolumeOfDevice(Device);

    /* A volume that was dismounted stays so until somebody mounts it again by name. */
    return Volume && Volume->Spec.Mount && !Volume->FileSystem ? STATUS_VOLUME_DISMOUNTED
                                                               : STATUS_UNRECOGNIZED_VOLUME;
}

NTSTATUS IoxCreateVolume(const IOX_VOLUME_SPEC *Spec, IOX_VOLUME **Out)
{
    IOX_VOLUME *Volume = calloc(1, sizeof *Volume);
    NTSTATUS Status;

    *Out = NULL;
    if (!Volume)
        return STATUS_INSUFFICIENT_RESOURCES;
    Volume->Spec = *Spec;
    Register(Volume);
    MakeNames(Volume);
    Status = IoCreateDevice(VolumeDriver, 0, &Volume->DeviceName, FILE_DEVICE_DISK, 0, FALSE,
                            &Volume->Disk);
    if (!NT_SUCCESS(Status))
        goto Unregister;
    if (Spec->SectorSize)
        Volume->Disk->SectorSize = Spec->SectorSize;
    Volume->Disk->Flags = (Volume->Disk->Flags & ~(ULONG)DO_DEVICE_INITIALIZING) | DO_DIRECT_IO;
    IopDeviceExtension(Volume->Disk)->Volume = Volume;
    Status = AddLinks(Volume);
    if (NT_SUCCESS(Status) && Spec->Mount)
        Status = MountOne(Volume);
    if (!NT_SUCCESS(Status))
        goto Delete;
    *Out = Volume;
    return STATUS_SUCCESS;
Delete:
    RemoveLinks(Volume);
    IoDeleteDevice(Volume->Disk);
Unregister:
    Unregister(Volume);
    free(Volume);
    return Status;
}

NTSTATUS IoxDismountVolume(IOX_VOLUME *Volume)
{
    if (!Volume->FileSystem)
        return STATUS_VOLUME_DISMOUNTED;
    if (IoxVolumeHooks.Dismounting)
        IoxVolumeHooks.Dismounting(Volume);
    KexLockAcquire(&IopDatabaseLock);
    Volume->Disk->Vpb->Flags &= ~VPB_MOUNTED;
    Volume->Disk->Vpb->DeviceObject = NULL;
    IopDeviceExtension(Volume->FileSystem)->Volume = NULL;
    Volume->FileSystem = NULL;
    KexLockRelease(&IopDatabaseLock);
    return STATUS_SUCCESS;
}

void IoxDeleteVolume(IOX_VOLUME *Volume)
{
    if (Volume->FileSystem)
        IoxDismountVolume(Volume);
    RemoveLinks(Volume);
    IopDeviceExtension(Volume->Disk)->Volume = NULL;
    IoDeleteDevice(Volume->Disk);
    Unregister(Volume);
    free(Volume);
}

void IoxForEachVolume(void (*fn)(IOX_VOLUME *Volume, void *Context), void *Context)
{
    /* Volumes are made and deleted by the machine's thread, which is also the one that walks them.
     */
    for (IOX_VOLUME *Volume = Volumes, *Next; Volume; Volume = Next) {
        Next = Volume->Next;
        fn(Volume, Context);
    }
}

IOX_VOLUME *IoxVolumeOfDevice(PDEVICE_OBJECT Device)
{
    IOX_VOLUME *Volume = NULL;

    KexLockAcquire(&IopDatabaseLock);
    for (; Device && !Volume; Device = IoxLowerDevice(Device))
        Volume = IopDeviceExtension(Device)->Volume;
    KexLockRelease(&IopDatabaseLock);
    return Volume;
}

/* ---- VPB lock -------------------------------------------------------------------------------- */

static KSPIN_LOCK VpbLock;

/* Guards VPB.Flags and VPB.DeviceObject against mounts and dismounts
 * (nf-ntifs-ioacquirevpbspinlock). */
VOID NTAPI IoAcquireVpbSpinLock(PKIRQL Irql)
{
    KeAcquireSpinLock(&VpbLock, Irql);
}

VOID NTAPI IoReleaseVpbSpinLock(KIRQL Irql)
{
    KeReleaseSpinLock(&VpbLock, Irql);
}

/* SPDX-License-Identifier: MIT */
/* Volumes: finding them and what they are called. */
#include "fltx.h"
#include "io/io.h"

#include <ntdddisk.h>

void FltxFreeVolume(PFLT_VOLUME Volume)
{
    FltxFreeChains(Volume);
    FltxFreeString(&Volume->Name);
    FltxFreeString(&Volume->GuidName);
    ExFreePoolWithTag(Volume, FLTX_TAG);
}

static BOOLEAN OnStack(PFLT_VOLUME Volume, PDEVICE_OBJECT Device)
{
    PDEVICE_OBJECT At;

    if (Device == Volume->Device)
        return TRUE;
    for (At = Volume->FileSystemDevice; At; At = At->AttachedDevice)
        if (At == Device)
            return TRUE;
    return FALSE;
}

PFLT_VOLUME FltxVolumeOfDevice(PDEVICE_OBJECT Device)
{
    PFLT_VOLUME Found = NULL;
    PLIST_ENTRY Link;

    KexLockAcquire(&FltxLock);
    for (Link = FltxVolumes.Flink; Link != &FltxVolumes && !Found; Link = Link->Flink) {
        PFLT_VOLUME Volume = CONTAINING_RECORD(Link, struct _FLT_VOLUME, Link);

        if (OnStack(Volume, Device))
            Found = Volume;
    }
    if (Found)
        FltxHold(&Found->Object);
    KexLockRelease(&FltxLock);
    return Found;
}

/* The volume a file is on: by the storage device its VPB or the file object names, else by its own
 * device. */
PFLT_VOLUME FltxVolumeOfFile(PFILE_OBJECT FileObject)
{
    PDEVICE_OBJECT Real = FileObject->Vpb ? FileObject->Vpb->RealDevice : FileObject->DeviceObject;
    PFLT_VOLUME Found = NULL;
    PLIST_ENTRY Link;

    KexLockAcquire(&FltxLock);
    for (Link = FltxVolumes.Flink; Link != &FltxVolumes && !Found; Link = Link->Flink) {
        PFLT_VOLUME Volume = CONTAINING_RECORD(Link, struct _FLT_VOLUME, Link);

        if (Volume->RealDevice == Real ||
            (FileObject->DeviceObject && OnStack(Volume, FileObject->DeviceObject)))
            Found = Volume;
    }
    if (Found)
        FltxHold(&Found->Object);
    KexLockRelease(&FltxLock);
    return Found;
}

/* From held to pinned, as the documented routines hand volumes out. */
static NTSTATUS PinHeld(PFLT_VOLUME Volume, PFLT_VOLUME *RetVolume, NTSTATUS NotFound)
{
    NTSTATUS Status = STATUS_SUCCESS;

    if (!Volume)
        return NotFound;
    if (FltxPin(&Volume->Object))
        *RetVolume = Volume;
    else
        Status = STATUS_FLT_DELETING_OBJECT;
    FltxDrop(&Volume->Object);
    return Status;
}

static BOOLEAN SameName(PCUNICODE_STRING Volume, PCUNICODE_STRING Asked)
{
    UNICODE_STRING a = *Asked;

    if (a.Length >= sizeof(WCHAR) && a.Buffer[a.Length / sizeof(WCHAR) - 1] == L'\\')
        a.Length -= sizeof(WCHAR);
    return RtlEqualUnicodeString(Volume, &a, TRUE);
}

static PFLT_VOLUME FindByIoName(PCUNICODE_STRING Name)
{
    PFLT_VOLUME Found = NULL;
    PLIST_ENTRY Link;

    KexLockAcquire(&FltxLock);
    for (Link = FltxVolumes.Flink; Link != &FltxVolumes && !Found; Link = Link->Flink) {
        PFLT_VOLUME Volume = CONTAINING_RECORD(Link, struct _FLT_VOLUME, Link);

        if (SameName(&Volume->Name, Name) || SameName(&Volume->GuidName, Name))
            Found = Volume;
    }
    if (Found)
        FltxHold(&Found->Object);
    KexLockRelease(&FltxLock);
    return Found;
}

typedef struct _BY_DOS {
    UNICODE_STRING Name;
    PDEVICE_OBJECT FileSystem;
} BY_DOS;

static void MatchDos(IOX_VOLUME *Of, void *Context)
{
    BY_DOS *b = Context;

    if (Of->FileSystem && SameName(&Of->DosName, &b->Name))
        b->FileSystem = Of->FileSystem;
}

/* "C:", "\??\C:", "\DosDevices\C:" */
static PFLT_VOLUME FindByDosName(PCUNICODE_STRING Name)
{
    static const UNICODE_STRING Prefix[] = {RTL_CONSTANT_STRING(L"\\??\\"),
                                            RTL_CONSTANT_STRING(L"\\DosDevices\\")};
    BY_DOS b = {.Name = *Name};

    for (ULONG i = 0; i < ARRAYSIZE(Prefix); i++) {
        if (RtlPrefixUnicodeString(&Prefix[i], Name, TRUE)) {
            b.Name.Buffer += Prefix[i].Length / sizeof(WCHAR);
            b.Name.Length = (USHORT)(b.Name.Length - Prefix[i].Length);
        }
    }
    IoxForEachVolume(MatchDos, &b);
    return b.FileSystem ? FltxVolumeOfDevice(b.FileSystem) : NULL;
}

/*
 * Finds a volume by device name, GUID name or drive letter. IRQL: PASSIVE_LEVEL. *RetVolume carries
 * a rundown reference. STATUS_INVALID_PARAMETER for no name, STATUS_FLT_VOLUME_NOT_FOUND
 * (nf-fltkernel-fltgetvolumefromname).
 */
NTSTATUS NTAPI FltGetVolumeFromName(PFLT_FILTER Filter, PCUNICODE_STRING VolumeName,
                                    PFLT_VOLUME *RetVolume)
{
    PFLT_VOLUME Volume;

    UNREFERENCED_PARAMETER(Filter);
    if (!VolumeName || !VolumeName->Length)
        return STATUS_INVALID_PARAMETER;
    Volume = FindByIoName(VolumeName);
    return PinHeld(Volume ? Volume : FindByDosName(VolumeName), RetVolume,
                   STATUS_FLT_VOLUME_NOT_FOUND);
}

/* The instance's volume with a rundown reference. IRQL: <= APC_LEVEL
 * (nf-fltkernel-fltgetvolumefrominstance). */
NTSTATUS NTAPI FltGetVolumeFromInstance(PFLT_INSTANCE Instance, PFLT_VOLUME *RetVolume)
{
    if (!FltxPin(&Instance->Volume->Object))
        return STATUS_FLT_DELETING_OBJECT;
    *RetVolume = Instance->Volume;
    return STATUS_SUCCESS;
}

/* The volume of an open file, with a rundown reference. IRQL: <= APC_LEVEL
 * (nf-fltkernel-fltgetvolumefromfileobject). */
NTSTATUS NTAPI FltGetVolumeFromFileObject(PFLT_FILTER Filter, PFILE_OBJECT FileObject,
                                          PFLT_VOLUME *RetVolume)
{
    UNREFERENCED_PARAMETER(Filter);
    return PinHeld(FltxVolumeOfFile(FileObject), RetVolume, STATUS_INVALID_PARAMETER);
}

/*
 * The volume of a filter's or the file system's volume device; a storage device is refused. IRQL:
 * <= APC_LEVEL. Rundown reference on *RetVolume (nf-fltkernel-fltgetvolumefromdeviceobject).
 */
NTSTATUS NTAPI FltGetVolumeFromDeviceObject(PFLT_FILTER Filter, PDEVICE_OBJECT DeviceObject,
                                            PFLT_VOLUME *RetVolume)
{
    UNREFERENCED_PARAMETER(Filter);
    return PinHeld(FltxVolumeOfDevice(DeviceObject), RetVolume, STATUS_INVALID_PARAMETER);
}

static NTSTATUS GiveName(PCUNICODE_STRING Name, PUNICODE_STRING Out, PULONG BufferSizeNeeded)
{
    if (!Out && !BufferSizeNeeded)
        return STATUS_INVALID_PARAMETER;
    if (BufferSizeNeeded)
        *BufferSizeNeeded = Name->Length;
    if (!Out || Out->MaximumLength < Name->Length)
        return STATUS_BUFFER_TOO_SMALL;
    RtlCopyMemory(Out->Buffer, Name->Buffer, Name->Length);
    Out->Length = Name->Length;
    return STATUS_SUCCESS;
}

/*
 * "\Device\HarddiskVolume1". IRQL: <= APC_LEVEL. BufferSizeNeeded gets the bytes of the name in
 * every case. STATUS_BUFFER_TOO_SMALL, STATUS_INVALID_PARAMETER when both are NULL
 * (nf-fltkernel-fltgetvolumename).
 */
NTSTATUS NTAPI FltGetVolumeName(PFLT_VOLUME Volume, PUNICODE_STRING VolumeName,
                                PULONG BufferSizeNeeded)
{
    return GiveName(&Volume->Name, VolumeName, BufferSizeNeeded);
}

/* "\??\Volume{GUID}". IRQL: PASSIVE_LEVEL. Statuses as FltGetVolumeName
 * (nf-fltkernel-fltgetvolumeguidname). */
NTSTATUS NTAPI FltGetVolumeGuidName(PFLT_VOLUME Volume, PUNICODE_STRING VolumeGuidName,
                                    PULONG BufferSizeNeeded)
{
    if (!Volume->GuidName.Length)
        return STATUS_FLT_VOLUME_NOT_FOUND;
    return GiveName(&Volume->GuidName, VolumeGuidName, BufferSizeNeeded);
}

/*
 * FltMgr's device for the volume, referenced (ObDereferenceObject). IRQL: <= DISPATCH_LEVEL
 * (nf-fltkernel-fltgetdeviceobject).
 */
NTSTATUS NTAPI FltGetDeviceObject(PFLT_VOLUME Volume, PDEVICE_OBJECT *DeviceObject)
{
    if (!Volume->Device)
        return STATUS_FLT_NO_DEVICE_OBJECT;
    ObReferenceObject(Volume->Device);
    *DeviceObject = Volume->Device;
    return STATUS_SUCCESS;
}

/* The storage device below the file system, referenced. IRQL: <= DISPATCH_LEVEL
 * (nf-fltkernel-fltgetdiskdeviceobject). */
NTSTATUS NTAPI FltGetDiskDeviceObject(PFLT_VOLUME Volume, PDEVICE_OBJECT *DiskDeviceObject)
{
    if (!Volume->RealDevice)
        return STATUS_FLT_NO_DEVICE_OBJECT;
    ObReferenceObject(Volume->RealDevice);
    *DiskDeviceObject = Volume->RealDevice;
    return STATUS_SUCCESS;
}

/* TRUE for a device FltMgr put on a volume's stack. IRQL: <= APC_LEVEL
 * (nf-fltkernel-fltisfltmgrvolumedeviceobject). */
BOOLEAN NTAPI FltIsFltMgrVolumeDeviceObject(PDEVICE_OBJECT DeviceObject)
{
    return DeviceObject->DriverObject == FltxDriver;
}

static PFLT_VOLUME VolumeOfObject(PVOID FltObject)
{
    FLTX_OBJECT *Object = FltxCheckObject(FltObject);

    if (Object && Object->Kind == FLTX_VOLUME)
        return FltObject;
    if (Object && Object->Kind == FLTX_INSTANCE)
        return ((PFLT_INSTANCE)FltObject)->Volume;
    return NULL;
}

/*
 * Type of the file system of a volume or instance. IRQL: <= APC_LEVEL. STATUS_INVALID_PARAMETER and
 * FLT_FSTYPE_UNKNOWN for another object (nf-fltkernel-fltgetfilesystemtype).
 */
NTSTATUS NTAPI FltGetFileSystemType(PVOID FltObject, PFLT_FILESYSTEM_TYPE FileSystemType)
{
    PFLT_VOLUME Volume = VolumeOfObject(FltObject);

    *FileSystemType = Volume ? Volume->Type : FLT_FSTYPE_UNKNOWN;
    return Volume ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/*
 * Asks the storage device (IOCTL_DISK_IS_WRITABLE). IRQL: PASSIVE_LEVEL. A device that does not
 * know the request gives STATUS_INVALID_DEVICE_REQUEST (nf-fltkernel-fltisvolumewritable).
 */
NTSTATUS NTAPI FltIsVolumeWritable(PVOID FltObject, PBOOLEAN IsWritable)
{
    PFLT_VOLUME Volume = VolumeOfObject(FltObject);
    IO_STATUS_BLOCK Iosb;
    NTSTATUS Status;
    KEVENT Event;
    PIRP Irp;

    if (!Volume)
        return STATUS_INVALID_PARAMETER;
    *IsWritable = FALSE;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Irp = IoBuildDeviceIoControlRequest(IOCTL_DISK_IS_WRITABLE, Volume->RealDevice, NULL, 0, NULL,
                                        0, FALSE, &Event, &Iosb);
    if (!Irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = IoCallDriver(Volume->RealDevice, Irp);
    if (Status == STATUS_PENDING) {
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
        Status = Iosb.Status;
    }
    if (Status == STATUS_MEDIA_WRITE_PROTECTED)
        return STATUS_SUCCESS;
    *IsWritable = NT_SUCCESS(Status);
    return Status;
}

/* No volume of openflt is a shadow copy. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltisvolumesnapshot). */
NTSTATUS NTAPI FltIsVolumeSnapshot(PVOID FltObject, PBOOLEAN IsSnapshotVolume)
{
    *IsSnapshotVolume = FALSE;
    return VolumeOfObject(FltObject) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* Where the names of FLT_VOLUME_PROPERTIES go: behind the structure, one after the other. */
static void PlaceName(PUNICODE_STRING To, PUCHAR *At, PCUNICODE_STRING Name)
{
    To->Buffer = (PWCH)*At;
    To->Length = To->MaximumLength = Name->Length;
    RtlCopyMemory(*At, Name->Buffer, Name->Length);
    *At += Name->Length;
}

/*
 * Properties and the three names. IRQL: <= APC_LEVEL. STATUS_BUFFER_TOO_SMALL without room for the
 * fixed part, STATUS_BUFFER_OVERFLOW with room for that only; LengthReturned is then what is needed
 * (nf-fltkernel-fltgetvolumeproperties).
 */
NTSTATUS NTAPI FltGetVolumeProperties(PFLT_VOLUME Volume, PFLT_VOLUME_PROPERTIES VolumeProperties,
                                      ULONG VolumePropertiesLength, PULONG LengthReturned)
{
    PDEVICE_OBJECT Device = Volume->FileSystemDevice, Disk = Volume->RealDevice;
    UNICODE_STRING Driver = Device->DriverObject->DriverName;
    ULONG Needed =
        (ULONG)sizeof(*VolumeProperties) + Driver.Length + Driver.Length + Volume->Name.Length;
    PUCHAR At = (PUCHAR)(VolumeProperties + 1);

    *LengthReturned = Needed;
    if (!VolumeProperties || VolumePropertiesLength < sizeof(*VolumeProperties))
        return STATUS_BUFFER_TOO_SMALL;
    RtlZeroMemory(VolumeProperties, sizeof(*VolumeProperties));
    VolumeProperties->DeviceType = Device->DeviceType;
    VolumeProperties->DeviceCharacteristics = Device->Characteristics;
    VolumeProperties->DeviceObjectFlags = Device->Flags;
    VolumeProperties->AlignmentRequirement = Disk->AlignmentRequirement;
    VolumeProperties->SectorSize = Disk->SectorSize ? Disk->SectorSize : Device->SectorSize;
    if (VolumePropertiesLength < Needed)
        return STATUS_BUFFER_OVERFLOW;
    PlaceName(&VolumeProperties->FileSystemDriverName, &At, &Driver);
    PlaceName(&VolumeProperties->FileSystemDeviceName, &At, &Driver);
    PlaceName(&VolumeProperties->RealDeviceName, &At, &Volume->Name);
    return STATUS_SUCCESS;
}

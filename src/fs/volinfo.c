/* SPDX-License-Identifier: MIT */
/* volinfo.c - IRP_MJ_QUERY_VOLUME_INFORMATION and IRP_MJ_SET_VOLUME_INFORMATION. */
#include "fs/fsp.h"

#include <string.h>

/* Fills a fixed head and as much of a name as fits; both sizes in bytes. */
static NTSTATUS PutTail(PUCHAR Buffer, ULONG Room, ULONG Head, const void *Tail, ULONG TailBytes,
                        PULONG_PTR Used)
{
    ULONG Fits = Room - Head < TailBytes ? Room - Head : TailBytes;

    memcpy(Buffer + Head, Tail, Fits);
    *Used = Head + Fits;
    return Fits < TailBytes ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

static NTSTATUS Volume(FSX_IRP *x, PUCHAR Buffer, ULONG Room)
{
    ULONG Head = FIELD_OFFSET(FILE_FS_VOLUME_INFORMATION, VolumeLabel);
    FILE_FS_VOLUME_INFORMATION *Info = (FILE_FS_VOLUME_INFORMATION *)Buffer;
    const FSX_GEOMETRY *g = &x->Volume->Store->Geometry;

    if (Room < Head)
        return STATUS_INFO_LENGTH_MISMATCH;
    Info->VolumeCreationTime.QuadPart = g->CreationTime;
    Info->VolumeSerialNumber = g->Serial;
    Info->SupportsObjects = x->Volume->Personality->ObjectIds;
    Info->VolumeLabelLength = g->LabelLength * (ULONG)sizeof(WCHAR);
    return PutTail(Buffer, Room, Head, g->Label, Info->VolumeLabelLength, &x->Information);
}

static NTSTATUS Attribute(FSX_IRP *x, PUCHAR Buffer, ULONG Room)
{
    ULONG Head = FIELD_OFFSET(FILE_FS_ATTRIBUTE_INFORMATION, FileSystemName);
    FILE_FS_ATTRIBUTE_INFORMATION *Info = (FILE_FS_ATTRIBUTE_INFORMATION *)Buffer;
    const FSX_PERSONALITY *p = x->Volume->Personality;
    UNICODE_STRING Name;

    if (Room < Head)
        return STATUS_INFO_LENGTH_MISMATCH;
    RtlInitUnicodeString(&Name, p->FileSystemName);
    Info->FileSystemAttributes =
        p->Attributes | (x->Volume->Store->Geometry.ReadOnly ? FILE_READ_ONLY_VOLUME : 0);
    Info->MaximumComponentNameLength = (LONG)p->MaxComponent;
    Info->FileSystemNameLength = Name.Length;
    return PutTail(Buffer, Room, Head, Name.Buffer, Name.Length, &x->Information);
}

static NTSTATUS Size(FSX_IRP *x, PUCHAR Buffer, ULONG Room)
{
    FILE_FS_SIZE_INFORMATION *Info = (FILE_FS_SIZE_INFORMATION *)Buffer;
    FSX_STORE *Store = x->Volume->Store;

    if (Room < sizeof *Info)
        return STATUS_INFO_LENGTH_MISMATCH;
    Info->TotalAllocationUnits.QuadPart =
        (LONGLONG)(Store->Geometry.TotalBytes / Store->Geometry.ClusterSize);
    Info->AvailableAllocationUnits.QuadPart =
        (LONGLONG)(Store->Ops->FreeBytes(Store) / Store->Geometry.ClusterSize);
    Info->SectorsPerAllocationUnit = Store->Geometry.ClusterSize / Store->Geometry.SectorSize;
    Info->BytesPerSector = Store->Geometry.SectorSize;
    x->Information = sizeof *Info;
    return STATUS_SUCCESS;
}

static NTSTATUS FullSize(FSX_IRP *x, PUCHAR Buffer, ULONG Room)
{
    FILE_FS_FULL_SIZE_INFORMATION *Info = (FILE_FS_FULL_SIZE_INFORMATION *)Buffer;
    FSX_STORE *Store = x->Volume->Store;

    if (Room < sizeof *Info)
        return STATUS_INFO_LENGTH_MISMATCH;
    Info->TotalAllocationUnits.QuadPart =
        (LONGLONG)(Store->Geometry.TotalBytes / Store->Geometry.ClusterSize);
    Info->ActualAvailableAllocationUnits.QuadPart =
        (LONGLONG)(Store->Ops->FreeBytes(Store) / Store->Geometry.ClusterSize);
    Info->CallerAvailableAllocationUnits = Info->ActualAvailableAllocationUnits;
    Info->SectorsPerAllocationUnit = Store->Geometry.ClusterSize / Store->Geometry.SectorSize;
    Info->BytesPerSector = Store->Geometry.SectorSize;
    x->Information = sizeof *Info;
    return STATUS_SUCCESS;
}

static NTSTATUS Device(FSX_IRP *x, PUCHAR Buffer, ULONG Room)
{
    FILE_FS_DEVICE_INFORMATION *Info = (FILE_FS_DEVICE_INFORMATION *)Buffer;

    if (Room < sizeof *Info)
        return STATUS_INFO_LENGTH_MISMATCH;
    Info->DeviceType = FILE_DEVICE_DISK;
    Info->Characteristics = x->Volume->Disk->Characteristics | FILE_DEVICE_IS_MOUNTED |
                            (x->Volume->Store->Geometry.ReadOnly ? FILE_READ_ONLY_DEVICE : 0);
    x->Information = sizeof *Info;
    return STATUS_SUCCESS;
}

static NTSTATUS Sector(FSX_IRP *x, PUCHAR Buffer, ULONG Room)
{
    FILE_FS_SECTOR_SIZE_INFORMATION *Info = (FILE_FS_SECTOR_SIZE_INFORMATION *)Buffer;
    ULONG Bytes = x->Volume->Store->Geometry.SectorSize;

    if (Room < sizeof *Info)
        return STATUS_INFO_LENGTH_MISMATCH;
    memset(Info, 0, sizeof *Info);
    Info->LogicalBytesPerSector = Bytes;
    Info->PhysicalBytesPerSectorForAtomicity = Bytes;
    Info->PhysicalBytesPerSectorForPerformance = x->Volume->Store->Geometry.ClusterSize;
    Info->FileSystemEffectivePhysicalBytesPerSectorForAtomicity = Bytes;
    Info->Flags = SSINFO_FLAGS_ALIGNED_DEVICE | SSINFO_FLAGS_PARTITION_ALIGNED_ON_DEVICE;
    x->Information = sizeof *Info;
    return STATUS_SUCCESS;
}

static NTSTATUS ObjectId(FSX_IRP *x, PUCHAR Buffer, ULONG Room)
{
    FILE_FS_OBJECTID_INFORMATION *Info = (FILE_FS_OBJECTID_INFORMATION *)Buffer;
    NTSTATUS Status;
    ULONG Got;

    if (!x->Volume->Personality->ObjectIds)
        return STATUS_INVALID_PARAMETER;
    if (Room < sizeof *Info)
        return STATUS_INFO_LENGTH_MISMATCH;
    memset(Info, 0, sizeof *Info);
    Status = x->Volume->Store->Ops->GetBlob(x->Volume->Store, FSX_ROOT_ID, FSX_BLOB_OBJECT_ID, Info,
                                            sizeof *Info, &Got);
    if (!NT_SUCCESS(Status))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    x->Information = sizeof *Info;
    return STATUS_SUCCESS;
}

NTSTATUS FsxQueryVolume(FSX_IRP *x)
{
    PUCHAR Buffer = x->Irp->AssociatedIrp.SystemBuffer;
    ULONG Room = x->Stack->Parameters.QueryVolume.Length;

    switch (x->Stack->Parameters.QueryVolume.FsInformationClass) {
    case FileFsVolumeInformation:
        return Volume(x, Buffer, Room);
    case FileFsSizeInformation:
        return Size(x, Buffer, Room);
    case FileFsFullSizeInformation:
        return FullSize(x, Buffer, Room);
    case FileFsDeviceInformation:
        return Device(x, Buffer, Room);
    case FileFsAttributeInformation:
        return Attribute(x, Buffer, Room);
    case FileFsSectorSizeInformation:
        return Sector(x, Buffer, Room);
    case FileFsObjectIdInformation:
        return ObjectId(x, Buffer, Room);
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

static NTSTATUS SetLabel(FSX_IRP *x, const FILE_FS_LABEL_INFORMATION *Info, ULONG Length)
{
    ULONG Head = FIELD_OFFSET(FILE_FS_LABEL_INFORMATION, VolumeLabel);
    FSX_GEOMETRY *g = &x->Volume->Store->Geometry;

    if (Length < Head || Info->VolumeLabelLength > Length - Head)
        return STATUS_INVALID_PARAMETER;
    if (Info->VolumeLabelLength > sizeof g->Label || Info->VolumeLabelLength % sizeof(WCHAR))
        return STATUS_INVALID_VOLUME_LABEL;
    ExAcquireResourceExclusiveLite(&x->Volume->Resource, TRUE);
    memcpy(g->Label, Info->VolumeLabel, Info->VolumeLabelLength);
    g->LabelLength = (USHORT)(Info->VolumeLabelLength / sizeof(WCHAR));
    memcpy(x->Volume->Vpb->VolumeLabel, g->Label, Info->VolumeLabelLength);
    x->Volume->Vpb->VolumeLabelLength = (USHORT)Info->VolumeLabelLength;
    ExReleaseResourceLite(&x->Volume->Resource);
    return STATUS_SUCCESS;
}

static NTSTATUS SetObjectId(FSX_IRP *x, const FILE_FS_OBJECTID_INFORMATION *Info, ULONG Length)
{
    if (!x->Volume->Personality->ObjectIds || Length < sizeof *Info)
        return STATUS_INVALID_PARAMETER;
    return x->Volume->Store->Ops->SetBlob(x->Volume->Store, FSX_ROOT_ID, FSX_BLOB_OBJECT_ID, Info,
                                          sizeof *Info);
}

NTSTATUS FsxSetVolume(FSX_IRP *x)
{
    const void *Buffer = x->Irp->AssociatedIrp.SystemBuffer;
    ULONG Length = x->Stack->Parameters.SetVolume.Length;

    if (x->Volume->Store->Geometry.ReadOnly)
        return STATUS_MEDIA_WRITE_PROTECTED;
    switch (x->Stack->Parameters.SetVolume.FsInformationClass) {
    case FileFsLabelInformation:
        return SetLabel(x, Buffer, Length);
    case FileFsObjectIdInformation:
        return SetObjectId(x, Buffer, Length);
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

/* SPDX-License-Identifier: MIT */
/* Names of devices and volumes as drivers ask for them, and symbolic links between them. */
#include "io/iop.h"

/* A permanent link in the object name space (nf-wdm-iocreatesymboliclink). PASSIVE_LEVEL.
 * STATUS_OBJECT_NAME_COLLISION. */
NTSTATUS NTAPI IoCreateSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName)
{
    NTSTATUS Status;
    PVOID Link;

    Status = ObxCreateSymbolicLink(SymbolicLinkName, DeviceName, &Link);
    if (NT_SUCCESS(Status))
        OBX_HEADER_OF(Link)->Flags |= OBX_PERMANENT;
    return Status;
}

/* The same for links everybody may use (nf-wdm-iocreateunprotectedsymboliclink). */
NTSTATUS NTAPI IoCreateUnprotectedSymbolicLink(PUNICODE_STRING SymbolicLinkName,
                                               PUNICODE_STRING DeviceName)
{
    return IoCreateSymbolicLink(SymbolicLinkName, DeviceName);
}

/* STATUS_OBJECT_NAME_NOT_FOUND when there is no such link (nf-wdm-iodeletesymboliclink).
 * PASSIVE_LEVEL. */
NTSTATUS NTAPI IoDeleteSymbolicLink(PUNICODE_STRING SymbolicLinkName)
{
    OBX_OPEN Open = {.Attributes = OBJ_OPENLINK | OBJ_CASE_INSENSITIVE,
                     .Mode = KernelMode,
                     .Type = &ObxSymbolicLinkType};
    NTSTATUS Status;
    PVOID Link;

    Status = ObxOpenName(&Open, SymbolicLinkName, &Link);
    if (!NT_SUCCESS(Status))
        return Status;
    ObMakeTemporaryObject(Link);
    ObxRemoveName(Link);
    ObDereferenceObject(Link); /* the look-up's */
    ObDereferenceObject(Link); /* the link's own */
    return STATUS_SUCCESS;
}

/*
 * Opens a device by name and returns its top device and the file object that keeps it:
 * dereferencing the file object ends the use, the device is not referenced apart
 * (nf-wdm-iogetdeviceobjectpointer). PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoGetDeviceObjectPointer(PUNICODE_STRING ObjectName, ACCESS_MASK DesiredAccess,
                                        PFILE_OBJECT *FileObject, PDEVICE_OBJECT *DeviceObject)
{
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Iosb;
    HANDLE Handle;
    NTSTATUS Status;

    InitializeObjectAttributes(&Attributes, ObjectName, OBJ_KERNEL_HANDLE, NULL, NULL);
    Status = IoCreateFile(&Handle, DesiredAccess, &Attributes, &Iosb, NULL, 0, 0, FILE_OPEN,
                          FILE_NON_DIRECTORY_FILE, NULL, 0, CreateFileTypeNone, NULL,
                          IO_NO_PARAMETER_CHECKING);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObxReferenceHandle(Handle, 0, &IoxFileType, KernelMode, (PVOID *)FileObject, NULL);
    if (NT_SUCCESS(Status))
        *DeviceObject = IoGetRelatedDeviceObject(*FileObject);
    ObxCloseHandle(Handle, KernelMode, NULL);
    return Status;
}

static NTSTATUS CopyName(PCUNICODE_STRING From, PUNICODE_STRING To)
{
    /* Paged pool the caller frees by ExFreePool, with a terminator behind the counted characters.
     */
    To->Buffer = ExAllocatePoolWithTag(PagedPool, From->Length + sizeof(WCHAR), IOX_POOL_TAG);
    if (!To->Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(To->Buffer, From->Buffer, From->Length);
    To->Buffer[From->Length / sizeof(WCHAR)] = 0;
    To->Length = From->Length;
    To->MaximumLength = From->Length + sizeof(WCHAR);
    return STATUS_SUCCESS;
}

/* Drive letter ("C:") of a volume's storage or file system device; the caller frees it
 * (nf-ntddk-iovolumedevicetodosname). PASSIVE_LEVEL, APCs enabled. A volume without a letter
 * answers with its GUID path, as the mount manager does. */
NTSTATUS NTAPI IoVolumeDeviceToDosName(PVOID VolumeDeviceObject, PUNICODE_STRING DosName)
{
    IOX_VOLUME *Volume = IoxVolumeOfDevice(VolumeDeviceObject);
    WCHAR Buffer[64];
    UNICODE_STRING Guid;

    if (!Volume)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (Volume->DosName.Length)
        return CopyName(&Volume->DosName, DosName);
    memcpy(Buffer, Volume->GuidBuffer, sizeof Buffer);
    Buffer[1] = L'\\'; /* \\?\Volume{...} is the Win32 form of the link's name */
    RtlInitUnicodeString(&Guid, Buffer);
    return CopyName(&Guid, DosName);
}

/* The older name of the same. nf-ntddk-rtlvolumedevicetodosname */
NTSTATUS NTAPI RtlVolumeDeviceToDosName(PVOID VolumeDeviceObject, PUNICODE_STRING DosName)
{
    return IoVolumeDeviceToDosName(VolumeDeviceObject, DosName);
}

/* "\\?\Volume{...}" (nf-ntifs-iovolumedevicetoguidpath) and the bare GUID. */
NTSTATUS NTAPI IoVolumeDeviceToGuidPath(PVOID VolumeDeviceObject, PUNICODE_STRING GuidPath)
{
    IOX_VOLUME *Volume = IoxVolumeOfDevice(VolumeDeviceObject);
    WCHAR Buffer[64];
    UNICODE_STRING Guid;

    if (!Volume)
        return STATUS_INVALID_DEVICE_REQUEST;
    memcpy(Buffer, Volume->GuidBuffer, sizeof Buffer);
    Buffer[1] = L'\\';
    RtlInitUnicodeString(&Guid, Buffer);
    return CopyName(&Guid, GuidPath);
}

NTSTATUS NTAPI IoVolumeDeviceToGuid(PVOID VolumeDeviceObject, GUID *Guid)
{
    IOX_VOLUME *Volume = IoxVolumeOfDevice(VolumeDeviceObject);

    if (!Volume)
        return STATUS_INVALID_DEVICE_REQUEST;
    *Guid = Volume->Guid;
    return STATUS_SUCCESS;
}

/*
 * "C:\dir\file" of an open file in one pool block that the caller frees
 * (nf-wdm-ioqueryfiledosdevicename). Asks the file system for the name: PASSIVE_LEVEL, no file
 * system locks held.
 */
NTSTATUS NTAPI IoQueryFileDosDeviceName(PFILE_OBJECT FileObject,
                                        POBJECT_NAME_INFORMATION *ObjectNameInformation)
{
    ULONG NameRoom = sizeof(FILE_NAME_INFORMATION) + 0xfffe, Used;
    PFILE_NAME_INFORMATION Name = malloc(NameRoom);
    POBJECT_NAME_INFORMATION Out;
    UNICODE_STRING Dos = {0};
    NTSTATUS Status;
    size_t Bytes;

    if (!Name)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = IoVolumeDeviceToDosName(FileObject->DeviceObject, &Dos);
    if (NT_SUCCESS(Status))
        Status = IoQueryFileInformation(FileObject, FileNameInformation, NameRoom, Name, &Used);
    if (NT_SUCCESS(Status)) {
        Bytes = Dos.Length + Name->FileNameLength;
        Out = ExAllocatePoolWithTag(PagedPool, sizeof *Out + Bytes + sizeof(WCHAR), IOX_POOL_TAG);
        Status = Out ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
        if (Out) {
            Out->Name =
                (UNICODE_STRING){(USHORT)Bytes, (USHORT)(Bytes + sizeof(WCHAR)), (PWCH)(Out + 1)};
            memcpy(Out->Name.Buffer, Dos.Buffer, Dos.Length);
            memcpy((char *)Out->Name.Buffer + Dos.Length, Name->FileName, Name->FileNameLength);
            Out->Name.Buffer[Bytes / sizeof(WCHAR)] = 0;
            *ObjectNameInformation = Out;
        }
    }
    if (Dos.Buffer)
        ExFreePool(Dos.Buffer);
    free(Name);
    return Status;
}

NTSTATUS IoxStart(void)
{
    ObxRegisterType(&IoxDriverType);
    ObxRegisterType(&IoxDeviceType);
    ObxRegisterType(&IoxFileType);
    IopStartPaging();
    return IopStartVolumes();
}

void IoxEnd(void)
{
    ObxDrainDeferred();
}

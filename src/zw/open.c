/* SPDX-License-Identifier: MIT */
/* NtCreateFile and the calls that open a file by name for one purpose. */
#include "zw/zwp.h"

/*
 * Opens or creates a file (nf-ntifs-ntcreatefile). PASSIVE_LEVEL, APCs enabled. All arguments are
 * probed for a user-mode caller. Statuses: STATUS_INVALID_PARAMETER, those of the name space
 * (STATUS_OBJECT_...), those of the file system.
 */
NTSTATUS NTAPI NtCreateFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                            POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                            PLARGE_INTEGER AllocationSize, ULONG FileAttributes, ULONG ShareAccess,
                            ULONG CreateDisposition, ULONG CreateOptions, PVOID EaBuffer,
                            ULONG EaLength)
{
    return IoCreateFile(FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock, AllocationSize,
                        FileAttributes, ShareAccess, CreateDisposition, CreateOptions, EaBuffer,
                        EaLength, CreateFileTypeNone, NULL, 0);
}

NTSTATUS NTAPI ZwCreateFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                            POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                            PLARGE_INTEGER AllocationSize, ULONG FileAttributes, ULONG ShareAccess,
                            ULONG CreateDisposition, ULONG CreateOptions, PVOID EaBuffer,
                            ULONG EaLength)
{
    ZWP_AS_KERNEL(NtCreateFile(FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock,
                               AllocationSize, FileAttributes, ShareAccess, CreateDisposition,
                               CreateOptions, EaBuffer, EaLength));
}

NTSTATUS NTAPI NtOpenFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                          POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                          ULONG ShareAccess, ULONG OpenOptions)
{
    return IoCreateFile(FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock, NULL, 0,
                        ShareAccess, FILE_OPEN, OpenOptions, NULL, 0, CreateFileTypeNone, NULL, 0);
}

NTSTATUS NTAPI ZwOpenFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                          POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                          ULONG ShareAccess, ULONG OpenOptions)
{
    ZWP_AS_KERNEL(NtOpenFile(FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock,
                             ShareAccess, OpenOptions));
}

/* The attributes went through the caller's mode already when the open itself runs as the kernel's.
 */
static NTSTATUS DeleteByName(POBJECT_ATTRIBUTES ObjectAttributes, KPROCESSOR_MODE Mode)
{
    OBX_ATTRIBUTES Captured;
    OBJECT_ATTRIBUTES Copy;
    IO_STATUS_BLOCK Iosb;
    HANDLE File, Root = NULL;
    NTSTATUS Status;

    Status = ObxCaptureAttributes(ObjectAttributes, Mode, &Captured);
    if (!NT_SUCCESS(Status))
        return Status;
    Root = Captured.Root;
    InitializeObjectAttributes(&Copy, &Captured.Name, Captured.Attributes | OBJ_KERNEL_HANDLE, Root,
                               NULL);
    Status =
        IoCreateFile(&File, DELETE, &Copy, &Iosb, NULL, 0,
                     FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_OPEN,
                     FILE_DELETE_ON_CLOSE, NULL, 0, CreateFileTypeNone, NULL,
                     IO_NO_PARAMETER_CHECKING | (Mode != KernelMode ? IO_FORCE_ACCESS_CHECK : 0));
    if (NT_SUCCESS(Status))
        Status = ObxCloseHandle(File, KernelMode, NULL);
    ObxReleaseAttributes(&Captured);
    return Status;
}

/* Deletes a file by name: an open for deletion and a close (nf-ntifs-ntdeletefile). PASSIVE_LEVEL.
 */
NTSTATUS NTAPI NtDeleteFile(POBJECT_ATTRIBUTES ObjectAttributes)
{
    return DeleteByName(ObjectAttributes, ExGetPreviousMode());
}

NTSTATUS NTAPI ZwDeleteFile(POBJECT_ATTRIBUTES ObjectAttributes)
{
    ZWP_AS_KERNEL(NtDeleteFile(ObjectAttributes));
}

/* Times, sizes and attributes of a file by name; the file system may answer without an open
 * (nf-wdm-zwqueryfullattributesfile). PASSIVE_LEVEL. */
NTSTATUS NTAPI NtQueryFullAttributesFile(POBJECT_ATTRIBUTES ObjectAttributes,
                                         PFILE_NETWORK_OPEN_INFORMATION FileInformation)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    FILE_NETWORK_OPEN_INFORMATION Information;
    NTSTATUS Status;

    Status = MmxProbePages(FileInformation, sizeof Information, true, Mode);
    if (NT_SUCCESS(Status))
        Status = IoxQueryAttributes(ObjectAttributes, Mode, &Information);
    if (NT_SUCCESS(Status))
        Status = MmxCopyOut(FileInformation, &Information, sizeof Information, 1, Mode);
    return Status;
}

NTSTATUS NTAPI ZwQueryFullAttributesFile(POBJECT_ATTRIBUTES ObjectAttributes,
                                         PFILE_NETWORK_OPEN_INFORMATION FileInformation)
{
    ZWP_AS_KERNEL(NtQueryFullAttributesFile(ObjectAttributes, FileInformation));
}

/* The same, times and attributes only. */
NTSTATUS NTAPI NtQueryAttributesFile(POBJECT_ATTRIBUTES ObjectAttributes,
                                     PFILE_BASIC_INFORMATION FileInformation)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    FILE_NETWORK_OPEN_INFORMATION All;
    FILE_BASIC_INFORMATION Basic = {0};
    NTSTATUS Status;

    Status = MmxProbePages(FileInformation, sizeof Basic, true, Mode);
    if (NT_SUCCESS(Status))
        Status = IoxQueryAttributes(ObjectAttributes, Mode, &All);
    if (!NT_SUCCESS(Status))
        return Status;
    Basic.CreationTime = All.CreationTime;
    Basic.LastAccessTime = All.LastAccessTime;
    Basic.LastWriteTime = All.LastWriteTime;
    Basic.ChangeTime = All.ChangeTime;
    Basic.FileAttributes = All.FileAttributes;
    return MmxCopyOut(FileInformation, &Basic, sizeof Basic, 1, Mode);
}

NTSTATUS NTAPI ZwQueryAttributesFile(POBJECT_ATTRIBUTES ObjectAttributes,
                                     PFILE_BASIC_INFORMATION FileInformation)
{
    ZWP_AS_KERNEL(NtQueryAttributesFile(ObjectAttributes, FileInformation));
}

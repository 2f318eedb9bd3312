/* SPDX-License-Identifier: MIT */
/* status.c - statuses a file system handles, and small services. */
#include "fsrtl/fsrtl.h"

#include <string.h>

#define FSRTL_POOL_TAG 0x46727420u /* " trF" */

/*
 * Whether an exception is one a file system handles (TRUE) or a bug that must not be swallowed. Any
 * IRQL (nf-ntifs-fsrtlisntstatusexpected).
 */
BOOLEAN NTAPI FsRtlIsNtstatusExpected(NTSTATUS Ntstatus)
{
    switch (Ntstatus) {
    case STATUS_DATATYPE_MISALIGNMENT:
    case STATUS_ACCESS_VIOLATION:
    case STATUS_ILLEGAL_INSTRUCTION:
    case STATUS_INSTRUCTION_MISALIGNMENT:
        return FALSE;
    default:
        return TRUE;
    }
}

/* Status itself when it is an expected one, else GenericNtstatus, which must be. */
NTSTATUS NTAPI FsRtlNormalizeNtstatus(NTSTATUS Exception, NTSTATUS GenericException)
{
    return FsRtlIsNtstatusExpected(Exception) ? Exception : GenericException;
}

/* Whether the status means that the device is gone rather than that one request failed. */
BOOLEAN NTAPI FsRtlIsTotalDeviceFailure(NTSTATUS Status)
{
    switch (Status) {
    case STATUS_DEVICE_NOT_CONNECTED:
    case STATUS_DEVICE_OFF_LINE:
    case STATUS_NO_SUCH_DEVICE:
    case STATUS_DEVICE_REMOVED:
    case STATUS_DEVICE_POWER_FAILURE:
        return TRUE;
    default:
        return FALSE;
    }
}

/* No volume of ours carries a paging file. */
LOGICAL NTAPI FsRtlIsPagingFile(PFILE_OBJECT FileObject)
{
    return FALSE;
}

LOGICAL NTAPI FsRtlIsSystemPagingFile(PFILE_OBJECT FileObject)
{
    return FALSE;
}

static PVOID AllocateOrRaise(POOL_TYPE PoolType, SIZE_T Bytes, ULONG Tag)
{
    PVOID Memory = ExAllocatePoolWithTag(PoolType, Bytes, Tag);

    if (!Memory)
        ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
    return Memory;
}

/*
 * Pool that is there or raises STATUS_INSUFFICIENT_RESOURCES. Quota is not charged by any of them.
 *
 */
PVOID NTAPI FsRtlAllocatePool(POOL_TYPE PoolType, ULONG NumberOfBytes)
{
    return AllocateOrRaise(PoolType, NumberOfBytes, FSRTL_POOL_TAG);
}

PVOID NTAPI FsRtlAllocatePoolWithTag(POOL_TYPE PoolType, ULONG NumberOfBytes, ULONG Tag)
{
    return AllocateOrRaise(PoolType, NumberOfBytes, Tag);
}

PVOID NTAPI FsRtlAllocatePoolWithQuota(POOL_TYPE PoolType, ULONG NumberOfBytes)
{
    return AllocateOrRaise(PoolType, NumberOfBytes, FSRTL_POOL_TAG);
}

PVOID NTAPI FsRtlAllocatePoolWithQuotaTag(POOL_TYPE PoolType, ULONG NumberOfBytes, ULONG Tag)
{
    return AllocateOrRaise(PoolType, NumberOfBytes, Tag);
}

/* ---- file size ----------------------------------------------------------------------------- */

static NTSTATUS NTAPI QueryDone(PDEVICE_OBJECT Device, PIRP Irp, PVOID Event)
{
    KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED; /* the request is ours to free */
}

/* FileStandardInformation by an IRP of our own to the top of the stack. */
static NTSTATUS QueryStandard(PFILE_OBJECT FileObject, FILE_STANDARD_INFORMATION *Standard)
{
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(FileObject);
    PIRP Irp = IoAllocateIrp(Device->StackSize, FALSE);
    PIO_STACK_LOCATION Stack;
    NTSTATUS Status;
    KEVENT Done;

    if (!Irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeEvent(&Done, NotificationEvent, FALSE);
    /* As paging I/O, since the caller may be making a section with the stream's locks held. */
    Irp->Flags = IRP_PAGING_IO | IRP_SYNCHRONOUS_PAGING_IO;
    Irp->RequestorMode = KernelMode;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Irp->AssociatedIrp.SystemBuffer = Standard;
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = IRP_MJ_QUERY_INFORMATION;
    Stack->FileObject = FileObject;
    Stack->Parameters.QueryFile.Length = sizeof *Standard;
    Stack->Parameters.QueryFile.FileInformationClass = FileStandardInformation;
    IoSetCompletionRoutine(Irp, QueryDone, &Done, TRUE, TRUE, TRUE);
    IoCallDriver(Device, Irp);
    KeWaitForSingleObject(&Done, Executive, KernelMode, FALSE, NULL);
    Status = Irp->IoStatus.Status;
    IoFreeIrp(Irp);
    return Status;
}

/*
 * The stream's size, asked of the file system by fast I/O, else by IRP. PASSIVE_LEVEL; callable
 * while the file is being acquired for a section. STATUS_FILE_IS_A_DIRECTORY for directories
 * (nf-ntifs-fsrtlgetfilesize).
 */
NTSTATUS NTAPI FsRtlGetFileSize(PFILE_OBJECT FileObject, PLARGE_INTEGER FileSize)
{
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(FileObject);
    PFAST_IO_DISPATCH Fast = Device->DriverObject->FastIoDispatch;
    FILE_STANDARD_INFORMATION Standard;
    IO_STATUS_BLOCK Iosb = {0};

    memset(&Standard, 0, sizeof Standard);
    if (!Fast || !Fast->FastIoQueryStandardInfo ||
        !Fast->FastIoQueryStandardInfo(FileObject, TRUE, &Standard, &Iosb, Device))
        Iosb.Status = QueryStandard(FileObject, &Standard);
    if (!NT_SUCCESS(Iosb.Status))
        return Iosb.Status;
    if (Standard.Directory)
        return STATUS_FILE_IS_A_DIRECTORY;
    *FileSize = Standard.EndOfFile;
    return STATUS_SUCCESS;
}

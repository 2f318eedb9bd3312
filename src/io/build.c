/* SPDX-License-Identifier: MIT */
/* Requests a driver asks the I/O manager to build: IoBuild... */
#include "io/iop.h"

/* Buffers of a request to a buffered device: a copy, freed at completion. Input is copied to it
 * when Source is given. */
static NTSTATUS AttachSystemBuffer(PIRP Irp, ULONG Length, const void *Source, ULONG SourceLength)
{
    if (!Length)
        return STATUS_SUCCESS;
    Irp->AssociatedIrp.SystemBuffer = ExAllocatePoolWithTag(NonPagedPoolNx, Length, IOX_POOL_TAG);
    if (!Irp->AssociatedIrp.SystemBuffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    Irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    if (SourceLength)
        memcpy(Irp->AssociatedIrp.SystemBuffer, Source, SourceLength);
    return STATUS_SUCCESS;
}

static NTSTATUS AttachMdl(PIRP Irp, PVOID Buffer, ULONG Length, LOCK_OPERATION Operation)
{
    NTSTATUS Status;

    if (!Length)
        return STATUS_SUCCESS;
    if (!IoAllocateMdl(Buffer, Length, FALSE, FALSE, Irp))
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = MmxProbeAndLock(Irp->MdlAddress, KernelMode, Operation);
    if (!NT_SUCCESS(Status)) {
        IoFreeMdl(Irp->MdlAddress);
        Irp->MdlAddress = NULL;
    }
    return Status;
}

/* Data buffer of a read or write as the device wants it. */
static NTSTATUS AttachTransfer(PIRP Irp, PDEVICE_OBJECT Device, UCHAR Major, PVOID Buffer,
                               ULONG Length)
{
    NTSTATUS Status;

    if (Device->Flags & DO_BUFFERED_IO) {
        Status = AttachSystemBuffer(Irp, Length, Buffer, Major == IRP_MJ_WRITE ? Length : 0);
        if (NT_SUCCESS(Status) && Length && Major == IRP_MJ_READ) {
            Irp->Flags |= IRP_INPUT_OPERATION;
            Irp->UserBuffer = Buffer;
        }
        return Status;
    }
    if (Device->Flags & DO_DIRECT_IO)
        return AttachMdl(Irp, Buffer, Length, Major == IRP_MJ_READ ? IoWriteAccess : IoReadAccess);
    Irp->UserBuffer = Buffer;
    return STATUS_SUCCESS;
}

static PIRP BuildFsd(ULONG MajorFunction, PDEVICE_OBJECT Device, PVOID Buffer, ULONG Length,
                     PLARGE_INTEGER StartingOffset, PIO_STATUS_BLOCK Iosb, const void *Caller)
{
    PIRP Irp = IopAllocateIrp(Device->StackSize, Caller);
    PIO_STACK_LOCATION Stack;

    if (!Irp)
        return NULL;
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = (UCHAR)MajorFunction;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Irp->UserIosb = Iosb;
    if (MajorFunction != IRP_MJ_READ && MajorFunction != IRP_MJ_WRITE)
        return Irp;
    if (!NT_SUCCESS(AttachTransfer(Irp, Device, (UCHAR)MajorFunction, Buffer, Length))) {
        IopFreeIrp(Irp);
        return NULL;
    }
    Stack->Parameters.Read.Length = Length;
    if (StartingOffset)
        Stack->Parameters.Read.ByteOffset = *StartingOffset;
    return Irp;
}

/*
 * A read, write, flush, shutdown or PnP request that the caller frees in its completion routine.
 * IRQL <= DISPATCH_LEVEL (nf-wdm-iobuildasynchronousfsdrequest). NULL when memory is short or the
 * buffer is bad.
 */
PIRP NTAPI IoBuildAsynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject,
                                         PVOID Buffer, ULONG Length, PLARGE_INTEGER StartingOffset,
                                         PIO_STATUS_BLOCK IoStatusBlock)
{
    return BuildFsd(MajorFunction, DeviceObject, Buffer, Length, StartingOffset, IoStatusBlock,
                    __builtin_return_address(0));
}

/*
 * The same for a caller that waits: the I/O manager sets Event, fills the status block and frees
 * the request, which is on the thread's list meanwhile. PASSIVE_LEVEL; a caller at APC_LEVEL waits
 * for an APC it keeps out (nf-wdm-iobuildsynchronousfsdrequest).
 */
PIRP NTAPI IoBuildSynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject,
                                        PVOID Buffer, ULONG Length, PLARGE_INTEGER StartingOffset,
                                        PKEVENT Event, PIO_STATUS_BLOCK IoStatusBlock)
{
    PIRP Irp = BuildFsd(MajorFunction, DeviceObject, Buffer, Length, StartingOffset, IoStatusBlock,
                        __builtin_return_address(0));

    if (!Irp)
        return NULL;
    Irp->UserEvent = Event;
    IoxQueueIrpToThread(Irp);
    return Irp;
}

/* Buffers of a device control by its transfer method (nf-wdm-iobuilddeviceiocontrolrequest). */
static NTSTATUS AttachControl(PIRP Irp, ULONG Code, PVOID Input, ULONG InputLength, PVOID Output,
                              ULONG OutputLength)
{
    ULONG Method = Code & 3;
    NTSTATUS Status;

    switch (Method) {
    case METHOD_BUFFERED:
        Status = AttachSystemBuffer(Irp, InputLength > OutputLength ? InputLength : OutputLength,
                                    Input, Input ? InputLength : 0);
        if (NT_SUCCESS(Status) && Output && OutputLength) {
            Irp->UserBuffer = Output;
            Irp->Flags |= IRP_INPUT_OPERATION;
        }
        return Status;
    case METHOD_NEITHER:
        Irp->UserBuffer = Output;
        IoGetNextIrpStackLocation(Irp)->Parameters.DeviceIoControl.Type3InputBuffer = Input;
        return STATUS_SUCCESS;
    default:
        Status = AttachSystemBuffer(Irp, Input ? InputLength : 0, Input, Input ? InputLength : 0);
        if (NT_SUCCESS(Status) && Output)
            Status = AttachMdl(Irp, Output, OutputLength,
                               Method == METHOD_IN_DIRECT ? IoReadAccess : IoWriteAccess);
        return Status;
    }
}

/*
 * A device control a kernel-mode caller sends and waits for; as IoBuildSynchronousFsdRequest
 * otherwise. PASSIVE_LEVEL. NULL when memory is short.
 */
PIRP NTAPI IoBuildDeviceIoControlRequest(ULONG IoControlCode, PDEVICE_OBJECT DeviceObject,
                                         PVOID InputBuffer, ULONG InputBufferLength,
                                         PVOID OutputBuffer, ULONG OutputBufferLength,
                                         BOOLEAN InternalDeviceIoControl, PKEVENT Event,
                                         PIO_STATUS_BLOCK IoStatusBlock)
{
    PIRP Irp = IopAllocateIrp(DeviceObject->StackSize, __builtin_return_address(0));
    PIO_STACK_LOCATION Stack;

    if (!Irp)
        return NULL;
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction =
        InternalDeviceIoControl ? IRP_MJ_INTERNAL_DEVICE_CONTROL : IRP_MJ_DEVICE_CONTROL;
    Stack->Parameters.DeviceIoControl.OutputBufferLength = OutputBufferLength;
    Stack->Parameters.DeviceIoControl.InputBufferLength = InputBufferLength;
    Stack->Parameters.DeviceIoControl.IoControlCode = IoControlCode;
    if (!NT_SUCCESS(AttachControl(Irp, IoControlCode, InputBuffer, InputBufferLength, OutputBuffer,
                                  OutputBufferLength))) {
        if (Irp->AssociatedIrp.SystemBuffer)
            ExFreePool(Irp->AssociatedIrp.SystemBuffer);
        IopFreeIrp(Irp);
        return NULL;
    }
    Irp->UserIosb = IoStatusBlock;
    Irp->UserEvent = Event;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    IoxQueueIrpToThread(Irp);
    return Irp;
}

/* SPDX-License-Identifier: MIT */
/*
 * Paging I/O: the memory manager's and the cache's own reads and writes of a file. They enter at
 * the top of the file's device stack, so every filter sees them, and end in an event without an
 * APC: the waiter may hold file system locks and be at APC_LEVEL.
 */
#include "io/iop.h"
#include "mm/segment.h"

static NTSTATUS SendPaging(PFILE_OBJECT FileObject, UCHAR Major, PMDL Mdl, PLARGE_INTEGER Offset,
                           ULONG Flags, PKEVENT Event, PIO_STATUS_BLOCK Iosb, const void *Caller)
{
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(FileObject);
    PIRP Irp = IopAllocateIrp(Device->StackSize, Caller);
    PIO_STACK_LOCATION Stack;

    if (!Irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    Irp->MdlAddress = Mdl;
    Irp->Flags = IRP_PAGING_IO | IRP_NOCACHE | Flags;
    Irp->RequestorMode = KernelMode;
    Irp->UserIosb = Iosb;
    Irp->UserEvent = Event;
    Irp->UserBuffer = MmGetMdlVirtualAddress(Mdl);
    Irp->Tail.Overlay.OriginalFileObject = FileObject;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = Major;
    Stack->FileObject = FileObject;
    Stack->Parameters.Read.Length = MmGetMdlByteCount(Mdl);
    Stack->Parameters.Read.ByteOffset = *Offset;
    return IoxSend(Device, Irp);
}

/*
 * Reads pages described by a locked MDL. The status block and the event are the caller's until the
 * event is set, which happens also when this returns an error other than
 * STATUS_INSUFFICIENT_RESOURCES. Exported without a public page.
 */
NTSTATUS NTAPI IoPageRead(PFILE_OBJECT FileObject, PMDL MemoryDescriptorList,
                          PLARGE_INTEGER StartingOffset, PKEVENT Event,
                          PIO_STATUS_BLOCK IoStatusBlock)
{
    return SendPaging(FileObject, IRP_MJ_READ, MemoryDescriptorList, StartingOffset,
                      IRP_SYNCHRONOUS_PAGING_IO | IRP_INPUT_OPERATION, Event, IoStatusBlock,
                      __builtin_return_address(0));
}

NTSTATUS NTAPI IoSynchronousPageWrite(PFILE_OBJECT FileObject, PMDL MemoryDescriptorList,
                                      PLARGE_INTEGER StartingOffset, PKEVENT Event,
                                      PIO_STATUS_BLOCK IoStatusBlock)
{
    return SendPaging(FileObject, IRP_MJ_WRITE, MemoryDescriptorList, StartingOffset,
                      IRP_SYNCHRONOUS_PAGING_IO, Event, IoStatusBlock, __builtin_return_address(0));
}

static NTSTATUS Transfer(PFILE_OBJECT FileObject, UCHAR Major, PVOID Base, ULONG Length,
                         LONGLONG Offset, PIO_STATUS_BLOCK Iosb)
{
    bool Read = Major == IRP_MJ_READ;
    KEX_WAIT Why = {Read ? "paging read" : "paging write",
                    FileObject,
                    NULL,
                    NULL,
                    false,
                    __builtin_return_address(0)};
    LARGE_INTEGER At = {.QuadPart = Offset};
    NTSTATUS Status;
    KEVENT Event;
    PMDL Mdl;

    *Iosb = (IO_STATUS_BLOCK){.Status = STATUS_SUCCESS};
    Mdl = IoAllocateMdl(Base, Length, FALSE, FALSE, NULL);
    if (!Mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmxBuildPagingMdl(Mdl, Read);
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Status = SendPaging(FileObject, Major, Mdl, &At,
                        IRP_SYNCHRONOUS_PAGING_IO | (Read ? IRP_INPUT_OPERATION : 0), &Event, Iosb,
                        __builtin_return_address(0));
    if (Status == STATUS_PENDING) {
        KexWaitForObject(&Event, KernelMode, FALSE, NULL, &Why);
        Status = Iosb->Status;
    }
    if (!NT_SUCCESS(Status) && NT_SUCCESS(Iosb->Status))
        Iosb->Status = Status;
    /* A filter may have mapped it; the pages stay the segment's. */
    IoFreeMdl(Mdl);
    return Iosb->Status;
}

NTSTATUS IoxPageRead(PFILE_OBJECT FileObject, PVOID Base, ULONG Length, LONGLONG Offset,
                     PIO_STATUS_BLOCK Iosb)
{
    return Transfer(FileObject, IRP_MJ_READ, Base, Length, Offset, Iosb);
}

NTSTATUS IoxPageWrite(PFILE_OBJECT FileObject, PVOID Base, ULONG Length, LONGLONG Offset,
                      PIO_STATUS_BLOCK Iosb)
{
    return Transfer(FileObject, IRP_MJ_WRITE, Base, Length, Offset, Iosb);
}

static const MMX_PAGER Pager = {IoxPageRead, IoxPageWrite};

void IopStartPaging(void)
{
    MmxPager = &Pager;
}

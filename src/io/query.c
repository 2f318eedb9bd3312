/* SPDX-License-Identifier: MIT */
/* Kernel-mode questions about a file: IoQueryFileInformation and its relatives. */
#include "io/iop.h"

/*
 * One synchronous kernel request about a file with a buffer of the caller's. Buffer is the
 * request's SystemBuffer itself: the caller is the kernel, so there is nothing to copy. A
 * synchronous file object is locked meanwhile.
 */
static NTSTATUS AskFile(PFILE_OBJECT FileObject, UCHAR Major,
                        void (*Fill)(PIO_STACK_LOCATION, const ULONG *), const ULONG *Arguments,
                        PVOID Buffer, ULONG RequestFlags, PULONG Used)
{
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(FileObject);
    bool Synchronous = (FileObject->Flags & FO_SYNCHRONOUS_IO) != 0;
    PIO_STACK_LOCATION Stack;
    IO_STATUS_BLOCK Iosb = {0};
    NTSTATUS Status;
    KEVENT Event;
    PIRP Irp;

    if (Synchronous) {
        Status = IoxLockFile(FileObject, KernelMode, __builtin_return_address(0));
        if (Status != STATUS_SUCCESS)
            return Status;
    }
    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    Irp = IopAllocateIrp(Device->StackSize, __builtin_return_address(0));
    if (!Irp) {
        Status = STATUS_INSUFFICIENT_RESOURCES;
        goto Unlock;
    }
    ObReferenceObject(FileObject);
    KeClearEvent(&FileObject->Event);
    Irp->Tail.Overlay.OriginalFileObject = FileObject;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Irp->RequestorMode = KernelMode;
    Irp->UserIosb = &Iosb;
    Irp->UserEvent = &Event;
    Irp->Flags = IRP_SYNCHRONOUS_API | IRP_BUFFERED_IO | RequestFlags;
    Irp->AssociatedIrp.SystemBuffer = Buffer;
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = Major;
    Stack->FileObject = FileObject;
    Fill(Stack, Arguments);
    IoxQueueIrpToThread(Irp);
    Status = IoxSendAndWait(Device, Irp, &Event, &Iosb);
    if (Used)
        *Used = (ULONG)Iosb.Information;
Unlock:
    if (Synchronous)
        IoxUnlockFile(FileObject);
    return Status;
}

static void FillQueryFile(PIO_STACK_LOCATION Stack, const ULONG *Arguments)
{
    Stack->Parameters.QueryFile.Length = Arguments[0];
    Stack->Parameters.QueryFile.FileInformationClass = (FILE_INFORMATION_CLASS)Arguments[1];
}

static void FillQueryVolume(PIO_STACK_LOCATION Stack, const ULONG *Arguments)
{
    Stack->Parameters.QueryVolume.Length = Arguments[0];
    Stack->Parameters.QueryVolume.FsInformationClass = (FS_INFORMATION_CLASS)Arguments[1];
}

/* Asks the file system about an open file. PASSIVE_LEVEL, no file system lock held
 * (nf-ntifs-ioqueryfileinformation). *ReturnedLength is what was written. */
NTSTATUS NTAPI IoQueryFileInformation(PFILE_OBJECT FileObject,
                                      FILE_INFORMATION_CLASS FileInformationClass, ULONG Length,
                                      PVOID FileInformation, PULONG ReturnedLength)
{
    ULONG Arguments[] = {Length, FileInformationClass};

    return AskFile(FileObject, IRP_MJ_QUERY_INFORMATION, FillQueryFile, Arguments, FileInformation,
                   0, ReturnedLength);
}

/* Asks about the volume of an open file (nf-ntifs-ioqueryvolumeinformation). PASSIVE_LEVEL. */
NTSTATUS NTAPI IoQueryVolumeInformation(PFILE_OBJECT FileObject,
                                        FS_INFORMATION_CLASS FsInformationClass, ULONG Length,
                                        PVOID FsInformation, PULONG ReturnedLength)
{
    ULONG Arguments[] = {Length, FsInformationClass};

    return AskFile(FileObject, IRP_MJ_QUERY_VOLUME_INFORMATION, FillQueryVolume, Arguments,
                   FsInformation, 0, ReturnedLength);
}

/* Changes something of an open file that needs no second file (nf-ntifs-iosetinformation): renames
 * and links by handle go through ZwSetInformationFile. PASSIVE_LEVEL. */
NTSTATUS NTAPI IoSetInformation(PFILE_OBJECT FileObject,
                                FILE_INFORMATION_CLASS FileInformationClass, ULONG Length,
                                PVOID FileInformation)
{
    ULONG Arguments[] = {Length, FileInformationClass};

    return AskFile(FileObject, IRP_MJ_SET_INFORMATION, FillQueryFile, Arguments, FileInformation, 0,
                   NULL);
}

/*
 * Walks a list of extended attributes: entries aligned, names terminated, no entry past the end.
 * STATUS_EA_LIST_INCONSISTENT with *ErrorOffset at the bad entry (nf-wdm-iocheckeabuffervalidity).
 * PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoCheckEaBufferValidity(PFILE_FULL_EA_INFORMATION EaBuffer, ULONG EaLength,
                                       PULONG ErrorOffset)
{
    const ULONG Fixed = FIELD_OFFSET(FILE_FULL_EA_INFORMATION, EaName);
    ULONG At = 0;

    for (;;) {
        PFILE_FULL_EA_INFORMATION Ea = (PFILE_FULL_EA_INFORMATION)((char *)EaBuffer + At);
        ULONG Left = EaLength - At, Size;

        *ErrorOffset = At;
        if (Left < Fixed + 1)
            return STATUS_EA_LIST_INCONSISTENT;
        Size = Fixed + Ea->EaNameLength + 1 + Ea->EaValueLength;
        if (Size > Left || Ea->EaName[Ea->EaNameLength])
            return STATUS_EA_LIST_INCONSISTENT;
        if (!Ea->NextEntryOffset) {
            *ErrorOffset = 0;
            return STATUS_SUCCESS;
        }
        /* The next entry starts on the next 4-byte boundary, not earlier and not later. */
        if (Ea->NextEntryOffset != ((Size + 3) & ~3u) || Ea->NextEntryOffset > Left)
            return STATUS_EA_LIST_INCONSISTENT;
        At += Ea->NextEntryOffset;
    }
}

/* The file's requests end before the call that makes them returns
 * (nf-ntifs-ioisoperationsynchronous). */
BOOLEAN NTAPI IoIsOperationSynchronous(PIRP Irp)
{
    PFILE_OBJECT FileObject = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    bool Asynchronous = (Irp->Flags & IRP_PAGING_IO) && !(Irp->Flags & IRP_SYNCHRONOUS_PAGING_IO);

    if (Asynchronous)
        return FALSE;
    return (FileObject && (FileObject->Flags & FO_SYNCHRONOUS_IO)) ||
           (Irp->Flags & IRP_SYNCHRONOUS_API) || (Irp->Flags & IRP_SYNCHRONOUS_PAGING_IO);
}

/* ---- who asks -------------------------------------------------------------------------------- */

/* Process of the thread that made the request, NULL when it has none
 * (nf-ntifs-iogetrequestorprocess). */
PEPROCESS NTAPI IoGetRequestorProcess(PIRP Irp)
{
    PETHREAD Thread = Irp->Tail.Overlay.Thread;

    return Thread ? KexThreadProcess((PKTHREAD)Thread) : NULL;
}

ULONG NTAPI IoGetRequestorProcessId(PIRP Irp)
{
    PEPROCESS Process = IoGetRequestorProcess(Irp);

    return Process ? Process->Id : 0;
}

NTSTATUS NTAPI IoGetRequestorSessionId(PIRP Irp, PULONG pSessionId)
{
    PEPROCESS Process = IoGetRequestorProcess(Irp);

    *pSessionId = Process ? Process->SessionId : MAXULONG;
    return Process ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

PEPROCESS NTAPI IoThreadToProcess(PETHREAD Thread)
{
    return KexThreadProcess((PKTHREAD)Thread);
}

/* The thread belongs to the System process and was made by the kernel (nf-wdm-ioissystemthread). */
BOOLEAN NTAPI IoIsSystemThread(PETHREAD Thread)
{
    return PsIsSystemThread(Thread);
}

/* Request the current thread is working for, or one of the FSRTL_... marks
 * (nf-ntifs-iogettoplevelirp). */
PIRP NTAPI IoGetTopLevelIrp(VOID)
{
    return KexGetTopLevelIrp();
}

VOID NTAPI IoSetTopLevelIrp(PIRP Irp)
{
    KexSetTopLevelIrp(Irp);
}

/* 64-bit callers only: the machine runs no 32-bit process (nf-wdm-iois32bitprocess). */
BOOLEAN NTAPI IoIs32bitProcess(PIRP Irp)
{
    UNREFERENCED_PARAMETER(Irp);
    return FALSE;
}

/* Windows 10's version of the driver model is 6.50 (nf-wdm-ioiswdmversionavailable). */
BOOLEAN NTAPI IoIsWdmVersionAvailable(UCHAR MajorVersion, UCHAR MinorVersion)
{
    return MajorVersion < 6 || (MajorVersion == 6 && MinorVersion <= 0x50);
}

/* ---- priority hints -------------------------------------------------------------------------- */

/* The hint lives in two bits of the request's flags, as on Windows: 0 is "none given", which means
 * normal. */
#define PRIORITY_SHIFT 17
#define PRIORITY_MASK (7u << PRIORITY_SHIFT)

IO_PRIORITY_HINT NTAPI IoGetIoPriorityHint(PIRP Irp)
{
    ULONG Value = (Irp->Flags & PRIORITY_MASK) >> PRIORITY_SHIFT;

    return Value ? (IO_PRIORITY_HINT)(Value - 1) : IoPriorityNormal;
}

/* STATUS_INVALID_PARAMETER for critical and beyond: only the memory manager uses it
 * (nf-ntddk-iosetiopriorityhint). */
NTSTATUS NTAPI IoSetIoPriorityHint(PIRP Irp, IO_PRIORITY_HINT PriorityHint)
{
    if (PriorityHint >= IoPriorityCritical)
        return STATUS_INVALID_PARAMETER;
    Irp->Flags = (Irp->Flags & ~PRIORITY_MASK) | (((ULONG)PriorityHint + 1) << PRIORITY_SHIFT);
    return STATUS_SUCCESS;
}

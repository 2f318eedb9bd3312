/* SPDX-License-Identifier: MIT */
/*
 * toyfs.h - a file system of the tests' own: small enough to see through, strict about what it is
 * sent. Files are buffers by name; requests can be held back and completed by another thread, fast
 * I/O can be offered or refused, and every request is written to a log of one letter per major
 * function.
 */
#ifndef OPENFLT_TEST_TOYFS_H
#define OPENFLT_TEST_TOYFS_H

#include "ex/ex.h"
#include "harness.h"
#include "io/io.h"
#include "mm/mm.h"
#include "ps/ps.h"
#include "zw/zw.h"

#define TOY_BYTES 65536

typedef struct _TOY_FILE {
    struct _TOY_FILE *Next;
    WCHAR Name[64];
    SHARE_ACCESS Share;
    SECTION_OBJECT_POINTERS Sections;
    LONGLONG Size;
    LONG Opens;
    bool DeleteOnClose;
    char Data[TOY_BYTES];
} TOY_FILE;

static struct {
    PDRIVER_OBJECT Driver;
    PDEVICE_OBJECT Volume;
    IOX_VOLUME *IoVolume;
    TOY_FILE *Files;
    char Log[256]; /* C create, U cleanup, X close, R W, Q S, F flush, L lock, D directory, f fast
                      ... */
    bool Pend;     /* complete reads and writes in another thread */
    bool Hold;     /* keep reads, cancellable, until ToyRelease */
    bool Cache;    /* opens look cached: fast I/O is tried */
    bool RefuseFast;
    NTSTATUS FailCreate;
    PIRP Held;
    ULONG LastFlags; /* IRP flags of the last read or write */
    KPROCESSOR_MODE LastMode;
    UCHAR LastStackFlags, LastMinor;
    LARGE_INTEGER LastOffset;
    PMDL LastMdl;
    PIRP LastTop;
} Toy;

static void ToyLog(char c)
{
    size_t n = strlen(Toy.Log);

    if (n + 1 < sizeof Toy.Log)
        Toy.Log[n] = c;
}

static NTSTATUS ToyDone(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static TOY_FILE *ToyFind(PCUNICODE_STRING Name)
{
    UNICODE_STRING Have;

    for (TOY_FILE *File = Toy.Files; File; File = File->Next) {
        RtlInitUnicodeString(&Have, File->Name);
        if (RtlEqualUnicodeString(&Have, Name, TRUE))
            return File;
    }
    return NULL;
}

static NTSTATUS NTAPI ToyCreate(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PFILE_OBJECT FileObject = Stack->FileObject;
    ULONG Disposition = Stack->Parameters.Create.Options >> 24;
    PACCESS_STATE Access = Stack->Parameters.Create.SecurityContext->AccessState;
    TOY_FILE *File = ToyFind(IoxFilePath(FileObject));
    ULONG_PTR Information = FILE_OPENED;
    NTSTATUS Status = STATUS_SUCCESS;

    UNREFERENCED_PARAMETER(Device);
    ToyLog('C');
    if (Toy.FailCreate)
        return ToyDone(Irp, Toy.FailCreate, 0);
    if (!File && (Disposition == FILE_OPEN || Disposition == FILE_OVERWRITE))
        return ToyDone(Irp, STATUS_OBJECT_NAME_NOT_FOUND, 0);
    if (File && Disposition == FILE_CREATE)
        return ToyDone(Irp, STATUS_OBJECT_NAME_COLLISION, FILE_EXISTS);
    if (!File) {
        File = calloc(1, sizeof *File);
        memcpy(File->Name, IoxFilePath(FileObject)->Buffer, IoxFilePath(FileObject)->Length);
        File->Next = Toy.Files;
        Toy.Files = File;
        Information = FILE_CREATED;
    }
    if (!File->Opens)
        IoSetShareAccess(Access->OriginalDesiredAccess, Stack->Parameters.Create.ShareAccess,
                         FileObject, &File->Share);
    else
        Status =
            IoCheckShareAccess(Access->OriginalDesiredAccess, Stack->Parameters.Create.ShareAccess,
                               FileObject, &File->Share, TRUE);
    if (!NT_SUCCESS(Status))
        return ToyDone(Irp, Status, 0);
    File->Opens++;
    FileObject->FsContext = File;
    FileObject->SectionObjectPointer = &File->Sections;
    if (Stack->Parameters.Create.Options & FILE_DELETE_ON_CLOSE)
        File->DeleteOnClose = true;
    if (Toy.Cache)
        FileObject->PrivateCacheMap = File;
    return ToyDone(Irp, STATUS_SUCCESS, Information);
}

static NTSTATUS NTAPI ToyCleanup(PDEVICE_OBJECT Device, PIRP Irp)
{
    PFILE_OBJECT FileObject = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    TOY_FILE *File = FileObject->FsContext;

    UNREFERENCED_PARAMETER(Device);
    ToyLog('U');
    if (File) {
        IoRemoveShareAccess(FileObject, &File->Share);
        File->Opens--;
        if (File->DeleteOnClose && !File->Opens)
            File->Name[0] = 0;
    }
    FileObject->Flags |= FO_CLEANUP_COMPLETE;
    return ToyDone(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI ToyClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    ToyLog('X');
    return ToyDone(Irp, STATUS_SUCCESS, 0);
}

/* Does the transfer itself; the request is completed by the caller. */
static NTSTATUS ToyMove(PIRP Irp, ULONG_PTR *Moved)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    TOY_FILE *File = Stack->FileObject->FsContext;
    bool Read = Stack->MajorFunction == IRP_MJ_READ;
    LONGLONG At = Stack->Parameters.Read.ByteOffset.QuadPart;
    ULONG Length = Stack->Parameters.Read.Length;
    char *Buffer = Irp->MdlAddress
                       ? MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority)
                       : Irp->UserBuffer;

    *Moved = 0;
    if (At == -1)
        At = File->Size;
    if (Read && At >= File->Size)
        return STATUS_END_OF_FILE;
    if (Read && At + Length > File->Size)
        Length = (ULONG)(File->Size - At);
    if (At + Length > TOY_BYTES)
        return STATUS_DISK_FULL;
    if (Read)
        memcpy(Buffer, File->Data + At, Length);
    else
        memcpy(File->Data + At, Buffer, Length);
    if (!Read && At + Length > File->Size)
        File->Size = At + Length;
    if ((Stack->FileObject->Flags & FO_SYNCHRONOUS_IO) && !(Irp->Flags & IRP_PAGING_IO))
        Stack->FileObject->CurrentByteOffset.QuadPart = At + Length;
    *Moved = Length;
    return STATUS_SUCCESS;
}

static VOID NTAPI ToyLater(PVOID Context)
{
    LARGE_INTEGER Little = {.QuadPart = -20000};
    ULONG_PTR Moved;
    NTSTATUS Status;

    KeDelayExecutionThread(KernelMode, FALSE, &Little);
    Status = ToyMove(Context, &Moved);
    ToyDone(Context, Status, Moved);
}

static VOID NTAPI ToyCancel(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    Toy.Held = NULL;
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    ToyLog('!');
    ToyDone(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS NTAPI ToyTransfer(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG_PTR Moved;
    NTSTATUS Status;
    HANDLE Thread;

    UNREFERENCED_PARAMETER(Device);
    ToyLog(Stack->MajorFunction == IRP_MJ_READ ? 'R' : 'W');
    Toy.LastFlags = Irp->Flags;
    Toy.LastMode = Irp->RequestorMode;
    Toy.LastStackFlags = Stack->Flags;
    Toy.LastOffset = Stack->Parameters.Read.ByteOffset;
    Toy.LastMdl = Irp->MdlAddress;
    if (Toy.Hold) {
        IoMarkIrpPending(Irp);
        (void)IoSetCancelRoutine(Irp, ToyCancel);
        __atomic_store_n(&Toy.Held, Irp, __ATOMIC_RELEASE);
        return STATUS_PENDING;
    }
    if (Toy.Pend) {
        IoMarkIrpPending(Irp);
        Status = PsCreateSystemThread(&Thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, ToyLater, Irp);
        REQUIRE(NT_SUCCESS(Status));
        ZwClose(Thread);
        return STATUS_PENDING;
    }
    Status = ToyMove(Irp, &Moved);
    return ToyDone(Irp, Status, Moved);
}

static NTSTATUS NTAPI ToyQuery(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    TOY_FILE *File = Stack->FileObject->FsContext;
    PVOID Out = Irp->AssociatedIrp.SystemBuffer;
    ULONG Room = Stack->Parameters.QueryFile.Length, Bytes;

    UNREFERENCED_PARAMETER(Device);
    ToyLog('Q');
    switch (Stack->Parameters.QueryFile.FileInformationClass) {
    case FileBasicInformation:
        ((PFILE_BASIC_INFORMATION)Out)->FileAttributes = FILE_ATTRIBUTE_NORMAL;
        return ToyDone(Irp, STATUS_SUCCESS, sizeof(FILE_BASIC_INFORMATION));
    case FileStandardInformation:
        ((PFILE_STANDARD_INFORMATION)Out)->EndOfFile.QuadPart = File->Size;
        return ToyDone(Irp, STATUS_SUCCESS, sizeof(FILE_STANDARD_INFORMATION));
    case FileNetworkOpenInformation:
        memset(Out, 0, sizeof(FILE_NETWORK_OPEN_INFORMATION));
        ((PFILE_NETWORK_OPEN_INFORMATION)Out)->EndOfFile.QuadPart = File->Size;
        return ToyDone(Irp, STATUS_SUCCESS, sizeof(FILE_NETWORK_OPEN_INFORMATION));
    case FileNameInformation: {
        PFILE_NAME_INFORMATION Name = Out;

        for (Bytes = 0; File->Name[Bytes / 2]; Bytes += 2)
            ;
        Name->FileNameLength = Bytes;
        if (Room < FIELD_OFFSET(FILE_NAME_INFORMATION, FileName) + Bytes) {
            memcpy(Name->FileName, File->Name,
                   Room - FIELD_OFFSET(FILE_NAME_INFORMATION, FileName));
            return ToyDone(Irp, STATUS_BUFFER_OVERFLOW, Room);
        }
        memcpy(Name->FileName, File->Name, Bytes);
        return ToyDone(Irp, STATUS_SUCCESS, FIELD_OFFSET(FILE_NAME_INFORMATION, FileName) + Bytes);
    }
    default:
        return ToyDone(Irp, STATUS_INVALID_PARAMETER, 0);
    }
}

static NTSTATUS NTAPI ToySimple(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    UNREFERENCED_PARAMETER(Device);
    ToyLog(Stack->MajorFunction == IRP_MJ_FLUSH_BUFFERS     ? 'F'
           : Stack->MajorFunction == IRP_MJ_LOCK_CONTROL    ? 'L'
           : Stack->MajorFunction == IRP_MJ_SET_INFORMATION ? 'S'
                                                            : 'O');
    Toy.LastMinor = Stack->MinorFunction;
    Toy.LastStackFlags = Stack->Flags;
    return ToyDone(Irp, STATUS_SUCCESS, 0);
}

/* Echoes the input back, upper-cased, in each transfer method. */
static NTSTATUS NTAPI ToyControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG Method = Stack->Parameters.FileSystemControl.FsControlCode & 3;
    ULONG In = Stack->Parameters.FileSystemControl.InputBufferLength;
    ULONG Room = Stack->Parameters.FileSystemControl.OutputBufferLength;
    const char *From = Method == METHOD_NEITHER
                           ? Stack->Parameters.FileSystemControl.Type3InputBuffer
                           : Irp->AssociatedIrp.SystemBuffer;
    char *To = Method == METHOD_BUFFERED ? Irp->AssociatedIrp.SystemBuffer
               : Method == METHOD_NEITHER
                   ? Irp->UserBuffer
                   : MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);

    UNREFERENCED_PARAMETER(Device);
    ToyLog('O');
    for (ULONG i = 0; i < In && i < Room; i++)
        To[i] = From[i] >= 'a' && From[i] <= 'z' ? From[i] - 32 : From[i];
    return ToyDone(Irp, STATUS_SUCCESS, In < Room ? In : Room);
}

static BOOLEAN NTAPI ToyFastRead(PFILE_OBJECT FileObject, PLARGE_INTEGER Offset, ULONG Length,
                                 BOOLEAN Wait, ULONG Key, PVOID Buffer, PIO_STATUS_BLOCK Iosb,
                                 PDEVICE_OBJECT Device)
{
    TOY_FILE *File = FileObject->FsContext;

    UNREFERENCED_PARAMETER(Wait);
    UNREFERENCED_PARAMETER(Key);
    UNREFERENCED_PARAMETER(Device);
    ToyLog('f');
    if (Toy.RefuseFast)
        return FALSE;
    memcpy(Buffer, File->Data + Offset->QuadPart, Length);
    FileObject->CurrentByteOffset.QuadPart = Offset->QuadPart + Length;
    *Iosb = (IO_STATUS_BLOCK){.Status = STATUS_SUCCESS, .Information = Length};
    return TRUE;
}

static BOOLEAN NTAPI ToyFastStandard(PFILE_OBJECT FileObject, BOOLEAN Wait,
                                     PFILE_STANDARD_INFORMATION Out, PIO_STATUS_BLOCK Iosb,
                                     PDEVICE_OBJECT Device)
{
    UNREFERENCED_PARAMETER(Wait);
    UNREFERENCED_PARAMETER(Device);
    ToyLog('f');
    if (Toy.RefuseFast)
        return FALSE;
    Out->EndOfFile.QuadPart = ((TOY_FILE *)FileObject->FsContext)->Size;
    *Iosb = (IO_STATUS_BLOCK){.Status = STATUS_SUCCESS, .Information = sizeof *Out};
    return TRUE;
}

static FAST_IO_DISPATCH ToyFast = {.SizeOfFastIoDispatch = sizeof ToyFast};

static NTSTATUS NTAPI ToyEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    Driver->MajorFunction[IRP_MJ_CREATE] = ToyCreate;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = ToyCleanup;
    Driver->MajorFunction[IRP_MJ_CLOSE] = ToyClose;
    Driver->MajorFunction[IRP_MJ_READ] = ToyTransfer;
    Driver->MajorFunction[IRP_MJ_WRITE] = ToyTransfer;
    Driver->MajorFunction[IRP_MJ_QUERY_INFORMATION] = ToyQuery;
    Driver->MajorFunction[IRP_MJ_SET_INFORMATION] = ToySimple;
    Driver->MajorFunction[IRP_MJ_FLUSH_BUFFERS] = ToySimple;
    Driver->MajorFunction[IRP_MJ_LOCK_CONTROL] = ToySimple;
    Driver->MajorFunction[IRP_MJ_FILE_SYSTEM_CONTROL] = ToyControl;
    ToyFast.FastIoRead = ToyFastRead;
    ToyFast.FastIoQueryStandardInfo = ToyFastStandard;
    Driver->FastIoDispatch = &ToyFast;
    return STATUS_SUCCESS;
}

static NTSTATUS ToyMount(PDEVICE_OBJECT Disk, PVPB Vpb, void *Context, PDEVICE_OBJECT *FileSystem)
{
    UNREFERENCED_PARAMETER(Disk);
    UNREFERENCED_PARAMETER(Vpb);
    UNREFERENCED_PARAMETER(Context);
    NTSTATUS Status =
        IoCreateDevice(Toy.Driver, 0, NULL, FILE_DEVICE_DISK_FILE_SYSTEM, 0, FALSE, &Toy.Volume);

    *FileSystem = Toy.Volume;
    return Status;
}

/* The rooms below a file system, without the file system. */
static void StartKernel(void)
{
    REQUIRE(NT_SUCCESS(KexStart()));
    REQUIRE(NT_SUCCESS(ExxStart()));
    REQUIRE(NT_SUCCESS(ObxStart()));
    REQUIRE(NT_SUCCESS(MmxStart()));
    REQUIRE(NT_SUCCESS(PsxStart()));
    REQUIRE(NT_SUCCESS(IoxStart()));
    REQUIRE(NT_SUCCESS(ZwxStart()));
}

static inline void StartToy(void)
{
    static const UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\FileSystem\\toy");
    IOX_VOLUME_SPEC Spec = {.Mount = ToyMount};

    StartKernel();
    REQUIRE(NT_SUCCESS(IoxCreateDriver(&Name, ToyEntry, &Toy.Driver)));
    REQUIRE(NT_SUCCESS(IoxCreateVolume(&Spec, &Toy.IoVolume)));
}

static inline NTSTATUS ToyOpen(const WCHAR *Path, ACCESS_MASK Access, ULONG Share,
                               ULONG Disposition, ULONG Options, PHANDLE Handle)
{
    UNICODE_STRING Name;
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Iosb;

    RtlInitUnicodeString(&Name, Path);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return ZwCreateFile(Handle, Access, &Attributes, &Iosb, NULL, FILE_ATTRIBUTE_NORMAL, Share,
                        Disposition, Options, NULL, 0);
}

/* Synchronous, shared with everybody, created when it is not there. */
static inline HANDLE ToyFileHandle(const WCHAR *Path)
{
    HANDLE Handle = NULL;
    NTSTATUS Status =
        ToyOpen(Path, FILE_GENERIC_READ | FILE_GENERIC_WRITE | DELETE, FILE_SHARE_VALID_FLAGS,
                FILE_OPEN_IF, FILE_SYNCHRONOUS_IO_NONALERT, &Handle);

    if (!NT_SUCCESS(Status))
        fprintf(stderr, "open failed: 0x%08x\n", (unsigned)Status);
    REQUIRE(NT_SUCCESS(Status));
    return Handle;
}

static inline PFILE_OBJECT ToyFileObject(HANDLE Handle)
{
    PVOID Object;

    REQUIRE(NT_SUCCESS(
        ObReferenceObjectByHandle(Handle, 0, IoFileObjectType, KernelMode, &Object, NULL)));
    ObDereferenceObject(Object);
    return Object;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * File objects: what they carry, cleanup when the last handle closes, close when the last reference
 * goes, and the lock that makes a synchronous one take one request at a time.
 */
#include "io/iop.h"

/* ---- extension ------------------------------------------------------------------------------- */

IOP_FILE_EXTENSION *IopFileExtension(PFILE_OBJECT FileObject, bool Create)
{
    IOP_FILE_EXTENSION *Extension =
        __atomic_load_n(&FileObject->FileObjectExtension, __ATOMIC_ACQUIRE);
    PVOID Expected = NULL;

    if (Extension || !Create)
        return Extension;
    Extension = calloc(1, sizeof *Extension);
    if (Extension &&
        !__atomic_compare_exchange_n((PVOID *)&FileObject->FileObjectExtension, &Expected,
                                     Extension, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        free(Extension);
        Extension = Expected;
    }
    return Extension;
}

PCUNICODE_STRING IoxFilePath(PFILE_OBJECT FileObject)
{
    IOP_FILE_EXTENSION *Extension = IopFileExtension(FileObject, false);

    return Extension && Extension->Path.Buffer ? &Extension->Path : &FileObject->FileName;
}

PDEVICE_OBJECT IoxFileTargetDevice(PFILE_OBJECT FileObject)
{
    IOP_FILE_EXTENSION *Extension = IopFileExtension(FileObject, false);

    return Extension ? Extension->TargetDevice : NULL;
}

/* ---- creation -------------------------------------------------------------------------------- */

NTSTATUS IoxCreateFileObject(PDEVICE_OBJECT Device, const void *Caller, PFILE_OBJECT *Out)
{
    PFILE_OBJECT FileObject;
    NTSTATUS Status;

    Status = ObxCreateObject(&IoxFileType, sizeof *FileObject, Caller, (PVOID *)&FileObject);
    if (!NT_SUCCESS(Status))
        return Status;
    FileObject->Type = IO_TYPE_FILE;
    FileObject->Size = sizeof *FileObject;
    FileObject->DeviceObject = Device;
    KeInitializeEvent(&FileObject->Lock, SynchronizationEvent, FALSE);
    KeInitializeEvent(&FileObject->Event, NotificationEvent, FALSE);
    KeInitializeSpinLock(&FileObject->IrpListLock);
    InitializeListHead(&FileObject->IrpList);
    *Out = FileObject;
    return STATUS_SUCCESS;
}

/* Device a stream file stands on: the file's own, or the volume a device was given for. */
static NTSTATUS CreateStream(PFILE_OBJECT Model, PDEVICE_OBJECT Device, PDEVICE_OBJECT Target,
                             const void *Caller, PFILE_OBJECT *Out)
{
    IOP_FILE_EXTENSION *Extension;
    PFILE_OBJECT FileObject;
    NTSTATUS Status;

    if (Model)
        Device = Model->DeviceObject;
    Status = IoxCreateFileObject(Device, Caller, &FileObject);
    if (!NT_SUCCESS(Status))
        return Status;
    IopReferenceDevice(Device);
    FileObject->Flags = FO_STREAM_FILE;
    if (Device->Vpb) {
        FileObject->Vpb = Device->Vpb;
        __atomic_fetch_add(&FileObject->Vpb->ReferenceCount, 1, __ATOMIC_RELAXED);
    }
    if (Target) {
        Extension = IopFileExtension(FileObject, true);
        if (Extension) {
            ObReferenceObject(Target);
            Extension->TargetDevice = Target;
        }
    }
    *Out = FileObject;
    return STATUS_SUCCESS;
}

/* The stream comes with a handle that is closed at once: the file system sees a cleanup, and the
 * file object is complete from then on. */
static void CloseFirstHandle(PFILE_OBJECT FileObject)
{
    HANDLE Handle;

    if (!NT_SUCCESS(ObxInsertHandle(PsInitialSystemProcess, FileObject, FILE_READ_DATA,
                                    OBJ_KERNEL_HANDLE, &Handle)))
        return;
    FileObject->Flags |= FO_HANDLE_CREATED;
    ObxCloseHandle(Handle, KernelMode, NULL);
}

/*
 * A file object a file system uses for a stream of its own (a directory's data, metadata).
 * PASSIVE_LEVEL. The file system gets IRP_MJ_CLEANUP for it before this returns, and IRP_MJ_CLOSE
 * when the last reference goes. Exactly one of the two arguments names the volume
 * (nf-ntifs-iocreatestreamfileobject). NULL when memory is short.
 */
PFILE_OBJECT NTAPI IoCreateStreamFileObject(PFILE_OBJECT FileObject, PDEVICE_OBJECT DeviceObject)
{
    PFILE_OBJECT Stream;

    if (!NT_SUCCESS(
            CreateStream(FileObject, DeviceObject, NULL, __builtin_return_address(0), &Stream)))
        return NULL;
    CloseFirstHandle(Stream);
    return Stream;
}

/* The same, with a handle for the caller when it asks for one
 * (nf-ntifs-iocreatestreamfileobjectex). */
PFILE_OBJECT NTAPI IoCreateStreamFileObjectEx(PFILE_OBJECT FileObject, PDEVICE_OBJECT DeviceObject,
                                              PHANDLE FileObjectHandle)
{
    PFILE_OBJECT Stream;

    if (!NT_SUCCESS(
            CreateStream(FileObject, DeviceObject, NULL, __builtin_return_address(0), &Stream)))
        return NULL;
    if (!FileObjectHandle) {
        CloseFirstHandle(Stream);
    } else if (NT_SUCCESS(ObxInsertHandle(PsInitialSystemProcess, Stream, FILE_READ_DATA,
                                          OBJ_KERNEL_HANDLE, FileObjectHandle))) {
        Stream->Flags |= FO_HANDLE_CREATED;
    } else {
        *FileObjectHandle = NULL;
    }
    return Stream;
}

/* Chooses the device that the stream's requests go to (nf-ntifs-iocreatestreamfileobjectex2). */
NTSTATUS NTAPI IoCreateStreamFileObjectEx2(PIO_CREATE_STREAM_FILE_OPTIONS CreateOptions,
                                           PFILE_OBJECT FileObject, PDEVICE_OBJECT DeviceObject,
                                           PFILE_OBJECT *StreamFileObject, PHANDLE FileObjectHandle)
{
    PDEVICE_OBJECT Target = CreateOptions ? CreateOptions->TargetDeviceObject : NULL;
    bool Lite = CreateOptions && (CreateOptions->Flags & IO_CREATE_STREAM_FILE_LITE);
    NTSTATUS Status;

    Status = CreateStream(FileObject, DeviceObject, Target, __builtin_return_address(0),
                          StreamFileObject);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Lite)
        (*StreamFileObject)->Flags |= FO_HANDLE_CREATED;
    else if (FileObjectHandle)
        Status = ObxInsertHandle(PsInitialSystemProcess, *StreamFileObject, FILE_READ_DATA,
                                 OBJ_KERNEL_HANDLE, FileObjectHandle);
    else
        CloseFirstHandle(*StreamFileObject);
    return Status;
}

/* Without a handle, and so without a cleanup request (nf-ntifs-iocreatestreamfileobjectlite). */
PFILE_OBJECT NTAPI IoCreateStreamFileObjectLite(PFILE_OBJECT FileObject,
                                                PDEVICE_OBJECT DeviceObject)
{
    PFILE_OBJECT Stream;

    if (!NT_SUCCESS(
            CreateStream(FileObject, DeviceObject, NULL, __builtin_return_address(0), &Stream)))
        return NULL;
    /* No handle will ever be made: deletion must not take the missing one for an unfinished open.
     */
    Stream->Flags |= FO_HANDLE_CREATED;
    return Stream;
}

/* ---- the synchronous lock -------------------------------------------------------------------- */

/* Busy is the lock, Waiters how many threads wait on Lock for it. */
NTSTATUS IoxLockFile(PFILE_OBJECT FileObject, KPROCESSOR_MODE Mode, const void *Caller)
{
    BOOLEAN Alertable = (FileObject->Flags & FO_ALERTABLE_IO) != 0;
    KEX_WAIT Why = {"file object lock", FileObject, NULL, NULL, false, Caller};
    NTSTATUS Status = STATUS_SUCCESS;

    if (!__atomic_exchange_n(&FileObject->Busy, 1, __ATOMIC_ACQUIRE)) {
        ObReferenceObject(FileObject);
        return STATUS_SUCCESS;
    }
    __atomic_fetch_add(&FileObject->Waiters, 1, __ATOMIC_ACQ_REL);
    while (__atomic_exchange_n(&FileObject->Busy, 1, __ATOMIC_ACQUIRE)) {
        Status = KexWaitForObject(&FileObject->Lock, Mode, Alertable, NULL, &Why);
        if (Status != STATUS_SUCCESS)
            break;
    }
    __atomic_fetch_sub(&FileObject->Waiters, 1, __ATOMIC_ACQ_REL);
    if (Status != STATUS_SUCCESS) {
        /* A wake that came for us goes to the next one who waits. */
        if (!__atomic_load_n(&FileObject->Busy, __ATOMIC_ACQUIRE) &&
            __atomic_load_n(&FileObject->Waiters, __ATOMIC_ACQUIRE))
            KeSetEvent(&FileObject->Lock, 0, FALSE);
        return Status;
    }
    ObReferenceObject(FileObject);
    return STATUS_SUCCESS;
}

void IoxUnlockFile(PFILE_OBJECT FileObject)
{
    __atomic_store_n(&FileObject->Busy, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&FileObject->Waiters, __ATOMIC_SEQ_CST))
        KeSetEvent(&FileObject->Lock, 0, FALSE);
    ObDereferenceObject(FileObject);
}

/* ---- cleanup and close ----------------------------------------------------------------------- */

/* One request without data that must not fail for lack of memory; waits for its end whatever APCs
 * are kept out. */
static NTSTATUS SendClosing(PFILE_OBJECT FileObject, UCHAR Major)
{
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(FileObject);
    KEX_WAIT Why = {Major == IRP_MJ_CLEANUP ? "IRP_MJ_CLEANUP" : "IRP_MJ_CLOSE",
                    FileObject,
                    NULL,
                    NULL,
                    false,
                    __builtin_return_address(0)};
    PIO_STACK_LOCATION Stack;
    IO_STATUS_BLOCK Iosb = {0};
    KEVENT Event;
    PIRP Irp;

    while (!(Irp = IopAllocateIrp(Device->StackSize, __builtin_return_address(0)))) {
        LARGE_INTEGER Little = {.QuadPart = -100000};

        KeDelayExecutionThread(KernelMode, FALSE, &Little);
    }
    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    KeClearEvent(&FileObject->Event);
    Irp->Tail.Overlay.OriginalFileObject = FileObject;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Irp->UserIosb = &Iosb;
    Irp->UserEvent = &Event;
    Irp->Flags = IRP_SYNCHRONOUS_API | IRP_CLOSE_OPERATION;
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = Major;
    Stack->FileObject = FileObject;
    if (IoxSend(Device, Irp) == STATUS_PENDING)
        KexWaitForObject(&Event, KernelMode, FALSE, NULL, &Why);
    IopFreeIrp(Irp);
    return Iosb.Status;
}

/* Locks that the closing process still holds: by the fast path, else by request. */
static void UnlockAll(PFILE_OBJECT FileObject, PEPROCESS Process)
{
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(FileObject);
    PFAST_IO_DISPATCH Fast = IoxFastIo(Device, FIELD_OFFSET(FAST_IO_DISPATCH, FastIoUnlockAll));
    PIO_STACK_LOCATION Stack;
    IO_STATUS_BLOCK Iosb;
    KEVENT Event;
    PIRP Irp;

    if (Fast && Fast->FastIoUnlockAll(FileObject, Process, &Iosb, Device))
        return;
    Irp = IopAllocateIrp(Device->StackSize, __builtin_return_address(0));
    if (!Irp)
        return; /* the file system drops the rest at cleanup */
    KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
    Irp->Tail.Overlay.OriginalFileObject = FileObject;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Irp->UserIosb = &Iosb;
    Irp->UserEvent = &Event;
    Irp->Flags = IRP_SYNCHRONOUS_API;
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = IRP_MJ_LOCK_CONTROL;
    Stack->MinorFunction = IRP_MN_UNLOCK_ALL;
    Stack->FileObject = FileObject;
    ObReferenceObject(FileObject);
    IoxQueueIrpToThread(Irp);
    IoxSendAndWait(Device, Irp, &Event, &Iosb);
}

static void CloseFile(PEPROCESS Process, PVOID Body, ACCESS_MASK Granted, LONG ProcessHandles,
                      LONG SystemHandles)
{
    PFILE_OBJECT FileObject = Body;
    bool Synchronous = (FileObject->Flags & FO_SYNCHRONOUS_IO) != 0;

    UNREFERENCED_PARAMETER(Granted);
    if (!FileObject->DeviceObject)
        return;
    if (ProcessHandles == 1 && FileObject->LockOperation && SystemHandles != 1)
        UnlockAll(FileObject, Process);
    if (SystemHandles != 1)
        return;
    if (Synchronous)
        IoxLockFile(FileObject, KernelMode, __builtin_return_address(0));
    SendClosing(FileObject, IRP_MJ_CLEANUP);
    if (Synchronous)
        IoxUnlockFile(FileObject);
}

void IopReleaseFileDevice(PFILE_OBJECT FileObject)
{
    PDEVICE_OBJECT Device = FileObject->DeviceObject;
    PVPB Vpb = FileObject->Vpb;

    FileObject->DeviceObject = NULL;
    FileObject->Vpb = NULL;
    if (Vpb)
        __atomic_fetch_sub(&Vpb->ReferenceCount, 1, __ATOMIC_RELEASE);
    if (Device)
        IopDereferenceDevice(Device);
}

static void FreeExtension(PFILE_OBJECT FileObject)
{
    IOP_FILE_EXTENSION *Extension = FileObject->FileObjectExtension;

    if (!Extension)
        return;
    FileObject->FileObjectExtension = NULL;
    if (Extension->TargetDevice)
        ObDereferenceObject(Extension->TargetDevice);
    free(Extension->Path.Buffer);
    free(Extension);
}

static void DeleteFile(PVOID Body)
{
    PFILE_OBJECT FileObject = Body;

    if (FileObject->DeviceObject) {
        /* Opened but never given a handle: the file system is owed the cleanup first. */
        if (!(FileObject->Flags & (FO_HANDLE_CREATED | FO_FILE_OPEN_CANCELLED)))
            SendClosing(FileObject, IRP_MJ_CLEANUP);
        if (!(FileObject->Flags & FO_FILE_OPEN_CANCELLED))
            SendClosing(FileObject, IRP_MJ_CLOSE);
    }
    if (FileObject->FileName.Buffer)
        ExFreePool(FileObject->FileName.Buffer);
    FileObject->FileName.Buffer = NULL;
    FreeExtension(FileObject);
    IopReleaseFileDevice(FileObject);
    if (FileObject->RelatedFileObject)
        ObDereferenceObject(FileObject->RelatedFileObject);
    if (FileObject->CompletionContext) {
        ObDereferenceObject(FileObject->CompletionContext->Port);
        ExFreePool(FileObject->CompletionContext);
    }
}

/*
 * Undoes an open before its handle exists: a filter that refuses a file after the file system
 * opened it. The caller's create is being completed with an error (nf-ntifs-iocancelfileopen).
 * PASSIVE_LEVEL.
 */
VOID NTAPI IoCancelFileOpen(PDEVICE_OBJECT DeviceObject, PFILE_OBJECT FileObject)
{
    static const UCHAR Majors[] = {IRP_MJ_CLEANUP, IRP_MJ_CLOSE};

    if (FileObject->Flags & FO_HANDLE_CREATED)
        KexFinding("IRP-025", "verifier", __builtin_return_address(0),
                   "IoCancelFileOpen was called for a file object that has a handle");
    FileObject->Flags |= FO_FILE_OPEN_CANCELLED;
    for (size_t i = 0; i < sizeof Majors; i++) {
        PIRP Irp = IopAllocateIrp(DeviceObject->StackSize, __builtin_return_address(0));
        PIO_STACK_LOCATION Stack;
        IO_STATUS_BLOCK Iosb;
        KEVENT Event;

        if (!Irp)
            return;
        KeInitializeEvent(&Event, SynchronizationEvent, FALSE);
        Irp->Tail.Overlay.OriginalFileObject = FileObject;
        Irp->Tail.Overlay.Thread = PsGetCurrentThread();
        Irp->UserIosb = &Iosb;
        Irp->UserEvent = &Event;
        Irp->Flags = IRP_SYNCHRONOUS_API | IRP_CLOSE_OPERATION;
        Stack = IoGetNextIrpStackLocation(Irp);
        Stack->MajorFunction = Majors[i];
        Stack->FileObject = FileObject;
        IoxSendAndWait(DeviceObject, Irp, &Event, &Iosb);
        IopFreeIrp(Irp);
    }
}

/* ---- names ----------------------------------------------------------------------------------- */

static NTSTATUS AskName(PFILE_OBJECT FileObject, PFILE_NAME_INFORMATION Buffer, ULONG Length,
                        PULONG Used)
{
    return IoQueryFileInformation(FileObject, FileNameInformation, Length, Buffer, Used);
}

/* Device name, then what the file system says. Called for ObQueryNameString. */
static NTSTATUS QueryFileName(PVOID Body, POBJECT_NAME_INFORMATION Out, ULONG Length, PULONG Needed)
{
    PFILE_OBJECT FileObject = Body;
    ULONG NameRoom = sizeof(FILE_NAME_INFORMATION) + 0xfffe, Used = 0, DeviceNeeded;
    PFILE_NAME_INFORMATION Name;
    NTSTATUS Status;
    USHORT Bytes;

    *Needed = 0;
    if (!FileObject->DeviceObject)
        return STATUS_OBJECT_PATH_INVALID;
    Status = ObQueryNameString(FileObject->DeviceObject, Out, Length, &DeviceNeeded);
    if (!NT_SUCCESS(Status) && Status != STATUS_INFO_LENGTH_MISMATCH)
        return Status;
    if (FileObject->Flags & FO_DIRECT_DEVICE_OPEN) {
        *Needed = DeviceNeeded;
        return Status;
    }
    Name = malloc(NameRoom);
    if (!Name)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = AskName(FileObject, Name, NameRoom, &Used);
    if (!NT_SUCCESS(Status)) {
        /* A volume or a device that has no names below it is its device. */
        Status = Status == STATUS_INVALID_PARAMETER || Status == STATUS_INVALID_DEVICE_REQUEST ||
                         Status == STATUS_NOT_IMPLEMENTED || Status == STATUS_INVALID_INFO_CLASS
                     ? STATUS_SUCCESS
                     : Status;
        Name->FileNameLength = 0;
    }
    *Needed = DeviceNeeded + Name->FileNameLength;
    if (NT_SUCCESS(Status) && Length < *Needed)
        Status = STATUS_INFO_LENGTH_MISMATCH;
    if (NT_SUCCESS(Status)) {
        Bytes = Out->Name.Length;
        memcpy((char *)Out->Name.Buffer + Bytes, Name->FileName, Name->FileNameLength);
        Out->Name.Length = (USHORT)(Bytes + Name->FileNameLength);
        Out->Name.MaximumLength = Out->Name.Length + sizeof(WCHAR);
        Out->Name.Buffer[Out->Name.Length / sizeof(WCHAR)] = 0;
    }
    free(Name);
    return Status;
}

OBX_TYPE IoxFileType = {
    .Label = "File",
    .Mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS},
    .ValidAccess = FILE_ALL_ACCESS,
    .DispatcherOffset = FIELD_OFFSET(FILE_OBJECT, Event),
    .Delete = DeleteFile,
    .Close = CloseFile,
    .Parse = IopParseFile,
    .QueryName = QueryFileName,
};

POBJECT_TYPE IoFileObjectType = &IoxFileType;

/* Generic rights of files (nf-ntifs-iogetfileobjectgenericmapping). Any IRQL. */
PGENERIC_MAPPING NTAPI IoGetFileObjectGenericMapping(VOID)
{
    return &IoxFileType.Mapping;
}

/*
 * Gives a file object another name before it is opened, as a filter does that redirects a create
 * (nf-ntifs-ioreplacefileobjectname). IRQL <= APC_LEVEL. STATUS_INSUFFICIENT_RESOURCES,
 * STATUS_INVALID_PARAMETER.
 */
NTSTATUS NTAPI IoReplaceFileObjectName(PFILE_OBJECT FileObject, PWSTR NewFileName,
                                       USHORT FileNameLength)
{
    PWCH Buffer, Old = FileObject->FileName.Buffer;

    if (FileNameLength > FileObject->FileName.MaximumLength || !Old) {
        Buffer = ExAllocatePoolWithTag(PagedPool, FileNameLength ? FileNameLength : sizeof(WCHAR),
                                       IOX_POOL_TAG);
        if (!Buffer)
            return STATUS_INSUFFICIENT_RESOURCES;
        if (Old)
            ExFreePool(Old);
        FileObject->FileName.Buffer = Buffer;
        FileObject->FileName.MaximumLength = FileNameLength;
    }
    memcpy(FileObject->FileName.Buffer, NewFileName, FileNameLength);
    FileObject->FileName.Length = FileNameLength;
    return STATUS_SUCCESS;
}

/* Remote opens: set by a server before the create, read by filters (nf-ntifs-iosetfileorigin,
 * nf-ntifs-ioisfileoriginremote). */
NTSTATUS NTAPI IoSetFileOrigin(PFILE_OBJECT FileObject, BOOLEAN Remote)
{
    bool Was = (FileObject->Flags & FO_REMOTE_ORIGIN) != 0;

    if (Was == (Remote != 0))
        return STATUS_INVALID_PARAMETER_MIX;
    if (Remote)
        FileObject->Flags |= FO_REMOTE_ORIGIN;
    else
        FileObject->Flags &= ~(ULONG)FO_REMOTE_ORIGIN;
    return STATUS_SUCCESS;
}

BOOLEAN NTAPI IoIsFileOriginRemote(PFILE_OBJECT FileObject)
{
    return (FileObject->Flags & FO_REMOTE_ORIGIN) != 0;
}

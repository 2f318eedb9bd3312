/* SPDX-License-Identifier: MIT */
/*
 * Opens: from IoCreateFile through the name space to IRP_MJ_CREATE at the top of the volume's
 * stack.
 *
 * IoCreateFile makes an IOX_OPEN and lets the object manager walk the name. The walk arrives at a
 * device (or starts at a file, for relative names), whose parse routine is IopParseDevice: it
 * builds the file object and the request. A reparse changes the name and sends the walk round
 * again.
 */
#include "io/iop.h"
#include "io/reparse.h"

#define VALID_OPTIONS 0x00ffffffu
#define DIRECTORY_OPTIONS                                                                          \
    (FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT |              \
     FILE_WRITE_THROUGH | FILE_COMPLETE_IF_OPLOCKED | FILE_OPEN_FOR_BACKUP_INTENT |                \
     FILE_DELETE_ON_CLOSE | FILE_OPEN_FOR_FREE_SPACE_QUERY | FILE_OPEN_BY_FILE_ID |                \
     FILE_OPEN_REPARSE_POINT | FILE_OPEN_NO_RECALL | FILE_OPEN_REMOTE_INSTANCE)

/* ---- the request ----------------------------------------------------------------------------- */

static ULONG FileFlags(const IOX_OPEN *Open)
{
    ULONG Options = Open->CreateOptions, Flags = 0;

    if (Options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT))
        Flags |= FO_SYNCHRONOUS_IO;
    if (Options & FILE_SYNCHRONOUS_IO_ALERT)
        Flags |= FO_ALERTABLE_IO;
    if (Options & FILE_NO_INTERMEDIATE_BUFFERING)
        Flags |= FO_NO_INTERMEDIATE_BUFFERING;
    if (Options & FILE_WRITE_THROUGH)
        Flags |= FO_WRITE_THROUGH;
    if (Options & FILE_SEQUENTIAL_ONLY)
        Flags |= FO_SEQUENTIAL_ONLY;
    if (Options & FILE_RANDOM_ACCESS)
        Flags |= FO_RANDOM_ACCESS;
    return Flags;
}

/* Path from the volume's root, for traces and reports: a relative name hangs below its directory's.
 */
static void RecordPath(PFILE_OBJECT FileObject)
{
    IOP_FILE_EXTENSION *Extension = IopFileExtension(FileObject, true);
    PCUNICODE_STRING Base =
        FileObject->RelatedFileObject ? IoxFilePath(FileObject->RelatedFileObject) : NULL;
    PUNICODE_STRING Name = &FileObject->FileName;
    size_t Front = Base ? Base->Length : 0;
    bool Separator = Front && Name->Length &&
                     ((PWCH)Base->Buffer)[Front / sizeof(WCHAR) - 1] != L'\\' &&
                     Name->Buffer[0] != L':';
    size_t Bytes = Front + Separator * sizeof(WCHAR) + Name->Length;
    WCHAR *Buffer;

    if (!Extension || Bytes > 0xfffe || !(Buffer = malloc(Bytes + sizeof(WCHAR))))
        return;
    if (Front)
        memcpy(Buffer, Base->Buffer, Front);
    if (Separator)
        Buffer[Front / sizeof(WCHAR)] = L'\\';
    if (Name->Length)
        memcpy((char *)Buffer + Bytes - Name->Length, Name->Buffer, Name->Length);
    free(Extension->Path.Buffer);
    Extension->Path = (UNICODE_STRING){(USHORT)Bytes, (USHORT)Bytes, Buffer};
}

static NTSTATUS NameFile(PFILE_OBJECT FileObject, PCUNICODE_STRING Name)
{
    if (Name->Length) {
        /* From pool: filters and file systems replace and free it. */
        FileObject->FileName.Buffer =
            ExAllocatePoolWithTag(PagedPool, Name->Length + sizeof(WCHAR), IOX_POOL_TAG);
        if (!FileObject->FileName.Buffer)
            return STATUS_INSUFFICIENT_RESOURCES;
        memcpy(FileObject->FileName.Buffer, Name->Buffer, Name->Length);
        FileObject->FileName.Length = Name->Length;
        FileObject->FileName.MaximumLength = Name->Length + sizeof(WCHAR);
        FileObject->FileName.Buffer[Name->Length / sizeof(WCHAR)] = 0;
    }
    RecordPath(FileObject);
    return STATUS_SUCCESS;
}

/* A file object that holds its device, its VPB and the file its name is relative to. */
static NTSTATUS MakeFile(IOX_OPEN *Open, PDEVICE_OBJECT Device, PVPB Vpb, PCUNICODE_STRING Name,
                         bool Direct, PFILE_OBJECT *Out)
{
    PFILE_OBJECT FileObject;
    NTSTATUS Status;

    Status = IoxCreateFileObject(Device, __builtin_return_address(0), &FileObject);
    if (!NT_SUCCESS(Status))
        return Status;
    IopReferenceDevice(Device);
    if (Vpb) {
        FileObject->Vpb = Vpb;
        __atomic_fetch_add(&Vpb->ReferenceCount, 1, __ATOMIC_RELAXED);
    }
    FileObject->Flags = FileFlags(Open) | (Direct ? FO_DIRECT_DEVICE_OPEN : 0);
    FileObject->RelatedFileObject = Open->RelatedFileObject;
    if (Open->RelatedFileObject) {
        ObReferenceObject(Open->RelatedFileObject);
        FileObject->Flags |= Open->RelatedFileObject->Flags & FO_REMOTE_ORIGIN;
    }
    if (Open->TargetDevice) {
        IOP_FILE_EXTENSION *Extension = IopFileExtension(FileObject, true);

        if (Extension) {
            ObReferenceObject(Open->TargetDevice);
            Extension->TargetDevice = Open->TargetDevice;
        }
    }
    if (Open->Options & IO_IGNORE_SHARE_ACCESS_CHECK) {
        IOP_FILE_EXTENSION *Extension = IopFileExtension(FileObject, true);

        if (Extension)
            Extension->IgnoreSharing = true;
    }
    Status = NameFile(FileObject, Name);
    *Out = FileObject;
    return Status;
}

/* The open came to nothing: the file object goes without the file system hearing of it again. */
static void UnmakeFile(PFILE_OBJECT FileObject)
{
    IopReleaseFileDevice(FileObject);
    ObDereferenceObject(FileObject);
}

static void FillCreate(PIRP Irp, IOX_OPEN *Open, OBX_OPEN *Walk, PFILE_OBJECT FileObject,
                       PIO_SECURITY_CONTEXT Security)
{
    static const UCHAR Majors[] = {IRP_MJ_CREATE, IRP_MJ_CREATE_NAMED_PIPE, IRP_MJ_CREATE_MAILSLOT};
    PIO_STACK_LOCATION Stack = IoGetNextIrpStackLocation(Irp);

    *Security = (IO_SECURITY_CONTEXT){Walk->Qos, Walk->AccessState, Open->DesiredAccess,
                                      Open->CreateOptions};
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Irp->Tail.Overlay.OriginalFileObject = FileObject;
    Irp->RequestorMode = Walk->Mode;
    Irp->Flags = IRP_CREATE_OPERATION | IRP_SYNCHRONOUS_API | IRP_DEFER_IO_COMPLETION;
    Irp->Overlay.AllocationSize = Open->AllocationSize;
    Irp->AssociatedIrp.SystemBuffer = Open->EaBuffer;
    IOP_BLOCK_OF(Irp)->EcpList = Open->EcpList;
    Stack->MajorFunction = Majors[Open->CreateType];
    /* Force-access-check, paging file, target directory, stop on symlink, case: the same bits as
     * IoCreateFile's. */
    Stack->Flags = (UCHAR)(Open->Options & 0x0f);
    Stack->FileObject = FileObject;
    Stack->Parameters.Create.SecurityContext = Security;
    Stack->Parameters.Create.Options =
        (Open->Disposition << 24) | (Open->CreateOptions & 0x00ffffff);
    Stack->Parameters.Create.FileAttributes = Open->FileAttributes;
    Stack->Parameters.Create.ShareAccess = Open->ShareAccess;
    Stack->Parameters.Create.EaLength = Open->EaLength;
    if (Open->CreateType != CreateFileTypeNone)
        Stack->Parameters.CreatePipe.Parameters = Open->ExtraParameters;
}

/* Sends the create and waits. On STATUS_REPARSE with a tag, *Reparse is the data the file system
 * attached. */
static NTSTATUS SendCreate(IOX_OPEN *Open, OBX_OPEN *Walk, PDEVICE_OBJECT Top,
                           PFILE_OBJECT FileObject, PIO_STATUS_BLOCK Iosb, PVOID *Reparse)
{
    KEX_WAIT Why = {"IRP_MJ_CREATE", FileObject, NULL, NULL, false, __builtin_return_address(0)};
    PIRP Irp = IopAllocateIrp(Top->StackSize, __builtin_return_address(0));
    IO_SECURITY_CONTEXT Security;
    NTSTATUS Status;

    if (!Irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    FillCreate(Irp, Open, Walk, FileObject, &Security);
    Irp->UserIosb = Iosb;
    IoxQueueIrpToThread(Irp);
    Status = IoxSend(Top, Irp);
    if (Status == STATUS_PENDING) {
        KexWaitForObject(&FileObject->Event, KernelMode, FALSE, NULL, &Why);
        /* A pended create is finished by its APC, which leaves no auxiliary buffer behind: see
         * reparse.c. */
        *Reparse = IopTakePendedReparse(FileObject);
        return Iosb->Status;
    }
    *Iosb = Irp->IoStatus;
    *Reparse = Irp->Tail.Overlay.AuxiliaryBuffer;
    IopDequeueIrp(Irp);
    IopFreeIrp(Irp);
    return Iosb->Status;
}

/* ---- parse ----------------------------------------------------------------------------------- */

/* Only attributes of the device itself are asked for: no file system is involved. */
static bool IsDirectOpen(const IOX_OPEN *Open, const OBX_OPEN *Walk)
{
    const ACCESS_MASK Harmless = SYNCHRONIZE | FILE_READ_ATTRIBUTES | READ_CONTROL |
                                 ACCESS_SYSTEM_SECURITY | WRITE_OWNER | WRITE_DAC;

    return !Walk->Remaining.Length && !Open->RelatedFileObject &&
           !(Open->DesiredAccess & ~Harmless);
}

static bool HintIsValid(PDEVICE_OBJECT Base, PDEVICE_OBJECT Hint)
{
    for (; Base; Base = Base->AttachedDevice)
        if (Base == Hint)
            return true;
    return false;
}

/* Attributes of a file by the fast path, which opens nothing. FALSE: open it. */
static bool TryFastQuery(IOX_OPEN *Open, OBX_OPEN *Walk, PDEVICE_OBJECT Top,
                         PFILE_OBJECT FileObject)
{
    PFAST_IO_DISPATCH Fast = IoxFastIo(Top, FIELD_OFFSET(FAST_IO_DISPATCH, FastIoQueryOpen));
    FILE_NETWORK_OPEN_INFORMATION Information;
    IO_SECURITY_CONTEXT Security;
    bool Done;
    PIRP Irp;

    if (!Fast || !Open->QueryOnly ||
        !(Irp = IopAllocateIrp(Top->StackSize, __builtin_return_address(0))))
        return false;
    FillCreate(Irp, Open, Walk, FileObject, &Security);
    IoSetNextIrpStackLocation(Irp);
    IoGetCurrentIrpStackLocation(Irp)->DeviceObject = Top;
    Done = Fast->FastIoQueryOpen(Irp, &Information, Top);
    if (Done) {
        Open->FinalStatus = Irp->IoStatus.Status;
        Open->Information = Irp->IoStatus.Information;
        if (NT_SUCCESS(Open->FinalStatus))
            memcpy(Open->QueryBuffer, &Information, sizeof Information);
    }
    IopFreeIrp(Irp);
    return Done;
}

/* STATUS_REPARSE came back: the new name is in the file object (filters) or in the reparse data
 * (file systems). */
static NTSTATUS NextName(OBX_OPEN *Walk, PFILE_OBJECT FileObject, ULONG_PTR Tag, PVOID Reparse)
{
    static const UNICODE_STRING Empty = {0};
    NTSTATUS Status;

    if (Walk->Attributes & OBJ_DONT_REPARSE) {
        Status = STATUS_REPARSE_POINT_ENCOUNTERED;
    } else if (Tag == IO_REMOUNT) {
        Status = STATUS_SUCCESS; /* the same name once more */
    } else if (Tag == IO_REPARSE || Tag == IO_REPARSE_GLOBAL) {
        Status = ObxOpenReplaceName(Walk, &FileObject->FileName, &Empty);
    } else {
        Status = IopReparseName(Walk, FileObject, Reparse);
    }
    if (Reparse)
        ExFreePool(Reparse);
    return NT_SUCCESS(Status) ? STATUS_REPARSE : Status;
}

static NTSTATUS OpenOn(IOX_OPEN *Open, OBX_OPEN *Walk, PDEVICE_OBJECT Device, PVPB Vpb, bool Direct,
                       PVOID *Object)
{
    PDEVICE_OBJECT Base = Vpb ? Vpb->DeviceObject : Device;
    PDEVICE_OBJECT Top = IoxTopDevice(Base);
    IO_STATUS_BLOCK Iosb = {0};
    PFILE_OBJECT FileObject = NULL;
    PVOID Reparse = NULL;
    NTSTATUS Status;

    if (Open->TargetDevice) {
        if (!HintIsValid(Base, Open->TargetDevice))
            return STATUS_INVALID_DEVICE_OBJECT_PARAMETER;
        Top = Open->TargetDevice;
    }
    Status = MakeFile(Open, Device, Vpb, &Walk->Remaining, Direct, &FileObject);
    if (NT_SUCCESS(Status) && TryFastQuery(Open, Walk, Top, FileObject)) {
        /* Answered without an open: there is no object, and the walk ends with this status. */
        UnmakeFile(FileObject);
        Open->ParseReached = true;
        return NT_SUCCESS(Open->FinalStatus) ? STATUS_NO_MORE_ENTRIES : Open->FinalStatus;
    }
    if (NT_SUCCESS(Status))
        Status = SendCreate(Open, Walk, Top, FileObject, &Iosb, &Reparse);
    Open->Information = Iosb.Information;
    Open->FinalStatus = Status;
    Open->ParseReached = true;
    if (Status == STATUS_REPARSE)
        Status = NextName(Walk, FileObject, Iosb.Information, Reparse);
    if (!NT_SUCCESS(Status) || Status == STATUS_REPARSE) {
        if (FileObject)
            UnmakeFile(FileObject);
        return Status;
    }
    Open->FileObject = FileObject;
    *Object = FileObject;
    return Status;
}

NTSTATUS IopParseDevice(OBX_OPEN *Walk, PVOID Body, PVOID *Object)
{
    PDEVICE_OBJECT Device = Body;
    IOX_OPEN *Open = Walk->Context;
    PVPB Vpb = NULL;
    bool Direct;

    if (!Open || Open->Signature != IOX_OPEN_SIGNATURE) {
        /* A look-up of the device object itself. */
        if (Walk->Remaining.Length)
            return STATUS_OBJECT_TYPE_MISMATCH;
        ObReferenceObject(Device);
        *Object = Device;
        return STATUS_SUCCESS;
    }
    if (Open->RelatedFileObject && Open->RelatedFileObject->DeviceObject != Device)
        Open->RelatedFileObject = NULL; /* a reparse took the name elsewhere */
    if (IopDeviceExtension(Device)->Deleted || (Device->Flags & DO_DEVICE_INITIALIZING))
        return STATUS_NO_SUCH_DEVICE;
    if ((Device->Flags & DO_EXCLUSIVE) && Device->ReferenceCount && !Open->RelatedFileObject)
        return STATUS_ACCESS_DENIED;
    Direct = IsDirectOpen(Open, Walk);
    if (Device->Vpb && !Direct) {
        Vpb = Device->Vpb;
        if (!(Vpb->Flags & VPB_MOUNTED)) {
            NTSTATUS Status = IopMountVolume(Device);

            if (!NT_SUCCESS(Status))
                return Status;
        }
        if (!Vpb->DeviceObject)
            return STATUS_UNRECOGNIZED_VOLUME;
    }
    return OpenOn(Open, Walk, Device, Vpb, Direct, Object);
}

/* A name relative to an open file. */
NTSTATUS IopParseFile(OBX_OPEN *Walk, PVOID Body, PVOID *Object)
{
    PFILE_OBJECT FileObject = Body;
    IOX_OPEN *Open = Walk->Context;

    if (!Open || Open->Signature != IOX_OPEN_SIGNATURE) {
        if (Walk->Remaining.Length)
            return STATUS_OBJECT_TYPE_MISMATCH;
        ObReferenceObject(FileObject);
        *Object = FileObject;
        return STATUS_SUCCESS;
    }
    if (!FileObject->DeviceObject)
        return STATUS_INVALID_HANDLE;
    Open->RelatedFileObject = FileObject;
    return IopParseDevice(Walk, FileObject->DeviceObject, Object);
}

PECP_LIST IoxEcpListOfIrp(PIRP Irp)
{
    IOP_BLOCK *Block = IopBlockOf(Irp);

    return Block ? Block->EcpList : NULL;
}

/* ---- IoCreateFile ---------------------------------------------------------------------------- */

static bool OptionsFit(ACCESS_MASK Access, ULONG Attributes, ULONG Share, ULONG Disposition,
                       ULONG Options)
{
    const ULONG Synchronous = FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT;

    if ((Attributes & ~(ULONG)FILE_ATTRIBUTE_VALID_FLAGS) ||
        (Share & ~(ULONG)FILE_SHARE_VALID_FLAGS) || Disposition > FILE_MAXIMUM_DISPOSITION ||
        (Options & ~VALID_OPTIONS))
        return false;
    if ((Options & Synchronous) &&
        (!(Access & SYNCHRONIZE) || (Options & Synchronous) == Synchronous))
        return false;
    if ((Options & FILE_DELETE_ON_CLOSE) && !(Access & DELETE))
        return false;
    if ((Options & FILE_DIRECTORY_FILE) && !(Options & FILE_NON_DIRECTORY_FILE) &&
        ((Options & ~(ULONG)DIRECTORY_OPTIONS) ||
         (Disposition != FILE_CREATE && Disposition != FILE_OPEN && Disposition != FILE_OPEN_IF)))
        return false;
    if ((Options & FILE_DIRECTORY_FILE) && (Options & FILE_NON_DIRECTORY_FILE))
        return false;
    if ((Options & FILE_COMPLETE_IF_OPLOCKED) && (Options & FILE_RESERVE_OPFILTER))
        return false;
    return !((Options & FILE_NO_INTERMEDIATE_BUFFERING) && (Access & FILE_APPEND_DATA));
}

/* Extended attributes into kernel memory, checked. */
static NTSTATUS CaptureEa(IOX_OPEN *Open, PVOID Buffer, ULONG Length, KPROCESSOR_MODE Mode)
{
    ULONG ErrorOffset;
    NTSTATUS Status;

    if (!Buffer || !Length)
        return STATUS_SUCCESS;
    Open->EaBuffer = ExAllocatePoolWithTag(NonPagedPoolNx, Length, IOX_POOL_TAG);
    if (!Open->EaBuffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    Open->EaLength = Length;
    Status = MmxCopyIn(Open->EaBuffer, Buffer, Length, TYPE_ALIGNMENT(ULONG), Mode);
    if (NT_SUCCESS(Status))
        Status = IoCheckEaBufferValidity(Open->EaBuffer, Length, &ErrorOffset);
    return Status;
}

/* Walks the name and makes the handle. */
static NTSTATUS OpenHandle(IOX_OPEN *Open, OBX_ATTRIBUTES *Attributes, KPROCESSOR_MODE Mode,
                           const void *Caller, PHANDLE Handle)
{
    OBX_OPEN Walk = {.Attributes = Attributes->Attributes | OBJ_CASE_INSENSITIVE,
                     .Mode = Mode,
                     .Type = &IoxFileType,
                     .Context = Open};
    OBX_ACCESS Access;
    NTSTATUS Status = STATUS_SUCCESS, HandleStatus;
    PVOID FileObject;

    UNREFERENCED_PARAMETER(Caller);
    if (Attributes->Root)
        Status = ObxReferenceHandle(Attributes->Root, 0, NULL, Mode, &Walk.Root, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    ObxBeginAccess(&Access, Open->DesiredAccess, &IoxFileType.Mapping);
    Open->DesiredAccess = Access.State.OriginalDesiredAccess;
    Walk.AccessState = &Access.State;
    Status = ObxOpenName(&Walk, &Attributes->Name, &FileObject);
    if (NT_SUCCESS(Status)) {
        /* Keeps a successful but telling status (an oplock break under way) for the caller. */
        Status = Open->FinalStatus;
        HandleStatus =
            ObxInsertHandle(NULL, FileObject, ObxGrantedAccess(&Access.State, &IoxFileType, Mode),
                            Attributes->Attributes, Handle);
        if (NT_SUCCESS(HandleStatus))
            ((PFILE_OBJECT)FileObject)->Flags |= FO_HANDLE_CREATED;
        else
            Status = HandleStatus;
        ObDereferenceObject(FileObject);
    }
    ObxEndAccess(&Access);
    if (Walk.Root)
        ObDereferenceObject(Walk.Root);
    return Status;
}

typedef struct _REQUEST {
    PHANDLE Handle;
    ACCESS_MASK Access;
    POBJECT_ATTRIBUTES Attributes;
    PIO_STATUS_BLOCK Iosb;
    PLARGE_INTEGER AllocationSize;
    ULONG FileAttributes, Share, Disposition, CreateOptions;
    PVOID Ea;
    ULONG EaLength;
    CREATE_FILE_TYPE Type;
    PVOID Extra;
    ULONG Options;
    PIO_DRIVER_CREATE_CONTEXT Context;
    PDEVICE_OBJECT Hint;
    const void *Caller;
} REQUEST;

static NTSTATUS CaptureOpen(const REQUEST *Request, KPROCESSOR_MODE Mode, IOX_OPEN *Open)
{
    NTSTATUS Status;

    *Open = (IOX_OPEN){.Signature = IOX_OPEN_SIGNATURE,
                       .DesiredAccess = Request->Access,
                       .CreateOptions = Request->CreateOptions,
                       .Disposition = Request->Disposition,
                       .FileAttributes = (USHORT)Request->FileAttributes,
                       .ShareAccess = (USHORT)Request->Share,
                       .Options = Request->Options,
                       .CreateType = Request->Type,
                       .ExtraParameters = Request->Extra,
                       .TargetDevice = Request->Hint,
                       .DriverContext = Request->Context};
    if (Request->Context) {
        Open->EcpList = Request->Context->ExtraCreateParameter;
        if (Request->Context->DeviceObjectHint)
            Open->TargetDevice = Request->Context->DeviceObjectHint;
    }
    if (!OptionsFit(Request->Access, Request->FileAttributes, Request->Share, Request->Disposition,
                    Request->CreateOptions))
        return STATUS_INVALID_PARAMETER;
    if (Request->AllocationSize) {
        Status = MmxCopyIn(&Open->AllocationSize, Request->AllocationSize, sizeof(LARGE_INTEGER),
                           TYPE_ALIGNMENT(LARGE_INTEGER), Mode);
        if (!NT_SUCCESS(Status))
            return Status;
        if (Open->AllocationSize.QuadPart < 0)
            return STATUS_INVALID_PARAMETER;
        Open->HasAllocationSize = true;
    }
    return CaptureEa(Open, Request->Ea, Request->EaLength, Mode);
}

static NTSTATUS CreateFile(const REQUEST *Request)
{
    KPROCESSOR_MODE Mode =
        Request->Options & IO_NO_PARAMETER_CHECKING ? KernelMode : ExGetPreviousMode();
    IO_STATUS_BLOCK Iosb = {0};
    OBX_ATTRIBUTES Attributes = {0};
    HANDLE Handle = NULL;
    IOX_OPEN Open;
    NTSTATUS Status, Written;

    Status = MmxProbePages(Request->Handle, sizeof(HANDLE), true, Mode);
    if (NT_SUCCESS(Status))
        Status = MmxProbePages(Request->Iosb, sizeof(IO_STATUS_BLOCK), true, Mode);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = CaptureOpen(Request, Mode, &Open);
    if (NT_SUCCESS(Status))
        Status = ObxCaptureAttributes(Request->Attributes, Mode, &Attributes);
    if (NT_SUCCESS(Status))
        Status = OpenHandle(&Open, &Attributes, Mode, Request->Caller, &Handle);
    ObxReleaseAttributes(&Attributes);
    if (Open.EaBuffer)
        ExFreePool(Open.EaBuffer);
    if (NT_SUCCESS(Status) || Open.ParseReached) {
        /* Windows reports the file system's answer in both places; a failed open leaves no handle.
         */
        Iosb.Status = Status;
        Iosb.Information = Open.Information;
        Written = MmxCopyOut(Request->Iosb, &Iosb, sizeof Iosb, 1, Mode);
        if (NT_SUCCESS(Status) && !NT_SUCCESS(Written))
            Status = Written;
    }
    if (Handle && NT_SUCCESS(Status))
        Status = NT_SUCCESS(Written = MmxCopyOut(Request->Handle, &Handle, sizeof Handle, 1, Mode))
                     ? Status
                     : Written;
    if (Handle && !NT_SUCCESS(Status))
        ObxCloseHandle(Handle, KernelMode, NULL);
    return Status;
}

/*
 * Opens or creates a file for a kernel component; NtCreateFile and every other form ends here too.
 * PASSIVE_LEVEL, APCs enabled. Options are IO_... flags: without IO_NO_PARAMETER_CHECKING a
 * UserMode caller's arguments are probed. STATUS_INVALID_PARAMETER for contradicting arguments,
 * else what the walk and the file system say (nf-wdm-iocreatefile).
 */
NTSTATUS NTAPI IoCreateFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                            POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                            PLARGE_INTEGER AllocationSize, ULONG FileAttributes, ULONG ShareAccess,
                            ULONG Disposition, ULONG CreateOptions, PVOID EaBuffer, ULONG EaLength,
                            CREATE_FILE_TYPE CreateFileType, PVOID InternalParameters,
                            ULONG Options)
{
    REQUEST Request = {FileHandle,
                       DesiredAccess,
                       ObjectAttributes,
                       IoStatusBlock,
                       AllocationSize,
                       FileAttributes,
                       ShareAccess,
                       Disposition,
                       CreateOptions,
                       EaBuffer,
                       EaLength,
                       CreateFileType,
                       InternalParameters,
                       Options,
                       NULL,
                       NULL,
                       __builtin_return_address(0)};

    return CreateFile(&Request);
}

/* The same with extra create parameters, a device hint and a transaction (nf-ntddk-iocreatefileex).
 * Kernel callers only: nothing is probed. */
NTSTATUS NTAPI IoCreateFileEx(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                              POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                              PLARGE_INTEGER AllocationSize, ULONG FileAttributes,
                              ULONG ShareAccess, ULONG Disposition, ULONG CreateOptions,
                              PVOID EaBuffer, ULONG EaLength, CREATE_FILE_TYPE CreateFileType,
                              PVOID InternalParameters, ULONG Options,
                              PIO_DRIVER_CREATE_CONTEXT DriverContext)
{
    REQUEST Request = {FileHandle,
                       DesiredAccess,
                       ObjectAttributes,
                       IoStatusBlock,
                       AllocationSize,
                       FileAttributes,
                       ShareAccess,
                       Disposition,
                       CreateOptions,
                       EaBuffer,
                       EaLength,
                       CreateFileType,
                       InternalParameters,
                       Options | IO_NO_PARAMETER_CHECKING,
                       DriverContext,
                       NULL,
                       __builtin_return_address(0)};

    return CreateFile(&Request);
}

/*
 * An open whose request starts at DeviceObject, a device of the file's stack, and whose later
 * requests do so as well. STATUS_INVALID_DEVICE_OBJECT_PARAMETER when it is none of them
 * (nf-ntddk-iocreatefilespecifydeviceobjecthint).
 */
NTSTATUS NTAPI IoCreateFileSpecifyDeviceObjectHint(
    PHANDLE FileHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
    PIO_STATUS_BLOCK IoStatusBlock, PLARGE_INTEGER AllocationSize, ULONG FileAttributes,
    ULONG ShareAccess, ULONG Disposition, ULONG CreateOptions, PVOID EaBuffer, ULONG EaLength,
    CREATE_FILE_TYPE CreateFileType, PVOID InternalParameters, ULONG Options, PVOID DeviceObject)
{
    REQUEST Request = {FileHandle,
                       DesiredAccess,
                       ObjectAttributes,
                       IoStatusBlock,
                       AllocationSize,
                       FileAttributes,
                       ShareAccess,
                       Disposition,
                       CreateOptions,
                       EaBuffer,
                       EaLength,
                       CreateFileType,
                       InternalParameters,
                       Options | IO_NO_PARAMETER_CHECKING,
                       NULL,
                       DeviceObject,
                       __builtin_return_address(0)};

    return CreateFile(&Request);
}

/* ---- attributes by name ---------------------------------------------------------------------- */

static NTSTATUS QueryOpened(PFILE_OBJECT FileObject, PFILE_NETWORK_OPEN_INFORMATION Information)
{
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(FileObject);
    PFAST_IO_DISPATCH Fast =
        IoxFastIo(Device, FIELD_OFFSET(FAST_IO_DISPATCH, FastIoQueryNetworkOpenInfo));
    IO_STATUS_BLOCK Iosb;
    ULONG Used;

    if (Fast && Fast->FastIoQueryNetworkOpenInfo(FileObject, TRUE, Information, &Iosb, Device))
        return Iosb.Status;
    return IoQueryFileInformation(FileObject, FileNetworkOpenInformation, sizeof *Information,
                                  Information, &Used);
}

NTSTATUS IoxQueryAttributes(POBJECT_ATTRIBUTES ObjectAttributes, KPROCESSOR_MODE Mode,
                            PFILE_NETWORK_OPEN_INFORMATION Information)
{
    IOX_OPEN Open = {.Signature = IOX_OPEN_SIGNATURE,
                     .DesiredAccess = FILE_READ_ATTRIBUTES,
                     .CreateOptions = FILE_OPEN_REPARSE_POINT | FILE_OPEN_FOR_BACKUP_INTENT,
                     .Disposition = FILE_OPEN,
                     .ShareAccess = FILE_SHARE_VALID_FLAGS,
                     .QueryOnly = true,
                     .QueryBuffer = Information};
    OBX_OPEN Walk = {.Mode = Mode, .Type = &IoxFileType, .Context = &Open};
    OBX_ATTRIBUTES Attributes;
    OBX_ACCESS Access;
    PVOID FileObject;
    NTSTATUS Status;

    Status = ObxCaptureAttributes(ObjectAttributes, Mode, &Attributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Walk.Attributes = Attributes.Attributes | OBJ_CASE_INSENSITIVE;
    if (Attributes.Root)
        Status = ObxReferenceHandle(Attributes.Root, 0, NULL, Mode, &Walk.Root, NULL);
    if (NT_SUCCESS(Status)) {
        ObxBeginAccess(&Access, Open.DesiredAccess, &IoxFileType.Mapping);
        Walk.AccessState = &Access.State;
        Status = ObxOpenName(&Walk, &Attributes.Name, &FileObject);
        ObxEndAccess(&Access);
        if (NT_SUCCESS(Status)) {
            Status = QueryOpened(FileObject, Information);
            ObDereferenceObject(FileObject);
        } else if (Status == STATUS_NO_MORE_ENTRIES && Open.ParseReached) {
            Status = Open.FinalStatus;
        }
        if (Walk.Root)
            ObDereferenceObject(Walk.Root);
    }
    ObxReleaseAttributes(&Attributes);
    return Status;
}

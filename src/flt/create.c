/* SPDX-License-Identifier: MIT */
/*
 * Opens a filter makes. An open for an instance starts below it, and so does everything done later
 * through the file object: the filters above never saw its create. Such file objects are
 * "targeted"; a table remembers where they start.
 */
#include "fltx.h"

enum { BUCKETS = 64 };

typedef struct _TARGET {
    struct _TARGET *Next;
    PFILE_OBJECT File;
    PFLT_INSTANCE Instance; /* referenced */
} TARGET;

static TARGET *Table[BUCKETS];
static KEX_LOCK TableLock = KEX_LOCK_INIT(KEX_RANK_FLT + 3, "flt targeted files");

static TARGET **Bucket(PFILE_OBJECT File)
{
    return &Table[((ULONG_PTR)File >> 6) % BUCKETS];
}

/* The open this thread is making for an instance. Armed: the next create that reaches FltMgr's
 * device is it. */
typedef struct _OPENING {
    struct _OPENING *Outer;
    PFLT_INSTANCE Instance;
    BOOLEAN Armed;
} OPENING;
static __thread OPENING *Opening;

static BOOLEAN Remember(PFILE_OBJECT File, PFLT_INSTANCE Instance)
{
    TARGET *Target = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Target), FLTX_TAG);

    if (!Target)
        return FALSE;
    Target->File = File;
    Target->Instance = Instance;
    FltxHold(&Instance->Object);
    KexLockAcquire(&TableLock);
    Target->Next = *Bucket(File);
    *Bucket(File) = Target;
    KexLockRelease(&TableLock);
    atomic_fetch_add(&Instance->Volume->Targeted, 1);
    return TRUE;
}

void FltxForgetTarget(PFLT_VOLUME Volume, PFILE_OBJECT File)
{
    TARGET **At, *Found = NULL;

    KexLockAcquire(&TableLock);
    for (At = Bucket(File); *At; At = &(*At)->Next) {
        if ((*At)->File == File) {
            Found = *At;
            *At = Found->Next;
            break;
        }
    }
    KexLockRelease(&TableLock);
    if (!Found)
        return;
    atomic_fetch_sub(&Volume->Targeted, 1);
    FltxDrop(&Found->Instance->Object);
    ExFreePoolWithTag(Found, FLTX_TAG);
}

/* Instance below which requests on the file start; NULL: the top. Referenced. */
PFLT_INSTANCE FltxHoldTarget(PFILE_OBJECT File)
{
    PFLT_INSTANCE Instance = NULL;

    KexLockAcquire(&TableLock);
    for (TARGET *At = *Bucket(File); At; At = At->Next) {
        if (At->File == File) {
            Instance = At->Instance;
            FltxHold(&Instance->Object);
            break;
        }
    }
    KexLockRelease(&TableLock);
    return Instance;
}

/*
 * A create arrives. When it is the one this thread makes for an instance it starts below that; the
 * mark is off while the create runs, so that a filter's or file system's own nested open is not
 * taken for it, and on again for a reparse.
 */
NTSTATUS FltxCreateArrives(PFLT_VOLUME Volume, PIRP Irp)
{
    OPENING *Mine = Opening;
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    NTSTATUS Status;

    if (!Mine || !Mine->Armed || Mine->Instance->Volume != Volume)
        return FltxSendIrp(Volume, Irp, NULL, 0, NULL);
    if (!Remember(File, Mine->Instance)) {
        Irp->IoStatus.Status = STATUS_INSUFFICIENT_RESOURCES;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Mine->Armed = FALSE;
    Status = FltxSendIrp(Volume, Irp, Mine->Instance, FLTFL_CALLBACK_DATA_GENERATED_IO, NULL);
    Mine->Armed = TRUE;
    if (!NT_SUCCESS(Status) || Status == STATUS_REPARSE)
        FltxForgetTarget(Volume, File);
    return Status;
}

static NTSTATUS Open(PFLT_INSTANCE Instance, PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                     POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                     PLARGE_INTEGER AllocationSize, ULONG FileAttributes, ULONG ShareAccess,
                     ULONG CreateDisposition, ULONG CreateOptions, PVOID EaBuffer, ULONG EaLength,
                     ULONG Flags, PIO_DRIVER_CREATE_CONTEXT DriverContext)
{
    IO_DRIVER_CREATE_CONTEXT Context;
    OPENING Mine = {Opening, Instance, TRUE};
    NTSTATUS Status;

    if (DriverContext)
        Context = *DriverContext;
    else
        IoInitializeDriverCreateContext(&Context);
    if (Instance)
        Context.DeviceObjectHint = Instance->Volume->Device;
    else
        Mine.Armed =
            FALSE; /* an outer open's mark must not catch this one, which goes to the top */
    Opening = &Mine;
    Status = IoCreateFileEx(FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock,
                            AllocationSize, FileAttributes, ShareAccess, CreateDisposition,
                            CreateOptions, EaBuffer, EaLength, CreateFileTypeNone, NULL,
                            Flags | IO_NO_PARAMETER_CHECKING, &Context);
    Opening = Mine.Outer;
    return Status;
}

/*
 * Opens or creates a file. With an instance only the instances below it and the file system see the
 * request, and all later requests on the file object; without, it goes to the top. IRQL:
 * PASSIVE_LEVEL. The handle goes to FltClose, FileObject (optional) carries a reference of its own
 * (nf-fltkernel-fltcreatefileex2).
 */
NTSTATUS NTAPI FltCreateFileEx2(PFLT_FILTER Filter, PFLT_INSTANCE Instance, PHANDLE FileHandle,
                                PFILE_OBJECT *FileObject, ACCESS_MASK DesiredAccess,
                                POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                                PLARGE_INTEGER AllocationSize, ULONG FileAttributes,
                                ULONG ShareAccess, ULONG CreateDisposition, ULONG CreateOptions,
                                PVOID EaBuffer, ULONG EaLength, ULONG Flags,
                                PIO_DRIVER_CREATE_CONTEXT DriverContext)
{
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(Filter);
    if (Instance && !FltxPin(&Instance->Object))
        return STATUS_FLT_DELETING_OBJECT;
    Status = Open(Instance, FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock,
                  AllocationSize, FileAttributes, ShareAccess, CreateDisposition, CreateOptions,
                  EaBuffer, EaLength, Flags, DriverContext);
    if (Instance)
        FltxUnpin(&Instance->Object);
    if (!NT_SUCCESS(Status) || !FileObject)
        return Status;
    Status = ObReferenceObjectByHandle(*FileHandle, 0, IoFileObjectType, KernelMode,
                                       (PVOID *)FileObject, NULL);
    if (!NT_SUCCESS(Status))
        ZwClose(*FileHandle);
    return Status;
}

/* FltCreateFileEx2 without a driver context (nf-fltkernel-fltcreatefileex). */
NTSTATUS NTAPI FltCreateFileEx(PFLT_FILTER Filter, PFLT_INSTANCE Instance, PHANDLE FileHandle,
                               PFILE_OBJECT *FileObject, ACCESS_MASK DesiredAccess,
                               POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                               PLARGE_INTEGER AllocationSize, ULONG FileAttributes,
                               ULONG ShareAccess, ULONG CreateDisposition, ULONG CreateOptions,
                               PVOID EaBuffer, ULONG EaLength, ULONG Flags)
{
    return FltCreateFileEx2(Filter, Instance, FileHandle, FileObject, DesiredAccess,
                            ObjectAttributes, IoStatusBlock, AllocationSize, FileAttributes,
                            ShareAccess, CreateDisposition, CreateOptions, EaBuffer, EaLength,
                            Flags, NULL);
}

/* FltCreateFileEx without a file object (nf-fltkernel-fltcreatefile). */
NTSTATUS NTAPI FltCreateFile(PFLT_FILTER Filter, PFLT_INSTANCE Instance, PHANDLE FileHandle,
                             ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                             PIO_STATUS_BLOCK IoStatusBlock, PLARGE_INTEGER AllocationSize,
                             ULONG FileAttributes, ULONG ShareAccess, ULONG CreateDisposition,
                             ULONG CreateOptions, PVOID EaBuffer, ULONG EaLength, ULONG Flags)
{
    return FltCreateFileEx2(Filter, Instance, FileHandle, NULL, DesiredAccess, ObjectAttributes,
                            IoStatusBlock, AllocationSize, FileAttributes, ShareAccess,
                            CreateDisposition, CreateOptions, EaBuffer, EaLength, Flags, NULL);
}

/* Closes a handle of FltCreateFile(Ex, Ex2) or FltOpenVolume. IRQL: PASSIVE_LEVEL
 * (nf-fltkernel-fltclose). */
NTSTATUS NTAPI FltClose(HANDLE FileHandle)
{
    return ZwClose(FileHandle);
}

/*
 * Opens the instance's volume below the instance. IRQL: PASSIVE_LEVEL. VolumeFileObject is optional
 * and referenced (nf-fltkernel-fltopenvolume).
 */
NTSTATUS NTAPI FltOpenVolume(PFLT_INSTANCE Instance, PHANDLE VolumeHandle,
                             PFILE_OBJECT *VolumeFileObject)
{
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Iosb;

    InitializeObjectAttributes(&Attributes, &Instance->Volume->Name,
                               OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    return FltCreateFileEx2(Instance->Filter, Instance, VolumeHandle, VolumeFileObject,
                            FILE_READ_DATA | SYNCHRONIZE, &Attributes, &Iosb, NULL, 0,
                            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_OPEN,
                            FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0, 0, NULL);
}

/* The folder part of a rename target, opened below the instance; nothing to open for a name in the
 * same folder. */
NTSTATUS FltxOpenTargetParent(PFLT_INSTANCE Instance, PFILE_RENAME_INFORMATION Rename,
                              PHANDLE Handle, PFILE_OBJECT *File)
{
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Iosb;
    UNICODE_STRING Name = {(USHORT)Rename->FileNameLength, (USHORT)Rename->FileNameLength,
                           Rename->FileName};

    *Handle = NULL;
    *File = NULL;
    if (!Rename->RootDirectory && (!Name.Length || Name.Buffer[0] != L'\\'))
        return STATUS_SUCCESS;
    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE,
                               Rename->RootDirectory, NULL);
    return FltCreateFileEx2(
        Instance->Filter, Instance, Handle, File, FILE_WRITE_DATA | SYNCHRONIZE, &Attributes, &Iosb,
        NULL, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_OPEN,
        FILE_OPEN_FOR_BACKUP_INTENT | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0,
        IO_OPEN_TARGET_DIRECTORY | IO_NO_PARAMETER_CHECKING | IO_FORCE_ACCESS_CHECK, NULL);
}

static void SendClosing(PFLT_INSTANCE Instance, PFILE_OBJECT File, UCHAR Major)
{
    FLTX_OWN *Own = FltxOwnAllocate(Instance, File, FALSE, __builtin_return_address(0));

    if (!Own)
        return;
    Own->Op.Iopb.MajorFunction = Major;
    Own->Op.Iopb.IrpFlags =
        Major == IRP_MJ_CLOSE ? IRP_CLOSE_OPERATION | IRP_SYNCHRONOUS_API : IRP_SYNCHRONOUS_API;
    FltxOwnPerform(Own, 0);
    FltxOwnFree(Own);
}

/*
 * Undoes a successful open in a post-create: cleanup and close go to the instances below and the
 * file system, and the file object is marked. The caller then fails the create. IRQL: PASSIVE_LEVEL
 * (nf-fltkernel-fltcancelfileopen).
 */
VOID NTAPI FltCancelFileOpen(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject)
{
    if (FileObject->Flags & FO_HANDLE_CREATED) {
        FLTX_FINDING("CBK-023", "FltCancelFileOpen of a file object that has a handle already");
        return;
    }
    SendClosing(Instance, FileObject, IRP_MJ_CLEANUP);
    FileObject->Flags |= FO_CLEANUP_COMPLETE;
    SendClosing(Instance, FileObject, IRP_MJ_CLOSE);
    FileObject->Flags |= FO_FILE_OPEN_CANCELLED;
    FltxHandleClosed(Instance->Volume, FileObject);
}

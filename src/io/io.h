/* SPDX-License-Identifier: MIT */
/*
 * io.h - the I/O manager as the other rooms see it. Documented Io routines are in include/ddk; here
 * are drivers and volumes as the machine makes them, paging I/O, opens with all they carry, and
 * what reports look at.
 */
#ifndef OPENFLT_IO_IO_H
#define OPENFLT_IO_IO_H

#include "ke/ke.h"
#include "ob/ob.h"

/* Tag of pool the I/O manager allocates: "Io  ". */
#define IOX_POOL_TAG 0x20206f49u

/* ---- object types ---------------------------------------------------------------------------- */

extern OBX_TYPE IoxDriverType, IoxDeviceType, IoxFileType;

/* ---- drivers --------------------------------------------------------------------------------- */

/*
 * Makes a driver object under its full name ("\Driver\null", "\FileSystem\FltMgr") with every
 * dispatch entry answering STATUS_INVALID_DEVICE_REQUEST, and runs Init with the registry path
 * (NULL: no Init, for the machine, which runs DriverEntry itself). When Init fails the driver
 * object is gone and its status comes back. *Driver is not referenced for the caller: the driver
 * lives until IoxDeleteDriver.
 */
NTSTATUS IoxCreateDriver(PCUNICODE_STRING Name, PDRIVER_INITIALIZE Init, PDRIVER_OBJECT *Driver);
/* The same with a service key path, which DriverExtension->ServiceKeyName and Init's RegistryPath
 * come from. */
NTSTATUS IoxCreateDriverFor(PCUNICODE_STRING Name, PCUNICODE_STRING RegistryPath,
                            PDRIVER_INITIALIZE Init, PDRIVER_OBJECT *Driver);
PCUNICODE_STRING IoxDriverRegistryPath(PDRIVER_OBJECT Driver);
/* Takes the name away and drops the driver's own reference. Its devices are the caller's to look at
 * before. */
void IoxDeleteDriver(PDRIVER_OBJECT Driver);
/* Last component of the driver's name as text, for traces: "FltMgr". Lives as long as the driver.
 */
const char *IoxDriverLabel(PDRIVER_OBJECT Driver);

/* ---- devices and volumes --------------------------------------------------------------------- */

/* Device directly below Device on its stack, NULL at the bottom. Not referenced. */
PDEVICE_OBJECT IoxLowerDevice(PDEVICE_OBJECT Device);
/* Top of the stack Device stands in. Not referenced. */
PDEVICE_OBJECT IoxTopDevice(PDEVICE_OBJECT Device);

typedef struct _IOX_VOLUME IOX_VOLUME;

/* Fills *FileSystemDevice: the file system mounts itself on Disk and sets Vpb->DeviceObject
 * (FsxMountVolume does). */
typedef NTSTATUS IOX_MOUNT(PDEVICE_OBJECT Disk, PVPB Vpb, void *Context,
                           PDEVICE_OBJECT *FileSystemDevice);

typedef struct _IOX_VOLUME_SPEC {
    WCHAR Letter; /* drive letter, 0: the next free one from C on */
    USHORT SectorSize;
    ULONG SerialNumber;
    IOX_MOUNT *Mount;
    void *Context;
} IOX_VOLUME_SPEC;

struct _IOX_VOLUME {
    ULONG Number;              /* N of \Device\HarddiskVolumeN, from 1 */
    PDEVICE_OBJECT Disk;       /* storage device: carries the names and the VPB */
    PDEVICE_OBJECT FileSystem; /* the file system's volume device; NULL when dismounted */
    UNICODE_STRING DeviceName; /* \Device\HarddiskVolume1 */
    UNICODE_STRING GuidName;   /* \??\Volume{...} */
    UNICODE_STRING DosName;    /* C: */
    GUID Guid;
    WCHAR NameBuffer[32], GuidBuffer[64], DosBuffer[4];
    IOX_VOLUME_SPEC Spec;
    IOX_VOLUME *Next;
};

/* Filled by flt: told after a mount and before a dismount, with the volume still whole. */
typedef struct _IOX_VOLUME_HOOKS {
    void (*Mounted)(IOX_VOLUME *Volume);
    void (*Dismounting)(IOX_VOLUME *Volume);
} IOX_VOLUME_HOOKS;
extern IOX_VOLUME_HOOKS IoxVolumeHooks;

/* Makes the disk device, its VPB, names and links, mounts the file system and calls
 * IoxVolumeHooks.Mounted. */
NTSTATUS IoxCreateVolume(const IOX_VOLUME_SPEC *Spec, IOX_VOLUME **Volume);
/* Calls Dismounting, takes names and devices away. Open files keep the file system device until
 * they close. */
NTSTATUS IoxDismountVolume(IOX_VOLUME *Volume);
void IoxDeleteVolume(IOX_VOLUME *Volume);
void IoxForEachVolume(void (*fn)(IOX_VOLUME *Volume, void *Context), void *Context);
/* Volume that a device of its stack (disk, file system, filter) belongs to, or NULL. */
IOX_VOLUME *IoxVolumeOfDevice(PDEVICE_OBJECT Device);
/* Called for each device a registered file system or filter announces; see
 * IoRegisterFsRegistrationChange. */

/* ---- requests -------------------------------------------------------------------------------- */

/*
 * Sends a request made by IoAllocateIrp or IoBuild... to Device, as the top of a stack, with the
 * trace line that says so. Every request of the I/O manager's own goes through here.
 */
NTSTATUS IoxSend(PDEVICE_OBJECT Device, PIRP Irp);
/*
 * The same, and waits for the end. Irp was made by IoBuildSynchronousFsdRequest or by zw with
 * UserEvent and UserIosb in the caller's frame.
 */
NTSTATUS IoxSendAndWait(PDEVICE_OBJECT Device, PIRP Irp, PKEVENT Event, PIO_STATUS_BLOCK Iosb);

/*
 * Second part of a request with IRP_DEFER_IO_COMPLETION whose send returned something else than
 * STATUS_PENDING: results, events, buffers, references. Irp is gone; *Status is its final status.
 */
void IoxFinishDeferred(PIRP Irp, NTSTATUS *Status);

/* A request in flight, for cancel calls, hang and leak reports. */
typedef struct _IOX_LIVE_IRP {
    PIRP Irp;
    const void *Creator;
    PETHREAD Thread;       /* whose request it is, NULL when unknown */
    bool Queued;           /* the I/O manager frees it (not IoFreeIrp) */
    UCHAR Major;           /* of the current stack location, 0xff when it is not sent */
    PDEVICE_OBJECT Device; /* of the current stack location */
} IOX_LIVE_IRP;
void IoxForEachIrp(void (*fn)(const IOX_LIVE_IRP *Live, void *Context), void *Context);

/* Puts a request on the list of its thread, which cancel calls and thread end look at. Taken off at
 * completion. */
void IoxQueueIrpToThread(PIRP Irp);
/* Cancels the thread's requests (of one file object; NULL: of all). Returns how many there were. */
ULONG IoxCancelThreadIrps(PETHREAD Thread, PFILE_OBJECT FileObject, PIO_STATUS_BLOCK Iosb);
ULONG IoxCancelFileIrps(PFILE_OBJECT FileObject, PIO_STATUS_BLOCK Iosb);

/* ---- paging I/O ------------------------------------------------------------------------------ */

/*
 * One paging request of resident system memory to the top of FileObject's device stack:
 * IRP_PAGING_IO | IRP_NOCACHE | IRP_SYNCHRONOUS_PAGING_IO, with an MDL. Waits at any IRQL below
 * DISPATCH_LEVEL: the end is an event, no APC.
 */
NTSTATUS IoxPageRead(PFILE_OBJECT FileObject, PVOID Base, ULONG Length, LONGLONG Offset,
                     PIO_STATUS_BLOCK Iosb);
NTSTATUS IoxPageWrite(PFILE_OBJECT FileObject, PVOID Base, ULONG Length, LONGLONG Offset,
                      PIO_STATUS_BLOCK Iosb);

/* ---- opens ----------------------------------------------------------------------------------- */

#define IOX_OPEN_SIGNATURE 0x4f786f49u

/* What travels through the name space to the file's device. */
typedef struct _IOX_OPEN {
    ULONG Signature;
    /* asked */
    ACCESS_MASK DesiredAccess;
    LARGE_INTEGER AllocationSize;
    bool HasAllocationSize;
    ULONG CreateOptions; /* options and disposition as the stack location has them */
    ULONG Disposition;
    USHORT FileAttributes, ShareAccess;
    PVOID EaBuffer;
    ULONG EaLength;
    ULONG Options; /* IO_... flags of IoCreateFile */
    CREATE_FILE_TYPE CreateType;
    PVOID ExtraParameters;
    PDEVICE_OBJECT TargetDevice; /* IoCreateFileSpecifyDeviceObjectHint: where the request starts */
    PIO_DRIVER_CREATE_CONTEXT DriverContext;
    PFILE_OBJECT RelatedFileObject;
    PECP_LIST EcpList;
    /* the two query calls that open without a file object of their own */
    bool QueryOnly, FullAttributes, DeleteOnly;
    PVOID QueryBuffer;
    /* found */
    PFILE_OBJECT FileObject;
    ULONG_PTR Information;
    NTSTATUS FinalStatus;
    bool ParseReached;
} IOX_OPEN;

/* A FILE_OBJECT for Device that is no open yet; ObDereferenceObject gives it back. */
NTSTATUS IoxCreateFileObject(PDEVICE_OBJECT Device, const void *Caller, PFILE_OBJECT *FileObject);
/* Path of a file from its volume's root: what the file object was opened with. Not stable after the
 * create. */
PCUNICODE_STRING IoxFilePath(PFILE_OBJECT FileObject);
/* Extra create parameters the create request carries (FltGetEcpListFromCallbackData reads them);
 * NULL for none. */
PECP_LIST IoxEcpListOfIrp(PIRP Irp);
/* Target device of an open by hint, NULL when the file was opened from the top of the stack. */
PDEVICE_OBJECT IoxFileTargetDevice(PFILE_OBJECT FileObject);

/*
 * What NtQueryFullAttributesFile answers: by the fast path where the top device has one, else by an
 * open for attributes, a query and a close. Information is kernel memory.
 */
NTSTATUS IoxQueryAttributes(POBJECT_ATTRIBUTES ObjectAttributes, KPROCESSOR_MODE Mode,
                            PFILE_NETWORK_OPEN_INFORMATION Information);

/* The lock of a synchronous file object, held for the length of each request. Alertable as the file
 * object says. */
NTSTATUS IoxLockFile(PFILE_OBJECT FileObject, KPROCESSOR_MODE Mode, const void *Caller);
void IoxUnlockFile(PFILE_OBJECT FileObject);

/* ---- fast I/O -------------------------------------------------------------------------------- */

/*
 * Dispatch table of the top device's driver when it has the entry at Offset (FIELD_OFFSET in
 * FAST_IO_DISPATCH), else NULL.
 */
PFAST_IO_DISPATCH IoxFastIo(PDEVICE_OBJECT Device, ULONG Offset);

/* Exported without a public prototype. */
NTSTATUS NTAPI IoCreateDriver(PUNICODE_STRING DriverName,
                              PDRIVER_INITIALIZE InitializationFunction);
VOID NTAPI IoDeleteDriver(PDRIVER_OBJECT DriverObject);
NTSTATUS NTAPI IoPageRead(PFILE_OBJECT FileObject, PMDL MemoryDescriptorList,
                          PLARGE_INTEGER StartingOffset, PKEVENT Event,
                          PIO_STATUS_BLOCK IoStatusBlock);
NTSTATUS NTAPI IoSynchronousPageWrite(PFILE_OBJECT FileObject, PMDL MemoryDescriptorList,
                                      PLARGE_INTEGER StartingOffset, PKEVENT Event,
                                      PIO_STATUS_BLOCK IoStatusBlock);

/* ---- start and end --------------------------------------------------------------------------- */

/* Sends IRP_MJ_SHUTDOWN to the devices that registered for it; Last: the second round, after file
 * systems. */
void IoxShutdown(bool Last);

NTSTATUS IoxStart(void);
void IoxEnd(void);

#endif

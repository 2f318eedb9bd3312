/* SPDX-License-Identifier: MIT */
/* iop.h - inside of the I/O manager: what its files share and no other room sees. */
#ifndef OPENFLT_IO_IOP_H
#define OPENFLT_IO_IOP_H

#include "io/io.h"
#include "mm/mm.h"
#include "ps/ps.h"

#include <stdlib.h>
#include <string.h>

/* ---- requests (irp.c) ------------------------------------------------------------------------ */

/* In front of each request from IoAllocateIrp. */
typedef struct _IOP_BLOCK {
    struct _IOP_BLOCK *Next; /* free list, or none */
    const void *Creator;
    PECP_LIST EcpList; /* of a create */
    PVOID Auxiliary;   /* AuxiliaryBuffer of a create that completed */
    ULONG Signature;
    UCHAR Class; /* size class, IOP_CLASSES for one of its own */
    bool Live, Queued, Traced;
    /* what the trace line at the end says; filled only while tracing */
    UCHAR Major, Minor;
    ULONG TracedFlags, Length;
    LONGLONG Offset;
    PFILE_OBJECT FileObject;
} __attribute__((aligned(16))) IOP_BLOCK;

#define IOP_BLOCK_SIGNATURE 0x70724978u
#define IOP_BLOCK_OF(Irp) ((IOP_BLOCK *)(Irp)-1)

/* The block of a request that came from IoAllocateIrp, else NULL (a driver's own memory). */
static inline IOP_BLOCK *IopBlockOf(PIRP Irp)
{
    return Irp->AllocationFlags & IRP_ALLOCATED_FIXED_SIZE ? IOP_BLOCK_OF(Irp) : NULL;
}

PIRP IopAllocateIrp(CCHAR StackSize, const void *Creator);
void IopFreeIrp(PIRP Irp);
void IopDequeueIrp(PIRP Irp);

/* ---- completion (complete.c) ----------------------------------------------------------------- */

/*
 * The last part of a request, in the thread that made it: results to the caller, events, buffers,
 * references. Irp is gone afterwards. For requests whose completion was deferred this is the
 * sender's to call.
 */
void IopFinishRequest(PIRP Irp);
/* Sets the file object's result and event in the order waiters rely on. */
void IopSignalFile(PFILE_OBJECT FileObject, NTSTATUS Status);

/* ---- file objects (file.c) ------------------------------------------------------------------- */

/* What a file object carries beyond the documented structure; FileObjectExtension points to it. */
typedef struct _IOP_FILE_EXTENSION {
    UNICODE_STRING Path;         /* from the volume's root, as opened, related part included */
    PDEVICE_OBJECT TargetDevice; /* referenced; of an open by hint */
    PVOID TransactionParameters;
    PVOID Reparse; /* data of a pended create that ended with a reparse */
    GUID OplockKey;
    bool Remote, IgnoreSharing, HasOplockKey;
} IOP_FILE_EXTENSION;

IOP_FILE_EXTENSION *IopFileExtension(PFILE_OBJECT FileObject, bool Create);
/* Drops the reference a file object holds on its device and VPB. */
void IopReleaseFileDevice(PFILE_OBJECT FileObject);

NTSTATUS IopParseDevice(OBX_OPEN *Open, PVOID Body, PVOID *Object);
NTSTATUS IopParseFile(OBX_OPEN *Open, PVOID Body, PVOID *Object);

/* ---- devices (device.c) ---------------------------------------------------------------------- */

typedef struct _IOP_DEVICE_EXTENSION {
    DEVOBJ_EXTENSION Public; /* first: DeviceObjectExtension points here */
    PDEVICE_OBJECT AttachedTo;
    IOX_VOLUME *Volume;
    ULONG StartIoFlags;
    bool Deleted;
} IOP_DEVICE_EXTENSION;

static inline IOP_DEVICE_EXTENSION *IopDeviceExtension(PDEVICE_OBJECT Device)
{
    return (IOP_DEVICE_EXTENSION *)Device->DeviceObjectExtension;
}

/* Guards device stacks, driver device lists, VPBs and the volume table. Never held across a call
 * into a driver. */
extern KEX_LOCK IopDatabaseLock;
/* One more and one less user (open file, attachment) of a device; the last one of a deleted device
 * frees it. */
void IopReferenceDevice(PDEVICE_OBJECT Device);
void IopDereferenceDevice(PDEVICE_OBJECT Device);

NTSTATUS IopStartVolumes(void);
void IopStartPaging(void);

#endif

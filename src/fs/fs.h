/* SPDX-License-Identifier: MIT */
/* fs.h - the file system driver as the machine sees it. */
#ifndef OPENFLT_FS_FS_H
#define OPENFLT_FS_FS_H

#include "ke/ke.h"
#include "fs/store/store.h"

/* What a file system is, as data; personality.c has them. */
typedef struct _FSX_PERSONALITY FSX_PERSONALITY;

/* By name: "ntfs". NULL when there is none. */
const FSX_PERSONALITY *FsxFindPersonality(const char *Name);

/* Makes the driver objects (\FileSystem\Ntfs ...). */
NTSTATUS FsxStart(void);
/* Every volume must be dismounted; takes the devices of those that had files open. */
void FsxEnd(void);

/*
 * Mounts a store on a disk device: makes the volume device, sets Disk->Vpb. The store stays the
 * caller's, who frees it after the dismount. The file system keeps no other state on it.
 */
NTSTATUS FsxMountVolume(PDEVICE_OBJECT Disk, const FSX_PERSONALITY *Personality, FSX_STORE *Store,
                        PDEVICE_OBJECT *VolumeDevice);

typedef struct _FSX_MOUNT_PARAMETERS {
    const FSX_PERSONALITY *Personality;
    FSX_STORE *Store;
} FSX_MOUNT_PARAMETERS;
/* The same in the form IoxCreateVolume wants; Context is FSX_MOUNT_PARAMETERS. */
NTSTATUS FsxMount(PDEVICE_OBJECT Disk, PVPB Vpb, void *Context, PDEVICE_OBJECT *VolumeDevice);

/*
 * Writes everything back, ends caching and lets go of unused files. With files still open
 * STATUS_ACCESS_DENIED, unless Force: then every later request on them but cleanup and close fails
 * with STATUS_VOLUME_DISMOUNTED, and the device stays until FsxEnd.
 */
NTSTATUS FsxDismountVolume(PDEVICE_OBJECT VolumeDevice, bool Force);

FSX_STORE *FsxVolumeStore(PDEVICE_OBJECT VolumeDevice);

/*
 * Open streams of a volume, for the leak report: path, handles not cleaned up, file objects not
 * closed.
 */
void FsxForEachOpen(PDEVICE_OBJECT VolumeDevice,
                    void (*fn)(PCUNICODE_STRING Path, ULONG Handles, ULONG References,
                               void *Context),
                    void *Context);

#endif

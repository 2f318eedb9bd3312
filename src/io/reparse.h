/* SPDX-License-Identifier: MIT */
/* reparse.h - names that a create gave back instead of a file. */
#ifndef OPENFLT_IO_REPARSE_H
#define OPENFLT_IO_REPARSE_H

#include "io/iop.h"

/*
 * New name of a walk from the data of a mount point or symbolic link; the part of the name behind
 * the link follows the target. Reparse->Reserved says how many bytes of the file object's name that
 * part has.
 */
NTSTATUS IopReparseName(OBX_OPEN *Walk, PFILE_OBJECT FileObject, PVOID Reparse);
/* Reparse data of a create that was pended: kept for the opener when the request ends. */
void IopKeepPendedReparse(PFILE_OBJECT FileObject, PVOID Reparse);
PVOID IopTakePendedReparse(PFILE_OBJECT FileObject);
/* Mounts a file system on a device that has none; registered file systems are asked in turn. */
NTSTATUS IopMountVolume(PDEVICE_OBJECT Device);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * fsrtl.h - the file system run-time library beyond its documented routines: the hooks around
 * paging I/O.
 */
#ifndef OPENFLT_FSRTL_FSRTL_H
#define OPENFLT_FSRTL_FSRTL_H

#include "ke/ke.h"

NTSTATUS FsrtlxStart(void);
void FsrtlxEnd(void);

/*
 * Flags that reads and writes set. Two of them on one file object hold the stream's resource
 * shared, so that a plain read-modify-write can lose the other's flag: a lost FO_FILE_MODIFIED is a
 * change nobody is told of. Mostly the flags are set already, and nothing is written.
 */
static inline void FsrtlxSetFileFlags(PFILE_OBJECT FileObject, ULONG Flags)
{
    if ((__atomic_load_n(&FileObject->Flags, __ATOMIC_RELAXED) & Flags) != Flags)
        InterlockedOr((LONG volatile *)&FileObject->Flags, (LONG)Flags);
}

/*
 * The file system's locks around work that the system does on its own. Each call asks the drivers
 * of the file object's stack that registered FS_FILTER callbacks, from the top down, then the file
 * system's fast-I/O routine; a stream without either has its header's resources taken. A
 * pre-callback's failure undoes what was done and is the result.
 */
NTSTATUS FsrtlxAcquireForCcFlush(PFILE_OBJECT FileObject);
void FsrtlxReleaseForCcFlush(PFILE_OBJECT FileObject);
NTSTATUS FsrtlxAcquireForSection(PFILE_OBJECT FileObject, FS_FILTER_SECTION_SYNC_TYPE SyncType,
                                 ULONG PageProtection);
void FsrtlxReleaseForSection(PFILE_OBJECT FileObject);
/*
 * *Resource is what FsrtlxReleaseForModWrite must be given. STATUS_CANT_WAIT when the file system
 * is busy.
 */
NTSTATUS FsrtlxAcquireForModWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER EndingOffset,
                                  PERESOURCE *Resource);
void FsrtlxReleaseForModWrite(PFILE_OBJECT FileObject, PERESOURCE Resource);

/* Callbacks a driver registered, NULL for none; for the unload check. */
const FS_FILTER_CALLBACKS *FsrtlxFilterCallbacks(PDRIVER_OBJECT DriverObject);
void FsrtlxForgetDriver(PDRIVER_OBJECT DriverObject);

#endif

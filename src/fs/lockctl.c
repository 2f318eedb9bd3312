/* SPDX-License-Identifier: MIT */
/* lockctl.c - IRP_MJ_LOCK_CONTROL and the fast-I/O lock calls. */
#include "fs/fsp.h"

NTSTATUS FsxLockControl(FSX_IRP *x)
{
    if (x->Fcb->Kind != FSX_DATA)
        return STATUS_INVALID_PARAMETER;
    if (x->Ccb->CleanedUp)
        return STATUS_FILE_CLOSED;
    x->Completed = true; /* by the library, now or when the range is free */
    return FsRtlProcessFileLock(&x->Fcb->Locks, x->Irp, NULL);
}

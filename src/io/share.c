/* SPDX-License-Identifier: MIT */
/*
 * Share access: what a file's openers do and allow. The counts are the file system's, under its own
 * lock; these routines only read and change them.
 */
#include "io/iop.h"

static bool IgnoresSharing(PFILE_OBJECT FileObject)
{
    IOP_FILE_EXTENSION *Extension = IopFileExtension(FileObject, false);

    return Extension && Extension->IgnoreSharing;
}

/* Takes the rights that sharing is about into the file object. FALSE: none of them was asked for.
 */
static bool TakeAccess(PFILE_OBJECT FileObject, ACCESS_MASK Desired, ULONG Share)
{
    FileObject->ReadAccess = (Desired & (FILE_EXECUTE | FILE_READ_DATA)) != 0;
    FileObject->WriteAccess = (Desired & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0;
    FileObject->DeleteAccess = (Desired & DELETE) != 0;
    if (!FileObject->ReadAccess && !FileObject->WriteAccess && !FileObject->DeleteAccess)
        return false;
    FileObject->SharedRead = (Share & FILE_SHARE_READ) != 0;
    FileObject->SharedWrite = (Share & FILE_SHARE_WRITE) != 0;
    FileObject->SharedDelete = (Share & FILE_SHARE_DELETE) != 0;
    return true;
}

static bool HasAccess(PFILE_OBJECT FileObject)
{
    return FileObject->ReadAccess || FileObject->WriteAccess || FileObject->DeleteAccess;
}

static void Count(PFILE_OBJECT FileObject, PSHARE_ACCESS Share, LONG Delta)
{
    Share->OpenCount += Delta;
    Share->Readers += FileObject->ReadAccess ? Delta : 0;
    Share->Writers += FileObject->WriteAccess ? Delta : 0;
    Share->Deleters += FileObject->DeleteAccess ? Delta : 0;
    Share->SharedRead += FileObject->SharedRead ? Delta : 0;
    Share->SharedWrite += FileObject->SharedWrite ? Delta : 0;
    Share->SharedDelete += FileObject->SharedDelete ? Delta : 0;
}

/* The new opener does what somebody there does not share, or does not share what somebody there
 * does. */
static bool Conflicts(PFILE_OBJECT FileObject, PSHARE_ACCESS Share)
{
    return (FileObject->ReadAccess && Share->SharedRead < Share->OpenCount) ||
           (FileObject->WriteAccess && Share->SharedWrite < Share->OpenCount) ||
           (FileObject->DeleteAccess && Share->SharedDelete < Share->OpenCount) ||
           (Share->Readers && !FileObject->SharedRead) ||
           (Share->Writers && !FileObject->SharedWrite) ||
           (Share->Deleters && !FileObject->SharedDelete);
}

/*
 * STATUS_SUCCESS when the open fits with those there are; Update counts it at once. Opens that
 * neither read, write nor delete fit always and count never. STATUS_SHARING_VIOLATION
 * (nf-ntifs-iocheckshareaccess). PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoCheckShareAccess(ACCESS_MASK DesiredAccess, ULONG DesiredShareAccess,
                                  PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess,
                                  BOOLEAN Update)
{
    if (!TakeAccess(FileObject, DesiredAccess, DesiredShareAccess) || IgnoresSharing(FileObject))
        return STATUS_SUCCESS;
    if (Conflicts(FileObject, ShareAccess))
        return STATUS_SHARING_VIOLATION;
    if (Update)
        Count(FileObject, ShareAccess, 1);
    return STATUS_SUCCESS;
}

/* The newer form: a write or delete permission of the caller's choice may be waved
 * (nf-ntifs-iocheckshareaccessex). */
NTSTATUS NTAPI IoCheckShareAccessEx(ACCESS_MASK DesiredAccess, ULONG DesiredShareAccess,
                                    PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess,
                                    BOOLEAN Update, PBOOLEAN WritePermission)
{
    if (!TakeAccess(FileObject, DesiredAccess, DesiredShareAccess) || IgnoresSharing(FileObject))
        return STATUS_SUCCESS;
    if (WritePermission && *WritePermission && !FileObject->SharedWrite)
        return STATUS_SHARING_VIOLATION;
    if (Conflicts(FileObject, ShareAccess))
        return STATUS_SHARING_VIOLATION;
    if (Update)
        Count(FileObject, ShareAccess, 1);
    return STATUS_SUCCESS;
}

/* The first open of a file: the counts are set, not checked (nf-ntifs-iosetshareaccess). */
VOID NTAPI IoSetShareAccess(ACCESS_MASK DesiredAccess, ULONG DesiredShareAccess,
                            PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess)
{
    memset(ShareAccess, 0, sizeof *ShareAccess);
    if (TakeAccess(FileObject, DesiredAccess, DesiredShareAccess) && !IgnoresSharing(FileObject))
        Count(FileObject, ShareAccess, 1);
}

/* Counts an open that IoCheckShareAccess let pass without Update (nf-ntifs-ioupdateshareaccess). */
VOID NTAPI IoUpdateShareAccess(PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess)
{
    if (HasAccess(FileObject) && !IgnoresSharing(FileObject))
        Count(FileObject, ShareAccess, 1);
}

/* An opener leaves; called at cleanup (nf-ntifs-ioremoveshareaccess). */
VOID NTAPI IoRemoveShareAccess(PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess)
{
    if (HasAccess(FileObject) && !IgnoresSharing(FileObject))
        Count(FileObject, ShareAccess, -1);
}

/* The file was opened with IO_IGNORE_SHARE_ACCESS_CHECK (nf-ntddk-ioisfileobjectignoringsharing).
 */
BOOLEAN NTAPI IoIsFileObjectIgnoringSharing(PFILE_OBJECT FileObject)
{
    return IgnoresSharing(FileObject);
}

/* Makes later checks of this file object pass (nf-ntddk-iosetfileobjectignoresharing).
 * STATUS_INVALID_PARAMETER when it was checked before. */
NTSTATUS NTAPI IoSetFileObjectIgnoreSharing(PFILE_OBJECT FileObject)
{
    IOP_FILE_EXTENSION *Extension = IopFileExtension(FileObject, true);

    if (!Extension)
        return STATUS_INSUFFICIENT_RESOURCES;
    Extension->IgnoreSharing = true;
    return STATUS_SUCCESS;
}

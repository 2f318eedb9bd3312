/* SPDX-License-Identifier: MIT */
/*
 * cleanup.c - IRP_MJ_CLEANUP: the last handle of an open is gone; and IRP_MJ_CLOSE: nothing refers
 * to its file object any more. Between the two, the cache and sections may use the file object for
 * paging I/O.
 */
#include "fs/fsp.h"

#include <stdlib.h>
#include <string.h>

/* ---- deletion ------------------------------------------------------------------------------ */

NTSTATUS FsxRemoveLink(FSX_VOLUME *Volume, FSX_LINK *Link)
{
    FSX_STORE *Store = Volume->Store;
    FSX_FILE *File = Link->File;
    NTSTATUS Status;
    FSX_META Meta;

    Status = Store->Ops->Unlink(Store, Link->Parent, &Link->Name);
    if (!NT_SUCCESS(Status))
        return Status;
    FsxNotify(Volume, Link->Parent, &Link->Name, NULL,
              File->Directory ? FILE_NOTIFY_CHANGE_DIR_NAME : FILE_NOTIFY_CHANGE_FILE_NAME,
              FILE_ACTION_REMOVED);
    Link->Gone = true;
    FsxDirtyMetadata(File);
    if (NT_SUCCESS(Store->Ops->GetMeta(Store, File->Id, &Meta)) && !Meta.Links)
        File->Unlinked = true;
    return STATUS_SUCCESS;
}

/* The last handle of a doomed name or stream is going; Volume->Resource is held exclusively. */
static void DeleteIfDoomed(FSX_IRP *x)
{
    FSX_STORE *Store = x->Volume->Store;
    FSX_LINK *Link = x->Ccb->Link;
    FSX_FCB *Fcb = x->Fcb;

    if (Fcb->StreamDeletePending && Fcb->Handles == 1 && !Fcb->StreamGone) {
        Fcb->StreamGone = true;
        FsxNotify(x->Volume, Link ? Link->Parent : FSX_ROOT_ID, Link ? &Link->Name : NULL,
                  &Fcb->StreamName, FILE_NOTIFY_CHANGE_STREAM_NAME, FILE_ACTION_REMOVED_STREAM);
    }
    if (Link && Link->DeletePending && !Link->Gone &&
        (Link->Handles == 1 || x->Ccb->PosixDeleted)) {
        if (Fcb->File->Directory && !Store->Ops->IsEmpty(Store, Fcb->File->Id))
            Link->DeletePending =
                false; /* delete-on-close of a directory that was filled meanwhile */
        else
            FsxRemoveLink(x->Volume, Link);
    }
}

/* FILE_DELETE_ON_CLOSE becomes a pending deletion when its handle goes. */
static void ApplyDeleteOnClose(FSX_IRP *x)
{
    if (!x->Ccb->DeleteOnClose)
        return;
    if (x->Fcb->StreamName.Length)
        x->Fcb->StreamDeletePending = true;
    else if (x->Ccb->Link)
        x->Ccb->Link->DeletePending = true;
}

/* ---- cleanup ------------------------------------------------------------------------------- */

static void NotifyChanges(FSX_IRP *x)
{
    FSX_LINK *Link = x->Ccb->Link;
    ULONG Filter = 0;

    if (x->FileObject->Flags & FO_FILE_MODIFIED)
        Filter |= x->Fcb->StreamName.Length ? FILE_NOTIFY_CHANGE_STREAM_WRITE
                                            : FILE_NOTIFY_CHANGE_LAST_WRITE;
    if (x->FileObject->Flags & FO_FILE_SIZE_CHANGED)
        Filter |=
            x->Fcb->StreamName.Length ? FILE_NOTIFY_CHANGE_STREAM_SIZE : FILE_NOTIFY_CHANGE_SIZE;
    if (!Filter || !Link || Link->Gone)
        return;
    FsxNotify(x->Volume, Link->Parent, &Link->Name,
              x->Fcb->StreamName.Length ? &x->Fcb->StreamName : NULL, Filter,
              x->Fcb->StreamName.Length ? FILE_ACTION_MODIFIED_STREAM : FILE_ACTION_MODIFIED);
}

/* What is left of a deleted stream in the cache has nowhere to go. */
static void CleanUpData(FSX_IRP *x)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};
    bool Doomed = x->Fcb->StreamGone || (x->Fcb->File->Unlinked && x->Fcb->Handles == 1);

    FsRtlFastUnlockAll(&x->Fcb->Locks, x->FileObject, IoGetRequestorProcess(x->Irp), NULL);
    if (!Doomed)
        FsxPersistSizes(x->Fcb);
    CcUninitializeCacheMap(x->FileObject, Doomed ? &Zero : NULL, NULL);
    if (Doomed) {
        CcPurgeCacheSection(&x->Fcb->Section, NULL, 0, 0);
        MmForceSectionClosed(&x->Fcb->Section, TRUE);
    } else if (x->Volume->Personality->PurgeOnNonCachedOpen &&
               !(x->Ccb->Options & FILE_NO_INTERMEDIATE_BUFFERING) && x->Fcb->NonCachedHandles &&
               x->Fcb->Handles == x->Fcb->NonCachedHandles + 1) {
        if (NT_SUCCESS(FsxFlushData(x->Fcb, 0, 0)))
            FsxPurgeData(x->Fcb, 0, 0);
    }
}

static void CountDown(FSX_IRP *x)
{
    KexLockAcquire(&x->Volume->TableLock);
    x->Fcb->Handles--;
    if (x->Ccb->Options & FILE_NO_INTERMEDIATE_BUFFERING)
        x->Fcb->NonCachedHandles--;
    if (x->Fcb->File)
        x->Fcb->File->Handles--;
    if (x->Ccb->Link)
        x->Ccb->Link->Handles--;
    KexLockRelease(&x->Volume->TableLock);
}

NTSTATUS FsxCleanup(FSX_IRP *x)
{
    if (!x->Ccb || x->Ccb->CleanedUp)
        return STATUS_SUCCESS;
    FsRtlNotifyCleanup(x->Volume->NotifySync, &x->Volume->NotifyList, x->Ccb);
    ExAcquireResourceExclusiveLite(&x->Volume->Resource, TRUE);
    ExAcquireResourceExclusiveLite(&x->Fcb->Main, TRUE);
    if (x->Fcb->Kind != FSX_VOLUME_FILE) {
        NotifyChanges(x);
        ApplyDeleteOnClose(x);
        DeleteIfDoomed(x);
    }
    if (x->Fcb->Kind == FSX_DATA)
        CleanUpData(x);
    if (x->Volume->LockedBy == x->FileObject)
        x->Volume->LockedBy = NULL;
    CountDown(x);
    IoRemoveShareAccess(x->FileObject, &x->Fcb->Share);
    x->Ccb->CleanedUp = true;
    x->FileObject->Flags |= FO_CLEANUP_COMPLETE;
    ExReleaseResourceLite(&x->Fcb->Main);
    ExReleaseResourceLite(&x->Volume->Resource);
    return STATUS_SUCCESS;
}

/* ---- close --------------------------------------------------------------------------------- */

/*
 * May come while this very thread, or one that waits for it, holds any lock of the stream (a purge
 * drops the last reference of a file object): only the table lock is taken.
 */
NTSTATUS FsxClose(FSX_IRP *x)
{
    FSX_CCB *Ccb = x->Ccb;
    FSX_FCB *Fcb = x->Fcb;
    FSX_VOLUME *Volume = x->Volume;

    x->FileObject->FsContext = NULL;
    x->FileObject->FsContext2 = NULL;
    x->FileObject->SectionObjectPointer = NULL;
    if (Fcb->StreamGone && Fcb->References == 1)
        Volume->Store->Ops->DeleteStream(Volume->Store, Fcb->File->Id, Fcb->Stream);
    if (Ccb) {
        if (Ccb->Link)
            FsxDereferenceLink(Ccb->Link);
        free(Ccb->PatternBuffer);
        free(Ccb->NotifyName.Buffer);
        free(Ccb);
    }
    FsxDereferenceFcb(Fcb);
    KexLockAcquire(&Volume->TableLock);
    Volume->OpenFiles--;
    KexLockRelease(&Volume->TableLock);
    return STATUS_SUCCESS;
}

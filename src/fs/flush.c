/* SPDX-License-Identifier: MIT */
/*
 * flush.c - IRP_MJ_FLUSH_BUFFERS. What a minor code means is the personality's table: NTFS knows
 * all five, others treat some alike. An order of things holds for all: file data, then metadata,
 * then the device; the first failure ends it.
 */
#include "fs/fsp.h"

#include <string.h>

NTSTATUS FsxFlushData(FSX_FCB *Fcb, LONGLONG Offset, LONGLONG Length)
{
    LARGE_INTEGER At = {.QuadPart = Offset};
    IO_STATUS_BLOCK Iosb = {0};

    if (!Length)
        CcFlushCache(&Fcb->Section, Offset ? &At : NULL, 0, &Iosb);
    else
        CcFlushCache(&Fcb->Section, &At, (ULONG)Length, &Iosb);
    return Iosb.Status;
}

/*
 * Main is held exclusively. Taking the paging resource exclusively waits out the lazy writer, whose
 * pages could not be purged, and keeps new paging I/O away until the pages are gone.
 */
bool FsxPurgeData(FSX_FCB *Fcb, LONGLONG Offset, ULONG Length)
{
    LARGE_INTEGER At = {.QuadPart = Offset};
    bool Purged;

    ASSERT(ExIsResourceAcquiredExclusiveLite(&Fcb->Main));
    ExAcquireResourceExclusiveLite(&Fcb->Paging, TRUE);
    Purged = CcPurgeCacheSection(&Fcb->Section, Offset || Length ? &At : NULL, Length, 0);
    ExReleaseResourceLite(&Fcb->Paging);
    return Purged;
}

/* Sources do not say what a flush-and-purge answers when a view keeps pages: a named choice. */
static NTSTATUS PurgeBlocked(void)
{
    const char *Value = KexPolicy("purge_blocked");

    if (!strcmp(Value, "purge_failed"))
        return STATUS_PURGE_FAILED;
    if (!strcmp(Value, "user_mapped"))
        return STATUS_USER_MAPPED_FILE;
    return STATUS_SUCCESS;
}

/* ---- one stream ---------------------------------------------------------------------------- */

static NTSTATUS FlushStream(FSX_FCB *Fcb, const FSX_FLUSH_RULE *Rule)
{
    NTSTATUS Status;

    ExAcquireResourceExclusiveLite(&Fcb->Main, TRUE);
    Status = FsxFlushData(Fcb, 0, 0);
    if (NT_SUCCESS(Status)) {
        /* The lazy writer may be at work on pages the flush found clean already. */
        ExAcquireResourceExclusiveLite(&Fcb->Paging, TRUE);
        ExReleaseResourceLite(&Fcb->Paging);
    }
    if (NT_SUCCESS(Status) && (Rule->Metadata || Rule->NeededMetadata))
        Status = FsxWriteMetadata(Fcb, Rule->Metadata);
    if (NT_SUCCESS(Status) && Rule->Purge && Fcb->Section.DataSectionObject &&
        !FsxPurgeData(Fcb, 0, 0))
        Status = PurgeBlocked();
    ExReleaseResourceLite(&Fcb->Main);
    return Status;
}

/* ---- a directory, the volume --------------------------------------------------------------- */

static NTSTATUS FlushDirectory(FSX_FCB *Fcb, const FSX_FLUSH_RULE *Rule)
{
    if (!NT_SUCCESS(Rule->OnDirectory))
        return Rule->OnDirectory;
    return Rule->Metadata ? FsxStoreWriteMetadata(Fcb->Volume->Store, Fcb->File->Id)
                          : STATUS_SUCCESS;
}

/*
 * The next data stream in the table behind Index, referenced; creates and closes may come in
 * between.
 */
static FSX_FCB *NextStream(FSX_VOLUME *Volume, ULONG Index)
{
    FSX_FCB *Found = NULL;

    KexLockAcquire(&Volume->TableLock);
    for (PLIST_ENTRY f = Volume->Files.Flink; !Found && f != &Volume->Files; f = f->Flink) {
        FSX_FILE *File = CONTAINING_RECORD(f, FSX_FILE, Links);

        for (PLIST_ENTRY e = File->Fcbs.Flink; !Found && e != &File->Fcbs; e = e->Flink) {
            FSX_FCB *Fcb = CONTAINING_RECORD(e, FSX_FCB, Links);

            if (Fcb->Kind == FSX_DATA && !Index--)
                Found = Fcb;
        }
    }
    if (Found)
        Found->References++;
    KexLockRelease(&Volume->TableLock);
    return Found;
}

static NTSTATUS FlushVolume(FSX_VOLUME *Volume, const FSX_FLUSH_RULE *Rule)
{
    NTSTATUS Status = STATUS_SUCCESS, Each;
    FSX_FCB *Fcb;

    if (!NT_SUCCESS(Rule->OnVolume))
        return Rule->OnVolume;
    ExAcquireResourceExclusiveLite(&Volume->Resource, TRUE); /* nothing new is opened meanwhile */
    for (ULONG Index = 0; (Fcb = NextStream(Volume, Index)) != NULL; Index++) {
        Each = FlushStream(Fcb, Rule);
        FsxDereferenceFcb(Fcb);
        if (!NT_SUCCESS(Each) && NT_SUCCESS(Status))
            Status = Each;
    }
    ExReleaseResourceLite(&Volume->Resource);
    return NT_SUCCESS(Status) ? FsxStoreWriteMetadata(Volume->Store, 0) : Status;
}

/* ---- the request --------------------------------------------------------------------------- */

NTSTATUS FsxFlush(FSX_IRP *x)
{
    UCHAR Minor = x->Stack->MinorFunction;
    const FSX_FLUSH_RULE *Rule;
    NTSTATUS Status;

    /* Undefined codes are a plain flush; whoever sent one is told elsewhere. */
    Rule = &x->Volume->Personality
                ->Flush[Minor < RTL_NUMBER_OF(x->Volume->Personality->Flush) ? Minor : 0];
    if (x->Volume->Store->Geometry.ReadOnly)
        return STATUS_MEDIA_WRITE_PROTECTED;
    if (x->Fcb->Kind == FSX_VOLUME_FILE ||
        (x->Fcb->File && x->Fcb->File->Id == FSX_ROOT_ID && x->Fcb->Kind == FSX_DIRECTORY))
        Status = FlushVolume(x->Volume, Rule);
    else if (x->Fcb->Kind == FSX_DIRECTORY)
        Status = FlushDirectory(x->Fcb, Rule);
    else
        Status = FlushStream(x->Fcb, Rule);
    if (NT_SUCCESS(Status) && Rule->Sync) {
        NTSTATUS Sync = FsxStoreSync(x->Volume->Store);

        /* A device without a cache to write says so; that is no failure of the flush. */
        if (!NT_SUCCESS(Sync) && Sync != STATUS_INVALID_DEVICE_REQUEST)
            Status = Sync;
    }
    return Status;
}

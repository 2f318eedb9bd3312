/* SPDX-License-Identifier: MIT */
/* copy.c - copies between callers' buffers and the cache, zeroing, and the fast forms. */
#include "cc/cc.h"
#include "ke/try.h"

#include <stdlib.h>
#include <string.h>

/*
 * A page about to be overwritten is filled without reading it, and nobody else may see it before it
 * is complete. The source of such a fill must not fault (it could be a view of the very page), so
 * user memory goes through this much of kernel memory first.
 */
#define BOUNCE (64u * 1024)

static ULONG Least(LONGLONG a, LONGLONG b)
{
    return (ULONG)(a < b ? a : b);
}

/* A copy of which one side may be user memory that is not there; then its fault is the status. */
typedef struct _BYTES {
    void *To;
    const void *From;
    size_t Count;
} BYTES;

static void CopyBody(void *Argument)
{
    const BYTES *Bytes = Argument;

    memcpy(Bytes->To, Bytes->From, Bytes->Count);
}

static NTSTATUS CopyBytes(void *To, const void *From, size_t Count)
{
    BYTES Bytes = {To, From, Count};

    if (host_is_user_range(To, Count) || host_is_user_range(From, Count))
        return KexTry(CopyBody, &Bytes);
    memcpy(To, From, Count);
    return STATUS_SUCCESS;
}

/* ---- read ---------------------------------------------------------------------------------- */

static NTSTATUS CopyOut(CCX_MAP *Map, LONGLONG Offset, ULONG Length, bool Wait, PUCHAR Buffer)
{
    while (Length) {
        ULONG n = Least(Length, CCX_WINDOW - Offset % CCX_WINDOW);
        PVOID From;
        NTSTATUS Status = MmxSegmentPin(Map->Segment, Offset, n, Wait, &From);

        if (!NT_SUCCESS(Status))
            return Status;
        Status = CopyBytes(Buffer, From, n);
        MmxSegmentUnpin(Map->Segment, Offset, n);
        if (!NT_SUCCESS(Status))
            return Status;
        Buffer += n;
        Offset += n;
        Length -= n;
    }
    return STATUS_SUCCESS;
}

NTSTATUS CcxRead(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length, bool Wait, PVOID Buffer)
{
    CCX_MAP *Map = CcxMapOf(FileObject);
    NTSTATUS Status = STATUS_SUCCESS;

    ASSERT(Map);
    if (Length)
        Status = CopyOut(Map, Offset, Length, Wait, Buffer);
    if (NT_SUCCESS(Status)) {
        CcxTrace("copy read", FileObject, Offset, Length, Status, Length);
        CcxAfterRead(FileObject, Offset, Length);
    }
    return Status;
}

/*
 * Copies cached data to a buffer. IRQL < DISPATCH_LEVEL; the caller holds the stream at least
 * shared and has checked the range against the file size. FALSE when Wait is FALSE and a page would
 * have to be read; nothing was promised then. A failed paging read is raised. The whole range is
 * read always: IoStatus->Information is Length (nf-ntifs-cccopyread).
 */
BOOLEAN NTAPI CcCopyReadEx(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                           BOOLEAN Wait, PVOID Buffer, PIO_STATUS_BLOCK IoStatus,
                           PETHREAD IoIssuerThread)
{
    NTSTATUS Status = CcxRead(FileObject, FileOffset->QuadPart, Length, Wait, Buffer);

    if (Status == STATUS_CANT_WAIT)
        return FALSE;
    if (!NT_SUCCESS(Status))
        ExRaiseStatus(FsRtlNormalizeNtstatus(Status, STATUS_UNEXPECTED_IO_ERROR));
    IoStatus->Status = STATUS_SUCCESS;
    IoStatus->Information = Length;
    return TRUE;
}

BOOLEAN NTAPI CcCopyRead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                         BOOLEAN Wait, PVOID Buffer, PIO_STATUS_BLOCK IoStatus)
{
    return CcCopyReadEx(FileObject, FileOffset, Length, Wait, Buffer, IoStatus, NULL);
}

VOID NTAPI CcFastCopyRead(PFILE_OBJECT FileObject, ULONG FileOffset, ULONG Length, ULONG PageCount,
                          PVOID Buffer, PIO_STATUS_BLOCK IoStatus)
{
    LARGE_INTEGER Offset = {.QuadPart = FileOffset};

    CcCopyRead(FileObject, &Offset, Length, TRUE, Buffer, IoStatus);
}

/* ---- write --------------------------------------------------------------------------------- */

/*
 * Whether page-aligned [Start, Start+MMX_PAGE) has nothing to keep outside [Offset, End) of the
 * caller's data.
 */
static bool Overwrites(const CCX_MAP *Map, LONGLONG Start, LONGLONG Offset, LONGLONG End)
{
    LONGLONG Keep = Map->ValidDataLength < Map->FileSize.QuadPart ? Map->ValidDataLength
                                                                  : Map->FileSize.QuadPart;

    if (Start >= Keep)
        return true;
    return Offset <= Start && (End >= Start + MMX_PAGE || End >= Keep);
}

/*
 * Bytes from Offset that can be filled in one step: whole pages with nothing to keep, none of them
 * valid.
 */
static ULONG FillLength(CCX_MAP *Map, LONGLONG Offset, ULONG Length)
{
    LONGLONG Start = Offset / MMX_PAGE * MMX_PAGE, End = Offset + Length, Stop = Start;
    ULONGLONG Run;
    bool Valid;

    Run = MmxSegmentRun(Map->Segment, (ULONGLONG)Start / MMX_PAGE,
                        ((ULONGLONG)(End - Start) + MMX_PAGE - 1) / MMX_PAGE, &Valid);
    if (Valid)
        return 0;
    while (Run-- && Stop < End && Overwrites(Map, Stop, Offset, End))
        Stop += MMX_PAGE;
    return Stop <= Offset ? 0 : Least(Length, Stop - Offset);
}

/* Bytes from Offset that must be pinned and copied: up to the next page that could be filled. */
static ULONG CopyLength(CCX_MAP *Map, LONGLONG Offset, ULONG Length)
{
    LONGLONG End = Offset + Length, Stop = (Offset / MMX_PAGE + 1) * MMX_PAGE;
    ULONGLONG Run;
    bool Valid;

    if (Stop >= End)
        return Length;
    Run = MmxSegmentRun(Map->Segment, (ULONGLONG)Offset / MMX_PAGE,
                        ((ULONGLONG)End + MMX_PAGE - 1) / MMX_PAGE - (ULONGLONG)Offset / MMX_PAGE,
                        &Valid);
    if (Valid)
        Stop += (LONGLONG)(Run - 1) * MMX_PAGE;
    return Least(Length, Stop - Offset);
}

static NTSTATUS FillStep(CCX_MAP *Map, LONGLONG Offset, ULONG Length, const void *Source)
{
    void *Bounce = NULL;
    NTSTATUS Status;

    if (Source && host_is_user_range(Source, Length)) {
        Bounce = malloc(Length);
        if (!Bounce)
            return STATUS_INSUFFICIENT_RESOURCES;
        Status = CopyBytes(Bounce, Source, Length);
        if (!NT_SUCCESS(Status)) {
            free(Bounce);
            return Status;
        }
        Source = Bounce;
    }
    Status = MmxSegmentFill(Map->Segment, Offset, Length, Source);
    free(Bounce);
    return Status;
}

static NTSTATUS CopyStep(CCX_MAP *Map, LONGLONG Offset, ULONG Length, bool Wait, const void *Source)
{
    PVOID To;
    NTSTATUS Status = MmxSegmentPin(Map->Segment, Offset, Length, Wait, &To);

    if (!NT_SUCCESS(Status))
        return Status;
    if (Source)
        Status = CopyBytes(To, Source, Length);
    else
        memset(To, 0, Length);
    /*
     * Behind the copy: see segment.h on `dirty` and `writing`. A copy that faulted has changed a
     * part.
     */
    MmxSegmentMarkDirty(Map->Segment, Offset, Length);
    MmxSegmentUnpin(Map->Segment, Offset, Length);
    return Status;
}

static void AdvanceValidData(CCX_MAP *Map, LONGLONG End)
{
    KexLockAcquire(&CcxLock);
    if (End > Map->ValidDataLength)
        Map->ValidDataLength = End;
    KexLockRelease(&CcxLock);
}

static NTSTATUS CopyInSteps(CCX_MAP *Map, LONGLONG Offset, ULONG Length, bool Wait,
                            const UCHAR *Source)
{
    while (Length) {
        ULONG Step = Length < BOUNCE ? Length : BOUNCE, n = FillLength(Map, Offset, Step);
        NTSTATUS Status = n ? FillStep(Map, Offset, n, Source) : STATUS_RETRY;

        if (Status == STATUS_RETRY) {
            n = CopyLength(Map, Offset, Step);
            Status = CopyStep(Map, Offset, n, Wait, Source);
        }
        if (!NT_SUCCESS(Status))
            return Status;
        if (Map->ValidDataLength != MAXLONGLONG)
            AdvanceValidData(Map, Offset + n);
        Source = Source ? Source + n : NULL;
        Offset += n;
        Length -= n;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CopyIn(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length, bool Wait,
                       const void *Source)
{
    CCX_MAP *Map = CcxMapOf(FileObject);
    NTSTATUS Status;

    ASSERT(Map);
    if (!Length)
        return STATUS_SUCCESS;
    Status = CopyInSteps(Map, Offset, Length, Wait, Source);
    CcxNoteDirty(Map); /* a failed copy may have got part of the way */
    return Status;
}

NTSTATUS CcxWrite(PFILE_OBJECT FileObject, LONGLONG Offset, ULONG Length, bool Wait,
                  const void *Buffer)
{
    NTSTATUS Status;

    if ((FileObject->Flags & FO_WRITE_THROUGH) && !Wait)
        return STATUS_CANT_WAIT;
    Status = CopyIn(FileObject, Offset, Length, Wait, Buffer);
    if (!NT_SUCCESS(Status))
        return Status;
    CcxTrace("copy write", FileObject, Offset, Length, STATUS_SUCCESS, Length);
    if ((FileObject->Flags & FO_WRITE_THROUGH) && Length)
        Status =
            CcxFlushHeld(FileObject->SectionObjectPointer, Offset, Length, "write through", NULL);
    return Status;
}

/*
 * Copies a buffer into the cache and makes the pages dirty. IRQL < DISPATCH_LEVEL; the caller has
 * extended the file and told the sizes. FALSE when Wait is FALSE and it would block. With
 * write-through the range is written before the call returns, and a failure of that is raised
 * (nf-ntifs-cccopywrite).
 */
BOOLEAN NTAPI CcCopyWriteEx(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                            BOOLEAN Wait, PVOID Buffer, PETHREAD IoIssuerThread)
{
    NTSTATUS Status = CcxWrite(FileObject, FileOffset->QuadPart, Length, Wait, Buffer);

    if (Status == STATUS_CANT_WAIT)
        return FALSE;
    if (!NT_SUCCESS(Status))
        ExRaiseStatus(FsRtlNormalizeNtstatus(Status, STATUS_UNEXPECTED_IO_ERROR));
    return TRUE;
}

BOOLEAN NTAPI CcCopyWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                          BOOLEAN Wait, PVOID Buffer)
{
    return CcCopyWriteEx(FileObject, FileOffset, Length, Wait, Buffer, NULL);
}

VOID NTAPI CcFastCopyWrite(PFILE_OBJECT FileObject, ULONG FileOffset, ULONG Length, PVOID Buffer)
{
    LARGE_INTEGER Offset = {.QuadPart = FileOffset};

    CcCopyWrite(FileObject, &Offset, Length, TRUE, Buffer);
}

/* ---- zero ---------------------------------------------------------------------------------- */

#define ZERO_STEP (1024u * 1024)
static const UCHAR ZeroPages[MMX_READ_CLUSTER] __attribute__((aligned(4096)));

/*
 * A stream that is not cached through this file object is zeroed on the medium, by paging writes.
 *
 */
static NTSTATUS ZeroUncached(PFILE_OBJECT FileObject, LONGLONG Start, LONGLONG End)
{
    while (Start < End) {
        ULONG n = Least(End - Start, sizeof ZeroPages);
        IO_STATUS_BLOCK Iosb = {0};
        NTSTATUS Status = MmxPager->Write(FileObject, (PVOID)ZeroPages, n, Start, &Iosb);

        if (!NT_SUCCESS(Status))
            return Status;
        Start += n;
    }
    return STATUS_SUCCESS;
}

NTSTATUS CcxZero(PFILE_OBJECT FileObject, LONGLONG Start, LONGLONG End, bool Wait)
{
    bool Large = End - Start > ZERO_STEP;
    NTSTATUS Status = STATUS_SUCCESS;

    CcxTrace("zero", FileObject, Start, End - Start, STATUS_SUCCESS, 0);
    if (!Wait && (Large || !FileObject->PrivateCacheMap))
        return STATUS_CANT_WAIT;
    if (!FileObject->PrivateCacheMap)
        return ZeroUncached(FileObject, Start, End);
    while (Start < End && NT_SUCCESS(Status)) {
        ULONG n = Least(End - Start, ZERO_STEP);

        Status = CopyIn(FileObject, Start, n, Wait, NULL);
        if (NT_SUCCESS(Status) && Large)
            Status = CcxFlushHeld(FileObject->SectionObjectPointer, Start, n, "zero", NULL);
        Start += n;
    }
    return Status;
}

/*
 * Zeroes a range. Cached: through the cache, written back at once when the range is large, so that
 * a long gap cannot fill the cache while its writer holds the file. Not cached: start and end are
 * sector aligned and the zeros are written. FALSE when Wait is FALSE and it would block; failures
 * are raised (nf-ntifs-cczerodata).
 */
BOOLEAN NTAPI CcZeroData(PFILE_OBJECT FileObject, PLARGE_INTEGER StartOffset,
                         PLARGE_INTEGER EndOffset, BOOLEAN Wait)
{
    NTSTATUS Status = CcxZero(FileObject, StartOffset->QuadPart, EndOffset->QuadPart, Wait);

    if (Status == STATUS_CANT_WAIT)
        return FALSE;
    if (!NT_SUCCESS(Status))
        ExRaiseStatus(FsRtlNormalizeNtstatus(Status, STATUS_UNEXPECTED_IO_ERROR));
    return TRUE;
}

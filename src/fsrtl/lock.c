/* SPDX-License-Identifier: MIT */
/*
 * lock.c - byte-range locks of a stream. An owner is a file object, a process and a key together.
 * Locks bind reads and writes of handles only: paging I/O never asks here, so cached data reaches
 * the store whatever is locked.
 *
 * An exclusive lock keeps everybody else from reading and writing its range; a shared lock keeps
 * everybody, its owner included, from writing. A lock of length zero excludes nothing.
 */
#include "fsrtl/fsrtl.h"

#include <stdlib.h>
#include <string.h>

typedef struct _LOCK {
    LIST_ENTRY Links;
    FILE_LOCK_INFO Info;
} LOCK;

typedef struct _WAITING {
    LIST_ENTRY Links;
    FILE_LOCK_INFO Info;
    PIRP Irp;
    PVOID Context;
    PFILE_LOCK FileLock;
} WAITING;

typedef struct _LOCKS {
    KEX_LOCK Lock;
    LIST_ENTRY Granted, Waiting;
} LOCKS;

/* ---- life ---------------------------------------------------------------------------------- */

/*
 * Prepares a stream's lock structure. CompleteLockIrpRoutine, optional, completes lock IRPs instead
 * of IoCompleteRequest; UnlockRoutine is told of each lock that goes
 * (nf-ntifs-fsrtlinitializefilelock).
 */
VOID NTAPI FsRtlInitializeFileLock(PFILE_LOCK FileLock,
                                   PCOMPLETE_LOCK_IRP_ROUTINE CompleteLockIrpRoutine,
                                   PUNLOCK_ROUTINE UnlockRoutine)
{
    RtlZeroMemory(FileLock, sizeof *FileLock);
    FileLock->CompleteLockIrpRoutine = CompleteLockIrpRoutine;
    FileLock->UnlockRoutine = UnlockRoutine;
}

static LOCKS *LocksOf(PFILE_LOCK FileLock, bool Make)
{
    LOCKS *Locks = __atomic_load_n((LOCKS **)&FileLock->LockInformation, __ATOMIC_ACQUIRE),
          *None = NULL;

    if (Locks || !Make)
        return Locks;
    Locks = calloc(1, sizeof *Locks);
    if (!Locks)
        return NULL;
    KexLockInit(&Locks->Lock, KEX_RANK_CC + 5, "byte-range locks");
    InitializeListHead(&Locks->Granted);
    InitializeListHead(&Locks->Waiting);
    if (!__atomic_compare_exchange_n((LOCKS **)&FileLock->LockInformation, &None, Locks, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        free(Locks);
        Locks = None;
    }
    return Locks;
}

static NTSTATUS CompleteIrp(PFILE_LOCK FileLock, PVOID Context, PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    if (FileLock->CompleteLockIrpRoutine)
        return FileLock->CompleteLockIrpRoutine(Context, Irp);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* Frees all locks; requests that still wait end with STATUS_RANGE_NOT_LOCKED. */
VOID NTAPI FsRtlUninitializeFileLock(PFILE_LOCK FileLock)
{
    LOCKS *Locks = LocksOf(FileLock, false);

    if (!Locks)
        return;
    for (;;) {
        WAITING *Waiting = NULL;

        KexLockAcquire(&Locks->Lock);
        if (!IsListEmpty(&Locks->Waiting))
            Waiting = CONTAINING_RECORD(RemoveHeadList(&Locks->Waiting), WAITING, Links);
        KexLockRelease(&Locks->Lock);
        if (!Waiting)
            break;
        if (IoSetCancelRoutine(Waiting->Irp, NULL)) {
            CompleteIrp(FileLock, Waiting->Context, Waiting->Irp, STATUS_RANGE_NOT_LOCKED);
            free(Waiting);
        } /* else its cancel routine is running and frees it */
    }
    while (!IsListEmpty(&Locks->Granted))
        free(CONTAINING_RECORD(RemoveHeadList(&Locks->Granted), LOCK, Links));
    FileLock->LockInformation = NULL;
    FileLock->FastIoIsQuestionable = FALSE;
    free(Locks);
}

PFILE_LOCK NTAPI FsRtlAllocateFileLock(PCOMPLETE_LOCK_IRP_ROUTINE CompleteLockIrpRoutine,
                                       PUNLOCK_ROUTINE UnlockRoutine)
{
    PFILE_LOCK FileLock = ExAllocatePoolWithTag(NonPagedPool, sizeof *FileLock, 0x4c665346u);

    if (FileLock)
        FsRtlInitializeFileLock(FileLock, CompleteLockIrpRoutine, UnlockRoutine);
    return FileLock;
}

VOID NTAPI FsRtlFreeFileLock(PFILE_LOCK FileLock)
{
    FsRtlUninitializeFileLock(FileLock);
    ExFreePoolWithTag(FileLock, 0x4c665346u);
}

/* ---- rules --------------------------------------------------------------------------------- */

static bool Overlap(const FILE_LOCK_INFO *Lock, ULONGLONG Start, ULONGLONG Length)
{
    ULONGLONG First = (ULONGLONG)Lock->StartingByte.QuadPart,
              Last = (ULONGLONG)Lock->EndingByte.QuadPart;

    return Lock->Length.QuadPart && Length && Start <= Last && First <= Start + Length - 1;
}

static bool SameOwner(const FILE_LOCK_INFO *a, PFILE_OBJECT FileObject, PVOID Process, ULONG Key)
{
    return a->FileObject == FileObject && a->ProcessId == Process && a->Key == Key;
}

/*
 * Whether a new lock must wait. A second lock of the same owner conflicts too when either is
 * exclusive.
 */
static bool LockConflicts(LOCKS *Locks, const FILE_LOCK_INFO *New)
{
    for (PLIST_ENTRY e = Locks->Granted.Flink; e != &Locks->Granted; e = e->Flink) {
        LOCK *Each = CONTAINING_RECORD(e, LOCK, Links);

        if ((New->ExclusiveLock || Each->Info.ExclusiveLock) &&
            Overlap(&Each->Info, (ULONGLONG)New->StartingByte.QuadPart,
                    (ULONGLONG)New->Length.QuadPart))
            return true;
    }
    return false;
}

static bool Access(PFILE_LOCK FileLock, LONGLONG Start, LONGLONG Length, ULONG Key,
                   PFILE_OBJECT FileObject, PVOID Process, bool Write)
{
    LOCKS *Locks = LocksOf(FileLock, false);
    bool Allowed = true;

    if (!Locks || !Length)
        return true;
    KexLockAcquire(&Locks->Lock);
    for (PLIST_ENTRY e = Locks->Granted.Flink; Allowed && e != &Locks->Granted; e = e->Flink) {
        const FILE_LOCK_INFO *Each = &CONTAINING_RECORD(e, LOCK, Links)->Info;

        if (!Overlap(Each, (ULONGLONG)Start, (ULONGLONG)Length))
            continue;
        if (Each->ExclusiveLock)
            Allowed = SameOwner(Each, FileObject, Process, Key);
        else
            Allowed = !Write;
    }
    KexLockRelease(&Locks->Lock);
    return Allowed;
}

/* Whether the range may be read or written by this owner. IRQL <= APC_LEVEL. */
BOOLEAN NTAPI FsRtlFastCheckLockForRead(PFILE_LOCK FileLock, PLARGE_INTEGER StartingByte,
                                        PLARGE_INTEGER Length, ULONG Key, PFILE_OBJECT FileObject,
                                        PVOID ProcessId)
{
    return Access(FileLock, StartingByte->QuadPart, Length->QuadPart, Key, FileObject, ProcessId,
                  false);
}

BOOLEAN NTAPI FsRtlFastCheckLockForWrite(PFILE_LOCK FileLock, PLARGE_INTEGER StartingByte,
                                         PLARGE_INTEGER Length, ULONG Key, PFILE_OBJECT FileObject,
                                         PVOID ProcessId)
{
    return Access(FileLock, StartingByte->QuadPart, Length->QuadPart, Key, FileObject, ProcessId,
                  true);
}

/*
 * The same for a read or write IRP, whose requestor is the owner
 * (nf-ntifs-fsrtlchecklockforreadaccess).
 */
BOOLEAN NTAPI FsRtlCheckLockForReadAccess(PFILE_LOCK FileLock, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    return Access(FileLock, Stack->Parameters.Read.ByteOffset.QuadPart,
                  Stack->Parameters.Read.Length, Stack->Parameters.Read.Key, Stack->FileObject,
                  IoGetRequestorProcess(Irp), false);
}

BOOLEAN NTAPI FsRtlCheckLockForWriteAccess(PFILE_LOCK FileLock, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

    return Access(FileLock, Stack->Parameters.Write.ByteOffset.QuadPart,
                  Stack->Parameters.Write.Length, Stack->Parameters.Write.Key, Stack->FileObject,
                  IoGetRequestorProcess(Irp), true);
}

/* ---- granting and waiting ------------------------------------------------------------------ */

/* Lock held. */
static NTSTATUS Grant(PFILE_LOCK FileLock, LOCKS *Locks, const FILE_LOCK_INFO *Info)
{
    LOCK *Lock = calloc(1, sizeof *Lock);

    if (!Lock)
        return STATUS_INSUFFICIENT_RESOURCES;
    Lock->Info = *Info;
    InsertTailList(&Locks->Granted, &Lock->Links);
    FileLock->FastIoIsQuestionable = TRUE;
    return STATUS_SUCCESS;
}

/* Gives waiting requests, oldest first, what has become free. */
static void GrantWaiting(PFILE_LOCK FileLock, LOCKS *Locks)
{
    for (;;) {
        WAITING *Ready = NULL;
        NTSTATUS Status = STATUS_SUCCESS;

        KexLockAcquire(&Locks->Lock);
        for (PLIST_ENTRY e = Locks->Waiting.Flink; !Ready && e != &Locks->Waiting; e = e->Flink) {
            WAITING *Each = CONTAINING_RECORD(e, WAITING, Links);

            if (!LockConflicts(Locks, &Each->Info) && IoSetCancelRoutine(Each->Irp, NULL)) {
                Ready = Each;
                RemoveEntryList(&Ready->Links);
                Status = Grant(FileLock, Locks, &Ready->Info);
            }
        }
        KexLockRelease(&Locks->Lock);
        if (!Ready)
            return;
        CompleteIrp(FileLock, Ready->Context, Ready->Irp, Status);
        free(Ready);
    }
}

static VOID NTAPI CancelWaiting(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    WAITING *Waiting = Irp->Tail.Overlay.DriverContext[0];
    LOCKS *Locks = LocksOf(Waiting->FileLock, false);

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    KexLockAcquire(&Locks->Lock);
    RemoveEntryList(&Waiting->Links);
    KexLockRelease(&Locks->Lock);
    CompleteIrp(Waiting->FileLock, Waiting->Context, Irp, STATUS_CANCELLED);
    free(Waiting);
}

/*
 * Lock held on entry, released on return. The IRP waits, or is complete already when it was
 * cancelled meanwhile.
 */
static void Enqueue(PFILE_LOCK FileLock, LOCKS *Locks, WAITING *Waiting)
{
    PIRP Irp = Waiting->Irp;

    IoMarkIrpPending(Irp);
    Irp->Tail.Overlay.DriverContext[0] = Waiting;
    InsertTailList(&Locks->Waiting, &Waiting->Links);
    IoSetCancelRoutine(Irp, CancelWaiting);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL)) {
        RemoveEntryList(&Waiting->Links);
        KexLockRelease(&Locks->Lock);
        CompleteIrp(FileLock, Waiting->Context, Irp, STATUS_CANCELLED);
        free(Waiting);
        return;
    }
    KexLockRelease(&Locks->Lock);
}

/*
 * Takes a lock. With an IRP the request is completed here, now or when the range is free
 * (STATUS_PENDING); without one the call never waits: FALSE says that the caller must come back
 * with an IRP, unless FailImmediately. IoStatus receives STATUS_SUCCESS, STATUS_LOCK_NOT_GRANTED,
 * STATUS_PENDING or STATUS_INVALID_LOCK_RANGE (nf-ntifs-fsrtlfastlock).
 */
BOOLEAN NTAPI FsRtlPrivateLock(PFILE_LOCK FileLock, PFILE_OBJECT FileObject,
                               PLARGE_INTEGER FileOffset, PLARGE_INTEGER Length,
                               PEPROCESS ProcessId, ULONG Key, BOOLEAN FailImmediately,
                               BOOLEAN ExclusiveLock, PIO_STATUS_BLOCK Iosb, PIRP Irp,
                               PVOID Context, BOOLEAN AlreadySynchronized)
{
    FILE_LOCK_INFO Info = {.StartingByte = *FileOffset,
                           .Length = *Length,
                           .ExclusiveLock = ExclusiveLock,
                           .Key = Key,
                           .FileObject = FileObject,
                           .ProcessId = ProcessId};
    LOCKS *Locks = LocksOf(FileLock, true);
    WAITING *Waiting = NULL;

    Info.EndingByte.QuadPart = FileOffset->QuadPart + Length->QuadPart - 1;
    Iosb->Information = 0;
    if (!Locks || (Irp && !(Waiting = calloc(1, sizeof *Waiting)))) {
        Iosb->Status = STATUS_INSUFFICIENT_RESOURCES;
    } else if (Length->QuadPart &&
               (ULONGLONG)Info.EndingByte.QuadPart < (ULONGLONG)FileOffset->QuadPart) {
        Iosb->Status = STATUS_INVALID_LOCK_RANGE;
    } else {
        KexLockAcquire(&Locks->Lock);
        if (!LockConflicts(Locks, &Info)) {
            Iosb->Status = Grant(FileLock, Locks, &Info);
        } else if (FailImmediately) {
            Iosb->Status = STATUS_LOCK_NOT_GRANTED;
        } else if (Irp) {
            *Waiting =
                (WAITING){.Info = Info, .Irp = Irp, .Context = Context, .FileLock = FileLock};
            Iosb->Status = STATUS_PENDING;
            Enqueue(FileLock, Locks, Waiting);
            return TRUE;
        } else {
            KexLockRelease(&Locks->Lock);
            return FALSE;
        }
        KexLockRelease(&Locks->Lock);
    }
    free(Waiting);
    if (NT_SUCCESS(Iosb->Status))
        FileObject->LastLock = NULL;
    if (Irp)
        Iosb->Status = CompleteIrp(FileLock, Context, Irp, Iosb->Status);
    return TRUE;
}

/* ---- unlocking ----------------------------------------------------------------------------- */

typedef struct _MATCH {
    PFILE_OBJECT FileObject;
    PVOID Process;
    bool AnyKey, AnyRange, One;
    ULONG Key;
    LONGLONG Start, Length;
} MATCH;

static bool IsMatch(const FILE_LOCK_INFO *Info, const MATCH *m)
{
    return Info->FileObject == m->FileObject && Info->ProcessId == m->Process &&
           (m->AnyKey || Info->Key == m->Key) &&
           (m->AnyRange ||
            (Info->StartingByte.QuadPart == m->Start && Info->Length.QuadPart == m->Length));
}

static ULONG Unlock(PFILE_LOCK FileLock, const MATCH *Match, PVOID Context, bool Silent)
{
    LOCKS *Locks = LocksOf(FileLock, false);
    ULONG Count = 0;

    while (Locks && !(Match->One && Count)) {
        LOCK *Found = NULL;

        KexLockAcquire(&Locks->Lock);
        for (PLIST_ENTRY e = Locks->Granted.Flink; !Found && e != &Locks->Granted; e = e->Flink) {
            if (IsMatch(&CONTAINING_RECORD(e, LOCK, Links)->Info, Match))
                Found = CONTAINING_RECORD(e, LOCK, Links);
        }
        if (Found)
            RemoveEntryList(&Found->Links);
        if (IsListEmpty(&Locks->Granted))
            FileLock->FastIoIsQuestionable = FALSE;
        KexLockRelease(&Locks->Lock);
        if (!Found)
            break;
        Count++;
        if (FileLock->UnlockRoutine && !Silent)
            FileLock->UnlockRoutine(Context, &Found->Info);
        free(Found);
    }
    if (Count)
        GrantWaiting(FileLock, Locks);
    return Count;
}

/* Releases exactly one lock. STATUS_RANGE_NOT_LOCKED when the owner has none of this very range. */
NTSTATUS NTAPI FsRtlFastUnlockSingle(PFILE_LOCK FileLock, PFILE_OBJECT FileObject,
                                     PLARGE_INTEGER FileOffset, PLARGE_INTEGER Length,
                                     PEPROCESS ProcessId, ULONG Key, PVOID Context,
                                     BOOLEAN AlreadySynchronized)
{
    MATCH Match = {.FileObject = FileObject,
                   .Process = ProcessId,
                   .Key = Key,
                   .One = true,
                   .Start = FileOffset->QuadPart,
                   .Length = Length->QuadPart};

    return Unlock(FileLock, &Match, Context, false) ? STATUS_SUCCESS : STATUS_RANGE_NOT_LOCKED;
}

/* Requests of a closing owner that still wait end with STATUS_RANGE_NOT_LOCKED. */
static void DropWaiting(PFILE_LOCK FileLock, const MATCH *Match)
{
    LOCKS *Locks = LocksOf(FileLock, false);

    for (WAITING *Found = NULL; Locks; Found = NULL) {
        KexLockAcquire(&Locks->Lock);
        for (PLIST_ENTRY e = Locks->Waiting.Flink; !Found && e != &Locks->Waiting; e = e->Flink) {
            WAITING *Each = CONTAINING_RECORD(e, WAITING, Links);

            if (IsMatch(&Each->Info, Match) && IoSetCancelRoutine(Each->Irp, NULL))
                Found = Each;
        }
        if (Found)
            RemoveEntryList(&Found->Links);
        KexLockRelease(&Locks->Lock);
        if (!Found)
            return;
        CompleteIrp(FileLock, Found->Context, Found->Irp, STATUS_RANGE_NOT_LOCKED);
        free(Found);
    }
}

/* Releases all locks of an owner whatever their key. */
NTSTATUS NTAPI FsRtlFastUnlockAll(PFILE_LOCK FileLock, PFILE_OBJECT FileObject, PEPROCESS ProcessId,
                                  PVOID Context)
{
    MATCH Match = {
        .FileObject = FileObject, .Process = ProcessId, .AnyKey = true, .AnyRange = true};
    ULONG Count;

    DropWaiting(FileLock, &Match);
    Count = Unlock(FileLock, &Match, Context, false);
    return Count ? STATUS_SUCCESS : STATUS_RANGE_NOT_LOCKED;
}

NTSTATUS NTAPI FsRtlFastUnlockAllByKey(PFILE_LOCK FileLock, PFILE_OBJECT FileObject,
                                       PEPROCESS ProcessId, ULONG Key, PVOID Context)
{
    MATCH Match = {.FileObject = FileObject, .Process = ProcessId, .Key = Key, .AnyRange = true};
    ULONG Count;

    DropWaiting(FileLock, &Match);
    Count = Unlock(FileLock, &Match, Context, false);
    return Count ? STATUS_SUCCESS : STATUS_RANGE_NOT_LOCKED;
}

/*
 * Does what an IRP_MJ_LOCK_CONTROL request asks and completes it, or keeps it until the lock can be
 * granted. The result is the request's status, STATUS_PENDING in the latter case
 * (nf-ntifs-fsrtlprocessfilelock).
 */
NTSTATUS NTAPI FsRtlProcessFileLock(PFILE_LOCK FileLock, PIRP Irp, PVOID Context)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PEPROCESS Process = IoGetRequestorProcess(Irp);
    ULONG Key = Stack->Parameters.LockControl.Key;
    IO_STATUS_BLOCK Iosb = {0};
    NTSTATUS Status;

    switch (Stack->MinorFunction) {
    case IRP_MN_LOCK:
        FsRtlPrivateLock(FileLock, Stack->FileObject, &Stack->Parameters.LockControl.ByteOffset,
                         Stack->Parameters.LockControl.Length, Process, Key,
                         (Stack->Flags & SL_FAIL_IMMEDIATELY) != 0,
                         (Stack->Flags & SL_EXCLUSIVE_LOCK) != 0, &Iosb, Irp, Context, FALSE);
        return Iosb.Status;
    case IRP_MN_UNLOCK_SINGLE:
        Status = FsRtlFastUnlockSingle(
            FileLock, Stack->FileObject, &Stack->Parameters.LockControl.ByteOffset,
            Stack->Parameters.LockControl.Length, Process, Key, Context, FALSE);
        break;
    case IRP_MN_UNLOCK_ALL:
        Status = FsRtlFastUnlockAll(FileLock, Stack->FileObject, Process, Context);
        break;
    case IRP_MN_UNLOCK_ALL_BY_KEY:
        Status = FsRtlFastUnlockAllByKey(FileLock, Stack->FileObject, Process, Key, Context);
        break;
    default:
        Status = STATUS_INVALID_DEVICE_REQUEST;
    }
    return CompleteIrp(FileLock, Context, Irp, Status);
}

/* ---- facts --------------------------------------------------------------------------------- */

/*
 * Walks the locks of a stream: Restart begins anew. NULL behind the last
 * (nf-ntifs-fsrtlgetnextfilelock).
 */
PFILE_LOCK_INFO NTAPI FsRtlGetNextFileLock(PFILE_LOCK FileLock, BOOLEAN Restart)
{
    LOCKS *Locks = LocksOf(FileLock, false);
    PFILE_LOCK_INFO Result = NULL;
    PLIST_ENTRY e;

    if (!Locks)
        return NULL;
    KexLockAcquire(&Locks->Lock);
    e = Locks->Granted.Flink;
    if (!Restart) {
        while (e != &Locks->Granted && e != FileLock->LastReturnedLock)
            e = e->Flink;
        if (e != &Locks->Granted)
            e = e->Flink;
    }
    FileLock->LastReturnedLock = e == &Locks->Granted ? NULL : e;
    if (e != &Locks->Granted) {
        FileLock->LastReturnedLockInfo = CONTAINING_RECORD(e, LOCK, Links)->Info;
        Result = &FileLock->LastReturnedLockInfo;
    }
    KexLockRelease(&Locks->Lock);
    return Result;
}

BOOLEAN NTAPI FsRtlAreThereCurrentOrInProgressFileLocks(PFILE_LOCK FileLock)
{
    LOCKS *Locks = LocksOf(FileLock, false);

    return Locks && !IsListEmpty(&Locks->Granted);
}

BOOLEAN NTAPI FsRtlAreThereWaitingFileLocks(PFILE_LOCK FileLock)
{
    LOCKS *Locks = LocksOf(FileLock, false);

    return Locks && !IsListEmpty(&Locks->Waiting);
}

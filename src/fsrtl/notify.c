/* SPDX-License-Identifier: MIT */
/*
 * notify.c - directory change notification. Each open directory that is watched has an entry in its
 * volume's list: the requests that wait, and the changes that came while none did. A change is
 * reported with its name relative to the watched directory; changes that do not fit the first
 * request's buffer become STATUS_NOTIFY_ENUM_DIR, which tells the watcher to list the directory
 * itself.
 */
#include "fsrtl/fsrtl.h"
#include "ke/try.h"

#include <stdlib.h>
#include <string.h>

typedef struct _REAL_NOTIFY_SYNC {
    KEX_LOCK Lock; /* guards the entries of the volume's list */
} SYNC;

typedef struct _WATCH {
    LIST_ENTRY Links; /* of the volume's list */
    SYNC *Sync;
    PVOID FsContext;
    UNICODE_STRING Directory; /* our copy */
    bool Tree, IgnoreBuffer, Overflow;
    ULONG Filter;
    LIST_ENTRY Irps; /* Tail.Overlay.ListEntry */
    PUCHAR Events;   /* FILE_NOTIFY_INFORMATION chain not yet delivered */
    ULONG Room, Used;
    ULONG LastAt;
    PCHECK_FOR_TRAVERSE_ACCESS Traverse;
    PSECURITY_SUBJECT_CONTEXT Subject;
} WATCH;

/* ---- life ---------------------------------------------------------------------------------- */

VOID NTAPI FsRtlNotifyInitializeSync(PNOTIFY_SYNC *NotifySync)
{
    SYNC *Sync = calloc(1, sizeof *Sync);

    if (!Sync)
        ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
    KexLockInit(&Sync->Lock, KEX_RANK_CC + 6, "directory notification");
    *NotifySync = Sync;
}

VOID NTAPI FsRtlNotifyUninitializeSync(PNOTIFY_SYNC *NotifySync)
{
    free(*NotifySync);
    *NotifySync = NULL;
}

static WATCH *FindWatch(PLIST_ENTRY List, PVOID FsContext)
{
    for (PLIST_ENTRY e = List->Flink; e != List; e = e->Flink) {
        WATCH *Watch = CONTAINING_RECORD(e, WATCH, Links);

        if (Watch->FsContext == FsContext)
            return Watch;
    }
    return NULL;
}

/* ---- delivering ---------------------------------------------------------------------------- */

typedef struct _DELIVERY {
    PIRP Irp;
    PUCHAR Events;
    ULONG Used;
} DELIVERY;

static void CopyOut(void *Argument)
{
    DELIVERY *d = Argument;
    PVOID Buffer = d->Irp->MdlAddress
                       ? MmGetSystemAddressForMdlSafe(d->Irp->MdlAddress, NormalPagePriority)
                       : d->Irp->UserBuffer;

    if (!Buffer)
        ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
    memcpy(Buffer, d->Events, d->Used);
}

/* Events NULL: the watcher has to look itself. No lock is held. */
static void Complete(PIRP Irp, PUCHAR Events, ULONG Used)
{
    DELIVERY d = {Irp, Events, Used};
    NTSTATUS Status = STATUS_NOTIFY_ENUM_DIR;

    if (Events && Used <= IoGetCurrentIrpStackLocation(Irp)->Parameters.NotifyDirectory.Length)
        Status = KexTry(CopyOut, &d);
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Status == STATUS_SUCCESS ? Used : 0;
    free(Events);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

/* Lock held. The next request that can be completed, taken off; NULL when there is none. */
static PIRP TakeIrp(WATCH *Watch)
{
    while (!IsListEmpty(&Watch->Irps)) {
        PIRP Irp = CONTAINING_RECORD(RemoveHeadList(&Watch->Irps), IRP, Tail.Overlay.ListEntry);

        if (IoSetCancelRoutine(Irp, NULL))
            return Irp;
        InitializeListHead(&Irp->Tail.Overlay.ListEntry); /* its cancel routine completes it */
    }
    return NULL;
}

/* Lock held. Takes what was gathered. */
static PUCHAR TakeEvents(WATCH *Watch, PULONG Used)
{
    PUCHAR Events = Watch->Overflow ? NULL : Watch->Events;

    *Used = Watch->Used;
    if (Watch->Overflow)
        free(Watch->Events);
    Watch->Events = NULL;
    Watch->Used = 0;
    Watch->Overflow = false;
    return Events;
}

static VOID NTAPI CancelWatch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    WATCH *Watch = Irp->Tail.Overlay.DriverContext[0];
    SYNC *Sync = Irp->Tail.Overlay.DriverContext[1];

    (void)Watch;
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    KexLockAcquire(&Sync->Lock);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KexLockRelease(&Sync->Lock);
    Irp->IoStatus.Status = STATUS_CANCELLED;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

/* ---- watching ------------------------------------------------------------------------------ */

static WATCH *NewWatch(SYNC *Sync, PVOID FsContext, PCUNICODE_STRING Directory, bool Tree,
                       bool IgnoreBuffer, ULONG Filter, ULONG Room)
{
    WATCH *Watch = calloc(1, sizeof *Watch + Directory->Length);

    if (!Watch)
        return NULL;
    Watch->Sync = Sync;
    Watch->FsContext = FsContext;
    Watch->Directory.Buffer = (PWCH)(Watch + 1);
    Watch->Directory.Length = Watch->Directory.MaximumLength = Directory->Length;
    memcpy(Watch->Directory.Buffer, Directory->Buffer, Directory->Length);
    Watch->Tree = Tree;
    Watch->IgnoreBuffer = IgnoreBuffer;
    Watch->Filter = Filter;
    Watch->Room = Room;
    InitializeListHead(&Watch->Irps);
    return Watch;
}

/* Lock held; released. Completes at once with what is there, else keeps the request. */
static void Enqueue(SYNC *Sync, WATCH *Watch, PIRP Irp)
{
    ULONG Used;

    IoMarkIrpPending(Irp);
    if (Watch->Used || Watch->Overflow) {
        PUCHAR Events = TakeEvents(Watch, &Used);

        KexLockRelease(&Sync->Lock);
        Complete(Irp, Events, Used);
        return;
    }
    Irp->Tail.Overlay.DriverContext[0] = Watch;
    Irp->Tail.Overlay.DriverContext[1] = Sync;
    InsertTailList(&Watch->Irps, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, CancelWatch);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL)) {
        RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
        KexLockRelease(&Sync->Lock);
        Irp->IoStatus.Status = STATUS_CANCELLED;
        Irp->IoStatus.Information = 0;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
        return;
    }
    KexLockRelease(&Sync->Lock);
}

/*
 * Starts or continues watching a directory and keeps the request until there is something to
 * report; it is always completed by this library. FullDirectoryName is a UNICODE_STRING, copied.
 * The filter and buffer size of the first request of an open hold for all. A NULL request only ends
 * the watch of FsContext's deleted directory (nf-ntifs-fsrtlnotifyfullchangedirectory).
 */
VOID NTAPI FsRtlNotifyFullChangeDirectory(PNOTIFY_SYNC NotifySync, PLIST_ENTRY NotifyList,
                                          PVOID FsContext, PSTRING FullDirectoryName,
                                          BOOLEAN WatchTree, BOOLEAN IgnoreBuffer,
                                          ULONG CompletionFilter, PIRP NotifyIrp,
                                          PCHECK_FOR_TRAVERSE_ACCESS TraverseCallback,
                                          PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    WATCH *Made = NULL, *Watch;
    ULONG Room;

    if (!NotifyIrp) {
        FsRtlNotifyCleanup(NotifySync, NotifyList, FsContext);
        return;
    }
    Room = IoGetCurrentIrpStackLocation(NotifyIrp)->Parameters.NotifyDirectory.Length;
    Made = NewWatch(NotifySync, FsContext, (PCUNICODE_STRING)FullDirectoryName, WatchTree,
                    IgnoreBuffer, CompletionFilter, Room);
    if (!Made) {
        IoMarkIrpPending(NotifyIrp);
        NotifyIrp->IoStatus.Status = STATUS_INSUFFICIENT_RESOURCES;
        NotifyIrp->IoStatus.Information = 0;
        IoCompleteRequest(NotifyIrp, IO_NO_INCREMENT);
        return;
    }
    Made->Traverse = TraverseCallback;
    Made->Subject = SubjectContext;
    KexLockAcquire(&NotifySync->Lock);
    Watch = FindWatch(NotifyList, FsContext);
    if (!Watch) {
        Watch = Made;
        Made = NULL;
        InsertTailList(NotifyList, &Watch->Links);
    }
    Enqueue(NotifySync, Watch, NotifyIrp);
    free(Made);
}

/* Ends the watch of an open: its waiting requests complete with STATUS_NOTIFY_CLEANUP. */
VOID NTAPI FsRtlNotifyCleanup(PNOTIFY_SYNC NotifySync, PLIST_ENTRY NotifyList, PVOID FsContext)
{
    WATCH *Watch;
    PIRP Irp;

    KexLockAcquire(&NotifySync->Lock);
    Watch = FindWatch(NotifyList, FsContext);
    if (Watch)
        RemoveEntryList(&Watch->Links);
    KexLockRelease(&NotifySync->Lock);
    if (!Watch)
        return;
    for (;;) {
        KexLockAcquire(&NotifySync->Lock);
        Irp = TakeIrp(Watch);
        KexLockRelease(&NotifySync->Lock);
        if (!Irp)
            break;
        Irp->IoStatus.Status = STATUS_NOTIFY_CLEANUP;
        Irp->IoStatus.Information = 0;
        IoCompleteRequest(Irp, IO_NO_INCREMENT);
    }
    free(Watch->Events);
    free(Watch);
}

/* ---- reporting ----------------------------------------------------------------------------- */

/*
 * Name of the target relative to the watched directory; FALSE when the directory is not above it.
 *
 */
static bool Relative(const WATCH *Watch, PCUNICODE_STRING Target, USHORT NameOffset,
                     UNICODE_STRING *Name)
{
    USHORT Skip = Watch->Directory.Length;
    bool Root = Skip == sizeof(WCHAR);
    UNICODE_STRING Head;

    if (Skip > Target->Length)
        return false;
    Head = *Target;
    Head.Length = Skip;
    if (!FsRtlAreNamesEqual(&Head, &Watch->Directory, TRUE, NULL))
        return false;
    if (!Root) {
        if (Skip >= Target->Length || Target->Buffer[Skip / sizeof(WCHAR)] != L'\\')
            return false;
        Skip = (USHORT)(Skip + sizeof(WCHAR));
    }
    if (!Watch->Tree && Skip != NameOffset)
        return false;
    Name->Buffer = Target->Buffer + Skip / sizeof(WCHAR);
    Name->Length = Name->MaximumLength = (USHORT)(Target->Length - Skip);
    return Name->Length != 0;
}

/* Lock held. Adds an event to what is gathered; what does not fit makes the whole worthless. */
static void Gather(WATCH *Watch, const UNICODE_STRING *Name, const UNICODE_STRING *Stream,
                   ULONG Action)
{
    ULONG Start = (Watch->Used + 3) & ~3u, NameBytes, Bytes;
    FILE_NOTIFY_INFORMATION *Info;

    NameBytes = Name->Length + (Stream ? Stream->Length + (ULONG)sizeof(WCHAR) : 0);
    Bytes = FIELD_OFFSET(FILE_NOTIFY_INFORMATION, FileName) + NameBytes;
    if (Watch->Overflow)
        return;
    if (!Watch->Events && Watch->Room)
        Watch->Events = malloc(Watch->Room);
    if (Watch->IgnoreBuffer || !Watch->Events || Start + Bytes > Watch->Room) {
        Watch->Overflow = true;
        return;
    }
    if (Watch->Used)
        ((FILE_NOTIFY_INFORMATION *)(Watch->Events + Watch->LastAt))->NextEntryOffset =
            Start - Watch->LastAt;
    Info = (FILE_NOTIFY_INFORMATION *)(Watch->Events + Start);
    Info->NextEntryOffset = 0;
    Info->Action = Action;
    Info->FileNameLength = NameBytes;
    memcpy(Info->FileName, Name->Buffer, Name->Length);
    if (Stream) {
        Info->FileName[Name->Length / sizeof(WCHAR)] = L':';
        memcpy(Info->FileName + Name->Length / sizeof(WCHAR) + 1, Stream->Buffer, Stream->Length);
    }
    Watch->LastAt = Start;
    Watch->Used = Start + Bytes;
}

/*
 * The old half of a rename is kept until the new one has come: both belong in one answer.
 */
static PIRP TakeIfDue(WATCH *Watch, ULONG Action)
{
    return Action == FILE_ACTION_RENAMED_OLD_NAME ? NULL : TakeIrp(Watch);
}

/*
 * Tells all watchers of a volume of a change. FullTargetName and StreamName are UNICODE_STRINGs,
 * TargetNameOffset the byte offset of the last component. IRQL <= APC_LEVEL; the file system holds
 * no lock that a watcher's completion needs (nf-ntifs-fsrtlnotifyfullreportchange).
 */
VOID NTAPI FsRtlNotifyFullReportChange(PNOTIFY_SYNC NotifySync, PLIST_ENTRY NotifyList,
                                       PSTRING FullTargetName, USHORT TargetNameOffset,
                                       PSTRING StreamName, PSTRING NormalizedParentName,
                                       ULONG FilterMatch, ULONG Action, PVOID TargetContext)
{
    LIST_ENTRY Ready;

    /* Answers are gathered under the lock and completed without it. */
    struct {
        LIST_ENTRY Links;
        PIRP Irp;
        PUCHAR Events;
        ULONG Used;
    } * Answer;

    InitializeListHead(&Ready);
    KexLockAcquire(&NotifySync->Lock);
    for (PLIST_ENTRY e = NotifyList->Flink; e != NotifyList; e = e->Flink) {
        WATCH *Watch = CONTAINING_RECORD(e, WATCH, Links);
        UNICODE_STRING Name;
        PIRP Irp;

        if (!(Watch->Filter & FilterMatch) ||
            !Relative(Watch, (PCUNICODE_STRING)FullTargetName, TargetNameOffset, &Name) ||
            (Watch->Traverse && TargetContext &&
             !Watch->Traverse(Watch->FsContext, TargetContext, Watch->Subject)))
            continue;
        Gather(Watch, &Name, (const UNICODE_STRING *)StreamName, Action);
        Answer = malloc(sizeof *Answer);
        Irp = Answer ? TakeIfDue(Watch, Action) : NULL;
        if (!Irp) {
            free(Answer); /* without memory the event stays for the next request */
            continue;
        }
        Answer->Irp = Irp;
        Answer->Events = TakeEvents(Watch, &Answer->Used);
        InsertTailList(&Ready, &Answer->Links);
    }
    KexLockRelease(&NotifySync->Lock);
    while (!IsListEmpty(&Ready)) {
        Answer = (void *)RemoveHeadList(&Ready);
        Complete(Answer->Irp, Answer->Events, Answer->Used);
        free(Answer);
    }
}

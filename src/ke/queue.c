/* SPDX-License-Identifier: MIT */
/*
 * KQUEUE: a dispatcher object that hands out list entries. A thread that takes an entry belongs to
 * the queue until it takes another; the concurrency limit is kept but not enforced, since host
 * threads do not cost what it protects.
 */
#include "kei.h"

static KEX_HEADER *HeaderOf(PRKQUEUE Queue)
{
    return (KEX_HEADER *)(void *)Queue;
}

/* Count 0 means one thread per processor (nf-ntifs-keinitializequeue). */
VOID NTAPI KeInitializeQueue(PRKQUEUE Queue, ULONG Count)
{
    KexInitializeDispatcher(Queue, KEX_OBJECT_QUEUE, sizeof(KQUEUE) / 4);
    InitializeListHead(&Queue->EntryListHead);
    InitializeListHead(&Queue->ThreadListHead);
    Queue->CurrentCount = 0;
    Queue->MaximumCount = Count ? Count : KexxProcessorCount;
}

LONG NTAPI KeReadStateQueue(PRKQUEUE Queue)
{
    return KexxState(HeaderOf(Queue));
}

/*
 * The header counts entries and is waited for as a semaphore: who is woken owns one entry and takes
 * the head of the list under the object's lock. The count is raised after the entry is in.
 */
static LONG Insert(PRKQUEUE Queue, PLIST_ENTRY Entry, bool Head)
{
    KEX_HEADER *Header = HeaderOf(Queue);
    KEX_SIGNAL Signal;
    LONG Previous;

    KexxSignalInit(&Signal);
    KexxLockObject(Header);
    Previous = Header->SignalState;
    if (Head)
        InsertHeadList(&Queue->EntryListHead, Entry);
    else
        InsertTailList(&Queue->EntryListHead, Entry);
    KexxSetState(Header, Previous + 1);
    KexxSatisfy(Header, &Signal);
    KexxUnlockObject(Header);
    KexxFinishSignal(&Signal);
    return Previous;
}

LONG NTAPI KeInsertQueue(PRKQUEUE Queue, PLIST_ENTRY Entry)
{
    return Insert(Queue, Entry, false);
}

LONG NTAPI KeInsertHeadQueue(PRKQUEUE Queue, PLIST_ENTRY Entry)
{
    return Insert(Queue, Entry, true);
}

/*
 * The first entry, or the status of the wait as a pointer: STATUS_TIMEOUT, STATUS_USER_APC;
 * STATUS_ABANDONED after a rundown (nf-ntifs-keremovequeue).
 */
PLIST_ENTRY NTAPI KeRemoveQueue(PRKQUEUE Queue, KPROCESSOR_MODE WaitMode, PLARGE_INTEGER Timeout)
{
    KEX_HEADER *Header = HeaderOf(Queue);
    KEX_WAIT Why = {.What = "queue",
                    .Object = Queue,
                    .Timed = Timeout != NULL,
                    .Caller = __builtin_return_address(0)};
    NTSTATUS Status = KexWaitForObject(Queue, WaitMode, WaitMode == UserMode, Timeout, &Why);
    PLIST_ENTRY Entry;

    if (Status != STATUS_SUCCESS)
        return (PLIST_ENTRY)(LONG_PTR)Status;
    KexxLockObject(Header);
    Entry = IsListEmpty(&Queue->EntryListHead) ? NULL : RemoveHeadList(&Queue->EntryListHead);
    if (!Entry)
        KexxSetState(Header, Header->SignalState + 1); /* run down: the next taker learns it too */
    KexxUnlockObject(Header);
    return Entry ? Entry : (PLIST_ENTRY)(LONG_PTR)STATUS_ABANDONED;
}

/* Takes all entries out, as a ring without a head, or NULL; threads that wait get STATUS_ABANDONED.
 */
PLIST_ENTRY NTAPI KeRundownQueue(PRKQUEUE Queue)
{
    KEX_HEADER *Header = HeaderOf(Queue);
    PLIST_ENTRY First = NULL;
    KEX_SIGNAL Signal;

    KexxSignalInit(&Signal);
    KexxLockObject(Header);
    if (!IsListEmpty(&Queue->EntryListHead)) {
        First = Queue->EntryListHead.Flink;
        RemoveEntryList(&Queue->EntryListHead);
        InitializeListHead(&Queue->EntryListHead);
    }
    KexxSetState(Header, INT32_MAX / 2);
    KexxSatisfy(Header, &Signal);
    KexxUnlockObject(Header);
    KexxFinishSignal(&Signal);
    return First;
}

/* SPDX-License-Identifier: MIT */
/*
 * Device queues: a queue with a busy bit. The first insert finds the device idle and makes it busy
 * instead of queueing; a remove from an empty queue makes it idle again. IRQL: inserts and removes
 * at DISPATCH_LEVEL.
 */
#include "kei.h"

VOID NTAPI KeInitializeDeviceQueue(PKDEVICE_QUEUE DeviceQueue)
{
    DeviceQueue->Type = 20;
    DeviceQueue->Size = sizeof *DeviceQueue;
    InitializeListHead(&DeviceQueue->DeviceListHead);
    KeInitializeSpinLock(&DeviceQueue->Lock);
    DeviceQueue->Busy = FALSE;
}

/* Where an entry goes: behind Before. NULL Key: at the end. */
static BOOLEAN Insert(PKDEVICE_QUEUE Queue, PKDEVICE_QUEUE_ENTRY Entry, const ULONG *Key)
{
    PLIST_ENTRY Before;
    KLOCK_QUEUE_HANDLE Handle;
    BOOLEAN Queued;

    KeAcquireInStackQueuedSpinLock(&Queue->Lock, &Handle);
    Before = Queue->DeviceListHead.Blink;
    Entry->SortKey = Key ? *Key : 0;
    while (Key && Before != &Queue->DeviceListHead &&
           CONTAINING_RECORD(Before, KDEVICE_QUEUE_ENTRY, DeviceListEntry)->SortKey > *Key)
        Before = Before->Blink;
    Queued = Queue->Busy;
    if (Queued)
        InsertHeadList(Before, &Entry->DeviceListEntry);
    Queue->Busy = TRUE;
    Entry->Inserted = Queued;
    KeReleaseInStackQueuedSpinLock(&Handle);
    return Queued;
}

/* FALSE: the queue was idle, is busy now, and the entry was not queued
 * (nf-wdm-keinsertdevicequeue). */
BOOLEAN NTAPI KeInsertDeviceQueue(PKDEVICE_QUEUE DeviceQueue, PKDEVICE_QUEUE_ENTRY DeviceQueueEntry)
{
    return Insert(DeviceQueue, DeviceQueueEntry, NULL);
}

BOOLEAN NTAPI KeInsertByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue,
                                       PKDEVICE_QUEUE_ENTRY DeviceQueueEntry, ULONG SortKey)
{
    return Insert(DeviceQueue, DeviceQueueEntry, &SortKey);
}

/* The first entry whose key is not below Key, else the first of all; NULL makes the queue idle. */
static PKDEVICE_QUEUE_ENTRY Remove(PKDEVICE_QUEUE Queue, ULONG Key)
{
    PKDEVICE_QUEUE_ENTRY Found = NULL;
    KLOCK_QUEUE_HANDLE Handle;

    KeAcquireInStackQueuedSpinLock(&Queue->Lock, &Handle);
    for (PLIST_ENTRY At = Queue->DeviceListHead.Flink; At != &Queue->DeviceListHead && !Found;
         At = At->Flink)
        if (CONTAINING_RECORD(At, KDEVICE_QUEUE_ENTRY, DeviceListEntry)->SortKey >= Key)
            Found = CONTAINING_RECORD(At, KDEVICE_QUEUE_ENTRY, DeviceListEntry);
    if (!Found && !IsListEmpty(&Queue->DeviceListHead))
        Found =
            CONTAINING_RECORD(Queue->DeviceListHead.Flink, KDEVICE_QUEUE_ENTRY, DeviceListEntry);
    if (Found) {
        RemoveEntryList(&Found->DeviceListEntry);
        Found->Inserted = FALSE;
    } else {
        Queue->Busy = FALSE;
    }
    KeReleaseInStackQueuedSpinLock(&Handle);
    return Found;
}

PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveDeviceQueue(PKDEVICE_QUEUE DeviceQueue)
{
    return Remove(DeviceQueue, 0);
}

PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue, ULONG SortKey)
{
    return Remove(DeviceQueue, SortKey);
}

/* TRUE when the entry was queued (nf-wdm-keremoveentrydevicequeue). */
BOOLEAN NTAPI KeRemoveEntryDeviceQueue(PKDEVICE_QUEUE DeviceQueue,
                                       PKDEVICE_QUEUE_ENTRY DeviceQueueEntry)
{
    KLOCK_QUEUE_HANDLE Handle;
    BOOLEAN Queued;

    KeAcquireInStackQueuedSpinLock(&DeviceQueue->Lock, &Handle);
    Queued = DeviceQueueEntry->Inserted;
    if (Queued) {
        RemoveEntryList(&DeviceQueueEntry->DeviceListEntry);
        DeviceQueueEntry->Inserted = FALSE;
    }
    KeReleaseInStackQueuedSpinLock(&Handle);
    return Queued;
}

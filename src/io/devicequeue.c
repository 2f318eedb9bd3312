/* SPDX-License-Identifier: MIT */
/*
 * Device queues: the order in which a device that takes one request at a time gets them. An empty queue that is not
 * busy takes no entry: the caller starts the request itself.
 */
#include "io/iop.h"

/* Sets a queue up, not busy (nf-wdm-keinitializedevicequeue). Any IRQL. */
VOID NTAPI KeInitializeDeviceQueue(PKDEVICE_QUEUE DeviceQueue)
{
    memset(DeviceQueue, 0, sizeof *DeviceQueue);
    DeviceQueue->Type = 20;     /* DeviceQueueObject among the kernel's object kinds */
    DeviceQueue->Size = sizeof *DeviceQueue;
    InitializeListHead(&DeviceQueue->DeviceListHead);
    KeInitializeSpinLock(&DeviceQueue->Lock);
}

static BOOLEAN Insert(PKDEVICE_QUEUE Queue, PKDEVICE_QUEUE_ENTRY Entry, bool ByKey)
{
    KLOCK_QUEUE_HANDLE Handle;
    PLIST_ENTRY At;

    KeAcquireInStackQueuedSpinLockAtDpcLevel(&Queue->Lock, &Handle);
    Entry->Inserted = Queue->Busy;
    if (!Queue->Busy) {
        Queue->Busy = TRUE;
    } else {
        /* Behind every entry with the same or a lower key. */
        for (At = Queue->DeviceListHead.Blink; ByKey && At != &Queue->DeviceListHead; At = At->Blink)
            if (CONTAINING_RECORD(At, KDEVICE_QUEUE_ENTRY, DeviceListEntry)->SortKey <= Entry->SortKey)
                break;
        InsertHeadList(At, &Entry->DeviceListEntry);
    }
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&Handle);
    return Entry->Inserted;
}

/* At the end; FALSE when the queue was not busy: it is now, and the entry is not in it (nf-wdm-keinsertdevicequeue).
 * DISPATCH_LEVEL. */
BOOLEAN NTAPI KeInsertDeviceQueue(PKDEVICE_QUEUE DeviceQueue, PKDEVICE_QUEUE_ENTRY DeviceQueueEntry)
{
    return Insert(DeviceQueue, DeviceQueueEntry, false);
}

BOOLEAN NTAPI KeInsertByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue, PKDEVICE_QUEUE_ENTRY DeviceQueueEntry, ULONG SortKey)
{
    DeviceQueueEntry->SortKey = SortKey;
    return Insert(DeviceQueue, DeviceQueueEntry, true);
}

/* First entry, or NULL and the queue is not busy any more (nf-wdm-keremovedevicequeue). DISPATCH_LEVEL. */
PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveDeviceQueue(PKDEVICE_QUEUE DeviceQueue)
{
    PKDEVICE_QUEUE_ENTRY Entry = NULL;
    KLOCK_QUEUE_HANDLE Handle;

    KeAcquireInStackQueuedSpinLockAtDpcLevel(&DeviceQueue->Lock, &Handle);
    if (IsListEmpty(&DeviceQueue->DeviceListHead)) {
        DeviceQueue->Busy = FALSE;
    } else {
        Entry = CONTAINING_RECORD(RemoveHeadList(&DeviceQueue->DeviceListHead), KDEVICE_QUEUE_ENTRY, DeviceListEntry);
        Entry->Inserted = FALSE;
    }
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&Handle);
    return Entry;
}

/* First entry whose key is not below SortKey, else the first of all (nf-wdm-keremovebykeydevicequeue). */
PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue, ULONG SortKey)
{
    PKDEVICE_QUEUE_ENTRY Entry = NULL;
    KLOCK_QUEUE_HANDLE Handle;
    PLIST_ENTRY At;

    KeAcquireInStackQueuedSpinLockAtDpcLevel(&DeviceQueue->Lock, &Handle);
    if (IsListEmpty(&DeviceQueue->DeviceListHead)) {
        DeviceQueue->Busy = FALSE;
    } else {
        for (At = DeviceQueue->DeviceListHead.Flink; At != &DeviceQueue->DeviceListHead; At = At->Flink)
            if (CONTAINING_RECORD(At, KDEVICE_QUEUE_ENTRY, DeviceListEntry)->SortKey >= SortKey)
                break;
        if (At == &DeviceQueue->DeviceListHead)
            At = At->Flink;
        RemoveEntryList(At);
        Entry = CONTAINING_RECORD(At, KDEVICE_QUEUE_ENTRY, DeviceListEntry);
        Entry->Inserted = FALSE;
    }
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&Handle);
    return Entry;
}

/* Takes one entry out; FALSE when it is not in the queue (nf-wdm-keremoveentrydevicequeue). */
BOOLEAN NTAPI KeRemoveEntryDeviceQueue(PKDEVICE_QUEUE DeviceQueue, PKDEVICE_QUEUE_ENTRY DeviceQueueEntry)
{
    KLOCK_QUEUE_HANDLE Handle;
    BOOLEAN Inserted;

    KeAcquireInStackQueuedSpinLockAtDpcLevel(&DeviceQueue->Lock, &Handle);
    Inserted = DeviceQueueEntry->Inserted;
    if (Inserted) {
        DeviceQueueEntry->Inserted = FALSE;
        RemoveEntryList(&DeviceQueueEntry->DeviceListEntry);
    }
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&Handle);
    return Inserted;
}

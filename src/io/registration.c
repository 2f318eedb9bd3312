/* SPDX-License-Identifier: MIT */
/* Who wants to know what: file systems, notification of their coming and going, shutdown. */
#include "io/iop.h"

typedef struct _ENTRY {
    LIST_ENTRY Link;
    PDEVICE_OBJECT Device; /* file system or shutdown registration */
    PDRIVER_OBJECT Driver; /* change registration */
    PDRIVER_FS_NOTIFICATION Routine;
} ENTRY;

static LIST_ENTRY FileSystems = {&FileSystems, &FileSystems};
static LIST_ENTRY Changes = {&Changes, &Changes};
static LIST_ENTRY Shutdown = {&Shutdown, &Shutdown};
static LIST_ENTRY LastShutdown = {&LastShutdown, &LastShutdown};

static ENTRY *NewEntry(PDEVICE_OBJECT Device, PDRIVER_OBJECT Driver,
                       PDRIVER_FS_NOTIFICATION Routine)
{
    ENTRY *Entry = calloc(1, sizeof *Entry);

    if (Entry) {
        Entry->Device = Device;
        Entry->Driver = Driver;
        Entry->Routine = Routine;
    }
    return Entry;
}

/* The entry at a position of a list, its device referenced: how lists are walked without a lock
 * across calls. */
static bool EntryAt(PLIST_ENTRY List, ULONG Position, ENTRY *Copy)
{
    PLIST_ENTRY At;

    KexLockAcquire(&IopDatabaseLock);
    for (At = List->Flink; At != List && Position; At = At->Flink)
        Position--;
    if (At != List) {
        *Copy = *CONTAINING_RECORD(At, ENTRY, Link);
        if (Copy->Device)
            ObReferenceObject(Copy->Device);
    }
    KexLockRelease(&IopDatabaseLock);
    return At != List;
}

static void Add(PLIST_ENTRY List, ENTRY *Entry, bool First)
{
    KexLockAcquire(&IopDatabaseLock);
    if (First)
        InsertHeadList(List, &Entry->Link);
    else
        InsertTailList(List, &Entry->Link);
    KexLockRelease(&IopDatabaseLock);
}

static bool Remove(PLIST_ENTRY List, PDEVICE_OBJECT Device, PDRIVER_OBJECT Driver,
                   PDRIVER_FS_NOTIFICATION Routine)
{
    ENTRY *Found = NULL;

    KexLockAcquire(&IopDatabaseLock);
    for (PLIST_ENTRY At = List->Flink; At != List && !Found; At = At->Flink) {
        ENTRY *Entry = CONTAINING_RECORD(At, ENTRY, Link);

        if (Entry->Device == Device && Entry->Driver == Driver && Entry->Routine == Routine)
            Found = Entry;
    }
    if (Found)
        RemoveEntryList(&Found->Link);
    KexLockRelease(&IopDatabaseLock);
    free(Found);
    return Found != NULL;
}

static void NotifyChange(PDEVICE_OBJECT Device, BOOLEAN Active)
{
    ENTRY Copy;

    for (ULONG i = 0; EntryAt(&Changes, i, &Copy); i++)
        Copy.Routine(Device, Active);
}

/*
 * A file system's control device: filters that registered for changes are told. Low-priority file
 * systems come after the others (nf-ntifs-ioregisterfilesystem). PASSIVE_LEVEL.
 */
VOID NTAPI IoRegisterFileSystem(PDEVICE_OBJECT DeviceObject)
{
    ENTRY *Entry = NewEntry(DeviceObject, NULL, NULL);

    if (!Entry)
        return;
    ObReferenceObject(DeviceObject);
    DeviceObject->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    Add(&FileSystems, Entry, !(DeviceObject->Flags & DO_LOW_PRIORITY_FILESYSTEM));
    NotifyChange(DeviceObject, TRUE);
}

VOID NTAPI IoUnregisterFileSystem(PDEVICE_OBJECT DeviceObject)
{
    if (!Remove(&FileSystems, DeviceObject, NULL, NULL))
        return;
    NotifyChange(DeviceObject, FALSE);
    ObDereferenceObject(DeviceObject);
}

/*
 * DriverNotificationRoutine is called for each file system that is registered now and for every one
 * that comes or goes later (nf-ntifs-ioregisterfsregistrationchange). PASSIVE_LEVEL.
 * STATUS_DEVICE_ALREADY_ATTACHED for a second registration of the same pair.
 */
NTSTATUS NTAPI IoRegisterFsRegistrationChange(PDRIVER_OBJECT DriverObject,
                                              PDRIVER_FS_NOTIFICATION DriverNotificationRoutine)
{
    ENTRY *Entry, Copy;

    for (ULONG i = 0; EntryAt(&Changes, i, &Copy); i++)
        if (Copy.Driver == DriverObject && Copy.Routine == DriverNotificationRoutine)
            return STATUS_DEVICE_ALREADY_ATTACHED;
    Entry = NewEntry(NULL, DriverObject, DriverNotificationRoutine);
    if (!Entry)
        return STATUS_INSUFFICIENT_RESOURCES;
    ObReferenceObject(DriverObject);
    Add(&Changes, Entry, false);
    for (ULONG i = 0; EntryAt(&FileSystems, i, &Copy); i++) {
        DriverNotificationRoutine(Copy.Device, TRUE);
        ObDereferenceObject(Copy.Device);
    }
    return STATUS_SUCCESS;
}

VOID NTAPI IoUnregisterFsRegistrationChange(PDRIVER_OBJECT DriverObject,
                                            PDRIVER_FS_NOTIFICATION DriverNotificationRoutine)
{
    if (Remove(&Changes, NULL, DriverObject, DriverNotificationRoutine))
        ObDereferenceObject(DriverObject);
}

static NTSTATUS RegisterShutdown(PLIST_ENTRY List, PDEVICE_OBJECT Device)
{
    ENTRY *Entry = NewEntry(Device, NULL, NULL);

    if (!Entry)
        return STATUS_INSUFFICIENT_RESOURCES;
    ObReferenceObject(Device);
    Device->Flags |= DO_SHUTDOWN_REGISTERED;
    Add(List, Entry, true);
    return STATUS_SUCCESS;
}

/* The device gets IRP_MJ_SHUTDOWN before file systems are flushed
 * (nf-wdm-ioregistershutdownnotification). */
NTSTATUS NTAPI IoRegisterShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    return RegisterShutdown(&Shutdown, DeviceObject);
}

/* The same after they were flushed (nf-wdm-ioregisterlastchanceshutdownnotification). */
NTSTATUS NTAPI IoRegisterLastChanceShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    return RegisterShutdown(&LastShutdown, DeviceObject);
}

VOID NTAPI IoUnregisterShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    while (Remove(&Shutdown, DeviceObject, NULL, NULL) ||
           Remove(&LastShutdown, DeviceObject, NULL, NULL))
        ObDereferenceObject(DeviceObject);
    DeviceObject->Flags &= ~(ULONG)DO_SHUTDOWN_REGISTERED;
}

/* Sends the shutdown request to every registered device, newest first; Last: the second round. */
void IoxShutdown(bool Last)
{
    ENTRY Copy;

    for (ULONG i = 0; EntryAt(Last ? &LastShutdown : &Shutdown, i, &Copy); i++) {
        PDEVICE_OBJECT Top = IoGetAttachedDeviceReference(Copy.Device);
        IO_STATUS_BLOCK Iosb;
        KEVENT Event;
        PIRP Irp;

        KeInitializeEvent(&Event, NotificationEvent, FALSE);
        Irp = IoBuildSynchronousFsdRequest(IRP_MJ_SHUTDOWN, Top, NULL, 0, NULL, &Event, &Iosb);
        if (Irp)
            IoxSendAndWait(Top, Irp, &Event, &Iosb);
        ObDereferenceObject(Top);
        ObDereferenceObject(Copy.Device);
    }
}

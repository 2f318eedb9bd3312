/* SPDX-License-Identifier: MIT */
/* FltMgr's driver object and the volumes it stands on. */
#include "fltx.h"
#include "io/io.h"

PDRIVER_OBJECT FltxDriver;

static NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    for (ULONG i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        Driver->MajorFunction[i] = FltxDispatch;
    Driver->FastIoDispatch = &FltxFastIo;
    return FltxRegisterFsFilter(Driver);
}

static FLT_FILESYSTEM_TYPE TypeOf(PDEVICE_OBJECT FileSystemDevice)
{
    static const struct {
        const char *Name;
        FLT_FILESYSTEM_TYPE Type;
    } Known[] = {{"ntfs", FLT_FSTYPE_NTFS}, {"fastfat", FLT_FSTYPE_FAT},
                 {"fat", FLT_FSTYPE_FAT},   {"exfat", FLT_FSTYPE_EXFAT},
                 {"refs", FLT_FSTYPE_REFS}, {"cdfs", FLT_FSTYPE_CDFS},
                 {"udfs", FLT_FSTYPE_UDFS}, {"raw", FLT_FSTYPE_RAW}};
    UNICODE_STRING Full = FileSystemDevice->DriverObject->DriverName;
    char Text[64];
    ULONG Start = Full.Length / sizeof(WCHAR), i;

    while (Start && Full.Buffer[Start - 1] != L'\\')
        Start--;
    Full.Buffer += Start;
    Full.Length = (USHORT)(Full.Length - Start * sizeof(WCHAR));
    FltxNarrow(Text, sizeof(Text), &Full);
    for (i = 0; Text[i]; i++)
        Text[i] = (char)(Text[i] >= 'A' && Text[i] <= 'Z' ? Text[i] + 32 : Text[i]);
    for (i = 0; i < ARRAYSIZE(Known); i++)
        if (!strcmp(Text, Known[i].Name))
            return Known[i].Type;
    return FLT_FSTYPE_UNKNOWN;
}

static NTSTATUS AttachDevice(PFLT_VOLUME Volume)
{
    PDEVICE_OBJECT Below = Volume->FileSystemDevice;
    NTSTATUS Status;

    Status = IoCreateDevice(FltxDriver, sizeof(PFLT_VOLUME), NULL, Below->DeviceType,
                            Below->Characteristics, FALSE, &Volume->Device);
    if (!NT_SUCCESS(Status))
        return Status;
    *(PFLT_VOLUME *)Volume->Device->DeviceExtension = Volume;
    Volume->Device->Flags |= Below->Flags & (DO_BUFFERED_IO | DO_DIRECT_IO);
    Status = IoAttachDeviceToDeviceStackSafe(Volume->Device, Below, &Volume->Lower);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Volume->Device);
        return Status;
    }
    Volume->Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static void OfferToFilters(PFLT_VOLUME Volume, FLT_INSTANCE_SETUP_FLAGS Flags)
{
    PFLT_FILTER Filter = NULL, Previous = NULL;
    PLIST_ENTRY Link;

    for (;;) {
        KexLockAcquire(&FltxLock);
        Link = Previous ? Previous->Link.Flink : FltxFilters.Flink;
        for (Filter = NULL; Link != &FltxFilters && !Filter; Link = Link->Flink) {
            Filter = CONTAINING_RECORD(Link, struct _FLT_FILTER, Link);
            if (!Filter->Started || !FltxPin(&Filter->Object))
                Filter = NULL;
        }
        KexLockRelease(&FltxLock);
        if (Previous)
            FltxUnpin(&Previous->Object);
        if (!Filter)
            return;
        FltxAttachAutomatic(Filter, Volume, Flags);
        Previous = Filter;
    }
}

static PFLT_VOLUME MakeVolume(IOX_VOLUME *Of)
{
    PFLT_VOLUME Volume = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Volume), FLTX_TAG);

    if (!Volume)
        return NULL;
    RtlZeroMemory(Volume, sizeof(*Volume));
    FltxObjectInit(&Volume->Object, FLTX_VOLUME);
    KeInitializeEvent(&Volume->Changed, NotificationEvent, FALSE);
    InitializeListHead(&Volume->Instances);
    InitializeListHead(&Volume->Link);
    Volume->RealDevice = Of->Disk;
    Volume->FileSystemDevice = Of->FileSystem;
    Volume->Type = TypeOf(Of->FileSystem);
    if (!NT_SUCCESS(FltxCopyString(&Volume->Name, &Of->DeviceName)) ||
        !NT_SUCCESS(FltxCopyString(&Volume->GuidName, &Of->GuidName))) {
        FltxDrop(&Volume->Object);
        return NULL;
    }
    return Volume;
}

/* IoxVolumeHooks.Mounted: FltMgr's device goes on top, the started filters are asked. */
static void Mounted(IOX_VOLUME *Of)
{
    PFLT_VOLUME Volume = MakeVolume(Of);

    if (!Volume || !NT_SUCCESS(AttachDevice(Volume))) {
        KexFinding("OBJ-MOUNT", "note", NULL,
                   "no memory for FltMgr's device: the volume is not filtered");
        if (Volume)
            FltxDrop(&Volume->Object);
        return;
    }
    KexLockAcquire(&FltxLock);
    InsertTailList(&FltxVolumes, &Volume->Link);
    KexLockRelease(&FltxLock);
    OfferToFilters(Volume, FLTFL_INSTANCE_SETUP_AUTOMATIC_ATTACHMENT |
                               FLTFL_INSTANCE_SETUP_NEWLY_MOUNTED_VOLUME);
}

static void Dismounting(IOX_VOLUME *Of)
{
    PFLT_VOLUME Volume = FltxVolumeOfDevice(Of->FileSystem);
    PFLT_INSTANCE Instance;

    if (!Volume)
        return;
    KexLockAcquire(&FltxLock);
    Volume->Dismounting = TRUE;
    KexLockRelease(&FltxLock);
    while ((Instance = FltxHoldAnyInstance(NULL, Volume)) != NULL) {
        FltxDetach(Instance, FLTFL_INSTANCE_TEARDOWN_VOLUME_DISMOUNT);
        FltxDrop(&Instance->Object);
    }
    FltxCloseObject(&Volume->Object);
    FltxWaitUnpinned(&Volume->Object);
    FltxDeleteVolumeContexts(NULL, Volume);
    FltxDrainVolume(Volume);
    KexLockAcquire(&FltxLock);
    RemoveEntryList(&Volume->Link);
    InitializeListHead(&Volume->Link);
    KexLockRelease(&FltxLock);
    IoDetachDevice(Volume->Lower);
    IoDeleteDevice(Volume->Device);
    Volume->Device = Volume->Lower = NULL;
    FltxDrop(&Volume->Object); /* the list's */
    FltxDrop(&Volume->Object); /* FltxVolumeOfDevice's */
}

NTSTATUS FltxStart(void)
{
    static UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\FileSystem\\FltMgr");
    NTSTATUS Status;

    if (FltxDriver)
        return STATUS_SUCCESS;
    FltxStartContexts();
    Status = IoxCreateDriver(&Name, DriverEntry, &FltxDriver);
    if (!NT_SUCCESS(Status))
        return Status;
    IoxVolumeHooks.Mounted = Mounted;
    IoxVolumeHooks.Dismounting = Dismounting;
    return STATUS_SUCCESS;
}

void FltxEnd(void)
{
    if (!FltxDriver)
        return;
    IoxVolumeHooks.Mounted = NULL;
    IoxVolumeHooks.Dismounting = NULL;
    IoxDeleteDriver(FltxDriver);
    FltxDriver = NULL;
}

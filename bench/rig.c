/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <stdio.h>
#include <string.h>
#include "fs/fs.h"
#include "machine/machine.h"
#include "mm/mm.h"
#include "rtl/rtl.h"

struct rig_volume rig_bare[3] = {{.layers = 0}, {.layers = 1}, {.layers = FILTERS}};
struct rig_volume rig_ntfs[3] = {{.layers = 0}, {.layers = 1}, {.layers = FILTERS}};
struct rig_user *rig_user;
uint64_t rig_calls[FILTERS];

static FSX_STORE *stores[3];
static FSX_MOUNT_PARAMETERS mounts[3];
static PFLT_FILTER filters[FILTERS];
static PDRIVER_OBJECT drivers[FILTERS], bottom_driver;
static char why[120];

static const char *fail(const char *what, NTSTATUS status)
{
    snprintf(why, sizeof(why), "%s: 0x%08x", what, (unsigned)status);
    return why;
}

/* ---- the bottom device ----------------------------------------------------------------------- */

static FSRTL_COMMON_FCB_HEADER bottom_fcb;

static NTSTATUS NTAPI bottom_dispatch(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION s = IoGetCurrentIrpStackLocation(irp);

    (void)device;
    if (s->MajorFunction == IRP_MJ_CREATE)
        s->FileObject->FsContext = &bottom_fcb;
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static BOOLEAN NTAPI bottom_read(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                 BOOLEAN wait, ULONG key, PVOID buffer, PIO_STATUS_BLOCK iosb,
                                 PDEVICE_OBJECT device)
{
    (void)file, (void)offset, (void)wait, (void)key, (void)buffer, (void)device;
    iosb->Status = STATUS_SUCCESS;
    iosb->Information = length;
    return TRUE;
}

static BOOLEAN NTAPI bottom_query(PFILE_OBJECT file, BOOLEAN wait, PFILE_BASIC_INFORMATION buffer,
                                  PIO_STATUS_BLOCK iosb, PDEVICE_OBJECT device)
{
    (void)file, (void)wait, (void)buffer, (void)device;
    iosb->Status = STATUS_SUCCESS;
    iosb->Information = sizeof(*buffer);
    return TRUE;
}

static FAST_IO_DISPATCH bottom_fast = {.SizeOfFastIoDispatch = sizeof(FAST_IO_DISPATCH),
                                       .FastIoRead = bottom_read,
                                       .FastIoQueryBasicInfo = bottom_query};

static NTSTATUS NTAPI bottom_entry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    (void)path;
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = bottom_dispatch;
    driver->FastIoDispatch = &bottom_fast;
    return STATUS_SUCCESS;
}

static NTSTATUS bottom_mount(PDEVICE_OBJECT disk, PVPB vpb, void *context, PDEVICE_OBJECT *out)
{
    NTSTATUS status =
        IoCreateDevice(bottom_driver, 0, NULL, FILE_DEVICE_DISK_FILE_SYSTEM, 0, FALSE, out);

    (void)disk, (void)vpb, (void)context;
    if (NT_SUCCESS(status))
        (*out)->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    return status;
}

/* ---- filters: sixteen pairs of callbacks ----------------------------------------------------- */

#define EACH(m)                                                                                    \
    m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7) m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15)
#define CALLBACKS(i)                                                                               \
    static FLT_PREOP_CALLBACK_STATUS FLTAPI pre_##i(PFLT_CALLBACK_DATA data,                       \
                                                    PCFLT_RELATED_OBJECTS objects, PVOID *context) \
    {                                                                                              \
        (void)data, (void)objects;                                                                 \
        *context = &rig_calls[i];                                                                  \
        return FLT_PREOP_SUCCESS_WITH_CALLBACK;                                                    \
    }                                                                                              \
    static FLT_POSTOP_CALLBACK_STATUS FLTAPI post_##i(                                             \
        PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects, PVOID context,                     \
        FLT_POST_OPERATION_FLAGS flags)                                                            \
    {                                                                                              \
        (void)data, (void)objects, (void)flags;                                                    \
        ++*(uint64_t *)context;                                                                    \
        return FLT_POSTOP_FINISHED_PROCESSING;                                                     \
    }
EACH(CALLBACKS)
#define PRE(i) pre_##i,
#define POST(i) post_##i,
PFLT_PRE_OPERATION_CALLBACK rig_pre[FILTERS] = {EACH(PRE)};
PFLT_POST_OPERATION_CALLBACK rig_post[FILTERS] = {EACH(POST)};

/* Which volume has which filters is the rig's choice. */
static NTSTATUS FLTAPI setup(PCFLT_RELATED_OBJECTS objects, FLT_INSTANCE_SETUP_FLAGS flags,
                             DEVICE_TYPE device, FLT_FILESYSTEM_TYPE type)
{
    (void)objects, (void)device, (void)type;
    return flags & FLTFL_INSTANCE_SETUP_AUTOMATIC_ATTACHMENT ? STATUS_FLT_DO_NOT_ATTACH
                                                             : STATUS_SUCCESS;
}

static NTSTATUS start_filter(unsigned i)
{
    FLT_OPERATION_REGISTRATION operations[] = {
        {.MajorFunction = IRP_MJ_READ, .PreOperation = rig_pre[i], .PostOperation = rig_post[i]},
        {.MajorFunction = IRP_MJ_WRITE, .PreOperation = rig_pre[i], .PostOperation = rig_post[i]},
        {.MajorFunction = IRP_MJ_OPERATION_END}};
    FLT_REGISTRATION registration = {.Size = sizeof(registration),
                                     .Version = FLT_REGISTRATION_VERSION,
                                     .OperationRegistration = operations,
                                     .InstanceSetupCallback = setup};
    WCHAR path[MACHINE_SERVICE_PATH], name[48];
    char text[48], altitude[16];
    UNICODE_STRING Path, Name;
    NTSTATUS status;

    snprintf(text, sizeof(text), "bench%u", i);
    snprintf(altitude, sizeof(altitude), "%u", 320000 + 1000 * i);
    status = machine_make_service(text, altitude, path);
    snprintf(text, sizeof(text), "\\FileSystem\\bench%u", i);
    RtlxUtf8ToWide(text, strlen(text), name, RTL_NUMBER_OF(name));
    RtlInitUnicodeString(&Path, path);
    RtlInitUnicodeString(&Name, name);
    if (NT_SUCCESS(status))
        status = IoxCreateDriverFor(&Name, &Path, NULL, &drivers[i]);
    if (NT_SUCCESS(status))
        status = FltRegisterFilter(drivers[i], &registration, &filters[i]);
    return NT_SUCCESS(status) ? FltStartFiltering(filters[i]) : status;
}

static NTSTATUS attach(struct rig_volume *v)
{
    NTSTATUS status = STATUS_SUCCESS;
    PFLT_VOLUME volume;

    for (unsigned i = 0; NT_SUCCESS(status) && i < v->layers; i++) {
        status = FltGetVolumeFromName(filters[i], &v->volume->DeviceName, &volume);
        if (NT_SUCCESS(status)) {
            status = FltAttachVolume(filters[i], volume, NULL, NULL);
            FltObjectDereference(volume);
        }
    }
    return status;
}

/* ---- volumes and files ----------------------------------------------------------------------- */

NTSTATUS rig_open(PCUNICODE_STRING volume, const char *path, ULONG options, HANDLE *handle)
{
    size_t n = volume->Length / sizeof(WCHAR);
    struct rig_user *u = rig_user;
    NTSTATUS status;

    memcpy(u->name_buffer, volume->Buffer, volume->Length);
    RtlxUtf8ToWide(path, strlen(path), u->name_buffer + n, RTL_NUMBER_OF(u->name_buffer) - n);
    u->name.Buffer = u->name_buffer;
    u->name.Length = (USHORT)((n + strlen(path)) * sizeof(WCHAR));
    u->name.MaximumLength = (USHORT)(u->name.Length + sizeof(WCHAR));
    InitializeObjectAttributes(&u->attributes, &u->name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    status = RIG_AS_USER(NtCreateFile(
        &u->handle, FILE_GENERIC_READ | FILE_GENERIC_WRITE | SYNCHRONIZE, &u->attributes, &u->iosb,
        NULL, FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
        FILE_OPEN_IF, FILE_NON_DIRECTORY_FILE | options, NULL, 0));
    *handle = u->handle;
    return status;
}

static NTSTATUS open_file(struct rig_volume *v, bool ntfs)
{
    NTSTATUS status =
        rig_open(&v->volume->DeviceName, "\\bench.dat", FILE_SYNCHRONOUS_IO_NONALERT, &v->cached);
    struct rig_user *u = rig_user;

    if (NT_SUCCESS(status))
        status = ObReferenceObjectByHandle(v->cached, 0, NULL, KernelMode, (PVOID *)&v->file, NULL);
    if (!NT_SUCCESS(status))
        return status;
    v->top = IoGetRelatedDeviceObject(v->file);
    v->fast = v->top->DriverObject->FastIoDispatch;
    if (!ntfs)
        return v->fast ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
    status = RIG_AS_USER(
        NtWriteFile(v->cached, NULL, NULL, NULL, &u->iosb, u->data, PAGE, &u->offset, NULL));
    if (NT_SUCCESS(status))
        status = rig_open(&v->volume->DeviceName, "\\bench.dat", 0, &v->overlapped);
    /* The first read begins caching on the second file object. */
    if (NT_SUCCESS(status))
        status = RIG_AS_USER(
            NtReadFile(v->overlapped, NULL, NULL, NULL, &u->iosb, u->data, PAGE, &u->offset, NULL));
    return status;
}

static NTSTATUS mount(struct rig_volume *v, unsigned i, bool ntfs)
{
    IOX_VOLUME_SPEC spec = {.SectorSize = 512,
                            .SerialNumber = i + 1,
                            .Mount = ntfs ? FsxMount : bottom_mount,
                            .Context = ntfs ? &mounts[i] : NULL};
    NTSTATUS status;

    if (ntfs) {
        mounts[i].Personality = FsxFindPersonality("ntfs");
        mounts[i].Store = stores[i] = FsxMemStoreCreate(0, 512, 4096);
        if (!stores[i])
            return STATUS_INSUFFICIENT_RESOURCES;
    }
    status = IoxCreateVolume(&spec, &v->volume);
    if (NT_SUCCESS(status))
        status = attach(v);
    return NT_SUCCESS(status) ? open_file(v, ntfs) : status;
}

bool rig_user_start(void)
{
    if (!rig_user)
        rig_user = MmxAllocateUser(sizeof(*rig_user), PAGE_READWRITE);
    return rig_user != NULL;
}

const char *rig_build(void)
{
    static UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\FileSystem\\bottom");
    NTSTATUS status;

    if (!rig_user_start())
        return "no user memory";
    for (unsigned i = 0; i < FILTERS; i++)
        if (!NT_SUCCESS(status = start_filter(i)))
            return fail("a filter of the bench", status);
    if (!NT_SUCCESS(status = IoxCreateDriver(&name, bottom_entry, &bottom_driver)))
        return fail("the bottom driver", status);
    for (unsigned i = 0; i < 3; i++) {
        if (!NT_SUCCESS(status = mount(&rig_bare[i], i, false)))
            return fail("a bare volume", status);
        if (!NT_SUCCESS(status = mount(&rig_ntfs[i], i, true)))
            return fail("an ntfs volume", status);
    }
    return NULL;
}

static void unmount(struct rig_volume *v, bool ntfs)
{
    PDEVICE_OBJECT device = v->volume->FileSystem;

    ObDereferenceObject(v->file);
    NtClose(v->cached);
    if (v->overlapped)
        NtClose(v->overlapped);
    IoxDismountVolume(v->volume);
    if (ntfs)
        FsxDismountVolume(device, true);
    IoxDeleteVolume(v->volume);
}

void rig_tear_down(void)
{
    for (unsigned i = 0; i < 3; i++) {
        unmount(&rig_bare[i], false);
        unmount(&rig_ntfs[i], true);
        stores[i]->Ops->Free(stores[i]);
    }
    for (unsigned i = 0; i < FILTERS; i++) {
        FltUnregisterFilter(filters[i]);
        IoxDeleteDriver(drivers[i]);
    }
    MmxFreeUser(rig_user, sizeof(*rig_user));
}

/* SPDX-License-Identifier: MIT */
/*
 * flt_test.h - a volume with a tiny file system under FltMgr, and minifilters made of plain
 * functions. The tiny file system records what reaches it and answers as the test tells it; it
 * keeps no data beyond one buffer.
 */
#ifndef OPENFLT_TEST_FLT_TEST_H
#define OPENFLT_TEST_FLT_TEST_H

#include "harness.h"
#include "cm/cm.h"
#include "ex/ex.h"
#include "flt/flt.h"
#include "fsrtl/fsrtl.h"
#include "io/io.h"
#include "mm/mm.h"
#include "ob/ob.h"
#include "ps/ps.h"
#include "se/se.h"
#include "zw/zw.h"

/* ---- what happened, in order ----------------------------------------------------------------- */

enum { LOG_SIZE = 512 };
typedef struct {
    const char *who;
    bool post;
    UCHAR major, minor;
    ULONG flags; /* callback data flags */
    ULONG irp_flags;
    ULONG length; /* of a read or write */
    PVOID buffer;
    PMDL mdl;
    NTSTATUS status;
    PVOID context; /* completion context */
    PVOID data;
    FLT_POST_OPERATION_FLAGS post_flags;
    PETHREAD thread;
} log_entry;
static log_entry log_[LOG_SIZE];
static int log_n;

static log_entry *log_add(const char *who, bool post)
{
    static __thread log_entry beyond; /* a full log keeps its first entries */
    int n = __atomic_fetch_add(&log_n, 1, __ATOMIC_SEQ_CST);
    log_entry *e = n < LOG_SIZE ? &log_[n] : &beyond;

    memset(e, 0, sizeof(*e));
    e->who = who;
    e->post = post;
    e->thread = PsGetCurrentThread();
    return e;
}
static inline log_entry *log_find(const char *who, bool post, UCHAR major)
{
    for (int i = 0; i < log_n && i < LOG_SIZE; i++)
        if (!strcmp(log_[i].who, who) && log_[i].post == post && log_[i].major == major)
            return &log_[i];
    return NULL;
}
static inline int log_count(const char *who, bool post, UCHAR major)
{
    int n = 0;

    for (int i = 0; i < log_n && i < LOG_SIZE; i++)
        n += !strcmp(log_[i].who, who) && log_[i].post == post && log_[i].major == major;
    return n;
}
/* "a< b< fs b> a>": pre is '<', post is '>', for one major function. */
static inline const char *log_text(UCHAR major)
{
    static char text[1024];

    text[0] = 0;
    for (int i = 0; i < log_n && i < LOG_SIZE; i++) {
        if (log_[i].major != major)
            continue;
        if (text[0])
            strcat(text, " ");
        strcat(text, log_[i].who);
        if (strcmp(log_[i].who, "fs"))
            strcat(text, log_[i].post ? ">" : "<");
    }
    return text;
}

/* ---- findings -------------------------------------------------------------------------------- */

static char findings[64][16];
static int finding_n;
static void note_finding(const KEX_FINDING *f)
{
    if (finding_n < 64)
        snprintf(findings[finding_n++], sizeof(findings[0]), "%s", f->Rule);
}
static inline bool found(const char *rule)
{
    for (int i = 0; i < finding_n; i++)
        if (!strcmp(findings[i], rule))
            return true;
    return false;
}

/* ---- the tiny file system -------------------------------------------------------------------- */

static PDRIVER_OBJECT tiny_driver;
static PDEVICE_OBJECT tiny_device;
static struct {
    NTSTATUS status; /* answer of everything but create, cleanup and close */
    NTSTATUS create_status;
    bool pend; /* the next request is kept in `kept` */
    PIRP kept;
    bool fast;        /* fast I/O answers TRUE */
    bool at_dispatch; /* complete at DISPATCH_LEVEL */
    bool cancelable;
    int cancelled;
} tiny;
static char tiny_name[64] = "file.txt";
static UCHAR tiny_data[4096];

typedef struct {
    FSRTL_ADVANCED_FCB_HEADER header;
    FAST_MUTEX mutex;
    SECTION_OBJECT_POINTERS sections;
    PVOID file_contexts;
} tiny_fcb;

static void tiny_complete(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    KIRQL irql = 0;

    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    if (tiny.at_dispatch)
        KeRaiseIrql(DISPATCH_LEVEL, &irql);
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    if (tiny.at_dispatch)
        KeLowerIrql(irql);
}

static ULONG_PTR tiny_transfer(PIRP irp, PIO_STACK_LOCATION s)
{
    PVOID buffer = irp->MdlAddress
                       ? MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority)
                       : irp->UserBuffer;
    ULONG n = s->Parameters.Read.Length;
    ULONG_PTR at = (ULONG_PTR)s->Parameters.Read.ByteOffset.QuadPart;

    if (at + n > sizeof(tiny_data))
        n = at < sizeof(tiny_data) ? (ULONG)(sizeof(tiny_data) - at) : 0;
    if (buffer && n) {
        if (s->MajorFunction == IRP_MJ_READ)
            memcpy(buffer, tiny_data + at, n);
        else
            memcpy(tiny_data + at, buffer, n);
    }
    if ((s->FileObject->Flags & FO_SYNCHRONOUS_IO) && !(irp->Flags & IRP_PAGING_IO))
        s->FileObject->CurrentByteOffset.QuadPart = (LONGLONG)(at + n);
    return n;
}

static ULONG_PTR tiny_query(PIRP irp, PIO_STACK_LOCATION s)
{
    PFILE_NAME_INFORMATION name = irp->AssociatedIrp.SystemBuffer;
    ULONG n = 0;

    if (s->Parameters.QueryFile.FileInformationClass != FileNameInformation)
        return 0;
    name->FileName[n++] = L'\\';
    for (const char *p = tiny_name; *p; p++)
        name->FileName[n++] = (WCHAR)*p;
    name->FileNameLength = n * sizeof(WCHAR);
    return FIELD_OFFSET(FILE_NAME_INFORMATION, FileName) + name->FileNameLength;
}

static NTSTATUS tiny_open(PIRP irp, PFILE_OBJECT file)
{
    if (NT_SUCCESS(tiny.create_status)) {
        tiny_fcb *fcb = ExAllocatePoolWithTag(NonPagedPool, sizeof(*fcb), 0x796e6974);

        memset(fcb, 0, sizeof(*fcb));
        ExInitializeFastMutex(&fcb->mutex);
        FsRtlSetupAdvancedHeader(&fcb->header, &fcb->mutex);
        fcb->header.FileContextSupportPointer = &fcb->file_contexts;
        file->FsContext = fcb;
        file->SectionObjectPointer = &fcb->sections;
    }
    tiny_complete(irp, tiny.create_status, FILE_OPENED);
    return tiny.create_status;
}

static void tiny_close(PFILE_OBJECT file)
{
    tiny_fcb *fcb = file->FsContext;

    if (!fcb)
        return;
    FsRtlTeardownPerStreamContexts(&fcb->header);
    if (fcb->file_contexts)
        FsRtlTeardownPerFileContexts(&fcb->file_contexts);
    file->FsContext = NULL;
    ExFreePool(fcb);
}

static VOID NTAPI tiny_cancel(PDEVICE_OBJECT device, PIRP irp)
{
    (void)device;
    IoReleaseCancelSpinLock(irp->CancelIrql);
    tiny.cancelled++;
    tiny.kept = NULL;
    tiny_complete(irp, STATUS_CANCELLED, 0);
}

static NTSTATUS NTAPI tiny_dispatch(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION s = IoGetCurrentIrpStackLocation(irp);
    log_entry *e = log_add("fs", false);
    ULONG_PTR information = 0;

    (void)device;
    e->major = s->MajorFunction;
    e->minor = s->MinorFunction;
    e->irp_flags = irp->Flags;
    e->mdl = irp->MdlAddress;
    e->buffer = irp->UserBuffer;
    if (s->MajorFunction == IRP_MJ_READ || s->MajorFunction == IRP_MJ_WRITE)
        e->length = s->Parameters.Read.Length;
    if (tiny.pend) {
        tiny.pend = false;
        IoMarkIrpPending(irp);
        if (tiny.cancelable)
            IoSetCancelRoutine(irp, tiny_cancel);
        tiny.kept = irp;
        return STATUS_PENDING;
    }
    if (s->MajorFunction == IRP_MJ_CREATE)
        return tiny_open(irp, s->FileObject);
    if (s->MajorFunction == IRP_MJ_CLOSE)
        tiny_close(s->FileObject);
    if (s->MajorFunction == IRP_MJ_CLEANUP || s->MajorFunction == IRP_MJ_CLOSE) {
        tiny_complete(irp, STATUS_SUCCESS, 0);
        return STATUS_SUCCESS;
    }
    if (NT_SUCCESS(tiny.status) &&
        (s->MajorFunction == IRP_MJ_READ || s->MajorFunction == IRP_MJ_WRITE))
        information = tiny_transfer(irp, s);
    if (NT_SUCCESS(tiny.status) && s->MajorFunction == IRP_MJ_QUERY_INFORMATION)
        information = tiny_query(irp, s);
    {
        NTSTATUS status = tiny.status;

        tiny_complete(irp, status, information);
        return status;
    }
}

static BOOLEAN NTAPI tiny_fast_read(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                    BOOLEAN wait, ULONG key, PVOID buffer, PIO_STATUS_BLOCK iosb,
                                    PDEVICE_OBJECT device)
{
    log_entry *e = log_add("fs", false);

    (void)file, (void)wait, (void)key, (void)device;
    e->major = IRP_MJ_READ;
    e->length = length;
    if (!tiny.fast)
        return FALSE;
    memcpy(buffer, tiny_data + offset->QuadPart, length);
    iosb->Status = STATUS_SUCCESS;
    iosb->Information = length;
    return TRUE;
}

static FAST_IO_DISPATCH tiny_fast = {.SizeOfFastIoDispatch = sizeof(FAST_IO_DISPATCH),
                                     .FastIoRead = tiny_fast_read};

static NTSTATUS NTAPI tiny_entry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    (void)path;
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = tiny_dispatch;
    driver->FastIoDispatch = &tiny_fast;
    return STATUS_SUCCESS;
}

static NTSTATUS tiny_mount(PDEVICE_OBJECT disk, PVPB vpb, void *context, PDEVICE_OBJECT *out)
{
    NTSTATUS status;

    (void)context, (void)disk;
    status =
        IoCreateDevice(tiny_driver, 0, NULL, FILE_DEVICE_DISK_FILE_SYSTEM, 0, FALSE, &tiny_device);
    if (!NT_SUCCESS(status))
        return status;
    tiny_device->Flags &= ~DO_DEVICE_INITIALIZING;
    vpb->DeviceObject = tiny_device;
    vpb->Flags |= VPB_MOUNTED;
    *out = tiny_device;
    return STATUS_SUCCESS;
}

/* ---- machine --------------------------------------------------------------------------------- */

static IOX_VOLUME *volume_;
static PFLT_VOLUME flt_volume; /* pinned by start_machine */

static inline void start_machine(void)
{
    static UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\FileSystem\\tinyfs");
    IOX_VOLUME_SPEC spec = {.SectorSize = 512, .Mount = tiny_mount};

    KexHooks.Finding = note_finding;
    REQUIRE(NT_SUCCESS(KexStart()) && NT_SUCCESS(ExxStart()) && NT_SUCCESS(ObxStart()));
    REQUIRE(NT_SUCCESS(MmxStart()) && NT_SUCCESS(PsxStart()) && NT_SUCCESS(SexStart()));
    REQUIRE(NT_SUCCESS(CmxStart()) && NT_SUCCESS(IoxStart()) && NT_SUCCESS(FsrtlxStart()));
    REQUIRE(NT_SUCCESS(ZwxStart()) && NT_SUCCESS(FltxStart()));
    tiny.status = tiny.create_status = STATUS_SUCCESS;
    for (unsigned i = 0; i < sizeof(tiny_data); i++)
        tiny_data[i] = (UCHAR)(i * 7);
    REQUIRE(NT_SUCCESS(IoxCreateDriver(&name, tiny_entry, &tiny_driver)));
    REQUIRE(NT_SUCCESS(IoxCreateVolume(&spec, &volume_)));
    REQUIRE(NT_SUCCESS(FltGetVolumeFromName(NULL, &volume_->DeviceName, &flt_volume)));
    FltObjectDereference(flt_volume);
}

static PDEVICE_OBJECT top(void)
{
    return IoGetAttachedDevice(tiny_device);
}

#ifdef FLT_TEST_REAL_FS
#include "cc/cc.h"
#include "fs/fs.h"

/* The same machine with the real file system on a memory store instead of the tiny one. */
static void start_real_machine(void)
{
    static FSX_MOUNT_PARAMETERS mount;
    IOX_VOLUME_SPEC spec = {.SectorSize = 512, .Mount = FsxMount, .Context = &mount};

    KexHooks.Finding = note_finding;
    REQUIRE(NT_SUCCESS(KexStart()) && NT_SUCCESS(ExxStart()) && NT_SUCCESS(ObxStart()));
    REQUIRE(NT_SUCCESS(MmxStart()) && NT_SUCCESS(PsxStart()) && NT_SUCCESS(SexStart()));
    REQUIRE(NT_SUCCESS(CmxStart()) && NT_SUCCESS(IoxStart()) && NT_SUCCESS(CcxStart()));
    REQUIRE(NT_SUCCESS(FsrtlxStart()) && NT_SUCCESS(ZwxStart()));
    REQUIRE(NT_SUCCESS(FltxStart()) && NT_SUCCESS(FsxStart()));
    mount.Personality = FsxFindPersonality("ntfs");
    mount.Store = FsxMemStoreCreate(64 << 20, 512, 4096);
    REQUIRE(mount.Store);
    REQUIRE(NT_SUCCESS(IoxCreateVolume(&spec, &volume_)));
    REQUIRE(NT_SUCCESS(FltGetVolumeFromName(NULL, &volume_->DeviceName, &flt_volume)));
    FltObjectDereference(flt_volume);
}

static inline HANDLE nt_create(const WCHAR *path, ULONG disposition, ULONG options)
{
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK iosb;
    UNICODE_STRING name;
    HANDLE handle = NULL;

    RtlInitUnicodeString(&name, path);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL,
                               NULL);
    REQUIRE(ZwCreateFile(&handle, FILE_GENERIC_READ | FILE_GENERIC_WRITE | DELETE, &attributes,
                         &iosb, NULL, FILE_ATTRIBUTE_NORMAL,
                         FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, disposition,
                         options | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0) == STATUS_SUCCESS);
    return handle;
}
static inline NTSTATUS nt_write(HANDLE handle, const void *data, ULONG length, LONGLONG at)
{
    LARGE_INTEGER offset = {.QuadPart = at};
    IO_STATUS_BLOCK iosb;

    return ZwWriteFile(handle, NULL, NULL, NULL, &iosb, (PVOID)data, length, &offset, NULL);
}
static inline NTSTATUS nt_read(HANDLE handle, void *data, ULONG length, LONGLONG at)
{
    LARGE_INTEGER offset = {.QuadPart = at};
    IO_STATUS_BLOCK iosb;

    return ZwReadFile(handle, NULL, NULL, NULL, &iosb, data, length, &offset, NULL);
}
static inline PFILE_OBJECT object_of(HANDLE handle)
{
    PFILE_OBJECT file = NULL;

    REQUIRE(NT_SUCCESS(
        ObReferenceObjectByHandle(handle, 0, IoFileObjectType, KernelMode, (PVOID *)&file, NULL)));
    return file;
}
#endif

/* ---- filters --------------------------------------------------------------------------------- */

/* What a filter's callbacks do; index by the order of make_filter. */
typedef struct filter_ {
    char name[16];
    PDRIVER_OBJECT driver;
    PFLT_FILTER handle;
    FLT_PREOP_CALLBACK_STATUS pre;
    FLT_POSTOP_CALLBACK_STATUS post;
    PVOID context;
    NTSTATUS complete_status;
    NTSTATUS post_status; /* 0: leave */
    void (*in_pre)(struct filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects);
    void (*in_post)(struct filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects);
    PFLT_CALLBACK_DATA held; /* what it pended */
    PFLT_INSTANCE instance;
    int setups, drains, unloads;
    _Atomic int starts, completes; /* looked at while another thread tears down */
    NTSTATUS setup_status, unload_status;
} filter_;
enum { MOST_FILTERS = 20 };
static filter_ filters[MOST_FILTERS];
static int filter_n;

static filter_ *filter_of(PFLT_FILTER handle)
{
    for (int i = 0; i < filter_n; i++)
        if (filters[i].handle == handle)
            return &filters[i];
    return NULL;
}

static void log_callback(filter_ *f, bool post, PFLT_CALLBACK_DATA data, PVOID context, ULONG flags)
{
    log_entry *e = log_add(f->name, post);

    e->major = data->Iopb->MajorFunction;
    e->minor = data->Iopb->MinorFunction;
    e->flags = data->Flags;
    e->irp_flags = data->Iopb->IrpFlags;
    e->status = data->IoStatus.Status;
    e->context = context;
    e->data = data;
    e->post_flags = flags;
    if (e->major == IRP_MJ_READ || e->major == IRP_MJ_WRITE) {
        e->length = data->Iopb->Parameters.Read.Length;
        e->buffer = data->Iopb->Parameters.Read.ReadBuffer;
        e->mdl = data->Iopb->Parameters.Read.MdlAddress;
    }
}

static FLT_PREOP_CALLBACK_STATUS FLTAPI any_pre(PFLT_CALLBACK_DATA data,
                                                PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    filter_ *f = filter_of(objects->Filter);
    FLT_PREOP_CALLBACK_STATUS result = f->pre;

    log_callback(f, false, data, NULL, 0);
    CHECK(objects->Instance == data->Iopb->TargetInstance);
    f->instance = objects->Instance;
    if (result == FLT_PREOP_SUCCESS_WITH_CALLBACK || result == FLT_PREOP_SYNCHRONIZE)
        *context = f->context;
    if (result == FLT_PREOP_COMPLETE) {
        data->IoStatus.Status = f->complete_status;
        data->IoStatus.Information = 0;
    }
    if (result == FLT_PREOP_PENDING)
        f->held = data;
    if (f->in_pre)
        f->in_pre(f, data, objects);
    return result;
}

static FLT_POSTOP_CALLBACK_STATUS FLTAPI any_post(PFLT_CALLBACK_DATA data,
                                                  PCFLT_RELATED_OBJECTS objects, PVOID context,
                                                  FLT_POST_OPERATION_FLAGS flags)
{
    filter_ *f = filter_of(objects->Filter);
    FLT_POSTOP_CALLBACK_STATUS result = f->post;

    log_callback(f, true, data, context, flags);
    if (flags & FLTFL_POST_OPERATION_DRAINING) {
        f->drains++;
        return FLT_POSTOP_FINISHED_PROCESSING;
    }
    if (f->post_status)
        data->IoStatus.Status = f->post_status;
    if (result == FLT_POSTOP_MORE_PROCESSING_REQUIRED)
        f->held = data;
    if (f->in_post)
        f->in_post(f, data, objects);
    return result;
}

static NTSTATUS FLTAPI any_setup(PCFLT_RELATED_OBJECTS objects, FLT_INSTANCE_SETUP_FLAGS flags,
                                 DEVICE_TYPE type, FLT_FILESYSTEM_TYPE fs)
{
    filter_ *f = filter_of(objects->Filter);

    (void)flags, (void)fs;
    CHECK_EQ(type, FILE_DEVICE_DISK_FILE_SYSTEM);
    f->setups++;
    f->instance = objects->Instance;
    return f->setup_status;
}
static NTSTATUS FLTAPI any_query(PCFLT_RELATED_OBJECTS objects,
                                 FLT_INSTANCE_QUERY_TEARDOWN_FLAGS flags)
{
    (void)objects, (void)flags;
    return STATUS_SUCCESS;
}
static VOID FLTAPI any_start(PCFLT_RELATED_OBJECTS objects, FLT_INSTANCE_TEARDOWN_FLAGS reason)
{
    filter_ *f = filter_of(objects->Filter);

    (void)reason;
    f->starts++;
}
static VOID FLTAPI any_complete(PCFLT_RELATED_OBJECTS objects, FLT_INSTANCE_TEARDOWN_FLAGS reason)
{
    filter_ *f = filter_of(objects->Filter);

    (void)reason;
    f->completes++;
}

#define OP(major)                                                                                  \
    {                                                                                              \
        major, 0, any_pre, any_post, NULL                                                          \
    }
static const FLT_OPERATION_REGISTRATION usual_operations[] = {OP(IRP_MJ_CREATE),
                                                              OP(IRP_MJ_READ),
                                                              OP(IRP_MJ_WRITE),
                                                              OP(IRP_MJ_FLUSH_BUFFERS),
                                                              OP(IRP_MJ_QUERY_INFORMATION),
                                                              OP(IRP_MJ_DEVICE_CONTROL),
                                                              OP(IRP_MJ_CLEANUP),
                                                              {IRP_MJ_OPERATION_END}};

static FLT_REGISTRATION usual_registration(void)
{
    FLT_REGISTRATION r = {.Size = sizeof(r), .Version = FLT_REGISTRATION_VERSION};

    r.OperationRegistration = usual_operations;
    r.InstanceSetupCallback = any_setup;
    r.InstanceQueryTeardownCallback = any_query;
    r.InstanceTeardownStartCallback = any_start;
    r.InstanceTeardownCompleteCallback = any_complete;
    return r;
}

static void widen(WCHAR *to, const char *from)
{
    while ((*to++ = (WCHAR)*from++))
        ;
}

/* The service key and the driver object of a filter, without registering it. */
static filter_ *new_filter(const char *name, const char *altitude)
{
    filter_ *f = &filters[filter_n++];
    WCHAR path[200], wide[64], wide_altitude[128], instances[256];
    UNICODE_STRING driver;
    char text[200];

    memset(f, 0, sizeof(*f));
    snprintf(f->name, sizeof(f->name), "%s", name);
    f->pre = FLT_PREOP_SUCCESS_WITH_CALLBACK;
    f->post = FLT_POSTOP_FINISHED_PROCESSING;
    widen(wide, name);
    widen(wide_altitude, altitude);
    snprintf(text, sizeof(text),
             "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\%s\\Instances", name);
    widen(path, text);
    snprintf(text, sizeof(text),
             "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\%s\\Instances\\%s", name,
             name);
    widen(instances, text);
    REQUIRE(NT_SUCCESS(CmxCreatePath(instances)));
    REQUIRE(NT_SUCCESS(CmxSetString(path, L"DefaultInstance", wide)));
    REQUIRE(NT_SUCCESS(CmxSetString(instances, L"Altitude", wide_altitude)));
    REQUIRE(NT_SUCCESS(CmxSetDword(instances, L"Flags", 0)));
    snprintf(text, sizeof(text), "\\FileSystem\\%s", name);
    widen(path, text);
    RtlInitUnicodeString(&driver, path);
    REQUIRE(NT_SUCCESS(IoxCreateDriver(&driver, NULL, &f->driver)));
    return f;
}

static filter_ *make_filter_with(const char *name, const char *altitude,
                                 const FLT_REGISTRATION *registration)
{
    filter_ *f = new_filter(name, altitude);

    REQUIRE(NT_SUCCESS(FltRegisterFilter(f->driver, registration, &f->handle)));
    REQUIRE(NT_SUCCESS(FltStartFiltering(f->handle)));
    return f;
}
static inline filter_ *make_filter(const char *name, const char *altitude)
{
    FLT_REGISTRATION r = usual_registration();

    return make_filter_with(name, altitude, &r);
}

/* ---- requests -------------------------------------------------------------------------------- */

static NTSTATUS NTAPI request_done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    (void)device, (void)irp;
    KeSetEvent(context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

typedef struct {
    PIRP irp;
    KEVENT event;
    NTSTATUS returned; /* by IoCallDriver */
} request;

static void request_begin(request *r, UCHAR major, UCHAR minor, PFILE_OBJECT file)
{
    PIO_STACK_LOCATION s;

    memset(r, 0, sizeof(*r));
    KeInitializeEvent(&r->event, NotificationEvent, FALSE);
    r->irp = IoAllocateIrp((CCHAR)(top()->StackSize + 1), FALSE);
    r->irp->RequestorMode = KernelMode;
    r->irp->Tail.Overlay.Thread = PsGetCurrentThread();
    r->irp->Tail.Overlay.OriginalFileObject = file;
    IoSetNextIrpStackLocation(r->irp);
    IoSetCompletionRoutine(r->irp, request_done, &r->event, TRUE, TRUE, TRUE);
    s = IoGetNextIrpStackLocation(r->irp);
    s->MajorFunction = major;
    s->MinorFunction = minor;
    s->FileObject = file;
}
static NTSTATUS request_send(request *r)
{
    return r->returned = IoCallDriver(top(), r->irp);
}
static NTSTATUS request_wait(request *r)
{
    NTSTATUS status;

    KeWaitForSingleObject(&r->event, Executive, KernelMode, FALSE, NULL);
    status = r->irp->IoStatus.Status;
    CHECK(r->returned == STATUS_PENDING || r->returned == status);
    IoFreeIrp(r->irp);
    return status;
}
static NTSTATUS request_run(request *r)
{
    request_send(r);
    return request_wait(r);
}

static inline NTSTATUS send(UCHAR major, PFILE_OBJECT file)
{
    request r;

    request_begin(&r, major, 0, file);
    return request_run(&r);
}

static void read_begin(request *r, PFILE_OBJECT file, PVOID buffer, ULONG length, LONGLONG offset,
                       ULONG irp_flags)
{
    PIO_STACK_LOCATION s;

    request_begin(r, IRP_MJ_READ, 0, file);
    s = IoGetNextIrpStackLocation(r->irp);
    s->Parameters.Read.Length = length;
    s->Parameters.Read.ByteOffset.QuadPart = offset;
    r->irp->UserBuffer = buffer;
    r->irp->Flags = irp_flags;
}
static inline NTSTATUS read_file(PFILE_OBJECT file, PVOID buffer, ULONG length, LONGLONG offset,
                                 ULONG irp_flags)
{
    request r;

    read_begin(&r, file, buffer, length, offset, irp_flags);
    return request_run(&r);
}

static IO_SECURITY_CONTEXT security;
static inline NTSTATUS create_file(PFILE_OBJECT file)
{
    request r;

    request_begin(&r, IRP_MJ_CREATE, 0, file);
    IoGetNextIrpStackLocation(r.irp)->Parameters.Create.SecurityContext = &security;
    return request_run(&r);
}
static inline PFILE_OBJECT open_file(void)
{
    static WCHAR name[] = L"\\file.txt";
    PFILE_OBJECT file = ExAllocatePoolWithTag(NonPagedPool, sizeof(FILE_OBJECT), 0x656c6966);

    /* A file object outside the object manager: the tests send their own cleanup and close. */
    memset(file, 0, sizeof(*file));
    file->Type = IO_TYPE_FILE;
    file->Size = sizeof(*file);
    file->DeviceObject = volume_->Disk;
    file->Vpb = volume_->Disk->Vpb;
    RtlInitUnicodeString(&file->FileName, name);
    REQUIRE(create_file(file) == STATUS_SUCCESS);
    log_n = 0;
    return file;
}
static inline void close_file(PFILE_OBJECT file)
{
    CHECK_EQ(send(IRP_MJ_CLEANUP, file), STATUS_SUCCESS);
    file->Flags |= FO_CLEANUP_COMPLETE;
    CHECK_EQ(send(IRP_MJ_CLOSE, file), STATUS_SUCCESS);
    ExFreePool(file);
}

/* ---- threads --------------------------------------------------------------------------------- */

static inline PKTHREAD run_thread(PKSTART_ROUTINE fn, PVOID context)
{
    PKTHREAD thread;

    REQUIRE(NT_SUCCESS(KexThreadStart("test", NULL, fn, context, &thread)));
    return thread;
}
static inline void join(PKTHREAD thread)
{
    KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(thread);
}
static inline void pause_ms(int ms)
{
    LARGE_INTEGER t = {.QuadPart = -10000LL * ms};

    KeDelayExecutionThread(KernelMode, FALSE, &t);
}

static int leaks;
static void count_leak(const FLTX_LEAK *leak, void *context)
{
    (void)context;
    fprintf(stderr, "held: %s %p of %s\n", leak->Kind, leak->Object, leak->Filter);
    leaks++;
}
static inline int count_leaks(const char *filter)
{
    leaks = 0;
    FltxForEachLeak(filter, count_leak, NULL);
    return leaks;
}

#endif

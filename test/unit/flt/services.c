/* SPDX-License-Identifier: MIT */
/* Queues, work items, status callbacks, ports, cancellable waits, and changes no filter may make.
 */
#include "flt_test.h"

/* ---- a queue of one list and one spin lock --------------------------------------------------- */

static FLT_CALLBACK_DATA_QUEUE queue;
static LIST_ENTRY list;
static KSPIN_LOCK lock;
static KEVENT queued;
static int cancelled_io;

static VOID FLTAPI q_acquire(PFLT_CALLBACK_DATA_QUEUE q, PKIRQL irql)
{
    (void)q;
    KeAcquireSpinLock(&lock, irql);
}
static VOID FLTAPI q_release(PFLT_CALLBACK_DATA_QUEUE q, KIRQL irql)
{
    (void)q;
    KeReleaseSpinLock(&lock, irql);
}
static NTSTATUS FLTAPI q_insert(PFLT_CALLBACK_DATA_QUEUE q, PFLT_CALLBACK_DATA data, PVOID context)
{
    (void)q, (void)context;
    InsertTailList(&list, &data->QueueLinks);
    return STATUS_SUCCESS;
}
static VOID FLTAPI q_remove(PFLT_CALLBACK_DATA_QUEUE q, PFLT_CALLBACK_DATA data)
{
    (void)q;
    RemoveEntryList(&data->QueueLinks);
}
static PFLT_CALLBACK_DATA FLTAPI q_peek(PFLT_CALLBACK_DATA_QUEUE q, PFLT_CALLBACK_DATA data,
                                        PVOID context)
{
    PLIST_ENTRY next = data ? data->QueueLinks.Flink : list.Flink;

    (void)q, (void)context;
    return next == &list ? NULL : CONTAINING_RECORD(next, FLT_CALLBACK_DATA, QueueLinks);
}
static VOID FLTAPI q_cancelled(PFLT_CALLBACK_DATA_QUEUE q, PFLT_CALLBACK_DATA data)
{
    (void)q;
    cancelled_io++;
    FltCompletePendedPreOperation(data, FLT_PREOP_COMPLETE, NULL);
}

static NTSTATUS insert_status;
static FLT_PREOP_CALLBACK_STATUS FLTAPI queue_pre(PFLT_CALLBACK_DATA data,
                                                  PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    (void)objects, (void)context;
    insert_status = FltCbdqInsertIo(&queue, data, NULL, NULL);
    if (!NT_SUCCESS(insert_status))
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    KeSetEvent(&queued, IO_NO_INCREMENT, FALSE);
    return FLT_PREOP_PENDING;
}
static void queue_machine(void)
{
    static const FLT_OPERATION_REGISTRATION operations[] = {{IRP_MJ_READ, 0, queue_pre, NULL, NULL},
                                                            {IRP_MJ_OPERATION_END}};
    FLT_REGISTRATION r = usual_registration();

    start_machine();
    make_filter("a", "300");
    r.OperationRegistration = operations;
    make_filter_with("q", "200", &r);
    InitializeListHead(&list);
    KeInitializeSpinLock(&lock);
    KeInitializeEvent(&queued, NotificationEvent, FALSE);
    CHECK_EQ(FltCbdqInitialize(filters[1].instance, &queue, q_insert, q_remove, q_peek, q_acquire,
                               q_release, q_cancelled),
             STATUS_SUCCESS);
}

TEST(queue_remove, "flt.FltCbdqRemoveNextIo.a_queued_request_goes_on")
{
    UCHAR buffer[16] = {0};
    PFLT_CALLBACK_DATA data;
    PFILE_OBJECT file;
    request r;

    queue_machine();
    file = open_file();
    read_begin(&r, file, buffer, 16, 0, 0);
    CHECK_EQ(request_send(&r), STATUS_PENDING);
    CHECK_EQ(log_count("fs", false, IRP_MJ_READ), 0);
    data = FltCbdqRemoveNextIo(&queue, NULL);
    REQUIRE(data);
    CHECK(!FltCbdqRemoveNextIo(&queue, NULL));
    FltCompletePendedPreOperation(data, FLT_PREOP_SUCCESS_NO_CALLBACK, NULL);
    CHECK_EQ(request_wait(&r), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_READ), "a< fs a>");
    FltCbdqDisable(&queue);
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    CHECK_EQ(insert_status, STATUS_FLT_CBDQ_DISABLED);
}

TEST(queue_cancel, "flt.FltCbdqInsertIo.a_cancelled_request_leaves_the_queue")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    request r;

    queue_machine();
    file = open_file();
    read_begin(&r, file, buffer, 16, 0, 0);
    CHECK_EQ(request_send(&r), STATUS_PENDING);
    CHECK(IoCancelIrp(r.irp));
    CHECK_EQ(request_wait(&r), STATUS_CANCELLED);
    CHECK_EQ(cancelled_io, 1);
    CHECK(IsListEmpty(&list));
    CHECK_EQ(log_find("a", true, IRP_MJ_READ)->status, STATUS_CANCELLED);
}

/* ---- work items ------------------------------------------------------------------------------ */

static KEVENT worked;
static PVOID work_object, work_context;
static VOID FLTAPI generic_work(PFLT_GENERIC_WORKITEM item, PVOID object, PVOID context)
{
    work_object = object;
    work_context = context;
    FltFreeGenericWorkItem(item);
    KeSetEvent(&worked, IO_NO_INCREMENT, FALSE);
}
TEST(generic, "flt.FltQueueGenericWorkItem.runs_and_refuses_a_dying_object")
{
    PFLT_GENERIC_WORKITEM item;
    filter_ *f;

    start_machine();
    f = make_filter("f", "300");
    KeInitializeEvent(&worked, NotificationEvent, FALSE);
    item = FltAllocateGenericWorkItem();
    CHECK_EQ(FltQueueGenericWorkItem(item, f->handle, generic_work, DelayedWorkQueue, (PVOID)5),
             STATUS_SUCCESS);
    KeWaitForSingleObject(&worked, Executive, KernelMode, FALSE, NULL);
    CHECK(work_object == f->handle && work_context == (PVOID)5);
    item = FltAllocateGenericWorkItem();
    CHECK_EQ(count_leaks(NULL), 1);
    CHECK_EQ(FltQueueGenericWorkItem(item, flt_volume, generic_work, DelayedWorkQueue, NULL),
             STATUS_INVALID_PARAMETER);
    FltFreeGenericWorkItem(item);
    CHECK_EQ(count_leaks(NULL), 0);
}

static NTSTATUS defer_status;
static VOID FLTAPI deferred_work(PFLT_DEFERRED_IO_WORKITEM item, PFLT_CALLBACK_DATA data,
                                 PVOID context)
{
    (void)context;
    CHECK_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    FltFreeDeferredIoWorkItem(item);
    FltCompletePendedPreOperation(data, FLT_PREOP_SUCCESS_WITH_CALLBACK, NULL);
}
static FLT_PREOP_CALLBACK_STATUS FLTAPI defer_pre(PFLT_CALLBACK_DATA data,
                                                  PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    PFLT_DEFERRED_IO_WORKITEM item = FltAllocateDeferredIoWorkItem();

    (void)objects, (void)context;
    defer_status = FltQueueDeferredIoWorkItem(item, data, deferred_work, DelayedWorkQueue, NULL);
    if (NT_SUCCESS(defer_status))
        return FLT_PREOP_PENDING;
    FltFreeDeferredIoWorkItem(item);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}
TEST(deferred, "flt.FltQueueDeferredIoWorkItem.FP-53_not_for_paging_io_or_under_a_top_level_irp")
{
    static const FLT_OPERATION_REGISTRATION operations[] = {
        {IRP_MJ_READ, 0, defer_pre, any_post, NULL}, {IRP_MJ_OPERATION_END}};
    FLT_REGISTRATION registration = usual_registration();
    UCHAR buffer[16];
    PFILE_OBJECT file;

    start_machine();
    registration.OperationRegistration = operations;
    make_filter_with("d", "200", &registration);
    file = open_file();
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    CHECK_EQ(defer_status, STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_READ), "fs d>");
    CHECK_EQ(read_file(file, buffer, 16, 0, IRP_PAGING_IO | IRP_NOCACHE), STATUS_SUCCESS);
    CHECK_EQ(defer_status, STATUS_FLT_NOT_SAFE_TO_POST_OPERATION);
    IoSetTopLevelIrp((PIRP)FSRTL_FSP_TOP_LEVEL_IRP);
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    IoSetTopLevelIrp(NULL);
    CHECK_EQ(defer_status, STATUS_FLT_NOT_SAFE_TO_POST_OPERATION);
    CHECK_EQ(count_leaks(NULL), 0);
}

/* ---- status callbacks ------------------------------------------------------------------------ */

static int status_calls;
static NTSTATUS seen_status;
static PVOID seen_buffer;
static VOID FLTAPI on_status(PCFLT_RELATED_OBJECTS objects, PFLT_IO_PARAMETER_BLOCK iopb,
                             NTSTATUS status, PVOID context)
{
    (void)objects;
    status_calls++;
    seen_status = status;
    seen_buffer = iopb->Parameters.Read.ReadBuffer;
    CHECK(context == (PVOID)7);
}
static UCHAR swapped[16];
static void ask_status(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)f, (void)objects;
    if (data->Iopb->MajorFunction != IRP_MJ_READ)
        return;
    CHECK_EQ(FltRequestOperationStatusCallback(data, on_status, (PVOID)7), STATUS_SUCCESS);
    data->Iopb->Parameters.Read.ReadBuffer = swapped;
    FltSetCallbackDataDirty(data);
}
TEST(status, "flt.FltRequestOperationStatusCallback.what_the_driver_below_returned")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *f;
    request r;

    start_machine();
    f = make_filter("f", "300");
    file = open_file();
    f->in_pre = ask_status;
    tiny.pend = true;
    read_begin(&r, file, buffer, 16, 0, 0);
    CHECK_EQ(request_send(&r), STATUS_PENDING);
    CHECK_EQ(status_calls, 1);
    CHECK_EQ(seen_status, STATUS_PENDING);
    CHECK(seen_buffer == buffer);
    tiny_complete(tiny.kept, STATUS_SUCCESS, 0);
    CHECK_EQ(request_wait(&r), STATUS_SUCCESS);
    f->in_pre = NULL;
    FltUnregisterFilter(f->handle);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static NTSTATUS FLTAPI on_connect(PFLT_PORT port, PVOID cookie, PVOID context, ULONG size,
                                  PVOID *connection)
{
    (void)port, (void)cookie, (void)context, (void)size, (void)connection;
    return STATUS_SUCCESS;
}
static VOID FLTAPI on_disconnect(PVOID cookie)
{
    (void)cookie;
}
TEST(port, "flt.FltCreateCommunicationPort.name_collision_and_leak")
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\ThePort");
    OBJECT_ATTRIBUTES attributes;
    PSECURITY_DESCRIPTOR descriptor;
    PFLT_PORT one, two;
    filter_ *f;

    start_machine();
    f = make_filter("f", "300");
    CHECK_EQ(FltBuildDefaultSecurityDescriptor(&descriptor, FLT_PORT_ALL_ACCESS), STATUS_SUCCESS);
    CHECK(RtlValidSecurityDescriptor(descriptor));
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL,
                               descriptor);
    CHECK_EQ(FltCreateCommunicationPort(f->handle, &one, &attributes, NULL, on_connect,
                                        on_disconnect, NULL, 1),
             STATUS_SUCCESS);
    CHECK_EQ(FltCreateCommunicationPort(f->handle, &two, &attributes, NULL, on_connect,
                                        on_disconnect, NULL, 1),
             STATUS_OBJECT_NAME_COLLISION);
    CHECK_EQ(count_leaks("f"), 1);
    FltCloseCommunicationPort(one);
    CHECK_EQ(count_leaks("f"), 0);
    FltFreeSecurityDescriptor(descriptor);
}

/* ---- waits ----------------------------------------------------------------------------------- */

static KEVENT never;
static NTSTATUS wait_status;
static void wait_in_pre(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)f, (void)objects;
    if (data->Iopb->MajorFunction == IRP_MJ_READ)
        wait_status = FltCancellableWaitForSingleObject(&never, NULL, data);
}
static void NTAPI cancel_soon(PVOID context)
{
    pause_ms(20);
    IoCancelIrp(context);
}
TEST(wait, "flt.FltCancellableWaitForSingleObject.a_cancel_ends_it")
{
    LARGE_INTEGER now = {0};
    UCHAR buffer[16];
    PFILE_OBJECT file;
    PKTHREAD thread;
    filter_ *f;
    request r;

    start_machine();
    f = make_filter("f", "300");
    file = open_file();
    KeInitializeEvent(&never, NotificationEvent, FALSE);
    CHECK_EQ(FltCancellableWaitForSingleObject(&never, &now, NULL), STATUS_TIMEOUT);
    f->in_pre = wait_in_pre;
    read_begin(&r, file, buffer, 16, 0, 0);
    thread = run_thread(cancel_soon, r.irp);
    request_send(&r);
    request_wait(&r);
    CHECK_EQ(wait_status, STATUS_CANCELLED);
    join(thread);
    f->in_pre = NULL;
}

/* ---- what must not change -------------------------------------------------------------------- */

static bool move;
static void change_target(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)f, (void)objects;
    if (data->Iopb->MajorFunction != IRP_MJ_READ)
        return;
    if (move)
        data->Iopb->TargetInstance = filters[1].instance;
    else
        data->Iopb->MajorFunction = IRP_MJ_WRITE;
    FltSetCallbackDataDirty(data);
}
TEST(major, "flt.rule.PRM-002_the_major_function_stays")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *f;

    start_machine();
    f = make_filter("f", "300");
    file = open_file();
    f->in_pre = change_target;
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    CHECK_EQ(log_count("fs", false, IRP_MJ_READ), 1);
    CHECK(found("PRM-002"));
}
TEST(target, "flt.rule.PRM-003_no_redirection")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    BOOLEAN allowed = TRUE;
    filter_ *f;

    start_machine();
    f = make_filter("f", "300");
    make_filter("g", "200");
    file = open_file();
    CHECK_EQ(FltIsIoRedirectionAllowed(f->instance, filters[1].instance, &allowed), STATUS_SUCCESS);
    CHECK(!allowed);
    move = true;
    f->in_pre = change_target;
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_NOT_SUPPORTED);
    CHECK_EQ(log_count("fs", false, IRP_MJ_READ), 0);
    CHECK(found("PRM-003"));
}

/* SPDX-License-Identifier: MIT */
/* Order, results and contexts of callbacks on the IRP and fast I/O roads. */
#include "flt_test.h"

TEST(order, "flt.dispatch.order_by_numeric_altitude")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;

    start_machine();
    make_filter("low", "100.123456");
    make_filter("top", "03333");
    make_filter("mid", "200.5000000000000000000000000000000001");
    make_filter("mid2", "200.5");
    file = open_file();
    CHECK_EQ(read_file(file, buffer, 16, 8, 0), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_READ), "top< mid< mid2< low< fs low> mid2> mid> top>");
    CHECK(!memcmp(buffer, tiny_data + 8, 16));
    close_file(file);
}

TEST(contexts, "flt.dispatch.each_filter_gets_its_completion_context")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *a, *b, *c;

    start_machine();
    a = make_filter("a", "300");
    b = make_filter("b", "200");
    c = make_filter("c", "100");
    a->context = (PVOID)0x11;
    b->pre = FLT_PREOP_SUCCESS_NO_CALLBACK;
    c->context = (PVOID)0x33;
    file = open_file();
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_READ), "a< b< c< fs c> a>");
    CHECK_EQ(log_find("a", true, IRP_MJ_READ)->context, 0x11);
    CHECK_EQ(log_find("c", true, IRP_MJ_READ)->context, 0x33);
    CHECK(log_find("a", false, IRP_MJ_READ)->flags & FLTFL_CALLBACK_DATA_IRP_OPERATION);
    CHECK(log_find("a", true, IRP_MJ_READ)->flags & FLTFL_CALLBACK_DATA_POST_OPERATION);
    CHECK_EQ(finding_n, 0);
}

TEST(complete, "flt.dispatch.complete_stops_below_and_returns_its_status")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *b;

    start_machine();
    make_filter("a", "300");
    b = make_filter("b", "200");
    make_filter("c", "100");
    file = open_file();
    b->pre = FLT_PREOP_COMPLETE;
    b->complete_status = STATUS_DISK_FULL;
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_DISK_FULL);
    CHECK_STR(log_text(IRP_MJ_READ), "a< b< a>");
    CHECK_EQ(log_find("a", true, IRP_MJ_READ)->status, STATUS_DISK_FULL);
}

TEST(status_below, "flt.dispatch.status_of_the_file_system_comes_back")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;

    start_machine();
    make_filter("a", "300");
    file = open_file();
    tiny.status = STATUS_END_OF_FILE;
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_END_OF_FILE);
    CHECK_EQ(log_find("a", true, IRP_MJ_READ)->status, STATUS_END_OF_FILE);
}

TEST(post_status, "flt.dispatch.status_changed_in_post_is_returned")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *b;

    start_machine();
    make_filter("a", "300");
    b = make_filter("b", "200");
    file = open_file();
    b->post_status = STATUS_ACCESS_DENIED;
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_ACCESS_DENIED);
    CHECK_EQ(log_find("a", true, IRP_MJ_READ)->status, STATUS_ACCESS_DENIED);
    CHECK_EQ(log_find("b", true, IRP_MJ_READ)->status, STATUS_SUCCESS);
}

/* ---- pended before --------------------------------------------------------------------------- */

static FLT_PREOP_CALLBACK_STATUS resume_status;
static PVOID resume_context;
static void NTAPI resume_pre(PVOID context)
{
    filter_ *f = context;

    while (!__atomic_load_n(&f->held, __ATOMIC_SEQ_CST))
        pause_ms(1);
    pause_ms(5);
    if (resume_status == FLT_PREOP_COMPLETE)
        f->held->IoStatus.Status = STATUS_DISK_FULL;
    FltCompletePendedPreOperation(f->held, resume_status, resume_context);
}

static void pend_case(UCHAR major, FLT_PREOP_CALLBACK_STATUS status, PVOID context,
                      const char *want, NTSTATUS result)
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    PKTHREAD thread;
    filter_ *b;

    start_machine();
    make_filter("a", "300");
    b = make_filter("b", "200");
    make_filter("c", "100");
    file = open_file();
    b->pre = FLT_PREOP_PENDING;
    resume_status = status;
    resume_context = context;
    thread = run_thread(resume_pre, b);
    if (major == IRP_MJ_READ)
        CHECK_EQ(read_file(file, buffer, 16, 0, 0), result);
    else
        CHECK_EQ(create_file(file), result);
    CHECK_STR(log_text(major), want);
    join(thread);
    CHECK_EQ(finding_n, 0);
}

TEST(pend_go_on, "flt.dispatch.pending_then_no_callback")
{
    pend_case(IRP_MJ_READ, FLT_PREOP_SUCCESS_NO_CALLBACK, NULL, "a< b< c< fs c> a>",
              STATUS_SUCCESS);
}
TEST(pend_callback, "flt.dispatch.pending_then_with_callback")
{
    pend_case(IRP_MJ_READ, FLT_PREOP_SUCCESS_WITH_CALLBACK, (PVOID)0x77, "a< b< c< fs c> b> a>",
              STATUS_SUCCESS);
    CHECK_EQ(log_find("b", true, IRP_MJ_READ)->context, 0x77);
}
TEST(pend_complete, "flt.dispatch.pending_then_complete")
{
    pend_case(IRP_MJ_READ, FLT_PREOP_COMPLETE, NULL, "a< b< a>", STATUS_DISK_FULL);
}
TEST(pend_create, "flt.dispatch.pended_create_finishes_in_its_own_thread")
{
    pend_case(IRP_MJ_CREATE, FLT_PREOP_SUCCESS_WITH_CALLBACK, NULL, "a< b< c< fs c> b> a>",
              STATUS_SUCCESS);
    CHECK(log_find("a", true, IRP_MJ_CREATE)->thread == PsGetCurrentThread());
    CHECK(log_find("b", true, IRP_MJ_CREATE)->thread == PsGetCurrentThread());
}

static void resume_inside(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)objects, (void)f;
    FltCompletePendedPreOperation(data, FLT_PREOP_SUCCESS_WITH_CALLBACK, (PVOID)0x5);
}
TEST(pend_early, "flt.dispatch.resumed_before_the_callback_returned")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *b;

    start_machine();
    make_filter("a", "300");
    b = make_filter("b", "200");
    file = open_file();
    b->pre = FLT_PREOP_PENDING;
    b->in_pre = resume_inside;
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_READ), "a< b< fs b> a>");
    CHECK_EQ(log_find("b", true, IRP_MJ_READ)->context, 5);
}

/* ---- synchronise and pended after ------------------------------------------------------------ */

static void NTAPI complete_kept(PVOID context)
{
    (void)context;
    while (!__atomic_load_n(&tiny.kept, __ATOMIC_SEQ_CST))
        pause_ms(1);
    pause_ms(5);
    tiny_complete(tiny.kept, STATUS_SUCCESS, 0);
}

TEST(synchronize, "flt.dispatch.synchronize_runs_post_in_the_same_thread")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    PKTHREAD thread;
    filter_ *b;

    start_machine();
    make_filter("a", "300");
    b = make_filter("b", "200");
    file = open_file();
    b->pre = FLT_PREOP_SYNCHRONIZE;
    b->context = (PVOID)0x9;
    tiny.pend = tiny.at_dispatch = true;
    thread = run_thread(complete_kept, NULL);
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_READ), "a< b< fs b> a>");
    CHECK(log_find("b", true, IRP_MJ_READ)->thread == PsGetCurrentThread());
    CHECK_EQ(log_find("b", true, IRP_MJ_READ)->context, 9);
    join(thread);
}

TEST(asynchronous, "flt.dispatch.post_runs_where_the_request_completes")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    PKTHREAD thread;
    request r;

    start_machine();
    make_filter("a", "300");
    file = open_file();
    tiny.pend = true;
    read_begin(&r, file, buffer, 16, 0, 0);
    CHECK_EQ(request_send(&r), STATUS_PENDING);
    thread = run_thread(complete_kept, NULL);
    CHECK_EQ(request_wait(&r), STATUS_SUCCESS);
    CHECK(log_find("a", true, IRP_MJ_READ)->thread != PsGetCurrentThread());
    join(thread);
}

static void NTAPI resume_post(PVOID context)
{
    filter_ *f = context;

    while (!__atomic_load_n(&f->held, __ATOMIC_SEQ_CST))
        pause_ms(1);
    pause_ms(5);
    FltCompletePendedPostOperation(f->held);
}
TEST(more_processing, "flt.dispatch.more_processing_required_then_resumed")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    PKTHREAD thread;
    filter_ *b;
    request r;

    start_machine();
    make_filter("a", "300");
    b = make_filter("b", "200");
    file = open_file();
    b->post = FLT_POSTOP_MORE_PROCESSING_REQUIRED;
    thread = run_thread(resume_post, b);
    read_begin(&r, file, buffer, 16, 0, 0);
    CHECK_EQ(request_send(&r), STATUS_PENDING);
    CHECK_EQ(request_wait(&r), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_READ), "a< b< fs b> a>");
    CHECK(log_find("a", true, IRP_MJ_READ)->thread != PsGetCurrentThread());
    join(thread);
}

static FLT_POSTOP_CALLBACK_STATUS safe_status;
static BOOLEAN safe_returned;
static int safe_irql = -1;
static FLT_POSTOP_CALLBACK_STATUS FLTAPI safe_post(PFLT_CALLBACK_DATA data,
                                                   PCFLT_RELATED_OBJECTS objects, PVOID context,
                                                   FLT_POST_OPERATION_FLAGS flags)
{
    (void)data, (void)objects, (void)context, (void)flags;
    safe_irql = KeGetCurrentIrql();
    return FLT_POSTOP_FINISHED_PROCESSING;
}
static void when_safe(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    safe_returned =
        FltDoCompletionProcessingWhenSafe(data, objects, NULL, 0, safe_post, &safe_status);
    (void)f;
}
static FLT_POSTOP_CALLBACK_STATUS FLTAPI post_when_safe(PFLT_CALLBACK_DATA data,
                                                        PCFLT_RELATED_OBJECTS objects,
                                                        PVOID context,
                                                        FLT_POST_OPERATION_FLAGS flags)
{
    (void)context, (void)flags;
    when_safe(NULL, data, objects);
    return safe_status;
}
TEST(safe, "flt.FltDoCompletionProcessingWhenSafe.posts_at_dispatch_level")
{
    static const FLT_OPERATION_REGISTRATION operations[] = {
        {IRP_MJ_READ, 0, NULL, post_when_safe, NULL}, {IRP_MJ_OPERATION_END}};
    FLT_REGISTRATION registration = usual_registration();
    UCHAR buffer[16];
    PFILE_OBJECT file;

    start_machine();
    registration.OperationRegistration = operations;
    make_filter("a", "300");
    make_filter_with("b", "200", &registration);
    file = open_file();
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    CHECK(safe_returned && safe_status == FLT_POSTOP_FINISHED_PROCESSING &&
          safe_irql == PASSIVE_LEVEL);
    tiny.at_dispatch = true;
    safe_irql = -1;
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    CHECK(safe_returned && safe_status == FLT_POSTOP_MORE_PROCESSING_REQUIRED &&
          safe_irql == PASSIVE_LEVEL);
    CHECK_EQ(read_file(file, buffer, 16, 0, IRP_PAGING_IO), STATUS_SUCCESS);
    CHECK(!safe_returned);
    tiny.at_dispatch = false;
}

/* ---- changed parameters ---------------------------------------------------------------------- */

static bool mark_dirty = true;
static UCHAR other_buffer[64];
static void shorten(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)f, (void)objects;
    if (data->Iopb->MajorFunction != IRP_MJ_READ)
        return;
    data->Iopb->Parameters.Read.Length = 4;
    data->Iopb->Parameters.Read.ReadBuffer = other_buffer;
    if (mark_dirty)
        FltSetCallbackDataDirty(data);
}

TEST(dirty, "flt.dispatch.dirty_parameters_reach_only_those_below")
{
    UCHAR buffer[16] = {0};
    PFILE_OBJECT file;
    filter_ *b;

    start_machine();
    make_filter("a", "300");
    b = make_filter("b", "200");
    make_filter("c", "100");
    file = open_file();
    b->in_pre = shorten;
    CHECK_EQ(read_file(file, buffer, 16, 8, 0), STATUS_SUCCESS);
    CHECK_EQ(log_find("a", false, IRP_MJ_READ)->length, 16);
    CHECK_EQ(log_find("c", false, IRP_MJ_READ)->length, 4);
    CHECK_EQ(log_find("fs", false, IRP_MJ_READ)->length, 4);
    CHECK(log_find("fs", false, IRP_MJ_READ)->buffer == other_buffer);
    CHECK_EQ(log_find("c", true, IRP_MJ_READ)->length, 4);
    CHECK_EQ(log_find("b", true, IRP_MJ_READ)->length, 16);
    CHECK(log_find("b", true, IRP_MJ_READ)->buffer == buffer);
    CHECK_EQ(log_find("a", true, IRP_MJ_READ)->length, 16);
    CHECK(!memcmp(other_buffer, tiny_data + 8, 4) && buffer[0] == 0);
}

TEST(not_dirty, "flt.dispatch.unmarked_change_is_ignored_below")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *b;

    start_machine();
    b = make_filter("b", "200");
    file = open_file();
    mark_dirty = false;
    b->in_pre = shorten;
    CHECK_EQ(read_file(file, buffer, 16, 8, 0), STATUS_SUCCESS);
    CHECK_EQ(log_find("fs", false, IRP_MJ_READ)->length, 16);
    CHECK(log_find("fs", false, IRP_MJ_READ)->buffer == buffer);
}

static PMDL swapped_mdl, seen_mdl;
static void swap_in(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)f, (void)objects;
    if (data->Iopb->MajorFunction != IRP_MJ_READ)
        return;
    swapped_mdl = IoAllocateMdl(other_buffer, sizeof(other_buffer), FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(swapped_mdl);
    data->Iopb->Parameters.Read.ReadBuffer = other_buffer;
    data->Iopb->Parameters.Read.MdlAddress = swapped_mdl;
    FltSetCallbackDataDirty(data);
}
static void swap_out(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)f, (void)objects;
    if (data->Iopb->MajorFunction != IRP_MJ_READ)
        return;
    seen_mdl = FltGetSwappedBufferMdlAddress(data);
    memcpy(data->Iopb->Parameters.Read.ReadBuffer, other_buffer, data->IoStatus.Information);
}
TEST(swap, "flt.dispatch.swapped_buffer_is_restored_and_its_mdl_found")
{
    UCHAR buffer[16] = {0};
    PFILE_OBJECT file;
    filter_ *b;

    start_machine();
    make_filter("a", "300");
    b = make_filter("b", "200");
    file = open_file();
    b->in_pre = swap_in;
    b->in_post = swap_out;
    CHECK_EQ(read_file(file, buffer, 16, 8, 0), STATUS_SUCCESS);
    CHECK(log_find("fs", false, IRP_MJ_READ)->mdl == swapped_mdl);
    CHECK(seen_mdl == swapped_mdl && seen_mdl);
    CHECK(!log_find("a", true, IRP_MJ_READ)->mdl);
    CHECK(!memcmp(buffer, tiny_data + 8, 16));
}

/* ---- registration flags ---------------------------------------------------------------------- */

static void skip_case(ULONG flag, ULONG irp_flags, ULONG file_flags, int calls)
{
    FLT_OPERATION_REGISTRATION operations[] = {{IRP_MJ_READ, flag, any_pre, any_post, NULL},
                                               {IRP_MJ_OPERATION_END}};
    FLT_REGISTRATION registration = usual_registration();
    UCHAR buffer[16];
    PFILE_OBJECT file;

    start_machine();
    registration.OperationRegistration = operations;
    make_filter_with("a", "300", &registration);
    file = open_file();
    file->Flags |= file_flags;
    CHECK_EQ(read_file(file, buffer, 16, 0, irp_flags), STATUS_SUCCESS);
    CHECK_EQ(log_count("a", false, IRP_MJ_READ), calls);
    CHECK_EQ(log_count("a", true, IRP_MJ_READ), calls);
    CHECK_EQ(log_count("fs", false, IRP_MJ_READ), 1);
}
TEST(skip_paging, "flt.dispatch.skip_paging_io_skips_paging")
{
    skip_case(FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO, IRP_PAGING_IO | IRP_NOCACHE, 0, 0);
}
TEST(skip_paging_not, "flt.dispatch.skip_paging_io_keeps_cached")
{
    skip_case(FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO, 0, 0, 1);
}
TEST(skip_cached, "flt.dispatch.skip_cached_io_skips_cached")
{
    skip_case(FLTFL_OPERATION_REGISTRATION_SKIP_CACHED_IO, 0, 0, 0);
}
TEST(skip_cached_not, "flt.dispatch.skip_cached_io_keeps_noncached")
{
    skip_case(FLTFL_OPERATION_REGISTRATION_SKIP_CACHED_IO, IRP_NOCACHE, 0, 1);
}
TEST(skip_dasd, "flt.dispatch.skip_non_dasd_io_skips_files")
{
    skip_case(FLTFL_OPERATION_REGISTRATION_SKIP_NON_DASD_IO, IRP_NOCACHE, 0, 0);
}
TEST(skip_dasd_not, "flt.dispatch.skip_non_dasd_io_keeps_volume_opens")
{
    skip_case(FLTFL_OPERATION_REGISTRATION_SKIP_NON_DASD_IO, IRP_NOCACHE, FO_VOLUME_OPEN, 1);
}
TEST(skip_nocache, "flt.dispatch.skip_noncached_nonpaging_skips_noncached")
{
    skip_case(FLTFL_OPERATION_REGISTRATION_SKIP_NON_CACHED_NON_PAGING_IO, IRP_NOCACHE, 0, 0);
}

/* ---- fast I/O -------------------------------------------------------------------------------- */

static BOOLEAN fast_read(PFILE_OBJECT file, PVOID buffer, IO_STATUS_BLOCK *iosb)
{
    LARGE_INTEGER offset = {.QuadPart = 8};
    PDEVICE_OBJECT device = top();

    memset(iosb, 0, sizeof(*iosb));
    return device->DriverObject->FastIoDispatch->FastIoRead(file, &offset, 16, TRUE, 0, buffer,
                                                            iosb, device);
}

TEST(fast, "flt.fastio.read_carries_the_flag_and_comes_back")
{
    UCHAR buffer[16];
    IO_STATUS_BLOCK iosb;
    PFILE_OBJECT file;

    start_machine();
    make_filter("a", "300");
    file = open_file();
    tiny.fast = true;
    CHECK(fast_read(file, buffer, &iosb));
    CHECK_STR(log_text(IRP_MJ_READ), "a< fs a>");
    CHECK(log_find("a", false, IRP_MJ_READ)->flags & FLTFL_CALLBACK_DATA_FAST_IO_OPERATION);
    CHECK(!(log_find("a", false, IRP_MJ_READ)->flags & FLTFL_CALLBACK_DATA_IRP_OPERATION));
    CHECK_EQ(iosb.Information, 16);
    CHECK(!memcmp(buffer, tiny_data + 8, 16));
}

TEST(fast_false, "flt.fastio.false_below_tells_filters_disallow")
{
    UCHAR buffer[16];
    IO_STATUS_BLOCK iosb;
    PFILE_OBJECT file;

    start_machine();
    make_filter("a", "300");
    file = open_file();
    CHECK(!fast_read(file, buffer, &iosb));
    CHECK_STR(log_text(IRP_MJ_READ), "a< fs a>");
    CHECK_EQ(log_find("a", true, IRP_MJ_READ)->status, STATUS_FLT_DISALLOW_FAST_IO);
}

TEST(fast_disallow, "flt.fastio.disallow_returns_false_and_spares_below")
{
    UCHAR buffer[16];
    IO_STATUS_BLOCK iosb;
    PFILE_OBJECT file;
    filter_ *b;

    start_machine();
    make_filter("a", "300");
    b = make_filter("b", "200");
    file = open_file();
    tiny.fast = true;
    b->pre = FLT_PREOP_DISALLOW_FASTIO;
    CHECK(!fast_read(file, buffer, &iosb));
    CHECK_STR(log_text(IRP_MJ_READ), "a< b< a>");
    CHECK_EQ(log_find("a", true, IRP_MJ_READ)->status, STATUS_FLT_DISALLOW_FAST_IO);
    CHECK_EQ(finding_n, 0);
}

TEST(fast_complete, "flt.fastio.complete_returns_true_with_its_status")
{
    UCHAR buffer[16];
    IO_STATUS_BLOCK iosb;
    PFILE_OBJECT file;
    filter_ *b;

    start_machine();
    make_filter("a", "300");
    b = make_filter("b", "200");
    file = open_file();
    b->pre = FLT_PREOP_COMPLETE;
    b->complete_status = STATUS_ACCESS_DENIED;
    CHECK(fast_read(file, buffer, &iosb));
    CHECK_EQ(iosb.Status, STATUS_ACCESS_DENIED);
    CHECK_STR(log_text(IRP_MJ_READ), "a< b< a>");
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void offend(FLT_PREOP_CALLBACK_STATUS result, bool fast, const char *rule)
{
    UCHAR buffer[16];
    IO_STATUS_BLOCK iosb;
    PFILE_OBJECT file;
    filter_ *a;

    start_machine();
    a = make_filter("a", "300");
    file = open_file();
    a->pre = result;
    a->complete_status = STATUS_PENDING;
    if (fast)
        fast_read(file, buffer, &iosb);
    else
        read_file(file, buffer, 16, 0, 0);
    CHECK(found(rule));
}
TEST(rule_value, "flt.rule.CBK-001_unknown_result")
{
    offend((FLT_PREOP_CALLBACK_STATUS)42, false, "CBK-001");
}
TEST(rule_pending_status, "flt.rule.CBK-005_complete_with_pending_status")
{
    offend(FLT_PREOP_COMPLETE, false, "CBK-005");
}
TEST(rule_fastio, "flt.rule.CBK-007_disallow_fastio_of_an_irp")
{
    offend(FLT_PREOP_DISALLOW_FASTIO, false, "CBK-007");
}
TEST(rule_pend_fast, "flt.rule.CBK-009_pending_of_fast_io")
{
    offend(FLT_PREOP_PENDING, true, "CBK-009");
}

TEST(nobody, "flt.dispatch.unregistered_major_goes_straight_down")
{
    PFILE_OBJECT file;

    start_machine();
    for (int i = 0; i < 16; i++) {
        char name[8], altitude[8];

        snprintf(name, sizeof(name), "f%d", i);
        snprintf(altitude, sizeof(altitude), "%d", 100 + i);
        make_filter(name, altitude);
    }
    file = open_file();
    CHECK_EQ(send(IRP_MJ_SET_INFORMATION, file), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_SET_INFORMATION), "fs");
    log_n = 0;
    CHECK_EQ(send(IRP_MJ_FLUSH_BUFFERS, file), STATUS_SUCCESS);
    CHECK_EQ(log_n, 33);
}

/* ---- reissue --------------------------------------------------------------------------------- */

static int reissued;
static void reissue(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)f;
    if (data->Iopb->MajorFunction != IRP_MJ_READ || reissued++)
        return;
    tiny.status = STATUS_SUCCESS;
    data->Iopb->Parameters.Read.Length = 8;
    FltSetCallbackDataDirty(data);
    FltReissueSynchronousIo(objects->Instance, data);
}
TEST(reissue, "flt.FltReissueSynchronousIo.I-04_I-05_I-06_only_below_with_marked_parameters")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *b;

    start_machine();
    make_filter("a", "300");
    b = make_filter("b", "200");
    make_filter("c", "100");
    file = open_file();
    b->pre = FLT_PREOP_SYNCHRONIZE;
    b->in_post = reissue;
    tiny.status = STATUS_UNSUCCESSFUL;
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_READ), "a< b< c< fs c> b> c< fs c> a>");
    CHECK_EQ(log_[6].length, 8);
    CHECK(log_[6].flags & FLTFL_CALLBACK_DATA_REISSUED_IO);
    CHECK_EQ(log_find("a", true, IRP_MJ_READ)->status, STATUS_SUCCESS);
    CHECK_EQ(finding_n, 0);
}
TEST(reissue_rule, "flt.FltReissueSynchronousIo.I-02_not_without_synchronize")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *b;

    start_machine();
    b = make_filter("b", "200");
    file = open_file();
    b->in_post = reissue;
    read_file(file, buffer, 16, 0, 0);
    CHECK(found("FIO-013"));
}

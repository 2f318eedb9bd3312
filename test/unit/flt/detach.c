/* SPDX-License-Identifier: MIT */
/* Attaching, detaching and unloading while requests are under way. */
#include "flt_test.h"

TEST(attach_later, "flt.FltStartFiltering.attaches_to_mounted_volumes")
{
    filter_ *a;

    start_machine();
    a = make_filter("a", "300");
    CHECK_EQ(a->setups, 1);
    CHECK_EQ(FltStartFiltering(a->handle), STATUS_INVALID_PARAMETER);
    FltUnregisterFilter(a->handle);
    CHECK_EQ(a->starts, 1);
    CHECK_EQ(a->completes, 1);
    CHECK_EQ(count_leaks("a"), 0);
}

TEST(refused, "flt.InstanceSetup.refusal_leaves_no_instance")
{
    FLT_REGISTRATION r = usual_registration();
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *a;

    start_machine();
    a = new_filter("a", "300");
    a->setup_status = STATUS_FLT_DO_NOT_ATTACH;
    REQUIRE(NT_SUCCESS(FltRegisterFilter(a->driver, &r, &a->handle)));
    CHECK_EQ(FltStartFiltering(a->handle), STATUS_SUCCESS);
    CHECK_EQ(a->setups, 1);
    file = open_file();
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    CHECK_EQ(log_count("a", false, IRP_MJ_READ), 0);
    FltUnregisterFilter(a->handle);
    CHECK_EQ(a->starts, 0);
}

TEST(collisions, "flt.FltAttachVolumeAtAltitude.collisions_and_bad_altitudes")
{
    UNICODE_STRING same = RTL_CONSTANT_STRING(L"300.0"), other = RTL_CONSTANT_STRING(L"301"),
                   bad = RTL_CONSTANT_STRING(L"3a"), two = RTL_CONSTANT_STRING(L"1.2.3"),
                   name = RTL_CONSTANT_STRING(L"A"), made = RTL_CONSTANT_STRING(L"a 301");
    PFLT_INSTANCE instance;
    filter_ *a;

    start_machine();
    a = make_filter("a", "300");
    CHECK_EQ(FltAttachVolumeAtAltitude(a->handle, flt_volume, &same, NULL, NULL),
             STATUS_FLT_INSTANCE_ALTITUDE_COLLISION);
    CHECK_EQ(FltAttachVolumeAtAltitude(a->handle, flt_volume, &other, &name, NULL),
             STATUS_FLT_INSTANCE_NAME_COLLISION);
    CHECK_EQ(FltAttachVolumeAtAltitude(a->handle, flt_volume, &bad, NULL, NULL),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(FltAttachVolumeAtAltitude(a->handle, flt_volume, &two, NULL, NULL),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(FltAttachVolume(a->handle, flt_volume, NULL, NULL), STATUS_OBJECT_NAME_COLLISION);
    CHECK_EQ(FltAttachVolumeAtAltitude(a->handle, flt_volume, &other, NULL, &instance),
             STATUS_SUCCESS);
    FltObjectDereference(instance);
    CHECK_EQ(FltGetVolumeInstanceFromName(a->handle, flt_volume, &made, &instance), STATUS_SUCCESS);
    FltObjectDereference(instance);
    CHECK_EQ(FltDetachVolume(a->handle, flt_volume, &made), STATUS_SUCCESS);
    CHECK_EQ(FltDetachVolume(a->handle, flt_volume, &made), STATUS_FLT_INSTANCE_NOT_FOUND);
    CHECK_EQ(a->completes, 1);
}

/* ---- draining -------------------------------------------------------------------------------- */

TEST(drain, "flt.detach.draining_post_for_a_request_that_is_away")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *a, *b;
    request r;
    int before;

    start_machine();
    a = make_filter("a", "300");
    b = make_filter("b", "200");
    b->context = (PVOID)0x42;
    file = open_file();
    tiny.pend = true;
    read_begin(&r, file, buffer, 16, 0, 0);
    CHECK_EQ(request_send(&r), STATUS_PENDING);
    FltUnregisterFilter(b->handle);
    CHECK_EQ(b->drains, 1);
    CHECK_EQ(b->completes, 1);
    CHECK_EQ(log_find("b", true, IRP_MJ_READ)->context, 0x42);
    CHECK(log_find("b", true, IRP_MJ_READ)->flags & FLTFL_CALLBACK_DATA_DRAINING_IO);
    CHECK(log_find("b", true, IRP_MJ_READ)->data != log_find("a", false, IRP_MJ_READ)->data);
    before = log_count("b", true, IRP_MJ_READ);
    tiny_complete(tiny.kept, STATUS_SUCCESS, 16);
    CHECK_EQ(request_wait(&r), STATUS_SUCCESS);
    CHECK_EQ(log_count("b", true, IRP_MJ_READ), before);
    CHECK_EQ(log_count("a", true, IRP_MJ_READ), 1);
    CHECK_EQ(a->drains, 0);
}

static _Atomic bool in_callback, may_return;
static void stay(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)f, (void)objects;
    if (data->Iopb->MajorFunction != IRP_MJ_READ)
        return;
    in_callback = true;
    while (!may_return)
        pause_ms(1);
}
static void NTAPI one_read(PVOID context)
{
    UCHAR buffer[16];

    read_file(context, buffer, 16, 0, 0);
}
static _Atomic bool detached;
static void NTAPI unregister(PVOID context)
{
    FltUnregisterFilter(((filter_ *)context)->handle);
    detached = true;
}
TEST(wait_callback, "flt.detach.waits_for_a_callback_that_runs")
{
    PFILE_OBJECT file;
    PKTHREAD reader, remover;
    filter_ *b;

    start_machine();
    b = make_filter("b", "200");
    file = open_file();
    b->in_pre = stay;
    reader = run_thread(one_read, file);
    while (!in_callback)
        pause_ms(1);
    remover = run_thread(unregister, b);
    pause_ms(50);
    CHECK(!detached);
    CHECK_EQ(b->completes, 0);
    may_return = true;
    join(reader);
    join(remover);
    CHECK(detached);
    CHECK_EQ(b->completes, 1);
    /* The request passed the filter before it was gone: its post ran once, in one way or the other.
     */
    CHECK_EQ(log_count("b", true, IRP_MJ_READ), 1);
}

TEST(others_stay, "flt.detach.another_filter_s_long_callback_does_not_hold_it_up")
{
    PFILE_OBJECT file;
    PKTHREAD reader;
    filter_ *a, *b, *c;

    start_machine();
    a = make_filter("a", "300");
    b = make_filter("b", "200");
    c = make_filter("c", "100");
    file = open_file();
    b->in_pre = stay;
    reader = run_thread(one_read, file);
    while (!in_callback)
        pause_ms(1);
    FltUnregisterFilter(a->handle); /* passed: drained */
    FltUnregisterFilter(c->handle); /* not reached: skipped */
    CHECK_EQ(a->drains, 1);
    may_return = true;
    join(reader);
    CHECK_EQ(log_count("a", true, IRP_MJ_READ), 1);
    CHECK_EQ(log_count("c", false, IRP_MJ_READ), 0);
    CHECK_EQ(log_count("b", true, IRP_MJ_READ), 1);
}

TEST(object_reference, "flt.FltObjectReference.holds_teardown_and_refuses_after")
{
    PFLT_INSTANCE instance;
    PKTHREAD remover;
    filter_ *b;

    start_machine();
    b = make_filter("b", "200");
    REQUIRE(NT_SUCCESS(FltGetVolumeInstanceFromName(b->handle, flt_volume, NULL, &instance)));
    remover = run_thread(unregister, b);
    while (!b->starts)
        pause_ms(1);
    pause_ms(20);
    CHECK(!detached);
    CHECK_EQ(FltObjectReference(instance), STATUS_FLT_DELETING_OBJECT);
    FltObjectDereference(instance);
    join(remover);
    CHECK(detached);
}

/* ---- under load ------------------------------------------------------------------------------ */

static _Atomic bool stop;
static _Atomic int reads, bad;
static void NTAPI reader_loop(PVOID context)
{
    UCHAR buffer[16];

    while (!stop) {
        if (read_file(context, buffer, 16, 8, 0) != STATUS_SUCCESS ||
            memcmp(buffer, tiny_data + 8, 16))
            bad++;
        reads++;
    }
}
static long load_pre, load_post, gone_calls;
static _Atomic bool attached_now;
static FLT_PREOP_CALLBACK_STATUS FLTAPI load_pre_cb(PFLT_CALLBACK_DATA data,
                                                    PCFLT_RELATED_OBJECTS objects, PVOID *context)
{
    (void)data, (void)objects;
    __atomic_add_fetch(&load_pre, 1, __ATOMIC_RELAXED);
    if (!attached_now)
        __atomic_add_fetch(&gone_calls, 1, __ATOMIC_RELAXED);
    *context = (PVOID)1;
    return FLT_PREOP_SUCCESS_WITH_CALLBACK;
}
static FLT_POSTOP_CALLBACK_STATUS FLTAPI load_post_cb(PFLT_CALLBACK_DATA data,
                                                      PCFLT_RELATED_OBJECTS objects, PVOID context,
                                                      FLT_POST_OPERATION_FLAGS flags)
{
    (void)data, (void)objects, (void)context, (void)flags;
    __atomic_add_fetch(&load_post, 1, __ATOMIC_RELAXED);
    if (!attached_now)
        __atomic_add_fetch(&gone_calls, 1, __ATOMIC_RELAXED);
    return FLT_POSTOP_FINISHED_PROCESSING;
}
TEST(load, "flt.detach.attach_and_detach_under_load_lose_no_callback")
{
    static const FLT_OPERATION_REGISTRATION operations[] = {
        {IRP_MJ_READ, 0, load_pre_cb, load_post_cb, NULL}, {IRP_MJ_OPERATION_END}};
    FLT_REGISTRATION registration = usual_registration();
    UNICODE_STRING altitude = RTL_CONSTANT_STRING(L"250"), name = RTL_CONSTANT_STRING(L"loaded");
    PKTHREAD thread[3];
    PFILE_OBJECT file[3];
    filter_ *f;

    start_machine();
    registration.OperationRegistration = operations;
    f = new_filter("f", "200");
    CHECK(NT_SUCCESS(
        CmxSetDword(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\f\\Instances\\f",
                    L"Flags", 1)));
    REQUIRE(NT_SUCCESS(FltRegisterFilter(f->driver, &registration, &f->handle)));
    REQUIRE(NT_SUCCESS(FltStartFiltering(f->handle)));
    for (int i = 0; i < 3; i++) /* all before the readers: it empties the log */
        file[i] = open_file();
    for (int i = 0; i < 3; i++)
        thread[i] = run_thread(reader_loop, file[i]);
    for (unsigned long i = 0; i < 200 * test_scale(); i++) {
        attached_now = true;
        CHECK_EQ(FltAttachVolumeAtAltitude(f->handle, flt_volume, &altitude, &name, NULL),
                 STATUS_SUCCESS);
        if (i % 4 == 0)
            pause_ms(1);
        CHECK_EQ(FltDetachVolume(f->handle, flt_volume, &name), STATUS_SUCCESS);
        attached_now = false;
    }
    stop = true;
    for (int i = 0; i < 3; i++)
        join(thread[i]);
    CHECK_EQ(bad, 0);
    CHECK_EQ(gone_calls, 0);
    CHECK_EQ(load_pre, load_post);
    CHECK(load_pre > 0);
    FltUnregisterFilter(f->handle);
    CHECK_EQ(count_leaks(NULL), 0);
}

/* ---- unload ---------------------------------------------------------------------------------- */

static filter_ *unloading;
static NTSTATUS FLTAPI unload_cb(FLT_FILTER_UNLOAD_FLAGS flags)
{
    unloading->unloads++;
    if (unloading->unload_status && !(flags & FLTFL_FILTER_UNLOAD_MANDATORY))
        return unloading->unload_status;
    FltUnregisterFilter(unloading->handle);
    return STATUS_SUCCESS;
}
TEST(unload, "flt.FltUnloadFilter.asks_refuses_and_unloads")
{
    FLT_REGISTRATION r = usual_registration();
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"b"), nobody = RTL_CONSTANT_STRING(L"nobody");

    start_machine();
    r.FilterUnloadCallback = unload_cb;
    unloading = make_filter_with("b", "200", &r);
    CHECK_EQ(FltUnloadFilter(&nobody), STATUS_FLT_FILTER_NOT_FOUND);
    unloading->unload_status = STATUS_FLT_DO_NOT_DETACH;
    CHECK_EQ(FltUnloadFilter(&name), STATUS_FLT_DO_NOT_DETACH);
    CHECK_EQ(unloading->completes, 0);
    CHECK_EQ(FltxUnloadFilter(&name, TRUE), STATUS_SUCCESS);
    CHECK_EQ(unloading->unloads, 2);
    CHECK_EQ(unloading->completes, 1);
    CHECK_EQ(FltUnloadFilter(&name), STATUS_FLT_FILTER_NOT_FOUND);
    CHECK(!FltxDriverHasFilter(unloading->driver));
}

TEST(dismount, "flt.dismount.tears_instances_down")
{
    filter_ *a;

    start_machine();
    a = make_filter("a", "300");
    CHECK_EQ(IoxDismountVolume(volume_), STATUS_SUCCESS);
    CHECK_EQ(a->starts, 1);
    CHECK_EQ(a->completes, 1);
    FltUnregisterFilter(a->handle);
}

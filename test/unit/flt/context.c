/* SPDX-License-Identifier: MIT */
/* Contexts: where they hang, how long they live, who frees them. */
#include "flt_test.h"

static int cleanups;
static VOID FLTAPI cleanup(PFLT_CONTEXT context, FLT_CONTEXT_TYPE type)
{
    (void)context, (void)type;
    cleanups++;
}
static const FLT_CONTEXT_REGISTRATION contexts[] = {
    {FLT_INSTANCE_CONTEXT, 0, cleanup, 32, 0x31786374, NULL, NULL, NULL},
    {FLT_STREAM_CONTEXT, 0, cleanup, FLT_VARIABLE_SIZED_CONTEXTS, 0x32786374, NULL, NULL, NULL},
    {FLT_STREAMHANDLE_CONTEXT, FLTFL_CONTEXT_REGISTRATION_NO_EXACT_SIZE_MATCH, cleanup, 64,
     0x33786374, NULL, NULL, NULL},
    {FLT_FILE_CONTEXT, 0, cleanup, 16, 0x34786374, NULL, NULL, NULL},
    {FLT_VOLUME_CONTEXT, 0, cleanup, 16, 0x35786374, NULL, NULL, NULL},
    {FLT_CONTEXT_END}};

static filter_ *f;
static PFILE_OBJECT file;

static void start(void)
{
    FLT_REGISTRATION r = usual_registration();

    start_machine();
    r.ContextRegistration = contexts;
    f = make_filter_with("f", "300", &r);
    file = open_file();
}
static PFLT_CONTEXT allocate(FLT_CONTEXT_TYPE type, SIZE_T size)
{
    PFLT_CONTEXT context = NULL;

    CHECK_EQ(FltAllocateContext(f->handle, type, size, NonPagedPool, &context), STATUS_SUCCESS);
    REQUIRE(context);
    return context;
}

TEST(sizes, "flt.FltAllocateContext.statuses")
{
    PFLT_CONTEXT context;

    start();
    CHECK_EQ(FltAllocateContext(f->handle, FLT_INSTANCE_CONTEXT, 33, PagedPool, &context),
             STATUS_FLT_CONTEXT_ALLOCATION_NOT_FOUND);
    CHECK_EQ(FltAllocateContext(f->handle, FLT_INSTANCE_CONTEXT, 16, PagedPool, &context),
             STATUS_FLT_CONTEXT_ALLOCATION_NOT_FOUND);
    CHECK_EQ(FltAllocateContext(f->handle, FLT_TRANSACTION_CONTEXT, 16, PagedPool, &context),
             STATUS_FLT_CONTEXT_ALLOCATION_NOT_FOUND);
    CHECK_EQ(FltAllocateContext(f->handle, FLT_STREAM_CONTEXT, 70000, PagedPool, &context),
             STATUS_INVALID_BUFFER_SIZE);
    CHECK_EQ(FltAllocateContext(f->handle, 3, 16, PagedPool, &context), STATUS_INVALID_PARAMETER);
    CHECK_EQ(FltAllocateContext(f->handle, FLT_VOLUME_CONTEXT, 16, PagedPool, &context),
             STATUS_FLT_MUST_BE_NONPAGED_POOL);
    FltReleaseContext(allocate(FLT_STREAMHANDLE_CONTEXT, 10));
    CHECK_EQ(cleanups, 1);
}

TEST(stream, "flt.FltSetStreamContext.lives_until_the_stream_goes")
{
    PFLT_CONTEXT one, got;

    start();
    one = allocate(FLT_STREAM_CONTEXT, 100);
    CHECK_EQ(FltGetStreamContext(f->instance, file, &got), STATUS_NOT_FOUND);
    CHECK_EQ(FltSetStreamContext(f->instance, file, FLT_SET_CONTEXT_KEEP_IF_EXISTS, one, NULL),
             STATUS_SUCCESS);
    FltReleaseContext(one);
    CHECK_EQ(FltGetStreamContext(f->instance, file, &got), STATUS_SUCCESS);
    CHECK(got == one);
    FltReleaseContext(got);
    CHECK_EQ(cleanups, 0);
    close_file(file);
    CHECK_EQ(cleanups, 1);
    CHECK_EQ(count_leaks("f"), 0);
}

TEST(keep, "flt.FltSetStreamContext.keep_and_replace")
{
    PFLT_CONTEXT one, two, old;

    start();
    one = allocate(FLT_STREAM_CONTEXT, 8);
    two = allocate(FLT_STREAM_CONTEXT, 8);
    CHECK_EQ(FltSetStreamContext(f->instance, file, FLT_SET_CONTEXT_KEEP_IF_EXISTS, one, &old),
             STATUS_SUCCESS);
    CHECK(!old);
    CHECK_EQ(FltSetStreamContext(f->instance, file, FLT_SET_CONTEXT_KEEP_IF_EXISTS, two, &old),
             STATUS_FLT_CONTEXT_ALREADY_DEFINED);
    CHECK(old == one);
    FltReleaseContext(old);
    CHECK_EQ(FltSetStreamContext(f->instance, file, FLT_SET_CONTEXT_REPLACE_IF_EXISTS, one, NULL),
             STATUS_FLT_CONTEXT_ALREADY_LINKED);
    CHECK(found("CTX-005"));
    CHECK_EQ(FltSetStreamContext(f->instance, file, FLT_SET_CONTEXT_REPLACE_IF_EXISTS, two, &old),
             STATUS_SUCCESS);
    CHECK(old == one);
    FltReleaseContext(old);
    FltReleaseContext(one);
    CHECK_EQ(cleanups, 1);
    FltReleaseContext(two);
    CHECK_EQ(FltDeleteStreamContext(f->instance, file, NULL), STATUS_SUCCESS);
    CHECK_EQ(cleanups, 2);
    CHECK_EQ(FltDeleteStreamContext(f->instance, file, NULL), STATUS_NOT_FOUND);
}

TEST(handle, "flt.FltSetStreamHandleContext.dies_with_the_close")
{
    PFLT_CONTEXT one;

    start();
    one = allocate(FLT_STREAMHANDLE_CONTEXT, 64);
    CHECK_EQ(
        FltSetStreamHandleContext(f->instance, file, FLT_SET_CONTEXT_KEEP_IF_EXISTS, one, NULL),
        STATUS_SUCCESS);
    FltReleaseContext(one);
    CHECK_EQ(send(IRP_MJ_CLEANUP, file), STATUS_SUCCESS);
    CHECK_EQ(cleanups, 0);
    CHECK_EQ(send(IRP_MJ_CLOSE, file), STATUS_SUCCESS);
    CHECK_EQ(cleanups, 1);
}

TEST(unopened, "flt.FltSetStreamContext.not_supported_before_the_open")
{
    FILE_OBJECT fresh = {0};
    PFLT_CONTEXT one;

    start();
    one = allocate(FLT_STREAM_CONTEXT, 8);
    CHECK_EQ(FltSetStreamContext(f->instance, &fresh, FLT_SET_CONTEXT_KEEP_IF_EXISTS, one, NULL),
             STATUS_NOT_SUPPORTED);
    CHECK(!FltSupportsStreamContexts(&fresh));
    CHECK(FltSupportsStreamContexts(file));
    FltReleaseContext(one);
    CHECK_EQ(cleanups, 1);
}

TEST(all_kinds, "flt.FltGetContexts.all_kinds_and_unregister_frees_them")
{
    FLT_RELATED_OBJECTS objects = {.Size = sizeof(objects)};
    FLT_RELATED_CONTEXTS got;
    PFLT_CONTEXT c;

    start();
    objects.Filter = f->handle;
    objects.Volume = flt_volume;
    objects.Instance = f->instance;
    objects.FileObject = file;
    CHECK_EQ(FltSetInstanceContext(f->instance, FLT_SET_CONTEXT_KEEP_IF_EXISTS,
                                   c = allocate(FLT_INSTANCE_CONTEXT, 32), NULL),
             0);
    FltReleaseContext(c);
    CHECK_EQ(FltSetVolumeContext(flt_volume, FLT_SET_CONTEXT_KEEP_IF_EXISTS,
                                 c = allocate(FLT_VOLUME_CONTEXT, 16), NULL),
             0);
    FltReleaseContext(c);
    CHECK_EQ(FltSetFileContext(f->instance, file, FLT_SET_CONTEXT_KEEP_IF_EXISTS,
                               c = allocate(FLT_FILE_CONTEXT, 16), NULL),
             0);
    FltReleaseContext(c);
    CHECK_EQ(FltSetStreamContext(f->instance, file, FLT_SET_CONTEXT_KEEP_IF_EXISTS,
                                 c = allocate(FLT_STREAM_CONTEXT, 9), NULL),
             0);
    FltReleaseContext(c);
    FltGetContexts(&objects, FLT_ALL_CONTEXTS, &got);
    CHECK(got.InstanceContext && got.VolumeContext && got.FileContext && got.StreamContext &&
          !got.StreamHandleContext);
    FltReleaseContexts(&got);
    CHECK(!got.InstanceContext);
    FltUnregisterFilter(f->handle);
    CHECK_EQ(cleanups, 4);
    CHECK_EQ(count_leaks(NULL), 0);
}

TEST(over_release, "flt.rule.CTX-002_releasing_the_links_reference")
{
    PFLT_CONTEXT c;

    start();
    c = allocate(FLT_INSTANCE_CONTEXT, 32);
    CHECK_EQ(FltSetInstanceContext(f->instance, FLT_SET_CONTEXT_KEEP_IF_EXISTS, c, NULL),
             STATUS_SUCCESS);
    FltReleaseContext(c);
    FltReleaseContext(c);
    CHECK(found("CTX-002"));
    CHECK_EQ(cleanups, 0);
}

TEST(leak, "flt.FltxForEachLeak.CTX-001_a_reference_never_released")
{
    start();
    allocate(FLT_STREAM_CONTEXT, 24);
    FltUnregisterFilter(f->handle);
    CHECK_EQ(count_leaks("f"), 1);
    CHECK_EQ(cleanups, 0);
}

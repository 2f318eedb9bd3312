/* SPDX-License-Identifier: MIT */
/* Requests filters make themselves: who sees them, positions, flags, completion. Ids are those of
 * the contract table. */
#include "flt_test.h"

static filter_ *a, *b, *c;
static PFILE_OBJECT file;

static void three_filters(void)
{
    start_machine();
    a = make_filter("a", "300");
    b = make_filter("b", "200");
    c = make_filter("c", "100");
    file = open_file();
}
static void set_position(bool synchronous, LONGLONG at)
{
    if (synchronous)
        file->Flags |= FO_SYNCHRONOUS_IO;
    file->CurrentByteOffset.QuadPart = at;
}

TEST(visible, "flt.FltWriteFile.W-01_W-41_W-53_W-54_W-55_W-56_only_below_sees_it")
{
    LARGE_INTEGER offset = {.QuadPart = 100};
    UCHAR data[8] = "written";
    ULONG n = 0;

    three_filters();
    CHECK_EQ(FltWriteFile(b->instance, file, &offset, 8, data, 0, &n, NULL, NULL), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_WRITE), "c< fs c>");
    CHECK_EQ(n, 8);
    CHECK(!memcmp(tiny_data + 100, data, 8));
    CHECK(log_find("c", false, IRP_MJ_WRITE)->flags & FLTFL_CALLBACK_DATA_GENERATED_IO);
    CHECK(log_find("c", false, IRP_MJ_WRITE)->flags & FLTFL_CALLBACK_DATA_IRP_OPERATION);
    CHECK_EQ(count_leaks(NULL), 0);
    CHECK_EQ(finding_n, 0);
}

TEST(status, "flt.FltWriteFile.W-02_status_comes_back_unchanged")
{
    LARGE_INTEGER offset = {0};
    UCHAR data[8];

    three_filters();
    tiny.status = STATUS_DISK_FULL;
    CHECK_EQ(FltWriteFile(b->instance, file, &offset, 8, data, 0, NULL, NULL, NULL),
             STATUS_DISK_FULL);
}

TEST(position, "flt.FltReadFile.W-09_W-11_W-14_W-15_W-16_FI-12_FI-13_FI-14_position")
{
    LARGE_INTEGER offset = {.QuadPart = 1000},
                  pointer = {.LowPart = FILE_USE_FILE_POINTER_POSITION, .HighPart = -1};
    UCHAR data[50];
    ULONG n;

    three_filters();
    set_position(true, 100);
    CHECK_EQ(FltReadFile(b->instance, file, NULL, 50, data, 0, &n, NULL, NULL), STATUS_SUCCESS);
    CHECK(!memcmp(data, tiny_data + 100, 50));
    CHECK_EQ(file->CurrentByteOffset.QuadPart, 150);
    CHECK_EQ(FltReadFile(b->instance, file, &pointer, 50, data, 0, &n, NULL, NULL), STATUS_SUCCESS);
    CHECK_EQ(file->CurrentByteOffset.QuadPart, 200);
    CHECK_EQ(FltReadFile(b->instance, file, NULL, 50, data,
                         FLTFL_IO_OPERATION_DO_NOT_UPDATE_BYTE_OFFSET, &n, NULL, NULL),
             STATUS_SUCCESS);
    CHECK_EQ(file->CurrentByteOffset.QuadPart, 200);
    CHECK_EQ(FltReadFile(b->instance, file, &offset, 50, data, 0, &n, NULL, NULL), STATUS_SUCCESS);
    CHECK_EQ(file->CurrentByteOffset.QuadPart, 200);
}

TEST(position_policy, "flt.FltReadFile.W-10_FI-14_newer_page_moves_the_pointer")
{
    LARGE_INTEGER offset = {.QuadPart = 1000};
    UCHAR data[50];

    three_filters();
    set_position(true, 100);
    CHECK_EQ(KexPolicySet("explicit_offset_updates_position", "true"), 0);
    CHECK_EQ(FltReadFile(b->instance, file, &offset, 50, data, 0, NULL, NULL, NULL),
             STATUS_SUCCESS);
    CHECK_EQ(file->CurrentByteOffset.QuadPart, 1050);
}

TEST(asynchronous_file, "flt.FltWriteFile.W-17_W-19_R-06_R-08_FI-16_no_position_without_a_pointer")
{
    LARGE_INTEGER pointer = {.LowPart = FILE_USE_FILE_POINTER_POSITION, .HighPart = -1},
                  negative = {.QuadPart = -5};
    UCHAR data[8];

    three_filters();
    CHECK_EQ(FltWriteFile(b->instance, file, NULL, 8, data, 0, NULL, NULL, NULL),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(FltReadFile(b->instance, file, &pointer, 8, data, 0, NULL, NULL, NULL),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(FltReadFile(b->instance, file, &negative, 8, data, 0, NULL, NULL, NULL),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(log_n, 0);
}

TEST(kinds, "flt.FltReadFile.W-30_W-31_W-35_W-36_irp_flags_of_the_kinds")
{
    LARGE_INTEGER offset = {0};
    UCHAR data[512];

    three_filters();
    FltReadFile(b->instance, file, &offset, 512, data, 0, NULL, NULL, NULL);
    CHECK(!(log_[0].irp_flags & (IRP_NOCACHE | IRP_PAGING_IO)));
    log_n = 0;
    FltReadFile(b->instance, file, &offset, 512, data, FLTFL_IO_OPERATION_NON_CACHED, NULL, NULL,
                NULL);
    CHECK(log_[0].irp_flags & IRP_NOCACHE);
    log_n = 0;
    FltReadFile(b->instance, file, &offset, 512, data,
                FLTFL_IO_OPERATION_PAGING | FLTFL_IO_OPERATION_SYNCHRONOUS_PAGING, NULL, NULL,
                NULL);
    CHECK_EQ(log_[0].irp_flags & (IRP_PAGING_IO | IRP_SYNCHRONOUS_PAGING_IO | IRP_NOCACHE),
             IRP_PAGING_IO | IRP_SYNCHRONOUS_PAGING_IO | IRP_NOCACHE);
    CHECK(log_find("fs", false, IRP_MJ_READ)->mdl);
    log_n = 0;
    file->Flags |= FO_NO_INTERMEDIATE_BUFFERING;
    FltReadFile(b->instance, file, &offset, 512, data, 0, NULL, NULL, NULL);
    CHECK(log_[0].irp_flags & IRP_NOCACHE);
    CHECK_EQ(count_leaks(NULL), 0);
}

TEST(misuse, "flt.FltWriteFileEx.W-25_W-29_W-37_misuse_is_reported")
{
    LARGE_INTEGER offset = {0};
    UCHAR data[64];
    PMDL mdl;

    three_filters();
    mdl = IoAllocateMdl(data, 64, FALSE, FALSE, NULL);
    CHECK_EQ(FltWriteFileEx(b->instance, file, &offset, 64, data, 0, NULL, NULL, NULL, NULL, mdl),
             STATUS_INVALID_PARAMETER);
    CHECK(found("FIO-002"));
    CHECK_EQ(FltWriteFileEx(b->instance, file, &offset, 64, NULL, 0, NULL, NULL, NULL, NULL, NULL),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(FltWriteFileEx(b->instance, file, &offset, 64, data,
                            FLTFL_IO_OPERATION_SYNCHRONOUS_PAGING, NULL, NULL, NULL, NULL, NULL),
             STATUS_SUCCESS);
    CHECK(found("FIO-004"));
    IoFreeMdl(mdl);
}

TEST(lent_mdl, "flt.FltWriteFileEx.W-27_W-28_W-51_the_callers_mdl_and_key_travel")
{
    LARGE_INTEGER offset = {0};
    UCHAR *data;
    ULONG key = 77;
    PMDL mdl;

    three_filters();
    data = ExAllocatePoolWithTag(NonPagedPool, 64, 1);
    mdl = IoAllocateMdl(data, 64, FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(mdl);
    CHECK_EQ(FltWriteFileEx(b->instance, file, &offset, 64, NULL, 0, NULL, NULL, NULL, &key, mdl),
             STATUS_SUCCESS);
    CHECK(log_find("c", false, IRP_MJ_WRITE)->mdl == mdl);
    CHECK(log_find("fs", false, IRP_MJ_WRITE)->mdl == mdl);
    CHECK(MmGetMdlVirtualAddress(mdl) == data);
    IoFreeMdl(mdl);
}

/* ---- asynchronous ---------------------------------------------------------------------------- */

static int done_calls;
static NTSTATUS done_status;
static PVOID done_context;
static bool free_in_callback;
static VOID FLTAPI done(PFLT_CALLBACK_DATA data, PFLT_CONTEXT context)
{
    done_calls++;
    done_status = data->IoStatus.Status;
    done_context = context;
    if (free_in_callback)
        FltFreeCallbackData(data);
}

TEST(async_write, "flt.FltWriteFile.W-42_W-45_W-46_callback_runs_once")
{
    LARGE_INTEGER offset = {0};
    UCHAR data[8];
    ULONG n = 99;

    three_filters();
    tiny.pend = true;
    CHECK_EQ(FltWriteFile(b->instance, file, &offset, 8, data, 0, &n, done, (PVOID)0x12),
             STATUS_PENDING);
    CHECK_EQ(done_calls, 0);
    tiny_complete(tiny.kept, STATUS_SUCCESS, 8);
    CHECK_EQ(done_calls, 1);
    CHECK_EQ(done_context, 0x12);
    CHECK_EQ(n, 99);
    CHECK_EQ(count_leaks(NULL), 0);
}

static PFLT_CALLBACK_DATA allocated(UCHAR major)
{
    PFLT_CALLBACK_DATA data;

    REQUIRE(NT_SUCCESS(FltAllocateCallbackData(b->instance, file, &data)));
    data->Iopb->MajorFunction = major;
    return data;
}

TEST(async_results, "flt.FltPerformAsynchronousIo.A-02_A-03_A-04_A-05_A-07_A-10_results")
{
    PFLT_CALLBACK_DATA data;

    three_filters();
    free_in_callback = true;
    CHECK_EQ(FltPerformAsynchronousIo(allocated(IRP_MJ_FLUSH_BUFFERS), done, NULL), STATUS_SUCCESS);
    CHECK_EQ(done_calls, 1);
    tiny.pend = true;
    CHECK_EQ(FltPerformAsynchronousIo(allocated(IRP_MJ_FLUSH_BUFFERS), done, NULL), STATUS_PENDING);
    CHECK_EQ(done_calls, 1);
    tiny_complete(tiny.kept, STATUS_DISK_FULL, 0);
    CHECK_EQ(done_calls, 2);
    CHECK_EQ(done_status, STATUS_DISK_FULL);
    c->pre = FLT_PREOP_COMPLETE;
    c->complete_status = STATUS_ACCESS_DENIED;
    CHECK_EQ(FltPerformAsynchronousIo(allocated(IRP_MJ_FLUSH_BUFFERS), done, NULL),
             STATUS_FLT_IO_COMPLETE);
    CHECK_EQ(done_calls, 3);
    CHECK_EQ(done_status, STATUS_ACCESS_DENIED);
    CHECK_EQ(FltPerformAsynchronousIo(allocated(IRP_MJ_CREATE), done, NULL),
             STATUS_FLT_INVALID_ASYNCHRONOUS_REQUEST);
    CHECK_EQ(done_calls, 4);
    data = allocated(IRP_MJ_FLUSH_BUFFERS);
    CHECK_EQ(FltPerformAsynchronousIo(data, NULL, NULL), STATUS_INVALID_PARAMETER);
    FltFreeCallbackData(data);
    CHECK_EQ(count_leaks(NULL), 0);
}

TEST(cancel, "flt.FltCancelIo.K-01_K-03_K-04_K-05_cancels_what_can_be")
{
    PFLT_CALLBACK_DATA data;

    three_filters();
    free_in_callback = false;
    data = allocated(IRP_MJ_FLUSH_BUFFERS);
    tiny.pend = tiny.cancelable = true;
    CHECK_EQ(FltPerformAsynchronousIo(data, done, NULL), STATUS_PENDING);
    CHECK(FltCancelIo(data));
    CHECK_EQ(tiny.cancelled, 1);
    CHECK_EQ(done_status, STATUS_CANCELLED);
    CHECK(!FltCancelIo(data));
    FltFreeCallbackData(data);
    data = allocated(IRP_MJ_FLUSH_BUFFERS);
    tiny.pend = true;
    tiny.cancelable = false;
    CHECK_EQ(FltPerformAsynchronousIo(data, done, NULL), STATUS_PENDING);
    CHECK(!FltCancelIo(data));
    CHECK(FltIsIoCanceled(data));
    tiny_complete(tiny.kept, STATUS_SUCCESS, 0);
    FltFreeCallbackData(data);
}

/* ---- callback data --------------------------------------------------------------------------- */

TEST(allocate, "flt.FltAllocateCallbackData.C-01_C-02_C-03_P-03")
{
    PFLT_CALLBACK_DATA data;

    three_filters();
    CHECK_EQ(FltAllocateCallbackData(b->instance, NULL, &data), STATUS_SUCCESS);
    CHECK(!data->Iopb->TargetFileObject);
    FltFreeCallbackData(data);
    CHECK_EQ(FltAllocateCallbackDataEx(b->instance, file,
                                       FLT_ALLOCATE_CALLBACK_DATA_PREALLOCATE_ALL_MEMORY, &data),
             STATUS_SUCCESS);
    CHECK(data->Iopb->TargetInstance == b->instance && data->Iopb->TargetFileObject == file);
    CHECK(FLT_IS_IRP_OPERATION(data));
    CHECK_EQ(count_leaks("b"), 1);
    FltFreeCallbackData(data);
    CHECK_EQ(count_leaks("b"), 0);
    CHECK_EQ(FltAllocateCallbackData(NULL, file, &data), STATUS_INVALID_PARAMETER);
}

TEST(reuse, "flt.FltReuseCallbackData.C-13_keeps_instance_and_file")
{
    PFLT_CALLBACK_DATA data;

    three_filters();
    data = allocated(IRP_MJ_FLUSH_BUFFERS);
    data->Iopb->MinorFunction = 1;
    FltPerformSynchronousIo(data);
    CHECK_EQ(data->IoStatus.Status, STATUS_SUCCESS);
    FltReuseCallbackData(data);
    CHECK(data->Iopb->TargetInstance == b->instance && data->Iopb->TargetFileObject == file);
    CHECK(!data->Iopb->MajorFunction && !data->Iopb->MinorFunction);
    data->Iopb->MajorFunction = IRP_MJ_FLUSH_BUFFERS;
    FltPerformSynchronousIo(data);
    CHECK_EQ(log_count("fs", false, IRP_MJ_FLUSH_BUFFERS), 2);
    FltFreeCallbackData(data);
    CHECK_EQ(finding_n, 0);
}

static void free_foreign(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)f, (void)objects;
    FltFreeCallbackData(data);
}
TEST(foreign, "flt.FltFreeCallbackData.C-17_not_the_block_of_a_callback")
{
    UCHAR buffer[16];

    three_filters();
    b->in_pre = free_foreign;
    CHECK_EQ(read_file(file, buffer, 16, 0, 0), STATUS_SUCCESS);
    CHECK(found("FIO-011"));
}

/* ---- flushes --------------------------------------------------------------------------------- */

TEST(flush, "flt.FltFlushBuffers2.F-11_F-12_F-13_F-14_F-15_F-16_type_to_minor")
{
    static const ULONG types[] = {0, FLT_FLUSH_TYPE_FLUSH_AND_PURGE, FLT_FLUSH_TYPE_FILE_DATA_ONLY,
                                  FLT_FLUSH_TYPE_NO_SYNC, FLT_FLUSH_TYPE_DATA_SYNC_ONLY};

    three_filters();
    for (UCHAR i = 0; i < 5; i++) {
        log_n = 0;
        CHECK_EQ(FltFlushBuffers2(b->instance, file, types[i], NULL), STATUS_SUCCESS);
        CHECK_STR(log_text(IRP_MJ_FLUSH_BUFFERS), "c< fs c>");
        CHECK_EQ(log_find("fs", false, IRP_MJ_FLUSH_BUFFERS)->minor, i);
    }
    log_n = 0;
    CHECK_EQ(FltFlushBuffers(b->instance, file), STATUS_SUCCESS);
    CHECK_EQ(log_find("fs", false, IRP_MJ_FLUSH_BUFFERS)->minor, 0);
}

TEST(flush_bad, "flt.FltFlushBuffers2.F-17_F-18_F-19_F-20_combinations_and_volumes")
{
    three_filters();
    CHECK_EQ(FltFlushBuffers2(b->instance, file, 3, NULL), STATUS_INVALID_PARAMETER);
    file->Flags |= FO_VOLUME_OPEN;
    CHECK_EQ(FltFlushBuffers2(b->instance, file, FLT_FLUSH_TYPE_NO_SYNC, NULL),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(FltFlushBuffers2(b->instance, file, FLT_FLUSH_TYPE_FILE_DATA_ONLY, NULL),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(FltFlushBuffers2(b->instance, file, FLT_FLUSH_TYPE_DATA_SYNC_ONLY, NULL),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(log_n, 0);
    CHECK_EQ(FltFlushBuffers2(b->instance, file, FLT_FLUSH_TYPE_FLUSH_AND_PURGE, NULL),
             STATUS_SUCCESS);
}

TEST(recipe, "flt.FltPerformSynchronousIo.F-22_P-01_P-02_P-04_P-05_P-06_recipe_equals_routine")
{
    PFLT_CALLBACK_DATA data;

    three_filters();
    data = allocated(IRP_MJ_FLUSH_BUFFERS);
    data->Iopb->MinorFunction = IRP_MN_FLUSH_AND_PURGE;
    data->Iopb->IrpFlags = IRP_SYNCHRONOUS_API;
    FltPerformSynchronousIo(data);
    CHECK_EQ(data->IoStatus.Status, STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_FLUSH_BUFFERS), "c< fs c>");
    CHECK_EQ(log_find("fs", false, IRP_MJ_FLUSH_BUFFERS)->minor, 1);
    FltFreeCallbackData(data);
    CHECK_EQ(count_leaks(NULL), 0);
}

TEST(pool, "flt.FltAllocatePoolAlignedWithTag.Q-01_Q-03_Q-09_Q-11")
{
    PVOID p;

    three_filters();
    volume_->Disk->AlignmentRequirement = FILE_512_BYTE_ALIGNMENT;
    p = FltAllocatePoolAlignedWithTag(b->instance, NonPagedPool, 1000, 0x20677461);
    CHECK(p && !((ULONG_PTR)p & 511));
    CHECK_EQ(count_leaks("b"), 1);
    FltFreePoolAlignedWithTag(b->instance, p, 0x20677461);
    CHECK_EQ(count_leaks("b"), 0);
    p = FltAllocatePoolAlignedWithTag(b->instance, PagedPool, 0, 0x20677461);
    CHECK(p);
    CHECK_EQ(finding_n, 0);
    FltFreePoolAlignedWithTag(b->instance, p, 0x20677462);
    CHECK_EQ(finding_n, 1);
}

TEST(detach_waits, "flt.detach.FI-10_waits_for_started_requests")
{
    PFLT_CALLBACK_DATA data;
    int i;

    three_filters();
    data = allocated(IRP_MJ_FLUSH_BUFFERS);
    tiny.pend = true;
    CHECK_EQ(FltPerformAsynchronousIo(data, done, NULL), STATUS_PENDING);
    CHECK_EQ(FltObjectReference(b->instance), STATUS_SUCCESS);
    FltObjectDereference(b->instance);
    tiny_complete(tiny.kept, STATUS_SUCCESS, 0);
    for (i = 0; i < 100 && !done_calls; i++)
        pause_ms(1);
    FltFreeCallbackData(data);
    FltUnregisterFilter(b->handle);
    CHECK_EQ(b->completes, 1);
}

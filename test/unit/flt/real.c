/* SPDX-License-Identifier: MIT */
/* Filters over the real file system and cache: paging requests, opens below an instance, names,
 * flush and purge. */
#define FLT_TEST_REAL_FS
#include "flt_test.h"

static filter_ *a, *b, *c;

static void three_filters(void)
{
    start_real_machine();
    a = make_filter("a", "300");
    b = make_filter("b", "200");
    c = make_filter("c", "100");
}

/* Requests of one filter, split by paging. */
static int count_paging(const char *who, UCHAR major, bool paging)
{
    int n = 0;

    for (int i = 0; i < log_n && i < LOG_SIZE; i++)
        n += !strcmp(log_[i].who, who) && !log_[i].post && log_[i].major == major &&
             !!(log_[i].irp_flags & IRP_PAGING_IO) == paging;
    return n;
}

static ULONG resident(PFILE_OBJECT file)
{
    return (ULONG)CcxResidentPages(file->SectionObjectPointer);
}

TEST(create_names, "flt.real.create_write_read_close_seen_in_order")
{
    char data[6] = {0};
    HANDLE h;

    three_filters();
    h = nt_create(L"\\??\\C:\\file.txt", FILE_CREATE, 0);
    CHECK_STR(log_text(IRP_MJ_CREATE), "a< b< c< c> b> a>");
    CHECK_EQ(nt_write(h, "hello", 5, 0), STATUS_SUCCESS);
    CHECK_EQ(nt_read(h, data, 5, 0), STATUS_SUCCESS);
    CHECK_STR(data, "hello");
    CHECK(log_count("a", false, IRP_MJ_WRITE) >= 1);
    CHECK_EQ(ZwClose(h), STATUS_SUCCESS);
    CHECK_EQ(log_count("a", false, IRP_MJ_CLEANUP), 1);
    CHECK_EQ(finding_n, 0);
}

/* FP-01, FP-02, FP-03: B flushes, C sees the request, all three see the paging writes. */
static void flush_case(bool purge, bool recipe)
{
    static UCHAR data[8192], back[8192];
    PFLT_CALLBACK_DATA request_;
    PFILE_OBJECT file;
    HANDLE h;

    three_filters();
    memset(data, 0x5a, sizeof(data));
    h = nt_create(L"\\??\\C:\\file.dat", FILE_CREATE, 0);
    CHECK_EQ(nt_write(h, data, sizeof(data), 0), STATUS_SUCCESS);
    file = object_of(h);
    CHECK_EQ(resident(file), 2);
    log_n = 0;
    if (recipe) {
        REQUIRE(NT_SUCCESS(FltAllocateCallbackData(b->instance, file, &request_)));
        request_->Iopb->MajorFunction = IRP_MJ_FLUSH_BUFFERS;
        request_->Iopb->MinorFunction = IRP_MN_FLUSH_AND_PURGE;
        FltPerformSynchronousIo(request_);
        CHECK_EQ(request_->IoStatus.Status, STATUS_SUCCESS);
        FltFreeCallbackData(request_);
    } else {
        CHECK_EQ(
            FltFlushBuffers2(b->instance, file, purge ? FLT_FLUSH_TYPE_FLUSH_AND_PURGE : 0, NULL),
            STATUS_SUCCESS);
    }
    CHECK_STR(log_text(IRP_MJ_FLUSH_BUFFERS), "c< c>");
    CHECK(log_find("c", false, IRP_MJ_FLUSH_BUFFERS)->flags & FLTFL_CALLBACK_DATA_GENERATED_IO);
    CHECK(count_paging("a", IRP_MJ_WRITE, true) >= 1);
    CHECK_EQ(count_paging("a", IRP_MJ_WRITE, true), count_paging("b", IRP_MJ_WRITE, true));
    CHECK_EQ(count_paging("a", IRP_MJ_WRITE, true), count_paging("c", IRP_MJ_WRITE, true));
    CHECK_EQ(resident(file), purge ? 0 : 2);
    log_n = 0;
    CHECK_EQ(nt_read(h, back, sizeof(back), 0), STATUS_SUCCESS);
    CHECK(!memcmp(data, back, sizeof(data)));
    CHECK_EQ(count_paging("a", IRP_MJ_READ, true) > 0, purge);
    ObDereferenceObject(file);
    ZwClose(h);
    CHECK_EQ(count_leaks(NULL), 0);
    CHECK_EQ(finding_n, 0);
}
TEST(flush, "flt.FltFlushBuffers.FP-01_flushes_and_keeps_the_cache")
{
    flush_case(false, false);
}
TEST(purge, "flt.FltFlushBuffers2.FP-02_flushes_and_purges")
{
    flush_case(true, false);
}
TEST(recipe, "flt.FltPerformSynchronousIo.FP-03_the_recipe_does_the_same")
{
    flush_case(true, true);
}

/* ---- opens of a filter ----------------------------------------------------------------------- */

static NTSTATUS flt_open(filter_ *f, PFLT_INSTANCE instance, const WCHAR *path, PHANDLE handle,
                         PFILE_OBJECT *file)
{
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK iosb;
    UNICODE_STRING name;

    RtlInitUnicodeString(&name, path);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL,
                               NULL);
    return FltCreateFileEx(
        f->handle, instance, handle, file, FILE_GENERIC_READ | FILE_GENERIC_WRITE, &attributes,
        &iosb, NULL, FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
        FILE_OPEN_IF, FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0, IO_IGNORE_SHARE_ACCESS_CHECK);
}

TEST(below, "flt.FltCreateFileEx.file_opened_below_an_instance_stays_below_it")
{
    char data[8] = {0};
    PFILE_OBJECT file;
    HANDLE h;

    three_filters();
    CHECK_EQ(flt_open(b, b->instance, L"\\??\\C:\\own.txt", &h, &file), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_CREATE), "c< c>");
    CHECK_EQ(nt_write(h, "secret", 6, 0), STATUS_SUCCESS);
    CHECK_EQ(log_count("a", false, IRP_MJ_WRITE), 0);
    CHECK_EQ(log_count("b", false, IRP_MJ_WRITE), 0);
    CHECK(log_count("c", false, IRP_MJ_WRITE) >= 1);
    CHECK_EQ(FltFlushBuffers(b->instance, file), STATUS_SUCCESS);
    CHECK_EQ(log_count("a", false, IRP_MJ_WRITE), 0);
    CHECK_EQ(nt_read(h, data, 6, 0), STATUS_SUCCESS);
    CHECK_STR(data, "secret");
    ObDereferenceObject(file);
    CHECK_EQ(FltClose(h), STATUS_SUCCESS);
    CHECK_EQ(log_count("a", false, IRP_MJ_CLEANUP), 0);
    CHECK_EQ(log_count("c", false, IRP_MJ_CLEANUP), 1);
    CHECK_EQ(finding_n, 0);
}

TEST(from_top, "flt.FltCreateFileEx.without_an_instance_all_filters_see_it")
{
    PFILE_OBJECT file;
    HANDLE h;

    three_filters();
    CHECK_EQ(flt_open(b, NULL, L"\\??\\C:\\own.txt", &h, &file), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_CREATE), "a< b< c< c> b> a>");
    ObDereferenceObject(file);
    CHECK_EQ(FltClose(h), STATUS_SUCCESS);
    CHECK_EQ(log_count("a", false, IRP_MJ_CLEANUP), 1);
}

static int depth, deepest;
static PFLT_INSTANCE open_for;
static void open_again(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    PFILE_OBJECT file;
    HANDLE h;

    (void)objects;
    if (data->Iopb->MajorFunction != IRP_MJ_CREATE || depth >= 3)
        return;
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (NT_SUCCESS(flt_open(f, open_for, L"\\??\\C:\\other.txt", &h, &file))) {
        ObDereferenceObject(file);
        FltClose(h);
    }
    depth--;
}
TEST(recursion, "flt.FltCreateFileEx.FI-04_FI-05_depth_with_and_without_an_instance")
{
    HANDLE h;

    three_filters();
    b->in_pre = open_again;
    open_for = b->instance;
    h = nt_create(L"\\??\\C:\\file.txt", FILE_CREATE, 0);
    CHECK_EQ(deepest, 1);
    ZwClose(h);
    open_for = NULL;
    h = nt_create(L"\\??\\C:\\file.txt", FILE_OPEN, 0);
    CHECK_EQ(deepest, 3);
    ZwClose(h);
}

/* A filter below opens something of its own while a create made for an instance above passes it. */
TEST(nested, "flt.FltCreateFileEx.nested_open_of_a_lower_filter_keeps_its_own_start")
{
    PFILE_OBJECT file;
    HANDLE h;

    three_filters();
    c->in_pre = open_again;
    open_for = NULL;
    depth = 2;
    CHECK_EQ(flt_open(b, b->instance, L"\\??\\C:\\own.txt", &h, &file), STATUS_SUCCESS);
    CHECK_STR(log_text(IRP_MJ_CREATE), "c< a< b< c< c> b> a> c>");
    ObDereferenceObject(file);
    FltClose(h);
}

/* ---- reads of a filter ----------------------------------------------------------------------- */

TEST(reads, "flt.FltReadFile.FI-01_FI-02_FI-03_who_sees_the_request_and_its_fault")
{
    static UCHAR data[4096];
    LARGE_INTEGER zero = {0};
    PFILE_OBJECT file;
    HANDLE h;

    three_filters();
    h = nt_create(L"\\??\\C:\\file.dat", FILE_CREATE, 0);
    CHECK_EQ(nt_write(h, data, sizeof(data), 0), STATUS_SUCCESS);
    file = object_of(h);
    CHECK_EQ(FltFlushBuffers2(b->instance, file, FLT_FLUSH_TYPE_FLUSH_AND_PURGE, NULL),
             STATUS_SUCCESS);
    log_n = 0;
    CHECK_EQ(FltReadFile(b->instance, file, &zero, 100, data, 0, NULL, NULL, NULL), STATUS_SUCCESS);
    CHECK_EQ(count_paging("c", IRP_MJ_READ, false), 1);
    CHECK_EQ(count_paging("a", IRP_MJ_READ, false), 0);
    CHECK_EQ(count_paging("b", IRP_MJ_READ, false), 0);
    CHECK_EQ(count_paging("a", IRP_MJ_READ, true), 1);
    CHECK_EQ(count_paging("b", IRP_MJ_READ, true), 1);
    CHECK_EQ(count_paging("c", IRP_MJ_READ, true), 1);
    log_n = 0;
    CHECK_EQ(FltReadFile(b->instance, file, &zero, 100, data, 0, NULL, NULL, NULL), STATUS_SUCCESS);
    CHECK_EQ(count_paging("c", IRP_MJ_READ, false), 1);
    CHECK_EQ(count_paging("c", IRP_MJ_READ, true), 0);
    log_n = 0;
    CHECK_EQ(FltReadFile(b->instance, file, &zero, 512, data, FLTFL_IO_OPERATION_NON_CACHED, NULL,
                         NULL, NULL),
             STATUS_SUCCESS);
    CHECK(log_find("c", false, IRP_MJ_READ)->irp_flags & IRP_NOCACHE);
    CHECK_EQ(log_count("a", false, IRP_MJ_READ), 0);
    CHECK_EQ(log_count("b", false, IRP_MJ_READ), 0);
    ObDereferenceObject(file);
    ZwClose(h);
}

/* ---- names and contexts ---------------------------------------------------------------------- */

static char name_[300];
static NTSTATUS name_status;
static FLT_FILE_NAME_OPTIONS name_options = FLT_FILE_NAME_NORMALIZED | FLT_FILE_NAME_QUERY_DEFAULT;
static void take_name(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    PFLT_FILE_NAME_INFORMATION info;
    USHORT i;

    (void)f, (void)objects;
    if (data->Iopb->MajorFunction != IRP_MJ_CREATE)
        return;
    name_status = FltGetFileNameInformation(data, name_options, &info);
    if (!NT_SUCCESS(name_status))
        return;
    for (i = 0; i < info->Name.Length / sizeof(WCHAR); i++)
        name_[i] = (char)info->Name.Buffer[i];
    name_[i] = 0;
    FltReleaseFileNameInformation(info);
}
TEST(names, "flt.FltGetFileNameInformation.before_and_after_a_create_in_a_folder")
{
    HANDLE dir, h;

    three_filters();
    dir = nt_create(L"\\??\\C:\\Some Folder", FILE_CREATE, FILE_DIRECTORY_FILE);
    b->in_pre = take_name;
    h = nt_create(L"\\??\\C:\\Some Folder\\file.txt", FILE_CREATE, 0);
    CHECK_EQ(name_status, STATUS_SUCCESS);
    CHECK_STR(name_, "\\Device\\HarddiskVolume1\\Some Folder\\file.txt");
    ZwClose(h);
    b->in_pre = NULL;
    b->in_post = take_name;
    name_[0] = 0;
    h = nt_create(L"\\??\\C:\\Some Folder\\file.txt", FILE_OPEN, 0);
    CHECK_EQ(name_status, STATUS_SUCCESS);
    CHECK_STR(name_, "\\Device\\HarddiskVolume1\\Some Folder\\file.txt");
    ZwClose(h);
    ZwClose(dir);
    b->in_post = NULL;
    CHECK_EQ(count_leaks(NULL), 0);
}

static int cleanups;
static VOID FLTAPI cleanup(PFLT_CONTEXT context, FLT_CONTEXT_TYPE type)
{
    (void)context, (void)type;
    cleanups++;
}
TEST(contexts, "flt.FltSetStreamContext.two_handles_share_it_on_the_real_file_system")
{
    static const FLT_CONTEXT_REGISTRATION contexts[] = {
        {FLT_STREAM_CONTEXT, 0, cleanup, 16, 0x31786374, NULL, NULL, NULL}, {FLT_CONTEXT_END}};
    FLT_REGISTRATION r = usual_registration();
    PFLT_CONTEXT context, got;
    PFILE_OBJECT one, two;
    HANDLE h1, h2;
    filter_ *f;

    start_real_machine();
    r.ContextRegistration = contexts;
    f = make_filter_with("f", "300", &r);
    h1 = nt_create(L"\\??\\C:\\file.txt", FILE_CREATE, 0);
    h2 = nt_create(L"\\??\\C:\\file.txt", FILE_OPEN, 0);
    one = object_of(h1);
    two = object_of(h2);
    CHECK_EQ(FltAllocateContext(f->handle, FLT_STREAM_CONTEXT, 16, NonPagedPool, &context),
             STATUS_SUCCESS);
    CHECK_EQ(FltSetStreamContext(f->instance, one, FLT_SET_CONTEXT_KEEP_IF_EXISTS, context, NULL),
             STATUS_SUCCESS);
    CHECK_EQ(FltGetStreamContext(f->instance, two, &got), STATUS_SUCCESS);
    CHECK(got == context);
    FltReleaseContext(got);
    FltReleaseContext(context);
    ObDereferenceObject(one);
    ObDereferenceObject(two);
    ZwClose(h1);
    ZwClose(h2);
    FltUnregisterFilter(f->handle);
    CHECK_EQ(cleanups, 1);
    CHECK_EQ(count_leaks(NULL), 0);
}

TEST(query, "flt.FltQueryDirectoryFile.list_rename_and_volume_information")
{
    union {
        FILE_NAMES_INFORMATION names;
        UCHAR room[600];
    } entry;
    union {
        FILE_RENAME_INFORMATION rename;
        UCHAR room[100];
    } target = {0};
    FILE_FS_SIZE_INFORMATION size;
    PFILE_OBJECT dir, file;
    IO_STATUS_BLOCK iosb;
    HANDLE hd, h;
    BOOLEAN is;
    ULONG n;

    three_filters();
    hd = nt_create(L"\\??\\C:\\d", FILE_CREATE, FILE_DIRECTORY_FILE);
    h = nt_create(L"\\??\\C:\\d\\one", FILE_CREATE, 0);
    dir = object_of(hd);
    file = object_of(h);
    CHECK_EQ(FltIsDirectory(dir, b->instance, &is), STATUS_SUCCESS);
    CHECK(is);
    target.rename.FileNameLength = 6;
    memcpy(target.rename.FileName, L"two", 6);
    CHECK_EQ(
        FltSetInformationFile(b->instance, file, &target, sizeof(target), FileRenameInformation),
        STATUS_SUCCESS);
    {
        UNICODE_STRING pattern = RTL_CONSTANT_STRING(L"t*");

        CHECK_EQ(FltQueryDirectoryFile(b->instance, dir, &entry, sizeof(entry),
                                       FileNamesInformation, TRUE, &pattern, TRUE, &n),
                 STATUS_SUCCESS);
    }
    CHECK_EQ(entry.names.FileNameLength, 6);
    CHECK(!memcmp(entry.names.FileName, L"two", 6));
    log_n = 0;
    CHECK_EQ(
        FltQueryVolumeInformation(b->instance, &iosb, &size, sizeof(size), FileFsSizeInformation),
        STATUS_SUCCESS);
    CHECK_EQ(size.BytesPerSector, 512);
    CHECK_STR(log_text(IRP_MJ_CREATE), "c< c>");
    ObDereferenceObject(dir);
    ObDereferenceObject(file);
    ZwClose(h);
    ZwClose(hd);
}

static void cancel_open(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)f;
    if (data->Iopb->MajorFunction != IRP_MJ_CREATE)
        return;
    FltCancelFileOpen(objects->Instance, objects->FileObject);
    data->IoStatus.Status = STATUS_ACCESS_DENIED;
    data->IoStatus.Information = 0;
}
TEST(cancel_create, "flt.FltCancelFileOpen.undoes_an_open_below")
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\??\\C:\\file.txt");
    IO_STATUS_BLOCK iosb;
    HANDLE h;

    three_filters();
    ZwClose(nt_create(L"\\??\\C:\\file.txt", FILE_CREATE, 0));
    b->in_post = cancel_open;
    log_n = 0;
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
    CHECK_EQ(
        ZwCreateFile(&h, FILE_GENERIC_READ, &attributes, &iosb, NULL, 0, 0, FILE_OPEN, 0, NULL, 0),
        STATUS_ACCESS_DENIED);
    CHECK_STR(log_text(IRP_MJ_CREATE), "a< b< c< c> b> a>");
    CHECK_STR(log_text(IRP_MJ_CLEANUP), "c< c>");
    b->in_post = NULL;
    h = nt_create(L"\\??\\C:\\file.txt", FILE_OPEN, 0); /* no share mode was left behind */
    ZwClose(h);
    CHECK_EQ(finding_n, 0);
}

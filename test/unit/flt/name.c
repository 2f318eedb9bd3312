/* SPDX-License-Identifier: MIT */
/* File names: building, parsing, caching, releasing. */
#include "flt_test.h"

static char narrow_[512];
static const char *text(PCUNICODE_STRING s)
{
    USHORT i;

    for (i = 0; i < s->Length / sizeof(WCHAR); i++)
        narrow_[i] = (char)s->Buffer[i];
    narrow_[i] = 0;
    return narrow_;
}

static FLT_FILE_NAME_OPTIONS options;
static NTSTATUS name_status;
static PFLT_FILE_NAME_INFORMATION name;
static void ask(filter_ *f, PFLT_CALLBACK_DATA data, PCFLT_RELATED_OBJECTS objects)
{
    (void)f, (void)objects;
    name_status = FltGetFileNameInformation(data, options, &name);
}

TEST(parse, "flt.FltParseFileNameInformation.documented_example")
{
    static UNICODE_STRING full =
        RTL_CONSTANT_STRING(L"\\Device\\HarddiskVolume1\\Documents\\Test Results.tar.txt:stream1");
    FLT_FILE_NAME_INFORMATION info = {
        .Size = sizeof(info), .Format = FLT_FILE_NAME_NORMALIZED, .Name = full};

    info.Volume = full;
    info.Volume.Length = 23 * sizeof(WCHAR);
    CHECK_EQ(FltParseFileNameInformation(&info), STATUS_SUCCESS);
    CHECK_STR(text(&info.FinalComponent), "Test Results.tar.txt:stream1");
    CHECK_STR(text(&info.Extension), "txt");
    CHECK_STR(text(&info.Stream), ":stream1");
    CHECK_STR(text(&info.ParentDir), "\\Documents\\");
    CHECK_EQ(info.NamesParsed, 0xf);
}

TEST(parse_plain, "flt.FltParseFileName.no_extension_no_stream")
{
    UNICODE_STRING path = RTL_CONSTANT_STRING(L"\\a.b\\file"), extension, stream, final;

    CHECK_EQ(FltParseFileName(&path, &extension, &stream, &final), STATUS_SUCCESS);
    CHECK_EQ(extension.Length, 0);
    CHECK_EQ(stream.Length, 0);
    CHECK_STR(text(&final), "file");
}

TEST(opened, "flt.FltGetFileNameInformation.create_and_open_file")
{
    PFILE_OBJECT file;
    filter_ *f;

    start_machine();
    f = make_filter("f", "300");
    options = FLT_FILE_NAME_OPENED | FLT_FILE_NAME_QUERY_DEFAULT;
    f->in_pre = ask;
    file = open_file();
    CHECK_EQ(name_status, STATUS_SUCCESS);
    CHECK_STR(text(&name->Name), "\\Device\\HarddiskVolume1\\file.txt");
    CHECK_STR(text(&name->Volume), "\\Device\\HarddiskVolume1");
    FltReleaseFileNameInformation(name);
    strcpy(tiny_name, "renamed.txt");
    CHECK_EQ(send(IRP_MJ_FLUSH_BUFFERS, file), STATUS_SUCCESS);
    CHECK_EQ(name_status, STATUS_SUCCESS);
    CHECK_STR(text(&name->Name), "\\Device\\HarddiskVolume1\\renamed.txt");
    CHECK_EQ(count_leaks("f"), 1);
    FltReferenceFileNameInformation(name);
    FltReleaseFileNameInformation(name);
    FltReleaseFileNameInformation(name);
    CHECK_EQ(count_leaks("f"), 0);
    f->in_pre = NULL;
    close_file(file);
}

TEST(cache, "flt.FltGetFileNameInformation.cache_follows_renames")
{
    PFILE_OBJECT file;
    filter_ *f;

    start_machine();
    f = make_filter("f", "300");
    file = open_file();
    f->in_pre = ask;
    options = FLT_FILE_NAME_OPENED | FLT_FILE_NAME_QUERY_CACHE_ONLY;
    send(IRP_MJ_FLUSH_BUFFERS, file);
    CHECK_EQ(name_status, STATUS_FLT_NAME_CACHE_MISS);
    options = FLT_FILE_NAME_OPENED | FLT_FILE_NAME_QUERY_DEFAULT;
    send(IRP_MJ_FLUSH_BUFFERS, file);
    FltReleaseFileNameInformation(name);
    options = FLT_FILE_NAME_OPENED | FLT_FILE_NAME_QUERY_CACHE_ONLY;
    send(IRP_MJ_FLUSH_BUFFERS, file);
    CHECK_EQ(name_status, STATUS_SUCCESS);
    FltReleaseFileNameInformation(name);
    send(IRP_MJ_SET_INFORMATION, file);
    send(IRP_MJ_FLUSH_BUFFERS, file);
    CHECK_EQ(name_status, STATUS_FLT_NAME_CACHE_MISS);
    f->in_pre = NULL;
}

TEST(paging, "flt.FltGetFileNameInformation.paging_io_gets_only_the_cache")
{
    UCHAR buffer[16];
    PFILE_OBJECT file;
    filter_ *f;

    start_machine();
    f = make_filter("f", "300");
    file = open_file();
    f->in_pre = ask;
    options = FLT_FILE_NAME_OPENED | FLT_FILE_NAME_QUERY_DEFAULT;
    read_file(file, buffer, 16, 0, IRP_PAGING_IO);
    CHECK_EQ(name_status, STATUS_FLT_INVALID_NAME_REQUEST);
    send(IRP_MJ_FLUSH_BUFFERS, file);
    FltReleaseFileNameInformation(name);
    read_file(file, buffer, 16, 0, IRP_PAGING_IO);
    CHECK_EQ(name_status, STATUS_SUCCESS);
    FltReleaseFileNameInformation(name);
    f->in_pre = NULL;
}

TEST(options_, "flt.rule.NAM-004_one_format_one_method")
{
    PFILE_OBJECT file;
    filter_ *f;

    start_machine();
    f = make_filter("f", "300");
    file = open_file();
    f->in_pre = ask;
    options = FLT_FILE_NAME_QUERY_DEFAULT;
    send(IRP_MJ_FLUSH_BUFFERS, file);
    CHECK_EQ(name_status, STATUS_INVALID_PARAMETER);
    CHECK(found("NAM-004"));
}

TEST(destination, "flt.FltGetDestinationFileNameInformation.in_the_same_folder_and_absolute")
{
    WCHAR relative[] = L"new.txt", absolute[] = L"\\??\\C:\\dir\\new.txt";
    PFILE_OBJECT file;
    filter_ *f;

    start_machine();
    f = make_filter("f", "300");
    file = open_file();
    strcpy(tiny_name, "dir\\old.txt");
    CHECK_EQ(FltGetDestinationFileNameInformation(
                 f->instance, file, NULL, relative, 14,
                 FLT_FILE_NAME_NORMALIZED | FLT_FILE_NAME_QUERY_DEFAULT, &name),
             STATUS_SUCCESS);
    CHECK_STR(text(&name->Name), "\\Device\\HarddiskVolume1\\dir\\new.txt");
    FltReleaseFileNameInformation(name);
    CHECK_EQ(FltGetDestinationFileNameInformation(
                 f->instance, file, NULL, absolute, 36,
                 FLT_FILE_NAME_OPENED | FLT_FILE_NAME_QUERY_DEFAULT, &name),
             STATUS_SUCCESS);
    CHECK_STR(text(&name->Name), "\\Device\\HarddiskVolume1\\dir\\new.txt");
    FltReleaseFileNameInformation(name);
}

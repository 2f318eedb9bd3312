/* SPDX-License-Identifier: MIT */
/*
 * The less common requests: links, ids, attributes, security, controls, notification, volume
 * information.
 */
#include "volume.h"

static NTSTATUS Query(HANDLE Handle, FILE_INFORMATION_CLASS Class, void *Buffer, ULONG Length)
{
    IO_STATUS_BLOCK Iosb = {0};

    return ZwQueryInformationFile(Handle, &Iosb, Buffer, Length, Class);
}

TEST(links, "fs.link.two_names_one_file")
{
    UCHAR Buffer[600] = {0};
    FILE_LINK_INFORMATION *Link = (FILE_LINK_INFORMATION *)Buffer;
    FILE_LINKS_INFORMATION *Links = (FILE_LINKS_INFORMATION *)Buffer;
    FILE_STANDARD_INFORMATION Standard;
    FILE_DISPOSITION_INFORMATION Delete = {TRUE};
    IO_STATUS_BLOCK Iosb;
    UNICODE_STRING Name = Wide("second");
    char Got[4];
    HANDLE a, b;

    Mount(0);
    a = Open("\\first", FILE_CREATE, 0);
    CHECK_EQ(WriteAt(a, 0, "same", 4), STATUS_SUCCESS);
    Link->FileNameLength = Name.Length;
    memcpy(Link->FileName, Name.Buffer, Name.Length);
    CHECK_EQ(ZwSetInformationFile(a, &Iosb, Link, (ULONG)sizeof *Link + Name.Length,
                                  FileLinkInformation),
             STATUS_SUCCESS);
    CHECK_EQ(Query(a, FileStandardInformation, &Standard, sizeof Standard), STATUS_SUCCESS);
    CHECK_EQ(Standard.NumberOfLinks, 2);
    CHECK_EQ(Query(a, FileHardLinkInformation, Buffer, sizeof Buffer), STATUS_SUCCESS);
    CHECK_EQ(Links->EntriesReturned, 2);
    b = Open("\\second", FILE_OPEN, 0);
    CHECK_EQ(ReadAt(b, 0, Got, 4, NULL), STATUS_SUCCESS); /* one set of pages */
    CHECK(!memcmp(Got, "same", 4));
    CHECK_EQ(ZwSetInformationFile(a, &Iosb, &Delete, sizeof Delete, FileDispositionInformation),
             STATUS_SUCCESS);
    ZwClose(a);
    CHECK_EQ(Query(b, FileStandardInformation, &Standard, sizeof Standard), STATUS_SUCCESS);
    CHECK_EQ(Standard.NumberOfLinks, 1);
    CHECK_EQ(ReadAt(b, 0, Got, 4, NULL), STATUS_SUCCESS);
    ZwClose(b);
    Unmount();
}

TEST(by_id, "fs.create.open_by_file_id")
{
    FILE_INTERNAL_INFORMATION Id;
    OBJECT_ATTRIBUTES oa;
    IO_STATUS_BLOCK Iosb;
    UNICODE_STRING Name;
    HANDLE a, v, b;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    CHECK_EQ(WriteAt(a, 0, "id", 2), STATUS_SUCCESS);
    CHECK_EQ(Query(a, FileInternalInformation, &Id, sizeof Id), STATUS_SUCCESS);
    v = NULL;
    REQUIRE(NT_SUCCESS(
        Create("\\", FILE_GENERIC_READ, 0, SHARE_ALL, FILE_OPEN, FILE_DIRECTORY_FILE, &v, NULL)));
    Name.Buffer = (PWCH)&Id;
    Name.Length = Name.MaximumLength = sizeof Id;
    InitializeObjectAttributes(&oa, &Name, OBJ_KERNEL_HANDLE, v, NULL);
    CHECK_EQ(ZwCreateFile(&b, FILE_GENERIC_READ, &oa, &Iosb, NULL, 0, SHARE_ALL, FILE_OPEN,
                          FILE_OPEN_BY_FILE_ID | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0),
             STATUS_SUCCESS);
    CHECK_EQ(SizeOf(b), 2);
    ZwClose(b);
    Id.IndexNumber.QuadPart += 1000;
    CHECK_EQ(ZwCreateFile(&b, FILE_GENERIC_READ, &oa, &Iosb, NULL, 0, SHARE_ALL, FILE_OPEN,
                          FILE_OPEN_BY_FILE_ID | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0),
             STATUS_INVALID_PARAMETER);
    ZwClose(v);
    ZwClose(a);
    Unmount();
}

TEST(basic, "fs.basic.times_attributes_and_read_only")
{
    FILE_BASIC_INFORMATION b = {.LastWriteTime.QuadPart = 131000000000000000ll,
                                .FileAttributes = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN};
    IO_STATUS_BLOCK Iosb;
    HANDLE a, c;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    CHECK_EQ(ZwSetInformationFile(a, &Iosb, &b, sizeof b, FileBasicInformation), STATUS_SUCCESS);
    CHECK_EQ(WriteAt(a, 0, "x", 1),
             STATUS_SUCCESS); /* this handle set the time: a write leaves it */
    memset(&b, 0, sizeof b);
    CHECK_EQ(Query(a, FileBasicInformation, &b, sizeof b), STATUS_SUCCESS);
    CHECK_EQ(b.LastWriteTime.QuadPart, 131000000000000000ll);
    CHECK_EQ(b.FileAttributes & FILE_ATTRIBUTE_HIDDEN, FILE_ATTRIBUTE_HIDDEN);
    ZwClose(a);
    CHECK_EQ(Create("\\f", FILE_GENERIC_WRITE, 0, SHARE_ALL, FILE_OPEN, 0, &c, NULL),
             STATUS_ACCESS_DENIED);
    CHECK_EQ(Create("\\f", DELETE, 0, SHARE_ALL, FILE_OPEN, FILE_DELETE_ON_CLOSE, &c, NULL),
             STATUS_CANNOT_DELETE);
    Unmount();
}

/*
 * EAs and security by IRP: parameters of both lie in the stack location, data in the user buffer.
 *
 */
static ULONG EaLength;
static void EaQuery(PIO_STACK_LOCATION Stack, void *Context)
{
    Stack->Parameters.QueryEa.Length = EaLength;
    Stack->Flags = SL_RESTART_SCAN;
}

static void EaSet(PIO_STACK_LOCATION Stack, void *Context)
{
    Stack->Parameters.SetEa.Length = EaLength;
}

static NTSTATUS QueryEas(HANDLE Handle, void *Buffer, ULONG Length)
{
    EaLength = Length;
    return Send(Handle, IRP_MJ_QUERY_EA, 0, Buffer, EaQuery, NULL, NULL);
}

static NTSTATUS SetEas(HANDLE Handle, void *Buffer, ULONG Length)
{
    EaLength = FIELD_OFFSET(FILE_FULL_EA_INFORMATION, EaName) + Length;
    return Send(Handle, IRP_MJ_SET_EA, 0, Buffer, EaSet, NULL, NULL);
}

typedef struct _SECURITY {
    SECURITY_INFORMATION Which;
    ULONG Length;
    PSECURITY_DESCRIPTOR Descriptor;
} SECURITY;

static void SecurityQuery(PIO_STACK_LOCATION Stack, void *Context)
{
    Stack->Parameters.QuerySecurity.SecurityInformation = ((SECURITY *)Context)->Which;
    Stack->Parameters.QuerySecurity.Length = ((SECURITY *)Context)->Length;
}

static void SecuritySet(PIO_STACK_LOCATION Stack, void *Context)
{
    Stack->Parameters.SetSecurity.SecurityInformation = ((SECURITY *)Context)->Which;
    Stack->Parameters.SetSecurity.SecurityDescriptor = ((SECURITY *)Context)->Descriptor;
}

TEST(eas, "fs.ea.set_query_replace_delete")
{
    UCHAR Buffer[200] = {0}, Out[200];
    FILE_FULL_EA_INFORMATION *e = (FILE_FULL_EA_INFORMATION *)Buffer,
                             *o = (FILE_FULL_EA_INFORMATION *)Out;
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    CHECK_EQ(QueryEas(a, Out, sizeof Out), STATUS_NO_EAS_ON_FILE);
    e->EaNameLength = 4;
    e->EaValueLength = 5;
    memcpy(e->EaName, "NAME\0value", 10);
    CHECK_EQ(SetEas(a, Buffer, 10), STATUS_SUCCESS);
    memcpy(e->EaName, "name\0VALUE", 10);
    CHECK_EQ(SetEas(a, Buffer, 10), STATUS_SUCCESS);
    CHECK_EQ(QueryEas(a, Out, sizeof Out), STATUS_SUCCESS);
    CHECK_EQ(o->NextEntryOffset, 0);
    CHECK_EQ(o->EaValueLength, 5);
    CHECK(!memcmp(o->EaName + 5, "VALUE", 5));
    e->EaValueLength = 0;
    CHECK_EQ(SetEas(a, Buffer, 5), STATUS_SUCCESS);
    CHECK_EQ(QueryEas(a, Out, sizeof Out), STATUS_NO_EAS_ON_FILE);
    ZwClose(a);
    Unmount();
}

TEST(security, "fs.security.default_and_replaced_parts")
{
    UCHAR Buffer[400];
    SECURITY_DESCRIPTOR_RELATIVE *d = (SECURITY_DESCRIPTOR_RELATIVE *)Buffer;
    struct {
        SECURITY_DESCRIPTOR_RELATIVE d;
        UCHAR Sid[12];
    } Owner = {{.Revision = 1, .Control = SE_SELF_RELATIVE, .Owner = sizeof Owner.d},
               {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0}};
    SECURITY q = {.Which = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION},
             Replace = {.Which = OWNER_SECURITY_INFORMATION, .Descriptor = &Owner.d};
    ULONG_PTR Needed;
    HANDLE a;

    Mount(0);
    REQUIRE(NT_SUCCESS(Create("\\f", FILE_ALL_ACCESS, 0, SHARE_ALL, FILE_CREATE, 0, &a, NULL)));
    CHECK_EQ(Send(a, IRP_MJ_QUERY_SECURITY, 0, Buffer, SecurityQuery, &q, &Needed),
             STATUS_BUFFER_OVERFLOW);
    CHECK(Needed > 40 && Needed < 200);
    q.Length = sizeof Buffer;
    CHECK_EQ(Send(a, IRP_MJ_QUERY_SECURITY, 0, Buffer, SecurityQuery, &q, NULL), STATUS_SUCCESS);
    CHECK(d->Owner && d->Dacl && !d->Group);
    CHECK_EQ(Send(a, IRP_MJ_SET_SECURITY, 0, NULL, SecuritySet, &Replace, NULL), STATUS_SUCCESS);
    CHECK_EQ(Send(a, IRP_MJ_QUERY_SECURITY, 0, Buffer, SecurityQuery, &q, NULL), STATUS_SUCCESS);
    CHECK(d->Owner && !memcmp(Buffer + d->Owner, Owner.Sid, sizeof Owner.Sid));
    CHECK(d->Dacl); /* what was not named stays */
    ZwClose(a);
    Unmount();
}

TEST(sparse, "fs.fsctl.sparse_zero_data_allocated_ranges")
{
    FILE_ALLOCATED_RANGE_BUFFER In = {{.QuadPart = 0}, {.QuadPart = 1 << 20}}, Out[4];
    FILE_ZERO_DATA_INFORMATION Zero = {{.QuadPart = 0}, {.QuadPart = 65536}};
    IO_STATUS_BLOCK Iosb;
    UCHAR Byte = 1;
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    CHECK_EQ(ZwFsControlFile(a, NULL, NULL, NULL, &Iosb, FSCTL_SET_SPARSE, NULL, 0, NULL, 0),
             STATUS_SUCCESS);
    CHECK_EQ(WriteAt(a, 0, "a", 1), STATUS_SUCCESS);
    CHECK_EQ(WriteAt(a, 500000, "b", 1), STATUS_SUCCESS);
    CHECK_EQ(ZwFsControlFile(a, NULL, NULL, NULL, &Iosb, FSCTL_QUERY_ALLOCATED_RANGES, &In,
                             sizeof In, Out, sizeof Out),
             STATUS_SUCCESS);
    CHECK_EQ(Iosb.Information, 2 * sizeof *Out);
    CHECK_EQ(Out[1].FileOffset.QuadPart, 499712);
    CHECK_EQ(ZwFsControlFile(a, NULL, NULL, NULL, &Iosb, FSCTL_SET_ZERO_DATA, &Zero, sizeof Zero,
                             NULL, 0),
             STATUS_SUCCESS);
    CHECK_EQ(ReadAt(a, 0, &Byte, 1, NULL), STATUS_SUCCESS);
    CHECK_EQ(Byte, 0);
    CHECK_EQ(ZwFsControlFile(a, NULL, NULL, NULL, &Iosb, FSCTL_QUERY_ALLOCATED_RANGES, &In,
                             sizeof In, Out, sizeof Out),
             STATUS_SUCCESS);
    CHECK_EQ(Iosb.Information, sizeof *Out);
    CHECK_EQ(ZwFsControlFile(a, NULL, NULL, NULL, &Iosb,
                             CTL_CODE(FILE_DEVICE_FILE_SYSTEM, 4000, METHOD_BUFFERED, 0), NULL, 0,
                             NULL, 0),
             STATUS_INVALID_DEVICE_REQUEST);
    ZwClose(a);
    Unmount();
}

TEST(volume, "fs.volume.information")
{
    UCHAR Buffer[200];
    FILE_FS_ATTRIBUTE_INFORMATION *a = (FILE_FS_ATTRIBUTE_INFORMATION *)Buffer;
    FILE_FS_SIZE_INFORMATION Size;
    IO_STATUS_BLOCK Iosb;
    HANDLE f;

    Mount(1 << 24);
    f = Open("\\f", FILE_CREATE, 0);
    CHECK_EQ(
        ZwQueryVolumeInformationFile(f, &Iosb, Buffer, sizeof Buffer, FileFsAttributeInformation),
        STATUS_SUCCESS);
    CHECK_EQ(a->FileSystemNameLength, 8);
    CHECK(a->FileSystemName[0] == 'N' && a->FileSystemName[3] == 'S');
    CHECK(a->FileSystemAttributes & FILE_NAMED_STREAMS);
    CHECK_EQ(ZwQueryVolumeInformationFile(f, &Iosb, &Size, sizeof Size, FileFsSizeInformation),
             STATUS_SUCCESS);
    CHECK_EQ(Size.TotalAllocationUnits.QuadPart, 4096);
    CHECK_EQ(Size.AvailableAllocationUnits.QuadPart, 4096);
    CHECK_EQ(SetEnd(f, 10000), STATUS_SUCCESS);
    CHECK_EQ(ZwQueryVolumeInformationFile(f, &Iosb, &Size, sizeof Size, FileFsSizeInformation),
             STATUS_SUCCESS);
    CHECK_EQ(Size.AvailableAllocationUnits.QuadPart, 4093);
    ZwClose(f);
    Unmount();
}

TEST(notify, "fs.notify.names_relative_to_the_watched_directory")
{
    static UCHAR Buffer[512];
    FILE_NOTIFY_INFORMATION *n = (FILE_NOTIFY_INFORMATION *)Buffer;
    UNICODE_STRING Name;
    OBJECT_ATTRIBUTES oa;
    IO_STATUS_BLOCK Iosb = {.Status = STATUS_PENDING}, Open_;
    char Full[100];
    HANDLE d, Event;

    Mount(0);
    ZwClose(Open("\\d", FILE_CREATE, FILE_DIRECTORY_FILE));
    ZwClose(Open("\\d\\sub", FILE_CREATE, FILE_DIRECTORY_FILE));
    snprintf(Full, sizeof Full, "\\Device\\HarddiskVolume%u\\d", Volume->Number);
    Name = Wide(Full);
    InitializeObjectAttributes(&oa, &Name, OBJ_KERNEL_HANDLE, NULL, NULL);
    REQUIRE(NT_SUCCESS(ZwCreateFile(&d, FILE_LIST_DIRECTORY | SYNCHRONIZE, &oa, &Open_, NULL, 0,
                                    SHARE_ALL, FILE_OPEN, FILE_DIRECTORY_FILE, NULL, 0)));
    REQUIRE(NT_SUCCESS(ZwCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE)));
    CHECK_EQ(ZwNotifyChangeDirectoryFile(d, Event, NULL, NULL, &Iosb, Buffer, sizeof Buffer,
                                         FILE_NOTIFY_CHANGE_FILE_NAME, TRUE),
             STATUS_PENDING);
    ZwClose(Open("\\elsewhere", FILE_CREATE, 0));
    ZwClose(Open("\\d\\sub\\new", FILE_CREATE, 0));
    CHECK_EQ(ZwWaitForSingleObject(Event, FALSE, NULL), STATUS_SUCCESS);
    CHECK_EQ(Iosb.Status, STATUS_SUCCESS);
    CHECK_EQ(n->Action, FILE_ACTION_ADDED);
    CHECK_EQ(n->FileNameLength, 14); /* sub\new */
    CHECK_EQ(n->FileName[3], '\\');
    ZwClose(Open("\\d\\b", FILE_CREATE, 0)); /* nobody waits: kept for the next request */
    CHECK_EQ(ZwNotifyChangeDirectoryFile(d, Event, NULL, NULL, &Iosb, Buffer, sizeof Buffer,
                                         FILE_NOTIFY_CHANGE_FILE_NAME, TRUE),
             STATUS_PENDING);
    CHECK_EQ(ZwWaitForSingleObject(Event, FALSE, NULL), STATUS_SUCCESS);
    CHECK_EQ(n->FileNameLength, 2);
    CHECK_EQ(ZwNotifyChangeDirectoryFile(d, Event, NULL, NULL, &Iosb, Buffer, sizeof Buffer,
                                         FILE_NOTIFY_CHANGE_FILE_NAME, TRUE),
             STATUS_PENDING);
    ZwClose(d);
    CHECK_EQ(ZwWaitForSingleObject(Event, FALSE, NULL), STATUS_SUCCESS);
    CHECK_EQ(Iosb.Status, STATUS_NOTIFY_CLEANUP);
    ZwClose(Event);
    Unmount();
}

/* SPDX-License-Identifier: MIT */
/* File calls on a file system of the tests' own. */
#include "../io/toyfs.h"

#define PATH L"\\??\\C:\\dir\\file.txt"

static NTSTATUS Write(HANDLE h, const char *Text, LONGLONG *At, PIO_STATUS_BLOCK Iosb)
{
    LARGE_INTEGER Offset = {.QuadPart = At ? *At : 0};

    return ZwWriteFile(h, NULL, NULL, NULL, Iosb, (PVOID)Text, (ULONG)strlen(Text),
                       At ? &Offset : NULL, NULL);
}

static NTSTATUS Read(HANDLE h, char *Buffer, ULONG Length, LONGLONG *At, PIO_STATUS_BLOCK Iosb)
{
    LARGE_INTEGER Offset = {.QuadPart = At ? *At : 0};

    memset(Buffer, 0, Length);
    return ZwReadFile(h, NULL, NULL, NULL, Iosb, Buffer, Length, At ? &Offset : NULL, NULL);
}

TEST(zw_life, "zw.NtCreateFile.create_write_read_close")
{
    StartToy();
    IO_STATUS_BLOCK Iosb;
    LONGLONG Zero = 0;
    char Text[32];
    HANDLE h = ToyFileHandle(PATH);
    PFILE_OBJECT File = ToyFileObject(h);

    CHECK(File->Flags & FO_HANDLE_CREATED);
    CHECK(File->Flags & FO_SYNCHRONOUS_IO);
    CHECK_EQ(File->FileName.Length, 2 * strlen("\\dir\\file.txt"));
    CHECK(File->Vpb == Toy.IoVolume->Disk->Vpb);
    CHECK_EQ(File->Vpb->ReferenceCount, 1);
    CHECK_EQ(Write(h, "hello ", NULL, &Iosb), STATUS_SUCCESS);
    CHECK_EQ(Iosb.Information, 6);
    CHECK_EQ(Write(h, "there", NULL, &Iosb), STATUS_SUCCESS);
    CHECK_EQ(File->CurrentByteOffset.QuadPart, 11);
    CHECK_EQ(Read(h, Text, 20, &Zero, &Iosb), STATUS_SUCCESS);
    CHECK_EQ(Iosb.Information, 11);
    CHECK_STR(Text, "hello there");
    CHECK_EQ(Read(h, Text, 20, NULL, &Iosb), STATUS_END_OF_FILE);
    CHECK_EQ(ZwClose(h), STATUS_SUCCESS);
    CHECK_STR(Toy.Log, "CWWRRUX");
    CHECK_EQ(IoxFileType.Live, 0);
    CHECK_EQ(Toy.IoVolume->Disk->Vpb->ReferenceCount, 0);
    CHECK_EQ(Toy.IoVolume->Disk->ReferenceCount, 0);
}

TEST(zw_pend, "zw.NtReadFile.synchronous_waits_for_a_pended_request")
{
    StartToy();
    IO_STATUS_BLOCK Iosb;
    LONGLONG Zero = 0;
    char Text[8];
    HANDLE h = ToyFileHandle(PATH);

    Toy.Pend = true;
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(Write(h, "abc", &Zero, &Iosb), STATUS_SUCCESS);
        CHECK_EQ(Read(h, Text, 3, &Zero, &Iosb), STATUS_SUCCESS);
        CHECK_EQ(Iosb.Information, 3);
    }
    Zero = 100;
    CHECK_EQ(Read(h, Text, 3, &Zero, &Iosb), STATUS_END_OF_FILE);
    ZwClose(h);
    CHECK_EQ(IoxFileType.Live, 0);
}

TEST(zw_async, "zw.NtReadFile.asynchronous_event_and_offset_rules")
{
    StartToy();
    IO_STATUS_BLOCK Iosb = {0};
    LONGLONG Zero = 0;
    LARGE_INTEGER Offset = {.QuadPart = 0};
    char Text[8];
    HANDLE h, Event;

    REQUIRE(NT_SUCCESS(ToyOpen(PATH, FILE_READ_DATA | FILE_WRITE_DATA, 7, FILE_OPEN_IF, 0, &h)));
    CHECK_EQ(ZwReadFile(h, NULL, NULL, NULL, &Iosb, Text, 3, NULL, NULL), STATUS_INVALID_PARAMETER);
    CHECK_EQ(Write(h, "abc", &Zero, &Iosb), STATUS_SUCCESS);
    REQUIRE(NT_SUCCESS(ZwCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, TRUE)));
    Toy.Pend = true;
    Iosb.Status = 1;
    CHECK_EQ(ZwReadFile(h, Event, NULL, NULL, &Iosb, Text, 3, &Offset, NULL), STATUS_PENDING);
    CHECK_EQ(ZwWaitForSingleObject(Event, FALSE, NULL), STATUS_SUCCESS);
    CHECK_EQ(Iosb.Status, STATUS_SUCCESS);
    CHECK_EQ(Iosb.Information, 3);
    /* Without an event the file itself is what is waited on. */
    CHECK_EQ(ZwReadFile(h, NULL, NULL, NULL, &Iosb, Text, 3, &Offset, NULL), STATUS_PENDING);
    CHECK_EQ(ZwWaitForSingleObject(h, FALSE, NULL), STATUS_SUCCESS);
    ZwClose(Event);
    ZwClose(h);
    CHECK_EQ(IoxFileType.Live, 0);
}

static LONG ApcRuns;
static PVOID ApcSeen;

static VOID NTAPI OnApc(PVOID Context, PIO_STATUS_BLOCK Iosb, ULONG Reserved)
{
    UNREFERENCED_PARAMETER(Reserved);
    ApcSeen = Context;
    CHECK_EQ(Iosb->Information, 3);
    ApcRuns++;
}

TEST(zw_apc, "zw.NtReadFile.apc_routine_runs_in_the_thread")
{
    StartToy();
    IO_STATUS_BLOCK Iosb;
    LONGLONG Zero = 0;
    LARGE_INTEGER Offset = {.QuadPart = 0};
    char Text[8];
    HANDLE h;

    REQUIRE(NT_SUCCESS(ToyOpen(PATH, FILE_READ_DATA | FILE_WRITE_DATA, 7, FILE_OPEN_IF, 0, &h)));
    Write(h, "abc", &Zero, &Iosb);
    Toy.Pend = true;
    CHECK_EQ(ZwReadFile(h, NULL, OnApc, &Zero, &Iosb, Text, 3, &Offset, NULL), STATUS_PENDING);
    ZwWaitForSingleObject(h, FALSE, NULL);
    for (int i = 0; i < 200 && !ApcRuns; i++) {
        LARGE_INTEGER t = {.QuadPart = -10000};
        KeDelayExecutionThread(KernelMode, TRUE, &t);
    }
    CHECK_EQ(ApcRuns, 1);
    CHECK(ApcSeen == &Zero);
    ZwClose(h);
}

TEST(zw_append, "zw.NtWriteFile.append_only_goes_to_the_end")
{
    StartToy();
    IO_STATUS_BLOCK Iosb;
    LONGLONG Zero = 0;
    HANDLE h = ToyFileHandle(PATH), a;
    LARGE_INTEGER End = {.LowPart = 0xffffffff, .HighPart = -1};

    Write(h, "12345", &Zero, &Iosb);
    REQUIRE(NT_SUCCESS(ToyOpen(PATH, FILE_APPEND_DATA | SYNCHRONIZE, 7, FILE_OPEN,
                               FILE_SYNCHRONOUS_IO_NONALERT, &a)));
    CHECK_EQ(Write(a, "x", &Zero, &Iosb), STATUS_SUCCESS);
    CHECK_EQ(Toy.LastOffset.QuadPart, -1);
    CHECK_EQ(Toy.Files->Size, 6);
    CHECK_EQ(ZwWriteFile(h, NULL, NULL, NULL, &Iosb, "y", 1, &End, NULL), STATUS_SUCCESS);
    CHECK_EQ(Toy.Files->Size, 7);
    ZwClose(a);
    ZwClose(h);
}

TEST(zw_rights, "zw.NtFlushBuffersFile.needs_write_or_append_access")
{
    StartToy();
    IO_STATUS_BLOCK Iosb;
    LONGLONG Zero = 0;
    char Text[4];
    HANDLE h = ToyFileHandle(PATH), r;

    REQUIRE(NT_SUCCESS(ToyOpen(PATH, FILE_READ_ATTRIBUTES | SYNCHRONIZE, 7, FILE_OPEN,
                               FILE_SYNCHRONOUS_IO_NONALERT, &r)));
    KexSetPreviousMode(UserMode);
    PIO_STATUS_BLOCK User = MmxAllocateUser(4096, PAGE_READWRITE);
    CHECK_EQ(NtFlushBuffersFile(r, User), STATUS_ACCESS_DENIED);
    CHECK_EQ(NtReadFile(r, NULL, NULL, NULL, User, (char *)User + 64, 4, NULL, NULL),
             STATUS_ACCESS_DENIED);
    CHECK_EQ(NtWriteFile(r, NULL, NULL, NULL, User, (char *)User + 64, 4, NULL, NULL),
             STATUS_ACCESS_DENIED);
    CHECK_EQ(NtFlushBuffersFile(h, User), STATUS_SUCCESS);
    KexSetPreviousMode(KernelMode);
    CHECK_EQ(ZwFlushBuffersFileEx(h, FLUSH_FLAGS_FILE_DATA_ONLY, NULL, 0, &Iosb), STATUS_SUCCESS);
    CHECK_EQ(Toy.LastMinor, IRP_MN_FLUSH_DATA_ONLY);
    CHECK_EQ(ZwFlushBuffersFileEx(h, 3, NULL, 0, &Iosb), STATUS_INVALID_PARAMETER);
    CHECK_EQ(Read(h, Text, 0, &Zero, &Iosb), STATUS_END_OF_FILE);
    ZwClose(r);
    ZwClose(h);
}

TEST(zw_user, "zw.NtReadFile.user_mode_probes")
{
    StartToy();
    IO_STATUS_BLOCK Kernel;
    LONGLONG Zero = 0;
    char Text[16];
    HANDLE h = ToyFileHandle(PATH);
    char *User = MmxAllocateUser(8192, PAGE_READWRITE), *Ro = MmxAllocateUser(4096, PAGE_READONLY);
    PIO_STATUS_BLOCK Iosb = (PVOID)User;
    PLARGE_INTEGER At = (PVOID)(User + 64);

    Write(h, "abcdef", &Zero, &Kernel);
    KexSetPreviousMode(UserMode);
    CHECK_EQ(NtReadFile(h, NULL, NULL, NULL, Iosb, User + 4096, 4, At, NULL), STATUS_SUCCESS);
    CHECK_EQ(Toy.LastMode, UserMode);
    CHECK(!memcmp(User + 4096, "abcd", 4));
    CHECK_EQ(NtReadFile(h, NULL, NULL, NULL, Iosb, Text, 4, At, NULL), STATUS_ACCESS_VIOLATION);
    CHECK_EQ(NtReadFile(h, NULL, NULL, NULL, Iosb, Ro, 4, At, NULL), STATUS_ACCESS_VIOLATION);
    CHECK_EQ(NtReadFile(h, NULL, NULL, NULL, &Kernel, User + 4096, 4, At, NULL),
             STATUS_ACCESS_VIOLATION);
    CHECK_EQ(NtReadFile(h, NULL, NULL, NULL, Iosb, User + 4096, 4, (PLARGE_INTEGER)((char *)At + 1),
                        NULL),
             STATUS_DATATYPE_MISALIGNMENT);
    CHECK_EQ(NtReadFile((HANDLE)0x4444, NULL, NULL, NULL, Iosb, User + 4096, 4, At, NULL),
             STATUS_INVALID_HANDLE);
    CHECK_EQ(NtReadFile(NtCurrentProcess(), NULL, NULL, NULL, Iosb, User, 4, At, NULL),
             STATUS_OBJECT_TYPE_MISMATCH);
    KexSetPreviousMode(KernelMode);
    ZwClose(h);
}

TEST(zw_buffers, "zw.NtReadFile.buffered_and_direct_devices")
{
    StartToy();
    IO_STATUS_BLOCK Iosb;
    LONGLONG Zero = 0;
    char Text[16];
    HANDLE h = ToyFileHandle(PATH);

    Write(h, "abcdef", &Zero, &Iosb);
    Toy.Volume->Flags |= DO_DIRECT_IO;
    CHECK_EQ(Read(h, Text, 6, &Zero, &Iosb), STATUS_SUCCESS);
    CHECK_STR(Text, "abcdef");
    CHECK(Toy.LastMdl != NULL);
    Toy.Pend = true;
    CHECK_EQ(Read(h, Text, 6, &Zero, &Iosb), STATUS_SUCCESS);
    CHECK_STR(Text, "abcdef");
    ZwClose(h);
}

TEST(zw_fast, "zw.NtReadFile.fast_io_first_then_the_request")
{
    StartToy();
    IO_STATUS_BLOCK Iosb;
    LONGLONG Zero = 0;
    FILE_STANDARD_INFORMATION Standard;
    char Text[16];
    HANDLE h;

    Toy.Cache = true;
    h = ToyFileHandle(PATH);
    Write(h, "abcdef", &Zero, &Iosb);
    Toy.Log[0] = 0;
    memset(Toy.Log, 0, sizeof Toy.Log);
    CHECK_EQ(Read(h, Text, 6, &Zero, &Iosb), STATUS_SUCCESS);
    CHECK_STR(Toy.Log, "f");
    CHECK_STR(Text, "abcdef");
    Toy.RefuseFast = true;
    CHECK_EQ(Read(h, Text, 6, &Zero, &Iosb), STATUS_SUCCESS);
    CHECK_STR(Toy.Log, "ffR");
    CHECK_EQ(ZwQueryInformationFile(h, &Iosb, &Standard, sizeof Standard, FileStandardInformation),
             STATUS_SUCCESS);
    CHECK_STR(Toy.Log, "ffRfQ");
    CHECK_EQ(Standard.EndOfFile.QuadPart, 6);
    Toy.RefuseFast = false;
    Standard.EndOfFile.QuadPart = 0;
    CHECK_EQ(ZwQueryInformationFile(h, &Iosb, &Standard, sizeof Standard, FileStandardInformation),
             STATUS_SUCCESS);
    CHECK_STR(Toy.Log, "ffRfQf");
    CHECK_EQ(Standard.EndOfFile.QuadPart, 6);
    /* A file that is not cached is never tried. */
    ToyFileObject(h)->PrivateCacheMap = NULL;
    Read(h, Text, 6, &Zero, &Iosb);
    CHECK_STR(Toy.Log, "ffRfQfR");
    ZwClose(h);
}

TEST(zw_query, "zw.NtQueryInformationFile.classes_lengths_and_names")
{
    StartToy();
    union {
        FILE_NAME_INFORMATION Name;
        FILE_POSITION_INFORMATION Position;
        FILE_MODE_INFORMATION Mode;
        FILE_ACCESS_INFORMATION Access;
        OBJECT_NAME_INFORMATION Object;
        char Room[512];
    } Out;
    UNICODE_STRING Want;
    IO_STATUS_BLOCK Iosb;
    ULONG Needed;
    HANDLE h = ToyFileHandle(PATH);

    CHECK_EQ(ZwQueryInformationFile(h, &Iosb, &Out, sizeof Out, 0), STATUS_INVALID_INFO_CLASS);
    CHECK_EQ(ZwQueryInformationFile(h, &Iosb, &Out, sizeof Out, FileDirectoryInformation),
             STATUS_INVALID_INFO_CLASS);
    CHECK_EQ(ZwQueryInformationFile(h, &Iosb, &Out, 4, FilePositionInformation),
             STATUS_INFO_LENGTH_MISMATCH);
    CHECK_EQ(ZwQueryInformationFile(h, &Iosb, &Out, sizeof Out, FileModeInformation),
             STATUS_SUCCESS);
    CHECK_EQ(Out.Mode.Mode, FILE_SYNCHRONOUS_IO_NONALERT);
    CHECK_EQ(ZwQueryInformationFile(h, &Iosb, &Out, sizeof Out, FileAccessInformation),
             STATUS_SUCCESS);
    CHECK_EQ(Out.Access.AccessFlags, FILE_GENERIC_READ | FILE_GENERIC_WRITE | DELETE);
    CHECK_EQ(ZwQueryInformationFile(h, &Iosb, &Out, sizeof Out, FileNameInformation),
             STATUS_SUCCESS);
    CHECK_EQ(Out.Name.FileNameLength, 26);
    /* A name that does not fit is cut, and the part that fits is delivered: a warning, not an
     * error. */
    CHECK_EQ(ZwQueryInformationFile(h, &Iosb, &Out, 12, FileNameInformation),
             STATUS_BUFFER_OVERFLOW);
    CHECK_EQ(Iosb.Status, STATUS_BUFFER_OVERFLOW);
    Out.Position.CurrentByteOffset.QuadPart = 77;
    CHECK_EQ(ZwSetInformationFile(h, &Iosb, &Out, sizeof Out.Position, FilePositionInformation),
             STATUS_SUCCESS);
    CHECK_EQ(ToyFileObject(h)->CurrentByteOffset.QuadPart, 77);
    CHECK_EQ(ZwQueryObject(h, ObjectNameInformation, &Out, sizeof Out, &Needed), STATUS_SUCCESS);
    RtlInitUnicodeString(&Want, L"\\Device\\HarddiskVolume1\\dir\\file.txt");
    CHECK(RtlEqualUnicodeString(&Out.Object.Name, &Want, FALSE));
    ZwClose(h);
}

TEST(zw_share, "zw.NtCreateFile.sharing_violation")
{
    StartToy();
    HANDLE h, i;

    REQUIRE(NT_SUCCESS(ToyOpen(PATH, FILE_READ_DATA, FILE_SHARE_READ, FILE_OPEN_IF, 0, &h)));
    CHECK_EQ(ToyOpen(PATH, FILE_READ_DATA, FILE_SHARE_READ, FILE_OPEN, 0, &i), STATUS_SUCCESS);
    ZwClose(i);
    CHECK_EQ(ToyOpen(PATH, FILE_WRITE_DATA, 7, FILE_OPEN, 0, &i), STATUS_SHARING_VIOLATION);
    CHECK_EQ(ToyOpen(PATH, FILE_READ_DATA, 0, FILE_OPEN, 0, &i), STATUS_SHARING_VIOLATION);
    CHECK_EQ(ToyOpen(PATH, DELETE, 7, FILE_OPEN, 0, &i), STATUS_SHARING_VIOLATION);
    CHECK_EQ(ToyOpen(PATH, FILE_READ_ATTRIBUTES, 0, FILE_OPEN, 0, &i), STATUS_SUCCESS);
    ZwClose(i);
    ZwClose(h);
    CHECK_EQ(ToyOpen(PATH, FILE_WRITE_DATA, 0, FILE_OPEN, 0, &i), STATUS_SUCCESS);
    ZwClose(i);
    CHECK_EQ(IoxFileType.Live, 0);
}

/* Every pair of what the first opener does and shares against what the second does and shares. */
TEST(io_share_matrix, "io.IoCheckShareAccess.matrix")
{
    StartKernel();
    static const ACCESS_MASK Bits[] = {FILE_READ_DATA, FILE_WRITE_DATA, DELETE};
    SHARE_ACCESS Share;
    PFILE_OBJECT A, B;

    REQUIRE(NT_SUCCESS(IoxCreateFileObject(NULL, NULL, &A)));
    REQUIRE(NT_SUCCESS(IoxCreateFileObject(NULL, NULL, &B)));
    for (int n = 0; n < 8 * 8 * 8 * 8; n++) {
        int DoA = n & 7, ShareA = (n >> 3) & 7, DoB = (n >> 6) & 7, ShareB = (n >> 9) & 7;
        ACCESS_MASK AccessA = 0, AccessB = 0;
        bool Fits = !DoA || !DoB || (!(DoB & ~ShareA) && !(DoA & ~ShareB));

        for (int i = 0; i < 3; i++) {
            AccessA |= DoA >> i & 1 ? Bits[i] : 0;
            AccessB |= DoB >> i & 1 ? Bits[i] : 0;
        }
        IoSetShareAccess(AccessA, (ULONG)ShareA, A, &Share);
        NTSTATUS Status = IoCheckShareAccess(AccessB, (ULONG)ShareB, B, &Share, TRUE);
        CHECK_EQ(Status, Fits ? STATUS_SUCCESS : STATUS_SHARING_VIOLATION);
        if (NT_SUCCESS(Status))
            IoRemoveShareAccess(B, &Share);
        IoRemoveShareAccess(A, &Share);
        CHECK_EQ(Share.OpenCount | Share.Readers | Share.Writers | Share.Deleters, 0);
    }
}

TEST(zw_parameters, "zw.NtCreateFile.contradicting_arguments")
{
    StartToy();
    HANDLE h;

    CHECK_EQ(ToyOpen(PATH, FILE_READ_DATA, 8, FILE_OPEN, 0, &h), STATUS_INVALID_PARAMETER);
    CHECK_EQ(ToyOpen(PATH, FILE_READ_DATA, 7, 6, 0, &h), STATUS_INVALID_PARAMETER);
    CHECK_EQ(ToyOpen(PATH, FILE_READ_DATA, 7, FILE_OPEN, FILE_SYNCHRONOUS_IO_ALERT, &h),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(ToyOpen(PATH, FILE_READ_DATA, 7, FILE_OPEN, FILE_DELETE_ON_CLOSE, &h),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(ToyOpen(PATH, FILE_READ_DATA, 7, FILE_OPEN,
                     FILE_DIRECTORY_FILE | FILE_NON_DIRECTORY_FILE, &h),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(ToyOpen(PATH, FILE_READ_DATA, 7, FILE_OVERWRITE, FILE_DIRECTORY_FILE, &h),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(ToyOpen(PATH, FILE_APPEND_DATA, 7, FILE_OPEN, FILE_NO_INTERMEDIATE_BUFFERING, &h),
             STATUS_INVALID_PARAMETER);
    CHECK_STR(Toy.Log, "");
    CHECK_EQ(ToyOpen(L"\\??\\Q:\\x", FILE_READ_DATA, 7, FILE_OPEN, 0, &h),
             STATUS_OBJECT_PATH_NOT_FOUND);
    CHECK_EQ(ToyOpen(PATH, FILE_READ_DATA, 7, FILE_OPEN, 0, &h), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_STR(Toy.Log, "C");
    Toy.FailCreate = STATUS_ACCESS_DENIED;
    CHECK_EQ(ToyOpen(PATH, FILE_READ_DATA, 7, FILE_OPEN_IF, 0, &h), STATUS_ACCESS_DENIED);
    CHECK_EQ(IoxFileType.Live, 0);
}

TEST(zw_relative, "zw.NtCreateFile.relative_to_a_directory_handle")
{
    StartToy();
    HANDLE d = ToyFileHandle(L"\\Device\\HarddiskVolume1\\dir"), h;
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"sub\\x.txt"),
                   Want = RTL_CONSTANT_STRING(L"\\dir\\sub\\x.txt");
    OBJECT_ATTRIBUTES Attributes;
    IO_STATUS_BLOCK Iosb;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, d, NULL);
    CHECK_EQ(
        ZwCreateFile(&h, FILE_READ_DATA, &Attributes, &Iosb, NULL, 0, 7, FILE_CREATE, 0, NULL, 0),
        STATUS_SUCCESS);
    CHECK_EQ(Iosb.Information, FILE_CREATED);
    PFILE_OBJECT File = ToyFileObject(h);
    CHECK(File->RelatedFileObject == ToyFileObject(d));
    CHECK(RtlEqualUnicodeString(&File->FileName, &Name, FALSE));
    CHECK(RtlEqualUnicodeString(IoxFilePath(File), &Want, FALSE));
    ZwClose(d);
    ZwClose(h);
    CHECK_EQ(IoxFileType.Live, 0);
}

TEST(zw_paging, "io.IoxPageRead.shape_of_a_paging_request")
{
    StartToy();
    IO_STATUS_BLOCK Iosb;
    LONGLONG Zero = 0;
    HANDLE h = ToyFileHandle(PATH);
    PFILE_OBJECT File = ToyFileObject(h);
    char *Page = host_map(PAGE_SIZE, HOST_RW);

    Write(h, "paged", &Zero, &Iosb);
    CHECK_EQ(IoxPageRead(File, Page, PAGE_SIZE, 0, &Iosb), STATUS_SUCCESS);
    CHECK_EQ(Iosb.Information, 5);
    CHECK_STR(Page, "paged");
    CHECK_EQ(Toy.LastFlags & (IRP_PAGING_IO | IRP_NOCACHE | IRP_SYNCHRONOUS_PAGING_IO),
             IRP_PAGING_IO | IRP_NOCACHE | IRP_SYNCHRONOUS_PAGING_IO);
    CHECK(Toy.LastMdl != NULL);
    CHECK_EQ(Toy.LastMode, KernelMode);
    CHECK_EQ(File->CurrentByteOffset.QuadPart, 5);
    memcpy(Page, "PAGED", 5);
    Toy.Pend = true;
    KIRQL Irql;
    KeRaiseIrql(APC_LEVEL, &Irql);
    CHECK_EQ(IoxPageWrite(File, Page, 5, 0, &Iosb), STATUS_SUCCESS);
    KeLowerIrql(Irql);
    CHECK(!memcmp(Toy.Files->Data, "PAGED", 5));
    CHECK_EQ(IoxPageRead(File, Page, PAGE_SIZE, 65536, &Iosb), STATUS_END_OF_FILE);
    ZwClose(h);
}

TEST(zw_cancel, "zw.NtCancelIoFileEx.cancels_a_held_read")
{
    StartToy();
    IO_STATUS_BLOCK Iosb = {0}, Other;
    LARGE_INTEGER Offset = {.QuadPart = 0};
    LONGLONG Zero = 0;
    char Text[8];
    HANDLE h, Event;

    REQUIRE(NT_SUCCESS(ToyOpen(PATH, FILE_READ_DATA | FILE_WRITE_DATA, 7, FILE_OPEN_IF, 0, &h)));
    REQUIRE(NT_SUCCESS(ZwCreateEvent(&Event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE)));
    Write(h, "abc", &Zero, &Iosb);
    Toy.Hold = true;
    CHECK_EQ(ZwCancelIoFileEx(h, NULL, &Other), STATUS_NOT_FOUND);
    CHECK_EQ(ZwReadFile(h, Event, NULL, NULL, &Iosb, Text, 3, &Offset, NULL), STATUS_PENDING);
    CHECK_EQ(ZwCancelIoFileEx(h, &Other, &Other), STATUS_NOT_FOUND);
    CHECK_EQ(ZwCancelIoFileEx(h, &Iosb, &Other), STATUS_SUCCESS);
    CHECK_EQ(ZwWaitForSingleObject(Event, FALSE, NULL), STATUS_SUCCESS);
    CHECK_EQ(Iosb.Status, STATUS_CANCELLED);
    CHECK_EQ(ZwReadFile(h, Event, NULL, NULL, &Iosb, Text, 3, &Offset, NULL), STATUS_PENDING);
    CHECK_EQ(ZwCancelIoFile(h, &Other), STATUS_SUCCESS);
    CHECK_EQ(ZwWaitForSingleObject(Event, FALSE, NULL), STATUS_SUCCESS);
    CHECK_EQ(Iosb.Status, STATUS_CANCELLED);
    ZwClose(Event);
    ZwClose(h);
    CHECK_EQ(IoxFileType.Live, 0);
}

TEST(zw_control, "zw.NtFsControlFile.every_transfer_method")
{
    StartToy();
    IO_STATUS_BLOCK Iosb;
    char In[8] = "abc", Out[8];
    HANDLE h = ToyFileHandle(PATH);

    for (ULONG Method = 0; Method < 4; Method++) {
        ULONG Code = CTL_CODE(FILE_DEVICE_FILE_SYSTEM, 2100, Method, FILE_ANY_ACCESS);

        memset(Out, 0, sizeof Out);
        CHECK_EQ(ZwFsControlFile(h, NULL, NULL, NULL, &Iosb, Code, In, 3, Out, sizeof Out),
                 STATUS_SUCCESS);
        CHECK_EQ(Iosb.Information, 3);
        CHECK_STR(Out, "ABC");
    }
    ZwClose(h);
}

TEST(zw_delete, "zw.NtDeleteFile.opens_for_deletion_and_closes")
{
    StartToy();
    UNICODE_STRING Name = RTL_CONSTANT_STRING(PATH);
    OBJECT_ATTRIBUTES Attributes;
    FILE_NETWORK_OPEN_INFORMATION Net;
    IO_STATUS_BLOCK Iosb;
    LONGLONG Zero = 0;
    HANDLE h = ToyFileHandle(PATH);

    Write(h, "1234567", &Zero, &Iosb);
    ZwClose(h);
    InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    CHECK_EQ(ZwQueryFullAttributesFile(&Attributes, &Net), STATUS_SUCCESS);
    CHECK_EQ(Net.EndOfFile.QuadPart, 7);
    CHECK_EQ(ZwDeleteFile(&Attributes), STATUS_SUCCESS);
    CHECK_EQ(ZwDeleteFile(&Attributes), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_EQ(ZwQueryFullAttributesFile(&Attributes, &Net), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_EQ(IoxFileType.Live, 0);
}

TEST(io_names, "io.IoVolumeDeviceToDosName.letter_guid_and_file")
{
    StartToy();
    UNICODE_STRING Dos, Want = RTL_CONSTANT_STRING(L"C:"),
                        Full = RTL_CONSTANT_STRING(L"C:\\dir\\file.txt");
    UNICODE_STRING Device = RTL_CONSTANT_STRING(L"\\Device\\HarddiskVolume1");
    POBJECT_NAME_INFORMATION Name;
    PFILE_OBJECT Opened;
    PDEVICE_OBJECT Top;
    HANDLE h = ToyFileHandle(PATH);

    CHECK_EQ(IoVolumeDeviceToDosName(Toy.Volume, &Dos), STATUS_SUCCESS);
    CHECK(RtlEqualUnicodeString(&Dos, &Want, FALSE));
    ExFreePool(Dos.Buffer);
    CHECK_EQ(IoQueryFileDosDeviceName(ToyFileObject(h), &Name), STATUS_SUCCESS);
    CHECK(RtlEqualUnicodeString(&Name->Name, &Full, FALSE));
    ExFreePool(Name);
    /* For attributes only: the disk itself, and no file system hears of it. */
    memset(Toy.Log, 0, sizeof Toy.Log);
    CHECK_EQ(IoGetDeviceObjectPointer(&Device, FILE_READ_ATTRIBUTES, &Opened, &Top),
             STATUS_SUCCESS);
    CHECK(Top == Toy.IoVolume->Disk);
    CHECK_STR(Toy.Log, "");
    ObDereferenceObject(Opened);
    ZwClose(h);
}

TEST(io_stream, "io.IoCreateStreamFileObject.cleanup_at_once_close_at_the_end")
{
    StartToy();
    HANDLE h = ToyFileHandle(PATH);
    PFILE_OBJECT Stream;

    memset(Toy.Log, 0, sizeof Toy.Log);
    Stream = IoCreateStreamFileObject(ToyFileObject(h), NULL);
    CHECK_STR(Toy.Log, "U");
    CHECK(Stream->Flags & FO_STREAM_FILE);
    ObDereferenceObject(Stream);
    CHECK_STR(Toy.Log, "UX");
    Stream = IoCreateStreamFileObjectLite(ToyFileObject(h), NULL);
    ObDereferenceObject(Stream);
    CHECK_STR(Toy.Log, "UXX");
    ZwClose(h);
}

static LONG InLoop;

static VOID NTAPI Reader(PVOID Context)
{
    IO_STATUS_BLOCK Iosb;
    LONGLONG Zero = 0;
    char Text[8];

    for (int i = 0; i < 200; i++) {
        CHECK_EQ(Read(Context, Text, sizeof Text, &Zero, &Iosb), STATUS_SUCCESS);
        CHECK_STR(Text, "abc");
    }
    __atomic_fetch_sub(&InLoop, 1, __ATOMIC_RELEASE);
}

TEST(zw_threads, "zw.NtReadFile.one_request_at_a_time_on_a_synchronous_file")
{
    StartToy();
    IO_STATUS_BLOCK Iosb;
    LONGLONG Zero = 0;
    PVOID Body[4];
    UNICODE_STRING Name = RTL_CONSTANT_STRING(PATH);
    OBJECT_ATTRIBUTES Attributes;
    HANDLE h, t;

    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE, NULL, NULL);
    REQUIRE(NT_SUCCESS(ZwCreateFile(&h, FILE_READ_DATA | FILE_WRITE_DATA | SYNCHRONIZE, &Attributes,
                                    &Iosb, NULL, 0, 7, FILE_OPEN_IF, FILE_SYNCHRONOUS_IO_NONALERT,
                                    NULL, 0)));
    Write(h, "abc", &Zero, &Iosb);
    InLoop = 4;
    for (int i = 0; i < 4; i++) {
        REQUIRE(NT_SUCCESS(PsCreateSystemThread(&t, 0, NULL, NULL, NULL, Reader, h)));
        REQUIRE(
            NT_SUCCESS(ObReferenceObjectByHandle(t, 0, PsThreadType, KernelMode, &Body[i], NULL)));
        ZwClose(t);
    }
    for (int i = 0; i < 4; i++) {
        KeWaitForSingleObject(Body[i], Executive, KernelMode, FALSE, NULL);
        ObDereferenceObject(Body[i]);
    }
    CHECK_EQ(InLoop, 0);
    CHECK_EQ(ToyFileObject(h)->Busy, 0);
    CHECK_EQ(ToyFileObject(h)->Waiters, 0);
    ZwClose(h);
    CHECK_EQ(IoxFileType.Live, 0);
}

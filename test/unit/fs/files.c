/* SPDX-License-Identifier: MIT */
/* The file system through system calls: names, opens, deletion, renames, sizes, listings, locks. */
#include "volume.h"

static NTSTATUS Try(const char *Path, ACCESS_MASK Access, ULONG Share, ULONG Disposition,
                    ULONG Options)
{
    HANDLE Handle;
    NTSTATUS Status =
        Create(Path, Access, FILE_ATTRIBUTE_NORMAL, Share, Disposition, Options, &Handle, NULL);

    if (NT_SUCCESS(Status))
        ZwClose(Handle);
    return Status;
}

#define RW (FILE_GENERIC_READ | FILE_GENERIC_WRITE)

TEST(dispositions, "fs.create.dispositions")
{
    ULONG_PTR Information = 99;
    HANDLE Handle;

    Mount(0);
    CHECK_EQ(Try("\\a", RW, SHARE_ALL, FILE_OPEN, 0), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_EQ(Try("\\a", RW, SHARE_ALL, FILE_OVERWRITE, 0), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_EQ(Try("\\none\\a", RW, SHARE_ALL, FILE_CREATE, 0), STATUS_OBJECT_PATH_NOT_FOUND);
    CHECK_EQ(Create("\\a", RW, 0, SHARE_ALL, FILE_OPEN_IF, 0, &Handle, &Information),
             STATUS_SUCCESS);
    CHECK_EQ(Information, FILE_CREATED);
    CHECK_EQ(WriteAt(Handle, 0, "12345", 5), STATUS_SUCCESS);
    ZwClose(Handle);
    CHECK_EQ(Try("\\A", RW, SHARE_ALL, FILE_CREATE, 0), STATUS_OBJECT_NAME_COLLISION);
    CHECK_EQ(Create("\\a", RW, 0, SHARE_ALL, FILE_OPEN_IF, 0, &Handle, &Information),
             STATUS_SUCCESS);
    CHECK_EQ(Information, FILE_OPENED);
    CHECK_EQ(SizeOf(Handle), 5);
    ZwClose(Handle);
    CHECK_EQ(Create("\\a", RW, 0, SHARE_ALL, FILE_OVERWRITE_IF, 0, &Handle, &Information),
             STATUS_SUCCESS);
    CHECK_EQ(Information, FILE_OVERWRITTEN);
    CHECK_EQ(SizeOf(Handle), 0);
    ZwClose(Handle);
    CHECK_EQ(Create("\\a", RW | DELETE, 0, SHARE_ALL, FILE_SUPERSEDE, 0, &Handle, &Information),
             STATUS_SUCCESS);
    CHECK_EQ(Information, FILE_SUPERSEDED);
    ZwClose(Handle);
    CHECK_EQ(Try("\\a\\b", RW, SHARE_ALL, FILE_CREATE, 0), STATUS_OBJECT_PATH_NOT_FOUND);
    Unmount();
}

TEST(kinds, "fs.create.directories_and_files")
{
    Mount(0);
    CHECK_EQ(Try("\\d", RW, SHARE_ALL, FILE_CREATE, FILE_DIRECTORY_FILE), STATUS_SUCCESS);
    CHECK_EQ(Try("\\f", RW, SHARE_ALL, FILE_CREATE, FILE_NON_DIRECTORY_FILE), STATUS_SUCCESS);
    CHECK_EQ(Try("\\d", FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, FILE_NON_DIRECTORY_FILE),
             STATUS_FILE_IS_A_DIRECTORY);
    CHECK_EQ(Try("\\f", FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, FILE_DIRECTORY_FILE),
             STATUS_NOT_A_DIRECTORY);
    CHECK_EQ(Try("\\d\\", FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, FILE_DIRECTORY_FILE),
             STATUS_SUCCESS);
    CHECK_EQ(Try("\\d\\x", RW, SHARE_ALL, FILE_CREATE, 0), STATUS_SUCCESS);
    CHECK_EQ(Try("\\d\\y*", RW, SHARE_ALL, FILE_CREATE, 0), STATUS_OBJECT_NAME_INVALID);
    CHECK_EQ(Try("\\d\\\\x", RW, SHARE_ALL, FILE_OPEN, 0), STATUS_OBJECT_NAME_INVALID);
    CHECK_EQ(Try("\\", FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, FILE_DIRECTORY_FILE),
             STATUS_SUCCESS);
    CHECK_EQ(Try("", FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, 0), STATUS_SUCCESS); /* the volume */
    Unmount();
}

TEST(sharing, "fs.create.share_access")
{
    HANDLE Handle;

    Mount(0);
    CHECK_EQ(Create("\\a", FILE_GENERIC_READ, 0, FILE_SHARE_READ, FILE_CREATE, 0, &Handle, NULL),
             STATUS_SUCCESS);
    CHECK_EQ(Try("\\a", FILE_GENERIC_READ, FILE_SHARE_READ, FILE_OPEN, 0), STATUS_SUCCESS);
    CHECK_EQ(Try("\\a", FILE_GENERIC_WRITE, SHARE_ALL, FILE_OPEN, 0), STATUS_SHARING_VIOLATION);
    CHECK_EQ(Try("\\a", FILE_GENERIC_READ, 0, FILE_OPEN, 0), STATUS_SHARING_VIOLATION);
    CHECK_EQ(Try("\\a", DELETE, SHARE_ALL, FILE_OPEN, 0), STATUS_SHARING_VIOLATION);
    CHECK_EQ(Try("\\a", FILE_READ_ATTRIBUTES, 0, FILE_OPEN, 0), STATUS_SUCCESS);
    ZwClose(Handle);
    CHECK_EQ(Try("\\a", FILE_GENERIC_WRITE, 0, FILE_OPEN, 0), STATUS_SUCCESS);
    Unmount();
}

static NTSTATUS Dispose(HANDLE Handle, bool Delete)
{
    FILE_DISPOSITION_INFORMATION Info = {Delete};
    IO_STATUS_BLOCK Iosb;

    return ZwSetInformationFile(Handle, &Iosb, &Info, sizeof Info, FileDispositionInformation);
}

TEST(deletion, "fs.delete.pending_until_the_last_handle")
{
    HANDLE a, b;

    Mount(0);
    a = Open("\\a", FILE_CREATE, 0);
    b = Open("\\a", FILE_OPEN, 0);
    CHECK_EQ(WriteAt(a, 0, "data", 4), STATUS_SUCCESS);
    CHECK_EQ(Dispose(a, true), STATUS_SUCCESS);
    CHECK_EQ(Try("\\a", FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, 0), STATUS_DELETE_PENDING);
    ZwClose(a);
    CHECK_EQ(Try("\\a", FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, 0), STATUS_DELETE_PENDING);
    ResetSeen();
    ZwClose(b);
    CHECK_EQ(Try("\\a", FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, 0), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_EQ(Seen.StoreWrites, 0); /* a deleted file's pages are not written back */
    a = Open("\\b", FILE_CREATE, FILE_DELETE_ON_CLOSE);
    ZwClose(a);
    CHECK_EQ(Try("\\b", FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, 0), STATUS_OBJECT_NAME_NOT_FOUND);
    a = Open("\\d", FILE_CREATE, FILE_DIRECTORY_FILE);
    b = Open("\\d\\x", FILE_CREATE, 0);
    CHECK_EQ(Dispose(a, true), STATUS_DIRECTORY_NOT_EMPTY);
    ZwClose(b);
    ZwClose(a);
    Unmount();
}

static NTSTATUS Rename(HANDLE Handle, const char *To, bool Replace)
{
    UCHAR Buffer[600] = {0};
    FILE_RENAME_INFORMATION *Info = (FILE_RENAME_INFORMATION *)Buffer;
    UNICODE_STRING Name = Wide(To);
    IO_STATUS_BLOCK Iosb;

    Info->ReplaceIfExists = Replace;
    Info->FileNameLength = Name.Length;
    memcpy(Info->FileName, Name.Buffer, Name.Length);
    return ZwSetInformationFile(Handle, &Iosb, Info, (ULONG)sizeof *Info + Name.Length,
                                FileRenameInformation);
}

TEST(rename, "fs.rename.simple_replace_and_case")
{
    UCHAR Buffer[600];
    FILE_NAME_INFORMATION *Name = (FILE_NAME_INFORMATION *)Buffer;
    IO_STATUS_BLOCK Iosb;
    HANDLE a, b;

    Mount(0);
    a = Open("\\a", FILE_CREATE, 0);
    b = Open("\\b", FILE_CREATE, 0);
    CHECK_EQ(WriteAt(a, 0, "A", 1), STATUS_SUCCESS);
    CHECK_EQ(Rename(a, "b", false), STATUS_OBJECT_NAME_COLLISION);
    CHECK_EQ(Rename(a, "b", true), STATUS_ACCESS_DENIED); /* the target is open */
    ZwClose(b);
    CHECK_EQ(Rename(a, "b", true), STATUS_SUCCESS);
    CHECK_EQ(Rename(a, "B", false), STATUS_SUCCESS);
    CHECK_EQ(ZwQueryInformationFile(a, &Iosb, Name, sizeof Buffer, FileNameInformation),
             STATUS_SUCCESS);
    CHECK_EQ(Name->FileNameLength, 4);
    CHECK_EQ(Name->FileName[1], 'B');
    ZwClose(a);
    CHECK_EQ(Try("\\a", FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, 0), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_EQ(Try("\\b", FILE_GENERIC_READ, SHARE_ALL, FILE_OPEN, 0), STATUS_SUCCESS);
    Unmount();
}

TEST(streams, "fs.streams.named_data")
{
    UCHAR Buffer[400];
    FILE_STREAM_INFORMATION *s = (FILE_STREAM_INFORMATION *)Buffer;
    IO_STATUS_BLOCK Iosb;
    char Got[4] = "";
    HANDLE a, b;
    ULONG n;

    Mount(0);
    a = Open("\\a", FILE_CREATE, 0);
    CHECK_EQ(Try("\\a:x", RW, SHARE_ALL, FILE_OPEN, 0), STATUS_OBJECT_NAME_NOT_FOUND);
    b = Open("\\a:x:$DATA", FILE_CREATE, 0);
    CHECK_EQ(WriteAt(a, 0, "main", 4), STATUS_SUCCESS);
    CHECK_EQ(WriteAt(b, 0, "sub", 3), STATUS_SUCCESS);
    CHECK_EQ(ReadAt(b, 0, Got, 4, &n), STATUS_SUCCESS);
    CHECK(n == 3 && !memcmp(Got, "sub", 3));
    CHECK_EQ(ZwQueryInformationFile(a, &Iosb, s, sizeof Buffer, FileStreamInformation),
             STATUS_SUCCESS);
    CHECK_EQ(s->StreamNameLength, 14); /* ::$DATA */
    CHECK_EQ(s->StreamSize.QuadPart, 4);
    CHECK(s->NextEntryOffset);
    s = (FILE_STREAM_INFORMATION *)(Buffer + s->NextEntryOffset);
    CHECK_EQ(s->StreamNameLength, 16); /* :x:$DATA */
    CHECK_EQ(s->StreamName[1], 'x');
    CHECK_EQ(Dispose(b, true), STATUS_SUCCESS);
    ZwClose(b);
    CHECK_EQ(Try("\\a:x", RW, SHARE_ALL, FILE_OPEN, 0), STATUS_OBJECT_NAME_NOT_FOUND);
    ZwClose(a);
    Unmount();
}

TEST(listing, "fs.directory.pattern_restart_and_small_buffers")
{
    UCHAR Buffer[400];
    FILE_BOTH_DIR_INFORMATION *e = (FILE_BOTH_DIR_INFORMATION *)Buffer;
    UNICODE_STRING Pattern;
    IO_STATUS_BLOCK Iosb;
    unsigned Count = 0;
    HANDLE d;

    Mount(0);
    ZwClose(Open("\\d", FILE_CREATE, FILE_DIRECTORY_FILE));
    for (int i = 0; i < 40; i++) {
        char Path[40];

        snprintf(Path, sizeof Path, "\\d\\file number %02d.%s", i, i % 2 ? "txt" : "dat");
        ZwClose(Open(Path, FILE_CREATE, 0));
    }
    d = Open("\\d", FILE_OPEN, FILE_DIRECTORY_FILE);
    Pattern = Wide("*.TXT");
    for (BOOLEAN Restart = TRUE;; Restart = FALSE) {
        NTSTATUS Status =
            ZwQueryDirectoryFile(d, NULL, NULL, NULL, &Iosb, Buffer, sizeof Buffer,
                                 FileBothDirectoryInformation, FALSE, &Pattern, Restart);

        if (Status == STATUS_NO_MORE_FILES)
            break;
        CHECK_EQ(Status, STATUS_SUCCESS);
        REQUIRE(NT_SUCCESS(Status));
        for (FILE_BOTH_DIR_INFORMATION *f = e;;
             f = (FILE_BOTH_DIR_INFORMATION *)((UCHAR *)f + f->NextEntryOffset)) {
            Count++;
            CHECK_EQ(f->FileNameLength, 36);
            CHECK(f->ShortNameLength == 24 || f->ShortNameLength == 20);
            if (!f->NextEntryOffset)
                break;
        }
    }
    CHECK_EQ(Count, 20);
    ZwClose(d);
    d = Open("\\d", FILE_OPEN, FILE_DIRECTORY_FILE);
    CHECK_EQ(ZwQueryDirectoryFile(d, NULL, NULL, NULL, &Iosb, Buffer, sizeof Buffer,
                                  FileBothDirectoryInformation, TRUE, NULL, TRUE),
             STATUS_SUCCESS);
    CHECK_EQ(e->FileNameLength, 2); /* "." comes first */
    CHECK_EQ(e->NextEntryOffset, 0);
    ZwClose(d);
    d = Open("\\d", FILE_OPEN, FILE_DIRECTORY_FILE);
    Pattern = Wide("nothing");
    CHECK_EQ(ZwQueryDirectoryFile(d, NULL, NULL, NULL, &Iosb, Buffer, sizeof Buffer,
                                  FileBothDirectoryInformation, TRUE, &Pattern, TRUE),
             STATUS_NO_SUCH_FILE);
    ZwClose(d);
    Unmount();
}

TEST(sizes, "fs.sizes.valid_data_and_zeroes")
{
    static UCHAR Buffer[70000];
    HANDLE a;
    ULONG n;

    Mount(0);
    a = Open("\\a", FILE_CREATE, 0);
    CHECK_EQ(SetEnd(a, 100000), STATUS_SUCCESS);
    CHECK_EQ(WriteAt(a, 50000, "x", 1), STATUS_SUCCESS);
    memset(Buffer, 0xee, sizeof Buffer);
    CHECK_EQ(ReadAt(a, 40000, Buffer, sizeof Buffer, &n), STATUS_SUCCESS);
    CHECK_EQ(n, 60000);
    for (ULONG i = 0; i < n; i++)
        if (Buffer[i] != (i == 10000 ? 'x' : 0)) {
            CHECK_EQ(i, n);
            break;
        }
    CHECK_EQ(ReadAt(a, 100000, Buffer, 1, &n), STATUS_END_OF_FILE);
    CHECK_EQ(SetEnd(a, 50000), STATUS_SUCCESS);
    CHECK_EQ(SetEnd(a, 60000), STATUS_SUCCESS);
    CHECK_EQ(ReadAt(a, 49999, Buffer, 3, &n), STATUS_SUCCESS);
    CHECK(n == 3 && !Buffer[0] && !Buffer[1]); /* the x was cut off */
    ZwClose(a);
    Unmount();
}

TEST(full, "fs.sizes.disk_full")
{
    HANDLE a;

    Mount(1 << 20);
    a = Open("\\a", FILE_CREATE, 0);
    CHECK_EQ(SetEnd(a, 2 << 20), STATUS_DISK_FULL);
    CHECK_EQ(SizeOf(a), 0);
    CHECK_EQ(WriteAt(a, (1 << 20) - 1, "ab", 2), STATUS_DISK_FULL);
    CHECK_EQ(SizeOf(a), 0);
    ZwClose(a);
    Unmount();
}

TEST(alignment, "fs.noncached.sector_alignment")
{
    UCHAR Buffer[1024] = {0};
    HANDLE a;
    ULONG n;

    Mount(0);
    a = Open("\\a", FILE_CREATE, FILE_NO_INTERMEDIATE_BUFFERING);
    CHECK_EQ(WriteAt(a, 0, Buffer, 100), STATUS_INVALID_PARAMETER);
    CHECK_EQ(WriteAt(a, 100, Buffer, 512), STATUS_INVALID_PARAMETER);
    CHECK_EQ(WriteAt(a, 512, Buffer, 512), STATUS_SUCCESS);
    CHECK_EQ(ReadAt(a, 0, Buffer, 1024, &n), STATUS_SUCCESS);
    CHECK_EQ(n, 1024);
    CHECK_EQ(ReadAt(a, 0, Buffer, 100, &n), STATUS_INVALID_PARAMETER);
    ZwClose(a);
    Unmount();
}

TEST(locks, "fs.locks.FP-35 a lock binds handles, not write-back")
{
    LARGE_INTEGER Zero = {.QuadPart = 0}, Length = {.QuadPart = 4096};
    IO_STATUS_BLOCK Iosb;
    UCHAR Byte = 0;
    HANDLE a, b;

    Mount(0);
    a = Open("\\a", FILE_CREATE, 0);
    b = Open("\\a", FILE_OPEN, 0);
    CHECK_EQ(WriteAt(a, 0, "dirty", 5), STATUS_SUCCESS);
    CHECK_EQ(ZwLockFile(b, NULL, NULL, NULL, &Iosb, &Zero, &Length, 0, TRUE, TRUE), STATUS_SUCCESS);
    CHECK_EQ(WriteAt(a, 0, "x", 1), STATUS_FILE_LOCK_CONFLICT);
    CHECK_EQ(ReadAt(a, 0, &Byte, 1, NULL), STATUS_FILE_LOCK_CONFLICT);
    ResetSeen();
    CHECK_EQ(Flush(a, 0), STATUS_SUCCESS);
    CHECK_EQ(Seen.PagingWrites, 1);
    CHECK_EQ(Flush(a, IRP_MN_FLUSH_AND_PURGE), STATUS_SUCCESS);
    CHECK_EQ(CcxResidentPages(FileObjectOf(a)->SectionObjectPointer), 0);
    CHECK_EQ(ZwUnlockFile(b, &Iosb, &Zero, &Length, 0), STATUS_SUCCESS);
    CHECK_EQ(WriteAt(a, 0, "x", 1), STATUS_SUCCESS);
    ZwClose(a);
    ZwClose(b);
    Unmount();
}

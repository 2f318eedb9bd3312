/* SPDX-License-Identifier: MIT */
/*
 * What the cache does for files: dirty pages, write-back, the flush forms, purges, and that no byte
 * is ever wrong.
 */
#include "volume.h"

static PSECTION_OBJECT_POINTERS SectionOf(HANDLE Handle)
{
    return FileObjectOf(Handle)->SectionObjectPointer;
}

static bool StoreHas(HANDLE Handle, const void *Data, ULONG Length)
{
    static UCHAR Buffer[1 << 20];
    FILE_INTERNAL_INFORMATION Id;
    IO_STATUS_BLOCK Iosb;

    REQUIRE(
        NT_SUCCESS(ZwQueryInformationFile(Handle, &Iosb, &Id, sizeof Id, FileInternalInformation)));
    REQUIRE(
        NT_SUCCESS(Store->Ops->Read(Store, (FSX_ID)Id.IndexNumber.QuadPart, 0, 0, Length, Buffer)));
    return !memcmp(Buffer, Data, Length);
}

TEST(fp01, "fs.flush.FP-01 data is written, pages stay")
{
    UCHAR Data[8192];
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    Fill(Data, sizeof Data, 1);
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    CHECK_EQ(CcxDirtyPages(SectionOf(a)), 2);
    CHECK_EQ(Seen.PagingWrites, 0);
    CHECK(!StoreHas(a, Data, sizeof Data));
    CHECK_EQ(Flush(a, 0), STATUS_SUCCESS);
    CHECK(Seen.PagingWrites >= 1);
    CHECK_EQ(Seen.PagingWriteBytes, 8192);
    CHECK_EQ(Seen.Syncs, 1);
    CHECK_EQ(CcxDirtyPages(SectionOf(a)), 0);
    CHECK_EQ(CcxResidentPages(SectionOf(a)), 2);
    CHECK(StoreHas(a, Data, sizeof Data));
    ZwClose(a);
    Unmount();
}

TEST(fp02, "fs.flush.FP-02 flush and purge; the next read is a paging read")
{
    UCHAR Data[8192], Got[8192];
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    Fill(Data, sizeof Data, 2);
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    CHECK_EQ(ReadAt(a, 0, Got, sizeof Got, NULL), STATUS_SUCCESS);
    CHECK_EQ(Seen.PagingReads, 0);
    CHECK_EQ(Flush(a, IRP_MN_FLUSH_AND_PURGE), STATUS_SUCCESS);
    CHECK_EQ(CcxResidentPages(SectionOf(a)), 0);
    CHECK(StoreHas(a, Data, sizeof Data));
    CHECK_EQ(ReadAt(a, 0, Got, sizeof Got, NULL), STATUS_SUCCESS);
    CHECK(Seen.PagingReads >= 1);
    CHECK(!memcmp(Data, Got, sizeof Got));
    ZwClose(a);
    Unmount();
}

TEST(fp15, "fs.flush.FP-15 which forms sync and write metadata")
{
    static const struct {
        UCHAR Minor;
        unsigned Syncs, Metadata;
    } Rows[] = {{0, 1, 1},
                {IRP_MN_FLUSH_DATA_ONLY, 0, 0},
                {IRP_MN_FLUSH_NO_SYNC, 0, 1},
                {IRP_MN_FLUSH_DATA_SYNC_ONLY, 1, 0}};
    UCHAR Data[4096];
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    Fill(Data, sizeof Data, 3);
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    CHECK_EQ(Flush(a, 0), STATUS_SUCCESS);
    for (size_t i = 0; i < RTL_NUMBER_OF(Rows); i++) {
        CHECK_EQ(WriteAt(a, 0, Data, sizeof Data),
                 STATUS_SUCCESS); /* sizes stay: nothing else is needed */
        ResetSeen();
        CHECK_EQ(Flush(a, Rows[i].Minor), STATUS_SUCCESS);
        CHECK_EQ(Seen.PagingWrites, 1);
        CHECK_EQ(Seen.Syncs, Rows[i].Syncs);
        CHECK_EQ(Seen.Metadata, Rows[i].Metadata);
    }
    CHECK_EQ(WriteAt(a, 4096, Data, sizeof Data), STATUS_SUCCESS);
    ResetSeen();
    CHECK_EQ(Flush(a, IRP_MN_FLUSH_DATA_SYNC_ONLY), STATUS_SUCCESS);
    CHECK_EQ(Seen.Metadata, 1); /* the new size is needed to read the data back */
    ZwClose(a);
    Unmount();
}

TEST(fp37, "fs.flush.FP-37 read-only volume")
{
    HANDLE a;

    Mount(0);
    ZwClose(Open("\\f", FILE_CREATE, 0));
    Store->Geometry.ReadOnly = true;
    REQUIRE(NT_SUCCESS(Create("\\f", FILE_GENERIC_READ, 0, SHARE_ALL, FILE_OPEN, 0, &a, NULL)));
    CHECK_EQ(Flush(a, 0), STATUS_MEDIA_WRITE_PROTECTED);
    CHECK_EQ(Flush(a, IRP_MN_FLUSH_AND_PURGE), STATUS_MEDIA_WRITE_PROTECTED);
    ZwClose(a);
    Unmount();
}

TEST(fp38, "fs.flush.FP-38 dismounted volume")
{
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    CHECK_EQ(FsxDismountVolume(Volume->FileSystem, false), STATUS_ACCESS_DENIED);
    CHECK_EQ(FsxDismountVolume(Volume->FileSystem, true), STATUS_SUCCESS);
    CHECK_EQ(Flush(a, IRP_MN_FLUSH_AND_PURGE), STATUS_VOLUME_DISMOUNTED);
    ZwClose(a);
}

static LONGLONG FaultAt = -1;
static NTSTATUS FullAt(FSX_STORE *s, FSX_OP Op, FSX_ID Id, LONGLONG Offset, ULONG Length)
{
    return Op == FSX_OP_WRITE && Offset <= FaultAt && FaultAt < Offset + Length ? STATUS_DISK_FULL
                                                                                : STATUS_SUCCESS;
}

TEST(fp39, "fs.flush.FP-39 a page that cannot be written stays, dirty")
{
    UCHAR Data[8 * 4096];
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    Fill(Data, sizeof Data, 4);
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    Store->Fault = FullAt;
    FaultAt = 5 * 4096;
    CHECK_EQ(Flush(a, IRP_MN_FLUSH_AND_PURGE), STATUS_DISK_FULL);
    CHECK_EQ(CcxDirtyPages(SectionOf(a)), 1);
    CHECK(CcxResidentPages(SectionOf(a)) >= 1);
    FaultAt = -1;
    CHECK_EQ(Flush(a, IRP_MN_FLUSH_AND_PURGE), STATUS_SUCCESS);
    CHECK(StoreHas(a, Data, sizeof Data));
    ZwClose(a);
    Unmount();
}

TEST(fp09, "fs.noncached.FP-09 a non-cached write purges its range only")
{
    UCHAR Data[4 * 4096], New[4096], Got[4 * 4096];
    HANDLE a, b;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    b = Open("\\f", FILE_OPEN, FILE_NO_INTERMEDIATE_BUFFERING);
    Fill(Data, sizeof Data, 5);
    Fill(New, sizeof New, 6);
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    CHECK_EQ(WriteAt(b, 4096, New, sizeof New), STATUS_SUCCESS);
    CHECK_EQ(CcxResidentPages(SectionOf(a)), 3);
    CHECK_EQ(CcxDirtyPages(SectionOf(a)), 3);
    memcpy(Data + 4096, New, sizeof New);
    CHECK_EQ(ReadAt(a, 0, Got, sizeof Got, NULL), STATUS_SUCCESS);
    CHECK(!memcmp(Data, Got, sizeof Got));
    CHECK_EQ(ReadAt(b, 0, Got, sizeof Got, NULL), STATUS_SUCCESS); /* writes what is dirty first */
    CHECK(!memcmp(Data, Got, sizeof Got));
    CHECK(StoreHas(a, Data, sizeof Data));
    ZwClose(a);
    ZwClose(b);
    Unmount();
}

TEST(lazy, "fs.lazywriter.dirty_data_reaches_the_store_within_3_s")
{
    UCHAR Data[5000];
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    Fill(Data, sizeof Data, 7);
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    host_sleep_ns(3000000000ull);
    CHECK(StoreHas(a, Data, sizeof Data));
    CHECK_EQ(CcxDirtyPages(SectionOf(a)), 0);
    CHECK_EQ(Seen.LazyWrites, 1);
    ZwClose(a);
    Unmount();
}

TEST(last_close, "fs.lazywriter.close_comes_when_the_cache_lets_go")
{
    UCHAR Data[5000];
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    Fill(Data, sizeof Data, 8);
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    ZwClose(a);
    CHECK_EQ(Seen.Cleanups, 1);
    CHECK_EQ(Seen.Closes, 0);
    a = Open("\\f", FILE_OPEN, 0); /* the pages are still there */
    ResetSeen();
    CHECK_EQ(ReadAt(a, 0, Data, sizeof Data, NULL), STATUS_SUCCESS);
    CHECK_EQ(Seen.PagingReads, 0);
    ZwClose(a);
    CHECK_EQ(CcxFlushAll(NULL), STATUS_SUCCESS);
    CHECK_EQ(Seen.Closes, 2);
    Unmount();
}

TEST(reopen, "fs.lazywriter.a_closed_file_reads_back_whole")
{
    UCHAR Data[20000], Got[20000];
    HANDLE a;
    ULONG n;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    Fill(Data, sizeof Data, 14);
    CHECK_EQ(WriteAt(a, 0, Data, 4096), STATUS_SUCCESS);
    ZwClose(a);
    CHECK_EQ(CcxFlushAll(NULL),
             STATUS_SUCCESS); /* the stream's memory is gone: what follows is the store's */
    a = Open("\\f", FILE_OPEN, 0);
    CHECK_EQ(WriteAt(a, 64, Data + 64, sizeof Data - 64), STATUS_SUCCESS);
    ZwClose(a);
    CHECK_EQ(CcxFlushAll(NULL), STATUS_SUCCESS);
    a = Open("\\f", FILE_OPEN, 0);
    CHECK_EQ(ReadAt(a, 0, Got, sizeof Got, &n), STATUS_SUCCESS);
    CHECK_EQ(n, sizeof Got);
    CHECK(!memcmp(Data, Got, sizeof Got));
    ZwClose(a);
    Unmount();
}

TEST(write_through, "fs.write.write_through_reaches_the_store")
{
    UCHAR Data[5000];
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, FILE_WRITE_THROUGH);
    Fill(Data, sizeof Data, 9);
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    CHECK(StoreHas(a, Data, sizeof Data));
    CHECK_EQ(CcxDirtyPages(SectionOf(a)), 0);
    ZwClose(a);
    Unmount();
}

TEST(gap, "fs.write.a_gap_is_zeroed_by_paging_writes")
{
    UCHAR Data[512], Got[512];
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, FILE_NO_INTERMEDIATE_BUFFERING);
    Fill(Data, sizeof Data, 10);
    CHECK_EQ(WriteAt(a, 65536, Data, sizeof Data), STATUS_SUCCESS);
    CHECK_EQ(Seen.PagingWriteBytes, 65536); /* filters that transform data see the zeros */
    CHECK_EQ(ReadAt(a, 0, Got, sizeof Got, NULL), STATUS_SUCCESS);
    for (size_t i = 0; i < sizeof Got; i++)
        if (Got[i]) {
            CHECK_EQ(Got[i], 0);
            break;
        }
    ZwClose(a);
    Unmount();
}

TEST(wait_false, "cc.CcCopyRead.wait_false_never_reads")
{
    LARGE_INTEGER Zero = {.QuadPart = 0};
    UCHAR Data[8192], Got[8192];
    IO_STATUS_BLOCK Iosb;
    PFILE_OBJECT f;
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    Fill(Data, sizeof Data, 11);
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    f = FileObjectOf(a);
    CHECK(CcCopyRead(f, &Zero, sizeof Got, FALSE, Got, &Iosb));
    CHECK_EQ(Iosb.Information, sizeof Got);
    CHECK_EQ(Flush(a, IRP_MN_FLUSH_AND_PURGE), STATUS_SUCCESS);
    ResetSeen();
    CHECK(!CcCopyRead(f, &Zero, sizeof Got, FALSE, Got, &Iosb));
    CHECK_EQ(Seen.PagingReads, 0);
    CHECK(CcCopyRead(f, &Zero, sizeof Got, TRUE, Got, &Iosb));
    CHECK(CcCopyRead(f, &Zero, sizeof Got, FALSE, Got, &Iosb));
    CHECK(!memcmp(Data, Got, sizeof Got));
    ZwClose(a);
    Unmount();
}

TEST(fp23, "cc.CcPurgeCacheSection.FP-23 a purge without a flush loses dirty bytes")
{
    UCHAR Old[4096], New[4096], Got[4096];
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    memset(Old, 'o', sizeof Old);
    memset(New, 'n', sizeof New);
    CHECK_EQ(WriteAt(a, 0, Old, sizeof Old), STATUS_SUCCESS);
    CHECK_EQ(Flush(a, 0), STATUS_SUCCESS);
    CHECK_EQ(WriteAt(a, 0, New, sizeof New), STATUS_SUCCESS);
    CHECK(CcPurgeCacheSection(SectionOf(a), NULL, 0, 0));
    CHECK_EQ(ReadAt(a, 0, Got, sizeof Got, NULL), STATUS_SUCCESS);
    CHECK(!memcmp(Got, Old, sizeof Got));
    ZwClose(a);
    Unmount();
}

TEST(fp25, "cc.CcCoherencyFlushAndPurgeCache.FP-25 a pinned page stays and is reported")
{
    LARGE_INTEGER Zero = {.QuadPart = 0};
    UCHAR Data[8192];
    IO_STATUS_BLOCK Iosb;
    PVOID Bcb, Mapped;
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    Fill(Data, sizeof Data, 12);
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    CHECK(CcMapData(FileObjectOf(a), &Zero, 100, MAP_WAIT, &Bcb, &Mapped));
    CHECK(!memcmp(Mapped, Data, 100));
    CHECK(!CcPurgeCacheSection(SectionOf(a), NULL, 0, 0));
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    CcCoherencyFlushAndPurgeCache(SectionOf(a), NULL, 0, &Iosb, 0);
    CHECK_EQ(Iosb.Status, STATUS_CACHE_PAGE_LOCKED);
    CHECK(NT_SUCCESS(Iosb.Status));
    CHECK_EQ(CcxResidentPages(SectionOf(a)), 1);
    CHECK(StoreHas(a, Data, sizeof Data));
    CcUnpinData(Bcb);
    CcCoherencyFlushAndPurgeCache(SectionOf(a), NULL, 0, &Iosb, 0);
    CHECK_EQ(Iosb.Status, STATUS_SUCCESS);
    CHECK_EQ(CcxResidentPages(SectionOf(a)), 0);
    ZwClose(a);
    Unmount();
}

TEST(mdl, "cc.CcMdlRead.lends_the_cache_itself")
{
    LARGE_INTEGER At = {.QuadPart = 1000};
    UCHAR Data[8192];
    IO_STATUS_BLOCK Iosb;
    PMDL Mdl = NULL;
    HANDLE a;

    Mount(0);
    a = Open("\\f", FILE_CREATE, 0);
    Fill(Data, sizeof Data, 13);
    CHECK_EQ(WriteAt(a, 0, Data, sizeof Data), STATUS_SUCCESS);
    CHECK_EQ(Flush(a, IRP_MN_FLUSH_AND_PURGE), STATUS_SUCCESS);
    CcMdlRead(FileObjectOf(a), &At, 5000, &Mdl, &Iosb);
    CHECK_EQ(Iosb.Information, 5000);
    CHECK_EQ(MmGetMdlByteCount(Mdl), 5000);
    CHECK(!memcmp(MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority), Data + 1000, 5000));
    CcMdlReadComplete(FileObjectOf(a), Mdl);
    CcPrepareMdlWrite(FileObjectOf(a), &At, 10, &Mdl, &Iosb);
    memset(MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority), 'w', 10);
    CcMdlWriteComplete(FileObjectOf(a), &At, Mdl);
    memset(Data + 1000, 'w', 10);
    CHECK_EQ(CcxDirtyPages(SectionOf(a)), 1);
    CHECK_EQ(Flush(a, IRP_MN_FLUSH_AND_PURGE), STATUS_SUCCESS);
    CHECK(StoreHas(a, Data, sizeof Data));
    ZwClose(a);
    Unmount();
}

/* ---- no byte is ever wrong ----------------------------------------------------------------- */

enum { MODEL = 400000 };

TEST(model, "fs.data.random_mixed_work_against_a_plain_array")
{
    static UCHAR Model[MODEL], Buffer[MODEL];
    HANDLE Cached, Direct;
    LONGLONG Size = 0;
    ULONG n;
    unsigned Seed = 99;

    Mount(0);
    Cached = Open("\\f", FILE_CREATE, 0);
    Direct = Open("\\f", FILE_OPEN, FILE_NO_INTERMEDIATE_BUFFERING);
    for (unsigned Step = 0; Step < 4000 * test_scale(); Step++) {
        LONGLONG Offset = (Seed = Seed * 1103515245 + 12345) / 11 % (MODEL - 20000);
        ULONG Length = (Seed = Seed * 1103515245 + 12345) / 11 % 20000 + 1;

        switch ((Seed = Seed * 1103515245 + 12345) / 65536 % 9) {
        case 0:
        case 1:
        case 2:
            Fill(Buffer, Length, Step);
            REQUIRE(NT_SUCCESS(WriteAt(Cached, Offset, Buffer, Length)));
            memcpy(Model + Offset, Buffer, Length);
            Size = Offset + Length > Size ? Offset + Length : Size;
            break;
        case 3:
            Offset = Offset / 512 * 512;
            Length = (Length + 511) / 512 * 512;
            Fill(Buffer, Length, Step);
            REQUIRE(NT_SUCCESS(WriteAt(Direct, Offset, Buffer, Length)));
            memcpy(Model + Offset, Buffer, Length);
            Size = Offset + Length > Size ? Offset + Length : Size;
            break;
        case 4:
        case 5:
            if (Offset < Size) {
                REQUIRE(NT_SUCCESS(ReadAt(Cached, Offset, Buffer, Length, &n)));
                CHECK_EQ(n, Size - Offset < Length ? Size - Offset : Length);
                REQUIRE(!memcmp(Buffer, Model + Offset, n));
            }
            break;
        case 6:
            Offset = Offset / 512 * 512;
            Length = (Length + 511) / 512 * 512;
            if (Offset < Size) {
                REQUIRE(NT_SUCCESS(ReadAt(Direct, Offset, Buffer, Length, &n)));
                REQUIRE(!memcmp(Buffer, Model + Offset, n));
            }
            break;
        case 7:
            CHECK_EQ(SetEnd(Cached, Offset), STATUS_SUCCESS);
            if (Offset < Size)
                memset(Model + Offset, 0, (size_t)(Size - Offset));
            Size = Offset;
            break;
        default:
            CHECK_EQ(Flush(Cached, (UCHAR)(Step % 5)), STATUS_SUCCESS);
        }
        CHECK_EQ(SizeOf(Cached), Size);
        REQUIRE(!test_failures);
    }
    CHECK_EQ(Flush(Cached, IRP_MN_FLUSH_AND_PURGE), STATUS_SUCCESS);
    CHECK_EQ(ReadAt(Cached, 0, Buffer, MODEL, &n), STATUS_SUCCESS);
    CHECK_EQ(n, Size);
    CHECK(!memcmp(Buffer, Model, n));
    ZwClose(Cached);
    ZwClose(Direct);
    Unmount();
}

/* ---- two threads --------------------------------------------------------------------------- */

static HANDLE Shared;
static volatile bool Stop;
static volatile LONG Rounds;

static VOID NTAPI Purger(PVOID Context)
{
    while (!Stop) {
        CHECK_EQ(Flush(Shared, IRP_MN_FLUSH_AND_PURGE), STATUS_SUCCESS);
        InterlockedIncrement(&Rounds);
    }
}

TEST(fp48, "fs.flush.FP-48 appends against flush and purge lose no byte")
{
    enum { PIECES = 20000 };
    static UCHAR Got[PIECES * 7];
    PKTHREAD Thread;
    ULONG n;

    Mount(0);
    Shared = Open("\\f", FILE_CREATE, 0);
    REQUIRE(NT_SUCCESS(KexThreadStart("purger", NULL, Purger, NULL, &Thread)));
    for (unsigned i = 0; i < PIECES; i++) {
        UCHAR Piece[7];

        Fill(Piece, sizeof Piece, i);
        CHECK_EQ(WriteAt(Shared, (LONGLONG)i * 7, Piece, sizeof Piece), STATUS_SUCCESS);
    }
    Stop = true;
    KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Thread);
    CHECK(Rounds > 10);
    CHECK_EQ(ReadAt(Shared, 0, Got, sizeof Got, &n), STATUS_SUCCESS);
    CHECK_EQ(n, sizeof Got);
    for (unsigned i = 0; i < PIECES; i++) {
        UCHAR Piece[7];

        Fill(Piece, sizeof Piece, i);
        if (memcmp(Piece, Got + i * 7, sizeof Piece)) {
            fprintf(stderr, "piece %u is wrong\n", i);
            CHECK(false);
            break;
        }
    }
    ZwClose(Shared);
    Unmount();
}

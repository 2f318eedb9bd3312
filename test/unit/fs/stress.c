/* SPDX-License-Identifier: MIT */
/*
 * Several threads at one volume: every byte read must be one that was written there, and at the end
 * the cache, the store and the model agree. Each writer owns a slice of the file, so what a slice
 * holds is known although all share the pages at its ends.
 */
#include "volume.h"

enum { WRITERS = 4, SLICE = 30000, TOTAL = WRITERS * SLICE };

static HANDLE File;
static UCHAR Model[TOTAL];
static _Atomic bool Stop;
static volatile LONG Errors;
static unsigned Count;

static VOID NTAPI Writer(PVOID Context)
{
    ULONG Base = (ULONG)(ULONG_PTR)Context * SLICE;
    unsigned Seed = Base + 1;
    UCHAR Buffer[9000];
    ULONG n;

    for (unsigned i = 0; i < Count; i++) {
        ULONG Length = (Seed = Seed * 1103515245 + 12345) / 65536 % sizeof Buffer + 1;
        ULONG Offset = (Seed = Seed * 1103515245 + 12345) / 65536 % (SLICE - Length);

        if (i % 3) {
            Fill(Buffer, Length, Seed);
            if (!NT_SUCCESS(WriteAt(File, Base + Offset, Buffer, Length)))
                InterlockedIncrement(&Errors);
            memcpy(Model + Base + Offset, Buffer, Length);
        } else {
            if (!NT_SUCCESS(ReadAt(File, Base + Offset, Buffer, Length, &n)) || n != Length ||
                memcmp(Buffer, Model + Base + Offset, Length))
                InterlockedIncrement(&Errors);
        }
    }
}

static VOID NTAPI Flusher(PVOID Context)
{
    for (unsigned i = 0; !Stop; i++) {
        if (!NT_SUCCESS(Flush(File, i % 2 ? IRP_MN_FLUSH_AND_PURGE : 0)))
            InterlockedIncrement(&Errors);
        CcxKickLazyWriter();
        host_sleep_ns(200000);
    }
}

/*
 * Sizes of another file come and go, and small files are made and deleted, while the others work.
 *
 */
static VOID NTAPI Churner(PVOID Context)
{
    HANDLE h = Open("\\sizes", FILE_CREATE, 0);
    UCHAR Byte;

    for (unsigned i = 0; !Stop; i++) {
        char Path[32];

        SetEnd(h, i * 7919 % 100000);
        WriteAt(h, i * 104729 % 90000, "!", 1);
        ReadAt(h, i * 31 % 1000, &Byte, 1, NULL);
        snprintf(Path, sizeof Path, "\\tmp%u", i % 5);
        ZwClose(Open(Path, FILE_OPEN_IF, i % 3 ? FILE_DELETE_ON_CLOSE : 0));
    }
    ZwClose(h);
}

TEST(threads, "fs.stress.writers_flushers_and_the_lazy_writer")
{
    static UCHAR Got[TOTAL];
    PKTHREAD Threads[WRITERS + 2];
    FILE_INTERNAL_INFORMATION Id;
    IO_STATUS_BLOCK Iosb;
    ULONG n;

    Mount(0);
    Count = 10000 * (unsigned)test_scale();
    File = Open("\\f", FILE_CREATE, 0);
    REQUIRE(NT_SUCCESS(SetEnd(File, TOTAL)));
    ZwClose(File);
    REQUIRE(NT_SUCCESS(Create("\\f", FILE_GENERIC_READ | FILE_GENERIC_WRITE, 0, SHARE_ALL,
                              FILE_OPEN, 0, &File, NULL)));
    REQUIRE(NT_SUCCESS(KexThreadStart("flusher", NULL, Flusher, NULL, &Threads[WRITERS])));
    REQUIRE(NT_SUCCESS(KexThreadStart("churner", NULL, Churner, NULL, &Threads[WRITERS + 1])));
    for (ULONG_PTR i = 0; i < WRITERS; i++)
        REQUIRE(NT_SUCCESS(KexThreadStart("writer", NULL, Writer, (PVOID)i, &Threads[i])));
    for (int i = 0; i < WRITERS + 2; i++) {
        if (i == WRITERS)
            Stop = true;
        KeWaitForSingleObject(Threads[i], Executive, KernelMode, FALSE, NULL);
        ObDereferenceObject(Threads[i]);
    }
    CHECK_EQ(Errors, 0);
    CHECK_EQ(ReadAt(File, 0, Got, TOTAL, &n), STATUS_SUCCESS);
    CHECK_EQ(n, TOTAL);
    CHECK(!memcmp(Got, Model, TOTAL));
    CHECK_EQ(Flush(File, 0), STATUS_SUCCESS);
    REQUIRE(
        NT_SUCCESS(ZwQueryInformationFile(File, &Iosb, &Id, sizeof Id, FileInternalInformation)));
    REQUIRE(NT_SUCCESS(Store->Ops->Read(Store, (FSX_ID)Id.IndexNumber.QuadPart, 0, 0, TOTAL, Got)));
    CHECK(!memcmp(Got, Model, TOTAL));
    ZwClose(File);
    Unmount();
}

TEST(throttle, "cc.CcCanIWrite.writers_wait_for_the_lazy_writer")
{
    static UCHAR Data[65536];
    HANDLE a;

    Mount(0);
    CcxDirtyLimit = 64;
    a = Open("\\f", FILE_CREATE, 0);
    for (int i = 0; i < 200; i++) {
        CHECK_EQ(WriteAt(a, (LONGLONG)i * sizeof Data, Data, sizeof Data), STATUS_SUCCESS);
        CHECK(CcxDirtyPages(FileObjectOf(a)->SectionObjectPointer) <= 64 + 16);
    }
    CHECK(!CcCanIWrite(FileObjectOf(a), 64 * 4096 * 2, FALSE, FALSE) ||
          !CcxDirtyPages(FileObjectOf(a)->SectionObjectPointer));
    ZwClose(a);
    Unmount();
}

/* SPDX-License-Identifier: MIT */
/*
 * Byte-range locks: who excludes whom. File objects and processes are names here: only their
 * addresses count.
 */
#include <ntifs.h>

#include "harness.h"

#include "ke/ke.h"

static FILE_OBJECT One, Two;
static PEPROCESS P = (PEPROCESS)0x1000, Q = (PEPROCESS)0x2000;

static bool Lock(PFILE_LOCK l, PFILE_OBJECT f, PEPROCESS p, LONGLONG Start, LONGLONG Length,
                 ULONG Key, bool Exclusive, NTSTATUS Want)
{
    LARGE_INTEGER s = {.QuadPart = Start}, n = {.QuadPart = Length};
    IO_STATUS_BLOCK Iosb;
    bool Done = FsRtlPrivateLock(l, f, &s, &n, p, Key, TRUE, Exclusive, &Iosb, NULL, NULL, FALSE);

    CHECK(Done);
    CHECK_EQ(Iosb.Status, Want);
    return NT_SUCCESS(Iosb.Status);
}

static bool Can(PFILE_LOCK l, PFILE_OBJECT f, PEPROCESS p, LONGLONG Start, LONGLONG Length,
                ULONG Key, bool Write)
{
    LARGE_INTEGER s = {.QuadPart = Start}, n = {.QuadPart = Length};

    return Write ? FsRtlFastCheckLockForWrite(l, &s, &n, Key, f, p)
                 : FsRtlFastCheckLockForRead(l, &s, &n, Key, f, p);
}

static NTSTATUS Unlock(PFILE_LOCK l, PFILE_OBJECT f, PEPROCESS p, LONGLONG Start, LONGLONG Length,
                       ULONG Key)
{
    LARGE_INTEGER s = {.QuadPart = Start}, n = {.QuadPart = Length};

    return FsRtlFastUnlockSingle(l, f, &s, &n, p, Key, NULL, FALSE);
}

TEST(exclusive, "fsrtl.locks.exclusive_keeps_others_out")
{
    FILE_LOCK l;

    FsRtlInitializeFileLock(&l, NULL, NULL);
    CHECK(Can(&l, &Two, Q, 0, 100, 0, true));
    Lock(&l, &One, P, 100, 50, 0, true, STATUS_SUCCESS);
    CHECK(l.FastIoIsQuestionable);
    CHECK(Can(&l, &One, P, 0, 1000, 0, true));
    CHECK(!Can(&l, &Two, P, 149, 1, 0, false));
    CHECK(!Can(&l, &One, Q, 0, 101, 0, true));
    CHECK(!Can(&l, &One, P, 120, 1, 7, false)); /* another key is another owner */
    CHECK(Can(&l, &Two, Q, 0, 100, 0, true));
    CHECK(Can(&l, &Two, Q, 150, 100, 0, true));
    Lock(&l, &Two, Q, 140, 20, 0, false, STATUS_LOCK_NOT_GRANTED);
    Lock(&l, &One, P, 140, 20, 0, true,
         STATUS_LOCK_NOT_GRANTED); /* its own owner's lock conflicts too */
    CHECK_EQ(Unlock(&l, &One, P, 100, 49, 0), STATUS_RANGE_NOT_LOCKED);
    CHECK_EQ(Unlock(&l, &Two, P, 100, 50, 0), STATUS_RANGE_NOT_LOCKED);
    CHECK_EQ(Unlock(&l, &One, P, 100, 50, 0), STATUS_SUCCESS);
    CHECK(!l.FastIoIsQuestionable);
    CHECK(Can(&l, &Two, Q, 0, 1000, 0, true));
    FsRtlUninitializeFileLock(&l);
}

TEST(shared, "fsrtl.locks.shared_keeps_everybody_from_writing")
{
    FILE_LOCK l;

    FsRtlInitializeFileLock(&l, NULL, NULL);
    Lock(&l, &One, P, 0, 10, 0, false, STATUS_SUCCESS);
    Lock(&l, &Two, Q, 5, 10, 0, false, STATUS_SUCCESS);
    CHECK(Can(&l, &Two, Q, 0, 20, 0, false));
    CHECK(!Can(&l, &One, P, 0, 1, 0, true));
    CHECK(!Can(&l, &Two, Q, 0, 1, 0, true));
    CHECK_EQ(FsRtlFastUnlockAll(&l, &One, P, NULL), STATUS_SUCCESS);
    CHECK(Can(&l, &One, P, 0, 5, 0, true));
    CHECK(!Can(&l, &One, P, 0, 6, 0, true));
    FsRtlUninitializeFileLock(&l);
}

TEST(zero, "fsrtl.locks.zero_length_and_ends")
{
    FILE_LOCK l;

    FsRtlInitializeFileLock(&l, NULL, NULL);
    Lock(&l, &One, P, 10, 0, 0, true, STATUS_SUCCESS);
    CHECK(Can(&l, &Two, Q, 0, 100, 0, true));
    Lock(&l, &Two, Q, 0, 100, 0, true, STATUS_SUCCESS);
    CHECK_EQ(Unlock(&l, &One, P, 10, 0, 0), STATUS_SUCCESS);
    Lock(&l, &One, P, -1, 2, 0, true, STATUS_INVALID_LOCK_RANGE); /* wraps round */
    Lock(&l, &One, P, 0x7ffffffffffffffell, 2, 0, true, STATUS_SUCCESS);
    CHECK(!Can(&l, &Two, Q, 0x7fffffffffffffffll, 1, 0, false));
    FsRtlUninitializeFileLock(&l);
}

static unsigned Told;
static VOID NTAPI OnUnlock(PVOID Context, PFILE_LOCK_INFO Info)
{
    CHECK_EQ(Info->Length.QuadPart, 3);
    Told++;
}

TEST(by_key, "fsrtl.locks.unlock_by_key_tells_the_file_system")
{
    PFILE_LOCK_INFO Info;
    FILE_LOCK l;
    unsigned Count = 0;

    FsRtlInitializeFileLock(&l, NULL, OnUnlock);
    for (ULONG Key = 0; Key < 4; Key++)
        Lock(&l, &One, P, Key * 10, 3, Key % 2, true, STATUS_SUCCESS);
    CHECK_EQ(FsRtlFastUnlockAllByKey(&l, &One, P, 1, NULL), STATUS_SUCCESS);
    CHECK_EQ(Told, 2);
    for (Info = FsRtlGetNextFileLock(&l, TRUE); Info; Info = FsRtlGetNextFileLock(&l, FALSE))
        Count++;
    CHECK_EQ(Count, 2);
    FsRtlUninitializeFileLock(&l);
}

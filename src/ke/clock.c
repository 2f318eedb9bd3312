/* SPDX-License-Identifier: MIT */
/*
 * Clocks, and the page that shows them to inlined code (KUSER_SHARED_DATA). All of them are the
 * scheduler's two clocks, so that virtual time moves every one of them.
 */
#include "kei.h"

#include <string.h>

/* Units of a tick: 15.625 ms, as a machine without a fast timer client has. */
#define TICK 156250
#define QPC_FREQUENCY 10000000

/* ---- exports --------------------------------------------------------------------------------- */

#undef KeQuerySystemTime
VOID NTAPI KeQuerySystemTime(PLARGE_INTEGER CurrentTime)
{
    CurrentTime->QuadPart = KexSystemTime();
}

/* 100 ns since 1601, to the resolution of the host (nf-wdm-kequerysystemtimeprecise). Any IRQL. */
VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime)
{
    CurrentTime->QuadPart = KexSystemTime();
}

#undef KeQueryInterruptTime
ULONGLONG NTAPI KeQueryInterruptTime(VOID)
{
    return (ULONGLONG)KexInterruptTime();
}

ULONGLONG NTAPI KeQueryInterruptTimePrecise(PULONG64 QpcTimeStamp)
{
    LONGLONG Time = KexInterruptTime();

    *QpcTimeStamp = (ULONG64)Time;
    return (ULONGLONG)Time;
}

ULONGLONG NTAPI KeQueryUnbiasedInterruptTime(VOID)
{
    return (ULONGLONG)KexInterruptTime();
}

ULONG64 NTAPI KeQueryUnbiasedInterruptTimePrecise(PULONG64 QpcTimeStamp)
{
    return KeQueryInterruptTimePrecise(QpcTimeStamp);
}

/* 10 MHz, as current Windows has it (nf-ntifs-kequeryperformancecounter). Any IRQL. */
LARGE_INTEGER NTAPI KeQueryPerformanceCounter(PLARGE_INTEGER PerformanceFrequency)
{
    LARGE_INTEGER Count;

    if (PerformanceFrequency)
        PerformanceFrequency->QuadPart = QPC_FREQUENCY;
    Count.QuadPart = KexInterruptTime();
    return Count;
}

#undef KeQueryTickCount
VOID NTAPI KeQueryTickCount(PLARGE_INTEGER CurrentCount)
{
    CurrentCount->QuadPart = KexInterruptTime() / TICK;
}

/* 100 ns units of one tick (nf-wdm-kequerytimeincrement). */
ULONG NTAPI KeQueryTimeIncrement(VOID)
{
    return TICK;
}

/* Busy for so many microseconds; for device registers only (nf-wdm-kestallexecutionprocessor). Any
 * IRQL. */
VOID NTAPI KeStallExecutionProcessor(ULONG MicroSeconds)
{
    uint64_t End = KexSched->Monotonic() + (uint64_t)MicroSeconds * 1000;
    unsigned Spins = 0;

    while (KexSched->Monotonic() < End)
        KexxRelax(&Spins);
}

/* ---- the shared page ------------------------------------------------------------------------- */

/* Offsets of KUSER_SHARED_DATA that drivers and inlined routines read. */
enum {
    USD_TICK_MULTIPLIER = 0x04,
    USD_INTERRUPT_TIME = 0x08,
    USD_SYSTEM_TIME = 0x14,
    USD_TIME_ZONE_BIAS = 0x20,
    USD_SYSTEM_ROOT = 0x30,
    USD_LARGE_PAGE_MINIMUM = 0x244,
    USD_BUILD_NUMBER = 0x260,
    USD_PRODUCT_TYPE = 0x264,
    USD_PRODUCT_TYPE_VALID = 0x268,
    USD_NATIVE_ARCHITECTURE = 0x26a,
    USD_MAJOR_VERSION = 0x26c,
    USD_MINOR_VERSION = 0x270,
    USD_PROCESSOR_FEATURES = 0x274,
    USD_NX_POLICY = 0x2d5,
    USD_QPC_FREQUENCY = 0x300,
    USD_TICK_COUNT = 0x320,
    USD_ACTIVE_PROCESSORS = 0x3c0,
    USD_ACTIVE_GROUPS = 0x3c4
};

static unsigned char *Page;
static host_lock PageLock;

/* KSYSTEM_TIME: readers compare the two high parts, so the second is written first and the first
 * last. */
static void PutTime(size_t Offset, LONGLONG Value)
{
    LONG *Parts = (LONG *)(void *)(Page + Offset);

    __atomic_store_n(&Parts[2], (LONG)(Value >> 32), __ATOMIC_RELEASE);
    __atomic_store_n(&Parts[0], (LONG)Value, __ATOMIC_RELEASE);
    __atomic_store_n(&Parts[1], (LONG)(Value >> 32), __ATOMIC_RELEASE);
}

static void PutLong(size_t Offset, ULONG Value)
{
    memcpy(Page + Offset, &Value, sizeof Value);
}

/* What does not change while a machine runs. */
static void FillConstants(void)
{
    static const WCHAR Root[] = L"C:\\Windows";
    static const unsigned char Features[] = {3, 6, 8, 9, 10, 12, 13, 14, 17, 23, 28};
    ULONGLONG Frequency = QPC_FREQUENCY;

    /* Tick counts times this, shifted right by 24, are milliseconds. */
    PutLong(USD_TICK_MULTIPLIER, (ULONG)(((ULONGLONG)TICK << 24) / 10000));
    memcpy(Page + USD_SYSTEM_ROOT, Root, sizeof Root);
    PutLong(USD_LARGE_PAGE_MINIMUM, 0x200000);
    PutLong(USD_BUILD_NUMBER, KexBuild);
    PutLong(USD_PRODUCT_TYPE, 1);               /* workstation */
    Page[USD_PRODUCT_TYPE_VALID] = 1;
    Page[USD_NATIVE_ARCHITECTURE] = 9;          /* AMD64 */
    PutLong(USD_MAJOR_VERSION, KexBuild >= 10240 ? 10 : KexBuild < 6000 ? 5 : 6);
    PutLong(USD_MINOR_VERSION, KexBuild >= 10240 ? 0 : KexBuild >= 9600 ? 3 : KexBuild >= 9200 ? 2
                                                     : KexBuild >= 7600 ? 1 : KexBuild >= 6000 ? 0
                                                     : KexBuild >= 3790 ? 2 : 1);
    for (size_t i = 0; i < sizeof Features; i++)
        Page[USD_PROCESSOR_FEATURES + Features[i]] = 1;
    Page[USD_NX_POLICY] = 2;
    memcpy(Page + USD_QPC_FREQUENCY, &Frequency, sizeof Frequency);
    PutLong(USD_ACTIVE_PROCESSORS, KexxProcessorCount);
    Page[USD_ACTIVE_GROUPS] = 1;
}

const void *KexSharedUserData(void)
{
    static ULONG FilledFor;

    host_lock_acquire(&PageLock);
    if (!Page)
        Page = host_map(HOST_PAGE, HOST_RW);
    if (Page) {
        if (FilledFor != KexBuild) {
            FillConstants();
            FilledFor = KexBuild;
        }
        PutTime(USD_INTERRUPT_TIME, KexInterruptTime());
        PutTime(USD_SYSTEM_TIME, KexSystemTime());
        PutTime(USD_TICK_COUNT, KexInterruptTime() / TICK);
    }
    host_lock_release(&PageLock);
    return Page;
}

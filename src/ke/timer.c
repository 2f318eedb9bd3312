/* SPDX-License-Identifier: MIT */
/*
 * Kernel timers. Set timers hang in a table of buckets by due time, each in order; one thread waits
 * for the earliest. Expiry runs at DISPATCH_LEVEL: the timer is signalled, its DPC queued for the
 * same processor and run right after.
 *
 * Lock order: timer object, then table. The expiry goes the other way and therefore only tries the
 * object's lock.
 */
#include "kei.h"

#include <string.h>

#define BUCKETS 256u
/* One bucket spans about a millisecond. */
#define BUCKET_OF(due) ((unsigned)((due) / 10000u) % BUCKETS)

static struct {
    host_lock Lock;
    LIST_ENTRY
        Bucket[BUCKETS]; /* of KTIMER.TimerListEntry, by DueTime (interrupt time in 100 ns) */
    ULONG64 Filled[BUCKETS / 64];   /* which buckets have timers */
    ULONG Count;                    /* read without the lock by who frees memory */
    LONGLONG Next;                  /* what the thread sleeps for; INT64_MAX: nothing */
    PKTHREAD Thread;
    bool Stop;
} Table;

static KEX_HEADER *HeaderOf(PKTIMER Timer)
{
    return (KEX_HEADER *)(void *)Timer;
}

/* ---- table: locked --------------------------------------------------------------------------- */

static void Insert(PKTIMER Timer)
{
    PLIST_ENTRY Head = &Table.Bucket[BUCKET_OF(Timer->DueTime.QuadPart)], Entry = Head->Blink;

    /* Later timers come later as a rule: look from the end. */
    while (Entry != Head && CONTAINING_RECORD(Entry, KTIMER, TimerListEntry)->DueTime.QuadPart >
                                Timer->DueTime.QuadPart)
        Entry = Entry->Blink;
    InsertHeadList(Entry, &Timer->TimerListEntry);
    HeaderOf(Timer)->Inserted = 1;
    Table.Filled[BUCKET_OF(Timer->DueTime.QuadPart) / 64] |=
        1ull << BUCKET_OF(Timer->DueTime.QuadPart) % 64;
    __atomic_store_n(&Table.Count, Table.Count + 1, __ATOMIC_RELAXED);
}

static void Remove(PKTIMER Timer)
{
    unsigned Bucket = BUCKET_OF(Timer->DueTime.QuadPart);

    if (RemoveEntryList(&Timer->TimerListEntry))
        Table.Filled[Bucket / 64] &= ~(1ull << Bucket % 64);
    HeaderOf(Timer)->Inserted = 0;
    __atomic_store_n(&Table.Count, Table.Count - 1, __ATOMIC_RELAXED);
}

/* The next bucket with timers from From on; BUCKETS when there is none. */
static unsigned NextFilled(unsigned From)
{
    for (unsigned Word = From / 64; Word < BUCKETS / 64; Word++) {
        ULONG64 Bits = Table.Filled[Word] & (Word == From / 64 ? ~0ull << From % 64 : ~0ull);

        if (Bits)
            return Word * 64 + (unsigned)__builtin_ctzll(Bits);
    }
    return BUCKETS;
}

static PKTIMER Earliest(void)
{
    PKTIMER Found = NULL;

    for (unsigned i = NextFilled(0); i < BUCKETS; i = NextFilled(i + 1)) {
        PKTIMER Timer = CONTAINING_RECORD(Table.Bucket[i].Flink, KTIMER, TimerListEntry);

        if (!Found || Timer->DueTime.QuadPart < Found->DueTime.QuadPart)
            Found = Timer;
    }
    return Found;
}

/* ---- expiry ---------------------------------------------------------------------------------- */

static LONGLONG Now(void)
{
    return KexInterruptTime();
}

/* Timer locked and off the table; unlocked on return. Nothing of the timer is touched after the
 * unlock. */
static void Expire(PKTIMER Timer)
{
    KEX_HEADER *Header = HeaderOf(Timer);
    KEX_SIGNAL Signal;

    KexxSignalInit(&Signal);
    KexxSetState(Header, 1);
    KexxSatisfy(Header, &Signal);
    if (Timer->Period) {
        LONGLONG Due = (LONGLONG)Timer->DueTime.QuadPart + (LONGLONG)Timer->Period * 10000;

        /* A period that was missed altogether is not made up for. */
        Timer->DueTime.QuadPart = (ULONGLONG)(Due > Now() ? Due : Now() + 1);
        host_lock_acquire(&Table.Lock);
        Insert(Timer);
        host_lock_release(&Table.Lock);
    }
    /*
     * Queued before the unlock, so that a driver which sees the timer gone finds the DPC queued or
     * run: cancel, then KeFlushQueuedDpcs, then free is the documented way.
     */
    if (Timer->Dpc) {
        LONGLONG Time = KexSystemTime();

        KeInsertQueueDpc(Timer->Dpc, (PVOID)(ULONG_PTR)(ULONG)Time,
                         (PVOID)(ULONG_PTR)(ULONG)(Time >> 32));
    }
    KexxUnlockObject(Header);
    KexxFinishSignal(&Signal);
}

/* Expires one due timer. FALSE when none is due. At DISPATCH_LEVEL. */
static bool ExpireOne(void)
{
    unsigned Spins = 0;

    for (;;) {
        PKTIMER Timer;

        host_lock_acquire(&Table.Lock);
        Timer = Earliest();
        if (!Timer || (LONGLONG)Timer->DueTime.QuadPart > Now()) {
            Table.Next = Timer ? (LONGLONG)Timer->DueTime.QuadPart : INT64_MAX;
            host_lock_release(&Table.Lock);
            return false;
        }
        if (KexxTryLockObject(HeaderOf(Timer))) {
            Remove(Timer);
            host_lock_release(&Table.Lock);
            Expire(Timer);
            return true;
        }
        host_lock_release(&Table.Lock);
        KexxRelax(&Spins);
    }
}

static void NTAPI TimerThread(PVOID Context)
{
    KEX_WAIT Why = {.What = "timers to expire", .Timed = true, .Idle = true};
    PKTHREAD Thread = KexxCurrent;

    (void)Context;
    while (!__atomic_load_n(&Table.Stop, __ATOMIC_ACQUIRE)) {
        LONGLONG Next;
        bool Again;

        do {
            KexxRaise(Thread, DISPATCH_LEVEL);
            Again = ExpireOne();
            KexxLower(Thread, PASSIVE_LEVEL);
        } while (Again);
        host_lock_acquire(&Table.Lock);
        Next = Table.Next;
        host_lock_release(&Table.Lock);
        KexBlock(&Why, Next == INT64_MAX ? 0 : KexxStartTime + (uint64_t)Next * 100);
    }
}

NTSTATUS KexxStartTimerThread(void)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        InitializeListHead(&Table.Bucket[i]);
    memset(Table.Filled, 0, sizeof Table.Filled);
    Table.Count = 0;
    Table.Next = INT64_MAX;
    __atomic_store_n(&Table.Stop, false, __ATOMIC_RELEASE);
    return KexThreadStart("timer", NULL, TimerThread, NULL, &Table.Thread);
}

void KexxStopTimerThread(void)
{
    if (!Table.Thread)
        return;
    __atomic_store_n(&Table.Stop, true, __ATOMIC_RELEASE);
    KexWake(Table.Thread);
    KexJoinThread(Table.Thread);
    Table.Thread = NULL;
}

void *KexTimerInRange(const void *Base, size_t Bytes)
{
    void *Found = NULL;

    if (Bytes < sizeof(KTIMER) || !__atomic_load_n(&Table.Count, __ATOMIC_RELAXED))
        return NULL;
    host_lock_acquire(&Table.Lock);
    for (unsigned i = NextFilled(0); i < BUCKETS && !Found; i = NextFilled(i + 1))
        for (PLIST_ENTRY Entry = Table.Bucket[i].Flink; Entry != &Table.Bucket[i] && !Found;
             Entry = Entry->Flink)
            if ((ULONG_PTR)Entry - (ULONG_PTR)Base < Bytes)
                Found = CONTAINING_RECORD(Entry, KTIMER, TimerListEntry);
    host_lock_release(&Table.Lock);
    return Found;
}

/* ---- exports --------------------------------------------------------------------------------- */

/* A timer that is not set, in resident storage of the caller (nf-wdm-keinitializetimerex). */
VOID NTAPI KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type)
{
    KexInitializeDispatcher(Timer,
                            Type == NotificationTimer ? KEX_OBJECT_NOTIFICATION_TIMER
                                                      : KEX_OBJECT_SYNCHRONIZATION_TIMER,
                            sizeof(KTIMER) / 4);
    Timer->DueTime.QuadPart = 0;
    InitializeListHead(&Timer->TimerListEntry);
    Timer->Dpc = NULL;
    Timer->Processor = 0;
    Timer->TimerType = 0;
    Timer->Period = 0;
}

VOID NTAPI KeInitializeTimer(PKTIMER Timer)
{
    KeInitializeTimerEx(Timer, NotificationTimer);
}

static BOOLEAN SetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, ULONG Period, PKDPC Dpc,
                        const void *Caller)
{
    KEX_HEADER *Header = HeaderOf(Timer);
    LONGLONG Time = Now(), Due;
    bool Wake = false;
    BOOLEAN WasSet;

    if (DueTime.QuadPart < 0)
        Due = DueTime.QuadPart == INT64_MIN || -DueTime.QuadPart > INT64_MAX - Time
                  ? INT64_MAX
                  : Time - DueTime.QuadPart;
    else
        Due = Time + (DueTime.QuadPart - KexSystemTime());
    KexxLockChecked(Header, "KeSetTimer", Caller);
    host_lock_acquire(&Table.Lock);
    WasSet = Header->Inserted;
    if (WasSet)
        Remove(Timer);
    KexxSetState(Header, 0);
    Timer->Dpc = Dpc;
    Timer->Period = Period;
    Timer->DueTime.QuadPart = (ULONGLONG)(Due > 0 ? Due : 0);
    Insert(Timer);
    if (Due < Table.Next) {
        Table.Next = Due;
        Wake = true;
    }
    host_lock_release(&Table.Lock);
    KexxUnlockObject(Header);
    if (Wake && Table.Thread)
        KexWake(Table.Thread);
    return WasSet;
}

/*
 * (Re)sets the timer: not signalled until DueTime (negative from now, positive a system time), then
 * again each Period ms when that is not 0. TRUE when it was set before. IRQL <= DISPATCH_LEVEL
 * (nf-wdm-kesettimerex).
 */
BOOLEAN NTAPI KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc)
{
    return SetTimer(Timer, DueTime, Period < 0 ? 0 : (ULONG)Period, Dpc,
                    __builtin_return_address(0));
}

BOOLEAN NTAPI KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc)
{
    return SetTimer(Timer, DueTime, 0, Dpc, __builtin_return_address(0));
}

/* The kernel may delay it by TolerableDelay ms; it never does here (nf-wdm-kesetcoalescabletimer).
 */
BOOLEAN NTAPI KeSetCoalescableTimer(PKTIMER Timer, LARGE_INTEGER DueTime, ULONG Period,
                                    ULONG TolerableDelay, PKDPC Dpc)
{
    (void)TolerableDelay;
    return SetTimer(Timer, DueTime, Period, Dpc, __builtin_return_address(0));
}

/*
 * TRUE when the timer was set. FALSE may mean that its DPC is queued or running: KeFlushQueuedDpcs
 * waits for it (nf-wdm-kecanceltimer). The signal state stays.
 */
BOOLEAN NTAPI KeCancelTimer(PKTIMER Timer)
{
    KEX_HEADER *Header = HeaderOf(Timer);
    BOOLEAN WasSet;

    KexxLockChecked(Header, "KeCancelTimer", __builtin_return_address(0));
    host_lock_acquire(&Table.Lock);
    WasSet = Header->Inserted;
    if (WasSet)
        Remove(Timer);
    Timer->Period = 0;
    host_lock_release(&Table.Lock);
    KexxUnlockObject(Header);
    return WasSet;
}

BOOLEAN NTAPI KeReadStateTimer(PKTIMER Timer)
{
    return KexxState(HeaderOf(Timer)) > 0;
}

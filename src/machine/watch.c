/* SPDX-License-Identifier: MIT */
/*
 * The hang watch: a host thread that looks at progress and at who waits for whom. A cycle of waits
 * is reported at once, a wait nobody can end after 10 s without progress, an unload that does not
 * finish likewise, a thread that only burns CPU after the policy spin_limit. A wait with a time
 * limit is never a hang, however often it is repeated.
 */
#include "machine/machine.h"

#include <stdio.h>
#include <string.h>

#define BEAT_NS (100ull * 1000000u)
#define PATIENCE_NS (10ull * 1000000000u)
#define MOST_THREADS 128

typedef struct _WATCHED {
    PKTHREAD Thread;
    int HostId;
    const char *Name;
    bool Waits, Timed, Idle;
    uint64_t WaitStart;
    PKTHREAD Owner;
    char What[64];
} WATCHED;

typedef struct _SNAPSHOT {
    WATCHED Thread[MOST_THREADS];
    size_t Count;
} SNAPSHOT;

static host_thread *Watcher;
static host_parker Alarm; /* rung to end the watch before its next beat */
static bool Stopping;

static void Collect(const KEX_THREAD_VIEW *v, void *Context)
{
    SNAPSHOT *s = Context;
    WATCHED *w;

    if (s->Count == MOST_THREADS)
        return;
    w = &s->Thread[s->Count++];
    *w = (WATCHED){
        .Thread = v->Thread, .HostId = v->HostId, .Name = v->Name, .Waits = v->Wait != NULL};
    if (!v->Wait)
        return;
    w->Timed = v->Wait->Timed;
    w->Idle = v->Wait->Idle;
    w->WaitStart = v->WaitStart;
    w->Owner = v->Wait->Owner ? v->Wait->Owner(v->Wait->Object) : NULL;
    snprintf(w->What, sizeof(w->What), "%s", v->Wait->What);
}

static const WATCHED *Find(const SNAPSHOT *s, PKTHREAD Thread)
{
    for (size_t i = 0; i < s->Count; i++)
        if (s->Thread[i].Thread == Thread)
            return &s->Thread[i];
    return NULL;
}

/* Follows owners from one waiting thread; true when the walk comes back to it. */
static bool InCycle(const SNAPSHOT *s, const WATCHED *Start)
{
    const WATCHED *w = Start;

    for (size_t i = 0; i <= s->Count && w && w->Waits && !w->Timed && w->Owner; i++) {
        w = Find(s, w->Owner);
        if (w == Start)
            return true;
    }
    return false;
}

/* The same wait in the last snapshot: what a cycle must show twice, because a snapshot is not one
 * instant. */
static bool SameWait(const SNAPSHOT *Old, const WATCHED *w)
{
    const WATCHED *o = Find(Old, w->Thread);

    return o && o->Waits && o->WaitStart == w->WaitStart && o->Owner == w->Owner;
}

static const WATCHED *FindCycle(const SNAPSHOT *Old, const SNAPSHOT *New)
{
    for (size_t i = 0; i < New->Count; i++) {
        const WATCHED *Is = &New->Thread[i], *Was = Find(Old, Is->Thread);
        if (Is->Waits && Was && InCycle(New, Is) && InCycle(Old, Was) && SameWait(Old, Is))
            return Is;
    }
    return NULL;
}

static _Noreturn void ReportHang(const char *Title, const char *Sentence)
{
    TrcReportLine("  threads:");
    TrcReportThreads();
    TrcEnd(TRC_END_HANG, OF_HANG, Title, Sentence);
}

static void ReportCycle(const SNAPSHOT *s, const WATCHED *w)
{
    char Sentence[500];
    const WATCHED *Start = w;
    size_t n = 0;

    do {
        const WATCHED *Next = Find(s, w->Owner);
        n += (size_t)snprintf(Sentence + n, sizeof(Sentence) - n,
                              "%sthread \"%s\" waits for %s held by \"%s\"", n ? "; " : "", w->Name,
                              w->What, Next ? Next->Name : "?");
        w = Next;
    } while (w && w != Start && n < sizeof(Sentence) - 100);
    ReportHang("deadlock", Sentence);
}

/* Everybody who could still do something waits without limit; service threads that are idle do not
 * count. */
static const WATCHED *NobodyCanEnd(const SNAPSHOT *s)
{
    const WATCHED *Stuck = NULL;

    for (size_t i = 0; i < s->Count; i++) {
        const WATCHED *w = &s->Thread[i];
        if (w->Idle)
            continue;
        if (!w->Waits || w->Timed)
            return NULL;
        if (!Stuck)
            Stuck = w;
    }
    return Stuck;
}

static void JudgeStandstill(const SNAPSHOT *s, uint64_t Quiet)
{
    static uint64_t CpuAtStart[MOST_THREADS];
    static int CpuThread[MOST_THREADS];
    const WATCHED *Stuck = NobodyCanEnd(s);
    LONGLONG Limit = KexPolicyNumber("spin_limit");
    uint32_t Phase = __atomic_load_n(&TrcShared->phase, __ATOMIC_ACQUIRE);
    char Sentence[300];

    if (Quiet >= PATIENCE_NS && Stuck) {
        snprintf(Sentence, sizeof(Sentence),
                 "thread \"%s\" has waited for %s for %.0f s and no other thread can end "
                 "that wait",
                 Stuck->Name, Stuck->What, (double)Quiet / 1e9);
        ReportHang("wait that nobody can end", Sentence);
    }
    if (Quiet >= PATIENCE_NS && (Phase == TRC_PHASE_UNLOAD || Phase == TRC_PHASE_DISMOUNT)) {
        snprintf(Sentence, sizeof(Sentence), "no progress for %.0f s while %s", (double)Quiet / 1e9,
                 TrcShared->phase_text);
        ReportHang("unload does not finish", Sentence);
    }
    for (size_t i = 0; Limit > 0 && i < s->Count; i++) {
        uint64_t Cpu = host_thread_cpu_ns_of(s->Thread[i].HostId);
        if (Quiet < 2 * BEAT_NS || CpuThread[i] != s->Thread[i].HostId || Cpu < CpuAtStart[i]) {
            CpuThread[i] = s->Thread[i].HostId;
            CpuAtStart[i] = Cpu;
        } else if (!s->Thread[i].Waits &&
                   Cpu - CpuAtStart[i] > (uint64_t)Limit * 1000000000u * 9 / 10 &&
                   Quiet > (uint64_t)Limit * 1000000000u) {
            snprintf(Sentence, sizeof(Sentence),
                     "thread \"%s\" has used %.0f s of processor time without a single "
                     "step of progress (policy spin_limit)",
                     s->Thread[i].Name, (double)(Cpu - CpuAtStart[i]) / 1e9);
            ReportHang("code that never returns", Sentence);
        }
    }
}

static void Watch(void *Argument)
{
    static SNAPSHOT Snapshots[2];
    uint64_t Seen = 0, Since = host_monotonic_ns();
    unsigned Turn = 0;

    (void)Argument;
    while (!__atomic_load_n(&Stopping, __ATOMIC_ACQUIRE)) {
        SNAPSHOT *New = &Snapshots[Turn & 1], *Old = &Snapshots[~Turn & 1];
        uint64_t Progress = __atomic_load_n(KexProgressCounter, __ATOMIC_RELAXED),
                 Now = host_monotonic_ns();
        const WATCHED *Cycle;

        __atomic_fetch_add(&TrcShared->heartbeat, 1, __ATOMIC_RELAXED);
        New->Count = 0;
        KexForEachThread(Collect, New);
        Cycle = Turn++ ? FindCycle(Old, New) : NULL;
        if (Cycle)
            ReportCycle(New, Cycle);
        if (Progress != Seen) {
            Seen = Progress;
            Since = Now;
        }
        JudgeStandstill(New, Now - Since);
        host_park(&Alarm, Now + BEAT_NS);
    }
}

void machine_watch_start(void)
{
    Stopping = false;
    host_thread_start("hang watch", 0, Watch, NULL, &Watcher);
}

void machine_watch_stop(void)
{
    __atomic_store_n(&Stopping, true, __ATOMIC_RELEASE);
    host_unpark(&Alarm);
    host_thread_join(Watcher);
}

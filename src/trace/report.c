/* SPDX-License-Identifier: MIT */
/*
 * The text of a stop or hang report, built in the shared region while the machine still stands: no
 * heap and no lock, because a driver may have damaged the one and hold the other.
 */
#include "trace/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "pe/pe.h"

void TrcReportLine(const char *Format, ...)
{
    struct trc_shared *s = TrcShared;
    uint32_t At = s->report_length < TRC_REPORT ? s->report_length : TRC_REPORT;
    size_t Room = TRC_REPORT - At;
    va_list a;
    int n;

    if (Room < 2)
        return;
    va_start(a, Format);
    n = vsnprintf(s->report + At, Room - 1, Format, a);
    va_end(a);
    if (n < 0)
        return;
    if ((size_t)n > Room - 2)
        n = (int)Room - 2;
    s->report[At + (uint32_t)n] = '\n';
    s->report_length = At + (uint32_t)n + 1;
}

static void ReportFrames(void **Frames, size_t Count)
{
    char Text[320];

    for (size_t i = 0; i < Count; i++)
        TrcReportLine("    #%-2zu %s", i,
                      i ? pe_describe_return(Frames[i], Text, sizeof(Text))
                        : pe_describe_address(Frames[i], Text, sizeof(Text)));
}

void TrcReportStack(const struct host_registers *Start)
{
    void *Frames[40];

    ReportFrames(Frames, pe_backtrace(Start, Frames, 40));
}

/* ---- stacks of other threads
 * ---------------------------------------------------------------------------- */

typedef struct _SAMPLE {
    void *Frames[40];
    size_t Count;
} SAMPLE;

/* In the target's signal handler: pe_backtrace takes no lock and no heap. */
static void TakeSample(const struct host_registers *Registers, void *Argument)
{
    SAMPLE *s = Argument;

    s->Count = pe_backtrace(Registers, s->Frames, 40);
}

static bool TouchesDriver(const SAMPLE *s)
{
    for (size_t i = 0; i < s->Count; i++)
        if (pe_image_from_address(s->Frames[i]))
            return true;
    return false;
}

typedef struct _THREAD_LIST {
    KEX_THREAD_VIEW View[64];
    KEX_WAIT Wait[64];
    size_t Count;
} THREAD_LIST;

static void Collect(const KEX_THREAD_VIEW *View, void *Context)
{
    THREAD_LIST *l = Context;

    if (l->Count == 64)
        return;
    l->View[l->Count] = *View;
    if (View->Wait) {
        l->Wait[l->Count] = *View->Wait;
        l->View[l->Count].Wait = &l->Wait[l->Count];
    }
    l->Count++;
}

static void ReportThread(const KEX_THREAD_VIEW *v, uint64_t Now)
{
    SAMPLE Sample = {.Count = 0};
    PKTHREAD Owner = NULL;

    if (v->HostId != host_thread_id())
        host_thread_sample(v->HostId, TakeSample, &Sample);
    if (v->Wait) {
        Owner = v->Wait->Owner ? v->Wait->Owner(v->Wait->Object) : NULL;
        TrcReportLine("  thread %d \"%s\": waits for %s%s%s for %.1f s%s%s%s%s", v->HostId,
                      v->Name ? v->Name : "", v->Wait->What, v->Wait->Name ? " " : "",
                      v->Wait->Name ? v->Wait->Name : "", (double)(Now - v->WaitStart) / 1e9,
                      v->Wait->Timed ? " (with a time limit)" : "",
                      Owner ? ", held by thread \"" : "", Owner ? KexThreadName(Owner) : "",
                      Owner ? "\"" : "");
    } else {
        TrcReportLine("  thread %d \"%s\": runs at IRQL %u", v->HostId, v->Name ? v->Name : "",
                      v->Irql);
    }
    if (TouchesDriver(&Sample) || (v->Wait && !v->Wait->Timed))
        ReportFrames(Sample.Frames, Sample.Count);
}

void TrcReportThreads(void)
{
    static THREAD_LIST List; /* one report a process: no stack or heap needed */
    uint64_t Now = KexSched->Monotonic();

    List.Count = 0;
    KexForEachThread(Collect, &List);
    for (size_t i = 0; i < List.Count; i++)
        ReportThread(&List.View[i], Now);
}

void TrcEnd(enum trc_end End, int Status, const char *Title, const char *Sentence)
{
    uint32_t None = TRC_END_NONE;

    /* The first end counts: a second thread that faults while the first reports waits for the
     * process to go. */
    if (!__atomic_compare_exchange_n(&TrcShared->end, &None, End, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        for (;;)
            host_sleep_ns(1000000000u);
    snprintf(TrcShared->title, sizeof(TrcShared->title), "%s", Title);
    snprintf(TrcShared->sentence, sizeof(TrcShared->sentence), "%s", Sentence);
    host_exit_now(Status);
}

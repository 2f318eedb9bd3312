/* SPDX-License-Identifier: MIT */
/* Sinks of KexHooks: debug text, findings, phases; the trace lines themselves are in trace_text.c.
 */
#include "trace/trace.h"
#include "trace/trace_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "pe/pe.h"

static struct trc_shared Private; /* until a machine gives a shared one */
struct trc_shared *TrcShared = &Private;
static host_lock FindingLock, OutputLock;

void TrcSay(const char *Format, ...)
{
    char Line[1024];
    va_list a;
    int n;

    va_start(a, Format);
    n = vsnprintf(Line, sizeof(Line) - 1, Format, a);
    va_end(a);
    if (n > (int)sizeof(Line) - 2)
        n = sizeof(Line) - 2;
    Line[n++] = '\n';
    host_write_all(2, Line, (size_t)n);
}

void TrcPhase(enum trc_phase Phase, const char *Format, ...)
{
    va_list a;

    va_start(a, Format);
    vsnprintf(TrcShared->phase_text, sizeof(TrcShared->phase_text), Format, a);
    va_end(a);
    __atomic_store_n(&TrcShared->phase, Phase, __ATOMIC_RELEASE);
    KexProgress();
}

const char *TrcWhere(const void *Address, char *Buffer, size_t Size)
{
    if (!Address)
        return strncpy(Buffer, "unknown place", Size);
    return pe_describe_address(Address, Buffer, Size);
}

/* ---- debug text
 * ----------------------------------------------------------------------------------------- */

/* The slot of the calling thread, or a free one; NULL when all are taken (the text then goes out as
 * it is). */
static struct trc_partial *PartialSlot(struct trc_shared *s, int Thread)
{
    struct trc_partial *Free = NULL;

    for (int i = 0; i < TRC_PARTIALS; i++) {
        if (s->partial[i].length && s->partial[i].thread == Thread)
            return &s->partial[i];
        if (!s->partial[i].length && !Free)
            Free = &s->partial[i];
    }
    if (Free)
        Free->thread = Thread;
    return Free;
}

/*
 * Lines go out whole, with one write: the text of a line that is not ended is kept in shared memory
 * until its end comes, so that no other thread's text falls into it and nothing is lost when the
 * machine dies.
 */
static void DebugPrint(const char *Text, size_t Bytes)
{
    struct trc_partial *p;
    const char *Last = NULL;
    size_t Rest;

    for (size_t i = Bytes; i && !Last; i--)
        if (Text[i - 1] == '\n')
            Last = Text + i;
    host_lock_acquire(&OutputLock);
    p = PartialSlot(TrcShared, host_thread_id());
    if (!p || (!Last && p->length + Bytes > sizeof(p->text))) {
        if (p && p->length)
            host_write_all(1, p->text, p->length), p->length = 0;
        host_write_all(1, Text, Bytes);
        host_lock_release(&OutputLock);
        return;
    }
    if (Last) {
        char Whole[2048];
        size_t n = 0;
        if (TrcTextEnabled)
            n = TrcTextPrefix(Whole, 64, "DbgPrint");
        memcpy(Whole + n, p->text, p->length);
        n += p->length;
        memcpy(Whole + n, Text, (size_t)(Last - Text));
        n += (size_t)(Last - Text);
        host_write_all(1, Whole, n);
        p->length = 0;
    }
    Rest = Last ? Bytes - (size_t)(Last - Text) : Bytes;
    memcpy(p->text + p->length, Last ? Last : Text, Rest);
    p->length += (uint32_t)Rest;
    host_lock_release(&OutputLock);
}

void trc_flush_partials(struct trc_shared *shared)
{
    for (int i = 0; i < TRC_PARTIALS; i++) {
        struct trc_partial *p = &shared->partial[i];
        if (!p->length)
            continue;
        if (p->length <= sizeof(p->text))
            host_write_all(1, p->text, p->length);
        p->length = 0;
    }
}

/* ---- findings
 * ------------------------------------------------------------------------------------------- */

static struct trc_finding *SameFinding(const KEX_FINDING *f)
{
    for (uint32_t i = 0; i < TrcShared->findings; i++) {
        struct trc_finding *have = &TrcShared->finding[i];
        if (have->caller == (uintptr_t)f->Caller &&
            !strncmp(have->rule, f->Rule, sizeof(have->rule) - 1))
            return have;
    }
    return NULL;
}

/* The first finding of a rule at a place is printed; the next ones are counted. */
static void Finding(const KEX_FINDING *f)
{
    struct trc_finding *New = NULL;
    char Where[256];

    host_lock_acquire(&FindingLock);
    New = SameFinding(f);
    if (New) {
        New->count++;
        host_lock_release(&FindingLock);
        return;
    }
    if (TrcShared->findings < TRC_FINDINGS) {
        New = &TrcShared->finding[TrcShared->findings];
        *New = (struct trc_finding){.caller = (uintptr_t)f->Caller, .count = 1};
        snprintf(New->rule, sizeof(New->rule), "%s", f->Rule);
        snprintf(New->class_name, sizeof(New->class_name), "%s", f->Class);
        snprintf(New->sentence, sizeof(New->sentence), "%s", f->Sentence);
        TrcShared->findings++;
    } else {
        TrcShared->findings_lost++;
    }
    host_lock_release(&FindingLock);
    /* Describing runs the symbolizer; other threads must not wait for that. */
    TrcWhere(f->Caller, Where, sizeof(Where));
    if (New)
        memcpy(New->where, Where, sizeof(New->where));
    TrcSay("openflt: %s (%s): %s; at %s", f->Rule, f->Class, f->Sentence, Where);
}

/* ---- stops
 * ---------------------------------------------------------------------------------------------- */

static void Stop(const KEX_STOP *s)
{
    char Title[96], Where[256];

    host_fault_begin_report(20);
    if (s->Code)
        snprintf(Title, sizeof(Title), "bug check 0x%X %s", (unsigned)s->Code, s->Title);
    else
        snprintf(Title, sizeof(Title), "%s", s->Title);
    if (s->Code)
        TrcReportLine("parameters: 0x%llx 0x%llx 0x%llx 0x%llx",
                      (unsigned long long)s->Parameter[0], (unsigned long long)s->Parameter[1],
                      (unsigned long long)s->Parameter[2], (unsigned long long)s->Parameter[3]);
    TrcReportLine("at: %s", TrcWhere(s->Caller, Where, sizeof(Where)));
    TrcReportStack(NULL);
    TrcShared->stop_code = s->Code;
    TrcEnd(TRC_END_STOP, 70, Title, s->Sentence);
}

/* --verify off: a misused routine just returns its documented status. */
static void IgnoreFinding(const KEX_FINDING *f)
{
    UNREFERENCED_PARAMETER(f);
}

void TrcStart(struct trc_shared *Shared, enum trc_format Format, bool Judge)
{
    if (Shared) {
        TrcShared = Shared;
        KexProgressCounter = &Shared->progress;
    }
    KexHooks.DebugPrint = DebugPrint;
    KexHooks.Finding = Judge ? Finding : IgnoreFinding;
    KexHooks.Stop = Stop;
    TrcTextEnabled = Format == TRC_TEXT;
    KexHooks.Trace = Format == TRC_TEXT ? TrcTextEvent : NULL;
    TrcTextStart();
}

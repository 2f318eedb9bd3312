/* SPDX-License-Identifier: MIT */
/*
 * The supervisor (D17). It is forked off before anything is loaded, never runs driver code and
 * holds what outlives the machine: the shared region, the report and the exit status. However the
 * machine ends - by itself, by a stop, by a signal nobody foresaw - the supervisor says what is
 * known and why it ended.
 */
#include "machine/machine.h"
#include "machine/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The machine's watch beats every 100 ms. A machine that is silent for this long cannot report any
 * more. */
#define SILENCE_LIMIT_NS (30ull * 1000000000u)
#define POLL_NS (200ull * 1000000u)

/* ---- reading a region that drivers may have damaged ---- */

#define TERMINATE(field) ((field)[sizeof(field) - 1] = 0)

static void make_safe(struct trc_shared *s)
{
    TERMINATE(s->phase_text);
    TERMINATE(s->drivers);
    TERMINATE(s->title);
    TERMINATE(s->sentence);
    TERMINATE(s->final_text);
    if (s->report_length >= TRC_REPORT)
        s->report_length = TRC_REPORT - 1;
    s->report[s->report_length] = 0;
    if (s->findings > TRC_FINDINGS)
        s->findings = TRC_FINDINGS;
    for (uint32_t i = 0; i < s->findings; i++) {
        TERMINATE(s->finding[i].rule);
        TERMINATE(s->finding[i].class_name);
        TERMINATE(s->finding[i].where);
        TERMINATE(s->finding[i].sentence);
    }
    if (s->leaks > TRC_LEAKS)
        s->leaks = TRC_LEAKS;
    for (uint32_t i = 0; i < s->leaks; i++) {
        TERMINATE(s->leak[i].driver);
        TERMINATE(s->leak[i].text);
    }
    for (int i = 0; i < TRC_RING; i++)
        TERMINATE(s->ring[i]);
}

static const char *signal_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{4, "SIGILL"},   {6, "SIGABRT"}, {7, "SIGBUS"},   {8, "SIGFPE"}, {9, "SIGKILL"},
                 {11, "SIGSEGV"}, {5, "SIGTRAP"}, {15, "SIGTERM"}, {2, "SIGINT"}, {31, "SIGSYS"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].number == number)
            return names[i].name;
    return "signal";
}

/* ---- the verdict ---- */

/* Findings that make the run fail; notes and portability warnings never do. */
static uint32_t violations(const struct trc_shared *s)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->findings; i++)
        n += strcmp(s->finding[i].class_name, "note") &&
             strcmp(s->finding[i].class_name, "portability");
    return n;
}

int supervisor_status(const struct trc_shared *s, const struct host_child_state *state)
{
    if (s->end == TRC_END_HANG)
        return OF_HANG;
    if (s->end != TRC_END_COMPLETE || state->end != HOST_EXITED)
        return OF_STOPPED;
    if (s->final_status)
        return s->final_status;
    if (violations(s))
        return OF_VIOLATION;
    if (s->leaks)
        return OF_LEAK;
    return s->command_status;
}

/* The machine ended without saying why: say what is known. */
static void describe_death(struct trc_shared *s, const struct host_child_state *state, bool silent)
{
    if (s->end == TRC_END_STOP || s->end == TRC_END_HANG)
        return;
    if (silent) {
        snprintf(s->title, sizeof(s->title), "no sign of life");
        snprintf(s->sentence, sizeof(s->sentence),
                 "the machine's own watch has been silent for %u s: its memory is damaged or every "
                 "thread is stuck in "
                 "the host; it was ended",
                 (unsigned)(SILENCE_LIMIT_NS / 1000000000u));
    } else if (state->end == HOST_SIGNALED) {
        snprintf(s->title, sizeof(s->title), "machine process ended by signal %d (%s)", state->code,
                 signal_name(state->code));
        snprintf(
            s->sentence, sizeof(s->sentence), "%s",
            state->code == 6
                ? "the host's allocator or a check of openflt found damaged memory: a driver wrote "
                  "outside its own"
            : state->code == 9
                ? "somebody killed it, or the host ran out of memory"
                : "it could not write its own report: a driver overwrote openflt's memory or its "
                  "stack");
    } else {
        snprintf(s->title, sizeof(s->title),
                 "machine process ended with status %d before its work was done", state->code);
        snprintf(s->sentence, sizeof(s->sentence), "driver code or openflt left the process");
    }
}

static const char *const verdict_words[] = {"ended early", "machine stopped", "hang"};

void supervisor_print(const struct trc_shared *s, int status)
{
    if (s->end != TRC_END_COMPLETE) {
        const char *word = verdict_words[s->end <= TRC_END_HANG ? s->end : 0];
        uint64_t first = s->ring_next > 12 ? s->ring_next - 12 : 0;
        TrcSay("openflt: %s: %s", word, s->title);
        TrcSay("  %s", s->sentence);
        TrcSay("  while: %s", s->phase_text[0] ? s->phase_text : "starting");
        host_write_all(2, s->report, s->report_length);
        if (s->drivers[0])
            TrcSay("  loaded drivers:\n%s", s->drivers);
        for (uint64_t i = first; i < s->ring_next && i < first + TRC_RING; i++)
            TrcSay("  trace: %s", s->ring[i % TRC_RING]);
    }
    for (uint32_t i = 0; i < s->leaks; i++)
        TrcSay("openflt: leak: %s: %s", s->leak[i].driver, s->leak[i].text);
    if (s->leaks_lost)
        TrcSay("openflt: %u more leaks", s->leaks_lost);
    if (s->final_status)
        TrcSay("openflt: %s", s->final_text);
    if (status == OF_OK)
        TrcSay("openflt: clean: no violation, no leak");
    else
        TrcSay("openflt: exit %d: %s", status,
               status == OF_STOPPED         ? "machine stopped"
               : status == OF_VIOLATION     ? "violation"
               : status == OF_LEAK          ? "leak"
               : status == OF_HANG          ? "hang"
               : status == OF_IMAGE_REFUSED ? "image refused"
               : status == OF_DRIVER_ENTRY  ? "DriverEntry failed"
               : status == OF_EXPECTATION   ? "an expectation was not met"
                                            : "command's status");
}

/* ---- the two processes ---- */

static void watch_machine(int pid, struct trc_shared *s, struct host_child_state *state,
                          bool *silent)
{
    uint64_t beat = 0, seen = host_monotonic_ns();

    *silent = false;
    for (;;) {
        host_wait_child(pid, POLL_NS, state);
        if (state->end != HOST_RUNNING)
            return;
        uint64_t now = host_monotonic_ns(), is = __atomic_load_n(&s->heartbeat, __ATOMIC_RELAXED);
        if (is != beat) {
            beat = is;
            seen = now;
        } else if (beat && now - seen > SILENCE_LIMIT_NS && !host_process_stopped(pid)) {
            *silent = true;
            host_kill(pid, 9);
        }
    }
}

int of_run(const struct of_options *options)
{
    struct trc_shared *s = host_map_shared(sizeof(*s));
    struct host_child_state state;
    bool silent;
    int pid, status;

    if (!s) {
        TrcSay("openflt: no memory for the report area");
        return OF_STOPPED;
    }
    /* Made on this side of the fork, so that it is removed however the machine ends. */
    host_temp_dir();
    fflush(NULL);
    pid = host_fork();
    if (pid < 0) {
        TrcSay("openflt: cannot start the machine process: %s", strerror(-pid));
        return OF_STOPPED;
    }
    if (!pid) {
        host_die_with_parent();
        machine_process(options, s);
    }
    watch_machine(pid, s, &state, &silent);
    make_safe(s);
    describe_death(s, &state, silent);
    trc_flush_partials(s);
    status = supervisor_status(s, &state);
    supervisor_print(s, status);
    if (options->report && supervisor_write_report(options->report, options, s, status) && !status)
        status = OF_STOPPED;
    host_unmap(s, sizeof(*s));
    return status;
}

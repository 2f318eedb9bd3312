/* SPDX-License-Identifier: MIT */
/* The machine process: rooms in order, one run from start to verdict. */
#include "machine/machine.h"
#include "machine/supervisor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/api.h"
#include "cc/cc.h"
#include "cm/cm.h"
#include "ex/ex.h"
#include "flt/flt.h"
#include "fs/fs.h"
#include "fsrtl/fsrtl.h"
#include "host/fault.h"
#include "io/io.h"
#include "mm/mm.h"
#include "ob/ob.h"
#include "pe/pe.h"
#include "ps/ps.h"
#include "se/se.h"
#include "zw/zw.h"

typedef struct _ROOM {
    const char *Name;
    NTSTATUS (*Start)(void);
    void (*End)(void);
} ROOM;

/* Lower rooms first; ended in reverse. */
static const ROOM Rooms[] = {
    {"ke", KexStart, KexEnd},          {"ex", ExxStart, ExxEnd},    {"ob", ObxStart, ObxEnd},
    {"mm", MmxStart, MmxEnd},          {"ps", PsxStart, PsxEnd},    {"se", SexStart, SexEnd},
    {"cm", CmxStart, CmxEnd},          {"io", IoxStart, IoxEnd},    {"cc", CcxStart, CcxEnd},
    {"fsrtl", FsrtlxStart, FsrtlxEnd}, {"flt", FltxStart, FltxEnd}, {"fs", FsxStart, FsxEnd},
};
static size_t Started;

static void fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(int status, const char *format, ...)
{
    va_list a;

    if (TrcShared->final_status)
        return;
    va_start(a, format);
    vsnprintf(TrcShared->final_text, sizeof(TrcShared->final_text), format, a);
    va_end(a);
    TrcShared->final_status = status;
}

static int set_policies(const struct of_options *o)
{
    for (size_t i = 0; i < o->policy_count; i++) {
        int e = KexPolicySet(o->policies[i].name, o->policies[i].value);
        if (e) {
            fail(OF_USAGE, e == -1 ? "there is no policy \"%s\"" : "policy %s has no value \"%s\"",
                 o->policies[i].name, o->policies[i].value);
            return OF_USAGE;
        }
        /* Some policies move the first build of a routine; for the others no row of the table names
         * them. */
        api_set_first_build_override(o->policies[i].name,
                                     (uint32_t)strtoul(o->policies[i].value, NULL, 10));
    }
    return OF_OK;
}

/* A driver called a routine nobody wrote yet. */
static void missing_routine(const struct api_missing *m)
{
    char line[200], text[400];

    pe_source_line(m->return_address, true, line, sizeof(line));
    if (!line[0])
        pe_describe_address(m->return_address, line, sizeof(line));
    api_missing_text(m, line, text, sizeof(text));
    KexStop(0, "missing routine", m->return_address, "%s", text);
}

int machine_start(const struct of_options *o, struct trc_shared *shared)
{
    KexBuild = o->windows ? o->windows : KEX_DEFAULT_BUILD;
    api_set_build(KexBuild);
    if (set_policies(o))
        return OF_USAGE;
    if (host_window_init()) {
        fail(OF_STOPPED, "the low address range for NT user space is taken; run outside of tools "
                         "that occupy it");
        return OF_STOPPED;
    }
    host_fault_init();
    host_barrier_init();
    for (Started = 0; Started < RTL_NUMBER_OF(Rooms); Started++) {
        NTSTATUS Status = Rooms[Started].Start();
        char b[12];
        if (!NT_SUCCESS(Status)) {
            fail(OF_STOPPED, "room %s did not start: %s", Rooms[Started].Name,
                 TrcStatusName(Status, b));
            return OF_STOPPED;
        }
        if (!Started) {
            /* With threads there is a clock; from here on every event and finding has a place to
             * go. */
            KexAttachHostThread("machine");
            TrcStart(shared, o->trace ? TRC_TEXT : TRC_NO_TRACE, o->verify != OF_VERIFY_OFF);
        }
    }
    api_missing_hook = missing_routine;
    pe_set_cr8_writer((__attribute__((ms_abi)) void (*)(uint64_t))KexWriteCr8);
    pe_set_shared_user_data(KexSharedUserData);
    host_fault_add_handler(HOST_FAULT_RANK_EMULATE, pe_fault_emulate);
    pe_seh_start();
    TrcFaultReports();
    return OF_OK;
}

void machine_end(void)
{
    while (Started--)
        if (Rooms[Started].End)
            Rooms[Started].End();
}

static int run(const struct of_options *o)
{
    int status = machine_mount(o);

    for (size_t i = 0; !status && i < o->driver_count; i++)
        status = machine_load(&o->drivers[i]);
    if (!status && o->script) {
        TrcPhase(TRC_PHASE_RUN, "running script %s", o->script);
        status = machine_run_script(o->script);
    }
    TrcPhase(TRC_PHASE_CLOSE, "writing dirty data");
    CcxFlushAll(NULL);
    machine_unload_all();
    if (machine_dismount(o) && !status)
        status = OF_STOPPED;
    return status;
}

void machine_process(const struct of_options *o, struct trc_shared *shared)
{
    int status;

    TrcShared = shared; /* a failure before the hooks are set still has its text where the
                           supervisor looks */
    snprintf(shared->phase_text, sizeof(shared->phase_text), "starting the machine");
    status = machine_start(o, shared);
    if (!status) {
        machine_watch_start();
        status = run(o);
        TrcPhase(TRC_PHASE_VERDICT, "ending the machine");
        machine_watch_stop();
        machine_end();
    }
    shared->command_status = status;
    __atomic_store_n(&shared->end, TRC_END_COMPLETE, __ATOMIC_RELEASE);
    fflush(NULL);
    exit(0);
}

/* SPDX-License-Identifier: MIT */
/* routine_lookup.c - finding an exported routine of the filter manager by name. */
#include "ke/ke.h"
#include <fltKernel.h>
#include <stdatomic.h>
#include "api/api.h"
#include "flt/routine_lookup.h"

/* Windows Server 2003: the first whose filter manager is ready before anybody registers. */
#define BUILD_READY_AT_START 3790

static atomic_bool AnyRegistered;

void FltxNoteRegistration(void)
{
    atomic_store(&AnyRegistered, true);
}

static void JudgeIrql(KIRQL Irql, const void *Caller)
{
    if (Irql > DISPATCH_LEVEL)
        KexFinding("G-07", "verifier", Caller,
                   "FltGetRoutineAddress was called at IRQL %u; it is for DISPATCH_LEVEL and below",
                   Irql);
    else if (Irql > APC_LEVEL)
        KexFinding("G-07", "note", Caller,
                   "FltGetRoutineAddress was called at DISPATCH_LEVEL; its page allows that, its "
                   "declaration only "
                   "APC_LEVEL");
}

/*
 * Returns the address of a routine which fltmgr.sys of this machine's build exports, else NULL. The
 * address is the one an import of the same name is bound to.
 *
 * IRQL: the page says <= DISPATCH_LEVEL, the declaration <= APC_LEVEL. FltMgrRoutineName is a
 * zero-terminated name, matched exactly; it stays the caller's. Only the filter manager's own
 * exports are searched (nf-fltkernel-fltgetroutineaddress). Before Windows Server 2003 a minifilter
 * must have registered first; without one the answer is NULL and a finding.
 */
PVOID FLTAPI FltGetRoutineAddress(PCSTR FltMgrRoutineName)
{
    const void *Caller = __builtin_return_address(0);

    JudgeIrql(KeGetCurrentIrql(), Caller);
    if (api_build() < BUILD_READY_AT_START && !atomic_load(&AnyRegistered)) {
        KexFinding("G-06", "verifier", Caller,
                   "FltGetRoutineAddress(\"%.64s\") before any minifilter registered: on Windows "
                   "XP the filter "
                   "manager's tables are made by the first FltRegisterFilter",
                   FltMgrRoutineName);
        return NULL;
    }
    return api_find_address("fltmgr.sys", FltMgrRoutineName);
}

/* SPDX-License-Identifier: MIT */
/*
 * api.h - the one table of every routine and variable a driver may import. The table is made by tools/gen-api.py from
 * the .api files beside this one (doc/api-tables.md); the room answers questions about it and hands out addresses.
 *
 * A row's body is bound by name through a weak reference: a C function of that name turns the row to implemented.
 * Drivers never get the body's address but the row's thunk, so an import, FltGetRoutineAddress and
 * MmGetSystemRoutineAddress all answer with the same pointer, and every call can be looked at in one place.
 */
#ifndef OPENFLT_API_API_H
#define OPENFLT_API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum api_kind { API_ROUTINE, API_DATA };
enum api_fault { API_FAULT_NONE, API_FAULT_ALLOC, API_FAULT_IO, API_FAULT_UNKNOWN };
enum api_state { API_IMPLEMENTED, API_STUB_BODY, API_MISSING };

#define API_IRQL_UNKNOWN 0xff

struct api_export {
    const char *name;
    const char *module;   /* "fltmgr.sys" */
    const char *args;     /* "NTSTATUS (PFLT_INSTANCE Instance, ...)", NULL when unknown */
    const char *policy;   /* name of the policy that may move first_build, or NULL */
    const void *body;     /* C function or variable; NULL when nobody defined it */
    const void *thunk;    /* what drivers call; NULL for data */
    const void *stub;     /* not NULL when the body is marked by API_STUB */
    uint32_t first_build; /* 0: not known, counts as present on every build */
    uint8_t max_irql;     /* 0 PASSIVE, 1 APC, 2 DISPATCH, 15 any, API_IRQL_UNKNOWN */
    uint8_t fault;        /* enum api_fault: how the routine may fail on a healthy machine */
    uint8_t kind;         /* enum api_kind */
};

/* A run of rows: api_exports[first .. first + count), sorted by name. */
struct api_module {
    const char *name; /* "fltmgr.sys" */
    const char *stem; /* "fltmgr" */
    uint32_t first, count;
};

extern const struct api_export api_exports[];
extern const uint32_t api_export_count;
extern const struct api_module api_modules[];
extern const uint32_t api_module_count;

/*
 * Marks a body which exists but does not do its work yet: API_STUB(FltFoo); beside the function. The coverage page
 * then calls the row a stub instead of implemented.
 */
#define API_STUB(body)                                                                             \
    extern const char ApixStub_##body;                                                             \
    __attribute__((used)) const char ApixStub_##body = 1

/* ---- questions ------------------------------------------------------------------------------ */

enum api_answer {
    API_FOUND,       /* listed and present on the build; the body may still be missing */
    API_NEWER,       /* listed, but the first build that has it is newer */
    API_NOT_LISTED,  /* no row for this name */
    API_NO_ORDINALS, /* asked by ordinal: the table knows names only */
};

/* Module names are compared without case and with or without extension ("FLTMGR.SYS", "hal"). */
const struct api_module *api_module_find(const char *module);
/*
 * Finds a name, exact in case, as an import of `module` on `build`. A module that re-exports another's routines (hal
 * and the kernel, ksecdd and cng) finds those too. *row is set for API_FOUND and API_NEWER.
 */
enum api_answer api_lookup(const char *module, const char *name, uint32_t build, const struct api_export **row);
enum api_answer api_lookup_ordinal(const char *module, unsigned ordinal, const struct api_export **row);
enum api_state api_state(const struct api_export *row);
const char *api_state_name(enum api_state state);
/* First build with the policies of this machine applied; 0 when not known. */
uint32_t api_first_build(const struct api_export *row);
/* The row whose thunk contains `address`, or NULL: for backtraces. */
const struct api_export *api_export_of_thunk(const void *address);

/* ---- the machine's build -------------------------------------------------------------------- */

#define API_DEFAULT_BUILD 22621u
void api_set_build(uint32_t build);
uint32_t api_build(void);
/* Moves the first build of the rows that name `policy`; 0 takes it back. False when no row names it. */
bool api_set_first_build_override(const char *policy, uint32_t first_build);

/* ---- addresses for drivers ------------------------------------------------------------------ */

/*
 * Binds one static import. API_FOUND: the thunk or the variable (a guard page when nobody defined the variable).
 * API_NOT_LISTED: a trap that names module!name when called, NULL only when there are too many. API_NEWER: NULL,
 * the load has to fail by name.
 */
enum api_answer api_resolve_import(const char *module, const char *name, void **address);
/* What a look-up by name on the machine's build gives: only rows of `module` itself, else NULL. */
void *api_find_address(const char *module, const char *name);
/* Executable address that stops the machine naming module!name; NULL when all traps are in use. */
void *api_trap_for_unlisted(const char *module, const char *name);
/* An address in a page nobody may touch, the same for the same name; NULL when the host has no room. */
void *api_guard_for_data(const char *name);
/* The variable an access to `fault_address` was meant for, or NULL. */
const char *api_guard_name(const void *fault_address);

/* ---- hooks ---------------------------------------------------------------------------------- */

struct api_missing {
    const char *module, *name;
    bool listed;               /* false: the table has no row of that name */
    const void *return_address;
};

/*
 * A driver called a routine that has no body. The hook stops the machine and does not return; the default writes
 * the sentence to standard error and aborts.
 */
extern void (*api_missing_hook)(const struct api_missing *missing);
/* The sentence of such a stop; caller is "DRIVER.sys file:line" or NULL. */
void api_missing_text(const struct api_missing *missing, const char *caller, char *text, size_t size);

/* What the driver passed in registers, as it stood at the call. `index` counts api_exports. */
struct api_frame {
    uint64_t rax, rcx, rdx, r8, r9;
    uint64_t reserved;
    uint8_t xmm[6][16];
};

/*
 * Looks at every call of an export while it is set (NULL: off, one predicted branch a call). Arguments from the
 * fifth on lie at caller_stack + 32. Returning true answers the call instead of the body: the caller gets
 * frame->rax and frame->xmm[0].
 */
typedef bool api_enter_fn(const struct api_export *row, const void *return_address, void *caller_stack,
                          struct api_frame *frame);
void api_set_enter_hook(api_enter_fn *hook);

#endif

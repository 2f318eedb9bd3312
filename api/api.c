/* SPDX-License-Identifier: MIT */
/* api.c - questions about the generated table and the addresses drivers get. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/api.h"
#include "host/host.h"

#define API_TRAPS 1024u
#define API_TRAP_STEP 16u
#define API_GUARDS 1024u
#define API_POLICIES 16u

/* The first thunk, one every API_THUNK_STEP bytes in the order of the routine rows (generated). */
#define API_THUNK_STEP 64u
extern const char ApixThunks[], ApixThunksEnd[];
extern const char ApixTraps[];
extern const uint32_t api_thunk_rows[];

struct api_override {
    const char *policy;
    uint32_t first_build;
};

static uint32_t machine_build = API_DEFAULT_BUILD;
static struct api_override overrides[API_POLICIES];
static unsigned override_count;

/* ---- look-up -------------------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool module_matches(const struct api_module *m, const char *asked)
{
    const char *full = m->name;
    size_t stem = strlen(m->stem), i = 0;

    while (asked[i] && lower(asked[i]) == full[i])
        i++;
    return !asked[i] && (!full[i] || i == stem);
}

const struct api_module *api_module_find(const char *module)
{
    for (uint32_t i = 0; i < api_module_count; i++)
        if (module_matches(&api_modules[i], module))
            return &api_modules[i];
    return NULL;
}

static const struct api_export *find_in(const struct api_module *m, const char *name)
{
    uint32_t low = 0, high = m ? m->count : 0;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct api_export *row = &api_exports[m->first + middle];
        int order = strcmp(name, row->name);

        if (!order)
            return row;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/*
 * Where a name is looked for when its own module has no row: routines moved from hal.dll into the kernel (all of them
 * at build 19041) and stay importable from both; ksecdd.sys forwards the BCrypt routines to cng.sys.
 */
static const char *const siblings[][2] = {
    {"hal", "ntoskrnl"}, {"ntoskrnl", "hal"}, {"cng", "ksecdd"}, {"ksecdd", "cng"}, {"ucrtbase", "ntoskrnl"},
};

static const struct api_export *find_row(const char *module, const char *name)
{
    const struct api_module *m = api_module_find(module);
    const struct api_export *row = find_in(m, name);

    for (size_t i = 0; m && !row && i < sizeof siblings / sizeof siblings[0]; i++)
        if (!strcmp(siblings[i][0], m->stem))
            row = find_in(api_module_find(siblings[i][1]), name);
    return row;
}

uint32_t api_first_build(const struct api_export *row)
{
    if (row->policy)
        for (unsigned i = 0; i < override_count; i++)
            if (overrides[i].first_build && !strcmp(overrides[i].policy, row->policy))
                return overrides[i].first_build;
    return row->first_build;
}

enum api_answer api_lookup(const char *module, const char *name, uint32_t build, const struct api_export **row)
{
    const struct api_export *found = find_row(module, name);

    if (row)
        *row = found;
    if (!found)
        return API_NOT_LISTED;
    return api_first_build(found) > build ? API_NEWER : API_FOUND;
}

enum api_answer api_lookup_ordinal(const char *module, unsigned ordinal, const struct api_export **row)
{
    (void)module, (void)ordinal;
    if (row)
        *row = NULL;
    return API_NO_ORDINALS; /* ordinals of the kernel's exports change with every build: a guess would be wrong */
}

enum api_state api_state(const struct api_export *row)
{
    if (!row->body)
        return API_MISSING;
    return row->stub ? API_STUB_BODY : API_IMPLEMENTED;
}

const char *api_state_name(enum api_state state)
{
    static const char *const names[] = {"implemented", "stub", "missing"};

    return names[state];
}

const struct api_export *api_export_of_thunk(const void *address)
{
    const char *at = address;

    if (at < ApixThunks || at >= ApixThunksEnd)
        return NULL;
    return &api_exports[api_thunk_rows[(size_t)(at - ApixThunks) / API_THUNK_STEP]];
}

/* ---- build ---------------------------------------------------------------------------------- */

void api_set_build(uint32_t build)
{
    machine_build = build;
}

uint32_t api_build(void)
{
    return machine_build;
}

bool api_set_first_build_override(const char *policy, uint32_t first_build)
{
    const char *known = NULL;

    for (unsigned i = 0; i < override_count; i++) {
        if (!strcmp(overrides[i].policy, policy)) {
            overrides[i].first_build = first_build;
            return true;
        }
    }
    for (uint32_t i = 0; i < api_export_count && !known; i++)
        if (api_exports[i].policy && !strcmp(api_exports[i].policy, policy))
            known = api_exports[i].policy;
    if (!known || override_count == API_POLICIES)
        return false;
    overrides[override_count++] = (struct api_override){known, first_build};
    return true;
}

/* ---- traps and guards ----------------------------------------------------------------------- */

struct api_trap {
    char *module, *name;
};

static host_lock table_lock;
static struct api_trap traps[API_TRAPS];
static unsigned trap_count;
static char *guards[API_GUARDS];
static unsigned guard_count;
static char *guard_base;

static char *copy_text(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);

    return copy ? memcpy(copy, text, bytes) : NULL;
}

static void *trap_locked(const char *module, const char *name)
{
    struct api_trap made;

    for (unsigned i = 0; i < trap_count; i++)
        if (!strcmp(traps[i].name, name) && !strcmp(traps[i].module, module))
            return (void *)(ApixTraps + i * API_TRAP_STEP);
    if (trap_count == API_TRAPS)
        return NULL;
    made = (struct api_trap){copy_text(module), copy_text(name)};
    if (!made.module || !made.name) {
        free(made.module);
        free(made.name);
        return NULL;
    }
    traps[trap_count] = made;
    return (void *)(ApixTraps + trap_count++ * API_TRAP_STEP);
}

void *api_trap_for_unlisted(const char *module, const char *name)
{
    void *trap;

    host_lock_acquire(&table_lock);
    trap = trap_locked(module, name);
    host_lock_release(&table_lock);
    return trap;
}

static void *guard_locked(const char *name)
{
    for (unsigned i = 0; i < guard_count; i++)
        if (!strcmp(guards[i], name))
            return guard_base + (size_t)i * HOST_PAGE;
    if (guard_count == API_GUARDS)
        return NULL;
    if (!guard_base)
        guard_base = host_map((size_t)API_GUARDS * HOST_PAGE, HOST_NONE);
    if (!guard_base || !(guards[guard_count] = copy_text(name)))
        return NULL;
    return guard_base + (size_t)guard_count++ * HOST_PAGE;
}

void *api_guard_for_data(const char *name)
{
    void *guard;

    host_lock_acquire(&table_lock);
    guard = guard_locked(name);
    host_lock_release(&table_lock);
    return guard;
}

/* Takes no lock: it runs on the way of a fault, perhaps inside the table's own lock. Names are never taken back. */
const char *api_guard_name(const void *fault_address)
{
    uintptr_t at = (uintptr_t)fault_address, base = (uintptr_t)guard_base;

    if (!base || at < base || at >= base + (uintptr_t)guard_count * HOST_PAGE)
        return NULL;
    return guards[(at - base) / HOST_PAGE];
}

/* ---- addresses for drivers ------------------------------------------------------------------ */

static void *address_of(const struct api_export *row)
{
    if (row->kind == API_ROUTINE)
        return (void *)row->thunk;
    return row->body ? (void *)row->body : api_guard_for_data(row->name);
}

enum api_answer api_resolve_import(const char *module, const char *name, void **address)
{
    const struct api_export *row;
    enum api_answer answer = api_lookup(module, name, machine_build, &row);

    *address = NULL;
    if (answer == API_FOUND)
        *address = address_of(row);
    else if (answer == API_NOT_LISTED)
        *address = api_trap_for_unlisted(module, name);
    return answer;
}

void *api_find_address(const char *module, const char *name)
{
    const struct api_export *row = find_in(api_module_find(module), name);

    return row && api_first_build(row) <= machine_build ? address_of(row) : NULL;
}

/* ---- calls: missing bodies, watched calls --------------------------------------------------- */

void api_missing_text(const struct api_missing *missing, const char *caller, char *text, size_t size)
{
    const char *what = missing->listed ? "is not implemented by openflt" : "is not a routine openflt knows";

    if (caller)
        snprintf(text, size, "%s %s (module %s), called from %s", missing->name, what, missing->module, caller);
    else
        snprintf(text, size, "%s %s (module %s), called from address %p", missing->name, what, missing->module,
                 missing->return_address);
}

static void stop_without_machine(const struct api_missing *missing)
{
    char text[512];

    api_missing_text(missing, NULL, text, sizeof text);
    fprintf(stderr, "openflt: %s\n", text);
    abort();
}

void (*api_missing_hook)(const struct api_missing *missing) = stop_without_machine;

_Noreturn void ApixMissing(uint32_t index, const void *return_address);
_Noreturn void ApixMissingUnlisted(uint32_t trap, const void *return_address);

static _Noreturn void stop_missing(struct api_missing missing)
{
    api_missing_hook(&missing);
    stop_without_machine(&missing); /* a hook that came back broke its contract; the driver must not go on */
    abort();
}

_Noreturn void ApixMissing(uint32_t index, const void *return_address)
{
    const struct api_export *row = &api_exports[index];

    stop_missing((struct api_missing){row->module, row->name, true, return_address});
}

_Noreturn void ApixMissingUnlisted(uint32_t trap, const void *return_address)
{
    stop_missing((struct api_missing){traps[trap].module, traps[trap].name, false, return_address});
}

/* Read by every thunk. */
uint8_t ApixHooks;
static api_enter_fn *enter_hook;

void api_set_enter_hook(api_enter_fn *hook)
{
    if (hook)
        __atomic_store_n(&enter_hook, hook, __ATOMIC_RELEASE);
    __atomic_store_n(&ApixHooks, hook != NULL, __ATOMIC_RELEASE);
    if (!hook)
        __atomic_store_n(&enter_hook, NULL, __ATOMIC_RELEASE);
}

/* ms_abi: the caller in thunk_entry.S then has to save only what the Windows convention lets a call spoil. */
__attribute__((ms_abi)) bool ApixEnter(uint32_t index, const void *return_address, void *caller_stack,
                                       struct api_frame *frame);
__attribute__((ms_abi)) bool ApixEnter(uint32_t index, const void *return_address, void *caller_stack,
                                       struct api_frame *frame)
{
    api_enter_fn *hook = __atomic_load_n(&enter_hook, __ATOMIC_ACQUIRE);

    return hook && hook(&api_exports[index], return_address, caller_stack, frame);
}

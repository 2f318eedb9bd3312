/* SPDX-License-Identifier: MIT */
/* The table itself, the gates by build, imports, traps and guards. */
#include <signal.h>

#include "api/api.h"
#include "harness.h"

/* ---- the table ------------------------------------------------------------------------------ */

TEST(sorted, "api.table.sorted_by_module_and_name")
{
    for (uint32_t i = 1; i < api_export_count; i++) {
        int order = strcmp(api_exports[i - 1].module, api_exports[i].module);

        CHECK(order < 0 || (!order && strcmp(api_exports[i - 1].name, api_exports[i].name) < 0));
    }
}

TEST(modules_cover, "api.table.modules_cover_all_rows")
{
    uint32_t next = 0;

    for (uint32_t m = 0; m < api_module_count; m++) {
        CHECK_EQ(api_modules[m].first, next);
        for (uint32_t i = 0; i < api_modules[m].count; i++)
            CHECK_STR(api_exports[next + i].module, api_modules[m].name);
        next += api_modules[m].count;
    }
    CHECK_EQ(next, api_export_count);
}

/* Each line is `module name`; the row must be that module's own, not a sibling's. */
static unsigned check_names(const char *file)
{
    char line[512], module[128], name[256], path[4096];
    unsigned count = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/abi/%s", TEST_SOURCE, file);
    f = fopen(path, "r");
    REQUIRE(f);

    while (fgets(line, sizeof(line), f)) {
        const struct api_export *row = NULL;

        if (line[0] == '#' || sscanf(line, "%127s %255s", module, name) != 2)
            continue;
        count++;
        if (api_lookup(module, name, UINT32_MAX, &row) != API_FOUND || strcmp(row->module, module)) {
            fprintf(stderr, "not listed: %s!%s\n", module, name);
            test_failures++;
        }
    }
    fclose(f);
    return count;
}

TEST(fltmgr_complete, "api.table.every_fltmgr_export_is_listed")
{
    CHECK_EQ(check_names("fltmgr-exports.names"), 271);
    CHECK_EQ(api_module_find("fltmgr.sys")->count, 271);
}

TEST(imports_complete, "api.table.every_surveyed_import_is_listed")
{
    CHECK_EQ(check_names("kernel-imports.names"), 947);
}

TEST(module_names, "api.table.module_names_without_case_or_extension")
{
    const struct api_module *m = api_module_find("fltmgr.sys");

    REQUIRE(m);
    CHECK(api_module_find("FLTMGR.SYS") == m);
    CHECK(api_module_find("fltMgr") == m);
    CHECK(!api_module_find("fltmg"));
    CHECK(!api_module_find("fltmgr."));
    CHECK(!api_module_find("fltmgr.dll"));
    CHECK(!api_module_find("fltmgr.sys2"));
    CHECK(!api_module_find(""));
}

TEST(states, "api.table.state_follows_the_body")
{
    for (uint32_t i = 0; i < api_export_count; i++) {
        const struct api_export *row = &api_exports[i];

        CHECK_EQ(api_state(row) == API_MISSING, row->body == NULL);
        CHECK_EQ(row->thunk != NULL, row->kind == API_ROUTINE);
        if (row->thunk) {
            CHECK(api_export_of_thunk(row->thunk) == row);
            CHECK(api_export_of_thunk((const char *)row->thunk + 63) == row);
        }
    }
    CHECK(!api_export_of_thunk(&api_exports));
}

/* ---- gates ---------------------------------------------------------------------------------- */

TEST(gate_flush2, "api.lookup.FltFlushBuffers2_from_19041")
{
    CHECK_EQ(api_lookup("fltmgr.sys", "FltFlushBuffers2", 17763, NULL), API_NEWER);
    CHECK_EQ(api_lookup("fltmgr.sys", "FltFlushBuffers2", 18362, NULL), API_NEWER);
    CHECK_EQ(api_lookup("fltmgr.sys", "FltFlushBuffers2", 19040, NULL), API_NEWER);
    CHECK_EQ(api_lookup("fltmgr.sys", "FltFlushBuffers2", 19041, NULL), API_FOUND);
}

TEST(gate_policy, "api.lookup.FltFlushBuffers2_from_18362_by_policy")
{
    REQUIRE(api_set_first_build_override("flushbuffers2_first_build", 18362));
    CHECK_EQ(api_lookup("fltmgr.sys", "FltFlushBuffers2", 17763, NULL), API_NEWER);
    CHECK_EQ(api_lookup("fltmgr.sys", "FltFlushBuffers2", 18362, NULL), API_FOUND);
    CHECK_EQ(api_lookup("fltmgr.sys", "FltWriteFileEx", 9199, NULL), API_NEWER);
    CHECK(api_set_first_build_override("flushbuffers2_first_build", 0));
    CHECK_EQ(api_lookup("fltmgr.sys", "FltFlushBuffers2", 18362, NULL), API_NEWER);
    CHECK(!api_set_first_build_override("no_such_policy", 1));
}

TEST(gate_write_ex, "api.lookup.FltWriteFileEx_from_9200")
{
    CHECK_EQ(api_lookup("FLTMGR.SYS", "FltWriteFileEx", 7601, NULL), API_NEWER);
    CHECK_EQ(api_lookup("FLTMGR.SYS", "FltWriteFileEx", 9200, NULL), API_FOUND);
    CHECK_EQ(api_lookup("FLTMGR.SYS", "FltWriteFile", 2600, NULL), API_FOUND);
    CHECK_EQ(api_lookup("ntoskrnl.exe", "ExAllocatePool2", 18362, NULL), API_NEWER);
    CHECK_EQ(api_lookup("ntoskrnl.exe", "ExAllocatePool2", 19041, NULL), API_FOUND);
}

TEST(unknown_build, "api.lookup.unsettled_build_counts_as_present")
{
    const struct api_export *row;

    CHECK_EQ(api_lookup("ntoskrnl.exe", "KeServiceDescriptorTable", 2600, &row), API_FOUND);
    CHECK_EQ(row->first_build, 0);
}

TEST(exact_names, "api.lookup.names_are_exact")
{
    CHECK_EQ(api_lookup("fltmgr.sys", "fltflushbuffers2", 26100, NULL), API_NOT_LISTED);
    CHECK_EQ(api_lookup("fltmgr.sys", "FltFlushBuffers22", 26100, NULL), API_NOT_LISTED);
    CHECK_EQ(api_lookup("fltmgr.sys", "", 26100, NULL), API_NOT_LISTED);
    CHECK_EQ(api_lookup("nosuch.sys", "FltFlushBuffers", 26100, NULL), API_NOT_LISTED);
    CHECK_EQ(api_lookup("ntoskrnl.exe", "FltFlushBuffers", 26100, NULL), API_NOT_LISTED);
}

TEST(ordinals, "api.lookup.ordinals_are_refused")
{
    CHECK_EQ(api_lookup_ordinal("ntoskrnl.exe", 7, NULL), API_NO_ORDINALS);
}

TEST(siblings, "api.lookup.hal_and_kernel_export_one_another")
{
    const struct api_export *row;

    CHECK_EQ(api_lookup("HAL.dll", "KfRaiseIrql", 26100, &row), API_FOUND);
    CHECK_EQ(api_lookup("ntoskrnl.exe", "KeStallExecutionProcessor", 26100, &row), API_FOUND);
    CHECK_EQ(api_lookup("fltmgr.sys", "ExFreePoolWithTag", 26100, &row), API_NOT_LISTED);
}

/* ---- addresses ------------------------------------------------------------------------------ */

TEST(resolve, "api.resolve_import.answers_by_build")
{
    void *address = &address;

    api_set_build(17763);
    CHECK_EQ(api_resolve_import("fltmgr.sys", "FltFlushBuffers2", &address), API_NEWER);
    CHECK(!address);
    CHECK(!api_find_address("fltmgr.sys", "FltFlushBuffers2"));
    api_set_build(19041);
    CHECK_EQ(api_resolve_import("fltmgr.sys", "FltFlushBuffers2", &address), API_FOUND);
    CHECK(address && address == api_find_address("fltmgr.sys", "FltFlushBuffers2"));
    CHECK_STR(api_export_of_thunk(address)->name, "FltFlushBuffers2");
}

TEST(find_own_module, "api.find_address.does_not_cross_modules")
{
    CHECK(!api_find_address("fltmgr.sys", "ExFreePoolWithTag"));
    CHECK(!api_find_address("ntoskrnl.exe", "FltCancelIo"));
    CHECK(api_find_address("ntoskrnl.exe", "ExFreePoolWithTag"));
}

TEST(guard, "api.guard.missing_variable_is_named")
{
    char *a = api_guard_for_data("NoSuchVariable"), *b = api_guard_for_data("OtherVariable");

    REQUIRE(a && b && a != b);
    CHECK(api_guard_for_data("NoSuchVariable") == a);
    CHECK_STR(api_guard_name(a), "NoSuchVariable");
    CHECK_STR(api_guard_name(a + 4095), "NoSuchVariable");
    CHECK_STR(api_guard_name(b), "OtherVariable");
    CHECK(!api_guard_name(b + 4096));
    CHECK(!api_guard_name(a - 1));
    CHECK(!api_guard_name(NULL));
}

static void exit_zero(int signal_number)
{
    (void)signal_number;
    _exit(test_failures ? 1 : 0);
}

TEST(guard_faults, "api.guard.touching_a_missing_variable_faults")
{
    volatile char *a = api_guard_for_data("NoSuchVariable");

    REQUIRE(a);
    signal(SIGSEGV, exit_zero);
    (void)*a;
    CHECK(!"the read went through");
}

/* ---- traps ---------------------------------------------------------------------------------- */

static const char *want_module, *want_name;
static bool want_listed;

/* Ends the case: what is checked is that a stop names the routine, and that it happens at all. */
static void expect_stop(const struct api_missing *missing)
{
    char text[256], want[256];

    CHECK_STR(missing->name, want_name);
    CHECK_STR(missing->module, want_module);
    CHECK_EQ(missing->listed, want_listed);
    CHECK(missing->return_address != NULL);
    api_missing_text(missing, "a.sys b.c:7", text, sizeof(text));
    snprintf(want, sizeof(want), "%s %s (module %s), called from a.sys b.c:7", want_name,
             want_listed ? "is not implemented by openflt" : "is not a routine openflt knows", want_module);
    CHECK_STR(text, want);
    _exit(test_failures ? 1 : 0);
}

typedef __attribute__((ms_abi)) void no_arguments(void);

static void call_and_expect_stop(void *address, const char *module, const char *name, bool listed)
{
    REQUIRE(address);
    want_module = module, want_name = name, want_listed = listed;
    api_missing_hook = expect_stop;
    ((no_arguments *)address)();
    fprintf(stderr, "the call of %s came back\n", name);
    test_failures++;
}

TEST(trap_listed, "api.missing.listed_routine_names_itself")
{
    /* A row nobody will write a body for: it serves processors other than x64. */
    call_and_expect_stop(api_find_address("ntoskrnl.exe", "__misaligned_access"), "ntoskrnl.exe", "__misaligned_access",
                         true);
}

static bool never_answer(const struct api_export *row, const void *from, void *stack, struct api_frame *frame)
{
    (void)row, (void)from, (void)stack, (void)frame;
    return false;
}

TEST(trap_listed_watched, "api.missing.names_itself_while_calls_are_watched")
{
    api_set_enter_hook(never_answer);
    call_and_expect_stop(api_find_address("ntoskrnl.exe", "__misaligned_access"), "ntoskrnl.exe", "__misaligned_access",
                         true);
}

TEST(trap_unlisted, "api.missing.unlisted_routine_names_itself")
{
    void *first, *second;

    CHECK_EQ(api_resolve_import("ndis.sys", "NdisFirst", &first), API_NOT_LISTED);
    CHECK_EQ(api_resolve_import("ndis.sys", "NdisSecond", &second), API_NOT_LISTED);
    CHECK(first != second);
    CHECK(api_trap_for_unlisted("ndis.sys", "NdisFirst") == first);
    call_and_expect_stop(second, "ndis.sys", "NdisSecond", false);
}

TEST(trap_limit, "api.missing.traps_end_in_a_refusal")
{
    char name[32];
    void *last = NULL;

    for (int i = 0; i < 1024; i++) {
        snprintf(name, sizeof(name), "Name%d", i);
        last = api_trap_for_unlisted("x.sys", name);
        REQUIRE(last);
    }
    CHECK(!api_trap_for_unlisted("x.sys", "OneTooMany"));
    call_and_expect_stop(last, "x.sys", "Name1023", false);
}

/* SPDX-License-Identifier: MIT */
/* FltGetRoutineAddress: rules G-01 to G-07. Every call goes through the pointer a driver would
 * import. */
#include "../routine_lookup.h"
#include <fltKernel.h>
#include "flt/routine_lookup.h"

static PVOID look_up(const char *name)
{
    PVOID(NTAPI * fn)(PCSTR) = import_of("FLTMGR.SYS", "FltGetRoutineAddress");

    return fn(name);
}

TEST(g01, "flt.FltGetRoutineAddress.G-01_same_address_as_the_import")
{
    begin(22621);
    CHECK(look_up("FltWriteFile") == import_of("fltmgr.sys", "FltWriteFile"));
    CHECK(look_up("FltGetRoutineAddress") == import_of("fltmgr.sys", "FltGetRoutineAddress"));
    CHECK_EQ(findings, 0);
}

/* Every export of every build, not a chosen few: the answer is NULL exactly below the first build.
 */
TEST(g02, "flt.FltGetRoutineAddress.G-02_answers_by_the_build")
{
    static const uint32_t builds[] = {3790,  6000,  7601,  9200,  9600,  14393,
                                      17763, 18362, 19041, 22000, 22621, 26100};
    const struct api_module *m = api_module_find("fltmgr.sys");

    begin(22621);
    for (size_t b = 0; b < sizeof(builds) / sizeof(*builds); b++) {
        api_set_build(builds[b]);
        for (uint32_t i = m->first; i < m->first + m->count; i++) {
            const void *want =
                api_exports[i].first_build <= builds[b] ? api_exports[i].thunk : NULL;

            CHECK(look_up(api_exports[i].name) == want);
        }
    }
    api_set_build(9199);
    CHECK(!look_up("FltWriteFileEx"));
    CHECK(!look_up("FltNoSuchRoutine"));
    CHECK(!look_up(""));
    api_set_build(9200);
    CHECK(look_up("FltWriteFileEx"));
}

TEST(g03, "flt.FltGetRoutineAddress.G-03_only_the_filter_manager")
{
    begin(22621);
    CHECK(!look_up("ExFreePoolWithTag"));
    CHECK(!look_up("MmGetSystemRoutineAddress"));
    CHECK(!look_up("KeSetEvent"));
    CHECK(!look_up("IoFileObjectType"));
}

TEST(g04, "flt.FltGetRoutineAddress.G-04_finds_FltFlushBuffers2_where_it_is")
{
    begin(17763);
    CHECK(!look_up("FltFlushBuffers2"));
    api_set_build(18362);
    CHECK(!look_up("FltFlushBuffers2"));
    api_set_build(19041);
    CHECK(look_up("FltFlushBuffers2"));
    REQUIRE(api_set_first_build_override("flushbuffers2_first_build", 18362));
    api_set_build(18362);
    CHECK(look_up("FltFlushBuffers2"));
    api_set_build(17763);
    CHECK(!look_up("FltFlushBuffers2"));
}

TEST(g05, "flt.FltGetRoutineAddress.G-05_names_are_exact")
{
    begin(22621);
    CHECK(!look_up("fltflushbuffers2"));
    CHECK(!look_up("FltFlushBuffers2 "));
    CHECK(!look_up("FltFlushBuffers3"));
}

TEST(g06, "flt.FltGetRoutineAddress.G-06_needs_a_registration_on_XP")
{
    begin(2600);
    CHECK(!look_up("FltWriteFile"));
    CHECK_EQ(findings, 1);
    CHECK_STR(last_finding.Rule, "G-06");
    FltxNoteRegistration();
    CHECK(look_up("FltWriteFile"));
    CHECK_EQ(findings, 1);
}

TEST(g06_later, "flt.FltGetRoutineAddress.G-06_does_not_bind_later_builds")
{
    begin(3790);
    CHECK(look_up("FltWriteFile"));
    CHECK_EQ(findings, 0);
}

TEST(g07, "flt.FltGetRoutineAddress.G-07_irql")
{
    KIRQL old;

    begin(22621);
    old = raise_to(APC_LEVEL);
    CHECK(look_up("FltWriteFile"));
    CHECK_EQ(findings, 0);
    raise_to(DISPATCH_LEVEL);
    CHECK(look_up("FltWriteFile"));
    CHECK_EQ(findings, 1);
    CHECK_STR(last_finding.Rule, "G-07");
    CHECK_STR(last_finding.Class, "note");
    raise_to(DISPATCH_LEVEL + 1);
    CHECK(look_up("FltWriteFile"));
    CHECK_EQ(findings, 2);
    CHECK_STR(last_finding.Class, "verifier");
    KeLowerIrql(old);
}

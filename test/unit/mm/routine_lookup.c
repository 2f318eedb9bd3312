/* SPDX-License-Identifier: MIT */
/* MmGetSystemRoutineAddress: rules G-08 to G-12. Every call goes through the pointer a driver would
 * import. */
#include "../routine_lookup.h"

static PVOID look_up_wide(PUNICODE_STRING name)
{
    PVOID(NTAPI * fn)(PUNICODE_STRING) = import_of("ntoskrnl.exe", "MmGetSystemRoutineAddress");

    return fn(name);
}

static PVOID look_up(const char *name)
{
    WCHAR wide[200];
    UNICODE_STRING text = {0, sizeof(wide), wide};

    for (; *name; name++) {
        wide[text.Length / 2] = (UCHAR)*name;
        text.Length += sizeof(WCHAR);
    }
    return look_up_wide(&text);
}

TEST(g08, "mm.MmGetSystemRoutineAddress.G-08_kernel_and_hal")
{
    begin(22621);
    CHECK(look_up("MmMapIoSpaceEx") == import_of("ntoskrnl.exe", "MmMapIoSpaceEx"));
    CHECK(look_up("KeStallExecutionProcessor") ==
          import_of("HAL.dll", "KeStallExecutionProcessor"));
    api_set_build(9600);
    CHECK(!look_up("MmMapIoSpaceEx"));
    api_set_build(18362);
    CHECK(!look_up("ExAllocatePool2"));
    api_set_build(19041);
    CHECK(look_up("ExAllocatePool2"));
}

TEST(g08_data, "mm.MmGetSystemRoutineAddress.G-08_variables_as_the_import")
{
    begin(22621);
    CHECK(look_up("IoFileObjectType") == import_of("ntoskrnl.exe", "IoFileObjectType"));
}

TEST(g09, "mm.MmGetSystemRoutineAddress.G-09_never_a_filter_manager_routine")
{
    static const uint32_t builds[] = {2600, 17763, 19041, 26100};
    const struct api_module *m = api_module_find("fltmgr.sys");

    begin(22621);
    for (size_t b = 0; b < sizeof(builds) / sizeof(*builds); b++) {
        api_set_build(builds[b]);
        for (uint32_t i = m->first; i < m->first + m->count; i++)
            CHECK(!look_up(api_exports[i].name));
    }
    CHECK(!look_up("FltFlushBuffers2"));
    CHECK(!look_up("FltFlushBuffers"));
    CHECK(!look_up("FltCancelIo"));
}

TEST(g10, "mm.MmGetSystemRoutineAddress.G-10_takes_a_counted_wide_name")
{
    WCHAR wide[] = L"KeSetEventAndMore";
    UNICODE_STRING name = {10 * sizeof(WCHAR), sizeof(wide), wide};
    WCHAR odd[] = {'K', 'e', 'S', 'e', 't', 'E', 'v', 'e', 'n', 0x0174};
    UNICODE_STRING not_ascii = {sizeof(odd), sizeof(odd), odd};
    UNICODE_STRING empty = {0, 0, NULL};
    char longest[190];

    begin(22621);
    CHECK(look_up_wide(&name) == import_of("ntoskrnl.exe", "KeSetEvent"));
    name.Length -= sizeof(WCHAR);
    CHECK(!look_up_wide(&name));
    CHECK(!look_up_wide(&not_ascii)); /* 0x0174 would be 't' if only its low byte were taken */
    CHECK(!look_up_wide(&empty));
    memset(longest, 'A', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    CHECK(!look_up(longest));
    CHECK(!look_up("kesetevent"));
}

TEST(g11, "mm.MmGetSystemRoutineAddress.G-11_never_another_drivers_routine")
{
    begin(22621);
    CHECK(!look_up("DriverEntry"));
    CHECK(!look_up("FwpsCalloutRegister0"));
    CHECK(!look_up("BCryptOpenAlgorithmProvider"));
    CHECK(!look_up("NdisAllocateMemory"));
}

TEST(g12, "mm.MmGetSystemRoutineAddress.G-12_passive_level_only")
{
    KIRQL old;

    begin(22621);
    CHECK(look_up("KeSetEvent"));
    CHECK_EQ(findings, 0);
    old = raise_to(APC_LEVEL);
    CHECK(look_up("KeSetEvent"));
    KeLowerIrql(old);
    CHECK_EQ(findings, 1);
    CHECK_STR(last_finding.Rule, "G-12");
    CHECK_STR(last_finding.Class, "verifier");
    CHECK(last_finding.Caller != NULL);
}

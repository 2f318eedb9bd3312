/* SPDX-License-Identifier: MIT */
/* The image loader on a driver of our own and on damaged copies of it. */
#include "harness.h"

#include <stdint.h>

#include "pe_fixture.h"

TEST(entry, "pe.load.entry_runs_relocated_bound_and_zeroed")
{
    struct pe_image *image = fixture_load("loader-O2.sys");
    int32_t (*entry)(void *, void *) __attribute__((ms_abi)) = pe_image_entry(image);

    CHECK_EQ(entry((void *)0x1234, NULL), 21);
    CHECK_EQ(fixture_note[1], 0x1234);
    CHECK_EQ(fixture_note[2], 42);
    CHECK_EQ(fixture_note[3], 0x5eed);
    CHECK_EQ(fixture_note[4], 0);
    CHECK((uintptr_t)pe_image_base(image) >= HOST_USER_LIMIT);
}

TEST(wx, "pe.load.no_page_writable_and_executable")
{
    struct pe_image *image = fixture_load("loader-O2.sys");
    uintptr_t base = (uintptr_t)pe_image_base(image);
    char line[512], perms[8];
    unsigned long low, high;
    unsigned seen = 0, executable = 0;
    FILE *maps = fopen("/proc/self/maps", "r");

    REQUIRE(maps);
    while (fgets(line, sizeof(line), maps)) {
        REQUIRE(sscanf(line, "%lx-%lx %7s", &low, &high, perms) == 3);
        if (high <= base || low >= base + pe_image_size(image))
            continue;
        seen++;
        executable += perms[2] == 'x';
        CHECK(!(perms[1] == 'w' && perms[2] == 'x'));
    }
    fclose(maps);
    CHECK(seen >= 3);
    CHECK(executable >= 1);
}

TEST(cookie, "pe.load.cookie_is_seeded")
{
    struct pe_bind_ops ops = fixture_ops;
    struct pe_image *a, *b;
    uint64_t seen[2];

    ops.cookie = 0x123456789abcull;
    a = fixture_load_with("loader-O2.sys", &ops);
    ops.cookie = 0xabcull;
    b = fixture_load_with("loader-O2.sys", &ops);
    seen[0] = fixture_find64(a, 0x123456789abcull);
    seen[1] = fixture_find64(b, 0xabcull);
    CHECK_EQ(seen[0], 1);
    CHECK_EQ(seen[1], 1);
}

TEST(missing, "pe.load.newer_static_import_is_refused_by_name")
{
    struct pe_bind_ops ops = fixture_ops;
    struct pe_image *image = NULL;
    struct pe_error error;

    ops.build = 17763;
    fixture_newer = "TestCallBack";
    CHECK_EQ(pe_load(fixture_path("loader-O2.sys"), &ops, &image, &error),
             PE_STATUS_ENTRYPOINT_MISSING);
    CHECK(strstr(error.text, "TestCallBack") && strstr(error.text, "17763"));
    CHECK(strstr(error.text, "19041") && strstr(error.text, "STATUS_DRIVER_ENTRYPOINT_NOT_FOUND"));
}

TEST(init, "pe.discard_init.takes_the_section_away")
{
    struct pe_image *image = fixture_load("loader-O2.sys");
    uint64_t address = 0;
    char text[256];

    CHECK_EQ(fixture_call(image, "CallInit", 5), 15);
    pe_discard_init(image);
    fixture_expect_fault(image, "CallInit", 5, &address);
    pe_describe_address((void *)(uintptr_t)address, text, sizeof(text));
    CHECK(strstr(text, "discarded after DriverEntry"));
}

TEST(unload, "pe.unload.late_call_names_the_driver")
{
    struct pe_image *image = fixture_load("loader-O2.sys");
    void *gone = pe_image_export(image, "Irql");
    char text[256];
    struct pe_image *again;

    REQUIRE(gone);
    pe_unload(image);
    CHECK(!pe_image_from_address(gone));
    pe_describe_address(gone, text, sizeof(text));
    CHECK(strstr(text, "loader-O2.sys+0x") && strstr(text, "(unloaded)"));
    again = fixture_load("loader-O2.sys");
    CHECK(pe_image_export(again, "Irql") != gone);
    CHECK_EQ(fixture_call(again, "BigFrame", 5), 7);
}

TEST(cr8, "pe.patch.cr8_reads_and_writes")
{
    static const char *const files[] = {"loader-O2.sys", "loader-O0.sys"};

    for (int i = 0; i < 2; i++) {
        struct pe_image *image = fixture_load(files[i]);
        uint64_t sum = 0;

        fixture_set_irql(2);
        CHECK_EQ(fixture_call(image, "Irql", 40), 42);
        CHECK_EQ(fixture_call(image, "IrqlTight", 100), 102);
        fixture_set_irql(9);
        fixture_irql_writes = 0;
        for (uint64_t round = 0, irql = 9; round < 3; irql = ++round)
            sum = ((sum + 41 + irql) ^ round) + 82;
        CHECK_EQ(fixture_call(image, "IrqlMixed", 0), sum);
        CHECK_EQ(fixture_irql_writes, 3);
        CHECK_EQ(fixture_irql(), 3);
    }
}

static uint32_t shared_data[1024] __attribute__((aligned(4096)));

static const void *shared(void)
{
    return shared_data;
}

TEST(shared, "pe.trap.shared_user_data_read")
{
    static const char *const files[] = {"loader-O2.sys", "loader-O0.sys"};

    for (int i = 0; i < 2; i++) {
        struct pe_image *image = fixture_load(files[i]);

        shared_data[5] = 0xfeedbeef;
        pe_set_shared_user_data(shared);
        CHECK_EQ(fixture_call(image, "SharedTime", 20), 0xfeedbeef);
        /* Compare, add and a load over its own base register. */
        CHECK_EQ(fixture_call(image, "SharedForms", 20), 0xfeedbeefull + 1 + 2);
    }
}

TEST(describe, "pe.describe.function_offset_and_line")
{
    struct pe_image *image = fixture_load("loader-O0.sys");
    char text[256];

    pe_describe_address(pe_image_export(image, "Divide"), text, sizeof(text));
    CHECK(strstr(text, "loader-O0.sys!Divide+0x0 (loader.c:"));
    pe_describe_address((void *)fixture_load, text, sizeof(text));
    CHECK(strstr(text, "fixture_load") && strstr(text, "pe_fixture.h:"));
}

TEST(rwx, "pe.load.writable_code_section_loses_the_write")
{
    size_t size;
    uint8_t *data = fixture_read("loader-O2.sys", &size), *h;
    struct pe_image *image = NULL;
    struct pe_error error;
    uint32_t pe, page;

    /* Old linkers mark INIT readable, writable and executable: set the bit in the first section's
     * header. */
    memcpy(&pe, data + 60, 4);
    h = data + pe + 24 + 240;
    REQUIRE(!memcmp(h, ".text", 5));
    h[39] |= 0x80;
    fixture_start();
    REQUIRE(!pe_load_memory("rwx.sys", data, size, &fixture_ops, &image, &error));
    CHECK_EQ(fixture_call(image, "BigFrame", 1), 3);
    memcpy(&page, h + 12, 4);
    fixture_fault.address = 0;
    fixture_expect_fault(image, "FaultAt", (uint64_t)(uintptr_t)pe_image_base(image) + page, NULL);
    CHECK_EQ(fixture_fault.address, (uint64_t)(uintptr_t)pe_image_base(image) + page);
    free(data);
}

static void refuse(const uint8_t *data, size_t size, const char *want)
{
    struct pe_image *image = NULL;
    struct pe_error error;
    uint32_t status = pe_load_memory("bad.sys", data, size, &fixture_ops, &image, &error);

    CHECK(status != 0);
    if (!strstr(error.text, want)) {
        fprintf(stderr, "got: %s\nexpected: ...%s...\n", error.text, want);
        test_failures++;
    }
}

TEST(kinds, "pe.load.what_it_is_instead_is_said")
{
    size_t size;
    uint8_t *data = fixture_read("loader-O2.sys", &size);
    uint32_t pe;
    uint8_t *h;

    memcpy(&pe, data + 60, 4);
    h = data + pe;
    refuse((const uint8_t *)"", 0, "empty");
    refuse((const uint8_t *)"#!/bin/sh\n", 10, "not a Windows image");
    refuse(data, 40, "DOS header");
    h[4] = 0x4c, h[5] = 0x01;
    refuse(data, size, "32-bit x86");
    h[4] = 0x64, h[5] = 0xaa;
    refuse(data, size, "ARM64");
    h[4] = 0x64, h[5] = 0x86;
    h[24 + 68] = 3;
    refuse(data, size, "user-mode program");
    h[24 + 68] = 1;
    h[22] |= 1;
    refuse(data, size, "no relocations");
    h[22] &= 0xfe;
    memset(h + 24 + 16, 0, 4);
    refuse(data, size, "no entry point");
    free(data);
}

TEST(truncated, "pe.load.truncated_at_every_boundary")
{
    size_t size, loaded = 0;
    uint8_t *data = fixture_read("loader-O2.sys", &size);
    struct pe_error error;
    struct pe_image *image;

    for (size_t n = 0; n < size; n += n < 1536 ? 1 : 97) {
        uint8_t *part = malloc(n + 1); /* exact size: a read behind it is seen by the sanitizers */

        memcpy(part, data, n);
        image = NULL;
        if (pe_load_memory("cut.sys", part, n, &fixture_ops, &image, &error))
            CHECK(strstr(error.text, "cut.sys ") == error.text && strchr(error.text, ';'));
        else
            loaded++, pe_unload(image);
        free(part);
    }
    CHECK(loaded < size / 97); /* only what cuts debug information may load */
    free(data);
}

TEST(flipped, "pe.load.random_damage_never_crashes")
{
    size_t size;
    uint8_t *good = fixture_read("loader-O2.sys", &size), *data = malloc(size);
    unsigned refused = 0, loaded = 0, rounds = 1500 * (unsigned)test_scale();
    struct pe_error error;
    struct pe_image *image;

    srand(7);
    for (unsigned i = 0; i < rounds; i++) {
        size_t limit = i % 3 ? 1024 : size;

        memcpy(data, good, size);
        for (int k = rand() % 6; k >= 0; k--)
            data[(size_t)rand() % limit] = (uint8_t)rand();
        image = NULL;
        if (pe_load_memory("bad.sys", data, size, &fixture_ops, &image, &error)) {
            refused++;
        } else {
            loaded++;
            pe_unload(image);
        }
    }
    CHECK(refused > rounds / 20);
    CHECK(loaded > rounds / 20);
    free(data);
    free(good);
}

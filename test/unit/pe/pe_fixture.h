/* SPDX-License-Identifier: MIT */
/* What the tests of the pe room share: a machine of three imports, and a way to call a driver's
 * exports. */
#ifndef TEST_PE_FIXTURE_H
#define TEST_PE_FIXTURE_H

#include <setjmp.h>

#include "host/host.h"
#include "pe/pe.h"

#define NT __attribute__((ms_abi))

static uint64_t fixture_note[8];
static uint64_t fixture_data = 0x5eed;
static const char *fixture_newer;               /* an import this machine's build lacks */
static void *(*fixture_more)(const char *name); /* a test's own imports */
static unsigned fixture_irql_writes;
static uint8_t *fixture_kpcr;

static NT void note(uint64_t what, uint64_t value)
{
    if (what < 8)
        fixture_note[what] = value;
}

static NT uint64_t call_back(uint64_t (*routine)(uint64_t) __attribute__((ms_abi)),
                             uint64_t argument)
{
    return routine(argument) + 1;
}

static void *fixture_import(void *context, const char *importer, const char *module,
                            const char *name, uint32_t *first_build)
{
    (void)context;
    (void)importer;
    (void)module;
    if (fixture_newer && !strcmp(name, fixture_newer)) {
        *first_build = 19041;
        return NULL;
    }
    if (!strcmp(name, "TestNote"))
        return (void *)note;
    if (!strcmp(name, "TestCallBack"))
        return (void *)call_back;
    if (!strcmp(name, "TestData"))
        return &fixture_data;
    return fixture_more ? fixture_more(name) : NULL;
}

static const struct pe_bind_ops fixture_ops = {.import = fixture_import, .build = 22621};

static NT void write_irql(uint64_t irql)
{
    fixture_kpcr[0x50] = (uint8_t)irql;
    fixture_irql_writes++;
}

static inline void fixture_set_irql(uint8_t irql)
{
    fixture_kpcr[0x50] = irql;
}

static inline uint8_t fixture_irql(void)
{
    return fixture_kpcr[0x50];
}

static inline const char *fixture_path(const char *name)
{
    static char path[1024];
    const char *build = getenv("OPENFLT_BUILD");

    snprintf(path, sizeof(path), "%s/test/drivers/%s", build ? build : "build", name);
    return path;
}

static inline void *fixture_read(const char *name, size_t *size)
{
    void *data = NULL;

    REQUIRE(!host_read_file(fixture_path(name), &data, size));
    return data;
}

static inline void fixture_start(void)
{
    if (fixture_kpcr)
        return;
    fixture_kpcr = calloc(1, 4096);
    host_set_gs(fixture_kpcr);
    pe_set_cr8_writer(write_irql);
    REQUIRE(!host_fault_init());
    host_fault_add_handler(HOST_FAULT_RANK_EMULATE, pe_fault_emulate);
}

static inline struct pe_image *fixture_load_with(const char *name, const struct pe_bind_ops *ops)
{
    struct pe_image *image = NULL;
    struct pe_error error;

    fixture_start();
    if (pe_load(fixture_path(name), ops, &image, &error)) {
        fprintf(stderr, "%s\n", error.text);
        REQUIRE(!"loaded");
    }
    return image;
}

static inline struct pe_image *fixture_load(const char *name)
{
    return fixture_load_with(name, &fixture_ops);
}

static inline uint64_t fixture_call(struct pe_image *image, const char *routine, uint64_t argument)
{
    NT uint64_t (*fn)(uint64_t) = pe_image_export(image, routine);

    REQUIRE(fn);
    return fn(argument);
}

/* How often a value stands in the image's writable memory. */
static inline uint64_t fixture_find64(struct pe_image *image, uint64_t value)
{
    const uint8_t *base = pe_image_base(image);
    uint64_t count = 0, here;

    for (uint32_t i = 0; i + 8 <= pe_image_size(image); i += 8)
        if (host_safe_read(base + i, &here, 8) == 8 && here == value)
            count++;
    return count;
}

/* A fault ends the call: the handler remembers it and jumps back. */
static jmp_buf fixture_back;
static struct host_fault fixture_fault;

static enum host_fault_result fixture_catch(struct host_fault *fault)
{
    fixture_fault = *fault;
    longjmp(fixture_back, 1);
}

static inline void fixture_expect_fault(struct pe_image *image, const char *routine,
                                        uint64_t argument, uint64_t *address)
{
    static bool installed;

    if (!installed)
        host_fault_add_handler(HOST_FAULT_RANK_REPORT, fixture_catch);
    installed = true;
    if (!setjmp(fixture_back)) {
        fixture_call(image, routine, argument);
        REQUIRE(!"the call faults");
    }
    if (address)
        *address = fixture_fault.address;
}

#endif

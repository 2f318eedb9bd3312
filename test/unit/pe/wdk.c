/* SPDX-License-Identifier: MIT */
/* A driver made with the driver headers and libraries, bound through the table of routines. */
#include <ntifs.h>

#include "harness.h"
#include "api/api.h"
#include "pe_fixture.h"

static void *resolve(void *context, const char *importer, const char *module, const char *name,
                     uint32_t *first_build)
{
    const struct api_export *row = NULL;
    void *address = NULL;

    (void)context;
    (void)importer;
    if (api_resolve_import(module, name, &address) == API_NEWER &&
        api_lookup(module, name, api_build(), &row) == API_NEWER)
        *first_build = api_first_build(row);
    return address;
}

static uint32_t load(const char *file, uint32_t build, struct pe_image **image,
                     struct pe_error *error)
{
    struct pe_bind_ops ops = {.import = resolve, .build = build};

    fixture_start();
    api_set_build(build);
    return pe_load(fixture_path(file), &ops, image, error);
}

TEST(every, "pe.load.wdk_driver_on_every_build")
{
    static const uint32_t builds[] = {7600, 9600, 14393, 17763, 18362, 19041, 22621, 26100};
    struct pe_image *image;
    struct pe_error error;

    for (size_t i = 0; i < sizeof(builds) / sizeof(*builds); i++) {
        if (load("wdk.sys", builds[i], &image, &error))
            fprintf(stderr, "%s\n", error.text);
        else
            pe_unload(image);
        CHECK_EQ(error.status, 0);
    }
}

TEST(newer, "pe.load.static_import_of_FltFlushBuffers2")
{
    struct pe_image *image;
    struct pe_error error;

    CHECK_EQ(load("wdk-newer.sys", 17763, &image, &error),
             (uint32_t)STATUS_DRIVER_ENTRYPOINT_NOT_FOUND);
    CHECK(strcasestr(error.text, "fltmgr.sys!FltFlushBuffers2"));
    CHECK(strstr(error.text, "17763") && strstr(error.text, "19041"));
    CHECK_EQ(load("wdk-newer.sys", 19041, &image, &error), 0);
}

TEST(raise, "pe.seh.ExRaiseStatus_through_its_thunk")
{
    struct pe_image *image;
    struct pe_error error;

    pe_seh_start();
    REQUIRE(!load("wdk.sys", 22621, &image, &error));
    CHECK_EQ((uint32_t)fixture_call(image, "Caught", (uint32_t)STATUS_FILE_CLOSED),
             (uint32_t)STATUS_FILE_CLOSED);
}

TEST(backtrace, "pe.RtlCaptureStackBackTrace.driver_frame_first")
{
    struct pe_image *image;
    struct pe_error error;
    void *frames[16];
    ULONG (*trace)(void **, ULONG) __attribute__((ms_abi));
    ULONG count;

    REQUIRE(!load("wdk.sys", 22621, &image, &error));
    trace = pe_image_export(image, "Trace");
    REQUIRE(trace);
    count = trace(frames, 16);
    REQUIRE(count >= 3);
    CHECK(pe_image_from_address(frames[0]) == image);
    CHECK(!pe_image_from_address(frames[1]));
}

TEST(header, "pe.RtlImageNtHeader.of_a_driver")
{
    struct pe_image *image;
    struct pe_error error;
    UCHAR *header;
    ULONG size;

    REQUIRE(!load("wdk.sys", 22621, &image, &error));
    header = (UCHAR *)RtlImageNtHeader(pe_image_base(image));
    REQUIRE(header);
    CHECK(!memcmp(header, "PE\0\0", 4));
    CHECK(!RtlImageNtHeader((UCHAR *)pe_image_base(image) + 8));
    CHECK(RtlImageDirectoryEntryToData(pe_image_base(image), TRUE, 0, &size) && size);
    CHECK(!RtlImageDirectoryEntryToData(pe_image_base(image), TRUE, 14, &size) && !size);
    CHECK(RtlFindExportedRoutineByName(pe_image_base(image), "Trace") ==
          pe_image_export(image, "Trace"));
    CHECK(!RtlFindExportedRoutineByName(pe_image_base(image), "Nothing"));
}

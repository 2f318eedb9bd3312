/* SPDX-License-Identifier: MIT */
/* Drivers of the machine: service key, image, driver object, DriverEntry; and the way back. */
#include "machine/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/api.h"
#include "cm/cm.h"
#include "flt/flt.h"
#include "io/io.h"
#include "pe/pe.h"
#include "rtl/rtl.h"

#define MOST_DRIVERS 32

struct loaded {
    char name[64]; /* service: file name without .sys */
    struct pe_image *image;
    PDRIVER_OBJECT object;
    UNICODE_STRING registry_path;
    WCHAR registry_buffer[MACHINE_SERVICE_PATH];
};
static struct loaded *drivers[MOST_DRIVERS];
static size_t count;

static int refuse(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(int status, const char *format, ...)
{
    va_list a;

    va_start(a, format);
    vsnprintf(TrcShared->final_text, sizeof(TrcShared->final_text), format, a);
    va_end(a);
    TrcShared->final_status = status;
    return status;
}

/* "dir/flushmon.sys" -> "flushmon"; false when it cannot be a service name. */
static bool service_name(const char *path, char *out, size_t size)
{
    const char *base = strrchr(path, '/');
    size_t n;

    base = base ? base + 1 : path;
    n = strlen(base);
    if (n > 4 && (!strcmp(base + n - 4, ".sys") || !strcmp(base + n - 4, ".SYS")))
        n -= 4;
    if (!n || n >= size)
        return false;
    memcpy(out, base, n);
    out[n] = 0;
    return !strpbrk(out, "\\\"");
}

/* "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\NAME" and what follows it. */
static size_t service_path(WCHAR path[MACHINE_SERVICE_PATH], const char *name, const char *below)
{
    char text[MACHINE_SERVICE_PATH];
    int n = snprintf(text, sizeof(text),
                     "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\%s%s", name, below);

    return n < (int)sizeof(text) ? RtlxUtf8ToWide(text, (size_t)n, path, MACHINE_SERVICE_PATH)
                                 : SIZE_MAX;
}

NTSTATUS machine_make_service(const char *name, const char *altitude,
                              WCHAR path[MACHINE_SERVICE_PATH])
{
    WCHAR wide[MACHINE_SERVICE_PATH], text[100];
    char below[2 * MACHINE_SERVICE_PATH];
    NTSTATUS Status;

    snprintf(below, sizeof(below), "\\Instances\\%s Instance", name);
    if (service_path(wide, name, below) >= MACHINE_SERVICE_PATH ||
        service_path(path, name, "") >= MACHINE_SERVICE_PATH)
        return STATUS_OBJECT_NAME_INVALID;
    Status = CmxCreatePath(wide);
    if (!NT_SUCCESS(Status))
        return Status;
    CmxSetDword(path, L"Type", 2); /* SERVICE_FILE_SYSTEM_DRIVER */
    CmxSetDword(path, L"Start", 3);
    RtlxUtf8ToWide(altitude, strlen(altitude), text, RTL_NUMBER_OF(text));
    CmxSetString(wide, L"Altitude", text);
    CmxSetDword(wide, L"Flags", 0);
    service_path(wide, name, "\\Parameters");
    Status = CmxCreatePath(wide);
    service_path(wide, name, "\\Instances");
    snprintf(below, sizeof(below), "%s Instance", name);
    RtlxUtf8ToWide(below, strlen(below), text, RTL_NUMBER_OF(text));
    CmxSetString(wide, L"DefaultInstance", text);
    return Status;
}

/* Altitudes openflt chooses leave 100 free on either side: 370100, 370300 ... in the order of
 * loading. */
static NTSTATUS make_service(struct loaded *l, const char *altitude)
{
    char chosen[24];
    NTSTATUS Status;

    snprintf(chosen, sizeof(chosen), "%u", 370100u + 200u * (unsigned)count);
    Status = machine_make_service(l->name, altitude ? altitude : chosen, l->registry_buffer);
    if (NT_SUCCESS(Status))
        RtlInitUnicodeString(&l->registry_path, l->registry_buffer);
    return Status;
}

static void *resolve(void *context, const char *importer, const char *module, const char *name,
                     uint32_t *first_build)
{
    const struct api_export *row = NULL;
    void *address = NULL;

    (void)context;
    (void)importer;
    *first_build = 0;
    if (api_resolve_import(module, name, &address) == API_NEWER &&
        api_lookup(module, name, api_build(), &row) == API_NEWER)
        *first_build = api_first_build(row);
    return address;
}

/* Kept in the shared region: a report after a death should still tell which images there were. */
static void list_images(void)
{
    size_t n = 0;

    TrcShared->drivers[0] = 0;
    for (size_t i = 0; i < count && n < sizeof(TrcShared->drivers) - 1; i++)
        if (drivers[i]->image)
            n += (size_t)snprintf(TrcShared->drivers + n, sizeof(TrcShared->drivers) - n,
                                  "    %s at %p, %u bytes\n", pe_image_name(drivers[i]->image),
                                  pe_image_base(drivers[i]->image),
                                  pe_image_size(drivers[i]->image));
}

static void note_load(const struct loaded *l, const char *what)
{
    KEX_TRACE e = {.Kind = KEX_TRACE_LOAD, .Who = l->name, .What = what};

    if (KEX_TRACING())
        KexHooks.Trace(&e);
}

static NTSTATUS make_driver_object(struct loaded *l)
{
    WCHAR wide[96] = L"\\FileSystem\\";
    UNICODE_STRING Name;
    NTSTATUS Status;

    RtlxUtf8ToWide(l->name, strlen(l->name), wide + 12, RTL_NUMBER_OF(wide) - 12);
    RtlInitUnicodeString(&Name, wide);
    Status = IoxCreateDriverFor(&Name, &l->registry_path, NULL, &l->object);
    if (NT_SUCCESS(Status)) {
        l->object->DriverStart = pe_image_base(l->image);
        l->object->DriverSize = pe_image_size(l->image);
        l->object->DriverInit = (PDRIVER_INITIALIZE)pe_image_entry(l->image);
    }
    return Status;
}

static void remove_driver(struct loaded *l)
{
    if (l->object)
        IoxDeleteDriver(l->object);
    l->object = NULL;
    machine_list_leaks(l->name, pe_image_base(l->image), pe_image_size(l->image));
    pe_unload(l->image);
    l->image = NULL;
    list_images();
}

static int start_driver(struct loaded *l)
{
    NTSTATUS Status;
    char b[12];

    TrcPhase(TRC_PHASE_LOAD, "DriverEntry of %s", l->name);
    Status = l->object->DriverInit(l->object, &l->registry_path);
    if (!NT_SUCCESS(Status)) {
        if (FltxDriverHasFilter(l->object))
            KexFinding("REG-LEFT", "verifier", pe_image_entry(l->image),
                       "DriverEntry failed with its filter still registered; FltUnregisterFilter "
                       "is missing");
        FltxForgetDriver(l->object);
        refuse(OF_DRIVER_ENTRY, "%s: DriverEntry failed with %s", l->name,
               TrcStatusName(Status, b));
        remove_driver(l);
        drivers[--count] = NULL;
        free(l);
        return OF_DRIVER_ENTRY;
    }
    pe_discard_init(l->image);
    note_load(l, "loaded");
    return OF_OK;
}

int machine_load(const struct of_driver *driver)
{
    struct loaded *l = calloc(1, sizeof(*l));
    struct pe_bind_ops ops = {.import = resolve, .build = KexBuild};
    struct pe_error error = {.status = 0};
    NTSTATUS Status;
    char b[12];

    if (!l || count == MOST_DRIVERS)
        return refuse(OF_USAGE, "%s: no room for another driver", driver->path);
    if (!service_name(driver->path, l->name, sizeof(l->name))) {
        free(l);
        return refuse(OF_USAGE, "%s: not a driver's file name", driver->path);
    }
    TrcPhase(TRC_PHASE_LOAD, "loading %s", driver->path);
    if (pe_load(driver->path, &ops, &l->image, &error)) {
        free(l);
        return refuse(OF_IMAGE_REFUSED, "%s: %s (%s)", driver->path, error.text,
                      TrcStatusName((NTSTATUS)error.status, b));
    }
    Status = make_service(l, driver->altitude);
    if (NT_SUCCESS(Status))
        Status = make_driver_object(l);
    if (!NT_SUCCESS(Status)) {
        pe_unload(l->image);
        free(l);
        return refuse(OF_IMAGE_REFUSED, "%s: %s", driver->path, TrcStatusName(Status, b));
    }
    drivers[count++] = l;
    list_images();
    return start_driver(l);
}

/* One driver: its filter's unload callback, else the driver object's unload routine. */
static void unload(struct loaded *l)
{
    UNICODE_STRING Name = {0};
    NTSTATUS Status = STATUS_SUCCESS;
    char b[12];

    TrcPhase(TRC_PHASE_UNLOAD, "unloading %s", l->name);
    if (FltxDriverHasFilter(l->object)) {
        RtlxDuplicateUtf8(l->name, &Name);
        Status = FltxUnloadFilter(&Name, FALSE);
        RtlFreeUnicodeString(&Name);
    } else if (l->object->DriverUnload) {
        l->object->DriverUnload(l->object);
    }
    if (!NT_SUCCESS(Status)) {
        machine_add_leak(l->name, "refuses to unload (%s); it stays in memory",
                         TrcStatusName(Status, b));
        return;
    }
    if (FltxDriverHasFilter(l->object)) {
        KexFinding("UNL-LEFT", "verifier", pe_image_entry(l->image),
                   "the unload routine returned with the filter still registered");
        FltxForgetDriver(l->object);
    }
    note_load(l, "unloaded");
    remove_driver(l);
}

void machine_unload_all(void)
{
    while (count) {
        struct loaded *l = drivers[--count];
        unload(l);
        free(l);
    }
    list_images();
}

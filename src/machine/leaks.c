/* SPDX-License-Identifier: MIT */
/*
 * What a driver holds after its unload: asked of every room that keeps books. The address that
 * obtained the thing decides whose it is.
 */
#include "machine/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "cm/cm.h"
#include "ex/ex.h"
#include "flt/flt.h"
#include "io/io.h"
#include "ob/ob.h"
#include "pe/pe.h"
#include "ps/ps.h"

struct owner {
    const char *driver;
    uintptr_t low, high;
};

static bool inside(const struct owner *o, const void *address)
{
    return (uintptr_t)address >= o->low && (uintptr_t)address < o->high;
}

void machine_add_leak(const char *driver, const char *format, ...)
{
    struct trc_shared *s = TrcShared;
    struct trc_leak *l;
    va_list a;

    if (s->leaks >= TRC_LEAKS) {
        s->leaks_lost++;
        return;
    }
    l = &s->leak[s->leaks];
    snprintf(l->driver, sizeof(l->driver), "%s", driver);
    va_start(a, format);
    vsnprintf(l->text, sizeof(l->text), format, a);
    va_end(a);
    /* Many of one kind from one place are one line: the first is kept, the driver's author needs
     * the place. */
    for (uint32_t i = 0; i < s->leaks; i++)
        if (!strcmp(s->leak[i].text, l->text) && !strcmp(s->leak[i].driver, l->driver))
            return;
    s->leaks++;
}

static void flt_leak(const FLTX_LEAK *Leak, void *Context)
{
    const struct owner *o = Context;
    char where[256];

    if (Leak->Filter ? strcmp(Leak->Filter, o->driver) != 0 : !inside(o, Leak->Caller))
        return;
    machine_add_leak(o->driver, "%s never given back, obtained at %s", Leak->Kind,
                     TrcWhere(Leak->Caller, where, sizeof(where)));
}

/*
 * A block is the driver's when the driver itself asked for it. What a room allocated on the
 * driver's behalf is in that room's books, but for strings that Rtl routines make and the driver
 * frees.
 */
static void pool_leak(const EXX_POOL_VIEW *Block, void *Context)
{
    const struct owner *o = Context;
    bool string = Block->Tag == 'sUlR';
    const void *caller = NULL;
    char where[256], tag[5];

    for (size_t i = 0; i < (string ? EXX_POOL_CALLERS : 1u) && Block->Callers[i] && !caller; i++)
        if (inside(o, Block->Callers[i]))
            caller = Block->Callers[i];
    if (!caller)
        return;
    ExxPoolTagText(Block->Tag, tag);
    machine_add_leak(o->driver, "pool block, tag '%s', %llu bytes, allocated at %s", tag,
                     (unsigned long long)Block->Size,
                     TrcWhere((const char *)caller - 1, where, sizeof(where)));
}

static void handle_leak(const OBX_OPEN_HANDLE *Open, void *Context)
{
    const struct owner *o = Context;
    char where[256];

    if (inside(o, Open->Creator))
        machine_add_leak(o->driver, "open %s handle, opened at %s", Open->Type,
                         TrcWhere(Open->Creator, where, sizeof(where)));
}

static void callback_leak(const PSX_CALLBACK *Callback, void *Context)
{
    const struct owner *o = Context;
    char where[256];

    if (inside(o, Callback->Routine))
        machine_add_leak(o->driver, "%s callback still registered: %s", Callback->Kind,
                         TrcWhere(Callback->Routine, where, sizeof(where)));
}

static void registry_leak(const void *Routine, void *Context)
{
    callback_leak(&(PSX_CALLBACK){"registry", Routine}, Context);
}

static void irp_leak(const IOX_LIVE_IRP *Live, void *Context)
{
    const struct owner *o = Context;
    char where[256];

    if (inside(o, Live->Creator))
        machine_add_leak(o->driver, "IRP never freed, allocated at %s",
                         TrcWhere(Live->Creator, where, sizeof(where)));
}

void machine_list_leaks(const char *driver, const void *image_base, size_t image_size)
{
    struct owner o = {driver, (uintptr_t)image_base, (uintptr_t)image_base + image_size};

    FltxForEachLeak(NULL, flt_leak, &o);
    ExxForEachPool(pool_leak, &o);
    ObxForEachOpenHandle(handle_leak, &o);
    PsxForEachCallback(callback_leak, &o);
    CmxForEachCallback(registry_leak, &o);
    IoxForEachIrp(irp_leak, &o);
}

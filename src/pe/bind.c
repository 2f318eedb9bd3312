/* SPDX-License-Identifier: MIT */
/* Imports, relocations, the /GS cookie and the control-flow-guard pointers of an image. */
#include "pe/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Load configuration fields, by offset; a field exists when the structure's own size covers it. */
enum {
    CONFIG_COOKIE = 0x58,
    CONFIG_GUARD_CHECK = 0x70,
    CONFIG_GUARD_DISPATCH = 0x78,
    CONFIG_XFG_CHECK = 0x118,
    CONFIG_XFG_DISPATCH = 0x120,
    CONFIG_XFG_TABLE_DISPATCH = 0x128,
};

#define COOKIE_DEFAULT 0x00002B992DDFA232ull

/* Names that a machine of this build does not have yet, gathered over all imports. */
struct missing {
    char names[320];
    unsigned count;
    uint32_t first_build;
};

static void add_missing(struct missing *m, const char *module, const char *name, uint32_t build)
{
    size_t at = strlen(m->names);

    if (m->count++ < 6)
        snprintf(m->names + at, sizeof(m->names) - at, "%s%s!%s", at ? ", " : "", module, name);
    if (build > m->first_build)
        m->first_build = build;
}

static uint32_t bind_one(struct pe_file *f, const struct pe_bind_ops *ops, const char *module,
                         uint64_t entry, uint64_t *slot, struct missing *missing,
                         struct pe_error *error)
{
    uint32_t first_build = 0;
    const char *name;
    void *address;

    if (entry >> 63)
        return pe_fail(
            error, PE_STATUS_INVALID_IMAGE,
            "%s cannot be loaded: it imports %s by number (%u), and kernel modules have no "
            "fixed numbers; link it against a library that imports by name",
            f->name, module, (unsigned)(entry & 0xffff));
    name = pe_string_at(f, (entry & 0x7fffffff) + 2, 512);
    if (!name || !*name)
        return pe_fail(error, PE_STATUS_INVALID_IMAGE,
                       "%s is damaged: an import of %s has its name outside of the image; copy or "
                       "build the file again",
                       f->name, module);
    address = ops->import(ops->context, f->name, module, name, &first_build);
    if (!address)
        add_missing(missing, module, name, first_build);
    memcpy(slot, &address, sizeof(address));
    return 0;
}

static uint32_t bind_module(struct pe_file *f, const struct pe_bind_ops *ops, uint32_t name_rva,
                            uint32_t names, uint32_t slots, struct missing *missing,
                            struct pe_error *error)
{
    const char *module = pe_string_at(f, name_rva, 260);
    uint32_t status = 0;

    for (uint64_t i = 0; module && !status; i++) {
        const uint64_t *entry = pe_at(f, names + i * 8, 8);
        uint64_t *slot = pe_at(f, slots + i * 8, 8), value;

        if (!entry || !slot)
            break;
        memcpy(&value, entry, sizeof(value));
        if (!value)
            return 0;
        status = bind_one(f, ops, module, value, slot, missing, error);
    }
    if (status)
        return status;
    return pe_fail(error, PE_STATUS_INVALID_IMAGE,
                   "%s is damaged: the import table of %s leaves the image; copy or build the file "
                   "again",
                   f->name, module ? module : "a module");
}

/* Both kinds of descriptor list end with one whose name is 0; `width` bytes each. */
static uint32_t bind_list(struct pe_file *f, const struct pe_bind_ops *ops, enum pe_directory which,
                          size_t width, struct missing *missing, struct pe_error *error)
{
    uint32_t rva = f->directory[which].rva, status;

    if (!f->directory[which].size)
        return 0;
    for (uint64_t i = 0;; i++) {
        const void *at = pe_at(f, rva + i * width, width);
        uint32_t d[8], name, names, slots;

        if (!at)
            return pe_fail(
                error, PE_STATUS_INVALID_IMAGE,
                "%s is damaged: its import list (0x%x) has no end; copy or build the file "
                "again",
                f->name, rva);
        memcpy(d, at, width);
        if (which == PE_DIR_IMPORT) {
            name = d[3];
            slots = d[4];
            names = d[0] ? d[0] : slots;
        } else {
            name = d[1];
            slots = d[3];
            names = d[4];
        }
        if (!name)
            return 0;
        status = bind_module(f, ops, name, names, slots, missing, error);
        if (status)
            return status;
    }
}

uint32_t pe_bind(struct pe_file *file, const struct pe_bind_ops *ops, struct pe_error *error)
{
    struct missing missing = {.count = 0};
    uint32_t status = bind_list(file, ops, PE_DIR_IMPORT, 20, &missing, error);

    /* Delayed imports are bound at once: nothing in a kernel loads a module at the first call. */
    if (!status)
        status = bind_list(file, ops, PE_DIR_DELAY_IMPORT, 32, &missing, error);
    if (status || !missing.count)
        return status;
    if (missing.first_build)
        return pe_fail(
            error, PE_STATUS_ENTRYPOINT_MISSING,
            "%s cannot be loaded on Windows build %u: it imports %s%s, first exported by "
            "build %u (STATUS_DRIVER_ENTRYPOINT_NOT_FOUND); run with --windows %u or look "
            "the routine up at run time",
            file->name, ops->build, missing.names, missing.count > 6 ? " and more" : "",
            missing.first_build, missing.first_build);
    return pe_fail(
        error, PE_STATUS_ENTRYPOINT_MISSING,
        "%s cannot be loaded: there is no %s%s (STATUS_DRIVER_ENTRYPOINT_NOT_FOUND); load "
        "the driver that exports it first, or remove the import",
        file->name, missing.names, missing.count > 6 ? " and more" : "");
}

/* A load configuration field that holds an address: the RVA it points to, 0 when absent or 0. */
static uint64_t config_pointer(const struct pe_file *f, unsigned offset)
{
    struct pe_range d = f->directory[PE_DIR_LOAD_CONFIG];
    const uint8_t *c = d.rva && d.size ? pe_at(f, d.rva, 4) : NULL;
    uint32_t size;
    uint64_t value;

    if (!c)
        return 0;
    memcpy(&size, c, sizeof(size));
    if (size < offset + 8 || !pe_at(f, d.rva, offset + 8))
        return 0;
    memcpy(&value, c + offset, sizeof(value));
    return value > f->preferred ? value - f->preferred : 0;
}

uint32_t pe_seed_cookie(struct pe_file *file, uint64_t cookie, struct pe_error *error)
{
    uint64_t rva = config_pointer(file, CONFIG_COOKIE), value;
    uint8_t *slot;

    if (!rva)
        return 0; /* WDK 7 and older: the driver seeds its own from the tick count */
    slot = pe_at(file, rva, 8);
    if (!slot)
        return pe_fail(
            error, PE_STATUS_INVALID_IMAGE,
            "%s is damaged: its security cookie (0x%llx) is outside of the image; copy or "
            "build the file again",
            file->name, (unsigned long long)rva);
    while (!cookie || cookie == COOKIE_DEFAULT) {
        host_random(&cookie, sizeof(cookie));
        cookie &= 0xffffffffffffull; /* the check code expects the top 16 bits clear */
    }
    value = cookie & 0xffffffffffffull;
    memcpy(slot, &value, sizeof(value));
    return 0;
}

static uint32_t relocate_block(const struct pe_file *f, uint8_t *base, const uint8_t *block,
                               uint32_t size, struct pe_error *error)
{
    uint64_t delta = (uint64_t)base - f->preferred, value;
    uint32_t page;

    memcpy(&page, block, sizeof(page));
    for (uint32_t i = 8; i + 2 <= size; i += 2) {
        uint16_t entry;
        uint64_t rva;

        memcpy(&entry, block + i, sizeof(entry));
        rva = (uint64_t)page + (entry & 0xfff);
        if (entry >> 12 == 0)
            continue;
        if (entry >> 12 != 10)
            return pe_fail(
                error, PE_STATUS_INVALID_IMAGE,
                "%s is damaged: relocation type %u at 0x%llx; copy or build the file again",
                f->name, entry >> 12, (unsigned long long)rva);
        /* Debug sections are not mapped, and their addresses are meant to stay. */
        if (!pe_at(f, rva, 8))
            continue;
        memcpy(&value, base + rva, sizeof(value));
        value += delta;
        memcpy(base + rva, &value, sizeof(value));
    }
    return 0;
}

uint32_t pe_relocate(const struct pe_file *file, uint8_t *base, struct pe_error *error)
{
    struct pe_range d = file->directory[PE_DIR_RELOC];
    uint32_t at = 0, size, status;

    while (d.size - at >= 8 && at < d.size) {
        const uint8_t *block = pe_at(file, (uint64_t)d.rva + at, 8);

        if (!block)
            break;
        memcpy(&size, block + 4, sizeof(size));
        if (!size)
            return 0;
        if (size < 8 || size > d.size - at || !pe_at(file, (uint64_t)d.rva + at, size))
            break;
        status = relocate_block(file, base, block, size, error);
        if (status)
            return status;
        at += size;
    }
    if (d.size - at < 8)
        return 0;
    return pe_fail(
        error, PE_STATUS_INVALID_IMAGE,
        "%s is damaged: its relocation table (0x%x) is cut short at byte %u; copy or build "
        "the file again",
        file->name, d.rva, at);
}

static void set_pointer(const struct pe_file *f, uint8_t *base, unsigned field, uint32_t target)
{
    uint64_t slot = config_pointer(f, field), value = (uint64_t)(base + target);

    if (slot && pe_at(f, slot, 8))
        memcpy(base + slot, &value, sizeof(value));
}

void pe_set_guard_pointers(const struct pe_file *file, uint8_t *base, const struct pe_patches *p)
{
    set_pointer(file, base, CONFIG_GUARD_CHECK, p->cfg_check);
    set_pointer(file, base, CONFIG_GUARD_DISPATCH, p->cfg_dispatch);
    set_pointer(file, base, CONFIG_XFG_CHECK, p->cfg_check);
    set_pointer(file, base, CONFIG_XFG_DISPATCH, p->cfg_dispatch);
    set_pointer(file, base, CONFIG_XFG_TABLE_DISPATCH, p->cfg_dispatch);
}

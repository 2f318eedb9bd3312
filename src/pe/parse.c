/* SPDX-License-Identifier: MIT */
/*
 * Checks of a driver file and its layout in memory. Everything the later steps read was checked
 * here or is read through pe_at(), so a damaged file ends in a sentence, never in a fault of ours.
 */
#include "pe/image.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MACHINE_AMD64 = 0x8664,
    MAGIC_PE32PLUS = 0x20b,
    SUBSYSTEM_NATIVE = 1,
    FILE_RELOCS_STRIPPED = 0x0001,
    FILE_EXECUTABLE = 0x0002,
};

uint32_t pe_fail(struct pe_error *error, uint32_t status, const char *format, ...)
{
    va_list ap;

    error->status = status;
    va_start(ap, format);
    vsnprintf(error->text, sizeof(error->text), format, ap);
    va_end(ap);
    return status;
}

#define DAMAGED(file, error, ...)                                                                  \
    pe_refuse(file, error, "is damaged", "copy or build the file again", __VA_ARGS__)
#define NOT_OURS(file, error, what_to_do, ...)                                                     \
    pe_refuse(file, error, "cannot be loaded", what_to_do, __VA_ARGS__)

__attribute__((format(printf, 5, 6))) static uint32_t
pe_refuse(const struct pe_file *file, struct pe_error *error, const char *verdict,
          const char *what_to_do, const char *format, ...)
{
    char detail[400];
    va_list ap;

    va_start(ap, format);
    vsnprintf(detail, sizeof(detail), format, ap);
    va_end(ap);
    return pe_fail(error, PE_STATUS_INVALID_IMAGE, "%s %s: %s; %s", file->name, verdict, detail,
                   what_to_do);
}

static uint16_t get16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static const uint8_t *file_at(const struct pe_file *f, uint64_t offset, uint64_t size)
{
    return offset <= f->size && size <= f->size - offset ? f->data + offset : NULL;
}

void *pe_at(const struct pe_file *file, uint64_t rva, uint64_t size)
{
    return rva <= file->image_size && size <= file->image_size - rva ? file->image + rva : NULL;
}

const char *pe_string_at(const struct pe_file *file, uint64_t rva, size_t limit)
{
    const char *s = pe_at(file, rva, 1);
    size_t room = s ? file->image_size - rva : 0;

    return room && memchr(s, 0, room < limit ? room : limit) ? s : NULL;
}

const struct pe_section *pe_section_of(const struct pe_section *list, uint32_t count, uint32_t rva)
{
    for (uint32_t i = 0; i < count; i++)
        if (rva - list[i].rva < list[i].size && rva >= list[i].rva)
            return list + i;
    return NULL;
}

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case 0x014c:
        return "a 32-bit x86 image";
    case 0xaa64:
        return "an ARM64 image";
    case 0x01c0:
    case 0x01c2:
    case 0x01c4:
        return "a 32-bit ARM image";
    case 0x0200:
        return "an Itanium image";
    case 0x5064:
    case 0x5032:
        return "a RISC-V image";
    default:
        return NULL;
    }
}

static uint32_t check_file_header(struct pe_file *f, const uint8_t *h, struct pe_error *error)
{
    unsigned machine = get16(h + 4), flags = get16(h + 22);
    const char *other = machine_name(machine);

    if (other)
        return NOT_OURS(f, error, "build the driver for x64", "it is %s", other);
    if (machine != MACHINE_AMD64)
        return DAMAGED(f, error, "its PE header names machine type 0x%04x", machine);
    if (!(flags & FILE_EXECUTABLE))
        return NOT_OURS(f, error, "link it again and look for errors",
                        "the linker did not mark it as complete");
    if (flags & FILE_RELOCS_STRIPPED)
        return NOT_OURS(f, error, "link it without /FIXED", "it carries no relocations");
    return 0;
}

static uint32_t check_optional_header(struct pe_file *f, const uint8_t *o, unsigned size,
                                      struct pe_error *error)
{
    uint32_t align, count;

    if (size < 112)
        return DAMAGED(f, error, "its optional header has %u bytes instead of 240", size);
    if (get16(o) != MAGIC_PE32PLUS)
        return DAMAGED(f, error, "its optional header is marked 0x%x instead of 0x20b", get16(o));
    if (get16(o + 68) != SUBSYSTEM_NATIVE)
        return NOT_OURS(f, error, "give a .sys file",
                        "it is a user-mode program or library (subsystem %u), not a driver",
                        get16(o + 68));
    f->entry = get32(o + 16);
    f->preferred = get64(o + 24);
    align = get32(o + 32);
    f->image_size = get32(o + 56);
    f->header_size = get32(o + 60);
    if (align < PE_PAGE || align & (align - 1))
        return NOT_OURS(f, error, "link it without /ALIGN",
                        "its sections are aligned to %u bytes, so that code and data share pages",
                        align);
    if (!f->image_size || f->image_size > PE_MAX_IMAGE || f->header_size > f->image_size)
        return DAMAGED(f, error, "its header gives %u bytes of memory and %u bytes of headers",
                       f->image_size, f->header_size);
    if (f->preferred & 0xfff)
        return DAMAGED(f, error, "its preferred address 0x%llx is not on a page",
                       (unsigned long long)f->preferred);
    f->image_size = (f->image_size + PE_PAGE - 1) & ~(PE_PAGE - 1);
    count = get32(o + 108);
    if (count > 16)
        count = 16;
    if (112 + count * 8 > size)
        return DAMAGED(f, error, "its optional header ends before its %u directories", count);
    for (uint32_t i = 0; i < count; i++)
        f->directory[i] = (struct pe_range){get32(o + 112 + i * 8), get32(o + 116 + i * 8)};
    return 0;
}

/* COFF symbols are optional; a table that does not fit the file is ignored, it only serves reports.
 */
static void take_symbols(struct pe_file *f, const uint8_t *h)
{
    uint64_t at = get32(h + 12), count = get32(h + 16), end = at + count * 18;
    const uint8_t *s;

    if (!at || !count || !file_at(f, at, count * 18))
        return;
    f->symbols = (uint32_t)at;
    f->symbol_count = (uint32_t)count;
    s = file_at(f, end, 4);
    if (s && get32(s) >= 4 && file_at(f, end, get32(s)) && !s[get32(s) - 1]) {
        f->strings = (const char *)s;
        f->strings_size = get32(s);
    }
}

static void take_section_name(const struct pe_file *f, const uint8_t *h, struct pe_section *s)
{
    unsigned long offset;

    memcpy(s->name, h, 8);
    if (s->name[0] != '/')
        return;
    offset = strtoul(s->name + 1, NULL, 10);
    if (f->strings && offset >= 4 && offset < f->strings_size)
        snprintf(s->name, sizeof(s->name), "%s", f->strings + offset);
}

static uint32_t check_section(struct pe_file *f, struct pe_section *s, uint32_t free_rva,
                              struct pe_error *error)
{
    if (s->rva % PE_PAGE || s->rva < free_rva || s->rva > f->image_size ||
        s->size > f->image_size - s->rva)
        return DAMAGED(f, error,
                       "section %s lies at 0x%x, %u bytes, which does not fit an image of "
                       "0x%x bytes",
                       s->name, s->rva, s->size, f->image_size);
    if (s->raw_size > s->size)
        s->raw_size = s->size;
    if (s->raw_size && !file_at(f, s->raw, s->raw_size))
        return DAMAGED(f, error,
                       "section %s needs the file's bytes %u to %llu, but the file ends "
                       "at %zu",
                       s->name, s->raw, (unsigned long long)s->raw + s->raw_size, f->size);
    return 0;
}

static uint32_t take_sections(struct pe_file *f, const uint8_t *h, unsigned count,
                              struct pe_error *error)
{
    uint32_t free_rva = f->header_size;

    for (unsigned i = 0; i < count; i++, h += 40) {
        struct pe_section *s = f->section + i;
        uint32_t status;

        take_section_name(f, h, s);
        s->size = get32(h + 8);
        s->rva = get32(h + 12);
        s->raw_size = get32(h + 16);
        s->raw = get32(h + 20);
        s->flags = get32(h + 36);
        if (!s->size)
            s->size = s->raw_size;
        status = check_section(f, s, free_rva, error);
        if (status)
            return status;
        free_rva = s->rva + ((s->size + PE_PAGE - 1) & ~(PE_PAGE - 1));
        s->debug = s->flags & PE_SCN_DISCARDABLE && !strncmp(s->name, ".debug", 6);
        f->section_count = i + 1;
    }
    if (!count)
        return DAMAGED(f, error, "it has no sections");
    return 0;
}

/* Debug sections at the end are not part of what is mapped. */
static void trim(struct pe_file *f)
{
    uint32_t end = f->header_size;

    for (uint32_t i = 0; i < f->section_count; i++)
        if (!f->section[i].debug && f->section[i].size)
            end = f->section[i].rva + f->section[i].size;
    f->image_size = (end + PE_PAGE - 1) & ~(PE_PAGE - 1);
}

static uint32_t lay_out(struct pe_file *f, struct pe_error *error)
{
    size_t headers = f->header_size < f->size ? f->header_size : f->size;

    trim(f);
    f->image = host_map(f->image_size, HOST_RW);
    if (!f->image)
        return pe_fail(error, PE_STATUS_NO_MEMORY, "%s needs %u bytes of memory; there are none",
                       f->name, f->image_size);
    memcpy(f->image, f->data, headers);
    for (uint32_t i = 0; i < f->section_count; i++) {
        const struct pe_section *s = f->section + i;

        if (!s->debug && s->raw_size)
            memcpy(f->image + s->rva, f->data + s->raw, s->raw_size);
    }
    return 0;
}

static uint32_t check_functions(struct pe_file *f, struct pe_error *error)
{
    struct pe_range d = f->directory[PE_DIR_EXCEPTION];
    const struct pe_function *list = d.size ? pe_at(f, d.rva, d.size) : NULL;
    uint32_t count = d.size / sizeof(*list), last = 0;

    if (!d.size)
        return 0;
    if (!list || d.rva % 4)
        return DAMAGED(f, error, "its unwind table (0x%x, %u bytes) is outside of it", d.rva,
                       d.size);
    /* Linkers may leave zeroed entries at the end. */
    while (count && !list[count - 1].begin)
        count--;
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].begin >= list[i].end || list[i].begin < last || !pe_at(f, list[i].end, 0) ||
            !pe_at(f, list[i].unwind & ~1u, 4))
            return DAMAGED(f, error, "entry %u of its unwind table is impossible (0x%x..0x%x)", i,
                           list[i].begin, list[i].end);
        last = list[i].end;
    }
    f->functions = list;
    f->function_count = count;
    return 0;
}

static uint32_t check_rest(struct pe_file *f, struct pe_error *error)
{
    const struct pe_section *code;

    if (f->directory[PE_DIR_CLR].size)
        return NOT_OURS(f, error, "give a .sys file", "it is a .NET assembly");
    if (!f->entry)
        return NOT_OURS(f, error, "link it with /ENTRY:DriverEntry", "it has no entry point");
    code = pe_section_of(f->section, f->section_count, f->entry);
    if (!code || !(code->flags & PE_SCN_EXECUTE))
        return DAMAGED(f, error, "its entry point 0x%x is not in code", f->entry);
    return check_functions(f, error);
}

static uint32_t parse_headers(struct pe_file *f, struct pe_error *error)
{
    const uint8_t *mz = file_at(f, 0, 64), *h, *o, *s;
    uint32_t at, status;
    unsigned optional, count;

    if (!f->size)
        return NOT_OURS(f, error, "copy or build the file again", "the file is empty");
    if (f->size < 2 || f->data[0] != 'M' || f->data[1] != 'Z')
        return NOT_OURS(f, error, "give an x64 .sys file, or compile the source with openflt cc",
                        "it is not a Windows image (it does not start with MZ)");
    if (!mz)
        return DAMAGED(f, error, "the file ends inside its DOS header, at %zu", f->size);
    at = get32(mz + 60);
    h = file_at(f, at, 24);
    if (!h)
        return DAMAGED(f, error, "its PE header should be at %u, but the file ends at %zu", at,
                       f->size);
    if (memcmp(h, "PE\0\0", 4))
        return DAMAGED(f, error, "there is no PE header at %u", at);
    status = check_file_header(f, h, error);
    if (status)
        return status;
    count = get16(h + 6);
    optional = get16(h + 20);
    o = file_at(f, (uint64_t)at + 24, optional);
    s = file_at(f, (uint64_t)at + 24 + optional, (uint64_t)count * 40);
    if (!o || !s || count > PE_MAX_SECTIONS)
        return DAMAGED(f, error, "its headers (%u sections) do not fit the file, which ends at %zu",
                       count, f->size);
    status = check_optional_header(f, o, optional, error);
    if (status)
        return status;
    take_symbols(f, h);
    return take_sections(f, s, count, error);
}

uint32_t pe_parse(const char *name, const void *data, size_t size, struct pe_file *out,
                  struct pe_error *error)
{
    uint32_t status;

    memset(out, 0, sizeof(*out));
    memset(error, 0, sizeof(*error));
    out->name = name;
    out->data = data;
    out->size = size;
    status = parse_headers(out, error);
    if (!status)
        status = lay_out(out, error);
    if (!status)
        status = check_rest(out, error);
    if (status)
        pe_file_free(out);
    return status;
}

void pe_file_free(struct pe_file *file)
{
    if (file->image)
        host_unmap(file->image, file->image_size);
    file->image = NULL;
}

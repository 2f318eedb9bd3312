/* SPDX-License-Identifier: MIT */
/*
 * The ELF shared object a driver image is mapped from (D2). Segments lie at ImageBase + RVA, so the
 * addresses in the image's DWARF are right as they stand; the host's loader then tells every native
 * tool where the object is.
 *
 *   file      0            headers                     not mapped
 *             first page   image, at first + RVA       one PT_LOAD a section, with its final
 * protection behind it    CR8 and guard stubs         r-x behind it    dynamic symbols, .eh_frame
 * r-- behind it    dynamic section             rw-, the loader writes there rest         .symtab,
 * .strtab, .debug_*  not mapped
 */
#include "pe/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ELF constants and records, as the generic ABI gives them. */
struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
struct elf_section {
    uint32_t name, type;
    uint64_t flags, addr, offset, size;
    uint32_t link, info;
    uint64_t align, entsize;
};
struct elf_symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    uint64_t value, size;
};
struct elf_dynamic {
    uint64_t tag, value;
};
enum {
    ET_DYN = 3,
    EM_X86_64 = 62,
    PT_LOAD = 1,
    PT_DYNAMIC = 2,
    PT_GNU_EH_FRAME = 0x6474e550,
    PT_GNU_STACK = 0x6474e551,
    PF_X = 1,
    PF_W = 2,
    PF_R = 4,
    SHT_PROGBITS = 1,
    SHT_SYMTAB = 2,
    SHT_STRTAB = 3,
    SHT_DYNAMIC = 6,
    SHF_WRITE = 1,
    SHF_ALLOC = 2,
    SHF_EXECINSTR = 4,
    DT_HASH = 4,
    DT_STRTAB = 5,
    DT_SYMTAB = 6,
    DT_STRSZ = 10,
    DT_SYMENT = 11,
    DT_SONAME = 14,
    STT_NOTYPE = 0,
    STT_OBJECT = 1,
    STT_FUNC = 2,
};

#define MAX_SEGMENTS (PE_MAX_SECTIONS + 8)
#define MAX_ELF_SECTIONS (PE_MAX_SECTIONS + 12)

struct elf {
    const struct pe_file *file;
    const struct pe_patches *patches;
    struct elf_segment segment[MAX_SEGMENTS];
    unsigned segments;
    struct elf_section section[MAX_ELF_SECTIONS];
    unsigned sections;
    uint16_t section_index[PE_MAX_SECTIONS]; /* ELF section of each PE section */
    struct pe_buffer names;                  /* .shstrtab */
    struct pe_buffer ro, dynamic;            /* mapped behind the stubs */
    struct pe_buffer symbols, strings;       /* .symtab, .strtab */
    uint32_t ro_rva, dynamic_rva, mapped;
    uint64_t first; /* file offset of RVA 0 */
    uint64_t tail;  /* file offset where unmapped data goes next */
};

static uint32_t page_up(uint32_t v)
{
    return (v + PE_PAGE - 1) & ~(PE_PAGE - 1);
}

static unsigned segment_flags(uint32_t pe_flags)
{
    /* W^X: code that its linker also made writable (old INIT sections) loses the write. */
    if (pe_flags & PE_SCN_EXECUTE)
        return PF_R | PF_X;
    return pe_flags & PE_SCN_WRITE ? PF_R | PF_W : PF_R;
}

static struct elf_segment *add_segment(struct elf *e, unsigned type, unsigned flags, uint32_t rva,
                                       uint64_t size)
{
    struct elf_segment *s = e->segment + e->segments++;
    uint64_t at = e->file->preferred + rva;

    *s = (struct elf_segment){type, flags, e->first + rva, at,
                              at,   size,  size,           type == PT_LOAD ? PE_PAGE : 8};
    return s;
}

static struct elf_section *add_section(struct elf *e, const char *name, unsigned type,
                                       uint64_t flags, uint64_t offset, uint64_t size)
{
    struct elf_section *s = e->section + e->sections++;

    *s = (struct elf_section){.name = (uint32_t)e->names.size,
                              .type = type,
                              .flags = flags,
                              .offset = offset,
                              .size = size,
                              .align = 1};
    pe_put(&e->names, name, strlen(name) + 1);
    return s;
}

static void add_mapped_section(struct elf *e, const char *name, unsigned type, uint64_t flags,
                               uint32_t rva, uint64_t size)
{
    struct elf_section *s = add_section(e, name, type, flags | SHF_ALLOC, e->first + rva, size);

    s->addr = e->file->preferred + rva;
    s->align = 8;
}

static void add_image(struct elf *e)
{
    const struct pe_file *f = e->file;

    add_section(e, "", 0, 0, 0, 0);
    add_segment(e, PT_LOAD, PF_R, 0, page_up(f->header_size ? f->header_size : 1));
    for (uint32_t i = 0; i < f->section_count; i++) {
        const struct pe_section *s = f->section + i;
        unsigned flags = segment_flags(s->flags);

        if (s->debug || !s->size)
            continue;
        add_segment(e, PT_LOAD, flags, s->rva, page_up(s->size));
        e->section_index[i] = (uint16_t)e->sections;
        add_mapped_section(e, s->name, SHT_PROGBITS,
                           (flags & PF_X ? SHF_EXECINSTR : 0) | (flags & PF_W ? SHF_WRITE : 0),
                           s->rva, s->size);
    }
    add_segment(e, PT_LOAD, PF_R | PF_X, e->patches->rva, e->patches->code_size);
    add_mapped_section(e, ".openflt.stubs", SHT_PROGBITS, SHF_EXECINSTR, e->patches->rva,
                       e->patches->code_used);
}

/* The least a dynamic section may hold: an empty symbol table and the object's name. */
static void add_dynamic(struct elf *e)
{
    static const struct elf_symbol none;
    static const uint32_t hash[] = {1, 1, 0, 0}; /* one bucket, one chain, both empty */
    uint64_t base = e->file->preferred + e->ro_rva, symtab, strtab, hashtab, size;
    size_t name = strlen(e->file->name) + 1;

    symtab = base + e->ro.size;
    pe_put(&e->ro, &none, sizeof(none));
    hashtab = base + e->ro.size;
    pe_put(&e->ro, hash, sizeof(hash));
    strtab = base + e->ro.size;
    pe_put_zeros(&e->ro, 1);
    pe_put(&e->ro, e->file->name, name);
    size = 1 + name;
    pe_align(&e->ro, 8);
    const struct elf_dynamic list[] = {
        {DT_SONAME, 1},
        {DT_HASH, hashtab},
        {DT_SYMTAB, symtab},
        {DT_STRTAB, strtab},
        {DT_STRSZ, size},
        {DT_SYMENT, sizeof(none)},
        {0, 0},
    };
    pe_put(&e->dynamic, list, sizeof(list));
}

static void add_tables(struct elf *e)
{
    size_t header, frames_at;
    struct elf_segment *dynamic;

    e->ro_rva = e->patches->rva + e->patches->code_size;
    add_dynamic(e);
    frames_at = e->ro.size;
    struct pe_buffer frames = {0};
    pe_make_eh_frame(e->file, e->patches, e->ro_rva + (uint32_t)frames_at, &frames, &header);
    pe_put(&e->ro, frames.data, frames.size);
    free(frames.data);
    e->dynamic_rva = page_up(e->ro_rva + (uint32_t)e->ro.size);
    e->mapped = e->dynamic_rva + PE_PAGE;
    add_segment(e, PT_LOAD, PF_R, e->ro_rva, e->ro.size);
    add_segment(e, PT_LOAD, PF_R | PF_W, e->dynamic_rva, e->dynamic.size);
    dynamic = add_segment(e, PT_DYNAMIC, PF_R | PF_W, e->dynamic_rva, e->dynamic.size);
    dynamic->align = 8;
    add_segment(e, PT_GNU_EH_FRAME, PF_R, e->ro_rva + (uint32_t)frames_at, header)->align = 4;
    *add_segment(e, PT_GNU_STACK, PF_R | PF_W, 0, 0) =
        (struct elf_segment){.type = PT_GNU_STACK, .flags = PF_R | PF_W, .align = 16};
    add_mapped_section(e, ".eh_frame_hdr", SHT_PROGBITS, 0, e->ro_rva + (uint32_t)frames_at,
                       header);
    add_mapped_section(e, ".eh_frame", SHT_PROGBITS, 0, e->ro_rva + (uint32_t)(frames_at + header),
                       e->ro.size - frames_at - header);
    add_mapped_section(e, ".dynamic", SHT_DYNAMIC, SHF_WRITE, e->dynamic_rva, e->dynamic.size);
}

static uint32_t function_size(const struct pe_file *f, uint32_t rva)
{
    uint32_t low = 0, high = f->function_count;

    while (low < high) {
        uint32_t mid = (low + high) / 2;

        if (f->functions[mid].begin < rva)
            low = mid + 1;
        else
            high = mid;
    }
    return low < f->function_count && f->functions[low].begin == rva ? f->functions[low].end - rva
                                                                     : 0;
}

static void add_symbol(struct elf *e, const char *name, size_t length, unsigned section,
                       uint32_t rva, bool global)
{
    const struct pe_section *s = e->file->section + section;
    bool code = s->flags & PE_SCN_EXECUTE;
    struct elf_symbol sym = {
        .name = (uint32_t)e->strings.size,
        .info = (uint8_t)(global << 4 | (code ? STT_FUNC : STT_OBJECT)),
        .section = e->section_index[section],
        .value = e->file->preferred + rva,
        .size = code ? function_size(e->file, rva) : 0,
    };

    pe_put(&e->strings, name, length);
    pe_put_zeros(&e->strings, 1);
    pe_put(&e->symbols, &sym, sizeof(sym));
}

/* Name of a COFF symbol record: eight bytes in place, or an offset into the string table. */
static const char *coff_name(const struct pe_file *f, const uint8_t *r, size_t *length)
{
    uint32_t zero, offset;

    memcpy(&zero, r, 4);
    memcpy(&offset, r + 4, 4);
    if (zero) {
        *length = strnlen((const char *)r, 8);
        return (const char *)r;
    }
    if (!f->strings || offset < 4 || offset >= f->strings_size)
        return NULL;
    *length = strlen(f->strings + offset);
    return f->strings + offset;
}

bool pe_coff_symbol(const struct pe_file *f, uint64_t *i, const char **name, size_t *length,
                    uint32_t *section, uint32_t *rva, bool *global)
{
    enum { CLASS_EXTERNAL = 2, CLASS_STATIC = 3 };
    const uint8_t *r = f->data + f->symbols + *i * 18;
    uint32_t value;
    int16_t number;

    *i += r[17];
    memcpy(&value, r + 8, 4);
    memcpy(&number, r + 12, 2);
    if ((r[16] != CLASS_EXTERNAL && r[16] != CLASS_STATIC) || number < 1 ||
        (uint32_t)number > f->section_count || value >= f->section[number - 1].size ||
        f->section[number - 1].debug)
        return false;
    *section = (uint32_t)number - 1;
    *rva = f->section[number - 1].rva + value;
    *global = r[16] == CLASS_EXTERNAL;
    *name = coff_name(f, r, length);
    return *name != NULL;
}

/* ELF wants local symbols before global ones: two passes. Returns the index of the first global
 * one. */
static uint32_t add_symbols(struct elf *e)
{
    const struct pe_file *f = e->file;
    uint32_t first_global = 0, section, rva;
    const char *name;
    size_t length;
    bool global;

    pe_put_zeros(&e->symbols, sizeof(struct elf_symbol));
    pe_put_zeros(&e->strings, 1);
    for (int pass = 0; pass < 2; pass++) {
        first_global = (uint32_t)(e->symbols.size / sizeof(struct elf_symbol));
        for (uint64_t i = 0; i < f->symbol_count; i++)
            if (pe_coff_symbol(f, &i, &name, &length, &section, &rva, &global) && global == pass &&
                e->section_index[section])
                add_symbol(e, name, length, section, rva, global);
    }
    for (uint32_t i = 0; !f->symbol_count && i < f->section_count; i++) /* stripped */
        if (f->entry - f->section[i].rva < f->section[i].size && e->section_index[i])
            add_symbol(e, "DriverEntry", 11, i, f->entry, true);
    return first_global;
}

struct out {
    int fd;
    bool failed;
};

static void write_at(struct out *o, const void *data, size_t n, uint64_t offset)
{
    while (n && !o->failed) {
        int64_t done = host_pwrite(o->fd, data, n, offset);

        if (done <= 0) {
            o->failed = true;
            return;
        }
        data = (const uint8_t *)data + done;
        n -= (size_t)done;
        offset += (uint64_t)done;
    }
}

static struct elf_section *write_tail(struct elf *e, struct out *o, const char *name, unsigned type,
                                      const void *data, size_t n)
{
    struct elf_section *s = add_section(e, name, type, 0, e->tail, n);

    write_at(o, data, n, e->tail);
    e->tail = (e->tail + n + 7) & ~7ull;
    return s;
}

static void write_unmapped(struct elf *e, struct out *o)
{
    const struct pe_file *f = e->file;
    uint32_t first_global = add_symbols(e);
    struct elf_section *symtab;

    for (uint32_t i = 0; i < f->section_count; i++)
        if (f->section[i].debug)
            write_tail(e, o, f->section[i].name, SHT_PROGBITS, f->data + f->section[i].raw,
                       f->section[i].raw_size);
    symtab = write_tail(e, o, ".symtab", SHT_SYMTAB, e->symbols.data, e->symbols.size);
    symtab->entsize = sizeof(struct elf_symbol);
    symtab->align = 8;
    symtab->info = first_global;
    symtab->link = e->sections;
    write_tail(e, o, ".strtab", SHT_STRTAB, e->strings.data, e->strings.size);
    add_section(e, ".shstrtab", SHT_STRTAB, 0, e->tail, 0)->size = e->names.size;
    e->section[e->sections - 1].size = e->names.size;
    write_at(o, e->names.data, e->names.size, e->tail);
    e->tail = (e->tail + e->names.size + 7) & ~7ull;
    write_at(o, e->section, e->sections * sizeof(*e->section), e->tail);
}

static void write_headers(struct elf *e, struct out *o)
{
    struct elf_header h = {
        .ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
        .type = ET_DYN,
        .machine = EM_X86_64,
        .version = 1,
        .entry = e->file->preferred + e->file->entry,
        .phoff = sizeof(h),
        .shoff = e->tail,
        .ehsize = sizeof(h),
        .phentsize = sizeof(struct elf_segment),
        .phnum = (uint16_t)e->segments,
        .shentsize = sizeof(struct elf_section),
        .shnum = (uint16_t)e->sections,
        .shstrndx = (uint16_t)(e->sections - 1),
    };

    write_at(o, &h, sizeof(h), 0);
    write_at(o, e->segment, e->segments * sizeof(*e->segment), sizeof(h));
}

/* Writes what is not zero, page by page; the rest of the file stays a hole. */
static void write_pages(struct out *o, const uint8_t *data, size_t n, uint64_t offset)
{
    static const uint8_t zeros[PE_PAGE];

    while (n) {
        size_t part = n < PE_PAGE ? n : PE_PAGE;

        if (memcmp(data, zeros, part))
            write_at(o, data, part, offset);
        data += part;
        offset += part;
        n -= part;
    }
}

static void write_image(struct elf *e, struct out *o)
{
    const struct pe_file *f = e->file;

    write_at(o, f->image, page_up(f->header_size ? f->header_size : 1), e->first);
    for (uint32_t i = 0; i < f->section_count; i++)
        if (!f->section[i].debug)
            write_pages(o, f->image + f->section[i].rva, f->section[i].size,
                        e->first + f->section[i].rva);
    write_at(o, e->patches->code, e->patches->code_size, e->first + e->patches->rva);
    write_at(o, e->ro.data, e->ro.size, e->first + e->ro_rva);
    write_at(o, e->dynamic.data, e->dynamic.size, e->first + e->dynamic_rva);
}

uint32_t pe_write_elf(const struct pe_file *file, const struct pe_patches *p, const char *path,
                      uint32_t *mapped, struct pe_error *error)
{
    struct elf *e = calloc(1, sizeof(*e));
    struct out o = {host_open(path, HOST_O_READ | HOST_O_WRITE | HOST_O_CREATE | HOST_O_EXCL, 0600),
                    false};

    if (!e)
        abort();
    if (o.fd < 0) {
        free(e);
        return pe_fail(error, PE_STATUS_NO_MEMORY, "%s cannot be loaded: cannot create %s: %s",
                       file->name, path, strerror(-o.fd));
    }
    e->file = file;
    e->patches = p;
    e->first = page_up(sizeof(struct elf_header) + MAX_SEGMENTS * sizeof(struct elf_segment));
    add_image(e);
    add_tables(e);
    e->tail = e->first + e->mapped;
    write_image(e, &o);
    write_unmapped(e, &o);
    write_headers(e, &o);
    *mapped = e->mapped;
    host_close(o.fd);
    free(e->names.data);
    free(e->ro.data);
    free(e->dynamic.data);
    free(e->symbols.data);
    free(e->strings.data);
    free(e);
    if (o.failed)
        return pe_fail(error, PE_STATUS_NO_MEMORY,
                       "%s cannot be loaded: cannot write %s; make room on that disk", file->name,
                       path);
    return 0;
}

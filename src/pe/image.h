/* SPDX-License-Identifier: MIT */
/* image.h - inside of the pe room: the parsed file and the loaded image. */
#ifndef OPENFLT_PE_IMAGE_H
#define OPENFLT_PE_IMAGE_H

#include "host/host.h"
#include "pe/pe.h"

#define PE_PAGE 4096u
#define PE_MAX_SECTIONS 96u
#define PE_MAX_IMAGE (512u << 20)

#define PE_SCN_DISCARDABLE 0x02000000u
#define PE_SCN_EXECUTE 0x20000000u
#define PE_SCN_READ 0x40000000u
#define PE_SCN_WRITE 0x80000000u

enum pe_directory {
    PE_DIR_EXPORT = 0,
    PE_DIR_IMPORT = 1,
    PE_DIR_EXCEPTION = 3,
    PE_DIR_RELOC = 5,
    PE_DIR_LOAD_CONFIG = 10,
    PE_DIR_DELAY_IMPORT = 13,
    PE_DIR_CLR = 14
};

struct pe_section {
    char name[40];
    uint32_t rva, size;     /* in memory; size as linked, not rounded */
    uint32_t raw, raw_size; /* in the file */
    uint32_t flags;
    bool debug; /* DWARF: copied behind the image, not mapped */
};

struct pe_range {
    uint32_t rva, size;
};

/* RUNTIME_FUNCTION. */
struct pe_function {
    uint32_t begin, end, unwind;
};

/* One checked file: headers decoded, sections laid out as in memory at no particular address. */
struct pe_file {
    const char *name;
    const uint8_t *data;
    size_t size;
    uint64_t preferred; /* ImageBase */
    uint32_t entry, image_size, header_size;
    uint32_t symbols, symbol_count; /* COFF symbol table in the file, checked */
    const char *strings;            /* its string table */
    uint32_t strings_size;
    struct pe_range directory[16];
    struct pe_section section[PE_MAX_SECTIONS];
    uint32_t section_count;
    uint8_t *image; /* image_size bytes */
    const struct pe_function *functions;
    uint32_t function_count;
};

/* Where a moved instruction of a CR8 patch came from. */
struct pe_stub_map {
    uint32_t begin, end; /* RVAs in the stub area */
    uint32_t origin;     /* RVA the range stands for */
    uint32_t pushed;     /* bytes the stub has on the stack there */
};

struct pe_patches {
    uint8_t *code; /* stub area, to be mapped behind the image; code_size is page-rounded */
    uint32_t code_used, code_size;
    uint32_t rva; /* of the stub area */
    struct pe_stub_map *map;
    uint32_t map_count;
    uint32_t patched, trapped;        /* CR8 accesses rewritten, and left to the trap */
    uint32_t cfg_check, cfg_dispatch; /* RVAs of the guard stubs */
};

/* A function name of the image's own symbol table. */
struct pe_symbol {
    uint32_t rva;
    uint32_t name; /* offset into symbol_names */
};

struct pe_image {
    char name[64];
    char elf_path[512];
    uint8_t *base;
    uint32_t size;   /* of the PE image */
    uint32_t mapped; /* with the areas behind it */
    uint32_t entry;
    uint64_t preferred;
    void *module; /* host loader's handle */
    struct pe_section section[PE_MAX_SECTIONS];
    uint32_t section_count;
    struct pe_range exports;
    const struct pe_function *functions; /* our own copy: survives a driver's scribbling */
    uint32_t function_count;
    struct pe_stub_map *stubs;
    uint32_t stub_count;
    struct pe_symbol *symbols; /* code only, by rising address */
    uint32_t symbol_count;
    char *symbol_names;
    bool init_gone;
};

/* parse.c: checks `data` and lays it out. On failure nothing is left to free. */
uint32_t pe_parse(const char *name, const void *data, size_t size, struct pe_file *out,
                  struct pe_error *error);
void pe_file_free(struct pe_file *file);
/* A range of the laid-out image, NULL when it is not wholly inside. */
void *pe_at(const struct pe_file *file, uint64_t rva, uint64_t size);
/* A terminated string in the image, NULL when it does not end in time. */
const char *pe_string_at(const struct pe_file *file, uint64_t rva, size_t limit);
const struct pe_section *pe_section_of(const struct pe_section *list, uint32_t count, uint32_t rva);
__attribute__((format(printf, 3, 4))) uint32_t pe_fail(struct pe_error *error, uint32_t status,
                                                       const char *format, ...);

/* bind.c: on the laid-out file, before mapping. */
uint32_t pe_bind(struct pe_file *file, const struct pe_bind_ops *ops, struct pe_error *error);
uint32_t pe_seed_cookie(struct pe_file *file, uint64_t cookie, struct pe_error *error);
/* On the mapped, still writable image. */
uint32_t pe_relocate(const struct pe_file *file, uint8_t *base, struct pe_error *error);
void pe_set_guard_pointers(const struct pe_file *file, uint8_t *base, const struct pe_patches *p);

/* patch.c */
uint32_t pe_patch(struct pe_file *file, struct pe_patches *out, struct pe_error *error);
void pe_patches_free(struct pe_patches *p);

/* elf.c, ehframe.c */
struct pe_buffer {
    uint8_t *data;
    size_t size, room;
};
void pe_put(struct pe_buffer *b, const void *data, size_t n);
void pe_put_zeros(struct pe_buffer *b, size_t n);
void pe_align(struct pe_buffer *b, size_t to);
uint32_t pe_write_elf(const struct pe_file *file, const struct pe_patches *p, const char *path,
                      uint32_t *mapped, struct pe_error *error);
/* Frame descriptions for the ELF: `out` is placed at RVA `at` and starts with the header table. */
void pe_make_eh_frame(const struct pe_file *file, const struct pe_patches *p, uint32_t at,
                      struct pe_buffer *out, size_t *header_size);

/* load.c: the table of images; entries are never moved. Unloaded ones keep their name and range. */
struct pe_image_record {
    uint8_t *base;
    uint32_t size;
    struct pe_image *image; /* NULL: unloaded */
    uint64_t unloaded;      /* serial number of the unload */
    char name[64];
};
const struct pe_image_record *pe_record_of(const void *address);

/* address.c: takes the function names of the file over into the image. */
void pe_take_symbols(struct pe_image *image, const struct pe_file *file);
/* elf.c: symbol i of the COFF table; advances i over auxiliary records. False: not a named address
 * in a section. */
bool pe_coff_symbol(const struct pe_file *f, uint64_t *i, const char **name, size_t *length,
                    uint32_t *section, uint32_t *rva, bool *global);

/* unwind.c */
const struct pe_function *pe_find_function(const struct pe_image *image, uint32_t rva);
/* Maps an address in a patch stub back to the code it stands for; adjusts rsp. False: not a stub.
 */
bool pe_leave_stub(const struct pe_image *image, struct host_registers *regs);
struct pe_unwind_result {
    uint64_t establisher; /* frame the function's locals are addressed from */
    const uint8_t *handler_data;
    uint32_t handler; /* RVA, 0 for none */
    bool machine_frame;
};
/*
 * One frame outwards: regs become the caller's. xmm may be NULL. `want`: UNW_FLAG_EHANDLER (1) or
 * UHANDLER (2) whose handler is asked for. False when the stack cannot be read.
 */
bool pe_virtual_unwind(const struct pe_image *image, struct host_registers *regs, void *xmm,
                       unsigned want, struct pe_unwind_result *result);

#endif

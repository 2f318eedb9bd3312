/* SPDX-License-Identifier: MIT */
/*
 * What an address is, in words. Function names come from the image's own symbol table, source lines
 * from llvm-symbolizer, run as a separate program over the wrapped image. Reports call this with
 * the heap in any state: all memory here is static.
 */
#include "pe/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_SIZE 512u
#define BATCH 64u
#define WHERE_SIZE 120u

struct known {
    const void *address;
    char function[64];
    char where[WHERE_SIZE]; /* "file.c:12", empty when there is no line */
};

static struct known cache[CACHE_SIZE];
static uint32_t cache_next;
static host_lock lock;

static int by_rva(const void *a, const void *b)
{
    const struct pe_symbol *x = a, *y = b;

    return x->rva < y->rva ? -1 : x->rva > y->rva;
}

void pe_take_symbols(struct pe_image *image, const struct pe_file *file)
{
    struct pe_buffer names = {0}, list = {0};
    uint32_t section, rva;
    const char *name;
    size_t length;
    bool global;

    for (uint64_t i = 0; i < file->symbol_count; i++) {
        if (!pe_coff_symbol(file, &i, &name, &length, &section, &rva, &global) || !length ||
            *name == '.' || !(file->section[section].flags & PE_SCN_EXECUTE))
            continue;
        struct pe_symbol s = {rva, (uint32_t)names.size};
        pe_put(&names, name, length);
        pe_put_zeros(&names, 1);
        pe_put(&list, &s, sizeof(s));
    }
    image->symbols = (struct pe_symbol *)list.data;
    image->symbol_count = (uint32_t)(list.size / sizeof(struct pe_symbol));
    image->symbol_names = (char *)names.data;
    if (image->symbol_count)
        qsort(image->symbols, image->symbol_count, sizeof(struct pe_symbol), by_rva);
}

static const struct pe_symbol *symbol_of(const struct pe_image *image, uint32_t rva)
{
    const struct pe_section *here = pe_section_of(image->section, image->section_count, rva);
    uint32_t low = 0, high = image->symbol_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (image->symbols[mid].rva <= rva)
            low = mid + 1;
        else
            high = mid;
    }
    /* The last name before the address belongs to it only inside the same section. */
    return low && here && image->symbols[low - 1].rva >= here->rva ? image->symbols + low - 1
                                                                   : NULL;
}

/* ---- llvm-symbolizer ---- */

static struct known *cached(const void *address)
{
    for (uint32_t i = 0; i < CACHE_SIZE; i++)
        if (cache[i].address == address)
            return cache + i;
    return NULL;
}

static struct known *remember(const void *address)
{
    struct known *k = cache + cache_next++ % CACHE_SIZE;

    memset(k, 0, sizeof(*k));
    k->address = address;
    return k;
}

/* Object file an address lies in and its address as linked. False when it is in no code known to
 * the host. */
static bool locate(const void *address, const char **path, uint64_t *linked)
{
    struct pe_image *image = pe_image_from_address(address);
    const void *base;

    if (image) {
        *path = image->elf_path;
        *linked = (uint64_t)((uintptr_t)address - (uintptr_t)image->base) + image->preferred;
        return (uintptr_t)address - (uintptr_t)image->base < image->size;
    }
    if (!host_module_of(address, path, &base))
        return false;
    *linked = (uint64_t)((uintptr_t)address - (uintptr_t)base);
    return true;
}

static size_t read_all(int fd, char *to, size_t size)
{
    size_t n = 0;
    int64_t got;

    while (n + 1 < size && (got = host_read(fd, to + n, size - 1 - n)) > 0)
        n += (size_t)got;
    to[n] = 0;
    return n;
}

/* Takes a line off the text; the line ends in 0 then. */
static char *next_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');

    if (!end)
        return NULL;
    *end = 0;
    *text = end + 1;
    return line;
}

/* "/path/file.c:12:3" -> "file.c:12" */
static void take_where(struct known *k, char *line)
{
    char *slash = strrchr(line, '/'), *column = strrchr(line, ':');

    if (!strncmp(line, "??", 2) || !column)
        return;
    *column = 0;
    if (!strcmp(strrchr(line, ':') ? strrchr(line, ':') : "", ":0"))
        return;
    snprintf(k->where, sizeof(k->where), "%s", slash ? slash + 1 : line);
}

static void parse_answer(char *text, const void *const *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct known *k = remember(addresses[i]);
        char *function = next_line(&text), *where = function ? next_line(&text) : NULL;

        if (!where)
            return;
        if (strncmp(function, "??", 2))
            snprintf(k->function, sizeof(k->function), "%s", function);
        take_where(k, where);
        next_line(&text); /* the empty one between answers */
    }
}

/* Asks for up to BATCH addresses of one object. */
static void ask(const char *path, const void *const *addresses, const uint64_t *linked,
                size_t count)
{
    static char object[600], number[BATCH][24], answer[BATCH * 400];
    static const char *argv[BATCH + 8];
    struct host_child_state state;
    int fds[2], pid;
    size_t n = 0;

    if (host_pipe(fds))
        return;
    snprintf(object, sizeof(object), "--obj=%s", path);
    argv[n++] = "llvm-symbolizer-19";
    argv[n++] = object;
    argv[n++] = "--no-inlines";
    argv[n++] = "--no-demangle";
    for (size_t i = 0; i < count; i++) {
        snprintf(number[i], sizeof(number[i]), "0x%llx", (unsigned long long)linked[i]);
        argv[n++] = number[i];
    }
    argv[n] = NULL;
    pid = host_spawn(argv, -1, fds[1], -1);
    host_close(fds[1]);
    answer[0] = 0;
    if (pid > 0) {
        read_all(fds[0], answer, sizeof(answer));
        host_wait_child(pid, UINT64_MAX, &state);
    }
    host_close(fds[0]);
    parse_answer(answer, addresses, count);
}

/* Fills the cache for those addresses it does not hold. One run of the symbolizer for each object.
 */
static void look_up(const void *const *addresses, size_t count)
{
    const void *batch[BATCH];
    uint64_t linked[BATCH], at;
    const char *path;
    bool done[BATCH] = {false};

    for (size_t i = 0; i < count && i < BATCH; i++) {
        const char *object;
        size_t n = 0;

        if (done[i] || cached(addresses[i]) || !locate(addresses[i], &object, &at))
            continue;
        for (size_t j = i; j < count && j < BATCH; j++) {
            if (done[j] || !locate(addresses[j], &path, &at) || strcmp(path, object))
                continue;
            done[j] = true;
            batch[n] = addresses[j];
            linked[n++] = at;
        }
        ask(object, batch, linked, n);
    }
}

static void get(const void *address, struct known *out)
{
    const struct known *k;

    host_lock_acquire(&lock);
    look_up(&address, 1);
    k = cached(address);
    if (k)
        *out = *k;
    else
        memset(out, 0, sizeof(*out));
    host_lock_release(&lock);
}

void pe_prefetch_lines(void *const *addresses, size_t count)
{
    const void *list[BATCH];
    size_t n = 0;

    for (; n < count && n < BATCH; n++)
        list[n] = (const char *)addresses[n] - 1;
    host_lock_acquire(&lock);
    look_up(list, n);
    host_lock_release(&lock);
}

/* ---- descriptions ---- */

static void describe_host(const void *address, const void *at, char *buffer, size_t size)
{
    struct known k;
    const void *start;
    char symbol[96];

    get(at, &k);
    if (k.function[0])
        snprintf(buffer, size, "openflt!%s%s%s%s", k.function, k.where[0] ? " (" : "", k.where,
                 k.where[0] ? ")" : "");
    else if (host_symbol_of(address, symbol, sizeof(symbol), &start))
        snprintf(buffer, size, "%s+0x%llx", symbol,
                 (unsigned long long)((uintptr_t)address - (uintptr_t)start));
    else
        snprintf(buffer, size, "0x%016llx", (unsigned long long)(uintptr_t)address);
}

static void describe_driver(const struct pe_image *image, const void *address, const void *at,
                            char *buffer, size_t size)
{
    uint32_t rva = (uint32_t)((uintptr_t)address - (uintptr_t)image->base);
    const struct pe_section *section = pe_section_of(image->section, image->section_count, rva);
    const struct pe_symbol *symbol = symbol_of(image, rva);
    const char *gone = "";
    struct known k;

    if (image->init_gone && section && section->flags & PE_SCN_DISCARDABLE)
        gone = ", discarded after DriverEntry";
    get(at, &k);
    if (symbol)
        snprintf(buffer, size, "%s!%s+0x%x%s%s%s%s", image->name,
                 image->symbol_names + symbol->name, rva - symbol->rva, k.where[0] ? " (" : "",
                 k.where, k.where[0] ? ")" : "", gone);
    else
        snprintf(buffer, size, "%s+0x%x (%s%s)", image->name, rva,
                 section ? section->name : "headers", gone);
}

static const char *describe(const void *address, bool is_return, char *buffer, size_t size)
{
    const void *at = (const char *)address - is_return;
    const struct pe_image_record *r = pe_record_of(at);
    struct pe_image *image = r ? __atomic_load_n(&r->image, __ATOMIC_ACQUIRE) : NULL;
    struct host_registers regs = {.rip = (uint64_t)(uintptr_t)at};

    if (r && !image) {
        snprintf(buffer, size, "%s+0x%llx (unloaded)", r->name,
                 (unsigned long long)((uintptr_t)address - (uintptr_t)r->base));
    } else if (!image) {
        describe_host(address, at, buffer, size);
    } else {
        if (pe_leave_stub(image, &regs))
            address = at = (const void *)(uintptr_t)regs.rip;
        describe_driver(image, address, at, buffer, size);
    }
    return buffer;
}

const char *pe_describe_address(const void *address, char *buffer, size_t size)
{
    return describe(address, false, buffer, size);
}

const char *pe_describe_return(const void *address, char *buffer, size_t size)
{
    return describe(address, true, buffer, size);
}

const char *pe_source_line(const void *address, bool is_return, char *buffer, size_t size)
{
    struct known k;

    get((const char *)address - is_return, &k);
    snprintf(buffer, size, "%s", k.where);
    return buffer;
}

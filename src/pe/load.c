/* SPDX-License-Identifier: MIT */
/* Loading, unloading and the table of images. */
#include "pe/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RECORDS 512u

/*
 * Read without a lock from faults and stack walks: a record is filled before `record_count` counts
 * it and is never moved. The size is written last when a record is filled and first when it is
 * taken back, so that a reader sees a range only with the name that belongs to it. `lock`
 * serialises loads and unloads.
 */
static struct pe_image_record records[MAX_RECORDS];
static uint32_t record_count;
static host_lock lock;

__attribute__((ms_abi)) void (*pe_cr8_writer)(uint64_t irql);

void pe_set_cr8_writer(__attribute__((ms_abi)) void (*writer)(uint64_t irql))
{
    pe_cr8_writer = writer;
}

const struct pe_image_record *pe_record_of(const void *address)
{
    uint32_t n = __atomic_load_n(&record_count, __ATOMIC_ACQUIRE);
    const struct pe_image_record *gone = NULL;

    while (n--) {
        const struct pe_image_record *r = records + n;

        if ((uintptr_t)address - (uintptr_t)r->base >= __atomic_load_n(&r->size, __ATOMIC_ACQUIRE))
            continue;
        if (__atomic_load_n(&r->image, __ATOMIC_ACQUIRE))
            return r;
        if (!gone)
            gone = r;
    }
    return gone;
}

struct pe_image *pe_image_from_address(const void *address)
{
    const struct pe_image_record *r = pe_record_of(address);

    return r ? __atomic_load_n(&r->image, __ATOMIC_ACQUIRE) : NULL;
}

/* A record to fill: a new one, else that of the driver which was unloaded first; its range becomes
 * free. */
static struct pe_image_record *take_record(void)
{
    struct pe_image_record *oldest = NULL;

    if (record_count < MAX_RECORDS)
        return records + record_count;
    for (uint32_t i = 0; i < MAX_RECORDS; i++)
        if (!records[i].image && (!oldest || records[i].unloaded < oldest->unloaded))
            oldest = records + i;
    if (oldest) {
        uint32_t size = oldest->size;

        __atomic_store_n(&oldest->size, 0, __ATOMIC_RELEASE);
        if (size)
            host_unmap(oldest->base, size);
    }
    return oldest;
}

static bool publish(struct pe_image *image)
{
    struct pe_image_record *r = take_record();

    if (!r)
        return false;
    r->base = image->base;
    r->image = image;
    memcpy(r->name, image->name, sizeof(r->name));
    __atomic_store_n(&r->size, image->mapped, __ATOMIC_RELEASE);
    if (r == records + record_count)
        __atomic_store_n(&record_count, record_count + 1, __ATOMIC_RELEASE);
    return true;
}

static int final_protection(uint32_t flags)
{
    if (flags & PE_SCN_EXECUTE)
        return HOST_RX;
    return flags & PE_SCN_WRITE ? HOST_RW : HOST_READ;
}

/* Everything that needs the final address; the image is writable and not executable meanwhile. */
static uint32_t fix_up(struct pe_image *image, const struct pe_file *f, const struct pe_patches *p,
                       struct pe_error *error)
{
    uint32_t status = 0;

    for (uint32_t i = 0; i < f->section_count; i++)
        if (!f->section[i].debug && f->section[i].size)
            host_protect(image->base + f->section[i].rva, f->section[i].size, HOST_RW);
    status = pe_relocate(f, image->base, error);
    if (!status)
        pe_set_guard_pointers(f, image->base, p);
    for (uint32_t i = 0; i < f->section_count; i++)
        if (!f->section[i].debug && f->section[i].size &&
            host_protect(image->base + f->section[i].rva, f->section[i].size,
                         final_protection(f->section[i].flags)))
            status = pe_fail(error, PE_STATUS_NO_MEMORY,
                             "%s cannot be loaded: the host refuses to protect section %s", f->name,
                             f->section[i].name);
    return status;
}

/* A temporary folder mounted noexec cannot be mapped from: memory can, at the price of a name for
 * debuggers. */
static void *open_from_memory(const char *path, uint64_t *bias, char *why, size_t why_size)
{
    char self[64];
    void *data, *module = NULL;
    size_t size;
    int fd;

    if (host_read_file(path, &data, &size))
        return NULL;
    fd = host_memfd("driver", size);
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    if (fd >= 0 && host_pwrite(fd, data, size, 0) == (int64_t)size)
        module = host_module_open(self, bias, why, why_size);
    if (fd >= 0)
        host_close(fd);
    free(data);
    return module;
}

static uint32_t map_elf(struct pe_image *image, const struct pe_file *f, struct pe_error *error)
{
    char why[256];
    uint64_t bias;
    void *taken = NULL;

    /* The host takes the linked address when it is free. Below the limit of user space it must not
     * be. */
    if (f->preferred < HOST_USER_LIMIT)
        taken = host_map_at((void *)(uintptr_t)f->preferred, PE_PAGE, HOST_NONE);
    image->module = host_module_open(image->elf_path, &bias, why, sizeof(why));
    if (!image->module)
        image->module = open_from_memory(image->elf_path, &bias, why, sizeof(why));
    if (taken)
        host_unmap(taken, PE_PAGE);
    if (!image->module)
        return pe_fail(error, PE_STATUS_NO_MEMORY,
                       "%s cannot be loaded: the host's loader says: %s", f->name, why);
    image->base = (uint8_t *)(uintptr_t)(bias + f->preferred);
    return 0;
}

static void describe(struct pe_image *image, const struct pe_file *f, struct pe_patches *p)
{
    struct pe_function *copy = malloc(f->function_count * sizeof(*copy) + 1);

    if (!copy)
        abort();
    if (f->function_count)
        memcpy(copy, f->functions, f->function_count * sizeof(*copy));
    image->functions = copy;
    image->function_count = f->function_count;
    image->size = f->image_size;
    image->entry = f->entry;
    image->preferred = f->preferred;
    image->exports = f->directory[PE_DIR_EXPORT];
    memcpy(image->section, f->section, sizeof(image->section));
    image->section_count = f->section_count;
    image->stubs = p->map;
    image->stub_count = p->map_count;
    p->map = NULL;
    pe_take_symbols(image, f);
}

static void discard(struct pe_image *image)
{
    if (image->module)
        host_module_close(image->module);
    host_unlink(image->elf_path);
    free((void *)image->functions);
    free(image->stubs);
    free(image->symbols);
    free(image->symbol_names);
    free(image);
}

static uint32_t build(struct pe_file *f, const struct pe_bind_ops *ops, struct pe_image *image,
                      struct pe_error *error)
{
    static unsigned serial;
    struct pe_patches patches = {0};
    uint32_t status;

    snprintf(image->name, sizeof(image->name), "%s", f->name);
    /* A path of its own for each load: the host's loader takes equal paths for the same object. */
    snprintf(image->elf_path, sizeof(image->elf_path), "%s/%u-%s", host_temp_dir(), ++serial,
             image->name);
    status = pe_bind(f, ops, error);
    if (!status)
        status = pe_seed_cookie(f, ops->cookie, error);
    if (!status)
        status = pe_patch(f, &patches, error);
    if (!status)
        status = pe_write_elf(f, &patches, image->elf_path, &image->mapped, error);
    if (!status)
        status = map_elf(image, f, error);
    if (!status)
        status = fix_up(image, f, &patches, error);
    if (!status) {
        describe(image, f, &patches);
        if (!publish(image))
            status = pe_fail(error, PE_STATUS_NO_MEMORY,
                             "%s cannot be loaded: %u images are loaded, no more fit", f->name,
                             MAX_RECORDS);
    }
    pe_patches_free(&patches);
    return status;
}

uint32_t pe_load_memory(const char *name, const void *data, size_t size,
                        const struct pe_bind_ops *ops, struct pe_image **out,
                        struct pe_error *error)
{
    struct pe_file file;
    struct pe_image *image;
    uint32_t status = pe_parse(name, data, size, &file, error);

    if (status)
        return status;
    image = calloc(1, sizeof(*image));
    if (!image)
        abort();
    host_lock_acquire(&lock);
    status = build(&file, ops, image, error);
    host_lock_release(&lock);
    pe_file_free(&file);
    if (status)
        discard(image);
    else
        *out = image;
    return status;
}

uint32_t pe_load(const char *path, const struct pe_bind_ops *ops, struct pe_image **out,
                 struct pe_error *error)
{
    const char *slash = strrchr(path, '/');
    uint32_t status;
    void *data;
    size_t size;
    int e = host_read_file(path, &data, &size);

    if (e)
        return pe_fail(error, PE_STATUS_INVALID_IMAGE, "%s cannot be read: %s", path, strerror(-e));
    status = pe_load_memory(slash ? slash + 1 : path, data, size, ops, out, error);
    free(data);
    return status;
}

void pe_discard_init(struct pe_image *image)
{
    for (uint32_t i = 0; i < image->section_count; i++) {
        const struct pe_section *s = image->section + i;

        if (s->flags & PE_SCN_DISCARDABLE && !s->debug && s->size)
            host_protect(image->base + s->rva, s->size, HOST_NONE);
    }
    image->init_gone = true;
}

void pe_unload(struct pe_image *image)
{
    uint8_t *base = image->base;
    uint32_t mapped = image->mapped;
    static uint64_t unloads;

    struct pe_image_record *r = NULL;

    host_lock_acquire(&lock);
    for (uint32_t i = 0; i < record_count; i++)
        if (records[i].image == image)
            r = records + i;
    r->unloaded = ++unloads;
    __atomic_store_n(&r->image, NULL, __ATOMIC_RELEASE);
    discard(image);
    /* Keep the range, so that nothing else lands there and a late call is known for what it is. */
    if (!host_map_at(base, mapped, HOST_NONE))
        __atomic_store_n(&r->size, 0,
                         __ATOMIC_RELEASE); /* another thread was faster: no longer ours */
    host_lock_release(&lock);
}

const char *pe_image_name(const struct pe_image *image)
{
    return image->name;
}

void *pe_image_base(const struct pe_image *image)
{
    return image->base;
}

uint32_t pe_image_size(const struct pe_image *image)
{
    return image->size;
}

void *pe_image_entry(const struct pe_image *image)
{
    return image->base + image->entry;
}

void *pe_image_export(const struct pe_image *image, const char *name)
{
    const uint8_t *base = image->base;
    const uint32_t *d = (const uint32_t *)(base + image->exports.rva);
    uint32_t count, names, ordinals, functions;

    if (image->exports.size < 40 || image->exports.rva > image->size - 40)
        return NULL;
    count = d[6];
    functions = d[7];
    names = d[8];
    ordinals = d[9];
    if (count > 0x10000 || names > image->size || ordinals > image->size ||
        count * 4 > image->size - names || count * 2 > image->size - ordinals)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = ((const uint32_t *)(base + names))[i], index, rva;

        if (at >= image->size || strncmp((const char *)base + at, name, image->size - at))
            continue;
        index = ((const uint16_t *)(base + ordinals))[i];
        if (index >= d[5] || functions > image->size || index * 4 > image->size - functions - 4)
            return NULL;
        rva = ((const uint32_t *)(base + functions))[index];
        return rva < image->size ? image->base + rva : NULL;
    }
    return NULL;
}

/* SPDX-License-Identifier: MIT */
/* Shared objects through the host's loader, so that debuggers and profilers learn of them. */
#include "host/host.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

void *host_module_open(const char *path, uint64_t *bias, char *why, size_t why_size)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    struct link_map *map = NULL;

    if (!handle) {
        snprintf(why, why_size, "%s", dlerror());
        return NULL;
    }
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map)) {
        snprintf(why, why_size, "%s", dlerror());
        dlclose(handle);
        return NULL;
    }
    *bias = map->l_addr;
    return handle;
}

void host_module_close(void *handle)
{
    dlclose(handle);
}

bool host_symbol_of(const void *address, char *name, size_t size, const void **start)
{
    Dl_info info;

    if (!dladdr(address, &info) || !info.dli_sname)
        return false;
    snprintf(name, size, "%s", info.dli_sname);
    *start = info.dli_saddr;
    return true;
}

bool host_module_of(const void *address, const char **path, const void **base)
{
    Dl_info info;

    if (!dladdr(address, &info) || !info.dli_fname)
        return false;
    *path = info.dli_fname;
    *base = info.dli_fbase;
    return true;
}

const void *host_eh_frame_hdr(const void *pc)
{
    struct dl_find_object found;

    return _dl_find_object((void *)(uintptr_t)pc, &found) ? NULL : found.dlfo_eh_frame;
}

/* SPDX-License-Identifier: MIT */
/*
 * The NT user window (D15). On Linux every address of a process would pass a Windows probe, so one
 * low range is declared user space and nothing else is ever placed below HOST_USER_LIMIT. The
 * reservation lies below what ASan (shadow from 0x7fff8000) and valgrind (0x58000000) take for
 * themselves.
 *
 * The window's memory is an anonymous file that is mapped a second time, above the limit: that
 * alias is where kernel code finds the pages of a locked user buffer, whatever the user side may do
 * with its addresses meanwhile.
 */
#include "host/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BASE ((uintptr_t)0x10000000)
#define WINDOW_SIZE ((size_t)0x40000000)
#define GRAIN ((size_t)0x10000) /* NT's allocation granularity */
#define GRAINS (WINDOW_SIZE / GRAIN)

static struct {
    host_lock lock;
    bool ready;
    int fd;
    char *alias;
    uint8_t used[GRAINS];
    uint8_t
        prot[WINDOW_SIZE / HOST_PAGE]; /* read without the lock: a probe is a look, not a promise */
    size_t hint;
} window;

static int map_window(void)
{
    if (!host_map_at((void *)WINDOW_BASE, WINDOW_SIZE, HOST_NONE))
        return -ENOMEM;
    window.fd = host_memfd("nt-user", WINDOW_SIZE);
    if (window.fd < 0)
        return window.fd;
    if (!host_map_file((void *)WINDOW_BASE, window.fd, 0, WINDOW_SIZE, HOST_NONE))
        return -ENOMEM;
    window.alias = host_map_file(NULL, window.fd, 0, WINDOW_SIZE, HOST_RW);
    return window.alias ? 0 : -ENOMEM;
}

int host_window_init(void)
{
    int status = 0;

    host_lock_acquire(&window.lock);
    if (!window.ready) {
        status = map_window();
        window.ready = !status;
    }
    host_lock_release(&window.lock);
    return status;
}

/* First run of `count` free grains at or after `from`, or GRAINS. */
static size_t find_run(size_t from, size_t count)
{
    size_t run = 0;

    for (size_t i = from; i < GRAINS; i++) {
        run = window.used[i] ? 0 : run + 1;
        if (run == count)
            return i + 1 - count;
    }
    return GRAINS;
}

void *host_window_alloc(size_t bytes, int prot)
{
    size_t count = (bytes + GRAIN - 1) / GRAIN;
    size_t pages = (bytes + HOST_PAGE - 1) / HOST_PAGE * HOST_PAGE;
    size_t at;
    void *p = NULL;

    if (!count || count > GRAINS || host_window_init())
        return NULL;
    host_lock_acquire(&window.lock);
    /* Going round before reuse keeps a freed range unmapped for a while, so that a late use of it
     * faults. */
    at = find_run(window.hint, count);
    if (at == GRAINS)
        at = find_run(0, count);
    if (at < GRAINS) {
        p = (void *)(WINDOW_BASE + at * GRAIN);
        if (host_protect(p, pages, prot)) {
            p = NULL;
        } else {
            memset(window.used + at, 1, count);
            memset(window.prot + at * (GRAIN / HOST_PAGE), prot, pages / HOST_PAGE);
            window.hint = at + count < GRAINS ? at + count : 0;
        }
    }
    host_lock_release(&window.lock);
    return p;
}

int host_window_free(void *base, size_t bytes)
{
    size_t at = ((uintptr_t)base - WINDOW_BASE) / GRAIN;
    size_t count = (bytes + GRAIN - 1) / GRAIN;

    if ((uintptr_t)base < WINDOW_BASE || at + count > GRAINS || (uintptr_t)base % GRAIN)
        return -EINVAL;
    host_lock_acquire(&window.lock);
    /* The hole drops the pages; mapping the file again undoes whatever view was laid over the
     * range. */
    host_punch(window.fd, at * GRAIN, count * GRAIN);
    host_map_file(base, window.fd, at * GRAIN, count * GRAIN, HOST_NONE);
    memset(window.used + at, 0, count);
    memset(window.prot + at * (GRAIN / HOST_PAGE), 0, count * (GRAIN / HOST_PAGE));
    host_lock_release(&window.lock);
    return 0;
}

bool host_window_allows(const void *base, size_t n, bool write)
{
    uintptr_t first = ((uintptr_t)base - WINDOW_BASE) / HOST_PAGE;
    uintptr_t last = ((uintptr_t)base + n - 1 - WINDOW_BASE) / HOST_PAGE;
    int need = write ? HOST_RW : HOST_READ;

    if ((uintptr_t)base < WINDOW_BASE || last >= WINDOW_SIZE / HOST_PAGE || last < first)
        return false;
    for (uintptr_t i = first; i <= last; i++)
        if ((window.prot[i] & need) != need)
            return false;
    return true;
}

void *host_window_alias(const void *user)
{
    uintptr_t at = (uintptr_t)user - WINDOW_BASE;

    return window.ready && at < WINDOW_SIZE ? window.alias + at : NULL;
}

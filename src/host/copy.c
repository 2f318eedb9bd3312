/* SPDX-License-Identifier: MIT */
/*
 * Copies and probes that survive bad pointers. The kernel does the access on our behalf, so a bad
 * byte is an error number instead of a fault. Pages of a range with its own pager read as bad here;
 * their owner brings them in.
 */
#include "host/host.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

int host_copy_checked(void *dst, const void *src, size_t n)
{
    pid_t self = getpid();
    size_t done = 0;

    while (done < n) {
        struct iovec to = {(char *)dst + done, n - done};
        struct iovec from = {(void *)((uintptr_t)src + done), n - done};
        ssize_t r = process_vm_readv(self, &to, 1, &from, 1, 0);

        if (r <= 0)
            return -EFAULT;
        done += (size_t)r;
    }
    return 0;
}

int host_probe_pages(const void *base, size_t n, bool write)
{
    uintptr_t first = (uintptr_t)base & ~(uintptr_t)(HOST_PAGE - 1);
    size_t bytes;

    if (!n)
        return 0;
    if ((uintptr_t)base + n < (uintptr_t)base)
        return -EFAULT;
    bytes = (uintptr_t)base + n - first;
    bytes = (bytes + HOST_PAGE - 1) & ~(size_t)(HOST_PAGE - 1);
    while (madvise((void *)first, bytes, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ)) {
        if (errno != EINTR && errno != EAGAIN)
            return -EFAULT;
    }
    return 0;
}

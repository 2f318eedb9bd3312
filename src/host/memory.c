/* SPDX-License-Identifier: MIT */
/* Address space from the host. */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

static int prot_bits(int prot)
{
    return (prot & HOST_READ ? PROT_READ : 0) | (prot & HOST_WRITE ? PROT_WRITE : 0) |
           (prot & HOST_EXEC ? PROT_EXEC : 0);
}

static void *or_null(void *p)
{
    return p == MAP_FAILED ? NULL : p;
}

void *host_map(size_t bytes, int prot)
{
    return or_null(
        mmap(NULL, bytes, prot_bits(prot), MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

void *host_map_at(void *where, size_t bytes, int prot)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    void *p = mmap(where, bytes, prot_bits(prot), flags, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    if (p != where) {
        /* A kernel without MAP_FIXED_NOREPLACE took the address as a hint. */
        munmap(p, bytes);
        return NULL;
    }
    return p;
}

int host_unmap(void *base, size_t bytes)
{
    return munmap(base, bytes) ? -errno : 0;
}

int host_protect(void *base, size_t bytes, int prot)
{
    return mprotect(base, bytes, prot_bits(prot)) ? -errno : 0;
}

int host_memfd(const char *name, size_t bytes)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)bytes)) {
        int e = errno;
        close(fd);
        return -e;
    }
    return fd;
}

int host_memfd_resize(int fd, size_t bytes)
{
    return ftruncate(fd, (off_t)bytes) ? -errno : 0;
}

void *host_map_file(void *where, int fd, uint64_t offset, size_t bytes, int prot)
{
    int flags = MAP_SHARED | (where ? MAP_FIXED : 0);

    return or_null(mmap(where, bytes, prot_bits(prot), flags, fd, (off_t)offset));
}

int host_punch(int fd, uint64_t offset, uint64_t bytes)
{
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

    return fallocate(fd, mode, (off_t)offset, (off_t)bytes) ? -errno : 0;
}

void *host_map_shared(size_t bytes)
{
    return or_null(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

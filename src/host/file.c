/* SPDX-License-Identifier: MIT */
#include "host/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int host_open(const char *path, int flags, unsigned mode)
{
    int f = O_CLOEXEC;
    int fd;

    if ((flags & (HOST_O_READ | HOST_O_WRITE)) == (HOST_O_READ | HOST_O_WRITE))
        f |= O_RDWR;
    else
        f |= flags & HOST_O_WRITE ? O_WRONLY : O_RDONLY;
    f |= (flags & HOST_O_CREATE ? O_CREAT : 0) | (flags & HOST_O_TRUNC ? O_TRUNC : 0) |
         (flags & HOST_O_APPEND ? O_APPEND : 0) | (flags & HOST_O_EXCL ? O_EXCL : 0);
    fd = open(path, f, mode);
    return fd < 0 ? -errno : fd;
}

int host_close(int fd)
{
    return close(fd) ? -errno : 0;
}

int64_t host_pread(int fd, void *buffer, size_t n, uint64_t offset)
{
    ssize_t got;

    do
        got = pread(fd, buffer, n, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

int64_t host_pwrite(int fd, const void *buffer, size_t n, uint64_t offset)
{
    ssize_t put;

    do
        put = pwrite(fd, buffer, n, (off_t)offset);
    while (put < 0 && errno == EINTR);
    return put < 0 ? -errno : put;
}

int64_t host_read(int fd, void *buffer, size_t n)
{
    ssize_t got;

    do
        got = read(fd, buffer, n);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

int host_fsync(int fd)
{
    return fsync(fd) ? -errno : 0;
}

int host_ftruncate(int fd, uint64_t size)
{
    return ftruncate(fd, (off_t)size) ? -errno : 0;
}

static int64_t ns_of(struct timespec ts)
{
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int host_stat_path(const char *path, bool follow, struct host_stat *out)
{
    struct stat st;

    if (follow ? stat(path, &st) : lstat(path, &st))
        return -errno;
    *out = (struct host_stat){
        .size = (uint64_t)st.st_size,
        .ino = st.st_ino,
        .mode = st.st_mode & 07777,
        .dir = S_ISDIR(st.st_mode),
        .regular = S_ISREG(st.st_mode),
        .link = S_ISLNK(st.st_mode),
        .atime_ns = ns_of(st.st_atim),
        .mtime_ns = ns_of(st.st_mtim),
        .ctime_ns = ns_of(st.st_ctim),
    };
    return 0;
}

static struct timespec ts_of(int64_t ns)
{
    int64_t s = ns / 1000000000;
    int64_t rest = ns % 1000000000;

    if (rest < 0) {
        rest += 1000000000;
        s--;
    }
    return (struct timespec){s, rest};
}

int host_set_times(const char *path, int64_t atime_ns, int64_t mtime_ns)
{
    struct timespec ts[2] = {ts_of(atime_ns), ts_of(mtime_ns)};

    return utimensat(AT_FDCWD, path, ts, 0) ? -errno : 0;
}

int host_mkdir(const char *path, unsigned mode)
{
    return mkdir(path, mode) ? -errno : 0;
}

int host_unlink(const char *path)
{
    return unlink(path) ? -errno : 0;
}

int host_rmdir(const char *path)
{
    return rmdir(path) ? -errno : 0;
}

int host_rename(const char *from, const char *to)
{
    return rename(from, to) ? -errno : 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int collect_names(DIR *dir, char ***names, size_t *count)
{
    struct dirent *e;
    size_t room = 0;

    *names = NULL;
    *count = 0;
    while ((e = readdir(dir))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (*count == room) {
            char **grown = realloc(*names, (room = room ? room * 2 : 64) * sizeof(char *));
            if (!grown)
                return -ENOMEM;
            *names = grown;
        }
        if (!((*names)[*count] = strdup(e->d_name)))
            return -ENOMEM;
        (*count)++;
    }
    return 0;
}

int host_list_dir(const char *path, int (*fn)(const char *name, void *arg), void *arg)
{
    DIR *dir = opendir(path);
    char **names;
    size_t count;
    int status;

    if (!dir)
        return -errno;
    status = collect_names(dir, &names, &count);
    closedir(dir);
    if (!status)
        qsort(names, count, sizeof(*names), by_bytes);
    for (size_t i = 0; i < count; i++) {
        if (!status)
            status = fn(names[i], arg);
        free(names[i]);
    }
    free(names);
    return status;
}

int host_read_file(const char *path, void **data, size_t *size)
{
    int fd = host_open(path, HOST_O_READ, 0);
    struct stat st;
    char *p = NULL;
    size_t have = 0, room;
    int64_t n;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) || S_ISDIR(st.st_mode)) {
        close(fd);
        return -EISDIR;
    }
    room = (size_t)st.st_size + 1;
    do {
        /* Pipes and /proc files have no size: grow while there is more. */
        char *grown = have + 1 >= room || !p
                          ? realloc(p, room = have + 1 >= room ? room * 2 + 4096 : room)
                          : p;
        if (!grown) {
            n = -ENOMEM;
            break;
        }
        p = grown;
        n = host_read(fd, p + have, room - have - 1);
        have += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    close(fd);
    if (n < 0) {
        free(p);
        return (int)n;
    }
    p[have] = 0;
    *data = p;
    *size = have;
    return 0;
}

int host_write_all(int fd, const void *data, size_t n)
{
    const char *p = data;

    while (n) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        p += put;
        n -= (size_t)put;
    }
    return 0;
}

int host_write_file(const char *path, const void *data, size_t size)
{
    int fd = host_open(path, HOST_O_WRITE | HOST_O_CREATE | HOST_O_TRUNC, 0666);
    int status;

    if (fd < 0)
        return fd;
    status = host_write_all(fd, data, size);
    if (close(fd) && !status)
        status = -errno;
    return status;
}

int host_realpath(const char *path, char *out, size_t size)
{
    char full[PATH_MAX];

    if (!realpath(path, full))
        return -errno;
    if (strlen(full) >= size)
        return -ENAMETOOLONG;
    strcpy(out, full);
    return 0;
}

/* ---- the private folder ---- */

static char temp_path[128];
static int temp_owner;
static host_lock temp_lock;

static int remove_entry(const char *name, void *arg)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", (const char *)arg, name);
    unlink(path);
    return 0;
}

static void remove_temp_dir(void)
{
    if (temp_owner != getpid())
        return;
    host_list_dir(temp_path, remove_entry, temp_path);
    rmdir(temp_path);
}

const char *host_temp_dir(void)
{
    const char *result = temp_path;

    host_lock_acquire(&temp_lock);
    if (!temp_path[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(temp_path, sizeof(temp_path), "%s/openflt-XXXXXX",
                 base && strlen(base) < 100 ? base : "/tmp");
        if (mkdtemp(temp_path)) {
            temp_owner = getpid();
            atexit(remove_temp_dir);
        } else {
            temp_path[0] = 0;
            result = NULL;
        }
    }
    host_lock_release(&temp_lock);
    return result;
}

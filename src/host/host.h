/* SPDX-License-Identifier: MIT */
/*
 * host.h - the one boundary to the operating system. Nothing outside src/host includes an OS
 * header.
 *
 * Functions return 0 or a value on success and a negative errno on failure; none of them knows
 * NTSTATUS. None of them is a place where NT code may block: NT code waits through src/ke, which is
 * the only caller of host_park().
 */
#ifndef OPENFLT_HOST_H
#define OPENFLT_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- memory (memory.c)
 * ---------------------------------------------------------------------------------- */

enum { HOST_NONE = 0, HOST_READ = 1, HOST_WRITE = 2, HOST_EXEC = 4, HOST_RW = 3, HOST_RX = 5 };

#define HOST_PAGE 4096u

/* Address space, page-rounded, zeroed. NULL when the host has none left. */
void *host_map(size_t bytes, int prot);
/* The same at exactly `where`; NULL when any page of the range is taken. */
void *host_map_at(void *where, size_t bytes, int prot);
int host_unmap(void *base, size_t bytes);
int host_protect(void *base, size_t bytes, int prot);
/* An anonymous shared file of `bytes`; returns a descriptor. */
int host_memfd(const char *name, size_t bytes);
int host_memfd_resize(int fd, size_t bytes);
/* Maps [offset, offset+bytes) of fd; `where` NULL lets the host choose, else the range is replaced.
 */
void *host_map_file(void *where, int fd, uint64_t offset, size_t bytes, int prot);
/* Gives the range of a shared file back to the host: it reads as zeros afterwards in every mapping.
 */
int host_punch(int fd, uint64_t offset, uint64_t bytes);
/* Shared with children of this process (the supervisor's report area). */
void *host_map_shared(size_t bytes);

/* ---- NT user window (window.c, D15)
 * --------------------------------------------------------------------- */

/*
 * NT user space is a low range that is reserved at start; everything above HOST_USER_LIMIT is
 * kernel space. The limit, not the reservation, is what probes answer by.
 */
#define HOST_USER_FIRST ((uintptr_t)0x00010000)
#define HOST_USER_LIMIT ((uintptr_t)0x7fff0000)
int host_window_init(void);
void *host_window_alloc(size_t bytes, int prot);
int host_window_free(void *base, size_t bytes);
/* Every page of the range is allocated in the window with this access. Says nothing about what is
 * mapped over it. */
bool host_window_allows(const void *base, size_t n, bool write);
/* The same memory at an address above the limit: how kernel code reaches user pages. NULL outside
 * of the window. */
void *host_window_alias(const void *user);
static inline bool host_is_user_range(const void *p, size_t n)
{
    uintptr_t a = (uintptr_t)p;
    return a + n >= a && a + n <= HOST_USER_LIMIT;
}

/* ---- copies that survive bad pointers (copy.c)
 * ------------------------------------------------------------ */

/* Copies n bytes; -EFAULT when a byte of either side is not there or not allowed. What was copied
 * before stays. */
int host_copy_checked(void *dst, const void *src, size_t n);
/* Every page of the range is there and may be read (written); brings it in. 0 or -EFAULT. Contents
 * stay as they are. */
int host_probe_pages(const void *base, size_t n, bool write);

/* ---- locks and parking (park.c)
 * ------------------------------------------------------------------------- */

/* A short host lock for host-side tables. Never held across a call into NT code; ke has its own
 * locks on top. */
typedef struct host_lock {
    uint32_t word;
} host_lock;
void host_lock_acquire(host_lock *lock);
bool host_lock_try(host_lock *lock);
void host_lock_release(host_lock *lock);

/* One waiter, any number of wakers; a wake before the wait is kept. */
typedef struct host_parker {
    uint32_t token;
} host_parker;
/* deadline: host_monotonic_ns() value, or 0 for none. Returns true when woken, false when the time
 * is over. */
bool host_park(host_parker *parker, uint64_t deadline);
void host_unpark(host_parker *parker);

/* ---- clock and random (clock.c)
 * ------------------------------------------------------------------------- */

uint64_t host_monotonic_ns(void);
/* Nanoseconds since 1970-01-01 UTC. */
uint64_t host_realtime_ns(void);
uint64_t host_thread_cpu_ns(void);
void host_sleep_ns(uint64_t ns);
void host_random(void *buffer, size_t bytes);

/* ---- instruction counts (counters.c)
 * --------------------------------------------------------------------- */

/*
 * Instructions of user mode that fn(arg) executes in the calling thread, each repetition of a
 * string instruction counted; -1 when they cannot be counted (a debugger traces the process). About
 * a microsecond an instruction; fn is run once.
 */
int64_t host_count_instructions(void (*fn)(void *arg), void *arg);

/* ---- threads (thread.c)
 * --------------------------------------------------------------------------------- */

typedef struct host_thread host_thread;
typedef void host_thread_fn(void *arg);

/* Starts a thread on a guarded stack of `stack` bytes (0: 1 MiB). The handle is given back by
 * host_thread_join. */
int host_thread_start(const char *name, size_t stack, host_thread_fn *fn, void *arg,
                      host_thread **out);
void host_thread_join(host_thread *thread);
/* Stack bounds of the calling thread: [low, high). */
void host_thread_stack(uintptr_t *low, uintptr_t *high);
int host_thread_id(void);
void host_thread_yield(void);
/* CPU time used by another thread of this process, by its host_thread_id; 0 when it is gone. */
uint64_t host_thread_cpu_ns_of(int tid);
/* Sets the gs base of the calling thread (wrgsbase, else arch_prctl). */
void host_set_gs(void *base);
void *host_get_gs(void);
/* Makes `fn` run on thread `tid` of this process in signal context, for stack samples; waits up to
 * 1 s. */
struct host_registers; /* fault.h */
bool host_thread_sample(int tid, void (*fn)(const struct host_registers *regs, void *arg),
                        void *arg);
unsigned host_cpus(void);
/* A full memory barrier on every running thread of this process: the dear half of a plain-store hot
 * path (barrier.c). */
void host_heavy_barrier(void);
/* Takes the dear part of the first barrier early: to be called while the process has one thread. */
void host_barrier_init(void);
/* Calls fn(arg) when the calling thread ends, last registered first. 0, or -1 without memory. */
int host_thread_at_exit(void (*fn)(void *arg), void *arg);

/* ---- files (file.c)
 * ------------------------------------------------------------------------------------- */

struct host_stat {
    uint64_t size;
    uint64_t ino;
    uint32_t mode; /* permission bits */
    bool dir, regular, link;
    int64_t atime_ns, mtime_ns, ctime_ns;
};
enum {
    HOST_O_READ = 1,
    HOST_O_WRITE = 2,
    HOST_O_CREATE = 4,
    HOST_O_TRUNC = 8,
    HOST_O_APPEND = 16,
    HOST_O_EXCL = 32
};
int host_open(const char *path, int flags, unsigned mode);
int host_close(int fd);
int64_t host_pread(int fd, void *buffer, size_t n, uint64_t offset);
int64_t host_pwrite(int fd, const void *buffer, size_t n, uint64_t offset);
int host_fsync(int fd);
int host_ftruncate(int fd, uint64_t size);
int host_stat_path(const char *path, bool follow, struct host_stat *out);
int host_set_times(const char *path, int64_t atime_ns, int64_t mtime_ns);
int host_mkdir(const char *path, unsigned mode);
int host_unlink(const char *path);
int host_rmdir(const char *path);
int host_rename(const char *from, const char *to);
/* Calls fn for every name but . and .. in byte order; stops at the first non-zero result and
 * returns it. */
int host_list_dir(const char *path, int (*fn)(const char *name, void *arg), void *arg);
/* Whole file into malloc'ed memory, with a terminating zero behind it; the caller frees. */
int host_read_file(const char *path, void **data, size_t *size);
int host_write_file(const char *path, const void *data, size_t size);
/* Writes everything, retrying short writes; the way all output goes out. */
int host_write_all(int fd, const void *data, size_t n);
int host_realpath(const char *path, char *out, size_t size);
/* A fresh private folder, removed with its contents at normal exit. */
const char *host_temp_dir(void);

/* ---- processes (process.c)
 * ------------------------------------------------------------------------------ */

enum host_end { HOST_RUNNING, HOST_EXITED, HOST_SIGNALED };
struct host_child_state {
    enum host_end end;
    int code; /* exit status or signal number */
};
int host_fork(void);
/* Waits up to timeout_ns (UINT64_MAX: for ever) for a child; end is HOST_RUNNING when the time is
 * over. */
int host_wait_child(int pid, uint64_t timeout_ns, struct host_child_state *out);
int host_kill(int pid, int signal_number);
/* True while a child is stopped by a debugger or a job-control signal. */
bool host_process_stopped(int pid);
/* Runs argv[0] from PATH; stdin/out/err descriptors or -1 to inherit. Returns the pid. */
int host_spawn(const char *const argv[], int in, int out, int err);
int host_pipe(int fds[2]);
int64_t host_read(int fd, void *buffer, size_t n);
_Noreturn void host_exit_now(int status);
int host_pid(void);
const char *host_env(const char *name);
/* Absolute path of the running program. */
int host_self_path(char *out, size_t size);
/* Replaces this process. */
int host_exec(const char *path, const char *const argv[]);
/* The child dies with its parent. Called in a child right after host_fork. */
void host_die_with_parent(void);
bool host_is_terminal(int fd);

/* ---- shared objects (module.c)
 * -------------------------------------------------------------------------- */

/* Maps a shared object through the host's loader. `bias`: load address minus linked address. NULL:
 * `why` says it. */
void *host_module_open(const char *path, uint64_t *bias, char *why, size_t why_size);
void host_module_close(void *handle);
/* Dynamic symbol an address lies in; false when none is known. */
bool host_symbol_of(const void *address, char *name, size_t size, const void **start);
/* File and load address of the shared object or program an address lies in. */
bool host_module_of(const void *address, const char **path, const void **base);

/* Header of the unwind table (.eh_frame_hdr) of the object `pc` lies in, NULL when it has none;
 * lock-free. */
const void *host_eh_frame_hdr(const void *pc);

/* ---- switches (features.c): OPENFLT_HOST=no-userfaultfd,no-wrgsbase,...
 * ---------------------------------- */

bool host_feature_off(const char *name);

#endif

/* SPDX-License-Identifier: MIT */
#include "host/fault.h"
#include "host/host.h"
#include "host/fault.h"

#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

struct host_thread {
    pthread_t id;
    host_thread_fn *fn;
    void *arg;
    char name[16];
};

static void *thread_main(void *p)
{
    host_thread *t = p;

    pthread_setname_np(pthread_self(), t->name);
    host_fault_thread_attach();
    t->fn(t->arg);
    host_fault_thread_detach();
    return NULL;
}

int host_thread_start(const char *name, size_t stack, host_thread_fn *fn, void *arg,
                      host_thread **out)
{
    host_thread *t = calloc(1, sizeof(*t));
    pthread_attr_t attr;
    int e;

    if (!t)
        return -ENOMEM;
    t->fn = fn;
    t->arg = arg;
    snprintf(t->name, sizeof(t->name), "%s", name);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, stack ? stack : (size_t)1 << 20);
    pthread_attr_setguardsize(&attr, 16 * HOST_PAGE);
    e = pthread_create(&t->id, &attr, thread_main, t);
    pthread_attr_destroy(&attr);
    if (e) {
        free(t);
        return -e;
    }
    *out = t;
    return 0;
}

void host_thread_join(host_thread *thread)
{
    pthread_join(thread->id, NULL);
    free(thread);
}

void host_thread_stack(uintptr_t *low, uintptr_t *high)
{
    pthread_attr_t attr;
    void *base = NULL;
    size_t size = 0;

    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &base, &size);
    pthread_attr_destroy(&attr);
    *low = (uintptr_t)base;
    *high = (uintptr_t)base + size;
}

int host_thread_id(void)
{
    static __thread int tid;

    if (!tid)
        tid = (int)syscall(SYS_gettid);
    return tid;
}

void host_thread_yield(void)
{
    sched_yield();
}

uint64_t host_thread_cpu_ns_of(int tid)
{
    struct timespec ts;
    /* The kernel's clock id of a thread's CPU time: ~tid << 3 | per-thread | SCHED. */
    clockid_t id = (clockid_t)((~(unsigned)tid << 3) | 6u);

    if (clock_gettime(id, &ts))
        return 0;
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

unsigned host_cpus(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n > 0 ? (unsigned)n : 1;
}

/* FSGSBASE shows in AT_HWCAP2 bit 1 only when the kernel lets user code use it; valgrind hides it.
 */
static bool have_wrgsbase(void)
{
    static int8_t state;

    if (!state)
        state = (getauxval(AT_HWCAP2) & 2) && !host_feature_off("wrgsbase") ? 1 : -1;
    return state > 0;
}

void host_set_gs(void *base)
{
    if (have_wrgsbase())
        __asm__ volatile("wrgsbase %0" ::"r"(base) : "memory");
    else
        syscall(SYS_arch_prctl, ARCH_SET_GS, base);
}

void *host_get_gs(void)
{
    void *base = NULL;

    if (have_wrgsbase())
        __asm__ volatile("rdgsbase %0" : "=r"(base));
    else
        syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
    return base;
}

/* ---- stack samples: one request at a time, answered in the target's signal handler ---- */

static struct {
    host_lock lock;
    bool installed;
    void (*fn)(const struct host_registers *, void *);
    void *arg;
    host_parker done;
} sample;

static void sample_signal(int signo, siginfo_t *info, void *context)
{
    static const int map[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};
    const ucontext_t *uc = context;
    void (*fn)(const struct host_registers *, void *) =
        __atomic_exchange_n(&sample.fn, NULL, __ATOMIC_ACQ_REL);
    struct host_registers r;
    int saved = errno;

    (void)signo;
    (void)info;
    if (fn) {
        for (int i = 0; i < 16; i++)
            r.gp[i] = (uint64_t)uc->uc_mcontext.gregs[map[i]];
        r.rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
        r.rflags = (uint64_t)uc->uc_mcontext.gregs[REG_EFL];
        fn(&r, sample.arg);
        host_unpark(&sample.done);
    }
    errno = saved;
}

bool host_thread_sample(int tid, void (*fn)(const struct host_registers *, void *), void *arg)
{
    bool ok;

    host_lock_acquire(&sample.lock);
    if (!sample.installed) {
        struct sigaction sa = {.sa_sigaction = sample_signal,
                               .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
        sigaction(SIGURG, &sa, NULL);
        sample.installed = true;
    }
    sample.done.token = 0;
    sample.arg = arg;
    __atomic_store_n(&sample.fn, fn, __ATOMIC_RELEASE);
    ok = !syscall(SYS_tgkill, getpid(), tid, SIGURG) &&
         host_park(&sample.done, host_monotonic_ns() + 1000000000u);
    if (!ok && !__atomic_exchange_n(&sample.fn, NULL, __ATOMIC_ACQ_REL))
        ok = host_park(&sample.done, host_monotonic_ns() + 1000000000u);
    host_lock_release(&sample.lock);
    return ok;
}

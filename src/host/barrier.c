/* SPDX-License-Identifier: MIT */
/* A memory barrier on every thread of the process, and a call at a thread's end. */
#include "host/host.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static host_lock lock;
static int state; /* 1: membarrier, -1: page protection */

/*
 * Where the kernel has no membarrier: taking write access from a page that was just written makes
 * the kernel interrupt every CPU that may have it in its TLB, which is every CPU running this
 * process.
 */
static void barrier_by_protection(void)
{
    static char *page;

    if (!page)
        page = mmap(NULL, HOST_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page, HOST_PAGE, PROT_READ | PROT_WRITE);
    *(volatile char *)page = 1;
    mprotect(page, HOST_PAGE, PROT_READ);
}

static void choose(void)
{
    if (!state)
        state = !host_feature_off("membarrier") &&
                        !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0)
                    ? 1
                    : -1;
}

/*
 * With a second thread the registration waits until every CPU of the host has passed through its
 * scheduler, 10 ms and more; alone it returns at once.
 */
void host_barrier_init(void)
{
    host_lock_acquire(&lock);
    choose();
    host_lock_release(&lock);
}

void host_heavy_barrier(void)
{
    atomic_thread_fence(memory_order_seq_cst);
    host_lock_acquire(&lock);
    choose();
    if (state < 0 || syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0))
        barrier_by_protection();
    host_lock_release(&lock);
    atomic_thread_fence(memory_order_seq_cst);
}

struct exit_call {
    void (*fn)(void *arg);
    void *arg;
    struct exit_call *next;
};

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void run_exit_calls(void *p)
{
    struct exit_call *c = p;

    while (c) {
        struct exit_call *next = c->next;

        c->fn(c->arg);
        free(c);
        c = next;
    }
}

static void make_key(void)
{
    pthread_key_create(&key, run_exit_calls);
}

int host_thread_at_exit(void (*fn)(void *arg), void *arg)
{
    struct exit_call *c = malloc(sizeof(*c));

    if (!c)
        return -1;
    pthread_once(&key_once, make_key);
    c->fn = fn;
    c->arg = arg;
    c->next = pthread_getspecific(key);
    pthread_setspecific(key, c);
    return 0;
}

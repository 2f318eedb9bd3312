/* SPDX-License-Identifier: MIT */
/* Locks and parking on futexes: small enough to live inside NT-sized structures. */
#include "host/host.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long futex_wait(uint32_t *word, uint32_t value, uint64_t deadline)
{
    struct timespec ts = {(time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u)};

    /* FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time: no drift over retries. */
    return syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, deadline ? &ts : NULL, NULL,
                   FUTEX_BITSET_MATCH_ANY);
}

static void futex_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* 0 free, 1 held, 2 held and somebody sleeps. */
void host_lock_acquire(host_lock *lock)
{
    uint32_t seen = 0;

    if (__atomic_compare_exchange_n(&lock->word, &seen, 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE))
        futex_wait(&lock->word, 2, 0);
}

bool host_lock_try(host_lock *lock)
{
    uint32_t seen = 0;

    return __atomic_compare_exchange_n(&lock->word, &seen, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

void host_lock_release(host_lock *lock)
{
    if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
        futex_wake(&lock->word);
}

/* token: 0 nothing, 1 a wake is kept, 2 the owner sleeps. */
bool host_park(host_parker *parker, uint64_t deadline)
{
    uint32_t seen = 1;

    for (;;) {
        if (__atomic_compare_exchange_n(&parker->token, &seen, 0, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
        seen = 0;
        if (!__atomic_compare_exchange_n(&parker->token, &seen, 2, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED) &&
            seen == 1)
            continue;
        if (futex_wait(&parker->token, 2, deadline) && errno == ETIMEDOUT) {
            /* A wake may have come between the time-out and here; it then counts. */
            return __atomic_exchange_n(&parker->token, 0, __ATOMIC_ACQUIRE) == 1;
        }
        seen = 1;
    }
}

void host_unpark(host_parker *parker)
{
    if (__atomic_exchange_n(&parker->token, 1, __ATOMIC_RELEASE) == 2)
        futex_wake(&parker->token);
}

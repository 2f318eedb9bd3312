/* SPDX-License-Identifier: MIT */
#include "host/host.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t host_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t host_realtime_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t host_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void host_sleep_ns(uint64_t ns)
{
    struct timespec ts = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
        ;
}

void host_random(void *buffer, size_t bytes)
{
    char *p = buffer;

    while (bytes) {
        ssize_t n = getrandom(p, bytes, 0);
        if (n > 0) {
            p += n;
            bytes -= (size_t)n;
        }
    }
}

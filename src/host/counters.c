/* SPDX-License-Identifier: MIT */
/*
 * Instruction counts. Performance counters of the CPU are missing in most virtual machines and
 * forbidden in most containers, so the processor's single-step trap counts instead: slow, exact,
 * and the same everywhere. Not under a debugger, which takes the traps for itself.
 */
#include "host/host.h"

#include <signal.h>
#include <string.h>
#include <sys/ucontext.h>

#define TRAP_FLAG 0x100u

static __thread int64_t steps;

static void on_step(int signo, siginfo_t *info, void *context)
{
    (void)signo, (void)info, (void)context;
    steps++;
}

static int64_t step_through(void (*fn)(void *arg), void *arg)
{
    steps = 0;
    /* Below the red zone: pushf writes to the stack. */
    __asm__ volatile(
        "lea -128(%%rsp), %%rsp\n\tpushfq\n\torl %0, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp"
        :
        : "i"(TRAP_FLAG)
        : "memory", "cc");
    fn(arg);
    __asm__ volatile(
        "lea -128(%%rsp), %%rsp\n\tpushfq\n\tandl %0, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp"
        :
        : "i"(~TRAP_FLAG)
        : "memory", "cc");
    return steps;
}

static void nothing(void *arg)
{
    __asm__ volatile("" : : "r"(arg) : "memory");
}

int64_t host_count_instructions(void (*fn)(void *arg), void *arg)
{
    struct sigaction mine = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO | SA_RESTART}, before;
    int64_t empty, all;

    if (sigaction(SIGTRAP, &mine, &before))
        return -1;
    empty = step_through(nothing, arg);
    all = step_through(fn, arg);
    sigaction(SIGTRAP, &before, NULL);
    return empty > 0 && all > empty ? all - empty : -1;
}

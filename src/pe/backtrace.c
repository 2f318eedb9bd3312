/* SPDX-License-Identifier: MIT */
/* Stack traces through driver and host frames. */
#include "pe/image.h"
#include "pe/unwind.h"

#include <string.h>

/* What the caller of this macro would have to restore to return to its own caller: enough to start
 * a walk from. */
#define CAPTURE(regs)                                                                              \
    __asm__ volatile("lea 0(%%rip), %%rax\n\tmov %%rax, %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2\n\t"  \
                     "mov %%rbx, %3\n\tmov %%r12, %4\n\tmov %%r13, %5\n\tmov %%r14, %6\n\t"        \
                     "mov %%r15, %7\n\tmov %%rsi, %8\n\tmov %%rdi, %9"                             \
                     : "=m"((regs)->rip), "=m"((regs)->gp[HOST_RSP]), "=m"((regs)->gp[HOST_RBP]),  \
                       "=m"((regs)->gp[HOST_RBX]), "=m"((regs)->gp[HOST_R12]),                     \
                       "=m"((regs)->gp[HOST_R13]), "=m"((regs)->gp[HOST_R14]),                     \
                       "=m"((regs)->gp[HOST_R15]), "=m"((regs)->gp[HOST_RSI]),                     \
                       "=m"((regs)->gp[HOST_RDI])                                                  \
                     :                                                                             \
                     : "rax", "memory")

/*
 * One frame of either kind outwards. `after_call` tells that rip is a return address, and is
 * updated: behind a signal or machine frame rip is the interrupted instruction itself.
 */
static bool step(struct host_registers *r, bool *after_call)
{
    struct pe_image *image = pe_image_from_address((const void *)(uintptr_t)(r->rip - *after_call));
    struct pe_unwind_result result;
    bool signal_frame = false, ok;

    if (!image) {
        struct host_registers before = *r;

        ok = pe_unwind_host(r, NULL, *after_call, &signal_frame);
        if (!ok && !*after_call) {
            /* A jump into nowhere: the call that made it has its return address on the stack still.
             */
            *r = before;
            signal_frame = false;
            ok = pe_read_stack(r->gp[HOST_RSP], &r->rip, 8);
            r->gp[HOST_RSP] += 8;
        }
        *after_call = !signal_frame;
        return ok;
    }
    pe_leave_stub(image, r);
    ok = pe_virtual_unwind(image, r, NULL, 0, &result);
    *after_call = !result.machine_frame;
    return ok;
}

static bool plausible(const struct host_registers *r, uint64_t last_sp)
{
    return r->rip > 4096 && r->gp[HOST_RSP] > last_sp && r->gp[HOST_RSP] % 8 == 0;
}

static size_t walk(struct host_registers *r, bool after_call, void **frames, size_t max)
{
    size_t n = 0;

    while (n < max) {
        uint64_t last_sp = r->gp[HOST_RSP];

        frames[n++] = (void *)(uintptr_t)r->rip;
        if (!step(r, &after_call) || !plausible(r, last_sp))
            break;
    }
    return n;
}

__attribute__((noinline)) size_t pe_backtrace(const struct host_registers *start, void **frames,
                                              size_t max)
{
    struct host_registers r = {0};
    bool after_call = false;

    if (start) {
        r = *start;
        return walk(&r, false, frames, max);
    }
    CAPTURE(&r);
    if (!step(&r, &after_call))
        return 0;
    return walk(&r, after_call, frames, max);
}

__attribute__((noinline)) void *pe_innermost_driver_frame(void)
{
    struct host_registers r = {0};
    bool after_call = false;
    uint64_t last_sp;

    CAPTURE(&r);
    do {
        last_sp = r.gp[HOST_RSP];
        if (pe_image_from_address((const void *)(uintptr_t)r.rip))
            return (void *)(uintptr_t)r.rip;
    } while (step(&r, &after_call) && plausible(&r, last_sp));
    return NULL;
}

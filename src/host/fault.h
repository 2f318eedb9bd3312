/* SPDX-License-Identifier: MIT */
/*
 * fault.h - CPU faults turned into calls (D16).
 *
 * SIGSEGV, SIGBUS, SIGILL, SIGTRAP and SIGFPE raised by an instruction do not run anything in the
 * signal handler: it saves the interrupted context (with the whole XSAVE area) on the faulting
 * thread's own stack, below the red zone, and returns into a trampoline. The trampoline calls the
 * handlers below as ordinary code, which may wait, run drivers, fault again, unwind or never come
 * back; when one says HANDLED the saved context, as changed, is resumed. Only a stack that cannot
 * carry this (overflow, rsp gone wild) is dealt with on the alternate stack, by the fatal hook.
 */
#ifndef OPENFLT_HOST_FAULT_H
#define OPENFLT_HOST_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbered as instructions encode them, which is also the order of the Windows CONTEXT. */
enum host_register {
    HOST_RAX,
    HOST_RCX,
    HOST_RDX,
    HOST_RBX,
    HOST_RSP,
    HOST_RBP,
    HOST_RSI,
    HOST_RDI,
    HOST_R8,
    HOST_R9,
    HOST_R10,
    HOST_R11,
    HOST_R12,
    HOST_R13,
    HOST_R14,
    HOST_R15
};

struct host_registers {
    uint64_t gp[16];
    uint64_t rip, rflags;
};

enum host_fault_kind {
    HOST_FAULT_ACCESS,     /* page fault, or a non-canonical address (then `address` is unknown) */
    HOST_FAULT_PROTECTION, /* general protection: privileged instruction, int n, non-canonical
                              address */
    HOST_FAULT_ILLEGAL,    /* no such instruction */
    HOST_FAULT_TRAP,       /* int3 or single step; rip is behind an int3 */
    HOST_FAULT_ARITHMETIC, /* divide error */
    HOST_FAULT_BUS,        /* page without backing: userfaultfd ranges, truncated files */
};

struct host_fault {
    enum host_fault_kind kind;
    int signal_number, code;
    uint64_t trap, error; /* processor's vector and error code as the kernel tells them */
    uint64_t address;     /* of the access; valid when has_address */
    bool has_address, write, execute;
    bool nested;                /* raised while this thread was already reporting a fault */
    struct host_registers regs; /* changed values are loaded on resume */
    void *xmm;                  /* 16 registers of 16 bytes in the saved area; likewise */
    uint32_t *mxcsr;
    uintptr_t stack_low, stack_high;
};

enum host_fault_result { HOST_FAULT_PASS, HOST_FAULT_HANDLED };
typedef enum host_fault_result host_fault_fn(struct host_fault *fault);

/* Handlers are asked in rising rank. */
enum {
    HOST_FAULT_RANK_PAGING = 10,
    HOST_FAULT_RANK_EMULATE = 20,
    HOST_FAULT_RANK_SEH = 30,
    HOST_FAULT_RANK_REPORT = 90
};

/* Installs the signal handlers; idempotent. The calling thread is attached too. */
int host_fault_init(void);
/* Every thread that may fault calls attach once: alternate stack, stack bounds. Detach gives the
 * stack back. */
int host_fault_thread_attach(void);
void host_fault_thread_detach(void);
/* NT code that moves to another stack tells so; returns the old bounds to be set again on return.
 */
void host_fault_set_stack(uintptr_t low, uintptr_t high, uintptr_t *old_low, uintptr_t *old_high);
/* The calling thread's bounds, at the cost of two loads; false when it never attached. */
bool host_fault_stack(uintptr_t *low, uintptr_t *high);
int host_fault_add_handler(int rank, host_fault_fn *fn);
/*
 * The fatal hook runs on the alternate stack, in signal context, when nothing else can be trusted:
 * it may only write what is prepared and end the process. Without one, a line goes to standard
 * error and the process ends with 70.
 */
typedef void host_fatal_fn(const struct host_fault *fault, const char *why);
void host_fault_set_fatal(host_fatal_fn *fn);
/*
 * The calling thread is about to report: its next fault goes to the fatal hook, and so does a
 * report that takes longer than `seconds` (a lock of the heap may be held by the code that
 * faulted).
 */
void host_fault_begin_report(unsigned seconds);
/*
 * For a stack walk that passes the trampoline of a fault: xmm0-15 and mxcsr as they were when it
 * happened. `frame` is the stack pointer of the trampoline's frame.
 */
void host_fault_frame_xmm(uint64_t frame, void *xmm, uint32_t *mxcsr);
/* Reads memory that may be absent, through the kernel: returns how many bytes could be read. */
size_t host_safe_read(const void *from, void *to, size_t n);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Where a fault continues: on the thread's own stack, as if the faulting instruction had called.
 *
 * On entry rdi and rsp are the saved frame (host_fault_frame in fault.c), 16-byte aligned; every
 * other register still holds the interrupted value. host_fault_dispatch() runs the handlers; when
 * it returns, rt_sigreturn loads the saved context, whose ucontext starts at the address it gives
 * back.
 */
    .text
    .globl host_fault_trampoline
    .hidden host_fault_trampoline
    .type host_fault_trampoline, @function
host_fault_trampoline:
    .cfi_startproc simple
    .cfi_signal_frame
    /* The caller's registers are in the ucontext at rsp: general registers from byte 40, in the
       order of the C library's REG_ constants. CFA: the saved rsp. */
    .cfi_escape 0x0f, 4, 0x77, 0xa0, 0x01, 0x06
    .cfi_escape 0x10, 8, 2, 0x77, 0x28          /* r8 */
    .cfi_escape 0x10, 9, 2, 0x77, 0x30
    .cfi_escape 0x10, 10, 2, 0x77, 0x38
    .cfi_escape 0x10, 11, 3, 0x77, 0xc0, 0x00
    .cfi_escape 0x10, 12, 3, 0x77, 0xc8, 0x00
    .cfi_escape 0x10, 13, 3, 0x77, 0xd0, 0x00
    .cfi_escape 0x10, 14, 3, 0x77, 0xd8, 0x00
    .cfi_escape 0x10, 15, 3, 0x77, 0xe0, 0x00   /* r15 */
    .cfi_escape 0x10, 5, 3, 0x77, 0xe8, 0x00    /* rdi */
    .cfi_escape 0x10, 4, 3, 0x77, 0xf0, 0x00    /* rsi */
    .cfi_escape 0x10, 6, 3, 0x77, 0xf8, 0x00    /* rbp */
    .cfi_escape 0x10, 3, 3, 0x77, 0x80, 0x01    /* rbx */
    .cfi_escape 0x10, 1, 3, 0x77, 0x88, 0x01    /* rdx */
    .cfi_escape 0x10, 0, 3, 0x77, 0x90, 0x01    /* rax */
    .cfi_escape 0x10, 2, 3, 0x77, 0x98, 0x01    /* rcx */
    .cfi_escape 0x10, 16, 3, 0x77, 0xa8, 0x01   /* rip */
    call host_fault_dispatch
    mov %rax, %rsp
    mov $15, %eax                   /* rt_sigreturn */
    syscall
    ud2
    .cfi_endproc
    .size host_fault_trampoline, .-host_fault_trampoline
    .section .note.GNU-stack, "", @progbits

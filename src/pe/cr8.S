/* SPDX-License-Identifier: MIT */
/*
 * pe_cr8_write_entry: what a patched `mov cr8, reg` calls, from the middle of any driver function. One argument of
 * eight bytes on the stack, dropped on return; every register and the flags are kept.
 */
    .text
    .globl pe_cr8_write_entry
    .hidden pe_cr8_write_entry
    .type pe_cr8_write_entry, @function
pe_cr8_write_entry:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    pushfq
    push %rax
    push %rcx
    push %rdx
    push %r8
    push %r9
    push %r10
    push %r11
    cld
    and $-16, %rsp
    sub $128, %rsp                  /* xmm0-5 and the callee's 32-byte home area */
    movups %xmm0, 32(%rsp)
    movups %xmm1, 48(%rsp)
    movups %xmm2, 64(%rsp)
    movups %xmm3, 80(%rsp)
    movups %xmm4, 96(%rsp)
    movups %xmm5, 112(%rsp)
    mov 16(%rbp), %rcx
    call *pe_cr8_writer(%rip)
    movups 32(%rsp), %xmm0
    movups 48(%rsp), %xmm1
    movups 64(%rsp), %xmm2
    movups 80(%rsp), %xmm3
    movups 96(%rsp), %xmm4
    movups 112(%rsp), %xmm5
    lea -64(%rbp), %rsp
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdx
    pop %rcx
    pop %rax
    popfq
    pop %rbp
    .cfi_def_cfa %rsp, 8
    ret $8
    .cfi_endproc
    .size pe_cr8_write_entry, .-pe_cr8_write_entry
    .section .note.GNU-stack, "", @progbits

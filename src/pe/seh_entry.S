/* SPDX-License-Identifier: MIT */
/* Taking and loading of whole register sets; layouts: struct seh_walk (seh.h) and the Windows CONTEXT. */

#define WALK_GP 0
#define WALK_RIP 128
#define WALK_RFLAGS 136
#define WALK_XMM 144
#define WALK_MXCSR 400
#define WALK_AFTER_CALL 404

#define CONTEXT_FLAGS 0x30
#define CONTEXT_MXCSR 0x34
#define CONTEXT_EFLAGS 0x44
#define CONTEXT_RAX 0x78
#define CONTEXT_RIP 0xf8
#define CONTEXT_FLTSAVE 0x100
#define FULL 0x10000f           /* control, integer, segments, floating point */

    .text

/* void PexCapture(struct seh_walk *Walk), System V */
    .globl PexCapture
    .hidden PexCapture
    .type PexCapture, @function
PexCapture:
    .cfi_startproc
    mov %rax, WALK_GP+0(%rdi)
    mov %rcx, WALK_GP+8(%rdi)
    mov %rdx, WALK_GP+16(%rdi)
    mov %rbx, WALK_GP+24(%rdi)
    lea 8(%rsp), %rax
    mov %rax, WALK_GP+32(%rdi)
    mov %rbp, WALK_GP+40(%rdi)
    mov %rsi, WALK_GP+48(%rdi)
    mov %rdi, WALK_GP+56(%rdi)
    mov %r8, WALK_GP+64(%rdi)
    mov %r9, WALK_GP+72(%rdi)
    mov %r10, WALK_GP+80(%rdi)
    mov %r11, WALK_GP+88(%rdi)
    mov %r12, WALK_GP+96(%rdi)
    mov %r13, WALK_GP+104(%rdi)
    mov %r14, WALK_GP+112(%rdi)
    mov %r15, WALK_GP+120(%rdi)
    mov (%rsp), %rax
    mov %rax, WALK_RIP(%rdi)
    movq $0x202, WALK_RFLAGS(%rdi)
    .set i, 0
    .irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movups %xmm\r, WALK_XMM+16*i(%rdi)
    .set i, i+1
    .endr
    stmxcsr WALK_MXCSR(%rdi)
    movb $1, WALK_AFTER_CALL(%rdi)
    ret
    .cfi_endproc
    .size PexCapture, .-PexCapture

/*
 * void PexResume(const struct seh_walk *Walk): loads everything. The target address travels through the word below the
 * target stack pointer, which belongs to no one on Windows.
 */
    .globl PexResume
    .hidden PexResume
    .type PexResume, @function
PexResume:
    .cfi_startproc
    .cfi_undefined rip
    .set i, 0
    .irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movups WALK_XMM+16*i(%rdi), %xmm\r
    .set i, i+1
    .endr
    ldmxcsr WALK_MXCSR(%rdi)
    cld
    mov WALK_GP+0(%rdi), %rax
    mov WALK_GP+16(%rdi), %rdx
    mov WALK_GP+24(%rdi), %rbx
    mov WALK_GP+40(%rdi), %rbp
    mov WALK_GP+48(%rdi), %rsi
    mov WALK_GP+64(%rdi), %r8
    mov WALK_GP+72(%rdi), %r9
    mov WALK_GP+80(%rdi), %r10
    mov WALK_GP+88(%rdi), %r11
    mov WALK_GP+96(%rdi), %r12
    mov WALK_GP+104(%rdi), %r13
    mov WALK_GP+112(%rdi), %r14
    mov WALK_GP+120(%rdi), %r15
    mov WALK_GP+32(%rdi), %rsp
    push WALK_RIP(%rdi)
    mov WALK_GP+8(%rdi), %rcx
    mov WALK_GP+56(%rdi), %rdi
    ret
    .cfi_endproc
    .size PexResume, .-PexResume

/* VOID RtlCaptureContext(PCONTEXT Context), Windows convention: the caller's registers behind the call. */
    .globl RtlCaptureContext
    .hidden RtlCaptureContext
    .type RtlCaptureContext, @function
RtlCaptureContext:
    .cfi_startproc
    pushfq
    .cfi_def_cfa_offset 16
    movl $FULL, CONTEXT_FLAGS(%rcx)
    mov %cs, 0x38(%rcx)
    mov %ds, 0x3a(%rcx)
    mov %es, 0x3c(%rcx)
    mov %fs, 0x3e(%rcx)
    mov %gs, 0x40(%rcx)
    mov %ss, 0x42(%rcx)
    mov %rax, CONTEXT_RAX+0(%rcx)
    mov %rcx, CONTEXT_RAX+8(%rcx)
    mov %rdx, CONTEXT_RAX+16(%rcx)
    mov %rbx, CONTEXT_RAX+24(%rcx)
    lea 16(%rsp), %rax
    mov %rax, CONTEXT_RAX+32(%rcx)
    mov %rbp, CONTEXT_RAX+40(%rcx)
    mov %rsi, CONTEXT_RAX+48(%rcx)
    mov %rdi, CONTEXT_RAX+56(%rcx)
    mov %r8, CONTEXT_RAX+64(%rcx)
    mov %r9, CONTEXT_RAX+72(%rcx)
    mov %r10, CONTEXT_RAX+80(%rcx)
    mov %r11, CONTEXT_RAX+88(%rcx)
    mov %r12, CONTEXT_RAX+96(%rcx)
    mov %r13, CONTEXT_RAX+104(%rcx)
    mov %r14, CONTEXT_RAX+112(%rcx)
    mov %r15, CONTEXT_RAX+120(%rcx)
    mov 8(%rsp), %rax
    mov %rax, CONTEXT_RIP(%rcx)
    fxsave64 CONTEXT_FLTSAVE(%rcx)
    stmxcsr CONTEXT_MXCSR(%rcx)
    mov (%rsp), %eax
    mov %eax, CONTEXT_EFLAGS(%rcx)
    mov CONTEXT_RAX(%rcx), %rax
    popfq
    .cfi_def_cfa_offset 8
    ret
    .cfi_endproc
    .size RtlCaptureContext, .-RtlCaptureContext
    .section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT */
/*
 * The shared ends of the generated thunks. A thunk jumps here with the row's index in r10d and everything else as the
 * driver left it: r10 and r11 are the only registers the Windows convention lets a thunk spoil.
 */
    .text
    .hidden ApixHooks
    .hidden ApixBodies
    .hidden ApixEnter
    .hidden ApixMissing
    .hidden ApixMissingUnlisted

/* Layout of the frame below rbp: struct api_frame, then the index, then the shadow space of the calls. */
#define FRAME_SIZE 0xe0
#define AT_SHADOW 0x00
#define AT_INDEX 0x28
#define AT_FRAME 0x30
#define AT_RAX 0x30
#define AT_RCX 0x38
#define AT_RDX 0x40
#define AT_R8 0x48
#define AT_R9 0x50
#define AT_XMM(n) (0x60 + 16 * (n))

    .globl ApixSlow
    .hidden ApixSlow
    .type ApixSlow, @function
    .p2align 5
ApixSlow:
    .cfi_startproc
    cmpb $0, ApixHooks(%rip)
    je .Lbody
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register %rbp
    subq $FRAME_SIZE, %rsp
    andq $-16, %rsp
    movq %rax, AT_RAX(%rsp)
    movq %rcx, AT_RCX(%rsp)
    movq %rdx, AT_RDX(%rsp)
    movq %r8, AT_R8(%rsp)
    movq %r9, AT_R9(%rsp)
    movaps %xmm0, AT_XMM(0)(%rsp)
    movaps %xmm1, AT_XMM(1)(%rsp)
    movaps %xmm2, AT_XMM(2)(%rsp)
    movaps %xmm3, AT_XMM(3)(%rsp)
    movaps %xmm4, AT_XMM(4)(%rsp)
    movaps %xmm5, AT_XMM(5)(%rsp)
    movl %r10d, AT_INDEX(%rsp)
    movl %r10d, %ecx
    movq 8(%rbp), %rdx
    leaq 16(%rbp), %r8
    leaq AT_FRAME(%rsp), %r9
    call ApixEnter
    testb %al, %al
    movq AT_RAX(%rsp), %rax
    movq AT_RCX(%rsp), %rcx
    movq AT_RDX(%rsp), %rdx
    movq AT_R8(%rsp), %r8
    movq AT_R9(%rsp), %r9
    movaps AT_XMM(0)(%rsp), %xmm0
    movaps AT_XMM(1)(%rsp), %xmm1
    movaps AT_XMM(2)(%rsp), %xmm2
    movaps AT_XMM(3)(%rsp), %xmm3
    movaps AT_XMM(4)(%rsp), %xmm4
    movaps AT_XMM(5)(%rsp), %xmm5
    movl AT_INDEX(%rsp), %r10d
    movq %rbp, %rsp
    popq %rbp
    .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    je .Lbody
    ret
.Lbody:
    leaq ApixBodies(%rip), %r11
    movq (%r11, %r10, 8), %r11
    testq %r11, %r11
    je .Lmissing
    jmp *%r11
.Lmissing:
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register %rbp
    andq $-16, %rsp
    movl %r10d, %edi
    movq 8(%rbp), %rsi
    call ApixMissing
    ud2
    .cfi_endproc
    .size ApixSlow, . - ApixSlow

    .type unlisted_entry, @function
unlisted_entry:
    .cfi_startproc
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register %rbp
    andq $-16, %rsp
    movl %r10d, %edi
    movq 8(%rbp), %rsi
    call ApixMissingUnlisted
    ud2
    .cfi_endproc
    .size unlisted_entry, . - unlisted_entry

/*
 * One trap for each name the table does not know. They are made here rather than at load time so that no page has to
 * be writable and executable in turn. API_TRAPS and the 16 byte step are repeated in api.c.
 */
#define API_TRAPS 1024
    .globl ApixTraps
    .hidden ApixTraps
    .type ApixTraps, @function
    .p2align 4
ApixTraps:
    .cfi_startproc
    .set trap, 0
    .rept API_TRAPS
    .p2align 4
    movl $trap, %r10d
    jmp unlisted_entry
    .set trap, trap + 1
    .endr
    .cfi_endproc
    .size ApixTraps, . - ApixTraps

    .section .note.GNU-stack, "", @progbits

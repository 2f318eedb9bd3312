# SPDX-License-Identifier: MIT
# __chkstk: touches each page of a large frame (rax bytes below the caller's stack pointer), so that the guard page is
# met where it is. All registers but r10 and r11 are kept; the caller subtracts rax itself.
        .text
        .globl  __chkstk
        .def    __chkstk
        .scl    2
        .type   32
        .endef
__chkstk:
        lea     8(%rsp), %r10
        mov     %r10, %r11
        sub     %rax, %r10
        and     $-4096, %r11
        and     $-4096, %r10
1:      cmp     %r10, %r11
        jbe     2f
        sub     $4096, %r11
        testb   $0, (%r11)
        jmp     1b
2:      ret

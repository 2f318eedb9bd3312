/* SPDX-License-Identifier: MIT */
/*
 * try.h - __try for our own rooms. A file system calls the cache, the cache raises; a system
 * service touches a user buffer, the buffer is not there: on Windows both stand inside a __try of
 * the kernel's C code. Here they do this:
 *
 *     static void Copy(void *Argument) { ... CcCopyRead(...) ... }
 *     ...
 *     Status = KexTry(Copy, &Arguments);      the exception's status, or STATUS_SUCCESS when Copy
 * came to its end
 *
 * An exception raised in Body or in anything it calls, and a fault on a user address, end Body at
 * once; __finally blocks of drivers between the raise and here run first, __except blocks nearer to
 * it win. What Body held it must have noted for its caller to release: locks of ours (KEX_LOCK) are
 * never held across code that may raise.
 */
#ifndef OPENFLT_KE_TRY_H
#define OPENFLT_KE_TRY_H

#include <ntifs.h>
#include <setjmp.h>
#include <stdint.h>

typedef struct _KEX_TRY {
    struct _KEX_TRY *Outer;
    volatile NTSTATUS Status;
    jmp_buf Back;
} KEX_TRY;

NTSTATUS KexTry(void (*Body)(void *Argument), void *Argument);
/* The calling thread's innermost record; for the dispatcher of exceptions, which takes records off
 * as it passes them. */
KEX_TRY **KexTryHead(void);

/* The dispatcher is about to continue at this stack pointer: expanded stacks that are left are
 * taken off (stack.c). */
void KexStackLanding(uintptr_t Sp);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Defaults of a build with sanitizers. Faults belong to our own handlers (D16); a pool allocation
 * that the host cannot give must fail as on Windows; leaks are judged by the machine's own books, and
 * a process that ends with worker threads waiting is how a machine usually stops.
 */
#include "host/host.h"

const char *__asan_default_options(void);
const char *__tsan_default_options(void);

__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_"
           "sigfpe=0:"
           "handle_abort=0:use_sigaltstack=0:detect_leaks=0:detect_stack_use_after_return=0";
}

__attribute__((visibility("default"))) const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1:report_thread_leaks=0:handle_segv=0:handle_sigbus=0:"
           "handle_sigill=0:handle_sigfpe=0:handle_abort=0:use_sigaltstack=0";
}

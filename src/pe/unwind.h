/* SPDX-License-Identifier: MIT */
#ifndef OPENFLT_PE_UNWIND_H
#define OPENFLT_PE_UNWIND_H

#include "host/fault.h"

/* Reads the stack: directly inside the thread's own bounds, through the kernel elsewhere. */
bool pe_read_stack(uint64_t address, void *to, size_t n);

/*
 * cfi.c: one host frame outwards by the host's own .eh_frame: regs (and xmm, when not NULL) become
 * the caller's. False at the end of the stack, or where there is no description. `after_call`: rip
 * is a return address.
 */
bool pe_unwind_host(struct host_registers *regs, void *xmm, bool after_call, bool *signal_frame);

#endif

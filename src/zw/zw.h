/* SPDX-License-Identifier: MIT */
/*
 * zw.h - system calls. Each call has one body. NtX runs it with the previous mode the thread has;
 * ZwX sets the previous mode to KernelMode around it, as the system service does for kernel
 * callers.
 */
#ifndef OPENFLT_ZW_ZW_H
#define OPENFLT_ZW_ZW_H

#include "io/io.h"

NTSTATUS ZwxStart(void);
void ZwxEnd(void);

#endif

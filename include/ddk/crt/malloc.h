/* SPDX-License-Identifier: MIT */
/* Stack allocation; the heap of the kernel is its pool. */
#ifndef OPENFLT_CRT_MALLOC_H
#define OPENFLT_CRT_MALLOC_H

#include "crtdefs.h"

#ifndef _alloca
#define _alloca(size) __builtin_alloca(size)
#endif
#define alloca(size)  __builtin_alloca(size)

#endif

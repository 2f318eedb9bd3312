/* SPDX-License-Identifier: MIT */
/* The compiler's own. */
#include_next <stdarg.h>

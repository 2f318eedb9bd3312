/* SPDX-License-Identifier: MIT */
/* The compiler's intrinsics under their Microsoft names. */
#include_next <intrin.h>

/* SPDX-License-Identifier: MIT */
/* The older name of string.h. */
#include "string.h"

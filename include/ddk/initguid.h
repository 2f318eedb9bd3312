/* SPDX-License-Identifier: MIT */
/* From here on DEFINE_GUID defines its GUID in this translation unit. */
#ifndef INITGUID
#define INITGUID
#endif
#include "guiddef.h"

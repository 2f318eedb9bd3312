/* SPDX-License-Identifier: MIT */
/* wdm.h and the routines of drivers that are not pure WDM. */
#ifndef _NTDDK_
#define _NTDDK_

#include "wdm.h"

#endif

/* SPDX-License-Identifier: MIT */
/* ntddk.h and what file systems and their filters need on top. */
#ifndef _NTIFS_
#define _NTIFS_

#include "ntddk.h"
#include "nt/fs_types.h"
#include "nt/fsrtl_types.h"
#include "nt/cc_types.h"
#include "nt/cc.h"
#include "nt/fsrtl.h"
#include "nt/undocumented.h"

#endif

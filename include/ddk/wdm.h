/* SPDX-License-Identifier: MIT */
/* What a kernel driver includes first; ntddk.h, ntifs.h and fltKernel.h build on it. */
#ifndef _WDMDDK_
#define _WDMDDK_

#include "ntdef.h"
#include "ntstatus.h"
#include "nt/types.h"
#include "nt/ke_types.h"
#include "nt/ex_types.h"
#include "nt/mm_types.h"
#include "nt/se_types.h"
#include "nt/file_types.h"
#include "nt/pnp_types.h"
#include "nt/io_types.h"

#endif

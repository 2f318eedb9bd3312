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
#include "nt/rtl_types.h"
#include "nt/interlocked.h"
#include "nt/dbg.h"

#endif
#include "nt/rtl.h"
#include "nt/rtl_table.h"
#include "nt/ke.h"
#include "nt/ex.h"
#include "nt/mm.h"
#include "nt/ob.h"
#include "nt/ps.h"
#include "nt/se.h"
#include "nt/io.h"
#include "nt/cm.h"
#include "nt/zw.h"
#include "nt/etw.h"

/* SPDX-License-Identifier: MIT */
/* Event tracing; all of it is in nt/etw.h. */
#ifndef OPENFLT_DDK_EVNTPROV_H
#define OPENFLT_DDK_EVNTPROV_H

#include "nt/etw.h"

#endif

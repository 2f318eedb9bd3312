/* SPDX-License-Identifier: MIT */
/* Integer types; all of them are in ntdef.h. */
#ifndef OPENFLT_DDK_BASETSD_H
#define OPENFLT_DDK_BASETSD_H

#include "ntdef.h"



#endif

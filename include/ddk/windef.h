/* SPDX-License-Identifier: MIT */
/* Types of the user-mode headers that drivers use too; all of them are in ntdef.h. */
#ifndef OPENFLT_DDK_WINDEF_H
#define OPENFLT_DDK_WINDEF_H

#include "ntdef.h"



#endif

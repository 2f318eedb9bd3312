/* SPDX-License-Identifier: MIT */
/* Annotations of drivers; all of them are in sal.h. */
#ifndef OPENFLT_DDK_DRIVERSPECS_H
#define OPENFLT_DDK_DRIVERSPECS_H

#include "sal.h"



#endif

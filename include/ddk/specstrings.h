/* SPDX-License-Identifier: MIT */
/* Annotations; all of them are in sal.h. */
#ifndef OPENFLT_DDK_SPECSTRINGS_H
#define OPENFLT_DDK_SPECSTRINGS_H

#include "sal.h"



#endif

/* SPDX-License-Identifier: MIT */
/* Device types and control codes, for sources that include only this. */
#ifndef OPENFLT_DDK_DEVIOCTL_H
#define OPENFLT_DDK_DEVIOCTL_H

#include "nt/pnp_types.h"



#endif

/* SPDX-License-Identifier: MIT */
/* Wide characters: strings, formatting and classes. */
#ifndef OPENFLT_CRT_WCHAR_H
#define OPENFLT_CRT_WCHAR_H

#include "string.h"
#include "stdio.h"
#include "stdlib.h"
#include "wctype.h"



#endif

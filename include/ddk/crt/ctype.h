/* SPDX-License-Identifier: MIT */
/* Classes of characters: what ntoskrnl.exe exports of the C library. */
#ifndef OPENFLT_CRT_CTYPE_H
#define OPENFLT_CRT_CTYPE_H

#include "wctype.h"

OF_CRT_BEGIN

int __cdecl isalpha(int c);
int __cdecl isdigit(int c);
int __cdecl islower(int c);
int __cdecl isupper(int c);
int __cdecl isprint(int c);
int __cdecl isspace(int c);
int __cdecl isxdigit(int c);
int __cdecl toupper(int c);
int __cdecl tolower(int c);
#define isalnum(c)   (isalpha(c) || isdigit(c))
#define __isascii(c) ((unsigned)(c) < 0x80)
#define isascii(c)   __isascii(c)

OF_CRT_END

#endif

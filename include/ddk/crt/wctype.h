/* SPDX-License-Identifier: MIT */
/* Classes of wide characters: what ntoskrnl.exe exports of the C library. */
#ifndef OPENFLT_CRT_WCTYPE_H
#define OPENFLT_CRT_WCTYPE_H

#include "crtdefs.h"

OF_CRT_BEGIN

#define WEOF     ((wint_t)0xFFFF)
#define _UPPER   0x01
#define _LOWER   0x02
#define _DIGIT   0x04
#define _SPACE   0x08
#define _PUNCT   0x10
#define _CONTROL 0x20
#define _BLANK   0x40
#define _HEX     0x80
#define _ALPHA   (0x0100 | _UPPER | _LOWER)

int __cdecl iswctype(wint_t c, wctype_t type);
int __cdecl iswalpha(wint_t c);
int __cdecl iswdigit(wint_t c);
int __cdecl iswspace(wint_t c);
int __cdecl iswxdigit(wint_t c);
int __cdecl iswalnum(wint_t c);
wint_t __cdecl towupper(wint_t c);
wint_t __cdecl towlower(wint_t c);
#define iswupper(c) iswctype((c), _UPPER)
#define iswlower(c) iswctype((c), _LOWER)
#define iswpunct(c) iswctype((c), _PUNCT)
#define iswprint(c) iswctype((c), _BLANK | _PUNCT | _ALPHA | _DIGIT)
#define iswcntrl(c) iswctype((c), _CONTROL)

OF_CRT_END

#endif

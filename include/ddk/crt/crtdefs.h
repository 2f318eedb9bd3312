/* SPDX-License-Identifier: MIT */
/* What a driver's C headers share: sizes, errno_t, linkage. */
#ifndef OPENFLT_CRT_CRTDEFS_H
#define OPENFLT_CRT_CRTDEFS_H

#include <stddef.h>
#include <stdarg.h>

typedef int errno_t;
typedef unsigned short wint_t;
typedef unsigned short wctype_t;
typedef size_t rsize_t;
typedef long long __time64_t;
typedef long long time_t;
#ifndef _INTPTR_T_DEFINED
#define _INTPTR_T_DEFINED
typedef long long intptr_t;
#endif
#ifndef _UINTPTR_T_DEFINED
#define _UINTPTR_T_DEFINED
typedef unsigned long long uintptr_t;
#endif

#define _CRTIMP
#define _CRTIMP2
#define _ACRTIMP
#define _VCRTIMP
#define __CRTDECL __cdecl
#define _CONST_RETURN
#define _TRUNCATE ((size_t)-1)
#ifndef _countof
#define _countof(a) (sizeof(a) / sizeof((a)[0]))
#endif

#if defined(__cplusplus)
#define OF_CRT_BEGIN extern "C" {
#define OF_CRT_END   }
#else
#define OF_CRT_BEGIN
#define OF_CRT_END
#endif

/* The kernel exports no errno: these are what its secure routines return. */
#define EPERM     1
#define ENOENT    2
#define EINTR     4
#define EIO       5
#define ENOMEM    12
#define EACCES    13
#define EINVAL    22
#define ERANGE    34
#define EILSEQ    42
#define STRUNCATE 80

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Bounded string routines: they never write behind the buffer, always terminate, and say
 * STATUS_BUFFER_OVERFLOW when they had to cut. All inline; only formatting calls the kernel.
 */
#ifndef _NTSTRSAFE_H_INCLUDED_
#define _NTSTRSAFE_H_INCLUDED_

#include "ntdef.h"
#include "ntstatus.h"
#include "nt/rtl.h"
#if defined(_WIN32)
#include "crt/stdio.h"
#endif

#define NTSTRSAFE_MAX_CCH    2147483647
#define NTSTRSAFE_MAX_LENGTH (NTSTRSAFE_MAX_CCH - 1)
#define NTSTRSAFE_UNICODE_STRING_MAX_CCH (0xffff / sizeof(wchar_t))
#define STRSAFE_IGNORE_NULLS     0x00000100
#define STRSAFE_FILL_BEHIND_NULL 0x00000200
#define STRSAFE_FILL_ON_FAILURE  0x00000400
#define STRSAFE_NULL_ON_FAILURE  0x00000800
#define STRSAFE_NO_TRUNCATION    0x00001000
#define STRSAFE_ZERO_LENGTH_ON_FAILURE 0x00000800
#define STRSAFE_FILL_BYTE(x)    ((ULONG)(((x) & 0x000000ff) | STRSAFE_FILL_BEHIND_NULL))
#define STRSAFE_FAILURE_BYTE(x) ((ULONG)(((x) & 0x000000ff) | STRSAFE_FILL_ON_FAILURE))

typedef char *NTSTRSAFE_PSTR;
typedef const char *NTSTRSAFE_PCSTR;
typedef wchar_t *NTSTRSAFE_PWSTR;
typedef const wchar_t *NTSTRSAFE_PCWSTR;

#define NTSTRSAFE_INLINE FORCEINLINE
#define NTSTRSAFE_VARIADIC static inline __attribute__((unused))

NT_BEGIN_C

#define NT_SAFE_CHAR   wchar_t
#define NT_SAFE(name)  Rtl##name##W
#define NT_SAFE_FORMAT _vsnwprintf
#include "nt/strsafe_forms.inc"
#undef NT_SAFE_CHAR
#undef NT_SAFE
#undef NT_SAFE_FORMAT

#define NT_SAFE_CHAR   char
#define NT_SAFE(name)  Rtl##name##A
#define NT_SAFE_FORMAT _vsnprintf
#include "nt/strsafe_forms.inc"
#undef NT_SAFE_CHAR
#undef NT_SAFE
#undef NT_SAFE_FORMAT

#if defined(UNICODE)
#define RtlStringCchCopy   RtlStringCchCopyW
#define RtlStringCbCopy    RtlStringCbCopyW
#define RtlStringCchCat    RtlStringCchCatW
#define RtlStringCbCat     RtlStringCbCatW
#define RtlStringCchPrintf RtlStringCchPrintfW
#define RtlStringCbPrintf  RtlStringCbPrintfW
#define RtlStringCchLength RtlStringCchLengthW
#define RtlStringCbLength  RtlStringCbLengthW
#else
#define RtlStringCchCopy   RtlStringCchCopyA
#define RtlStringCbCopy    RtlStringCbCopyA
#define RtlStringCchCat    RtlStringCchCatA
#define RtlStringCbCat     RtlStringCbCatA
#define RtlStringCchPrintf RtlStringCchPrintfA
#define RtlStringCbPrintf  RtlStringCbPrintfA
#define RtlStringCchLength RtlStringCchLengthA
#define RtlStringCbLength  RtlStringCbLengthA
#endif

NT_END_C

#include "nt/strsafe_unicode.h"

#endif

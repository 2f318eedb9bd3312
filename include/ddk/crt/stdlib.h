/* SPDX-License-Identifier: MIT */
/* Conversions, sorting, numbers: what ntoskrnl.exe exports of the C library. */
#ifndef OPENFLT_CRT_STDLIB_H
#define OPENFLT_CRT_STDLIB_H

#include "crtdefs.h"
#include "limits.h"

OF_CRT_BEGIN

#define _MAX_PATH  260
#define _MAX_DRIVE 3
#define _MAX_DIR   256
#define _MAX_FNAME 256
#define _MAX_EXT   256
#define RAND_MAX   0x7fff

#if !defined(__cplusplus)
#define __max(a, b) (((a) > (b)) ? (a) : (b))
#define __min(a, b) (((a) < (b)) ? (a) : (b))
#endif

int __cdecl atoi(const char *s);
long __cdecl atol(const char *s);
long long __cdecl _atoi64(const char *s);
int __cdecl _wtoi(const wchar_t *s);
long __cdecl _wtol(const wchar_t *s);
unsigned long __cdecl wcstoul(const wchar_t *s, wchar_t **end, int base);
unsigned long long __cdecl _strtoui64(const char *s, char **end, int base);
unsigned long long __cdecl _wcstoui64(const wchar_t *s, wchar_t **end, int base);
char *__cdecl _itoa(int value, char *to, int base);
wchar_t *__cdecl _itow(int value, wchar_t *to, int base);
errno_t __cdecl _itoa_s(int value, char *to, size_t room, int base);
errno_t __cdecl _itow_s(int value, wchar_t *to, size_t room, int base);
errno_t __cdecl _ltoa_s(long value, char *to, size_t room, int base);
errno_t __cdecl _ltow_s(long value, wchar_t *to, size_t room, int base);
errno_t __cdecl _ultoa_s(unsigned long value, char *to, size_t room, int base);
errno_t __cdecl _ultow_s(unsigned long value, wchar_t *to, size_t room, int base);
errno_t __cdecl _i64toa_s(long long value, char *to, size_t room, int base);
errno_t __cdecl _i64tow_s(long long value, wchar_t *to, size_t room, int base);
errno_t __cdecl _ui64toa_s(unsigned long long value, char *to, size_t room, int base);
errno_t __cdecl _ui64tow_s(unsigned long long value, wchar_t *to, size_t room, int base);
size_t __cdecl mbstowcs(wchar_t *to, const char *from, size_t max);
size_t __cdecl wcstombs(char *to, const wchar_t *from, size_t max);
int __cdecl mbtowc(wchar_t *to, const char *from, size_t max);
int __cdecl wctomb(char *to, wchar_t from);
int __cdecl rand(void);
void __cdecl srand(unsigned int seed);

typedef int(__cdecl *of_crt_compare)(const void *, const void *);
typedef int(__cdecl *of_crt_compare_s)(void *, const void *, const void *);
void __cdecl qsort(void *base, size_t count, size_t size, of_crt_compare compare);
void *__cdecl bsearch(const void *key, const void *base, size_t count, size_t size,
                      of_crt_compare compare);
void *__cdecl bsearch_s(const void *key, const void *base, rsize_t count, rsize_t size,
                        of_crt_compare_s compare, void *context);

#define abs(n)   __builtin_abs(n)
#define labs(n)  __builtin_labs(n)
#define llabs(n) __builtin_llabs(n)
#define _byteswap_ushort(n) __builtin_bswap16(n)
#define _byteswap_ulong(n)  ((unsigned long)__builtin_bswap32(n))
#define _byteswap_uint64(n) __builtin_bswap64(n)

OF_CRT_END

#endif

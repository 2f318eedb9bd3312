/* SPDX-License-Identifier: MIT */
/* Strings and memory: what ntoskrnl.exe exports of the C library. */
#ifndef OPENFLT_CRT_STRING_H
#define OPENFLT_CRT_STRING_H

#include "crtdefs.h"

OF_CRT_BEGIN

void *__cdecl memcpy(void *to, const void *from, size_t size);
void *__cdecl memmove(void *to, const void *from, size_t size);
void *__cdecl memset(void *to, int value, size_t size);
int __cdecl memcmp(const void *a, const void *b, size_t size);
void *__cdecl memchr(const void *in, int value, size_t size);
errno_t __cdecl memcpy_s(void *to, rsize_t room, const void *from, rsize_t size);
errno_t __cdecl memmove_s(void *to, rsize_t room, const void *from, rsize_t size);

size_t __cdecl strlen(const char *s);
size_t __cdecl strnlen(const char *s, size_t max);
int __cdecl strcmp(const char *a, const char *b);
int __cdecl strncmp(const char *a, const char *b, size_t max);
int __cdecl _stricmp(const char *a, const char *b);
int __cdecl _strnicmp(const char *a, const char *b, size_t max);
char *__cdecl strcpy(char *to, const char *from);
char *__cdecl strncpy(char *to, const char *from, size_t max);
char *__cdecl strcat(char *to, const char *from);
char *__cdecl strncat(char *to, const char *from, size_t max);
char *__cdecl strchr(const char *s, int c);
char *__cdecl strrchr(const char *s, int c);
char *__cdecl strstr(const char *s, const char *what);
size_t __cdecl strspn(const char *s, const char *accept);
char *__cdecl _strlwr(char *s);
char *__cdecl _strupr(char *s);
char *__cdecl _strrev(char *s);
char *__cdecl _strset(char *s, int c);
errno_t __cdecl strcpy_s(char *to, rsize_t room, const char *from);
errno_t __cdecl strncpy_s(char *to, rsize_t room, const char *from, rsize_t max);
errno_t __cdecl strcat_s(char *to, rsize_t room, const char *from);
errno_t __cdecl strncat_s(char *to, rsize_t room, const char *from, rsize_t max);
char *__cdecl strtok_s(char *s, const char *separators, char **context);

/* The wide half, which drivers expect here as well. */
size_t __cdecl wcslen(const wchar_t *s);
size_t __cdecl wcsnlen(const wchar_t *s, size_t max);
int __cdecl wcscmp(const wchar_t *a, const wchar_t *b);
int __cdecl wcsncmp(const wchar_t *a, const wchar_t *b, size_t max);
int __cdecl _wcsicmp(const wchar_t *a, const wchar_t *b);
int __cdecl _wcsnicmp(const wchar_t *a, const wchar_t *b, size_t max);
wchar_t *__cdecl wcscpy(wchar_t *to, const wchar_t *from);
wchar_t *__cdecl wcsncpy(wchar_t *to, const wchar_t *from, size_t max);
wchar_t *__cdecl wcscat(wchar_t *to, const wchar_t *from);
wchar_t *__cdecl wcsncat(wchar_t *to, const wchar_t *from, size_t max);
wchar_t *__cdecl wcschr(const wchar_t *s, wchar_t c);
wchar_t *__cdecl wcsrchr(const wchar_t *s, wchar_t c);
wchar_t *__cdecl wcsstr(const wchar_t *s, const wchar_t *what);
size_t __cdecl wcsspn(const wchar_t *s, const wchar_t *accept);
wchar_t *__cdecl _wcslwr(wchar_t *s);
wchar_t *__cdecl _wcsupr(wchar_t *s);
wchar_t *__cdecl _wcsrev(wchar_t *s);
errno_t __cdecl wcscpy_s(wchar_t *to, rsize_t room, const wchar_t *from);
errno_t __cdecl wcsncpy_s(wchar_t *to, rsize_t room, const wchar_t *from, rsize_t max);
errno_t __cdecl wcscat_s(wchar_t *to, rsize_t room, const wchar_t *from);
errno_t __cdecl wcsncat_s(wchar_t *to, rsize_t room, const wchar_t *from, rsize_t max);

/* The old names. */
#define stricmp  _stricmp
#define strnicmp _strnicmp
#define strlwr   _strlwr
#define strupr   _strupr
#define wcsicmp  _wcsicmp
#define wcsnicmp _wcsnicmp
#define wcslwr   _wcslwr
#define wcsupr   _wcsupr

OF_CRT_END

#endif

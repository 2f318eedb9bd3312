/* SPDX-License-Identifier: MIT */
/* Formatting: what ntoskrnl.exe exports of the C library. There are no files. */
#ifndef OPENFLT_CRT_STDIO_H
#define OPENFLT_CRT_STDIO_H

#include "crtdefs.h"

OF_CRT_BEGIN

#define EOF (-1)

int __cdecl sprintf(char *to, const char *format, ...);
int __cdecl vsprintf(char *to, const char *format, va_list arguments);
int __cdecl sprintf_s(char *to, size_t room, const char *format, ...);
int __cdecl vsprintf_s(char *to, size_t room, const char *format, va_list arguments);
int __cdecl _snprintf(char *to, size_t max, const char *format, ...);
int __cdecl _vsnprintf(char *to, size_t max, const char *format, va_list arguments);
int __cdecl _snprintf_s(char *to, size_t room, size_t max, const char *format, ...);
int __cdecl _vsnprintf_s(char *to, size_t room, size_t max, const char *format, va_list arguments);
int __cdecl sscanf_s(const char *from, const char *format, ...);
int __cdecl swprintf_s(wchar_t *to, size_t room, const wchar_t *format, ...);
int __cdecl vswprintf_s(wchar_t *to, size_t room, const wchar_t *format, va_list arguments);
int __cdecl _snwprintf(wchar_t *to, size_t max, const wchar_t *format, ...);
int __cdecl _vsnwprintf(wchar_t *to, size_t max, const wchar_t *format, va_list arguments);
int __cdecl _snwprintf_s(wchar_t *to, size_t room, size_t max, const wchar_t *format, ...);
int __cdecl _vsnwprintf_s(wchar_t *to, size_t room, size_t max, const wchar_t *format,
                          va_list arguments);
int __cdecl swscanf_s(const wchar_t *from, const wchar_t *format, ...);
/* The kernel's are the old ones, without a size. */
int __cdecl swprintf(wchar_t *to, const wchar_t *format, ...);
int __cdecl _swprintf(wchar_t *to, const wchar_t *format, ...);
int __cdecl _vswprintf(wchar_t *to, const wchar_t *format, va_list arguments);
#define vswprintf _vswprintf

OF_CRT_END

#endif

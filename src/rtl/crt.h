/* SPDX-License-Identifier: MIT */
/* Bodies of the C library exports of ntoskrnl; the prefix keeps them apart from the host's libc. */
#ifndef OPENFLT_RTL_CRT_H
#define OPENFLT_RTL_CRT_H

#include <ntifs.h>
#include <stddef.h>

#define CRT_EINVAL 22
#define CRT_ERANGE 34
#define CRT_STRUNCATE 80

int NTAPI RtlCrt__vsnprintf(char *Buffer, size_t Count, const char *Format,
                            __builtin_ms_va_list Args);
int NTAPI RtlCrt__vsnwprintf(WCHAR *Buffer, size_t Count, const WCHAR *Format,
                             __builtin_ms_va_list Args);
int NTAPI RtlCrt_vsprintf(char *Buffer, const char *Format, __builtin_ms_va_list Args);
int NTAPI RtlCrt_vsprintf_s(char *Buffer, size_t Size, const char *Format,
                            __builtin_ms_va_list Args);
int NTAPI RtlCrt_vswprintf_s(WCHAR *Buffer, size_t Size, const WCHAR *Format,
                             __builtin_ms_va_list Args);
int NTAPI RtlCrt__vsnprintf_s(char *Buffer, size_t Size, size_t Count, const char *Format,
                              __builtin_ms_va_list Args);
int NTAPI RtlCrt__vsnwprintf_s(WCHAR *Buffer, size_t Size, size_t Count, const WCHAR *Format,
                               __builtin_ms_va_list Args);
int NTAPIV RtlCrt_sprintf(char *Buffer, const char *Format, ...);
int NTAPIV RtlCrt_swprintf(WCHAR *Buffer, const WCHAR *Format, ...);
int NTAPIV RtlCrt__snprintf(char *Buffer, size_t Count, const char *Format, ...);
int NTAPIV RtlCrt__snwprintf(WCHAR *Buffer, size_t Count, const WCHAR *Format, ...);
int NTAPIV RtlCrt_sprintf_s(char *Buffer, size_t Size, const char *Format, ...);
int NTAPIV RtlCrt_swprintf_s(WCHAR *Buffer, size_t Size, const WCHAR *Format, ...);
int NTAPIV RtlCrt__snprintf_s(char *Buffer, size_t Size, size_t Count, const char *Format, ...);
int NTAPIV RtlCrt__snwprintf_s(WCHAR *Buffer, size_t Size, size_t Count, const WCHAR *Format, ...);
void *NTAPI RtlCrt_memcpy(void *To, const void *From, size_t n);
void *NTAPI RtlCrt_memmove(void *To, const void *From, size_t n);
void *NTAPI RtlCrt_memset(void *To, int c, size_t n);
int NTAPI RtlCrt_memcmp(const void *a, const void *b, size_t n);
void *NTAPI RtlCrt_memchr(const void *p, int c, size_t n);
int NTAPI RtlCrt_memcpy_s(void *To, size_t Size, const void *From, size_t n);
int NTAPI RtlCrt_memmove_s(void *To, size_t Size, const void *From, size_t n);
size_t NTAPI RtlCrt_strlen(const char *s);
size_t NTAPI RtlCrt_strnlen(const char *s, size_t Most);
int NTAPI RtlCrt_strcmp(const char *a, const char *b);
int NTAPI RtlCrt_strncmp(const char *a, const char *b, size_t n);
int NTAPI RtlCrt__stricmp(const char *a, const char *b);
int NTAPI RtlCrt__strnicmp(const char *a, const char *b, size_t n);
char *NTAPI RtlCrt_strcpy(char *To, const char *From);
char *NTAPI RtlCrt_strncpy(char *To, const char *From, size_t n);
char *NTAPI RtlCrt_strcat(char *To, const char *From);
char *NTAPI RtlCrt_strncat(char *To, const char *From, size_t n);
char *NTAPI RtlCrt_strchr(const char *s, int c);
char *NTAPI RtlCrt_strrchr(const char *s, int c);
char *NTAPI RtlCrt_strstr(const char *s, const char *Part);
size_t NTAPI RtlCrt_strspn(const char *s, const char *Set);
int NTAPI RtlCrt_strcpy_s(char *To, size_t Size, const char *From);
int NTAPI RtlCrt_strncpy_s(char *To, size_t Size, const char *From, size_t n);
int NTAPI RtlCrt_strcat_s(char *To, size_t Size, const char *From);
int NTAPI RtlCrt_strncat_s(char *To, size_t Size, const char *From, size_t n);
char *NTAPI RtlCrt__strupr(char *s);
char *NTAPI RtlCrt__strlwr(char *s);
int NTAPI RtlCrt_atoi(const char *s);
LONG NTAPI RtlCrt_atol(const char *s);
LONGLONG NTAPI RtlCrt__atoi64(const char *s);
ULONG NTAPI RtlCrt_strtoul(const char *s, char **End, int Base);
int NTAPI RtlCrt_tolower(int c);
int NTAPI RtlCrt_toupper(int c);
int NTAPI RtlCrt_isdigit(int c);
int NTAPI RtlCrt_isspace(int c);
int NTAPI RtlCrt_isxdigit(int c);
int NTAPI RtlCrt_isalpha(int c);
int NTAPI RtlCrt_isalnum(int c);
int NTAPI RtlCrt_isprint(int c);
int NTAPI RtlCrt_isupper(int c);
int NTAPI RtlCrt_islower(int c);
void NTAPI RtlCrt_srand(unsigned Seed);
int NTAPI RtlCrt_rand(void);
void NTAPI RtlCrt_qsort(void *Base, size_t Count, size_t Width,
                        int(NTAPI *Compare)(const void *, const void *));
void *NTAPI RtlCrt_bsearch(const void *Key, const void *Base, size_t Count, size_t Width,
                           int(NTAPI *Compare)(const void *, const void *));
size_t NTAPI RtlCrt_wcslen(const WCHAR *s);
size_t NTAPI RtlCrt_wcsnlen(const WCHAR *s, size_t Most);
int NTAPI RtlCrt_wcscmp(const WCHAR *a, const WCHAR *b);
int NTAPI RtlCrt_wcsncmp(const WCHAR *a, const WCHAR *b, size_t n);
int NTAPI RtlCrt__wcsicmp(const WCHAR *a, const WCHAR *b);
int NTAPI RtlCrt__wcsnicmp(const WCHAR *a, const WCHAR *b, size_t n);
WCHAR *NTAPI RtlCrt_wcscpy(WCHAR *To, const WCHAR *From);
WCHAR *NTAPI RtlCrt_wcsncpy(WCHAR *To, const WCHAR *From, size_t n);
WCHAR *NTAPI RtlCrt_wcscat(WCHAR *To, const WCHAR *From);
WCHAR *NTAPI RtlCrt_wcsncat(WCHAR *To, const WCHAR *From, size_t n);
WCHAR *NTAPI RtlCrt_wcschr(const WCHAR *s, WCHAR c);
WCHAR *NTAPI RtlCrt_wcsrchr(const WCHAR *s, WCHAR c);
WCHAR *NTAPI RtlCrt_wcsstr(const WCHAR *s, const WCHAR *Part);
size_t NTAPI RtlCrt_wcsspn(const WCHAR *s, const WCHAR *Set);
int NTAPI RtlCrt_wcscpy_s(WCHAR *To, size_t Size, const WCHAR *From);
int NTAPI RtlCrt_wcsncpy_s(WCHAR *To, size_t Size, const WCHAR *From, size_t n);
int NTAPI RtlCrt_wcscat_s(WCHAR *To, size_t Size, const WCHAR *From);
int NTAPI RtlCrt_wcsncat_s(WCHAR *To, size_t Size, const WCHAR *From, size_t n);
WCHAR NTAPI RtlCrt_towlower(WCHAR c);
WCHAR NTAPI RtlCrt_towupper(WCHAR c);
WCHAR *NTAPI RtlCrt__wcsupr(WCHAR *s);
WCHAR *NTAPI RtlCrt__wcslwr(WCHAR *s);
int NTAPI RtlCrt__wtoi(const WCHAR *s);
LONG NTAPI RtlCrt__wtol(const WCHAR *s);
WCHAR *NTAPI RtlCrt__itow(int Value, WCHAR *Out, int Radix);
size_t NTAPI RtlCrt_mbstowcs(WCHAR *To, const char *From, size_t n);
size_t NTAPI RtlCrt_wcstombs(char *To, const WCHAR *From, size_t n);

#endif

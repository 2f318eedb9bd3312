/* SPDX-License-Identifier: MIT */
/*
 * Memory and string routines of the kernel's C library. The narrow ones stand on the host's libc;
 * the wide ones are ours, because the host's wchar_t is 32 bits.
 */
#include "ke/ke.h"
#include "rtl/rtl.h"
#include "rtl/crt.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory and narrow strings
 * -------------------------------------------------------------------------- */

void *NTAPI RtlCrt_memcpy(void *To, const void *From, size_t n)
{
    return memmove(To, From,
                   n); /* Windows' kernel memcpy is memmove: drivers rely on it without knowing */
}

void *NTAPI RtlCrt_memmove(void *To, const void *From, size_t n)
{
    return memmove(To, From, n);
}

void *NTAPI RtlCrt_memset(void *To, int c, size_t n)
{
    return memset(To, c, n);
}

int NTAPI RtlCrt_memcmp(const void *a, const void *b, size_t n)
{
    return memcmp(a, b, n);
}

void *NTAPI RtlCrt_memchr(const void *p, int c, size_t n)
{
    return (void *)(uintptr_t)memchr(p, c, n);
}

int NTAPI RtlCrt_memcpy_s(void *To, size_t Size, const void *From, size_t n)
{
    if (!n)
        return 0;
    if (!To)
        return CRT_EINVAL;
    if (!From || Size < n) {
        memset(To, 0, Size);
        return From ? CRT_ERANGE : CRT_EINVAL;
    }
    memcpy(To, From, n);
    return 0;
}

int NTAPI RtlCrt_memmove_s(void *To, size_t Size, const void *From, size_t n)
{
    if (!n)
        return 0;
    if (!To || !From)
        return CRT_EINVAL;
    if (Size < n)
        return CRT_ERANGE;
    memmove(To, From, n);
    return 0;
}

size_t NTAPI RtlCrt_strlen(const char *s)
{
    return strlen(s);
}

size_t NTAPI RtlCrt_strnlen(const char *s, size_t Most)
{
    return strnlen(s, Most);
}

int NTAPI RtlCrt_strcmp(const char *a, const char *b)
{
    return strcmp(a, b);
}

int NTAPI RtlCrt_strncmp(const char *a, const char *b, size_t n)
{
    return strncmp(a, b, n);
}

int NTAPI RtlCrt__stricmp(const char *a, const char *b)
{
    return strcasecmp(a, b);
}

int NTAPI RtlCrt__strnicmp(const char *a, const char *b, size_t n)
{
    return strncasecmp(a, b, n);
}

char *NTAPI RtlCrt_strcpy(char *To, const char *From)
{
    return strcpy(To, From);
}

char *NTAPI RtlCrt_strncpy(char *To, const char *From, size_t n)
{
    size_t i = 0;

    for (; i < n && From[i]; i++)
        To[i] = From[i];
    for (; i < n; i++)
        To[i] = 0;
    return To;
}

char *NTAPI RtlCrt_strcat(char *To, const char *From)
{
    return strcat(To, From);
}

char *NTAPI RtlCrt_strncat(char *To, const char *From, size_t n)
{
    return strncat(To, From, n);
}

char *NTAPI RtlCrt_strchr(const char *s, int c)
{
    return (char *)(uintptr_t)strchr(s, c);
}

char *NTAPI RtlCrt_strrchr(const char *s, int c)
{
    return (char *)(uintptr_t)strrchr(s, c);
}

char *NTAPI RtlCrt_strstr(const char *s, const char *Part)
{
    return (char *)(uintptr_t)strstr(s, Part);
}

size_t NTAPI RtlCrt_strspn(const char *s, const char *Set)
{
    return strspn(s, Set);
}

static int CopySecure(char *To, size_t Size, size_t At, const char *From, size_t Limit)
{
    size_t n;

    if (!To || !Size)
        return CRT_EINVAL;
    if (!From) {
        To[0] = 0;
        return CRT_EINVAL;
    }
    n = strnlen(From, Limit == SIZE_MAX ? Size - At : Limit);
    if (At + n >= Size) {
        if (Limit == SIZE_MAX) { /* _TRUNCATE */
            memcpy(To + At, From, Size - At - 1);
            To[Size - 1] = 0;
            return CRT_STRUNCATE;
        }
        To[0] = 0;
        return CRT_ERANGE;
    }
    memcpy(To + At, From, n);
    To[At + n] = 0;
    return 0;
}

int NTAPI RtlCrt_strcpy_s(char *To, size_t Size, const char *From)
{
    return CopySecure(To, Size, 0, From, SIZE_MAX - 1);
}

int NTAPI RtlCrt_strncpy_s(char *To, size_t Size, const char *From, size_t n)
{
    return CopySecure(To, Size, 0, From, n);
}

int NTAPI RtlCrt_strcat_s(char *To, size_t Size, const char *From)
{
    return CopySecure(To, Size, To && Size ? strnlen(To, Size - 1) : 0, From, SIZE_MAX - 1);
}

int NTAPI RtlCrt_strncat_s(char *To, size_t Size, const char *From, size_t n)
{
    return CopySecure(To, Size, To && Size ? strnlen(To, Size - 1) : 0, From, n);
}

char *NTAPI RtlCrt__strupr(char *s)
{
    for (char *p = s; *p; p++)
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
    return s;
}

char *NTAPI RtlCrt__strlwr(char *s)
{
    for (char *p = s; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    return s;
}

int NTAPI RtlCrt_atoi(const char *s)
{
    return (int)strtol(s, NULL, 10);
}

LONG NTAPI RtlCrt_atol(const char *s)
{
    return (LONG)strtol(s, NULL, 10);
}

LONGLONG NTAPI RtlCrt__atoi64(const char *s)
{
    return strtoll(s, NULL, 10);
}

ULONG NTAPI RtlCrt_strtoul(const char *s, char **End, int Base)
{
    unsigned long v = strtoul(s, End, Base);

    return v > 0xffffffffUL ? 0xffffffffU : (ULONG)v;
}

int NTAPI RtlCrt_tolower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

int NTAPI RtlCrt_toupper(int c)
{
    return c >= 'a' && c <= 'z' ? c - 32 : c;
}

int NTAPI RtlCrt_isdigit(int c)
{
    return c >= '0' && c <= '9' ? 4 : 0;
}

int NTAPI RtlCrt_isspace(int c)
{
    return c == ' ' || (c >= 9 && c <= 13) ? 8 : 0;
}

int NTAPI RtlCrt_isxdigit(int c)
{
    return isxdigit((unsigned char)c) ? 128 : 0;
}

int NTAPI RtlCrt_isalpha(int c)
{
    return c >= 0 && c < 128 && isalpha(c) ? 256 : 0;
}

int NTAPI RtlCrt_isalnum(int c)
{
    return c >= 0 && c < 128 && isalnum(c) ? 260 : 0;
}

int NTAPI RtlCrt_isprint(int c)
{
    return c >= 32 && c < 127;
}

int NTAPI RtlCrt_isupper(int c)
{
    return c >= 'A' && c <= 'Z';
}

int NTAPI RtlCrt_islower(int c)
{
    return c >= 'a' && c <= 'z';
}

/* The library's documented small generator: the same seed gives the same row, 0..32767. */
static uint32_t RandomState = 1;

void NTAPI RtlCrt_srand(unsigned Seed)
{
    __atomic_store_n(&RandomState, Seed, __ATOMIC_RELAXED);
}

int NTAPI RtlCrt_rand(void)
{
    uint32_t s = __atomic_load_n(&RandomState, __ATOMIC_RELAXED) * 214013u + 2531011u;

    __atomic_store_n(&RandomState, s, __ATOMIC_RELAXED);
    return (int)(s >> 16 & 0x7fff);
}

/* A sort of our own: the comparison routine is an ms_abi function, so the host's qsort cannot call
 * it. */
void NTAPI RtlCrt_qsort(void *Base, size_t Count, size_t Width,
                        int(NTAPI *Compare)(const void *, const void *))
{
    char *b = Base;

    /* Heap sort: in place, no recursion on a kernel stack, and no bad case. */
    for (size_t Start = Count / 2, End = Count; End > 1;) {
        size_t Root;
        if (Start)
            Root = --Start;
        else {
            Root = 0;
            End--;
            for (size_t i = 0; i < Width; i++) {
                char t = b[i];
                b[i] = b[End * Width + i];
                b[End * Width + i] = t;
            }
        }
        for (size_t Child; (Child = 2 * Root + 1) < End; Root = Child) {
            if (Child + 1 < End && Compare(b + Child * Width, b + (Child + 1) * Width) < 0)
                Child++;
            if (Compare(b + Root * Width, b + Child * Width) >= 0)
                break;
            for (size_t i = 0; i < Width; i++) {
                char t = b[Root * Width + i];
                b[Root * Width + i] = b[Child * Width + i];
                b[Child * Width + i] = t;
            }
        }
    }
}

void *NTAPI RtlCrt_bsearch(const void *Key, const void *Base, size_t Count, size_t Width,
                           int(NTAPI *Compare)(const void *, const void *))
{
    size_t Low = 0, High = Count;

    while (Low < High) {
        size_t Middle = (Low + High) / 2;
        const char *At = (const char *)Base + Middle * Width;
        int d = Compare(Key, At);
        if (!d)
            return (void *)(uintptr_t)At;
        if (d < 0)
            High = Middle;
        else
            Low = Middle + 1;
    }
    return NULL;
}

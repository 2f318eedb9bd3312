/* SPDX-License-Identifier: MIT */
/* Wide strings of the kernel's C library: 16-bit units. */
#include "ke/ke.h"
#include "rtl/rtl.h"
#include "rtl/crt.h"

#include <string.h>

size_t NTAPI RtlCrt_wcslen(const WCHAR *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

size_t NTAPI RtlCrt_wcsnlen(const WCHAR *s, size_t Most)
{
    size_t n = 0;

    while (n < Most && s[n])
        n++;
    return n;
}

static int Compare(const WCHAR *a, const WCHAR *b, size_t n, bool Fold)
{
    for (size_t i = 0; i < n; i++) {
        int x = (uint16_t)a[i], y = (uint16_t)b[i];
        if (Fold) {
            x = (uint16_t)RtlxDowncase((WCHAR)x);
            y = (uint16_t)RtlxDowncase((WCHAR)y);
        }
        if (x != y)
            return x < y ? -1 : 1;
        if (!x)
            break;
    }
    return 0;
}

int NTAPI RtlCrt_wcscmp(const WCHAR *a, const WCHAR *b)
{
    return Compare(a, b, SIZE_MAX, false);
}

int NTAPI RtlCrt_wcsncmp(const WCHAR *a, const WCHAR *b, size_t n)
{
    return Compare(a, b, n, false);
}

int NTAPI RtlCrt__wcsicmp(const WCHAR *a, const WCHAR *b)
{
    return Compare(a, b, SIZE_MAX, true);
}

int NTAPI RtlCrt__wcsnicmp(const WCHAR *a, const WCHAR *b, size_t n)
{
    return Compare(a, b, n, true);
}

WCHAR *NTAPI RtlCrt_wcscpy(WCHAR *To, const WCHAR *From)
{
    memmove(To, From, (RtlCrt_wcslen(From) + 1) * sizeof(WCHAR));
    return To;
}

WCHAR *NTAPI RtlCrt_wcsncpy(WCHAR *To, const WCHAR *From, size_t n)
{
    size_t i = 0;

    for (; i < n && From[i]; i++)
        To[i] = From[i];
    for (; i < n; i++)
        To[i] = 0;
    return To;
}

WCHAR *NTAPI RtlCrt_wcscat(WCHAR *To, const WCHAR *From)
{
    RtlCrt_wcscpy(To + RtlCrt_wcslen(To), From);
    return To;
}

WCHAR *NTAPI RtlCrt_wcsncat(WCHAR *To, const WCHAR *From, size_t n)
{
    size_t At = RtlCrt_wcslen(To), Count = RtlCrt_wcsnlen(From, n);

    memmove(To + At, From, Count * sizeof(WCHAR));
    To[At + Count] = 0;
    return To;
}

WCHAR *NTAPI RtlCrt_wcschr(const WCHAR *s, WCHAR c)
{
    for (;; s++) {
        if (*s == c)
            return (WCHAR *)(uintptr_t)s;
        if (!*s)
            return NULL;
    }
}

WCHAR *NTAPI RtlCrt_wcsrchr(const WCHAR *s, WCHAR c)
{
    const WCHAR *Last = NULL;

    for (;; s++) {
        if (*s == c)
            Last = s;
        if (!*s)
            return (WCHAR *)(uintptr_t)Last;
    }
}

WCHAR *NTAPI RtlCrt_wcsstr(const WCHAR *s, const WCHAR *Part)
{
    size_t n = RtlCrt_wcslen(Part);

    for (; n == 0 || *s; s++)
        if (!Compare(s, Part, n, false))
            return (WCHAR *)(uintptr_t)s;
    return NULL;
}

size_t NTAPI RtlCrt_wcsspn(const WCHAR *s, const WCHAR *Set)
{
    size_t n = 0;

    while (s[n] && RtlCrt_wcschr(Set, s[n]))
        n++;
    return n;
}

static int CopySecure(WCHAR *To, size_t Size, size_t At, const WCHAR *From, size_t Limit)
{
    size_t n;

    if (!To || !Size)
        return CRT_EINVAL;
    if (!From) {
        To[0] = 0;
        return CRT_EINVAL;
    }
    n = RtlCrt_wcsnlen(From, Limit == SIZE_MAX ? Size - At : Limit);
    if (At + n >= Size) {
        if (Limit == SIZE_MAX) {    /* _TRUNCATE */
            memcpy(To + At, From, (Size - At - 1) * sizeof(WCHAR));
            To[Size - 1] = 0;
            return CRT_STRUNCATE;
        }
        To[0] = 0;
        return CRT_ERANGE;
    }
    memcpy(To + At, From, n * sizeof(WCHAR));
    To[At + n] = 0;
    return 0;
}

int NTAPI RtlCrt_wcscpy_s(WCHAR *To, size_t Size, const WCHAR *From)
{
    return CopySecure(To, Size, 0, From, SIZE_MAX - 1);
}

int NTAPI RtlCrt_wcsncpy_s(WCHAR *To, size_t Size, const WCHAR *From, size_t n)
{
    return CopySecure(To, Size, 0, From, n);
}

int NTAPI RtlCrt_wcscat_s(WCHAR *To, size_t Size, const WCHAR *From)
{
    return CopySecure(To, Size, To && Size ? RtlCrt_wcsnlen(To, Size - 1) : 0, From, SIZE_MAX - 1);
}

int NTAPI RtlCrt_wcsncat_s(WCHAR *To, size_t Size, const WCHAR *From, size_t n)
{
    return CopySecure(To, Size, To && Size ? RtlCrt_wcsnlen(To, Size - 1) : 0, From, n);
}

WCHAR NTAPI RtlCrt_towlower(WCHAR c)
{
    return RtlxDowncase(c);
}

WCHAR NTAPI RtlCrt_towupper(WCHAR c)
{
    return RtlxUpcase(c);
}

WCHAR *NTAPI RtlCrt__wcsupr(WCHAR *s)
{
    for (WCHAR *p = s; *p; p++)
        *p = RtlxUpcase(*p);
    return s;
}

WCHAR *NTAPI RtlCrt__wcslwr(WCHAR *s)
{
    for (WCHAR *p = s; *p; p++)
        *p = RtlxDowncase(*p);
    return s;
}

static LONGLONG ParseDecimal(const WCHAR *s)
{
    LONGLONG v = 0;
    bool Minus;

    while (*s == ' ' || (*s >= 9 && *s <= 13))
        s++;
    Minus = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    for (; *s >= '0' && *s <= '9'; s++)
        v = v * 10 + (*s - '0');
    return Minus ? -v : v;
}

int NTAPI RtlCrt__wtoi(const WCHAR *s)
{
    return (int)ParseDecimal(s);
}

LONG NTAPI RtlCrt__wtol(const WCHAR *s)
{
    return (LONG)ParseDecimal(s);
}

static WCHAR *PutDigits(uint64_t Value, bool Minus, WCHAR *Out, int Radix)
{
    WCHAR Digits[72];
    int n = 0, At = 0;

    do
        Digits[n++] = (WCHAR)"0123456789abcdefghijklmnopqrstuvwxyz"[Value % (unsigned)Radix];
    while (Value /= (unsigned)Radix);
    if (Minus)
        Out[At++] = '-';
    while (n)
        Out[At++] = Digits[--n];
    Out[At] = 0;
    return Out;
}

WCHAR *NTAPI RtlCrt__itow(int Value, WCHAR *Out, int Radix)
{
    bool Minus = Value < 0 && Radix == 10;

    return PutDigits(Minus ? 0u - (unsigned)Value : (unsigned)Value, Minus, Out, Radix);
}

size_t NTAPI RtlCrt_mbstowcs(WCHAR *To, const char *From, size_t n)
{
    size_t i = 0;

    if (!To)
        return strlen(From);
    for (; i < n; i++)
        if (!(To[i] = RtlxAnsiToWide((unsigned char)From[i])))
            break;
    return i;
}

size_t NTAPI RtlCrt_wcstombs(char *To, const WCHAR *From, size_t n)
{
    size_t i = 0;

    if (!To)
        return RtlCrt_wcslen(From);
    for (; i < n; i++)
        if (!(To[i] = From[i] ? (char)RtlxWideToAnsi(From[i]) : 0))
            break;
    return i;
}

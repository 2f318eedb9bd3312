/* SPDX-License-Identifier: MIT */
/* Names for either width of character; UNICODE chooses the wide one. */
#ifndef OPENFLT_CRT_TCHAR_H
#define OPENFLT_CRT_TCHAR_H

#include "string.h"
#include "stdio.h"

#if defined(_UNICODE) || defined(UNICODE)
typedef wchar_t TCHAR, _TCHAR;
#define __T(x) L##x
#define _tcslen    wcslen
#define _tcscpy    wcscpy
#define _tcscat    wcscat
#define _tcscmp    wcscmp
#define _tcsicmp   _wcsicmp
#define _tcsncmp   wcsncmp
#define _tcsnicmp  _wcsnicmp
#define _tcschr    wcschr
#define _tcsrchr   wcsrchr
#define _tcsstr    wcsstr
#define _sntprintf _snwprintf
#else
typedef char TCHAR, _TCHAR;
#define __T(x) x
#define _tcslen    strlen
#define _tcscpy    strcpy
#define _tcscat    strcat
#define _tcscmp    strcmp
#define _tcsicmp   _stricmp
#define _tcsncmp   strncmp
#define _tcsnicmp  _strnicmp
#define _tcschr    strchr
#define _tcsrchr   strrchr
#define _tcsstr    strstr
#define _sntprintf _snprintf
#endif
#define _T(x)    __T(x)
#define _TEXT(x) __T(x)
#ifndef TEXT
#define TEXT(x)  __T(x)
#endif

#endif

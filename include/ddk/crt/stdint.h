/* SPDX-License-Identifier: MIT */
/* Integers of fixed size, as the Windows ABI has them. */
#ifndef OPENFLT_CRT_STDINT_H
#define OPENFLT_CRT_STDINT_H

#include "crtdefs.h"

typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
typedef signed char int_least8_t;
typedef unsigned char uint_least8_t;
typedef short int_least16_t;
typedef unsigned short uint_least16_t;
typedef int int_least32_t;
typedef unsigned int uint_least32_t;
typedef long long int_least64_t;
typedef unsigned long long uint_least64_t;
typedef signed char int_fast8_t;
typedef unsigned char uint_fast8_t;
typedef int int_fast16_t;
typedef unsigned int uint_fast16_t;
typedef int int_fast32_t;
typedef unsigned int uint_fast32_t;
typedef long long int_fast64_t;
typedef unsigned long long uint_fast64_t;
typedef long long intmax_t;
typedef unsigned long long uintmax_t;

#define INT8_MIN  (-127 - 1)
#define INT8_MAX  127
#define UINT8_MAX 255
#define INT16_MIN  (-32767 - 1)
#define INT16_MAX  32767
#define UINT16_MAX 65535
#define INT32_MIN  (-2147483647 - 1)
#define INT32_MAX  2147483647
#define UINT32_MAX 0xffffffffU
#define INT64_MIN  (-9223372036854775807LL - 1)
#define INT64_MAX  9223372036854775807LL
#define UINT64_MAX 0xffffffffffffffffULL
#define INTPTR_MIN  INT64_MIN
#define INTPTR_MAX  INT64_MAX
#define UINTPTR_MAX UINT64_MAX
#define INTMAX_MIN  INT64_MIN
#define INTMAX_MAX  INT64_MAX
#define UINTMAX_MAX UINT64_MAX
#define PTRDIFF_MIN INT64_MIN
#define PTRDIFF_MAX INT64_MAX
#ifndef SIZE_MAX
#define SIZE_MAX 0xffffffffffffffffULL
#endif
#define WCHAR_MIN 0
#define WCHAR_MAX 0xffff
#define INT8_C(v)    v
#define INT16_C(v)   v
#define INT32_C(v)   v
#define INT64_C(v)   v##LL
#define UINT8_C(v)   v
#define UINT16_C(v)  v
#define UINT32_C(v)  v##U
#define UINT64_C(v)  v##ULL
#define INTMAX_C(v)  v##LL
#define UINTMAX_C(v) v##ULL

#endif

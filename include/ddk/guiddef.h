/* SPDX-License-Identifier: MIT */
/* GUID and the two meanings of DEFINE_GUID; initguid.h switches to the defining one. */
#ifndef GUID_DEFINED
#define GUID_DEFINED

#include "nt/target.h"

typedef struct _GUID {
#if defined(_WIN32)
    unsigned long Data1;
#else
    unsigned int Data1;
#endif
    unsigned short Data2;
    unsigned short Data3;
    unsigned char Data4[8];
} GUID;

#if !defined(_REFGUID_DEFINED)
#define _REFGUID_DEFINED
#if defined(__cplusplus)
#define REFGUID const GUID &
#define REFIID  const GUID &
#else
#define REFGUID const GUID *
#define REFIID  const GUID *
#endif
#endif

typedef GUID *LPGUID;
typedef const GUID *LPCGUID;
typedef GUID IID;
typedef GUID CLSID;

#if defined(__cplusplus)
#define EXTERN_C extern "C"
#else
#define EXTERN_C extern
#endif

#if defined(__cplusplus)
#define IsEqualGUID(a, b) (!__builtin_memcmp(&(a), &(b), sizeof(GUID)))
#else
#define IsEqualGUID(a, b) (!__builtin_memcmp((a), (b), sizeof(GUID)))
#endif
#define InlineIsEqualGUID(a, b) IsEqualGUID(a, b)
#define IsEqualIID(a, b) IsEqualGUID(a, b)

#endif

#undef DEFINE_GUID
#if defined(INITGUID)
#if defined(__cplusplus)
#define OF_GUID_LINKAGE extern "C" const
#else
#define OF_GUID_LINKAGE const
#endif
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) \
    OF_GUID_LINKAGE GUID DECLSPEC_SELECTANY name = \
        { l, w1, w2, { b1, b2, b3, b4, b5, b6, b7, b8 } }
#else
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) EXTERN_C const GUID name
#endif

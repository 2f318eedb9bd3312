/* SPDX-License-Identifier: MIT */
/*
 * cm.h - the registry: a tree of keys in memory, reached by drivers through Zw*Key below \Registry
 * and by the machine through the Cmx routines. A machine starts with \Registry\Machine and what its
 * services need.
 */
#ifndef OPENFLT_CM_CM_H
#define OPENFLT_CM_CM_H

#include "ke/ke.h"
#include "ob/ob.h"

typedef struct _CMX_VALUE {
    struct _CMX_VALUE *Next; /* in the order of creation, as enumeration shows them */
    UNICODE_STRING Name;
    ULONG Type, Length;
    UCHAR *Data;
} CMX_VALUE;

/* A node lives while it is in the tree or some key object stands on it. All fields are guarded by
 * CmxLock. */
typedef struct _CMX_KEY {
    struct _CMX_KEY *Parent;
    struct _CMX_KEY *FirstChild, *NextSibling; /* children in name order */
    CMX_VALUE *FirstValue;
    UNICODE_STRING Name;
    LARGE_INTEGER LastWrite;
    ULONG Opens;
    bool Deleted;
} CMX_KEY;

extern OBX_TYPE CmxKeyType;
extern KEX_LOCK CmxLock;

NTSTATUS CmxStart(void);
void CmxEnd(void);

/* Makes every key of a path from the root ("\Registry\Machine\..."). Name comparison ignores case.
 */
NTSTATUS CmxCreatePath(PCWSTR Path);
/* Sets a value; the key must exist. Length in bytes. */
NTSTATUS CmxSetValue(PCWSTR Path, PCWSTR Name, ULONG Type, const void *Data, ULONG Length);
NTSTATUS CmxSetString(PCWSTR Path, PCWSTR Name, PCWSTR Text);
NTSTATUS CmxSetDword(PCWSTR Path, PCWSTR Name, ULONG Value);

/* Routines still registered for registry callbacks, for the unload check. */
void CmxForEachCallback(void (*fn)(const void *Routine, void *Context), void *Context);

/* Tree operations under CmxLock. */
CMX_KEY *CmxFindChild(CMX_KEY *Key, const WCHAR *Name, size_t Units);
CMX_KEY *CmxAddChild(CMX_KEY *Key, const WCHAR *Name, size_t Units);
CMX_VALUE *CmxFindValue(CMX_KEY *Key, PCUNICODE_STRING Name);
NTSTATUS CmxPutValue(CMX_KEY *Key, PCUNICODE_STRING Name, ULONG Type, const void *Data,
                     ULONG Length);
void CmxFreeValue(CMX_KEY *Key, CMX_VALUE *Value);
void CmxUnlinkKey(CMX_KEY *Key);
void CmxReleaseNode(CMX_KEY *Key);
extern CMX_KEY *CmxRoot;

#endif

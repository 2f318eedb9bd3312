/* SPDX-License-Identifier: MIT */
/*
 * ex.h - the executive as the other rooms see it: pool blocks for the leak report, push locks and
 * resources under the names that FltMgr's wrappers share, the worker threads. Documented Ex
 * routines are in include/ddk.
 */
#ifndef OPENFLT_EX_EX_H
#define OPENFLT_EX_EX_H

#include "ke/ke.h"

/* ---- pool ------------------------------------------------------------------------------------ */

#define EXX_POOL_CALLERS 7

typedef struct _EXX_POOL_VIEW {
    const void *Body;
    size_t Size;
    ULONG Tag;
    bool Paged;
    ULONG64 Serial;                                 /* rises with each allocation */
    const void *const *Callers; /* EXX_POOL_CALLERS, innermost first, NULL behind the last */
} EXX_POOL_VIEW;
/* Every live pool block, oldest first within a shard. fn must not allocate or free pool. */
void ExxForEachPool(void (*fn)(const EXX_POOL_VIEW *View, void *Context), void *Context);
/* Frees what is kept back to catch late writes, checking each block; done before a leak or heap
 * verdict. */
void ExxPoolTrim(void);
/* Bytes and blocks alive. */
typedef struct _EXX_POOL_TOTALS {
    size_t Blocks, Bytes, PagedBytes;
    ULONG64 Allocations;
} EXX_POOL_TOTALS;
void ExxPoolTotals(EXX_POOL_TOTALS *Totals);
/* "Fltm" from a tag; text holds 5 characters. */
void ExxPoolTagText(ULONG Tag, char *Text);

/* ---- push locks ------------------------------------------------------------------------------ */

/* Caller is the driver's return address, for the hang report. APCs must be off already. */
void ExxPushAcquireExclusive(PEX_PUSH_LOCK Lock, const void *Caller);
void ExxPushAcquireShared(PEX_PUSH_LOCK Lock, const void *Caller);
bool ExxPushTryExclusive(PEX_PUSH_LOCK Lock);
bool ExxPushTryShared(PEX_PUSH_LOCK Lock);
void ExxPushReleaseExclusive(PEX_PUSH_LOCK Lock, const void *Caller);
void ExxPushReleaseShared(PEX_PUSH_LOCK Lock, const void *Caller);
bool ExxPushIsHeld(const EX_PUSH_LOCK *Lock);

/* ---- resources: the documented routines with the driver's address passed on ------------------ */

BOOLEAN ExxResourceExclusive(PERESOURCE Resource, BOOLEAN Wait, const void *Caller);
BOOLEAN ExxResourceShared(PERESOURCE Resource, BOOLEAN Wait, const void *Caller);
void ExxResourceRelease(PERESOURCE Resource, const void *Caller);
/* An initialised resource in [Base, Base+Bytes), or NULL (MEM-009). */
PERESOURCE ExxResourceInRange(const void *Base, size_t Bytes);
/* Calls fn for every resource that is owned now. */
typedef struct _EXX_RESOURCE_VIEW {
    PERESOURCE Resource;
    bool Exclusive;
    PKTHREAD Owner;                                 /* one of them when shared */
    ULONG SharedWaiters, ExclusiveWaiters;
} EXX_RESOURCE_VIEW;
void ExxForEachOwnedResource(void (*fn)(const EXX_RESOURCE_VIEW *View, void *Context),
                             void *Context);

/* ---- work items ------------------------------------------------------------------------------ */

/* Returns when every item queued before the call has run. Never called from a worker. */
void ExxWorkFlush(void);
/* A queued item in [Base, Base+Bytes), or NULL (MEM-010). */
PWORK_QUEUE_ITEM ExxWorkInRange(const void *Base, size_t Bytes);

NTSTATUS ExxStart(void);
void ExxEnd(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * mm.h - the memory manager as the other rooms see it: the user window, guarded copies and MDLs.
 * Segments, sections and views are in mm/segment.h.
 *
 * Page frame numbers. A machine has no physical memory of its own, so the frame of a page is the
 * number of the page in the kernel's view of it: kernel memory stands for itself, a page of the
 * user window for its alias above the user limit. A frame therefore names memory, survives partial
 * MDLs, and can be mapped back by a shift.
 */
#ifndef OPENFLT_MM_MM_H
#define OPENFLT_MM_MM_H

#include "ke/ke.h"

/* ---- user window ----------------------------------------------------------------------------- */

/* Committed, zeroed user memory in 64 KiB grains; Protect is PAGE_READWRITE, PAGE_READONLY or
 * PAGE_NOACCESS. */
PVOID MmxAllocateUser(SIZE_T Bytes, ULONG Protect);
NTSTATUS MmxFreeUser(PVOID Base, SIZE_T Bytes);
static inline bool MmxIsUserRange(const void *Base, SIZE_T Bytes)
{
    return host_is_user_range(Base, Bytes);
}

/*
 * Views of sections lie in the user window but have pages of their own. Whoever maps them
 * (mm/segment) fills this table. The window range below a view is allocated without access
 * (PAGE_NOACCESS), else copies would go to the window's own page behind the view.
 */
typedef struct _MMX_VIEW_OPS {
    /* Makes [Base, Base+Bytes) of a view resident, writable when Write. FALSE: not a view, or not
     * allowed. */
    bool (*Resolve)(PVOID Base, SIZE_T Bytes, bool Write);
    /* Kernel address of the page that a view shows at Base, NULL when Base is in no view. */
    PVOID (*SystemAddress)(PVOID Base);
} MMX_VIEW_OPS;
extern const MMX_VIEW_OPS *MmxViewOps;

/* Kernel address of the memory at Base: Base itself unless it is user memory. NULL: no such user
 * memory. */
PVOID MmxSystemAddress(PVOID Base);

/* ---- probes and copies that return a status instead of raising ------------------------------- */

/*
 * The address rules of ProbeForRead and ProbeForWrite for Mode; KernelMode passes. Alignment 0 or
 * 1: any. STATUS_DATATYPE_MISALIGNMENT, STATUS_ACCESS_VIOLATION.
 */
NTSTATUS MmxProbe(const void *Base, SIZE_T Bytes, ULONG Alignment, KPROCESSOR_MODE Mode);
/* The same, and every page may be read (Write: written). KernelMode passes. */
NTSTATUS MmxProbePages(const void *Base, SIZE_T Bytes, bool Write, KPROCESSOR_MODE Mode);
/* Makes every page of the range resident; FALSE when one is not there or must not be used so. Any
 * memory. */
bool MmxTouchPages(const void *Base, SIZE_T Bytes, bool Write);
/* Copies from (to) memory that Mode named; a UserMode address is probed and may be bad. */
NTSTATUS MmxCopyIn(PVOID To, const void *From, SIZE_T Bytes, ULONG Alignment, KPROCESSOR_MODE Mode);
NTSTATUS MmxCopyOut(PVOID To, const void *From, SIZE_T Bytes, ULONG Alignment,
                    KPROCESSOR_MODE Mode);

/* ---- MDLs ------------------------------------------------------------------------------------ */

/* MmProbeAndLockPages with a status instead of an exception. */
NTSTATUS MmxProbeAndLock(PMDL Mdl, KPROCESSOR_MODE Mode, LOCK_OPERATION Operation);
/*
 * Describes resident pages of the system's own (a segment's) as locked, for paging I/O; Fills: the
 * request writes to them (a read). Nothing to unlock; the owner keeps the pages.
 */
void MmxBuildPagingMdl(PMDL Mdl, bool Fills);

typedef struct _MMX_LIVE_MDL {
    PMDL Mdl;
    const void *Creator;
} MMX_LIVE_MDL;
/* Every MDL from IoAllocateMdl that was not freed; for the leak verdict. */
void MmxForEachMdl(void (*fn)(const MMX_LIVE_MDL *Live, void *Context), void *Context);

NTSTATUS MmxStart(void);
void MmxEnd(void);

#endif

/* SPDX-License-Identifier: MIT */
/* exi.h - what the files of the executive share and nobody else sees. */
#ifndef OPENFLT_EX_EXI_H
#define OPENFLT_EX_EXI_H

#include "ex/ex.h"
#include "ke/stopcodes.h"

/* Exports that no public header declares. */
BOOLEAN NTAPI ExTryToAcquireResourceExclusiveLite(PERESOURCE Resource);
BOOLEAN NTAPI ExfAcquireRundownProtection(PEX_RUNDOWN_REF RunRef);
VOID NTAPI ExfReleaseRundownProtection(PEX_RUNDOWN_REF RunRef);
VOID NTAPI ExfWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef);
SIZE_T NTAPI ExSizeOfRundownProtectionCacheAware(VOID);
VOID NTAPI ExInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef,
                                                   SIZE_T RunRefSize);
BOOLEAN NTAPI ExAcquireRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE RunRef,
                                                     ULONG Count);
VOID NTAPI ExReleaseRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE RunRef, ULONG Count);
VOID NTAPI ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef);
VOID NTAPI ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef);

VOID NTAPI ExEnterCriticalRegionAndAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex);
BOOLEAN NTAPI ExfTryAcquirePushLockShared(PEX_PUSH_LOCK PushLock);
VOID NTAPI ExfTryToWakePushLock(PEX_PUSH_LOCK PushLock);
ULONG NTAPI ExIsSoftBoot(VOID);

void ExxStartCallbacks(void);
void ExxStartWork(void);
void ExxStopWork(void);

#endif

/* SPDX-License-Identifier: MIT */
/* Push locks and resources as FltMgr hands them to filters: the executive's, with the critical
 * region entered. */
#include "fltx.h"

/* Prepares a push lock; nonpaged or paged memory. IRQL: <= APC_LEVEL
 * (nf-fltkernel-fltinitializepushlock). */
VOID NTAPI FltInitializePushLock(PEX_PUSH_LOCK PushLock)
{
    ExInitializePushLock(PushLock);
}

/* A push lock holds nothing to free; it must not be held (nf-fltkernel-fltdeletepushlock). */
VOID NTAPI FltDeletePushLock(PEX_PUSH_LOCK PushLock)
{
    UNREFERENCED_PARAMETER(PushLock);
}

/* Exclusive; normal kernel APCs stay off until the release. IRQL: <= APC_LEVEL
 * (nf-fltkernel-fltacquirepushlockexclusive). */
VOID NTAPI FltAcquirePushLockExclusive(PEX_PUSH_LOCK PushLock)
{
    KeEnterCriticalRegion();
    ExAcquirePushLockExclusiveEx(PushLock, 0);
}

/* Shared (nf-fltkernel-fltacquirepushlockshared). */
VOID NTAPI FltAcquirePushLockShared(PEX_PUSH_LOCK PushLock)
{
    KeEnterCriticalRegion();
    ExAcquirePushLockSharedEx(PushLock, 0);
}

/* Either way of holding it (nf-fltkernel-fltreleasepushlock). */
VOID NTAPI FltReleasePushLock(PEX_PUSH_LOCK PushLock)
{
    ExReleasePushLockEx(PushLock, 0);
    KeLeaveCriticalRegion();
}

/* The Ex forms (build 9600) take FLT_PUSH_LOCK_ flags about priority boosts, which openflt's
 * threads do not have. */
VOID NTAPI FltAcquirePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    UNREFERENCED_PARAMETER(Flags);
    FltAcquirePushLockExclusive(PushLock);
}

VOID NTAPI FltAcquirePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    UNREFERENCED_PARAMETER(Flags);
    FltAcquirePushLockShared(PushLock);
}

VOID NTAPI FltReleasePushLockEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    UNREFERENCED_PARAMETER(Flags);
    FltReleasePushLock(PushLock);
}

/* A resource, exclusive, in a critical region. IRQL: <= APC_LEVEL
 * (nf-fltkernel-fltacquireresourceexclusive). */
VOID NTAPI FltAcquireResourceExclusive(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(Resource, TRUE);
}

/* Shared (nf-fltkernel-fltacquireresourceshared). */
VOID NTAPI FltAcquireResourceShared(PERESOURCE Resource)
{
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(Resource, TRUE);
}

/* IRQL: <= DISPATCH_LEVEL (nf-fltkernel-fltreleaseresource). */
VOID NTAPI FltReleaseResource(PERESOURCE Resource)
{
    ExReleaseResourceLite(Resource);
    KeLeaveCriticalRegion();
}

/* SPDX-License-Identifier: MIT */
/*
 * Rundown protection: many short users of an object and one who wants them gone. The word counts
 * users from bit 1 on; with bit 0 set the rundown has begun and the rest points at the waiter's
 * count, or is empty when it is over.
 */
#include "ex/exi.h"

#include <stdlib.h>
#include <string.h>

typedef struct _RUNDOWN_WAIT {
    LONG64 Users;
    PKTHREAD Thread;
    bool Gone;
} RUNDOWN_WAIT;

static ULONG_PTR Load(PEX_RUNDOWN_REF Ref)
{
    return __atomic_load_n(&Ref->Count, __ATOMIC_ACQUIRE);
}

static bool Cas(PEX_RUNDOWN_REF Ref, ULONG_PTR *Seen, ULONG_PTR New)
{
    return __atomic_compare_exchange_n(&Ref->Count, Seen, New, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static inline BOOLEAN AcquireMany(PEX_RUNDOWN_REF Ref, ULONG Count)
{
    ULONG_PTR Seen = Load(Ref);

    KexSchedPoint(KEX_POINT_LOCK);
    while (!(Seen & EX_RUNDOWN_ACTIVE))
        if (Cas(Ref, &Seen, Seen + (ULONG_PTR)Count * EX_RUNDOWN_COUNT_INC))
            return TRUE;
    return FALSE;
}

static void NTAPI __attribute__((noinline))
ReleaseRunningDown(PEX_RUNDOWN_REF Ref, ULONG_PTR Seen, ULONG Count, const void *Caller)
{
    RUNDOWN_WAIT *Wait;

    if (!(Seen & EX_RUNDOWN_ACTIVE)) {
        KexFinding("LCK-027", "verifier", Caller,
                   "rundown protection at %p is released more often than acquired", (void *)Ref);
        return;
    }
    Wait = (RUNDOWN_WAIT *)(Seen & ~(ULONG_PTR)EX_RUNDOWN_ACTIVE);
    if (__builtin_expect(!Wait, 0)) {
        KexFinding("LCK-027", "verifier", Caller,
                   "rundown protection at %p is released after its rundown is over", (void *)Ref);
        return;
    }
    if (__atomic_sub_fetch(&Wait->Users, Count, __ATOMIC_ACQ_REL) == 0) {
        PKTHREAD Thread = Wait->Thread;

        KexPinThread(Thread);
        __atomic_store_n(&Wait->Gone, true, __ATOMIC_RELEASE);
        KexWake(Thread);
        KexUnpinThread(Thread);
    }
}

static inline void ReleaseMany(PEX_RUNDOWN_REF Ref, ULONG Count, const void *Caller)
{
    ULONG_PTR Seen = Load(Ref);

    while (!(Seen & EX_RUNDOWN_ACTIVE) && Seen >= (ULONG_PTR)Count * EX_RUNDOWN_COUNT_INC)
        if (Cas(Ref, &Seen, Seen - (ULONG_PTR)Count * EX_RUNDOWN_COUNT_INC))
            return;
    ReleaseRunningDown(Ref, Seen, Count, Caller);
}

static void WaitForAll(PEX_RUNDOWN_REF Ref, const void *Caller)
{
    RUNDOWN_WAIT Wait = {.Thread = KexCurrentThread()};
    KEX_WAIT Why = {.What = "rundown protection", .Object = Ref, .Caller = Caller};
    ULONG_PTR Seen = Load(Ref);
    LONG64 Users;

    for (;;) {
        if (Seen == EX_RUNDOWN_ACTIVE)
            return;                     /* over already */
        if (Seen & EX_RUNDOWN_ACTIVE) {
            KexFinding("LCK-027", "verifier", Caller, "two threads wait for the rundown at %p",
                       (void *)Ref);
            return;
        }
        /* From the swap on Wait.Users belongs to the users. */
        Wait.Users = Users = (LONG64)(Seen >> EX_RUNDOWN_COUNT_SHIFT);
        if (Cas(Ref, &Seen, Users ? (ULONG_PTR)&Wait | EX_RUNDOWN_ACTIVE : EX_RUNDOWN_ACTIVE))
            break;
    }
    if (!Users)
        return;
    while (!__atomic_load_n(&Wait.Gone, __ATOMIC_ACQUIRE))
        KexBlock(&Why, 0);
    __atomic_store_n(&Ref->Count, EX_RUNDOWN_ACTIVE, __ATOMIC_RELEASE);
}

/* ---- exports --------------------------------------------------------------------------------- */

VOID NTAPI ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    __atomic_store_n(&RunRef->Count, 0, __ATOMIC_RELEASE);
}

/* After a completed rundown the object may be used again (nf-wdm-exreinitializerundownprotection).
 */
VOID NTAPI ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    __atomic_store_n(&RunRef->Count, 0, __ATOMIC_RELEASE);
}

/* FALSE when the rundown has begun: the object must not be touched. IRQL <= DISPATCH_LEVEL. */
BOOLEAN NTAPI ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    return AcquireMany(RunRef, 1);
}

BOOLEAN NTAPI ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    return AcquireMany(RunRef, Count);
}

VOID NTAPI ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    ReleaseMany(RunRef, 1, __builtin_return_address(0));
}

VOID NTAPI ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    ReleaseMany(RunRef, Count, __builtin_return_address(0));
}

/* Lets no new user in and returns when the last is gone. IRQL <= APC_LEVEL
 * (nf-wdm-exwaitforrundownprotectionrelease). */
VOID NTAPI ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef)
{
    WaitForAll(RunRef, __builtin_return_address(0));
}

/* From here on every acquire fails (nf-wdm-exrundowncompleted). */
VOID NTAPI ExRundownCompleted(PEX_RUNDOWN_REF RunRef)
{
    __atomic_store_n(&RunRef->Count, EX_RUNDOWN_ACTIVE, __ATOMIC_RELEASE);
}

/* The older names of the same. */
BOOLEAN NTAPI ExfAcquireRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    return AcquireMany(RunRef, 1);
}

VOID NTAPI ExfReleaseRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    ReleaseMany(RunRef, 1, __builtin_return_address(0));
}

VOID NTAPI ExfWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef)
{
    WaitForAll(RunRef, __builtin_return_address(0));
}

/* ---- the cache-aware form: a structure only its routines look into --------------------------- */

struct _EX_RUNDOWN_REF_CACHE_AWARE {
    EX_RUNDOWN_REF Ref;
};

SIZE_T NTAPI ExSizeOfRundownProtectionCacheAware(VOID)
{
    return sizeof(EX_RUNDOWN_REF) + sizeof(PVOID);
}

VOID NTAPI ExInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef,
                                                   SIZE_T RunRefSize)
{
    (void)RunRefSize;
    ExInitializeRundownProtection(&RunRef->Ref);
}

PEX_RUNDOWN_REF_CACHE_AWARE NTAPI ExAllocateCacheAwareRundownProtection(POOL_TYPE PoolType,
                                                                        ULONG PoolTag)
{
    PEX_RUNDOWN_REF_CACHE_AWARE RunRef = ExAllocatePoolWithTag(PoolType, sizeof *RunRef, PoolTag);

    if (RunRef)
        ExInitializeRundownProtection(&RunRef->Ref);
    return RunRef;
}

VOID NTAPI ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE RunRef)
{
    ExFreePoolWithTag(RunRef, 0);
}

BOOLEAN NTAPI ExAcquireRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef)
{
    return AcquireMany(&RunRef->Ref, 1);
}

BOOLEAN NTAPI ExAcquireRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE RunRef,
                                                     ULONG Count)
{
    return AcquireMany(&RunRef->Ref, Count);
}

VOID NTAPI ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef)
{
    ReleaseMany(&RunRef->Ref, 1, __builtin_return_address(0));
}

VOID NTAPI ExReleaseRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE RunRef, ULONG Count)
{
    ReleaseMany(&RunRef->Ref, Count, __builtin_return_address(0));
}

VOID NTAPI ExWaitForRundownProtectionReleaseCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef)
{
    WaitForAll(&RunRef->Ref, __builtin_return_address(0));
}

VOID NTAPI ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef)
{
    ExRundownCompleted(&RunRef->Ref);
}

VOID NTAPI ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef)
{
    ExReInitializeRundownProtection(&RunRef->Ref);
}

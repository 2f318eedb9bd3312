/* SPDX-License-Identifier: MIT */
/*
 * Timers of the executive: a kernel timer with its DPC in memory of its own, which the deletion
 * frees after the last callback. They can be waited for by their address.
 */
#include "ex/exi.h"

#include <string.h>

#define TAG 0x6d546345u         /* "EcTm" */

struct _EX_TIMER {
    KTIMER Timer;               /* first: waited for by this address */
    KDPC Dpc;
    PEXT_CALLBACK Callback;
    PVOID Context;
    PEXT_DELETE_CALLBACK DeleteCallback;
    PVOID DeleteContext;
};

static VOID NTAPI Expired(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PEX_TIMER Timer = Context;

    (void)Dpc;
    (void)Argument1;
    (void)Argument2;
    Timer->Callback(Timer, Timer->Context);
}

/* NULL without memory. Attributes: EX_TIMER_NOTIFICATION for a notification timer
 * (nf-wdm-exallocatetimer). */
PEX_TIMER NTAPI ExAllocateTimer(PEXT_CALLBACK Callback, PVOID CallbackContext, ULONG Attributes)
{
    PEX_TIMER Timer = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *Timer, TAG);

    if (!Timer)
        return NULL;
    memset(Timer, 0, sizeof *Timer);
    KeInitializeTimerEx(&Timer->Timer, Attributes & EX_TIMER_NOTIFICATION ? NotificationTimer
                                                                          : SynchronizationTimer);
    KeInitializeDpc(&Timer->Dpc, Expired, Timer);
    Timer->Callback = Callback;
    Timer->Context = CallbackContext;
    return Timer;
}

/* DueTime as KeSetTimer, Period in 100 ns; TRUE when it was set before. IRQL <= DISPATCH_LEVEL
 * (nf-wdm-exsettimer). */
BOOLEAN NTAPI ExSetTimer(PEX_TIMER Timer, LONGLONG DueTime, LONGLONG Period,
                         PEXT_SET_PARAMETERS Parameters)
{
    LARGE_INTEGER Due;

    (void)Parameters;
    Due.QuadPart = DueTime;
    return KeSetTimerEx(&Timer->Timer, Due, (LONG)((Period + 9999) / 10000),
                        Timer->Callback ? &Timer->Dpc : NULL);
}

BOOLEAN NTAPI ExCancelTimer(PEX_TIMER Timer, PEXT_CANCEL_PARAMETERS Parameters)
{
    (void)Parameters;
    return KeCancelTimer(&Timer->Timer);
}

static VOID NTAPI Finish(PVOID Parameter)
{
    PEX_TIMER Timer = Parameter;
    PEXT_DELETE_CALLBACK Callback = Timer->DeleteCallback;
    PVOID Context = Timer->DeleteContext;

    KeFlushQueuedDpcs();
    ExFreePoolWithTag(Timer, TAG);
    if (Callback)
        Callback(Context);
}

/*
 * Frees the timer after its last callback. Wait, which needs Cancel, returns only then and at IRQL
 * <= APC_LEVEL; otherwise the DeleteCallback tells. TRUE when Cancel found it set
 * (nf-wdm-exdeletetimer).
 */
BOOLEAN NTAPI ExDeleteTimer(PEX_TIMER Timer, BOOLEAN Cancel, BOOLEAN Wait,
                            PEXT_DELETE_PARAMETERS Parameters)
{
    BOOLEAN WasSet = Cancel ? KeCancelTimer(&Timer->Timer) : FALSE;
    PWORK_QUEUE_ITEM Item = (PWORK_QUEUE_ITEM)(void *)&Timer->Timer;

    Timer->DeleteCallback = Parameters ? Parameters->DeleteCallback : NULL;
    Timer->DeleteContext = Parameters ? Parameters->DeleteContext : NULL;
    if (!Cancel)
        KeCancelTimer(&Timer->Timer);
    if (Wait) {
        Finish(Timer);
        return WasSet;
    }
    /* Nobody may use the timer any more: its own storage carries the item that ends it. */
    _Static_assert(sizeof(WORK_QUEUE_ITEM) <= sizeof(KTIMER), "room for the item");
    ExInitializeWorkItem(Item, Finish, Timer);
    ExQueueWorkItem(Item, DelayedWorkQueue);
    return WasSet;
}

/* In 100 ns: the coarsest, the finest and the present tick (nf-wdm-exquerytimerresolution). */
VOID NTAPI ExQueryTimerResolution(PULONG MaximumTime, PULONG MinimumTime, PULONG CurrentTime)
{
    *MaximumTime = KeQueryTimeIncrement();
    *MinimumTime = 5000;
    *CurrentTime = KeQueryTimeIncrement();
}

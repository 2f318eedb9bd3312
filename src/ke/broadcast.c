/* SPDX-License-Identifier: MIT */
/*
 * One routine on every processor at once: KeGenericCallDpc and KeIpiGenericCall. Each processor
 * gets a thread for the call, which owns it while the routine runs; the calling thread takes one
 * itself.
 */
#include "kei.h"

#include <stdlib.h>

typedef struct _BROADCAST {
    PKDEFERRED_ROUTINE Dpc;             /* one of the two */
    PKIPI_BROADCAST_WORKER Worker;
    PVOID Context;
    LONG Running;                       /* routines that have not said that they are done */
    LONG Arrived, Turn;                 /* at the barrier of KeSignalCallDpcSynchronize */
} BROADCAST;

typedef struct _SHARE {
    BROADCAST *Call;
    ULONG Processor;
    PKTHREAD Thread;
    ULONG_PTR Result;
} SHARE;

static void RunShare(SHARE *Share)
{
    BROADCAST *Call = Share->Call;
    PKTHREAD Thread = KexxCurrent;
    unsigned Spins = 0;

    while (!KexxTryProcessor(Thread, Share->Processor))
        KexxRelax(&Spins);
    KexxSetIrql(Thread, Call->Dpc ? DISPATCH_LEVEL : IPI_LEVEL);
    /* All start together: an IPI routine may wait for the others. */
    __atomic_add_fetch(&Call->Running, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&Call->Running, __ATOMIC_SEQ_CST) < (LONG)KexxProcessorCount)
        KexxRelax(&Spins);
    if (Call->Dpc) {
        KDPC Dpc;

        KeInitializeDpc(&Dpc, Call->Dpc, Call->Context);
        Thread->DpcRunning = true;
        Call->Dpc(&Dpc, Call->Context, Call, Call);
        Thread->DpcRunning = false;
    } else {
        Share->Result = Call->Worker((ULONG_PTR)Call->Context);
    }
    KexxLower(Thread, PASSIVE_LEVEL);
}

static void NTAPI ShareThread(PVOID Context)
{
    RunShare(Context);
}

static ULONG_PTR RunEverywhere(BROADCAST *Call)
{
    SHARE Share[KEX_MAX_PROCESSORS] = {{0}};

    /* Only one at a time: two would each hold some processors. */
    static KMUTANT One;
    static host_lock Once;
    static bool Ready;
    KEX_WAIT Why = {.What = "broadcast to all processors", .Object = &One};

    host_lock_acquire(&Once);
    if (!Ready)
        KeInitializeMutant(&One, FALSE);
    Ready = true;
    host_lock_release(&Once);
    KexWaitForObject(&One, KernelMode, FALSE, NULL, &Why);
    for (ULONG i = 0; i < KexxProcessorCount; i++) {
        Share[i].Call = Call;
        Share[i].Processor = i;
        if (i && !NT_SUCCESS(
                     KexThreadStart("broadcast", NULL, ShareThread, &Share[i], &Share[i].Thread)))
            KexStop(0, "OUT OF MEMORY", NULL, "no host thread for a broadcast to all processors");
    }
    RunShare(&Share[0]);
    for (ULONG i = 1; i < KexxProcessorCount; i++)
        KexJoinThread(Share[i].Thread);
    KeReleaseMutant(&One, 0, FALSE, FALSE);
    return Share[0].Result;
}

/*
 * Runs Routine as a DPC on every processor at the same time and returns when all have called
 * KeSignalCallDpcDone with their first system argument. PASSIVE_LEVEL (undocumented export).
 */
VOID NTAPI KeGenericCallDpc(PKDEFERRED_ROUTINE Routine, PVOID Context)
{
    BROADCAST Call = {.Dpc = Routine, .Context = Context};

    RunEverywhere(&Call);
}

/* The return of every routine is waited for; this only keeps the books. */
VOID NTAPI KeSignalCallDpcDone(PVOID SystemArgument1)
{
    (void)SystemArgument1;
}

/* Returns when every routine of the broadcast has called it; TRUE for one of them. */
LOGICAL NTAPI KeSignalCallDpcSynchronize(PVOID SystemArgument2)
{
    BROADCAST *Call = SystemArgument2;
    LONG Turn = __atomic_load_n(&Call->Turn, __ATOMIC_SEQ_CST);
    unsigned Spins = 0;

    if (__atomic_add_fetch(&Call->Arrived, 1, __ATOMIC_SEQ_CST) == (LONG)KexxProcessorCount) {
        __atomic_store_n(&Call->Arrived, 0, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&Call->Turn, 1, __ATOMIC_SEQ_CST);
        return TRUE;
    }
    while (__atomic_load_n(&Call->Turn, __ATOMIC_SEQ_CST) == Turn)
        KexxRelax(&Spins);
    return FALSE;
}

/* Runs the routine on every processor at IPI_LEVEL, all at once; its result on this one
 * (nf-wdm-keipigenericcall). */
ULONG_PTR NTAPI KeIpiGenericCall(PKIPI_BROADCAST_WORKER BroadcastFunction, ULONG_PTR Context)
{
    BROADCAST Call = {.Worker = BroadcastFunction, .Context = (PVOID)Context};

    return RunEverywhere(&Call);
}

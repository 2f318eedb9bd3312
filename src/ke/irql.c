/* SPDX-License-Identifier: MIT */
/*
 * IRQL. The level lives in the thread's KPCR (gs:[50h]), where inlined driver code reads it as
 * well. Raising to DISPATCH_LEVEL takes a processor and lowering below gives it back after its DPCs
 * ran: between the two the thread has per-processor data for itself, as on Windows.
 */
#include "kei.h"

KEX_PROCESSOR KexxProcessors[KEX_MAX_PROCESSORS];
ULONG KexxProcessorCount = 4;
/* Inlined code and drivers may read the count as data. */
volatile CCHAR KeNumberProcessors = 4;

/*
 * Any processor. Owners never wait for a processor, so waiting here for one
 * of them to lower cannot close a circle.
 */
void KEX_SLOW KexxTakeProcessor(PKTHREAD Thread)
{
    ULONG First = __atomic_load_n(&Thread->Pcr.Number, __ATOMIC_RELAXED);
    unsigned Spins = 0;

    for (;;) {
        for (ULONG i = 0, n = First; i < KexxProcessorCount; i++) {
            if (KexxTryProcessor(Thread, n))
                return;
            if (++n >= KexxProcessorCount)
                n = 0;
        }
        KexxRelax(&Spins);
    }
}

/* The thread owns Processor, and does not on return. A DPC may come between the last look and the
 * release. */
void KEX_SLOW KexxDrainAndRelease(PKTHREAD Thread, KEX_PROCESSOR *Processor)
{
    do {
        assert(__atomic_load_n(&Processor->Owner, __ATOMIC_RELAXED) == Thread);
        KexxDrainDpcs(Thread, Processor);
        __atomic_store_n(&Processor->Owner, NULL, __ATOMIC_SEQ_CST);
    } while (__atomic_load_n(&Processor->Depth, __ATOMIC_SEQ_CST) &&
             KexxTryProcessor(Thread, (ULONG)(Processor - KexxProcessors)));
}

/*
 * The current IRQL. Any level; no failure (nf-wdm-kegetcurrentirql). A host thread that is no NT
 * thread is at PASSIVE_LEVEL.
 */
KIRQL NTAPI KeGetCurrentIrql(VOID)
{
    PKTHREAD Thread = KexxCurrent;

    return Thread ? KexxIrql(Thread) : PASSIVE_LEVEL;
}

static _Noreturn void KEX_SLOW BadRaise(ULONG New, KIRQL Old, const void *Caller)
{
    KexStop(IRQL_NOT_GREATER_OR_EQUAL, "IRQL_NOT_GREATER_OR_EQUAL", Caller,
        "IRQL-019: KeRaiseIrql was given level %u while the thread runs at level %u", New, Old);
}

static _Noreturn void KEX_SLOW BadLower(KIRQL New, KIRQL Old, const void *Caller)
{
    KexStop(IRQL_NOT_LESS_OR_EQUAL, "IRQL_NOT_LESS_OR_EQUAL", Caller,
        "IRQL-020: KeLowerIrql was given level %u while the thread runs at level %u", New, Old);
}

/*
 * Raises to NewIrql and returns the old level. A level below the current one is
 * IRQL_NOT_GREATER_OR_EQUAL (nf-wdm-kfraiseirql).
 */
KIRQL NTAPI KfRaiseIrql(KIRQL NewIrql)
{
    PKTHREAD Thread = KexxCurrent;

    if (__builtin_expect(NewIrql < KexxIrql(Thread) || NewIrql > HIGH_LEVEL, 0))
        BadRaise(NewIrql, KexxIrql(Thread), __builtin_return_address(0));
    return KexxRaise(Thread, NewIrql);
}

/*
 * Lowers to NewIrql, the level that the matching raise returned. What waited for it runs before the
 * return: DPCs below DISPATCH_LEVEL, kernel APCs below APC_LEVEL. A level above the current one is
 * IRQL_NOT_LESS_OR_EQUAL (nf-wdm-kelowerirql).
 */
VOID NTAPI KeLowerIrql(KIRQL NewIrql)
{
    PKTHREAD Thread = KexxCurrent;

    if (__builtin_expect(NewIrql > KexxIrql(Thread), 0))
        BadLower(NewIrql, KexxIrql(Thread), __builtin_return_address(0));
    KexxLower(Thread, NewIrql);
}

void NTAPI KexWriteCr8(ULONG64 Level)
{
    PKTHREAD Thread = KexxCurrent;

    /* Inlined KeRaiseIrql and KeLowerIrql are the same instruction: the direction tells them apart.
     */
    if (Level > HIGH_LEVEL)
        BadRaise((ULONG)Level, KexxIrql(Thread), __builtin_return_address(0));
    if (Level >= KexxIrql(Thread))
        KexxRaise(Thread, (KIRQL)Level);
    else
        KexxLower(Thread, (KIRQL)Level);
}

/* Number of the current processor: stable while the caller is at DISPATCH_LEVEL
 * (nf-wdm-kegetcurrentprocessornumberex). */
ULONG NTAPI KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER ProcNumber)
{
    ULONG Number = KexxCurrent->Pcr.Number;

    if (ProcNumber) {
        ProcNumber->Group = 0;
        ProcNumber->Number = (UCHAR)Number;
        ProcNumber->Reserved = 0;
    }
    return Number;
}

ULONG NTAPI KeQueryActiveProcessorCount(PKAFFINITY ActiveProcessors)
{
    if (ActiveProcessors)
        *ActiveProcessors = KeQueryActiveProcessors();
    return KexxProcessorCount;
}

ULONG NTAPI KeQueryActiveProcessorCountEx(USHORT GroupNumber)
{
    return GroupNumber == 0 || GroupNumber == ALL_PROCESSOR_GROUPS ? KexxProcessorCount : 0;
}

ULONG NTAPI KeQueryMaximumProcessorCount(VOID)
{
    return KexxProcessorCount;
}

ULONG NTAPI KeQueryMaximumProcessorCountEx(USHORT GroupNumber)
{
    return KeQueryActiveProcessorCountEx(GroupNumber);
}

USHORT NTAPI KeQueryActiveGroupCount(VOID)
{
    return 1;
}

KAFFINITY NTAPI KeQueryActiveProcessors(VOID)
{
    return KexxProcessorCount >= 64 ? ~(KAFFINITY)0 : ((KAFFINITY)1 << KexxProcessorCount) - 1;
}

NTSTATUS NTAPI KeGetProcessorNumberFromIndex(ULONG ProcIndex, PPROCESSOR_NUMBER ProcNumber)
{
    if (ProcIndex >= KexxProcessorCount)
        return STATUS_INVALID_PARAMETER;
    ProcNumber->Group = 0;
    ProcNumber->Number = (UCHAR)ProcIndex;
    ProcNumber->Reserved = 0;
    return STATUS_SUCCESS;
}

ULONG NTAPI KeGetProcessorIndexFromNumber(PPROCESSOR_NUMBER ProcNumber)
{
    if (ProcNumber->Group || ProcNumber->Number >= KexxProcessorCount)
        return 0xffffffffu;                     /* INVALID_PROCESSOR_INDEX */
    return ProcNumber->Number;
}

/* One group, one node. */
USHORT NTAPI KeQueryMaximumGroupCount(VOID)
{
    return 1;
}

KAFFINITY NTAPI KeQueryGroupAffinity(USHORT GroupNumber)
{
    return GroupNumber ? 0 : KeQueryActiveProcessors();
}

USHORT NTAPI KeQueryHighestNodeNumber(VOID)
{
    return 0;
}

USHORT NTAPI KeGetCurrentNodeNumber(VOID)
{
    return 0;
}

ULONG NTAPI KeGetRecommendedSharedDataAlignment(VOID)
{
    return 64;
}

/* Caches of x64 are coherent with devices, and there are none (nf-wdm-keflushiobuffers). */
VOID NTAPI KeFlushIoBuffers(PMDL Mdl, BOOLEAN ReadOperation, BOOLEAN DmaOperation)
{
    (void)Mdl;
    (void)ReadOperation;
    (void)DmaOperation;
}

VOID NTAPI KeInvalidateAllCaches(VOID)
{
}

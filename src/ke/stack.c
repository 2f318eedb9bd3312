/* SPDX-License-Identifier: MIT */
/*
 * Kernel stacks: limits, expansion, and attachment to another process. Our stacks are much larger
 * than Windows' 24 KiB; what is reported is what there is.
 */
#include "kei.h"
#include "host/fault.h"
#include "ke/try.h"

#include <string.h>

/*
 * Calls Routine(Parameter), an ms_abi function, on another stack. The frame pointer stays on the
 * old stack and the canonical frame address is computed from it, so that unwinders and profilers
 * walk across.
 */
void KexxCallOnStack(PEXPAND_STACK_CALLOUT Routine, PVOID Parameter, void *Top);
__asm__(
    ".text\n"
    ".p2align 4\n"
    ".globl KexxCallOnStack\n"
    ".hidden KexxCallOnStack\n"
    ".type KexxCallOnStack, @function\n"
    "KexxCallOnStack:\n"
    "    .cfi_startproc\n"
    "    push %rbp\n"
    "    .cfi_def_cfa_offset 16\n"
    "    .cfi_offset %rbp, -16\n"
    "    mov %rsp, %rbp\n"
    "    .cfi_def_cfa_register %rbp\n"
    "    mov %rdx, %rsp\n"
    "    and $-16, %rsp\n"
    "    sub $32, %rsp\n"               /* home area of the callee */
    "    mov %rsi, %rcx\n"
    "    call *%rdi\n"
    "    mov %rbp, %rsp\n"
    "    pop %rbp\n"
    "    .cfi_def_cfa %rsp, 8\n"
    "    ret\n"
    "    .cfi_endproc\n"
    ".size KexxCallOnStack, .-KexxCallOnStack\n");

/* Bounds of the stack the caller runs on (nf-ntddk-iogetstacklimits). */
VOID NTAPI IoGetStackLimits(PULONG_PTR LowLimit, PULONG_PTR HighLimit)
{
    *LowLimit = KexxCurrent->StackLow;
    *HighLimit = KexxCurrent->StackHigh;
}

/* Bytes left on the current stack (nf-wdm-iogetremainingstacksize). */
ULONG_PTR NTAPI IoGetRemainingStackSize(VOID)
{
    return (uintptr_t)__builtin_frame_address(0) - KexxCurrent->StackLow;
}

PVOID NTAPI IoGetInitialStack(VOID)
{
    return (PVOID)KexxCurrent->StackHigh;
}

LOGICAL NTAPI IoWithinStackLimits(ULONG_PTR RegionStart, SIZE_T RegionSize)
{
    PKTHREAD Thread = KexxCurrent;

    return RegionStart >= Thread->StackLow && RegionStart <= Thread->StackHigh &&
           RegionSize <= Thread->StackHigh - RegionStart;
}

/* One expansion; lies in the frame on the old stack. */
typedef struct _KEXX_EXPANSION {
    struct _KEXX_EXPANSION *Outer;
    uintptr_t Low, High;        /* bounds of the old stack */
    char *Stack;                /* the new one with its guard page */
    size_t Bytes;
} KEXX_EXPANSION;

static void SwitchLimits(PKTHREAD Thread, uintptr_t Low, uintptr_t High)
{
    uintptr_t OldLow, OldHigh;

    host_lock_acquire(&Thread->ViewLock);
    Thread->StackLow = Low;
    Thread->StackHigh = High;
    host_lock_release(&Thread->ViewLock);
    Thread->Pcr.StackLimit = Low;
    host_fault_set_stack(Low, High, &OldLow, &OldHigh);
}

void KexxFreeDeadStack(PKTHREAD Thread)
{
    if (Thread->DeadStack)
        host_unmap(Thread->DeadStack, Thread->DeadStackBytes);
    Thread->DeadStack = NULL;
}

/*
 * An exception is about to continue at stack pointer Sp, past the end of expansions. They are taken
 * off; the stack this runs on, still in use until the jump, is given back later.
 */
void KexStackLanding(uintptr_t Sp)
{
    PKTHREAD Thread = KexxCurrent;

    while (Thread && Thread->Expansion && (Sp < Thread->StackLow || Sp > Thread->StackHigh)) {
        KEXX_EXPANSION *e = Thread->Expansion;

        KexxFreeDeadStack(Thread);
        Thread->DeadStack = e->Stack;
        Thread->DeadStackBytes = e->Bytes;
        Thread->Expansion = e->Outer;
        SwitchLimits(Thread, e->Low, e->High);
    }
}

/*
 * Calls Callout with at least Size bytes of stack: on the current one when it has them, else on a
 * fresh one behind a guard page. Size <= MAXIMUM_EXPANSION_SIZE, else STATUS_INVALID_PARAMETER_3;
 * STATUS_NO_MEMORY without memory. An exception passes through. IRQL <= APC_LEVEL, DISPATCH_LEVEL
 * when Wait is FALSE (nf-ntddk-keexpandkernelstackandcalloutex).
 */
NTSTATUS NTAPI KeExpandKernelStackAndCalloutEx(PEXPAND_STACK_CALLOUT Callout, PVOID Parameter,
                                               SIZE_T Size, BOOLEAN Wait, PVOID Context)
{
    PKTHREAD Thread = KexxCurrent;
    KEXX_EXPANSION Expansion = {Thread->Expansion, Thread->StackLow, Thread->StackHigh, NULL, 0};
    size_t Bytes;

    (void)Wait;
    if (Context)
        return STATUS_INVALID_PARAMETER_5;
    if (Size > MAXIMUM_EXPANSION_SIZE)
        return STATUS_INVALID_PARAMETER_3;
    if (IoGetRemainingStackSize() >= Size + KERNEL_STACK_SIZE) {
        Callout(Parameter);
        return STATUS_SUCCESS;
    }
    KexxFreeDeadStack(Thread);
    /* Our own frames are deeper than Windows': leave them room beside what was asked for. */
    Bytes = (Size + 8 * KERNEL_STACK_SIZE + 2 * HOST_PAGE - 1) & ~(size_t)(HOST_PAGE - 1);
    Expansion.Stack = host_map(Bytes, HOST_RW);
    Expansion.Bytes = Bytes;
    if (!Expansion.Stack)
        return STATUS_NO_MEMORY;
    host_protect(Expansion.Stack, HOST_PAGE, HOST_NONE);
    Thread->Expansion = &Expansion;
    SwitchLimits(Thread, (uintptr_t)Expansion.Stack + HOST_PAGE,
                 (uintptr_t)Expansion.Stack + Bytes);
    KexxCallOnStack(Callout, Parameter, Expansion.Stack + Bytes);
    Thread->Expansion = Expansion.Outer;
    SwitchLimits(Thread, Expansion.Low, Expansion.High);
    host_unmap(Expansion.Stack, Bytes);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI KeExpandKernelStackAndCallout(PEXPAND_STACK_CALLOUT Callout, PVOID Parameter,
                                             SIZE_T Size)
{
    return KeExpandKernelStackAndCalloutEx(Callout, Parameter, Size, FALSE, NULL);
}

/* ---- processes ------------------------------------------------------------------------------- */

/*
 * The current thread works in the address space and handle table of Process until the matching
 * detach. ApcState is the caller's and keeps what was before; attachments nest
 * (nf-ntifs-kestackattachprocess).
 */
VOID NTAPI KeStackAttachProcess(PRKPROCESS Process, PRKAPC_STATE ApcState)
{
    PKTHREAD Thread = KexxCurrent;

    memset(ApcState, 0, sizeof *ApcState);
    ApcState->Process = (PKPROCESS)Thread->Attached;
    Thread->Attached = (PEPROCESS)Process == KexThreadProcess(Thread) ? NULL : (PEPROCESS)Process;
}

VOID NTAPI KeUnstackDetachProcess(PRKAPC_STATE ApcState)
{
    KexxCurrent->Attached = (PEPROCESS)ApcState->Process;
}

VOID NTAPI KeAttachProcess(PRKPROCESS Process)
{
    KexxCurrent->Attached =
        (PEPROCESS)Process == KexThreadProcess(KexxCurrent) ? NULL : (PEPROCESS)Process;
}

VOID NTAPI KeDetachProcess(VOID)
{
    KexxCurrent->Attached = NULL;
}

BOOLEAN NTAPI KeIsAttachedProcess(VOID)
{
    return KexxCurrent->Attached != NULL;
}

/* ---- affinity and extended state: the host's business ---------------------------------------- */

/* Affinities are kept and reported; the host schedules (nf-ntddk-kesetsystemaffinitythreadex). */
KAFFINITY NTAPI KeSetSystemAffinityThreadEx(KAFFINITY Affinity)
{
    KAFFINITY Old = KexxCurrent->Affinity;

    KexxCurrent->Affinity = Affinity;
    return Old;
}

VOID NTAPI KeSetSystemAffinityThread(KAFFINITY Affinity)
{
    KeSetSystemAffinityThreadEx(Affinity);
}

VOID NTAPI KeRevertToUserAffinityThreadEx(KAFFINITY Affinity)
{
    KexxCurrent->Affinity = Affinity;
}

VOID NTAPI KeRevertToUserAffinityThread(VOID)
{
    KexxCurrent->Affinity = 0;
}

VOID NTAPI KeSetSystemGroupAffinityThread(PGROUP_AFFINITY Affinity,
                                          PGROUP_AFFINITY PreviousAffinity)
{
    if (PreviousAffinity) {
        memset(PreviousAffinity, 0, sizeof *PreviousAffinity);
        PreviousAffinity->Mask = KexxCurrent->Affinity;
    }
    KexxCurrent->Affinity = Affinity->Mask;
}

VOID NTAPI KeRevertToUserGroupAffinityThread(PGROUP_AFFINITY PreviousAffinity)
{
    KexxCurrent->Affinity = PreviousAffinity->Mask;
}

/* The host keeps vector state across every switch; there is nothing to save
 * (nf-wdm-kesaveextendedprocessorstate). */
NTSTATUS NTAPI KeSaveExtendedProcessorState(ULONG64 Mask, PXSTATE_SAVE XStateSave)
{
    (void)Mask;
    (void)XStateSave;
    return STATUS_SUCCESS;
}

VOID NTAPI KeRestoreExtendedProcessorState(PXSTATE_SAVE XStateSave)
{
    (void)XStateSave;
}

/* SPDX-License-Identifier: MIT */
/*
 * The ways out of the kernel base: findings, bug checks and other stops. The hooks carry them to
 * the machine; without one they go to standard error and a stop ends the process.
 */
#include "kei.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void DefaultFinding(const KEX_FINDING *Finding)
{
    fprintf(stderr, "openflt: %s (%s): %s [caller %p]\n", Finding->Rule, Finding->Class,
            Finding->Sentence, Finding->Caller);
}

static void DefaultStop(const KEX_STOP *Stop)
{
    fprintf(stderr, "openflt: machine stopped: %s (0x%X; %llx, %llx, %llx, %llx): %s [caller %p]\n",
            Stop->Title, Stop->Code, (unsigned long long)Stop->Parameter[0],
            (unsigned long long)Stop->Parameter[1], (unsigned long long)Stop->Parameter[2],
            (unsigned long long)Stop->Parameter[3], Stop->Sentence, Stop->Caller);
    host_exit_now(70);
}

static void DefaultDebugPrint(const char *Text, size_t Bytes)
{
    host_write_all(1, Text, Bytes);
}

KEX_HOOKS KexHooks = {
    .Finding = DefaultFinding, .Stop = DefaultStop, .DebugPrint = DefaultDebugPrint};
void (*KexRaiseHook)(NTSTATUS Status, ULONG Parameters, const ULONG_PTR *Parameter,
                     const void *Caller);

void KexFinding(const char *Rule, const char *Class, const void *Caller, const char *Format, ...)
{
    KEX_FINDING Finding = {
        .Rule = Rule, .Class = Class, .Caller = Caller ? Caller : __builtin_return_address(0)};
    va_list Arguments;

    va_start(Arguments, Format);
    vsnprintf(Finding.Sentence, sizeof Finding.Sentence, Format, Arguments);
    va_end(Arguments);
    KexHooks.Finding(&Finding);
}

/* ---- stops ----------------------------------------------------------------------------------- */

static const struct {
    ULONG Code;
    const char *Name;
} Names[] = {
#define CODE(name) {name, #name}
    CODE(APC_INDEX_MISMATCH),
    CODE(IRQL_NOT_GREATER_OR_EQUAL),
    CODE(IRQL_NOT_LESS_OR_EQUAL),
    CODE(MAXIMUM_WAIT_OBJECTS_EXCEEDED),
    CODE(SPIN_LOCK_ALREADY_OWNED),
    CODE(SPIN_LOCK_NOT_OWNED),
    CODE(REFERENCE_BY_POINTER),
    CODE(BAD_POOL_HEADER),
    CODE(KMODE_EXCEPTION_NOT_HANDLED),
    CODE(KERNEL_APC_PENDING_DURING_EXIT),
    CODE(FAT_FILE_SYSTEM),
    CODE(NTFS_FILE_SYSTEM),
    CODE(CACHE_MANAGER),
    CODE(RESOURCE_NOT_OWNED),
    CODE(NO_MORE_IRP_STACK_LOCATIONS),
    CODE(MULTIPLE_IRP_COMPLETE_REQUESTS),
    CODE(CANCEL_STATE_IN_COMPLETED_IRP),
    CODE(PAGE_FAULT_IN_NONPAGED_AREA),
    CODE(PROCESS_HAS_LOCKED_PAGES),
    CODE(SYSTEM_THREAD_EXCEPTION_NOT_HANDLED),
    CODE(ATTEMPTED_SWITCH_FROM_DPC),
    CODE(BAD_POOL_CALLER),
    CODE(DRIVER_VERIFIER_DETECTED_VIOLATION),
    CODE(DRIVER_CORRUPTED_EXPOOL),
    CODE(DRIVER_IRQL_NOT_LESS_OR_EQUAL),
    CODE(TIMER_OR_DPC_INVALID),
    CODE(DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS),
    CODE(IRQL_UNEXPECTED_VALUE),
    CODE(WORKER_THREAD_RETURNED_AT_BAD_IRQL),
    CODE(MANUALLY_INITIATED_CRASH),
    CODE(WORKER_INVALID),
    CODE(FLTMGR_FILE_SYSTEM),
    CODE(DPC_WATCHDOG_VIOLATION),
    CODE(KERNEL_SECURITY_CHECK_FAILURE),
    CODE(THREAD_TERMINATE_HELD_MUTEX),
    CODE(RESOURCE_OWNER_POINTER_INVALID),
    CODE(DRIVER_OVERRAN_STACK_BUFFER),
    CODE(INVALID_RUNDOWN_PROTECTION_FLAGS),
    CODE(INVALID_PUSH_LOCK_FLAGS),
    CODE(KERNEL_LOCK_ENTRY_LEAKED_ON_THREAD_TERMINATION),
#undef CODE
};

const char *KexBugCheckName(ULONG Code)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(Names); i++)
        if (Names[i].Code == Code)
            return Names[i].Name;
    return NULL;
}

/* Registered callbacks, newest first; pushed and removed under the lock, walked without it when the
 * machine stops. */
static host_lock CallbackLock;
static LIST_ENTRY ReasonCallbacks = {&ReasonCallbacks, &ReasonCallbacks};
static LIST_ENTRY Callbacks = {&Callbacks, &Callbacks};
static bool Stopping;

/* Only once: a callback that stops again goes straight to the report of the first reason's
 * successor. */
static void RunCallbacks(void)
{
    if (__atomic_exchange_n(&Stopping, true, __ATOMIC_ACQ_REL))
        return;
    for (PLIST_ENTRY Entry = Callbacks.Flink; Entry != &Callbacks; Entry = Entry->Flink) {
        PKBUGCHECK_CALLBACK_RECORD Record =
            CONTAINING_RECORD(Entry, KBUGCHECK_CALLBACK_RECORD, Entry);

        Record->State = BufferStarted;
        Record->CallbackRoutine(Record->Buffer, Record->Length);
        Record->State = BufferFinished;
    }
}

static _Noreturn void Stop(KEX_STOP *Stop)
{
    KexHooks.Stop(Stop);
    host_exit_now(70);              /* a hook that came back */
}

_Noreturn void KexStop(ULONG Code, const char *Title, const void *Caller, const char *Format, ...)
{
    KEX_STOP Reason = {
        .Code = Code, .Title = Title, .Caller = Caller ? Caller : __builtin_return_address(0)};
    va_list Arguments;

    va_start(Arguments, Format);
    vsnprintf(Reason.Sentence, sizeof Reason.Sentence, Format, Arguments);
    va_end(Arguments);
    Stop(&Reason);
}

_Noreturn void KexBugCheck(ULONG Code, const ULONG_PTR Parameter[4], const void *Caller,
                           const char *Format, ...)
{
    const char *Name = KexBugCheckName(Code);
    KEX_STOP Reason = {.Code = Code, .Title = Name ? Name : "BUG CHECK", .Caller = Caller};
    va_list Arguments;

    memcpy(Reason.Parameter, Parameter, sizeof Reason.Parameter);
    va_start(Arguments, Format);
    vsnprintf(Reason.Sentence, sizeof Reason.Sentence, Format, Arguments);
    va_end(Arguments);
    Stop(&Reason);
}

_Noreturn void KexRaise(NTSTATUS Status, ULONG Parameters, const ULONG_PTR *Parameter,
                        const void *Caller)
{
    if (KexRaiseHook)
        KexRaiseHook(Status, Parameters, Parameter, Caller);
    KexStop(KMODE_EXCEPTION_NOT_HANDLED, "KMODE_EXCEPTION_NOT_HANDLED", Caller,
        "exception 0x%08X was raised and nobody handled it", (unsigned)Status);
}

/* ---- exports --------------------------------------------------------------------------------- */

/*
 * Stops the machine; does not return. Registered bug check callbacks run first. Any IRQL
 * (nf-wdm-kebugcheckex).
 */
DECLSPEC_NORETURN VOID NTAPI KeBugCheckEx(ULONG BugCheckCode, ULONG_PTR BugCheckParameter1,
    ULONG_PTR BugCheckParameter2, ULONG_PTR BugCheckParameter3, ULONG_PTR BugCheckParameter4)
{
    const ULONG_PTR Parameter[4] = {BugCheckParameter1, BugCheckParameter2, BugCheckParameter3,
                                    BugCheckParameter4};

    RunCallbacks();
    KexBugCheck(BugCheckCode, Parameter, __builtin_return_address(0),
                "the driver called KeBugCheckEx");
}

DECLSPEC_NORETURN VOID NTAPI KeBugCheck(ULONG BugCheckCode)
{
    const ULONG_PTR Parameter[4] = {0};

    RunCallbacks();
    KexBugCheck(BugCheckCode, Parameter, __builtin_return_address(0),
                "the driver called KeBugCheck");
}

/* FALSE when the record is registered already (nf-wdm-keregisterbugcheckreasoncallback). */
BOOLEAN NTAPI KeRegisterBugCheckReasonCallback(PKBUGCHECK_REASON_CALLBACK_RECORD CallbackRecord,
                                               PKBUGCHECK_REASON_CALLBACK_ROUTINE CallbackRoutine,
                                               KBUGCHECK_CALLBACK_REASON Reason, PUCHAR Component)
{
    if (CallbackRecord->State != BufferEmpty)
        return FALSE;
    CallbackRecord->CallbackRoutine = CallbackRoutine;
    CallbackRecord->Reason = Reason;
    CallbackRecord->Component = Component;
    CallbackRecord->State = BufferInserted;
    host_lock_acquire(&CallbackLock);
    InsertHeadList(&ReasonCallbacks, &CallbackRecord->Entry);
    host_lock_release(&CallbackLock);
    return TRUE;
}

BOOLEAN NTAPI KeDeregisterBugCheckReasonCallback(PKBUGCHECK_REASON_CALLBACK_RECORD CallbackRecord)
{
    if (CallbackRecord->State != BufferInserted)
        return FALSE;
    host_lock_acquire(&CallbackLock);
    RemoveEntryList(&CallbackRecord->Entry);
    host_lock_release(&CallbackLock);
    CallbackRecord->State = BufferEmpty;
    return TRUE;
}

/* As above, for the older kind of callback (nf-wdm-keregisterbugcheckcallback). */
BOOLEAN NTAPI KeRegisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD CallbackRecord,
    PKBUGCHECK_CALLBACK_ROUTINE CallbackRoutine, PVOID Buffer, ULONG Length, PUCHAR Component)
{
    if (CallbackRecord->State != BufferEmpty)
        return FALSE;
    CallbackRecord->CallbackRoutine = CallbackRoutine;
    CallbackRecord->Buffer = Buffer;
    CallbackRecord->Length = Length;
    CallbackRecord->Component = Component;
    CallbackRecord->State = BufferInserted;
    host_lock_acquire(&CallbackLock);
    InsertHeadList(&Callbacks, &CallbackRecord->Entry);
    host_lock_release(&CallbackLock);
    return TRUE;
}

BOOLEAN NTAPI KeDeregisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD CallbackRecord)
{
    if (CallbackRecord->State != BufferInserted)
        return FALSE;
    host_lock_acquire(&CallbackLock);
    RemoveEntryList(&CallbackRecord->Entry);
    host_lock_release(&CallbackLock);
    CallbackRecord->State = BufferEmpty;
    return TRUE;
}

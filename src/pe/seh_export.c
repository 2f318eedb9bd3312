/* SPDX-License-Identifier: MIT */
/*
 * The kernel's exported exception routines, and the two ways an exception starts: a processor fault
 * and a raise from one of our own routines.
 */
#include "pe/seh.h"
#include "pe/unwind.h"

#include <string.h>

#include "ke/ke.h"

#define UNW_UHANDLER_OR_E 3u

EXCEPTION_DISPOSITION NTAPI __C_specific_handler(PEXCEPTION_RECORD ExceptionRecord,
                                                 PVOID EstablisherFrame, PCONTEXT ContextRecord,
                                                 PDISPATCHER_CONTEXT DispatcherContext);
VOID NTAPI _local_unwind(PVOID TargetFrame, PVOID TargetIp);
VOID NTAPI RtlRaiseStatus(NTSTATUS Status);

typedef LONG NTAPI FILTER(PEXCEPTION_POINTERS Pointers, PVOID Frame);
typedef VOID NTAPI TERMINATION(BOOLEAN Abnormal, PVOID Frame);

/* Scope records hold RVAs. A handler address of 1 stands for a filter that is the constant
 * EXECUTE_HANDLER. */
#define CONSTANT_FILTER 1u

static BOOLEAN Covers(const SCOPE_TABLE_AMD64 *Table, ULONG Index, ULONG64 Rva)
{
    return Rva >= Table->ScopeRecord[Index].BeginAddress &&
           Rva < Table->ScopeRecord[Index].EndAddress;
}

static EXCEPTION_DISPOSITION SearchScopes(PEXCEPTION_RECORD Record, PVOID Frame, PCONTEXT Context,
                                          PDISPATCHER_CONTEXT Dispatcher)
{
    const SCOPE_TABLE_AMD64 *table = Dispatcher->HandlerData;
    ULONG64 rva = Dispatcher->ControlPc - Dispatcher->ImageBase;
    EXCEPTION_POINTERS pointers = {Record, Context};

    for (ULONG i = Dispatcher->ScopeIndex; i < table->Count; i++) {
        ULONG handler = table->ScopeRecord[i].HandlerAddress;
        LONG answer = EXCEPTION_EXECUTE_HANDLER;

        /* No jump target: a __finally, which does not take part in the search. */
        if (!Covers(table, i, rva) || !table->ScopeRecord[i].JumpTarget)
            continue;
        if (handler != CONSTANT_FILTER)
            answer = ((FILTER *)(uintptr_t)(Dispatcher->ImageBase + handler))(&pointers, Frame);
        if (answer < 0)
            return ExceptionContinueExecution;
        if (answer > 0)
            RtlUnwindEx(Frame, (PVOID)(Dispatcher->ImageBase + table->ScopeRecord[i].JumpTarget),
                        Record, (PVOID)(ULONG_PTR)(ULONG)Record->ExceptionCode,
                        Dispatcher->ContextRecord, Dispatcher->HistoryTable);
    }
    return ExceptionContinueSearch;
}

static EXCEPTION_DISPOSITION UnwindScopes(PEXCEPTION_RECORD Record, PVOID Frame,
                                          PDISPATCHER_CONTEXT Dispatcher)
{
    const SCOPE_TABLE_AMD64 *table = Dispatcher->HandlerData;
    ULONG64 rva = Dispatcher->ControlPc - Dispatcher->ImageBase;
    ULONG64 target = Dispatcher->TargetIp - Dispatcher->ImageBase;
    BOOLEAN last = (Record->ExceptionFlags & EXCEPTION_TARGET_UNWIND) != 0;

    for (ULONG i = Dispatcher->ScopeIndex; i < table->Count; i++) {
        if (!Covers(table, i, rva))
            continue;
        /* Execution goes on inside this scope, so nothing from here outwards is left. */
        if (last && Covers(table, i, target))
            break;
        if (table->ScopeRecord[i].JumpTarget) {
            if (last && target == table->ScopeRecord[i].JumpTarget)
                break;
            continue;
        }
        /* Noted before the call: an exception inside goes on behind this scope. */
        Dispatcher->ScopeIndex = i + 1;
        ((TERMINATION *)(uintptr_t)(Dispatcher->ImageBase + table->ScopeRecord[i].HandlerAddress))(
            TRUE, Frame);
    }
    return ExceptionContinueSearch;
}

/*
 * __C_specific_handler: the language handler of __try in C. Any IRQL. Looks for an __except whose
 * filter accepts, or, during an unwind, runs the __finally blocks the control flow leaves ("x64
 * exception handling", scope table).
 */
EXCEPTION_DISPOSITION NTAPI __C_specific_handler(PEXCEPTION_RECORD ExceptionRecord,
                                                 PVOID EstablisherFrame, PCONTEXT ContextRecord,
                                                 PDISPATCHER_CONTEXT DispatcherContext)
{
    if (ExceptionRecord->ExceptionFlags & EXCEPTION_UNWIND)
        return UnwindScopes(ExceptionRecord, EstablisherFrame, DispatcherContext);
    return SearchScopes(ExceptionRecord, EstablisherFrame, ContextRecord, DispatcherContext);
}

/* Moves a walk that starts in our own code out to the first driver frame. FALSE when there is none.
 */
static BOOLEAN LeaveHost(struct seh_walk *Walk)
{
    struct pe_unwind_result result;

    while (!pe_image_from_address((const void *)(uintptr_t)Walk->regs.rip))
        if (!PexStep(Walk, 0, &result))
            return FALSE;
    return TRUE;
}

/*
 * RtlUnwindEx: unwinds to TargetFrame, running the handlers of the frames left, and continues at
 * TargetIp. Any IRQL at which the stack may be touched. Does not return when the frame is on the
 * stack.
 */
VOID NTAPI RtlUnwindEx(PVOID TargetFrame, PVOID TargetIp, PEXCEPTION_RECORD ExceptionRecord,
                       PVOID ReturnValue, PCONTEXT ContextRecord,
                       struct _UNWIND_HISTORY_TABLE *HistoryTable)
{
    EXCEPTION_RECORD own = {.ExceptionCode = STATUS_UNWIND};
    struct seh_walk walk;

    PexCapture(&walk);
    own.ExceptionAddress = (PVOID)walk.regs.rip;
    PexUnwind(&walk, (ULONG64)TargetFrame, (ULONG64)TargetIp,
              ExceptionRecord ? ExceptionRecord : &own, (ULONG64)ReturnValue);
    KexStop(0x1E, "KMODE_EXCEPTION_NOT_HANDLED", __builtin_return_address(0),
            "an unwind to frame 0x%llx does not find it on the stack", (ULONG64)TargetFrame);
}

/* RtlUnwind: the older form; the caller's own frame is where the unwind starts. */
VOID NTAPI RtlUnwind(PVOID TargetFrame, PVOID TargetIp, PEXCEPTION_RECORD ExceptionRecord,
                     PVOID ReturnValue)
{
    RtlUnwindEx(TargetFrame, TargetIp, ExceptionRecord, ReturnValue, NULL, NULL);
}

/* _local_unwind: what compilers call for a jump or return out of a __finally or __try. */
VOID NTAPI _local_unwind(PVOID TargetFrame, PVOID TargetIp)
{
    RtlUnwindEx(TargetFrame, TargetIp, NULL, NULL, NULL, NULL);
}

/*
 * Dispatches a raise from Walk, a point in our own code. Handlers are shown the nearest driver
 * frame, the one that called us; when one wants execution to go on, it goes on there.
 */
static void Raise(PEXCEPTION_RECORD Record, const struct seh_walk *Walk)
{
    struct seh_walk caller = *Walk;
    CONTEXT context;

    if (!LeaveHost(&caller))
        caller = *Walk;
    PexWalkToContext(&caller, &context);
    if (!Record->ExceptionAddress)
        Record->ExceptionAddress = (PVOID)context.Rip;
    if (PexDispatch(Record, &context, Walk)) {
        PexWalkFromContext(&context, &caller);
        PexResume(&caller);
    }
}

static _Noreturn void Unhandled(const EXCEPTION_RECORD *Record, const void *Caller)
{
    KexStop(0x1E, "KMODE_EXCEPTION_NOT_HANDLED", Caller,
            "exception 0x%08x was raised and nobody handles it", (unsigned)Record->ExceptionCode);
}

/* RtlRaiseException: raises the caller's record. IRQL <= DISPATCH. Returns when a filter continues
 * execution. */
VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD ExceptionRecord)
{
    struct seh_walk walk;

    PexCapture(&walk);
    ExceptionRecord->ExceptionAddress = __builtin_return_address(0);
    Raise(ExceptionRecord, &walk);
    Unhandled(ExceptionRecord, __builtin_return_address(0));
}

/* RtlRaiseStatus: raises a status that cannot be continued. */
VOID NTAPI RtlRaiseStatus(NTSTATUS Status)
{
    EXCEPTION_RECORD record = {.ExceptionCode = Status, .ExceptionFlags = EXCEPTION_NONCONTINUABLE};
    struct seh_walk walk;

    PexCapture(&walk);
    record.ExceptionAddress = __builtin_return_address(0);
    Raise(&record, &walk);
    Unhandled(&record, __builtin_return_address(0));
}

/* KexRaiseHook: a raise from our own routines. Comes back when nobody handles it; the caller then
 * stops the machine. */
static void RaiseFromHost(NTSTATUS Status, ULONG Parameters, const ULONG_PTR *Parameter,
                          const void *Caller)
{
    EXCEPTION_RECORD record = {.ExceptionCode = Status, .ExceptionFlags = EXCEPTION_NONCONTINUABLE};
    struct seh_walk walk;

    PexCapture(&walk);
    record.ExceptionAddress = (PVOID)(uintptr_t)Caller;
    record.NumberParameters =
        Parameters < EXCEPTION_MAXIMUM_PARAMETERS ? Parameters : EXCEPTION_MAXIMUM_PARAMETERS;
    for (ULONG i = 0; i < record.NumberParameters; i++)
        record.ExceptionInformation[i] = Parameter[i];
    Raise(&record, &walk);
}

/* RtlPcToFileHeader: base of the image an address lies in, NULL for none. */
PVOID NTAPI RtlPcToFileHeader(PVOID PcValue, PVOID *BaseOfImage)
{
    struct pe_image *image = pe_image_from_address(PcValue);

    *BaseOfImage = image ? image->base : NULL;
    return *BaseOfImage;
}

/* RtlLookupFunctionEntry: the unwind entry of an address in a driver, NULL for a leaf function. */
PRUNTIME_FUNCTION NTAPI RtlLookupFunctionEntry(ULONG64 ControlPc, PULONG64 ImageBase,
                                               struct _UNWIND_HISTORY_TABLE *HistoryTable)
{
    struct pe_image *image = pe_image_from_address((PVOID)ControlPc);

    *ImageBase = image ? (ULONG64)(uintptr_t)image->base : 0;
    return image ? (PRUNTIME_FUNCTION)(uintptr_t)pe_find_function(
                       image, (uint32_t)(ControlPc - *ImageBase))
                 : NULL;
}

/* RtlVirtualUnwind: one frame outwards. ContextRecord becomes the caller's; the handler asked for
 * is returned. */
PEXCEPTION_ROUTINE NTAPI RtlVirtualUnwind(ULONG HandlerType, ULONG64 ImageBase, ULONG64 ControlPc,
                                          PRUNTIME_FUNCTION FunctionEntry, PCONTEXT ContextRecord,
                                          PVOID *HandlerData, PULONG64 EstablisherFrame,
                                          PVOID ContextPointers)
{
    struct pe_image *image = pe_image_from_address((PVOID)ControlPc);
    struct pe_unwind_result result = {0};
    struct seh_walk walk;

    PexWalkFromContext(ContextRecord, &walk);
    walk.regs.rip = ControlPc;
    if (!image ||
        !pe_virtual_unwind(image, &walk.regs, walk.xmm, HandlerType & UNW_UHANDLER_OR_E, &result))
        return NULL;
    memcpy(&ContextRecord->Rax, walk.regs.gp, sizeof(walk.regs.gp));
    ContextRecord->Rip = walk.regs.rip;
    memcpy(ContextRecord->FltSave.XmmRegisters, walk.xmm, sizeof(walk.xmm));
    *EstablisherFrame = result.establisher;
    *HandlerData = (PVOID)(uintptr_t)result.handler_data;
    return result.handler ? (PEXCEPTION_ROUTINE)(uintptr_t)(ImageBase + result.handler) : NULL;
}

/* ---- processor faults ---- */

static BOOLEAN Catchable(const struct host_fault *Fault)
{
    const uint8_t *kpcr = host_get_gs();

    /*
     * As on Windows, only user addresses and pointers that are no address raise an exception. A bad
     * kernel address stops the machine (PAGE_FAULT_IN_NONPAGED_AREA), and so does any page fault at
     * DISPATCH_LEVEL or above.
     */
    if (!Fault->has_address)
        return TRUE;
    if (kpcr && kpcr[KPCR_IRQL_OFFSET] >= DISPATCH_LEVEL)
        return FALSE;
    return Fault->address < HOST_USER_LIMIT;
}

static void FillRecord(const struct host_fault *Fault, PEXCEPTION_RECORD Record)
{
    struct pe_fault_code code;

    pe_classify_fault(Fault, &code);
    memset(Record, 0, sizeof(*Record));
    Record->ExceptionCode = (NTSTATUS)code.exception;
    Record->ExceptionAddress = (PVOID)Fault->regs.rip;
    if (code.exception == (uint32_t)STATUS_ACCESS_VIOLATION) {
        Record->NumberParameters = 2;
        Record->ExceptionInformation[0] = Fault->execute ? EXCEPTION_EXECUTE_FAULT
                                          : Fault->write ? EXCEPTION_WRITE_FAULT
                                                         : EXCEPTION_READ_FAULT;
        Record->ExceptionInformation[1] = Fault->has_address ? Fault->address : ~(ULONG_PTR)0;
    }
    if (code.kind == PE_FAULT_FASTFAIL)
        Record->ExceptionFlags = EXCEPTION_NONCONTINUABLE;
    if (code.exception == (uint32_t)STATUS_IN_PAGE_ERROR) {
        Record->NumberParameters = 3;
        Record->ExceptionInformation[0] =
            Fault->write ? EXCEPTION_WRITE_FAULT : EXCEPTION_READ_FAULT;
        Record->ExceptionInformation[1] = Fault->address;
        Record->ExceptionInformation[2] = (ULONG_PTR)(ULONG)STATUS_IO_DEVICE_ERROR;
    }
    if (code.exception == (uint32_t)STATUS_BREAKPOINT)
        Record->NumberParameters = 1;
}

enum host_fault_result pe_fault_seh(struct host_fault *fault)
{
    EXCEPTION_RECORD record;
    struct seh_walk walk = {.regs = fault->regs, .mxcsr = fault->mxcsr ? *fault->mxcsr : 0x1f80};
    CONTEXT context;

    if (!Catchable(fault))
        return HOST_FAULT_PASS;
    FillRecord(fault, &record);
    /* A fast fail is meant to reach no handler. */
    if (record.ExceptionFlags & EXCEPTION_NONCONTINUABLE)
        return HOST_FAULT_PASS;
    if (fault->kind == HOST_FAULT_TRAP)
        walk.regs.rip--; /* Windows shows the int 3 itself */
    record.ExceptionAddress = (PVOID)walk.regs.rip;
    if (fault->xmm)
        memcpy(walk.xmm, fault->xmm, sizeof(walk.xmm));
    PexWalkToContext(&walk, &context);
    if (!PexDispatch(&record, &context, &walk))
        return HOST_FAULT_PASS;
    memcpy(fault->regs.gp, &context.Rax, sizeof(fault->regs.gp));
    fault->regs.rip = context.Rip;
    fault->regs.rflags = (fault->regs.rflags & ~0xcd5ull) | (context.EFlags & 0xcd5u);
    if (fault->xmm)
        memcpy(fault->xmm, context.FltSave.XmmRegisters, sizeof(walk.xmm));
    return HOST_FAULT_HANDLED;
}

void pe_seh_start(void)
{
    KexRaiseHook = RaiseFromHost;
    host_fault_add_handler(HOST_FAULT_RANK_SEH, pe_fault_seh);
}

/* SPDX-License-Identifier: MIT */
/* The two passes of an exception: search (PexDispatch) and unwind (PexUnwind). */
#include "pe/seh.h"
#include "pe/unwind.h"

#include <string.h>

#include "ke/try.h"

_Static_assert(offsetof(struct seh_walk, regs.rip) == 128, "seh_entry.S");
_Static_assert(offsetof(struct seh_walk, xmm) == 144, "seh_entry.S");
_Static_assert(offsetof(struct seh_walk, mxcsr) == 400, "seh_entry.S");
_Static_assert(offsetof(struct seh_walk, after_call) == 404, "seh_entry.S");
_Static_assert(offsetof(CONTEXT, Rax) == 0x78 && offsetof(CONTEXT, Rip) == 0xf8, "seh_entry.S");

/* Handlers running for an unwind on this thread, innermost first; see seh.h. */
static __thread struct seh_unwinding *active;

void PexWalkToContext(const struct seh_walk *Walk, PCONTEXT Context)
{
    memset(Context, 0, sizeof(*Context));
    Context->ContextFlags = CONTEXT_FULL;
    Context->MxCsr = Context->FltSave.MxCsr = Walk->mxcsr;
    Context->EFlags = (ULONG)Walk->regs.rflags;
    memcpy(&Context->Rax, Walk->regs.gp, sizeof(Walk->regs.gp));
    Context->Rip = Walk->regs.rip;
    memcpy(Context->FltSave.XmmRegisters, Walk->xmm, sizeof(Walk->xmm));
}

void PexWalkFromContext(const CONTEXT *Context, struct seh_walk *Walk)
{
    memcpy(Walk->regs.gp, &Context->Rax, sizeof(Walk->regs.gp));
    Walk->regs.rip = Context->Rip;
    Walk->regs.rflags = Context->EFlags;
    memcpy(Walk->xmm, Context->FltSave.XmmRegisters, sizeof(Walk->xmm));
    Walk->mxcsr = Context->MxCsr;
    Walk->after_call = FALSE;
}

/*
 * Whether a frame can be one of this thread's; handlers are never called with one that cannot. A
 * frame outside of the current bounds may lie on the stack the thread expanded from.
 */
static BOOLEAN OnStack(ULONG64 Frame)
{
    uintptr_t low, high;
    uint64_t word;

    if (Frame % 8)
        return FALSE;
    if (host_fault_stack(&low, &high) && Frame >= low && Frame <= high)
        return TRUE;
    return host_safe_read((const void *)Frame, &word, sizeof(word)) == sizeof(word);
}

BOOLEAN PexStep(struct seh_walk *Walk, unsigned Want, struct pe_unwind_result *Result)
{
    ULONG64 sp = Walk->regs.gp[HOST_RSP];
    struct pe_image *image = pe_image_from_address((const void *)(uintptr_t)Walk->regs.rip);
    bool signal_frame = false;

    memset(Result, 0, sizeof(*Result));
    if (image) {
        pe_leave_stub(image, &Walk->regs);
        if (!pe_virtual_unwind(image, &Walk->regs, Walk->xmm, Want, Result))
            return FALSE;
        Walk->after_call = !Result->machine_frame;
    } else {
        struct host_registers before = Walk->regs;

        if (!pe_unwind_host(&Walk->regs, Walk->xmm, Walk->after_call, &signal_frame)) {
            /* A jump into nowhere counts as a leaf: its caller's return address is on the stack
             * still. */
            if (Walk->after_call)
                return FALSE;
            Walk->regs = before;
            if (!pe_read_stack(sp, &Walk->regs.rip, 8))
                return FALSE;
            Walk->regs.gp[HOST_RSP] = sp + 8;
        }
        Walk->after_call = !signal_frame;
        if (signal_frame)
            host_fault_frame_xmm(sp, Walk->xmm, &Walk->mxcsr);
    }
    /* Only behind a fault may rip be anything. */
    return Walk->regs.gp[HOST_RSP] > sp && (Walk->regs.rip > PE_PAGE || !Walk->after_call);
}

/* A walk over frames that may hold handlers. */
struct frames {
    struct seh_walk at;         /* the frame to look at next */
    struct seh_unwinding *next; /* innermost handler for an unwind not yet passed */
    ULONG scope;                /* where a passed handler had come to */
    KEX_TRY *guard;             /* innermost KexTry not yet passed */
};

static void StartFrames(struct frames *Frames, const struct seh_walk *From)
{
    *Frames = (struct frames){.at = *From, .next = active, .guard = *KexTryHead()};
    /* Handlers run below the frames they serve: what lies deeper than the start is theirs. */
    while (Frames->next && (uintptr_t)Frames->next < From->regs.gp[HOST_RSP])
        Frames->next = Frames->next->outer;
    while (Frames->guard && (uintptr_t)Frames->guard < From->regs.gp[HOST_RSP])
        Frames->guard = Frames->guard->Outer;
}

/* Whether the walk has come out of a KexTry. */
static BOOLEAN AtGuard(const struct frames *Frames)
{
    return Frames->guard && Frames->at.regs.gp[HOST_RSP] > (uintptr_t)Frames->guard;
}

/*
 * When the walk has come out of the routine that runs a handler for an unwind, what follows on the
 * stack are frames that unwind has dealt with already. It goes on at the frame of that handler,
 * behind its progress.
 */
static void SkipUnwound(struct frames *Frames)
{
    Frames->scope = 0;
    while (Frames->next && Frames->at.regs.gp[HOST_RSP] > (uintptr_t)Frames->next) {
        Frames->at = *Frames->next->frame;
        Frames->scope = Frames->next->dispatcher->ScopeIndex;
        Frames->next = Frames->next->outer;
        while (Frames->guard && (uintptr_t)Frames->guard < Frames->at.regs.gp[HOST_RSP])
            Frames->guard = Frames->guard->Outer;
    }
}

/* Describes the frame at Frames->at for its handler and steps out of it. FALSE: end of the stack.
 */
static BOOLEAN NextFrame(struct frames *Frames, unsigned Want, PDISPATCHER_CONTEXT Dispatcher,
                         struct seh_walk *Before)
{
    struct pe_image *image;
    struct pe_unwind_result result;

    SkipUnwound(Frames);
    *Before = Frames->at;
    memset(Dispatcher, 0, sizeof(*Dispatcher));
    image = pe_image_from_address((const void *)(uintptr_t)Frames->at.regs.rip);
    if (image) {
        pe_leave_stub(image, &Frames->at.regs);
        *Before = Frames->at;
        Dispatcher->ControlPc = Frames->at.regs.rip;
        Dispatcher->ImageBase = (ULONG64)(uintptr_t)image->base;
        Dispatcher->FunctionEntry = (PRUNTIME_FUNCTION)(uintptr_t)pe_find_function(
            image, (uint32_t)(Frames->at.regs.rip - Dispatcher->ImageBase));
    }
    if (!PexStep(&Frames->at, Want, &result))
        return FALSE;
    Dispatcher->EstablisherFrame = result.establisher;
    Dispatcher->ScopeIndex = Frames->scope;
    if (result.handler) {
        Dispatcher->LanguageHandler =
            (PEXCEPTION_ROUTINE)(uintptr_t)(Dispatcher->ImageBase + result.handler);
        Dispatcher->HandlerData = (PVOID)(uintptr_t)result.handler_data;
    }
    return TRUE;
}

/* Leaves for the target frame; the handlers whose frames are below it are gone with them. */
static _Noreturn void Land(struct seh_walk *Target, ULONG64 Ip, ULONG64 Value)
{
    Target->regs.rip = Ip;
    Target->regs.gp[HOST_RAX] = Value;
    while (active && (uintptr_t)active < Target->regs.gp[HOST_RSP])
        active = active->outer;
    while (*KexTryHead() && (uintptr_t)*KexTryHead() < Target->regs.gp[HOST_RSP])
        *KexTryHead() = (*KexTryHead())->Outer;
    KexStackLanding(Target->regs.gp[HOST_RSP]);
    PexResume(Target);
}

static void RunHandler(PEXCEPTION_RECORD Record, PDISPATCHER_CONTEXT Dispatcher,
                       const struct seh_walk *Frame, PCONTEXT Context)
{
    struct seh_unwinding here = {.outer = active, .frame = Frame, .dispatcher = Dispatcher};

    active = &here;
    Dispatcher->LanguageHandler(Record, (PVOID)Dispatcher->EstablisherFrame, Context, Dispatcher);
    active = here.outer;
}

/* Runs the handlers of the frames inside a KexTry and returns from it. */
static _Noreturn void LandInGuard(const struct seh_walk *From, KEX_TRY *Guard,
                                  PEXCEPTION_RECORD Record)
{
    DISPATCHER_CONTEXT dispatcher;
    struct frames frames;
    struct seh_walk before;
    CONTEXT scratch;

    Record->ExceptionFlags |= EXCEPTION_UNWINDING;
    StartFrames(&frames, From);
    while (NextFrame(&frames, 2, &dispatcher, &before) &&
           !(AtGuard(&frames) && frames.guard == Guard)) {
        if (!dispatcher.LanguageHandler || !OnStack(dispatcher.EstablisherFrame))
            continue;
        PexWalkToContext(&before, &scratch);
        dispatcher.ContextRecord = &scratch;
        RunHandler(Record, &dispatcher, &before, &scratch);
    }
    while (active && (uintptr_t)active < (uintptr_t)Guard)
        active = active->outer;
    *KexTryHead() = Guard->Outer;
    Guard->Status = Record->ExceptionCode;
    KexStackLanding((uintptr_t)Guard);
    longjmp(Guard->Back, 1);
}

BOOLEAN PexDispatch(PEXCEPTION_RECORD Record, PCONTEXT Context, const struct seh_walk *From)
{
    DISPATCHER_CONTEXT dispatcher;
    struct frames frames;
    struct seh_walk before;
    CONTEXT scratch;

    StartFrames(&frames, From);
    while (NextFrame(&frames, 1, &dispatcher, &before)) {
        if (AtGuard(&frames))
            LandInGuard(From, frames.guard, Record);
        if (!dispatcher.LanguageHandler)
            continue;
        if (!OnStack(dispatcher.EstablisherFrame)) {
            Record->ExceptionFlags |= EXCEPTION_STACK_INVALID;
            return FALSE;
        }
        PexWalkToContext(&before, &scratch);
        dispatcher.ContextRecord = &scratch;
        switch (dispatcher.LanguageHandler(Record, (PVOID)dispatcher.EstablisherFrame, Context,
                                           &dispatcher)) {
        case ExceptionContinueExecution:
            /* A driver may not go on behind an exception that says it cannot be continued. */
            return !(Record->ExceptionFlags & EXCEPTION_NONCONTINUABLE);
        default:
            break;
        }
    }
    return FALSE;
}

BOOLEAN PexUnwind(struct seh_walk *From, ULONG64 TargetFrame, ULONG64 TargetIp,
                  PEXCEPTION_RECORD Record, ULONG64 Value)
{
    DISPATCHER_CONTEXT dispatcher;
    struct frames frames;
    struct seh_walk before;
    CONTEXT scratch;
    BOOLEAN target;

    StartFrames(&frames, From);
    Record->ExceptionFlags |= EXCEPTION_UNWINDING;
    if (!TargetFrame)
        Record->ExceptionFlags |= EXCEPTION_EXIT_UNWIND;
    while (NextFrame(&frames, 2, &dispatcher, &before)) {
        target = dispatcher.ControlPc && dispatcher.EstablisherFrame == TargetFrame;
        if (dispatcher.LanguageHandler) {
            if (!OnStack(dispatcher.EstablisherFrame))
                return FALSE;
            Record->ExceptionFlags &= ~(ULONG)EXCEPTION_TARGET_UNWIND;
            if (target)
                Record->ExceptionFlags |= EXCEPTION_TARGET_UNWIND;
            dispatcher.TargetIp = TargetIp;
            PexWalkToContext(&before, &scratch);
            dispatcher.ContextRecord = &scratch;
            RunHandler(Record, &dispatcher, &before, &scratch);
        }
        if (target)
            Land(&before, TargetIp, Value);
    }
    return FALSE;
}

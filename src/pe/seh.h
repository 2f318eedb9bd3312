/* SPDX-License-Identifier: MIT */
/*
 * seh.h - structured exceptions on x64: search for a handler, then unwind to it.
 *
 * Both passes walk driver frames by .pdata and host frames by .eh_frame, so an exception raised in
 * a routine of ours, or a fault in it, reaches the __except of the driver that called it with all
 * its registers.
 */
#ifndef OPENFLT_PE_SEH_H
#define OPENFLT_PE_SEH_H

#include <ntifs.h>

#include "pe/image.h"

/* One point of a walk: the registers a frame had at the call (or fault) that led out of it. */
struct seh_walk {
    struct host_registers regs;
    M128A xmm[16];
    uint32_t mxcsr;
    bool after_call; /* rip is a return address */
};

/*
 * A language handler that runs because its frame is being unwound. An exception inside it, or a
 * second unwind, that passes this point goes on behind the handler's progress, not over the frames
 * already unwound (a collided unwind).
 */
struct seh_unwinding {
    struct seh_unwinding *outer;
    const struct seh_walk *frame;
    const DISPATCHER_CONTEXT *dispatcher;
};

/*
 * Looks for a handler of the exception from From outwards; handlers are shown Context. TRUE:
 * execution is to go on with *Context; FALSE: nobody handles it. A KexTry on the way takes it like
 * an __except whose filter accepts everything.
 */
BOOLEAN PexDispatch(PEXCEPTION_RECORD Record, PCONTEXT Context, const struct seh_walk *From);
/* Unwinds from `from` to the frame and continues at TargetIp with Value in rax. FALSE (stack
 * damaged) or no return. */
BOOLEAN PexUnwind(struct seh_walk *From, ULONG64 TargetFrame, ULONG64 TargetIp,
                  PEXCEPTION_RECORD Record, ULONG64 Value);
/* Moves a walk one frame out; FALSE at the end. Result is filled for driver frames. */
BOOLEAN PexStep(struct seh_walk *Walk, unsigned Want, struct pe_unwind_result *Result);
void PexWalkToContext(const struct seh_walk *Walk, PCONTEXT Context);
void PexWalkFromContext(const CONTEXT *Context, struct seh_walk *Walk);

/* seh_entry.S */
void PexCapture(struct seh_walk *Walk); /* the caller's registers, as they are behind the call */
_Noreturn void PexResume(const struct seh_walk *Walk);

#endif

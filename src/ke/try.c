/* SPDX-License-Identifier: MIT */
#include "ke/try.h"

static __thread KEX_TRY *Head;

KEX_TRY **KexTryHead(void)
{
    return &Head;
}

NTSTATUS KexTry(void (*Body)(void *Argument), void *Argument)
{
    KEX_TRY Try = {.Outer = Head, .Status = STATUS_SUCCESS};

    /* The dispatcher comes back here with Status set and this record taken off. */
    if (_setjmp(Try.Back))
        return Try.Status;
    Head = &Try;
    Body(Argument);
    Head = Try.Outer;
    return STATUS_SUCCESS;
}

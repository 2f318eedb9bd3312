/* SPDX-License-Identifier: MIT */
/* Post-operation callbacks by rising altitude (nc-fltkernel-pflt_post_operation_callback). */
#include "fltx.h"

/* Parameters as this layer saw them; what it swapped in is released. */
static void Unsave(FLTX_OP *Op, ULONG Layer)
{
    FLTX_SAVED *Saved = Op->Layer[Layer].Saved;

    Op->Iopb = Saved->Before;
    Op->Layer[Layer].Saved = NULL;
    while (Saved->Swapped && !Saved->Retained) {
        PMDL Next = Saved->Swapped->Next;

        if (Saved->Swapped->MdlFlags & MDL_PAGES_LOCKED)
            MmUnlockPages(Saved->Swapped);
        IoFreeMdl(Saved->Swapped);
        Saved->Swapped = Next;
    }
    ExFreePoolWithTag(Saved, FLTX_TAG);
}

/* See pre.c's AwaitResume: the same meeting after the operation. */
static BOOLEAN AwaitResumePost(FLTX_OP *Op)
{
    KEVENT Event;

    if (atomic_load(&Op->Hand) == FLTX_HAND_RESUMED) {
        atomic_store(&Op->Hand, FLTX_HAND_NONE);
        return TRUE;
    }
    if (Op->Reissue) {
        KeInitializeEvent(&Event, NotificationEvent, FALSE);
        Op->Event = &Event;
    } else {
        IoMarkIrpPending(Op->Irp);
        Op->Marked = TRUE;
        Op->Event = NULL;
    }
    if (atomic_exchange(&Op->Hand, FLTX_HAND_RETURNED) == FLTX_HAND_RESUMED) {
        Op->Event = NULL;
        atomic_store(&Op->Hand, FLTX_HAND_NONE);
        return TRUE;
    }
    if (!Op->Reissue)
        return FALSE;
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    Op->Event = NULL;
    atomic_store(&Op->Hand, FLTX_HAND_NONE);
    return TRUE;
}

static FLT_POSTOP_CALLBACK_STATUS CallPost(FLTX_OP *Op, const FLTX_ENTRY *Entry, ULONG i)
{
    FLTX_LAYER *Layer = &Op->Layer[i];
    FLT_POSTOP_CALLBACK_STATUS Result;

    Op->Iopb.TargetInstance = Entry->Instance;
    Result = Entry->Post(&Op->Data, &Layer->Objects, Layer->Context, 0);
    if (KEX_TRACING() && Result != FLT_POSTOP_MORE_PROCESSING_REQUIRED)
        FltxTraceCallback(Op, Entry, TRUE, Result);
    if (__builtin_expect(Result == FLT_POSTOP_FINISHED_PROCESSING, 1))
        return Result;
    if (Result == FLT_POSTOP_MORE_PROCESSING_REQUIRED && Op->Kind != FLTX_OP_IRP) {
        KexFinding("CBK-002", "verifier", (const void *)Entry->Post,
                   "%s pended the completion of an operation that is not IRP-based",
                   Entry->Filter->NameText);
        return FLT_POSTOP_FINISHED_PROCESSING;
    }
    if (Result != FLT_POSTOP_MORE_PROCESSING_REQUIRED && Result != FLT_POSTOP_DISALLOW_FSFILTER_IO)
        KexFinding("CBK-002", "verifier", (const void *)Entry->Post,
                   "%s returned %d from a post-operation callback", Entry->Filter->NameText,
                   (int)Result);
    return Result;
}

/* The callback of layer i is done, here or in the thread that resumed it. */
static void FinishLayer(FLTX_OP *Op, ULONG i)
{
    Op->Data.Flags &= ~FLTFL_CALLBACK_DATA_DIRTY;
    FltxSetState(Op, i, FLTX_LAYER_NONE);
}

BOOLEAN FltxPost(FLTX_OP *Op, FLTX_CHAIN *Chain, LONG From)
{
    Op->Data.Flags |= FLTFL_CALLBACK_DATA_POST_OPERATION;
    for (LONG i = From; i >= Op->First; i--) {
        BOOLEAN Wanted = FltxStateOf(Op, (ULONG)i) != FLTX_LAYER_NONE;

        if (Wanted && !FltxOpStep(Op, i))
            Wanted = FltxOpKeepLayer(Op, (ULONG)i);
        if (__builtin_expect(Op->Changed && Op->Layer[i].Saved && !Wanted, 0))
            Unsave(Op, (ULONG)i);
        if (!Wanted)
            continue;
        if (__builtin_expect(Op->Changed && Op->Layer[i].Saved, 0))
            Op->Iopb = Op->Layer[i].Saved->Before;
        if (CallPost(Op, &Chain->Entry[i], (ULONG)i) == FLT_POSTOP_MORE_PROCESSING_REQUIRED &&
            !AwaitResumePost(Op))
            return FALSE;
        if (__builtin_expect(Op->Changed && Op->Layer[i].Saved, 0))
            Unsave(Op, (ULONG)i);
        FinishLayer(Op, (ULONG)i);
    }
    return TRUE;
}

/*
 * Resumes the completion of an operation whose post-callback returned
 * FLT_POSTOP_MORE_PROCESSING_REQUIRED. IRQL:
 * <= DISPATCH_LEVEL. CallbackData is gone afterwards (nf-fltkernel-fltcompletependedpostoperation).
 */
VOID NTAPI FltCompletePendedPostOperation(PFLT_CALLBACK_DATA CallbackData)
{
    FLTX_OP *Op = FLTX_OP_OF(CallbackData);
    FLTX_CHAIN *Chain = atomic_load(&Op->Chain);
    int Cursor = atomic_load(&Op->Cursor);

    if (Op->Kind != FLTX_OP_IRP || Cursor < 0 || !Chain ||
        !(CallbackData->Flags & FLTFL_CALLBACK_DATA_POST_OPERATION)) {
        FLTX_FINDING(
            "CBK-015",
            "FltCompletePendedPostOperation of %p, which is not pended after the operation",
            (void *)CallbackData);
        return;
    }
    switch (atomic_exchange(&Op->Hand, FLTX_HAND_RESUMED)) {
    case FLTX_HAND_RETURNED:
        if (Op->Event) {
            KeSetEvent(Op->Event, IO_NO_INCREMENT, FALSE);
            return;
        }
        atomic_store(&Op->Hand, FLTX_HAND_NONE);
        if (KEX_TRACING())
            FltxTraceCallback(Op, &Chain->Entry[Cursor], TRUE, FLT_POSTOP_FINISHED_PROCESSING);
        if (Op->Changed && Op->Layer[Cursor].Saved)
            Unsave(Op, (ULONG)Cursor);
        FinishLayer(Op, (ULONG)Cursor);
        if (FltxPost(Op, Chain, Cursor - 1))
            FltxFinishIrp(Op);
        return;
    case FLTX_HAND_RESUMED:
        FLTX_FINDING("CBK-015", "FltCompletePendedPostOperation of %p a second time",
                     (void *)CallbackData);
        return;
    default:
        return;
    }
}

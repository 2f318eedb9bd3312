/* SPDX-License-Identifier: MIT */
/*
 * File system filter callbacks: the locks the system takes around sections, cache flushes and the
 * modified page writer, as operations of their own with FLTFL_CALLBACK_DATA_FS_FILTER_OPERATION.
 */
#include "fltx.h"

static void ReadParameters(FLT_PARAMETERS *p, const FS_FILTER_CALLBACK_DATA *Data)
{
    switch (Data->Operation) {
    case FS_FILTER_ACQUIRE_FOR_SECTION_SYNCHRONIZATION:
        p->AcquireForSectionSynchronization.SyncType =
            Data->Parameters.AcquireForSectionSynchronization.SyncType;
        p->AcquireForSectionSynchronization.PageProtection =
            Data->Parameters.AcquireForSectionSynchronization.PageProtection;
        p->AcquireForSectionSynchronization.OutputInformation =
            Data->Parameters.AcquireForSectionSynchronization.OutputInformation;
        break;
    case FS_FILTER_ACQUIRE_FOR_MOD_WRITE:
        p->AcquireForModifiedPageWriter.EndingOffset =
            Data->Parameters.AcquireForModifiedPageWriter.EndingOffset;
        p->AcquireForModifiedPageWriter.ResourceToRelease =
            Data->Parameters.AcquireForModifiedPageWriter.ResourceToRelease;
        break;
    case FS_FILTER_RELEASE_FOR_MOD_WRITE:
        p->ReleaseForModifiedPageWriter.ResourceToRelease =
            Data->Parameters.ReleaseForModifiedPageWriter.ResourceToRelease;
        break;
    default:
        break;
    }
}

static FLTX_OP *Begin(PFLT_VOLUME Volume, const FS_FILTER_CALLBACK_DATA *Data, FLTX_CHAIN **Chain)
{
    FLTX_OP *Op = FltxBegin(Volume, Data->Operation, FLTX_OP_FSFILTER, Chain);
    PFLT_INSTANCE Target = NULL;

    if (!Op)
        return NULL;
    Op->Irp = NULL;
    Op->Data.Flags = FLTFL_CALLBACK_DATA_FS_FILTER_OPERATION;
    Op->Data.Thread = PsGetCurrentThread();
    Op->Data.RequestorMode = KernelMode;
    RtlZeroMemory(&Op->Iopb, sizeof(Op->Iopb));
    Op->Iopb.MajorFunction = Data->Operation;
    Op->Iopb.TargetFileObject = Data->FileObject;
    ReadParameters(&Op->Iopb.Parameters, Data);
    Op->Committed = Op->Iopb;
    if (__builtin_expect(atomic_load_explicit(&Volume->Targeted, memory_order_relaxed) != 0, 0))
        Target = FltxHoldTarget(Data->FileObject);
    FltxBeginOp(Op, Volume, *Chain, Target);
    if (Target)
        FltxDrop(&Target->Object);
    return Op;
}

/*
 * A filter that completes an acquire with success has taken the place of the file system:
 * STATUS_FSFILTER_OP_COMPLETED_SUCCESSFULLY ends the round without asking those below.
 */
static NTSTATUS NTAPI Pre(PFS_FILTER_CALLBACK_DATA Data, PVOID *CompletionContext)
{
    PFLT_VOLUME Volume = *(PFLT_VOLUME *)Data->DeviceObject->DeviceExtension;
    NTSTATUS Status = STATUS_SUCCESS;
    FLTX_CHAIN *Chain;
    FLTX_OP *Op;
    LONG At;

    *CompletionContext = NULL;
    Op = Begin(Volume, Data, &Chain);
    if (!Op)
        return Chain ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
    At = Op->First;
    switch (FltxPre(Op, Chain, &At, FALSE)) {
    case FLT_PREOP_SUCCESS_NO_CALLBACK:
        if (Op->Wanted || Op->Changed) {
            FltxOpStep(Op, FLTX_CURSOR_BELOW);
            *CompletionContext = Op;
            return STATUS_SUCCESS;
        }
        break;
    case FLT_PREOP_COMPLETE:
        FltxPost(Op, Chain, At);
        Status = Op->Data.IoStatus.Status;
        if (NT_SUCCESS(Status))
            Status = STATUS_FSFILTER_OP_COMPLETED_SUCCESSFULLY;
        break;
    default:
        FltxPost(Op, Chain, At);
        break;
    }
    FltxEndOp(Op);
    return Status;
}

static VOID NTAPI Post(PFS_FILTER_CALLBACK_DATA Data, NTSTATUS OperationStatus,
                       PVOID CompletionContext)
{
    FLTX_OP *Op = CompletionContext;

    UNREFERENCED_PARAMETER(Data);
    if (!Op)
        return;
    Op->Data.IoStatus.Status = OperationStatus;
    FltxPost(Op, atomic_load_explicit(&Op->Chain, memory_order_relaxed), Op->Layers - 1);
    FltxEndOp(Op);
}

NTSTATUS FltxRegisterFsFilter(PDRIVER_OBJECT Driver)
{
    FS_FILTER_CALLBACKS Callbacks = {.SizeOfFsFilterCallbacks = sizeof(Callbacks)};

    Callbacks.PreAcquireForSectionSynchronization = Pre;
    Callbacks.PostAcquireForSectionSynchronization = Post;
    Callbacks.PreReleaseForSectionSynchronization = Pre;
    Callbacks.PostReleaseForSectionSynchronization = Post;
    Callbacks.PreAcquireForCcFlush = Pre;
    Callbacks.PostAcquireForCcFlush = Post;
    Callbacks.PreReleaseForCcFlush = Pre;
    Callbacks.PostReleaseForCcFlush = Post;
    Callbacks.PreAcquireForModifiedPageWriter = Pre;
    Callbacks.PostAcquireForModifiedPageWriter = Post;
    Callbacks.PreReleaseForModifiedPageWriter = Pre;
    Callbacks.PostReleaseForModifiedPageWriter = Post;
    return FsRtlRegisterFileSystemFilterCallbacks(Driver, &Callbacks);
}

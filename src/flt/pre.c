/* SPDX-License-Identifier: MIT */
/*
 * Pre-operation callbacks by falling altitude, and what each of their results means
 * (nc-fltkernel-pflt_pre_operation_callback).
 */
#include "fltx.h"
#include "io/io.h"

static const char *const PreNames[] = {
    "SUCCESS_WITH_CALLBACK", "SUCCESS_NO_CALLBACK", "PENDING", "DISALLOW_FASTIO", "COMPLETE",
    "SYNCHRONIZE",           "DISALLOW_FSFILTER_IO"};
static const char *const PostNames[] = {"FINISHED_PROCESSING", "MORE_PROCESSING_REQUIRED",
                                        "DISALLOW_FSFILTER_IO"};

void FltxTraceCallback(FLTX_OP *Op, const FLTX_ENTRY *Entry, BOOLEAN Post, int Result)
{
    KEX_TRACE Event = {.Kind = Post ? KEX_TRACE_POST : KEX_TRACE_PRE};

    Event.Major = Op->Iopb.MajorFunction;
    Event.Minor = Op->Iopb.MinorFunction;
    Event.IrpFlags = Op->Iopb.IrpFlags;
    Event.Status = Op->Data.IoStatus.Status;
    Event.Information = Op->Data.IoStatus.Information;
    if (Event.Major == IRP_MJ_READ || Event.Major == IRP_MJ_WRITE) {
        Event.Offset = Op->Iopb.Parameters.Read.ByteOffset.QuadPart;
        Event.Length = Op->Iopb.Parameters.Read.Length;
    }
    Event.Irp = Op->Irp ? (const void *)Op->Irp : (const void *)&Op->Data;
    Event.Object = Op->Iopb.TargetFileObject;
    Event.Path = Op->Iopb.TargetFileObject ? IoxFilePath(Op->Iopb.TargetFileObject) : NULL;
    Event.Who = Entry->Filter->NameText;
    if (Post)
        Event.What = (unsigned)Result < ARRAYSIZE(PostNames) ? PostNames[Result] : "?";
    else
        Event.What = (unsigned)Result < ARRAYSIZE(PreNames) ? PreNames[Result] : "?";
    KexHooks.Trace(&Event);
}

/* SKIP bits the operation matches: see ns-fltkernel-_flt_operation_registration. */
static UCHAR Classify(FLTX_OP *Op)
{
    ULONG Flags = Op->Iopb.IrpFlags;
    UCHAR Major = Op->Iopb.MajorFunction, Class = 0;
    PFILE_OBJECT File = Op->Iopb.TargetFileObject;

    if (!File || !(File->Flags & FO_VOLUME_OPEN))
        Class |= FLTFL_OPERATION_REGISTRATION_SKIP_NON_DASD_IO;
    if (Major != IRP_MJ_READ && Major != IRP_MJ_WRITE)
        return Class;
    if (Op->Kind != FLTX_OP_IRP)
        return Class | FLTFL_OPERATION_REGISTRATION_SKIP_CACHED_IO;
    if (Flags & (IRP_PAGING_IO | IRP_SYNCHRONOUS_PAGING_IO))
        return Class | FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO;
    if (Flags & IRP_NOCACHE)
        return Class | FLTFL_OPERATION_REGISTRATION_SKIP_NON_CACHED_NON_PAGING_IO;
    return Class | FLTFL_OPERATION_REGISTRATION_SKIP_CACHED_IO;
}

static ULONG FirstBelow(const FLTX_CHAIN *Chain, PFLT_INSTANCE Below)
{
    ULONG i = 0;

    while (i < Chain->Count &&
           FltxCompareAltitudes(&Chain->Entry[i].Instance->Altitude, &Below->Altitude) >= 0)
        i++;
    return i;
}

/* Everything of a record that does not come from the request itself. The chain is published
 * already. */
void FltxBeginOp(FLTX_OP *Op, PFLT_VOLUME Volume, FLTX_CHAIN *Chain, PFLT_INSTANCE Below)
{
    FLTX_SHOW(Op->Volume, Volume);
    Op->First = Below ? (USHORT)FirstBelow(Chain, Below) : 0;
    Op->Layers = (USHORT)Chain->Count;
    Op->Sync = Op->Wanted = Op->Changed = Op->Marked = Op->Reissue = FALSE;
    Op->Event = NULL;
    Op->ByFilter = NULL;
    Op->StatusRequests = NULL;
    atomic_store_explicit(&Op->Hand, FLTX_HAND_NONE, memory_order_relaxed);
    Op->Data.Iopb = &Op->Iopb;
    Op->Data.IoStatus.Status = STATUS_SUCCESS;
    Op->Data.IoStatus.Information = 0;
    Op->Data.TagData = NULL;
    Op->Data.FilterContext[0] = Op->Data.FilterContext[1] = NULL;
    Op->Data.FilterContext[2] = Op->Data.FilterContext[3] = NULL;
    Op->Class = Chain->AnySkip ? Classify(Op) : 0;
}

void FltxEndOp(FLTX_OP *Op)
{
    FltxOpLeave(Op);
    FltxOpFree(Op);
}

/* What no filter may change: the major function, and (as openflt moves no operation) the target
 * instance. */
static BOOLEAN Allowed(FLTX_OP *Op, const FLTX_ENTRY *Entry, UCHAR Major)
{
    if (Op->Iopb.MajorFunction != Major) {
        KexFinding("PRM-002", "verifier", (const void *)Entry->Pre,
                   "%s changed the major function from %s to %s", Entry->Filter->NameText,
                   FltGetIrpName(Major), FltGetIrpName(Op->Iopb.MajorFunction));
        Op->Iopb.MajorFunction = Major;
    }
    if (Op->Iopb.TargetInstance != Entry->Instance) {
        KexFinding(
            "PRM-003", "verifier", (const void *)Entry->Pre,
            "%s moved %s to another instance, which FltIsIoRedirectionAllowed does not allow",
            Entry->Filter->NameText, FltGetIrpName(Major));
        return FALSE;
    }
    return TRUE;
}

/*
 * The filter marked its changes. What the layers above saw is kept for their post-callbacks: "the
 * changed parameters are not received by the filter's own post-callback or by those above".
 */
static NTSTATUS Commit(FLTX_OP *Op, const FLTX_ENTRY *Entry, ULONG Layer)
{
    FLTX_SAVED *Saved = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Saved), FLTX_TAG);
    FLT_IO_PARAMETER_BLOCK Now = Op->Iopb;
    FLTX_BUFFER Old, New;

    Op->Data.Flags &= ~FLTFL_CALLBACK_DATA_DIRTY;
    if (!Saved)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Saved, sizeof(*Saved));
    if (Op->Kind == FLTX_OP_IRP && !Op->Changed) {
        FltxReadIrp(Op, Op->Irp, IoGetCurrentIrpStackLocation(Op->Irp));
        Saved->Before = Op->Iopb;
        Op->Iopb = Now;
    } else {
        Saved->Before = Op->Committed;
    }
    if (NT_SUCCESS(FltxFindBuffer(&Saved->Before, &Old)) &&
        NT_SUCCESS(FltxFindBuffer(&Now, &New)) && New.Mdl && (!Old.Mdl || *Old.Mdl != *New.Mdl))
        Saved->Swapped = *New.Mdl;
    Op->Committed = Now;
    Op->Changed = TRUE;
    Op->Layer[Layer].Saved = Saved;
    if (!Allowed(Op, Entry, Saved->Before.MajorFunction))
        return STATUS_NOT_SUPPORTED;
    Op->Committed.MajorFunction = Op->Iopb.MajorFunction;
    return STATUS_SUCCESS;
}

/* The filter says that it will resume the operation. TRUE: it has done so already, or this thread
 * has waited for it. */
static BOOLEAN AwaitResume(FLTX_OP *Op)
{
    KEVENT Event;
    BOOLEAN Wait = Op->Sync || Op->Reissue || Op->Iopb.MajorFunction == IRP_MJ_CREATE;

    if (atomic_load(&Op->Hand) == FLTX_HAND_RESUMED) {
        atomic_store(&Op->Hand, FLTX_HAND_NONE);
        return TRUE;
    }
    if (Wait) {
        /* Post-create, and a layer above that synchronised, must run in this thread: it stays. */
        KeInitializeEvent(&Event, NotificationEvent, FALSE);
        Op->Event = &Event;
    } else {
        IoMarkIrpPending(Op->Irp);
        Op->Marked = TRUE;
        Op->ByFilter = NULL;
    }
    if (atomic_exchange(&Op->Hand, FLTX_HAND_RETURNED) == FLTX_HAND_RESUMED) {
        Op->Event = NULL;
        atomic_store(&Op->Hand, FLTX_HAND_NONE);
        return TRUE;
    }
    if (!Wait)
        return FALSE;
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    Op->Event = NULL;
    atomic_store(&Op->Hand, FLTX_HAND_NONE);
    return TRUE;
}

static const char *NameOf(const FLTX_OP *Op)
{
    return FltGetIrpName(Op->Iopb.MajorFunction);
}

/* Results that are not allowed here, turned into what FltMgr makes of them. */
static FLT_PREOP_CALLBACK_STATUS Judge(FLTX_OP *Op, const FLTX_ENTRY *Entry, FLTX_LAYER *Layer,
                                       FLT_PREOP_CALLBACK_STATUS Result)
{
    const char *Who = Entry->Filter->NameText;
    const void *Where = (const void *)Entry->Pre;

    switch (Result) {
    case FLT_PREOP_SUCCESS_WITH_CALLBACK:
    case FLT_PREOP_SYNCHRONIZE:
        if (!Entry->Post) {
            KexFinding("CBK-003", "verifier", Where,
                       "%s asked for a post-operation callback of %s, which it did not "
                       "register",
                       Who, NameOf(Op));
            return FLT_PREOP_SUCCESS_NO_CALLBACK;
        }
        /* "Not IRP-based: treated as SUCCESS_WITH_CALLBACK." */
        return Op->Kind == FLTX_OP_IRP ? Result : FLT_PREOP_SUCCESS_WITH_CALLBACK;
    case FLT_PREOP_PENDING:
        if (Op->Kind == FLTX_OP_IRP)
            return Result;
        KexFinding("CBK-009", "verifier", Where, "%s pended %s, which is not IRP-based", Who,
                   NameOf(Op));
        return FLT_PREOP_DISALLOW_FASTIO;
    case FLT_PREOP_DISALLOW_FASTIO:
        if (Op->Kind == FLTX_OP_FASTIO)
            return Result;
        KexFinding("CBK-007", "verifier", Where,
                   "%s returned FLT_PREOP_DISALLOW_FASTIO for %s, which is not fast I/O", Who,
                   NameOf(Op));
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    case FLT_PREOP_COMPLETE:
        if (Op->Data.IoStatus.Status == STATUS_PENDING ||
            Op->Data.IoStatus.Status == STATUS_FLT_DISALLOW_FAST_IO) {
            KexFinding("CBK-005", "verifier", Where,
                       "%s completed %s with status 0x%08x, which is no final status", Who,
                       NameOf(Op), (unsigned)Op->Data.IoStatus.Status);
            Op->Data.IoStatus.Status = STATUS_UNSUCCESSFUL;
        }
        break;
    case FLT_PREOP_SUCCESS_NO_CALLBACK:
    case FLT_PREOP_DISALLOW_FSFILTER_IO:
        break;
    default:
        KexFinding("CBK-001", "verifier", Where,
                   "%s returned %d from its pre-operation callback of %s", Who, (int)Result,
                   NameOf(Op));
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    }
    if (Layer->Context) {
        KexFinding("CBK-004", "verifier", Where,
                   "%s set a completion context for %s without asking for a post-operation "
                   "callback",
                   Who, NameOf(Op));
        Layer->Context = NULL;
    }
    return Result;
}

static void InitLayer(FLTX_OP *Op, FLTX_LAYER *Layer, const FLTX_ENTRY *Entry)
{
    PFILE_OBJECT File = Op->Iopb.TargetFileObject;

    Layer->Objects.Size = sizeof(FLT_RELATED_OBJECTS);
    Layer->Objects.TransactionContext = 0;
    Layer->Objects.Filter = Entry->Filter;
    Layer->Objects.Volume = Op->Volume;
    Layer->Objects.Instance = Entry->Instance;
    Layer->Objects.FileObject = File;
    Layer->Objects.Transaction = NULL;
    Layer->Context = NULL;
}

/*
 * What the result of one callback does to the operation. GO_ON stands for "next layer".
 */
#define GO_ON FLT_PREOP_SUCCESS_NO_CALLBACK
static FLT_PREOP_CALLBACK_STATUS Apply(FLTX_OP *Op, const FLTX_ENTRY *Entry, ULONG i,
                                       FLT_PREOP_CALLBACK_STATUS Result)
{
    FLTX_LAYER *Layer = &Op->Layer[i];
    NTSTATUS Kept = STATUS_SUCCESS;

    for (;;) {
        if (KEX_TRACING())
            FltxTraceCallback(Op, Entry, FALSE, Result);
        if (__builtin_expect(Op->Data.Flags & FLTFL_CALLBACK_DATA_DIRTY, 0))
            Kept = Commit(Op, Entry, i);
        Result = Judge(Op, Entry, Layer, Result);
        if (Result != FLT_PREOP_PENDING)
            break;
        if (!AwaitResume(Op))
            return FLT_PREOP_PENDING;
        Result = Op->Resumed;
    }
    if (!NT_SUCCESS(Kept) && Result != FLT_PREOP_COMPLETE) {
        /* Without memory for the old parameters the change cannot be undone on the way up: the
         * request fails here. */
        Op->Data.IoStatus.Status = Kept;
        Op->Data.IoStatus.Information = 0;
        return FLT_PREOP_COMPLETE;
    }
    switch (Result) {
    case FLT_PREOP_SYNCHRONIZE:
        Op->Sync = TRUE;
        /* fall through */
    case FLT_PREOP_SUCCESS_WITH_CALLBACK:
        FltxSetState(Op, i, FLTX_LAYER_POST);
        Op->Wanted = TRUE;
        return GO_ON;
    default:
        return Result;
    }
}

static inline BOOLEAN Skipped(const FLTX_OP *Op, const FLTX_ENTRY *Entry)
{
    return (Entry->Skip & Op->Class) != 0;
}

/*
 * Calls from layer *At on; Resume: *At was pended and Op->Resumed is its result.
 * SUCCESS_NO_CALLBACK: all layers have been asked, the operation goes down. Otherwise *At decided.
 */
FLT_PREOP_CALLBACK_STATUS FltxPre(FLTX_OP *Op, FLTX_CHAIN *Chain, LONG *At, BOOLEAN Resume)
{
    for (LONG i = *At; i < Op->Layers; i++) {
        const FLTX_ENTRY *Entry = &Chain->Entry[i];
        FLTX_LAYER *Layer = &Op->Layer[i];
        FLT_PREOP_CALLBACK_STATUS Result;

        if (__builtin_expect(Resume, 0)) {
            Resume = FALSE;
            Result = Apply(Op, Entry, (ULONG)i, Op->Resumed);
        } else {
            Layer->Saved = NULL;
            if (Skipped(Op, Entry))
                continue;
            InitLayer(Op, Layer, Entry);
            if (!FltxOpStep(Op, i))
                continue;
            if (!Entry->Pre) {
                FltxSetState(Op, (ULONG)i, FLTX_LAYER_POST);
                Op->Wanted = TRUE;
                continue;
            }
            Op->Iopb.TargetInstance = Entry->Instance;
            Result = Entry->Pre(&Op->Data, &Layer->Objects, &Layer->Context);
            /* The two usual results, without anything else to look at. */
            if (__builtin_expect(!(Op->Data.Flags & FLTFL_CALLBACK_DATA_DIRTY), 1) &&
                !KEX_TRACING()) {
                if (Result == FLT_PREOP_SUCCESS_WITH_CALLBACK && Entry->Post) {
                    FltxSetState(Op, (ULONG)i, FLTX_LAYER_POST);
                    Op->Wanted = TRUE;
                    continue;
                }
                if (Result == FLT_PREOP_SUCCESS_NO_CALLBACK && !Layer->Context)
                    continue;
            }
            Result = Apply(Op, Entry, (ULONG)i, Result);
        }
        if (__builtin_expect(Result != GO_ON, 0)) {
            *At = i;
            return Result;
        }
    }
    return GO_ON;
}

/*
 * Returns a pended operation to FltMgr with the result the pre-callback would have returned. IRQL:
 * <= DISPATCH_LEVEL with FLT_PREOP_COMPLETE, else <= APC_LEVEL. Context is the completion context
 * with SUCCESS_WITH_CALLBACK, else NULL (nf-fltkernel-fltcompletependedpreoperation). The caller
 * may not touch CallbackData afterwards.
 */
VOID NTAPI FltCompletePendedPreOperation(PFLT_CALLBACK_DATA CallbackData,
                                         FLT_PREOP_CALLBACK_STATUS CallbackStatus, PVOID Context)
{
    FLTX_OP *Op = FLTX_OP_OF(CallbackData);
    int Cursor = atomic_load(&Op->Cursor);
    PKEVENT Event;

    if (Op->Kind != FLTX_OP_IRP || Cursor < 0 ||
        (CallbackData->Flags & FLTFL_CALLBACK_DATA_POST_OPERATION)) {
        FLTX_FINDING(
            "CBK-013",
            "FltCompletePendedPreOperation of %p, which is not pended before the operation",
            (void *)CallbackData);
        return;
    }
    if (CallbackStatus != FLT_PREOP_COMPLETE && CallbackStatus != FLT_PREOP_SUCCESS_NO_CALLBACK &&
        CallbackStatus != FLT_PREOP_SUCCESS_WITH_CALLBACK) {
        FLTX_FINDING("CBK-014",
                     "FltCompletePendedPreOperation with status %d, which is not allowed here",
                     (int)CallbackStatus);
        CallbackStatus = FLT_PREOP_SUCCESS_NO_CALLBACK;
        Context = NULL;
    }
    Op->Resumed = CallbackStatus;
    Op->Layer[Cursor].Context = Context;
    Event = NULL;
    switch (atomic_exchange(&Op->Hand, FLTX_HAND_RESUMED)) {
    case FLTX_HAND_RETURNED:
        Event = Op->Event;
        if (Event) {
            KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
            break;
        }
        atomic_store(&Op->Hand, FLTX_HAND_NONE);
        FltxAdvance(Op, Cursor, TRUE);
        break;
    case FLTX_HAND_RESUMED:
        FLTX_FINDING("CBK-013", "FltCompletePendedPreOperation of %p a second time",
                     (void *)CallbackData);
        break;
    default:
        break; /* the callback has not returned yet: its thread goes on */
    }
}

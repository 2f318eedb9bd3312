/* SPDX-License-Identifier: MIT */
/*
 * Contexts: memory of a filter that hangs on a volume, instance, file, stream or stream handle. One
 * hash table holds every link, keyed by the object; the object's end (dismount, detach, the file
 * system tearing its stream down, the last close) unlinks what hangs on it. A link is one
 * reference; the last reference runs the cleanup callback and frees.
 */
#include "fltx.h"

#define FLTX_CONTEXT_LIVE 0x54584346u
#define FLTX_CONTEXT_FREED 0x45455246u

struct _FLTX_CONTEXT {
    ULONG Magic;
    FLT_CONTEXT_TYPE Type;
    BOOLEAN Linked;     /* under the bucket's lock, with Object, Who */
    PFLT_FILTER Filter; /* referenced */
    _Atomic LONG References;
    LIST_ENTRY Link; /* bucket */
    const void *Object, *Who;
    PFLT_VOLUME Volume; /* stream handle contexts: whose count to lower */
    const FLT_CONTEXT_REGISTRATION *Registration;
    PVOID Block; /* what was allocated */
    FLTX_HELD Held;
};

/* The driver's part follows the header at an address aligned as pool is. */
#define FLTX_CONTEXT_HEADER ((sizeof(FLTX_CONTEXT) + 15) & ~(SIZE_T)15)

enum { BUCKETS = 256 };
static struct {
    KEX_LOCK Lock;
    LIST_ENTRY Head;
} Table[BUCKETS];

static const char *const KindNames[] = {
    "volume context",        "instance context",    "file context",   "stream context",
    "stream handle context", "transaction context", "section context"};

void FltxStartContexts(void)
{
    if (Table[0].Head.Flink)
        return;
    for (ULONG i = 0; i < BUCKETS; i++) {
        KexLockInit(&Table[i].Lock, KEX_RANK_FLT + 4, "flt context links");
        InitializeListHead(&Table[i].Head);
    }
}

static ULONG BucketOf(const void *Object)
{
    ULONG_PTR v = (ULONG_PTR)Object >> 4;

    return (ULONG)((v ^ (v >> 8) ^ (v >> 20)) % BUCKETS);
}

static const char *KindName(FLT_CONTEXT_TYPE Type)
{
    ULONG i = 0;

    while (i < ARRAYSIZE(KindNames) - 1 && Type != (FLT_CONTEXT_TYPE)(1u << i))
        i++;
    return KindNames[i];
}

static FLTX_CONTEXT *HeaderOf(PVOID Context)
{
    return (FLTX_CONTEXT *)((PUCHAR)Context - FLTX_CONTEXT_HEADER);
}

static PVOID BodyOf(FLTX_CONTEXT *Context)
{
    return Context ? (PUCHAR)Context + FLTX_CONTEXT_HEADER : NULL;
}

/* NULL, with a finding, for what is no live context. */
static FLTX_CONTEXT *Check(PVOID Context, const char *Routine, const void *Caller)
{
    FLTX_CONTEXT *Header = Context ? HeaderOf(Context) : NULL;

    if (Header && Header->Magic == FLTX_CONTEXT_LIVE)
        return Header;
    KexFinding("CTX-003", "verifier", Caller, "%s was given %p, which is %s", Routine, Context,
               Header && Header->Magic == FLTX_CONTEXT_FREED ? "a context that was freed"
                                                             : "no context");
    return NULL;
}

static void Free(FLTX_CONTEXT *Context)
{
    const FLT_CONTEXT_REGISTRATION *Registration = Context->Registration;
    PFLT_FILTER Filter = Context->Filter;
    FLT_CONTEXT_TYPE Type = Context->Type;
    PVOID Block = Context->Block;

    if (!Filter->Gone && Registration->ContextCleanupCallback)
        Registration->ContextCleanupCallback(BodyOf(Context), Type);
    FltxUntrackHeld(&Context->Held);
    Context->Magic = FLTX_CONTEXT_FREED;
    if (!Filter->Gone && Registration->ContextFreeCallback)
        Registration->ContextFreeCallback(Block, Type);
    else
        ExFreePool(Block);
    FltxDrop(&Filter->Object);
}

static void Release(FLTX_CONTEXT *Context)
{
    if (atomic_fetch_sub(&Context->References, 1) == 1)
        Free(Context);
}

/* ---- links ----------------------------------------------------------------------------------- */

static FLTX_CONTEXT *Find(ULONG Bucket, FLT_CONTEXT_TYPE Type, const void *Object, const void *Who)
{
    PLIST_ENTRY Link;

    for (Link = Table[Bucket].Head.Flink; Link != &Table[Bucket].Head; Link = Link->Flink) {
        FLTX_CONTEXT *Context = CONTAINING_RECORD(Link, FLTX_CONTEXT, Link);

        if (Context->Object == Object && Context->Type == Type && (!Who || Context->Who == Who))
            return Context;
    }
    return NULL;
}

/* The bucket's lock is held; the link's reference passes to the caller. */
static void Unlink(FLTX_CONTEXT *Context)
{
    RemoveEntryList(&Context->Link);
    Context->Linked = FALSE;
    if (Context->Volume)
        atomic_fetch_sub(&Context->Volume->HandleContexts, 1);
    Context->Volume = NULL;
}

typedef struct _PLACE {
    FLT_CONTEXT_TYPE Type;
    const void *Object, *Who;
    PFLT_VOLUME Volume; /* stream handles */
} PLACE;

static NTSTATUS Set(const PLACE *Place, FLT_SET_CONTEXT_OPERATION Operation, PVOID NewContext,
                    PFLT_CONTEXT *OldContext, PFLT_FILTER Filter, const void *Caller)
{
    FLTX_CONTEXT *New = NULL, *Old;
    ULONG Bucket = BucketOf(Place->Object);
    NTSTATUS Status = STATUS_SUCCESS;

    if (OldContext)
        *OldContext = NULL;
    if (Operation != FLT_SET_CONTEXT_REPLACE_IF_EXISTS &&
        Operation != FLT_SET_CONTEXT_KEEP_IF_EXISTS) {
        KexFinding("CTX-011", "verifier", Caller, "a context is set with operation %d",
                   (int)Operation);
        return STATUS_INVALID_PARAMETER;
    }
    if (NewContext) {
        New = Check(NewContext, "FltSet...Context", Caller);
        if (!New || New->Type != Place->Type || New->Filter != Filter)
            return STATUS_INVALID_PARAMETER;
    } else if (Operation == FLT_SET_CONTEXT_KEEP_IF_EXISTS) {
        return STATUS_INVALID_PARAMETER;
    }
    KexLockAcquire(&Table[Bucket].Lock);
    Old = Find(Bucket, Place->Type, Place->Object, Place->Who);
    if (New && New->Linked) {
        Status = STATUS_FLT_CONTEXT_ALREADY_LINKED;
        Old = NULL;
    } else if (Old && Operation == FLT_SET_CONTEXT_KEEP_IF_EXISTS) {
        Status = STATUS_FLT_CONTEXT_ALREADY_DEFINED;
        atomic_fetch_add(&Old->References, 1);
    } else {
        if (Old)
            Unlink(Old);
        if (New) {
            New->Object = Place->Object;
            New->Who = Place->Who;
            New->Volume = Place->Volume;
            New->Linked = TRUE;
            if (New->Volume)
                atomic_fetch_add(&New->Volume->HandleContexts, 1);
            atomic_fetch_add(&New->References, 1);
            InsertHeadList(&Table[Bucket].Head, &New->Link);
        }
    }
    KexLockRelease(&Table[Bucket].Lock);
    if (Status == STATUS_FLT_CONTEXT_ALREADY_LINKED)
        KexFinding("CTX-005", "verifier", Caller, "a %s that is linked already is set again",
                   KindName(Place->Type));
    if (Old && OldContext)
        *OldContext = BodyOf(Old);
    else if (Old)
        Release(Old);
    return Status;
}

static NTSTATUS Get(const PLACE *Place, PFLT_CONTEXT *Out)
{
    ULONG Bucket = BucketOf(Place->Object);
    FLTX_CONTEXT *Context;

    KexLockAcquire(&Table[Bucket].Lock);
    Context = Find(Bucket, Place->Type, Place->Object, Place->Who);
    if (Context)
        atomic_fetch_add(&Context->References, 1);
    KexLockRelease(&Table[Bucket].Lock);
    *Out = BodyOf(Context);
    return Context ? STATUS_SUCCESS : STATUS_NOT_FOUND;
}

static NTSTATUS Delete(const PLACE *Place, PFLT_CONTEXT *OldContext)
{
    ULONG Bucket = BucketOf(Place->Object);
    FLTX_CONTEXT *Context;

    if (OldContext)
        *OldContext = NULL;
    KexLockAcquire(&Table[Bucket].Lock);
    Context = Find(Bucket, Place->Type, Place->Object, Place->Who);
    if (Context)
        Unlink(Context);
    KexLockRelease(&Table[Bucket].Lock);
    if (!Context)
        return STATUS_NOT_FOUND;
    if (OldContext)
        *OldContext = BodyOf(Context);
    else
        Release(Context);
    return STATUS_SUCCESS;
}

static void DeleteAllOn(FLT_CONTEXT_TYPE Type, const void *Object, const void *Who)
{
    PLACE Place = {Type, Object, Who, NULL};

    while (Delete(&Place, NULL) == STATUS_SUCCESS)
        ;
}

/* Links of one filter or instance, wherever they hang. */
static void DeleteEverywhere(PFLT_FILTER Filter, PFLT_INSTANCE Instance)
{
    for (ULONG i = 0; i < BUCKETS; i++) {
        FLTX_CONTEXT *Found;

        do {
            PLIST_ENTRY Link;

            Found = NULL;
            KexLockAcquire(&Table[i].Lock);
            for (Link = Table[i].Head.Flink; Link != &Table[i].Head && !Found; Link = Link->Flink) {
                FLTX_CONTEXT *Context = CONTAINING_RECORD(Link, FLTX_CONTEXT, Link);

                if (Instance ? Context->Who == Instance : Context->Filter == Filter)
                    Found = Context;
            }
            if (Found)
                Unlink(Found);
            KexLockRelease(&Table[i].Lock);
            if (Found)
                Release(Found);
        } while (Found);
    }
}

void FltxDeleteInstanceContexts(PFLT_INSTANCE Instance)
{
    DeleteEverywhere(NULL, Instance);
}

void FltxDeleteVolumeContexts(PFLT_FILTER Filter, PFLT_VOLUME Volume)
{
    DeleteAllOn(FLT_VOLUME_CONTEXT, Volume, Filter);
}

void FltxDeleteFilterContexts(PFLT_FILTER Filter)
{
    DeleteEverywhere(Filter, NULL);
}

void FltxHandleClosed(PFLT_VOLUME Volume, PFILE_OBJECT FileObject)
{
    if (!FileObject)
        return;
    DeleteAllOn(FLT_STREAMHANDLE_CONTEXT, FileObject, NULL);
    FltxForgetNames(Volume, FileObject);
}

/* ---- allocation ------------------------------------------------------------------------------ */

/*
 * The registration entry that fits: one with an own allocator, one of variable size, or the
 * smallest fixed one; without FLTFL_CONTEXT_REGISTRATION_NO_EXACT_SIZE_MATCH the fixed size must be
 * the asked one.
 */
static const FLT_CONTEXT_REGISTRATION *Match(PFLT_FILTER Filter, FLT_CONTEXT_TYPE Type, SIZE_T Size)
{
    const FLT_CONTEXT_REGISTRATION *Best = NULL, *c;

    for (c = Filter->Contexts; c && c->ContextType != FLT_CONTEXT_END; c++) {
        if (c->ContextType != Type)
            continue;
        if (c->ContextAllocateCallback)
            return c;
        if (c->Size == FLT_VARIABLE_SIZED_CONTEXTS) {
            if (!Best)
                Best = c;
        } else if (c->Size == Size ||
                   ((c->Flags & FLTFL_CONTEXT_REGISTRATION_NO_EXACT_SIZE_MATCH) &&
                    c->Size > Size)) {
            if (!Best || Best->Size == FLT_VARIABLE_SIZED_CONTEXTS || c->Size < Best->Size)
                Best = c;
        }
    }
    return Best;
}

static NTSTATUS CheckAllocation(PFLT_FILTER Filter, FLT_CONTEXT_TYPE Type, SIZE_T Size,
                                POOL_TYPE Pool, const void *Caller)
{
    if (!Type || (Type & (Type - 1)) || !(Type & FLT_ALL_CONTEXTS))
        return STATUS_INVALID_PARAMETER;
    if (Size > MAXUSHORT)
        return STATUS_INVALID_BUFFER_SIZE;
    if (Type == FLT_VOLUME_CONTEXT && (Pool & 1) == PagedPool) {
        KexFinding("CTX-006", "verifier", Caller, "a volume context is asked from paged pool");
        return STATUS_FLT_MUST_BE_NONPAGED_POOL;
    }
    return FltxClosing(&Filter->Object) ? STATUS_FLT_DELETING_OBJECT : STATUS_SUCCESS;
}

/*
 * Allocates a context with one reference. IRQL: <= APC_LEVEL. The size must fit a registration of
 * that type. STATUS_FLT_CONTEXT_ALLOCATION_NOT_FOUND, STATUS_FLT_DELETING_OBJECT,
 * STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_BUFFER_SIZE, STATUS_INVALID_PARAMETER; volume
 * contexts must be nonpaged (nf-fltkernel-fltallocatecontext). From build 22000 on the memory of
 * variable-sized contexts is zeroed; before, nothing is promised, and we fill with a pattern so
 * that a driver that relies on zeroes is seen.
 */
NTSTATUS NTAPI FltAllocateContext(PFLT_FILTER Filter, FLT_CONTEXT_TYPE ContextType,
                                  SIZE_T ContextSize, POOL_TYPE PoolType,
                                  PFLT_CONTEXT *ReturnedContext)
{
    const FLT_CONTEXT_REGISTRATION *Registration;
    const void *Caller = __builtin_return_address(0);
    NTSTATUS Status = CheckAllocation(Filter, ContextType, ContextSize, PoolType, Caller);
    FLTX_CONTEXT *Context;
    SIZE_T Bytes;

    if (!NT_SUCCESS(Status))
        return Status;
    Registration = Match(Filter, ContextType, ContextSize);
    if (!Registration)
        return STATUS_FLT_CONTEXT_ALLOCATION_NOT_FOUND;
    Bytes = FLTX_CONTEXT_HEADER + (Registration->Size != FLT_VARIABLE_SIZED_CONTEXTS &&
                                           Registration->Size > ContextSize &&
                                           !Registration->ContextAllocateCallback
                                       ? Registration->Size
                                       : ContextSize);
    Context = Registration->ContextAllocateCallback
                  ? Registration->ContextAllocateCallback(PoolType, Bytes, ContextType)
                  : ExAllocatePoolWithTag(PoolType, Bytes, Registration->PoolTag);
    if (!Context)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Context, FLTX_CONTEXT_HEADER);
    if (!Registration->ContextAllocateCallback)
        RtlFillMemory(
            BodyOf(Context), Bytes - FLTX_CONTEXT_HEADER,
            KexBuild >= 22000 && Registration->Size == FLT_VARIABLE_SIZED_CONTEXTS ? 0 : 0xcd);
    Context->Magic = FLTX_CONTEXT_LIVE;
    Context->Type = ContextType;
    Context->Filter = Filter;
    Context->Registration = Registration;
    Context->Block = Context;
    atomic_store(&Context->References, 1);
    FltxHold(&Filter->Object);
    FltxTrackHeld(&Context->Held, KindName(ContextType), BodyOf(Context), Filter, Caller,
                  ContextSize, Registration->PoolTag);
    *ReturnedContext = BodyOf(Context);
    return STATUS_SUCCESS;
}

/* One more reference. IRQL: <= DISPATCH_LEVEL (nf-fltkernel-fltreferencecontext). */
VOID NTAPI FltReferenceContext(PFLT_CONTEXT Context)
{
    FLTX_CONTEXT *Header = Check(Context, "FltReferenceContext", __builtin_return_address(0));

    if (Header)
        atomic_fetch_add(&Header->References, 1);
}

/* One reference less; the last frees. IRQL: <= DISPATCH_LEVEL (nf-fltkernel-fltreleasecontext). */
VOID NTAPI FltReleaseContext(PFLT_CONTEXT Context)
{
    FLTX_CONTEXT *Header = Check(Context, "FltReleaseContext", __builtin_return_address(0));

    if (!Header)
        return;
    if (Header->Linked && atomic_load(&Header->References) == 1) {
        FLTX_FINDING("CTX-002", "FltReleaseContext takes the reference that a link of the %s holds",
                     KindName(Header->Type));
        return;
    }
    Release(Header);
}

/*
 * Takes a context off whatever it hangs on; the caller's own reference stays. IRQL: <= APC_LEVEL
 * (nf-fltkernel-fltdeletecontext).
 */
VOID NTAPI FltDeleteContext(PFLT_CONTEXT Context)
{
    FLTX_CONTEXT *Header = Check(Context, "FltDeleteContext", __builtin_return_address(0));
    BOOLEAN Was = FALSE;
    ULONG Bucket;

    if (!Header)
        return;
    if (Header->Type == FLT_SECTION_CONTEXT)
        FLTX_FINDING("CTX-010", "FltDeleteContext of a section context");
    Bucket = BucketOf(Header->Object);
    KexLockAcquire(&Table[Bucket].Lock);
    if (Header->Linked) {
        Unlink(Header);
        Was = TRUE;
    }
    KexLockRelease(&Table[Bucket].Lock);
    if (Was)
        Release(Header);
    else
        FLTX_FINDING("CTX-009", "FltDeleteContext of a %s that is not set on anything",
                     KindName(Header->Type));
}

/* ---- where each kind hangs ------------------------------------------------------------------- */

/* Tells us when the file system lets go of a stream or file. */
typedef struct _STREAM_END {
    FSRTL_PER_STREAM_CONTEXT Stream;
    FSRTL_PER_FILE_CONTEXT File;
    const void *Object;
} STREAM_END;

static VOID NTAPI StreamGone(PVOID Link)
{
    STREAM_END *End = CONTAINING_RECORD(Link, STREAM_END, Stream);

    DeleteAllOn(FLT_STREAM_CONTEXT, End->Object, NULL);
    ExFreePoolWithTag(End, FLTX_TAG);
}

static VOID NTAPI FileGone(PVOID Link)
{
    STREAM_END *End = CONTAINING_RECORD(Link, STREAM_END, File);

    DeleteAllOn(FLT_FILE_CONTEXT, End->Object, NULL);
    ExFreePoolWithTag(End, FLTX_TAG);
}

static NTSTATUS WatchStream(PFILE_OBJECT File)
{
    PFSRTL_ADVANCED_FCB_HEADER Header = FsRtlGetPerStreamContextPointer(File);
    STREAM_END *End;
    NTSTATUS Status;

    if (FsRtlLookupPerStreamContext(Header, FltxDriver, NULL))
        return STATUS_SUCCESS;
    End = ExAllocatePoolWithTag(NonPagedPool, sizeof(*End), FLTX_TAG);
    if (!End)
        return STATUS_INSUFFICIENT_RESOURCES;
    End->Object = Header;
    FsRtlInitPerStreamContext(&End->Stream, FltxDriver, NULL, StreamGone);
    Status = FsRtlInsertPerStreamContext(Header, &End->Stream);
    if (!NT_SUCCESS(Status)) {
        ExFreePoolWithTag(End, FLTX_TAG);
        Status = STATUS_NOT_SUPPORTED;
    }
    return Status;
}

static NTSTATUS WatchFile(PFILE_OBJECT File)
{
    PVOID *Pointer = FsRtlGetPerFileContextPointer(File);
    STREAM_END *End;
    NTSTATUS Status;

    if (FsRtlLookupPerFileContext(Pointer, FltxDriver, NULL))
        return STATUS_SUCCESS;
    End = ExAllocatePoolWithTag(NonPagedPool, sizeof(*End), FLTX_TAG);
    if (!End)
        return STATUS_INSUFFICIENT_RESOURCES;
    End->Object = Pointer;
    FsRtlInitPerFileContext(&End->File, FltxDriver, NULL, FileGone);
    Status = FsRtlInsertPerFileContext(Pointer, &End->File);
    if (!NT_SUCCESS(Status)) {
        ExFreePoolWithTag(End, FLTX_TAG);
        Status = STATUS_NOT_SUPPORTED;
    }
    return Status;
}

/* TRUE when streams of this open file can carry contexts. IRQL: <= APC_LEVEL
 * (nf-fltkernel-fltsupportsstreamcontexts). */
BOOLEAN NTAPI FltSupportsStreamContexts(PFILE_OBJECT FileObject)
{
    PFSRTL_ADVANCED_FCB_HEADER Header = FileObject ? FileObject->FsContext : NULL;

    return Header && (Header->Flags2 & FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS) &&
           !(FileObject->Flags & FO_VOLUME_OPEN);
}

/* The same for stream handles (nf-fltkernel-fltsupportsstreamhandlecontexts). */
BOOLEAN NTAPI FltSupportsStreamHandleContexts(PFILE_OBJECT FileObject)
{
    return FltSupportsStreamContexts(FileObject);
}

/* TRUE when the file system keeps contexts per file (nf-fltkernel-fltsupportsfilecontexts). */
BOOLEAN NTAPI FltSupportsFileContexts(PFILE_OBJECT FileObject)
{
    return FltSupportsStreamContexts(FileObject) &&
           FsRtlGetPerFileContextPointer(FileObject) != NULL;
}

/* The same below an instance (nf-fltkernel-fltsupportsfilecontextsex). */
BOOLEAN NTAPI FltSupportsFileContextsEx(PFILE_OBJECT FileObject, PFLT_INSTANCE Instance)
{
    UNREFERENCED_PARAMETER(Instance);
    return FltSupportsFileContexts(FileObject);
}

static NTSTATUS PlaceOn(PLACE *Place, FLT_CONTEXT_TYPE Type, PFLT_INSTANCE Instance,
                        PFILE_OBJECT File)
{
    RtlZeroMemory(Place, sizeof(*Place));
    Place->Type = Type;
    Place->Who = Instance;
    switch (Type) {
    case FLT_INSTANCE_CONTEXT:
        Place->Object = Instance;
        return STATUS_SUCCESS;
    case FLT_FILE_CONTEXT:
        if (!FltSupportsFileContexts(File))
            return STATUS_NOT_SUPPORTED;
        Place->Object = FsRtlGetPerFileContextPointer(File);
        return STATUS_SUCCESS;
    case FLT_STREAM_CONTEXT:
        if (!FltSupportsStreamContexts(File))
            return STATUS_NOT_SUPPORTED;
        Place->Object = FsRtlGetPerStreamContextPointer(File);
        return STATUS_SUCCESS;
    default:
        if (!FltSupportsStreamContexts(File))
            return STATUS_NOT_SUPPORTED;
        Place->Object = File;
        Place->Volume = Instance->Volume;
        return STATUS_SUCCESS;
    }
}

static NTSTATUS SetOn(FLT_CONTEXT_TYPE Type, PFLT_INSTANCE Instance, PFILE_OBJECT File,
                      FLT_SET_CONTEXT_OPERATION Operation, PFLT_CONTEXT NewContext,
                      PFLT_CONTEXT *OldContext, const void *Caller)
{
    PLACE Place;
    NTSTATUS Status = PlaceOn(&Place, Type, Instance, File);

    if (OldContext)
        *OldContext = NULL;
    if (!NT_SUCCESS(Status))
        return Status;
    /* The instance's own contexts may be set until the teardown removes them all. */
    if (FltxClosing(&Instance->Object))
        return STATUS_FLT_DELETING_OBJECT;
    if (Type == FLT_STREAM_CONTEXT)
        Status = WatchStream(File);
    else if (Type == FLT_FILE_CONTEXT)
        Status = WatchFile(File);
    return NT_SUCCESS(Status)
               ? Set(&Place, Operation, NewContext, OldContext, Instance->Filter, Caller)
               : Status;
}

static NTSTATUS GetOn(FLT_CONTEXT_TYPE Type, PFLT_INSTANCE Instance, PFILE_OBJECT File,
                      PFLT_CONTEXT *Context)
{
    PLACE Place;
    NTSTATUS Status = PlaceOn(&Place, Type, Instance, File);

    *Context = NULL;
    return NT_SUCCESS(Status) ? Get(&Place, Context) : Status;
}

static NTSTATUS DeleteOn(FLT_CONTEXT_TYPE Type, PFLT_INSTANCE Instance, PFILE_OBJECT File,
                         PFLT_CONTEXT *OldContext)
{
    PLACE Place;
    NTSTATUS Status = PlaceOn(&Place, Type, Instance, File);

    return NT_SUCCESS(Status) ? Delete(&Place, OldContext) : Status;
}

/*
 * The Set routines. IRQL: <= APC_LEVEL. A successful set takes a reference of its own; the caller
 * releases the one it has in every case. *OldContext (optional) is a referenced pointer to what was
 * there. STATUS_FLT_CONTEXT_ALREADY_DEFINED (keep), STATUS_FLT_CONTEXT_ALREADY_LINKED,
 * STATUS_FLT_DELETING_OBJECT, STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED
 * (nf-fltkernel-fltsetinstancecontext, -fltsetstreamcontext, -fltsetstreamhandlecontext,
 * -fltsetfilecontext).
 */
NTSTATUS NTAPI FltSetInstanceContext(PFLT_INSTANCE Instance, FLT_SET_CONTEXT_OPERATION Operation,
                                     PFLT_CONTEXT NewContext, PFLT_CONTEXT *OldContext)
{
    return SetOn(FLT_INSTANCE_CONTEXT, Instance, NULL, Operation, NewContext, OldContext,
                 __builtin_return_address(0));
}

NTSTATUS NTAPI FltSetStreamContext(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                   FLT_SET_CONTEXT_OPERATION Operation, PFLT_CONTEXT NewContext,
                                   PFLT_CONTEXT *OldContext)
{
    return SetOn(FLT_STREAM_CONTEXT, Instance, FileObject, Operation, NewContext, OldContext,
                 __builtin_return_address(0));
}

NTSTATUS NTAPI FltSetStreamHandleContext(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                         FLT_SET_CONTEXT_OPERATION Operation,
                                         PFLT_CONTEXT NewContext, PFLT_CONTEXT *OldContext)
{
    return SetOn(FLT_STREAMHANDLE_CONTEXT, Instance, FileObject, Operation, NewContext, OldContext,
                 __builtin_return_address(0));
}

NTSTATUS NTAPI FltSetFileContext(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                 FLT_SET_CONTEXT_OPERATION Operation, PFLT_CONTEXT NewContext,
                                 PFLT_CONTEXT *OldContext)
{
    return SetOn(FLT_FILE_CONTEXT, Instance, FileObject, Operation, NewContext, OldContext,
                 __builtin_return_address(0));
}

/* A volume carries one context per filter (nf-fltkernel-fltsetvolumecontext). Whose it is follows
 * from the new context. */
NTSTATUS NTAPI FltSetVolumeContext(PFLT_VOLUME Volume, FLT_SET_CONTEXT_OPERATION Operation,
                                   PFLT_CONTEXT NewContext, PFLT_CONTEXT *OldContext)
{
    FLTX_CONTEXT *New = Check(NewContext, "FltSetVolumeContext", __builtin_return_address(0));
    PLACE Place = {FLT_VOLUME_CONTEXT, Volume, New ? New->Filter : NULL, NULL};

    if (OldContext)
        *OldContext = NULL;
    if (!New)
        return STATUS_INVALID_PARAMETER;
    if (FltxClosing(&Volume->Object))
        return STATUS_FLT_DELETING_OBJECT;
    return Set(&Place, Operation, NewContext, OldContext, New->Filter, __builtin_return_address(0));
}

/*
 * The Get routines: a referenced pointer, or STATUS_NOT_FOUND, or STATUS_NOT_SUPPORTED. IRQL: <=
 * APC_LEVEL (nf-fltkernel-fltgetinstancecontext and its siblings).
 */
NTSTATUS NTAPI FltGetInstanceContext(PFLT_INSTANCE Instance, PFLT_CONTEXT *Context)
{
    return GetOn(FLT_INSTANCE_CONTEXT, Instance, NULL, Context);
}

NTSTATUS NTAPI FltGetStreamContext(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                   PFLT_CONTEXT *Context)
{
    return GetOn(FLT_STREAM_CONTEXT, Instance, FileObject, Context);
}

NTSTATUS NTAPI FltGetStreamHandleContext(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                         PFLT_CONTEXT *Context)
{
    return GetOn(FLT_STREAMHANDLE_CONTEXT, Instance, FileObject, Context);
}

NTSTATUS NTAPI FltGetFileContext(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                 PFLT_CONTEXT *Context)
{
    return GetOn(FLT_FILE_CONTEXT, Instance, FileObject, Context);
}

NTSTATUS NTAPI FltGetVolumeContext(PFLT_FILTER Filter, PFLT_VOLUME Volume, PFLT_CONTEXT *Context)
{
    PLACE Place = {FLT_VOLUME_CONTEXT, Volume, Filter, NULL};

    return Get(&Place, Context);
}

/*
 * The Delete routines take the context off; with OldContext the link's reference passes to the
 * caller. STATUS_NOT_FOUND (nf-fltkernel-fltdeletestreamcontext and its siblings).
 */
NTSTATUS NTAPI FltDeleteInstanceContext(PFLT_INSTANCE Instance, PFLT_CONTEXT *OldContext)
{
    return DeleteOn(FLT_INSTANCE_CONTEXT, Instance, NULL, OldContext);
}

NTSTATUS NTAPI FltDeleteStreamContext(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                      PFLT_CONTEXT *OldContext)
{
    return DeleteOn(FLT_STREAM_CONTEXT, Instance, FileObject, OldContext);
}

NTSTATUS NTAPI FltDeleteStreamHandleContext(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                            PFLT_CONTEXT *OldContext)
{
    return DeleteOn(FLT_STREAMHANDLE_CONTEXT, Instance, FileObject, OldContext);
}

NTSTATUS NTAPI FltDeleteFileContext(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                    PFLT_CONTEXT *OldContext)
{
    return DeleteOn(FLT_FILE_CONTEXT, Instance, FileObject, OldContext);
}

NTSTATUS NTAPI FltDeleteVolumeContext(PFLT_FILTER Filter, PFLT_VOLUME Volume,
                                      PFLT_CONTEXT *OldContext)
{
    PLACE Place = {FLT_VOLUME_CONTEXT, Volume, Filter, NULL};

    return Delete(&Place, OldContext);
}

/* ---- several at once ------------------------------------------------------------------------- */

static void GetMany(PCFLT_RELATED_OBJECTS Objects, FLT_CONTEXT_TYPE Desired,
                    PFLT_RELATED_CONTEXTS Contexts)
{
    RtlZeroMemory(Contexts, sizeof(*Contexts));
    if ((Desired & FLT_VOLUME_CONTEXT) && Objects->Volume)
        FltGetVolumeContext(Objects->Filter, Objects->Volume, &Contexts->VolumeContext);
    if (!Objects->Instance)
        return;
    if (Desired & FLT_INSTANCE_CONTEXT)
        FltGetInstanceContext(Objects->Instance, &Contexts->InstanceContext);
    if (!Objects->FileObject)
        return;
    if (Desired & FLT_FILE_CONTEXT)
        FltGetFileContext(Objects->Instance, Objects->FileObject, &Contexts->FileContext);
    if (Desired & FLT_STREAM_CONTEXT)
        FltGetStreamContext(Objects->Instance, Objects->FileObject, &Contexts->StreamContext);
    if (Desired & FLT_STREAMHANDLE_CONTEXT)
        FltGetStreamHandleContext(Objects->Instance, Objects->FileObject,
                                  &Contexts->StreamHandleContext);
}

/* Gets the asked kinds, NULL where there is none; FltReleaseContexts gives them back
 * (nf-fltkernel-fltgetcontexts). */
VOID NTAPI FltGetContexts(PCFLT_RELATED_OBJECTS FltObjects, FLT_CONTEXT_TYPE DesiredContexts,
                          PFLT_RELATED_CONTEXTS Contexts)
{
    GetMany(FltObjects, DesiredContexts, Contexts);
}

/* The same for the longer structure (nf-fltkernel-fltgetcontextsex). */
NTSTATUS NTAPI FltGetContextsEx(PCFLT_RELATED_OBJECTS FltObjects, FLT_CONTEXT_TYPE DesiredContexts,
                                SIZE_T ContextsSize, PFLT_RELATED_CONTEXTS_EX Contexts)
{
    FLT_RELATED_CONTEXTS Short;

    if (ContextsSize < sizeof(*Contexts))
        return STATUS_INVALID_PARAMETER;
    GetMany(FltObjects, DesiredContexts, &Short);
    RtlZeroMemory(Contexts, ContextsSize);
    RtlCopyMemory(Contexts, &Short, sizeof(Short));
    return STATUS_SUCCESS;
}

static void ReleaseMany(PFLT_CONTEXT *Context, SIZE_T Count)
{
    for (SIZE_T i = 0; i < Count; i++) {
        if (Context[i])
            FltReleaseContext(Context[i]);
        Context[i] = NULL;
    }
}

/* Releases each that is not NULL. IRQL: <= DISPATCH_LEVEL (nf-fltkernel-fltreleasecontexts). */
VOID NTAPI FltReleaseContexts(PFLT_RELATED_CONTEXTS Contexts)
{
    ReleaseMany(&Contexts->VolumeContext, sizeof(*Contexts) / sizeof(PFLT_CONTEXT));
}

/* The same for the longer structure (nf-fltkernel-fltreleasecontextsex). */
VOID NTAPI FltReleaseContextsEx(SIZE_T ContextsSize, PFLT_RELATED_CONTEXTS_EX Contexts)
{
    ReleaseMany(&Contexts->VolumeContext, ContextsSize / sizeof(PFLT_CONTEXT));
}

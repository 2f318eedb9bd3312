/* SPDX-License-Identifier: MIT */
/*
 * fltx.h - inside of the Filter Manager.
 *
 * How an operation and a detach meet without a lock on the operation's side
 * -------------------------------------------------------------------------
 * Each operation runs on a record (FLTX_OP) that stays allocated for ever once made (records are
 * recycled, never freed), and all records are on one list. An operation publishes the chain it uses
 * in Op->Chain and the layer it is calling in Op->Cursor, with plain stores, and looks at Op->Dead
 * before each step. Detach is rare and pays for both sides: it publishes chains without the
 * instance, sets the layer's bit in Op->Dead of every operation that still uses an old chain, and
 * runs host_heavy_barrier() (a barrier on every thread) in between. After the barrier an operation
 * either is visible to detach, or sees what detach wrote. So the hot path has no locked
 * instruction.
 *
 * Only an operation with the mark FLTX_DEAD_MARK takes FltxDrainLock: before it takes a layer back
 * that detach has not drained yet, and before its record is recycled, so that detach can look at a
 * marked record in peace.
 */
#ifndef OPENFLT_FLT_FLTX_H
#define OPENFLT_FLT_FLTX_H

#include "flt/flt.h"
#include <stdatomic.h>
#include <string.h>

#define FLTX_TAG 0x78746c46u /* "Fltx" */

/* ---- objects --------------------------------------------------------------------------------- */

typedef enum {
    FLTX_DEAD = 0x44414544,
    FLTX_FILTER = 0x544c4946,
    FLTX_INSTANCE = 0x54534e49,
    FLTX_VOLUME = 0x554c4f56
} FLTX_KIND;

/*
 * Pins are what FltObjectReference takes: teardown waits until none is left. Bit 0 says that
 * teardown has begun, a pin counts 2. References keep only the memory.
 */
typedef struct _FLTX_OBJECT {
    FLTX_KIND Kind;
    _Atomic LONG References;
    _Atomic LONG64 Pins;
    KEVENT Drained;
} FLTX_OBJECT;

void FltxObjectInit(FLTX_OBJECT *Object, FLTX_KIND Kind);
BOOLEAN FltxPin(FLTX_OBJECT *Object);
void FltxUnpin(FLTX_OBJECT *Object);
/* Forbids new pins; TRUE for the caller that began it. */
BOOLEAN FltxCloseObject(FLTX_OBJECT *Object);
/* Undoes FltxCloseObject when the owner decided not to go. */
void FltxReopenObject(FLTX_OBJECT *Object);
void FltxWaitUnpinned(FLTX_OBJECT *Object);
static inline BOOLEAN FltxClosing(FLTX_OBJECT *Object)
{
    return (atomic_load_explicit(&Object->Pins, memory_order_relaxed) & 1) != 0;
}
void FltxHold(FLTX_OBJECT *Object);
void FltxDrop(FLTX_OBJECT *Object);
/* NULL or an object of that kind. */
FLTX_OBJECT *FltxCheckObject(PVOID Object);

/* ---- major functions as chain numbers -------------------------------------------------------- */

/* 0..27 are the IRP majors; then the 22 operations FltMgr numbers downwards from 0xff. */
#define FLTX_IRP_SLOTS (IRP_MJ_MAXIMUM_FUNCTION + 1)
#define FLTX_SLOTS (FLTX_IRP_SLOTS + FLT_INTERNAL_OPERATION_COUNT)
static inline ULONG FltxSlot(UCHAR Major)
{
    return Major < FLTX_IRP_SLOTS ? Major : (ULONG)(FLTX_IRP_SLOTS + 0xff - Major);
}

/* ---- filters, volumes, instances ------------------------------------------------------------- */

typedef struct _FLTX_CONTEXT FLTX_CONTEXT;

typedef struct _FLTX_REGISTERED {
    PFLT_PRE_OPERATION_CALLBACK Pre;
    PFLT_POST_OPERATION_CALLBACK Post;
    ULONG Flags;
    BOOLEAN Wanted;
} FLTX_REGISTERED;

struct _FLT_FILTER {
    FLTX_OBJECT Object;
    LIST_ENTRY Link;               /* FltxFilters */
    UNICODE_STRING Name, Altitude; /* altitude of the default instance, may be empty */
    char NameText[64];             /* for traces and reports */
    PDRIVER_OBJECT Driver;
    FLT_REGISTRATION Registration; /* fields the caller's version lacks are zero */
    FLTX_REGISTERED Operation[FLTX_SLOTS];
    FLT_CONTEXT_REGISTRATION *Contexts; /* copy, ended by FLT_CONTEXT_END */
    BOOLEAN Started, Unloading;
    BOOLEAN Gone; /* its code may be away: no callback any more */
    _Atomic LONG Ports;
};

typedef enum { FLTX_SETUP, FLTX_ATTACHED, FLTX_TEARING_DOWN, FLTX_GONE } FLTX_INSTANCE_STATE;

struct _FLT_INSTANCE {
    FLTX_OBJECT Object;
    LIST_ENTRY Link; /* Volume->Instances, by falling altitude */
    PFLT_FILTER Filter;
    PFLT_VOLUME Volume;
    UNICODE_STRING Name, Altitude;
    FLTX_INSTANCE_STATE State; /* under FltxLock */
};

typedef struct _FLTX_ENTRY {
    PFLT_PRE_OPERATION_CALLBACK Pre;
    PFLT_POST_OPERATION_CALLBACK Post;
    PFLT_FILTER Filter;
    PFLT_INSTANCE Instance;
    ULONG Skip; /* FLTFL_OPERATION_REGISTRATION_SKIP_... */
} FLTX_ENTRY;

/* Immutable once published. Holds a reference to each instance in it. */
typedef struct _FLTX_CHAIN {
    struct _FLTX_CHAIN *NextRetired;
    ULONG Count;
    ULONG AnySkip;
    FLTX_ENTRY Entry[];
} FLTX_CHAIN;

struct _FLT_VOLUME {
    FLTX_OBJECT Object;
    _Atomic(FLTX_CHAIN *) Chain[FLTX_SLOTS];
    PDEVICE_OBJECT Device;           /* FltMgr's own */
    PDEVICE_OBJECT Lower;            /* what it is attached to */
    PDEVICE_OBJECT FileSystemDevice; /* the file system's volume device */
    PDEVICE_OBJECT RealDevice;       /* with the VPB */
    _Atomic LONG
        HandleContexts;    /* contexts and names kept per file object: CLOSE must be looked at */
    _Atomic LONG Targeted; /* file objects opened below an instance (create.c) */
    _Atomic LONG Watchers; /* detaches waiting for records to come free */
    KEVENT Changed;        /* set by an operation that ends while somebody watches */
    LIST_ENTRY Link;       /* FltxVolumes */
    LIST_ENTRY Instances;  /* under FltxLock */
    _Atomic ULONG InstanceCount; /* changed under FltxLock; an operation takes it as a guess */
    FLTX_CHAIN *Retired;           /* under FltxLock */
    UNICODE_STRING Name, GuidName; /* \Device\HarddiskVolume1, \??\Volume{...} */
    FLT_FILESYSTEM_TYPE Type;
    BOOLEAN Dismounting;
};

/* Guards the lists of filters, volumes and instances, instance states and volume and instance
 * contexts. */
extern KEX_LOCK FltxLock;
extern KEX_LOCK FltxDrainLock;
extern ULONG
    FltxObservers; /* who reads operations' chains: none is freed meanwhile; under FltxLock */
extern LIST_ENTRY FltxFilters, FltxVolumes;
extern PDRIVER_OBJECT FltxDriver;

/* altitude.c */
BOOLEAN FltxAltitudeValid(PCUNICODE_STRING Altitude);
/* <0, 0, >0 as decimal numbers of any length. */
LONG FltxCompareAltitudes(PCUNICODE_STRING A, PCUNICODE_STRING B);

/* strings: allocate from nonpaged pool, always with a terminating zero */
NTSTATUS FltxCopyString(PUNICODE_STRING Copy, PCUNICODE_STRING Source);
void FltxFreeString(PUNICODE_STRING String);
void FltxNarrow(char *Text, SIZE_T Size, PCUNICODE_STRING String);

/* instance_registry.c: what the filter's service key says about its instances */
typedef struct _FLTX_INSTANCE_ENTRY {
    UNICODE_STRING Name, Altitude;
    ULONG Flags; /* FLTX_NO_AUTOMATIC, FLTX_NO_MANUAL */
    BOOLEAN Default;
} FLTX_INSTANCE_ENTRY;
#define FLTX_NO_AUTOMATIC 1u
#define FLTX_NO_MANUAL 2u
/*
 * All instances of the service key. STATUS_OBJECT_NAME_NOT_FOUND when the key, its Instances key or
 * the default instance is missing. The array is the caller's: FltxFreeInstanceEntries.
 */
NTSTATUS FltxReadInstances(PFLT_FILTER Filter, FLTX_INSTANCE_ENTRY **Entries, ULONG *Count);
void FltxFreeInstanceEntries(FLTX_INSTANCE_ENTRY *Entries, ULONG Count);

/* register.c */
PFLT_FILTER FltxPinFilterByName(PCUNICODE_STRING Name, NTSTATUS *Status);
PFLT_FILTER FltxFilterOfDriver(PDRIVER_OBJECT Driver);

/* instance.c */
NTSTATUS FltxAttach(PFLT_FILTER Filter, PFLT_VOLUME Volume, PCUNICODE_STRING Altitude,
                    PCUNICODE_STRING Name, FLT_INSTANCE_SETUP_FLAGS Flags, PFLT_INSTANCE *Pinned);
/* Every instance of the service key that may attach by itself. */
void FltxAttachAutomatic(PFLT_FILTER Filter, PFLT_VOLUME Volume, FLT_INSTANCE_SETUP_FLAGS Flags);
/* The caller holds a reference. STATUS_FLT_DELETING_OBJECT when somebody else is at it. */
NTSTATUS FltxDetach(PFLT_INSTANCE Instance, FLT_INSTANCE_TEARDOWN_FLAGS Reason);
void FltxInitRelated(FLT_RELATED_OBJECTS *Objects, PFLT_INSTANCE Instance);
/* First instance (referenced, not pinned) that the filter has anywhere, or that the volume has;
 * NULL: none. */
PFLT_INSTANCE FltxHoldAnyInstance(PFLT_FILTER Filter, PFLT_VOLUME Volume);

/* chain.c */
NTSTATUS FltxRebuildChains(PFLT_VOLUME Volume);
void FltxReclaimChains(PFLT_VOLUME Volume);
void FltxFreeChains(PFLT_VOLUME Volume);

/* volume.c */
PFLT_VOLUME FltxVolumeOfDevice(PDEVICE_OBJECT Device); /* any device of the stack; referenced */
PFLT_VOLUME FltxVolumeOfFile(PFILE_OBJECT FileObject); /* referenced */
void FltxFreeVolume(PFLT_VOLUME Volume);

/* leak bookkeeping (leak.c): one node in front of or inside whatever a filter obtains */
typedef struct _FLTX_HELD {
    LIST_ENTRY Link;
    const char *Kind;
    const void *Object, *Caller;
    PFLT_FILTER Filter; /* referenced */
    SIZE_T Bytes;
    ULONG Tag;
} FLTX_HELD;
void FltxTrackHeld(FLTX_HELD *Held, const char *Kind, const void *Object, PFLT_FILTER Filter,
                   const void *Caller, SIZE_T Bytes, ULONG Tag);
void FltxUntrackHeld(FLTX_HELD *Held);

/* ---- operations ------------------------------------------------------------------------------ */

enum { FLTX_LAYER_NONE, FLTX_LAYER_POST, FLTX_LAYER_SYNC };

typedef struct _FLTX_LAYER {
    FLT_RELATED_OBJECTS Objects;
    PVOID Context;             /* the filter's completion context */
    struct _FLTX_SAVED *Saved; /* parameters as they were before this filter changed them */
} FLTX_LAYER;

/* A filter marked the callback data dirty in its pre-callback. */
typedef struct _FLTX_SAVED {
    FLT_IO_PARAMETER_BLOCK Before;
    PMDL Swapped; /* MDL of the buffer the filter put in: freed by FltMgr unless retained */
    BOOLEAN Retained;
} FLTX_SAVED;

typedef enum {
    FLTX_OP_IDLE,
    FLTX_OP_IRP,
    FLTX_OP_FASTIO,
    FLTX_OP_FSFILTER,
    FLTX_OP_ALLOCATED,
    FLTX_OP_COPY
} FLTX_OP_KIND;

/* Op->Dead: a bit per layer, the mark "some detach knows this operation", and a generation above.
 */
#define FLTX_DEAD_LAYERS 39
#define FLTX_DEAD_MARK (1ull << FLTX_DEAD_LAYERS)
#define FLTX_DEAD_BITS ((FLTX_DEAD_MARK << 1) - 1)

/* Cursor values that are no layer. */
enum { FLTX_CURSOR_BELOW = -1, FLTX_CURSOR_ABOVE = -2 };

/* How a pended callback and its resumption meet: the second of the two goes on. */
enum { FLTX_HAND_NONE, FLTX_HAND_RETURNED, FLTX_HAND_RESUMED };

typedef struct _FLTX_OP {
    FLT_CALLBACK_DATA Data;
    FLT_IO_PARAMETER_BLOCK Iopb;
    _Atomic(FLTX_CHAIN *) Chain;
    _Atomic int Cursor;
    _Atomic ULONGLONG Dead; /* layers taken away by a detach */
    PFLT_VOLUME Volume;
    PIRP Irp;
    FLTX_OP_KIND Kind;
    USHORT First, Layers; /* [First, Layers) of the chain see this operation */
    USHORT Capacity;
    BOOLEAN Sync;    /* post-callbacks run in the dispatching thread */
    BOOLEAN Wanted;  /* some layer wants to be called at completion */
    BOOLEAN Changed; /* parameters differ from the IRP's */
    BOOLEAN Marked;  /* IoMarkIrpPending was called: dispatch returns STATUS_PENDING */
    BOOLEAN Reissue; /* the IRP goes back to whoever reissues, not up */
    UCHAR Class;     /* SKIP bits this operation matches */
    _Atomic int Hand;
    FLT_PREOP_CALLBACK_STATUS Resumed; /* from FltCompletePendedPreOperation */
    PKEVENT Event; /* set at completion or resumption of a synchronous operation */
    struct _FLTX_STATUS_REQUEST *StatusRequests;
    FLT_IO_PARAMETER_BLOCK Committed; /* last marked parameters; valid when Changed */
    ULONG IrpFlags;                   /* the IRP's own, to put back */
    PMDL IrpMdl, DownMdl;             /* the IRP's own, and the one sent down */
    BOOLEAN *ByFilter; /* set when a filter completes the operation; the sender's frame */
    PVOID IrpUserBuffer, IrpSystemBuffer;
    struct _FLTX_OP *Next;       /* free list */
    struct _FLTX_OP *NextRecord; /* list of all records; never changes */
    UCHAR *State;                /* [Capacity], behind the record */
    FLTX_LAYER *Layer;           /* [Capacity], behind the record */
} FLTX_OP;

/* Callback data a filter allocated for a request of its own: from the pool, so that a late use is
 * seen. */
typedef struct _FLTX_OWN {
    FLTX_OP Op;              /* no layers; Kind is FLTX_OP_ALLOCATED */
    PFLT_INSTANCE Initiator; /* referenced */
    PIRP Irp;                /* of the last request; freed with the block or before the next */
    PIRP Spare;        /* taken up front (FLT_ALLOCATE_CALLBACK_DATA_PREALLOCATE_ALL_MEMORY) */
    PMDL LentMdl;      /* an MDL of ours, not the driver's */
    _Atomic int State; /* FLTX_OWN_... */
    KEVENT Event;
    PFLT_COMPLETED_ASYNC_IO_CALLBACK Done;
    PVOID DoneContext;
    BOOLEAN Internal; /* behind FltReadFile and the like: freed by FltMgr */
    BOOLEAN RestoreOffset;
    LARGE_INTEGER SavedOffset;
    FLTX_HELD Held;
} FLTX_OWN;
enum { FLTX_OWN_IDLE, FLTX_OWN_SENT, FLTX_OWN_DONE };
#define FLTX_OWN_OF(data) CONTAINING_RECORD(data, FLTX_OWN, Op.Data)

#define FLTX_OP_OF(data) CONTAINING_RECORD(data, FLTX_OP, Data)

/*
 * Kind and Volume are written by the operation's owner while a detach may look at the record, and
 * only the owner reads them plainly. The other side reads with FLTX_PEEK. Not _Atomic, so that the
 * owner's own reads stay free for the compiler.
 */
#define FLTX_PEEK(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define FLTX_SHOW(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

/*
 * A layer's state is written by the owner and, under FltxDrainLock, by a detach. Release and
 * acquire: who sees POST sees the layer's context; who sees that a detach took it away may free
 * what the layer saved.
 */
static inline UCHAR FltxStateOf(const FLTX_OP *Op, ULONG Layer)
{
    return __atomic_load_n(&Op->State[Layer], __ATOMIC_ACQUIRE);
}
static inline void FltxSetState(FLTX_OP *Op, ULONG Layer, UCHAR State)
{
    __atomic_store_n(&Op->State[Layer], State, __ATOMIC_RELEASE);
}

/* op.c */
FLTX_OP *FltxOpAllocate(ULONG Layers);
void FltxOpFree(FLTX_OP *Op);
extern _Atomic(FLTX_OP *) FltxRecords;
void FltxWakeWatchers(PFLT_VOLUME Volume);
/* Publishes the chain in the record; NULL: nobody registered for the slot. */
static inline FLTX_CHAIN *FltxOpEnter(FLTX_OP *Op, PFLT_VOLUME Volume, ULONG Slot)
{
    ULONGLONG Dead = atomic_load_explicit(&Op->Dead, memory_order_relaxed);
    FLTX_CHAIN *Chain;

    do {
        /* A new generation: a detach that still means the record's last operation fails to mark it.
         */
        Dead = (Dead | FLTX_DEAD_BITS) + 1;
        atomic_store_explicit(&Op->Dead, Dead, memory_order_relaxed);
        Chain = atomic_load_explicit(&Volume->Chain[Slot], memory_order_acquire);
        atomic_store_explicit(&Op->Chain, Chain, memory_order_release);
        atomic_signal_fence(memory_order_seq_cst); /* host_heavy_barrier() is the other half */
    } while (__builtin_expect(
        Chain != atomic_load_explicit(&Volume->Chain[Slot], memory_order_relaxed), 0));
    return Chain;
}
void FltxOpLeaveMarked(FLTX_OP *Op);
/* The operation uses its chain no more; the record may be recycled. */
static inline void FltxOpLeave(FLTX_OP *Op)
{
    PFLT_VOLUME Volume = Op->Volume;

    atomic_store_explicit(&Op->Cursor, FLTX_CURSOR_ABOVE, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(atomic_load_explicit(&Op->Dead, memory_order_relaxed) & FLTX_DEAD_MARK, 0))
        FltxOpLeaveMarked(Op);
    atomic_store_explicit(&Op->Chain, NULL, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(atomic_load_explicit(&Volume->Watchers, memory_order_relaxed) != 0, 0))
        FltxWakeWatchers(Volume);
}
static inline ULONGLONG FltxDeadBit(ULONG Layer)
{
    return 1ull << Layer;
}
/* Moves to a layer or to FLTX_CURSOR_BELOW; FALSE when a detach took that layer away. */
static inline BOOLEAN FltxOpStep(FLTX_OP *Op, LONG Layer)
{
    ULONGLONG Dead;

    atomic_store_explicit(&Op->Cursor, Layer, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    Dead = atomic_load_explicit(&Op->Dead, memory_order_relaxed);
    if (__builtin_expect(!(Dead & FLTX_DEAD_MARK), 1))
        return TRUE;
    FltxWakeWatchers(Op->Volume);
    return Layer < 0 || Layer >= FLTX_DEAD_LAYERS || !(Dead & FltxDeadBit((ULONG)Layer));
}
/* At completion on a dead layer: TRUE when detach has not drained it, then the layer is alive
 * again. */
BOOLEAN FltxOpKeepLayer(FLTX_OP *Op, ULONG Layer);

/* request.c: requests of filters */
FLTX_OWN *FltxOwnAllocate(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject, BOOLEAN Preallocate,
                          const void *Caller);
void FltxOwnFree(FLTX_OWN *Own);
NTSTATUS FltxOwnPerform(FLTX_OWN *Own, ULONG DataFlags);
NTSTATUS FltxOwnStart(FLTX_OWN *Own, PFLT_COMPLETED_ASYNC_IO_CALLBACK Done, PVOID Context);

/* params.c: between IRP and parameter block */
void FltxReadIrp(FLTX_OP *Op, PIRP Irp, PIO_STACK_LOCATION Stack);
void FltxWriteIrp(FLTX_OP *Op, PIRP Irp, PIO_STACK_LOCATION Stack,
                  const FLT_IO_PARAMETER_BLOCK *Iopb);
void FltxRestoreIrp(FLTX_OP *Op, PIRP Irp);
typedef struct _FLTX_BUFFER {
    PMDL *Mdl;
    PVOID *Buffer;
    PULONG Length;
    LOCK_OPERATION Access;
} FLTX_BUFFER;
NTSTATUS FltxFindBuffer(PFLT_IO_PARAMETER_BLOCK Iopb, FLTX_BUFFER *Buffer);

/* dispatch.c, pre.c, post.c */
NTSTATUS NTAPI FltxDispatch(PDEVICE_OBJECT DeviceObject, PIRP Irp);
/* Sends an IRP whose current stack location is FltMgr's from the layer after Below (NULL: from the
 * top). */
/* *ByFilter (may be NULL) is set when a filter completed the request before this returned. */
NTSTATUS FltxSendIrp(PFLT_VOLUME Volume, PIRP Irp, PFLT_INSTANCE Below, ULONG DataFlags,
                     BOOLEAN *ByFilter);
NTSTATUS FltxResendIrp(FLTX_OP *From, PIRP Irp, PFLT_INSTANCE Below);
NTSTATUS FltxAdvance(FLTX_OP *Op, LONG At, BOOLEAN Resume);
/* A record with the chain of Major published. NULL with *Chain NULL: nobody is registered; else no
 * memory. */
FLTX_OP *FltxBegin(PFLT_VOLUME Volume, UCHAR Major, FLTX_OP_KIND Kind, FLTX_CHAIN **Chain);
void FltxBeginOp(FLTX_OP *Op, PFLT_VOLUME Volume, FLTX_CHAIN *Chain, PFLT_INSTANCE Below);
void FltxEndOp(FLTX_OP *Op);
FLT_PREOP_CALLBACK_STATUS FltxPre(FLTX_OP *Op, FLTX_CHAIN *Chain, LONG *At, BOOLEAN Resume);
/* Post-callbacks from layer From upwards. FALSE: a filter pended it and will resume. */
BOOLEAN FltxPost(FLTX_OP *Op, FLTX_CHAIN *Chain, LONG From);
void FltxTraceCallback(FLTX_OP *Op, const FLTX_ENTRY *Entry, BOOLEAN Post, int Result);
void FltxFinishIrp(FLTX_OP *Op);

/* drain.c: the detach side of the scheme above */
void FltxDrainInstance(PFLT_INSTANCE Instance);
void FltxDrainVolume(PFLT_VOLUME Volume);

/* create.c */
NTSTATUS FltxCreateArrives(PFLT_VOLUME Volume, PIRP Irp);
PFLT_INSTANCE FltxHoldTarget(PFILE_OBJECT File);
void FltxForgetTarget(PFLT_VOLUME Volume, PFILE_OBJECT File);
NTSTATUS FltxOpenTargetParent(PFLT_INSTANCE Instance, PFILE_RENAME_INFORMATION Rename,
                              PHANDLE Handle, PFILE_OBJECT *File);

/* name.c, namecache.c */
struct _FLTX_NAME;
void FltxForgetNames(PFLT_VOLUME Volume, PFILE_OBJECT FileObject);
void FltxNamesChanged(PFLT_VOLUME Volume);

/* fastio.c, fsfilter.c */
extern FAST_IO_DISPATCH FltxFastIo;
NTSTATUS FltxRegisterFsFilter(PDRIVER_OBJECT Driver);

/* context.c */
void FltxStartContexts(void);
void FltxDeleteInstanceContexts(PFLT_INSTANCE Instance);
void FltxDeleteVolumeContexts(PFLT_FILTER Filter, PFLT_VOLUME Volume);
void FltxDeleteFilterContexts(PFLT_FILTER Filter);
void FltxHandleClosed(PFLT_VOLUME Volume, PFILE_OBJECT FileObject);

/* status.c */
void FltxReportOperationStatus(struct _FLTX_STATUS_REQUEST *Requests, NTSTATUS Status);

/* findings: the sentence names the routine; Caller is the driver's address */
#define FLTX_FINDING(rule, ...)                                                                    \
    KexFinding(rule, "verifier", __builtin_return_address(0), __VA_ARGS__)

#endif

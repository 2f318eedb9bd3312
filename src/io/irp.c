/* SPDX-License-Identifier: MIT */
/*
 * Requests: their memory, their initial shape and the lists they are found on.
 *
 * Allocation is on the path of every operation, so blocks of two sizes are kept on sixteen free
 * lists; a thread uses the list its address selects and moves on when another thread holds it.
 * Memory is never given back, which lets a report walk every block that ever was and see which are
 * live.
 */
#include "io/iop.h"

#define CLASSES 2
#define LISTS 16
#define BLOCKS_PER_SLAB 32

static const UCHAR ClassStacks[CLASSES] = {8, 24};

typedef struct _SLAB {
    struct _SLAB *Next;
    size_t BlockSize;
    char *Blocks;
} SLAB;

static struct {
    int Busy;
    IOP_BLOCK *First[CLASSES];
} __attribute__((aligned(64))) Lists[LISTS];

static SLAB *Slabs; /* pushed only */

static size_t BlockSize(ULONG Stacks)
{
    return (sizeof(IOP_BLOCK) + IoSizeOfIrp(Stacks) + 15) & ~(size_t)15;
}

/* Takes a free list for itself; some list is free after a few tries. */
static unsigned TakeList(void)
{
    unsigned i = (unsigned)((uintptr_t)KexCurrentThread() >> 9);

    while (__atomic_exchange_n(&Lists[i % LISTS].Busy, 1, __ATOMIC_ACQUIRE))
        i++;
    return i % LISTS;
}

static void GiveList(unsigned i)
{
    __atomic_store_n(&Lists[i].Busy, 0, __ATOMIC_RELEASE);
}

static bool AddSlab(UCHAR Class, IOP_BLOCK **First)
{
    SLAB *Slab = malloc(sizeof *Slab);
    size_t Size = BlockSize(ClassStacks[Class]);

    if (!Slab)
        return false;
    Slab->BlockSize = Size;
    Slab->Blocks = aligned_alloc(16, Size * BLOCKS_PER_SLAB);
    if (!Slab->Blocks) {
        free(Slab);
        return false;
    }
    memset(Slab->Blocks, 0, Size * BLOCKS_PER_SLAB);
    for (size_t i = 0; i < BLOCKS_PER_SLAB; i++) {
        IOP_BLOCK *Block = (IOP_BLOCK *)(Slab->Blocks + i * Size);

        Block->Signature = IOP_BLOCK_SIGNATURE;
        Block->Class = Class;
        Block->Next = *First;
        *First = Block;
    }
    Slab->Next = __atomic_load_n(&Slabs, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&Slabs, &Slab->Next, Slab, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        ;
    return true;
}

static IOP_BLOCK *TakeBlock(UCHAR Class)
{
    unsigned i = TakeList();
    IOP_BLOCK *Block = Lists[i].First[Class];

    if (!Block && AddSlab(Class, &Lists[i].First[Class]))
        Block = Lists[i].First[Class];
    if (Block)
        Lists[i].First[Class] = Block->Next;
    GiveList(i);
    return Block;
}

/* Deeper stacks than any class has: a slab of one, live for good. */
static IOP_BLOCK *OwnBlock(ULONG Stacks)
{
    SLAB *Slab = malloc(sizeof *Slab);
    IOP_BLOCK *Block = aligned_alloc(16, BlockSize(Stacks));

    if (!Slab || !Block) {
        free(Slab);
        free(Block);
        return NULL;
    }
    memset(Block, 0, sizeof *Block);
    Block->Signature = IOP_BLOCK_SIGNATURE;
    Block->Class = CLASSES;
    *Slab = (SLAB){NULL, 0, (char *)Block};
    Slab->Next = __atomic_load_n(&Slabs, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&Slabs, &Slab->Next, Slab, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        ;
    return Block;
}

static inline void InitializeIrp(PIRP Irp, USHORT Size, CCHAR StackSize)
{
    memset(Irp, 0, Size);
    Irp->Type = IO_TYPE_IRP;
    Irp->Size = Size;
    Irp->StackCount = StackSize;
    Irp->CurrentLocation = StackSize + 1;
    InitializeListHead(&Irp->ThreadListEntry);
    Irp->Tail.Overlay.CurrentStackLocation = (PIO_STACK_LOCATION)(Irp + 1) + StackSize;
}

PIRP IopAllocateIrp(CCHAR StackSize, const void *Creator)
{
    IOP_BLOCK *Block;
    PIRP Irp;

    if (StackSize <= 0)
        return NULL;
    if (StackSize <= ClassStacks[0])
        Block = TakeBlock(0);
    else if (StackSize <= ClassStacks[1])
        Block = TakeBlock(1);
    else
        Block = OwnBlock((ULONG)StackSize);
    if (!Block)
        return NULL;
    Block->Creator = Creator;
    Block->EcpList = NULL;
    Block->Auxiliary = NULL;
    Block->Queued = Block->Traced = false;
    Block->Live = true;
    Irp = (PIRP)(Block + 1);
    InitializeIrp(Irp, (USHORT)IoSizeOfIrp(StackSize), StackSize);
    Irp->AllocationFlags = IRP_ALLOCATED_FIXED_SIZE;
    return Irp;
}

void IopFreeIrp(PIRP Irp)
{
    IOP_BLOCK *Block = IOP_BLOCK_OF(Irp);
    unsigned i;

    Irp->Type = 0; /* a second completion finds this and stops */
    Block->Live = false;
    if (Block->Class >= CLASSES)
        return; /* its slab keeps it; such requests are few */
    i = TakeList();
    Block->Next = Lists[i].First[Block->Class];
    Lists[i].First[Block->Class] = Block;
    GiveList(i);
}

/*
 * A request with StackSize stack locations. IRQL <= DISPATCH_LEVEL. The caller frees it from a
 * completion routine that returns STATUS_MORE_PROCESSING_REQUIRED; NULL when memory is short
 * (nf-wdm-ioallocateirp).
 */
PIRP NTAPI IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota)
{
    UNREFERENCED_PARAMETER(ChargeQuota);
    return IopAllocateIrp(StackSize, __builtin_return_address(0));
}

/* The same, with a location for the device's own extension counted from its StackSize
 * (nf-wdm-ioallocateirpex). */
PIRP NTAPI IoAllocateIrpEx(PDEVICE_OBJECT DeviceObject, CCHAR StackSize, BOOLEAN ChargeQuota)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(ChargeQuota);
    return IopAllocateIrp(StackSize, __builtin_return_address(0));
}

/*
 * Frees a request from IoAllocateIrp, IoMakeAssociatedIrp or IoBuildAsynchronousFsdRequest. IRQL <=
 * DISPATCH_LEVEL. One that the I/O manager frees itself, or that is free already, is the caller's
 * mistake (nf-wdm-iofreeirp).
 */
VOID NTAPI IoFreeIrp(PIRP Irp)
{
    IOP_BLOCK *Block = IopBlockOf(Irp);

    if (!Block) {
        /* Memory of the driver's own, set up by IoInitializeIrp: Windows gives it to the pool, and
         * so do we. */
        KexFinding("IRP-002", "verifier", __builtin_return_address(0),
                   "IoFreeIrp was given %p, which is no request from IoAllocateIrp", (void *)Irp);
        return;
    }
    if (Block->Signature != IOP_BLOCK_SIGNATURE || !Block->Live || Irp->Type != IO_TYPE_IRP) {
        KexFinding("IRP-002", "verifier", __builtin_return_address(0),
                   "IoFreeIrp was given request %p, which is free already", (void *)Irp);
        return;
    }
    if (Block->Queued) {
        KexFinding("IRP-022", "verifier", __builtin_return_address(0),
                   "IoFreeIrp was given request %p, which the I/O manager frees", (void *)Irp);
        IopDequeueIrp(Irp);
    }
    IopFreeIrp(Irp);
}

/* Sets up a request in memory of the caller's own. Not for one from IoAllocateIrp: see IoReuseIrp
 * (nf-wdm-ioinitializeirp). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoInitializeIrp(PIRP Irp, USHORT PacketSize, CCHAR StackSize)
{
    InitializeIrp(Irp, PacketSize, StackSize);
}

/* Makes a request from IoAllocateIrp new again for another use; its status is Iostatus
 * (nf-wdm-ioreuseirp). IRQL <= DISPATCH_LEVEL. */
VOID NTAPI IoReuseIrp(PIRP Irp, NTSTATUS Iostatus)
{
    UCHAR Flags = Irp->AllocationFlags;

    InitializeIrp(Irp, Irp->Size, Irp->StackCount);
    Irp->AllocationFlags = Flags;
    Irp->IoStatus.Status = Iostatus;
}

/*
 * A request that is one part of Irp; when the last part completes, the I/O manager completes Irp.
 * The caller sets Irp->AssociatedIrp.IrpCount (nf-ntddk-iomakeassociatedirp). IRQL <=
 * DISPATCH_LEVEL.
 */
PIRP NTAPI IoMakeAssociatedIrp(PIRP Irp, CCHAR StackSize)
{
    PIRP Part = IopAllocateIrp(StackSize, __builtin_return_address(0));

    if (!Part)
        return NULL;
    Part->Flags |= IRP_ASSOCIATED_IRP;
    Part->Tail.Overlay.Thread = Irp->Tail.Overlay.Thread;
    Part->AssociatedIrp.MasterIrp = Irp;
    return Part;
}

/* ---- requests of a thread -------------------------------------------------------------------- */

#define BUCKETS 64

static struct {
    KEX_LOCK Lock;
    LIST_ENTRY List;
} Buckets[BUCKETS];

static unsigned BucketOf(const void *Thread)
{
    return (unsigned)((uintptr_t)Thread >> 8) % BUCKETS;
}

/* Runs before any request is queued. */
static void __attribute__((constructor)) PrepareBuckets(void)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        KexLockInit(&Buckets[i].Lock, KEX_RANK_IO, "requests of threads");
        InitializeListHead(&Buckets[i].List);
    }
}

void IoxQueueIrpToThread(PIRP Irp)
{
    unsigned i = BucketOf(Irp->Tail.Overlay.Thread);

    IOP_BLOCK_OF(Irp)->Queued = true;
    KexLockAcquire(&Buckets[i].Lock);
    InsertTailList(&Buckets[i].List, &Irp->ThreadListEntry);
    KexLockRelease(&Buckets[i].Lock);
}

void IopDequeueIrp(PIRP Irp)
{
    unsigned i = BucketOf(Irp->Tail.Overlay.Thread);

    KexLockAcquire(&Buckets[i].Lock);
    RemoveEntryList(&Irp->ThreadListEntry);
    InitializeListHead(&Irp->ThreadListEntry);
    KexLockRelease(&Buckets[i].Lock);
    IOP_BLOCK_OF(Irp)->Queued = false;
}

static bool Matches(PIRP Irp, PETHREAD Thread, PFILE_OBJECT FileObject, PIO_STATUS_BLOCK Iosb)
{
    return (!Thread || Irp->Tail.Overlay.Thread == Thread) &&
           (!FileObject || Irp->Tail.Overlay.OriginalFileObject == FileObject) &&
           (!Iosb || Irp->UserIosb == Iosb) && !Irp->Cancel;
}

/*
 * Cancels one matching request of a bucket. The cancel routine may complete it at once, so it is
 * called without the lock; until then the lock kept the request from being freed, and the cancel
 * lock keeps it after.
 */
static bool CancelOne(unsigned i, PETHREAD Thread, PFILE_OBJECT FileObject, PIO_STATUS_BLOCK Iosb)
{
    PIRP Found = NULL;
    KIRQL Irql;

    IoAcquireCancelSpinLock(&Irql);
    KexLockAcquire(&Buckets[i].Lock);
    for (PLIST_ENTRY Entry = Buckets[i].List.Flink; Entry != &Buckets[i].List && !Found;
         Entry = Entry->Flink) {
        PIRP Irp = CONTAINING_RECORD(Entry, IRP, ThreadListEntry);

        if (Matches(Irp, Thread, FileObject, Iosb)) {
            Found = Irp;
            Irp->Cancel = TRUE;
        }
    }
    PDRIVER_CANCEL Routine = Found ? IoSetCancelRoutine(Found, NULL) : NULL;
    KexLockRelease(&Buckets[i].Lock);
    if (Routine) {
        /* Whoever completes it now waits for the routine: it holds the cancel lock and owns the
         * request. */
        Found->CancelIrql = Irql;
        Routine(IoGetCurrentIrpStackLocation(Found)->DeviceObject, Found);
    } else {
        IoReleaseCancelSpinLock(Irql);
    }
    return Found != NULL;
}

ULONG IoxCancelThreadIrps(PETHREAD Thread, PFILE_OBJECT FileObject, PIO_STATUS_BLOCK Iosb)
{
    ULONG Count = 0;

    while (CancelOne(BucketOf(Thread), Thread, FileObject, Iosb))
        Count++;
    return Count;
}

ULONG IoxCancelFileIrps(PFILE_OBJECT FileObject, PIO_STATUS_BLOCK Iosb)
{
    ULONG Count = 0;

    for (unsigned i = 0; i < BUCKETS; i++)
        while (CancelOne(i, NULL, FileObject, Iosb))
            Count++;
    return Count;
}

/* ---- what is in flight ----------------------------------------------------------------------- */

static void VisitBlock(IOP_BLOCK *Block, void (*fn)(const IOX_LIVE_IRP *, void *), void *Context)
{
    PIRP Irp = (PIRP)(Block + 1);
    IOX_LIVE_IRP Live = {Irp, Block->Creator, Irp->Tail.Overlay.Thread, Block->Queued, 0xff, NULL};

    if (!Block->Live)
        return;
    if (Irp->CurrentLocation > 0 && Irp->CurrentLocation <= Irp->StackCount) {
        PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);

        Live.Major = Stack->MajorFunction;
        Live.Device = Stack->DeviceObject;
    }
    fn(&Live, Context);
}

void IoxForEachIrp(void (*fn)(const IOX_LIVE_IRP *Live, void *Context), void *Context)
{
    for (SLAB *Slab = __atomic_load_n(&Slabs, __ATOMIC_ACQUIRE); Slab; Slab = Slab->Next) {
        size_t Count = Slab->BlockSize ? BLOCKS_PER_SLAB : 1;

        for (size_t i = 0; i < Count; i++)
            VisitBlock((IOP_BLOCK *)(Slab->Blocks + i * Slab->BlockSize), fn, Context);
    }
}

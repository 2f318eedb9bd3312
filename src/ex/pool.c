/* SPDX-License-Identifier: MIT */
/*
 * Pool. A block is a header, the caller's bytes and a guard behind them, in host memory. The header
 * remembers tag, size and who allocated; a freed block is poisoned and kept back for a while, so
 * that a second free is recognised and a late write is found. Then small ones go to a list of their
 * size for reuse, others to the host. Blocks of a page and more start on a page, smaller ones do
 * not cross one, as on Windows.
 */
#include "ex/exi.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LIVE 0x506f6f4cu
#define FREED 0x46724544u
#define GUARD_BYTES 16u
#define GUARD_FILL 0xfd
#define FRESH_FILL 0xa5
#define POISON 0xdd
/* Bytes of a block that are filled when it is allocated uninitialised or freed. */
#define FILL_LIMIT 4096u

/* What an allocation without a tag shows: "None". */
#define NO_TAG 0x656e6f4eu

#define SHARDS 16u
/* What each shard keeps back: more would catch later writes and push everything else out of the
 * caches. */
#define KEPT_BLOCKS 32u
#define KEPT_BYTES ((size_t)128 * 1024)

/* Sizes that are reused: classes of CLASS_STEP bytes, each with a few blocks per shard. */
#define CLASS_STEP 64u
#define CLASSES 32u
#define CLASS_DEPTH 16u

typedef struct _POOL_BLOCK {
    LIST_ENTRY Link; /* of the shard's live blocks, of those kept back, of its class */
    void *Base;                             /* what the host gave */
    size_t Size;                            /* as asked for */
    size_t Mapped; /* bytes of a mapping of its own, 0: from the host's heap */
    ULONG64 Serial;
    const void *Callers[EXX_POOL_CALLERS];
    const void *Freer;
    ULONG Tag;
    bool Paged;
    UCHAR Shard;
    USHORT Class;                           /* size class + 1; 0: none */
    ULONG Magic;
    ULONG AllocatorId, FreerId;             /* client ids of the threads */
    ULONG64 Canary;                         /* last: the first word an underrun hits */
} POOL_BLOCK;
_Static_assert(sizeof(POOL_BLOCK) % 16 == 0, "pool blocks are 16-byte aligned");

typedef struct _SHARD {
    host_lock Lock;
    LIST_ENTRY Live, Kept;
    size_t KeptBlocks, KeptBytes;
    POOL_BLOCK *Free[CLASSES];
    UCHAR FreeCount[CLASSES];
    size_t Blocks, Bytes, PagedBytes;
    ULONG64 Allocations;
} __attribute__((aligned(64))) SHARD;

static SHARD Shards[SHARDS];
static ULONG64 Secret = 0x5bd1e9955bd1e995ull;

__attribute__((constructor)) static void InitializeShards(void)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        InitializeListHead(&Shards[i].Live);
        InitializeListHead(&Shards[i].Kept);
    }
}

/* A thread allocates from one shard; a block goes back to its own. */
static SHARD *ShardOf(const POOL_BLOCK *Block)
{
    return &Shards[Block->Shard % SHARDS];
}

static POOL_BLOCK *BlockOf(const void *Body)
{
    return (POOL_BLOCK *)((char *)(ULONG_PTR)Body - sizeof(POOL_BLOCK));
}

static void *BodyOf(const POOL_BLOCK *Block)
{
    return (char *)(ULONG_PTR)Block + sizeof(POOL_BLOCK);
}

static ULONG CurrentId(void)
{
    PKTHREAD Thread = KexCurrentThread();

    return Thread ? KexThreadClientId(Thread) : 0;
}

static ULONG64 CanaryOf(const POOL_BLOCK *Block)
{
    return (ULONG64)(ULONG_PTR)Block ^ Secret;
}

void ExxPoolTagText(ULONG Tag, char *Text)
{
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)(Tag >> (8 * i));

        Text[i] = c >= 0x20 && c < 0x7f ? (char)c : '.';
    }
    Text[4] = 0;
}

/* ---- stops and findings ---------------------------------------------------------------------- */

/* Which of the documented sub-codes of BAD_POOL_CALLER and BAD_POOL_HEADER. */
enum {
    CALLER_DOUBLE_FREE = 0x7,
    CALLER_WRONG_TAG = 0xa,
    CALLER_NOT_POOL = 0x46,
    HEADER_CORRUPT = 0x20
};

static _Noreturn void StopFor(ULONG Code, ULONG_PTR Kind, const void *Body, ULONG_PTR Third,
                              const void *Caller, const char *What)
{
    const ULONG_PTR Parameter[4] = {Kind, (ULONG_PTR)Body, Third, 0};

    KexBugCheck(Code, Parameter, Caller, "pool block at %p: %s", Body, What);
}

static void CheckIrql(bool Paged, bool Free, const void *Caller)
{
    KIRQL Irql = KeGetCurrentIrql();

    if (__builtin_expect(Irql > (Paged ? APC_LEVEL : DISPATCH_LEVEL), 0))
        KexFinding(Paged ? (Free ? "IRQL-025" : "IRQL-023") : (Free ? "IRQL-026" : "IRQL-024"),
                   "verifier", Caller, "%s pool is %s at IRQL %u", Paged ? "paged" : "nonpaged",
                   Free ? "freed" : "allocated", Irql);
}

typedef struct _POOL_REQUEST {
    size_t Size;
    ULONG Tag;
    bool Paged, Zero, CacheAligned;
} POOL_REQUEST;

/* ---- where a block lies ---------------------------------------------------------------------- */

static bool CrossesPage(const char *Body, size_t Size)
{
    return Size && ((ULONG_PTR)Body ^ ((ULONG_PTR)Body + Size - 1)) >= PAGE_SIZE;
}

/*
 * Pool lies above NT's user space. The host's heap does too, except under tools that bring a heap
 * of their own; then every block is a mapping in a range that nobody uses.
 */
static char *MapHigh(size_t Total)
{
    static uintptr_t Next = (uintptr_t)1 << 40;
    size_t Bytes = (Total + HOST_PAGE - 1) & ~(size_t)(HOST_PAGE - 1);

    for (int Try = 0; Try < 1000; Try++) {
        uintptr_t At = __atomic_fetch_add(&Next, Bytes + HOST_PAGE, __ATOMIC_RELAXED);
        char *Base = host_map_at((void *)At, Bytes, HOST_RW);

        if (Base)
            return Base;
    }
    return NULL;
}

static void GiveBack(POOL_BLOCK *Block)
{
    size_t Mapped = Block->Mapped;

    if (Mapped)
        host_unmap(Block->Base, Mapped);
    else
        free(Block->Base);
}

/* Host memory with room for header and guard, so that the body meets the alignment rules. */
static POOL_BLOCK *Place(size_t Size, bool CacheAligned)
{
    size_t Front = sizeof(POOL_BLOCK), Align = 16, Total, Mapped = 0;
    char *Base;

    if (Size >= PAGE_SIZE)
        Front = Align = PAGE_SIZE;
    else if (CacheAligned)
        Front = (Front + 63) & ~(size_t)63, Align = 64;
    for (;;) {
        Total = (Front + Size + GUARD_BYTES + Align - 1) & ~(Align - 1);
        Base = Total < Size ? NULL : Align == 16 ? malloc(Total) : aligned_alloc(Align, Total);
        if (!Base)
            return NULL;
        if (Size >= PAGE_SIZE || !CrossesPage(Base + Front, Size))
            break;
        /* From the start of a page: behind the header when both fit into it, else in the next one.
         */
        free(Base);
        Align = PAGE_SIZE;
        if (Front + Size > PAGE_SIZE)
            Front = PAGE_SIZE;
    }
    if (__builtin_expect((uintptr_t)Base < HOST_USER_LIMIT, 0)) {
        free(Base);
        if (Size < PAGE_SIZE && Front + Size > PAGE_SIZE)
            Front = PAGE_SIZE;
        Mapped = (Front + Size + GUARD_BYTES + HOST_PAGE - 1) & ~(size_t)(HOST_PAGE - 1);
        Base = MapHigh(Mapped);
        if (!Base)
            return NULL;
    }
    BlockOf(Base + Front)->Base = Base;
    BlockOf(Base + Front)->Mapped = Mapped;
    return BlockOf(Base + Front);
}

static bool IsClassed(const POOL_REQUEST *Request)
{
    return Request->Size <= CLASSES * CLASS_STEP && !Request->CacheAligned;
}

static unsigned ClassOf(size_t Size)
{
    return Size ? (unsigned)((Size - 1) / CLASS_STEP) : 0;
}

/*
 * Return addresses by the frame pointer chain. Code without frame pointers (most drivers) leaves
 * the chain anywhere: a link counts only when it rises within the stack, so what is recorded may
 * end early but is never read from nowhere.
 */
static void RecordCallers(POOL_BLOCK *Block, const void *Caller)
{
    ULONG_PTR Low, High, Frame = (ULONG_PTR)__builtin_frame_address(0);
    bool Found = false;
    unsigned Count = 0;

    Block->Callers[Count++] = Caller;
    if (KexCurrentThread()) {
        IoGetStackLimits(&Low, &High);
        for (int Depth = 0; Depth < 16 && Count < EXX_POOL_CALLERS; Depth++) {
            ULONG_PTR *Words = (ULONG_PTR *)Frame;

            if (Frame < Low || Frame > High - 16 || Frame % 8)
                break;
            if (Found && Words[1])
                Block->Callers[Count++] = (const void *)Words[1];
            /* Our own frames come first: the chain starts at the caller's. */
            Found = Found || (const void *)Words[1] == Caller;
            if (Words[0] <= Frame)
                break;
            Frame = Words[0];
        }
    }
    while (Count < EXX_POOL_CALLERS)
        Block->Callers[Count++] = NULL;
}

/* ---- allocation ------------------------------------------------------------------------------ */

/* A block of the class from the shard's list, or a new one with room for every size of the class.
 */
static POOL_BLOCK *Obtain(const POOL_REQUEST *Request, SHARD *Shard)
{
    unsigned Class = ClassOf(Request->Size);
    POOL_BLOCK *Block = NULL;

    if (!IsClassed(Request)) {
        Block = Place(Request->Size, Request->CacheAligned);
        if (Block)
            Block->Class = 0;
        return Block;
    }
    if (__atomic_load_n(&Shard->FreeCount[Class], __ATOMIC_RELAXED)) {
        KexGuardAcquire(&Shard->Lock);
        Block = Shard->Free[Class];
        if (Block) {
            Shard->Free[Class] = (POOL_BLOCK *)(void *)Block->Link.Flink;
            __atomic_store_n(&Shard->FreeCount[Class], Shard->FreeCount[Class] - 1,
                             __ATOMIC_RELAXED);
        }
        KexGuardRelease(&Shard->Lock);
    }
    if (!Block)
        Block = Place((Class + 1) * CLASS_STEP, false);
    if (Block)
        Block->Class = (USHORT)(Class + 1);
    return Block;
}

static void *Allocate(const POOL_REQUEST *Request, const void *Caller)
{
    ULONG Id = CurrentId();
    SHARD *Shard = &Shards[Id / 4 % SHARDS];
    POOL_BLOCK *Block;
    char *Body;

    CheckIrql(Request->Paged, false, Caller);
    Block = Obtain(Request, Shard);
    if (!Block)
        return NULL;
    Body = BodyOf(Block);
    Block->Size = Request->Size;
    Block->Tag = Request->Tag;
    Block->Paged = Request->Paged;
    Block->Shard = (UCHAR)(Shard - Shards);
    Block->Freer = NULL;
    Block->AllocatorId = Id;
    Block->Canary = CanaryOf(Block);
    __atomic_store_n(&Block->Magic, LIVE, __ATOMIC_RELAXED);
    RecordCallers(Block, Caller);
    if (Request->Zero)
        memset(Body, 0, Request->Size);
    else
        memset(Body, FRESH_FILL, Request->Size < FILL_LIMIT ? Request->Size : FILL_LIMIT);
    memset(Body + Request->Size, GUARD_FILL, GUARD_BYTES);

    KexGuardAcquire(&Shard->Lock);
    /* Rises within a shard; across shards the thread that allocated tells more than an order would.
     */
    Block->Serial = ++Shard->Allocations;
    InsertTailList(&Shard->Live, &Block->Link);
    Shard->Blocks++;
    Shard->Bytes += Request->Size;
    Shard->PagedBytes += Request->Paged ? Request->Size : 0;
    KexGuardRelease(&Shard->Lock);
    return Body;
}

/* The older routines: type bits say everything. A zero-byte request gets the smallest block. */
static void *AllocateTyped(POOL_TYPE Type, SIZE_T Size, ULONG Tag, const void *Caller)
{
    POOL_REQUEST Request = {.Size = Size,
                            .Tag = Tag,
                            .Paged = (Type & 1) != 0,
                            .Zero = (Type & POOL_ZERO_ALLOCATION) != 0,
                            .CacheAligned = (Type & 4) != 0};

    return Allocate(&Request, Caller);
}

/*
 * A block of NumberOfBytes or NULL. PoolType may carry POOL_ZERO_ALLOCATION and
 * POOL_RAISE_IF_ALLOCATION_FAILURE. IRQL
 * <= DISPATCH_LEVEL, <= APC_LEVEL for paged pool (nf-wdm-exallocatepoolwithtag).
 */
PVOID NTAPI ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    const void *Caller = __builtin_return_address(0);
    PVOID Body = AllocateTyped(PoolType, NumberOfBytes, Tag, Caller);

    if (!Body && (PoolType & POOL_RAISE_IF_ALLOCATION_FAILURE))
        KexRaise(STATUS_INSUFFICIENT_RESOURCES, 0, NULL, Caller);
    return Body;
}

PVOID NTAPI ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    return AllocateTyped(PoolType, NumberOfBytes, NO_TAG, __builtin_return_address(0));
}

PVOID NTAPI ExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
    EX_POOL_PRIORITY Priority)
{
    (void)Priority;
    return AllocateTyped(PoolType, NumberOfBytes, Tag, __builtin_return_address(0));
}

/* Raises on failure unless POOL_QUOTA_FAIL_INSTEAD_OF_RAISE; quotas are not limited
 * (nf-wdm-exallocatepoolwithquotatag). */
PVOID NTAPI ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    const void *Caller = __builtin_return_address(0);
    PVOID Body =
        AllocateTyped(PoolType & ~POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, NumberOfBytes, Tag, Caller);

    if (!Body && !(PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE))
        KexRaise(STATUS_INSUFFICIENT_RESOURCES, 0, NULL, Caller);
    return Body;
}

PVOID NTAPI ExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    const void *Caller = __builtin_return_address(0);
    PVOID Body =
        AllocateTyped(PoolType & ~POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, NumberOfBytes, NO_TAG, Caller);

    if (!Body && !(PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE))
        KexRaise(STATUS_INSUFFICIENT_RESOURCES, 0, NULL, Caller);
    return Body;
}

#define KNOWN_REQUIRED                                                                             \
    (POOL_FLAG_USE_QUOTA | POOL_FLAG_UNINITIALIZED | POOL_FLAG_SESSION | POOL_FLAG_CACHE_ALIGNED | \
     POOL_FLAG_RAISE_ON_FAILURE | POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE |              \
     POOL_FLAG_PAGED | POOL_FLAG_RESERVED3)
#define KINDS (POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED)

/* Bits of the optional half may be unknown; of the required half exactly one kind and nothing
 * unknown. */
static bool FlagsValid(POOL_FLAGS Flags)
{
    ULONG64 Kind = Flags & KINDS;

    return !(Flags & 0xffffffffu & ~(ULONG64)KNOWN_REQUIRED) && Kind && !(Kind & (Kind - 1));
}

static PVOID AllocateByFlags(POOL_FLAGS Flags, SIZE_T Size, ULONG Tag, const void *Caller)
{
    bool Valid = FlagsValid(Flags) && Tag && Size;
    POOL_REQUEST Request = {.Size = Size, .Tag = Tag, .Paged = (Flags & POOL_FLAG_PAGED) != 0,
                            .Zero = !(Flags & POOL_FLAG_UNINITIALIZED),
                            .CacheAligned = (Flags & POOL_FLAG_CACHE_ALIGNED) != 0};
    PVOID Body = Valid ? Allocate(&Request, Caller) : NULL;

    if (!Body && (Flags & POOL_FLAG_RAISE_ON_FAILURE))
        KexRaise(Valid ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER, 0, NULL, Caller);
    return Body;
}

/*
 * Zeroed unless POOL_FLAG_UNINITIALIZED. NULL, or an exception with POOL_FLAG_RAISE_ON_FAILURE,
 * when memory is short, the flags are not valid, or the tag or the size is 0
 * (nf-wdm-exallocatepool2).
 */
PVOID NTAPI ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag)
{
    return AllocateByFlags(Flags, NumberOfBytes, Tag, __builtin_return_address(0));
}

/*
 * As ExAllocatePool2, with extended parameters: priority and node are accepted, a secure pool needs
 * one that nobody can have made here and fails; unknown types fail unless marked optional
 * (nf-wdm-exallocatepool3).
 */
PVOID NTAPI ExAllocatePool3(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag,
    PCPOOL_EXTENDED_PARAMETER ExtendedParameters, ULONG ExtendedParametersCount)
{
    for (ULONG i = 0; i < ExtendedParametersCount; i++) {
        ULONG64 Type = ExtendedParameters[i].Type;

        if (ExtendedParameters[i].Optional || Type == PoolExtendedParameterPriority ||
            Type == PoolExtendedParameterNumaNode)
            continue;
        if (Flags & POOL_FLAG_RAISE_ON_FAILURE)
            KexRaise(STATUS_INVALID_PARAMETER, 0, NULL, __builtin_return_address(0));
        return NULL;
    }
    return AllocateByFlags(Flags, NumberOfBytes, Tag, __builtin_return_address(0));
}

/* ---- free ------------------------------------------------------------------------------------ */

static size_t FillBytes(const POOL_BLOCK *Block)
{
    return Block->Size < FILL_LIMIT ? Block->Size : FILL_LIMIT;
}

static bool KeepForReuse(POOL_BLOCK *Block)
{
    SHARD *Shard = ShardOf(Block);
    unsigned Class = Block->Class - 1u;
    bool Kept = false;

    KexGuardAcquire(&Shard->Lock);
    if (Shard->FreeCount[Class] < CLASS_DEPTH) {
        Block->Link.Flink = (PLIST_ENTRY)(void *)Shard->Free[Class];
        Shard->Free[Class] = Block;
        __atomic_store_n(&Shard->FreeCount[Class], Shard->FreeCount[Class] + 1, __ATOMIC_RELAXED);
        Kept = true;
    }
    KexGuardRelease(&Shard->Lock);
    return Kept;
}

/* A block leaves the ones kept back. Nobody may have written to it since it was freed (MEM-005). */
static void Discard(POOL_BLOCK *Block)
{
    const unsigned char *Body = BodyOf(Block);
    size_t Bytes = FillBytes(Block);

    if (Bytes && (Body[0] != POISON || memcmp(Body, Body + 1, Bytes - 1))) {
        char Tag[5];
        size_t At = 0;

        while (Body[At] == POISON)
            At++;
        ExxPoolTagText(Block->Tag, Tag);
        KexFinding("MEM-005", "verifier", Block->Callers[0],
                   "pool block %p (tag %s, %zu bytes) was written at offset %zu after it was freed "
                   "from %p",
                   (const void *)Body, Tag, Block->Size, At, Block->Freer);
    }
    Block->Magic = 0;
    if (Block->Class && KeepForReuse(Block))
        return;
    GiveBack(Block);
}

/* Shard locked: takes blocks off until the limits hold; returns them as a list by Base... of
 * Link.Flink. */
static POOL_BLOCK *TakeExcess(SHARD *Shard, size_t Blocks, size_t Bytes)
{
    POOL_BLOCK *First = NULL;

    while (!IsListEmpty(&Shard->Kept) && (Shard->KeptBlocks > Blocks || Shard->KeptBytes > Bytes)) {
        POOL_BLOCK *Block = CONTAINING_RECORD(RemoveHeadList(&Shard->Kept), POOL_BLOCK, Link);

        Shard->KeptBlocks--;
        Shard->KeptBytes -= Block->Size;
        Block->Link.Flink = (PLIST_ENTRY)(void *)First;
        First = Block;
    }
    return First;
}

static void DiscardAll(POOL_BLOCK *Block)
{
    while (Block) {
        POOL_BLOCK *Next = (POOL_BLOCK *)(void *)Block->Link.Flink;

        Discard(Block);
        Block = Next;
    }
}

static bool GuardIntact(const unsigned char *Guard)
{
    static const unsigned char Whole[GUARD_BYTES] = {[0 ... GUARD_BYTES - 1] = GUARD_FILL};

    return !memcmp(Guard, Whole, GUARD_BYTES);
}

static void CheckContents(const POOL_BLOCK *Block, const void *Caller)
{
    const void *Body = BodyOf(Block);
    void *Inside;

    if (!GuardIntact((const unsigned char *)Body + Block->Size))
        StopFor(BAD_POOL_HEADER, HEADER_CORRUPT, Body, Block->Size, Caller,
            "MEM-004: bytes behind its end were overwritten");
    /* What would go on living in freed memory is taken out of the system, so that the run can go on
     * and be judged. */
    while (__builtin_expect((Inside = KexTimerInRange(Body, Block->Size)) != NULL, 0)) {
        KexFinding("MEM-008", "verifier", Caller,
                   "pool block %p is freed with the active timer %p in it", Body, Inside);
        KeCancelTimer((PKTIMER)Inside);
    }
    while (__builtin_expect((Inside = ExxResourceInRange(Body, Block->Size)) != NULL, 0)) {
        KexFinding("MEM-009", "verifier", Caller,
                   "pool block %p is freed with the active resource %p in it", Body, Inside);
        ExDeleteResourceLite((PERESOURCE)Inside);
    }
    if (__builtin_expect((Inside = ExxWorkInRange(Body, Block->Size)) != NULL, 0))
        StopFor(WORKER_INVALID, 0, Inside, (ULONG_PTR)Body, Caller,
                "MEM-010: it is freed with a queued work item in it");
}

/* The header says what is wrong with a pointer that cannot be freed. */
static void CheckHeader(const void *Body, const POOL_BLOCK *Block, ULONG Tag, const void *Caller)
{
    ULONG Magic = __atomic_load_n(&Block->Magic, __ATOMIC_RELAXED);

    if (Magic == FREED && Block->Canary == CanaryOf(Block))
        StopFor(BAD_POOL_CALLER, CALLER_DOUBLE_FREE, Body, Block->Tag, Caller,
                "MEM-002: it has been freed already");
    if (Magic == LIVE && Block->Canary != CanaryOf(Block))
        StopFor(BAD_POOL_HEADER, HEADER_CORRUPT, Body, Block->Tag, Caller,
            "MEM-004: bytes in front of its start were overwritten");
    if (Magic != LIVE)
        StopFor(BAD_POOL_CALLER, CALLER_NOT_POOL, Body, 0, Caller,
            "MEM-002: no allocation returned this address, or its header was overwritten");
    if (Tag && Tag != Block->Tag) {
        char Had[5], Gave[5], Text[80] = "MEM-002: allocated with tag ";

        ExxPoolTagText(Block->Tag, Had);
        ExxPoolTagText(Tag, Gave);
        strcat(strcat(strcat(Text, Had), ", freed with tag "), Gave);
        StopFor(BAD_POOL_CALLER, CALLER_WRONG_TAG, Body, Block->Tag, Caller, Text);
    }
}

static void Free(void *Body, ULONG Tag, const void *Caller)
{
    POOL_BLOCK *Block = BlockOf(Body), *Excess;
    ULONG Live = LIVE;
    SHARD *Shard;

    if (!Body || (ULONG_PTR)Body % 16)
        StopFor(BAD_POOL_CALLER, CALLER_NOT_POOL, Body, 0, Caller,
                "MEM-002: no allocation returns such an address");
    CheckHeader(Body, Block, Tag, Caller);
    CheckIrql(Block->Paged, true, Caller);
    CheckContents(Block, Caller);
    /* Two threads that free at once: one of them gets here second. */
    if (!__atomic_compare_exchange_n(&Block->Magic, &Live, FREED, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        StopFor(BAD_POOL_CALLER, CALLER_DOUBLE_FREE, Body, Block->Tag, Caller,
                "MEM-002: it has been freed already");
    Block->Freer = Caller;
    Block->FreerId = CurrentId();
    memset(Body, POISON, FillBytes(Block));
    Shard = ShardOf(Block);

    KexGuardAcquire(&Shard->Lock);
    RemoveEntryList(&Block->Link);
    Shard->Blocks--;
    Shard->Bytes -= Block->Size;
    Shard->PagedBytes -= Block->Paged ? Block->Size : 0;
    InsertTailList(&Shard->Kept, &Block->Link);
    Shard->KeptBlocks++;
    Shard->KeptBytes += Block->Size;
    Excess = TakeExcess(Shard, KEPT_BLOCKS, KEPT_BYTES);
    KexGuardRelease(&Shard->Lock);
    DiscardAll(Excess);
}

/* Frees what an ExAllocatePool routine returned (nf-ntddk-exfreepool). */
#undef ExFreePool
VOID NTAPI ExFreePool(PVOID P)
{
    Free(P, 0, __builtin_return_address(0));
}

/*
 * As above; a tag other than 0 must be the one of the allocation. A wrong pointer, a second free, a
 * wrong tag and an overwritten block stop the machine, each with its own words. IRQL as for the
 * allocation (nf-wdm-exfreepoolwithtag).
 */
VOID NTAPI ExFreePoolWithTag(PVOID P, ULONG Tag)
{
    Free(P, Tag, __builtin_return_address(0));
}

VOID NTAPI ExFreePool2(PVOID P, ULONG Tag, PCPOOL_EXTENDED_PARAMETER ExtendedParameters,
    ULONG ExtendedParametersCount)
{
    (void)ExtendedParameters;
    (void)ExtendedParametersCount;
    Free(P, Tag, __builtin_return_address(0));
}

/* Size of the block; no quota is charged (nf-ntifs-exquerypoolblocksize). */
SIZE_T NTAPI ExQueryPoolBlockSize(PVOID PoolBlock, PBOOLEAN QuotaCharged)
{
    *QuotaCharged = FALSE;
    return BlockOf(PoolBlock)->Size;
}

/* ---- reports --------------------------------------------------------------------------------- */

void ExxForEachPool(void (*fn)(const EXX_POOL_VIEW *View, void *Context), void *Context)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        KexGuardAcquire(&Shards[i].Lock);
        for (PLIST_ENTRY Entry = Shards[i].Live.Flink; Entry != &Shards[i].Live;
             Entry = Entry->Flink) {
            const POOL_BLOCK *Block = CONTAINING_RECORD(Entry, POOL_BLOCK, Link);
            EXX_POOL_VIEW View = {.Body = BodyOf(Block),
                                  .Size = Block->Size,
                                  .Tag = Block->Tag,
                                  .Paged = Block->Paged,
                                  .Serial = Block->Serial,
                                  .Callers = Block->Callers};

            fn(&View, Context);
        }
        KexGuardRelease(&Shards[i].Lock);
    }
}

void ExxPoolTrim(void)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        POOL_BLOCK *Kept, *Block;

        KexGuardAcquire(&Shards[i].Lock);
        Kept = TakeExcess(&Shards[i], 0, 0);
        KexGuardRelease(&Shards[i].Lock);
        DiscardAll(Kept);
        for (unsigned Class = 0; Class < CLASSES; Class++) {
            do {
                KexGuardAcquire(&Shards[i].Lock);
                Block = Shards[i].Free[Class];
                if (Block) {
                    Shards[i].Free[Class] = (POOL_BLOCK *)(void *)Block->Link.Flink;
                    __atomic_store_n(&Shards[i].FreeCount[Class], Shards[i].FreeCount[Class] - 1,
                                     __ATOMIC_RELAXED);
                }
                KexGuardRelease(&Shards[i].Lock);
                if (Block)
                    GiveBack(Block);
            } while (Block);
        }
    }
}

void ExxPoolTotals(EXX_POOL_TOTALS *Totals)
{
    memset(Totals, 0, sizeof *Totals);
    for (unsigned i = 0; i < SHARDS; i++) {
        KexGuardAcquire(&Shards[i].Lock);
        Totals->Blocks += Shards[i].Blocks;
        Totals->Bytes += Shards[i].Bytes;
        Totals->PagedBytes += Shards[i].PagedBytes;
        Totals->Allocations += Shards[i].Allocations;
        KexGuardRelease(&Shards[i].Lock);
    }
}

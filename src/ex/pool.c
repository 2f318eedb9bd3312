/* SPDX-License-Identifier: MIT */
/*
 * Pool. A block is a header, the caller's bytes and a guard behind them, in host memory. The header remembers tag, size
 * and who allocated; a freed block is poisoned and kept back for a while, so that a second free is recognised and a late
 * write is found. Blocks of a page and more start on a page, smaller ones do not cross one, as on Windows.
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
#define KEPT_BLOCKS 256u
#define KEPT_BYTES ((size_t)512 * 1024)

typedef struct _POOL_BLOCK {
    LIST_ENTRY Link;                        /* of the shard's live blocks, or of those kept back */
    void *Base;                             /* what the host's allocator returned */
    size_t Size;
    ULONG64 Serial;
    const void *Callers[EXX_POOL_CALLERS];
    const void *Freer;
    ULONG Tag;
    bool Paged;
    ULONG Magic;
    ULONG AllocatorId, FreerId;             /* client ids of the threads */
    ULONG Spare;
    ULONG64 Canary;                         /* last: the first word an underrun hits */
} POOL_BLOCK;
_Static_assert(sizeof(POOL_BLOCK) % 16 == 0, "pool blocks are 16-byte aligned");

typedef struct _SHARD {
    host_lock Lock;
    LIST_ENTRY Live, Kept;
    size_t KeptBlocks, KeptBytes;
    size_t Blocks, Bytes, PagedBytes;
    ULONG64 Allocations;
} __attribute__((aligned(64))) SHARD;

static SHARD Shards[SHARDS];
static ULONG64 NextSerial;
static ULONG64 Secret = 0x5bd1e9955bd1e995ull;

__attribute__((constructor)) static void InitializeShards(void)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        InitializeListHead(&Shards[i].Live);
        InitializeListHead(&Shards[i].Kept);
    }
}

static SHARD *ShardOf(const POOL_BLOCK *Block)
{
    ULONG64 Hash = (ULONG64)(ULONG_PTR)Block * 0x9e3779b97f4a7c15ull;

    return &Shards[Hash >> 60];
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

/* ---- stops and findings ---------------------------------------------------------------------------------------- */

/* Which of the documented sub-codes of BAD_POOL_CALLER and BAD_POOL_HEADER. */
enum { CALLER_DOUBLE_FREE = 0x7, CALLER_WRONG_TAG = 0xa, CALLER_NOT_POOL = 0x46, HEADER_CORRUPT = 0x20 };

static _Noreturn void StopFor(ULONG Code, ULONG_PTR Kind, const void *Body, ULONG_PTR Third, const void *Caller,
    const char *What)
{
    const ULONG_PTR Parameter[4] = {Kind, (ULONG_PTR)Body, Third, 0};

    KexBugCheck(Code, Parameter, Caller, "pool block at %p: %s", Body, What);
}

static void CheckIrql(bool Paged, bool Free, const void *Caller)
{
    KIRQL Irql = KeGetCurrentIrql();

    if (__builtin_expect(Irql > (Paged ? APC_LEVEL : DISPATCH_LEVEL), 0))
        KexFinding(Paged ? (Free ? "IRQL-025" : "IRQL-023") : (Free ? "IRQL-026" : "IRQL-024"), "verifier", Caller,
            "%s pool is %s at IRQL %u", Paged ? "paged" : "nonpaged", Free ? "freed" : "allocated", Irql);
}

/* ---- where a block lies -------------------------------------------------------------------------------------------- */

static bool CrossesPage(const char *Body, size_t Size)
{
    return Size && ((ULONG_PTR)Body ^ ((ULONG_PTR)Body + Size - 1)) >= PAGE_SIZE;
}

/* Host memory with room for header and guard, so that the body meets the alignment rules. */
static POOL_BLOCK *Place(size_t Size, bool CacheAligned)
{
    size_t Front = sizeof(POOL_BLOCK), Align = 16, Total;
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
        /* From the start of a page: behind the header when both fit into it, else in the next one. */
        free(Base);
        Align = PAGE_SIZE;
        if (Front + Size > PAGE_SIZE)
            Front = PAGE_SIZE;
    }
    assert(!host_is_user_range(Base + Front, Size));
    BlockOf(Base + Front)->Base = Base;
    return BlockOf(Base + Front);
}

/*
 * Return addresses by the frame pointer chain. Code without frame pointers (most drivers) leaves the chain anywhere: a
 * link counts only when it rises within the stack, so what is recorded may end early but is never read from nowhere.
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

/* ---- allocation ------------------------------------------------------------------------------------------------------ */

typedef struct _POOL_REQUEST {
    size_t Size;
    ULONG Tag;
    bool Paged, Zero, CacheAligned;
} POOL_REQUEST;

static void *Allocate(const POOL_REQUEST *Request, const void *Caller)
{
    POOL_BLOCK *Block;
    SHARD *Shard;
    char *Body;

    CheckIrql(Request->Paged, false, Caller);
    Block = Place(Request->Size, Request->CacheAligned);
    if (!Block)
        return NULL;
    Body = BodyOf(Block);
    Block->Size = Request->Size;
    Block->Tag = Request->Tag;
    Block->Paged = Request->Paged;
    Block->Freer = NULL;
    Block->AllocatorId = CurrentId();
    Block->Serial = __atomic_add_fetch(&NextSerial, 1, __ATOMIC_RELAXED);
    Block->Canary = CanaryOf(Block);
    __atomic_store_n(&Block->Magic, LIVE, __ATOMIC_RELAXED);
    RecordCallers(Block, Caller);
    if (Request->Zero)
        memset(Body, 0, Request->Size);
    else
        memset(Body, FRESH_FILL, Request->Size < FILL_LIMIT ? Request->Size : FILL_LIMIT);
    memset(Body + Request->Size, GUARD_FILL, GUARD_BYTES);

    Shard = ShardOf(Block);
    host_lock_acquire(&Shard->Lock);
    InsertTailList(&Shard->Live, &Block->Link);
    Shard->Blocks++;
    Shard->Bytes += Request->Size;
    Shard->PagedBytes += Request->Paged ? Request->Size : 0;
    Shard->Allocations++;
    host_lock_release(&Shard->Lock);
    return Body;
}

/* The older routines: type bits say everything. A zero-byte request gets the smallest block. */
static void *AllocateTyped(POOL_TYPE Type, SIZE_T Size, ULONG Tag, const void *Caller)
{
    POOL_REQUEST Request = {.Size = Size, .Tag = Tag, .Paged = (Type & 1) != 0,
                            .Zero = (Type & POOL_ZERO_ALLOCATION) != 0, .CacheAligned = (Type & 4) != 0};

    return Allocate(&Request, Caller);
}

/*
 * A block of NumberOfBytes or NULL. PoolType may carry POOL_ZERO_ALLOCATION and POOL_RAISE_IF_ALLOCATION_FAILURE. IRQL
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

/* Raises on failure unless POOL_QUOTA_FAIL_INSTEAD_OF_RAISE; quotas are not limited (nf-wdm-exallocatepoolwithquotatag). */
PVOID NTAPI ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    const void *Caller = __builtin_return_address(0);
    PVOID Body = AllocateTyped(PoolType & ~POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, NumberOfBytes, Tag, Caller);

    if (!Body && !(PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE))
        KexRaise(STATUS_INSUFFICIENT_RESOURCES, 0, NULL, Caller);
    return Body;
}

PVOID NTAPI ExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    const void *Caller = __builtin_return_address(0);
    PVOID Body = AllocateTyped(PoolType & ~POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, NumberOfBytes, NO_TAG, Caller);

    if (!Body && !(PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE))
        KexRaise(STATUS_INSUFFICIENT_RESOURCES, 0, NULL, Caller);
    return Body;
}

#define KNOWN_REQUIRED (POOL_FLAG_USE_QUOTA | POOL_FLAG_UNINITIALIZED | POOL_FLAG_SESSION | POOL_FLAG_CACHE_ALIGNED | \
                        POOL_FLAG_RAISE_ON_FAILURE | POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | \
                        POOL_FLAG_PAGED | POOL_FLAG_RESERVED3)
#define KINDS (POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED)

/* Bits of the optional half may be unknown; of the required half exactly one kind and nothing unknown. */
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
 * Zeroed unless POOL_FLAG_UNINITIALIZED. NULL, or an exception with POOL_FLAG_RAISE_ON_FAILURE, when memory is short,
 * the flags are not valid, or the tag or the size is 0 (nf-wdm-exallocatepool2).
 */
PVOID NTAPI ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag)
{
    return AllocateByFlags(Flags, NumberOfBytes, Tag, __builtin_return_address(0));
}

/*
 * As ExAllocatePool2, with extended parameters: priority and node are accepted, a secure pool needs one that nobody can
 * have made here and fails; unknown types fail unless marked optional (nf-wdm-exallocatepool3).
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

/* ---- free --------------------------------------------------------------------------------------------------------------- */

static size_t FillBytes(const POOL_BLOCK *Block)
{
    return Block->Size < FILL_LIMIT ? Block->Size : FILL_LIMIT;
}

/* A block leaves the ones kept back. Nobody may have written to it since it was freed (MEM-005). */
static void Discard(POOL_BLOCK *Block)
{
    const unsigned char *Body = BodyOf(Block);
    size_t Bytes = FillBytes(Block);

    for (size_t i = 0; i < Bytes; i++) {
        if (Body[i] != POISON) {
            char Tag[5];

            ExxPoolTagText(Block->Tag, Tag);
            KexFinding("MEM-005", "verifier", Block->Callers[0],
                "pool block %p (tag %s, %zu bytes) was written at offset %zu after it was freed from %p",
                (const void *)Body, Tag, Block->Size, i, Block->Freer);
            break;
        }
    }
    Block->Magic = 0;
    free(Block->Base);
}

/* Shard locked: takes blocks off until the limits hold; returns them as a list by Base... of Link.Flink. */
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
    for (unsigned i = 0; i < GUARD_BYTES; i++)
        if (Guard[i] != GUARD_FILL)
            return false;
    return true;
}

static void CheckContents(const POOL_BLOCK *Block, const void *Caller)
{
    const void *Body = BodyOf(Block);
    void *Inside;

    if (!GuardIntact((const unsigned char *)Body + Block->Size))
        StopFor(BAD_POOL_HEADER, HEADER_CORRUPT, Body, Block->Size, Caller,
            "MEM-004: bytes behind its end were overwritten");
    /* What would go on living in freed memory is taken out of the system, so that the run can go on and be judged. */
    while (__builtin_expect((Inside = KexTimerInRange(Body, Block->Size)) != NULL, 0)) {
        KexFinding("MEM-008", "verifier", Caller, "pool block %p is freed with the active timer %p in it", Body, Inside);
        KeCancelTimer((PKTIMER)Inside);
    }
    while (__builtin_expect((Inside = ExxResourceInRange(Body, Block->Size)) != NULL, 0)) {
        KexFinding("MEM-009", "verifier", Caller, "pool block %p is freed with the active resource %p in it", Body,
            Inside);
        ExDeleteResourceLite((PERESOURCE)Inside);
    }
    if (__builtin_expect((Inside = ExxWorkInRange(Body, Block->Size)) != NULL, 0))
        StopFor(WORKER_INVALID, 0, Inside, (ULONG_PTR)Body, Caller, "MEM-010: it is freed with a queued work item in it");
}

/* The header says what is wrong with a pointer that cannot be freed. */
static void CheckHeader(const void *Body, const POOL_BLOCK *Block, ULONG Tag, const void *Caller)
{
    ULONG Magic = __atomic_load_n(&Block->Magic, __ATOMIC_RELAXED);

    if (Magic == FREED && Block->Canary == CanaryOf(Block))
        StopFor(BAD_POOL_CALLER, CALLER_DOUBLE_FREE, Body, Block->Tag, Caller, "MEM-002: it has been freed already");
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
    SHARD *Shard = ShardOf(Block);
    ULONG Live = LIVE;

    if (!Body || (ULONG_PTR)Body % 16)
        StopFor(BAD_POOL_CALLER, CALLER_NOT_POOL, Body, 0, Caller, "MEM-002: no allocation returns such an address");
    CheckHeader(Body, Block, Tag, Caller);
    CheckIrql(Block->Paged, true, Caller);
    CheckContents(Block, Caller);
    /* Two threads that free at once: one of them gets here second. */
    if (!__atomic_compare_exchange_n(&Block->Magic, &Live, FREED, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        StopFor(BAD_POOL_CALLER, CALLER_DOUBLE_FREE, Body, Block->Tag, Caller, "MEM-002: it has been freed already");
    Block->Freer = Caller;
    Block->FreerId = CurrentId();
    memset(Body, POISON, FillBytes(Block));

    host_lock_acquire(&Shard->Lock);
    RemoveEntryList(&Block->Link);
    Shard->Blocks--;
    Shard->Bytes -= Block->Size;
    Shard->PagedBytes -= Block->Paged ? Block->Size : 0;
    InsertTailList(&Shard->Kept, &Block->Link);
    Shard->KeptBlocks++;
    Shard->KeptBytes += Block->Size;
    Excess = TakeExcess(Shard, KEPT_BLOCKS, KEPT_BYTES);
    host_lock_release(&Shard->Lock);
    DiscardAll(Excess);
}

/* Frees what an ExAllocatePool routine returned (nf-ntddk-exfreepool). */
#undef ExFreePool
VOID NTAPI ExFreePool(PVOID P)
{
    Free(P, 0, __builtin_return_address(0));
}

/*
 * As above; a tag other than 0 must be the one of the allocation. A wrong pointer, a second free, a wrong tag and an
 * overwritten block stop the machine, each with its own words. IRQL as for the allocation (nf-wdm-exfreepoolwithtag).
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

/* ---- reports --------------------------------------------------------------------------------------------------------------- */

void ExxForEachPool(void (*fn)(const EXX_POOL_VIEW *View, void *Context), void *Context)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        host_lock_acquire(&Shards[i].Lock);
        for (PLIST_ENTRY Entry = Shards[i].Live.Flink; Entry != &Shards[i].Live; Entry = Entry->Flink) {
            const POOL_BLOCK *Block = CONTAINING_RECORD(Entry, POOL_BLOCK, Link);
            EXX_POOL_VIEW View = {.Body = BodyOf(Block), .Size = Block->Size, .Tag = Block->Tag,
                                  .Paged = Block->Paged, .Serial = Block->Serial, .Callers = Block->Callers};

            fn(&View, Context);
        }
        host_lock_release(&Shards[i].Lock);
    }
}

void ExxPoolTrim(void)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        POOL_BLOCK *All;

        host_lock_acquire(&Shards[i].Lock);
        All = TakeExcess(&Shards[i], 0, 0);
        host_lock_release(&Shards[i].Lock);
        DiscardAll(All);
    }
}

void ExxPoolTotals(EXX_POOL_TOTALS *Totals)
{
    memset(Totals, 0, sizeof *Totals);
    for (unsigned i = 0; i < SHARDS; i++) {
        host_lock_acquire(&Shards[i].Lock);
        Totals->Blocks += Shards[i].Blocks;
        Totals->Bytes += Shards[i].Bytes;
        Totals->PagedBytes += Shards[i].PagedBytes;
        Totals->Allocations += Shards[i].Allocations;
        host_lock_release(&Shards[i].Lock);
    }
}

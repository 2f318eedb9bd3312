/* SPDX-License-Identifier: MIT */
/*
 * mem_data.c - stream data of the memory store: a radix tree of 4 KiB blocks, so that a file of
 * terabytes with one byte written costs a few tables. What has no block reads as zeros.
 */
#include "fs/store/mem/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- block tree ---------------------------------------------------------------------------- */

/* Blocks that a subtree of height h spans. */
static ULONGLONG Span(unsigned Height)
{
    return 1ull << (9 * Height);
}

void *MemBlockFind(const MEM_DATA *Data, ULONGLONG Index)
{
    void **Table = Data->Root;

    if (!Table || Index >= Span(Data->Height))
        return NULL;
    for (unsigned Height = Data->Height; Height > 1 && Table; Height--)
        Table = Table[Index / Span(Height - 1) % MEM_FAN];
    return Table ? Table[Index % MEM_FAN] : NULL;
}

void *MemBlockMake(MEM_DATA *Data, ULONGLONG Index, bool *Made)
{
    void **Table;

    *Made = false;
    while (!Data->Root || Index >= Span(Data->Height)) {
        Table = calloc(MEM_FAN, sizeof *Table);
        if (!Table)
            return NULL;
        Table[0] = Data->Root;
        Data->Root = Table;
        Data->Height++;
    }
    Table = Data->Root;
    for (unsigned Height = Data->Height; Height > 1; Height--) {
        void **Slot = &Table[Index / Span(Height - 1) % MEM_FAN];

        if (!*Slot && !(*Slot = calloc(MEM_FAN, sizeof *Table)))
            return NULL;
        Table = *Slot;
    }
    if (!Table[Index % MEM_FAN]) {
        Table[Index % MEM_FAN] = calloc(1, MEM_BLOCK);
        if (!Table[Index % MEM_FAN])
            return NULL;
        Data->Blocks++;
        *Made = true;
    }
    return Table[Index % MEM_FAN];
}

/*
 * Frees [First, End) below Table, whose first block is Base. Tables that become empty go too;
 * *Empty says so.
 */
static ULONGLONG FreeBelow(void **Table, unsigned Height, ULONGLONG Base, ULONGLONG First,
                           ULONGLONG End, bool *Empty)
{
    ULONGLONG Each = Span(Height - 1), Freed = 0;

    *Empty = true;
    for (unsigned i = 0; i < MEM_FAN; i++) {
        ULONGLONG Low = Base + i * Each;
        bool Gone = true;

        if (!Table[i])
            continue;
        if (Low >= End || Low + Each <= First) {
            *Empty = false;
            continue;
        }
        if (Height == 1)
            Freed++;
        else
            Freed += FreeBelow(Table[i], Height - 1, Low, First, End, &Gone);
        if (Gone) {
            free(Table[i]);
            Table[i] = NULL;
        } else {
            *Empty = false;
        }
    }
    return Freed;
}

ULONGLONG MemBlockFree(MEM_DATA *Data, ULONGLONG First, ULONGLONG End)
{
    ULONGLONG Freed;
    bool Empty;

    if (!Data->Root || First >= End)
        return 0;
    Freed = FreeBelow(Data->Root, Data->Height, 0, First, End, &Empty);
    Data->Blocks -= Freed;
    if (Empty) {
        free(Data->Root);
        Data->Root = NULL;
        Data->Height = 0;
    }
    return Freed;
}

static ULONGLONG NextBelow(void **Table, unsigned Height, ULONGLONG Base, ULONGLONG First)
{
    ULONGLONG Each = Span(Height - 1), Found;

    for (unsigned i = 0; i < MEM_FAN; i++) {
        ULONGLONG Low = Base + i * Each;

        if (!Table[i] || Low + Each <= First)
            continue;
        if (Height == 1)
            return Low;
        Found = NextBelow(Table[i], Height - 1, Low, First);
        if (Found != ~0ull)
            return Found;
    }
    return ~0ull;
}

ULONGLONG MemBlockNext(const MEM_DATA *Data, ULONGLONG First)
{
    return Data->Root ? NextBelow(Data->Root, Data->Height, 0, First) : ~0ull;
}

/* ---- sizes --------------------------------------------------------------------------------- */

static bool IsSparse(MEM_NODE *Node)
{
    return Node->Meta.Attributes & FILE_ATTRIBUTE_SPARSE_FILE;
}

/*
 * What the stream takes of the volume: a plain file its allocation, a sparse one the blocks that
 * exist.
 */
static NTSTATUS Charge(MEM_STORE *Mem, MEM_STREAM *Stream, ULONGLONG Bytes)
{
    if (Bytes > Stream->Charged &&
        Bytes - Stream->Charged > Mem->Store.Geometry.TotalBytes - Mem->Used)
        return STATUS_DISK_FULL;
    Mem->Used += Bytes - Stream->Charged;
    Stream->Charged = Bytes;
    return STATUS_SUCCESS;
}

NTSTATUS MemGetSizes(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Number, FSX_SIZES *Sizes)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    MEM_STREAM *Stream;

    KexLockAcquire(&Mem->Lock);
    Stream = MemStream(Mem, Id, Number);
    if (Stream)
        *Sizes = Stream->Sizes;
    KexLockRelease(&Mem->Lock);
    return Stream ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* Frees or zeroes everything in [Offset, End). Lock held. */
static void Clear(MEM_STREAM *Stream, ULONGLONG Offset, ULONGLONG End)
{
    ULONGLONG First = (Offset + MEM_BLOCK - 1) / MEM_BLOCK, Last = End / MEM_BLOCK;
    PUCHAR Block;

    if (Offset >= End)
        return;
    if (Offset % MEM_BLOCK && (Block = MemBlockFind(&Stream->Data, Offset / MEM_BLOCK))) {
        ULONGLONG Stop = End < First * MEM_BLOCK ? End : First * MEM_BLOCK;

        memset(Block + Offset % MEM_BLOCK, 0, Stop - Offset);
    }
    if (End % MEM_BLOCK && Last >= First && (Block = MemBlockFind(&Stream->Data, Last)))
        memset(Block, 0, End % MEM_BLOCK);
    MemBlockFree(&Stream->Data, First, Last);
}

NTSTATUS MemSetSizes(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Number, const FSX_SIZES *Sizes)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    ULONGLONG Cluster = Store->Geometry.ClusterSize, Allocation, Keep;
    NTSTATUS Status = STATUS_INVALID_PARAMETER;
    MEM_STREAM *Stream;
    MEM_NODE *Node;

    ASSERT(Sizes->ValidData <= Sizes->FileSize && Sizes->FileSize <= Sizes->Allocation);
    Allocation = ((ULONGLONG)Sizes->Allocation + Cluster - 1) / Cluster * Cluster;
    Keep = (ULONGLONG)Sizes->FileSize;
    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    Stream = MemStream(Mem, Id, Number);
    if (Stream) {
        if (Sizes->FileSize < Stream->Sizes.FileSize ||
            (LONGLONG)Allocation < Stream->Sizes.Allocation)
            Clear(Stream, Keep, ~0ull / MEM_BLOCK * MEM_BLOCK);
        Status = Charge(Mem, Stream, IsSparse(Node) ? Stream->Data.Blocks * MEM_BLOCK : Allocation);
    }
    if (NT_SUCCESS(Status)) {
        Stream->Sizes = *Sizes;
        Stream->Sizes.Allocation = (LONGLONG)Allocation;
    }
    KexLockRelease(&Mem->Lock);
    return Status;
}

void MemRaiseSizes(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Number, LONGLONG FileSize,
                   LONGLONG ValidData)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    MEM_STREAM *Stream;

    KexLockAcquire(&Mem->Lock);
    Stream = MemStream(Mem, Id, Number);
    if (Stream) {
        ASSERT(ValidData <= FileSize && FileSize <= Stream->Sizes.Allocation);
        if (FileSize > Stream->Sizes.FileSize)
            Stream->Sizes.FileSize = FileSize;
        if (ValidData > Stream->Sizes.ValidData)
            Stream->Sizes.ValidData = ValidData;
    }
    KexLockRelease(&Mem->Lock);
}

/* ---- bytes --------------------------------------------------------------------------------- */

#define BATCH 32u /* blocks found per hold of the lock; the bytes are copied without it */

/* Finds the blocks of up to BATCH blocks from Index; makes the missing ones when Make. */
static NTSTATUS FindBatch(MEM_STORE *Mem, FSX_ID Id, FSX_STREAM Number, ULONGLONG Index,
                          ULONG Count, bool Make, PUCHAR Blocks[BATCH])
{
    NTSTATUS Status = STATUS_SUCCESS;
    MEM_STREAM *Stream;
    MEM_NODE *Node;
    bool Made;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    Stream = MemStream(Mem, Id, Number);
    if (!Stream)
        Status = STATUS_INVALID_PARAMETER;
    for (ULONG i = 0; i < Count && NT_SUCCESS(Status); i++) {
        Blocks[i] = Make ? MemBlockMake(&Stream->Data, Index + i, &Made)
                         : MemBlockFind(&Stream->Data, Index + i);
        if (Make && !Blocks[i])
            Status = STATUS_INSUFFICIENT_RESOURCES;
        else if (Make && Made && IsSparse(Node))
            Status = Charge(Mem, Stream, Stream->Data.Blocks * MEM_BLOCK);
    }
    KexLockRelease(&Mem->Lock);
    return Status;
}

static NTSTATUS Transfer(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Number, ULONGLONG Offset,
                         ULONG Length, PUCHAR Buffer, bool Write)
{
    PUCHAR Blocks[BATCH];
    NTSTATUS Status;

    while (Length) {
        ULONGLONG Index = Offset / MEM_BLOCK;
        ULONGLONG Want = (Offset + Length + MEM_BLOCK - 1) / MEM_BLOCK - Index;
        ULONG Count = Want < BATCH ? (ULONG)Want : BATCH;

        Status = FindBatch((MEM_STORE *)Store, Id, Number, Index, Count, Write, Blocks);
        if (!NT_SUCCESS(Status))
            return Status;
        for (ULONG i = 0; i < Count; i++) {
            ULONG Within = (ULONG)(Offset % MEM_BLOCK), n = MEM_BLOCK - Within;

            if (n > Length)
                n = Length;
            if (Write)
                memcpy(Blocks[i] + Within, Buffer, n);
            else if (Blocks[i])
                memcpy(Buffer, Blocks[i] + Within, n);
            else
                memset(Buffer, 0, n);
            Buffer += n;
            Offset += n;
            Length -= n;
        }
    }
    return STATUS_SUCCESS;
}

NTSTATUS MemRead(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset, ULONG Length,
                 PVOID Buffer)
{
    return Transfer(Store, Id, Stream, (ULONGLONG)Offset, Length, Buffer, false);
}

NTSTATUS MemWrite(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset, ULONG Length,
                  const void *Buffer)
{
    return Transfer(Store, Id, Stream, (ULONGLONG)Offset, Length, (PUCHAR)Buffer, true);
}

NTSTATUS MemZeroRange(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Number, LONGLONG Offset,
                      LONGLONG Length)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    MEM_STREAM *Stream;
    MEM_NODE *Node;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    Stream = MemStream(Mem, Id, Number);
    if (Stream) {
        Clear(Stream, (ULONGLONG)Offset, (ULONGLONG)(Offset + Length));
        if (IsSparse(Node))
            Charge(Mem, Stream, Stream->Data.Blocks * MEM_BLOCK); /* shrinks: cannot fail */
    }
    KexLockRelease(&Mem->Lock);
    return Stream ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

bool MemNextExtent(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Number, LONGLONG *Offset,
                   LONGLONG *Length)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    ULONGLONG First = ~0ull, End;
    MEM_STREAM *Stream;

    KexLockAcquire(&Mem->Lock);
    Stream = MemStream(Mem, Id, Number);
    if (Stream)
        First = MemBlockNext(&Stream->Data, (ULONGLONG)*Offset / MEM_BLOCK);
    if (First != ~0ull) {
        for (End = First + 1; MemBlockFind(&Stream->Data, End); End++)
            ;
        *Offset = (LONGLONG)(First * MEM_BLOCK);
        *Length = (LONGLONG)((End - First) * MEM_BLOCK);
    }
    KexLockRelease(&Mem->Lock);
    return First != ~0ull;
}

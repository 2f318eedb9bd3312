/* SPDX-License-Identifier: MIT */
/* mem.c - the memory store: its nodes, their metadata and streams, and the table of operations. */
#include "fs/store/mem/mem.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_CAPACITY (16ull << 30)
#define FIRST_USER_RECORD 24ull /* NTFS keeps the first 24 records for itself */

/* ---- nodes; the store's lock is held ------------------------------------------------------- */

static ULONG HashOf(const MEM_STORE *Mem, FSX_ID Id)
{
    return (ULONG)((Id * 0x9e3779b97f4a7c15ull) >> 40) & (Mem->HashSize - 1);
}

MEM_NODE *MemNode(MEM_STORE *Mem, FSX_ID Id)
{
    MEM_NODE *Node = Mem->Hash[HashOf(Mem, Id)];

    while (Node && Node->Id != Id)
        Node = Node->HashNext;
    return Node;
}

MEM_STREAM *MemStream(MEM_STORE *Mem, FSX_ID Id, FSX_STREAM Number)
{
    MEM_NODE *Node = MemNode(Mem, Id);

    for (PLIST_ENTRY e = Node ? Node->Streams.Flink : NULL; Node && e != &Node->Streams;
         e = e->Flink) {
        MEM_STREAM *Stream = CONTAINING_RECORD(e, MEM_STREAM, Links);

        if (Stream->Number == Number)
            return Stream;
    }
    return NULL;
}

static void GrowHash(MEM_STORE *Mem)
{
    ULONG Size = Mem->HashSize * 4, OldSize = Mem->HashSize;
    MEM_NODE **Old = Mem->Hash, **New = calloc(Size, sizeof *New);

    if (!New)
        return; /* longer chains, nothing worse */
    Mem->Hash = New;
    Mem->HashSize = Size;
    for (ULONG i = 0; i < OldSize; i++) {
        for (MEM_NODE *Node = Old[i], *Next; Node; Node = Next) {
            ULONG Slot = HashOf(Mem, Node->Id);

            Next = Node->HashNext;
            Node->HashNext = New[Slot];
            New[Slot] = Node;
        }
    }
    free(Old);
}

static MEM_STREAM *NewStream(MEM_NODE *Node, PCUNICODE_STRING Name)
{
    MEM_STREAM *Stream = calloc(1, sizeof *Stream);

    if (!Stream)
        return NULL;
    Stream->Number = Node->NextStream++;
    if (Name) {
        Stream->NameLength = Name->Length / sizeof(WCHAR);
        memcpy(Stream->Name, Name->Buffer, Name->Length);
    }
    InsertTailList(&Node->Streams, &Stream->Links);
    return Stream;
}

static void FreeStream(MEM_STORE *Mem, MEM_STREAM *Stream)
{
    RemoveEntryList(&Stream->Links);
    MemBlockFree(&Stream->Data, 0, ~0ull);
    Mem->Used -= Stream->Charged;
    free(Stream);
}

static MEM_NODE *NewNodeAt(MEM_STORE *Mem, ULONG Attributes, FSX_ID Id)
{
    MEM_NODE *Node = calloc(1, sizeof *Node);
    LONGLONG Now = KexSystemTime();
    ULONG Slot;

    if (!Node)
        return NULL;
    Node->Id = Id;
    Node->Meta.Attributes = Attributes;
    Node->Meta.CreationTime = Node->Meta.LastAccessTime = Now;
    Node->Meta.LastWriteTime = Node->Meta.ChangeTime = Now;
    InitializeListHead(&Node->Names);
    InitializeListHead(&Node->Streams);
    if (Attributes & FILE_ATTRIBUTE_DIRECTORY)
        Node->NextStream = 1; /* a directory has named streams only */
    else if (!NewStream(Node, NULL))
        goto NoMemory;
    if (Mem->Nodes++ > Mem->HashSize * 2ull)
        GrowHash(Mem);
    Slot = HashOf(Mem, Node->Id);
    Node->HashNext = Mem->Hash[Slot];
    Mem->Hash[Slot] = Node;
    return Node;
NoMemory:
    free(Node);
    return NULL;
}

MEM_NODE *MemNewNode(MEM_STORE *Mem, ULONG Attributes)
{
    return NewNodeAt(Mem, Attributes, (1ull << 48) | Mem->NextRecord++);
}

void MemFreeNode(MEM_STORE *Mem, MEM_NODE *Node)
{
    MEM_NODE **Slot = &Mem->Hash[HashOf(Mem, Node->Id)];

    while (*Slot != Node)
        Slot = &(*Slot)->HashNext;
    *Slot = Node->HashNext;
    Mem->Nodes--;
    while (!IsListEmpty(&Node->Streams))
        FreeStream(Mem, CONTAINING_RECORD(Node->Streams.Flink, MEM_STREAM, Links));
    for (int i = 0; i < FSX_BLOB_COUNT; i++)
        free(Node->Blobs[i].Data);
    free(Node);
}

static void Drop(FSX_STORE *Store, FSX_ID Id)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    MEM_NODE *Node;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    if (Node) {
        ASSERT(IsListEmpty(&Node->Names) && !Node->Entries);
        MemFreeNode(Mem, Node);
    }
    KexLockRelease(&Mem->Lock);
}

/* ---- metadata ------------------------------------------------------------------------------ */

static NTSTATUS GetMeta(FSX_STORE *Store, FSX_ID Id, FSX_META *Meta)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    MEM_NODE *Node;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    if (Node)
        *Meta = Node->Meta;
    KexLockRelease(&Mem->Lock);
    return Node ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static NTSTATUS SetMeta(FSX_STORE *Store, FSX_ID Id, const FSX_META *Meta, ULONG Which)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    MEM_NODE *Node;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    if (Node) {
        if (Which & FSX_SET_CREATION)
            Node->Meta.CreationTime = Meta->CreationTime;
        if (Which & FSX_SET_ACCESS)
            Node->Meta.LastAccessTime = Meta->LastAccessTime;
        if (Which & FSX_SET_WRITE)
            Node->Meta.LastWriteTime = Meta->LastWriteTime;
        if (Which & FSX_SET_CHANGE)
            Node->Meta.ChangeTime = Meta->ChangeTime;
        if (Which & FSX_SET_ATTRIBUTES)
            Node->Meta.Attributes = Meta->Attributes;
    }
    KexLockRelease(&Mem->Lock);
    return Node ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static NTSTATUS GetBlob(FSX_STORE *Store, FSX_ID Id, FSX_BLOB Blob, PVOID Buffer, ULONG Room,
                        PULONG Size)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    NTSTATUS Status = STATUS_SUCCESS;
    MEM_NODE *Node;

    *Size = 0;
    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    if (!Node) {
        Status = STATUS_INVALID_PARAMETER;
    } else if (!Node->Blobs[Blob].Data) {
        Status = STATUS_NOT_FOUND;
    } else {
        *Size = Node->Blobs[Blob].Size;
        if (*Size > Room)
            Status = STATUS_BUFFER_TOO_SMALL;
        else
            memcpy(Buffer, Node->Blobs[Blob].Data, *Size);
    }
    KexLockRelease(&Mem->Lock);
    return Status;
}

static NTSTATUS SetBlob(FSX_STORE *Store, FSX_ID Id, FSX_BLOB Blob, const void *Buffer, ULONG Size)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    void *Copy = Size ? malloc(Size) : NULL;
    MEM_NODE *Node;

    if (Size && !Copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (Size)
        memcpy(Copy, Buffer, Size);
    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    if (Node) {
        void *Old = Node->Blobs[Blob].Data;

        Node->Blobs[Blob].Data = Copy;
        Node->Blobs[Blob].Size = Size;
        Copy = Old;
        if (Blob == FSX_BLOB_EA)
            Node->Meta.EaSize = Size;
        if (Blob == FSX_BLOB_REPARSE)
            Node->Meta.ReparseTag = Size >= sizeof(ULONG) ? *(const ULONG *)Buffer : 0;
    }
    KexLockRelease(&Mem->Lock);
    free(Copy);
    return Node ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* ---- streams ------------------------------------------------------------------------------- */

static MEM_STREAM *FindByName(MEM_NODE *Node, PCUNICODE_STRING Name)
{
    for (PLIST_ENTRY e = Node->Streams.Flink; e != &Node->Streams; e = e->Flink) {
        MEM_STREAM *Stream = CONTAINING_RECORD(e, MEM_STREAM, Links);

        if (!MemCompareNames(Stream->Name, Stream->NameLength, Name->Buffer,
                             Name->Length / sizeof(WCHAR)))
            return Stream;
    }
    return NULL;
}

static NTSTATUS FindStream(FSX_STORE *Store, FSX_ID Id, PCUNICODE_STRING Name, FSX_STREAM *Number)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    MEM_STREAM *Stream = NULL;
    MEM_NODE *Node;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    if (Node)
        Stream = FindByName(Node, Name);
    if (Stream)
        *Number = Stream->Number;
    KexLockRelease(&Mem->Lock);
    return Stream ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS CreateStream(FSX_STORE *Store, FSX_ID Id, PCUNICODE_STRING Name, FSX_STREAM *Number)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    NTSTATUS Status = STATUS_SUCCESS;
    MEM_STREAM *Stream;
    MEM_NODE *Node;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    if (!Node) {
        Status = STATUS_INVALID_PARAMETER;
    } else if (FindByName(Node, Name)) {
        Status = STATUS_OBJECT_NAME_COLLISION;
    } else {
        Stream = NewStream(Node, Name);
        if (Stream)
            *Number = Stream->Number;
        else
            Status = STATUS_INSUFFICIENT_RESOURCES;
    }
    KexLockRelease(&Mem->Lock);
    return Status;
}

static NTSTATUS DeleteStream(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Number)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    MEM_STREAM *Stream;

    KexLockAcquire(&Mem->Lock);
    Stream = MemStream(Mem, Id, Number);
    if (Stream)
        FreeStream(Mem, Stream);
    KexLockRelease(&Mem->Lock);
    return Stream ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static NTSTATUS RenameStream(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Number, PCUNICODE_STRING Name)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    NTSTATUS Status = STATUS_SUCCESS;
    MEM_STREAM *Stream, *Taken;

    KexLockAcquire(&Mem->Lock);
    Stream = MemStream(Mem, Id, Number);
    Taken = Stream ? FindByName(MemNode(Mem, Id), Name) : NULL;
    if (!Stream) {
        Status = STATUS_INVALID_PARAMETER;
    } else if (Taken && Taken != Stream) {
        Status = STATUS_OBJECT_NAME_COLLISION;
    } else {
        Stream->NameLength = Name->Length / sizeof(WCHAR);
        memcpy(Stream->Name, Name->Buffer, Name->Length);
    }
    KexLockRelease(&Mem->Lock);
    return Status;
}

static NTSTATUS StreamAt(FSX_STORE *Store, FSX_ID Id, ULONG Index, FSX_STREAM_INFO *Info)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    NTSTATUS Status = STATUS_NO_MORE_ENTRIES;
    MEM_NODE *Node;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    for (PLIST_ENTRY e = Node ? Node->Streams.Flink : NULL; Node && e != &Node->Streams;
         e = e->Flink) {
        MEM_STREAM *Stream = CONTAINING_RECORD(e, MEM_STREAM, Links);

        if (Index--)
            continue;
        Info->Number = Stream->Number;
        Info->NameLength = Stream->NameLength;
        memcpy(Info->Name, Stream->Name, Stream->NameLength * sizeof(WCHAR));
        Info->Sizes = Stream->Sizes;
        Status = STATUS_SUCCESS;
        break;
    }
    KexLockRelease(&Mem->Lock);
    return Status;
}

/* ---- the store ----------------------------------------------------------------------------- */

static ULONGLONG FreeBytes(FSX_STORE *Store)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    ULONGLONG Free;

    KexLockAcquire(&Mem->Lock);
    Free = Store->Geometry.TotalBytes - Mem->Used;
    KexLockRelease(&Mem->Lock);
    return Free;
}

/* Memory is as durable as it gets: both are visible as trace events only. */
static NTSTATUS WriteMetadata(FSX_STORE *Store, FSX_ID Id)
{
    return STATUS_SUCCESS;
}

static NTSTATUS Sync(FSX_STORE *Store)
{
    return STATUS_SUCCESS;
}

static void FreeEntries(MEM_NODE *Node)
{
    while (!IsListEmpty(&Node->Names))
        free(CONTAINING_RECORD(RemoveHeadList(&Node->Names), MEM_ENTRY, Links));
}

static void Free(FSX_STORE *Store)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;

    for (ULONG i = 0; i < Mem->HashSize; i++) {
        while (Mem->Hash[i]) {
            FreeEntries(Mem->Hash[i]);
            MemFreeNode(Mem, Mem->Hash[i]);
        }
    }
    free(Mem->Hash);
    free(Mem);
}

FSX_STORE *FsxMemStoreCreate(ULONGLONG Capacity, ULONG SectorSize, ULONG ClusterSize)
{
    MEM_STORE *Mem = calloc(1, sizeof *Mem);
    FSX_GEOMETRY *Geometry;

    if (!Mem)
        return NULL;
    ASSERT(ClusterSize >= SectorSize && ClusterSize % SectorSize == 0);
    KexLockInit(&Mem->Lock, KEX_RANK_FS + 5, "memory store");
    Mem->Store.Ops = &MemStoreOps;
    Geometry = &Mem->Store.Geometry;
    Geometry->SectorSize = SectorSize;
    Geometry->ClusterSize = ClusterSize;
    Geometry->TotalBytes = (Capacity ? Capacity : DEFAULT_CAPACITY) / ClusterSize * ClusterSize;
    Geometry->CreationTime = KexSystemTime();
    Geometry->Serial = 0x6f66b001;
    Mem->NextRecord = FIRST_USER_RECORD;
    Mem->HashSize = 1024;
    Mem->Hash = calloc(Mem->HashSize, sizeof *Mem->Hash);
    if (!Mem->Hash ||
        !NewNodeAt(Mem, FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM,
                   FSX_ROOT_ID)) {
        free(Mem->Hash);
        free(Mem);
        return NULL;
    }
    return &Mem->Store;
}

const FSX_STORE_OPS MemStoreOps = {
    .Name = "mem",
    .Free = Free,
    .Lookup = MemLookup,
    .Next = MemNext,
    .LinkAt = MemLinkAt,
    .Create = MemCreate,
    .Link = MemLink,
    .Unlink = MemUnlink,
    .Rename = MemRename,
    .Drop = Drop,
    .IsEmpty = MemIsEmpty,
    .GetMeta = GetMeta,
    .SetMeta = SetMeta,
    .GetBlob = GetBlob,
    .SetBlob = SetBlob,
    .FindStream = FindStream,
    .CreateStream = CreateStream,
    .DeleteStream = DeleteStream,
    .RenameStream = RenameStream,
    .StreamAt = StreamAt,
    .GetSizes = MemGetSizes,
    .SetSizes = MemSetSizes,
    .RaiseSizes = MemRaiseSizes,
    .Read = MemRead,
    .Write = MemWrite,
    .ZeroRange = MemZeroRange,
    .NextExtent = MemNextExtent,
    .FreeBytes = FreeBytes,
    .WriteMetadata = WriteMetadata,
    .Sync = Sync,
};

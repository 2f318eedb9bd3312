/* SPDX-License-Identifier: MIT */
/* mem.h - the inside of the memory store; for src/fs/store/mem alone. */
#ifndef OPENFLT_FS_STORE_MEM_H
#define OPENFLT_FS_STORE_MEM_H

#include "fs/store/store.h"

typedef struct _MEM_NODE MEM_NODE;
typedef struct _MEM_ENTRY MEM_ENTRY;

/* ---- names (mem_names.c) ------------------------------------------------------------------- */

/*
 * A key of a directory: the entry's long name, or its short one. Keys form a treap in upcased
 * order.
 */
typedef struct _MEM_KEY {
    struct _MEM_KEY *Left, *Right;
    ULONG Priority;
    MEM_ENTRY *Entry;
    USHORT Length; /* WCHARs */
    const WCHAR *Name;
} MEM_KEY;

struct _MEM_ENTRY {
    LIST_ENTRY Links; /* of Node->Names */
    MEM_NODE *Directory, *Node;
    MEM_KEY LongKey, ShortKey; /* ShortKey.Length 0: no short name */
    WCHAR Short[FSX_SHORT_MAX];
    WCHAR Name[];
};

MEM_KEY *MemKeyFind(MEM_KEY *Root, const WCHAR *Name, USHORT Length);
/* The least key greater than Name; the least of all when Name is NULL. */
MEM_KEY *MemKeyAfter(MEM_KEY *Root, const WCHAR *Name, USHORT Length);
void MemKeyInsert(MEM_KEY **Root, MEM_KEY *Key);
void MemKeyRemove(MEM_KEY **Root, MEM_KEY *Key);
int MemCompareNames(const WCHAR *a, USHORT aLength, const WCHAR *b, USHORT bLength);

/* ---- data (mem_data.c) --------------------------------------------------------------------- */

#define MEM_BLOCK 4096u
#define MEM_FAN 512u /* slots of one level of the block tree */

typedef struct _MEM_DATA {
    void **Root; /* Height 0: no block; 1: Root is a table of blocks; n: of tables */
    unsigned Height;
    ULONGLONG Blocks;
} MEM_DATA;

void *MemBlockFind(const MEM_DATA *Data, ULONGLONG Index);
/* NULL: no memory. *Made says whether the block is new (zeroed). */
void *MemBlockMake(MEM_DATA *Data, ULONGLONG Index, bool *Made);
/* Frees blocks [First, End). Returns how many there were. */
ULONGLONG MemBlockFree(MEM_DATA *Data, ULONGLONG First, ULONGLONG End);
/* Index of the first block at or behind First; ~0 when there is none. */
ULONGLONG MemBlockNext(const MEM_DATA *Data, ULONGLONG First);

/* ---- nodes (mem.c) ------------------------------------------------------------------------- */

typedef struct _MEM_STREAM {
    LIST_ENTRY Links;
    FSX_STREAM Number;
    FSX_SIZES Sizes;
    ULONGLONG Charged; /* bytes of the volume this stream takes */
    MEM_DATA Data;
    USHORT NameLength;
    WCHAR Name[FSX_NAME_MAX];
} MEM_STREAM;

typedef struct _MEM_BLOB {
    ULONG Size;
    void *Data;
} MEM_BLOB;

struct _MEM_NODE {
    MEM_NODE *HashNext;
    FSX_ID Id;
    FSX_META Meta;
    MEM_BLOB Blobs[FSX_BLOB_COUNT];
    LIST_ENTRY Names; /* of MEM_ENTRY */
    MEM_KEY *Keys;    /* directories: the treap */
    ULONGLONG Entries;
    LIST_ENTRY Streams;
    FSX_STREAM NextStream;
};

typedef struct _MEM_STORE {
    FSX_STORE Store; /* first: FSX_STORE* is MEM_STORE* */
    KEX_LOCK Lock;
    ULONGLONG Used, NextRecord;
    MEM_NODE **Hash;
    ULONG HashSize;
    ULONGLONG Nodes;
} MEM_STORE;

MEM_NODE *MemNode(MEM_STORE *Store, FSX_ID Id);
MEM_STREAM *MemStream(MEM_STORE *Store, FSX_ID Id, FSX_STREAM Number);
extern const FSX_STORE_OPS MemStoreOps;

/* Table entries that live in other files than the table. */
NTSTATUS MemLookup(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING Name, FSX_ENTRY *Entry);
NTSTATUS MemNext(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING After, FSX_ENTRY *Entry);
NTSTATUS MemLinkAt(FSX_STORE *Store, FSX_ID Id, ULONG Index, FSX_ENTRY *Entry);
NTSTATUS MemCreate(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING Name,
                   PCUNICODE_STRING Short, ULONG Attributes, FSX_ID *Id);
NTSTATUS MemLink(FSX_STORE *Store, FSX_ID Id, FSX_ID Directory, PCUNICODE_STRING Name,
                 PCUNICODE_STRING Short);
NTSTATUS MemUnlink(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING Name);
NTSTATUS MemRename(FSX_STORE *Store, FSX_ID From, PCUNICODE_STRING FromName, FSX_ID To,
                   PCUNICODE_STRING ToName, PCUNICODE_STRING ToShort);
bool MemIsEmpty(FSX_STORE *Store, FSX_ID Directory);
MEM_NODE *MemNewNode(MEM_STORE *Store, ULONG Attributes);
void MemFreeNode(MEM_STORE *Store, MEM_NODE *Node);

NTSTATUS MemGetSizes(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, FSX_SIZES *Sizes);
NTSTATUS MemSetSizes(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, const FSX_SIZES *Sizes);
void MemRaiseSizes(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Number, LONGLONG FileSize,
                   LONGLONG ValidData);
NTSTATUS MemRead(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset, ULONG Length,
                 PVOID Buffer);
NTSTATUS MemWrite(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset, ULONG Length,
                  const void *Buffer);
NTSTATUS MemZeroRange(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset,
                      LONGLONG Length);
bool MemNextExtent(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG *Offset,
                   LONGLONG *Length);

#endif

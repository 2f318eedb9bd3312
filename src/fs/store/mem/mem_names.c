/* SPDX-License-Identifier: MIT */
/*
 * mem_names.c - directories of the memory store: a treap of upcased keys, long and short names in
 * one.
 */
#include "fs/store/mem/mem.h"

#include <stdlib.h>
#include <string.h>

int MemCompareNames(const WCHAR *a, USHORT aLength, const WCHAR *b, USHORT bLength)
{
    USHORT Least = aLength < bLength ? aLength : bLength;

    for (USHORT i = 0; i < Least; i++) {
        WCHAR x = a[i], y = b[i];

        if (x != y) {
            x = RtlUpcaseUnicodeChar(x);
            y = RtlUpcaseUnicodeChar(y);
            if (x != y)
                return x < y ? -1 : 1;
        }
    }
    return (int)aLength - (int)bLength;
}

/* ---- treap --------------------------------------------------------------------------------- */

MEM_KEY *MemKeyFind(MEM_KEY *Root, const WCHAR *Name, USHORT Length)
{
    while (Root) {
        int Order = MemCompareNames(Name, Length, Root->Name, Root->Length);

        if (!Order)
            return Root;
        Root = Order < 0 ? Root->Left : Root->Right;
    }
    return NULL;
}

MEM_KEY *MemKeyAfter(MEM_KEY *Root, const WCHAR *Name, USHORT Length)
{
    MEM_KEY *Best = NULL;

    while (Root) {
        if (!Name || MemCompareNames(Name, Length, Root->Name, Root->Length) < 0) {
            Best = Root;
            Root = Root->Left;
        } else {
            Root = Root->Right;
        }
    }
    return Best;
}

/* Splits by Key: what sorts before it, and the rest. */
static void Split(MEM_KEY *Root, const MEM_KEY *Key, MEM_KEY **Before, MEM_KEY **Behind)
{
    while (Root) {
        if (MemCompareNames(Root->Name, Root->Length, Key->Name, Key->Length) < 0) {
            *Before = Root;
            Before = &Root->Right;
            Root = Root->Right;
        } else {
            *Behind = Root;
            Behind = &Root->Left;
            Root = Root->Left;
        }
    }
    *Before = *Behind = NULL;
}

static MEM_KEY *Merge(MEM_KEY *a, MEM_KEY *b)
{
    MEM_KEY *Result = NULL, **Slot = &Result;

    while (a && b) {
        if (a->Priority >= b->Priority) {
            *Slot = a;
            Slot = &a->Right;
            a = a->Right;
        } else {
            *Slot = b;
            Slot = &b->Left;
            b = b->Left;
        }
    }
    *Slot = a ? a : b;
    return Result;
}

void MemKeyInsert(MEM_KEY **Root, MEM_KEY *Key)
{
    static ULONG Seed = 0x9e3779b9;

    /*
     * A fixed sequence: the shape of a directory's tree never depends on where the process was
     * loaded.
     */
    Seed ^= Seed << 13;
    Seed ^= Seed >> 17;
    Seed ^= Seed << 5;
    Key->Priority = Seed;
    while (*Root && (*Root)->Priority >= Key->Priority)
        Root = MemCompareNames(Key->Name, Key->Length, (*Root)->Name, (*Root)->Length) < 0
                   ? &(*Root)->Left
                   : &(*Root)->Right;
    Split(*Root, Key, &Key->Left, &Key->Right);
    *Root = Key;
}

void MemKeyRemove(MEM_KEY **Root, MEM_KEY *Key)
{
    while (*Root && *Root != Key)
        Root = MemCompareNames(Key->Name, Key->Length, (*Root)->Name, (*Root)->Length) < 0
                   ? &(*Root)->Left
                   : &(*Root)->Right;
    ASSERT(*Root == Key);
    *Root = Merge(Key->Left, Key->Right);
}

/* ---- entries; the store's lock is held ----------------------------------------------------- */

static MEM_ENTRY *Find(MEM_NODE *Directory, PCUNICODE_STRING Name)
{
    MEM_KEY *Key = MemKeyFind(Directory->Keys, Name->Buffer, Name->Length / sizeof(WCHAR));

    return Key ? Key->Entry : NULL;
}

static void Describe(const MEM_ENTRY *From, FSX_ENTRY *To)
{
    To->Id = From->Node->Id;
    To->Parent = From->Directory->Id;
    To->NameLength = From->LongKey.Length;
    To->ShortLength = From->ShortKey.Length;
    memcpy(To->Name, From->Name, From->LongKey.Length * sizeof(WCHAR));
    memcpy(To->Short, From->Short, From->ShortKey.Length * sizeof(WCHAR));
}

static MEM_ENTRY *NewEntry(PCUNICODE_STRING Name, PCUNICODE_STRING Short)
{
    MEM_ENTRY *Entry = calloc(1, sizeof *Entry + Name->Length);

    if (!Entry)
        return NULL;
    memcpy(Entry->Name, Name->Buffer, Name->Length);
    Entry->LongKey.Entry = Entry->ShortKey.Entry = Entry;
    Entry->LongKey.Name = Entry->Name;
    Entry->LongKey.Length = Name->Length / sizeof(WCHAR);
    Entry->ShortKey.Name = Entry->Short;
    if (Short && Short->Length) {
        ASSERT(Short->Length <= sizeof Entry->Short);
        memcpy(Entry->Short, Short->Buffer, Short->Length);
        Entry->ShortKey.Length = Short->Length / sizeof(WCHAR);
    }
    return Entry;
}

/* A short name equal to the long one, or taken by another entry, is no key of its own. */
static void InsertEntry(MEM_ENTRY *Entry, MEM_NODE *Directory, MEM_NODE *Node)
{
    Entry->Directory = Directory;
    Entry->Node = Node;
    MemKeyInsert(&Directory->Keys, &Entry->LongKey);
    if (Entry->ShortKey.Length && MemKeyFind(Directory->Keys, Entry->Short, Entry->ShortKey.Length))
        Entry->ShortKey.Length = 0;
    if (Entry->ShortKey.Length)
        MemKeyInsert(&Directory->Keys, &Entry->ShortKey);
    InsertTailList(&Node->Names, &Entry->Links);
    Directory->Entries++;
    Node->Meta.Links++;
}

static void RemoveEntry(MEM_ENTRY *Entry)
{
    MemKeyRemove(&Entry->Directory->Keys, &Entry->LongKey);
    if (Entry->ShortKey.Length)
        MemKeyRemove(&Entry->Directory->Keys, &Entry->ShortKey);
    RemoveEntryList(&Entry->Links);
    Entry->Directory->Entries--;
    Entry->Node->Meta.Links--;
}

/* ---- operations ---------------------------------------------------------------------------- */

NTSTATUS MemLookup(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING Name, FSX_ENTRY *Entry)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    MEM_NODE *Node;
    MEM_ENTRY *Found;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Directory);
    Found = Node ? Find(Node, Name) : NULL;
    if (Found) {
        Describe(Found, Entry);
        Status = STATUS_SUCCESS;
    }
    KexLockRelease(&Mem->Lock);
    return Status;
}

NTSTATUS MemNext(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING After, FSX_ENTRY *Entry)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    NTSTATUS Status = STATUS_NO_MORE_FILES;
    MEM_NODE *Node;
    MEM_KEY *Key = NULL;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Directory);
    if (Node)
        Key = MemKeyAfter(Node->Keys, After ? After->Buffer : NULL,
                          After ? After->Length / sizeof(WCHAR) : 0);
    while (Key && Key != &Key->Entry->LongKey)
        Key = MemKeyAfter(Node->Keys, Key->Name, Key->Length);
    if (Key) {
        Describe(Key->Entry, Entry);
        Status = STATUS_SUCCESS;
    }
    KexLockRelease(&Mem->Lock);
    return Status;
}

NTSTATUS MemLinkAt(FSX_STORE *Store, FSX_ID Id, ULONG Index, FSX_ENTRY *Entry)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    NTSTATUS Status = STATUS_NO_MORE_ENTRIES;
    MEM_NODE *Node;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Id);
    if (!Node) {
        Status = STATUS_INVALID_PARAMETER;
    } else {
        for (PLIST_ENTRY e = Node->Names.Flink; e != &Node->Names; e = e->Flink, Index--) {
            if (!Index) {
                Describe(CONTAINING_RECORD(e, MEM_ENTRY, Links), Entry);
                Status = STATUS_SUCCESS;
                break;
            }
        }
    }
    KexLockRelease(&Mem->Lock);
    return Status;
}

/* Adds a name: to a new node when Node is NULL. */
static NTSTATUS AddName(MEM_STORE *Mem, FSX_ID Directory, PCUNICODE_STRING Name,
                        PCUNICODE_STRING Short, FSX_ID *Id, bool New, ULONG Attributes)
{
    MEM_ENTRY *Entry = NewEntry(Name, Short);
    NTSTATUS Status = STATUS_SUCCESS;
    MEM_NODE *Parent, *Node;

    if (!Entry)
        return STATUS_INSUFFICIENT_RESOURCES;
    KexLockAcquire(&Mem->Lock);
    Parent = MemNode(Mem, Directory);
    if (!Parent || !(Parent->Meta.Attributes & FILE_ATTRIBUTE_DIRECTORY)) {
        Status = STATUS_OBJECT_PATH_NOT_FOUND;
    } else if (Find(Parent, Name)) {
        Status = STATUS_OBJECT_NAME_COLLISION;
    } else {
        Node = New ? MemNewNode(Mem, Attributes) : MemNode(Mem, *Id);
        if (!Node) {
            Status = New ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;
        } else {
            InsertEntry(Entry, Parent, Node);
            *Id = Node->Id;
        }
    }
    KexLockRelease(&Mem->Lock);
    if (!NT_SUCCESS(Status))
        free(Entry);
    return Status;
}

NTSTATUS MemCreate(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING Name,
                   PCUNICODE_STRING Short, ULONG Attributes, FSX_ID *Id)
{
    return AddName((MEM_STORE *)Store, Directory, Name, Short, Id, true, Attributes);
}

NTSTATUS MemLink(FSX_STORE *Store, FSX_ID Id, FSX_ID Directory, PCUNICODE_STRING Name,
                 PCUNICODE_STRING Short)
{
    return AddName((MEM_STORE *)Store, Directory, Name, Short, &Id, false, 0);
}

NTSTATUS MemUnlink(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING Name)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    MEM_ENTRY *Entry = NULL;
    MEM_NODE *Parent;

    KexLockAcquire(&Mem->Lock);
    Parent = MemNode(Mem, Directory);
    if (Parent)
        Entry = Find(Parent, Name);
    if (Entry)
        RemoveEntry(Entry);
    KexLockRelease(&Mem->Lock);
    free(Entry);
    return Entry ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

NTSTATUS MemRename(FSX_STORE *Store, FSX_ID From, PCUNICODE_STRING FromName, FSX_ID To,
                   PCUNICODE_STRING ToName, PCUNICODE_STRING ToShort)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    MEM_ENTRY *Old = NULL, *New = NewEntry(ToName, ToShort), *Taken;
    NTSTATUS Status = STATUS_SUCCESS;
    MEM_NODE *Source, *Target;

    if (!New)
        return STATUS_INSUFFICIENT_RESOURCES;
    KexLockAcquire(&Mem->Lock);
    Source = MemNode(Mem, From);
    Target = MemNode(Mem, To);
    Old = Source ? Find(Source, FromName) : NULL;
    Taken = Target ? Find(Target, ToName) : NULL;
    if (!Old || !Target)
        Status = Target ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_OBJECT_PATH_NOT_FOUND;
    else if (Taken && Taken != Old)
        Status = STATUS_OBJECT_NAME_COLLISION;
    if (NT_SUCCESS(Status)) {
        MEM_NODE *Node = Old->Node;

        RemoveEntry(Old);
        InsertEntry(New, Target, Node);
    }
    KexLockRelease(&Mem->Lock);
    free(NT_SUCCESS(Status) ? Old : New);
    return Status;
}

bool MemIsEmpty(FSX_STORE *Store, FSX_ID Directory)
{
    MEM_STORE *Mem = (MEM_STORE *)Store;
    MEM_NODE *Node;
    bool Empty;

    KexLockAcquire(&Mem->Lock);
    Node = MemNode(Mem, Directory);
    Empty = !Node || !Node->Entries;
    KexLockRelease(&Mem->Lock);
    return Empty;
}

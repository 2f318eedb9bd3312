/* SPDX-License-Identifier: MIT */
/*
 * Splay links and the generic table on top of them. The root's Parent is the root itself. Neither
 * locks; any IRQL at which the nodes are resident. A table's element is {links, insert-order entry,
 * the caller's bytes}.
 */
#include "rtl/rtl.h"

#include <string.h>

/* Where the link that leads to Node stands; NULL for the root. */
static PRTL_SPLAY_LINKS *LinkTo(PRTL_SPLAY_LINKS Node)
{
    if (RtlIsRoot(Node))
        return NULL;
    return RtlIsLeftChild(Node) ? &Node->Parent->LeftChild : &Node->Parent->RightChild;
}

/* Lifts Node above its parent; order is kept. */
static void Rotate(PRTL_SPLAY_LINKS Node)
{
    PRTL_SPLAY_LINKS Parent = Node->Parent, Moved;
    PRTL_SPLAY_LINKS *Link = LinkTo(Parent);

    if (RtlIsLeftChild(Node)) {
        Moved = Parent->LeftChild = Node->RightChild;
        Node->RightChild = Parent;
    } else {
        Moved = Parent->RightChild = Node->LeftChild;
        Node->LeftChild = Parent;
    }
    if (Moved)
        Moved->Parent = Parent;
    Node->Parent = Link ? Parent->Parent : Node;
    if (Link)
        *Link = Node;
    Parent->Parent = Node;
}

/* Makes Links the root, pairing rotations so that long paths halve; returns it. nf-ntddk-rtlsplay
 */
PRTL_SPLAY_LINKS NTAPI RtlSplay(PRTL_SPLAY_LINKS Links)
{
    while (!RtlIsRoot(Links)) {
        PRTL_SPLAY_LINKS Parent = Links->Parent;
        if (!RtlIsRoot(Parent))
            Rotate(RtlIsLeftChild(Links) == RtlIsLeftChild(Parent) ? Parent : Links);
        Rotate(Links);
    }
    return Links;
}

/* Next and previous node inside the subtree below Links. nf-ntddk-rtlsubtreesuccessor */
PRTL_SPLAY_LINKS NTAPI RtlSubtreeSuccessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS At = Links->RightChild;

    while (At && At->LeftChild)
        At = At->LeftChild;
    return At;
}

PRTL_SPLAY_LINKS NTAPI RtlSubtreePredecessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS At = Links->LeftChild;

    while (At && At->RightChild)
        At = At->RightChild;
    return At;
}

/* Next and previous node of the whole tree; NULL at its ends. nf-ntddk-rtlrealsuccessor */
PRTL_SPLAY_LINKS NTAPI RtlRealSuccessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS At = RtlSubtreeSuccessor(Links);

    if (At)
        return At;
    for (At = Links; !RtlIsRoot(At); At = At->Parent)
        if (RtlIsLeftChild(At))
            return At->Parent;
    return NULL;
}

PRTL_SPLAY_LINKS NTAPI RtlRealPredecessor(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS At = RtlSubtreePredecessor(Links);

    if (At)
        return At;
    for (At = Links; !RtlIsRoot(At); At = At->Parent)
        if (RtlIsRightChild(At))
            return At->Parent;
    return NULL;
}

/* Puts New (NULL: nothing) where Old hangs. */
static void ReplaceLink(PRTL_SPLAY_LINKS Old, PRTL_SPLAY_LINKS New)
{
    PRTL_SPLAY_LINKS *Link = LinkTo(Old);

    if (New)
        New->Parent = Link ? Old->Parent : New;
    if (Link)
        *Link = New;
}

/* Takes Links out. A node with two children gives its place to its predecessor. Returns what to
 * splay, or NULL. */
static PRTL_SPLAY_LINKS TakeOut(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS Parent = RtlIsRoot(Links) ? NULL : Links->Parent, Heir, Touched;

    if (!Links->LeftChild || !Links->RightChild) {
        Heir = Links->LeftChild ? Links->LeftChild : Links->RightChild;
        ReplaceLink(Links, Heir);
        return Parent ? Parent : Heir;
    }
    Heir = RtlSubtreePredecessor(Links);
    Touched = Heir->Parent == Links ? Heir : Heir->Parent;
    ReplaceLink(Heir, Heir->LeftChild);
    Heir->LeftChild = Links->LeftChild;
    Heir->RightChild = Links->RightChild;
    if (Heir->LeftChild)
        Heir->LeftChild->Parent = Heir;
    Heir->RightChild->Parent = Heir;
    ReplaceLink(Links, Heir);
    return Touched;
}

/* Takes a node out of its tree and returns the new root, NULL for an empty tree. nf-ntddk-rtldelete
 */
PRTL_SPLAY_LINKS NTAPI RtlDelete(PRTL_SPLAY_LINKS Links)
{
    PRTL_SPLAY_LINKS At = TakeOut(Links);

    return At ? RtlSplay(At) : NULL;
}

/* The same, leaving the shape of the rest alone. nf-ntddk-rtldeletenosplay */
VOID NTAPI RtlDeleteNoSplay(PRTL_SPLAY_LINKS Links, PRTL_SPLAY_LINKS *Root)
{
    PRTL_SPLAY_LINKS At = TakeOut(Links);

    while (At && !RtlIsRoot(At))
        At = At->Parent;
    *Root = At;
}

/* ---- generic table -------------------------------------------------------------------------- */

typedef struct _ELEMENT {
    RTL_SPLAY_LINKS Links;
    LIST_ENTRY Order;
    LONGLONG Data[];
} ELEMENT;
_Static_assert(sizeof(ELEMENT) == 40, "drivers allocate element and header in one");

static ELEMENT *OfOrder(PLIST_ENTRY Entry)
{
    return CONTAINING_RECORD(Entry, ELEMENT, Order);
}

/* Finds Buffer's node, or the node it would hang below; that node is splayed to the root. */
static TABLE_SEARCH_RESULT Search(PRTL_GENERIC_TABLE Table, PVOID Buffer, PRTL_SPLAY_LINKS *Node)
{
    PRTL_SPLAY_LINKS At = Table->TableRoot, Last = NULL;
    TABLE_SEARCH_RESULT Result = TableEmptyTree;

    while (At) {
        RTL_GENERIC_COMPARE_RESULTS r = Table->CompareRoutine(Table, Buffer, ((ELEMENT *)At)->Data);
        Last = At;
        if (r == GenericEqual) {
            Result = TableFoundNode;
            break;
        }
        Result = r == GenericLessThan ? TableInsertAsLeft : TableInsertAsRight;
        At = r == GenericLessThan ? At->LeftChild : At->RightChild;
    }
    *Node = Last;
    return Result;
}

/* An empty table. The routines and the context are the caller's, called at the caller's IRQL.
 * nf-ntddk-rtlinitializegenerictable */
VOID NTAPI RtlInitializeGenericTable(PRTL_GENERIC_TABLE Table,
                                     PRTL_GENERIC_COMPARE_ROUTINE CompareRoutine,
                                     PRTL_GENERIC_ALLOCATE_ROUTINE AllocateRoutine,
                                     PRTL_GENERIC_FREE_ROUTINE FreeRoutine, PVOID TableContext)
{
    memset(Table, 0, sizeof *Table);
    InitializeListHead(&Table->InsertOrderList);
    Table->OrderedPointer = &Table->InsertOrderList;
    Table->CompareRoutine = CompareRoutine;
    Table->AllocateRoutine = AllocateRoutine;
    Table->FreeRoutine = FreeRoutine;
    Table->TableContext = TableContext;
}

/*
 * Inserts at the place an earlier search found. *NewElement FALSE: the element was there and is
 * returned. NULL when the caller's allocation failed. nf-ntddk-rtlinsertelementgenerictablefull
 */
PVOID NTAPI RtlInsertElementGenericTableFull(PRTL_GENERIC_TABLE Table, PVOID Buffer,
                                             CLONG BufferSize, PBOOLEAN NewElement,
                                             PVOID NodeOrParent, TABLE_SEARCH_RESULT SearchResult)
{
    PRTL_SPLAY_LINKS Node = NodeOrParent;
    ELEMENT *New;

    if (NewElement)
        *NewElement = FALSE;
    if (SearchResult == TableFoundNode) {
        Table->TableRoot = RtlSplay(Node);
        return ((ELEMENT *)Node)->Data;
    }
    New = Table->AllocateRoutine(Table, (CLONG)sizeof(ELEMENT) + BufferSize);
    if (!New)
        return NULL;
    RtlInitializeSplayLinks(&New->Links);
    InsertTailList(&Table->InsertOrderList, &New->Order);
    if (SearchResult == TableInsertAsLeft)
        RtlInsertAsLeftChild(Node, &New->Links);
    else if (SearchResult == TableInsertAsRight)
        RtlInsertAsRightChild(Node, &New->Links);
    Table->NumberGenericTableElements++;
    memcpy(New->Data, Buffer, BufferSize);
    Table->TableRoot = RtlSplay(&New->Links);
    if (NewElement)
        *NewElement = TRUE;
    return New->Data;
}

/* Looks Buffer up and inserts a copy when there is no equal element.
 * nf-ntddk-rtlinsertelementgenerictable */
PVOID NTAPI RtlInsertElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer, CLONG BufferSize,
                                         PBOOLEAN NewElement)
{
    PRTL_SPLAY_LINKS Node;
    TABLE_SEARCH_RESULT Result = Search(Table, Buffer, &Node);

    return RtlInsertElementGenericTableFull(Table, Buffer, BufferSize, NewElement, Node, Result);
}

/* Takes an equal element out and gives it to the caller's free routine.
 * nf-ntddk-rtldeleteelementgenerictable */
BOOLEAN NTAPI RtlDeleteElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    PRTL_SPLAY_LINKS Node;

    if (Search(Table, Buffer, &Node) != TableFoundNode)
        return FALSE;
    Table->TableRoot = RtlDelete(Node);
    RemoveEntryList(&((ELEMENT *)Node)->Order);
    Table->NumberGenericTableElements--;
    Table->WhichOrderedElement = 0;
    Table->OrderedPointer = &Table->InsertOrderList;
    Table->FreeRoutine(Table, Node);
    return TRUE;
}

/* The equal element or NULL, and where it is or would be. nf-ntddk-rtllookupelementgenerictablefull
 */
PVOID NTAPI RtlLookupElementGenericTableFull(PRTL_GENERIC_TABLE Table, PVOID Buffer,
                                             PVOID *NodeOrParent, TABLE_SEARCH_RESULT *SearchResult)
{
    PRTL_SPLAY_LINKS Node;

    *SearchResult = Search(Table, Buffer, &Node);
    *NodeOrParent = Node;
    if (Node)
        Table->TableRoot = RtlSplay(Node);
    return *SearchResult == TableFoundNode ? ((ELEMENT *)Node)->Data : NULL;
}

PVOID NTAPI RtlLookupElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    TABLE_SEARCH_RESULT Result;
    PVOID Node;

    return RtlLookupElementGenericTableFull(Table, Buffer, &Node, &Result);
}

static PRTL_SPLAY_LINKS First(PRTL_GENERIC_TABLE Table)
{
    PRTL_SPLAY_LINKS At = Table->TableRoot;

    while (At && At->LeftChild)
        At = At->LeftChild;
    return At;
}

/* The first element, then the one behind the root, which each call makes the root.
 * nf-ntddk-rtlenumerategenerictable */
PVOID NTAPI RtlEnumerateGenericTable(PRTL_GENERIC_TABLE Table, BOOLEAN Restart)
{
    PRTL_SPLAY_LINKS At = NULL;

    if (Restart)
        At = First(Table);
    else if (Table->TableRoot)
        At = RtlRealSuccessor(Table->TableRoot);
    if (!At)
        return NULL;
    Table->TableRoot = RtlSplay(At);
    return ((ELEMENT *)At)->Data;
}

/* In order, with a key of the caller's that starts as NULL.
 * nf-ntddk-rtlenumerategenerictablewithoutsplaying */
PVOID NTAPI RtlEnumerateGenericTableWithoutSplaying(PRTL_GENERIC_TABLE Table, PVOID *RestartKey)
{
    PRTL_SPLAY_LINKS At = *RestartKey ? RtlRealSuccessor(*RestartKey) : First(Table);

    if (!At)
        return NULL;
    *RestartKey = At;
    return ((ELEMENT *)At)->Data;
}

/*
 * The element that was inserted as number I of those left. The place is remembered, so that
 * counting up costs one step a call. nf-ntddk-rtlgetelementgenerictable
 */
PVOID NTAPI RtlGetElementGenericTable(PRTL_GENERIC_TABLE Table, ULONG I)
{
    ULONG Wanted = I + 1, At = Table->WhichOrderedElement,
          Count = Table->NumberGenericTableElements;
    PLIST_ENTRY Entry = Table->OrderedPointer;

    if (I >= Count)
        return NULL;
    if (Wanted < At && Wanted <= At / 2) {
        Entry = &Table->InsertOrderList;
        At = 0;
    } else if (Wanted > At && Count - Wanted < Wanted - At) {
        Entry = Table->InsertOrderList.Blink;
        At = Count;
    }
    for (; At < Wanted; At++)
        Entry = Entry->Flink;
    for (; At > Wanted; At--)
        Entry = Entry->Blink;
    Table->OrderedPointer = Entry;
    Table->WhichOrderedElement = Wanted;
    return OfOrder(Entry)->Data;
}

ULONG NTAPI RtlNumberGenericTableElements(PRTL_GENERIC_TABLE Table)
{
    return Table->NumberGenericTableElements;
}

BOOLEAN NTAPI RtlIsGenericTableEmpty(PRTL_GENERIC_TABLE Table)
{
    return !Table->TableRoot;
}

/* SPDX-License-Identifier: MIT */
/*
 * The generic table over a balanced tree. The real root is the right child of Table->BalancedRoot,
 * whose Parent is itself. Balance is the depth of the right subtree minus that of the left one. The
 * table does not lock; look-ups change nothing, so that readers may share one. An element is
 * {links, the caller's bytes}.
 */
#include "rtl/rtl.h"

#include <string.h>

typedef struct _ELEMENT {
    RTL_BALANCED_LINKS Links;
    LONGLONG Data[];
} ELEMENT;
_Static_assert(sizeof(ELEMENT) == 32, "drivers allocate element and header in one");

static PVOID DataOf(PRTL_BALANCED_LINKS Node)
{
    return Node ? ((ELEMENT *)Node)->Data : NULL;
}

static PRTL_BALANCED_LINKS *LinkTo(PRTL_BALANCED_LINKS Node)
{
    return Node->Parent->LeftChild == Node ? &Node->Parent->LeftChild : &Node->Parent->RightChild;
}

static PRTL_BALANCED_LINKS *Side(PRTL_BALANCED_LINKS Node, int Sign)
{
    return Sign < 0 ? &Node->LeftChild : &Node->RightChild;
}

static void Hang(PRTL_BALANCED_LINKS *Link, PRTL_BALANCED_LINKS Parent, PRTL_BALANCED_LINKS Child)
{
    *Link = Child;
    if (Child)
        Child->Parent = Parent;
}

/* Lifts Node above its parent; balances are the caller's to set. */
static void Lift(PRTL_BALANCED_LINKS Node)
{
    PRTL_BALANCED_LINKS Parent = Node->Parent;
    int Sign = Parent->LeftChild == Node ? -1 : 1;
    PRTL_BALANCED_LINKS *Link = LinkTo(Parent), Above = Parent->Parent;

    Hang(Side(Parent, Sign), Parent, *Side(Node, -Sign));
    Hang(Side(Node, -Sign), Node, Parent);
    Hang(Link, Above, Node);
}

/* Node leans by two to one side. TRUE when its subtree became one level lower by the repair. */
static bool Repair(PRTL_BALANCED_LINKS Node, int Sign)
{
    PRTL_BALANCED_LINKS Child = *Side(Node, Sign), Inner;

    if (Child->Balance == -Sign) {
        Inner = *Side(Child, -Sign);
        Lift(Inner);
        Lift(Inner);
        Node->Balance = (CHAR)(Inner->Balance == Sign ? -Sign : 0);
        Child->Balance = (CHAR)(Inner->Balance == -Sign ? Sign : 0);
        Inner->Balance = 0;
        return true;
    }
    Lift(Child);
    if (Child->Balance == 0) { /* only after a deletion */
        Node->Balance = (CHAR)Sign;
        Child->Balance = (CHAR)-Sign;
        return false;
    }
    Node->Balance = Child->Balance = 0;
    return true;
}

static void BalanceAfterInsert(PRTL_AVL_TABLE Table, PRTL_BALANCED_LINKS Node)
{
    for (; Node->Parent != &Table->BalancedRoot; Node = Node->Parent) {
        PRTL_BALANCED_LINKS Parent = Node->Parent;
        int Sign = Parent->LeftChild == Node ? -1 : 1;
        if (Parent->Balance == Sign) {
            Repair(Parent, Sign);
            return;
        }
        Parent->Balance = (CHAR)(Parent->Balance + Sign);
        if (!Parent->Balance)
            return;
    }
    Table->DepthOfTree++;
}

/* The subtree of Parent on side Sign became one level lower. */
static void BalanceAfterDelete(PRTL_AVL_TABLE Table, PRTL_BALANCED_LINKS Parent, int Sign)
{
    while (Parent != &Table->BalancedRoot) {
        PRTL_BALANCED_LINKS Above = Parent->Parent;
        int AboveSign = Above->LeftChild == Parent ? -1 : 1;
        if (!Parent->Balance) {
            Parent->Balance = (CHAR)-Sign;
            return;
        }
        if (Parent->Balance == Sign)
            Parent->Balance = 0;
        else if (!Repair(Parent, -Sign))
            return;
        Parent = Above;
        Sign = AboveSign;
    }
    Table->DepthOfTree--;
}

static PRTL_BALANCED_LINKS Root(PRTL_AVL_TABLE Table)
{
    return Table->BalancedRoot.RightChild;
}

static PRTL_BALANCED_LINKS Extreme(PRTL_BALANCED_LINKS Node, int Sign)
{
    while (Node && *Side(Node, Sign))
        Node = *Side(Node, Sign);
    return Node;
}

/* The neighbour in order on side Sign; NULL at the end. */
static PRTL_BALANCED_LINKS Neighbour(PRTL_AVL_TABLE Table, PRTL_BALANCED_LINKS Node, int Sign)
{
    if (*Side(Node, Sign))
        return Extreme(*Side(Node, Sign), -Sign);
    while (Node->Parent != &Table->BalancedRoot) {
        if (*Side(Node->Parent, -Sign) == Node)
            return Node->Parent;
        Node = Node->Parent;
    }
    return NULL;
}

static void Unlink(PRTL_AVL_TABLE Table, PRTL_BALANCED_LINKS Node)
{
    PRTL_BALANCED_LINKS Victim = Node, Parent;
    int Sign;

    /* With two children the neighbour from the deeper side leaves the tree and then takes Node's
     * place. */
    if (Node->LeftChild && Node->RightChild)
        Victim = Node->Balance < 0 ? Extreme(Node->LeftChild, 1) : Extreme(Node->RightChild, -1);
    Parent = Victim->Parent;
    Sign = Parent->LeftChild == Victim ? -1 : 1;
    Hang(LinkTo(Victim), Parent, Victim->LeftChild ? Victim->LeftChild : Victim->RightChild);
    BalanceAfterDelete(Table, Parent, Sign);
    if (Victim == Node)
        return;
    *Victim = *Node;
    Hang(LinkTo(Node), Node->Parent, Victim);
    Hang(&Victim->LeftChild, Victim, Victim->LeftChild);
    Hang(&Victim->RightChild, Victim, Victim->RightChild);
}

static TABLE_SEARCH_RESULT Search(PRTL_AVL_TABLE Table, PVOID Buffer, PRTL_BALANCED_LINKS *Node)
{
    PRTL_BALANCED_LINKS At = Root(Table);
    TABLE_SEARCH_RESULT Result = TableEmptyTree;

    *Node = NULL;
    while (At) {
        RTL_GENERIC_COMPARE_RESULTS r = Table->CompareRoutine(Table, Buffer, DataOf(At));
        *Node = At;
        if (r == GenericEqual)
            return TableFoundNode;
        Result = r == GenericLessThan ? TableInsertAsLeft : TableInsertAsRight;
        At = *Side(At, r == GenericLessThan ? -1 : 1);
    }
    return Result;
}

/* An empty table. nf-ntddk-rtlinitializegenerictableavl */
VOID NTAPI RtlInitializeGenericTableAvl(PRTL_AVL_TABLE Table,
                                        PRTL_AVL_COMPARE_ROUTINE CompareRoutine,
                                        PRTL_AVL_ALLOCATE_ROUTINE AllocateRoutine,
                                        PRTL_AVL_FREE_ROUTINE FreeRoutine, PVOID TableContext)
{
    memset(Table, 0, sizeof *Table);
    Table->BalancedRoot.Parent = &Table->BalancedRoot;
    Table->CompareRoutine = CompareRoutine;
    Table->AllocateRoutine = AllocateRoutine;
    Table->FreeRoutine = FreeRoutine;
    Table->TableContext = TableContext;
}

/*
 * Inserts where an earlier search ended. *NewElement FALSE: the element was there and is returned.
 * NULL when the caller's allocation failed. nf-ntddk-rtlinsertelementgenerictablefullavl
 */
PVOID NTAPI RtlInsertElementGenericTableFullAvl(PRTL_AVL_TABLE Table, PVOID Buffer,
                                                CLONG BufferSize, PBOOLEAN NewElement,
                                                PVOID NodeOrParent,
                                                TABLE_SEARCH_RESULT SearchResult)
{
    PRTL_BALANCED_LINKS Parent = NodeOrParent;
    ELEMENT *New;

    if (NewElement)
        *NewElement = FALSE;
    if (SearchResult == TableFoundNode)
        return DataOf(Parent);
    New = Table->AllocateRoutine(Table, (CLONG)sizeof(ELEMENT) + BufferSize);
    if (!New)
        return NULL;
    New->Links = (RTL_BALANCED_LINKS){0};
    if (SearchResult == TableEmptyTree)
        Hang(&Table->BalancedRoot.RightChild, &Table->BalancedRoot, &New->Links);
    else
        Hang(Side(Parent, SearchResult == TableInsertAsLeft ? -1 : 1), Parent, &New->Links);
    Table->NumberGenericTableElements++;
    Table->WhichOrderedElement = 0;
    BalanceAfterInsert(Table, &New->Links);
    memcpy(New->Data, Buffer, BufferSize);
    if (NewElement)
        *NewElement = TRUE;
    return New->Data;
}

/* Looks Buffer up and inserts a copy when there is no equal element.
 * nf-ntddk-rtlinsertelementgenerictableavl */
PVOID NTAPI RtlInsertElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer, CLONG BufferSize,
                                            PBOOLEAN NewElement)
{
    PRTL_BALANCED_LINKS Node;
    TABLE_SEARCH_RESULT Result = Search(Table, Buffer, &Node);

    return RtlInsertElementGenericTableFullAvl(Table, Buffer, BufferSize, NewElement, Node, Result);
}

/* Takes out the node an earlier search found; it goes to the caller's free routine. */
VOID NTAPI RtlDeleteElementGenericTableAvlEx(PRTL_AVL_TABLE Table, PVOID NodeOrParent)
{
    PRTL_BALANCED_LINKS Node = NodeOrParent;

    /* An enumeration that stands on it goes on behind it. */
    if (Table->RestartKey == Node)
        Table->RestartKey = Neighbour(Table, Node, -1);
    Table->DeleteCount++;
    Unlink(Table, Node);
    Table->NumberGenericTableElements--;
    Table->WhichOrderedElement = 0;
    Table->OrderedPointer = NULL;
    Table->FreeRoutine(Table, Node);
}

/* FALSE when there is no equal element. nf-ntddk-rtldeleteelementgenerictableavl */
BOOLEAN NTAPI RtlDeleteElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    PRTL_BALANCED_LINKS Node;

    if (Search(Table, Buffer, &Node) != TableFoundNode)
        return FALSE;
    RtlDeleteElementGenericTableAvlEx(Table, Node);
    return TRUE;
}

/* The equal element or NULL, and where it is or would be.
 * nf-ntddk-rtllookupelementgenerictablefullavl */
PVOID NTAPI RtlLookupElementGenericTableFullAvl(PRTL_AVL_TABLE Table, PVOID Buffer,
                                                PVOID *NodeOrParent,
                                                TABLE_SEARCH_RESULT *SearchResult)
{
    PRTL_BALANCED_LINKS Node;

    *SearchResult = Search(Table, Buffer, &Node);
    *NodeOrParent = Node;
    return *SearchResult == TableFoundNode ? DataOf(Node) : NULL;
}

PVOID NTAPI RtlLookupElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    PRTL_BALANCED_LINKS Node;

    return Search(Table, Buffer, &Node) == TableFoundNode ? DataOf(Node) : NULL;
}

/*
 * The first in order of the elements that compare equal, for compare routines that look at a part
 * of the key. The key goes on with RtlEnumerateGenericTableWithoutSplayingAvl.
 * nf-ntddk-rtllookupfirstmatchingelementgenerictableavl
 */
PVOID NTAPI RtlLookupFirstMatchingElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer,
                                                         PVOID *RestartKey)
{
    PRTL_BALANCED_LINKS Node, Before;

    if (Search(Table, Buffer, &Node) != TableFoundNode)
        return NULL;
    while ((Before = Neighbour(Table, Node, -1)) &&
           Table->CompareRoutine(Table, Buffer, DataOf(Before)) == GenericEqual)
        Node = Before;
    *RestartKey = Node;
    return DataOf(Node);
}

/* In order, with a key of the caller's that starts as NULL.
 * nf-ntddk-rtlenumerategenerictablewithoutsplayingavl */
PVOID NTAPI RtlEnumerateGenericTableWithoutSplayingAvl(PRTL_AVL_TABLE Table, PVOID *RestartKey)
{
    PRTL_BALANCED_LINKS At =
        *RestartKey ? Neighbour(Table, *RestartKey, 1) : Extreme(Root(Table), -1);

    if (At)
        *RestartKey = At;
    return DataOf(At);
}

/* The same with a key in the table, which deletions keep right.
 * nf-ntddk-rtlenumerategenerictableavl */
PVOID NTAPI RtlEnumerateGenericTableAvl(PRTL_AVL_TABLE Table, BOOLEAN Restart)
{
    PVOID Key = Restart ? NULL : Table->RestartKey, Data;

    Data = RtlEnumerateGenericTableWithoutSplayingAvl(Table, &Key);
    Table->RestartKey = Key;
    return Data;
}

/*
 * Enumeration that lives through deletions between its calls, as directories do. A key from before
 * a deletion is not trusted: the place is found again by Buffer, the last element's own key.
 * NextFlag: go on behind it. MatchFunction says STATUS_SUCCESS (give it), STATUS_NO_MATCH (skip it)
 * or STATUS_NO_MORE_MATCHES (end). nf-ntddk-rtlenumerategenerictablelikeadirectory
 */
PVOID NTAPI RtlEnumerateGenericTableLikeADirectory(PRTL_AVL_TABLE Table,
                                                   PRTL_AVL_MATCH_FUNCTION MatchFunction,
                                                   PVOID MatchData, ULONG NextFlag,
                                                   PVOID *RestartKey, PULONG DeleteCount,
                                                   PVOID Buffer)
{
    PRTL_BALANCED_LINKS At = *DeleteCount == Table->DeleteCount ? *RestartKey : NULL;
    TABLE_SEARCH_RESULT Result;

    if (At) {
        if (NextFlag)
            At = Neighbour(Table, At, 1);
    } else {
        Result = Search(Table, Buffer, &At);
        if (Result == TableInsertAsRight || (Result == TableFoundNode && NextFlag))
            At = Neighbour(Table, At, 1);
    }
    for (; At; At = Neighbour(Table, At, 1)) {
        NTSTATUS Status =
            MatchFunction ? MatchFunction(Table, DataOf(At), MatchData) : STATUS_SUCCESS;
        if (Status == STATUS_NO_MORE_MATCHES)
            break;
        if (Status == STATUS_NO_MATCH)
            continue;
        *RestartKey = At;
        *DeleteCount = Table->DeleteCount;
        return DataOf(At);
    }
    return NULL;
}

/* Number I in order, counted from 0; the place is remembered. nf-ntddk-rtlgetelementgenerictableavl
 */
PVOID NTAPI RtlGetElementGenericTableAvl(PRTL_AVL_TABLE Table, ULONG I)
{
    ULONG Wanted = I + 1, At = Table->WhichOrderedElement;
    PRTL_BALANCED_LINKS Node = Table->OrderedPointer;

    if (I >= Table->NumberGenericTableElements)
        return NULL;
    if (!At || (Wanted < At && Wanted <= At / 2)) {
        Node = Extreme(Root(Table), -1);
        At = 1;
    }
    for (; At < Wanted; At++)
        Node = Neighbour(Table, Node, 1);
    for (; At > Wanted; At--)
        Node = Neighbour(Table, Node, -1);
    Table->OrderedPointer = Node;
    Table->WhichOrderedElement = Wanted;
    return DataOf(Node);
}

ULONG NTAPI RtlNumberGenericTableElementsAvl(PRTL_AVL_TABLE Table)
{
    return Table->NumberGenericTableElements;
}

BOOLEAN NTAPI RtlIsGenericTableEmptyAvl(PRTL_AVL_TABLE Table)
{
    return !Table->NumberGenericTableElements;
}

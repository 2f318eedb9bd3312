/* SPDX-License-Identifier: MIT */
/*
 * Objects: headers, types, reference counts, deletion and the walk over what is alive.
 *
 * Counting takes no lock. The last dereference deletes at PASSIVE_LEVEL only, because a file's
 * deletion is an IRP_MJ_CLOSE; above it (or when the caller asks) the body goes to a list that a
 * worker empties.
 */
#include "ob/ob.h"

#include <stdlib.h>
#include <string.h>

bool ObxTracking;

static KEX_LOCK TypeListLock = KEX_LOCK_INIT(KEX_RANK_OB, "object types");
static KEX_LOCK HolderLock = KEX_LOCK_INIT(KEX_RANK_EX, "object holders");
static OBX_TYPE *FirstType;
static ULONG TypeCount;

/* Pushed without a lock by dereferences at any IRQL up to DISPATCH_LEVEL; taken whole by the
 * worker. */
static OBX_HEADER *Deferred;
static WORK_QUEUE_ITEM DeferredItem;

void ObxRegisterType(OBX_TYPE *Type)
{
    KexLockAcquire(&TypeListLock);
    if (!Type->Index) {
        KexLockInit(&Type->Lock, KEX_RANK_OB, Type->Label);
        InitializeListHead(&Type->Objects);
        for (size_t i = 0; Type->Label[i] && i < RTL_NUMBER_OF(Type->WideName) - 1; i++)
            Type->WideName[i] = (UCHAR)Type->Label[i];
        Type->Next = FirstType;
        FirstType = Type;
        /* Index 1 is the type of types on Windows; ours start behind it. */
        Type->Index = ++TypeCount + 1;
    }
    KexLockRelease(&TypeListLock);
}

void ObxInitializeObject(OBX_TYPE *Type, OBX_HEADER *Header, const void *Caller)
{
    memset(Header, 0, sizeof *Header);
    Header->Signature = OBX_SIGNATURE;
    Header->Type = Type;
    Header->References = 1;
    Header->Creator = Caller;
    KexLockAcquire(&Type->Lock);
    InsertTailList(&Type->Objects, &Header->Link);
    Type->Live++;
    KexLockRelease(&Type->Lock);
}

NTSTATUS ObxCreateObject(OBX_TYPE *Type, size_t Size, const void *Caller, PVOID *Body)
{
    OBX_HEADER *Header = calloc(1, sizeof(OBX_HEADER) + Size);

    if (!Header)
        return STATUS_INSUFFICIENT_RESOURCES;
    ObxInitializeObject(Type, Header, Caller ? Caller : __builtin_return_address(0));
    *Body = OBX_BODY_OF(Header);
    return STATUS_SUCCESS;
}

bool ObxIsObject(const void *Body)
{
    return Body && !((uintptr_t)Body & 15) && OBX_HEADER_OF(Body)->Signature == OBX_SIGNATURE;
}

/* ---- reference tracing ----------------------------------------------------------------------- */

void ObxTrack(PVOID Body, const void *Caller, LONG Delta)
{
    OBX_HEADER *Header = OBX_HEADER_OF(Body);
    OBX_HOLDER *Holder;

    KexLockAcquire(&HolderLock);
    for (Holder = Header->Holders; Holder; Holder = Holder->Next)
        if (Holder->Caller == Caller)
            break;
    if (!Holder) {
        Holder = calloc(1, sizeof *Holder);
        if (Holder) {
            Holder->Caller = Caller;
            Holder->Next = Header->Holders;
            Header->Holders = Holder;
        }
    }
    if (Holder)
        Holder->Taken += Delta;
    KexLockRelease(&HolderLock);
}

/* ---- deletion -------------------------------------------------------------------------------- */

static void DeleteObject(OBX_HEADER *Header)
{
    OBX_TYPE *Type = Header->Type;
    PVOID Body = OBX_BODY_OF(Header);
    ULONG Flags = Header->Flags;

    if (Header->Name)
        ObxRemoveName(Body);
    KexLockAcquire(&Type->Lock);
    RemoveEntryList(&Header->Link);
    Type->Live--;
    KexLockRelease(&Type->Lock);
    while (Header->Holders) {
        OBX_HOLDER *Next = Header->Holders->Next;
        free(Header->Holders);
        Header->Holders = Next;
    }
    Header->Signature = OBX_DEAD;
    if (Type->Delete)
        Type->Delete(Body);
    if (!(Flags & OBX_FOREIGN_MEMORY))
        free(Header);
}

void ObxDrainDeferred(void)
{
    OBX_HEADER *Header;

    while ((Header = __atomic_exchange_n(&Deferred, NULL, __ATOMIC_ACQUIRE)) != NULL) {
        while (Header) {
            OBX_HEADER *Next = Header->NextDeferred;
            DeleteObject(Header);
            Header = Next;
        }
    }
}

static void NTAPI DeferredWorker(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    ObxDrainDeferred();
}

static void DeferDeletion(OBX_HEADER *Header)
{
    OBX_HEADER *Old = __atomic_load_n(&Deferred, __ATOMIC_RELAXED);

    do {
        Header->NextDeferred = Old;
    } while (!__atomic_compare_exchange_n(&Deferred, &Old, Header, true, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
    /* The one who finds the list empty wakes the worker; the worker empties all of it before it
     * looks again. */
    if (!Old)
        ExQueueWorkItem(&DeferredItem, DelayedWorkQueue);
}

/* ---- reference counts ------------------------------------------------------------------------ */

static void CheckLive(PVOID Object, const void *Caller, const char *What)
{
    if (OBX_HEADER_OF(Object)->Signature != OBX_SIGNATURE)
        KeBugCheckEx(REFERENCE_BY_POINTER, 0, (ULONG_PTR)Object, (ULONG_PTR)Caller,
                     (ULONG_PTR)What);
}

static LONG_PTR Reference(PVOID Object, const void *Caller)
{
    OBX_HEADER *Header = OBX_HEADER_OF(Object);
    LONGLONG Now;

    CheckLive(Object, Caller, "reference");
    Now = __atomic_add_fetch(&Header->References, 1, __ATOMIC_RELAXED);
    if (Now <= 1) {
        /* It was being deleted: whoever holds this pointer holds it without a reference. */
        KexFinding("OBM-001", "verifier", Caller,
                   "a %s object was referenced after its last reference was given back",
                   Header->Type->Label);
        KeBugCheckEx(REFERENCE_BY_POINTER, (ULONG_PTR)Header->Type, (ULONG_PTR)Object, 2,
                     (ULONG_PTR)Now);
    }
    if (ObxTracking)
        ObxTrack(Object, Caller, 1);
    return (LONG_PTR)Now;
}

static LONG_PTR Dereference(PVOID Object, const void *Caller, bool Defer)
{
    OBX_HEADER *Header = OBX_HEADER_OF(Object);
    LONGLONG Now;

    CheckLive(Object, Caller, "dereference");
    if (ObxTracking)
        ObxTrack(Object, Caller, -1);
    Now = __atomic_sub_fetch(&Header->References, 1, __ATOMIC_ACQ_REL);
    if (Now > 0)
        return (LONG_PTR)Now;
    if (Now < 0 || Header->Handles) {
        KexFinding(
            "OBM-001", "verifier", Caller,
            "a %s object was dereferenced more often than it was referenced (%d handles are open)",
            Header->Type->Label, Header->Handles);
        KeBugCheckEx(REFERENCE_BY_POINTER, (ULONG_PTR)Header->Type, (ULONG_PTR)Object,
                     Header->Handles ? 3 : 1, (ULONG_PTR)Now);
    }
    if (Defer || KeGetCurrentIrql() > PASSIVE_LEVEL)
        DeferDeletion(Header);
    else
        DeleteObject(Header);
    return 0;
}

bool ObxReferenceIfAlive(PVOID Body)
{
    OBX_HEADER *Header = OBX_HEADER_OF(Body);
    LONGLONG Old = __atomic_load_n(&Header->References, __ATOMIC_RELAXED);

    do {
        if (Old <= 0)
            return false;
    } while (!__atomic_compare_exchange_n(&Header->References, &Old, Old + 1, true,
                                          __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    return true;
}

/*
 * Takes one reference. Any IRQL up to DISPATCH_LEVEL. The caller must already own one or be
 * protected by who does. Returns the new count, for diagnosis only (nf-wdm-obfreferenceobject).
 */
LONG_PTR NTAPI ObfReferenceObject(PVOID Object)
{
    return Reference(Object, __builtin_return_address(0));
}

LONG_PTR NTAPI ObfReferenceObjectWithTag(PVOID Object, ULONG Tag)
{
    UNREFERENCED_PARAMETER(Tag);
    return Reference(Object, __builtin_return_address(0));
}

/*
 * Gives one reference back. IRQL <= DISPATCH_LEVEL; above PASSIVE_LEVEL the deletion is done later
 * by a worker (nf-wdm-obfdereferenceobject). One reference too many is the bug check 0x18 that
 * Windows raises.
 */
LONG_PTR NTAPI ObfDereferenceObject(PVOID Object)
{
    return Dereference(Object, __builtin_return_address(0), false);
}

/* On Windows a macro; the host has it as a routine so that the caller's address stays its caller's.
 */
LONG_PTR NTAPI ObDereferenceObject(PVOID Object)
{
    return Dereference(Object, __builtin_return_address(0), false);
}

LONG_PTR NTAPI ObfDereferenceObjectWithTag(PVOID Object, ULONG Tag)
{
    UNREFERENCED_PARAMETER(Tag);
    return Dereference(Object, __builtin_return_address(0), false);
}

/* As ObDereferenceObject, but the deletion never runs in the caller's context: for callers that
 * hold a lock which the object's deletion may take (nf-ntifs-obdereferenceobjectdeferdelete). IRQL
 * <= DISPATCH_LEVEL. */
VOID NTAPI ObDereferenceObjectDeferDelete(PVOID Object)
{
    Dereference(Object, __builtin_return_address(0), true);
}

VOID NTAPI ObDereferenceObjectDeferDeleteWithTag(PVOID Object, ULONG Tag)
{
    UNREFERENCED_PARAMETER(Tag);
    Dereference(Object, __builtin_return_address(0), true);
}

/* Takes a reference only when the object is not on its way out (nf-ntifs-obreferenceobjectsafe).
 * Any IRQL up to DISPATCH_LEVEL. FALSE: it is. */
BOOLEAN NTAPI ObReferenceObjectSafe(PVOID Object)
{
    return ObxReferenceIfAlive(Object);
}

static NTSTATUS ReferenceByPointer(PVOID Object, POBJECT_TYPE Type, KPROCESSOR_MODE Mode,
                                   const void *Caller)
{
    OBX_TYPE *Own = ObxTypeOf(Object);

    /* A symbolic link may be referenced without naming its type, whatever the mode. */
    if (Own != Type && (Mode != KernelMode || Own == &ObxSymbolicLinkType))
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (Type && Own != Type)
        return STATUS_OBJECT_TYPE_MISMATCH;
    Reference(Object, Caller);
    return STATUS_SUCCESS;
}

/*
 * Takes a reference after a look at the type. DesiredAccess is not checked: a pointer carries no
 * rights (nf-wdm-obreferenceobjectbypointer). IRQL <= DISPATCH_LEVEL. STATUS_OBJECT_TYPE_MISMATCH.
 */
NTSTATUS NTAPI ObReferenceObjectByPointer(PVOID Object, ACCESS_MASK DesiredAccess,
                                          POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode)
{
    UNREFERENCED_PARAMETER(DesiredAccess);
    return ReferenceByPointer(Object, ObjectType, AccessMode, __builtin_return_address(0));
}

NTSTATUS NTAPI ObReferenceObjectByPointerWithTag(PVOID Object, ACCESS_MASK DesiredAccess,
                                                 POBJECT_TYPE ObjectType,
                                                 KPROCESSOR_MODE AccessMode, ULONG Tag)
{
    UNREFERENCED_PARAMETER(DesiredAccess);
    UNREFERENCED_PARAMETER(Tag);
    return ReferenceByPointer(Object, ObjectType, AccessMode, __builtin_return_address(0));
}

/* Exported without documentation; returns the type as *XxType exports name it. */
POBJECT_TYPE NTAPI ObGetObjectType(PVOID Object)
{
    return ObxTypeOf(Object);
}

/*
 * Keeps an object alive without a handle being open: a permanent object stays in its directory.
 * ObMakeTemporaryObject undoes it (nf-wdm-obmaketemporaryobject is the documented half:
 * PASSIVE_LEVEL).
 */
VOID NTAPI ObMakeTemporaryObject(PVOID Object)
{
    OBX_HEADER *Header = OBX_HEADER_OF(Object);

    Header->Flags &= ~(ULONG)OBX_PERMANENT;
    if (!Header->Handles && Header->Name)
        ObxRemoveName(Object);
}

/* ---- what is alive --------------------------------------------------------------------------- */

static void VisitType(OBX_TYPE *Type, void (*fn)(const OBX_LIVE *, void *), void *Context)
{
    OBX_HEADER **Found;
    size_t Count = 0, Room;

    KexLockAcquire(&Type->Lock);
    Room = Type->Live;
    Found = calloc(Room ? Room : 1, sizeof *Found);
    for (PLIST_ENTRY Entry = Type->Objects.Flink; Found && Entry != &Type->Objects;
         Entry = Entry->Flink) {
        OBX_HEADER *Header = CONTAINING_RECORD(Entry, OBX_HEADER, Link);
        if (Count < Room && ObxReferenceIfAlive(OBX_BODY_OF(Header)))
            Found[Count++] = Header;
    }
    KexLockRelease(&Type->Lock);
    for (size_t i = 0; i < Count; i++) {
        OBX_HEADER *Header = Found[i];
        OBX_LIVE Live = {OBX_BODY_OF(Header), Type->Label,     Header->References - 1,
                         Header->Handles,     Header->Creator, Header->Holders};

        fn(&Live, Context);
        Dereference(Live.Body, __builtin_return_address(0), false);
    }
    free(Found);
}

void ObxForEachObject(OBX_TYPE *Type, void (*fn)(const OBX_LIVE *Live, void *Context),
                      void *Context)
{
    if (Type) {
        VisitType(Type, fn, Context);
        return;
    }
    for (Type = FirstType; Type; Type = Type->Next)
        VisitType(Type, fn, Context);
}

NTSTATUS ObxStart(void)
{
    UNICODE_STRING Name;
    PVOID Directory;
    NTSTATUS Status;
    static const WCHAR *const Directories[] = {L"\\",
                                               L"\\Device",
                                               L"\\Driver",
                                               L"\\FileSystem",
                                               L"\\FileSystem\\Filters",
                                               L"\\GLOBAL??",
                                               L"\\ObjectTypes",
                                               L"\\BaseNamedObjects",
                                               L"\\Callback",
                                               L"\\KernelObjects",
                                               L"\\Security",
                                               L"\\Windows"};
    static const struct {
        const WCHAR *Name, *Target;
    } Links[] = {
        {L"\\??", L"\\GLOBAL??"}, {L"\\DosDevices", L"\\??"}, {L"\\GLOBAL??\\GLOBALROOT", L""}};

    ObxRegisterType(&ObxDirectoryType);
    ObxRegisterType(&ObxSymbolicLinkType);
    ExInitializeWorkItem(&DeferredItem, DeferredWorker, NULL);
    for (size_t i = 0; i < RTL_NUMBER_OF(Directories); i++) {
        RtlInitUnicodeString(&Name, Directories[i]);
        Status = ObxCreateDirectory(&Name, &Directory);
        if (!NT_SUCCESS(Status))
            return Status;
        OBX_HEADER_OF(Directory)->Flags |= OBX_PERMANENT;
    }
    for (size_t i = 0; i < RTL_NUMBER_OF(Links); i++) {
        UNICODE_STRING Target;

        RtlInitUnicodeString(&Name, Links[i].Name);
        RtlInitUnicodeString(&Target, Links[i].Target);
        Status = ObxCreateSymbolicLink(&Name, &Target, &Directory);
        if (!NT_SUCCESS(Status))
            return Status;
        OBX_HEADER_OF(Directory)->Flags |= OBX_PERMANENT;
    }
    return STATUS_SUCCESS;
}

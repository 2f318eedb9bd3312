/* SPDX-License-Identifier: MIT */
/*
 * Handles: one table a process, the System process's table being the kernel's. A handle value is
 * the index times four, as on Windows; the two low bits are the owner's to play with. Closing never
 * runs a type's callback under the lock.
 */
#include "ob/ob.h"
#include "mm/mm.h"
#include "ps/ps.h"

#include <stdlib.h>
#include <string.h>

typedef struct _ENTRY {
    OBX_HEADER *Object; /* NULL: free */
    ACCESS_MASK Access;
    ULONG Attributes; /* OBJ_INHERIT, protect from close */
    const void *Creator;
    ULONG NextFree;
} ENTRY;

#define PROTECT_FROM_CLOSE 1u

struct _OBX_HANDLE_TABLE {
    KEX_LOCK Lock; /* guards everything below */
    PEPROCESS Process;
    ENTRY *Entries; /* index 0 is never used: a handle is not NULL */
    ULONG Size, FirstFree, Used;
    OBX_HANDLE_TABLE *Next;
};

static KEX_LOCK TablesLock = KEX_LOCK_INIT(KEX_RANK_OB, "handle tables");
static OBX_HANDLE_TABLE *Tables;

#define FIRST_SIZE 64u

OBX_HANDLE_TABLE *ObxCreateHandleTable(PEPROCESS Process)
{
    OBX_HANDLE_TABLE *Table = calloc(1, sizeof *Table);

    if (!Table)
        return NULL;
    KexLockInit(&Table->Lock, KEX_RANK_OB, "handle table");
    Table->Process = Process;
    KexLockAcquire(&TablesLock);
    Table->Next = Tables;
    Tables = Table;
    KexLockRelease(&TablesLock);
    return Table;
}

/* Grows the table so that a free entry exists. Called with the lock held. */
static bool EnsureFree(OBX_HANDLE_TABLE *Table)
{
    ULONG Size = Table->Size ? Table->Size * 2 : FIRST_SIZE;
    ENTRY *Entries;

    if (Table->FirstFree)
        return true;
    Entries = realloc(Table->Entries, Size * sizeof *Entries);
    if (!Entries)
        return false;
    Table->Entries = Entries;
    memset(Entries + Table->Size, 0, (Size - Table->Size) * sizeof *Entries);
    /* Lowest index first, as NT hands them out in a fresh table. */
    for (ULONG i = Size - 1; i >= (Table->Size ? Table->Size : 1); i--) {
        Entries[i].NextFree = Table->FirstFree;
        Table->FirstFree = i;
    }
    Table->Size = Size;
    return true;
}

static NTSTATUS Insert(OBX_HANDLE_TABLE *Table, OBX_HEADER *Header, ACCESS_MASK Access,
                       ULONG Attributes, const void *Creator, ULONG *Index)
{
    KexLockAcquire(&Table->Lock);
    if (!EnsureFree(Table)) {
        KexLockRelease(&Table->Lock);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *Index = Table->FirstFree;
    ENTRY *Entry = &Table->Entries[*Index];
    Table->FirstFree = Entry->NextFree;
    Entry->Object = Header;
    Entry->Access = Access;
    Entry->Attributes = Attributes;
    Entry->Creator = Creator;
    Table->Used++;
    KexLockRelease(&Table->Lock);
    return STATUS_SUCCESS;
}

static NTSTATUS InsertFor(PEPROCESS Process, PVOID Body, ACCESS_MASK Access, ULONG Attributes,
                          const void *Creator, PHANDLE Handle)
{
    OBX_HEADER *Header = OBX_HEADER_OF(Body);
    bool Kernel = (Attributes & OBJ_KERNEL_HANDLE) != 0;
    OBX_HANDLE_TABLE *Table;
    NTSTATUS Status;
    ULONG Index;

    if (Kernel)
        Process = PsInitialSystemProcess;
    Table = PsxHandleTable(Process);
    if (!Table)
        return STATUS_PROCESS_IS_TERMINATING;
    ObfReferenceObject(Body);
    __atomic_fetch_add(&Header->Handles, 1, __ATOMIC_ACQ_REL);
    __atomic_fetch_add(&Header->Type->Handles, 1, __ATOMIC_RELAXED);
    Status = Insert(Table, Header, Access, Attributes & OBJ_INHERIT, Creator, &Index);
    if (!NT_SUCCESS(Status)) {
        __atomic_fetch_sub(&Header->Type->Handles, 1, __ATOMIC_RELAXED);
        __atomic_fetch_sub(&Header->Handles, 1, __ATOMIC_ACQ_REL);
        ObDereferenceObject(Body);
        return Status;
    }
    *Handle = (HANDLE)((ULONG_PTR)Index * 4 | (Kernel ? OBX_KERNEL_HANDLE_BIT : 0));
    return STATUS_SUCCESS;
}

NTSTATUS ObxInsertHandle(PEPROCESS Process, PVOID Body, ACCESS_MASK Access, ULONG Attributes,
                         PHANDLE Handle)
{
    return InsertFor(Process ? Process : PsGetCurrentProcess(), Body, Access, Attributes,
                     __builtin_return_address(0), Handle);
}

NTSTATUS ObxInsertHandleBy(PEPROCESS Process, PVOID Body, ACCESS_MASK Access, ULONG Attributes,
                           const void *Creator, PHANDLE Handle)
{
    return InsertFor(Process ? Process : PsGetCurrentProcess(), Body, Access, Attributes, Creator,
                     Handle);
}

/* Table and index of a handle value as this mode may use it, or NULL. */
static OBX_HANDLE_TABLE *TableOf(HANDLE Handle, KPROCESSOR_MODE Mode, ULONG *Index)
{
    ULONG_PTR Value = (ULONG_PTR)Handle;
    PEPROCESS Process;

    if (ObxIsKernelHandle(Handle)) {
        if (Mode != KernelMode)
            return NULL;
        Value &= ~OBX_KERNEL_HANDLE_BIT;
        Process = PsInitialSystemProcess;
    } else {
        Process = PsGetCurrentProcess();
    }
    if (Value >> 2 > MAXULONG || !(Value >> 2))
        return NULL;
    *Index = (ULONG)(Value >> 2);
    return PsxHandleTable(Process);
}

/* Copies the entry and references its object; FALSE when the handle is not open. */
static bool LookUp(HANDLE Handle, KPROCESSOR_MODE Mode, ENTRY *Copy)
{
    ULONG Index;
    OBX_HANDLE_TABLE *Table = TableOf(Handle, Mode, &Index);
    bool Found = false;

    if (!Table)
        return false;
    KexLockAcquire(&Table->Lock);
    if (Index < Table->Size && Table->Entries[Index].Object) {
        *Copy = Table->Entries[Index];
        ObfReferenceObject(OBX_BODY_OF(Copy->Object));
        Found = true;
    }
    KexLockRelease(&Table->Lock);
    return Found;
}

static NTSTATUS ReferencePseudo(PVOID Object, OBX_TYPE *Type, PVOID *Body,
                                POBJECT_HANDLE_INFORMATION Information)
{
    if (Type && ObxTypeOf(Object) != Type)
        return STATUS_OBJECT_TYPE_MISMATCH;
    ObfReferenceObject(Object);
    *Body = Object;
    if (Information)
        *Information = (OBJECT_HANDLE_INFORMATION){0, ObxTypeOf(Object)->ValidAccess};
    return STATUS_SUCCESS;
}

NTSTATUS ObxReferenceHandle(HANDLE Handle, ACCESS_MASK Access, OBX_TYPE *Type, KPROCESSOR_MODE Mode,
                            PVOID *Body, POBJECT_HANDLE_INFORMATION Information)
{
    NTSTATUS Status = STATUS_SUCCESS;
    ENTRY Entry;

    *Body = NULL;
    /* The pseudo handles of the process and the thread; no other type may be asked for with them.
     */
    if (Handle == NtCurrentProcess() || Handle == NtCurrentThread()) {
        bool Process = Handle == NtCurrentProcess();
        PVOID Object = Process ? (PVOID)PsGetCurrentProcess() : (PVOID)PsGetCurrentThread();
        return ReferencePseudo(Object, Type, Body, Information);
    }
    if (!LookUp(Handle, Mode, &Entry))
        return STATUS_INVALID_HANDLE;
    if (Type && Entry.Object->Type != Type)
        Status = STATUS_OBJECT_TYPE_MISMATCH;
    else if (Mode != KernelMode && (Access & ~Entry.Access))
        Status = STATUS_ACCESS_DENIED;
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(OBX_BODY_OF(Entry.Object));
        return Status;
    }
    *Body = OBX_BODY_OF(Entry.Object);
    if (Information)
        *Information = (OBJECT_HANDLE_INFORMATION){Entry.Attributes & OBJ_INHERIT, Entry.Access};
    return STATUS_SUCCESS;
}

/* The bookkeeping behind a closed entry: the type hears of it, a name without handles goes. Drops
 * the reference. */
static void AfterClose(PEPROCESS Process, OBX_HEADER *Header, ACCESS_MASK Access)
{
    PVOID Body = OBX_BODY_OF(Header);
    LONG Before = __atomic_fetch_sub(&Header->Handles, 1, __ATOMIC_ACQ_REL);

    __atomic_fetch_sub(&Header->Type->Handles, 1, __ATOMIC_RELAXED);
    if (Header->Type->Close)
        Header->Type->Close(Process, Body, Access, Before, Before);
    if (Before == 1 && Header->Name && !(Header->Flags & OBX_PERMANENT))
        ObxRemoveName(Body);
    ObDereferenceObject(Body);
}

NTSTATUS ObxCloseHandle(HANDLE Handle, KPROCESSOR_MODE Mode, const void *Caller)
{
    OBX_HANDLE_TABLE *Table;
    NTSTATUS Status = STATUS_INVALID_HANDLE;
    ENTRY Entry = {0};
    ULONG Index = 0;

    if (Handle == NtCurrentProcess() || Handle == NtCurrentThread())
        return STATUS_SUCCESS;
    Table = TableOf(Handle, Mode, &Index);
    if (Table) {
        KexLockAcquire(&Table->Lock);
        if (Index < Table->Size && Table->Entries[Index].Object) {
            Entry = Table->Entries[Index];
            Status =
                Entry.Attributes & PROTECT_FROM_CLOSE ? STATUS_HANDLE_NOT_CLOSABLE : STATUS_SUCCESS;
        }
        if (NT_SUCCESS(Status)) {
            /* A freed value goes to the front: the next open gets it again, as on Windows. */
            Table->Entries[Index] = (ENTRY){.NextFree = Table->FirstFree};
            Table->FirstFree = Index;
            Table->Used--;
        }
        KexLockRelease(&Table->Lock);
    }
    if (NT_SUCCESS(Status))
        AfterClose(Table->Process, Entry.Object, Entry.Access);
    else if (Mode == KernelMode && Handle)
        KexFinding("OBM-003", "verifier", Caller,
                   "handle %p was closed, but it is not open in this process", Handle);
    return Status;
}

void ObxDeleteHandleTable(OBX_HANDLE_TABLE *Table)
{
    OBX_HANDLE_TABLE **Link;

    for (ULONG i = 1; i < Table->Size; i++) {
        ENTRY Entry;

        KexLockAcquire(&Table->Lock);
        Entry = Table->Entries[i];
        if (Entry.Object) {
            Table->Entries[i].Object = NULL;
            Table->Used--;
        }
        KexLockRelease(&Table->Lock);
        if (Entry.Object)
            AfterClose(Table->Process, Entry.Object, Entry.Access);
    }
    KexLockAcquire(&TablesLock);
    for (Link = &Tables; *Link && *Link != Table; Link = &(*Link)->Next)
        ;
    if (*Link)
        *Link = Table->Next;
    KexLockRelease(&TablesLock);
    free(Table->Entries);
    free(Table);
}

ULONG ObxHandleCount(PEPROCESS Process)
{
    OBX_HANDLE_TABLE *Table = PsxHandleTable(Process);

    return Table ? Table->Used : 0;
}

/* One table's open entries, each object referenced, so that fn runs without a lock. */
static void VisitTable(OBX_HANDLE_TABLE *Table, void (*fn)(const OBX_OPEN_HANDLE *, void *),
                       void *Context)
{
    for (ULONG i = 1;; i++) {
        OBX_OPEN_HANDLE Open = {0};
        bool End;

        KexLockAcquire(&Table->Lock);
        End = i >= Table->Size;
        if (!End && Table->Entries[i].Object) {
            ENTRY *Entry = &Table->Entries[i];

            Open = (OBX_OPEN_HANDLE){Table->Process,
                                     (HANDLE)((ULONG_PTR)i * 4),
                                     OBX_BODY_OF(Entry->Object),
                                     Entry->Object->Type->Label,
                                     Entry->Access,
                                     Entry->Creator};
            ObfReferenceObject(Open.Body);
        }
        KexLockRelease(&Table->Lock);
        if (End)
            return;
        if (!Open.Body)
            continue;
        fn(&Open, Context);
        ObDereferenceObject(Open.Body);
    }
}

void ObxForEachOpenHandle(void (*fn)(const OBX_OPEN_HANDLE *Open, void *Context), void *Context)
{
    /* Tables leave the list only at process deletion, which teardown does after it has looked. */
    for (OBX_HANDLE_TABLE *Table = Tables; Table; Table = Table->Next)
        VisitTable(Table, fn, Context);
}

/* ---- documented routines --------------------------------------------------------------------- */

/*
 * Object of a handle, with a reference for the caller. PASSIVE_LEVEL. Rights are compared only for
 * UserMode (nf-wdm-obreferenceobjectbyhandle). STATUS_INVALID_HANDLE, STATUS_OBJECT_TYPE_MISMATCH,
 * STATUS_ACCESS_DENIED.
 */
NTSTATUS NTAPI ObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess,
                                         POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode,
                                         PVOID *Object,
                                         POBJECT_HANDLE_INFORMATION HandleInformation)
{
    return ObxReferenceHandle(Handle, DesiredAccess, ObjectType, AccessMode, Object,
                              HandleInformation);
}

NTSTATUS NTAPI ObReferenceObjectByHandleWithTag(HANDLE Handle, ACCESS_MASK DesiredAccess,
                                                POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode,
                                                ULONG Tag, PVOID *Object,
                                                POBJECT_HANDLE_INFORMATION HandleInformation)
{
    UNREFERENCED_PARAMETER(Tag);
    return ObxReferenceHandle(Handle, DesiredAccess, ObjectType, AccessMode, Object,
                              HandleInformation);
}

/* Closes a handle as PreviousMode may; PASSIVE_LEVEL (nf-ntifs-obclosehandle).
 * STATUS_INVALID_HANDLE. */
NTSTATUS NTAPI ObCloseHandle(HANDLE Handle, KPROCESSOR_MODE PreviousMode)
{
    return ObxCloseHandle(Handle, PreviousMode, __builtin_return_address(0));
}

/* The value names an entry of the kernel's table (nf-ntifs-obiskernelhandle). Any IRQL. */
BOOLEAN NTAPI ObIsKernelHandle(HANDLE Handle)
{
    return ObxIsKernelHandle(Handle);
}

/*
 * A new handle to an object the caller holds by pointer. PASSIVE_LEVEL. With UserMode the caller's
 * rights decide; a kernel-mode request gets what it asks for (nf-ntifs-obopenobjectbypointer).
 * STATUS_OBJECT_TYPE_MISMATCH.
 */
NTSTATUS NTAPI ObOpenObjectByPointer(PVOID Object, ULONG HandleAttributes,
                                     PACCESS_STATE PassedAccessState, ACCESS_MASK DesiredAccess,
                                     POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode,
                                     PHANDLE Handle)
{
    OBX_TYPE *Type = ObxTypeOf(Object);
    OBX_ACCESS Access;
    NTSTATUS Status;

    *Handle = NULL;
    if (ObjectType && ObjectType != Type)
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (HandleAttributes & ~OBJ_VALID_ATTRIBUTES)
        return STATUS_INVALID_PARAMETER;
    if (!PassedAccessState) {
        ObxBeginAccess(&Access, DesiredAccess, &Type->Mapping);
        PassedAccessState = &Access.State;
    }
    Status = InsertFor(PsGetCurrentProcess(), Object,
                       ObxGrantedAccess(PassedAccessState, Type, AccessMode), HandleAttributes,
                       __builtin_return_address(0), Handle);
    if (PassedAccessState == &Access.State)
        ObxEndAccess(&Access);
    return Status;
}

/*
 * Opens a named object of the object manager's directories and returns a handle. Exported without
 * documentation. PASSIVE_LEVEL.
 */
NTSTATUS NTAPI ObOpenObjectByName(POBJECT_ATTRIBUTES ObjectAttributes, POBJECT_TYPE ObjectType,
                                  KPROCESSOR_MODE AccessMode, PACCESS_STATE AccessState,
                                  ACCESS_MASK DesiredAccess, PVOID ParseContext, PHANDLE Handle)
{
    static const GENERIC_MAPPING Any = {0};
    OBX_OPEN Open = {.Mode = AccessMode, .Type = ObjectType, .Context = ParseContext};
    OBX_ATTRIBUTES Attributes;
    OBX_ACCESS Access;
    PVOID Body;
    NTSTATUS Status;

    *Handle = NULL;
    Status = ObxCaptureAttributes(ObjectAttributes, AccessMode, &Attributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Open.Attributes = Attributes.Attributes;
    if (!AccessState) {
        ObxBeginAccess(&Access, DesiredAccess, ObjectType ? &ObjectType->Mapping : &Any);
        AccessState = &Access.State;
    }
    Open.AccessState = AccessState;
    if (Attributes.Root)
        Status = ObxReferenceHandle(Attributes.Root, 0, NULL, AccessMode, &Open.Root, NULL);
    if (NT_SUCCESS(Status))
        Status = ObxOpenName(&Open, &Attributes.Name, &Body);
    if (NT_SUCCESS(Status)) {
        Status = InsertFor(PsGetCurrentProcess(), Body,
                           ObxGrantedAccess(AccessState, ObxTypeOf(Body), AccessMode),
                           Attributes.Attributes, __builtin_return_address(0), Handle);
        ObDereferenceObject(Body);
    }
    if (Open.Root)
        ObDereferenceObject(Open.Root);
    if (AccessState == &Access.State)
        ObxEndAccess(&Access);
    ObxReleaseAttributes(&Attributes);
    return Status;
}

/*
 * Object of a name, with a reference. Exported without documentation; drivers use it to find driver
 * and device objects. PASSIVE_LEVEL. STATUS_OBJECT_NAME_NOT_FOUND, STATUS_OBJECT_TYPE_MISMATCH.
 */
NTSTATUS NTAPI ObReferenceObjectByName(PUNICODE_STRING ObjectName, ULONG Attributes,
                                       PACCESS_STATE AccessState, ACCESS_MASK DesiredAccess,
                                       POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode,
                                       PVOID ParseContext, PVOID *Object)
{
    OBX_OPEN Open = {.Attributes = Attributes,
                     .Mode = AccessMode,
                     .Type = ObjectType,
                     .AccessState = AccessState,
                     .Context = ParseContext};

    UNREFERENCED_PARAMETER(DesiredAccess);
    return ObxOpenName(&Open, ObjectName, Object);
}

/*
 * Copies a handle between two processes. Options and statuses as NtDuplicateObject; the processes
 * are held by the caller. PASSIVE_LEVEL. Exported without documentation.
 */
NTSTATUS NTAPI ObDuplicateObject(PEPROCESS SourceProcess, HANDLE SourceHandle,
                                 PEPROCESS TargetProcess, PHANDLE TargetHandle,
                                 ACCESS_MASK DesiredAccess, ULONG HandleAttributes, ULONG Options,
                                 KPROCESSOR_MODE PreviousMode)
{
    OBJECT_HANDLE_INFORMATION Information;
    KAPC_STATE State;
    NTSTATUS Status;
    PVOID Body;

    if (TargetHandle)
        *TargetHandle = NULL;
    KeStackAttachProcess((PRKPROCESS)SourceProcess, &State);
    Status = ObxReferenceHandle(SourceHandle, 0, NULL, PreviousMode, &Body, &Information);
    if (Options & DUPLICATE_CLOSE_SOURCE)
        ObxCloseHandle(SourceHandle, PreviousMode, __builtin_return_address(0));
    KeUnstackDetachProcess(&State);
    if (!NT_SUCCESS(Status) || !TargetProcess) {
        if (NT_SUCCESS(Status))
            ObDereferenceObject(Body);
        return Status;
    }
    if (Options & DUPLICATE_SAME_ACCESS)
        DesiredAccess = Information.GrantedAccess;
    else
        RtlMapGenericMask(&DesiredAccess, &ObxTypeOf(Body)->Mapping);
    if (Options & DUPLICATE_SAME_ATTRIBUTES)
        HandleAttributes = Information.HandleAttributes | (HandleAttributes & OBJ_KERNEL_HANDLE);
    /* More rights than the source has would need an access check of the object itself. */
    if (PreviousMode != KernelMode && (DesiredAccess & ~Information.GrantedAccess))
        Status = STATUS_ACCESS_DENIED;
    else
        Status = InsertFor(TargetProcess, Body, DesiredAccess & ObxTypeOf(Body)->ValidAccess,
                           HandleAttributes, __builtin_return_address(0), TargetHandle);
    ObDereferenceObject(Body);
    return Status;
}

/* Inherit and protect-from-close bits of an open handle. Exported without a public page.
 * PASSIVE_LEVEL. STATUS_INVALID_HANDLE. */
NTSTATUS NTAPI ObSetHandleAttributes(HANDLE Handle, PVOID HandleFlags, KPROCESSOR_MODE PreviousMode)
{
    const struct {
        BOOLEAN Inherit, ProtectFromClose;
    } *Flags = HandleFlags; /* OBJECT_HANDLE_FLAG_INFORMATION */
    ULONG Index;
    OBX_HANDLE_TABLE *Table = TableOf(Handle, PreviousMode, &Index);
    NTSTATUS Status = STATUS_INVALID_HANDLE;

    if (!Table)
        return Status;
    KexLockAcquire(&Table->Lock);
    if (Index < Table->Size && Table->Entries[Index].Object) {
        Table->Entries[Index].Attributes =
            (Flags->Inherit ? OBJ_INHERIT : 0) | (Flags->ProtectFromClose ? PROTECT_FROM_CLOSE : 0);
        Status = STATUS_SUCCESS;
    }
    KexLockRelease(&Table->Lock);
    return Status;
}

/* SPDX-License-Identifier: MIT */
/* Filters: registration, start of filtering, end. */
#include "fltx.h"
#include "routine_lookup.h"

KEX_LOCK FltxLock = KEX_LOCK_INIT(KEX_RANK_FLT, "flt objects");
LIST_ENTRY FltxFilters = {&FltxFilters, &FltxFilters}, FltxVolumes = {&FltxVolumes, &FltxVolumes};

/* Operation and context arrays come from the driver: bounds that no honest array reaches. */
enum { MOST_OPERATIONS = 256, MOST_CONTEXTS = 64 };

static NTSTATUS CopyOperations(PFLT_FILTER Filter, const FLT_OPERATION_REGISTRATION *Operation,
                               const void *Caller)
{
    ULONG i;

    for (i = 0; Operation && Operation[i].MajorFunction != IRP_MJ_OPERATION_END; i++) {
        UCHAR Major = Operation[i].MajorFunction;
        FLTX_REGISTERED *Slot;

        if (i >= MOST_OPERATIONS || (Major > IRP_MJ_MAXIMUM_FUNCTION &&
                                     Major <= (UCHAR)(0xff - FLT_INTERNAL_OPERATION_COUNT))) {
            KexFinding("REG-002", "verifier", Caller,
                       "the operation array has no IRP_MJ_OPERATION_END or holds major "
                       "function 0x%02x",
                       Major);
            return STATUS_INVALID_PARAMETER;
        }
        if (Major == IRP_MJ_POWER || Major == IRP_MJ_DEVICE_CHANGE ||
            (Major == IRP_MJ_SHUTDOWN && Operation[i].PostOperation)) {
            KexFinding("REG-005", "verifier", Caller,
                       "a callback is registered for major function 0x%02x, which cannot "
                       "have it",
                       Major);
            return STATUS_INVALID_PARAMETER;
        }
        Slot = &Filter->Operation[FltxSlot(Major)];
        if (Slot->Wanted) {
            KexFinding("REG-002", "verifier", Caller,
                       "major function 0x%02x is registered twice; the first counts", Major);
            continue;
        }
        Slot->Pre = Operation[i].PreOperation;
        Slot->Post = Operation[i].PostOperation;
        Slot->Flags = Operation[i].Flags;
        Slot->Wanted = Slot->Pre || Slot->Post;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS CopyContexts(PFLT_FILTER Filter, const FLT_CONTEXT_REGISTRATION *Context,
                             const void *Caller)
{
    ULONG Count = 0;

    if (!Context)
        return STATUS_SUCCESS;
    for (; Context[Count].ContextType != FLT_CONTEXT_END; Count++) {
        const FLT_CONTEXT_REGISTRATION *c = &Context[Count];
        USHORT Type = c->ContextType;

        if (Count >= MOST_CONTEXTS || !Type || (Type & (Type - 1)) || (Type & ~FLT_ALL_CONTEXTS) ||
            (!c->ContextAllocateCallback &&
             (!c->PoolTag || (c->Size > MAXUSHORT && c->Size != FLT_VARIABLE_SIZED_CONTEXTS)))) {
            KexFinding("REG-003", "verifier", Caller,
                       "context registration %u (type 0x%x) is not valid", (unsigned)Count, Type);
            return STATUS_FLT_INVALID_CONTEXT_REGISTRATION;
        }
    }
    Filter->Contexts =
        ExAllocatePoolWithTag(NonPagedPool, (Count + 1) * sizeof(*Context), FLTX_TAG);
    if (!Filter->Contexts)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlCopyMemory(Filter->Contexts, Context, (Count + 1) * sizeof(*Context));
    return STATUS_SUCCESS;
}

/* The registration grew with the versions; only the members the caller's header knew are there. */
static SIZE_T SizeOfVersion(USHORT Version)
{
    switch (Version) {
    case FLT_REGISTRATION_VERSION_0200:
        return FIELD_OFFSET(FLT_REGISTRATION, TransactionNotificationCallback);
    case FLT_REGISTRATION_VERSION_0201:
        return FIELD_OFFSET(FLT_REGISTRATION, NormalizeNameComponentExCallback);
    case FLT_REGISTRATION_VERSION_0202:
        return FIELD_OFFSET(FLT_REGISTRATION, SectionNotificationCallback);
    case FLT_REGISTRATION_VERSION_0203:
        return sizeof(FLT_REGISTRATION);
    default:
        return 0;
    }
}

static NTSTATUS CopyRegistration(PFLT_FILTER Filter, const FLT_REGISTRATION *Registration,
                                 const void *Caller)
{
    SIZE_T Size = SizeOfVersion(Registration->Version);
    NTSTATUS Status;

    if (!Size || Registration->Size < Size) {
        KexFinding("REG-001", "verifier", Caller, "FLT_REGISTRATION has version 0x%x and size %u",
                   Registration->Version, Registration->Size);
        return STATUS_INVALID_PARAMETER;
    }
    RtlCopyMemory(&Filter->Registration, Registration, Size);
    if (!Filter->Registration.GenerateFileNameCallback &&
        (Filter->Registration.NormalizeNameComponentCallback ||
         Filter->Registration.NormalizeNameComponentExCallback)) {
        KexFinding("REG-008", "verifier", Caller,
                   "a normalize callback is registered without a generate callback");
        return STATUS_INVALID_PARAMETER;
    }
    Status = CopyOperations(Filter, Registration->OperationRegistration, Caller);
    return NT_SUCCESS(Status) ? CopyContexts(Filter, Registration->ContextRegistration, Caller)
                              : Status;
}

/* The service's name: of its key when the driver has one, else the last part of the driver object's
 * name. */
static UNICODE_STRING ServiceName(PDRIVER_OBJECT Driver)
{
    UNICODE_STRING Name = Driver->DriverName;
    ULONG i;

    if (Driver->DriverExtension && Driver->DriverExtension->ServiceKeyName.Length)
        Name = Driver->DriverExtension->ServiceKeyName;
    for (i = Name.Length / sizeof(WCHAR); i && Name.Buffer[i - 1] != L'\\'; i--)
        ;
    Name.Buffer += i;
    Name.Length = (USHORT)(Name.Length - i * sizeof(WCHAR));
    return Name;
}

/* The default instance's altitude is the filter's in listings. */
static NTSTATUS ReadAltitude(PFLT_FILTER Filter)
{
    FLTX_INSTANCE_ENTRY *Entries;
    NTSTATUS Status;
    ULONG Count, i;

    Status = FltxReadInstances(Filter, &Entries, &Count);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = STATUS_OBJECT_NAME_NOT_FOUND;
    for (i = 0; i < Count; i++)
        if (Entries[i].Default)
            Status = FltxCopyString(&Filter->Altitude, &Entries[i].Altitude);
    FltxFreeInstanceEntries(Entries, Count);
    return Status;
}

static NTSTATUS BuildFilter(PFLT_FILTER Filter, PDRIVER_OBJECT Driver,
                            const FLT_REGISTRATION *Registration, const void *Caller)
{
    UNICODE_STRING Name = ServiceName(Driver);
    NTSTATUS Status;

    RtlZeroMemory(Filter, sizeof(*Filter));
    FltxObjectInit(&Filter->Object, FLTX_FILTER);
    Filter->Driver = Driver;
    Status = FltxCopyString(&Filter->Name, &Name);
    if (!NT_SUCCESS(Status))
        return Status;
    FltxNarrow(Filter->NameText, sizeof(Filter->NameText), &Filter->Name);
    Status = CopyRegistration(Filter, Registration, Caller);
    return NT_SUCCESS(Status) ? ReadAltitude(Filter) : Status;
}

static PFLT_FILTER FindFilter(PCUNICODE_STRING Name)
{
    PLIST_ENTRY Link;

    for (Link = FltxFilters.Flink; Link != &FltxFilters; Link = Link->Flink) {
        PFLT_FILTER Filter = CONTAINING_RECORD(Link, struct _FLT_FILTER, Link);

        if (RtlEqualUnicodeString(&Filter->Name, Name, TRUE))
            return Filter;
    }
    return NULL;
}

/*
 * Registers a minifilter. IRQL: <= APC_LEVEL (DriverEntry: PASSIVE). Driver is the caller's own
 * driver object; what Registration points to is copied. STATUS_INVALID_PARAMETER for a version or
 * name-provider combination that is not known, STATUS_OBJECT_NAME_NOT_FOUND without a service or
 * Instances key, STATUS_FLT_NOT_INITIALIZED before FltMgr runs (nf-fltkernel-fltregisterfilter).
 * STATUS_OBJECT_NAME_COLLISION when the service registers twice.
 */
NTSTATUS NTAPI FltRegisterFilter(PDRIVER_OBJECT Driver, const FLT_REGISTRATION *Registration,
                                 PFLT_FILTER *RetFilter)
{
    PFLT_FILTER Filter;
    NTSTATUS Status;

    if (!FltxDriver)
        return STATUS_FLT_NOT_INITIALIZED;
    if (!Driver || !Registration || !RetFilter)
        return STATUS_INVALID_PARAMETER;
    Filter = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Filter), FLTX_TAG);
    if (!Filter)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = BuildFilter(Filter, Driver, Registration, __builtin_return_address(0));
    if (NT_SUCCESS(Status)) {
        KexLockAcquire(&FltxLock);
        if (FindFilter(&Filter->Name))
            Status = STATUS_OBJECT_NAME_COLLISION;
        else
            InsertTailList(&FltxFilters, &Filter->Link);
        KexLockRelease(&FltxLock);
    }
    if (!NT_SUCCESS(Status)) {
        FltxDrop(&Filter->Object);
        return Status;
    }
    FltxNoteRegistration();
    *RetFilter = Filter;
    return STATUS_SUCCESS;
}

/* Volumes one after the other, each held while it is used; the list may change in between. */
static PFLT_VOLUME NextVolume(PFLT_VOLUME Previous)
{
    PLIST_ENTRY Link;
    PFLT_VOLUME Next = NULL;

    KexLockAcquire(&FltxLock);
    Link = Previous ? Previous->Link.Flink : FltxVolumes.Flink;
    for (; Link != &FltxVolumes && !Next; Link = Link->Flink) {
        Next = CONTAINING_RECORD(Link, struct _FLT_VOLUME, Link);
        if (Next->Dismounting)
            Next = NULL;
        else
            FltxHold(&Next->Object);
    }
    KexLockRelease(&FltxLock);
    if (Previous)
        FltxDrop(&Previous->Object);
    return Next;
}

/*
 * Starts filtering: the filter is offered every volume; its callbacks may run before this returns.
 * IRQL: <= APC_LEVEL. STATUS_INVALID_PARAMETER when it was started already
 * (nf-fltkernel-fltstartfiltering).
 */
NTSTATUS NTAPI FltStartFiltering(PFLT_FILTER Filter)
{
    PFLT_VOLUME Volume;
    BOOLEAN Was;

    KexLockAcquire(&FltxLock);
    Was = Filter->Started;
    Filter->Started = TRUE;
    KexLockRelease(&FltxLock);
    if (Was)
        return STATUS_INVALID_PARAMETER;
    for (Volume = NextVolume(NULL); Volume; Volume = NextVolume(Volume))
        FltxAttachAutomatic(Filter, Volume, FLTFL_INSTANCE_SETUP_AUTOMATIC_ATTACHMENT);
    return STATUS_SUCCESS;
}

static void DetachAll(PFLT_FILTER Filter, FLT_INSTANCE_TEARDOWN_FLAGS Reason)
{
    PFLT_INSTANCE Instance;

    while ((Instance = FltxHoldAnyInstance(Filter, NULL)) != NULL) {
        FltxDetach(Instance, Reason);
        FltxDrop(&Instance->Object);
    }
}

/*
 * Ends a filter: tears its instances down, waits for every rundown reference on the filter, removes
 * its contexts. IRQL: <= APC_LEVEL. Called by the filter itself, once
 * (nf-fltkernel-fltunregisterfilter).
 */
VOID NTAPI FltUnregisterFilter(PFLT_FILTER Filter)
{
    if (!FltxCheckObject(Filter) || Filter->Object.Kind != FLTX_FILTER) {
        FLTX_FINDING("OBJ-002", "FltUnregisterFilter of %p, which is no registered filter",
                     (void *)Filter);
        return;
    }
    KexLockAcquire(&FltxLock);
    Filter->Unloading = TRUE;
    KexLockRelease(&FltxLock);
    if (!FltxCloseObject(&Filter->Object)) {
        FLTX_FINDING("OBJ-002", "%s unregisters a second time", Filter->NameText);
        return;
    }
    if (atomic_load(&Filter->Ports))
        FLTX_FINDING("OBJ-007", "%s unregisters while %d of its communication ports are open",
                     Filter->NameText, (int)atomic_load(&Filter->Ports));
    DetachAll(Filter, FLTFL_INSTANCE_TEARDOWN_FILTER_UNLOAD);
    FltxDeleteFilterContexts(Filter);
    FltxWaitUnpinned(&Filter->Object);
    KexLockAcquire(&FltxLock);
    Filter->Gone = TRUE;
    RemoveEntryList(&Filter->Link);
    KexLockRelease(&FltxLock);
    FltxDrop(&Filter->Object);
}

PFLT_FILTER FltxPinFilterByName(PCUNICODE_STRING Name, NTSTATUS *Status)
{
    PFLT_FILTER Filter;

    KexLockAcquire(&FltxLock);
    Filter = FindFilter(Name);
    *Status = !Filter                    ? STATUS_FLT_FILTER_NOT_FOUND
              : FltxPin(&Filter->Object) ? STATUS_SUCCESS
                                         : STATUS_FLT_DELETING_OBJECT;
    KexLockRelease(&FltxLock);
    return NT_SUCCESS(*Status) ? Filter : NULL;
}

PFLT_FILTER FltxFilterOfDriver(PDRIVER_OBJECT Driver)
{
    PFLT_FILTER Found = NULL;
    PLIST_ENTRY Link;

    KexLockAcquire(&FltxLock);
    for (Link = FltxFilters.Flink; Link != &FltxFilters && !Found; Link = Link->Flink) {
        PFLT_FILTER Filter = CONTAINING_RECORD(Link, struct _FLT_FILTER, Link);

        if (Filter->Driver == Driver)
            Found = Filter;
    }
    KexLockRelease(&FltxLock);
    return Found;
}

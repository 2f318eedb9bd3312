/* SPDX-License-Identifier: MIT */
/* Instances: attaching a filter to a volume, and the way out again. */
#include "fltx.h"

void FltxInitRelated(FLT_RELATED_OBJECTS *Objects, PFLT_INSTANCE Instance)
{
    RtlZeroMemory(Objects, sizeof(*Objects));
    Objects->Size = sizeof(*Objects);
    Objects->Filter = Instance->Filter;
    Objects->Volume = Instance->Volume;
    Objects->Instance = Instance;
}

static void TraceInstance(PFLT_INSTANCE Instance, const char *What)
{
    KEX_TRACE Event = {.Kind = KEX_TRACE_INSTANCE, .Who = Instance->Filter->NameText, .What = What};

    Event.Object = Instance;
    Event.Path = &Instance->Volume->Name;
    KexHooks.Trace(&Event);
}

/* Puts the instance where its altitude belongs; refuses a name or altitude that is taken. FltxLock
 * is held. */
static NTSTATUS InsertSorted(PFLT_VOLUME Volume, PFLT_INSTANCE New)
{
    PLIST_ENTRY Link, Before = &Volume->Instances;

    for (Link = Volume->Instances.Blink; Link != &Volume->Instances; Link = Link->Blink) {
        PFLT_INSTANCE Other = CONTAINING_RECORD(Link, struct _FLT_INSTANCE, Link);
        LONG Order = FltxCompareAltitudes(&Other->Altitude, &New->Altitude);

        if (Order == 0)
            return STATUS_FLT_INSTANCE_ALTITUDE_COLLISION;
        if (RtlEqualUnicodeString(&Other->Name, &New->Name, TRUE))
            return STATUS_FLT_INSTANCE_NAME_COLLISION;
        if (Order < 0)
            Before = Link;
    }
    InsertTailList(Before, &New->Link);
    Volume->InstanceCount++;
    return STATUS_SUCCESS;
}

static NTSTATUS MakeInstance(PFLT_FILTER Filter, PFLT_VOLUME Volume, PCUNICODE_STRING Altitude,
                             PCUNICODE_STRING Name, PFLT_INSTANCE *Out)
{
    PFLT_INSTANCE Instance = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Instance), FLTX_TAG);
    NTSTATUS Status;

    if (!Instance)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Instance, sizeof(*Instance));
    FltxObjectInit(&Instance->Object, FLTX_INSTANCE);
    Instance->Filter = Filter;
    Instance->Volume = Volume;
    FltxHold(&Filter->Object);
    FltxHold(&Volume->Object);
    Status = FltxCopyString(&Instance->Altitude, Altitude);
    if (NT_SUCCESS(Status))
        Status = FltxCopyString(&Instance->Name, Name);
    if (!NT_SUCCESS(Status)) {
        FltxDrop(&Instance->Object);
        return Status;
    }
    *Out = Instance;
    return STATUS_SUCCESS;
}

/* Takes the instance off its volume's list, which held one reference. */
static void Unlink(PFLT_INSTANCE Instance)
{
    KexLockAcquire(&FltxLock);
    Instance->State = FLTX_GONE;
    RemoveEntryList(&Instance->Link);
    Instance->Volume->InstanceCount--;
    KexLockRelease(&FltxLock);
    FltxDrop(&Instance->Object);
}

static NTSTATUS CallSetup(PFLT_INSTANCE Instance, FLT_INSTANCE_SETUP_FLAGS Flags)
{
    PFLT_INSTANCE_SETUP_CALLBACK Setup = Instance->Filter->Registration.InstanceSetupCallback;
    FLT_RELATED_OBJECTS Objects;

    if (!Setup)
        return STATUS_SUCCESS; /* "the attachment is always made" (ns-fltkernel-_flt_registration)
                                */
    FltxInitRelated(&Objects, Instance);
    return Setup(&Objects, Flags, Instance->Volume->FileSystemDevice->DeviceType,
                 Instance->Volume->Type);
}

static NTSTATUS AttachPinned(PFLT_FILTER Filter, PFLT_VOLUME Volume, PCUNICODE_STRING Altitude,
                             PCUNICODE_STRING Name, FLT_INSTANCE_SETUP_FLAGS Flags,
                             PFLT_INSTANCE *Pinned)
{
    PFLT_INSTANCE Instance;
    NTSTATUS Status = MakeInstance(Filter, Volume, Altitude, Name, &Instance);

    if (!NT_SUCCESS(Status))
        return Status;
    KexLockAcquire(&FltxLock);
    Status = !Filter->Started                           ? STATUS_FLT_FILTER_NOT_READY
             : Filter->Unloading || Volume->Dismounting ? STATUS_FLT_DELETING_OBJECT
                                                        : InsertSorted(Volume, Instance);
    KexLockRelease(&FltxLock);
    if (!NT_SUCCESS(Status)) {
        FltxDrop(&Instance->Object);
        return Status;
    }
    /* In the list, so the name and the altitude are taken, but in no chain yet; no lock over the
     * driver's callback. */
    Status = CallSetup(Instance, Flags);
    if (NT_SUCCESS(Status)) {
        KexLockAcquire(&FltxLock);
        Instance->State = FLTX_ATTACHED;
        Status = FltxRebuildChains(Volume);
        if (!NT_SUCCESS(Status))
            Instance->State = FLTX_SETUP;
        else if (Pinned && FltxPin(&Instance->Object))
            *Pinned = Instance;
        KexLockRelease(&FltxLock);
    }
    if (!NT_SUCCESS(Status)) {
        FltxCloseObject(&Instance->Object);
        FltxWaitUnpinned(&Instance->Object);
        FltxDeleteInstanceContexts(Instance);
        Unlink(Instance);
        return Status;
    }
    if (KEX_TRACING())
        TraceInstance(Instance, "attached");
    FltxReclaimChains(Volume);
    return STATUS_SUCCESS;
}

NTSTATUS FltxAttach(PFLT_FILTER Filter, PFLT_VOLUME Volume, PCUNICODE_STRING Altitude,
                    PCUNICODE_STRING Name, FLT_INSTANCE_SETUP_FLAGS Flags, PFLT_INSTANCE *Pinned)
{
    NTSTATUS Status;

    if (!FltxAltitudeValid(Altitude))
        return STATUS_INVALID_PARAMETER;
    if (!FltxPin(&Filter->Object))
        return STATUS_FLT_DELETING_OBJECT;
    if (FltxPin(&Volume->Object)) {
        Status = AttachPinned(Filter, Volume, Altitude, Name, Flags, Pinned);
        FltxUnpin(&Volume->Object);
    } else {
        Status = STATUS_FLT_DELETING_OBJECT;
    }
    FltxUnpin(&Filter->Object);
    return Status;
}

void FltxAttachAutomatic(PFLT_FILTER Filter, PFLT_VOLUME Volume, FLT_INSTANCE_SETUP_FLAGS Flags)
{
    FLTX_INSTANCE_ENTRY *Entries;
    ULONG Count, i;

    if (!NT_SUCCESS(FltxReadInstances(Filter, &Entries, &Count)))
        return;
    for (i = 0; i < Count; i++)
        if (!(Entries[i].Flags & FLTX_NO_AUTOMATIC))
            FltxAttach(Filter, Volume, &Entries[i].Altitude, &Entries[i].Name, Flags, NULL);
    FltxFreeInstanceEntries(Entries, Count);
}

PFLT_INSTANCE FltxHoldAnyInstance(PFLT_FILTER Filter, PFLT_VOLUME OnVolume)
{
    PFLT_INSTANCE Found = NULL;
    PLIST_ENTRY v, i;

    KexLockAcquire(&FltxLock);
    for (v = FltxVolumes.Flink; v != &FltxVolumes && !Found; v = v->Flink) {
        PFLT_VOLUME Volume = CONTAINING_RECORD(v, struct _FLT_VOLUME, Link);

        if (OnVolume && Volume != OnVolume)
            continue;
        for (i = Volume->Instances.Flink; i != &Volume->Instances && !Found; i = i->Flink) {
            PFLT_INSTANCE Instance = CONTAINING_RECORD(i, struct _FLT_INSTANCE, Link);

            if ((!Filter || Instance->Filter == Filter) && Instance->State == FLTX_ATTACHED)
                Found = Instance;
        }
    }
    if (Found)
        FltxHold(&Found->Object);
    KexLockRelease(&FltxLock);
    return Found;
}

/* Chains without the instance. A detach cannot fail, so a lack of memory is waited out. */
static void RebuildUntilDone(PFLT_VOLUME Volume)
{
    LARGE_INTEGER Pause = {.QuadPart = -100000}; /* 10 ms */
    NTSTATUS Status;

    for (;;) {
        KexLockAcquire(&FltxLock);
        Status = FltxRebuildChains(Volume);
        KexLockRelease(&FltxLock);
        if (NT_SUCCESS(Status))
            return;
        KeDelayExecutionThread(KernelMode, FALSE, &Pause);
    }
}

static void CallTeardown(PFLT_INSTANCE_TEARDOWN_CALLBACK Callback, PFLT_INSTANCE Instance,
                         FLT_INSTANCE_TEARDOWN_FLAGS Reason)
{
    FLT_RELATED_OBJECTS Objects;

    if (!Callback)
        return;
    FltxInitRelated(&Objects, Instance);
    Callback(&Objects, Reason);
}

/*
 * The order of nc-fltkernel-pflt_instance_teardown_callback: TeardownStart, in which the filter
 * gives pended requests back; no callback begins any more; those that run end; started I/O and
 * references end; TeardownComplete; contexts.
 */
NTSTATUS FltxDetach(PFLT_INSTANCE Instance, FLT_INSTANCE_TEARDOWN_FLAGS Reason)
{
    const FLT_REGISTRATION *Registration = &Instance->Filter->Registration;
    BOOLEAN Mine;

    KexLockAcquire(&FltxLock);
    Mine = Instance->State == FLTX_ATTACHED;
    if (Mine)
        Instance->State = FLTX_TEARING_DOWN;
    KexLockRelease(&FltxLock);
    if (!Mine)
        return STATUS_FLT_DELETING_OBJECT;
    FltxCloseObject(&Instance->Object);
    CallTeardown(Registration->InstanceTeardownStartCallback, Instance, Reason);
    RebuildUntilDone(Instance->Volume);
    FltxDrainInstance(Instance);
    FltxWaitUnpinned(&Instance->Object);
    CallTeardown(Registration->InstanceTeardownCompleteCallback, Instance, Reason);
    FltxDeleteInstanceContexts(Instance);
    if (KEX_TRACING())
        TraceInstance(Instance, "detached");
    FltxHold(&Instance->Volume->Object);
    {
        PFLT_VOLUME Volume = Instance->Volume;

        Unlink(Instance);
        FltxReclaimChains(Volume);
        FltxDrop(&Volume->Object);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS FindNamed(FLTX_INSTANCE_ENTRY *Entries, ULONG Count, PCUNICODE_STRING Name,
                          FLTX_INSTANCE_ENTRY **Found)
{
    for (ULONG i = 0; i < Count; i++) {
        if (Name ? RtlEqualUnicodeString(&Entries[i].Name, Name, TRUE) : Entries[i].Default) {
            *Found = &Entries[i];
            return STATUS_SUCCESS;
        }
    }
    return STATUS_OBJECT_NAME_NOT_FOUND;
}

/*
 * Attaches an instance the service key describes; InstanceName NULL: the default one. IRQL:
 * PASSIVE_LEVEL. RetInstance, when given, carries a rundown reference (FltObjectDereference).
 * STATUS_FLT_FILTER_NOT_READY before FltStartFiltering, STATUS_FLT_DELETING_OBJECT,
 * STATUS_FLT_INSTANCE_NAME_COLLISION, STATUS_OBJECT_NAME_COLLISION when the altitude is taken
 * (nf-fltkernel-fltattachvolume).
 */
NTSTATUS NTAPI FltAttachVolume(PFLT_FILTER Filter, PFLT_VOLUME Volume,
                               PCUNICODE_STRING InstanceName, PFLT_INSTANCE *RetInstance)
{
    FLTX_INSTANCE_ENTRY *Entries, *Entry;
    NTSTATUS Status;
    ULONG Count;

    Status = FltxReadInstances(Filter, &Entries, &Count);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = FindNamed(Entries, Count, InstanceName, &Entry);
    if (NT_SUCCESS(Status) && (Entry->Flags & FLTX_NO_MANUAL))
        Status = STATUS_FLT_DO_NOT_ATTACH;
    if (NT_SUCCESS(Status))
        Status = FltxAttach(Filter, Volume, &Entry->Altitude, &Entry->Name,
                            FLTFL_INSTANCE_SETUP_MANUAL_ATTACHMENT, RetInstance);
    FltxFreeInstanceEntries(Entries, Count);
    return Status == STATUS_FLT_INSTANCE_ALTITUDE_COLLISION ? STATUS_OBJECT_NAME_COLLISION : Status;
}

/* "The generated name is truncated, if necessary, to INSTANCE_NAME_MAX_CHARS characters." */
static NTSTATUS GenerateName(PFLT_FILTER Filter, PCUNICODE_STRING Altitude, PUNICODE_STRING Name)
{
    WCHAR Text[INSTANCE_NAME_MAX_CHARS + 1];
    UNICODE_STRING Made = {0, sizeof(Text), Text};

    RtlAppendUnicodeStringToString(&Made, &Filter->Name);
    RtlAppendUnicodeToString(&Made, L" ");
    if (!NT_SUCCESS(RtlAppendUnicodeStringToString(&Made, Altitude))) {
        USHORT Room = (USHORT)(INSTANCE_NAME_MAX_CHARS * sizeof(WCHAR) - Made.Length);

        RtlCopyMemory((PUCHAR)Text + Made.Length, Altitude->Buffer, Room);
        Made.Length = (USHORT)(Made.Length + Room);
    }
    return FltxCopyString(Name, &Made);
}

/*
 * Attaches at a given altitude, whatever the service key says; a debugging aid. IRQL:
 * PASSIVE_LEVEL. STATUS_INVALID_PARAMETER for an altitude that is no decimal number,
 * STATUS_FLT_INSTANCE_ALTITUDE_COLLISION, STATUS_FLT_INSTANCE_NAME_COLLISION
 * (nf-fltkernel-fltattachvolumeataltitude).
 */
NTSTATUS NTAPI FltAttachVolumeAtAltitude(PFLT_FILTER Filter, PFLT_VOLUME Volume,
                                         PCUNICODE_STRING Altitude, PCUNICODE_STRING InstanceName,
                                         PFLT_INSTANCE *RetInstance)
{
    UNICODE_STRING Name;
    NTSTATUS Status;

    if (!FltxAltitudeValid(Altitude))
        return STATUS_INVALID_PARAMETER;
    if (InstanceName)
        return FltxAttach(Filter, Volume, Altitude, InstanceName,
                          FLTFL_INSTANCE_SETUP_MANUAL_ATTACHMENT, RetInstance);
    Status = GenerateName(Filter, Altitude, &Name);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = FltxAttach(Filter, Volume, Altitude, &Name, FLTFL_INSTANCE_SETUP_MANUAL_ATTACHMENT,
                        RetInstance);
    FltxFreeString(&Name);
    return Status;
}

/* The highest instance of the volume that matches; held. Teardown in progress:
 * STATUS_FLT_DELETING_OBJECT. */
static NTSTATUS FindOnVolume(PFLT_FILTER Filter, PFLT_VOLUME Volume, PCUNICODE_STRING Name,
                             PFLT_INSTANCE *Out)
{
    NTSTATUS Status = STATUS_FLT_INSTANCE_NOT_FOUND;
    PLIST_ENTRY Link;

    KexLockAcquire(&FltxLock);
    for (Link = Volume->Instances.Flink; Link != &Volume->Instances; Link = Link->Flink) {
        PFLT_INSTANCE Instance = CONTAINING_RECORD(Link, struct _FLT_INSTANCE, Link);

        if ((Filter && Instance->Filter != Filter) ||
            (Name && !RtlEqualUnicodeString(&Instance->Name, Name, TRUE)))
            continue;
        if (Instance->State == FLTX_SETUP)
            continue;
        Status = Instance->State == FLTX_ATTACHED ? STATUS_SUCCESS : STATUS_FLT_DELETING_OBJECT;
        if (NT_SUCCESS(Status)) {
            FltxHold(&Instance->Object);
            *Out = Instance;
        }
        break;
    }
    KexLockRelease(&FltxLock);
    return Status;
}

/*
 * Detaches an instance by hand. The filter's query-teardown callback may refuse; without one a
 * manual detach is never made. IRQL: <= APC_LEVEL. STATUS_FLT_INSTANCE_NOT_FOUND,
 * STATUS_FLT_DELETING_OBJECT, STATUS_FLT_DO_NOT_DETACH (nf-fltkernel-fltdetachvolume,
 * nc-fltkernel-pflt_instance_query_teardown_callback).
 */
NTSTATUS NTAPI FltDetachVolume(PFLT_FILTER Filter, PFLT_VOLUME Volume,
                               PCUNICODE_STRING InstanceName)
{
    PFLT_INSTANCE_QUERY_TEARDOWN_CALLBACK Query;
    FLT_RELATED_OBJECTS Objects;
    PFLT_INSTANCE Instance;
    NTSTATUS Status = FindOnVolume(Filter, Volume, InstanceName, &Instance);

    if (!NT_SUCCESS(Status))
        return Status;
    Query = Filter->Registration.InstanceQueryTeardownCallback;
    FltxInitRelated(&Objects, Instance);
    Status = Query ? Query(&Objects, 0) : STATUS_FLT_DO_NOT_DETACH;
    if (NT_SUCCESS(Status))
        Status = FltxDetach(Instance, FLTFL_INSTANCE_TEARDOWN_MANUAL);
    FltxDrop(&Instance->Object);
    return Status;
}

/*
 * The highest instance of the filter on the volume with that name (NULL: any). IRQL: <= APC_LEVEL.
 * *RetInstance carries a rundown reference (nf-fltkernel-fltgetvolumeinstancefromname).
 */
NTSTATUS NTAPI FltGetVolumeInstanceFromName(PFLT_FILTER Filter, PFLT_VOLUME Volume,
                                            PCUNICODE_STRING InstanceName,
                                            PFLT_INSTANCE *RetInstance)
{
    PFLT_INSTANCE Instance;
    NTSTATUS Status = FindOnVolume(Filter, Volume, InstanceName, &Instance);

    if (!NT_SUCCESS(Status))
        return Status;
    if (FltxPin(&Instance->Object))
        *RetInstance = Instance;
    else
        Status = STATUS_FLT_DELETING_OBJECT;
    FltxDrop(&Instance->Object);
    return Status;
}

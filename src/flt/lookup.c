/* SPDX-License-Identifier: MIT */
/* Finding filters and instances; every pointer handed out carries a rundown reference. */
#include "fltx.h"

/* The filter of an instance. IRQL: <= APC_LEVEL (nf-fltkernel-fltgetfilterfrominstance). */
NTSTATUS NTAPI FltGetFilterFromInstance(PFLT_INSTANCE Instance, PFLT_FILTER *RetFilter)
{
    if (!FltxPin(&Instance->Filter->Object))
        return STATUS_FLT_DELETING_OBJECT;
    *RetFilter = Instance->Filter;
    return STATUS_SUCCESS;
}

/* A filter by service name. STATUS_FLT_FILTER_NOT_FOUND, STATUS_FLT_DELETING_OBJECT
 * (nf-fltkernel-fltgetfilterfromname). */
NTSTATUS NTAPI FltGetFilterFromName(PCUNICODE_STRING FilterName, PFLT_FILTER *RetFilter)
{
    NTSTATUS Status;

    *RetFilter = FltxPinFilterByName(FilterName, &Status);
    return Status;
}

/* From Link on, in the direction Up or down, the first attached instance that can be pinned.
 * FltxLock is held. */
static PFLT_INSTANCE PinFrom(PFLT_VOLUME Volume, PLIST_ENTRY Link, BOOLEAN Up)
{
    for (; Link != &Volume->Instances; Link = Up ? Link->Blink : Link->Flink) {
        PFLT_INSTANCE Instance = CONTAINING_RECORD(Link, struct _FLT_INSTANCE, Link);

        if (Instance->State == FLTX_ATTACHED && FltxPin(&Instance->Object))
            return Instance;
    }
    return NULL;
}

static NTSTATUS Neighbour(PFLT_VOLUME Volume, PFLT_INSTANCE Of, BOOLEAN Up, PFLT_INSTANCE *Out)
{
    PFLT_INSTANCE Found = NULL;
    PLIST_ENTRY Start;

    KexLockAcquire(&FltxLock);
    if (!Of || Of->State != FLTX_GONE) {
        if (Of)
            Start = Up ? Of->Link.Blink : Of->Link.Flink;
        else
            Start = Up ? Volume->Instances.Blink : Volume->Instances.Flink;
        Found = PinFrom(Volume, Start, Up);
    }
    KexLockRelease(&FltxLock);
    if (!Found)
        return STATUS_NO_MORE_ENTRIES;
    *Out = Found;
    return STATUS_SUCCESS;
}

/* Highest instance of a volume; STATUS_NO_MORE_ENTRIES without any
 * (nf-fltkernel-fltgettopinstance). */
NTSTATUS NTAPI FltGetTopInstance(PFLT_VOLUME Volume, PFLT_INSTANCE *Instance)
{
    return Neighbour(Volume, NULL, FALSE, Instance);
}

/* Lowest (nf-fltkernel-fltgetbottominstance). */
NTSTATUS NTAPI FltGetBottomInstance(PFLT_VOLUME Volume, PFLT_INSTANCE *Instance)
{
    return Neighbour(Volume, NULL, TRUE, Instance);
}

/* Next higher (nf-fltkernel-fltgetupperinstance). */
NTSTATUS NTAPI FltGetUpperInstance(PFLT_INSTANCE CurrentInstance, PFLT_INSTANCE *UpperInstance)
{
    return Neighbour(CurrentInstance->Volume, CurrentInstance, TRUE, UpperInstance);
}

/* Next lower (nf-fltkernel-fltgetlowerinstance). */
NTSTATUS NTAPI FltGetLowerInstance(PFLT_INSTANCE CurrentInstance, PFLT_INSTANCE *LowerInstance)
{
    return Neighbour(CurrentInstance->Volume, CurrentInstance, FALSE, LowerInstance);
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* Objects go out pinned, or none at all when they do not fit. */
typedef struct _LIST {
    PVOID *Out;
    ULONG Room, Count;
} LIST;

static void Add(LIST *List, PVOID Value, FLTX_OBJECT *Object)
{
    if (!FltxPin(Object))
        return;
    if (List->Count < List->Room && List->Out)
        List->Out[List->Count] = Value;
    else
        FltxUnpin(Object);
    List->Count++;
}

static NTSTATUS Give(LIST *List, PULONG Returned)
{
    *Returned = List->Count;
    if (List->Count <= List->Room && (List->Out || !List->Count))
        return STATUS_SUCCESS;
    for (ULONG i = 0; List->Out && i < List->Room; i++)
        FltObjectDereference(List->Out[i]);
    return STATUS_BUFFER_TOO_SMALL;
}

/* All filters. STATUS_BUFFER_TOO_SMALL with the number in *NumberFiltersReturned
 * (nf-fltkernel-fltenumeratefilters). */
NTSTATUS NTAPI FltEnumerateFilters(PFLT_FILTER *FilterList, ULONG FilterListSize,
                                   PULONG NumberFiltersReturned)
{
    LIST List = {(PVOID *)FilterList, FilterListSize, 0};
    PLIST_ENTRY Link;

    KexLockAcquire(&FltxLock);
    for (Link = FltxFilters.Flink; Link != &FltxFilters; Link = Link->Flink) {
        PFLT_FILTER Filter = CONTAINING_RECORD(Link, struct _FLT_FILTER, Link);

        Add(&List, Filter, &Filter->Object);
    }
    KexLockRelease(&FltxLock);
    return Give(&List, NumberFiltersReturned);
}

/* All volumes (nf-fltkernel-fltenumeratevolumes). */
NTSTATUS NTAPI FltEnumerateVolumes(PFLT_FILTER Filter, PFLT_VOLUME *VolumeList,
                                   ULONG VolumeListSize, PULONG NumberVolumesReturned)
{
    LIST List = {(PVOID *)VolumeList, VolumeListSize, 0};
    PLIST_ENTRY Link;

    UNREFERENCED_PARAMETER(Filter);
    KexLockAcquire(&FltxLock);
    for (Link = FltxVolumes.Flink; Link != &FltxVolumes; Link = Link->Flink) {
        PFLT_VOLUME Volume = CONTAINING_RECORD(Link, struct _FLT_VOLUME, Link);

        Add(&List, Volume, &Volume->Object);
    }
    KexLockRelease(&FltxLock);
    return Give(&List, NumberVolumesReturned);
}

/*
 * Instances of a volume, of a filter, or of both; at least one must be given, else
 * STATUS_INVALID_PARAMETER (nf-fltkernel-fltenumerateinstances).
 */
NTSTATUS NTAPI FltEnumerateInstances(PFLT_VOLUME Volume, PFLT_FILTER Filter,
                                     PFLT_INSTANCE *InstanceList, ULONG InstanceListSize,
                                     PULONG NumberInstancesReturned)
{
    LIST List = {(PVOID *)InstanceList, InstanceListSize, 0};
    PLIST_ENTRY v, i;

    if (!Volume && !Filter)
        return STATUS_INVALID_PARAMETER;
    KexLockAcquire(&FltxLock);
    for (v = FltxVolumes.Flink; v != &FltxVolumes; v = v->Flink) {
        PFLT_VOLUME At = CONTAINING_RECORD(v, struct _FLT_VOLUME, Link);

        for (i = At->Instances.Flink; (!Volume || At == Volume) && i != &At->Instances;
             i = i->Flink) {
            PFLT_INSTANCE Instance = CONTAINING_RECORD(i, struct _FLT_INSTANCE, Link);

            if ((!Filter || Instance->Filter == Filter) && Instance->State == FLTX_ATTACHED)
                Add(&List, Instance, &Instance->Object);
        }
    }
    KexLockRelease(&FltxLock);
    return Give(&List, NumberInstancesReturned);
}

/* ---- views for tools ------------------------------------------------------------------------- */

void FltxForEachFilter(void (*fn)(const FLTX_FILTER_VIEW *View, void *Context), void *Context)
{
    PFLT_FILTER Filters[64];
    PFLT_INSTANCE None[1];
    ULONG Count, Instances;

    if (!NT_SUCCESS(FltEnumerateFilters(Filters, ARRAYSIZE(Filters), &Count)))
        return;
    for (ULONG i = 0; i < Count; i++) {
        FLTX_FILTER_VIEW View = {Filters[i]->Name, Filters[i]->Altitude, 0, Filters[i]->Started};

        FltEnumerateInstances(NULL, Filters[i], None, 0, &Instances);
        View.Instances = Instances;
        fn(&View, Context);
        FltObjectDereference(Filters[i]);
    }
}

void FltxForEachVolume(void (*fn)(const FLTX_VOLUME_VIEW *View, void *Context), void *Context)
{
    PFLT_VOLUME Volumes[64];
    ULONG Count;

    if (!NT_SUCCESS(FltEnumerateVolumes(NULL, Volumes, ARRAYSIZE(Volumes), &Count)))
        return;
    for (ULONG i = 0; i < Count; i++) {
        FLTX_VOLUME_VIEW View = {Volumes[i]->Name, Volumes[i]->Type, Volumes[i]->InstanceCount};

        fn(&View, Context);
        FltObjectDereference(Volumes[i]);
    }
}

void FltxForEachInstance(void (*fn)(const FLTX_INSTANCE_VIEW *View, void *Context), void *Context)
{
    PFLT_VOLUME Volumes[64];
    PFLT_INSTANCE Instances[64];
    ULONG VolumeCount, Count;

    if (!NT_SUCCESS(FltEnumerateVolumes(NULL, Volumes, ARRAYSIZE(Volumes), &VolumeCount)))
        return;
    for (ULONG v = 0; v < VolumeCount; v++) {
        if (NT_SUCCESS(
                FltEnumerateInstances(Volumes[v], NULL, Instances, ARRAYSIZE(Instances), &Count))) {
            for (ULONG i = 0; i < Count; i++) {
                FLTX_INSTANCE_VIEW View = {Instances[i]->Name, Instances[i]->Altitude,
                                           Instances[i]->Filter->Name, Volumes[v]->Name};

                fn(&View, Context);
                FltObjectDereference(Instances[i]);
            }
        }
        FltObjectDereference(Volumes[v]);
    }
}

/* SPDX-License-Identifier: MIT */
/* The information structures of filters, instances and volumes: a fixed part, strings behind it by
 * offset. */
#include "fltx.h"

typedef struct _OUT {
    PUCHAR Buffer;
    ULONG Size, At;
    BOOLEAN Overflow;
} OUT;

static void *Fixed(OUT *Out, ULONG Bytes)
{
    Out->At = Bytes;
    if (Out->Size < Bytes) {
        Out->Overflow = TRUE;
        return NULL;
    }
    RtlZeroMemory(Out->Buffer, Bytes);
    return Out->Buffer;
}

/* Appends a string; its length and offset go to the two fields when the fixed part fits. */
static void Text(OUT *Out, PCUNICODE_STRING String, PUSHORT Length, PUSHORT Offset)
{
    if (Out->Size < Out->At + String->Length) {
        Out->Overflow = TRUE;
    } else if (Length) {
        RtlCopyMemory(Out->Buffer + Out->At, String->Buffer, String->Length);
        *Length = String->Length;
        if (Offset)
            *Offset = (USHORT)Out->At;
    }
    Out->At += String->Length;
}

static NTSTATUS Done(OUT *Out, PULONG BytesReturned)
{
    *BytesReturned = Out->At;
    return Out->Overflow ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
}

static ULONG InstancesOf(PFLT_FILTER Filter)
{
    PFLT_INSTANCE None[1];
    ULONG Count = 0;

    FltEnumerateInstances(NULL, Filter, None, 0, &Count);
    return Count;
}

/*
 * Describes a filter. IRQL: <= APC_LEVEL. STATUS_BUFFER_TOO_SMALL with the bytes needed,
 * STATUS_INVALID_PARAMETER for a class that is not known (nf-fltkernel-fltgetfilterinformation).
 */
NTSTATUS NTAPI FltGetFilterInformation(PFLT_FILTER Filter,
                                       FILTER_INFORMATION_CLASS InformationClass, PVOID Buffer,
                                       ULONG BufferSize, PULONG BytesReturned)
{
    OUT Out = {Buffer, BufferSize, 0, FALSE};

    switch (InformationClass) {
    case FilterFullInformation: {
        PFILTER_FULL_INFORMATION Info =
            Fixed(&Out, FIELD_OFFSET(FILTER_FULL_INFORMATION, FilterNameBuffer));

        if (Info)
            Info->NumberOfInstances = InstancesOf(Filter);
        Text(&Out, &Filter->Name, Info ? &Info->FilterNameLength : NULL, NULL);
        break;
    }
    case FilterAggregateBasicInformation: {
        PFILTER_AGGREGATE_BASIC_INFORMATION Info = Fixed(&Out, sizeof(*Info));

        if (Info) {
            Info->Flags = FLTFL_AGGREGATE_INFO_IS_MINIFILTER;
            Info->Type.MiniFilter.NumberOfInstances = InstancesOf(Filter);
        }
        Text(&Out, &Filter->Name, Info ? &Info->Type.MiniFilter.FilterNameLength : NULL,
             Info ? &Info->Type.MiniFilter.FilterNameBufferOffset : NULL);
        Text(&Out, &Filter->Altitude, Info ? &Info->Type.MiniFilter.FilterAltitudeLength : NULL,
             Info ? &Info->Type.MiniFilter.FilterAltitudeBufferOffset : NULL);
        break;
    }
    case FilterAggregateStandardInformation: {
        PFILTER_AGGREGATE_STANDARD_INFORMATION Info = Fixed(&Out, sizeof(*Info));

        if (Info) {
            Info->Flags = FLTFL_ASI_IS_MINIFILTER;
            Info->Type.MiniFilter.NumberOfInstances = InstancesOf(Filter);
        }
        Text(&Out, &Filter->Name, Info ? &Info->Type.MiniFilter.FilterNameLength : NULL,
             Info ? &Info->Type.MiniFilter.FilterNameBufferOffset : NULL);
        Text(&Out, &Filter->Altitude, Info ? &Info->Type.MiniFilter.FilterAltitudeLength : NULL,
             Info ? &Info->Type.MiniFilter.FilterAltitudeBufferOffset : NULL);
        break;
    }
    default:
        return STATUS_INVALID_PARAMETER;
    }
    return Done(&Out, BytesReturned);
}

/* The Index-th filter. STATUS_NO_MORE_ENTRIES behind the last
 * (nf-fltkernel-fltenumeratefilterinformation). */
NTSTATUS NTAPI FltEnumerateFilterInformation(ULONG Index, FILTER_INFORMATION_CLASS InformationClass,
                                             PVOID Buffer, ULONG BufferSize, PULONG BytesReturned)
{
    PFLT_FILTER Found = NULL;
    PLIST_ENTRY Link;
    NTSTATUS Status;
    ULONG i = 0;

    KexLockAcquire(&FltxLock);
    for (Link = FltxFilters.Flink; Link != &FltxFilters && !Found; Link = Link->Flink)
        if (i++ == Index)
            Found = CONTAINING_RECORD(Link, struct _FLT_FILTER, Link);
    Status = !Found                    ? STATUS_NO_MORE_ENTRIES
             : FltxPin(&Found->Object) ? STATUS_SUCCESS
                                       : STATUS_FLT_DELETING_OBJECT;
    KexLockRelease(&FltxLock);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = FltGetFilterInformation(Found, InformationClass, Buffer, BufferSize, BytesReturned);
    FltxUnpin(&Found->Object);
    return Status;
}

static void FullInstance(OUT *Out, PFLT_INSTANCE Instance)
{
    PINSTANCE_FULL_INFORMATION Info = Fixed(Out, sizeof(*Info));

    Text(Out, &Instance->Name, Info ? &Info->InstanceNameLength : NULL,
         Info ? &Info->InstanceNameBufferOffset : NULL);
    Text(Out, &Instance->Altitude, Info ? &Info->AltitudeLength : NULL,
         Info ? &Info->AltitudeBufferOffset : NULL);
    Text(Out, &Instance->Volume->Name, Info ? &Info->VolumeNameLength : NULL,
         Info ? &Info->VolumeNameBufferOffset : NULL);
    Text(Out, &Instance->Filter->Name, Info ? &Info->FilterNameLength : NULL,
         Info ? &Info->FilterNameBufferOffset : NULL);
}

static void AggregateInstance(OUT *Out, PFLT_INSTANCE Instance)
{
    PINSTANCE_AGGREGATE_STANDARD_INFORMATION Info = Fixed(Out, sizeof(*Info));

    if (Info) {
        Info->Flags = FLTFL_IASI_IS_MINIFILTER;
        Info->Type.MiniFilter.VolumeFileSystemType = Instance->Volume->Type;
    }
    Text(Out, &Instance->Name, Info ? &Info->Type.MiniFilter.InstanceNameLength : NULL,
         Info ? &Info->Type.MiniFilter.InstanceNameBufferOffset : NULL);
    Text(Out, &Instance->Altitude, Info ? &Info->Type.MiniFilter.AltitudeLength : NULL,
         Info ? &Info->Type.MiniFilter.AltitudeBufferOffset : NULL);
    Text(Out, &Instance->Volume->Name, Info ? &Info->Type.MiniFilter.VolumeNameLength : NULL,
         Info ? &Info->Type.MiniFilter.VolumeNameBufferOffset : NULL);
    Text(Out, &Instance->Filter->Name, Info ? &Info->Type.MiniFilter.FilterNameLength : NULL,
         Info ? &Info->Type.MiniFilter.FilterNameBufferOffset : NULL);
}

/* Describes an instance (nf-fltkernel-fltgetinstanceinformation). */
NTSTATUS NTAPI FltGetInstanceInformation(PFLT_INSTANCE Instance,
                                         INSTANCE_INFORMATION_CLASS InformationClass, PVOID Buffer,
                                         ULONG BufferSize, PULONG BytesReturned)
{
    OUT Out = {Buffer, BufferSize, 0, FALSE};

    switch (InformationClass) {
    case InstanceBasicInformation: {
        PINSTANCE_BASIC_INFORMATION Info = Fixed(&Out, sizeof(*Info));

        Text(&Out, &Instance->Name, Info ? &Info->InstanceNameLength : NULL,
             Info ? &Info->InstanceNameBufferOffset : NULL);
        break;
    }
    case InstancePartialInformation: {
        PINSTANCE_PARTIAL_INFORMATION Info = Fixed(&Out, sizeof(*Info));

        Text(&Out, &Instance->Name, Info ? &Info->InstanceNameLength : NULL,
             Info ? &Info->InstanceNameBufferOffset : NULL);
        Text(&Out, &Instance->Altitude, Info ? &Info->AltitudeLength : NULL,
             Info ? &Info->AltitudeBufferOffset : NULL);
        break;
    }
    case InstanceFullInformation:
        FullInstance(&Out, Instance);
        break;
    case InstanceAggregateStandardInformation:
        AggregateInstance(&Out, Instance);
        break;
    default:
        return STATUS_INVALID_PARAMETER;
    }
    return Done(&Out, BytesReturned);
}

static NTSTATUS IndexedInstance(PFLT_VOLUME Volume, PFLT_FILTER Filter, ULONG Index,
                                PFLT_INSTANCE *Out)
{
    PFLT_INSTANCE Found = NULL;
    PLIST_ENTRY v, i;
    ULONG n = 0;
    NTSTATUS Status;

    KexLockAcquire(&FltxLock);
    for (v = FltxVolumes.Flink; v != &FltxVolumes && !Found; v = v->Flink) {
        PFLT_VOLUME At = CONTAINING_RECORD(v, struct _FLT_VOLUME, Link);

        if (Volume && At != Volume)
            continue;
        for (i = At->Instances.Flink; i != &At->Instances && !Found; i = i->Flink) {
            PFLT_INSTANCE Instance = CONTAINING_RECORD(i, struct _FLT_INSTANCE, Link);

            if ((!Filter || Instance->Filter == Filter) && Instance->State == FLTX_ATTACHED &&
                n++ == Index)
                Found = Instance;
        }
    }
    Status = !Found                    ? STATUS_NO_MORE_ENTRIES
             : FltxPin(&Found->Object) ? STATUS_SUCCESS
                                       : STATUS_FLT_DELETING_OBJECT;
    KexLockRelease(&FltxLock);
    *Out = Found;
    return Status;
}

static NTSTATUS EnumerateOne(PFLT_VOLUME Volume, PFLT_FILTER Filter, ULONG Index,
                             INSTANCE_INFORMATION_CLASS Class, PVOID Buffer, ULONG BufferSize,
                             PULONG BytesReturned)
{
    PFLT_INSTANCE Instance;
    NTSTATUS Status = IndexedInstance(Volume, Filter, Index, &Instance);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = FltGetInstanceInformation(Instance, Class, Buffer, BufferSize, BytesReturned);
    FltxUnpin(&Instance->Object);
    return Status;
}

/* The Index-th instance of a filter (nf-fltkernel-fltenumerateinstanceinformationbyfilter). */
NTSTATUS NTAPI FltEnumerateInstanceInformationByFilter(PFLT_FILTER Filter, ULONG Index,
                                                       INSTANCE_INFORMATION_CLASS InformationClass,
                                                       PVOID Buffer, ULONG BufferSize,
                                                       PULONG BytesReturned)
{
    return EnumerateOne(NULL, Filter, Index, InformationClass, Buffer, BufferSize, BytesReturned);
}

/* The Index-th instance of a volume (nf-fltkernel-fltenumerateinstanceinformationbyvolume). */
NTSTATUS NTAPI FltEnumerateInstanceInformationByVolume(PFLT_VOLUME Volume, ULONG Index,
                                                       INSTANCE_INFORMATION_CLASS InformationClass,
                                                       PVOID Buffer, ULONG BufferSize,
                                                       PULONG BytesReturned)
{
    return EnumerateOne(Volume, NULL, Index, InformationClass, Buffer, BufferSize, BytesReturned);
}

/* The same by the volume's name (nf-fltkernel-fltenumerateinstanceinformationbyvolumename). */
NTSTATUS NTAPI FltEnumerateInstanceInformationByVolumeName(
    PUNICODE_STRING VolumeName, ULONG Index, INSTANCE_INFORMATION_CLASS InformationClass,
    PVOID Buffer, ULONG BufferSize, PULONG BytesReturned)
{
    PFLT_VOLUME Volume;
    NTSTATUS Status = FltGetVolumeFromName(NULL, VolumeName, &Volume);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = EnumerateOne(Volume, NULL, Index, InformationClass, Buffer, BufferSize, BytesReturned);
    FltObjectDereference(Volume);
    return Status;
}

/* The same by a device of the volume's stack
 * (nf-fltkernel-fltenumerateinstanceinformationbydeviceobject). */
NTSTATUS NTAPI FltEnumerateInstanceInformationByDeviceObject(
    PDEVICE_OBJECT DeviceObject, ULONG Index, INSTANCE_INFORMATION_CLASS InformationClass,
    PVOID Buffer, ULONG BufferSize, PULONG BytesReturned)
{
    PFLT_VOLUME Volume;
    NTSTATUS Status = FltGetVolumeFromDeviceObject(NULL, DeviceObject, &Volume);

    if (!NT_SUCCESS(Status))
        return Status;
    Status = EnumerateOne(Volume, NULL, Index, InformationClass, Buffer, BufferSize, BytesReturned);
    FltObjectDereference(Volume);
    return Status;
}

/* Describes a volume (nf-fltkernel-fltgetvolumeinformation). */
NTSTATUS NTAPI FltGetVolumeInformation(PFLT_VOLUME Volume,
                                       FILTER_VOLUME_INFORMATION_CLASS InformationClass,
                                       PVOID Buffer, ULONG BufferSize, PULONG BytesReturned)
{
    OUT Out = {Buffer, BufferSize, 0, FALSE};

    if (InformationClass == FilterVolumeBasicInformation) {
        PFILTER_VOLUME_BASIC_INFORMATION Info =
            Fixed(&Out, FIELD_OFFSET(FILTER_VOLUME_BASIC_INFORMATION, FilterVolumeName));

        Text(&Out, &Volume->Name, Info ? &Info->FilterVolumeNameLength : NULL, NULL);
        return Done(&Out, BytesReturned);
    }
    if (InformationClass == FilterVolumeStandardInformation) {
        PFILTER_VOLUME_STANDARD_INFORMATION Info =
            Fixed(&Out, FIELD_OFFSET(FILTER_VOLUME_STANDARD_INFORMATION, FilterVolumeName));

        if (Info) {
            Info->Flags = Volume->Dismounting ? FLTFL_VSI_DETACHED_VOLUME : 0;
            Info->FileSystemType = Volume->Type;
        }
        Text(&Out, &Volume->Name, Info ? &Info->FilterVolumeNameLength : NULL, NULL);
        return Done(&Out, BytesReturned);
    }
    return STATUS_INVALID_PARAMETER;
}

/* The Index-th volume (nf-fltkernel-fltenumeratevolumeinformation). */
NTSTATUS NTAPI FltEnumerateVolumeInformation(PFLT_FILTER Filter, ULONG Index,
                                             FILTER_VOLUME_INFORMATION_CLASS InformationClass,
                                             PVOID Buffer, ULONG BufferSize, PULONG BytesReturned)
{
    PFLT_VOLUME Found = NULL;
    PLIST_ENTRY Link;
    NTSTATUS Status;
    ULONG i = 0;

    UNREFERENCED_PARAMETER(Filter);
    KexLockAcquire(&FltxLock);
    for (Link = FltxVolumes.Flink; Link != &FltxVolumes && !Found; Link = Link->Flink)
        if (i++ == Index)
            Found = CONTAINING_RECORD(Link, struct _FLT_VOLUME, Link);
    Status = !Found                    ? STATUS_NO_MORE_ENTRIES
             : FltxPin(&Found->Object) ? STATUS_SUCCESS
                                       : STATUS_FLT_DELETING_OBJECT;
    KexLockRelease(&FltxLock);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = FltGetVolumeInformation(Found, InformationClass, Buffer, BufferSize, BytesReturned);
    FltxUnpin(&Found->Object);
    return Status;
}

/* SPDX-License-Identifier: MIT */
/* Event objects: NtCreateEvent and the calls on their handles. */
#include "zw/zwp.h"

static OBX_TYPE EventType = {
    .Label = "Event",
    .Mapping = {STANDARD_RIGHTS_READ | EVENT_QUERY_STATE,
                STANDARD_RIGHTS_WRITE | EVENT_MODIFY_STATE, STANDARD_RIGHTS_EXECUTE | SYNCHRONIZE,
                EVENT_ALL_ACCESS},
    .ValidAccess = EVENT_ALL_ACCESS,
    .DispatcherOffset = 0,
};

POBJECT_TYPE ExEventObjectType = &EventType;

/* A new event, or the existing one of that name with OBJ_OPENIF (STATUS_OBJECT_NAME_EXISTS)
 * (nf-ntifs-zwcreateevent). PASSIVE_LEVEL. STATUS_INVALID_PARAMETER for an unknown type. */
NTSTATUS NTAPI NtCreateEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess,
                             POBJECT_ATTRIBUTES ObjectAttributes, EVENT_TYPE EventType_,
                             BOOLEAN InitialState)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    OBX_ATTRIBUTES Attributes = {0};
    PKEVENT Event;
    NTSTATUS Status;

    if (EventType_ != NotificationEvent && EventType_ != SynchronizationEvent)
        return STATUS_INVALID_PARAMETER;
    Status = MmxProbePages(EventHandle, sizeof(HANDLE), true, Mode);
    if (NT_SUCCESS(Status) && ObjectAttributes)
        Status = ObxCaptureAttributes(ObjectAttributes, Mode, &Attributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Status =
        ObxCreateObject(&EventType, sizeof *Event, __builtin_return_address(0), (PVOID *)&Event);
    if (NT_SUCCESS(Status)) {
        KeInitializeEvent(Event, EventType_, InitialState);
        Status = ZwpInsertNamed(Event, EventHandle, DesiredAccess, &Attributes, Mode);
    }
    ObxReleaseAttributes(&Attributes);
    return Status;
}

NTSTATUS NTAPI ZwCreateEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess,
                             POBJECT_ATTRIBUTES ObjectAttributes, EVENT_TYPE EventType_,
                             BOOLEAN InitialState)
{
    ZWP_AS_KERNEL(
        NtCreateEvent(EventHandle, DesiredAccess, ObjectAttributes, EventType_, InitialState));
}

NTSTATUS NTAPI NtOpenEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    HANDLE New;
    NTSTATUS Status;

    Status = MmxProbePages(EventHandle, sizeof(HANDLE), true, Mode);
    if (NT_SUCCESS(Status))
        Status =
            ObOpenObjectByName(ObjectAttributes, &EventType, Mode, NULL, DesiredAccess, NULL, &New);
    if (NT_SUCCESS(Status))
        Status = MmxCopyOut(EventHandle, &New, sizeof New, 1, Mode);
    return Status;
}

NTSTATUS NTAPI ZwOpenEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess,
                           POBJECT_ATTRIBUTES ObjectAttributes)
{
    ZWP_AS_KERNEL(NtOpenEvent(EventHandle, DesiredAccess, ObjectAttributes));
}

/* One change of an event by handle; Previous may be NULL. */
static NTSTATUS Change(HANDLE EventHandle, PLONG Previous, LONG (*Do)(PKEVENT))
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    PKEVENT Event;
    NTSTATUS Status;
    LONG Old;

    if (Previous) {
        Status = MmxProbePages(Previous, sizeof(LONG), true, Mode);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    Status = ObxReferenceHandle(EventHandle, EVENT_MODIFY_STATE, &EventType, Mode, (PVOID *)&Event,
                                NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Old = Do(Event);
    ObDereferenceObject(Event);
    if (Previous)
        Status = MmxCopyOut(Previous, &Old, sizeof Old, 1, Mode);
    return Status;
}

static LONG Set(PKEVENT Event)
{
    return KeSetEvent(Event, 0, FALSE);
}

static LONG Reset(PKEVENT Event)
{
    return KeResetEvent(Event);
}

static LONG Pulse(PKEVENT Event)
{
    return KePulseEvent(Event, 0, FALSE);
}

NTSTATUS NTAPI NtSetEvent(HANDLE EventHandle, PLONG PreviousState)
{
    return Change(EventHandle, PreviousState, Set);
}

NTSTATUS NTAPI ZwSetEvent(HANDLE EventHandle, PLONG PreviousState)
{
    ZWP_AS_KERNEL(NtSetEvent(EventHandle, PreviousState));
}

NTSTATUS NTAPI NtResetEvent(HANDLE EventHandle, PLONG PreviousState)
{
    return Change(EventHandle, PreviousState, Reset);
}

NTSTATUS NTAPI ZwResetEvent(HANDLE EventHandle, PLONG PreviousState)
{
    ZWP_AS_KERNEL(NtResetEvent(EventHandle, PreviousState));
}

NTSTATUS NTAPI NtClearEvent(HANDLE EventHandle)
{
    return Change(EventHandle, NULL, Reset);
}

NTSTATUS NTAPI ZwClearEvent(HANDLE EventHandle)
{
    ZWP_AS_KERNEL(NtClearEvent(EventHandle));
}

NTSTATUS NTAPI NtPulseEvent(HANDLE EventHandle, PLONG PreviousState)
{
    return Change(EventHandle, PreviousState, Pulse);
}

NTSTATUS NTAPI ZwPulseEvent(HANDLE EventHandle, PLONG PreviousState)
{
    ZWP_AS_KERNEL(NtPulseEvent(EventHandle, PreviousState));
}

/* Notification or synchronization event of a name ("\BaseNamedObjects\..."), created when it is not
 * there; the handle is the caller's, the pointer lives as long (nf-wdm-iocreatenotificationevent).
 * PASSIVE_LEVEL. NULL on failure. */
static PKEVENT CreateNamed(PUNICODE_STRING EventName, PHANDLE EventHandle, EVENT_TYPE Type)
{
    OBJECT_ATTRIBUTES Attributes;
    PVOID Event;

    InitializeObjectAttributes(&Attributes, EventName, OBJ_OPENIF | OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(ZwCreateEvent(EventHandle, EVENT_ALL_ACCESS, &Attributes, Type, TRUE)))
        return NULL;
    if (!NT_SUCCESS(ObxReferenceHandle(*EventHandle, 0, &EventType, KernelMode, &Event, NULL)))
        return NULL;
    ObDereferenceObject(Event);
    return Event;
}

PKEVENT NTAPI IoCreateNotificationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle)
{
    return CreateNamed(EventName, EventHandle, NotificationEvent);
}

PKEVENT NTAPI IoCreateSynchronizationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle)
{
    return CreateNamed(EventName, EventHandle, SynchronizationEvent);
}

NTSTATUS ZwxStart(void)
{
    ObxRegisterType(&EventType);
    return STATUS_SUCCESS;
}

void ZwxEnd(void)
{
}

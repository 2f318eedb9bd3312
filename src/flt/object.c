/* SPDX-License-Identifier: MIT */
/* Filters, instances and volumes as counted objects: pins for users, references for memory. */
#include "fltx.h"

void FltxObjectInit(FLTX_OBJECT *Object, FLTX_KIND Kind)
{
    Object->Kind = Kind;
    atomic_store(&Object->References, 1);
    atomic_store(&Object->Pins, 0);
    KeInitializeEvent(&Object->Drained, NotificationEvent, FALSE);
}

BOOLEAN FltxPin(FLTX_OBJECT *Object)
{
    LONG64 Pins = atomic_load_explicit(&Object->Pins, memory_order_relaxed);

    do {
        if (Pins & 1)
            return FALSE;
    } while (!atomic_compare_exchange_weak(&Object->Pins, &Pins, Pins + 2));
    FltxHold(Object);
    return TRUE;
}

void FltxUnpin(FLTX_OBJECT *Object)
{
    LONG64 Pins = atomic_fetch_sub(&Object->Pins, 2);

    if (Pins == 3)
        KeSetEvent(&Object->Drained, IO_NO_INCREMENT, FALSE);
    FltxDrop(Object);
}

BOOLEAN FltxCloseObject(FLTX_OBJECT *Object)
{
    return !(atomic_fetch_or(&Object->Pins, 1) & 1);
}

void FltxReopenObject(FLTX_OBJECT *Object)
{
    atomic_fetch_and(&Object->Pins, ~(LONG64)1);
}

void FltxWaitUnpinned(FLTX_OBJECT *Object)
{
    while (atomic_load(&Object->Pins) > 1) {
        KeWaitForSingleObject(&Object->Drained, Executive, KernelMode, FALSE, NULL);
        KeClearEvent(&Object->Drained);
    }
}

void FltxHold(FLTX_OBJECT *Object)
{
    atomic_fetch_add_explicit(&Object->References, 1, memory_order_relaxed);
}

static void FreeFilter(PFLT_FILTER Filter)
{
    FltxFreeString(&Filter->Name);
    FltxFreeString(&Filter->Altitude);
    if (Filter->Contexts)
        ExFreePoolWithTag(Filter->Contexts, FLTX_TAG);
    ExFreePoolWithTag(Filter, FLTX_TAG);
}

static void FreeInstance(PFLT_INSTANCE Instance)
{
    FltxDrop(&Instance->Filter->Object);
    FltxDrop(&Instance->Volume->Object);
    FltxFreeString(&Instance->Name);
    FltxFreeString(&Instance->Altitude);
    ExFreePoolWithTag(Instance, FLTX_TAG);
}

void FltxDrop(FLTX_OBJECT *Object)
{
    FLTX_KIND Kind = Object->Kind;

    if (atomic_fetch_sub(&Object->References, 1) != 1)
        return;
    Object->Kind = FLTX_DEAD;
    if (Kind == FLTX_FILTER)
        FreeFilter(CONTAINING_RECORD(Object, struct _FLT_FILTER, Object));
    else if (Kind == FLTX_INSTANCE)
        FreeInstance(CONTAINING_RECORD(Object, struct _FLT_INSTANCE, Object));
    else
        FltxFreeVolume(CONTAINING_RECORD(Object, struct _FLT_VOLUME, Object));
}

FLTX_OBJECT *FltxCheckObject(PVOID Object)
{
    FLTX_OBJECT *Header = Object;

    if (Header && (Header->Kind == FLTX_FILTER || Header->Kind == FLTX_INSTANCE ||
                   Header->Kind == FLTX_VOLUME))
        return Header;
    return NULL;
}

/*
 * Takes a rundown reference on a filter, instance or volume: its teardown waits until
 * FltObjectDereference. IRQL: <= DISPATCH_LEVEL. STATUS_FLT_DELETING_OBJECT once the teardown has
 * begun (nf-fltkernel-fltobjectreference).
 */
NTSTATUS NTAPI FltObjectReference(PVOID FltObject)
{
    FLTX_OBJECT *Object = FltxCheckObject(FltObject);

    if (!Object) {
        FLTX_FINDING("FLT-OBJ-001",
                     "FltObjectReference was given %p, which is no filter, instance or volume",
                     FltObject);
        return STATUS_INVALID_PARAMETER;
    }
    return FltxPin(Object) ? STATUS_SUCCESS : STATUS_FLT_DELETING_OBJECT;
}

/* Gives a rundown reference back. IRQL: <= DISPATCH_LEVEL (nf-fltkernel-fltobjectdereference). */
VOID NTAPI FltObjectDereference(PVOID FltObject)
{
    FLTX_OBJECT *Object = FltxCheckObject(FltObject);

    if (!Object)
        FLTX_FINDING("FLT-OBJ-001",
                     "FltObjectDereference was given %p, which is no filter, instance or volume",
                     FltObject);
    else if (atomic_load(&Object->Pins) < 2)
        FLTX_FINDING("FLT-OBJ-002", "FltObjectDereference of %p without a reference to give back",
                     FltObject);
    else
        FltxUnpin(Object);
}

NTSTATUS FltxCopyString(PUNICODE_STRING Copy, PCUNICODE_STRING Source)
{
    USHORT Length = Source ? Source->Length : 0;

    Copy->Buffer = ExAllocatePoolWithTag(NonPagedPool, (SIZE_T)Length + sizeof(WCHAR), FLTX_TAG);
    if (!Copy->Buffer) {
        Copy->Length = Copy->MaximumLength = 0;
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (Length)
        RtlCopyMemory(Copy->Buffer, Source->Buffer, Length);
    Copy->Buffer[Length / sizeof(WCHAR)] = 0;
    Copy->Length = Length;
    Copy->MaximumLength = (USHORT)(Length + sizeof(WCHAR));
    return STATUS_SUCCESS;
}

void FltxFreeString(PUNICODE_STRING String)
{
    if (String->Buffer)
        ExFreePoolWithTag(String->Buffer, FLTX_TAG);
    String->Buffer = NULL;
    String->Length = String->MaximumLength = 0;
}

void FltxNarrow(char *Text, SIZE_T Size, PCUNICODE_STRING String)
{
    SIZE_T Count = String ? String->Length / sizeof(WCHAR) : 0, i;

    for (i = 0; i < Count && i + 1 < Size; i++)
        Text[i] = String->Buffer[i] < 0x80 ? (char)String->Buffer[i] : '?';
    Text[i] = 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Callback objects: named or not, with routines registered on them that a notifier calls in the
 * order of registration. No lock is held during a call; an unregistration waits until the routine
 * is not running any more.
 */
#include "ex/exi.h"
#include "ob/ob.h"

#include <string.h>

typedef struct _REGISTRATION {
    LIST_ENTRY Link;
    PCALLBACK_OBJECT Object;
    PCALLBACK_FUNCTION Function;
    PVOID Context;
    ULONG Running;
    PKTHREAD Unregistering;             /* waits for Running to fall to 0 */
} REGISTRATION;

struct _CALLBACK_OBJECT {
    host_lock Lock;                     /* the list and every Running */
    bool AllowMultiple;
    LIST_ENTRY Registrations;
};

static OBX_TYPE CallbackType = {
    .Label = "Callback",
    .Mapping = {STANDARD_RIGHTS_READ | 1, STANDARD_RIGHTS_WRITE, STANDARD_RIGHTS_EXECUTE | 1,
        STANDARD_RIGHTS_REQUIRED | 1},
    .ValidAccess = STANDARD_RIGHTS_REQUIRED | 1,
    .DispatcherOffset = OBX_NOT_WAITABLE,
};

static NTSTATUS MakeObject(const OBX_ATTRIBUTES *Attributes, BOOLEAN AllowMultiple,
                           const void *Caller, PCALLBACK_OBJECT *Object)
{
    NTSTATUS Status = ObxCreateObject(&CallbackType, sizeof **Object, Caller, (PVOID *)Object);

    if (!NT_SUCCESS(Status))
        return Status;
    (*Object)->AllowMultiple = AllowMultiple;
    InitializeListHead(&(*Object)->Registrations);
    if (Attributes->HasName)
        Status = ObxInsertName(*Object, NULL, &Attributes->Name, Attributes->Attributes);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(*Object);
        *Object = NULL;
    }
    return Status;
}

/*
 * Opens the callback object that ObjectAttributes name, or makes it when it is not there and Create
 * says so. The object carries one reference for the caller. STATUS_OBJECT_NAME_NOT_FOUND,
 * STATUS_OBJECT_TYPE_MISMATCH and what names can fail with. PASSIVE_LEVEL
 * (nf-wdm-excreatecallback).
 */
NTSTATUS NTAPI ExCreateCallback(PCALLBACK_OBJECT *CallbackObject,
                                POBJECT_ATTRIBUTES ObjectAttributes, BOOLEAN Create,
                                BOOLEAN AllowMultipleCallbacks)
{
    OBX_ATTRIBUTES Attributes;
    OBX_OPEN Open = {.Mode = KernelMode, .Type = &CallbackType};
    NTSTATUS Status = ObxCaptureAttributes(ObjectAttributes, KernelMode, &Attributes);

    if (!NT_SUCCESS(Status))
        return Status;
    Open.Attributes = Attributes.Attributes;
    Status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (Attributes.HasName)
        Status = ObxOpenName(&Open, &Attributes.Name, (PVOID *)CallbackObject);
    if (Status == STATUS_OBJECT_NAME_NOT_FOUND && Create)
        Status = MakeObject(&Attributes, AllowMultipleCallbacks, __builtin_return_address(0),
                            CallbackObject);
    ObxReleaseAttributes(&Attributes);
    return Status;
}

/* A registration for ExUnregisterCallback; NULL when the object takes only one or memory is short.
 * IRQL <= APC_LEVEL. */
PVOID NTAPI ExRegisterCallback(PCALLBACK_OBJECT CallbackObject, PCALLBACK_FUNCTION CallbackFunction,
    PVOID CallbackContext)
{
    REGISTRATION *Registration =
        ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *Registration, 0x62436245);
    bool Added;

    if (!Registration)
        return NULL;
    memset(Registration, 0, sizeof *Registration);
    Registration->Object = CallbackObject;
    Registration->Function = CallbackFunction;
    Registration->Context = CallbackContext;
    host_lock_acquire(&CallbackObject->Lock);
    Added = CallbackObject->AllowMultiple || IsListEmpty(&CallbackObject->Registrations);
    if (Added)
        InsertTailList(&CallbackObject->Registrations, &Registration->Link);
    host_lock_release(&CallbackObject->Lock);
    if (!Added) {
        ExFreePoolWithTag(Registration, 0x62436245);
        return NULL;
    }
    ObReferenceObject(CallbackObject);
    return Registration;
}

/* Returns when the routine is not running and will not run again. IRQL <= APC_LEVEL
 * (nf-wdm-exunregistercallback). */
VOID NTAPI ExUnregisterCallback(PVOID CallbackRegistration)
{
    REGISTRATION *Registration = CallbackRegistration;
    PCALLBACK_OBJECT Object = Registration->Object;
    KEX_WAIT Why = {.What = "end of a callback routine",
                    .Object = Object,
                    .Caller = __builtin_return_address(0)};

    host_lock_acquire(&Object->Lock);
    Registration->Unregistering = KexCurrentThread();
    while (Registration->Running) {
        host_lock_release(&Object->Lock);
        KexBlock(&Why, 0);
        host_lock_acquire(&Object->Lock);
    }
    RemoveEntryList(&Registration->Link);
    host_lock_release(&Object->Lock);
    ObDereferenceObject(Object);
    ExFreePoolWithTag(Registration, 0x62436245);
}

/* Calls every registered routine with the two arguments, at the caller's IRQL <= DISPATCH_LEVEL
 * (nf-wdm-exnotifycallback). */
VOID NTAPI ExNotifyCallback(PVOID CallbackObject, PVOID Argument1, PVOID Argument2)
{
    PCALLBACK_OBJECT Object = CallbackObject;

    host_lock_acquire(&Object->Lock);
    for (PLIST_ENTRY Entry = Object->Registrations.Flink; Entry != &Object->Registrations;
         Entry = Entry->Flink) {
        REGISTRATION *Registration = CONTAINING_RECORD(Entry, REGISTRATION, Link);

        if (Registration->Unregistering)
            continue;
        Registration->Running++;        /* keeps it on the list */
        host_lock_release(&Object->Lock);
        Registration->Function(Registration->Context, Argument1, Argument2);
        host_lock_acquire(&Object->Lock);
        if (!--Registration->Running && Registration->Unregistering)
            KexWake(Registration->Unregistering);
    }
    host_lock_release(&Object->Lock);
}

void ExxStartCallbacks(void)
{
    ObxRegisterType(&CallbackType);
}

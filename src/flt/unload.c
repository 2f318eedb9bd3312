/* SPDX-License-Identifier: MIT */
/* Loading and unloading filters by service name. */
#include "fltx.h"

NTSTATUS (*FltxLoadHook)(PCUNICODE_STRING ServiceName);
NTSTATUS (*FltxUnloadHook)(PCUNICODE_STRING ServiceName);

BOOLEAN FltxDriverHasFilter(PDRIVER_OBJECT Driver)
{
    return FltxFilterOfDriver(Driver) != NULL;
}

void FltxForgetDriver(PDRIVER_OBJECT Driver)
{
    PFLT_FILTER Filter = FltxFilterOfDriver(Driver);

    if (!Filter)
        return;
    KexFinding("REG-006", "verifier", NULL, "%s left its filter registered", Filter->NameText);
    FltUnregisterFilter(Filter);
}

/*
 * The filter's own FilterUnloadCallback does the work: it calls FltUnregisterFilter. The callback
 * may refuse unless the unload is mandatory; without one the filter cannot be unloaded
 * (nc-fltkernel-pflt_filter_unload_callback).
 */
NTSTATUS FltxUnloadFilter(PCUNICODE_STRING Name, BOOLEAN Mandatory)
{
    PFLT_FILTER_UNLOAD_CALLBACK Callback;
    PFLT_FILTER Filter;
    BOOLEAN Was;
    NTSTATUS Status;

    Filter = FltxPinFilterByName(Name, &Status);
    if (!Filter)
        return Status;
    Callback = Filter->Registration.FilterUnloadCallback;
    FltxHold(&Filter->Object);
    FltxUnpin(&Filter->Object); /* else FltUnregisterFilter would wait for us */
    if (!Callback || (!Mandatory && (Filter->Registration.Flags &
                                     FLTFL_REGISTRATION_DO_NOT_SUPPORT_SERVICE_STOP) != 0)) {
        FltxDrop(&Filter->Object);
        return STATUS_FLT_DO_NOT_DETACH;
    }
    KexLockAcquire(&FltxLock);
    Was = Filter->Unloading;
    Filter->Unloading = TRUE;
    KexLockRelease(&FltxLock);
    if (Was) {
        FltxDrop(&Filter->Object);
        return STATUS_FLT_DELETING_OBJECT;
    }
    Status = Callback(Mandatory ? FLTFL_FILTER_UNLOAD_MANDATORY : 0);
    if (!NT_SUCCESS(Status) && !Mandatory) {
        KexLockAcquire(&FltxLock);
        if (!Filter->Gone)
            Filter->Unloading = FALSE;
        KexLockRelease(&FltxLock);
        FltxDrop(&Filter->Object);
        return Status;
    }
    if (!Filter->Gone) {
        KexFinding("OBJ-007", "verifier", (const void *)Callback,
                   "%s returned from its unload routine without FltUnregisterFilter",
                   Filter->NameText);
        FltUnregisterFilter(Filter);
    }
    FltxDrop(&Filter->Object);
    return STATUS_SUCCESS;
}

/* Loads another filter's driver. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltloadfilter). */
NTSTATUS NTAPI FltLoadFilter(PCUNICODE_STRING FilterName)
{
    return FltxLoadHook ? FltxLoadHook(FilterName) : STATUS_NOT_SUPPORTED;
}

/*
 * Unloads another filter. IRQL: PASSIVE_LEVEL. STATUS_FLT_FILTER_NOT_FOUND,
 * STATUS_FLT_DELETING_OBJECT, or what its unload callback refused with
 * (nf-fltkernel-fltunloadfilter).
 */
NTSTATUS NTAPI FltUnloadFilter(PCUNICODE_STRING FilterName)
{
    NTSTATUS Status = FltxUnloadFilter(FilterName, FALSE);

    return NT_SUCCESS(Status) && FltxUnloadHook ? FltxUnloadHook(FilterName) : Status;
}

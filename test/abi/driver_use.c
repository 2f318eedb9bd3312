/* SPDX-License-Identifier: MIT */
/* How driver sources use the headers without further includes: must compile as it stands. */
#if defined(_WIN32)
#include "ofdriver.h"
#endif
#include "fltKernel.h"
#include "dontuse.h"
#include "ntintsafe.h"
#include "ntstrsafe.h"
#include "suppress.h"

#if defined(_WIN32)

typedef struct _CONTEXT_OF_DRIVER {
    LIST_ENTRY Links;
    FAST_MUTEX Lock;
    KSPIN_LOCK SpinLock;
    NPAGED_LOOKASIDE_LIST Pool;
    UNICODE_STRING Name;
    volatile LONG Count;
} CONTEXT_OF_DRIVER, *PCONTEXT_OF_DRIVER;

DRIVER_INITIALIZE DriverEntry;
IO_COMPLETION_ROUTINE Completed;
KSTART_ROUTINE Worker;

#ifdef ALLOC_PRAGMA
#pragma alloc_text(INIT, DriverEntry)
#endif

_Use_decl_annotations_ NTSTATUS Completed(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    if (Irp->PendingReturned)
        IoMarkIrpPending(Irp);
    InterlockedIncrement(&((PCONTEXT_OF_DRIVER)Context)->Count);
    return STATUS_CONTINUE_COMPLETION;
}

VOID Worker(PVOID StartContext)
{
    PCONTEXT_OF_DRIVER Context = StartContext;
    LARGE_INTEGER Now;
    KIRQL Irql;

    KeQuerySystemTime(&Now);
    ExAcquireFastMutex(&Context->Lock);
    KeAcquireSpinLock(&Context->SpinLock, &Irql);
    while (!IsListEmpty(&Context->Links))
        ExFreeToNPagedLookasideList(&Context->Pool, RemoveHeadList(&Context->Links));
    KeReleaseSpinLock(&Context->SpinLock, Irql);
    ExReleaseFastMutex(&Context->Lock);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    static const UNICODE_STRING Fixed = RTL_CONSTANT_STRING(L"\\Device\\Example");
    DECLARE_CONST_UNICODE_STRING(Routine, L"FltFlushBuffers2");
    WCHAR Text[64];
    OBJECT_ATTRIBUTES Attributes;
    PVOID Object = NULL;
    NTSTATUS Status;

    PAGED_CODE();
    InitializeObjectAttributes(&Attributes, RegistryPath, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE,
                               NULL, NULL);
    Status = RtlStringCbPrintfW(Text, sizeof(Text), L"%wZ %d", RegistryPath, 1);
    if (!NT_SUCCESS(Status) || wcslen(Text) == 0)
        return Status;
    try {
        ProbeForRead(Text, sizeof(Text), sizeof(WCHAR));
        if (*PsProcessType == *IoFileObjectType)
            leave;
        Object = MmGetSystemRoutineAddress((PUNICODE_STRING)&Routine);
    }
    except(EXCEPTION_EXECUTE_HANDLER)
    {
        Status = GetExceptionCode();
    }
    KdPrint(("%wZ\n", RegistryPath));
    DbgPrint("%wZ %p %p %p\n", &Fixed, Object, SeExports,
             MmUserProbeAddress ? (PVOID)DriverObject : NULL);
    ObReferenceObject(DriverObject);
    ObDereferenceObject(DriverObject);
    return Status;
}

#endif

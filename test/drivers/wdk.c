/* SPDX-License-Identifier: MIT */
/* Bound against the real import libraries, with the real headers. */
#include <FltKernel.h>
#include <NTDDK.H>

DRIVER_INITIALIZE DriverEntry;
#ifdef ALLOC_PRAGMA
#pragma alloc_text(INIT, DriverEntry)
#endif

static NTSTATUS FLTAPI Unload(FLT_FILTER_UNLOAD_FLAGS Flags)
{
    UNREFERENCED_PARAMETER(Flags);
    return STATUS_SUCCESS;
}

static const FLT_REGISTRATION Registration = {
    .Size = sizeof(FLT_REGISTRATION),
    .Version = FLT_REGISTRATION_VERSION,
    .FilterUnloadCallback = Unload,
};

__declspec(dllexport) ULONG Trace(PVOID *Frames, ULONG Count)
{
    return RtlCaptureStackBackTrace(0, Count, Frames, NULL);
}

__declspec(dllexport) NTSTATUS Caught(NTSTATUS Status)
{
    __try {
        ExRaiseStatus(Status);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return _exception_code();
    }
}

#ifdef NEWER
__declspec(dllexport) NTSTATUS Newer(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject)
{
    return FltFlushBuffers2(Instance, FileObject, 0, NULL);
}
#endif

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PFLT_FILTER Filter;

    UNREFERENCED_PARAMETER(RegistryPath);
    return FltRegisterFilter(DriverObject, &Registration, &Filter);
}

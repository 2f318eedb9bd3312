/* SPDX-License-Identifier: MIT */
/* lookup - prints what both look-up routines answer, before and after its registration; one line a
 * question. */
#include <fltKernel.h>

static PFLT_FILTER Filter;

static NTSTATUS FLTAPI Unload(FLT_FILTER_UNLOAD_FLAGS Flags)
{
    UNREFERENCED_PARAMETER(Flags);
    FltUnregisterFilter(Filter);
    return STATUS_SUCCESS;
}

static const FLT_REGISTRATION Registration = {
    .Size = sizeof(FLT_REGISTRATION),
    .Version = FLT_REGISTRATION_VERSION,
    .FilterUnloadCallback = Unload,
};

static VOID Ask(const char *When)
{
    static const char *const Flt[] = {"FltFlushBuffers2",      "FltFlushBuffers",  "FltWriteFileEx",
                                      "fltflushbuffers2",      "FltNoSuchRoutine", "KeSetEvent",
                                      "ExAllocatePoolWithTag", "FltRegisterFilter"};
    static const WCHAR *const Mm[] = {L"FltFlushBuffers2", L"FltFlushBuffers", L"FltCancelIo",
                                      L"MmMapIoSpaceEx",   L"KeSetEvent",      L"DriverEntry",
                                      L"kesetevent"};
    UNICODE_STRING Name;
    size_t i;

    for (i = 0; i < sizeof(Flt) / sizeof(Flt[0]); i++)
        DbgPrint("%s flt %s %s\n", When, Flt[i], FltGetRoutineAddress(Flt[i]) ? "found" : "NULL");
    for (i = 0; i < sizeof(Mm) / sizeof(Mm[0]); i++) {
        RtlInitUnicodeString(&Name, Mm[i]);
        DbgPrint("%s mm %ws %s\n", When, Mm[i],
                 MmGetSystemRoutineAddress(&Name) ? "found" : "NULL");
    }
    DbgPrint("%s same %s\n", When,
             FltGetRoutineAddress("FltRegisterFilter") == (PVOID)(ULONG_PTR)FltRegisterFilter
                 ? "yes"
                 : "no");
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    RTL_OSVERSIONINFOW Version = {sizeof(Version)};
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    RtlGetVersion(&Version);
    DbgPrint("build %lu\n", Version.dwBuildNumber);
    Ask("before");
    Status = FltRegisterFilter(DriverObject, &Registration, &Filter);
    Ask("after");
    return NT_SUCCESS(Status) ? FltStartFiltering(Filter) : Status;
}

/* SPDX-License-Identifier: MIT */
/* misbehave - does on request what no driver should: the name of the file that is created says
 * what. */
#include <fltKernel.h>

static PFLT_FILTER Filter;
static KEVENT Never;
static volatile LONG Calls;
static PVOID volatile Kept;

typedef struct _DEED {
    const WCHAR *Name;
    void (*Do)(PCFLT_RELATED_OBJECTS FltObjects);
} DEED;

static void ReadNull(PCFLT_RELATED_OBJECTS FltObjects)
{
    UNREFERENCED_PARAMETER(FltObjects);
    *(volatile int *)16 = 1; /* fault line */
}

static void OverwriteHeap(PCFLT_RELATED_OBJECTS FltObjects)
{
    char *p = (char *)FltObjects->Volume;
    size_t i;

    /* FltMgr's own objects live in the host's heap: everything around one is somebody's
     * book-keeping. */
    for (i = 0; i < 64 * 1024; i++)
        p[i] = 0x5A;
}

#pragma clang optimize off
static void OverwriteStack(PCFLT_RELATED_OBJECTS FltObjects)
{
    volatile char Local[16];
    volatile char *p = Local;

    UNREFERENCED_PARAMETER(FltObjects);
    for (;;)
        *p++ = 0x5A;
}

static int Recurse(volatile int n)
{
    volatile char Frame[512];

    Frame[0] = (char)n;
    return Recurse(n + 1) + Frame[0];
}

static void EndlessRecursion(PCFLT_RELATED_OBJECTS FltObjects)
{
    UNREFERENCED_PARAMETER(FltObjects);
    Recurse(0);
}
#pragma clang optimize on

static void Spin(PCFLT_RELATED_OBJECTS FltObjects)
{
    UNREFERENCED_PARAMETER(FltObjects);
    for (;;)
        Calls++;
}

static void WaitForEver(PCFLT_RELATED_OBJECTS FltObjects)
{
    UNREFERENCED_PARAMETER(FltObjects);
    KeWaitForSingleObject(&Never, Executive, KernelMode, FALSE, NULL);
}

static void BugCheck(PCFLT_RELATED_OBJECTS FltObjects)
{
    UNREFERENCED_PARAMETER(FltObjects);
    KeBugCheckEx(0x22, 1, 2, 3, 4);
}

static void CallMissing(PCFLT_RELATED_OBJECTS FltObjects)
{
    /* Long unlikely to get a body; the test asks `openflt api` first. */
    UNREFERENCED_PARAMETER(FltObjects);
    IoWriteErrorLogEntry(NULL);
}

static void LeakPool(PCFLT_RELATED_OBJECTS FltObjects)
{
    UNREFERENCED_PARAMETER(FltObjects);
    Kept = ExAllocatePoolWithTag(NonPagedPoolNx, 123, 'kaeL'); /* leak line */
}

static void LeakCallbackData(PCFLT_RELATED_OBJECTS FltObjects)
{
    PFLT_CALLBACK_DATA Data;

    FltAllocateCallbackData(FltObjects->Instance, FltObjects->FileObject, &Data);
}

static void DoubleFree(PCFLT_RELATED_OBJECTS FltObjects)
{
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 64, 'lbuD');

    UNREFERENCED_PARAMETER(FltObjects);
    ExFreePoolWithTag(p, 'lbuD');
    ExFreePoolWithTag(p, 'lbuD');
}

static void Overrun(PCFLT_RELATED_OBJECTS FltObjects)
{
    char *p = ExAllocatePoolWithTag(NonPagedPoolNx, 100, 'nurO');

    UNREFERENCED_PARAMETER(FltObjects);
    p[100] = 1;
    ExFreePoolWithTag(p, 'nurO');
}

static void CallWild(PCFLT_RELATED_OBJECTS FltObjects)
{
    UNREFERENCED_PARAMETER(FltObjects);
    ((void (*)(void))(ULONG_PTR)0xdead0000beefULL)();
}

static void Breakpoint(PCFLT_RELATED_OBJECTS FltObjects)
{
    UNREFERENCED_PARAMETER(FltObjects);
    __asm__ volatile("int3");
}

static void Privileged(PCFLT_RELATED_OBJECTS FltObjects)
{
    UNREFERENCED_PARAMETER(FltObjects);
    __asm__ volatile("cli");
}

static void PrintParts(PCFLT_RELATED_OBJECTS FltObjects)
{
    UNREFERENCED_PARAMETER(FltObjects);
    DbgPrint("half a ");
    DbgPrint("line\n");
    DbgPrint("no end");
}

static void PrintAndDie(PCFLT_RELATED_OBJECTS FltObjects)
{
    DbgPrint("last words without an end");
    ReadNull(FltObjects);
}

static const DEED Deeds[] = {
    {L"\\null", ReadNull},
    {L"\\heap", OverwriteHeap},
    {L"\\stack", OverwriteStack},
    {L"\\recurse", EndlessRecursion},
    {L"\\spin", Spin},
    {L"\\wait", WaitForEver},
    {L"\\bugcheck", BugCheck},
    {L"\\missing", CallMissing},
    {L"\\leakpool", LeakPool},
    {L"\\leakdata", LeakCallbackData},
    {L"\\doublefree", DoubleFree},
    {L"\\overrun", Overrun},
    {L"\\wild", CallWild},
    {L"\\int3", Breakpoint},
    {L"\\cli", Privileged},
    {L"\\print", PrintParts},
    {L"\\printdie", PrintAndDie},
};

static FLT_PREOP_CALLBACK_STATUS FLTAPI PreCreate(PFLT_CALLBACK_DATA Data,
                                                  PCFLT_RELATED_OBJECTS FltObjects,
                                                  PVOID *CompletionContext)
{
    UNICODE_STRING Name;
    size_t i;

    UNREFERENCED_PARAMETER(Data);
    UNREFERENCED_PARAMETER(CompletionContext);
    for (i = 0; i < sizeof(Deeds) / sizeof(Deeds[0]); i++) {
        RtlInitUnicodeString(&Name, Deeds[i].Name);
        if (RtlEqualUnicodeString(&FltObjects->FileObject->FileName, &Name, TRUE))
            Deeds[i].Do(FltObjects);
    }
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

static NTSTATUS FLTAPI Unload(FLT_FILTER_UNLOAD_FLAGS Flags)
{
    UNREFERENCED_PARAMETER(Flags);
    FltUnregisterFilter(Filter);
    return STATUS_SUCCESS;
}

static const FLT_OPERATION_REGISTRATION Operations[] = {
    {IRP_MJ_CREATE, 0, PreCreate, NULL, NULL},
    {IRP_MJ_OPERATION_END, 0, NULL, NULL, NULL},
};

static const FLT_REGISTRATION Registration = {
    .Size = sizeof(FLT_REGISTRATION),
    .Version = FLT_REGISTRATION_VERSION,
    .OperationRegistration = Operations,
    .FilterUnloadCallback = Unload,
};

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    KeInitializeEvent(&Never, NotificationEvent, FALSE);
#ifdef ENTRY_FAILS
    return STATUS_INSUFFICIENT_RESOURCES;
#endif
#ifdef ENTRY_SPINS
    for (;;)
        Calls++;
#endif
    Status = FltRegisterFilter(DriverObject, &Registration, &Filter);
    return NT_SUCCESS(Status) ? FltStartFiltering(Filter) : Status;
}

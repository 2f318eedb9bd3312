/* SPDX-License-Identifier: MIT */
/* Objects, handles, names. */
#include "../io/toyfs.h"

static int Deleted, Closed;
static PVOID DeletedBy;
static LONG LastCount;

static void OnDelete(PVOID Body)
{
    UNREFERENCED_PARAMETER(Body);
    DeletedBy = PsGetCurrentThread();
    Deleted++;
}

static void OnClose(PEPROCESS Process, PVOID Body, ACCESS_MASK Access, LONG ProcessHandles,
                    LONG SystemHandles)
{
    UNREFERENCED_PARAMETER(Process);
    UNREFERENCED_PARAMETER(Body);
    UNREFERENCED_PARAMETER(Access);
    UNREFERENCED_PARAMETER(ProcessHandles);
    Closed++;
    LastCount = SystemHandles;
}

static OBX_TYPE Thing = {.Label = "Thing",
                         .ValidAccess = 0x1f0003,
                         .Mapping = {1, 2, 0, 0x1f0003},
                         .DispatcherOffset = OBX_NOT_WAITABLE,
                         .Delete = OnDelete,
                         .Close = OnClose};
static POBJECT_TYPE ThingType = &Thing;

static PVOID NewThing(void)
{
    PVOID Body;

    ObxRegisterType(&Thing);
    REQUIRE(NT_SUCCESS(ObxCreateObject(&Thing, 100, NULL, &Body)));
    return Body;
}

static UNICODE_STRING Str(const WCHAR *Text)
{
    UNICODE_STRING s;

    RtlInitUnicodeString(&s, Text);
    return s;
}

TEST(ob_counts, "ob.ObDereferenceObject.deletes_at_zero")
{
    StartKernel();
    PVOID Body = NewThing();
    CHECK_EQ(ObReferenceObject(Body), 2);
    CHECK_EQ(ObDereferenceObject(Body), 1);
    CHECK_EQ(Deleted, 0);
    CHECK_EQ(ObDereferenceObject(Body), 0);
    CHECK_EQ(Deleted, 1);
    CHECK_EQ(Thing.Live, 0);
}

TEST(ob_defer, "ob.ObDereferenceObjectDeferDelete.runs_later_and_above_passive")
{
    StartKernel();
    KIRQL Irql;
    PVOID A = NewThing(), B = NewThing();

    ObDereferenceObjectDeferDelete(A);
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    ObDereferenceObject(B);
    KeLowerIrql(Irql);
    for (int i = 0; i < 1000 && Deleted < 2; i++) {
        LARGE_INTEGER t = {.QuadPart = -10000};
        KeDelayExecutionThread(KernelMode, FALSE, &t);
    }
    CHECK_EQ(Deleted, 2);
    CHECK(DeletedBy != PsGetCurrentThread());
}

TEST(ob_type, "ob.ObReferenceObjectByPointer.type_mismatch")
{
    StartKernel();
    PVOID Body = NewThing();

    CHECK_EQ(ObReferenceObjectByPointer(Body, 0, ThingType, KernelMode), STATUS_SUCCESS);
    CHECK_EQ(ObReferenceObjectByPointer(Body, 0, IoFileObjectType, KernelMode),
             STATUS_OBJECT_TYPE_MISMATCH);
    CHECK_EQ(ObReferenceObjectByPointer(Body, 0, NULL, KernelMode), STATUS_SUCCESS);
    CHECK_EQ(ObReferenceObjectByPointer(Body, 0, NULL, UserMode), STATUS_OBJECT_TYPE_MISMATCH);
}

TEST(ob_handles, "ob.ObReferenceObjectByHandle.access_type_and_close")
{
    StartKernel();
    PVOID Body = NewThing(), Again;
    OBJECT_HANDLE_INFORMATION Info;
    HANDLE h, k;

    CHECK_EQ(ObxInsertHandle(NULL, Body, 1, 0, &h), STATUS_SUCCESS);
    CHECK_EQ(ObxInsertHandle(NULL, Body, 3, OBJ_KERNEL_HANDLE, &k), STATUS_SUCCESS);
    CHECK(ObxIsKernelHandle(k) && !ObxIsKernelHandle(h));
    CHECK_EQ((ULONG_PTR)h & 3, 0);
    CHECK_EQ(ObReferenceObjectByHandle(h, 1, ThingType, UserMode, &Again, &Info), STATUS_SUCCESS);
    CHECK(Again == Body);
    CHECK_EQ(Info.GrantedAccess, 1);
    ObDereferenceObject(Again);
    CHECK_EQ(ObReferenceObjectByHandle(h, 2, ThingType, UserMode, &Again, NULL),
             STATUS_ACCESS_DENIED);
    CHECK_EQ(ObReferenceObjectByHandle(h, 2, ThingType, KernelMode, &Again, NULL), STATUS_SUCCESS);
    ObDereferenceObject(Again);
    CHECK_EQ(ObReferenceObjectByHandle(h, 1, IoFileObjectType, KernelMode, &Again, NULL),
             STATUS_OBJECT_TYPE_MISMATCH);
    /* User mode cannot use the kernel's handles. */
    CHECK_EQ(ObReferenceObjectByHandle(k, 1, ThingType, UserMode, &Again, NULL),
             STATUS_INVALID_HANDLE);
    CHECK_EQ(ZwClose(h), STATUS_SUCCESS);
    CHECK_EQ(LastCount, 2);
    CHECK_EQ(ObReferenceObjectByHandle(h, 1, ThingType, KernelMode, &Again, NULL),
             STATUS_INVALID_HANDLE);
    CHECK_EQ(ZwClose(k), STATUS_SUCCESS);
    CHECK_EQ(LastCount, 1);
    CHECK_EQ(Closed, 2);
    CHECK_EQ(Deleted, 0);
    ObDereferenceObject(Body);
    CHECK_EQ(Deleted, 1);
}

static int Findings;
static char LastRule[32];

static void OnFinding(const KEX_FINDING *Finding)
{
    Findings++;
    snprintf(LastRule, sizeof LastRule, "%s", Finding->Rule);
}

TEST(ob_bad_close, "ob.NtClose.bad_handle.OBM-003")
{
    StartKernel();
    KexHooks.Finding = OnFinding;
    CHECK_EQ(ZwClose((HANDLE)0x7770), STATUS_INVALID_HANDLE);
    CHECK_EQ(Findings, 1);
    CHECK_STR(LastRule, "OBM-003");
    KexSetPreviousMode(UserMode);
    CHECK_EQ(NtClose((HANDLE)0x7770), STATUS_INVALID_HANDLE);
    CHECK_EQ(Findings, 1);
    KexSetPreviousMode(KernelMode);
    CHECK_EQ(ZwClose(ZwCurrentProcess()), STATUS_SUCCESS);
}

TEST(ob_reuse, "ob.NtClose.freed_value_is_reused_and_table_grows")
{
    StartKernel();
    PVOID Body = NewThing();
    HANDLE h[500];

    for (int i = 0; i < 500; i++)
        REQUIRE(NT_SUCCESS(ObxInsertHandle(NULL, Body, 1, 0, &h[i])));
    CHECK_EQ(OBX_HEADER_OF(Body)->Handles, 500);
    CHECK_EQ(ZwClose(h[17]), STATUS_SUCCESS);
    HANDLE Again;
    CHECK_EQ(ObxInsertHandle(NULL, Body, 1, 0, &Again), STATUS_SUCCESS);
    CHECK(Again == h[17]);
    for (int i = 0; i < 500; i++)
        CHECK_EQ(ZwClose(h[i]), STATUS_SUCCESS);
    CHECK_EQ(OBX_HEADER_OF(Body)->References, 1);
}

TEST(ob_names, "ob.ObReferenceObjectByName.links_and_errors")
{
    StartKernel();
    UNICODE_STRING Name = Str(L"\\Device\\Thing"), Link = Str(L"\\??\\T:"), Out;
    PVOID Body = NewThing(), Found;
    char Room[256];
    POBJECT_NAME_INFORMATION Info = (PVOID)Room;
    ULONG Needed;

    CHECK_EQ(ObxInsertName(Body, NULL, &Name, 0), STATUS_SUCCESS);
    CHECK_EQ(ObxInsertName(NewThing(), NULL, &Name, 0), STATUS_OBJECT_NAME_COLLISION);
    CHECK_EQ(IoCreateSymbolicLink(&Link, &Name), STATUS_SUCCESS);
    Out = Str(L"\\dosdevices\\t:");
    CHECK_EQ(ObReferenceObjectByName(&Out, OBJ_CASE_INSENSITIVE, NULL, 0, ThingType, KernelMode,
                                     NULL, &Found),
             0);
    CHECK(Found == Body);
    ObDereferenceObject(Found);
    Out = Str(L"\\??\\T:\\below");
    CHECK_EQ(ObReferenceObjectByName(&Out, 0, NULL, 0, NULL, KernelMode, NULL, &Found),
             STATUS_OBJECT_TYPE_MISMATCH);
    Out = Str(L"\\Device\\None");
    CHECK_EQ(ObReferenceObjectByName(&Out, 0, NULL, 0, NULL, KernelMode, NULL, &Found),
             STATUS_OBJECT_NAME_NOT_FOUND);
    Out = Str(L"\\None\\Thing");
    CHECK_EQ(ObReferenceObjectByName(&Out, 0, NULL, 0, NULL, KernelMode, NULL, &Found),
             STATUS_OBJECT_PATH_NOT_FOUND);
    Out = Str(L"Device");
    CHECK_EQ(ObReferenceObjectByName(&Out, 0, NULL, 0, NULL, KernelMode, NULL, &Found),
             STATUS_OBJECT_PATH_SYNTAX_BAD);
    Out = Str(L"\\Device\\\\Thing");
    CHECK_EQ(ObReferenceObjectByName(&Out, 0, NULL, 0, NULL, KernelMode, NULL, &Found),
             STATUS_OBJECT_NAME_INVALID);
    CHECK_EQ(ObQueryNameString(Body, Info, sizeof Room, &Needed), STATUS_SUCCESS);
    CHECK(RtlEqualUnicodeString(&Info->Name, &Name, FALSE));
    CHECK_EQ(Needed, sizeof *Info + Name.Length + 2);
    CHECK_EQ(ObQueryNameString(Body, Info, Needed - 1, &Needed), STATUS_INFO_LENGTH_MISMATCH);
    CHECK_EQ(IoDeleteSymbolicLink(&Link), STATUS_SUCCESS);
    CHECK_EQ(IoDeleteSymbolicLink(&Link), STATUS_OBJECT_NAME_NOT_FOUND);
    /* The entry does not keep the object. */
    ObDereferenceObject(Body);
    Out = Name;
    CHECK_EQ(ObReferenceObjectByName(&Out, 0, NULL, 0, NULL, KernelMode, NULL, &Found),
             STATUS_OBJECT_NAME_NOT_FOUND);
}

TEST(ob_loop, "ob.ObReferenceObjectByName.link_loop_ends")
{
    StartKernel();
    UNICODE_STRING A = Str(L"\\??\\A:"), B = Str(L"\\??\\B:");
    PVOID Found;

    CHECK_EQ(IoCreateSymbolicLink(&A, &B), STATUS_SUCCESS);
    CHECK_EQ(IoCreateSymbolicLink(&B, &A), STATUS_SUCCESS);
    CHECK_EQ(ObReferenceObjectByName(&A, 0, NULL, 0, NULL, KernelMode, NULL, &Found),
             STATUS_OBJECT_NAME_INVALID);
}

TEST(ob_duplicate, "ob.NtDuplicateObject.access_and_close_source")
{
    StartKernel();
    PVOID Body = NewThing();
    HANDLE h, d;

    REQUIRE(NT_SUCCESS(ObxInsertHandle(NULL, Body, 1, 0, &h)));
    KexSetPreviousMode(UserMode);
    PHANDLE Out = MmxAllocateUser(4096, PAGE_READWRITE);
    CHECK_EQ(NtDuplicateObject(NtCurrentProcess(), h, NtCurrentProcess(), Out, 3, 0, 0),
             STATUS_ACCESS_DENIED);
    CHECK_EQ(NtDuplicateObject(NtCurrentProcess(), h, NtCurrentProcess(), Out, 0, 0,
                               DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE),
             STATUS_SUCCESS);
    d = *Out;
    /* The kernel's address is no place for a user's handle. */
    CHECK_EQ(NtDuplicateObject(NtCurrentProcess(), d, NtCurrentProcess(), &d, 0, 0,
                               DUPLICATE_SAME_ACCESS),
             STATUS_ACCESS_VIOLATION);
    KexSetPreviousMode(KernelMode);
    CHECK_EQ(OBX_HEADER_OF(Body)->Handles, 1);
    CHECK_EQ(ZwClose(d), STATUS_SUCCESS);
}

static int Seen;

static void CountThings(const OBX_OPEN_HANDLE *Open, void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    if (!strcmp(Open->Type, "Thing"))
        Seen++;
}

static void FindHolder(const OBX_LIVE *Live, void *Context)
{
    for (const OBX_HOLDER *Holder = Live->Holders; Holder; Holder = Holder->Next)
        *(LONG *)Context += Holder->Taken;
}

TEST(ob_leaks, "ob.leaks.handles_and_holders_are_listed")
{
    StartKernel();
    LONG Taken = 0;
    PVOID Body = NewThing();
    HANDLE h;

    ObxTracking = true;
    ObReferenceObject(Body);
    ObReferenceObject(Body);
    ObDereferenceObject(Body);
    REQUIRE(NT_SUCCESS(ObxInsertHandle(NULL, Body, 1, 0, &h)));
    ObxForEachOpenHandle(CountThings, NULL);
    CHECK_EQ(Seen, 1);
    ObxForEachObject(&Thing, FindHolder, &Taken);
    CHECK_EQ(Taken, 2);
    CHECK_EQ(Thing.Live, 1);
}

TEST(ob_processes, "ps.PsxCreateProcess.handles_are_its_own")
{
    StartKernel();
    UNICODE_STRING Image = Str(L"\\Device\\HarddiskVolume1\\bin\\a-long-program-name.exe");
    PEPROCESS Process, Found;
    PVOID Body = NewThing();
    KAPC_STATE State;
    HANDLE h;

    CHECK_EQ(PsxCreateProcess(&Image, NULL, &Process), STATUS_SUCCESS);
    CHECK_STR((char *)PsGetProcessImageFileName(Process), "a-long-program-");
    CHECK_EQ(PsLookupProcessByProcessId(PsGetProcessId(Process), &Found), STATUS_SUCCESS);
    CHECK(Found == Process);
    ObDereferenceObject(Found);
    CHECK_EQ(ObxInsertHandle(Process, Body, 1, 0, &h), STATUS_SUCCESS);
    PVOID Again;
    CHECK(!NT_SUCCESS(ObReferenceObjectByHandle(h, 0, ThingType, KernelMode, &Again, NULL)));
    KeStackAttachProcess((PRKPROCESS)Process, &State);
    CHECK_EQ(ObReferenceObjectByHandle(h, 0, ThingType, KernelMode, &Again, NULL), STATUS_SUCCESS);
    KeUnstackDetachProcess(&State);
    ObDereferenceObject(Again);
    PsxEndProcess(Process, STATUS_SUCCESS);
    CHECK_EQ(Closed, 1);
    CHECK_EQ(PsLookupProcessByProcessId(PsGetProcessId(Process), &Found), STATUS_INVALID_PARAMETER);
    CHECK_EQ(KeWaitForSingleObject(Process, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ObDereferenceObject(Process);
}

static ULONG ThreadSeen[4];
static int ThreadEvents;

static VOID NTAPI OnThread(HANDLE Process, HANDLE Thread, BOOLEAN Create)
{
    CHECK(Process == PsGetProcessId(PsInitialSystemProcess));
    if (ThreadEvents < 4)
        ThreadSeen[ThreadEvents++] = HandleToULong(Thread) | (Create ? 1 : 0);
}

static VOID NTAPI EndsItself(PVOID Context)
{
    if (Context)
        PsTerminateSystemThread(STATUS_UNSUCCESSFUL);
}

TEST(ps_threads, "ps.PsSetCreateThreadNotifyRoutine.start_and_both_ways_to_end")
{
    StartKernel();
    CHECK_EQ(PsSetCreateThreadNotifyRoutine(OnThread), STATUS_SUCCESS);
    for (int i = 0; i < 2; i++) {
        CLIENT_ID Id;
        PVOID Thread;
        HANDLE h;

        REQUIRE(NT_SUCCESS(PsCreateSystemThread(&h, 0, NULL, NULL, &Id, EndsItself,
                                                (PVOID)(ULONG_PTR)i)));
        REQUIRE(NT_SUCCESS(
            ObReferenceObjectByHandle(h, 0, PsThreadType, KernelMode, &Thread, NULL)));
        KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, NULL);
        CHECK_EQ(PsGetThreadExitStatus(Thread), i ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS);
        CHECK_EQ(ThreadSeen[i * 2], HandleToULong(Id.UniqueThread) | 1);
        CHECK_EQ(ThreadSeen[i * 2 + 1], HandleToULong(Id.UniqueThread));
        ObDereferenceObject(Thread);
        ZwClose(h);
    }
    CHECK_EQ(ThreadEvents, 4);
    CHECK_EQ(PsRemoveCreateThreadNotifyRoutine(OnThread), STATUS_SUCCESS);
    CHECK_EQ(PsRemoveCreateThreadNotifyRoutine(OnThread), STATUS_PROCEDURE_NOT_FOUND);
}

static NTSTATUS Refusal;

static VOID NTAPI OnProcess(PEPROCESS Process, HANDLE Id, PPS_CREATE_NOTIFY_INFO Info)
{
    CHECK(PsGetProcessId(Process) == Id);
    if (Info)
        Info->CreationStatus = Refusal;
}

TEST(ps_refuse, "ps.PsSetCreateProcessNotifyRoutineEx.may_refuse")
{
    StartKernel();
    UNICODE_STRING Image = Str(L"\\x.exe");
    PEPROCESS Process;

    CHECK_EQ(PsSetCreateProcessNotifyRoutineEx(OnProcess, FALSE), STATUS_SUCCESS);
    CHECK_EQ(PsSetCreateProcessNotifyRoutineEx(OnProcess, FALSE), STATUS_INVALID_PARAMETER);
    Refusal = STATUS_ACCESS_DENIED;
    CHECK_EQ(PsxCreateProcess(&Image, NULL, &Process), STATUS_ACCESS_DENIED);
    Refusal = STATUS_SUCCESS;
    CHECK_EQ(PsxCreateProcess(&Image, NULL, &Process), STATUS_SUCCESS);
    PsxEndProcess(Process, STATUS_SUCCESS);
    ObDereferenceObject(Process);
    CHECK_EQ(PsxProcessType.Live, 1);
    CHECK_EQ(PsSetCreateProcessNotifyRoutineEx(OnProcess, TRUE), STATUS_SUCCESS);
}

/* SPDX-License-Identifier: MIT */
/* Requests through a stack of three devices of a test driver. */
#include "toyfs.h"

static PDRIVER_OBJECT Driver;
static PDEVICE_OBJECT Device[3]; /* 0 the lowest */
static char Order[64];
static int Findings;
static char LastRule[32];
static PIRP Kept;
static bool PendLowest;

static void Note(char c)
{
    size_t n = strlen(Order);

    Order[n] = c;
    Order[n + 1] = 0;
}

static void OnFinding(const KEX_FINDING *Finding)
{
    Findings++;
    snprintf(LastRule, sizeof LastRule, "%s", Finding->Rule);
}

static ULONG StopCode;

static void OnStop(const KEX_STOP *Stop)
{
    printf("stop 0x%x\n", Stop->Code);
    fflush(NULL);
    _exit(Stop->Code == StopCode ? 0 : 1);
}

static NTSTATUS NTAPI Completed(PDEVICE_OBJECT Of, PIRP Irp, PVOID Context)
{
    Note((char)(ULONG_PTR)Context);
    CHECK(Of == Device[1] || Of == Device[2]);
    if (Irp->PendingReturned)
        IoMarkIrpPending(Irp);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS NTAPI Dispatch(PDEVICE_OBJECT Of, PIRP Irp)
{
    if (Of == Device[0]) {
        Note('0');
        if (PendLowest) {
            IoMarkIrpPending(Irp);
            Kept = Irp;
            return STATUS_PENDING;
        }
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Irp->IoStatus.Information = 42;
        IofCompleteRequest(Irp, 0);
        return STATUS_SUCCESS;
    }
    Note(Of == Device[1] ? '1' : '2');
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, Completed, (PVOID)(ULONG_PTR)(Of == Device[1] ? 'b' : 'c'), TRUE,
                           TRUE, TRUE);
    return IoCallDriver(IoxLowerDevice(Of), Irp);
}

static NTSTATUS NTAPI Entry(PDRIVER_OBJECT Object, PUNICODE_STRING Path)
{
    UNREFERENCED_PARAMETER(Path);
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        Object->MajorFunction[i] = Dispatch;
    return STATUS_SUCCESS;
}

static void StartStack(void)
{
    static const UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Driver\\stack");

    StartKernel();
    KexHooks.Finding = OnFinding;
    REQUIRE(NT_SUCCESS(IoxCreateDriver(&Name, Entry, &Driver)));
    for (int i = 0; i < 3; i++) {
        REQUIRE(NT_SUCCESS(
            IoCreateDevice(Driver, 16, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device[i])));
        Device[i]->Flags &= ~DO_DEVICE_INITIALIZING;
        if (i)
            REQUIRE(IoAttachDeviceToDeviceStack(Device[i], Device[0]) == Device[i - 1]);
    }
}

/* The sender's routine keeps the request. */
static NTSTATUS NTAPI Keep(PDEVICE_OBJECT Of, PIRP Irp, PVOID Context)
{
    CHECK(Of == NULL);
    Note('.');
    if (Irp->PendingReturned)
        KeSetEvent(Context, 0, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static PIRP NewFlush(PVOID Event)
{
    PIRP Irp = IoAllocateIrp(Device[2]->StackSize, FALSE);

    REQUIRE(Irp != NULL);
    IoGetNextIrpStackLocation(Irp)->MajorFunction = IRP_MJ_FLUSH_BUFFERS;
    IoSetCompletionRoutine(Irp, Keep, Event, TRUE, TRUE, TRUE);
    return Irp;
}

TEST(io_shape, "io.IoAllocateIrp.shape_and_sizes")
{
    StartStack();
    CHECK_EQ(sizeof(IRP), 208);
    CHECK_EQ(sizeof(IO_STACK_LOCATION), 72);
    for (int n = 1; n < 60; n++) {
        PIRP Irp = IoAllocateIrp((CCHAR)n, FALSE);

        REQUIRE(Irp != NULL);
        CHECK_EQ(Irp->StackCount, n);
        CHECK_EQ(Irp->CurrentLocation, n + 1);
        CHECK_EQ(Irp->Size, 208 + 72 * n);
        CHECK((char *)Irp->Tail.Overlay.CurrentStackLocation == (char *)(Irp + 1) + 72 * n);
        CHECK(!Irp->Cancel && !Irp->MdlAddress && Irp->Type == IO_TYPE_IRP);
        IoFreeIrp(Irp);
    }
    CHECK(IoAllocateIrp(0, FALSE) == NULL);
}

TEST(io_order, "io.IofCompleteRequest.routines_run_upwards")
{
    StartStack();
    KEVENT Event;
    PIRP Irp = NewFlush(&Event);

    CHECK_EQ(Device[2]->StackSize, 3);
    CHECK_EQ(IoCallDriver(Device[2], Irp), STATUS_SUCCESS);
    CHECK_STR(Order, "210bc.");
    CHECK_EQ(Irp->IoStatus.Information, 42);
    IoReuseIrp(Irp, STATUS_UNSUCCESSFUL);
    CHECK_EQ(Irp->CurrentLocation, 4);
    CHECK_EQ(Irp->IoStatus.Status, STATUS_UNSUCCESSFUL);
    IoFreeIrp(Irp);
    CHECK_EQ(Findings, 0);
}

static VOID NTAPI CompleteKept(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    Kept->IoStatus.Status = STATUS_SUCCESS;
    IofCompleteRequest(Kept, 0);
}

TEST(io_pending, "io.IofCompleteRequest.pending_propagates_to_the_sender")
{
    StartStack();
    KEVENT Event;
    PIRP Irp = NewFlush(&Event);
    HANDLE Thread;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    PendLowest = true;
    CHECK_EQ(IoCallDriver(Device[2], Irp), STATUS_PENDING);
    REQUIRE(NT_SUCCESS(PsCreateSystemThread(&Thread, 0, NULL, NULL, NULL, CompleteKept, NULL)));
    CHECK_EQ(KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    CHECK_STR(Order, "210bc.");
    IoFreeIrp(Irp);
}

TEST(io_synchronous, "io.IoBuildSynchronousFsdRequest.event_and_status_by_apc")
{
    StartStack();
    IO_STATUS_BLOCK Iosb = {.Status = 0x77};
    KEVENT Event;
    HANDLE Thread;
    PIRP Irp;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Irp =
        IoBuildSynchronousFsdRequest(IRP_MJ_FLUSH_BUFFERS, Device[2], NULL, 0, NULL, &Event, &Iosb);
    CHECK_EQ(IoCallDriver(Device[2], Irp), STATUS_SUCCESS);
    CHECK_EQ(Iosb.Information, 42);
    CHECK_EQ(KeReadStateEvent(&Event), 1);
    KeClearEvent(&Event);
    PendLowest = true;
    Irp =
        IoBuildSynchronousFsdRequest(IRP_MJ_FLUSH_BUFFERS, Device[2], NULL, 0, NULL, &Event, &Iosb);
    CHECK_EQ(IoCallDriver(Device[2], Irp), STATUS_PENDING);
    REQUIRE(NT_SUCCESS(PsCreateSystemThread(&Thread, 0, NULL, NULL, NULL, CompleteKept, NULL)));
    CHECK_EQ(KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    CHECK_EQ(Iosb.Status, STATUS_SUCCESS);
}

static LARGE_INTEGER Tenth = {.QuadPart = -1000000};

TEST(io_apc_level, "io.IoBuildSynchronousFsdRequest.special_apcs_off_keep_the_result_back")
{
    StartStack();
    IO_STATUS_BLOCK Iosb;
    KEVENT Event;
    HANDLE Thread;
    PIRP Irp;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    PendLowest = true;
    KeEnterGuardedRegion();
    Irp =
        IoBuildSynchronousFsdRequest(IRP_MJ_FLUSH_BUFFERS, Device[2], NULL, 0, NULL, &Event, &Iosb);
    CHECK_EQ(IoCallDriver(Device[2], Irp), STATUS_PENDING);
    REQUIRE(NT_SUCCESS(PsCreateSystemThread(&Thread, 0, NULL, NULL, NULL, CompleteKept, NULL)));
    CHECK_EQ(KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, &Tenth), STATUS_TIMEOUT);
    KeLeaveGuardedRegion();
    CHECK_EQ(KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, &Tenth), STATUS_SUCCESS);
}

TEST(io_associated, "io.IoMakeAssociatedIrp.last_part_completes_the_master")
{
    StartStack();
    KEVENT Event;
    PIRP Master = NewFlush(&Event), Part[3];

    IoSetNextIrpStackLocation(Master);
    Master->AssociatedIrp.IrpCount = 3;
    for (int i = 0; i < 3; i++) {
        Part[i] = IoMakeAssociatedIrp(Master, 3);
        IoGetNextIrpStackLocation(Part[i])->MajorFunction = IRP_MJ_READ;
    }
    for (int i = 0; i < 3; i++) {
        CHECK(strchr(Order, '.') == NULL);
        IoCallDriver(Device[2], Part[i]);
    }
    CHECK_STR(Order, "210bc210bc210bc.");
    IoFreeIrp(Master);
    CHECK_EQ(Findings, 0);
}

TEST(io_twice, "io.IofCompleteRequest.twice_is_bug_check_44.IRP-005")
{
    StartStack();
    IO_STATUS_BLOCK Iosb;
    KEVENT Event;

    KexHooks.Stop = OnStop;
    StopCode = MULTIPLE_IRP_COMPLETE_REQUESTS;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    PIRP Irp =
        IoBuildSynchronousFsdRequest(IRP_MJ_FLUSH_BUFFERS, Device[0], NULL, 0, NULL, &Event, &Iosb);
    IoCallDriver(Device[0], Irp);
    IofCompleteRequest(Irp, 0);
    CHECK(!"reached");
}

TEST(io_depth, "io.IofCallDriver.no_location_left_is_bug_check_35.IRP-011")
{
    StartStack();
    KexHooks.Stop = OnStop;
    StopCode = NO_MORE_IRP_STACK_LOCATIONS;
    PIRP Irp = IoAllocateIrp(1, FALSE);
    /* Its only location is the sender's own already. */
    IoSetNextIrpStackLocation(Irp);
    IoCallDriver(Device[0], Irp);
    CHECK(!"reached");
}

TEST(io_findings, "io.IoFreeIrp.misuse.IRP-002_IRP-022_IRP-006")
{
    StartStack();
    IO_STATUS_BLOCK Iosb;
    KEVENT Event;
    PIRP Irp = IoAllocateIrp(3, FALSE);

    IoFreeIrp(Irp);
    IoFreeIrp(Irp);
    CHECK_STR(LastRule, "IRP-002");
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Irp =
        IoBuildSynchronousFsdRequest(IRP_MJ_FLUSH_BUFFERS, Device[2], NULL, 0, NULL, &Event, &Iosb);
    IoFreeIrp(Irp);
    CHECK_STR(LastRule, "IRP-022");
    Irp = NewFlush(&Event);
    IoSetNextIrpStackLocation(Irp);
    Irp->IoStatus.Status = STATUS_PENDING;
    IofCompleteRequest(Irp, 0);
    CHECK_STR(LastRule, "IRP-006");
    CHECK_EQ(Findings, 3);
}

static LONG Live;

static void CountLive(const IOX_LIVE_IRP *One, void *Context)
{
    UNREFERENCED_PARAMETER(Context);
    CHECK(One->Creator != NULL);
    Live++;
}

TEST(io_live, "io.IoxForEachIrp.lists_what_was_not_freed.MEM-006")
{
    StartStack();
    PIRP A = IoAllocateIrp(3, FALSE), B = IoAllocateIrp(30, FALSE), C = IoAllocateIrp(12, FALSE);

    IoFreeIrp(A);
    IoxForEachIrp(CountLive, NULL);
    CHECK_EQ(Live, 2);
    IoFreeIrp(B);
    IoFreeIrp(C);
    Live = 0;
    IoxForEachIrp(CountLive, NULL);
    CHECK_EQ(Live, 0);
}

/* ---- cancel-safe queue ----------------------------------------------------------------------- */

static LIST_ENTRY Queue = {&Queue, &Queue};
static KSPIN_LOCK QueueLock;
static LONG Cancelled, Taken;

static VOID NTAPI QInsert(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    InsertTailList(&Queue, &Irp->Tail.Overlay.ListEntry);
}

static VOID NTAPI QRemove(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

static PIRP NTAPI QPeek(PIO_CSQ Csq, PIRP Irp, PVOID Context)
{
    PLIST_ENTRY Entry = Irp ? Irp->Tail.Overlay.ListEntry.Flink : Queue.Flink;

    UNREFERENCED_PARAMETER(Csq);
    UNREFERENCED_PARAMETER(Context);
    return Entry == &Queue ? NULL : CONTAINING_RECORD(Entry, IRP, Tail.Overlay.ListEntry);
}

static VOID NTAPI QAcquire(PIO_CSQ Csq, PKIRQL Irql)
{
    UNREFERENCED_PARAMETER(Csq);
    KeAcquireSpinLock(&QueueLock, Irql);
}

static VOID NTAPI QRelease(PIO_CSQ Csq, KIRQL Irql)
{
    UNREFERENCED_PARAMETER(Csq);
    KeReleaseSpinLock(&QueueLock, Irql);
}

static VOID NTAPI QCancelled(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    __atomic_fetch_add(&Cancelled, 1, __ATOMIC_RELAXED);
    Irp->IoStatus.Status = STATUS_CANCELLED;
    IofCompleteRequest(Irp, 0);
}

static IO_CSQ Csq;

static void InitCsq(void)
{
    IoCsqInitialize(&Csq, QInsert, QRemove, QPeek, QAcquire, QRelease, QCancelled);
}

static NTSTATUS NTAPI CountDown(PDEVICE_OBJECT Of, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(Of);
    UNREFERENCED_PARAMETER(Irp);
    __atomic_fetch_add((LONG *)Context, 1, __ATOMIC_RELAXED);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static PIRP Queued(LONG *Ends)
{
    PIRP Irp = IoAllocateIrp(2, FALSE);

    IoSetCompletionRoutine(Irp, CountDown, Ends, TRUE, TRUE, TRUE);
    IoSetNextIrpStackLocation(Irp);
    return Irp;
}

TEST(io_csq, "io.IoCsqInsertIrp.remove_cancel_and_context")
{
    StartStack();
    IO_CSQ_IRP_CONTEXT Context;
    LONG Ends = 0;
    PIRP A = Queued(&Ends), B = Queued(&Ends), C = Queued(&Ends);

    InitCsq();
    IoCsqInsertIrp(&Csq, A, NULL);
    IoCsqInsertIrp(&Csq, B, &Context);
    CHECK(IoGetCurrentIrpStackLocation(A)->Control & SL_PENDING_RETURNED);
    CHECK_EQ(IoCancelIrp(A), TRUE);
    CHECK_EQ(Cancelled, 1);
    CHECK(IoCsqRemoveNextIrp(&Csq, NULL) == B);
    CHECK(IoCsqRemoveIrp(&Csq, &Context) == NULL);
    CHECK(IoCsqRemoveNextIrp(&Csq, NULL) == NULL);
    /* Cancelled before it came: completed by the insertion. */
    C->Cancel = TRUE;
    IoCsqInsertIrp(&Csq, C, NULL);
    CHECK_EQ(Cancelled, 2);
    CHECK_EQ(Ends, 2);
    CHECK(IsListEmpty(&Queue));
}

#define RACE 2000
static PIRP Race[RACE];
static LONG volatile RaceAt;

static VOID NTAPI CancelAll(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    for (int i = 0; i < RACE; i++) {
        while (__atomic_load_n(&RaceAt, __ATOMIC_ACQUIRE) <= i)
            YieldProcessor();
        IoCancelIrp(Race[i]);
    }
}

TEST(io_csq_race, "io.IoCsqRemoveNextIrp.races_with_cancel_each_irp_ends_once")
{
    StartStack();
    static LONG Ends[RACE];
    PVOID ThreadObject;
    HANDLE Thread;

    InitCsq();
    for (int i = 0; i < RACE; i++)
        Race[i] = Queued(&Ends[i]);
    REQUIRE(NT_SUCCESS(PsCreateSystemThread(&Thread, 0, NULL, NULL, NULL, CancelAll, NULL)));
    REQUIRE(NT_SUCCESS(
        ObReferenceObjectByHandle(Thread, 0, PsThreadType, KernelMode, &ThreadObject, NULL)));
    for (int i = 0; i < RACE; i++) {
        PIRP Irp;

        IoCsqInsertIrp(&Csq, Race[i], NULL);
        __atomic_store_n(&RaceAt, i + 1, __ATOMIC_RELEASE);
        if ((Irp = IoCsqRemoveNextIrp(&Csq, NULL)) != NULL) {
            Taken++;
            Irp->IoStatus.Status = STATUS_SUCCESS;
            IofCompleteRequest(Irp, 0);
        }
    }
    KeWaitForSingleObject(ThreadObject, Executive, KernelMode, FALSE, NULL);
    CHECK_EQ(Taken + Cancelled, RACE);
    for (int i = 0; i < RACE; i++)
        CHECK_EQ(Ends[i], 1);
    CHECK(IsListEmpty(&Queue));
}

/* ---- devices --------------------------------------------------------------------------------- */

TEST(io_stacks, "io.IoAttachDeviceToDeviceStackSafe.top_base_and_detach")
{
    StartStack();
    PDEVICE_OBJECT Base = IoGetDeviceAttachmentBaseRef(Device[2]), List[3];
    ULONG Count;

    CHECK(Base == Device[0]);
    ObDereferenceObject(Base);
    CHECK(IoGetAttachedDevice(Device[0]) == Device[2]);
    CHECK_EQ(IoEnumerateDeviceObjectList(Driver, List, sizeof List[0], &Count),
             STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(Count, 3);
    ObDereferenceObject(List[0]);
    IoDeleteDevice(Device[2]);
    CHECK_STR(LastRule, "IRP-026");
    Findings = 0;
    IoDetachDevice(Device[0]);
    CHECK(IoxLowerDevice(Device[1]) == NULL);
    CHECK(IoGetAttachedDevice(Device[0]) == Device[0]);
    IoDeleteDevice(Device[0]);
    CHECK_EQ(Findings, 0);
}

static LONG Worked;

static VOID NTAPI Work(PDEVICE_OBJECT Of, PVOID Context)
{
    CHECK(Of == Device[0]);
    CHECK(PsIsSystemThread(PsGetCurrentThread()));
    Worked++;
    KeSetEvent(Context, 0, FALSE);
}

TEST(io_work, "io.IoQueueWorkItem.runs_and_holds_the_device")
{
    StartStack();
    PIO_WORKITEM Item = IoAllocateWorkItem(Device[0]);
    KEVENT Event;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    IoQueueWorkItem(Item, Work, DelayedWorkQueue, &Event);
    CHECK_EQ(KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    CHECK_EQ(Worked, 1);
    IoFreeWorkItem(Item);
}

TEST(io_unhandled, "io.IoxCreateDriver.default_dispatch_refuses")
{
    static const UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Driver\\empty");
    PDRIVER_OBJECT Empty;
    PDEVICE_OBJECT Of;
    IO_STATUS_BLOCK Iosb;
    KEVENT Event;

    StartStack();
    CHECK_EQ(IoxCreateDriver(&Name, NULL, &Empty), STATUS_SUCCESS);
    CHECK_STR(IoxDriverLabel(Empty), "empty");
    CHECK_EQ(IoxCreateDriver(&Name, NULL, &Empty), STATUS_OBJECT_NAME_COLLISION);
    UNICODE_STRING Copy = Name;
    REQUIRE(NT_SUCCESS(ObReferenceObjectByName(&Copy, 0, NULL, 0, IoDriverObjectType, KernelMode,
                                               NULL, (PVOID *)&Empty)));
    REQUIRE(NT_SUCCESS(IoCreateDevice(Empty, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Of)));
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    PIRP Irp = IoBuildDeviceIoControlRequest(0x222003, Of, NULL, 0, NULL, 0, FALSE, &Event, &Iosb);
    CHECK_EQ(IoCallDriver(Of, Irp), STATUS_INVALID_DEVICE_REQUEST);
}

/* ---- MDLs ------------------------------------------------------------------------------------ */

TEST(mm_mdl_user, "mm.MmProbeAndLockPages.user_buffer_has_a_kernel_alias")
{
    StartKernel();
    char *User = MmxAllocateUser(3 * PAGE_SIZE, PAGE_READWRITE), *Kernel;
    PMDL Mdl = IoAllocateMdl(User + 100, 2 * PAGE_SIZE, FALSE, FALSE, NULL), Part;

    KexHooks.Finding = OnFinding;
    CHECK_EQ(MmxProbeAndLock(Mdl, UserMode, IoWriteAccess), STATUS_SUCCESS);
    Kernel = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority);
    REQUIRE(Kernel != NULL);
    CHECK((PVOID)Kernel >= MmSystemRangeStart);
    Kernel[0] = 'k';
    CHECK_EQ(User[100], 'k');
    /* The alias outlives the user's own view of the page. */
    Part = IoAllocateMdl(User + 100 + 50, 10, FALSE, FALSE, NULL);
    IoBuildPartialMdl(Mdl, Part, User + 150, 10);
    CHECK(MmGetSystemAddressForMdlSafe(Part, NormalPagePriority) == Kernel + 50);
    CHECK_EQ(MmGetMdlByteCount(Part), 10);
    MmPrepareMdlForReuse(Part);
    IoFreeMdl(Part);
    MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
    CHECK_EQ(Findings, 0);
}

TEST(mm_mdl_bad, "mm.MmProbeAndLockPages.statuses_and_MDL-008_MDL-003")
{
    StartKernel();
    char *User = MmxAllocateUser(PAGE_SIZE, PAGE_READONLY), Pool[64];
    PMDL Mdl = IoAllocateMdl(User, PAGE_SIZE, FALSE, FALSE, NULL);

    KexHooks.Finding = OnFinding;
    CHECK_EQ(MmxProbeAndLock(Mdl, UserMode, IoWriteAccess), STATUS_ACCESS_VIOLATION);
    CHECK_EQ(MmxProbeAndLock(Mdl, UserMode, IoReadAccess), STATUS_SUCCESS);
    IoFreeMdl(Mdl);
    CHECK_STR(LastRule, "MDL-008");
    Mdl = IoAllocateMdl(Pool, sizeof Pool, FALSE, FALSE, NULL);
    /* A kernel address is nobody's user buffer. */
    CHECK_EQ(MmxProbeAndLock(Mdl, UserMode, IoReadAccess), STATUS_ACCESS_VIOLATION);
    MmBuildMdlForNonPagedPool(Mdl);
    CHECK(MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority) == Pool);
    MmUnlockPages(Mdl);
    CHECK_STR(LastRule, "MDL-002");
    IoFreeMdl(Mdl);
}

TEST(mm_probe, "mm.MmxProbe.limits_and_alignment")
{
    StartKernel();
    char *User = MmxAllocateUser(PAGE_SIZE, PAGE_READWRITE), Copy[8];

    CHECK_EQ(MmxProbe(User + 1, 4, 4, UserMode), STATUS_DATATYPE_MISALIGNMENT);
    CHECK_EQ(MmxProbe(Copy, 4, 1, UserMode), STATUS_ACCESS_VIOLATION);
    CHECK_EQ(MmxProbe((PVOID)(HOST_USER_LIMIT - 4), 8, 1, UserMode), STATUS_ACCESS_VIOLATION);
    CHECK_EQ(MmxProbe(Copy, 0, 1, UserMode), STATUS_SUCCESS);
    CHECK_EQ(MmxCopyIn(Copy, User, 8, 1, UserMode), STATUS_SUCCESS);
    CHECK_EQ(MmxFreeUser(User, PAGE_SIZE), STATUS_SUCCESS);
    CHECK_EQ(MmxCopyIn(Copy, User, 8, 1, UserMode), STATUS_ACCESS_VIOLATION);
    CHECK(!MmIsAddressValid(User) && MmIsAddressValid(Copy));
}

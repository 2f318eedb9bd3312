/* SPDX-License-Identifier: MIT */
/* Processes: their life, the System process and what can be asked about one. */
#include "ps/ps.h"

#include "ps/psp.h"

#include <stdlib.h>
#include <string.h>

PEPROCESS PsInitialSystemProcess;

static KEX_LOCK ProcessLock = KEX_LOCK_INIT(KEX_RANK_PS, "processes");
static LIST_ENTRY Processes = {&Processes, &Processes};

static void DeleteProcess(PVOID Body)
{
    PEPROCESS Process = Body;

    KexLockAcquire(&ProcessLock);
    RemoveEntryList(&Process->Link);
    KexLockRelease(&ProcessLock);
    if (Process->Handles)
        ObxDeleteHandleTable(Process->Handles);
    if (Process->Token)
        ObDereferenceObject(Process->Token);
    free(Process->ImagePath.Buffer);
}

OBX_TYPE PsxProcessType = {
    .Label = "Process",
    .Mapping = {STANDARD_RIGHTS_READ | PROCESS_VM_READ | PROCESS_QUERY_INFORMATION,
                STANDARD_RIGHTS_WRITE | PROCESS_CREATE_PROCESS | PROCESS_CREATE_THREAD |
                    PROCESS_VM_OPERATION | PROCESS_VM_WRITE | PROCESS_DUP_HANDLE |
                    PROCESS_TERMINATE | PROCESS_SET_QUOTA | PROCESS_SET_INFORMATION |
                    PROCESS_SUSPEND_RESUME,
                STANDARD_RIGHTS_EXECUTE | SYNCHRONIZE | PROCESS_TERMINATE |
                    PROCESS_QUERY_LIMITED_INFORMATION,
                PROCESS_ALL_ACCESS},
    .ValidAccess = PROCESS_ALL_ACCESS,
    .DispatcherOffset = 0,
    .Delete = DeleteProcess,
};

POBJECT_TYPE PsProcessType = &PsxProcessType;

/* Last component of the path, cut to what the image name field holds. */
static void SetImage(PEPROCESS Process, PCUNICODE_STRING Image)
{
    USHORT Chars = Image->Length / sizeof(WCHAR), At = Chars;
    size_t n = 0;

    Process->ImagePath.Buffer = malloc(Image->Length + sizeof(WCHAR));
    if (Process->ImagePath.Buffer) {
        memcpy(Process->ImagePath.Buffer, Image->Buffer, Image->Length);
        Process->ImagePath.Buffer[Chars] = 0;
        Process->ImagePath.Length = Image->Length;
        Process->ImagePath.MaximumLength = Image->Length + sizeof(WCHAR);
    }
    while (At && Image->Buffer[At - 1] != L'\\')
        At--;
    for (; At < Chars && n < sizeof Process->ImageName - 1; At++)
        Process->ImageName[n++] = Image->Buffer[At] < 128 ? (char)Image->Buffer[At] : '?';
}

static NTSTATUS NewProcess(PCUNICODE_STRING Image, PEPROCESS Parent, const void *Caller,
                           PEPROCESS *Out)
{
    PEPROCESS Process;
    NTSTATUS Status;

    Status = ObxCreateObject(&PsxProcessType, sizeof *Process, Caller, (PVOID *)&Process);
    if (!NT_SUCCESS(Status))
        return Status;
    KexInitializeDispatcher(Process, KEX_OBJECT_PROCESS, sizeof Process->Header);
    ExInitializeRundownProtection(&Process->Rundown);
    Process->Id = KexAllocateClientId();
    Process->ParentId = Parent ? Parent->Id : 0;
    Process->SessionId = Parent && !Parent->System ? Parent->SessionId : (Parent ? 1 : 0);
    Process->ExitStatus = STATUS_PENDING;
    Process->CreateTime.QuadPart = KexSystemTime();
    SetImage(Process, Image);
    KexLockAcquire(&ProcessLock);
    InsertTailList(&Processes, &Process->Link);
    KexLockRelease(&ProcessLock);
    Process->Handles = ObxCreateHandleTable(Process);
    if (!Process->Handles) {
        ObDereferenceObject(Process);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *Out = Process;
    return STATUS_SUCCESS;
}

NTSTATUS PsxCreateProcess(PCUNICODE_STRING Image, PACCESS_TOKEN Token, PEPROCESS *Out)
{
    PEPROCESS Parent = PsGetCurrentProcess(), Process;
    NTSTATUS Status;

    Status = NewProcess(Image, Parent, __builtin_return_address(0), &Process);
    if (!NT_SUCCESS(Status))
        return Status;
    PsxSetToken(Process, Token ? Token : Parent->Token);
    ObReferenceObject(Process); /* its own, until it ends */
    Status = PspNotifyProcess(Process, true);
    if (!NT_SUCCESS(Status)) {
        PsxEndProcess(Process, Status);
        ObDereferenceObject(Process);
        return Status;
    }
    *Out = Process;
    return STATUS_SUCCESS;
}

void PsxEndProcess(PEPROCESS Process, NTSTATUS ExitStatus)
{
    OBX_HANDLE_TABLE *Handles;

    if (__atomic_exchange_n(&Process->Exiting, true, __ATOMIC_ACQ_REL))
        return;
    Process->ExitStatus = ExitStatus;
    Process->ExitTime.QuadPart = KexSystemTime();
    PspNotifyProcess(Process, false);
    ExWaitForRundownProtectionRelease(&Process->Rundown);
    Handles = __atomic_exchange_n(&Process->Handles, NULL, __ATOMIC_ACQ_REL);
    if (Handles)
        ObxDeleteHandleTable(Handles);
    KexSignalDispatcher(Process);
    ObDereferenceObject(Process);
}

void PsxSetToken(PEPROCESS Process, PACCESS_TOKEN Token)
{
    PACCESS_TOKEN Old;

    if (Token)
        ObReferenceObject(Token);
    Old = __atomic_exchange_n(&Process->Token, Token, __ATOMIC_ACQ_REL);
    if (Old)
        ObDereferenceObject(Old);
}

OBX_HANDLE_TABLE *PsxHandleTable(PEPROCESS Process)
{
    return Process ? __atomic_load_n(&Process->Handles, __ATOMIC_ACQUIRE) : NULL;
}

void PsxForEachProcess(void (*fn)(PEPROCESS Process, void *Context), void *Context)
{
    PEPROCESS Found[256];
    ULONG Count = 0;

    KexLockAcquire(&ProcessLock);
    for (PLIST_ENTRY At = Processes.Flink; At != &Processes && Count < RTL_NUMBER_OF(Found);
         At = At->Flink) {
        PEPROCESS Process = CONTAINING_RECORD(At, struct _EPROCESS, Link);

        if (ObxReferenceIfAlive(Process))
            Found[Count++] = Process;
    }
    KexLockRelease(&ProcessLock);
    for (ULONG i = 0; i < Count; i++) {
        fn(Found[i], Context);
        ObDereferenceObject(Found[i]);
    }
}

/* ---- threads as objects ---------------------------------------------------------------------- */

static void DeleteThread(PVOID Body)
{
    KexThreadDelete(Body);
}

OBX_TYPE PsxThreadType = {
    .Label = "Thread",
    .Mapping = {STANDARD_RIGHTS_READ | THREAD_GET_CONTEXT | THREAD_QUERY_INFORMATION,
                STANDARD_RIGHTS_WRITE | THREAD_TERMINATE | THREAD_SUSPEND_RESUME | THREAD_ALERT |
                    THREAD_SET_INFORMATION | THREAD_SET_CONTEXT,
                STANDARD_RIGHTS_EXECUTE | SYNCHRONIZE | THREAD_QUERY_LIMITED_INFORMATION,
                THREAD_ALL_ACCESS},
    .ValidAccess = THREAD_ALL_ACCESS,
    .DispatcherOffset = 0,
    .Delete = DeleteThread,
};

POBJECT_TYPE PsThreadType = &PsxThreadType;

_Static_assert(sizeof(OBX_HEADER) <= KEX_OBJECT_PREFIX,
               "the kernel base leaves room for the header");

static void AdoptThread(PVOID Body, LONG References)
{
    OBX_HEADER *Header = OBX_HEADER_OF(Body);

    ObxInitializeObject(&PsxThreadType, Header, __builtin_return_address(0));
    Header->References = References;
    Header->Flags |= OBX_FOREIGN_MEMORY;
}

static void ReferenceThread(PVOID Body)
{
    ObReferenceObject(Body);
}

static void DereferenceThread(PVOID Body)
{
    ObDereferenceObject(Body);
}

NTSTATUS PsxStart(void)
{
    static const KEX_OBJECT_OPS Ops = {AdoptThread, ReferenceThread, DereferenceThread,
                                      PspThreadEnding};
    static const UNICODE_STRING Name = RTL_CONSTANT_STRING(L"System");
    NTSTATUS Status;

    ObxRegisterType(&PsxProcessType);
    ObxRegisterType(&PsxThreadType);
    Status = NewProcess(&Name, NULL, NULL, &PsInitialSystemProcess);
    if (!NT_SUCCESS(Status))
        return Status;
    PsInitialSystemProcess->System = true;
    KexSystemProcess = PsInitialSystemProcess;
    KexSetObjectOps(&Ops);
    return STATUS_SUCCESS;
}

void PsxEnd(void)
{
    /* The System process ends with the machine's process; its handles were the leak report's
     * business. */
}

/* ---- questions ------------------------------------------------------------------------------- */

/* Process of that id with a reference (nf-ntifs-pslookupprocessbyprocessid). PASSIVE_LEVEL.
 * STATUS_INVALID_PARAMETER when there is none or it has ended. */
NTSTATUS NTAPI PsLookupProcessByProcessId(HANDLE ProcessId, PEPROCESS *Process)
{
    NTSTATUS Status = STATUS_INVALID_PARAMETER;

    KexLockAcquire(&ProcessLock);
    for (PLIST_ENTRY At = Processes.Flink; At != &Processes; At = At->Flink) {
        PEPROCESS Candidate = CONTAINING_RECORD(At, struct _EPROCESS, Link);

        if (Candidate->Id != HandleToULong(ProcessId) || Candidate->Exiting ||
            !ObxReferenceIfAlive(Candidate))
            continue;
        *Process = Candidate;
        Status = STATUS_SUCCESS;
        break;
    }
    KexLockRelease(&ProcessLock);
    return Status;
}

HANDLE NTAPI PsGetProcessId(PEPROCESS Process)
{
    return ULongToHandle(Process->Id);
}

HANDLE NTAPI PsGetProcessInheritedFromUniqueProcessId(PEPROCESS Process)
{
    return ULongToHandle(Process->ParentId);
}

/* The id of the thread's own process: attachment does not count (nf-ntddk-psgetcurrentprocessid).
 */
HANDLE NTAPI PsGetCurrentProcessId(VOID)
{
    return ULongToHandle(KexThreadProcess(KexCurrentThread())->Id);
}

PUCHAR NTAPI PsGetProcessImageFileName(PEPROCESS Process)
{
    return (PUCHAR)Process->ImageName;
}

/*
 * Full path of a process' image in pool that the caller frees by ExFreePool
 * (nf-ntddk-selocateprocessimagename). PASSIVE_LEVEL.
 */
NTSTATUS NTAPI SeLocateProcessImageName(PEPROCESS Process, PUNICODE_STRING *pImageFileName)
{
    USHORT Length = Process->ImagePath.Length;
    PUNICODE_STRING Name = ExAllocatePoolWithTag(PagedPool, sizeof *Name + Length + sizeof(WCHAR),
                                                 0x6e506553 /* SePn */);

    *pImageFileName = NULL;
    if (!Name)
        return STATUS_INSUFFICIENT_RESOURCES;
    *Name = (UNICODE_STRING){Length, Length + sizeof(WCHAR), (PWCH)(Name + 1)};
    memcpy(Name->Buffer, Process->ImagePath.Buffer, Length);
    Name->Buffer[Length / sizeof(WCHAR)] = 0;
    *pImageFileName = Name;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI PsGetProcessExitStatus(PEPROCESS Process)
{
    return Process->ExitStatus;
}

BOOLEAN NTAPI PsGetProcessExitProcessCalled(PEPROCESS Process)
{
    return __atomic_load_n(&Process->Exiting, __ATOMIC_ACQUIRE);
}

LONGLONG NTAPI PsGetProcessCreateTimeQuadPart(PEPROCESS Process)
{
    return Process->CreateTime.QuadPart;
}

ULONG NTAPI PsGetProcessSessionId(PEPROCESS Process)
{
    return Process->SessionId;
}

/* Keeps the process from ending until it is released
 * (nf-ntifs-psacquireprocessexitsynchronization). STATUS_PROCESS_IS_TERMINATING. */
NTSTATUS NTAPI PsAcquireProcessExitSynchronization(PEPROCESS Process)
{
    return ExAcquireRundownProtection(&Process->Rundown) ? STATUS_SUCCESS
                                                         : STATUS_PROCESS_IS_TERMINATING;
}

VOID NTAPI PsReleaseProcessExitSynchronization(PEPROCESS Process)
{
    ExReleaseRundownProtection(&Process->Rundown);
}

/* A process of the machine has no environment block, no 32-bit half and no protection: it is an
 * identity. */
PVOID NTAPI PsGetProcessPeb(PEPROCESS Process)
{
    UNREFERENCED_PARAMETER(Process);
    return NULL;
}

PVOID NTAPI PsGetProcessWow64Process(PEPROCESS Process)
{
    UNREFERENCED_PARAMETER(Process);
    return NULL;
}

PVOID NTAPI PsGetCurrentProcessWow64Process(VOID)
{
    return NULL;
}

PVOID NTAPI PsGetProcessSectionBaseAddress(PEPROCESS Process)
{
    UNREFERENCED_PARAMETER(Process);
    return NULL;
}

BOOLEAN NTAPI PsIsProtectedProcess(PEPROCESS Process)
{
    UNREFERENCED_PARAMETER(Process);
    return FALSE;
}

BOOLEAN NTAPI PsIsProtectedProcessLight(PEPROCESS Process)
{
    UNREFERENCED_PARAMETER(Process);
    return FALSE;
}

BOOLEAN NTAPI PsIsProcessBeingDebugged(PEPROCESS Process)
{
    UNREFERENCED_PARAMETER(Process);
    return FALSE;
}

/* Primary token with a reference (nf-ntifs-psreferenceprimarytoken). PASSIVE_LEVEL. */
PACCESS_TOKEN NTAPI PsReferencePrimaryToken(PEPROCESS Process)
{
    PACCESS_TOKEN Token = Process->Token;

    if (Token)
        ObReferenceObject(Token);
    return Token;
}

#undef PsDereferencePrimaryToken
VOID NTAPI PsDereferencePrimaryToken(PACCESS_TOKEN PrimaryToken)
{
    ObDereferenceObject(PrimaryToken);
}

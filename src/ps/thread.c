/* SPDX-License-Identifier: MIT */
/* Threads as drivers ask for them: system threads, ids, and what can be asked about one. */
#include "ps/psp.h"

#include <stdlib.h>

typedef struct _START {
    PKSTART_ROUTINE Routine;
    PVOID Context;
    KEVENT Go; /* set when the creation callbacks have run */
} START;

void PspThreadEnding(PVOID Body)
{
    OBX_HEADER *Header = OBX_HEADER_OF(Body);
    PKTHREAD Thread = Body;

    if (!(Header->Flags & OBX_ANNOUNCED))
        return;
    Header->Flags &= ~(ULONG)OBX_ANNOUNCED;
    PspNotifyThread(KexThreadProcess(Thread), KexThreadClientId(Thread), false);
}

static VOID NTAPI RunThread(PVOID Parameter)
{
    START *Start = Parameter;
    PKSTART_ROUTINE Routine = Start->Routine;
    PVOID Context = Start->Context;

    KeWaitForSingleObject(&Start->Go, Executive, KernelMode, FALSE, NULL);
    free(Start);
    Routine(Context);
    KexThreadExit(STATUS_SUCCESS);
}

/* Starts the thread held back at its first line, so that its creator can finish what comes first.
 */
static NTSTATUS StartHeld(const char *Name, PEPROCESS Process, PKSTART_ROUTINE Routine,
                          PVOID Context, START **Out, PKTHREAD *Thread)
{
    START *Start = malloc(sizeof *Start);
    NTSTATUS Status;

    if (!Start)
        return STATUS_INSUFFICIENT_RESOURCES;
    Start->Routine = Routine;
    Start->Context = Context;
    KeInitializeEvent(&Start->Go, NotificationEvent, FALSE);
    Status = KexThreadStart(Name, Process, RunThread, Start, Thread);
    if (!NT_SUCCESS(Status)) {
        free(Start);
        return Status;
    }
    OBX_HEADER_OF(*Thread)->Flags |= OBX_ANNOUNCED;
    *Out = Start;
    return STATUS_SUCCESS;
}

NTSTATUS PsxStartThread(const char *Name, PEPROCESS Process, PKSTART_ROUTINE Routine, PVOID Context,
                        PKTHREAD *Thread)
{
    START *Start;
    NTSTATUS Status = StartHeld(Name, Process, Routine, Context, &Start, Thread);

    if (!NT_SUCCESS(Status))
        return Status;
    PspNotifyThread(Process, KexThreadClientId(*Thread), true);
    KeSetEvent(&Start->Go, 0, FALSE);
    return STATUS_SUCCESS;
}

/*
 * Starts a thread in the System process, or in the process of ProcessHandle, at PASSIVE_LEVEL. The
 * handle is the caller's to close; with OBJ_KERNEL_HANDLE it is valid everywhere
 * (nf-wdm-pscreatesystemthread). PASSIVE_LEVEL.
 */
NTSTATUS NTAPI PsCreateSystemThread(PHANDLE ThreadHandle, ULONG DesiredAccess,
                                    POBJECT_ATTRIBUTES ObjectAttributes, HANDLE ProcessHandle,
                                    PCLIENT_ID ClientId, PKSTART_ROUTINE StartRoutine,
                                    PVOID StartContext)
{
    ULONG Attributes = ObjectAttributes ? ObjectAttributes->Attributes : 0;
    PEPROCESS Process = PsInitialSystemProcess;
    PKTHREAD Thread;
    NTSTATUS Status;
    START *Start;

    *ThreadHandle = NULL;
    if (ProcessHandle) {
        Status = ObxReferenceHandle(ProcessHandle, PROCESS_CREATE_THREAD, &PsxProcessType,
                                    KernelMode, (PVOID *)&Process, NULL);
        if (!NT_SUCCESS(Status))
            return Status;
    } else {
        ObReferenceObject(Process);
    }
    Status = StartHeld("system thread", Process, StartRoutine, StartContext, &Start, &Thread);
    if (!NT_SUCCESS(Status)) {
        ObDereferenceObject(Process);
        return Status;
    }
    if (ClientId) {
        ClientId->UniqueProcess = ULongToHandle(Process->Id);
        ClientId->UniqueThread = ULongToHandle(KexThreadClientId(Thread));
    }
    /* The handle first: once the thread runs its own code it may end at any time. */
    Status = ObxInsertHandle(NULL, Thread, DesiredAccess ? DesiredAccess : THREAD_ALL_ACCESS,
                             Attributes, ThreadHandle);
    PspNotifyThread(Process, KexThreadClientId(Thread), true);
    KeSetEvent(&Start->Go, 0, FALSE);
    ObDereferenceObject(Thread);
    ObDereferenceObject(Process);
    return Status;
}

/* Thread of that id with a reference (nf-ntifs-pslookupthreadbythreadid). STATUS_INVALID_PARAMETER.
 */
NTSTATUS NTAPI PsLookupThreadByThreadId(HANDLE ThreadId, PETHREAD *Thread)
{
    PKTHREAD Found = KexThreadByClientId(HandleToULong(ThreadId));

    if (!Found)
        return STATUS_INVALID_PARAMETER;
    *Thread = (PETHREAD)Found;
    return STATUS_SUCCESS;
}

HANDLE NTAPI PsGetThreadProcessId(PETHREAD Thread)
{
    return ULongToHandle(KexThreadProcess((PKTHREAD)Thread)->Id);
}

BOOLEAN NTAPI PsIsThreadTerminating(PETHREAD Thread)
{
    return KexThreadExitStatus((PKTHREAD)Thread) != STATUS_PENDING;
}

NTSTATUS NTAPI PsGetThreadExitStatus(PETHREAD Thread)
{
    return KexThreadExitStatus((PKTHREAD)Thread);
}

/*
 * Version of the machine: 10.0 and its build number from 10240 on, the numbers of the older systems
 * below (nf-ntddk-psgetversion). TRUE for a free build.
 */
BOOLEAN NTAPI PsGetVersion(PULONG MajorVersion, PULONG MinorVersion, PULONG BuildNumber,
                           PUNICODE_STRING CSDVersion)
{
    ULONG Build = KexBuild;
    ULONG Major = Build >= 10240 ? 10 : Build >= 6000 ? 6 : 5;
    ULONG Minor = Build >= 10240  ? 0
                  : Build >= 9600 ? 3
                  : Build >= 9200 ? 2
                  : Build >= 7600 ? 1
                  : Build >= 6000 ? 0
                  : Build >= 3790 ? 2
                  : Build >= 2600 ? 1
                                  : 0;

    if (MajorVersion)
        *MajorVersion = Major;
    if (MinorVersion)
        *MinorVersion = Minor;
    if (BuildNumber)
        *BuildNumber = Build;
    if (CSDVersion)
        CSDVersion->Length = 0;
    return TRUE;
}

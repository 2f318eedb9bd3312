/* SPDX-License-Identifier: MIT */
/* Threads as drivers ask for them: system threads, ids, and what can be asked about one. */
#include "ps/psp.h"

#include <stdlib.h>

typedef struct _START {
    PKSTART_ROUTINE Routine;
    PVOID Context;
    KEVENT Go; /* set when the creation callbacks have run */
} START;

static void EndThread(NTSTATUS Status)
{
    PKTHREAD Thread = KexCurrentThread();

    PspNotifyThread(KexThreadProcess(Thread), KexThreadClientId(Thread), false);
    KexThreadExit(Status);
}

static VOID NTAPI RunThread(PVOID Parameter)
{
    START *Start = Parameter;
    PKSTART_ROUTINE Routine = Start->Routine;
    PVOID Context = Start->Context;

    KeWaitForSingleObject(&Start->Go, Executive, KernelMode, FALSE, NULL);
    free(Start);
    Routine(Context);
    EndThread(STATUS_SUCCESS);
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
    Start = malloc(sizeof *Start);
    Status = Start ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    if (Start) {
        Start->Routine = StartRoutine;
        Start->Context = StartContext;
        KeInitializeEvent(&Start->Go, NotificationEvent, FALSE);
        Status = KexThreadStart("system thread", Process, RunThread, Start, &Thread);
    }
    if (!NT_SUCCESS(Status)) {
        free(Start);
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

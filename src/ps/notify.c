/* SPDX-License-Identifier: MIT */
/*
 * Callbacks of drivers for processes, threads and images. Slots hold their routine; a caller copies
 * the list and runs it without a lock, so a routine that is removed meanwhile may run once more, as
 * Windows allows until the removal returns: removal therefore waits until no list is being run.
 */
#include "ps/psp.h"

#include <string.h>

#define SLOTS 64

typedef enum { PROCESS_PLAIN, PROCESS_EX, PROCESS_EX2, THREAD_PLAIN, THREAD_EX, IMAGE_PLAIN } KIND;

typedef struct _SLOT {
    PVOID Routine;
    KIND Kind;
} SLOT;

typedef struct _CALLBACKS {
    const char *Label;
    SLOT Slots[SLOTS];
    LONG Running;
} CALLBACKS;

static KEX_LOCK Lock = KEX_LOCK_INIT(KEX_RANK_PS, "notify routines");
static CALLBACKS OnProcess = {.Label = "process"}, OnThread = {.Label = "thread"},
                 OnImage = {.Label = "image"};

static NTSTATUS Add(CALLBACKS *List, PVOID Routine, KIND Kind, bool Unique)
{
    NTSTATUS Status = STATUS_INVALID_PARAMETER;
    SLOT *Free = NULL;

    KexLockAcquire(&Lock);
    for (SLOT *Slot = List->Slots; Slot < List->Slots + SLOTS; Slot++) {
        if (Slot->Routine == Routine && Slot->Kind == Kind && Unique)
            goto Out;
        if (!Slot->Routine && !Free)
            Free = Slot;
    }
    Status = Free ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    if (Free)
        *Free = (SLOT){Routine, Kind};
Out:
    KexLockRelease(&Lock);
    return Status;
}

/* The removed routine is not running in another thread when this returns. */
static NTSTATUS Remove(CALLBACKS *List, PVOID Routine)
{
    LARGE_INTEGER Little = {.QuadPart = -10000};
    bool Found = false;

    KexLockAcquire(&Lock);
    for (SLOT *Slot = List->Slots; Slot < List->Slots + SLOTS && !Found; Slot++) {
        if (Slot->Routine == Routine) {
            Slot->Routine = NULL;
            Found = true;
        }
    }
    KexLockRelease(&Lock);
    while (Found && __atomic_load_n(&List->Running, __ATOMIC_ACQUIRE))
        KeDelayExecutionThread(KernelMode, FALSE, &Little);
    return Found ? STATUS_SUCCESS : STATUS_PROCEDURE_NOT_FOUND;
}

static void Begin(CALLBACKS *List, SLOT *Copy)
{
    __atomic_fetch_add(&List->Running, 1, __ATOMIC_ACQ_REL);
    KexLockAcquire(&Lock);
    memcpy(Copy, List->Slots, sizeof List->Slots);
    KexLockRelease(&Lock);
}

static void End(CALLBACKS *List)
{
    __atomic_fetch_sub(&List->Running, 1, __ATOMIC_ACQ_REL);
}

NTSTATUS PspNotifyProcess(PEPROCESS Process, bool Create)
{
    PS_CREATE_NOTIFY_INFO Information = {.Size = sizeof Information};
    HANDLE Id = ULongToHandle(Process->Id), Parent = ULongToHandle(Process->ParentId);
    SLOT Slots[SLOTS];

    /* No image file stands behind a process of the machine: the documented form for such is a
     * subsystem process. */
    Information.IsSubsystemProcess = 1;
    Information.ParentProcessId = Parent;
    Information.CreatingThreadId.UniqueProcess = PsGetCurrentProcessId();
    Information.CreatingThreadId.UniqueThread = PsGetCurrentThreadId();
    Information.ImageFileName = &Process->ImagePath;
    Information.CreationStatus = STATUS_SUCCESS;
    Begin(&OnProcess, Slots);
    for (SLOT *Slot = Slots; Slot < Slots + SLOTS; Slot++) {
        if (!Slot->Routine)
            continue;
        if (Slot->Kind == PROCESS_PLAIN)
            ((PCREATE_PROCESS_NOTIFY_ROUTINE)Slot->Routine)(Parent, Id, Create);
        else
            ((PCREATE_PROCESS_NOTIFY_ROUTINE_EX)Slot->Routine)(Process, Id,
                                                               Create ? &Information : NULL);
    }
    End(&OnProcess);
    return Information.CreationStatus;
}

void PspNotifyThread(PEPROCESS Process, ULONG ThreadId, bool Create)
{
    SLOT Slots[SLOTS];

    Begin(&OnThread, Slots);
    for (SLOT *Slot = Slots; Slot < Slots + SLOTS; Slot++)
        if (Slot->Routine)
            ((PCREATE_THREAD_NOTIFY_ROUTINE)Slot->Routine)(ULongToHandle(Process->Id),
                                                           ULongToHandle(ThreadId), Create);
    End(&OnThread);
}

void PsxNotifyImage(PUNICODE_STRING FullName, HANDLE ProcessId, PVOID Base, SIZE_T Size,
                    bool System)
{
    IMAGE_INFO Information = {0};
    SLOT Slots[SLOTS];

    Information.ImageAddressingMode = IMAGE_ADDRESSING_MODE_32BIT;
    Information.SystemModeImage = System;
    Information.ImageBase = Base;
    Information.ImageSize = Size;
    Begin(&OnImage, Slots);
    for (SLOT *Slot = Slots; Slot < Slots + SLOTS; Slot++)
        if (Slot->Routine)
            ((PLOAD_IMAGE_NOTIFY_ROUTINE)Slot->Routine)(FullName, ProcessId, &Information);
    End(&OnImage);
}

void PsxForEachCallback(void (*fn)(const PSX_CALLBACK *Callback, void *Context), void *Context)
{
    CALLBACKS *Lists[] = {&OnProcess, &OnThread, &OnImage};

    for (size_t i = 0; i < RTL_NUMBER_OF(Lists); i++) {
        for (SLOT *Slot = Lists[i]->Slots; Slot < Lists[i]->Slots + SLOTS; Slot++) {
            PSX_CALLBACK Callback = {Lists[i]->Label, Slot->Routine};

            if (Callback.Routine)
                fn(&Callback, Context);
        }
    }
}

/*
 * Adds or removes a routine that is told of each process start and end, in the context of the
 * creating or the last thread (nf-ntddk-pssetcreateprocessnotifyroutine). PASSIVE_LEVEL.
 * STATUS_INVALID_PARAMETER for a second registration or an unknown removal,
 * STATUS_INSUFFICIENT_RESOURCES past the 64th.
 */
NTSTATUS NTAPI PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE NotifyRoutine,
                                               BOOLEAN Off)
{
    if (Off)
        return NT_SUCCESS(Remove(&OnProcess, (PVOID)NotifyRoutine)) ? STATUS_SUCCESS
                                                                    : STATUS_PROCEDURE_NOT_FOUND;
    return Add(&OnProcess, (PVOID)NotifyRoutine, PROCESS_PLAIN, true);
}

/* The extended form may refuse a creation by CreationStatus
 * (nf-ntddk-pssetcreateprocessnotifyroutineex). */
NTSTATUS NTAPI PsSetCreateProcessNotifyRoutineEx(PCREATE_PROCESS_NOTIFY_ROUTINE_EX NotifyRoutine,
                                                 BOOLEAN Off)
{
    if (Off)
        return Remove(&OnProcess, (PVOID)NotifyRoutine);
    return Add(&OnProcess, (PVOID)NotifyRoutine, PROCESS_EX, true);
}

/* The same, for subsystem processes too (nf-ntddk-pssetcreateprocessnotifyroutineex2). */
NTSTATUS NTAPI PsSetCreateProcessNotifyRoutineEx2(PSCREATEPROCESSNOTIFYTYPE NotifyType,
                                                  PVOID NotifyInformation, BOOLEAN Off)
{
    if (NotifyType != PsCreateProcessNotifySubsystems)
        return STATUS_INVALID_PARAMETER;
    return Off ? Remove(&OnProcess, NotifyInformation)
               : Add(&OnProcess, NotifyInformation, PROCESS_EX2, true);
}

/* Told of each thread start (in the creator's context) and end (in its own)
 * (nf-ntddk-pssetcreatethreadnotifyroutine). PASSIVE_LEVEL. */
NTSTATUS NTAPI PsSetCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE NotifyRoutine)
{
    return Add(&OnThread, (PVOID)NotifyRoutine, THREAD_PLAIN, false);
}

NTSTATUS NTAPI PsRemoveCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE NotifyRoutine)
{
    return Remove(&OnThread, (PVOID)NotifyRoutine);
}

/* Told of each image that is mapped, drivers included (nf-ntddk-pssetloadimagenotifyroutine).
 * PASSIVE_LEVEL. */
NTSTATUS NTAPI PsSetLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine)
{
    return Add(&OnImage, (PVOID)NotifyRoutine, IMAGE_PLAIN, false);
}

NTSTATUS NTAPI PsSetLoadImageNotifyRoutineEx(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine,
                                             ULONG_PTR Flags)
{
    if (Flags & ~(ULONG_PTR)1)
        return STATUS_INVALID_PARAMETER;
    return Add(&OnImage, (PVOID)NotifyRoutine, IMAGE_PLAIN, false);
}

NTSTATUS NTAPI PsRemoveLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE NotifyRoutine)
{
    return Remove(&OnImage, (PVOID)NotifyRoutine);
}

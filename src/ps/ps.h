/* SPDX-License-Identifier: MIT */
/*
 * ps.h - processes as the other rooms see them. A process of the machine is an identity: an id, a
 * name, a token, a handle table and threads. All of them share the one address space; user memory
 * is the window of mm.
 */
#ifndef OPENFLT_PS_PS_H
#define OPENFLT_PS_PS_H

#include "ke/ke.h"
#include "ob/ob.h"

struct _EPROCESS {
    DISPATCHER_HEADER Header; /* first: processes can be waited on */
    ULONG Id, ParentId, SessionId;
    LARGE_INTEGER CreateTime, ExitTime;
    NTSTATUS ExitStatus; /* STATUS_PENDING while it lives */
    OBX_HANDLE_TABLE *Handles;
    PACCESS_TOKEN Token;      /* referenced; NULL until the security room gives one */
    UNICODE_STRING ImagePath; /* \Device\HarddiskVolume1\dir\name.exe */
    CHAR ImageName[16];       /* last component, cut to 15 characters */
    EX_RUNDOWN_REF Rundown;   /* PsAcquireProcessExitSynchronization */
    bool Exiting, System;
    LIST_ENTRY Link; /* of all processes */
};

extern OBX_TYPE PsxProcessType, PsxThreadType;

/*
 * A process of the given image name or path, with one reference for the caller and one of its own
 * until PsxEndProcess. Token NULL: the creator's. Creation callbacks run before this returns and
 * may refuse it.
 */
NTSTATUS PsxCreateProcess(PCUNICODE_STRING Image, PACCESS_TOKEN Token, PEPROCESS *Process);
/* Ends it: exit callbacks, handles closed, signalled. Its threads have ended before. */
void PsxEndProcess(PEPROCESS Process, NTSTATUS ExitStatus);
/* Replaces the primary token; takes a reference. */
void PsxSetToken(PEPROCESS Process, PACCESS_TOKEN Token);
OBX_HANDLE_TABLE *PsxHandleTable(PEPROCESS Process);
void PsxForEachProcess(void (*fn)(PEPROCESS Process, void *Context), void *Context);

/* As KexThreadStart, with the thread callbacks drivers registered run at its start and end. */
NTSTATUS PsxStartThread(const char *Name, PEPROCESS Process, PKSTART_ROUTINE Routine, PVOID Context,
                        PKTHREAD *Thread);

/* A driver image is in memory (process NULL: kernel): runs the image-load callbacks. */
void PsxNotifyImage(PUNICODE_STRING FullName, HANDLE ProcessId, PVOID Base, SIZE_T Size,
                    bool System);

/* Callbacks a driver left registered, for the unload check. */
typedef struct _PSX_CALLBACK {
    const char *Kind; /* "process", "thread", "image" */
    const void *Routine;
} PSX_CALLBACK;
void PsxForEachCallback(void (*fn)(const PSX_CALLBACK *Callback, void *Context), void *Context);

NTSTATUS PsxStart(void);
void PsxEnd(void);

/* Exported without a public prototype. */
PUCHAR NTAPI PsGetProcessImageFileName(PEPROCESS Process);
HANDLE NTAPI PsGetProcessInheritedFromUniqueProcessId(PEPROCESS Process);
PVOID NTAPI PsGetProcessPeb(PEPROCESS Process);
PVOID NTAPI PsGetProcessWow64Process(PEPROCESS Process);
PVOID NTAPI PsGetCurrentProcessWow64Process(VOID);
ULONG NTAPI PsGetProcessSessionId(PEPROCESS Process);
BOOLEAN NTAPI PsGetProcessExitProcessCalled(PEPROCESS Process);
PVOID NTAPI PsGetProcessSectionBaseAddress(PEPROCESS Process);
BOOLEAN NTAPI PsIsProtectedProcess(PEPROCESS Process);
BOOLEAN NTAPI PsIsProtectedProcessLight(PEPROCESS Process);
BOOLEAN NTAPI PsIsProcessBeingDebugged(PEPROCESS Process);

#endif

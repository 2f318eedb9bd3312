/* SPDX-License-Identifier: MIT */
/* zwp.h - what the system calls on files share. */
#ifndef OPENFLT_ZW_ZWP_H
#define OPENFLT_ZW_ZWP_H

#include "mm/mm.h"
#include "ps/ps.h"
#include "zw/zw.h"

/*
 * The kernel's side of a pair: sets the previous mode around the call. Written once per call so
 * that both names are ordinary functions the export table can bind.
 */
#define ZWP_AS_KERNEL(call)                                                                        \
    KPROCESSOR_MODE OldMode_ = KexSetPreviousMode(KernelMode);                                     \
    NTSTATUS Status_ = (call);                                                                     \
    KexSetPreviousMode(OldMode_);                                                                  \
    return Status_

/* One call on a file handle while it is being made. */
typedef struct _ZWP_CALL {
    KPROCESSOR_MODE Mode;
    PFILE_OBJECT File; /* referenced */
    ACCESS_MASK Granted;
    PDEVICE_OBJECT Device; /* where the request goes */
    PKEVENT Event;         /* of the caller, referenced; NULL for none */
    PIO_STATUS_BLOCK Iosb; /* the caller's */
    PIO_APC_ROUTINE Apc;
    PVOID ApcContext;
    bool Synchronous, Locked;
    const void *Caller;
} ZWP_CALL;

/*
 * Start of a call: the handle with the rights in Access (each bit needed; Any: one of them), the
 * event, the status block probed. Nothing is held when it fails.
 */
NTSTATUS ZwpBegin(ZWP_CALL *Call, HANDLE File, ACCESS_MASK Access, bool Any, HANDLE Event,
                  PIO_STATUS_BLOCK Iosb, const void *Caller);
/* Takes the lock of a synchronous file; the event of the file is cleared. */
NTSTATUS ZwpLock(ZWP_CALL *Call);
/* Gives back whatever the call still holds; for every way out but ZwpSend. */
void ZwpEnd(ZWP_CALL *Call);
/* A result that came without a request: status block, event, APC, end of the call. Returns
 * Iosb->Status. */
NTSTATUS ZwpFinishFast(ZWP_CALL *Call, const IO_STATUS_BLOCK *Result);

/* A request with file, thread, event, status block, mode and APC filled in; NULL when memory is
 * short. */
PIRP ZwpIrp(ZWP_CALL *Call, UCHAR Major);
/*
 * SystemBuffer of Length bytes. From: copied in (may be NULL). To: where the request's output goes
 * at completion (NULL: nowhere).
 */
NTSTATUS ZwpSystemBuffer(ZWP_CALL *Call, PIRP Irp, ULONG Length, const void *From, ULONG FromLength,
                         PVOID To);
/* The caller's buffer as a locked MDL. */
NTSTATUS ZwpMdl(ZWP_CALL *Call, PIRP Irp, PVOID Buffer, ULONG Length, LOCK_OPERATION Operation);
/* The request is not sent: frees it with its buffers. */
void ZwpDropIrp(PIRP Irp);
/*
 * Sends the request and, for a synchronous file, waits. Ends the call: everything Call held is
 * given back. Deferred: the caller waits in any case (query and set calls on asynchronous files).
 */
NTSTATUS ZwpSend(ZWP_CALL *Call, PIRP Irp, bool AlwaysWait);

/*
 * A new object gets its name and its first handle; the creation's reference is consumed. With
 * OBJ_OPENIF an object of that name is opened instead (STATUS_OBJECT_NAME_EXISTS).
 */
NTSTATUS ZwpInsertNamed(PVOID Body, PHANDLE Handle, ACCESS_MASK Access,
                        const OBX_ATTRIBUTES *Attributes, KPROCESSOR_MODE Mode);

/* Trace lines of a fast I/O attempt. */
void ZwpTraceFast(const ZWP_CALL *Call, UCHAR Major, LONGLONG Offset, ULONG Length);
void ZwpTraceFastDone(const ZWP_CALL *Call, UCHAR Major, bool Done, const IO_STATUS_BLOCK *Iosb,
                      LONGLONG Offset, ULONG Length);

#endif

/* SPDX-License-Identifier: MIT */
/* What the layers below returned for an operation, reported to the filters that asked (oplocks need
 * it). */
#include "fltx.h"

typedef struct _FLTX_STATUS_REQUEST {
    struct _FLTX_STATUS_REQUEST *Next;
    FLT_RELATED_OBJECTS Objects;
    FLT_IO_PARAMETER_BLOCK Iopb; /* as it was when the filter asked */
    PFLT_GET_OPERATION_STATUS_CALLBACK Callback;
    PVOID Context;
} FLTX_STATUS_REQUEST;

void FltxReportOperationStatus(FLTX_STATUS_REQUEST *Requests, NTSTATUS Status)
{
    while (Requests) {
        FLTX_STATUS_REQUEST *Next = Requests->Next;

        Requests->Callback(&Requests->Objects, &Requests->Iopb, Status, Requests->Context);
        FltxUnpin(&Requests->Objects.Instance->Object);
        ExFreePoolWithTag(Requests, FLTX_TAG);
        Requests = Next;
    }
}

/*
 * Asks, in a pre-callback of an IRP-based operation other than close, for the status IoCallDriver
 * returns. The routine is called in this thread at <= APC_LEVEL with a snapshot of the parameters.
 * STATUS_INVALID_PARAMETER elsewhere, STATUS_FLT_DELETING_OBJECT, STATUS_INSUFFICIENT_RESOURCES
 * (nf-fltkernel-fltrequestoperationstatuscallback).
 */
NTSTATUS NTAPI FltRequestOperationStatusCallback(PFLT_CALLBACK_DATA Data,
                                                 PFLT_GET_OPERATION_STATUS_CALLBACK CallbackRoutine,
                                                 PVOID RequesterContext)
{
    FLTX_OP *Op = FLTX_OP_OF(Data);
    int Cursor = atomic_load(&Op->Cursor);
    FLTX_STATUS_REQUEST *Request;

    if (Op->Kind != FLTX_OP_IRP || (Data->Flags & FLTFL_CALLBACK_DATA_POST_OPERATION) ||
        Cursor < 0 || Data->Iopb->MajorFunction == IRP_MJ_CLOSE || !CallbackRoutine)
        return STATUS_INVALID_PARAMETER;
    Request = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Request), FLTX_TAG);
    if (!Request)
        return STATUS_INSUFFICIENT_RESOURCES;
    Request->Objects = Op->Layer[Cursor].Objects;
    if (!FltxPin(&Request->Objects.Instance->Object)) {
        ExFreePoolWithTag(Request, FLTX_TAG);
        return STATUS_FLT_DELETING_OBJECT;
    }
    Request->Iopb = *Data->Iopb;
    Request->Callback = CallbackRoutine;
    Request->Context = RequesterContext;
    Request->Next = Op->StatusRequests;
    Op->StatusRequests = Request;
    return STATUS_SUCCESS;
}

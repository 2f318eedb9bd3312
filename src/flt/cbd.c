/* SPDX-License-Identifier: MIT */
/* Questions about callback data, and its buffers. */
#include "fltx.h"
#include "mm/mm.h"

/* Says that the filter changed something in the block besides IoStatus. Any IRQL
 * (nf-fltkernel-fltsetcallbackdatadirty). */
VOID NTAPI FltSetCallbackDataDirty(PFLT_CALLBACK_DATA Data)
{
    Data->Flags |= FLTFL_CALLBACK_DATA_DIRTY;
}

/* Any IRQL (nf-fltkernel-fltclearcallbackdatadirty). */
VOID NTAPI FltClearCallbackDataDirty(PFLT_CALLBACK_DATA Data)
{
    Data->Flags &= ~FLTFL_CALLBACK_DATA_DIRTY;
}

/* Any IRQL (nf-fltkernel-fltiscallbackdatadirty). */
BOOLEAN NTAPI FltIsCallbackDataDirty(PFLT_CALLBACK_DATA Data)
{
    return (Data->Flags & FLTFL_CALLBACK_DATA_DIRTY) != 0;
}

/*
 * The process that asked for the operation; NULL when there is none. Not referenced. IRQL: <=
 * DISPATCH_LEVEL (nf-fltkernel-fltgetrequestorprocess).
 */
PEPROCESS NTAPI FltGetRequestorProcess(PFLT_CALLBACK_DATA CallbackData)
{
    FLTX_OP *Op = FLTX_OP_OF(CallbackData);

    if (Op->Kind == FLTX_OP_IRP && Op->Irp)
        return IoGetRequestorProcess(Op->Irp);
    return CallbackData->Thread ? PsGetThreadProcess(CallbackData->Thread) : NULL;
}

/* Its process id, 0 without one. IRQL: <= DISPATCH_LEVEL (nf-fltkernel-fltgetrequestorprocessidex).
 */
HANDLE NTAPI FltGetRequestorProcessIdEx(PFLT_CALLBACK_DATA CallbackData)
{
    PEPROCESS Process = FltGetRequestorProcess(CallbackData);

    return Process ? PsGetProcessId(Process) : NULL;
}

/* The same as a 32-bit number (nf-fltkernel-fltgetrequestorprocessid). */
ULONG NTAPI FltGetRequestorProcessId(PFLT_CALLBACK_DATA CallbackData)
{
    return HandleToULong(FltGetRequestorProcessIdEx(CallbackData));
}

/* openflt's processes are 64-bit. CallbackData NULL asks for the current one
 * (nf-fltkernel-fltis32bitprocess). */
BOOLEAN NTAPI FltIs32bitProcess(PFLT_CALLBACK_DATA CallbackData)
{
    UNREFERENCED_PARAMETER(CallbackData);
    return FALSE;
}

static BOOLEAN BufferedControl(PFLT_IO_PARAMETER_BLOCK Iopb)
{
    switch (Iopb->MajorFunction) {
    case IRP_MJ_FILE_SYSTEM_CONTROL:
        if (Iopb->MinorFunction != IRP_MN_USER_FS_REQUEST &&
            Iopb->MinorFunction != IRP_MN_KERNEL_CALL)
            return FALSE;
        /* fall through */
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
        return METHOD_FROM_CTL_CODE(Iopb->Parameters.DeviceIoControl.Common.IoControlCode) ==
               METHOD_BUFFERED;
    default:
        return FALSE;
    }
}

/*
 * TRUE when the I/O manager treats the operation as synchronous; the order of the tests is the
 * documented one. Any IRQL (nf-fltkernel-fltisoperationsynchronous).
 */
BOOLEAN NTAPI FltIsOperationSynchronous(PFLT_CALLBACK_DATA CallbackData)
{
    PFLT_IO_PARAMETER_BLOCK Iopb = CallbackData->Iopb;
    PFILE_OBJECT File = Iopb->TargetFileObject;

    if (!(CallbackData->Flags & FLTFL_CALLBACK_DATA_IRP_OPERATION))
        return TRUE;
    if (Iopb->IrpFlags & IRP_PAGING_IO)
        return (Iopb->IrpFlags & IRP_SYNCHRONOUS_PAGING_IO) != 0;
    if (File && (File->Flags & FO_SYNCHRONOUS_IO))
        return TRUE;
    return (Iopb->IrpFlags & (IRP_SYNCHRONOUS_API | IRP_SYNCHRONOUS_PAGING_IO)) != 0 ||
           BufferedControl(Iopb);
}

/* "IRP_MJ_READ" for a major function, FltMgr's own included. Any IRQL; static text
 * (nf-fltkernel-fltgetirpname). */
PCHAR NTAPI FltGetIrpName(UCHAR IrpMajorCode)
{
    static char *const Irp[] = {"IRP_MJ_CREATE",
                                "IRP_MJ_CREATE_NAMED_PIPE",
                                "IRP_MJ_CLOSE",
                                "IRP_MJ_READ",
                                "IRP_MJ_WRITE",
                                "IRP_MJ_QUERY_INFORMATION",
                                "IRP_MJ_SET_INFORMATION",
                                "IRP_MJ_QUERY_EA",
                                "IRP_MJ_SET_EA",
                                "IRP_MJ_FLUSH_BUFFERS",
                                "IRP_MJ_QUERY_VOLUME_INFORMATION",
                                "IRP_MJ_SET_VOLUME_INFORMATION",
                                "IRP_MJ_DIRECTORY_CONTROL",
                                "IRP_MJ_FILE_SYSTEM_CONTROL",
                                "IRP_MJ_DEVICE_CONTROL",
                                "IRP_MJ_INTERNAL_DEVICE_CONTROL",
                                "IRP_MJ_SHUTDOWN",
                                "IRP_MJ_LOCK_CONTROL",
                                "IRP_MJ_CLEANUP",
                                "IRP_MJ_CREATE_MAILSLOT",
                                "IRP_MJ_QUERY_SECURITY",
                                "IRP_MJ_SET_SECURITY",
                                "IRP_MJ_POWER",
                                "IRP_MJ_SYSTEM_CONTROL",
                                "IRP_MJ_DEVICE_CHANGE",
                                "IRP_MJ_QUERY_QUOTA",
                                "IRP_MJ_SET_QUOTA",
                                "IRP_MJ_PNP"};
    static char *const Own[] = {"IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION",
                                "IRP_MJ_RELEASE_FOR_SECTION_SYNCHRONIZATION",
                                "IRP_MJ_ACQUIRE_FOR_MOD_WRITE",
                                "IRP_MJ_RELEASE_FOR_MOD_WRITE",
                                "IRP_MJ_ACQUIRE_FOR_CC_FLUSH",
                                "IRP_MJ_RELEASE_FOR_CC_FLUSH",
                                "IRP_MJ_QUERY_OPEN"};
    static char *const Fast[] = {"IRP_MJ_FAST_IO_CHECK_IF_POSSIBLE",
                                 "IRP_MJ_NETWORK_QUERY_OPEN",
                                 "IRP_MJ_MDL_READ",
                                 "IRP_MJ_MDL_READ_COMPLETE",
                                 "IRP_MJ_PREPARE_MDL_WRITE",
                                 "IRP_MJ_MDL_WRITE_COMPLETE",
                                 "IRP_MJ_VOLUME_MOUNT",
                                 "IRP_MJ_VOLUME_DISMOUNT"};
    ULONG Down = (ULONG)(0xff - IrpMajorCode);

    if (IrpMajorCode < ARRAYSIZE(Irp))
        return Irp[IrpMajorCode];
    if (Down < ARRAYSIZE(Own))
        return Own[Down];
    Down = (ULONG)(IRP_MJ_FAST_IO_CHECK_IF_POSSIBLE - IrpMajorCode);
    return IrpMajorCode <= IRP_MJ_FAST_IO_CHECK_IF_POSSIBLE && Down < ARRAYSIZE(Fast) ? Fast[Down]
                                                                                      : "IRP_MJ_?";
}

/*
 * Addresses of the operation's buffer parameters, so that they can be changed; each out pointer is
 * optional and gets NULL when the operation lacks that parameter. STATUS_INVALID_PARAMETER without
 * buffers. Any IRQL (nf-fltkernel-fltdecodeparameters).
 */
NTSTATUS NTAPI FltDecodeParameters(PFLT_CALLBACK_DATA CallbackData, PMDL **MdlAddressPointer,
                                   PVOID **Buffer, PULONG *Length, LOCK_OPERATION *DesiredAccess)
{
    FLTX_BUFFER Found;
    NTSTATUS Status = FltxFindBuffer(CallbackData->Iopb, &Found);

    if (!NT_SUCCESS(Status))
        return Status;
    if (MdlAddressPointer)
        *MdlAddressPointer = Found.Mdl;
    if (Buffer)
        *Buffer = Found.Buffer;
    if (Length)
        *Length = Found.Length;
    if (DesiredAccess)
        *DesiredAccess = Found.Access;
    return STATUS_SUCCESS;
}

static NTSTATUS LockBuffer(PMDL Mdl, KPROCESSOR_MODE Mode, LOCK_OPERATION Access, PEPROCESS Process)
{
    NTSTATUS Status = STATUS_SUCCESS;

    if (!Process || Process == PsGetCurrentProcess())
        return MmxProbeAndLock(Mdl, Mode, Access);
    {
        KAPC_STATE Apc;

        KeStackAttachProcess((PRKPROCESS)Process, &Apc);
        Status = MmxProbeAndLock(Mdl, Mode, Access);
        KeUnstackDetachProcess(&Apc);
    }
    return Status;
}

/*
 * Locks the operation's buffer and leaves an MDL for it in the parameters; in a pre-callback the
 * block is marked dirty, so that FltMgr frees the MDL. An MDL that is there already is success.
 * IRQL: <= APC_LEVEL. STATUS_INVALID_PARAMETER without an MDL parameter or with IRP_MN_MDL,
 * STATUS_INSUFFICIENT_RESOURCES, or the status of the probe (nf-fltkernel-fltlockuserbuffer).
 */
NTSTATUS NTAPI FltLockUserBuffer(PFLT_CALLBACK_DATA CallbackData)
{
    PFLT_IO_PARAMETER_BLOCK Iopb = CallbackData->Iopb;
    BOOLEAN System = (CallbackData->Flags & FLTFL_CALLBACK_DATA_SYSTEM_BUFFER) != 0;
    FLTX_BUFFER Found;
    NTSTATUS Status = FltxFindBuffer(Iopb, &Found);
    PMDL Mdl;

    if (!NT_SUCCESS(Status) || !Found.Mdl ||
        ((Iopb->MajorFunction == IRP_MJ_READ || Iopb->MajorFunction == IRP_MJ_WRITE) &&
         (Iopb->MinorFunction & IRP_MN_MDL)))
        return STATUS_INVALID_PARAMETER;
    if (*Found.Mdl)
        return STATUS_SUCCESS;
    if (!*Found.Length || !*Found.Buffer)
        return STATUS_INVALID_PARAMETER;
    Mdl = IoAllocateMdl(*Found.Buffer, *Found.Length, FALSE, FALSE, NULL);
    if (!Mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = LockBuffer(Mdl, System ? KernelMode : CallbackData->RequestorMode, Found.Access,
                        FltGetRequestorProcess(CallbackData));
    if (!NT_SUCCESS(Status)) {
        IoFreeMdl(Mdl);
        return Status;
    }
    *Found.Mdl = Mdl;
    if (!(CallbackData->Flags & FLTFL_CALLBACK_DATA_POST_OPERATION))
        FltSetCallbackDataDirty(CallbackData);
    return STATUS_SUCCESS;
}

/* The swap of the filter whose post-callback runs; NULL when it swapped nothing. */
static FLTX_SAVED *CurrentSwap(PFLT_CALLBACK_DATA Data)
{
    FLTX_OP *Op = FLTX_OP_OF(Data);
    int Cursor = atomic_load(&Op->Cursor);

    if (Op->Kind != FLTX_OP_IRP || !Op->Changed || Cursor < 0 ||
        !(Data->Flags & FLTFL_CALLBACK_DATA_POST_OPERATION))
        return NULL;
    return Op->Layer[Cursor].Saved;
}

/*
 * In a post-callback: the MDL of the buffer the filter's own pre-callback swapped in (FltMgr frees
 * it after the callback). Any IRQL. NULL for fast I/O and without a swap
 * (nf-fltkernel-fltgetswappedbuffermdladdress).
 */
PMDL FASTCALL FltGetSwappedBufferMdlAddress(PFLT_CALLBACK_DATA CallbackData)
{
    FLTX_SAVED *Saved = CurrentSwap(CallbackData);

    return Saved ? Saved->Swapped : NULL;
}

/* Leaves that MDL to the filter. Any IRQL (nf-fltkernel-fltretainswappedbuffermdladdress). */
VOID FASTCALL FltRetainSwappedBufferMdlAddress(PFLT_CALLBACK_DATA CallbackData)
{
    FLTX_SAVED *Saved = CurrentSwap(CallbackData);

    if (Saved)
        Saved->Retained = TRUE;
}

/*
 * A new buffer a filter below put in place of a system buffer; openflt never replaces system
 * buffers behind a filter's back, so there is none. IRQL: <= DISPATCH_LEVEL
 * (nf-fltkernel-fltgetnewsystembufferaddress).
 */
PVOID NTAPI FltGetNewSystemBufferAddress(PFLT_CALLBACK_DATA CallbackData)
{
    UNREFERENCED_PARAMETER(CallbackData);
    return NULL;
}

/* ---- cancellation of operations a filter has pended ------------------------------------------ */

static VOID NTAPI Cancelled(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    FLTX_OP *Op = Irp->Tail.Overlay.DriverContext[0];
    PFLT_COMPLETE_CANCELED_CALLBACK Callback =
        (PFLT_COMPLETE_CANCELED_CALLBACK)Irp->Tail.Overlay.DriverContext[1];

    UNREFERENCED_PARAMETER(DeviceObject);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    Callback(&Op->Data);
}

/*
 * Sets a routine that is called when the pended operation is cancelled; it must complete it. IRQL:
 * <= DISPATCH_LEVEL. STATUS_CANCELLED when it is cancelled already, STATUS_UNSUCCESSFUL for what is
 * not IRP-based or is paging I/O (nf-fltkernel-fltsetcancelcompletion).
 */
NTSTATUS NTAPI FltSetCancelCompletion(PFLT_CALLBACK_DATA CallbackData,
                                      PFLT_COMPLETE_CANCELED_CALLBACK CanceledCallback)
{
    FLTX_OP *Op = FLTX_OP_OF(CallbackData);
    KIRQL Irql;

    if (Op->Kind != FLTX_OP_IRP || (CallbackData->Iopb->IrpFlags & IRP_PAGING_IO)) {
        FLTX_FINDING(
            "FIO-015",
            "FltSetCancelCompletion for an operation that is not IRP-based or is paging I/O");
        return STATUS_UNSUCCESSFUL;
    }
    Op->Irp->Tail.Overlay.DriverContext[0] = Op;
    Op->Irp->Tail.Overlay.DriverContext[1] = (PVOID)CanceledCallback;
    IoAcquireCancelSpinLock(&Irql);
    if (Op->Irp->Cancel) {
        IoReleaseCancelSpinLock(Irql);
        return STATUS_CANCELLED;
    }
    IoSetCancelRoutine(Op->Irp, Cancelled);
    IoReleaseCancelSpinLock(Irql);
    return STATUS_SUCCESS;
}

/*
 * Takes the routine away. IRQL: <= DISPATCH_LEVEL. STATUS_CANCELLED: it was or will be called, the
 * caller must not touch the operation (nf-fltkernel-fltclearcancelcompletion).
 */
NTSTATUS NTAPI FltClearCancelCompletion(PFLT_CALLBACK_DATA CallbackData)
{
    FLTX_OP *Op = FLTX_OP_OF(CallbackData);

    if (Op->Kind != FLTX_OP_IRP)
        return STATUS_UNSUCCESSFUL;
    return IoSetCancelRoutine(Op->Irp, NULL) ? STATUS_SUCCESS : STATUS_CANCELLED;
}

/* SPDX-License-Identifier: MIT */
/*
 * Between an IRP's stack location and the parameter block filters see. The block gathers what NT
 * keeps in three places: the stack location, the IRP's buffer fields and its flags
 * (ns-fltkernel-_flt_parameters).
 */
#include "fltx.h"

/* The data buffer of a request that may come with a user address, an MDL, or a system buffer. */
static PVOID DataBuffer(FLTX_OP *Op, PIRP Irp)
{
    if (Irp->AssociatedIrp.SystemBuffer && (Irp->Flags & IRP_BUFFERED_IO)) {
        Op->Data.Flags |= FLTFL_CALLBACK_DATA_SYSTEM_BUFFER;
        return Irp->AssociatedIrp.SystemBuffer;
    }
    return Irp->UserBuffer;
}

static void ReadControl(FLTX_OP *Op, PIRP Irp, PIO_STACK_LOCATION Stack, PFLT_PARAMETERS p)
{
    ULONG Code = Stack->Parameters.DeviceIoControl.IoControlCode;

    p->DeviceIoControl.Common.OutputBufferLength =
        Stack->Parameters.DeviceIoControl.OutputBufferLength;
    p->DeviceIoControl.Common.InputBufferLength =
        Stack->Parameters.DeviceIoControl.InputBufferLength;
    p->DeviceIoControl.Common.IoControlCode = Code;
    switch (METHOD_FROM_CTL_CODE(Code)) {
    case METHOD_BUFFERED:
        p->DeviceIoControl.Buffered.SystemBuffer = Irp->AssociatedIrp.SystemBuffer;
        Op->Data.Flags |= FLTFL_CALLBACK_DATA_SYSTEM_BUFFER;
        break;
    case METHOD_NEITHER:
        p->DeviceIoControl.Neither.InputBuffer = Stack->Parameters.DeviceIoControl.Type3InputBuffer;
        p->DeviceIoControl.Neither.OutputBuffer = Irp->UserBuffer;
        p->DeviceIoControl.Neither.OutputMdlAddress = Irp->MdlAddress;
        break;
    default:
        p->DeviceIoControl.Direct.InputSystemBuffer = Irp->AssociatedIrp.SystemBuffer;
        p->DeviceIoControl.Direct.OutputBuffer = Irp->UserBuffer;
        p->DeviceIoControl.Direct.OutputMdlAddress = Irp->MdlAddress;
        Op->Data.Flags |= FLTFL_CALLBACK_DATA_SYSTEM_BUFFER;
        break;
    }
}

static void ReadDirectory(FLTX_OP *Op, PIRP Irp, PIO_STACK_LOCATION Stack, PFLT_PARAMETERS p)
{
    if (Stack->MinorFunction == IRP_MN_QUERY_DIRECTORY) {
        p->DirectoryControl.QueryDirectory.Length = Stack->Parameters.QueryDirectory.Length;
        p->DirectoryControl.QueryDirectory.FileName =
            (PUNICODE_STRING)Stack->Parameters.QueryDirectory.FileName;
        p->DirectoryControl.QueryDirectory.FileInformationClass =
            Stack->Parameters.QueryDirectory.FileInformationClass;
        p->DirectoryControl.QueryDirectory.FileIndex = Stack->Parameters.QueryDirectory.FileIndex;
    } else {
        p->DirectoryControl.NotifyDirectory.Length = Stack->Parameters.NotifyDirectory.Length;
        p->DirectoryControl.NotifyDirectory.CompletionFilter =
            Stack->Parameters.NotifyDirectory.CompletionFilter;
    }
    p->DirectoryControl.QueryDirectory.DirectoryBuffer = DataBuffer(Op, Irp);
    p->DirectoryControl.QueryDirectory.MdlAddress = Irp->MdlAddress;
}

static void ReadLock(PIRP Irp, PIO_STACK_LOCATION Stack, PFLT_PARAMETERS p)
{
    p->LockControl.Length = Stack->Parameters.LockControl.Length;
    p->LockControl.Key = Stack->Parameters.LockControl.Key;
    p->LockControl.ByteOffset = Stack->Parameters.LockControl.ByteOffset;
    p->LockControl.ProcessId = IoGetRequestorProcess(Irp);
    p->LockControl.FailImmediately = (Stack->Flags & SL_FAIL_IMMEDIATELY) != 0;
    p->LockControl.ExclusiveLock = (Stack->Flags & SL_EXCLUSIVE_LOCK) != 0;
}

/* The requests with a system buffer of their own, and the rare ones. */
static void ReadOther(FLTX_OP *Op, PIRP Irp, PIO_STACK_LOCATION Stack, PFLT_PARAMETERS p)
{
    switch (Stack->MajorFunction) {
    case IRP_MJ_QUERY_EA:
        p->QueryEa.Length = Stack->Parameters.QueryEa.Length;
        p->QueryEa.EaList = Stack->Parameters.QueryEa.EaList;
        p->QueryEa.EaListLength = Stack->Parameters.QueryEa.EaListLength;
        p->QueryEa.EaIndex = Stack->Parameters.QueryEa.EaIndex;
        p->QueryEa.EaBuffer = DataBuffer(Op, Irp);
        p->QueryEa.MdlAddress = Irp->MdlAddress;
        break;
    case IRP_MJ_SET_EA:
        p->SetEa.Length = Stack->Parameters.SetEa.Length;
        p->SetEa.EaBuffer = DataBuffer(Op, Irp);
        p->SetEa.MdlAddress = Irp->MdlAddress;
        break;
    case IRP_MJ_QUERY_SECURITY:
        p->QuerySecurity.SecurityInformation = Stack->Parameters.QuerySecurity.SecurityInformation;
        p->QuerySecurity.Length = Stack->Parameters.QuerySecurity.Length;
        p->QuerySecurity.SecurityBuffer = DataBuffer(Op, Irp);
        p->QuerySecurity.MdlAddress = Irp->MdlAddress;
        break;
    case IRP_MJ_SET_SECURITY:
        p->SetSecurity.SecurityInformation = Stack->Parameters.SetSecurity.SecurityInformation;
        p->SetSecurity.SecurityDescriptor = Stack->Parameters.SetSecurity.SecurityDescriptor;
        break;
    case IRP_MJ_QUERY_QUOTA:
        p->QueryQuota.Length = Stack->Parameters.QueryQuota.Length;
        p->QueryQuota.StartSid = Stack->Parameters.QueryQuota.StartSid;
        p->QueryQuota.SidList = Stack->Parameters.QueryQuota.SidList;
        p->QueryQuota.SidListLength = Stack->Parameters.QueryQuota.SidListLength;
        p->QueryQuota.QuotaBuffer = DataBuffer(Op, Irp);
        p->QueryQuota.MdlAddress = Irp->MdlAddress;
        break;
    case IRP_MJ_SET_QUOTA:
        p->SetQuota.Length = Stack->Parameters.SetQuota.Length;
        p->SetQuota.QuotaBuffer = DataBuffer(Op, Irp);
        p->SetQuota.MdlAddress = Irp->MdlAddress;
        break;
    default:
        /* Pnp and what has no structure: the four words as they are. */
        RtlCopyMemory(p, &Stack->Parameters, sizeof(Stack->Parameters));
        break;
    }
}

static void ReadCreate(PIRP Irp, PIO_STACK_LOCATION Stack, PFLT_PARAMETERS p)
{
    p->Create.SecurityContext = Stack->Parameters.Create.SecurityContext;
    p->Create.Options = Stack->Parameters.Create.Options;
    p->Create.FileAttributes = Stack->Parameters.Create.FileAttributes;
    p->Create.ShareAccess = Stack->Parameters.Create.ShareAccess;
    p->Create.EaLength = Stack->Parameters.Create.EaLength;
    p->Create.EaBuffer = Irp->AssociatedIrp.SystemBuffer;
    p->Create.AllocationSize = Irp->Overlay.AllocationSize;
}

static void ReadParameters(FLTX_OP *Op, PIRP Irp, PIO_STACK_LOCATION Stack, PFLT_PARAMETERS p)
{
    switch (Stack->MajorFunction) {
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        p->Read.Length = Stack->Parameters.Read.Length;
        p->Read.Key = Stack->Parameters.Read.Key;
        p->Read.ByteOffset = Stack->Parameters.Read.ByteOffset;
        p->Read.ReadBuffer = DataBuffer(Op, Irp);
        p->Read.MdlAddress = Irp->MdlAddress;
        break;
    case IRP_MJ_CREATE:
        ReadCreate(Irp, Stack, p);
        break;
    case IRP_MJ_QUERY_INFORMATION:
        p->QueryFileInformation.Length = Stack->Parameters.QueryFile.Length;
        p->QueryFileInformation.FileInformationClass =
            Stack->Parameters.QueryFile.FileInformationClass;
        p->QueryFileInformation.InfoBuffer = Irp->AssociatedIrp.SystemBuffer;
        Op->Data.Flags |= FLTFL_CALLBACK_DATA_SYSTEM_BUFFER;
        break;
    case IRP_MJ_SET_INFORMATION:
        p->SetFileInformation.Length = Stack->Parameters.SetFile.Length;
        p->SetFileInformation.FileInformationClass = Stack->Parameters.SetFile.FileInformationClass;
        p->SetFileInformation.ParentOfTarget = Stack->Parameters.SetFile.FileObject;
        p->SetFileInformation.DeleteHandle = Stack->Parameters.SetFile.DeleteHandle;
        p->SetFileInformation.InfoBuffer = Irp->AssociatedIrp.SystemBuffer;
        Op->Data.Flags |= FLTFL_CALLBACK_DATA_SYSTEM_BUFFER;
        break;
    case IRP_MJ_QUERY_VOLUME_INFORMATION:
    case IRP_MJ_SET_VOLUME_INFORMATION:
        p->QueryVolumeInformation.Length = Stack->Parameters.QueryVolume.Length;
        p->QueryVolumeInformation.FsInformationClass =
            Stack->Parameters.QueryVolume.FsInformationClass;
        p->QueryVolumeInformation.VolumeBuffer = Irp->AssociatedIrp.SystemBuffer;
        Op->Data.Flags |= FLTFL_CALLBACK_DATA_SYSTEM_BUFFER;
        break;
    case IRP_MJ_DIRECTORY_CONTROL:
        ReadDirectory(Op, Irp, Stack, p);
        break;
    case IRP_MJ_FILE_SYSTEM_CONTROL:
        if (Stack->MinorFunction != IRP_MN_USER_FS_REQUEST &&
            Stack->MinorFunction != IRP_MN_KERNEL_CALL) {
            p->FileSystemControl.VerifyVolume.Vpb = Stack->Parameters.VerifyVolume.Vpb;
            p->FileSystemControl.VerifyVolume.DeviceObject =
                Stack->Parameters.VerifyVolume.DeviceObject;
            break;
        }
        ReadControl(Op, Irp, Stack, p);
        break;
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
        ReadControl(Op, Irp, Stack, p);
        break;
    case IRP_MJ_LOCK_CONTROL:
        ReadLock(Irp, Stack, p);
        break;
    case IRP_MJ_CLEANUP:
    case IRP_MJ_CLOSE:
    case IRP_MJ_FLUSH_BUFFERS:
        break;
    default:
        ReadOther(Op, Irp, Stack, p);
        break;
    }
}

void FltxReadIrp(FLTX_OP *Op, PIRP Irp, PIO_STACK_LOCATION Stack)
{
    PFLT_IO_PARAMETER_BLOCK Iopb = &Op->Iopb;

    Iopb->IrpFlags = Irp->Flags;
    Iopb->MajorFunction = Stack->MajorFunction;
    Iopb->MinorFunction = Stack->MinorFunction;
    Iopb->OperationFlags = Stack->Flags;
    Iopb->Reserved = 0;
    Iopb->TargetFileObject = Stack->FileObject;
    ReadParameters(Op, Irp, Stack, &Iopb->Parameters);
}

/* ---- the way back: marked changes of a filter go into the next stack location and the IRP ---- */

static void WriteDataBuffer(FLTX_OP *Op, PIRP Irp, PVOID Buffer, PMDL Mdl)
{
    if (Op->Data.Flags & FLTFL_CALLBACK_DATA_SYSTEM_BUFFER) {
        Irp->AssociatedIrp.SystemBuffer = Buffer;
        return;
    }
    Irp->UserBuffer = Buffer;
    Irp->MdlAddress = Mdl;
}

static void WriteControl(PIRP Irp, PIO_STACK_LOCATION Stack, const FLT_PARAMETERS *p)
{
    ULONG Code = p->DeviceIoControl.Common.IoControlCode;

    Stack->Parameters.DeviceIoControl.OutputBufferLength =
        p->DeviceIoControl.Common.OutputBufferLength;
    Stack->Parameters.DeviceIoControl.InputBufferLength =
        p->DeviceIoControl.Common.InputBufferLength;
    Stack->Parameters.DeviceIoControl.IoControlCode = Code;
    switch (METHOD_FROM_CTL_CODE(Code)) {
    case METHOD_BUFFERED:
        Irp->AssociatedIrp.SystemBuffer = p->DeviceIoControl.Buffered.SystemBuffer;
        break;
    case METHOD_NEITHER:
        Stack->Parameters.DeviceIoControl.Type3InputBuffer = p->DeviceIoControl.Neither.InputBuffer;
        Irp->UserBuffer = p->DeviceIoControl.Neither.OutputBuffer;
        Irp->MdlAddress = p->DeviceIoControl.Neither.OutputMdlAddress;
        break;
    default:
        Irp->AssociatedIrp.SystemBuffer = p->DeviceIoControl.Direct.InputSystemBuffer;
        Irp->UserBuffer = p->DeviceIoControl.Direct.OutputBuffer;
        Irp->MdlAddress = p->DeviceIoControl.Direct.OutputMdlAddress;
        break;
    }
}

static void WriteDirectory(FLTX_OP *Op, PIRP Irp, PIO_STACK_LOCATION Stack, const FLT_PARAMETERS *p)
{
    if (Stack->MinorFunction == IRP_MN_QUERY_DIRECTORY) {
        Stack->Parameters.QueryDirectory.Length = p->DirectoryControl.QueryDirectory.Length;
        Stack->Parameters.QueryDirectory.FileName =
            (PVOID)p->DirectoryControl.QueryDirectory.FileName;
        Stack->Parameters.QueryDirectory.FileInformationClass =
            p->DirectoryControl.QueryDirectory.FileInformationClass;
        Stack->Parameters.QueryDirectory.FileIndex = p->DirectoryControl.QueryDirectory.FileIndex;
    } else {
        Stack->Parameters.NotifyDirectory.Length = p->DirectoryControl.NotifyDirectory.Length;
        Stack->Parameters.NotifyDirectory.CompletionFilter =
            p->DirectoryControl.NotifyDirectory.CompletionFilter;
    }
    WriteDataBuffer(Op, Irp, p->DirectoryControl.QueryDirectory.DirectoryBuffer,
                    p->DirectoryControl.QueryDirectory.MdlAddress);
}

static void WriteOther(FLTX_OP *Op, PIRP Irp, PIO_STACK_LOCATION Stack, const FLT_PARAMETERS *p)
{
    switch (Stack->MajorFunction) {
    case IRP_MJ_QUERY_EA:
        Stack->Parameters.QueryEa.Length = p->QueryEa.Length;
        Stack->Parameters.QueryEa.EaList = p->QueryEa.EaList;
        Stack->Parameters.QueryEa.EaListLength = p->QueryEa.EaListLength;
        Stack->Parameters.QueryEa.EaIndex = p->QueryEa.EaIndex;
        WriteDataBuffer(Op, Irp, p->QueryEa.EaBuffer, p->QueryEa.MdlAddress);
        break;
    case IRP_MJ_SET_EA:
        Stack->Parameters.SetEa.Length = p->SetEa.Length;
        WriteDataBuffer(Op, Irp, p->SetEa.EaBuffer, p->SetEa.MdlAddress);
        break;
    case IRP_MJ_QUERY_SECURITY:
        Stack->Parameters.QuerySecurity.SecurityInformation = p->QuerySecurity.SecurityInformation;
        Stack->Parameters.QuerySecurity.Length = p->QuerySecurity.Length;
        WriteDataBuffer(Op, Irp, p->QuerySecurity.SecurityBuffer, p->QuerySecurity.MdlAddress);
        break;
    case IRP_MJ_SET_SECURITY:
        Stack->Parameters.SetSecurity.SecurityInformation = p->SetSecurity.SecurityInformation;
        Stack->Parameters.SetSecurity.SecurityDescriptor = p->SetSecurity.SecurityDescriptor;
        break;
    case IRP_MJ_QUERY_QUOTA:
        Stack->Parameters.QueryQuota.Length = p->QueryQuota.Length;
        Stack->Parameters.QueryQuota.StartSid = p->QueryQuota.StartSid;
        Stack->Parameters.QueryQuota.SidList = p->QueryQuota.SidList;
        Stack->Parameters.QueryQuota.SidListLength = p->QueryQuota.SidListLength;
        WriteDataBuffer(Op, Irp, p->QueryQuota.QuotaBuffer, p->QueryQuota.MdlAddress);
        break;
    case IRP_MJ_SET_QUOTA:
        Stack->Parameters.SetQuota.Length = p->SetQuota.Length;
        WriteDataBuffer(Op, Irp, p->SetQuota.QuotaBuffer, p->SetQuota.MdlAddress);
        break;
    case IRP_MJ_CLEANUP:
    case IRP_MJ_CLOSE:
    case IRP_MJ_FLUSH_BUFFERS:
        break;
    default:
        RtlCopyMemory(&Stack->Parameters, p, sizeof(Stack->Parameters));
        break;
    }
}

static void WriteCreate(PIRP Irp, PIO_STACK_LOCATION Stack, const FLT_PARAMETERS *p)
{
    Stack->Parameters.Create.SecurityContext = p->Create.SecurityContext;
    Stack->Parameters.Create.Options = p->Create.Options;
    Stack->Parameters.Create.FileAttributes = p->Create.FileAttributes;
    Stack->Parameters.Create.ShareAccess = p->Create.ShareAccess;
    Stack->Parameters.Create.EaLength = p->Create.EaLength;
    Irp->AssociatedIrp.SystemBuffer = p->Create.EaBuffer;
    Irp->Overlay.AllocationSize = p->Create.AllocationSize;
}

static void WriteLock(PIO_STACK_LOCATION Stack, const FLT_PARAMETERS *p)
{
    Stack->Parameters.LockControl.Length = p->LockControl.Length;
    Stack->Parameters.LockControl.Key = p->LockControl.Key;
    Stack->Parameters.LockControl.ByteOffset = p->LockControl.ByteOffset;
    Stack->Flags &= (UCHAR) ~(SL_FAIL_IMMEDIATELY | SL_EXCLUSIVE_LOCK);
    if (p->LockControl.FailImmediately)
        Stack->Flags |= SL_FAIL_IMMEDIATELY;
    if (p->LockControl.ExclusiveLock)
        Stack->Flags |= SL_EXCLUSIVE_LOCK;
}

static void WriteParameters(FLTX_OP *Op, PIRP Irp, PIO_STACK_LOCATION Stack,
                            const FLT_PARAMETERS *p)
{
    switch (Stack->MajorFunction) {
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        Stack->Parameters.Read.Length = p->Read.Length;
        Stack->Parameters.Read.Key = p->Read.Key;
        Stack->Parameters.Read.ByteOffset = p->Read.ByteOffset;
        WriteDataBuffer(Op, Irp, p->Read.ReadBuffer, p->Read.MdlAddress);
        break;
    case IRP_MJ_CREATE:
        WriteCreate(Irp, Stack, p);
        break;
    case IRP_MJ_QUERY_INFORMATION:
        Stack->Parameters.QueryFile.Length = p->QueryFileInformation.Length;
        Stack->Parameters.QueryFile.FileInformationClass =
            p->QueryFileInformation.FileInformationClass;
        Irp->AssociatedIrp.SystemBuffer = p->QueryFileInformation.InfoBuffer;
        break;
    case IRP_MJ_SET_INFORMATION:
        Stack->Parameters.SetFile.Length = p->SetFileInformation.Length;
        Stack->Parameters.SetFile.FileInformationClass = p->SetFileInformation.FileInformationClass;
        Stack->Parameters.SetFile.FileObject = p->SetFileInformation.ParentOfTarget;
        Stack->Parameters.SetFile.DeleteHandle = p->SetFileInformation.DeleteHandle;
        Irp->AssociatedIrp.SystemBuffer = p->SetFileInformation.InfoBuffer;
        break;
    case IRP_MJ_QUERY_VOLUME_INFORMATION:
    case IRP_MJ_SET_VOLUME_INFORMATION:
        Stack->Parameters.QueryVolume.Length = p->QueryVolumeInformation.Length;
        Stack->Parameters.QueryVolume.FsInformationClass =
            p->QueryVolumeInformation.FsInformationClass;
        Irp->AssociatedIrp.SystemBuffer = p->QueryVolumeInformation.VolumeBuffer;
        break;
    case IRP_MJ_DIRECTORY_CONTROL:
        WriteDirectory(Op, Irp, Stack, p);
        break;
    case IRP_MJ_FILE_SYSTEM_CONTROL:
        if (Stack->MinorFunction == IRP_MN_USER_FS_REQUEST ||
            Stack->MinorFunction == IRP_MN_KERNEL_CALL)
            WriteControl(Irp, Stack, p);
        break;
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
        WriteControl(Irp, Stack, p);
        break;
    case IRP_MJ_LOCK_CONTROL:
        WriteLock(Stack, p);
        break;
    default:
        WriteOther(Op, Irp, Stack, p);
        break;
    }
}

/*
 * Fills a stack location and the IRP's own fields from Iopb. What the IRP had is kept in the
 * operation for FltxRestoreIrp: the layers above must find it unchanged at completion.
 */
void FltxWriteIrp(FLTX_OP *Op, PIRP Irp, PIO_STACK_LOCATION Stack,
                  const FLT_IO_PARAMETER_BLOCK *Iopb)
{
    Op->IrpFlags = Irp->Flags;
    Op->IrpMdl = Irp->MdlAddress;
    Op->IrpUserBuffer = Irp->UserBuffer;
    Op->IrpSystemBuffer = Irp->AssociatedIrp.SystemBuffer;
    Irp->Flags = Iopb->IrpFlags;
    Stack->MajorFunction = Iopb->MajorFunction;
    Stack->MinorFunction = Iopb->MinorFunction;
    Stack->Flags = Iopb->OperationFlags;
    Stack->FileObject = Iopb->TargetFileObject;
    WriteParameters(Op, Irp, Stack, &Iopb->Parameters);
    Op->DownMdl = Irp->MdlAddress;
}

/*
 * A file system may have made an MDL meanwhile. For the request's own buffer it stays with the IRP,
 * whose end frees it; for a buffer a filter swapped in it belongs to that filter's swap
 * (nf-fltkernel-fltgetswappedbuffermdladdress).
 */
void FltxRestoreIrp(FLTX_OP *Op, PIRP Irp)
{
    BOOLEAN Swapped = Irp->UserBuffer != Op->IrpUserBuffer ||
                      Irp->AssociatedIrp.SystemBuffer != Op->IrpSystemBuffer ||
                      Op->DownMdl != Op->IrpMdl;

    if (Swapped && Irp->MdlAddress != Op->DownMdl && Irp->MdlAddress != Op->IrpMdl) {
        for (LONG i = Op->Layers - 1; i >= Op->First; i--) {
            if (Op->Layer[i].Saved) {
                Op->Layer[i].Saved->Swapped = Irp->MdlAddress;
                break;
            }
        }
    }
    if (Swapped)
        Irp->MdlAddress = Op->IrpMdl;
    Irp->Flags = Op->IrpFlags;
    Irp->UserBuffer = Op->IrpUserBuffer;
    Irp->AssociatedIrp.SystemBuffer = Op->IrpSystemBuffer;
}

/* ---- where the data of a request is ---------------------------------------------------------- */

static NTSTATUS FindControlBuffer(PFLT_PARAMETERS p, FLTX_BUFFER *b)
{
    switch (METHOD_FROM_CTL_CODE(p->DeviceIoControl.Common.IoControlCode)) {
    case METHOD_BUFFERED:
        b->Buffer = &p->DeviceIoControl.Buffered.SystemBuffer;
        b->Length = p->DeviceIoControl.Common.OutputBufferLength >
                            p->DeviceIoControl.Common.InputBufferLength
                        ? &p->DeviceIoControl.Common.OutputBufferLength
                        : &p->DeviceIoControl.Common.InputBufferLength;
        break;
    case METHOD_NEITHER:
        b->Buffer = &p->DeviceIoControl.Neither.OutputBuffer;
        b->Mdl = &p->DeviceIoControl.Neither.OutputMdlAddress;
        b->Length = &p->DeviceIoControl.Neither.OutputBufferLength;
        b->Access = IoWriteAccess;
        break;
    default:
        b->Buffer = &p->DeviceIoControl.Direct.OutputBuffer;
        b->Mdl = &p->DeviceIoControl.Direct.OutputMdlAddress;
        b->Length = &p->DeviceIoControl.Direct.OutputBufferLength;
        b->Access =
            METHOD_FROM_CTL_CODE(p->DeviceIoControl.Common.IoControlCode) == METHOD_IN_DIRECT
                ? IoReadAccess
                : IoWriteAccess;
        break;
    }
    return STATUS_SUCCESS;
}

#define FLTX_FOUND(b, buffer, mdl, length, access)                                                 \
    ((b)->Buffer = (PVOID *)&(buffer), (b)->Mdl = (mdl), (b)->Length = &(length),                  \
     (b)->Access = (access))

/* The one data buffer of the operation; STATUS_INVALID_PARAMETER when it has none
 * (nf-fltkernel-fltdecodeparameters). */
NTSTATUS FltxFindBuffer(PFLT_IO_PARAMETER_BLOCK Iopb, FLTX_BUFFER *b)
{
    PFLT_PARAMETERS p = &Iopb->Parameters;

    RtlZeroMemory(b, sizeof(*b));
    b->Access = IoModifyAccess;
    switch (Iopb->MajorFunction) {
    case IRP_MJ_READ:
        FLTX_FOUND(b, p->Read.ReadBuffer, &p->Read.MdlAddress, p->Read.Length, IoWriteAccess);
        break;
    case IRP_MJ_WRITE:
        FLTX_FOUND(b, p->Write.WriteBuffer, &p->Write.MdlAddress, p->Write.Length, IoReadAccess);
        break;
    case IRP_MJ_CREATE:
        FLTX_FOUND(b, p->Create.EaBuffer, NULL, p->Create.EaLength, IoReadAccess);
        break;
    case IRP_MJ_QUERY_INFORMATION:
        FLTX_FOUND(b, p->QueryFileInformation.InfoBuffer, NULL, p->QueryFileInformation.Length,
                   IoModifyAccess);
        break;
    case IRP_MJ_SET_INFORMATION:
        FLTX_FOUND(b, p->SetFileInformation.InfoBuffer, NULL, p->SetFileInformation.Length,
                   IoModifyAccess);
        break;
    case IRP_MJ_QUERY_EA:
        FLTX_FOUND(b, p->QueryEa.EaBuffer, &p->QueryEa.MdlAddress, p->QueryEa.Length,
                   IoWriteAccess);
        break;
    case IRP_MJ_SET_EA:
        FLTX_FOUND(b, p->SetEa.EaBuffer, &p->SetEa.MdlAddress, p->SetEa.Length, IoReadAccess);
        break;
    case IRP_MJ_QUERY_VOLUME_INFORMATION:
    case IRP_MJ_SET_VOLUME_INFORMATION:
        FLTX_FOUND(b, p->QueryVolumeInformation.VolumeBuffer, NULL,
                   p->QueryVolumeInformation.Length, IoModifyAccess);
        break;
    case IRP_MJ_DIRECTORY_CONTROL:
        FLTX_FOUND(b, p->DirectoryControl.QueryDirectory.DirectoryBuffer,
                   &p->DirectoryControl.QueryDirectory.MdlAddress,
                   p->DirectoryControl.QueryDirectory.Length, IoWriteAccess);
        break;
    case IRP_MJ_QUERY_SECURITY:
        FLTX_FOUND(b, p->QuerySecurity.SecurityBuffer, &p->QuerySecurity.MdlAddress,
                   p->QuerySecurity.Length, IoWriteAccess);
        break;
    case IRP_MJ_QUERY_QUOTA:
        FLTX_FOUND(b, p->QueryQuota.QuotaBuffer, &p->QueryQuota.MdlAddress, p->QueryQuota.Length,
                   IoWriteAccess);
        break;
    case IRP_MJ_SET_QUOTA:
        FLTX_FOUND(b, p->SetQuota.QuotaBuffer, &p->SetQuota.MdlAddress, p->SetQuota.Length,
                   IoReadAccess);
        break;
    case IRP_MJ_FILE_SYSTEM_CONTROL:
        if (Iopb->MinorFunction != IRP_MN_USER_FS_REQUEST &&
            Iopb->MinorFunction != IRP_MN_KERNEL_CALL)
            return STATUS_INVALID_PARAMETER;
        return FindControlBuffer(p, b);
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
        return FindControlBuffer(p, b);
    default:
        return STATUS_INVALID_PARAMETER;
    }
    return STATUS_SUCCESS;
}

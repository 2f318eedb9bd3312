/* SPDX-License-Identifier: MIT */
/* Queries, controls and flushes a filter starts on a file object; all synchronous, all below the
 * filter only. */
#include "fltx.h"

static FLTX_OWN *Request(PFLT_INSTANCE Instance, PFILE_OBJECT File, UCHAR Major, UCHAR Minor,
                         const void *Caller)
{
    FLTX_OWN *Own;

    if (!Instance || !File) {
        KexFinding("OBJ-010", "verifier", Caller,
                   "a request (%s) without an instance or file object", FltGetIrpName(Major));
        return NULL;
    }
    Own = FltxOwnAllocate(Instance, File, FALSE, Caller);
    if (Own) {
        Own->Op.Iopb.MajorFunction = Major;
        Own->Op.Iopb.MinorFunction = Minor;
        Own->Op.Iopb.IrpFlags = IRP_SYNCHRONOUS_API;
    }
    return Own;
}

/* Sends, reports the length, frees. The caller's MDLs are none here. */
static NTSTATUS Finish(FLTX_OWN *Own, PULONG Length)
{
    NTSTATUS Status = FltxOwnPerform(Own, 0);

    if (Length)
        *Length = NT_ERROR(Status) ? 0 : (ULONG)Own->Op.Data.IoStatus.Information;
    FltxOwnFree(Own);
    return Status;
}

#define FLTX_REQUEST(instance, file, major, minor)                                                 \
    FLTX_OWN *Own = Request(instance, file, major, minor, __builtin_return_address(0));            \
    if (!Own)                                                                                      \
        return (instance) && (file) ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;    \
    PFLT_PARAMETERS p = &Own->Op.Iopb.Parameters

/* Information about an open file. IRQL: PASSIVE_LEVEL. Status of the file system
 * (nf-fltkernel-fltqueryinformationfile). */
NTSTATUS NTAPI FltQueryInformationFile(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                       PVOID FileInformation, ULONG Length,
                                       FILE_INFORMATION_CLASS FileInformationClass,
                                       PULONG LengthReturned)
{
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_QUERY_INFORMATION, 0);

    p->QueryFileInformation.Length = Length;
    p->QueryFileInformation.FileInformationClass = FileInformationClass;
    p->QueryFileInformation.InfoBuffer = FileInformation;
    return Finish(Own, LengthReturned);
}

/*
 * Changes information about an open file; for a rename or link into another folder the target's
 * parent is opened below the instance first, as the I/O manager does. IRQL: PASSIVE_LEVEL
 * (nf-fltkernel-fltsetinformationfile).
 */
NTSTATUS NTAPI FltSetInformationFile(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                     PVOID FileInformation, ULONG Length,
                                     FILE_INFORMATION_CLASS FileInformationClass)
{
    HANDLE Parent = NULL;
    PFILE_OBJECT ParentObject = NULL;
    NTSTATUS Status;
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_SET_INFORMATION, 0);

    p->SetFileInformation.Length = Length;
    p->SetFileInformation.FileInformationClass = FileInformationClass;
    p->SetFileInformation.InfoBuffer = FileInformation;
    if (FileInformationClass == FileRenameInformation ||
        FileInformationClass == FileLinkInformation) {
        PFILE_RENAME_INFORMATION Rename = FileInformation;

        if (Length < FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) ||
            Length - FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) < Rename->FileNameLength) {
            FltxOwnFree(Own);
            return STATUS_INVALID_PARAMETER;
        }
        p->SetFileInformation.ReplaceIfExists = Rename->ReplaceIfExists;
        Status = FltxOpenTargetParent(Instance, Rename, &Parent, &ParentObject);
        if (!NT_SUCCESS(Status)) {
            FltxOwnFree(Own);
            return Status;
        }
        p->SetFileInformation.ParentOfTarget = ParentObject;
    }
    Status = Finish(Own, NULL);
    if (ParentObject)
        ObDereferenceObject(ParentObject);
    if (Parent)
        FltClose(Parent);
    return Status;
}

/* Information about the volume an open file is on (nf-fltkernel-fltqueryvolumeinformationfile).
 * IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI FltQueryVolumeInformationFile(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                             PVOID FsInformation, ULONG Length,
                                             FS_INFORMATION_CLASS FsInformationClass,
                                             PULONG LengthReturned)
{
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_QUERY_VOLUME_INFORMATION, 0);

    p->QueryVolumeInformation.Length = Length;
    p->QueryVolumeInformation.FsInformationClass = FsInformationClass;
    p->QueryVolumeInformation.VolumeBuffer = FsInformation;
    return Finish(Own, LengthReturned);
}

static NTSTATUS OnVolume(PFLT_INSTANCE Instance, UCHAR Major, PIO_STATUS_BLOCK Iosb, PVOID Buffer,
                         ULONG Length, FS_INFORMATION_CLASS Class, const void *Caller)
{
    PFILE_OBJECT File;
    HANDLE Handle;
    FLTX_OWN *Own;
    NTSTATUS Status = FltOpenVolume(Instance, &Handle, &File);

    if (!NT_SUCCESS(Status))
        return Iosb->Status = Status;
    Own = Request(Instance, File, Major, 0, Caller);
    if (Own) {
        Own->Op.Iopb.Parameters.QueryVolumeInformation.Length = Length;
        Own->Op.Iopb.Parameters.QueryVolumeInformation.FsInformationClass = Class;
        Own->Op.Iopb.Parameters.QueryVolumeInformation.VolumeBuffer = Buffer;
        Status = FltxOwnPerform(Own, 0);
        *Iosb = Own->Op.Data.IoStatus;
        FltxOwnFree(Own);
    } else {
        Status = Iosb->Status = STATUS_INSUFFICIENT_RESOURCES;
    }
    ObDereferenceObject(File);
    FltClose(Handle);
    return Status;
}

/* Information about the instance's volume. IRQL: PASSIVE_LEVEL
 * (nf-fltkernel-fltqueryvolumeinformation). */
NTSTATUS NTAPI FltQueryVolumeInformation(PFLT_INSTANCE Instance, PIO_STATUS_BLOCK Iosb,
                                         PVOID FsInformation, ULONG Length,
                                         FS_INFORMATION_CLASS FsInformationClass)
{
    return OnVolume(Instance, IRP_MJ_QUERY_VOLUME_INFORMATION, Iosb, FsInformation, Length,
                    FsInformationClass, __builtin_return_address(0));
}

/* Changes it. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltsetvolumeinformation). */
NTSTATUS NTAPI FltSetVolumeInformation(PFLT_INSTANCE Instance, PIO_STATUS_BLOCK Iosb,
                                       PVOID FsInformation, ULONG Length,
                                       FS_INFORMATION_CLASS FsInformationClass)
{
    return OnVolume(Instance, IRP_MJ_SET_VOLUME_INFORMATION, Iosb, FsInformation, Length,
                    FsInformationClass, __builtin_return_address(0));
}

static NTSTATUS Directory(FLTX_OWN *Own, PVOID FileInformation, ULONG Length,
                          FILE_INFORMATION_CLASS Class, ULONG Flags, PUNICODE_STRING FileName,
                          PULONG LengthReturned)
{
    PFLT_PARAMETERS p = &Own->Op.Iopb.Parameters;

    p->DirectoryControl.QueryDirectory.Length = Length;
    p->DirectoryControl.QueryDirectory.FileName = FileName;
    p->DirectoryControl.QueryDirectory.FileInformationClass = Class;
    p->DirectoryControl.QueryDirectory.DirectoryBuffer = FileInformation;
    Own->Op.Iopb.OperationFlags = (UCHAR)Flags;
    return Finish(Own, LengthReturned);
}

/* Lists a folder. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltquerydirectoryfile). */
NTSTATUS NTAPI FltQueryDirectoryFile(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                     PVOID FileInformation, ULONG Length,
                                     FILE_INFORMATION_CLASS FileInformationClass,
                                     BOOLEAN ReturnSingleEntry, PUNICODE_STRING FileName,
                                     BOOLEAN RestartScan, PULONG LengthReturned)
{
    ULONG Flags =
        (ReturnSingleEntry ? SL_RETURN_SINGLE_ENTRY : 0u) | (RestartScan ? SL_RESTART_SCAN : 0u);
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_DIRECTORY_CONTROL, IRP_MN_QUERY_DIRECTORY);

    UNREFERENCED_PARAMETER(p);
    return Directory(Own, FileInformation, Length, FileInformationClass, Flags, FileName,
                     LengthReturned);
}

/* The same with the SL_ flags given (nf-fltkernel-fltquerydirectoryfileex). */
NTSTATUS NTAPI FltQueryDirectoryFileEx(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                       PVOID FileInformation, ULONG Length,
                                       FILE_INFORMATION_CLASS FileInformationClass,
                                       ULONG QueryFlags, PUNICODE_STRING FileName,
                                       PULONG LengthReturned)
{
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_DIRECTORY_CONTROL, IRP_MN_QUERY_DIRECTORY);

    UNREFERENCED_PARAMETER(p);
    return Directory(Own, FileInformation, Length, FileInformationClass, QueryFlags, FileName,
                     LengthReturned);
}

/* ---- controls -------------------------------------------------------------------------------- */

static NTSTATUS Control(FLTX_OWN *Own, ULONG Code, PVOID In, ULONG InLength, PVOID Out,
                        ULONG OutLength, PULONG Returned)
{
    PFLT_PARAMETERS p = &Own->Op.Iopb.Parameters;
    ULONG Method = METHOD_FROM_CTL_CODE(Code), Room = InLength > OutLength ? InLength : OutLength;
    PVOID System = NULL;
    NTSTATUS Status;

    p->DeviceIoControl.Common.IoControlCode = Code;
    p->DeviceIoControl.Common.InputBufferLength = InLength;
    p->DeviceIoControl.Common.OutputBufferLength = OutLength;
    if (Method == METHOD_NEITHER) {
        p->DeviceIoControl.Neither.InputBuffer = In;
        p->DeviceIoControl.Neither.OutputBuffer = Out;
        return Finish(Own, Returned);
    }
    if (Method != METHOD_BUFFERED) {
        p->DeviceIoControl.Direct.InputSystemBuffer = In;
        p->DeviceIoControl.Direct.OutputBuffer = Out;
        return Finish(Own, Returned);
    }
    /* One buffer serves both ways, as in the I/O manager's requests. */
    if (Room) {
        System = ExAllocatePoolWithTag(NonPagedPool, Room, FLTX_TAG);
        if (!System) {
            FltxOwnFree(Own);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        RtlZeroMemory(System, Room);
        if (InLength)
            RtlCopyMemory(System, In, InLength);
    }
    p->DeviceIoControl.Buffered.SystemBuffer = System;
    Status = FltxOwnPerform(Own, 0);
    {
        ULONG Length = NT_ERROR(Status) ? 0 : (ULONG)Own->Op.Data.IoStatus.Information;

        if (Length && Out)
            RtlCopyMemory(Out, System, Length < OutLength ? Length : OutLength);
        if (Returned)
            *Returned = Length;
    }
    FltxOwnFree(Own);
    if (System)
        ExFreePoolWithTag(System, FLTX_TAG);
    return Status;
}

/* A file system control. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltfscontrolfile). */
NTSTATUS NTAPI FltFsControlFile(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                ULONG FsControlCode, PVOID InputBuffer, ULONG InputBufferLength,
                                PVOID OutputBuffer, ULONG OutputBufferLength, PULONG LengthReturned)
{
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_FILE_SYSTEM_CONTROL, IRP_MN_USER_FS_REQUEST);

    UNREFERENCED_PARAMETER(p);
    return Control(Own, FsControlCode, InputBuffer, InputBufferLength, OutputBuffer,
                   OutputBufferLength, LengthReturned);
}

/* A device control. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltdeviceiocontrolfile). */
NTSTATUS NTAPI FltDeviceIoControlFile(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                      ULONG IoControlCode, PVOID InputBuffer,
                                      ULONG InputBufferLength, PVOID OutputBuffer,
                                      ULONG OutputBufferLength, PULONG LengthReturned)
{
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_DEVICE_CONTROL, 0);

    UNREFERENCED_PARAMETER(p);
    return Control(Own, IoControlCode, InputBuffer, InputBufferLength, OutputBuffer,
                   OutputBufferLength, LengthReturned);
}

/* ---- flushes --------------------------------------------------------------------------------- */

/*
 * Flushes a file's data and metadata: IRP_MJ_FLUSH_BUFFERS, minor 0. IRQL: PASSIVE_LEVEL.
 * STATUS_MEDIA_WRITE_PROTECTED, STATUS_VOLUME_DISMOUNTED or what the file system says
 * (nf-fltkernel-fltflushbuffers).
 */
NTSTATUS NTAPI FltFlushBuffers(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject)
{
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_FLUSH_BUFFERS, 0);

    UNREFERENCED_PARAMETER(p);
    return Finish(Own, NULL);
}

/* The types are bits, the minor codes count: 1, 2, 4, 8 become 1, 2, 3, 4. 0xff: no single known
 * bit. */
static UCHAR MinorOfFlushType(ULONG Type)
{
    switch (Type) {
    case 0:
        return 0;
    case FLT_FLUSH_TYPE_FLUSH_AND_PURGE:
        return IRP_MN_FLUSH_AND_PURGE;
    case FLT_FLUSH_TYPE_FILE_DATA_ONLY:
        return IRP_MN_FLUSH_DATA_ONLY;
    case FLT_FLUSH_TYPE_NO_SYNC:
        return IRP_MN_FLUSH_NO_SYNC;
    case FLT_FLUSH_TYPE_DATA_SYNC_ONLY:
        return IRP_MN_FLUSH_DATA_SYNC_ONLY;
    default:
        return 0xff;
    }
}

/*
 * Flushes with a chosen kind: a wrapper over IRP_MJ_FLUSH_BUFFERS with a minor code. The kinds that
 * spare metadata or the storage's cache are not for volumes. CallbackData, when given, lends its
 * IRP extension. STATUS_INVALID_PARAMETER for a combination of types
 * (nf-fltkernel-fltflushbuffers2).
 */
NTSTATUS NTAPI FltFlushBuffers2(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject, ULONG FlushType,
                                PFLT_CALLBACK_DATA CallbackData)
{
    UCHAR Minor = MinorOfFlushType(FlushType);

    UNREFERENCED_PARAMETER(CallbackData);
    if (Minor == 0xff) {
        FLTX_FINDING("FIO-020", "FltFlushBuffers2 with flush type 0x%x: one type at a time",
                     (unsigned)FlushType);
        return STATUS_INVALID_PARAMETER;
    }
    if (FileObject && (FileObject->Flags & FO_VOLUME_OPEN) && Minor >= IRP_MN_FLUSH_DATA_ONLY)
        return STATUS_INVALID_PARAMETER;
    {
        FLTX_REQUEST(Instance, FileObject, IRP_MJ_FLUSH_BUFFERS, Minor);

        UNREFERENCED_PARAMETER(p);
        return Finish(Own, NULL);
    }
}

/* ---- security and extended attributes -------------------------------------------------------- */

/* Reads a file's security descriptor. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltquerysecurityobject). */
NTSTATUS NTAPI FltQuerySecurityObject(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                      SECURITY_INFORMATION SecurityInformation,
                                      PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Length,
                                      PULONG LengthNeeded)
{
    NTSTATUS Status;
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_QUERY_SECURITY, 0);

    p->QuerySecurity.SecurityInformation = SecurityInformation;
    p->QuerySecurity.Length = Length;
    p->QuerySecurity.SecurityBuffer = SecurityDescriptor;
    Status = FltxOwnPerform(Own, 0);
    if (LengthNeeded)
        *LengthNeeded = (ULONG)Own->Op.Data.IoStatus.Information;
    FltxOwnFree(Own);
    return Status == STATUS_BUFFER_OVERFLOW ? STATUS_BUFFER_TOO_SMALL : Status;
}

/* Changes it. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltsetsecurityobject). */
NTSTATUS NTAPI FltSetSecurityObject(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                    SECURITY_INFORMATION SecurityInformation,
                                    PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_SET_SECURITY, 0);

    p->SetSecurity.SecurityInformation = SecurityInformation;
    p->SetSecurity.SecurityDescriptor = SecurityDescriptor;
    return Finish(Own, NULL);
}

/* Reads extended attributes. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltqueryeafile). */
NTSTATUS NTAPI FltQueryEaFile(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject, PVOID ReturnedEaData,
                              ULONG Length, BOOLEAN ReturnSingleEntry, PVOID EaList,
                              ULONG EaListLength, PULONG EaIndex, BOOLEAN RestartScan,
                              PULONG LengthReturned)
{
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_QUERY_EA, 0);

    p->QueryEa.Length = Length;
    p->QueryEa.EaBuffer = ReturnedEaData;
    p->QueryEa.EaList = EaList;
    p->QueryEa.EaListLength = EaListLength;
    p->QueryEa.EaIndex = EaIndex ? *EaIndex : 0;
    Own->Op.Iopb.OperationFlags =
        (UCHAR)((ReturnSingleEntry ? SL_RETURN_SINGLE_ENTRY : 0) |
                (RestartScan ? SL_RESTART_SCAN : 0) | (EaIndex ? SL_INDEX_SPECIFIED : 0));
    return Finish(Own, LengthReturned);
}

/* Changes extended attributes. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltseteafile). */
NTSTATUS NTAPI FltSetEaFile(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject, PVOID EaBuffer,
                            ULONG Length)
{
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_SET_EA, 0);

    p->SetEa.Length = Length;
    p->SetEa.EaBuffer = EaBuffer;
    return Finish(Own, NULL);
}

/* Reads quota entries. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltqueryquotainformationfile). */
NTSTATUS NTAPI FltQueryQuotaInformationFile(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                            PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                                            ULONG Length, BOOLEAN ReturnSingleEntry, PVOID SidList,
                                            ULONG SidListLength, PULONG StartSid,
                                            BOOLEAN RestartScan, PULONG LengthReturned)
{
    NTSTATUS Status;
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_QUERY_QUOTA, 0);

    p->QueryQuota.Length = Length;
    p->QueryQuota.StartSid = (PSID)StartSid;
    p->QueryQuota.SidList = SidList;
    p->QueryQuota.SidListLength = SidListLength;
    p->QueryQuota.QuotaBuffer = Buffer;
    Own->Op.Iopb.OperationFlags = (UCHAR)((ReturnSingleEntry ? SL_RETURN_SINGLE_ENTRY : 0) |
                                          (RestartScan ? SL_RESTART_SCAN : 0));
    Status = FltxOwnPerform(Own, 0);
    *IoStatusBlock = Own->Op.Data.IoStatus;
    if (LengthReturned)
        *LengthReturned = (ULONG)Own->Op.Data.IoStatus.Information;
    FltxOwnFree(Own);
    return Status;
}

/* Changes quota entries. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltsetquotainformationfile). */
NTSTATUS NTAPI FltSetQuotaInformationFile(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                          PVOID Buffer, ULONG Length)
{
    FLTX_REQUEST(Instance, FileObject, IRP_MJ_SET_QUOTA, 0);

    p->SetQuota.Length = Length;
    p->SetQuota.QuotaBuffer = Buffer;
    return Finish(Own, NULL);
}

/* TRUE in *IsDirectory for a folder. IRQL: PASSIVE_LEVEL (nf-fltkernel-fltisdirectory). */
NTSTATUS NTAPI FltIsDirectory(PFILE_OBJECT FileObject, PFLT_INSTANCE Instance, PBOOLEAN IsDirectory)
{
    FILE_STANDARD_INFORMATION Standard;
    NTSTATUS Status;

    *IsDirectory = FALSE;
    if (FileObject->Flags & FO_VOLUME_OPEN)
        return STATUS_SUCCESS;
    Status = FltQueryInformationFile(Instance, FileObject, &Standard, sizeof(Standard),
                                     FileStandardInformation, NULL);
    if (NT_SUCCESS(Status))
        *IsDirectory = Standard.Directory;
    return Status;
}

/* ---- reparse points -------------------------------------------------------------------------- */

static NTSTATUS Tag(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject, ULONG Code, ULONG FileTag,
                    const GUID *Guid, const void *Data, USHORT Length)
{
    ULONG Header = Guid ? REPARSE_GUID_DATA_BUFFER_HEADER_SIZE : REPARSE_DATA_BUFFER_HEADER_SIZE;
    PREPARSE_GUID_DATA_BUFFER Buffer = ExAllocatePoolWithTag(PagedPool, Header + Length, FLTX_TAG);
    NTSTATUS Status;

    if (!Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Buffer, Header);
    Buffer->ReparseTag = FileTag;
    Buffer->ReparseDataLength = Length;
    if (Guid)
        Buffer->ReparseGuid = *Guid;
    if (Length)
        RtlCopyMemory((PUCHAR)Buffer + Header, Data, Length);
    Status = FltFsControlFile(Instance, FileObject, Code, Buffer, Header + Length, NULL, 0, NULL);
    ExFreePoolWithTag(Buffer, FLTX_TAG);
    return Status;
}

/* Makes the file a reparse point. IRQL: PASSIVE_LEVEL (nf-fltkernel-flttagfile). */
NTSTATUS NTAPI FltTagFile(PFLT_INSTANCE InitiatingInstance, PFILE_OBJECT FileObject, ULONG FileTag,
                          GUID *Guid, PVOID DataBuffer, USHORT DataBufferLength)
{
    return Tag(InitiatingInstance, FileObject, FSCTL_SET_REPARSE_POINT, FileTag,
               IsReparseTagMicrosoft(FileTag) ? NULL : Guid, DataBuffer, DataBufferLength);
}

/* Takes the reparse point away; tag and GUID must match. IRQL: PASSIVE_LEVEL
 * (nf-fltkernel-fltuntagfile). */
NTSTATUS NTAPI FltUntagFile(PFLT_INSTANCE InitiatingInstance, PFILE_OBJECT FileObject,
                            ULONG FileTag, GUID *Guid)
{
    return Tag(InitiatingInstance, FileObject, FSCTL_DELETE_REPARSE_POINT, FileTag,
               IsReparseTagMicrosoft(FileTag) ? NULL : Guid, NULL, 0);
}

/* ---- aligned buffers ------------------------------------------------------------------------- */

typedef struct _ALIGNED {
    FLTX_HELD Held;
    PVOID Block;
    PFLT_INSTANCE Instance;
    ULONG Tag;
} ALIGNED;

/*
 * A buffer aligned as the volume's device wants it. IRQL: <= APC_LEVEL, DISPATCH_LEVEL for nonpaged
 * types. Zero bytes give the smallest buffer; NULL without memory, never an exception
 * (nf-fltkernel-fltallocatepoolalignedwithtag).
 */
PVOID NTAPI FltAllocatePoolAlignedWithTag(PFLT_INSTANCE Instance, POOL_TYPE PoolType,
                                          SIZE_T NumberOfBytes, ULONG Tag)
{
    ULONG_PTR Mask = Instance->Volume->RealDevice->AlignmentRequirement;
    ALIGNED *Head;
    PUCHAR Block, At;

    if (!Tag)
        FLTX_FINDING("FIO-003", "FltAllocatePoolAlignedWithTag with tag 0");
    if (NumberOfBytes > MAXULONG_PTR - Mask - sizeof(ALIGNED) - 16)
        return NULL;
    Block = ExAllocatePoolWithTag(PoolType, NumberOfBytes + Mask + sizeof(ALIGNED) + 16,
                                  Tag ? Tag : FLTX_TAG);
    if (!Block)
        return NULL;
    At = (PUCHAR)(((ULONG_PTR)Block + sizeof(ALIGNED) + (Mask | 15)) & ~(Mask | 15));
    Head = (ALIGNED *)At - 1;
    Head->Block = Block;
    Head->Instance = Instance;
    Head->Tag = Tag;
    FltxTrackHeld(&Head->Held, "aligned buffer", At, Instance->Filter, __builtin_return_address(0),
                  NumberOfBytes, Tag);
    return At;
}

/* Frees it; instance and tag must be those of the allocation
 * (nf-fltkernel-fltfreepoolalignedwithtag). */
VOID NTAPI FltFreePoolAlignedWithTag(PFLT_INSTANCE Instance, PVOID Buffer, ULONG Tag)
{
    ALIGNED *Head = (ALIGNED *)Buffer - 1;

    if (Head->Instance != Instance || Head->Tag != Tag)
        FLTX_FINDING("FIO-003",
                     "FltFreePoolAlignedWithTag of %p with another %s than it was allocated with",
                     Buffer, Head->Tag != Tag ? "tag" : "instance");
    FltxUntrackHeld(&Head->Held);
    ExFreePool(Head->Block);
}

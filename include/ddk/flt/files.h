/* SPDX-License-Identifier: MIT */
/*
 * File I/O below the calling instance, names, sections, security.
 * Part of fltKernel.h, which is what a driver includes.
 */
#ifndef OPENFLT_DDK_FLT_FILES_H
#define OPENFLT_DDK_FLT_FILES_H

#include <flt/registration.h>

NT_BEGIN_C

/* ---- File I/O. It starts below the initiating instance, so a filter never sees its own. ---- */

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT VOID FLTAPI FltCancelFileOpen(_In_ PFLT_INSTANCE Instance, _In_ PFILE_OBJECT FileObject);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltClose(_In_ HANDLE FileHandle);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCreateFile(_In_ PFLT_FILTER Filter, _In_opt_ PFLT_INSTANCE Instance,
    _Out_ PHANDLE FileHandle, _In_ ACCESS_MASK DesiredAccess,
    _In_ POBJECT_ATTRIBUTES ObjectAttributes, _Out_ PIO_STATUS_BLOCK IoStatusBlock,
    _In_opt_ PLARGE_INTEGER AllocationSize, _In_ ULONG FileAttributes, _In_ ULONG ShareAccess,
    _In_ ULONG CreateDisposition, _In_ ULONG CreateOptions,
    _In_reads_bytes_opt_(EaLength) PVOID EaBuffer, _In_ ULONG EaLength, _In_ ULONG Flags);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltDeviceIoControlFile(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_ ULONG IoControlCode,
    _In_reads_bytes_opt_(InputBufferLength) PVOID InputBuffer, _In_ ULONG InputBufferLength,
    _Out_writes_bytes_to_opt_(OutputBufferLength, *LengthReturned) PVOID OutputBuffer,
    _In_ ULONG OutputBufferLength, _Out_opt_ PULONG LengthReturned);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltFlushBuffers(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltFsControlFile(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_ ULONG FsControlCode,
    _In_reads_bytes_opt_(InputBufferLength) PVOID InputBuffer, _In_ ULONG InputBufferLength,
    _Out_writes_bytes_to_opt_(OutputBufferLength, *LengthReturned) PVOID OutputBuffer,
    _In_ ULONG OutputBufferLength, _Out_opt_ PULONG LengthReturned);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltIsDirectory(_In_ PFILE_OBJECT FileObject, _In_ PFLT_INSTANCE Instance,
    _Out_ PBOOLEAN IsDirectory);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltNotifyFilterChangeDirectory(_Inout_ PNOTIFY_SYNC NotifySync,
    _Inout_ PLIST_ENTRY NotifyList, _In_ PVOID FsContext, _In_ PSTRING FullDirectoryName,
    _In_ BOOLEAN WatchTree, _In_ BOOLEAN IgnoreBuffer, _In_ ULONG CompletionFilter,
    _In_ PFLT_CALLBACK_DATA NotifyCallbackData,
    _In_opt_ PCHECK_FOR_TRAVERSE_ACCESS TraverseCallback,
    _In_opt_ PSECURITY_SUBJECT_CONTEXT SubjectContext,
    _In_opt_ PFILTER_REPORT_CHANGE FilterCallback);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltQueryInformationFile(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject,
    _Out_writes_bytes_to_(Length, *LengthReturned) PVOID FileInformation, _In_ ULONG Length,
    _In_ FILE_INFORMATION_CLASS FileInformationClass, _Out_opt_ PULONG LengthReturned);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltReadFile(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFILE_OBJECT FileObject, _In_opt_ PLARGE_INTEGER ByteOffset, _In_ ULONG Length,
    _Out_writes_bytes_to_(Length, *BytesRead) PVOID Buffer, _In_ FLT_IO_OPERATION_FLAGS Flags,
    _Out_opt_ PULONG BytesRead, _In_opt_ PFLT_COMPLETED_ASYNC_IO_CALLBACK CallbackRoutine,
    _In_opt_ PVOID CallbackContext);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetInformationFile(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_reads_bytes_(Length) PVOID FileInformation, _In_ ULONG Length,
    _In_ FILE_INFORMATION_CLASS FileInformationClass);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltTagFile(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFILE_OBJECT FileObject, _In_ ULONG FileTag, _In_opt_ GUID *Guid,
    _In_reads_bytes_(DataBufferLength) PVOID DataBuffer, _In_ USHORT DataBufferLength);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltUntagFile(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFILE_OBJECT FileObject, _In_ ULONG FileTag, _In_opt_ GUID *Guid);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltWriteFile(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFILE_OBJECT FileObject, _In_opt_ PLARGE_INTEGER ByteOffset, _In_ ULONG Length,
    _In_reads_bytes_(Length) PVOID Buffer, _In_ FLT_IO_OPERATION_FLAGS Flags,
    _Out_opt_ PULONG BytesWritten, _In_opt_ PFLT_COMPLETED_ASYNC_IO_CALLBACK CallbackRoutine,
    _In_opt_ PVOID CallbackContext);

#if FLT_MGR_AFTER_XPSP2

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCreateFileEx(_In_ PFLT_FILTER Filter, _In_opt_ PFLT_INSTANCE Instance,
    _Out_ PHANDLE FileHandle, _Outptr_opt_ PFILE_OBJECT *FileObject, _In_ ACCESS_MASK DesiredAccess,
    _In_ POBJECT_ATTRIBUTES ObjectAttributes, _Out_ PIO_STATUS_BLOCK IoStatusBlock,
    _In_opt_ PLARGE_INTEGER AllocationSize, _In_ ULONG FileAttributes, _In_ ULONG ShareAccess,
    _In_ ULONG CreateDisposition, _In_ ULONG CreateOptions,
    _In_reads_bytes_opt_(EaLength) PVOID EaBuffer, _In_ ULONG EaLength, _In_ ULONG Flags);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltQueryEaFile(_In_ PFLT_INSTANCE Instance, _In_ PFILE_OBJECT FileObject,
    _Out_writes_bytes_to_(Length, *LengthReturned) PVOID ReturnedEaData, _In_ ULONG Length,
    _In_ BOOLEAN ReturnSingleEntry, _In_reads_bytes_opt_(EaListLength) PVOID EaList,
    _In_ ULONG EaListLength, _In_opt_ PULONG EaIndex, _In_ BOOLEAN RestartScan,
    _Out_opt_ PULONG LengthReturned);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetEaFile(_In_ PFLT_INSTANCE Instance, _In_ PFILE_OBJECT FileObject,
    _In_reads_bytes_(Length) PVOID EaBuffer, _In_ ULONG Length);

#endif /* FLT_MGR_AFTER_XPSP2 */

#if FLT_MGR_LONGHORN

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCreateFileEx2(_In_ PFLT_FILTER Filter,
    _In_opt_ PFLT_INSTANCE Instance, _Out_ PHANDLE FileHandle,
    _Outptr_opt_ PFILE_OBJECT *FileObject, _In_ ACCESS_MASK DesiredAccess,
    _In_ POBJECT_ATTRIBUTES ObjectAttributes, _Out_ PIO_STATUS_BLOCK IoStatusBlock,
    _In_opt_ PLARGE_INTEGER AllocationSize, _In_ ULONG FileAttributes, _In_ ULONG ShareAccess,
    _In_ ULONG CreateDisposition, _In_ ULONG CreateOptions,
    _In_reads_bytes_opt_(EaLength) PVOID EaBuffer, _In_ ULONG EaLength, _In_ ULONG Flags,
    _In_opt_ PIO_DRIVER_CREATE_CONTEXT DriverContext);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltQueryDirectoryFile(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject,
    _Out_writes_bytes_to_(Length, *LengthReturned) PVOID FileInformation, _In_ ULONG Length,
    _In_ FILE_INFORMATION_CLASS FileInformationClass, _In_ BOOLEAN ReturnSingleEntry,
    _In_opt_ PUNICODE_STRING FileName, _In_ BOOLEAN RestartScan, _Out_opt_ PULONG LengthReturned);

#endif /* FLT_MGR_LONGHORN */

#if FLT_MGR_WIN8

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCreateMailslotFile(_In_ PFLT_FILTER Filter,
    _In_opt_ PFLT_INSTANCE Instance, _Out_ PHANDLE FileHandle,
    _Outptr_opt_ PFILE_OBJECT *FileObject, _In_ ULONG DesiredAccess,
    _In_ POBJECT_ATTRIBUTES ObjectAttributes, _Out_ PIO_STATUS_BLOCK IoStatusBlock,
    _In_ ULONG CreateOptions, _In_ ULONG MailslotQuota, _In_ ULONG MaximumMessageSize,
    _In_ PLARGE_INTEGER ReadTimeout, _In_opt_ PIO_DRIVER_CREATE_CONTEXT DriverContext);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCreateNamedPipeFile(_In_ PFLT_FILTER Filter,
    _In_opt_ PFLT_INSTANCE Instance, _Out_ PHANDLE FileHandle,
    _Outptr_opt_ PFILE_OBJECT *FileObject, _In_ ULONG DesiredAccess,
    _In_ POBJECT_ATTRIBUTES ObjectAttributes, _Out_ PIO_STATUS_BLOCK IoStatusBlock,
    _In_ ULONG ShareAccess, _In_ ULONG CreateDisposition, _In_ ULONG CreateOptions,
    _In_ ULONG NamedPipeType, _In_ ULONG ReadMode, _In_ ULONG CompletionMode,
    _In_ ULONG MaximumInstances, _In_ ULONG InboundQuota, _In_ ULONG OutboundQuota,
    _In_opt_ PLARGE_INTEGER DefaultTimeout, _In_opt_ PIO_DRIVER_CREATE_CONTEXT DriverContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltFastIoMdlRead(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFILE_OBJECT FileObject, _In_ PLARGE_INTEGER FileOffset, _In_ ULONG Length,
    _In_ ULONG LockKey, _Outptr_ PMDL *MdlChain, _Out_ PIO_STATUS_BLOCK IoStatus);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltFastIoMdlReadComplete(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFILE_OBJECT FileObject, _In_ PMDL MdlChain);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltFastIoMdlWriteComplete(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFILE_OBJECT FileObject, _In_ PLARGE_INTEGER FileOffset, _In_ PMDL MdlChain);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltFastIoPrepareMdlWrite(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFILE_OBJECT FileObject, _In_ PLARGE_INTEGER FileOffset, _In_ ULONG Length,
    _In_ ULONG LockKey, _Outptr_ PMDL *MdlChain, _Out_ PIO_STATUS_BLOCK IoStatus);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltQueryQuotaInformationFile(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _Out_ PIO_STATUS_BLOCK IoStatusBlock,
    _Out_writes_bytes_to_(Length, *LengthReturned) PVOID Buffer, _In_ ULONG Length,
    _In_ BOOLEAN ReturnSingleEntry, _In_reads_bytes_opt_(SidListLength) PVOID SidList,
    _In_ ULONG SidListLength, _In_opt_ PULONG StartSid, _In_ BOOLEAN RestartScan,
    _Out_opt_ PULONG LengthReturned);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltReadFileEx(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFILE_OBJECT FileObject, _In_opt_ PLARGE_INTEGER ByteOffset, _In_ ULONG Length,
    _Out_writes_bytes_to_opt_(Length, *BytesRead) PVOID Buffer, _In_ FLT_IO_OPERATION_FLAGS Flags,
    _Out_opt_ PULONG BytesRead, _In_opt_ PFLT_COMPLETED_ASYNC_IO_CALLBACK CallbackRoutine,
    _In_opt_ PVOID CallbackContext, _In_opt_ PULONG Key, _In_opt_ PMDL Mdl);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetQuotaInformationFile(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_reads_bytes_(Length) PVOID Buffer, _In_ ULONG Length);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltWriteFileEx(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFILE_OBJECT FileObject, _In_opt_ PLARGE_INTEGER ByteOffset, _In_ ULONG Length,
    _In_reads_bytes_opt_(Length) PVOID Buffer, _In_ FLT_IO_OPERATION_FLAGS Flags,
    _Out_opt_ PULONG BytesWritten, _In_opt_ PFLT_COMPLETED_ASYNC_IO_CALLBACK CallbackRoutine,
    _In_opt_ PVOID CallbackContext, _In_opt_ PULONG Key, _In_opt_ PMDL Mdl);

#endif /* FLT_MGR_WIN8 */

#if FLT_MGR_WIN10_RS2

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltQueryInformationByName(_In_ PFLT_FILTER Filter,
    _In_opt_ PFLT_INSTANCE Instance, _In_ POBJECT_ATTRIBUTES ObjectAttributes,
    _Out_ PIO_STATUS_BLOCK IoStatusBlock, _Out_writes_bytes_(Length) PVOID FileInformation,
    _In_ ULONG Length, _In_ FILE_INFORMATION_CLASS FileInformationClass,
    _In_opt_ PIO_DRIVER_CREATE_CONTEXT DriverContext);

#endif /* FLT_MGR_WIN10_RS2 */

#if FLT_MGR_WIN10_RS3

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltQueryDirectoryFileEx(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject,
    _Out_writes_bytes_to_(Length, *LengthReturned) PVOID FileInformation, _In_ ULONG Length,
    _In_ FILE_INFORMATION_CLASS FileInformationClass, _In_ ULONG QueryFlags,
    _In_opt_ PUNICODE_STRING FileName, _Out_opt_ PULONG LengthReturned);

#endif /* FLT_MGR_WIN10_RS3 */

#if FLT_MGR_WIN10_RS5

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltTagFileEx(_In_ PFLT_INSTANCE InitiatingInstance,
    _In_ PFILE_OBJECT FileObject, _In_ ULONG FileTag, _In_opt_ GUID *Guid,
    _In_reads_bytes_(DataBufferLength) PVOID DataBuffer, _In_ USHORT DataBufferLength,
    _In_ ULONG ExistingFileTag, _In_opt_ GUID *ExistingGuid, _In_ ULONG Flags);

#endif /* FLT_MGR_WIN10_RS5 */

#if FLT_MGR_WIN10_19H1

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltFlushBuffers2(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_ ULONG FlushType, _In_opt_ PFLT_CALLBACK_DATA CallbackData);

#endif /* FLT_MGR_WIN10_19H1 */

/* ---- File names: query, parse, keep, forget. ---- */

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCheckAndGrowNameControl(_Inout_ PFLT_NAME_CONTROL NameCtrl,
    _In_ USHORT NewSize);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetDestinationFileNameInformation(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_opt_ HANDLE RootDirectory,
    _In_reads_bytes_(FileNameLength) PWSTR FileName, _In_ ULONG FileNameLength,
    _In_ FLT_FILE_NAME_OPTIONS NameOptions,
    _Outptr_ PFLT_FILE_NAME_INFORMATION *RetFileNameInformation);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetFileNameInformation(_In_ PFLT_CALLBACK_DATA CallbackData,
    _In_ FLT_FILE_NAME_OPTIONS NameOptions,
    _Outptr_ PFLT_FILE_NAME_INFORMATION *FileNameInformation);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetFileNameInformationUnsafe(_In_ PFILE_OBJECT FileObject,
    _In_opt_ PFLT_INSTANCE Instance, _In_ FLT_FILE_NAME_OPTIONS NameOptions,
    _Outptr_ PFLT_FILE_NAME_INFORMATION *FileNameInformation);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetTunneledName(_In_ PFLT_CALLBACK_DATA CallbackData,
    _In_ PFLT_FILE_NAME_INFORMATION FileNameInformation,
    _Outptr_ PFLT_FILE_NAME_INFORMATION *RetTunneledFileNameInformation);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltParseFileName(_In_ PCUNICODE_STRING FileName,
    _Inout_ PUNICODE_STRING Extension, _Inout_ PUNICODE_STRING Stream,
    _Inout_ PUNICODE_STRING FinalComponent);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltParseFileNameInformation(
    _Inout_ PFLT_FILE_NAME_INFORMATION FileNameInformation);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltPurgeFileNameInformationCache(_In_ PFLT_INSTANCE Instance,
    _In_opt_ PFILE_OBJECT FileObject);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltReferenceFileNameInformation(
    _In_ PFLT_FILE_NAME_INFORMATION FileNameInformation);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltReleaseFileNameInformation(
    _In_ PFLT_FILE_NAME_INFORMATION FileNameInformation);

#if FLT_MGR_WIN11_GE

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltMupGetProviderInfoFromFileObject(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_ ULONG Level,
    _Out_writes_bytes_opt_(*BufferSize) PVOID Buffer, _Inout_ PULONG BufferSize);

#endif /* FLT_MGR_WIN11_GE */

/* ---- Sections for scanning a file's data. ---- */

#if FLT_MGR_WIN8

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCloseSectionForDataScan(_In_ PFLT_CONTEXT SectionContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCreateSectionForDataScan(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_ PFLT_CONTEXT SectionContext, _In_ ACCESS_MASK DesiredAccess,
    _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes, _In_opt_ PLARGE_INTEGER MaximumSize,
    _In_ ULONG SectionPageProtection, _In_ ULONG AllocationAttributes, _In_ ULONG Flags,
    _Out_ PHANDLE SectionHandle, _Outptr_ PVOID *SectionObject,
    _Out_opt_ PLARGE_INTEGER SectionFileSize);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetSectionContext(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _Outptr_ PFLT_CONTEXT *Context);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltRegisterForDataScan(_In_ PFLT_INSTANCE Instance);

#endif /* FLT_MGR_WIN8 */

/* ---- Security descriptors. ---- */

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltBuildDefaultSecurityDescriptor(
    _Outptr_ PSECURITY_DESCRIPTOR *SecurityDescriptor, _In_ ACCESS_MASK DesiredAccess);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltFreeSecurityDescriptor(_In_ PSECURITY_DESCRIPTOR SecurityDescriptor);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltQuerySecurityObject(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_ SECURITY_INFORMATION SecurityInformation,
    _Out_writes_bytes_to_opt_(Length, *LengthNeeded) PSECURITY_DESCRIPTOR SecurityDescriptor,
    _In_ ULONG Length, _Out_opt_ PULONG LengthNeeded);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetSecurityObject(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_ SECURITY_INFORMATION SecurityInformation,
    _In_ PSECURITY_DESCRIPTOR SecurityDescriptor);

NT_END_C

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Filters, volumes, instances and contexts: registration, lookup, enumeration.
 * Part of fltKernel.h, which is what a driver includes.
 */
#ifndef OPENFLT_DDK_FLT_OBJECTS_H
#define OPENFLT_DDK_FLT_OBJECTS_H

#include <flt/registration.h>

NT_BEGIN_C

/* ---- Registering a filter with the manager, starting and ending it. ---- */

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltLoadFilter(_In_ PCUNICODE_STRING FilterName);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltRegisterFilter(_In_ PDRIVER_OBJECT Driver,
    _In_ CONST FLT_REGISTRATION *Registration, _Outptr_ PFLT_FILTER *RetFilter);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltStartFiltering(_In_ PFLT_FILTER Filter);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltUnloadFilter(_In_ PCUNICODE_STRING FilterName);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltUnregisterFilter(_In_ PFLT_FILTER Filter);

/* ---- Objects in general, routine lookup, names of operations. ---- */

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT LONG FLTAPI FltCompareInstanceAltitudes(_In_ PFLT_INSTANCE Instance1,
    _In_ PFLT_INSTANCE Instance2);

FLT_EXPORT PCHAR FLTAPI FltGetIrpName(_In_ UCHAR IrpMajorCode);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT PVOID FLTAPI FltGetRoutineAddress(_In_ PCSTR FltMgrRoutineName);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltObjectDereference(_Inout_ PVOID FltObject);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltObjectReference(_Inout_ PVOID FltObject);

/* ---- Instances: attaching to a volume, neighbours in its stack. ---- */

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltAttachVolume(_In_ PFLT_FILTER Filter, _In_ PFLT_VOLUME Volume,
    _In_opt_ PCUNICODE_STRING InstanceName, _Outptr_opt_ PFLT_INSTANCE *RetInstance);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltAttachVolumeAtAltitude(_In_ PFLT_FILTER Filter,
    _In_ PFLT_VOLUME Volume, _In_ PCUNICODE_STRING Altitude, _In_opt_ PCUNICODE_STRING InstanceName,
    _Outptr_opt_ PFLT_INSTANCE *RetInstance);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltDetachVolume(_In_ PFLT_FILTER Filter, _In_ PFLT_VOLUME Volume,
    _In_opt_ PCUNICODE_STRING InstanceName);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetBottomInstance(_In_ PFLT_VOLUME Volume,
    _Outptr_ PFLT_INSTANCE *Instance);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetFilterFromInstance(_In_ PFLT_INSTANCE Instance,
    _Outptr_ PFLT_FILTER *RetFilter);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetFilterFromName(_In_ PCUNICODE_STRING FilterName,
    _Outptr_ PFLT_FILTER *RetFilter);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetLowerInstance(_In_ PFLT_INSTANCE CurrentInstance,
    _Outptr_ PFLT_INSTANCE *LowerInstance);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetTopInstance(_In_ PFLT_VOLUME Volume,
    _Outptr_ PFLT_INSTANCE *Instance);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetUpperInstance(_In_ PFLT_INSTANCE CurrentInstance,
    _Outptr_ PFLT_INSTANCE *UpperInstance);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetVolumeInstanceFromName(_In_opt_ PFLT_FILTER Filter,
    _In_ PFLT_VOLUME Volume, _In_opt_ PCUNICODE_STRING InstanceName,
    _Outptr_ PFLT_INSTANCE *RetInstance);

/* ---- Volumes: lookup, names, properties, device objects. ---- */

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltCreateSystemVolumeInformationFolder(_In_ PFLT_INSTANCE Instance);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetDeviceObject(_In_ PFLT_VOLUME Volume,
    _Outptr_ PDEVICE_OBJECT *DeviceObject);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetDiskDeviceObject(_In_ PFLT_VOLUME Volume,
    _Outptr_ PDEVICE_OBJECT *DiskDeviceObject);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetVolumeFromDeviceObject(_In_ PFLT_FILTER Filter,
    _In_ PDEVICE_OBJECT DeviceObject, _Outptr_ PFLT_VOLUME *RetVolume);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetVolumeFromFileObject(_In_ PFLT_FILTER Filter,
    _In_ PFILE_OBJECT FileObject, _Outptr_ PFLT_VOLUME *RetVolume);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetVolumeFromInstance(_In_ PFLT_INSTANCE Instance,
    _Outptr_ PFLT_VOLUME *RetVolume);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetVolumeFromName(_In_ PFLT_FILTER Filter,
    _In_ PCUNICODE_STRING VolumeName, _Outptr_ PFLT_VOLUME *RetVolume);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetVolumeGuidName(_In_ PFLT_VOLUME Volume,
    _Inout_opt_ PUNICODE_STRING VolumeGuidName, _Out_opt_ PULONG BufferSizeNeeded);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetVolumeName(_In_ PFLT_VOLUME Volume,
    _Inout_opt_ PUNICODE_STRING VolumeName, _Out_opt_ PULONG BufferSizeNeeded);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetVolumeProperties(_In_ PFLT_VOLUME Volume,
    _Out_writes_bytes_to_(VolumePropertiesLength, *LengthReturned)
        PFLT_VOLUME_PROPERTIES VolumeProperties,
    _In_ ULONG VolumePropertiesLength, _Out_ PULONG LengthReturned);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltIsVolumeWritable(_In_ PVOID FltObject, _Out_ PBOOLEAN IsWritable);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltQueryVolumeInformation(_In_ PFLT_INSTANCE Instance,
    _Out_ PIO_STATUS_BLOCK Iosb, _Out_writes_bytes_(Length) PVOID FsInformation, _In_ ULONG Length,
    _In_ FS_INFORMATION_CLASS FsInformationClass);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltQueryVolumeInformationFile(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject,
    _Out_writes_bytes_to_(Length, *LengthReturned) PVOID FsInformation, _In_ ULONG Length,
    _In_ FS_INFORMATION_CLASS FsInformationClass, _Out_opt_ PULONG LengthReturned);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetVolumeInformation(_In_ PFLT_INSTANCE Instance,
    _Out_ PIO_STATUS_BLOCK Iosb, _In_reads_bytes_(Length) PVOID FsInformation, _In_ ULONG Length,
    _In_ FS_INFORMATION_CLASS FsInformationClass);

#if FLT_MGR_AFTER_XPSP2

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltOpenVolume(_In_ PFLT_INSTANCE Instance, _Out_ PHANDLE VolumeHandle,
    _Outptr_opt_ PFILE_OBJECT *VolumeFileObject);

#endif /* FLT_MGR_AFTER_XPSP2 */

#if FLT_MGR_LONGHORN

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetFileSystemType(_In_ PVOID FltObject,
    _Out_ PFLT_FILESYSTEM_TYPE FileSystemType);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltIsFltMgrVolumeDeviceObject(_In_ PDEVICE_OBJECT DeviceObject);

_IRQL_requires_max_(PASSIVE_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltIsVolumeSnapshot(_In_ PVOID FltObject,
    _Out_ PBOOLEAN IsSnapshotVolume);

#endif /* FLT_MGR_LONGHORN */

/* ---- Snapshots of what is loaded and attached. ---- */

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltEnumerateFilterInformation(_In_ ULONG Index,
    _In_ FILTER_INFORMATION_CLASS InformationClass,
    _Out_writes_bytes_to_(BufferSize, *BytesReturned) PVOID Buffer, _In_ ULONG BufferSize,
    _Out_ PULONG BytesReturned);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltEnumerateFilters(
    _Out_writes_to_opt_(FilterListSize, *NumberFiltersReturned) PFLT_FILTER *FilterList,
    _In_ ULONG FilterListSize, _Out_ PULONG NumberFiltersReturned);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltEnumerateInstanceInformationByFilter(_In_ PFLT_FILTER Filter,
    _In_ ULONG Index, _In_ INSTANCE_INFORMATION_CLASS InformationClass,
    _Out_writes_bytes_to_(BufferSize, *BytesReturned) PVOID Buffer, _In_ ULONG BufferSize,
    _Out_ PULONG BytesReturned);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltEnumerateInstanceInformationByVolume(_In_ PFLT_VOLUME Volume,
    _In_ ULONG Index, _In_ INSTANCE_INFORMATION_CLASS InformationClass,
    _Out_writes_bytes_to_(BufferSize, *BytesReturned) PVOID Buffer, _In_ ULONG BufferSize,
    _Out_ PULONG BytesReturned);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltEnumerateInstances(_In_opt_ PFLT_VOLUME Volume,
    _In_opt_ PFLT_FILTER Filter,
    _Out_writes_to_opt_(InstanceListSize, *NumberInstancesReturned) PFLT_INSTANCE *InstanceList,
    _In_ ULONG InstanceListSize, _Out_ PULONG NumberInstancesReturned);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltEnumerateVolumeInformation(_In_ PFLT_FILTER Filter, _In_ ULONG Index,
    _In_ FILTER_VOLUME_INFORMATION_CLASS InformationClass,
    _Out_writes_bytes_to_(BufferSize, *BytesReturned) PVOID Buffer, _In_ ULONG BufferSize,
    _Out_ PULONG BytesReturned);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltEnumerateVolumes(_In_ PFLT_FILTER Filter,
    _Out_writes_to_opt_(VolumeListSize, *NumberVolumesReturned) PFLT_VOLUME *VolumeList,
    _In_ ULONG VolumeListSize, _Out_ PULONG NumberVolumesReturned);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetFilterInformation(_In_ PFLT_FILTER Filter,
    _In_ FILTER_INFORMATION_CLASS InformationClass,
    _Out_writes_bytes_to_(BufferSize, *BytesReturned) PVOID Buffer, _In_ ULONG BufferSize,
    _Out_ PULONG BytesReturned);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetInstanceInformation(_In_ PFLT_INSTANCE Instance,
    _In_ INSTANCE_INFORMATION_CLASS InformationClass,
    _Out_writes_bytes_to_(BufferSize, *BytesReturned) PVOID Buffer, _In_ ULONG BufferSize,
    _Out_ PULONG BytesReturned);

#if FLT_MGR_LONGHORN

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetVolumeInformation(_In_ PFLT_VOLUME Volume,
    _In_ FILTER_VOLUME_INFORMATION_CLASS InformationClass,
    _Out_writes_bytes_to_(BufferSize, *BytesReturned) PVOID Buffer, _In_ ULONG BufferSize,
    _Out_ PULONG BytesReturned);

#endif /* FLT_MGR_LONGHORN */

#if FLT_MGR_WIN8

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltEnumerateInstanceInformationByDeviceObject(
    _In_ PDEVICE_OBJECT DeviceObject, _In_ ULONG Index,
    _In_ INSTANCE_INFORMATION_CLASS InformationClass,
    _Out_writes_bytes_to_(BufferSize, *BytesReturned) PVOID Buffer, _In_ ULONG BufferSize,
    _Out_ PULONG BytesReturned);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltEnumerateInstanceInformationByVolumeName(
    _In_ PUNICODE_STRING VolumeName, _In_ ULONG Index,
    _In_ INSTANCE_INFORMATION_CLASS InformationClass,
    _Out_writes_bytes_to_(BufferSize, *BytesReturned) PVOID Buffer, _In_ ULONG BufferSize,
    _Out_ PULONG BytesReturned);

#endif /* FLT_MGR_WIN8 */

/* ---- Contexts that a filter hangs on volumes, instances, files, streams and handles. ---- */

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltAllocateContext(_In_ PFLT_FILTER Filter,
    _In_ FLT_CONTEXT_TYPE ContextType, _In_ SIZE_T ContextSize, _In_ POOL_TYPE PoolType,
    _Outptr_ PFLT_CONTEXT *ReturnedContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltDeleteContext(_In_ PFLT_CONTEXT Context);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltDeleteFileContext(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _Outptr_opt_ PFLT_CONTEXT *OldContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltDeleteInstanceContext(_In_ PFLT_INSTANCE Instance,
    _Outptr_opt_ PFLT_CONTEXT *OldContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltDeleteStreamContext(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _Outptr_opt_ PFLT_CONTEXT *OldContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltDeleteStreamHandleContext(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _Outptr_opt_ PFLT_CONTEXT *OldContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltDeleteVolumeContext(_In_ PFLT_FILTER Filter, _In_ PFLT_VOLUME Volume,
    _Outptr_opt_ PFLT_CONTEXT *OldContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT VOID FLTAPI FltGetContexts(_In_ PCFLT_RELATED_OBJECTS FltObjects,
    _In_ FLT_CONTEXT_TYPE DesiredContexts, _Out_ PFLT_RELATED_CONTEXTS Contexts);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetFileContext(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _Outptr_ PFLT_CONTEXT *Context);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetInstanceContext(_In_ PFLT_INSTANCE Instance,
    _Outptr_ PFLT_CONTEXT *Context);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetStreamContext(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _Outptr_ PFLT_CONTEXT *Context);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetStreamHandleContext(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _Outptr_ PFLT_CONTEXT *Context);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetVolumeContext(_In_ PFLT_FILTER Filter, _In_ PFLT_VOLUME Volume,
    _Outptr_ PFLT_CONTEXT *Context);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltReferenceContext(_In_ PFLT_CONTEXT Context);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltReleaseContext(_In_ PFLT_CONTEXT Context);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltReleaseContexts(_In_ PFLT_RELATED_CONTEXTS Contexts);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetFileContext(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_ FLT_SET_CONTEXT_OPERATION Operation,
    _In_ PFLT_CONTEXT NewContext, _Outptr_opt_ PFLT_CONTEXT *OldContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetInstanceContext(_In_ PFLT_INSTANCE Instance,
    _In_ FLT_SET_CONTEXT_OPERATION Operation, _In_ PFLT_CONTEXT NewContext,
    _Outptr_opt_ PFLT_CONTEXT *OldContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetStreamContext(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_ FLT_SET_CONTEXT_OPERATION Operation,
    _In_ PFLT_CONTEXT NewContext, _Outptr_opt_ PFLT_CONTEXT *OldContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetStreamHandleContext(_In_ PFLT_INSTANCE Instance,
    _In_ PFILE_OBJECT FileObject, _In_ FLT_SET_CONTEXT_OPERATION Operation,
    _In_ PFLT_CONTEXT NewContext, _Outptr_opt_ PFLT_CONTEXT *OldContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltSetVolumeContext(_In_ PFLT_VOLUME Volume,
    _In_ FLT_SET_CONTEXT_OPERATION Operation, _In_ PFLT_CONTEXT NewContext,
    _Outptr_opt_ PFLT_CONTEXT *OldContext);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltSupportsFileContexts(_In_ PFILE_OBJECT FileObject);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltSupportsStreamContexts(_In_ PFILE_OBJECT FileObject);

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltSupportsStreamHandleContexts(_In_ PFILE_OBJECT FileObject);

#if FLT_MGR_LONGHORN

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT BOOLEAN FLTAPI FltSupportsFileContextsEx(_In_ PFILE_OBJECT FileObject,
    _In_opt_ PFLT_INSTANCE Instance);

#endif /* FLT_MGR_LONGHORN */

#if FLT_MGR_WIN8

_IRQL_requires_max_(APC_LEVEL)
FLT_EXPORT NTSTATUS FLTAPI FltGetContextsEx(_In_ PCFLT_RELATED_OBJECTS FltObjects,
    _In_ FLT_CONTEXT_TYPE DesiredContexts, _In_ SIZE_T ContextsSize,
    _Out_ PFLT_RELATED_CONTEXTS_EX Contexts);

_IRQL_requires_max_(DISPATCH_LEVEL)
FLT_EXPORT VOID FLTAPI FltReleaseContextsEx(_In_ SIZE_T ContextsSize,
    _In_ PFLT_RELATED_CONTEXTS_EX Contexts);

#endif /* FLT_MGR_WIN8 */

NT_END_C

#endif

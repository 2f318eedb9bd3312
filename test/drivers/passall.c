/* SPDX-License-Identifier: MIT */
/*
 * passall - sees everything, changes nothing: pre and post callbacks for every major function,
 * instance callbacks, and operation status callbacks for oplock requests and directory
 * notifications.
 */
#include <fltKernel.h>

static PFLT_FILTER Filter;
static volatile LONG PreCalls, PostCalls, FastCalls, PagingCalls, StatusCalls;

static VOID FLTAPI OperationStatus(PCFLT_RELATED_OBJECTS FltObjects, PFLT_IO_PARAMETER_BLOCK Iopb,
                                   NTSTATUS Status, PVOID Context)
{
    UNREFERENCED_PARAMETER(FltObjects);
    UNREFERENCED_PARAMETER(Context);
    InterlockedIncrement(&StatusCalls);
    DbgPrint("passall: %s ended the first time with 0x%08lx\n", FltGetIrpName(Iopb->MajorFunction),
             Status);
}

static BOOLEAN WantsStatus(PFLT_CALLBACK_DATA Data)
{
    return Data->Iopb->MajorFunction == IRP_MJ_DIRECTORY_CONTROL &&
           Data->Iopb->MinorFunction == IRP_MN_NOTIFY_CHANGE_DIRECTORY;
}

static FLT_PREOP_CALLBACK_STATUS FLTAPI Pre(PFLT_CALLBACK_DATA Data,
                                            PCFLT_RELATED_OBJECTS FltObjects,
                                            PVOID *CompletionContext)
{
    UNREFERENCED_PARAMETER(FltObjects);
    UNREFERENCED_PARAMETER(CompletionContext);
    InterlockedIncrement(&PreCalls);
    if (FLT_IS_FASTIO_OPERATION(Data))
        InterlockedIncrement(&FastCalls);
    else if (FLT_IS_IRP_OPERATION(Data) && (Data->Iopb->IrpFlags & IRP_PAGING_IO))
        InterlockedIncrement(&PagingCalls);
    if (WantsStatus(Data) &&
        !NT_SUCCESS(FltRequestOperationStatusCallback(Data, OperationStatus, NULL)))
        DbgPrint("passall: no status callback\n");
    return FLT_PREOP_SUCCESS_WITH_CALLBACK;
}

static FLT_POSTOP_CALLBACK_STATUS FLTAPI Post(PFLT_CALLBACK_DATA Data,
                                              PCFLT_RELATED_OBJECTS FltObjects,
                                              PVOID CompletionContext,
                                              FLT_POST_OPERATION_FLAGS Flags)
{
    UNREFERENCED_PARAMETER(Data);
    UNREFERENCED_PARAMETER(FltObjects);
    UNREFERENCED_PARAMETER(CompletionContext);
    UNREFERENCED_PARAMETER(Flags);
    InterlockedIncrement(&PostCalls);
    return FLT_POSTOP_FINISHED_PROCESSING;
}

static FLT_PREOP_CALLBACK_STATUS FLTAPI PreNoPost(PFLT_CALLBACK_DATA Data,
                                                  PCFLT_RELATED_OBJECTS FltObjects,
                                                  PVOID *CompletionContext)
{
    UNREFERENCED_PARAMETER(Data);
    UNREFERENCED_PARAMETER(FltObjects);
    UNREFERENCED_PARAMETER(CompletionContext);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

static NTSTATUS FLTAPI Setup(PCFLT_RELATED_OBJECTS FltObjects, FLT_INSTANCE_SETUP_FLAGS Flags,
                             DEVICE_TYPE Device, FLT_FILESYSTEM_TYPE Type)
{
    UNREFERENCED_PARAMETER(FltObjects);
    UNREFERENCED_PARAMETER(Flags);
    DbgPrint("passall: set up, device type %lu, file system %lu\n", Device, (ULONG)Type);
    return STATUS_SUCCESS;
}

static NTSTATUS FLTAPI QueryTeardown(PCFLT_RELATED_OBJECTS FltObjects,
                                     FLT_INSTANCE_QUERY_TEARDOWN_FLAGS Flags)
{
    UNREFERENCED_PARAMETER(FltObjects);
    UNREFERENCED_PARAMETER(Flags);
    DbgPrint("passall: query teardown\n");
    return STATUS_SUCCESS;
}

static VOID FLTAPI TeardownStart(PCFLT_RELATED_OBJECTS FltObjects,
                                 FLT_INSTANCE_TEARDOWN_FLAGS Reason)
{
    UNREFERENCED_PARAMETER(FltObjects);
    UNREFERENCED_PARAMETER(Reason);
    DbgPrint("passall: teardown start\n");
}

static VOID FLTAPI TeardownComplete(PCFLT_RELATED_OBJECTS FltObjects,
                                    FLT_INSTANCE_TEARDOWN_FLAGS Reason)
{
    UNREFERENCED_PARAMETER(FltObjects);
    UNREFERENCED_PARAMETER(Reason);
    DbgPrint("passall: teardown complete\n");
}

static NTSTATUS FLTAPI Unload(FLT_FILTER_UNLOAD_FLAGS Flags)
{
    UNREFERENCED_PARAMETER(Flags);
    FltUnregisterFilter(Filter);
    DbgPrint("passall: %ld pre, %ld post, %ld fast, %ld paging\n", PreCalls, PostCalls, FastCalls,
             PagingCalls);
    return STATUS_SUCCESS;
}

#define BOTH(major)                                                                                \
    {                                                                                              \
        major, 0, Pre, Post, NULL                                                                  \
    }
static const FLT_OPERATION_REGISTRATION Operations[] = {
    BOTH(IRP_MJ_CREATE),
    BOTH(IRP_MJ_CREATE_NAMED_PIPE),
    BOTH(IRP_MJ_CLOSE),
    BOTH(IRP_MJ_READ),
    BOTH(IRP_MJ_WRITE),
    BOTH(IRP_MJ_QUERY_INFORMATION),
    BOTH(IRP_MJ_SET_INFORMATION),
    BOTH(IRP_MJ_QUERY_EA),
    BOTH(IRP_MJ_SET_EA),
    BOTH(IRP_MJ_FLUSH_BUFFERS),
    BOTH(IRP_MJ_QUERY_VOLUME_INFORMATION),
    BOTH(IRP_MJ_SET_VOLUME_INFORMATION),
    BOTH(IRP_MJ_DIRECTORY_CONTROL),
    BOTH(IRP_MJ_FILE_SYSTEM_CONTROL),
    BOTH(IRP_MJ_DEVICE_CONTROL),
    BOTH(IRP_MJ_INTERNAL_DEVICE_CONTROL),
    {IRP_MJ_SHUTDOWN, 0, PreNoPost, NULL, NULL},
    BOTH(IRP_MJ_LOCK_CONTROL),
    BOTH(IRP_MJ_CLEANUP),
    BOTH(IRP_MJ_CREATE_MAILSLOT),
    BOTH(IRP_MJ_QUERY_SECURITY),
    BOTH(IRP_MJ_SET_SECURITY),
    BOTH(IRP_MJ_QUERY_QUOTA),
    BOTH(IRP_MJ_SET_QUOTA),
    BOTH(IRP_MJ_PNP),
    BOTH(IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION),
    BOTH(IRP_MJ_RELEASE_FOR_SECTION_SYNCHRONIZATION),
    BOTH(IRP_MJ_ACQUIRE_FOR_MOD_WRITE),
    BOTH(IRP_MJ_RELEASE_FOR_MOD_WRITE),
    BOTH(IRP_MJ_ACQUIRE_FOR_CC_FLUSH),
    BOTH(IRP_MJ_RELEASE_FOR_CC_FLUSH),
    BOTH(IRP_MJ_FAST_IO_CHECK_IF_POSSIBLE),
    BOTH(IRP_MJ_NETWORK_QUERY_OPEN),
    BOTH(IRP_MJ_MDL_READ),
    BOTH(IRP_MJ_MDL_READ_COMPLETE),
    BOTH(IRP_MJ_PREPARE_MDL_WRITE),
    BOTH(IRP_MJ_MDL_WRITE_COMPLETE),
    BOTH(IRP_MJ_VOLUME_MOUNT),
    BOTH(IRP_MJ_VOLUME_DISMOUNT),
    {IRP_MJ_OPERATION_END, 0, NULL, NULL, NULL},
};

static const FLT_REGISTRATION Registration = {
    .Size = sizeof(FLT_REGISTRATION),
    .Version = FLT_REGISTRATION_VERSION,
    .OperationRegistration = Operations,
    .FilterUnloadCallback = Unload,
    .InstanceSetupCallback = Setup,
    .InstanceQueryTeardownCallback = QueryTeardown,
    .InstanceTeardownStartCallback = TeardownStart,
    .InstanceTeardownCompleteCallback = TeardownComplete,
};

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(RegistryPath);
    Status = FltRegisterFilter(DriverObject, &Registration, &Filter);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = FltStartFiltering(Filter);
    if (!NT_SUCCESS(Status))
        FltUnregisterFilter(Filter);
    return Status;
}

/* SPDX-License-Identifier: MIT */
/*
 * flushmon - watches the files below one folder, counts the cached reads and writes that programs
 * make, and on request flushes and purges a file.
 *
 * How to flush and purge from a minifilter without hanging the machine: never by the cache
 * manager's routines (the locks that make them legal belong to the file system), always by a flush
 * request sent below oneself. Windows 10 2004 has FltFlushBuffers2 for it; before, the same request
 * is built by hand. FltGetRoutineAddress tells which: a static import would keep the driver from
 * loading on older systems, and MmGetSystemRoutineAddress does not know FltMgr's routines.
 *
 * The folder is the value WatchFolder of the service's Parameters key, "\watched" without it.
 */
#include <fltKernel.h>
#include "flushmon.h"

#define FLUSHMON_TAG 'mlfF'
#define MAX_FOLDER_BYTES 512

typedef NTSTATUS(FLTAPI *PFLUSH_BUFFERS2)(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject,
                                          ULONG FlushType, PFLT_CALLBACK_DATA CallbackData);

typedef struct _FLUSHMON_GLOBALS {
    PFLT_FILTER Filter;
    PFLUSH_BUFFERS2 FlushBuffers2; /* NULL where the system has none */
    UNICODE_STRING Folder;
    WCHAR FolderBuffer[MAX_FOLDER_BYTES / sizeof(WCHAR)];
} FLUSHMON_GLOBALS;

static FLUSHMON_GLOBALS Flushmon;

/* One per watched stream, from its first open to its teardown. */
typedef struct _STREAM_CONTEXT {
    UNICODE_STRING Name; /* in memory right behind the structure */
    volatile LONG CachedReads, CachedWrites;
    volatile LONG PagingReads, PagingWrites;
    volatile LONG ReadsAtPurge; /* PagingReads when the last purge was done; -1: never purged */
} STREAM_CONTEXT, *PSTREAM_CONTEXT;

DRIVER_INITIALIZE DriverEntry;
static FLT_PREOP_CALLBACK_STATUS FLTAPI PreRead(PFLT_CALLBACK_DATA Data,
                                                PCFLT_RELATED_OBJECTS FltObjects,
                                                PVOID *CompletionContext);
static FLT_PREOP_CALLBACK_STATUS FLTAPI PreWrite(PFLT_CALLBACK_DATA Data,
                                                 PCFLT_RELATED_OBJECTS FltObjects,
                                                 PVOID *CompletionContext);
static FLT_PREOP_CALLBACK_STATUS FLTAPI PreFsControl(PFLT_CALLBACK_DATA Data,
                                                     PCFLT_RELATED_OBJECTS FltObjects,
                                                     PVOID *CompletionContext);
static FLT_POSTOP_CALLBACK_STATUS FLTAPI PostCreate(PFLT_CALLBACK_DATA Data,
                                                    PCFLT_RELATED_OBJECTS FltObjects,
                                                    PVOID CompletionContext,
                                                    FLT_POST_OPERATION_FLAGS Flags);
static VOID FLTAPI StreamContextCleanup(PFLT_CONTEXT Context, FLT_CONTEXT_TYPE ContextType);
static NTSTATUS FLTAPI Unload(FLT_FILTER_UNLOAD_FLAGS Flags);
static NTSTATUS FLTAPI InstanceSetup(PCFLT_RELATED_OBJECTS FltObjects,
                                     FLT_INSTANCE_SETUP_FLAGS Flags, DEVICE_TYPE VolumeDeviceType,
                                     FLT_FILESYSTEM_TYPE VolumeFilesystemType);

#ifdef ALLOC_PRAGMA
#pragma alloc_text(INIT, DriverEntry)
#pragma alloc_text(PAGE, Unload)
#pragma alloc_text(PAGE, InstanceSetup)
#pragma alloc_text(PAGE, PreFsControl)
#endif

static const FLT_CONTEXT_REGISTRATION Contexts[] = {
    {FLT_STREAM_CONTEXT, 0, StreamContextCleanup, FLT_VARIABLE_SIZED_CONTEXTS, FLUSHMON_TAG, NULL,
     NULL, NULL},
    {FLT_CONTEXT_END, 0, NULL, 0, 0, NULL, NULL, NULL},
};

static const FLT_OPERATION_REGISTRATION Operations[] = {
    {IRP_MJ_CREATE, 0, NULL, PostCreate, NULL},
    {IRP_MJ_READ, 0, PreRead, NULL, NULL},
    {IRP_MJ_WRITE, 0, PreWrite, NULL, NULL},
    {IRP_MJ_FILE_SYSTEM_CONTROL, 0, PreFsControl, NULL, NULL},
    {IRP_MJ_OPERATION_END, 0, NULL, NULL, NULL},
};

static const FLT_REGISTRATION Registration = {
    .Size = sizeof(FLT_REGISTRATION),
    .Version = FLT_REGISTRATION_VERSION,
    .ContextRegistration = Contexts,
    .OperationRegistration = Operations,
    .FilterUnloadCallback = Unload,
    .InstanceSetupCallback = InstanceSetup,
};

/* ---- start and end
 * -------------------------------------------------------------------------------------- */

static VOID ReadFolder(PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Value = RTL_CONSTANT_STRING(L"WatchFolder");
    UNICODE_STRING Default = RTL_CONSTANT_STRING(L"\\watched");
    UNICODE_STRING KeyName;
    WCHAR KeyBuffer[256];
    UCHAR Buffer[sizeof(KEY_VALUE_PARTIAL_INFORMATION) + MAX_FOLDER_BYTES];
    PKEY_VALUE_PARTIAL_INFORMATION Information = (PKEY_VALUE_PARTIAL_INFORMATION)Buffer;
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Key;
    ULONG Length;
    NTSTATUS Status;

    RtlInitEmptyUnicodeString(&Flushmon.Folder, Flushmon.FolderBuffer,
                              sizeof(Flushmon.FolderBuffer));
    RtlCopyUnicodeString(&Flushmon.Folder, &Default);
    RtlInitEmptyUnicodeString(&KeyName, KeyBuffer, sizeof(KeyBuffer));
    RtlCopyUnicodeString(&KeyName, RegistryPath);
    if (!NT_SUCCESS(RtlAppendUnicodeToString(&KeyName, L"\\Parameters")))
        return;
    InitializeObjectAttributes(&Attributes, &KeyName, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE,
                               NULL, NULL);
    if (!NT_SUCCESS(ZwOpenKey(&Key, KEY_READ, &Attributes)))
        return;
    Status = ZwQueryValueKey(Key, &Value, KeyValuePartialInformation, Information, sizeof(Buffer),
                             &Length);
    if (NT_SUCCESS(Status) && Information->Type == REG_SZ &&
        Information->DataLength > sizeof(WCHAR)) {
        UNICODE_STRING Text;
        Text.Buffer = (PWCH)Information->Data;
        Text.Length = Text.MaximumLength = (USHORT)(Information->DataLength - sizeof(WCHAR));
        RtlCopyUnicodeString(&Flushmon.Folder, &Text);
    }
    ZwClose(Key);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NTSTATUS Status;

    ReadFolder(RegistryPath);
    Status = FltRegisterFilter(DriverObject, &Registration, &Flushmon.Filter);
    if (!NT_SUCCESS(Status))
        return Status;
    /* After the registration: on the oldest systems the look-up answers only then. */
    Flushmon.FlushBuffers2 = (PFLUSH_BUFFERS2)FltGetRoutineAddress("FltFlushBuffers2");
    DbgPrint("flushmon: watching %wZ, flushing by %s\n", &Flushmon.Folder,
             Flushmon.FlushBuffers2 ? "FltFlushBuffers2" : "a callback data of its own");
    Status = FltStartFiltering(Flushmon.Filter);
    if (!NT_SUCCESS(Status))
        FltUnregisterFilter(Flushmon.Filter);
    return Status;
}

static NTSTATUS FLTAPI Unload(FLT_FILTER_UNLOAD_FLAGS Flags)
{
    PAGED_CODE();
    UNREFERENCED_PARAMETER(Flags);
    FltUnregisterFilter(Flushmon.Filter);
    DbgPrint("flushmon: unloaded\n");
    return STATUS_SUCCESS;
}

static NTSTATUS FLTAPI InstanceSetup(PCFLT_RELATED_OBJECTS FltObjects,
                                     FLT_INSTANCE_SETUP_FLAGS Flags, DEVICE_TYPE VolumeDeviceType,
                                     FLT_FILESYSTEM_TYPE VolumeFilesystemType)
{
    PAGED_CODE();
    UNREFERENCED_PARAMETER(FltObjects);
    UNREFERENCED_PARAMETER(Flags);
    UNREFERENCED_PARAMETER(VolumeFilesystemType);
    return VolumeDeviceType == FILE_DEVICE_DISK_FILE_SYSTEM ? STATUS_SUCCESS
                                                            : STATUS_FLT_DO_NOT_ATTACH;
}

/* ---- which files
 * ---------------------------------------------------------------------------------------- */

/* Name from the volume's root lies below the watched folder. */
static BOOLEAN IsWatched(PCUNICODE_STRING Name)
{
    return Name->Length > Flushmon.Folder.Length &&
           RtlPrefixUnicodeString(&Flushmon.Folder, Name, TRUE) &&
           Name->Buffer[Flushmon.Folder.Length / sizeof(WCHAR)] == L'\\';
}

static VOID AttachContext(PCFLT_RELATED_OBJECTS FltObjects, PCUNICODE_STRING Name)
{
    PSTREAM_CONTEXT Context;
    PFLT_CONTEXT Old = NULL;
    NTSTATUS Status;

    Status =
        FltAllocateContext(FltObjects->Filter, FLT_STREAM_CONTEXT, sizeof(*Context) + Name->Length,
                           NonPagedPoolNx, (PFLT_CONTEXT *)&Context);
    if (!NT_SUCCESS(Status))
        return;
    RtlZeroMemory(Context, sizeof(*Context));
    Context->ReadsAtPurge = -1;
    RtlInitEmptyUnicodeString(&Context->Name, (PWCHAR)(Context + 1), Name->Length);
    RtlCopyUnicodeString(&Context->Name, Name);
    /* A second open of the same stream finds the context of the first; that is the one that counts.
     */
    Status = FltSetStreamContext(FltObjects->Instance, FltObjects->FileObject,
                                 FLT_SET_CONTEXT_KEEP_IF_EXISTS, Context, &Old);
    if (Status == STATUS_FLT_CONTEXT_ALREADY_DEFINED)
        FltReleaseContext(Old);
    FltReleaseContext(Context);
}

static FLT_POSTOP_CALLBACK_STATUS FLTAPI PostCreate(PFLT_CALLBACK_DATA Data,
                                                    PCFLT_RELATED_OBJECTS FltObjects,
                                                    PVOID CompletionContext,
                                                    FLT_POST_OPERATION_FLAGS Flags)
{
    PFLT_FILE_NAME_INFORMATION Information;
    UNICODE_STRING Name;

    UNREFERENCED_PARAMETER(CompletionContext);
    if ((Flags & FLTFL_POST_OPERATION_DRAINING) || !NT_SUCCESS(Data->IoStatus.Status) ||
        Data->IoStatus.Status == STATUS_REPARSE ||
        !FltSupportsStreamContexts(FltObjects->FileObject))
        return FLT_POSTOP_FINISHED_PROCESSING;
    if (!NT_SUCCESS(FltGetFileNameInformation(
            Data, FLT_FILE_NAME_NORMALIZED | FLT_FILE_NAME_QUERY_DEFAULT, &Information)))
        return FLT_POSTOP_FINISHED_PROCESSING;
    if (NT_SUCCESS(FltParseFileNameInformation(Information))) {
        Name.Buffer = Information->Name.Buffer + Information->Volume.Length / sizeof(WCHAR);
        Name.Length = Name.MaximumLength =
            (USHORT)(Information->Name.Length - Information->Volume.Length);
        if (IsWatched(&Name))
            AttachContext(FltObjects, &Name);
    }
    FltReleaseFileNameInformation(Information);
    return FLT_POSTOP_FINISHED_PROCESSING;
}

static PSTREAM_CONTEXT ContextOf(PCFLT_RELATED_OBJECTS FltObjects)
{
    PFLT_CONTEXT Context;

    if (!FltObjects->FileObject ||
        !NT_SUCCESS(FltGetStreamContext(FltObjects->Instance, FltObjects->FileObject, &Context)))
        return NULL;
    return Context;
}

static VOID FLTAPI StreamContextCleanup(PFLT_CONTEXT Context, FLT_CONTEXT_TYPE ContextType)
{
    PSTREAM_CONTEXT Stream = Context;

    UNREFERENCED_PARAMETER(ContextType);
    DbgPrint("flushmon: %wZ closed: %ld cached reads, %ld cached writes by programs; %ld paging "
             "reads, %ld paging "
             "writes below them\n",
             &Stream->Name, Stream->CachedReads, Stream->CachedWrites, Stream->PagingReads,
             Stream->PagingWrites);
}

/* ---- counting
 * ------------------------------------------------------------------------------------------- */

typedef enum _IO_KIND { IoOther, IoCached, IoPaging } IO_KIND;

static IO_KIND KindOf(PFLT_CALLBACK_DATA Data)
{
    if (FLT_IS_FASTIO_OPERATION(Data))
        return IoCached; /* fast reads and writes go to the cache and nowhere else */
    if (!FLT_IS_IRP_OPERATION(Data))
        return IoOther;
    if (Data->Iopb->IrpFlags & IRP_PAGING_IO)
        return IoPaging;
    return Data->Iopb->IrpFlags & IRP_NOCACHE ? IoOther : IoCached;
}

static FLT_PREOP_CALLBACK_STATUS FLTAPI PreRead(PFLT_CALLBACK_DATA Data,
                                                PCFLT_RELATED_OBJECTS FltObjects,
                                                PVOID *CompletionContext)
{
    IO_KIND Kind = KindOf(Data);
    PSTREAM_CONTEXT Stream = Kind == IoOther ? NULL : ContextOf(FltObjects);

    UNREFERENCED_PARAMETER(CompletionContext);
    if (!Stream)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    if (Kind == IoCached) {
        InterlockedIncrement(&Stream->CachedReads);
    } else if (InterlockedIncrement(&Stream->PagingReads) - 1 == Stream->ReadsAtPurge) {
        DbgPrint("flushmon: %wZ: first paging read after the purge (%lld, %lu bytes)\n",
                 &Stream->Name, Data->Iopb->Parameters.Read.ByteOffset.QuadPart,
                 Data->Iopb->Parameters.Read.Length);
    }
    FltReleaseContext(Stream);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

static FLT_PREOP_CALLBACK_STATUS FLTAPI PreWrite(PFLT_CALLBACK_DATA Data,
                                                 PCFLT_RELATED_OBJECTS FltObjects,
                                                 PVOID *CompletionContext)
{
    IO_KIND Kind = KindOf(Data);
    PSTREAM_CONTEXT Stream = Kind == IoOther ? NULL : ContextOf(FltObjects);

    UNREFERENCED_PARAMETER(CompletionContext);
    if (Stream) {
        InterlockedIncrement(Kind == IoCached ? &Stream->CachedWrites : &Stream->PagingWrites);
        FltReleaseContext(Stream);
    }
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

/* ---- flush and purge
 * ------------------------------------------------------------------------------------ */

/*
 * The recipe for systems without FltFlushBuffers2: a flush request with the minor code that asks
 * for a purge. The status is copied before the callback data goes; after FltFreeCallbackData it is
 * somebody else's memory.
 */
static NTSTATUS FlushByCallbackData(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject)
{
    PFLT_CALLBACK_DATA Data;
    NTSTATUS Status;

    Status = FltAllocateCallbackData(Instance, FileObject, &Data);
    if (!NT_SUCCESS(Status))
        return Status;
    Data->Iopb->MajorFunction = IRP_MJ_FLUSH_BUFFERS;
    Data->Iopb->MinorFunction = IRP_MN_FLUSH_AND_PURGE;
    Data->Iopb->IrpFlags = IRP_SYNCHRONOUS_API;
    FltPerformSynchronousIo(Data);
    Status = Data->IoStatus.Status;
    FltFreeCallbackData(Data);
    return Status;
}

static NTSTATUS FlushAndPurge(PFLT_INSTANCE Instance, PFILE_OBJECT FileObject, PULONG Route)
{
    if (Flushmon.FlushBuffers2) {
        *Route = FlushmonRouteFlushBuffers2;
        return Flushmon.FlushBuffers2(Instance, FileObject, FLT_FLUSH_TYPE_FLUSH_AND_PURGE, NULL);
    }
    *Route = FlushmonRouteCallbackData;
    return FlushByCallbackData(Instance, FileObject);
}

/*
 * Pages of the file that are in the cache. A copy read of one byte that must not wait answers FALSE
 * for a page that is not there and never blocks, so it cannot hang; it needs a file object that has
 * done cached I/O. It moves the file object's position, which belongs to the program: put back.
 */
static ULONG CountCachedPages(PFILE_OBJECT FileObject, PDEVICE_OBJECT Device, ULONG Pages)
{
    LARGE_INTEGER Saved = FileObject->CurrentByteOffset;
    IO_STATUS_BLOCK IoStatus;
    LARGE_INTEGER Offset;
    ULONG Cached = 0, Page;
    UCHAR Byte;

    if (!FileObject->PrivateCacheMap)
        return FLUSHMON_PAGES_UNKNOWN;
    for (Page = 0; Page < Pages; Page++) {
        Offset.QuadPart = (LONGLONG)Page * PAGE_SIZE;
        if (FsRtlCopyRead(FileObject, &Offset, 1, FALSE, 0, &Byte, &IoStatus, Device) &&
            NT_SUCCESS(IoStatus.Status))
            Cached++;
    }
    FileObject->CurrentByteOffset = Saved;
    return Cached;
}

static ULONG PagesOf(PCFLT_RELATED_OBJECTS FltObjects)
{
    FILE_STANDARD_INFORMATION Standard;

    if (!NT_SUCCESS(FltQueryInformationFile(FltObjects->Instance, FltObjects->FileObject, &Standard,
                                            sizeof(Standard), FileStandardInformation, NULL)))
        return 0;
    return (ULONG)((Standard.EndOfFile.QuadPart + PAGE_SIZE - 1) / PAGE_SIZE);
}

static VOID PrintReport(PSTREAM_CONTEXT Stream, const FLUSHMON_REPORT *Report)
{
    DbgPrint("flushmon: %wZ: %s by %s, status 0x%08lx: %lu paging writes, cached pages %ld before, "
             "%ld after, of %lu\n",
             &Stream->Name, Report->CachedAfter ? "flushed" : "flushed and purged",
             Report->Route == FlushmonRouteFlushBuffers2 ? "FltFlushBuffers2" : "callback data",
             Report->Status, Report->PagingWrites, (LONG)Report->CachedBefore,
             (LONG)Report->CachedAfter, Report->Pages);
    DbgPrint(
        "flushmon: %wZ: until now %lu cached reads and %lu cached writes caused %ld paging reads\n",
        &Stream->Name, Report->CachedReads, Report->CachedWrites, Stream->PagingReads);
}

static VOID MakeReport(PCFLT_RELATED_OBJECTS FltObjects, PSTREAM_CONTEXT Stream,
                       FLUSHMON_REPORT *Report)
{
    PDEVICE_OBJECT Device = NULL;
    LONG WritesBefore = Stream->PagingWrites;

    RtlZeroMemory(Report, sizeof(*Report));
    Report->Pages = PagesOf(FltObjects);
    Report->CachedReads = (ULONG)Stream->CachedReads;
    Report->CachedWrites = (ULONG)Stream->CachedWrites;
    FltGetDeviceObject(FltObjects->Volume, &Device);
    Report->CachedBefore = CountCachedPages(FltObjects->FileObject, Device, Report->Pages);
    Report->Status = FlushAndPurge(FltObjects->Instance, FltObjects->FileObject, &Report->Route);
    Report->CachedAfter = CountCachedPages(FltObjects->FileObject, Device, Report->Pages);
    Report->PagingWrites = (ULONG)(Stream->PagingWrites - WritesBefore);
    if (Device)
        ObDereferenceObject(Device);
    InterlockedExchange(&Stream->ReadsAtPurge, Stream->PagingReads);
    PrintReport(Stream, Report);
}

static FLT_PREOP_CALLBACK_STATUS FLTAPI PreFsControl(PFLT_CALLBACK_DATA Data,
                                                     PCFLT_RELATED_OBJECTS FltObjects,
                                                     PVOID *CompletionContext)
{
    PFLT_PARAMETERS Parameters = &Data->Iopb->Parameters;
    PSTREAM_CONTEXT Stream;
    FLUSHMON_REPORT Report;

    PAGED_CODE();
    UNREFERENCED_PARAMETER(CompletionContext);
    if (Data->Iopb->MinorFunction != IRP_MN_USER_FS_REQUEST ||
        Parameters->FileSystemControl.Common.FsControlCode != FSCTL_FLUSHMON_FLUSH)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    Data->IoStatus.Information = 0;
    Stream = ContextOf(FltObjects);
    if (!Stream) {
        Data->IoStatus.Status = STATUS_NOT_FOUND; /* not a watched file */
        return FLT_PREOP_COMPLETE;
    }
    if (Parameters->FileSystemControl.Buffered.OutputBufferLength < sizeof(Report)) {
        Data->IoStatus.Status = STATUS_BUFFER_TOO_SMALL;
    } else {
        MakeReport(FltObjects, Stream, &Report);
        RtlCopyMemory(Parameters->FileSystemControl.Buffered.SystemBuffer, &Report, sizeof(Report));
        Data->IoStatus.Status = STATUS_SUCCESS;
        Data->IoStatus.Information = sizeof(Report);
    }
    FltReleaseContext(Stream);
    return FLT_PREOP_COMPLETE;
}

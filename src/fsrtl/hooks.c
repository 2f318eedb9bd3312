/* SPDX-License-Identifier: MIT */
/*
 * hooks.c - acquire and release hooks: registered FS_FILTER callbacks, fast-I/O routines, and the
 * default.
 */
#include "fsrtl/fsrtl.h"

#include <stdlib.h>
#include <string.h>

#define STACK_MAX 64u /* devices of one stack that may have callbacks */

typedef struct _REGISTRATION {
    LIST_ENTRY Links;
    PDRIVER_OBJECT Driver;
    FS_FILTER_CALLBACKS Callbacks;
} REGISTRATION;

static KEX_LOCK HookLock = KEX_LOCK_INIT(KEX_RANK_CC + 2, "FS filter callbacks");
static LIST_ENTRY Registrations = {&Registrations, &Registrations};

/* ---- registration -------------------------------------------------------------------------- */

const FS_FILTER_CALLBACKS *FsrtlxFilterCallbacks(PDRIVER_OBJECT DriverObject)
{
    const FS_FILTER_CALLBACKS *Found = NULL;

    KexLockAcquire(&HookLock);
    for (PLIST_ENTRY e = Registrations.Flink; e != &Registrations && !Found; e = e->Flink) {
        REGISTRATION *Each = CONTAINING_RECORD(e, REGISTRATION, Links);

        if (Each->Driver == DriverObject)
            Found = &Each->Callbacks;
    }
    KexLockRelease(&HookLock);
    return Found;
}

/*
 * Registers a driver's callbacks; once per driver, and they stay until the driver goes.
 * PASSIVE_LEVEL. STATUS_INVALID_PARAMETER for a size no version of the structure has,
 * STATUS_INSUFFICIENT_RESOURCES (nf-ntifs-fsrtlregisterfilesystemfiltercallbacks).
 */
NTSTATUS NTAPI FsRtlRegisterFileSystemFilterCallbacks(PDRIVER_OBJECT FilterDriverObject,
                                                      PFS_FILTER_CALLBACKS Callbacks)
{
    REGISTRATION *Entry;
    ULONG Size;

    if (!FilterDriverObject || !Callbacks)
        return STATUS_INVALID_PARAMETER;
    Size = Callbacks->SizeOfFsFilterCallbacks;
    /* Before Windows 10 the structure ended ahead of the query-open pair. */
    if (Size != sizeof *Callbacks && Size != FIELD_OFFSET(FS_FILTER_CALLBACKS, PreQueryOpen))
        return STATUS_INVALID_PARAMETER;
    if (FsrtlxFilterCallbacks(FilterDriverObject))
        return STATUS_INVALID_PARAMETER;
    Entry = calloc(1, sizeof *Entry);
    if (!Entry)
        return STATUS_INSUFFICIENT_RESOURCES;
    Entry->Driver = FilterDriverObject;
    memcpy(&Entry->Callbacks, Callbacks, Size);
    KexLockAcquire(&HookLock);
    InsertTailList(&Registrations, &Entry->Links);
    KexLockRelease(&HookLock);
    return STATUS_SUCCESS;
}

void FsrtlxForgetDriver(PDRIVER_OBJECT DriverObject)
{
    REGISTRATION *Found = NULL;

    KexLockAcquire(&HookLock);
    for (PLIST_ENTRY e = Registrations.Flink; e != &Registrations && !Found; e = e->Flink) {
        REGISTRATION *Each = CONTAINING_RECORD(e, REGISTRATION, Links);

        if (Each->Driver == DriverObject)
            Found = Each;
    }
    if (Found)
        RemoveEntryList(&Found->Links);
    KexLockRelease(&HookLock);
    free(Found);
}

/* ---- one round through the stack ----------------------------------------------------------- */

/* The pair of callbacks of an operation. */
static PFS_FILTER_CALLBACK PreOf(const FS_FILTER_CALLBACKS *c, UCHAR Operation)
{
    switch (Operation) {
    case FS_FILTER_ACQUIRE_FOR_SECTION_SYNCHRONIZATION:
        return c->PreAcquireForSectionSynchronization;
    case FS_FILTER_RELEASE_FOR_SECTION_SYNCHRONIZATION:
        return c->PreReleaseForSectionSynchronization;
    case FS_FILTER_ACQUIRE_FOR_MOD_WRITE:
        return c->PreAcquireForModifiedPageWriter;
    case FS_FILTER_RELEASE_FOR_MOD_WRITE:
        return c->PreReleaseForModifiedPageWriter;
    case FS_FILTER_ACQUIRE_FOR_CC_FLUSH:
        return c->PreAcquireForCcFlush;
    case FS_FILTER_RELEASE_FOR_CC_FLUSH:
        return c->PreReleaseForCcFlush;
    default:
        return NULL;
    }
}

static PFS_FILTER_COMPLETION_CALLBACK PostOf(const FS_FILTER_CALLBACKS *c, UCHAR Operation)
{
    switch (Operation) {
    case FS_FILTER_ACQUIRE_FOR_SECTION_SYNCHRONIZATION:
        return c->PostAcquireForSectionSynchronization;
    case FS_FILTER_RELEASE_FOR_SECTION_SYNCHRONIZATION:
        return c->PostReleaseForSectionSynchronization;
    case FS_FILTER_ACQUIRE_FOR_MOD_WRITE:
        return c->PostAcquireForModifiedPageWriter;
    case FS_FILTER_RELEASE_FOR_MOD_WRITE:
        return c->PostReleaseForModifiedPageWriter;
    case FS_FILTER_ACQUIRE_FOR_CC_FLUSH:
        return c->PostAcquireForCcFlush;
    case FS_FILTER_RELEASE_FOR_CC_FLUSH:
        return c->PostReleaseForCcFlush;
    default:
        return NULL;
    }
}

typedef struct _ROUND {
    FS_FILTER_CALLBACK_DATA Data;
    PDEVICE_OBJECT Bottom; /* the file system's device */
    struct {
        const FS_FILTER_CALLBACKS *Callbacks;
        PDEVICE_OBJECT Device;
        PVOID Context;
    } Called[STACK_MAX];
    ULONG Count;
    bool Completed; /* a pre-callback did the file system's part */
} ROUND;

/*
 * Pre-callbacks from the top down. A failure of an acquire ends the round; for a release the
 * drivers have no say.
 */
static NTSTATUS Descend(ROUND *Round, PFILE_OBJECT FileObject, UCHAR Operation)
{
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(FileObject), Lower;
    NTSTATUS Status = STATUS_SUCCESS;

    Round->Data.SizeOfFsFilterCallbackData = sizeof Round->Data;
    Round->Data.Operation = Operation;
    Round->Data.FileObject = FileObject;
    ObReferenceObject(Device);
    while (Device) {
        const FS_FILTER_CALLBACKS *Callbacks = FsrtlxFilterCallbacks(Device->DriverObject);
        PFS_FILTER_CALLBACK Pre = Callbacks ? PreOf(Callbacks, Operation) : NULL;

        Round->Bottom = Device;
        if (Callbacks && Round->Count < STACK_MAX && NT_SUCCESS(Status) && !Round->Completed) {
            Round->Called[Round->Count].Callbacks = Callbacks;
            Round->Called[Round->Count].Device = Device;
            Round->Data.DeviceObject = Device;
            if (Pre)
                Status = Pre(&Round->Data, &Round->Called[Round->Count].Context);
            if (NT_SUCCESS(Status))
                Round->Count++;
            if (Status == STATUS_FSFILTER_OP_COMPLETED_SUCCESSFULLY)
                Round->Completed = true;
        }
        Lower = IoGetLowerDeviceObject(Device);
        ObDereferenceObject(Device);
        Device = Lower;
    }
    return Status;
}

static void Ascend(ROUND *Round, NTSTATUS Status)
{
    while (Round->Count) {
        PFS_FILTER_COMPLETION_CALLBACK Post;

        Round->Count--;
        Post = PostOf(Round->Called[Round->Count].Callbacks, Round->Data.Operation);
        Round->Data.DeviceObject = Round->Called[Round->Count].Device;
        if (Post)
            Post(&Round->Data, Status, Round->Called[Round->Count].Context);
    }
}

static PFAST_IO_DISPATCH FastIoOf(const ROUND *Round)
{
    return Round->Bottom->DriverObject->FastIoDispatch;
}

static PFSRTL_COMMON_FCB_HEADER HeaderOf(PFILE_OBJECT FileObject)
{
    return FileObject->FsContext;
}

/* ---- cache flush --------------------------------------------------------------------------- */

NTSTATUS FsrtlxAcquireForCcFlush(PFILE_OBJECT FileObject)
{
    PFSRTL_COMMON_FCB_HEADER Header = HeaderOf(FileObject);
    ROUND Round = {0};
    NTSTATUS Status;

    KeEnterCriticalRegion();
    Status = Descend(&Round, FileObject, FS_FILTER_ACQUIRE_FOR_CC_FLUSH);
    if (NT_SUCCESS(Status) && !Round.Completed) {
        PFAST_IO_DISPATCH Fast = FastIoOf(&Round);

        Status = STATUS_INVALID_DEVICE_REQUEST;
        if (Fast && Fast->AcquireForCcFlush)
            Status = Fast->AcquireForCcFlush(FileObject, Round.Bottom);
        if (Status == STATUS_INVALID_DEVICE_REQUEST) {
            /* Main exclusive unless this thread has it at least shared, then paging I/O shared. */
            if (Header->Resource) {
                if (ExIsResourceAcquiredSharedLite(Header->Resource))
                    ExAcquireResourceSharedLite(Header->Resource, TRUE);
                else
                    ExAcquireResourceExclusiveLite(Header->Resource, TRUE);
            }
            if (Header->PagingIoResource)
                ExAcquireResourceSharedLite(Header->PagingIoResource, TRUE);
            Status = STATUS_SUCCESS;
        }
    }
    Ascend(&Round, Status);
    if (!NT_SUCCESS(Status))
        KeLeaveCriticalRegion();
    return NT_SUCCESS(Status) ? STATUS_SUCCESS : Status;
}

void FsrtlxReleaseForCcFlush(PFILE_OBJECT FileObject)
{
    PFSRTL_COMMON_FCB_HEADER Header = HeaderOf(FileObject);
    ROUND Round = {0};

    Descend(&Round, FileObject, FS_FILTER_RELEASE_FOR_CC_FLUSH);
    if (!Round.Completed) {
        PFAST_IO_DISPATCH Fast = FastIoOf(&Round);
        NTSTATUS Status = STATUS_INVALID_DEVICE_REQUEST;

        if (Fast && Fast->ReleaseForCcFlush)
            Status = Fast->ReleaseForCcFlush(FileObject, Round.Bottom);
        if (Status == STATUS_INVALID_DEVICE_REQUEST) {
            if (Header->PagingIoResource)
                ExReleaseResourceLite(Header->PagingIoResource);
            if (Header->Resource)
                ExReleaseResourceLite(Header->Resource);
        }
    }
    Ascend(&Round, STATUS_SUCCESS);
    KeLeaveCriticalRegion();
}

/* ---- section creation ---------------------------------------------------------------------- */

NTSTATUS FsrtlxAcquireForSection(PFILE_OBJECT FileObject, FS_FILTER_SECTION_SYNC_TYPE SyncType,
                                 ULONG PageProtection)
{
    FS_FILTER_SECTION_SYNC_OUTPUT Output = {.StructureSize = sizeof Output};
    PFSRTL_COMMON_FCB_HEADER Header = HeaderOf(FileObject);
    ROUND Round = {0};
    NTSTATUS Status;

    KeEnterCriticalRegion();
    Round.Data.Parameters.AcquireForSectionSynchronization.SyncType = SyncType;
    Round.Data.Parameters.AcquireForSectionSynchronization.PageProtection = PageProtection;
    Round.Data.Parameters.AcquireForSectionSynchronization.OutputInformation = &Output;
    Status = Descend(&Round, FileObject, FS_FILTER_ACQUIRE_FOR_SECTION_SYNCHRONIZATION);
    /*
     * The two "locked with ..." answers tell the creator whether writers exist; both let it go on.
     *
     */
    if (NT_SUCCESS(Status) && !Round.Completed) {
        PFAST_IO_DISPATCH Fast = FastIoOf(&Round);

        if (Fast && Fast->AcquireFileForNtCreateSection)
            Fast->AcquireFileForNtCreateSection(FileObject);
        else if (Header->Resource)
            ExAcquireResourceExclusiveLite(Header->Resource, TRUE);
    }
    Ascend(&Round, Status);
    if (!NT_SUCCESS(Status))
        KeLeaveCriticalRegion();
    return NT_SUCCESS(Status) ? STATUS_SUCCESS : Status;
}

void FsrtlxReleaseForSection(PFILE_OBJECT FileObject)
{
    PFSRTL_COMMON_FCB_HEADER Header = HeaderOf(FileObject);
    ROUND Round = {0};

    Descend(&Round, FileObject, FS_FILTER_RELEASE_FOR_SECTION_SYNCHRONIZATION);
    if (!Round.Completed) {
        PFAST_IO_DISPATCH Fast = FastIoOf(&Round);

        if (Fast && Fast->ReleaseFileForNtCreateSection)
            Fast->ReleaseFileForNtCreateSection(FileObject);
        else if (Header->Resource)
            ExReleaseResourceLite(Header->Resource);
    }
    Ascend(&Round, STATUS_SUCCESS);
    KeLeaveCriticalRegion();
}

/*
 * Takes the stream's main resource exclusively through the file system's section hook;
 * PASSIVE_LEVEL. Undone by FsRtlReleaseFile in the same thread
 * (nf-ntifs-fsrtlacquirefileexclusive).
 */
VOID NTAPI FsRtlAcquireFileExclusive(PFILE_OBJECT FileObject)
{
    FsrtlxAcquireForSection(FileObject, SyncTypeOther, 0);
}

VOID NTAPI FsRtlReleaseFile(PFILE_OBJECT FileObject)
{
    FsrtlxReleaseForSection(FileObject);
}

/* ---- mapped page writer -------------------------------------------------------------------- */

NTSTATUS FsrtlxAcquireForModWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER EndingOffset,
                                  PERESOURCE *Resource)
{
    PFSRTL_COMMON_FCB_HEADER Header = HeaderOf(FileObject);
    ROUND Round = {0};
    NTSTATUS Status;

    *Resource = NULL;
    Round.Data.Parameters.AcquireForModifiedPageWriter.EndingOffset = EndingOffset;
    Round.Data.Parameters.AcquireForModifiedPageWriter.ResourceToRelease = Resource;
    Status = Descend(&Round, FileObject, FS_FILTER_ACQUIRE_FOR_MOD_WRITE);
    if (NT_SUCCESS(Status) && !Round.Completed) {
        PFAST_IO_DISPATCH Fast = FastIoOf(&Round);

        Status = STATUS_INVALID_DEVICE_REQUEST;
        if (Fast && Fast->AcquireForModWrite)
            Status = Fast->AcquireForModWrite(FileObject, EndingOffset, Resource, Round.Bottom);
        if (Status == STATUS_INVALID_DEVICE_REQUEST) {
            PERESOURCE Take =
                Header->PagingIoResource ? Header->PagingIoResource : Header->Resource;

            Status = STATUS_SUCCESS;
            if (Take && !ExAcquireResourceSharedLite(Take, FALSE))
                Status = STATUS_CANT_WAIT;
            else
                *Resource = Take;
        }
    }
    Ascend(&Round, Status);
    return NT_SUCCESS(Status) ? STATUS_SUCCESS : Status;
}

void FsrtlxReleaseForModWrite(PFILE_OBJECT FileObject, PERESOURCE Resource)
{
    ROUND Round = {0};

    Round.Data.Parameters.ReleaseForModifiedPageWriter.ResourceToRelease = Resource;
    Descend(&Round, FileObject, FS_FILTER_RELEASE_FOR_MOD_WRITE);
    if (!Round.Completed) {
        PFAST_IO_DISPATCH Fast = FastIoOf(&Round);
        NTSTATUS Status = STATUS_INVALID_DEVICE_REQUEST;

        if (Fast && Fast->ReleaseForModWrite)
            Status = Fast->ReleaseForModWrite(FileObject, Resource, Round.Bottom);
        if (Status == STATUS_INVALID_DEVICE_REQUEST && Resource)
            ExReleaseResourceLite(Resource);
    }
    Ascend(&Round, STATUS_SUCCESS);
}

NTSTATUS FsrtlxStart(void)
{
    return STATUS_SUCCESS;
}

void FsrtlxEnd(void)
{
    while (!IsListEmpty(&Registrations))
        free(CONTAINING_RECORD(RemoveHeadList(&Registrations), REGISTRATION, Links));
}

/* SPDX-License-Identifier: MIT */
/*
 * context.c - lists of contexts that drivers above a file system hang on its streams, files and
 * file objects. The file system owns the list head (in its FCB header) and tears the list down when
 * the stream goes.
 */
#include "fsrtl/fsrtl.h"

#include <stdlib.h>
#include <string.h>

/* ---- a list of contexts; the layouts agree in their first fields --------------------------- */

typedef FSRTL_PER_STREAM_CONTEXT CONTEXT_LINK;

static CONTEXT_LINK *Find(PLIST_ENTRY Head, PVOID OwnerId, PVOID InstanceId)
{
    for (PLIST_ENTRY e = Head->Flink; e != Head; e = e->Flink) {
        CONTEXT_LINK *Each = CONTAINING_RECORD(e, CONTEXT_LINK, Links);

        if ((!OwnerId || Each->OwnerId == OwnerId) &&
            (!InstanceId || Each->InstanceId == InstanceId))
            return Each;
    }
    return NULL;
}

/* Frees a list through its owners' callbacks, none of which runs under the mutex. */
static void Teardown(PLIST_ENTRY Head, PFAST_MUTEX Mutex)
{
    for (;;) {
        CONTEXT_LINK *Link = NULL;

        ExAcquireFastMutex(Mutex);
        if (!IsListEmpty(Head)) {
            Link = CONTAINING_RECORD(RemoveHeadList(Head), CONTEXT_LINK, Links);
            InitializeListHead(&Link->Links); /* its owner may try to remove it as well */
        }
        ExReleaseFastMutex(Mutex);
        if (!Link)
            return;
        if (Link->FreeCallback)
            Link->FreeCallback(Link);
    }
}

/* ---- streams ------------------------------------------------------------------------------- */

static bool StreamSupports(PFSRTL_ADVANCED_FCB_HEADER Header)
{
    return Header && (Header->Flags2 & FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS);
}

/*
 * Adds a context to a stream; IRQL <= APC_LEVEL. STATUS_INVALID_DEVICE_REQUEST for a stream whose
 * file system has no contexts (nf-ntifs-fsrtlinsertperstreamcontext).
 */
NTSTATUS NTAPI FsRtlInsertPerStreamContext(PFSRTL_ADVANCED_FCB_HEADER PerStreamContext,
                                           PFSRTL_PER_STREAM_CONTEXT Ptr)
{
    if (!StreamSupports(PerStreamContext))
        return STATUS_INVALID_DEVICE_REQUEST;
    ExAcquireFastMutex(PerStreamContext->FastMutex);
    InsertHeadList(&PerStreamContext->FilterContexts, &Ptr->Links);
    ExReleaseFastMutex(PerStreamContext->FastMutex);
    return STATUS_SUCCESS;
}

/* The newest context of an owner (and instance, when given), NULL for none. */
PFSRTL_PER_STREAM_CONTEXT NTAPI FsRtlLookupPerStreamContextInternal(
    PFSRTL_ADVANCED_FCB_HEADER StreamContext, PVOID OwnerId, PVOID InstanceId)
{
    PFSRTL_PER_STREAM_CONTEXT Found;

    if (!StreamSupports(StreamContext))
        return NULL;
    ExAcquireFastMutex(StreamContext->FastMutex);
    Found = Find(&StreamContext->FilterContexts, OwnerId, InstanceId);
    ExReleaseFastMutex(StreamContext->FastMutex);
    return Found;
}

/* Takes a context out of the list and returns it; its owner frees it. */
PFSRTL_PER_STREAM_CONTEXT NTAPI FsRtlRemovePerStreamContext(
    PFSRTL_ADVANCED_FCB_HEADER StreamContext, PVOID OwnerId, PVOID InstanceId)
{
    PFSRTL_PER_STREAM_CONTEXT Found;

    if (!StreamSupports(StreamContext))
        return NULL;
    ExAcquireFastMutex(StreamContext->FastMutex);
    Found = Find(&StreamContext->FilterContexts, OwnerId, InstanceId);
    if (Found) {
        RemoveEntryList(&Found->Links);
        InitializeListHead(&Found->Links);
    }
    ExReleaseFastMutex(StreamContext->FastMutex);
    return Found;
}

/*
 * Called by the file system when it frees a stream: every context's free callback runs
 * (PASSIVE_LEVEL).
 */
VOID NTAPI FsRtlTeardownPerStreamContexts(PFSRTL_ADVANCED_FCB_HEADER AdvancedHeader)
{
    if (StreamSupports(AdvancedHeader))
        Teardown(&AdvancedHeader->FilterContexts, AdvancedHeader->FastMutex);
}

/* ---- files: the head is made at the first insertion ---------------------------------------- */

typedef struct _FILE_CONTEXTS {
    FAST_MUTEX Mutex;
    LIST_ENTRY Head;
} FILE_CONTEXTS;

static KEX_LOCK FileLock = KEX_LOCK_INIT(KEX_RANK_CC + 3, "per-file contexts");

static FILE_CONTEXTS *FileHead(PVOID *Pointer, bool Make)
{
    FILE_CONTEXTS *Made = NULL, *Head;

    if (!*Pointer && Make) {
        Made = calloc(1, sizeof *Made);
        if (!Made)
            return NULL;
        ExInitializeFastMutex(&Made->Mutex);
        InitializeListHead(&Made->Head);
    }
    KexLockAcquire(&FileLock);
    if (!*Pointer && Made) {
        *Pointer = Made;
        Made = NULL;
    }
    Head = *Pointer;
    KexLockRelease(&FileLock);
    free(Made);
    return Head;
}

/*
 * Adds a context to a file. PerFileContextPointer is what the stream's header points at; NULL: not
 * supported.
 */
NTSTATUS NTAPI FsRtlInsertPerFileContext(PVOID *PerFileContextPointer, PFSRTL_PER_FILE_CONTEXT Ptr)
{
    FILE_CONTEXTS *File;

    if (!PerFileContextPointer)
        return STATUS_INVALID_DEVICE_REQUEST;
    File = FileHead(PerFileContextPointer, true);
    if (!File)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExAcquireFastMutex(&File->Mutex);
    InsertHeadList(&File->Head, &Ptr->Links);
    ExReleaseFastMutex(&File->Mutex);
    return STATUS_SUCCESS;
}

PFSRTL_PER_FILE_CONTEXT NTAPI FsRtlLookupPerFileContext(PVOID *PerFileContextPointer, PVOID OwnerId,
                                                        PVOID InstanceId)
{
    FILE_CONTEXTS *File = PerFileContextPointer ? FileHead(PerFileContextPointer, false) : NULL;
    CONTEXT_LINK *Found;

    if (!File)
        return NULL;
    ExAcquireFastMutex(&File->Mutex);
    Found = Find(&File->Head, OwnerId, InstanceId);
    ExReleaseFastMutex(&File->Mutex);
    return (PFSRTL_PER_FILE_CONTEXT)Found;
}

PFSRTL_PER_FILE_CONTEXT NTAPI FsRtlRemovePerFileContext(PVOID *PerFileContextPointer, PVOID OwnerId,
                                                        PVOID InstanceId)
{
    FILE_CONTEXTS *File = PerFileContextPointer ? FileHead(PerFileContextPointer, false) : NULL;
    CONTEXT_LINK *Found;

    if (!File)
        return NULL;
    ExAcquireFastMutex(&File->Mutex);
    Found = Find(&File->Head, OwnerId, InstanceId);
    if (Found) {
        RemoveEntryList(&Found->Links);
        InitializeListHead(&Found->Links);
    }
    ExReleaseFastMutex(&File->Mutex);
    return (PFSRTL_PER_FILE_CONTEXT)Found;
}

VOID NTAPI FsRtlTeardownPerFileContexts(PVOID *PerFileContextPointer)
{
    FILE_CONTEXTS *File = PerFileContextPointer ? *PerFileContextPointer : NULL;

    if (!File)
        return;
    Teardown(&File->Head, &File->Mutex);
    *PerFileContextPointer = NULL;
    free(File);
}

/* ---- file objects: kept here, since the object's own fields belong to the I/O manager ------ */

typedef struct _OBJECT_CONTEXTS {
    LIST_ENTRY Links;
    PFILE_OBJECT FileObject;
    LIST_ENTRY Head;
} OBJECT_CONTEXTS;

static KEX_LOCK ObjectLock = KEX_LOCK_INIT(KEX_RANK_CC + 4, "per-file-object contexts");
static LIST_ENTRY Objects[64];

static PLIST_ENTRY Bucket(PFILE_OBJECT FileObject)
{
    PLIST_ENTRY Head = &Objects[((ULONG_PTR)FileObject >> 6) % RTL_NUMBER_OF(Objects)];

    if (!Head->Flink)
        InitializeListHead(Head);
    return Head;
}

static OBJECT_CONTEXTS *ObjectHead(PFILE_OBJECT FileObject)
{
    PLIST_ENTRY Head = Bucket(FileObject);

    for (PLIST_ENTRY e = Head->Flink; e != Head; e = e->Flink) {
        OBJECT_CONTEXTS *Each = CONTAINING_RECORD(e, OBJECT_CONTEXTS, Links);

        if (Each->FileObject == FileObject)
            return Each;
    }
    return NULL;
}

/*
 * Adds a context to a file object. Its owner removes it before the file object goes: there is no
 * free callback (nf-ntifs-fsrtlinsertperfileobjectcontext).
 */
NTSTATUS NTAPI FsRtlInsertPerFileObjectContext(PFILE_OBJECT FileObject,
                                               PFSRTL_PER_FILEOBJECT_CONTEXT Ptr)
{
    OBJECT_CONTEXTS *Made, *Object;

    if (!FileObject)
        return STATUS_INVALID_PARAMETER;
    Made = calloc(1, sizeof *Made);
    if (!Made)
        return STATUS_INSUFFICIENT_RESOURCES;
    KexLockAcquire(&ObjectLock);
    Object = ObjectHead(FileObject);
    if (!Object) {
        Object = Made;
        Made = NULL;
        Object->FileObject = FileObject;
        InitializeListHead(&Object->Head);
        InsertHeadList(Bucket(FileObject), &Object->Links);
    }
    InsertHeadList(&Object->Head, &Ptr->Links);
    KexLockRelease(&ObjectLock);
    free(Made);
    return STATUS_SUCCESS;
}

PFSRTL_PER_FILEOBJECT_CONTEXT NTAPI FsRtlLookupPerFileObjectContext(PFILE_OBJECT FileObject,
                                                                    PVOID OwnerId, PVOID InstanceId)
{
    OBJECT_CONTEXTS *Object;
    CONTEXT_LINK *Found = NULL;

    KexLockAcquire(&ObjectLock);
    Object = ObjectHead(FileObject);
    if (Object)
        Found = Find(&Object->Head, OwnerId, InstanceId);
    KexLockRelease(&ObjectLock);
    return (PFSRTL_PER_FILEOBJECT_CONTEXT)Found;
}

PFSRTL_PER_FILEOBJECT_CONTEXT NTAPI FsRtlRemovePerFileObjectContext(PFILE_OBJECT FileObject,
                                                                    PVOID OwnerId, PVOID InstanceId)
{
    OBJECT_CONTEXTS *Object, *Empty = NULL;
    CONTEXT_LINK *Found = NULL;

    KexLockAcquire(&ObjectLock);
    Object = ObjectHead(FileObject);
    if (Object)
        Found = Find(&Object->Head, OwnerId, InstanceId);
    if (Found) {
        RemoveEntryList(&Found->Links);
        if (IsListEmpty(&Object->Head)) {
            RemoveEntryList(&Object->Links);
            Empty = Object;
        }
    }
    KexLockRelease(&ObjectLock);
    free(Empty);
    return (PFSRTL_PER_FILEOBJECT_CONTEXT)Found;
}

/* SPDX-License-Identifier: MIT */
/*
 * volume.h - an NTFS volume on the memory store for tests: rooms started, a volume mounted, files
 * reached by system calls, and the paging requests, store operations and cache events of the case
 * counted from the trace.
 */
#ifndef OPENFLT_TEST_FS_VOLUME_H
#define OPENFLT_TEST_FS_VOLUME_H

#include <ntifs.h>

#include "harness.h"

#include "cc/cc.h"
#include "ex/ex.h"
#include "fs/fs.h"
#include "fsrtl/fsrtl.h"
#include "io/io.h"
#include "mm/mm.h"
#include "ob/ob.h"
#include "ps/ps.h"
#include "zw/zw.h"

static FSX_STORE *Store;
static IOX_VOLUME *Volume;
static FSX_MOUNT_PARAMETERS MountParameters;

/* What the trace showed since the last ResetSeen. */
static struct {
    unsigned PagingReads, PagingWrites, StoreReads, StoreWrites, Metadata, Syncs, LazyWrites,
        Closes, Cleanups;
    ULONGLONG PagingWriteBytes;
} Seen;

static void Watch(const KEX_TRACE *e)
{
    bool Paging = e->Kind == KEX_TRACE_FS && (e->IrpFlags & IRP_PAGING_IO);

    if (getenv("OPENFLT_TEST_TRACE"))
        fprintf(stderr, "  %d %s %s major %u minor %u flags %x off %lld len %u st %x\n", e->Kind,
                e->Who ? e->Who : "-", e->What ? e->What : "-", e->Major, e->Minor, e->IrpFlags,
                (long long)e->Offset, e->Length, e->Status);
    if (Paging && e->Major == IRP_MJ_READ)
        __atomic_fetch_add(&Seen.PagingReads, 1, __ATOMIC_RELAXED);
    if (Paging && e->Major == IRP_MJ_WRITE) {
        __atomic_fetch_add(&Seen.PagingWrites, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&Seen.PagingWriteBytes, e->Length, __ATOMIC_RELAXED);
    }
    if (e->Kind == KEX_TRACE_FS && e->Major == IRP_MJ_CLOSE)
        __atomic_fetch_add(&Seen.Closes, 1, __ATOMIC_RELAXED);
    if (e->Kind == KEX_TRACE_FS && e->Major == IRP_MJ_CLEANUP)
        __atomic_fetch_add(&Seen.Cleanups, 1, __ATOMIC_RELAXED);
    if (e->Kind == KEX_TRACE_CC && e->What && !strcmp(e->What, "lazy write"))
        __atomic_fetch_add(&Seen.LazyWrites, 1, __ATOMIC_RELAXED);
    if (e->Kind == KEX_TRACE_STORE) {
        unsigned *Count = !strcmp(e->What, "read")    ? &Seen.StoreReads
                          : !strcmp(e->What, "write") ? &Seen.StoreWrites
                          : !strcmp(e->What, "sync")  ? &Seen.Syncs
                                                      : &Seen.Metadata;

        __atomic_fetch_add(Count, 1, __ATOMIC_RELAXED);
    }
}

static void ResetSeen(void)
{
    memset(&Seen, 0, sizeof Seen);
}

static void StartRooms(void)
{
    KexHooks.Trace = Watch;
    REQUIRE(NT_SUCCESS(KexStart()));
    REQUIRE(NT_SUCCESS(ExxStart()));
    REQUIRE(NT_SUCCESS(ObxStart()));
    REQUIRE(NT_SUCCESS(MmxStart()));
    REQUIRE(NT_SUCCESS(PsxStart()));
    REQUIRE(NT_SUCCESS(IoxStart()));
    REQUIRE(NT_SUCCESS(CcxStart()));
    REQUIRE(NT_SUCCESS(FsrtlxStart()));
    REQUIRE(NT_SUCCESS(ZwxStart()));
    REQUIRE(NT_SUCCESS(FsxStart()));
}

static void Mount(ULONGLONG Capacity)
{
    IOX_VOLUME_SPEC Spec = {
        .SectorSize = 512, .SerialNumber = 0x1234, .Mount = FsxMount, .Context = &MountParameters};

    StartRooms();
    Store = FsxMemStoreCreate(Capacity, 512, 4096);
    REQUIRE(Store);
    MountParameters.Personality = FsxFindPersonality("ntfs");
    MountParameters.Store = Store;
    REQUIRE(NT_SUCCESS(IoxCreateVolume(&Spec, &Volume)));
    ResetSeen();
}

/* Nothing may be open any more: every file object was closed. */
static void Unmount(void)
{
    CcxFlushAll(NULL);
    CHECK_EQ(FsxDismountVolume(Volume->FileSystem, false), STATUS_SUCCESS);
}

/* ---- names and calls ----------------------------------------------------------------------- */

static UNICODE_STRING Wide(const char *Text)
{
    static __thread WCHAR Buffers[4][600];
    static __thread unsigned Next;
    WCHAR *b = Buffers[Next++ % 4];
    UNICODE_STRING s = {0, 1200, b};

    while (*Text)
        b[s.Length++] = (WCHAR)(unsigned char)*Text++;
    s.Length = (USHORT)(s.Length * sizeof(WCHAR));
    return s;
}

static NTSTATUS Create(const char *Path, ACCESS_MASK Access, ULONG Attributes, ULONG Share,
                       ULONG Disposition, ULONG Options, HANDLE *Handle, ULONG_PTR *Information)
{
    char Full[500];
    UNICODE_STRING Name;
    OBJECT_ATTRIBUTES oa;
    IO_STATUS_BLOCK Iosb = {0};
    NTSTATUS Status;

    snprintf(Full, sizeof Full, "\\Device\\HarddiskVolume%u%s", Volume->Number, Path);
    Name = Wide(Full);
    InitializeObjectAttributes(&oa, &Name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    Status = ZwCreateFile(Handle, Access | SYNCHRONIZE, &oa, &Iosb, NULL, Attributes, Share,
                          Disposition, Options | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0);
    if (Information)
        *Information = Iosb.Information;
    return Status;
}

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

static HANDLE Open(const char *Path, ULONG Disposition, ULONG Options)
{
    ACCESS_MASK Access = FILE_GENERIC_READ | FILE_GENERIC_WRITE | DELETE;
    HANDLE Handle = NULL;
    NTSTATUS Status;

    if (Options & FILE_NO_INTERMEDIATE_BUFFERING)
        Access &= ~(ACCESS_MASK)FILE_APPEND_DATA; /* the two exclude each other */
    Status =
        Create(Path, Access, FILE_ATTRIBUTE_NORMAL, SHARE_ALL, Disposition, Options, &Handle, NULL);

    if (!NT_SUCCESS(Status)) {
        fprintf(stderr, "open of %s: 0x%x\n", Path, Status);
        _exit(1);
    }
    return Handle;
}

static NTSTATUS WriteAt(HANDLE Handle, LONGLONG Offset, const void *Data, ULONG Length)
{
    LARGE_INTEGER At = {.QuadPart = Offset};
    IO_STATUS_BLOCK Iosb = {0};
    NTSTATUS Status = ZwWriteFile(Handle, NULL, NULL, NULL, &Iosb, (PVOID)Data, Length, &At, NULL);

    if (NT_SUCCESS(Status))
        CHECK_EQ(Iosb.Information, Length);
    return Status;
}

static NTSTATUS ReadAt(HANDLE Handle, LONGLONG Offset, void *Data, ULONG Length, ULONG *Got)
{
    LARGE_INTEGER At = {.QuadPart = Offset};
    IO_STATUS_BLOCK Iosb = {0};
    NTSTATUS Status = ZwReadFile(Handle, NULL, NULL, NULL, &Iosb, Data, Length, &At, NULL);

    if (Got)
        *Got = (ULONG)Iosb.Information;
    return Status;
}

static PFILE_OBJECT FileObjectOf(HANDLE Handle)
{
    PFILE_OBJECT FileObject = NULL;

    REQUIRE(NT_SUCCESS(
        ObReferenceObjectByHandle(Handle, 0, NULL, KernelMode, (PVOID *)&FileObject, NULL)));
    ObDereferenceObject(FileObject); /* the handle keeps it */
    return FileObject;
}

__attribute__((unused)) static NTSTATUS SetEnd(HANDLE Handle, LONGLONG Size)
{
    FILE_END_OF_FILE_INFORMATION Info = {.EndOfFile.QuadPart = Size};
    IO_STATUS_BLOCK Iosb = {0};

    return ZwSetInformationFile(Handle, &Iosb, &Info, sizeof Info, FileEndOfFileInformation);
}

__attribute__((unused)) static LONGLONG SizeOf(HANDLE Handle)
{
    FILE_STANDARD_INFORMATION Info;
    IO_STATUS_BLOCK Iosb = {0};

    REQUIRE(NT_SUCCESS(
        ZwQueryInformationFile(Handle, &Iosb, &Info, sizeof Info, FileStandardInformation)));
    return Info.EndOfFile.QuadPart;
}

__attribute__((unused)) static NTSTATUS NTAPI SendDone(PDEVICE_OBJECT Device, PIRP Irp, PVOID Event)
{
    KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/*
 * A request of our own to the top of the file's stack; SetUp fills the rest of its first location.
 *
 */
__attribute__((unused)) static NTSTATUS Send(HANDLE Handle, UCHAR Major, UCHAR Minor,
                                             PVOID UserBuffer,
                                             void (*SetUp)(PIO_STACK_LOCATION Stack, void *Context),
                                             void *Context, ULONG_PTR *Information)
{
    PFILE_OBJECT FileObject = FileObjectOf(Handle);
    PDEVICE_OBJECT Device = IoGetRelatedDeviceObject(FileObject);
    PIRP Irp = IoAllocateIrp(Device->StackSize, FALSE);
    PIO_STACK_LOCATION Stack;
    KEVENT Event;
    NTSTATUS Status;

    REQUIRE(Irp);
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Irp->Flags = IRP_SYNCHRONOUS_API;
    Irp->RequestorMode = KernelMode;
    Irp->UserBuffer = UserBuffer;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Stack = IoGetNextIrpStackLocation(Irp);
    Stack->MajorFunction = Major;
    Stack->MinorFunction = Minor;
    Stack->FileObject = FileObject;
    if (SetUp)
        SetUp(Stack, Context);
    IoSetCompletionRoutine(Irp, SendDone, &Event, TRUE, TRUE, TRUE);
    IoCallDriver(Device, Irp);
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    Status = Irp->IoStatus.Status;
    if (Information)
        *Information = Irp->IoStatus.Information;
    IoFreeIrp(Irp);
    return Status;
}

/* FLUSH_BUFFERS with a minor code, as FltMgr would send it. */
__attribute__((unused)) static NTSTATUS Flush(HANDLE Handle, UCHAR Minor)
{
    return Send(Handle, IRP_MJ_FLUSH_BUFFERS, Minor, NULL, NULL, NULL, NULL);
}

__attribute__((unused)) static void Fill(void *Buffer, size_t Length, unsigned Seed)
{
    unsigned char *b = Buffer;

    for (size_t i = 0; i < Length; i++) {
        Seed = Seed * 1664525u + 1013904223u;
        b[i] = (unsigned char)(Seed >> 24);
    }
}

#endif

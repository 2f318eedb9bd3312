/* SPDX-License-Identifier: MIT */
/*
 * store.c - the operations that reach the medium, with injected faults and trace events for every
 * kind of store.
 */
#include "fs/store/store.h"

static NTSTATUS Fault(FSX_STORE *Store, FSX_OP Op, FSX_ID Id, LONGLONG Offset, ULONG Length)
{
    return Store->Fault ? Store->Fault(Store, Op, Id, Offset, Length) : STATUS_SUCCESS;
}

static void Trace(FSX_STORE *Store, const char *What, UCHAR Major, LONGLONG Offset, ULONG Length,
                  NTSTATUS Status)
{
    KEX_TRACE Event = {0};

    if (!KEX_TRACING())
        return;
    Event.Kind = KEX_TRACE_STORE;
    Event.Major = Major;
    Event.Status = Status;
    Event.Information = NT_SUCCESS(Status) ? Length : 0;
    Event.Offset = Offset;
    Event.Length = Length;
    Event.Object = Store;
    Event.Who = "store";
    Event.What = What;
    KexHooks.Trace(&Event);
}

NTSTATUS FsxStoreRead(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset, ULONG Length,
                      PVOID Buffer)
{
    NTSTATUS Status = Fault(Store, FSX_OP_READ, Id, Offset, Length);

    if (NT_SUCCESS(Status))
        Status = Store->Ops->Read(Store, Id, Stream, Offset, Length, Buffer);
    Trace(Store, "read", IRP_MJ_READ, Offset, Length, Status);
    return Status;
}

NTSTATUS FsxStoreWrite(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset,
                       ULONG Length, const void *Buffer)
{
    NTSTATUS Status = Fault(Store, FSX_OP_WRITE, Id, Offset, Length);

    if (NT_SUCCESS(Status))
        Status = Store->Ops->Write(Store, Id, Stream, Offset, Length, Buffer);
    Trace(Store, "write", IRP_MJ_WRITE, Offset, Length, Status);
    return Status;
}

NTSTATUS FsxStoreWriteMetadata(FSX_STORE *Store, FSX_ID Id)
{
    NTSTATUS Status = Fault(Store, FSX_OP_METADATA, Id, 0, 0);

    if (NT_SUCCESS(Status))
        Status = Store->Ops->WriteMetadata(Store, Id);
    Trace(Store, "metadata", IRP_MJ_WRITE, 0, 0, Status);
    return Status;
}

NTSTATUS FsxStoreSync(FSX_STORE *Store)
{
    NTSTATUS Status = Fault(Store, FSX_OP_SYNC, 0, 0, 0);

    if (NT_SUCCESS(Status))
        Status = Store->Ops->Sync(Store);
    Trace(Store, "sync", IRP_MJ_FLUSH_BUFFERS, 0, 0, Status);
    return Status;
}

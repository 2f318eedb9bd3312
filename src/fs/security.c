/* SPDX-License-Identifier: MIT */
/*
 * security.c - IRP_MJ_QUERY_SECURITY and IRP_MJ_SET_SECURITY. A descriptor is kept as given,
 * self-relative. A node without one has the default: owner and group Administrators, everyone full
 * access.
 */
#include "fs/fsp.h"
#include "ke/try.h"

#include <stdlib.h>
#include <string.h>

/* Self-relative, as it would stand on the medium. */
typedef struct _DEFAULT_DESCRIPTOR {
    UCHAR Revision, Sbz1;
    USHORT Control;
    ULONG Owner, Group, Sacl, Dacl;
    struct {
        UCHAR Revision, Count, Authority[6];
        ULONG Sub[2];
    } Administrators;
    struct {
        UCHAR Revision, Sbz1;
        USHORT Size, AceCount, Sbz2;
        UCHAR Type, Flags;
        USHORT AceSize;
        ULONG Mask;
        UCHAR SidRevision, SidCount, Authority[6];
        ULONG Sub;
    } Acl;
} DEFAULT_DESCRIPTOR;

static const DEFAULT_DESCRIPTOR Default = {
    .Revision = SECURITY_DESCRIPTOR_REVISION,
    .Control = SE_SELF_RELATIVE | SE_DACL_PRESENT,
    .Owner = offsetof(DEFAULT_DESCRIPTOR, Administrators),
    .Group = offsetof(DEFAULT_DESCRIPTOR, Administrators),
    .Dacl = offsetof(DEFAULT_DESCRIPTOR, Acl),
    .Administrators = {1, 2, {0, 0, 0, 0, 0, 5}, {32, 544}},
    .Acl = {.Revision = ACL_REVISION,
            .Size = 28,
            .AceCount = 1,
            .Type = ACCESS_ALLOWED_ACE_TYPE,
            .Flags = OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE,
            .AceSize = 20,
            .Mask = FILE_ALL_ACCESS,
            .SidRevision = 1,
            .SidCount = 1,
            .Authority = {0, 0, 0, 0, 0, 1}},
};

/* The node's descriptor in memory of its own. */
static NTSTATUS Load(FSX_IRP *x, PSECURITY_DESCRIPTOR *Descriptor, PULONG Size)
{
    FSX_STORE *Store = x->Volume->Store;
    FSX_ID Id = x->Fcb->File->Id;
    NTSTATUS Status = Store->Ops->GetBlob(Store, Id, FSX_BLOB_SECURITY, NULL, 0, Size);

    *Descriptor = NULL;
    if (Status == STATUS_NOT_FOUND)
        *Size = sizeof Default;
    else if (Status != STATUS_BUFFER_TOO_SMALL)
        return NT_SUCCESS(Status) ? STATUS_FILE_CORRUPT_ERROR : Status;
    *Descriptor = ExAllocatePoolWithTag(PagedPool, *Size, FSX_POOL_TAG);
    if (!*Descriptor)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (Status == STATUS_NOT_FOUND) {
        memcpy(*Descriptor, &Default, sizeof Default);
        return STATUS_SUCCESS;
    }
    return Store->Ops->GetBlob(Store, Id, FSX_BLOB_SECURITY, *Descriptor, *Size, Size);
}

typedef struct _QUERY {
    SECURITY_INFORMATION Information;
    PSECURITY_DESCRIPTOR To, From;
    ULONG Length;
    NTSTATUS Status;
} QUERY;

static void Query(void *Argument)
{
    QUERY *q = Argument;

    q->Status = SeQuerySecurityDescriptorInfo(&q->Information, q->To, &q->Length, &q->From);
}

NTSTATUS FsxQuerySecurity(FSX_IRP *x)
{
    QUERY q = {.Information = x->Stack->Parameters.QuerySecurity.SecurityInformation,
               .Length = x->Stack->Parameters.QuerySecurity.Length};
    NTSTATUS Status;
    ULONG Size;

    if (x->Fcb->Kind == FSX_VOLUME_FILE || !x->Volume->Personality->Security)
        return STATUS_INVALID_DEVICE_REQUEST;
    q.To = FsxUserBuffer(x->Irp);
    ExAcquireResourceSharedLite(&x->Fcb->Main, TRUE);
    Status = Load(x, &q.From, &Size);
    if (NT_SUCCESS(Status))
        Status = KexTry(Query, &q);
    if (NT_SUCCESS(Status))
        Status = q.Status;
    ExReleaseResourceLite(&x->Fcb->Main);
    if (q.From)
        ExFreePoolWithTag(q.From, FSX_POOL_TAG);
    x->Information = q.Length;
    /* The length needed comes back with the overflow (nf-ntifs-sequerysecuritydescriptorinfo). */
    return Status == STATUS_BUFFER_TOO_SMALL ? STATUS_BUFFER_OVERFLOW : Status;
}

NTSTATUS FsxSetSecurity(FSX_IRP *x)
{
    SECURITY_INFORMATION Information = x->Stack->Parameters.SetSecurity.SecurityInformation;
    FSX_STORE *Store = x->Volume->Store;
    static GENERIC_MAPPING Mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                                      FILE_ALL_ACCESS};
    PSECURITY_DESCRIPTOR Old, Merged;
    NTSTATUS Status;
    ULONG Size;

    if (x->Fcb->Kind == FSX_VOLUME_FILE || !x->Volume->Personality->Security)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (Store->Geometry.ReadOnly)
        return STATUS_MEDIA_WRITE_PROTECTED;
    ExAcquireResourceExclusiveLite(&x->Fcb->Main, TRUE);
    Status = Load(x, &Old, &Size);
    Merged = Old;
    if (NT_SUCCESS(Status))
        Status = SeSetSecurityDescriptorInfo(NULL, &Information,
                                             x->Stack->Parameters.SetSecurity.SecurityDescriptor,
                                             &Merged, PagedPool, &Mapping);
    if (NT_SUCCESS(Status))
        Status = Store->Ops->SetBlob(Store, x->Fcb->File->Id, FSX_BLOB_SECURITY, Merged,
                                     RtlLengthSecurityDescriptor(Merged));
    if (NT_SUCCESS(Status))
        FsxTouchChange(x->Fcb, x->Ccb);
    ExReleaseResourceLite(&x->Fcb->Main);
    if (Merged && Merged != Old)
        ExFreePool(Merged);
    if (Old)
        ExFreePoolWithTag(Old, FSX_POOL_TAG);
    if (NT_SUCCESS(Status) && x->Ccb->Link && !x->Ccb->Link->Gone) {
        ExAcquireResourceSharedLite(&x->Volume->Resource, TRUE);
        FsxNotify(x->Volume, x->Ccb->Link->Parent, &x->Ccb->Link->Name, NULL,
                  FILE_NOTIFY_CHANGE_SECURITY, FILE_ACTION_MODIFIED);
        ExReleaseResourceLite(&x->Volume->Resource);
    }
    return Status;
}

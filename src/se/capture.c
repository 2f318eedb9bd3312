/* SPDX-License-Identifier: MIT */
/* capture.c - a descriptor from memory that its caller may change at any moment, copied and judged
 * once. */
#include "se/sep.h"
#include "mm/mm.h"

#include <string.h>

/* Copies one part of a caller's descriptor behind the others. Head: bytes that tell how long the
 * part is. */
static NTSTATUS CapturePart(const void *From, ULONG Head, ULONG (*Length)(const void *),
                            KPROCESSOR_MODE Mode, void **Out)
{
    UCHAR First[sizeof(ULONG) * 2];
    NTSTATUS Status;
    ULONG Bytes;

    *Out = NULL;
    if (!From)
        return STATUS_SUCCESS;
    Status = MmxCopyIn(First, From, Head, sizeof(ULONG), Mode);
    if (!NT_SUCCESS(Status))
        return Status;
    Bytes = Length(First);
    *Out = ExAllocatePoolWithTag(PagedPool, Bytes > Head ? Bytes : Head, SEX_POOL_TAG);
    if (!*Out)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = MmxCopyIn(*Out, From, Bytes, sizeof(ULONG), Mode);
    /* The sizes that were believed are those that stay, even if the caller's memory changed in
     * between. */
    memcpy(*Out, First, Head);
    return Status;
}

static ULONG SidLength(const void *Head)
{
    UCHAR Count = ((const UCHAR *)Head)[FIELD_OFFSET(SID, SubAuthorityCount)];

    return RtlLengthRequiredSid(Count > SID_MAX_SUB_AUTHORITIES ? 0 : Count);
}

static ULONG AclLength(const void *Head)
{
    return ((const ACL *)Head)->AclSize;
}

static NTSTATUS CaptureView(PSECURITY_DESCRIPTOR Input, KPROCESSOR_MODE Mode, SEX_VIEW *Own)
{
    SECURITY_DESCRIPTOR Header = {0};
    ULONG Offsets[4];
    SEX_VIEW View;
    NTSTATUS Status =
        MmxCopyIn(&Header, Input, sizeof(SECURITY_DESCRIPTOR_RELATIVE), sizeof(ULONG), Mode);

    if (!NT_SUCCESS(Status))
        return Status;
    if (Header.Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    if (Header.Control & SE_SELF_RELATIVE) {
        memcpy(Offsets, (UCHAR *)&Header + FIELD_OFFSET(SECURITY_DESCRIPTOR_RELATIVE, Owner),
               sizeof Offsets);
#define PART(n) (Offsets[n] ? (void *)((uintptr_t)Input + Offsets[n]) : NULL)
        View = (SEX_VIEW){Header.Control, PART(0), PART(1), PART(2), PART(3)};
#undef PART
    } else {
        Status = MmxCopyIn(&Header, Input, sizeof Header, sizeof(ULONG), Mode);
        if (!NT_SUCCESS(Status))
            return Status;
        View = (SEX_VIEW){Header.Control, Header.Owner, Header.Group, Header.Sacl, Header.Dacl};
    }
    Own->Control = View.Control & (SECURITY_DESCRIPTOR_CONTROL)~SE_SELF_RELATIVE;
    Status = CapturePart(View.Owner, RtlLengthRequiredSid(0), SidLength, Mode, &Own->Owner);
    if (NT_SUCCESS(Status))
        Status = CapturePart(View.Group, RtlLengthRequiredSid(0), SidLength, Mode, &Own->Group);
    if (NT_SUCCESS(Status) && (View.Control & SE_SACL_PRESENT))
        Status = CapturePart(View.Sacl, sizeof(ACL), AclLength, Mode, (void **)&Own->Sacl);
    if (NT_SUCCESS(Status) && (View.Control & SE_DACL_PRESENT))
        Status = CapturePart(View.Dacl, sizeof(ACL), AclLength, Mode, (void **)&Own->Dacl);
    if (!NT_SUCCESS(Status))
        return Status;
    if ((Own->Owner && !RtlValidSid(Own->Owner)) || (Own->Group && !RtlValidSid(Own->Group)))
        return STATUS_INVALID_SID;
    if ((Own->Sacl && !SexValidAcl(Own->Sacl)) || (Own->Dacl && !SexValidAcl(Own->Dacl)))
        return STATUS_INVALID_ACL;
    return STATUS_SUCCESS;
}

/*
 * A descriptor that its caller can no longer change: self-relative, in pool of PoolType. KernelMode
 * without ForceCapture is trusted and comes back as it is. NULL stays NULL.
 * STATUS_UNKNOWN_REVISION, STATUS_INVALID_SID, STATUS_INVALID_ACL, STATUS_ACCESS_VIOLATION,
 * STATUS_INSUFFICIENT_RESOURCES. PASSIVE_LEVEL. Given back by SeReleaseSecurityDescriptor with the
 * same mode and ForceCapture.
 */
NTSTATUS NTAPI SeCaptureSecurityDescriptor(PSECURITY_DESCRIPTOR InputSecurityDescriptor,
                                           KPROCESSOR_MODE RequestorMode, POOL_TYPE PoolType,
                                           BOOLEAN ForceCapture,
                                           PSECURITY_DESCRIPTOR *OutputSecurityDescriptor)
{
    SEX_VIEW Own = {0};
    NTSTATUS Status;
    void *Parts[4];

    *OutputSecurityDescriptor = NULL;
    if (!InputSecurityDescriptor)
        return STATUS_SUCCESS;
    if (RequestorMode == KernelMode && !ForceCapture) {
        *OutputSecurityDescriptor = InputSecurityDescriptor;
        return STATUS_SUCCESS;
    }
    Status = CaptureView(InputSecurityDescriptor, RequestorMode, &Own);
    if (NT_SUCCESS(Status))
        Status = SexCopyRelative(&Own, PoolType, OutputSecurityDescriptor);
    memcpy(Parts, (void *[]){Own.Owner, Own.Group, Own.Sacl, Own.Dacl}, sizeof Parts);
    for (int i = 0; i < 4; i++)
        if (Parts[i])
            ExFreePoolWithTag(Parts[i], SEX_POOL_TAG);
    return Status;
}

VOID NTAPI SeReleaseSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                       KPROCESSOR_MODE CurrentMode, BOOLEAN ForceCapture)
{
    if (SecurityDescriptor && (CurrentMode != KernelMode || ForceCapture))
        ExFreePoolWithTag(SecurityDescriptor, SEX_POOL_TAG);
}

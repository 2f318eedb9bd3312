/* SPDX-License-Identifier: MIT */
/* The descriptor that filters give their communication ports. */
#include "fltx.h"

/*
 * A descriptor that lets System and members of Administrators in with DesiredAccess, and nobody
 * else. It is absolute, so that a filter may hang another DACL into it, and one block of paged pool
 * with its own DACL: FltFreeSecurityDescriptor gives both back. STATUS_INSUFFICIENT_RESOURCES.
 * IRQL: <= APC_LEVEL (nf-fltkernel-fltbuilddefaultsecuritydescriptor).
 */
NTSTATUS NTAPI FltBuildDefaultSecurityDescriptor(PSECURITY_DESCRIPTOR *SecurityDescriptor,
                                                 ACCESS_MASK DesiredAccess)
{
    PSID System = SeExports->SeLocalSystemSid, Administrators = SeExports->SeAliasAdminsSid;
    ULONG Ace = FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart);
    ULONG AclBytes =
        (ULONG)sizeof(ACL) + 2 * Ace + RtlLengthSid(System) + RtlLengthSid(Administrators);
    SECURITY_DESCRIPTOR *d;
    NTSTATUS Status;
    PACL Acl;

    *SecurityDescriptor = NULL;
    d = ExAllocatePoolWithTag(PagedPool, sizeof *d + AclBytes, FLTX_TAG);
    if (!d)
        return STATUS_INSUFFICIENT_RESOURCES;
    Acl = (PACL)(d + 1);
    Status = RtlCreateSecurityDescriptor(d, SECURITY_DESCRIPTOR_REVISION);
    if (NT_SUCCESS(Status))
        Status = RtlCreateAcl(Acl, AclBytes, ACL_REVISION);
    if (NT_SUCCESS(Status))
        Status = RtlAddAccessAllowedAce(Acl, ACL_REVISION, DesiredAccess, System);
    if (NT_SUCCESS(Status))
        Status = RtlAddAccessAllowedAce(Acl, ACL_REVISION, DesiredAccess, Administrators);
    if (NT_SUCCESS(Status))
        Status = RtlSetDaclSecurityDescriptor(d, TRUE, Acl, FALSE);
    if (!NT_SUCCESS(Status)) {
        ExFreePoolWithTag(d, FLTX_TAG);
        return Status;
    }
    *SecurityDescriptor = d;
    return STATUS_SUCCESS;
}

/* Gives back what FltBuildDefaultSecurityDescriptor made. IRQL: <= APC_LEVEL
 * (nf-fltkernel-fltfreesecuritydescriptor). */
VOID NTAPI FltFreeSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    ExFreePoolWithTag(SecurityDescriptor, FLTX_TAG);
}

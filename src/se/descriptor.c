/* SPDX-License-Identifier: MIT */
/*
 * descriptor.c - security descriptors: their size, reading parts of one, replacing parts of one. A descriptor comes
 * absolute (pointers) or self-relative (offsets from its start); both are read, self-relative ones are made.
 */
#include "se/se.h"

#include <string.h>

typedef struct _PARTS {
    const SID *Owner, *Group;
    const ACL *Sacl, *Dacl;
    SECURITY_DESCRIPTOR_CONTROL Control;
} PARTS;

static ULONG SidBytes(const SID *Sid)
{
    return Sid ? FIELD_OFFSET(SID, SubAuthority) + Sid->SubAuthorityCount * (ULONG)sizeof(ULONG) : 0;
}

static ULONG AclBytes(const ACL *Acl)
{
    return Acl ? Acl->AclSize : 0;
}

static ULONG Round4(ULONG Bytes)
{
    return (Bytes + 3) & ~3u;
}

static const void *At(const SECURITY_DESCRIPTOR_RELATIVE *Descriptor, ULONG Offset)
{
    return Offset ? (const UCHAR *)Descriptor + Offset : NULL;
}

static PARTS Take(PSECURITY_DESCRIPTOR Descriptor)
{
    const SECURITY_DESCRIPTOR_RELATIVE *Relative = Descriptor;
    const SECURITY_DESCRIPTOR *Absolute = Descriptor;
    PARTS p = {.Control = Relative->Control};

    if (p.Control & SE_SELF_RELATIVE) {
        p.Owner = At(Relative, Relative->Owner);
        p.Group = At(Relative, Relative->Group);
        p.Sacl = p.Control & SE_SACL_PRESENT ? At(Relative, Relative->Sacl) : NULL;
        p.Dacl = p.Control & SE_DACL_PRESENT ? At(Relative, Relative->Dacl) : NULL;
    } else {
        p.Owner = Absolute->Owner;
        p.Group = Absolute->Group;
        p.Sacl = p.Control & SE_SACL_PRESENT ? Absolute->Sacl : NULL;
        p.Dacl = p.Control & SE_DACL_PRESENT ? Absolute->Dacl : NULL;
    }
    return p;
}

static ULONG Bytes(const PARTS *p)
{
    return (ULONG)sizeof(SECURITY_DESCRIPTOR_RELATIVE) + Round4(SidBytes(p->Owner)) + Round4(SidBytes(p->Group)) +
           Round4(AclBytes(p->Sacl)) + Round4(AclBytes(p->Dacl));
}

/* Appends a part and returns its offset; 0 for a part that is not there. */
static ULONG Put(PUCHAR Out, PULONG Used, const void *Part, ULONG Size)
{
    ULONG Offset = *Used;

    if (!Part)
        return 0;
    memcpy(Out + Offset, Part, Size);
    *Used += Round4(Size);
    return Offset;
}

/* Out has room for Bytes(p). */
static void Build(const PARTS *p, PVOID Out)
{
    SECURITY_DESCRIPTOR_RELATIVE *To = Out;
    ULONG Used = sizeof *To;

    memset(Out, 0, Bytes(p));
    To->Revision = SECURITY_DESCRIPTOR_REVISION;
    To->Control = p->Control | SE_SELF_RELATIVE;
    To->Sacl = Put(Out, &Used, p->Sacl, AclBytes(p->Sacl));
    To->Dacl = Put(Out, &Used, p->Dacl, AclBytes(p->Dacl));
    To->Owner = Put(Out, &Used, p->Owner, SidBytes(p->Owner));
    To->Group = Put(Out, &Used, p->Group, SidBytes(p->Group));
}

/* Bytes a descriptor takes: the parts of an absolute one included (nf-ntifs-rtllengthsecuritydescriptor). */
ULONG NTAPI RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    PARTS p = Take(SecurityDescriptor);

    return Bytes(&p);
}

/*
 * Copies the parts named by SecurityInformation into a caller's buffer, self-relative. *Length is the room and becomes
 * what is needed. A NULL source gives an empty descriptor. STATUS_BUFFER_TOO_SMALL
 * (nf-ntifs-sequerysecuritydescriptorinfo).
 */
NTSTATUS NTAPI SeQuerySecurityDescriptorInfo(PSECURITY_INFORMATION SecurityInformation,
                                             PSECURITY_DESCRIPTOR SecurityDescriptor, PULONG Length,
                                             PSECURITY_DESCRIPTOR *ObjectsSecurityDescriptor)
{
    SECURITY_INFORMATION Which = *SecurityInformation;
    PARTS p = {0}, Out = {0};
    ULONG Needed;

    if (*ObjectsSecurityDescriptor)
        p = Take(*ObjectsSecurityDescriptor);
    if (Which & OWNER_SECURITY_INFORMATION) {
        Out.Owner = p.Owner;
        Out.Control |= p.Control & SE_OWNER_DEFAULTED;
    }
    if (Which & GROUP_SECURITY_INFORMATION) {
        Out.Group = p.Group;
        Out.Control |= p.Control & SE_GROUP_DEFAULTED;
    }
    if (Which & DACL_SECURITY_INFORMATION) {
        Out.Dacl = p.Dacl;
        Out.Control |= p.Control & (SE_DACL_PRESENT | SE_DACL_DEFAULTED | SE_DACL_PROTECTED | SE_DACL_AUTO_INHERITED);
    }
    if (Which & SACL_SECURITY_INFORMATION) {
        Out.Sacl = p.Sacl;
        Out.Control |= p.Control & (SE_SACL_PRESENT | SE_SACL_DEFAULTED | SE_SACL_PROTECTED | SE_SACL_AUTO_INHERITED);
    }
    Needed = Bytes(&Out);
    if (*Length < Needed) {
        *Length = Needed;
        return STATUS_BUFFER_TOO_SMALL;
    }
    *Length = Needed;
    Build(&Out, SecurityDescriptor);
    return STATUS_SUCCESS;
}

/*
 * Replaces the named parts of an object's descriptor by those of another. *ObjectsSecurityDescriptor is the old one,
 * which stays the caller's, and becomes a new one from pool, also the caller's. Generic rights are not mapped here:
 * what drivers write is kept as written. STATUS_NO_SECURITY_ON_OBJECT, STATUS_INVALID_OWNER, STATUS_INSUFFICIENT_RESOURCES
 * (nf-ntifs-sesetsecuritydescriptorinfo).
 */
NTSTATUS NTAPI SeSetSecurityDescriptorInfo(PVOID Object, PSECURITY_INFORMATION SecurityInformation,
                                           PSECURITY_DESCRIPTOR ModificationDescriptor,
                                           PSECURITY_DESCRIPTOR *ObjectsSecurityDescriptor, POOL_TYPE PoolType,
                                           PGENERIC_MAPPING GenericMapping)
{
    SECURITY_INFORMATION Which = *SecurityInformation;
    SECURITY_DESCRIPTOR_CONTROL Dacl = SE_DACL_PRESENT | SE_DACL_DEFAULTED | SE_DACL_PROTECTED | SE_DACL_AUTO_INHERITED;
    SECURITY_DESCRIPTOR_CONTROL Sacl = SE_SACL_PRESENT | SE_SACL_DEFAULTED | SE_SACL_PROTECTED | SE_SACL_AUTO_INHERITED;
    PARTS Old, New;
    PVOID Made;

    if (!*ObjectsSecurityDescriptor)
        return STATUS_NO_SECURITY_ON_OBJECT;
    Old = Take(*ObjectsSecurityDescriptor);
    New = Take(ModificationDescriptor);
    if (Which & OWNER_SECURITY_INFORMATION) {
        if (!New.Owner)
            return STATUS_INVALID_OWNER;
        Old.Owner = New.Owner;
    }
    if (Which & GROUP_SECURITY_INFORMATION) {
        if (!New.Group)
            return STATUS_INVALID_PRIMARY_GROUP;
        Old.Group = New.Group;
    }
    if (Which & DACL_SECURITY_INFORMATION) {
        Old.Dacl = New.Dacl;
        Old.Control = (SECURITY_DESCRIPTOR_CONTROL)((Old.Control & ~Dacl) | (New.Control & Dacl));
    }
    if (Which & SACL_SECURITY_INFORMATION) {
        Old.Sacl = New.Sacl;
        Old.Control = (SECURITY_DESCRIPTOR_CONTROL)((Old.Control & ~Sacl) | (New.Control & Sacl));
    }
    Made = ExAllocatePoolWithTag(PoolType, Bytes(&Old), 0x64536553u);
    if (!Made)
        return STATUS_INSUFFICIENT_RESOURCES;
    Build(&Old, Made);
    *ObjectsSecurityDescriptor = Made;
    return STATUS_SUCCESS;
}

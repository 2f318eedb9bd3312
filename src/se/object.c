/* SPDX-License-Identifier: MIT */
/* What an object's owner does with its descriptor: show parts of it and replace parts of it. */
#include "se/sep.h"
#include "ke/try.h"

#include <string.h>

/* Which SECURITY_INFORMATION an ACE of a SACL belongs to. */
static SECURITY_INFORMATION KindOfSystemAce(const ACE_HEADER *Ace)
{
    switch (Ace->AceType) {
    case SYSTEM_MANDATORY_LABEL_ACE_TYPE:
        return LABEL_SECURITY_INFORMATION;
    case SEX_RESOURCE_ATTRIBUTE_ACE_TYPE:
        return ATTRIBUTE_SECURITY_INFORMATION;
    case SEX_SCOPED_POLICY_ACE_TYPE:
        return SCOPE_SECURITY_INFORMATION;
    default:
        return SACL_SECURITY_INFORMATION;
    }
}

#define SACL_PARTS                                                                                 \
    (SACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION | ATTRIBUTE_SECURITY_INFORMATION |     \
     SCOPE_SECURITY_INFORMATION)

/* What BACKUP stands for: everything there is. */
static SECURITY_INFORMATION Expand(SECURITY_INFORMATION Information)
{
    if (Information & BACKUP_SECURITY_INFORMATION)
        Information |= OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
                       DACL_SECURITY_INFORMATION | SACL_PARTS;
    return Information;
}

/* Bytes that the ACEs of a list take which are of the wanted kinds. */
static ULONG SizeOfKinds(const ACL *Acl, SECURITY_INFORMATION Kinds)
{
    const ACE_HEADER *Ace = Acl ? SexFirstAce(Acl) : NULL;
    ULONG Size = 0;

    for (unsigned i = 0; Acl && i < Acl->AceCount; i++, Ace = SexNextAce(Ace))
        if (KindOfSystemAce(Ace) & Kinds)
            Size += Ace->AceSize;
    return Size;
}

static void AppendKinds(PACL To, const ACL *From, SECURITY_INFORMATION Kinds)
{
    const ACE_HEADER *Ace = From ? SexFirstAce(From) : NULL;

    for (unsigned i = 0; From && i < From->AceCount; i++, Ace = SexNextAce(Ace))
        if (KindOfSystemAce(Ace) & Kinds)
            SexAppendAce(To, Ace, Ace->AceSize);
}

/*
 * A SACL made of the ACEs of Kinds from one list and of the other kinds from another; both may be
 * NULL. *Sacl is pool memory, or NULL when there was no list at all.
 */
static NTSTATUS JoinSacl(const ACL *New, SECURITY_INFORMATION Kinds, const ACL *Old,
                         SECURITY_INFORMATION OldKinds, PACL *Sacl)
{
    ULONG Size = (ULONG)sizeof(ACL) + SizeOfKinds(New, Kinds) + SizeOfKinds(Old, OldKinds);
    UCHAR Revision = ACL_REVISION;

    *Sacl = NULL;
    if (!New && !Old)
        return STATUS_SUCCESS;
    if (Size > SEX_ACL_LIMIT)
        return STATUS_INVALID_ACL;
    *Sacl = ExAllocatePoolWithTag(PagedPool, Size, SEX_POOL_TAG);
    if (!*Sacl)
        return STATUS_INSUFFICIENT_RESOURCES;
    Revision = New && New->AclRevision > Revision ? New->AclRevision : Revision;
    Revision = Old && Old->AclRevision > Revision ? Old->AclRevision : Revision;
    SexEmptyAcl(*Sacl, Revision, Size);
    AppendKinds(*Sacl, New, Kinds);
    AppendKinds(*Sacl, Old, OldKinds);
    return STATUS_SUCCESS;
}

static void FreeAcl(PACL Acl)
{
    if (Acl)
        ExFreePoolWithTag(Acl, SEX_POOL_TAG);
}

/* ---- query ----------------------------------------------------------------------------------- */

/* The parts of View that Information asks for. *Owned: a SACL to free. */
static NTSTATUS SelectParts(SEX_VIEW *View, SECURITY_INFORMATION Information, PACL *Owned)
{
    const SECURITY_DESCRIPTOR_CONTROL OfDacl = SE_DACL_PRESENT | SE_DACL_DEFAULTED |
                                               SE_DACL_AUTO_INHERITED | SE_DACL_AUTO_INHERIT_REQ |
                                               SE_DACL_PROTECTED | SE_DACL_UNTRUSTED;
    const SECURITY_DESCRIPTOR_CONTROL OfSacl = SE_SACL_PRESENT | SE_SACL_DEFAULTED |
                                               SE_SACL_AUTO_INHERITED | SE_SACL_AUTO_INHERIT_REQ |
                                               SE_SACL_PROTECTED;
    SECURITY_DESCRIPTOR_CONTROL Keep = SE_RM_CONTROL_VALID | SE_SERVER_SECURITY;
    NTSTATUS Status = STATUS_SUCCESS;

    *Owned = NULL;
    if (Information & OWNER_SECURITY_INFORMATION)
        Keep |= SE_OWNER_DEFAULTED;
    else
        View->Owner = NULL;
    if (Information & GROUP_SECURITY_INFORMATION)
        Keep |= SE_GROUP_DEFAULTED;
    else
        View->Group = NULL;
    if (Information & DACL_SECURITY_INFORMATION)
        Keep |= OfDacl;
    else
        View->Dacl = NULL;
    if (Information & SACL_PARTS) {
        Keep |= OfSacl;
        Status = JoinSacl(View->Sacl, Information & SACL_PARTS, NULL, 0, Owned);
        View->Sacl = *Owned;
    } else {
        View->Sacl = NULL;
    }
    View->Control &= Keep;
    return Status;
}

typedef struct _STORE {
    void *To;
    const void *From;
    ULONG Bytes;
} STORE;

static void Store(void *Argument)
{
    STORE *s = Argument;

    memcpy(s->To, s->From, s->Bytes);
}

/*
 * Copies the parts named by *SecurityInformation into the caller's buffer, self-relative. *Length
 * becomes the size needed; STATUS_BUFFER_TOO_SMALL when the buffer has less. An object without a
 * descriptor gives an empty one. A SACL shows the ACEs asked for only: labels with
 * LABEL_SECURITY_INFORMATION, auditing with SACL_SECURITY_INFORMATION. The buffer may be user
 * memory; a fault there comes back as the status. PASSIVE_LEVEL.
 * nf-ntifs-sequerysecuritydescriptorinfo
 */
NTSTATUS NTAPI SeQuerySecurityDescriptorInfo(PSECURITY_INFORMATION SecurityInformation,
                                             PSECURITY_DESCRIPTOR SecurityDescriptor, PULONG Length,
                                             PSECURITY_DESCRIPTOR *ObjectsSecurityDescriptor)
{
    SEX_VIEW View = {0};
    PACL Owned = NULL;
    ULONG Given = *Length, Needed;
    PSECURITY_DESCRIPTOR Copy;
    NTSTATUS Status;
    STORE s;

    if (*ObjectsSecurityDescriptor) {
        View = SexReadDescriptor(*ObjectsSecurityDescriptor);
        Status = SelectParts(&View, Expand(*SecurityInformation), &Owned);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    Needed = SexRelativeSize(&View);
    *Length = Needed;
    if (Given < Needed) {
        FreeAcl(Owned);
        return STATUS_BUFFER_TOO_SMALL;
    }
    /* Made in memory of our own first: the object's lock may be held, and the buffer may need
     * paging I/O. */
    Status = SexCopyRelative(&View, PagedPool, &Copy);
    FreeAcl(Owned);
    if (!NT_SUCCESS(Status))
        return Status;
    s = (STORE){SecurityDescriptor, Copy, Needed};
    Status = KexTry(Store, &s);
    ExFreePoolWithTag(Copy, SEX_POOL_TAG);
    return Status;
}

/* ---- set ------------------------------------------------------------------------------------- */

/*
 * A copy of a DACL whose masks are in the object's own rights. Inherited: only with the ACEs of the
 * explicit kind, and behind them the inherited ones of the object (SEF_DACL_AUTO_INHERIT keeps
 * those).
 */
static NTSTATUS MapDacl(const ACL *New, const ACL *Inherited, const GENERIC_MAPPING *Mapping,
                        PACL *Dacl)
{
    const ACL *From[] = {New, Inherited};
    ULONG Size = (ULONG)sizeof(ACL);
    UCHAR Revision = New->AclRevision;

    for (int i = 0; i < 2; i++) {
        const ACE_HEADER *Ace = From[i] ? SexFirstAce(From[i]) : NULL;
        for (unsigned n = 0; From[i] && n < From[i]->AceCount; n++, Ace = SexNextAce(Ace))
            Size += Ace->AceSize;
    }
    if (Inherited && Inherited->AclRevision > Revision)
        Revision = Inherited->AclRevision;
    if (Size > SEX_ACL_LIMIT)
        return STATUS_INVALID_ACL;
    *Dacl = ExAllocatePoolWithTag(PagedPool, Size, SEX_POOL_TAG);
    if (!*Dacl)
        return STATUS_INSUFFICIENT_RESOURCES;
    SexEmptyAcl(*Dacl, Revision, Size);
    for (int i = 0; i < 2; i++) {
        const ACE_HEADER *Ace = From[i] ? SexFirstAce(From[i]) : NULL;
        for (unsigned n = 0; From[i] && n < From[i]->AceCount; n++, Ace = SexNextAce(Ace)) {
            PACE_HEADER Copy;
            if (Inherited && ((Ace->AceFlags & INHERITED_ACE) != 0) != (i == 1))
                continue;
            Copy = SexAppendAce(*Dacl, Ace, Ace->AceSize);
            if (SexAceSid(Copy))
                RtlMapGenericMask(&((ACCESS_ALLOWED_ACE *)Copy)->Mask, Mapping);
        }
    }
    (*Dacl)->AclSize = (USHORT)SexAclUsed(*Dacl);
    return STATUS_SUCCESS;
}

static void Replace(SECURITY_DESCRIPTOR_CONTROL *Control, SECURITY_DESCRIPTOR_CONTROL From,
                    SECURITY_DESCRIPTOR_CONTROL Bits)
{
    *Control = (SECURITY_DESCRIPTOR_CONTROL)((*Control & ~Bits) | (From & Bits));
}

/* PROTECTED_ and UNPROTECTED_ win over what the new descriptor's control says. */
static void Protect(SECURITY_DESCRIPTOR_CONTROL *Control, SECURITY_INFORMATION Information,
                    SECURITY_INFORMATION On, SECURITY_INFORMATION Off,
                    SECURITY_DESCRIPTOR_CONTROL Bit)
{
    if (Information & On)
        *Control |= Bit;
    else if (Information & Off)
        *Control &= (SECURITY_DESCRIPTOR_CONTROL)~Bit;
}

static NTSTATUS SetDacl(SEX_VIEW *View, const SEX_VIEW *New, SECURITY_INFORMATION Information,
                        ULONG AutoInherit, const GENERIC_MAPPING *Mapping, PACL *Owned)
{
    SECURITY_DESCRIPTOR_CONTROL Control = View->Control,
                                Bits = SE_DACL_PRESENT | SE_DACL_DEFAULTED | SE_DACL_PROTECTED;
    const ACL *Old = View->Dacl;
    NTSTATUS Status = STATUS_SUCCESS;

    Replace(&Control, New->Control, Bits);
    Protect(&Control, Information, PROTECTED_DACL_SECURITY_INFORMATION,
            UNPROTECTED_DACL_SECURITY_INFORMATION, SE_DACL_PROTECTED);
    /* Inherited ACEs are marked as such when the caller asked for it, or this call made them so. */
    Control &= (SECURITY_DESCRIPTOR_CONTROL)~SE_DACL_AUTO_INHERITED;
    if ((AutoInherit & SEF_DACL_AUTO_INHERIT) ||
        (New->Control & (SE_DACL_AUTO_INHERIT_REQ | SE_DACL_AUTO_INHERITED)) ==
            (SE_DACL_AUTO_INHERIT_REQ | SE_DACL_AUTO_INHERITED))
        Control |= SE_DACL_AUTO_INHERITED;
    if (!(AutoInherit & SEF_DACL_AUTO_INHERIT) || (Control & SE_DACL_PROTECTED))
        Old = NULL;
    if (New->Dacl)
        Status = MapDacl(New->Dacl, Old, Mapping, Owned);
    View->Dacl = *Owned;
    View->Control = Control;
    return Status;
}

static NTSTATUS SetSacl(SEX_VIEW *View, const SEX_VIEW *New, SECURITY_INFORMATION Information,
                        PACL *Owned)
{
    SECURITY_INFORMATION Kinds = Information & SACL_PARTS;
    NTSTATUS Status = JoinSacl(New->Sacl, Kinds, View->Sacl, SACL_PARTS & ~Kinds, Owned);

    View->Sacl = *Owned;
    if (Kinds & SACL_SECURITY_INFORMATION)
        Replace(&View->Control, New->Control,
                SE_SACL_PRESENT | SE_SACL_DEFAULTED | SE_SACL_PROTECTED);
    if (*Owned)
        View->Control |= SE_SACL_PRESENT;
    Protect(&View->Control, Information, PROTECTED_SACL_SECURITY_INFORMATION,
            UNPROTECTED_SACL_SECURITY_INFORMATION, SE_SACL_PROTECTED);
    return Status;
}

static NTSTATUS SetOwnerAndGroup(SEX_VIEW *View, const SEX_VIEW *New,
                                 SECURITY_INFORMATION Information, ULONG AutoInherit)
{
    if (Information & OWNER_SECURITY_INFORMATION) {
        if (!New->Owner || !RtlValidSid(New->Owner))
            return STATUS_INVALID_OWNER;
        if (!(AutoInherit & SEF_AVOID_OWNER_CHECK) && !SexMayOwn(New->Owner))
            return STATUS_INVALID_OWNER;
        View->Owner = New->Owner;
        Replace(&View->Control, New->Control, SE_OWNER_DEFAULTED);
    }
    if (Information & GROUP_SECURITY_INFORMATION) {
        if (!New->Group || !RtlValidSid(New->Group))
            return STATUS_INVALID_PRIMARY_GROUP;
        View->Group = New->Group;
        Replace(&View->Control, New->Control, SE_GROUP_DEFAULTED);
    }
    return STATUS_SUCCESS;
}

/*
 * Makes a new descriptor from the object's and the parts of ModificationDescriptor that
 * *SecurityInformation names, and puts it into *ObjectsSecurityDescriptor: pool memory that is the
 * caller's, as is the one it replaces. SEF_DACL_AUTO_INHERIT keeps the object's inherited ACEs and
 * takes only explicit ones. A new owner must be one the subject may name: itself, a group marked as
 * owner, or anyone with SeRestorePrivilege. STATUS_NO_SECURITY_ON_OBJECT,
 * STATUS_BAD_DESCRIPTOR_FORMAT (object's one not self-relative), STATUS_INVALID_OWNER,
 * STATUS_INVALID_PRIMARY_GROUP, STATUS_INVALID_ACL, STATUS_INSUFFICIENT_RESOURCES. PASSIVE_LEVEL.
 * nf-ntifs-sesetsecuritydescriptorinfoex
 */
NTSTATUS NTAPI SeSetSecurityDescriptorInfoEx(PVOID Object,
                                             PSECURITY_INFORMATION SecurityInformation,
                                             PSECURITY_DESCRIPTOR ModificationDescriptor,
                                             PSECURITY_DESCRIPTOR *ObjectsSecurityDescriptor,
                                             ULONG AutoInheritFlags, POOL_TYPE PoolType,
                                             PGENERIC_MAPPING GenericMapping)
{
    SECURITY_INFORMATION Information = Expand(*SecurityInformation);
    PACL Dacl = NULL, Sacl = NULL;
    SEX_VIEW View, New;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(Object);
    if (!*ObjectsSecurityDescriptor)
        return STATUS_NO_SECURITY_ON_OBJECT;
    View = SexReadDescriptor(*ObjectsSecurityDescriptor);
    if (!(View.Control & SE_SELF_RELATIVE))
        return STATUS_BAD_DESCRIPTOR_FORMAT;
    New = SexReadDescriptor(ModificationDescriptor);
    Status = SetOwnerAndGroup(&View, &New, Information, AutoInheritFlags);
    if (NT_SUCCESS(Status) && (Information & DACL_SECURITY_INFORMATION))
        Status = SetDacl(&View, &New, Information, AutoInheritFlags, GenericMapping, &Dacl);
    if (NT_SUCCESS(Status) && (Information & SACL_PARTS))
        Status = SetSacl(&View, &New, Information, &Sacl);
    if (NT_SUCCESS(Status))
        Status = SexCopyRelative(&View, PoolType, ObjectsSecurityDescriptor);
    FreeAcl(Dacl);
    FreeAcl(Sacl);
    return Status;
}

/* The same without automatic inheritance. nf-ntifs-sesetsecuritydescriptorinfo */
NTSTATUS NTAPI SeSetSecurityDescriptorInfo(PVOID Object, PSECURITY_INFORMATION SecurityInformation,
                                           PSECURITY_DESCRIPTOR SecurityDescriptor,
                                           PSECURITY_DESCRIPTOR *ObjectsSecurityDescriptor,
                                           POOL_TYPE PoolType, PGENERIC_MAPPING GenericMapping)
{
    return SeSetSecurityDescriptorInfoEx(Object, SecurityInformation, SecurityDescriptor,
                                         ObjectsSecurityDescriptor, 0, PoolType, GenericMapping);
}

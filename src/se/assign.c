/* SPDX-License-Identifier: MIT */
/*
 * assign.c - the descriptor of a new object: what its creator gave, what its parent hands down,
 * what the creator's token has for such cases.
 */
#include "se/sep.h"

#include <string.h>

#define INHERITANCE (OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE | NO_PROPAGATE_INHERIT_ACE)

/* An ACL in the making. The first pass has no list and only counts bytes. */
typedef struct _MAKE {
    PACL Acl;
    ULONG Bytes;
    ULONG Revision;
    bool Directory;
    PSID Owner, Group;
    const GENERIC_MAPPING *Mapping;
} MAKE;

static PSID PlainSid(const SEX_SID *Sid)
{
    return (PSID)(uintptr_t)Sid;
}

static void Emit(MAKE *m, const ACE_HEADER *Ace, UCHAR Flags)
{
    m->Bytes += Ace->AceSize;
    if (m->Acl)
        SexAppendAce(m->Acl, Ace, Ace->AceSize)->AceFlags = Flags;
}

/* The ACE as it works on the object itself: creator SIDs are who they stand for, rights are the
 * object's own. */
static void EmitEffective(MAKE *m, const ACE_HEADER *Ace, PSID Sid, UCHAR Flags)
{
    ULONG Start = FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart), Size = Start + RtlLengthSid(Sid);
    ACCESS_ALLOWED_ACE *To;

    m->Bytes += Size;
    if (!m->Acl)
        return;
    To = (ACCESS_ALLOWED_ACE *)SexAppendAce(m->Acl, Ace, Start);
    memcpy((UCHAR *)To + Start, Sid, RtlLengthSid(Sid));
    To->Header.AceSize = (USHORT)Size;
    To->Header.AceFlags = Flags;
    RtlMapGenericMask(&To->Mask, m->Mapping);
}

/*
 * One ACE for the new object. Kept: the inheritance flags it hands further down. Where what works
 * here differs from what is handed down (creator SIDs, generic rights), it takes two ACEs.
 */
static void AddAce(MAKE *m, const ACE_HEADER *Ace, bool Effective, UCHAR Kept, UCHAR Mark)
{
    const ACCESS_MASK Generic = GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL;
    UCHAR Audit = Ace->AceFlags & (SUCCESSFUL_ACCESS_ACE_FLAG | FAILED_ACCESS_ACE_FLAG);
    PSID Sid = SexAceSid(Ace), Real = Sid;

    if (!Effective) {
        if (Kept & (OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE))
            Emit(m, Ace, Kept | INHERIT_ONLY_ACE | Mark | Audit);
        return;
    }
    if (!Sid || Ace->AceType == SYSTEM_MANDATORY_LABEL_ACE_TYPE) {
        Emit(m, Ace, Kept | Mark | Audit);
        return;
    }
    if (RtlEqualSid(Sid, PlainSid(&SexCreatorOwnerSid)))
        Real = m->Owner;
    else if (RtlEqualSid(Sid, PlainSid(&SexCreatorGroupSid)) && m->Group)
        Real = m->Group;
    if ((Kept & (OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE)) &&
        (Real != Sid || (((const ACCESS_ALLOWED_ACE *)Ace)->Mask & Generic))) {
        EmitEffective(m, Ace, Real, Mark | Audit);
        Emit(m, Ace, Kept | INHERIT_ONLY_ACE | Mark | Audit);
    } else {
        EmitEffective(m, Ace, Real, Kept | Mark | Audit);
    }
}

/* What a parent's list hands down to this kind of object. */
static void AddInherited(MAKE *m, const ACL *Parent, UCHAR Mark)
{
    const ACE_HEADER *Ace = Parent ? SexFirstAce(Parent) : NULL;

    for (unsigned i = 0; Parent && i < Parent->AceCount; i++, Ace = SexNextAce(Ace)) {
        UCHAR Kept = Ace->AceFlags & NO_PROPAGATE_INHERIT_ACE ? 0 : Ace->AceFlags & INHERITANCE;
        if (!m->Directory) {
            if (Ace->AceFlags & OBJECT_INHERIT_ACE)
                AddAce(m, Ace, true, 0, Mark);
        } else if (Ace->AceFlags & CONTAINER_INHERIT_ACE) {
            AddAce(m, Ace, true, Kept, Mark);
        } else if (Ace->AceFlags & OBJECT_INHERIT_ACE) {
            AddAce(m, Ace, false, Kept, Mark);
        }
    }
}

/* What the creator wrote; the marks of another object's inheritance are not taken over with
 * automatic inheritance. */
static void AddExplicit(MAKE *m, const ACL *Explicit, bool Automatic)
{
    const ACE_HEADER *Ace = Explicit ? SexFirstAce(Explicit) : NULL;

    for (unsigned i = 0; Explicit && i < Explicit->AceCount; i++, Ace = SexNextAce(Ace)) {
        if (Automatic && (Ace->AceFlags & INHERITED_ACE))
            continue;
        AddAce(m, Ace, !(Ace->AceFlags & INHERIT_ONLY_ACE), Ace->AceFlags & INHERITANCE,
               Ace->AceFlags & INHERITED_ACE);
    }
}

/* One of the two lists of the new descriptor, decided by the table of nf-wdm-seassignsecurityex. */
typedef struct _CHOICE {
    const ACL *Explicit, *Parent, *Default;
    bool Present; /* the creator gave a list, if only a NULL one */
    bool Weak;    /* ... which is a default that gives way to inheritance */
    bool Protected, Automatic;
} CHOICE;

static void Fill(MAKE *m, const CHOICE *c)
{
    UCHAR Mark = c->Automatic ? INHERITED_ACE : 0;

    m->Bytes = sizeof(ACL);
    if (c->Present && !c->Weak) {
        AddExplicit(m, c->Explicit, c->Automatic);
        if (c->Automatic && !c->Protected)
            AddInherited(m, c->Parent, Mark);
        return;
    }
    if (!c->Protected)
        AddInherited(m, c->Parent, Mark);
    if (m->Bytes == sizeof(ACL))
        AddExplicit(m, c->Present ? c->Explicit : c->Default, false);
}

/* *Acl stays NULL when there is nothing to make it of, or the creator's list is NULL. */
static NTSTATUS MakeAcl(MAKE *m, const CHOICE *c, PACL *Acl)
{
    const ACL *From[] = {c->Explicit, c->Parent, c->Default};

    *Acl = NULL;
    if (c->Present && !c->Weak && !c->Explicit)
        return STATUS_SUCCESS;
    m->Acl = NULL;
    m->Revision = ACL_REVISION;
    for (int i = 0; i < 3; i++)
        if (From[i] && From[i]->AclRevision > m->Revision)
            m->Revision = From[i]->AclRevision;
    Fill(m, c);
    if (m->Bytes == sizeof(ACL) && !(c->Present && c->Explicit))
        return STATUS_SUCCESS;
    if (m->Bytes > SEX_ACL_LIMIT)
        return STATUS_BAD_INHERITANCE_ACL;
    m->Acl = ExAllocatePoolWithTag(PagedPool, m->Bytes, SEX_POOL_TAG);
    if (!m->Acl)
        return STATUS_INSUFFICIENT_RESOURCES;
    SexEmptyAcl(m->Acl, m->Revision, m->Bytes);
    Fill(m, c);
    *Acl = m->Acl;
    return STATUS_SUCCESS;
}

static bool HasAuditAce(const ACL *Acl)
{
    const ACE_HEADER *Ace = Acl ? SexFirstAce(Acl) : NULL;

    for (unsigned i = 0; Acl && i < Acl->AceCount; i++, Ace = SexNextAce(Ace))
        if (Ace->AceType != SYSTEM_MANDATORY_LABEL_ACE_TYPE)
            return true;
    return false;
}

static bool TokenMayOwn(const TOKEN *t, PSID Sid)
{
    if (RtlEqualSid(PlainSid(t->User), Sid) ||
        SexTokenHasPrivilege(t, SexPrivilege(SE_RESTORE_PRIVILEGE)))
        return true;
    for (ULONG i = 0; i < t->GroupCount; i++)
        if ((t->Groups[i].Attributes & SE_GROUP_OWNER) && RtlEqualSid(t->Groups[i].Sid, Sid))
            return true;
    return false;
}

bool SexMayOwn(PSID Sid)
{
    SECURITY_SUBJECT_CONTEXT Subject;
    const TOKEN *t;
    bool May;

    SeCaptureSubjectContext(&Subject);
    t = SexSubjectToken(&Subject);
    May = !t || TokenMayOwn(t, Sid);
    SeReleaseSubjectContext(&Subject);
    return May;
}

/* Owner and group of the new object: explicit, else the parent's where asked for, else the token's.
 */
static NTSTATUS ChoosePrincipals(SEX_VIEW *New, const SEX_VIEW *Explicit, const SEX_VIEW *Parent,
                                 ULONG Flags, const TOKEN *Token)
{
    bool FromParent = (Flags & SEF_DEFAULT_OWNER_FROM_PARENT) && Parent->Owner;

    New->Owner = Explicit->Owner ? Explicit->Owner
                 : FromParent    ? Parent->Owner
                                 : PlainSid(Token->Owner);
    if (Explicit->Owner && !(Flags & SEF_AVOID_OWNER_CHECK) && !TokenMayOwn(Token, Explicit->Owner))
        return STATUS_INVALID_OWNER;
    FromParent = (Flags & SEF_DEFAULT_GROUP_FROM_PARENT) && Parent->Group;
    New->Group = Explicit->Group ? Explicit->Group
                 : FromParent    ? Parent->Group
                                 : PlainSid(Token->PrimaryGroup);
    return STATUS_SUCCESS;
}

static NTSTATUS ChooseAcls(SEX_VIEW *New, const SEX_VIEW *Explicit, const SEX_VIEW *Parent,
                           ULONG Flags, const TOKEN *Token, MAKE *m)
{
    bool Weak = (Flags & SEF_DEFAULT_DESCRIPTOR_FOR_OBJECT) != 0;
    CHOICE Dacl = {.Explicit = Explicit->Dacl,
                   .Parent = Parent->Dacl,
                   .Default = Token->DefaultDacl,
                   .Present = Explicit->Control & SE_DACL_PRESENT,
                   .Weak = Weak || (Explicit->Control & SE_DACL_DEFAULTED),
                   .Protected = Explicit->Control & SE_DACL_PROTECTED,
                   .Automatic = Flags & SEF_DACL_AUTO_INHERIT};
    CHOICE Sacl = {.Explicit = Explicit->Sacl,
                   .Parent = Parent->Sacl,
                   .Present = Explicit->Control & SE_SACL_PRESENT,
                   .Weak = Weak || (Explicit->Control & SE_SACL_DEFAULTED),
                   .Protected = Explicit->Control & SE_SACL_PROTECTED,
                   .Automatic = Flags & SEF_SACL_AUTO_INHERIT};
    NTSTATUS Status;

    if (HasAuditAce(Explicit->Sacl) && !(Flags & SEF_AVOID_PRIVILEGE_CHECK) &&
        !SexTokenHasPrivilege(Token, SexPrivilege(SE_SECURITY_PRIVILEGE)))
        return STATUS_PRIVILEGE_NOT_HELD;
    New->Control =
        Explicit->Control & (SE_DACL_PROTECTED | SE_SACL_PROTECTED | SE_RM_CONTROL_VALID);
    Status = MakeAcl(m, &Dacl, &New->Dacl);
    if (NT_SUCCESS(Status))
        Status = MakeAcl(m, &Sacl, &New->Sacl);
    if (New->Dacl || Dacl.Present)
        New->Control |= SE_DACL_PRESENT | (Dacl.Automatic ? SE_DACL_AUTO_INHERITED : 0);
    if (New->Sacl || Sacl.Present)
        New->Control |= SE_SACL_PRESENT | (Sacl.Automatic ? SE_SACL_AUTO_INHERITED : 0);
    return Status;
}

/*
 * Makes the descriptor of a new object, self-relative, in paged pool; SeDeassignSecurity frees it.
 * Either input may be NULL. ObjectType is for object ACEs, which are handed down like others here.
 * STATUS_INVALID_OWNER, STATUS_PRIVILEGE_NOT_HELD (an audit list without SeSecurityPrivilege),
 * STATUS_BAD_INHERITANCE_ACL, STATUS_INSUFFICIENT_RESOURCES. PASSIVE_LEVEL.
 * nf-wdm-seassignsecurityex
 */
NTSTATUS NTAPI SeAssignSecurityEx(PSECURITY_DESCRIPTOR ParentDescriptor,
                                  PSECURITY_DESCRIPTOR ExplicitDescriptor,
                                  PSECURITY_DESCRIPTOR *NewDescriptor, GUID *ObjectType,
                                  BOOLEAN IsDirectoryObject, ULONG AutoInheritFlags,
                                  PSECURITY_SUBJECT_CONTEXT SubjectContext,
                                  PGENERIC_MAPPING GenericMapping, POOL_TYPE PoolType)
{
    const TOKEN *Token = SexSubjectToken(SubjectContext);
    SEX_VIEW Explicit = {0}, Parent = {0}, New = {0};
    MAKE m = {.Directory = IsDirectoryObject, .Mapping = GenericMapping};
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(ObjectType);
    UNREFERENCED_PARAMETER(PoolType);
    if (!Token)
        return STATUS_NO_SECURITY_CONTEXT;
    if (ExplicitDescriptor)
        Explicit = SexReadDescriptor(ExplicitDescriptor);
    if (ParentDescriptor)
        Parent = SexReadDescriptor(ParentDescriptor);
    Status = ChoosePrincipals(&New, &Explicit, &Parent, AutoInheritFlags, Token);
    if (!NT_SUCCESS(Status))
        return Status;
    m.Owner = New.Owner;
    m.Group = New.Group;
    Status = ChooseAcls(&New, &Explicit, &Parent, AutoInheritFlags, Token, &m);
    if (NT_SUCCESS(Status))
        Status = SexCopyRelative(&New, PagedPool, NewDescriptor);
    if (New.Dacl)
        ExFreePoolWithTag(New.Dacl, SEX_POOL_TAG);
    if (New.Sacl)
        ExFreePoolWithTag(New.Sacl, SEX_POOL_TAG);
    return Status;
}

/* The same without automatic inheritance. nf-wdm-seassignsecurity */
NTSTATUS NTAPI SeAssignSecurity(PSECURITY_DESCRIPTOR ParentDescriptor,
                                PSECURITY_DESCRIPTOR ExplicitDescriptor,
                                PSECURITY_DESCRIPTOR *NewDescriptor, BOOLEAN IsDirectoryObject,
                                PSECURITY_SUBJECT_CONTEXT SubjectContext,
                                PGENERIC_MAPPING GenericMapping, POOL_TYPE PoolType)
{
    return SeAssignSecurityEx(ParentDescriptor, ExplicitDescriptor, NewDescriptor, NULL,
                              IsDirectoryObject, 0, SubjectContext, GenericMapping, PoolType);
}

/* Frees what SeAssignSecurity made and clears the pointer. PASSIVE_LEVEL. nf-wdm-sedeassignsecurity
 */
NTSTATUS NTAPI SeDeassignSecurity(PSECURITY_DESCRIPTOR *SecurityDescriptor)
{
    if (*SecurityDescriptor)
        ExFreePool(*SecurityDescriptor);
    *SecurityDescriptor = NULL;
    return STATUS_SUCCESS;
}

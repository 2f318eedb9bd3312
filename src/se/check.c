/* SPDX-License-Identifier: MIT */
/*
 * check.c - may this subject do that to this object? The mandatory label is asked first, then
 * privileges and ownership, then the DACL from its first ACE to its last.
 */
#include "se/sep.h"

#include <string.h>

/* ---- mandatory label ------------------------------------------------------------------------- */

static ULONG LastRid(const void *Sid)
{
    const SID *s = Sid;

    return s->SubAuthorityCount ? s->SubAuthority[s->SubAuthorityCount - 1] : 0;
}

/* Level and policy of an object; without a label it is medium and must not be written from below.
 */
static void ReadLabel(const ACL *Sacl, ULONG *Level, ULONG *Policy)
{
    const ACE_HEADER *Ace = Sacl ? SexFirstAce(Sacl) : NULL;

    *Level = SECURITY_MANDATORY_MEDIUM_RID;
    *Policy = SYSTEM_MANDATORY_LABEL_NO_WRITE_UP;
    for (unsigned i = 0; Sacl && i < Sacl->AceCount; i++, Ace = SexNextAce(Ace)) {
        PSID Sid = SexAceSid(Ace);
        if (Ace->AceType == SYSTEM_MANDATORY_LABEL_ACE_TYPE &&
            !(Ace->AceFlags & INHERIT_ONLY_ACE) && Sid) {
            *Level = LastRid(Sid);
            *Policy = ((const ACCESS_ALLOWED_ACE *)Ace)->Mask;
            return;
        }
    }
}

/* The rights that the label leaves open to this token, whatever the DACL says. */
static ACCESS_MASK AllowedByLabel(const TOKEN *Token, const SEX_VIEW *View,
                                  const GENERIC_MAPPING *Mapping)
{
    ACCESS_MASK Allowed = 0;
    ULONG Level, Policy;

    ReadLabel(View->Sacl, &Level, &Policy);
    if (LastRid(Token->Label) >= Level)
        return ~(ACCESS_MASK)0;
    if (!(Policy & SYSTEM_MANDATORY_LABEL_NO_READ_UP))
        Allowed |= Mapping->GenericRead;
    if (!(Policy & SYSTEM_MANDATORY_LABEL_NO_EXECUTE_UP))
        Allowed |= Mapping->GenericExecute;
    if (!(Policy & SYSTEM_MANDATORY_LABEL_NO_WRITE_UP))
        Allowed |= Mapping->GenericWrite;
    if (SexTokenHasPrivilege(Token, SexPrivilege(SE_RELABEL_PRIVILEGE)))
        Allowed |= WRITE_OWNER;
    return Allowed | MAXIMUM_ALLOWED | ACCESS_SYSTEM_SECURITY;
}

/* ---- DACL ------------------------------------------------------------------------------------ */

/*
 * Rights that the list gives out of Wanted: an ACE decides only about bits that none before it
 * decided. Wanted of all ones collects everything it has to give.
 */
static ACCESS_MASK WalkDacl(const TOKEN *Token, const ACL *Dacl, const SID *Owner,
                            ACCESS_MASK Wanted)
{
    const ACE_HEADER *Ace = SexFirstAce(Dacl);
    ACCESS_MASK Granted = 0, Denied = 0;

    for (unsigned i = 0; i < Dacl->AceCount; i++, Ace = SexNextAce(Ace)) {
        ACCESS_MASK Mask = ((const ACCESS_ALLOWED_ACE *)Ace)->Mask;
        bool Deny = Ace->AceType == ACCESS_DENIED_ACE_TYPE;
        PSID Sid;
        if (Ace->AceFlags & INHERIT_ONLY_ACE || (Ace->AceType != ACCESS_ALLOWED_ACE_TYPE && !Deny))
            continue;
        Sid = SexAceSid(Ace);
        if (!Sid)
            continue;
        /* OWNER RIGHTS stands for whoever owns the object. */
        if (RtlEqualSid(Sid, (PSID)(uintptr_t)&SexOwnerRightsSid) && Owner)
            Sid = (PSID)(uintptr_t)Owner;
        if (!SexTokenHasSid(Token, Sid, Deny))
            continue;
        if (Deny)
            Denied |= Mask & ~Granted;
        else
            Granted |= Mask & ~Denied;
        if (!(Wanted & ~(Granted | Denied)))
            break;
    }
    return Granted & Wanted;
}

/* READ_CONTROL and WRITE_DAC are the owner's, unless an ACE for OWNER RIGHTS says what the owner
 * gets. */
static ACCESS_MASK OwnersRights(const TOKEN *Token, const SEX_VIEW *View)
{
    const ACE_HEADER *Ace = View->Dacl ? SexFirstAce(View->Dacl) : NULL;

    if (!View->Owner || !SexTokenHasSid(Token, View->Owner, false))
        return 0;
    for (unsigned i = 0; View->Dacl && i < View->Dacl->AceCount; i++, Ace = SexNextAce(Ace)) {
        PSID Sid = Ace->AceFlags & INHERIT_ONLY_ACE ? NULL : SexAceSid(Ace);
        if (Sid && RtlEqualSid(Sid, (PSID)(uintptr_t)&SexOwnerRightsSid))
            return 0;
    }
    return READ_CONTROL | WRITE_DAC;
}

/* ---- the check ------------------------------------------------------------------------------- */

typedef struct _CHECK {
    const TOKEN *Token;
    const SEX_VIEW *View;
    const GENERIC_MAPPING *Mapping;
    ACCESS_MASK Desired, Previous, Granted;
    ULONG Used; /* privileges that were needed */
    LUID UsedWhich[2];
} CHECK;

static void Use(CHECK *c, ULONG Privilege, ACCESS_MASK Right)
{
    c->UsedWhich[c->Used++] = SexPrivilege(Privilege);
    c->Granted |= Right;
}

static NTSTATUS CheckAccess(CHECK *c)
{
    ACCESS_MASK Allowed = AllowedByLabel(c->Token, c->View, c->Mapping);
    ACCESS_MASK Wanted = c->Desired & ~c->Previous;
    bool Maximum = (Wanted & MAXIMUM_ALLOWED) != 0,
         NoDacl = !(c->View->Control & SE_DACL_PRESENT) || !c->View->Dacl;

    Wanted &= ~(ACCESS_MASK)MAXIMUM_ALLOWED;
    if (Wanted & ACCESS_SYSTEM_SECURITY) {
        if (!SexTokenHasPrivilege(c->Token, SexPrivilege(SE_SECURITY_PRIVILEGE)))
            return STATUS_PRIVILEGE_NOT_HELD;
        Use(c, SE_SECURITY_PRIVILEGE, ACCESS_SYSTEM_SECURITY);
    }
    if (Wanted & ~Allowed)
        return STATUS_ACCESS_DENIED;
    c->Granted |= OwnersRights(c->Token, c->View) & Allowed & (Maximum ? ~0u : Wanted);
    if (NoDacl)
        c->Granted |= Maximum ? (Wanted | c->Mapping->GenericAll) & Allowed : Wanted;
    else
        c->Granted |= WalkDacl(c->Token, c->View->Dacl, c->View->Owner,
                               Maximum ? ~0u : Wanted & ~c->Granted) &
                      Allowed;
    if ((Wanted & WRITE_OWNER) && !(c->Granted & WRITE_OWNER) &&
        SexTokenHasPrivilege(c->Token, SexPrivilege(SE_TAKE_OWNERSHIP_PRIVILEGE)))
        Use(c, SE_TAKE_OWNERSHIP_PRIVILEGE, WRITE_OWNER);
    c->Granted |= c->Previous;
    return (Wanted & ~c->Granted) || !(c->Granted & ~(ACCESS_MASK)MAXIMUM_ALLOWED)
               ? STATUS_ACCESS_DENIED
               : STATUS_SUCCESS;
}

/* What the check leaned on, for SeAppendPrivileges. Without memory the access still stands; only
 * its audit is thinner. */
static PPRIVILEGE_SET UsedPrivileges(const CHECK *c)
{
    PPRIVILEGE_SET Set;

    if (!c->Used)
        return NULL;
    Set = ExAllocatePoolWithTag(
        PagedPool, FIELD_OFFSET(PRIVILEGE_SET, Privilege) + c->Used * sizeof Set->Privilege[0],
        SEX_POOL_TAG);
    if (!Set)
        return NULL;
    Set->PrivilegeCount = c->Used;
    Set->Control = 0;
    for (ULONG i = 0; i < c->Used; i++)
        Set->Privilege[i] = (LUID_AND_ATTRIBUTES){c->UsedWhich[i], SE_PRIVILEGE_USED_FOR_ACCESS};
    return Set;
}

static BOOLEAN Answer(NTSTATUS Status, ACCESS_MASK Granted, PACCESS_MASK GrantedAccess,
                      PNTSTATUS AccessStatus)
{
    *GrantedAccess = NT_SUCCESS(Status) ? Granted : 0;
    *AccessStatus = Status;
    return NT_SUCCESS(Status);
}

/*
 * TRUE when the subject may have DesiredAccess; *AccessStatus says why not: STATUS_ACCESS_DENIED,
 * STATUS_PRIVILEGE_NOT_HELD (ACCESS_SYSTEM_SECURITY), STATUS_BAD_IMPERSONATION_LEVEL (a client that
 * may only be identified). KernelMode is never refused; MAXIMUM_ALLOWED gives it everything.
 * *Privileges, where asked for, is what the check used or NULL; it goes back with SeFreePrivileges.
 * PASSIVE_LEVEL. nf-wdm-seaccesscheck
 */
BOOLEAN NTAPI SeAccessCheck(PSECURITY_DESCRIPTOR SecurityDescriptor,
                            PSECURITY_SUBJECT_CONTEXT SubjectSecurityContext,
                            BOOLEAN SubjectContextLocked, ACCESS_MASK DesiredAccess,
                            ACCESS_MASK PreviouslyGrantedAccess, PPRIVILEGE_SET *Privileges,
                            PGENERIC_MAPPING GenericMapping, KPROCESSOR_MODE AccessMode,
                            PACCESS_MASK GrantedAccess, PNTSTATUS AccessStatus)
{
    CHECK c = {.Token = SexSubjectToken(SubjectSecurityContext),
               .Mapping = GenericMapping,
               .Previous = PreviouslyGrantedAccess};
    SEX_VIEW View;
    NTSTATUS Status;

    UNREFERENCED_PARAMETER(SubjectContextLocked);
    if (Privileges)
        *Privileges = NULL;
    RtlMapGenericMask(&DesiredAccess, GenericMapping);
    if (AccessMode == KernelMode) {
        if (DesiredAccess & MAXIMUM_ALLOWED)
            DesiredAccess =
                (DesiredAccess & ~(ACCESS_MASK)MAXIMUM_ALLOWED) | GenericMapping->GenericAll;
        return Answer(STATUS_SUCCESS, DesiredAccess | PreviouslyGrantedAccess, GrantedAccess,
                      AccessStatus);
    }
    if (!DesiredAccess)
        return Answer(PreviouslyGrantedAccess ? STATUS_SUCCESS : STATUS_ACCESS_DENIED,
                      PreviouslyGrantedAccess, GrantedAccess, AccessStatus);
    if (!SecurityDescriptor || !c.Token)
        return Answer(STATUS_ACCESS_DENIED, 0, GrantedAccess, AccessStatus);
    if (SubjectSecurityContext->ClientToken &&
        SubjectSecurityContext->ImpersonationLevel < SecurityImpersonation)
        return Answer(STATUS_BAD_IMPERSONATION_LEVEL, 0, GrantedAccess, AccessStatus);
    View = SexReadDescriptor(SecurityDescriptor);
    c.View = &View;
    c.Desired = DesiredAccess;
    Status = CheckAccess(&c);
    if (NT_SUCCESS(Status) && Privileges)
        *Privileges = UsedPrivileges(&c);
    return Answer(Status, c.Granted, GrantedAccess, AccessStatus);
}

/* ---- privileges ------------------------------------------------------------------------------ */

/*
 * TRUE when the subject's token has the required privileges enabled: all of them with
 * PRIVILEGE_SET_ALL_NECESSARY, else any. Those it has are marked SE_PRIVILEGE_USED_FOR_ACCESS in
 * the set. KernelMode has every privilege. PASSIVE_LEVEL. nf-ntifs-seprivilegecheck
 */
BOOLEAN NTAPI SePrivilegeCheck(PPRIVILEGE_SET RequiredPrivileges,
                               PSECURITY_SUBJECT_CONTEXT SubjectSecurityContext,
                               KPROCESSOR_MODE AccessMode)
{
    const TOKEN *Token = SexSubjectToken(SubjectSecurityContext);
    ULONG Held = 0;

    if (AccessMode == KernelMode)
        return TRUE;
    if (!Token || (SubjectSecurityContext->ClientToken &&
                   SubjectSecurityContext->ImpersonationLevel < SecurityImpersonation))
        return FALSE;
    for (ULONG i = 0; i < RequiredPrivileges->PrivilegeCount; i++) {
        LUID_AND_ATTRIBUTES *p = &RequiredPrivileges->Privilege[i];
        if (SexTokenHasPrivilege(Token, p->Luid)) {
            p->Attributes |= SE_PRIVILEGE_USED_FOR_ACCESS;
            Held++;
        }
    }
    return RequiredPrivileges->Control & PRIVILEGE_SET_ALL_NECESSARY
               ? Held == RequiredPrivileges->PrivilegeCount
               : Held != 0;
}

/* One privilege of the calling thread; KernelMode has every one. PASSIVE_LEVEL.
 * nf-ntddk-sesingleprivilegecheck */
BOOLEAN NTAPI SeSinglePrivilegeCheck(LUID PrivilegeValue, KPROCESSOR_MODE PreviousMode)
{
    PRIVILEGE_SET Set = {1, PRIVILEGE_SET_ALL_NECESSARY, {{PrivilegeValue, 0}}};
    SECURITY_SUBJECT_CONTEXT Subject;
    BOOLEAN Held;

    SeCaptureSubjectContext(&Subject);
    Held = SePrivilegeCheck(&Set, &Subject, PreviousMode);
    SeReleaseSubjectContext(&Subject);
    return Held;
}

/* Gives back what SeAccessCheck returned; NULL is none. PASSIVE_LEVEL. nf-ntifs-sefreeprivileges */
VOID NTAPI SeFreePrivileges(PPRIVILEGE_SET Privileges)
{
    if (Privileges)
        ExFreePoolWithTag(Privileges, SEX_POOL_TAG);
}

/* ---- access states --------------------------------------------------------------------------- */

/*
 * What AuxData points at: ours alone, in memory the caller reserved. Used is NULL while the state's
 * own set has the room, so zeroed memory is a valid one.
 */
typedef struct _AUX {
    PPRIVILEGE_SET Used;
    GENERIC_MAPPING Mapping;
} AUX;

static PPRIVILEGE_SET StateSet(PACCESS_STATE State)
{
    AUX *Aux = State->AuxData;

    return Aux && Aux->Used ? Aux->Used : &State->Privileges.PrivilegeSet;
}

/*
 * Adds privileges to an access state: into the state's own set of three, else into a larger one
 * from paged pool that SeDeleteAccessState frees. STATUS_INSUFFICIENT_RESOURCES. PASSIVE_LEVEL.
 * nf-ntifs-seappendprivileges
 */
NTSTATUS NTAPI SeAppendPrivileges(PACCESS_STATE AccessState, PPRIVILEGE_SET Privileges)
{
    PPRIVILEGE_SET Old = StateSet(AccessState), Set = Old;
    ULONG Count = Old->PrivilegeCount + Privileges->PrivilegeCount;
    AUX *Aux = AccessState->AuxData;

    if (Count > INITIAL_PRIVILEGE_COUNT) {
        Set = ExAllocatePoolWithTag(
            PagedPool, FIELD_OFFSET(PRIVILEGE_SET, Privilege) + Count * sizeof Set->Privilege[0],
            SEX_POOL_TAG);
        if (!Set)
            return STATUS_INSUFFICIENT_RESOURCES;
        memcpy(Set, Old,
               FIELD_OFFSET(PRIVILEGE_SET, Privilege) +
                   Old->PrivilegeCount * sizeof Set->Privilege[0]);
        if (AccessState->PrivilegesAllocated)
            ExFreePoolWithTag(Old, SEX_POOL_TAG);
        AccessState->PrivilegesAllocated = TRUE;
        Aux->Used = Set;
    }
    memcpy((UCHAR *)Set + FIELD_OFFSET(PRIVILEGE_SET, Privilege) +
               Set->PrivilegeCount * sizeof Set->Privilege[0],
           Privileges->Privilege, Privileges->PrivilegeCount * sizeof Set->Privilege[0]);
    Set->PrivilegeCount = Count;
    return STATUS_SUCCESS;
}

/*
 * Fills an access state for one open by the calling thread. AuxData is zeroed here and lives as
 * long as the state. Ended by SeDeleteAccessState. PASSIVE_LEVEL.
 */
NTSTATUS NTAPI SeCreateAccessState(PACCESS_STATE AccessState, PVOID AuxData,
                                   ACCESS_MASK DesiredAccess, PGENERIC_MAPPING GenericMapping)
{
    static ULONGLONG Last;
    ULONGLONG Id = __atomic_add_fetch(&Last, 1, __ATOMIC_RELAXED);

    memset(AccessState, 0, sizeof *AccessState);
    if (GenericMapping)
        RtlMapGenericMask(&DesiredAccess, GenericMapping);
    AccessState->OperationID = (LUID){(ULONG)Id, (LONG)(Id >> 32)};
    AccessState->OriginalDesiredAccess = DesiredAccess;
    AccessState->RemainingDesiredAccess = DesiredAccess;
    AccessState->AuxData = AuxData;
    *(AUX *)AuxData = (AUX){0};
    if (GenericMapping)
        ((AUX *)AuxData)->Mapping = *GenericMapping;
    SeCaptureSubjectContext(&AccessState->SubjectSecurityContext);
    return STATUS_SUCCESS;
}

/* Releases the subject, names and privileges that belong to the state; the state's memory stays the
 * caller's. */
VOID NTAPI SeDeleteAccessState(PACCESS_STATE AccessState)
{
    if (AccessState->PrivilegesAllocated)
        ExFreePoolWithTag(StateSet(AccessState), SEX_POOL_TAG);
    AccessState->PrivilegesAllocated = FALSE;
    if (AccessState->ObjectName.Buffer)
        ExFreePool(AccessState->ObjectName.Buffer);
    if (AccessState->ObjectTypeName.Buffer)
        ExFreePool(AccessState->ObjectTypeName.Buffer);
    SeReleaseSubjectContext(&AccessState->SubjectSecurityContext);
}

/* Replaces the mapping kept with an access state. PASSIVE_LEVEL.
 * nf-ntifs-sesetaccessstategenericmapping */
VOID NTAPI SeSetAccessStateGenericMapping(PACCESS_STATE AccessState,
                                          PGENERIC_MAPPING GenericMapping)
{
    ((AUX *)AccessState->AuxData)->Mapping = *GenericMapping;
}

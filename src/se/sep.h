/* SPDX-License-Identifier: MIT */
/* sep.h - inside of se: ACLs and descriptors in the one form that the routines work on. */
#ifndef OPENFLT_SE_SEP_H
#define OPENFLT_SE_SEP_H

#include "se/se.h"

#define SEX_POOL_TAG 'dSeS'
/* Sizes and counts of an ACL are 16 bits wide. */
#define SEX_ACL_LIMIT 0xffffu

/* SIDs, ACLs and ACEs are made of 32-bit units. */
static inline ULONG SexRound(ULONG Bytes)
{
    return (Bytes + 3) & ~3u;
}

/* Kinds of ACE in a SACL beyond auditing; descriptors tell them apart by SECURITY_INFORMATION. */
#define SEX_RESOURCE_ATTRIBUTE_ACE_TYPE 0x12
#define SEX_SCOPED_POLICY_ACE_TYPE 0x13

/* The header, every ACE and nothing beyond AclSize. */
bool SexValidAcl(const ACL *Acl);
/* First ACE, and the one behind Ace; the caller counts. */
static inline PACE_HEADER SexFirstAce(const ACL *Acl)
{
    return (PACE_HEADER)(uintptr_t)(Acl + 1);
}
static inline PACE_HEADER SexNextAce(const ACE_HEADER *Ace)
{
    return (PACE_HEADER)((uintptr_t)Ace + Ace->AceSize);
}
/* Bytes in use: header and ACEs. */
ULONG SexAclUsed(const ACL *Acl);
/* Empty ACL over Size bytes, and one ACE more at its end; the caller has seen to the room. */
void SexEmptyAcl(PACL Acl, ULONG Revision, ULONG Size);
PACE_HEADER SexAppendAce(PACL Acl, const void *Ace, ULONG Bytes);
/* The SID of an ACE of the plain form (header, mask, SID); NULL for every other kind. */
PSID SexAceSid(const ACE_HEADER *Ace);

/* Either form of descriptor, read. Absent parts are NULL; whether an ACL is present says Control.
 */
typedef struct _SEX_VIEW {
    SECURITY_DESCRIPTOR_CONTROL Control;
    PSID Owner, Group;
    PACL Sacl, Dacl;
} SEX_VIEW;
SEX_VIEW SexReadDescriptor(const void *Descriptor);
/* Size of a view in self-relative form, and the form itself: SACL, DACL, owner, group behind the
 * header. */
ULONG SexRelativeSize(const SEX_VIEW *View);
void SexWriteRelative(const SEX_VIEW *View, void *Descriptor);
/* The same in pool memory of its own. */
NTSTATUS SexCopyRelative(const SEX_VIEW *View, POOL_TYPE PoolType,
                         PSECURITY_DESCRIPTOR *Descriptor);

/* ---- well-known SIDs and default lists (wellknown.c) ----------------------------------------- */

/* Fixed memory in the layout of a SID with up to five sub-authorities: enough for accounts of a
 * machine. */
typedef struct _SEX_SID {
    UCHAR Revision, Count, Authority[6];
    ULONG Sub[5];
} SEX_SID;
extern const SEX_SID SexWorldSid, SexCreatorOwnerSid, SexCreatorGroupSid, SexOwnerRightsSid,
    SexInteractiveSid, SexAuthenticatedUsersSid, SexLocalSystemSid, SexAdministratorsSid,
    SexUsersSid, SexAdministratorSid, SexUserSid, SexAccountsSid, SexMediumLabelSid,
    SexHighLabelSid, SexSystemLabelSid;

/* ---- tokens ---------------------------------------------------------------------------------- */

#define SEX_GROUPS 8
#define SEX_PRIVILEGES (SE_MAX_WELL_KNOWN_PRIVILEGE + 1)

/* A token never changes once it was made, so readers need no lock. SIDs are static memory. */
typedef struct _TOKEN {
    ULONG Flags;
    LUID TokenId, AuthenticationId;
    TOKEN_TYPE Type;
    SECURITY_IMPERSONATION_LEVEL Level;
    ULONG SessionId;
    const SEX_SID *User, *Owner, *PrimaryGroup, *Label;
    const ACL *DefaultDacl;
    ULONG GroupCount, PrivilegeCount;
    SID_AND_ATTRIBUTES Groups[SEX_GROUPS];
    LUID_AND_ATTRIBUTES Privileges[SEX_PRIVILEGES];
} TOKEN;

/* Sid is the user or one of the groups; for a denial, groups that serve only for those count as
 * well. */
bool SexTokenHasSid(const TOKEN *Token, PSID Sid, bool Deny);
/* The privilege is held and enabled. */
bool SexTokenHasPrivilege(const TOKEN *Token, LUID Privilege);
static inline LUID SexPrivilege(ULONG Number)
{
    return (LUID){Number, 0};
}
static inline const TOKEN *SexSubjectToken(const SECURITY_SUBJECT_CONTEXT *Subject)
{
    return Subject->ClientToken ? Subject->ClientToken : Subject->PrimaryToken;
}
/* The calling thread's subject may make Sid the owner of something. */
bool SexMayOwn(PSID Sid);

#endif

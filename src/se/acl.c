/* SPDX-License-Identifier: MIT */
/*
 * Access control lists: a header of 8 bytes, then ACEs one behind the other. AclSize is the memory
 * of the list, what lies behind the last ACE is free room.
 */
#include "se/sep.h"

#include <string.h>

static bool ValidRevision(ULONG Revision)
{
    return Revision >= MIN_ACL_REVISION && Revision <= MAX_ACL_REVISION;
}

/*
 * End of the last ACE, or NULL when the list is damaged. A list may be looked at before anyone
 * captured it, so every size is held against the end before it is used.
 */
static UCHAR *EndOfAces(const ACL *Acl)
{
    UCHAR *At = (UCHAR *)(uintptr_t)(Acl + 1), *End = (UCHAR *)(uintptr_t)Acl + Acl->AclSize;

    if (!ValidRevision(Acl->AclRevision) || Acl->AclSize < sizeof(ACL))
        return NULL;
    for (unsigned i = 0; i < Acl->AceCount; i++) {
        const ACE_HEADER *Ace = (const ACE_HEADER *)At;
        if ((size_t)(End - At) < sizeof(ACE_HEADER) || Ace->AceSize < sizeof(ACE_HEADER) ||
            Ace->AceSize & 3 || Ace->AceSize > End - At)
            return NULL;
        At += Ace->AceSize;
    }
    return At;
}

PSID SexAceSid(const ACE_HEADER *Ace)
{
    ULONG Start = FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart);
    PSID Sid = (PSID)((uintptr_t)Ace + Start);

    switch (Ace->AceType) {
    case ACCESS_ALLOWED_ACE_TYPE:
    case ACCESS_DENIED_ACE_TYPE:
    case SYSTEM_AUDIT_ACE_TYPE:
    case SYSTEM_ALARM_ACE_TYPE:
    case SYSTEM_MANDATORY_LABEL_ACE_TYPE:
        break;
    default:
        return NULL;
    }
    if (Ace->AceSize < Start + RtlLengthRequiredSid(0) || !RtlValidSid(Sid) ||
        Ace->AceSize < Start + RtlLengthSid(Sid))
        return NULL;
    return Sid;
}

/* An ACE of a kind that has its SID right behind the mask must hold a whole one. */
bool SexValidAcl(const ACL *Acl)
{
    const ACE_HEADER *Ace = SexFirstAce(Acl);

    if (!EndOfAces(Acl))
        return false;
    for (unsigned i = 0; i < Acl->AceCount; i++, Ace = SexNextAce(Ace))
        if ((Ace->AceType <= SYSTEM_ALARM_ACE_TYPE ||
             Ace->AceType == SYSTEM_MANDATORY_LABEL_ACE_TYPE) &&
            !SexAceSid(Ace))
            return false;
    return true;
}

ULONG SexAclUsed(const ACL *Acl)
{
    UCHAR *End = EndOfAces(Acl);

    return End ? (ULONG)(End - (const UCHAR *)Acl) : 0;
}

void SexEmptyAcl(PACL Acl, ULONG Revision, ULONG Size)
{
    *Acl = (ACL){.AclRevision = (UCHAR)Revision, .AclSize = (USHORT)Size};
}

PACE_HEADER SexAppendAce(PACL Acl, const void *Ace, ULONG Bytes)
{
    UCHAR *At = EndOfAces(Acl);

    memcpy(At, Ace, Bytes);
    Acl->AceCount++;
    return (PACE_HEADER)At;
}

/*
 * An empty list over AclLength bytes. STATUS_BUFFER_TOO_SMALL when they do not hold the header,
 * STATUS_INVALID_PARAMETER for an unknown revision or more than a USHORT can tell.
 * nf-ntifs-rtlcreateacl
 */
NTSTATUS NTAPI RtlCreateAcl(PACL Acl, ULONG AclLength, ULONG AclRevision)
{
    if (AclLength < sizeof(ACL))
        return STATUS_BUFFER_TOO_SMALL;
    if (!ValidRevision(AclRevision) || AclLength > SEX_ACL_LIMIT)
        return STATUS_INVALID_PARAMETER;
    SexEmptyAcl(Acl, AclRevision, AclLength & ~3u);
    return STATUS_SUCCESS;
}

/* Number of ACEs that fill Length bytes exactly; 0 when they do not, or one needs a newer revision.
 */
static ULONG CountAces(const void *List, ULONG Length, ULONG Revision)
{
    const UCHAR *At = List, *End = At + Length;
    ULONG Count = 0;

    while (At < End) {
        const ACE_HEADER *Ace = (const ACE_HEADER *)At;
        if ((size_t)(End - At) < sizeof(ACE_HEADER) || Ace->AceSize < sizeof(ACE_HEADER) ||
            Ace->AceSize > End - At)
            return 0;
        if (Ace->AceType > ACCESS_ALLOWED_COMPOUND_ACE_TYPE && Ace->AceType < 9 &&
            Revision < ACL_REVISION_DS)
            return 0;
        At += Ace->AceSize;
        Count++;
    }
    return Count;
}

/*
 * Inserts a run of ACEs before the ACE at StartingAceIndex, MAXULONG (or any index past the last)
 * for the end. The list takes the higher of the two revisions. STATUS_INVALID_PARAMETER,
 * STATUS_BUFFER_TOO_SMALL. nf-ntifs-rtladdace
 */
NTSTATUS NTAPI RtlAddAce(PACL Acl, ULONG AceRevision, ULONG StartingAceIndex, PVOID AceList,
                         ULONG AceListLength)
{
    UCHAR *End = EndOfAces(Acl);
    ULONG Count = CountAces(AceList, AceListLength, AceRevision);
    PACE_HEADER At = SexFirstAce(Acl);

    if (!End || !ValidRevision(AceRevision) || !Count || Acl->AceCount + Count > SEX_ACL_LIMIT)
        return STATUS_INVALID_PARAMETER;
    if ((size_t)(End - (UCHAR *)Acl) + AceListLength > Acl->AclSize)
        return STATUS_BUFFER_TOO_SMALL;
    for (ULONG i = 0; i < StartingAceIndex && i < Acl->AceCount; i++)
        At = SexNextAce(At);
    memmove((UCHAR *)At + AceListLength, At, (size_t)(End - (UCHAR *)At));
    memcpy(At, AceList, AceListLength);
    Acl->AceCount = (USHORT)(Acl->AceCount + Count);
    if (AceRevision > Acl->AclRevision)
        Acl->AclRevision = (UCHAR)AceRevision;
    return STATUS_SUCCESS;
}

/* Address of an ACE inside the list. STATUS_INVALID_PARAMETER past the last one. nf-ntifs-rtlgetace
 */
NTSTATUS NTAPI RtlGetAce(PACL Acl, ULONG AceIndex, PVOID *Ace)
{
    PACE_HEADER At = SexFirstAce(Acl);

    if (AceIndex >= Acl->AceCount || !EndOfAces(Acl))
        return STATUS_INVALID_PARAMETER;
    while (AceIndex--)
        At = SexNextAce(At);
    *Ace = At;
    return STATUS_SUCCESS;
}

/* Takes an ACE out and closes the gap. STATUS_INVALID_PARAMETER. nf-ntifs-rtldeleteace */
NTSTATUS NTAPI RtlDeleteAce(PACL Acl, ULONG AceIndex)
{
    UCHAR *End = EndOfAces(Acl), *Next;
    PVOID Ace;

    if (!End || !NT_SUCCESS(RtlGetAce(Acl, AceIndex, &Ace)))
        return STATUS_INVALID_PARAMETER;
    Next = (UCHAR *)SexNextAce(Ace);
    memmove(Ace, Next, (size_t)(End - Next));
    memset(End - (Next - (UCHAR *)Ace), 0, (size_t)(Next - (UCHAR *)Ace));
    Acl->AceCount--;
    return STATUS_SUCCESS;
}

static NTSTATUS AddKnownAce(PACL Acl, ULONG Revision, UCHAR Type, ULONG Flags, ACCESS_MASK Mask,
                            PSID Sid)
{
    UCHAR *At = EndOfAces(Acl);
    ACCESS_ALLOWED_ACE Head = {.Header = {Type, (UCHAR)Flags, 0}, .Mask = Mask};
    ULONG Start = FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart);

    if (!RtlValidSid(Sid))
        return STATUS_INVALID_SID;
    if (!ValidRevision(Revision) || !ValidRevision(Acl->AclRevision))
        return STATUS_REVISION_MISMATCH;
    if (Flags & ~(ULONG)VALID_INHERIT_FLAGS)
        return STATUS_INVALID_PARAMETER;
    if (!At || Acl->AceCount == SEX_ACL_LIMIT)
        return STATUS_INVALID_ACL;
    Head.Header.AceSize = (USHORT)(Start + RtlLengthSid(Sid));
    if ((size_t)(At - (UCHAR *)Acl) + Head.Header.AceSize > Acl->AclSize)
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    memcpy(At, &Head, Start);
    memcpy(At + Start, Sid, RtlLengthSid(Sid));
    Acl->AceCount++;
    if (Revision > Acl->AclRevision)
        Acl->AclRevision = (UCHAR)Revision;
    return STATUS_SUCCESS;
}

/*
 * Puts an ACE that allows AccessMask to Sid behind the last one. STATUS_ALLOTTED_SPACE_EXCEEDED,
 * STATUS_INVALID_ACL, STATUS_INVALID_SID, STATUS_REVISION_MISMATCH. nf-ntifs-rtladdaccessallowedace
 */
NTSTATUS NTAPI RtlAddAccessAllowedAce(PACL Acl, ULONG AceRevision, ACCESS_MASK AccessMask, PSID Sid)
{
    return AddKnownAce(Acl, AceRevision, ACCESS_ALLOWED_ACE_TYPE, 0, AccessMask, Sid);
}

/* The same with inheritance flags; others are STATUS_INVALID_PARAMETER.
 * nf-ntifs-rtladdaccessallowedaceex */
NTSTATUS NTAPI RtlAddAccessAllowedAceEx(PACL Acl, ULONG AceRevision, ULONG AceFlags,
                                        ACCESS_MASK AccessMask, PSID Sid)
{
    return AddKnownAce(Acl, AceRevision, ACCESS_ALLOWED_ACE_TYPE, AceFlags, AccessMask, Sid);
}

NTSTATUS NTAPI RtlAddAccessDeniedAce(PACL Acl, ULONG AceRevision, ACCESS_MASK AccessMask, PSID Sid)
{
    return AddKnownAce(Acl, AceRevision, ACCESS_DENIED_ACE_TYPE, 0, AccessMask, Sid);
}

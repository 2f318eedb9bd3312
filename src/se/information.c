/* SPDX-License-Identifier: MIT */
/* What a token tells about itself: SeQueryInformationToken and the single questions. */
#include "se/sep.h"

#include <string.h>

/* A block under construction: a fixed head, SIDs behind it. */
typedef struct _BLOCK {
    UCHAR *Base, *Next;
} BLOCK;

static bool OpenBlock(BLOCK *b, ULONG Bytes)
{
    b->Base = ExAllocatePoolWithTag(PagedPool, Bytes, SEX_POOL_TAG);
    b->Next = b->Base;
    if (b->Base)
        memset(b->Base, 0, Bytes);
    return b->Base != NULL;
}

static PSID PutSid(BLOCK *b, const void *Sid)
{
    PSID Copy = b->Next;
    ULONG Length = RtlLengthSid((PSID)(uintptr_t)Sid);

    memcpy(Copy, Sid, Length);
    b->Next += Length;
    return Copy;
}

/* One SID behind a head whose first member points at it: TOKEN_USER, TOKEN_OWNER,
 * TOKEN_PRIMARY_GROUP, a label. */
static NTSTATUS OneSid(const SEX_SID *Sid, ULONG Head, ULONG Attributes, PVOID *Out)
{
    BLOCK b;

    if (!OpenBlock(&b, Head + RtlLengthSid((PSID)(uintptr_t)Sid)))
        return STATUS_INSUFFICIENT_RESOURCES;
    b.Next += Head;
    *(PSID *)b.Base = PutSid(&b, Sid);
    if (Head == sizeof(SID_AND_ATTRIBUTES))
        ((SID_AND_ATTRIBUTES *)b.Base)->Attributes = Attributes;
    *Out = b.Base;
    return STATUS_SUCCESS;
}

static NTSTATUS Groups(const TOKEN *t, PVOID *Out)
{
    ULONG Head = FIELD_OFFSET(TOKEN_GROUPS, Groups) +
                 t->GroupCount * (ULONG)sizeof(SID_AND_ATTRIBUTES),
          Bytes = Head;
    TOKEN_GROUPS *g;
    BLOCK b;

    for (ULONG i = 0; i < t->GroupCount; i++)
        Bytes += RtlLengthSid(t->Groups[i].Sid);
    if (!OpenBlock(&b, Bytes))
        return STATUS_INSUFFICIENT_RESOURCES;
    g = (TOKEN_GROUPS *)b.Base;
    g->GroupCount = t->GroupCount;
    b.Next += Head;
    for (ULONG i = 0; i < t->GroupCount; i++)
        g->Groups[i] = (SID_AND_ATTRIBUTES){PutSid(&b, t->Groups[i].Sid), t->Groups[i].Attributes};
    *Out = g;
    return STATUS_SUCCESS;
}

static NTSTATUS Privileges(const TOKEN *t, PVOID *Out)
{
    ULONG List = t->PrivilegeCount * (ULONG)sizeof(LUID_AND_ATTRIBUTES);
    TOKEN_PRIVILEGES *p;
    BLOCK b;

    if (!OpenBlock(&b, FIELD_OFFSET(TOKEN_PRIVILEGES, Privileges) + List))
        return STATUS_INSUFFICIENT_RESOURCES;
    p = (TOKEN_PRIVILEGES *)b.Base;
    p->PrivilegeCount = t->PrivilegeCount;
    memcpy(p->Privileges, t->Privileges, List);
    *Out = p;
    return STATUS_SUCCESS;
}

static NTSTATUS DefaultDacl(const TOKEN *t, PVOID *Out)
{
    TOKEN_DEFAULT_DACL *d;
    BLOCK b;

    if (!OpenBlock(&b, (ULONG)sizeof *d + t->DefaultDacl->AclSize))
        return STATUS_INSUFFICIENT_RESOURCES;
    d = (TOKEN_DEFAULT_DACL *)b.Base;
    d->DefaultDacl = memcpy(d + 1, t->DefaultDacl, t->DefaultDacl->AclSize);
    *Out = d;
    return STATUS_SUCCESS;
}

static NTSTATUS Copy(const void *From, ULONG Bytes, PVOID *Out)
{
    BLOCK b;

    if (!OpenBlock(&b, Bytes))
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(b.Base, From, Bytes);
    *Out = b.Base;
    return STATUS_SUCCESS;
}

static NTSTATUS Number(ULONG Value, PVOID *Out)
{
    return Copy(&Value, sizeof Value, Out);
}

static NTSTATUS Statistics(const TOKEN *t, PVOID *Out)
{
    TOKEN_STATISTICS s = {
        .TokenId = t->TokenId,
        .AuthenticationId = t->AuthenticationId,
        .ExpirationTime.QuadPart = MAXLONGLONG,
        .TokenType = t->Type,
        .ImpersonationLevel = t->Level,
        .DynamicCharged = 4096,
        .DynamicAvailable = 4096 - t->DefaultDacl->AclSize,
        .GroupCount = t->GroupCount,
        .PrivilegeCount = t->PrivilegeCount,
        .ModifiedId = t->TokenId,
    };

    return Copy(&s, sizeof s, Out);
}

static ULONG LabelRid(const TOKEN *t)
{
    return t->Label->Sub[t->Label->Count - 1];
}

static NTSTATUS Source(const TOKEN *t, PVOID *Out)
{
    TOKEN_SOURCE s = {.SourceName = "User32 "};

    if (t->Flags & SEX_SYSTEM)
        memcpy(s.SourceName, "*SYSTEM*", sizeof s.SourceName);
    return Copy(&s, sizeof s, Out);
}

/*
 * Describes a token. *TokenInformation becomes a block from paged pool that the caller frees with
 * ExFreePool; for TokenSessionId and TokenIntegrityLevel it is no pointer: the 32-bit value itself
 * is written there. STATUS_INVALID_INFO_CLASS, STATUS_INVALID_PARAMETER (impersonation level of a
 * primary token), STATUS_INSUFFICIENT_RESOURCES. PASSIVE_LEVEL. nf-ntifs-sequeryinformationtoken
 */
NTSTATUS NTAPI SeQueryInformationToken(PACCESS_TOKEN Token,
                                       TOKEN_INFORMATION_CLASS TokenInformationClass,
                                       PVOID *TokenInformation)
{
    const TOKEN *t = Token;

    switch (TokenInformationClass) {
    case TokenUser:
        return OneSid(t->User, sizeof(TOKEN_USER), 0, TokenInformation);
    case TokenGroups:
        return Groups(t, TokenInformation);
    case TokenPrivileges:
        return Privileges(t, TokenInformation);
    case TokenOwner:
        return OneSid(t->Owner, sizeof(TOKEN_OWNER), 0, TokenInformation);
    case TokenPrimaryGroup:
        return OneSid(t->PrimaryGroup, sizeof(TOKEN_PRIMARY_GROUP), 0, TokenInformation);
    case TokenDefaultDacl:
        return DefaultDacl(t, TokenInformation);
    case TokenSource:
        return Source(t, TokenInformation);
    case TokenType:
        return Number(t->Type, TokenInformation);
    case TokenImpersonationLevel:
        return t->Type == TokenImpersonation ? Number(t->Level, TokenInformation)
                                             : STATUS_INVALID_PARAMETER;
    case TokenStatistics:
        return Statistics(t, TokenInformation);
    case TokenSessionId:
        *(PULONG)TokenInformation = t->SessionId;
        return STATUS_SUCCESS;
    case TokenIntegrityLevel:
        *(PULONG)TokenInformation = LabelRid(t);
        return STATUS_SUCCESS;
    case TokenElevation:
        return Number(SeTokenIsAdmin(Token), TokenInformation);
    case TokenElevationType:
        return Number(TokenElevationTypeDefault, TokenInformation);
    case TokenVirtualizationAllowed:
    case TokenVirtualizationEnabled:
    case TokenHasRestrictions:
    case TokenUIAccess:
    case TokenIsAppContainer:
    case TokenAppContainerNumber:
    case TokenIsRestricted:
        return Number(0, TokenInformation);
    case TokenMandatoryPolicy:
        return Number(3, TokenInformation); /* no write up, new process takes the lower label */
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

/* TRUE for members of Administrators, System among them. nf-ntifs-setokenisadmin */
BOOLEAN NTAPI SeTokenIsAdmin(PACCESS_TOKEN Token)
{
    return SexTokenHasSid(Token, (PSID)(uintptr_t)&SexAdministratorsSid, false);
}

/* A token has restricting SIDs only when SeFilterToken gave it some. nf-ntifs-setokenisrestricted
 */
BOOLEAN NTAPI SeTokenIsRestricted(PACCESS_TOKEN Token)
{
    UNREFERENCED_PARAMETER(Token);
    return FALSE;
}

BOOLEAN NTAPI SeTokenIsWriteRestricted(PACCESS_TOKEN Token)
{
    UNREFERENCED_PARAMETER(Token);
    return FALSE;
}

/* Primary or impersonation. nf-ntifs-setokentype */
TOKEN_TYPE NTAPI SeTokenType(PACCESS_TOKEN Token)
{
    return ((TOKEN *)Token)->Type;
}

/* Meaningful for an impersonation token only. */
SECURITY_IMPERSONATION_LEVEL NTAPI SeTokenImpersonationLevel(PACCESS_TOKEN Token)
{
    return ((TOKEN *)Token)->Level;
}

/* The logon session; System's is 0x3e7. nf-ntifs-sequeryauthenticationidtoken */
NTSTATUS NTAPI SeQueryAuthenticationIdToken(PACCESS_TOKEN Token, PLUID AuthenticationId)
{
    *AuthenticationId = ((TOKEN *)Token)->AuthenticationId;
    return STATUS_SUCCESS;
}

/* The terminal session; services and System are in 0. nf-ntifs-sequerysessionidtoken */
NTSTATUS NTAPI SeQuerySessionIdToken(PACCESS_TOKEN Token, PULONG SessionId)
{
    *SessionId = ((TOKEN *)Token)->SessionId;
    return STATUS_SUCCESS;
}

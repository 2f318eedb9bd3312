/* SPDX-License-Identifier: MIT */
/* Tokens and subject contexts, as far as creates carry them. */
#include "se/se.h"

#include <string.h>
#include "ps/ps.h"

typedef struct _TOKEN {
    ULONG Flags;
    LUID TokenId, AuthenticationId;
} TOKEN;

OBX_TYPE SexTokenType = {
    .Label = "Token",
    .Mapping = {READ_CONTROL | TOKEN_QUERY, READ_CONTROL, READ_CONTROL, TOKEN_ALL_ACCESS},
    .ValidAccess = TOKEN_ALL_ACCESS,
    .DispatcherOffset = OBX_NOT_WAITABLE,
};

static PACCESS_TOKEN SystemToken;

NTSTATUS SexCreateToken(ULONG Flags, PACCESS_TOKEN *Token)
{
    static LONG Next = 0x3e8;
    TOKEN *t;
    NTSTATUS Status = ObxCreateObject(&SexTokenType, sizeof(*t), NULL, (PVOID *)&t);

    if (!NT_SUCCESS(Status))
        return Status;
    t->Flags = Flags;
    t->TokenId.LowPart = (ULONG)__atomic_fetch_add(&Next, 1, __ATOMIC_RELAXED);
    t->AuthenticationId.LowPart = Flags & SEX_SYSTEM ? 0x3e7 : 0x10000;
    *Token = t;
    return STATUS_SUCCESS;
}

PACCESS_TOKEN SexSystemToken(void)
{
    return SystemToken;
}

/*
 * The subject of the calling thread: its process' primary token, referenced. A process without one is System's.
 * IRQL PASSIVE_LEVEL. Given back by SeReleaseSubjectContext. nf-ntifs-secapturesubjectcontext
 */
VOID NTAPI SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    PEPROCESS Process = KexCurrentProcess();
    PACCESS_TOKEN Token = Process && Process->Token ? Process->Token : SystemToken;

    memset(SubjectContext, 0, sizeof(*SubjectContext));
    if (Token)
        ObReferenceObject(Token);
    SubjectContext->PrimaryToken = Token;
    SubjectContext->ProcessAuditId = Process ? (PVOID)(ULONG_PTR)Process->Id : NULL;
}

VOID NTAPI SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    if (SubjectContext->PrimaryToken)
        ObDereferenceObject(SubjectContext->PrimaryToken);
    if (SubjectContext->ClientToken)
        ObDereferenceObject(SubjectContext->ClientToken);
    memset(SubjectContext, 0, sizeof(*SubjectContext));
}

/* Tokens of openflt never change after they were made: there is nothing to hold still. */
VOID NTAPI SeLockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    UNREFERENCED_PARAMETER(SubjectContext);
}

VOID NTAPI SeUnlockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    UNREFERENCED_PARAMETER(SubjectContext);
}

/* TRUE for System and for members of Administrators. nf-ntifs-setokenisadmin */
BOOLEAN NTAPI SeTokenIsAdmin(PACCESS_TOKEN Token)
{
    return (((TOKEN *)Token)->Flags & (SEX_SYSTEM | SEX_ADMINISTRATOR)) != 0;
}

BOOLEAN NTAPI SeTokenIsRestricted(PACCESS_TOKEN Token)
{
    UNREFERENCED_PARAMETER(Token);
    return FALSE;
}

TOKEN_TYPE NTAPI SeTokenType(PACCESS_TOKEN Token)
{
    UNREFERENCED_PARAMETER(Token);
    return TokenPrimary;
}

NTSTATUS NTAPI SeQueryAuthenticationIdToken(PACCESS_TOKEN Token, PLUID AuthenticationId)
{
    *AuthenticationId = ((TOKEN *)Token)->AuthenticationId;
    return STATUS_SUCCESS;
}

/* Replaces generic bits by what the object's type says. Any IRQL. nf-wdm-rtlmapgenericmask */
VOID NTAPI RtlMapGenericMask(PACCESS_MASK AccessMask, const GENERIC_MAPPING *GenericMapping)
{
    ACCESS_MASK m = *AccessMask;

    if (m & GENERIC_READ)
        m |= GenericMapping->GenericRead;
    if (m & GENERIC_WRITE)
        m |= GenericMapping->GenericWrite;
    if (m & GENERIC_EXECUTE)
        m |= GenericMapping->GenericExecute;
    if (m & GENERIC_ALL)
        m |= GenericMapping->GenericAll;
    *AccessMask = m & ~(ACCESS_MASK)(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL);
}

NTSTATUS SexStart(void)
{
    ObxRegisterType(&SexTokenType);
    return SexCreateToken(SEX_SYSTEM | SEX_ADMINISTRATOR, &SystemToken);
}

void SexEnd(void)
{
    ObDereferenceObject(SystemToken);
    SystemToken = NULL;
}

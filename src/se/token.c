/* SPDX-License-Identifier: MIT */
/* Tokens of the machine's users, and the subject context that a thread presents. */
#include "se/sep.h"

#include <string.h>
#include "ps/ps.h"

OBX_TYPE SexTokenType = {
    .Label = "Token",
    .Mapping = {READ_CONTROL | TOKEN_QUERY, READ_CONTROL, READ_CONTROL, TOKEN_ALL_ACCESS},
    .ValidAccess = TOKEN_ALL_ACCESS,
    .DispatcherOffset = OBX_NOT_WAITABLE,
};

static PACCESS_TOKEN SystemToken;

POBJECT_TYPE SeTokenObjectType = &SexTokenType;

static void AddGroup(TOKEN *t, const SEX_SID *Sid, ULONG Attributes)
{
    t->Groups[t->GroupCount++] = (SID_AND_ATTRIBUTES){(PSID)(uintptr_t)Sid, Attributes};
}

static void AddPrivileges(TOKEN *t, const UCHAR *Numbers, size_t Count, ULONG Attributes)
{
    for (size_t i = 0; i < Count; i++)
        t->Privileges[t->PrivilegeCount++] =
            (LUID_AND_ATTRIBUTES){SexPrivilege(Numbers[i]), Attributes};
}

#define ALWAYS (SE_GROUP_MANDATORY | SE_GROUP_ENABLED_BY_DEFAULT | SE_GROUP_ENABLED)
#define AS_OWNER (SE_GROUP_ENABLED_BY_DEFAULT | SE_GROUP_ENABLED | SE_GROUP_OWNER)
#define ON (SE_PRIVILEGE_ENABLED_BY_DEFAULT | SE_PRIVILEGE_ENABLED)

static void FillSystem(TOKEN *t)
{
    t->User = t->PrimaryGroup = &SexLocalSystemSid;
    t->Owner = &SexAdministratorsSid;
    t->Label = &SexSystemLabelSid;
    t->DefaultDacl = SeSystemDefaultDacl;
    AddGroup(t, &SexAdministratorsSid, AS_OWNER);
    AddGroup(t, &SexWorldSid, ALWAYS);
    AddGroup(t, &SexAuthenticatedUsersSid, ALWAYS);
    for (UCHAR n = SE_MIN_WELL_KNOWN_PRIVILEGE; n <= SE_MAX_WELL_KNOWN_PRIVILEGE; n++)
        if (n != SE_MACHINE_ACCOUNT_PRIVILEGE && n != SE_SYNC_AGENT_PRIVILEGE &&
            n != SE_REMOTE_SHUTDOWN_PRIVILEGE)
            AddPrivileges(t, &n, 1, ON);
}

/* An account of the machine. An administrator is elevated, with what the group grants held but
 * mostly disabled. */
static void FillAccount(TOKEN *t, bool Administrator, bool Enabled)
{
    static const UCHAR Everyone[] = {SE_CHANGE_NOTIFY_PRIVILEGE},
                       Silent[] = {SE_SHUTDOWN_PRIVILEGE, SE_UNDOCK_PRIVILEGE,
                                   SE_INC_WORKING_SET_PRIVILEGE, SE_TIME_ZONE_PRIVILEGE};
    static const UCHAR Granted[] = {SE_IMPERSONATE_PRIVILEGE, SE_CREATE_GLOBAL_PRIVILEGE};
    static const UCHAR Held[] = {SE_INCREASE_QUOTA_PRIVILEGE,
                                 SE_SECURITY_PRIVILEGE,
                                 SE_TAKE_OWNERSHIP_PRIVILEGE,
                                 SE_LOAD_DRIVER_PRIVILEGE,
                                 SE_SYSTEM_PROFILE_PRIVILEGE,
                                 SE_SYSTEMTIME_PRIVILEGE,
                                 SE_PROF_SINGLE_PROCESS_PRIVILEGE,
                                 SE_INC_BASE_PRIORITY_PRIVILEGE,
                                 SE_CREATE_PAGEFILE_PRIVILEGE,
                                 SE_BACKUP_PRIVILEGE,
                                 SE_RESTORE_PRIVILEGE,
                                 SE_DEBUG_PRIVILEGE,
                                 SE_SYSTEM_ENVIRONMENT_PRIVILEGE,
                                 SE_REMOTE_SHUTDOWN_PRIVILEGE,
                                 SE_MANAGE_VOLUME_PRIVILEGE,
                                 SE_CREATE_SYMBOLIC_LINK_PRIVILEGE,
                                 SE_DELEGATE_SESSION_USER_IMPERSONATE_PRIVILEGE};
    ULONG Attributes = Enabled ? SE_PRIVILEGE_ENABLED : 0;

    t->User = Administrator ? &SexAdministratorSid : &SexUserSid;
    t->Owner = Administrator ? &SexAdministratorsSid : &SexUserSid;
    t->PrimaryGroup = &SexAccountsSid;
    t->Label = Administrator ? &SexHighLabelSid : &SexMediumLabelSid;
    t->DefaultDacl = Administrator ? SeSystemDefaultDacl : SePublicDefaultDacl;
    AddGroup(t, &SexAccountsSid, ALWAYS);
    AddGroup(t, &SexWorldSid, ALWAYS);
    if (Administrator)
        AddGroup(t, &SexAdministratorsSid, ALWAYS | SE_GROUP_OWNER);
    AddGroup(t, &SexUsersSid, ALWAYS);
    AddGroup(t, &SexInteractiveSid, ALWAYS);
    AddGroup(t, &SexAuthenticatedUsersSid, ALWAYS);
    AddPrivileges(t, Everyone, sizeof Everyone, ON);
    AddPrivileges(t, Silent, sizeof Silent, Attributes);
    if (Administrator) {
        AddPrivileges(t, Granted, sizeof Granted, ON);
        AddPrivileges(t, Held, sizeof Held, Attributes);
    }
}

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
    t->Type = TokenPrimary;
    t->Level = SecurityAnonymous;
    t->SessionId = Flags & SEX_SYSTEM ? 0 : 1;
    if (Flags & SEX_SYSTEM)
        FillSystem(t);
    else
        FillAccount(t, Flags & SEX_ADMINISTRATOR, Flags & SEX_PRIVILEGES_ENABLED);
    AddGroup(t, t->Label, SE_GROUP_INTEGRITY | SE_GROUP_INTEGRITY_ENABLED);
    *Token = t;
    return STATUS_SUCCESS;
}

bool SexTokenHasSid(const TOKEN *Token, PSID Sid, bool Deny)
{
    if (RtlEqualSid((PSID)(uintptr_t)Token->User, Sid))
        return true;
    for (ULONG i = 0; i < Token->GroupCount; i++) {
        ULONG a = Token->Groups[i].Attributes;
        if ((a & SE_GROUP_ENABLED || (Deny && a & SE_GROUP_USE_FOR_DENY_ONLY)) &&
            RtlEqualSid(Token->Groups[i].Sid, Sid))
            return true;
    }
    return false;
}

bool SexTokenHasPrivilege(const TOKEN *Token, LUID Privilege)
{
    for (ULONG i = 0; i < Token->PrivilegeCount; i++) {
        const LUID_AND_ATTRIBUTES *p = &Token->Privileges[i];
        if (p->Luid.LowPart == Privilege.LowPart && p->Luid.HighPart == Privilege.HighPart)
            return (p->Attributes & SE_PRIVILEGE_ENABLED) != 0;
    }
    return false;
}

PACCESS_TOKEN SexSystemToken(void)
{
    return SystemToken;
}

/*
 * The subject of a thread: its process' primary token, referenced. A process without one is
 * System's; NULL stands for the calling thread's process. Threads carry no impersonation token yet.
 * PASSIVE_LEVEL. Given back by SeReleaseSubjectContext. nf-ntifs-secapturesubjectcontextex
 */
VOID NTAPI SeCaptureSubjectContextEx(PETHREAD Thread, PEPROCESS Process,
                                     PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    PACCESS_TOKEN Token;

    UNREFERENCED_PARAMETER(Thread);
    if (!Process)
        Process = KexCurrentProcess();
    Token = Process && Process->Token ? Process->Token : SystemToken;
    memset(SubjectContext, 0, sizeof(*SubjectContext));
    if (Token)
        ObReferenceObject(Token);
    SubjectContext->PrimaryToken = Token;
    SubjectContext->ProcessAuditId = Process ? (PVOID)(ULONG_PTR)Process->Id : NULL;
}

/* The subject of the calling thread. nf-ntifs-secapturesubjectcontext */
VOID NTAPI SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    SeCaptureSubjectContextEx(NULL, NULL, SubjectContext);
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

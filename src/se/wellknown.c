/* SPDX-License-Identifier: MIT */
/* SIDs and privileges that mean the same on every machine, and what SeExports points at
 * (ns-ntifs-_se_exports). */
#include "se/sep.h"

#define SID0(authority)                                                                            \
    {                                                                                              \
        SID_REVISION, 0, {0, 0, 0, 0, 0, authority},                                               \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define SID1(authority, a)                                                                         \
    {                                                                                              \
        SID_REVISION, 1, {0, 0, 0, 0, 0, authority},                                               \
        {                                                                                          \
            a                                                                                      \
        }                                                                                          \
    }
#define SID2(authority, a, b)                                                                      \
    {                                                                                              \
        SID_REVISION, 2, {0, 0, 0, 0, 0, authority},                                               \
        {                                                                                          \
            a, b                                                                                   \
        }                                                                                          \
    }
/* Accounts of this machine: one made-up domain of three numbers, then the account's own. */
#define ACCOUNT(rid)                                                                               \
    {                                                                                              \
        SID_REVISION, 5, {0, 0, 0, 0, 0, 5},                                                       \
        {                                                                                          \
            21, 1004336348, 1177238915, 682003330, rid                                             \
        }                                                                                          \
    }

const SEX_SID SexWorldSid = SID1(1, SECURITY_WORLD_RID);
const SEX_SID SexCreatorOwnerSid = SID1(3, SECURITY_CREATOR_OWNER_RID);
const SEX_SID SexCreatorGroupSid = SID1(3, SECURITY_CREATOR_GROUP_RID);
const SEX_SID SexOwnerRightsSid = SID1(3, 4);
const SEX_SID SexInteractiveSid = SID1(5, SECURITY_INTERACTIVE_RID);
const SEX_SID SexAuthenticatedUsersSid = SID1(5, SECURITY_AUTHENTICATED_USER_RID);
const SEX_SID SexLocalSystemSid = SID1(5, SECURITY_LOCAL_SYSTEM_RID);
const SEX_SID SexAdministratorsSid = SID2(5, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS);
const SEX_SID SexUsersSid = SID2(5, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_USERS);
const SEX_SID SexAdministratorSid = ACCOUNT(500);
const SEX_SID SexUserSid = ACCOUNT(1001);
const SEX_SID SexAccountsSid = ACCOUNT(513);
const SEX_SID SexMediumLabelSid = SID1(16, SECURITY_MANDATORY_MEDIUM_RID);
const SEX_SID SexHighLabelSid = SID1(16, SECURITY_MANDATORY_HIGH_RID);
const SEX_SID SexSystemLabelSid = SID1(16, SECURITY_MANDATORY_SYSTEM_RID);

static const SEX_SID NullSid = SID1(0, SECURITY_NULL_RID), LocalSid = SID1(2, SECURITY_LOCAL_RID);
static const SEX_SID NtAuthoritySid = SID0(5), DialupSid = SID1(5, SECURITY_DIALUP_RID);
static const SEX_SID NetworkSid = SID1(5, SECURITY_NETWORK_RID),
                     BatchSid = SID1(5, SECURITY_BATCH_RID);
static const SEX_SID AnonymousSid = SID1(5, SECURITY_ANONYMOUS_LOGON_RID), IUserSid = SID1(5, 17);
static const SEX_SID RestrictedSid = SID1(5, SECURITY_RESTRICTED_CODE_RID);
static const SEX_SID LocalServiceSid = SID1(5, SECURITY_LOCAL_SERVICE_RID);
static const SEX_SID NetworkServiceSid = SID1(5, SECURITY_NETWORK_SERVICE_RID);
static const SEX_SID GuestsSid = SID2(5, 32, DOMAIN_ALIAS_RID_GUESTS),
                     PowerUsersSid = SID2(5, 32, 547);
static const SEX_SID AccountOpsSid = SID2(5, 32, 548), SystemOpsSid = SID2(5, 32, 549);
static const SEX_SID PrintOpsSid = SID2(5, 32, 550), BackupOpsSid = SID2(5, 32, 551);
static const SEX_SID UntrustedSid = SID1(16, SECURITY_MANDATORY_UNTRUSTED_RID);
static const SEX_SID LowSid = SID1(16, SECURITY_MANDATORY_LOW_RID);
static const SEX_SID AppPackagesSid = SID2(15, 2, 1), WinTcbSid = SID2(19, 1024, 8192);
/* S-1-5-84-0-0-0-0-0 and the service SID of TrustedInstaller: six sub-authorities each. */
static const struct {
    UCHAR Revision, Count, Authority[6];
    ULONG Sub[6];
} UserModeDriversSid = {SID_REVISION, 6, {0, 0, 0, 0, 0, 5}, {84, 0, 0, 0, 0, 0}},
  TrustedInstallerSid = {SID_REVISION,
                         6,
                         {0, 0, 0, 0, 0, 5},
                         {80, 956008885, 3418522649, 1831038044, 1853292631, 2271478464}};

#define P(sid) ((PSID)(uintptr_t) & (sid))
#define L(number)                                                                                  \
    {                                                                                              \
        number, 0                                                                                  \
    }

/* The application silo members came with builds that no driver of the field needs yet: they stay
 * NULL. */
static SE_EXPORTS Exports = {
    .SeCreateTokenPrivilege = L(SE_CREATE_TOKEN_PRIVILEGE),
    .SeAssignPrimaryTokenPrivilege = L(SE_ASSIGNPRIMARYTOKEN_PRIVILEGE),
    .SeLockMemoryPrivilege = L(SE_LOCK_MEMORY_PRIVILEGE),
    .SeIncreaseQuotaPrivilege = L(SE_INCREASE_QUOTA_PRIVILEGE),
    .SeUnsolicitedInputPrivilege = L(6),
    .SeTcbPrivilege = L(SE_TCB_PRIVILEGE),
    .SeSecurityPrivilege = L(SE_SECURITY_PRIVILEGE),
    .SeTakeOwnershipPrivilege = L(SE_TAKE_OWNERSHIP_PRIVILEGE),
    .SeLoadDriverPrivilege = L(SE_LOAD_DRIVER_PRIVILEGE),
    .SeCreatePagefilePrivilege = L(SE_CREATE_PAGEFILE_PRIVILEGE),
    .SeIncreaseBasePriorityPrivilege = L(SE_INC_BASE_PRIORITY_PRIVILEGE),
    .SeSystemProfilePrivilege = L(SE_SYSTEM_PROFILE_PRIVILEGE),
    .SeSystemtimePrivilege = L(SE_SYSTEMTIME_PRIVILEGE),
    .SeProfileSingleProcessPrivilege = L(SE_PROF_SINGLE_PROCESS_PRIVILEGE),
    .SeCreatePermanentPrivilege = L(SE_CREATE_PERMANENT_PRIVILEGE),
    .SeBackupPrivilege = L(SE_BACKUP_PRIVILEGE),
    .SeRestorePrivilege = L(SE_RESTORE_PRIVILEGE),
    .SeShutdownPrivilege = L(SE_SHUTDOWN_PRIVILEGE),
    .SeDebugPrivilege = L(SE_DEBUG_PRIVILEGE),
    .SeAuditPrivilege = L(SE_AUDIT_PRIVILEGE),
    .SeSystemEnvironmentPrivilege = L(SE_SYSTEM_ENVIRONMENT_PRIVILEGE),
    .SeChangeNotifyPrivilege = L(SE_CHANGE_NOTIFY_PRIVILEGE),
    .SeRemoteShutdownPrivilege = L(SE_REMOTE_SHUTDOWN_PRIVILEGE),
    .SeNullSid = P(NullSid),
    .SeWorldSid = P(SexWorldSid),
    .SeLocalSid = P(LocalSid),
    .SeCreatorOwnerSid = P(SexCreatorOwnerSid),
    .SeCreatorGroupSid = P(SexCreatorGroupSid),
    .SeNtAuthoritySid = P(NtAuthoritySid),
    .SeDialupSid = P(DialupSid),
    .SeNetworkSid = P(NetworkSid),
    .SeBatchSid = P(BatchSid),
    .SeInteractiveSid = P(SexInteractiveSid),
    .SeLocalSystemSid = P(SexLocalSystemSid),
    .SeAliasAdminsSid = P(SexAdministratorsSid),
    .SeAliasUsersSid = P(SexUsersSid),
    .SeAliasGuestsSid = P(GuestsSid),
    .SeAliasPowerUsersSid = P(PowerUsersSid),
    .SeAliasAccountOpsSid = P(AccountOpsSid),
    .SeAliasSystemOpsSid = P(SystemOpsSid),
    .SeAliasPrintOpsSid = P(PrintOpsSid),
    .SeAliasBackupOpsSid = P(BackupOpsSid),
    .SeAuthenticatedUsersSid = P(SexAuthenticatedUsersSid),
    .SeRestrictedSid = P(RestrictedSid),
    .SeAnonymousLogonSid = P(AnonymousSid),
    .SeUndockPrivilege = L(SE_UNDOCK_PRIVILEGE),
    .SeSyncAgentPrivilege = L(SE_SYNC_AGENT_PRIVILEGE),
    .SeEnableDelegationPrivilege = L(SE_ENABLE_DELEGATION_PRIVILEGE),
    .SeLocalServiceSid = P(LocalServiceSid),
    .SeNetworkServiceSid = P(NetworkServiceSid),
    .SeManageVolumePrivilege = L(SE_MANAGE_VOLUME_PRIVILEGE),
    .SeImpersonatePrivilege = L(SE_IMPERSONATE_PRIVILEGE),
    .SeCreateGlobalPrivilege = L(SE_CREATE_GLOBAL_PRIVILEGE),
    .SeTrustedCredManAccessPrivilege = L(SE_TRUSTED_CREDMAN_ACCESS_PRIVILEGE),
    .SeRelabelPrivilege = L(SE_RELABEL_PRIVILEGE),
    .SeIncreaseWorkingSetPrivilege = L(SE_INC_WORKING_SET_PRIVILEGE),
    .SeTimeZonePrivilege = L(SE_TIME_ZONE_PRIVILEGE),
    .SeCreateSymbolicLinkPrivilege = L(SE_CREATE_SYMBOLIC_LINK_PRIVILEGE),
    .SeIUserSid = P(IUserSid),
    .SeUntrustedMandatorySid = P(UntrustedSid),
    .SeLowMandatorySid = P(LowSid),
    .SeMediumMandatorySid = P(SexMediumLabelSid),
    .SeHighMandatorySid = P(SexHighLabelSid),
    .SeSystemMandatorySid = P(SexSystemLabelSid),
    .SeOwnerRightsSid = P(SexOwnerRightsSid),
    .SeAllAppPackagesSid = P(AppPackagesSid),
    .SeUserModeDriversSid = P(UserModeDriversSid),
    .SeProcTrustWinTcbSid = P(WinTcbSid),
    .SeTrustedInstallerSid = P(TrustedInstallerSid),
    .SeDelegateSessionUserImpersonatePrivilege = L(SE_DELEGATE_SESSION_USER_IMPERSONATE_PRIVILEGE),
};
PSE_EXPORTS SeExports = &Exports;

/* ---- default DACLs --------------------------------------------------------------------------- */

/* One ACE that allows Mask, with a SID of up to two sub-authorities. */
typedef struct _ALLOW1 {
    ACE_HEADER Header;
    ACCESS_MASK Mask;
    UCHAR Revision, Count, Authority[6];
    ULONG Sub[1];
} ALLOW1;
typedef struct _ALLOW2 {
    ACE_HEADER Header;
    ACCESS_MASK Mask;
    UCHAR Revision, Count, Authority[6];
    ULONG Sub[2];
} ALLOW2;
#define ALLOW_1(mask, authority, a)                                                                \
    {                                                                                              \
        {ACCESS_ALLOWED_ACE_TYPE, 0, sizeof(ALLOW1)}, (ACCESS_MASK)(mask), SID_REVISION, 1,        \
            {0, 0, 0, 0, 0, authority},                                                            \
        {                                                                                          \
            a                                                                                      \
        }                                                                                          \
    }
#define ALLOW_2(mask, authority, a, b)                                                             \
    {                                                                                              \
        {ACCESS_ALLOWED_ACE_TYPE, 0, sizeof(ALLOW2)}, (ACCESS_MASK)(mask), SID_REVISION, 2,        \
            {0, 0, 0, 0, 0, authority},                                                            \
        {                                                                                          \
            a, b                                                                                   \
        }                                                                                          \
    }

/* System may everything, Administrators read and execute: what objects of System get. */
static struct {
    ACL Acl;
    ALLOW1 System;
    ALLOW2 Administrators;
} SystemDacl = {
    {ACL_REVISION, 0, sizeof SystemDacl, 2, 0},
    ALLOW_1(GENERIC_ALL, 5, SECURITY_LOCAL_SYSTEM_RID),
    ALLOW_2(GENERIC_READ | GENERIC_EXECUTE | READ_CONTROL, 5, SECURITY_BUILTIN_DOMAIN_RID,
            DOMAIN_ALIAS_RID_ADMINS),
};
PACL SeSystemDefaultDacl = &SystemDacl.Acl;

/* The world executes, System and Administrators may everything. */
static struct {
    ACL Acl;
    ALLOW1 World, System;
    ALLOW2 Administrators;
} PublicDacl = {
    {ACL_REVISION, 0, sizeof PublicDacl, 3, 0},
    ALLOW_1(GENERIC_EXECUTE, 1, SECURITY_WORLD_RID),
    ALLOW_1(GENERIC_ALL, 5, SECURITY_LOCAL_SYSTEM_RID),
    ALLOW_2(GENERIC_ALL, 5, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS),
};
PACL SePublicDefaultDacl = &PublicDacl.Acl;

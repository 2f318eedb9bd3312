/* SPDX-License-Identifier: MIT */
/* Access checks, privileges, what tokens tell, descriptors of new objects. */
#include "se_test.h"

static GENERIC_MAPPING file = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                               FILE_ALL_ACCESS};

/* A subject context of a token made for the case. */
static SECURITY_SUBJECT_CONTEXT subject_of(ULONG flags)
{
    SECURITY_SUBJECT_CONTEXT s = {0};

    REQUIRE(NT_SUCCESS(SexCreateToken(flags, &s.PrimaryToken)));
    return s;
}

struct object {
    SECURITY_DESCRIPTOR d;
    ULONG dacl[64], sacl[16];
};

static void object_of(struct object *o, PSID owner)
{
    RtlCreateSecurityDescriptor(&o->d, 1);
    RtlCreateAcl((PACL)o->dacl, sizeof o->dacl, ACL_REVISION);
    RtlSetOwnerSecurityDescriptor(&o->d, owner, FALSE);
    RtlSetDaclSecurityDescriptor(&o->d, TRUE, (PACL)o->dacl, FALSE);
}

static void allow(struct object *o, ACCESS_MASK mask, PSID sid)
{
    CHECK_EQ(RtlAddAccessAllowedAce((PACL)o->dacl, ACL_REVISION, mask, sid), STATUS_SUCCESS);
}

static void deny(struct object *o, ACCESS_MASK mask, PSID sid)
{
    CHECK_EQ(RtlAddAccessDeniedAce((PACL)o->dacl, ACL_REVISION, mask, sid), STATUS_SUCCESS);
}

static ACCESS_MASK granted;

static NTSTATUS check(PSECURITY_DESCRIPTOR d, SECURITY_SUBJECT_CONTEXT *s, ACCESS_MASK want)
{
    NTSTATUS status = 0x12345678;
    BOOLEAN yes = SeAccessCheck(d, s, FALSE, want, 0, NULL, &file, UserMode, &granted, &status);

    CHECK_EQ(yes, NT_SUCCESS(status));
    return status;
}

TEST(dacl, "se.SeAccessCheck.first_ace_decides")
{
    SECURITY_SUBJECT_CONTEXT user, admin;
    struct object o;

    machine_start();
    user = subject_of(0);
    admin = subject_of(SEX_ADMINISTRATOR);
    object_of(&o, SeExports->SeAliasAdminsSid);
    deny(&o, FILE_WRITE_DATA, SeExports->SeAliasAdminsSid);
    allow(&o, FILE_READ_DATA | FILE_WRITE_DATA, SeExports->SeWorldSid);
    deny(&o, FILE_READ_DATA, SeExports->SeWorldSid);
    CHECK_EQ(check(&o.d, &user, FILE_READ_DATA | FILE_WRITE_DATA), STATUS_SUCCESS);
    CHECK_EQ(granted, FILE_READ_DATA | FILE_WRITE_DATA);
    CHECK_EQ(check(&o.d, &admin, FILE_WRITE_DATA), STATUS_ACCESS_DENIED);
    CHECK_EQ(granted, 0);
    CHECK_EQ(check(&o.d, &admin, FILE_READ_DATA), STATUS_SUCCESS);
    CHECK_EQ(check(&o.d, &user, FILE_READ_DATA | FILE_READ_EA), STATUS_ACCESS_DENIED);
    CHECK_EQ(check(&o.d, &admin, MAXIMUM_ALLOWED), STATUS_SUCCESS);
    CHECK_EQ(granted,
             FILE_READ_DATA | READ_CONTROL | WRITE_DAC); /* the owner's, through its group */
    CHECK_EQ(check(&o.d, &user, MAXIMUM_ALLOWED), STATUS_SUCCESS);
    CHECK_EQ(granted, FILE_READ_DATA | FILE_WRITE_DATA);
}

TEST(empty, "se.SeAccessCheck.empty_and_null_dacl")
{
    SECURITY_SUBJECT_CONTEXT user;
    struct object o;

    machine_start();
    user = subject_of(0);
    object_of(&o, SeExports->SeLocalSystemSid);
    CHECK_EQ(check(&o.d, &user, FILE_READ_DATA), STATUS_ACCESS_DENIED);
    CHECK_EQ(check(&o.d, &user, MAXIMUM_ALLOWED), STATUS_ACCESS_DENIED);
    RtlSetDaclSecurityDescriptor(&o.d, TRUE, NULL, FALSE);
    CHECK_EQ(check(&o.d, &user, FILE_READ_DATA | WRITE_DAC), STATUS_SUCCESS);
    CHECK_EQ(check(&o.d, &user, MAXIMUM_ALLOWED), STATUS_SUCCESS);
    CHECK_EQ(granted, FILE_ALL_ACCESS);
    CHECK_EQ(check(NULL, &user, FILE_READ_DATA), STATUS_ACCESS_DENIED);
    CHECK_EQ(check(&o.d, &user, 0), STATUS_ACCESS_DENIED);
}

TEST(modes, "se.SeAccessCheck.kernel_mode_and_previous_access")
{
    SECURITY_SUBJECT_CONTEXT user;
    ACCESS_MASK got;
    NTSTATUS status;
    struct object o;

    machine_start();
    user = subject_of(0);
    object_of(&o, SeExports->SeLocalSystemSid);
    CHECK(SeAccessCheck(&o.d, &user, FALSE, MAXIMUM_ALLOWED, 0, NULL, &file, KernelMode, &got,
                        &status));
    CHECK_EQ(got, FILE_ALL_ACCESS);
    CHECK(SeAccessCheck(&o.d, &user, FALSE, DELETE, FILE_READ_DATA, NULL, &file, KernelMode, &got,
                        &status));
    CHECK_EQ(got, DELETE | FILE_READ_DATA);
    CHECK(SeAccessCheck(&o.d, &user, FALSE, FILE_READ_DATA, FILE_READ_DATA, NULL, &file, UserMode,
                        &got, &status));
    user.ClientToken = user.PrimaryToken;
    user.ImpersonationLevel = SecurityIdentification;
    allow(&o, FILE_READ_DATA, SeExports->SeWorldSid);
    CHECK_EQ(check(&o.d, &user, FILE_READ_DATA), STATUS_BAD_IMPERSONATION_LEVEL);
    user.ImpersonationLevel = SecurityImpersonation;
    CHECK_EQ(check(&o.d, &user, FILE_READ_DATA), STATUS_SUCCESS);
}

TEST(privileges, "se.SeAccessCheck.privileges_that_grant")
{
    SECURITY_SUBJECT_CONTEXT admin, enabled;
    PPRIVILEGE_SET used = NULL;
    ACCESS_STATE state;
    char aux[256];
    ACCESS_MASK got;
    NTSTATUS status;
    struct object o;
    int before;

    machine_start();
    admin = subject_of(SEX_ADMINISTRATOR);
    enabled = subject_of(SEX_ADMINISTRATOR | SEX_PRIVILEGES_ENABLED);
    object_of(&o, SeExports->SeLocalSystemSid);
    before = pool_blocks();
    CHECK_EQ(check(&o.d, &admin, ACCESS_SYSTEM_SECURITY), STATUS_PRIVILEGE_NOT_HELD);
    CHECK_EQ(check(&o.d, &admin, WRITE_OWNER), STATUS_ACCESS_DENIED);
    CHECK(SeAccessCheck(&o.d, &enabled, FALSE, WRITE_OWNER | ACCESS_SYSTEM_SECURITY, 0, &used,
                        &file, UserMode, &got, &status));
    CHECK_EQ(got, WRITE_OWNER | ACCESS_SYSTEM_SECURITY);
    REQUIRE(used);
    CHECK_EQ(used->PrivilegeCount, 2);
    CHECK_EQ(SeCreateAccessState(&state, aux, GENERIC_READ, &file), STATUS_SUCCESS);
    CHECK_EQ(state.RemainingDesiredAccess, FILE_GENERIC_READ);
    CHECK_EQ(SeAppendPrivileges(&state, used), STATUS_SUCCESS);
    CHECK_EQ(state.Privileges.PrivilegeSet.PrivilegeCount, 2);
    CHECK(!state.PrivilegesAllocated);
    CHECK_EQ(SeAppendPrivileges(&state, used), STATUS_SUCCESS);
    CHECK_EQ(SeAppendPrivileges(&state, used), STATUS_SUCCESS);
    CHECK(state.PrivilegesAllocated);
    SeDeleteAccessState(&state);
    SeFreePrivileges(used);
    CHECK_EQ(pool_blocks(), before);
}

TEST(single, "se.SePrivilegeCheck.all_or_any")
{
    SECURITY_SUBJECT_CONTEXT admin;
    struct {
        PRIVILEGE_SET set;
        LUID_AND_ATTRIBUTES more;
    } s;

    machine_start();
    admin = subject_of(SEX_ADMINISTRATOR);
    s.set.PrivilegeCount = 2;
    s.set.Control = PRIVILEGE_SET_ALL_NECESSARY;
    s.set.Privilege[0] = (LUID_AND_ATTRIBUTES){SeExports->SeChangeNotifyPrivilege, 0};
    s.more = (LUID_AND_ATTRIBUTES){SeExports->SeBackupPrivilege, 0};
    CHECK(!SePrivilegeCheck(&s.set, &admin, UserMode));
    CHECK(s.set.Privilege[0].Attributes & SE_PRIVILEGE_USED_FOR_ACCESS);
    CHECK(SePrivilegeCheck(&s.set, &admin, KernelMode));
    s.set.Control = 0;
    CHECK(SePrivilegeCheck(&s.set, &admin, UserMode));
    CHECK(SeSinglePrivilegeCheck(SeExports->SeLoadDriverPrivilege,
                                 UserMode)); /* this thread is System's */
    CHECK(!SeSinglePrivilegeCheck(SeExports->SeSyncAgentPrivilege, UserMode));
    CHECK(SeSinglePrivilegeCheck(SeExports->SeSyncAgentPrivilege, KernelMode));
}

TEST(label, "se.SeAccessCheck.mandatory_label")
{
    SECURITY_SUBJECT_CONTEXT user, admin;
    ULONG ace[5] = {SYSTEM_MANDATORY_LABEL_ACE_TYPE | 20u << 16,
                    SYSTEM_MANDATORY_LABEL_NO_WRITE_UP};
    struct object o;

    machine_start();
    user = subject_of(0);
    admin = subject_of(SEX_ADMINISTRATOR);
    object_of(&o, SeExports->SeLocalSystemSid);
    allow(&o, FILE_ALL_ACCESS, SeExports->SeWorldSid);
    RtlCreateAcl((PACL)o.sacl, sizeof o.sacl, ACL_REVISION);
    memcpy(ace + 2, SeExports->SeHighMandatorySid, 12);
    CHECK_EQ(RtlAddAce((PACL)o.sacl, ACL_REVISION, 0, ace, sizeof ace), STATUS_SUCCESS);
    RtlSetSaclSecurityDescriptor(&o.d, TRUE, (PACL)o.sacl, FALSE);
    CHECK_EQ(check(&o.d, &user, FILE_GENERIC_READ), STATUS_SUCCESS);
    CHECK_EQ(check(&o.d, &user, FILE_WRITE_DATA), STATUS_ACCESS_DENIED);
    CHECK_EQ(check(&o.d, &admin, FILE_WRITE_DATA), STATUS_SUCCESS);
}

TEST(information, "se.SeQueryInformationToken.classes")
{
    SECURITY_SUBJECT_CONTEXT admin, user;
    TOKEN_STATISTICS *stats;
    TOKEN_ELEVATION *elevation;
    TOKEN_GROUPS *groups;
    TOKEN_USER *who;
    ULONG number[2] = {0, 0x55555555};
    PVOID out;
    int before, found = 0;

    machine_start();
    admin = subject_of(SEX_ADMINISTRATOR);
    user = subject_of(0);
    before = pool_blocks();
    CHECK_EQ(SeQueryInformationToken(SexSystemToken(), TokenUser, (PVOID *)&who), STATUS_SUCCESS);
    CHECK(RtlEqualSid(who->User.Sid, SeExports->SeLocalSystemSid));
    ExFreePool(who);
    CHECK_EQ(SeQueryInformationToken(admin.PrimaryToken, TokenGroups, (PVOID *)&groups),
             STATUS_SUCCESS);
    for (ULONG i = 0; i < groups->GroupCount; i++)
        found += RtlEqualSid(groups->Groups[i].Sid, SeExports->SeAliasAdminsSid);
    CHECK_EQ(found, 1);
    CHECK_EQ(SeQueryInformationToken(admin.PrimaryToken, TokenStatistics, (PVOID *)&stats),
             STATUS_SUCCESS);
    CHECK_EQ(stats->GroupCount, groups->GroupCount);
    CHECK_EQ(stats->TokenType, TokenPrimary);
    ExFreePool(stats);
    ExFreePool(groups);
    /* 32-bit values, not pointers: what stands behind them is left alone. */
    CHECK_EQ(SeQueryInformationToken(user.PrimaryToken, TokenIntegrityLevel, (PVOID *)number),
             STATUS_SUCCESS);
    CHECK_EQ(number[0], SECURITY_MANDATORY_MEDIUM_RID);
    CHECK_EQ(number[1], 0x55555555);
    CHECK_EQ(SeQueryInformationToken(user.PrimaryToken, TokenSessionId, (PVOID *)number),
             STATUS_SUCCESS);
    CHECK_EQ(number[0], 1);
    CHECK_EQ(SeQueryInformationToken(admin.PrimaryToken, TokenElevation, (PVOID *)&elevation),
             STATUS_SUCCESS);
    CHECK_EQ(elevation->TokenIsElevated, 1);
    ExFreePool(elevation);
    CHECK_EQ(SeQueryInformationToken(user.PrimaryToken, TokenImpersonationLevel, &out),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(SeQueryInformationToken(user.PrimaryToken, MaxTokenInfoClass, &out),
             STATUS_INVALID_INFO_CLASS);
    CHECK(SeTokenIsAdmin(admin.PrimaryToken) && !SeTokenIsAdmin(user.PrimaryToken));
    CHECK_EQ(pool_blocks(), before);
}

static ACCESS_ALLOWED_ACE *ace_of(PSECURITY_DESCRIPTOR d, ULONG index)
{
    BOOLEAN present, defaulted;
    PVOID ace = NULL;
    PACL acl;

    REQUIRE(NT_SUCCESS(RtlGetDaclSecurityDescriptor(d, &present, &acl, &defaulted)) && present &&
            acl);
    RtlGetAce(acl, index, &ace);
    return ace;
}

TEST(inherit, "se.SeAssignSecurity.what_a_parent_hands_down")
{
    SECURITY_SUBJECT_CONTEXT user;
    PSECURITY_DESCRIPTOR new;
    ACCESS_ALLOWED_ACE *ace;
    struct object parent;
    BOOLEAN defaulted;
    PSID owner;
    int before;

    machine_start();
    user = subject_of(0);
    object_of(&parent, SeExports->SeAliasAdminsSid);
    RtlAddAccessAllowedAceEx((PACL)parent.dacl, ACL_REVISION,
                             OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE, FILE_READ_DATA,
                             SeExports->SeWorldSid);
    RtlAddAccessAllowedAceEx((PACL)parent.dacl, ACL_REVISION,
                             OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE | INHERIT_ONLY_ACE,
                             GENERIC_ALL, SeExports->SeCreatorOwnerSid);
    RtlAddAccessAllowedAceEx((PACL)parent.dacl, ACL_REVISION, 0, FILE_WRITE_DATA,
                             SeExports->SeWorldSid);
    before = pool_blocks();
    CHECK_EQ(SeAssignSecurity(&parent.d, NULL, &new, FALSE, &user, &file, PagedPool),
             STATUS_SUCCESS);
    RtlGetOwnerSecurityDescriptor(new, &owner, &defaulted);
    ace = ace_of(new, 0);
    CHECK_EQ(ace->Mask, FILE_READ_DATA);
    CHECK_EQ(ace->Header.AceFlags, 0);
    ace = ace_of(new, 1);
    REQUIRE(ace);
    CHECK_EQ(ace->Mask, FILE_ALL_ACCESS);
    CHECK(RtlEqualSid(&ace->SidStart, owner));
    CHECK(ace_of(new, 2) == NULL);
    CHECK(RtlValidRelativeSecurityDescriptor(new, RtlLengthSecurityDescriptor(new), 7));
    CHECK_EQ(SeDeassignSecurity(&new), STATUS_SUCCESS);
    CHECK(new == NULL);
    /* A directory keeps what it hands further down: the creator's ACE becomes two. */
    CHECK_EQ(SeAssignSecurityEx(&parent.d, NULL, &new, NULL, TRUE, SEF_DACL_AUTO_INHERIT, &user,
                                &file, PagedPool),
             STATUS_SUCCESS);
    CHECK_EQ(ace_of(new, 0)->Header.AceFlags,
             OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE | INHERITED_ACE);
    CHECK_EQ(ace_of(new, 1)->Header.AceFlags, INHERITED_ACE);
    CHECK_EQ(ace_of(new, 1)->Mask, FILE_ALL_ACCESS);
    CHECK_EQ(ace_of(new, 2)->Header.AceFlags,
             OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE | INHERIT_ONLY_ACE | INHERITED_ACE);
    CHECK_EQ(ace_of(new, 2)->Mask, GENERIC_ALL);
    SeDeassignSecurity(&new);
    CHECK_EQ(pool_blocks(), before);
}

TEST(explicit, "se.SeAssignSecurityEx.explicit_default_and_owner")
{
    SECURITY_SUBJECT_CONTEXT user;
    PSECURITY_DESCRIPTOR new;
    struct object parent, mine;

    machine_start();
    user = subject_of(0);
    object_of(&parent, SeExports->SeAliasAdminsSid);
    RtlAddAccessAllowedAceEx((PACL)parent.dacl, ACL_REVISION, OBJECT_INHERIT_ACE, FILE_READ_DATA,
                             SeExports->SeWorldSid);
    object_of(&mine, NULL);
    allow(&mine, GENERIC_WRITE, SeExports->SeAliasUsersSid);
    CHECK_EQ(SeAssignSecurity(&parent.d, &mine.d, &new, FALSE, &user, &file, PagedPool),
             STATUS_SUCCESS);
    CHECK_EQ(ace_of(new, 0)->Mask, FILE_GENERIC_WRITE);
    CHECK(ace_of(new, 1) == NULL);
    SeDeassignSecurity(&new);
    CHECK_EQ(SeAssignSecurityEx(&parent.d, &mine.d, &new, NULL, FALSE, SEF_DACL_AUTO_INHERIT, &user,
                                &file, PagedPool),
             STATUS_SUCCESS);
    CHECK_EQ(ace_of(new, 1)->Mask, FILE_READ_DATA); /* inherited behind explicit */
    CHECK_EQ(ace_of(new, 1)->Header.AceFlags, INHERITED_ACE);
    SeDeassignSecurity(&new);
    mine.d.Control |= SE_DACL_DEFAULTED; /* a default gives way to inheritance */
    CHECK_EQ(SeAssignSecurity(&parent.d, &mine.d, &new, FALSE, &user, &file, PagedPool),
             STATUS_SUCCESS);
    CHECK_EQ(ace_of(new, 0)->Mask, FILE_READ_DATA);
    SeDeassignSecurity(&new);
    RtlSetOwnerSecurityDescriptor(&mine.d, SeExports->SeLocalSystemSid, FALSE);
    CHECK_EQ(SeAssignSecurity(NULL, &mine.d, &new, FALSE, &user, &file, PagedPool),
             STATUS_INVALID_OWNER);
    CHECK_EQ(SeAssignSecurityEx(NULL, NULL, &new, NULL, FALSE, 0, &user, &file, PagedPool),
             STATUS_SUCCESS);
    CHECK(ace_of(new, 0) != NULL); /* the token's default list */
    SeDeassignSecurity(&new);
}

TEST(capture, "se.SeCaptureSecurityDescriptor.modes_and_damage")
{
    PSECURITY_DESCRIPTOR out;
    struct object o, *user;
    int before;

    machine_start();
    object_of(&o, SeExports->SeAliasAdminsSid);
    allow(&o, 1, SeExports->SeWorldSid);
    before = pool_blocks();
    CHECK_EQ(SeCaptureSecurityDescriptor(&o.d, KernelMode, PagedPool, FALSE, &out), STATUS_SUCCESS);
    CHECK(out == &o.d);
    SeReleaseSecurityDescriptor(out, KernelMode, FALSE);
    CHECK_EQ(SeCaptureSecurityDescriptor(&o.d, KernelMode, PagedPool, TRUE, &out), STATUS_SUCCESS);
    CHECK(out != &o.d &&
          RtlValidRelativeSecurityDescriptor(out, RtlLengthSecurityDescriptor(out), 5));
    SeReleaseSecurityDescriptor(out, KernelMode, TRUE);
    /* Kernel memory named by user mode, then good user memory, then a hole in it. */
    CHECK_EQ(SeCaptureSecurityDescriptor(&o.d, UserMode, PagedPool, TRUE, &out),
             STATUS_ACCESS_VIOLATION);
    user = MmxAllocateUser(sizeof *user, PAGE_READWRITE);
    REQUIRE(user);
    object_of(user, NULL);
    allow(user, 1, SeExports->SeWorldSid);
    CHECK_EQ(SeCaptureSecurityDescriptor(&user->d, UserMode, PagedPool, TRUE, &out),
             STATUS_SUCCESS);
    SeReleaseSecurityDescriptor(out, UserMode, TRUE);
    ((PACL)user->dacl)->AceCount = 9;
    CHECK_EQ(SeCaptureSecurityDescriptor(&user->d, UserMode, PagedPool, TRUE, &out),
             STATUS_INVALID_ACL);
    user->d.Dacl = (PACL)0x1000;
    CHECK_EQ(SeCaptureSecurityDescriptor(&user->d, UserMode, PagedPool, TRUE, &out),
             STATUS_ACCESS_VIOLATION);
    user->d.Revision = 7;
    CHECK_EQ(SeCaptureSecurityDescriptor(&user->d, UserMode, PagedPool, TRUE, &out),
             STATUS_UNKNOWN_REVISION);
    CHECK_EQ(pool_blocks(), before);
}

/* SPDX-License-Identifier: MIT */
/* SIDs, ACLs, and descriptors in both forms. */
#include "se_test.h"

static SID_IDENTIFIER_AUTHORITY nt_authority = {SECURITY_NT_AUTHORITY};

static PSID make_sid(void *memory, ULONG a, ULONG b)
{
    CHECK_EQ(RtlInitializeSid(memory, &nt_authority, 2), STATUS_SUCCESS);
    *RtlSubAuthoritySid(memory, 0) = a;
    *RtlSubAuthoritySid(memory, 1) = b;
    return memory;
}

static void sid_text(PSID sid, const char *want)
{
    UNICODE_STRING text;
    char narrow[200] = {0};

    REQUIRE(NT_SUCCESS(RtlConvertSidToUnicodeString(&text, sid, TRUE)));
    for (unsigned i = 0; i < text.Length / 2; i++)
        narrow[i] = (char)text.Buffer[i];
    CHECK_STR(narrow, want);
    CHECK_EQ(text.Buffer[text.Length / 2], 0);
    RtlFreeUnicodeString(&text);
}

TEST(sid, "se.RtlInitializeSid.parts")
{
    ULONG a[17], b[17];

    machine_start();
    make_sid(a, 32, 544);
    CHECK(RtlValidSid(a));
    CHECK_EQ(RtlLengthSid(a), 16);
    CHECK_EQ(*RtlSubAuthorityCountSid(a), 2);
    CHECK_EQ(RtlIdentifierAuthoritySid(a)->Value[5], 5);
    CHECK_EQ(RtlCopySid(15, b, a), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(RtlCopySid(16, b, a), STATUS_SUCCESS);
    CHECK(RtlEqualSid(a, b));
    *RtlSubAuthoritySid(b, 1) = 545;
    CHECK(!RtlEqualSid(a, b));
    CHECK(RtlEqualSid(a, SeExports->SeAliasAdminsSid));
    CHECK_EQ(RtlInitializeSid(a, &nt_authority, 16), STATUS_INVALID_PARAMETER);
    ((SID *)b)->SubAuthorityCount = 16;
    CHECK(!RtlValidSid(b));
    CHECK_EQ(RtlInitializeSidEx(b, &nt_authority, 3, 21, 7, 0xffffffffu), STATUS_SUCCESS);
    sid_text(b, "S-1-5-21-7-4294967295");
}

TEST(sid_words, "se.RtlConvertSidToUnicodeString.forms")
{
    SID_IDENTIFIER_AUTHORITY wide = {{0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc}};
    WCHAR buffer[12];
    UNICODE_STRING text = {0, sizeof buffer, buffer};
    ULONG sid[17];

    machine_start();
    sid_text(SeExports->SeLocalSystemSid, "S-1-5-18");
    sid_text(SeExports->SeAliasAdminsSid, "S-1-5-32-544");
    RtlInitializeSid(sid, &wide, 0);
    sid_text(sid, "S-1-0x123456789abc");
    CHECK_EQ(RtlConvertSidToUnicodeString(&text, SeExports->SeLocalSystemSid, FALSE),
             STATUS_SUCCESS);
    CHECK_EQ(text.Length, 16);
    text.MaximumLength = 15;
    CHECK_EQ(RtlConvertSidToUnicodeString(&text, SeExports->SeLocalSystemSid, FALSE),
             STATUS_BUFFER_OVERFLOW);
    ((SID *)sid)->Revision = 2;
    CHECK_EQ(RtlConvertSidToUnicodeString(&text, sid, FALSE), STATUS_INVALID_SID);
}

TEST(acl, "se.RtlAddAce.order_and_room")
{
    UCHAR memory[64];
    PACL acl = (PACL)memory;
    ACCESS_ALLOWED_ACE *first;
    UCHAR copy[20];
    PVOID ace;

    machine_start();
    CHECK_EQ(RtlCreateAcl(acl, 7, ACL_REVISION), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(RtlCreateAcl(acl, 64, 1), STATUS_INVALID_PARAMETER);
    CHECK_EQ(RtlCreateAcl(acl, 0x10000, ACL_REVISION), STATUS_INVALID_PARAMETER);
    CHECK_EQ(RtlCreateAcl(acl, 8 + 20 + 20 + 3, ACL_REVISION), STATUS_SUCCESS);
    CHECK_EQ(acl->AclSize, 48);
    CHECK_EQ(RtlAddAccessAllowedAce(acl, ACL_REVISION, 0x11, SeExports->SeWorldSid),
             STATUS_SUCCESS);
    CHECK_EQ(RtlGetAce(acl, 0, &ace), STATUS_SUCCESS);
    memcpy(copy, ace, 20);
    CHECK_EQ(RtlGetAce(acl, 1, &ace), STATUS_INVALID_PARAMETER);
    CHECK_EQ(RtlAddAccessAllowedAceEx(acl, ACL_REVISION, 0x40, 1, SeExports->SeWorldSid),
             STATUS_INVALID_PARAMETER);
    CHECK_EQ(RtlAddAccessDeniedAce(acl, ACL_REVISION, 0x22, SeExports->SeLocalSystemSid),
             STATUS_SUCCESS);
    CHECK_EQ(RtlAddAccessAllowedAce(acl, ACL_REVISION, 1, SeExports->SeWorldSid),
             STATUS_ALLOTTED_SPACE_EXCEEDED);
    CHECK_EQ(RtlAddAce(acl, ACL_REVISION, 0, copy, sizeof copy), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(RtlDeleteAce(acl, 0), STATUS_SUCCESS);
    CHECK_EQ(acl->AceCount, 1);
    CHECK_EQ(RtlAddAce(acl, ACL_REVISION, 0, copy, sizeof copy), STATUS_SUCCESS);
    CHECK_EQ(RtlGetAce(acl, 0, (PVOID *)&first), STATUS_SUCCESS);
    CHECK_EQ(first->Mask, 0x11);
    CHECK_EQ(RtlGetAce(acl, 1, (PVOID *)&first), STATUS_SUCCESS);
    CHECK_EQ(first->Mask, 0x22);
    CHECK_EQ(first->Header.AceType, ACCESS_DENIED_ACE_TYPE);
    CHECK_EQ(RtlAddAce(acl, ACL_REVISION, 0, copy, 19), STATUS_INVALID_PARAMETER);
    CHECK_EQ(RtlDeleteAce(acl, 2), STATUS_INVALID_PARAMETER);
}

/* Owner Administrators, group System, a DACL of one ACE, no SACL. */
static void fill(SECURITY_DESCRIPTOR *d, PACL acl, ULONG bytes)
{
    CHECK_EQ(RtlCreateSecurityDescriptor(d, 1), STATUS_SUCCESS);
    CHECK_EQ(RtlCreateAcl(acl, bytes, ACL_REVISION), STATUS_SUCCESS);
    CHECK_EQ(RtlAddAccessAllowedAce(acl, ACL_REVISION, GENERIC_READ, SeExports->SeWorldSid),
             STATUS_SUCCESS);
    CHECK_EQ(RtlSetOwnerSecurityDescriptor(d, SeExports->SeAliasAdminsSid, FALSE), STATUS_SUCCESS);
    CHECK_EQ(RtlSetGroupSecurityDescriptor(d, SeExports->SeLocalSystemSid, TRUE), STATUS_SUCCESS);
    CHECK_EQ(RtlSetDaclSecurityDescriptor(d, TRUE, acl, FALSE), STATUS_SUCCESS);
}

TEST(forms, "se.RtlAbsoluteToSelfRelativeSD.there_and_back")
{
    SECURITY_DESCRIPTOR d, back;
    ULONG acl[8], dacl[8], sacl[8], owner[8], group[8], relative[40];
    ULONG n = 0, sizes[5] = {0};
    BOOLEAN present, defaulted;
    PACL found;
    PSID sid;

    machine_start();
    fill(&d, (PACL)acl, 28);
    CHECK(RtlValidSecurityDescriptor(&d));
    CHECK_EQ(RtlLengthSecurityDescriptor(&d), 40 + 28 + 16 + 12);
    CHECK_EQ(RtlAbsoluteToSelfRelativeSD(&d, relative, &n), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(n, 20 + 28 + 16 + 12);
    CHECK_EQ(RtlAbsoluteToSelfRelativeSD(&d, relative, &n), STATUS_SUCCESS);
    CHECK_EQ(RtlLengthSecurityDescriptor(relative), n);
    CHECK_EQ(RtlAbsoluteToSelfRelativeSD(relative, relative, &n), STATUS_BAD_DESCRIPTOR_FORMAT);
    CHECK_EQ(RtlSetOwnerSecurityDescriptor(relative, NULL, FALSE), STATUS_INVALID_SECURITY_DESCR);
    CHECK_EQ(RtlGetOwnerSecurityDescriptor(relative, &sid, &defaulted), STATUS_SUCCESS);
    CHECK(RtlEqualSid(sid, SeExports->SeAliasAdminsSid) && !defaulted);
    CHECK_EQ(RtlGetGroupSecurityDescriptor(relative, &sid, &defaulted), STATUS_SUCCESS);
    CHECK(RtlEqualSid(sid, SeExports->SeLocalSystemSid) && defaulted);
    CHECK_EQ(RtlGetSaclSecurityDescriptor(relative, &present, &found, &defaulted), STATUS_SUCCESS);
    CHECK(!present);
    CHECK_EQ(RtlSelfRelativeToAbsoluteSD(relative, &back, &sizes[0], (PACL)dacl, &sizes[1],
                                         (PACL)sacl, &sizes[2], owner, &sizes[3], group, &sizes[4]),
             STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(sizes[0], 40);
    CHECK_EQ(sizes[1], 28);
    CHECK_EQ(sizes[2], 0);
    CHECK_EQ(sizes[3], 16);
    CHECK_EQ(RtlSelfRelativeToAbsoluteSD(relative, &back, &sizes[0], (PACL)dacl, &sizes[1],
                                         (PACL)sacl, &sizes[2], owner, &sizes[3], group, &sizes[4]),
             STATUS_SUCCESS);
    CHECK_EQ(RtlGetDaclSecurityDescriptor(&back, &present, &found, &defaulted), STATUS_SUCCESS);
    CHECK(present && found == (PACL)dacl && !memcmp(dacl, acl, 28));
    CHECK(!(back.Control & SE_SELF_RELATIVE) && back.Sacl == NULL);
}

TEST(hostile, "se.RtlValidRelativeSecurityDescriptor.hostile_input")
{
    SECURITY_DESCRIPTOR d;
    ULONG acl[8], relative[40], n = sizeof relative;
    SECURITY_DESCRIPTOR_RELATIVE *r = (SECURITY_DESCRIPTOR_RELATIVE *)relative;

    machine_start();
    fill(&d, (PACL)acl, 28);
    CHECK_EQ(RtlAbsoluteToSelfRelativeSD(&d, relative, &n), STATUS_SUCCESS);
    CHECK(RtlValidRelativeSecurityDescriptor(
        relative, n, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION));
    CHECK(!RtlValidRelativeSecurityDescriptor(relative, n, SACL_SECURITY_INFORMATION));
    for (ULONG cut = 0; cut < n; cut++)
        CHECK(!RtlValidRelativeSecurityDescriptor(relative, cut, 0));
    r->Owner += 0x7ffffffc;
    CHECK(!RtlValidRelativeSecurityDescriptor(relative, n, 0));
    r->Owner = 4; /* inside the header */
    CHECK(!RtlValidRelativeSecurityDescriptor(relative, n, 0));
    r->Owner = 0;
    CHECK(RtlValidRelativeSecurityDescriptor(relative, n, 0));
    ((ACL *)((char *)r + r->Dacl))->AceCount = 2;
    CHECK(!RtlValidRelativeSecurityDescriptor(relative, n, 0));
    CHECK(!RtlValidSecurityDescriptor(relative));
}

TEST(query, "se.SeQuerySecurityDescriptorInfo.parts_and_sizes")
{
    SECURITY_DESCRIPTOR d;
    ULONG acl[8], out[40], n;
    PSECURITY_DESCRIPTOR object = &d, none = NULL;
    SECURITY_INFORMATION owner = OWNER_SECURITY_INFORMATION, all = 0xf;
    BOOLEAN flag;
    PSID sid;
    int before;

    machine_start();
    fill(&d, (PACL)acl, 28);
    before = pool_blocks();
    n = 35;
    CHECK_EQ(SeQuerySecurityDescriptorInfo(&owner, out, &n, &object), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(n, 36);
    CHECK_EQ(SeQuerySecurityDescriptorInfo(&owner, out, &n, &object), STATUS_SUCCESS);
    CHECK(RtlValidRelativeSecurityDescriptor(out, n, OWNER_SECURITY_INFORMATION));
    CHECK_EQ(RtlGetGroupSecurityDescriptor(out, &sid, &flag), STATUS_SUCCESS);
    CHECK(sid == NULL && !flag);
    n = sizeof out;
    CHECK_EQ(SeQuerySecurityDescriptorInfo(&all, out, &n, &object), STATUS_SUCCESS);
    CHECK_EQ(n, 76);
    n = 20;
    CHECK_EQ(SeQuerySecurityDescriptorInfo(&all, out, &n, &none), STATUS_SUCCESS);
    CHECK_EQ(((SECURITY_DESCRIPTOR *)out)->Control, SE_SELF_RELATIVE);
    CHECK_EQ(pool_blocks(), before);
}

TEST(set, "se.SeSetSecurityDescriptorInfo.replaces_the_named_parts")
{
    GENERIC_MAPPING mapping = {0x1, 0x2, 0x4, 0xff};
    SECURITY_INFORMATION dacl = DACL_SECURITY_INFORMATION, owner = OWNER_SECURITY_INFORMATION;
    SECURITY_DESCRIPTOR d, change;
    ULONG acl[8], acl2[8], relative[40], n = sizeof relative;
    PSECURITY_DESCRIPTOR object = relative, none = NULL, was;
    ACCESS_ALLOWED_ACE *ace;
    BOOLEAN flag, present;
    PSID sid;
    PACL found;
    int before;

    machine_start();
    fill(&d, (PACL)acl, 28);
    fill(&change, (PACL)acl2, 32);
    REQUIRE(NT_SUCCESS(RtlAbsoluteToSelfRelativeSD(&d, relative, &n)));
    before = pool_blocks();
    CHECK_EQ(SeSetSecurityDescriptorInfo(NULL, &dacl, &change, &none, PagedPool, &mapping),
             STATUS_NO_SECURITY_ON_OBJECT);
    was = &d;
    CHECK_EQ(SeSetSecurityDescriptorInfo(NULL, &dacl, &change, &was, PagedPool, &mapping),
             STATUS_BAD_DESCRIPTOR_FORMAT);
    RtlSetOwnerSecurityDescriptor(&change, SeExports->SeWorldSid, FALSE);
    CHECK_EQ(SeSetSecurityDescriptorInfo(NULL, &dacl, &change, &object, PagedPool, &mapping),
             STATUS_SUCCESS);
    CHECK(object != relative);
    CHECK_EQ(RtlGetOwnerSecurityDescriptor(object, &sid, &flag), STATUS_SUCCESS);
    CHECK(RtlEqualSid(sid, SeExports->SeAliasAdminsSid));
    CHECK_EQ(RtlGetDaclSecurityDescriptor(object, &present, &found, &flag), STATUS_SUCCESS);
    REQUIRE(present && NT_SUCCESS(RtlGetAce(found, 0, (PVOID *)&ace)));
    CHECK_EQ(ace->Mask, 1); /* GENERIC_READ in the object's own rights */
    was = object;
    CHECK_EQ(SeSetSecurityDescriptorInfo(NULL, &owner, &change, &object, PagedPool, &mapping),
             STATUS_SUCCESS);
    CHECK_EQ(RtlGetOwnerSecurityDescriptor(object, &sid, &flag), STATUS_SUCCESS);
    CHECK(RtlEqualSid(sid, SeExports->SeWorldSid)); /* System holds SeRestorePrivilege */
    ExFreePool(was);
    was = object;
    RtlSetOwnerSecurityDescriptor(&change, NULL, FALSE);
    CHECK_EQ(SeSetSecurityDescriptorInfo(NULL, &owner, &change, &object, PagedPool, &mapping),
             STATUS_INVALID_OWNER);
    CHECK(object == was);
    ExFreePool(object);
    CHECK_EQ(pool_blocks(), before);
}

/* SPDX-License-Identifier: MIT */
/*
 * Security descriptors in both forms: absolute (pointers) and self-relative (offsets in one block).
 * Every routine reads either through a SEX_VIEW.
 */
#include "se/sep.h"

#include <string.h>

static void *AtOffset(const void *Descriptor, ULONG Offset)
{
    return Offset ? (void *)((uintptr_t)Descriptor + Offset) : NULL;
}

SEX_VIEW SexReadDescriptor(const void *Descriptor)
{
    const SECURITY_DESCRIPTOR *a = Descriptor;
    const SECURITY_DESCRIPTOR_RELATIVE *r = Descriptor;
    SEX_VIEW View = {.Control = a->Control};

    if (a->Control & SE_SELF_RELATIVE) {
        View.Owner = AtOffset(r, r->Owner);
        View.Group = AtOffset(r, r->Group);
        View.Sacl = r->Control & SE_SACL_PRESENT ? AtOffset(r, r->Sacl) : NULL;
        View.Dacl = r->Control & SE_DACL_PRESENT ? AtOffset(r, r->Dacl) : NULL;
    } else {
        View.Owner = a->Owner;
        View.Group = a->Group;
        View.Sacl = a->Control & SE_SACL_PRESENT ? a->Sacl : NULL;
        View.Dacl = a->Control & SE_DACL_PRESENT ? a->Dacl : NULL;
    }
    return View;
}

static ULONG PartsSize(const SEX_VIEW *View)
{
    return (View->Sacl ? SexRound(View->Sacl->AclSize) : 0) +
           (View->Dacl ? SexRound(View->Dacl->AclSize) : 0) +
           (View->Owner ? SexRound(RtlLengthSid(View->Owner)) : 0) +
           (View->Group ? SexRound(RtlLengthSid(View->Group)) : 0);
}

ULONG SexRelativeSize(const SEX_VIEW *View)
{
    return (ULONG)sizeof(SECURITY_DESCRIPTOR_RELATIVE) + PartsSize(View);
}

static ULONG WritePart(void *Descriptor, ULONG *At, const void *Part, ULONG Size)
{
    ULONG Offset = *At;

    if (!Part)
        return 0;
    memcpy((UCHAR *)Descriptor + Offset, Part, Size);
    *At += SexRound(Size);
    return Offset;
}

void SexWriteRelative(const SEX_VIEW *View, void *Descriptor)
{
    SECURITY_DESCRIPTOR_RELATIVE *r = Descriptor;
    ULONG At = sizeof *r;

    memset(r, 0, SexRelativeSize(View));
    r->Revision = SECURITY_DESCRIPTOR_REVISION;
    r->Control = View->Control | SE_SELF_RELATIVE;
    r->Sacl = WritePart(r, &At, View->Sacl, View->Sacl ? View->Sacl->AclSize : 0);
    r->Dacl = WritePart(r, &At, View->Dacl, View->Dacl ? View->Dacl->AclSize : 0);
    r->Owner = WritePart(r, &At, View->Owner, View->Owner ? RtlLengthSid(View->Owner) : 0);
    r->Group = WritePart(r, &At, View->Group, View->Group ? RtlLengthSid(View->Group) : 0);
}

NTSTATUS SexCopyRelative(const SEX_VIEW *View, POOL_TYPE PoolType, PSECURITY_DESCRIPTOR *Descriptor)
{
    void *Copy = ExAllocatePoolWithTag(PoolType, SexRelativeSize(View), SEX_POOL_TAG);

    if (!Copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    SexWriteRelative(View, Copy);
    *Descriptor = Copy;
    return STATUS_SUCCESS;
}

/*
 * ---- making and asking
 * ------------------------------------------------------------------------------------
 */

/*
 * An empty descriptor in absolute form: no owner, no group, no ACL. STATUS_UNKNOWN_REVISION for a
 * revision other than
 * 1. nf-wdm-rtlcreatesecuritydescriptor
 */
NTSTATUS NTAPI RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Revision)
{
    if (Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    *(SECURITY_DESCRIPTOR *)SecurityDescriptor =
        (SECURITY_DESCRIPTOR){.Revision = SECURITY_DESCRIPTOR_REVISION};
    return STATUS_SUCCESS;
}

/* The same in self-relative form. nf-ntifs-rtlcreatesecuritydescriptorrelative */
NTSTATUS NTAPI RtlCreateSecurityDescriptorRelative(
    PISECURITY_DESCRIPTOR_RELATIVE SecurityDescriptor, ULONG Revision)
{
    if (Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    *SecurityDescriptor = (SECURITY_DESCRIPTOR_RELATIVE){.Revision = SECURITY_DESCRIPTOR_REVISION,
                                                         .Control = SE_SELF_RELATIVE};
    return STATUS_SUCCESS;
}

/*
 * Bytes of the header in its form and of every part, each rounded up to 4.
 * nf-wdm-rtllengthsecuritydescriptor
 */
ULONG NTAPI RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    SEX_VIEW View = SexReadDescriptor(SecurityDescriptor);

    return PartsSize(&View) + (ULONG)(View.Control & SE_SELF_RELATIVE
                                          ? sizeof(SECURITY_DESCRIPTOR_RELATIVE)
                                          : sizeof(SECURITY_DESCRIPTOR));
}

/*
 * Revision and every part in itself; where the parts lie is not judged.
 * nf-wdm-rtlvalidsecuritydescriptor
 */
BOOLEAN NTAPI RtlValidSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    SEX_VIEW View;

    if (!SecurityDescriptor ||
        ((SECURITY_DESCRIPTOR *)SecurityDescriptor)->Revision != SECURITY_DESCRIPTOR_REVISION)
        return FALSE;
    View = SexReadDescriptor(SecurityDescriptor);
    return (!View.Owner || RtlValidSid(View.Owner)) && (!View.Group || RtlValidSid(View.Group)) &&
           (!View.Dacl || SexValidAcl(View.Dacl)) && (!View.Sacl || SexValidAcl(View.Sacl));
}

/* A SID at Offset lies whole in a block of Length bytes. */
static bool SidInside(const void *Base, ULONG Offset, ULONG Length)
{
    PSID Sid = AtOffset(Base, Offset);

    return !(Offset & 3) && Offset >= sizeof(SECURITY_DESCRIPTOR_RELATIVE) && Offset <= Length &&
           Length - Offset >= RtlLengthRequiredSid(0) && RtlValidSid(Sid) &&
           Length - Offset >= RtlLengthSid(Sid);
}

static bool AclInside(const void *Base, ULONG Offset, ULONG Length)
{
    const ACL *Acl = AtOffset(Base, Offset);

    return !(Offset & 3) && Offset >= sizeof(SECURITY_DESCRIPTOR_RELATIVE) && Offset <= Length &&
           Length - Offset >= sizeof(ACL) && Acl->AclSize <= Length - Offset && SexValidAcl(Acl);
}

/*
 * A self-relative descriptor in Length bytes from an untrusted source: each part lies inside and is
 * valid, and what RequiredInformation names is there. For a DACL and a SACL the flag of presence
 * counts: a NULL DACL is one. nf-wdm-rtlvalidrelativesecuritydescriptor
 */
BOOLEAN NTAPI RtlValidRelativeSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptorInput,
                                                 ULONG SecurityDescriptorLength,
                                                 SECURITY_INFORMATION RequiredInformation)
{
    const SECURITY_DESCRIPTOR_RELATIVE *r = SecurityDescriptorInput;
    ULONG Length = SecurityDescriptorLength;

    if (Length < sizeof *r || r->Revision != SECURITY_DESCRIPTOR_REVISION ||
        !(r->Control & SE_SELF_RELATIVE))
        return FALSE;
    if (r->Owner ? !SidInside(r, r->Owner, Length)
                 : (RequiredInformation & OWNER_SECURITY_INFORMATION) != 0)
        return FALSE;
    if (r->Group ? !SidInside(r, r->Group, Length)
                 : (RequiredInformation & GROUP_SECURITY_INFORMATION) != 0)
        return FALSE;
    if (!(r->Control & SE_DACL_PRESENT) ? (RequiredInformation & DACL_SECURITY_INFORMATION) != 0
                                        : r->Dacl && !AclInside(r, r->Dacl, Length))
        return FALSE;
    if (!(r->Control & SE_SACL_PRESENT) ? (RequiredInformation & SACL_SECURITY_INFORMATION) != 0
                                        : r->Sacl && !AclInside(r, r->Sacl, Length))
        return FALSE;
    return TRUE;
}

/*
 * The same without a requirement, under the name file systems use.
 * nf-ntifs-sevalidsecuritydescriptor
 */
BOOLEAN NTAPI SeValidSecurityDescriptor(ULONG Length, PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    return RtlValidRelativeSecurityDescriptor(SecurityDescriptor, Length, 0);
}

/*
 * ---- parts
 * ------------------------------------------------------------------------------------------------
 */

static NTSTATUS ReadKnown(PSECURITY_DESCRIPTOR Descriptor, SEX_VIEW *View)
{
    if (((SECURITY_DESCRIPTOR *)Descriptor)->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    *View = SexReadDescriptor(Descriptor);
    return STATUS_SUCCESS;
}

/* Control bits and revision of a descriptor. */
NTSTATUS NTAPI RtlGetControlSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                               PSECURITY_DESCRIPTOR_CONTROL Control,
                                               PULONG Revision)
{
    const SECURITY_DESCRIPTOR *d = SecurityDescriptor;

    *Revision = d->Revision;
    if (d->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    *Control = d->Control;
    return STATUS_SUCCESS;
}

/*
 * The DACL, in the descriptor's own memory. Without one only DaclPresent is written; present and
 * NULL is a DACL that allows everything. STATUS_UNKNOWN_REVISION.
 * nf-ntifs-rtlgetdaclsecuritydescriptor
 */
NTSTATUS NTAPI RtlGetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                            PBOOLEAN DaclPresent, PACL *Dacl,
                                            PBOOLEAN DaclDefaulted)
{
    SEX_VIEW View;
    NTSTATUS Status = ReadKnown(SecurityDescriptor, &View);

    if (!NT_SUCCESS(Status))
        return Status;
    *DaclPresent = (View.Control & SE_DACL_PRESENT) != 0;
    if (*DaclPresent) {
        *Dacl = View.Dacl;
        *DaclDefaulted = (View.Control & SE_DACL_DEFAULTED) != 0;
    }
    return STATUS_SUCCESS;
}

/* As the DACL. nf-ntifs-rtlgetsaclsecuritydescriptor */
NTSTATUS NTAPI RtlGetSaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                            PBOOLEAN SaclPresent, PACL *Sacl,
                                            PBOOLEAN SaclDefaulted)
{
    SEX_VIEW View;
    NTSTATUS Status = ReadKnown(SecurityDescriptor, &View);

    if (!NT_SUCCESS(Status))
        return Status;
    *SaclPresent = (View.Control & SE_SACL_PRESENT) != 0;
    if (*SaclPresent) {
        *Sacl = View.Sacl;
        *SaclDefaulted = (View.Control & SE_SACL_DEFAULTED) != 0;
    }
    return STATUS_SUCCESS;
}

/* The owner, NULL when there is none. nf-ntifs-rtlgetownersecuritydescriptor */
NTSTATUS NTAPI RtlGetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID *Owner,
                                             PBOOLEAN OwnerDefaulted)
{
    SEX_VIEW View;
    NTSTATUS Status = ReadKnown(SecurityDescriptor, &View);

    if (!NT_SUCCESS(Status))
        return Status;
    *Owner = View.Owner;
    *OwnerDefaulted = (View.Control & SE_OWNER_DEFAULTED) != 0;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlGetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID *Group,
                                             PBOOLEAN GroupDefaulted)
{
    SEX_VIEW View;
    NTSTATUS Status = ReadKnown(SecurityDescriptor, &View);

    if (!NT_SUCCESS(Status))
        return Status;
    *Group = View.Group;
    *GroupDefaulted = (View.Control & SE_GROUP_DEFAULTED) != 0;
    return STATUS_SUCCESS;
}

/* Parts can be hung into an absolute descriptor of revision 1 only. */
static NTSTATUS Settable(const SECURITY_DESCRIPTOR *Descriptor)
{
    if (Descriptor->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    return Descriptor->Control & SE_SELF_RELATIVE ? STATUS_INVALID_SECURITY_DESCR : STATUS_SUCCESS;
}

static void SetControl(SECURITY_DESCRIPTOR *Descriptor, SECURITY_DESCRIPTOR_CONTROL Bits, bool On)
{
    Descriptor->Control =
        On ? Descriptor->Control | Bits : Descriptor->Control & (SECURITY_DESCRIPTOR_CONTROL)~Bits;
}

/*
 * Hangs the caller's DACL into an absolute descriptor; it is not copied. DaclPresent FALSE takes
 * the DACL away. STATUS_UNKNOWN_REVISION, STATUS_INVALID_SECURITY_DESCR for self-relative form.
 * nf-wdm-rtlsetdaclsecuritydescriptor
 */
NTSTATUS NTAPI RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                            BOOLEAN DaclPresent, PACL Dacl, BOOLEAN DaclDefaulted)
{
    SECURITY_DESCRIPTOR *d = SecurityDescriptor;
    NTSTATUS Status = Settable(d);

    if (!NT_SUCCESS(Status))
        return Status;
    SetControl(d, SE_DACL_PRESENT, DaclPresent);
    d->Dacl = DaclPresent ? Dacl : NULL;
    SetControl(d, SE_DACL_DEFAULTED, DaclPresent && DaclDefaulted);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlSetSaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                            BOOLEAN SaclPresent, PACL Sacl, BOOLEAN SaclDefaulted)
{
    SECURITY_DESCRIPTOR *d = SecurityDescriptor;
    NTSTATUS Status = Settable(d);

    if (!NT_SUCCESS(Status))
        return Status;
    SetControl(d, SE_SACL_PRESENT, SaclPresent);
    d->Sacl = SaclPresent ? Sacl : NULL;
    SetControl(d, SE_SACL_DEFAULTED, SaclPresent && SaclDefaulted);
    return STATUS_SUCCESS;
}

/* Owner NULL makes a descriptor without one. nf-ntifs-rtlsetownersecuritydescriptor */
NTSTATUS NTAPI RtlSetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID Owner,
                                             BOOLEAN OwnerDefaulted)
{
    SECURITY_DESCRIPTOR *d = SecurityDescriptor;
    NTSTATUS Status = Settable(d);

    if (!NT_SUCCESS(Status))
        return Status;
    d->Owner = Owner;
    SetControl(d, SE_OWNER_DEFAULTED, OwnerDefaulted);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlSetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID Group,
                                             BOOLEAN GroupDefaulted)
{
    SECURITY_DESCRIPTOR *d = SecurityDescriptor;
    NTSTATUS Status = Settable(d);

    if (!NT_SUCCESS(Status))
        return Status;
    d->Group = Group;
    SetControl(d, SE_GROUP_DEFAULTED, GroupDefaulted);
    return STATUS_SUCCESS;
}

/*
 * ---- from one form to the other
 * -----------------------------------------------------------------------------
 */

/*
 * STATUS_BAD_DESCRIPTOR_FORMAT when the source is self-relative already, STATUS_BUFFER_TOO_SMALL
 * with the size needed in *BufferLength. nf-ntifs-rtlabsolutetoselfrelativesd
 */
NTSTATUS NTAPI RtlAbsoluteToSelfRelativeSD(PSECURITY_DESCRIPTOR AbsoluteSecurityDescriptor,
                                           PSECURITY_DESCRIPTOR SelfRelativeSecurityDescriptor,
                                           PULONG BufferLength)
{
    SEX_VIEW View = SexReadDescriptor(AbsoluteSecurityDescriptor);
    ULONG Needed, Given = *BufferLength;

    if (View.Control & SE_SELF_RELATIVE)
        return STATUS_BAD_DESCRIPTOR_FORMAT;
    Needed = SexRelativeSize(&View);
    *BufferLength = Needed;
    if (Given < Needed)
        return STATUS_BUFFER_TOO_SMALL;
    SexWriteRelative(&View, SelfRelativeSecurityDescriptor);
    return STATUS_SUCCESS;
}

/* Copies one part into its own buffer. FALSE: too small. *Size becomes what is needed. */
static bool TakePart(const void *Part, ULONG Length, void *Buffer, PULONG Size)
{
    bool Fits = Length <= *Size;

    *Size = Length;
    if (Fits && Part && Buffer)
        memcpy(Buffer, Part, Length);
    return Fits;
}

/*
 * Splits a self-relative descriptor over five buffers of the caller. All sizes come back, then
 * nothing was written if one was too small (STATUS_BUFFER_TOO_SMALL). STATUS_BAD_DESCRIPTOR_FORMAT
 * when the source is absolute. nf-ntifs-rtlselfrelativetoabsolutesd
 */
NTSTATUS NTAPI RtlSelfRelativeToAbsoluteSD(PSECURITY_DESCRIPTOR SelfRelativeSecurityDescriptor,
                                           PSECURITY_DESCRIPTOR AbsoluteSecurityDescriptor,
                                           PULONG AbsoluteSecurityDescriptorSize, PACL Dacl,
                                           PULONG DaclSize, PACL Sacl, PULONG SaclSize, PSID Owner,
                                           PULONG OwnerSize, PSID PrimaryGroup,
                                           PULONG PrimaryGroupSize)
{
    SEX_VIEW View = SexReadDescriptor(SelfRelativeSecurityDescriptor);
    SECURITY_DESCRIPTOR *d = AbsoluteSecurityDescriptor;
    struct {
        const void *Part;
        void *Buffer;
        ULONG Length;
        PULONG Size;
    } p[] = {
        {NULL, NULL, sizeof *d, AbsoluteSecurityDescriptorSize},
        {View.Dacl, Dacl, View.Dacl ? SexRound(View.Dacl->AclSize) : 0, DaclSize},
        {View.Sacl, Sacl, View.Sacl ? SexRound(View.Sacl->AclSize) : 0, SaclSize},
        {View.Owner, Owner, View.Owner ? RtlLengthSid(View.Owner) : 0, OwnerSize},
        {View.Group, PrimaryGroup, View.Group ? RtlLengthSid(View.Group) : 0, PrimaryGroupSize},
    };
    bool Fits = true;

    if (!(View.Control & SE_SELF_RELATIVE))
        return STATUS_BAD_DESCRIPTOR_FORMAT;
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++)
        Fits = TakePart(NULL, p[i].Length, NULL, p[i].Size) && Fits;
    if (!Fits)
        return STATUS_BUFFER_TOO_SMALL;
    for (size_t i = 1; i < sizeof p / sizeof p[0]; i++)
        TakePart(p[i].Part, p[i].Length, p[i].Buffer, p[i].Size);
    *d = (SECURITY_DESCRIPTOR){.Revision = SECURITY_DESCRIPTOR_REVISION,
                               .Control =
                                   View.Control & (SECURITY_DESCRIPTOR_CONTROL)~SE_SELF_RELATIVE,
                               .Owner = View.Owner ? Owner : NULL,
                               .Group = View.Group ? PrimaryGroup : NULL,
                               .Sacl = View.Sacl ? Sacl : NULL,
                               .Dacl = View.Dacl ? Dacl : NULL};
    return STATUS_SUCCESS;
}

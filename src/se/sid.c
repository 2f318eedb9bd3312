/* SPDX-License-Identifier: MIT */
/* Security identifiers. A SID is a revision, a 48-bit authority (most significant byte first) and
 * up to 15 numbers. */
#include "se/sep.h"

#include <stdio.h>
#include <string.h>

/* Room for S-255-0x followed by twelve hexadecimal digits and fifteen numbers of ten digits, each
 * with its dash. */
#define SID_TEXT 192

/*
 * TRUE when revision and count are those of a SID; the memory behind them is the caller's word. Any
 * IRQL at which Sid can be read. nf-ntifs-rtlvalidsid
 */
BOOLEAN NTAPI RtlValidSid(PSID Sid)
{
    const SID *s = Sid;

    return s && s->Revision == SID_REVISION && s->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES;
}

/* Bytes of a SID with that many sub-authorities. nf-ntifs-rtllengthrequiredsid */
ULONG NTAPI RtlLengthRequiredSid(ULONG SubAuthorityCount)
{
    return (ULONG)(FIELD_OFFSET(SID, SubAuthority) + SubAuthorityCount * sizeof(ULONG));
}

/* Bytes of a valid SID; what comes back for another one means nothing. nf-ntifs-rtllengthsid */
ULONG NTAPI RtlLengthSid(PSID Sid)
{
    return RtlLengthRequiredSid(((SID *)Sid)->SubAuthorityCount);
}

/* TRUE for two equal SIDs; both are valid. nf-ntifs-rtlequalsid */
BOOLEAN NTAPI RtlEqualSid(PSID Sid1, PSID Sid2)
{
    const SID *a = Sid1, *b = Sid2;

    return a->Revision == b->Revision && a->SubAuthorityCount == b->SubAuthorityCount &&
           !memcmp(a, b, RtlLengthRequiredSid(a->SubAuthorityCount));
}

/* Copies a SID into DestinationSidLength bytes: STATUS_BUFFER_TOO_SMALL leaves them alone.
 * nf-ntifs-rtlcopysid */
NTSTATUS NTAPI RtlCopySid(ULONG DestinationSidLength, PSID DestinationSid, PSID SourceSid)
{
    ULONG Length = RtlLengthSid(SourceSid);

    if (Length > DestinationSidLength)
        return STATUS_BUFFER_TOO_SMALL;
    memmove(DestinationSid, SourceSid, Length);
    return STATUS_SUCCESS;
}

/*
 * Writes revision, authority and count; the sub-authorities are the caller's to fill through
 * RtlSubAuthoritySid. The buffer has RtlLengthRequiredSid bytes. More than 15 sub-authorities:
 * STATUS_INVALID_PARAMETER. nf-ntifs-rtlinitializesid
 */
NTSTATUS NTAPI RtlInitializeSid(PSID Sid, PSID_IDENTIFIER_AUTHORITY IdentifierAuthority,
                                UCHAR SubAuthorityCount)
{
    SID *s = Sid;

    if (SubAuthorityCount > SID_MAX_SUB_AUTHORITIES)
        return STATUS_INVALID_PARAMETER;
    s->Revision = SID_REVISION;
    s->SubAuthorityCount = SubAuthorityCount;
    s->IdentifierAuthority = *IdentifierAuthority;
    return STATUS_SUCCESS;
}

/* The prototype is NT's; its last named argument is narrower than C likes before a list, which the
 * Microsoft convention, one slot for every argument, does not mind. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wvarargs"
/* The same with the sub-authorities as further arguments. nf-ntifs-rtlinitializesidex */
NTSTATUS NTAPIV RtlInitializeSidEx(PSID Sid, PSID_IDENTIFIER_AUTHORITY IdentifierAuthority,
                                   UCHAR SubAuthorityCount, ...)
{
    NTSTATUS Status = RtlInitializeSid(Sid, IdentifierAuthority, SubAuthorityCount);
    __builtin_ms_va_list Args;

    if (!NT_SUCCESS(Status))
        return Status;
    __builtin_ms_va_start(Args, SubAuthorityCount);
    for (unsigned i = 0; i < SubAuthorityCount; i++)
        *RtlSubAuthoritySid(Sid, i) = __builtin_va_arg(Args, ULONG);
    __builtin_ms_va_end(Args);
    return STATUS_SUCCESS;
}
#pragma GCC diagnostic pop

/* Where parts of a SID stand, for reading and for writing. The index is not checked.
 * nf-ntifs-rtlsubauthoritysid */
PULONG NTAPI RtlSubAuthoritySid(PSID Sid, ULONG SubAuthority)
{
    return (PULONG)((UCHAR *)Sid + FIELD_OFFSET(SID, SubAuthority)) + SubAuthority;
}

PUCHAR NTAPI RtlSubAuthorityCountSid(PSID Sid)
{
    return &((SID *)Sid)->SubAuthorityCount;
}

PSID_IDENTIFIER_AUTHORITY NTAPI RtlIdentifierAuthoritySid(PSID Sid)
{
    return &((SID *)Sid)->IdentifierAuthority;
}

/* Gives back a SID from RtlAllocateAndInitializeSid, which takes it from pool; returns NULL.
 * nf-ntifs-rtlfreesid */
PVOID NTAPI RtlFreeSid(PSID Sid)
{
    if (Sid)
        ExFreePool(Sid);
    return NULL;
}

/* S-1-5-32-544. An authority that needs more than 32 bits is written in hexadecimal. */
static size_t SidText(const SID *Sid, char Text[SID_TEXT])
{
    const UCHAR *v = Sid->IdentifierAuthority.Value;
    unsigned long long Authority = 0;
    size_t n;

    for (int i = 0; i < 6; i++)
        Authority = Authority << 8 | v[i];
    n = (size_t)snprintf(Text, SID_TEXT, Authority >> 32 ? "S-%u-0x%012llx" : "S-%u-%llu",
                         Sid->Revision, Authority);
    for (unsigned i = 0; i < Sid->SubAuthorityCount; i++)
        n += (size_t)snprintf(Text + n, SID_TEXT - n, "-%u",
                              *RtlSubAuthoritySid((PSID)(uintptr_t)Sid, i));
    return n;
}

/*
 * The printed form of a SID, terminated when there is room. With AllocateDestinationString the
 * buffer comes from paged pool and goes back with RtlFreeUnicodeString. STATUS_INVALID_SID,
 * STATUS_BUFFER_OVERFLOW, STATUS_NO_MEMORY. PASSIVE_LEVEL. nf-ntifs-rtlconvertsidtounicodestring
 */
NTSTATUS NTAPI RtlConvertSidToUnicodeString(PUNICODE_STRING UnicodeString, PSID Sid,
                                            BOOLEAN AllocateDestinationString)
{
    char Text[SID_TEXT];
    size_t Units, Bytes;

    if (!RtlValidSid(Sid))
        return STATUS_INVALID_SID;
    Units = SidText(Sid, Text);
    Bytes = Units * sizeof(WCHAR);
    if (AllocateDestinationString) {
        PWSTR Buffer = ExAllocatePoolWithTag(PagedPool, Bytes + sizeof(WCHAR), 'sUlR');
        if (!Buffer)
            return STATUS_NO_MEMORY;
        UnicodeString->Buffer = Buffer;
        UnicodeString->MaximumLength = (USHORT)(Bytes + sizeof(WCHAR));
    } else if (Bytes > UnicodeString->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    for (size_t i = 0; i < Units; i++)
        UnicodeString->Buffer[i] = (WCHAR)Text[i];
    UnicodeString->Length = (USHORT)Bytes;
    if (Bytes + sizeof(WCHAR) <= UnicodeString->MaximumLength)
        UnicodeString->Buffer[Units] = 0;
    return STATUS_SUCCESS;
}

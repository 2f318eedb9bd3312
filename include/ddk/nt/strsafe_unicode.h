/* SPDX-License-Identifier: MIT */
/* The part of ntstrsafe.h for counted strings: lengths in bytes, without a terminator. */
#ifndef OPENFLT_NT_STRSAFE_UNICODE_H
#define OPENFLT_NT_STRSAFE_UNICODE_H

#include "../ntstrsafe.h"

NT_BEGIN_C

/* Counted to terminated. */
FORCEINLINE NTSTATUS RtlStringCchCopyUnicodeString(wchar_t *To, size_t Room,
                                                   PCUNICODE_STRING Source)
{
    return RtlSafeCopyW(To, Room, 0, Source->Buffer, Source->Length / sizeof(wchar_t), NULL);
}

FORCEINLINE NTSTATUS RtlStringCbCopyUnicodeString(wchar_t *To, size_t Bytes,
                                                  PCUNICODE_STRING Source)
{
    return RtlStringCchCopyUnicodeString(To, Bytes / sizeof(wchar_t), Source);
}

/* Sense of a counted string: even lengths, in order, and a buffer where there is room. */
FORCEINLINE NTSTATUS RtlUnicodeStringValidate(PCUNICODE_STRING String)
{
    if (!String || String->Length % sizeof(wchar_t) || String->MaximumLength % sizeof(wchar_t) ||
        String->Length > String->MaximumLength || (!String->Buffer && String->MaximumLength))
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

FORCEINLINE NTSTATUS RtlUnicodeStringValidateEx(PCUNICODE_STRING String, ULONG Flags)
{
    if (!String && (Flags & STRSAFE_IGNORE_NULLS))
        return STATUS_SUCCESS;
    return RtlUnicodeStringValidate(String);
}

FORCEINLINE NTSTATUS RtlUnicodeStringInit(PUNICODE_STRING To, const wchar_t *Source)
{
    size_t n = 0;

    RtlInitEmptyUnicodeString(To, NULL, 0);
    if (!Source)
        return STATUS_SUCCESS;
    while (n <= NTSTRSAFE_UNICODE_STRING_MAX_CCH && Source[n])
        n++;
    if (n > NTSTRSAFE_UNICODE_STRING_MAX_CCH)
        return STATUS_INVALID_PARAMETER;
    To->Buffer = (wchar_t *)Source;
    To->Length = (USHORT)(n * sizeof(wchar_t));
    To->MaximumLength = (USHORT)(n < NTSTRSAFE_UNICODE_STRING_MAX_CCH
                                     ? To->Length + sizeof(wchar_t)
                                     : To->Length);
    return STATUS_SUCCESS;
}

FORCEINLINE NTSTATUS RtlUnicodeStringInitEx(PUNICODE_STRING To, const wchar_t *Source,
                                            ULONG Flags)
{
    if (!To && (Flags & STRSAFE_IGNORE_NULLS))
        return STATUS_SUCCESS;
    return RtlUnicodeStringInit(To, Source);
}

/* At most Count characters of Source behind the first Used bytes of To. */
FORCEINLINE NTSTATUS NtCountedCopy(PUNICODE_STRING To, USHORT Used, const wchar_t *Source,
                                   size_t Count)
{
    size_t Room;
    size_t n = 0;
    NTSTATUS Status = RtlUnicodeStringValidate(To);

    if (!NT_SUCCESS(Status))
        return Status;
    Room = (To->MaximumLength - Used) / sizeof(wchar_t);
    while (n < Room && n < Count) {
        To->Buffer[Used / sizeof(wchar_t) + n] = Source[n];
        n++;
    }
    To->Length = (USHORT)(Used + n * sizeof(wchar_t));
    return n < Count ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

FORCEINLINE size_t NtTerminatedLength(const wchar_t *Source, size_t Max)
{
    size_t n = 0;

    while (Source && n < Max && Source[n])
        n++;
    return n;
}

FORCEINLINE NTSTATUS RtlUnicodeStringCopy(PUNICODE_STRING To, PCUNICODE_STRING Source)
{
    NTSTATUS Status = RtlUnicodeStringValidate(Source);

    return NT_SUCCESS(Status)
               ? NtCountedCopy(To, 0, Source->Buffer, Source->Length / sizeof(wchar_t))
               : Status;
}

FORCEINLINE NTSTATUS RtlUnicodeStringCchCopyN(PUNICODE_STRING To, PCUNICODE_STRING Source,
                                              size_t Count)
{
    size_t Length = Source->Length / sizeof(wchar_t);

    return NtCountedCopy(To, 0, Source->Buffer, Length < Count ? Length : Count);
}

FORCEINLINE NTSTATUS RtlUnicodeStringCbCopyN(PUNICODE_STRING To, PCUNICODE_STRING Source,
                                             size_t Bytes)
{
    return RtlUnicodeStringCchCopyN(To, Source, Bytes / sizeof(wchar_t));
}

FORCEINLINE NTSTATUS RtlUnicodeStringCopyString(PUNICODE_STRING To, const wchar_t *Source)
{
    return NtCountedCopy(To, 0, Source, NtTerminatedLength(Source, NTSTRSAFE_MAX_CCH));
}

FORCEINLINE NTSTATUS RtlUnicodeStringCchCopyStringN(PUNICODE_STRING To, const wchar_t *Source,
                                                    size_t Count)
{
    return NtCountedCopy(To, 0, Source, NtTerminatedLength(Source, Count));
}

FORCEINLINE NTSTATUS RtlUnicodeStringCbCopyStringN(PUNICODE_STRING To, const wchar_t *Source,
                                                   size_t Bytes)
{
    return RtlUnicodeStringCchCopyStringN(To, Source, Bytes / sizeof(wchar_t));
}

FORCEINLINE NTSTATUS RtlUnicodeStringCat(PUNICODE_STRING To, PCUNICODE_STRING Source)
{
    NTSTATUS Status = RtlUnicodeStringValidate(Source);

    return NT_SUCCESS(Status)
               ? NtCountedCopy(To, To->Length, Source->Buffer, Source->Length / sizeof(wchar_t))
               : Status;
}

FORCEINLINE NTSTATUS RtlUnicodeStringCchCatN(PUNICODE_STRING To, PCUNICODE_STRING Source,
                                             size_t Count)
{
    size_t Length = Source->Length / sizeof(wchar_t);

    return NtCountedCopy(To, To->Length, Source->Buffer, Length < Count ? Length : Count);
}

FORCEINLINE NTSTATUS RtlUnicodeStringCbCatN(PUNICODE_STRING To, PCUNICODE_STRING Source,
                                            size_t Bytes)
{
    return RtlUnicodeStringCchCatN(To, Source, Bytes / sizeof(wchar_t));
}

FORCEINLINE NTSTATUS RtlUnicodeStringCatString(PUNICODE_STRING To, const wchar_t *Source)
{
    return NtCountedCopy(To, To->Length, Source, NtTerminatedLength(Source, NTSTRSAFE_MAX_CCH));
}

FORCEINLINE NTSTATUS RtlUnicodeStringCchCatStringN(PUNICODE_STRING To, const wchar_t *Source,
                                                   size_t Count)
{
    return NtCountedCopy(To, To->Length, Source, NtTerminatedLength(Source, Count));
}

FORCEINLINE NTSTATUS RtlUnicodeStringCbCatStringN(PUNICODE_STRING To, const wchar_t *Source,
                                                  size_t Bytes)
{
    return RtlUnicodeStringCchCatStringN(To, Source, Bytes / sizeof(wchar_t));
}

/* What is left behind the string, as a string of its own; then the flags on failure. */
FORCEINLINE NTSTATUS NtCountedFinish(NTSTATUS Status, PUNICODE_STRING To,
                                     PUNICODE_STRING Remaining, ULONG Flags)
{
    if (!NT_SUCCESS(Status)) {
        if (Flags & STRSAFE_FILL_ON_FAILURE)
            RtlFillMemory(To->Buffer, To->MaximumLength, Flags & 0xff);
        if ((Flags & (STRSAFE_ZERO_LENGTH_ON_FAILURE | STRSAFE_FILL_ON_FAILURE)) ||
            (Status == STATUS_BUFFER_OVERFLOW && (Flags & STRSAFE_NO_TRUNCATION)))
            To->Length = 0;
    } else if (Flags & STRSAFE_FILL_BEHIND_NULL) {
        RtlFillMemory((PCHAR)To->Buffer + To->Length, To->MaximumLength - To->Length,
                      Flags & 0xff);
    }
    if (Remaining) {
        Remaining->Length = 0;
        Remaining->MaximumLength = (USHORT)(To->MaximumLength - To->Length);
        Remaining->Buffer = (wchar_t *)((PCHAR)To->Buffer + To->Length);
    }
    return Status;
}

FORCEINLINE NTSTATUS RtlUnicodeStringCopyEx(PUNICODE_STRING To, PCUNICODE_STRING Source,
                                            PUNICODE_STRING Remaining, ULONG Flags)
{
    return NtCountedFinish(RtlUnicodeStringCopy(To, Source), To, Remaining, Flags);
}

FORCEINLINE NTSTATUS RtlUnicodeStringCopyStringEx(PUNICODE_STRING To, const wchar_t *Source,
                                                  PUNICODE_STRING Remaining, ULONG Flags)
{
    return NtCountedFinish(RtlUnicodeStringCopyString(To, Source), To, Remaining, Flags);
}

FORCEINLINE NTSTATUS RtlUnicodeStringCatEx(PUNICODE_STRING To, PCUNICODE_STRING Source,
                                           PUNICODE_STRING Remaining, ULONG Flags)
{
    return NtCountedFinish(RtlUnicodeStringCat(To, Source), To, Remaining, Flags);
}

FORCEINLINE NTSTATUS RtlUnicodeStringCatStringEx(PUNICODE_STRING To, const wchar_t *Source,
                                                 PUNICODE_STRING Remaining, ULONG Flags)
{
    return NtCountedFinish(RtlUnicodeStringCatString(To, Source), To, Remaining, Flags);
}

#if defined(_WIN32)
FORCEINLINE NTSTATUS RtlUnicodeStringVPrintf(PUNICODE_STRING To, const wchar_t *Format,
                                             va_list Arguments)
{
    size_t Room;
    int n;
    NTSTATUS Status = RtlUnicodeStringValidate(To);

    if (!NT_SUCCESS(Status))
        return Status;
    Room = To->MaximumLength / sizeof(wchar_t);
    n = _vsnwprintf(To->Buffer, Room, Format, Arguments);
    To->Length = (USHORT)((n < 0 ? Room : (size_t)n) * sizeof(wchar_t));
    return n < 0 ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

NTSTRSAFE_VARIADIC NTSTATUS RtlUnicodeStringPrintf(PUNICODE_STRING To, const wchar_t *Format, ...)
{
    va_list Arguments;
    NTSTATUS Status;

    va_start(Arguments, Format);
    Status = RtlUnicodeStringVPrintf(To, Format, Arguments);
    va_end(Arguments);
    return Status;
}

NTSTRSAFE_VARIADIC NTSTATUS RtlUnicodeStringPrintfEx(PUNICODE_STRING To,
                                                     PUNICODE_STRING Remaining, ULONG Flags,
                                                     const wchar_t *Format, ...)
{
    va_list Arguments;
    NTSTATUS Status;

    va_start(Arguments, Format);
    Status = RtlUnicodeStringVPrintf(To, Format, Arguments);
    va_end(Arguments);
    return NtCountedFinish(Status, To, Remaining, Flags);
}
#endif

NT_END_C

#endif

/* SPDX-License-Identifier: MIT */
/*
 * DbgPrint and its family. Text is never filtered by component or level: a tester wants to see
 * everything. One call gives at most 512 bytes (nf-wdm-dbgprint); the sink keeps lines of different
 * threads apart.
 */
#include "ke/ke.h"
#include "rtl/rtl.h"

#include <string.h>

#define DEBUG_TEXT_LIMIT 512

typedef struct _DEBUG_SINK {
    RTLX_SINK Sink;
    char Text[DEBUG_TEXT_LIMIT];
} DEBUG_SINK;

static void PutByte(RTLX_SINK *Sink, uint32_t Unit)
{
    DEBUG_SINK *d = CONTAINING_RECORD(Sink, DEBUG_SINK, Sink);

    if (Sink->Units < DEBUG_TEXT_LIMIT)
        d->Text[Sink->Units] = (char)Unit;
}

static ULONG PrintText(const char *Prefix, const char *Format, const uint64_t *Args)
{
    DEBUG_SINK d = {.Sink = {.Put = PutByte, .Utf8 = true}};
    size_t n = Prefix ? strnlen(Prefix, DEBUG_TEXT_LIMIT) : 0;

    if (n)
        memcpy(d.Text, Prefix, n);
    d.Sink.Units = n;
    RtlxFormat(&d.Sink, Format, Args);
    n = d.Sink.Units < DEBUG_TEXT_LIMIT ? d.Sink.Units : DEBUG_TEXT_LIMIT;
    KexHooks.DebugPrint(d.Text, n);
    return STATUS_SUCCESS;
}

ULONG NTAPIV DbgPrint(PCSTR Format, ...)
{
    __builtin_ms_va_list Args;
    ULONG Status;

    __builtin_ms_va_start(Args, Format);
    Status = PrintText(NULL, Format, (const uint64_t *)(const void *)Args);
    __builtin_ms_va_end(Args);
    return Status;
}

ULONG NTAPIV DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...)
{
    __builtin_ms_va_list Args;
    ULONG Status;

    UNREFERENCED_PARAMETER(ComponentId);
    UNREFERENCED_PARAMETER(Level);
    __builtin_ms_va_start(Args, Format);
    Status = PrintText(NULL, Format, (const uint64_t *)(const void *)Args);
    __builtin_ms_va_end(Args);
    return Status;
}

ULONG NTAPI vDbgPrintEx(ULONG ComponentId, ULONG Level, PCCH Format, __builtin_ms_va_list Args)
{
    UNREFERENCED_PARAMETER(ComponentId);
    UNREFERENCED_PARAMETER(Level);
    return PrintText(NULL, Format, (const uint64_t *)(const void *)Args);
}

ULONG NTAPI vDbgPrintExWithPrefix(PCCH Prefix, ULONG ComponentId, ULONG Level, PCCH Format,
                                  __builtin_ms_va_list Args)
{
    UNREFERENCED_PARAMETER(ComponentId);
    UNREFERENCED_PARAMETER(Level);
    return PrintText(Prefix, Format, (const uint64_t *)(const void *)Args);
}

/* Everything is shown, so every mask is set. */
NTSTATUS NTAPI DbgQueryDebugFilterState(ULONG ComponentId, ULONG Level)
{
    UNREFERENCED_PARAMETER(ComponentId);
    UNREFERENCED_PARAMETER(Level);
    return (NTSTATUS)TRUE;
}

NTSTATUS NTAPI DbgSetDebugFilterState(ULONG ComponentId, ULONG Level, BOOLEAN State)
{
    UNREFERENCED_PARAMETER(ComponentId);
    UNREFERENCED_PARAMETER(Level);
    UNREFERENCED_PARAMETER(State);
    return STATUS_SUCCESS;
}

/* A failed assertion of a checked driver: reported as a finding with the text the driver gave; the
 * driver goes on. */
VOID NTAPI RtlAssert(PVOID VoidFailedAssertion, PVOID VoidFileName, ULONG LineNumber,
                     PSTR MutableMessage)
{
    KexFinding("ASSERT", "verifier", __builtin_return_address(0),
               "assertion failed: %s (%s:%u)%s%s", (const char *)VoidFailedAssertion,
               (const char *)VoidFileName, (unsigned)LineNumber, MutableMessage ? " " : "",
               MutableMessage ? MutableMessage : "");
}

/* SPDX-License-Identifier: MIT */
/* rtl.h - what the run-time library offers the other rooms beyond the documented Rtl routines. */
#ifndef OPENFLT_RTL_RTL_H
#define OPENFLT_RTL_RTL_H

#include <ntifs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Generated (tools/gen-casemap.py): difference to the other case, modulo 2^16, by high byte and low
 * byte. */
extern const uint8_t RtlxCaseUpIndex[256], RtlxCaseLowIndex[256];
extern const uint16_t RtlxCaseUpDelta[][256], RtlxCaseLowDelta[][256];

static inline WCHAR RtlxUpcase(WCHAR C)
{
    return (WCHAR)(C + RtlxCaseUpDelta[RtlxCaseUpIndex[(uint16_t)C >> 8]][C & 0xff]);
}
static inline WCHAR RtlxDowncase(WCHAR C)
{
    return (WCHAR)(C + RtlxCaseLowDelta[RtlxCaseLowIndex[(uint16_t)C >> 8]][C & 0xff]);
}

/*
 * The formatter behind DbgPrint and the printf family. Args is the Microsoft x64 argument area: one
 * 8-byte slot an argument. Text goes unit by unit to Put; Units counts what was produced. Narrow
 * output of wide text is UTF-8 when Utf8 is set (debug text), else the ANSI code page.
 */
typedef struct _RTLX_SINK {
    void (*Put)(struct _RTLX_SINK *Sink, uint32_t Unit);
    size_t Units;
    bool Wide; /* units are WCHARs, and %s means a wide string */
    bool Utf8;
} RTLX_SINK;
void RtlxFormat(RTLX_SINK *Sink, const void *Format, const uint64_t *Args);

/* Windows-1252, the ANSI code page of every machine openflt builds. */
WCHAR RtlxAnsiToWide(unsigned char C);
/* The OEM code page. FALSE, and '?', when a character is not in it. */
WCHAR RtlxOemToWide(unsigned char C);
bool RtlxWideToOem(WCHAR C, unsigned char *Out);
unsigned char RtlxWideToAnsi(WCHAR C); /* '?' when there is none */

/* UTF-8 <-> UTF-16 for the host side. Both return the length in units/bytes without the terminator,
 * or SIZE_MAX when the text is not valid; at most Room units are written, always terminated when
 * Room > 0. */
size_t RtlxUtf8ToWide(const char *Text, size_t Bytes, WCHAR *Out, size_t Room);
size_t RtlxWideToUtf8(const WCHAR *Text, size_t Units, char *Out, size_t Room);
/* A UNICODE_STRING over pool memory with tag 'sUlR'; RtlFreeUnicodeString gives it back. */
NTSTATUS RtlxDuplicateUtf8(const char *Text, UNICODE_STRING *Out);

#endif

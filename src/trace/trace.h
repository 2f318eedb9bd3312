/* SPDX-License-Identifier: MIT */
/*
 * trace.h - what is seen and said about a run. The sinks behind KexHooks: trace events become
 * lines, findings are kept and printed, a stop or a hang becomes a report in the shared region.
 * Printing the reports is the supervisor's work.
 */
#ifndef OPENFLT_TRACE_TRACE_H
#define OPENFLT_TRACE_TRACE_H

#include "ke/ke.h"
#include "trace/shared.h"

enum trc_format { TRC_NO_TRACE, TRC_TEXT };

/* Takes the hooks. Shared lives as long as the machine. Without Judge no finding is kept or
 * printed. */
void TrcStart(struct trc_shared *Shared, enum trc_format Format, bool Judge);
extern struct trc_shared *TrcShared;

/* What the machine is doing: for reports and for the hang watch. */
void TrcPhase(enum trc_phase Phase, const char *Format, ...) __attribute__((format(printf, 2, 3)));
/* A line of openflt's own, on standard error, written whole. */
void TrcSay(const char *Format, ...) __attribute__((format(printf, 1, 2)));

/* ---- report text (report.c): appended to the shared region; no heap, no lock ---- */

void TrcReportLine(const char *Format, ...) __attribute__((format(printf, 1, 2)));
/* Stack of the calling thread, or from registers; driver frames with source lines. */
struct host_registers;
void TrcReportStack(const struct host_registers *Start);
/* One line for each NT thread: what it waits for and since when; stacks of those that wait or run
 * driver code. */
void TrcReportThreads(void);
/* Marks the end of the machine with this title and sentence, writes nothing else, and ends the
 * process. */
_Noreturn void TrcEnd(enum trc_end End, int Status, const char *Title, const char *Sentence);

/* Where: "driver.sys!Function+0x12 (file.c:214)". */
const char *TrcWhere(const void *Address, char *Buffer, size_t Size);

/* Writes what drivers printed without ending the line. Shared with the supervisor, which calls it
 * after a death. */
void trc_flush_partials(struct trc_shared *shared);

/* Installs the last fault handler: a fault nobody took becomes a stop report (fault_report.c). */
void TrcFaultReports(void);

const char *TrcMajorName(UCHAR Major);
/* "STATUS_SUCCESS", or "0xC0001234" when there is no name. */
const char *TrcStatusName(NTSTATUS Status, char Buffer[12]);
/* TRUE and the value when Text is a STATUS_ name or a number. */
bool TrcStatusValue(const char *Text, NTSTATUS *Status);

#endif

/* SPDX-License-Identifier: MIT */
/* A fault nobody took: the end of the machine, with a report. */
#include "trace/trace.h"

#include <stdio.h>
#include <string.h>
#include "host/fault.h"
#include "pe/pe.h"

static void Line(const char *Text, void *Argument)
{
    (void)Argument;
    TrcReportLine("%s", Text);
}

static ULONG BugCheckOf(const struct pe_fault_summary *s)
{
    if (s->fastfail)
        return 0x139; /* KERNEL_SECURITY_CHECK_FAILURE */
    /* KMODE_EXCEPTION_NOT_HANDLED, or the system thread form every filter author knows */
    return KexCurrentThread() ? 0x7E : 0x1E;
}

static enum host_fault_result ReportFault(struct host_fault *Fault)
{
    static const char *const Names[] = {"KMODE_EXCEPTION_NOT_HANDLED",
                                        "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED",
                                        "KERNEL_SECURITY_CHECK_FAILURE"};
    struct pe_fault_summary s;
    char Title[96], Status[12], Sentence[600];
    ULONG Code;

    host_fault_begin_report(20);
    pe_summarise_fault(Fault, &s);
    Code = BugCheckOf(&s);
    if (s.in_driver)
        snprintf(Title, sizeof(Title), "bug check 0x%X %s", (unsigned)Code,
                 Names[Code == 0x139 ? 2 : Code == 0x7E]);
    else
        snprintf(Title, sizeof(Title), "fault inside openflt");
    snprintf(
        Sentence, sizeof(Sentence), "%s: %s%s", TrcStatusName((NTSTATUS)s.exception, Status),
        s.sentence,
        s.in_driver
            ? ""
            : "; the code is openflt's own: either a driver damaged its memory or this is a defect "
              "of openflt");
    TrcShared->stop_code = s.in_driver ? Code : 0;
    pe_write_fault(Fault, Line, NULL);
    TrcEnd(TRC_END_STOP, 70, Title, Sentence);
}

/* On the alternate stack, in signal context: only what needs neither heap nor symbols. */
static void Fatal(const struct host_fault *Fault, const char *Why)
{
    char Sentence[300];
    struct pe_image *Image = pe_image_from_address((const void *)Fault->regs.rip);

    snprintf(Sentence, sizeof(Sentence),
             "%s at %s+0x%llx, stack pointer 0x%llx, thread stack 0x%llx..0x%llx", Why,
             Image ? pe_image_name(Image) : "address",
             (unsigned long long)(Fault->regs.rip - (Image ? (uintptr_t)pe_image_base(Image) : 0)),
             (unsigned long long)Fault->regs.gp[HOST_RSP], (unsigned long long)Fault->stack_low,
             (unsigned long long)Fault->stack_high);
    TrcReportLine("no stack trace: the stack or the heap cannot be trusted");
    TrcEnd(TRC_END_STOP, 70, "fault without a usable stack", Sentence);
}

void TrcFaultReports(void)
{
    host_fault_add_handler(HOST_FAULT_RANK_REPORT, ReportFault);
    host_fault_set_fatal(Fatal);
}

/* SPDX-License-Identifier: MIT */
/* What a processor fault was, in words. Nothing here uses the heap. */
#include "pe/image.h"

#include <Zydis/Zydis.h>
#include <stdio.h>
#include <string.h>

#define MAX_FRAMES 48u

#define KPCR_IRQL 0x50

/* NTSTATUS values of the exceptions. */
#define ACCESS_VIOLATION 0xC0000005u
#define IN_PAGE_ERROR 0xC0000006u
#define ILLEGAL_INSTRUCTION 0xC000001Du
#define FLOAT_INVALID 0xC0000090u
#define INTEGER_DIVIDE 0xC0000094u
#define INTEGER_OVERFLOW 0xC0000095u
#define PRIVILEGED 0xC0000096u
#define FASTFAIL 0xC0000409u
#define ASSERTION 0xC0000420u
#define BREAKPOINT 0x80000003u

/* Names of __fastfail codes drivers' compilers and headers use. */
static const char *fastfail_name(uint64_t code)
{
    static const char *const names[] = {
        "legacy /GS violation",
        "virtual call guard",
        "stack cookie overwritten (/GS)",
        "corrupt list entry",
        "incorrect stack",
        "invalid argument",
        "stack cookie not initialised",
        "fatal application exit",
        "range check failed",
        "unsafe registry access",
        "indirect call guard (CFG)",
        "write guard",
        "invalid fiber switch",
        "invalid set of context",
        "invalid reference count",
    };

    return code < sizeof(names) / sizeof(*names) ? names[code] : "unknown code";
}

static size_t read_code(uint64_t rip, uint8_t *bytes, size_t n)
{
    size_t got = host_safe_read((const void *)(uintptr_t)rip, bytes, n);

    if (!got && PE_PAGE - rip % PE_PAGE < n)
        got = host_safe_read((const void *)(uintptr_t)rip, bytes, PE_PAGE - rip % PE_PAGE);
    return got;
}

/* The instruction's text and whether only a kernel may run it. */
static bool instruction(uint64_t rip, char *text, size_t size, bool *privileged)
{
    uint8_t bytes[15];
    size_t n = read_code(rip, bytes, sizeof(bytes));
    ZydisDecoder decoder;
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
    ZydisFormatter formatter;

    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    if (!n || !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, n, &insn, op)))
        return false;
    *privileged = (insn.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) != 0 ||
                  insn.mnemonic == ZYDIS_MNEMONIC_CLI || insn.mnemonic == ZYDIS_MNEMONIC_STI ||
                  insn.meta.category == ZYDIS_CATEGORY_IO;
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
    return ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
        &formatter, &insn, op, insn.operand_count_visible, text, size, rip, NULL));
}

/* The code the fault is about: rip, or the caller when the jump went nowhere. */
static const void *culprit(const struct host_fault *f, bool *is_return)
{
    void *frames[2];

    *is_return = false;
    if (!f->execute)
        return (const void *)(uintptr_t)(f->regs.rip - (f->kind == HOST_FAULT_TRAP));
    if (pe_backtrace(&f->regs, frames, 2) < 2)
        return (const void *)(uintptr_t)f->regs.rip;
    *is_return = true;
    return frames[1];
}

/* What lies at an address a driver should not have used; empty when nothing is known. */
static const char *target(uint64_t address, char *buffer, size_t size)
{
    const struct pe_image_record *r = pe_record_of((const void *)(uintptr_t)address);
    char text[200];

    buffer[0] = 0;
    if (address < 65536)
        snprintf(buffer, size, " (a NULL pointer)");
    else if (r)
        snprintf(buffer, size, " (%s)",
                 pe_describe_address((const void *)(uintptr_t)address, text, sizeof(text)));
    else if (host_is_user_range((const void *)(uintptr_t)address, 1))
        snprintf(buffer, size, " (user space)");
    return buffer;
}

void pe_classify_fault(const struct host_fault *f, struct pe_fault_code *out)
{
    static const uint32_t arithmetic[] = {FLOAT_INVALID, INTEGER_DIVIDE, INTEGER_OVERFLOW};
    uint8_t code[2] = {0, 0};
    char text[96];
    bool privileged = false;

    memset(out, 0, sizeof(*out));
    out->kind = PE_FAULT_ACCESS;
    out->exception = f->kind == HOST_FAULT_BUS ? IN_PAGE_ERROR : ACCESS_VIOLATION;
    if (f->kind == HOST_FAULT_TRAP) {
        out->kind = PE_FAULT_BREAKPOINT;
        out->exception = BREAKPOINT;
    } else if (f->kind == HOST_FAULT_ARITHMETIC) {
        out->kind = PE_FAULT_ARITHMETIC;
        out->exception = arithmetic[f->code == 1 || f->code == 2 ? f->code : 0];
    }
    if (f->kind != HOST_FAULT_PROTECTION && f->kind != HOST_FAULT_ILLEGAL)
        return;
    /* valgrind delivers int n as an illegal instruction: the bytes decide, not the signal. */
    read_code(f->regs.rip, code, sizeof(code));
    if (code[0] == 0xcd && code[1] == 0x29) {
        out->kind = PE_FAULT_FASTFAIL;
        out->exception = FASTFAIL;
        out->fastfail_code = f->regs.gp[HOST_RCX];
    } else if (code[0] == 0xcd && code[1] == 0x2c) {
        out->kind = PE_FAULT_ASSERTION;
        out->exception = ASSERTION;
    } else if (code[0] == 0xcd && code[1] == 0x2d) {
        out->kind = PE_FAULT_BREAKPOINT;
        out->exception = BREAKPOINT;
    } else if (instruction(f->regs.rip, text, sizeof(text), &privileged) && privileged) {
        out->kind = PE_FAULT_PRIVILEGED;
        out->exception = PRIVILEGED;
    } else if (f->kind == HOST_FAULT_ILLEGAL) {
        out->kind = PE_FAULT_ILLEGAL;
        out->exception = ILLEGAL_INSTRUCTION;
    }
}

/* The bug check Windows would stop with, when no handler takes the exception. */
static void choose_bugcheck(const struct host_fault *f, const struct pe_fault_code *code,
                            struct pe_fault_summary *out)
{
    const struct pe_image_record *r = pe_record_of((const void *)(uintptr_t)f->address);
    const uint8_t *kpcr = host_get_gs();
    bool page_fault = f->has_address && code->kind == PE_FAULT_ACCESS;

    out->bugcheck = 0x1E;
    out->bugcheck_name = "KMODE_EXCEPTION_NOT_HANDLED";
    if (code->kind == PE_FAULT_FASTFAIL) {
        out->bugcheck = 0x139;
        out->bugcheck_name = "KERNEL_SECURITY_CHECK_FAILURE";
    } else if (page_fault && f->execute && r && !r->image) {
        out->bugcheck = 0xCE;
        out->bugcheck_name = "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS";
    } else if (page_fault && kpcr && kpcr[KPCR_IRQL] >= 2) {
        out->bugcheck = 0xD1;
        out->bugcheck_name = "DRIVER_IRQL_NOT_LESS_OR_EQUAL";
    } else if (page_fault && f->write && r && r->image) {
        out->bugcheck = 0xBE;
        out->bugcheck_name = "ATTEMPTED_WRITE_TO_READONLY_MEMORY";
    } else if (page_fault && f->address >= HOST_USER_LIMIT) {
        out->bugcheck = 0x50;
        out->bugcheck_name = "PAGE_FAULT_IN_NONPAGED_AREA";
    }
}

static void say_access(const struct host_fault *f, struct pe_fault_summary *out, const char *where)
{
    const char *verb = f->execute ? "jump to" : f->write ? "write to" : "read from";
    char what[220];

    if (f->has_address)
        snprintf(out->sentence, sizeof(out->sentence), "%s 0x%016llx%s by %s", verb,
                 (unsigned long long)f->address, target(f->address, what, sizeof(what)), where);
    else
        snprintf(out->sentence, sizeof(out->sentence),
                 "access through a pointer that is no address by %s", where);
}

static void say(const struct host_fault *f, const struct pe_fault_code *code,
                struct pe_fault_summary *out, const char *where)
{
    char *text = out->sentence, insn[96] = "";
    size_t size = sizeof(out->sentence);
    bool privileged;

    switch (code->kind) {
    case PE_FAULT_FASTFAIL:
        snprintf(text, size, "__fastfail(%llu), %s, by %s", (unsigned long long)code->fastfail_code,
                 fastfail_name(code->fastfail_code), where);
        break;
    case PE_FAULT_ASSERTION:
        snprintf(text, size, "assertion failed (int 2Ch) in %s", where);
        break;
    case PE_FAULT_BREAKPOINT:
        snprintf(text, size, "breakpoint (%s) in %s",
                 f->kind == HOST_FAULT_TRAP ? "int 3" : "int 2Dh", where);
        break;
    case PE_FAULT_PRIVILEGED:
        instruction(f->regs.rip, insn, sizeof(insn), &privileged);
        snprintf(text, size, "instruction \"%s\", which only a real kernel can run, in %s", insn,
                 where);
        break;
    case PE_FAULT_ILLEGAL:
        snprintf(text, size, "invalid instruction in %s", where);
        break;
    case PE_FAULT_ARITHMETIC:
        snprintf(text, size, "%s in %s",
                 f->code == 1 ? "integer division by zero or overflow" : "arithmetic exception",
                 where);
        break;
    default:
        say_access(f, out, where);
    }
}

void pe_summarise_fault(const struct host_fault *fault, struct pe_fault_summary *out)
{
    struct pe_fault_code code;
    char where[240];
    bool is_return;
    const void *at = culprit(fault, &is_return);

    memset(out, 0, sizeof(*out));
    pe_classify_fault(fault, &code);
    out->exception = code.exception;
    out->breakpoint = code.kind == PE_FAULT_BREAKPOINT;
    out->assertion = code.kind == PE_FAULT_ASSERTION;
    out->fastfail = code.kind == PE_FAULT_FASTFAIL;
    out->privileged = code.kind == PE_FAULT_PRIVILEGED;
    out->fastfail_code = code.fastfail_code;
    out->in_driver = pe_record_of((const char *)at - is_return) != NULL;
    choose_bugcheck(fault, &code, out);
    if (is_return)
        pe_describe_return(at, where, sizeof(where));
    else
        pe_describe_address(at, where, sizeof(where));
    say(fault, &code, out, where);
}

static void write_registers(const struct host_registers *r, void (*line)(const char *, void *),
                            void *arg)
{
    static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                        "r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15"};
    char text[160];

    for (int i = 0; i < 16; i += 4) {
        int n = 0;

        for (int j = i; j < i + 4; j++)
            n += snprintf(text + n, sizeof(text) - (size_t)n, "  %s %016llx", names[j],
                          (unsigned long long)r->gp[j]);
        line(text, arg);
    }
    snprintf(text, sizeof(text), "  rip %016llx  rflags %08llx", (unsigned long long)r->rip,
             (unsigned long long)r->rflags);
    line(text, arg);
}

void pe_write_fault(const struct host_fault *fault, void (*line)(const char *text, void *arg),
                    void *arg)
{
    void *frames[MAX_FRAMES];
    char text[360], where[300];
    size_t count;
    bool privileged;

    if (instruction(fault->regs.rip, where, sizeof(where), &privileged)) {
        snprintf(text, sizeof(text), "instruction: %s", where);
        line(text, arg);
    }
    line("registers:", arg);
    write_registers(&fault->regs, line, arg);
    count = pe_backtrace(&fault->regs, frames, MAX_FRAMES);
    pe_prefetch_lines(frames, count);
    line("stack:", arg);
    for (size_t i = 0; i < count; i++) {
        if (i)
            pe_describe_return(frames[i], where, sizeof(where));
        else
            pe_describe_address(frames[i], where, sizeof(where));
        snprintf(text, sizeof(text), "  %2zu %s", i, where);
        line(text, arg);
    }
}

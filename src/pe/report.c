/* SPDX-License-Identifier: MIT */
/* What a processor fault was, in words. Nothing here uses the heap. */
#include "pe/image.h"

#include <Zydis/Zydis.h>
#include <stdio.h>
#include <string.h>

#define MAX_FRAMES 48u

enum {
    ACCESS_VIOLATION = (int)0xC0000005, ILLEGAL_INSTRUCTION = (int)0xC000001D,
    FLOAT_INVALID = (int)0xC0000090, INTEGER_DIVIDE = (int)0xC0000094,
    INTEGER_OVERFLOW = (int)0xC0000095, PRIVILEGED = (int)0xC0000096,
    IN_PAGE_ERROR = (int)0xC0000006, FASTFAIL = (int)0xC0000409, ASSERTION = (int)0xC0000420,
    BREAKPOINT = (int)0x80000003,
};

/* Names of __fastfail codes drivers' compilers and headers use. */
static const char *fastfail_name(uint64_t code)
{
    static const char *const names[] = {
        "legacy /GS violation", "virtual call guard", "stack cookie overwritten (/GS)",
        "corrupt list entry", "incorrect stack", "invalid argument", "stack cookie not initialised",
        "fatal application exit", "range check failed", "unsafe registry access",
        "indirect call guard (CFG)", "write guard", "invalid fiber switch", "invalid set of context",
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
    return ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &insn, op, insn.operand_count_visible,
                                                        text, size, rip, NULL));
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

static void say_access(const struct host_fault *f, struct pe_fault_summary *out, const char *where)
{
    char what[220];
    const char *verb = f->execute ? "jump to" : f->write ? "write to" : "read from";

    out->exception = (uint32_t)(f->kind == HOST_FAULT_BUS ? IN_PAGE_ERROR : ACCESS_VIOLATION);
    if (f->has_address)
        snprintf(out->sentence, sizeof(out->sentence), "%s 0x%016llx%s by %s", verb,
                 (unsigned long long)f->address, target(f->address, what, sizeof(what)), where);
    else
        snprintf(out->sentence, sizeof(out->sentence), "access through a pointer that is no address by %s",
                 where);
}

static void say_trap(const struct host_fault *f, struct pe_fault_summary *out, const char *where)
{
    uint8_t code[2] = {0, 0};
    char text[96];

    read_code(f->regs.rip, code, sizeof(code));
    if (code[0] == 0xcd && code[1] == 0x29) {
        out->fastfail = true;
        out->fastfail_code = f->regs.gp[HOST_RCX];
        out->exception = (uint32_t)FASTFAIL;
        snprintf(out->sentence, sizeof(out->sentence), "__fastfail(%llu), %s, by %s",
                 (unsigned long long)out->fastfail_code, fastfail_name(out->fastfail_code), where);
    } else if (code[0] == 0xcd && code[1] == 0x2c) {
        out->assertion = true;
        out->exception = (uint32_t)ASSERTION;
        snprintf(out->sentence, sizeof(out->sentence), "assertion failed (int 2Ch) in %s", where);
    } else if (code[0] == 0xcd && code[1] == 0x2d) {
        out->breakpoint = true;
        out->exception = (uint32_t)BREAKPOINT;
        snprintf(out->sentence, sizeof(out->sentence), "debug service request (int 2Dh) by %s", where);
    } else if (instruction(f->regs.rip, text, sizeof(text), &out->privileged) && out->privileged) {
        out->exception = (uint32_t)PRIVILEGED;
        snprintf(out->sentence, sizeof(out->sentence),
                 "instruction \"%s\", which only a real kernel can run, in %s", text, where);
    } else {
        say_access(f, out, where);
    }
}

void pe_summarise_fault(const struct host_fault *fault, struct pe_fault_summary *out)
{
    char where[240];
    bool is_return;
    const void *at = culprit(fault, &is_return);

    memset(out, 0, sizeof(*out));
    out->in_driver = pe_record_of((const char *)at - is_return) != NULL;
    if (is_return)
        pe_describe_return(at, where, sizeof(where));
    else
        pe_describe_address(at, where, sizeof(where));
    switch (fault->kind) {
    case HOST_FAULT_PROTECTION:
        say_trap(fault, out, where);
        break;
    case HOST_FAULT_ILLEGAL:
        say_trap(fault, out, where);
        if (!out->fastfail && !out->assertion && !out->breakpoint && !out->privileged) {
            out->exception = (uint32_t)ILLEGAL_INSTRUCTION;
            snprintf(out->sentence, sizeof(out->sentence), "invalid instruction in %s", where);
        }
        break;
    case HOST_FAULT_TRAP:
        out->breakpoint = true;
        out->exception = (uint32_t)BREAKPOINT;
        snprintf(out->sentence, sizeof(out->sentence), "breakpoint (int 3) in %s", where);
        break;
    case HOST_FAULT_ARITHMETIC:
        out->exception = (uint32_t)(fault->code == 1 ? INTEGER_DIVIDE
                                    : fault->code == 2 ? INTEGER_OVERFLOW : FLOAT_INVALID);
        snprintf(out->sentence, sizeof(out->sentence), "%s in %s",
                 fault->code == 1 ? "integer division by zero or overflow" : "arithmetic exception",
                 where);
        break;
    default:
        say_access(fault, out, where);
    }
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

/* SPDX-License-Identifier: MIT */
/*
 * Kernel-only instructions that were not patched, carried out at the fault: CR8 accesses, and reads
 * of KUSER_SHARED_DATA at the address Windows has it at, where no process can map anything. Every
 * other one is left to the report, by name.
 */
#include "pe/image.h"

#include <Zydis/Zydis.h>
#include <string.h>

#define SHARED_USER_DATA 0xFFFFF78000000000ull
#define KPCR_IRQL 0x50

extern __attribute__((ms_abi)) void (*pe_cr8_writer)(uint64_t irql);

static const uint8_t *shared_page;

void pe_set_shared_user_data(const void *page)
{
    shared_page = page;
}

struct decoded {
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
};

static bool decode_at(uint64_t rip, struct decoded *d)
{
    uint8_t bytes[15];
    size_t n = host_safe_read((const void *)(uintptr_t)rip, bytes, sizeof(bytes));
    ZydisDecoder decoder;

    if (!n) {
        /* The end of the mapping may be nearer than the longest instruction. */
        size_t room = PE_PAGE - rip % PE_PAGE;
        n = room < sizeof(bytes) ? host_safe_read((const void *)(uintptr_t)rip, bytes, room) : 0;
    }
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return n && ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, n, &d->insn, d->op));
}

static uint64_t *general(struct host_fault *f, ZydisRegister reg)
{
    ZydisRegister wide = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

    return wide >= ZYDIS_REGISTER_RAX && wide <= ZYDIS_REGISTER_R15
               ? &f->regs.gp[wide - ZYDIS_REGISTER_RAX]
               : NULL;
}

static bool emulate_cr8(struct host_fault *f, const struct decoded *d)
{
    const uint8_t *kpcr = host_get_gs();
    uint64_t *reg;

    if (d->insn.mnemonic != ZYDIS_MNEMONIC_MOV || d->op[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
        d->op[1].type != ZYDIS_OPERAND_TYPE_REGISTER)
        return false;
    if (d->op[1].reg.value == ZYDIS_REGISTER_CR8) {
        reg = general(f, d->op[0].reg.value);
        if (!reg || !kpcr)
            return false;
        *reg = kpcr[KPCR_IRQL];
    } else if (d->op[0].reg.value == ZYDIS_REGISTER_CR8) {
        reg = general(f, d->op[1].reg.value);
        if (!reg || !pe_cr8_writer)
            return false;
        pe_cr8_writer(*reg);
    } else {
        return false;
    }
    f->regs.rip += d->insn.length;
    return true;
}

/* Stores a loaded value as the instruction would: 32-bit results clear the upper half, smaller ones
 * keep the rest. */
static void store_register(uint64_t *reg, uint64_t value, unsigned bits)
{
    if (bits == 64)
        *reg = value;
    else if (bits == 32)
        *reg = (uint32_t)value;
    else
        *reg = (*reg & ~((1ull << bits) - 1)) | (value & ((1ull << bits) - 1));
}

static bool emulate_shared_read(struct host_fault *f, const struct decoded *d)
{
    unsigned bits = d->op[1].size, shift;
    uint64_t offset = f->address - SHARED_USER_DATA, value = 0, *reg;

    if (!shared_page || f->write || d->op[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
        d->op[1].type != ZYDIS_OPERAND_TYPE_MEMORY || bits > 64 || offset + bits / 8 > PE_PAGE ||
        !(reg = general(f, d->op[0].reg.value)))
        return false;
    memcpy(&value, shared_page + offset, bits / 8);
    switch (d->insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
    case ZYDIS_MNEMONIC_MOVZX:
        break;
    case ZYDIS_MNEMONIC_MOVSX:
    case ZYDIS_MNEMONIC_MOVSXD:
        shift = 64 - bits;
        value = (uint64_t)((int64_t)(value << shift) >> shift);
        break;
    default:
        return false;
    }
    store_register(reg, value, d->op[0].size);
    f->regs.rip += d->insn.length;
    return true;
}

enum host_fault_result pe_fault_emulate(struct host_fault *fault)
{
    bool protection = fault->kind == HOST_FAULT_PROTECTION || fault->kind == HOST_FAULT_ILLEGAL;
    bool shared = fault->has_address && fault->address >= SHARED_USER_DATA &&
                  fault->address < SHARED_USER_DATA + PE_PAGE;
    struct decoded d;

    if ((!protection && !shared) ||
        !pe_image_from_address((const void *)(uintptr_t)fault->regs.rip) ||
        !decode_at(fault->regs.rip, &d))
        return HOST_FAULT_PASS;
    if (protection ? emulate_cr8(fault, &d) : emulate_shared_read(fault, &d))
        return HOST_FAULT_HANDLED;
    return HOST_FAULT_PASS;
}

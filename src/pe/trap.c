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
#define TRAP_FLAG 0x100ull

extern __attribute__((ms_abi)) void (*pe_cr8_writer)(uint64_t irql);

static const void *(*shared_page)(void);

/*
 * An instruction that reads shared data in another way than by a plain load runs once with its base
 * register moved to our page, in single step; the trap behind it moves the register back.
 */
static __thread struct {
    uint64_t rip;   /* of the next instruction; 0: nothing is under way */
    uint64_t delta; /* to be taken off the register again */
    unsigned reg;
    bool keep; /* the instruction loaded the register itself */
} moved;

void pe_set_shared_user_data(const void *(*page)(void))
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

/* The plain loads, which is all that compilers make of an access at a constant address. */
static bool emulate_load(struct host_fault *f, const struct decoded *d, const uint8_t *from)
{
    unsigned bits = d->op[1].size;
    uint64_t value = 0, *reg;

    if (d->op[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
        d->op[1].type != ZYDIS_OPERAND_TYPE_MEMORY || bits > 64 ||
        !(reg = general(f, d->op[0].reg.value)))
        return false;
    memcpy(&value, from, bits / 8);
    switch (d->insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
    case ZYDIS_MNEMONIC_MOVZX:
        break;
    case ZYDIS_MNEMONIC_MOVSX:
    case ZYDIS_MNEMONIC_MOVSXD:
        value = (uint64_t)((int64_t)(value << (64 - bits)) >> (64 - bits));
        break;
    default:
        return false;
    }
    store_register(reg, value, d->op[0].size);
    f->regs.rip += d->insn.length;
    return true;
}

static bool step_moved(struct host_fault *f, const struct decoded *d, const uint8_t *from)
{
    const ZydisDecodedOperand *memory = NULL;
    uint64_t *base;

    for (unsigned i = 0; i < d->insn.operand_count_visible; i++)
        if (d->op[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
            memory = d->op + i;
    if (!memory || !(base = general(f, memory->mem.base)) || base == &f->regs.gp[HOST_RSP])
        return false;
    /* An instruction that also computes with the base register would see the moved one. */
    for (unsigned i = 0; i < d->insn.operand_count; i++)
        if (d->op[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
            d->op[i].actions & ZYDIS_OPERAND_ACTION_MASK_READ &&
            general(f, d->op[i].reg.value) == base)
            return false;
    moved.rip = f->regs.rip + d->insn.length;
    moved.delta = (uint64_t)(uintptr_t)from - f->address;
    moved.reg = (unsigned)(base - f->regs.gp);
    moved.keep = false;
    for (unsigned i = 0; i < d->insn.operand_count; i++)
        if (d->op[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
            d->op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
            general(f, d->op[i].reg.value) == base)
            moved.keep = true;
    *base += moved.delta;
    f->regs.rflags |= TRAP_FLAG;
    return true;
}

static bool end_step(struct host_fault *f)
{
    if (!moved.rip || f->regs.rip != moved.rip)
        return false;
    if (!moved.keep)
        f->regs.gp[moved.reg] -= moved.delta;
    moved.rip = 0;
    f->regs.rflags &= ~TRAP_FLAG;
    return true;
}

static bool emulate_shared_read(struct host_fault *f, const struct decoded *d)
{
    uint64_t offset = f->address - SHARED_USER_DATA;
    const uint8_t *page = shared_page && !f->write ? shared_page() : NULL;

    return page && (emulate_load(f, d, page + offset) || step_moved(f, d, page + offset));
}

enum host_fault_result pe_fault_emulate(struct host_fault *fault)
{
    bool protection = fault->kind == HOST_FAULT_PROTECTION || fault->kind == HOST_FAULT_ILLEGAL;
    bool shared = fault->has_address && fault->address >= SHARED_USER_DATA &&
                  fault->address <= SHARED_USER_DATA + PE_PAGE - 8;
    struct decoded d;

    if (fault->kind == HOST_FAULT_TRAP)
        return end_step(fault) ? HOST_FAULT_HANDLED : HOST_FAULT_PASS;
    if ((!protection && !shared) ||
        !pe_image_from_address((const void *)(uintptr_t)fault->regs.rip) ||
        !decode_at(fault->regs.rip, &d))
        return HOST_FAULT_PASS;
    if (protection ? emulate_cr8(fault, &d) : emulate_shared_read(fault, &d))
        return HOST_FAULT_HANDLED;
    return HOST_FAULT_PASS;
}

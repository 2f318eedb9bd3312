/* SPDX-License-Identifier: MIT */
/*
 * CR8 accesses (KeGetCurrentIrql and friends, inlined) cannot run in a process. Where it is safe,
 * the instruction and one neighbour are moved into a stub behind the image, so that a five-byte
 * jump fits: a read becomes a load from the KPCR, a write a call. Everywhere else the instruction
 * stays and traps, see trap.c.
 *
 * Safe means: the function decodes without a gap, holds no indirect jump (whose targets are
 * unknown), nothing jumps to the second of the two, and the neighbour does not itself transfer
 * control or carry a relocation.
 */
#include "pe/image.h"

#include <Zydis/Zydis.h>
#include <stdlib.h>
#include <string.h>

#define JUMP 5u
#define MAX_LENGTH 15u
#define STUB_MAX 96u

/* gs offset of the IRQL in the KPCR, Windows' own. */
#define KPCR_IRQL 0x50

extern void pe_cr8_write_entry(void);

struct insn {
    uint32_t rva;
    uint8_t length;
    bool control;  /* transfers control, or cannot be moved for another reason */
    bool relative; /* has a rip-relative memory operand */
};

struct code {
    struct pe_file *file;
    ZydisDecoder decoder;
    struct insn *list; /* instructions of the function at hand */
    uint32_t count, room;
    uint32_t *targets; /* addresses its direct jumps go to */
    uint32_t target_count, target_room;
    bool opaque; /* an indirect jump, or bytes that do not decode */
};

/* mov r64, cr8 is REX.R 0F 20 /0; mov cr8, r64 is REX.R 0F 22 /0 with the register in modrm.rm. */
static bool is_cr8(const uint8_t *p, size_t room, bool *write, unsigned *reg)
{
    if (room < 4 || (p[0] & 0xf4) != 0x44 || p[1] != 0x0f || (p[2] & 0xfd) != 0x20 ||
        (p[3] & 0xf8) != 0xc0)
        return false;
    *write = p[2] == 0x22;
    *reg = (p[3] & 7u) | (p[0] & 1u) << 3;
    return true;
}

static void add_target(struct code *c, uint64_t rva)
{
    if (c->target_count == c->target_room) {
        c->target_room = c->target_room ? c->target_room * 2 : 256;
        c->targets = realloc(c->targets, c->target_room * sizeof(*c->targets));
        if (!c->targets)
            abort();
    }
    c->targets[c->target_count++] = (uint32_t)rva;
}

static void add_insn(struct code *c, const ZydisDecodedInstruction *d,
                     const ZydisDecodedOperand *ops, uint32_t rva)
{
    struct insn *i;

    if (c->count == c->room) {
        c->room = c->room ? c->room * 2 : 1024;
        c->list = realloc(c->list, c->room * sizeof(*c->list));
        if (!c->list)
            abort();
    }
    i = c->list + c->count++;
    *i = (struct insn){.rva = rva, .length = d->length};
    switch (d->meta.category) {
    case ZYDIS_CATEGORY_COND_BR:
    case ZYDIS_CATEGORY_UNCOND_BR:
    case ZYDIS_CATEGORY_CALL:
        i->control = true;
        if (d->operand_count_visible && ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
            add_target(c, rva + d->length + (uint64_t)ops[0].imm.value.s);
        else if (d->meta.category == ZYDIS_CATEGORY_UNCOND_BR &&
                 !(ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY &&
                   ops[0].mem.base == ZYDIS_REGISTER_RIP))
            c->opaque = true; /* a switch; a jump through the import table is harmless */
        return;
    case ZYDIS_CATEGORY_RET:
    case ZYDIS_CATEGORY_INTERRUPT:
    case ZYDIS_CATEGORY_SYSCALL:
    case ZYDIS_CATEGORY_SYSRET:
        i->control = true;
        return;
    default:
        break;
    }
    i->relative = (d->attributes & ZYDIS_ATTRIB_IS_RELATIVE) != 0;
    if (i->relative && d->raw.disp.size != 32)
        i->control = true;
}

static void decode_function(struct code *c, uint32_t begin, uint32_t end)
{
    ZydisDecodedInstruction d;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];

    c->count = c->target_count = 0;
    c->opaque = false;
    while (begin < end) {
        const uint8_t *p = c->file->image + begin;
        if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&c->decoder, p, end - begin, &d, ops))) {
            c->opaque = true;
            return;
        }
        add_insn(c, &d, ops, begin);
        begin += d.length;
    }
}

static bool has_target(const struct code *c, uint32_t rva)
{
    for (uint32_t i = 0; i < c->target_count; i++)
        if (c->targets[i] == rva)
            return true;
    return false;
}

/* Whether a base relocation falls into [rva, rva+length). */
static bool has_relocation(const struct pe_file *f, uint32_t rva, uint32_t length)
{
    struct pe_range d = f->directory[PE_DIR_RELOC];
    uint32_t head[2];

    for (uint32_t at = 0; at + 8 <= d.size; at += head[1]) {
        const uint8_t *block = pe_at(f, (uint64_t)d.rva + at, 8);

        if (!block)
            return true;
        memcpy(head, block, sizeof(head));
        if (head[1] < 8 || head[1] > d.size - at || !pe_at(f, (uint64_t)d.rva + at, head[1]))
            return true; /* damaged: the relocation step will say so */
        if (head[0] > rva + length || head[0] + 4096 + 8 < rva)
            continue;
        for (uint32_t i = 8; i + 2 <= head[1]; i += 2) {
            uint16_t e;

            memcpy(&e, block + i, sizeof(e));
            if (e >> 12 && head[0] + (e & 0xfffu) + 8 > rva &&
                head[0] + (e & 0xfffu) < rva + length)
                return true;
        }
    }
    return false;
}

static void emit(struct pe_patches *p, const void *bytes, size_t n)
{
    memcpy(p->code + p->code_used, bytes, n);
    p->code_used += (uint32_t)n;
}

static void emit32(struct pe_patches *p, uint32_t value)
{
    emit(p, &value, sizeof(value));
}

static void add_map(struct pe_patches *p, uint32_t begin, uint32_t origin, uint32_t pushed)
{
    struct pe_stub_map *m = realloc(p->map, (p->map_count + 1) * sizeof(*m));

    if (!m)
        abort();
    p->map = m;
    m[p->map_count++] = (struct pe_stub_map){begin, p->rva + p->code_used, origin, pushed};
}

/* movzx r32, byte gs:[KPCR_IRQL]: zero-extends into the whole register, touches no flag. */
static void emit_read(struct pe_patches *p, unsigned reg, uint32_t origin)
{
    const uint8_t code[] = {0x65,
                            (uint8_t)(0x40 | (reg >> 3) << 2),
                            0x0f,
                            0xb6,
                            (uint8_t)(0x04 | (reg & 7) << 3),
                            0x25,
                            KPCR_IRQL,
                            0,
                            0,
                            0};
    uint32_t begin = p->rva + p->code_used;

    emit(p, code, sizeof(code));
    add_map(p, begin, origin, 0);
}

/* push reg; call [entry slot at the start of the stub area]. The callee drops the argument. */
static void emit_write(struct pe_patches *p, unsigned reg, uint32_t origin)
{
    const uint8_t push[] = {(uint8_t)(0x40 | reg >> 3), (uint8_t)(0x50 | (reg & 7))};
    const uint8_t call[] = {0xff, 0x15};
    uint32_t begin = p->rva + p->code_used;

    emit(p, push, sizeof(push));
    add_map(p, begin, origin, 0);
    begin = p->rva + p->code_used;
    emit(p, call, sizeof(call));
    emit32(p, 0u - (p->code_used + 4));
    add_map(p, begin, origin, 8);
}

static void emit_moved(struct pe_patches *p, const struct pe_file *f, const struct insn *i)
{
    uint8_t bytes[MAX_LENGTH];
    uint32_t begin = p->rva + p->code_used;
    ZydisDecoder decoder;
    ZydisDecodedInstruction d;
    int32_t disp;

    memcpy(bytes, f->image + i->rva, i->length);
    if (i->relative) {
        ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        ZydisDecoderDecodeInstruction(&decoder, NULL, bytes, i->length, &d);
        memcpy(&disp, bytes + d.raw.disp.offset, sizeof(disp));
        disp += (int32_t)(i->rva - begin);
        memcpy(bytes + d.raw.disp.offset, &disp, sizeof(disp));
    }
    emit(p, bytes, i->length);
    add_map(p, begin, i->rva, 0);
}

static void emit_jump(struct pe_patches *p, uint32_t to, uint32_t origin)
{
    uint32_t begin = p->rva + p->code_used;
    const uint8_t op = 0xe9;

    emit(p, &op, 1);
    emit32(p, to - (p->rva + p->code_used + 4));
    add_map(p, begin, origin, 0);
}

static bool grow(struct pe_patches *p)
{
    uint32_t room = p->code_size ? p->code_size * 2 : PE_PAGE;
    uint8_t *code;

    if (p->code_used + STUB_MAX <= p->code_size)
        return true;
    code = realloc(p->code, room);
    if (!code)
        return false;
    memset(code + p->code_size, 0xcc, room - p->code_size);
    p->code = code;
    p->code_size = room;
    return true;
}

/* Replaces the two neighbours a and b, of which one is the CR8 access, by a jump to a stub doing
 * both. */
static bool replace(struct code *c, struct pe_patches *p, const struct insn *a,
                    const struct insn *b)
{
    uint8_t *at = c->file->image + a->rva;
    uint32_t length = (uint32_t)a->length + b->length, stub, rel;
    const struct insn *pair[2] = {a, b};

    if (length < JUMP || a->control || b->control || has_target(c, b->rva) ||
        has_relocation(c->file, a->rva, length) || !grow(p))
        return false;
    stub = p->rva + p->code_used;
    for (int i = 0; i < 2; i++) {
        bool write;
        unsigned reg;

        if (!is_cr8(c->file->image + pair[i]->rva, pair[i]->length, &write, &reg))
            emit_moved(p, c->file, pair[i]);
        else if (write)
            emit_write(p, reg, pair[i]->rva);
        else
            emit_read(p, reg, pair[i]->rva);
    }
    emit_jump(p, a->rva + length, b->rva);
    rel = stub - (a->rva + JUMP);
    at[0] = 0xe9;
    memcpy(at + 1, &rel, sizeof(rel));
    memset(at + JUMP, 0xcc, length - JUMP);
    return true;
}

static void patch_function(struct code *c, struct pe_patches *p, uint32_t begin, uint32_t end)
{
    decode_function(c, begin, end);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct insn *list = c->list;
        bool write, done = false;
        unsigned reg;

        if (!is_cr8(c->file->image + list[i].rva, list[i].length, &write, &reg))
            continue;
        if (!c->opaque && !(write && reg == HOST_RSP)) {
            done = i + 1 < c->count && replace(c, p, list + i, list + i + 1);
            if (done)
                i++;
            else if (i)
                done = replace(c, p, list + i - 1, list + i);
        }
        if (done)
            p->patched++;
        else
            p->trapped++;
    }
}

static bool mentions_cr8(const struct pe_file *f, uint32_t begin, uint32_t end)
{
    bool write;
    unsigned reg;

    for (uint32_t i = begin; i + 4 <= end; i++)
        if (is_cr8(f->image + i, 4, &write, &reg))
            return true;
    return false;
}

/* Functions with unwind data, and the gaps between them: leaf functions have none. */
static void patch_section(struct code *c, struct pe_patches *p, uint32_t begin, uint32_t end)
{
    const struct pe_file *f = c->file;
    uint32_t at = begin;

    for (uint32_t i = 0; i <= f->function_count && at < end; i++) {
        uint32_t next = i < f->function_count ? f->functions[i].begin : end;
        uint32_t next_end = i < f->function_count ? f->functions[i].end : end;

        if (next < at)
            continue;
        if (next > end)
            next = next_end = end;
        if (at < next && mentions_cr8(f, at, next))
            patch_function(c, p, at, next);
        if (next_end > end)
            next_end = end;
        if (next < next_end && mentions_cr8(f, next, next_end))
            patch_function(c, p, next, next_end);
        at = next_end;
    }
}

/* The start of the stub area: slot of the CR8 writer, then the two guard routines. */
static bool start_area(struct pe_patches *p)
{
    static const uint8_t check[] = {0xc3}, dispatch[] = {0xff, 0xe0}; /* ret; jmp rax */
    uint64_t entry = (uint64_t)(uintptr_t)pe_cr8_write_entry;

    if (!grow(p))
        return false;
    emit(p, &entry, sizeof(entry));
    p->cfg_check = p->rva + p->code_used;
    emit(p, check, sizeof(check));
    p->cfg_dispatch = p->rva + p->code_used;
    emit(p, dispatch, sizeof(dispatch));
    return true;
}

uint32_t pe_patch(struct pe_file *file, struct pe_patches *out, struct pe_error *error)
{
    struct code c = {.file = file};

    memset(out, 0, sizeof(*out));
    out->rva = file->image_size;
    if (!start_area(out))
        return pe_fail(error, PE_STATUS_NO_MEMORY, "%s cannot be loaded: out of memory",
                       file->name);
    ZydisDecoderInit(&c.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    for (uint32_t i = 0; i < file->section_count; i++) {
        const struct pe_section *s = file->section + i;

        if (s->flags & PE_SCN_EXECUTE && !s->debug)
            patch_section(&c, out, s->rva, s->rva + s->size);
    }
    free(c.list);
    free(c.targets);
    return 0;
}

void pe_patches_free(struct pe_patches *p)
{
    free(p->code);
    free(p->map);
    memset(p, 0, sizeof(*p));
}

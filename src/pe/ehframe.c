/* SPDX-License-Identifier: MIT */
/*
 * .eh_frame and .eh_frame_hdr from .pdata and .xdata, so that gdb, perf, valgrind and the
 * sanitizers walk through driver frames. Windows unwind codes describe prologues; epilogues have no
 * description of their own in the first version of the format, and none here: a tool that stops
 * inside one may show one wrong frame.
 */
#include "pe/image.h"

#include <stdlib.h>
#include <string.h>

enum {
    UWOP_PUSH_NONVOL = 0,
    UWOP_ALLOC_LARGE = 1,
    UWOP_ALLOC_SMALL = 2,
    UWOP_SET_FPREG = 3,
    UWOP_SAVE_NONVOL = 4,
    UWOP_SAVE_NONVOL_FAR = 5,
    UWOP_EPILOG = 6,
    UWOP_SPARE = 7,
    UWOP_SAVE_XMM128 = 8,
    UWOP_SAVE_XMM128_FAR = 9,
    UWOP_PUSH_MACHFRAME = 10,
    UNW_CHAININFO = 4,
    DW_CFA_advance_loc1 = 0x02,
    DW_CFA_advance_loc4 = 0x04,
    DW_CFA_offset_extended = 0x05,
    DW_CFA_def_cfa = 0x0c,
    DW_CFA_def_cfa_offset = 0x0e,
};

/* DWARF numbers of the registers in instruction encoding order. */
static const uint8_t dwarf_reg[16] = {0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};

struct frame_state {
    struct pe_buffer *out;
    uint32_t depth;    /* bytes between CFA and rsp */
    uint32_t location; /* prologue offset reached */
    bool has_frame;    /* CFA is counted from a frame register */
};

void pe_put(struct pe_buffer *b, const void *data, size_t n)
{
    if (b->size + n > b->room) {
        size_t room = b->room ? b->room : 4096;

        while (room < b->size + n)
            room *= 2;
        b->data = realloc(b->data, room);
        if (!b->data)
            abort();
        b->room = room;
    }
    if (n)
        memcpy(b->data + b->size, data, n);
    b->size += n;
}

void pe_put_zeros(struct pe_buffer *b, size_t n)
{
    static const uint8_t zeros[256];

    for (; n; n -= n < sizeof(zeros) ? n : sizeof(zeros))
        pe_put(b, zeros, n < sizeof(zeros) ? n : sizeof(zeros));
}

void pe_align(struct pe_buffer *b, size_t to)
{
    pe_put_zeros(b, (to - b->size % to) % to);
}

static void put8(struct pe_buffer *b, unsigned v)
{
    uint8_t byte = (uint8_t)v;

    pe_put(b, &byte, 1);
}

static void put32(struct pe_buffer *b, uint32_t v)
{
    pe_put(b, &v, sizeof(v));
}

static void put_uleb(struct pe_buffer *b, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        put8(b, v | 0x80);
    put8(b, v);
}

static void advance(struct frame_state *s, uint32_t to)
{
    if (to <= s->location)
        return;
    put8(s->out, DW_CFA_advance_loc1);
    put8(s->out, to - s->location);
    s->location = to;
}

static void set_depth(struct frame_state *s, uint32_t depth)
{
    s->depth = depth;
    if (s->has_frame)
        return;
    put8(s->out, DW_CFA_def_cfa_offset);
    put_uleb(s->out, depth);
}

/* A register saved `below` bytes under the CFA (a multiple of 8). */
static void saved_at(struct frame_state *s, unsigned reg, uint32_t below)
{
    put8(s->out, DW_CFA_offset_extended);
    put_uleb(s->out, reg);
    put_uleb(s->out, below / 8);
}

struct unwind_code {
    uint8_t offset, op; /* op: low 4 bits operation, high 4 bits info */
};

static unsigned code_slots(const struct unwind_code *c)
{
    switch (c->op & 15) {
    case UWOP_ALLOC_LARGE:
        return c->op >> 4 ? 3 : 2;
    case UWOP_SAVE_NONVOL:
    case UWOP_SAVE_XMM128:
    case UWOP_EPILOG:
        return 2;
    case UWOP_SAVE_NONVOL_FAR:
    case UWOP_SAVE_XMM128_FAR:
    case UWOP_SPARE:
        return 3;
    default:
        return 1;
    }
}

static uint32_t operand(const struct unwind_code *c, unsigned slots)
{
    uint32_t wide;
    uint16_t narrow;

    if (slots == 3) {
        memcpy(&wide, c + 1, sizeof(wide));
        return wide;
    }
    memcpy(&narrow, c + 1, sizeof(narrow));
    return narrow;
}

static uint32_t depth_of(const struct unwind_code *c, unsigned slots)
{
    switch (c->op & 15) {
    case UWOP_PUSH_NONVOL:
        return 8;
    case UWOP_ALLOC_SMALL:
        return (c->op >> 4) * 8u + 8;
    case UWOP_ALLOC_LARGE:
        return slots == 3 ? operand(c, 3) : operand(c, 2) * 8;
    case UWOP_PUSH_MACHFRAME:
        return c->op >> 4 ? 48 : 40;
    default:
        return 0;
    }
}

static void apply(struct frame_state *s, const struct unwind_code *c, unsigned slots,
                  const uint8_t *info, uint32_t full)
{
    unsigned reg = c->op >> 4;

    switch (c->op & 15) {
    case UWOP_PUSH_NONVOL:
        set_depth(s, s->depth + 8);
        saved_at(s, dwarf_reg[reg], s->depth);
        break;
    case UWOP_ALLOC_SMALL:
    case UWOP_ALLOC_LARGE:
    case UWOP_PUSH_MACHFRAME:
        set_depth(s, s->depth + depth_of(c, slots));
        break;
    case UWOP_SET_FPREG:
        s->has_frame = true;
        put8(s->out, DW_CFA_def_cfa);
        put_uleb(s->out, dwarf_reg[info[3] & 15]);
        put_uleb(s->out, s->depth - (info[3] >> 4) * 16u);
        break;
    case UWOP_SAVE_NONVOL:
        saved_at(s, dwarf_reg[reg], full - operand(c, 2) * 8);
        break;
    case UWOP_SAVE_NONVOL_FAR:
        saved_at(s, dwarf_reg[reg], full - operand(c, 3));
        break;
    case UWOP_SAVE_XMM128:
        saved_at(s, 17 + reg, full - operand(c, 2) * 16);
        break;
    case UWOP_SAVE_XMM128_FAR:
        saved_at(s, 17 + reg, full - operand(c, 3));
        break;
    default:
        break;
    }
}

/* Emits the codes of one UNWIND_INFO, oldest first; a chained parent's before, as if they had
 * happened at offset 0. */
static void put_codes(const struct pe_file *f, struct frame_state *s, uint32_t rva, unsigned depth,
                      bool parent)
{
    const uint8_t *info = pe_at(f, rva & ~1u, 4);
    const struct unwind_code *codes;
    unsigned index[256], count = 0;
    uint32_t full;
    bool chain = info && info[0] >> 3 & UNW_CHAININFO;

    if (!info || !(codes = pe_at(f, (rva & ~1u) + 4, ((info[2] + 1u) & ~1u) * 2 + chain * 12u)))
        return;
    if (chain && depth < 32) {
        struct pe_function chained;

        memcpy(&chained, codes + ((info[2] + 1u) & ~1u), sizeof(chained));
        put_codes(f, s, chained.unwind, depth + 1, true);
    }
    full = s->depth;
    for (unsigned i = 0; i < info[2]; i += code_slots(codes + i)) {
        index[count++] = i;
        full +=
            i + code_slots(codes + i) <= info[2] ? depth_of(codes + i, code_slots(codes + i)) : 0;
    }
    while (count--) {
        const struct unwind_code *c = codes + index[count];

        if (index[count] + code_slots(c) > info[2])
            continue;
        if (!parent)
            advance(s, c->offset);
        apply(s, c, code_slots(c), info, full);
    }
}

/* Length-prefixed records; the CIE is the first one, at `cie`. */
static void put_cie(struct pe_buffer *out)
{
    static const uint8_t body[] = {
        0,
        0,
        0,
        0, /* CIE id */
        1,
        'z',
        'R',
        0, /* version, augmentation */
        1,
        0x78,
        16, /* code align 1, data align -8, return address column */
        1,
        0x1b, /* FDE pointers are pc-relative, 4 bytes */
        DW_CFA_def_cfa,
        7,
        8,
        0x80 | 16,
        1, /* CFA is rsp+8, return address at CFA-8 */
        0,
        0,
    };

    put32(out, sizeof(body));
    pe_put(out, body, sizeof(body));
}

struct fde_index {
    uint32_t begin, at; /* RVA of code, offset of the record in the buffer */
};

struct frames {
    const struct pe_file *file;
    struct pe_buffer *out;
    uint32_t rva; /* of the buffer */
    size_t cie;
    struct fde_index *index;
    size_t count;
};

static void put_fde(struct frames *fr, uint32_t begin, uint32_t end, uint32_t unwind)
{
    struct pe_buffer *out = fr->out;
    struct frame_state s = {.out = out, .depth = 8};
    size_t start = out->size;
    uint32_t length;

    if (begin >= end)
        return;
    put32(out, 0);
    put32(out, (uint32_t)(out->size - fr->cie));
    put32(out, begin - (fr->rva + (uint32_t)out->size));
    put32(out, end - begin);
    put8(out, 0); /* no augmentation data */
    if (unwind)
        put_codes(fr->file, &s, unwind, 0, false);
    pe_align(out, 4);
    length = (uint32_t)(out->size - start - 4);
    memcpy(out->data + start, &length, sizeof(length));
    fr->index[fr->count++] = (struct fde_index){begin, (uint32_t)start};
}

static bool in_code(const struct pe_file *f, uint32_t rva)
{
    const struct pe_section *s = pe_section_of(f->section, f->section_count, rva);

    return s && s->flags & PE_SCN_EXECUTE;
}

/* Unwind entries in order, and between them the leaf functions, which only have a return address.
 */
static void put_all(struct frames *fr)
{
    const struct pe_file *f = fr->file;
    uint32_t next = 0;

    for (uint32_t i = 0; i < f->section_count; i++) {
        uint32_t at = f->section[i].rva, end = at + f->section[i].size;

        if (!in_code(f, at))
            continue;
        for (; next < f->function_count && f->functions[next].begin < end; next++) {
            const struct pe_function *fn = f->functions + next;

            if (fn->begin < at)
                continue;
            put_fde(fr, at, fn->begin, 0);
            put_fde(fr, fn->begin, fn->end < end ? fn->end : end, fn->unwind);
            at = fn->end;
        }
        put_fde(fr, at, end, 0);
    }
}

void pe_make_eh_frame(const struct pe_file *file, const struct pe_patches *p, uint32_t at,
                      struct pe_buffer *out, size_t *header_size)
{
    static const uint8_t versions[] = {1, 0x1b, 0x03, 0x3b};
    size_t most = 2 * (size_t)file->function_count + file->section_count + 2;
    struct frames fr = {.file = file, .out = out, .rva = at};
    uint32_t value;

    (void)p;
    fr.index = calloc(most, sizeof(*fr.index));
    if (!fr.index)
        abort();
    *header_size = 12 + most * 8;
    pe_put(out, versions, sizeof(versions));
    put32(out, (uint32_t)*header_size - 4); /* .eh_frame, counted from here */
    pe_put_zeros(out, 4 + most * 8);
    fr.cie = out->size;
    put_cie(out);
    put_all(&fr);
    put32(out, 0);
    value = (uint32_t)fr.count;
    memcpy(out->data + 8, &value, sizeof(value));
    for (size_t i = 0; i < fr.count; i++) {
        int32_t pair[2] = {(int32_t)(fr.index[i].begin - at), (int32_t)fr.index[i].at};

        memcpy(out->data + 12 + i * 8, pair, sizeof(pair));
    }
    free(fr.index);
}

/* SPDX-License-Identifier: MIT */
/*
 * One driver frame outwards, by .pdata and .xdata. Windows' x64 rules: a function without an entry
 * is a leaf; inside an epilogue the rest of the epilogue is carried out; else the prologue is
 * undone as far as it had come.
 */
#include "pe/image.h"
#include "pe/unwind.h"

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
    MAX_CHAIN = 32,
};

struct unwind_info {
    uint8_t version_flags, prologue, codes, frame;
    uint16_t code[];
};

bool pe_read_stack(uint64_t address, void *to, size_t n)
{
    uintptr_t low, high;

    if (host_fault_stack(&low, &high) && address >= low && address <= high && n <= high - address) {
        memcpy(to, (const void *)(uintptr_t)address, n);
        return true;
    }
    return host_safe_read((const void *)(uintptr_t)address, to, n) == n;
}

const struct pe_function *pe_find_function(const struct pe_image *image, uint32_t rva)
{
    uint32_t low = 0, high = image->function_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (image->functions[mid].end <= rva)
            low = mid + 1;
        else
            high = mid;
    }
    return low < image->function_count && image->functions[low].begin <= rva
               ? image->functions + low
               : NULL;
}

bool pe_leave_stub(const struct pe_image *image, struct host_registers *regs)
{
    uint64_t rva = regs->rip - (uint64_t)(uintptr_t)image->base;

    for (uint32_t i = 0; rva >= image->size && i < image->stub_count; i++) {
        const struct pe_stub_map *m = image->stubs + i;

        if (rva < m->begin || rva >= m->end)
            continue;
        regs->rip = (uint64_t)(uintptr_t)image->base + m->origin;
        regs->gp[HOST_RSP] += m->pushed;
        return true;
    }
    return false;
}

/* UNWIND_INFO at an RVA, when all of it (with `tail` bytes behind the codes) is inside the image.
 */
static const struct unwind_info *info_at(const struct pe_image *image, uint32_t rva, unsigned tail)
{
    const struct unwind_info *u;

    rva &= ~3u;
    if (rva > image->size - 4 || !rva)
        return NULL;
    u = (const struct unwind_info *)(image->base + rva);
    return 4u + ((u->codes + 1u) & ~1u) * 2 + tail <= image->size - rva ? u : NULL;
}

static unsigned slots_of(uint16_t code)
{
    switch (code >> 8 & 15) {
    case UWOP_ALLOC_LARGE:
        return code >> 12 ? 3 : 2;
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

static uint32_t operand(const struct unwind_info *u, unsigned i, unsigned slots, uint32_t scale)
{
    if (i + slots > u->codes)
        return 0;
    return slots == 3 ? u->code[i + 1] | (uint32_t)u->code[i + 2] << 16 : u->code[i + 1] * scale;
}

static bool pop(struct host_registers *r, uint64_t *to)
{
    if (!pe_read_stack(r->gp[HOST_RSP], to, 8))
        return false;
    r->gp[HOST_RSP] += 8;
    return true;
}

/* rip, cs, rflags, rsp, ss as the processor pushes them on an interrupt. */
static bool pop_machine_frame(struct host_registers *r, bool error_code)
{
    uint64_t f[5];

    if (!pe_read_stack(r->gp[HOST_RSP] + (error_code ? 8 : 0), f, sizeof(f)))
        return false;
    r->rip = f[0];
    r->rflags = f[2];
    r->gp[HOST_RSP] = f[3];
    return true;
}

struct undo {
    struct host_registers *regs;
    void *xmm;
    uint64_t frame; /* what saved registers are addressed from */
    bool machine_frame;
};

static bool undo_code(struct undo *d, const struct unwind_info *u, unsigned i)
{
    struct host_registers *r = d->regs;
    unsigned reg = u->code[i] >> 12, slots = slots_of(u->code[i]);

    switch (u->code[i] >> 8 & 15) {
    case UWOP_PUSH_NONVOL:
        return pop(r, &r->gp[reg]);
    case UWOP_ALLOC_LARGE:
        r->gp[HOST_RSP] += operand(u, i, slots, 8);
        return true;
    case UWOP_ALLOC_SMALL:
        r->gp[HOST_RSP] += reg * 8 + 8;
        return true;
    case UWOP_SET_FPREG:
        r->gp[HOST_RSP] = r->gp[u->frame & 15] - (u->frame >> 4) * 16u;
        return true;
    case UWOP_SAVE_NONVOL:
    case UWOP_SAVE_NONVOL_FAR:
        return pe_read_stack(d->frame + operand(u, i, slots, 8), &r->gp[reg], 8);
    case UWOP_SAVE_XMM128:
    case UWOP_SAVE_XMM128_FAR:
        return !d->xmm ||
               pe_read_stack(d->frame + operand(u, i, slots, 16), (uint8_t *)d->xmm + reg * 16, 16);
    case UWOP_PUSH_MACHFRAME:
        d->machine_frame = true;
        return pop_machine_frame(r, reg != 0);
    default:
        return true;
    }
}

/* Undoes what the prologue had done at `offset` into the function. */
static bool undo_prologue(struct undo *d, const struct unwind_info *u, uint32_t offset)
{
    for (unsigned i = 0; i < u->codes; i += slots_of(u->code[i]))
        if ((u->code[i] & 0xff) <= offset && !undo_code(d, u, i))
            return false;
    return true;
}

/* The frame pointer counts once its set-up instruction has run. */
static uint64_t frame_of(const struct unwind_info *u, const struct host_registers *r,
                         uint32_t offset)
{
    if (!(u->frame & 15))
        return r->gp[HOST_RSP];
    if (offset >= u->prologue || u->version_flags >> 3 & UNW_CHAININFO)
        return r->gp[u->frame & 15] - (u->frame >> 4) * 16u;
    for (unsigned i = 0; i < u->codes; i += slots_of(u->code[i]))
        if ((u->code[i] >> 8 & 15) == UWOP_SET_FPREG)
            return (u->code[i] & 0xff) <= offset ? r->gp[u->frame & 15] - (u->frame >> 4) * 16u
                                                 : r->gp[HOST_RSP];
    return r->gp[HOST_RSP];
}

static int32_t disp32(const uint8_t *p)
{
    int32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* The stack adjustment an epilogue may start with: add rsp, imm or lea rsp, [frame + disp]. Returns
 * its length. */
static unsigned epilogue_adjust(const uint8_t *p, size_t room, const struct unwind_info *u,
                                struct host_registers *r)
{
    unsigned frame = u->frame & 15;

    if (room >= 4 && p[0] == 0x48 && p[1] == 0x83 && p[2] == 0xc4) {
        r->gp[HOST_RSP] += (uint64_t)(int8_t)p[3];
        return 4;
    }
    if (room >= 7 && p[0] == 0x48 && p[1] == 0x81 && p[2] == 0xc4) {
        r->gp[HOST_RSP] += (uint64_t)disp32(p + 3);
        return 7;
    }
    if (!frame || room < 4 || (p[0] & 0xfe) != 0x48 || p[1] != 0x8d || (p[2] & 0x38) != 0x20 ||
        (p[2] & 7u) + (p[0] & 1u) * 8 != frame || (p[2] & 7) == 4)
        return 0;
    if (p[2] >> 6 == 1) {
        r->gp[HOST_RSP] = r->gp[frame] + (uint64_t)(int8_t)p[3];
        return 4;
    }
    if (p[2] >> 6 == 2 && room >= 7) {
        r->gp[HOST_RSP] = r->gp[frame] + (uint64_t)disp32(p + 3);
        return 7;
    }
    return 0;
}

/* How an epilogue ends: ret, or a jump out of the function (tail call). */
static bool epilogue_end(const uint8_t *p, size_t room, uint32_t rva, const struct pe_function *fn)
{
    if (room && (p[0] == 0xc3 || p[0] == 0xc2))
        return true;
    if (room >= 2 && p[0] == 0xf3 && p[1] == 0xc3)
        return true;
    if (room >= 5 && p[0] == 0xe9) {
        uint32_t to = rva + 5 + (uint32_t)disp32(p + 1);
        return to < fn->begin || to >= fn->end;
    }
    if (room >= 2 && p[0] == 0xeb) {
        uint32_t to = rva + 2 + (uint32_t)(int8_t)p[1];
        return to < fn->begin || to >= fn->end;
    }
    if (room && (p[0] & 0xf8) == 0x48) /* rex before jmp [mem] */
        p++, room--;
    return room >= 2 && p[0] == 0xff && (p[1] & 0x38) == 0x20;
}

/* Carries out the rest of an epilogue when rip is inside one. 1: done, 0: not in one, -1: stack
 * unreadable. */
static int run_epilogue(const struct pe_image *image, const struct pe_function *fn,
                        const struct unwind_info *u, uint32_t rva, struct host_registers *regs)
{
    const struct pe_section *s = pe_section_of(image->section, image->section_count, rva);
    struct host_registers r = *regs;
    const uint8_t *p = image->base + rva, *end = image->base + fn->end;

    if (!s || (image->init_gone && s->flags & PE_SCN_DISCARDABLE) || fn->end > image->size)
        return 0;
    p += epilogue_adjust(p, (size_t)(end - p), u, &r);
    for (;;) {
        unsigned reg = 0, length = 1;

        if (end - p >= 2 && (p[0] & 0xfe) == 0x40 && (p[1] & 0xf8) == 0x58) {
            reg = (p[0] & 1u) * 8;
            length = 2;
        } else if (end == p || (p[0] & 0xf8) != 0x58) {
            break;
        }
        if (!pop(&r, &r.gp[reg + (p[length - 1] & 7)]))
            return -1;
        p += length;
    }
    if (!epilogue_end(p, (size_t)(end - p), (uint32_t)(p - image->base), fn))
        return 0;
    if (!pop(&r, &r.rip))
        return -1;
    *regs = r;
    return 1;
}

/* Undoes fn's prologue and those it is chained to, then pops the return address. */
static bool undo_all(const struct pe_image *image, const struct pe_function *fn,
                     const struct unwind_info *u, uint32_t offset, struct undo *d)
{
    struct pe_function parent;

    (void)fn;
    if (!undo_prologue(d, u, offset))
        return false;
    for (int depth = 0; u->version_flags >> 3 & UNW_CHAININFO; depth++) {
        if (depth == MAX_CHAIN ||
            !(u = info_at(image, (uint32_t)((const uint8_t *)u - image->base), 12)))
            return false;
        memcpy(&parent, u->code + ((u->codes + 1u) & ~1u), sizeof(parent));
        u = info_at(image, parent.unwind, 0);
        if (!u || !undo_prologue(d, u, UINT32_MAX))
            return false;
    }
    return d->machine_frame || pop(d->regs, &d->regs->rip);
}

static void take_handler(const struct pe_image *image, const struct unwind_info *u, unsigned want,
                         struct pe_unwind_result *out)
{
    unsigned flags = u->version_flags >> 3;

    if (flags & UNW_CHAININFO || !(flags & want) ||
        !info_at(image, (uint32_t)((const uint8_t *)u - image->base), 4))
        return;
    memcpy(&out->handler, u->code + ((u->codes + 1u) & ~1u), 4);
    out->handler_data = (const uint8_t *)(u->code + ((u->codes + 1u) & ~1u)) + 4;
}

bool pe_virtual_unwind(const struct pe_image *image, struct host_registers *regs, void *xmm,
                       unsigned want, struct pe_unwind_result *result)
{
    uint32_t rva = (uint32_t)(regs->rip - (uint64_t)(uintptr_t)image->base), offset;
    const struct pe_function *fn = pe_find_function(image, rva);
    struct undo d = {.regs = regs, .xmm = xmm};
    const struct unwind_info *u;
    int epilogue;

    memset(result, 0, sizeof(*result));
    result->establisher = regs->gp[HOST_RSP];
    if (!fn)
        return pop(regs, &regs->rip);
    u = info_at(image, fn->unwind, 0);
    if (!u)
        return false;
    offset = rva - fn->begin;
    d.frame = result->establisher = frame_of(u, regs, offset);
    if (offset >= u->prologue || u->version_flags >> 3 & UNW_CHAININFO) {
        epilogue = run_epilogue(image, fn, u, rva, regs);
        if (epilogue)
            return epilogue > 0;
        take_handler(image, u, want, result);
        offset = UINT32_MAX;
    }
    if (!undo_all(image, fn, u, offset, &d))
        return false;
    result->machine_frame = d.machine_frame;
    return true;
}

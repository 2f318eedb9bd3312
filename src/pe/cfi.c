/* SPDX-License-Identifier: MIT */
/*
 * One frame of openflt's own code outwards, by the DWARF call frame information every host compiler
 * leaves in .eh_frame. Reports walk through host frames with it, and exceptions that cross one (a
 * driver's __except around a routine of ours that raises) get back the driver's non-volatile
 * registers, xmm6-15 included, without any thunk.
 */
#include "pe/unwind.h"

#include <string.h>

#include "host/host.h"

/* Columns: 0-15 general registers in DWARF order, 16 the return address, 17-32 xmm0-15. */
#define COLUMNS 33
#define STATE_DEPTH 8

static const uint8_t gp_of[16] = {HOST_RAX, HOST_RDX, HOST_RCX, HOST_RBX, HOST_RSI, HOST_RDI,
                                  HOST_RBP, HOST_RSP, HOST_R8,  HOST_R9,  HOST_R10, HOST_R11,
                                  HOST_R12, HOST_R13, HOST_R14, HOST_R15};

enum rule { SAME, UNDEFINED, AT_OFFSET, AT_EXPRESSION, IS_OFFSET, IS_REGISTER, IS_EXPRESSION };

struct column {
    uint8_t rule;
    int64_t value;
    const uint8_t *expression;
};

struct rows {
    struct column column[COLUMNS];
    uint64_t cfa_reg;
    int64_t cfa_offset;
    const uint8_t *cfa_expression;
};

struct cie {
    const uint8_t *code, *end;
    uint64_t code_align, return_column;
    int64_t data_align;
    uint8_t fde_encoding;
    bool augmented, signal_frame;
};

static uint64_t uleb(const uint8_t **p)
{
    uint64_t v = 0;

    for (unsigned shift = 0;; shift += 7) {
        uint8_t b = *(*p)++;

        if (shift < 64)
            v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
}

static int64_t sleb(const uint8_t **p)
{
    uint64_t v = 0;
    unsigned shift = 0;
    uint8_t b;

    do {
        b = *(*p)++;
        if (shift < 64)
            v |= (uint64_t)(b & 0x7f) << shift;
        shift += 7;
    } while (b & 0x80);
    if (shift < 64 && b & 0x40)
        v |= ~0ull << shift;
    return (int64_t)v;
}

static uint64_t fixed(const uint8_t **p, unsigned n)
{
    uint64_t v = 0;

    memcpy(&v, *p, n);
    *p += n;
    return v;
}

/* A pointer in one of the encodings compilers use here: absolute or pc-relative, 4 or 8 bytes. */
static uint64_t encoded(const uint8_t **p, uint8_t encoding, const void *data_base)
{
    uint64_t base = 0, at = (uint64_t)(uintptr_t)*p;

    if ((encoding & 0x70) == 0x10)
        base = at;
    else if ((encoding & 0x70) == 0x30)
        base = (uint64_t)(uintptr_t)data_base;
    switch (encoding & 15) {
    case 0x03:
        return base + fixed(p, 4);
    case 0x0b:
        return base + (uint64_t)(int32_t)fixed(p, 4);
    case 0x01:
        return base + uleb(p);
    default:
        return base + fixed(p, 8);
    }
}

/* Looks the table of .eh_frame_hdr up: the last entry that starts at or before pc. */
static const uint8_t *find_fde(uint64_t pc)
{
    const uint8_t *hdr = host_eh_frame_hdr((const void *)(uintptr_t)pc), *p = hdr + 4;
    uint64_t count, low = 0, high;
    const int32_t *table;

    if (!hdr || hdr[0] != 1 || hdr[3] != 0x3b)
        return NULL;
    encoded(&p, hdr[1], hdr);
    count = high = encoded(&p, hdr[2], hdr);
    table = (const int32_t *)p;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;

        if ((uint64_t)(uintptr_t)hdr + (uint64_t)(int64_t)table[mid * 2] <= pc)
            low = mid + 1;
        else
            high = mid;
    }
    return low && low <= count ? hdr + table[(low - 1) * 2 + 1] : NULL;
}

static void parse_cie(const uint8_t *p, struct cie *c)
{
    uint32_t length = (uint32_t)fixed(&p, 4);
    const char *augmentation;
    uint64_t skip;

    memset(c, 0, sizeof(*c));
    c->end = p + length;
    p += 5; /* id, version */
    augmentation = (const char *)p;
    p += strlen(augmentation) + 1;
    c->code_align = uleb(&p);
    c->data_align = sleb(&p);
    c->return_column = *p++;
    if (*augmentation == 'z') {
        c->augmented = true;
        skip = uleb(&p);
        c->code = p + skip;
        while (*++augmentation) {
            if (*augmentation == 'R')
                c->fde_encoding = *p++;
            else if (*augmentation == 'P') {
                uint8_t e = *p++;
                encoded(&p, e, NULL);
            } else if (*augmentation == 'L')
                p++;
            else if (*augmentation == 'S')
                c->signal_frame = true;
        }
    } else {
        c->code = p;
    }
}

/* Register value, by DWARF number. */
static uint64_t reg_value(const struct host_registers *r, uint64_t n)
{
    return n < 16 ? r->gp[gp_of[n]] : n == 16 ? r->rip : 0;
}

/* The few operations that appear in expressions of compilers, the PLT and our fault frame. */
static bool evaluate(const uint8_t *e, const struct host_registers *r, uint64_t initial,
                     uint64_t *out)
{
    uint64_t length = uleb(&e), stack[16] = {initial};
    const uint8_t *end = e + length;
    int top = 0;

    while (e < end) {
        uint8_t op = *e++;

        if (top < 0 || top > 13)
            return false;
        if (op >= 0x70 && op <= 0x8f)
            stack[++top] = reg_value(r, op - 0x70u) + (uint64_t)sleb(&e);
        else if (op >= 0x30 && op <= 0x4f)
            stack[++top] = op - 0x30u;
        else if (op == 0x06) {
            if (!pe_read_stack(stack[top], &stack[top], 8))
                return false;
        } else if (op == 0x08)
            stack[++top] = *e++;
        else if (op == 0x23)
            stack[top] += uleb(&e);
        else if ((op == 0x22 || op == 0x1a || op == 0x24 || op == 0x2a) && top > 0) {
            uint64_t b = stack[top--], *a = &stack[top];
            *a = op == 0x22   ? *a + b
                 : op == 0x1a ? (*a & b)
                 : op == 0x24 ? *a << (b & 63)
                              : (uint64_t)((int64_t)*a >= (int64_t)b);
        } else
            return false;
    }
    *out = stack[top];
    return true;
}

static void set_column(struct rows *w, uint64_t n, enum rule rule, int64_t value, const uint8_t *e)
{
    if (n < COLUMNS)
        w->column[n] = (struct column){(uint8_t)rule, value, e};
}

static const uint8_t *skip_block(const uint8_t **p)
{
    const uint8_t *start = *p;
    uint64_t n = uleb(p);

    *p += n;
    return start;
}

/* Extended opcodes; false for one we do not know. */
static bool run_extended(uint8_t op, const uint8_t **p, const struct cie *c, struct rows *w,
                         const struct rows *initial)
{
    uint64_t reg;

    switch (op) {
    case 0x00:
        return true;
    case 0x05:
        reg = uleb(p);
        set_column(w, reg, AT_OFFSET, (int64_t)uleb(p) * c->data_align, NULL);
        return true;
    case 0x06:
        reg = uleb(p);
        if (reg < COLUMNS)
            w->column[reg] = initial->column[reg];
        return true;
    case 0x07:
        set_column(w, uleb(p), UNDEFINED, 0, NULL);
        return true;
    case 0x08:
        set_column(w, uleb(p), SAME, 0, NULL);
        return true;
    case 0x09:
        reg = uleb(p);
        set_column(w, reg, IS_REGISTER, (int64_t)uleb(p), NULL);
        return true;
    case 0x0c:
        w->cfa_reg = uleb(p);
        w->cfa_offset = (int64_t)uleb(p);
        w->cfa_expression = NULL;
        return true;
    case 0x0d:
        w->cfa_reg = uleb(p);
        w->cfa_expression = NULL;
        return true;
    case 0x0e:
        w->cfa_offset = (int64_t)uleb(p);
        return true;
    case 0x0f:
        w->cfa_expression = skip_block(p);
        return true;
    case 0x10:
        reg = uleb(p);
        set_column(w, reg, AT_EXPRESSION, 0, skip_block(p));
        return true;
    case 0x11:
        reg = uleb(p);
        set_column(w, reg, AT_OFFSET, sleb(p) * c->data_align, NULL);
        return true;
    case 0x12:
        w->cfa_reg = uleb(p);
        w->cfa_offset = sleb(p) * c->data_align;
        w->cfa_expression = NULL;
        return true;
    case 0x13:
        w->cfa_offset = sleb(p) * c->data_align;
        return true;
    case 0x14:
        reg = uleb(p);
        set_column(w, reg, IS_OFFSET, (int64_t)uleb(p) * c->data_align, NULL);
        return true;
    case 0x16:
        reg = uleb(p);
        set_column(w, reg, IS_EXPRESSION, 0, skip_block(p));
        return true;
    case 0x2e:
        uleb(p);
        return true; /* arguments size */
    default:
        return false;
    }
}

/* Runs call frame instructions until the row for `pc` is complete. */
static bool run(const uint8_t *p, const uint8_t *end, const struct cie *c, uint64_t location,
                uint64_t pc, struct rows *w, const struct rows *initial)
{
    struct rows saved[STATE_DEPTH];
    int depth = 0;

    while (p < end && location <= pc) {
        uint8_t op = *p++;
        struct rows *to = w;

        switch (op >> 6) {
        case 1:
            location += (op & 63) * c->code_align;
            continue;
        case 2:
            set_column(to, op & 63, AT_OFFSET, (int64_t)uleb(&p) * c->data_align, NULL);
            continue;
        case 3:
            if ((op & 63) < COLUMNS)
                to->column[op & 63] = initial->column[op & 63];
            continue;
        default:
            break;
        }
        switch (op) {
        case 0x01:
            location = encoded(&p, c->fde_encoding, NULL);
            break;
        case 0x02:
            location += fixed(&p, 1) * c->code_align;
            break;
        case 0x03:
            location += fixed(&p, 2) * c->code_align;
            break;
        case 0x04:
            location += fixed(&p, 4) * c->code_align;
            break;
        case 0x0a:
            if (depth == STATE_DEPTH)
                return false;
            saved[depth++] = *w;
            break;
        case 0x0b:
            if (!depth)
                return false;
            *w = saved[--depth];
            break;
        default:
            if (!run_extended(op, &p, c, w, initial))
                return false;
        }
    }
    return true;
}

static bool restore(const struct column *c, uint64_t cfa, const struct host_registers *old,
                    void *to, size_t n)
{
    uint64_t address = cfa + (uint64_t)c->value;

    switch (c->rule) {
    case AT_OFFSET:
        return pe_read_stack(address, to, n);
    case AT_EXPRESSION:
        return evaluate(c->expression, old, cfa, &address) && pe_read_stack(address, to, n);
    case IS_OFFSET:
        memcpy(to, &address, 8);
        return true;
    case IS_REGISTER:
        address = reg_value(old, (uint64_t)c->value);
        memcpy(to, &address, 8);
        return true;
    case IS_EXPRESSION:
        if (!evaluate(c->expression, old, cfa, &address))
            return false;
        memcpy(to, &address, 8);
        return true;
    default:
        return true;
    }
}

static bool apply(const struct rows *w, const struct cie *c, struct host_registers *regs, void *xmm)
{
    struct host_registers old = *regs;
    uint64_t cfa = reg_value(&old, w->cfa_reg) + (uint64_t)w->cfa_offset;

    if (w->cfa_expression && !evaluate(w->cfa_expression, &old, 0, &cfa))
        return false;
    regs->gp[HOST_RSP] = cfa;
    for (unsigned i = 0; i < 16; i++)
        if (!restore(&w->column[i], cfa, &old, &regs->gp[gp_of[i]], 8))
            return false;
    for (unsigned i = 0; xmm && i < 16; i++)
        if (!restore(&w->column[17 + i], cfa, &old, (uint8_t *)xmm + 16 * i, 16))
            return false;
    if (c->return_column != 16 || w->column[16].rule == UNDEFINED || w->column[16].rule == SAME)
        return false;
    return restore(&w->column[16], cfa, &old, &regs->rip, 8);
}

bool pe_unwind_host(struct host_registers *regs, void *xmm, bool after_call, bool *signal_frame)
{
    uint64_t pc = regs->rip - after_call, begin, size;
    const uint8_t *fde = find_fde(pc), *p = fde, *end;
    struct rows rows = {0}, initial;
    struct cie cie;
    uint32_t length, back;

    if (!fde)
        return false;
    length = (uint32_t)fixed(&p, 4);
    end = p + length;
    memcpy(&back, p, sizeof(back));
    parse_cie(p - back, &cie);
    p += 4;
    begin = encoded(&p, cie.fde_encoding, NULL);
    size = encoded(&p, cie.fde_encoding & 15, NULL);
    if (pc - begin >= size)
        return false;
    if (cie.augmented) {
        uint64_t skip = uleb(&p);
        p += skip;
    }
    if (!run(cie.code, cie.end, &cie, 0, 0, &rows, &rows))
        return false;
    initial = rows;
    if (!run(p, end, &cie, begin, pc, &rows, &initial))
        return false;
    *signal_frame = cie.signal_frame;
    return apply(&rows, &cie, regs, xmm);
}

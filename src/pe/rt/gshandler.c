/* SPDX-License-Identifier: MIT */
/*
 * __GSHandlerCheck: the exception handler of functions with a /GS cookie and no __try of their own.
 * It checks the cookie when an exception passes by, so that an overwritten frame is not unwound
 * through.
 *
 * Its data is one word: bits 0-2 flags, the rest the cookie's offset from the frame; with flag 4 an
 * aligned frame follows, whose offset and alignment are two more words. The cookie is stored xor'ed
 * with the frame address.
 */
typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned char u8;

void __security_check_cookie(u64 cookie);

/* DISPATCHER_CONTEXT, as far as it is used. */
struct dispatcher {
    u64 control_pc, image_base;
    const u32 *function;
    u64 establisher, target;
    void *context, *routine;
    const u32 *handler_data;
};

#define ALIGNED 4u

static void check(const u8 *frame, const struct dispatcher *d, const u32 *data)
{
    const u8 *base = frame;
    const u8 *info = (const u8 *)(d->image_base + d->function[2]);
    u64 key = (u64)frame;
    int offset = (int)(data[0] & ~7u);

    if (data[0] & ALIGNED)
        base = (const u8 *)(((u64)frame + (u64)(int)data[1]) & (u64) - (long long)data[2]);
    /* Functions with a frame register xor with it, and it points (info[3] >> 4) * 16 above the
     * frame. */
    if (info[3] & 15)
        key += (info[3] & 0xf0u);
    __security_check_cookie(*(const u64 *)(base + offset) ^ key);
}

int __GSHandlerCheck(void *record, void *frame, void *context, struct dispatcher *d);
int __GSHandlerCheck(void *record, void *frame, void *context, struct dispatcher *d)
{
    (void)record;
    (void)context;
    check(frame, d, d->handler_data);
    return 1; /* ExceptionContinueSearch */
}

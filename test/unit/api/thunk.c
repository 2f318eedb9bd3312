/* SPDX-License-Identifier: MIT */
/*
 * What a thunk must leave alone: every argument register, the stack arguments, rax, and with calls watched also all
 * that the Windows convention promises the caller. The body and the caller are written in assembly, so nothing is
 * hidden by what a compiler happens to use. The body takes a kernel name that openflt has no body for.
 */
#include "api/api.h"
#include "harness.h"

#define ROW "HalMakeBeep"

/* Indices into the records below. */
enum { RAX, RCX, RDX, R8, R9, STACK5, STACK6, RDI, RSI, RBX, R12, R13, R14, R15, REGS };

struct record {
    uint64_t reg[REGS];
    uint64_t xmm[10][2];
};

struct record sent __attribute__((used)), seen __attribute__((used)), after __attribute__((used));
void *target __attribute__((used));
uint64_t body_calls __attribute__((used));

#define STORE_REGS(where)                                                                          \
    "movq %rax, " where "+0(%rip)\n movq %rcx, " where "+8(%rip)\n"                                  \
    "movq %rdx, " where "+16(%rip)\n movq %r8, " where "+24(%rip)\n"                                 \
    "movq %r9, " where "+32(%rip)\n"                                                                 \
    "movq %rdi, " where "+56(%rip)\n movq %rsi, " where "+64(%rip)\n"                                \
    "movq %rbx, " where "+72(%rip)\n movq %r12, " where "+80(%rip)\n"                                \
    "movq %r13, " where "+88(%rip)\n movq %r14, " where "+96(%rip)\n"                                \
    "movq %r15, " where "+104(%rip)\n"                                                               \
    "movups %xmm0, " where "+112(%rip)\n movups %xmm1, " where "+128(%rip)\n"                        \
    "movups %xmm2, " where "+144(%rip)\n movups %xmm3, " where "+160(%rip)\n"                        \
    "movups %xmm4, " where "+176(%rip)\n movups %xmm5, " where "+192(%rip)\n"                        \
    "movups %xmm6, " where "+208(%rip)\n movups %xmm7, " where "+224(%rip)\n"                        \
    "movups %xmm8, " where "+240(%rip)\n movups %xmm15, " where "+256(%rip)\n"

__asm__(".text\n.globl HalMakeBeep\n.hidden HalMakeBeep\nHalMakeBeep:\n" STORE_REGS("seen")
        "movq 40(%rsp), %r10\n movq %r10, seen+40(%rip)\n"
        "movq 48(%rsp), %r10\n movq %r10, seen+48(%rip)\n"
        "incq body_calls(%rip)\n"
        "movq $0x5a5a, %rax\n ret\n");

/* Calls `target` with every register set from `sent`; stores all of them into `after` on the way back. */
void call_with_everything(void);
__asm__(".text\n.globl call_with_everything\n.hidden call_with_everything\ncall_with_everything:\n"
        "pushq %rbp\n movq %rsp, %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
        "subq $56, %rsp\n andq $-16, %rsp\n"
        "movq sent+40(%rip), %rax\n movq %rax, 32(%rsp)\n"
        "movq sent+48(%rip), %rax\n movq %rax, 40(%rsp)\n"
        "movups sent+112(%rip), %xmm0\n movups sent+128(%rip), %xmm1\n movups sent+144(%rip), %xmm2\n"
        "movups sent+160(%rip), %xmm3\n movups sent+176(%rip), %xmm4\n movups sent+192(%rip), %xmm5\n"
        "movups sent+208(%rip), %xmm6\n movups sent+224(%rip), %xmm7\n movups sent+240(%rip), %xmm8\n"
        "movups sent+256(%rip), %xmm15\n"
        "movq sent+0(%rip), %rax\n movq sent+8(%rip), %rcx\n movq sent+16(%rip), %rdx\n"
        "movq sent+24(%rip), %r8\n movq sent+32(%rip), %r9\n movq sent+56(%rip), %rdi\n"
        "movq sent+64(%rip), %rsi\n movq sent+72(%rip), %rbx\n movq sent+80(%rip), %r12\n"
        "movq sent+88(%rip), %r13\n movq sent+96(%rip), %r14\n movq sent+104(%rip), %r15\n"
        "call *target(%rip)\n" STORE_REGS("after")
        "leaq -40(%rbp), %rsp\n popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n");

static void fill(void)
{
    uint64_t *words = (uint64_t *)&sent;

    for (size_t i = 0; i < sizeof(sent) / 8; i++)
        words[i] = 0x0101010101010101ull * (i + 1) + (i << 40);
    memset(&seen, 0, sizeof(seen));
    memset(&after, 0, sizeof(after));
    target = api_find_address("hal.dll", ROW);
    REQUIRE(target);
}

static void check_arguments_arrived(void)
{
    for (int i = 0; i < REGS; i++)
        CHECK_EQ(seen.reg[i], sent.reg[i]);
    CHECK(!memcmp(seen.xmm, sent.xmm, sizeof(sent.xmm)));
}

static void check_nonvolatiles_kept(void)
{
    for (int i = RDI; i < REGS; i++)
        CHECK_EQ(after.reg[i], sent.reg[i]);
    CHECK(!memcmp(after.xmm[6], sent.xmm[6], 4 * sizeof(sent.xmm[0])));
}

TEST(free_mode, "api.thunk.passes_everything_through")
{
    fill();
    call_with_everything();
    CHECK_EQ(body_calls, 1);
    CHECK_EQ(after.reg[RAX], 0x5a5a);
    check_arguments_arrived();
    check_nonvolatiles_kept();
}

TEST(body_is_bound, "api.thunk.a_body_makes_the_row_implemented")
{
    const struct api_export *row;

    REQUIRE(api_lookup("hal.dll", ROW, API_DEFAULT_BUILD, &row) == API_FOUND);
    CHECK_EQ(api_state(row), API_IMPLEMENTED);
    CHECK(row->thunk != row->body);
}

/* ---- watched calls -------------------------------------------------------------------------- */

static unsigned hook_calls;
static const struct api_export *hook_row;
static const void *hook_from;
static uint64_t hook_stack[2];
static struct api_frame hook_frame;
static bool hook_answers;

/* Spoils what it may: everything volatile, and by its float work the upper xmm registers of this convention. */
static bool watch(const struct api_export *row, const void *from, void *stack, struct api_frame *frame)
{
    const uint64_t *words = stack;

    hook_calls++;
    hook_row = row;
    hook_from = from;
    hook_stack[0] = words[4];
    hook_stack[1] = words[5];
    hook_frame = *frame;
    __asm__ volatile("pxor %%xmm0, %%xmm0\n pxor %%xmm3, %%xmm3\n pxor %%xmm6, %%xmm6\n pxor %%xmm8, %%xmm8\n"
                     "pxor %%xmm15, %%xmm15\n xorl %%edi, %%edi\n xorl %%esi, %%esi\n xorl %%r10d, %%r10d\n"
                     "xorl %%r11d, %%r11d\n" ::
                         : "xmm0", "xmm3", "xmm6", "xmm8", "xmm15", "rdi", "rsi", "r10", "r11");
    if (hook_answers) {
        frame->rax = 0x77;
        memset(frame->xmm[0], 0x11, 16);
    }
    return hook_answers;
}

TEST(watched, "api.thunk.watched_call_passes_everything_through")
{
    fill();
    api_set_enter_hook(watch);
    call_with_everything();
    CHECK_EQ(hook_calls, 1);
    CHECK_EQ(body_calls, 1);
    CHECK_EQ(after.reg[RAX], 0x5a5a);
    check_arguments_arrived();
    check_nonvolatiles_kept();
    CHECK_STR(hook_row->name, ROW);
    CHECK((const char *)hook_from > (const char *)call_with_everything &&
          (const char *)hook_from < (const char *)call_with_everything + 512);
    CHECK_EQ(hook_frame.rcx, sent.reg[RCX]);
    CHECK_EQ(hook_frame.rdx, sent.reg[RDX]);
    CHECK_EQ(hook_frame.r8, sent.reg[R8]);
    CHECK_EQ(hook_frame.r9, sent.reg[R9]);
    CHECK(!memcmp(hook_frame.xmm, sent.xmm, sizeof(hook_frame.xmm)));
    CHECK_EQ(hook_stack[0], sent.reg[STACK5]);
    CHECK_EQ(hook_stack[1], sent.reg[STACK6]);
}

TEST(answered, "api.thunk.hook_may_answer_instead_of_the_body")
{
    fill();
    hook_answers = true;
    api_set_enter_hook(watch);
    call_with_everything();
    CHECK_EQ(hook_calls, 1);
    CHECK_EQ(body_calls, 0);
    CHECK_EQ(after.reg[RAX], 0x77);
    CHECK_EQ(after.xmm[0][0], 0x1111111111111111ull);
    check_nonvolatiles_kept();
    api_set_enter_hook(NULL);
    call_with_everything();
    CHECK_EQ(hook_calls, 1);
    CHECK_EQ(body_calls, 1);
}

/* ---- compiled C on both sides --------------------------------------------------------------- */

/* The body of a variadic row, as a room would write it. */
__attribute__((ms_abi)) uint64_t HalGetInterruptVector(int count, ...);
__attribute__((ms_abi)) uint64_t HalGetInterruptVector(int count, ...)
{
    __builtin_ms_va_list ap;
    uint64_t sum = 0;

    __builtin_ms_va_start(ap, count);
    for (int i = 0; i < count; i++)
        sum = sum * 10 + (i & 1 ? (uint64_t)__builtin_va_arg(ap, double) : __builtin_va_arg(ap, uint64_t));
    __builtin_ms_va_end(ap);
    return sum;
}

TEST(variadic, "api.thunk.variadic_calls_mix_integers_and_floats")
{
    __attribute__((ms_abi)) uint64_t (*fn)(int, ...) = api_find_address("hal.dll", "HalGetInterruptVector");

    REQUIRE(fn);
    CHECK_EQ(fn(7, (uint64_t)1, 2.0, (uint64_t)3, 4.0, (uint64_t)5, 6.0, (uint64_t)7), 1234567);
    api_set_enter_hook(watch);
    CHECK_EQ(fn(7, (uint64_t)1, 2.0, (uint64_t)3, 4.0, (uint64_t)5, 6.0, (uint64_t)7), 1234567);
    CHECK_EQ(hook_calls, 1);
}

/* ---- stubs ---------------------------------------------------------------------------------- */

__attribute__((ms_abi)) void HalTranslateBusAddress(void);
__attribute__((ms_abi)) void HalTranslateBusAddress(void)
{
}
API_STUB(HalTranslateBusAddress);

TEST(stub_state, "api.stub.marked_body_is_a_stub")
{
    const struct api_export *row;

    REQUIRE(api_lookup("hal.dll", "HalTranslateBusAddress", API_DEFAULT_BUILD, &row) == API_FOUND);
    CHECK_EQ(api_state(row), API_STUB_BODY);
    CHECK_STR(api_state_name(api_state(row)), "stub");
}

/* SPDX-License-Identifier: MIT */
/* Structured exceptions in drivers, at every optimisation level. */
#include <ntifs.h>

#include "harness.h"
#include "ke/ke.h"
#include "ke/try.h"
#include "pe_fixture.h"

EXCEPTION_DISPOSITION NTAPI __C_specific_handler(PEXCEPTION_RECORD, PVOID, PCONTEXT,
                                                 PDISPATCHER_CONTEXT);
void NTAPI _local_unwind(PVOID, PVOID);

static const char *const files[] = {"seh-O0.sys", "seh-O1.sys", "seh-O2.sys"};
static char steps[256];

static NT void trace(uint64_t step)
{
    snprintf(steps + strlen(steps), sizeof(steps) - strlen(steps), "%llu ",
             (unsigned long long)step);
}

static NT void raise_it(uint32_t status)
{
    KexRaiseHook((NTSTATUS)status, 0, NULL, __builtin_return_address(0));
    fprintf(stderr, "the raise came back\n");
    _exit(3);
}

/* Keeps its callers' registers busy, so that an unwind has something to restore. */
static __attribute__((noinline)) uint64_t touch_inner(uint64_t address, uint64_t a, uint64_t b)
{
    uint64_t c = a * b, d = a + b, e = a ^ b, f = a - b;

    __asm__ volatile("" : "+b"(c), "+r"(d), "+r"(e), "+r"(f));
    return *(volatile uint64_t *)(uintptr_t)address + c + d + e + f;
}

static NT uint64_t touch(uint64_t address)
{
    return touch_inner(address, address + 1, address + 2) + 1;
}

/* A driver's __except around a routine of ours that guards a call back into the driver. */
static struct {
    uint64_t (*routine)(uint64_t) __attribute__((ms_abi));
    uint64_t argument;
} guarded;

static void body_guarded(void *argument)
{
    (void)argument;
    guarded.routine(guarded.argument);
}

static NT uint64_t guarded_call(uint64_t (*routine)(uint64_t) __attribute__((ms_abi)),
                                uint64_t argument)
{
    guarded.routine = routine;
    guarded.argument = argument;
    return (uint32_t)KexTry(body_guarded, NULL) == argument;
}

static struct {
    PEXPAND_STACK_CALLOUT routine;
    void *parameter;
    ULONG_PTR low;
} expansion;

static NT void on_expanded(void *context)
{
    ULONG_PTR low, high;

    (void)context;
    IoGetStackLimits(&low, &high);
    CHECK(low != expansion.low);
    expansion.routine(expansion.parameter);
}

static NT void expand(PEXPAND_STACK_CALLOUT routine, void *parameter)
{
    ULONG_PTR high;

    expansion.routine = routine;
    expansion.parameter = parameter;
    IoGetStackLimits(&expansion.low, &high);
    CHECK_EQ(KeExpandKernelStackAndCallout(on_expanded, NULL, MAXIMUM_EXPANSION_SIZE),
             STATUS_SUCCESS);
}

static void *more(const char *name)
{
    if (!strcmp(name, "TestRaise"))
        return (void *)raise_it;
    if (!strcmp(name, "TestTouch"))
        return (void *)touch;
    if (!strcmp(name, "TestTrace"))
        return (void *)trace;
    if (!strcmp(name, "__C_specific_handler"))
        return (void *)__C_specific_handler;
    if (!strcmp(name, "_local_unwind"))
        return (void *)_local_unwind;
    if (!strcmp(name, "TestExpand"))
        return (void *)expand;
    if (!strcmp(name, "TestGuarded"))
        return (void *)guarded_call;
    return NULL;
}

static struct pe_image *load(int i)
{
    fixture_more = more;
    if (!i)
        pe_seh_start();
    steps[0] = 0;
    return fixture_load(files[i]);
}

#define EACH(image) for (int i_ = 0; i_ < 3 && (image = load(i_)); i_++)

/* Result and the trace of one routine at every level. */
static void expect(const char *routine, uint64_t argument, uint64_t want, const char *trace_want)
{
    struct pe_image *image;

    EACH(image)
    {
        uint64_t got = fixture_call(image, routine, argument);

        if (got != want || strcmp(steps, trace_want)) {
            fprintf(stderr, "%s %s: 0x%llx \"%s\", expected 0x%llx \"%s\"\n", files[i_], routine,
                    (unsigned long long)got, steps, (unsigned long long)want, trace_want);
            test_failures++;
        }
    }
}

TEST(access, "pe.seh.access_violation_caught")
{
    expect("AccessViolation", 0x10, 0xC0000007, "");
}
TEST(noncanonical, "pe.seh.pointer_that_is_no_address_caught")
{
    expect("AccessViolation", 0x4141414141414141ull, 0xC0000007, "");
}
TEST(order, "pe.seh.finally_order")
{
    expect("FinallyOrder", 0x10, 0, "1 4 12 3 5 6 7 ");
}
TEST(six, "pe.seh.raise_through_six_frames")
{
    expect("SixFrames", 0xE1234567, 0xE1234568, "6 5 4 3 2 1 ");
}
TEST(rejected, "pe.seh.filter_that_rejects")
{
    expect("Rejected", 0xE0000001, 5, "1 2 ");
}
TEST(return1, "pe.seh.return_through_finally")
{
    expect("ReturnThrough", 1, 11, "3 ");
}
TEST(return2, "pe.seh.return_through_two_finally")
{
    expect("ReturnThrough", 2, 22, "2 3 ");
}
TEST(loops, "pe.seh.leave_break_continue")
{
    expect("Loops", 0, 235, "");
}
TEST(divide, "pe.seh.divide_by_zero")
{
    expect("DivideBy", 0, 0xC0000094, "");
}
TEST(inexcept, "pe.seh.raise_inside_except")
{
    expect("RaiseInExcept", 0xE0000001, 3, "");
}
TEST(breakpoint, "pe.seh.int3")
{
    expect("CatchBreak", 0, 0x80000003, "");
}
TEST(across, "pe.seh.across_host_frames_registers_kept")
{
    expect("AcrossHost", 0xE0000001, 1, "1 ");
}
TEST(host, "pe.seh.fault_inside_host_routine")
{
    expect("HostFaults", 0x18, 0xC0000005, "");
}
TEST(infinally, "pe.seh.raise_inside_finally")
{
    expect("RaiseInFinally", 0xE0000009, 0xE0000009, "1 2 3 ");
}
TEST(collided, "pe.seh.collided_unwind")
{
    expect("Collided", 0xE0000009, 0xE0000009, "1 2 ");
}
TEST(resume, "pe.seh.filter_repairs_and_continues")
{
    expect("ContinueExecution", 0x10, 1234, "5 ");
}
TEST(callnull, "pe.seh.call_through_null")
{
    expect("CallNull", 0, 0xC0000005, "");
}
TEST(many, "pe.seh.many_times_leaves_nothing")
{
    expect("Many", 20000, 20000, "");
}

TEST(floats, "pe.seh.xmm_registers_kept")
{
    struct pe_image *image;

    EACH(image)
    {
        double (*fn)(double) __attribute__((ms_abi)) = pe_image_export(image, "KeepsFloat");

        REQUIRE(fn);
        CHECK(fn(1.5) == 25.5);
    }
}

TEST(kernel, "pe.seh.bad_kernel_address_is_not_caught")
{
    struct pe_image *image = load(0);
    void *page = host_map(HOST_PAGE, HOST_NONE);
    uint64_t address;

    fixture_expect_fault(image, "KernelAddress", (uint64_t)(uintptr_t)page, &address);
    CHECK_EQ(address, (uint64_t)(uintptr_t)page);
}

TEST(irql, "pe.seh.page_fault_at_dispatch_level_is_not_caught")
{
    struct pe_image *image = load(0);
    struct pe_fault_summary summary;

    fixture_set_irql(2);
    fixture_expect_fault(image, "AccessViolation", 0x10, NULL);
    pe_summarise_fault(&fixture_fault, &summary);
    CHECK_EQ(summary.bugcheck, 0xD1);
}

/* ---- KexTry: the same for our own code ---- */

static void body_raise(void *argument)
{
    (void)argument;
    raise_it((uint32_t)STATUS_QUOTA_EXCEEDED);
}

static void body_fault(void *argument)
{
    touch_inner(0x40, 1, (uintptr_t)argument);
}

static void body_none(void *argument)
{
    *(int *)argument = 5;
}

TEST(guard, "ke.KexTry.catches_raise_and_fault")
{
    int ran = 0;

    fixture_start();
    pe_seh_start();
    CHECK_EQ((uint32_t)KexTry(body_none, &ran), STATUS_SUCCESS);
    CHECK_EQ(ran, 5);
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ((uint32_t)KexTry(body_raise, NULL), (uint32_t)STATUS_QUOTA_EXCEEDED);
        CHECK_EQ((uint32_t)KexTry(body_fault, NULL), (uint32_t)STATUS_ACCESS_VIOLATION);
    }
    CHECK(!*KexTryHead());
}

struct driver_call {
    struct pe_image *image;
    const char *routine;
    uint64_t argument, result;
};

static void body_driver(void *argument)
{
    struct driver_call *c = argument;

    c->result = fixture_call(c->image, c->routine, c->argument);
}

TEST(guardfinally, "ke.KexTry.runs_driver_finally_blocks")
{
    struct pe_image *image;

    EACH(image)
    {
        struct driver_call call = {image, "Unguarded", 0xE0000003, 0};

        CHECK_EQ((uint32_t)KexTry(body_driver, &call), 0xE0000003);
        CHECK_STR(steps, "6 5 4 3 2 1 ");
    }
}

TEST(guardnear, "ke.KexTry.nearer_except_wins")
{
    struct pe_image *image;

    EACH(image)
    {
        struct driver_call call = {image, "SixFrames", 0xE0000003, 0};

        CHECK_EQ((uint32_t)KexTry(body_driver, &call), STATUS_SUCCESS);
        CHECK_EQ(call.result, 0xE0000004);
        CHECK(!*KexTryHead());
    }
}

TEST(guardinner, "ke.KexTry.inside_a_driver_except")
{
    struct pe_image *image;

    EACH(image)
    {
        CHECK_EQ(fixture_call(image, "GuardInside", 0xE0000005), 1);
        CHECK_STR(steps, "1 ");
    }
}

static void run_expanded(void *argument)
{
    struct driver_call *call = argument;
    ULONG_PTR low, high, low_after, high_after;

    KexAttachHostThread("expander");
    IoGetStackLimits(&low, &high);
    call->result = fixture_call(call->image, call->routine, call->argument);
    IoGetStackLimits(&low_after, &high_after);
    CHECK(low == low_after && high == high_after);
    KexDetachHostThread();
}

TEST(expanded, "pe.seh.through_an_expanded_stack")
{
    struct pe_image *image;

    REQUIRE(NT_SUCCESS(KexStart()));
    EACH(image)
    {
        struct driver_call call = {image, "Expanded", 0xE0000005, 0};
        host_thread *thread;

        /* A small stack, so that the call has to move to another one. */
        REQUIRE(!host_thread_start("expander", 80 << 10, run_expanded, &call, &thread));
        host_thread_join(thread);
        CHECK_EQ(call.result, 115);
        CHECK_STR(steps, "1 1 1 ");
    }
}

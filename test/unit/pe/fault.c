/* SPDX-License-Identifier: MIT */
/* Faults in driver code: what they are called, where they are placed, and that they never end in
 * silence. */
#include "harness.h"

#include <signal.h>
#include <stdint.h>

#include "pe_fixture.h"

static struct pe_fault_summary catch (const char *file, const char *routine, uint64_t argument)
{
    struct pe_image *image = fixture_load(file);
    struct pe_fault_summary summary;

    fixture_expect_fault(image, routine, argument, NULL);
    pe_summarise_fault(&fixture_fault, &summary);
    return summary;
}

/* Line of the driver's source that carries a mark. */
static unsigned marked_line(const char *mark)
{
    unsigned line = 1;
    void *text;
    size_t size;
    const char *at;

    REQUIRE(!host_read_file(TEST_SOURCE "/drivers/loader.c", &text, &size));
    at = strstr(text, mark);
    REQUIRE(at);
    for (const char *p = text; p < at; p++)
        line += *p == '\n';
    return line;
}

TEST(write, "pe.fault.null_write_names_file_and_line")
{
    struct pe_fault_summary s = catch ("loader-O0.sys", "FaultAt", 0x10);
    char where[64];

    snprintf(where, sizeof(where), "(loader.c:%u)", marked_line("/* FAULT */"));
    CHECK_EQ(s.exception, 0xC0000005);
    CHECK(s.in_driver);
    CHECK(
        strstr(s.sentence, "write to 0x0000000000000010 (a NULL pointer) by loader-O0.sys!Store+"));
    CHECK(strstr(s.sentence, where));
}

static char report[8192];

static void collect(const char *text, void *arg)
{
    (void)arg;
    strncat(report, text, sizeof(report) - strlen(report) - 2);
    strcat(report, "\n");
}

TEST(stack, "pe.backtrace.driver_host_driver_host")
{
    static const char *const order[] = {"!Store+",      "!Inner+", "call_back", "!FaultAt+",
                                        "fixture_call", "main",    NULL};
    static const char *const files[] = {"loader-O0.sys", "loader-O2.sys"};

    for (int i = 0; i < 2; i++) {
        const char *at = report;

        catch (files[i], "FaultAt", 0);
        report[0] = 0;
        pe_write_fault(&fixture_fault, collect, NULL);
        for (int k = i ? 2 : 0; order[k] && at; k++) {
            const char *next = strstr(at, order[k]);

            /* The optimiser may fold our own helpers and the driver's static ones. */
            if (!next && (order[k][0] != '!' || i))
                continue;
            if (!next)
                fprintf(stderr, "no %s in\n%s", order[k], report);
            CHECK(next);
            at = next;
        }
        CHECK(strstr(report, "FaultAt+"));
    }
}

TEST(jump, "pe.fault.jump_to_null_names_the_caller")
{
    struct pe_fault_summary s = catch ("loader-O0.sys", "JumpTo", 0);

    CHECK(s.in_driver);
    CHECK(
        strstr(s.sentence, "jump to 0x0000000000000000 (a NULL pointer) by loader-O0.sys!JumpTo+"));
}

TEST(kinds, "pe.fault.kinds")
{
    struct pe_fault_summary s = catch ("loader-O2.sys", "Divide", 0);

    CHECK_EQ(s.exception, 0xC0000094);
    s = catch ("loader-O2.sys", "FastFail", 3);
    CHECK(s.fastfail && s.fastfail_code == 3 && strstr(s.sentence, "corrupt list entry"));
    s = catch ("loader-O2.sys", "Breakpoint", 3);
    CHECK_EQ(s.exception, 0x80000003);
    s = catch ("loader-O2.sys", "Privileged", 0x1b);
    CHECK(s.privileged && strstr(s.sentence, "rdmsr"));
    s = catch ("loader-O2.sys", "FaultAt", 0x4141414141414141ull);
    CHECK_EQ(s.exception, 0xC0000005);
    CHECK(strstr(s.sentence, "no address"));
}

TEST(nested, "pe.fault.handler_may_fault_itself")
{
    struct pe_image *image = fixture_load("loader-O2.sys");

    /* Each round leaves the handler by longjmp from the thread's own stack; nothing piles up. */
    for (int i = 0; i < 2000; i++)
        fixture_expect_fault(image, "FaultAt", 0, NULL);
    CHECK_EQ(fixture_call(image, "BigFrame", 1), 3);
}

/* Runs a routine that leaves no usable stack in a child; its fatal hook's words come back through a
 * pipe. */
static int fatal_fd;

static void fatal_hook(const struct host_fault *fault, const char *why)
{
    (void)fault;
    host_write_all(fatal_fd, why, strlen(why));
    host_exit_now(70);
}

static void expect_fatal(const char *routine, uint64_t argument, const char *want)
{
    struct pe_image *image = fixture_load("loader-O2.sys");
    struct host_child_state state;
    char text[256] = "";
    int fds[2], pid;

    REQUIRE(!host_pipe(fds));
    pid = host_fork();
    if (!pid) {
        fatal_fd = fds[1];
        host_fault_set_fatal(fatal_hook);
        fixture_call(image, routine, argument);
        host_exit_now(1);
    }
    host_close(fds[1]);
    while (host_read(fds[0], text + strlen(text), sizeof(text) - 1 - strlen(text)) > 0)
        ;
    REQUIRE(!host_wait_child(pid, UINT64_MAX, &state));
    CHECK_EQ(state.end, HOST_EXITED);
    CHECK_EQ(state.code, 70);
    if (!strstr(text, want))
        fprintf(stderr, "got \"%s\", expected \"%s\"\n", text, want);
    CHECK(strstr(text, want));
}

TEST(overflow, "pe.fault.stack_overflow_is_reported")
{
    expect_fatal("Recurse", 0, "kernel stack overflow");
}

TEST(wild, "pe.fault.wild_stack_pointer_is_reported")
{
    expect_fatal("WildStack", 0x1000, "stack pointer of the faulting thread is outside");
}

TEST(unhandled, "pe.fault.unhandled_is_fatal_not_silent")
{
    expect_fatal("FaultAt", 0, "nothing handles");
}

/* On a thread of its own, whose control block lies above the stack and is overwritten with it. */
static void smash(void *arg)
{
    host_fault_thread_attach();
    host_set_gs(fixture_kpcr);
    fixture_call(arg, "SmashStack", 64 << 20);
}

TEST(smashed, "pe.fault.whole_stack_overwritten_is_reported")
{
    struct pe_image *image = fixture_load("loader-O2.sys");
    struct host_child_state state;
    host_thread *thread;
    char text[256] = "";
    int fds[2], pid;

    REQUIRE(!host_pipe(fds));
    pid = host_fork();
    if (!pid) {
        fatal_fd = fds[1];
        host_fault_set_fatal(fatal_hook);
        REQUIRE(!host_thread_start("smash", 0, smash, image, &thread));
        host_thread_join(thread);
        host_exit_now(1);
    }
    host_close(fds[1]);
    while (host_read(fds[0], text + strlen(text), sizeof(text) - 1 - strlen(text)) > 0)
        ;
    REQUIRE(!host_wait_child(pid, UINT64_MAX, &state));
    CHECK_EQ(state.end, HOST_EXITED);
    CHECK_EQ(state.code, 70);
    CHECK(text[0]);
}

TEST(xmm, "pe.fault.resume_keeps_every_register")
{
    struct pe_image *image = fixture_load("loader-O0.sys");
    double (*fn)(double) __attribute__((ms_abi)) = pe_image_export(image, "Float");

    REQUIRE(fn);
    CHECK(fn(2.0) == 3.0);
    /* An emulated CR8 read between floating-point work. */
    fixture_set_irql(5);
    for (int i = 0; i < 1000; i++) {
        double before = i * 0.25;

        CHECK_EQ(fixture_call(image, "IrqlTight", 1), 6);
        CHECK(before == i / 4.0);
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * harness.h - host tests in C. A test file registers cases and includes this; `prog` runs every
 * case in its own process and prints one `ok NAME` / `not ok NAME` / `skip NAME reason` line each;
 * `prog NAME` runs one case in this process (for a debugger); `prog --list` lists.
 *
 *     TEST(ke_event_wakes_one, "ke.KeSetEvent.wakes_one") { CHECK(x == 1); CHECK_EQ(status,
 * STATUS_SUCCESS); }
 *
 * Names are area.routine.case and carry the rule or scenario id they prove:
 * "flt.FltGetRoutineAddress.G-02".
 */
#ifndef OPENFLT_TEST_HARNESS_H
#define OPENFLT_TEST_HARNESS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct test_case {
    const char *name;
    void (*fn)(void);
    struct test_case *next;
};
static struct test_case *test_first, **test_last = &test_first;
static int test_failures;

#define TEST(id, text)                                                                             \
    static void test_##id(void);                                                                   \
    __attribute__((constructor)) static void test_register_##id(void)                              \
    {                                                                                              \
        static struct test_case c = {text, test_##id, NULL};                                       \
        *test_last = &c;                                                                           \
        test_last = &c.next;                                                                       \
    }                                                                                              \
    static void test_##id(void)

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #cond);               \
            test_failures++;                                                                       \
        }                                                                                          \
    } while (0)
/* Stops the case at once: for what the rest of it stands on. */
#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: required: %s\n", __FILE__, __LINE__, #cond);                   \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)
#define CHECK_EQ(got, want)                                                                        \
    do {                                                                                           \
        unsigned long long got_ = (unsigned long long)(got), want_ = (unsigned long long)(want);   \
        if (got_ != want_) {                                                                       \
            fprintf(stderr, "%s:%d: %s is 0x%llx, expected 0x%llx\n", __FILE__, __LINE__, #got,    \
                    got_, want_);                                                                  \
            test_failures++;                                                                       \
        }                                                                                          \
    } while (0)
#define CHECK_STR(got, want)                                                                       \
    do {                                                                                           \
        const char *got_ = (got), *want_ = (want);                                                 \
        if (strcmp(got_, want_)) {                                                                 \
            fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, #got,    \
                    got_, want_);                                                                  \
            test_failures++;                                                                       \
        }                                                                                          \
    } while (0)
#define SKIP(reason)                                                                               \
    do {                                                                                           \
        fprintf(stderr, "skip: %s\n", reason);                                                     \
        _exit(77);                                                                                 \
    } while (0)

/* 1 in `make test`, 10 in `make soak`: multiply the count of long loops by it. */
static inline unsigned long test_scale(void)
{
    const char *s = getenv("OPENFLT_TEST_SCALE");

    return s && !strcmp(s, "full") ? 10 : 1;
}

static void test_run_forked(struct test_case *c)
{
    pid_t pid;
    int status = 0;

    fflush(NULL);
    pid = fork();
    if (!pid) {
        alarm(120 * (unsigned)test_scale());
        test_failures = 0;
        c->fn();
        fflush(NULL);
        _exit(test_failures ? 1 : 0);
    }
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        printf("ok %s\n", c->name);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        printf("skip %s\n", c->name);
    else if (WIFSIGNALED(status))
        printf("not ok %s # died of signal %d\n", c->name, WTERMSIG(status)), test_failures++;
    else
        printf("not ok %s\n", c->name), test_failures++;
    fflush(stdout);
}

int main(int argc, char **argv)
{
    for (struct test_case *c = test_first; c; c = c->next) {
        if (argc > 1 && !strcmp(argv[1], "--list")) {
            printf("%s\n", c->name);
        } else if (argc > 1) {
            if (!strcmp(argv[1], c->name)) {
                c->fn();
                return test_failures ? 1 : 0;
            }
        } else {
            test_run_forked(c);
        }
    }
    return test_failures ? 1 : 0;
}

#endif

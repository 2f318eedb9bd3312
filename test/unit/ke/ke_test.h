/* SPDX-License-Identifier: MIT */
/* What the tests of ke and ex share: a started kernel base, helper threads, a stop that a case
 * expects. */
#ifndef OPENFLT_TEST_KE_TEST_H
#define OPENFLT_TEST_KE_TEST_H

#include "harness.h"
#include "ke/ke.h"

#define MS(n) (-(LONGLONG)(n) * 10000)

static inline void ke_start(void)
{
    REQUIRE(NT_SUCCESS(KexStart()));
}

static inline LARGE_INTEGER timeout_of(LONGLONG value)
{
    LARGE_INTEGER t;

    t.QuadPart = value;
    return t;
}

static inline NTSTATUS wait_ms(void *object, int ms)
{
    LARGE_INTEGER t = timeout_of(ms ? MS(ms) : 0);

    return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, ms < 0 ? NULL : &t);
}

static inline void pause_ms(int ms)
{
    LARGE_INTEGER t = timeout_of(MS(ms));

    KeDelayExecutionThread(KernelMode, FALSE, &t);
}

static inline PKTHREAD start(PKSTART_ROUTINE routine, void *context)
{
    PKTHREAD thread = NULL;

    REQUIRE(NT_SUCCESS(KexThreadStart("test", NULL, routine, context, &thread)));
    return thread;
}

static inline void join(PKTHREAD thread)
{
    CHECK_EQ(wait_ms(thread, -1), STATUS_SUCCESS);
}

/* The machine stops in `code`: the case ends well there; it fails when the stop is another one or
 * never comes. */
static ULONG expected_stop;
static const char *expected_text;
static void stop_hook(const KEX_STOP *stop)
{
    if (stop->Code != expected_stop || (expected_text && !strstr(stop->Sentence, expected_text))) {
        fprintf(stderr, "stopped with 0x%x %s: %s\n", stop->Code, stop->Title, stop->Sentence);
        _exit(1);
    }
    _exit(test_failures ? 1 : 0);
}
static inline void expect_stop(ULONG code, const char *text)
{
    expected_stop = code;
    expected_text = text;
    KexHooks.Stop = stop_hook;
}
#define NO_STOP_CAME()                                                                             \
    do {                                                                                           \
        fprintf(stderr, "%s:%d: no stop came\n", __FILE__, __LINE__);                              \
        test_failures++;                                                                           \
    } while (0)

/* Findings are counted by rule. */
static char last_rule[32];
static int findings;
static void finding_hook(const KEX_FINDING *finding)
{
    snprintf(last_rule, sizeof last_rule, "%s", finding->Rule);
    findings++;
}
static inline void watch_findings(void)
{
    KexHooks.Finding = finding_hook;
}

#endif

/* SPDX-License-Identifier: MIT */
/* What the tests of both look-ups share: a started kernel base, a record of findings, imports as
 * drivers get them. */
#ifndef OPENFLT_TEST_ROUTINE_LOOKUP_H
#define OPENFLT_TEST_ROUTINE_LOOKUP_H

#include "ke/ke.h"
#include "api/api.h"
#include "harness.h"

static unsigned findings;
static KEX_FINDING last_finding;

static void record_finding(const KEX_FINDING *finding)
{
    findings++;
    last_finding = *finding;
}

static void begin(uint32_t build)
{
    REQUIRE(NT_SUCCESS(KexStart()));
    REQUIRE(KexAttachHostThread("test"));
    KexHooks.Finding = record_finding;
    KexBuild = build;
    api_set_build(build);
}

/* The pointer a driver's import table gets. */
static void *import_of(const char *module, const char *name)
{
    void *address = NULL;

    REQUIRE(api_resolve_import(module, name, &address) == API_FOUND);
    return address;
}

static KIRQL raise_to(KIRQL irql)
{
    KIRQL old;

    KeRaiseIrql(irql, &old);
    return old;
}

#endif

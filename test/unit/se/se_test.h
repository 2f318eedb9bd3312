/* SPDX-License-Identifier: MIT */
/* The kernel rooms up to the registry, for tests that need tokens, objects and handles but no I/O.
 */
#ifndef OPENFLT_TEST_SE_TEST_H
#define OPENFLT_TEST_SE_TEST_H

#include "harness.h"
#include "cm/cm.h"
#include "ex/ex.h"
#include "ke/ke.h"
#include "mm/mm.h"
#include "ob/ob.h"
#include "ps/ps.h"
#include "se/se.h"

static inline void machine_start(void)
{
    REQUIRE(NT_SUCCESS(KexStart()));
    REQUIRE(NT_SUCCESS(ExxStart()));
    REQUIRE(NT_SUCCESS(ObxStart()));
    REQUIRE(NT_SUCCESS(MmxStart()));
    REQUIRE(NT_SUCCESS(PsxStart()));
    REQUIRE(NT_SUCCESS(SexStart()));
    REQUIRE(NT_SUCCESS(CmxStart()));
}

static inline void count_block(const EXX_POOL_VIEW *view, void *context)
{
    (void)view;
    ++*(int *)context;
}

/* Live pool blocks: what a routine allocated and did not give back shows as a difference. */
static inline int pool_blocks(void)
{
    int n = 0;

    ExxForEachPool(count_block, &n);
    return n;
}

#endif

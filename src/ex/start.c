/* SPDX-License-Identifier: MIT */
/* Start and end of the executive. */
#include "ex/exi.h"

NTSTATUS ExxStart(void)
{
    ExxStartWork();
    ExxStartCallbacks();
    return STATUS_SUCCESS;
}

void ExxEnd(void)
{
    ExxStopWork();
    ExxPoolTrim();
}

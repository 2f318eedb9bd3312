/* SPDX-License-Identifier: MIT */
/* psp.h - inside of ps. */
#ifndef OPENFLT_PS_PSP_H
#define OPENFLT_PS_PSP_H

#include "ps/ps.h"

/* Runs the process callbacks; a creation may be refused by one of them, whose status comes back. */
NTSTATUS PspNotifyProcess(PEPROCESS Process, bool Create);
/* The thread is about to end: its callbacks run in it, once. */
void PspThreadEnding(PVOID Body);
void PspNotifyThread(PEPROCESS Process, ULONG ThreadId, bool Create);

#endif

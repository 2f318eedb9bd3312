/* SPDX-License-Identifier: MIT */
/* se.h - tokens and subjects. A machine has two users: the System process and the administrator who
 * runs scripts. */
#ifndef OPENFLT_SE_SE_H
#define OPENFLT_SE_SE_H

#include "ke/ke.h"
#include "ob/ob.h"

extern OBX_TYPE SexTokenType;

/*
 * Whose token: System's, an elevated administrator's, with none of them a plain user's. An
 * administrator holds most privileges disabled, as after a logon, unless SEX_PRIVILEGES_ENABLED.
 */
enum { SEX_SYSTEM = 1, SEX_ADMINISTRATOR = 2, SEX_PRIVILEGES_ENABLED = 4 };

/* A primary token with one reference. */
NTSTATUS SexCreateToken(ULONG Flags, PACCESS_TOKEN *Token);
/* The System token, not referenced; valid between SexStart and SexEnd. */
PACCESS_TOKEN SexSystemToken(void);

NTSTATUS SexStart(void);
void SexEnd(void);

#endif

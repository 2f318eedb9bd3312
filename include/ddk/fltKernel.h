/* SPDX-License-Identifier: MIT */
/*
 * The Filter Manager's interface to minifilter drivers, one umbrella over its parts.
 *
 * Names, values and layouts are those of Windows, checked against test/abi for every compiler that
 * reads this file: clang for the Windows target (drivers), gcc and clang for the host.
 */
#ifndef OPENFLT_DDK_FLTKERNEL_H
#define OPENFLT_DDK_FLTKERNEL_H

#include <ntifs.h>

#include <flt/files.h>
#include <flt/objects.h>
#include <flt/operations.h>
#include <flt/services.h>

/*
 * From Windows 8.1 on, drivers call the push lock routines by their Ex forms. The exports under the
 * old names stay, and the two macros that ask for them are honoured. The host defines both forms.
 */
#if defined(_WIN32) && FLT_MGR_WINBLUE && !defined(FLT_MGR_LEGACY_PUSH_LOCKS) && \
    !defined(FLT_SKIP_PUSH_LOCK_REDIRECTION)
#define FltAcquirePushLockExclusive(PushLock) FltAcquirePushLockExclusiveEx(PushLock, 0)
#define FltAcquirePushLockShared(PushLock)    FltAcquirePushLockSharedEx(PushLock, 0)
#define FltReleasePushLock(PushLock)          FltReleasePushLockEx(PushLock, 0)
#endif

#endif

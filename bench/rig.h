/* SPDX-License-Identifier: MIT */
/*
 * rig.h - what is measured: a machine in this process with six volumes. Three have a bottom device
 * of the bench's own, which completes everything at once, three the NTFS personality on the memory
 * store; of each kind one has no filter, one has one and one has all sixteen. The filters are plain
 * functions behind FltRegisterFilter, each with code of its own, so that their calls are predicted
 * as badly as those of real drivers.
 */
#ifndef OPENFLT_BENCH_RIG_H
#define OPENFLT_BENCH_RIG_H

#include <ntifs.h>
#include <fltKernel.h>

#include "io/io.h"

enum { FILTERS = 16, PAGE = 4096 };

struct rig_volume {
    unsigned layers;
    IOX_VOLUME *volume;
    PDEVICE_OBJECT top; /* FltMgr's device */
    PFILE_OBJECT file;
    PFAST_IO_DISPATCH fast;    /* of the top */
    HANDLE cached, overlapped; /* ntfs: a 4 KiB file, synchronous (fast I/O) and not (IRP) */
};

/* What every call of the bench points at lies in the user window, as a program's memory would. */
struct rig_user {
    IO_STATUS_BLOCK iosb;
    HANDLE handle;
    LARGE_INTEGER offset;
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name;
    WCHAR name_buffer[200];
    UCHAR data[PAGE] __attribute__((aligned(4096)));
};

extern struct rig_volume rig_bare[3], rig_ntfs[3]; /* by filters: 0, 1, 16 */
extern struct rig_user *rig_user;
/* Callbacks of filter i ran that often. */
extern uint64_t rig_calls[FILTERS];
extern PFLT_PRE_OPERATION_CALLBACK rig_pre[FILTERS];
extern PFLT_POST_OPERATION_CALLBACK rig_post[FILTERS];

/* The user memory alone, for whoever needs no rig. */
bool rig_user_start(void);
/* In a thread of a user-mode process. NULL, or what went wrong. */
const char *rig_build(void);
void rig_tear_down(void);
/* One NT call as a program makes it. */
#define RIG_AS_USER(call)                                                                          \
    ({                                                                                             \
        KPROCESSOR_MODE Before_ = KexSetPreviousMode(UserMode);                                    \
        NTSTATUS Status_ = (call);                                                                 \
        KexSetPreviousMode(Before_);                                                               \
        Status_;                                                                                   \
    })
/* Opens PATH of a volume for reading and writing; Options 0 or FILE_SYNCHRONOUS_IO_NONALERT. */
NTSTATUS rig_open(PCUNICODE_STRING volume, const char *path, ULONG options, HANDLE *handle);

#endif

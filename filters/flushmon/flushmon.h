/* SPDX-License-Identifier: MIT */
/* flushmon.h - what flushmon and its callers share: the private request and its answer. */
#ifndef FLUSHMON_H
#define FLUSHMON_H

/*
 * FSCTL_FLUSHMON_FLUSH, sent to an open file below the watched folder: write the file's dirty
 * cached data out and throw its cached pages away. Answered with one FLUSHMON_REPORT. Value
 * 0x000923C0.
 */
#define FSCTL_FLUSHMON_FLUSH                                                                       \
    CTL_CODE(FILE_DEVICE_FILE_SYSTEM, 0x8F0, METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef enum _FLUSHMON_ROUTE {
    FlushmonRouteFlushBuffers2 = 1, /* FltFlushBuffers2 */
    FlushmonRouteCallbackData = 2   /* FltAllocateCallbackData + FltPerformSynchronousIo */
} FLUSHMON_ROUTE;

#define FLUSHMON_PAGES_UNKNOWN 0xffffffff

typedef struct _FLUSHMON_REPORT {
    LONG Status; /* of the flush */
    ULONG Route; /* FLUSHMON_ROUTE */
    ULONG Pages; /* the file has */
    ULONG
        CachedBefore; /* of them, FLUSHMON_PAGES_UNKNOWN when this handle has done no cached I/O */
    ULONG CachedAfter;
    ULONG PagingWrites;              /* seen while the flush ran */
    ULONG CachedReads, CachedWrites; /* by programs, since the file was first opened */
} FLUSHMON_REPORT;

#endif

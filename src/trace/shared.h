/* SPDX-License-Identifier: MIT */
/*
 * shared.h - what the machine leaves where the supervisor can read it, whatever becomes of the
 * machine (D17). One region of shared memory, mapped before the fork. The machine's drivers can
 * scribble over it, so the supervisor bounds every length and terminates every string before it
 * believes one.
 */
#ifndef OPENFLT_TRACE_SHARED_H
#define OPENFLT_TRACE_SHARED_H

#include <stdint.h>

enum {
    TRC_RING = 256,
    TRC_LINE = 256,
    TRC_FINDINGS = 128,
    TRC_LEAKS = 128,
    TRC_REPORT = 96 * 1024,
    TRC_PARTIALS = 64
};

enum trc_phase {
    TRC_PHASE_START,
    TRC_PHASE_LOAD,
    TRC_PHASE_RUN,
    TRC_PHASE_CLOSE,
    TRC_PHASE_UNLOAD,
    TRC_PHASE_DISMOUNT,
    TRC_PHASE_VERDICT,
    TRC_PHASE_DONE
};

enum trc_end { TRC_END_NONE, TRC_END_STOP, TRC_END_HANG, TRC_END_COMPLETE };

struct trc_finding {
    char rule[24];
    char class_name[16];
    uint64_t caller;
    uint32_t count;
    char where[256];
    char sentence[400];
};

struct trc_leak {
    char driver[64];
    char text[320];
};

/* A line of debug text a driver has not ended yet; the supervisor writes it out when the machine is
 * gone. */
struct trc_partial {
    int32_t thread;
    uint32_t length;
    char text[1024];
};

struct trc_shared {
    uint64_t progress;
    uint64_t heartbeat;
    uint32_t phase;
    char phase_text[200];
    char drivers[512];  /* loaded images, one a line with base and size */
    uint64_t ring_next; /* lines ever written */
    char ring[TRC_RING][TRC_LINE];
    uint32_t findings, findings_lost;
    struct trc_finding finding[TRC_FINDINGS];
    uint32_t leaks, leaks_lost;
    struct trc_leak leak[TRC_LEAKS];
    uint32_t end;       /* enum trc_end */
    uint32_t stop_code; /* bug check code */
    char title[96];
    char sentence[600];
    uint32_t report_length;
    char report[TRC_REPORT];
    int32_t command_status; /* of the script or command */
    int32_t final_status;   /* a status decided by the machine itself: 65, 66; 0: none */
    char final_text[640];
    struct trc_partial partial[TRC_PARTIALS];
};

#endif

/* SPDX-License-Identifier: MIT */
/*
 * measure.h - interleaved rounds. Every probe runs once in each round, so that what disturbs the
 * machine (another process, a frequency change) falls on all of them alike; differences are taken
 * within a round and only then is the median formed.
 */
#ifndef OPENFLT_BENCH_MEASURE_H
#define OPENFLT_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

enum { MOST_ROUNDS = 101 };

struct plan {
    unsigned rounds;
    uint64_t round_ns; /* how long one probe runs in a round */
};

struct probe {
    void (*run)(void *arg, unsigned n); /* n operations */
    void *arg;
    unsigned n;             /* operations a round, found by measure() */
    double ns[MOST_ROUNDS]; /* of one operation, by round */
};

/* Fills n and ns of every probe. Processor time of the calling thread: probes neither wait nor
 * start threads. */
void measure(const struct plan *plan, struct probe *const *probes, size_t count);

/* Of (a - b) / divisor; b may be NULL. */
double median(const struct plan *plan, const struct probe *a, const struct probe *b,
              double divisor);
/* Distance between the tenths at either end: what a probe differs from itself between rounds. */
double spread(const struct plan *plan, const struct probe *p);
double median_of(double *values, size_t n);

#endif

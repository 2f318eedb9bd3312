/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <stdlib.h>
#include <string.h>
#include "host/host.h"

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double median_of(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static uint64_t once(const struct probe *p)
{
    uint64_t start = host_thread_cpu_ns();

    p->run(p->arg, p->n);
    return host_thread_cpu_ns() - start;
}

/* Doubles the count until a round is long enough; that also warms caches and predictors. */
static void calibrate(const struct plan *plan, struct probe *p)
{
    for (p->n = 8; once(p) < plan->round_ns; p->n *= 2)
        ;
}

void measure(const struct plan *plan, struct probe *const *probes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        calibrate(plan, probes[i]);
    for (unsigned round = 0; round < plan->rounds; round++)
        for (size_t i = 0; i < count; i++)
            probes[i]->ns[round] = (double)once(probes[i]) / probes[i]->n;
}

double median(const struct plan *plan, const struct probe *a, const struct probe *b, double divisor)
{
    double v[MOST_ROUNDS];

    for (unsigned i = 0; i < plan->rounds; i++)
        v[i] = (a->ns[i] - (b ? b->ns[i] : 0)) / divisor;
    return median_of(v, plan->rounds);
}

double spread(const struct plan *plan, const struct probe *p)
{
    double v[MOST_ROUNDS];
    unsigned tenth = plan->rounds / 10;

    memcpy(v, p->ns, plan->rounds * sizeof(*v));
    qsort(v, plan->rounds, sizeof(*v), by_value);
    return v[plan->rounds - 1 - tenth] - v[tenth];
}

/* SPDX-License-Identifier: MIT */
#ifndef OPENFLT_TRACE_STATUS_NAMES_H
#define OPENFLT_TRACE_STATUS_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct trc_status_name {
    uint32_t value;
    const char *name;
};
extern const struct trc_status_name
    TrcStatusNames[]; /* generated, sorted by value; the first of equals is shown */
extern const size_t TrcStatusNameCount;

#endif

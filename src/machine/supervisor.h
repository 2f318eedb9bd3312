/* SPDX-License-Identifier: MIT */
#ifndef OPENFLT_MACHINE_SUPERVISOR_H
#define OPENFLT_MACHINE_SUPERVISOR_H

#include "host/host.h"
#include "openflt/openflt.h"
#include "trace/shared.h"

/* The machine's side of the fork; ends the process. */
_Noreturn void machine_process(const struct of_options *options, struct trc_shared *shared);

/* Exit status by rank: stop, hang, violation, leak, then the command's own. */
int supervisor_status(const struct trc_shared *s, const struct host_child_state *state);
void supervisor_print(const struct trc_shared *s, int status);
/* Writes the report file, JSON or text by suffix. 0, or a negative errno after saying why. */
int supervisor_write_report(const char *path, const struct of_options *options,
                            const struct trc_shared *s, int status);
/* True for a suffix supervisor_write_report knows. */
bool supervisor_knows_report(const char *path);

#endif

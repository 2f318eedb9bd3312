/* SPDX-License-Identifier: MIT */
/*
 * machine.h - a machine from the inside: rooms started in order, volumes, drivers, a script's
 * process, teardown. Runs in the machine process; the supervisor (supervisor.c) only forks it and
 * reads what it left in the shared region.
 */
#ifndef OPENFLT_MACHINE_MACHINE_H
#define OPENFLT_MACHINE_MACHINE_H

#include "ke/ke.h"
#include "openflt/openflt.h"
#include "trace/trace.h"

/* Starts the rooms; KexBuild and policies are set from the options first. */
int machine_start(const struct of_options *options, struct trc_shared *shared);
/* Ends the rooms. Every driver is unloaded and every volume dismounted by then. */
void machine_end(void);

/* ---- volumes (volumes.c) ---- */

int machine_mount(const struct of_options *options);
/* Writes everything through the stack, dismounts, exports. */
int machine_dismount(const struct of_options *options);
/* "\Device\HarddiskVolume1" */
PCUNICODE_STRING machine_volume_name(void);

/* ---- drivers (drivers.c) ---- */

#define MACHINE_SERVICE_PATH 200 /* units of a service key's path, with its terminating zero */
/*
 * Without an INF a driver gets what an INF would give it: a service key with one default instance,
 * flags 0. `path` receives the key's path. STATUS_OBJECT_NAME_INVALID for a name that is no UTF-8
 * or too long.
 */
NTSTATUS machine_make_service(const char *name, const char *altitude,
                              WCHAR path[MACHINE_SERVICE_PATH]);
int machine_load(const struct of_driver *driver);
/* All of them, last loaded first, by their own unload routines; lists what they leave behind. */
void machine_unload_all(void);

/* ---- leaks (leaks.c) ---- */

/* What the driver that just unloaded still holds: every object, callback data, pool block it made.
 */
void machine_list_leaks(const char *driver, const void *image_base, size_t image_size);
void machine_add_leak(const char *driver, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- scripts (script.c) ---- */

/* Runs an .io script as a user-mode process; 0, OF_EXPECTATION, or OF_USAGE when a line cannot be
 * understood. */
int machine_run_script(const char *path);

/* ---- the hang watch (watch.c) ---- */

void machine_watch_start(void);
void machine_watch_stop(void);

#endif

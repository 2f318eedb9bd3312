/* SPDX-License-Identifier: MIT */
/*
 * openflt.h - the host API: build a machine, load drivers, give it I/O, tear it down. What the
 * `openflt` command does is made of these calls; tests and other programs use them directly. One
 * machine at a time in a process.
 *
 * Strings are UTF-8 and stay the caller's. Functions return 0 or one of the exit statuses below;
 * the reason is printed on standard error and kept for the report.
 */
#ifndef OPENFLT_OPENFLT_H
#define OPENFLT_OPENFLT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum of_status {
    OF_OK = 0,
    OF_EXPECTATION = 1, /* a script line did not meet its expectation */
    OF_USAGE = 64,
    OF_IMAGE_REFUSED = 65,
    OF_DRIVER_ENTRY = 66, /* DriverEntry failed */
    OF_STOPPED = 70,      /* bug check, fault, missing routine */
    OF_VIOLATION = 71,
    OF_LEAK = 72,
    OF_HANG = 73,
};

struct of_driver {
    const char *path;
    const char *altitude; /* NULL: openflt chooses */
};

struct of_policy {
    const char *name, *value;
};

enum of_verify { OF_VERIFY_OFF, OF_VERIFY_STANDARD, OF_VERIFY_FULL };

struct of_options {
    const struct of_driver *drivers;
    size_t driver_count;
    const char *volume;     /* "mem:ntfs" (default) */
    const char *import_dir; /* fills the volume before the drivers load */
    const char *export_dir; /* receives the volume's content at the end */
    uint32_t windows;       /* build; 0: 22621 */
    const struct of_policy *policies;
    size_t policy_count;
    enum of_verify verify;
    bool trace;         /* text trace on standard error */
    const char *script; /* path of an .io script, "-" for standard input, NULL for none */
    const char *report; /* path of a report file, or NULL */
};

/*
 * The whole of `openflt run`: forks the machine under a supervisor, runs, tears down, prints the
 * verdict. Returns the exit status.
 */
int of_run(const struct of_options *options);

#ifdef __cplusplus
}
#endif

#endif

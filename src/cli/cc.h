/* SPDX-License-Identifier: MIT */
#ifndef OPENFLT_CLI_CC_H
#define OPENFLT_CLI_CC_H

#include <stdbool.h>
#include <stddef.h>

#define CC_PATH 4096

/* A growing list of strings it owns. */
struct cc_list {
    char **item;
    size_t count, room;
};
void cc_list_add(struct cc_list *list, const char *text);
void cc_list_free(struct cc_list *list);

/*
 * Writes a clang overlay for the includes of `sources` that need one. `dirs`: include folders in
 * search order, absolute, the first `own_dirs` of them the driver's. Returns 0 when written, 1 when
 * none is needed, -1 when it cannot be written.
 */
int cc_write_overlay(const struct cc_list *sources, const struct cc_list *dirs, size_t own_dirs,
                     const char *path);

/* Writes aliases -> targets as an overlay; `external`: messages name the targets. Returns 0 or -1.
 */
int cc_put_overlay(const struct cc_list *alias, const struct cc_list *target, bool external,
                   const char *path);

/*
 * After a failed compile: when all its errors are declarations and definitions that disagree in
 * their types, writes changed copies of the files below `folder` and an overlay that makes them
 * compile. Files below `own_headers` are never changed. Returns 0, or 1 when the errors are of
 * another kind.
 */
int cc_bridge_mismatches(const char *messages, const char *own_headers, const char *folder,
                         const char *overlay);

/*
 * Finds `written` (slashes forward) from `dir` as Windows would, without case. `real`: as the file
 * system has it; `alias`: as written. Both of CC_PATH bytes. False when there is no such file or
 * folder.
 */
bool cc_find_path(const char *dir, const char *written, char *real, char *alias);

/* Adds what a WDK project names. Returns 0, or -1 when it cannot be read or names no source. */
int cc_read_project(const char *path, struct cc_list *sources, struct cc_list *dirs,
                    struct cc_list *defines);

#endif

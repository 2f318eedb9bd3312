/* SPDX-License-Identifier: MIT */
#ifndef OPENFLT_CLI_CC_H
#define OPENFLT_CLI_CC_H

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
 * Writes a clang overlay for the includes of `sources` that need one. `dirs`: include folders in search order, absolute,
 * the first `own_dirs` of them the driver's. Returns 0 when written, 1 when none is needed, -1 when it cannot be written.
 */
int cc_write_overlay(const struct cc_list *sources, const struct cc_list *dirs, size_t own_dirs,
                     const char *path);

#endif

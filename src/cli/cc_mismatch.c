/* SPDX-License-Identifier: MIT */
/*
 * Functions that are declared with one pointer type and defined with another. The Microsoft
 * compiler takes them with a warning, and some public drivers depend on that; clang has no option
 * for it ("conflicting types" is always an error).
 *
 * After a compile that failed for this reason the files at fault are read through an overlay with
 * two small changes: the definition gets a name of its own, and the declaration becomes an alias of
 * it. Both then have their own type and the same code, which is what the Microsoft compiler makes
 * of it.
 */
#include "cli/cc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"

#define OWN_NAME "__defined"

enum edit_kind { RENAME, ALIAS };

struct edit {
    char file[CC_PATH]; /* real path */
    unsigned line, column;
    enum edit_kind kind;
    char name[128];
};

struct edits {
    struct edit *list;
    size_t count;
};

/* Takes "FILE:LINE:COLUMN: REST" apart; returns REST, or NULL when the line is not a message with a
 * place. */
static const char *take_place(const char *line, char *file, unsigned *row, unsigned *column)
{
    const char *end = strchr(line, '\n'), *colon = line;
    int used = 0;

    while ((colon = strchr(colon, ':')) && (!end || colon < end)) {
        if (sscanf(colon, ":%u:%u: %n", row, column, &used) == 2 && used) {
            if ((size_t)(colon - line) >= CC_PATH)
                return NULL;
            memcpy(file, line, (size_t)(colon - line));
            file[colon - line] = 0;
            return colon + used;
        }
        colon++;
    }
    return NULL;
}

static bool starts(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

static bool add_edit(struct edits *e, const char *file, unsigned line, unsigned column,
                     enum edit_kind kind, const char *name)
{
    struct edit *list = realloc(e->list, (e->count + 1) * sizeof(*list));
    struct edit *n;

    if (!list)
        abort();
    e->list = list;
    n = list + e->count;
    memset(n, 0, sizeof(*n));
    if (host_realpath(file, n->file, sizeof(n->file)))
        return false;
    n->line = line;
    n->column = column;
    n->kind = kind;
    snprintf(n->name, sizeof(n->name), "%s", name);
    e->count++;
    return true;
}

/* Reads the compiler's messages. True when every error in them is a mismatch of the kind we can
 * bridge. */
static bool read_messages(const char *text, struct edits *e)
{
    static const char error[] = "error: conflicting types for '",
                      note[] = "note: previous declaration";
    char file[CC_PATH], name[128] = "";
    unsigned row, column;

    for (; text; text = strchr(text, '\n'), text = text ? text + 1 : NULL) {
        const char *rest = take_place(text, file, &row, &column);

        if (!rest)
            continue;
        if (starts(rest, error)) {
            const char *from = rest + sizeof(error) - 1;
            size_t n = strcspn(from, "'\n");

            if (n >= sizeof(name) || from[n] != '\'')
                return false;
            memcpy(name, from, n);
            name[n] = 0;
            if (!add_edit(e, file, row, column, RENAME, name))
                return false;
        } else if (starts(rest, "error: ") || starts(rest, "fatal error: ")) {
            return false;
        } else if (starts(rest, note) && name[0]) {
            if (!add_edit(e, file, row, column, ALIAS, name))
                return false;
            name[0] = 0;
        }
    }
    return e->count && !name[0];
}

/* Offset of a place in a text, or SIZE_MAX; `name` must stand there. */
static size_t offset_of(const char *text, const struct edit *e)
{
    const char *p = text;

    for (unsigned line = 1; p && line < e->line; line++) {
        p = strchr(p, '\n');
        p = p ? p + 1 : NULL;
    }
    if (!p || strcspn(p, "\n") < e->column - 1 + strlen(e->name))
        return SIZE_MAX;
    p += e->column - 1;
    return starts(p, e->name) ? (size_t)(p - text) : SIZE_MAX;
}

/* Where an attribute goes: behind the parameter list, or before the semicolon of a declaration by a
 * typedef. */
static size_t end_of_declarator(const char *text, size_t at)
{
    unsigned depth = 0;

    for (; text[at]; at++) {
        if (text[at] == '(')
            depth++;
        else if (text[at] == ')' && !--depth)
            return at + 1;
        else if (!depth && (text[at] == ';' || text[at] == '{'))
            return text[at] == ';' ? at : SIZE_MAX;
    }
    return SIZE_MAX;
}

struct insertion {
    size_t at;
    char text[200];
};

static int by_offset(const void *a, const void *b)
{
    const struct insertion *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

/* Writes the changed copy of `file`. */
static bool write_copy(const struct edits *e, const char *file, const char *copy)
{
    struct insertion *list = calloc(e->count, sizeof(*list));
    size_t count = 0, size, from = 0;
    void *data = NULL;
    bool ok = list && !host_read_file(file, &data, &size);
    FILE *out = ok ? fopen(copy, "w") : NULL;

    for (size_t i = 0; out && ok && i < e->count; i++) {
        const struct edit *edit = e->list + i;
        size_t at;

        if (strcmp(edit->file, file))
            continue;
        at = offset_of(data, edit);
        if (at == SIZE_MAX)
            ok = false;
        else
            at += strlen(edit->name);
        if (ok && edit->kind == ALIAS)
            at = end_of_declarator(data, at);
        if (!ok || at == SIZE_MAX) {
            ok = false;
            break;
        }
        list[count].at = at;
        snprintf(list[count++].text, sizeof(list->text),
                 edit->kind == ALIAS ? " __attribute__((alias(\"%s" OWN_NAME "\")))"
                                     : "%.0s" OWN_NAME,
                 edit->name);
    }
    if (count)
        qsort(list, count, sizeof(*list), by_offset);
    for (size_t i = 0; out && i < count; i++) {
        fwrite((char *)data + from, 1, list[i].at - from, out);
        fputs(list[i].text, out);
        from = list[i].at;
    }
    if (out) {
        fwrite((char *)data + from, 1, size - from, out);
        ok = !fclose(out) && ok;
    }
    free(data);
    free(list);
    return ok && out;
}

int cc_bridge_mismatches(const char *messages, const char *own_headers, const char *folder,
                         const char *overlay)
{
    struct cc_list alias = {0}, target = {0};
    struct edits e = {0};
    char copy[CC_PATH + 32];
    int status = read_messages(messages, &e) ? 0 : 1;

    for (size_t i = 0; !status && i < e.count; i++) {
        bool seen = false;

        for (size_t k = 0; k < alias.count; k++)
            seen |= !strcmp(alias.item[k], e.list[i].file);
        if (seen)
            continue;
        /* A disagreement with the documented interface is the driver's error, not a matter of
         * taste. */
        if (starts(e.list[i].file, own_headers))
            status = 1;
        snprintf(copy, sizeof(copy), "%s/bridge%zu", folder, i);
        if (!status && !write_copy(&e, e.list[i].file, copy))
            status = 1;
        cc_list_add(&alias, e.list[i].file);
        cc_list_add(&target, copy);
    }
    if (!status && cc_put_overlay(&alias, &target, false, overlay))
        status = 1;
    for (size_t i = 0; !status && i < e.count; i++)
        if (e.list[i].kind == RENAME)
            fprintf(
                stderr,
                "%s:%u:%u: warning: '%s' is defined with other types than it was declared with\n",
                e.list[i].file, e.list[i].line, e.list[i].column, e.list[i].name);
    cc_list_free(&alias);
    cc_list_free(&target);
    free(e.list);
    return status;
}

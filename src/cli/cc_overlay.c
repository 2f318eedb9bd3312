/* SPDX-License-Identifier: MIT */
/*
 * Case-insensitive includes. Driver sources are written for a file system that ignores case, and
 * mix "FltKernel.h", "fltkernel.h" and "..\Inc\Mine.H" freely. The sources and the driver's own
 * headers are read for #include lines; each one that only a comparison without case can find
 * becomes an alias in a clang file system overlay (-ivfsoverlay). Messages and debug information
 * keep naming the real file.
 */
#include "cli/cc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"

struct found_name {
    const char *want;
    char *hit;
    size_t size;
};

static int match_name(const char *name, void *arg)
{
    struct found_name *f = arg;

    if (strcasecmp(name, f->want))
        return 0;
    snprintf(f->hit, f->size, "%s", name);
    return 1;
}

static bool exists(const char *path)
{
    struct host_stat st;

    return host_stat_path(path, true, &st) == 0;
}

static bool is_file(const char *path)
{
    struct host_stat st;

    return host_stat_path(path, true, &st) == 0 && st.regular;
}

/* Drops the last component: "/a/b" -> "/a", "/a" -> "". */
static void drop_component(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash)
        *slash = 0;
}

/*
 * Walks `written` (slashes forward) from the absolute folder `dir`. `real` receives the path as the
 * file system has it, `alias` the path as clang will ask for it. False when nothing matches even
 * without case.
 */
bool cc_find_path(const char *dir, const char *written, char *real, char *alias)
{
    char part[256];

    snprintf(real, CC_PATH, "%s", written[0] == '/' ? "" : dir);
    snprintf(alias, CC_PATH, "%s", real);
    while (*written) {
        size_t n = strcspn(written, "/");
        size_t at = strlen(real);

        if (n >= sizeof(part) || at + n + 2 > CC_PATH)
            return false;
        memcpy(part, written, n);
        part[n] = 0;
        written += n + (written[n] == '/');
        if (!n || !strcmp(part, "."))
            continue;
        if (!strcmp(part, "..")) {
            drop_component(real);
            drop_component(alias);
            continue;
        }
        snprintf(real + at, CC_PATH - at, "/%s", part);
        if (!exists(real)) {
            char hit[256];
            struct found_name f = {part, hit, sizeof(hit)};

            real[at] = 0;
            if (host_list_dir(at ? real : "/", match_name, &f) != 1)
                return false;
            snprintf(real + at, CC_PATH - at, "/%s", hit);
        }
        at = strlen(alias);
        snprintf(alias + at, CC_PATH - at, "/%s", part);
    }
    return true;
}

static bool list_has(const struct cc_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->item[i], text))
            return true;
    return false;
}

struct scan {
    const struct cc_list *dirs; /* -I folders, then the folders of our own headers */
    size_t own_dirs;            /* how many of `dirs` belong to the driver */
    struct cc_list seen;        /* files read or waiting to be read */
    struct cc_list alias, target;
};

/* One include directive of a file in `folder`. */
static void scan_include(struct scan *s, const char *folder, char *written, bool quoted)
{
    char real[CC_PATH], alias[CC_PATH];

    for (char *p = written; *p; p++)
        if (*p == '\\')
            *p = '/';
    for (size_t i = quoted ? 0 : 1; i <= s->dirs->count; i++) {
        if (!cc_find_path(i ? s->dirs->item[i - 1] : folder, written, real, alias) ||
            !is_file(real))
            continue;
        if (strcmp(real, alias) && !list_has(&s->alias, alias)) {
            cc_list_add(&s->alias, alias);
            cc_list_add(&s->target, real);
        }
        /* Our own headers name each other by their exact names: no need to read them. */
        if (i <= s->own_dirs && !list_has(&s->seen, real))
            cc_list_add(&s->seen, real);
        return;
    }
}

/* If the line at `p` is an include directive with a literal name, copies the name and says which
 * quotes it had. */
static bool include_name(const char *p, char *name, size_t size, bool *quoted)
{
    size_t n;
    char close;

    p += strspn(p, " \t");
    if (*p++ != '#')
        return false;
    p += strspn(p, " \t");
    if (strncmp(p, "include", 7))
        return false;
    p += 7;
    p += strspn(p, " \t");
    if (*p != '"' && *p != '<')
        return false;
    *quoted = *p == '"';
    close = *quoted ? '"' : '>';
    for (n = 0, p++; *p && *p != close && *p != '\n'; p++)
        if (n + 1 < size)
            name[n++] = *p;
    name[n] = 0;
    return *p == close && n;
}

static void scan_file(struct scan *s, const char *path)
{
    char folder[CC_PATH], name[CC_PATH];
    void *data;
    size_t size;
    bool quoted;

    if (host_read_file(path, &data, &size))
        return; /* the compiler will say what is wrong with it */
    snprintf(folder, sizeof(folder), "%s", path);
    drop_component(folder);
    for (const char *p = data; p && *p;) {
        if (include_name(p, name, sizeof(name), &quoted))
            scan_include(s, folder, name, quoted);
        p = strchr(p, '\n');
        p = p ? p + 1 : NULL;
    }
    free(data);
}

static void put_quoted(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', f);
        fputc(*s, f);
    }
    fputc('"', f);
}

int cc_put_overlay(const struct cc_list *alias, const struct cc_list *target, bool external,
                   const char *path)
{
    FILE *f = fopen(path, "w");

    if (!f)
        return -1;
    fputs("{\"version\": 0, \"case-sensitive\": \"false\", \"roots\": [\n", f);
    for (size_t i = 0; i < alias->count; i++) {
        fputs(i ? ",\n{\"type\": \"file\", \"name\": " : "{\"type\": \"file\", \"name\": ", f);
        put_quoted(f, alias->item[i]);
        fputs(", \"external-contents\": ", f);
        put_quoted(f, target->item[i]);
        fputs(external ? "}" : ", \"use-external-name\": false}", f);
    }
    fputs("\n]}\n", f);
    return fclose(f) ? -1 : 0;
}

int cc_write_overlay(const struct cc_list *sources, const struct cc_list *dirs, size_t own_dirs,
                     const char *path)
{
    struct scan s = {.dirs = dirs, .own_dirs = own_dirs};
    char real[CC_PATH];
    int status;

    for (size_t i = 0; i < sources->count; i++)
        if (!host_realpath(sources->item[i], real, sizeof(real)))
            cc_list_add(&s.seen, real);
    for (size_t i = 0; i < s.seen.count; i++)
        scan_file(&s, s.seen.item[i]);
    status = s.alias.count ? cc_put_overlay(&s.alias, &s.target, true, path) : 1;
    cc_list_free(&s.seen);
    cc_list_free(&s.alias);
    cc_list_free(&s.target);
    return status;
}

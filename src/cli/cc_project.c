/* SPDX-License-Identifier: MIT */
/*
 * openflt cc X.vcxproj: takes sources, include folders and definitions from a WDK project, as its
 * Release|x64 configuration has them. Only what a driver needs of the format is read: ClCompile
 * items, the two lists of settings, and conditions that compare two strings.
 */
#include "cli/cc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"

#define MAX_DEPTH 64

struct project {
    char folder[CC_PATH];
    struct cc_list *sources, *dirs, *defines;
    char element[MAX_DEPTH][48];
    unsigned depth,
        skip_from; /* skip_from: depth of the element whose condition failed, 0 for none */
};

/* Copies the value of an attribute of the tag at `tag` (which ends at `end`). False when it has
 * none. */
static bool attribute(const char *tag, const char *end, const char *name, char *out, size_t size)
{
    size_t n = strlen(name), k = 0;

    for (const char *p = tag; p + n + 2 < end; p++) {
        char quote = p[n + 1];

        if (strncmp(p, name, n) || p[n] != '=' || (quote != '"' && quote != '\'') || p[-1] > ' ')
            continue;
        for (p += n + 2; p < end && *p != quote; p++)
            if (k + 1 < size)
                out[k++] = *p;
        out[k] = 0;
        return true;
    }
    return false;
}

/* Replaces $(Name) by what it stands for here; an unknown one by nothing. %(Name), the inherited
 * list, goes too. */
static void expand(const struct project *p, const char *text, char *out, size_t size)
{
    const char *const known[][2] = {
        {"Configuration", "Release"},
        {"Platform", "x64"},
        {"ProjectDir", p->folder},
        {"MSBuildThisFileDirectory", p->folder},
        {"MSBuildProjectDirectory", p->folder},
        {"SolutionDir", p->folder},
    };
    size_t n = 0;

    while (*text && n + 1 < size) {
        const char *close = strchr(text, ')');

        if ((*text != '$' && *text != '%') || text[1] != '(' || !close) {
            out[n++] = *text++;
            continue;
        }
        for (size_t i = 0; *text == '$' && i < sizeof(known) / sizeof(*known); i++)
            if (strlen(known[i][0]) == (size_t)(close - text - 2) &&
                !strncasecmp(text + 2, known[i][0], (size_t)(close - text - 2)))
                n += (size_t)snprintf(out + n, size - n, "%s%s", known[i][1], i > 1 ? "/" : "");
        if (n >= size)
            n = size - 1;
        text = close + 1;
    }
    out[n] = 0;
}

/* 'A' == 'B' and 'A' != 'B'; every other condition counts as true. */
static bool holds(const struct project *p, const char *condition)
{
    char text[512], *left, *right, *end;
    bool unequal;

    expand(p, condition, text, sizeof(text));
    left = strchr(text, '\'');
    end = left ? strchr(left + 1, '\'') : NULL;
    right = end ? strchr(end + 1, '\'') : NULL;
    if (!right || !strchr(right + 1, '\''))
        return true;
    *end = 0;
    unequal = strstr(end + 1, "!=") && strstr(end + 1, "!=") < right;
    *strchr(right + 1, '\'') = 0;
    return (strcasecmp(left + 1, right + 1) == 0) != unequal;
}

/* A path of the project: relative to its folder, with either kind of slash. */
static void add_path(const struct project *p, struct cc_list *list, const char *text)
{
    char path[CC_PATH * 2], real[CC_PATH], alias[CC_PATH], *at = path;

    at += snprintf(path, sizeof(path), "%s", text);
    for (at = path; *at; at++)
        if (*at == '\\')
            *at = '/';
    if (cc_find_path(p->folder, path, real, alias))
        cc_list_add(list, real);
    else if (list == p->sources)
        cc_list_add(list, path); /* the compile will say that it is missing */
}

/* The text of a setting: a list with semicolons. */
static void add_setting(const struct project *p, struct cc_list *list, const char *from,
                        const char *to)
{
    char raw[CC_PATH], text[CC_PATH], *save = NULL;

    snprintf(raw, sizeof(raw), "%.*s", (int)(to - from), from);
    expand(p, raw, text, sizeof(text));
    for (char *item = strtok_r(text, ";\r\n\t ", &save); item;
         item = strtok_r(NULL, ";\r\n\t ", &save)) {
        if (list == p->defines)
            cc_list_add(list, item);
        else
            add_path(p, list, item);
    }
}

static bool inside(const struct project *p, const char *element)
{
    for (unsigned i = 0; i < p->depth; i++)
        if (!strcmp(p->element[i], element))
            return true;
    return false;
}

static void open_element(struct project *p, const char *name, const char *tag, const char *end)
{
    char value[CC_PATH], path[CC_PATH];

    snprintf(p->element[p->depth++], sizeof(p->element[0]), "%s", name);
    if (!p->skip_from && attribute(tag, end, "Condition", value, sizeof(value)) && !holds(p, value))
        p->skip_from = p->depth;
    if (p->skip_from || !inside(p, "ItemGroup"))
        return;
    if (!strcmp(name, "ClCompile") && attribute(tag, end, "Include", value, sizeof(value))) {
        expand(p, value, path, sizeof(path));
        add_path(p, p->sources, path);
    }
}

static void close_element(struct project *p)
{
    if (p->skip_from == p->depth)
        p->skip_from = 0;
    p->depth--;
}

/* What stands between a start tag and the next tag. */
static void take_text(struct project *p, const char *from, const char *to)
{
    const char *name = p->depth ? p->element[p->depth - 1] : "";

    if (p->skip_from || !inside(p, "ClCompile"))
        return;
    if (!strcmp(name, "AdditionalIncludeDirectories"))
        add_setting(p, p->dirs, from, to);
    else if (!strcmp(name, "PreprocessorDefinitions"))
        add_setting(p, p->defines, from, to);
}

static bool parse(struct project *p, const char *text)
{
    char name[48];

    while ((text = strchr(text, '<'))) {
        const char *end = strchr(text, '>'), *next;
        size_t n;

        if (!strncmp(text, "<!--", 4)) {
            text = strstr(text, "-->");
            if (!text)
                return false;
            continue;
        }
        if (!end)
            return false;
        if (text[1] == '/') {
            if (!p->depth)
                return false;
            close_element(p);
        } else if (text[1] != '?' && text[1] != '!') {
            n = strcspn(text + 1, " \t\r\n/>");
            if (p->depth == MAX_DEPTH || n >= sizeof(name))
                return false;
            memcpy(name, text + 1, n);
            name[n] = 0;
            open_element(p, name, text + 1 + n, end);
            next = strchr(end, '<');
            if (end[-1] == '/')
                close_element(p);
            else if (next)
                take_text(p, end + 1, next);
        }
        text = end + 1;
    }
    return !p->depth;
}

int cc_read_project(const char *path, struct cc_list *sources, struct cc_list *dirs,
                    struct cc_list *defines)
{
    struct project *p = calloc(1, sizeof(*p));
    size_t before = sources->count, size;
    void *text = NULL;
    int status = -1;

    if (!p)
        abort();
    p->sources = sources;
    p->dirs = dirs;
    p->defines = defines;
    if (!host_realpath(path, p->folder, sizeof(p->folder)) && !host_read_file(path, &text, &size)) {
        *strrchr(p->folder, '/') = 0;
        status = parse(p, text) && sources->count > before ? 0 : -1;
    }
    free(text);
    free(p);
    return status;
}

/* SPDX-License-Identifier: MIT */
/* The report file of --report: JSON by suffix, else text. */
#include "machine/supervisor.h"
#include "trace/trace.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);

    return n >= m && !strcmp(path + n - m, suffix);
}

bool supervisor_knows_report(const char *path)
{
    static const char *const later[] = {".sarif", ".xml", ".html"};

    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
        if (has_suffix(path, later[i]))
            return false;
    return true;
}

static const char *end_name(const struct trc_shared *s)
{
    return s->end == TRC_END_COMPLETE ? "complete" : s->end == TRC_END_HANG ? "hang" : "stopped";
}

/* Text from the shared region may hold anything; JSON wants UTF-8. */
static json_t *text(const char *s)
{
    json_t *j = json_string(s);
    char *copy;

    if (j)
        return j;
    copy = strdup(s);
    for (char *p = copy; p && *p; p++)
        *p = (unsigned char)*p < 0x80 ? *p : '?';
    j = json_string(copy ? copy : "");
    free(copy);
    return j;
}

static json_t *build_json(const struct of_options *options, const struct trc_shared *s, int status)
{
    json_t *root = json_object(), *findings = json_array(), *leaks = json_array(),
           *drivers = json_array();

    for (size_t i = 0; i < options->driver_count; i++)
        json_array_append_new(drivers, text(options->drivers[i].path));
    for (uint32_t i = 0; i < s->findings; i++) {
        const struct trc_finding *f = &s->finding[i];
        json_array_append_new(findings,
                              json_pack("{s:o,s:o,s:o,s:o,s:i}", "rule", text(f->rule), "class",
                                        text(f->class_name), "sentence", text(f->sentence), "where",
                                        text(f->where), "count", (int)f->count));
    }
    for (uint32_t i = 0; i < s->leaks; i++)
        json_array_append_new(leaks, json_pack("{s:o,s:o}", "driver", text(s->leak[i].driver),
                                               "what", text(s->leak[i].text)));
    json_object_set_new(root, "status", json_integer(status));
    json_object_set_new(root, "end", text(end_name(s)));
    json_object_set_new(root, "drivers", drivers);
    if (s->end != TRC_END_COMPLETE) {
        json_object_set_new(root, "title", text(s->title));
        json_object_set_new(root, "sentence", text(s->sentence));
        json_object_set_new(root, "while", text(s->phase_text));
        json_object_set_new(root, "bug_check", json_integer(s->stop_code));
        json_object_set_new(root, "details", text(s->report));
    }
    if (s->final_status)
        json_object_set_new(root, "sentence", text(s->final_text));
    json_object_set_new(root, "findings", findings);
    json_object_set_new(root, "leaks", leaks);
    return root;
}

static char *build_text(const struct trc_shared *s, int status)
{
    size_t room = TRC_REPORT + 64 * 1024, n;
    char *out = malloc(room);

    if (!out)
        return NULL;
    n = (size_t)snprintf(out, room, "openflt report\nend: %s\nexit status: %d\n", end_name(s),
                         status);
    if (s->final_status)
        n += (size_t)snprintf(out + n, room - n, "%s\n", s->final_text);
    if (s->end != TRC_END_COMPLETE)
        n += (size_t)snprintf(out + n, room - n, "%s\n%s\nwhile: %s\n%s", s->title, s->sentence,
                              s->phase_text, s->report);
    for (uint32_t i = 0; i < s->findings && n < room; i++)
        n += (size_t)snprintf(out + n, room - n, "finding %s (%s) x%u: %s; at %s\n",
                              s->finding[i].rule, s->finding[i].class_name, s->finding[i].count,
                              s->finding[i].sentence, s->finding[i].where);
    for (uint32_t i = 0; i < s->leaks && n < room; i++)
        n += (size_t)snprintf(out + n, room - n, "leak %s: %s\n", s->leak[i].driver,
                              s->leak[i].text);
    return out;
}

int supervisor_write_report(const char *path, const struct of_options *options,
                            const struct trc_shared *s, int status)
{
    char *out;
    int error = -1;

    if (has_suffix(path, ".json")) {
        json_t *root = build_json(options, s, status);
        out = json_dumps(root, JSON_INDENT(2));
        json_decref(root);
    } else {
        out = build_text(s, status);
    }
    if (out)
        error = host_write_file(path, out, strlen(out));
    free(out);
    if (error)
        TrcSay("openflt: report %s cannot be written: %s", path, strerror(-error));
    return error;
}

/* SPDX-License-Identifier: MIT */
/* api_page.c - `openflt api`: which routines this build of openflt has, computed from the linked
 * program itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/api.h"
#include "cli/cli.h"

#define EXIT_USAGE 64

struct page_options {
    const struct api_module *module; /* NULL: all of them */
    bool json;
};

static const char *irql_name(const struct api_export *row)
{
    switch (row->max_irql) {
    case 0:
        return "PASSIVE";
    case 1:
        return "APC";
    case 2:
        return "DISPATCH";
    case 15:
        return "HIGH";
    default:
        return NULL;
    }
}

static int usage(const char *why, const char *what)
{
    fprintf(stderr, "openflt api: %s%s\nusage: openflt api [--module NAME] [--json]\nmodules:", why,
            what);
    for (uint32_t i = 0; i < api_module_count; i++)
        fprintf(stderr, " %s", api_modules[i].stem);
    fprintf(stderr, "\n");
    return EXIT_USAGE;
}

/* What is not settled in the table is null: a number would claim more than is known. */
static json_t *row_as_json(const struct api_export *row)
{
    uint32_t build = api_first_build(row);
    const char *irql = irql_name(row);

    return json_pack("{s:s, s:s, s:o, s:o, s:s}", "name", row->name, "module", row->module,
                     "first_build", build ? json_integer(build) : json_null(), "max_irql",
                     irql ? json_string(irql) : json_null(), "state",
                     api_state_name(api_state(row)));
}

static int print_json(const struct page_options *options)
{
    json_t *rows = json_array();
    int bad = !rows;

    for (uint32_t i = 0; i < api_export_count && !bad; i++) {
        const struct api_export *row = &api_exports[i];

        if (!options->module || !strcmp(options->module->name, row->module))
            bad = json_array_append_new(rows, row_as_json(row));
    }
    if (!bad)
        bad = json_dumpf(rows, stdout, JSON_INDENT(1)) || putchar('\n') == EOF || fflush(stdout);
    json_decref(rows);
    return bad ? 1 : 0;
}

static uint32_t print_rows(const struct api_module *m)
{
    uint32_t implemented = 0;

    for (uint32_t i = m->first; i < m->first + m->count; i++) {
        const struct api_export *row = &api_exports[i];
        enum api_state state = api_state(row);
        uint32_t build = api_first_build(row);
        const char *irql = irql_name(row);
        char number[16] = "?";

        if (build)
            snprintf(number, sizeof(number), "%u", build);
        printf("%-12s %-56s %6s %-9s %s\n", m->stem, row->name, number,
               irql                    ? irql
               : row->kind == API_DATA ? "data"
                                       : "?",
               api_state_name(state));
        implemented += state == API_IMPLEMENTED;
    }
    return implemented;
}

static int print_text(const struct page_options *options)
{
    uint32_t implemented[64] = {0};

    for (uint32_t i = 0; i < api_module_count && i < 64; i++)
        if (!options->module || options->module == &api_modules[i])
            implemented[i] = print_rows(&api_modules[i]);
    for (uint32_t i = 0; i < api_module_count && i < 64; i++)
        if (!options->module || options->module == &api_modules[i])
            printf("%s: %u of %u implemented\n", api_modules[i].stem, implemented[i],
                   api_modules[i].count);
    return fflush(stdout) ? 1 : 0;
}

int cli_api(int argc, char **argv)
{
    struct page_options options = {0};

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            options.json = true;
        } else if (!strcmp(argv[i], "--module")) {
            if (++i == argc)
                return usage("--module needs a name", "");
            options.module = api_module_find(argv[i]);
            if (!options.module)
                return usage("no such module: ", argv[i]);
        } else {
            return usage("unknown argument: ", argv[i]);
        }
    }
    return options.json ? print_json(&options) : print_text(&options);
}

/* SPDX-License-Identifier: MIT */
/* `openflt run`: options into of_options. --altitude and --inf belong to the driver before them. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/supervisor.h"
#include "openflt/openflt.h"

#define MOST 32

struct run_line {
    struct of_options o;
    struct of_driver drivers[MOST];
    struct of_policy policies[MOST];
    char *copies[MOST]; /* "NAME" halves of --policy NAME=VALUE */
    char **argv;
    int argc, at;
};

static const char usage[] =
    "usage: openflt run A.sys [--altitude N] [B.sys ...] [options] --io FILE\n"
    "  --altitude N         of the driver before it; without it openflt chooses one\n"
    "  --volume mem:ntfs    the volume (default)\n"
    "  --import DIR         fill the volume from a folder before the drivers load\n"
    "  --export DIR         write the volume's content into a folder at the end\n"
    "  --windows BUILD      Windows build the machine answers as, 2600..26100 (default 22621)\n"
    "  --policy NAME=VALUE  a behaviour the sources disagree on\n"
    "  --verify off|standard|full\n"
    "  --io FILE            script of NT operations, - for standard input (doc/io-script.md)\n"
    "  --trace text         every request, layer by layer, on standard error\n"
    "  --report FILE        a report file, .json or text\n";

static int refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int refuse(const char *format, ...)
{
    va_list a;

    fprintf(stderr, "openflt run: ");
    va_start(a, format);
    vfprintf(stderr, format, a);
    va_end(a);
    fprintf(stderr, "\nTry openflt run --help.\n");
    return OF_USAGE;
}

/* The value of the option at l->at: the next word, or what follows "=". NULL after saying that it
 * is missing. */
static const char *value(struct run_line *l, const char *option)
{
    const char *word = l->argv[l->at];
    size_t n = strlen(option);

    if (word[n] == '=')
        return word + n + 1;
    if (l->at + 1 >= l->argc) {
        refuse("%s needs a value", option);
        return NULL;
    }
    return l->argv[++l->at];
}

static bool is(const struct run_line *l, const char *option)
{
    size_t n = strlen(option);

    return !strncmp(l->argv[l->at], option, n) && (!l->argv[l->at][n] || l->argv[l->at][n] == '=');
}

static int set_altitude(struct run_line *l, const char *v)
{
    if (!l->o.driver_count)
        return refuse("--altitude stands behind the driver it belongs to");
    if (!*v || v[strspn(v, "0123456789.")] || *v == '.')
        return refuse("an altitude is a decimal number: %s", v);
    l->drivers[l->o.driver_count - 1].altitude = v;
    return 0;
}

static int set_policy(struct run_line *l, const char *v)
{
    const char *eq = strchr(v, '=');
    struct of_policy *p = &l->policies[l->o.policy_count];

    if (!eq || eq == v)
        return refuse("--policy takes NAME=VALUE: %s", v);
    if (l->o.policy_count == MOST)
        return refuse("more than %d policies", MOST);
    p->name = l->copies[l->o.policy_count++] = strndup(v, (size_t)(eq - v));
    p->value = eq + 1;
    return 0;
}

static int set_windows(struct run_line *l, const char *v)
{
    char *end;
    unsigned long build = strtoul(v, &end, 10);

    if (*end || build < 2600 || build > 99999)
        return refuse("--windows takes a build number from 2600 on: %s", v);
    l->o.windows = (uint32_t)build;
    return 0;
}

static int set_verify(struct run_line *l, const char *v)
{
    static const char *const names[] = {"off", "standard", "full"};

    for (int i = 0; i < 3; i++) {
        if (!strcmp(v, names[i])) {
            l->o.verify = (enum of_verify)i;
            return 0;
        }
    }
    return refuse("--verify is off, standard or full: %s", v);
}

static int set_trace(struct run_line *l, const char *v)
{
    l->o.trace = !strcmp(v, "text");
    return l->o.trace ? 0 : refuse("--trace knows text: %s", v);
}

static int set_report(struct run_line *l, const char *v)
{
    l->o.report = v;
    return supervisor_knows_report(v)
               ? 0
               : refuse("--report writes .json or text, not yet this kind: %s", v);
}

static int set_io(struct run_line *l, const char *v)
{
    if (l->o.script)
        return refuse("--io is given twice");
    l->o.script = v;
    return 0;
}

static int set_volume(struct run_line *l, const char *v)
{
    l->o.volume = v;
    return 0;
}

static int set_import(struct run_line *l, const char *v)
{
    l->o.import_dir = v;
    return 0;
}

static int set_export(struct run_line *l, const char *v)
{
    l->o.export_dir = v;
    return 0;
}

static const struct {
    const char *option;
    int (*set)(struct run_line *l, const char *value);
} options[] = {
    {"--altitude", set_altitude}, {"--volume", set_volume},
    {"--import", set_import},     {"--export", set_export},
    {"--windows", set_windows},   {"--policy", set_policy},
    {"--verify", set_verify},     {"--trace", set_trace},
    {"--report", set_report},     {"--io", set_io},
};

/* Part of the interface, refused by name until they are built. */
static const char *const later[] = {"--inf", "--seed", "--cpus"};

static int add_driver(struct run_line *l, const char *path)
{
    if (l->o.driver_count == MOST)
        return refuse("more than %d drivers", MOST);
    l->drivers[l->o.driver_count++].path = path;
    return 0;
}

static int parse_word(struct run_line *l)
{
    const char *v;

    if (l->argv[l->at][0] != '-')
        return add_driver(l, l->argv[l->at]);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (!is(l, options[i].option))
            continue;
        v = value(l, options[i].option);
        return v ? options[i].set(l, v) : OF_USAGE;
    }
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
        if (is(l, later[i]))
            return refuse("%s is not there yet", later[i]);
    if (!strcmp(l->argv[l->at], "--"))
        return refuse("running a command on a mounted volume is not there yet; use --io");
    return refuse("no such option: %s", l->argv[l->at]);
}

int cli_run(int argc, char **argv)
{
    struct run_line l = {.argv = argv, .argc = argc, .at = 1, .o = {.verify = OF_VERIFY_STANDARD}};
    int status = 0;

    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        fputs(usage, stdout);
        return 0;
    }
    for (; !status && l.at < argc; l.at++)
        status = parse_word(&l);
    if (!status && !l.o.driver_count)
        status = refuse("no driver is named");
    l.o.drivers = l.drivers;
    l.o.policies = l.policies;
    if (!status)
        status = of_run(&l.o);
    for (size_t i = 0; i < l.o.policy_count; i++)
        free(l.copies[i]);
    return status;
}

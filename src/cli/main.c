/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"api", cli_api, "what drivers can import, from which Windows build on, and what is implemented"},
    {"cc", cli_cc, "compile driver source into an x64 driver image"},
    {"run", cli_run, "load drivers, give them I/O, unload them, and say what was wrong"},
};

static void usage(FILE *out)
{
    fprintf(out, "usage: openflt COMMAND ...\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        fprintf(out, "  %-6s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "openflt COMMAND --help tells more.\n");
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        usage(stdout);
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "--version")) {
        printf("openflt %s\n", OPENFLT_VERSION);
        return 0;
    }
    if (argc > 1)
        fprintf(stderr, "openflt: no such command: %s\n", argv[1]);
    usage(stderr);
    return 64;
}

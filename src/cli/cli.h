/* SPDX-License-Identifier: MIT */
#ifndef OPENFLT_CLI_CLI_H
#define OPENFLT_CLI_CLI_H

/* Each command: argv[0] is the command's own name; the result is openflt's exit status. */
int cli_cc(int argc, char **argv);
int cli_api(int argc, char **argv);
int cli_run(int argc, char **argv);

#endif

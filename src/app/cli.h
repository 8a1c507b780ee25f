/* SPDX-License-Identifier: MIT */
/* The options of our three programs' command lines: one table each, from which
 * --help is printed. Tables and argv are borrowed; wrong usage ends the process.
 * One thread. */
#ifndef APP_CLI_H
#define APP_CLI_H

#include "base/buf.h"

#include <json-c/json.h>

#include <stdbool.h>
#include <stddef.h>

struct cli_option {
	char letter;
	const char *name;     /* the long form, without dashes */
	const char *argument; /* "FILE"; NULL: takes none */
	const char *help;
	const char **text; /* where the argument goes; borrowed from argv */
	bool *flag;        /* set when the option is there */
};

struct cli {
	const char *program;
	const char *usage;   /* what stands behind "Usage: ", without the program's name */
	const char *purpose; /* some lines; each ends in \n */
	const struct cli_option *options;
	size_t n_options; /* at most CLI_OPTIONS_MAX */
};

#define CLI_OPTIONS_MAX 16

/* The option that all three have. */
#define CLI_CONFIG(place)                                                                          \
	{                                                                                          \
		.letter = 'c', .name = "config", .argument = "FILE",                               \
		.help = "the configuration (default: $CLAUDE_ROUTER_CONFIG, else\n" SYSCONFDIR     \
			"/claude-router/claude-router.conf)",                                      \
		.text = (place)                                                                    \
	}

/* Reads the options and returns the place of the first word behind them in
 * argv. --help and --version, which every program has, are answered here and
 * end the process; so does wrong usage, with EX_USAGE and a sentence. */
int cli_read(const struct cli *cli, int argc, char **argv);

/* Prints a tree as one line of JSON, and puts it; NULL, or one that is not whole, is memory
 * that was short: nothing is printed, EX_OSERR returned. */
int cli_print_json(const char *program, json_object *tree);

/* An error's text, to be told; when memory was too short for one, that. */
const char *cli_why(const struct buf *error);

/* The end of main(): brings what was printed to standard output on its way. Returns
 * status, or says that it could not all be written, and returns EX_IOERR instead of a
 * success. A reader who left early is no failure. */
int cli_end(const char *program, int status);

/* Wrong usage, in words: ends the process with EX_USAGE. */
void cli_fail(const struct cli *cli, const char *word, const char *what) __attribute__((noreturn));

#endif

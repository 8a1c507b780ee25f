/* SPDX-License-Identifier: MIT */
/* The command lines of our three programs: a table of options each, from which --help is
 * printed, and how a program ends. Tables and argv are borrowed. One thread. */
#ifndef APP_CLI_H
#define APP_CLI_H

#include "base/buf.h"

#include <json-c/json.h>

#include <stdbool.h>
#include <stddef.h>

struct cli_option {
	char letter;
	const char *name;     /* the long form, without dashes */
	const char *argument; /* "FILE"; NULL: none is allowed */
	const char *help;     /* lines end in \n, but for the last */
	const char **text;    /* where the argument goes; borrowed from argv */
	bool *flag;           /* set to true when the option is given */
};

struct cli {
	const char *program;
	const char *usage;   /* follows "Usage: PROGRAM " */
	const char *purpose; /* lines, each with its \n */
	const struct cli_option *options;
	size_t n_options; /* at most CLI_OPTIONS_MAX */
};

#define CLI_OPTIONS_MAX 32

/* Rows of a table. */
#define CLI_TEXT(a_letter, a_name, an_argument, place, a_help)                                     \
	{                                                                                          \
		.letter = (a_letter), .name = (a_name), .argument = (an_argument), .help = a_help, \
		.text = (place)                                                                    \
	}
#define CLI_FLAG(a_letter, a_name, place, a_help)                                                  \
	{                                                                                          \
		.letter = (a_letter), .name = (a_name), .help = a_help, .flag = (place)            \
	}

/* --config, which all programs have. place: const char **. */
#define CLI_CONFIG(place)                                                                          \
	CLI_TEXT('c', "config", "FILE", place,                                                     \
		 "the configuration (default: $CLAUDE_ROUTER_CONFIG, else\n" SYSCONFDIR            \
		 "/claude-router/claude-router.conf)")

/* Parses the options and returns the index of the first word after them in argv. Ends the
 * process after --help and --version, which every program has, and after wrong usage, with
 * EX_USAGE and a sentence. */
int cli_read(const struct cli *cli, int argc, char **argv);

/* Prints a tree as one line of JSON, and releases it. Returns EXIT_SUCCESS. A tree that is
 * NULL or incomplete means out of memory: prints that on standard error, returns EX_OSERR. */
int cli_print_json(const char *program, json_object *tree);

/* Prints what went wrong on standard error, and returns status. */
int cli_error(const char *program, int status, const char *why);

/* The text of an error; "out of memory" when there is none. Borrowed. */
const char *cli_why(const struct buf *error);

/* To be called at the end of main(): flushes standard output and returns status. When not
 * all could be written, prints that, and returns EX_IOERR instead of EXIT_SUCCESS; a reader
 * that closed a pipe early (EPIPE) is no failure. */
int cli_end(const char *program, int status);

/* Prints what is wrong with the command line, and ends the process with EX_USAGE. */
void cli_fail(const struct cli *cli, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

#endif

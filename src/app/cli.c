/* SPDX-License-Identifier: MIT */
#include "app/cli.h"

#include "base/count.h"

#include "base/caps.h"
#include "json/tree.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const struct cli_option common[] = {
    {.letter = 'V', .name = "version", .help = "print the version"},
    {.letter = 'h', .name = "help", .help = "print this help"},
};

enum { COMMON = COUNT(common), HELP_COLUMN = 26 };

/* The lines of a help text go one below the other. */
static void
print_option(const struct cli_option *o)
{
	char option[64];
	snprintf(option, sizeof option, "  -%c, --%s%s%s", o->letter, o->name,
		 o->argument == NULL ? "" : " ", o->argument == NULL ? "" : o->argument);
	printf("%-*s", HELP_COLUMN, option);
	for (const char *line = o->help; line != NULL;) {
		const char *end = strchr(line, '\n');
		int n = end == NULL ? (int)strlen(line) : (int)(end - line);
		printf("%.*s\n", n, line);
		line = end == NULL ? NULL : end + 1;
		if (line != NULL)
			printf("%*s", HELP_COLUMN, "");
	}
}

static void
print_help(const struct cli *cli)
{
	printf("Usage: %s %s\n\n%s\n", cli->program, cli->usage, cli->purpose);
	for (size_t i = 0; i < cli->n_options; i++)
		print_option(&cli->options[i]);
	for (size_t i = 0; i < COMMON; i++)
		print_option(&common[i]);
}

int
cli_print_json(const char *program, json_object *tree)
{
	struct buf text;
	buf_init(&text, RESPONSE_JSON_MAX);
	bool whole = tree != NULL && tree_write(tree, &text);
	if (whole)
		puts(text.data);
	else
		cli_error(program, EX_OSERR, "out of memory");
	json_object_put(tree);
	buf_free(&text);
	return whole ? EXIT_SUCCESS : EX_OSERR;
}

int
cli_error(const char *program, int status, const char *why)
{
	fprintf(stderr, "%s: %s\n", program, why);
	return status;
}

const char *
cli_why(const struct buf *error)
{
	return error->len > 0 ? error->data : "out of memory";
}

void
cli_fail(const struct cli *cli, const char *format, ...)
{
	va_list args;
	fprintf(stderr, "%s: ", cli->program);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs(" (see --help)\n", stderr);
	exit(EX_USAGE);
}

int
cli_end(const char *program, int status)
{
	bool lost = ferror(stdout) != 0;
	errno = 0;
	lost = fflush(stdout) != 0 || lost;
	if (!lost || errno == EPIPE)
		return status;
	return cli_error(program, status == EXIT_SUCCESS ? EX_IOERR : status,
			 "standard output could not be written");
}

static void
apply_option(const struct cli *cli, int letter)
{
	if (letter == 'V') {
		printf("%s " PACKAGE_VERSION "\n", cli->program);
		exit(cli_end(cli->program, EXIT_SUCCESS));
	}
	if (letter == 'h') {
		print_help(cli);
		exit(cli_end(cli->program, EXIT_SUCCESS));
	}
	for (size_t i = 0; i < cli->n_options; i++) {
		const struct cli_option *o = &cli->options[i];
		if (o->letter != letter)
			continue;
		if (o->text != NULL)
			*o->text = optarg;
		if (o->flag != NULL)
			*o->flag = true;
	}
}

int
cli_read(const struct cli *cli, int argc, char **argv)
{
	struct option table[CLI_OPTIONS_MAX + COMMON + 1] = {0};
	char letters[2 * (CLI_OPTIONS_MAX + COMMON) + 1] = "";
	size_t at = 0;
	for (size_t i = 0; i < cli->n_options + COMMON; i++) {
		const struct cli_option *o =
		    i < cli->n_options ? &cli->options[i] : &common[i - cli->n_options];
		bool has_argument = o->argument != NULL;
		table[i] =
		    (struct option){.name = o->name,
				    .has_arg = has_argument ? required_argument : no_argument,
				    .val = o->letter};
		letters[at++] = o->letter;
		if (has_argument)
			letters[at++] = ':';
	}
	for (int letter; (letter = getopt_long(argc, argv, letters, table, NULL)) != -1;) {
		if (letter == '?') /* getopt_long() has printed what is wrong */
			exit(EX_USAGE);
		apply_option(cli, letter);
	}
	return optind;
}

/* SPDX-License-Identifier: MIT */
#include "main/ctl_usage.h"

#include "app/cli.h"
#include "app/owner.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/printable.h"
#include "base/str.h"
#include "config/config.h"
#include "config/text.h"
#include "main/ctl_recost.h"
#include "money/amount.h"
#include "money/ledger.h"
#include "json/tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define NOBODY "-" /* in a table, where there is no model, provider or client */

static int64_t
number_of(json_object *row, const char *name)
{
	return json_object_get_int64(tree_get(row, name));
}

/* What a row is about, "2026-11-27" if that is a day. */
static void
name_of(json_object *row, const char *by, char name[static PRINTABLE_SIZE])
{
	int64_t day = number_of(row, "day");
	const char *text = tree_text(row, by);
	if (str_starts_with(by, "day"))
		snprintf(name, PRINTABLE_SIZE, "%04d-%02d-%02d", (int)(day / 10000),
			 (int)(day / 100 % 100), (int)(day % 100));
	else
		printable(text, strlen(text), name, PRINTABLE_SIZE);
}

/* The second member that a row of "day,provider" is about; NULL: there is one only. */
static const char *
second_of(const char *by)
{
	const char *comma = strchr(by, ',');
	return comma == NULL ? NULL : comma + 1;
}

/* --- A table ---------------------------------------------------------------- */

static const char *const titles[] = {"requests",     "errors", "input", "cache reads",
				     "cache writes", "output", "spent", "worth"};

enum { COLUMNS = COUNT(titles) };

struct line {
	char name[2 * PRINTABLE_SIZE];
	char cells[COLUMNS][AMOUNT_SIZE];
};

static void
fill_line(struct line *line, json_object *row)
{
	char(*cell)[AMOUNT_SIZE] = line->cells;
	amount_count(number_of(row, "requests"), *cell++);
	amount_count(number_of(row, "errors"), *cell++);
	amount_count(number_of(row, "input"), *cell++);
	amount_count(number_of(row, "cache_read"), *cell++);
	amount_count(number_of(row, "cache_5m") + number_of(row, "cache_1h"), *cell++);
	amount_count(number_of(row, "output"), *cell++);
	amount_at_least(number_of(row, "spent"), number_of(row, "spent_unknown"), *cell++);
	amount_at_least(number_of(row, "worth"), number_of(row, "worth_unknown"), *cell);
}

static void
print_line(const struct line *line, const int widths[static COLUMNS + 1])
{
	printf("%-*s", widths[0], line->name);
	for (int i = 0; i < COLUMNS; i++)
		printf("  %*s", widths[i + 1], line->cells[i]);
	putchar('\n');
}

static void
print_lines(const struct line *lines, size_t n)
{
	int widths[COLUMNS + 1] = {0};
	for (size_t i = 0; i < n; i++) {
		int width = (int)strlen(lines[i].name);
		widths[0] = width > widths[0] ? width : widths[0];
		for (int j = 0; j < COLUMNS; j++) {
			width = (int)strlen(lines[i].cells[j]);
			widths[j + 1] = width > widths[j + 1] ? width : widths[j + 1];
		}
	}
	for (size_t i = 0; i < n; i++)
		print_line(&lines[i], widths);
}

static void
print_footer(json_object *report)
{
	json_object *total = tree_get(report, "total");
	if (json_object_get_boolean(tree_get(report, "cut")))
		puts("There are more: only the largest are shown.");
	if (number_of(total, "worth") + number_of(total, "worth_unknown") > 0)
		puts("worth: list prices of what a plan or the clients' own keys served; not "
		     "spent.");
	if (number_of(total, "spent_unknown") + number_of(total, "worth_unknown") > 0)
		puts("?, at least: what some cost is not known; claude-router-ctl doctor names "
		     "models without a price.");
}

static void
fill_name(struct line *line, json_object *row, const char *by)
{
	char name[PRINTABLE_SIZE], second[PRINTABLE_SIZE] = "";
	name_of(row, by, name);
	const char *other = second_of(by);
	if (other != NULL)
		name_of(row, other, second);
	snprintf(line->name, sizeof line->name, "%s%s%s", name[0] == '\0' ? NOBODY : name,
		 other == NULL ? "" : " ", second);
}

static void
fill_lines(struct line *lines, json_object *report)
{
	json_object *rows = tree_get(report, "rows");
	const char *by = tree_text(report, "by");
	struct line *line = lines;
	snprintf(line->name, sizeof line->name, "%s", by);
	for (int i = 0; i < COLUMNS; i++)
		snprintf(line->cells[i], AMOUNT_SIZE, "%s", titles[i]);
	for (size_t i = 0; i < tree_count(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		fill_name(++line, row, by);
		fill_line(line, row);
	}
	snprintf((++line)->name, sizeof line->name, "total");
	fill_line(line, tree_get(report, "total"));
}

static int
print_table(json_object *report)
{
	size_t n = tree_count(tree_get(report, "rows")) + 2;
	struct line *lines = calloc(n, sizeof *lines);
	if (lines == NULL)
		return cli_error("claude-router-ctl", EX_OSERR, "out of memory");
	fill_lines(lines, report);
	print_lines(lines, n);
	print_footer(report);
	free(lines);
	return EXIT_SUCCESS;
}

/* --- CSV -------------------------------------------------------------------- */

/* What follows the name, as it is called in the report. */
static const struct {
	const char *name;
	bool is_money;
} fields[] = {
    {"requests", false}, {"errors", false},        {"input", false},  {"cache_read", false},
    {"cache_5m", false}, {"cache_1h", false},      {"output", false}, {"searches", false},
    {"spent", true},     {"spent_unknown", false}, {"worth", true},   {"worth_unknown", false},
};

/* RFC 4180, 2: in quotes, with quotes within doubled, where it must be. A spreadsheet would run a
 * text that begins like a formula, and providers and clients choose names: it gets an apostrophe
 * before it. */
static void
print_field(const char *text)
{
	bool is_formula = text[0] != '\0' && strchr("=+-@", text[0]) != NULL;
	bool quoted = strpbrk(text, ",\"\r\n") != NULL;
	if (quoted)
		putchar('"');
	if (is_formula)
		putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	if (quoted)
		putchar('"');
}

static void
print_csv_header(const char *by)
{
	fputs(by, stdout);
	for (size_t i = 0; i < COUNT(fields); i++)
		printf(",%s", fields[i].name);
	fputs("\r\n", stdout);
}

static int
print_csv(json_object *report)
{
	json_object *rows = tree_get(report, "rows");
	const char *by = tree_text(report, "by"), *other = second_of(by);
	char name[PRINTABLE_SIZE], text[AMOUNT_SIZE];
	print_csv_header(by);
	for (size_t i = 0; i < tree_count(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		name_of(row, by, name);
		print_field(name);
		if (other != NULL) {
			name_of(row, other, name);
			putchar(',');
			print_field(name);
		}
		for (size_t j = 0; j < COUNT(fields); j++) {
			int64_t number = number_of(row, fields[j].name);
			if (fields[j].is_money)
				printf(",%s", amount_decimal(number, text));
			else
				printf(",%" PRId64, number);
		}
		fputs("\r\n", stdout);
	}
	if (json_object_get_boolean(tree_get(report, "cut")))
		fputs("claude-router-ctl: there are more: only the largest are printed\n", stderr);
	return EXIT_SUCCESS;
}

/* --- The command ------------------------------------------------------------ */

static bool
is_days(const char *text, uint64_t *days)
{
	return text_read_digits(&text, 3, days) && *text == '\0' && *days >= 1 &&
	       *days <= LEDGER_DAYS_MAX;
}

/* False: wrong usage, which is printed. */
static bool
read_options(const struct ctl_usage_options *o, uint64_t *days, enum ledger_by *by)
{
	char why[ERROR_TEXT_MAX] = "";
	int64_t since_ms;
	*days = LEDGER_DAYS;
	*by = LEDGER_BY_MODEL;
	if (o->days != NULL && !is_days(o->days, days))
		snprintf(why, sizeof why, "--days %.100s: must be 1 to %d", o->days,
			 LEDGER_DAYS_MAX);
	else if (o->by != NULL && !ledger_by_read(o->by, by))
		snprintf(why, sizeof why, "--by %.100s: must be " LEDGER_BY_CHOICES, o->by);
	else if (o->recost != (o->since != NULL))
		snprintf(why, sizeof why, "--recost and --since DAY go together");
	else if (o->recost && !ctl_recost_day(o->since, &since_ms))
		snprintf(why, sizeof why, "--since %.100s: must be a day, such as 2026-11-27",
			 o->since);
	else if (o->recost && (o->days != NULL || o->by != NULL || o->csv))
		snprintf(why, sizeof why, "--recost: only --since and --json go with it");
	else if (o->json && o->csv)
		snprintf(why, sizeof why, "--json or --csv, not both");
	if (why[0] != '\0')
		cli_error("claude-router-ctl", EX_USAGE, why);
	return why[0] == '\0';
}

/* Without a report there is one line; programs get what they can parse. */
static int
print_off(const struct ctl_usage_options *o)
{
	if (!o->json) {
		fputs("the ledger is off (ledger = \"off\")\n", o->csv ? stderr : stdout);
		return EXIT_SUCCESS;
	}
	json_object *off = json_object_new_object();
	tree_put(off, "ledger", json_object_new_string("off"));
	return cli_print_json("claude-router-ctl", off);
}

static int
print_report(const char *path, json_object *report, const struct ctl_usage_options *o)
{
	int status = EXIT_SUCCESS;
	if (o->json)
		return cli_print_json("claude-router-ctl", report);
	if (o->csv)
		status = print_csv(report);
	else if (access(path, F_OK) != 0)
		printf("nothing is recorded yet: %s does not exist\n", path);
	else
		status = print_table(report);
	json_object_put(report);
	return status;
}

static int
run(const struct config *config, const struct ctl_usage_options *o, struct buf *error)
{
	char path[PATH_MAX];
	uint64_t days;
	enum ledger_by by;
	if (!read_options(o, &days, &by))
		return EX_USAGE;
	if (ledger_path(config->ledger, config->state_file, path) == NULL)
		return print_off(o);
	/* SQLite makes files beside the ledger, which the responder must be able to write. */
	if (!owner_become(config->state_file, error))
		return cli_error("claude-router-ctl", EX_NOPERM, cli_why(error));
	if (o->recost)
		return ctl_recost(config, path, o->since, o->json);
	json_object *report = ledger_usage(path, clock_wall_ms(), (int)days, by, error);
	if (report == NULL)
		return cli_error("claude-router-ctl", EX_NOINPUT, cli_why(error));
	return print_report(path, report, o);
}

int
ctl_usage(const char *config_path, const struct ctl_usage_options *options)
{
	struct buf error;
	buf_init(&error, CONFIG_FILE_MAX);
	struct config *config = config_load(config_path, &error);
	int status = config == NULL ? cli_error("claude-router-ctl", EX_CONFIG, cli_why(&error))
				    : run(config, options, &error);
	config_free(config);
	buf_free(&error);
	return status;
}

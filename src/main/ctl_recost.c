/* SPDX-License-Identifier: MIT */
#include "main/ctl_recost.h"

#include "app/cli.h"
#include "config/text.h"
#include "money/amount.h"
#include "money/ledger_recost.h"
#include "json/tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static bool
read_part(const char **at, unsigned digits, char end, int *part)
{
	uint64_t value;
	const char *from = *at;
	if (!text_read_digits(at, digits, &value) || *at - from != (ptrdiff_t)digits || **at != end)
		return false;
	*at += end != '\0';
	*part = (int)value;
	return true;
}

bool
ctl_recost_day(const char *text, int64_t *at_ms)
{
	struct tm day = {.tm_isdst = -1};
	if (!read_part(&text, 4, '-', &day.tm_year) || !read_part(&text, 2, '-', &day.tm_mon) ||
	    !read_part(&text, 2, '\0', &day.tm_mday))
		return false;
	day.tm_year -= 1900;
	day.tm_mon -= 1;
	struct tm same = day;
	time_t seconds = mktime(&same);
	*at_ms = (int64_t)seconds * 1000;
	return day.tm_year >= 70 && same.tm_year == day.tm_year && same.tm_mon == day.tm_mon &&
	       same.tm_mday == day.tm_mday;
}

static json_object *
money_json(const struct ledger_money *money)
{
	json_object *o = json_object_new_object();
	tree_put(o, "before", json_object_new_int64(money->before));
	tree_put(o, "after", json_object_new_int64(money->after));
	return o;
}

static int
print_json(const struct ledger_recosted *done, const char *since)
{
	json_object *o = json_object_new_object();
	tree_put(o, "since", json_object_new_string(since));
	tree_put(o, "rows", json_object_new_int64(done->rows));
	tree_put(o, "changed", json_object_new_int64(done->changed));
	tree_put(o, "unknown", json_object_new_int64(done->unknown));
	tree_put(o, "kept", json_object_new_int64(done->kept));
	tree_put(o, "mixed", json_object_new_int64(done->mixed));
	tree_put(o, "spent", money_json(&done->spent));
	tree_put(o, "worth", money_json(&done->worth));
	return cli_print_json("claude-router-ctl", o);
}

static void
print_money(const char *name, const struct ledger_money *money)
{
	char before[AMOUNT_SIZE], after[AMOUNT_SIZE];
	printf("%s: %s before, %s now\n", name, amount_dollars(money->before, before),
	       amount_dollars(money->after, after));
}

static void
print_rest(int64_t rows, const char *why)
{
	char count[AMOUNT_SIZE];
	if (rows > 0)
		printf("%s %s\n", amount_count(rows, count), why);
}

static void
print_text(const struct ledger_recosted *done, const char *since)
{
	char rows[AMOUNT_SIZE], changed[AMOUNT_SIZE];
	printf("%s of %s rows since %s changed\n", amount_count(done->changed, changed),
	       amount_count(done->rows, rows), since);
	print_money("spent", &done->spent);
	print_money("worth", &done->worth);
	print_rest(done->unknown, "still have no price: claude-router-ctl doctor prints the lines "
				  "to add");
	print_rest(done->kept, "have no price any more, and keep the cost that they had");
	print_rest(done->mixed, "are left alone: further models took part in the response");
}

int
ctl_recost(const struct config *config, const char *path, const char *since, bool json)
{
	struct buf error;
	struct ledger_recosted done;
	int64_t since_ms = 0;
	int status = EXIT_SUCCESS;
	buf_init(&error, CONFIG_FILE_MAX);
	struct prices *prices = prices_load(config->prices_file, PRICES_SHIPPED, &error);
	if (prices == NULL || !ctl_recost_day(since, &since_ms))
		status = EX_CONFIG;
	else if (!ledger_recost(path, since_ms, prices, &done, &error))
		status = EX_NOINPUT;
	if (status != EXIT_SUCCESS)
		cli_error("claude-router-ctl", status, cli_why(&error));
	/* Also after an error: what was committed until then stays. */
	if (status != EX_CONFIG && json)
		status = print_json(&done, since) == EXIT_SUCCESS ? status : EX_IOERR;
	else if (status != EX_CONFIG)
		print_text(&done, since);
	prices_free(prices);
	buf_free(&error);
	return status;
}

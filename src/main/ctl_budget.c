/* SPDX-License-Identifier: MIT */
#include "main/ctl_budget.h"

#include "app/cli.h"
#include "base/clock.h"
#include "money/amount.h"
#include "money/caps.h"
#include "json/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* --- The list ------------------------------------------------------------- */

static double
number_of(json_object *cap, const char *name)
{
	return json_object_get_double(tree_get(cap, name));
}

static const char *
dollars(double amount, char text[static AMOUNT_SIZE])
{
	snprintf(text, AMOUNT_SIZE, "$%.2f", amount);
	return text;
}

static void
print_row(json_object *cap)
{
	char limit[AMOUNT_SIZE], used[AMOUNT_SIZE], reserved[AMOUNT_SIZE], others[AMOUNT_SIZE];
	printf("%-16s %-6s %12s %12s %12s  %s", tree_text(cap, "scope"), tree_text(cap, "period"),
	       dollars(number_of(cap, "cap"), limit), dollars(number_of(cap, "used"), used),
	       dollars(number_of(cap, "reserved"), reserved), tree_text(cap, "until"));
	if (number_of(cap, "others") > 0)
		printf("  (%s by other machines)", dollars(number_of(cap, "others"), others));
	puts("");
}

static void
print_table(json_object *caps)
{
	bool is_unsettled = false;
	if (tree_count(caps) == 0)
		puts("there is no cap: daily_cap and monthly_cap in the configuration, or key "
		     "budget NAME --daily, set one");
	else
		printf("%-16s %-6s %12s %12s %12s  %s\n", "scope", "period", "cap", "used",
		       "reserved", "until");
	for (size_t i = 0; i < tree_count(caps); i++) {
		json_object *cap = json_object_array_get_idx(caps, i);
		print_row(cap);
		is_unsettled |= number_of(cap, "unsettled") > 0;
	}
	if (is_unsettled)
		puts("\nWhat is reserved belongs to processes that were killed; claude-router-ctl "
		     "budget release\ngives it back.");
}

int
ctl_budget_list(const struct app *app, bool json)
{
	json_object *caps = caps_status(app->config, app->keys, app->state, clock_wall_ms());
	if (caps == NULL)
		return cli_error("claude-router-ctl", EX_OSERR, "out of memory");
	if (json)
		return cli_print_json("claude-router-ctl", caps);
	print_table(caps);
	json_object_put(caps);
	return EXIT_SUCCESS;
}

/* --- Giving back ---------------------------------------------------------- */

static int
release(struct app *app, const struct cap_scope *scope, const char *name)
{
	int64_t amount;
	char text[AMOUNT_SIZE];
	switch (state_budget_release(app->state, &scope->key, &amount)) {
	case BUDGET_GRANTED:
		break;
	case BUDGET_CLOSED:
		return cli_error("claude-router-ctl", EX_TEMPFAIL,
				 "the state file cannot be written");
	default:
		return cli_error(
		    "claude-router-ctl", EX_TEMPFAIL,
		    "requests are running that have reserved what they may cost, and what "
		    "is theirs is not known: try again when they have ended");
	}
	printf("%s, %s: %s given back\n", name, scope->key.kind == BUDGET_DAY ? "day" : "month",
	       amount_dollars(amount, text));
	return EXIT_SUCCESS;
}

int
ctl_budget_release(struct app *app, char *const *words)
{
	struct cap_scope scopes[CAP_SCOPES_MAX];
	char name[CAP_SCOPE_NAME_SIZE];
	const char *wanted = words[1];
	int status = EXIT_SUCCESS;
	size_t found = 0;
	if (strcmp(words[0], "release") != 0 || (wanted != NULL && words[2] != NULL))
		return cli_error("claude-router-ctl", EX_USAGE, "usage: budget [release [SCOPE]]");
	size_t n = cap_scopes_all(app->config, app->keys, clock_wall_ms(), scopes);
	for (size_t i = 0; i < n && status == EXIT_SUCCESS; i++) {
		cap_scope_name(&scopes[i], name);
		if (wanted != NULL && strcmp(wanted, name) != 0)
			continue;
		found++;
		status = release(app, &scopes[i], name);
	}
	if (wanted != NULL && found == 0)
		return cli_error("claude-router-ctl", EX_USAGE,
				 "no such scope: claude-router-ctl budget lists them");
	return status;
}

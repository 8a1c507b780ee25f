/* SPDX-License-Identifier: MIT */
/* What requests cost: the ledger, the prices, models that have none, and caps. */
#include "base/clock.h"
#include "base/path.h"
#include "doctor/checks.h"
#include "money/ledger.h"
#include "money/price.h"
#include "json/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MODELS_MAX = 8 }; /* one line of a price file often cures several */

/* --- The ledger ------------------------------------------------------- */

/* Whether the responder's user can write it, or make it. */
static void
check_rights(struct doctor *d, const char *path)
{
	const struct diagnose_user *user = &d->user;
	char directory[PATH_MAX], beside[PATH_MAX];
	bool exists = access(path, F_OK) == 0;
	path_directory(path, directory);
	if (exists && !doctor_user_may(user, path, R_OK | W_OK)) {
		report_add(&d->report, SEVERITY_WARNING, "ledger-owner",
			   "%s: the responder's user %s may not read and write it, so no usage is "
			   "recorded",
			   path, user->name);
		report_cure(&d->report, "sudo chown %s:%s %s*", user->name, user->group, path);
	}
	/* state.c reports that of the state file. */
	if (strcmp(directory, path_directory(d->app.config->state_file, beside)) == 0 ||
	    doctor_user_may(user, directory, W_OK | X_OK))
		return;
	report_add(&d->report, SEVERITY_WARNING, "ledger-directory",
		   "%s, the ledger's directory: the responder's user %s may not write there, so no "
		   "usage is recorded",
		   directory, user->name);
	report_cure(&d->report, "sudo install -d -o %s -g %s -m 0750 %s", user->name, user->group,
		    directory);
}

/* What was used in the last days, by model; NULL: there is no ledger, or it cannot be read, and
 * that is reported. */
static json_object *
read_ledger(struct doctor *d, const char *path)
{
	char directory[PATH_MAX];
	struct buf error;
	if (access(path, F_OK) == -1 && errno == ENOENT)
		return NULL;
	/* A reader writes, too: SQLite's files beside it. */
	if (access(path, R_OK) == -1 || access(path_directory(path, directory), W_OK) == -1) {
		doctor_not_allowed(d, path);
		return NULL;
	}
	buf_init(&error, ERROR_TEXT_MAX);
	json_object *usage =
	    ledger_usage(path, clock_wall_ms(), LEDGER_DAYS, LEDGER_BY_MODEL, &error);
	if (usage == NULL) {
		report_add(&d->report, SEVERITY_WARNING, "ledger-unusable", "%s",
			   error.len == 0 ? "out of memory" : error.data);
		report_cure(&d->report,
			    "name another file by ledger in the configuration, or: sudo mv %s* "
			    "/var/tmp/ (the responder makes a new one)",
			    path);
	}
	buf_free(&error);
	return usage;
}

/* What the responder itself has found out. */
static void
check_responder(struct doctor *d)
{
	json_object *ledger = tree_get(d->status, "ledger");
	const char *why = tree_text(ledger, "why");
	if (why[0] == '\0')
		return;
	report_add(&d->report, SEVERITY_WARNING, "responder-ledger",
		   "the responder records no usage: %s", doctor_shown(why).text);
	report_cure(&d->report, "fix it; rows that were dropped meanwhile are lost");
}

/* --- Prices ----------------------------------------------------------- */

static struct prices *
read_prices(struct doctor *d)
{
	struct buf errors;
	buf_init(&errors, CONFIG_FILE_MAX);
	struct prices *prices = prices_load(d->app.config->prices_file, PRICES_SHIPPED, &errors);
	const char *line = buf_text(&errors);
	while (prices == NULL && *line != '\0') {
		size_t n = strcspn(line, "\n");
		report_add(&d->report, SEVERITY_WARNING, "prices-content", "%.*s", (int)n, line);
		report_cure(&d->report, "fix it; man claude-router.conf, \"Prices\", has the form");
		line += n + (line[n] == '\n');
	}
	buf_free(&errors);
	return prices;
}

static void
check_age(struct doctor *d, const struct prices *prices)
{
	int64_t now_ms = clock_wall_ms(), checked_ms = prices_checked_at(prices);
	char date[CLOCK_RFC3339_SIZE];
	if (!diagnose_is_price_old(checked_ms, now_ms))
		return;
	clock_rfc3339(checked_ms, date);
	report_add(&d->report, SEVERITY_WARNING, "prices-old",
		   "prices were last compared with the providers' lists on %.10s", date);
	clock_rfc3339(now_ms, date);
	report_cure(&d->report,
		    "write what has changed into %s, and above it the line: checked %.10s",
		    d->app.config->prices_file, date);
}

/* Whether some line prices it: an amount can be unknown for want of tokens, too. */
static bool
has_price_at(const struct prices *prices, const char *provider, const char *model)
{
	const struct usage nothing = {0};
	const struct price_query query = {
	    .provider = provider, .model = model, .at_ms = clock_wall_ms()};
	return prices_cost(prices, &query, &nothing).is_known;
}

static bool
has_price(const struct doctor *d, const struct prices *prices, const char *model)
{
	const struct config *config = d->app.config;
	bool found = false;
	for (size_t i = 0; i < config->n_providers && !found; i++)
		found = has_price_at(prices, config->providers[i].name, model);
	return found;
}

static void
cure_price(struct doctor *d, const char *model)
{
	report_cure(&d->report, "write into %s, in dollars for 1M tokens: %s in=… read=… out=…",
		    d->app.config->prices_file, doctor_shown(model).text);
}

static bool
is_cost_unknown(json_object *row)
{
	return json_object_get_int64(tree_get(row, "spent_unknown")) > 0 ||
	       json_object_get_int64(tree_get(row, "worth_unknown")) > 0;
}

static void
check_models(struct doctor *d, const struct prices *prices, json_object *usage)
{
	json_object *rows = tree_get(usage, "rows");
	unsigned found = 0;
	for (size_t i = 0; i < tree_count(rows) && found < MODELS_MAX; i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		const char *model = tree_text(row, "model");
		if (model[0] == '\0' || !is_cost_unknown(row) || has_price(d, prices, model))
			continue;
		found++;
		report_add(&d->report, SEVERITY_WARNING, "price-missing",
			   "%s was used in the last %d days and has no price, so what it cost is "
			   "unknown",
			   doctor_shown(model).text, LEDGER_DAYS);
		cure_price(d, model);
	}
}

/* --- Caps ------------------------------------------------------------- */

/* Where a cap binds, a model without a price is not admitted. */
static void
check_cap(struct doctor *d, const struct prices *prices, const struct provider *p)
{
	for (size_t i = 0; i < p->n_models; i++)
		for (size_t k = 0; k < p->models[i].n_names; k++) {
			const char *model = p->models[i].names[k];
			if (has_price_at(prices, p->name, model))
				continue;
			report_add(&d->report, SEVERITY_WARNING, "cap-price",
				   "%s has a cap, and its model %s no price, so no request is sent "
				   "to that model",
				   p->name, doctor_shown(model).text);
			cure_price(d, model);
			return;
		}
}

static void
check_caps(struct doctor *d, const struct prices *prices)
{
	const struct config *config = d->app.config;
	for (size_t i = 0; i < config->n_providers; i++) {
		const struct provider *p = &config->providers[i];
		bool is_billed = p->enabled && p->paid && d->app.tokens != NULL &&
				 tokens_get(d->app.tokens, p->name) != NULL;
		if (!is_billed)
			continue;
		if (config->daily_cap > 0 || config->monthly_cap > 0 || p->daily_cap > 0 ||
		    p->monthly_cap > 0) {
			check_cap(d, prices, p);
			continue;
		}
		report_add(&d->report, SEVERITY_NOTE, "cap-none",
			   "%s costs money, and nothing limits how much", p->name);
		report_cure(&d->report,
			    "write into the configuration, in dollars: daily_cap = \"5\"");
	}
}

void
doctor_check_money(struct doctor *d)
{
	const struct config *config = d->app.config;
	char path[PATH_MAX];
	json_object *usage = NULL;
	if (config == NULL)
		return;
	if (ledger_path(config->ledger, config->state_file, path) != NULL) {
		check_rights(d, path);
		usage = read_ledger(d, path);
		check_responder(d);
	}
	struct prices *prices = read_prices(d);
	if (prices != NULL) {
		check_age(d, prices);
		check_models(d, prices, usage);
		check_caps(d, prices);
	}
	prices_free(prices);
	json_object_put(usage);
}

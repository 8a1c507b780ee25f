/* SPDX-License-Identifier: MIT */
/* What was spent before a cap could count it: of a state file that is made anew, of a cap that is
 * new or was off for a while, or had counted in days to come. The ledger knows most of it: not what
 * is not written yet. */
#include "base/log.h"
#include "money/amount.h"
#include "money/caps.h"
#include "money/ledger.h"

#include <string.h>

struct sums {
	struct cap_scope scopes[CAP_SCOPES_MAX];
	int64_t today[CAP_SCOPES_MAX], month[CAP_SCOPES_MAX];
	size_t n;
};

static bool
is_of(const struct cap_scope *s, const char *provider, const char *client)
{
	return s->client != NULL     ? strcmp(s->client, client) == 0
	       : s->provider != NULL ? strcmp(s->provider->name, provider) == 0
				     : true;
}

static void
add_spent(void *arg, const char *provider, const char *client, int64_t today, int64_t month)
{
	struct sums *sums = arg;
	for (size_t i = 0; i < sums->n; i++) {
		if (!is_of(&sums->scopes[i], provider, client))
			continue;
		sums->today[i] += today;
		sums->month[i] += month;
	}
}

static void
log_begun(const char *name, const struct budget_begun *begun)
{
	char today[AMOUNT_SIZE], month[AMOUNT_SIZE];
	if (begun->raised[BUDGET_DAY] == 0 && begun->raised[BUDGET_MONTH] == 0 && !begun->was_ahead)
		return;
	log_line(LOG_NOTICE, "cap %s: %s%s of today and %s of this month are taken from the ledger",
		 name, begun->was_ahead ? "the clock was far ahead, and it begins anew: " : "",
		 amount_dollars(begun->raised[BUDGET_DAY], today),
		 amount_dollars(begun->raised[BUDGET_MONTH], month));
}

/* Begins one scope. True: nothing was known of it, or of today. */
static bool
begin(struct state *state, const struct sums *sums, size_t i, bool anew, int64_t now_ms)
{
	const struct cap_scope *s = &sums->scopes[i];
	const struct budget_start start[BUDGET_KINDS] = {
	    [BUDGET_DAY] = {cap_scope_period(BUDGET_DAY, now_ms), sums->today[i], anew},
	    [BUDGET_MONTH] = {cap_scope_period(BUDGET_MONTH, now_ms), sums->month[i], anew},
	};
	struct budget_begun begun;
	char name[CAP_SCOPE_NAME_SIZE];
	bool is_new = state_budget_may_begin(state, s->key.scope);
	if (state_budget_begin(state, s->key.scope, start, &begun) == BUDGET_FULL)
		log_line(LOG_ERR,
			 "cap %s: the state file has no room for it beside %d others, so what it "
			 "binds is not asked; with that file removed while no responder runs, "
			 "they begin with what the ledger has",
			 cap_scope_name(s, name), STATE_SCOPES);
	log_begun(cap_scope_name(s, name), &begun);
	return is_new || begun.was_ahead;
}

void
caps_begin(const struct config *config, const struct keys *keys, struct state *state,
	   const char *ledger, bool anew, int64_t now_ms)
{
	struct sums sums = {.n = cap_scopes_all(config, keys, now_ms, sums.scopes)};
	struct buf error;
	bool any_new = false;
	if (sums.n == 0)
		return;
	buf_init(&error, ERROR_TEXT_MAX);
	bool is_read = ledger != NULL && ledger_spent(ledger, now_ms, add_spent, &sums, &error);
	for (size_t i = 0; i < sums.n; i++)
		if (i == 0 || sums.scopes[i].key.scope != sums.scopes[i - 1].key.scope)
			any_new |= begin(state, &sums, i, anew, now_ms);
	if (!is_read && any_new)
		log_line(LOG_NOTICE, "caps begin at $0.00: what was spent before is not known (%s)",
			 ledger == NULL   ? "ledger = \"off\""
			 : error.len == 0 ? "out of memory"
					  : error.data);
	buf_free(&error);
}

bool
caps_have_begun(const struct config *config, const struct keys *keys, const struct state *state,
		int64_t now_ms)
{
	struct cap_scope scopes[CAP_SCOPES_MAX];
	size_t n = cap_scopes_all(config, keys, now_ms, scopes);
	for (size_t i = 0; i < n; i++)
		if (state_budget_may_begin(state, scopes[i].key.scope))
			return false;
	return true;
}

bool
caps_are_ahead(const struct config *config, const struct keys *keys, const struct state *state,
	       int64_t now_ms)
{
	struct cap_scope scopes[CAP_SCOPES_MAX];
	size_t n = cap_scopes_all(config, keys, now_ms, scopes);
	for (size_t i = 0; i < n; i++)
		if (state_budget_is_ahead(state, &scopes[i].key))
			return true;
	return false;
}

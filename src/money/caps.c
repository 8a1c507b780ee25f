/* SPDX-License-Identifier: MIT */
#include "money/caps.h"

#include "base/clock.h"
#include "base/count.h"
#include "money/amount.h"
#include "json/tree.h"

#include <stdio.h>

#define SOON_MS 5000 /* when a running request may have given back what it reserved */

static const char *const period_names[] = {[BUDGET_DAY] = "daily", [BUDGET_MONTH] = "monthly"};
static const char *const this_period[] = {[BUDGET_DAY] = "today", [BUDGET_MONTH] = "this month"};

static bool
is_closed(const struct caps_query *query)
{
	return query->config->share_caps == SHARE_CAPS_CLOSED;
}

/* The scopes that bind a request to the provider. */
static size_t
find_scopes(const struct caps_query *query, struct cap_scope scopes[static CAPS_SCOPES])
{
	return cap_scopes_binding(query->config, query->provider, &query->client, query->now_ms,
				  scopes);
}

bool
caps_bind(const struct caps_query *query)
{
	struct cap_scope scopes[CAPS_SCOPES];
	return query->provider->paid && find_scopes(query, scopes) > 0;
}

/* --- Whether it fits ------------------------------------------------------ */

/* "alice's budget for today ($2.00) is used up": for the client (no_provider.h), who cannot change
 * anything at a provider. */
static void
refuse_client(struct caps_refusal *r, const struct cap_scope *s, const char *cap, int64_t spent)
{
	const char *period = this_period[s->key.kind];
	if (r->reason == CAPS_AWAY)
		snprintf(r->text, sizeof r->text,
			 "%s has to wait: of the budget for %s (%s) this machine can take no more "
			 "while it is alone",
			 s->client, period, cap);
	else if (r->reason == CAPS_RESERVED)
		snprintf(r->text, sizeof r->text,
			 "%s has to wait: running requests have reserved the rest of the budget "
			 "for %s (%s)",
			 s->client, period, cap);
	else
		snprintf(r->text, sizeof r->text, "%s's budget for %s (%s) %s", s->client, period,
			 cap, spent < s->cap ? "has too little left" : "is used up");
}

/* The same for the operator. */
static void
refuse_provider(struct caps_refusal *r, const struct caps_query *query, const struct cap_scope *s,
		const char *cap, int64_t spent)
{
	const char *name = query->provider->name, *period = period_names[s->key.kind];
	const char *its = s->provider == NULL ? "the" : "its";
	char when[CLOCK_SHORT_SIZE], all[AMOUNT_SIZE];
	clock_short(s->until_ms, query->now_ms, when);
	if (r->reason == CAPS_AWAY)
		snprintf(r->text, sizeof r->text,
			 "%s has to wait: of %s %s cap (%s) this machine can take no more while "
			 "it is not connected to the server at share",
			 name, its, period, cap);
	else if (r->reason == CAPS_RESERVED)
		snprintf(
		    r->text, sizeof r->text,
		    "%s has to wait: running requests have reserved the rest of %s %s cap (%s)",
		    name, its, period, cap);
	else if (is_closed(query))
		snprintf(r->text, sizeof r->text,
			 "%s has too little left of %s %s cap (%s), of which all machines have "
			 "spent %s, until %s",
			 name, its, period, cap, amount_dollars(spent, all), when);
	else if (s->provider == NULL)
		snprintf(r->text, sizeof r->text,
			 "%s costs money, and the %s cap of all providers (%s) is used, until %s",
			 name, period, cap, when);
	else
		snprintf(r->text, sizeof r->text, "%s has used its %s cap (%s), until %s", name,
			 period, cap, when);
}

/* Of several, that which lasts longest. */
static void
refuse(struct caps_refusal *r, const struct caps_query *query, const struct cap_scope *s,
       enum caps_reason reason, int64_t spent)
{
	char cap[AMOUNT_SIZE];
	int64_t until_ms = reason == CAPS_SPENT ? s->until_ms : query->now_ms + SOON_MS;
	if (r->refuses && r->until_ms >= until_ms)
		return;
	*r = (struct caps_refusal){.refuses = true,
				   .until_ms = until_ms,
				   .is_of_client = s->client != NULL,
				   .reason = reason};
	amount_dollars(s->cap, cap);
	if (s->client != NULL)
		refuse_client(r, s, cap, spent);
	else
		refuse_provider(r, query, s, cap, spent);
}

/* Whether all of a cap is spent; of one that machines share, by them, or all but too little. */
static bool
is_spent(const struct caps_query *query, const struct cap_scope *s, const struct budget *budget,
	 int64_t spent)
{
	int64_t bound = query->bound == CAPS_WANTED ? budget->wanted : query->bound;
	return spent >= s->cap || (is_closed(query) && spent + bound > s->cap);
}

/* Whether a scope refuses, as it is. */
static void
check_scope(struct caps_refusal *r, const struct caps_query *query, const struct cap_scope *s,
	    const struct budget *budget)
{
	int64_t spent = budget->settled + (is_closed(query) ? budget->others : 0);
	if (is_spent(query, s, budget, spent))
		refuse(r, query, s, CAPS_SPENT, spent);
	else if (budget->held >= s->cap)
		refuse(r, query, s, CAPS_RESERVED, spent);
	else if (is_closed(query) && budget->held >= budget->part &&
		 !state_share_is_connected(query->state))
		refuse(r, query, s, CAPS_AWAY, spent);
}

static bool
has_price(const struct caps_query *query)
{
	const struct price_query price = {
	    .provider = query->provider->name, .model = query->model, .at_ms = query->now_ms};
	const struct price_request nothing = {0};
	return query->prices == NULL || query->model[0] == '\0' ||
	       prices_bound(query->prices, &price, &nothing).is_known;
}

void
caps_check(const struct caps_query *query, struct caps_refusal *r)
{
	struct cap_scope scopes[CAPS_SCOPES];
	r->refuses = false;
	if (!query->provider->paid)
		return;
	const char *name = query->provider->name;
	size_t n = find_scopes(query, scopes);
	for (size_t i = 0; i < n; i++) {
		struct budget budget;
		enum budget_result found = state_budget(query->state, &scopes[i].key, &budget);
		if (found != BUDGET_GRANTED) {
			*r = (struct caps_refusal){.refuses = true};
			snprintf(r->text, sizeof r->text,
				 found == BUDGET_FULL
				     ? "%s has a cap, and the state file has no room for one more"
				     : "%s has a cap, and there is no shared state file to keep it",
				 name);
			return;
		}
		check_scope(r, query, &scopes[i], &budget);
	}
	if (n == 0 || r->refuses || has_price(query))
		return;
	*r = (struct caps_refusal){.refuses = true};
	snprintf(r->text, sizeof r->text,
		 "%s has a cap, and no price for %s: add a line to prices_file", name,
		 query->model);
}

/* --- Reserving and settling ----------------------------------------------- */

enum caps_result
caps_reserve(const struct caps_query *query, struct state *state, const struct cost *bound,
	     struct caps_claims *claims, struct budget_want *want)
{
	struct cap_scope scopes[CAPS_SCOPES];
	*claims = (struct caps_claims){.bound = bound->nano_usd};
	*want = (struct budget_want){.cap = 0};
	size_t n = query->provider->paid ? find_scopes(query, scopes) : 0;
	bool fits = n == 0 || (bound->is_known && bound->nano_usd <= BUDGET_MAX);
	enum budget_result result = fits ? BUDGET_GRANTED : BUDGET_USED;
	for (size_t i = 0; i < n && result == BUDGET_GRANTED; i++) {
		const struct cap_scope *s = &scopes[i];
		struct budget_claim *claim = &claims->claims[i];
		*want = (struct budget_want){s->key, s->cap, claims->bound};
		result =
		    is_closed(query)
			? state_budget_reserve_part(state, &s->key, s->cap, claims->bound, claim)
			: state_budget_reserve(state, &s->key, s->cap, claims->bound, claim);
		claims->n += result == BUDGET_GRANTED;
	}
	if (result != BUDGET_GRANTED)
		caps_settle(state, claims, 0);
	return result == BUDGET_GRANTED ? CAPS_GRANTED
	       : result == BUDGET_PART  ? CAPS_NEED_PART
					: CAPS_REFUSED;
}

bool
caps_lack(const struct config *config, struct state *state, const struct budget_want *want)
{
	return config->share_caps == SHARE_CAPS_CLOSED && state_budget_lacks(state, want);
}

void
caps_settle(struct state *state, struct caps_claims *claims, int64_t cost)
{
	for (size_t i = 0; i < claims->n; i++)
		state_budget_settle(state, &claims->claims[i], cost < 0 ? claims->bound : cost);
	*claims = (struct caps_claims){0};
}

/* --- Reports -------------------------------------------------------------- */

static void
notice(const struct cap_scope *s, unsigned percent, int64_t now_ms,
       char sentence[static ERROR_TEXT_MAX])
{
	char cap[AMOUNT_SIZE], when[CLOCK_SHORT_SIZE];
	amount_dollars(s->cap, cap);
	clock_short(s->until_ms, now_ms, when);
	if (s->client != NULL)
		snprintf(sentence, ERROR_TEXT_MAX,
			 "client %s has used %u %% of the budget for %s (%s), until %s", s->client,
			 percent, this_period[s->key.kind], cap, when);
	else
		snprintf(sentence, ERROR_TEXT_MAX, "%s used %u %% of %s %s cap (%s), until %s",
			 s->provider == NULL ? "all providers have" : s->provider->name, percent,
			 s->provider == NULL ? "the" : "its", period_names[s->key.kind], cap, when);
}

bool
caps_notice(const struct caps_query *query, struct state *state,
	    char sentence[static ERROR_TEXT_MAX])
{
	static const unsigned levels[] = {100, 80, 50};
	struct cap_scope scopes[CAPS_SCOPES];
	size_t n = find_scopes(query, scopes);
	for (size_t i = 0; i < n; i++) {
		const struct cap_scope *s = &scopes[i];
		struct budget budget;
		state_budget(state, &s->key, &budget);
		for (size_t k = 0; k < COUNT(levels); k++) {
			if (budget.settled * 100 < s->cap * levels[k])
				continue;
			if (!state_budget_notice(state, &s->key, levels[k]))
				break; /* the lower ones have been reached before it */
			notice(s, levels[k], query->now_ms, sentence);
			return true;
		}
	}
	return false;
}

static json_object *
dollars(int64_t nano_usd)
{
	return json_object_new_double((double)nano_usd / 1e9);
}

size_t
caps_uses(const struct config *config, const struct state *state, int64_t now_ms,
	  struct caps_use uses[static CAPS_USES_MAX])
{
	struct cap_scope scopes[CAP_SCOPES_MAX];
	size_t n = cap_scopes_all(config, NULL, now_ms, scopes);
	_Static_assert(CAPS_USES_MAX <= CAP_SCOPES_MAX, "each has room");
	for (size_t i = 0; i < n; i++) {
		const struct cap_scope *s = &scopes[i];
		struct budget budget;
		state_budget(state, &s->key, &budget);
		uses[i] = (struct caps_use){
		    .scope = s->provider == NULL ? "all" : s->provider->name,
		    .period = s->key.kind == BUDGET_DAY ? "day" : "month",
		    .cap = s->cap,
		    .used = budget.settled,
		    .reserved = budget.held > budget.settled ? budget.held - budget.settled : 0,
		};
	}
	return n;
}

static void
add_status(json_object *list, const struct cap_scope *s, const struct state *state, bool is_idle,
	   bool is_shared)
{
	struct budget budget;
	char until[CLOCK_RFC3339_SIZE], name[CAP_SCOPE_NAME_SIZE];
	json_object *o = json_object_new_object();
	state_budget(state, &s->key, &budget);
	int64_t reserved = budget.held > budget.settled ? budget.held - budget.settled : 0;
	tree_put(o, "scope", json_object_new_string(cap_scope_name(s, name)));
	tree_put(o, "period", json_object_new_string(s->key.kind == BUDGET_DAY ? "day" : "month"));
	tree_put(o, "cap", dollars(s->cap));
	tree_put(o, "used", dollars(budget.settled));
	tree_put(o, "reserved", dollars(reserved));
	if (is_idle)
		tree_put(o, "unsettled", dollars(reserved));
	else
		tree_put_null(o, "unsettled");
	if (is_shared) {
		tree_put(o, "part", dollars(budget.part));
		tree_put(o, "others", dollars(budget.others));
	}
	tree_put(o, "until", json_object_new_string(clock_rfc3339(s->until_ms, until)));
	tree_add(list, o);
}

json_object *
caps_status(const struct config *config, const struct keys *keys, const struct state *state,
	    int64_t now_ms)
{
	struct cap_scope scopes[CAP_SCOPES_MAX];
	json_object *list = json_object_new_array();
	size_t n = cap_scopes_all(config, keys, now_ms, scopes);
	bool is_idle = n > 0 && state_budget_is_idle(state);
	for (size_t i = 0; list != NULL && i < n; i++)
		add_status(list, &scopes[i], state, is_idle,
			   config->share_caps == SHARE_CAPS_CLOSED);
	return list;
}

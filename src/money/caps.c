/* SPDX-License-Identifier: MIT */
#include "money/caps.h"

#include "base/clock.h"
#include "base/count.h"
#include "money/amount.h"
#include "json/tree.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SOON_MS 5000 /* when a running request may have given back what it reserved */

/* --- Scopes and periods --------------------------------------------------- */

struct scope {
	const struct provider *provider; /* NULL: all */
	int64_t cap;
	struct budget_key key;
	int64_t until_ms;
};

static const char *const period_names[] = {[BUDGET_DAY] = "daily", [BUDGET_MONTH] = "monthly"};

/* The number of the local day or month, and when it ends. */
static uint32_t
period_at(int64_t now_ms, enum budget_kind kind, int64_t *until_ms)
{
	time_t now = (time_t)(now_ms / 1000);
	struct tm local;
	if (localtime_r(&now, &local) == NULL)
		memset(&local, 0, sizeof local);
	struct tm day = {
	    .tm_year = local.tm_year, .tm_mon = local.tm_mon, .tm_mday = local.tm_mday};
	struct tm next = {.tm_year = local.tm_year, .tm_mon = local.tm_mon, .tm_isdst = -1};
	next.tm_mon += kind == BUDGET_MONTH;
	next.tm_mday = kind == BUDGET_MONTH ? 1 : local.tm_mday + 1;
	*until_ms = (int64_t)mktime(&next) * 1000;
	int64_t number = kind == BUDGET_MONTH ? (local.tm_year - 70) * 12 + local.tm_mon
					      : (int64_t)timegm(&day) / 86400;
	return number < 0 ? 1 : number > UINT16_MAX - 1 ? UINT16_MAX : (uint32_t)number + 1;
}

static size_t
add_scopes(struct scope *scopes, size_t n, const struct provider *provider, const int64_t *caps,
	   int64_t now_ms)
{
	for (enum budget_kind kind = BUDGET_DAY; kind < BUDGET_KINDS; kind++) {
		if (caps[kind] == 0)
			continue;
		struct scope *s = &scopes[n++];
		*s = (struct scope){.provider = provider, .cap = caps[kind]};
		s->key.scope = provider == NULL ? BUDGET_ALL : provider->id;
		s->key.kind = kind;
		s->key.period = period_at(now_ms, kind, &s->until_ms);
	}
	return n;
}

static size_t
add_root(struct scope *scopes, const struct config *config, int64_t now_ms)
{
	const int64_t caps[] = {config->daily_cap, config->monthly_cap};
	return add_scopes(scopes, 0, NULL, caps, now_ms);
}

static size_t
add_provider(struct scope *scopes, size_t n, const struct provider *p, int64_t now_ms)
{
	const int64_t caps[] = {p->daily_cap, p->monthly_cap};
	return add_scopes(scopes, n, p, caps, now_ms);
}

/* The scopes that bind a request to the provider. */
static size_t
find_scopes(const struct caps_query *query, struct scope scopes[static CAPS_SCOPES])
{
	size_t n = add_root(scopes, query->config, query->now_ms);
	return add_provider(scopes, n, query->provider, query->now_ms);
}

bool
caps_bind(const struct config *config, const struct provider *p)
{
	return p->paid &&
	       (config->daily_cap | config->monthly_cap | p->daily_cap | p->monthly_cap) != 0;
}

/* --- Whether it fits ------------------------------------------------------ */

static void
refuse(struct caps_refusal *r, const struct caps_query *query, const struct scope *s,
       bool is_reserved)
{
	const char *name = query->provider->name, *period = period_names[s->key.kind];
	char cap[AMOUNT_SIZE], when[CLOCK_SHORT_SIZE];
	int64_t until_ms = is_reserved ? query->now_ms + SOON_MS : s->until_ms;
	if (r->refuses && r->until_ms >= until_ms)
		return;
	r->refuses = true;
	r->until_ms = until_ms;
	amount_dollars(s->cap, cap);
	clock_short(s->until_ms, query->now_ms, when);
	if (is_reserved)
		snprintf(
		    r->text, sizeof r->text,
		    "%s has to wait: running requests have reserved the rest of %s %s cap (%s)",
		    name, s->provider == NULL ? "the" : "its", period, cap);
	else if (s->provider == NULL)
		snprintf(r->text, sizeof r->text,
			 "%s costs money, and the %s cap of all providers (%s) is used, until %s",
			 name, period, cap, when);
	else
		snprintf(r->text, sizeof r->text, "%s has used its %s cap (%s), until %s", name,
			 period, cap, when);
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
	struct scope scopes[CAPS_SCOPES];
	r->refuses = false;
	if (!caps_bind(query->config, query->provider))
		return;
	const char *name = query->provider->name;
	size_t n = find_scopes(query, scopes);
	for (size_t i = 0; i < n; i++) {
		struct budget budget;
		if (state_budget(query->state, &scopes[i].key, &budget) != BUDGET_GRANTED) {
			*r = (struct caps_refusal){.refuses = true};
			snprintf(r->text, sizeof r->text,
				 "%s has a cap, and there is no shared state file to keep it",
				 name);
			return;
		}
		if (budget.held >= scopes[i].cap)
			refuse(r, query, &scopes[i], budget.settled < scopes[i].cap);
	}
	if (r->refuses || has_price(query))
		return;
	*r = (struct caps_refusal){.refuses = true};
	snprintf(r->text, sizeof r->text,
		 "%s has a cap, and no price for %s: add a line to prices_file", name,
		 query->model);
}

/* --- Reserving and settling ----------------------------------------------- */

bool
caps_reserve(const struct caps_query *query, struct state *state, const struct cost *bound,
	     struct caps_claims *claims)
{
	struct scope scopes[CAPS_SCOPES];
	*claims = (struct caps_claims){.bound = bound->nano_usd};
	if (!caps_bind(query->config, query->provider))
		return true;
	bool fits = bound->is_known && bound->nano_usd <= BUDGET_MAX;
	size_t n = find_scopes(query, scopes);
	for (size_t i = 0; i < n && fits; i++) {
		fits = state_budget_reserve(state, &scopes[i].key, scopes[i].cap, claims->bound,
					    &claims->claims[i]) == BUDGET_GRANTED;
		claims->n += fits;
	}
	if (!fits)
		caps_settle(state, claims, 0);
	return fits;
}

void
caps_settle(struct state *state, struct caps_claims *claims, int64_t cost)
{
	for (size_t i = 0; i < claims->n; i++)
		state_budget_settle(state, &claims->claims[i], cost < 0 ? claims->bound : cost);
	*claims = (struct caps_claims){0};
}

/* --- Reports -------------------------------------------------------------- */

bool
caps_notice(const struct caps_query *query, struct state *state,
	    char sentence[static ERROR_TEXT_MAX])
{
	static const unsigned levels[] = {100, 80, 50};
	struct scope scopes[CAPS_SCOPES];
	size_t n = find_scopes(query, scopes);
	for (size_t i = 0; i < n; i++) {
		const struct scope *s = &scopes[i];
		struct budget budget;
		char cap[AMOUNT_SIZE], when[CLOCK_SHORT_SIZE];
		state_budget(state, &s->key, &budget);
		for (size_t k = 0; k < COUNT(levels); k++) {
			if (budget.settled * 100 < s->cap * levels[k])
				continue;
			if (!state_budget_notice(state, &s->key, levels[k]))
				break; /* the lower ones have been reached before it */
			amount_dollars(s->cap, cap);
			snprintf(sentence, ERROR_TEXT_MAX,
				 "%s used %u %% of %s %s cap (%s), until %s",
				 s->provider == NULL ? "all providers have" : query->provider->name,
				 levels[k], s->provider == NULL ? "the" : "its",
				 period_names[s->key.kind], cap,
				 clock_short(s->until_ms, query->now_ms, when));
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

static void
add_status(json_object *list, const struct scope *s, const struct state *state)
{
	struct budget budget;
	char until[CLOCK_RFC3339_SIZE];
	json_object *o = json_object_new_object();
	state_budget(state, &s->key, &budget);
	int64_t reserved = budget.held > budget.settled ? budget.held - budget.settled : 0;
	tree_put(o, "scope",
		 json_object_new_string(s->provider == NULL ? "all" : s->provider->name));
	tree_put(o, "period", json_object_new_string(s->key.kind == BUDGET_DAY ? "day" : "month"));
	tree_put(o, "cap", dollars(s->cap));
	tree_put(o, "used", dollars(budget.settled));
	tree_put(o, "reserved", dollars(reserved));
	tree_put(o, "until", json_object_new_string(clock_rfc3339(s->until_ms, until)));
	tree_add(list, o);
}

json_object *
caps_status(const struct config *config, const struct state *state, int64_t now_ms)
{
	struct scope scopes[2 * (PROVIDERS_MAX + 1)];
	json_object *list = json_object_new_array();
	size_t n = add_root(scopes, config, now_ms);
	_Static_assert(PROVIDERS_MAX + 1 <= STATE_SCOPES, "each has room in the state file");
	for (size_t i = 0; i < config->n_providers; i++)
		n = add_provider(scopes, n, &config->providers[i], now_ms);
	for (size_t i = 0; list != NULL && i < n; i++)
		add_status(list, &scopes[i], state);
	return list;
}

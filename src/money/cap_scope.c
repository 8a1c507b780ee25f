/* SPDX-License-Identifier: MIT */
#include "money/cap_scope.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

_Static_assert(1 + PROVIDERS_MAX + KEY_BUDGETS_MAX <= STATE_SCOPES,
	       "each has room in the state file");

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

uint32_t
cap_scope_period(enum budget_kind kind, int64_t now_ms)
{
	int64_t until_ms;
	return period_at(now_ms, kind, &until_ms);
}

/* Adds the day and the month of a scope, those with a cap: of each, this machine's part. */
static size_t
add(struct cap_scope *scopes, size_t n, const struct config *config, const struct cap_scope *of,
    const int64_t *caps, int64_t now_ms)
{
	bool is_split = config->share_caps == SHARE_CAPS_SPLIT && config->share_hosts > 0;
	unsigned hosts = is_split ? config->share_hosts : 1;
	for (enum budget_kind kind = BUDGET_DAY; kind < BUDGET_KINDS; kind++) {
		if (caps[kind] == 0)
			continue;
		struct cap_scope *s = &scopes[n++];
		*s = *of;
		s->cap = caps[kind] / hosts;
		s->key.kind = kind;
		s->key.period = period_at(now_ms, kind, &s->until_ms);
	}
	return n;
}

static size_t
add_root(struct cap_scope *scopes, const struct config *config, int64_t now_ms)
{
	const int64_t caps[] = {config->daily_cap, config->monthly_cap};
	const struct cap_scope all = {.key.scope = BUDGET_ALL};
	return add(scopes, 0, config, &all, caps, now_ms);
}

static size_t
add_provider(struct cap_scope *scopes, size_t n, const struct config *config,
	     const struct provider *p, int64_t now_ms)
{
	const int64_t caps[] = {p->daily_cap, p->monthly_cap};
	const struct cap_scope its = {.provider = p, .key.scope = p->id};
	return add(scopes, n, config, &its, caps, now_ms);
}

static size_t
add_client(struct cap_scope *scopes, size_t n, const struct config *config, const char *name,
	   const struct key_budget *budget, int64_t now_ms)
{
	const int64_t caps[] = {budget->daily_cap, budget->monthly_cap};
	char text[CAP_SCOPE_NAME_SIZE];
	struct cap_scope its = {.client = name};
	if (name == NULL || name[0] == '\0')
		return n;
	its.key.scope = digest_name(cap_scope_name(&its, text));
	return add(scopes, n, config, &its, caps, now_ms);
}

size_t
cap_scopes_binding(const struct config *config, const struct provider *provider,
		   const struct cap_client *client, int64_t now_ms,
		   struct cap_scope scopes[static CAP_SCOPES_BINDING])
{
	size_t n = add_root(scopes, config, now_ms);
	n = add_provider(scopes, n, config, provider, now_ms);
	return add_client(scopes, n, config, client->name, &client->budget, now_ms);
}

size_t
cap_scopes_all(const struct config *config, const struct keys *keys, int64_t now_ms,
	       struct cap_scope scopes[static CAP_SCOPES_MAX])
{
	size_t n = add_root(scopes, config, now_ms);
	for (size_t i = 0; i < config->n_providers; i++)
		n = add_provider(scopes, n, config, &config->providers[i], now_ms);
	for (size_t i = 0; i < keys_count(keys); i++) {
		const struct key *key = keys_at(keys, i);
		n = add_client(scopes, n, config, key->name, &key->budget, now_ms);
	}
	return n;
}

const char *
cap_scope_name(const struct cap_scope *scope, char text[static CAP_SCOPE_NAME_SIZE])
{
	if (scope->client != NULL)
		snprintf(text, CAP_SCOPE_NAME_SIZE, "key:%s", scope->client);
	else
		snprintf(text, CAP_SCOPE_NAME_SIZE, "%s",
			 scope->provider == NULL ? "all" : scope->provider->name);
	return text;
}

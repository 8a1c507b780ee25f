/* SPDX-License-Identifier: MIT */
#include "route/learned.h"

#include "base/clock.h"
#include "dialect/dialect.h"

#include <stdio.h>
#include <string.h>

static uint64_t
fact_key(uint64_t subject, uint64_t own_account)
{
	uint64_t key =
	    own_account == 0 ? subject : (subject ^ own_account) * UINT64_C(0x9e3779b97f4a7c15);
	return key == 0 ? 1 : key;
}

size_t
learned_first(const struct state *state, const struct provider *provider, const char *model,
	      uint64_t own_account)
{
	const struct model_rule *rule = config_model_rule(provider, model);
	if (rule == NULL)
		return 0;
	uint64_t worked = state_model(state, fact_key(rule->id, own_account), clock_wall_ms());
	return worked < rule->n_names ? (size_t)worked : 0;
}

const char *
learned_name_at(const struct provider *provider, const char *model, size_t first, size_t next)
{
	const struct model_rule *rule = config_model_rule(provider, model);
	if (rule == NULL || next >= rule->n_names)
		return NULL;
	return rule->names[(first + next) % rule->n_names];
}

const char *
learned_name(const struct state *state, const struct provider *provider, const char *model,
	     uint64_t own_account, size_t next)
{
	size_t first = learned_first(state, provider, model, own_account);
	return learned_name_at(provider, model, first, next);
}

bool
learned_name_worked(struct state *state, const struct provider *provider, const char *model,
		    uint64_t own_account, const char *name)
{
	const struct model_rule *rule = config_model_rule(provider, model);
	for (size_t i = 0; rule != NULL && i < rule->n_names; i++)
		if (strcmp(rule->names[i], name) == 0) {
			state_model_put(state, fact_key(rule->id, own_account), i, clock_wall_ms());
			return true;
		}
	return false;
}

static uint64_t
quirks_key(const struct provider *provider, const char *name, uint64_t own_account)
{
	char text[PROVIDER_NAME_MAX + MODEL_NAME_MAX + sizeof "quirks//"];
	snprintf(text, sizeof text, "quirks/%s/%s", provider->name, name);
	return fact_key(digest_name(text), own_account);
}

unsigned
learned_quirks(const struct state *state, const struct provider *provider, const char *name,
	       uint64_t own_account)
{
	return (unsigned)state_model(state, quirks_key(provider, name, own_account),
				     clock_wall_ms()) &
	       QUIRKS_REMEMBERED;
}

void
learned_quirks_worked(struct state *state, const struct provider *provider, const char *name,
		      uint64_t own_account, unsigned quirks)
{
	if ((quirks & QUIRKS_REMEMBERED) != learned_quirks(state, provider, name, own_account))
		state_model_put(state, quirks_key(provider, name, own_account),
				quirks & QUIRKS_REMEMBERED, clock_wall_ms());
}

/* SPDX-License-Identifier: MIT */
#include "route/candidates.h"

#include "base/clock.h"
#include "dialect/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct health_key
candidates_account_key(const struct state *state, const struct provider *provider,
		       const char *credential)
{
	return (struct health_key){.provider = provider->id,
				   .account = state_name(state, credential)};
}

uint64_t
model_family_id(const char *model)
{
	char family[MODEL_NAME_MAX];
	message_family(model, family);
	return family[0] == '\0' ? 0 : digest_name(family);
}

/* What one account taught is none of another's business: its plan may know other
 * names, and its requests are its own. */
static uint64_t
memory_key(uint64_t subject, uint64_t own)
{
	uint64_t key = own == 0 ? subject : (subject ^ own) * UINT64_C(0x9e3779b97f4a7c15);
	return key == 0 ? 1 : key;
}

size_t
learned_first_name(const struct state *state, const struct provider *provider, const char *model,
		   uint64_t own)
{
	const struct model_rule *rule = config_model_rule(provider, model);
	if (rule == NULL)
		return 0;
	uint64_t worked = state_model(state, memory_key(rule->id, own), clock_wall_ms());
	return worked < rule->n_names ? (size_t)worked : 0;
}

const char *
learned_next_name(const struct provider *provider, const char *model, size_t first, size_t next)
{
	const struct model_rule *rule = config_model_rule(provider, model);
	if (rule == NULL || next >= rule->n_names)
		return NULL;
	return rule->names[(first + next) % rule->n_names];
}

const char *
learned_name(const struct state *state, const struct provider *provider, const char *model,
	     uint64_t own, size_t next)
{
	size_t first = learned_first_name(state, provider, model, own);
	return learned_next_name(provider, model, first, next);
}

bool
learned_name_worked(struct state *state, const struct provider *provider, const char *model,
		    uint64_t own, const char *name)
{
	const struct model_rule *rule = config_model_rule(provider, model);
	for (size_t i = 0; rule != NULL && i < rule->n_names; i++)
		if (strcmp(rule->names[i], name) == 0) {
			state_model_put(state, memory_key(rule->id, own), i, clock_wall_ms());
			return true;
		}
	return false;
}

static uint64_t
quirks_key(const struct provider *provider, const char *name, uint64_t own)
{
	char text[PROVIDER_NAME_MAX + MODEL_NAME_MAX + sizeof "quirks//"];
	snprintf(text, sizeof text, "quirks/%s/%s", provider->name, name);
	return memory_key(digest_name(text), own);
}

unsigned
learned_quirks(const struct state *state, const struct provider *provider, const char *name,
	       uint64_t own)
{
	return (unsigned)state_model(state, quirks_key(provider, name, own), clock_wall_ms()) &
	       QUIRKS_REMEMBERED;
}

void
learned_quirks_worked(struct state *state, const struct provider *provider, const char *name,
		      uint64_t own, unsigned quirks)
{
	if ((quirks & QUIRKS_REMEMBERED) != learned_quirks(state, provider, name, own))
		state_model_put(state, quirks_key(provider, name, own), quirks & QUIRKS_REMEMBERED,
				clock_wall_ms());
}

/* The account that was seen last, for a status that belongs to no request. */
static void
find_latest(const struct state *state, uint64_t provider, struct health *out)
{
	struct health all[STATE_HEALTHS];
	size_t n = state_healths(state, provider, all, STATE_HEALTHS);
	const struct health *latest = NULL;
	for (size_t i = 0; i < n; i++)
		if (all[i].key.account != 0 && all[i].key.family == 0 &&
		    (latest == NULL || all[i].used_ms > latest->used_ms))
			latest = &all[i];
	if (latest != NULL)
		*out = *latest;
}

/* A login that was refreshed is new to us, and its person is not: of which nothing is
 * known, that is as the records of its kin say. */
static void
inherit(const struct candidates_query *ask, struct health *record)
{
	struct health all[STATE_HEALTHS], worst = {.key = record->key};
	size_t n = state_healths(ask->state, record->key.provider, all, STATE_HEALTHS);
	for (size_t i = 0; i < n; i++) {
		struct health one = {.key = record->key};
		if (health_inherit(&all[i], ask->kin, ask->kin_is_sure, ask->now_ms, &one) &&
		    (worst.pause == PAUSE_NONE || one.until_ms > worst.until_ms))
			worst = one;
	}
	*record = worst;
}

/* The record of a client's own account, or of its family. */
static void
read_own(const struct candidates_query *ask, const struct health_key *key, struct health *out)
{
	bool is_told = ask->kin.person != 0 || ask->kin.device != 0;
	if (!state_health(ask->state, key, out) && is_told)
		inherit(ask, out);
}

static void
read_health(const struct candidates_query *ask, struct plan_view *view, const char *credential)
{
	struct health_key key = {.provider = view->provider->id};
	state_health(ask->state, &key, &view->everybody);
	if (credential == NULL) {
		bool takes_logins =
		    view->provider->takes_login && view->provider->credential != CREDENTIAL_STORED;
		if (ask->latest && takes_logins) {
			find_latest(ask->state, view->provider->id, &view->account);
			view->no_credential = NULL;
		}
		return;
	}
	key = candidates_account_key(ask->state, view->provider, credential);
	struct candidates_query of_record = *ask;
	if (!view->own_credential)
		of_record.kin = (struct health_kin){0};
	read_own(&of_record, &key, &view->account);
	uint64_t own = view->own_credential ? key.account : 0;
	const char *sent = learned_name(ask->state, view->provider, ask->model, own, 0);
	key.family = model_family_id(sent == NULL ? ask->model : sent);
	if (key.family != 0)
		read_own(&of_record, &key, &view->family);
}

static const char *
refusal(const struct candidates_query *ask, const struct provider *provider,
	const struct credential *credential)
{
	if (ask->message == NULL || provider->dialect->refuses == NULL)
		return NULL;
	bool is_own = credential->value != NULL && !credential->stored;
	uint64_t own = is_own ? state_name(ask->state, credential->value) : 0;
	const char *model = learned_name(ask->state, provider, ask->model, own, 0);
	return provider->dialect->refuses(ask->message, model == NULL ? ask->model : model);
}

void
candidates_collect(struct candidates *s, const struct candidates_query *ask)
{
	const struct config *config = ask->config;
	struct summary summary;
	state_summary(ask->state, &summary);
	for (size_t i = 0; i < config->n_providers; i++) {
		const struct provider *p = &config->providers[i];
		const char *stored = tokens_get(ask->tokens, p->name);
		struct credential c = credential_choose(p, ask->client, stored);
		s->credentials[i] = c;
		s->views[i] = (struct plan_view){
		    .provider = p,
		    .own_credential = c.value != NULL && !c.stored,
		    .no_credential = c.why_none,
		    .refuses = refusal(ask, p, &c),
		};
		read_health(ask, &s->views[i], c.value);
	}
	struct plan_query plan = {
	    .views = s->views,
	    .n_views = config->n_providers,
	    .plan_limits_only = config->plan_limits_only,
	    .manual = summary.manual,
	    .session = ask->session,
	    .mid_loop = ask->message != NULL && ask->message->mid_loop,
	    .side_call = ask->message != NULL && ask->message->side_call,
	    .now_ms = ask->now_ms,
	};
	s->plan = plan_make(&plan);
}

void
candidates_latest_by(const struct config *config, const struct tokens *tokens,
		     const struct state *state, const char *model, struct candidates *candidates)
{
	static const struct client_credentials nobody = {.may_use_stored = true};
	const struct candidates_query ask = {
	    .config = config,
	    .tokens = tokens,
	    .state = state,
	    .client = &nobody,
	    .model = model,
	    .latest = true,
	    .now_ms = clock_wall_ms(),
	};
	candidates_collect(candidates, &ask);
}

struct candidates *
candidates_latest(const struct app *app, const char *model)
{
	struct candidates *s = malloc(sizeof *s);
	if (s != NULL)
		candidates_latest_by(app->config, app->tokens, app->state, model, s);
	return s;
}

const struct candidate *
candidates_find(const struct candidates *s, const struct provider *provider)
{
	const struct candidate *c = s->plan.candidates;
	while (c->view->provider != provider)
		c++;
	return c;
}

/* SPDX-License-Identifier: MIT */
#include "route/candidates.h"

#include "base/clock.h"
#include "dialect/dialect.h"
#include "route/learned.h"

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
read_health(const struct candidates_query *ask, struct plan_view *view)
{
	const char *credential = view->credential.value;
	struct health_key key = {.provider = view->provider->id};
	state_health(ask->state, &key, &view->everybody);
	if (credential == NULL) {
		bool takes_logins =
		    view->provider->takes_login && view->provider->credential != CREDENTIAL_STORED;
		if (ask->latest && takes_logins) {
			find_latest(ask->state, view->provider->id, &view->account);
			view->credential.why_none = NULL;
		}
		return;
	}
	key = candidates_account_key(ask->state, view->provider, credential);
	struct candidates_query of_record = *ask;
	if (!credential_is_own(&view->credential))
		of_record.kin = (struct health_kin){0};
	read_own(&of_record, &key, &view->account);
	uint64_t own = credential_is_own(&view->credential) ? key.account : 0;
	const char *sent = learned_name(ask->state, view->provider, ask->model, own, 0);
	key.family = message_family_id(sent == NULL ? ask->model : sent);
	if (key.family != 0)
		read_own(&of_record, &key, &view->family);
}

static const char *
refusal(const struct candidates_query *ask, const struct provider *provider,
	const struct credential *credential)
{
	if (ask->message == NULL || provider->dialect->refuses == NULL)
		return NULL;
	uint64_t own =
	    credential_is_own(credential) ? state_name(ask->state, credential->value) : 0;
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
		s->views[i] = (struct plan_view){
		    .provider = p,
		    .index = (unsigned)i,
		    .credential = c,
		    .refuses = refusal(ask, p, &c),
		};
		read_health(ask, &s->views[i]);
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

/* Lists of models are asked of providers that have one; neither they nor counts are
 * probes, which would tell too little. */
static bool
is_open(const struct candidate *c, const struct open_query *ask)
{
	if (!plan_usable(c->standing) || (ask->done >> c->view->index & 1) != 0)
		return false;
	bool lists = c->view->provider->dialect->counts_tokens;
	return !ask->auxiliary || (c->standing != STANDING_PROBE && (lists || ask->counts_tokens));
}

/* Tokens are counted by the provider that would serve the message, or estimated:
 * another one's count would be by another tokenizer. */
struct candidate *
candidates_next(struct candidates *s, const struct open_query *ask)
{
	for (size_t i = 0; i < s->plan.n_usable; i++) {
		struct candidate *c = &s->plan.candidates[i];
		if (is_open(c, ask))
			return ask->counts_tokens && !c->view->provider->dialect->counts_tokens
				   ? NULL
				   : c;
	}
	return NULL;
}

bool
candidates_has_other(const struct candidates *s, const struct candidate *chosen,
		     const struct open_query *ask)
{
	for (size_t i = 0; i < s->plan.n_usable; i++) {
		const struct candidate *c = &s->plan.candidates[i];
		if (c != chosen && is_open(c, ask))
			return true;
	}
	return false;
}

const struct candidate *
candidates_first_skipped(const struct candidates *s, const struct candidate *chosen)
{
	for (size_t i = s->plan.n_usable; i < s->plan.n; i++)
		if (s->plan.candidates[i].view->index <= chosen->view->index)
			return &s->plan.candidates[i];
	return NULL;
}

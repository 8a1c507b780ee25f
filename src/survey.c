#include "survey.h"

#include "clock.h"
#include "dialect.h"

#include <stdlib.h>

struct health_key
survey_account_key(const struct state *state, const struct provider *provider,
		   const char *credential)
{
	return (struct health_key){.provider = provider->id,
				   .account = state_name(state, credential)};
}

uint64_t
survey_family(const char *model)
{
	char family[MODEL_NAME_MAX];
	message_family(model, family);
	return family[0] == '\0' ? 0 : digest_name(family);
}

const char *
survey_model(const struct state *state, const struct provider *provider, const char *model,
	     size_t next)
{
	const struct model_rule *rule = config_model_rule(provider, model);
	if (rule == NULL)
		return NULL;
	size_t i = state_model(state, rule->id);
	i = (i < rule->n_names ? i : 0) + next;
	return i < rule->n_names ? rule->names[i] : NULL;
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

static void
read_health(const struct survey_ask *ask, struct plan_view *view, const char *credential)
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
	key = survey_account_key(ask->state, view->provider, credential);
	state_health(ask->state, &key, &view->account);
	const char *sent = survey_model(ask->state, view->provider, ask->model, 0);
	key.family = survey_family(sent == NULL ? ask->model : sent);
	if (key.family != 0)
		state_health(ask->state, &key, &view->family);
}

static const char *
refusal(const struct survey_ask *ask, const struct provider *provider)
{
	if (ask->message == NULL || provider->dialect->refuses == NULL)
		return NULL;
	const char *model = survey_model(ask->state, provider, ask->model, 0);
	return provider->dialect->refuses(ask->message, model == NULL ? ask->model : model);
}

void
survey_take(struct survey *s, const struct survey_ask *ask)
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
		    .refuses = refusal(ask, p),
		};
		read_health(ask, &s->views[i], c.value);
	}
	struct plan_ask plan = {
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
survey_latest_by(const struct config *config, const struct tokens *tokens,
		 const struct state *state, const char *model, struct survey *survey)
{
	static const struct client_credentials nobody = {.may_use_stored = true};
	const struct survey_ask ask = {
	    .config = config,
	    .tokens = tokens,
	    .state = state,
	    .client = &nobody,
	    .model = model,
	    .latest = true,
	    .now_ms = clock_wall_ms(),
	};
	survey_take(survey, &ask);
}

struct survey *
survey_latest(const struct router *router, const char *model)
{
	struct survey *s = malloc(sizeof *s);
	if (s != NULL)
		survey_latest_by(router->config, router->tokens, router->state, model, s);
	return s;
}

const struct candidate *
survey_candidate(const struct survey *s, const struct provider *provider)
{
	const struct candidate *c = s->plan.candidates;
	while (c->view->provider != provider)
		c++;
	return c;
}

/* SPDX-License-Identifier: MIT */
#include "route/candidates.h"

#include "base/clock.h"
#include "dialect/dialect.h"
#include "route/balance.h"
#include "route/drill.h"
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

/* The record of the account that was seen last. */
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

/* A refreshed login has no record, but its person has: it inherits the longest pause of their
 * records. */
static void
inherit(const struct candidates_query *query, struct health *record)
{
	struct health all[STATE_HEALTHS], worst = {.key = record->key};
	size_t n = state_healths(query->state, record->key.provider, all, STATE_HEALTHS);
	for (size_t i = 0; i < n; i++) {
		struct health one = {.key = record->key};
		if (health_inherit(&all[i], query->kin, query->kin_is_sure, query->now_ms, &one) &&
		    (worst.pause == PAUSE_NONE || one.until_ms > worst.until_ms))
			worst = one;
	}
	*record = worst;
}

/* The record of an account, or of one of its families; if there is none, what it inherits. */
static void
read_record(const struct candidates_query *query, const struct health_key *key, struct health *out)
{
	bool is_named = query->kin.person != 0 || query->kin.device != 0;
	if (!state_health(query->state, key, out) && is_named)
		inherit(query, out);
}

static void
read_health(const struct candidates_query *query, struct plan_view *view)
{
	const char *credential = view->credential.value;
	struct health_key key = {.provider = view->provider->id};
	state_health(query->state, &key, &view->everybody);
	if (credential == NULL) {
		bool takes_logins =
		    view->provider->takes_login && view->provider->credential != CREDENTIAL_STORED;
		if (query->latest && takes_logins) {
			find_latest(query->state, view->provider->id, &view->account);
			view->credential.why_none = NULL;
		}
		return;
	}
	key = candidates_account_key(query->state, view->provider, credential);
	struct candidates_query record_query = *query;
	if (!credential_is_own(&view->credential))
		record_query.kin = (struct health_kin){0};
	read_record(&record_query, &key, &view->account);
	uint64_t own_account = credential_is_own(&view->credential) ? key.account : 0;
	const char *sent = learned_name(query->state, view->provider, query->model, own_account, 0);
	key.family = message_family_id(sent == NULL ? query->model : sent);
	if (key.family != 0)
		read_record(&record_query, &key, &view->family);
}

static const char *
why_refused(const struct candidates_query *query, const struct provider *provider,
	    const struct credential *credential)
{
	if (query->message == NULL || provider->dialect->refuses == NULL)
		return NULL;
	uint64_t own_account =
	    credential_is_own(credential) ? state_name(query->state, credential->value) : 0;
	const char *model = learned_name(query->state, provider, query->model, own_account, 0);
	return provider->dialect->refuses(query->message, model == NULL ? query->model : model);
}

/* The name of the model as the provider would be sent it. */
static const char *
sent_name(const struct candidates_query *query, const struct provider *p,
	  const struct credential *credential)
{
	uint64_t own =
	    credential_is_own(credential) ? state_name(query->state, credential->value) : 0;
	const char *name = learned_name(query->state, p, query->model, own, 0);
	name = name == NULL ? query->model : name;
	const char *sent = query->message == NULL || p->dialect->model == NULL
			       ? NULL
			       : p->dialect->model(query->message, name);
	return sent == NULL ? name : sent;
}

static void
check_caps(const struct candidates_query *query, struct plan_view *view)
{
	const struct provider *p = view->provider;
	struct caps_refusal *r = &view->capped;
	if (query->is_free || !view->credential.stored)
		return;
	struct caps_query caps = {
	    .config = query->config,
	    .provider = p,
	    .client = query->key,
	    .state = query->state,
	    .prices = query->prices,
	    .now_ms = query->now_ms,
	};
	if (!caps_bind(&caps))
		return;
	caps.model = sent_name(query, p, &view->credential);
	if (query->latest)
		caps.bound = CAPS_WANTED;
	else if ((query->lacking >> view->index & 1) != 0)
		caps.bound = query->lacking_bound;
	caps_check(&caps, r);
	if (r->refuses || (query->capped >> view->index & 1) == 0)
		return;
	/* It refused a moment ago, and something was given back since. */
	r->refuses = true;
	r->until_ms = query->now_ms;
	snprintf(r->text, sizeof r->text, "%s could not reserve what this request may cost%s",
		 p->name,
		 query->config->share_caps == SHARE_CAPS_CLOSED
		     ? ": other machines may have taken the rest of its cap"
		     : "");
}

/* --- A provider's credentials ----------------------------------------- */

/* How many of its stored credentials a request can use; 1 where it uses none, or needs none. */
static size_t
count_credentials(const struct candidates_query *query, const struct provider *p)
{
	const struct credential c =
	    credential_choose(p, query->client, tokens_at(query->tokens, p->name, 0));
	size_t n = 1;
	while (c.stored && p->enabled && tokens_at(query->tokens, p->name, n) != NULL)
		n++;
	return n;
}

/* Writes the order in which the request prefers the provider's n stored credentials. */
static void
order_credentials(const struct candidates_query *query, const struct provider *p, size_t n,
		  size_t order[static CREDENTIALS_MAX])
{
	struct balance_key keys[CREDENTIALS_MAX];
	for (size_t i = 0; i < n; i++) {
		const struct stored_credential *stored = tokens_at(query->tokens, p->name, i);
		uint64_t account = state_name(query->state, stored->value);
		keys[i] = (struct balance_key){
		    .label = digest_name(stored->label),
		    .weight = stored->weight,
		    .attempts = query->load == NULL ? 0 : load_of(query->load, account),
		    .is_current = query->session_provider == p->id &&
				  query->session_credential == session_credential(account),
		};
	}
	const struct balance_query balance = {
	    .balance = p->balance,
	    .affinity = query->affinity,
	    .mid_loop = query->message != NULL && query->message->mid_loop,
	    .keys = keys,
	    .n_keys = n,
	};
	balance_order(&balance, order);
}

static void
add_view(struct candidates *all, const struct candidates_query *query, const struct plan_view *view)
{
	struct plan_view *added = &all->views[all->n_views++];
	*added = *view;
	added->refuses = why_refused(query, view->provider, &view->credential);
	read_health(query, added);
	if (query->drill != NULL && query->drill->provider == view->provider->id)
		added->drill = drill_health(query->drill);
	check_caps(query, added);
}

static void
add_provider(struct candidates *all, const struct candidates_query *query, const struct provider *p)
{
	size_t order[CREDENTIALS_MAX] = {0}, n = count_credentials(query, p);
	size_t first = all->n_views;
	if (n > 1)
		order_credentials(query, p, n, order);
	for (size_t i = 0; i < n; i++) {
		const struct plan_view view = {
		    .provider = p,
		    .index = (unsigned)(first + order[i]),
		    .pool = ((UINT64_C(1) << n) - 1) << first,
		    .credential = credential_choose(p, query->client,
						    tokens_at(query->tokens, p->name, order[i])),
		};
		add_view(all, query, &view);
	}
}

/* --- Collecting ------------------------------------------------------- */

_Static_assert(CANDIDATES_MAX <= 64, "each has a bit");

static struct candidates *
candidates_new(const struct candidates_query *query)
{
	const struct config *config = query->config;
	struct candidates *all;
	size_t n = 0;
	for (size_t i = 0; i < config->n_providers; i++)
		n += count_credentials(query, &config->providers[i]);
	all = malloc(sizeof *all + n * sizeof *all->views);
	if (all == NULL)
		return NULL;
	all->n_views = 0;
	all->views = (struct plan_view *)(all + 1);
	return all;
}

struct candidates *
candidates_collect(const struct candidates_query *query)
{
	const struct config *config = query->config;
	struct candidates *all = candidates_new(query);
	struct summary summary;
	if (all == NULL)
		return NULL;
	state_summary(query->state, &summary);
	for (size_t i = 0; i < config->n_providers; i++)
		add_provider(all, query, &config->providers[i]);
	const struct message *m = query->message;
	struct plan_query plan = {
	    .views = all->views,
	    .n_views = all->n_views,
	    .plan_limits_only = config->plan_limits_only,
	    .manual = summary.manual,
	    .session_provider = query->session_provider,
	    .mid_loop = m != NULL && m->mid_loop,
	    .side_call = m != NULL && m->side_call,
	    .may_spare = m != NULL ? !m->mid_loop && !m->side_call : query->latest,
	    .now_ms = query->now_ms,
	};
	all->plan = plan_make(&plan);
	return all;
}

struct candidates *
candidates_latest_by(const struct config *config, const struct tokens *tokens,
		     const struct state *state, const char *model)
{
	static const struct client_credentials none = {.may_use_stored = true};
	const struct candidates_query query = {
	    .config = config,
	    .tokens = tokens,
	    .state = state,
	    .client = &none,
	    .model = model,
	    .latest = true,
	    .now_ms = clock_wall_ms(),
	};
	return candidates_collect(&query);
}

struct candidates *
candidates_latest(const struct app *app, const char *model)
{
	return candidates_latest_by(app->config, app->tokens, app->state, model);
}

/* Whether it is available again earlier. A time of 0 means that this is unknown. */
static bool
is_sooner(const struct candidate *c, const struct candidate *than)
{
	return c->until_ms != 0 && (than->until_ms == 0 || c->until_ms < than->until_ms);
}

const struct candidate *
candidates_find(const struct candidates *all, const struct provider *provider)
{
	const struct candidate *found = NULL;
	for (size_t i = 0; i < all->plan.n; i++) {
		const struct candidate *c = &all->plan.candidates[i];
		if (c->view->provider != provider)
			continue;
		if (plan_usable(c->standing))
			return c; /* these come first */
		if (found == NULL || is_sooner(c, found))
			found = c;
	}
	return found;
}

/* Lists of models are requested only from providers that have one. Neither they nor token
 * counts are probes: their success would prove too little. */
static bool
is_possible(const struct candidate *c, const struct candidates_filter *filter)
{
	if (!plan_usable(c->standing) || (filter->tried >> c->view->index & 1) != 0)
		return false;
	bool lists = c->view->provider->dialect->has_auxiliary_routes;
	return !filter->auxiliary ||
	       (c->standing != STANDING_PROBE && (lists || filter->counts_tokens));
}

/* Tokens are counted by the provider that would serve the message, or estimated: another one
 * has another tokenizer. */
struct candidate *
candidates_next(struct candidates *all, const struct candidates_filter *filter)
{
	for (size_t i = 0; i < all->plan.n_usable; i++) {
		struct candidate *c = &all->plan.candidates[i];
		if (is_possible(c, filter))
			return filter->counts_tokens &&
				       !c->view->provider->dialect->has_auxiliary_routes
				   ? NULL
				   : c;
	}
	return NULL;
}

bool
candidates_has_other(const struct candidates *all, const struct candidate *chosen, bool of_same,
		     const struct candidates_filter *filter)
{
	for (size_t i = 0; i < all->plan.n_usable; i++) {
		const struct candidate *c = &all->plan.candidates[i];
		if (c != chosen && (c->view->provider == chosen->view->provider) == of_same &&
		    is_possible(c, filter))
			return true;
	}
	return false;
}

const struct candidate *
candidates_first_skipped(const struct candidates *all, const struct candidate *chosen)
{
	for (size_t i = 0; i < all->plan.n; i++) {
		const struct candidate *c = &all->plan.candidates[i];
		bool is_skipped = i >= all->plan.n_usable || c->standing == STANDING_SPARED;
		if (is_skipped && c->view < chosen->view)
			return c;
	}
	return NULL;
}

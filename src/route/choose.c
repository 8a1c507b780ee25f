/* SPDX-License-Identifier: MIT */
/* Planned: who is asked next, and what if there is nobody. */
#include "base/clock.h"
#include "client/access.h"
#include "dialect/dialect.h"
#include "route/exchange_impl.h"
#include "route/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REPLAN_SOON_MS = 50,   /* while all rest and one is about to be back, at the soonest, */
	REPLAN_EVERY_MS = 500, /* and at the latest */
};

/* Who is believed to be who it says: whom the operator lets do more than that. */
static bool
is_sure(const struct request *r)
{
	return r->local || r->client[0] != '\0';
}

/* The name of a thing that a client tells of itself. Another client's is another,
 * whatever both say. */
static uint64_t
name_of(const struct exchange *x, const char *kind, const char *who, const char *what)
{
	char name[2 * SESSION_ID_MAX + KIN_ID_MAX + DIGEST_HEX_SIZE + KEY_NAME_MAX];
	if (what[0] == '\0')
		return 0;
	snprintf(name, sizeof name, "%s/%s/%s", kind, who, what);
	return state_name(x->app->state, name);
}

/* Whom a conversation belongs to: who has the key, else the login or key that the
 * provider will see (hashed, so that none is copied), else nobody. */
static void
owner_of(const struct exchange *x, char owner[static DIGEST_HEX_SIZE + KEY_NAME_MAX])
{
	const struct request *r = x->request;
	const char *shown = r->login != NULL ? r->login : r->api_key;
	uint64_t hash = shown == NULL ? 0 : state_name(x->app->state, shown);
	if (r->client[0] != '\0')
		snprintf(owner, KEY_NAME_MAX + DIGEST_HEX_SIZE, "key/%s", r->client);
	else
		snprintf(owner, KEY_NAME_MAX + DIGEST_HEX_SIZE, "%016" PRIx64, hash);
}

void
exchange_identify(struct exchange *x)
{
	const struct request *r = x->request;
	const struct message *m = &r->message;
	char session[2 * SESSION_ID_MAX], owner[DIGEST_HEX_SIZE + KEY_NAME_MAX];
	const char *scope = r->client[0] != '\0' ? r->client : r->local ? "/local" : r->address;
	request_session(r, session);
	owner_of(x, owner);
	uint64_t key = name_of(x, "session", owner, session);
	if (!state_session(x->app->state, key, &x->session))
		x->session = (struct session){.key = key};
	x->kin.person = name_of(x, "person", scope, m->account_id);
	x->kin.device =
	    name_of(x, "device", scope, m->device_id[0] != '\0' ? m->device_id : session);
}

static void
candidates(const struct exchange *x, struct candidates *s)
{
	const struct request *r = x->request;
	const struct client_credentials client = {
	    .login = r->login,
	    .api_key = r->api_key,
	    .may_use_stored = access_may_use_stored(x->config, r),
	};
	bool about_models = r->route.id == ROUTE_MODELS || r->route.id == ROUTE_MODEL;
	const struct candidates_query ask = {
	    .config = x->config,
	    .tokens = x->tokens,
	    .state = x->app->state,
	    .client = &client,
	    .message = about_models ? NULL : &r->message,
	    .model = r->message.model,
	    .session = x->session.provider,
	    .kin = x->kin,
	    .kin_is_sure = is_sure(r),
	    .now_ms = clock_wall_ms(),
	};
	candidates_collect(s, &ask);
}

size_t
exchange_index(const struct exchange *x, const struct provider *provider)
{
	return (size_t)(provider - x->config->providers);
}

/* count_tokens and models are no probes, and a list of models is asked of who has one. */
static bool
is_open(const struct exchange *x, const struct candidate *c)
{
	const struct provider *p = c->view->provider;
	if (x->done >> exchange_index(x, p) & 1)
		return false;
	bool listed = x->request->route.id == ROUTE_COUNT_TOKENS || p->dialect->counts_tokens;
	return !x->quiet || (listed && c->standing != STANDING_PROBE);
}

/* Tokens are counted by who would serve the message, or estimated: another one's count would be
 * of another tokenizer. */
static bool
can_answer(const struct exchange *x, const struct candidate *c)
{
	return x->request->route.id != ROUTE_COUNT_TOKENS ||
	       c->view->provider->dialect->counts_tokens;
}

static bool
others_open(const struct exchange *x, const struct plan *plan, const struct candidate *chosen)
{
	for (size_t i = 0; i < plan->n_usable; i++) {
		const struct candidate *c = &plan->candidates[i];
		if (c != chosen && plan_usable(c->standing) && is_open(x, c))
			return true;
	}
	return false;
}

/* A provider whose rest is over is asked by one request at a time. */
static bool
take_lease(struct exchange *x, const struct candidate *c)
{
	if (c->standing != STANDING_PROBE)
		return true;
	if (!lease_take(x->app->state, c->cause, c->view->provider->name, x->holder))
		return false;
	x->target.leased = true;
	x->target.lease = c->cause->key;
	return true;
}

static void
begin_turn(struct exchange *x, const struct candidates *s, const struct candidate *c)
{
	const struct provider *p = c->view->provider;
	x->target.provider = p;
	x->target.stored = s->credentials[exchange_index(x, p)].stored;
	x->target.key = c->view->account.key;
	x->target.own = x->target.stored ? 0 : x->target.key.account;
	x->target.first_name =
	    learned_first_name(x->app->state, p, x->request->message.model, x->target.own);
	x->target.others_ready = others_open(x, &s->plan, c);
	state_count(x->app->state, p->id, COUNT_REQUESTS);
}

/* Who stands before the first that is asked in the configuration's order, and why
 * it is passed over: an operator wants to see that in the log. */
static void
note_passed(struct exchange *x, const struct plan *plan, const struct candidate *chosen)
{
	if (x->attempts > 0)
		return;
	for (size_t i = plan->n_usable; i < plan->n; i++) {
		const struct candidate *c = &plan->candidates[i];
		if (c->view > chosen->view)
			continue;
		snprintf(x->passed, sizeof x->passed, "%s:%s", c->view->provider->name,
			 plan_state_name(c->standing));
		return;
	}
}

/* Takes the first candidate that may be asked now; false: there is none. */
static bool
choose(struct exchange *x, struct candidates *s)
{
	if (x->attempts >= ATTEMPTS_MAX || exchange_remaining_ms(x) <= 0)
		return false;
	for (size_t i = 0; i < s->plan.n_usable; i++) {
		struct candidate *c = &s->plan.candidates[i];
		x->target = (struct target){0};
		if (!is_open(x, c))
			continue;
		if (!can_answer(x, c))
			return false;
		if (!take_lease(x, c)) {
			plan_refuse_probe(c, clock_wall_ms());
			continue;
		}
		begin_turn(x, s, c);
		note_passed(x, &s->plan, c);
		return true;
	}
	return false;
}

/* All rest, but one is back soon: BEHAVIOUR 5, hold. */
static bool
hold(struct exchange *x, const struct plan *plan)
{
	int64_t earliest_ms = plan_earliest_ms(plan);
	int64_t wait_ms = earliest_ms - clock_wall_ms();
	int64_t budget_ms = x->config->hold_ms - x->held_ms;
	if (earliest_ms == 0 || wait_ms > budget_ms || budget_ms <= 0 ||
	    x->attempts >= ATTEMPTS_MAX || exchange_remaining_ms(x) <= 0)
		return false;
	wait_ms = wait_ms < REPLAN_SOON_MS    ? REPLAN_SOON_MS
		  : wait_ms > REPLAN_EVERY_MS ? REPLAN_EVERY_MS
					      : wait_ms;
	x->held_ms += wait_ms;
	/* Who was asked and rests now may be asked again after that. */
	x->done &= ~x->paused;
	x->paused = 0;
	exchange_wait(x, wait_ms, exchange_plan);
	return true;
}

/* Nobody is left to be asked: BEHAVIOUR 5, "When the last candidate fails". */
static void
give_up(struct exchange *x, const struct plan *plan)
{
	bool cools = x->verdict.kind == VERDICT_COOL || x->verdict.kind == VERDICT_BENCH;
	if (x->kept_status != 0 && !cools)
		close_with_kept(x);
	else if (x->quiet)
		close_locally(x);
	else if (!hold(x, plan))
		close_no_provider(x, plan);
}

void
exchange_plan(struct exchange *x)
{
	struct candidates *s = malloc(sizeof *s);
	if (s == NULL) {
		close_with_error(x, 503, "retry-after: 2\r\n", "api_error", "Out of memory.");
		return;
	}
	const struct provider *last = x->target.provider;
	candidates(x, s);
	if (choose(x, s)) {
		exchange_ask(x);
	} else {
		x->target.provider = last;
		give_up(x, &s->plan);
	}
	free(s);
}

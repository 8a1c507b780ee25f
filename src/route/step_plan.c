/* SPDX-License-Identifier: MIT */
/* The step plan: choose the next candidate, and what to do when none is left. */
#include "base/clock.h"
#include "client/access.h"
#include "route/steps.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	REPLAN_SOON_MS = 50,   /* while all are paused: wait at least so long, */
	REPLAN_EVERY_MS = 500, /* and at most */
};

static struct candidates *
collect(const struct exchange *x)
{
	const struct request *r = x->request;
	const struct client_credentials client = {
	    .login = r->login,
	    .api_key = r->api_key,
	    .may_use_stored = access_may_use_stored(x->config, r),
	};
	const struct candidates_query query = {
	    .config = x->config,
	    .tokens = x->tokens,
	    .state = x->app->state,
	    .client = &client,
	    .message = route_has_message(r->route) ? &r->message : NULL,
	    .model = r->message.model,
	    .key = steps_key(x),
	    .session_provider = x->identity.session.provider,
	    .session_credential = x->identity.session.credential,
	    .affinity = x->identity.affinity,
	    .load = &x->app->load,
	    .kin = x->identity.kin,
	    .prices = x->app->prices,
	    .is_free = x->auxiliary,
	    .capped = x->capped,
	    .lacking = x->lacking,
	    .lacking_bound = x->lacked,
	    .drill = &x->drilled.drill,
	    .kin_is_sure = x->identity.kin_is_sure,
	    .now_ms = clock_wall_ms(),
	};
	return candidates_collect(&query);
}

/* Takes the lease, if the candidate is to be probed: one request at a time may do that. After a
 * drill's pause there is nothing to spare. */
static bool
take_probe(struct exchange *x, const struct candidate *c)
{
	if (c->standing != STANDING_PROBE || c->cause == &c->view->drill)
		return true;
	return (x->probed >> c->view->index & 1) == 0 &&
	       lease_take(&x->target.lease, x->app->state, c->cause, c->view->provider->name,
			  x->probe_id);
}

/* Notes for the log why the preferred provider was skipped. */
static void
note_skipped(struct exchange *x, const struct candidate *skipped)
{
	char name[CREDENTIAL_NAME_SIZE];
	if (skipped != NULL && x->attempts == 0)
		snprintf(x->skipped, sizeof x->skipped, "%s:%s",
			 credential_name(skipped->view->provider->name,
					 skipped->view->credential.label, name),
			 plan_state_name(skipped->standing));
}

/* Makes the next candidate the target. False: none is left. */
static bool
choose(struct exchange *x, struct candidates *s)
{
	const struct candidates_filter filter = {
	    .tried = x->tried,
	    .auxiliary = x->auxiliary,
	    .counts_tokens = x->request->route->id == ROUTE_COUNT_TOKENS,
	};
	if (x->attempts >= ATTEMPTS_MAX || steps_remaining_ms(x) <= 0)
		return false;
	struct candidate *c;
	while ((c = candidates_next(s, &filter)) != NULL && !take_probe(x, c))
		plan_refuse_probe(c, clock_wall_ms());
	if (c == NULL)
		return false;
	/* The next credential of the same provider is no other choice. */
	bool is_counted =
	    (x->target.pool & c->view->pool) != 0 && x->target.index != c->view->index;
	target_set(&x->target, c, x->app->state, x->request->message.model);
	x->target.others_ready = candidates_has_other(s, c, false, &filter);
	x->target.siblings_ready = candidates_has_other(s, c, true, &filter);
	drilled_take(&x->drilled, x->app->state, c, x->target.others_ready);
	if (!is_counted && !x->drilled.is_now)
		state_count(x->app->state, x->target.provider->id, COUNT_REQUESTS);
	note_skipped(x, candidates_first_skipped(s, c));
	return true;
}

/* How long to wait while all are paused, if one is available soon: BEHAVIOUR 5, hold. 0: do
 * not. */
static int64_t
hold_ms(const struct exchange *x, const struct plan *plan)
{
	int64_t earliest_ms = plan_earliest_ms(plan);
	int64_t wait_ms = earliest_ms - clock_wall_ms();
	int64_t budget_ms = x->config->hold_ms - x->held_ms;
	if (earliest_ms == 0 || wait_ms > budget_ms || budget_ms <= 0 ||
	    x->attempts >= ATTEMPTS_MAX || steps_remaining_ms(x) <= 0)
		return 0;
	return wait_ms < REPLAN_SOON_MS    ? REPLAN_SOON_MS
	       : wait_ms > REPLAN_EVERY_MS ? REPLAN_EVERY_MS
					   : wait_ms;
}

static const struct step *
hold(struct exchange *x, int64_t ms)
{
	x->held_ms += ms;
	/* Those that were tried and are paused may be tried again after that. */
	x->tried &= ~x->paused;
	x->paused = 0;
	x->capped = x->lacking = 0;
	x->lacked = 0;
	x->probed = 0;
	return steps_wait(x, ms, &step_plan);
}

static int
reply_unavailable(struct exchange *x, const struct plan *plan)
{
	const struct verdict *v = &x->verdict;
	char last[HEALTH_TEXT_MAX + CREDENTIAL_NAME_SIZE + 4] = "", name[CREDENTIAL_NAME_SIZE];
	if (v->row != NULL)
		snprintf(
		    last, sizeof last, "%s, %s",
		    credential_name(x->target.provider->name, x->target.credential.label, name),
		    v->why);
	const struct no_provider_query query = {
	    .plan = plan,
	    .last = last,
	    .spent = x->attempts >= ATTEMPTS_MAX || steps_remaining_ms(x) <= 0 ||
		     (v->row != NULL && v->status == 0),
	    .limited = v->row != NULL && v->kind == VERDICT_COOL,
	    .login = x->request->login != NULL,
	    .now_ms = clock_wall_ms(),
	};
	return replies_no_provider(steps_begin_reply(x), &query);
}

/* No candidate is left: BEHAVIOUR 5, "When the last candidate fails". */
static const struct step *
give_up(struct exchange *x, const struct plan *plan)
{
	bool cools = x->verdict.kind == VERDICT_COOL || x->verdict.kind == VERDICT_BENCH;
	if (x->kept.status != 0 && !cools)
		return steps_close(x, replies_kept(steps_begin_reply(x), &x->kept));
	if (x->auxiliary)
		return steps_close(x, replies_locally(steps_begin_reply(x), x->config));
	int64_t ms = hold_ms(x, plan);
	return ms > 0 ? hold(x, ms) : steps_close(x, reply_unavailable(x, plan));
}

static const struct step *
plan(struct exchange *x)
{
	drilled_find(&x->drilled, x->app->state, x->request);
	struct candidates *s = collect(x);
	if (s == NULL)
		return steps_close(x, replies_out_of_memory(steps_begin_reply(x)));
	const struct step *next = choose(x, s) ? &step_lease : give_up(x, &s->plan);
	free(s);
	return next;
}

const struct step step_plan = {"plan", plan};

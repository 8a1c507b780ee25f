/* SPDX-License-Identifier: MIT */
#include "route/steps.h"

#include "base/clock.h"
#include "dialect/dialect.h"
#include "route/record.h"
#include "route/timeouts.h"

#include <stdlib.h>
#include <string.h>

enum {
	TIMEOUTS_EVERY_MS = 5000,    /* at least: that renews a lease, too */
	THROTTLED_LATELY_MS = 60000, /* BEHAVIOUR 4: a second bare 429 within a minute */
};

/* --- What to return --------------------------------------------------- */

const struct step *
steps_wait(struct exchange *x, int64_t ms, const struct step *after)
{
	x->wait_ms = ms;
	x->after = after;
	return &step_wait;
}

const struct step *
steps_judge(struct exchange *x, enum ending ending)
{
	x->ending = ending;
	return &step_judge;
}

const struct step *
steps_close(struct exchange *x, int status)
{
	x->status = status;
	return &step_close;
}

/* --- Timeouts --------------------------------------------------------- */

static struct timeouts_query
timeouts_of(const struct exchange *x)
{
	bool relaying = x->step == &step_relay;
	return (struct timeouts_query){
	    .config = x->config,
	    .auxiliary = x->auxiliary,
	    .streams = x->request->message.stream,
	    .relaying = relaying,
	    .client_is_slow = relaying && reply_backlog(&x->client->reply) > 0,
	    .has_head = x->attempt != NULL && attempt_response(x->attempt)->complete,
	    .request_ms = x->start_ms,
	    .content_ms = x->start_ms + x->first_ms,
	    .attempt_ms = x->target.start_ms,
	    .bytes_ms = x->target.bytes_ms,
	    .alive_ms = x->target.alive_ms,
	    .failed_ms = x->target.failed_ms,
	    .now_ms = clock_steady_ms(),
	};
}

struct cap_client
steps_key(const struct exchange *x)
{
	return (struct cap_client){.name = x->request->client, .budget = x->request->budget};
}

int64_t
steps_remaining_ms(const struct exchange *x)
{
	return timeouts_deadline_ms(x->config, x->start_ms, clock_steady_ms());
}

const struct step *
steps_check_timeouts(struct exchange *x)
{
	if (x->relay.is_alive)
		x->target.alive_ms = x->target.bytes_ms;
	x->relay.is_alive = false;
	const struct timeouts_query query = timeouts_of(x);
	struct timeout timeout = timeouts_next(&query);
	if (timeout.remaining_ms > 0) {
		int64_t idle_ms = x->config->idle_timeout_ms;
		int64_t next_ms = idle_ms < TIMEOUTS_EVERY_MS ? idle_ms : TIMEOUTS_EVERY_MS;
		next_ms = timeout.remaining_ms < next_ms ? timeout.remaining_ms : next_ms;
		if (loop_after(x->app->loop, &x->timeouts, next_ms))
			return NULL;
		timeout.ending = ENDING_OURS;
	}
	x->ending = timeout.ending;
	return x->step == &step_relay ? &step_mend : &step_judge;
}

/* --- The verdict, and what it changes --------------------------------- */

static bool
is_throttled_lately(const struct exchange *x)
{
	struct health h;
	state_health(x->app->state, &x->target.key, &h);
	int64_t ago_ms = clock_wall_ms() - h.throttled_ms;
	return h.throttled_ms != 0 && ago_ms >= 0 && ago_ms <= THROTTLED_LATELY_MS;
}

const struct buf *
steps_response_body(const struct exchange *x)
{
	static const struct buf nothing;
	if (x->relay.error.len > 0)
		return &x->relay.error;
	if (x->relay.seen.len > 0)
		return &x->relay.seen;
	if (x->decoded.len > 0)
		return &x->decoded;
	return x->attempt == NULL ? &nothing : attempt_body(x->attempt);
}

static enum asked
asked_of(const struct request *r)
{
	switch (r->route->id) {
	case ROUTE_COUNT_TOKENS:
		return ASKED_COUNT;
	case ROUTE_MODELS:
		return ASKED_MODELS;
	case ROUTE_MODEL:
		return ASKED_MODEL;
	default:
		return ASKED_MESSAGE;
	}
}

struct verdict
steps_verdict(const struct exchange *x, enum ending ending, bool content)
{
	static const struct response none = {.retry_after_ms = -1, .should_retry = -1};
	const struct request *r = x->request;
	const struct target *t = &x->target;
	const struct response *response = x->attempt == NULL ? &none : attempt_response(x->attempt);
	const struct buf *body = steps_response_body(x);
	const struct evidence evidence = {
	    .ending = ending,
	    .response = response,
	    .body = buf_text(body),
	    .body_len = body->len,
	    .request = r->body.data,
	    .request_len = r->body.len,
	    .is_forgotten = r->body.len == 0 && r->message.bytes > 0,
	    .headers = &r->headers,
	    .family = t->family,
	    .asked = asked_of(r),
	    .is_translated = x->is_streamed,
	    .wants_stream = r->message.stream && !x->auxiliary,
	    .content = content,
	    .others_ready = t->others_ready,
	    .is_authority = t->provider->dialect->is_authority,
	    .stored = t->credential.stored,
	    .throttled_lately = response->status >= 300 && is_throttled_lately(x),
	    .plan_limits_only = x->config->plan_limits_only,
	    .cooldown_ms = t->provider->cooldown_ms,
	    .now_ms = clock_wall_ms(),
	};
	struct verdict verdict = verdict_judge(&evidence);
	drilled_judge(&x->drilled, &verdict);
	return verdict;
}

struct outcome
steps_outcome(const struct exchange *x, const struct verdict *verdict)
{
	struct outcome outcome = {
	    .provider = x->target.provider,
	    .key = x->target.key,
	    .label = x->target.credential.label,
	    .is_pooled = target_is_pooled(&x->target),
	    .family = x->target.family,
	    .began_ms = x->target.began_ms,
	    .holder = x->probe_id,
	    .response = attempt_response(x->attempt),
	    .verdict = verdict,
	};
	if (x->target.own_account != 0)
		outcome.kin = x->identity.kin;
	return outcome;
}

void
steps_note(struct exchange *x, const char *what)
{
	const struct verdict *v = &x->verdict;
	char until[CLOCK_SHORT_SIZE] = "", name[CREDENTIAL_NAME_SIZE];
	bool timed = v->pause > PAUSE_SHORT && strcmp(what, "retry") != 0;
	if (timed)
		clock_short(v->until_ms, clock_wall_ms(), until);
	buf_append_cut(&x->trail, "%s%s:%d:%s%s%s%s", x->trail.len == 0 ? "" : " ",
		       credential_name(x->target.provider->name, x->target.credential.label, name),
		       v->status, x->drilled.is_now ? "drill-" : "", what, timed ? "→" : "", until);
}

void
steps_record_outcome(struct exchange *x)
{
	if (x->auxiliary || x->attempt == NULL)
		return;
	if (x->drilled.is_now) {
		drilled_record(&x->drilled, x->app, x->target.provider, &x->verdict);
		return;
	}
	if (verdict_is_success(&x->verdict))
		drilled_served(&x->drilled, x->app, x->target.provider);
	const struct outcome outcome = steps_outcome(x, &x->verdict);
	outcome_record(x->app, &outcome);
	if (verdict_is_success(&x->verdict))
		x->target.lease.held = false; /* the success has ended the pause and the lease */
}

void
steps_remember_service(struct exchange *x)
{
	struct session *session = &x->identity.session;
	const struct provider *p = x->target.provider;
	bool is_billed = credential_is_billed(&x->target.credential, p);
	if (x->auxiliary || x->request->message.side_call)
		return;
	const struct outcome outcome = steps_outcome(x, &x->verdict);
	/* Neither a tool loop that stays where it began nor a drill shows where requests go now. */
	if (x->drilled.id == 0 && (!x->request->message.mid_loop || session->provider != p->id))
		outcome_serving(x->app, &outcome, is_billed);
	if (session->key != 0 && session->provider != p->id && is_billed)
		outcome_log_billing(p, request_client(x->request));
	session->provider = p->id;
	session->credential =
	    target_is_pooled(&x->target) ? session_credential(x->target.key.account) : 0;
	session->used_ms = clock_wall_ms();
	if (session->key != 0)
		state_session_put(x->app->state, session);
}

/* --- Beginning a reply, and the end ----------------------------------- */

struct client *
steps_begin_reply(struct exchange *x)
{
	const struct provider *p = x->target.provider;
	if (x->first_ms == -1)
		x->first_ms = clock_steady_ms() - x->start_ms;
	x->client->reply.provider = p == NULL ? "none" : p->name;
	x->client->reply.attempts = x->attempts;
	x->client->reply.drill = x->drilled.id;
	return x->client;
}

/* The attempt is over, and its caps know what it has cost. */
static void
settle(struct exchange *x, const struct cost *cost)
{
	if (x->claims.n == 0)
		return;
	if (cost->is_known && cost->nano_usd > x->claims.bound)
		state_count(x->app->state, x->target.provider->id, COUNT_BOUND_EXCEEDED);
	caps_settle(x->app->state, &x->claims, cost->is_known ? cost->nano_usd : -1);
	const struct caps_query query = {.config = x->config,
					 .provider = x->target.provider,
					 .client = steps_key(x),
					 .now_ms = clock_wall_ms()};
	outcome_spent(x->app, &query);
}

void
steps_record_attempt(struct exchange *x, const char *ending)
{
	const struct target *t = &x->target;
	const struct response *response = x->attempt == NULL ? NULL : attempt_response(x->attempt);
	int64_t now_ms = clock_steady_ms();
	if (x->is_recorded || x->auxiliary || x->drilled.is_now || response == NULL ||
	    !response->complete || response->status < 200 || response->status >= 300)
		return;
	struct attempt_record record = {
	    .request = x->request,
	    .provider = t->provider,
	    .number = x->attempts,
	    .session = x->identity.session.key,
	    .credential = &t->credential,
	    .model = target_model(t, x->request),
	    .status = response->status,
	    .ending = ending,
	    .began_ms = t->began_ms,
	    .first_byte_ms = x->first_ms == -1 ? -1 : x->start_ms + x->first_ms - t->start_ms,
	    .ms = now_ms - t->start_ms,
	    .asked_for_1h = target_asks_for_1h(t, x->request),
	};
	record.usage = stream_usage(&x->relay.stream, &record.estimated);
	record.is_free = x->relay.error_data.len > 0 && usage_total_input(&record.usage) < 0;
	const struct cost cost = record_cost(&record, x->app->prices);
	settle(x, &cost);
	record_count_usage(&record, &cost, x->app->state);
	record_attempt(&record, &cost, x->app->ledger);
	x->is_recorded = true;
}

void
steps_drop_attempt(struct exchange *x)
{
	caps_settle(x->app->state, &x->claims, 0);
	if (x->loaded != 0)
		load_end(&x->app->load, x->loaded);
	x->loaded = 0;
	attempt_free(x->attempt);
	x->attempt = NULL;
	buf_free(&x->body);
	buf_free(&x->decoded);
	if (x->relay_begun)
		relay_fini(&x->relay);
	x->relay_begun = false;
}

void
steps_free(struct exchange *x)
{
	share_ask_end(&x->share_ask);
	lease_release(&x->target.lease, x->app->state);
	steps_drop_attempt(x);
	loop_cancel(x->app->loop, &x->timer);
	loop_cancel(x->app->loop, &x->timeouts);
	kept_fini(&x->kept);
	buf_free(&x->trail);
	tokens_free(x->tokens);
	config_free(x->config);
	free(x);
}

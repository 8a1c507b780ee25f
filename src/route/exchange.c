/* SPDX-License-Identifier: MIT */
/* One request's way, as steps. Each is a function that returns the next one, or NULL to
 * wait for an event; run() alone follows them:
 *
 *     plan ──→ ask ──→ receive ──→ judge ──→ relay ──→ close
 *      ↑        ↑                    │ (JSON, errors)───↑
 *      │        └─ wait ←─ retry ────┤
 *      └──────── wait ←── next ──────┘
 *
 * Events (bytes of the provider, timers, a client that reads or leaves) enter at the
 * bottom of this file. */
#include "route/exchange.h"

#include "base/clock.h"
#include "base/log.h"
#include "client/access.h"
#include "config/diagnostics.h"
#include "dialect/dialect.h"
#include "route/identity.h"
#include "route/limits.h"
#include "route/outcome.h"
#include "route/record.h"
#include "route/relay.h"
#include "route/replies.h"
#include "route/retry.h"
#include "route/target.h"
#include "upstream/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LIMITS_EVERY_MS = 5000,      /* at least: a lease is renewed then, new limits are seen */
	THROTTLED_LATELY_MS = 60000, /* BEHAVIOUR 4: a second bare 429 within a minute */
	MENDED_IN_A_ROW_MAX = 2,     /* BEHAVIOUR 6 */
	REPLAN_SOON_MS = 50,         /* while all are paused and one will be available soon, */
	REPLAN_EVERY_MS = 500,       /* and at the latest */
	LINGER_FOR_MS = 1000,        /* a transfer may take so long to end after the response */
	TRAIL_MAX = 1024,
};

struct exchange;

struct step {
	const char *name;
	const struct step *(*run)(struct exchange *x);
};

struct exchange {
	struct client *client; /* NULL: gone, or replied to */
	struct app *app;
	struct config *config;   /* our share of what was in force when it began: all that is */
	struct tokens *tokens;   /* decided here is decided by these, to the end */
	struct request *request; /* the client's; NULL with it */
	const struct step *step; /* the one that was taken last, whose event is awaited */
	bool auxiliary;          /* count_tokens and models change no provider's health */
	uint64_t probe_id;       /* our name as a probe; random */
	struct identity identity;
	int64_t start_ms; /* steady clock */
	int64_t first_ms; /* first byte to the client, since start_ms; -1: none yet */
	int64_t held_ms;  /* spent waiting for a provider to be available */
	unsigned done;    /* bit i: the candidate with index i is not to be asked again */
	unsigned paused;  /* of done: those that were paused since then */
	unsigned attempts;
	char skipped[64]; /* who was preferred to the first that was asked, for the log */
	struct buf trail; /* the attempts, for the log */
	struct target target;
	struct attempt *attempt;
	struct buf body;    /* rewritten for the provider; empty: the request's own */
	enum ending ending; /* of the attempt, for judge */
	struct relay relay;
	bool relay_begun;
	struct verdict verdict; /* the last one; row NULL: none yet */
	struct kept kept;
	enum mend mend;
	bool is_cut;        /* the provider broke its stream off, and mend says what was done */
	int status;         /* as the client sees it, for close */
	struct timer timer; /* of wait: then comes after; once closed, the end */
	int64_t wait_ms;
	const struct step *after;
	struct timer limits;
};

/* --- Running ---------------------------------------------------------- */

static const struct step step_plan, step_ask, step_receive, step_judge, step_relay, step_close,
    step_wait;

/* After close, the exchange may be gone. */
static void
run(struct exchange *x, const struct step *step)
{
	while (step != NULL) {
		x->step = step;
		step = step->run(x);
	}
}

static const struct step *
wait_for(struct exchange *x, int64_t ms, const struct step *after)
{
	x->wait_ms = ms;
	x->after = after;
	return &step_wait;
}

static const struct step *
close_with(struct exchange *x, int status)
{
	x->status = status;
	return &step_close;
}

/* The client of a reply that begins now, with what its head says of us. */
static struct client *
begin_reply(struct exchange *x)
{
	const struct provider *p = x->target.provider;
	if (x->first_ms == -1)
		x->first_ms = clock_steady_ms() - x->start_ms;
	x->client->reply.provider = p == NULL ? "none" : p->name;
	x->client->reply.attempts = x->attempts;
	return x->client;
}

static void
drop_attempt(struct exchange *x)
{
	attempt_free(x->attempt);
	x->attempt = NULL;
	buf_free(&x->body);
	if (x->relay_begun)
		relay_fini(&x->relay);
	x->relay_begun = false;
}

static void
exchange_free(struct exchange *x)
{
	lease_release(&x->target.lease, x->app->state);
	drop_attempt(x);
	loop_cancel(x->app->loop, &x->timer);
	loop_cancel(x->app->loop, &x->limits);
	kept_fini(&x->kept);
	buf_free(&x->trail);
	tokens_free(x->tokens);
	config_free(x->config);
	free(x);
}

/* --- Time limits ------------------------------------------------------ */

static struct limits_query
limits_of(const struct exchange *x)
{
	bool relaying = x->step == &step_relay;
	return (struct limits_query){
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
	    .life_ms = x->target.life_ms,
	    .failed_ms = x->target.failed_ms,
	    .now_ms = clock_steady_ms(),
	};
}

/* The time until the request must have its first content; 0 or less: it is over. */
static int64_t
remaining_ms(const struct exchange *x)
{
	const struct limits_query query = limits_of(x);
	return limits_deadline_ms(&query);
}

static const struct step *mend(struct exchange *x, enum ending ending);

static const struct step *
judge_ending(struct exchange *x, enum ending ending)
{
	x->ending = ending;
	return &step_judge;
}

/* Checks the limits now, and again when the next may have been reached. NULL: none is. */
static const struct step *
watch_limits(struct exchange *x)
{
	if (x->relay.life)
		x->target.life_ms = x->target.bytes_ms;
	x->relay.life = false;
	const struct limits_query query = limits_of(x);
	struct limit limit = limits_next(&query);
	if (limit.remaining_ms > 0) {
		int64_t idle_ms = x->config->idle_timeout_ms;
		int64_t next_ms = idle_ms < LIMITS_EVERY_MS ? idle_ms : LIMITS_EVERY_MS;
		next_ms = limit.remaining_ms < next_ms ? limit.remaining_ms : next_ms;
		if (loop_after(x->app->loop, &x->limits, next_ms))
			return NULL;
		limit.ending = ENDING_OURS;
	}
	return x->step == &step_relay ? mend(x, limit.ending) : judge_ending(x, limit.ending);
}

/* --- Plan: who is asked next ------------------------------------------ */

static struct candidates *
collect(const struct exchange *x)
{
	const struct request *r = x->request;
	const struct client_credentials client = {
	    .login = r->login,
	    .api_key = r->api_key,
	    .may_use_stored = access_may_use_stored(x->config, r),
	};
	bool is_about_models = r->route->id == ROUTE_MODELS || r->route->id == ROUTE_MODEL;
	const struct candidates_query query = {
	    .config = x->config,
	    .tokens = x->tokens,
	    .state = x->app->state,
	    .client = &client,
	    .message = is_about_models ? NULL : &r->message,
	    .model = r->message.model,
	    .session = x->identity.session.provider,
	    .kin = x->identity.kin,
	    .kin_is_sure = x->identity.kin_is_sure,
	    .now_ms = clock_wall_ms(),
	};
	struct candidates *s = malloc(sizeof *s);
	if (s != NULL)
		candidates_collect(s, &query);
	return s;
}

/* A provider whose pause is over is asked by one request at a time. */
static bool
take_probe(struct exchange *x, const struct candidate *c)
{
	return c->standing != STANDING_PROBE ||
	       lease_take(&x->target.lease, x->app->state, c->cause, c->view->provider->name,
			  x->probe_id);
}

/* An operator wants to see in the log why the preferred provider was not asked. */
static void
note_skipped(struct exchange *x, const struct candidate *skipped)
{
	if (skipped != NULL && x->attempts == 0)
		snprintf(x->skipped, sizeof x->skipped, "%s:%s", skipped->view->provider->name,
			 plan_state_name(skipped->standing));
}

/* Makes the next candidate that may be asked now the target. False: there is none. */
static bool
choose(struct exchange *x, struct candidates *s)
{
	const struct open_query query = {
	    .done = x->done,
	    .auxiliary = x->auxiliary,
	    .counts_tokens = x->request->route->id == ROUTE_COUNT_TOKENS,
	};
	if (x->attempts >= ATTEMPTS_MAX || remaining_ms(x) <= 0)
		return false;
	struct candidate *c;
	while ((c = candidates_next(s, &query)) != NULL && !take_probe(x, c))
		plan_refuse_probe(c, clock_wall_ms());
	if (c == NULL)
		return false;
	target_set(&x->target, c, x->app->state, x->request->message.model);
	x->target.others_ready = candidates_has_other(s, c, &query);
	state_count(x->app->state, x->target.provider->id, COUNT_REQUESTS);
	note_skipped(x, candidates_first_skipped(s, c));
	return true;
}

/* All are paused, but one is available soon: BEHAVIOUR 5, hold. 0: it is not worth it. */
static int64_t
hold_ms(const struct exchange *x, const struct plan *plan)
{
	int64_t earliest_ms = plan_earliest_ms(plan);
	int64_t wait_ms = earliest_ms - clock_wall_ms();
	int64_t budget_ms = x->config->hold_ms - x->held_ms;
	if (earliest_ms == 0 || wait_ms > budget_ms || budget_ms <= 0 ||
	    x->attempts >= ATTEMPTS_MAX || remaining_ms(x) <= 0)
		return 0;
	return wait_ms < REPLAN_SOON_MS    ? REPLAN_SOON_MS
	       : wait_ms > REPLAN_EVERY_MS ? REPLAN_EVERY_MS
					   : wait_ms;
}

static const struct step *
hold(struct exchange *x, int64_t ms)
{
	x->held_ms += ms;
	/* Those that were asked and are paused may be asked again after that. */
	x->done &= ~x->paused;
	x->paused = 0;
	return wait_for(x, ms, &step_plan);
}

static int
reply_that_nobody_can(struct exchange *x, const struct plan *plan)
{
	const struct verdict *v = &x->verdict;
	char last[HEALTH_TEXT_MAX + PROVIDER_NAME_MAX + 4] = "";
	if (v->row != NULL)
		snprintf(last, sizeof last, "%s, %s", x->target.provider->name, v->why);
	const struct no_provider_query query = {
	    .plan = plan,
	    .last = last,
	    .spent = x->attempts >= ATTEMPTS_MAX || remaining_ms(x) <= 0 ||
		     (v->row != NULL && v->status == 0),
	    .limited = v->row != NULL && v->kind == VERDICT_COOL,
	    .login = x->request->login != NULL,
	    .now_ms = clock_wall_ms(),
	};
	return reply_no_provider(begin_reply(x), &query);
}

/* Nobody is left to be asked: BEHAVIOUR 5, "When the last candidate fails". */
static const struct step *
give_up(struct exchange *x, const struct plan *plan)
{
	bool cools = x->verdict.kind == VERDICT_COOL || x->verdict.kind == VERDICT_BENCH;
	if (x->kept.status != 0 && !cools)
		return close_with(x, reply_kept(begin_reply(x), &x->kept));
	if (x->auxiliary)
		return close_with(x, reply_locally(begin_reply(x), x->config));
	int64_t ms = hold_ms(x, plan);
	return ms > 0 ? hold(x, ms) : close_with(x, reply_that_nobody_can(x, plan));
}

static const struct step *
plan(struct exchange *x)
{
	struct candidates *s = collect(x);
	if (s == NULL)
		return close_with(x, reply_out_of_memory(begin_reply(x)));
	const struct step *next = choose(x, s) ? &step_ask : give_up(x, &s->plan);
	free(s);
	return next;
}

/* --- Ask: one attempt begins ------------------------------------------ */

static void on_progress(void *owner);

static struct attempt *
start(struct exchange *x)
{
	const struct request *r = x->request;
	const struct dialect *dialect = x->target.provider->dialect;
	bool streams = r->message.stream && !x->auxiliary;
	if (x->target.credential.value == NULL ||
	    !target_write_body(&x->target, x->app->state, r, &x->body))
		return NULL;
	const struct buf *body = x->body.len > 0 ? &x->body : &r->body;
	bool posts = strcmp(r->method, "POST") == 0;
	const struct attempt_options options = {
	    .provider = x->target.provider,
	    .config = x->config,
	    .path = dialect->path == NULL ? r->path : dialect->path,
	    .query = dialect->forwards_headers ? r->query : "",
	    .headers = &r->headers,
	    .credential = x->target.credential.value,
	    .stored = x->target.credential.stored,
	    .body = posts ? body->data : NULL,
	    .body_len = posts ? body->len : 0,
	    .fresh = x->target.retries > 0 && x->verdict.status == 0,
	    .total_ms = remaining_ms(x) + (streams ? x->config->stream_deadline_ms : 0),
	};
	return attempt_start(x->app->pool, &options, on_progress, x);
}

static const struct step *
ask(struct exchange *x)
{
	struct target *t = &x->target;
	drop_attempt(x);
	lease_renew(&t->lease, x->app->state);
	x->attempts++;
	t->began_ms = clock_wall_ms();
	t->start_ms = t->bytes_ms = t->life_ms = clock_steady_ms();
	t->failed_ms = 0;
	t->json = (struct json_end){0};
	x->attempt = start(x);
	relay_init(&x->relay, t->provider->dialect, t->provider->name);
	x->relay_begun = true;
	return x->attempt == NULL ? judge_ending(x, ENDING_OURS) : watch_limits(x);
}

/* --- Receive: what comes before anything goes to the client ----------- */

/* A stream whose content has not begun. */
static const struct step *
gate(struct exchange *x)
{
	enum ending ending;
	enum relay_result result = relay_take(&x->relay, attempt_body(x->attempt));
	if (result == RELAY_CONTENT || result == RELAY_FAILED || result == RELAY_ENDED)
		return judge_ending(x, ENDING_WHOLE);
	if (result == RELAY_TOO_BIG)
		return judge_ending(x, ENDING_TOO_BIG);
	return attempt_ended(x->attempt, &ending) ? judge_ending(x, ending) : NULL;
}

/* A JSON response is complete when its JSON ends, whatever the transport says
 * (BEHAVIOUR 4). */
static bool
is_json_whole(struct exchange *x)
{
	const struct buf *body = attempt_body(x->attempt);
	struct scan s;
	if (!json_end_reached(&x->target.json, buf_text(body), body->len))
		return false;
	scan_init(&s, body->data, body->len);
	scan_skip(&s);
	return scan_end(&s);
}

static struct outcome
outcome_of(const struct exchange *x, const struct verdict *verdict)
{
	struct outcome outcome = {
	    .provider = x->target.provider,
	    .key = x->target.key,
	    .family = target_family(&x->target, x->request),
	    .began_ms = x->target.began_ms,
	    .holder = x->probe_id,
	    .response = attempt_response(x->attempt),
	    .verdict = verdict,
	};
	if (x->target.own != 0)
		outcome.kin = x->identity.kin;
	return outcome;
}

/* The head of a stream with a 2xx that is no rejection is a probe's success: BEHAVIOUR 5. */
static void
end_probe(struct exchange *x)
{
	const struct response *response = attempt_response(x->attempt);
	const struct verdict served = {.kind = VERDICT_PASS, .status = response->status};
	if (!x->target.lease.held || response->status >= 300 || !response->sse ||
	    (response->overage && x->config->plan_limits_only))
		return;
	const struct outcome outcome = outcome_of(x, &served);
	outcome_probe_served(x->app, &outcome);
	x->target.lease.held = false;
}

static const struct step *
receive(struct exchange *x)
{
	const struct response *response = attempt_response(x->attempt);
	enum ending ending;
	if (response->status >= 300 && x->target.failed_ms == 0)
		x->target.failed_ms = x->target.bytes_ms;
	if (response->complete)
		end_probe(x);
	bool succeeds = response->complete && response->status >= 200 && response->status < 300;
	if (succeeds && response->sse && x->request->message.stream)
		return gate(x);
	if (attempt_ended(x->attempt, &ending))
		return judge_ending(x, ending);
	return succeeds && !response->sse && is_json_whole(x) ? judge_ending(x, ENDING_WHOLE)
							      : NULL;
}

/* --- Judge: what the response means, and what follows ------------------ */

static bool
is_throttled_lately(const struct exchange *x)
{
	struct health h;
	state_health(x->app->state, &x->target.key, &h);
	int64_t ago_ms = clock_wall_ms() - h.throttled_ms;
	return h.throttled_ms != 0 && ago_ms >= 0 && ago_ms <= THROTTLED_LATELY_MS;
}

/* What the response says, or what came in its place: an error event, or all that was read. */
static const struct buf *
response_body(const struct exchange *x)
{
	static const struct buf nothing;
	if (x->relay.error.len > 0)
		return &x->relay.error;
	if (x->relay.seen.len > 0)
		return &x->relay.seen;
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

static struct verdict
verdict_of(const struct exchange *x, enum ending ending, bool content)
{
	static const struct response none = {.retry_after_ms = -1, .should_retry = -1};
	const struct request *r = x->request;
	const struct target *t = &x->target;
	const struct response *response = x->attempt == NULL ? &none : attempt_response(x->attempt);
	const struct buf *body = response_body(x);
	const struct evidence evidence = {
	    .ending = ending,
	    .response = response,
	    .body = buf_text(body),
	    .body_len = body->len,
	    .request = r->body.data,
	    .request_len = r->body.len,
	    .headers = &r->headers,
	    .family = target_family(t, r),
	    .asked = asked_of(r),
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
	return verdict_judge(&evidence);
}

static bool
is_served(const struct verdict *v)
{
	return v->kind == VERDICT_PASS && v->status >= 200 && v->status < 300;
}

/* Adds to the trail: "claude_pro:429:cool→18:00". */
static void
note(struct exchange *x, const char *what)
{
	const struct verdict *v = &x->verdict;
	char until[CLOCK_SHORT_SIZE] = "";
	bool timed = v->pause > PAUSE_SHORT && strcmp(what, "retry") != 0;
	if (timed)
		clock_short(v->until_ms, clock_wall_ms(), until);
	buf_append_cut(&x->trail, "%s%s:%d:%s%s%s", x->trail.len == 0 ? "" : " ",
		       x->target.provider->name, v->status, what, timed ? "→" : "", until);
}

static void
count(const struct exchange *x, bool is_asked_again)
{
	if (!x->auxiliary && x->attempt != NULL)
		outcome_count_attempt(x->app->state, x->target.provider, &x->verdict,
				      is_asked_again);
}

/* Changes the provider's health; what is retried is not final yet. */
static void
account_for(struct exchange *x)
{
	if (x->auxiliary || x->attempt == NULL)
		return;
	const struct outcome outcome = outcome_of(x, &x->verdict);
	outcome_record(x->app, &outcome);
	if (is_served(&x->verdict))
		x->target.lease.held = false; /* the success has ended the pause, and the lease */
}

/* How long to wait until the same provider is asked once more; -1: it is not. */
static int64_t
retry_ms(const struct exchange *x)
{
	const struct retry_query query = {
	    .verdict = &x->verdict,
	    .retries = x->target.retries,
	    .max_retries = x->config->max_retries,
	    .delay_ms = x->config->retry_delay_ms,
	    .others_ready = x->target.others_ready,
	    .was_lost = x->attempt != NULL && attempt_was_lost(x->attempt),
	    .auxiliary = x->auxiliary,
	    .random = x->probe_id >> (8 + x->attempts) & 0xff,
	};
	int64_t ms = retry_delay_ms(&query);
	return x->attempts < ATTEMPTS_MAX && ms < remaining_ms(x) ? ms : -1;
}

/* Whether the same provider is asked by another name or in another form. */
static bool
try_another(struct exchange *x)
{
	if (x->auxiliary || x->attempts >= ATTEMPTS_MAX || remaining_ms(x) <= 0)
		return false;
	return target_try_another(&x->target, x->request, &x->verdict, buf_text(response_body(x)));
}

/* Keeps the response for the client, in case that nobody has a better one. What was
 * said of a stored credential is none of its business: BEHAVIOUR 5. */
static void
keep(struct exchange *x)
{
	int status = x->verdict.status; /* what an error in a 200 stands for, too */
	bool is_secret =
	    x->target.credential.stored && (status == 401 || status == 402 || status == 403);
	x->kept.status = 0;
	if (x->attempt == NULL || !attempt_response(x->attempt)->complete || is_secret ||
	    status < 400)
		return;
	const struct buf *body =
	    x->relay.error_data.len > 0 ? &x->relay.error_data : attempt_body(x->attempt);
	kept_put(&x->kept, x->target.provider, attempt_response(x->attempt), status, buf_text(body),
		 body->len);
	attempt_redact(x->attempt, x->kept.body.data, x->kept.body.len);
}

/* Remembers who serves the conversation, and the router. Side calls move neither. */
static void
remember_service(struct exchange *x)
{
	struct session *session = &x->identity.session;
	const struct provider *p = x->target.provider;
	bool stored = x->target.credential.stored;
	if (x->auxiliary || x->request->message.side_call)
		return;
	const struct outcome outcome = outcome_of(x, &x->verdict);
	outcome_serving(x->app, &outcome, !stored);
	if (session->key != 0 && session->provider != p->id && stored && p->paid)
		outcome_log_billing(p, request_client(x->request));
	session->provider = p->id;
	session->used_ms = clock_wall_ms();
	if (session->key != 0)
		state_session_put(x->app->state, session);
}

/* The head of a stream goes to the client, and what was held of it. */
static void
open_stream(struct exchange *x)
{
	const struct response *response = attempt_response(x->attempt);
	struct buf lines;
	buf_init(&lines, 2 * RESPONSE_HEAD_FORWARDED_MAX);
	buf_append_cut(&lines, "%s", REPLY_STREAM_LINES);
	bool whole = buf_puts(&lines, buf_text(&response->passed));
	relay_open(&x->relay, &begin_reply(x)->reply, whole ? lines.data : REPLY_STREAM_LINES);
	buf_free(&lines);
	attempt_forget_head(x->attempt);
}

/* The response goes to the client. */
static const struct step *
pass(struct exchange *x)
{
	const struct response *response = attempt_response(x->attempt);
	const struct buf *body = attempt_body(x->attempt);
	if (!is_served(&x->verdict)) {
		keep(x);
		lease_release(&x->target.lease, x->app->state);
		return close_with(x, reply_kept(begin_reply(x), &x->kept));
	}
	target_worked(&x->target, x->app->state, x->request);
	remember_service(x);
	if (response->sse) {
		open_stream(x);
		return &step_relay;
	}
	usage_read_json(&x->relay.stream.usage, buf_text(body), body->len);
	return close_with(
	    x, reply_response(begin_reply(x), &x->target, response, body, !x->auxiliary));
}

/* Another candidate's turn. */
static const struct step *
next(struct exchange *x)
{
	unsigned bit = 1u << x->target.index;
	keep(x);
	lease_release(&x->target.lease, x->app->state);
	x->done |= bit;
	if (x->verdict.kind == VERDICT_COOL)
		x->paused |= bit;
	drop_attempt(x);
	return &step_plan;
}

static const struct step *
judge(struct exchange *x)
{
	x->verdict = verdict_of(x, x->ending, x->relay.stream.content);
	int64_t wait_ms = retry_ms(x);
	if (wait_ms >= 0) {
		note(x, "retry");
		count(x, true);
		x->target.retries++;
		drop_attempt(x);
		return wait_for(x, wait_ms, &step_ask);
	}
	note(x, verdict_name(x->verdict.kind));
	bool is_asked_again = try_another(x);
	count(x, is_asked_again);
	if (is_asked_again)
		return &step_ask;
	account_for(x);
	return x->verdict.kind == VERDICT_PASS ? pass(x) : next(x);
}

/* --- Wait: for a retry, or for a provider to be available --------------- */

static const struct step *
wait(struct exchange *x)
{
	loop_cancel(x->app->loop, &x->limits);
	if (loop_after(x->app->loop, &x->timer, x->wait_ms))
		return NULL;
	return close_with(x, reply_out_of_memory(begin_reply(x)));
}

/* --- Relay: the stream goes on to the client -------------------------- */

/* The provider died after its content began: BEHAVIOUR 6. */
static const struct step *
mend(struct exchange *x, enum ending ending)
{
	struct relay *r = &x->relay;
	struct session *session = &x->identity.session;
	struct buf last;
	relay_abandon(r);
	bool may_close = session->key != 0 && session->mended < MENDED_IN_A_ROW_MAX;
	x->verdict =
	    verdict_of(x, ending == ENDING_WHOLE && r->error.len == 0 ? ENDING_CUT : ending, false);
	note(x, "died");
	account_for(x);
	x->is_cut = true;
	x->mend = stream_mend(&r->stream, x->request->claude_code, may_close);
	session->mended += x->mend == MEND_MAX_TOKENS;
	remember_service(x);
	buf_init(&last, RESPONSE_ERROR_MAX + SSE_EVENT_MAX);
	const char *error = r->error.len > 0 ? r->error.data : NULL;
	attempt_redact(x->attempt, r->error.data, r->error.len);
	if (stream_close(&r->stream, x->mend, error, r->error.len, &last))
		reply_body(&x->client->reply, last.data, last.len);
	else
		reply_cut(&x->client->reply); /* without memory for the end there is none */
	buf_free(&last);
	attempt_free(x->attempt);
	x->attempt = NULL;
	reply_end(&x->client->reply);
	return close_with(x, 200);
}

static const struct step *
complete(struct exchange *x)
{
	if (x->identity.session.mended != 0) {
		x->identity.session.mended = 0;
		remember_service(x);
	}
	reply_end(&x->client->reply);
	return close_with(x, 200);
}

static const struct step *
relay(struct exchange *x)
{
	enum ending ending;
	enum relay_result result = relay_take(&x->relay, attempt_body(x->attempt));
	while (result == RELAY_CONTENT)
		result = relay_take(&x->relay, attempt_body(x->attempt));
	/* What could be sent to another provider instead is not needed any more. */
	if (x->request->body.len > 0 && attempt_is_sent(x->attempt)) {
		buf_free(&x->request->body);
		buf_free(&x->body);
	}
	if (result == RELAY_COMPLETE)
		return complete(x);
	if (result == RELAY_FAILED)
		return mend(x, ENDING_WHOLE);
	if (result == RELAY_TOO_BIG)
		return mend(x, ENDING_TOO_BIG);
	if (attempt_ended(x->attempt, &ending))
		return mend(x, ending);
	if (reply_backlog(&x->client->reply) > UNREAD_STREAM_MAX)
		attempt_pause(x->attempt);
	return NULL;
}

/* --- Close: the reply is written -------------------------------------- */

static void
record(const struct exchange *x)
{
	const struct reply *reply = &x->client->reply;
	int64_t asked_ms = x->target.start_ms - x->start_ms;
	const struct request_record record = {
	    .request = x->request,
	    .provider = x->target.provider,
	    .replied_by_us = strcmp(reply->provider, "none") == 0,
	    .stored = x->target.credential.stored,
	    .sent_model = x->target.model,
	    .skipped = x->skipped,
	    .attempts = buf_text(&x->trail),
	    .status = x->status,
	    .bytes = reply->bytes,
	    .first_ms = x->first_ms,
	    .provider_first_ms = x->first_ms == -1 ? -1 : x->first_ms - asked_ms,
	    .ms = clock_steady_ms() - x->start_ms,
	    .usage = x->relay_begun ? x->relay.stream.usage : USAGE_NONE,
	    .mend = x->mend,
	    .is_cut = x->is_cut,
	};
	record_log(&record);
	if (!x->auxiliary)
		record_count(&record, x->app->state);
}

/* Whether a connection to the provider is worth waiting for: it stays warm only if its
 * transfer comes to an end, which mostly is a matter of one turn of the loop. libcurl
 * must not go on to send a body that is freed with the client. */
static bool
may_linger(const struct exchange *x)
{
	enum ending ending;
	return x->attempt != NULL && !attempt_ended(x->attempt, &ending) &&
	       attempt_is_sent(x->attempt);
}

static const struct step *
close_exchange(struct exchange *x)
{
	record(x);
	bool lingers = may_linger(x);
	x->client->handler = NULL;
	x->client = NULL;
	x->request = NULL;
	loop_cancel(x->app->loop, &x->limits);
	if (!lingers || !loop_after(x->app->loop, &x->timer, LINGER_FOR_MS))
		exchange_free(x);
	return NULL;
}

static const struct step step_plan = {"plan", plan}, step_ask = {"ask", ask},
			 step_receive = {"receive", receive}, step_judge = {"judge", judge},
			 step_relay = {"relay", relay}, step_close = {"close", close_exchange},
			 step_wait = {"wait", wait};

/* --- Events ----------------------------------------------------------- */

/* Bytes came from the provider, or the attempt ended. */
static void
on_progress(void *owner)
{
	struct exchange *x = owner;
	enum ending ending;
	x->target.bytes_ms = clock_steady_ms();
	if (x->step == &step_ask || x->step == &step_receive)
		run(x, &step_receive);
	else if (x->step == &step_relay)
		run(x, &step_relay);
	else if (x->step == &step_close && attempt_ended(x->attempt, &ending))
		exchange_free(x);
}

static void
on_timer(struct timer *timer)
{
	struct exchange *x = CONTAINER_OF(timer, struct exchange, timer);
	if (x->step == &step_close)
		exchange_free(x);
	else
		run(x, x->after);
}

static void
on_limits(struct timer *timer)
{
	struct exchange *x = CONTAINER_OF(timer, struct exchange, limits);
	lease_renew(&x->target.lease, x->app->state);
	run(x, watch_limits(x));
}

/* The client took what waited for it. */
static void
on_drained(void *handling)
{
	struct exchange *x = handling;
	if (x->step == &step_relay)
		attempt_resume(x->attempt);
}

/* The client has gone. */
static void
on_aborted(void *handling)
{
	struct exchange *x = handling;
	x->status = STATUS_ABORTED;
	record(x);
	exchange_free(x);
}

/* --- Begin ------------------------------------------------------------ */

/* Once: whoever runs the router may wonder why such a client is served by the plan. */
static void
log_login_as_key(struct app *app, const struct request *request)
{
	if (!request->login_as_key || app->told_login_as_key)
		return;
	app->told_login_as_key = true;
	log_line(LOG_NOTICE, "%s sends its Claude login as x-api-key: it is used as the login",
		 request_client(request));
}

static struct exchange *
exchange_new(struct client *client)
{
	struct exchange *x = calloc(1, sizeof *x);
	if (x == NULL)
		return NULL;
	x->client = client;
	x->app = client->app;
	x->config = config_share(client->app->config);
	x->tokens = tokens_share(client->app->tokens);
	x->request = &client->request;
	x->auxiliary = client->request.route->id != ROUTE_MESSAGES;
	x->probe_id = digest_name(client->request.id);
	x->start_ms = clock_steady_ms();
	x->first_ms = -1;
	x->timer.due = on_timer;
	x->limits.due = on_limits;
	buf_init(&x->body, 2 * x->request->body.max + 65536);
	kept_init(&x->kept);
	buf_init(&x->trail, TRAIL_MAX);
	return x;
}

void
exchange_start(struct client *client)
{
	static const struct handler handler = {on_drained, on_aborted};
	struct exchange *x = exchange_new(client);
	log_login_as_key(client->app, &client->request);
	if (x == NULL) {
		reply_out_of_memory(client);
		return;
	}
	client->handler = &handler;
	client->handling = x;
	identity_find(&x->identity, x->app->state, x->request);
	run(x, &step_plan);
}

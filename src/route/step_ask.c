/* SPDX-License-Identifier: MIT */
/* The steps ask and receive: send the request to a provider, and read its response as far as a
 * verdict needs it. Nothing is sent to the client. */
#include "base/clock.h"
#include "dialect/dialect.h"
#include "route/steps.h"

#include <string.h>

static struct attempt *
start(struct exchange *x)
{
	const struct request *r = x->request;
	const struct dialect *dialect = x->target.provider->dialect;
	bool streams = r->message.stream && !x->auxiliary;
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
	    .total_ms = steps_remaining_ms(x) + (streams ? x->config->stream_deadline_ms : 0),
	};
	return x->drilled.is_now
		   ? drilled_start(&x->drilled, x->app->pool, &options, x->on_progress, x)
		   : attempt_start(x->app->pool, &options, x->on_progress, x);
}

/* --- Caps ------------------------------------------------------------- */

enum {
	OUTPUT_UNBOUNDED = 128000, /* for a body without max_tokens */
	PART_ASKS_MAX = 4,         /* others may take what was granted */
};

/* The most that the body asks for; what a provider refused with a limit goes without. */
static int64_t
output_tokens(const struct exchange *x)
{
	int64_t n = x->request->message.max_tokens,
		least = x->target.provider->dialect->least_output;
	if (n < 0 || (x->target.quirks & QUIRK_NO_MAX_TOKENS) != 0)
		return OUTPUT_UNBOUNDED;
	return n < least ? least : n;
}

/* The most that the body can cost. Words are searched in all of it: one too many errs high. */
static struct cost
bound_of(const struct exchange *x)
{
	const struct message *m = &x->request->message;
	const struct buf *body = x->body.len > 0 ? &x->body : &x->request->body;
	/* What is rewritten may lack the images. */
	int64_t asked = (int64_t)(m->bytes - m->data_bytes);
	int64_t sent = (int64_t)body->len - (int64_t)m->data_bytes;
	const struct price_query query = {
	    .provider = x->target.provider->name,
	    .model = target_model(&x->target, x->request),
	    .at_ms = clock_wall_ms(),
	    .asked_for_1h = target_asks_for_1h(&x->target, x->request),
	};
	const struct price_request request = {
	    .text_bytes = sent > asked ? sent : asked,
	    .images = m->files,
	    .max_tokens = output_tokens(x),
	    .is_fast = memmem(body->data, body->len, "\"fast\"", 6) != NULL &&
		       memmem(body->data, body->len, "\"speed\"", 7) != NULL,
	    .has_search = (m->needs & NEED_WEB_SEARCH) != 0,
	};
	if (x->app->prices == NULL)
		return (struct cost){.is_known = false};
	return prices_bound(x->app->prices, &query, &request);
}

/* Reserves what the attempt may cost, if a cap binds it. */
static enum caps_result
reserve(struct exchange *x, struct budget_want *want)
{
	const struct provider *p = x->target.provider;
	const struct caps_query query = {
	    .config = x->config, .provider = p, .client = steps_key(x), .now_ms = clock_wall_ms()};
	if (x->auxiliary || x->drilled.is_now || !x->target.credential.stored || !caps_bind(&query))
		return CAPS_GRANTED;
	const struct cost bound = bound_of(x);
	return caps_reserve(&query, x->app->state, &bound, &x->claims, want);
}

/* A cap refuses the attempt, which wants that much of it: the next candidate. It may be asked after
 * a wait. */
static const struct step *
skip(struct exchange *x, const struct budget_want *want)
{
	uint64_t bit = UINT64_C(1) << x->target.index;
	lease_release(&x->target.lease, x->app->state);
	x->tried |= bit;
	x->paused |= bit;
	x->capped |= bit;
	if (caps_lack(x->config, x->app->state, want)) {
		x->lacking |= bit;
		if (x->lacked < want->bound)
			x->lacked = want->bound;
	}
	x->target.provider = x->asked;
	return &step_plan;
}

const struct step *
steps_parted(struct exchange *x, enum share_answer answer)
{
	return answer == SHARE_GRANTED ? &step_ask : skip(x, &x->share_ask.wish.part);
}

/* Asks for a larger part of a cap, without which this attempt cannot be made. */
static const struct step *
ask_for_part(struct exchange *x, const struct budget_want *want)
{
	const struct share_wish wish = {.kind = SHARE_PART, .part = *want};
	enum share_answer answer = SHARE_SILENT;
	loop_cancel(x->app->loop, &x->timeouts);
	if (x->target.part_asks++ < PART_ASKS_MAX && state_share_is_connected(x->app->state))
		answer =
		    share_ask_begin(&x->share_ask, x->app->loop, state_path(x->app->state), &wish);
	return answer == SHARE_ASKED ? NULL : skip(x, want);
}

static const struct step *
ask(struct exchange *x)
{
	struct target *t = &x->target;
	struct budget_want want;
	steps_drop_attempt(x);
	bool written = t->credential.value != NULL &&
		       target_write_body(t, x->app->state, x->request, &x->body);
	enum caps_result caps = written ? reserve(x, &want) : CAPS_GRANTED;
	if (caps != CAPS_GRANTED)
		return caps == CAPS_NEED_PART ? ask_for_part(x, &want) : skip(x, &want);
	t->part_asks = 0;
	x->asked = t->provider;
	lease_renew(&t->lease, x->app->state);
	x->attempts++;
	x->is_recorded = false;
	t->began_ms = clock_wall_ms();
	t->start_ms = t->bytes_ms = t->alive_ms = clock_steady_ms();
	t->failed_ms = 0;
	t->json = (struct json_end){0};
	x->attempt = written ? start(x) : NULL;
	if (x->attempt != NULL && target_is_pooled(t)) {
		x->loaded = t->key.account;
		load_begin(&x->app->load, x->loaded);
	}
	relay_init(&x->relay, t->provider->dialect, t->provider->name,
		   message_tokens(&x->request->message));
	x->relay_begun = true;
	x->is_streamed = false;
	return x->attempt == NULL ? steps_judge(x, ENDING_OURS) : steps_check_timeouts(x);
}

const struct step step_ask = {"ask", ask};

/* --- Receive ---------------------------------------------------------- */

/* Judges what came of a stream, if that can be judged. */
static const struct step *
judge_stream(struct exchange *x, enum relay_result result)
{
	x->is_streamed = true;
	return steps_judge(x, result == RELAY_TOO_BIG ? ENDING_TOO_BIG : ENDING_WHOLE);
}

/* A stream whose content has not begun: its events are held. */
static const struct step *
receive_stream(struct exchange *x)
{
	enum ending ending;
	enum relay_result result = relay_events(&x->relay, attempt_body(x->attempt));
	bool has_ended = result == RELAY_MORE && attempt_ended(x->attempt, &ending);
	if (has_ended)
		result = relay_end(&x->relay);
	if (result != RELAY_MORE)
		return judge_stream(x, result);
	return has_ended ? steps_judge(x, ending) : NULL;
}

/* A whole JSON response. Some servers send it where a stream was asked for: PROTOCOLS.md 8. */
static const struct step *
receive_json(struct exchange *x)
{
	struct buf *body = attempt_body(x->attempt);
	if (!x->request->message.stream || x->auxiliary ||
	    x->target.provider->dialect->translate_event == NULL)
		return steps_judge(x, ENDING_WHOLE);
	enum relay_result result = relay_json(&x->relay, body);
	if (result == RELAY_MORE)
		return steps_judge(x, ENDING_WHOLE);
	buf_free(body);
	return judge_stream(x, result);
}

/* A JSON response is complete when its JSON ends, even if the transfer has not (BEHAVIOUR 4). */
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

/* Ends a probe as a success when a stream's head is a 2xx and not on paid extra usage:
 * BEHAVIOUR 5. */
static void
end_probe(struct exchange *x)
{
	const struct response *response = attempt_response(x->attempt);
	const struct verdict served = {.kind = VERDICT_PASS, .status = response->status};
	if (!x->target.lease.held || !verdict_is_success(&served) || !response->sse ||
	    (response->overage && x->config->plan_limits_only))
		return;
	const struct outcome outcome = steps_outcome(x, &served);
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
	/* Who asks the next provider rewrites the client's body anew. */
	if (x->body.len > 0 && attempt_is_sent(x->attempt))
		buf_free(&x->body);
	bool succeeds = response->complete && response->status >= 200 && response->status < 300;
	if (succeeds && response->sse && x->request->message.stream)
		return receive_stream(x);
	if (succeeds && !response->sse && is_json_whole(x))
		return receive_json(x);
	return attempt_ended(x->attempt, &ending) ? steps_judge(x, ending) : NULL;
}

const struct step step_receive = {"receive", receive};

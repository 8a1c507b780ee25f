/* SPDX-License-Identifier: MIT */
/* The step judge: decide what the response means, and what follows: the same provider once more,
 * with the same request, another name of the model or another form; the next candidate; or the
 * reply. */
#include "dialect/dialect.h"
#include "route/retry.h"
#include "route/steps.h"

/* Brings a message that is no stream into the client's form, in which it is judged, too. False: out
 * of memory. */
static bool
decode(struct exchange *x)
{
	const struct dialect *dialect = x->target.provider->dialect;
	const struct response *response = x->attempt == NULL ? NULL : attempt_response(x->attempt);
	bool is_json = response != NULL && response->complete && response->status >= 200 &&
		       response->status < 300 && !response->sse && !response->html &&
		       !x->is_streamed;
	if (x->auxiliary || !is_json || dialect->decode_json == NULL)
		return true;
	const struct buf *json = attempt_body(x->attempt);
	buf_free(&x->decoded);
	buf_init(&x->decoded, 2 * (size_t)RESPONSE_JSON_MAX);
	return dialect->decode_json(x->target.provider->name, message_tokens(&x->request->message),
				    buf_text(json), json->len, &x->decoded);
}

static void
count_attempt(const struct exchange *x, bool is_asked_again)
{
	if (!x->auxiliary && !x->drilled.is_now && x->attempt != NULL)
		outcome_count_attempt(x->app->state, x->target.provider, &x->verdict,
				      is_asked_again);
}

/* How long to wait before the same provider is tried once more; -1: it is not. */
static int64_t
retry_ms(const struct exchange *x)
{
	const struct retry_query query = {
	    .verdict = &x->verdict,
	    .retries = x->target.retries,
	    .max_retries = x->config->max_retries,
	    .delay_ms = x->config->retry_delay_ms,
	    .others_ready = x->target.others_ready ||
			    (x->target.siblings_ready && verdict_is_about_credential(&x->verdict)),
	    .was_lost = x->attempt != NULL && attempt_was_lost(x->attempt),
	    .auxiliary = x->auxiliary,
	    .random = x->probe_id >> (8 + x->attempts) & 0xff,
	};
	int64_t ms = retry_delay_ms(&query);
	return ms >= 0 && x->attempts < ATTEMPTS_MAX && ms < steps_remaining_ms(x) ? ms : -1;
}

/* Whether to try the same provider with another name of the model or another form. */
static bool
try_another(struct exchange *x)
{
	if (x->auxiliary || x->attempts >= ATTEMPTS_MAX || steps_remaining_ms(x) <= 0)
		return false;
	return target_try_another(&x->target, x->request, &x->verdict,
				  buf_text(steps_response_body(x)));
}

/* Keeps an error for the client, in case no other provider does better; not one about a stored
 * credential, which is not the client's concern: BEHAVIOUR 5. */
static void
keep_error(struct exchange *x)
{
	int status = x->verdict.status; /* of an error in a 200: what it stands for */
	bool is_secret =
	    x->target.credential.stored && (status == 401 || status == 402 || status == 403);
	x->kept.status = 0;
	if (x->attempt == NULL || !attempt_response(x->attempt)->complete || is_secret ||
	    status < 400)
		return;
	const struct buf *body =
	    x->relay.error_data.len > 0 ? &x->relay.error_data : attempt_body(x->attempt);
	kept_put(&x->kept, x->target.provider, attempt_response(x->attempt), status, body);
	attempt_redact(x->attempt, x->kept.body.data, x->kept.body.len);
}

/* Sends a stream's head, and the events that were held, to the client. */
static void
open_stream(struct exchange *x)
{
	const struct response *response = attempt_response(x->attempt);
	struct buf lines;
	buf_init(&lines, 2 * RESPONSE_HEAD_FORWARDED_MAX);
	bool whole = buf_puts(&lines, REPLY_STREAM_LINES) &&
		     buf_puts(&lines, buf_text(&response->forwarded));
	relay_open(&x->relay, &steps_begin_reply(x)->reply,
		   whole ? lines.data : REPLY_STREAM_LINES);
	buf_free(&lines);
	attempt_forget_head(x->attempt);
}

/* Sends the response to the client. */
static const struct step *
pass(struct exchange *x)
{
	const struct response *response = attempt_response(x->attempt);
	const struct buf *body = steps_response_body(x);
	if (!verdict_is_success(&x->verdict)) {
		keep_error(x);
		lease_release(&x->target.lease, x->app->state);
		return steps_close(x, replies_kept(steps_begin_reply(x), &x->kept));
	}
	target_worked(&x->target, x->app->state, x->request);
	steps_remember_service(x);
	if (response->sse || x->is_streamed) {
		open_stream(x);
		return &step_relay;
	}
	x->relay.stream.usage = x->verdict.usage;
	steps_keep_response(x, body);
	return steps_close(x, replies_response(steps_begin_reply(x), response, body));
}

/* Leaves this credential, or its provider if another one would do no better, for the next
 * candidate. */
static const struct step *
next_candidate(struct exchange *x)
{
	uint64_t bits = verdict_is_about_credential(&x->verdict) ? UINT64_C(1) << x->target.index
								 : x->target.pool;
	keep_error(x);
	lease_release(&x->target.lease, x->app->state);
	x->tried |= bits;
	if (x->verdict.kind == VERDICT_COOL)
		x->paused |= bits;
	steps_record_attempt(x, "skipped");
	steps_drop_attempt(x);
	return &step_plan;
}

static const struct step *
judge(struct exchange *x)
{
	if (!decode(x))
		x->ending = ENDING_OURS;
	x->verdict = steps_verdict(x, x->ending, x->relay.stream.content);
	int64_t wait_ms = retry_ms(x);
	if (wait_ms >= 0) {
		steps_note(x, "retry");
		count_attempt(x, true);
		x->target.retries++;
		steps_record_attempt(x, "cut");
		steps_drop_attempt(x);
		return steps_wait(x, wait_ms, &step_ask);
	}
	steps_note(x, verdict_name(x->verdict.kind));
	bool is_asked_again = try_another(x);
	count_attempt(x, is_asked_again);
	if (is_asked_again)
		return &step_ask;
	steps_record_outcome(x);
	return x->verdict.kind == VERDICT_PASS ? pass(x) : next_candidate(x);
}

const struct step step_judge = {"judge", judge};

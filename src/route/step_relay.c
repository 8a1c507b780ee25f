/* SPDX-License-Identifier: MIT */
/* The steps relay and mend: send the stream to the client as it arrives, and end it properly when
 * the provider breaks it off (BEHAVIOUR 6). */
#include "base/caps.h"
#include "route/steps.h"

static const struct step *
complete(struct exchange *x)
{
	if (x->identity.session.mended != 0) {
		x->identity.session.mended = 0;
		steps_remember_service(x);
	}
	reply_end(&x->client->reply);
	return steps_close(x, 200);
}

static const struct step *
broken(struct exchange *x, enum ending ending)
{
	x->ending = ending;
	return &step_mend;
}

static const struct step *
relay(struct exchange *x)
{
	enum ending ending;
	enum relay_result result = relay_events(&x->relay, attempt_body(x->attempt));
	while (result == RELAY_CONTENT)
		result = relay_events(&x->relay, attempt_body(x->attempt));
	bool has_ended = result == RELAY_MORE && attempt_ended(x->attempt, &ending);
	if (has_ended)
		result = relay_end(&x->relay);
	/* No other provider will get the body any more. */
	if (x->request->body.len > 0 && attempt_is_sent(x->attempt)) {
		buf_free(&x->request->body);
		buf_free(&x->body);
		attempt_forget_request(x->attempt);
	}
	if (result == RELAY_COMPLETE)
		return complete(x);
	if (result == RELAY_FAILED)
		return broken(x, ENDING_WHOLE);
	if (result == RELAY_TOO_BIG)
		return broken(x, ENDING_TOO_BIG);
	if (has_ended)
		return broken(x, ending);
	if (reply_backlog(&x->client->reply) > UNREAD_STREAM_MAX)
		attempt_pause(x->attempt);
	return NULL;
}

const struct step step_relay = {"relay", relay};

/* --- Mend ------------------------------------------------------------- */

/* The provider broke off after its content began: BEHAVIOUR 6. */
static const struct step *
mend(struct exchange *x)
{
	struct relay *r = &x->relay;
	struct session *session = &x->identity.session;
	struct buf last;
	if (relay_end(r) == RELAY_COMPLETE) /* it said all, and then was silent */
		return complete(x);
	relay_drop_start(r);
	bool may_close = session->key != 0 && session->mended < MENDED_IN_A_ROW_MAX;
	x->verdict = steps_verdict(
	    x, x->ending == ENDING_WHOLE && r->error.len == 0 ? ENDING_CUT : x->ending, false);
	steps_note(x, "died");
	steps_record_outcome(x);
	x->is_cut = true;
	x->mend = stream_mend(&r->stream, x->request->claude_code, may_close);
	session->mended += x->mend == MEND_MAX_TOKENS;
	steps_remember_service(x);
	buf_init(&last, RESPONSE_ERROR_MAX + SSE_EVENT_MAX);
	const char *error = r->error.len > 0 ? r->error.data : NULL;
	attempt_redact(x->attempt, r->error.data, r->error.len);
	if (stream_close(&r->stream, x->mend, error, r->error.len, &last))
		reply_body(&x->client->reply, last.data, last.len);
	else
		reply_cut(&x->client->reply); /* out of memory for an end: better none */
	buf_free(&last);
	steps_record_attempt(x, "cut");
	attempt_free(x->attempt);
	x->attempt = NULL;
	reply_end(&x->client->reply);
	return steps_close(x, 200);
}

const struct step step_mend = {"mend", mend};

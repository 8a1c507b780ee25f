/* SPDX-License-Identifier: MIT */
/* The step close: the reply is written, or the client has disconnected. */
#include "base/clock.h"
#include "route/record.h"
#include "route/steps.h"

#include <string.h>

enum { LINGER_FOR_MS = 1000 }; /* how long a transfer may take to end after the reply */

static void
record(const struct exchange *x)
{
	const struct reply *reply = &x->client->reply;
	const struct provider *p = x->target.provider;
	int64_t asked_ms = x->target.start_ms - x->start_ms;
	const struct request_record record = {
	    .request = x->request,
	    .provider = p,
	    .replied_by_us = strcmp(reply->provider, "none") == 0,
	    .is_billed = p != NULL && credential_is_billed(&x->target.credential, p),
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
	    .drill = x->drilled.id,
	};
	record_log(&record);
	if (!x->auxiliary && !x->drilled.is_now)
		record_count(&record, x->app->state);
}

/* The last attempt, or that there was none to be billed, goes into the ledger. */
static void
enter(struct exchange *x)
{
	bool aborted = x->status == STATUS_ABORTED;
	steps_record_attempt(x, aborted ? "aborted" : x->is_cut ? "cut" : "ok");
	if (x->is_recorded || x->auxiliary || x->drilled.is_now)
		return;
	const struct attempt_record none = {
	    .request = x->request,
	    .session = x->identity.session.key,
	    .number = x->attempts,
	    .model = "",
	    .status = x->status,
	    /* Without an attempt only a message that was kept is a success. */
	    .ending = aborted           ? "aborted"
		      : x->status < 400 ? "cache"
					: "refused",
	    .began_ms = clock_wall_ms(),
	    .first_byte_ms = -1,
	    .ms = clock_steady_ms() - x->start_ms,
	};
	record_attempt(&none, NULL, x->app->ledger);
}

/* Whether to wait for the end of the transfer: only then can its connection be used again, and
 * usually it takes one iteration of the loop. Not while libcurl still sends the body, which is
 * freed with the client. */
static bool
may_linger(const struct exchange *x)
{
	enum ending ending;
	return x->status != STATUS_ABORTED && x->attempt != NULL &&
	       !attempt_ended(x->attempt, &ending) && attempt_is_sent(x->attempt);
}

static const struct step *
close_exchange(struct exchange *x)
{
	record(x);
	enter(x);
	steps_leave_flight(x, x->status != STATUS_ABORTED);
	bool lingers = may_linger(x);
	x->client->handler = NULL;
	x->client = NULL;
	x->request = NULL;
	loop_cancel(x->app->loop, &x->timeouts);
	if (!lingers || !loop_after(x->app->loop, &x->timer, LINGER_FOR_MS))
		steps_free(x);
	return NULL;
}

const struct step step_close = {"close", close_exchange};

/* SPDX-License-Identifier: MIT */
/* The step share: a token count or a list of models that was received a moment ago, or that an
 * equal request is just waiting for, is not asked for again (BEHAVIOUR 2). */
#include "base/clock.h"
#include "base/str.h"
#include "route/count_cache.h"
#include "route/steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	COUNT_FOR_MS = 600000, /* a text has the same number of tokens tomorrow */
	MODELS_FOR_MS = 60000,
};

/* How long a response is kept; 0: it is not shared. */
static int64_t
kept_for_ms(const struct exchange *x)
{
	if (!x->config->count_cache)
		return 0;
	return x->request->route->id == ROUTE_COUNT_TOKENS ? COUNT_FOR_MS
	       : x->request->route->id == ROUTE_MODELS     ? MODELS_FOR_MS
							   : 0;
}

/* --- The key ---------------------------------------------------------- */

/* Texts end with their NUL, so that no two lists of them are the same bytes. */
static bool
add_text(struct buf *to, const char *text)
{
	return buf_add(to, text, strlen(text) + 1);
}

/* The headers on which a response may depend. */
static bool
add_headers(struct buf *to, const struct headers *headers)
{
	for (size_t i = 0; i < headers->n; i++) {
		const struct header *h = &headers->list[i];
		if (str_starts_with(h->name, "anthropic-") &&
		    (!add_text(to, h->name) || !add_text(to, h->value)))
			return false;
	}
	return true;
}

/* Everything that the response depends on: the credential, the provider, the model as it is sent,
 * the request. False: out of memory. */
static bool
write_key(const struct exchange *x, uint8_t key[static DIGEST_SIZE])
{
	const struct request *r = x->request;
	const struct target *t = &x->target;
	uint8_t body[DIGEST_SIZE];
	char body_hex[DIGEST_HEX_SIZE], numbers[64];
	struct buf all;
	digest_plain(buf_text(&r->body), r->body.len, body);
	snprintf(numbers, sizeof numbers, "%016" PRIx64 " %u", t->key.account, t->quirks);
	buf_init(&all, 2 * PARAMS_MAX);
	bool whole = add_text(&all, numbers) && add_text(&all, t->provider->name) &&
		     add_text(&all, t->provider->url) && add_text(&all, target_model(t, r)) &&
		     add_text(&all, r->path) && add_text(&all, r->query) &&
		     add_text(&all, digest_hex(body, body_hex)) && add_headers(&all, &r->headers);
	if (whole)
		digest_plain(all.data, all.len, key);
	buf_free(&all);
	return whole;
}

/* --- The step --------------------------------------------------------- */

/* Whether there is a key, and a cache to use it with. */
static bool
may_share(struct exchange *x)
{
	struct app *app = x->app;
	if (kept_for_ms(x) == 0)
		return false;
	if (app->count_cache == NULL)
		app->count_cache = count_cache_new();
	target_choose_model(&x->target, app->state, x->request);
	return app->count_cache != NULL && write_key(x, x->flight.key);
}

static const struct step *
reply_shared(struct exchange *x, const char *bytes, size_t n)
{
	x->verdict = (struct verdict){.kind = VERDICT_PASS, .status = 200};
	steps_note(x, "cached");
	return steps_close(x, replies_cached(steps_begin_reply(x), bytes, n));
}

static const struct step *
share(struct exchange *x)
{
	size_t n;
	steps_leave_flight(x, true);
	x->shares = may_share(x);
	if (!x->shares)
		return &step_ask;
	const char *bytes =
	    count_cache_find(x->app->count_cache, x->flight.key, clock_steady_ms(), &n);
	if (bytes != NULL)
		return reply_shared(x, bytes, n);
	if (x->flight.leader_failed || count_cache_join(x->app->count_cache, &x->flight))
		return &step_ask;
	/* Until the leader has left, at most. */
	return steps_wait(x, steps_remaining_ms(x), &step_plan);
}

const struct step step_share = {"share", share};

/* --- For the other steps ---------------------------------------------- */

void
steps_keep_response(struct exchange *x, const struct buf *body)
{
	if (x->shares && attempt_response(x->attempt)->status == 200)
		count_cache_put(x->app->count_cache, x->flight.key, buf_text(body), body->len,
				clock_steady_ms(), kept_for_ms(x));
}

void
steps_leave_flight(struct exchange *x, bool failed)
{
	loop_recall(&x->leader_left);
	if (x->flight.role != FLIGHT_NONE)
		count_cache_leave(x->app->count_cache, &x->flight, failed);
}

/* SPDX-License-Identifier: MIT */
/* The step share: a token count or a list of models that was received a moment ago, or that an
 * equal request is just waiting for, is not asked for again (BEHAVIOUR 2). */
#include "base/caps.h"
#include "base/clock.h"
#include "base/str.h"
#include "route/response_cache.h"
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
keep_ms(const struct exchange *x)
{
	if (!x->config->count_cache)
		return 0;
	return x->request->route->id == ROUTE_COUNT_TOKENS ? COUNT_FOR_MS
	       : x->request->route->id == ROUTE_MODELS     ? MODELS_FOR_MS
							   : 0;
}

/* --- The key ---------------------------------------------------------- */

bool
steps_add_text(struct buf *key, const char *text)
{
	return buf_add(key, text, strlen(text) + 1);
}

/* The headers on which a response may depend. */
static bool
add_headers(struct buf *key, const struct headers *headers)
{
	for (size_t i = 0; i < headers->n; i++) {
		const struct header *h = &headers->list[i];
		if (str_starts_with(h->name, "anthropic-") &&
		    (!steps_add_text(key, h->name) || !steps_add_text(key, h->value)))
			return false;
	}
	return true;
}

bool
steps_add_request(struct buf *key, const struct request *r)
{
	uint8_t body[DIGEST_SIZE];
	char body_hex[DIGEST_HEX_SIZE];
	digest_plain(buf_text(&r->body), r->body.len, body);
	return steps_add_text(key, r->path) && steps_add_text(key, r->query) &&
	       steps_add_text(key, digest_hex(body, body_hex)) && add_headers(key, &r->headers);
}

/* Everything that the response depends on: the credential, the provider, the model as it is sent,
 * the request. False: out of memory. */
static bool
write_key(const struct exchange *x, uint8_t key[static DIGEST_SIZE])
{
	const struct target *t = &x->target;
	char numbers[64];
	struct buf all;
	snprintf(numbers, sizeof numbers, "%016" PRIx64 " %u", t->key.account, t->quirks);
	buf_init(&all, 2 * PARAMS_MAX);
	bool whole = steps_add_text(&all, numbers) && steps_add_text(&all, t->provider->name) &&
		     steps_add_text(&all, t->provider->url) &&
		     steps_add_text(&all, target_model(t, x->request)) &&
		     steps_add_request(&all, x->request);
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
	if (keep_ms(x) == 0)
		return false;
	if (app->count_cache == NULL)
		app->count_cache = response_cache_new(COUNT_CACHE_BYTES_MAX);
	target_choose_model(&x->target, app->state, x->request);
	return app->count_cache != NULL && write_key(x, x->flight.key);
}

static const struct step *
reply_shared(struct exchange *x, const char *bytes, size_t n)
{
	size_t name = strlen(bytes) + 1;
	x->verdict = (struct verdict){.kind = VERDICT_PASS, .status = 200};
	steps_note(x, "cached");
	return steps_close(x, replies_cached(steps_begin_reply(x), bytes + name, n - name));
}

static const struct step *
share(struct exchange *x)
{
	size_t n;
	if (!x->auxiliary)
		return &step_ask;
	steps_leave_flight(x, true);
	x->keep_ms = may_share(x) ? keep_ms(x) : 0;
	if (x->keep_ms == 0)
		return &step_ask;
	const char *bytes =
	    response_cache_find(x->app->count_cache, x->flight.key, clock_steady_ms(), &n);
	if (bytes != NULL)
		return reply_shared(x, bytes, n);
	if (x->flight.leader_failed || response_cache_join(x->app->count_cache, &x->flight))
		return &step_ask;
	/* Until the leader has left, at most. */
	return steps_wait(x, steps_remaining_ms(x), &step_plan);
}

const struct step step_share = {"share", share};

/* --- For the other steps ---------------------------------------------- */

/* The name of the provider, which ends with its NUL, and the response. */
void
steps_keep_response(struct exchange *x, const struct buf *body)
{
	struct buf kept;
	if (x->keep_ms == 0 || attempt_response(x->attempt)->status != 200)
		return;
	buf_init(&kept, RESPONSE_CACHE_RESPONSE_MAX);
	if (steps_add_text(&kept, x->target.provider->name) &&
	    buf_add(&kept, buf_text(body), body->len))
		response_cache_put(x->auxiliary ? x->app->count_cache : x->app->message_cache,
				   x->flight.key, kept.data, kept.len, clock_steady_ms(),
				   x->keep_ms);
	buf_free(&kept);
}

void
steps_leave_flight(struct exchange *x, bool failed)
{
	loop_recall(&x->leader_left);
	if (x->flight.role != FLIGHT_NONE)
		response_cache_leave(x->app->count_cache, &x->flight, failed);
}

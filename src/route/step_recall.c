/* SPDX-License-Identifier: MIT */
/* The step recall: a message that the client itself asked to keep, by its header, is not asked for
 * again (BEHAVIOUR 2). */
#include "base/caps.h"
#include "base/clock.h"
#include "base/str.h"
#include "config/text.h"
#include "route/steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEADER       "x-router-cache"
#define MAX_TEXT_(n) #n
#define MAX_TEXT(n)  MAX_TEXT_(n)

/* How long a message is to be kept, as its header says; 0: it says nothing that is allowed. */
static int64_t
read_ms(const char *value)
{
	uint64_t seconds;
	if (!str_starts_with(value, "ttl="))
		return 0;
	value += strlen("ttl=");
	if (!text_read_digits(&value, 5, &seconds) || *value != '\0' ||
	    seconds > MESSAGE_CACHE_SECONDS_MAX)
		return 0;
	return (int64_t)seconds * 1000;
}

/* --- The key ---------------------------------------------------------- */

/* A secret, or none, as its hash. */
static bool
add_secret(struct buf *key, const char *secret)
{
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	if (secret == NULL)
		return steps_add_text(key, "");
	digest_plain(secret, strlen(secret), hash);
	return steps_add_text(key, digest_hex(hash, hex));
}

/* Whose request it is, for how long its response is to be kept, and what it says; not which
 * provider answers it. False: out of memory. */
static bool
write_key(const struct request *r, int64_t keep_ms, uint8_t key[static DIGEST_SIZE])
{
	char ms[32];
	struct buf all;
	snprintf(ms, sizeof ms, "%" PRId64, keep_ms);
	buf_init(&all, 2 * PARAMS_MAX);
	bool whole = add_secret(&all, r->client_key) && add_secret(&all, r->login) &&
		     add_secret(&all, r->api_key) && steps_add_text(&all, ms) &&
		     steps_add_request(&all, r);
	if (whole)
		digest_plain(all.data, all.len, key);
	buf_free(&all);
	return whole;
}

/* --- The step --------------------------------------------------------- */

/* Whether it is a message that may be kept; of clients that cannot be told apart none is. */
static bool
may_keep(const struct request *r)
{
	bool is_known = r->client_key != NULL || r->login != NULL || r->api_key != NULL;
	return is_known && r->message.repeatable && !r->message.stream;
}

/* The provider that made it may be gone from the configuration. */
static const struct step *
reply_recalled(struct exchange *x, const char *bytes, size_t n)
{
	const struct provider *p = config_provider(x->config, bytes);
	size_t name = strlen(bytes) + 1;
	if (p == NULL)
		return &step_plan;
	struct client *client = steps_begin_reply(x);
	client->reply.provider = p->name;
	buf_append_cut(&x->trail, "%s:200:cached", p->name);
	return steps_close(x, replies_cached(client, bytes + name, n - name));
}

static const struct step *
recall(struct exchange *x)
{
	size_t n;
	struct app *app = x->app;
	const char *header = headers_find(&x->request->headers, HEADER);
	if (x->config->cache != CACHE_EXPLICIT || header == NULL)
		return &step_plan;
	int64_t ms = read_ms(header);
	if (ms == 0)
		return steps_close(
		    x, replies_failure(steps_begin_reply(x), 400, "", "invalid_request_error",
				       HEADER " must be ttl=1 to ttl=" MAX_TEXT(
					   MESSAGE_CACHE_SECONDS_MAX) ", in seconds."));
	if (app->message_cache == NULL)
		app->message_cache = response_cache_new(MESSAGE_CACHE_BYTES_MAX);
	if (app->message_cache == NULL || !may_keep(x->request) ||
	    !write_key(x->request, ms, x->flight.key))
		return &step_plan;
	x->keep_ms = ms;
	const char *bytes =
	    response_cache_find(app->message_cache, x->flight.key, clock_steady_ms(), &n);
	return bytes == NULL ? &step_plan : reply_recalled(x, bytes, n);
}

const struct step step_recall = {"recall", recall};

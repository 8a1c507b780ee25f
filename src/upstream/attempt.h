/* SPDX-License-Identifier: MIT */
/* One upstream exchange: a request to a provider, and its answer as the bytes
 * come. Decides nothing.
 *
 * The credential's path: tokens.txt or the client's header → struct
 * attempt_options → one header line for libcurl, to the origin of provider->url and
 * nowhere else (no redirects, no proxy but the configured one, nothing from the
 * environment) → overwritten when the attempt is freed.
 *
 * An attempt belongs to whoever started it. libcurl's callbacks only collect;
 * news() is called at the end of a loop's turn in which something came, so the
 * owner may free the attempt from there. One thread. */
#ifndef UPSTREAM_ATTEMPT_H
#define UPSTREAM_ATTEMPT_H

#include "base/headers.h"
#include "config/config.h"
#include "upstream/pool.h"
#include "upstream/response.h"

struct attempt;

struct attempt_options {
	const struct provider *provider; /* borrowed while the attempt lives */
	const struct config *config;     /* the same */
	const char *path;                /* "/v1/messages" */
	const char *query;               /* "" : none */
	const struct headers *headers;   /* of the client, for a Claude provider; NULL: none */
	const char *credential;
	bool stored;      /* it is a stored one */
	const char *body; /* of a POST, borrowed until the attempt has ended; NULL: a GET */
	size_t body_len;
	bool fresh;       /* on a new connection: the last one was lost */
	int64_t total_ms; /* time for all of it */
};

/* Starts it; NULL when memory, libcurl or descriptors are short. */
struct attempt *attempt_start(struct pool *pool, const struct attempt_options *ask,
			      void (*news)(void *owner), void *owner);

/* Ends it, whatever it does, and frees it. NULL is fine. */
void attempt_free(struct attempt *attempt);

/* The head so far. */
const struct response *attempt_response(const struct attempt *attempt);

/* Frees the head's lines that were to be passed on: they are, and a stream is long. */
void attempt_forget_head(struct attempt *attempt);

/* The body's bytes that nobody took yet: drop from it what was used. Bounded by
 * RESPONSE_ERROR_MAX, RESPONSE_JSON_MAX or SSE_EVENT_MAX, as the head says. */
struct buf *attempt_body(struct attempt *attempt);

/* Takes no more bytes from the provider until attempt_resume(); what libcurl
 * has read already may still come. attempt_resume() may bring news at the end
 * of this turn, and is never called from libcurl's callbacks. */
void attempt_pause(struct attempt *attempt);
void attempt_resume(struct attempt *attempt);

/* Whether the whole of the request's body has been sent, so that it may be freed. */
bool attempt_is_sent(const struct attempt *attempt);

/* Whether it is over, and how. */
bool attempt_ended(const struct attempt *attempt, enum ending *ending);

/* Whether a kept connection died under the request before any byte of an answer: the
 * provider may have read it all the same. It was sent once (libcurl would repeat it). */
bool attempt_was_lost(const struct attempt *attempt);

/* Stars what n bytes of a provider repeat of the credential that it was shown, if that
 * is the operator's: not every client may know it. The passed head has none. */
void attempt_redact(const struct attempt *attempt, char *bytes, size_t n);

#endif

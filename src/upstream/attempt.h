/* SPDX-License-Identifier: MIT */
/* One HTTP transfer: a request to a provider, and its response as the bytes come. Decides nothing.
 *
 * The credential's path: tokens.txt or the client's header → struct
 * attempt_options → one header line for libcurl, to the origin of provider->url and
 * nowhere else (no redirects, no proxy but the configured one, nothing from the
 * environment) → overwritten when the attempt is freed.
 *
 * An attempt belongs to its caller. libcurl's callbacks only collect; on_progress() is called at
 * the end of a loop iteration in which something came, so that the owner may free the attempt from
 * there. One thread. */
#ifndef UPSTREAM_ATTEMPT_H
#define UPSTREAM_ATTEMPT_H

#include "base/headers.h"
#include "config/config.h"
#include "upstream/pool.h"
#include "upstream/response.h"

struct attempt;

struct attempt_options {
	const struct provider *provider; /* one of config's; borrowed while the attempt lives */
	const struct config *config;     /* the same */
	const char *path;                /* "/v1/messages" */
	const char *query;               /* "" : none */
	const struct headers *headers;   /* of the client, for a Claude provider; NULL: none */
	const char *credential;
	bool stored;      /* the credential is a stored one */
	const char *body; /* of a POST, borrowed until the attempt has ended; NULL: a GET */
	size_t body_len;
	bool fresh;       /* on a new connection: the last one was lost */
	int64_t total_ms; /* time for all of it */
};

/* Starts it; NULL: out of memory or descriptors, or libcurl refuses. */
struct attempt *attempt_start(struct pool *pool, const struct attempt_options *options,
			      void (*on_progress)(void *owner), void *owner);

/* What a drill says in a provider's place; copied. */
struct attempt_script {
	const char *head; /* header lines; "": no response came */
	const char *body;
	size_t body_len;
	enum ending ending;
};

/* The same without a transfer: the response is the script's, and nothing is sent to anybody. NULL:
 * out of memory. */
struct attempt *attempt_play(struct pool *pool, const struct attempt_options *options,
			     const struct attempt_script *script, void (*on_progress)(void *owner),
			     void *owner);

/* Ends it, in whatever state, and frees it. NULL is fine. */
void attempt_free(struct attempt *attempt);

/* The head so far. */
const struct response *attempt_response(const struct attempt *attempt);

/* Frees the head's lines for the client: they are sent, and a stream is long. */
void attempt_forget_head(struct attempt *attempt);

/* The body's bytes that were not used yet: the owner drops what it has used. Bounded by
 * RESPONSE_ERROR_MAX, RESPONSE_JSON_MAX or SSE_EVENT_MAX, as the head says. */
struct buf *attempt_body(struct attempt *attempt);

/* Reads no more bytes from the provider until attempt_resume(); what libcurl has already read may
 * still come. attempt_resume() may cause on_progress() at the end of this iteration; never call it
 * from libcurl's callbacks. */
void attempt_pause(struct attempt *attempt);
void attempt_resume(struct attempt *attempt);

/* Whether the whole of the request's body has been sent, so that it may be freed. */
bool attempt_is_sent(const struct attempt *attempt);

/* Frees what sending took, of a request that is sent: a stream is long. Not from libcurl's
 * callbacks. */
void attempt_forget_request(struct attempt *attempt);

/* Whether it has ended, and how. */
bool attempt_ended(const struct attempt *attempt, enum ending *ending);

/* Whether a kept connection died under the request before any byte of a response: the provider may
 * have read the request all the same. It was sent once (libcurl would repeat it). */
bool attempt_was_lost(const struct attempt *attempt);

/* Overwrites with stars what n bytes of a provider repeat of a stored credential: not every client
 * may know it. The forwarded head is redacted already. */
void attempt_redact(const struct attempt *attempt, char *bytes, size_t n);

#endif

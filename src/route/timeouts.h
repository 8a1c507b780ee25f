/* SPDX-License-Identifier: MIT */
/* How long an attempt may still take: BEHAVIOUR 6, "Time limits". Times are of the steady
 * clock. Pure; thread-safe. */
#ifndef ROUTE_TIMEOUTS_H
#define ROUTE_TIMEOUTS_H

#include "config/config.h"
#include "upstream/response.h"

/* What the timeouts depend on. */
struct timeouts_query {
	const struct config *config;
	bool auxiliary;      /* count_tokens and models, which do not need a provider */
	bool streams;        /* the client asked for a stream */
	bool relaying;       /* a stream's content has begun */
	bool client_is_slow; /* bytes wait for the client: it is not the provider's fault */
	bool has_head;       /* the response's head is complete */
	int64_t request_ms;  /* when the request began */
	int64_t content_ms;  /* when the client got the first byte, if relaying */
	int64_t attempt_ms;  /* when the attempt began */
	int64_t bytes_ms;    /* when its last bytes arrived */
	int64_t alive_ms;    /* when its last event that was not a ping arrived */
	int64_t failed_ms;   /* when an error's status arrived; 0: none has */
	int64_t now_ms;
};

struct timeout {
	int64_t remaining_ms; /* 0 or less: reached */
	enum ending ending;   /* how the attempt ends then */
};

/* The timeout that is reached first. */
struct timeout timeouts_next(const struct timeouts_query *query);

/* The time until the request must have its first content. */
int64_t timeouts_deadline_ms(const struct config *config, int64_t request_ms, int64_t now_ms);

#endif

/* SPDX-License-Identifier: MIT */
/* How long an attempt may still take: BEHAVIOUR 6, "Time limits". Pure; thread-safe.
 * Times are of the steady clock. */
#ifndef ROUTE_LIMITS_H
#define ROUTE_LIMITS_H

#include "config/config.h"
#include "upstream/response.h"

/* What the limits depend on. */
struct limits_query {
	const struct config *config;
	bool auxiliary;      /* count_tokens and models, which can do without a provider */
	bool streams;        /* the client asked for a stream */
	bool relaying;       /* the stream's content has begun */
	bool client_is_slow; /* bytes wait for the client: the provider is not to blame */
	bool has_head;       /* the response's head is complete */
	int64_t request_ms;  /* when the request began */
	int64_t content_ms;  /* when the client got the first byte, if relaying */
	int64_t attempt_ms;  /* when the attempt began */
	int64_t bytes_ms;    /* its last bytes */
	int64_t life_ms;     /* its last event that was no ping */
	int64_t failed_ms;   /* when its status was seen to be an error's; 0: it is none */
	int64_t now_ms;
};

struct limit {
	int64_t remaining_ms; /* 0 or less: it is over */
	enum ending ending;   /* how the attempt is judged then */
};

/* The limit that comes first. */
struct limit limits_next(const struct limits_query *query);

/* The time until the request must have its first content. */
int64_t limits_deadline_ms(const struct config *config, int64_t request_ms, int64_t now_ms);

#endif

/* SPDX-License-Identifier: MIT */
/* The answer when nobody can answer: BEHAVIOUR.md 5, "When all are paused" and "When
 * the last candidate fails". Pure but for the text's local time. */
#ifndef ROUTE_NO_PROVIDER_H
#define ROUTE_NO_PROVIDER_H

#include "base/buf.h"
#include "route/plan.h"

struct no_provider {
	int status;
	const char *type;
	struct buf lines;   /* header lines */
	struct buf message; /* names each provider and when it is back */
};

struct no_provider_query {
	const struct plan *plan; /* of now */
	const char *last; /* what the last one asked said, in a few words; "" : nobody was asked */
	bool spent;       /* the request has no attempts or time left, or we could not ask */
	bool limited;     /* that was a limit, or trouble that passes */
	bool
	    login; /* the client has a Claude login, which Claude Code knows how to wait with (CLIENT.md 6) */
	int64_t now_ms;
};

void no_provider_init(struct no_provider *e);
void no_provider_fini(struct no_provider *e);

/* 429 when somebody will be back, 403 when nobody is set up, else 503. */
void no_provider_reply(struct no_provider *e, const struct no_provider_query *ask);

#endif

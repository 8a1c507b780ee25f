/* SPDX-License-Identifier: MIT */
/* The reply when no provider can serve a request: BEHAVIOUR.md 5, "When all are paused" and
 * "When the last candidate fails". Pure, except that texts contain local times. */
#ifndef ROUTE_NO_PROVIDER_H
#define ROUTE_NO_PROVIDER_H

#include "base/buf.h"
#include "route/plan.h"

struct no_provider {
	int status;
	const char *type;
	struct buf lines;   /* header lines */
	struct buf message; /* names each provider and why it cannot serve the request */
};

struct no_provider_query {
	const struct plan *plan; /* as of now_ms */
	const char *last;        /* the last attempt's provider and verdict; "": there was none */
	bool spent;   /* the request has no attempts or time left, or we failed ourselves */
	bool limited; /* the last attempt ended in a limit or a failure that passes */
	bool login;   /* the client has a Claude login, with which it can wait (CLIENT.md 6) */
	int64_t now_ms;
};

void no_provider_init(struct no_provider *n);
void no_provider_fini(struct no_provider *n);

/* Writes the reply: 429 when a provider will be available, 403 when none is set up, else 503.
 * The lists are cut where they do not fit. */
void no_provider_reply(struct no_provider *n, const struct no_provider_query *query);

#endif

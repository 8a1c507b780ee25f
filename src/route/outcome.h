/* SPDX-License-Identifier: MIT */
/* Writes down what a verdict means: in the state, in the log, to the operator.
 * Keeps and owns nothing. What the state cannot take at once it queues, so
 * nothing here fails. One thread. */
#ifndef ROUTE_OUTCOME_H
#define ROUTE_OUTCOME_H

#include "app.h"
#include "route/verdict.h"

/* One attempt that has been judged. */
struct outcome {
	const struct provider *provider;
	struct health_key key; /* of the account, without a family */
	uint64_t family;       /* of the model's name that was sent; 0: none */
	int64_t began_ms;      /* when the attempt began */
	uint64_t holder;       /* who may hold the probe's lease */
	struct health_kin kin; /* who brought the credential; zeros: it is a stored one */
	const struct response *response;
	const struct verdict *verdict;
};

/* Counts what was sent to a provider by what its answer led to; is_asked_again:
 * the same provider, as it is or in another form. */
void outcome_count_attempt(struct state *state, const struct provider *provider,
			   const struct verdict *verdict, bool is_asked_again);

/* Tells the state what an answer meant: rests, successes, failures, quota
 * windows; and log and operator when a provider is left or comes back. */
void outcome_record(struct app *app, const struct outcome *outcome);

/* A probe's answer has begun well: its provider's rest is over. Counts nothing. */
void outcome_probe_served(struct app *app, const struct outcome *outcome);

/* Notes who serves now; tells the operator when it begins to cost money. */
void outcome_serving(struct app *app, const struct outcome *outcome, bool own_credential);

/* Tells in the log whose conversation it is that begins to cost money. */
void outcome_log_billing(const struct provider *provider, const char *client);

#endif

/* SPDX-License-Identifier: MIT */
/* Records what a verdict means: in the state, in the log, and as notices to the operator.
 * Owns nothing. What the state cannot write at once it queues, so nothing here fails. One
 * thread. */
#ifndef ROUTE_OUTCOME_H
#define ROUTE_OUTCOME_H

#include "app.h"
#include "money/caps.h"
#include "route/verdict.h"

/* One attempt that has been judged. Borrowed. */
struct outcome {
	const struct provider *provider;
	struct health_key key; /* of the account, without a family */
	const char *label;     /* of the stored credential; NULL or "" : none */
	bool is_pooled;        /* it is one of several stored ones of the provider */
	uint64_t family;       /* of the model's name that was sent; 0: none */
	int64_t began_ms;      /* when the attempt began */
	uint64_t holder;       /* the request's name as a holder of the probe's lease */
	struct health_kin kin; /* whose credential it is; zeros: a stored one */
	const struct response *response;
	const struct verdict *verdict;
};

/* Reports something to the operator, now and in the ledger. */
void outcome_report(struct app *app, enum notice notice, const char *provider,
		    const char *sentence);

/* Counts an attempt by its verdict; is_asked_again: it leads to another one at the same
 * provider, with the same request or another form of it. */
void outcome_count_attempt(struct state *state, const struct provider *provider,
			   const struct verdict *verdict, bool is_asked_again);

/* Records the verdict in the state: pauses, successes, failures, quota windows. Reports to log
 * and operator when a pause begins or ends. */
void outcome_record(struct app *app, const struct outcome *outcome);

/* A probe's response has begun as a success: its provider's pause ends. Counts nothing. */
void outcome_probe_served(struct app *app, const struct outcome *outcome);

/* Remembers the provider that serves now; reports to the operator when that begins to cost money.
 * is_billed: credential_is_billed(). */
void outcome_serving(struct app *app, const struct outcome *outcome, bool is_billed);

/* Logs whose conversation begins to cost money. */
void outcome_log_billing(const struct provider *provider, const char *client);

/* Reports each cap that binds the request of which half, most or all is used, once a period. */
void outcome_spent(struct app *app, const struct caps_query *query);

#endif

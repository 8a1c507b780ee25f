/* SPDX-License-Identifier: MIT */
/* What is known of every provider for one request, collected from
 * configuration, credentials and state for plan_make(). Reads the state file's
 * memory; no other I/O. One thread. */
#ifndef ROUTE_CANDIDATES_H
#define ROUTE_CANDIDATES_H

#include "app.h"
#include "config/credential.h"
#include "dialect/message.h"
#include "route/plan.h"

struct candidates {
	struct plan_view views[PROVIDERS_MAX];
	struct plan plan;
};

struct candidates_query {
	const struct config *config;
	const struct tokens *tokens;
	const struct state *state;
	const struct client_credentials *client;
	const struct message *message; /* NULL: no message's needs are looked at */
	const char *model;             /* asked for; "" : none */
	uint64_t session;              /* who serves this conversation; 0: nobody */
	struct health_kin kin;         /* of whom the client says to be; zeros: nobody */
	bool kin_is_sure; /* … as far as a client is believed: it is local, or has a key */
	bool latest;      /* without a credential, look at the account seen last: for status */
	int64_t now_ms;
};

/* Fills the views and makes the plan. */
void candidates_collect(struct candidates *candidates, const struct candidates_query *ask);

/* The candidates of no request: of a local client without a credential of its own,
 * with the account seen last where there is none stored. For status and checks.
 * model: "" for any. The caller's to free(); NULL: memory is short. */
struct candidates *candidates_latest(const struct app *app, const char *model);

/* The same by a configuration and credentials of one's own, into *candidates. */
void candidates_latest_by(const struct config *config, const struct tokens *tokens,
			  const struct state *state, const char *model,
			  struct candidates *candidates);

/* How a provider of the candidates' configuration stands in its plan. */
const struct candidate *candidates_find(const struct candidates *candidates,
					const struct provider *provider);

/* The records of one account at a provider. */
struct health_key candidates_account_key(const struct state *state, const struct provider *provider,
					 const char *credential);

/* Which candidates a request may still go to. */
struct open_query {
	unsigned done;      /* bit i: the candidate with view.index i was asked already */
	bool auxiliary;     /* count_tokens or models */
	bool counts_tokens; /* of those: count_tokens */
};

/* The candidate to ask next, in the plan's order; NULL: there is none. */
struct candidate *candidates_next(struct candidates *candidates, const struct open_query *query);

/* Whether another one could be asked after that. */
bool candidates_has_other(const struct candidates *candidates, const struct candidate *chosen,
			  const struct open_query *query);

/* The first that the configuration prefers to the chosen one and that cannot be asked
 * now; NULL: there is none. */
const struct candidate *candidates_first_skipped(const struct candidates *candidates,
						 const struct candidate *chosen);

#endif

/* SPDX-License-Identifier: MIT */
/* The candidates of a request: what configuration, credentials and state say about each
 * provider, ordered by plan_make(). Reads the state file's memory; no other I/O. Views
 * borrow from the configuration and the credentials. One thread. */
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
	const struct message *message; /* NULL: no message, every provider can serve it */
	const char *model;             /* asked for; "": any */
	uint64_t session_provider;     /* id of the conversation's provider; 0: none yet */
	struct health_kin kin;         /* who the client says it is; zeros: unknown */
	const struct prices *prices;   /* NULL: it is not checked whether caps have a price */
	bool is_free;                  /* it is not billed: no cap binds it */
	unsigned capped;               /* bit i: a cap has refused the candidate with index i */
	bool kin_is_sure;              /* … which is trusted: it is local, or has a key */
	bool latest; /* without a credential, use the account seen last: for status */
	int64_t now_ms;
};

/* Fills the views, in the configuration's order, and makes the plan. */
void candidates_collect(struct candidates *candidates, const struct candidates_query *query);

/* The candidates of a local client without a credential of its own, with the account seen
 * last where none is stored. For status and health checks, which have no request. model: ""
 * for any. The caller frees it with free(); NULL: out of memory. */
struct candidates *candidates_latest(const struct app *app, const char *model);

/* The same with another configuration and credentials than those in force. */
void candidates_latest_by(const struct config *config, const struct tokens *tokens,
			  const struct state *state, const char *model,
			  struct candidates *candidates);

/* A provider's candidate; the provider must be of the same configuration. */
const struct candidate *candidates_find(const struct candidates *candidates,
					const struct provider *provider);

/* The key of an account's record at a provider, without a family. */
struct health_key candidates_account_key(const struct state *state, const struct provider *provider,
					 const char *credential);

/* Which candidates a request may still be sent to. */
struct candidates_filter {
	unsigned tried;     /* bit i: the candidate with view.index i was tried already */
	bool auxiliary;     /* count_tokens or models */
	bool counts_tokens; /* of those: count_tokens */
};

/* The next candidate, in the plan's order; NULL: none is left. */
struct candidate *candidates_next(struct candidates *candidates,
				  const struct candidates_filter *filter);

/* Whether there is another one besides the chosen one. */
bool candidates_has_other(const struct candidates *candidates, const struct candidate *chosen,
			  const struct candidates_filter *filter);

/* The first one that the configuration prefers to the chosen one, and that is skipped or spared;
 * NULL: none. */
const struct candidate *candidates_first_skipped(const struct candidates *candidates,
						 const struct candidate *chosen);

#endif

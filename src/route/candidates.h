/* SPDX-License-Identifier: MIT */
/* The candidates of a request: what configuration, credentials and state say about each provider
 * with each of its credentials, ordered by plan_make(). Reads the state file's memory; no other
 * I/O. Views borrow from the configuration and the credentials. One thread. */
#ifndef ROUTE_CANDIDATES_H
#define ROUTE_CANDIDATES_H

#include "app.h"
#include "config/credential.h"
#include "dialect/message.h"
#include "route/plan.h"

struct candidates {
	struct plan plan;
	size_t n_views;
	struct plan_view *views; /* in the same block of memory */
};

struct candidates_query {
	const struct config *config;
	const struct tokens *tokens;
	const struct state *state;
	const struct client_credentials *client;
	const struct message *message; /* NULL: no message, every provider can serve it */
	const char *model;             /* asked for; "": any */
	struct cap_client key;         /* the client's, with its budget; zeros: none */
	uint64_t session_provider;     /* id of the conversation's provider; 0: none yet */
	uint32_t session_credential;   /* session_credential() of its credential; 0: unknown */
	uint64_t affinity;             /* of struct identity; 0: none, the file's order counts */
	const struct load *load;       /* of the credentials; NULL: it does not count */
	struct health_kin kin;         /* who the client says it is; zeros: unknown */
	const struct prices *prices;   /* NULL: it is not checked whether caps have a price */
	bool is_free;                  /* it is not billed: no cap binds it */
	uint64_t capped;               /* bit i: a cap has refused the candidate with index i */
	uint64_t lacking;              /* … until its period ends: caps_lack(); */
	int64_t lacking_bound;         /* of these the largest bound */
	const struct drill *drill;     /* that covers the request; NULL: none does */
	bool kin_is_sure;              /* … which is trusted: it is local, or has a key */
	bool latest; /* without a credential, use the account seen last: for status */
	int64_t now_ms;
};

/* Collects the views, in the configuration's order, those of one provider in the order in which
 * the request prefers its credentials, and makes the plan. The caller frees it with free(); NULL:
 * out of memory. */
struct candidates *candidates_collect(const struct candidates_query *query);

/* The candidates of a local client without a credential of its own, with the account seen
 * last where none is stored. For status and health checks, which have no request. model: ""
 * for any. The caller frees it with free(); NULL: out of memory. */
struct candidates *candidates_latest(const struct app *app, const char *model);

/* The same with another configuration and credentials than those in force. */
struct candidates *candidates_latest_by(const struct config *config, const struct tokens *tokens,
					const struct state *state, const char *model);

/* A provider's candidate: the first one that can be tried, else the one that is available again
 * soonest. The provider must be of the same configuration. */
const struct candidate *candidates_find(const struct candidates *candidates,
					const struct provider *provider);

/* The key of an account's record at a provider, without a family. */
struct health_key candidates_account_key(const struct state *state, const struct provider *provider,
					 const char *credential);

/* Which candidates a request may still be sent to. */
struct candidates_filter {
	uint64_t tried;     /* bit i: the candidate with view.index i was tried already */
	bool auxiliary;     /* count_tokens or models */
	bool counts_tokens; /* of those: count_tokens */
};

/* The next candidate, in the plan's order; NULL: none is left. */
struct candidate *candidates_next(struct candidates *candidates,
				  const struct candidates_filter *filter);

/* Whether there is another one besides the chosen one: of another provider, or (of_same) of the
 * same one. */
bool candidates_has_other(const struct candidates *candidates, const struct candidate *chosen,
			  bool of_same, const struct candidates_filter *filter);

/* The first one that is preferred to the chosen one, and that is skipped or spared; NULL: none. */
const struct candidate *candidates_first_skipped(const struct candidates *candidates,
						 const struct candidate *chosen);

#endif

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
	struct credential credentials[PROVIDERS_MAX]; /* of views[i] */
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

/* The survey of no request: of a local client without a credential of its own,
 * with the account seen last where there is none stored. For status and checks.
 * model: "" for any. The caller's to free(); NULL: memory is short. */
struct candidates *candidates_latest(const struct app *app, const char *model);

/* The same by a configuration and credentials of one's own, into *survey. */
void candidates_latest_by(const struct config *config, const struct tokens *tokens,
			  const struct state *state, const char *model,
			  struct candidates *candidates);

/* How a provider of the survey's configuration stands in its plan. */
const struct candidate *candidates_find(const struct candidates *candidates,
					const struct provider *provider);

/* The records of one account at a provider. family: "" for none. */
struct health_key candidates_account_key(const struct state *state, const struct provider *provider,
					 const char *credential);
uint64_t model_family_id(const char *model);

/* The name to ask a provider for instead of model: the one that worked last, or the
 * next-th after it, by which those before it come last. own: the account whose names
 * these are, when the credential is the client's own; 0: the operator's. NULL: as
 * asked, or no name is left when next > 0. */
const char *learned_name(const struct state *state, const struct provider *provider,
			 const char *model, uint64_t own, size_t next);

/* The same in two steps, for who asks for one after the other while other requests
 * move what worked last: the place of the first name, and the next-th after it. */
size_t learned_first_name(const struct state *state, const struct provider *provider,
			  const char *model, uint64_t own);
const char *learned_next_name(const struct provider *provider, const char *model, size_t first,
			      size_t next);

/* That name worked; own: as above. False: it is no name of the model's rule. */
bool learned_name_worked(struct state *state, const struct provider *provider, const char *model,
			 uint64_t own, const char *name);

/* The forms (enum quirk, or'ed) that a provider wanted of requests for the model of
 * that name (as sent) within a day; and that it wants one. own: as above. */
unsigned learned_quirks(const struct state *state, const struct provider *provider,
			const char *name, uint64_t own);
void learned_quirks_worked(struct state *state, const struct provider *provider, const char *name,
			   uint64_t own, unsigned quirks);

#endif

/* SPDX-License-Identifier: MIT */
/* Caps: what a request may cost is reserved before it is sent, and settled after (BEHAVIOUR.md 5,
 * "Caps"). They bind what is billed to the operator: not a plan, not a client's own credential.
 *
 * Reads and writes the state file's memory; no other I/O. Borrows everything. One thread. */
#ifndef MONEY_CAPS_H
#define MONEY_CAPS_H

#include "config/config.h"
#include "money/price.h"
#include "state/state.h"

#include <json-c/json.h>

#define CAPS_SCOPES (2 * BUDGET_KINDS) /* that can bind one request: all, and its provider's */

struct caps_query {
	const struct config *config;
	const struct provider *provider;
	const struct state *state;
	const struct prices *prices; /* NULL: whether there is a price is not checked */
	const char *model;           /* as it is sent; "": any */
	int64_t now_ms;              /* wall clock */
};

/* Why a provider may not be asked now. */
struct caps_refusal {
	bool refuses;
	int64_t until_ms; /* 0: for as long as nothing is repaired */
	char text[256];   /* "deepseek has used its daily cap ($5.00), until 00:00" */
};

/* Whether any cap binds the provider. */
bool caps_bind(const struct config *config, const struct provider *provider);

/* Whether one refuses, as things are. */
void caps_check(const struct caps_query *query, struct caps_refusal *refusal);

/* What is reserved for an attempt; zeros: nothing. */
struct caps_claims {
	size_t n;
	struct budget_claim claims[CAPS_SCOPES];
	int64_t bound;
};

/* Reserves the most that an attempt can cost in each scope that binds it, or nothing: false. An
 * unknown bound is refused. */
bool caps_reserve(const struct caps_query *query, struct state *state, const struct cost *bound,
		  struct caps_claims *claims);

/* Ends the reservation, which becomes zeros: what it has cost; 0: it was not billed; -1: that is
 * not known, and the bound counts as spent. */
void caps_settle(struct state *state, struct caps_claims *claims, int64_t cost);

/* Writes a sentence if a scope of the provider has reached 50, 80 or 100 % of its cap, for the
 * first of all processes that asks. False: there is no other. */
bool caps_notice(const struct caps_query *query, struct state *state,
		 char sentence[static ERROR_TEXT_MAX]);

/* All caps for /v1/status: [{scope, period, cap, used, reserved, until}], in dollars; NULL: out of
 * memory. */
json_object *caps_status(const struct config *config, const struct state *state, int64_t now_ms);

#endif

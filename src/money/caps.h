/* SPDX-License-Identifier: MIT */
/* Caps: what a request may cost is reserved before it is sent, and settled after (BEHAVIOUR.md 5,
 * "Caps"). They bind what is billed to the operator: not a plan, not a client's own credential.
 *
 * Reads and writes the state file's memory; no other I/O. Borrows everything. One thread. */
#ifndef MONEY_CAPS_H
#define MONEY_CAPS_H

#include "money/cap_scope.h"
#include "money/price.h"

#include <json-c/json.h>

#define CAPS_SCOPES CAP_SCOPES_BINDING

/* As much as the least request has wanted for which too little of a shared cap was left. */
#define CAPS_WANTED (-1)

struct caps_query {
	const struct config *config;
	const struct provider *provider;
	struct cap_client client; /* zeros: none, or one whose key has no budget */
	const struct state *state;
	const struct prices *prices; /* NULL: whether there is a price is not checked */
	const char *model;           /* as it is sent; "": any */
	int64_t bound;  /* caps_check(): what the request may cost; 0: not known; CAPS_WANTED */
	int64_t now_ms; /* wall clock */
};

/* --- Beginning ------------------------------------------------------------ */

/* Begins what has not begun, before which nothing can be reserved, and makes what is spent at least
 * what the ledger at that path has of this day and month; NULL: it is off, which is logged. anew:
 * with just that, where caps_are_ahead(). Reads SQLite: about a millisecond, LEDGER_REPORT_MS at
 * most. Any number of processes may do so. */
void caps_begin(const struct config *config, const struct keys *keys, struct state *state,
		const char *ledger, bool anew, int64_t now_ms);

/* False: a cap has not begun, since the state file is another one. Cheap. */
bool caps_have_begun(const struct config *config, const struct keys *keys,
		     const struct state *state, int64_t now_ms);

/* Whether one has a sum of a day or month more than one ahead, which would not end for as long: the
 * clock has been set back, or is not set yet. Cheap. */
bool caps_are_ahead(const struct config *config, const struct keys *keys, const struct state *state,
		    int64_t now_ms);

/* --- One request ---------------------------------------------------------- */

enum caps_reason {
	CAPS_SPENT,    /* or so much of it that too little is left */
	CAPS_RESERVED, /* running requests have reserved the rest */
	CAPS_AWAY,     /* what this machine has taken of a shared cap is, and the server is away */
};

/* Why a provider may not be asked now. */
struct caps_refusal {
	bool refuses;
	int64_t until_ms;  /* 0: for as long as nothing is repaired */
	bool is_of_client; /* it is the budget of the client's key */
	enum caps_reason reason;
	char text[256]; /* "deepseek has used its daily cap ($5.00), until 00:00", or
	                      "alice's budget for today ($2.00) is used up" */
};

/* Whether any cap binds the request. */
bool caps_bind(const struct caps_query *query);

/* Whether one refuses, as things are. */
void caps_check(const struct caps_query *query, struct caps_refusal *refusal);

/* What is reserved for an attempt; zeros: nothing. */
struct caps_claims {
	size_t n;
	struct budget_claim claims[CAPS_SCOPES];
	int64_t bound;
};

enum caps_result {
	CAPS_GRANTED,
	CAPS_REFUSED,
	CAPS_NEED_PART, /* not before this machine has taken a larger part of a cap */
};

/* Reserves the most that an attempt can cost in each scope that binds it, or nothing. An unknown
 * bound is refused. *want: in which one it did not fit, zeros if in none. */
enum caps_result caps_reserve(const struct caps_query *query, struct state *state,
			      const struct cost *bound, struct caps_claims *claims,
			      struct budget_want *want);

/* Whether what all machines have spent of a shared cap leaves too little for it until the period
 * ends; caps_check() knows it from then on. */
bool caps_lack(const struct config *config, struct state *state, const struct budget_want *want);

/* Ends the reservation, which becomes zeros: what it has cost; 0: it was not billed; -1: that is
 * not known, and the bound counts as spent. */
void caps_settle(struct state *state, struct caps_claims *claims, int64_t cost);

/* Writes a sentence if a scope of the provider or the client has reached 50, 80 or 100 % of its
 * cap, for the first of all processes that asks. False: there is no other. */
bool caps_notice(const struct caps_query *query, struct state *state,
		 char sentence[static ERROR_TEXT_MAX]);

/* What is used of one cap now, in nano-dollars. Texts are borrowed. */
struct caps_use {
	const char *scope;  /* a provider, or "all" */
	const char *period; /* "day" or "month" */
	int64_t cap, used, reserved;
};

#define CAPS_USES_MAX (2 * (PROVIDERS_MAX + 1))

/* Those of all providers together and of each, not of client keys; returns how many. */
size_t caps_uses(const struct config *config, const struct state *state, int64_t now_ms,
		 struct caps_use uses[static CAPS_USES_MAX]);

/* All caps for /v1/status: [{scope, period, cap, used, reserved, unsettled, until}], in dollars,
 * and with share_caps = closed part, what this machine has taken, and others, what the others have
 * spent; unsettled, what is reserved by processes that were killed, is null while requests run.
 * NULL: out of memory. */
json_object *caps_status(const struct config *config, const struct keys *keys,
			 const struct state *state, int64_t now_ms);

#endif

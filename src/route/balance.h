/* SPDX-License-Identifier: MIT */
/* The order in which a request prefers a provider's stored credentials: BEHAVIOUR.md 5, "Several
 * keys". Pure; thread-safe. */
#ifndef ROUTE_BALANCE_H
#define ROUTE_BALANCE_H

#include "config/config.h"

/* One of them, in the order of tokens.txt. */
struct balance_key {
	uint64_t label;    /* digest_name() of its label */
	unsigned weight;   /* 1 to WEIGHT_MAX */
	unsigned attempts; /* that it carries now */
	bool is_current;   /* it served the session last */
};

struct balance_query {
	enum balance balance;
	uint64_t affinity; /* a hash of the session, else of the client; 0: the file's order */
	bool mid_loop;     /* the session is in the middle of a tool loop */
	const struct balance_key *keys;
	size_t n_keys; /* at most CREDENTIALS_MAX */
};

/* Writes the keys' numbers, the preferred one first. */
void balance_order(const struct balance_query *query, size_t order[static CREDENTIALS_MAX]);

#endif

/* SPDX-License-Identifier: MIT */
/* The right to be a provider's probe: the one request that may ask a provider whose
 * pause is over, while others go elsewhere (BEHAVIOUR 5). It lives in the state, so that
 * it holds among all processes, and ends by itself LEASE_MS after it was taken or
 * renewed. One thread. */
#ifndef ROUTE_LEASE_H
#define ROUTE_LEASE_H

#include "state/state.h"

#define LEASE_MS 60000

struct lease {
	bool held;
	struct health_key key; /* of the record that is probed */
	const char *provider;  /* its name, borrowed */
	uint64_t holder;
};

/* Takes the lease of a record, or one for a credential of which nothing is known but
 * what the record has inherited. False: another request holds it; *lease is not held. */
bool lease_take(struct lease *lease, struct state *state, const struct health *record,
		const char *provider, uint64_t holder);

/* LEASE_MS from now again; no longer held if that comes too late. Nothing if it is not held. */
void lease_renew(struct lease *lease, struct state *state);

/* Gives it back without a result. Nothing if it is not held. */
void lease_release(struct lease *lease, struct state *state);

#endif

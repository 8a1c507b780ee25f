/* SPDX-License-Identifier: MIT */
/* The right to be a provider's probe: the one request that may be sent to a provider whose
 * pause is due, while others go elsewhere (BEHAVIOUR 5). It is kept in the state, so that it
 * holds for all processes, and expires LEASE_MS after it was taken or renewed. One thread. */
#ifndef ROUTE_LEASE_H
#define ROUTE_LEASE_H

#include "state/state.h"

#define LEASE_MS 60000

struct lease {
	bool held;
	struct health_key key; /* of the record that it is for */
	const char *provider;  /* its name, borrowed */
	uint64_t holder;       /* the request's probe_id (steps.h) */
};

/* Takes the lease of a record, which may be one that exists only by inheritance. False: another
 * request holds it; *lease is not held. */
bool lease_take(struct lease *lease, struct state *state, const struct health *record,
		const char *provider, uint64_t holder);

/* Extends it to LEASE_MS from now, or leaves it as it is while the state file is busy; if it has
 * expired and is taken, it is no longer held. Nothing if it is not held. */
void lease_renew(struct lease *lease, struct state *state);

/* Gives it back without a result. Nothing if it is not held. */
void lease_release(struct lease *lease, struct state *state);

#endif

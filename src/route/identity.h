/* SPDX-License-Identifier: MIT */
/* Whose request it is, as far as that is known: the conversation, and the person and device
 * behind a login that is refreshed every few hours (BEHAVIOUR 5, 8). What the state keeps are
 * keyed hashes.
 * Reads the state; no other I/O. One thread. */
#ifndef ROUTE_IDENTITY_H
#define ROUTE_IDENTITY_H

#include "client/request.h"
#include "state/state.h"

struct identity {
	struct session session; /* key 0: the request names no conversation */
	uint64_t affinity;      /* a plain hash of the conversation, else of the client; never 0 */
	struct health_kin kin;
	bool kin_is_sure; /* the client is trusted: it is local, or has a key */
};

void identity_find(struct identity *identity, const struct state *state,
		   const struct request *request);

#endif

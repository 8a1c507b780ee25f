/* SPDX-License-Identifier: MIT */
/* The leases of this machine's probes: those that the server is asked for, and those that it has
 * granted, until their probe has ended. Owns nothing; a struct leases belongs to its caller, and
 * begins as zeros. One thread. */
#ifndef SHARE_LEASES_H
#define SHARE_LEASES_H

#include "share/ask.h"
#include "state/state.h"

#define LEASES_MAX        32
#define LEASE_NAME_SIZE   49 /* with the NUL, as the next one */
#define LEASE_HOLDER_SIZE 33

struct leases {
	size_t n_asked, n_held;
	struct share_question asked[LEASES_MAX];
	struct share_lease held[LEASES_MAX];
};

/* Returns what a lease and its holder are called at the server. */
const char *lease_name(const struct health_key *key, char name[static LEASE_NAME_SIZE]);
const char *lease_holder(uint64_t machine, uint64_t holder, char text[static LEASE_HOLDER_SIZE]);

/* Notes that it is being asked for. False: too many are. */
bool leases_asked(struct leases *leases, const struct share_question *question);

/* The server has answered the oldest question for that name; keeps what was granted, as long as
 * there is room: what is not kept expires. False: nobody has asked. */
bool leases_answered(struct leases *leases, const char *name, bool is_granted,
		     struct share_question *question);

/* Whether a lease that was refused is one that this machine holds: then the probe that it was for
 * has ended, since a machine has one at a time, but the server had not been told. */
bool leases_is_own(const struct leases *leases, const struct share_lease *refused);

/* Takes out one that is held, and whose probe has ended: the pause is over or longer, or another
 * request probes; and for which nobody asks just now. False: there is none. */
bool leases_next_ended(struct leases *leases, const struct state *state, int64_t now_ms,
		       struct share_lease *ended);

/* The server is away: nothing is asked for, and what is held expires. */
void leases_clear(struct leases *leases);

#endif

/* SPDX-License-Identifier: MIT */
#include "route/lease.h"

#include "base/clock.h"

#include <string.h>

bool
lease_take(struct lease *lease, struct state *state, const struct health *record,
	   const char *provider, uint64_t holder)
{
	struct health_change change = {
	    .event = HEALTH_EVENT_LEASED,
	    .now_ms = clock_wall_ms(),
	    .lease_for_ms = LEASE_MS,
	    .holder = holder,
	    .pause = record->pause,
	    .kin = record->kin,
	};
	memcpy(change.why, record->why, sizeof change.why);
	enum health_outcome outcome = state_health_change(state, &record->key, provider, &change);
	*lease = (struct lease){outcome == HEALTH_GRANTED, record->key, provider, holder};
	return lease->held;
}

void
lease_renew(struct lease *lease, struct state *state)
{
	const struct health record = {.key = lease->key};
	struct health now;
	if (!lease->held || lease_take(lease, state, &record, lease->provider, lease->holder))
		return;
	/* Unless another one's is there, the file was busy: the next time. */
	lease->held = state_health(state, &lease->key, &now) && now.lease_holder == lease->holder;
}

void
lease_release(struct lease *lease, struct state *state)
{
	const struct health_change change = {
	    .event = HEALTH_EVENT_RELEASED, .now_ms = clock_wall_ms(), .holder = lease->holder};
	if (lease->held)
		state_health_change(state, &lease->key, lease->provider, &change);
	lease->held = false;
}

/* SPDX-License-Identifier: MIT */
#include "operator/switch.h"

#include "base/clock.h"

bool
switch_to(struct state *state, const struct provider *provider)
{
	/* What an operator now wants must not be hidden from whom a drill covers. */
	state_drill_stop(state, 0);
	if (provider == NULL)
		return state_switch(state, "");
	return state_switch(state, provider->name) &&
	       state_retry(state, provider->id, clock_wall_ms());
}

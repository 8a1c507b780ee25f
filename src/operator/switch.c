/* SPDX-License-Identifier: MIT */
#include "operator/switch.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

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

void
switch_tell(struct ledger *ledger, const struct provider *provider)
{
	char text[LEDGER_TEXT_MAX];
	if (provider == NULL)
		snprintf(text, sizeof text, "switched back to automatic by an admin");
	else
		snprintf(text, sizeof text, "switched to %s by an admin", provider->name);
	log_line(LOG_NOTICE, "%s", text);
	ledger_tell(ledger, "switch", provider == NULL ? "" : provider->name, text);
}

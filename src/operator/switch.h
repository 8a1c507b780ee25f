/* SPDX-License-Identifier: MIT */
/* An operator's switch of the first provider, for the route and for claude-router-ctl:
 * BEHAVIOUR 2. One thread. */
#ifndef OPERATOR_SWITCH_H
#define OPERATOR_SWITCH_H

#include "config/config.h"
#include "money/ledger.h"
#include "state/state.h"

/* Ends a drill, puts a provider first, and makes its pauses due, so that the next request tries it;
 * NULL: back to automatic. False: the state file is busy, and what was not written is queued; may
 * be repeated. */
bool switch_to(struct state *state, const struct provider *provider);

/* Tells it in the log and the ledger (NULL: it is off). */
void switch_tell(struct ledger *ledger, const struct provider *provider);

#endif

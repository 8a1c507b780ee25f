/* SPDX-License-Identifier: MIT */
/* What responses taught about a model at a provider, remembered in the state for a day:
 * which of its names works, and which form of a request it wants (BEHAVIOUR 3
 * "Successors", 7). Reads and writes the state; no other I/O. One thread.
 *
 * own: the account whose knowledge it is when the credential is the client's own; 0:
 * the operator's. What one account taught does not hold for another: its plan may know
 * other names. */
#ifndef ROUTE_LEARNED_H
#define ROUTE_LEARNED_H

#include "config/config.h"
#include "state/state.h"

/* The place of the name to ask for first, among those that the provider's rule has for
 * the model. */
size_t learned_first(const struct state *state, const struct provider *provider, const char *model,
		     uint64_t own);

/* The next-th name after the one at place first; those before it come last. NULL: no
 * rule names the model, or no name is left. Borrowed from the provider. */
const char *learned_name_at(const struct provider *provider, const char *model, size_t first,
			    size_t next);

/* Both in one: the name to send now. NULL: as the client wrote it, or no name is left. */
const char *learned_name(const struct state *state, const struct provider *provider,
			 const char *model, uint64_t own, size_t next);

/* Remembers that a name worked. False: it is none of the rule's. */
bool learned_name_worked(struct state *state, const struct provider *provider, const char *model,
			 uint64_t own, const char *name);

/* The forms (enum quirk, or'ed) that requests for the model of that name (as sent) need. */
unsigned learned_quirks(const struct state *state, const struct provider *provider,
			const char *name, uint64_t own);

/* Remembers that a request in these forms worked. */
void learned_quirks_worked(struct state *state, const struct provider *provider, const char *name,
			   uint64_t own, unsigned quirks);

#endif

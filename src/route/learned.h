/* SPDX-License-Identifier: MIT */
/* What was learned about a model at a provider, remembered in the state for a day: which of
 * its names works, and which form of a request is accepted (BEHAVIOUR 3 "Successors", 7).
 * Reads and writes the state; no other I/O. One thread.
 *
 * own_account: the account, if the credential is the client's own; 0: a stored one. What one
 * account learned does not hold for another, whose plan may have other models. */
#ifndef ROUTE_LEARNED_H
#define ROUTE_LEARNED_H

#include "config/config.h"
#include "state/state.h"

/* The index of the name to try first, among those that the provider's rule has for the
 * model. */
size_t learned_first(const struct state *state, const struct provider *provider, const char *model,
		     uint64_t own_account);

/* The name that is next places after the one at index first, those before it coming last.
 * NULL: no rule names the model, or no name is left. Borrowed from the provider. */
const char *learned_name_at(const struct provider *provider, const char *model, size_t first,
			    size_t next);

/* Both at once: the name to send. NULL: as the client wrote it, or no name is left. */
const char *learned_name(const struct state *state, const struct provider *provider,
			 const char *model, uint64_t own_account, size_t next);

/* Remembers that a name worked. False: the rule does not have it. */
bool learned_name_worked(struct state *state, const struct provider *provider, const char *model,
			 uint64_t own_account, const char *name);

/* The quirks (enum quirk, or'ed) that requests need for the model of that name (as sent). */
unsigned learned_quirks(const struct state *state, const struct provider *provider,
			const char *name, uint64_t own_account);

/* Remembers that a request with these quirks worked. */
void learned_quirks_worked(struct state *state, const struct provider *provider, const char *name,
			   uint64_t own_account, unsigned quirks);

#endif

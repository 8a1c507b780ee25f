/* SPDX-License-Identifier: MIT */
/* Budgets in the state file: how much money of a day or a month is spent or reserved, so that all
 * processes together stay within a cap (BEHAVIOUR.md 5, "Caps").
 *
 * A scope is what a cap is for: a provider, a client key, or all. It has four places, two for days
 * and two for months: a period uses the one of its parity, so that what was reserved before
 * midnight is settled in the day it was reserved in. An amount and its period are in one word,
 * which a compare-and-swap changes whole. So only budget_begin() and
 * budget_release() need the write lock; who is killed leaves nothing half, only what it had
 * reserved; and a period never goes back (tests/model/budget.pml, release.pml), but by
 * budget_begin(), if it is more than one ahead of the clock: nothing would begin anew in its place
 * until then.
 *
 * Owns nothing: works on an image that the caller has mapped or allocated. Amounts are
 * nano-dollars. Any thread of any process. */
#ifndef STATE_BUDGET_H
#define STATE_BUDGET_H

#include "state/layout.h"

/* Returns the scope's place for a period; NULL: the scope has not begun. */
struct state_budget *budget_find(const struct state_image *image, const struct budget_key *key);

/* Whether one more scope can begin. */
bool budget_has_room(const struct state_image *image);

/* Under the write lock. Begins a scope that has not begun, and raises its sums of the given periods
 * to what is known to be spent, with which those begin anew that are more than one ahead if that is
 * wanted. *begun: zeros before. False: there are STATE_SCOPES already. */
bool budget_begin(struct state_image *image, uint64_t scope, const struct budget_start *start,
		  struct budget_begun *begun);

/* Whether a sum of the scope and kind is of a period more than one ahead of the key's. */
bool budget_is_ahead(const struct state_image *image, const struct budget_key *key);

/* Adds the bound to what is held if that is below the cap; so the cap is exceeded by less than one
 * bound. *period: the granted one, which is a later one than was asked for after the clock was set
 * back. BUDGET_USED or BUDGET_RESERVED: nothing has changed. */
enum budget_result budget_reserve(struct state_budget *budget, int64_t cap, int64_t bound,
				  uint32_t *period);

/* The same, but only if what is held then is within the part of the cap: else BUDGET_PART, or
 * BUDGET_USED if it lacks the bound. */
enum budget_result budget_reserve_part(struct state_budget *budget, int64_t cap, int64_t bound,
				       uint32_t *period);

/* Sets the part, and what the others have spent; and lowers the part to keep, or to what is held if
 * that is more: returns it. A reservation at the same moment is within the lower part, or it is
 * held when this looks (tests/model/part.pml). One caller at a time. */
void budget_part_set(struct state_budget *budget, uint32_t period, int64_t part, int64_t others);
int64_t budget_part_lower(struct state_budget *budget, uint32_t period, int64_t keep);

/* Whether all machines have spent so much of the cap that the bound no longer fits. */
bool budget_lacks(const struct budget *budget, int64_t cap, int64_t bound);

/* Remembers the bound as wanted in that period, if it is the least. */
void budget_want_note(struct state_budget *budget, uint32_t period, int64_t bound);

/* Copies the keys of up to max budgets with a part; returns how many. */
size_t budget_parts(const struct state_image *image, struct budget_key *keys, size_t max);

/* How often it began anew: read before something is reserved, for when it is settled. */
uint64_t budget_resets(const struct state_budget *budget);

/* Replaces a bound that was reserved in that period by what it has cost. Nothing, if a later period
 * has begun in its place. Where it has begun anew since, the bound is gone, and the cost is added
 * to the latest period. */
void budget_settle(struct state_budget *budget, uint32_t period, uint64_t resets, int64_t bound,
		   int64_t cost);

/* Reads the sums of a period, or of a later one in its place. */
struct budget budget_read(const struct state_budget *budget, uint32_t period);

/* Under the write lock: who begins a scope reserves nothing, and a second release could make the
 * sum look as it was. Gives back what was reserved when *read was read; false: it has changed
 * since. The caller knows that nobody who reserved it lives. */
bool budget_release(struct state_budget *budget, uint32_t period, const struct budget *read);

/* Whether the caller is the first to reach that percentage in the period. */
bool budget_notice(struct state_budget *budget, uint32_t period, unsigned percent);

/* Copies all budgets; false: the image is truncated. */
bool budget_keep(struct state_image *copy, const struct state_image *image);

#endif

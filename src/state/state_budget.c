/* SPDX-License-Identifier: MIT */
/* The budgets of state.h: those of budget.h, in the file that all processes share. */
#include "state/budget.h"
#include "state/inside.h"

#include <string.h>

uint64_t
state_claims(const struct state *state)
{
	return (uint64_t)state->claims << 32 | state->open_claims;
}

enum budget_result
state_budget_begin(struct state *state, uint64_t scope,
		   const struct budget_start start[static BUDGET_KINDS], struct budget_begun *begun)
{
	struct state_image *image = state_shared_image(state);
	*begun = (struct budget_begun){0};
	if (image == NULL || !state_map_lock(&state->map))
		return BUDGET_CLOSED;
	bool has_begun = budget_begin(image, scope, start, begun);
	state_map_unlock(&state->map);
	return has_begun ? BUDGET_GRANTED : BUDGET_FULL;
}

bool
state_budget_may_begin(const struct state *state, uint64_t scope)
{
	const struct state_image *image = state_shared_image(state);
	const struct budget_key key = {.scope = scope};
	return image != NULL && budget_find(image, &key) == NULL && budget_has_room(image);
}

bool
state_budget_is_ahead(const struct state *state, const struct budget_key *key)
{
	const struct state_image *image = state_shared_image(state);
	return image != NULL && budget_is_ahead(image, key);
}

/* Reports the reservations that we hold: before one is made, and after it has ended, so that those
 * that nobody reports are a dead process'. */
static void
note_claims(struct state *state)
{
	struct state_process *slot = state_map_claim_process(&state->map);
	if (slot == NULL)
		return;
	if (word_get(&slot->owner) != state->owner)
		word_set(&slot->owner, 0); /* until the next tick */
	atomic_store_explicit(&slot->claims, state_claims(state), memory_order_release);
}

static void
open_claim(struct state *state)
{
	state->claims++;
	state->open_claims++;
	note_claims(state);
}

static void
close_claim(struct state *state)
{
	state->open_claims -= state->open_claims > 0;
	note_claims(state);
}

typedef enum budget_result reserve_in(struct state_budget *budget, int64_t cap, int64_t bound,
				      uint32_t *period);

static enum budget_result
reserve(struct state *state, const struct budget_key *key, int64_t cap, int64_t bound,
	struct budget_claim *claim, reserve_in *budget_reserves)
{
	struct state_image *image = state_shared_image(state);
	struct state_budget *budget = image == NULL ? NULL : budget_find(image, key);
	if (budget == NULL)
		return BUDGET_CLOSED;
	struct budget_claim made = {.key = *key,
				    .file = image->header.checksum,
				    .resets = budget_resets(budget),
				    .bound = bound};
	open_claim(state);
	enum budget_result result = budget_reserves(budget, cap, bound, &made.key.period);
	if (!state_image_is_whole(image))
		result = BUDGET_CLOSED;
	if (result == BUDGET_GRANTED)
		*claim = made;
	else
		close_claim(state);
	return result;
}

enum budget_result
state_budget_reserve(struct state *state, const struct budget_key *key, int64_t cap, int64_t bound,
		     struct budget_claim *claim)
{
	return reserve(state, key, cap, bound, claim, budget_reserve);
}

enum budget_result
state_budget_reserve_part(struct state *state, const struct budget_key *key, int64_t cap,
			  int64_t bound, struct budget_claim *claim)
{
	return reserve(state, key, cap, bound, claim, budget_reserve_part);
}

void
state_budget_settle(struct state *state, const struct budget_claim *claim, int64_t cost)
{
	struct state_image *image = state_shared_image(state);
	struct state_budget *budget = image == NULL ? NULL : budget_find(image, &claim->key);
	bool is_its = budget != NULL && claim->file == image->header.checksum;
	if (budget != NULL)
		budget_settle(budget, claim->key.period,
			      is_its ? claim->resets : budget_resets(budget),
			      is_its ? claim->bound : 0, cost);
	close_claim(state);
}

/* The claims of each slot; false: a process holds one, or there may be processes without a slot. */
static bool
read_claims(const struct state *state, uint64_t claims[static STATE_PROCESSES])
{
	const struct state_process *slots = state_map_view(&state->map)->processes;
	size_t living = 0;
	bool is_open = false;
	for (size_t i = 0; i < STATE_PROCESSES; i++) {
		bool lives = state_map_has_process(&state->map, i);
		claims[i] = atomic_load_explicit(&slots[i].claims, memory_order_acquire);
		living += lives;
		is_open |= lives && (uint32_t)claims[i] != 0;
		if (!lives)
			claims[i] = UINT64_MAX;
	}
	return !is_open && living < STATE_PROCESSES;
}

bool
state_budget_is_idle(const struct state *state)
{
	uint64_t claims[STATE_PROCESSES];
	return read_claims(state, claims);
}

/* What is read between two looks at the claims, of which none was open and none was made meanwhile,
 * holds no reservation of a living process; and one that is made later changes the word. */
static enum budget_result
release(const struct state *state, struct state_budget *budget, uint32_t period, int64_t *amount)
{
	uint64_t before[STATE_PROCESSES], after[STATE_PROCESSES];
	bool is_idle = read_claims(state, before);
	const struct budget read = budget_read(budget, period);
	is_idle = read_claims(state, after) && is_idle;
	if (!is_idle || memcmp(before, after, sizeof before) != 0)
		return BUDGET_RESERVED;
	if (read.held <= read.settled)
		return BUDGET_GRANTED;
	if (!budget_release(budget, period, &read))
		return BUDGET_RESERVED;
	*amount = read.held - read.settled;
	return BUDGET_GRANTED;
}

enum budget_result
state_budget_release(struct state *state, const struct budget_key *key, int64_t *amount)
{
	struct state_image *image = state_shared_image(state);
	struct state_budget *budget = image == NULL ? NULL : budget_find(image, key);
	*amount = 0;
	if (image == NULL)
		return BUDGET_CLOSED;
	if (budget == NULL)
		return BUDGET_GRANTED;
	if (!state_map_lock(&state->map))
		return BUDGET_CLOSED;
	enum budget_result result = release(state, budget, key->period, amount);
	state_map_unlock(&state->map);
	return state_image_is_whole(image) ? result : BUDGET_CLOSED;
}

bool
state_budget_lacks(struct state *state, const struct budget_want *want)
{
	struct state_image *image = state_shared_image(state);
	struct state_budget *budget =
	    image == NULL || want->cap == 0 ? NULL : budget_find(image, &want->key);
	if (budget == NULL)
		return false;
	struct budget is = budget_read(budget, want->key.period);
	if (!budget_lacks(&is, want->cap, want->bound))
		return false;
	budget_want_note(budget, is.period, want->bound);
	return true;
}

enum budget_result
state_budget(const struct state *state, const struct budget_key *key, struct budget *out)
{
	const struct state_map *map = &state->map;
	*out = (struct budget){0};
	if (map->fd < 0 || map->is_reported || !state_image_is_whole(map->image))
		return BUDGET_CLOSED;
	const struct state_budget *budget = budget_find(map->image, key);
	if (budget != NULL)
		*out = budget_read(budget, key->period);
	bool is_full = budget == NULL && !budget_has_room(map->image);
	if (!state_image_is_whole(map->image))
		return BUDGET_CLOSED;
	return is_full ? BUDGET_FULL : BUDGET_GRANTED;
}

bool
state_budget_notice(struct state *state, const struct budget_key *key, unsigned percent)
{
	struct state_image *image = state_shared_image(state);
	struct state_budget *budget = image == NULL ? NULL : budget_find(image, key);
	return budget != NULL && budget_notice(budget, key->period, percent);
}

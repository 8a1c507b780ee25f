/* SPDX-License-Identifier: MIT */
#include "state/budget.h"

#include "state/image.h"
#include "state/record.h"

/* A word holds a period in its upper 16 bits, and an amount below. */
#define AMOUNT_BITS 48
_Static_assert(BUDGET_MAX == (INT64_C(1) << AMOUNT_BITS) - 1, "an amount fills its bits");

static uint64_t
pack(uint64_t period, int64_t amount)
{
	return period << AMOUNT_BITS | (uint64_t)amount;
}

static uint32_t
period_of(uint64_t packed)
{
	return (uint32_t)(packed >> AMOUNT_BITS);
}

static int64_t
amount_of(uint64_t packed)
{
	return (int64_t)(packed & BUDGET_MAX);
}

/* As if the period had begun there, if the word is of an earlier one. */
static uint64_t
roll(uint64_t packed, uint32_t period)
{
	return period_of(packed) < period ? pack(period, 0) : packed;
}

static bool
swap(word *at, uint64_t *before, uint64_t after)
{
	/* In an order with the claims that state.c counts. */
	return atomic_compare_exchange_weak_explicit(at, before, after, memory_order_acq_rel,
						     memory_order_acquire);
}

/* The places of a scope; NULL: it has not begun. */
static struct state_budget *
find_places(const struct state_image *image, uint64_t scope)
{
	for (size_t i = 0; i < STATE_SCOPES; i++) {
		const struct state_budget *places = image->budgets[i];
		/* What it begins with is written before it. */
		if (atomic_load_explicit(&places[0].scope, memory_order_acquire) == scope)
			return (struct state_budget *)places;
	}
	return NULL;
}

static size_t
place_of(enum budget_kind kind, uint32_t period)
{
	return (size_t)kind * 2 + period % 2;
}

struct state_budget *
budget_find(const struct state_image *image, const struct budget_key *key)
{
	struct state_budget *places = find_places(image, key->scope);
	return places == NULL ? NULL : &places[place_of(key->kind, key->period)];
}

enum budget_result
budget_reserve(struct state_budget *budget, int64_t cap, int64_t bound, uint32_t *period)
{
	uint64_t before = word_get(&budget->held), after;
	do {
		uint64_t held = roll(before, *period);
		if (amount_of(held) >= cap || bound > BUDGET_MAX - amount_of(held))
			return budget_read(budget, *period).settled >= cap ? BUDGET_USED
									   : BUDGET_RESERVED;
		after = held + (uint64_t)bound;
	} while (!swap(&budget->held, &before, after));
	*period = period_of(after);
	return BUDGET_GRANTED;
}

/* The word's amount in that period, which has none of another one's. */
static int64_t
amount_in(const word *at, uint32_t period)
{
	uint64_t packed = word_get(at);
	return period_of(packed) == period ? amount_of(packed) : 0;
}

static int64_t
clamp(int64_t amount)
{
	return amount < 0 ? 0 : amount > BUDGET_MAX ? BUDGET_MAX : amount;
}

/* Adds to the word's amount in that period; nothing once a later one has begun. */
static void
add(word *at, uint32_t period, int64_t amount)
{
	uint64_t before = word_get(at), after;
	do {
		uint64_t now = roll(before, period);
		if (period_of(now) != period)
			return;
		after = pack(period, clamp(amount_of(now) + amount));
	} while (!swap(at, &before, after));
}

/* What is held decides, and changes first: who is killed in between has settled all the same. */
void
budget_settle(struct state_budget *budget, uint32_t period, int64_t bound, int64_t cost)
{
	add(&budget->held, period, cost - bound);
	if (cost > 0)
		add(&budget->settled, period, cost);
}

enum budget_result
budget_reserve_part(struct state_budget *budget, int64_t cap, int64_t bound, uint32_t *period)
{
	struct budget is = budget_read(budget, *period);
	int64_t limit = is.part < cap ? is.part : cap;
	/* What is below it, with the bound on top, is at most the limit. */
	enum budget_result result = budget_reserve(budget, limit - bound + 1, bound, period);
	is = budget_read(budget, *period);
	if (result != BUDGET_GRANTED)
		return budget_lacks(&is, cap, bound) ? BUDGET_USED
		       : is.held + bound <= cap      ? BUDGET_PART
						     : BUDGET_RESERVED;
	/* The part may have been lowered meanwhile. */
	atomic_thread_fence(memory_order_seq_cst);
	is = budget_read(budget, *period);
	if (is.period != *period || is.held <= is.part)
		return BUDGET_GRANTED;
	budget_settle(budget, *period, bound, 0);
	return BUDGET_PART;
}

bool
budget_lacks(const struct budget *budget, int64_t cap, int64_t bound)
{
	return budget->settled + budget->others + bound > cap;
}

void
budget_want_note(struct state_budget *budget, uint32_t period, int64_t bound)
{
	uint64_t before = word_get(&budget->wanted), after = pack(period, clamp(bound)), now;
	do {
		now = roll(before, period);
		if (period_of(now) != period || (amount_of(now) != 0 && now <= after))
			return;
	} while (!swap(&budget->wanted, &before, after));
}

void
budget_part_set(struct state_budget *budget, uint32_t period, int64_t part, int64_t others)
{
	if (period_of(word_get(&budget->part)) > period)
		return;
	word_set(&budget->part, pack(period, clamp(part)));
	word_set(&budget->others, pack(period, clamp(others)));
}

int64_t
budget_part_lower(struct state_budget *budget, uint32_t period, int64_t keep)
{
	int64_t part = amount_in(&budget->part, period);
	if (part <= keep)
		return part;
	word_set(&budget->part, pack(period, clamp(keep)));
	atomic_thread_fence(memory_order_seq_cst);
	struct budget is = budget_read(budget, period);
	int64_t left = is.period != period || is.held < keep ? keep
		       : is.held < part                      ? is.held
							     : part;
	word_set(&budget->part, pack(period, left));
	return left;
}

size_t
budget_parts(const struct state_image *image, struct budget_key *keys, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < STATE_SCOPES; i++) {
		const struct state_budget *places = image->budgets[i];
		uint64_t scope = atomic_load_explicit(&places[0].scope, memory_order_acquire);
		for (size_t k = 0; scope != 0 && k < (size_t)BUDGET_KINDS * 2 && n < max; k++) {
			uint64_t part = word_get(&places[k].part);
			if (part != 0)
				keys[n++] = (struct budget_key){scope, k / 2, period_of(part)};
		}
	}
	return n;
}

/* Makes both sums at least what is known to be spent. What is held changes first, as in
 * budget_settle(). Returns what was missing. */
static int64_t
raise(struct state_budget *budget, uint32_t period, int64_t spent)
{
	int64_t missing = spent - budget_read(budget, period).settled;
	if (missing <= 0)
		return 0;
	add(&budget->held, period, missing);
	add(&budget->settled, period, missing);
	return missing;
}

bool
budget_has_room(const struct state_image *image)
{
	return find_places(image, 0) != NULL;
}

/* Who began another scope there may have been killed before it had a name. */
static void
clear(struct state_budget *places)
{
	for (size_t i = 0; i < (size_t)BUDGET_KINDS * 2; i++) {
		word_set(&places[i].held, 0);
		word_set(&places[i].settled, 0);
		word_set(&places[i].noticed, 0);
		word_set(&places[i].part, 0);
		word_set(&places[i].others, 0);
		word_set(&places[i].wanted, 0);
	}
}

bool
budget_begin(struct state_image *image, uint64_t scope, const struct budget_start *start,
	     int64_t raised[static BUDGET_KINDS])
{
	struct state_budget *places = find_places(image, scope);
	struct state_budget *used = places == NULL ? find_places(image, 0) : places;
	if (used == NULL)
		return false;
	if (places == NULL)
		clear(used);
	for (enum budget_kind kind = BUDGET_DAY; kind < BUDGET_KINDS; kind++) {
		struct state_budget *place = &used[place_of(kind, start[kind].period)];
		raised[kind] = raise(place, start[kind].period, start[kind].spent);
	}
	atomic_store_explicit(&used[0].scope, scope, memory_order_release);
	return true;
}

struct budget
budget_read(const struct state_budget *budget, uint32_t period)
{
	uint64_t held = roll(atomic_load_explicit(&budget->held, memory_order_acquire), period);
	uint64_t settled = roll(word_get(&budget->settled), period_of(held));
	return (struct budget){.held = amount_of(held),
			       .settled = amount_of(settled),
			       .part = amount_in(&budget->part, period_of(held)),
			       .others = amount_in(&budget->others, period_of(held)),
			       .wanted = amount_in(&budget->wanted, period_of(held)),
			       .period = period_of(held)};
}

bool
budget_release(struct state_budget *budget, uint32_t period, const struct budget *read)
{
	uint64_t before = word_get(&budget->held);
	uint64_t held = roll(before, period);
	if (held != pack(read->period, read->held))
		return false;
	uint64_t after = pack(period_of(held), read->settled);
	return atomic_compare_exchange_strong_explicit(&budget->held, &before, after,
						       memory_order_acq_rel, memory_order_relaxed);
}

bool
budget_notice(struct state_budget *budget, uint32_t period, unsigned percent)
{
	uint64_t before = word_get(&budget->noticed), after;
	do {
		uint64_t now = roll(before, period);
		if (period_of(now) != period || amount_of(now) >= percent)
			return false;
		after = pack(period, percent);
	} while (!swap(&budget->noticed, &before, after));
	return true;
}

bool
budget_keep(struct state_image *copy, const struct state_image *image)
{
	uint64_t words[sizeof image->budgets / 8];
	state_words_out(&image->budgets[0][0].scope, sizeof words, words);
	if (!state_image_is_whole(image))
		return false;
	state_words_in(&copy->budgets[0][0].scope, sizeof words, words);
	return true;
}

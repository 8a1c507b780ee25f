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

uint64_t
budget_resets(const struct state_budget *budget)
{
	return atomic_load_explicit(&budget->resets, memory_order_acquire);
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

/* Counts it in the latest of both periods: in its own place is another sum than it reserved in. */
static void
settle_late(struct state_budget *budget, uint32_t period, int64_t cost)
{
	struct state_budget *pair = budget - period % 2;
	uint32_t even = period_of(word_get(&pair[0].held));
	uint32_t odd = period_of(word_get(&pair[1].held));
	struct state_budget *latest = odd > even ? &pair[1] : &pair[0];
	add(&latest->held, odd > even ? odd : even, cost);
	add(&latest->settled, odd > even ? odd : even, cost);
}

/* What is held decides, and changes first: who is killed in between has settled all the same. The
 * resets are read after it: so a sum that began anew is not taken for the one reserved in. */
void
budget_settle(struct state_budget *budget, uint32_t period, uint64_t resets, int64_t bound,
	      int64_t cost)
{
	uint64_t before = atomic_load_explicit(&budget->held, memory_order_acquire), after;
	do {
		uint64_t now = roll(before, period);
		if (word_get(&budget->resets) != resets) {
			settle_late(budget, period, cost);
			return;
		}
		if (period_of(now) != period)
			break; /* a later one has begun */
		after = pack(period, clamp(amount_of(now) + cost - bound));
	} while (!swap(&budget->held, &before, after));
	if (cost > 0)
		add(&budget->settled, period, cost);
}

enum budget_result
budget_reserve_part(struct state_budget *budget, int64_t cap, int64_t bound, uint32_t *period)
{
	uint64_t resets = budget_resets(budget);
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
	budget_settle(budget, *period, resets, bound, 0);
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

/* --- A clock that was set back ------------------------------------------ */

/* Not the next period, which a process in another time zone may have begun. */
static bool
is_ahead(const word *at, uint32_t period)
{
	return period_of(word_get(at)) > period + 1;
}

static bool
place_is_ahead(const struct state_budget *place, uint32_t period)
{
	return is_ahead(&place->held, period) || is_ahead(&place->settled, period) ||
	       is_ahead(&place->noticed, period) || is_ahead(&place->part, period) ||
	       is_ahead(&place->others, period) || is_ahead(&place->wanted, period);
}

bool
budget_is_ahead(const struct state_image *image, const struct budget_key *key)
{
	const struct state_budget *places = find_places(image, key->scope);
	const struct state_budget *pair = places == NULL ? NULL : &places[place_of(key->kind, 0)];
	return pair != NULL &&
	       (place_is_ahead(&pair[0], key->period) || place_is_ahead(&pair[1], key->period));
}

static void
replace_ahead(word *at, uint32_t period, uint64_t instead)
{
	uint64_t before = word_get(at);
	while (period_of(before) > period + 1 && !swap(at, &before, instead))
		;
}

/* Replaces a place's words of a period that is ahead: by nothing, or by what is known to be spent
 * in the present one if the place is that one's. What is held changes last, at once from one sum to
 * the other: then processes reserve in it. Who writes a word of the old period after that is
 * found the next time. */
static void
begin_anew(struct state_budget *place, bool is_present, const struct budget_start *start)
{
	uint32_t period = start->period;
	int64_t known = amount_in(&place->settled, period);
	if (is_ahead(&place->held, period)) {
		atomic_fetch_add_explicit(&place->resets, 1, memory_order_release);
		known = known < start->spent ? start->spent : known;
		if (is_present)
			word_set(&place->settled, pack(period, clamp(known)));
	} else if (is_ahead(&place->settled, period)) {
		known = amount_in(&place->held, period);
		known = known < start->spent ? known : start->spent;
	}
	uint64_t instead = is_present ? pack(period, clamp(known)) : 0;
	replace_ahead(&place->settled, period, instead);
	replace_ahead(&place->noticed, period, 0);
	replace_ahead(&place->part, period, 0);
	replace_ahead(&place->others, period, 0);
	replace_ahead(&place->wanted, period, 0);
	replace_ahead(&place->held, period, instead);
}

/* Returns whether one of the two places was ahead. */
static bool
end_ahead(struct state_budget *pair, const struct budget_start *start)
{
	bool was_ahead = false;
	for (uint32_t i = 0; i < 2; i++) {
		if (!place_is_ahead(&pair[i], start->period))
			continue;
		begin_anew(&pair[i], start->period % 2 == i, start);
		was_ahead = true;
	}
	return was_ahead;
}

bool
budget_begin(struct state_image *image, uint64_t scope, const struct budget_start *start,
	     struct budget_begun *begun)
{
	struct state_budget *places = find_places(image, scope);
	struct state_budget *used = places == NULL ? find_places(image, 0) : places;
	if (used == NULL)
		return false;
	if (places == NULL)
		clear(used);
	for (enum budget_kind kind = BUDGET_DAY; kind < BUDGET_KINDS; kind++) {
		struct state_budget *pair = &used[place_of(kind, 0)];
		bool was_ahead = start[kind].anew && end_ahead(pair, &start[kind]);
		begun->raised[kind] =
		    raise(&pair[start[kind].period % 2], start[kind].period, start[kind].spent);
		if (was_ahead)
			begun->raised[kind] = start[kind].spent;
		begun->was_ahead |= was_ahead;
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

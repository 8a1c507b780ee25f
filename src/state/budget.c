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
	return atomic_compare_exchange_weak_explicit(at, before, after, memory_order_relaxed,
						     memory_order_relaxed);
}

struct state_budget *
budget_find(const struct state_image *image, const struct budget_key *key)
{
	size_t place = (size_t)key->kind * 2 + key->period % 2;
	for (size_t i = 0; i < STATE_SCOPES; i++) {
		const struct state_budget *places = image->budgets[i];
		if (word_get(&places[0].scope) == key->scope)
			return (struct state_budget *)&places[place];
	}
	return NULL;
}

bool
budget_make(struct state_image *image, uint64_t scope)
{
	for (size_t i = 0; i < STATE_SCOPES; i++) {
		word *first = &image->budgets[i][0].scope;
		if (word_get(first) == scope)
			return true;
		if (word_get(first) != 0)
			continue;
		word_set(first, scope);
		return true;
	}
	return false;
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

struct budget
budget_read(const struct state_budget *budget, uint32_t period)
{
	uint64_t held = roll(word_get(&budget->held), period);
	uint64_t settled = roll(word_get(&budget->settled), period_of(held));
	return (struct budget){.held = amount_of(held), .settled = amount_of(settled)};
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

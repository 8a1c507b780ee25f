/* SPDX-License-Identifier: MIT */
#include "route/balance.h"

/* The finalizer of SplitMix64: each bit of x changes half of the result's. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Rendezvous hashing (highest random weight): the key with the highest score is preferred,
 * so that without a key only those move that preferred it. A weight of n is n chances. */
static uint64_t
score(uint64_t affinity, const struct balance_key *key)
{
	uint64_t best = 0;
	for (unsigned i = 0; i < key->weight; i++) {
		uint64_t chance = mix(mix(key->label + i) ^ affinity);
		best = chance > best ? chance : best;
	}
	return best;
}

/* Whether the session stays with the key: in a tool loop, and where no hash would find it again. */
static bool
is_kept(const struct balance_query *query, const struct balance_key *key)
{
	return key->is_current && (query->mid_loop || query->balance == BALANCE_SPREAD);
}

/* Whether key b comes before key a, which the file has first. */
static bool
is_preferred(const struct balance_query *query, const uint64_t *scores, size_t a, size_t b)
{
	const struct balance_key *first = &query->keys[a], *second = &query->keys[b];
	if (is_kept(query, first) != is_kept(query, second))
		return is_kept(query, second);
	if (query->balance == BALANCE_ORDER || query->affinity == 0)
		return b < a;
	uint64_t load_a = (uint64_t)first->attempts * second->weight;
	uint64_t load_b = (uint64_t)second->attempts * first->weight;
	if (query->balance == BALANCE_SPREAD && load_a != load_b)
		return load_b < load_a;
	return scores[b] != scores[a] ? scores[b] > scores[a] : b < a;
}

void
balance_order(const struct balance_query *query, size_t order[static CREDENTIALS_MAX])
{
	uint64_t scores[CREDENTIALS_MAX];
	for (size_t i = 0; i < query->n_keys; i++) {
		size_t at = i;
		scores[i] = score(query->affinity, &query->keys[i]);
		for (; at > 0 && is_preferred(query, scores, order[at - 1], i); at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

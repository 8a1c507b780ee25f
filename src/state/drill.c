/* SPDX-License-Identifier: MIT */
#include "state/drill.h"

/* head: its id, and in the lowest byte the requests that are left. */
#define HEAD(id, left) ((uint64_t)(id) << 8 | (left))

/* until: a time, and whose it is. */
#define TIME_BITS          48
#define TIME_MASK          ((UINT64_C(1) << TIME_BITS) - 1)
#define UNTIL(id, time_ms) ((uint64_t)(id) << TIME_BITS | ((uint64_t)(time_ms)&TIME_MASK))

static uint32_t
id_of(uint64_t head)
{
	return (uint32_t)(head >> 8);
}

static bool
is_ours(uint64_t until, uint32_t id)
{
	return until >> TIME_BITS == (id & 0xffff);
}

static bool
is_sane(const struct drill *d, int64_t now_ms)
{
	return d->kind < DRILL_KINDS && d->requests >= 1 && d->requests <= DRILL_REQUESTS_MAX &&
	       d->left <= d->requests && d->rest_ms >= DRILL_REST_MIN_MS &&
	       d->rest_ms <= DRILL_REST_MAX_MS && d->ends_ms > now_ms &&
	       d->ends_ms <= now_ms + DRILL_MAX_MS && /* a clock that was set back ends it */
	       (d->until_ms == 0 || d->until_ms <= now_ms + DRILL_REST_MAX_MS);
}

bool
drill_read(const struct state_drill *at, uint64_t reload, int64_t now_ms, struct drill *out)
{
	uint64_t head = atomic_load_explicit(&at->head, memory_order_acquire);
	if (id_of(head) == 0)
		return false;
	uint64_t kind = word_get(&at->kind), until = word_get(&at->until);
	*out = (struct drill){
	    .id = id_of(head),
	    .kind = (enum drill_kind)(kind & 0xff),
	    .provider = word_get(&at->provider),
	    .scope = word_get(&at->scope),
	    .requests = kind >> 8 & 0xff,
	    .left = head & 0xff,
	    .rest_ms = (int64_t)word_get(&at->rest_ms),
	    .ends_ms = (int64_t)word_get(&at->ends_ms),
	    .until_ms = is_ours(until, id_of(head)) ? (int64_t)(until & TIME_MASK) : 0,
	};
	bool is_same = word_get(&at->reload) == reload;
	/* What was read is of one drill if it is still there. */
	atomic_thread_fence(memory_order_acquire);
	return is_same && id_of(word_get(&at->head)) == out->id && is_sane(out, now_ms);
}

void
drill_write(struct state_drill *at, uint64_t reload, const struct drill *d)
{
	word_set(&at->head, 0);
	atomic_thread_fence(memory_order_release);
	word_set(&at->provider, d->provider);
	word_set(&at->scope, d->scope);
	word_set(&at->kind, (uint64_t)d->kind | (uint64_t)d->requests << 8);
	word_set(&at->rest_ms, (uint64_t)d->rest_ms);
	word_set(&at->ends_ms, (uint64_t)d->ends_ms);
	word_set(&at->until, UNTIL(d->id, 0));
	word_set(&at->reload, reload);
	atomic_store_explicit(&at->head, HEAD(d->id, d->requests), memory_order_release);
}

static bool
swap(word *at, uint64_t *expected, uint64_t value)
{
	return atomic_compare_exchange_strong_explicit(at, expected, value, memory_order_acq_rel,
						       memory_order_acquire);
}

/* If another drill without a scope has begun meanwhile, the caller's conversation is the next one
 * for that, too. */
bool
drill_bind(struct state_drill *at, uint64_t scope)
{
	uint64_t none = 0;
	return swap(&at->scope, &none, scope) || none == scope;
}

bool
drill_take(struct state_drill *at, uint32_t id)
{
	uint64_t head = word_get(&at->head);
	while (id_of(head) == id && (head & 0xff) > 0)
		if (swap(&at->head, &head, head - 1))
			return true;
	return false;
}

bool
drill_rest(struct state_drill *at, uint32_t id, int64_t now_ms, int64_t until_ms)
{
	uint64_t until = word_get(&at->until);
	while (is_ours(until, id)) {
		bool is_paused = (int64_t)(until & TIME_MASK) > now_ms;
		if (swap(&at->until, &until, UNTIL(id, until_ms)))
			return !is_paused;
	}
	return false;
}

bool
drill_return(struct state_drill *at, uint32_t id, int64_t now_ms)
{
	uint64_t until = word_get(&at->until), last = HEAD(id, 0);
	while (is_ours(until, id) && (until & TIME_MASK) != 0 &&
	       (int64_t)(until & TIME_MASK) <= now_ms) {
		if (!swap(&at->until, &until, UNTIL(id, 0)))
			continue;
		swap(&at->head, &last, 0); /* unless requests are left */
		return true;
	}
	return false;
}

bool
drill_stop(struct state_drill *at, uint32_t id)
{
	uint64_t head = word_get(&at->head);
	while (id_of(head) != 0 && (id == 0 || id_of(head) == id))
		if (swap(&at->head, &head, 0))
			return true;
	return false;
}

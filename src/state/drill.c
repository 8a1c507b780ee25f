/* SPDX-License-Identifier: MIT */
#include "state/drill.h"

/* head: its id, and in the lowest byte the requests that are left. */
#define HEAD(id, left) ((uint64_t)(id) << 8 | (left))

/* until: a time, whose it is, and whether a probe has ended that pause. */
#define OWNER_BIT          48
#define RETURNED           (UINT64_C(1) << 47)
#define TIME_MASK          (RETURNED - 1)
#define UNTIL(id, time_ms) ((uint64_t)(id) << OWNER_BIT | ((uint64_t)(time_ms)&TIME_MASK))

static uint32_t
id_of(uint64_t head)
{
	return (uint32_t)(head >> 8);
}

static bool
is_ours(uint64_t until, uint32_t id)
{
	return until >> OWNER_BIT == (id & 0xffff);
}

static bool
is_paused(uint64_t until, int64_t now_ms)
{
	return (until & RETURNED) == 0 && (int64_t)(until & TIME_MASK) > now_ms;
}

/* Grows from pause to return, and to the next pause. */
static uint64_t
phase(uint64_t until)
{
	return (until & TIME_MASK) << 1 | ((until & RETURNED) != 0);
}

/* --- Of two machines ------------------------------------------------------ */

uint64_t
drill_order(const struct drill *d)
{
	return (uint64_t)d->begun_s << 32 | d->id;
}

static bool
has_later_pause(const struct drill *d, const struct drill *than)
{
	return d->pause_ms > than->pause_ms ||
	       (d->pause_ms == than->pause_ms && d->until_ms == 0 && than->until_ms != 0);
}

static bool
has_smaller_scope(const struct drill *d, const struct drill *than)
{
	return d->scope != 0 && (than->scope == 0 || d->scope < than->scope);
}

bool
drill_join(struct drill *d, const struct drill *other)
{
	const struct drill before = *d;
	if (d->id != other->id) {
		if (drill_order(other) > drill_order(d))
			*d = *other;
		return d->id != before.id;
	}
	if (d->has_ended || other->has_ended) {
		*d = (struct drill){.id = d->id, .begun_s = d->begun_s, .has_ended = true};
		return !before.has_ended;
	}
	if (other->left < d->left)
		d->left = other->left;
	if (has_smaller_scope(other, d))
		d->scope = other->scope;
	if (has_later_pause(other, d)) {
		d->pause_ms = other->pause_ms;
		d->until_ms = other->until_ms;
	}
	return d->left != before.left || d->scope != before.scope ||
	       d->pause_ms != before.pause_ms || d->until_ms != before.until_ms;
}

/* --- In the file ------------------------------------------------------------ */

static bool
is_sane(const struct drill *d, int64_t now_ms)
{
	return d->kind < DRILL_KINDS && d->requests >= 1 && d->requests <= DRILL_REQUESTS_MAX &&
	       d->left <= d->requests && d->rest_ms >= DRILL_REST_MIN_MS &&
	       d->rest_ms <= DRILL_REST_MAX_MS && d->ends_ms > now_ms &&
	       d->ends_ms <= now_ms + DRILL_MAX_MS && /* a clock that was set back ends it */
	       d->pause_ms <= now_ms + DRILL_REST_MAX_MS;
}

bool
drill_read(const struct state_drill *at, uint64_t reload, int64_t now_ms, struct drill *out)
{
	uint64_t head = atomic_load_explicit(&at->head, memory_order_acquire);
	if (id_of(head) == 0)
		return false;
	uint64_t kind = word_get(&at->kind), until = word_get(&at->until);
	uint64_t begun = word_get(&at->begun);
	if (!is_ours(until, id_of(head)))
		until = 0;
	*out = (struct drill){
	    .id = id_of(head),
	    .kind = (enum drill_kind)(kind & 0xff),
	    .provider = word_get(&at->provider),
	    .scope = word_get(&at->scope),
	    .requests = kind >> 8 & 0xff,
	    .left = head & 0xff,
	    .rest_ms = (int64_t)word_get(&at->rest_ms),
	    .ends_ms = (int64_t)word_get(&at->ends_ms),
	    .until_ms = (until & RETURNED) == 0 ? (int64_t)(until & TIME_MASK) : 0,
	    .pause_ms = (int64_t)(until & TIME_MASK),
	    .begun_s = (uint32_t)begun == id_of(head) ? (uint32_t)(begun >> 32) : 0,
	};
	bool is_same = word_get(&at->reload) == reload;
	/* What was read is of one drill if it is still there. */
	atomic_thread_fence(memory_order_acquire);
	return is_same && id_of(word_get(&at->head)) == out->id && is_sane(out, now_ms);
}

static uint64_t
until_of(const struct drill *d)
{
	bool has_returned = d->pause_ms != 0 && d->until_ms == 0;
	return UNTIL(d->id, d->pause_ms) | (has_returned ? RETURNED : 0);
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
	word_set(&at->until, until_of(d));
	word_set(&at->reload, reload);
	atomic_store_explicit(&at->head, HEAD(d->id, d->left), memory_order_release);
	/* Last: who reads it before head does not take the new one for ended. */
	atomic_store_explicit(&at->begun, drill_order(d), memory_order_release);
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
		bool was_paused = is_paused(until, now_ms);
		if (swap(&at->until, &until, UNTIL(id, until_ms)))
			return !was_paused;
	}
	return false;
}

bool
drill_return(struct state_drill *at, uint32_t id, int64_t now_ms)
{
	uint64_t until = word_get(&at->until), last = HEAD(id, 0);
	while (is_ours(until, id) && (until & TIME_MASK) != 0 && (until & RETURNED) == 0 &&
	       !is_paused(until, now_ms)) {
		if (!swap(&at->until, &until, until | RETURNED))
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

/* --- What others know ---------------------------------------------------------- */

bool
drill_latest(const struct state_drill *at, uint64_t reload, int64_t now_ms, struct drill *out)
{
	uint64_t begun = atomic_load_explicit(&at->begun, memory_order_acquire);
	uint64_t head = atomic_load_explicit(&at->head, memory_order_acquire);
	bool is_running = drill_read(at, reload, now_ms, out);
	if (is_running && out->id == (uint32_t)begun)
		return true;
	*out = (struct drill){
	    .id = (uint32_t)begun, .begun_s = (uint32_t)(begun >> 32), .has_ended = true};
	/* Unless another one just begins, or its time is over: each machine knows that. */
	return begun != 0 && !is_running &&
	       (id_of(head) == 0 || (id_of(head) == out->id && word_get(&at->reload) != reload));
}

/* What a responder may change meanwhile goes on as drill_join() would have it. */
static void
put_joined(struct state_drill *at, const struct drill *d)
{
	uint64_t head = word_get(&at->head), scope = word_get(&at->scope);
	uint64_t until = word_get(&at->until), wanted = until_of(d);
	while (id_of(head) == d->id && (head & 0xff) > d->left)
		if (swap(&at->head, &head, HEAD(d->id, d->left)))
			break;
	while (d->scope != 0 && (scope == 0 || d->scope < scope))
		if (swap(&at->scope, &scope, d->scope))
			break;
	while (is_ours(until, d->id) && phase(until) < phase(wanted))
		if (swap(&at->until, &until, wanted))
			break;
}

/* Their clocks may differ by what messengers make nothing of. */
static void
make_sane(struct drill *d, int64_t now_ms)
{
	if (d->ends_ms > now_ms + DRILL_MAX_MS)
		d->ends_ms = now_ms + DRILL_MAX_MS;
	if (d->pause_ms > now_ms + DRILL_REST_MAX_MS)
		d->pause_ms = now_ms + DRILL_REST_MAX_MS;
	if (d->until_ms > d->pause_ms)
		d->until_ms = d->pause_ms;
}

bool
drill_merge(struct state_drill *at, uint64_t reload, int64_t now_ms, const struct drill *other)
{
	struct drill is, joined;
	drill_latest(at, reload, now_ms, &is);
	joined = is;
	if (!drill_join(&joined, other))
		return false;
	make_sane(&joined, now_ms);
	if (joined.id == is.id && !joined.has_ended) {
		put_joined(at, &joined);
		return false;
	}
	if (joined.has_ended) {
		word_set(&at->head, 0);
		atomic_store_explicit(&at->begun, drill_order(&joined), memory_order_release);
		return !is.has_ended;
	}
	drill_write(at, reload, &joined);
	return joined.ends_ms > now_ms;
}

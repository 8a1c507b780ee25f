/* SPDX-License-Identifier: MIT */
#include "state/health.h"

#include "base/count.h"

#include <string.h>

/* Processes read the clock a moment before they have the lock, so a record may be slightly ahead of
 * a change; if by more than this, the clock jumped back. */
#define CLOCK_SLACK_MS  10000
#define OLDER_PERMILLE  20   /* what requests in flight may differ by */
#define SAME_SUCCESS_MS 1000 /* a success so soon after another one adds nothing */

/* Whether at_ms is in the future, and no further than the longest pause or lease allows. */
static bool
is_ahead(int64_t at_ms, int64_t now_ms, int64_t longest_ms)
{
	return at_ms > now_ms && at_ms <= now_ms + longest_ms + CLOCK_SLACK_MS;
}

static int64_t
longest_ms(uint32_t pause)
{
	return pause == PAUSE_SHORT ? HEALTH_SHORT_MAX_MS + HEALTH_SHORT_MAX_MS / 4
				    : HEALTH_PAUSE_MAX_MS;
}

static bool
is_paused(const struct health *health, int64_t now_ms)
{
	return health->pause != PAUSE_NONE &&
	       is_ahead(health->until_ms, now_ms, longest_ms(health->pause));
}

enum health_state
health_state(const struct health *health, int64_t now_ms)
{
	if (health->pause == PAUSE_NONE)
		return HEALTH_READY;
	if (is_paused(health, now_ms))
		return health->pause == PAUSE_BENCH ? HEALTH_BENCHED : HEALTH_IS_PAUSED;
	return is_ahead(health->lease_ms, now_ms, HEALTH_LEASE_MAX_MS) ? HEALTH_PROBING
								       : HEALTH_DUE;
}

/* Corrects times that a clock which jumped back makes impossible, or a pause that counts as over
 * now would return once the clock has caught up. */
static void
fix_clock(struct health *health, int64_t now_ms)
{
	if (health->since_ms > now_ms + CLOCK_SLACK_MS)
		health->since_ms = 0;
	if (health->throttled_ms > now_ms + CLOCK_SLACK_MS)
		health->throttled_ms = 0;
	if (health->until_ms > now_ms + longest_ms(health->pause) + CLOCK_SLACK_MS)
		health->until_ms = now_ms;
	if (health->lease_ms > now_ms + HEALTH_LEASE_MAX_MS + CLOCK_SLACK_MS)
		health->lease_ms = 0;
}

static void
copy_text(char to[static HEALTH_TEXT_MAX], const char from[static HEALTH_TEXT_MAX])
{
	size_t n = strnlen(from, HEALTH_TEXT_MAX - 1);
	memcpy(to, from, n);
	memset(to + n, 0, HEALTH_TEXT_MAX - n);
}

/* The place for a window: the one of that name, else a free one, else the one that resets first. */
static struct health_window *
window_place(struct health *health, const char *name)
{
	struct health_window *place = &health->windows[0];
	for (size_t i = 0; i < HEALTH_WINDOWS; i++) {
		struct health_window *window = &health->windows[i];
		if (strncmp(window->name, name, HEALTH_WINDOW_NAME_MAX) == 0)
			return window;
		bool is_better = window->name[0] == '\0' || window->reset_ms < place->reset_ms;
		if (place->name[0] != '\0' && is_better)
			place = window;
	}
	return place;
}

uint32_t
health_used(const struct health *health, const char *window, int64_t now_ms)
{
	for (size_t i = 0; i < HEALTH_WINDOWS; i++) {
		const struct health_window *w = &health->windows[i];
		if (w->reset_ms > now_ms && strncmp(w->name, window, HEALTH_WINDOW_NAME_MAX) == 0)
			return w->permille;
	}
	return 0;
}

unsigned
health_passed(const struct health *before, const struct health *after,
	      const struct health_change *change)
{
	unsigned passed = 0;
	for (size_t i = 0; i < HEALTH_WINDOWS; i++) {
		const char *name = change->windows[i].name;
		const uint32_t marks[] = {800, 950, change->leave_at[i]}; /* enum health_mark */
		if (name[0] == '\0')
			continue;
		uint32_t was = health_used(before, name, change->now_ms);
		uint32_t is = health_used(after, name, change->now_ms);
		for (size_t k = 0; k < COUNT(marks); k++)
			if (was < marks[k] && is >= marks[k])
				passed |= 1u << (HEALTH_MARK_BITS * i + k);
	}
	return passed;
}

static void
note_windows(struct health *health, const struct health_change *change)
{
	for (size_t i = 0; i < HEALTH_WINDOWS; i++) {
		const struct health_window *reported = &change->windows[i];
		if (reported->name[0] == '\0')
			continue;
		struct health_window *place = window_place(health, reported->name);
		uint32_t known = health_used(health, reported->name, change->now_ms);
		*place = *reported;
		if (known > reported->permille && known - reported->permille <= OLDER_PERMILLE)
			place->permille = known;
		place->name[HEALTH_WINDOW_NAME_MAX - 1] = '\0';
	}
}

static void
note_kin(struct health *health, const struct health_change *change)
{
	if (change->kin.person != 0 || change->kin.device != 0)
		health->kin = change->kin;
}

static enum health_outcome
end_pause(struct health *health, const struct health_change *change)
{
	bool paused = health->pause != PAUSE_NONE;
	health->pause = PAUSE_NONE;
	health->repeats = 0;
	health->until_ms = 0;
	health->lease_ms = 0;
	health->lease_holder = 0;
	health->used_ms = change->now_ms;
	memset(health->why, 0, sizeof health->why);
	return paused ? HEALTH_PAUSE_ENDED : HEALTH_SAME;
}

static enum health_outcome
apply_served(struct health *health, const struct health_change *change)
{
	health->used_ms = change->now_ms;
	health->success_ms = change->now_ms;
	if (change->began_ms <= health->since_ms)
		return HEALTH_SAME;
	for (size_t i = 0; i < HEALTH_WINDOWS; i++)
		health->windows[i].rejected = 0;
	note_windows(health, change);
	note_kin(health, change);
	return end_pause(health, change);
}

static enum health_outcome
apply_failed(struct health *health, const struct health_change *change)
{
	health->used_ms = change->now_ms;
	health->error_ms = change->now_ms;
	copy_text(health->error, change->why);
	if (change->throttled)
		health->throttled_ms = change->now_ms;
	note_windows(health, change);
	note_kin(health, change);
	return HEALTH_SAME;
}

static int64_t
short_pause_ms(uint32_t repeats, uint32_t jitter)
{
	int64_t for_ms = HEALTH_SHORT_FIRST_MS;
	for (uint32_t i = 1; i < repeats && for_ms < HEALTH_SHORT_MAX_MS; i++)
		for_ms *= 2;
	if (for_ms > HEALTH_SHORT_MAX_MS)
		for_ms = HEALTH_SHORT_MAX_MS;
	return for_ms + for_ms * (jitter % 251) / 1000;
}

/* Requests that wait for the same moment are spread: up to 5 % later, and 2 s at most. */
static int64_t
delay_ms(int64_t pause_ms, uint32_t jitter)
{
	int64_t most_ms = pause_ms / 20 < 2000 ? pause_ms / 20 : 2000;
	return most_ms * (jitter % 1024) / 1024;
}

/* When the pause that a response calls for would end. */
static int64_t
wanted_until_ms(const struct health *health, const struct health_change *change)
{
	int64_t now_ms = change->now_ms;
	if (change->pause == PAUSE_SHORT)
		return now_ms + short_pause_ms(health->repeats, change->jitter);
	if (change->until_ms < now_ms)
		return now_ms;
	if (change->until_ms >= now_ms + HEALTH_PAUSE_MAX_MS)
		return now_ms + HEALTH_PAUSE_MAX_MS;
	return change->until_ms + delay_ms(change->until_ms - now_ms, change->jitter);
}

/* A current pause is not shortened by a busy provider, by a vaguer response, or by the response to
 * an older request. */
static bool
may_shorten(const struct health *health, const struct health_change *change)
{
	return change->pause != PAUSE_SHORT && change->pause >= health->pause &&
	       change->began_ms > health->since_ms;
}

static enum health_outcome
apply_pause(struct health *health, const struct health_change *change)
{
	bool was_ready = health->pause == PAUSE_NONE;
	bool is_running = is_paused(health, change->now_ms);
	apply_failed(health, change);

	/* All requests in flight end alike when a provider is busy: together they are one pause.
	 * The next one after its end is a repeat. */
	if (change->pause == PAUSE_SHORT && !is_running && health->repeats < UINT32_MAX)
		health->repeats++;
	int64_t until_ms = wanted_until_ms(health, change);
	if (is_running && until_ms < health->until_ms && !may_shorten(health, change))
		return HEALTH_SAME;

	health->until_ms = until_ms;
	health->lease_ms = 0;
	health->lease_holder = 0;
	if (change->now_ms > health->since_ms)
		health->since_ms = change->now_ms;
	if (health->pause == PAUSE_BENCH && change->pause != PAUSE_BENCH)
		return HEALTH_SAME; /* still benched, and tried again later */
	health->pause = change->pause;
	copy_text(health->why, change->why);
	return was_ready ? HEALTH_PAUSE_BEGAN : HEALTH_SAME;
}

static enum health_outcome
apply_leased(struct health *health, const struct health_change *change)
{
	if (health->used_ms == 0 && change->pause != PAUSE_NONE) {
		health->pause = change->pause;
		health->until_ms = change->now_ms;
		copy_text(health->why, change->why);
		note_kin(health, change);
	}
	enum health_state state = health_state(health, change->now_ms);
	bool is_mine = state == HEALTH_PROBING && health->lease_holder == change->holder;
	if (change->holder == 0 || (state != HEALTH_DUE && !is_mine))
		return HEALTH_REFUSED;
	int64_t for_ms = change->lease_for_ms;
	if (for_ms > HEALTH_LEASE_MAX_MS)
		for_ms = HEALTH_LEASE_MAX_MS;
	health->lease_ms = change->now_ms + for_ms;
	health->lease_holder = change->holder;
	health->used_ms = change->now_ms;
	return HEALTH_GRANTED;
}

static enum health_outcome
apply_released(struct health *health, const struct health_change *change)
{
	if (change->holder == 0 || health->lease_holder != change->holder)
		return HEALTH_SAME;
	health->lease_ms = 0;
	health->lease_holder = 0;
	health->used_ms = change->now_ms;
	return HEALTH_SAME;
}

/* It may be paused again since the health check read the state. */
static enum health_outcome
apply_relieved(struct health *health, const struct health_change *change)
{
	return health_state(health, change->now_ms) == HEALTH_DUE ? end_pause(health, change)
								  : HEALTH_SAME;
}

/* The change may have waited, and a response have begun a new pause meanwhile. */
static enum health_outcome
apply_retried(struct health *health, const struct health_change *change)
{
	if (!is_paused(health, change->now_ms) || health->since_ms > change->began_ms)
		return HEALTH_SAME;
	health->until_ms = health->since_ms - 1; /* which no response can name: merge_pauses() */
	health->used_ms = change->now_ms;
	return HEALTH_SAME;
}

enum health_outcome
health_apply(struct health *health, const struct health_change *change)
{
	fix_clock(health, change->now_ms);
	switch (change->event) {
	case HEALTH_EVENT_SERVED:
		return apply_served(health, change);
	case HEALTH_EVENT_FAILED:
		return apply_failed(health, change);
	case HEALTH_EVENT_PAUSED:
		return change->pause == PAUSE_NONE ? apply_failed(health, change)
						   : apply_pause(health, change);
	case HEALTH_EVENT_LEASED:
		return apply_leased(health, change);
	case HEALTH_EVENT_RELEASED:
		return apply_released(health, change);
	case HEALTH_EVENT_RELIEVED:
		return apply_relieved(health, change);
	case HEALTH_EVENT_RETRIED:
		return apply_retried(health, change);
	}
	return HEALTH_SAME;
}

/* ---- What another machine knows -------------------------------------------- */

static void
merge_windows(struct health *health, const struct health *other)
{
	for (size_t i = 0; i < HEALTH_WINDOWS; i++) {
		const struct health_window *theirs = &other->windows[i];
		if (theirs->name[0] == '\0')
			continue;
		struct health_window *ours = window_place(health, theirs->name);
		bool is_same = strncmp(ours->name, theirs->name, HEALTH_WINDOW_NAME_MAX) == 0;
		if (ours->reset_ms > theirs->reset_ms)
			continue;
		if (!is_same || ours->reset_ms < theirs->reset_ms)
			*ours = *theirs;
		else if (ours->permille < theirs->permille)
			ours->permille = theirs->permille;
		ours->name[HEALTH_WINDOW_NAME_MAX - 1] = '\0';
	}
}

static void
take_kind(struct health *health, const struct health *other)
{
	health->pause = other->pause;
	copy_text(health->why, other->why);
}

static void
take_end(struct health *health, int64_t until_ms)
{
	health->until_ms = until_ms;
	health->lease_ms = 0;
	health->lease_holder = 0;
}

/* Both are paused. A bench stays one, whichever ends later. */
static void
merge_pauses(struct health *health, const struct health *other, int64_t until_ms)
{
	bool is_retried =
	    other->since_ms == health->since_ms && health->until_ms < health->since_ms;
	bool is_later = until_ms > health->until_ms && !is_retried;
	bool is_bench = health->pause == PAUSE_BENCH;
	if (other->pause == PAUSE_BENCH ? !is_bench || is_later : is_later && !is_bench)
		take_kind(health, other);
	if (is_later)
		take_end(health, until_ms);
	if (health->since_ms < other->since_ms)
		health->since_ms = other->since_ms;
	if (health->repeats < other->repeats)
		health->repeats = other->repeats;
}

static enum health_outcome
merge_pause(struct health *health, const struct health *other, int64_t now_ms)
{
	int64_t latest_ms = now_ms + longest_ms(other->pause);
	int64_t until_ms = other->until_ms < latest_ms ? other->until_ms : latest_ms;
	if (other->since_ms > now_ms + CLOCK_SLACK_MS || other->pause > PAUSE_BENCH)
		return HEALTH_SAME;
	if (other->pause != PAUSE_NONE && health->pause != PAUSE_NONE) {
		merge_pauses(health, other, until_ms);
		return HEALTH_SAME;
	}
	if (other->pause != PAUSE_NONE && other->since_ms > health->since_ms) {
		take_kind(health, other);
		take_end(health, until_ms);
		health->since_ms = other->since_ms;
		health->repeats = other->repeats;
		return HEALTH_PAUSE_BEGAN;
	}
	if (other->pause == PAUSE_NONE && other->since_ms >= health->since_ms) {
		const struct health_change change = {.now_ms = health->used_ms};
		health->since_ms = other->since_ms;
		return end_pause(health, &change);
	}
	return HEALTH_SAME;
}

enum health_outcome
health_merge(struct health *health, const struct health *other, int64_t now_ms)
{
	const struct health before = *health;
	fix_clock(health, now_ms);
	enum health_outcome outcome = merge_pause(health, other, now_ms);
	merge_windows(health, other);
	if (health->kin.person == 0 && health->kin.device == 0)
		health->kin = other->kin;
	if (memcmp(health, &before, sizeof before) != 0)
		health->used_ms = now_ms;
	return outcome;
}

bool
health_is_news(const struct health *ours, const struct health *known, int64_t now_ms)
{
	struct health after = *known;
	health_merge(&after, ours, now_ms);
	after.used_ms = known->used_ms;
	return memcmp(&after, known, sizeof after) != 0;
}

bool
health_is_worth_writing(const struct health *health, const struct health_change *change)
{
	struct health after = *health;
	int64_t ago_ms = change->now_ms - health->success_ms;
	if (change->event != HEALTH_EVENT_SERVED || ago_ms < 0 || ago_ms >= SAME_SUCCESS_MS)
		return true;
	health_apply(&after, change);
	after.used_ms = health->used_ms;
	after.success_ms = health->success_ms;
	return memcmp(&after, health, sizeof after) != 0;
}

/* ---- Which record gives way ----------------------------------------------- */

bool
health_may_give_way(const struct health *health, const struct health *to, int64_t now_ms)
{
	return !is_paused(health, now_ms) || is_paused(to, now_ms);
}

bool
health_is_evicted_before(const struct health *health, const struct health *other)
{
	bool paused = health->pause != PAUSE_NONE, other_paused = other->pause != PAUSE_NONE;
	if (paused != other_paused)
		return other_paused;
	return paused ? health->until_ms < other->until_ms : health->used_ms < other->used_ms;
}

/* ---- A refreshed credential ------------------------------------------------ */

static bool
is_same(uint64_t one, uint64_t other)
{
	return one != 0 && one == other;
}

bool
health_inherit(const struct health *from, struct health_kin kin, bool is_sure, int64_t now_ms,
	       struct health *out)
{
	bool is_known = kin.person != 0 && from->kin.person != 0;
	bool is_person = is_same(kin.person, from->kin.person);
	/* The device counts only while a person is unknown: two accounts may take turns on it. */
	if (from->pause == PAUSE_NONE || from->key.account == 0 ||
	    from->key.account == out->key.account || from->key.family != out->key.family ||
	    (!is_person && (is_known || !is_same(kin.device, from->kin.device))))
		return false;
	struct health_key key = out->key;
	*out = *from;
	out->key = key;
	out->used_ms = 0; /* nothing is known of itself */
	out->success_ms = out->error_ms = out->throttled_ms = out->lease_ms = 0;
	out->lease_holder = 0;
	if (!is_sure || !is_person)
		out->until_ms = now_ms;
	return true;
}

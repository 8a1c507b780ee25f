/* SPDX-License-Identifier: MIT */
/* health.c: what machines that share their state make of each other's records, as rows; and that
 * any number of them agree in the end, whatever happened and in whatever order they were told. */
#include "state/health.h"
#include "tap.h"

#include <string.h>

#define T INT64_C(1800000000000) /* now, in the rows */

/* Times are relative to T; since 0 is never. */
struct facts {
	enum pause_kind pause;
	int64_t since_ms, until_ms;
};

static const struct row {
	int line;
	const char *name;
	struct facts ours, theirs, after;
	enum health_outcome outcome;
} rows[] = {
    {__LINE__,
     "a pause is taken over",
     {0},
     {PAUSE_NAMED, -5, 900},
     {PAUSE_NAMED, -5, 900},
     HEALTH_PAUSE_BEGAN},
    {__LINE__, "nothing is no news", {0}, {0}, {0}, HEALTH_SAME},
    {__LINE__,
     "nothing ends nothing",
     {PAUSE_NAMED, -5, 900},
     {0},
     {PAUSE_NAMED, -5, 900},
     HEALTH_SAME},
    {__LINE__,
     "the later end holds",
     {PAUSE_NAMED, -5, 900},
     {PAUSE_TIMED, -9, 950},
     {PAUSE_TIMED, -5, 950},
     HEALTH_SAME},
    {__LINE__,
     "an earlier end does not, though it began later",
     {PAUSE_NAMED, -5, 900},
     {PAUSE_NAMED, -4, 100},
     {PAUSE_NAMED, -4, 900},
     HEALTH_SAME},
    {__LINE__,
     "the end of the same pause ends it",
     {PAUSE_NAMED, -5, 900},
     {PAUSE_NONE, -5, 0},
     {PAUSE_NONE, -5, 0},
     HEALTH_PAUSE_ENDED},
    {__LINE__,
     "so does the end of a later one",
     {PAUSE_NAMED, -5, 900},
     {PAUSE_NONE, -4, 0},
     {PAUSE_NONE, -4, 0},
     HEALTH_PAUSE_ENDED},
    {__LINE__,
     "the end of an earlier one does not",
     {PAUSE_NAMED, -5, 900},
     {PAUSE_NONE, -6, 0},
     {PAUSE_NAMED, -5, 900},
     HEALTH_SAME},
    {__LINE__,
     "a pause that has ended here does not begin again",
     {PAUSE_NONE, -5, 0},
     {PAUSE_NAMED, -5, 900},
     {PAUSE_NONE, -5, 0},
     HEALTH_SAME},
    {__LINE__,
     "nor does an earlier one",
     {PAUSE_NONE, -5, 0},
     {PAUSE_NAMED, -6, 900},
     {PAUSE_NONE, -5, 0},
     HEALTH_SAME},
    {__LINE__,
     "a later one does",
     {PAUSE_NONE, -5, 0},
     {PAUSE_NAMED, -4, 900},
     {PAUSE_NAMED, -4, 900},
     HEALTH_PAUSE_BEGAN},
    {__LINE__,
     "of two ends the later is kept",
     {PAUSE_NONE, -5, 0},
     {PAUSE_NONE, -4, 0},
     {PAUSE_NONE, -4, 0},
     HEALTH_SAME},
    {__LINE__,
     "one that an operator ended is not begun again",
     {PAUSE_NAMED, -5, -6},
     {PAUSE_NAMED, -5, 900},
     {PAUSE_NAMED, -5, -6},
     HEALTH_SAME},
    {__LINE__,
     "a bench stays one, and ends later",
     {PAUSE_BENCH, -5, 800},
     {PAUSE_NAMED, -4, 900},
     {PAUSE_BENCH, -4, 900},
     HEALTH_SAME},
    {__LINE__,
     "a pause becomes a bench",
     {PAUSE_NAMED, -5, 900},
     {PAUSE_BENCH, -4, 800},
     {PAUSE_BENCH, -4, 900},
     HEALTH_SAME},
    {__LINE__,
     "nothing is longer than 8 days",
     {0},
     {PAUSE_NAMED, -5, INT64_C(900000000)},
     {PAUSE_NAMED, -5, HEALTH_PAUSE_MAX_MS},
     HEALTH_PAUSE_BEGAN},
    {__LINE__,
     "what began in the future is ignored",
     {0},
     {PAUSE_NAMED, 60000, 90000},
     {0},
     HEALTH_SAME},
    {__LINE__,
     "but for what clocks may differ",
     {0},
     {PAUSE_NAMED, 5000, 90000},
     {PAUSE_NAMED, 5000, 90000},
     HEALTH_PAUSE_BEGAN},
};

static struct health
record(const struct facts *f)
{
	return (struct health){
	    .pause = f->pause,
	    .since_ms = f->since_ms == 0 ? 0 : T + f->since_ms,
	    .until_ms = f->pause == PAUSE_NONE ? 0 : T + f->until_ms,
	};
}

static void
check_row(const struct row *row)
{
	struct health ours = record(&row->ours), theirs = record(&row->theirs);
	struct health wanted = record(&row->after);
	enum health_outcome outcome = health_merge(&ours, &theirs, T);
	TAP_ROW_AT(row->line, row->name,
		   ours.pause == wanted.pause && ours.since_ms == wanted.since_ms &&
		       ours.until_ms == wanted.until_ms && outcome == row->outcome,
		   "pause %u, since %lld, until %lld, outcome %d", ours.pause,
		   (long long)(ours.since_ms - T), (long long)(ours.until_ms - T), outcome);
	struct health again = ours;
	health_merge(&again, &theirs, T);
	TAP_OK("… and once more changes nothing", memcmp(&again, &ours, sizeof ours) == 0);
	TAP_OK("… and is no news", !health_is_news(&theirs, &ours, T));
}

/* A lease is each machine's own, and a later end is the end of it. */
static void
check_lease(void)
{
	struct health ours = record(&(struct facts){PAUSE_NAMED, -900, -5});
	const struct health later = record(&(struct facts){PAUSE_NAMED, -3, 900});
	ours.lease_ms = T + 60000;
	ours.lease_holder = 7;
	struct health theirs = ours, copy = ours;
	health_merge(&copy, &theirs, T);
	TAP_INT("a lease stays", copy.lease_holder, 7);
	theirs = (struct health){0};
	health_merge(&theirs, &ours, T);
	TAP_INT("a lease is not taken over", theirs.lease_holder, 0);
	health_merge(&ours, &later, T);
	TAP_INT("a new pause ends it", ours.lease_holder, 0);
}

static void
check_windows(void)
{
	struct health ours = {0}, theirs = {0};
	ours.windows[0] = (struct health_window){"5h", T + 100, 300, 0};
	ours.windows[1] = (struct health_window){"7d", T + 900, 500, 0};
	theirs.windows[0] = (struct health_window){"7d", T + 900, 700, 0};
	theirs.windows[1] = (struct health_window){"5h", T + 50, 990, 0};
	theirs.windows[2] = (struct health_window){"7d_opus", T + 900, 100, 0};
	TAP_OK("a fuller window is news", health_is_news(&theirs, &ours, T));
	health_merge(&ours, &theirs, T);
	TAP_INT("a window that has been reset stays empty", health_used(&ours, "5h", T), 300);
	TAP_INT("the fuller one holds", health_used(&ours, "7d", T), 700);
	TAP_INT("a new one is added", health_used(&ours, "7d_opus", T), 100);
	TAP_OK("and is no news any more", !health_is_news(&theirs, &ours, T));
}

/* --- Machines that are told in any order --------------------------------- */

enum { MACHINES = 3, EVENTS = 12, WORLDS = 3000 };

static uint32_t seed = 1;

static uint32_t
random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* Something happens to one of them: it fails, is served, or is checked. (An operator's retry is
 * this machine's alone until its probe has ended: a row above.) */
static void
happen(struct health *h, int64_t now_ms)
{
	static const enum health_event events[] = {
	    HEALTH_EVENT_PAUSED, HEALTH_EVENT_PAUSED,   HEALTH_EVENT_SERVED,
	    HEALTH_EVENT_FAILED, HEALTH_EVENT_RELIEVED,
	};
	struct health_change change = {
	    .event = events[random_below(TAP_COUNT(events))],
	    .pause = 1 + random_below(PAUSE_BENCH),
	    .now_ms = now_ms,
	    .began_ms = now_ms - random_below(100),
	    .until_ms = now_ms + random_below(5000),
	    .jitter = random_below(1000),
	};
	snprintf(change.why, sizeof change.why, "why %u", random_below(3));
	snprintf(change.windows[0].name, sizeof change.windows[0].name, "5h");
	change.windows[0].reset_ms = T + 100000 * random_below(3);
	change.windows[0].permille = random_below(1000);
	health_apply(h, &change);
}

/* Whether they say the same of the pause. Why may differ where two ended at the same time. */
static bool
agree(const struct health *one, const struct health *other, int64_t now_ms)
{
	return one->pause == other->pause && one->since_ms == other->since_ms &&
	       health_state(one, now_ms) == health_state(other, now_ms) &&
	       health_used(one, "5h", now_ms) == health_used(other, "5h", now_ms);
}

/* Each tells each, in any order. */
static void
exchange(struct health *all, int64_t now_ms)
{
	for (unsigned i = 0; i < 4 * MACHINES * MACHINES; i++) {
		struct health *to = &all[random_below(MACHINES)];
		const struct health from = all[random_below(MACHINES)];
		health_merge(to, &from, now_ms);
	}
	for (unsigned round = 0; round < MACHINES; round++)
		for (unsigned i = 0; i < MACHINES * MACHINES; i++) {
			const struct health from = all[i % MACHINES];
			health_merge(&all[i / MACHINES], &from, now_ms);
		}
}

static void
check_agreement(void)
{
	unsigned differ = 0, shortened = 0, news = 0;
	for (unsigned w = 0; w < WORLDS; w++) {
		struct health all[MACHINES] = {0};
		int64_t now_ms = T;
		for (unsigned i = 0; i < EVENTS; i++) {
			now_ms += random_below(1000);
			happen(&all[random_below(MACHINES)], now_ms);
			struct health *to = &all[random_below(MACHINES)];
			const struct health from = all[random_below(MACHINES)], before = *to;
			health_merge(to, &from, now_ms);
			bool has_ended = to->pause == PAUSE_NONE;
			shortened += !has_ended && to->until_ms < before.until_ms;
		}
		exchange(all, now_ms);
		for (unsigned i = 1; i < MACHINES; i++) {
			differ += !agree(&all[0], &all[i], now_ms);
			news += health_is_news(&all[0], &all[i], now_ms);
		}
	}
	TAP_INT("all agree in the end", differ, 0);
	TAP_INT("then nothing is news", news, 0);
	TAP_INT("news never makes a pause shorter", shortened, 0);
}

int
main(int argc, char **argv)
{
	tap_start("health_merge", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(&rows[i]);
	check_lease();
	check_windows();
	check_agreement();
	return tap_finish();
}

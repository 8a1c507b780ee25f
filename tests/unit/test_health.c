/* SPDX-License-Identifier: MIT */
/* health.c: every rule of a rest, as rows of what happened and how it stands. */
#include "state/health.h"
#include "tap.h"

#define T      INT64_C(1800000000000) /* the time of most rows */
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const char *
state_name(enum health_state state)
{
	static const char *const names[] = {
	    [HEALTH_READY] = "ready", [HEALTH_IS_PAUSED] = "paused", [HEALTH_BENCHED] = "benched",
	    [HEALTH_DUE] = "due",     [HEALTH_PROBING] = "probing",
	};
	return names[state];
}

/* One thing that happens. Times are relative to T. */
struct step {
	enum health_event event;
	enum pause_kind pause;
	int64_t now_ms, began_ms, until_ms, lease_for_ms;
	uint64_t holder;
	uint32_t jitter, throttled;
	const char *why;
};

#define RESTS(kind, now, began, until)                                                             \
	{                                                                                          \
		.event = HEALTH_EVENT_PAUSED, .pause = (kind), .now_ms = (now),                    \
		.began_ms = (began), .until_ms = (until), .why = #kind                             \
	}
#define SHORT(now, began, number)                                                                  \
	{                                                                                          \
		.event = HEALTH_EVENT_PAUSED, .pause = PAUSE_SHORT, .now_ms = (now),               \
		.began_ms = (began), .jitter = (number), .why = "PAUSE_SHORT"                      \
	}
#define SERVED(now, began)                                                                         \
	{                                                                                          \
		.event = HEALTH_EVENT_SERVED, .now_ms = (now), .began_ms = (began)                 \
	}
#define FAILED(now, is_throttled)                                                                  \
	{                                                                                          \
		.event = HEALTH_EVENT_FAILED, .now_ms = (now), .began_ms = (now),                  \
		.throttled = (is_throttled), .why = "failed"                                       \
	}
#define LEASED(now, who)                                                                           \
	{                                                                                          \
		.event = HEALTH_EVENT_LEASED, .now_ms = (now), .holder = (who),                    \
		.lease_for_ms = MINUTE                                                             \
	}
#define RELEASED(now, who)                                                                         \
	{                                                                                          \
		.event = HEALTH_EVENT_RELEASED, .now_ms = (now), .holder = (who)                   \
	}
#define RELIEVED(now)                                                                              \
	{                                                                                          \
		.event = HEALTH_EVENT_RELIEVED, .now_ms = (now)                                    \
	}

#define RETRIED(now, said)                                                                         \
	{                                                                                          \
		.event = HEALTH_EVENT_RETRIED, .now_ms = (now), .began_ms = (said)                 \
	}
#define LEASED_NEW(now, who, kind)                                                                 \
	{                                                                                          \
		.event = HEALTH_EVENT_LEASED, .now_ms = (now), .holder = (who),                    \
		.lease_for_ms = MINUTE, .pause = (kind), .why = #kind                              \
	}

#define STEPS_MAX 10

/* Steps, then: what the last one did, and the record at at_ms. */
static const struct row {
	int line;
	const char *name;
	struct step steps[STEPS_MAX];
	size_t n;
	int64_t at_ms;
	enum health_outcome outcome;
	enum health_state state;
	int64_t until_ms; /* relative to T; 0 when rest is NONE */
	enum pause_kind pause;
	uint32_t repeats;
} rows[] = {
#define STEPS(...) {__VA_ARGS__}, sizeof((struct step[]){__VA_ARGS__}) / sizeof(struct step)
    /* Ready */
    {__LINE__, "nothing known is ready", {{0}}, 0, 0, HEALTH_SAME, HEALTH_READY, -T, PAUSE_NONE, 0},
    {__LINE__, "a success on a ready one is no news", STEPS(SERVED(0, -5)), 0, HEALTH_SAME,
     HEALTH_READY, -T, PAUSE_NONE, 0},
    {__LINE__, "a failure without a rest leaves it ready", STEPS(FAILED(0, 1)), 0, HEALTH_SAME,
     HEALTH_READY, -T, PAUSE_NONE, 0},
    {__LINE__, "a rest of no kind is a plain failure", STEPS(RESTS(PAUSE_NONE, 0, 0, HOUR)), 0,
     HEALTH_SAME, HEALTH_READY, -T, PAUSE_NONE, 0},
    {__LINE__, "relieving a ready one is no news", STEPS(RELIEVED(0)), 0, HEALTH_SAME, HEALTH_READY,
     -T, PAUSE_NONE, 0},

    /* A rest begins, runs, is over */
    {__LINE__, "a named rest begins", STEPS(RESTS(PAUSE_NAMED, 0, -5, HOUR)), 0, HEALTH_PAUSE_BEGAN,
     HEALTH_IS_PAUSED, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "it runs to its last millisecond", STEPS(RESTS(PAUSE_NAMED, 0, -5, HOUR)), HOUR - 1,
     HEALTH_PAUSE_BEGAN, HEALTH_IS_PAUSED, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "it is due at its end", STEPS(RESTS(PAUSE_NAMED, 0, -5, HOUR)), HOUR,
     HEALTH_PAUSE_BEGAN, HEALTH_DUE, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "it stays due for long", STEPS(RESTS(PAUSE_NAMED, 0, -5, HOUR)), 300 * DAY,
     HEALTH_PAUSE_BEGAN, HEALTH_DUE, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a rest that ends in the past ends now", STEPS(RESTS(PAUSE_TIMED, 0, -5, -HOUR)), 0,
     HEALTH_PAUSE_BEGAN, HEALTH_DUE, 0, PAUSE_TIMED, 0},
    {__LINE__, "a rest of a year is cut to 8 days", STEPS(RESTS(PAUSE_NAMED, 0, -5, 365 * DAY)), 0,
     HEALTH_PAUSE_BEGAN, HEALTH_IS_PAUSED, 8 * DAY, PAUSE_NAMED, 0},
    {__LINE__, "a rest to the end of time is cut to 8 days",
     STEPS(RESTS(PAUSE_NAMED, 0, -5, INT64_MAX - T)), 0, HEALTH_PAUSE_BEGAN, HEALTH_IS_PAUSED,
     8 * DAY, PAUSE_NAMED, 0},
    {__LINE__, "a rest of just 8 days stands", STEPS(RESTS(PAUSE_NAMED, 0, -5, 8 * DAY)), 0,
     HEALTH_PAUSE_BEGAN, HEALTH_IS_PAUSED, 8 * DAY, PAUSE_NAMED, 0},

    /* Vaguer and surer answers */
    {__LINE__, "a surer answer shortens",
     STEPS(RESTS(PAUSE_COOLDOWN, 0, 0, HOUR), RESTS(PAUSE_TIMED, 1, 1, MINUTE)), 1, HEALTH_SAME,
     HEALTH_IS_PAUSED, MINUTE, PAUSE_TIMED, 0},
    {__LINE__, "an equally sure, newer answer shortens",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), RESTS(PAUSE_NAMED, 1, 1, MINUTE)), 1, HEALTH_SAME,
     HEALTH_IS_PAUSED, MINUTE, PAUSE_NAMED, 0},
    {__LINE__, "a vaguer answer does not shorten",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), RESTS(PAUSE_TIMED, 1, 1, MINUTE)), 1, HEALTH_SAME,
     HEALTH_IS_PAUSED, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a cooldown does not shorten retry-after",
     STEPS(RESTS(PAUSE_TIMED, 0, 0, HOUR), RESTS(PAUSE_COOLDOWN, 1, 1, MINUTE)), 1, HEALTH_SAME,
     HEALTH_IS_PAUSED, HOUR, PAUSE_TIMED, 0},
    {__LINE__, "a busy answer does not shorten a cooldown",
     STEPS(RESTS(PAUSE_COOLDOWN, 0, 0, HOUR), SHORT(1, 1, 0)), 1, HEALTH_SAME, HEALTH_IS_PAUSED,
     HOUR, PAUSE_COOLDOWN, 0},
    {__LINE__, "a vaguer answer lengthens",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, MINUTE), RESTS(PAUSE_COOLDOWN, 1, 1, HOUR)), 1, HEALTH_SAME,
     HEALTH_IS_PAUSED, HOUR, PAUSE_COOLDOWN, 0},
    {__LINE__, "what a vaguer answer lengthened, a surer one shortens again",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, MINUTE), RESTS(PAUSE_COOLDOWN, 1, 1, HOUR),
	   RESTS(PAUSE_NAMED, 2, 2, MINUTE)),
     2, HEALTH_SAME, HEALTH_IS_PAUSED, MINUTE, PAUSE_NAMED, 0},
    {__LINE__, "an older request's surer answer does not shorten",
     STEPS(RESTS(PAUSE_COOLDOWN, 5, 4, HOUR), RESTS(PAUSE_NAMED, 6, 3, MINUTE)), 6, HEALTH_SAME,
     HEALTH_IS_PAUSED, HOUR, PAUSE_COOLDOWN, 0},
    {__LINE__, "an older request's answer lengthens",
     STEPS(RESTS(PAUSE_COOLDOWN, 5, 4, HOUR), RESTS(PAUSE_NAMED, 6, 3, DAY)), 6, HEALTH_SAME,
     HEALTH_IS_PAUSED, DAY, PAUSE_NAMED, 0},
    {__LINE__, "a rest that is over is replaced by a vaguer one",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), RESTS(PAUSE_COOLDOWN, HOUR, HOUR, HOUR + MINUTE)), HOUR,
     HEALTH_SAME, HEALTH_IS_PAUSED, HOUR + MINUTE, PAUSE_COOLDOWN, 0},
    {__LINE__, "a probe that fails is no leaving",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), RESTS(PAUSE_NAMED, HOUR, HOUR, DAY)),
     HOUR, HEALTH_SAME, HEALTH_IS_PAUSED, DAY, PAUSE_NAMED, 0},
    {__LINE__, "leaving is told again after a return",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), SERVED(HOUR, HOUR),
	   RESTS(PAUSE_NAMED, DAY, DAY, 2 * DAY)),
     DAY, HEALTH_PAUSE_BEGAN, HEALTH_IS_PAUSED, 2 * DAY, PAUSE_NAMED, 0},

    /* Successes */
    {__LINE__, "a newer request's success ends a rest",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), SERVED(9, 5)), 9, HEALTH_PAUSE_ENDED, HEALTH_READY, -T,
     PAUSE_NONE, 0},
    {__LINE__, "a success that was in flight when the limit was told ends nothing",
     STEPS(RESTS(PAUSE_NAMED, 5, 2, HOUR), SERVED(9, 3)), 9, HEALTH_SAME, HEALTH_IS_PAUSED, HOUR,
     PAUSE_NAMED, 0},
    {__LINE__, "a success that began in the same moment ends nothing",
     STEPS(RESTS(PAUSE_NAMED, 5, 5, HOUR), SERVED(9, 5)), 9, HEALTH_SAME, HEALTH_IS_PAUSED, HOUR,
     PAUSE_NAMED, 0},
    {__LINE__, "an older request's success ends nothing",
     STEPS(RESTS(PAUSE_NAMED, 5, 5, HOUR), SERVED(9, 4)), 9, HEALTH_SAME, HEALTH_IS_PAUSED, HOUR,
     PAUSE_NAMED, 0},
    {__LINE__, "a success between two answers that brought rests ends nothing",
     STEPS(RESTS(PAUSE_NAMED, 9, 8, HOUR), RESTS(PAUSE_NAMED, 10, 2, DAY), SERVED(11, 5)), 11,
     HEALTH_SAME, HEALTH_IS_PAUSED, DAY, PAUSE_NAMED, 0},
    {__LINE__, "a success after a rest that is over ends it",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), SERVED(DAY, DAY - 5)), DAY, HEALTH_PAUSE_ENDED,
     HEALTH_READY, -T, PAUSE_NONE, 0},
    {__LINE__, "an older success does not even end a rest that is over",
     STEPS(RESTS(PAUSE_NAMED, 9, 8, HOUR), SERVED(DAY, 7)), DAY, HEALTH_SAME, HEALTH_DUE, HOUR,
     PAUSE_NAMED, 0},
    {__LINE__, "a success during a probe by somebody else ends the rest",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), SERVED(HOUR + 5, 5)), HOUR + 5,
     HEALTH_PAUSE_ENDED, HEALTH_READY, -T, PAUSE_NONE, 0},
    {__LINE__, "a second success is no news",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), SERVED(9, 5), SERVED(10, 6)), 10, HEALTH_SAME,
     HEALTH_READY, -T, PAUSE_NONE, 0},
    {__LINE__, "a failure does not end a rest", STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), FAILED(9, 0)),
     9, HEALTH_SAME, HEALTH_IS_PAUSED, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "relief ends a rest that is over",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), RELIEVED(HOUR)), HOUR, HEALTH_PAUSE_ENDED, HEALTH_READY,
     -T, PAUSE_NONE, 0},
    {__LINE__, "relief does not end one that runs, and may have begun since the check looked",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), RESTS(PAUSE_NAMED, HOUR, HOUR, DAY), RELIEVED(HOUR)),
     HOUR, HEALTH_SAME, HEALTH_IS_PAUSED, DAY, PAUSE_NAMED, 0},
    {__LINE__, "nor one that somebody probes",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), RELIEVED(HOUR)), HOUR, HEALTH_SAME,
     HEALTH_PROBING, HOUR, PAUSE_NAMED, 0},

    /* Short rests */
    {__LINE__, "the first short rest is 15 s", STEPS(SHORT(0, 0, 0)), 0, HEALTH_PAUSE_BEGAN,
     HEALTH_IS_PAUSED, 15 * SECOND, PAUSE_SHORT, 1},
    {__LINE__, "a short rest ignores until", STEPS(RESTS(PAUSE_SHORT, 0, 0, DAY)), 0,
     HEALTH_PAUSE_BEGAN, HEALTH_IS_PAUSED, 15 * SECOND, PAUSE_SHORT, 1},
    {__LINE__, "the most jitter adds 25 %", STEPS(SHORT(0, 0, 250)), 0, HEALTH_PAUSE_BEGAN,
     HEALTH_IS_PAUSED, 18750, PAUSE_SHORT, 1},
    {__LINE__, "any number is a jitter", STEPS(SHORT(0, 0, UINT32_MAX)), 0, HEALTH_PAUSE_BEGAN,
     HEALTH_IS_PAUSED, 15000 + 15000 * (UINT32_MAX % 251) / 1000, PAUSE_SHORT, 1},
    {__LINE__, "fifty in flight are one short rest",
     STEPS(SHORT(10, 0, 0), SHORT(11, 2, 0), SHORT(12, 1, 0), SHORT(13, 9, 0)), 13, HEALTH_SAME,
     HEALTH_IS_PAUSED, 13 + 15 * SECOND, PAUSE_SHORT, 1},
    {__LINE__, "less jitter does not shorten a short rest",
     STEPS(SHORT(10, 0, 250), SHORT(11, 2, 0)), 11, HEALTH_SAME, HEALTH_IS_PAUSED, 10 + 18750,
     PAUSE_SHORT, 1},
    {__LINE__, "the second short rest is 30 s",
     STEPS(SHORT(0, 0, 0), SHORT(20 * SECOND, 20 * SECOND, 0)), 20 * SECOND, HEALTH_SAME,
     HEALTH_IS_PAUSED, 50 * SECOND, PAUSE_SHORT, 2},
    {__LINE__, "the third is 60 s",
     STEPS(SHORT(0, 0, 0), SHORT(HOUR, HOUR, 0), SHORT(2 * HOUR, 2 * HOUR, 0)), 2 * HOUR,
     HEALTH_SAME, HEALTH_IS_PAUSED, 2 * HOUR + MINUTE, PAUSE_SHORT, 3},
    {__LINE__, "the fifth is 240 s",
     STEPS(SHORT(0, 0, 0), SHORT(1 * HOUR, HOUR, 0), SHORT(2 * HOUR, HOUR, 0),
	   SHORT(3 * HOUR, HOUR, 0), SHORT(4 * HOUR, HOUR, 0)),
     4 * HOUR, HEALTH_SAME, HEALTH_IS_PAUSED, 4 * HOUR + 4 * MINUTE, PAUSE_SHORT, 5},
    {__LINE__, "the sixth is 5 min",
     STEPS(SHORT(0, 0, 0), SHORT(1 * HOUR, HOUR, 0), SHORT(2 * HOUR, HOUR, 0),
	   SHORT(3 * HOUR, HOUR, 0), SHORT(4 * HOUR, HOUR, 0), SHORT(5 * HOUR, HOUR, 0)),
     5 * HOUR, HEALTH_SAME, HEALTH_IS_PAUSED, 5 * HOUR + 5 * MINUTE, PAUSE_SHORT, 6},
    {__LINE__, "the seventh is no longer, jitter aside",
     STEPS(SHORT(0, 0, 0), SHORT(1 * HOUR, HOUR, 0), SHORT(2 * HOUR, HOUR, 0),
	   SHORT(3 * HOUR, HOUR, 0), SHORT(4 * HOUR, HOUR, 0), SHORT(5 * HOUR, HOUR, 0),
	   SHORT(6 * HOUR, HOUR, 250)),
     6 * HOUR, HEALTH_SAME, HEALTH_IS_PAUSED, 6 * HOUR + 375 * SECOND, PAUSE_SHORT, 7},
    {__LINE__, "a success lets it begin at 15 s again",
     STEPS(SHORT(0, 0, 0), SHORT(HOUR, HOUR, 0), SERVED(2 * HOUR, 2 * HOUR),
	   SHORT(3 * HOUR, 3 * HOUR, 0)),
     3 * HOUR, HEALTH_PAUSE_BEGAN, HEALTH_IS_PAUSED, 3 * HOUR + 15 * SECOND, PAUSE_SHORT, 1},
    {__LINE__, "an older success does not",
     STEPS(SHORT(HOUR, HOUR, 0), SERVED(2 * HOUR, 0), SHORT(3 * HOUR, 3 * HOUR, 0)), 3 * HOUR,
     HEALTH_SAME, HEALTH_IS_PAUSED, 3 * HOUR + 30 * SECOND, PAUSE_SHORT, 2},
    {__LINE__, "relief does", STEPS(SHORT(0, 0, 0), RELIEVED(MINUTE), SHORT(HOUR, HOUR, 0)), HOUR,
     HEALTH_PAUSE_BEGAN, HEALTH_IS_PAUSED, HOUR + 15 * SECOND, PAUSE_SHORT, 1},
    {__LINE__, "a short rest lengthens a named one that is nearly over",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, SECOND), SHORT(1, 1, 0)), 1, HEALTH_SAME, HEALTH_IS_PAUSED,
     1 + 15 * SECOND, PAUSE_SHORT, 0},
    {__LINE__, "a busy probe counts as a repeat after a named rest too",
     STEPS(SHORT(0, 0, 0), RESTS(PAUSE_NAMED, MINUTE, MINUTE, HOUR), SHORT(DAY, DAY, 0)), DAY,
     HEALTH_SAME, HEALTH_IS_PAUSED, DAY + 30 * SECOND, PAUSE_SHORT, 2},

    /* Benches */
    {__LINE__, "a bench begins", STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR)), 0, HEALTH_PAUSE_BEGAN,
     HEALTH_BENCHED, HOUR, PAUSE_BENCH, 0},
    {__LINE__, "a bench is due when it is to be looked at", STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR)),
     HOUR, HEALTH_PAUSE_BEGAN, HEALTH_DUE, HOUR, PAUSE_BENCH, 0},
    {__LINE__, "a bench replaces a rest, though it is shorter",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, DAY), RESTS(PAUSE_BENCH, 1, 1, HOUR)), 1, HEALTH_SAME,
     HEALTH_BENCHED, HOUR, PAUSE_BENCH, 0},
    {__LINE__, "a named rest does not end a bench",
     STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR), RESTS(PAUSE_NAMED, 1, 1, MINUTE)), 1, HEALTH_SAME,
     HEALTH_BENCHED, HOUR, PAUSE_BENCH, 0},
    {__LINE__, "a longer rest lets a bench be looked at later",
     STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR), RESTS(PAUSE_NAMED, 1, 1, DAY)), 1, HEALTH_SAME,
     HEALTH_BENCHED, DAY, PAUSE_BENCH, 0},
    {__LINE__, "a limited probe of a bench keeps it benched",
     STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR), LEASED(HOUR, 7),
	   RESTS(PAUSE_TIMED, HOUR, HOUR, 2 * HOUR)),
     HOUR, HEALTH_SAME, HEALTH_BENCHED, 2 * HOUR, PAUSE_BENCH, 0},
    {__LINE__, "a busy probe of a bench keeps it benched",
     STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR), LEASED(HOUR, 7), SHORT(HOUR, HOUR, 0)), HOUR,
     HEALTH_SAME, HEALTH_BENCHED, HOUR + 15 * SECOND, PAUSE_BENCH, 1},
    {__LINE__, "a refused probe of a bench benches anew",
     STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR), RESTS(PAUSE_BENCH, HOUR, HOUR, 2 * HOUR)), HOUR,
     HEALTH_SAME, HEALTH_BENCHED, 2 * HOUR, PAUSE_BENCH, 0},
    {__LINE__, "a success ends a bench", STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR), SERVED(9, 5)), 9,
     HEALTH_PAUSE_ENDED, HEALTH_READY, -T, PAUSE_NONE, 0},
    {__LINE__, "an older success does not end a bench",
     STEPS(RESTS(PAUSE_BENCH, 6, 6, HOUR), SERVED(9, 5)), 9, HEALTH_SAME, HEALTH_BENCHED, HOUR,
     PAUSE_BENCH, 0},
    {__LINE__, "relief ends a bench that is to be looked at",
     STEPS(RESTS(PAUSE_BENCH, 6, 6, HOUR), RELIEVED(HOUR)), HOUR, HEALTH_PAUSE_ENDED, HEALTH_READY,
     -T, PAUSE_NONE, 0},

    /* Leases */
    {__LINE__, "no lease for a ready one", STEPS(LEASED(0, 7)), 0, HEALTH_REFUSED, HEALTH_READY, -T,
     PAUSE_NONE, 0},
    {__LINE__, "no lease for a resting one", STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(1, 7)), 1,
     HEALTH_REFUSED, HEALTH_IS_PAUSED, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "no lease for a benched one", STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR), LEASED(1, 7)), 1,
     HEALTH_REFUSED, HEALTH_BENCHED, HOUR, PAUSE_BENCH, 0},
    {__LINE__, "a lease for one that is due",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7)), HOUR, HEALTH_GRANTED, HEALTH_PROBING,
     HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a lease for a bench that is due",
     STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR), LEASED(HOUR, 7)), HOUR, HEALTH_GRANTED, HEALTH_PROBING,
     HOUR, PAUSE_BENCH, 0},
    {__LINE__, "no lease for nobody", STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 0)), HOUR,
     HEALTH_REFUSED, HEALTH_DUE, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a lease is somebody else's",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), LEASED(HOUR + 1, 8)), HOUR + 1,
     HEALTH_REFUSED, HEALTH_PROBING, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a lease runs to its last millisecond",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), LEASED(HOUR + MINUTE - 1, 8)),
     HOUR + MINUTE - 1, HEALTH_REFUSED, HEALTH_PROBING, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a lease that ran out is anybody's",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), LEASED(HOUR + MINUTE, 8)),
     HOUR + MINUTE, HEALTH_GRANTED, HEALTH_PROBING, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "who lost a lease that ran out is refused",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), LEASED(HOUR + MINUTE, 8),
	   LEASED(HOUR + MINUTE + 1, 7)),
     HOUR + MINUTE + 1, HEALTH_REFUSED, HEALTH_PROBING, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "its holder renews a lease",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), LEASED(HOUR + MINUTE / 2, 7)),
     HOUR + MINUTE + 1, HEALTH_GRANTED, HEALTH_PROBING, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "its holder renews a lease that ran out",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), LEASED(HOUR + HOUR, 7)),
     HOUR + HOUR + 1, HEALTH_GRANTED, HEALTH_PROBING, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "its holder releases a lease",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), RELEASED(HOUR + 1, 7)), HOUR + 1,
     HEALTH_SAME, HEALTH_DUE, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "nobody else releases a lease",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), RELEASED(HOUR + 1, 8)), HOUR + 1,
     HEALTH_SAME, HEALTH_PROBING, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a success clears the lease",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), SERVED(HOUR + 1, HOUR),
	   RESTS(PAUSE_TIMED, HOUR + 2, HOUR + 2, HOUR + 3)),
     HOUR + 3, HEALTH_PAUSE_BEGAN, HEALTH_DUE, HOUR + 3, PAUSE_TIMED, 0},
    {__LINE__, "a new rest clears the lease",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7),
	   RESTS(PAUSE_TIMED, HOUR + 1, HOUR, HOUR + 2)),
     HOUR + 2, HEALTH_SAME, HEALTH_DUE, HOUR + 2, PAUSE_TIMED, 0},
    {__LINE__, "a failure without a rest leaves the lease",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), FAILED(HOUR + 1, 0)), HOUR + 1,
     HEALTH_SAME, HEALTH_PROBING, HOUR, PAUSE_NAMED, 0},

    /* Clocks that jump */
    {__LINE__, "a jump ahead lets a rest be over", STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR)),
     3650 * DAY, HEALTH_PAUSE_BEGAN, HEALTH_DUE, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a small jump back lengthens a rest", STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR)), -DAY,
     HEALTH_PAUSE_BEGAN, HEALTH_IS_PAUSED, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a jump back by just 8 days is still a rest", STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR)),
     HOUR - 8 * DAY, HEALTH_PAUSE_BEGAN, HEALTH_IS_PAUSED, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a clock that was read a moment earlier sees the longest rest all the same",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR)), HOUR - 8 * DAY - 1, HEALTH_PAUSE_BEGAN,
     HEALTH_IS_PAUSED, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a jump back by more than 8 days ends it", STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR)),
     HOUR - 8 * DAY - MINUTE, HEALTH_PAUSE_BEGAN, HEALTH_DUE, HOUR, PAUSE_NAMED, 0},
    {__LINE__, "a jump back by an hour ends a short rest", STEPS(SHORT(0, 0, 0)), -HOUR,
     HEALTH_PAUSE_BEGAN, HEALTH_DUE, 15 * SECOND, PAUSE_SHORT, 1},
    {__LINE__, "a jump back ends a bench too", STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR)), -9 * DAY,
     HEALTH_PAUSE_BEGAN, HEALTH_DUE, HOUR, PAUSE_BENCH, 0},
    {__LINE__, "a rest ended by a jump back is over for good once written",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(-9 * DAY, 7)), -3 * DAY, HEALTH_GRANTED,
     HEALTH_DUE, -9 * DAY, PAUSE_NAMED, 0},
    {__LINE__, "a lease after a jump back",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(-9 * DAY, 7)), -9 * DAY + 1, HEALTH_GRANTED,
     HEALTH_PROBING, -9 * DAY, PAUSE_NAMED, 0},
    {__LINE__, "a success after a jump back ends a rest of the future",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), SERVED(-DAY, -DAY - 5)), -DAY, HEALTH_PAUSE_ENDED,
     HEALTH_READY, -T, PAUSE_NONE, 0},
    {__LINE__, "a clock a moment behind is no jump",
     STEPS(RESTS(PAUSE_NAMED, 10, 9, HOUR), SERVED(5, 4)), 10, HEALTH_SAME, HEALTH_IS_PAUSED, HOUR,
     PAUSE_NAMED, 0},
    {__LINE__, "a request of the future ends no later than the clock's now",
     STEPS(RESTS(PAUSE_NAMED, 0, DAY, HOUR), SERVED(9, 5)), 9, HEALTH_PAUSE_ENDED, HEALTH_READY, -T,
     PAUSE_NONE, 0},
    {__LINE__, "a lease of the future is over",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(DAY, 7), LEASED(HOUR + 5, 8)), HOUR + 5,
     HEALTH_GRANTED, HEALTH_PROBING, HOUR, PAUSE_NAMED, 0},
    /* A person says: look again */
    {__LINE__, "a retried rest is due", STEPS(RESTS(PAUSE_NAMED, 0, 0, DAY), RETRIED(5, 5)), 5,
     HEALTH_SAME, HEALTH_DUE, -1, PAUSE_NAMED, 0},
    {__LINE__, "a retried bench is due", STEPS(RESTS(PAUSE_BENCH, 0, 0, HOUR), RETRIED(5, 5)), 5,
     HEALTH_SAME, HEALTH_DUE, -1, PAUSE_BENCH, 0},
    {__LINE__, "a retried short rest keeps its repeats", STEPS(SHORT(0, 0, 0), RETRIED(5, 5)), 5,
     HEALTH_SAME, HEALTH_DUE, -1, PAUSE_SHORT, 1},
    {__LINE__, "its probe's success ends it",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, DAY), RETRIED(5, 5), LEASED(5, 7), SERVED(9, 6)), 9,
     HEALTH_PAUSE_ENDED, HEALTH_READY, -T, PAUSE_NONE, 0},
    {__LINE__, "its probe's failure rests again",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, DAY), RETRIED(5, 5), LEASED(5, 7),
	   RESTS(PAUSE_NAMED, 9, 6, DAY)),
     9, HEALTH_SAME, HEALTH_IS_PAUSED, DAY, PAUSE_NAMED, 0},
    {__LINE__, "a word that waited does not end what came after it",
     STEPS(RESTS(PAUSE_NAMED, 6, 5, DAY), RETRIED(9, 5)), 9, HEALTH_SAME, HEALTH_IS_PAUSED, DAY,
     PAUSE_NAMED, 0},
    {__LINE__, "retrying a ready one is nothing", STEPS(RETRIED(5, 5)), 5, HEALTH_SAME,
     HEALTH_READY, -T, PAUSE_NONE, 0},
    {__LINE__, "retrying takes no probe its lease",
     STEPS(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7), RETRIED(HOUR + 1, HOUR + 1)), HOUR + 1,
     HEALTH_SAME, HEALTH_PROBING, HOUR, PAUSE_NAMED, 0},

    /* A new credential takes over a rest that is over */
    {__LINE__, "of which nothing is known is probed", STEPS(LEASED_NEW(5, 7, PAUSE_NAMED)), 5,
     HEALTH_GRANTED, HEALTH_PROBING, 5, PAUSE_NAMED, 0},
    {__LINE__, "by one at a time",
     STEPS(LEASED_NEW(5, 7, PAUSE_NAMED), LEASED_NEW(6, 8, PAUSE_NAMED)), 6, HEALTH_REFUSED,
     HEALTH_PROBING, 5, PAUSE_NAMED, 0},
    {__LINE__, "what is known is not made to rest",
     STEPS(SERVED(5, 4), LEASED_NEW(6, 7, PAUSE_NAMED)), 6, HEALTH_REFUSED, HEALTH_READY, -T,
     PAUSE_NONE, 0},

    {__LINE__, "a jump there and back leaves a rest of 8 days at most",
     STEPS(RESTS(PAUSE_NAMED, 365 * DAY, 365 * DAY, 366 * DAY), SHORT(0, 0, 0)), 0, HEALTH_SAME,
     HEALTH_IS_PAUSED, 15 * SECOND, PAUSE_SHORT, 1},
};

static struct health_change
change_of(const struct step *step)
{
	struct health_change change = {
	    .event = step->event,
	    .pause = step->pause,
	    .now_ms = T + step->now_ms,
	    .began_ms = T + step->began_ms,
	    .until_ms = T + step->until_ms,
	    .lease_for_ms = step->lease_for_ms,
	    .holder = step->holder,
	    .jitter = step->jitter,
	    .throttled = step->throttled,
	};
	snprintf(change.why, sizeof change.why, "%s", step->why == NULL ? "" : step->why);
	return change;
}

static void
check_row(const struct row *row)
{
	struct health h = {0};
	enum health_outcome outcome = HEALTH_SAME;
	for (size_t i = 0; i < row->n; i++) {
		struct health_change change = change_of(&row->steps[i]);
		outcome = health_apply(&h, &change);
	}
	enum health_state state = health_state(&h, T + row->at_ms);
	bool same = outcome == row->outcome && state == row->state &&
		    h.until_ms == T + row->until_ms && h.pause == row->pause &&
		    h.repeats == row->repeats;
	TAP_ROW_AT(row->line, row->name, same,
		   "expected outcome %d, state %s (%d), rest %d, until T%+" PRId64 ", repeats %u\n"
		   "got      outcome %d, state %s (%d), rest %d, until T%+" PRId64 ", repeats %u",
		   row->outcome, state_name(row->state), row->state, row->pause, row->until_ms,
		   row->repeats, outcome, state_name(state), state, h.pause, h.until_ms - T,
		   h.repeats);
}

static struct health
after(size_t n, const struct step steps[])
{
	struct health h = {0};
	for (size_t i = 0; i < n; i++) {
		struct health_change change = change_of(&steps[i]);
		health_apply(&h, &change);
	}
	return h;
}
#define AFTER(...)                                                                                 \
	after(sizeof((struct step[]){__VA_ARGS__}) / sizeof(struct step),                          \
	      (const struct step[]){__VA_ARGS__})

static void
check_texts(void)
{
	struct health h = AFTER(FAILED(0, 0), RESTS(PAUSE_NAMED, 5, 4, HOUR));
	TAP_STR("why tells the rest", h.why, "PAUSE_NAMED");
	TAP_INT("error_ms is the last failure", h.error_ms, T + 5);
	TAP_INT("since_ms is when its answer came", h.since_ms, T + 5);
	h = AFTER(RESTS(PAUSE_NAMED, 5, 4, HOUR), SHORT(6, 5, 0));
	TAP_STR("an answer that changed no rest leaves why", h.why, "PAUSE_NAMED");
	TAP_STR("but is the last error", h.error, "PAUSE_SHORT");
	h = AFTER(RESTS(PAUSE_BENCH, 5, 4, HOUR), RESTS(PAUSE_NAMED, 6, 6, DAY));
	TAP_STR("a bench keeps its why", h.why, "PAUSE_BENCH");
	h = AFTER(RESTS(PAUSE_NAMED, 5, 4, HOUR), SERVED(9, 8));
	TAP_STR("a success clears why", h.why, "");
	TAP_STR("and leaves the last error", h.error, "PAUSE_NAMED");
	TAP_INT("success_ms is now", h.success_ms, T + 9);
	TAP_INT("used_ms is now", h.used_ms, T + 9);
	h = AFTER(RESTS(PAUSE_NAMED, 5, 4, HOUR), SERVED(9, 3));
	TAP_INT("an older request's success is a success", h.success_ms, T + 9);
	h = AFTER(FAILED(7, 1));
	TAP_INT("a bare 429 is noted", h.throttled_ms, T + 7);
	h = AFTER(FAILED(7, 0));
	TAP_INT("any other failure is none", h.throttled_ms, 0);
	h = AFTER(FAILED(DAY, 1), FAILED(7, 0));
	TAP_INT("a bare 429 of the future is forgotten", h.throttled_ms, 0);

	struct health_change change = {.event = HEALTH_EVENT_FAILED, .now_ms = T};
	memset(change.why, 'x', sizeof change.why);
	health_apply(&h, &change);
	TAP_INT("a text without an end is cut", strlen(h.error), HEALTH_TEXT_MAX - 1);
}

static void
check_lease_fields(void)
{
	struct health h = AFTER(RESTS(PAUSE_NAMED, 0, 0, HOUR), LEASED(HOUR, 7));
	TAP_INT("a lease runs as long as asked", h.lease_ms, T + HOUR + MINUTE);
	TAP_INT("a lease knows its holder", h.lease_holder, 7);
	struct health before = h;
	struct health_change change = {.event = HEALTH_EVENT_LEASED,
				       .now_ms = T + HOUR + 1,
				       .holder = 8,
				       .lease_for_ms = MINUTE};
	health_apply(&h, &change);
	TAP_OK("a refusal changes nothing", memcmp(&h, &before, sizeof h) == 0);
	change.holder = 7;
	change.lease_for_ms = INT64_MAX;
	health_apply(&h, &change);
	TAP_INT("a lease for ever is cut", h.lease_ms, T + HOUR + 1 + HEALTH_LEASE_MAX_MS);
}

/* Who gives way to whom. */
static void
check_giving_way(void)
{
	struct health none = AFTER(SERVED(5, 4)), older = AFTER(SERVED(1, 0));
	struct health pause = AFTER(RESTS(PAUSE_NAMED, 0, 0, HOUR));
	struct health longer = AFTER(RESTS(PAUSE_BENCH, 0, 0, DAY));
	TAP_OK("no rest goes before a rest", health_is_evicted_before(&none, &pause));
	TAP_OK("and never the reverse", !health_is_evicted_before(&pause, &none));
	TAP_OK("the older goes before", health_is_evicted_before(&older, &none));
	TAP_OK("what ends first goes before", health_is_evicted_before(&pause, &longer));
	TAP_OK("and never the reverse either", !health_is_evicted_before(&longer, &pause));
	TAP_OK("a running rest gives way to a rest", health_may_give_way(&longer, &pause, T));
	TAP_OK("to nothing less", !health_may_give_way(&pause, &none, T));
	TAP_OK("until it is over", health_may_give_way(&pause, &none, T + HOUR));
}

/* What a new credential is taken for: f the same person, d the same device. */
static const struct kin_row {
	int line;
	const char *name;
	struct health_kin from, own;
	bool is_sure, paused;
	uint64_t family; /* of the other record */
	enum health_state state;
} kin_rows[] = {
    {__LINE__, "the same person rests", {1, 2}, {1, 2}, true, true, 0, HEALTH_IS_PAUSED},
    {__LINE__, "on another device, too", {1, 2}, {1, 3}, true, true, 0, HEALTH_IS_PAUSED},
    {__LINE__, "if only so it says, it is a probe", {1, 2}, {1, 2}, false, true, 0, HEALTH_DUE},
    {__LINE__, "the same device is a probe", {0, 2}, {0, 2}, true, true, 0, HEALTH_DUE},
    {__LINE__, "also when one does not name the person", {0, 2}, {1, 2}, true, true, 0, HEALTH_DUE},
    {__LINE__, "another person on it is another", {1, 2}, {3, 2}, true, true, 0, HEALTH_READY},
    {__LINE__, "another device is another", {0, 2}, {0, 3}, true, true, 0, HEALTH_READY},
    {__LINE__, "nobody is nobody's kin", {0, 0}, {0, 0}, true, true, 0, HEALTH_READY},
    {__LINE__, "who does not rest hands nothing on", {1, 2}, {1, 2}, true, false, 0, HEALTH_READY},
    {__LINE__, "a family's rest is the family's", {1, 2}, {1, 2}, true, true, 9, HEALTH_READY},
};

static void
check_kin(const struct kin_row *row)
{
	struct health from = {0}, out = {.key = {.provider = 1, .account = 6}};
	struct health_change change = {.event =
					   row->paused ? HEALTH_EVENT_PAUSED : HEALTH_EVENT_SERVED,
				       .pause = PAUSE_NAMED,
				       .now_ms = T,
				       .began_ms = T,
				       .until_ms = T + DAY,
				       .kin = row->from};
	health_apply(&from, &change);
	from.key = (struct health_key){.provider = 1, .account = 5, .family = row->family};
	health_inherit(&from, row->own, row->is_sure, T + HOUR, &out);
	enum health_state state = health_state(&out, T + HOUR);
	TAP_ROW_AT(row->line, row->name, state == row->state && out.key.account == 6,
		   "expected %s (%d)\ngot      %s (%d)", state_name(row->state), row->state,
		   state_name(state), state);
}

static struct health_window
window(const char *name, int64_t reset_ms, uint32_t permille, uint32_t rejected)
{
	struct health_window w = {.reset_ms = reset_ms, .permille = permille, .rejected = rejected};
	snprintf(w.name, sizeof w.name, "%s", name);
	return w;
}

/* Applies an event that tells one window. */
static void
tell(struct health *h, enum health_event event, int64_t began_ms, struct health_window w)
{
	struct health_change change = {.event = event,
				       .pause = PAUSE_NAMED,
				       .now_ms = T + began_ms,
				       .began_ms = T + began_ms,
				       .until_ms = T + HOUR,
				       .windows = {[2] = w}};
	health_apply(h, &change);
}

static const char *
show_windows(const struct health *h)
{
	static char text[200];
	size_t n = 0;
	for (size_t i = 0; i < HEALTH_WINDOWS; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=%u@%d%s", i == 0 ? "" : " ",
				      h->windows[i].name, h->windows[i].permille,
				      (int)h->windows[i].reset_ms,
				      h->windows[i].rejected ? "!" : "");
	return text;
}

static void
check_windows(void)
{
	struct health h = {0};
	tell(&h, HEALTH_EVENT_SERVED, 1, window("5h", 50, 400, 0));
	TAP_STR("a window is told", show_windows(&h), "5h=400@50 =0@0 =0@0 =0@0");
	tell(&h, HEALTH_EVENT_SERVED, 2, window("7d", 70, 300, 0));
	TAP_STR("another one is added", show_windows(&h), "5h=400@50 7d=300@70 =0@0 =0@0");
	tell(&h, HEALTH_EVENT_PAUSED, 3, window("5h", 51, 1000, 1));
	TAP_STR("one of that name is replaced", show_windows(&h),
		"5h=1000@51! 7d=300@70 =0@0 =0@0");
	tell(&h, HEALTH_EVENT_SERVED, 2, window("5h", 51, 900, 0));
	TAP_STR("an older success tells none", show_windows(&h), "5h=1000@51! 7d=300@70 =0@0 =0@0");
	tell(&h, HEALTH_EVENT_FAILED, 4, window("7d", 71, 310, 0));
	TAP_STR("a failure tells some", show_windows(&h), "5h=1000@51! 7d=310@71 =0@0 =0@0");
	tell(&h, HEALTH_EVENT_SERVED, 4, window("", 0, 0, 0));
	TAP_STR("after a success none has refused", show_windows(&h),
		"5h=1000@51 7d=310@71 =0@0 =0@0");
	tell(&h, HEALTH_EVENT_SERVED, 5, window("7d_opus", 72, 1, 0));
	tell(&h, HEALTH_EVENT_SERVED, 6, window("7d_sonnet", 40, 2, 0));
	tell(&h, HEALTH_EVENT_SERVED, 7, window("1h", 90, 3, 0));
	TAP_STR("a fifth takes the place of the first to be reset", show_windows(&h),
		"5h=1000@51 7d=310@71 7d_opus=1@72 1h=3@90");
	struct health_window endless = window("", 0, 0, 0);
	memset(endless.name, 'y', sizeof endless.name);
	tell(&h, HEALTH_EVENT_SERVED, 8, endless);
	TAP_INT("a name without an end is cut", strlen(h.windows[0].name),
		HEALTH_WINDOW_NAME_MAX - 1);
}

/* What a window passes, of responses one after another: T+at, 5h at permille, which begins anew at
 * reset_in. leave_at is 98 %. */
static void
check_passed(void)
{
	static const struct {
		const char *name;
		int64_t at_ms;
		uint32_t permille;
		int64_t reset_in;
		unsigned passed;
	} steps[] = {
	    {"little is used", 1000, 799, HOUR, 0},
	    {"80 %", 2000, 800, HOUR, HEALTH_PASSED_80},
	    {"an older response reports less", 3000, 781, HOUR, 0},
	    {"80 % is passed once", 4000, 801, HOUR, 0},
	    {"another reset of a window that is not over", 5000, 810, HOUR + 1000, 0},
	    {"95 % and 98 % at once", 6000, 980, HOUR, HEALTH_PASSED_95 | HEALTH_PASSED_LEAVE_AT},
	    {"and no more", 7000, 1010, HOUR, 0},
	    {"the limit was raised", 8000, 500, HOUR, 0},
	    {"so it is passed again", 9000, 960, HOUR, HEALTH_PASSED_80 | HEALTH_PASSED_95},
	    {"the next window", HOUR + 1000, 10, 2 * HOUR, 0},
	    {"passes its own", HOUR + 2000, 950, 2 * HOUR, HEALTH_PASSED_80 | HEALTH_PASSED_95},
	    {"a window that is over", 3 * HOUR, 1000, 2 * HOUR, 0},
	    {"one without a reset", 3 * HOUR + 2000, 1000, -T, 0},
	};
	struct health h = {0};
	for (size_t i = 0; i < TAP_COUNT(steps); i++) {
		struct health_change change = {.event = HEALTH_EVENT_SERVED,
					       .now_ms = T + steps[i].at_ms,
					       .began_ms = T + steps[i].at_ms - 1};
		struct health before = h;
		change.windows[1] = window("5h", 0, steps[i].permille, 0);
		change.windows[1].reset_ms = T + steps[i].reset_in;
		change.leave_at[1] = 980;
		health_apply(&h, &change);
		TAP_INT(steps[i].name, health_passed(&before, &h, &change),
			(int64_t)steps[i].passed << HEALTH_MARK_BITS);
	}
}

/* What is worth writing down, asked ms after a success; was: what happened before it. */
static void
check_news(void)
{
	static const struct {
		const char *name;
		struct step was, next;
		bool news;
	} cases[] = {
	    {"the same again within a second", SERVED(0, -1), SERVED(999, 998), false},
	    {"the same again, a second later", SERVED(0, -1), SERVED(1000, 998), true},
	    {"the clock went back", SERVED(0, -1), SERVED(-1, -2), true},
	    {"a first success", FAILED(0, 0), SERVED(1, 0), true},
	    {"a failure", SERVED(0, -1), FAILED(1, 0), true},
	    {"a lease", SERVED(0, -1), LEASED(1, 7), true},
	};
	for (size_t i = 0; i < TAP_COUNT(cases); i++) {
		struct health h = {0};
		struct health_change was = change_of(&cases[i].was);
		struct health_change next = change_of(&cases[i].next);
		health_apply(&h, &was);
		TAP_INT(cases[i].name, health_is_worth_writing(&h, &next), cases[i].news);
	}
	struct health h = {0};
	tell(&h, HEALTH_EVENT_SERVED, 0, window("5h", 60, 300, 0));
	struct health_change fuller = {
	    .event = HEALTH_EVENT_SERVED, .now_ms = T + 1, .began_ms = T};
	fuller.windows[0] = window("5h", 60, 310, 0);
	TAP_INT("a window that is fuller", health_is_worth_writing(&h, &fuller), true);
}

int
main(int argc, char **argv)
{
	tap_start("health", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_row(&rows[i]);
	check_texts();
	check_lease_fields();
	check_giving_way();
	for (size_t i = 0; i < TAP_COUNT(kin_rows); i++)
		check_kin(&kin_rows[i]);
	check_windows();
	check_passed();
	check_news();
	return tap_finish();
}

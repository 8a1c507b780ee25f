/* SPDX-License-Identifier: MIT */
/* timeouts: how long an attempt may still take (BEHAVIOUR 6). Now is 100,000; the request
 * and its attempt began at 90,000 unless a row says otherwise. */
#include "route/timeouts.h"

#include "tap.h"

static const struct config config = {
    .deadline_ms = 60000,
    .stream_deadline_ms = 300000,
    .idle_timeout_ms = 20000,
    .first_byte_timeout_ms = 30000,
};

static const struct {
	int line;
	const char *name;
	struct timeouts_query query;
	int64_t remaining_ms;
	enum ending ending;
} rows[] = {
    {__LINE__, "JSON has until the deadline", {.request_ms = 90000}, 50000, ENDING_OURS},
    {__LINE__, "a stream has until its first content", {.streams = true}, 20000, ENDING_FIRST_BYTE},
    {__LINE__,
     "its attempt began later",
     {.streams = true, .attempt_ms = 95000},
     25000,
     ENDING_FIRST_BYTE},
    {__LINE__, "the deadline is nearer", {.streams = true, .request_ms = 41000}, 1000, ENDING_OURS},
    {__LINE__,
     "with a head, silence counts",
     {.streams = true, .has_head = true, .bytes_ms = 82000},
     2000,
     ENDING_IDLE},
    {__LINE__, "JSON's silence, too", {.has_head = true, .bytes_ms = 85000}, 5000, ENDING_IDLE},
    {__LINE__,
     "a stream that flows has its own deadline",
     {.streams = true,
      .relaying = true,
      .has_head = true,
      .content_ms = -199000,
      .bytes_ms = 100000,
      .alive_ms = 100000},
     1000,
     ENDING_OURS},
    {__LINE__,
     "its silence",
     {.streams = true,
      .relaying = true,
      .has_head = true,
      .content_ms = 91000,
      .bytes_ms = 99000,
      .alive_ms = 99000},
     19000,
     ENDING_IDLE},
    {__LINE__,
     "nothing but pings",
     {.streams = true,
      .relaying = true,
      .has_head = true,
      .content_ms = 60000,
      .bytes_ms = 100000,
      .alive_ms = 71000},
     1000,
     ENDING_IDLE},
    {__LINE__,
     "a slow client does not count as the provider's silence",
     {.streams = true,
      .relaying = true,
      .client_is_slow = true,
      .has_head = true,
      .content_ms = 60000,
      .bytes_ms = 10000,
      .alive_ms = 10000},
     260000,
     ENDING_OURS},
    {__LINE__,
     "an error's body may come slowly",
     {.has_head = true, .bytes_ms = 100000, .failed_ms = 96000},
     1000,
     ENDING_CUT},
    {__LINE__, "count_tokens waits 20 s", {.auxiliary = true}, 10000, ENDING_FIRST_BYTE},
    {__LINE__,
     "silence does not count",
     {.auxiliary = true, .has_head = true, .bytes_ms = 1000},
     10000,
     ENDING_FIRST_BYTE},
    {__LINE__, "reached", {.streams = true, .attempt_ms = 70000}, 0, ENDING_FIRST_BYTE},
};

static struct timeouts_query
complete(const struct timeouts_query *row)
{
	struct timeouts_query q = *row;
	q.config = &config;
	q.now_ms = 100000;
	q.request_ms = q.request_ms == 0 ? 90000 : q.request_ms;
	q.attempt_ms = q.attempt_ms == 0 ? 90000 : q.attempt_ms;
	return q;
}

int
main(int argc, char **argv)
{
	static const char *const endings[] = {"whole", "connect", "cut", "first byte",
					      "idle",  "too big", "ours"};
	tap_start("timeouts", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		const struct timeouts_query q = complete(&rows[i].query);
		struct timeout got = timeouts_next(&q);
		TAP_ROW_AT(rows[i].line, rows[i].name,
			   got.remaining_ms == rows[i].remaining_ms && got.ending == rows[i].ending,
			   "expected %" PRId64 " ms, %s\ngot      %" PRId64 " ms, %s",
			   rows[i].remaining_ms, endings[rows[i].ending], got.remaining_ms,
			   endings[got.ending]);
	}
	return tap_finish();
}

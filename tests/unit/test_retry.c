/* SPDX-License-Identifier: MIT */
/* retry: whether, and when, the same provider is tried once more (BEHAVIOUR 5). */
#include "route/retry.h"

#include "tap.h"

enum { EVEN = 128 }; /* the random number that changes nothing */

static const struct {
	int line;
	const char *name;
	bool retry;
	int status;
	unsigned retries, max_retries;
	bool others, lost, auxiliary;
	unsigned random;
	int64_t delay_ms, want_ms;
} rows[] = {
    {__LINE__, "the verdict says no", false, 500, 0, 3, false, false, false, EVEN, 1000, -1},
    {__LINE__, "the first waits the delay", true, 500, 0, 3, false, false, false, EVEN, 1000, 1000},
    {__LINE__, "the second twice that", true, 500, 1, 3, false, false, false, EVEN, 1000, 2000},
    {__LINE__, "the third four times", true, 500, 2, 3, false, false, false, EVEN, 1000, 4000},
    {__LINE__, "the budget is spent", true, 500, 3, 3, false, false, false, EVEN, 1000, -1},
    {__LINE__, "no budget", true, 500, 0, 0, false, false, false, EVEN, 1000, -1},
    {__LINE__, "once while others are ready", true, 500, 0, 3, true, false, false, EVEN, 1000,
     1000},
    {__LINE__, "and no more", true, 500, 1, 3, true, false, false, EVEN, 1000, -1},
    {__LINE__, "no connection: at once", true, 0, 0, 3, false, false, false, EVEN, 1000, 0},
    {__LINE__, "then after the delay", true, 0, 1, 3, false, false, false, EVEN, 1000, 1000},
    {__LINE__, "then twice that", true, 0, 2, 3, false, false, false, EVEN, 1000, 2000},
    {__LINE__, "a minute at most", true, 500, 9, 10, false, false, false, EVEN, 1000, 60000},
    {__LINE__, "a quarter less at random", true, 500, 0, 3, false, false, false, 0, 1000, 750},
    {__LINE__, "nearly a quarter more", true, 500, 0, 3, false, false, false, 255, 1000, 1248},
    {__LINE__, "count_tokens is not repeated", true, 500, 0, 3, false, false, true, EVEN, 1000, -1},
    {__LINE__, "but when a kept connection was lost", true, 0, 0, 3, false, true, true, EVEN, 1000,
     0},
};

int
main(int argc, char **argv)
{
	tap_start("retry", argc, argv);
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		const struct verdict verdict = {.retry = rows[i].retry, .status = rows[i].status};
		const struct retry_query query = {
		    .verdict = &verdict,
		    .retries = rows[i].retries,
		    .max_retries = rows[i].max_retries,
		    .delay_ms = rows[i].delay_ms,
		    .others_ready = rows[i].others,
		    .was_lost = rows[i].lost,
		    .auxiliary = rows[i].auxiliary,
		    .random = rows[i].random,
		};
		TAP_INT_AT(rows[i].line, rows[i].name, retry_delay_ms(&query), rows[i].want_ms);
	}
	return tap_finish();
}

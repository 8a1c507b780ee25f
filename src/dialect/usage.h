/* SPDX-License-Identifier: MIT */
/* The tokens that a response reports to have used: PROTOCOLS.md 1, "Usage". Pure; thread-safe. */
#ifndef DIALECT_USAGE_H
#define DIALECT_USAGE_H

#include "json/scan.h"

/* Counts of tokens; -1: not reported. The kinds of input differ in price. */
struct usage {
	int64_t input; /* neither read from a cache nor written to one */
	int64_t cache_read;
	int64_t cache_write; /* of both kinds together, */
	int64_t cache_5m;    /* and apart: written to live for 5 minutes, */
	int64_t cache_1h;    /* for an hour */
	int64_t output;
	int64_t searches; /* web searches, each billed */
	bool is_fast;     /* served in fast mode, which costs more */
	bool is_odd;      /* a count was negative, a fraction or absurd, and was ignored */
};

#define USAGE_NONE ((struct usage){-1, -1, -1, -1, -1, -1, -1, false, false})

/* Reads a usage object at the cursor into usage, field by field: the last value reported
 * counts (a stream reports more than once, and cumulatively). Zeros replace no input that was
 * reported, unless the same object reports input of another kind: some providers report none
 * where they mean that nothing has changed. */
void usage_read(struct usage *usage, struct scan *s);

/* All kinds of input together; -1: none was reported. */
int64_t usage_total_input(const struct usage *usage);

/* The tokens written to the cache for an hour, and for 5 minutes; asked_for_1h decides
 * where the response does not. 0 if none was reported. */
int64_t usage_cache_1h(const struct usage *usage, bool asked_for_1h);
int64_t usage_cache_5m(const struct usage *usage, bool asked_for_1h);

#endif

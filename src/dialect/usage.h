/* SPDX-License-Identifier: MIT */
/* The tokens that a response reports to have used, and of which model: PROTOCOLS.md 1, "Usage".
 * Pure; thread-safe. */
#ifndef DIALECT_USAGE_H
#define DIALECT_USAGE_H

#include "base/caps.h"
#include "json/scan.h"

#define USAGE_NAME_MAX 64 /* bytes of the name of a further model, with its NUL */

/* What a response says about each of its iterations, added up by model: those of the tool loop of a
 * server, of a fallback, an advisor, a compaction (PROTOCOLS.md 1, "Usage"). */
struct usage_iterations {
	struct usage_tokens {
		int64_t input, cache_read, cache_write, cache_5m, cache_1h, output;
	} inside; /* those that the sums of the response include */
	struct usage_part {
		char model[USAGE_NAME_MAX]; /* "": the one that answered; the first one always */
		struct usage_tokens tokens;
	} parts[USAGE_MODELS_MAX];
	unsigned n;  /* of the parts; 0: nothing was reported */
	bool is_cut; /* there were more models, or a name that does not fit */
};

/* Counts of tokens; -1: not reported. The kinds of input differ in price. */
struct usage {
	int64_t input; /* neither read from a cache nor written to one */
	int64_t cache_read;
	int64_t cache_write; /* of both kinds together, */
	int64_t cache_5m;    /* and apart: written to live for 5 minutes, */
	int64_t cache_1h;    /* for an hour */
	int64_t output;
	int64_t searches;  /* web searches, each billed */
	bool is_fast;      /* served in fast mode, which costs more */
	bool is_estimated; /* the provider did not report all of it: translation_usage() */
	bool is_odd;       /* a count was negative, a fraction or absurd, and was ignored */
	char model[MODEL_NAME_MAX];         /* that answered, by its response; "": not reported */
	struct usage_iterations iterations; /* see usage_split() */
};

#define USAGE_NONE                                                                                 \
	((struct usage){.input = -1,                                                               \
			.cache_read = -1,                                                          \
			.cache_write = -1,                                                         \
			.cache_5m = -1,                                                            \
			.cache_1h = -1,                                                            \
			.output = -1,                                                              \
			.searches = -1})

/* Reads a usage object at the cursor into usage, field by field: the last value reported
 * counts (a stream reports more than once, and cumulatively). Zeros replace no input that was
 * reported, unless the same object reports input of another kind: some providers report none
 * where they mean that nothing has changed. Of iterations, too, the last ones count. */
void usage_read(struct usage *usage, struct scan *s);

/* Reads the name at the cursor into model; one that is no name of a model is not reported. */
void usage_read_model(struct usage *usage, struct scan *s);

/* What each model used, which differ in price: first the one that answered ("" as its model), then
 * those that iterations name. Their sum is everything: what the response reports as its sums, or
 * what the iterations in it come to, if that is more; and the iterations beside it. Returns their
 * number, 1 without iterations. */
size_t usage_split(const struct usage *usage, struct usage parts[static USAGE_MODELS_MAX]);

/* The same in one, without iterations. */
struct usage usage_sum(const struct usage *usage);

/* All kinds of input together; -1: none was reported. */
int64_t usage_total_input(const struct usage *usage);

/* The tokens written to the cache for an hour, and for 5 minutes; asked_for_1h decides
 * where the response does not. 0 if none was reported. */
int64_t usage_cache_1h(const struct usage *usage, bool asked_for_1h);
int64_t usage_cache_5m(const struct usage *usage, bool asked_for_1h);

#endif

/* SPDX-License-Identifier: MIT */
/* What tokens cost: a table of list prices from two text files, and the arithmetic.
 *
 * The operator's file comes first, then the one that is installed with the program; their format
 * is in claude-router.conf(5). Amounts are integers in US dollars: pico-dollars (10^-12) inside,
 * nano-dollars (10^-9), rounded up, in results. An unknown price is unknown, and never 0.
 *
 * A struct prices is immutable. Its owners are who loaded it and who shares it: a changed file
 * makes a new one, and where that fails the caller keeps the old one. Lookups are pure;
 * prices_load() reads files. Owners are counted by one thread; lookups are thread-safe. */
#ifndef MONEY_PRICE_H
#define MONEY_PRICE_H

#include "base/buf.h"
#include "dialect/usage.h"

#include <stdbool.h>
#include <stdint.h>

/* The installed file. */
#define PRICES_SHIPPED PKGDATADIR "/prices"

#define PRICE_DATE_SIZE sizeof("2026-11-27")

/* The most that a cost can be: some 9 million dollars. What would be more is this. */
#define PRICE_NANO_USD_MAX (INT64_MAX / 1000 + 1)

struct prices;

/* Reads both files; one that does not exist has no prices. NULL when anything is wrong in
 * either; then errors holds a line for each mistake, in the files' order, with file, line and
 * what is allowed. */
struct prices *prices_load(const char *own, const char *shipped, struct buf *errors);

/* Adds an owner, who must call prices_free(), too. Returns prices. */
struct prices *prices_share(struct prices *prices);

/* Removes an owner; the last one frees the table. NULL does nothing. */
void prices_free(struct prices *prices);

/* When somebody last compared the prices with the providers' lists: the latest "checked DATE" of
 * both files, milliseconds since 1970; -1: none. */
int64_t prices_checked_at(const struct prices *prices);

/* What is to be priced. Texts are borrowed. */
struct price_query {
	const char *provider;
	const char *model;    /* as it was sent */
	int64_t at_ms;        /* when the request began, milliseconds since 1970 */
	bool asked_for_1h;    /* the request asks for a cache of an hour: usage_cache_1h() */
	const char *answered; /* the model that answered; NULL or "": not known, or none yet */
};

struct cost {
	bool is_known;
	int64_t nano_usd;              /* 0 unless it is known */
	char checked[PRICE_DATE_SIZE]; /* of the line that was used; "": it has no date */
	const char *model; /* of the query: the one that the line prices; without a line, the one
			      that answered or, where that is not known, was sent */
};

/* What a response cost, by the first line for it: of those with its provider, then of those
 * without, each by the model that answered, then by the one that was sent. The operator's word
 * about a provider goes before any name that the provider gives its model; and a name that nobody
 * has priced, an alias or a slip, does not make the cost unknown of what was asked for at a known
 * price. What its iterations say that further models used has their prices; the whole of the input
 * decides about tiers. Unknown without a line for the model, and where something that is not
 * free was not reported or has no price: input, output, searches, fast mode. */
struct cost prices_cost(const struct prices *prices, const struct price_query *query,
			const struct usage *usage);

/* A request that is about to be sent. */
struct price_request {
	int64_t text_bytes; /* of all that becomes input, without images */
	int64_t images;
	int64_t max_tokens; /* as sent */
	bool is_fast;       /* it asks for fast mode */
	bool has_search;    /* it offers the web search tool */
};

/* The most that it can cost, by estimate: a token for each 2 bytes of text, 5000 for each image,
 * all at the dearest kind of input that it can use, all of max_tokens, and 10 searches. Unknown
 * as above. */
struct cost prices_bound(const struct prices *prices, const struct price_query *query,
			 const struct price_request *request);

#endif

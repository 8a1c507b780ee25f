/* SPDX-License-Identifier: MIT */
/* The sums of rows by day, provider, model, client and who pays: what a batch adds to the table
 * day of the ledger. Inside of money/ only. Pure but for the time zone; thread-safe. */
#ifndef MONEY_LEDGER_DAY_H
#define MONEY_LEDGER_DAY_H

#include "money/ledger.h"

struct ledger_day_sums {
	int64_t day;
	const struct ledger_row *row; /* the first of them: provider, served, client, billed */
	int64_t requests, errors;
	int64_t input, cache_read, cache_5m, cache_1h, output, searches;
	int64_t cost, unknown;
};

/* Adds a row to the sums, of which there are n so far; returns how many there are then. row lives
 * as long as they do. */
size_t ledger_day_add(struct ledger_day_sums *sums, size_t n, const struct ledger_row *row);

#endif

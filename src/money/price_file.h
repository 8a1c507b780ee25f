/* SPDX-License-Identifier: MIT */
/* The text of a price file, line by line: claude-router.conf(5), "Prices".
 *
 * Pure; one thread at a time. */
#ifndef MONEY_PRICE_FILE_H
#define MONEY_PRICE_FILE_H

#include "base/buf.h"
#include "base/caps.h"
#include "config/diagnostics.h"
#include "money/price.h"

/* Pico-dollars a token (which are as many as micro-dollars for a million tokens). Kinds that the
 * line leaves out are filled in. */
struct price_rates {
	int64_t over; /* of requests with more input than this; 0 in the first tier */
	int64_t in;   /* -1: the prices of this tier are unknown */
	int64_t w5m, w1h;
	int64_t read;
	int64_t out;
};

/* Times of the day in UTC, minutes from midnight: from begin on and before end. */
struct price_peak {
	uint8_t days; /* bit 0: Sunday */
	uint8_t n;
	struct {
		int16_t begin, end;
	} ranges[PEAK_RANGES_MAX];
};

/* One line. Texts are in the file's text. */
struct price {
	const char *provider; /* NULL: any */
	const char *model;    /* a glob */
	int line;
	int64_t from_ms; /* it prices requests from then on; 0: all */
	int64_t search;  /* pico-dollars each; -1: unknown */
	/* Factors of all tokens' prices in thousandths. */
	int64_t fast;    /* in fast mode; -1: unknown */
	int64_t offpeak; /* outside of peak; -1: prices do not depend on the time */
	struct price_peak peak;
	struct price_rates tiers[PRICE_TIERS_MAX];
	size_t n_tiers;
	char checked[PRICE_DATE_SIZE];
};

/* Lines in the order of the files. */
struct price_list {
	struct price *prices; /* the caller's to free() */
	size_t n;
	int64_t checked_at; /* the latest "checked", milliseconds since 1970; -1: none */
};

/* Appends the prices of a text, which is taken to pieces and must live as long as the list.
 * Mistakes go to diagnostics; a line with one is left out. */
void price_file_parse(struct price_list *list, struct buf *text, struct diagnostics *diagnostics);

#endif

/* SPDX-License-Identifier: MIT */
/* bill - what the providers charge for what they made: tokens of each kind, and what these cost.
 *
 * The judge of the router's ledger: written from the providers' price lists, it shares nothing with
 * the router but these. Charges belong to their bill; bill_clear() frees them. */
#ifndef SIM_BILL_H
#define SIM_BILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define CHARGES_MAX ((size_t)200000) /* of a bill; what comes after them is only counted */

struct used {
	int64_t input, read, write_5m, write_1h; /* each token is of one kind */
	int64_t output, searches;
};

struct charge {
	uint64_t n;    /* of the request's record; 0: none was kept */
	int64_t at_ms; /* CLOCK_REALTIME when the request came */
	char *model;
	struct used used; /* of an answer that was cut: what was made until then */
	bool streamed;
	bool told;        /* the usage went out whole */
	bool finished;    /* so did the answer */
	bool hides_reads; /* reads were counted as plain input in what was told */
};

struct bill {
	struct charge *list;
	size_t len, room;
	uint64_t lost; /* beyond CHARGES_MAX */
};

/* In nano-dollars; -1: the list has no such model. */
int64_t bill_cost(const char *model, int64_t at_ms, const struct used *used);

/* Adds a copy, with a model of its own. */
void bill_add(struct bill *b, const struct charge *c);

void bill_clear(struct bill *b);

/* Appends the charges as JSON objects, each with a comma behind it. */
void bill_json(const struct bill *b, const char *provider, struct buf *out);

#endif

/* SPDX-License-Identifier: MIT */
/* The inside of struct state, for state.c and state_*.c. */
#ifndef STATE_INSIDE_H
#define STATE_INSIDE_H

#include "state/queue.h"
#include "state/record.h"

struct state {
	struct state_map map;
	struct state_queue queue;
	uint64_t owner;       /* of our process slot */
	uint32_t claims;      /* that we ever made in budgets, from a random number on, */
	uint32_t open_claims; /* and those that we hold */
	uint8_t key[DIGEST_KEY_SIZE];
	struct digester *digester; /* of it */
};

/* Makes what any program may have written into a record fit to be used: texts end, numbers are
 * valid. */
void state_make_sane(struct health *health);

/* The file that all processes share; NULL: there is none, or it cannot be written. */
struct state_image *state_shared_image(const struct state *state);

/* Copies up to max records of a table, one after the other, those whose first word is first (0:
 * any); returns how many. */
size_t state_read_table(const struct state *state, const struct state_table *table, uint64_t first,
			void *out, size_t max);

/* What the process slot tells of our reservations: state_process.claims. */
uint64_t state_claims(const struct state *state);

#endif

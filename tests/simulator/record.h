/* SPDX-License-Identifier: MIT */
/* record - what arrived at a provider, and what became of it.
 *
 * A record is shared by the ring that keeps it and the answer that is still
 * being written: record_hold()/record_drop() count. A ring belongs to one provider. */
#ifndef SIM_RECORD_H
#define SIM_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "http.h"

#define RECORDS_KEPT    ((size_t)2000)
#define RECORD_BODY_MAX ((size_t)1 << 20)

struct record {
	int refs;
	uint64_t n; /* over all providers, from 1 since the last reset */
	const char *provider;
	char *method, *target;
	struct buf headers; /* a JSON array of pairs, in the order received */
	struct buf body;    /* its first megabyte */
	size_t body_bytes;  /* of the whole */
	char sha256[65];
	int64_t at_ms; /* CLOCK_REALTIME */
	uint64_t connection;
	bool tls;
	struct buf problems; /* JSON strings, comma between */
	bool leak;
	char *
	    refused; /* what the provider's own checks objected to, also when a fault answered instead */
	const char *fault;
	int status;      /* 0: no head was sent */
	uint64_t bytes;  /* of the answer, head and framing included */
	uint64_t events; /* SSE events written whole */
	bool finished;   /* the whole answer was written */
	bool aborted;    /* the peer left first */
	bool ended;      /* finished, aborted, or cut by a fault */
};

struct ring {
	struct record *kept[RECORDS_KEPT];
	size_t first, len;
	uint64_t arrived; /* since the last clear, kept or not */
	uint64_t ended;
};

struct record *record_new(const struct request *r,
			  const char *provider); /* one reference, the caller's */
struct record *record_hold(struct record *r);
void record_drop(struct record *r); /* NULL is fine */

void ring_add(struct ring *g, struct record *r); /* takes a reference of its own */
void ring_clear(struct ring *g);
struct record *ring_at(const struct ring *g, size_t i); /* oldest first */

/* Appends the record as a JSON object; without its body when the caller only counts. */
void record_json(const struct record *r, bool with_body, struct buf *out);

#endif

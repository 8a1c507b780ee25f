/* SPDX-License-Identifier: MIT */
/* What is known about a request when it is over: one record, from which the line in the log
 * and the counters are made (BEHAVIOUR 10); and about each attempt that may have been billed, for
 * the ledger. Borrows everything. One thread. */
#ifndef ROUTE_RECORD_H
#define ROUTE_RECORD_H

#include "client/request.h"
#include "config/credential.h"
#include "dialect/stream.h"
#include "dialect/usage.h"
#include "money/ledger.h"
#include "money/price.h"
#include "state/state.h"

enum { STATUS_ABORTED = 499 }; /* nginx's status for a client that disconnected */

struct request_record {
	const struct request *request;
	const struct provider *provider; /* of the last attempt; NULL: there was none */
	bool replied_by_us;              /* the reply is not a provider's response */
	bool is_billed;                  /* the attempt costs the operator money */
	const char *sent_model;          /* "": as the client wrote it */
	const char *skipped;       /* a preferred provider that was skipped, and why; "": none */
	const char *attempts;      /* all of them, as steps_note() writes them */
	int status;                /* as the client got it, or STATUS_ABORTED */
	uint64_t bytes;            /* of the reply's body */
	int64_t first_ms;          /* to the reply's first byte; -1: there was none */
	int64_t provider_first_ms; /* the same, since the last attempt began */
	int64_t ms;                /* the whole request */
	struct usage usage;
	enum mend mend;
	bool is_cut;    /* the provider broke its stream off; mend is how it was ended */
	uint32_t drill; /* the id of the drill that covered it; 0: none */
};

/* An attempt whose response began with a 2xx; or, without a provider, a request that none took. */
struct attempt_record {
	const struct request *request;
	const struct provider *provider;     /* NULL: none took the request */
	unsigned number;                     /* of the attempt, from 1 on */
	uint64_t session;                    /* its key; 0: none */
	const struct credential *credential; /* NULL without a provider */
	const char *model;                   /* as it was sent */
	int status;
	const char *ending;    /* "ok", "cut", "aborted", "skipped", "refused", "cache" */
	int64_t began_ms;      /* wall clock */
	int64_t first_byte_ms; /* since then; -1: none came */
	int64_t ms;
	struct usage usage;
	bool estimated;    /* the usage */
	bool is_free;      /* an error instead of a message, without usage */
	bool asked_for_1h; /* a cache of an hour: target_asks_for_1h() */
};

/* Writes the line in the log. */
void record_log(const struct request_record *record);

/* What it has cost, and by which model's price: the one that answered, unless only the one that was
 * sent has a price. Borrows the record. prices may be NULL. Pure. */
struct cost record_cost(const struct attempt_record *record, const struct prices *prices);

/* Puts it into the ledger. Never waits. cost: NULL without a provider; ledger may be NULL. */
void record_attempt(const struct attempt_record *record, const struct cost *cost,
		    struct ledger *ledger);

/* Counts what it used and cost. */
void record_count_usage(const struct attempt_record *record, const struct cost *cost,
			struct state *state);

/* Counts it; for requests for a message only. */
void record_count(const struct request_record *record, struct state *state);

#endif

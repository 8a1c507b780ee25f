/* SPDX-License-Identifier: MIT */
/* What is known of a request when it is over: one record, from which the log's line and
 * the counters are made (BEHAVIOUR 10). Borrows everything. One thread. */
#ifndef ROUTE_RECORD_H
#define ROUTE_RECORD_H

#include "client/request.h"
#include "dialect/stream.h"
#include "dialect/usage.h"
#include "state/state.h"

enum { STATUS_ABORTED = 499 }; /* nginx's status for a client that went away */

struct request_record {
	const struct request *request;
	const struct provider *provider; /* the one that was asked last; NULL: none was */
	bool replied_by_us;              /* the reply is none of a provider's */
	bool stored;                     /* its credential is a stored one */
	const char *sent_model;          /* "" : as asked */
	const char *skipped;             /* who was preferred and not asked, and why; "" : nobody */
	const char *attempts;            /* all of them, as steps_note() writes them */
	int status;                      /* as the client saw it, or STATUS_ABORTED */
	uint64_t bytes;                  /* of the reply's body */
	int64_t first_ms;                /* to the reply's first byte; -1: there was none */
	int64_t provider_first_ms;       /* the same since the provider was asked */
	int64_t ms;                      /* all of it */
	struct usage usage;
	enum mend mend;
	bool is_cut; /* the provider broke its stream off, and mend says what was done */
};

/* One line in the log. */
void record_log(const struct request_record *record);

/* Counts a request for a message. */
void record_count(const struct request_record *record, struct state *state);

#endif

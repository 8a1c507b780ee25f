/* SPDX-License-Identifier: MIT */
/* The candidate that a request is sent to, and how it is asked: by which of the model's
 * names, in which form. Belongs to its exchange. Reads and writes what the state has
 * learned; no other I/O. One thread. */
#ifndef ROUTE_TARGET_H
#define ROUTE_TARGET_H

#include "client/request.h"
#include "route/candidates.h"
#include "route/lease.h"
#include "route/verdict.h"
#include "json/end.h"

/* All zero: nobody was asked yet. */
struct target {
	const struct provider *provider;
	unsigned index;               /* its view's */
	struct credential credential; /* borrowed from the request or the tokens */
	struct health_key key;        /* of the account */
	uint64_t own;       /* key.account, if the credential is the client's own; else 0 */
	struct lease lease; /* of its probe, if it is one */
	bool others_ready;  /* somebody else could answer */
	size_t first_name;  /* place of the name to ask for first (learned.h), */
	size_t successor;   /* how many names after it were refused */
	unsigned quirks;    /* enum quirk, or'ed */
	unsigned retries;
	char model[MODEL_NAME_MAX]; /* the name to send; "" : as asked */
	uint64_t family;            /* of that name: message_family_id() */
	int64_t began_ms;           /* the attempt, wall clock */
	int64_t start_ms;           /* the same, steady clock */
	int64_t bytes_ms;           /* its last bytes, steady clock */
	int64_t alive_ms;           /* its last bytes that were no pings, steady clock */
	int64_t failed_ms;          /* when its status was seen to be an error's; 0: it is none */
	struct json_end json;       /* of a JSON response */
};

/* Makes the candidate the target; its lease, which is taken before, stays. */
void target_set(struct target *target, const struct candidate *candidate, const struct state *state,
		const char *model);

/* The model's name by which the provider is asked. */
const char *target_model(const struct target *target, const struct request *request);

/* Decides on the name and the form, and writes the request's body in the provider's
 * dialect into out; nothing if it goes as it came. False: out of memory, or out is full. */
bool target_write_body(struct target *target, const struct state *state,
		       const struct request *request, struct buf *out);

/* Whether the verdict calls for the model's next name, or the error's text for another
 * form of the request, that was not tried yet: then target_write_body() uses it. */
bool target_try_another(struct target *target, const struct request *request,
			const struct verdict *verdict, const char *error);

/* Remembers the name and the form that worked. */
void target_worked(const struct target *target, struct state *state, const struct request *request);

#endif

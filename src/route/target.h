/* SPDX-License-Identifier: MIT */
/* The candidate of the current attempt, and how the request is written for it: with which name of
 * the model, in which form. Owned by its exchange. Reads and writes the learned facts in the
 * state; no other I/O. One thread. */
#ifndef ROUTE_TARGET_H
#define ROUTE_TARGET_H

#include "client/request.h"
#include "route/candidates.h"
#include "route/lease.h"
#include "route/verdict.h"
#include "json/end.h"

/* All zero: there was no attempt yet. */
struct target {
	const struct provider *provider;
	unsigned index;               /* of its view */
	uint64_t pool;                /* of its view */
	struct credential credential; /* borrowed from the request or the tokens */
	struct health_key key;        /* of the account */
	uint64_t own_account; /* key.account, if the credential is the client's own; else 0 */
	struct lease lease;   /* held if this is a probe */
	bool others_ready;    /* another provider is available */
	bool siblings_ready;  /* another credential of this provider is available */
	size_t first_name;    /* index of the name to try first (learned.h), */
	size_t successor;     /* how many names, from that one on, were rejected */
	unsigned quirks;      /* enum quirk, or'ed */
	unsigned retries;
	unsigned part_asks;         /* how often a larger part of a cap was asked for */
	char model[MODEL_NAME_MAX]; /* the name to send; "": as the client wrote it */
	uint64_t family;            /* of that name: message_family_id() */
	int64_t began_ms;           /* when the attempt began, wall clock */
	int64_t start_ms;           /* the same, steady clock */
	int64_t bytes_ms;           /* when its last bytes arrived, steady clock */
	int64_t alive_ms;     /* when its last event that was not a ping arrived, steady clock */
	int64_t failed_ms;    /* when an error's status arrived; 0: none has */
	struct json_end json; /* finds the end of a JSON response */
};

/* Makes the candidate the target; keeps the lease, which is taken before. */
void target_set(struct target *target, const struct candidate *candidate, const struct state *state,
		const char *model);

/* Whether it is one of several stored credentials of its provider. */
bool target_is_pooled(const struct target *target);

/* The model's name as it is sent. */
const char *target_model(const struct target *target, const struct request *request);

/* Whether the provider is asked to keep its cache for an hour. */
bool target_asks_for_1h(const struct target *target, const struct request *request);

/* Chooses the name and the form to send. */
void target_choose_model(struct target *target, const struct state *state,
			 const struct request *request);

/* Chooses them, and writes the request's body in the provider's dialect to out;
 * empty if it is sent as it came. False: out of memory, or out is full. */
bool target_write_body(struct target *target, const struct state *state,
		       const struct request *request, struct buf *out);

/* Moves on to the model's next name, or by the error's text to another form of the request, for
 * target_write_body(). False: the verdict does not call for it, or it was tried already. */
bool target_try_another(struct target *target, const struct request *request,
			const struct verdict *verdict, const char *error);

/* Remembers the name and the form that worked. */
void target_worked(const struct target *target, struct state *state, const struct request *request);

#endif

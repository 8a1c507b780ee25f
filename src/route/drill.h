/* SPDX-License-Identifier: MIT */
/* The drill: a few requests of one conversation are answered as if their provider had reached its
 * limit, was down, …; what follows is real, and changes nothing for anybody else (BEHAVIOUR.md 13).
 *
 * Pure; owns nothing. Thread-safe. */
#ifndef ROUTE_DRILL_H
#define ROUTE_DRILL_H

#include "base/buf.h"
#include "state/state.h"
#include "upstream/response.h"

/* "limit", "busy", "down", "refused", "cut". */
const char *drill_kind_name(enum drill_kind kind);

/* The kind with that name; false: there is none. */
bool drill_kind_find(const char *name, enum drill_kind *kind);

/* Writes the name of a scope, for state_name(): of the conversation with that id and its sub-
 * agents, or of a client key. Cut to size; returns text. */
#define DRILL_SCOPE_SIZE 192
const char *drill_session_scope(const char *session, char text[static DRILL_SCOPE_SIZE]);
const char *drill_client_scope(const char *client, char text[static DRILL_SCOPE_SIZE]);

/* Whose request it is. */
struct drill_request {
	uint64_t session;  /* state_name() of its scope; 0: it names no conversation */
	uint64_t client;   /* the same of its client key; 0: it has none */
	bool is_user_turn; /* a message, not in a tool loop, no side call */
	bool is_message;   /* a message that is no side call */
	bool streams;
	bool claude_code;
};

/* Whether the drill covers the request. One without a scope covers none, but may begin with it. */
bool drill_covers(const struct drill *drill, const struct drill_request *request);

/* Whether it becomes the drill's, which has no scope yet: the next conversation whose user speaks.
 * */
bool drill_may_begin_with(const struct drill *drill, const struct drill_request *request);

/* The attempt that is about to be made. */
struct drill_attempt {
	uint64_t provider;
	bool stored;       /* its credential is a stored one */
	bool is_paused;    /* its provider is really paused: this would be a probe */
	bool others_ready; /* another provider can be tried */
};

/* Whether a drill that covers the request answers the attempt: never in place of the last provider,
 * nor of a probe; no rejection of a client's own credential, which the client would see; and no
 * broken stream that the client could not continue from (BEHAVIOUR.md 6). */
bool drill_answers(const struct drill *drill, const struct drill_request *request,
		   const struct drill_attempt *attempt);

/* How the drill has left its provider for those that it covers: paused, then due for a probe;
 * zeros: ready. */
struct health drill_health(const struct drill *drill);

/* What the provider would have sent. */
struct drill_response {
	enum ending ending;
	struct buf head; /* header lines; empty: no response came */
	struct buf body;
};

/* The form in which the provider responds. */
struct drill_form {
	bool reports_quota;      /* dialect->reports_quota */
	const char *first_words; /* dialect->first_words */
	bool streams;            /* a stream was asked for */
	int64_t now_ms;
};

/* Writes the response of the drill's kind. False: out of memory; it is to be freed all the same. */
bool drill_respond(const struct drill *drill, const struct drill_form *form,
		   struct drill_response *out);
void drill_response_fini(struct drill_response *response);

#endif

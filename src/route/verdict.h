/* SPDX-License-Identifier: MIT */
/* What a provider's response means: BEHAVIOUR.md 4 as one table, in verdict.c. Pure; thread-safe.
 * Texts and headers: PROTOCOLS.md 1 to 4. */
#ifndef ROUTE_VERDICT_H
#define ROUTE_VERDICT_H

#include "base/headers.h"
#include "dialect/usage.h"
#include "state/health.h"
#include "upstream/response.h"

/* What the client asked for. */
enum asked { ASKED_MESSAGE, ASKED_COUNT, ASKED_MODELS, ASKED_MODEL };

/* Everything that a verdict depends on. Borrowed. */
struct evidence {
	enum ending ending;
	const struct response *response;
	/* An error's body, a JSON response, or a stream's bytes before its content. */
	const char *body;
	size_t body_len;
	/* The client's body: what an error repeats from it does not count; NULL: none. */
	const char *request;
	size_t request_len;
	bool is_forgotten;             /* it was freed: any words may be the client's */
	const struct headers *headers; /* the client's, likewise; NULL: none */
	uint64_t family;               /* of the model's name that was sent; 0: none */
	enum asked asked;
	bool is_translated;    /* the body holds events, whatever came */
	bool wants_stream;     /* the client asked for a stream */
	bool content;          /* a stream's first content event has arrived */
	bool others_ready;     /* another candidate is available */
	bool is_authority;     /* its rejection of a request is final: dialect.h */
	bool stored;           /* the credential was a stored one, not the client's own */
	bool throttled_lately; /* another request got a bare 429 within the last minute */
	bool plan_limits_only; /* paid extra usage counts as the limit: BEHAVIOUR 5, Money */
	int64_t cooldown_ms;
	int64_t now_ms;
};

enum verdict_kind {
	VERDICT_PASS,      /* send it to the client */
	VERDICT_HOP,       /* next candidate; this provider stays available */
	VERDICT_COOL,      /* next candidate; this provider is paused */
	VERDICT_BENCH,     /* next candidate; this credential is rejected */
	VERDICT_SUCCESSOR, /* the model's next name, else hop */
};

/* For whom a pause holds. */
enum scope {
	SCOPE_ACCOUNT,
	SCOPE_FAMILY,    /* of the account: verdict.family */
	SCOPE_SPREADING, /* the account; everybody, if a second account fails within a minute */
	SCOPE_EVERYBODY,
};

struct verdict {
	enum verdict_kind kind;
	bool retry; /* first the same provider once more, if retries are left */
	/* Of COOL and BENCH; of a PASS, too, when paid usage counts as the limit. */
	enum pause_kind pause;
	enum scope scope; /* of the pause */
	uint64_t family;  /* of SCOPE_FAMILY: the one that the headers reject, else the one sent */
	int64_t until_ms; /* of the pause; ignored for PAUSE_SHORT */
	int status;       /* what it stands for: 529 for an overloaded_error in a 200 */
	struct usage usage;        /* what a JSON response says it used */
	bool throttled;            /* a bare 429: it names no limit and no time */
	const char *row;           /* the name of the table's row */
	char why[HEALTH_TEXT_MAX]; /* "429 unified five_hour" */
};

/* Judges a response. now_ms and the response's times are wall-clock. A five-hour window's pause is
 * limited to 6 h here; health_apply() limits all pauses to 8 days. */
struct verdict verdict_judge(const struct evidence *evidence);

/* Whether the response serves the request. */
static inline bool
verdict_is_success(const struct verdict *verdict)
{
	return verdict->kind == VERDICT_PASS && verdict->status >= 200 && verdict->status < 300;
}

/* Whether it may be about the credential that was used, so that another one at the same provider
 * may do better. */
bool verdict_is_about_credential(const struct verdict *verdict);

/* "pass", "hop", "cool", "bench", "successor". */
const char *verdict_name(enum verdict_kind kind);

/* The rows' names, in the table's order; NULL past the last. For tests. */
const char *verdict_row(size_t i);

#endif

/* SPDX-License-Identifier: MIT */
/* What a provider's answer means: BEHAVIOUR.md 4 as one table, in verdict.c.
 * Pure; thread-safe. Texts and headers: PROTOCOLS.md 1 to 4. */
#ifndef ROUTE_VERDICT_H
#define ROUTE_VERDICT_H

#include "base/headers.h"
#include "dialect/usage.h"
#include "state/health.h"
#include "upstream/response.h"

/* What was asked for. */
enum asked { ASKED_MESSAGE, ASKED_COUNT, ASKED_MODELS, ASKED_MODEL };

/* All that a judgement may look at. Borrowed. */
struct evidence {
	enum ending ending;
	const struct response *response;
	const char
	    *body; /* an error's body, a JSON response, a stream's bytes before its content */
	size_t body_len;
	const char *request; /* the client's body: what an error repeats of it is not the provider's
	                        word; NULL: none */
	size_t request_len;
	const struct headers *headers; /* the client's: the same; NULL: none */
	uint64_t family;               /* of the model's name that was sent; 0: none */
	enum asked asked;
	bool wants_stream;     /* the client asked for a stream */
	bool content;          /* a stream's first content event was seen */
	bool others_ready;     /* somebody else could answer */
	bool is_authority;     /* the provider's word on the request is final: dialect.h */
	bool stored;           /* the credential was a stored one, not the client's own */
	bool throttled_lately; /* a request ended in a bare 429 there within the last minute */
	bool plan_limits_only; /* paid extra usage counts as the limit: BEHAVIOUR 5, Money */
	int64_t cooldown_ms;
	int64_t now_ms;
};

enum verdict_kind {
	VERDICT_PASS,      /* give it to the client */
	VERDICT_HOP,       /* next provider; this one stays ready */
	VERDICT_COOL,      /* next provider; this one rests */
	VERDICT_BENCH,     /* next provider; this credential is refused */
	VERDICT_SUCCESSOR, /* the next name of the model, else hop */
};

enum scope {
	SCOPE_ACCOUNT,
	SCOPE_FAMILY,    /* of the account: verdict.family */
	SCOPE_SPREADING, /* the account; everybody, once a second account sees the same in a minute */
	SCOPE_EVERYBODY,
};

struct verdict {
	enum verdict_kind kind;
	bool retry; /* first ask the same provider again, if the budget allows */
	enum pause_kind
	    pause; /* of COOL and BENCH; of a PASS too, when paid usage counts as the limit */
	enum scope scope; /* of the rest */
	uint64_t family;  /* that rests: the one that the headers reject, else the one sent */
	int64_t until_ms; /* of the rest; ignored for PAUSE_SHORT */
	int status; /* the HTTP status that it stands for: 529 for an overloaded_error in a 200 */
	struct usage usage;        /* what a JSON response says it used */
	bool throttled;            /* a 429 that said nothing else */
	const char *row;           /* the name of the table's row */
	char why[HEALTH_TEXT_MAX]; /* "429 unified five_hour" */
};

/* Judges. now_ms and the answer's times are wall-clock. A rest's clamp to 8
 * days is health_apply()'s; that of a five-hour window to 6 h is done here. */
struct verdict verdict_judge(const struct evidence *evidence);

/* "pass", "hop", "cool", "bench", "successor"; "retry" where verdict.retry. */
const char *verdict_name(enum verdict_kind kind);

/* The rows' names, in the table's order; NULL past the last. For tests and documentation. */
const char *verdict_row(size_t i);

#endif

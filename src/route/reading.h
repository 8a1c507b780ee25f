/* SPDX-License-Identifier: MIT */
/* Parses a provider's response for verdict.c: the error's type, code and message, whether it
 * contains what was asked for, how a stream without content ended. Pure; thread-safe. For
 * verdict.c only. Forms: PROTOCOLS.md 1 "Errors", 2, 3. */
#ifndef ROUTE_READING_H
#define ROUTE_READING_H

#include "base/caps.h"
#include "route/verdict.h"

struct reading {
	const struct evidence *evidence;
	const struct response *response;
	enum ending ending; /* ENDING_WHOLE also when enough has arrived to judge by */
	int status;         /* of the head, or what the error in a 2xx stands for */
	int64_t number;     /* a code that is a number; 0: none */
	bool error;         /* the body is an error of a known shape */
	bool anthropic;     /* … of Anthropic's own: "type":"error" around it, or a request-id */
	bool has_result;    /* the body contains what was asked for */
	bool blocks;        /* … with at least one content block that is not blank */
	bool wrong_format;  /* it contains that, but as a stream instead of JSON, or vice versa */
	bool ended;         /* it has a stop_reason, and a stream its message_stop */
	bool end_turn;      /* … which is end_turn */
	struct usage usage; /* of a JSON response */
	char type[READING_WORD_MAX]; /* error.type, lower case */
	char code[READING_WORD_MAX]; /* error.code or error.details.error_code, lower case */
	/* error.message, else a body that is not JSON; lower case. */
	char message[READING_TEXT_MAX];
};

/* Borrows the evidence, also in the result. */
struct reading reading_of(const struct evidence *evidence);

/* Whether the beginning of the provider's message contains these words (lower case), and the
 * request does not: a client's words pause nothing (BEHAVIOUR 4). */
bool reading_mentions(const struct reading *r, const char *words);

/* Whether it contains both, in any order, and the request does not contain that part of it. */
bool reading_mentions_both(const struct reading *r, const char *one, const char *other);

/* Whether n bytes of the message, lower case, are the provider's own: the request does not contain
 * them. */
bool reading_is_own(const struct reading *r, const char *text, size_t n);

/* Whether the type or the code is, or contains, a word. */
bool reading_is(const struct reading *r, const char *word);
bool reading_contains(const struct reading *r, const char *part);

#endif

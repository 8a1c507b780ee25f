/* SPDX-License-Identifier: MIT */
/* What a provider's answer says, read for verdict.c: the error's own words, whether there is an
 * answer in it, how a stream without content ended. Pure; thread-safe. Between verdict.c and
 * reading.c only. Forms: PROTOCOLS.md 1 "Errors", 2, 3. */
#ifndef ROUTE_READING_H
#define ROUTE_READING_H

#include "route/verdict.h"

#define READING_WORD_MAX 64  /* of a type or code */
#define READING_TEXT_MAX 512 /* of a message: its beginning, where the provider speaks */

struct reading {
	const struct evidence *e;
	const struct response *a;
	enum ending ending; /* whole also where enough arrived to judge by */
	int status;         /* as told, or as the error in a 2xx stands for */
	int64_t number;     /* a code that is a number; 0: none */
	bool error;         /* the body is an error of a known shape */
	bool anthropic;     /* … of Anthropic's own: "type":"error" around it, or a request-id */
	bool answered;      /* the body is an answer of the kind that was asked for */
	bool blocks;        /* … with at least one content block that says something */
	bool other_form; /* it is a response, but a stream instead of JSON or the other way round */
	bool ended;      /* it has a stop_reason, and a stream its message_stop */
	bool end_turn;   /* … which is end_turn */
	struct usage usage;             /* of a JSON response */
	char type[READING_WORD_MAX];    /* error.type, lower case */
	char code[READING_WORD_MAX];    /* error.code or error.details.error_code, lower case */
	char message[READING_TEXT_MAX]; /* error.message, else what is no JSON; lower case */
};

struct reading reading_of(const struct evidence *evidence);

/* Whether the provider says this (lower case) at the beginning of its message, and does not
 * repeat it from the request: a client's words rest nobody (BEHAVIOUR 4). */
bool reading_says(const struct reading *r, const char *words);

/* Whether it says both, in any order, in words that the request does not hold. */
bool reading_says_both(const struct reading *r, const char *one, const char *other);

/* Whether a time or number of the message is the provider's own, too. */
bool reading_owns(const struct reading *r, const char *text, size_t n);

/* Whether the type or the code is, or holds, a word. */
bool reading_is(const struct reading *r, const char *word);
bool reading_holds(const struct reading *r, const char *part);

#endif

/* SPDX-License-Identifier: MIT */
/* What both of OpenAI's APIs, Chat Completions and Responses, write alike, read in place: texts,
 * usage, errors (PROTOCOLS.md 8, 10). All of it borrows the text. Pure; thread-safe. */
#ifndef DIALECT_OPENAI_READ_H
#define DIALECT_OPENAI_READ_H

#include "dialect/translation.h"
#include "json/scan.h"

/* Takes a string; anything else is none. */
void openai_read_text(struct scan *s, struct json_text *text);

/* Takes any value, as JSON. */
struct json_text openai_read_value(struct scan *s);

bool openai_is_word(struct json_text text, const char *word);

/* Takes a usage, in Anthropic's sense: input without what a cache had. False: there is none. */
bool openai_read_usage(struct scan *s, struct usage *usage);

/* A number that differs from message to message, for ids that the provider left out. A server may
 * name neither id nor time; but input_tokens, an estimate, grow with the conversation. */
uint64_t openai_seed(struct json_text id, int64_t created, int64_t input_tokens);

struct openai_failure {
	bool is_error;            /* it stands in place of content, or says that it is one */
	struct json_text type;    /* of the error, … */
	struct json_text code;    /* … as JSON: a word or a number … */
	struct json_text message; /* … and its sentence */
};

/* Takes an error: an object, or a sentence; null is none. And one of its members. */
void openai_read_failure(struct scan *s, struct openai_failure *failure);
void openai_read_failure_member(struct scan *s, struct span key, struct openai_failure *failure);

/* The error type that Anthropic has for it: a literal. openai_error.c, and the next two. */
const char *openai_error_type(const struct openai_failure *failure);

/* Appends its sentence, in the words that clients know where they look for words. */
bool openai_error_message(const struct openai_failure *failure, struct buf *out);

/* Ends a stream with it. */
bool openai_fail(struct translation *t, const struct openai_failure *failure, struct buf *out);

#endif

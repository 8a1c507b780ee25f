/* SPDX-License-Identifier: MIT */
/* sse - a "model's" message as server-sent events, one at a time, or as one JSON text.
 *
 * Shapes: PROTOCOLS.md §1. struct say owns its strings; say_free() frees them. */
#ifndef SIM_SSE_H
#define SIM_SSE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "compat.h"
#include "habits.h"

/* Places in an answer where a fault can strike, in the order they are reached. */
enum place {
	PLACE_NONE,
	PLACE_START,         /* before the first byte */
	PLACE_HALF_HEAD,     /* in the middle of the head */
	PLACE_HEAD,          /* after the head */
	PLACE_MESSAGE_START, /* after that event; the same for what follows */
	PLACE_PING,
	PLACE_THINKING_START, /* content_block_start of the first thinking block */
	PLACE_THINKING,       /* its first thinking_delta */
	PLACE_THINKING_END,   /* its content_block_stop */
	PLACE_TEXT_START,
	PLACE_TEXT,
	PLACE_TEXT_END,
	PLACE_TOOL_START,
	PLACE_TOOL, /* the first input_json_delta that is not empty */
	PLACE_TOOL_END,
	PLACE_MESSAGE_DELTA, /* Chat Completions: finish_reason */
	PLACE_USAGE,         /* Chat Completions: the chunk of its own */
	PLACE_END,           /* after the last body byte, before the end of the transfer */
	PLACE_BYTES          /* after so many body bytes */
};

enum place place_named(const char *name); /* PLACE_NONE for an unknown one */
const char *place_name(enum place at);
void place_list(struct buf *out); /* all names, comma between, for messages */

/* Anthropic's Messages, Chat Completions (chat.h), OpenAI's Responses (responses.h). */
enum form { FORM_MESSAGES, FORM_CHAT, FORM_RESPONSES };

#define CALLS_MAX 8

struct call {
	char *id, *name, *input; /* input: a JSON object as text */
};

struct say {
	char *id, *model;
	char *thinking, *signature; /* NULL: none */
	char *text;                 /* NULL: none */
	long words;                 /* > 0: so many words instead of text */
	unsigned pace_ms; /* > 0: each word so much later than the one before, with its time */
	char *search_id, *search_content; /* a web search of the provider's own; NULL: none */
	struct call calls[CALLS_MAX];
	size_t calls_len;
	const char *stop_reason;
	size_t input_tokens,
	    output_tokens; /* input: neither read from a cache nor written to one */
	size_t cache_read, cache_5m, cache_1h;
	enum telling telling;
	enum form form; /* OpenAI's two alone have what follows */
	struct compat compat;
	int64_t created;  /* epoch seconds */
	bool wants_usage; /* in a stream */
	bool refuses;     /* the text is a refusal */
	bool hides;       /* Responses: no summary of its thinking is shown */
	bool empty;       /* message_start … message_stop without content */
	int64_t sleep_ms; /* before the first byte */
};

/* A stop reason's constant; that of end_turn for a name that is not known. */
const char *say_stop_reason(const char *name);

void say_free(struct say *s); /* frees the struct too; NULL is fine */

struct stream {
	struct say *say; /* owned */
	int step, index;
	size_t at, call;
	long word;
	bool told;                        /* the usage was in an event */
	size_t started, given[CALLS_MAX]; /* chat.c: calls begun; bytes of their arguments */
	long sequence;                    /* responses.c: events so far */
};

/* Appends the next event; false when message_stop was the last one. *place says what was reached. */
bool stream_next(struct stream *s, struct buf *out, enum place *place);

bool stream_over(const struct stream *s); /* message_stop was the last event */

void say_json(const struct say *s, struct buf *out); /* the non-streamed message */

/* For chat.c and responses.c, too: the length of the next piece of a text from `at` on, a word with its space; and the
 * next of say->words, its length. */
#define STREAM_WORD_MAX 64
size_t stream_piece(const char *text, size_t at);
size_t stream_word(struct stream *s, char text[static STREAM_WORD_MAX]);

#endif

/* SPDX-License-Identifier: MIT */
/* sse - a "model's" message as server-sent events, one at a time, or as one JSON text.
 *
 * Shapes: PROTOCOLS.md §1. struct say owns its strings; say_free() frees them. */
#ifndef SIM_SSE_H
#define SIM_SSE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

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
	PLACE_MESSAGE_DELTA,
	PLACE_END,  /* after the last body byte, before the end of the transfer */
	PLACE_BYTES /* after so many body bytes */
};

enum place place_named(const char *name); /* PLACE_NONE for an unknown one */
const char *place_name(enum place at);
void place_list(struct buf *out); /* all names, comma between, for messages */

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
	size_t input_tokens, output_tokens;
	bool empty;       /* message_start … message_stop without content */
	int64_t sleep_ms; /* before the first byte */
};

void say_free(struct say *s); /* frees the struct too; NULL is fine */

struct stream {
	struct say *say; /* owned */
	int step, index;
	size_t at, call;
	long word;
};

/* Appends the next event; false when message_stop was the last one. *place says what was reached. */
bool stream_next(struct stream *s, struct buf *out, enum place *place);

bool stream_over(const struct stream *s); /* message_stop was the last event */

void say_json(const struct say *s, struct buf *out); /* the non-streamed message */

#endif

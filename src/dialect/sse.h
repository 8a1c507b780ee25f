/* SPDX-License-Identifier: MIT */
/* Server-sent events, parsed one by one from bytes that may be split anywhere (PROTOCOLS.md 1, SSE;
 * the format: WHATWG HTML, "Server-sent events"). Pure; one parser for each stream. */
#ifndef DIALECT_SSE_H
#define DIALECT_SSE_H

#include "base/buf.h"

enum sse_kind {
	SSE_OTHER, /* unknown events, comments alone, data without a type */
	SSE_PING,
	SSE_MESSAGE_START,
	SSE_BLOCK_START,
	SSE_BLOCK_DELTA,
	SSE_BLOCK_STOP,
	SSE_MESSAGE_DELTA,
	SSE_MESSAGE_STOP,
	SSE_ERROR,
};

struct sse_event {
	enum sse_kind kind; /* by the event's name, else by its data's "type", unless named_only */
	const char *raw;    /* the event as it came, with its blank line */
	size_t raw_len;
	const char *data; /* the data, lines joined by \n; "" when there is none */
	size_t data_len;
};

struct sse {
	size_t scanned;  /* bytes of the unfinished event that were scanned */
	bool named_only; /* set by the owner: the data of an event without a name is not read */
	bool begun;      /* an event was parsed: no byte order mark from now on */
	struct buf data; /* joins data lines, when there are several */
};

void sse_init(struct sse *s);
void sse_fini(struct sse *s);

enum sse_result {
	SSE_MORE,    /* no whole event yet: call again with more bytes appended */
	SSE_EVENT,   /* *event is filled; its pointers live until the bytes or s change */
	SSE_TOO_BIG, /* the event is larger than SSE_EVENT_MAX, or out of memory */
};

/* Parses the next event at the beginning of bytes. After SSE_EVENT the caller drops event->raw_len
 * bytes; after SSE_MORE it calls again with the same bytes and more. Any splitting gives the same
 * events; LF, CRLF and CR end lines (a CR at the very end waits for the next byte); a byte order
 * mark at the start of the stream is part of the first event. Time is linear in the bytes, even
 * when they come one by one. */
enum sse_result sse_next(struct sse *s, const char *bytes, size_t n, struct sse_event *event);

#endif

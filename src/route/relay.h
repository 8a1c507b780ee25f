/* SPDX-License-Identifier: MIT */
/* A provider's stream on its way to the client: split into events, marked by
 * the provider's dialect, noted as the client will see it, held until its first content, then
 * passed on event by event (BEHAVIOUR.md 6). verdict.c reads once more what is held here: it
 * judges without a relay. Judges nothing.
 *
 * The start of a later text or tool block waits for the event behind it, so that a provider
 * that dies in between leaves no empty block, which Claude would refuse in a history.
 *
 * Belongs to its exchange. One thread. */
#ifndef ROUTE_RELAY_H
#define ROUTE_RELAY_H

#include "client/reply.h"
#include "dialect/dialect.h"
#include "dialect/stream.h"

struct relay {
	const struct dialect *dialect;
	struct origin origin;
	struct sse sse;
	struct stream stream;
	struct buf seen; /* what came before the content, as it came: evidence */
	struct buf held; /* the same, as the client shall see it; later, a block's start */
	bool start_held; /* the gate is open, and held is such a start … */
	struct stream before_start; /* … and this was the stream before it */
	struct buf error;           /* the error event that came instead of more content */
	struct buf error_data;      /* the data of an error event */
	bool is_alive;              /* something but pings came; the owner resets it */
	struct reply *reply;        /* NULL: the gate is closed */
};

enum relay_result {
	RELAY_MORE,     /* nothing to decide yet */
	RELAY_CONTENT,  /* the first content event is there: judge, then relay_open() */
	RELAY_COMPLETE, /* message_stop has been passed on */
	RELAY_ENDED,    /* message_stop came without any content: judge, then relay_open() */
	RELAY_FAILED,   /* an error event: in seen (gate closed) or in error */
	RELAY_TOO_BIG,  /* an event, or what precedes the content, beyond its limit; or no memory */
};

void relay_init(struct relay *relay, const struct dialect *dialect, const char *provider);
void relay_fini(struct relay *relay);

/* Takes the whole events of bytes, which it drops from there. */
enum relay_result relay_events(struct relay *relay, struct buf *bytes);

/* Opens the gate: what was held goes to the client, and all that follows.
 * lines: the head's. */
void relay_open(struct relay *relay, struct reply *reply, const char *lines);

/* The provider has died: a start that is held was never sent. To be called before the stream is
 * mended. */
void relay_drop_start(struct relay *relay);

#endif

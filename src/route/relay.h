/* SPDX-License-Identifier: MIT */
/* A provider's stream on its way to the client: split into events, translated or decoded by the
 * provider's dialect, followed as the client will see it, held until its first content, then
 * forwarded event by event (BEHAVIOUR.md 6). It judges nothing; verdict.c, which is pure and works
 * without a relay, parses the events before the content once more.
 *
 * The start of a later text or tool block is held until the next event, so that a provider that
 * breaks off in between leaves no empty block, which Claude would reject in a history.
 *
 * Owned by its exchange. One thread. */
#ifndef ROUTE_RELAY_H
#define ROUTE_RELAY_H

#include "client/reply.h"
#include "dialect/dialect.h"
#include "dialect/stream.h"

struct relay {
	const struct dialect *dialect;
	struct origin origin;
	struct sse sse; /* of the provider's bytes */
	/* Of a dialect that translates: its state, the events that it made of the last one, and
	 * their parser. From there on they are handled like those of a provider that needs none.
	 * NULL: it does not, or out of memory. */
	struct translation *translation;
	struct buf translated;
	struct sse translated_sse;
	struct stream stream;
	struct buf seen; /* the events before the content as they came, or were translated, for
			    the verdict */
	struct buf held; /* the same, decoded for the client; later, a block's start */
	struct stream *before_start; /* the gate is open, held is such a start, and this was stream
					before it; NULL: held is none */
	struct buf error;            /* an error event that came after content */
	struct buf error_data;       /* the data of an error event */
	bool is_alive;               /* an event that is not a ping came; reset by the owner */
	struct reply *reply;         /* NULL: the gate is closed */
};

enum relay_result {
	RELAY_MORE,     /* needs more bytes */
	RELAY_CONTENT,  /* the first content event came: judge, then relay_open() */
	RELAY_COMPLETE, /* message_stop was forwarded */
	RELAY_ENDED,    /* message_stop came without any content: judge, then relay_open() */
	RELAY_FAILED,   /* an error event: in seen (gate closed) or in error */
	RELAY_TOO_BIG,  /* an event, or all before the content, is too large; or out of memory */
};

/* input_tokens: of the request, estimated, for a provider that does not report them. */
void relay_init(struct relay *relay, const struct dialect *dialect, const char *provider,
		int64_t input_tokens);
void relay_fini(struct relay *relay);

/* Processes the complete events in bytes, and removes them, until one needs a decision. */
enum relay_result relay_events(struct relay *relay, struct buf *bytes);

/* Processes a whole JSON response as the stream that the client asked for, where the dialect
 * translates. RELAY_MORE: it is no message and no error. */
enum relay_result relay_json(struct relay *relay, const struct buf *json);

/* The transfer has ended: processes what completes the message, if the provider left only its end
 * unsaid. RELAY_MORE: the message is not complete. To be called when relay_events() has returned
 * RELAY_MORE. */
enum relay_result relay_end(struct relay *relay);

/* Opens the gate: writes a head with these lines, what was held, and from now on all that
 * follows, to the reply, which is borrowed. */
void relay_open(struct relay *relay, struct reply *reply, const char *lines);

/* Drops a block's start that is held, and was never sent. To be called before a broken stream is
 * ended. */
void relay_drop_start(struct relay *relay);

#endif

/* A provider's stream on its way to the client: split into events, marked by
 * the provider's dialect, held until its first content, then passed on event by
 * event (BEHAVIOUR.md 6). Judges nothing.
 *
 * Belongs to its exchange. One thread. */
#ifndef RELAY_H
#define RELAY_H

#include "dialect.h"
#include "reply.h"
#include "stream.h"

struct relay {
	const struct dialect *dialect;
	struct relabel relabel;
	struct sse sse;
	struct stream stream;
	struct buf seen;       /* what came before the content, as it came: evidence */
	struct buf held;       /* the same, as the client shall see it */
	struct buf error;      /* the error event that came instead of more content */
	struct buf error_data; /* the data of an error event */
	bool life;             /* something but pings came; the owner resets it */
	struct reply *reply;   /* NULL: the gate is closed */
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
enum relay_result relay_take(struct relay *relay, struct buf *bytes);

/* Opens the gate: what was held goes to the client, and all that follows.
 * lines: the head's. */
void relay_open(struct relay *relay, struct reply *reply, const char *lines);

#endif

/* SPDX-License-Identifier: MIT */
/* The reply to a client: FastCGI records on its connection, written as fast as the client
 * reads them.
 *
 * A reply is owned by its connection (accept.h). disconnected(), received() and drained() are
 * called from the loop, never from inside a function of this header; after disconnected() or
 * reply_end() nothing more is written. Out of memory for a record: the connection is cut. One
 * thread. Records: the FastCGI specification 1.0, sections 3.3, 5.3, 5.5. */
#ifndef CLIENT_REPLY_H
#define CLIENT_REPLY_H

#include "base/buf.h"
#include "base/loop.h"

#include <json-c/json.h>

struct reply {
	struct loop *loop;
	struct watch watch;
	struct task flush;
	struct timer stalled; /* the client reads nothing */
	int64_t stalled_after_ms;
	struct buf out;
	size_t *unread;       /* bytes that wait for all clients of this process */
	const char *provider; /* whose response it is, for the head; "none": ours */
	unsigned attempts;    /* for the head */
	uint32_t drill;       /* the id of the drill that covers the request; 0: none */
	uint16_t request_id;
	int fd;
	bool ended;     /* the last record was written */
	bool no_body;   /* the method is HEAD */
	uint64_t bytes; /* of the body so far */
	/* The client disconnected, or was cut. */
	void (*disconnected)(struct reply *reply);
	/* Bytes that arrived after the request. */
	void (*received)(struct reply *reply, const char *bytes, size_t n);
	/* The client has read most of what was waiting; also when all is sent after reply_end(). */
	void (*drained)(struct reply *reply);
};

/* Takes ownership of fd. stalled_after_ms: how long a client may read nothing. unread: the sum of
 * bytes that wait in this process; a client whose reply would raise it above UNREAD_PROCESS_MAX is
 * cut, and large replies already below that by UNREAD_KEPT. */
void reply_init(struct reply *reply, struct loop *loop, int fd, int64_t stalled_after_ms,
		size_t *unread);

/* Watches the client from now on: disconnected() and received() may be called. False: out of
 * memory, or the kernel refused. */
bool reply_watch(struct reply *reply);

/* Removes everything from the loop and closes fd. */
void reply_fini(struct reply *reply);

/* The header line of an error that passes soon. */
#define REPLY_RETRY_LINE "retry-after: 2\r\n"

/* The header lines of a stream. Without the last, nginx buffers events: SERVERS.md. */
#define REPLY_STREAM_LINES                                                                         \
	"content-type: text/event-stream\r\ncache-control: no-cache\r\n"                           \
	"x-accel-buffering: no\r\n"

/* The head: the status, x-router-provider and x-router-attempts from the reply's members, and
 * lines, "name: value\r\n" each; "" for none. */
void reply_head(struct reply *reply, int status, const char *lines);

/* A part of the body. */
void reply_body(struct reply *reply, const char *bytes, size_t n);

/* Ends the connection without an end of the reply, so that it cannot be taken for complete. */
void reply_cut(struct reply *reply);

/* The end: END_REQUEST; the connection is closed when all is sent. */
void reply_end(struct reply *reply);

/* Bytes that wait for the client. */
size_t reply_backlog(const struct reply *reply);

/* A complete reply: head, body, end. */
void reply_whole(struct reply *reply, int status, const char *lines, const char *bytes, size_t n);

/* A complete reply of JSON; takes ownership of the object. NULL, or out of memory: a 503. */
void reply_json(struct reply *reply, int status, const char *lines, json_object *object);

/* An error of ours, in Anthropic's form (PROTOCOLS.md 1, Errors). */
void reply_error(struct reply *reply, int status, const char *lines, const char *type,
		 const char *message, const char *request_id);

#endif

/* SPDX-License-Identifier: MIT */
/* The way back to the client: FastCGI records on its connection, written as the
 * client takes them.
 *
 * A reply belongs to its connection (accept.h). gone() and drained() are called
 * from the loop, never from inside a function of this header; after gone() or
 * reply_end() nothing more is written. One thread. Records: the FastCGI
 * specification 1.0, sections 3.3, 5.3, 5.5. */
#ifndef CLIENT_REPLY_H
#define CLIENT_REPLY_H

#include "base/buf.h"
#include "base/loop.h"

#include <json-c/json.h>

struct reply {
	struct loop *loop;
	struct watch watch;
	struct task flush;
	struct timer stalled; /* a client that takes nothing */
	int64_t stalled_after_ms;
	struct buf out;
	size_t *unread;       /* bytes that wait for all clients of the process */
	const char *provider; /* who answers, for the head; "none" until somebody does */
	unsigned attempts;    /* for the head */
	uint16_t request_id;
	int fd;
	bool began;                        /* the head is written */
	bool ended;                        /* the last record is written */
	bool no_body;                      /* of a HEAD */
	uint64_t bytes;                    /* of the body */
	void (*gone)(struct reply *reply); /* the client left, or was ended */
	void (*told)(struct reply *reply, const char *bytes,
		     size_t n); /* what comes after the request */
	void (*drained)(
	    struct reply
		*reply); /* what waited was taken; also when all is sent after reply_end() */
};

/* Takes over fd. stalled_after_ms: how long a client may take nothing. unread:
 * the process' sum of bytes that wait, kept below UNREAD_PROCESS_MAX by ending
 * the client whose answer would pass it; large answers leave UNREAD_KEPT of it. */
void reply_init(struct reply *reply, struct loop *loop, int fd, int64_t stalled_after_ms,
		size_t *unread);

/* Watches the client from now on: gone() tells when it leaves. */
bool reply_watch(struct reply *reply);

/* Takes everything back from the loop and closes fd. */
void reply_fini(struct reply *reply);

/* The lines of a stream's head. nginx would gather events without the last: SERVERS.md. */
#define REPLY_STREAM_LINES                                                                         \
	"content-type: text/event-stream\r\ncache-control: no-cache\r\n"                           \
	"x-accel-buffering: no\r\n"

/* The head: a status, who answers (x-router-provider, x-router-attempts), and "name: value\r\n" lines ("" for none). */
void reply_head(struct reply *reply, int status, const char *lines);

/* Some of the body. */
void reply_body(struct reply *reply, const char *bytes, size_t n);

/* Ends the connection without an end of the answer: nobody may take it for whole. */
void reply_cut(struct reply *reply);

/* The end: END_REQUEST, then the connection closes once all is sent. */
void reply_end(struct reply *reply);

/* Bytes that wait for the client. */
size_t reply_backlog(const struct reply *reply);

/* A whole answer: head, body, end. */
void reply_whole(struct reply *reply, int status, const char *lines, const char *bytes, size_t n);

/* A whole answer of JSON; takes the object, which may be NULL when memory was short. */
void reply_json(struct reply *reply, int status, const char *lines, json_object *object);

/* An error of our own in Anthropic's shape (PROTOCOLS.md 1, Errors). */
void reply_error(struct reply *reply, int status, const char *lines, const char *type,
		 const char *message, const char *request_id);

#endif

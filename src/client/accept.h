/* SPDX-License-Identifier: MIT */
/* The way in: the listening socket, the records of a request, and libfcgi, which
 * parses its parameters. The loop never waits for a slow client (SERVERS.md,
 * "libfcgi": own accept, libfcgi only parses). One thread. */
#ifndef CLIENT_ACCEPT_H
#define CLIENT_ACCEPT_H

#include "app.h"
#include "client/reply.h"
#include "client/request.h"

struct acceptor;
struct exchange;
struct health_check;
struct self_test;

/* One client from accept to close. Belongs to the acceptor. */
struct client {
	struct app *app;
	struct request request;
	struct reply reply;
	struct exchange *exchange;  /* what answers it, of exchange.h; NULL: nothing */
	struct health_check *check; /* what answers it, of operator/health_check.h; NULL: nothing */
	struct self_test *self_test; /* what answers it, of operator/self_test.h; NULL: nothing */
};

/* What to do with a request: admit() says whether its body shall be read, status 0,
 * or what to answer instead; it is asked when all but the body is there. When it
 * has arrived whole, serve() answers by client->reply, now or later; left() is told that the client has gone, or has
 * got all of its answer: nothing of the client may be touched afterwards. */
struct handler {
	struct refusal (*admit)(struct client *client);
	void (*serve)(struct client *client);
	void (*drained)(struct client *client); /* the client took what waited for it */
	void (*left)(struct client *client);
};

/* Answers a request that nobody serves, with an error of our own, and logs it. */
void client_refuse(struct client *client, int status, const char *lines, const char *type,
		   const char *message);

/* Begins to accept at fd, which listens and is now the acceptor's. NULL and an
 * error text when the kernel or memory refuses. */
struct acceptor *acceptor_new(struct app *app, int fd, const struct handler *handler,
			      struct buf *error);

/* Stops to listen, so that web servers turn to somebody else at once; who was
 * accepted is served on. */
void acceptor_stop(struct acceptor *acceptor);

/* Frees it, and closes every client. NULL is fine. */
void acceptor_free(struct acceptor *acceptor);

#endif

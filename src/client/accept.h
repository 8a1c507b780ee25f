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

/* Whoever replies to a client later is told what becomes of it meanwhile. */
struct handler {
	void (*drained)(void *handling); /* the client took what waited for it; NULL: no matter */
	/* The client has gone, or has all of its reply: nothing of it may be touched
	 * afterwards. */
	void (*aborted)(void *handling);
};

/* One client from accept to close. Belongs to the acceptor. */
struct client {
	struct app *app;
	struct request request;
	struct reply reply;
	const struct handler *handler; /* NULL: nobody needs to know */
	void *handling;                /* the handler's own */
};

/* Answers a request that nobody serves, with an error of our own, and logs it. */
void client_refuse(struct client *client, int status, const char *lines, const char *type,
		   const char *message);

/* Begins to accept at fd, which listens and is now the acceptor's; requests go to the
 * routes, which are borrowed. NULL and an error text when the kernel or memory refuses. */
struct acceptor *acceptor_new(struct app *app, int fd, const struct routes *routes,
			      struct buf *error);

/* Stops to listen, so that web servers turn to somebody else at once; who was
 * accepted is served on. */
void acceptor_stop(struct acceptor *acceptor);

/* Frees it, and closes every client. NULL is fine. */
void acceptor_free(struct acceptor *acceptor);

#endif

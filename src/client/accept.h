/* SPDX-License-Identifier: MIT */
/* Clients' connections: accepts them, collects the FastCGI records of their requests, and
 * calls the route's function when a request is complete and admitted. The loop never waits
 * for a slow client (SERVERS.md, "libfcgi": own accept, libfcgi only parses). One thread. */
#ifndef CLIENT_ACCEPT_H
#define CLIENT_ACCEPT_H

#include "app.h"
#include "client/reply.h"
#include "client/request.h"

struct acceptor;

/* What happens to the client of a handler that replies later. Called from the loop. */
struct handler {
	/* The client has read what was waiting for it; NULL: of no interest. */
	void (*drained)(void *handling);
	/* The client disconnected, or its whole reply was sent: the handler must not use it
	 * any more. */
	void (*aborted)(void *handling);
};

/* One client from accept to close. Owned by the acceptor. */
struct client {
	struct app *app;
	struct request request;
	struct reply reply;
	const struct handler *handler; /* NULL: nothing to notify */
	void *handling;                /* passed to the handler; the handler's */
};

/* Replies with an error of ours to a request that no handler serves, and logs it.
 * lines: further header lines, each ending in "\r\n"; "" for none. */
void client_refuse(struct client *client, int status, const char *lines, const char *type,
		   const char *message);

/* Starts accepting at fd, a listening socket, which the acceptor then owns; borrows app and
 * routes. NULL and an error text: the kernel refused, or out of memory; fd is still the
 * caller's. */
struct acceptor *acceptor_new(struct app *app, int fd, const struct routes *routes,
			      struct buf *error);

/* Stops listening, so that web servers turn to another process at once; clients that have
 * connected are still served. */
void acceptor_stop(struct acceptor *acceptor);

/* Frees it, and closes every client. NULL is fine. */
void acceptor_free(struct acceptor *acceptor);

#endif

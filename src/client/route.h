/* SPDX-License-Identifier: MIT */
/* What can be asked for, by path and method (BEHAVIOUR.md 2). The table itself is
 * app/routes.c's, since it names the functions of higher rooms. Pure; thread-safe. */
#ifndef CLIENT_ROUTE_H
#define CLIENT_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

struct client;

enum route_id {
	ROUTE_NONE,
	ROUTE_MESSAGES,
	ROUTE_COUNT_TOKENS,
	ROUTE_MODELS,
	ROUTE_MODEL,
	ROUTE_OTHER, /* an operator's: only its function knows it */
};

enum route_access { ROUTE_ANYONE, ROUTE_CLIENTS, ROUTE_ADMIN };

struct route {
	const char *path;    /* ending in "/": a model's id follows */
	const char *methods; /* "POST", "GET, HEAD" */
	enum route_access access;
	enum route_id id;
	bool reserved; /* replied to at once: has places of its own beside max_streams */
	/* Replies to a request that was read whole and admitted, now or later
	 * (accept.h, struct handler). */
	void (*reply)(struct client *client);
};

/* Of a path that is none of ours. */
extern const struct route route_none;

struct routes {
	const struct route *list;
	size_t n;
};

/* The route of a path (no query, compared byte for byte, never decoded); route_none
 * if there is none. *argument: the {id} in the path; NULL: it has none. */
const struct route *route_find(const struct routes *routes, const char *path,
			       const char **argument);

/* Whether the route takes the method. */
bool route_allows(const struct route *route, const char *method);

#endif

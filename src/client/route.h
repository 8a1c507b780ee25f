/* SPDX-License-Identifier: MIT */
/* Finds the route of a request by path and method (BEHAVIOUR.md 2). The table itself is in
 * app/routes.c, since it names functions of higher rooms. Pure; thread-safe. */
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
	ROUTE_DASHBOARD,
	ROUTE_OTHER, /* needs no name: its function does everything */
};

enum route_access { ROUTE_ANYONE, ROUTE_CLIENTS, ROUTE_ADMIN };

struct route {
	const char *path;    /* ending in "/": a model's id follows */
	const char *methods; /* "POST", "GET, HEAD" */
	enum route_access access;
	enum route_id id;
	bool reserved; /* replies at once: does not count towards max_streams */
	/* Replies to a request that is complete and admitted, now or later (accept.h, struct
	 * handler). */
	void (*reply)(struct client *client);
};

/* The route of an unknown path. */
extern const struct route route_none;

struct routes {
	const struct route *list;
	size_t n;
};

/* Returns the route of a path (without query, compared byte for byte, never decoded), or
 * route_none. *argument: the {id}, borrowed from path; NULL: the route has none. */
const struct route *route_find(const struct routes *routes, const char *path,
			       const char **argument);

/* Whether its body is a message: to be answered, or counted. */
bool route_has_message(const struct route *route);

/* Whether the route allows the method. */
bool route_allows(const struct route *route, const char *method);

#endif

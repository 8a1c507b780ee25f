/* SPDX-License-Identifier: MIT */
/* Path and method to route: one table. Pure; thread-safe. BEHAVIOUR.md 2. */
#ifndef CLIENT_ROUTES_H
#define CLIENT_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

enum route_id {
	ROUTE_NONE,
	ROUTE_MESSAGES,
	ROUTE_COUNT_TOKENS,
	ROUTE_MODELS,
	ROUTE_MODEL,
	ROUTE_HEALTH,
	ROUTE_STATUS,
	ROUTE_SWITCH,
	ROUTE_RETRY,
	ROUTE_CHECK,
	ROUTE_METRICS,
	ROUTE_SELF_TEST,
	ROUTE_GREETING,
};

enum route_access { ROUTE_ANYONE, ROUTE_CLIENTS, ROUTE_ADMIN };

struct route {
	enum route_id id;
	enum route_access access;
	const char *methods;  /* "POST", "GET, HEAD" */
	const char *argument; /* the {id} of ROUTE_MODEL, in the path; else NULL */
};

/* The route of a path (no query, compared byte for byte, never decoded);
 * ROUTE_NONE: there is none. */
struct route routes_find(const char *path);

/* Whether the route takes the method. */
bool routes_allows(const struct route *route, const char *method);

#endif

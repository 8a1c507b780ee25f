/* SPDX-License-Identifier: MIT */
/* Which request is allowed: BEHAVIOUR.md 2. One decision a request, made before its body is
 * read. Pure; thread-safe. */
#ifndef CLIENT_ACCESS_H
#define CLIENT_ACCESS_H

#include "client/request.h"
#include "config/keys.h"

/* What the decision depends on. Borrowed. */
struct access_rules {
	const struct config *config;
	const struct keys *keys; /* NULL: there are none */
	const char *admin_token; /* NULL: there is none */
	const uint8_t *page_key; /* of own_page_token(); NULL: there is none */
	int64_t now_ms;          /* wall clock */
};

struct admission {
	struct refusal refusal;   /* status 0: allowed */
	const struct key *client; /* the client key, where keys count; NULL: none. Of the rules */
	bool anonymous;           /* gets only the status of a route for anyone */
	bool admin;               /* an admin; not found out on a route for clients */
};

/* Routes for anyone are always allowed; with access = "keys", a client that neither has a
 * key nor is an admin is anonymous.
 *
 * Routes for clients: with access = "keys" every client needs a key, on loopback and as an
 * admin, too. An unknown key is refused with access = "open", too: its owner would
 * otherwise be served, and billed, as another client.
 *
 * Routes for admins: by the trusted address, or by the admin token. A client key does not
 * count there. The page (ROUTE_DASHBOARD) is for them too, or with dashboard = "token", without
 * what only an admin may have, for anyone. */
struct admission access_admit(const struct access_rules *rules, const struct request *request);

/* Whether a request may be served with a stored credential: with a client key, or from
 * loopback, or with allow_open. Without a key, a request that a web page may have sent never
 * is: any web page can send one from the browser of an allowed user. */
bool access_may_use_stored(const struct config *config, const struct request *request);

/* Whether /health has figures for it: what is used of the quota windows, and today's cost. For
 * who has a client key or is an admin; a stranger gets none with access = "open" either. */
bool access_may_see_figures(const struct request *request);

#endif

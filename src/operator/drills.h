/* SPDX-License-Identifier: MIT */
/* Beginning, stopping and showing a drill, for POST /v1/drill and claude-router-ctl drill
 * (BEHAVIOUR.md 13). What it does to requests is in route/drilled.h. Borrows everything. One
 * thread. */
#ifndef OPERATOR_DRILLS_H
#define OPERATOR_DRILLS_H

#include "app.h"
#include "client/accept.h"

#include <json-c/json.h>

/* What somebody asks for, as text; NULL: the default. One of session, client and next. */
struct drills_wish {
	const char *provider; /* Claude Pro, else the first */
	const char *as;       /* "limit" */
	const char *requests; /* "1" */
	const char *rest;     /* "60s" */
	const char *duration; /* "10m" */
	const char *session;  /* that conversation's requests */
	const char *client;   /* those with that client key */
	bool next;            /* the next conversation's: the default */
};

enum drills_readiness {
	DRILLS_READY,
	DRILLS_WRONG,      /* the wish: why names what is allowed */
	DRILLS_IMPOSSIBLE, /* now: why says what stands against it */
};

struct drills_plan {
	struct drill drill;              /* to be begun */
	const struct provider *provider; /* that it stands in for; of app's configuration */
	const struct provider *next;     /* that takes over */
	bool is_billed;                  /* by the operator's account there */
	char what[ERROR_TEXT_MAX];       /* what it will do, a sentence */
};

/* Reads a wish and finds out whether it can be tried now: the provider serves, and another one
 * could take over. */
enum drills_readiness drills_prepare(const struct app *app, const struct drills_wish *wish,
				     struct drills_plan *plan, char why[static ERROR_TEXT_MAX]);

/* The drill that runs, for /v1/status; NULL: none does, or out of memory. */
json_object *drills_status(const struct app *app);

/* Replies to POST /v1/drill. */
void drills_reply(struct client *client);

#endif

/* SPDX-License-Identifier: MIT */
/* Who may ask for what: BEHAVIOUR.md 2. One decision for each request, made
 * before its body is read. Pure; thread-safe; nothing is kept. */
#ifndef CLIENT_ACCESS_H
#define CLIENT_ACCESS_H

#include "client/request.h"
#include "config/keys.h"

/* What the decision is made by. */
struct access_rules {
	const struct config *config;
	const struct keys *keys; /* NULL: there are none */
	const char *admin_token; /* NULL: there is none */
};

struct admission {
	struct refusal refusal;    /* status 0: come in */
	char client[KEY_NAME_MAX]; /* whose key was shown, where keys count; "" : nobody's */
	bool stranger;             /* is told no more than the status */
};

/* Routes for anyone are for anyone; with access = "keys" a stranger, who has no key
 * and is no admin, is told that it is one.
 *
 * Routes for clients: with access = "keys" nobody without a key comes in, from
 * loopback or not, admin or not. A key that is nobody's is refused with "open",
 * too: who shows one means to be known by it, and served as somebody else he would
 * have others pay for him.
 *
 * Routes for admins: by the address that is believed, or by the admin token. A
 * client key counts for nothing there. */
struct admission access_admit(const struct access_rules *rules, const struct request *request);

/* Whether a request may be served with a stored credential: with a client key, or from loopback or
 * with allow_open; but without a key never what a web page may have sent, which anybody's page
 * can, from the browser of somebody who may. */
bool access_may_use_stored(const struct config *config, const struct request *request);

#endif

/* SPDX-License-Identifier: MIT */
/* Who asks, of what the web server saw and the headers say: BEHAVIOUR.md 2. Pure; thread-safe;
 * nothing is kept. */
#ifndef CLIENT_PEER_H
#define CLIENT_PEER_H

#include "base/headers.h"
#include "config/config.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define ADDRESS_MAX INET6_ADDRSTRLEN

struct peer_evidence {
	const char *address; /* REMOTE_ADDR */
	const char *server;  /* SERVER_SOFTWARE */
	const struct headers *headers;
};

struct peer {
	char address[ADDRESS_MAX]; /* as far as it is believed; "" : nobody */
	bool local;                /* from loopback, believed */
	bool page;                 /* a web page may have sent it */
	bool browser;              /* a browser did: it said Origin or Sec-Fetch-… */
};

/* Forwarded, X-Forwarded-*, X-Real-IP and Via tell that somebody stands between; an address is read
 * of X-Forwarded-For alone, and only when a trusted proxy hands it over: from the right, the first
 * that is no trusted proxy's. Nobody: when there is none, when one cannot be read, and when it is a
 * loopback address, which is the proxy's own machine and one more proxy on it. */
void peer_find(struct peer *peer, const struct peer_evidence *seen, const struct config *config);

#endif

/* SPDX-License-Identifier: MIT */
/* Who is at the other end of a client's connection, from what the web server saw and what the
 * headers say: BEHAVIOUR.md 2. Pure; thread-safe. */
#ifndef CLIENT_PEER_H
#define CLIENT_PEER_H

#include "base/headers.h"
#include "config/config.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define ADDRESS_MAX INET6_ADDRSTRLEN

/* Borrowed. */
struct peer_evidence {
	const char *address; /* REMOTE_ADDR */
	const char *server;  /* SERVER_SOFTWARE */
	const char *method;
	const struct headers *headers;
};

struct peer {
	char address[ADDRESS_MAX];      /* "": not known for sure */
	char page_address[ADDRESS_MAX]; /* the same, if the router's own page sent it: that is what
					   own_page_sent() says, and its token has still to prove */
	bool local;                     /* the address is loopback */
	bool from_web_page;             /* a web page may have sent it */
	bool from_browser;              /* a browser did: it sent Origin or Sec-Fetch-… */
};

/* Forwarded, X-Forwarded-*, X-Real-IP and Via mean that a proxy is in between. Then the address is
 * read from X-Forwarded-For alone, and only when a trusted proxy sends it: from the right, the
 * first that is not a trusted proxy's. It is "" when there is none, when an entry cannot be parsed,
 * and when it is a loopback address: that is one more proxy on the proxy's machine. */
void peer_find(struct peer *peer, const struct peer_evidence *evidence,
	       const struct config *config);

#endif

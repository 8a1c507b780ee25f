/* SPDX-License-Identifier: MIT */
/* A client's request: method, route, headers, body, and the facts that are read from them. A
 * struct request is owned by its connection (accept.h). One thread. Contract: BEHAVIOUR.md 2, 3.
 * Parameters as web servers send them: SERVERS.md, rules 3, 5, 6. */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include "base/buf.h"
#include "base/caps.h"
#include "client/peer.h"
#include "client/refusal.h"
#include "client/route.h"
#include "config/config.h"
#include "config/keys.h"
#include "dialect/message.h"

#define REQUEST_ID_SIZE sizeof("req_0123456789abcdef01234567")

struct request {
	char id[REQUEST_ID_SIZE];
	struct buf params;      /* the bytes that all pointers here point into */
	const char *method;     /* "POST" */
	const char *path;       /* normal form: "/v1/messages", without query, key or doubled /v1 */
	const char *query;      /* "beta=true": the part that is forwarded; "" for none */
	const char *client_key; /* from /k/KEY/…, x-router-key, or in place of a credential; not
				   checked yet, never shown; NULL: none */
	char client[KEY_NAME_MAX];  /* the name of that key, from access.h; "": none */
	struct key_budget budget;   /* of that key */
	bool anonymous;             /* from access.h */
	bool admin;                 /* from access.h */
	const struct route *route;  /* never NULL */
	const char *route_argument; /* the {id} of ROUTE_MODEL, in the path; else NULL */
	struct headers headers;     /* at most REQUEST_HEADERS_MAX */
	int64_t content_length;     /* -1: not sent */
	char address[ADDRESS_MAX];  /* the peer's; "": not known for sure (peer.h) */
	char
	    page_address[ADDRESS_MAX]; /* the same, if x-router-page proves that our page sent it */
	const char *login;           /* the client's own Claude login, without "Bearer "; or NULL */
	const char *api_key;         /* the client's own Claude API key; or NULL */
	const char *presented_token; /* what may be the admin token: x-router-admin, else
					Authorization: Bearer; or NULL */
	bool local;                  /* from loopback, for sure */
	bool from_web_page;          /* a web page may have sent it: it uses no stored credential */
	bool from_browser;           /* a browser sent it */
	bool login_as_key;           /* its login was sent as x-api-key */
	bool claude_code;            /* user-agent: claude-cli/… */
	bool live;                   /* of /health?live=1 */
	uint32_t silence_s; /* of /v1/self-test?silence=N; at most SELF_TEST_SILENCE_MAX_S */
	const char *days, *by, *after, *limit; /* of /v1/usage and /v1/events; NULL: not sent */
	struct buf body;
	struct message message; /* if the route has one; after request_read_body() */
};

/* Gives it an id; the body can hold max_body_bytes. */
void request_init(struct request *r, size_t max_body_bytes);

/* Frees what it holds; the parameters, with all secrets, are overwritten. */
void request_fini(struct request *r);

/* Parses the FastCGI parameters ("NAME=value" strings, NULL at the end, copied): the route, the
 * headers, and the facts about the client. Status 0: fine. */
struct refusal request_read_params(struct request *r, char *const *params,
				   const struct config *config, const struct routes *routes);

/* Checks and parses the body, if the route has a message. Status 0: fine. */
struct refusal request_read_body(struct request *r);

/* The client's name for the log: that of its key, else its address, else "-". Borrowed. */
const char *request_client(const struct request *r);

/* Writes the session that a request belongs to, "" for none, into text: BEHAVIOUR 5. Returns
 * text. */
const char *request_session(const struct request *r, char text[static 2 * SESSION_ID_MAX]);

#endif

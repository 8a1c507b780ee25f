/* SPDX-License-Identifier: MIT */
/* What a client asked: method, route, headers, body, and the few facts read
 * from them. A struct request belongs to its connection (accept.h). One thread.
 * Contract: BEHAVIOUR.md 2, 3. Parameters as the web servers give them:
 * SERVERS.md, rules 3, 5, 6. */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include "base/buf.h"
#include "client/peer.h"
#include "client/refusal.h"
#include "client/route.h"
#include "config/config.h"
#include "dialect/message.h"

#define REQUEST_HEADERS_MAX 128
#define REQUEST_ID_SIZE     sizeof("req_0123456789abcdef01234567")

struct request {
	char id[REQUEST_ID_SIZE];
	struct buf params;      /* the bytes that all pointers here lead to */
	const char *method;     /* "POST" */
	const char *path;       /* normal form: "/v1/messages", without query, key or doubled /v1 */
	const char *query;      /* "beta=true": what may go on; "" for none */
	const char *client_key; /* of /k/KEY/…, x-router-key, or where others send a credential of
				   their own; right or not, never to be shown; NULL: none */
	char client[KEY_NAME_MAX];  /* whose that is: access.h; "" : nobody's */
	bool stranger;              /* access.h */
	const struct route *route;  /* never NULL */
	const char *route_argument; /* the {id} of ROUTE_MODEL, in the path; else NULL */
	struct headers headers;     /* as many as were sent, at most REQUEST_HEADERS_MAX */
	int64_t content_length;     /* -1: not told */
	char address[ADDRESS_MAX];  /* whom it came from, as far as that is believed; "" : nobody */
	const char *login;   /* the client's own Claude login, without "Bearer "; NULL: none */
	const char *api_key; /* the client's own Claude API key; NULL: none */
	const char *
	    shown_token; /* what it showed as Authorization: Bearer or x-router-admin; NULL: nothing */
	bool local;      /* from loopback, believed */
	bool page;       /* a web page may have sent it: it spends no stored credential */
	bool browser;    /* a browser did */
	bool login_as_key;  /* its login came as x-api-key */
	bool claude_code;   /* claude-cli/… */
	uint32_t live;      /* of /health?live=1 */
	uint32_t silence_s; /* of /v1/self-test?silence=N; at most SELF_TEST_SILENCE_MAX_S */
	struct buf body;
	struct message message; /* of POST /v1/messages and count_tokens, once the body was read */
};

void request_init(struct request *r, size_t max_body_bytes);

/* Overwrites and frees all of it. */
void request_fini(struct request *r);

/* Reads the FastCGI parameters ("NAME=value" strings, NULL at the end), finds
 * the route, and tells who asks. The strings are copied. */
struct refusal request_read_params(struct request *r, char *const *params,
				   const struct config *config, const struct routes *routes);

/* Reads the facts of a message's body, when the route has one. */
struct refusal request_read_body(struct request *r);

/* Who asks, for the log: the name of its key, else its address, else "-". */
const char *request_client(const struct request *r);

/* The session that a request belongs to, "" for none: BEHAVIOUR 5. Returns text. */
const char *request_session(const struct request *r, char text[static 2 * SESSION_ID_MAX]);

#endif

/* SPDX-License-Identifier: MIT */
/* http - listening sockets, connections (plain and TLS), HTTP/1.1 requests in, bytes out.
 *
 * http knows nothing of providers. It reads a whole request, hands it to the
 * endpoint's service, then asks that service for bytes whenever the last ones
 * are with the kernel. So a service never meets a half-written answer, a full
 * socket or a dead peer in the middle of its own code.
 *
 * A struct conn belongs to http; a service may keep the pointer from its
 * request() until its gone() or until it answered NEXT_DONE. */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "loop.h"

#define HTTP_HEAD_MAX ((size_t)256 << 10)
#define HTTP_BODY_MAX                                                                              \
	((size_t)128 << 20) /* above the largest provider's limit (PROTOCOLS.md §3: 100 MB) */
#define HTTP_HEADERS_MAX 200

struct conn;

enum next {
	NEXT_BYTES, /* bytes were added to the connection: send them, ask again */
	NEXT_WAIT,  /* nothing now; conn_kick() will be called */
	NEXT_DONE,  /* answer complete; the connection takes the next request if it may */
	NEXT_FIN,   /* end the connection in the orderly way, TLS goodbye left out */
	NEXT_RST,   /* break it: the peer sees "connection reset" */
	NEXT_STALL  /* say nothing more until the peer leaves */
};

struct http_service {
	bool (*welcome)(void *ctx);        /* false: the accepted connection is closed at once */
	void (*request)(struct conn *c);   /* conn_request() is complete */
	enum next (*next)(struct conn *c); /* more of the answer, please */
	void (*gone)(struct conn *c);      /* the connection ends before NEXT_DONE */
	void (*malformed)(void *ctx, const char *why); /* not HTTP; it is answered 400 here */
};

struct endpoint {
	struct source source;
	const struct http_service *service;
	void *ctx; /* the service's own */
	SSL_CTX *tls;
	int fd;
	uint16_t port;
	uint64_t accepted, handshakes, resumed;
};

struct header {
	char *name, *value;
};

struct request {
	char *method, *target, *path, *query; /* path = target up to '?', query behind it or "" */
	int minor;                            /* HTTP/1.minor */
	struct header headers[HTTP_HEADERS_MAX];
	size_t headers_len;
	const char *body; /* not NUL-terminated; never NULL */
	size_t body_len;
};

/* Binds 127.0.0.1:port (0: any free one) and listens; dies when it cannot. tls may be NULL. */
void endpoint_open(struct endpoint *e, uint16_t port, SSL_CTX *tls);

/* A server context for the two PEM files; dies with the reason when they are unusable. */
SSL_CTX *tls_context(const char *cert, const char *key);

struct request *conn_request(struct conn *c); /* valid only inside service->request() */
const char *request_header(const struct request *r, const char *name); /* the first one, or NULL */
size_t request_header_count(const struct request *r, const char *name);

struct endpoint *conn_endpoint(struct conn *c);
uint64_t conn_id(const struct conn *c); /* counts connections, from 1 */
void *conn_data(struct conn *c);        /* what the service put there; NULL for each new request */
void conn_set_data(struct conn *c, void *data);
void conn_last(struct conn *c); /* no further request after this answer */
bool conn_is_last(const struct conn *c);

/* The bytes that next() adds go here. */
struct buf *conn_out(struct conn *c);

/* From now on send so many bytes a write, with a pause after each (0: none but the loop's turn). */
void conn_pace(struct conn *c, size_t bytes, unsigned pause_ms);

/* Asks the service again; only for a connection whose service answered NEXT_WAIT. */
void conn_kick(struct conn *c);

size_t conn_open_count(void);

#endif

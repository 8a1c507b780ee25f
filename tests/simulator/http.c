/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4, memmem */
#endif

#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_STEP      ((size_t)64 << 10)
#define READ_AHEAD     ((size_t)64 << 10) /* of the next, pipelined request, while one is answered */
#define ACCEPTS_A_TURN 64 /* so that a storm of connects does not starve the streams */

enum conn_state {
	READING,
	ANSWERING,
	STALLED, /* silent until the peer leaves */
	REFUSED, /* what came was not HTTP: goes when the 400 is sent */
	DEAD
};

struct conn {
	struct source source;
	struct endpoint *endpoint;
	struct timer pace_timer;
	struct request request;
	SSL *ssl;
	void *data;
	uint64_t id;
	enum conn_state state;
	uint32_t events; /* what epoll was told to watch */
	int fd;
	bool last, want_write, handshaken, continue_sent, reading_paused;
	struct buf in;       /* unparsed bytes */
	char *head;          /* a copy, which the request points into */
	struct buf body;     /* a chunked body, as far as decoded */
	size_t chunk_at;     /* how far in `in` the chunked body was read */
	size_t head_len;     /* 0: not seen whole yet */
	size_t head_scanned; /* no end of head before this place */
	size_t body_len;     /* Content-Length */
	bool chunked;
	struct buf out;
	size_t out_at; /* sent so far */
	size_t pace;   /* bytes a write, 0: as many as go */
	unsigned pace_ms;
};

static uint64_t conns_made;
static size_t conns_open;

static void conn_run(struct conn *c);

/* ---- accessors ---- */

struct request *
conn_request(struct conn *c)
{
	return &c->request;
}

struct endpoint *
conn_endpoint(struct conn *c)
{
	return c->endpoint;
}

uint64_t
conn_id(const struct conn *c)
{
	return c->id;
}

void *
conn_data(struct conn *c)
{
	return c->data;
}

void
conn_set_data(struct conn *c, void *data)
{
	c->data = data;
}

void
conn_last(struct conn *c)
{
	c->last = true;
}

bool
conn_is_last(const struct conn *c)
{
	return c->last;
}

struct buf *
conn_out(struct conn *c)
{
	return &c->out;
}

void
conn_pace(struct conn *c, size_t bytes, unsigned pause_ms)
{
	c->pace = bytes;
	c->pace_ms = pause_ms;
}

size_t
conn_open_count(void)
{
	return conns_open;
}

const char *
request_header(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->headers_len; i++)
		if (strcasecmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return NULL;
}

size_t
request_header_count(const struct request *r, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < r->headers_len; i++)
		n += strcasecmp(r->headers[i].name, name) == 0;
	return n;
}

/* ---- the end of a connection ---- */

static void
request_forget(struct conn *c)
{
	free(c->request.path);
	memset(&c->request, 0, sizeof(c->request));
	free(c->head);
	c->head = NULL;
}

static void
conn_end(struct conn *c, bool reset)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	if (c->state == DEAD)
		return;
	if (c->state == ANSWERING || c->state == STALLED)
		c->endpoint->service->gone(c);
	c->state = DEAD;
	timer_clear(&c->pace_timer);
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	if (c->ssl != NULL) {
		SSL_set_quiet_shutdown(c->ssl, 1);
		SSL_free(c->ssl);
		c->ssl = NULL;
	}
	close(c->fd); /* takes it out of epoll too */
	c->fd = -1;
	buf_free(&c->in);
	buf_free(&c->out);
	buf_free(&c->body);
	request_forget(c);
	conns_open--;
	loop_bury(c);
}

/* ---- bytes in and out ---- */

enum io { IO_OK, IO_AGAIN, IO_CLOSED };

static enum io
tls_result(struct conn *c, int got)
{
	int why = SSL_get_error(c->ssl, got);

	ERR_clear_error(); /* the queue is the thread's, not the connection's */
	if (why == SSL_ERROR_WANT_READ)
		return IO_AGAIN;
	if (why == SSL_ERROR_WANT_WRITE) {
		c->want_write = true;
		return IO_AGAIN;
	}
	return IO_CLOSED;
}

static void
tls_note_handshake(struct conn *c)
{
	if (c->handshaken || !SSL_is_init_finished(c->ssl))
		return;
	c->handshaken = true;
	c->endpoint->handshakes++;
	c->endpoint->resumed += SSL_session_reused(c->ssl) ? 1 : 0;
}

static enum io
conn_read(struct conn *c)
{
	char *to = buf_room(&c->in, READ_STEP);
	ssize_t n;

	if (c->ssl != NULL) {
		int got = SSL_read(c->ssl, to, (int)READ_STEP);

		tls_note_handshake(c);
		if (got <= 0)
			return tls_result(c, got);
		n = got;
	} else {
		n = recv(c->fd, to, READ_STEP, 0);
		if (n == -1)
			return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_CLOSED;
		if (n == 0)
			return IO_CLOSED;
	}
	c->in.len += (size_t)n;
	c->in.data[c->in.len] = '\0';
	return IO_OK;
}

static enum io
conn_write(struct conn *c)
{
	size_t n = c->out.len - c->out_at;
	ssize_t sent;

	if (c->pace > 0 && n > c->pace)
		n = c->pace;
	if (c->ssl != NULL) {
		int got = SSL_write(c->ssl, c->out.data + c->out_at, (int)n);

		tls_note_handshake(c);
		if (got <= 0)
			return tls_result(c, got);
		sent = got;
	} else {
		sent = send(c->fd, c->out.data + c->out_at, n, MSG_NOSIGNAL);
		if (sent == -1 && (errno == EAGAIN || errno == EINTR)) {
			c->want_write = true;
			return IO_AGAIN;
		}
		if (sent == -1)
			return IO_CLOSED;
	}
	c->out_at += (size_t)sent;
	if (c->out_at == c->out.len) {
		c->out_at = 0;
		/* Thousands of streams wait between two events: none keeps a large buffer. */
		if (c->out.cap > 4096)
			buf_free(&c->out);
		else
			buf_clear(&c->out);
	}
	return IO_OK;
}

static void
conn_watch(struct conn *c)
{
	uint32_t events = EPOLLRDHUP;

	c->reading_paused = c->state != READING && c->in.len >= READ_AHEAD;
	if (!c->reading_paused)
		events |= EPOLLIN;
	if (c->want_write)
		events |= EPOLLOUT;
	if (events == c->events)
		return;
	c->events = events;
	loop_rewatch(c->fd, events, &c->source);
}

static void
pace_over(struct timer *t)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, pace_timer));

	conn_run(c);
	if (c->state != DEAD)
		conn_watch(c);
}

/* ---- reading a request ---- */

static char *
head_end(struct conn *c)
{
	size_t from = c->head_scanned > 3 ? c->head_scanned - 3 : 0;
	char *end =
	    c->in.len > from ? memmem(c->in.data + from, c->in.len - from, "\r\n\r\n", 4) : NULL;

	c->head_scanned = c->in.len;
	return end;
}

static bool
is_token(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s == 0x7f || strchr("()<>@,;:\\\"/[]?={}", *s) != NULL)
			return false;
	return true;
}

/* All parse functions cut the head in place; NULL is good, else what is wrong. */
static const char *
parse_request_line(struct request *r, char *line)
{
	char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL, *mark;

	if (version == NULL)
		return "no request line";
	*target++ = '\0';
	*version++ = '\0';
	if (!is_token(line) || strlen(line) > 15)
		return "bad method";
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return "not HTTP/1.0 or HTTP/1.1";
	if (target[0] != '/')
		return "the target is not a path";
	r->method = line;
	r->target = target;
	r->minor = version[7] - '0';
	r->path = xstrdup(target); /* the target stays whole for the record */
	mark = strchr(r->path, '?');
	if (mark != NULL)
		*mark++ = '\0';
	r->query = mark ? mark : r->path + strlen(r->path);
	return NULL;
}

static const char *
parse_header(struct request *r, char *line)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (line[0] == ' ' || line[0] == '\t')
		return "folded header line";
	if (colon == NULL)
		return "header line without a colon";
	*colon = '\0';
	if (!is_token(line))
		return "bad header name";
	if (r->headers_len == HTTP_HEADERS_MAX)
		return "too many header lines";
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	for (const char *p = value; *p != '\0'; p++)
		if ((*p > 0 && *p < ' ' && *p != '\t') || *p == 0x7f)
			return "control byte in a header";
	r->headers[r->headers_len++] = (struct header){.name = line, .value = value};
	return NULL;
}

static const char *
parse_framing(struct conn *c)
{
	const struct request *r = &c->request;
	const char *length = request_header(r, "content-length"),
		   *coding = request_header(r, "transfer-encoding");
	const char *connection = request_header(r, "connection");
	char *end = NULL;

	if (request_header_count(r, "content-length") > 1 || (length != NULL && coding != NULL))
		return "the length is given twice";
	if (coding != NULL && strcasecmp(coding, "chunked") != 0)
		return "unknown transfer coding";
	if (r->minor == 1 && request_header_count(r, "host") != 1)
		return "not exactly one Host";
	c->chunked = coding != NULL;
	c->body_len = 0;
	if (length != NULL) {
		unsigned long long n = strtoull(length, &end, 10);

		if (length[0] < '0' || length[0] > '9' || *end != '\0')
			return "bad Content-Length";
		if (n > HTTP_BODY_MAX)
			return "body over the simulator's 128 MB";
		c->body_len = (size_t)n;
	}
	if (connection != NULL ? strcasecmp(connection, "close") == 0 : r->minor == 0)
		c->last = true;
	return NULL;
}

static const char *
parse_head(struct conn *c)
{
	char *p, *stop, *eol;
	const char *wrong = NULL;

	if (memchr(c->in.data, '\0', c->head_len) != NULL)
		return "NUL in the head";
	c->head = xstrndup(c->in.data, c->head_len);
	stop = c->head + c->head_len - 2;
	for (p = c->head; p < stop && wrong == NULL; p = eol + 2) {
		eol = memmem(p, (size_t)(stop + 2 - p), "\r\n", 2);
		*eol = '\0';
		wrong = p == c->head ? parse_request_line(&c->request, p)
				     : parse_header(&c->request, p);
	}
	return wrong != NULL ? wrong : parse_framing(c);
}

enum body { BODY_MORE, BODY_WHOLE, BODY_BAD };

/* Takes the chunks that are there; chunk_at stands before a size line. */
static enum body
read_chunks(struct conn *c)
{
	for (;;) {
		char *line = c->in.data + c->chunk_at, *eol, *end;
		size_t left = c->in.len - c->chunk_at, size;

		eol = left > 0 ? memmem(line, left, "\r\n", 2) : NULL;
		if (eol == NULL)
			return left > 100 ? BODY_BAD : BODY_MORE;
		size = strtoul(line, &end, 16);
		if (end == line || (*end != '\r' && *end != ';') ||
		    size > HTTP_BODY_MAX - c->body.len)
			return BODY_BAD;
		if ((size_t)(eol + 2 - line) + size + 2 > left)
			return BODY_MORE;
		if (memcmp(eol + 2 + size, "\r\n", 2) != 0)
			return BODY_BAD; /* trailers are not understood either */
		buf_add(&c->body, eol + 2, size);
		c->chunk_at += (size_t)(eol + 2 - line) + size + 2;
		if (size == 0)
			return BODY_WHOLE;
	}
}

static enum body
read_body(struct conn *c)
{
	if (c->chunked)
		return read_chunks(c);
	return c->in.len - c->head_len >= c->body_len ? BODY_WHOLE : BODY_MORE;
}

static void
refuse_malformed(struct conn *c, const char *why)
{
	struct buf body = {0};

	c->endpoint->service->malformed(c->endpoint->ctx, why);
	buf_addf(&body, "{\"error\":{\"type\":\"malformed_http\",\"message\":\"%s\"}}", why);
	buf_addf(
	    &c->out,
	    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    body.len, body.data);
	buf_free(&body);
	c->state = REFUSED;
}

static void
continue_100(struct conn *c)
{
	const char *expect = request_header(&c->request, "expect");

	/* A client that asks waits a second for this (libcurl, bodies over 1 MB). */
	if (expect != NULL && strcasecmp(expect, "100-continue") == 0 && !c->continue_sent) {
		c->continue_sent = true;
		buf_adds(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
	}
}

static void
request_serve(struct conn *c)
{
	size_t used = c->chunked ? c->chunk_at : c->head_len + c->body_len;

	c->request.body = c->chunked ? (c->body.len ? c->body.data : "") : c->in.data + c->head_len;
	c->request.body_len = c->chunked ? c->body.len : c->body_len;
	c->state = ANSWERING;
	c->data = NULL;
	c->endpoint->service->request(c);
	request_forget(c);
	if (used == c->in.len)
		buf_free(&c->in); /* 2000 waiting streams must not hold 2000 bodies */
	else
		buf_drop(&c->in, used);
	buf_free(&c->body);
	c->head_len = c->head_scanned = c->chunk_at = 0;
	c->continue_sent = false;
}

/* Looks for a whole request in `in`; true when one was served or refused. */
static bool
request_ready(struct conn *c)
{
	const char *wrong = NULL;

	if (c->head_len == 0) {
		char *end = head_end(c);

		if (end == NULL && c->in.len <= HTTP_HEAD_MAX)
			return false;
		if (end != NULL) {
			c->head_len = (size_t)(end - c->in.data) + 4;
			c->chunk_at = c->head_len;
			wrong = parse_head(c);
		} else {
			wrong = "the head is over 256 KB";
		}
		if (wrong != NULL) {
			refuse_malformed(c, wrong);
			return true;
		}
	}
	switch (read_body(c)) {
	case BODY_MORE:
		continue_100(c);
		return false;
	case BODY_BAD:
		refuse_malformed(c, "bad chunked body");
		return true;
	case BODY_WHOLE:
		break;
	}
	request_serve(c);
	return true;
}

/* ---- the life of a connection ---- */

/* Sends what is there; false when the connection has to wait or has ended. */
static bool
run_write(struct conn *c)
{
	switch (conn_write(c)) {
	case IO_AGAIN:
		return false;
	case IO_CLOSED:
		conn_end(c, false);
		return false;
	case IO_OK:
		break;
	}
	if (c->pace == 0)
		return true;
	if (c->pace_ms > 0)
		timer_set(&c->pace_timer, c->pace_ms);
	else
		c->want_write =
		    true; /* the next byte in the loop's next turn, so that the peer can read this one */
	return false;
}

static bool
run_read(struct conn *c)
{
	while (!request_ready(c)) {
		enum io got;

		if (c->out.len > c->out_at)
			return true; /* "100 Continue" */
		got = conn_read(c);
		if (got == IO_CLOSED)
			conn_end(c, false);
		if (got != IO_OK)
			return false;
	}
	return true;
}

static bool
run_answer(struct conn *c)
{
	switch (c->endpoint->service->next(c)) {
	case NEXT_BYTES:
		return true;
	case NEXT_WAIT:
		return false;
	case NEXT_STALL:
		c->state = STALLED;
		return false;
	case NEXT_FIN:
		conn_end(c, false);
		return false;
	case NEXT_RST:
		conn_end(c, true);
		return false;
	case NEXT_DONE:
		break;
	}
	c->pace = 0;
	c->state = READING;
	if (!c->last)
		return true;
	if (c->ssl != NULL)
		SSL_shutdown(c->ssl);
	conn_end(c, false);
	return false;
}

static void
conn_run(struct conn *c)
{
	bool on = true;

	while (on) {
		if (c->out.len > c->out_at)
			on = run_write(c);
		else if (c->state == READING)
			on = run_read(c);
		else if (c->state == ANSWERING)
			on = run_answer(c);
		else
			on = false;
	}
	if (c->state == REFUSED && c->out.len == 0)
		conn_end(c, false);
}

/* While an answer runs: notice the peer's leaving, keep what it sends ahead. */
static bool
peer_left(struct conn *c, uint32_t events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		return true;
	while ((events & EPOLLIN) && c->in.len < READ_AHEAD) {
		enum io got = conn_read(c);

		if (got == IO_AGAIN)
			break;
		if (got == IO_CLOSED)
			return true;
	}
	return false;
}

static void
conn_ready(struct source *s, uint32_t events)
{
	struct conn *c = (struct conn *)((char *)s - offsetof(struct conn, source));

	if (c->state == DEAD)
		return;
	c->want_write = false;
	if (c->state != READING && peer_left(c, events)) {
		conn_end(c, false);
		return;
	}
	/* A paced connection writes when its pause is over, not when it could. */
	if (c->pace_timer.slot == 0)
		conn_run(c);
	if (c->state != DEAD)
		conn_watch(c);
}

void
conn_kick(struct conn *c)
{
	if (c->state != ANSWERING || c->pace_timer.slot != 0)
		return;
	conn_run(c);
	if (c->state != DEAD)
		conn_watch(c);
}

/* ---- listening ---- */

static void
conn_new(struct endpoint *e, int fd)
{
	struct conn *c = xalloc(sizeof(*c));
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->source.ready = conn_ready;
	c->pace_timer.fire = pace_over;
	c->endpoint = e;
	c->fd = fd;
	c->id = ++conns_made;
	c->events = EPOLLIN | EPOLLRDHUP;
	if (e->tls != NULL) {
		c->ssl = SSL_new(e->tls);
		if (c->ssl == NULL || SSL_set_fd(c->ssl, fd) != 1)
			die("SSL_new failed");
		SSL_set_accept_state(c->ssl);
	}
	conns_open++;
	loop_watch(fd, c->events, &c->source);
}

static void
endpoint_ready(struct source *s, uint32_t events)
{
	struct endpoint *e = (struct endpoint *)((char *)s - offsetof(struct endpoint, source));

	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(e->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd == -1)
			return;
		e->accepted++;
		if (e->service->welcome(e->ctx))
			conn_new(e, fd);
		else
			close(fd);
	}
}

void
endpoint_open(struct endpoint *e, uint16_t port, SSL_CTX *tls)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int on = 1;

	e->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (e->fd == -1)
		die("socket: %s", strerror(errno));
	setsockopt(e->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(e->fd, (struct sockaddr *)&at, sizeof(at)) == -1 || listen(e->fd, 4096) == -1 ||
	    getsockname(e->fd, (struct sockaddr *)&at, &len) == -1)
		die("cannot listen on 127.0.0.1:%u: %s", port, strerror(errno));
	e->port = ntohs(at.sin_port);
	e->tls = tls;
	e->source.ready = endpoint_ready;
	loop_watch(e->fd, EPOLLIN, &e->source);
}

static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
	    unsigned inlen, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";

	(void)ssl;
	(void)arg;
	return SSL_select_next_proto((unsigned char **)(uintptr_t)out, outlen, ours,
				     sizeof(ours) - 1, in, inlen) == OPENSSL_NPN_NEGOTIATED
		   ? SSL_TLSEXT_ERR_OK
		   : SSL_TLSEXT_ERR_NOACK;
}

/* Why OpenSSL refused; for a missing file its queue holds only an errno. */
static const char *
tls_reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	return text != NULL ? text : strerror(errno);
}

SSL_CTX *
tls_context(const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		die("SSL_CTX_new failed");
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		die("%s: not a PEM certificate: %s", cert, tls_reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		die("%s: not the private key of %s: %s", key, cert, tls_reason());
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"simulator", 9);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	return ctx;
}

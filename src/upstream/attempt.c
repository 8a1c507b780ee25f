/* SPDX-License-Identifier: MIT */
#include "upstream/attempt.h"

#include "base/clock.h"
#include "config/text.h"
#include "dialect/dialect.h"
#include "upstream/request_headers.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	GRACE_MS = 5000,
	KEEPALIVE_S = 60,
	RECEIVE_SIZE = 2048,       /* TLS has a buffer of its own beneath */
	SEND_SIZE = 64 * 1024,     /* libcurl's own */
	TLS_SEND_SIZE = 16 * 1024, /* what a record holds, and libcurl's least */
	/* libcurl reads up to 100 buffers before it returns to the loop, and the owner can hold a
	 * transfer back only then: a client that does not read would cost all of them. */
	TURN_MAX = 16 * 1024,
};

struct attempt {
	struct transfer transfer;
	struct pool *pool;
	CURL *easy;          /* NULL: it is played */
	struct pool_key key; /* of its options */
	struct curl_slist *headers;
	struct response response;
	struct buf bytes;
	size_t head_len;
	int64_t head_ms;  /* when its first line came, wall clock */
	const char *body; /* of the request */
	size_t body_len;
	size_t body_at;  /* what libcurl has read of it, if it reads it apart from the head */
	size_t turn_len; /* of the body that came since the owner was last called */
	struct task task;
	void (*on_progress)(void *owner);
	void *owner;
	bool stored;
	enum response_hide hide; /* of the head */
	bool held;               /* the owner wants no more for now */
	bool paused;             /* libcurl holds bytes back: for that reason, or for TURN_MAX */
	bool begun;              /* the request has begun to go out */
	bool lost;               /* and libcurl wanted to send it again */
	bool ended;
	bool too_big;
	bool no_memory;
	CURLcode code;
	enum ending ending; /* of one that is played */
};

/* --- libcurl's callbacks ----------------------------------------------- */

/* OpenSSL's side of a transfer's connection; NULL: it has none. */
static SSL *
tls_of(CURL *easy)
{
	struct curl_tlssessioninfo *tls = NULL;
	return curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls != NULL &&
		       tls->backend == CURLSSLBACKEND_OPENSSL
		   ? tls->internals
		   : NULL;
}

/* When a kept connection dies before a byte of the response, libcurl sends the request again by
 * itself, up to five times, though the provider may have served each of them. Our owner decides
 * that and counts, so the second sending is aborted. */
static int
on_request(void *context, char *ip, char *local_ip, int port, int local_port)
{
	struct attempt *a = context;
	(void)ip, (void)local_ip, (void)port, (void)local_port;
	a->lost = a->begun;
	a->begun = true;
	/* OpenSSL frees a buffer when it is empty: libcurl 7.88 asks for that itself, 8.14 does
	 * not, and each stream then has 17 KB more. */
	SSL *tls = tls_of(a->easy);
	if (tls != NULL)
		SSL_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	return a->lost ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* No connection is made for a request that is not sent again. */
static int
on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
	struct attempt *a = context;
	(void)fd, (void)purpose;
	a->lost = a->begun;
	return a->lost ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}

static size_t
on_header(char *line, size_t size, size_t n, void *context)
{
	struct attempt *a = context;
	/* What follows the head are trailers, which we ignore. */
	if (a->response.complete)
		return size * n;
	if (a->head_len == 0)
		a->head_ms = clock_wall_ms();
	a->head_len += size * n;
	a->too_big = a->head_len > RESPONSE_HEAD_MAX;
	if (a->too_big)
		return 0;
	response_line(&a->response, line, size * n, a->head_ms, a->hide);
	if (a->response.complete)
		attempt_redact(a, a->response.forwarded.data, a->response.forwarded.len);
	loop_queue(pool_loop(a->pool), &a->task);
	return size * n;
}

/* The next piece of the request's body. */
static size_t
on_read(char *to, size_t size, size_t n, void *context)
{
	struct attempt *a = context;
	size_t left = a->body_len - a->body_at;
	size_t part = size * n < left ? size * n : left;
	memcpy(to, a->body + a->body_at, part);
	a->body_at += part;
	return part;
}

/* libcurl may begin anew on another connection, before anything was sent. */
static int
on_seek(void *context, curl_off_t offset, int origin)
{
	struct attempt *a = context;
	if (origin != SEEK_SET || offset < 0 || (size_t)offset > a->body_len)
		return CURL_SEEKFUNC_FAIL;
	a->body_at = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* How much of a body may wait here for the owner. */
static size_t
body_max(const struct response *response)
{
	if (response->status >= 300)
		return RESPONSE_ERROR_MAX;
	return response->sse ? SSE_EVENT_MAX : RESPONSE_JSON_MAX;
}

static size_t
on_body(char *bytes, size_t size, size_t n, void *context)
{
	struct attempt *a = context;
	size_t total = size * n;
	/* A piece is missing: what follows must not be joined to what came before it. */
	if (a->too_big || a->no_memory)
		return 0;
	if (a->held || a->turn_len >= TURN_MAX) {
		a->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	a->turn_len += total;
	loop_queue(pool_loop(a->pool), &a->task);
	a->too_big = a->bytes.len + total > body_max(&a->response);
	a->no_memory = !a->too_big && !buf_add(&a->bytes, bytes, total);
	return a->too_big || a->no_memory ? 0 : total;
}

static void
on_end(struct transfer *transfer, CURLcode code)
{
	struct attempt *a = CONTAINER_OF(transfer, struct attempt, transfer);
	a->ended = true;
	a->code = code;
	loop_queue(pool_loop(a->pool), &a->task);
}

static void
report_progress(struct task *task)
{
	struct attempt *a = CONTAINER_OF(task, struct attempt, task);
	if (!a->held)
		attempt_resume(a);
	a->on_progress(a->owner);
}

/* --- The transfer ----------------------------------------------------- */

static bool
is_tls(const struct provider *provider)
{
	return text_has_scheme(provider->url, "https");
}

/* How to reach the provider: the same for all of its attempts under one configuration, as
 * attempt.key has it. */
static bool
set_transport(CURL *easy, const struct attempt_options *options)
{
	const struct provider *p = options->provider;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Models think in silence: a NAT in between would forget the connection, and a peer that
	 * has vanished would go unnoticed until the deadline. */
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S / 4);
	/* Each transfer has such a buffer, and an event of a stream is small. */
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_SIZE);
	/* Or giving up during a hanging DNS lookup blocks the loop until the lookup ends. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)(p->dns_cache_ms / 1000));
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)options->config->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE,
			 (long)(is_tls(p) ? TLS_SEND_SIZE : SEND_SIZE));
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	return pool_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       pool_set_text(easy, CURLOPT_PROXY, p->proxy == NULL ? "" : p->proxy) &&
	       pool_set_text(easy, CURLOPT_NOPROXY, "") &&
	       pool_set_text(easy, CURLOPT_CAINFO, p->ca_file) &&
	       pool_set_text(easy, CURLOPT_CAPATH, p->ca_path) &&
	       /* Any value makes libcurl decode what comes compressed all the same: PROOFS.md C. */
	       pool_set_text(easy, CURLOPT_ACCEPT_ENCODING, "identity");
}

/* libcurl joins a body of up to 64 KB to the head. What it cannot send of that at once it keeps,
 * all of it, until the response ends: by TLS it sends 16 KB at once. */
static void
set_body(struct attempt *a, const struct attempt_options *options)
{
	bool joined = !is_tls(options->provider) || options->body_len <= TLS_SEND_SIZE / 2;
	curl_easy_setopt(a->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(a->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options->body_len);
	curl_easy_setopt(a->easy, CURLOPT_POSTFIELDS, joined ? options->body : NULL);
	curl_easy_setopt(a->easy, CURLOPT_READDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_SEEKDATA, a);
}

static bool
set_request(struct attempt *a, const struct attempt_options *options)
{
	char url[UPSTREAM_URL_MAX];
	int n = snprintf(url, sizeof url, "%s%s%s%s", options->provider->url, options->path,
			 options->query[0] == '\0' ? "" : "?", options->query);
	if (n < 0 || (size_t)n >= sizeof url || !request_headers_add(&a->headers, options))
		return false;
	curl_easy_setopt(a->easy, CURLOPT_HTTPHEADER, a->headers);
	curl_easy_setopt(a->easy, CURLOPT_PREREQDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_SOCKOPTDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_FRESH_CONNECT, (long)options->fresh);
	/* The owner's own limit comes first; this one is a safety net. */
	curl_easy_setopt(a->easy, CURLOPT_TIMEOUT_MS, (long)(options->total_ms + GRACE_MS));
	if (options->body != NULL)
		set_body(a, options);
	return curl_easy_setopt(a->easy, CURLOPT_URL, url) == CURLE_OK;
}

static struct attempt *
attempt_new(struct pool *pool, const struct attempt_options *options,
	    void (*on_progress)(void *owner), void *owner)
{
	struct attempt *a = calloc(1, sizeof *a);
	if (a == NULL)
		return NULL;
	a->pool = pool;
	a->on_progress = on_progress;
	a->owner = owner;
	a->task.run = report_progress;
	a->transfer.ended = on_end;
	a->stored = options->stored;
	a->hide = !options->provider->dialect->reports_quota ? HIDE_ANTHROPIC
		  : options->stored                          ? HIDE_ORGANIZATION
							     : HIDE_NOTHING;
	a->body = options->body;
	a->body_len = options->body_len;
	response_init(&a->response);
	buf_init(&a->bytes, RESPONSE_JSON_MAX);
	return a;
}

struct attempt *
attempt_start(struct pool *pool, const struct attempt_options *options,
	      void (*on_progress)(void *owner), void *owner)
{
	struct attempt *a = attempt_new(pool, options, on_progress, owner);
	if (a == NULL)
		return NULL;
	a->key.config = options->config->serial;
	a->key.provider = (size_t)(options->provider - options->config->providers);
	bool ready;
	a->easy = pool_borrow(pool, a->key, &ready);
	if (a->easy != NULL && !ready && !set_transport(a->easy, options))
		a->key.config = 0; /* its options are incomplete */
	else if (a->easy != NULL && set_request(a, options) &&
		 pool_add(pool, a->easy, &a->transfer))
		return a;
	attempt_free(a);
	return NULL;
}

/* As if libcurl had given it: line by line, then the body, then the end. */
struct attempt *
attempt_play(struct pool *pool, const struct attempt_options *options,
	     const struct attempt_script *script, void (*on_progress)(void *owner), void *owner)
{
	struct attempt *a = attempt_new(pool, options, on_progress, owner);
	if (a == NULL)
		return NULL;
	for (const char *line = script->head, *end; (end = strchr(line, '\n')) != NULL;
	     line = end + 1)
		response_line(&a->response, line, (size_t)(end + 1 - line), clock_wall_ms(),
			      a->hide);
	a->no_memory = !buf_add(&a->bytes, script->body, script->body_len);
	a->ended = true;
	a->ending = script->ending;
	loop_queue(pool_loop(a->pool), &a->task);
	return a;
}

void
attempt_free(struct attempt *a)
{
	if (a == NULL)
		return;
	if (a->easy != NULL)
		pool_return(a->pool, a->easy, a->key);
	loop_recall(&a->task);
	pool_wipe_headers(a->headers);
	response_fini(&a->response);
	buf_free(&a->bytes);
	free(a);
}

void
attempt_forget_head(struct attempt *a)
{
	buf_free(&a->response.forwarded);
}

/* Setting its size makes libcurl (up to 8.6) free the buffer that it sends from, which it would
 * keep until the response ends. OpenSSL sets up one when a session ticket comes, and would keep it
 * until it sends the next request. */
void
attempt_forget_request(struct attempt *a)
{
	if (a->easy == NULL)
		return;
	SSL *tls = tls_of(a->easy);
	curl_easy_setopt(a->easy, CURLOPT_UPLOAD_BUFFERSIZE,
			 (long)(tls == NULL ? SEND_SIZE : TLS_SEND_SIZE));
	if (tls != NULL)
		SSL_free_buffers(tls);
}

const struct response *
attempt_response(const struct attempt *a)
{
	return &a->response;
}

struct buf *
attempt_body(struct attempt *a)
{
	return &a->bytes;
}

void
attempt_pause(struct attempt *a)
{
	a->held = true;
}

void
attempt_resume(struct attempt *a)
{
	a->held = false;
	a->turn_len = 0;
	if (!a->paused)
		return;
	a->paused = false;
	/* Calls on_body() with all that it holds: PROOFS.md B. What it could not deliver it has
	 * dropped, and continues. */
	if (curl_easy_pause(a->easy, CURLPAUSE_CONT) != CURLE_OK && !a->too_big)
		a->no_memory = true;
}

bool
attempt_is_sent(const struct attempt *a)
{
	curl_off_t sent = (curl_off_t)a->body_len;
	if (a->easy != NULL)
		curl_easy_getinfo(a->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	return (size_t)sent >= a->body_len;
}

bool
attempt_ended(const struct attempt *a, enum ending *ending)
{
	if (!a->ended)
		return false;
	if (a->easy == NULL) {
		*ending = a->no_memory ? ENDING_OURS : a->ending;
		return true;
	}
	/* libcurl reports OUT_OF_MEMORY for a header line beyond its own limit, too. */
	bool endless_line = a->code == CURLE_OUT_OF_MEMORY && a->response.status != 0;
	if (a->too_big || endless_line)
		*ending = ENDING_TOO_BIG;
	else if (a->no_memory || a->code == CURLE_OUT_OF_MEMORY)
		*ending = ENDING_OURS;
	else if (a->code == CURLE_OK)
		*ending = ENDING_WHOLE;
	else if (a->code == CURLE_OPERATION_TIMEDOUT && a->response.status != 0)
		*ending = ENDING_IDLE;
	else if (a->response.status != 0 || a->lost || a->code == CURLE_RECV_ERROR ||
		 a->code == CURLE_SEND_ERROR || a->code == CURLE_GOT_NOTHING)
		*ending = ENDING_CUT;
	else
		*ending = ENDING_CONNECT;
	return true;
}

bool
attempt_was_lost(const struct attempt *a)
{
	return a->lost;
}

void
attempt_redact(const struct attempt *a, char *bytes, size_t n)
{
	for (const struct curl_slist *l = a->headers; a->stored && l != NULL; l = l->next) {
		const char *credential = request_headers_credential(l->data);
		size_t length = credential == NULL ? 0 : strlen(credential);
		char *at = bytes;
		while (length > 0 && n > 0 &&
		       (at = memmem(at, n - (size_t)(at - bytes), credential, length)) != NULL) {
			memset(at, '*', length);
			at += length; /* or a credential of stars would be found again for ever */
		}
	}
}

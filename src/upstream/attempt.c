/* SPDX-License-Identifier: MIT */
#include "upstream/attempt.h"

#include "base/clock.h"
#include "base/digest.h"
#include "config/parse.h"
#include "dialect/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_HEADER  "anthropic-version"
#define VERSION_DEFAULT "2023-06-01" /* CLIENT.md 1 */
#define BETA_HEADER     "anthropic-beta"
#define BETA_LOGIN      "oauth-2025-04-20" /* PROTOCOLS.md 4 */
#define LOGIN_PREFIX    "sk-ant-oat"
#define OUR_USER_AGENT  "claude-router/" PACKAGE_VERSION

enum {
	GRACE_MS = 5000,
	KEEPALIVE_S = 60,
	RECEIVE_SIZE = 2048,       /* TLS has a buffer of its own beneath */
	TLS_SEND_SIZE = 16 * 1024, /* what a TLS record holds, and libcurl's least */
};

struct attempt {
	struct transfer transfer;
	struct pool *pool;
	CURL *easy;
	uint64_t manner; /* of its options */
	struct curl_slist *headers;
	struct response response;
	struct buf bytes;
	size_t head_len;
	int64_t head_ms; /* when its first line came, wall clock */
	size_t body_len; /* of the request */
	struct task task;
	void (*news)(void *owner);
	void *owner;
	bool stored;
	enum response_hide hide; /* of the head */
	bool held;               /* the owner wants no more for now */
	bool paused;             /* libcurl holds bytes back because of that */
	bool asked;              /* the request has begun to go out */
	bool lost;               /* and libcurl wanted to send it again */
	bool ended;
	bool too_big;
	bool no_memory;
	CURLcode code;
};

/* --- What libcurl tells ----------------------------------------------- */

/* When a kept connection dies before a byte of the response, libcurl sends the request
 * again by itself, up to five times, though the provider may have served each of
 * them. That is our owner's to decide, who counts: no request goes out twice, */
static int
on_request(void *context, char *ip, char *local_ip, int port, int local_port)
{
	struct attempt *a = context;
	(void)ip, (void)local_ip, (void)port, (void)local_port;
	a->lost = a->asked;
	a->asked = true;
	return a->lost ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* and no connection is made for that. */
static int
on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
	struct attempt *a = context;
	(void)fd, (void)purpose;
	a->lost = a->asked;
	return a->lost ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}

static size_t
on_header(char *line, size_t size, size_t n, void *context)
{
	struct attempt *a = context;
	/* What follows the head are trailers: of no use. */
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

/* How much of a body may lie here before somebody takes it. */
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
	if (a->held) {
		a->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	loop_queue(pool_loop(a->pool), &a->task);
	a->too_big = a->bytes.len + total > body_max(&a->response);
	a->no_memory = !a->too_big && !buf_add(&a->bytes, bytes, total);
	return a->too_big || a->no_memory ? 0 : total;
}

static void
on_end(struct transfer *transfer, CURLcode code)
{
	struct attempt *a =
	    (struct attempt *)((char *)transfer - offsetof(struct attempt, transfer));
	a->ended = true;
	a->code = code;
	loop_queue(pool_loop(a->pool), &a->task);
}

static void
tell(struct task *task)
{
	struct attempt *a = (struct attempt *)((char *)task - offsetof(struct attempt, task));
	a->news(a->owner);
}

/* --- The request's headers, from an empty list: BEHAVIOUR 3 ------------ */

static bool
append(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);
	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

static bool
add_line(struct curl_slist **list, const char *name, const char *value)
{
	char line[HEADER_VALUE_MAX + 256];
	/* libcurl's way to send a header without a value is a semicolon. */
	const char *between = value[0] == '\0' ? ";" : ": ";
	size_t n_name = strlen(name), n_between = strlen(between), n_value = strlen(value);
	if (n_name + n_between + n_value >= sizeof line)
		return false;
	memcpy(line, name, n_name);
	memcpy(line + n_name, between, n_between);
	memcpy(line + n_name + n_between, value, n_value + 1);
	bool added = append(list, line);
	explicit_bzero(line, n_name + n_between + n_value);
	return added;
}

/* What of the client's headers a Claude provider gets. */
static bool
goes_to_claude(const char *name)
{
	static const char *const names[] = {"content-type", "accept", "user-agent", "x-app"};
	static const char *const families[] = {"x-stainless-", "x-claude-code-", "anthropic-"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		if (strncmp(name, families[i], strlen(families[i])) == 0)
			return true;
	return false;
}

static bool
is_login(const char *credential)
{
	return strncmp(credential, LOGIN_PREFIX, strlen(LOGIN_PREFIX)) == 0;
}

/* A list of betas, one by one, and whether the login's own is among them. */
struct betas {
	char value[HEADER_VALUE_MAX];
	size_t n;
	bool has_mark;
};

/* Takes a header's line. False: there is no room. */
static bool
take_betas(struct betas *to, const char *line, bool login)
{
	size_t mark = strlen(BETA_LOGIN);
	line += strspn(line, ", ");
	for (const char *b = line; *b != '\0'; b += strspn(b, ", ")) {
		size_t word = strcspn(b, ", ");
		bool is_mark = word == mark && memcmp(b, BETA_LOGIN, mark) == 0;
		to->has_mark |= is_mark;
		if (!is_mark || login) {
			if (to->n + word + 2 + mark >= sizeof to->value)
				return false;
			if (to->n > 0)
				to->value[to->n++] = ',';
			memcpy(to->value + to->n, b, word);
			to->n += word;
		}
		b += word;
	}
	return true;
}

/* The betas as they came, of all lines, but the login's own: a login needs it, a key must not
 * show it (PROTOCOLS.md 4). */
static bool
add_betas(struct curl_slist **list, const struct headers *headers, bool login)
{
	struct betas betas = {.n = 0};
	for (size_t i = 0; headers != NULL && i < headers->n; i++)
		if (strcmp(headers->list[i].name, BETA_HEADER) == 0 &&
		    !take_betas(&betas, headers->list[i].value, login))
			return false;
	betas.value[betas.n] = '\0';
	if (login && !betas.has_mark)
		snprintf(betas.value + betas.n, sizeof betas.value - betas.n, "%s" BETA_LOGIN,
			 betas.n > 0 ? "," : "");
	return betas.value[0] == '\0' || add_line(list, BETA_HEADER, betas.value);
}

/* What the client accepts, of all lines (SERVERS.md, rule 6). */
static bool
add_accept(struct curl_slist **list, const struct headers *headers)
{
	char value[HEADER_VALUE_MAX];
	size_t n = 0;
	for (size_t i = 0; i < headers->n; i++) {
		const struct header *h = &headers->list[i];
		if (strcmp(h->name, "accept") != 0)
			continue;
		int more =
		    snprintf(value + n, sizeof value - n, "%s%s", n > 0 ? ", " : "", h->value);
		if (more < 0 || (size_t)more >= sizeof value - n)
			return false;
		n += (size_t)more;
	}
	return n == 0 || add_line(list, "accept", value);
}

/* The lists apart, and of what came twice the first: real servers refuse two. */
static bool
add_client_headers(struct curl_slist **list, const struct headers *headers)
{
	for (size_t i = 0; i < headers->n; i++) {
		const struct header *h = &headers->list[i];
		bool is_list = strcmp(h->name, BETA_HEADER) == 0 || strcmp(h->name, "accept") == 0;
		bool goes = goes_to_claude(h->name) && !is_list &&
			    headers_find(headers, h->name) == h->value;
		if (goes && !add_line(list, h->name, h->value))
			return false;
	}
	return add_accept(list, headers);
}

static bool
add_missing(struct curl_slist **list, const struct headers *headers, const char *name,
	    const char *value)
{
	bool told = headers != NULL && headers_find(headers, name) != NULL;
	return told || add_line(list, name, value);
}

static bool
add_claude_headers(struct curl_slist **list, const struct attempt_options *ask)
{
	bool login = is_login(ask->credential);
	if (ask->headers != NULL && !add_client_headers(list, ask->headers))
		return false;
	if (!add_betas(list, ask->headers, login) ||
	    !add_missing(list, ask->headers, VERSION_HEADER, VERSION_DEFAULT) ||
	    !add_missing(list, ask->headers, "user-agent", OUR_USER_AGENT) ||
	    !add_missing(list, ask->headers, "accept", "application/json"))
		return false;
	return login || add_line(list, "x-api-key", ask->credential);
}

static bool
add_bearer(struct curl_slist **list, const char *credential)
{
	char value[TOKEN_MAX + 16];
	int n = snprintf(value, sizeof value, "Bearer %s", credential);
	bool added = n > 0 && (size_t)n < sizeof value && add_line(list, "authorization", value);
	explicit_bzero(value, sizeof value);
	return added;
}

static bool
add_headers(struct curl_slist **list, const struct attempt_options *ask)
{
	bool claude = ask->provider->dialect->forwards_headers;
	if (claude && !add_claude_headers(list, ask))
		return false;
	if (!claude && (!add_line(list, "user-agent", OUR_USER_AGENT) ||
			!add_line(list, "accept", "application/json, text/event-stream")))
		return false;
	if ((!claude || is_login(ask->credential)) && !add_bearer(list, ask->credential))
		return false;
	if (ask->body != NULL &&
	    !(claude && ask->headers != NULL &&
	      headers_find(ask->headers, "content-type") != NULL) &&
	    !add_line(list, "content-type", "application/json"))
		return false;
	/* libcurl would wait a second for a 100-continue at larger bodies: PROOFS.md C. */
	return add_line(list, "accept-encoding", "identity") && append(list, "Expect:");
}

/* --- The transfer ----------------------------------------------------- */

static bool
is_tls(const struct provider *provider)
{
	return text_has_scheme(provider->url, "https");
}

/* What set_transport() sets, in a word. */
static uint64_t
manner_of(const struct attempt_options *ask)
{
	const struct provider *p = ask->provider;
	const char *const texts[] = {p->proxy, p->ca_file, p->ca_path};
	const int64_t numbers[] = {p->dns_cache_ms, ask->config->connect_timeout_ms, is_tls(p)};
	uint64_t manner = 1;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		manner = manner * 31 + (texts[i] == NULL ? 1 : digest_name(texts[i]));
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		manner = manner * 31 + (uint64_t)numbers[i];
	return manner == 0 ? 1 : manner;
}

/* How to reach the provider: the same for all of its attempts. */
static bool
set_transport(CURL *easy, const struct attempt_options *ask)
{
	const struct provider *p = ask->provider;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Models think in silence: a line in between would forget the connection, and of a
	 * peer that has vanished nobody would hear before the deadline. */
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S / 4);
	/* Each transfer has such a buffer, and an event of a stream is small. */
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_SIZE);
	/* Or giving up during a hanging lookup blocks the loop until the lookup ends. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)(p->dns_cache_ms / 1000));
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)ask->config->connect_timeout_ms);
	if (is_tls(p)) /* libcurl keeps it from the request's first byte to the answer's last */
		curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)TLS_SEND_SIZE);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
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

static bool
set_request(struct attempt *a, const struct attempt_options *ask)
{
	char url[4096];
	int n = snprintf(url, sizeof url, "%s%s%s%s", ask->provider->url, ask->path,
			 ask->query[0] == '\0' ? "" : "?", ask->query);
	if (n < 0 || (size_t)n >= sizeof url || !add_headers(&a->headers, ask))
		return false;
	curl_easy_setopt(a->easy, CURLOPT_HTTPHEADER, a->headers);
	curl_easy_setopt(a->easy, CURLOPT_PREREQDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_SOCKOPTDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_FRESH_CONNECT, (long)ask->fresh);
	/* The owner's own limit comes first; this one is for owners that forget. */
	curl_easy_setopt(a->easy, CURLOPT_TIMEOUT_MS, (long)(ask->total_ms + GRACE_MS));
	if (ask->body != NULL) {
		curl_easy_setopt(a->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(a->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body_len);
		curl_easy_setopt(a->easy, CURLOPT_POSTFIELDS, ask->body);
	}
	return curl_easy_setopt(a->easy, CURLOPT_URL, url) == CURLE_OK;
}

struct attempt *
attempt_start(struct pool *pool, const struct attempt_options *ask, void (*news)(void *owner),
	      void *owner)
{
	struct attempt *a = calloc(1, sizeof *a);
	if (a == NULL)
		return NULL;
	a->pool = pool;
	a->news = news;
	a->owner = owner;
	a->task.run = tell;
	a->transfer.ended = on_end;
	a->stored = ask->stored;
	a->hide = !ask->provider->dialect->reports_quota ? HIDE_ANTHROPIC
		  : ask->stored                          ? HIDE_ORGANIZATION
							 : HIDE_NOTHING;
	a->body_len = ask->body_len;
	response_init(&a->response);
	buf_init(&a->bytes, RESPONSE_JSON_MAX);
	a->manner = manner_of(ask);
	bool ready;
	a->easy = pool_borrow(pool, a->manner, &ready);
	if (a->easy != NULL && !ready && !set_transport(a->easy, ask))
		a->manner = 0; /* what it has of the options is not kept */
	else if (a->easy != NULL && set_request(a, ask) && pool_add(pool, a->easy, &a->transfer))
		return a;
	attempt_free(a);
	return NULL;
}

void
attempt_free(struct attempt *a)
{
	if (a == NULL)
		return;
	if (a->easy != NULL)
		pool_return(a->pool, a->easy, a->manner);
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
	if (!a->paused)
		return;
	a->paused = false;
	/* Calls on_body() inside itself with all that it holds: PROOFS.md B. What it could
	 * not hand over it has thrown away, and goes on. */
	if (curl_easy_pause(a->easy, CURLPAUSE_CONT) != CURLE_OK && !a->too_big)
		a->no_memory = true;
}

bool
attempt_is_sent(const struct attempt *a)
{
	curl_off_t sent = 0;
	curl_easy_getinfo(a->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	return (size_t)sent >= a->body_len;
}

bool
attempt_ended(const struct attempt *a, enum ending *ending)
{
	if (!a->ended)
		return false;
	/* libcurl says OUT_OF_MEMORY of a header line beyond its own limit, too. */
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

/* What a line of our request shows; NULL: no credential. */
static const char *
credential_in(const char *line)
{
	static const char *const leads[] = {"authorization: Bearer ", "x-api-key: "};
	for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
		if (strncmp(line, leads[i], strlen(leads[i])) == 0)
			return line + strlen(leads[i]);
	return NULL;
}

void
attempt_redact(const struct attempt *a, char *bytes, size_t n)
{
	for (const struct curl_slist *l = a->headers; a->stored && l != NULL; l = l->next) {
		const char *credential = credential_in(l->data);
		size_t length = credential == NULL ? 0 : strlen(credential);
		char *at = bytes;
		while (length > 0 && n > 0 &&
		       (at = memmem(at, n - (size_t)(at - bytes), credential, length)) != NULL) {
			memset(at, '*', length);
			at += length; /* or stars would be found again for ever */
		}
	}
}

/* SPDX-License-Identifier: MIT */
#include "client/request.h"

#include "base/count.h"
#include "base/digest.h"
#include "base/str.h"
#include "base/utf8.h"
#include "config/credential.h"
#include "config/keys.h"
#include "config/text.h"
#include "dialect/forwarding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static void
make_id(char id[static REQUEST_ID_SIZE])
{
	uint8_t bytes[12];
	/* Only a name, but a probe's lease is held by it: it must differ for each request even
	 * without entropy. */
	if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) != sizeof bytes) {
		struct timespec now = {0};
		int pid = (int)getpid();
		clock_gettime(CLOCK_MONOTONIC, &now);
		uint64_t ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
		memcpy(bytes, &ns, 8);
		memcpy(bytes + 8, &pid, 4);
	}
	memcpy(id, "req_", 4);
	hex_write(bytes, sizeof bytes, id + 4);
}

void
request_init(struct request *r, size_t max_body_bytes)
{
	*r = (struct request){
	    .content_length = -1, .method = "", .path = "", .query = "", .route = &route_none};
	buf_init_secret(&r->params, 2 * PARAMS_MAX);
	buf_init(&r->body, max_body_bytes);
	make_id(r->id);
}

void
request_fini(struct request *r)
{
	buf_free(&r->params);
	buf_free(&r->body);
	free(r->headers.list);
	r->headers = (struct headers){0};
}

/* --- Parameters ------------------------------------------------------- */

static bool
copy_params(struct request *r, char *const *params)
{
	size_t total = 0, n = 0;
	for (; params[n] != NULL; n++)
		total += strlen(params[n]) + 1;
	/* They live as long as the stream: no more room than they need. */
	size_t n_headers = n < REQUEST_HEADERS_MAX ? n : REQUEST_HEADERS_MAX;
	r->headers.list = calloc(n_headers + 1, sizeof *r->headers.list);
	if (r->headers.list == NULL || !buf_reserve(&r->params, total))
		return false;
	for (size_t i = 0; params[i] != NULL; i++)
		if (!buf_add(&r->params, params[i], strlen(params[i]) + 1))
			return false;
	return true;
}

/* Web servers pass an HTTP header X-Name as HTTP_X_NAME (RFC 3875, 4.1.18). */
static void
to_header_name(char *name)
{
	for (; *name != '\0'; name++)
		if (*name == '_')
			*name = '-';
		else if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name | 32);
}

static bool
is_clean(const char *value)
{
	for (; *value != '\0'; value++)
		if ((unsigned char)*value < ' ' || *value == 127)
			return false;
	return true;
}

static bool
is_credential(const char *name)
{
	return strcmp(name, "authorization") == 0 || strcmp(name, "x-api-key") == 0 ||
	       strcmp(name, "x-router-key") == 0 || strcmp(name, "x-router-admin") == 0;
}

/* Else a part of the name would be a header of its own at a provider. */
static bool
is_header_name(const char *name)
{
	return name[0] != '\0' && is_clean(name) && strpbrk(name, " :") == NULL;
}

/* Keeps the first of several values, which lighttpd and Apache join. */
static void
cut_list(char *value)
{
	value[strcspn(value, ",")] = '\0';
	for (size_t n = strlen(value); n > 0 && strchr(" \t", value[n - 1]) != NULL; n--)
		value[n - 1] = '\0';
}

static struct refusal
add_header(struct request *r, char *name, char *value)
{
	to_header_name(name);
	if (!is_header_name(name))
		return refusal_make(400, "invalid_request_error",
				    "A header's name contains a byte that is not allowed.");
	if (!is_clean(value))
		return refusal_make(400, "invalid_request_error",
				    "The header %.64s contains a control byte.", name);
	if (is_credential(name) &&
	    (headers_find(&r->headers, name) != NULL || strchr(value, ',') != NULL))
		return refusal_make(400, "invalid_request_error",
				    "The header %s was sent twice, or contains a comma: send one "
				    "credential.",
				    name);
	/* nginx passes each line on, and content-type under both of its names (SERVERS.md, rule
	 * 6). */
	bool single = forwarding_of(name) == FORWARDING_SINGLE;
	if (single && headers_find(&r->headers, name) != NULL)
		return refusal_none;
	if (single)
		cut_list(value);
	if (r->headers.n == REQUEST_HEADERS_MAX)
		return refusal_make(400, "invalid_request_error", "More than %d headers.",
				    REQUEST_HEADERS_MAX);
	r->headers.list[r->headers.n++] = (struct header){name, value};
	return refusal_none;
}

/* The parameters that are used and are not headers. Borrowed. */
struct facts {
	const char *uri;
	const char *address;
	const char *server;
};

/* More than 18 digits are too large for any body. */
static struct refusal
read_content_length(struct request *r, const char *value)
{
	uint64_t length;
	if (value[strspn(value, "0123456789")] != '\0')
		return refusal_make(400, "invalid_request_error",
				    "The web server sent a CONTENT_LENGTH that is not a "
				    "number.");
	r->content_length = text_read_digits(&value, 18, &length) ? (int64_t)length : INT64_MAX;
	return refusal_none;
}

static struct refusal
read_param(struct request *r, struct facts *facts, char *name, char *value)
{
	if (str_starts_with(name, "HTTP_"))
		return add_header(r, name + strlen("HTTP_"), value);
	if (strcmp(name, "CONTENT_TYPE") == 0 && value[0] != '\0')
		return add_header(r, name, value);
	if (strcmp(name, "REQUEST_METHOD") == 0)
		r->method = value;
	else if (strcmp(name, "REQUEST_URI") == 0)
		facts->uri = value;
	else if (strcmp(name, "REMOTE_ADDR") == 0)
		facts->address = value;
	else if (strcmp(name, "SERVER_SOFTWARE") == 0)
		facts->server = value;
	else if (strcmp(name, "CONTENT_LENGTH") == 0 && value[0] != '\0')
		return read_content_length(r, value);
	return refusal_none;
}

static struct refusal
read_params(struct request *r, struct facts *facts)
{
	char *end = r->params.data + r->params.len;
	for (char *name = r->params.data; name < end;) {
		char *next = name + strlen(name) + 1;
		char *value = strchr(name, '=');
		if (value != NULL) {
			*value++ = '\0';
			struct refusal refusal = read_param(r, facts, name, value);
			if (refusal.status != 0)
				return refusal;
		}
		name = next;
	}
	return refusal_none;
}

/* --- The path --------------------------------------------------------- */

/* The parameters of a query that are forwarded, unchanged (BEHAVIOUR 2). */
static bool
is_forwarded(const char *parameter)
{
	static const char *const names[] = {"beta=", "limit=", "after_id=", "before_id="};
	for (size_t i = 0; i < COUNT(names); i++)
		if (str_starts_with(parameter, names[i]))
			return true;
	return false;
}

static bool
is_query_safe(const char *parameter)
{
	for (; *parameter != '\0'; parameter++)
		if (*parameter <= ' ' || *parameter > '~' || *parameter == '#')
			return false;
	return true;
}

/* Seconds, at most SELF_TEST_SILENCE_MAX_S; 0: not a number. */
static uint32_t
read_silence(const char *text)
{
	uint64_t seconds;
	if (!text_read_digits(&text, 9, &seconds) || *text != '\0')
		return 0;
	return seconds < SELF_TEST_SILENCE_MAX_S ? (uint32_t)seconds : SELF_TEST_SILENCE_MAX_S;
}

/* Notes a parameter of a route of ours; unknown ones are ignored. */
static void
read_parameter(struct request *r, const char *parameter)
{
	const struct {
		const char *name, **value;
	} texts[] = {
	    {"days=", &r->days}, {"by=", &r->by}, {"after=", &r->after}, {"limit=", &r->limit}};
	if (strcmp(parameter, "live=1") == 0)
		r->live = true;
	if (strncmp(parameter, "silence=", 8) == 0)
		r->silence_s = read_silence(parameter + 8);
	for (size_t i = 0; i < COUNT(texts); i++)
		if (strncmp(parameter, texts[i].name, strlen(texts[i].name)) == 0)
			*texts[i].value = parameter + strlen(texts[i].name);
}

/* The query of a route of ours. */
static void
read_query(struct request *r, char *query)
{
	char *rest = NULL;
	for (char *p = strtok_r(query, "&", &rest); p != NULL; p = strtok_r(NULL, "&", &rest))
		read_parameter(r, p);
}

/* Keeps of the query, in place, what is forwarded. */
static void
filter_query(struct request *r, char *query)
{
	char *out = query, *rest = NULL;
	char *start = query;
	for (char *p = strtok_r(query, "&", &rest); p != NULL; p = strtok_r(NULL, "&", &rest)) {
		if (!is_forwarded(p) || !is_query_safe(p))
			continue;
		size_t n = strlen(p);
		if (out != start)
			*out++ = '&';
		memmove(out, p, n);
		out += n;
	}
	*out = '\0';
	r->query = start;
}

/* Cuts /k/KEY, a client key, off the front of the path, and one /v1 of two, which a base URL
 * that ends in /v1 causes. */
static char *
normalize_path(struct request *r, char *path)
{
	static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_-";
	size_t n = str_starts_with(path, "/k/") ? strspn(path + 3, word) : 0;
	if (n > 0 && path[3 + n] == '/') {
		/* The key moves down by one byte to make room for its NUL. */
		memmove(path + 2, path + 3, n);
		path[2 + n] = '\0';
		r->client_key = path + 2;
		path += 3 + n;
	}
	return str_starts_with(path, "/v1/v1/") ? path + strlen("/v1") : path;
}

/* Names the routes, but those with an id, and the greeting. */
static struct refusal
unknown_path(const struct routes *routes)
{
	struct buf paths;
	buf_init(&paths, ERROR_TEXT_MAX);
	for (size_t i = 0; i < routes->n; i++)
		if (routes->list[i].id != ROUTE_MODEL && strcmp(routes->list[i].path, "/") != 0)
			buf_append_cut(&paths, "%s%s", i == 0 ? "" : ", ", routes->list[i].path);
	struct refusal refusal = refusal_make(
	    404, "not_found_error", "Unknown path. Claude Router serves %s.", buf_text(&paths));
	buf_free(&paths);
	return refusal;
}

static struct refusal
find_route(struct request *r, const char *uri, const struct routes *routes)
{
	/* It points into r->params, which may be changed. */
	char *path = r->params.data + (uri - r->params.data);
	char *query = strchr(path, '?');
	if (query != NULL)
		*query = '\0';
	path = normalize_path(r, path);
	r->path = path;
	r->route = route_find(routes, path, &r->route_argument);
	if (query != NULL && r->route->id == ROUTE_OTHER)
		read_query(r, query + 1);
	else if (query != NULL)
		filter_query(r, query + 1);
	if (r->route->id == ROUTE_NONE)
		return unknown_path(routes);
	if (!route_allows(r->route, r->method)) {
		struct refusal refusal = refusal_make(405, "invalid_request_error",
						      "This path allows %s.", r->route->methods);
		refusal.allow = r->route->methods;
		return refusal;
	}
	return refusal_none;
}

/* --- The client ------------------------------------------------------- */

/* The text behind a prefix, in any case; NULL: it has another one. */
static const char *
skip_prefix(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);
	return text != NULL && strncasecmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* The token of "Bearer TOKEN", with "Bearer" in any case, and blanks or tabs in between. */
static const char *
bearer_token(const struct request *r)
{
	const char *token = skip_prefix(headers_find(&r->headers, "authorization"), "Bearer");
	return token != NULL && (*token == ' ' || *token == '\t') ? token + strspn(token, " \t")
								  : NULL;
}

static bool
is_login(const char *token)
{
	return credential_kind(token) == CREDENTIAL_LOGIN;
}

static bool
is_api_key(const char *token)
{
	return credential_kind(token) == CREDENTIAL_API_KEY;
}

static void
find_credentials(struct request *r)
{
	const char *bearer = bearer_token(r);
	const char *key = headers_find(&r->headers, "x-api-key");
	const char *admin = headers_find(&r->headers, "x-router-admin");
	r->login_as_key = is_login(key) && !is_login(bearer);
	r->login = r->login_as_key ? key : is_login(bearer) ? bearer : NULL;
	r->api_key = is_api_key(key) ? key : is_api_key(bearer) ? bearer : NULL;
	r->presented_token = admin != NULL ? admin : bearer;
	if (r->presented_token != NULL && keys_is_key(r->presented_token))
		r->presented_token = NULL; /* a client key never makes an admin */
}

/* A client key is sent in the path or in a header of its own, beside a login that is forwarded
 * to Claude; or alone, in place of a credential. What is there and does not look like one of our
 * keys, such as "dummy", is ignored. */
static struct refusal
find_client_key(struct request *r)
{
	const char *bearer = bearer_token(r);
	const char *key = headers_find(&r->headers, "x-api-key");
	const char *const sent[] = {
	    r->client_key,
	    headers_find(&r->headers, "x-router-key"),
	    key != NULL && keys_is_key(key) ? key : NULL,
	    bearer != NULL && keys_is_key(bearer) ? bearer : NULL,
	};
	for (size_t i = 0; i < COUNT(sent); i++) {
		if (sent[i] == NULL)
			continue;
		if (r->client_key != NULL && strcmp(r->client_key, sent[i]) != 0)
			return refusal_make(400, "invalid_request_error",
					    "Two different client keys were sent: send one, in the "
					    "path (/k/KEY/…) or as x-router-key.");
		r->client_key = sent[i];
	}
	return refusal_none;
}

static void
read_client(struct request *r, const struct config *config, const struct facts *facts)
{
	struct peer peer;
	const struct peer_evidence evidence = {facts->address, facts->server, r->method,
					       &r->headers};
	peer_find(&peer, &evidence, config);
	r->from_web_page = peer.from_web_page;
	r->from_browser = peer.from_browser;
	r->local = peer.local;
	memcpy(r->address, peer.address, sizeof r->address);
	memcpy(r->page_address, peer.page_address, sizeof r->page_address);
	r->claude_code =
	    skip_prefix(headers_find(&r->headers, "user-agent"), "claude-cli/") != NULL;
	find_credentials(r);
}

static bool
is_json_type(const char *type)
{
	const char *rest = skip_prefix(type, "application/json");
	return rest != NULL && strchr(";", rest[strspn(rest, " \t")]) != NULL; /* or its NUL */
}

/* A form on another site can send text, which a browser allows without asking us first. */
static struct refusal
check_content_type(const struct request *r)
{
	if (!route_has_message(r->route) || !r->from_browser ||
	    is_json_type(headers_find(&r->headers, "content-type")))
		return refusal_none;
	return refusal_make(415, "invalid_request_error",
			    "From a browser, content-type: application/json is required.");
}

struct refusal
request_read_params(struct request *r, char *const *params, const struct config *config,
		    const struct routes *routes)
{
	struct facts facts = {.uri = "", .address = "", .server = ""};
	if (!copy_params(r, params))
		return refusal_out_of_memory;
	struct refusal refusal = read_params(r, &facts);
	if (refusal.status != 0)
		return refusal;
	if (facts.uri[0] == '\0')
		return refusal_make(400, "invalid_request_error",
				    "The web server sent no REQUEST_URI.");
	refusal = find_route(r, facts.uri, routes);
	if (refusal.status != 0)
		return refusal;
	read_client(r, config, &facts);
	refusal = find_client_key(r);
	if (refusal.status != 0)
		return refusal;
	refusal = check_content_type(r);
	if (refusal.status != 0)
		return refusal;
	if (r->content_length > (int64_t)r->body.max)
		return refusal_make(413, "request_too_large",
				    "The body is larger than max_request_bytes (%zu).",
				    r->body.max);
	return refusal_none;
}

/* A byte order mark is not JSON, and providers refuse it. */
static void
drop_byte_order_mark(struct buf *body)
{
	static const char mark[] = "\xef\xbb\xbf";
	if (body->len >= 3 && memcmp(body->data, mark, 3) == 0)
		buf_drop(body, 3);
}

/* Of the encoding only what looks like its name is quoted: the error must be JSON. */
static struct refusal
check_encoding(const struct request *r)
{
	static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789-_., ";
	const char *encoding = headers_find(&r->headers, "content-encoding");
	size_t n = encoding == NULL ? 0 : strspn(encoding, word);
	if (encoding != NULL && encoding[0] != '\0' && strcasecmp(encoding, "identity") != 0)
		return refusal_make(
		    415, "invalid_request_error",
		    "content-encoding: %.*s is not supported: send the body without "
		    "it.",
		    n < 64 ? (int)n : 64, encoding);
	size_t at = utf8_valid(r->body.data, r->body.len);
	if (at < r->body.len)
		return refusal_make(400, "invalid_request_error",
				    "The request's body is not UTF-8: byte %zu of %zu.", at,
				    r->body.len);
	return refusal_none;
}

struct refusal
request_read_body(struct request *r)
{
	char error[ERROR_TEXT_MAX];
	if (!route_has_message(r->route))
		return refusal_none;
	if (r->body.len == 0)
		return refusal_make(400, "invalid_request_error",
				    "The body is empty: send a Messages request as JSON.");
	drop_byte_order_mark(&r->body);
	struct refusal refusal = check_encoding(r);
	if (refusal.status != 0)
		return refusal;
	if (!message_read(r->body.data, r->body.len, &r->message, error))
		return refusal_make(400, "invalid_request_error", "%s", error);
	if (r->message.stream_odd)
		return refusal_make(400, "invalid_request_error", "stream: must be true or false.");
	return refusal_none;
}

const char *
request_client(const struct request *r)
{
	return r->client[0] != '\0' ? r->client : r->address[0] != '\0' ? r->address : "-";
}

const char *
request_session(const struct request *r, char text[static 2 * SESSION_ID_MAX])
{
	const char *session = headers_find(&r->headers, "x-claude-code-session-id");
	const char *agent = headers_find(&r->headers, "x-claude-code-agent-id");
	if (session == NULL)
		session = r->message.session_id;
	if (session[0] == '\0')
		text[0] = '\0';
	else
		snprintf(text, 2 * SESSION_ID_MAX, "%.*s/%.*s", SESSION_ID_MAX - 1, session,
			 SESSION_ID_MAX - 1, agent == NULL ? "" : agent);
	return text;
}

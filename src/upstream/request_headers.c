/* SPDX-License-Identifier: MIT */
#include "upstream/request_headers.h"

#include "base/count.h"
#include "base/str.h"
#include "config/credential.h"
#include "dialect/dialect.h"
#include "dialect/forwarding.h"

#include <stdio.h>
#include <string.h>

#define VERSION_HEADER  "anthropic-version"
#define VERSION_DEFAULT "2023-06-01" /* CLIENT.md 1 */
#define BETA_HEADER     "anthropic-beta"
#define BETA_LOGIN      "oauth-2025-04-20" /* PROTOCOLS.md 4 */
#define OUR_USER_AGENT  "claude-router/" PACKAGE_VERSION

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
	/* libcurl sends a header without a value when a semicolon ends it. */
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

/* A list of betas, one by one, and whether the login's own is among them. */
struct betas {
	char value[HEADER_VALUE_MAX];
	size_t n;
	bool has_login;
};

/* Adds a header line. False: no room. */
static bool
add_beta_line(struct betas *to, const char *line, bool login)
{
	size_t mark = strlen(BETA_LOGIN);
	line += strspn(line, ", ");
	for (const char *b = line; *b != '\0'; b += strspn(b, ", ")) {
		size_t word = strcspn(b, ", ");
		bool is_login = word == mark && memcmp(b, BETA_LOGIN, mark) == 0;
		to->has_login |= is_login;
		if (!is_login || login) {
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

/* The betas of all lines as they came, except the login's own: a login needs it, a key must not
 * send it (PROTOCOLS.md 4). */
static bool
add_betas(struct curl_slist **list, const struct headers *headers, bool login)
{
	struct betas betas = {.n = 0};
	for (size_t i = 0; headers != NULL && i < headers->n; i++)
		if (strcmp(headers->list[i].name, BETA_HEADER) == 0 &&
		    !add_beta_line(&betas, headers->list[i].value, login))
			return false;
	betas.value[betas.n] = '\0';
	if (login && !betas.has_login)
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

/* Without the lists, and only the first of a repeated header: real servers refuse two. */
static bool
add_client_headers(struct curl_slist **list, const struct headers *headers)
{
	for (size_t i = 0; i < headers->n; i++) {
		const struct header *h = &headers->list[i];
		enum forwarding forwarding = forwarding_of(h->name);
		bool keeps = forwarding != FORWARDING_NONE && forwarding != FORWARDING_LIST &&
			     headers_find(headers, h->name) == h->value;
		if (keeps && !add_line(list, h->name, h->value))
			return false;
	}
	return add_accept(list, headers);
}

static bool
add_missing(struct curl_slist **list, const struct headers *headers, const char *name,
	    const char *value)
{
	bool given = headers != NULL && headers_find(headers, name) != NULL;
	return given || add_line(list, name, value);
}

static bool
add_claude_headers(struct curl_slist **list, const struct attempt_options *options)
{
	bool login = credential_kind(options->credential) == CREDENTIAL_LOGIN;
	if (options->headers != NULL && !add_client_headers(list, options->headers))
		return false;
	if (!add_betas(list, options->headers, login) ||
	    !add_missing(list, options->headers, VERSION_HEADER, VERSION_DEFAULT) ||
	    !add_missing(list, options->headers, "user-agent", OUR_USER_AGENT) ||
	    !add_missing(list, options->headers, "accept", "application/json"))
		return false;
	return login || add_line(list, "x-api-key", options->credential);
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

bool
request_headers_add(struct curl_slist **list, const struct attempt_options *options)
{
	bool claude = options->provider->dialect->forwards_headers;
	if (claude && !add_claude_headers(list, options))
		return false;
	if (!claude && (!add_line(list, "user-agent", OUR_USER_AGENT) ||
			!add_line(list, "accept", "application/json, text/event-stream")))
		return false;
	if ((!claude || credential_kind(options->credential) == CREDENTIAL_LOGIN) &&
	    !add_bearer(list, options->credential))
		return false;
	if (options->body != NULL &&
	    !(claude && options->headers != NULL &&
	      headers_find(options->headers, "content-type") != NULL) &&
	    !add_line(list, "content-type", "application/json"))
		return false;
	/* libcurl would wait a second for a 100-continue at larger bodies: PROOFS.md C. */
	return add_line(list, "accept-encoding", "identity") && append(list, "Expect:");
}

const char *
request_headers_credential(const char *line)
{
	static const char *const leads[] = {"authorization: Bearer ", "x-api-key: "};
	for (size_t i = 0; i < COUNT(leads); i++)
		if (str_starts_with(line, leads[i]))
			return line + strlen(leads[i]);
	return NULL;
}

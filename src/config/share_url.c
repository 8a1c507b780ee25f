/* SPDX-License-Identifier: MIT */
#include "config/share_url.h"

#include "base/count.h"
#include "base/str.h"
#include "config/text.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_PORT   6379
#define DEFAULT_PREFIX "cr"
#define NAME_MARKS     "_.-"

/* A part that is being read: what is left of the text, and what is wrong with it. */
struct reader {
	const char *at;
	const char *why;
};

static bool
refuse(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

static bool
read_scheme(struct reader *r, struct share_url *url, bool *is_socket)
{
	static const struct {
		const char *name;
		bool is_tls, is_socket;
	} schemes[] = {{"valkey", false, false},
		       {"redis", false, false},
		       {"valkeys", true, false},
		       {"rediss", true, false},
		       {"unix", false, true}};
	for (size_t i = 0; i < COUNT(schemes); i++) {
		if (!text_has_scheme(r->at, schemes[i].name))
			continue;
		r->at += strlen(schemes[i].name) + 3;
		url->is_tls = schemes[i].is_tls;
		*is_socket = schemes[i].is_socket;
		return true;
	}
	return refuse(r, "use valkey://HOST or redis://HOST, valkeys:// or rediss:// for TLS, or "
			 "unix:///PATH");
}

/* Copies n bytes, a name with its NUL of at most size. */
static bool
take_name(const char *text, size_t n, char *out, size_t size)
{
	if (!text_is_word(text, n, NAME_MARKS, size - 1))
		return false;
	snprintf(out, size, "%.*s", (int)n, text);
	return true;
}

/* Before a host the last @ ends it, so that nothing of a password is taken for a host; a path may
 * hold one. */
static bool
read_user(struct reader *r, struct share_url *url, bool is_socket)
{
	size_t n = strcspn(r->at, "/");
	const char *end = is_socket ? memchr(r->at, '@', n) : strrchr(r->at, '@');
	if (end == NULL)
		return true;
	size_t bytes = (size_t)(end - r->at);
	if (memchr(r->at, ':', bytes) != NULL)
		return refuse(r,
			      "a password belongs in tokens.txt, as a line share = PASSWORD, not "
			      "in this URL");
	if (!take_name(r->at, bytes, url->user, sizeof url->user))
		return refuse(r, "before @ use a user's name of 1 to 64 letters, digits, _ . or -; "
				 "a password belongs in tokens.txt");
	r->at = end + 1;
	return true;
}

static bool
read_db(const char **at, unsigned *db)
{
	uint64_t number;
	if (!text_read_digits(at, 2, &number) || number > SHARE_DB_MAX)
		return false;
	*db = (unsigned)number;
	return true;
}

static bool
read_host(struct reader *r, struct share_url *url)
{
	if (!text_read_authority(&r->at, url->host, &url->port) || strchr("/?", *r->at) == NULL)
		return refuse(r, "after // use HOST[:PORT], an IPv6 address in brackets");
	if (*r->at == '/' && strchr("?", r->at[1]) != NULL)
		r->at++;
	if (*r->at != '/')
		return true;
	r->at++;
	if (!read_db(&r->at, &url->db) || strchr("?", *r->at) == NULL)
		return refuse(r, "after the host's / use the number of a database, 0 to 15");
	return true;
}

static bool
read_socket(struct reader *r, struct share_url *url)
{
	size_t n = strcspn(r->at, "?");
	if (n >= sizeof url->socket)
		return refuse(r, "the path of a Unix socket has 107 bytes at most");
	snprintf(url->socket, sizeof url->socket, "%.*s", (int)n, r->at);
	if (!text_is_path(url->socket))
		return refuse(r, "after unix:// use the absolute path of a socket");
	r->at += n;
	return true;
}

/* "?NAME=VALUE&…"; the database of a host is in its path. */
static bool
read_query(struct reader *r, struct share_url *url, bool is_socket)
{
	while (*r->at != '\0') {
		const char *at = r->at + 1;
		size_t n = strcspn(at, "&");
		bool ok = false;
		if (str_starts_with(at, "prefix=")) {
			at += strlen("prefix=");
			ok = take_name(at, strcspn(at, "&"), url->prefix, sizeof url->prefix);
		} else if (is_socket && str_starts_with(at, "db=")) {
			at += strlen("db=");
			ok = read_db(&at, &url->db) && at == r->at + 1 + n;
		}
		if (!ok)
			return refuse(r, is_socket
					     ? "after ? use db=0 to 15 and prefix=NAME, of 1 to 32 "
					       "letters, digits, _ . or -, with & between them"
					     : "after ? use prefix=NAME, of 1 to 32 letters, "
					       "digits, _ . or -");
		r->at += 1 + n;
	}
	return true;
}

bool
share_url_is_user(const char *text)
{
	return text_is_word(text, strlen(text), NAME_MARKS, SHARE_USER_SIZE - 1);
}

bool
share_url_parse(const char *text, struct share_url *out, const char **why)
{
	struct reader r = {.at = text, .why = ""};
	bool is_socket;
	*out = (struct share_url){.port = DEFAULT_PORT, .prefix = DEFAULT_PREFIX};
	bool ok = read_scheme(&r, out, &is_socket) && read_user(&r, out, is_socket) &&
		  (is_socket ? read_socket(&r, out) : read_host(&r, out)) &&
		  read_query(&r, out, is_socket);
	*why = r.why;
	return ok;
}

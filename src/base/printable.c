/* SPDX-License-Identifier: MIT */
#include "base/printable.h"

#include "base/count.h"
#include "base/str.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- Characters ---------------------------------------------------------- */

/* C1 controls are not shown. */
size_t
printable_character(const char *text, size_t n)
{
	const unsigned char *c = (const unsigned char *)text;
	if (c[0] < 0x80)
		return c[0] >= ' ' && c[0] <= '~';
	bool control = n > 1 && c[0] == 0xc2 && c[1] < 0xa0;
	return control ? 0 : utf8_sequence(text, n);
}

/* --- Foreign text -------------------------------------------------------- */

/* Where a credential begins by itself. */
static const struct {
	const char *text;
	bool word; /* only where no letter or digit precedes it */
} secret_starts[] = {{"sk-ant", false}, {"sk-", true}, {"crk_", false}, {"eyJ", true}};

/* What precedes a credential. */
static const char *const secret_leads[] = {
    "bearer",      "basic",        "authorization", "proxy-authorization", "x-api-key",
    "api_key",     "api-key",      "apikey",        "x-router-admin",      "x-router-key",
    "admin_token", "access_token", "refresh_token", "share_key",
};

struct stretch {
	size_t at, end;
};

/* The end of the bytes from at on that a credential may consist of. */
static size_t
token_end(const char *text, size_t n, size_t at)
{
	while (at < n && (str_is_alnum(text[at]) ||
			  (text[at] != '\0' && strchr("-._~+=/", text[at]) != NULL)))
		at++;
	return at;
}

/* Whether these bytes are a word of a sentence ("bearer authentication."). */
static bool
is_prose(const char *text, size_t n)
{
	while (n > 0 && text[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n; i++)
		if (text[i] < 'a' || text[i] > 'z')
			return false;
	return true;
}

static bool
has_at(const char *text, size_t n, size_t at, const char *lead)
{
	size_t length = strlen(lead);
	return length <= n - at && strncasecmp(text + at, lead, length) == 0;
}

/* The end of a lead at that place and of what separates it from its value;
 * at itself when there is none. */
static size_t
lead_end(const char *text, size_t n, size_t at)
{
	for (size_t i = 0; i < COUNT(secret_leads); i++) {
		if (!has_at(text, n, at, secret_leads[i]))
			continue;
		size_t lead = at + strlen(secret_leads[i]);
		size_t end = lead;
		while (end < n && text[end] != '\0' && strchr(" \t:=\"'\\", text[end]) != NULL)
			end++;
		if (end > lead)
			return end;
	}
	return at;
}

/* Whether the byte at that place belongs to the same part of a URL. */
static bool
is_url_part(const char *text, size_t n, size_t at)
{
	return at < n && (unsigned char)text[at] > ' ' && strchr("/?#\"'", text[at]) == NULL;
}

/* The user in a URL whose "://" is at that place; empty when there is none. */
static struct stretch
userinfo(const char *text, size_t n, size_t at)
{
	struct stretch user = {at + 3, at + 3};
	for (size_t i = user.at; is_url_part(text, n, i); i++)
		if (text[i] == '@')
			user.end = i;
	return user;
}

/* The client key in a path whose "/k/" is at that place. */
static struct stretch
path_key(const char *text, size_t n, size_t at)
{
	struct stretch key = {at + 3, at + 3};
	while (is_url_part(text, n, key.end))
		key.end++;
	return key;
}

/* The credential that begins at that place, or is announced there; empty when
 * there is none. */
static struct stretch
find_secret(const char *text, size_t n, size_t at)
{
	bool word = at == 0 || !str_is_alnum(text[at - 1]);
	for (size_t i = 0; i < COUNT(secret_starts); i++)
		if ((word || !secret_starts[i].word) && has_at(text, n, at, secret_starts[i].text))
			return (struct stretch){at, token_end(text, n, at)};
	if (has_at(text, n, at, "://"))
		return userinfo(text, n, at);
	if (has_at(text, n, at, "/k/"))
		return path_key(text, n, at);
	size_t value = lead_end(text, n, at);
	while (value > at) { /* "Authorization: Bearer …" is two */
		size_t next = lead_end(text, n, value);
		if (next == value)
			break;
		value = next;
	}
	size_t end = value > at ? token_end(text, n, value) : value;
	return (struct stretch){value, is_prose(text + value, end - value) ? value : end};
}

/* One character as it may be shown; returns its bytes, *used those of text. */
static size_t
show_character(const char *text, size_t n, char shown[static 5], size_t *used)
{
	*used = printable_character(text, n);
	if (*used > 0) {
		memcpy(shown, text, *used);
		return *used;
	}
	*used = 1;
	snprintf(shown, 5, "\\x%02X", (unsigned)(unsigned char)text[0]);
	return 4;
}

const char *
printable(const char *text, size_t n, char out[static 1], size_t out_size)
{
	struct stretch secret = {0, 0};
	size_t len = 0;
	for (size_t at = 0, used; at < n && at < PRINTABLE_TEXT_MAX; at += used) {
		char shown[5] = "***";
		size_t shown_len = 3;
		if (at >= secret.end) {
			struct stretch found = find_secret(text, n, at);
			if (found.end > found.at)
				secret = found;
		}
		if (at == secret.at && secret.end > at)
			used = secret.end - at;
		else
			shown_len = show_character(text + at, n - at, shown, &used);
		if (len + shown_len >= out_size)
			break;
		memcpy(out + len, shown, shown_len);
		len += shown_len;
	}
	out[len] = '\0';
	return out;
}

/* SPDX-License-Identifier: MIT */
#include "client/own_page.h"

#include "base/str.h"

#include <openssl/crypto.h>
#include <string.h>

enum { DAY_MS = 24 * 3600 * 1000 };

static bool
is_header(const struct headers *headers, const char *name, const char *value)
{
	const char *sent = headers_find(headers, name);
	return sent != NULL && strcmp(sent, value) == 0;
}

static bool
is_origin_of(const char *origin, const char *host)
{
	static const char http[] = "http://", https[] = "https://";
	if (origin == NULL || host == NULL || host[0] == '\0')
		return false;
	if (str_starts_with(origin, http))
		return strcmp(origin + strlen(http), host) == 0;
	return str_starts_with(origin, https) && strcmp(origin + strlen(https), host) == 0;
}

bool
own_page_sent(const char *method, const struct headers *headers)
{
	return strcmp(method, "POST") == 0 && is_header(headers, "sec-fetch-site", "same-origin") &&
	       is_header(headers, "content-type", "application/json") &&
	       is_origin_of(headers_find(headers, "origin"), headers_find(headers, "host"));
}

const char *
own_page_token(const uint8_t key[static DIGEST_KEY_SIZE], int64_t now_ms,
	       char text[static OWN_PAGE_TOKEN_SIZE])
{
	/* The NUL in it keeps it apart from the names that the same key makes: those are texts. */
	struct {
		char purpose[8];
		int64_t day;
	} message = {"page", now_ms / DAY_MS};
	uint8_t hash[DIGEST_SIZE];
	digest(key, &message, sizeof message, hash);
	return digest_hex(hash, text);
}

bool
own_page_knows(const uint8_t key[static DIGEST_KEY_SIZE], int64_t now_ms, const char *token)
{
	bool known = false;
	if (token == NULL || strlen(token) != OWN_PAGE_TOKEN_SIZE - 1)
		return false;
	for (int days = 0; days <= 1; days++) {
		char text[OWN_PAGE_TOKEN_SIZE];
		own_page_token(key, now_ms - (int64_t)days * DAY_MS, text);
		known |= CRYPTO_memcmp(token, text, sizeof text) == 0;
	}
	return known;
}

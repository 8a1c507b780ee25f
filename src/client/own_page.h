/* SPDX-License-Identifier: MIT */
/* The buttons of the router's own page, /dashboard (BEHAVIOUR.md 2, "The page's buttons"): a
 * browser sends Origin with every POST, that of our page and those of any other, and only what is
 * said here tells them apart. Pure; thread-safe. */
#ifndef CLIENT_OWN_PAGE_H
#define CLIENT_OWN_PAGE_H

#include "base/digest.h"
#include "base/headers.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether a browser vouches that a page of the same origin sent it: a POST of application/json with
 * Sec-Fetch-Site: same-origin, whose Origin has the Host's host and port, byte for byte. (Behind a
 * proxy the scheme may be another one.) Whether that Host is one of ours is the caller's question,
 * and so is the token. */
bool own_page_sent(const char *method, const struct headers *headers);

#define OWN_PAGE_TOKEN_SIZE DIGEST_HEX_SIZE

/* Writes the token that the page holds and sends back as x-router-page, of the UTC day of now_ms;
 * returns text. key: the state file's, which all processes share. */
const char *own_page_token(const uint8_t key[static DIGEST_KEY_SIZE], int64_t now_ms,
			   char text[static OWN_PAGE_TOKEN_SIZE]);

/* Whether token is that of the day or the day before, compared in constant time; NULL is not. */
bool own_page_knows(const uint8_t key[static DIGEST_KEY_SIZE], int64_t now_ms, const char *token);

#endif

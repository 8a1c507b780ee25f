/* SPDX-License-Identifier: MIT */
/* The header lines of a request to a provider, made from an empty list: what of the client's may
 * travel, what the provider requires, and the credential (BEHAVIOUR.md 3). Pure; thread-safe. */
#ifndef UPSTREAM_REQUEST_HEADERS_H
#define UPSTREAM_REQUEST_HEADERS_H

#include "upstream/attempt.h"

/* Appends the lines to *list, which is the caller's to end with pool_wipe_headers(), also after a
 * failure. False: out of memory, or a line is too long. */
bool request_headers_add(struct curl_slist **list, const struct attempt_options *options);

/* The credential that a line of request_headers_add() holds; NULL: none. Points into the line. */
const char *request_headers_credential(const char *line);

#endif

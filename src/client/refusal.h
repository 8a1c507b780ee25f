/* SPDX-License-Identifier: MIT */
/* An HTTP error of ours to a client's request, before any provider is asked. Plain values;
 * thread-safe. */
#ifndef CLIENT_REFUSAL_H
#define CLIENT_REFUSAL_H

#include "base/caps.h"

/* status 0: the request is fine. */
struct refusal {
	int status;
	const char *type; /* Anthropic's: "invalid_request_error" */
	char message[ERROR_TEXT_MAX];
	const char *allow; /* the allow header of a 405; else NULL */
};

extern const struct refusal refusal_none;
extern const struct refusal refusal_out_of_memory;

/* A message that is too long is cut. */
struct refusal refusal_make(int status, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

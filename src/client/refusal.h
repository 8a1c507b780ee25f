/* SPDX-License-Identifier: MIT */
/* An error of ours to a request, before anybody serves it. Plain values; thread-safe. */
#ifndef CLIENT_REFUSAL_H
#define CLIENT_REFUSAL_H

#include "base/caps.h"

/* status 0: the request is fine. */
struct refusal {
	int status;
	const char *type; /* "invalid_request_error" */
	char message[ERROR_TEXT_MAX];
	const char *allow; /* of a 405; else NULL */
};

extern const struct refusal refusal_out_of_memory;

#endif

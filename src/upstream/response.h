/* SPDX-License-Identifier: MIT */
/* The head of a provider's response: status, and what its headers say. Pure; a struct response
 * belongs to its caller. Facts: PROTOCOLS.md 1 "Headers", 4. */
#ifndef UPSTREAM_RESPONSE_H
#define UPSTREAM_RESPONSE_H

#include "base/buf.h"
#include "state/health.h"

/* How an attempt ended, as far as the connection goes. */
enum ending {
	ENDING_WHOLE,      /* complete by HTTP; or still running, when a stream's content began */
	ENDING_CONNECT,    /* refused, no route, DNS, TLS, connect time-out */
	ENDING_CUT,        /* reset or closed in the middle */
	ENDING_FIRST_BYTE, /* no response, or no content, in time */
	ENDING_IDLE,       /* silence in the middle */
	ENDING_TOO_BIG,    /* head or body beyond our limits */
	ENDING_OURS,       /* our own lack of memory, descriptors or time */
};

struct response {
	int status;             /* 0: no head yet */
	bool complete;          /* the head's end was seen */
	bool sse;               /* content-type: text/event-stream */
	bool html;              /* content-type: text/html */
	int64_t retry_after_ms; /* from now, 1 s to 8 days; -1: none */
	struct rate_limit {
		int64_t reset_ms;                  /* from now; -1: none */
		bool used_up;                      /* nothing remains */
	} requests, tokens;                        /* x-ratelimit-*-requests and -tokens */
	int should_retry;                          /* x-should-retry: 1 true, 0 false, -1 none */
	struct health_window windows[WINDOWS_MAX]; /* anthropic-ratelimit-unified-NAME-* */
	size_t n_windows;
	bool rejected;        /* anthropic-ratelimit-unified-status says so */
	int64_t reset_ms;     /* anthropic-ratelimit-unified-reset; 0: none */
	char claim[32];       /* -representative-claim */
	bool overage;         /* -overage-in-use: usage is now paid for */
	bool overage_refused; /* -overage-disabled-reason is present */
	bool has_request_id;
	struct buf forwarded; /* "name: value\r\n" lines that the client gets */
};

void response_init(struct response *a);
void response_fini(struct response *a);

/* What of a head is not forwarded: the organization's id where the credential is a stored one, and
 * all anthropic-* headers of a provider that is not Claude: clients would take them for
 * Claude's. */
enum response_hide { HIDE_NOTHING, HIDE_ORGANIZATION, HIDE_ANTHROPIC };

/* Reads one header line as libcurl gives it, with its line end; a status line begins a new head
 * (after an interim 1xx). Malformed lines are ignored: a provider must not control us or the web
 * server (BEHAVIOUR 3). */
void response_line(struct response *a, const char *line, size_t n, int64_t now_ms,
		   enum response_hide hide);

/* Returns the window of that name; NULL: none. */
const struct health_window *response_window(const struct response *a, const char *name);

#endif

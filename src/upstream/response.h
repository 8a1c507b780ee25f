/* SPDX-License-Identifier: MIT */
/* The head of a provider's answer: status, and what its headers say. Pure; a
 * struct answer is its owner's. Facts: PROTOCOLS.md 1 "Headers", 4. */
#ifndef UPSTREAM_RESPONSE_H
#define UPSTREAM_RESPONSE_H

#include "base/buf.h"
#include "state/health.h"

struct answer {
	int status;             /* 0: no head yet */
	bool complete;          /* the head's end was seen */
	bool sse;               /* content-type: text/event-stream */
	bool html;              /* content-type: text/html */
	int64_t retry_after_ms; /* from now, 1 s to 8 days; -1: not told */
	int should_retry;       /* x-should-retry: 1 true, 0 false, -1 not told */
	struct health_window windows[WINDOWS_MAX]; /* anthropic-ratelimit-unified-NAME-* */
	size_t n_windows;
	bool rejected;        /* anthropic-ratelimit-unified-status says so */
	int64_t reset_ms;     /* anthropic-ratelimit-unified-reset; 0: not told */
	char claim[32];       /* -representative-claim */
	bool overage;         /* -overage-in-use: usage is now paid for */
	bool overage_refused; /* -overage-disabled-reason is told */
	char request_id[64];  /* the provider's; "" : not told */
	struct buf passed;    /* "name: value\r\n" lines that may go on to the client */
};

void answer_init(struct answer *a);
void answer_fini(struct answer *a);

/* What of a head stays here: the organization's id where the credential is a stored one, and all of
 * anthropic-* of a provider that is not Claude: clients would take it for Claude's word. */
enum answer_hide { HIDE_NOTHING, HIDE_ORGANIZATION, HIDE_ANTHROPIC };

/* Takes one header line as libcurl gives it, with its line end; a status line
 * begins a new head (after an interim 1xx). Anything odd is ignored: a provider
 * must not steer us or the web server (BEHAVIOUR 3). */
void answer_line(struct answer *a, const char *line, size_t n, int64_t now_ms,
		 enum answer_hide hide);

/* The window of that name, NULL if it was not told. */
const struct health_window *answer_window(const struct answer *a, const char *name);

#endif

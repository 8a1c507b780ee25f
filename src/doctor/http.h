/* SPDX-License-Identifier: MIT */
/* The control program's requests, which are mostly the doctor's: plain ones, several at
 * once, with the time at which each event of a stream arrived. Nothing is taken from the
 * environment: no proxy. One thread; blocks until all are over. */
#ifndef DOCTOR_HTTP_H
#define DOCTOR_HTTP_H

#include "base/buf.h"
#include "doctor/diagnose.h"

#define HTTP_EVENTS_MAX 8

struct http_ask {
	const char *url;     /* whole */
	const char *header;  /* "name: value"; NULL: none. May be a credential */
	const char *other;   /* one more; NULL: none */
	bool head;           /* a HEAD instead of a GET */
	int64_t body_bytes;  /* a POST of that many zeros; -1: a GET or HEAD */
	size_t stop_after;   /* leave after so many events; 0: stay to the end */
	int64_t timeout_ms;  /* of all of it; to connect: 5 s at most */
	const char *ca_file; /* NULL: the system's */
	const char *ca_path; /* NULL: the system's */
	const char *proxy;   /* NULL: none. May hold a password */
};

struct http_answer {
	CURLcode code; /* CURLE_OK also when we left */
	long verify;   /* CURLINFO_SSL_VERIFYRESULT */
	long status;   /* 0: no head came */
	int64_t took_ms;
	int64_t date_ms; /* of the Date header; -1: none */
	char server[64]; /* of the Server header; "" : none */
	struct judge_event events[HTTP_EVENTS_MAX];
	size_t n_events;
	struct buf body; /* up to RESPONSE_ERROR_MAX bytes */
};

/* Asks all of them at once. Every answer is the caller's to end with
 * http_answer_fini(). False: memory is short; the answers are then empty. */
bool http_ask(const struct http_ask *asks, struct http_answer *answers, size_t n);

void http_answer_fini(struct http_answer *answer);

#endif

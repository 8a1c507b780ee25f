/* SPDX-License-Identifier: MIT */
/* Plain HTTP requests of claude-router-ctl, usually the doctor's: several at once, with
 * the time at which each event of a stream arrived. No proxy is taken from the
 * environment. One thread; blocks until all are done. */
#ifndef DOCTOR_HTTP_H
#define DOCTOR_HTTP_H

#include "base/buf.h"
#include "doctor/diagnose.h"
#include "state/state.h"

#define HTTP_EVENTS_MAX 8

/* All texts are borrowed. */
struct http_request {
	const char *url;
	const char *header;       /* "name: value"; NULL: none. May be a credential */
	const char *extra_header; /* one more; NULL: none */
	bool head;                /* a HEAD instead of a GET */
	int64_t body_bytes;       /* a POST of that many zeros; -1: none */
	const char *json;         /* a POST of it; NULL: none */
	size_t stop_after;        /* close after so many events; 0: read to the end */
	int64_t timeout_ms;       /* of the whole; to connect: 5 s at most */
	const char *ca_file;      /* NULL: the system's */
	const char *ca_path;      /* NULL: the system's */
	const char *proxy;        /* NULL: none. May hold a password */
};

struct http_response {
	CURLcode code; /* CURLE_OK also after stop_after events */
	long verify;   /* CURLINFO_SSL_VERIFYRESULT */
	long status;   /* 0: no head arrived */
	int64_t took_ms;
	int64_t date_ms;                  /* of the Date header; -1: none */
	char server[64];                  /* of the Server header; "" : none */
	char provider[PROVIDER_NAME_MAX]; /* of x-router-provider */
	char drill[DRILL_ID_SIZE];        /* of x-router-drill */
	struct diagnose_event events[HTTP_EVENTS_MAX];
	size_t n_events;
	struct buf body; /* up to RESPONSE_ERROR_MAX bytes */
};

/* Sends all requests at once. Every response is to be released with http_response_fini(),
 * whatever is returned. False: out of memory; the responses are then empty. */
bool http_fetch(const struct http_request *requests, struct http_response *responses, size_t n);

void http_response_fini(struct http_response *response);

#endif

/* SPDX-License-Identifier: MIT */
#include "doctor/http.h"

#include "base/caps.h"
#include "base/clock.h"
#include "upstream/pool.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 5000, POLL_MS = 1000 };

/* One request that runs. */
struct fetch {
	const struct http_request *request;
	struct http_response *response;
	CURL *easy;
	struct curl_slist *headers;
	int64_t start_ms;
	size_t parsed;  /* bytes of the body whose events were read */
	int64_t unsent; /* bytes of our body */
	bool stopped;   /* stop_after events arrived */
};

/* --- Receiving -------------------------------------------------------- */

/* at_ms of an event's data (operator/self_test.h); 0: there is none. */
static int64_t
sent_at(const char *event)
{
	const char *data = strstr(event, "\ndata: ");
	json_object *o = data == NULL ? NULL : json_tokener_parse(data + 7);
	int64_t at_ms = json_object_get_int64(json_object_object_get(o, "at_ms"));
	json_object_put(o);
	return at_ms;
}

static void
read_events(struct fetch *f)
{
	struct http_response *r = f->response;
	const char *text = buf_text(&r->body), *end;
	while ((end = strstr(text + f->parsed, "\n\n")) != NULL && r->n_events < HTTP_EVENTS_MAX) {
		char event[1024];
		snprintf(event, sizeof event, "%.*s", (int)(end - text - (long)f->parsed),
			 text + f->parsed);
		r->events[r->n_events++] =
		    (struct diagnose_event){sent_at(event), clock_steady_ms() - f->start_ms};
		f->parsed = (size_t)(end + 2 - text);
	}
}

static size_t
on_body(char *bytes, size_t size, size_t n, void *context)
{
	struct fetch *f = context;
	if (!buf_add(&f->response->body, bytes, size * n))
		return 0;
	read_events(f);
	f->stopped = f->request->stop_after != 0 && f->response->n_events >= f->request->stop_after;
	return f->stopped ? 0 : size * n;
}

/* Keeps the value of a header line with that name. */
static void
keep_value(const char *line, const char *name, char *value, size_t size)
{
	size_t n = strlen(name);
	if (strncasecmp(line, name, n) == 0)
		snprintf(value, size, "%s", line + n + strspn(line + n, " "));
}

static size_t
on_header(char *bytes, size_t size, size_t n, void *context)
{
	struct fetch *f = context;
	char line[128];
	snprintf(line, sizeof line, "%.*s", (int)(size * n), bytes);
	line[strcspn(line, "\r\n")] = '\0';
	struct http_response *r = f->response;
	keep_value(line, "server:", r->server, sizeof r->server);
	keep_value(line, "x-router-provider:", r->provider, sizeof r->provider);
	keep_value(line, "x-router-drill:", r->drill, sizeof r->drill);
	if (strncasecmp(line, "date:", 5) == 0)
		r->date_ms = clock_parse_ms(line + 5 + strspn(line + 5, " "));
	return size * n;
}

static size_t
on_read(char *bytes, size_t size, size_t n, void *context)
{
	struct fetch *f = context;
	size_t part = size * n;
	if ((int64_t)part > f->unsent)
		part = (size_t)f->unsent;
	memset(bytes, '0', part);
	f->unsent -= (int64_t)part;
	return part;
}

/* --- Sending ---------------------------------------------------------- */

static bool
set_trust(CURL *easy, const struct http_request *request)
{
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	return pool_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       pool_set_text(easy, CURLOPT_PROXY, request->proxy == NULL ? "" : request->proxy) &&
	       pool_set_text(easy, CURLOPT_NOPROXY, "") &&
	       pool_set_text(easy, CURLOPT_CAINFO, request->ca_file) &&
	       pool_set_text(easy, CURLOPT_CAPATH, request->ca_path);
}

static void
set_limits(CURL *easy, const struct http_request *request)
{
	int64_t connect_ms = request->timeout_ms < CONNECT_MS ? request->timeout_ms : CONNECT_MS;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
}

static bool
add_header(struct fetch *f, const char *header)
{
	struct curl_slist *more =
	    header == NULL ? f->headers : curl_slist_append(f->headers, header);
	if (more != NULL)
		f->headers = more;
	return more != NULL || header == NULL;
}

static bool
set_request(struct fetch *f)
{
	const struct http_request *request = f->request;
	if (!add_header(f, "expect:") || !add_header(f, request->header) ||
	    !add_header(f, request->extra_header))
		return false;
	if (!pool_set_text(f->easy, CURLOPT_URL, request->url) ||
	    !pool_set_text(f->easy, CURLOPT_USERAGENT, "claude-router-ctl/" PACKAGE_VERSION))
		return false;
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(f->easy, CURLOPT_NOBODY, (long)request->head);
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(f->easy, CURLOPT_HEADERDATA, f);
	if (request->json != NULL) {
		curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, request->json);
		return add_header(f, "content-type: application/json") &&
		       curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers) == CURLE_OK;
	}
	if (request->body_bytes < 0)
		return true;
	f->unsent = request->body_bytes;
	curl_easy_setopt(f->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_bytes);
	curl_easy_setopt(f->easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(f->easy, CURLOPT_READDATA, f);
	return true;
}

static bool
begin(CURLM *multi, struct fetch *f)
{
	buf_init(&f->response->body, RESPONSE_ERROR_MAX);
	f->response->date_ms = -1;
	f->start_ms = clock_steady_ms();
	f->easy = curl_easy_init();
	if (f->easy == NULL || !set_request(f) || !set_trust(f->easy, f->request))
		return false;
	set_limits(f->easy, f->request);
	curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
	return curl_multi_add_handle(multi, f->easy) == CURLM_OK;
}

/* --- Running ---------------------------------------------------------- */

static void
read_results(CURLM *multi)
{
	int queued;
	for (CURLMsg *m; (m = curl_multi_info_read(multi, &queued)) != NULL;) {
		struct fetch *f = NULL;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &f);
		struct http_response *r = f->response;
		r->code = f->stopped ? CURLE_OK : m->data.result;
		r->took_ms = clock_steady_ms() - f->start_ms;
		curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &r->status);
		curl_easy_getinfo(f->easy, CURLINFO_SSL_VERIFYRESULT, &r->verify);
	}
}

/* Each request ends by its own time limit. */
static void
run_all(CURLM *multi)
{
	for (int running = 1; running > 0;) {
		bool runs = curl_multi_perform(multi, &running) == CURLM_OK;
		read_results(multi);
		if (!runs ||
		    (running > 0 && curl_multi_poll(multi, NULL, 0, POLL_MS, NULL) != CURLM_OK))
			return;
	}
}

static void
end(CURLM *multi, struct fetch *f)
{
	if (f->easy != NULL)
		curl_multi_remove_handle(multi, f->easy);
	curl_easy_cleanup(f->easy);
	pool_wipe_headers(f->headers);
}

bool
http_fetch(const struct http_request *requests, struct http_response *responses, size_t n)
{
	CURLM *multi = curl_multi_init();
	struct fetch *fetches = calloc(n == 0 ? 1 : n, sizeof *fetches);
	bool begun = multi != NULL && fetches != NULL;
	memset(responses, 0, n * sizeof *responses);
	for (size_t i = 0; begun && i < n; i++) {
		responses[i].code = CURLE_FAILED_INIT;
		fetches[i] = (struct fetch){.request = &requests[i], .response = &responses[i]};
		begun = begin(multi, &fetches[i]);
	}
	if (begun)
		run_all(multi);
	for (size_t i = 0; fetches != NULL && i < n; i++)
		end(multi, &fetches[i]);
	free(fetches);
	curl_multi_cleanup(multi);
	return begun;
}

void
http_response_fini(struct http_response *response)
{
	buf_free(&response->body);
}

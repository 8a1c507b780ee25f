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

/* One request on its way. */
struct flight {
	const struct http_ask *ask;
	struct http_answer *answer;
	CURL *easy;
	struct curl_slist *headers;
	int64_t start_ms;
	size_t seen;    /* bytes of the body whose events were taken */
	int64_t unsent; /* bytes of our body */
	bool left;      /* we have seen enough */
};

/* --- What comes ------------------------------------------------------- */

/* at_ms of an event's data: operator/self_test.h. 0: it tells none. */
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
take_events(struct flight *f)
{
	struct http_answer *a = f->answer;
	const char *text = buf_text(&a->body), *end;
	while ((end = strstr(text + f->seen, "\n\n")) != NULL && a->n_events < HTTP_EVENTS_MAX) {
		char event[1024];
		snprintf(event, sizeof event, "%.*s", (int)(end - text - (long)f->seen),
			 text + f->seen);
		a->events[a->n_events++] =
		    (struct judge_event){sent_at(event), clock_steady_ms() - f->start_ms};
		f->seen = (size_t)(end + 2 - text);
	}
}

static size_t
on_body(char *bytes, size_t size, size_t n, void *context)
{
	struct flight *f = context;
	if (!buf_add(&f->answer->body, bytes, size * n))
		return 0;
	take_events(f);
	f->left = f->ask->stop_after != 0 && f->answer->n_events >= f->ask->stop_after;
	return f->left ? 0 : size * n;
}

static size_t
on_header(char *bytes, size_t size, size_t n, void *context)
{
	struct flight *f = context;
	char line[128];
	snprintf(line, sizeof line, "%.*s", (int)(size * n), bytes);
	line[strcspn(line, "\r\n")] = '\0';
	if (strncasecmp(line, "server:", 7) == 0)
		snprintf(f->answer->server, sizeof f->answer->server, "%s",
			 line + 7 + strspn(line + 7, " "));
	if (strncasecmp(line, "date:", 5) == 0)
		f->answer->date_ms = clock_parse_ms(line + 5 + strspn(line + 5, " "));
	return size * n;
}

static size_t
on_read(char *bytes, size_t size, size_t n, void *context)
{
	struct flight *f = context;
	size_t part = size * n;
	if ((int64_t)part > f->unsent)
		part = (size_t)f->unsent;
	memset(bytes, '0', part);
	f->unsent -= (int64_t)part;
	return part;
}

/* --- What goes -------------------------------------------------------- */

static bool
set_trust(CURL *easy, const struct http_ask *ask)
{
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	return pool_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       pool_set_text(easy, CURLOPT_PROXY, ask->proxy == NULL ? "" : ask->proxy) &&
	       pool_set_text(easy, CURLOPT_NOPROXY, "") &&
	       pool_set_text(easy, CURLOPT_CAINFO, ask->ca_file) &&
	       pool_set_text(easy, CURLOPT_CAPATH, ask->ca_path);
}

static void
set_limits(CURL *easy, const struct http_ask *ask)
{
	int64_t connect_ms = ask->timeout_ms < CONNECT_MS ? ask->timeout_ms : CONNECT_MS;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)ask->timeout_ms);
}

static bool
add_header(struct flight *f, const char *header)
{
	struct curl_slist *more =
	    header == NULL ? f->headers : curl_slist_append(f->headers, header);
	if (more != NULL)
		f->headers = more;
	return more != NULL || header == NULL;
}

static bool
set_request(struct flight *f)
{
	const struct http_ask *ask = f->ask;
	if (!add_header(f, "expect:") || !add_header(f, ask->header) || !add_header(f, ask->other))
		return false;
	if (!pool_set_text(f->easy, CURLOPT_URL, ask->url) ||
	    !pool_set_text(f->easy, CURLOPT_USERAGENT, "claude-router-ctl/" PACKAGE_VERSION))
		return false;
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(f->easy, CURLOPT_NOBODY, (long)ask->head);
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(f->easy, CURLOPT_HEADERDATA, f);
	if (ask->body_bytes < 0)
		return true;
	f->unsent = ask->body_bytes;
	curl_easy_setopt(f->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body_bytes);
	curl_easy_setopt(f->easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(f->easy, CURLOPT_READDATA, f);
	return true;
}

static bool
begin(CURLM *multi, struct flight *f)
{
	buf_init(&f->answer->body, RESPONSE_ERROR_MAX);
	f->answer->date_ms = -1;
	f->start_ms = clock_steady_ms();
	f->easy = curl_easy_init();
	if (f->easy == NULL || !set_request(f) || !set_trust(f->easy, f->ask))
		return false;
	set_limits(f->easy, f->ask);
	curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
	return curl_multi_add_handle(multi, f->easy) == CURLM_OK;
}

/* --- All at once ------------------------------------------------------ */

static void
reap(CURLM *multi)
{
	int left;
	for (CURLMsg *m; (m = curl_multi_info_read(multi, &left)) != NULL;) {
		struct flight *f = NULL;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &f);
		struct http_answer *a = f->answer;
		a->code = f->left ? CURLE_OK : m->data.result;
		a->took_ms = clock_steady_ms() - f->start_ms;
		curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &a->status);
		curl_easy_getinfo(f->easy, CURLINFO_SSL_VERIFYRESULT, &a->verify);
	}
}

/* Each ends by its own limit. */
static void
fly(CURLM *multi)
{
	for (int running = 1; running > 0;) {
		bool runs = curl_multi_perform(multi, &running) == CURLM_OK;
		reap(multi);
		if (!runs ||
		    (running > 0 && curl_multi_poll(multi, NULL, 0, POLL_MS, NULL) != CURLM_OK))
			return;
	}
}

static void
land(CURLM *multi, struct flight *f)
{
	if (f->easy != NULL)
		curl_multi_remove_handle(multi, f->easy);
	curl_easy_cleanup(f->easy);
	pool_wipe_headers(f->headers);
}

bool
http_ask(const struct http_ask *asks, struct http_answer *answers, size_t n)
{
	CURLM *multi = curl_multi_init();
	struct flight *flights = calloc(n == 0 ? 1 : n, sizeof *flights);
	bool begun = multi != NULL && flights != NULL;
	memset(answers, 0, n * sizeof *answers);
	for (size_t i = 0; begun && i < n; i++) {
		answers[i].code = CURLE_FAILED_INIT;
		flights[i] = (struct flight){.ask = &asks[i], .answer = &answers[i]};
		begun = begin(multi, &flights[i]);
	}
	if (begun)
		fly(multi);
	for (size_t i = 0; flights != NULL && i < n; i++)
		land(multi, &flights[i]);
	free(flights);
	curl_multi_cleanup(multi);
	return begun;
}

void
http_answer_fini(struct http_answer *answer)
{
	buf_free(&answer->body);
}

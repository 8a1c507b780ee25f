/* SPDX-License-Identifier: MIT */
/* The running web server, by sending it requests: SERVERS.md, "At a glance". */
#include "base/network.h"
#include "config/text.h"
#include "doctor/checks.h"
#include "operator/self_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	QUICK_MS = 5000,
	BODY_MS = 60000,
	ABORT_SILENCE_S = 5,
	ABORT_TRIES = 12,
	ABORT_LOOKS = 8,
	SILENCES_MAX = 4,
	SILENCE_SPARE_MS = 20000,
	REQUEST_MAX = 32 << 20, /* when the configuration is not known */
};

/* A test of the running server. */
struct server_test {
	char url[1200];
	char admin[TOKEN_MAX + 32]; /* a header; "" : none is required */
	struct http_response response;
};

/* Whether the web server passes it on is tested. */
static const char authorization[] = "authorization: Bearer doctor";

/* --- Finding the router ----------------------------------------------- */

static bool
is_loopback(const char *url)
{
	struct url parts;
	return text_read_url(url, &parts) && text_is_loopback(parts.host);
}

static bool
fetch_health(const char *url, struct http_response *response)
{
	char health[1200];
	size_t n = text_url_length(url);
	snprintf(health, sizeof health, "%.*s/health?live=1", n < 1024 ? (int)n : 1024, url);
	const struct http_request request = {
	    .url = health, .body_bytes = -1, .timeout_ms = QUICK_MS};
	return http_fetch(&request, response, 1);
}

static void
report_no_reply(struct doctor *d, const char *url, const struct http_response *response)
{
	report_add(&d->report, SEVERITY_ERROR, "server-down", "%s does not reply (%s)",
		   doctor_shown(url).text, curl_easy_strerror(response->code));
	report_cure(&d->report, "%s",
		    !text_has_scheme(url, "http") && !text_has_scheme(url, "https")
			? "a URL begins with http:// or https://: --url http://127.0.0.1:8000"
		    : d->options->url != NULL
			? "start the web server there: sudo systemctl restart lighttpd; if it "
			  "does not start, its own log says why"
			: "sudo systemctl restart lighttpd; if the router has another URL: "
			  "claude-router-ctl doctor --url URL");
}

static void
report_no_responder(struct doctor *d, const char *url, const struct http_response *response)
{
	report_add(&d->report, SEVERITY_ERROR, "responder-down",
		   "the web server at %s replies with %ld: the responder did not start",
		   doctor_shown(url).text, response->status);
	report_cure(&d->report,
		    "sudo -u %s claude-router --check-config; journalctl -t claude-router",
		    d->user.name);
}

static void
report_wrong_prefix(struct doctor *d, const char *url)
{
	report_add(&d->report, SEVERITY_ERROR, "server-prefix",
		   "the router at %s receives paths with a prefix that it does not know",
		   doctor_shown(url).text);
	report_cure(&d->report, "write \"strip-request-uri\" => \"/claude-router\" into "
				"fastcgi.server (lighttpd), or fix the URL");
}

static void
report_other_program(struct doctor *d, const char *url, const struct http_response *response)
{
	report_add(&d->report, SEVERITY_ERROR, "server-other",
		   "what replies at %s is not the router (status %ld)", doctor_shown(url).text,
		   response->status);
	report_cure(&d->report, "sudo lighty-enable-mod claude-router && sudo systemctl "
				"restart lighttpd; or give the router's URL: --url URL");
}

static void
report_not_found(struct doctor *d, const char *url, const struct http_response *response)
{
	if (response->code != CURLE_OK)
		report_no_reply(d, url, response);
	else if (diagnose_site(response->status, buf_text(&response->body)) == SITE_NO_RESPONDER)
		report_no_responder(d, url, response);
	else if (diagnose_site(response->status, buf_text(&response->body)) == SITE_WRONG_PREFIX)
		report_wrong_prefix(d, url);
	else
		report_other_program(d, url, response);
}

/* Sets d->url and d->server. When there is no router, what is wrong at the first URL that replies
 * at all is reported. */
static bool
find_router(struct doctor *d)
{
	const char *const usual[] = {"http://127.0.0.1:8000", "http://127.0.0.1/claude-router"};
	const char *const *urls = d->options->url == NULL ? usual : &d->options->url;
	size_t n = d->options->url == NULL ? COUNT(usual) : 1, replied = 0;
	struct http_response responses[COUNT(usual)] = {0};
	bool found = false;
	for (size_t i = 0; i < n && !found; i++) {
		if (!fetch_health(urls[i], &responses[i]))
			continue;
		found =
		    responses[i].code == CURLE_OK &&
		    diagnose_site(responses[i].status, buf_text(&responses[i].body)) == SITE_ROUTER;
		if (responses[replied].code != CURLE_OK && responses[i].code == CURLE_OK)
			replied = i;
		if (found)
			snprintf(d->url, sizeof d->url, "%.*s", (int)text_url_length(urls[i]),
				 urls[i]);
		if (found)
			d->server = diagnose_server(responses[i].server);
	}
	if (!found)
		report_not_found(d, urls[replied], &responses[replied]);
	for (size_t i = 0; i < n; i++)
		http_response_fini(&responses[i]);
	return found;
}

/* --- The self-test ---------------------------------------------------- */

static const char *
header_or_none(const char *header)
{
	return header[0] == '\0' ? NULL : header;
}

/* POST /v1/self-test into t->response, which is to be released with http_response_fini(). */
static bool
self_test(const struct doctor *d, struct server_test *t, int64_t body_bytes, unsigned silence_s,
	  size_t stop_after)
{
	snprintf(t->url, sizeof t->url, "%s/v1/self-test?silence=%u", d->url, silence_s);
	const struct http_request request = {.url = t->url,
					     .header = authorization,
					     .extra_header = header_or_none(t->admin),
					     .body_bytes = body_bytes,
					     .stop_after = stop_after,
					     .timeout_ms = (int64_t)silence_s * 1000 + BODY_MS};
	return http_fetch(&request, &t->response, 1);
}

/* The data of the first event, the caller's; NULL: it did not arrive. */
static json_object *
first_event(const struct http_response *response)
{
	const char *data = strstr(buf_text(&response->body), "\ndata: ");
	return data == NULL || response->n_events == 0 ? NULL : json_tokener_parse(data + 7);
}

static int64_t
number_of(json_object *o, const char *name)
{
	return json_object_get_int64(json_object_object_get(o, name));
}

/* --- Being an admin --------------------------------------------------- */

/* Uses the admin token where it cannot be overheard, and only at a URL that was given: at the
 * usual ones any user of this machine may be listening. False: there is none to use. */
static bool
use_admin_token(const struct doctor *d, struct server_test *t)
{
	const char *token = d->app.tokens == NULL ? NULL : tokens_admin(d->app.tokens);
	bool secure = is_loopback(d->url) || text_has_scheme(d->url, "https");
	if (token == NULL || d->options->url == NULL || !secure)
		return false;
	snprintf(t->admin, sizeof t->admin, "x-router-admin: %s", token);
	return true;
}

static void
report_not_local(struct doctor *d)
{
	if (!is_loopback(d->url))
		return;
	report_add(&d->report, SEVERITY_WARNING, "server-admin",
		   "the router does not treat requests to %s as local: something in front adds "
		   "X-Forwarded-For or the like, or the Host is unknown",
		   doctor_shown(d->url).text);
	report_cure(&d->report, "use the router's own port on this machine, or the admin_token; "
				"for remote clients write trusted_proxies = { \"127.0.0.1\" } "
				"(the address of what is in front) and hosts = { \"its.name\" "
				"} into the configuration");
}

static void
report_refusal(struct doctor *d, const struct http_response *response)
{
	if (response->status == 403) {
		report_add(&d->report, SEVERITY_UNKNOWN, "server-unasked",
			   "%s does not accept us as an admin, so it was not checked",
			   doctor_shown(d->url).text);
		report_cure(&d->report, "run this on the machine itself, or write admin_token "
					"= … into tokens.txt and give the URL: --url URL (https "
					"from elsewhere)");
	} else if (response->status == 404) {
		report_add(&d->report, SEVERITY_WARNING, "responder-version",
			   "the router at %s is older than this program (" PACKAGE_VERSION ")",
			   doctor_shown(d->url).text);
		report_cure(&d->report, "sudo systemctl restart lighttpd");
	} else {
		report_add(&d->report, SEVERITY_ERROR, "server-test",
			   "%s/v1/self-test replied with %ld (%s)", doctor_shown(d->url).text,
			   response->status, curl_easy_strerror(response->code));
		report_cure(&d->report, "read the web server's log");
	}
}

/* --- Streams ---------------------------------------------------------- */

static void
add_directive(struct doctor *d, enum diagnose_directive directive, size_t bytes)
{
	char text[256];
	report_cure(&d->report, "%s, and restart it",
		    diagnose_directive(directive, d->server, bytes, text, sizeof text));
}

/* False: events are buffered, so that they can show nothing more. */
static bool
check_stream(struct doctor *d, struct server_test *t)
{
	if (!diagnose_is_buffered(t->response.events, t->response.n_events))
		return true;
	/* Once more: this machine may have been busy. */
	struct http_response *again = &t->response;
	http_response_fini(again);
	if (!self_test(d, t, 2, 0, 0) || !diagnose_is_buffered(again->events, again->n_events))
		return true;
	report_add(&d->report, SEVERITY_ERROR, "server-buffers",
		   "responses arrive all at once: the web server buffers a stream's events");
	add_directive(d, DIRECTIVE_STREAM, 0);
	return false;
}

static void
check_first(struct doctor *d, json_object *first)
{
	const char *version = json_object_get_string(json_object_object_get(first, "version"));
	d->served_by = (uint64_t)number_of(first, "pid");
	if (!json_object_get_boolean(json_object_object_get(first, "authorization"))) {
		report_add(
		    &d->report, SEVERITY_ERROR, "server-authorization",
		    "the web server does not pass on the header Authorization: logins do not "
		    "reach the router");
		add_directive(d, DIRECTIVE_AUTHORIZATION, 0);
	}
	if (version == NULL || strcmp(version, PACKAGE_VERSION) != 0) {
		report_add(&d->report, SEVERITY_WARNING, "responder-version",
			   "the router at %s is version %s, this program " PACKAGE_VERSION,
			   doctor_shown(d->url).text,
			   version == NULL ? "?" : doctor_shown(version).text);
		report_cure(&d->report, "sudo systemctl restart lighttpd");
	}
}

/* The responder that replied must be one of those in the state file. */
static void
check_state(struct doctor *d)
{
	if (d->app.state == NULL || !is_loopback(d->url))
		return;
	for (size_t i = 0; i < d->n_responders; i++)
		if (d->responders[i].pid == d->served_by)
			return;
	report_add(&d->report, SEVERITY_WARNING, "state-other",
		   "the responder at %s does not use the state file %s", doctor_shown(d->url).text,
		   d->app.config->state_file);
	report_cure(&d->report, "write the same file into state_file, and into ROUTER_STATE_FILE "
				"of the web server and of cron's entry");
}

/* --- Large bodies ----------------------------------------------------- */

static void
check_body(struct doctor *d, struct server_test *t)
{
	size_t bytes = d->app.config == NULL ? REQUEST_MAX : d->app.config->max_request_bytes;
	struct http_response *response = &t->response;
	if (!self_test(d, t, (int64_t)bytes, 0, 1))
		return;
	json_object *first = first_event(response);
	bool ours = strstr(buf_text(&response->body), "max_request_bytes") != NULL;
	if (first == NULL && ours) {
		report_add(&d->report, SEVERITY_WARNING, "responder-config",
			   "the responder accepts fewer bytes than max_request_bytes (%zu): it "
			   "runs with another configuration",
			   bytes);
		report_cure(&d->report, "sudo systemctl restart lighttpd; if that does not "
					"help, write the same file into CLAUDE_ROUTER_CONFIG");
	} else if (first == NULL) {
		report_add(&d->report, SEVERITY_ERROR, "server-body-limit",
			   "the web server refuses a request of max_request_bytes (%zu) with %ld",
			   bytes, response->status);
		add_directive(d, DIRECTIVE_BODY, bytes);
	}
	json_object_put(first);
	http_response_fini(response);
}

/* --- Disconnecting clients -------------------------------------------- */

/* The silent tests that still run in the responder with that pid: tries until that one
 * replies. -1: each time another one did. */
static int64_t
silences_of(const struct doctor *d, struct server_test *t, int64_t pid)
{
	for (int i = 0; i < ABORT_TRIES; i++) {
		if (!self_test(d, t, 2, 0, 1))
			return -1;
		json_object *first = first_event(&t->response);
		int64_t silences =
		    number_of(first, "pid") == pid ? number_of(first, "silences") : -1;
		json_object_put(first);
		http_response_fini(&t->response);
		if (silences != -1)
			return silences;
	}
	return -1;
}

/* Closes the connection of a silent test: its responder must notice. */
static void
check_abort(struct doctor *d, struct server_test *t)
{
	const struct timespec moment = {.tv_nsec = 100000000};
	if (!self_test(d, t, 2, ABORT_SILENCE_S, 1))
		return;
	json_object *first = first_event(&t->response);
	int64_t pid = number_of(first, "pid");
	json_object_put(first);
	http_response_fini(&t->response);
	if (pid == 0)
		return;
	/* A busy machine may need a moment. */
	for (int i = 0; i < ABORT_LOOKS; i++) {
		if (silences_of(d, t, pid) <= 0)
			return;
		nanosleep(&moment, NULL);
	}
	bool curable = d->server == SERVER_LIGHTTPD || d->server == SERVER_NGINX;
	report_add(&d->report, curable ? SEVERITY_WARNING : SEVERITY_NOTE, "server-abort",
		   "the web server does not report that a client disconnected in a silence: tokens "
		   "that are not read are paid for");
	add_directive(d, DIRECTIVE_ABORT, 0);
}

/* --- Silence ---------------------------------------------------------- */

/* Longer than the usual limits of 40, 60, 300 and 360 s. */
static size_t
silences_to_test(const struct doctor *d, unsigned silences[static SILENCES_MAX])
{
	static const unsigned patient[SILENCES_MAX] = {45, 65, 305, 365};
	if (d->options->patient) {
		memcpy(silences, patient, sizeof patient);
		return SILENCES_MAX;
	}
	if (d->options->silence == NULL)
		return 0;
	silences[0] = (unsigned)strtoul(d->options->silence, NULL, 10);
	return 1;
}

static void
report_silence(struct doctor *d, const struct http_response *response, unsigned silence_s)
{
	report_add(&d->report, SEVERITY_ERROR, "server-silence",
		   "the web server ended a silence of %u s after %lld s; models think longer",
		   silence_s, (long long)response->took_ms / 1000);
	add_directive(d, DIRECTIVE_SILENCE, 0);
}

/* All at once; the shortest that is ended is reported. */
static void
check_silence(struct doctor *d, struct server_test *t)
{
	unsigned silences[SILENCES_MAX];
	char urls[SILENCES_MAX][1200];
	struct http_request requests[SILENCES_MAX];
	struct http_response responses[SILENCES_MAX];
	size_t n = silences_to_test(d, silences);
	bool reported = false;
	for (size_t i = 0; i < n; i++) {
		snprintf(urls[i], sizeof urls[i], "%s/v1/self-test?silence=%u", d->url,
			 silences[i]);
		requests[i] =
		    (struct http_request){.url = urls[i],
					  .extra_header = header_or_none(t->admin),
					  .body_bytes = 2,
					  .timeout_ms = silences[i] * 1000LL + SILENCE_SPARE_MS};
	}
	bool fetched = n > 0 && http_fetch(requests, responses, n);
	for (size_t i = 0; i < n && n > 0; i++) {
		if (fetched && !reported && responses[i].n_events < SELF_TEST_EVENTS) {
			report_silence(d, &responses[i], silences[i]);
			reported = true;
		}
		http_response_fini(&responses[i]);
	}
}

/* --- The check -------------------------------------------------------- */

static void
fetch_status(struct doctor *d, struct server_test *t)
{
	snprintf(t->url, sizeof t->url, "%s/v1/status", d->url);
	const struct http_request request = {.url = t->url,
					     .header = header_or_none(t->admin),
					     .body_bytes = -1,
					     .timeout_ms = QUICK_MS};
	if (http_fetch(&request, &t->response, 1) && t->response.status == 200)
		d->status = json_tokener_parse(buf_text(&t->response.body));
	http_response_fini(&t->response);
}

enum small_test { REFUSED, BUFFERED, STREAMED };

static enum small_test
check_small_test(struct doctor *d, struct server_test *t)
{
	enum small_test result = REFUSED;
	bool sent = self_test(d, t, 2, 0, 0);
	if (sent && t->response.status == 403) {
		report_not_local(d);
		if (use_admin_token(d, t)) {
			http_response_fini(&t->response);
			sent = self_test(d, t, 2, 0, 0);
		}
	}
	json_object *first = sent ? first_event(&t->response) : NULL;
	if (sent && first == NULL)
		report_refusal(d, &t->response);
	if (first != NULL) {
		check_first(d, first);
		check_state(d);
		result = check_stream(d, t) ? STREAMED : BUFFERED;
	}
	json_object_put(first);
	http_response_fini(&t->response);
	return result;
}

void
doctor_check_server(struct doctor *d)
{
	struct server_test test = {.admin = ""};
	enum small_test small = find_router(d) ? check_small_test(d, &test) : REFUSED;
	if (small != REFUSED) {
		fetch_status(d, &test);
		check_body(d, &test);
		check_silence(d, &test);
	}
	if (small == STREAMED)
		check_abort(d, &test);
	explicit_bzero(test.admin, sizeof test.admin);
}

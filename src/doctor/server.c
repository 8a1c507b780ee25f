/* SPDX-License-Identifier: MIT */
/* The running web server, by asking it: SERVERS.md, "At a glance". */
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
	REQUEST_MAX = 32 << 20, /* as long as the configuration is not known */
};

/* A test of the running server. */
struct server_test {
	char url[1200];
	char admin[TOKEN_MAX + 32]; /* a header, "" : none is needed */
	struct http_answer answer;
};

static const char probe[] = "authorization: Bearer doctor";

/* --- Where it is ------------------------------------------------------ */

static bool
is_near(const char *url)
{
	struct url parts;
	return text_read_url(url, &parts) && text_is_loopback(parts.host);
}

/* Asks for /health there. */
static bool
look_at(const char *url, struct http_answer *answer)
{
	char health[1200];
	snprintf(health, sizeof health, "%.1024s/health?live=1", url);
	const struct http_ask ask = {.url = health, .body_bytes = -1, .timeout_ms = QUICK_MS};
	return http_ask(&ask, answer, 1);
}

static void
tell_no_answer(struct doctor *d, const char *url, const struct http_answer *a)
{
	findings_add(&d->findings, SEVERITY_ERROR, "server-down", "%s does not answer (%s)",
		     doctor_shown(url), curl_easy_strerror(a->code));
	findings_cure(&d->findings, "%s",
		      d->options->url != NULL
			  ? "start the web server there: sudo systemctl restart lighttpd; its own "
			    "log tells why it does not"
			  : "sudo systemctl restart lighttpd; if the router answers elsewhere: "
			    "claude-router-ctl doctor --url URL");
}

static void
tell_no_responder(struct doctor *d, const char *url, const struct http_answer *a)
{
	findings_add(&d->findings, SEVERITY_ERROR, "responder-down",
		     "the web server at %s answers %ld: the responder did not start",
		     doctor_shown(url), a->status);
	findings_cure(&d->findings,
		      "sudo -u %s claude-router --check-config; journalctl -t claude-router",
		      d->user.name);
}

static void
tell_misplaced(struct doctor *d, const char *url)
{
	findings_add(&d->findings, SEVERITY_ERROR, "server-prefix",
		     "the router at %s gets paths with a prefix that it does not know",
		     doctor_shown(url));
	findings_cure(&d->findings, "write \"strip-request-uri\" => \"/claude-router\" into "
				    "fastcgi.server (lighttpd), or mend the URL");
}

static void
tell_stranger(struct doctor *d, const char *url, const struct http_answer *a)
{
	findings_add(&d->findings, SEVERITY_ERROR, "server-other",
		     "who answers at %s is not the router (status %ld)", doctor_shown(url),
		     a->status);
	findings_cure(&d->findings, "sudo lighty-enable-mod claude-router && sudo systemctl "
				    "restart lighttpd; or name the router's place: --url URL");
}

static void
tell_absence(struct doctor *d, const char *url, const struct http_answer *a)
{
	if (a->code != CURLE_OK)
		tell_no_answer(d, url, a);
	else if (judge_health(a->status, buf_text(&a->body)) == ANSWER_DOWN)
		tell_no_responder(d, url, a);
	else if (judge_health(a->status, buf_text(&a->body)) == ANSWER_MISPLACED)
		tell_misplaced(d, url);
	else
		tell_stranger(d, url, a);
}

/* Finds d->url. What is wrong at the first place that answers at all is told. */
static bool
find_router(struct doctor *d)
{
	const char *const usual[] = {"http://127.0.0.1:8000", "http://127.0.0.1/claude-router"};
	const char *const *urls = d->options->url == NULL ? usual : &d->options->url;
	size_t n = d->options->url == NULL ? COUNT(usual) : 1, worst = 0;
	struct http_answer answers[COUNT(usual)] = {0};
	bool found = false;
	for (size_t i = 0; i < n && !found; i++) {
		if (!look_at(urls[i], &answers[i]))
			continue;
		found =
		    answers[i].code == CURLE_OK &&
		    judge_health(answers[i].status, buf_text(&answers[i].body)) == ANSWER_ROUTER;
		if (answers[worst].code != CURLE_OK && answers[i].code == CURLE_OK)
			worst = i;
		if (found)
			snprintf(d->url, sizeof d->url, "%.*s", (int)text_url_length(urls[i]),
				 urls[i]);
		if (found)
			d->server = judge_server(answers[i].server);
	}
	if (!found)
		tell_absence(d, urls[worst], &answers[worst]);
	for (size_t i = 0; i < n; i++)
		http_answer_fini(&answers[i]);
	return found;
}

/* --- Asking it -------------------------------------------------------- */

static const char *
header_or_none(const char *header)
{
	return header[0] == '\0' ? NULL : header;
}

/* POST /v1/self-test. The answer is to be ended by http_answer_fini(). */
static bool
self_test(const struct doctor *d, struct server_test *t, int64_t body_bytes, unsigned silence_s,
	  size_t stop_after)
{
	snprintf(t->url, sizeof t->url, "%s/v1/self-test?silence=%u", d->url, silence_s);
	const struct http_ask ask = {.url = t->url,
				     .header = probe,
				     .other = header_or_none(t->admin),
				     .body_bytes = body_bytes,
				     .stop_after = stop_after,
				     .timeout_ms = (int64_t)silence_s * 1000 + BODY_MS};
	return http_ask(&ask, &t->answer, 1);
}

/* What the first event tells; the caller's, NULL: it did not come. */
static json_object *
first_event(const struct http_answer *a)
{
	const char *data = strstr(buf_text(&a->body), "\ndata: ");
	return data == NULL || a->n_events == 0 ? NULL : json_tokener_parse(data + 7);
}

static int64_t
number_of(json_object *o, const char *name)
{
	return json_object_get_int64(json_object_object_get(o, name));
}

/* --- Being believed --------------------------------------------------- */

/* Shows the admin token where it cannot be overheard, and only in a place that was named:
 * anybody on this machine may listen at the usual ones. False: there is none to show. */
static bool
take_admin_token(const struct doctor *d, struct server_test *t)
{
	const char *token = d->app.tokens == NULL ? NULL : tokens_admin(d->app.tokens);
	bool secure = is_near(d->url) || text_has_scheme(d->url, "https");
	if (token == NULL || d->options->url == NULL || !secure)
		return false;
	snprintf(t->admin, sizeof t->admin, "x-router-admin: %s", token);
	return true;
}

static void
tell_disbelief(struct doctor *d)
{
	if (!is_near(d->url))
		return;
	findings_add(&d->findings, SEVERITY_WARNING, "server-admin",
		     "the router does not believe that who asks at %s is on this machine: "
		     "something in front adds X-Forwarded-For or the like, or its Host is unknown",
		     doctor_shown(d->url));
	findings_cure(&d->findings, "from this machine ask the router's own port, or show the "
				    "admin_token; for clients beyond it write trusted_proxies = { "
				    "\"127.0.0.1\" } (whoever stands in front) and hosts = { "
				    "\"its.name\" } into the configuration");
}

static void
tell_refusal(struct doctor *d, const struct http_answer *a)
{
	if (a->status == 403) {
		findings_add(&d->findings, SEVERITY_UNKNOWN, "server-unasked",
			     "%s takes us for no admin, so it was not looked at",
			     doctor_shown(d->url));
		findings_cure(&d->findings, "ask on the machine itself, or write admin_token = … "
					    "into tokens.txt and name the place: --url URL (from "
					    "elsewhere with https)");
	} else if (a->status == 404) {
		findings_add(&d->findings, SEVERITY_WARNING, "responder-version",
			     "the router at %s is older than this program (" PACKAGE_VERSION ")",
			     doctor_shown(d->url));
		findings_cure(&d->findings, "sudo systemctl restart lighttpd");
	} else {
		findings_add(&d->findings, SEVERITY_ERROR, "server-test",
			     "%s/v1/self-test answered %ld (%s)", doctor_shown(d->url), a->status,
			     curl_easy_strerror(a->code));
		findings_cure(&d->findings, "look at the web server's log");
	}
}

/* --- What it does to a stream ----------------------------------------- */

static void
tell_setting(struct doctor *d, enum judge_setting setting, size_t bytes)
{
	char text[256];
	findings_cure(&d->findings, "%s, and restart it",
		      judge_setting(setting, d->server, bytes, text, sizeof text));
}

/* False: events are gathered, so that nothing more can be seen by them. */
static bool
look_at_stream(struct doctor *d, struct server_test *t)
{
	if (!judge_buffered(t->answer.events, t->answer.n_events))
		return true;
	/* Once more: this machine may have been busy. */
	struct http_answer *again = &t->answer;
	http_answer_fini(again);
	if (!self_test(d, t, 2, 0, 0) || !judge_buffered(again->events, again->n_events))
		return true;
	findings_add(&d->findings, SEVERITY_ERROR, "server-buffers",
		     "answers come all at once: the web server gathers a stream's events");
	tell_setting(d, SETTING_STREAM, 0);
	return false;
}

static void
look_at_first(struct doctor *d, json_object *first)
{
	const char *version = json_object_get_string(json_object_object_get(first, "version"));
	d->served_by = (uint64_t)number_of(first, "pid");
	if (!json_object_get_boolean(json_object_object_get(first, "authorization"))) {
		findings_add(&d->findings, SEVERITY_ERROR, "server-authorization",
			     "the web server keeps the header Authorization from the router: "
			     "logins do not arrive");
		tell_setting(d, SETTING_AUTHORIZATION, 0);
	}
	if (version == NULL || strcmp(version, PACKAGE_VERSION) != 0) {
		findings_add(&d->findings, SEVERITY_WARNING, "responder-version",
			     "the router at %s is version %s, this program " PACKAGE_VERSION,
			     doctor_shown(d->url), version == NULL ? "?" : doctor_shown(version));
		findings_cure(&d->findings, "sudo systemctl restart lighttpd");
	}
}

/* Who answers must be one of those that the state file knows. */
static void
look_at_state(struct doctor *d)
{
	if (d->app.state == NULL || !is_near(d->url))
		return;
	for (size_t i = 0; i < d->n_responders; i++)
		if (d->responders[i].pid == d->served_by)
			return;
	findings_add(&d->findings, SEVERITY_WARNING, "state-other",
		     "the responder that answers at %s does not use the state file %s",
		     doctor_shown(d->url), d->app.config->state_file);
	findings_cure(&d->findings, "name the same file in state_file, and in ROUTER_STATE_FILE "
				    "of the web server and of cron's entry");
}

/* --- What it does to a large body ------------------------------------- */

static void
look_at_body(struct doctor *d, struct server_test *t)
{
	size_t bytes = d->app.config == NULL ? REQUEST_MAX : d->app.config->max_request_bytes;
	struct http_answer *a = &t->answer;
	if (!self_test(d, t, (int64_t)bytes, 0, 1))
		return;
	json_object *first = first_event(a);
	bool ours = strstr(buf_text(&a->body), "max_request_bytes") != NULL;
	if (first == NULL && ours) {
		findings_add(&d->findings, SEVERITY_WARNING, "responder-config",
			     "the responder takes fewer bytes than max_request_bytes (%zu): it "
			     "runs with another configuration",
			     bytes);
		findings_cure(&d->findings, "sudo systemctl restart lighttpd; if that does not "
					    "help, name the same file in CLAUDE_ROUTER_CONFIG");
	} else if (first == NULL) {
		findings_add(&d->findings, SEVERITY_ERROR, "server-body-limit",
			     "the web server refuses a request of max_request_bytes (%zu) with %ld",
			     bytes, a->status);
		tell_setting(d, SETTING_BODY, bytes);
	}
	json_object_put(first);
	http_answer_fini(a);
}

/* --- Whether it tells that a client left ------------------------------ */

/* Asks until the responder pid answers; how many silent tests it still has. -1:
 * somebody else answered each time. */
static int64_t
silences_of(const struct doctor *d, struct server_test *t, int64_t pid)
{
	for (int i = 0; i < ABORT_TRIES; i++) {
		if (!self_test(d, t, 2, 0, 1))
			return -1;
		json_object *first = first_event(&t->answer);
		int64_t silences =
		    number_of(first, "pid") == pid ? number_of(first, "silences") : -1;
		json_object_put(first);
		http_answer_fini(&t->answer);
		if (silences != -1)
			return silences;
	}
	return -1;
}

/* Leaves a silent test, and asks its responder whether it knows. */
static void
look_at_abort(struct doctor *d, struct server_test *t)
{
	const struct timespec moment = {.tv_nsec = 100000000};
	if (!self_test(d, t, 2, ABORT_SILENCE_S, 1))
		return;
	json_object *first = first_event(&t->answer);
	int64_t pid = number_of(first, "pid");
	json_object_put(first);
	http_answer_fini(&t->answer);
	if (pid == 0)
		return;
	/* A busy machine may need a moment to tell it. */
	for (int i = 0; i < ABORT_LOOKS; i++) {
		if (silences_of(d, t, pid) <= 0)
			return;
		nanosleep(&moment, NULL);
	}
	bool curable = d->server == SERVER_LIGHTTPD || d->server == SERVER_NGINX;
	findings_add(&d->findings, curable ? SEVERITY_WARNING : SEVERITY_NOTE, "server-abort",
		     "the web server does not tell when a client has left in a silence: tokens "
		     "that nobody reads are paid for");
	tell_setting(d, SETTING_ABORT, 0);
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
tell_silence(struct doctor *d, const struct http_answer *a, unsigned silence_s)
{
	findings_add(&d->findings, SEVERITY_ERROR, "server-silence",
		     "the web server cut a silence of %u s after %lld s; models think longer",
		     silence_s, (long long)a->took_ms / 1000);
	tell_setting(d, SETTING_SILENCE, 0);
}

/* All at once; the shortest that is cut is told. */
static void
look_at_silence(struct doctor *d, struct server_test *t)
{
	unsigned silences[SILENCES_MAX];
	char urls[SILENCES_MAX][1200];
	struct http_ask asks[SILENCES_MAX];
	struct http_answer answers[SILENCES_MAX];
	size_t n = silences_to_test(d, silences);
	bool told = false;
	for (size_t i = 0; i < n; i++) {
		snprintf(urls[i], sizeof urls[i], "%s/v1/self-test?silence=%u", d->url,
			 silences[i]);
		asks[i] = (struct http_ask){.url = urls[i],
					    .other = header_or_none(t->admin),
					    .body_bytes = 2,
					    .timeout_ms = silences[i] * 1000LL + SILENCE_SPARE_MS};
	}
	bool asked = n > 0 && http_ask(asks, answers, n);
	for (size_t i = 0; i < n && n > 0; i++) {
		if (asked && !told && answers[i].n_events < SELF_TEST_EVENTS) {
			tell_silence(d, &answers[i], silences[i]);
			told = true;
		}
		http_answer_fini(&answers[i]);
	}
}

/* --- Together --------------------------------------------------------- */

static void
fetch_status(struct doctor *d, struct server_test *t)
{
	snprintf(t->url, sizeof t->url, "%s/v1/status", d->url);
	const struct http_ask ask = {.url = t->url,
				     .header = header_or_none(t->admin),
				     .body_bytes = -1,
				     .timeout_ms = QUICK_MS};
	if (http_ask(&ask, &t->answer, 1) && t->answer.status == 200)
		d->status = json_tokener_parse(buf_text(&t->answer.body));
	http_answer_fini(&t->answer);
}

enum small_test { REFUSED, GATHERED, STREAMED };

static enum small_test
look_at_small_test(struct doctor *d, struct server_test *t)
{
	enum small_test result = REFUSED;
	bool asked = self_test(d, t, 2, 0, 0);
	if (asked && t->answer.status == 403) {
		tell_disbelief(d);
		if (take_admin_token(d, t)) {
			http_answer_fini(&t->answer);
			asked = self_test(d, t, 2, 0, 0);
		}
	}
	json_object *first = asked ? first_event(&t->answer) : NULL;
	if (asked && first == NULL)
		tell_refusal(d, &t->answer);
	if (first != NULL) {
		look_at_first(d, first);
		look_at_state(d);
		result = look_at_stream(d, t) ? STREAMED : GATHERED;
	}
	json_object_put(first);
	http_answer_fini(&t->answer);
	return result;
}

void
doctor_check_server(struct doctor *d)
{
	struct server_test test = {.admin = ""};
	enum small_test small = find_router(d) ? look_at_small_test(d, &test) : REFUSED;
	if (small != REFUSED) {
		fetch_status(d, &test);
		look_at_body(d, &test);
		look_at_silence(d, &test);
	}
	if (small == STREAMED)
		look_at_abort(d, &test);
	explicit_bzero(test.admin, sizeof test.admin);
}

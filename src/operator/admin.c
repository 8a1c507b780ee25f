/* SPDX-License-Identifier: MIT */
#include "operator/admin.h"

#include "base/clock.h"
#include "base/log.h"
#include "client/access.h"
#include "operator/health_check.h"
#include "operator/status.h"
#include "operator/switch.h"
#include "operator/usage.h"
#include "route/replies.h"
#include "json/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* For anonymous clients: the status alone. */
static json_object *
only_status(json_object *whole)
{
	json_object *o = json_object_new_object(), *status;
	if (json_object_object_get_ex(whole, "status", &status))
		tree_put(o, "status", json_object_get(status));
	json_object_put(whole);
	return o;
}

static void
put_today(json_object *body, struct app *app)
{
	json_object *today = usage_today(app);
	if (today == NULL)
		tree_put_null(body, "today");
	else
		tree_put(body, "today", today);
}

void
admin_health(struct client *client)
{
	bool healthy, figures = access_may_see_figures(&client->request);
	json_object *body = status_health(client->app, figures, &healthy);
	if (body != NULL && figures)
		put_today(body, client->app);
	if (client->request.anonymous)
		body = only_status(body);
	bool live = client->request.live;
	reply_json(&client->reply, healthy || live ? 200 : 503, "cache-control: no-store\r\n",
		   body);
}

/* A page that asks every few seconds names what it has, and gets a 304 while that is all there is
 * to say. The tag is of the very text: whatever may change it, it cannot be stale. */
static void
reply_tagged(struct client *client, const struct buf *body)
{
	const char *known = headers_find(&client->request.headers, "if-none-match");
	char lines[160], tag[DIGEST_HEX_SIZE + 2], hex[DIGEST_HEX_SIZE];
	uint8_t hash[DIGEST_SIZE];
	digest_plain(body->data, body->len, hash);
	snprintf(tag, sizeof tag, "\"%.32s\"", digest_hex(hash, hex));
	bool same = known != NULL && strcmp(known, tag) == 0;
	snprintf(lines, sizeof lines, "%setag: %s\r\ncache-control: no-store\r\n",
		 same ? "" : "content-type: application/json\r\n", tag);
	reply_whole(&client->reply, same ? 304 : 200, lines, body->data, same ? 0 : body->len);
}

void
admin_status(struct client *client)
{
	json_object *status = status_full(client->app);
	struct buf body;
	buf_init(&body, RESPONSE_JSON_MAX);
	if (status != NULL && tree_write(status, &body))
		reply_tagged(client, &body);
	else
		replies_out_of_memory(client);
	json_object_put(status);
	buf_free(&body);
}

void
admin_metrics(struct client *client)
{
	static const char lines[] = "content-type: " METRICS_TYPE "\r\ncache-control: no-store\r\n";
	struct metrics *metrics = malloc(sizeof *metrics);
	struct buf page;
	buf_init(&page, METRICS_PAGE_MAX);
	if (metrics != NULL && status_metrics(client->app, metrics) &&
	    metrics_write(metrics, &page))
		reply_whole(&client->reply, 200, lines, page.data, page.len);
	else
		replies_out_of_memory(client);
	buf_free(&page);
	free(metrics);
}

static void
refuse(struct client *client, const char *message)
{
	client_refuse(client, 400, "", "invalid_request_error", message);
}

/* Reads "deepseek" or {"provider":"deepseek"}; "": the body names no provider. False: it is not
 * JSON of these forms. */
static bool
read_name(const struct buf *body, char name[static PROVIDER_NAME_MAX])
{
	struct scan s;
	struct span key, value = {0};
	bool named = false, wrong = false;
	name[0] = '\0';
	if (body->len == 0)
		return true;
	scan_init(&s, body->data, body->len);
	if (scan_peek(&s) == SCAN_STRING) {
		named = scan_string(&s, &value);
	} else if (scan_peek(&s) == SCAN_OBJECT) {
		for (scan_object(&s); scan_member(&s, &key);)
			if (span_is(body->data, key, "provider"))
				wrong |= !(named = scan_string(&s, &value));
			else
				scan_skip(&s);
	} else {
		return false;
	}
	if (!scan_end(&s) || wrong)
		return false;
	return !named ||
	       (value.len > 0 && span_unescape(body->data, value, name, PROVIDER_NAME_MAX));
}

/* Refuses a body, and names the choices. */
static void
refuse_name(struct client *client, bool automatic)
{
	const struct config *config = client->app->config;
	struct buf text;
	buf_init(&text, ERROR_TEXT_MAX);
	buf_append_cut(&text, "The body must be a JSON string, or {\"provider\": …}, with one of:");
	for (size_t i = 0; i < config->n_providers; i++)
		buf_append_cut(&text, "%s %s", i == 0 ? "" : ",", config->providers[i].name);
	if (automatic)
		buf_append_cut(&text, ", auto");
	refuse(client, buf_text(&text));
	buf_free(&text);
}

/* Warns if the provider is not available, in spite of the switch. */
static void
add_warning(json_object *o, const struct candidates *s, const struct provider *provider)
{
	char text[ERROR_TEXT_MAX];
	const struct candidate *c = candidates_find(s, provider);
	if (plan_usable(c->standing) && c->standing != STANDING_PROBE)
		return;
	plan_reason(c, clock_wall_ms(), text, sizeof text);
	tree_put(o, "warning", json_object_new_string(text));
}

/* provider: NULL for automatic. */
static json_object *
switch_result(const struct app *app, const struct provider *provider)
{
	struct candidates *s = candidates_latest(app, "");
	if (s == NULL)
		return NULL;
	json_object *o = json_object_new_object();
	const struct provider *p = status_current(s);
	if (p == NULL)
		tree_put_null(o, "current_provider");
	else
		tree_put(o, "current_provider", json_object_new_string(p->name));
	tree_put(o, "mode", json_object_new_string(provider == NULL ? "auto" : "manual"));
	if (provider != NULL)
		add_warning(o, s, provider);
	free(s);
	return o;
}

static bool
put_retry(struct state *state, const struct provider *provider)
{
	return state_retry(state, provider->id, clock_wall_ms());
}

/* Calls act(), again while the state is locked, and replies with an error if it stays so. The
 * lock is held for microseconds, except while a damaged file is created anew: rarely, then, the
 * loop blocks, for at most 20 ms. */
static bool
retry_while_busy(struct client *client, bool (*act)(struct state *, const struct provider *),
		 const struct provider *provider)
{
	const struct timespec millisecond = {.tv_nsec = 1000000};
	for (int i = 0; i < 20; i++) {
		if (act(client->app->state, provider))
			return true;
		nanosleep(&millisecond, NULL);
	}
	replies_failure(client, 503, "retry-after: 1\r\n", "api_error",
			"The state file is busy. Try again.");
	return false;
}

void
admin_switch(struct client *client)
{
	struct app *app = client->app;
	char name[PROVIDER_NAME_MAX];
	bool read = read_name(&client->request.body, name);
	bool automatic = strcmp(name, "auto") == 0;
	const struct provider *p = automatic ? NULL : config_provider(app->config, name);
	if (!read || (!automatic && p == NULL)) {
		refuse_name(client, true);
		return;
	}
	if (!retry_while_busy(client, switch_to, p))
		return;
	switch_tell(app->ledger, p);
	reply_json(&client->reply, 200, "", switch_result(app, p));
}

void
admin_retry(struct client *client)
{
	struct app *app = client->app;
	char name[PROVIDER_NAME_MAX], text[ERROR_TEXT_MAX];
	bool read = read_name(&client->request.body, name);
	const struct provider *p = config_provider(app->config, name);
	if (!read || p == NULL) {
		refuse_name(client, false);
		return;
	}
	if (!retry_while_busy(client, put_retry, p))
		return;
	log_line(LOG_NOTICE, "pause of %s ended by an admin", p->name);
	struct candidates *s = candidates_latest(app, "");
	json_object *o = json_object_new_object();
	tree_put(o, "provider", json_object_new_string(p->name));
	if (s != NULL) {
		const struct candidate *c = candidates_find(s, p);
		tree_put(o, "state", json_object_new_string(plan_state_name(c->standing)));
		plan_reason(c, clock_wall_ms(), text, sizeof text);
		tree_put(o, "reason", json_object_new_string(text));
	}
	free(s);
	reply_json(&client->reply, 200, "cache-control: no-store\r\n", o);
}

/* --- Health checks ---------------------------------------------------- */

static void
aborted(void *handling)
{
	health_check_free(handling);
}

static const struct handler handler = {.aborted = aborted};

static void
report_health_check(void *owner, const struct health_check_report *report)
{
	static const char *const results[] = {"healthy", "limited", "unknown"};
	struct client *client = owner;
	json_object *o = json_object_new_object();
	tree_put(o, "provider", json_object_new_string(report->provider->name));
	tree_put(o, "result", json_object_new_string(results[report->result]));
	tree_put(o, "asked", json_object_new_boolean(report->asked));
	tree_put(o, "before", json_object_new_string(report->before));
	tree_put(o, "after", json_object_new_string(report->after));
	tree_put(o, "found", json_object_new_string(report->found));
	client->handler = NULL;
	health_check_free(client->handling);
	reply_json(&client->reply, 200, "cache-control: no-store\r\n", o);
}

void
admin_health_check(struct client *client)
{
	const struct config *config = client->app->config;
	char name[PROVIDER_NAME_MAX];
	bool read = read_name(&client->request.body, name);
	const struct provider *p =
	    name[0] == '\0' ? config_plan_provider(config) : config_provider(config, name);
	if (!read || p == NULL) {
		refuse_name(client, false);
		return;
	}
	client->handling = health_check_start(client->app, p, true, report_health_check, client);
	if (client->handling != NULL)
		client->handler = &handler;
	else
		replies_out_of_memory(client);
}

void
admin_greeting(struct client *client)
{
	static const char greeting[] =
	    "Claude Router " PACKAGE_VERSION ": set ANTHROPIC_BASE_URL to this address.\n";
	reply_whole(&client->reply, 200, "content-type: text/plain\r\n", greeting,
		    strlen(greeting));
}

/* SPDX-License-Identifier: MIT */
#include "operator/drills.h"

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "config/text.h"
#include "route/candidates.h"
#include "route/drill.h"
#include "json/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Reading a wish ---------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static bool
wrong(char why[static ERROR_TEXT_MAX], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(why, ERROR_TEXT_MAX, format, args);
	va_end(args);
	return false;
}

static bool
read_provider(const struct config *config, const char *name, const struct provider **out,
	      char why[static ERROR_TEXT_MAX])
{
	*out = name == NULL ? config_plan_provider(config) : config_provider(config, name);
	if (*out != NULL)
		return true;
	struct buf names;
	buf_init(&names, ERROR_TEXT_MAX - 32);
	for (size_t i = 0; i < config->n_providers; i++)
		buf_append_cut(&names, "%s%s", i == 0 ? "" : ", ", config->providers[i].name);
	wrong(why, "provider: must be one of %s", buf_text(&names));
	buf_free(&names);
	return false;
}

static bool
read_count(const char *text, unsigned *count)
{
	uint64_t n;
	bool is_read =
	    text_read_digits(&text, 2, &n) && *text == '\0' && n >= 1 && n <= DRILL_REQUESTS_MAX;
	*count = is_read ? (unsigned)n : 0;
	return is_read;
}

static bool
read_span(const char *text, int64_t least_ms, int64_t most_ms, int64_t *ms)
{
	return text_read_time(text, ms) && *ms >= least_ms && *ms <= most_ms;
}

static bool
has_client(const struct keys *keys, const char *name)
{
	for (size_t i = 0; keys != NULL && i < keys_count(keys); i++)
		if (strcmp(keys_at(keys, i)->name, name) == 0)
			return true;
	return false;
}

static bool
read_scope(const struct app *app, const struct drills_wish *wish, uint64_t *scope,
	   char why[static ERROR_TEXT_MAX])
{
	char text[DRILL_SCOPE_SIZE];
	*scope = 0;
	if ((wish->session != NULL) + (wish->client != NULL) + wish->next > 1)
		return wrong(why, "session, client and next: only one of them");
	if (wish->session != NULL) {
		if (!text_is_word(wish->session, strlen(wish->session), "-_.", SESSION_ID_MAX - 1))
			return wrong(why, "session: must be the id of a conversation");
		*scope = state_name(app->state, drill_session_scope(wish->session, text));
	}
	if (wish->client != NULL) {
		if (!has_client(app->keys, wish->client))
			return wrong(why, "client: must be the name of a client key");
		*scope = state_name(app->state, drill_client_scope(wish->client, text));
	}
	return true;
}

static bool
read_wish(const struct app *app, const struct drills_wish *wish, struct drills_plan *plan,
	  char why[static ERROR_TEXT_MAX])
{
	struct drill *d = &plan->drill;
	int64_t for_ms;
	if (!read_provider(app->config, wish->provider, &plan->provider, why))
		return false;
	d->provider = plan->provider->id;
	if (!drill_kind_find(wish->as == NULL ? "limit" : wish->as, &d->kind))
		return wrong(why, "as: must be limit, busy, down, refused or cut");
	if (!read_count(wish->requests == NULL ? "1" : wish->requests, &d->requests))
		return wrong(why, "requests: must be 1 to %d", DRILL_REQUESTS_MAX);
	if (!read_span(wish->rest == NULL ? "60s" : wish->rest, DRILL_REST_MIN_MS,
		       DRILL_REST_MAX_MS, &d->rest_ms))
		return wrong(why, "rest: must be 5s to 10m");
	if (!read_span(wish->duration == NULL ? "10m" : wish->duration, DRILL_REST_MIN_MS,
		       DRILL_MAX_MS, &for_ms))
		return wrong(why, "for: must be 5s to 1h");
	d->ends_ms = clock_wall_ms() + for_ms;
	return read_scope(app, wish, &d->scope, why);
}

/* --- Whether it can be tried -------------------------------------------- */

static const struct candidate *
find_next(const struct candidates *all, const struct provider *provider)
{
	for (size_t i = 0; i < all->plan.n_usable; i++)
		if (all->plan.candidates[i].view->provider != provider)
			return &all->plan.candidates[i];
	return NULL;
}

/* What is known without a request: a client's own credential may change it. */
static bool
is_possible(const struct candidates *all, struct drills_plan *plan, char why[static ERROR_TEXT_MAX])
{
	const struct candidate *c = candidates_find(all, plan->provider);
	const struct candidate *next = find_next(all, plan->provider);
	char reason[ERROR_TEXT_MAX / 2];
	plan_reason(c, clock_wall_ms(), reason, sizeof reason);
	if (!plan_usable(c->standing) || c->standing == STANDING_PROBE)
		return wrong(why, "Nothing to try: %s.", reason);
	if (c != &all->plan.candidates[0])
		return wrong(why, "Nothing to try: requests go to %s, not to %s.",
			     all->plan.candidates[0].view->provider->name, plan->provider->name);
	if (next == NULL)
		return wrong(why,
			     "Nobody could take over: %s is the only provider that can be "
			     "tried now.",
			     plan->provider->name);
	plan->next = next->view->provider;
	plan->is_billed = credential_is_billed(&next->view->credential, plan->next);
	return true;
}

static void
describe(const struct drills_wish *wish, struct drills_plan *plan)
{
	static const char *const acts[] = {[DRILL_LIMIT] = "as if its limit were reached",
					   [DRILL_BUSY] = "as if it were overloaded",
					   [DRILL_DOWN] = "as if it could not be reached",
					   [DRILL_REFUSED] = "as if its credential were rejected",
					   [DRILL_CUT] = "as if it broke off"};
	const struct drill *d = &plan->drill;
	char rest[32];
	text_show_time(d->rest_ms, rest);
	snprintf(plan->what, sizeof plan->what,
		 "%u request%s of %s%.64s to %s %s answered %s; it is then paused for %s, and %s%s "
		 "takes over. Nobody else is touched",
		 d->requests, d->requests == 1 ? "" : "s",
		 wish->client != NULL    ? "client "
		 : wish->session != NULL ? "session "
					 : "the next conversation",
		 wish->client != NULL    ? wish->client
		 : wish->session != NULL ? wish->session
					 : "",
		 plan->provider->name, d->requests == 1 ? "is" : "are", acts[d->kind], rest,
		 plan->next->name, plan->is_billed ? ", which costs money," : "");
}

enum drills_readiness
drills_prepare(const struct app *app, const struct drills_wish *wish, struct drills_plan *plan,
	       char why[static ERROR_TEXT_MAX])
{
	*plan = (struct drills_plan){0};
	if (!read_wish(app, wish, plan, why))
		return DRILLS_WRONG;
	struct candidates *all = candidates_latest(app, "");
	if (all == NULL) {
		wrong(why, "Out of memory.");
		return DRILLS_IMPOSSIBLE;
	}
	bool possible = is_possible(all, plan, why);
	free(all);
	if (possible)
		describe(wish, plan);
	return possible ? DRILLS_READY : DRILLS_IMPOSSIBLE;
}

/* --- Status ------------------------------------------------------------- */

static const char *
name_of(const struct config *config, uint64_t provider)
{
	for (size_t i = 0; i < config->n_providers; i++)
		if (config->providers[i].id == provider)
			return config->providers[i].name;
	return "";
}

json_object *
drills_status(const struct app *app)
{
	struct drill d;
	char id[DRILL_ID_SIZE], time[CLOCK_RFC3339_SIZE];
	if (!state_drill(app->state, clock_wall_ms(), &d))
		return NULL;
	json_object *o = json_object_new_object();
	tree_put(o, "id", json_object_new_string(state_drill_name(d.id, id)));
	tree_put(o, "provider", json_object_new_string(name_of(app->config, d.provider)));
	tree_put(o, "as", json_object_new_string(drill_kind_name(d.kind)));
	tree_put(o, "requests", json_object_new_int64(d.requests));
	tree_put(o, "left", json_object_new_int64(d.left));
	tree_put(o, "waits", json_object_new_boolean(d.scope == 0));
	if (d.until_ms == 0)
		tree_put_null(o, "until");
	else
		tree_put(o, "until", json_object_new_string(clock_rfc3339(d.until_ms, time)));
	tree_put(o, "ends", json_object_new_string(clock_rfc3339(d.ends_ms, time)));
	return o;
}

/* --- POST /v1/drill ------------------------------------------------------ */

static void
refuse(struct client *client, int status, const char *message)
{
	client_refuse(client, status, "", "invalid_request_error", message);
}

/* The text of a member; NULL: it is not there. A number counts as its text. */
static const char *
member(json_object *body, const char *name)
{
	json_object *value = tree_get(body, name);
	return value == NULL ? NULL : json_object_get_string(value);
}

static bool
is_true(json_object *body, const char *name)
{
	return json_object_get_boolean(tree_get(body, name));
}

static json_object *
plan_json(const struct drills_plan *plan)
{
	json_object *o = json_object_new_object();
	tree_put(o, "provider", json_object_new_string(plan->provider->name));
	tree_put(o, "next_provider", json_object_new_string(plan->next->name));
	tree_put(o, "billed", json_object_new_boolean(plan->is_billed));
	tree_put(o, "what", json_object_new_string(plan->what));
	return o;
}

static void
begin(struct client *client, struct drills_plan *plan)
{
	struct app *app = client->app;
	char id[DRILL_ID_SIZE], text[ERROR_TEXT_MAX];
	enum drill_begun begun = state_drill_begin(app->state, clock_wall_ms(), &plan->drill);
	state_drill_name(plan->drill.id, id);
	if (begun == DRILL_RUNS) {
		snprintf(text, sizeof text, "The drill %s runs: {\"stop\":true} ends it.", id);
		refuse(client, 409, text);
		return;
	}
	if (begun == DRILL_CLOSED) {
		client_refuse(client, 503, "retry-after: 1\r\n", "api_error",
			      "The state file is busy, or cannot be written. Try again.");
		return;
	}
	log_line(LOG_NOTICE, "drill %s begins: %s", id, plan->what);
	ledger_tell(app->ledger, "drill", plan->provider->name, plan->what);
	json_object *o = plan_json(plan);
	tree_put(o, "drill", drills_status(app));
	reply_json(&client->reply, 200, "cache-control: no-store\r\n", o);
}

static void
stop(struct client *client)
{
	json_object *o = json_object_new_object();
	bool ran = state_drill_stop(client->app->state, 0);
	if (ran)
		log_line(LOG_NOTICE, "the drill was stopped by an admin");
	tree_put(o, "stopped", json_object_new_boolean(ran));
	reply_json(&client->reply, 200, "cache-control: no-store\r\n", o);
}

static void
follow(struct client *client, json_object *body)
{
	const struct drills_wish wish = {
	    .provider = member(body, "provider"),
	    .as = member(body, "as"),
	    .requests = member(body, "requests"),
	    .rest = member(body, "rest"),
	    .duration = member(body, "for"),
	    .session = member(body, "session"),
	    .client = member(body, "client"),
	    .next = is_true(body, "next"),
	};
	struct drills_plan plan;
	char why[ERROR_TEXT_MAX];
	enum drills_readiness ready = drills_prepare(client->app, &wish, &plan, why);
	if (ready != DRILLS_READY)
		refuse(client, ready == DRILLS_WRONG ? 400 : 409, why);
	else if (is_true(body, "dry_run"))
		reply_json(&client->reply, 200, "cache-control: no-store\r\n", plan_json(&plan));
	else
		begin(client, &plan);
}

/* The members of a wish, and stop and dry_run. NULL: one is unknown. */
static json_object *
read_body(const struct buf *text)
{
	static const char *const known[] = {"provider", "as",     "requests", "rest", "for",
					    "session",  "client", "next",     "stop", "dry_run"};
	json_object *body =
	    text->len == 0 ? json_object_new_object() : tree_read(text->data, text->len);
	size_t found = 0;
	for (size_t i = 0; body != NULL && i < COUNT(known); i++)
		found += json_object_object_get_ex(body, known[i], NULL) ? 1 : 0;
	if (body != NULL && found == (size_t)json_object_object_length(body))
		return body;
	json_object_put(body);
	return NULL;
}

void
drills_reply(struct client *client)
{
	json_object *body = read_body(&client->request.body);
	if (body == NULL)
		refuse(client, 400,
		       "The body must be a JSON object with some of provider, as, requests, rest, "
		       "for, session or client or next, dry_run; or {\"stop\":true}.");
	else if (is_true(body, "stop"))
		stop(client);
	else
		follow(client, body);
	json_object_put(body);
}

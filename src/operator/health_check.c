/* SPDX-License-Identifier: MIT */
#include "operator/health_check.h"

#include "base/clock.h"
#include "dialect/dialect.h"
#include "route/candidates.h"
#include "route/learned.h"
#include "route/outcome.h"
#include "share/ask.h"
#include "upstream/attempt.h"
#include "json/tree.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_LIMIT_MS 60000

struct health_check {
	struct app *app;
	struct config *config; /* our shares of what was in force when it began */
	struct tokens *tokens;
	const struct provider *provider; /* of config */
	void (*done)(void *owner, const struct health_check_report *report);
	void *owner;
	struct health_check_report report;
	const struct stored_credential *credential; /* of tokens; NULL: none is stored */
	struct attempt *attempt;
	struct buf body;
	struct health_key key;
	int64_t began_ms;
	size_t successor;
	bool locked; /* we hold the lock of health checks */
	struct share_ask share_ask;
	struct task finish; /* so that done() is never called from health_check_start() */
};

/* --- Before ----------------------------------------------------------- */

static struct candidates *
collect(const struct health_check *h)
{
	return candidates_latest_by(h->config, h->tokens, h->app->state, "");
}

/* The stored credential to check it with: the candidate's, of several. NULL: none is stored. */
static const struct stored_credential *
find_credential(const struct tokens *tokens, const struct candidate *c)
{
	const char *name = c->view->provider->name;
	const struct stored_credential *stored;
	for (size_t i = 0; (stored = tokens_at(tokens, name, i)) != NULL; i++)
		if (c->view->credential.label == stored->label)
			return stored;
	return tokens_at(tokens, name, 0);
}

static bool
is_paused(const struct candidate *c)
{
	return c->standing == STANDING_PAUSED || c->standing == STANDING_BENCHED ||
	       c->standing == STANDING_PROBE || c->standing == STANDING_PROBED;
}

static enum health_check_result
result_of(const struct candidate *c)
{
	if (c->standing == STANDING_PAUSED || c->standing == STANDING_BENCHED)
		return HEALTH_CHECK_LIMITED;
	return plan_usable(c->standing) || c->standing == STANDING_PROBED ? HEALTH_CHECK_HEALTHY
									  : HEALTH_CHECK_UNKNOWN;
}

const char *
health_check_intent(const struct app *app, const struct provider *provider, bool force,
		    char text[static ERROR_TEXT_MAX])
{
	struct candidates *all = candidates_latest(app, "");
	char reason[ERROR_TEXT_MAX / 2];
	if (all == NULL)
		return "out of memory";
	const struct candidate *c = candidates_find(all, provider);
	plan_reason(c, clock_wall_ms(), reason, sizeof reason);
	bool stored = tokens_get(app->tokens, provider->name) != NULL;
	const char *what = !is_paused(c) && !force ? "nothing to check"
			   : stored                ? "would be checked now"
						   : "no stored credential to check it with";
	snprintf(text, ERROR_TEXT_MAX, "%s: %s", reason, what);
	free(all);
	return text;
}

/* --- The end ---------------------------------------------------------- */

static void
finish(struct health_check *h)
{
	struct candidates *all = collect(h);
	struct health_check_report report = h->report;
	void (*done)(void *, const struct health_check_report *) = h->done;
	void *owner = h->owner;
	if (all != NULL) {
		const struct candidate *c = candidates_find(all, h->provider);
		report.after = plan_state_name(c->standing);
		if (!report.asked && report.found[0] == '\0')
			plan_reason(c, clock_wall_ms(), report.found, sizeof report.found);
	}
	free(all);
	state_checked(h->app->state, clock_wall_ms(), report.result != HEALTH_CHECK_UNKNOWN);
	done(owner, &report);
}

static void
run_finish(struct task *task)
{
	finish(CONTAINER_OF(task, struct health_check, finish));
}

void
health_check_free(struct health_check *h)
{
	if (h == NULL)
		return;
	share_ask_end(&h->share_ask);
	attempt_free(h->attempt);
	buf_free(&h->body);
	loop_recall(&h->finish);
	if (h->locked)
		state_check_unlock(h->app->state);
	tokens_free(h->tokens);
	config_free(h->config);
	free(h);
}

/* --- The attempt ------------------------------------------------------ */

static void on_progress(void *owner);

static const char *
model_of(const struct health_check *h)
{
	const struct config *config = h->config;
	if (!h->provider->dialect->takes_claude_names)
		return learned_name(h->app->state, h->provider, config->health_check_models[0], 0,
				    h->successor);
	return h->successor < config->n_health_check_models
		   ? config->health_check_models[h->successor]
		   : NULL;
}

/* {"model":…,"max_tokens":1,"messages":[{"role":"user","content":"ping"}]} */
static json_object *
smallest_message(const struct config *config, const char *model)
{
	json_object *o = json_object_new_object();
	json_object *messages = json_object_new_array();
	json_object *message = json_object_new_object();
	tree_put(message, "role", json_object_new_string("user"));
	tree_put(message, "content", json_object_new_string(config->health_check_message));
	tree_add(messages, message);
	tree_put(o, "model", json_object_new_string(model));
	tree_put(o, "max_tokens", json_object_new_int(1));
	tree_put(o, "messages", messages);
	return o;
}

/* The smallest message, in the provider's dialect. */
static bool
write_body(struct health_check *h, const char *model)
{
	char error[ERROR_TEXT_MAX];
	struct message message;
	struct buf text;
	buf_init(&text, h->body.max);
	buf_free(&h->body);
	json_object *o = smallest_message(h->config, model);
	bool written =
	    o != NULL && tree_write(o, &text) && message_read(text.data, text.len, &message, error);
	json_object_put(o);
	const struct handover handover = {
	    .provider = h->provider->name,
	    .model = model,
	    .body = text.data,
	    .body_len = text.len,
	    .message = &message,
	    .key = state_key(h->app->state),
	    .quirks = learned_quirks(h->app->state, h->provider, model, 0),
	};
	if (written) {
		enum handover_result result = h->provider->dialect->encode(&handover, &h->body);
		written = result == HANDOVER_REWRITTEN ||
			  (result == HANDOVER_AS_IS && buf_add(&h->body, text.data, text.len));
	}
	buf_free(&text);
	return written;
}

static bool
start_attempt(struct health_check *h)
{
	const char *model = model_of(h), *credential = h->credential->value;
	const char *path = h->provider->dialect->path;
	attempt_free(h->attempt);
	h->attempt = NULL;
	if (model == NULL || !write_body(h, model))
		return false;
	h->key = candidates_account_key(h->app->state, h->provider, credential);
	h->began_ms = clock_wall_ms();
	const struct attempt_options options = {
	    .provider = h->provider,
	    .config = h->config,
	    .path = path == NULL ? "/v1/messages" : path,
	    .query = "",
	    .credential = credential,
	    .stored = true,
	    .body = h->body.data,
	    .body_len = h->body.len,
	    .total_ms = TIME_LIMIT_MS,
	};
	h->attempt = attempt_start(h->app->pool, &options, on_progress, h);
	return h->attempt != NULL;
}

/* A message in another form than Anthropic's is judged in that one, as a client's is: decoded is it
 * then. False: out of memory. */
static bool
decode(const struct health_check *h, struct buf *decoded)
{
	const struct dialect *dialect = h->provider->dialect;
	const struct response *response = attempt_response(h->attempt);
	const struct buf *json = attempt_body(h->attempt);
	return dialect->decode_json == NULL || !response->complete || response->status < 200 ||
	       response->status >= 300 || response->sse || response->html ||
	       dialect->decode_json(h->provider->name, 0, buf_text(json), json->len, decoded);
}

static struct verdict
verdict_of(const struct health_check *h, enum ending ending)
{
	struct buf decoded;
	buf_init(&decoded, 2 * (size_t)RESPONSE_JSON_MAX);
	if (!decode(h, &decoded))
		ending = ENDING_OURS;
	const struct buf *body = decoded.len > 0 ? &decoded : attempt_body(h->attempt);
	const struct evidence evidence = {
	    .ending = ending,
	    .response = attempt_response(h->attempt),
	    .body = buf_text(body),
	    .body_len = body->len,
	    .is_authority = h->provider->dialect->is_authority,
	    .stored = true,
	    .plan_limits_only = h->config->plan_limits_only,
	    .cooldown_ms = h->provider->cooldown_ms,
	    .now_ms = clock_wall_ms(),
	};
	struct verdict verdict = verdict_judge(&evidence);
	buf_free(&decoded);
	return verdict;
}

static void
judge(struct health_check *h, enum ending ending)
{
	const struct verdict verdict = verdict_of(h, ending);
	const struct outcome outcome = {
	    .provider = h->provider,
	    .key = h->key,
	    .label = h->credential->label,
	    .began_ms = h->began_ms,
	    /* It holds no lease; it only delays the end of a pause, here always by the same
	     * share: health checks do not come in crowds. */
	    .holder = digest_name(h->provider->name),
	    .response = attempt_response(h->attempt),
	    .verdict = &verdict,
	};
	char name[CREDENTIAL_NAME_SIZE];
	outcome_count_attempt(h->app->state, h->provider, &verdict, false);
	h->successor += verdict.kind == VERDICT_SUCCESSOR;
	if (verdict.kind == VERDICT_SUCCESSOR && start_attempt(h))
		return;
	/* A failure that is not the account's says nothing about its limits. */
	bool served = verdict_is_success(&verdict);
	bool is_about_account =
	    served || (verdict.pause != PAUSE_NONE && verdict.scope < SCOPE_SPREADING);
	if (is_about_account)
		outcome_record(h->app, &outcome);
	h->report.asked = true;
	h->report.result = served             ? HEALTH_CHECK_HEALTHY
			   : is_about_account ? HEALTH_CHECK_LIMITED
					      : HEALTH_CHECK_UNKNOWN;
	snprintf(h->report.found, sizeof h->report.found, "%s: %s",
		 credential_name(h->provider->name, h->credential->label, name),
		 served ? "serves requests" : verdict.why);
	loop_queue(h->app->loop, &h->finish);
}

static void
on_progress(void *owner)
{
	struct health_check *h = owner;
	enum ending ending;
	if (attempt_ended(h->attempt, &ending))
		judge(h, ending);
}

/* Without a credential for an attempt: ends the pauses that are due; the next request is the
 * proof. */
static void
end_due_pauses(struct health_check *h)
{
	struct health all[STATE_HEALTHS];
	size_t n = state_healths(h->app->state, h->provider->id, all, STATE_HEALTHS);
	const struct health_change change = {.event = HEALTH_EVENT_RELIEVED,
					     .now_ms = clock_wall_ms()};
	for (size_t i = 0; i < n; i++)
		if (health_state(&all[i], change.now_ms) == HEALTH_DUE)
			state_health_change(h->app->state, &all[i].key, h->provider->name, &change);
}

/* A pause that all machines know is checked by one of them at a time. */
static void
go_on(struct health_check *h, enum share_answer answer)
{
	if (answer == SHARE_REFUSED) {
		snprintf(h->report.found, sizeof h->report.found,
			 "%s: another machine asks it just now", h->provider->name);
	} else {
		h->report.result = HEALTH_CHECK_UNKNOWN;
		if (answer == SHARE_GRANTED && start_attempt(h))
			return;
		if (answer == SHARE_SILENT)
			snprintf(h->report.found, sizeof h->report.found,
				 "claude-router-share does not say whether another machine asks "
				 "it just now");
	}
	loop_queue(h->app->loop, &h->finish);
}

static void
on_answered(struct share_ask *ask, enum share_answer answer)
{
	go_on(CONTAINER_OF(ask, struct health_check, share_ask), answer);
}

/* Before it is sent, asks for the lease of the record that is the reason for the pause; not for
 * what is not paused, which everybody may ask. */
static void
ask(struct health_check *h, const struct health_key *paused)
{
	const struct share_wish wish = {.kind = SHARE_LEASE, .lease.key = *paused};
	enum share_answer answer = SHARE_GRANTED;
	if (paused->provider != 0 && state_share_is_connected(h->app->state))
		answer =
		    share_ask_begin(&h->share_ask, h->app->loop, state_path(h->app->state), &wish);
	if (answer != SHARE_ASKED)
		go_on(h, answer);
}

static void
begin(struct health_check *h, bool force)
{
	struct candidates *all = collect(h);
	if (all == NULL) {
		h->report.result = HEALTH_CHECK_UNKNOWN;
		loop_queue(h->app->loop, &h->finish);
		return;
	}
	const struct candidate *c = candidates_find(all, h->provider);
	h->credential = find_credential(h->tokens, c);
	h->report.before = h->report.after = plan_state_name(c->standing);
	bool needed = is_paused(c) || force;
	const struct health_key paused =
	    is_paused(c) && c->cause != NULL ? c->cause->key : (struct health_key){0};
	h->report.result = result_of(c);
	free(all);
	/* The lock is taken last, so that a health check with nothing to do needs none. */
	h->locked = needed && h->credential != NULL && state_check_lock(h->app->state);
	if (h->locked) {
		ask(h, &paused);
		return;
	}
	if (needed && h->credential == NULL) {
		end_due_pauses(h);
		all = collect(h);
		h->report.result = all == NULL ? HEALTH_CHECK_UNKNOWN
					       : result_of(candidates_find(all, h->provider));
		free(all);
	}
	loop_queue(h->app->loop, &h->finish);
}

struct health_check *
health_check_start(struct app *app, const struct provider *provider, bool force,
		   void (*done)(void *owner, const struct health_check_report *report), void *owner)
{
	struct health_check *h = calloc(1, sizeof *h);
	if (h == NULL)
		return NULL;
	h->app = app;
	h->config = config_share(app->config);
	h->tokens = tokens_share(app->tokens);
	h->provider = provider;
	h->done = done;
	h->owner = owner;
	h->finish.run = run_finish;
	h->share_ask.answered = on_answered;
	h->report.provider = provider;
	h->report.before = h->report.after = "unknown";
	buf_init(&h->body, 65536);
	begin(h, force);
	return h;
}

/* --- In a program of its own ------------------------------------------ */

struct standalone {
	struct app *app;
	struct health_check_report *report;
};

static void
stop_loop(void *owner)
{
	loop_stop(((struct app *)owner)->loop);
}

static void
standalone_done(void *owner, const struct health_check_report *report)
{
	struct standalone *s = owner;
	*s->report = *report;
	if (!notifier_busy(s->app->notifier))
		stop_loop(s->app);
	notifier_when_idle(s->app->notifier, stop_loop, s->app);
}

bool
health_check_run(struct app *app, const struct provider *provider, bool force,
		 struct health_check_report *report)
{
	struct standalone standalone = {app, report};
	struct health_check *h =
	    health_check_start(app, provider, force, standalone_done, &standalone);
	bool ran = h != NULL && loop_run(app->loop);
	health_check_free(h);
	/* Write what the state has queued. */
	state_tick(app->state, NULL);
	return ran;
}

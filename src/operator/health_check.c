/* SPDX-License-Identifier: MIT */
#include "operator/health_check.h"

#include "base/clock.h"
#include "dialect/dialect.h"
#include "route/candidates.h"
#include "route/outcome.h"
#include "upstream/attempt.h"
#include "json/tree.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_FOR_MS 60000

struct healthcheck {
	struct router *router;
	struct config *config; /* our share of what was in force when it began */
	struct tokens *tokens;
	const struct provider *provider; /* of config */
	void (*done)(void *owner, const struct check_report *report);
	void *owner;
	struct check_report report;
	struct attempt *attempt;
	struct buf body;
	struct health_key key;
	int64_t began_ms;
	size_t successor;
	bool locked;        /* we hold the check's lock */
	struct task finish; /* so that done() is never called from healthcheck_start() */
};

/* --- What is known before --------------------------------------------- */

static const struct candidate *
look(const struct healthcheck *h, struct survey *s)
{
	survey_latest_by(h->config, h->tokens, h->router->state, "", s);
	return survey_candidate(s, h->provider);
}

static bool
is_resting(const struct candidate *c)
{
	return c->standing == STANDING_RESTS || c->standing == STANDING_BENCHED ||
	       c->standing == STANDING_PROBE || c->standing == STANDING_PROBED;
}

static enum check_result
result_of(const struct candidate *c)
{
	if (c->standing == STANDING_RESTS || c->standing == STANDING_BENCHED)
		return CHECK_LIMITED;
	return plan_usable(c->standing) || c->standing == STANDING_PROBED ? CHECK_HEALTHY
									  : CHECK_UNKNOWN;
}

const char *
healthcheck_intent(const struct router *router, const struct provider *provider, bool force,
		   char text[static ERROR_TEXT_MAX])
{
	struct survey *s = survey_latest(router, "");
	char reason[ERROR_TEXT_MAX / 2];
	if (s == NULL)
		return "out of memory";
	const struct candidate *c = survey_candidate(s, provider);
	plan_reason(c, clock_wall_ms(), reason, sizeof reason);
	bool stored = tokens_get(router->tokens, provider->name) != NULL;
	const char *what = !is_resting(c) && !force ? "nothing to look at"
			   : stored                 ? "would be asked now"
						    : "no stored credential to ask with";
	snprintf(text, ERROR_TEXT_MAX, "%s: %s", reason, what);
	free(s);
	return text;
}

/* --- The end ---------------------------------------------------------- */

static void
finish(struct healthcheck *h)
{
	struct survey *s = malloc(sizeof *s);
	struct check_report report = h->report;
	void (*done)(void *, const struct check_report *) = h->done;
	void *owner = h->owner;
	if (s != NULL) {
		const struct candidate *c = look(h, s);
		report.after = plan_state_name(c->standing);
		if (!report.asked)
			plan_reason(c, clock_wall_ms(), report.found, sizeof report.found);
	}
	free(s);
	state_checked(h->router->state, clock_wall_ms(), report.result != CHECK_UNKNOWN);
	done(owner, &report);
}

static void
run_finish(struct task *task)
{
	finish(OWNER(task, struct healthcheck, finish));
}

void
healthcheck_free(struct healthcheck *h)
{
	if (h == NULL)
		return;
	attempt_free(h->attempt);
	buf_free(&h->body);
	loop_recall(&h->finish);
	if (h->locked)
		state_check_unlock(h->router->state);
	tokens_free(h->tokens);
	config_free(h->config);
	free(h);
}

/* --- Asking ----------------------------------------------------------- */

static void news(void *owner);

static const char *
model_of(const struct healthcheck *h)
{
	const struct config *config = h->config;
	if (!h->provider->dialect->claude)
		return survey_model(h->router->state, h->provider, config->health_check_models[0],
				    0, h->successor);
	return h->successor < config->n_health_check_models
		   ? config->health_check_models[h->successor]
		   : NULL;
}

/* {"model":…,"max_tokens":1,"messages":[{"role":"user","content":"ping"}]} */
static json_object *
question(const struct config *config, const char *model)
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
write_body(struct healthcheck *h, const char *model)
{
	char error[ERROR_TEXT_MAX];
	struct message message;
	struct buf text;
	buf_init(&text, h->body.max);
	buf_free(&h->body);
	json_object *o = question(h->config, model);
	bool written =
	    o != NULL && tree_write(o, &text) && message_read(text.data, text.len, &message, error);
	json_object_put(o);
	const struct handover handover = {
	    .provider = h->provider->name,
	    .model = model,
	    .body = text.data,
	    .body_len = text.len,
	    .message = &message,
	    .key = state_key(h->router->state),
	};
	if (written) {
		enum handover_result result = h->provider->dialect->request(&handover, &h->body);
		written = result == HANDOVER_REWRITTEN ||
			  (result == HANDOVER_AS_IS && buf_add(&h->body, text.data, text.len));
	}
	buf_free(&text);
	return written;
}

static bool
ask(struct healthcheck *h, const char *credential)
{
	const char *model = model_of(h);
	attempt_free(h->attempt);
	h->attempt = NULL;
	if (model == NULL || !write_body(h, model))
		return false;
	h->key = survey_account_key(h->router->state, h->provider, credential);
	h->began_ms = clock_wall_ms();
	const struct attempt_ask ask = {
	    .provider = h->provider,
	    .config = h->config,
	    .path = "/v1/messages",
	    .query = "",
	    .credential = credential,
	    .stored = true,
	    .body = h->body.data,
	    .body_len = h->body.len,
	    .total_ms = CHECK_FOR_MS,
	};
	h->attempt = attempt_start(h->router->upstream, &ask, news, h);
	return h->attempt != NULL;
}

static void
judge(struct healthcheck *h, enum ending ending)
{
	const struct buf *body = attempt_bytes(h->attempt);
	const struct evidence evidence = {
	    .ending = ending,
	    .answer = attempt_answer(h->attempt),
	    .body = buf_text(body),
	    .body_len = body->len,
	    .claude = h->provider->dialect->claude,
	    .stored = true,
	    .plan_limits_only = h->config->plan_limits_only,
	    .cooldown_ms = h->provider->cooldown_ms,
	    .now_ms = clock_wall_ms(),
	};
	const struct verdict verdict = verdict_judge(&evidence);
	const struct outcome outcome = {
	    .provider = h->provider,
	    .key = h->key,
	    .began_ms = h->began_ms,
	    .holder = digest_name(h->provider->name),
	    .answer = evidence.answer,
	    .verdict = &verdict,
	};
	const char *credential = tokens_get(h->tokens, h->provider->name);
	account_attempt(h->router->state, h->provider, &verdict, false);
	h->successor += verdict.kind == VERDICT_SUCCESSOR;
	if (verdict.kind == VERDICT_SUCCESSOR && credential != NULL && ask(h, credential))
		return;
	/* Trouble on the way says nothing of the plan. */
	bool served = verdict.kind == VERDICT_PASS && verdict.status < 300;
	bool told = served || (verdict.rest != REST_NONE && verdict.scope < SCOPE_SPREADING);
	if (told)
		account_outcome(h->router, &outcome);
	h->report.asked = true;
	h->report.result = served ? CHECK_HEALTHY : told ? CHECK_LIMITED : CHECK_UNKNOWN;
	snprintf(h->report.found, sizeof h->report.found, "%s answered: %s", h->provider->name,
		 served ? "it serves" : verdict.why);
	loop_queue(h->router->loop, &h->finish);
}

static void
news(void *owner)
{
	struct healthcheck *h = owner;
	enum ending ending;
	if (attempt_ended(h->attempt, &ending))
		judge(h, ending);
}

/* Without a credential to ask with: rests that are over by the clock end, and
 * the next real request is the proof. */
static void
relieve(struct healthcheck *h)
{
	struct health all[STATE_HEALTHS];
	size_t n = state_healths(h->router->state, h->provider->id, all, STATE_HEALTHS);
	const struct health_change change = {.event = HEALTH_RELIEVED, .now_ms = clock_wall_ms()};
	for (size_t i = 0; i < n; i++)
		if (health_state(&all[i], change.now_ms) == HEALTH_DUE)
			state_health_change(h->router->state, &all[i].key, h->provider->name,
					    &change);
}

static void
begin(struct healthcheck *h, bool force)
{
	struct survey *s = malloc(sizeof *s);
	const char *credential = tokens_get(h->tokens, h->provider->name);
	if (s == NULL) {
		h->report.result = CHECK_UNKNOWN;
		loop_queue(h->router->loop, &h->finish);
		return;
	}
	const struct candidate *c = look(h, s);
	h->report.before = h->report.after = plan_state_name(c->standing);
	bool wanted = is_resting(c) || force;
	h->report.result = result_of(c);
	/* The lock is last, so that a check that has nothing to do needs none. */
	h->locked = wanted && credential != NULL && state_check_lock(h->router->state);
	if (h->locked) {
		h->report.result = CHECK_UNKNOWN;
		if (ask(h, credential)) {
			free(s);
			return;
		}
	} else if (wanted && credential == NULL) {
		relieve(h);
		c = look(h, s);
		h->report.result = result_of(c);
	}
	free(s);
	loop_queue(h->router->loop, &h->finish);
}

struct healthcheck *
healthcheck_start(struct router *router, const struct provider *provider, bool force,
		  void (*done)(void *owner, const struct check_report *report), void *owner)
{
	struct healthcheck *h = calloc(1, sizeof *h);
	if (h == NULL)
		return NULL;
	h->router = router;
	h->config = config_share(router->config);
	h->tokens = tokens_share(router->tokens);
	h->provider = provider;
	h->done = done;
	h->owner = owner;
	h->finish.run = run_finish;
	h->report.provider = provider;
	h->report.before = h->report.after = "unknown";
	buf_init(&h->body, 65536);
	begin(h, force);
	return h;
}

/* --- In a program of its own ------------------------------------------ */

struct lone {
	struct router *router;
	struct check_report *report;
};

static void
stop(void *owner)
{
	loop_stop(((struct router *)owner)->loop);
}

static void
lone_done(void *owner, const struct check_report *report)
{
	struct lone *lone = owner;
	*lone->report = *report;
	if (!notifier_busy(lone->router->notifier))
		stop(lone->router);
	notifier_when_idle(lone->router->notifier, stop, lone->router);
}

bool
healthcheck_run(struct router *router, const struct provider *provider, bool force,
		struct check_report *report)
{
	struct lone lone = {router, report};
	struct healthcheck *h = healthcheck_start(router, provider, force, lone_done, &lone);
	bool ran = h != NULL && loop_run(router->loop);
	healthcheck_free(h);
	/* What could not be written at once is written now. */
	state_tick(router->state, NULL);
	return ran;
}

/* SPDX-License-Identifier: MIT */
/* Attempted, judged, replied: the way of one request from provider to provider. */
#include "route/exchange.h"

#include "base/clock.h"
#include "base/log.h"
#include "dialect/dialect.h"
#include "route/exchange_impl.h"
#include "route/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ERROR_BODY_FOR_MS =
	    5000, /* a failure may take so long after its status, drop by drop, too */
	QUIET_FOR_MS =
	    20000, /* count_tokens and models, which can be answered without a provider */
	WATCH_EVERY_MS = 5000, /* at least: a probe's lease is renewed then, new limits are seen */
	RETRY_DELAY_MAX_MS = 60000,
	THROTTLED_LATELY_MS = 60000, /* BEHAVIOUR 4: a second bare 429 within a minute */
	MENDED_IN_A_ROW_MAX = 2,     /* BEHAVIOUR 6 */
	TRAIL_MAX = 1024,
};

static void
drop_attempt(struct exchange *x)
{
	attempt_free(x->attempt);
	x->attempt = NULL;
	buf_free(&x->body);
	if (x->relay_begun)
		relay_fini(&x->relay);
	x->relay_begun = false;
}

static void
give_back_lease(struct exchange *x)
{
	if (x->target.leased)
		lease_release(x->app->state, &x->target.lease, x->target.provider->name, x->holder);
	x->target.leased = false;
}

void
exchange_free(struct exchange *x)
{
	give_back_lease(x);
	drop_attempt(x);
	loop_cancel(x->app->loop, &x->step);
	loop_cancel(x->app->loop, &x->watch);
	buf_free(&x->kept_lines);
	buf_free(&x->kept_body);
	buf_free(&x->trail);
	tokens_free(x->tokens);
	config_free(x->config);
	free(x);
}

void
exchange_wait(struct exchange *x, int64_t in_ms, void (*next)(struct exchange *x))
{
	x->phase = EXCHANGE_WAITING;
	x->next = next;
	loop_cancel(x->app->loop, &x->watch);
	if (!loop_after(x->app->loop, &x->step, in_ms))
		close_with_error(x, 503, "retry-after: 2\r\n", "api_error", "Out of memory.");
}

static void
step_due(struct timer *timer)
{
	struct exchange *x = CONTAINER_OF(timer, struct exchange, step);
	x->next(x);
}

int64_t
exchange_remaining_ms(const struct exchange *x)
{
	return x->start_ms + x->config->deadline_ms - clock_steady_ms();
}

/* How long an attempt may take, all of it. */
static int64_t
attempt_ms(const struct exchange *x)
{
	bool streams = x->request->message.stream && !x->quiet;
	return exchange_remaining_ms(x) + (streams ? x->config->stream_deadline_ms : 0);
}

/* --- Attempted: one provider is asked --------------------------------- */

static void judge(struct exchange *x, enum ending ending);
static void news(void *owner);
static void watch(struct exchange *x);

/* The name by which the provider is asked. */
static const char *
name_at(const struct exchange *x)
{
	return x->target.model[0] != '\0' ? x->target.model : x->request->message.model;
}

/* The model's name at this provider, and the body in its dialect. */
static bool
write_body(struct exchange *x)
{
	const struct request *r = x->request;
	struct target *t = &x->target;
	const char *model =
	    learned_next_name(t->provider, r->message.model, t->first_name, t->successor);
	const char *sent = t->provider->dialect->model == NULL
			       ? model
			       : t->provider->dialect->model(&r->message, model);
	snprintf(t->model, sizeof t->model, "%s", sent == NULL ? "" : sent);
	t->quirks |= learned_quirks(x->app->state, t->provider, name_at(x), t->own);
	buf_free(&x->body);
	if (r->route.id == ROUTE_MODELS || r->route.id == ROUTE_MODEL)
		return true;
	const struct handover handover = {
	    .provider = t->provider->name,
	    .model = model,
	    .body = r->body.data,
	    .body_len = r->body.len,
	    .message = &r->message,
	    .key = state_key(x->app->state),
	    .quirks = t->quirks,
	};
	return t->provider->dialect->encode(&handover, &x->body) != HANDOVER_FAILED;
}

static const char *
credential_of(const struct exchange *x)
{
	const struct provider *p = x->target.provider;
	if (x->target.stored)
		return tokens_get(x->tokens, p->name);
	return p->takes_login ? x->request->login : x->request->api_key;
}

static struct attempt *
start(struct exchange *x)
{
	const struct request *r = x->request;
	const char *credential = credential_of(x);
	if (credential == NULL || !write_body(x))
		return NULL;
	bool rewritten = x->body.len > 0;
	bool posts = strcmp(r->method, "POST") == 0;
	const struct attempt_options ask = {
	    .provider = x->target.provider,
	    .config = x->config,
	    .path = r->path,
	    .query = x->target.provider->dialect->claude ? r->query : "",
	    .headers = &r->headers,
	    .credential = credential,
	    .stored = x->target.stored,
	    .body = rewritten ? x->body.data
		    : posts   ? r->body.data
			      : NULL,
	    .body_len = rewritten ? x->body.len
			: posts   ? r->body.len
				  : 0,
	    .fresh = x->target.retries > 0 && x->verdict.status == 0,
	    .total_ms = attempt_ms(x),
	};
	return attempt_start(x->app->pool, &ask, news, x);
}

void
exchange_ask(struct exchange *x)
{
	struct target *t = &x->target;
	drop_attempt(x);
	x->phase = EXCHANGE_ASKING;
	x->attempts++;
	t->began_ms = clock_wall_ms();
	t->start_ms = t->news_ms = t->life_ms = clock_steady_ms();
	t->failed_ms = 0;
	t->json = (struct json_end){0};
	x->attempt = start(x);
	relay_init(&x->relay, t->provider->dialect, t->provider->name);
	x->relay_begun = true;
	if (x->attempt == NULL)
		judge(x, ENDING_OURS);
	else
		watch(x);
}

/* --- Judged ----------------------------------------------------------- */

static bool
is_throttled_lately(const struct exchange *x)
{
	struct health h;
	state_health(x->app->state, &x->target.key, &h);
	int64_t ago_ms = clock_wall_ms() - h.throttled_ms;
	return h.throttled_ms != 0 && ago_ms >= 0 && ago_ms <= THROTTLED_LATELY_MS;
}

/* What came in place of an answer: an error event, or all that was read. */
static void
find_body(const struct exchange *x, struct evidence *e)
{
	const struct buf *body = x->attempt == NULL ? NULL : attempt_body(x->attempt);
	if (x->relay.seen.len > 0)
		body = &x->relay.seen;
	if (x->relay.error.len > 0)
		body = &x->relay.error;
	e->body = body == NULL ? "" : buf_text(body);
	e->body_len = body == NULL ? 0 : body->len;
}

/* The family of the model's name that was sent. */
static uint64_t
family_of(const struct exchange *x)
{
	return x->target.model[0] == '\0' ? x->family : model_family_id(x->target.model);
}

static enum asked
asked_of(const struct exchange *x)
{
	switch (x->request->route.id) {
	case ROUTE_COUNT_TOKENS:
		return ASKED_COUNT;
	case ROUTE_MODELS:
		return ASKED_MODELS;
	case ROUTE_MODEL:
		return ASKED_MODEL;
	default:
		return ASKED_MESSAGE;
	}
}

static struct verdict
verdict_of(const struct exchange *x, enum ending ending, bool content)
{
	static const struct response none = {.retry_after_ms = -1, .should_retry = -1};
	const struct config *config = x->config;
	const struct response *response = x->attempt == NULL ? &none : attempt_response(x->attempt);
	struct evidence e = {
	    .ending = ending,
	    .response = response,
	    .request = x->request->body.data,
	    .request_len = x->request->body.len,
	    .headers = &x->request->headers,
	    .family = family_of(x),
	    .asked = asked_of(x),
	    .others_ready = x->target.others_ready,
	    .wants_stream = x->request->message.stream && !x->quiet,
	    .content = content,
	    .claude = x->target.provider->dialect->claude,
	    .stored = x->target.stored,
	    .throttled_lately = response->status >= 300 && is_throttled_lately(x),
	    .plan_limits_only = config->plan_limits_only,
	    .cooldown_ms = x->target.provider->cooldown_ms,
	    .now_ms = clock_wall_ms(),
	};
	find_body(x, &e);
	return verdict_judge(&e);
}

static bool
is_served(const struct verdict *v)
{
	return v->kind == VERDICT_PASS && v->status >= 200 && v->status < 300;
}

/* "claude_pro:429:cool→18:00" */
static void
note(struct exchange *x, const char *what)
{
	const struct verdict *v = &x->verdict;
	char until[CLOCK_SHORT_SIZE] = "";
	bool timed = v->pause > PAUSE_SHORT && strcmp(what, "retry") != 0;
	if (timed)
		clock_short(v->until_ms, clock_wall_ms(), until);
	/* A trail that is full says enough. */
	if (!buf_printf(&x->trail, "%s%s:%d:%s%s%s", x->trail.len == 0 ? "" : " ",
			x->target.provider->name, v->status, what, timed ? "→" : "", until))
		return;
}

static struct outcome
outcome_of(const struct exchange *x, const struct verdict *verdict)
{
	struct outcome outcome = {
	    .provider = x->target.provider,
	    .key = x->target.key,
	    .family = family_of(x),
	    .began_ms = x->target.began_ms,
	    .holder = x->holder,
	    .response = attempt_response(x->attempt),
	    .verdict = verdict,
	};
	if (x->target.own != 0)
		outcome.kin = x->kin;
	return outcome;
}

static void
count(const struct exchange *x, bool is_asked_again)
{
	if (!x->quiet && x->attempt != NULL)
		outcome_count_attempt(x->app->state, x->target.provider, &x->verdict,
				      is_asked_again);
}

/* Tells state and log; what is retried is not judged yet. */
static void
account(struct exchange *x)
{
	const struct outcome outcome = outcome_of(x, &x->verdict);
	if (x->quiet)
		return;
	outcome_record(x->app, &outcome);
	if (is_served(&x->verdict))
		x->target.leased = false; /* the success has ended the rest, and the lease */
}

/* Whether, and after which wait, the same provider is asked once more:
 * BEHAVIOUR 5, Retries. */
static bool
may_retry(const struct exchange *x, int64_t *wait_ms)
{
	const struct config *config = x->config;
	unsigned budget = config->max_retries;
	if (x->target.others_ready && budget > 1)
		budget = 1;
	if (!x->verdict.retry || x->target.retries >= budget || x->attempts >= ATTEMPTS_MAX)
		return false;
	/* What can be answered without a provider waits for no second response, but a kept
	 * connection that the provider has closed says nothing about it. */
	if (x->quiet && (x->attempt == NULL || !attempt_was_lost(x->attempt)))
		return false;
	bool unreachable = x->verdict.status == 0;
	unsigned doublings = x->target.retries - (unreachable && x->target.retries > 0 ? 1 : 0);
	int64_t delay_ms = config->retry_delay_ms << doublings;
	delay_ms = delay_ms > RETRY_DELAY_MAX_MS ? RETRY_DELAY_MAX_MS : delay_ms;
	/* ± 25 % by our name, which is random. */
	delay_ms += delay_ms * ((int64_t)(x->holder >> (8 + x->attempts) & 0xff) - 128) / 512;
	*wait_ms = unreachable && x->target.retries == 0 ? 0 : delay_ms;
	return *wait_ms < exchange_remaining_ms(x);
}

/* A page is no answer of the API's form: what it stands for is told in ours. */
static bool
keep_page(struct exchange *x, int status)
{
	return buf_printf(&x->kept_body,
			  "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s "
			  "answered with an HTML page instead of an answer (%d).\"}}",
			  status == 413 ? "request_too_large" : "invalid_request_error",
			  x->target.provider->name, status);
}

/* An answer for the client in case that nobody has a better one. What was said
 * of a stored credential is none of its business: BEHAVIOUR 5. */
static void
keep(struct exchange *x)
{
	int status = x->verdict.status; /* what an error in a 200 stands for, too */
	bool secret = x->target.stored && (status == 401 || status == 402 || status == 403);
	buf_free(&x->kept_lines);
	buf_free(&x->kept_body);
	x->kept_status = 0;
	if (x->attempt == NULL || !attempt_response(x->attempt)->complete || secret || status < 400)
		return;
	const struct buf *body =
	    x->relay.error_data.len > 0 ? &x->relay.error_data : attempt_body(x->attempt);
	if (attempt_response(x->attempt)->html) {
		x->kept_status = keep_page(x, status) ? status : 0;
		return;
	}
	if (buf_puts(&x->kept_lines, buf_text(&attempt_response(x->attempt)->passed)) &&
	    buf_add(&x->kept_body, buf_text(body), body->len)) {
		attempt_redact(x->attempt, x->kept_body.data, x->kept_body.len);
		x->kept_status = status;
	}
}

/* The same provider again, with another model's name or form of the request. */
static bool
try_another_form(struct exchange *x)
{
	struct target *t = &x->target;
	const struct dialect *dialect = t->provider->dialect;
	struct evidence e = {0};
	if (x->quiet || x->attempts >= ATTEMPTS_MAX || exchange_remaining_ms(x) <= 0)
		return false;
	if (x->verdict.kind == VERDICT_SUCCESSOR) {
		const char *next = learned_next_name(t->provider, x->request->message.model,
						     t->first_name, t->successor + 1);
		t->successor += next != NULL;
		return next != NULL;
	}
	find_body(x, &e);
	unsigned quirk = dialect->quirk == NULL ? 0 : dialect->quirk(x->verdict.status, e.body);
	bool fresh = (quirk & ~t->quirks) != 0;
	t->quirks |= quirk;
	return fresh;
}

static void
hop(struct exchange *x)
{
	keep(x);
	give_back_lease(x);
	unsigned bit = 1u << exchange_index(x, x->target.provider);
	x->done |= bit;
	if (x->verdict.kind == VERDICT_COOL)
		x->paused |= bit;
	drop_attempt(x);
	exchange_plan(x);
}

/* A name or a form that worked is remembered: BEHAVIOUR 3, successors, and 7. */
static void
remember_model(const struct exchange *x)
{
	const struct target *t = &x->target;
	struct state *state = x->app->state;
	const char *model = x->request->message.model;
	const char *refused = learned_next_name(t->provider, model, t->first_name, 0);
	if (!x->quiet)
		learned_quirks_worked(state, t->provider, name_at(x), t->own, t->quirks);
	if (t->successor > 0 && learned_name_worked(state, t->provider, model, t->own, t->model))
		log_line(LOG_NOTICE, "%s does not know %s any more: %s is used instead",
			 t->provider->name, refused, t->model);
}

/* Who serves this conversation, and the router. Side calls move neither. */
static void
remember_service(struct exchange *x)
{
	if (x->quiet || x->request->message.side_call)
		return;
	const struct outcome outcome = outcome_of(x, &x->verdict);
	outcome_serving(x->app, &outcome, !x->target.stored);
	if (x->session.key != 0 && x->session.provider != x->target.provider->id &&
	    x->target.stored && x->target.provider->paid)
		outcome_log_billing(x->target.provider, request_client(x->request));
	x->session.provider = x->target.provider->id;
	x->session.used_ms = clock_wall_ms();
	if (x->session.key != 0)
		state_session_put(x->app->state, &x->session);
}

static void relay(struct exchange *x);

/* The answer goes to the client. */
static void
pass(struct exchange *x)
{
	const struct response *a = attempt_response(x->attempt);
	const struct buf *body = attempt_body(x->attempt);
	if (!is_served(&x->verdict)) {
		keep(x);
		give_back_lease(x);
		close_with_kept(x);
		return;
	}
	remember_model(x);
	remember_service(x);
	if (!a->sse) {
		close_with_json(x, buf_text(body), body->len);
		return;
	}
	x->phase = EXCHANGE_RELAYING;
	close_open_stream(x);
	relay(x);
}

static void
judge(struct exchange *x, enum ending ending)
{
	int64_t wait_ms;
	x->verdict = verdict_of(x, ending, x->relay.stream.content);
	if (may_retry(x, &wait_ms)) {
		note(x, "retry");
		count(x, true);
		x->target.retries++;
		drop_attempt(x);
		exchange_wait(x, wait_ms, exchange_ask);
		return;
	}
	note(x, verdict_name(x->verdict.kind));
	bool is_asked_again = try_another_form(x);
	count(x, is_asked_again);
	if (is_asked_again) {
		exchange_ask(x);
		return;
	}
	if (x->attempt != NULL)
		account(x);
	if (x->verdict.kind == VERDICT_PASS)
		pass(x);
	else
		hop(x);
}

/* --- Replied: the stream goes on to the client ------------------------ */

/* The provider died after its content began: BEHAVIOUR 6. */
static void
mend(struct exchange *x, enum ending ending)
{
	struct relay *r = &x->relay;
	struct buf last;
	relay_abandon(r);
	bool may_close = x->session.key != 0 && x->session.mended < MENDED_IN_A_ROW_MAX;
	x->verdict =
	    verdict_of(x, ending == ENDING_WHOLE && r->error.len == 0 ? ENDING_CUT : ending, false);
	note(x, "died");
	account(x);
	x->is_cut = true;
	x->mend = stream_mend(&r->stream, x->request->claude_code, may_close);
	x->session.mended += x->mend == MEND_MAX_TOKENS;
	remember_service(x);
	buf_init(&last, RESPONSE_ERROR_MAX + SSE_EVENT_MAX);
	const char *error = r->error.len > 0 ? r->error.data : NULL;
	attempt_redact(x->attempt, r->error.data, r->error.len);
	if (stream_close(&r->stream, x->mend, error, r->error.len, &last))
		reply_body(&x->client->reply, last.data, last.len);
	else
		reply_cut(&x->client->reply); /* without memory for the end there is none */
	buf_free(&last);
	attempt_free(x->attempt);
	x->attempt = NULL;
	close_stream(x);
}

static void
complete(struct exchange *x)
{
	if (x->session.mended != 0) {
		x->session.mended = 0;
		remember_service(x);
	}
	close_stream(x);
}

static void
relay(struct exchange *x)
{
	enum ending ending;
	enum relay_result result = relay_take(&x->relay, attempt_body(x->attempt));
	while (result == RELAY_CONTENT)
		result = relay_take(&x->relay, attempt_body(x->attempt));
	/* What could be sent to somebody else instead is not needed any more. */
	if (x->request->body.len > 0 && attempt_is_sent(x->attempt)) {
		buf_free(&x->request->body);
		buf_free(&x->body);
	}
	if (result == RELAY_COMPLETE)
		complete(x);
	else if (result == RELAY_FAILED)
		mend(x, ENDING_WHOLE);
	else if (result == RELAY_TOO_BIG)
		mend(x, ENDING_TOO_BIG);
	else if (attempt_ended(x->attempt, &ending))
		mend(x, ending);
	else if (reply_backlog(&x->client->reply) > UNREAD_STREAM_MAX)
		attempt_pause(x->attempt);
}

void
exchange_drained(struct exchange *x)
{
	if (x->phase == EXCHANGE_RELAYING)
		attempt_resume(x->attempt);
}

/* --- What comes from the provider ------------------------------------- */

/* A stream whose content has not begun. */
static void
gate(struct exchange *x)
{
	enum ending ending;
	enum relay_result result = relay_take(&x->relay, attempt_body(x->attempt));
	if (result == RELAY_CONTENT || result == RELAY_FAILED || result == RELAY_ENDED)
		judge(x, ENDING_WHOLE);
	else if (result == RELAY_TOO_BIG)
		judge(x, ENDING_TOO_BIG);
	else if (attempt_ended(x->attempt, &ending))
		judge(x, ending);
}

/* A JSON answer is complete when its JSON ends, whatever the transport says
 * (BEHAVIOUR 4). */
static bool
is_json_whole(struct exchange *x)
{
	const struct buf *bytes = attempt_body(x->attempt);
	struct scan s;
	if (!json_end_reached(&x->target.json, buf_text(bytes), bytes->len))
		return false;
	scan_init(&s, bytes->data, bytes->len);
	scan_skip(&s);
	return scan_end(&s);
}

/* A 2xx head that is no rejection answers a probe: BEHAVIOUR 5. */
static void
answer_probe(struct exchange *x)
{
	const struct response *a = attempt_response(x->attempt);
	const struct verdict served = {.kind = VERDICT_PASS, .status = a->status};
	if (!x->target.leased || a->status >= 300 || !a->sse ||
	    (a->overage && x->config->plan_limits_only))
		return;
	const struct outcome outcome = outcome_of(x, &served);
	outcome_probe_served(x->app, &outcome);
	x->target.leased = false;
}

static void
hear(struct exchange *x)
{
	const struct response *a = attempt_response(x->attempt);
	enum ending ending;
	if (a->status >= 300 && x->target.failed_ms == 0)
		x->target.failed_ms = x->target.news_ms;
	if (a->complete)
		answer_probe(x);
	bool succeeds = a->complete && a->status >= 200 && a->status < 300;
	if (succeeds && a->sse && x->request->message.stream)
		gate(x);
	else if (attempt_ended(x->attempt, &ending))
		judge(x, ending);
	else if (succeeds && !a->sse && is_json_whole(x))
		judge(x, ENDING_WHOLE);
}

static void
news(void *owner)
{
	struct exchange *x = owner;
	enum ending ending;
	x->target.news_ms = clock_steady_ms();
	if (x->phase == EXCHANGE_RELAYING)
		relay(x);
	else if (x->phase == EXCHANGE_ASKING)
		hear(x);
	else if (x->phase == EXCHANGE_ENDED && attempt_ended(x->attempt, &ending))
		exchange_free(x);
}

/* --- Time limits: BEHAVIOUR 6 ----------------------------------------- */

/* How long the provider may still take, and what it means if it takes longer. */
struct limit {
	int64_t left_ms;
	enum ending ending;
};

static void
bound(struct limit *limit, int64_t from_ms, int64_t for_ms, enum ending ending)
{
	int64_t left = from_ms + for_ms - clock_steady_ms();
	if (left < limit->left_ms)
		*limit = (struct limit){left, ending};
}

static struct limit
limit_of(const struct exchange *x)
{
	const struct config *config = x->config;
	const struct response *a = attempt_response(x->attempt);
	struct limit limit = {exchange_remaining_ms(x), ENDING_OURS};
	bool flows = x->phase == EXCHANGE_RELAYING;
	bool held = flows && reply_backlog(&x->client->reply) > 0;
	if (flows)
		limit.left_ms =
		    x->start_ms + x->first_ms + config->stream_deadline_ms - clock_steady_ms();
	if (x->target.failed_ms != 0)
		bound(&limit, x->target.failed_ms, ERROR_BODY_FOR_MS, ENDING_CUT);
	if (x->quiet)
		bound(&limit, x->target.start_ms, QUIET_FOR_MS, ENDING_FIRST_BYTE);
	if (x->quiet || held)
		return limit;
	if (a->complete)
		bound(&limit, x->target.news_ms, config->idle_timeout_ms, ENDING_IDLE);
	if (!x->request->message.stream)
		return limit;
	if (!flows)
		bound(&limit, x->target.start_ms, config->first_byte_timeout_ms, ENDING_FIRST_BYTE);
	else
		bound(&limit, x->target.life_ms, config->first_byte_timeout_ms, ENDING_IDLE);
	return limit;
}

static void
renew_lease(struct exchange *x)
{
	struct health cause = {.key = x->target.lease};
	if (x->target.leased)
		x->target.leased =
		    lease_take(x->app->state, &cause, x->target.provider->name, x->holder);
}

/* Looks at the limits now, and again when the nearest may have been passed. */
static void
watch(struct exchange *x)
{
	if (x->relay.life)
		x->target.life_ms = x->target.news_ms;
	x->relay.life = false;
	struct limit limit = limit_of(x);
	if (limit.left_ms > 0) {
		int64_t idle_ms = x->config->idle_timeout_ms;
		int64_t next_ms = idle_ms < WATCH_EVERY_MS ? idle_ms : WATCH_EVERY_MS;
		next_ms = limit.left_ms < next_ms ? limit.left_ms : next_ms;
		if (loop_after(x->app->loop, &x->watch, next_ms))
			return;
		limit.ending = ENDING_OURS;
	}
	if (x->phase == EXCHANGE_RELAYING)
		mend(x, limit.ending);
	else
		judge(x, limit.ending);
}

static void
watch_due(struct timer *timer)
{
	struct exchange *x = CONTAINER_OF(timer, struct exchange, watch);
	renew_lease(x);
	watch(x);
}

/* --- Begin and end ---------------------------------------------------- */

/* Once: who runs the router may wonder why such a client is served by the plan. */
static void
tell_login_as_key(struct app *app, const struct request *request)
{
	if (!request->login_as_key || app->told_login_as_key)
		return;
	app->told_login_as_key = true;
	log_line(LOG_NOTICE, "%s sends its Claude login as x-api-key: it is used as the login",
		 request_client(request));
}

void
exchange_start(struct client *client)
{
	tell_login_as_key(client->app, &client->request);
	struct exchange *x = calloc(1, sizeof *x);
	if (x == NULL) {
		reply_error(&client->reply, 503, "retry-after: 2\r\n", "api_error",
			    "Out of memory.", client->request.id);
		return;
	}
	x->client = client;
	x->app = client->app;
	x->config = config_share(client->app->config);
	x->tokens = tokens_share(client->app->tokens);
	x->request = &client->request;
	x->quiet = client->request.route.id != ROUTE_MESSAGES;
	x->holder = digest_name(client->request.id);
	x->family = model_family_id(client->request.message.model);
	x->start_ms = clock_steady_ms();
	x->first_ms = -1;
	x->step.due = step_due;
	x->watch.due = watch_due;
	buf_init(&x->body, 2 * x->request->body.max + 65536);
	buf_init(&x->kept_lines, RESPONSE_HEAD_FORWARDED_MAX);
	buf_init(&x->kept_body, RESPONSE_ERROR_MAX);
	buf_init(&x->trail, TRAIL_MAX);
	client->exchange = x;
	exchange_identify(x);
	exchange_plan(x);
}

void
exchange_abort(struct exchange *x)
{
	close_aborted(x);
}

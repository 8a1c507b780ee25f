/* SPDX-License-Identifier: MIT */
#include "provider.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "answer_openai.h"
#include "check.h"
#include "limits.h"
#include "model.h"

#define SEEN_MAX ((size_t)256 << 10)

static struct provider providers[PROVIDERS] = {
    {.name = "claude_pro",
     .family = FAMILY_CLAUDE,
     .base = "",
     .login = true,
     .claude_extra = true},
    {.name = "deepseek", .family = FAMILY_DEEPSEEK, .base = "/anthropic"},
    {.name = "kimi", .family = FAMILY_KIMI, .base = "/anthropic"},
    {.name = "openai", .family = FAMILY_OPENAI},
    {.name = "claude_api", .family = FAMILY_CLAUDE, .base = "", .claude_extra = true},
    {.name = "backup", .family = FAMILY_CLAUDE, .base = "", .claude_extra = true},
};

static uint64_t requests_made; /* n of the last record */
unsigned provider_chunk_delay_ms;

struct provider *
provider_at(size_t i)
{
	return &providers[i];
}

struct provider *
provider_named(const char *name, size_t len)
{
	for (size_t i = 0; i < PROVIDERS; i++)
		if (strlen(providers[i].name) == len && memcmp(providers[i].name, name, len) == 0)
			return &providers[i];
	return NULL;
}

/* ---- state that the control port changes ---- */

bool
provider_retired(const struct provider *p, const char *model)
{
	for (size_t i = 0; i < p->retired_len; i++)
		if (strcmp(p->retired[i], model) == 0)
			return true;
	return false;
}

bool
provider_retire(struct provider *p, const char *model)
{
	if (provider_retired(p, model))
		return true;
	if (p->retired_len == RETIRED_MAX)
		return false;
	p->retired[p->retired_len++] = xstrdup(model);
	return true;
}

void
provider_reset(struct provider *p)
{
	fault_clear(p);
	ring_clear(&p->ring);
	bill_clear(&p->bill);
	while (p->retired_len > 0)
		free(p->retired[--p->retired_len]);
	p->gate.hold = false;
	p->gate.tokens = 0;
	p->recording = true;
	p->lenient_thinking = p->identity = false;
	compat_reset(&p->compat);
	p->answers = p->refused = p->malformed = 0;
	p->epoch++;
}

void
providers_reset(void)
{
	for (size_t i = 0; i < PROVIDERS; i++)
		provider_reset(&providers[i]);
	requests_made = 0;
}

void
provider_ended(struct provider *p, struct record *r, uint64_t epoch)
{
	if (r != NULL)
		r->ended = true;
	if (epoch == p->epoch)
		p->ring.ended++;
}

void
provider_charge(struct provider *p, const struct record *r, uint64_t epoch, struct charge *c)
{
	if (!p->recording || epoch != p->epoch)
		return;
	c->n = r != NULL ? r->n : 0;
	bill_add(&p->bill, c);
}

/* ---- what the answer is, before any fault ---- */

enum route { ROUTE_NONE, ROUTE_MESSAGES, ROUTE_RESPONSES, ROUTE_COUNT, ROUTE_MODELS, ROUTE_MODEL };

static enum route
route_of(const struct provider *p, const char *path)
{
	bool chat = p->family == FAMILY_OPENAI;
	const char *begin = chat ? compat_base(&p->compat) : p->base;
	size_t base = strlen(begin);

	if (strncmp(path, begin, base) != 0)
		return ROUTE_NONE;
	path += base;
	if (strcmp(path, chat ? "/v1/chat/completions" : "/v1/messages") == 0)
		return ROUTE_MESSAGES;
	if (chat && strcmp(path, "/v1/responses") == 0)
		return ROUTE_RESPONSES;
	if (!p->claude_extra &&
	    !chat) /* count_tokens and models are not documented there (PROTOCOLS.md §2, §9) */
		return ROUTE_NONE;
	if (!chat && strcmp(path, "/v1/messages/count_tokens") == 0)
		return ROUTE_COUNT;
	if (strcmp(path, "/v1/models") == 0)
		return ROUTE_MODELS;
	return strncmp(path, "/v1/models/", 11) == 0 ? ROUTE_MODEL : ROUTE_NONE;
}

static bool
check_route(struct check *c, enum route route)
{
	bool get = route == ROUTE_MODELS || route == ROUTE_MODEL;

	if (c->provider->family == FAMILY_OPENAI &&
	    (route == ROUTE_NONE || strcmp(c->request->method, get ? "GET" : "POST") != 0))
		return check_openai_route(c, route != ROUTE_NONE);
	if (route == ROUTE_NONE) {
		if (c->provider->family == FAMILY_KIMI)
			return check_refuse(c, 404, "resource_not_found_error",
					    "The requested resource was not found");
		return check_refuse(c, 404,
				    c->provider->family == FAMILY_CLAUDE ? "not_found_error"
									 : "invalid_request_error",
				    "Not Found");
	}
	if (strcmp(c->request->method, get ? "GET" : "POST") != 0)
		return check_refuse(c, 405, "invalid_request_error", "Method Not Allowed");
	return false;
}

/* The request's body as an object, NULL if it is none. The same bytes as last
 * time give the same object without parsing: a benchmark sends one body for
 * ever, and json-c would be most of what it measures. */
static struct json_object *
parse(struct provider *p, const char *body, size_t len, struct check *c)
{
	struct json_tokener *t;
	struct json_object *o;

	if (p->seen_json != NULL && p->seen_len == len && memcmp(p->seen, body, len) == 0)
		return json_object_get(p->seen_json);
	c->body_fault = json_check(body, len, &c->body_fault_at);
	if (c->body_fault != JSON_FINE)
		return NULL;
	t = json_tokener_new_ex(JSON_DEPTH);
	if (t == NULL)
		die("out of memory");
	o = json_tokener_parse_ex(t, body, (int)len);
	if (json_tokener_get_error(t) != json_tokener_success ||
	    !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(t);
	if (o != NULL && len <= SEEN_MAX) {
		json_object_put(p->seen_json);
		free(p->seen);
		p->seen_json = json_object_get(o);
		p->seen = xstrndup(body, len);
		p->seen_len = len;
	}
	return o;
}

static bool
has_body(enum route route)
{
	return route == ROUTE_MESSAGES || route == ROUTE_RESPONSES || route == ROUTE_COUNT;
}

static enum form
form_of(const struct provider *p, enum route route)
{
	return p->family != FAMILY_OPENAI ? FORM_MESSAGES
	       : route == ROUTE_RESPONSES ? FORM_RESPONSES
					  : FORM_CHAT;
}

static bool
check_all(struct check *c, enum route route)
{
	if (check_credential(c) || check_route(c, route) || check_head(c))
		return true;
	return has_body(route) ? check_body(c) : false;
}

/* PROTOCOLS.md §1 "models" */
static const char *const shown_models[][2] = {{"claude-opus-5-5", "Claude Opus 5.5"},
					      {"claude-sonnet-5-5", "Claude Sonnet 5.5"},
					      {"claude-haiku-5-5", "Claude Haiku 5.5"},
					      {"claude-haiku-4-5", "Claude Haiku 4.5"}};

#define SHOWN_MODELS (sizeof(shown_models) / sizeof(shown_models[0]))

static void
model_json(struct buf *out, const char *id, const char *name)
{
	buf_adds(out, "{\"type\":\"model\",\"id\":");
	buf_jsons(out, id);
	buf_adds(out, ",\"display_name\":");
	buf_jsons(out, name);
	buf_adds(out, ",\"created_at\":\"2026-10-21T00:00:00Z\",\"max_input_tokens\":1000000,\"max_"
		      "tokens\":128000}");
}

static void
answer_models(struct answer *a)
{
	buf_adds(&a->body, "{\"data\":[");
	for (size_t i = 0; i < SHOWN_MODELS; i++) {
		buf_adds(&a->body, i ? "," : "");
		model_json(&a->body, shown_models[i][0], shown_models[i][1]);
	}
	buf_addf(&a->body, "],\"has_more\":false,\"first_id\":\"%s\",\"last_id\":\"%s\"}",
		 shown_models[0][0], shown_models[SHOWN_MODELS - 1][0]);
	answer_json(a, 200);
}

static void
answer_model(struct answer *a, const char *id)
{
	char text[160];

	for (size_t i = 0; i < SHOWN_MODELS; i++)
		if (strcmp(shown_models[i][0], id) == 0) {
			model_json(&a->body, id, shown_models[i][1]);
			answer_json(a, 200);
			return;
		}
	snprintf(text, sizeof(text), "model: %s", id);
	answer_error(a, 404, "not_found_error", text);
}

static void
answer_normally(struct answer *a, const struct check *c, enum route route)
{
	switch (route) {
	case ROUTE_MESSAGES:
	case ROUTE_RESPONSES:
		answer_say(a, model_say(c, a->number),
			   c->stream && a->provider->compat.set[HABIT_STREAM] != STREAM_JSON);
		a->wants_limits = true;
		break;
	case ROUTE_COUNT:
		buf_addf(&a->body, "{\"input_tokens\":%zu}", c->request->body_len / 4);
		answer_json(a, 200);
		break;
	case ROUTE_MODELS:
		if (a->provider->family == FAMILY_OPENAI)
			openai_models(a);
		else
			answer_models(a);
		break;
	case ROUTE_MODEL:
		(a->provider->family == FAMILY_OPENAI ? openai_model : answer_model)(
		    a, strrchr(c->request->path, '/') + 1);
		break;
	case ROUTE_NONE:
		break;
	}
}

static void
usual_limits(struct answer *a)
{
	int64_t now_s = clock_real_ms() / 1000;
	struct unified u;

	if (a->wants_limits && a->provider->family == FAMILY_OPENAI)
		limits_openai(a, OPENAI_REQUESTS - 1, 6, OPENAI_TOKENS - 1000, 30);
	if (!a->wants_limits || a->provider->family != FAMILY_CLAUDE)
		return;
	if (a->provider->login) {
		u = limits_healthy(now_s);
		limits_unified(a, &u);
	} else {
		limits_api(a, now_s);
	}
}

/* ---- one request ---- */

static struct record *
record_it(struct provider *p, struct conn *c)
{
	struct record *r;

	p->ring.arrived++;
	requests_made++;
	if (!p->recording)
		return NULL;
	r = record_new(conn_request(c), p->name);
	r->n = requests_made;
	r->connection = conn_id(c);
	r->tls = conn_endpoint(c)->tls != NULL;
	ring_add(&p->ring, r);
	return r;
}

static void
note_checks(struct record *r, struct check *c)
{
	char text[700];

	if (r != NULL) {
		r->leak = c->leak;
		r->problems = c->problems;
		c->problems = (struct buf){0};
		snprintf(text, sizeof(text), "%d %s: %s", c->status, c->type, c->text);
		r->refused = c->refused ? xstrdup(text) : NULL;
	}
	buf_free(&c->problems);
}

static void
bend(struct provider *p, struct answer *a, const struct check *c)
{
	const char *bearer = request_header(c->request, "authorization");
	struct fault_subject subject = {
	    .path = c->request->target,
	    .model = c->model,
	    .credential = bearer != NULL ? bearer : request_header(c->request, "x-api-key"),
	    .stream = c->stream};
	struct fault *f = fault_take(p, &subject);

	if (f == NULL)
		return;
	if (a->record != NULL)
		a->record->fault = fault_name(f);
	fault_apply(f, a);
	fault_done(p, f);
}

/* What an HTTP/1.0 or HEAD client can understand. */
static void
suit_client(struct answer *a, const struct request *r)
{
	if (r->minor == 0 && a->framing == FRAMING_CHUNKED) {
		a->framing = FRAMING_CLOSE;
		conn_last(a->conn);
	}
	if (strcmp(r->method, "HEAD") == 0) {
		answer_flatten(a);
		buf_clear(&a->body);
	}
}

static void
provider_request(struct conn *conn)
{
	struct provider *p = conn_endpoint(conn)->ctx;
	struct request *r = conn_request(conn);
	enum route route = route_of(p, r->path);
	struct check c = {.provider = p,
			  .request = r,
			  .counting = route == ROUTE_COUNT,
			  .form = form_of(p, route),
			  .model = ""};
	struct answer *a = answer_new(p, conn, record_it(p, conn));

	a->form = c.form;
	c.body = parse(p, r->body, r->body_len, &c);
	check_all(&c, route);
	if (c.refused) {
		/* For faults that match by model or stream, also where a check stopped early. */
		c.model = check_text(c.body, "model", "");
		c.stream = json_object_get_boolean(json_object_object_get(c.body, "stream"));
		a->error_code = c.code;
		a->error_param = c.param;
		answer_error(a, c.status, c.type, c.text);
		a->error_code = a->error_param = NULL;
	} else {
		answer_normally(a, &c, route);
	}
	note_checks(a->record, &c);
	bend(p, a, &c);
	usual_limits(a);
	suit_client(a, r);
	conn_set_data(conn, a);
	json_object_put(c.body);
}

static enum next
provider_next(struct conn *c)
{
	return answer_next(conn_data(c));
}

static void
provider_gone(struct conn *c)
{
	if (conn_data(c) != NULL)
		answer_gone(conn_data(c));
}

static bool
provider_welcome(void *ctx)
{
	struct provider *p = ctx;

	if (!fault_refuse(p))
		return true;
	p->refused++;
	return false;
}

static void
provider_malformed(void *ctx, const char *why)
{
	struct provider *p = ctx;

	p->malformed++;
	fprintf(stderr, "simulator: %s got a malformed request: %s\n", p->name, why);
}

void
providers_open(SSL_CTX *tls)
{
	static const struct http_service service = {.welcome = provider_welcome,
						    .request = provider_request,
						    .next = provider_next,
						    .gone = provider_gone,
						    .malformed = provider_malformed};

	for (size_t i = 0; i < PROVIDERS; i++) {
		struct provider *p = &providers[i];

		p->plain.service = p->tls.service = &service;
		p->plain.ctx = p->tls.ctx = p;
		p->recording = true;
		compat_reset(&p->compat);
		endpoint_open(&p->plain, 0, NULL);
		if (tls != NULL)
			endpoint_open(&p->tls, 0, tls);
	}
	loop_each_turn(gates_serve);
}

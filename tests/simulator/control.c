/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "fault.h"
#include "http.h"
#include "provider.h"

/* One request to the control port, until its answer is sent. */
struct reply {
	struct conn *conn;
	struct provider *provider; /* NULL: all */
	struct request *request;   /* only while the route's function runs */
	struct json_object *args;  /* the same; an object */
	int status;
	struct buf body;
	bool ready, sent;
	/* Waiting for requests: */
	bool waits, with_body;
	uint64_t from, arrived, ended;
	struct timer timeout;
	struct reply *next;
};

static struct endpoint endpoint;
static struct reply *waiting;

uint16_t
control_port(void)
{
	return endpoint.port;
}

static void fail(struct reply *r, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void
fail(struct reply *r, int status, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_clear(&r->body);
	buf_adds(&r->body, "{\"error\":");
	buf_jsons(&r->body, line);
	buf_adds(&r->body, "}");
	r->status = status;
}

/* ---- what arrived ---- */

static bool
wanted(const struct reply *r, const struct provider *p)
{
	return r->provider == NULL || r->provider == p;
}

/* The oldest record not listed yet, over all wanted rings; at[] says how far each one was read. */
static struct record *
oldest(const struct reply *r, size_t at[static PROVIDERS])
{
	struct record *best = NULL;
	size_t where = 0;

	for (size_t i = 0; i < PROVIDERS; i++) {
		struct ring *g = &provider_at(i)->ring;

		if (!wanted(r, provider_at(i)) || at[i] == g->len)
			continue;
		if (best == NULL || ring_at(g, at[i])->n < best->n) {
			best = ring_at(g, at[i]);
			where = i;
		}
	}
	if (best != NULL)
		at[where]++;
	return best;
}

static void
list_requests(struct reply *r)
{
	size_t at[PROVIDERS] = {0};
	const char *comma = "";

	buf_adds(&r->body, "\"requests\":[");
	for (struct record *rec = oldest(r, at); rec != NULL; rec = oldest(r, at)) {
		if (rec->n < r->from)
			continue;
		buf_adds(&r->body, comma);
		record_json(rec, r->with_body, &r->body);
		comma = ",";
	}
	buf_adds(&r->body, "]}");
}

static bool
satisfied(const struct reply *r)
{
	uint64_t arrived = 0, ended = 0;

	for (size_t i = 0; i < PROVIDERS; i++) {
		struct ring *g = &provider_at(i)->ring;

		if (!wanted(r, provider_at(i)))
			continue;
		if (r->from == 0) {
			arrived += g->arrived;
			ended += g->ended;
			continue;
		}
		for (size_t k = 0; k < g->len; k++) {
			arrived += ring_at(g, k)->n >= r->from;
			ended += ring_at(g, k)->n >= r->from && ring_at(g, k)->ended;
		}
	}
	return arrived >= r->arrived && ended >= r->ended;
}

static void
wait_leave(struct reply *r)
{
	struct reply **at = &waiting;

	timer_clear(&r->timeout);
	if (!r->waits)
		return;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	r->waits = false;
}

static void
wait_over(struct reply *r, int status)
{
	wait_leave(r);
	r->status = status;
	buf_adds(&r->body, "{");
	if (status == 408)
		buf_adds(&r->body, "\"error\":\"not so many requests in that time\",");
	list_requests(r);
	r->ready = true;
	conn_kick(r->conn);
}

static void
wait_timeout(struct timer *t)
{
	wait_over((struct reply *)((char *)t - offsetof(struct reply, timeout)), 408);
}

/* A loop hook: an answer changes the list, so look from the start again after each. */
static void
serve_waiting(void)
{
	struct reply *r = waiting;

	while (r != NULL) {
		if (satisfied(r)) {
			wait_over(r, 200);
			r = waiting;
		} else {
			r = r->next;
		}
	}
}

static uint64_t
query_number(const struct request *q, const char *name, uint64_t otherwise)
{
	const char *p = q->query;
	size_t len = strlen(name);

	while (p != NULL) {
		if (strncmp(p, name, len) == 0 && p[len] == '=')
			return strtoull(p + len + 1, NULL, 10);
		p = strchr(p, '&');
		p = p != NULL ? p + 1 : NULL;
	}
	return otherwise;
}

static void
route_requests(struct reply *r)
{
	r->from = query_number(r->request, "from", 0);
	r->arrived = query_number(r->request, "wait", 0);
	r->ended = query_number(r->request, "wait_done", 0);
	r->with_body = query_number(r->request, "body", 1) != 0;
	if (satisfied(r)) {
		buf_adds(&r->body, "{");
		list_requests(r);
		return;
	}
	r->ready = false;
	r->waits = true;
	r->next = waiting;
	waiting = r;
	r->timeout.fire = wait_timeout;
	timer_set(&r->timeout, (int64_t)query_number(r->request, "timeout_ms", 10000));
}

/* ---- what comes next ---- */

/* The arguments' only key must be `name` (or the second one); an absent object fails too. */
static struct json_object *
only_arg(struct reply *r, const char *name, enum json_type type)
{
	struct json_object *v = NULL;

	if (json_object_object_length(r->args) == 1 &&
	    json_object_object_get_ex(r->args, name, &v) && json_object_is_type(v, type))
		return v;
	fail(r, 400, "the body is {\"%s\": %s}", name, json_type_to_name(type));
	return NULL;
}

static void
ok(struct reply *r)
{
	buf_adds(&r->body, "{\"ok\":true}");
}

static void
route_fault(struct reply *r)
{
	struct buf why = {0};

	if (fault_queue(r->provider, r->args, &why)) {
		buf_addf(&r->body, "{\"ok\":true,\"queued\":%zu}", fault_count(r->provider));
	} else {
		buf_adds(&r->body, "{\"error\":");
		buf_json(&r->body, why.data, why.len);
		buf_adds(&r->body, "}");
		r->status = 400;
	}
	buf_free(&why);
}

static void
route_clear_faults(struct reply *r)
{
	fault_clear(r->provider);
	ok(r);
}

static void
route_clear_records(struct reply *r)
{
	ring_clear(&r->provider->ring);
	r->provider->epoch++; /* what still runs was counted as arrived before */
	ok(r);
}

static void
route_bill(struct reply *r)
{
	uint64_t lost = 0;

	buf_adds(&r->body, "{\"charges\":[");
	for (size_t i = 0; i < PROVIDERS; i++) {
		bill_json(&provider_at(i)->bill, provider_at(i)->name, &r->body);
		lost += provider_at(i)->bill.lost;
	}
	if (r->body.data[r->body.len - 1] == ',')
		r->body.len--;
	buf_addf(&r->body, "],\"lost\":%llu}", (unsigned long long)lost);
}

static void
route_reset(struct reply *r)
{
	providers_reset();
	ok(r);
}

static void
route_record(struct reply *r)
{
	struct json_object *on = only_arg(r, "on", json_type_boolean);

	if (on == NULL)
		return;
	for (size_t i = 0; i < PROVIDERS; i++)
		if (wanted(r, provider_at(i)))
			provider_at(i)->recording = json_object_get_boolean(on);
	ok(r);
}

static void
route_retire(struct reply *r)
{
	struct json_object *model = only_arg(r, "model", json_type_string);

	if (model == NULL)
		return;
	if (provider_retire(r->provider, json_object_get_string(model)))
		ok(r);
	else
		fail(r, 400, "%zu names are retired already", RETIRED_MAX);
}

static void
gate_json(const struct provider *p, struct buf *out)
{
	size_t n = 0;

	for (const struct answer *a = p->gate.first; a != NULL; a = a->gate_next)
		n++;
	buf_addf(out, "{\"hold\":%s,\"tokens\":%ld,\"waiting\":%zu}",
		 p->gate.hold ? "true" : "false", p->gate.tokens, n);
}

static void
route_gate(struct reply *r)
{
	struct gate *g = &r->provider->gate;
	struct json_object *hold = json_object_object_get(r->args, "hold"),
			   *more = json_object_object_get(r->args, "release");
	int known = (hold != NULL) + (more != NULL);

	if (known == 0 || json_object_object_length(r->args) != known ||
	    (hold != NULL && !json_object_is_type(hold, json_type_boolean)) ||
	    (more != NULL &&
	     (!json_object_is_type(more, json_type_int) || json_object_get_int64(more) < 0))) {
		fail(r, 400, "the body is {\"hold\": boolean} or {\"release\": events}, or both");
		return;
	}
	if (hold != NULL) {
		g->hold = json_object_get_boolean(hold);
		g->tokens = 0;
	}
	if (more != NULL)
		g->tokens += (long)json_object_get_int64(more);
	gate_json(r->provider, &r->body);
}

static void
route_strict(struct reply *r)
{
	struct json_object *on;

	if (r->provider->family == FAMILY_KIMI) {
		on = only_arg(r, "thinking", json_type_boolean);
		if (on == NULL)
			return;
		r->provider->lenient_thinking = !json_object_get_boolean(on);
	} else if (r->provider->login) {
		on = only_arg(r, "identity", json_type_boolean);
		if (on == NULL)
			return;
		r->provider->identity = json_object_get_boolean(on);
	} else {
		fail(r, 400,
		     "only kimi (\"thinking\") and claude_pro (\"identity\") have such a switch");
		return;
	}
	ok(r);
}

static void
route_habits(struct reply *r)
{
	struct buf why = {0};

	if (r->provider->family != FAMILY_OPENAI)
		fail(r, 400, "only openai plays other servers");
	else if (!compat_choose(&r->provider->compat, r->args, &why))
		fail(r, 400, "%s", why.data);
	else
		compat_json(&r->provider->compat, &r->body);
	buf_free(&why);
}

/* ---- state ---- */

static void
provider_json(const struct provider *p, struct buf *out)
{
	buf_addf(out,
		 "{\"port\":%u,\"tls_port\":%u,\"arrived\":%llu,\"ended\":%llu,\"kept\":%zu,"
		 "\"recording\":%s",
		 p->plain.port, p->tls.port, (unsigned long long)p->ring.arrived,
		 (unsigned long long)p->ring.ended, p->ring.len, p->recording ? "true" : "false");
	buf_addf(out, ",\"accepted\":%llu,\"refused\":%llu,\"malformed\":%llu",
		 (unsigned long long)(p->plain.accepted + p->tls.accepted),
		 (unsigned long long)p->refused, (unsigned long long)p->malformed);
	buf_addf(out, ",\"tls_handshakes\":%llu,\"tls_resumed\":%llu,\"gate\":",
		 (unsigned long long)p->tls.handshakes, (unsigned long long)p->tls.resumed);
	gate_json(p, out);
	buf_adds(out, ",\"retired\":[");
	for (size_t i = 0; i < p->retired_len; i++) {
		buf_adds(out, i ? "," : "");
		buf_jsons(out, p->retired[i]);
	}
	buf_adds(out, "]");
	if (p->family == FAMILY_OPENAI) {
		buf_adds(out, ",\"habits\":");
		compat_json(&p->compat, out);
	}
	buf_adds(out, ",\"faults\":");
	fault_json(p, out);
	buf_adds(out, "}");
}

static void
route_provider(struct reply *r)
{
	provider_json(r->provider, &r->body);
}

static void
route_state(struct reply *r)
{
	buf_addf(&r->body, "{\"connections_open\":%zu,\"chunk_delay_ms\":%u,\"providers\":{",
		 conn_open_count(), provider_chunk_delay_ms);
	for (size_t i = 0; i < PROVIDERS; i++) {
		buf_addf(&r->body, "%s\"%s\":", i ? "," : "", provider_at(i)->name);
		provider_json(provider_at(i), &r->body);
	}
	buf_adds(&r->body, "}}");
}

/* ---- routes ---- */

static const struct route {
	const char *method, *path; /* "{}" stands for a provider */
	void (*run)(struct reply *r);
	const char *help;
} routes[] = {
    {"GET", "/sim", route_state, "everything in one JSON"},
    {"GET", "/sim/requests", route_requests,
     "what arrived at all of them; ?from=N &wait=K &wait_done=K &timeout_ms=T &body=0"},
    {"GET", "/sim/bill", route_bill, "what the answers cost, and whether their tokens were told"},
    {"POST", "/sim/reset", route_reset,
     "faults, records, retired models, gates and switches as at the start"},
    {"POST", "/sim/record", route_record, "{\"on\":false}: keep no records, for the benchmark"},
    {"POST", "/sim/{}", route_fault, "{\"fault\":NAME, …}: queue a fault; see --list-faults"},
    {"DELETE", "/sim/{}", route_clear_faults, "clear its faults"},
    {"GET", "/sim/{}", route_provider, "its state"},
    {"GET", "/sim/{}/requests", route_requests, "what arrived there; the same query"},
    {"DELETE", "/sim/{}/requests", route_clear_records, "forget what arrived there"},
    {"POST", "/sim/{}/gate", route_gate,
     "{\"hold\":true}: no event goes out until {\"release\":n}"},
    {"POST", "/sim/{}/retire", route_retire,
     "{\"model\":\"NAME\"}: it does not know this model any more"},
    {"POST", "/sim/{}/record", route_record, "{\"on\":false}: keep no records of it"},
    {"POST", "/sim/{}/strict", route_strict,
     "kimi {\"thinking\":false}, claude_pro {\"identity\":true}: see README"},
    {"POST", "/sim/{}/habits", route_habits,
     "openai {\"server\":NAME, HABIT:WORD}: plays that server; see --list-habits"},
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

void
control_list(struct buf *out)
{
	buf_adds(out, "Control port:\n");
	for (size_t i = 0; i < ROUTES; i++)
		buf_addf(out, "  %-6s %-19s %s\n", routes[i].method, routes[i].path,
			 routes[i].help);
}

/* Does the path fit the pattern? The provider it names is left in *p, NULL if the name is none. */
static bool
path_fits(const char *pattern, const char *path, struct provider **p, bool *named)
{
	const char *hole = strstr(pattern, "{}");
	size_t before = hole != NULL ? (size_t)(hole - pattern) : 0, len;

	*named = hole != NULL;
	if (hole == NULL)
		return strcmp(pattern, path) == 0;
	if (strncmp(pattern, path, before) != 0)
		return false;
	len = strcspn(path + before, "/");
	*p = provider_named(path + before, len);
	return strcmp(path + before + len, hole + 2) == 0;
}

static const struct route *
find_route(struct reply *r)
{
	const char *path = r->request->path;
	bool path_known = false, named;

	for (size_t i = 0; i < ROUTES; i++) {
		struct provider *p = NULL;

		if (!path_fits(routes[i].path, path, &p, &named) || (named && p == NULL))
			continue;
		path_known = true;
		r->provider = p;
		if (strcmp(routes[i].method, r->request->method) == 0)
			return &routes[i];
	}
	if (path_known)
		fail(r, 405, "%s does not take %s; simulator --help lists the routes", path,
		     r->request->method);
	else
		fail(r, 404,
		     "no such route: %s; the providers are claude_pro, deepseek, kimi, openai, "
		     "claude_api, backup; "
		     "simulator --help lists the routes",
		     path);
	return NULL;
}

static struct json_object *
parse_args(struct reply *r)
{
	struct json_object *o;
	struct json_tokener *t;
	enum json_tokener_error wrong;

	if (r->request->body_len == 0)
		return json_object_new_object();
	t = json_tokener_new();
	if (t == NULL)
		die("out of memory");
	o = json_tokener_parse_ex(t, r->request->body, (int)r->request->body_len);
	wrong = json_tokener_get_error(t);
	json_tokener_free(t);
	if (wrong == json_tokener_success && json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	fail(r, 400, "the body is not a JSON object: %s", json_tokener_error_desc(wrong));
	return NULL;
}

static void
control_request(struct conn *c)
{
	struct reply *r = xalloc(sizeof(*r));
	const struct route *route;

	r->conn = c;
	r->request = conn_request(c);
	r->status = 200;
	r->ready = true;
	conn_set_data(c, r);
	route = find_route(r);
	r->args = route != NULL ? parse_args(r) : NULL;
	if (r->args != NULL)
		route->run(r);
	json_object_put(r->args);
	r->args = NULL;
	r->request = NULL;
}

static void
reply_free(struct reply *r)
{
	wait_leave(r);
	conn_set_data(r->conn, NULL);
	buf_free(&r->body);
	loop_bury(r);
}

static enum next
control_next(struct conn *c)
{
	struct reply *r = conn_data(c);

	if (!r->ready)
		return NEXT_WAIT;
	if (r->sent) {
		reply_free(r);
		return NEXT_DONE;
	}
	buf_addf(
	    conn_out(c),
	    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
	    r->status, r->status == 200 ? "OK" : "Error", r->body.len,
	    conn_is_last(c) ? "Connection: close\r\n" : "");
	buf_add(conn_out(c), r->body.data, r->body.len);
	r->sent = true;
	return NEXT_BYTES;
}

static void
control_gone(struct conn *c)
{
	if (conn_data(c) != NULL)
		reply_free(conn_data(c));
}

static bool
control_welcome(void *ctx)
{
	(void)ctx;
	return true;
}

static void
control_malformed(void *ctx, const char *why)
{
	(void)ctx;
	(void)why; /* the 400 says it */
}

void
control_open(uint16_t port)
{
	static const struct http_service service = {.welcome = control_welcome,
						    .request = control_request,
						    .next = control_next,
						    .gone = control_gone,
						    .malformed = control_malformed};

	endpoint.service = &service;
	endpoint_open(&endpoint, port, NULL);
	loop_each_turn(serve_waiting);
}

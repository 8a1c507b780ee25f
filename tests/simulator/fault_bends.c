/* SPDX-License-Identifier: MIT */
#include "fault_row.h"

#include <json-c/json.h>
#include <string.h>

#include "answer_openai.h"
#include "limits.h"

#define HUGE_HEADER ((size_t)1 << 20)

/* ---- faults at a place in the normal answer ---- */

static void
strike(const struct fault *f, struct answer *a, enum act act, enum place at)
{
	struct json_object *where = json_object_object_get(f->spec, "at");

	a->strike.act = act;
	a->strike.at = at;
	a->strike.delay_ms = (unsigned)fault_number(f, "delay_ms", 10);
	a->strike.count = fault_number(f, "count", -1);
	if (where == NULL)
		return;
	if (json_object_is_type(where, json_type_string)) {
		a->strike.at = place_named(json_object_get_string(where));
	} else {
		a->strike.at = PLACE_BYTES;
		a->strike.at_bytes = (size_t)json_object_get_int64(where);
	}
}

void
apply_strike(const struct fault *f, struct answer *a)
{
	strike(f, a, f->row->act, f->row->at);
}

void
apply_half(const struct fault *f, struct answer *a)
{
	const char *end = fault_text(f, "end", "close");

	strike(f, a, ACT_HALF, PLACE_TEXT);
	a->strike.end = strcmp(end, "reset") == 0   ? ACT_RESET
			: strcmp(end, "stall") == 0 ? ACT_STALL
			: strcmp(end, "clean") == 0 ? ACT_END
						    : ACT_CLOSE;
}

void
apply_split(const struct fault *f, struct answer *a)
{
	strike(f, a, ACT_PACE, PLACE_START);
	a->strike.delay_ms = (unsigned)fault_number(f, "delay_ms", 0);
}

/* A fault inside a stream needs one, also where the request would get JSON or was refused. */
static void
need_stream(struct answer *a)
{
	if (a->streaming)
		return;
	answer_wipe(a);
	a->status = 200;
	a->framing = FRAMING_CHUNKED;
	answer_header(a, "Content-Type", "text/event-stream; charset=utf-8");
}

void
apply_error_event(const struct fault *f, struct answer *a)
{
	const struct error *e = fault_error(f, a);
	const char *body = fault_text(f, "body", NULL);
	struct buf *text = &a->strike.text;

	need_stream(a);
	strike(f, a, ACT_TEXT, PLACE_HEAD);
	if (fault_is_openai(a)) {
		a->error_code = fault_text(f, "code", e->code);
		a->status = (int)fault_number(f, "status", e->status);
		openai_error_event(a, fault_text(f, "type", e->type),
				   fault_text(f, "message", e->text), body, text);
		a->error_code = NULL;
		a->status = 200;
		return;
	}
	buf_adds(text, "event: error\ndata: ");
	if (body != NULL)
		buf_adds(text, body);
	else
		error_json(a, fault_text(f, "type", e->type), fault_text(f, "message", e->text),
			   text);
	buf_adds(text, "\n\n");
}

void
apply_garbage(const struct fault *f, struct answer *a)
{
	strike(f, a, ACT_TEXT, PLACE_HEAD);
	buf_adds(&a->strike.text,
		 fault_text(
		     f, "body",
		     "\x01\x02 this is neither JSON nor an event {{{\r\r\n\ndata: {\"type\":\n\n"));
	if (a->strike.at != PLACE_START)
		return;
	/* Before the head: not HTTP at all. */
	buf_add(&a->wire, a->strike.text.data, a->strike.text.len);
	a->strike.act = ACT_NONE;
}

void
apply_comments(const struct fault *f, struct answer *a)
{
	strike(f, a, ACT_DRIP, PLACE_HEAD);
	/* PROTOCOLS.md §2 "Waiting": comments in a stream, blank lines before JSON. */
	buf_adds(&a->strike.text, a->streaming ? ": keep-alive\n\n" : "\n");
	if (!a->streaming)
		a->framing = FRAMING_CHUNKED;
	a->strike.delay_ms = (unsigned)fault_number(f, "delay_ms", 100);
}

void
apply_pings(const struct fault *f, struct answer *a)
{
	if (!a->streaming ||
	    fault_is_openai(a)) { /* no pings there; blank lines or comments do it */
		apply_comments(f, a);
		return;
	}
	strike(f, a, ACT_DRIP, PLACE_PING);
	buf_adds(&a->strike.text, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
	a->strike.delay_ms = (unsigned)fault_number(f, "delay_ms", 100);
}

void
apply_no_content(const struct fault *f, struct answer *a)
{
	/* The spec may be gone before the stream is: only these, which are constants. */
	const char *reason = say_stop_reason(fault_text(f, "stop_reason", "end_turn"));
	struct buf body = {0};
	char id[] = "msg_empty", model[] = "none";
	struct say nothing = {.id = id,
			      .model = model,
			      .stop_reason = reason,
			      .input_tokens = 1,
			      .empty = true,
			      .compat = a->provider->compat,
			      .form = a->form};

	if (a->streaming) {
		a->stream.say->empty = true;
		a->stream.say->stop_reason = reason;
		return;
	}
	say_json(&nothing, &body);
	fault_plain(f, a, 200, "application/json", body.data);
	buf_free(&body);
}

/* ---- the normal answer in an odd shape ---- */

void
apply_pass(const struct fault *f, struct answer *a)
{
	(void)f;
	(void)a;
}

void
apply_wrong_length(const struct fault *f, struct answer *a)
{
	bool longer = strcmp(f->row->name, "wrong_length_long") == 0;
	long by = fault_number(f, "bytes", longer ? 100 : 20);

	answer_flatten(a);
	a->length_lie = longer ? by : by < (long)a->body.len ? -by : -(long)a->body.len;
}

void
apply_huge_header(const struct fault *f, struct answer *a)
{
	buf_adds(&a->headers, "anthropic-huge: ");
	buf_fill(&a->headers, 'x', (size_t)fault_number(f, "bytes", (long)HUGE_HEADER));
	buf_adds(&a->headers, "\r\n");
}

void
apply_continue(const struct fault *f, struct answer *a)
{
	(void)f;
	buf_adds(&a->before, "HTTP/1.1 100 Continue\r\nX-Interim: yes\r\n\r\n");
}

void
apply_http10(const struct fault *f, struct answer *a)
{
	(void)f;
	a->http10 = true;
	a->framing = FRAMING_CLOSE;
	conn_last(a->conn);
}

void
apply_glued(const struct fault *f, struct answer *a)
{
	const char *body = fault_text(f, "body", "{\"type\":\"message\",\"glued\":true}");

	buf_addf(&a->after,
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nrequest-id: req_glued\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
}

/* What a hostile provider could try on the web server in front of the router (BEHAVIOUR.md 3). */
void
apply_steer(const struct fault *f, struct answer *a)
{
	(void)f;
	buf_adds(
	    &a->headers,
	    "X-Accel-Redirect: /etc/passwd\r\nX-Sendfile: /etc/passwd\r\nX-LIGHTTPD-send-file: "
	    "/etc/passwd\r\n"
	    "X-Accel-Buffering: yes\r\nStatus: 500 Steered\r\nSet-Cookie: steered=1; Path=/\r\n"
	    "Location: http://127.0.0.1:9/steered\r\nRefresh: 0; url=http://127.0.0.1:9/\r\n"
	    "Access-Control-Allow-Origin: *\r\nConnection: X-Steered, keep-alive\r\nX-Steered: "
	    "yes\r\n"
	    "anthropic-steered-folded: one\r\n Status: 501 folded\r\n\tX-Sendfile: /etc/shadow\r\n"
	    "anthropic-steered-control: a\x01\x02\x1b[31mb\x7f\r\nanthropic-steered-eight: "
	    "a\xff\xfe"
	    "b\r\n"
	    "anthropic-steered-bare: a\nX-Sendfile: /etc/hosts\r\n");
}

void
apply_extra_usage(const struct fault *f, struct answer *a)
{
	struct unified u = limits_healthy(fault_now_s());

	u.claim = "overage";
	u.windows[0] = (struct window){
	    .name = "5h", .status = "rejected", .utilization = 1.02, .reset = fault_reset_s(f)};
	u.overage_status = "allowed";
	u.overage_reason = NULL;
	u.overage_in_use = true;
	limits_unified(a, &u);
}

static double
share(struct json_object *v, const char *window, double otherwise)
{
	struct json_object *own = NULL;

	if (v == NULL)
		return otherwise;
	if (!json_object_is_type(v, json_type_object))
		return strcmp(window, "5h") == 0 ? json_object_get_double(v) : otherwise;
	return json_object_object_get_ex(v, window, &own) ? json_object_get_double(own) : otherwise;
}

void
apply_utilization(const struct fault *f, struct answer *a)
{
	struct json_object *v = json_object_object_get(f->spec, "utilization");
	struct unified u = limits_healthy(fault_now_s());
	int64_t five = json_object_object_get(f->spec, "reset") ? fault_reset_s(f) : u.reset;

	u.windows[0] = limits_window("5h", share(v, "5h", 0.95), five);
	u.windows[1] = limits_window("7d", share(v, "7d", 0.12), u.windows[1].reset);
	u.reset = five;
	if (u.windows[0].utilization >= 0.9 || u.windows[1].utilization >= 0.9)
		u.status = "allowed_warning";
	limits_unified(a, &u);
}

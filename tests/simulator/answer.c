/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include "answer_openai.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEND_STEP                                                                                  \
	((size_t)16 << 10) /* events are gathered up to here when nothing asks for a pause */

static void
delay_over(struct timer *t)
{
	struct answer *a = (struct answer *)((char *)t - offsetof(struct answer, timer));

	conn_kick(a->conn);
}

struct answer *
answer_new(struct provider *p, struct conn *c, struct record *r)
{
	struct answer *a = xalloc(sizeof(*a));

	a->conn = c;
	a->provider = p;
	a->epoch = p->epoch;
	a->number = ++p->answers;
	a->timer.fire = delay_over;
	a->record = r;
	return a;
}

static void
gate_leave(struct answer *a)
{
	struct answer **at = &a->provider->gate.first;

	if (!a->gated)
		return;
	while (*at != a)
		at = &(*at)->gate_next;
	*at = a->gate_next;
	a->gate_next = NULL;
	a->gated = false;
}

void
answer_wipe(struct answer *a)
{
	buf_free(&a->headers);
	buf_free(&a->body);
	free(a->charge.model);
	a->charge = (struct charge){0};
	say_free(a->stream.say);
	a->stream = (struct stream){0};
	a->streaming = a->wants_limits = false;
	a->delay_ms = 0;
}

static void
answer_free(struct answer *a)
{
	gate_leave(a);
	timer_clear(&a->timer);
	answer_wipe(a);
	buf_free(&a->before);
	buf_free(&a->after);
	buf_free(&a->wire);
	buf_free(&a->strike.text);
	buf_free(&a->event);
	record_drop(a->record);
	conn_set_data(a->conn, NULL);
	loop_bury(a);
}

/* ---- making ---- */

void
answer_header(struct answer *a, const char *name, const char *fmt, ...)
{
	char value[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	buf_addf(&a->headers, "%s: %s\r\n", name, value);
}

/* PROTOCOLS.md §1 "Headers"; the others' names are theirs (§2, §3). */
static void
id_headers(struct answer *a)
{
	unsigned long long n = (unsigned long long)a->number;

	switch (a->provider->family) {
	case FAMILY_CLAUDE:
		answer_header(a, "request-id", "req_%s_%llu", a->provider->name, n);
		answer_header(a, "anthropic-organization-id", "00000000-0000-4000-8000-%012llx",
			      a->provider->login ? 0xc1a0deULL : 0xa91ULL);
		break;
	case FAMILY_DEEPSEEK:
		answer_header(a, "x-ds-trace-id", "%032llx", n);
		break;
	case FAMILY_OPENAI:
		answer_header(a, "x-request-id", "req_%s_%llu", a->provider->name, n);
		answer_header(a, "openai-processing-ms", "12");
		break;
	default:
		answer_header(a, "Msh-Request-Id", "chatcmpl-%s-%llu", a->provider->name, n);
		break;
	}
}

void
error_json(const struct answer *a, const char *type, const char *message, struct buf *out)
{
	enum family family = a->provider->family;

	if (family == FAMILY_CLAUDE) { /* PROTOCOLS.md §1 "Errors" */
		buf_adds(out, "{\"type\":\"error\",\"error\":{\"type\":");
		buf_jsons(out, type);
		buf_adds(out, ",\"message\":");
		buf_jsons(out, message);
		buf_addf(out, "},\"request_id\":\"req_%s_%llu\"}", a->provider->name,
			 (unsigned long long)a->number);
	} else if (family == FAMILY_OPENAI) {
		openai_error_json(a, type, message, out);
	} else if (family == FAMILY_DEEPSEEK) { /* §2 "Errors" */
		buf_adds(out, "{\"error\":{\"message\":");
		buf_jsons(out, message);
		buf_adds(out, ",\"type\":");
		buf_jsons(out, type);
		buf_adds(out, ",\"param\":null,\"code\":\"invalid_request_error\"}}");
	} else { /* §3 "Errors" */
		buf_adds(out, "{\"error\":{\"type\":");
		buf_jsons(out, type);
		buf_adds(out, ",\"message\":");
		buf_jsons(out, message);
		buf_adds(out, "}}");
	}
}

void
answer_json(struct answer *a, int status)
{
	a->status = status;
	a->framing = FRAMING_LENGTH;
	answer_header(a, "Content-Type", "application/json");
	id_headers(a);
}

void
answer_error(struct answer *a, int status, const char *type, const char *message)
{
	answer_wipe(a);
	a->status = status;
	error_json(a, type, message, &a->body);
	answer_json(a, status);
}

static struct charge
charge_of(const struct say *s)
{
	return (struct charge){
	    .at_ms = clock_real_ms(),
	    .model = xstrdup(s->model),
	    .used = {.input = (int64_t)s->input_tokens,
		     .read = (int64_t)s->cache_read,
		     .write_5m = (int64_t)s->cache_5m,
		     .write_1h = (int64_t)s->cache_1h,
		     .output = (int64_t)s->output_tokens,
		     .searches = s->search_id != NULL},
	    .hides_reads = s->telling == TELLS_SUM && s->cache_read > 0,
	};
}

void
answer_say(struct answer *a, struct say *s, bool streamed)
{
	answer_wipe(a);
	a->charge = charge_of(s);
	a->delay_ms = s->sleep_ms;
	if (!streamed) {
		say_json(s, &a->body);
		say_free(s);
		answer_json(a, 200);
		return;
	}
	a->status = 200;
	a->stream.say = s;
	a->streaming = true;
	a->framing = FRAMING_CHUNKED;
	answer_header(a, "Content-Type", "text/event-stream; charset=utf-8");
	answer_header(a, "Cache-Control", "no-cache");
	id_headers(a);
}

void
answer_flatten(struct answer *a)
{
	enum place at;

	if (!a->streaming)
		return;
	while (stream_next(&a->stream, &a->body, &at))
		;
	a->streaming = false;
	a->framing = FRAMING_LENGTH;
}

static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} known[] = {{200, "OK"},
		     {302, "Found"},
		     {400, "Bad Request"},
		     {401, "Unauthorized"},
		     {402, "Payment Required"},
		     {403, "Forbidden"},
		     {404, "Not Found"},
		     {405, "Method Not Allowed"},
		     {413, "Payload Too Large"},
		     {422, "Unprocessable Entity"},
		     {429, "Too Many Requests"},
		     {500, "Internal Server Error"},
		     {502, "Bad Gateway"},
		     {503, "Service Unavailable"},
		     {504, "Gateway Timeout"}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].status == status)
			return known[i].text;
	return "Other"; /* 529 has no registered one */
}

static bool
bodyless(int status)
{
	return status < 200 || status == 204 || status == 304;
}

static void
head_bytes(const struct answer *a, struct buf *out)
{
	buf_addf(out, "HTTP/1.%d %d %s\r\n", a->http10 ? 0 : 1, a->status, reason(a->status));
	buf_add(out, a->headers.data, a->headers.len);
	if (a->framing == FRAMING_CHUNKED)
		buf_adds(out, "Transfer-Encoding: chunked\r\n");
	else if (a->framing == FRAMING_LENGTH && !bodyless(a->status))
		buf_addf(out, "Content-Length: %ld\r\n", (long)a->body.len + a->length_lie);
	if (conn_is_last(a->conn))
		buf_adds(out, "Connection: close\r\n");
	buf_adds(out, "\r\n");
}

void
answer_message(const struct answer *a, struct buf *out)
{
	head_bytes(a, out);
	buf_add(out, a->body.data, a->body.len);
}

/* ---- playing ---- */

static enum next
wait_for(struct answer *a, int64_t ms)
{
	timer_set(&a->timer, ms);
	return NEXT_WAIT;
}

static void
add_body(struct answer *a, const char *data, size_t len)
{
	struct buf *out = conn_out(a->conn);

	if (len == 0)
		return;
	a->body_sent += len;
	if (a->framing == FRAMING_CHUNKED)
		buf_addf(out, "%zx\r\n", len);
	buf_add(out, data, len);
	if (a->framing == FRAMING_CHUNKED)
		buf_adds(out, "\r\n");
}

/* A provider charges for what it has made: of a JSON answer all, of a stream what went out. */
static void
charge(struct answer *a, bool finished)
{
	struct charge *c = &a->charge;

	if (c->model == NULL || !a->began)
		return;
	c->finished = finished;
	c->streamed = a->streaming;
	if (a->streaming && !c->told) {
		c->used.output = a->made < c->used.output ? a->made : c->used.output;
		c->used.searches = a->made > 0 ? c->used.searches : 0;
	}
	provider_charge(a->provider, a->record, a->epoch, c);
}

/* What of the message is out now. */
static void
note_part(struct answer *a, enum place at)
{
	a->began = true;
	a->made += at == PLACE_THINKING || at == PLACE_TEXT || at == PLACE_TOOL;
	if (a->streaming ? a->stream.told : a->length_lie >= 0)
		a->charge.told = true;
}

/* The answer is over as far as this side is concerned. */
static enum next
over(struct answer *a, enum next how, bool finished)
{
	if (a->record != NULL)
		a->record->finished = finished;
	charge(a, finished);
	provider_ended(a->provider, a->record, a->epoch);
	answer_free(a);
	return how;
}

static void
act_done(struct answer *a)
{
	a->strike.act = ACT_NONE;
	a->struck = false;
}

static enum next
act_half(struct answer *a)
{
	enum place at;

	buf_clear(&a->event);
	if (a->streaming && stream_next(&a->stream, &a->event, &at))
		add_body(a, a->event.data, a->event.len / 2);
	a->strike.act = a->strike.end;
	return NEXT_BYTES;
}

static enum next
act_drip(struct answer *a)
{
	if (a->waited) {
		a->waited = false;
		add_body(a, a->strike.text.data, a->strike.text.len);
		if (a->strike.count > 0)
			a->strike.count--;
		return NEXT_BYTES;
	}
	if (a->strike.count == 0) {
		act_done(a);
		return NEXT_BYTES;
	}
	a->waited = true;
	return wait_for(a, a->strike.delay_ms);
}

static enum next
act_pause(struct answer *a)
{
	if (!a->waited) {
		a->waited = true;
		return wait_for(a, a->strike.delay_ms);
	}
	a->waited = false;
	act_done(a);
	return NEXT_BYTES;
}

/* The fault's place is reached and everything before it is with the kernel. */
static enum next
act(struct answer *a)
{
	switch (a->strike.act) {
	case ACT_RESET:
		return over(a, NEXT_RST, false);
	case ACT_CLOSE:
		return over(a, NEXT_FIN, false);
	case ACT_STALL:
		return NEXT_STALL;
	case ACT_HALF:
		return act_half(a);
	case ACT_PACE:
		conn_pace(a->conn, 1, a->strike.delay_ms);
		act_done(a);
		return NEXT_BYTES;
	case ACT_PAUSE:
		return act_pause(a);
	case ACT_DRIP:
		return act_drip(a);
	case ACT_TEXT:
		add_body(a, a->strike.text.data, a->strike.text.len);
		break;
	case ACT_END:
	case ACT_NONE:
		break;
	}
	act_done(a);
	a->phase = PHASE_TAIL;
	return NEXT_BYTES;
}

static void
reach(struct answer *a, enum place at)
{
	if (a->strike.act != ACT_NONE && a->strike.at == at)
		a->struck = true;
}

static void
problem(struct answer *a, const char *text)
{
	if (a->record == NULL)
		return;
	if (a->record->problems.len > 0)
		buf_adds(&a->record->problems, ",");
	buf_jsons(&a->record->problems, text);
}

/* A place that this answer does not have would let a test pass for nothing: say so, and strike at the end. */
static void
place_missed(struct answer *a)
{
	char text[128];

	if (a->strike.act == ACT_NONE || a->struck)
		return;
	snprintf(
	    text, sizeof(text),
	    "simulator: the answer never reached the fault's place \"%s\"; it struck at the end",
	    place_name(a->strike.at));
	problem(a, text);
	a->struck = true;
}

static void
play_head(struct answer *a)
{
	struct buf *out = conn_out(a->conn), head = {0};
	size_t half;

	head_bytes(a, &head);
	half = head.len / 2;
	if (!a->half_shown && a->strike.act != ACT_NONE && a->strike.at == PLACE_HALF_HEAD) {
		buf_add(out, a->before.data, a->before.len);
		buf_add(out, head.data, half);
		a->half_shown = a->struck = true;
	} else {
		if (!a->half_shown)
			buf_add(out, a->before.data, a->before.len);
		else
			buf_drop(&head, half);
		buf_add(out, head.data, head.len);
		a->phase = bodyless(a->status) ? PHASE_TAIL : PHASE_BODY;
		if (a->record != NULL)
			a->record->status = a->status;
		reach(a, PLACE_HEAD);
	}
	buf_free(&head);
}

/* Puts the next event, or the whole body, into a->event. */
static enum place
next_part(struct answer *a)
{
	enum place at = PLACE_END;

	if (a->streaming) {
		stream_next(&a->stream, &a->event, &at);
	} else {
		buf_add(&a->event, a->body.data, a->body.len);
		a->body_given = true;
	}
	return at;
}

static bool
no_more_parts(const struct answer *a)
{
	return a->event.len == 0 && (a->streaming ? stream_over(&a->stream) : a->body_given);
}

static void
play_part(struct answer *a)
{
	const struct strike *s = &a->strike;

	if (a->event.len == 0)
		a->part_at = next_part(a);
	if (s->act != ACT_NONE && s->at == PLACE_BYTES &&
	    a->body_sent + a->event.len >= s->at_bytes) {
		size_t cut = s->at_bytes > a->body_sent ? (size_t)(s->at_bytes - a->body_sent) : 0;

		add_body(a, a->event.data, cut);
		buf_drop(&a->event, cut);
		a->struck = true;
		a->began |= !a->streaming;
	} else {
		add_body(a, a->event.data, a->event.len);
		buf_clear(&a->event);
		note_part(a, a->part_at);
		if (a->record != NULL && a->streaming)
			a->record->events++;
		reach(a, a->part_at);
	}
	if (no_more_parts(a)) {
		place_missed(a);
		a->phase = PHASE_TAIL;
	}
}

static void
gate_enter(struct answer *a)
{
	struct answer **at = &a->provider->gate.first;

	while (*at != NULL)
		at = &(*at)->gate_next;
	*at = a;
	a->gated = true;
}

/* May one more event go out now? If not, *how says what to wait for. */
static bool
may_play(struct answer *a, enum next *how)
{
	struct gate *g = &a->provider->gate;
	struct buf *out = conn_out(a->conn);

	if (!a->streaming)
		return true;
	unsigned pace_ms =
	    a->stream.say->pace_ms > 0 ? a->stream.say->pace_ms : provider_chunk_delay_ms;
	if (g->hold && g->tokens == 0) {
		*how = NEXT_BYTES;
		if (out->len == 0) {
			gate_enter(a);
			*how = NEXT_WAIT;
		}
		return false;
	}
	if (pace_ms > 0 && !a->waited && a->body_sent > 0) {
		*how = NEXT_BYTES;
		if (out->len == 0) {
			a->waited = true;
			*how = wait_for(a, pace_ms);
		}
		return false;
	}
	a->waited = false;
	if (g->hold)
		g->tokens--;
	return true;
}

static enum next
play_body(struct answer *a)
{
	struct buf *out = conn_out(a->conn);
	enum next how = NEXT_BYTES;

	while (a->phase == PHASE_BODY && !a->struck && out->len < SEND_STEP)
		if (!may_play(a, &how))
			return how;
		else
			play_part(a);
	return NEXT_BYTES;
}

static void
play_tail(struct answer *a)
{
	struct buf *out = conn_out(a->conn);

	if (a->framing == FRAMING_CHUNKED)
		buf_adds(out, "0\r\n\r\n");
	buf_add(out, a->after.data, a->after.len);
	if (a->framing == FRAMING_CLOSE || a->length_lie > 0)
		conn_last(a->conn);
	a->phase = PHASE_OVER;
}

static enum next
play_wire(struct answer *a)
{
	buf_add(conn_out(a->conn), a->wire.data, a->wire.len);
	a->framing = FRAMING_CLOSE;
	a->phase = PHASE_TAIL;
	return NEXT_BYTES;
}

static enum next
play(struct answer *a)
{
	enum next how = NEXT_BYTES;

	/* The connection asks only when all bytes are sent, so a fault strikes exactly here. */
	if (a->struck)
		return conn_out(a->conn)->len > 0 ? NEXT_BYTES : act(a);
	if (a->phase == PHASE_OVER)
		return over(a, NEXT_DONE, true);
	if (a->phase == PHASE_DELAY) {
		a->phase = PHASE_HEAD;
		reach(a, PLACE_START);
		return a->delay_ms > 0 ? wait_for(a, a->delay_ms) : NEXT_BYTES;
	}
	if (a->phase == PHASE_HEAD && a->wire.len > 0)
		return play_wire(a);
	/* All that needs no pause goes out in one write, from the head to the end. */
	if (a->phase == PHASE_HEAD)
		play_head(a);
	if (a->phase == PHASE_BODY && !a->struck)
		how = play_body(a);
	if (a->phase == PHASE_TAIL && !a->struck)
		play_tail(a);
	return how;
}

/* A JSON answer has no events; half of its body stands for any place inside a stream. */
static void
place_in_json(struct answer *a)
{
	struct strike *s = &a->strike;

	if (a->streaming || s->at <= PLACE_HEAD || s->at >= PLACE_END)
		return;
	s->at = PLACE_BYTES;
	s->at_bytes = a->body.len / 2;
}

enum next
answer_next(struct answer *a)
{
	struct record *r = a->record;
	struct buf *out = conn_out(a->conn);
	enum next how;

	if (a->phase == PHASE_DELAY)
		place_in_json(a);
	if (r != NULL)
		record_hold(r);
	how = play(a);
	if (r != NULL)
		r->bytes += how == NEXT_BYTES ? out->len : 0;
	record_drop(r);
	return how;
}

void
answer_gone(struct answer *a)
{
	if (a->record != NULL)
		a->record->aborted = true;
	charge(a, false);
	provider_ended(a->provider, a->record, a->epoch);
	answer_free(a);
}

void
gates_serve(void)
{
	for (size_t i = 0; i < PROVIDERS; i++) {
		struct gate *g = &provider_at(i)->gate;

		while (g->first != NULL && (!g->hold || g->tokens > 0)) {
			struct answer *a = g->first;

			gate_leave(a);
			conn_kick(a->conn);
		}
	}
}

/* SPDX-License-Identifier: MIT */
#include "route/relay.h"

#include "dialect/origin.h"

#include <string.h>

void
relay_init(struct relay *r, const struct dialect *dialect, const char *provider)
{
	*r = (struct relay){.dialect = dialect, .origin = {.provider = provider}};
	sse_init(&r->sse);
	stream_init(&r->stream);
	buf_init(&r->seen, RESPONSE_GATE_MAX);
	buf_init(&r->held, SSE_EVENT_MAX + RESPONSE_GATE_MAX);
	buf_init(&r->error, RESPONSE_ERROR_MAX);
	buf_init(&r->error_data, RESPONSE_ERROR_MAX);
}

void
relay_fini(struct relay *r)
{
	sse_fini(&r->sse);
	origin_fini(&r->origin);
	buf_free(&r->seen);
	buf_free(&r->held);
	buf_free(&r->error);
	buf_free(&r->error_data);
}

/* Follows what was appended to held: usually the event as it came, else what it was decoded to. */
static void
note(struct relay *r, const struct sse_event *event, const char *bytes, size_t n)
{
	struct sse sse;
	struct sse_event seen;
	size_t at = 0;
	if (n == event->raw_len && memcmp(bytes, event->raw, n) == 0) {
		stream_note(&r->stream, event);
		return;
	}
	sse_init(&sse);
	while (sse_next(&sse, bytes + at, n - at, &seen) == SSE_EVENT) {
		stream_note(&r->stream, &seen);
		at += seen.raw_len;
	}
	sse_fini(&sse);
}

/* Appends the event, decoded for the client, to held, and follows it. */
static bool
translate(struct relay *r, const struct sse_event *event)
{
	size_t from = r->held.len;
	bool written = r->dialect->decode_event == NULL
			   ? buf_add(&r->held, event->raw, event->raw_len)
			   : r->dialect->decode_event(&r->origin, event, &r->held);
	if (written && r->held.len > from)
		note(r, event, r->held.data + from, r->held.len - from);
	return written;
}

/* Whether the event starts a block that is held until its next event. */
static bool
is_start_to_hold(const struct relay *r, const struct sse_event *event)
{
	const struct stream *s = &r->stream;
	if (event->kind != SSE_BLOCK_START || s->n_open == 0)
		return false;
	enum block_kind kind = s->open[s->n_open - 1].kind;
	return kind == BLOCK_TEXT || kind == BLOCK_TOOL_USE;
}

/* Forwards an event, or holds it. False: out of memory, or too large. */
static bool
pass(struct relay *r, const struct sse_event *event)
{
	bool gate_open = r->reply != NULL;
	if (gate_open && r->held.len == 0 &&
	    (event->kind == SSE_PING ||
	     (r->dialect->decode_event == NULL && event->kind != SSE_BLOCK_START))) {
		stream_note(&r->stream, event);
		reply_body(r->reply, event->raw, event->raw_len);
		return true;
	}
	/* A ping is not held with a block's start. */
	if (gate_open && event->kind == SSE_PING) {
		reply_body(r->reply, event->raw, event->raw_len);
		return true;
	}
	if (!r->start_held)
		r->before_start = r->stream;
	if (!translate(r, event))
		return false;
	if (!gate_open)
		return true;
	r->start_held = r->held.len > 0 && is_start_to_hold(r, event);
	if (!r->start_held) {
		reply_body(r->reply, buf_text(&r->held), r->held.len);
		buf_clear(&r->held);
	}
	return true;
}

void
relay_drop_start(struct relay *r)
{
	if (!r->start_held)
		return;
	r->stream = r->before_start;
	r->start_held = false;
	buf_free(&r->held);
}

static enum relay_result
add_error(struct relay *r, const struct sse_event *event)
{
	struct buf *raw = r->reply == NULL ? &r->seen : &r->error;
	bool kept = buf_add(raw, event->raw, event->raw_len) &&
		    buf_add(&r->error_data, event->data, event->data_len);
	return kept ? RELAY_FAILED : RELAY_TOO_BIG;
}

static enum relay_result
complete_result(const struct relay *r)
{
	return r->reply == NULL ? RELAY_ENDED : RELAY_COMPLETE;
}

static enum relay_result
relay_event(struct relay *r, const struct sse_event *event)
{
	bool had_content = r->stream.content;
	r->is_alive |= event->kind != SSE_PING && event->kind != SSE_OTHER;
	if (event->kind == SSE_ERROR)
		return add_error(r, event);
	if (!pass(r, event))
		return RELAY_TOO_BIG;
	if (!r->stream.content && !buf_add(&r->seen, event->raw, event->raw_len))
		return RELAY_TOO_BIG;
	if (r->stream.complete)
		return complete_result(r);
	return r->stream.content && !had_content ? RELAY_CONTENT : RELAY_MORE;
}

enum relay_result
relay_events(struct relay *r, struct buf *bytes)
{
	enum relay_result result = r->stream.complete ? complete_result(r) : RELAY_MORE;
	size_t at = 0;
	while (result == RELAY_MORE && bytes->len > at) {
		struct sse_event event;
		enum sse_result next = sse_next(&r->sse, bytes->data + at, bytes->len - at, &event);
		if (next == SSE_MORE)
			break;
		if (next == SSE_TOO_BIG)
			return RELAY_TOO_BIG;
		result = relay_event(r, &event);
		at += event.raw_len;
	}
	if (at > 0 && at == bytes->len)
		buf_free(bytes);
	else
		buf_drop(bytes, at);
	return result;
}

void
relay_open(struct relay *r, struct reply *reply, const char *lines)
{
	r->reply = reply;
	reply_head(reply, 200, lines);
	reply_body(reply, buf_text(&r->held), r->held.len);
	buf_free(&r->held);
	buf_free(&r->seen);
}

/* SPDX-License-Identifier: MIT */
#include "route/relay.h"

#include "dialect/origin.h"

#include <stdlib.h>
#include <string.h>

static void
forget_start(struct relay *r)
{
	free(r->before_start);
	r->before_start = NULL;
}

void
relay_init(struct relay *r, const struct dialect *dialect, const char *provider,
	   int64_t input_tokens)
{
	*r = (struct relay){.dialect = dialect, .origin = {.provider = provider}};
	sse_init(&r->sse);
	r->sse.named_only = dialect->translate_event != NULL;
	if (dialect->translate_event != NULL)
		r->translation = malloc(sizeof *r->translation);
	if (r->translation != NULL)
		translation_init(r->translation, provider, input_tokens);
	sse_init(&r->translated_sse);
	buf_init(&r->translated, SSE_EVENT_MAX);
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
	if (r->translation != NULL)
		translation_fini(r->translation);
	free(r->translation);
	r->translation = NULL;
	forget_start(r);
	sse_fini(&r->translated_sse);
	buf_free(&r->translated);
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
decode(struct relay *r, const struct sse_event *event)
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

/* Remembers the stream as it is before a block's start that may be held. False: out of memory. */
static bool
remember(struct relay *r, const struct sse_event *event)
{
	if (event->kind != SSE_BLOCK_START || r->before_start != NULL)
		return true;
	r->before_start = malloc(sizeof *r->before_start);
	if (r->before_start != NULL)
		*r->before_start = r->stream;
	return r->before_start != NULL;
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
	if (gate_open && !remember(r, event))
		return false;
	if (!decode(r, event))
		return false;
	if (!gate_open || (r->held.len > 0 && is_start_to_hold(r, event)))
		return true;
	forget_start(r);
	reply_body(r->reply, buf_text(&r->held), r->held.len);
	buf_clear(&r->held);
	return true;
}

void
relay_drop_start(struct relay *r)
{
	if (r->before_start == NULL)
		return;
	r->stream = *r->before_start;
	forget_start(r);
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

typedef enum relay_result take_fn(struct relay *r, const struct sse_event *event);

/* Processes the events at the beginning of bytes, until one needs a decision. *taken: the bytes
 * that are done with. */
static enum relay_result
relay_bytes(struct relay *r, struct sse *sse, const struct buf *bytes, take_fn *take, size_t *taken)
{
	enum relay_result result = RELAY_MORE;
	struct sse_event event;
	while (result == RELAY_MORE && bytes->len > *taken) {
		enum sse_result next =
		    sse_next(sse, bytes->data + *taken, bytes->len - *taken, &event);
		if (next == SSE_MORE)
			break;
		if (next == SSE_TOO_BIG)
			return RELAY_TOO_BIG;
		result = take(r, &event);
		*taken += event.raw_len;
	}
	return result;
}

static void
drop(struct buf *bytes, size_t n)
{
	if (n > 0 && n == bytes->len)
		buf_free(bytes);
	else
		buf_drop(bytes, n);
}

/* Goes on with what was translated. */
static enum relay_result
relay_translated(struct relay *r)
{
	size_t taken = 0;
	enum relay_result result =
	    relay_bytes(r, &r->translated_sse, &r->translated, relay_event, &taken);
	drop(&r->translated, taken);
	return result;
}

/* A provider's event in another form. Comments, which keep a connection alive, have no data. */
static enum relay_result
translate_event(struct relay *r, const struct sse_event *event)
{
	r->is_alive |= event->data_len > 0;
	bool translated = r->translation != NULL &&
			  r->dialect->translate_event(r->translation, event, &r->translated);
	return translated ? relay_translated(r) : RELAY_TOO_BIG;
}

enum relay_result
relay_events(struct relay *r, struct buf *bytes)
{
	enum relay_result result = r->stream.complete ? complete_result(r) : relay_translated(r);
	size_t taken = 0;
	if (result == RELAY_MORE)
		result = relay_bytes(
		    r, &r->sse, bytes,
		    r->dialect->translate_event == NULL ? relay_event : translate_event, &taken);
	drop(bytes, taken);
	return result;
}

enum relay_result
relay_json(struct relay *r, const struct buf *json)
{
	const struct sse_event event = {.raw = "", .data = buf_text(json), .data_len = json->len};
	bool translated = r->translation != NULL &&
			  r->dialect->translate_event(r->translation, &event, &r->translated) &&
			  r->dialect->translate_end(r->translation, &r->translated);
	return translated ? relay_translated(r) : RELAY_TOO_BIG;
}

enum relay_result
relay_end(struct relay *r)
{
	if (r->dialect->translate_end == NULL)
		return RELAY_MORE;
	bool translated =
	    r->translation != NULL && r->dialect->translate_end(r->translation, &r->translated);
	return translated ? relay_translated(r) : RELAY_TOO_BIG;
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

#include "relay.h"

void
relay_init(struct relay *r, const struct dialect *dialect, const char *provider)
{
	*r = (struct relay){.dialect = dialect, .relabel = {.provider = provider}};
	sse_init(&r->sse);
	stream_init(&r->stream);
	buf_init(&r->seen, ANSWER_GATE_MAX);
	buf_init(&r->held, SSE_EVENT_MAX + ANSWER_GATE_MAX);
	buf_init(&r->error, ANSWER_ERROR_MAX);
	buf_init(&r->error_data, ANSWER_ERROR_MAX);
}

void
relay_fini(struct relay *r)
{
	sse_fini(&r->sse);
	buf_free(&r->seen);
	buf_free(&r->held);
	buf_free(&r->error);
	buf_free(&r->error_data);
}

/* Passes an event on, or holds it. */
static bool
pass(struct relay *r, const struct sse_event *event)
{
	if (r->dialect->event == NULL) {
		if (r->reply == NULL)
			return buf_add(&r->held, event->raw, event->raw_len);
		reply_body(r->reply, event->raw, event->raw_len);
		return true;
	}
	if (!r->dialect->event(&r->relabel, event, &r->held))
		return false;
	if (r->reply != NULL) {
		reply_body(r->reply, r->held.data, r->held.len);
		buf_clear(&r->held);
	}
	return true;
}

static enum relay_result
take_error(struct relay *r, const struct sse_event *event)
{
	struct buf *raw = r->reply == NULL ? &r->seen : &r->error;
	bool taken = buf_add(raw, event->raw, event->raw_len) &&
		     buf_add(&r->error_data, event->data, event->data_len);
	return taken ? RELAY_FAILED : RELAY_TOO_BIG;
}

static enum relay_result
complete(const struct relay *r)
{
	return r->reply == NULL ? RELAY_ENDED : RELAY_COMPLETE;
}

static enum relay_result
take_event(struct relay *r, const struct sse_event *event)
{
	bool had_content = r->stream.content;
	r->life |= event->kind != SSE_PING && event->kind != SSE_OTHER;
	if (event->kind == SSE_ERROR)
		return take_error(r, event);
	stream_note(&r->stream, event);
	if (!r->stream.content && !buf_add(&r->seen, event->raw, event->raw_len))
		return RELAY_TOO_BIG;
	if (!pass(r, event))
		return RELAY_TOO_BIG;
	if (r->stream.complete)
		return complete(r);
	return r->stream.content && !had_content ? RELAY_CONTENT : RELAY_MORE;
}

enum relay_result
relay_take(struct relay *r, struct buf *bytes)
{
	enum relay_result result = r->stream.complete ? complete(r) : RELAY_MORE;
	size_t at = 0;
	while (result == RELAY_MORE && bytes->len > at) {
		struct sse_event event;
		enum sse_result next = sse_next(&r->sse, bytes->data + at, bytes->len - at, &event);
		if (next == SSE_MORE)
			break;
		if (next == SSE_TOO_BIG)
			return RELAY_TOO_BIG;
		result = take_event(r, &event);
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

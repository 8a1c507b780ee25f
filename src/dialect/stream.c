/* SPDX-License-Identifier: MIT */
#include "dialect/stream.h"

#include "base/count.h"
#include "json/scan.h"

#include <inttypes.h>
#include <string.h>

/* Bytes of a delta's JSON around its text. */
enum { DELTA_FRAME = 80, BYTES_A_TOKEN = 3 };

void
stream_init(struct stream *s)
{
	*s = (struct stream){.usage = USAGE_NONE};
}

/* --- The facts of an event ------------------------------------------------------ */

/* The members that matter, of any event (PROTOCOLS.md 1, SSE). */
struct facts {
	int64_t index;
	enum block_kind block;
	bool empty;          /* a delta that adds nothing yet */
	bool has_reason;     /* a stop_reason that is not null */
	struct usage *usage; /* cumulative: the latest counts */
};

static const struct {
	const char *type;
	enum block_kind kind;
} block_kinds[] = {
    {"text", BLOCK_TEXT},
    {"tool_use", BLOCK_TOOL_USE},
    {"thinking", BLOCK_THINKING},
    {"redacted_thinking", BLOCK_THINKING},
};

static void
read_message(struct scan *s, struct facts *f)
{
	struct span key;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "usage"))
			usage_read(f->usage, s);
		else if (span_is(s->text, key, "model"))
			usage_read_model(f->usage, s);
		else
			scan_skip(s);
}

static void
read_block(struct scan *s, struct facts *f)
{
	struct span key, type;
	f->block = BLOCK_OTHER;
	for (scan_object(s); scan_member(s, &key);) {
		if (!span_is(s->text, key, "type")) {
			scan_skip(s);
			continue;
		}
		if (!scan_string(s, &type))
			continue;
		for (size_t i = 0; i < COUNT(block_kinds); i++)
			if (span_is(s->text, type, block_kinds[i].type))
				f->block = block_kinds[i].kind;
	}
}

/* The delta of a block, or of the message. */
static void
read_delta(struct scan *s, struct facts *f)
{
	struct span key, text;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "partial_json")) {
			f->empty = scan_string(s, &text) && span_is_blank(s->text, text);
		} else if (span_is(s->text, key, "text") || span_is(s->text, key, "thinking")) {
			f->empty = scan_string(s, &text) && text.len == 0;
		} else {
			if (span_is(s->text, key, "stop_reason"))
				f->has_reason = scan_peek(s) == SCAN_STRING;
			scan_skip(s);
		}
}

static struct facts
read_facts(const struct sse_event *event, struct usage *usage)
{
	struct facts f = {.index = -1, .usage = usage};
	struct scan s;
	struct span key;
	scan_init(&s, event->data, event->data_len);
	for (scan_object(&s); scan_member(&s, &key);)
		if (span_is(s.text, key, "index"))
			scan_integer(&s, &f.index);
		else if (span_is(s.text, key, "content_block"))
			read_block(&s, &f);
		else if (span_is(s.text, key, "delta"))
			read_delta(&s, &f);
		else if (span_is(s.text, key, "message"))
			read_message(&s, &f);
		else if (span_is(s.text, key, "usage"))
			usage_read(f.usage, &s);
		else
			scan_skip(&s);
	return f;
}

/* --- How far the stream is --------------------------------------------------- */

static struct stream_block *
find_open(struct stream *s, int64_t index)
{
	for (unsigned i = 0; i < s->n_open; i++)
		if (s->open[i].index == index)
			return &s->open[i];
	return NULL;
}

static void
close_open(struct stream *s, struct stream_block *b)
{
	size_t behind = (size_t)(&s->open[s->n_open] - (b + 1));
	memmove(b, b + 1, behind * sizeof *b);
	s->n_open--;
}

static void
note_start(struct stream *s, const struct facts *f)
{
	enum block_kind kind = f->block == BLOCK_NONE ? BLOCK_OTHER : f->block;
	int64_t index = f->index < 0 ? 0 : f->index;
	struct stream_block *again = find_open(s, index);
	if (again != NULL)
		close_open(s, again);
	if (s->n_open == STREAM_OPEN_MAX)
		close_open(s, s->open);
	s->open[s->n_open++] = (struct stream_block){.index = index, .kind = kind, .empty = true};
	s->content |= kind == BLOCK_OTHER; /* content that no model writes comes in the start */
	s->tool_done = false;
	s->beyond_thinking |= kind != BLOCK_THINKING;
}

static void
note_stop(struct stream *s, const struct facts *f)
{
	struct stream_block *b = find_open(s, f->index < 0 ? 0 : f->index);
	if (b == NULL)
		return;
	s->tool_done = b->kind == BLOCK_TOOL_USE;
	s->content = true;
	close_open(s, b);
}

/* Once the open blocks are known to have content, their further deltas, which are nearly all of a
 * stream, are not read. */
static void
note_delta(struct stream *s, const struct sse_event *event)
{
	bool wanted = false;
	for (unsigned i = 0; i < s->n_open; i++)
		wanted |= s->open[i].empty;
	if (!wanted)
		return;
	struct facts f = read_facts(event, &s->usage);
	struct stream_block *b = find_open(s, f.index < 0 ? 0 : f.index);
	if (b == NULL || f.empty)
		return;
	b->empty = false;
	s->content = true;
}

void
stream_note(struct stream *s, const struct sse_event *event)
{
	struct facts f;
	if (event->kind == SSE_BLOCK_DELTA) {
		s->text_bytes +=
		    event->data_len > DELTA_FRAME ? (int64_t)event->data_len - DELTA_FRAME : 1;
		note_delta(s, event);
		return;
	}
	if (event->kind == SSE_OTHER || event->kind == SSE_PING)
		return;
	f = read_facts(event, &s->usage);
	s->started |= event->kind == SSE_MESSAGE_START;
	s->complete |= event->kind == SSE_MESSAGE_STOP;
	s->failed |= event->kind == SSE_ERROR;
	s->delta |= event->kind == SSE_MESSAGE_DELTA && f.has_reason;
	if (event->kind == SSE_BLOCK_START)
		note_start(s, &f);
	else if (event->kind == SSE_BLOCK_STOP)
		note_stop(s, &f);
}

/* --- Its end ------------------------------------------------------------------ */

enum mend
stream_mend(const struct stream *s, bool claude_code, bool may_close)
{
	if (s->complete || s->delta)
		return MEND_NOTHING;
	/* Only thinking was sent: Claude Code retries by itself (CLIENT.md 4). */
	if (!claude_code || !may_close || !s->beyond_thinking)
		return MEND_ERROR;
	return s->n_open == 0 && s->tool_done ? MEND_TOOL_USE : MEND_MAX_TOKENS;
}

const char *
stream_mend_name(enum mend mend)
{
	static const char *const names[] = {
	    [MEND_NOTHING] = "",
	    [MEND_ERROR] = "error",
	    [MEND_MAX_TOKENS] = "max_tokens",
	    [MEND_TOOL_USE] = "tool_use",
	};
	return names[mend];
}

static bool
close_block(const struct stream_block *b, struct buf *out)
{
	/* CLIENT.md 4: a tool_use without JSON would run with {}. */
	if (b->kind == BLOCK_TOOL_USE && b->empty &&
	    !buf_printf(out,
			"event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
			"\"index\":%" PRId64 ",\"delta\":{\"type\":\"input_json_delta\","
			"\"partial_json\":\"{\"}}\n\n",
			b->index))
		return false;
	return buf_printf(out,
			  "event: content_block_stop\ndata: {\"type\":\"content_block_stop\","
			  "\"index\":%" PRId64 "}\n\n",
			  b->index);
}

static bool
close_blocks(const struct stream *s, struct buf *out)
{
	for (unsigned i = 0; i < s->n_open; i++)
		if (!close_block(&s->open[i], out))
			return false;
	return true;
}

static bool
put_stop(struct buf *out)
{
	return buf_puts(out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

static bool
close_message(const struct stream *s, const char *reason, struct buf *out)
{
	return close_blocks(s, out) &&
	       buf_printf(out,
			  "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":"
			  "{\"stop_reason\":\"%s\",\"stop_sequence\":null},"
			  "\"usage\":{\"output_tokens\":%" PRId64 "}}\n\n",
			  reason, s->usage.output < 0 ? 0 : s->usage.output) &&
	       put_stop(out);
}

static bool
put_error(const char *event, size_t len, struct buf *out)
{
	if (event != NULL && len > 0)
		return buf_add(out, event, len);
	return buf_puts(out, "event: error\ndata: {\"type\":\"error\",\"error\":"
			     "{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n");
}

bool
stream_close(const struct stream *s, enum mend mend, const char *error_event, size_t error_len,
	     struct buf *out)
{
	switch (mend) {
	case MEND_NOTHING:
		return s->complete || put_stop(out);
	case MEND_ERROR:
		return put_error(error_event, error_len, out);
	case MEND_MAX_TOKENS:
	case MEND_TOOL_USE:
		return close_message(s, stream_mend_name(mend), out);
	}
	return false;
}

struct usage
stream_usage(const struct stream *s, bool *estimated)
{
	struct usage usage = s->usage;
	int64_t tokens = s->text_bytes / BYTES_A_TOKEN;
	*estimated = s->started && !s->delta;
	if (*estimated && tokens > usage.output)
		usage.output = tokens;
	return usage;
}

/* SPDX-License-Identifier: MIT */
#include "dialect/origin.h"

#include "base/caps.h"
#include "base/str.h"
#include "dialect/tool_id.h"
#include "json/splice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MARK_MAX (sizeof ORIGIN_PREFIX + PROVIDER_NAME_MAX)

bool
origin_is_foreign(const char *text, struct span signature)
{
	return signature.len == 0 || span_begins(text, signature, ORIGIN_PREFIX);
}

const char *
origin_own(const char *signature, const char *provider)
{
	size_t n = strlen(provider), prefix = strlen(ORIGIN_PREFIX);
	if (!str_starts_with(signature, ORIGIN_PREFIX) ||
	    !str_starts_with(signature + prefix, provider) || signature[prefix + n] != '.')
		return NULL;
	return signature + prefix + n + 1;
}

static const char *
mark_of(const char *provider, char mark[static MARK_MAX])
{
	snprintf(mark, MARK_MAX, "%s%.*s.", ORIGIN_PREFIX, PROVIDER_NAME_MAX - 1, provider);
	return mark;
}

/* --- One block, or the delta of one ------------------------------------------ */

/* What matters of it, and its place. */
struct marked_block {
	bool text;          /* type text … */
	bool blank;         /* … or text_delta, with nothing but white space */
	bool thinking;      /* type thinking or redacted_thinking */
	bool delta;         /* type signature_delta */
	bool server;        /* of a tool that the provider ran: always marked */
	bool has_id;        /* an id or tool_use_id … */
	struct span id;     /* … and its place */
	bool has_signature; /* a signature that is a string, or the data of redacted thinking … */
	struct span signature; /* … and its place */
	bool has_null;         /* a signature that is not a string … */
	struct span null;      /* … and its place */
	size_t last;           /* the end of its last member */
};

static void
read_type(struct scan *s, struct marked_block *b)
{
	struct span type;
	if (!scan_string(s, &type))
		return;
	b->text = span_is(s->text, type, "text");
	b->thinking =
	    span_is(s->text, type, "thinking") || span_is(s->text, type, "redacted_thinking");
	b->delta = span_is(s->text, type, "signature_delta");
	b->server = !span_is(s->text, type, "tool_use") && !span_is(s->text, type, "tool_result");
}

static void
read_signature(struct scan *s, struct marked_block *b)
{
	size_t at = scan_here(s);
	b->has_signature = scan_string(s, &b->signature);
	b->has_null = !b->has_signature;
	b->null = (struct span){at, s->at - at};
}

static struct marked_block
read_marked(struct scan *s)
{
	struct marked_block b = {.blank = true};
	struct span key, text;
	for (scan_object(s); scan_member(s, &key); b.last = s->at)
		if (span_is(s->text, key, "signature") || span_is(s->text, key, "data"))
			read_signature(s, &b);
		else if (span_is(s->text, key, "id") || span_is(s->text, key, "tool_use_id"))
			b.has_id |= scan_string(s, &b.id);
		else if (span_is(s->text, key, "text"))
			b.blank = scan_string(s, &text) && span_is_blank(s->text, text);
		else if (span_is(s->text, key, "type"))
			read_type(s, &b);
		else
			scan_skip(s);
	return b;
}

/* --- Changes to a block, from left to right ----------------------------------- */

struct edit {
	struct span where; /* what is cut; of length 0: nothing */
	char text[TOOL_ID_MARKED_MAX];
};

/* As many as one block can need: index, id, signature. */
struct edits {
	struct edit list[3];
	unsigned n;
};

static struct edit *
edit_at(struct edits *edits, struct span where)
{
	unsigned i = edits->n++;
	for (; i > 0 && edits->list[i - 1].where.at > where.at; i--)
		edits->list[i] = edits->list[i - 1];
	edits->list[i].where = where;
	return &edits->list[i];
}

static void
edit_id(struct edits *edits, const char *text, const struct marked_block *b, const char *provider)
{
	char marked[TOOL_ID_MARKED_MAX];
	bool must = b->has_id &&
		    (b->server || tool_id_is_odd(text, b->id) || tool_id_is_marked(text, b->id));
	if (!must || tool_id_mark(provider, text, b->id, marked) == 0)
		return;
	struct edit *edit = edit_at(edits, b->id);
	snprintf(edit->text, sizeof edit->text, "%s", marked);
}

static void
edit_signature(struct edits *edits, const struct marked_block *b, const char *provider)
{
	char mark[MARK_MAX];
	struct span before = {b->signature.at, 0};
	struct edit *edit = edit_at(edits, b->has_null ? b->null : before);
	const char *quote = b->has_null ? "\"" : "";
	snprintf(edit->text, sizeof edit->text, "%s%s%s", quote, mark_of(provider, mark), quote);
}

static void
apply(struct splice *splice, const struct edits *edits)
{
	for (unsigned i = 0; i < edits->n; i++) {
		const struct edit *edit = &edits->list[i];
		splice_insert(splice, edit->where.at, edit->text, strlen(edit->text));
		splice_cut(splice, edit->where.at, edit->where.at + edit->where.len);
	}
}

/* --- Streams ------------------------------------------------------------------- */

/* The data of a content_block_* event. */
struct block_event {
	int64_t index;
	struct span index_at;
	struct marked_block block; /* its content_block or delta */
};

static bool
read_block_event(const struct sse_event *event, struct block_event *out)
{
	struct scan s;
	struct span key;
	*out = (struct block_event){.index = -1};
	scan_init(&s, event->data, event->data_len);
	for (scan_object(&s); scan_member(&s, &key);)
		if (span_is(s.text, key, "index")) {
			out->index_at.at = scan_here(&s);
			scan_integer(&s, &out->index);
			out->index_at.len = s.at - out->index_at.at;
		} else if (span_is(s.text, key, "content_block") || span_is(s.text, key, "delta")) {
			out->block = read_marked(&s);
		} else {
			scan_skip(&s);
		}
	return scan_end(&s);
}

static bool
forward(const struct sse_event *event, struct buf *out)
{
	return buf_add(out, event->raw, event->raw_len);
}

/* Appends the event with its changes. */
static bool
put_edited(const struct sse_event *event, const struct edits *edits, struct buf *out)
{
	static const char *const names[] = {[SSE_BLOCK_START] = "content_block_start",
					    [SSE_BLOCK_DELTA] = "content_block_delta",
					    [SSE_BLOCK_STOP] = "content_block_stop"};
	struct splice splice = {.text = event->data, .out = out};
	if (edits->n == 0)
		return forward(event, out);
	if (!buf_printf(out, "event: %s\ndata: ", names[event->kind]))
		return false;
	size_t begin = out->len;
	apply(&splice, edits);
	if (!splice_end(&splice, event->data_len))
		return false;
	for (size_t i = begin; i < out->len; i++) /* white space between data lines */
		if (out->data[i] == '\n')
			out->data[i] = ' ';
	return buf_puts(out, "\n\n");
}

/* An event without an index means the only open block. */
static struct origin_block *
find_open(struct origin *origin, int64_t index)
{
	if (index == -1 && origin->n_open == 1)
		return origin->open;
	for (unsigned i = 0; i < origin->n_open; i++)
		if (origin->open[i].index == index)
			return &origin->open[i];
	return NULL;
}

/* NULL: too many are open, or this one is. */
static struct origin_block *
open_block(struct origin *origin, int64_t index)
{
	if (origin->n_open == ORIGIN_OPEN_MAX || find_open(origin, index) != NULL)
		return NULL;
	struct origin_block *b = &origin->open[origin->n_open++];
	*b = (struct origin_block){.index = index, .as = origin->next++};
	origin->moved |= b->as != index;
	return b;
}

static void
edit_index(struct edits *edits, const struct block_event *e, const struct origin_block *b)
{
	if (b->as == e->index || e->index_at.len == 0)
		return;
	struct edit *edit = edit_at(edits, e->index_at);
	snprintf(edit->text, sizeof edit->text, "%" PRId64, b->as);
}

static void
forget_held(struct origin *origin)
{
	origin->holding = false;
	buf_free(&origin->held);
}

void
origin_fini(struct origin *origin)
{
	forget_held(origin);
}

static bool
hold(struct origin *origin, const struct sse_event *event)
{
	if (!origin->holding)
		buf_init(&origin->held, SSE_EVENT_MAX);
	origin->holding = true;
	return forward(event, &origin->held);
}

/* Appends the held block, which is not blank after all. */
static bool
release(struct origin *origin, struct buf *out)
{
	struct origin_block *b = open_block(origin, origin->blank);
	struct sse sse;
	struct sse_event event;
	struct block_event e;
	bool done = true;
	size_t at = 0;
	sse_init(&sse);
	while (done && b != NULL &&
	       sse_next(&sse, origin->held.data + at, origin->held.len - at, &event) == SSE_EVENT) {
		struct edits edits = {.n = 0};
		at += event.raw_len;
		if (read_block_event(&event, &e))
			edit_index(&edits, &e, b);
		done = put_edited(&event, &edits, out);
	}
	sse_fini(&sse);
	forget_held(origin);
	return done;
}

static bool
block_start(struct origin *origin, const struct sse_event *event, struct buf *out)
{
	struct edits edits = {.n = 0};
	struct block_event e;
	if (!read_block_event(event, &e))
		return forward(event, out);
	if (e.block.text && e.block.blank) {
		forget_held(origin);
		origin->blank = e.index;
		return hold(origin, event);
	}
	struct origin_block *b = open_block(origin, e.index);
	if (b == NULL)
		return true;
	b->thinking = e.block.thinking;
	b->signature = e.block.has_signature && e.block.signature.len > 0;
	edit_index(&edits, &e, b);
	edit_id(&edits, event->data, &e.block, origin->provider);
	if (b->signature)
		edit_signature(&edits, &e.block, origin->provider);
	return put_edited(event, &edits, out);
}

/* Deltas of text and tools in blocks whose index is unchanged are forwarded unread: they are nearly
 * all of a stream. */
static bool
is_to_be_read(const struct origin *origin)
{
	bool read = origin->holding || origin->moved;
	for (unsigned i = 0; i < origin->n_open; i++)
		read |= origin->open[i].thinking;
	return read || origin->n_open == 0;
}

static bool
block_delta(struct origin *origin, const struct sse_event *event, struct buf *out)
{
	struct edits edits = {.n = 0};
	struct block_event e;
	if (!is_to_be_read(origin) || !read_block_event(event, &e))
		return forward(event, out);
	if (origin->holding && e.index == origin->blank) {
		if (e.block.blank && !e.block.delta)
			return hold(origin, event);
		if (!release(origin, out))
			return false;
	}
	struct origin_block *b = find_open(origin, e.index);
	if (b == NULL) /* of a block that has ended, or never started */
		return true;
	edit_index(&edits, &e, b);
	if (b->thinking && e.block.delta && (e.block.has_signature || e.block.has_null)) {
		b->signature = true;
		edit_signature(&edits, &e.block, origin->provider);
	}
	return put_edited(event, &edits, out);
}

/* PROTOCOLS.md 3, 7: Kimi sends no signature_delta; we send one just before the stop. */
static bool
add_signature(const struct origin *origin, const struct origin_block *b, struct buf *out)
{
	char mark[MARK_MAX];
	if (!b->thinking || b->signature)
		return true;
	return buf_printf(out,
			  "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
			  "\"index\":%" PRId64 ",\"delta\":{\"type\":\"signature_delta\","
			  "\"signature\":\"%s\"}}\n\n",
			  b->as, mark_of(origin->provider, mark));
}

static bool
block_stop(struct origin *origin, const struct sse_event *event, struct buf *out)
{
	struct edits edits = {.n = 0};
	struct block_event e;
	if (!read_block_event(event, &e))
		return forward(event, out);
	if (origin->holding && e.index == origin->blank) {
		forget_held(origin);
		return true;
	}
	struct origin_block *b = find_open(origin, e.index);
	if (b == NULL)
		return true;
	edit_index(&edits, &e, b);
	if (!add_signature(origin, b, out))
		return false;
	*b = origin->open[--origin->n_open];
	return put_edited(event, &edits, out);
}

bool
origin_mark_event(struct origin *origin, const struct sse_event *event, struct buf *out)
{
	switch (event->kind) {
	case SSE_BLOCK_START:
		return block_start(origin, event, out);
	case SSE_BLOCK_DELTA:
		return block_delta(origin, event, out);
	case SSE_BLOCK_STOP:
		return block_stop(origin, event, out);
	case SSE_MESSAGE_DELTA:
	case SSE_MESSAGE_STOP:
		forget_held(origin);
		return forward(event, out);
	default:
		return forward(event, out);
	}
}

/* --- JSON responses ---------------------------------------------------------------- */

/* Returns whether the block is kept. */
static bool
mark_block(struct scan *s, struct splice *splice, const char *provider)
{
	char mark[MARK_MAX], member[MARK_MAX + 32];
	struct edits edits = {.n = 0};
	struct marked_block b = read_marked(s);
	if (b.text && b.blank)
		return false;
	edit_id(&edits, s->text, &b, provider);
	if (b.thinking && (b.has_signature || b.has_null))
		edit_signature(&edits, &b, provider);
	apply(splice, &edits);
	if (b.thinking && !b.has_signature && !b.has_null) {
		int n = snprintf(member, sizeof member, ",\"signature\":\"%s\"",
				 mark_of(provider, mark));
		splice_insert(splice, b.last, member, (size_t)n);
	}
	return true;
}

static void
mark_content(struct scan *s, struct splice *splice, const char *provider)
{
	struct splice_list list = {0};
	for (scan_array(s); scan_element(s);) {
		size_t at = scan_here(s);
		splice_item(splice, &list, at);
		bool keep = mark_block(s, splice, provider);
		splice_item_end(splice, &list, at, s->at, keep);
	}
	splice_list_end(splice, &list);
}

bool
origin_mark_json(const char *provider, int64_t input_tokens, const char *json, size_t n,
		 struct buf *out)
{
	(void)input_tokens; /* they report them */
	struct scan s;
	struct span key;
	struct splice splice = {.text = json, .out = out};
	struct splice_mark begin = splice_here(&splice);
	scan_init(&s, json, n);
	for (scan_object(&s); scan_member(&s, &key);)
		if (span_is(json, key, "content"))
			mark_content(&s, &splice, provider);
		else
			scan_skip(&s);
	if (!scan_end(&s))
		splice_back(&splice, begin);
	return splice_end(&splice, n);
}

#include "mark.h"

#include "splice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MARK_MAX (sizeof MARK_PREFIX + PROVIDER_NAME_MAX)

bool
mark_foreign(const char *text, struct span signature)
{
	return signature.len == 0 || span_begins(text, signature, MARK_PREFIX);
}

const char *
mark_own(const char *signature, const char *provider)
{
	size_t n = strlen(provider), prefix = strlen(MARK_PREFIX);
	if (strncmp(signature, MARK_PREFIX, prefix) != 0 ||
	    strncmp(signature + prefix, provider, n) != 0 || signature[prefix + n] != '.')
		return NULL;
	return signature + prefix + n + 1;
}

static const char *
mark_of(const char *provider, char mark[static MARK_MAX])
{
	snprintf(mark, MARK_MAX, "%s%.*s.", MARK_PREFIX, PROVIDER_NAME_MAX - 1, provider);
	return mark;
}

/* --- One block, or the delta of one ------------------------------------------ */

/* Where its signature stands. */
struct signed_block {
	bool thinking;         /* type thinking or redacted_thinking */
	bool delta;            /* type signature_delta */
	bool has_signature;    /* a signature, or the data of redacted thinking … */
	struct span signature; /* … and its place */
	size_t last;           /* the end of its last member */
};

static struct signed_block
read_signed(struct scan *s)
{
	struct signed_block b = {0};
	struct span key, type;
	for (scan_object(s); scan_member(s, &key); b.last = s->at)
		if (span_is(s->text, key, "signature") || span_is(s->text, key, "data")) {
			b.has_signature = scan_string(s, &b.signature);
		} else if (!span_is(s->text, key, "type")) {
			scan_skip(s);
		} else if (scan_string(s, &type)) {
			b.thinking = span_is(s->text, type, "thinking") ||
				     span_is(s->text, type, "redacted_thinking");
			b.delta = span_is(s->text, type, "signature_delta");
		}
	return b;
}

/* --- Streams ------------------------------------------------------------------- */

/* The data of a content_block_* event. */
struct block_event {
	int64_t index;
	struct signed_block block; /* its content_block or delta */
};

static bool
read_block_event(const struct sse_event *event, struct block_event *out)
{
	struct scan s;
	struct span key;
	*out = (struct block_event){.index = -1};
	scan_init(&s, event->data, event->data_len);
	for (scan_object(&s); scan_member(&s, &key);)
		if (span_is(s.text, key, "index"))
			scan_integer(&s, &out->index);
		else if (span_is(s.text, key, "content_block") || span_is(s.text, key, "delta"))
			out->block = read_signed(&s);
		else
			scan_skip(&s);
	return scan_end(&s);
}

static bool
pass(const struct sse_event *event, struct buf *out)
{
	return buf_add(out, event->raw, event->raw_len);
}

/* The event again, with the mark put in before the signature. */
static bool
put_marked(const char *name, const char *provider, const struct sse_event *event, size_t at,
	   struct buf *out)
{
	char mark[MARK_MAX];
	if (!buf_printf(out, "event: %s\ndata: ", name))
		return false;
	size_t begin = out->len;
	if (!buf_add(out, event->data, at) || !buf_puts(out, mark_of(provider, mark)) ||
	    !buf_add(out, event->data + at, event->data_len - at))
		return false;
	for (size_t i = begin; i < out->len; i++) /* white space between data lines */
		if (out->data[i] == '\n')
			out->data[i] = ' ';
	return buf_puts(out, "\n\n");
}

static bool
block_start(struct relabel *relabel, const struct sse_event *event, struct buf *out)
{
	struct block_event e;
	relabel->thinking = false;
	if (!read_block_event(event, &e) || !e.block.thinking)
		return pass(event, out);
	relabel->thinking = true;
	relabel->index = e.index;
	relabel->signature = e.block.has_signature && e.block.signature.len > 0;
	if (!relabel->signature)
		return pass(event, out);
	return put_marked("content_block_start", relabel->provider, event, e.block.signature.at,
			  out);
}

static bool
block_delta(struct relabel *relabel, const struct sse_event *event, struct buf *out)
{
	struct block_event e;
	/* Deltas of anything else pass unread: they are nearly all of a stream. */
	if (!relabel->thinking || !read_block_event(event, &e) || !e.block.delta ||
	    !e.block.has_signature)
		return pass(event, out);
	relabel->signature = true;
	return put_marked("content_block_delta", relabel->provider, event, e.block.signature.at,
			  out);
}

/* PROTOCOLS.md 3, 7: Kimi sends no signature_delta; it goes just before the stop. */
static bool
block_stop(struct relabel *relabel, const struct sse_event *event, struct buf *out)
{
	char mark[MARK_MAX];
	bool unsigned_thinking = relabel->thinking && !relabel->signature;
	relabel->thinking = false;
	if (unsigned_thinking &&
	    !buf_printf(out,
			"event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
			"\"index\":%" PRId64 ",\"delta\":{\"type\":\"signature_delta\","
			"\"signature\":\"%s\"}}\n\n",
			relabel->index, mark_of(relabel->provider, mark)))
		return false;
	return pass(event, out);
}

bool
mark_event(struct relabel *relabel, const struct sse_event *event, struct buf *out)
{
	switch (event->kind) {
	case SSE_BLOCK_START:
		return block_start(relabel, event, out);
	case SSE_BLOCK_DELTA:
		return block_delta(relabel, event, out);
	case SSE_BLOCK_STOP:
		return block_stop(relabel, event, out);
	default:
		return pass(event, out);
	}
}

/* --- JSON answers ---------------------------------------------------------------- */

static void
mark_block(struct scan *s, struct splice *splice, const char *mark)
{
	char member[MARK_MAX + 32];
	struct signed_block b = read_signed(s);
	if (!b.thinking)
		return;
	if (b.has_signature) {
		splice_insert(splice, b.signature.at, mark, strlen(mark));
		return;
	}
	int n = snprintf(member, sizeof member, ",\"signature\":\"%s\"", mark);
	splice_insert(splice, b.last, member, (size_t)n);
}

bool
mark_answer(const char *provider, const char *json, size_t n, struct buf *out)
{
	char mark[MARK_MAX];
	struct scan s;
	struct span key;
	struct splice splice = {.text = json, .out = out};
	struct splice_mark begin = splice_here(&splice);
	mark_of(provider, mark);
	scan_init(&s, json, n);
	for (scan_object(&s); scan_member(&s, &key);)
		if (span_is(json, key, "content"))
			for (scan_array(&s); scan_element(&s);)
				mark_block(&s, &splice, mark);
		else
			scan_skip(&s);
	if (!scan_end(&s))
		splice_back(&splice, begin);
	return splice_end(&splice, n);
}

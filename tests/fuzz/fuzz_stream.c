/* SPDX-License-Identifier: MIT */
/* sse.c, stream.c, dialect/origin.c: a provider's stream. However it is split, its events
 * are the same, and together they are what came; what is marked, or added for a
 * provider that died, is a stream again whose data is JSON where it was. */
#include "fuzz.h"

#include "base/caps.h"
#include "dialect/dialect.h"
#include "dialect/origin.h"
#include "dialect/sse.h"
#include "dialect/stream.h"
#include "json/scan.h"

static bool
is_json(const char *text, size_t n)
{
	struct scan s;
	scan_init(&s, text, n);
	scan_skip(&s);
	return scan_end(&s);
}

/* Reads all events of bytes that come in pieces: raw into *raw, as a client
 * would see them of a marked provider into *marked. */
static void
read_stream(const uint8_t *bytes, size_t n, size_t piece, struct stream *stream, struct buf *raw,
	    struct buf *marked)
{
	struct origin origin = {.provider = "deepseek"};
	struct sse sse;
	struct sse_event event;
	size_t begun = 0;
	sse_init(&sse);
	stream_init(stream);
	for (size_t have = piece < n ? piece : n;; have += piece < n - have ? piece : n - have) {
		char *text = fuzz_copy(bytes + begun, have - begun);
		size_t at = 0;
		while (sse_next(&sse, text + at, have - begun - at, &event) == SSE_EVENT) {
			MUST(event.raw == text + at && event.raw_len > 0);
			at += event.raw_len;
			stream_note(stream, &event);
			MUST(buf_add(raw, event.raw, event.raw_len));
			MUST(dialect_deepseek.decode_event(&origin, &event, marked));
		}
		begun += at;
		free(text);
		if (have == n)
			break;
	}
	MUST(raw->len == begun && (begun == 0 || memcmp(raw->data, bytes, begun) == 0));
	origin_fini(&origin);
	sse_fini(&sse);
}

/* All that stands in a stream of our own is JSON and needs no mark any more. */
static void
check_own(const struct buf *bytes, bool json)
{
	struct sse sse;
	struct sse_event event;
	size_t at = 0;
	sse_init(&sse);
	while (sse_next(&sse, buf_text(bytes) + at, bytes->len - at, &event) == SSE_EVENT) {
		at += event.raw_len;
		MUST(!json || event.data_len == 0 || is_json(event.data, event.data_len));
	}
	/* Whether a line feed follows a last carriage return cannot be known. */
	MUST(at == bytes->len || bytes->data[bytes->len - 1] == '\r');
	sse_fini(&sse);
}

/* Whether all data of the stream is JSON. */
static bool
holds_json(const struct buf *raw)
{
	struct sse sse;
	struct sse_event event;
	size_t at = 0;
	bool json = true;
	sse_init(&sse);
	while (sse_next(&sse, buf_text(raw) + at, raw->len - at, &event) == SSE_EVENT) {
		at += event.raw_len;
		json = json && (event.data_len == 0 || is_json(event.data, event.data_len));
	}
	sse_fini(&sse);
	return json;
}

static bool
is_same(const struct stream *a, const struct stream *b)
{
	return a->started == b->started && a->content == b->content && a->delta == b->delta &&
	       a->complete == b->complete && a->failed == b->failed && a->n_open == b->n_open &&
	       memcmp(a->open, b->open, a->n_open * sizeof *a->open) == 0 &&
	       a->beyond_thinking == b->beyond_thinking && a->tool_done == b->tool_done &&
	       memcmp(&a->usage, &b->usage, sizeof a->usage) == 0;
}

static void
close_in_all_ways(const struct stream *stream)
{
	for (int i = 0; i < 4; i++) {
		struct buf last;
		buf_init(&last, 1 << 20);
		enum mend mend = stream_mend(stream, i & 1, i & 2);
		MUST(stream_close(stream, mend, NULL, 0, &last));
		check_own(&last, true);
		buf_free(&last);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct stream whole, split;
	struct buf raw[2], marked[2];
	size_t piece = n == 0 ? 1 : 1 + data[0] % 7;
	if (n < 1 || n > 16384)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		buf_init(&raw[i], n + 1);
		buf_init(&marked[i], 64 * n + 4096);
	}
	read_stream(data, n, n, &whole, &raw[0], &marked[0]);
	read_stream(data, n, piece, &split, &raw[1], &marked[1]);
	MUST(raw[0].len == raw[1].len);
	MUST(marked[0].len == marked[1].len &&
	     (marked[0].len == 0 || memcmp(marked[0].data, marked[1].data, marked[0].len) == 0));
	MUST(is_same(&whole, &split));
	if (marked[0].len > 0)
		check_own(&marked[0], holds_json(&raw[0]));
	close_in_all_ways(&whole);
	for (size_t i = 0; i < 2; i++) {
		buf_free(&raw[i]);
		buf_free(&marked[i]);
	}
	return 0;
}

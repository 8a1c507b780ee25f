/* SPDX-License-Identifier: MIT */
#include "dialect/sse.h"

#include "base/caps.h"
#include "base/count.h"
#include "json/scan.h"

#include <string.h>

static const char byte_order_mark[] = "\xef\xbb\xbf";
#define BOM_LEN (sizeof byte_order_mark - 1)

/* PROTOCOLS.md 1, SSE. */
static const struct {
	const char *name;
	enum sse_kind kind;
} kinds[] = {
    {"content_block_delta", SSE_BLOCK_DELTA}, /* the most frequent first */
    {"content_block_start", SSE_BLOCK_START},
    {"content_block_stop", SSE_BLOCK_STOP},
    {"ping", SSE_PING},
    {"message_start", SSE_MESSAGE_START},
    {"message_delta", SSE_MESSAGE_DELTA},
    {"message_stop", SSE_MESSAGE_STOP},
    {"error", SSE_ERROR},
};

void
sse_init(struct sse *s)
{
	*s = (struct sse){0};
	buf_init(&s->data, SSE_EVENT_MAX);
}

void
sse_fini(struct sse *s)
{
	buf_free(&s->data);
}

static enum sse_kind
kind_of(const char *name, size_t n)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strlen(kinds[i].name) == n && memcmp(kinds[i].name, name, n) == 0)
			return kinds[i].kind;
	return SSE_OTHER;
}

/* The same for a JSON string, whose escapes count as what they mean. */
static enum sse_kind
kind_of_span(const char *data, struct span type)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (span_is(data, type, kinds[i].name))
			return kinds[i].kind;
	return SSE_OTHER;
}

/* The "type" in the data of an event without a name. */
static enum sse_kind
kind_of_data(const char *data, size_t n)
{
	struct scan s;
	struct span key, type;
	enum sse_kind kind = SSE_OTHER;
	scan_init(&s, data, n);
	for (scan_object(&s); scan_member(&s, &key);)
		if (!span_is(data, key, "type"))
			scan_skip(&s);
		else
			kind = scan_string(&s, &type) ? kind_of_span(data, type) : SSE_OTHER;
	return scan_end(&s) ? kind : SSE_OTHER;
}

/* The end of the line that holds byte at: the offset of its CR or LF; n: none yet. */
static size_t
line_end(const char *bytes, size_t at, size_t n)
{
	enum { STEP = 256 }; /* or each of many lines that end with CR would look for an LF afar */
	for (size_t part; at < n; at += part) {
		part = n - at < STEP ? n - at : STEP;
		const char *lf = memchr(bytes + at, '\n', part);
		const char *cr =
		    memchr(bytes + at, '\r', lf == NULL ? part : (size_t)(lf - bytes) - at);
		if (cr != NULL || lf != NULL)
			return (size_t)((cr != NULL ? cr : lf) - bytes);
	}
	return n;
}

/* The bytes of the line's end at: 1 or 2; 0 when a CR may be half of one. */
static size_t
eol_len(const char *bytes, size_t at, size_t n)
{
	if (bytes[at] == '\n')
		return 1;
	if (at + 1 == n)
		return 0;
	return bytes[at + 1] == '\n' ? 2 : 1;
}

static bool
begins_line(const struct sse *s, const char *bytes, size_t at)
{
	if (at == 0 || bytes[at - 1] == '\n' || bytes[at - 1] == '\r')
		return true;
	return !s->begun && at == BOM_LEN && memcmp(bytes, byte_order_mark, BOM_LEN) == 0;
}

/* Finds the blank line; returns the event's length, 0 when it is not there yet. */
static size_t
find_end(struct sse *s, const char *bytes, size_t n)
{
	while (s->scanned < n) {
		size_t end = line_end(bytes, s->scanned, n);
		size_t eol = end == n ? 0 : eol_len(bytes, end, n);
		bool blank = end < n && begins_line(s, bytes, end);
		s->scanned = end + eol;
		if (eol == 0)
			return 0;
		if (blank)
			return s->scanned;
	}
	return 0;
}

/* The fields of an event that we read. */
struct fields {
	struct span event;
	struct span data;
	size_t n_data;
	bool joined; /* the data lines are joined in s->data */
};

static bool
add_data(struct sse *s, struct fields *f, const char *raw, struct span value)
{
	if (f->n_data++ == 0) {
		f->data = value;
		return true;
	}
	if (!f->joined) {
		buf_clear(&s->data);
		f->joined = true;
		if (!buf_add(&s->data, raw + f->data.at, f->data.len))
			return false;
	}
	return buf_add(&s->data, "\n", 1) && buf_add(&s->data, raw + value.at, value.len);
}

/* One line: "field: value"; one blank after the colon is not part of the value. */
static bool
read_line(struct sse *s, struct fields *f, const char *raw, struct span line)
{
	const char *colon = memchr(raw + line.at, ':', line.len);
	size_t name = colon == NULL ? line.len : (size_t)(colon - raw) - line.at;
	struct span field = {line.at, name}, value = {line.at + name, line.len - name};
	if (colon != NULL) {
		size_t skip = value.len > 1 && colon[1] == ' ' ? 2 : 1;
		value = (struct span){value.at + skip, value.len - skip};
	}
	if (field.len == 5 && memcmp(raw + field.at, "event", 5) == 0)
		f->event = value;
	else if (field.len == 4 && memcmp(raw + field.at, "data", 4) == 0)
		return add_data(s, f, raw, value);
	return true;
}

static bool
read_lines(struct sse *s, struct fields *f, const char *raw, size_t n)
{
	size_t at = 0;
	if (!s->begun && n >= BOM_LEN && memcmp(raw, byte_order_mark, BOM_LEN) == 0)
		at = BOM_LEN;
	while (at < n) {
		size_t end = line_end(raw, at, n);
		if (!read_line(s, f, raw, (struct span){at, end - at}))
			return false;
		at = end + (raw[end] == '\r' && end + 1 < n && raw[end + 1] == '\n' ? 2 : 1);
	}
	return true;
}

enum sse_result
sse_next(struct sse *s, const char *bytes, size_t n, struct sse_event *event)
{
	struct fields f = {0};
	size_t len = n == 0 ? 0 : find_end(s, bytes, n);
	if (len > SSE_EVENT_MAX || (len == 0 && n > SSE_EVENT_MAX))
		return SSE_TOO_BIG;
	if (len == 0)
		return SSE_MORE;
	if (!read_lines(s, &f, bytes, len))
		return SSE_TOO_BIG;
	*event = (struct sse_event){.raw = bytes, .raw_len = len, .data = ""};
	if (f.n_data > 0) {
		event->data = f.joined ? s->data.data : bytes + f.data.at;
		event->data_len = f.joined ? s->data.len : f.data.len;
	}
	event->kind = f.event.len > 0 ? kind_of(bytes + f.event.at, f.event.len)
		      : s->named_only ? SSE_OTHER
				      : kind_of_data(event->data, event->data_len);
	s->scanned = 0;
	s->begun = true;
	return SSE_EVENT;
}

/* SPDX-License-Identifier: MIT */
/* sse: events out of bytes, however these are split. */

#include "dialect/sse.h"

#include "base/caps.h"
#include "material.h"

static const char *const kind_names[] = {"other",         "ping",         "message_start",
					 "block_start",   "block_delta",  "block_stop",
					 "message_delta", "message_stop", "error"};

static const struct {
	int line;
	const char *name, *bytes;
	const char *events; /* "kind:data|…", unread bytes behind the last | as +n */
} rows[] = {
    {__LINE__, "one event", "event: ping\ndata: {}\n\n", "ping:{}|"},
    {__LINE__, "by data.type", "data: {\"type\":\"message_stop\"}\n\n",
     "message_stop:{\"type\":\"message_stop\"}|"},
    {__LINE__, "the event's name goes before data.type",
     "event: error\ndata: {\"type\":\"ping\"}\n\n", "error:{\"type\":\"ping\"}|"},
    {__LINE__, "type only within", "data: {\"x\":{\"type\":\"error\"}}\n\n",
     "other:{\"x\":{\"type\":\"error\"}}|"},
    {__LINE__, "data.type with an escape", "data: {\"\\u0074ype\":\"message\\u005fstop\"}\n\n",
     "message_stop:{\"\\u0074ype\":\"message\\u005fstop\"}|"},
    {__LINE__, "data.type with a NUL behind it", "data: {\"type\":\"ping\\u0000\"}\n\n",
     "other:{\"type\":\"ping\\u0000\"}|"},
    {__LINE__, "of two types the last, which is none", "data: {\"type\":\"ping\",\"type\":7}\n\n",
     "other:{\"type\":\"ping\",\"type\":7}|"},
    {__LINE__, "CRLF", "event: ping\r\ndata: 1\r\n\r\nevent: error\r\n\r\n", "ping:1|error:|"},
    {__LINE__, "CR", "event: ping\rdata: 1\r\rdata: 2\n\n", "ping:1|other:2|"},
    {__LINE__, "CR at the end waits", "event: ping\r\r", "+13"},
    {__LINE__, "mixed ends", "event: ping\ndata: 1\r\n\nx", "ping:1|+1"},
    {__LINE__, "comment", ": keep-alive\n\n", "other:|"},
    {__LINE__, "comment in an event", ": x\nevent: ping\n: y\ndata: 1\n\n", "ping:1|"},
    {__LINE__, "blank lines alone", "\n\nevent: ping\n\n", "other:|other:|ping:|"},
    {__LINE__, "two data lines", "data: {\"type\":\ndata: \"ping\"}\n\n",
     "ping:{\"type\":\n\"ping\"}|"},
    {__LINE__, "three data lines, one empty", "data: a\ndata\ndata: c\n\n", "other:a\n\nc|"},
    {__LINE__, "no blank after the colon", "event:ping\ndata:1\n\n", "ping:1|"},
    {__LINE__, "one blank belongs to the colon", "data:  1\n\n", "other: 1|"},
    {__LINE__, "unknown fields", "id: 7\nretry: 5\ndatax: no\nevent: ping\n\n", "ping:|"},
    {__LINE__, "unknown event", "event: brandnew\ndata: {\"type\":\"ping\"}\n\n",
     "other:{\"type\":\"ping\"}|"},
    {__LINE__, "byte order mark",
     "\xef\xbb\xbf"
     "event: ping\n\n",
     "ping:|"},
    {__LINE__, "byte order mark and a blank line", "\xef\xbb\xbf\nevent: ping\n\n",
     "other:|ping:|"},
    {__LINE__, "byte order mark later is none",
     "\n\xef\xbb\xbf"
     "event: ping\n\n",
     "other:|other:|"},
    {__LINE__, "backslash in a name", "event: ping\\\ndata: 1\n\n", "other:1|"},
    {__LINE__, "unfinished", "event: ping\ndata: 1\n", "+20"},
    {__LINE__, "done", "data: [DONE]\n\n", "other:[DONE]|"},
};

static void
note(struct buf *seen, const struct sse_event *e)
{
	if (!buf_printf(seen, "%s:", kind_names[e->kind]) || !buf_add(seen, e->data, e->data_len) ||
	    !buf_puts(seen, "|"))
		abort();
}

/* Reads bytes that arrive in two pieces, or one by one (split == SIZE_MAX); all
 * raw parts together must be the bytes again. */
static void
read_split(const char *bytes, size_t n, size_t split, struct buf *seen)
{
	struct sse s;
	size_t have = 0, at = 0;
	sse_init(&s);
	while (have < n) {
		have = split == SIZE_MAX ? have + 1 : have < split ? split : n;
		char *exact = material_exact(bytes + at, have - at);
		size_t used = 0;
		struct sse_event e;
		while (sse_next(&s, exact + used, have - at - used, &e) == SSE_EVENT) {
			if (e.raw != exact + used)
				abort();
			note(seen, &e);
			used += e.raw_len;
		}
		free(exact);
		at += used;
	}
	if (at < n && !buf_printf(seen, "+%zu", n - at))
		abort();
	sse_fini(&s);
}

static void
check_rows(void)
{
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		size_t n = strlen(rows[i].bytes), wrong = 0;
		struct buf whole, split;
		buf_init(&whole, 1 << 20);
		buf_init(&split, 1 << 20);
		read_split(rows[i].bytes, n, 0, &whole);
		TAP_STR_AT(rows[i].line, rows[i].name, buf_text(&whole), rows[i].events);
		for (size_t at = 1; at <= n; at++) {
			buf_clear(&split);
			read_split(rows[i].bytes, n, at == n ? SIZE_MAX : at, &split);
			wrong += strcmp(buf_text(&split), buf_text(&whole)) != 0;
		}
		char name[200];
		snprintf(name, sizeof name, "%s, split anywhere", rows[i].name);
		TAP_INT_AT(rows[i].line, name, wrong, 0);
		buf_free(&whole);
		buf_free(&split);
	}
}

/* Two megabytes in one event, one byte at a time: quadratic work would need hours. */
static void
check_linear(void)
{
	size_t n = 2 << 20;
	char *bytes = malloc(n);
	struct sse s;
	struct sse_event e;
	memset(bytes, 'x', n);
	memcpy(bytes, "data:", 5);
	memcpy(bytes + n - 2, "\n\n", 2);
	sse_init(&s);
	enum sse_result result = SSE_MORE;
	for (size_t have = 1; have <= n && result == SSE_MORE; have++)
		result = sse_next(&s, bytes, have, &e);
	TAP_INT("large event, byte by byte", result, SSE_EVENT);
	TAP_INT("its data", e.data_len, n - 7);
	sse_fini(&s);
	free(bytes);
}

/* A line of any length that ends with CR, before one that ends with LF. */
static void
check_long_lines(void)
{
	char bytes[1024];
	size_t wrong = 0;
	for (size_t n = 0; n < 800; n++) {
		struct sse s;
		struct sse_event e;
		int all = snprintf(bytes, sizeof bytes, "data:%0*d\rdata:1\n\nx", (int)n + 1, 0);
		sse_init(&s);
		wrong += sse_next(&s, bytes, (size_t)all, &e) != SSE_EVENT ||
			 e.raw_len != (size_t)all - 1 || e.data_len != n + 3 ||
			 memcmp(e.data + n, "0\n1", 3) != 0;
		sse_fini(&s);
	}
	TAP_INT("lines of any length, ended by CR", wrong, 0);
}

static void
check_too_big(void)
{
	size_t n = SSE_EVENT_MAX + 1;
	char *bytes = malloc(n);
	struct sse s;
	struct sse_event e;
	memset(bytes, 'x', n);
	sse_init(&s);
	TAP_INT("as large as allowed", sse_next(&s, bytes, n - 1, &e), SSE_MORE);
	TAP_INT("too big", sse_next(&s, bytes, n, &e), SSE_TOO_BIG);
	sse_fini(&s);
	free(bytes);
}

static void
check_damage(void)
{
	unsigned rounds = 0;
	for (time_t began = time(NULL); material_more(began, rounds); rounds++) {
		const char *bytes = rows[material_random(TAP_COUNT(rows))].bytes;
		char copy[512];
		size_t n = strlen(bytes);
		struct buf whole, split;
		memcpy(copy, bytes, n);
		n = material_damage(copy, n);
		buf_init(&whole, 1 << 20);
		buf_init(&split, 1 << 20);
		read_split(copy, n, 0, &whole);
		read_split(copy, n, SIZE_MAX, &split);
		if (whole.len != split.len ||
		    memcmp(buf_text(&whole), buf_text(&split), whole.len) != 0)
			TAP_STR("damaged, split", buf_text(&split), buf_text(&whole));
		buf_free(&whole);
		buf_free(&split);
	}
	TAP_OK("damage", rounds > 0);
}

int
main(int argc, char **argv)
{
	tap_start("sse", argc, argv);
	check_rows();
	check_linear();
	check_long_lines();
	check_too_big();
	check_damage();
	return tap_finish();
}

/* SPDX-License-Identifier: MIT */
/* scan.c, tree.c and json/end.c: what is JSON. What scan takes, json-c takes too, and
 * says the same of it; a tree that is written is JSON again, and stays as it is; where
 * scan sees an object's end, json_end does. utf8.c: its runs are characters. */
#include "fuzz.h"

#include "../unit/portable.h"
#include "base/utf8.h"
#include "json/end.h"
#include "json/scan.h"
#include "json/tree.h"

/* By vectors and by words, runs and strings end at the same byte, from wherever they begin. */
static void
check_plain(const char *text, size_t n)
{
	char *to = malloc(n == 0 ? 1 : n), *other = malloc(n == 0 ? 1 : n);
	MUST(to != NULL && other != NULL);
	for (size_t at = 0; at < n; at += 1 + at / 8) {
		size_t copied = plain_copy(to, text + at, n - at);
		MUST(copied == portable_copy(other, text + at, n - at));
		MUST(memcmp(to, text + at, copied) == 0 && memcmp(other, to, copied) == 0);
		MUST(at + copied == n || !is_plain(text[at + copied]));
		size_t skipped = plain_skip(text + at, n - at);
		MUST(skipped >= copied && skipped <= n - at);
		MUST(at + skipped == n || !is_plain(text[at + skipped]));
	}
	free(to);
	free(other);
}

static bool
is_json(const char *text, size_t n)
{
	struct scan s;
	scan_init(&s, text, n);
	scan_skip(&s);
	return scan_end(&s);
}

/* Every string can be decoded, into what it needs and into less. */
static void
read_strings(struct scan *s)
{
	struct span span;
	char small[5];
	switch (scan_peek(s)) {
	case SCAN_OBJECT:
		for (scan_object(s); scan_member(s, &span);)
			read_strings(s);
		break;
	case SCAN_ARRAY:
		for (scan_array(s); scan_element(s);)
			read_strings(s);
		break;
	case SCAN_STRING:
		if (scan_string(s, &span)) {
			char *out = malloc(span.len + 1);
			MUST(out != NULL);
			MUST(span_decode(s->text, span, out) <= span.len);
			free(out);
			MUST(!span_unescape(s->text, span, small, sizeof small) ||
			     memchr(small, '\0', sizeof small) != NULL);
		}
		break;
	default:
		scan_skip(s);
	}
}

/* An object that scan takes has its end at the end, in whatever pieces it came; and
 * an end is told once at most. */
static void
check_end(const char *text, size_t n, bool valid)
{
	struct json_end end = {0};
	struct scan s;
	unsigned told = 0;
	scan_init(&s, text, n);
	bool object = scan_peek(&s) == SCAN_OBJECT;
	for (size_t at = 0; at < n; at += 1 + at / 8)
		told += json_end_reached(&end, text, at);
	told += json_end_reached(&end, text, n);
	MUST(told <= 1 && end.at <= n);
	MUST(!valid || told == object);
}

static void
check_utf8(const char *text, size_t n)
{
	size_t end = utf8_valid(text, n), at = 0;
	while (at < end) {
		bool ascii = (unsigned char)text[at] < 0x80;
		size_t length = ascii ? 1 : utf8_sequence(text + at, n - at);
		MUST(length > 0 && length <= end - at);
		at += length;
	}
	MUST(end == n ||
	     ((unsigned char)text[end] >= 0x80 && utf8_sequence(text + end, n - end) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_copy(data, n);
	bool valid = is_json(text, n);
	struct scan s;
	scan_init(&s, text, n);
	read_strings(&s);
	MUST(scan_end(&s) == valid);
	check_end(text, n, valid);
	check_utf8(text, n);
	check_plain(text, n);
	json_object *tree = tree_read(text, n);
	MUST(tree == NULL || valid);
	if (valid) {
		json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
		json_object *other = json_tokener_parse_ex(tokener, text, (int)n);
		enum json_tokener_error error = json_tokener_get_error(tokener);
		MUST(error == json_tokener_success || error == json_tokener_continue);
		json_object_put(other);
		json_tokener_free(tokener);
	}
	if (tree != NULL) {
		struct buf first, second;
		buf_init(&first, 16 * n + 4096);
		buf_init(&second, 16 * n + 4096);
		MUST(tree_write(tree, &first) && is_json(first.data, first.len));
		json_object *again = tree_read(first.data, first.len);
		MUST(again != NULL && tree_write(again, &second));
		MUST(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
		json_object_put(again);
		buf_free(&first);
		buf_free(&second);
	}
	json_object_put(tree);
	free(text);
	return 0;
}

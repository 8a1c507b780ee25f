/* SPDX-License-Identifier: MIT */
#include "json/tree.h"

#include "base/count.h"
#include "json/plain.h"
#include "json/scan.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A NUL within a string: bytes that UTF-8 never has (tree.h). */
#define NUL_FIRST '\xc0'
#define NUL_LAST  '\x80'

struct reader {
	struct scan s;
	struct buf decoded; /* the last string */
	bool failed;        /* out of memory */
};

static json_object *read_value(struct reader *r);

/* Writes each NUL as the two bytes of "modified UTF-8", from the end; there is room, since
 * "\\u0000" took six. Returns the new length. */
static size_t
encode_nuls(char *text, size_t n)
{
	size_t nuls = 0;
	if (memchr(text, '\0', n) == NULL)
		return n;
	for (size_t i = 0; i < n; i++)
		nuls += text[i] == '\0';
	for (size_t from = n, to = n + nuls; from < to;) {
		char c = text[--from];
		text[--to] = c == '\0' ? NUL_LAST : c;
		if (c == '\0')
			text[--to] = NUL_FIRST;
	}
	return n + nuls;
}

/* The decoded text of a span, with a NUL, until the next one; NULL: out of memory. */
static const char *
decode(struct reader *r, struct span span, size_t *n)
{
	buf_clear(&r->decoded);
	r->failed |= !buf_reserve(&r->decoded, span.len + 2);
	if (r->failed)
		return NULL;
	char *text = r->decoded.data;
	*n = encode_nuls(text, span_decode(r->s.text, span, text));
	text[*n] = '\0';
	return text;
}

static json_object *
read_string(struct reader *r)
{
	struct span span;
	size_t n;
	if (!scan_string(&r->s, &span))
		return NULL;
	const char *text = r->s.text + span.at;
	if (memchr(text, '\\', span.len) == NULL)
		return json_object_new_string_len(text, (int)span.len);
	text = decode(r, span, &n);
	return text == NULL ? NULL : json_object_new_string_len(text, (int)n);
}

/* As int64 when that is written the same, else as a double that keeps its text. */
static json_object *
read_number(struct reader *r)
{
	size_t at = scan_here(&r->s);
	int64_t value;
	char digits[24];
	if (!scan_integer(&r->s, &value))
		return NULL;
	size_t n = r->s.at - at;
	int wide = snprintf(digits, sizeof digits, "%lld", (long long)value);
	if ((size_t)wide == n && memcmp(digits, r->s.text + at, n) == 0)
		return json_object_new_int64(value);
	/* Not strndup(): the text does not end with a NUL. */
	char *text = calloc(n + 1, 1);
	if (text == NULL)
		return NULL;
	memcpy(text, r->s.text + at, n);
	json_object *number = json_object_new_double_s(strtod(text, NULL), text);
	free(text);
	return number;
}

static json_object *
read_bool(struct reader *r)
{
	bool value = false;
	return scan_bool(&r->s, &value) ? json_object_new_boolean(value) : NULL;
}

/* The names of nearly all members of a conversation, which need no copies. */
#define NAME(name)                                                                                 \
	{                                                                                          \
		name, sizeof name - 1                                                              \
	}
static const struct {
	const char *text;
	size_t len;
} usual_names[] = {
    NAME("type"), NAME("text"),  NAME("content"),     NAME("role"),     NAME("id"),
    NAME("name"), NAME("input"), NAME("tool_use_id"), NAME("thinking"), NAME("signature"),
};

/* One of those; NULL: it is none. */
static const char *
usual_name(const struct reader *r, struct span key)
{
	for (size_t i = 0; i < COUNT(usual_names); i++)
		if (key.len == usual_names[i].len &&
		    memcmp(r->s.text + key.at, usual_names[i].text, key.len) == 0)
			return usual_names[i].text;
	return NULL;
}

static bool
add_member(struct reader *r, json_object *object, struct span key, json_object *value)
{
	size_t n;
	const char *name = usual_name(r, key);
	if (name != NULL)
		return json_object_object_add_ex(object, name, value,
						 JSON_C_OBJECT_ADD_CONSTANT_KEY) == 0;
	name = decode(r, key, &n);
	return name != NULL && json_object_object_add(object, name, value) == 0;
}

static json_object *
read_object(struct reader *r)
{
	json_object *object = json_object_new_object();
	struct span key;
	r->failed |= object == NULL;
	for (scan_object(&r->s); scan_member(&r->s, &key);) {
		json_object *value = read_value(r);
		if (r->failed || !add_member(r, object, key, value)) {
			json_object_put(value);
			r->failed = true;
		}
	}
	return object;
}

static json_object *
read_array(struct reader *r)
{
	json_object *array = json_object_new_array();
	r->failed |= array == NULL;
	for (scan_array(&r->s); scan_element(&r->s);) {
		json_object *value = read_value(r);
		if (r->failed || json_object_array_add(array, value) != 0) {
			json_object_put(value);
			r->failed = true;
		}
	}
	return array;
}

/* Recursion is bounded by scan: JSON_DEPTH_MAX. */
static json_object *
read_value(struct reader *r)
{
	static json_object *(*const readers[])(struct reader * r) = {
	    [SCAN_OBJECT] = read_object, [SCAN_ARRAY] = read_array, [SCAN_STRING] = read_string,
	    [SCAN_NUMBER] = read_number, [SCAN_BOOL] = read_bool,
	};
	enum scan_kind kind = scan_peek(&r->s);
	if (kind == SCAN_NULL || kind == SCAN_BAD) { /* null is NULL in json-c */
		scan_skip(&r->s);
		return NULL;
	}
	json_object *value = readers[kind](r);
	r->failed |= value == NULL;
	return value;
}

json_object *
tree_read(const char *text, size_t n)
{
	struct reader r = {0};
	if (n > INT_MAX / 2)
		return NULL;
	scan_init(&r.s, text, n);
	buf_init(&r.decoded, n + 2);
	json_object *tree = read_value(&r);
	buf_free(&r.decoded);
	if (scan_end(&r.s) && !r.failed && json_object_is_type(tree, json_type_object))
		return tree;
	json_object_put(tree);
	return NULL;
}

/* --- Writing: json-c's own writer silently loses text when out of memory --- */

/* The user data of an object or array that lacks something: tree_put(). */
static char incomplete;

static bool write_value(json_object *value, struct buf *out);

enum {
	ESCAPED_MAX = 6,   /* bytes of an escape */
	WRITTEN_MAX = 512, /* bytes of a string for which room is made at once */
};

/* Writes a byte that is not plain, and returns the end. */
static char *
put_escape(char *to, unsigned char c)
{
	static const char names[' '] = {
	    ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
	static const char digits[] = "0123456789abcdef";
	*to++ = '\\';
	if (c >= ' ' || names[c] != '\0') {
		*to++ = c >= ' ' ? (char)c : names[c];
		return to;
	}
	memcpy(to, "u00", 3);
	to[3] = digits[c >> 4];
	to[4] = digits[c & 15];
	return to + 5;
}

/* Writes n bytes as they stand in a string; to has room for ESCAPED_MAX * n. Returns the end. */
static char *
put_bytes(char *to, const char *text, size_t n)
{
	for (const char *end = text + n; text < end;) {
		size_t run = plain_copy(to, text, (size_t)(end - text));
		to += run;
		text += run;
		if (text < end)
			to = put_escape(to, (unsigned char)*text++);
	}
	return to;
}

/* Appends n bytes, none of them a NUL as it is kept. */
static bool
write_bytes(const char *text, size_t n, struct buf *out)
{
	while (n > 0) {
		size_t room = (out->max - out->len) / ESCAPED_MAX;
		size_t part = n < WRITTEN_MAX ? n : WRITTEN_MAX;
		part = part < room ? part : room;
		if (part == 0 || !buf_reserve(out, ESCAPED_MAX * part))
			return false;
		char *end = put_bytes(out->data + out->len, text, part);
		out->len = (size_t)(end - out->data);
		out->data[out->len] = '\0';
		text += part;
		n -= part;
	}
	return true;
}

/* The next NUL as it is kept, or the end. */
static const char *
find_nul(const char *text, const char *end)
{
	while ((text = memchr(text, (unsigned char)NUL_FIRST, (size_t)(end - text))) != NULL) {
		if (end - text > 1 && text[1] == NUL_LAST)
			return text;
		text++;
	}
	return end;
}

static bool
write_string(const char *text, size_t n, struct buf *out)
{
	const char *end = text + n;
	bool written = buf_add(out, "\"", 1);
	while (written && text < end) {
		const char *nul = find_nul(text, end);
		written = write_bytes(text, (size_t)(nul - text), out) &&
			  (nul == end || buf_puts(out, "\\u0000"));
		text = nul == end ? end : nul + 2;
	}
	return written && buf_add(out, "\"", 1);
}

static bool
write_object(json_object *object, struct buf *out)
{
	const char *before = "{";
	json_object_object_foreach(object, name, value)
	{
		if (!buf_puts(out, before) || !write_string(name, strlen(name), out) ||
		    !buf_puts(out, ":") || !write_value(value, out))
			return false;
		before = ",";
	}
	return buf_puts(out, *before == '{' ? "{}" : "}");
}

static bool
write_array(json_object *array, struct buf *out)
{
	for (size_t i = 0; i < tree_count(array); i++)
		if (!buf_puts(out, i == 0 ? "[" : ",") ||
		    !write_value(json_object_array_get_idx(array, i), out))
			return false;
	return buf_puts(out, tree_count(array) == 0 ? "[]" : "]");
}

/* Recursion is bounded: that of what was read is, and we add only a few levels. */
static bool
write_value(json_object *value, struct buf *out)
{
	const char *data = json_object_get_userdata(value);
	if (data == &incomplete)
		return false;
	switch (json_object_get_type(value)) {
	case json_type_object:
		return write_object(value, out);
	case json_type_array:
		return write_array(value, out);
	case json_type_string:
		return write_string(json_object_get_string(value),
				    (size_t)json_object_get_string_len(value), out);
	case json_type_int:
		return buf_printf(out, "%lld", (long long)json_object_get_int64(value));
	case json_type_double: /* of read_number(): its text is the user data */
		return data == NULL ? buf_printf(out, "%g", json_object_get_double(value))
				    : buf_puts(out, data);
	case json_type_boolean:
		return buf_puts(out, json_object_get_boolean(value) ? "true" : "false");
	case json_type_null:
		return buf_puts(out, "null");
	}
	return false;
}

bool
tree_write(json_object *tree, struct buf *out)
{
	return write_value(tree, out);
}

/* Among few members: sooner than by a hash of the name. */
static json_object *
find_member(json_object *object, const char *name)
{
	json_object_object_foreach(object, key, value)
	{
		if (strcmp(key, name) == 0)
			return value;
	}
	return NULL;
}

json_object *
tree_get(json_object *tree, const char *name)
{
	enum { FEW = 6 };
	json_object *value = NULL;
	if (!json_object_is_type(tree, json_type_object))
		return NULL;
	if (json_object_object_length(tree) <= FEW)
		return find_member(tree, name);
	json_object_object_get_ex(tree, name, &value);
	return value;
}

const char *
tree_text(json_object *tree, const char *name)
{
	json_object *value = tree_get(tree, name);
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

bool
tree_is(json_object *tree, const char *name, const char *text)
{
	return strcmp(tree_text(tree, name), text) == 0;
}

size_t
tree_count(json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static void
check_added(json_object *into, json_object *value, int result)
{
	if (into != NULL && value != NULL && result == 0)
		return;
	json_object_put(value);
	if (into != NULL)
		json_object_set_userdata(into, &incomplete, NULL);
}

void
tree_put(json_object *object, const char *name, json_object *value)
{
	bool both = object != NULL && value != NULL;
	check_added(object, value, both ? json_object_object_add(object, name, value) : -1);
}

void
tree_put_null(json_object *object, const char *name)
{
	if (object != NULL && json_object_object_add(object, name, NULL) != 0)
		json_object_set_userdata(object, &incomplete, NULL);
}

void
tree_add(json_object *array, json_object *value)
{
	bool both = array != NULL && value != NULL;
	check_added(array, value, both ? json_object_array_add(array, value) : -1);
}

/* SPDX-License-Identifier: MIT */
#include "json/tree.h"

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
	bool failed; /* out of memory */
};

static json_object *read_value(struct reader *r);

/* Writes each NUL as the two bytes of "modified UTF-8", from the end; there is room, since
 * "\\u0000" took six. Returns the new length. */
static size_t
encode_nuls(char *text, size_t n)
{
	size_t nuls = 0;
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

/* The decoded text of a span, with a NUL; NULL: out of memory. */
static char *
decode(struct reader *r, struct span span, size_t *n)
{
	char *text = malloc(span.len + 2);
	r->failed |= text == NULL;
	if (text != NULL) {
		*n = encode_nuls(text, span_decode(r->s.text, span, text));
		text[*n] = '\0';
	}
	return text;
}

static json_object *
read_string(struct reader *r)
{
	struct span span;
	size_t n;
	if (!scan_string(&r->s, &span))
		return NULL;
	const char *raw = r->s.text + span.at;
	if (memchr(raw, '\\', span.len) == NULL)
		return json_object_new_string_len(raw, (int)span.len);
	char *text = decode(r, span, &n);
	json_object *string = text == NULL ? NULL : json_object_new_string_len(text, (int)n);
	free(text);
	return string;
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

static json_object *
read_object(struct reader *r)
{
	json_object *object = json_object_new_object();
	struct span key;
	size_t n;
	r->failed |= object == NULL;
	for (scan_object(&r->s); scan_member(&r->s, &key);) {
		char *name = decode(r, key, &n);
		json_object *value = read_value(r);
		if (r->failed || json_object_object_add(object, name, value) != 0) {
			json_object_put(value);
			r->failed = true;
		}
		free(name);
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
	json_object *tree = read_value(&r);
	if (scan_end(&r.s) && !r.failed && json_object_is_type(tree, json_type_object))
		return tree;
	json_object_put(tree);
	return NULL;
}

/* --- Writing: json-c's own writer silently loses text when out of memory --- */

/* The user data of an object or array that lacks something: tree_put(). */
static char incomplete;

static bool write_value(json_object *value, struct buf *out);

static bool
write_byte(char c, struct buf *out)
{
	static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *name = memchr(named, c, strlen(named));
	if (name != NULL)
		return buf_add(out, (const char[]){'\\', names[name - named]}, 2);
	return buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
}

static bool
write_string(const char *text, size_t n, struct buf *out)
{
	size_t from = 0;
	if (!buf_add(out, "\"", 1))
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		bool nul = text[i] == NUL_FIRST && i + 1 < n && text[i + 1] == NUL_LAST;
		if (c >= ' ' && c != '"' && c != '\\' && !nul)
			continue;
		if (!buf_add(out, text + from, i - from) || !write_byte(nul ? '\0' : text[i], out))
			return false;
		i += nul;
		from = i + 1;
	}
	return buf_add(out, text + from, n - from) && buf_add(out, "\"", 1);
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

json_object *
tree_get(json_object *tree, const char *name)
{
	json_object *value = NULL;
	if (json_object_is_type(tree, json_type_object))
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

/* SPDX-License-Identifier: MIT */
#include "json/scan.h"

#include "json/plain.h"

#include <stdlib.h>
#include <string.h>

void
scan_init(struct scan *s, const char *text, size_t len)
{
	*s = (struct scan){.text = text, .len = len};
}

static bool
fail(struct scan *s, const char *error)
{
	if (s->error == NULL)
		s->error = error;
	return false;
}

static void
skip_space(struct scan *s)
{
	while (s->at < s->len && (s->text[s->at] == ' ' || s->text[s->at] == '\n' ||
				  s->text[s->at] == '\t' || s->text[s->at] == '\r'))
		s->at++;
}

/* The next byte that is not a space, NUL at the end or after an error. */
static char
peek_byte(struct scan *s)
{
	if (s->error != NULL)
		return '\0';
	skip_space(s);
	return s->at < s->len ? s->text[s->at] : '\0';
}

enum scan_kind
scan_peek(struct scan *s)
{
	switch (peek_byte(s)) {
	case '{':
		return SCAN_OBJECT;
	case '[':
		return SCAN_ARRAY;
	case '"':
		return SCAN_STRING;
	case 't':
	case 'f':
		return SCAN_BOOL;
	case 'n':
		return SCAN_NULL;
	case '-':
	case '0' ... '9':
		return SCAN_NUMBER;
	default:
		return SCAN_BAD;
	}
}

size_t
scan_here(struct scan *s)
{
	peek_byte(s);
	return s->at;
}

static void
enter(struct scan *s, bool object)
{
	if (s->depth == JSON_DEPTH_MAX) {
		fail(s, "nested too deeply");
		return;
	}
	uint8_t bit = (uint8_t)(1u << (s->depth % 8));
	if (object)
		s->is_object[s->depth / 8] |= bit;
	else
		s->is_object[s->depth / 8] &= (uint8_t)~bit;
	s->depth++;
	s->first = true;
	s->at++;
}

static bool
in_object(const struct scan *s)
{
	unsigned top = s->depth - 1;
	return (s->is_object[top / 8] >> (top % 8) & 1) != 0;
}

/* Leaves the innermost object or array at its closing bracket. */
static void
leave(struct scan *s)
{
	s->at++;
	s->depth--;
	s->first = false;
}

/* An empty container in place of the value: scan_member() and scan_element() end it at once. */
static void
pass_over(struct scan *s)
{
	scan_skip(s);
	s->passed = true;
}

void
scan_object(struct scan *s)
{
	if (scan_peek(s) == SCAN_OBJECT)
		enter(s, true);
	else
		pass_over(s);
}

void
scan_array(struct scan *s)
{
	if (scan_peek(s) == SCAN_ARRAY)
		enter(s, false);
	else
		pass_over(s);
}

static bool
is_digit(const struct scan *s)
{
	return s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9';
}

static bool
digits(struct scan *s)
{
	if (!is_digit(s))
		return fail(s, "a digit is missing in a number");
	while (is_digit(s))
		s->at++;
	return true;
}

static bool
take_number(struct scan *s)
{
	if (s->text[s->at] == '-')
		s->at++;
	if (s->at < s->len && s->text[s->at] == '0')
		s->at++;
	else if (!digits(s))
		return false;
	if (s->at < s->len && s->text[s->at] == '.') {
		s->at++;
		if (!digits(s))
			return false;
	}
	if (s->at < s->len && (s->text[s->at] == 'e' || s->text[s->at] == 'E')) {
		s->at++;
		if (s->at < s->len && (s->text[s->at] == '+' || s->text[s->at] == '-'))
			s->at++;
		return digits(s);
	}
	return true;
}

static bool
take_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);
	if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
		return fail(s, "neither true, false nor null");
	s->at += n;
	return true;
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Takes the escape whose backslash is at s->at. */
static bool
take_escape(struct scan *s)
{
	if (s->len - s->at < 2)
		return fail(s, "a string does not end");
	char c = s->text[s->at + 1];
	s->at += 2;
	if (plain_escapes[(unsigned char)c] != '\0')
		return true;
	if (c != 'u')
		return fail(s, "an unknown escape");
	for (int i = 0; i < 4; i++, s->at++)
		if (s->at == s->len || !is_hex(s->text[s->at]))
			return fail(s, "an unknown escape");
	return true;
}

static bool
take_string(struct scan *s, struct span *span)
{
	span->at = ++s->at;
	for (;;) {
		s->at += plain_skip(s->text + s->at, s->len - s->at);
		if (s->at == s->len)
			return fail(s, "a string does not end");
		if (s->text[s->at] == '"') {
			span->len = s->at++ - span->at;
			return true;
		}
		if (s->text[s->at] != '\\')
			return fail(s, "a control byte in a string");
		if (!take_escape(s))
			return false;
	}
}

static bool
take_scalar(struct scan *s)
{
	struct span ignored;
	switch (peek_byte(s)) {
	case '"':
		return take_string(s, &ignored);
	case 't':
		return take_word(s, "true");
	case 'f':
		return take_word(s, "false");
	case 'n':
		return take_word(s, "null");
	default:
		if (scan_peek(s) == SCAN_NUMBER)
			return take_number(s);
		return fail(s, "a value is missing");
	}
}

/* Skips what separates two members or elements; false at the end. */
static bool
next(struct scan *s, char close)
{
	if (s->passed) {
		s->passed = false;
		return false;
	}
	char c = peek_byte(s);
	if (c == close) {
		leave(s);
		return false;
	}
	if (!s->first) {
		if (c != ',')
			return fail(s, "a comma or a closing bracket is missing");
		s->at++;
		c = peek_byte(s);
	}
	s->first = false;
	return c != '\0' ? true : fail(s, "the text ends too early");
}

bool
scan_member(struct scan *s, struct span *key)
{
	if (!next(s, '}'))
		return false;
	if (peek_byte(s) != '"')
		return fail(s, "a member's name is missing");
	if (!take_string(s, key))
		return false;
	if (peek_byte(s) != ':')
		return fail(s, "a colon is missing");
	s->at++;
	return true;
}

bool
scan_element(struct scan *s)
{
	return next(s, ']');
}

void
scan_skip(struct scan *s)
{
	unsigned floor = s->depth;
	do {
		struct span key;
		enum scan_kind kind = scan_peek(s);
		if (kind == SCAN_OBJECT || kind == SCAN_ARRAY)
			enter(s, kind == SCAN_OBJECT);
		else if (!take_scalar(s))
			return;
		/* Leave what is finished, up to the next value that is not. */
		while (s->depth > floor && !(in_object(s) ? scan_member(s, &key) : scan_element(s)))
			if (s->error != NULL)
				return;
	} while (s->depth > floor && s->error == NULL);
	s->first = false;
}

bool
scan_string(struct scan *s, struct span *value)
{
	if (scan_peek(s) == SCAN_STRING)
		return take_string(s, value);
	scan_skip(s);
	return false;
}

/* The nearest whole number that fits, towards zero, of a number with a fraction or an exponent. Of
 * a very long one only the beginning counts. */
static int64_t
whole(const char *number, size_t n)
{
	char text[64];
	n = n < sizeof text ? n : sizeof text - 1;
	memcpy(text, number, n);
	text[n] = '\0';
	double value = strtod(text, NULL);
	if (value >= 0x1p63)
		return INT64_MAX;
	return value < -0x1p63 ? INT64_MIN : (int64_t)value;
}

bool
scan_integer(struct scan *s, int64_t *value)
{
	if (scan_peek(s) != SCAN_NUMBER) {
		scan_skip(s);
		return false;
	}
	const char *c = s->text + s->at;
	if (!take_number(s))
		return false;
	const char *number = c, *end = s->text + s->at;
	bool negative = *c == '-';
	int64_t sum = 0;
	for (c += negative ? 1 : 0; c < end && *c >= '0' && *c <= '9'; c++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, *c - '0', &sum))
			break;
	if (c < end) /* a fraction, an exponent, or too large */
		*value = whole(number, (size_t)(end - number));
	else
		*value = negative ? -sum : sum;
	return true;
}

bool
scan_bool(struct scan *s, bool *value)
{
	if (scan_peek(s) != SCAN_BOOL) {
		scan_skip(s);
		return false;
	}
	*value = s->text[s->at] == 't';
	return take_word(s, *value ? "true" : "false");
}

bool
scan_end(struct scan *s)
{
	if (s->error == NULL && peek_byte(s) != '\0')
		fail(s, "something follows the JSON value");
	if (s->error == NULL && s->at < s->len)
		fail(s, "a NUL byte");
	return s->error == NULL;
}

static uint32_t
hex4(const char *c)
{
	uint32_t code = 0;
	for (int i = 0; i < 4; i++) {
		uint32_t digit = (uint32_t)(c[i] <= '9' ? c[i] - '0' : (c[i] | 32) - 'a' + 10);
		code = code << 4 | (digit & 15);
	}
	return code;
}

/* The character of an escape that begins at c; *taken: its bytes. 0 for NUL, an unpaired surrogate,
 * and an invalid escape (of a text that was not scanned). */
static uint32_t
escaped(const char *c, size_t left, size_t *taken)
{
	*taken = left < 2 ? left : 2;
	if (left < 2)
		return 0;
	if (plain_escapes[(unsigned char)c[1]] != '\0')
		return (uint32_t)plain_escapes[(unsigned char)c[1]];
	if (c[1] != 'u' || left < 6)
		return 0;
	*taken = 6;
	uint32_t code = hex4(c + 2);
	if (code < 0xd800 || code > 0xdfff)
		return code;
	uint32_t low = left >= 12 && c[6] == '\\' && c[7] == 'u' ? hex4(c + 8) : 0;
	if (code > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return 0;
	*taken = 12;
	return 0x10000 + ((code - 0xd800) << 10) + low - 0xdc00;
}

static size_t
put_utf8(uint32_t code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | code);
	return n;
}

uint32_t
scan_character(const char *c, size_t left, size_t *taken)
{
	*taken = 1;
	return *c == '\\' ? escaped(c, left, taken) : (uint8_t)*c;
}

/* How many bytes of a span spell a word; SIZE_MAX: they do not begin with it. */
static size_t
spelled(const char *text, struct span span, const char *word)
{
	size_t at = 0, taken = 1;
	for (const char *c = text + span.at; *word != '\0'; word++, at += taken, taken = 1)
		if (at == span.len ||
		    (c[at] != *word &&
		     (c[at] != '\\' || escaped(c + at, span.len - at, &taken) != (uint8_t)*word)))
			return SIZE_MAX;
	return at;
}

bool
span_spells(const char *text, struct span span, const char *word)
{
	return spelled(text, span, word) == span.len;
}

bool
span_is_blank(const char *text, struct span span)
{
	for (size_t i = 0, taken; i < span.len; i += taken) {
		uint32_t c = scan_character(text + span.at + i, span.len - i, &taken);
		if (c != ' ' && (c < '\t' || c > '\r'))
			return false;
	}
	return true;
}

bool
span_begins(const char *text, struct span span, const char *word)
{
	return spelled(text, span, word) != SIZE_MAX;
}

bool
span_unescape(const char *text, struct span span, char *out, size_t out_size)
{
	size_t n = 0;
	for (size_t i = 0, taken = 1; i < span.len; i += taken) {
		const char *c = text + span.at + i;
		char utf8[4] = {*c};
		size_t wide = 1;
		taken = 1;
		if (*c == '\\') {
			uint32_t code = escaped(c, span.len - i, &taken);
			wide = put_utf8(code, utf8);
		}
		if ((unsigned char)utf8[0] < ' ' || n + wide >= out_size) {
			out[0] = '\0';
			return false;
		}
		memcpy(out + n, utf8, wide);
		n += wide;
	}
	out[n] = '\0';
	return true;
}

/* Writes the character that left bytes of a string begin with to out, and returns its bytes there;
 * *taken: those in the string, which are not fewer. */
static size_t
decode(const char *c, size_t left, char *out, size_t *taken)
{
	uint32_t code = scan_character(c, left, taken);
	if (code == 0 && *c == '\\' && (*taken < 6 || hex4(c + 2) != 0))
		code = 0xfffd;
	return put_utf8(code, out);
}

size_t
span_decode(const char *text, struct span span, char *out)
{
	const char *from = text + span.at, *end = from + span.len;
	char *to = out;
	while (from < end) {
		size_t run = plain_copy(to, from, (size_t)(end - from)), taken = 0;
		from += run;
		to += run;
		if (from < end)
			to += decode(from, (size_t)(end - from), to, &taken);
		from += taken;
	}
	*to = '\0';
	return (size_t)(to - out);
}

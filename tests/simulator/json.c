/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <stdbool.h>
#include <string.h>

#include "buf.h"

struct scan {
	const char *text;
	size_t len, at;
	enum json_fault fault;
};

static bool
wrong(struct scan *s, enum json_fault fault)
{
	if (s->fault == JSON_FINE)
		s->fault = fault;
	return false;
}

/* The byte at the place, or -1 behind the end. */
static int
peek(const struct scan *s)
{
	return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static bool
take(struct scan *s, char c)
{
	if (peek(s) != c)
		return false;
	s->at++;
	return true;
}

static void
blanks(struct scan *s)
{
	while (s->at < s->len && s->text[s->at] != '\0' && strchr(" \t\r\n", s->text[s->at]))
		s->at++;
}

static bool
escape(struct scan *s, bool name)
{
	size_t left = s->len - s->at;

	if (left == 0 || s->text[s->at] == '\0' || strchr("\"\\/bfnrtu", s->text[s->at]) == NULL)
		return wrong(s, JSON_SYNTAX);
	if (s->text[s->at++] != 'u')
		return true;
	for (size_t i = 0; i < 4; i++)
		if (left < 5 || s->text[s->at + i] == '\0' ||
		    strchr("0123456789abcdefABCDEF", s->text[s->at + i]) == NULL)
			return wrong(s, JSON_SYNTAX);
	if (name && memcmp(s->text + s->at, "0000", 4) == 0)
		return wrong(s, JSON_NUL_NAME);
	s->at += 4;
	return true;
}

static bool
string(struct scan *s, bool name)
{
	if (!take(s, '"'))
		return wrong(s, JSON_SYNTAX);
	while (s->at < s->len) {
		size_t n;

		if (take(s, '"'))
			return true;
		if (take(s, '\\')) {
			if (!escape(s, name))
				return false;
			continue;
		}
		if (peek(s) < 0x20)
			return wrong(s, JSON_SYNTAX);
		n = utf8_len(s->text + s->at, s->len - s->at);
		if (n == 0)
			return wrong(s, JSON_UTF8);
		s->at += n;
	}
	return wrong(s, JSON_SYNTAX);
}

static size_t
digits(struct scan *s)
{
	size_t from = s->at;

	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return s->at - from;
}

static bool
number(struct scan *s)
{
	take(s, '-');
	if (!take(s, '0') && digits(s) == 0)
		return wrong(s, JSON_SYNTAX);
	if (take(s, '.') && digits(s) == 0)
		return wrong(s, JSON_SYNTAX);
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			take(s, '-');
		if (digits(s) == 0)
			return wrong(s, JSON_SYNTAX);
	}
	return true;
}

static bool
word(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if (s->len - s->at >= n && memcmp(s->text + s->at, words[i], n) == 0) {
			s->at += n;
			return true;
		}
	}
	return wrong(s, (unsigned char)s->text[s->at] >= 0x80 &&
				utf8_len(s->text + s->at, s->len - s->at) == 0
			    ? JSON_UTF8
			    : JSON_SYNTAX);
}

static bool value(struct scan *s, int depth);

static bool
member(struct scan *s, bool object, int depth)
{
	if (!object)
		return value(s, depth);
	blanks(s);
	if (!string(s, true))
		return false;
	blanks(s);
	return take(s, ':') ? value(s, depth) : wrong(s, JSON_SYNTAX);
}

static bool
container(struct scan *s, bool object, int depth)
{
	char end = object ? '}' : ']';

	s->at++;
	blanks(s);
	if (take(s, end))
		return true;
	do {
		if (!member(s, object, depth))
			return false;
		blanks(s);
	} while (take(s, ','));
	return take(s, end) || wrong(s, JSON_SYNTAX);
}

static bool
value(struct scan *s, int depth)
{
	int c;

	blanks(s);
	c = peek(s);
	if (c < 0 || depth >= JSON_DEPTH)
		return wrong(s, JSON_SYNTAX);
	if (c == '{' || c == '[')
		return container(s, c == '{', depth + 1);
	if (c == '"')
		return string(s, false);
	return c == '-' || (c >= '0' && c <= '9') ? number(s) : word(s);
}

enum json_fault
json_check(const char *text, size_t len, size_t *at)
{
	struct scan s = {.text = text, .len = len};

	if (value(&s, 0)) {
		blanks(&s);
		if (s.at < len)
			wrong(&s, JSON_SYNTAX);
	}
	*at = s.at;
	return s.fault;
}

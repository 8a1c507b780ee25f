/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("simulator: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

void *
xalloc(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		die("out of memory");
	return p;
}

char *
xstrndup(const char *text, size_t len)
{
	char *copy = xalloc(len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	return copy;
}

char *
xstrdup(const char *text)
{
	return text == NULL ? NULL : xstrndup(text, strlen(text));
}

char *
buf_room(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;

	if (n >= BUF_MAX || b->len + n + 1 > BUF_MAX)
		die("a buffer grew over %zu bytes", BUF_MAX);
	while (cap < b->len + n + 1)
		cap *= 2;
	if (cap != b->cap) {
		b->data = realloc(b->data, cap);
		if (b->data == NULL)
			die("out of memory");
		b->cap = cap;
	}
	return b->data + b->len;
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	char *to = buf_room(b, len);

	if (len > 0)
		memcpy(to, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_adds(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int need;

	va_start(ap, fmt);
	va_copy(again, ap);
	need = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (need < 0)
		die("cannot format \"%s\"", fmt);
	vsnprintf(buf_room(b, (size_t)need), (size_t)need + 1, fmt, again);
	va_end(again);
	b->len += (size_t)need;
}

void
buf_fill(struct buf *b, char byte, size_t times)
{
	memset(buf_room(b, times), byte, times);
	b->len += times;
	b->data[b->len] = '\0';
}

size_t
utf8_len(const char *s, size_t max)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0x80   ? 1
		   : u[0] < 0xc2 ? 0
		   : u[0] < 0xe0 ? 2
		   : u[0] < 0xf0 ? 3
		   : u[0] < 0xf5 ? 4
				 : 0;

	if (n == 0 || n > max)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates and what lies beyond U+10FFFF. */
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
	    (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return n;
}

void
buf_json(struct buf *b, const char *text, size_t len)
{
	size_t i = 0;

	buf_add(b, "\"", 1);
	while (i < len) {
		unsigned char c = (unsigned char)text[i];
		size_t plain = i, n;

		/* The common run first: bodies of 50 KB are quoted here. */
		while (plain < len && text[plain] >= 0x20 && text[plain] != '"' &&
		       text[plain] != '\\' && text[plain] != 0x7f)
			plain++;
		if (plain > i) {
			buf_add(b, text + i, plain - i);
			i = plain;
			continue;
		}
		n = utf8_len(text + i, len - i);
		if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (c == '\n')
			buf_adds(b, "\\n");
		else if (n > 1)
			buf_add(b, text + i, n);
		else
			buf_addf(b, "\\u%04x", c);
		i += n > 1 ? n : 1;
	}
	buf_add(b, "\"", 1);
}

void
buf_jsons(struct buf *b, const char *text)
{
	if (text == NULL)
		buf_adds(b, "null");
	else
		buf_json(b, text, strlen(text));
}

void
buf_base64(struct buf *b, const char *data, size_t len)
{
	static const char set[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *u = (const unsigned char *)data;

	for (size_t i = 0; i < len; i += 3) {
		unsigned v = (unsigned)u[i] << 16;
		char four[4];

		v |= i + 1 < len ? (unsigned)u[i + 1] << 8 : 0u;
		v |= i + 2 < len ? (unsigned)u[i + 2] : 0u;
		four[0] = set[v >> 18];
		four[1] = set[(v >> 12) & 63];
		four[2] = i + 1 < len ? set[(v >> 6) & 63] : '=';
		four[3] = i + 2 < len ? set[v & 63] : '=';
		buf_add(b, four, 4);
	}
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

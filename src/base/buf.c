/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){.max = max_bytes};
}

void
buf_init_secret(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){.max = max_bytes, .secret = true};
}

static void
give_back(struct buf *b)
{
	if (b->secret && b->data != NULL)
		explicit_bzero(b->data, b->cap + 1);
	free(b->data);
}

void
buf_free(struct buf *b)
{
	give_back(b);
	*b = (struct buf){.max = b->max, .secret = b->secret};
}

/* As realloc(), which would leave a secret where it lay. */
static char *
move(struct buf *b, size_t size)
{
	if (!b->secret || b->data == NULL)
		return realloc(b->data, size);
	char *data = malloc(size);
	if (data == NULL)
		return NULL;
	memcpy(data, b->data, b->len);
	give_back(b);
	return data;
}

bool
buf_reserve(struct buf *b, size_t n)
{
	if (b->data != NULL && n <= b->cap - b->len)
		return true;
	if (n > b->max || b->len > b->max - n)
		return false;
	/* The first request is often the only one. */
	size_t wanted = b->len + n < 64 ? 64 : b->len + n;
	size_t cap = b->cap > b->max / 2 ? b->max : 2 * b->cap;
	if (cap < wanted)
		cap = wanted < b->max ? wanted : b->max;
	char *data = move(b, cap + 1);
	if (data == NULL)
		return false;
	data[b->len] = '\0';
	b->data = data;
	b->cap = cap;
	return true;
}

bool
buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (!buf_reserve(b, n))
		return false;
	if (n > 0)
		memcpy(b->data + b->len, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
	return true;
}

bool
buf_puts(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

/* Appends all of it or, if it may be cut, what fits. */
static bool
append(struct buf *b, bool may_cut, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	/* Mostly it fits at once: to measure first would cost as much again. */
	size_t room = b->data == NULL ? 0 : b->cap - b->len + 1;
	int length = vsnprintf(room == 0 ? NULL : b->data + b->len, room, format, args);
	size_t n = length < 0 ? 0 : (size_t)length;
	if (may_cut && n > b->max - b->len)
		n = b->max - b->len;
	bool done = length >= 0 && ((size_t)length < room || buf_reserve(b, n));
	if (done && (size_t)length >= room)
		vsnprintf(b->data + b->len, n + 1, format, again);
	va_end(again);
	b->len += done ? n : 0;
	if (b->data != NULL)
		b->data[b->len] = '\0';
	return done;
}

bool
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	bool done = append(b, false, format, args);
	va_end(args);
	return done;
}

void
buf_append_cut(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	append(b, true, format, args);
	va_end(args);
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
buf_cut(struct buf *b, size_t n)
{
	b->len = n;
	if (b->data != NULL)
		b->data[n] = '\0';
}

void
buf_clear(struct buf *b)
{
	buf_cut(b, 0);
}

char *
buf_take(struct buf *b)
{
	if (!buf_reserve(b, 0))
		return NULL;
	char *data = b->data;
	buf_init(b, b->max);
	return data;
}

const char *
buf_text(const struct buf *b)
{
	return b->data == NULL ? "" : b->data;
}

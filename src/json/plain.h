/* SPDX-License-Identifier: MIT */
/* The bytes of JSON strings, many at a time: bodies have tens of megabytes and are read in the
 * event loop. By vectors where the machine has them (SSE2, NEON), else by words of eight bytes.
 *
 * A byte is plain if it stands for itself: neither quote, backslash nor control byte. Pure;
 * thread-safe. */
#ifndef JSON_PLAIN_H
#define JSON_PLAIN_H

#include <stddef.h>

/* What a byte means behind a backslash; 0: it makes no short escape. */
extern const char plain_escapes[256];

/* Copies the plain bytes that the n bytes of text begin with, and returns how many they are. to has
 * room for n bytes, and does not overlap text; what it holds behind them is undefined. */
size_t plain_copy(char *to, const char *text, size_t n);

/* Skips plain bytes and short escapes: returns how many of n bytes of a string they are. What
 * follows may be one more escape, but never the second half of one. */
size_t plain_skip(const char *text, size_t n);

#endif

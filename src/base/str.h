/* SPDX-License-Identifier: MIT */
/* Texts by their bytes, whatever the locale says. Pure; thread-safe. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool
str_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether n bytes end with a suffix. */
static inline bool
str_ends_with(const char *text, size_t n, const char *suffix)
{
	size_t n_suffix = strlen(suffix);
	return n >= n_suffix && memcmp(text + n - n_suffix, suffix, n_suffix) == 0;
}

/* An ASCII letter or digit. */
static inline bool
str_is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

#endif

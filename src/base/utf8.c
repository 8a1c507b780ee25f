/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include "base/count.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Nearly all of a body is ASCII: 32 bytes at a time. */
static size_t
skip_ascii(const char *text, size_t at, size_t n)
{
	uint64_t words[4];
	for (; n - at >= sizeof words; at += sizeof words) {
		memcpy(words, text + at, sizeof words);
		if (((words[0] | words[1] | words[2] | words[3]) & HIGH_BITS) != 0)
			break;
	}
	for (; n - at >= sizeof words[0]; at += sizeof words[0]) {
		memcpy(words, text + at, sizeof words[0]);
		if ((words[0] & HIGH_BITS) != 0)
			break;
	}
	while (at < n && (unsigned char)text[at] < 0x80)
		at++;
	return at;
}

/* RFC 3629, 4. */
size_t
utf8_sequence(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	static const struct {
		unsigned char first, last; /* of the first byte, */
		unsigned char low, high;   /* of the second; the others are 80 to bf */
		size_t length;
	} forms[] = {
	    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
	    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
	    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	size_t i = 0, k = 2;
	while (i < COUNT(forms) && (s[0] < forms[i].first || s[0] > forms[i].last))
		i++;
	if (i == COUNT(forms) || n < forms[i].length || s[1] < forms[i].low || s[1] > forms[i].high)
		return 0;
	while (k < forms[i].length && s[k] >= 0x80 && s[k] <= 0xbf)
		k++;
	return k == forms[i].length ? k : 0;
}

/* Skips characters whose second byte may be any: nearly all non-Latin scripts, of which a body may
 * have megabytes. */
static size_t
skip_plain(const char *text, size_t at, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	while (n - at >= 3) {
		bool two = s[at] >= 0xc2 && s[at] <= 0xdf;
		bool three = s[at] >= 0xe1 && s[at] <= 0xec && (s[at + 2] & 0xc0) == 0x80;
		if ((!two && !three) || (s[at + 1] & 0xc0) != 0x80)
			break;
		at += two ? 2 : 3;
	}
	return at;
}

size_t
utf8_valid(const char *text, size_t n)
{
	size_t at = 0;
	while ((at = skip_plain(text, skip_ascii(text, at, n), n)) < n) {
		if ((unsigned char)text[at] < 0x80)
			continue;
		size_t length = utf8_sequence(text + at, n - at);
		if (length == 0)
			return at;
		at += length;
	}
	return n;
}

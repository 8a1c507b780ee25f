/* SPDX-License-Identifier: MIT */
#include "dialect/tool_id.h"

#include "base/str.h"

#include <string.h>

bool
tool_id_is_odd(const char *text, struct span id)
{
	for (size_t i = 0; i < id.len; i++) {
		char c = text[id.at + i];
		if (!str_is_alnum(c) && c != '_' && c != '-')
			return true;
	}
	return id.len == 0;
}

bool
tool_id_is_marked(const char *text, struct span id)
{
	return span_begins(text, id, TOOL_ID_MARK);
}

/* Appends bytes, those that are not letters or digits as -xx. */
static size_t
escape(char *out, size_t len, const char *bytes, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (str_is_alnum(bytes[i])) {
			out[len++] = bytes[i];
			continue;
		}
		out[len++] = '-';
		out[len++] = hex[c >> 4];
		out[len++] = hex[c & 15];
	}
	return len;
}

size_t
tool_id_mark(const char *provider, const char *text, struct span id,
	     char out[static TOOL_ID_MARKED_MAX])
{
	char raw[TOOL_ID_MAX + 2];
	_Static_assert(sizeof TOOL_ID_MARK + 3 * (PROVIDER_NAME_MAX + TOOL_ID_MAX) <
			   TOOL_ID_MARKED_MAX,
		       "room for the longest");
	if (id.len > TOOL_ID_MAX)
		return 0;
	size_t n = span_decode(text, id, raw);
	size_t len = strlen(TOOL_ID_MARK);
	memcpy(out, TOOL_ID_MARK, len);
	len = escape(out, len, provider, strlen(provider));
	out[len++] = '_';
	len = escape(out, len, raw, n);
	out[len] = '\0';
	return len;
}

static int
digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next byte of an escaped text; returns how many bytes encode it; 0: not our form. */
static size_t
unescape(const char *text, char *byte)
{
	*byte = text[0];
	if (str_is_alnum(text[0]))
		return 1;
	int high = text[0] == '-' ? digit(text[1]) : -1;
	int low = high < 0 ? -1 : digit(text[2]);
	*byte = (char)(unsigned char)(high * 16 + low);
	return low < 0 ? 0 : 3;
}

bool
tool_id_unmark(const char *provider, const char *marked, char out[static TOOL_ID_MAX + 1])
{
	char mark[TOOL_ID_MARKED_MAX];
	size_t at = tool_id_mark(provider, "", (struct span){0, 0}, mark), len = 0;
	if (!str_starts_with(marked, mark))
		return false;
	while (marked[at] != '\0') {
		size_t n = len < TOOL_ID_MAX ? unescape(marked + at, &out[len]) : 0;
		if (n == 0)
			return false;
		len++;
		at += n;
	}
	out[len] = '\0';
	return len > 0;
}

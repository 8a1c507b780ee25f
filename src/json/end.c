/* SPDX-License-Identifier: MIT */
#include "json/end.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void
take_in_string(struct json_end *end, char c)
{
	if (end->escaped)
		end->escaped = false;
	else if (c == '\\')
		end->escaped = true;
	else if (c == '"')
		end->string = false;
}

static void
take(struct json_end *end, char c)
{
	if (is_space(c))
		return;
	if (end->done || (end->depth == 0 && c != '{')) {
		end->other = true;
		return;
	}
	if (c == '"')
		end->string = true;
	else if (c == '{' || c == '[')
		end->depth++;
	else if (c == '}' || c == ']')
		end->done = --end->depth == 0;
}

void
json_end_take(struct json_end *end, char c)
{
	if (end->string)
		take_in_string(end, c);
	else
		take(end, c);
}

bool
json_end_reached(struct json_end *end, const char *text, size_t n)
{
	bool before = end->done;
	for (; end->at < n && !end->other; end->at++)
		json_end_take(end, text[end->at]);
	return end->done && !before && !end->other;
}

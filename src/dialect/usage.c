/* SPDX-License-Identifier: MIT */
#include "dialect/usage.h"

#include "base/count.h"

#include <stddef.h>

struct member {
	const char *name;
	size_t offset;
};

static const struct member counts[] = {
    {"input_tokens", offsetof(struct usage, input)},
    {"cache_read_input_tokens", offsetof(struct usage, cache_read)},
    {"cache_creation_input_tokens", offsetof(struct usage, cache_write)},
    {"output_tokens", offsetof(struct usage, output)},
};
static const struct member splits[] = {
    {"ephemeral_5m_input_tokens", offsetof(struct usage, cache_5m)},
    {"ephemeral_1h_input_tokens", offsetof(struct usage, cache_1h)},
};
static const struct member tools[] = {
    {"web_search_requests", offsetof(struct usage, searches)},
};

static int64_t *
place(struct usage *usage, size_t offset)
{
	return (int64_t *)((char *)usage + offset);
}

/* Digits alone: no sign, fraction or exponent. */
static bool
is_plain(const char *number, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (number[i] < '0' || number[i] > '9')
			return false;
	return true;
}

/* Null, which is not reported, is not odd. */
static void
read_count(struct usage *usage, struct scan *s, int64_t *count)
{
	size_t begin = scan_here(s);
	int64_t value;
	if (scan_peek(s) == SCAN_NULL)
		scan_skip(s);
	else if (scan_integer(s, &value) && is_plain(s->text + begin, s->at - begin) &&
		 value <= INT32_MAX)
		*count = value;
	else
		usage->is_odd = true;
}

/* Whether the member is one of the table, and was read. */
static bool
read_member(struct usage *usage, struct scan *s, struct span key, const struct member *table,
	    size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(s->text, key, table[i].name)) {
			read_count(usage, s, place(usage, table[i].offset));
			return true;
		}
	return false;
}

static void
read_object(struct usage *usage, struct scan *s, const struct member *table, size_t n)
{
	struct span key;
	for (scan_object(s); scan_member(s, &key);)
		if (!read_member(usage, s, key, table, n))
			scan_skip(s);
}

static void
read_speed(struct usage *usage, struct scan *s)
{
	struct span speed;
	if (scan_string(s, &speed))
		usage->is_fast = span_is(s->text, speed, "fast");
}

static struct usage
read_all(struct scan *s)
{
	struct usage reported = USAGE_NONE;
	struct span key;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "cache_creation"))
			read_object(&reported, s, splits, COUNT(splits));
		else if (span_is(s->text, key, "server_tool_use"))
			read_object(&reported, s, tools, COUNT(tools));
		else if (span_is(s->text, key, "speed"))
			read_speed(&reported, s);
		else if (!read_member(&reported, s, key, counts, COUNT(counts)))
			scan_skip(s);
	return reported;
}

/* Some providers close a stream with zeros where they mean that nothing has changed. */
static void
drop_zeros(struct usage *reported, const struct usage *before)
{
	if (reported->input > 0 || reported->cache_read > 0 || reported->cache_write > 0)
		return;
	if (before->input > 0)
		reported->input = -1;
	if (before->cache_read > 0)
		reported->cache_read = -1;
	if (before->cache_write > 0)
		reported->cache_write = -1;
}

void
usage_read(struct usage *usage, struct scan *s)
{
	static const size_t offsets[] = {
	    offsetof(struct usage, input),       offsetof(struct usage, cache_read),
	    offsetof(struct usage, cache_write), offsetof(struct usage, cache_5m),
	    offsetof(struct usage, cache_1h),    offsetof(struct usage, output),
	    offsetof(struct usage, searches),
	};
	struct usage reported = read_all(s);
	drop_zeros(&reported, usage);
	for (size_t i = 0; i < COUNT(offsets); i++)
		if (*place(&reported, offsets[i]) >= 0)
			*place(usage, offsets[i]) = *place(&reported, offsets[i]);
	usage->is_fast |= reported.is_fast;
	usage->is_odd |= reported.is_odd;
}

/* What was written to the cache, if only in its two kinds. */
static int64_t
written(const struct usage *u)
{
	if (u->cache_write >= 0 || (u->cache_5m < 0 && u->cache_1h < 0))
		return u->cache_write;
	return (u->cache_5m < 0 ? 0 : u->cache_5m) + (u->cache_1h < 0 ? 0 : u->cache_1h);
}

int64_t
usage_total_input(const struct usage *u)
{
	const int64_t kinds[] = {u->input, written(u), u->cache_read};
	int64_t total = -1;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i] >= 0)
			total = kinds[i] + (total < 0 ? 0 : total);
	return total;
}

/* The split comes with a stream's start alone, and the sum may change after it: what was added
 * is of the kind that the request asked for, and no kind is more than the sum. */
int64_t
usage_cache_1h(const struct usage *u, bool asked_for_1h)
{
	int64_t all = written(u);
	int64_t split_1h = u->cache_1h < 0 ? 0 : u->cache_1h;
	int64_t split_5m = u->cache_5m < 0 ? 0 : u->cache_5m;
	if (asked_for_1h && all > split_1h + split_5m)
		return all - split_5m;
	return split_1h < all ? split_1h : all < 0 ? 0 : all;
}

int64_t
usage_cache_5m(const struct usage *u, bool asked_for_1h)
{
	int64_t all = written(u), for_1h = usage_cache_1h(u, asked_for_1h);
	return all > for_1h ? all - for_1h : 0;
}

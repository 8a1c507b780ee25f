/* SPDX-License-Identifier: MIT */
#include "dialect/usage.h"

#include "base/count.h"

#include <stddef.h>

static const struct {
	const char *name;
	size_t offset;
} members[] = {
    {"input_tokens", offsetof(struct usage, input)},
    {"cache_creation_input_tokens", offsetof(struct usage, cache_write)},
    {"cache_read_input_tokens", offsetof(struct usage, cache_read)},
    {"output_tokens", offsetof(struct usage, output)},
};

static int64_t *
member_of(struct usage *usage, const struct scan *s, struct span key)
{
	for (size_t i = 0; i < COUNT(members); i++)
		if (span_is(s->text, key, members[i].name))
			return (int64_t *)((char *)usage + members[i].offset);
	return NULL;
}

void
usage_read(struct usage *usage, struct scan *s)
{
	struct span key;
	for (scan_object(s); scan_member(s, &key);) {
		int64_t *member = member_of(usage, s, key), tokens;
		if (member == NULL)
			scan_skip(s);
		else if (scan_integer(s, &tokens) && tokens >= 0 && tokens <= INT32_MAX)
			*member = tokens;
	}
}

int64_t
usage_total_input(const struct usage *usage)
{
	const int64_t kinds[] = {usage->input, usage->cache_write, usage->cache_read};
	int64_t total = -1;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i] >= 0)
			total = kinds[i] + (total < 0 ? 0 : total);
	return total;
}

/* SPDX-License-Identifier: MIT */
#include "dialect/openai_read.h"

#include "base/count.h"
#include "base/digest.h"

#include <stddef.h>
#include <string.h>

void
openai_read_text(struct scan *s, struct json_text *text)
{
	struct span span;
	*text = scan_string(s, &span) ? (struct json_text){s->text + span.at, span.len}
				      : (struct json_text){0};
}

struct json_text
openai_read_value(struct scan *s)
{
	size_t at = scan_here(s);
	scan_skip(s);
	return (struct json_text){s->text + at, s->at - at};
}

uint64_t
openai_seed(struct json_text id, int64_t created, int64_t input_tokens)
{
	uint8_t hash[DIGEST_SIZE];
	uint64_t seed;
	digest_plain(id.at == NULL ? "" : id.at, id.len, hash);
	memcpy(&seed, hash, sizeof seed);
	return seed ^ (uint64_t)created ^ (uint64_t)input_tokens << 32;
}

bool
openai_is_word(struct json_text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

/* --- Usage ------------------------------------------------------------------------ */

/* As they are reported: prompt holds the other two. */
struct counts {
	int64_t prompt, completion, cached, written;
};

static const struct {
	const char *name;
	size_t offset;
} count_members[] = {
    {"prompt_tokens", offsetof(struct counts, prompt)},
    {"input_tokens", offsetof(struct counts, prompt)},
    {"completion_tokens", offsetof(struct counts, completion)},
    {"output_tokens", offsetof(struct counts, completion)},
    {"cached_tokens", offsetof(struct counts, cached)},
    {"prompt_cache_hit_tokens", offsetof(struct counts, cached)},
    {"cache_write_tokens", offsetof(struct counts, written)},
};

/* Negative and absurd counts do not count. */
static void
read_count(struct scan *s, struct span key, struct counts *counts)
{
	int64_t value;
	for (size_t i = 0; i < COUNT(count_members); i++) {
		if (!span_is(s->text, key, count_members[i].name))
			continue;
		if (scan_integer(s, &value) && value >= 0 && value <= INT32_MAX)
			*(int64_t *)((char *)counts + count_members[i].offset) = value;
		return;
	}
	scan_skip(s);
}

static void
read_counts(struct scan *s, struct counts *counts)
{
	struct span key, inner;
	for (scan_object(s); scan_member(s, &key);) {
		if (!span_is(s->text, key, "prompt_tokens_details") &&
		    !span_is(s->text, key, "input_tokens_details")) {
			read_count(s, key, counts);
			continue;
		}
		for (scan_object(s); scan_member(s, &inner);)
			read_count(s, inner, counts);
	}
}

bool
openai_read_usage(struct scan *s, struct usage *usage)
{
	struct counts c = {-1, -1, -1, -1};
	if (scan_peek(s) != SCAN_OBJECT) {
		scan_skip(s);
		return false;
	}
	read_counts(s, &c);
	int64_t apart = (c.cached > 0 ? c.cached : 0) + (c.written > 0 ? c.written : 0);
	*usage = USAGE_NONE;
	usage->input = c.prompt < 0 ? -1 : c.prompt > apart ? c.prompt - apart : 0;
	usage->cache_read = c.cached;
	usage->cache_write = c.written;
	usage->output = c.completion;
	return c.prompt >= 0 || c.completion >= 0;
}

/* --- Errors ----------------------------------------------------------------------- */

static void
read_code(struct scan *s, struct openai_failure *failure)
{
	enum scan_kind kind = scan_peek(s);
	if (kind == SCAN_STRING || kind == SCAN_NUMBER)
		failure->code = openai_read_value(s);
	else
		scan_skip(s);
}

void
openai_read_failure_member(struct scan *s, struct span key, struct openai_failure *failure)
{
	if (span_is(s->text, key, "type"))
		openai_read_text(s, &failure->type);
	else if (span_is(s->text, key, "message"))
		openai_read_text(s, &failure->message);
	else if (span_is(s->text, key, "code"))
		read_code(s, failure);
	else
		scan_skip(s);
}

void
openai_read_failure(struct scan *s, struct openai_failure *failure)
{
	struct span key;
	enum scan_kind kind = scan_peek(s);
	if (kind != SCAN_OBJECT && kind != SCAN_STRING) {
		scan_skip(s);
		return;
	}
	failure->is_error = true;
	if (kind == SCAN_STRING)
		openai_read_text(s, &failure->message);
	else
		for (scan_object(s); scan_member(s, &key);)
			openai_read_failure_member(s, key, failure);
}

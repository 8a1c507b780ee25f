/* SPDX-License-Identifier: MIT */
#include "dialect/usage.h"

#include "base/count.h"

#include <stddef.h>
#include <string.h>

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

static void
read_estimated(struct usage *usage, struct scan *s)
{
	bool estimated = false;
	if (scan_bool(s, &estimated))
		usage->is_estimated = estimated;
}

/* What was written to the cache, if only in its two token_kinds. */
static int64_t
written(const struct usage *u)
{
	if (u->cache_write >= 0 || (u->cache_5m < 0 && u->cache_1h < 0))
		return u->cache_write;
	return (u->cache_5m < 0 ? 0 : u->cache_5m) + (u->cache_1h < 0 ? 0 : u->cache_1h);
}

/* --- Iterations ----------------------------------------------------------- */

/* The counts of tokens that iterations have, in the order of struct usage_tokens. */
static const size_t token_kinds[] = {
    offsetof(struct usage, input),       offsetof(struct usage, cache_read),
    offsetof(struct usage, cache_write), offsetof(struct usage, cache_5m),
    offsetof(struct usage, cache_1h),    offsetof(struct usage, output),
};
_Static_assert(sizeof(struct usage_tokens) == COUNT(token_kinds) * sizeof(int64_t), "one for each");

static int64_t *
count_of(struct usage_tokens *tokens, size_t kind)
{
	return (int64_t *)tokens + kind;
}

/* What is not reported is 0. */
static void
add_tokens(struct usage_tokens *tokens, struct usage *iteration)
{
	for (size_t i = 0; i < COUNT(token_kinds); i++)
		if (*place(iteration, token_kinds[i]) > 0)
			*count_of(tokens, i) += *place(iteration, token_kinds[i]);
}

/* The part of a model; NULL: there is no room for it. */
static struct usage_part *
part_of(struct usage_iterations *all, const char *model)
{
	for (unsigned i = 0; i < all->n; i++)
		if (strcmp(all->parts[i].model, model) == 0)
			return &all->parts[i];
	if (all->n == COUNT(all->parts) || strlen(model) >= USAGE_NAME_MAX)
		return NULL;
	struct usage_part *part = &all->parts[all->n++];
	memcpy(part->model, model, strlen(model) + 1);
	return part;
}

/* An entry without a model, as compactions have none, is of the one that answers. Of the types
 * only these are in the response's sums: PROTOCOLS.md 1. */
static void
read_iteration(struct usage *reported, struct scan *s, const char *answers)
{
	struct usage iteration = USAGE_NONE;
	struct span key, type = {0, 0};
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "type"))
			scan_string(s, &type);
		else if (span_is(s->text, key, "model"))
			usage_read_model(&iteration, s);
		else if (span_is(s->text, key, "cache_creation"))
			read_object(&iteration, s, splits, COUNT(splits));
		else if (!read_member(&iteration, s, key, counts, COUNT(counts)))
			scan_skip(s);
	iteration.cache_write = written(&iteration);
	reported->is_odd |= iteration.is_odd;
	if (span_is(s->text, type, "message") || span_is(s->text, type, "fallback_message"))
		add_tokens(&reported->iterations.inside, &iteration);
	bool is_own = strcmp(iteration.model, answers) == 0;
	struct usage_part *part = part_of(&reported->iterations, is_own ? "" : iteration.model);
	if (part != NULL)
		add_tokens(&part->tokens, &iteration);
	else
		reported->iterations.is_cut = true;
}

static void
read_iterations(struct usage *reported, struct scan *s, const char *answers)
{
	reported->iterations = (struct usage_iterations){0};
	for (scan_array(s); scan_element(s);) {
		part_of(&reported->iterations, "");
		read_iteration(reported, s, answers);
	}
}

/* --- A usage object ------------------------------------------------------- */

static struct usage
read_all(struct scan *s, const char *answers)
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
		else if (span_is(s->text, key, "estimated"))
			read_estimated(&reported, s);
		else if (span_is(s->text, key, "iterations"))
			read_iterations(&reported, s, answers);
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
	struct usage reported = read_all(s, usage->model);
	drop_zeros(&reported, usage);
	for (size_t i = 0; i < COUNT(token_kinds); i++)
		if (*place(&reported, token_kinds[i]) >= 0)
			*place(usage, token_kinds[i]) = *place(&reported, token_kinds[i]);
	if (reported.searches >= 0)
		usage->searches = reported.searches;
	if (reported.iterations.n > 0)
		usage->iterations = reported.iterations;
	usage->is_fast |= reported.is_fast;
	usage->is_estimated |= reported.is_estimated;
	usage->is_odd |= reported.is_odd;
}

void
usage_read_model(struct usage *usage, struct scan *s)
{
	struct span model;
	if (scan_string(s, &model))
		span_unescape(s->text, model, usage->model, sizeof usage->model);
}

/* What the response's sums hold beyond its iterations is the answering model's. */
static void
add_rest(struct usage *own, const struct usage *u)
{
	struct usage sums = *u;
	struct usage_tokens inside = u->iterations.inside;
	for (size_t i = 0; i < COUNT(token_kinds); i++) {
		int64_t rest = *place(&sums, token_kinds[i]) - *count_of(&inside, i);
		if (rest > 0)
			*place(own, token_kinds[i]) += rest;
	}
}

size_t
usage_split(const struct usage *u, struct usage parts[static USAGE_MODELS_MAX])
{
	const struct usage_iterations *all = &u->iterations;
	parts[0] = *u;
	parts[0].iterations = (struct usage_iterations){0};
	parts[0].model[0] = '\0';
	for (size_t i = 0; i < all->n; i++) {
		struct usage_tokens tokens = all->parts[i].tokens;
		if (i > 0)
			parts[i] = (struct usage){.is_fast = u->is_fast};
		for (size_t k = 0; k < COUNT(token_kinds); k++)
			*place(&parts[i], token_kinds[k]) = *count_of(&tokens, k);
		memcpy(parts[i].model, all->parts[i].model, USAGE_NAME_MAX);
	}
	if (all->n > 0)
		add_rest(&parts[0], u);
	return all->n > 0 ? all->n : 1;
}

struct usage
usage_sum(const struct usage *u)
{
	struct usage parts[USAGE_MODELS_MAX] = {{0}};
	size_t n = usage_split(u, parts);
	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < COUNT(token_kinds); k++)
			*place(&parts[0], token_kinds[k]) += *place(&parts[i], token_kinds[k]);
	memcpy(parts[0].model, u->model, sizeof parts[0].model);
	return parts[0];
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

/* SPDX-License-Identifier: MIT */
#include "config/kinds.h"

#include "base/count.h"
#include "base/network.h"
#include "config/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void *
setting_field(const struct setting *option, void *target)
{
	return (char *)target + option->offset;
}

static size_t *
count_of(const struct setting *option, void *target)
{
	return (size_t *)(void *)((char *)target + option->count_offset);
}

static bool
in_bounds(const struct setting *option, int64_t value)
{
	return value >= option->min && value <= option->max;
}

enum taken
setting_parse_time(const struct setting *option, void *target, const char *text)
{
	int64_t ms;
	if (!text_read_time(text, &ms) || !in_bounds(option, ms))
		return WRONG;
	memcpy(setting_field(option, target), &ms, sizeof ms);
	return TAKEN;
}

void
setting_allowed_time(const struct setting *option, struct buf *out)
{
	char min[32], max[32];
	text_show_time(option->min, min);
	text_show_time(option->max, max);
	buf_append_cut(out,
		       "use a time from %s to %s: seconds (1.5), or \"500ms\", \"90s\", "
		       "\"10m\", \"8h\"",
		       min, max);
}

enum taken
setting_parse_drain(const struct setting *option, void *target, const char *text)
{
	const int64_t automatic = -1;
	if (strcmp(text, "auto") != 0)
		return setting_parse_time(option, target, text);
	memcpy(setting_field(option, target), &automatic, sizeof automatic);
	return TAKEN;
}

enum taken
setting_parse_whole(const struct setting *option, void *target, const char *text)
{
	uint64_t value;
	if (!text_read_digits(&text, 9, &value) || *text != '\0' ||
	    !in_bounds(option, (int64_t)value))
		return WRONG;
	unsigned number = (unsigned)value;
	memcpy(setting_field(option, target), &number, sizeof number);
	return TAKEN;
}

void
setting_allowed_whole(const struct setting *option, struct buf *out)
{
	buf_append_cut(out, "use a whole number from %" PRId64 " to %" PRId64, option->min,
		       option->max);
}

enum taken
setting_parse_size(const struct setting *option, void *target, const char *text)
{
	int64_t bytes;
	if (!text_read_size(text, &bytes) || !in_bounds(option, bytes))
		return WRONG;
	size_t size = (size_t)bytes;
	memcpy(setting_field(option, target), &size, sizeof size);
	return TAKEN;
}

void
setting_allowed_size(const struct setting *option, struct buf *out)
{
	char min[32], max[32];
	text_show_size(option->min, min);
	text_show_size(option->max, max);
	buf_append_cut(out, "use a size from %s to %s: bytes, or \"64K\", \"32M\"", min, max);
}

enum taken
setting_parse_switch(const struct setting *option, void *target, const char *text)
{
	static const struct {
		const char *word;
		bool on;
	} switches[] = {{"true", true},   {"on", true},   {"yes", true},
			{"false", false}, {"off", false}, {"no", false}};
	for (size_t i = 0; i < COUNT(switches); i++) {
		if (strcasecmp(switches[i].word, text) != 0)
			continue;
		memcpy(setting_field(option, target), &switches[i].on, sizeof switches[i].on);
		return TAKEN;
	}
	return WRONG;
}

enum taken
setting_parse_choice(const struct setting *option, void *target, const char *text)
{
	for (const struct choice *choice = option->choices; choice->word != NULL; choice++) {
		if (strcmp(choice->word, text) != 0)
			continue;
		memcpy(setting_field(option, target), &choice->means, sizeof choice->means);
		return TAKEN;
	}
	return WRONG;
}

void
setting_allowed_choice(const struct setting *option, struct buf *out)
{
	const struct choice *choice = option->choices;
	for (; choice->word != NULL; choice++)
		buf_append_cut(out, "%s%s",
			       choice == option->choices    ? "use "
			       : (choice + 1)->word == NULL ? " or "
							    : ", ",
			       choice->word);
}

enum taken
setting_store(char **place, const char *text, size_t n)
{
	char *copy = strndup(text, n);
	if (copy == NULL)
		return NO_MEMORY;
	free(*place);
	*place = copy;
	return TAKEN;
}

enum taken
setting_parse_text(const struct setting *option, void *target, const char *text)
{
	if (!option->check(text))
		return WRONG;
	return setting_store(setting_field(option, target), text, strlen(text));
}

enum taken
setting_parse_optional(const struct setting *option, void *target, const char *text)
{
	if (text[0] != '\0')
		return setting_parse_text(option, target, text);
	char **place = setting_field(option, target);
	free(*place);
	*place = NULL;
	return TAKEN;
}

enum taken
setting_parse_url(const struct setting *option, void *target, const char *text)
{
	if (!text_is_provider_url(text))
		return WRONG;
	return setting_store(setting_field(option, target), text, text_url_length(text));
}

enum taken
setting_parse_host(const struct setting *option, void *target, const char *text)
{
	char ***hosts = setting_field(option, target);
	size_t *n = count_of(option, target);
	if (!text_is_host(text))
		return WRONG;
	char **longer = realloc(*hosts, (*n + 1) * sizeof *longer);
	if (longer == NULL)
		return NO_MEMORY;
	*hosts = longer;
	longer[*n] = strdup(text);
	// gcc-suppress analyzer-malloc-leak ; *hosts keeps it
	if (longer[*n] == NULL)
		return NO_MEMORY;
	(*n)++;
	return TAKEN;
}

enum taken
setting_parse_network(const struct setting *option, void *target, const char *text)
{
	struct network **networks = setting_field(option, target);
	size_t *n = count_of(option, target);
	struct network network;
	if (!network_read(text, &network))
		return WRONG;
	struct network *longer = realloc(*networks, (*n + 1) * sizeof *longer);
	if (longer == NULL)
		return NO_MEMORY;
	*networks = longer;
	longer[(*n)++] = network;
	return TAKEN;
}

void
setting_allowed(const struct setting *option, struct buf *out)
{
	if (option->allowed_text != NULL)
		buf_append_cut(out, "%s", option->allowed_text);
	else
		option->allowed(option, out);
}

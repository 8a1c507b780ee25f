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
setting_field(const struct setting *setting, void *target)
{
	return (char *)target + setting->offset;
}

static size_t *
count_of(const struct setting *setting, void *target)
{
	return (size_t *)(void *)((char *)target + setting->count_offset);
}

static bool
in_bounds(const struct setting *setting, int64_t value)
{
	return value >= setting->min && value <= setting->max;
}

enum parse_result
setting_parse_time(const struct setting *setting, void *target, const char *text)
{
	int64_t ms;
	if (!text_read_time(text, &ms) || !in_bounds(setting, ms))
		return PARSE_BAD;
	memcpy(setting_field(setting, target), &ms, sizeof ms);
	return PARSE_OK;
}

void
setting_allowed_time(const struct setting *setting, struct buf *out)
{
	char min[32], max[32];
	text_show_time(setting->min, min);
	text_show_time(setting->max, max);
	buf_append_cut(out,
		       "use a time from %s to %s: seconds (1.5), or \"500ms\", \"90s\", "
		       "\"10m\", \"8h\"",
		       min, max);
}

enum parse_result
setting_parse_drain(const struct setting *setting, void *target, const char *text)
{
	const int64_t automatic = -1;
	if (strcmp(text, "auto") != 0)
		return setting_parse_time(setting, target, text);
	memcpy(setting_field(setting, target), &automatic, sizeof automatic);
	return PARSE_OK;
}

enum parse_result
setting_parse_whole(const struct setting *setting, void *target, const char *text)
{
	uint64_t value;
	if (!text_read_digits(&text, 9, &value) || *text != '\0' ||
	    !in_bounds(setting, (int64_t)value))
		return PARSE_BAD;
	unsigned number = (unsigned)value;
	memcpy(setting_field(setting, target), &number, sizeof number);
	return PARSE_OK;
}

void
setting_allowed_whole(const struct setting *setting, struct buf *out)
{
	buf_append_cut(out, "use a whole number from %" PRId64 " to %" PRId64, setting->min,
		       setting->max);
}

enum parse_result
setting_parse_size(const struct setting *setting, void *target, const char *text)
{
	int64_t bytes;
	if (!text_read_size(text, &bytes) || !in_bounds(setting, bytes))
		return PARSE_BAD;
	size_t size = (size_t)bytes;
	memcpy(setting_field(setting, target), &size, sizeof size);
	return PARSE_OK;
}

void
setting_allowed_size(const struct setting *setting, struct buf *out)
{
	char min[32], max[32];
	text_show_size(setting->min, min);
	text_show_size(setting->max, max);
	buf_append_cut(out, "use a size from %s to %s: bytes, or \"64K\", \"32M\"", min, max);
}

enum parse_result
setting_parse_cap(const struct setting *setting, void *target, const char *text)
{
	int64_t nano_usd = 0;
	if (!text_read_cap(text, &nano_usd))
		return PARSE_BAD;
	memcpy(setting_field(setting, target), &nano_usd, sizeof nano_usd);
	return PARSE_OK;
}

enum parse_result
setting_parse_switch(const struct setting *setting, void *target, const char *text)
{
	static const struct {
		const char *word;
		bool on;
	} switches[] = {{"true", true},   {"on", true},   {"yes", true},
			{"false", false}, {"off", false}, {"no", false}};
	for (size_t i = 0; i < COUNT(switches); i++) {
		if (strcasecmp(switches[i].word, text) != 0)
			continue;
		memcpy(setting_field(setting, target), &switches[i].on, sizeof switches[i].on);
		return PARSE_OK;
	}
	return PARSE_BAD;
}

enum parse_result
setting_parse_choice(const struct setting *setting, void *target, const char *text)
{
	for (const struct choice *choice = setting->choices; choice->word != NULL; choice++) {
		if (strcmp(choice->word, text) != 0)
			continue;
		memcpy(setting_field(setting, target), &choice->means, sizeof choice->means);
		return PARSE_OK;
	}
	return PARSE_BAD;
}

void
setting_allowed_choice(const struct setting *setting, struct buf *out)
{
	const struct choice *choice = setting->choices;
	for (; choice->word != NULL; choice++)
		buf_append_cut(out, "%s%s",
			       choice == setting->choices   ? "use "
			       : (choice + 1)->word == NULL ? " or "
							    : ", ",
			       choice->word);
}

enum parse_result
setting_store(char **place, const char *text, size_t n)
{
	char *copy = strndup(text, n);
	if (copy == NULL)
		return PARSE_NO_MEMORY;
	free(*place);
	*place = copy;
	return PARSE_OK;
}

enum parse_result
setting_parse_text(const struct setting *setting, void *target, const char *text)
{
	if (!setting->check(text))
		return PARSE_BAD;
	return setting_store(setting_field(setting, target), text, strlen(text));
}

enum parse_result
setting_parse_optional(const struct setting *setting, void *target, const char *text)
{
	if (text[0] != '\0')
		return setting_parse_text(setting, target, text);
	char **place = setting_field(setting, target);
	free(*place);
	*place = NULL;
	return PARSE_OK;
}

enum parse_result
setting_parse_url(const struct setting *setting, void *target, const char *text)
{
	if (!text_is_provider_url(text))
		return PARSE_BAD;
	return setting_store(setting_field(setting, target), text, text_provider_url_length(text));
}

enum parse_result
setting_parse_host(const struct setting *setting, void *target, const char *text)
{
	char ***hosts = setting_field(setting, target);
	size_t *n = count_of(setting, target);
	if (!text_is_host(text))
		return PARSE_BAD;
	char **longer = realloc(*hosts, (*n + 1) * sizeof *longer);
	if (longer == NULL)
		return PARSE_NO_MEMORY;
	*hosts = longer;
	longer[*n] = strdup(text);
	// gcc-suppress analyzer-malloc-leak ; *hosts keeps it
	if (longer[*n] == NULL)
		return PARSE_NO_MEMORY;
	(*n)++;
	return PARSE_OK;
}

enum parse_result
setting_parse_network(const struct setting *setting, void *target, const char *text)
{
	struct network **networks = setting_field(setting, target);
	size_t *n = count_of(setting, target);
	struct network network;
	if (!network_read(text, &network))
		return PARSE_BAD;
	struct network *longer = realloc(*networks, (*n + 1) * sizeof *longer);
	if (longer == NULL)
		return PARSE_NO_MEMORY;
	*networks = longer;
	longer[(*n)++] = network;
	return PARSE_OK;
}

void
setting_allowed(const struct setting *setting, struct buf *out)
{
	if (setting->allowed_text != NULL)
		buf_append_cut(out, "%s", setting->allowed_text);
	else
		setting->allowed(setting, out);
}

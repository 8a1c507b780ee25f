/* SPDX-License-Identifier: MIT */
/* Kimi's Messages API: PROTOCOLS.md 3, 5, 6. */

#include "base/str.h"
#include "dialect/dialect.h"
#include "dialect/origin.h"
#include "dialect/rewrite.h"

#include <string.h>

#define OUTPUT_TOKENS 32768 /* max_tokens counts against the limit per minute */

/* Sampling is fixed. */
static const char *const plain[] = {"stream", NULL};

/* What is known of a model; the first whose prefix matches counts. */
struct model_facts {
	const char *begin;
	int64_t context_tokens;
	size_t max_bytes;
	bool takes_enabled;  /* thinking {enabled} is accepted, and needed */
	bool takes_disabled; /* so is {disabled} */
	const char *named_tool;
};

static const struct model_facts models[] = {
    {"kimi-for-coding", 262144, 2 * 1024 * 1024, false, false, "any"},
    {"kimi-k2.6", 262144, SIZE_MAX, true, true, "auto"},
    {"kimi-k2", 262144, SIZE_MAX, true, false, "auto"},
    {"", 1000000, SIZE_MAX, false, false, "any"}, /* kimi-k3 */
};

static const struct model_facts *
facts_of(const char *model)
{
	const struct model_facts *f = models;
	while (!str_starts_with(model, f->begin))
		f++;
	return f;
}

static void
kimi_choose(const struct handover *handover, enum thinking asked, struct rewrite_choice *choice)
{
	const struct model_facts *f = facts_of(choice->model);
	if (asked == THINKING_ON && f->takes_enabled)
		choice->thinking = "enabled";
	if (asked == THINKING_OFF && f->takes_disabled)
		choice->thinking = "disabled";
	choice->effort = true;
	choice->placeholder = (handover->quirks & QUIRK_THINKING_PLACEHOLDER) != 0;
	choice->named_tool = f->named_tool;
}

static const struct rewrite_rules rules = {
    .plain = plain,
    .max_tokens = OUTPUT_TOKENS,
    .stops = 5,
    .stop_bytes = 32,
    .format = true,
    .cache_control = true,
    .choose = kimi_choose,
};

static enum handover_result
kimi_request(const struct handover *handover, struct buf *out)
{
	return rewrite_request(handover, &rules, out);
}

static const char *
kimi_refuses(const struct message *message, const char *model)
{
	const struct model_facts *f = facts_of(model);
	if (message->bytes > f->max_bytes)
		return "too large";
	return rewrite_refuses(message, f->context_tokens, false);
}

/* PROTOCOLS.md 3; 500 was seen with the same text. */
static unsigned
kimi_quirk(int status, const char *text)
{
	bool is_asked = strstr(text, "reasoning_content is missing") != NULL;
	return (status == 400 || status == 500) && is_asked ? QUIRK_THINKING_PLACEHOLDER : 0;
}

const struct dialect dialect_kimi = {
    .name = "kimi",
    .context_tokens = 1000000,
    .refuses = kimi_refuses,
    .encode = kimi_request,
    .decode_event = origin_mark_event,
    .decode_json = origin_mark_json,
    .quirk = kimi_quirk,
};

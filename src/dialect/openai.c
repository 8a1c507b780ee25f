/* SPDX-License-Identifier: MIT */
/* Chat Completions, of OpenAI and of servers that speak like it: PROTOCOLS.md 8. */

#include "dialect/openai.h"

#include "base/str.h"

#include <limits.h>
#include <string.h>

/* The first whose beginning matches counts. */
static const struct openai_model models[] = {
    {"gpt-oss", false, "low", "high", false, true, true, 131072, 65536},
    {"gpt-6", true, "none", "xhigh", true, false, true, 1050000, 128000},
    {"gpt-5.6", true, "none", "xhigh", true, false, true, 1050000, 128000},
    {"gpt-5.5", true, "none", "xhigh", true, false, true, 1050000, 128000},
    {"gpt-5.4", true, "none", "xhigh", true, false, true, 1050000, 128000},
    {"gpt-5.3", true, "none", "xhigh", true, false, true, 272000, 128000},
    {"gpt-5.2", true, "none", "xhigh", true, false, true, 272000, 128000},
    {"gpt-5.1", true, "none", "high", false, false, true, 272000, 128000},
    {"gpt-5-chat", true, NULL, NULL, false, true, true, 128000, 16384},
    {"gpt-5", true, "minimal", "high", false, false, true, 272000, 128000},
    {"gpt-4.1", true, NULL, NULL, false, true, true, 1047576, 32768},
    {"gpt-4o", true, NULL, NULL, false, true, true, 128000, 16384},
    {"o1", true, "low", "high", false, false, false, 200000, 100000},
    {"o3", true, "low", "high", false, false, false, 200000, 100000},
    {"o4", true, "low", "high", false, false, false, 200000, 100000},
    {"", false, NULL, NULL, false, true, true, 1000000, INT_MAX},
};

const struct openai_model *
openai_model(const char *name)
{
	static const char maker[] = "openai/";
	const struct openai_model *m = models;
	if (str_starts_with(name, maker))
		name += strlen(maker);
	while (!str_starts_with(name, m->begin))
		m++;
	return m;
}

void
openai_choose(const struct handover *handover, enum thinking asked, struct rewrite_choice *choice)
{
	choice->thinking = asked == THINKING_ON ? "enabled" : NULL;
	choice->placeholder = (handover->quirks & QUIRK_THINKING_PLACEHOLDER) != 0;
	choice->documents = openai_model(choice->model)->is_openai;
	choice->named_tool = "tool";
}

static const char *const plain[] = {"stream", "temperature", "top_p", NULL};

static const struct rewrite_rules rules = {
    .plain = plain,
    .max_tokens = INT_MAX,
    .stops = 4,
    .stop_bytes = SIZE_MAX,
    .format = true,
    .image_urls = true,
    .signatures = true,
    .choose = openai_choose,
    .form = openai_request,
};

static enum handover_result
openai_encode(const struct handover *handover, struct buf *out)
{
	return rewrite_request(handover, &rules, out);
}

const char *
openai_refuses(const struct message *message, const char *model)
{
	return rewrite_refuses(message, openai_model(model)->context_tokens, false);
}

/* Whether text contains one of these words. */
static bool
contains(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strstr(text, *words) != NULL)
			return true;
	return false;
}

static unsigned
effort_quirk(const char *text)
{
	static const char *const alone[] = {"/v1/responses", "'none'", NULL};
	static const char *const tools[] = {"tools", NULL};
	return contains(text, alone) && contains(text, tools) ? QUIRK_NO_REASONING
							      : QUIRK_NO_EFFORT;
}

static unsigned
max_tokens_quirk(const char *text)
{
	static const char *const too_many[] = {"too large", "too high", "at most",
					       "maximum context length", NULL};
	return contains(text, too_many) ? QUIRK_NO_MAX_TOKENS : QUIRK_OTHER_MAX_TOKENS;
}

/* PROTOCOLS.md 8, Pitfalls. The first that the text names. */
static unsigned
openai_quirk(int status, const char *text)
{
	static const char *const effort[] = {"reasoning_effort", "reasoningEffort", NULL};
	static const char *const back[] = {"must be passed back", "reasoning_content is missing",
					   "Missing `reasoning_content`", NULL};
	static const char *const replay[] = {"reasoning_content", "reasoning is not supported",
					     "property 'reasoning'", NULL};
	static const char *const limits[] = {"max_tokens", "max_completion_tokens",
					     "in the completion", NULL};
	static const char *const usage[] = {"stream_options", "include_usage", NULL};
	static const char *const sampling[] = {"temperature", "top_p", "'stop'", "\"stop\"", NULL};
	static const char *const spent[] = {"Could not finish the message", NULL};
	if ((status != 400 && status != 422) || contains(text, spent))
		return 0;
	if (contains(text, effort))
		return effort_quirk(text);
	if (contains(text, back))
		return QUIRK_THINKING_PLACEHOLDER;
	if (contains(text, replay))
		return QUIRK_NO_REPLAY;
	if (contains(text, limits))
		return max_tokens_quirk(text);
	if (contains(text, usage))
		return QUIRK_NO_USAGE;
	return contains(text, sampling) ? QUIRK_NO_SAMPLING : 0;
}

const struct dialect dialect_openai = {
    .name = "openai",
    .path = "/v1/chat/completions",
    .context_tokens = 1000000,
    .least_output = OPENAI_ROOM_TO_THINK,
    .refuses = openai_refuses,
    .encode = openai_encode,
    .translate_event = openai_stream_event,
    .translate_end = openai_stream_end,
    .first_words = "data: {\"id\":\"drill\",\"object\":\"chat.completion.chunk\",\"choices\":[{"
		   "\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
		   "\"This is a drill: \"},\"finish_reason\":null}]}\n\n",
    .decode_json = openai_json,
    .decode_error = openai_error,
    .quirk = openai_quirk,
};

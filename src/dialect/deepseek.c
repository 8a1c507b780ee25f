/* SPDX-License-Identifier: MIT */
/* DeepSeek's Messages API: PROTOCOLS.md 2, 5, 6. */

#include "base/str.h"
#include "dialect/dialect.h"
#include "dialect/origin.h"
#include "dialect/rewrite.h"

#include <string.h>

#define CONTEXT_TOKENS 1000000
#define OUTPUT_TOKENS  393216
#define THINKING_MIN   1024 /* max_tokens below it: thinking would use all of it */
#define PRO            "deepseek-v4-pro"
#define FLASH          "deepseek-flash"

/* Sampling has no effect while thinking, but is accepted. */
static const char *const plain[] = {"stream", "temperature", "top_p", NULL};

/* PROTOCOLS.md 2, 5: pro accepts no images, flash does. DeepSeek maps claude-opus* to pro. */
static const char *
deepseek_model(const struct message *message, const char *model)
{
	bool pro = strcmp(model, PRO) == 0 || str_starts_with(model, "claude-opus");
	return pro && (message->needs & NEED_IMAGES) != 0 ? FLASH : model;
}

/* Thinking is on by default, so the request always says which: off unless the client requested it,
 * as at Claude. It does not work with a forced tool. */
static void
deepseek_choose(const struct handover *handover, enum thinking asked, struct rewrite_choice *choice)
{
	const struct message *m = handover->message;
	bool tiny = m->max_tokens >= 0 && m->max_tokens < THINKING_MIN;
	bool on = asked == THINKING_ON && !tiny && (m->needs & NEED_FORCED_TOOL) == 0 &&
		  (handover->quirks & QUIRK_NO_THINKING) == 0;
	choice->model = deepseek_model(m, choice->model);
	choice->thinking = on ? "enabled" : "disabled";
	choice->effort = on; /* with {disabled}: 400 */
	choice->placeholder = on;
	choice->named_tool = "tool";
}

static const struct rewrite_rules rules = {
    .plain = plain,
    .max_tokens = OUTPUT_TOKENS,
    .stops = 16,
    .stop_bytes = SIZE_MAX,
    .system_role = true,
    .image_urls = true,
    .web_search = true,
    .signatures = true,
    .choose = deepseek_choose,
};

static enum handover_result
deepseek_request(const struct handover *handover, struct buf *out)
{
	return rewrite_request(handover, &rules, out);
}

static const char *
deepseek_refuses(const struct message *message, const char *model)
{
	(void)model; /* images: see deepseek_model() */
	return rewrite_refuses(message, CONTEXT_TOKENS, true);
}

/* PROTOCOLS.md 2, 9: the texts of its 400 and 422. */
static unsigned
deepseek_quirk(int status, const char *text)
{
	if (status != 400 && status != 422)
		return 0;
	if (strstr(text, "unknown variant `system`") != NULL)
		return QUIRK_SYSTEM_AS_USER;
	if (strstr(text, "in the thinking mode must be passed back") != NULL ||
	    strstr(text, "Thinking mode does not support") != NULL)
		return QUIRK_NO_THINKING;
	return 0;
}

const struct dialect dialect_deepseek = {
    .name = "deepseek",
    .context_tokens = CONTEXT_TOKENS,
    .refuses = deepseek_refuses,
    .model = deepseek_model,
    .encode = deepseek_request,
    .decode_event = origin_mark_event,
    .decode_json = origin_mark_json,
    .quirk = deepseek_quirk,
};

/* SPDX-License-Identifier: MIT */
/* OpenAI's Responses, where its models reason beside tools: PROTOCOLS.md 10. */

#include "dialect/responses.h"

#include "base/count.h"

#include <limits.h>
#include <string.h>

static const char *const plain[] = {"stream", "temperature", "top_p", NULL};

static const struct rewrite_rules rules = {
    .plain = plain,
    .max_tokens = INT_MAX,
    .format = true,
    .image_urls = true,
    .signatures = true,
    .sealed = true,
    .choose = openai_choose,
    .form = responses_request,
};

static enum handover_result
responses_encode(const struct handover *handover, struct buf *out)
{
	return rewrite_request(handover, &rules, out);
}

/* PROTOCOLS.md 10, Pitfalls. The first whose words the text has. */
static unsigned
responses_quirk(int status, const char *text)
{
	static const struct {
		const char *words;
		unsigned quirk;
	} quirks[] = {
	    {"reasoning.summary", QUIRK_NO_SUMMARY},
	    {"could not be verified", QUIRK_NO_SEALED},
	    {"Items are not persisted", QUIRK_NO_SEALED},
	    {"without its required following item", QUIRK_NO_SEALED},
	    {"Encrypted content is not supported", QUIRK_NO_REPLAY},
	    {"encrypted_content", QUIRK_NO_REPLAY},
	    {"reasoning.effort", QUIRK_NO_EFFORT},
	    {"max_output_tokens", QUIRK_NO_MAX_TOKENS},
	    {"'temperature'", QUIRK_NO_SAMPLING},
	    {"'top_p'", QUIRK_NO_SAMPLING},
	};
	if (status != 400 && status != 404 && status != 422)
		return 0;
	for (size_t i = 0; i < COUNT(quirks); i++)
		if (strstr(text, quirks[i].words) != NULL)
			return quirks[i].quirk;
	return 0;
}

const struct dialect dialect_responses = {
    .name = "openai-responses",
    .path = "/v1/responses",
    .context_tokens = 1000000,
    .least_output = OPENAI_ROOM_TO_THINK,
    .refuses = openai_refuses,
    .encode = responses_encode,
    .translate_event = responses_stream_event,
    .translate_end = responses_stream_end,
    .first_words = "data: {\"type\":\"response.created\",\"response\":{\"id\":\"drill\"}}\n\n"
		   "data: {\"type\":\"response.output_item.added\",\"output_index\":0,"
		   "\"item\":{\"type\":\"message\"}}\n\n"
		   "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,"
		   "\"delta\":\"This is a drill: \"}\n\n",
    .decode_json = responses_json,
    .decode_error = openai_error,
    .quirk = responses_quirk,
};

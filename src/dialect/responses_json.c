/* SPDX-License-Identifier: MIT */
/* A whole response as a message: PROTOCOLS.md 10, Answer. */

#include "dialect/responses.h"
#include "dialect/responses_event.h"
#include "dialect/translation_json.h"

struct message_out {
	struct translation_json json;
	bool refuses;
};

static void
put_parts(struct message_out *m, struct json_text array)
{
	struct responses_list list;
	struct responses_part part;
	responses_list_begin(&list, array);
	while (!m->json.full && responses_list_part(&list, &part)) {
		m->refuses |= part.is_refusal;
		translation_json_text(&m->json, part.text);
	}
}

/* The paragraphs of a summary, as one text. */
static bool
join(struct json_text array, struct buf *text)
{
	struct responses_list list;
	struct responses_part part;
	responses_list_begin(&list, array);
	while (responses_list_part(&list, &part))
		if ((text->len > 0 && !buf_puts(text, "\\n\\n")) ||
		    (part.text.len > 0 && !buf_add(text, part.text.at, part.text.len)))
			return false;
	return true;
}

static void
put_reasoning(struct message_out *m, const struct responses_item *item)
{
	struct buf text, sealed;
	buf_init(&text, RESPONSE_JSON_MAX);
	buf_init(&sealed, RESPONSE_JSON_MAX);
	m->json.full |= !join(item->summary, &text) ||
			(text.len == 0 && !join(item->parts, &text)) ||
			!translation_sealed(item->id, item->encrypted, &sealed);
	translation_json_thinking(&m->json, (struct json_text){buf_text(&text), text.len}, NULL,
				  (struct json_text){buf_text(&sealed), sealed.len});
	buf_free(&text);
	buf_free(&sealed);
}

static void
put_item(struct message_out *m, const struct responses_item *item, size_t nth)
{
	if (item->kind == ITEM_MESSAGE)
		put_parts(m, item->parts);
	else if (item->kind == ITEM_REASONING)
		put_reasoning(m, item);
	else if (item->kind == ITEM_CALL)
		translation_json_call(&m->json, nth, &item->call);
}

static bool
put_message(const char *provider, int64_t input_tokens, const struct responses_event *response,
	    struct buf *out)
{
	struct responses_list list;
	struct responses_item item;
	struct message_out m = {
	    .json = {.provider = provider,
		     .out = out,
		     .input_tokens = input_tokens,
		     .seed = openai_seed(response->id, response->created, input_tokens)}};
	translation_json_begin(&m.json, response->id, response->model);
	responses_list_begin(&list, response->output);
	for (size_t i = 0; !m.json.full && responses_list_item(&list, &item); i++)
		put_item(&m, &item, i);
	return translation_json_end(
	    &m.json, responses_reason(response, m.json.calls > 0, m.refuses), &response->usage);
}

bool
responses_json(const char *provider, int64_t input_tokens, const char *json, size_t n,
	       struct buf *out)
{
	struct responses_event response;
	bool is_message = responses_event_read(json, n, &response) && response.has_response &&
			  !response.failure.is_error;
	return is_message ? put_message(provider, input_tokens, &response, out)
			  : buf_add(out, json, n);
}

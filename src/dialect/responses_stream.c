/* SPDX-License-Identifier: MIT */
/* A Responses stream on its way to the client: PROTOCOLS.md 10, Stream. */

#include "base/count.h"
#include "dialect/responses.h"
#include "dialect/responses_event.h"

/* --- Items that come whole ------------------------------------------------------------- */

/* Parts of a summary are paragraphs. */
static bool
take_paragraphs(struct translation *t, struct json_text array, struct buf *out)
{
	static const struct json_text gap = {"\\n\\n", 4};
	struct responses_list list;
	struct responses_part part;
	bool taken = true;
	responses_list_begin(&list, array);
	for (size_t i = 0; taken && responses_list_part(&list, &part); i++)
		taken = (i == 0 || translation_text(t, BLOCK_THINKING, gap, out)) &&
			translation_text(t, BLOCK_THINKING, part.text, out);
	return taken;
}

static bool
take_parts(struct translation *t, struct json_text array, struct buf *out)
{
	struct responses_list list;
	struct responses_part part;
	bool taken = true;
	responses_list_begin(&list, array);
	while (taken && responses_list_part(&list, &part)) {
		t->refuses |= part.is_refusal;
		taken = translation_text(t, BLOCK_TEXT, part.text, out);
	}
	return taken;
}

/* What an item holds, as far as its deltas have not said it: of a text, all or nothing. */
static bool
take_item(struct translation *t, const struct responses_item *item, int64_t index, struct buf *out)
{
	struct call_piece call = item->call;
	call.index = index;
	switch (item->kind) {
	case ITEM_MESSAGE:
		return !t->apart || take_parts(t, item->parts, out);
	case ITEM_REASONING:
		return (!t->apart || take_paragraphs(t, item->summary, out)) &&
		       (!t->apart || take_paragraphs(t, item->parts, out)) &&
		       translation_seal(t, item->id, item->encrypted, out);
	case ITEM_CALL:
		return translation_call(t, &call, out);
	default:
		return true;
	}
}

static bool
take_output(struct translation *t, struct json_text output, struct buf *out)
{
	struct responses_list list;
	struct responses_item item;
	bool taken = true;
	responses_list_begin(&list, output);
	for (int64_t i = 0; taken && responses_list_item(&list, &item); i++) {
		translation_part(t);
		taken = take_item(t, &item, i, out);
	}
	return taken;
}

/* --- Events ---------------------------------------------------------------------------- */

/* Also before an event that is not response.created: its id and model may have been lost. */
static bool
take_start(struct translation *t, const struct responses_event *event, struct buf *out)
{
	if (!t->started)
		t->seed = openai_seed(event->id, event->created, t->input_tokens);
	return translation_start(t, event->id, event->model, out);
}

/* A call begins; of the others only that what follows is apart. */
static bool
take_added(struct translation *t, const struct responses_event *event, struct buf *out)
{
	struct call_piece call = event->item.call;
	translation_part(t);
	if (event->item.kind != ITEM_CALL)
		return true;
	call.index = event->output_index;
	call.arguments.len = 0;
	return translation_call(t, &call, out);
}

static bool
take_done(struct translation *t, const struct responses_event *event, struct buf *out)
{
	bool taken = take_item(t, &event->item, event->output_index, out);
	translation_part(t);
	return taken;
}

static bool
take_text(struct translation *t, const struct responses_event *event, struct buf *out)
{
	return translation_text(t, BLOCK_TEXT, event->delta, out);
}

static bool
take_refusal(struct translation *t, const struct responses_event *event, struct buf *out)
{
	t->refuses = true;
	return take_text(t, event, out);
}

static bool
take_thinking(struct translation *t, const struct responses_event *event, struct buf *out)
{
	return translation_text(t, BLOCK_THINKING, event->delta, out);
}

static bool
take_paragraph(struct translation *t, const struct responses_event *event, struct buf *out)
{
	static const struct json_text gap = {"\\n\\n", 4};
	return t->apart || event->summary_index <= 0 ||
	       translation_text(t, BLOCK_THINKING, gap, out);
}

static bool
take_arguments(struct translation *t, const struct responses_event *event, struct buf *out)
{
	const struct call_piece piece = {.index = event->output_index, .arguments = event->delta};
	return translation_call(t, &piece, out);
}

/* The response has ended. A server that sent no deltas says all of it now. */
static bool
take_end(struct translation *t, const struct responses_event *event, struct buf *out)
{
	bool taken = t->n > 0 || take_output(t, event->output, out);
	t->stop_reason = responses_reason(event, translation_has_calls(t), t->refuses);
	return taken && translation_end(t, out);
}

/* Those that are not here add nothing: a done repeats its deltas, and our requests ask for no tool
 * of the provider's. */
static const struct {
	const char *type;
	bool (*take)(struct translation *t, const struct responses_event *event, struct buf *out);
} takes[] = {
    {"response.output_text.delta", take_text},
    {"response.function_call_arguments.delta", take_arguments},
    {"response.reasoning_summary_text.delta", take_thinking},
    {"response.reasoning_text.delta", take_thinking},
    {"response.refusal.delta", take_refusal},
    {"response.reasoning_summary_part.added", take_paragraph},
    {"response.output_item.added", take_added},
    {"response.output_item.done", take_done},
    {"response.created", take_start},
    {"response.in_progress", take_start},
    {"response.completed", take_end},
    {"response.incomplete", take_end},
};

static bool
take(struct translation *t, const struct responses_event *event, struct buf *out)
{
	if (event->has_usage)
		t->usage = event->usage;
	if (event->failure.is_error)
		return openai_fail(t, &event->failure, out);
	if (event->type.len == 0) /* JSON in place of a stream */
		return !event->has_response ||
		       (take_start(t, event, out) && take_end(t, event, out));
	for (size_t i = 0; i < COUNT(takes); i++)
		if (openai_is_word(event->type, takes[i].type))
			return take_start(t, event, out) && takes[i].take(t, event, out);
	return true;
}

bool
responses_stream_event(struct translation *t, const struct sse_event *event, struct buf *out)
{
	struct responses_event read;
	if (t->ended)
		return true;
	bool is_event = responses_event_read(event->data, event->data_len, &read);
	if (event->kind == SSE_ERROR)
		return openai_fail(t, &read.failure, out);
	return !is_event || take(t, &read, out);
}

/* Only response.completed and its like end a message. */
bool
responses_stream_end(struct translation *t, struct buf *out)
{
	(void)t;
	(void)out;
	return true;
}

/* SPDX-License-Identifier: MIT */
#include "dialect/responses_event.h"

#include "base/count.h"

/* --- Items ---------------------------------------------------------------------------- */

static enum responses_kind
kind_of(struct json_text type)
{
	static const struct {
		const char *type;
		enum responses_kind kind;
	} kinds[] = {
	    {"message", ITEM_MESSAGE}, {"reasoning", ITEM_REASONING}, {"function_call", ITEM_CALL}};
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (openai_is_word(type, kinds[i].type))
			return kinds[i].kind;
	return ITEM_OTHER;
}

static void
read_array(struct scan *s, struct json_text *array)
{
	if (scan_peek(s) == SCAN_ARRAY)
		*array = openai_read_value(s);
	else
		scan_skip(s);
}

static void
read_arguments(struct scan *s, struct call_piece *call)
{
	call->is_object = scan_peek(s) == SCAN_OBJECT;
	if (call->is_object)
		call->arguments = openai_read_value(s);
	else
		openai_read_text(s, &call->arguments);
}

static void
read_item(struct scan *s, struct responses_item *item)
{
	struct span key;
	struct json_text type = {0};
	*item = (struct responses_item){.call = {.index = -1, .is_whole = true}};
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "type"))
			openai_read_text(s, &type);
		else if (span_is(s->text, key, "id"))
			openai_read_text(s, &item->id);
		else if (span_is(s->text, key, "content"))
			read_array(s, &item->parts);
		else if (span_is(s->text, key, "summary"))
			read_array(s, &item->summary);
		else if (span_is(s->text, key, "encrypted_content"))
			openai_read_text(s, &item->encrypted);
		else if (span_is(s->text, key, "call_id"))
			openai_read_text(s, &item->call.id);
		else if (span_is(s->text, key, "name"))
			openai_read_text(s, &item->call.name);
		else if (span_is(s->text, key, "arguments"))
			read_arguments(s, &item->call);
		else
			scan_skip(s);
	item->kind = kind_of(type);
}

/* --- The response ----------------------------------------------------------------------- */

static void
read_incomplete(struct scan *s, struct responses_event *event)
{
	struct span key;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "reason"))
			openai_read_text(s, &event->reason);
		else
			scan_skip(s);
}

static void
read_response_member(struct scan *s, struct span key, struct responses_event *event)
{
	if (span_is(s->text, key, "id"))
		openai_read_text(s, &event->id);
	else if (span_is(s->text, key, "model"))
		openai_read_text(s, &event->model);
	else if (span_is(s->text, key, "created_at"))
		scan_integer(s, &event->created);
	else if (span_is(s->text, key, "status"))
		openai_read_text(s, &event->status);
	else if (span_is(s->text, key, "incomplete_details"))
		read_incomplete(s, event);
	else if (span_is(s->text, key, "output"))
		read_array(s, &event->output);
	else if (span_is(s->text, key, "usage"))
		event->has_usage |= openai_read_usage(s, &event->usage);
	else if (span_is(s->text, key, "error"))
		openai_read_failure(s, &event->failure);
	else
		scan_skip(s);
}

static void
read_response(struct scan *s, struct responses_event *event)
{
	struct span key;
	event->has_response = scan_peek(s) == SCAN_OBJECT;
	for (scan_object(s); scan_member(s, &key);)
		read_response_member(s, key, event);
}

/* --- The event ---------------------------------------------------------------------------- */

/* {"object":"response",…}: one that is no event, but whole. */
static void
read_object(struct scan *s, struct responses_event *event)
{
	struct json_text object;
	openai_read_text(s, &object);
	event->has_response |= openai_is_word(object, "response");
	event->failure.is_error |= openai_is_word(object, "error");
}

static void
read_member(struct scan *s, struct span key, struct responses_event *event)
{
	if (span_is(s->text, key, "type"))
		openai_read_text(s, &event->type);
	else if (span_is(s->text, key, "delta"))
		openai_read_text(s, &event->delta);
	else if (span_is(s->text, key, "output_index"))
		scan_integer(s, &event->output_index);
	else if (span_is(s->text, key, "summary_index"))
		scan_integer(s, &event->summary_index);
	else if (span_is(s->text, key, "item"))
		read_item(s, &event->item);
	else if (span_is(s->text, key, "response"))
		read_response(s, event);
	else if (span_is(s->text, key, "object"))
		read_object(s, event);
	else if (span_is(s->text, key, "code") || span_is(s->text, key, "message"))
		openai_read_failure_member(s, key, &event->failure);
	else
		read_response_member(s, key, event);
}

bool
responses_event_read(const char *json, size_t n, struct responses_event *event)
{
	const struct responses_event nothing = {
	    .output_index = -1, .summary_index = -1, .usage = USAGE_NONE};
	struct scan s;
	struct span key;
	*event = nothing;
	scan_init(&s, json, n);
	bool is_object = scan_peek(&s) == SCAN_OBJECT;
	for (scan_object(&s); scan_member(&s, &key);)
		read_member(&s, key, event);
	event->failure.is_error |= openai_is_word(event->type, "error") ||
				   openai_is_word(event->type, "response.failed") ||
				   openai_is_word(event->status, "failed") ||
				   openai_is_word(event->status, "cancelled");
	bool is_whole = scan_end(&s) && is_object;
	if (!is_whole) /* half a value is none */
		*event = nothing;
	return is_whole;
}

/* --- Lists ----------------------------------------------------------------------------- */

void
responses_list_begin(struct responses_list *list, struct json_text array)
{
	scan_init(&list->s, array.len == 0 ? "[]" : array.at, array.len == 0 ? 2 : array.len);
	scan_array(&list->s);
}

bool
responses_list_item(struct responses_list *list, struct responses_item *item)
{
	if (!scan_element(&list->s))
		return false;
	read_item(&list->s, item);
	return true;
}

bool
responses_list_part(struct responses_list *list, struct responses_part *part)
{
	struct scan *s = &list->s;
	struct span key;
	*part = (struct responses_part){.is_refusal = false};
	if (!scan_element(s))
		return false;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "text")) {
			openai_read_text(s, &part->text);
		} else if (span_is(s->text, key, "refusal")) {
			openai_read_text(s, &part->text);
			part->is_refusal = true;
		} else {
			scan_skip(s);
		}
	return true;
}

/* --- Words ------------------------------------------------------------------------------ */

const char *
responses_reason(const struct responses_event *event, bool has_calls, bool refuses)
{
	if (openai_is_word(event->reason, "max_output_tokens"))
		return "max_tokens";
	if (openai_is_word(event->reason, "content_filter") || refuses)
		return "refusal";
	return has_calls ? "tool_use" : "end_turn";
}

/* SPDX-License-Identifier: MIT */
#include "dialect/openai_chunk.h"

#include <string.h>

static void
read_usage(struct scan *s, struct openai_chunk *chunk)
{
	chunk->has_usage |= openai_read_usage(s, &chunk->usage);
}

/* Groq's streams have it in an object of their own. */
static void
read_groq(struct scan *s, struct openai_chunk *chunk)
{
	struct span key;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "usage"))
			read_usage(s, chunk);
		else
			scan_skip(s);
}

/* --- The first choice ---------------------------------------------------------------- */

static void
read_thinking(struct scan *s, const char *field, struct openai_chunk *chunk)
{
	struct json_text text;
	openai_read_text(s, &text);
	if (text.len == 0 || chunk->thinking.len > 0) /* some send both, alike */
		return;
	chunk->thinking = text;
	chunk->field = field;
}

static void
read_content(struct scan *s, struct openai_chunk *chunk)
{
	if (scan_peek(s) == SCAN_ARRAY)
		chunk->parts = openai_read_value(s);
	else
		openai_read_text(s, &chunk->content);
}

static void
read_delta(struct scan *s, struct openai_chunk *chunk)
{
	struct span key;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "content"))
			read_content(s, chunk);
		else if (span_is(s->text, key, "tool_calls"))
			chunk->calls = openai_read_value(s);
		else if (span_is(s->text, key, "reasoning_content"))
			read_thinking(s, "reasoning_content", chunk);
		else if (span_is(s->text, key, "reasoning"))
			read_thinking(s, "reasoning", chunk);
		else if (span_is(s->text, key, "refusal"))
			openai_read_text(s, &chunk->refusal);
		else
			scan_skip(s);
}

static void
read_choice(struct scan *s, struct openai_chunk *chunk)
{
	struct span key;
	chunk->has_choice = true;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "delta") || span_is(s->text, key, "message"))
			read_delta(s, chunk);
		else if (span_is(s->text, key, "finish_reason"))
			openai_read_text(s, &chunk->finish);
		else
			scan_skip(s);
}

/* We never ask for more than one. */
static void
read_choices(struct scan *s, struct openai_chunk *chunk)
{
	for (scan_array(s); scan_element(s);)
		if (chunk->has_choice)
			scan_skip(s);
		else
			read_choice(s, chunk);
}

/* --- All of it ------------------------------------------------------------------------ */

/* vLLM: {"object":"error","message",…}. */
static void
read_object(struct scan *s, struct openai_chunk *chunk)
{
	struct json_text object;
	openai_read_text(s, &object);
	chunk->failure.is_error |= openai_is_word(object, "error");
}

static void
read_member(struct scan *s, struct span key, struct openai_chunk *chunk)
{
	if (span_is(s->text, key, "choices"))
		read_choices(s, chunk);
	else if (span_is(s->text, key, "usage"))
		read_usage(s, chunk);
	else if (span_is(s->text, key, "x_groq"))
		read_groq(s, chunk);
	else if (span_is(s->text, key, "id"))
		openai_read_text(s, &chunk->id);
	else if (span_is(s->text, key, "model"))
		openai_read_text(s, &chunk->model);
	else if (span_is(s->text, key, "created"))
		scan_integer(s, &chunk->created);
	else if (span_is(s->text, key, "error"))
		openai_read_failure(s, &chunk->failure);
	else if (span_is(s->text, key, "object"))
		read_object(s, chunk);
	else
		openai_read_failure_member(s, key, &chunk->failure);
}

bool
openai_chunk_read(const char *json, size_t n, struct openai_chunk *chunk)
{
	struct scan s;
	struct span key;
	*chunk = (struct openai_chunk){.usage = USAGE_NONE};
	scan_init(&s, json, n);
	bool is_object = scan_peek(&s) == SCAN_OBJECT;
	for (scan_object(&s); scan_member(&s, &key);)
		read_member(&s, key, chunk);
	bool is_whole = scan_end(&s) && is_object;
	if (!is_whole) /* half a value is none */
		*chunk = (struct openai_chunk){.usage = USAGE_NONE};
	return is_whole;
}

/* --- Lists ----------------------------------------------------------------------------- */

void
openai_list_begin(struct openai_list *list, struct json_text array)
{
	scan_init(&list->s, array.at, array.len);
	scan_array(&list->s);
}

bool
openai_list_part(struct openai_list *list, struct json_text *text)
{
	struct scan *s = &list->s;
	struct span key;
	*text = (struct json_text){0};
	if (!scan_element(s))
		return false;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "text"))
			openai_read_text(s, text);
		else
			scan_skip(s);
	return true;
}

static void
read_function(struct scan *s, struct call_piece *piece)
{
	struct span key;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "name")) {
			openai_read_text(s, &piece->name);
		} else if (!span_is(s->text, key, "arguments")) {
			scan_skip(s);
		} else if (scan_peek(s) == SCAN_OBJECT) {
			piece->is_object = true;
			piece->arguments = openai_read_value(s);
		} else {
			openai_read_text(s, &piece->arguments);
		}
}

bool
openai_list_call(struct openai_list *list, struct call_piece *piece)
{
	struct scan *s = &list->s;
	struct span key;
	*piece = (struct call_piece){.index = -1};
	if (!scan_element(s))
		return false;
	for (scan_object(s); scan_member(s, &key);)
		if (span_is(s->text, key, "index"))
			scan_integer(s, &piece->index);
		else if (span_is(s->text, key, "id"))
			openai_read_text(s, &piece->id);
		else if (span_is(s->text, key, "function"))
			read_function(s, piece);
		else
			scan_skip(s);
	return true;
}

/* --- Words ------------------------------------------------------------------------------ */

const char *
openai_chunk_reason(struct json_text finish, bool has_calls, bool has_refusal)
{
	if (openai_is_word(finish, "error"))
		return NULL;
	if (openai_is_word(finish, "length") || openai_is_word(finish, "max_tokens"))
		return "max_tokens";
	if (openai_is_word(finish, "content_filter") || has_refusal)
		return "refusal";
	return has_calls ? "tool_use" : "end_turn";
}

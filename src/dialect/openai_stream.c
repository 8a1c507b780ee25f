/* SPDX-License-Identifier: MIT */
/* A Chat Completions stream on its way to the client: PROTOCOLS.md 8, Stream. */

#include "dialect/openai.h"
#include "dialect/openai_chunk.h"

#include <string.h>

static bool
take_parts(struct translation *t, struct json_text parts, struct buf *out)
{
	struct openai_list list;
	struct json_text text;
	bool taken = true;
	if (parts.len == 0)
		return true;
	openai_list_begin(&list, parts);
	while (taken && openai_list_part(&list, &text))
		taken = translation_text(t, BLOCK_TEXT, text, out);
	return taken;
}

static bool
take_calls(struct translation *t, struct json_text calls, struct buf *out)
{
	struct openai_list list;
	struct call_piece piece;
	bool taken = true;
	if (calls.len == 0)
		return true;
	openai_list_begin(&list, calls);
	while (taken && openai_list_call(&list, &piece))
		taken = translation_call(t, &piece, out);
	return taken;
}

static bool
take_choice(struct translation *t, const struct openai_chunk *chunk, struct buf *out)
{
	if (!t->started)
		t->seed = openai_seed(chunk->id, chunk->created, t->input_tokens);
	if (t->mark == NULL)
		t->mark = chunk->field;
	t->refuses |= chunk->refusal.len > 0;
	return translation_start(t, chunk->id, chunk->model, out) &&
	       translation_text(t, BLOCK_THINKING, chunk->thinking, out) &&
	       translation_text(t, BLOCK_TEXT, chunk->content, out) &&
	       take_parts(t, chunk->parts, out) &&
	       translation_text(t, BLOCK_TEXT, chunk->refusal, out) &&
	       take_calls(t, chunk->calls, out);
}

/* The message does not end with it: its usage may follow. */
static bool
take_finish(struct translation *t, const struct openai_chunk *chunk, struct buf *out)
{
	if (chunk->finish.len == 0)
		return true;
	t->stop_reason = openai_chunk_reason(chunk->finish, translation_has_calls(t), t->refuses);
	return t->stop_reason != NULL || openai_fail(t, &chunk->failure, out);
}

static bool
take(struct translation *t, const struct openai_chunk *chunk, struct buf *out)
{
	if (chunk->has_usage)
		t->usage = chunk->usage;
	if (chunk->failure.is_error)
		return openai_fail(t, &chunk->failure, out);
	return !chunk->has_choice || (take_choice(t, chunk, out) && take_finish(t, chunk, out));
}

bool
openai_stream_event(struct translation *t, const struct sse_event *event, struct buf *out)
{
	static const char done[] = "[DONE]";
	struct openai_chunk chunk;
	if (t->ended)
		return true;
	if (event->data_len >= sizeof done - 1 && memcmp(event->data, done, sizeof done - 1) == 0)
		return translation_end(t, out);
	bool is_chunk = openai_chunk_read(event->data, event->data_len, &chunk);
	if (event->kind == SSE_ERROR)
		return openai_fail(t, &chunk.failure, out);
	return !is_chunk || take(t, &chunk, out);
}

/* Without [DONE] a message is complete if the provider said why it ended. */
bool
openai_stream_end(struct translation *t, struct buf *out)
{
	return t->ended || t->stop_reason == NULL || translation_end(t, out);
}

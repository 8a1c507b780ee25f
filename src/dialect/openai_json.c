/* SPDX-License-Identifier: MIT */
/* A whole Chat Completions response as a message: PROTOCOLS.md 8, Answer. */

#include "base/caps.h"
#include "dialect/openai.h"
#include "dialect/openai_chunk.h"
#include "dialect/translation_json.h"

#include <string.h>

static void
put_parts(struct translation_json *j, struct json_text parts)
{
	struct openai_list list;
	struct json_text text;
	if (parts.len == 0)
		return;
	openai_list_begin(&list, parts);
	while (!j->full && openai_list_part(&list, &text))
		translation_json_text(j, text);
}

/* Whether one of the first n calls has this id, too. */
static bool
came_before(struct json_text calls, size_t n, struct json_text id)
{
	struct openai_list list;
	struct call_piece piece;
	openai_list_begin(&list, calls);
	for (size_t i = 0; i < n && openai_list_call(&list, &piece); i++)
		if (piece.id.len == id.len && id.len > 0 && memcmp(piece.id.at, id.at, id.len) == 0)
			return true;
	return false;
}

static void
put_calls(struct translation_json *j, struct json_text calls)
{
	struct openai_list list;
	struct call_piece piece;
	if (calls.len == 0)
		return;
	openai_list_begin(&list, calls);
	for (size_t i = 0; !j->full && openai_list_call(&list, &piece); i++) {
		j->full |= i == TRANSLATION_ITEMS_MAX;
		if (came_before(calls, i, piece.id))
			piece.id.len = 0;
		translation_json_call(j, i, &piece);
	}
}

static bool
put_message(const char *provider, int64_t input_tokens, const struct openai_chunk *chunk,
	    struct buf *out)
{
	const struct json_text unsealed = {0};
	struct translation_json j = {.provider = provider,
				     .out = out,
				     .input_tokens = input_tokens,
				     .seed = openai_seed(chunk->id, chunk->created, input_tokens)};
	translation_json_begin(&j, chunk->id, chunk->model);
	translation_json_thinking(&j, chunk->thinking, chunk->field, unsealed);
	translation_json_text(&j, chunk->content);
	put_parts(&j, chunk->parts);
	translation_json_text(&j, chunk->refusal);
	put_calls(&j, chunk->calls);
	return translation_json_end(
	    &j, openai_chunk_reason(chunk->finish, j.calls > 0, chunk->refusal.len > 0),
	    &chunk->usage);
}

bool
openai_json(const char *provider, int64_t input_tokens, const char *json, size_t n, struct buf *out)
{
	struct openai_chunk chunk;
	bool is_message = openai_chunk_read(json, n, &chunk) && chunk.has_choice &&
			  !chunk.failure.is_error &&
			  openai_chunk_reason(chunk.finish, false, false) != NULL;
	return is_message ? put_message(provider, input_tokens, &chunk, out)
			  : buf_add(out, json, n);
}

/* SPDX-License-Identifier: MIT */
/* What a chunk of a Chat Completions stream holds, and a whole response, whose message is in place
 * of the delta (PROTOCOLS.md 8, Answer and Stream). Pure; thread-safe. */
#ifndef DIALECT_OPENAI_CHUNK_H
#define DIALECT_OPENAI_CHUNK_H

#include "dialect/openai_read.h"

/* All of it borrows the text. */
struct openai_chunk {
	struct openai_failure failure;
	struct json_text id, model;
	int64_t created;
	bool has_choice;           /* the first choice is there */
	struct json_text finish;   /* its finish_reason; empty: none */
	struct json_text thinking; /* reasoning_content or reasoning … */
	const char *field;         /* … the name of that member: a literal; NULL: none */
	struct json_text refusal;
	struct json_text content; /* a string, without its quotes … */
	struct json_text parts;   /* … or an array, as JSON */
	struct json_text calls;   /* tool_calls, as JSON */
	bool has_usage;
	struct usage usage; /* in Anthropic's sense: input without what a cache had */
};

/* False: the text is not one JSON object. */
bool openai_chunk_read(const char *json, size_t n, struct openai_chunk *chunk);

/* A cursor over parts or calls, and the next of its elements; false: there is none. */
struct openai_list {
	struct scan s;
};
void openai_list_begin(struct openai_list *list, struct json_text array);
bool openai_list_part(struct openai_list *list, struct json_text *text);
bool openai_list_call(struct openai_list *list, struct call_piece *piece);

/* The stop_reason that Anthropic has for a finish_reason: a literal. NULL: "error". */
const char *openai_chunk_reason(struct json_text finish, bool has_calls, bool has_refusal);

#endif

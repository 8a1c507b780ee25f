/* SPDX-License-Identifier: MIT */
/* The input of a request for Responses: PROTOCOLS.md 10, Input. The history was rewritten before
 * (rewrite.h): calls and results are in pairs, foreign thinking is gone, unknown blocks are text.
 *
 * Its items stand in the order of the blocks. Two kinds wait: an assistant's reasoning for the item
 * that it led to, and a user's text and images for the results, which stand before them. */

#include "dialect/responses.h"

#include <string.h>

struct input {
	json_object *items;
	bool assistant;     /* the turn */
	json_object *parts; /* of the user's next message */
	struct joined text; /* the last of them, so far as it is text; or the assistant's message */
	json_object *waiting; /* reasoning */
};

static json_object *
image_part(struct rewrite *r, json_object *image)
{
	json_object *part = json_object_new_object();
	rewrite_put_text(r, part, "type", "input_image");
	rewrite_put_text(r, part, "detail", "auto");
	rewrite_put(r, part, "image_url", openai_image_url(r, image));
	return part;
}

static json_object *
file_part(struct rewrite *r, json_object *document)
{
	json_object *part = json_object_new_object();
	rewrite_put_text(r, part, "type", "input_file");
	openai_put_file(r, part, document);
	return part;
}

/* --- Messages ----------------------------------------------------------------------- */

static void
flush_text(struct rewrite *r, struct input *in)
{
	if (!in->text.any)
		return;
	rewrite_add(r, in->parts, openai_typed(r, "input_text", "text", joined_end(r, &in->text)));
	joined_begin(r, &in->text);
}

/* Items that come behind the reasoning that led to them. */
static void
add_item(struct rewrite *r, struct input *in, json_object *item)
{
	for (size_t i = 0; i < tree_count(in->waiting); i++)
		rewrite_add(r, in->items,
			    json_object_get(json_object_array_get_idx(in->waiting, i)));
	json_object_put(in->waiting);
	in->waiting = NULL;
	rewrite_add(r, in->items, item);
}

/* A message of text alone has a string; an empty one is none. */
static void
end_message(struct rewrite *r, struct input *in)
{
	const char *role = in->assistant ? "assistant" : "user";
	if (tree_count(in->parts) > 0) {
		flush_text(r, in);
		add_item(r, in, openai_message(r, role, json_object_get(in->parts)));
		json_object_put(in->parts);
		in->parts = json_object_new_array();
	} else if (in->text.any && in->text.text.len > 0) {
		add_item(r, in, openai_message(r, role, joined_end(r, &in->text)));
		joined_begin(r, &in->text);
	}
}

/* Reasoning that led to nothing is refused: it is left out. */
static void
end_turn(struct rewrite *r, struct input *in)
{
	end_message(r, in);
	json_object_put(in->waiting);
	in->waiting = NULL;
}

/* --- Blocks ------------------------------------------------------------------------- */

static void
add_call(struct rewrite *r, struct input *in, json_object *block)
{
	json_object *call = json_object_new_object();
	end_message(r, in);
	rewrite_put_text(r, call, "type", "function_call");
	openai_put_id(r, call, "call_id", tree_text(block, "id"));
	rewrite_put_text(r, call, "name", tree_text(block, "name"));
	rewrite_put(r, call, "arguments", openai_arguments(r, block));
	add_item(r, in, call);
}

static bool
has_image(json_object *content)
{
	for (size_t i = 0; i < tree_count(content); i++)
		if (tree_is(json_object_array_get_idx(content, i), "type", "image"))
			return true;
	return false;
}

/* A result with images is a list, in which a sign that it is an error stands first. */
static json_object *
output_of(struct rewrite *r, json_object *block)
{
	json_object *content = tree_get(block, "content");
	const char *before = openai_result_mark(block);
	if (!has_image(content))
		return openai_text(r, content, before, "");
	json_object *list = json_object_new_array();
	if (*before != '\0')
		rewrite_add(r, list,
			    openai_typed(r, "input_text", "text", json_object_new_string(before)));
	for (size_t i = 0; i < tree_count(content); i++) {
		json_object *inner = json_object_array_get_idx(content, i);
		const char *text = tree_text(inner, "text");
		rewrite_add(
		    r, list,
		    tree_is(inner, "type", "image")
			? image_part(r, inner)
			: openai_typed(r, "input_text", "text", json_object_new_string(text)));
	}
	return list;
}

static void
add_result(struct rewrite *r, struct input *in, json_object *block)
{
	json_object *result = json_object_new_object();
	rewrite_put_text(r, result, "type", "function_call_output");
	openai_put_id(r, result, "call_id", tree_text(block, "tool_use_id"));
	rewrite_put(r, result, "output", output_of(r, block));
	rewrite_add(r, in->items, result);
}

/* The signature is what translation_sealed() made of the item's id and encrypted content. */
static json_object *
reasoning_item(struct rewrite *r, const char *signature, const char *summary)
{
	const char *content = strchr(signature, TRANSLATION_SEAL);
	json_object *item = json_object_new_object(), *parts = json_object_new_array();
	rewrite_put_text(r, item, "type", "reasoning");
	rewrite_put(r, item, "id",
		    json_object_new_string_len(signature, (int)(content - signature)));
	if (*summary != '\0')
		rewrite_add(
		    r, parts,
		    openai_typed(r, "summary_text", "text", json_object_new_string(summary)));
	rewrite_put(r, item, "summary", parts);
	rewrite_put_text(r, item, "encrypted_content", content + 1);
	return item;
}

static void
add_thinking(struct rewrite *r, struct input *in, json_object *block)
{
	const char *signature = tree_text(block, "signature");
	const char *content = strchr(signature, TRANSLATION_SEAL);
	bool replays = (r->handover->quirks & (QUIRK_NO_REPLAY | QUIRK_NO_SEALED)) == 0;
	if (!in->assistant || !replays || content == NULL || content == signature ||
	    content[1] == '\0')
		return;
	end_message(r, in);
	if (in->waiting == NULL)
		in->waiting = json_object_new_array();
	rewrite_add(r, in->waiting, reasoning_item(r, signature, tree_text(block, "thinking")));
}

static void
add_block(struct rewrite *r, struct input *in, json_object *block)
{
	if (tree_is(block, "type", "text")) {
		joined_add(r, &in->text, "\n", tree_text(block, "text"));
	} else if (tree_is(block, "type", "tool_use") && in->assistant) {
		add_call(r, in, block);
	} else if (tree_is(block, "type", "tool_result") && !in->assistant) {
		add_result(r, in, block);
	} else if (tree_is(block, "type", "thinking")) {
		add_thinking(r, in, block);
	} else if (tree_is(block, "type", "image") && !in->assistant) {
		flush_text(r, in);
		rewrite_add(r, in->parts, image_part(r, block));
	} else if (tree_is(block, "type", "document") && !in->assistant) {
		flush_text(r, in);
		rewrite_add(r, in->parts, file_part(r, block));
	}
}

static void
add_content(struct rewrite *r, struct input *in, json_object *content)
{
	if (json_object_is_type(content, json_type_string))
		joined_add(r, &in->text, "\n", json_object_get_string(content));
	for (size_t i = 0; i < tree_count(content); i++)
		add_block(r, in, json_object_array_get_idx(content, i));
}

void
responses_input(struct rewrite *r, json_object *to)
{
	json_object *messages = tree_get(r->out, "messages");
	struct input in = {.items = json_object_new_array(), .parts = json_object_new_array()};
	joined_begin(r, &in.text);
	for (size_t i = 0; i < tree_count(messages) && !r->failed; i++) {
		json_object *message = json_object_array_get_idx(messages, i);
		bool assistant = tree_is(message, "role", "assistant");
		if (assistant != in.assistant)
			end_turn(r, &in);
		in.assistant = assistant;
		add_content(r, &in, tree_get(message, "content"));
	}
	end_turn(r, &in);
	json_object_put(in.parts);
	joined_free(&in.text);
	rewrite_put(r, to, "input", in.items);
}

/* SPDX-License-Identifier: MIT */
/* The messages of a request for Chat Completions: PROTOCOLS.md 8, Request. The history was
 * rewritten before (rewrite.h): calls and results are in pairs, foreign thinking is gone, unknown
 * blocks are text. */

#include "base/count.h"
#include "dialect/openai_parts.h"

static json_object *
image_part(struct rewrite *r, json_object *image)
{
	json_object *url = json_object_new_object();
	rewrite_put(r, url, "url", openai_image_url(r, image));
	return openai_typed(r, "image_url", "image_url", url);
}

static json_object *
file_part(struct rewrite *r, json_object *document)
{
	json_object *file = json_object_new_object();
	openai_put_file(r, file, document);
	return openai_typed(r, "file", "file", file);
}

/* --- Messages: one turn is gathered, then written ------------------------------------- */

struct turn {
	bool assistant;
	json_object *results; /* messages of role tool */
	json_object *parts;   /* of a user's content: from results, then the rest */
	struct joined text;   /* an assistant's, or a user's so far as it is only text */
	struct joined thinking;
	const char *field; /* of thinking */
	json_object *calls;
};

static void
begin_turn(struct rewrite *r, struct turn *turn, bool assistant)
{
	*turn = (struct turn){.assistant = assistant};
	turn->results = json_object_new_array();
	turn->parts = json_object_new_array();
	turn->calls = json_object_new_array();
	joined_begin(r, &turn->text);
	joined_begin(r, &turn->thinking);
}

/* Texts before an image become a part of their own. */
static void
flush_text(struct rewrite *r, struct turn *turn)
{
	if (!turn->text.any)
		return;
	rewrite_add(r, turn->parts, openai_typed(r, "text", "text", joined_end(r, &turn->text)));
	joined_begin(r, &turn->text);
}

/* An assistant without text says null beside its calls, as OpenAI does. */
static void
end_assistant(struct rewrite *r, struct turn *turn, json_object *list)
{
	bool calls = tree_count(turn->calls) > 0;
	if (!calls && !turn->text.any && !turn->thinking.any)
		return;
	bool has_content = turn->text.any || !calls;
	json_object *message =
	    openai_message(r, "assistant", has_content ? joined_end(r, &turn->text) : NULL);
	if (turn->thinking.any)
		rewrite_put(r, message, turn->field, joined_end(r, &turn->thinking));
	if (calls)
		rewrite_put(r, message, "tool_calls", json_object_get(turn->calls));
	rewrite_add(r, list, message);
}

static void
end_user(struct rewrite *r, struct turn *turn, json_object *list)
{
	for (size_t i = 0; i < tree_count(turn->results); i++)
		rewrite_add(r, list, json_object_get(json_object_array_get_idx(turn->results, i)));
	if (tree_count(turn->parts) > 0) {
		flush_text(r, turn);
		rewrite_add(r, list, openai_message(r, "user", json_object_get(turn->parts)));
	} else if (turn->text.any) {
		rewrite_add(r, list, openai_message(r, "user", joined_end(r, &turn->text)));
	}
}

static void
end_turn(struct rewrite *r, struct turn *turn, json_object *list)
{
	if (turn->assistant)
		end_assistant(r, turn, list);
	else
		end_user(r, turn, list);
	json_object_put(turn->results);
	json_object_put(turn->parts);
	json_object_put(turn->calls);
	joined_free(&turn->text);
	joined_free(&turn->thinking);
}

static void
add_call(struct rewrite *r, struct turn *turn, json_object *block)
{
	json_object *function = json_object_new_object(), *call = json_object_new_object();
	rewrite_put_text(r, function, "name", tree_text(block, "name"));
	rewrite_put(r, function, "arguments", openai_arguments(r, block));
	openai_put_id(r, call, "id", tree_text(block, "id"));
	rewrite_put_text(r, call, "type", "function");
	rewrite_put(r, call, "function", function);
	rewrite_add(r, turn->calls, call);
}

/* Images come in the next message: none of role tool may have one. */
static void
add_result(struct rewrite *r, struct turn *turn, json_object *block)
{
	json_object *content = tree_get(block, "content");
	json_object *message =
	    openai_message(r, "tool",
			   openai_text(r, content, openai_result_mark(block),
				       "[An image, which the next message shows]"));
	openai_put_id(r, message, "tool_call_id", tree_text(block, "tool_use_id"));
	rewrite_add(r, turn->results, message);
	for (size_t i = 0; i < tree_count(content); i++) {
		json_object *inner = json_object_array_get_idx(content, i);
		if (tree_is(inner, "type", "image"))
			rewrite_add(r, turn->parts, image_part(r, inner));
	}
}

/* OpenAI itself has no member for it, and a text of nothing is none. */
static bool
is_given_back(const struct rewrite *r, json_object *thinking)
{
	return (r->handover->quirks & QUIRK_NO_REPLAY) == 0 &&
	       !openai_model(r->choice.model)->is_openai &&
	       *tree_text(thinking, "thinking") != '\0';
}

/* Its signature is what the mark kept: the name of the member that it came in. */
static void
add_thinking(struct rewrite *r, struct turn *turn, json_object *block)
{
	bool plain = tree_is(block, "signature", "reasoning");
	turn->field = plain ? "reasoning" : "reasoning_content";
	joined_add(r, &turn->thinking, "\n", tree_text(block, "thinking"));
}

/* Whether a block goes along. What a client puts into a turn that cannot have it is left out. */
static bool
is_said(const struct rewrite *r, json_object *block, bool assistant)
{
	static const char *const of_users[] = {"tool_result", "image", "document"};
	if (tree_is(block, "type", "text"))
		return true;
	if (assistant)
		return tree_is(block, "type", "tool_use") ||
		       (tree_is(block, "type", "thinking") && is_given_back(r, block));
	for (size_t i = 0; i < COUNT(of_users); i++)
		if (tree_is(block, "type", of_users[i]))
			return true;
	return false;
}

/* Whether anything of a message goes along: one of thinking alone may vanish. */
static bool
is_something(const struct rewrite *r, json_object *message, bool assistant)
{
	json_object *content = tree_get(message, "content");
	if (!json_object_is_type(content, json_type_array))
		return true;
	for (size_t i = 0; i < tree_count(content); i++) {
		if (is_said(r, json_object_array_get_idx(content, i), assistant))
			return true;
	}
	return false;
}

static void
add_block(struct rewrite *r, struct turn *turn, json_object *block)
{
	if (!is_said(r, block, turn->assistant))
		return;
	if (tree_is(block, "type", "text")) {
		joined_add(r, &turn->text, "\n", tree_text(block, "text"));
	} else if (tree_is(block, "type", "tool_use")) {
		add_call(r, turn, block);
	} else if (tree_is(block, "type", "tool_result")) {
		add_result(r, turn, block);
	} else if (tree_is(block, "type", "thinking")) {
		add_thinking(r, turn, block);
	} else if (tree_is(block, "type", "image")) {
		flush_text(r, turn);
		rewrite_add(r, turn->parts, image_part(r, block));
	} else if (tree_is(block, "type", "document")) {
		flush_text(r, turn);
		rewrite_add(r, turn->parts, file_part(r, block));
	}
}

static void
add_content(struct rewrite *r, struct turn *turn, json_object *content)
{
	if (json_object_is_type(content, json_type_string))
		joined_add(r, &turn->text, "\n", json_object_get_string(content));
	for (size_t i = 0; i < tree_count(content); i++)
		add_block(r, turn, json_object_array_get_idx(content, i));
}

static void
add_system(struct rewrite *r, json_object *list)
{
	json_object *system = tree_get(r->out, "system");
	if (system != NULL)
		rewrite_add(r, list, openai_message(r, "system", openai_text(r, system, "", "")));
}

/* Turns of one role are joined: servers' templates refuse two of them in a row. */
void
openai_messages(struct rewrite *r, json_object *to)
{
	json_object *messages = tree_get(r->out, "messages");
	json_object *list = json_object_new_array();
	struct turn turn;
	add_system(r, list);
	begin_turn(r, &turn, false);
	for (size_t i = 0; i < tree_count(messages) && !r->failed; i++) {
		json_object *message = json_object_array_get_idx(messages, i);
		bool assistant = tree_is(message, "role", "assistant");
		if (!is_something(r, message, assistant))
			continue;
		if (assistant != turn.assistant) {
			end_turn(r, &turn, list);
			begin_turn(r, &turn, assistant);
		}
		add_content(r, &turn, tree_get(message, "content"));
	}
	end_turn(r, &turn, list);
	rewrite_put(r, to, "messages", list);
}

/* SPDX-License-Identifier: MIT */
/* The history of a conversation, for a provider that is not Claude. */

#include "base/count.h"
#include "dialect/origin.h"
#include "dialect/rewrite.h"
#include "dialect/tool_id.h"

#include <string.h>

#define PLACEHOLDER "tool call"   /* PROTOCOLS.md 2: accepted in place of thinking */
#define NO_OUTPUT   "[no output]" /* an empty result is a 400 at some */

/* --- Blocks: each function returns the new block; NULL: nothing is kept ------- */

static json_object *
picked(struct rewrite *r, json_object *block, const char *const *names)
{
	json_object *copy = json_object_new_object();
	rewrite_copy(r, block, copy, names);
	return copy;
}

static json_object *
text_block(struct rewrite *r, json_object *block)
{
	static const char *const names[] = {"type", "text", NULL};
	return *tree_text(block, "text") == '\0' ? NULL : picked(r, block, names);
}

/* PROTOCOLS.md 5: Kimi accepts base64 only. */
static json_object *
image_block(struct rewrite *r, json_object *block)
{
	static const char *const names[] = {"type", "source", NULL};
	json_object *source = tree_get(block, "source");
	bool known = tree_is(source, "type", "base64") ||
		     (tree_is(source, "type", "url") && r->rules->image_urls);
	return known ? picked(r, block, names) : rewrite_as_text(r, block);
}

static json_object *
document_block(struct rewrite *r, json_object *block)
{
	static const char *const names[] = {"type", "title", "source", NULL};
	json_object *source = tree_get(block, "source");
	bool known = r->choice.documents && tree_is(source, "type", "base64") &&
		     tree_is(source, "media_type", "application/pdf");
	return known ? picked(r, block, names) : rewrite_as_text(r, block);
}

/* PROTOCOLS.md 5, 7: only the provider's own thinking goes back to it, unmarked. */
static json_object *
thinking_block(struct rewrite *r, json_object *block)
{
	static const char *const names[] = {"type", "thinking", NULL};
	const char *own = origin_own(tree_text(block, "signature"), r->handover->provider);
	if (own == NULL)
		return NULL;
	if (*tree_text(block, "thinking") == '\0' && !(r->rules->sealed && *own != '\0'))
		return NULL;
	json_object *copy = picked(r, block, names);
	if (r->rules->signatures && *own != '\0')
		rewrite_put(r, copy, "signature", json_object_new_string(own));
	return copy;
}

static json_object *
no_block(struct rewrite *r, json_object *block)
{
	(void)r;
	(void)block;
	return NULL;
}

/* An id that this provider made goes back as it made it (tool_id.h). */
static void
put_own_id(struct rewrite *r, json_object *block, const char *name)
{
	char id[TOOL_ID_MAX + 1];
	if (tool_id_unmark(r->handover->provider, tree_text(block, name), id))
		rewrite_put(r, block, name, json_object_new_string(id));
}

static json_object *
call_block(struct rewrite *r, json_object *block)
{
	static const char *const names[] = {"type", "id", "name", NULL};
	json_object *input = tree_get(block, "input");
	if (!rewrite_knows(r->partners, tree_text(block, "id")))
		return rewrite_as_text(r, block);
	json_object *copy = picked(r, block, names);
	put_own_id(r, copy, "id");
	rewrite_put(r, copy, "input",
		    json_object_is_type(input, json_type_object) ? json_object_get(input)
								 : json_object_new_object());
	return copy;
}

/* A block within a tool result: text and images keep their kind. */
static json_object *
inner_block(struct rewrite *r, json_object *block)
{
	if (tree_is(block, "type", "text"))
		return text_block(r, block);
	if (tree_is(block, "type", "image"))
		return image_block(r, block);
	if (tree_is(block, "type", "tool_reference"))
		rewrite_note(r, r->loaded, tree_text(block, "tool_name"));
	return rewrite_as_text(r, block);
}

static json_object *
result_content(struct rewrite *r, json_object *content)
{
	if (json_object_is_type(content, json_type_string) &&
	    json_object_get_string_len(content) > 0)
		return json_object_get(content);
	json_object *list = json_object_new_array();
	for (size_t i = 0; i < tree_count(content); i++)
		rewrite_add(r, list, inner_block(r, json_object_array_get_idx(content, i)));
	if (tree_count(list) > 0)
		return list;
	json_object_put(list);
	return json_object_new_string(NO_OUTPUT);
}

static json_object *
result_block(struct rewrite *r, json_object *block)
{
	static const char *const names[] = {"type", "tool_use_id", "is_error", NULL};
	if (!rewrite_knows(r->partners, tree_text(block, "tool_use_id")))
		return rewrite_as_text(r, block);
	json_object *copy = picked(r, block, names);
	put_own_id(r, copy, "tool_use_id");
	rewrite_put(r, copy, "content", result_content(r, tree_get(block, "content")));
	return copy;
}

static json_object *
search_block(struct rewrite *r, json_object *block)
{
	static const char *const call[] = {"type", "id", "name", "input", NULL};
	static const char *const result[] = {"type", "tool_use_id", "content", NULL};
	bool is_call = tree_is(block, "type", "server_tool_use");
	const char *id = is_call ? "id" : "tool_use_id";
	if (!rewrite_knows(r->searches, tree_text(block, id)))
		return rewrite_as_text(r, block);
	json_object *copy = picked(r, block, is_call ? call : result);
	put_own_id(r, copy, id);
	return copy;
}

static json_object *
convert(struct rewrite *r, json_object *block)
{
	static const struct {
		const char *type;
		json_object *(*convert)(struct rewrite *r, json_object *block);
	} table[] = {
	    {"text", text_block},
	    {"image", image_block},
	    {"document", document_block},
	    {"thinking", thinking_block},
	    {"redacted_thinking", no_block},
	    {"tool_use", call_block},
	    {"tool_result", result_block},
	    {"server_tool_use", search_block},
	    {"web_search_tool_result", search_block},
	};
	const char *type = tree_text(block, "type");
	for (size_t i = 0; i < COUNT(table); i++)
		if (strcmp(type, table[i].type) == 0)
			return table[i].convert(r, block);
	return rewrite_as_text(r, block);
}

/* --- Pairs: no tool_use without its tool_result, and vice versa ------- */

static void
note_ids(struct rewrite *r, json_object *set, json_object *message, const char *type,
	 const char *name)
{
	json_object *content = tree_get(message, "content");
	for (size_t i = 0; i < tree_count(content); i++) {
		json_object *block = json_object_array_get_idx(content, i);
		if (tree_is(block, "type", type))
			rewrite_note(r, set, tree_text(block, name));
	}
}

static void
new_set(struct rewrite *r, json_object **set)
{
	json_object_put(*set);
	*set = json_object_new_object();
	r->failed |= *set == NULL;
}

static json_object *
message_at(json_object *messages, size_t i)
{
	return json_object_array_get_idx(messages, i);
}

/* Whether a message can be in the user's turn, where the results are. */
static bool
is_users(json_object *message)
{
	return tree_is(message, "role", "user") || tree_is(message, "role", "system");
}

/* Finds the results that follow the assistant's turn which begins at i. */
static void
find_results(struct rewrite *r, json_object *messages, size_t i)
{
	size_t n = tree_count(messages);
	new_set(r, &r->partners);
	while (i < n && !tree_is(message_at(messages, i), "role", "user"))
		i++;
	for (; i < n && is_users(message_at(messages, i)); i++)
		note_ids(r, r->partners, message_at(messages, i), "tool_result", "tool_use_id");
}

/* Finds the calls before the user's turn which begins at i. */
static void
find_calls(struct rewrite *r, json_object *messages, size_t i)
{
	new_set(r, &r->partners);
	for (; i > 0 && !tree_is(message_at(messages, i - 1), "role", "user"); i--)
		if (tree_is(message_at(messages, i - 1), "role", "assistant"))
			note_ids(r, r->partners, message_at(messages, i - 1), "tool_use", "id");
}

static bool
holds(json_object *list, const char *type)
{
	for (size_t i = 0; i < tree_count(list); i++)
		if (tree_is(json_object_array_get_idx(list, i), "type", type))
			return true;
	return false;
}

/* Finds web searches that have both a call and a result in this message. */
static void
find_searches(struct rewrite *r, json_object *message)
{
	json_object *content = tree_get(message, "content");
	json_object_put(r->searches);
	r->searches = NULL;
	if (!r->rules->web_search || !holds(content, "web_search_tool_result"))
		return;
	json_object *results = json_object_new_object();
	r->failed |= results == NULL;
	new_set(r, &r->searches);
	note_ids(r, results, message, "web_search_tool_result", "tool_use_id");
	for (size_t i = 0; i < tree_count(content); i++) {
		json_object *block = json_object_array_get_idx(content, i);
		const char *id = tree_text(block, "id");
		if (tree_is(block, "type", "server_tool_use") &&
		    tree_is(block, "name", "web_search") && rewrite_knows(results, id))
			rewrite_note(r, r->searches, id);
	}
	json_object_put(results);
}

/* --- Messages -------------------------------------------------------------------- */

static json_object *
placeholder(struct rewrite *r)
{
	json_object *block = json_object_new_object();
	rewrite_put(r, block, "type", json_object_new_string("thinking"));
	rewrite_put(r, block, "thinking", json_object_new_string(PLACEHOLDER));
	return block;
}

/* PROTOCOLS.md 2: with thinking on, each turn with a tool_use needs some. Takes ownership of
 * list. */
static json_object *
with_thinking(struct rewrite *r, json_object *list)
{
	if (!r->choice.placeholder || !holds(list, "tool_use") || holds(list, "thinking"))
		return list;
	json_object *longer = json_object_new_array();
	rewrite_add(r, longer, placeholder(r));
	for (size_t i = 0; i < tree_count(list); i++)
		rewrite_add(r, longer, json_object_get(json_object_array_get_idx(list, i)));
	json_object_put(list);
	return longer;
}

/* The new content; NULL: nothing is kept. */
static json_object *
new_content(struct rewrite *r, json_object *message)
{
	json_object *content = tree_get(message, "content");
	if (json_object_is_type(content, json_type_string))
		return json_object_get_string_len(content) > 0 ? json_object_get(content) : NULL;
	json_object *list = json_object_new_array();
	find_searches(r, message);
	for (size_t i = 0; i < tree_count(content); i++)
		rewrite_add(r, list, convert(r, json_object_array_get_idx(content, i)));
	if (tree_count(list) > 0)
		return with_thinking(r, list);
	json_object_put(list);
	return NULL;
}

static void
put_message(struct rewrite *r, json_object *list, const char *role, json_object *content)
{
	if (content == NULL)
		return;
	json_object *message = json_object_new_object();
	rewrite_put(r, message, "role", json_object_new_string(role));
	rewrite_put(r, message, "content", content);
	rewrite_add(r, list, message);
}

/* Appends a text to a user's content. Takes ownership of both. */
static json_object *
append_text(struct rewrite *r, json_object *content, json_object *text)
{
	if (json_object_is_type(content, json_type_string)) {
		json_object *list = json_object_new_array();
		rewrite_add(r, list, rewrite_text(r, json_object_get_string(content)));
		json_object_put(content);
		content = list;
	}
	rewrite_add(r, content, text);
	return content;
}

/* PROTOCOLS.md 5: role system as user text, in the form that Claude Code itself uses towards older
 * models. It joins a user's message before or after it, since it must not come between a tool_use
 * and its result. */
static void
put_system(struct rewrite *r, json_object *list, json_object *message)
{
	size_t n = tree_count(list);
	json_object *last = n == 0 ? NULL : json_object_array_get_idx(list, n - 1);
	json_object *text = rewrite_content_text(r, tree_get(message, "content"),
						 "<system-reminder>", "\n</system-reminder>");
	if (text == NULL)
		return;
	if (tree_is(last, "role", "user")) {
		json_object *content = json_object_get(tree_get(last, "content"));
		rewrite_put(r, last, "content", append_text(r, content, text));
		return;
	}
	if (r->waiting == NULL)
		r->waiting = json_object_new_array();
	rewrite_add(r, r->waiting, text);
}

/* Appends the waiting system texts to a user's content, or returns them on their own. */
static json_object *
take_waiting(struct rewrite *r, json_object *content)
{
	json_object *waiting = r->waiting;
	r->waiting = NULL;
	if (content == NULL || waiting == NULL)
		return content == NULL ? waiting : content;
	for (size_t i = 0; i < tree_count(waiting); i++)
		content =
		    append_text(r, content, json_object_get(json_object_array_get_idx(waiting, i)));
	json_object_put(waiting);
	return content;
}

static void
rewrite_message(struct rewrite *r, json_object *list, json_object *message)
{
	bool keep_system =
	    r->rules->system_role && (r->handover->quirks & QUIRK_SYSTEM_AS_USER) == 0;
	const char *role = tree_text(message, "role");
	if (strcmp(role, "system") == 0 && !keep_system) {
		put_system(r, list, message);
		return;
	}
	json_object *content = new_content(r, message);
	if (strcmp(role, "user") == 0)
		content = take_waiting(r, content);
	else if (content != NULL)
		put_message(r, list, "user", take_waiting(r, NULL));
	put_message(r, list, role, content);
}

void
rewrite_messages(struct rewrite *r)
{
	json_object *messages = tree_get(r->in, "messages");
	json_object *list = json_object_new_array();
	const char *turn = "";
	for (size_t i = 0; i < tree_count(messages) && !r->failed; i++) {
		json_object *message = message_at(messages, i);
		const char *role = tree_text(message, "role");
		bool assistant = strcmp(role, "assistant") == 0;
		if (strcmp(role, turn) != 0 && assistant)
			find_results(r, messages, i);
		else if (strcmp(role, turn) != 0 && strcmp(role, "user") == 0)
			find_calls(r, messages, i);
		else if (!assistant && !is_users(message))
			new_set(r, &r->partners); /* in no turn, nothing has a partner */
		if (strcmp(role, "system") != 0)
			turn = role;
		rewrite_message(r, list, message);
	}
	put_message(r, list, "user", take_waiting(r, NULL));
	rewrite_put(r, r->out, "messages", list);
}

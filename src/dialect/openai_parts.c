/* SPDX-License-Identifier: MIT */
#include "dialect/openai_parts.h"

#include "base/count.h"

#include <stdio.h>
#include <string.h>

enum { ID_MAX = 40 }; /* bytes of a call's id that OpenAI takes */

json_object *
openai_build(struct rewrite *r, openai_step *const *steps, size_t n)
{
	static const char *const names[] = {"model", NULL};
	json_object *to = json_object_new_object();
	rewrite_copy(r, r->out, to, names);
	for (size_t i = 0; i < n && !r->failed; i++)
		steps[i](r, to);
	return to;
}

/* --- Texts -------------------------------------------------------------------------- */

void
joined_add(struct rewrite *r, struct joined *j, const char *between, const char *text)
{
	r->failed |= (j->any && !buf_puts(&j->text, between)) || !buf_puts(&j->text, text);
	j->any = true;
}

void
joined_begin(struct rewrite *r, struct joined *j)
{
	*j = (struct joined){.any = false};
	buf_init(&j->text, 16 * r->handover->body_len + 65536);
}

void
joined_free(struct joined *j)
{
	buf_free(&j->text);
}

json_object *
joined_end(struct rewrite *r, struct joined *j)
{
	json_object *text = json_object_new_string_len(buf_text(&j->text), (int)j->text.len);
	r->failed |= text == NULL;
	buf_free(&j->text);
	return text;
}

json_object *
openai_typed(struct rewrite *r, const char *type, const char *name, json_object *value)
{
	json_object *object = json_object_new_object();
	rewrite_put_text(r, object, "type", type);
	rewrite_put(r, object, name, value);
	return object;
}

json_object *
openai_message(struct rewrite *r, const char *role, json_object *content)
{
	json_object *message = json_object_new_object();
	rewrite_put_text(r, message, "role", role);
	if (content == NULL)
		tree_put_null(message, "content");
	else
		rewrite_put(r, message, "content", content);
	return message;
}

/* "data:image/png;base64,…" of a source. */
static json_object *
data_url(struct rewrite *r, json_object *source)
{
	struct joined url;
	joined_begin(r, &url);
	joined_add(r, &url, "", "data:");
	joined_add(r, &url, "", tree_text(source, "media_type"));
	joined_add(r, &url, ";base64,", tree_text(source, "data"));
	return joined_end(r, &url);
}

json_object *
openai_image_url(struct rewrite *r, json_object *image)
{
	json_object *source = tree_get(image, "source");
	return tree_is(source, "type", "url") ? json_object_new_string(tree_text(source, "url"))
					      : data_url(r, source);
}

void
openai_put_file(struct rewrite *r, json_object *to, json_object *document)
{
	const char *title = tree_text(document, "title");
	rewrite_put_text(r, to, "filename", *title == '\0' ? "document.pdf" : title);
	rewrite_put(r, to, "file_data", data_url(r, tree_get(document, "source")));
}

json_object *
openai_text(struct rewrite *r, json_object *content, const char *before, const char *image)
{
	struct joined text;
	if (json_object_is_type(content, json_type_string) && *before == '\0')
		return json_object_get(content);
	joined_begin(r, &text);
	r->failed |= !buf_puts(&text.text, before);
	if (json_object_is_type(content, json_type_string))
		joined_add(r, &text, "", json_object_get_string(content));
	for (size_t i = 0; i < tree_count(content); i++) {
		json_object *block = json_object_array_get_idx(content, i);
		if (tree_is(block, "type", "text"))
			joined_add(r, &text, "\n", tree_text(block, "text"));
		if (tree_is(block, "type", "image"))
			joined_add(r, &text, "\n", image);
	}
	return joined_end(r, &text);
}

const char *
openai_result_mark(json_object *result)
{
	return json_object_get_boolean(tree_get(result, "is_error")) ? "Error: " : "";
}

/* --- Calls -------------------------------------------------------------------------- */

void
openai_put_id(struct rewrite *r, json_object *to, const char *name, const char *id)
{
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE], shorter[ID_MAX + 1];
	if (strlen(id) > ID_MAX) {
		digest_plain(id, strlen(id), hash);
		snprintf(shorter, sizeof shorter, "call_%.32s", digest_hex(hash, hex));
		id = shorter;
	}
	rewrite_put_text(r, to, name, id);
}

json_object *
openai_arguments(struct rewrite *r, json_object *call)
{
	struct buf arguments;
	buf_init(&arguments, 16 * r->handover->body_len + 65536);
	r->failed |= !tree_write(tree_get(call, "input"), &arguments);
	json_object *text = json_object_new_string(buf_text(&arguments));
	buf_free(&arguments);
	return text;
}

/* --- Tools -------------------------------------------------------------------------- */

static bool
may_be_array(json_object *schema)
{
	json_object *type = tree_get(schema, "type");
	for (size_t i = 0; i < tree_count(type); i++) {
		json_object *one = json_object_array_get_idx(type, i);
		if (json_object_is_type(one, json_type_string) &&
		    strcmp(json_object_get_string(one), "array") == 0)
			return true;
	}
	return tree_is(schema, "type", "array");
}

/* Where schemas are within a schema: a member is one or a list of them, or has them as members. */
enum place { PLACE_NONE, PLACE_SELF, PLACE_MEMBERS };

static enum place
place_of(const char *name)
{
	static const char *const self[] = {"items", "additionalProperties", "not", "anyOf", "oneOf",
					   "allOf", "prefixItems"};
	static const char *const members[] = {"properties", "patternProperties", "$defs",
					      "definitions"};
	for (size_t i = 0; i < COUNT(self); i++)
		if (strcmp(name, self[i]) == 0)
			return PLACE_SELF;
	for (size_t i = 0; i < COUNT(members); i++)
		if (strcmp(name, members[i]) == 0)
			return PLACE_MEMBERS;
	return PLACE_NONE;
}

/* OpenAI refuses an array that does not say of what. Recursion is bounded by the tree's depth. */
static void
add_items(struct rewrite *r, json_object *schema, bool is_schema)
{
	for (size_t i = 0; i < tree_count(schema); i++)
		add_items(r, json_object_array_get_idx(schema, i), true);
	if (!json_object_is_type(schema, json_type_object))
		return;
	if (is_schema && may_be_array(schema) && tree_get(schema, "items") == NULL)
		rewrite_put(r, schema, "items", json_object_new_object());
	json_object_object_foreach(schema, name, value)
	{
		enum place place = is_schema ? place_of(name) : PLACE_SELF;
		if (place != PLACE_NONE)
			add_items(r, value, place == PLACE_SELF);
	}
}

/* One of an object has properties, or is refused. The request's own tree is mended in place. */
static json_object *
schema_of(struct rewrite *r, json_object *tool)
{
	json_object *schema = tree_get(tool, "input_schema");
	bool is_one = json_object_is_type(schema, json_type_object);
	schema = is_one ? json_object_get(schema) : json_object_new_object();
	if (!is_one)
		rewrite_put_text(r, schema, "type", "object");
	if (tree_is(schema, "type", "object") && tree_get(schema, "properties") == NULL)
		rewrite_put(r, schema, "properties", json_object_new_object());
	add_items(r, schema, true);
	return schema;
}

void
openai_put_function(struct rewrite *r, json_object *to, json_object *tool)
{
	static const char *const names[] = {"name", "description", NULL};
	rewrite_copy(r, tool, to, names);
	rewrite_put(r, to, "parameters", schema_of(r, tool));
}

/* Where a server takes no name of a tool, it gets no other tool to choose (PROTOCOLS.md 8). */
bool
openai_put_tools(struct rewrite *r, json_object *to,
		 json_object *(*new_tool)(struct rewrite *r, json_object *tool))
{
	json_object *tools = tree_get(r->out, "tools"), *choice = tree_get(r->out, "tool_choice");
	bool only = tree_is(choice, "type", "tool") && !openai_model(r->choice.model)->is_openai;
	json_object *list = json_object_new_array();
	for (size_t i = 0; i < tree_count(tools); i++) {
		json_object *tool = json_object_array_get_idx(tools, i);
		if (!only || tree_is(tool, "name", tree_text(choice, "name")))
			rewrite_add(r, list, new_tool(r, tool));
	}
	bool any = tree_count(list) > 0;
	if (any)
		rewrite_put(r, to, "tools", list);
	else
		json_object_put(list);
	return any;
}

void
openai_put_choice(struct rewrite *r, json_object *to,
		  json_object *(*named)(struct rewrite *r, const char *name))
{
	json_object *choice = tree_get(r->out, "tool_choice");
	json_object *asked = tree_get(r->in, "tool_choice");
	if (tree_is(choice, "type", "tool"))
		rewrite_put(r, to, "tool_choice",
			    openai_model(r->choice.model)->is_openai
				? named(r, tree_text(choice, "name"))
				: json_object_new_string("required"));
	else if (choice != NULL)
		rewrite_put_text(r, to, "tool_choice",
				 tree_is(choice, "type", "any") ? "required"
								: tree_text(choice, "type"));
	if (json_object_get_boolean(tree_get(asked, "disable_parallel_tool_use")) &&
	    openai_model(r->choice.model)->has_parallel)
		rewrite_put(r, to, "parallel_tool_calls", json_object_new_boolean(false));
}

/* --- Other members ------------------------------------------------------------------ */

void
openai_put_limit(struct rewrite *r, json_object *to, const char *name, int64_t least)
{
	const struct openai_model *m = openai_model(r->choice.model);
	int64_t n = json_object_get_int64(tree_get(r->out, "max_tokens"));
	n = n > m->output_tokens ? m->output_tokens : n;
	if (n > 0 && (r->handover->quirks & QUIRK_NO_MAX_TOKENS) == 0)
		rewrite_put(r, to, name, json_object_new_int64(n < least ? least : n));
}

/* What a reasoning model of OpenAI's refuses, and so may others: PROTOCOLS.md 8. */
bool
openai_put_sampling(struct rewrite *r, json_object *to)
{
	static const char *const names[] = {"temperature", "top_p", NULL};
	bool accepted = openai_model(r->choice.model)->has_sampling &&
			(r->handover->quirks & QUIRK_NO_SAMPLING) == 0;
	if (accepted)
		rewrite_copy(r, r->out, to, names);
	return accepted;
}

static const char *
effort_of(const struct openai_model *m, json_object *config, bool thinks)
{
	static const char *const kept[] = {"low", "medium", "high"};
	if (!thinks)
		return m->least;
	for (size_t i = 0; i < COUNT(kept); i++)
		if (tree_is(config, "effort", kept[i]))
			return kept[i];
	return tree_is(config, "effort", "xhigh") || tree_is(config, "effort", "max") ? m->most
										      : "medium";
}

const char *
openai_effort(const struct rewrite *r, bool alone)
{
	const struct openai_model *m = openai_model(r->choice.model);
	if ((m->least == NULL && !alone) || (r->handover->quirks & QUIRK_NO_EFFORT) != 0)
		return NULL;
	return alone ? "none"
		     : effort_of(m, tree_get(r->in, "output_config"), r->choice.thinking != NULL);
}

/* OpenAI's models answer with an error, or nothing, when they cannot finish their thought within
 * the limit. */
int64_t
openai_least_limit(const struct rewrite *r, const char *effort)
{
	bool thinks = effort != NULL && strcmp(effort, "none") != 0;
	return thinks && openai_model(r->choice.model)->is_openai ? OPENAI_ROOM_TO_THINK : 1;
}

bool
openai_put_schema(struct rewrite *r, json_object *to)
{
	json_object *format = tree_get(tree_get(r->out, "output_config"), "format");
	json_object *schema = tree_get(format, "schema");
	if (!tree_is(format, "type", "json_schema") || schema == NULL)
		return false;
	rewrite_put_text(r, to, "name", "output");
	rewrite_put(r, to, "schema", json_object_get(schema));
	return true;
}

/* The conversation's hash finds OpenAI's cache again. It stands for the user, too: it is all that
 * they need to stop one of them, and says nothing of who that is. */
void
openai_put_user(struct rewrite *r, json_object *to)
{
	const char *id = tree_text(tree_get(r->out, "metadata"), "user_id");
	if (*id == '\0' || !openai_model(r->choice.model)->is_openai)
		return;
	rewrite_put_text(r, to, "safety_identifier", id);
	rewrite_put_text(r, to, "prompt_cache_key", id);
}

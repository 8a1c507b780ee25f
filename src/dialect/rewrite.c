/* SPDX-License-Identifier: MIT */
#include "dialect/rewrite.h"

#include "base/count.h"
#include "base/str.h"

#include <string.h>

/* PROTOCOLS.md 5: the first text of Claude Code's system prompt. */
#define BILLING "x-anthropic-billing-header:"

/* --- Helpers ---------------------------------------------------------------------- */

void
rewrite_put(struct rewrite *r, json_object *object, const char *name, json_object *value)
{
	if (object != NULL && value != NULL &&
	    json_object_object_add_ex(object, name, value, JSON_C_OBJECT_ADD_CONSTANT_KEY) == 0)
		return;
	json_object_put(value);
	r->failed = true;
}

void
rewrite_put_text(struct rewrite *r, json_object *object, const char *name, const char *text)
{
	rewrite_put(r, object, name, text == NULL ? NULL : json_object_new_string(text));
}

/* NULL: a block of which nothing was kept. */
void
rewrite_add(struct rewrite *r, json_object *array, json_object *value)
{
	if (value == NULL || (array != NULL && json_object_array_add(array, value) == 0))
		return;
	json_object_put(value);
	r->failed = true;
}

void
rewrite_copy(struct rewrite *r, json_object *from, json_object *to, const char *const *names)
{
	for (; *names != NULL; names++) {
		json_object *value = tree_get(from, *names);
		if (value != NULL)
			rewrite_put(r, to, *names, json_object_get(value));
	}
}

void
rewrite_note(struct rewrite *r, json_object *set, const char *text)
{
	json_object *known = json_object_new_boolean(true);
	if (set != NULL && known != NULL && json_object_object_add(set, text, known) == 0)
		return;
	json_object_put(known);
	r->failed = true;
}

bool
rewrite_knows(json_object *set, const char *text)
{
	return tree_get(set, text) != NULL;
}

/* --- Members of the body: each function writes one of r->in to r->out -------------- */

static void
put_model(struct rewrite *r)
{
	rewrite_put(r, r->out, "model", json_object_new_string(r->choice.model));
	rewrite_copy(r, r->in, r->out, r->rules->plain);
}

/* PROTOCOLS.md 5, 6. 0, which warms Claude's cache, is invalid elsewhere. */
static void
put_max_tokens(struct rewrite *r)
{
	int64_t n = r->handover->message->max_tokens;
	if (n < 0)
		return;
	n = n < 1 ? 1 : n > r->rules->max_tokens ? r->rules->max_tokens : n;
	rewrite_put(r, r->out, "max_tokens", json_object_new_int64(n));
}

static void
put_stops(struct rewrite *r)
{
	json_object *stops = tree_get(r->in, "stop_sequences");
	json_object *list = json_object_new_array();
	for (size_t i = 0; i < tree_count(stops) && tree_count(list) < r->rules->stops; i++) {
		json_object *stop = json_object_array_get_idx(stops, i);
		int n = json_object_get_string_len(stop);
		if (n > 0 && (size_t)n <= r->rules->stop_bytes)
			rewrite_add(r, list, json_object_get(stop));
	}
	if (tree_count(list) > 0)
		rewrite_put(r, r->out, "stop_sequences", list);
	else
		json_object_put(list);
}

/* PROTOCOLS.md 5: the user's identity stays with us. */
static void
put_metadata(struct rewrite *r)
{
	json_object *id = tree_get(tree_get(r->in, "metadata"), "user_id");
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	if (!json_object_is_type(id, json_type_string))
		return;
	digest(r->handover->key, json_object_get_string(id), (size_t)json_object_get_string_len(id),
	       hash);
	json_object *metadata = json_object_new_object();
	rewrite_put(r, metadata, "user_id", json_object_new_string(digest_hex(hash, hex)));
	rewrite_put(r, r->out, "metadata", metadata);
}

static void
put_thinking(struct rewrite *r)
{
	if (r->choice.thinking == NULL)
		return;
	json_object *thinking = json_object_new_object();
	rewrite_put(r, thinking, "type", json_object_new_string(r->choice.thinking));
	rewrite_put(r, r->out, "thinking", thinking);
}

/* PROTOCOLS.md 3, 5. */
static const char *
effort_of(json_object *config)
{
	static const char *const efforts[][2] = {
	    {"low", "low"}, {"medium", "high"}, {"high", "high"}, {"xhigh", "high"}, {"max", "max"},
	};
	for (size_t i = 0; i < COUNT(efforts); i++)
		if (tree_is(config, "effort", efforts[i][0]))
			return efforts[i][1];
	return NULL;
}

static void
put_output_config(struct rewrite *r)
{
	static const char *const format[] = {"format", NULL};
	json_object *in = tree_get(r->in, "output_config");
	const char *effort = r->choice.effort ? effort_of(in) : NULL;
	bool has_format = r->rules->format && tree_get(in, "format") != NULL;
	if (effort == NULL && !has_format)
		return;
	json_object *config = json_object_new_object();
	if (effort != NULL)
		rewrite_put(r, config, "effort", json_object_new_string(effort));
	if (has_format)
		rewrite_copy(r, in, config, format);
	rewrite_put(r, r->out, "output_config", config);
}

static void
put_cache_control(struct rewrite *r)
{
	static const char name[] = "\"cache_control\"";
	const struct handover *h = r->handover;
	if (!r->rules->cache_control || memmem(h->body, h->body_len, name, strlen(name)) == NULL)
		return;
	json_object *mark = json_object_new_object();
	rewrite_put(r, mark, "type", json_object_new_string("ephemeral"));
	rewrite_put(r, r->out, "cache_control", mark);
}

static void
add_system(struct rewrite *r, json_object *list, json_object *block)
{
	const char *text = tree_text(block, "text");
	if (*text != '\0' && !str_starts_with(text, BILLING))
		rewrite_add(r, list, rewrite_text(r, text));
}

static void
put_system(struct rewrite *r)
{
	json_object *system = tree_get(r->in, "system");
	if (json_object_is_type(system, json_type_string)) {
		if (json_object_get_string_len(system) > 0)
			rewrite_put(r, r->out, "system", json_object_get(system));
		return;
	}
	json_object *list = json_object_new_array();
	for (size_t i = 0; i < tree_count(system); i++)
		add_system(r, list, json_object_array_get_idx(system, i));
	if (tree_count(list) > 0)
		rewrite_put(r, r->out, "system", list);
	else
		json_object_put(list);
}

/* --- Tools ---------------------------------------------------------------------------- */

static bool
has_tool_search(json_object *tools)
{
	for (size_t i = 0; i < tree_count(tools); i++)
		if (str_starts_with(tree_text(json_object_array_get_idx(tools, i), "type"),
				    "tool_search_tool"))
			return true;
	return false;
}

/* Tools that Claude knows by their type, and that the client runs: others need a full description
 * (PROTOCOLS.md 1, typed tools). */
static const struct {
	const char *type;
	const char *description;
	const char *schema;
} client_tools[] = {
    {"bash_", "Runs a command in a shell that lives on between calls.",
     "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\"},"
     "\"restart\":{\"type\":\"boolean\"}}}"},
    {"text_editor_",
     "Views and edits files. command: view, create, str_replace, insert or undo_edit.",
     "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\"},\"path\":{"
     "\"type\":\"string\"},\"view_range\":{\"type\":\"array\",\"items\":{\"type\":"
     "\"integer\"}},\"file_text\":{\"type\":\"string\"},\"old_str\":{\"type\":\"string\"},"
     "\"new_str\":{\"type\":\"string\"},\"insert_line\":{\"type\":\"integer\"},"
     "\"insert_text\":{\"type\":\"string\"}},\"required\":[\"command\",\"path\"]}"},
    {"memory_",
     "Keeps notes in files below /memories. command: view, create, str_replace, insert, delete or "
     "rename.",
     "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\"},\"path\":{"
     "\"type\":\"string\"},\"file_text\":{\"type\":\"string\"},\"old_str\":{\"type\":"
     "\"string\"},\"new_str\":{\"type\":\"string\"},\"insert_line\":{\"type\":\"integer\"},"
     "\"insert_text\":{\"type\":\"string\"},\"old_path\":{\"type\":\"string\"},"
     "\"new_path\":{\"type\":\"string\"}},\"required\":[\"command\"]}"},
};

/* NULL: the type is not one of those. */
static json_object *
client_tool(struct rewrite *r, json_object *tool)
{
	size_t i = 0;
	while (i < COUNT(client_tools) &&
	       !str_starts_with(tree_text(tool, "type"), client_tools[i].type))
		i++;
	if (i == COUNT(client_tools))
		return NULL;
	json_object *copy = json_object_new_object();
	rewrite_put(r, copy, "name", json_object_new_string(tree_text(tool, "name")));
	rewrite_put(r, copy, "description", json_object_new_string(client_tools[i].description));
	rewrite_put(r, copy, "input_schema", json_tokener_parse(client_tools[i].schema));
	return copy;
}

/* The tool in the provider's form; NULL: it accepts none such (PROTOCOLS.md 5). */
static json_object *
new_tool(struct rewrite *r, json_object *tool, bool search)
{
	static const char *const plain[] = {"name", "description", "input_schema", NULL};
	static const char *const searching[] = {
	    "type",          "name", "max_uses", "allowed_domains", "blocked_domains",
	    "user_location", NULL};
	const char *type = tree_text(tool, "type");
	bool typed = *type != '\0' && strcmp(type, "custom") != 0;
	/* Claude sees a deferred tool only after a reference or its own search; Claude Code's
	 * placeholder must never be called. */
	if (json_object_get_boolean(tree_get(tool, "defer_loading")) && !search &&
	    !rewrite_knows(r->loaded, tree_text(tool, "name")))
		return NULL;
	if (typed && !(r->rules->web_search && str_starts_with(type, "web_search_")))
		return client_tool(r, tool);
	json_object *copy = json_object_new_object();
	rewrite_copy(r, tool, copy, typed ? searching : plain);
	return copy;
}

static bool
has_tool(json_object *tools, const char *name)
{
	for (size_t i = 0; i < tree_count(tools); i++)
		if (tree_is(json_object_array_get_idx(tools, i), "name", name))
			return true;
	return false;
}

static void
put_tool_choice(struct rewrite *r, json_object *tools)
{
	json_object *in = tree_get(r->in, "tool_choice");
	const char *type = tree_text(in, "type"), *name = tree_text(in, "name");
	/* An unknown type is for Claude to reject, and a 400 elsewhere. */
	bool known = strcmp(type, "auto") == 0 || strcmp(type, "any") == 0 ||
		     strcmp(type, "none") == 0 || strcmp(type, "tool") == 0;
	if (!known)
		return;
	if (strcmp(type, "tool") == 0)
		type = has_tool(tools, name) ? r->choice.named_tool : "auto";
	json_object *choice = json_object_new_object();
	rewrite_put(r, choice, "type", json_object_new_string(type));
	if (strcmp(type, "tool") == 0)
		rewrite_put(r, choice, "name", json_object_new_string(name));
	rewrite_put(r, r->out, "tool_choice", choice);
}

static void
put_tools(struct rewrite *r)
{
	json_object *tools = tree_get(r->in, "tools");
	json_object *list = json_object_new_array();
	bool search = has_tool_search(tools);
	for (size_t i = 0; i < tree_count(tools); i++)
		rewrite_add(r, list, new_tool(r, json_object_array_get_idx(tools, i), search));
	if (tree_count(list) == 0) {
		json_object_put(list);
		return;
	}
	put_tool_choice(r, list);
	rewrite_put(r, r->out, "tools", list);
}

/* --- The body --------------------------------------------------------------------------- */

static enum thinking
asked_thinking(json_object *in)
{
	const char *type = tree_text(tree_get(in, "thinking"), "type");
	if (*type == '\0')
		return THINKING_UNSET;
	return strcmp(type, "disabled") == 0 ? THINKING_OFF : THINKING_ON;
}

/* messages before tools: references in the history introduce deferred tools. */
static void
put_all(struct rewrite *r)
{
	static void (*const steps[])(struct rewrite * r) = {
	    put_model,         put_max_tokens,    put_stops,  put_metadata,     put_thinking,
	    put_output_config, put_cache_control, put_system, rewrite_messages, put_tools,
	};
	for (size_t i = 0; i < COUNT(steps) && !r->failed; i++)
		steps[i](r);
}

enum handover_result
rewrite_request(const struct handover *handover, const struct rewrite_rules *rules, struct buf *out)
{
	struct rewrite r = {.handover = handover, .rules = rules};
	r.in = tree_read(handover->body, handover->body_len);
	r.out = json_object_new_object();
	r.loaded = json_object_new_object();
	r.failed = r.in == NULL || r.out == NULL || r.loaded == NULL;
	r.choice.model = handover->model != NULL ? handover->model : handover->message->model;
	if (!r.failed) {
		rules->choose(handover, asked_thinking(r.in), &r.choice);
		put_all(&r);
	}
	json_object *form = r.failed || rules->form == NULL ? NULL : rules->form(&r);
	/* Mostly it is about as long; where there is no room for that, it may be shorter. */
	bool reserved = buf_reserve(out, handover->body_len + handover->body_len / 8 + 4096);
	(void)reserved;
	bool written = !r.failed && tree_write(form == NULL ? r.out : form, out);
	json_object *const owned[] = {form,       r.in,     r.out,    r.partners,
				      r.searches, r.loaded, r.waiting};
	for (size_t i = 0; i < COUNT(owned); i++)
		json_object_put(owned[i]);
	return written ? HANDOVER_REWRITTEN : HANDOVER_FAILED;
}

/* A request whose only tools are run by the provider cannot be served without them; where the
 * client has others, those are left out (PROTOCOLS.md 5). */
const char *
rewrite_refuses(const struct message *message, int64_t context_tokens, bool web_search)
{
	unsigned server_tools = NEED_SERVER_TOOLS | (web_search ? 0 : NEED_WEB_SEARCH);
	if ((message->needs & NEED_CONTINUATION) != 0)
		return "thread, container or file";
	if ((message->needs & NEED_MCP_SERVERS) != 0)
		return "mcp servers";
	if ((message->needs & NEED_COMPUTER) != 0)
		return "computer use";
	if ((message->needs & server_tools) != 0 && !message->own_tools)
		return "server tools";
	if (message_tokens(message) > context_tokens)
		return "too large";
	return NULL;
}
